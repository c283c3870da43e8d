/* Calls memory functions of HIP, each as often as it says: linked, or fetched by hipGetProcAddress ("lookup"). Prints each result, without addresses. */
#define __HIP_PLATFORM_AMD__ 1
#include <hip/hip_runtime_api.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define FUNCTIONS(X)                                                                                                           \
    X(hipMalloc) X(hipFree) X(hipExtMallocWithFlags) X(hipMallocPitch) X(hipMemAllocPitch) X(hipMalloc3D)                      \
    X(hipHostMalloc) X(hipHostAlloc) X(hipMemAllocHost) X(hipMallocHost) X(hipHostFree) X(hipFreeHost)                         \
    X(hipHostRegister) X(hipHostUnregister) X(hipHostGetFlags) X(hipPointerGetAttributes) X(hipMallocManaged) X(hipMemAdvise)  \
    X(hipMallocArray) X(hipMalloc3DArray) X(hipArrayCreate) X(hipArray3DCreate) X(hipFreeArray) X(hipArrayDestroy)             \
    X(hipMallocAsync) X(hipFreeAsync) X(hipMemPoolCreate) X(hipMallocFromPoolAsync) X(hipMemPoolTrimTo)                        \
    X(hipMemPoolSetAttribute) X(hipMemPoolGetAttribute) X(hipMemPoolDestroy) X(hipMemAddressReserve) X(hipMemAddressFree)      \
    X(hipMemCreate) X(hipMemRelease) X(hipEventCreateWithFlags) X(hipStreamWriteValue32)                 \
    X(hipDeviceGetAttribute)

#define POINTER(name) static __typeof__(&name) p_##name;
FUNCTIONS(POINTER)

#define SAY(call) printf("%s %d\n", #call, (int)(p_##call))

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 1 && !strcmp(argv[1], "lookup")) {
#if HIP_VERSION >= 60200000
#define LOOK_UP(name)                                                                                                          \
    {                                                                                                                          \
        hipDriverProcAddressQueryResult status;                                                                                \
        hipError_t code = hipGetProcAddress(#name, (void **)&p_##name, HIP_VERSION, 0, &status);                               \
        if (code != hipSuccess) {                                                                                              \
            fprintf(stderr, "hipGetProcAddress(" #name ") %d\n", code);                                                        \
            return 1;                                                                                                          \
        }                                                                                                                      \
    }
        FUNCTIONS(LOOK_UP)
#else
        return 2;
#endif
    } else {
#define LINK(name) p_##name = name;
        FUNCTIONS(LINK)
    }
    void *p = NULL, *q = NULL, *h = NULL;
    hipStream_t stream = NULL;
    size_t pitch = 0;
    static char own[8192];
    unsigned flags = 0;
    int value = 0;
    uint64_t wide = 0;
    SAY(hipMalloc(&p, 4096));
    SAY(hipFree(p));
    SAY(hipExtMallocWithFlags(&p, 4096, 0));
    SAY(hipFree(p));
    SAY(hipMallocPitch(&p, &pitch, 100, 10));
    SAY(hipFree(p));
    SAY(hipMemAllocPitch((hipDeviceptr_t *)&p, &pitch, 100, 10, 4));
    SAY(hipFree(p));
    hipPitchedPtr pitched;
    SAY(hipMalloc3D(&pitched, (hipExtent){100, 10, 3}));
    SAY(hipFree(pitched.ptr));
    SAY(hipHostMalloc(&h, 4096, 0));
    SAY(hipHostGetFlags(&flags, h));
    hipPointerAttribute_t attributes;
    SAY(hipPointerGetAttributes(&attributes, (char *)h + 8));
    printf("flags %#x, of the pointer %#x\n", flags, attributes.allocationFlags);
    SAY(hipStreamWriteValue32(NULL, h, 1, 0));
    SAY(hipStreamWriteValue32(NULL, h, 2, 0));
    SAY(hipHostFree(h));
    SAY(hipHostAlloc(&h, 4096, 0));
    SAY(hipHostFree(h));
    SAY(hipMemAllocHost(&h, 4096));
    SAY(hipFreeHost(h));
    SAY(hipMallocHost(&h, 4096));
    SAY(hipFreeHost(h));
    SAY(hipHostRegister(own, sizeof own, 0));
    SAY(hipHostUnregister(own));
    SAY(hipMallocManaged(&h, 4096, hipMemAttachGlobal));
    SAY(hipMemAdvise(h, 4096, hipMemAdviseSetReadMostly, 0));
    SAY(hipFree(h));
    hipChannelFormatDesc channel = {32, 32, 0, 0, hipChannelFormatKindFloat};
    hipArray_t array = NULL;
    SAY(hipMallocArray(&array, &channel, 16, 8, 0));
    SAY(hipFreeArray(array));
    SAY(hipMalloc3DArray(&array, &channel, (hipExtent){16, 8, 4}, 0));
    SAY(hipFreeArray(array));
    HIP_ARRAY_DESCRIPTOR two = {.Width = 16, .Height = 8, .Format = HIP_AD_FORMAT_FLOAT, .NumChannels = 4};
    SAY(hipArrayCreate(&array, &two));
    SAY(hipArrayDestroy(array));
    HIP_ARRAY3D_DESCRIPTOR three = {.Width = 16, .Height = 8, .Depth = 4, .Format = HIP_AD_FORMAT_FLOAT, .NumChannels = 4};
    SAY(hipArray3DCreate(&array, &three));
    SAY(hipArrayDestroy(array));
    printf("hipStreamCreate %d\n", hipStreamCreate(&stream));
    SAY(hipMallocAsync(&q, 4096, stream));
    SAY(hipFreeAsync(q, stream));
    hipMemPool_t pool = NULL;
    hipMemPoolProps props = {.allocType = hipMemAllocationTypePinned, .location = {hipMemLocationTypeDevice, 0}};
    SAY(hipMemPoolCreate(&pool, &props));
    if (pool) {
        SAY(hipMemPoolSetAttribute(pool, hipMemPoolAttrReleaseThreshold, &wide));
        SAY(hipMemPoolGetAttribute(pool, hipMemPoolAttrUsedMemCurrent, &wide));
        SAY(hipMallocFromPoolAsync(&q, 4096, pool, stream));
        SAY(hipFreeAsync(q, stream));
        SAY(hipMemPoolTrimTo(pool, 0));
        SAY(hipMemPoolDestroy(pool));
    }
    SAY(hipMemAddressReserve(&p, 1 << 21, 0, NULL, 0));
    SAY(hipMemAddressFree(p, 1 << 21));
    hipMemGenericAllocationHandle_t handle = NULL;
    hipMemAllocationProp prop = {0};
    prop.type = hipMemAllocationTypePinned;
    prop.location.type = hipMemLocationTypeDevice;
    hipError_t created = p_hipMemCreate(&handle, 1 << 21, &prop, 0);
    printf("hipMemCreate %d\n", created);
    if (created == hipSuccess)
        SAY(hipMemRelease(handle));
    hipEvent_t event = NULL;
    SAY(hipEventCreateWithFlags(&event, 0x20000000));
    SAY(hipDeviceGetAttribute(&value, hipDeviceAttributeConcurrentManagedAccess, 0));
    printf("concurrent managed access %d\n", value);
    /* Errors are the same too. */
    SAY(hipMalloc(NULL, 4096));
    SAY(hipMallocPitch(NULL, NULL, 0, 0));
    SAY(hipFree(own));
    SAY(hipFreeAsync(NULL, NULL));
    return 0;
}
