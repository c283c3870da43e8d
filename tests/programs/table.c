/* Makes every kind of memory request of HIP and HSA once, one JSON line on stdout for each; `cargo xtask table` compares what of it reached the kernel driver.
 *
 * --stream-ordered: also on a stream, for which HIP runs kernels. The calls are those of the headers that it is compiled with. Nothing is freed before the end, so that addresses are unique. */
#define __HIP_PLATFORM_AMD__ 1
#include <hip/hip_runtime_api.h>
#include <hsa/hsa.h>
#include <hsa/hsa_ext_amd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE 65536

static void line(const char *call, const char *what, unsigned flags, long code, const void *pointer, const void *device) {
    printf("{\"call\":\"%s\",\"what\":\"%s\",\"flags\":%u,\"size\":%d,\"code\":%ld,\"pointer\":%llu,\"device\":%llu}\n", call, what, flags, SIZE,
           code, (unsigned long long)(size_t)pointer, (unsigned long long)(size_t)(device ? device : pointer));
    fflush(stdout);
}

#define HIP(name, flags, ...)                                                                                                  \
    do {                                                                                                                       \
        void *p = NULL;                                                                                                        \
        hipError_t code = name(__VA_ARGS__);                                                                                   \
        line(#name, "", flags, code, code == hipSuccess ? p : NULL, NULL);                                                     \
    } while (0)

static void *pages(void) {
    void *pointer = NULL;
    if (posix_memalign(&pointer, 4096, SIZE))
        abort();
    memset(pointer, 1, SIZE);
    return pointer;
}

static void hip(int stream_ordered) {
    HIP(hipMalloc, 0, &p, SIZE);
    size_t pitch;
    HIP(hipMallocPitch, 0, &p, &pitch, 256, SIZE / 256);
    static const unsigned ext[] = {0, 1, 3, 4};
    for (size_t i = 0; i < sizeof ext / sizeof *ext; i++)
        HIP(hipExtMallocWithFlags, ext[i], &p, SIZE, ext[i]);
    HIP(hipExtMallocWithFlags, 2, &p, 8, 2);
    static const unsigned host[] = {0,          1,          2,          3,          4,          5,          0x10000000, 0x20000000,
                                    0x40000000, 0x40000001, 0x40000002, 0x80000000, 0x80000002, 0xa0000000, 0xc0000000};
    for (size_t i = 0; i < sizeof host / sizeof *host; i++)
        HIP(hipHostMalloc, host[i], &p, SIZE, host[i]);
    static const unsigned alloc[] = {0, 1, 2, 3, 4, 8};
    for (size_t i = 0; i < sizeof alloc / sizeof *alloc; i++)
        HIP(hipHostAlloc, alloc[i], &p, SIZE, alloc[i]);
    HIP(hipMemAllocHost, 0, &p, SIZE);
    HIP(hipMallocHost, 0, &p, SIZE);
    HIP(hipMallocManaged, 1, &p, SIZE, 1);
    HIP(hipMallocManaged, 2, &p, SIZE, 2);
    static const unsigned lock[] = {0, 1, 2, 3, 8, 0x80000000};
    for (size_t i = 0; i < sizeof lock / sizeof *lock; i++) {
        void *memory = pages(), *device = NULL;
        hipError_t code = hipHostRegister(memory, SIZE, lock[i]);
        if (code == hipSuccess)
            hipHostGetDevicePointer(&device, memory, 0);
        line("hipHostRegister", "", lock[i], code, code == hipSuccess ? memory : NULL, device);
    }
    hipStream_t stream; /* HIP 5.2.3 does not survive hipMallocAsync on the null stream. */
    if (stream_ordered && hipStreamCreate(&stream) == hipSuccess)
        HIP(hipMallocAsync, 0, &p, SIZE, stream);
}

struct found {
    hsa_device_type_t wanted;
    hsa_agent_t agent;
};

static hsa_status_t first_of_kind(hsa_agent_t agent, void *data) {
    struct found *found = data;
    hsa_device_type_t kind;
    if (hsa_agent_get_info(agent, HSA_AGENT_INFO_DEVICE, &kind) != HSA_STATUS_SUCCESS || kind != found->wanted)
        return HSA_STATUS_SUCCESS;
    found->agent = agent;
    return HSA_STATUS_INFO_BREAK;
}

/* Allocates from a pool with each flag that an allocation can have; a runtime that does not know one says so or ignores it. */
static hsa_status_t each_flag(hsa_amd_memory_pool_t pool, void *data) {
    hsa_amd_segment_t segment;
    uint32_t global = 0;
    hsa_amd_memory_pool_get_info(pool, HSA_AMD_MEMORY_POOL_INFO_SEGMENT, &segment);
    if (segment != HSA_AMD_SEGMENT_GLOBAL)
        return HSA_STATUS_SUCCESS;
    hsa_amd_memory_pool_get_info(pool, HSA_AMD_MEMORY_POOL_INFO_GLOBAL_FLAGS, &global);
    const char *grain = global & 1 ? "kernarg" : global & 8 ? "extended" : global & 2 ? "fine" : "coarse";
    char what[32];
    snprintf(what, sizeof what, "%s %s", (const char *)data, grain);
    static const unsigned flags[] = {0, 1, 4, 8};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        void *pointer = NULL;
        hsa_status_t status = hsa_amd_memory_pool_allocate(pool, SIZE, flags[i], &pointer);
        line("hsa_amd_memory_pool_allocate", what, flags[i], status, status == HSA_STATUS_SUCCESS ? pointer : NULL, NULL);
    }
    if (!strcmp(data, "cpu") && global == 2) {
        void *memory = pages(), *device = NULL;
        hsa_status_t status = hsa_amd_memory_lock_to_pool(memory, SIZE, NULL, 0, pool, 0, &device);
        line("hsa_amd_memory_lock_to_pool", what, 0, status, status == HSA_STATUS_SUCCESS ? memory : NULL, device);
    }
    return HSA_STATUS_SUCCESS;
}

static void hsa(void) {
    struct found cpu = {HSA_DEVICE_TYPE_CPU, {0}}, gpu = {HSA_DEVICE_TYPE_GPU, {0}};
    hsa_init();
    hsa_iterate_agents(first_of_kind, &cpu);
    hsa_iterate_agents(first_of_kind, &gpu);
    hsa_amd_agent_iterate_memory_pools(cpu.agent, each_flag, "cpu");
    hsa_amd_agent_iterate_memory_pools(gpu.agent, each_flag, "gpu");
    void *memory = pages(), *device = NULL;
    hsa_status_t status = hsa_amd_memory_lock(memory, SIZE, NULL, 0, &device);
    line("hsa_amd_memory_lock", "", 0, status, status == HSA_STATUS_SUCCESS ? memory : NULL, device);
}

/* The program ends without tearing anything down: this is about what was allocated, and how. */
int main(int argc, char **argv) {
    hip(argc > 1 && !strcmp(argv[1], "--stream-ordered"));
    hsa();
    return 0;
}
