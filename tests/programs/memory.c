// What programs do with memory besides allocating it: copies of sizes around the runtime's thresholds, memset, stream-ordered allocation, managed memory and
// the virtual memory API. Each part is a word on the command line; without one all run. A line for each check, with the FNV-1a hash of the bytes of a copy; exit
// code 1 if one is wrong.
#define __HIP_PLATFORM_AMD__
#include <hip/hip_runtime_api.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int wrong = 0;

static void report(const char *what, int right) {
    printf("%s: %s\n", what, right ? "right" : "WRONG");
    fflush(stdout);
    wrong |= !right;
}

static void report_bytes(const char *what, int right, const unsigned char *bytes, size_t size) {
    unsigned long long hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < size; i++) hash = (hash ^ bytes[i]) * 0x100000001b3;
    char line[140];
    snprintf(line, sizeof line, "%s (%016llx)", what, hash);
    report(line, right);
}

// An error is a wrong result: the rest of the part would say nothing.
static int ok(const char *what, hipError_t code) {
    if (code == hipSuccess) return 1;
    printf("%s: WRONG, %s\n", what, hipGetErrorName(code));
    fflush(stdout);
    wrong = 1;
    return 0;
}
#define OK(call) ok(#call, call)

static void fill(unsigned char *bytes, size_t size, unsigned seed) {
    for (size_t i = 0; i < size; i++) bytes[i] = (unsigned char)((i * 2654435761u + seed) >> 13);
}

// 16384 bytes are the largest copy that HIP 6.4 and later leave to a kernel.
static const size_t SIZES[] = {4096, 16384, 16385, 1 << 20, (8 << 20) + 1234};

static void copies(int pinned) {
    for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++) {
        size_t size = SIZES[i];
        unsigned char *from, *back, *device, *other;
        if (pinned) {
            if (!OK(hipHostMalloc((void **)&from, size, 0)) || !OK(hipHostMalloc((void **)&back, size, 0))) return;
        } else {
            from = malloc(size), back = malloc(size);
        }
        if (!OK(hipMalloc((void **)&device, size)) || !OK(hipMalloc((void **)&other, size))) return;
        fill(from, size, i);
        memset(back, 0, size);
        char what[100];
        int done = OK(hipMemcpy(device, from, size, hipMemcpyHostToDevice)) &&
                   OK(hipMemcpy(other, device, size, hipMemcpyDeviceToDevice)) &&
                   OK(hipMemcpy(back, other, size, hipMemcpyDeviceToHost));
        snprintf(what, sizeof what, "%s copies of %zu bytes", pinned ? "pinned" : "pageable", size);
        report_bytes(what, done && !memcmp(from, back, size), back, size);
        memset(back, 0, size);
        done = OK(hipMemcpy(back, from, size, hipMemcpyHostToHost));
        snprintf(what, sizeof what, "%s copy of %zu bytes within the host", pinned ? "pinned" : "pageable", size);
        report_bytes(what, done && !memcmp(from, back, size), back, size);
        done = OK(hipMemset(device, 0xa5, size)) && OK(hipMemcpy(back, device, size, hipMemcpyDeviceToHost));
        for (size_t at = 0; at < size; at++) done &= back[at] == 0xa5;
        snprintf(what, sizeof what, "memset of %zu bytes", size);
        report_bytes(what, done, back, size);
        OK(hipFree(device)), OK(hipFree(other));
        if (pinned) OK(hipHostFree(from)), OK(hipHostFree(back));
        else free(from), free(back);
    }
}

// Memory that `device` addresses holds what is written to it.
static int holds(void *device, size_t size) {
    unsigned char *from = malloc(size), *back = calloc(size, 1);
    fill(from, size, 7);
    int done = OK(hipMemcpy(device, from, size, hipMemcpyHostToDevice)) && OK(hipMemcpy(back, device, size, hipMemcpyDeviceToHost)) &&
               !memcmp(from, back, size);
    free(from), free(back);
    return done;
}

static void pool(void) {
    size_t size = (1 << 20) + 4096;
    hipStream_t stream;
    void *memory;
    if (!OK(hipStreamCreate(&stream)) || !OK(hipMallocAsync(&memory, size, stream))) return;
    int done = OK(hipMemsetAsync(memory, 1, size, stream)) && OK(hipStreamSynchronize(stream)) && holds(memory, size);
    report("stream-ordered memory", done);
    // The stream stays: HIP 5.2.3 never returns from hipStreamDestroy after hipFreeAsync.
    if (OK(hipFreeAsync(memory, stream))) OK(hipStreamSynchronize(stream));
}

static void managed(void) {
    size_t size = 1 << 20;
    unsigned char *memory;
    if (!OK(hipMallocManaged((void **)&memory, size, hipMemAttachGlobal))) return;
    memory[5] = 9;
    int done = OK(hipMemset(memory, 3, size)) && OK(hipDeviceSynchronize());
    report("managed memory", done && memory[5] == 3 && memory[size - 1] == 3);
    OK(hipFree(memory));
}

static void registered(void) {
    size_t size = 1 << 20;
    unsigned char *memory = aligned_alloc(4096, size);
    void *device;
    memset(memory, 0, size);
    if (!OK(hipHostRegister(memory, size, 0))) return;
    int done = OK(hipHostGetDevicePointer(&device, memory, 0)) && OK(hipMemset(device, 4, size)) && OK(hipDeviceSynchronize());
    report("registered memory", done && memory[0] == 4 && memory[size - 1] == 4);
    OK(hipHostUnregister(memory));
    free(memory);
}

static void virtual_memory(void) {
    int supported = 0;
#if HIP_VERSION >= 60000000
    OK(hipDeviceGetAttribute(&supported, hipDeviceAttributeVirtualMemoryManagementSupported, 0));
#endif
    if (!supported) {
        printf("virtual memory: not in this runtime\n");
        return;
    }
    hipMemAllocationProp properties = {0};
    properties.type = hipMemAllocationTypePinned;
    properties.location.type = hipMemLocationTypeDevice;
    properties.location.id = 0;
    size_t step = 0;
    if (!OK(hipMemGetAllocationGranularity(&step, &properties, hipMemAllocationGranularityMinimum))) return;
    size_t size = step > (1 << 20) ? step : 1 << 20;
    hipMemGenericAllocationHandle_t handle;
    void *address = NULL;
    hipMemAccessDesc access = {.location = properties.location, .flags = hipMemAccessFlagsProtReadWrite};
    if (!OK(hipMemCreate(&handle, size, &properties, 0)) || !OK(hipMemAddressReserve(&address, 2 * size, 0, NULL, 0))) return;
    // Mapped twice: both places show the same memory.
    void *second = (char *)address + size;
    int done = OK(hipMemMap(address, size, 0, handle, 0)) && OK(hipMemSetAccess(address, size, &access, 1)) && holds(address, size);
    report("mapped memory", done);
    done = OK(hipMemUnmap(address, size)) && OK(hipMemMap(second, size, 0, handle, 0)) && OK(hipMemSetAccess(second, size, &access, 1)) && holds(second, size);
    report("the same memory elsewhere", done);
    OK(hipMemUnmap(second, size)), OK(hipMemRelease(handle)), OK(hipMemAddressFree(address, 2 * size));
}

int main(int argc, char **argv) {
    static const char *const PARTS[] = {"pageable", "pinned", "pool", "managed", "registered", "virtual"};
    for (size_t i = 0; i < sizeof PARTS / sizeof *PARTS; i++) {
        int asked = argc < 2;
        for (int at = 1; at < argc; at++) asked |= !strcmp(argv[at], PARTS[i]);
        if (!asked) continue;
        switch (i) {
        case 0: copies(0); break;
        case 1: copies(1); break;
        case 2: pool(); break;
        case 3: managed(); break;
        case 4: registered(); break;
        case 5: virtual_memory(); break;
        }
    }
    return wrong;
}
