/* A small library with the name of HIP 6: allocates with malloc, calls itself through the PLT, hands out its own functions, and says what reached
 * it. With -DLATER it has one function more; with -DEARLIER it lacks one. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int hipHostMalloc(void **out, size_t size, unsigned flags) {
    printf("real hipHostMalloc %zu %#x\n", size, flags);
    *out = malloc(size);
    return *out ? 0 : 2;
}

int hipMemAllocHost(void **out, size_t size) { return hipHostMalloc(out, size, 0); }

int hipHostFree(void *pointer) {
    free(pointer);
    return 0;
}

#ifndef EARLIER
int hipHostRegister(void *pointer, size_t size, unsigned flags) {
    (void)pointer, (void)size, (void)flags;
    return 0;
}
#endif

#ifdef LATER
int hipNewInThisOne(void) { return 0; }
#endif

int hipGetDeviceCount(int *count) {
    puts("real hipGetDeviceCount");
    *count = 1;
    return 0;
}

int hipGetDevice(int *device) {
    *device = 0;
    return 0;
}

int hipDeviceGetPCIBusId(char *text, int length, int device) {
    snprintf(text, (size_t)length, "0000:%02x:00.0", device + 3);
    return 0;
}

int hipRuntimeGetVersion(int *version) {
    *version = 60443484;
    return 0;
}

const char *hipGetErrorName(int code) { return code ? "some" : "none"; }

int hipGetProcAddress(const char *symbol, void **out, int version, uint64_t flags, int *status) {
    (void)version, (void)flags;
    *out = NULL;
    if (!strcmp(symbol, "hipHostMalloc"))
        *out = (void *)hipHostMalloc;
    if (!strcmp(symbol, "hipGetErrorName"))
        *out = (void *)hipGetErrorName;
    if (status)
        *status = *out ? 0 : 1;
    return *out ? 0 : 500;
}

int hipGetDriverEntryPoint(const char *symbol, void **out, unsigned long long flags, int *status) {
    return hipGetProcAddress(symbol, out, 0, flags, status);
}
