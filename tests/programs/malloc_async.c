/* Stream-ordered memory: several streams, reuse, pools and their attributes, wrong arguments. Prints codes, data and what pools say; no addresses. */
#define __HIP_PLATFORM_AMD__ 1
#include <hip/hip_runtime_api.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static unsigned long long ask(hipMemPool_t pool, hipMemPoolAttr attribute) {
    uint64_t value = 0;
    hipError_t code = hipMemPoolGetAttribute(pool, attribute, &value);
    return code == hipSuccess ? value : ~0ull;
}

static void used(const char *when, hipMemPool_t pool) {
    printf("%s: used %llu, high %llu\n", when, ask(pool, hipMemPoolAttrUsedMemCurrent), ask(pool, hipMemPoolAttrUsedMemHigh));
}

static int round_trip(void *device, unsigned char fill, size_t size, hipStream_t stream) {
    static unsigned char host[1 << 16];
    memset(host, 0, sizeof host);
    int code = hipMemsetAsync(device, fill, size, stream);
    code |= hipMemcpyAsync(host, device, size, hipMemcpyDeviceToHost, stream);
    code |= hipStreamSynchronize(stream);
    for (size_t i = 0; i < size; i++)
        if (host[i] != fill)
            return 1000 + code;
    return code;
}

int main(void) {
    hipStream_t streams[3];
    void *blocks[3] = {0}, *p = NULL;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 0; i < 3; i++)
        printf("stream %d\n", hipStreamCreate(&streams[i]));
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 3; i++)
            printf("malloc %d\n", hipMallocAsync(&blocks[i], 1 << 16, streams[i]));
        for (int i = 0; i < 3; i++)
            printf("data %d\n", round_trip(blocks[i], 16 * round + i, 1 << 16, streams[i]));
        for (int i = 0; i < 3; i++)
            printf("free %d\n", hipFreeAsync(blocks[i], streams[i]));
    }
    for (int i = 0; i < 3; i++)
        printf("synchronize %d\n", hipStreamSynchronize(streams[i]));
    /* Freed by the other function, and memory of the other one freed here. */
    printf("malloc %d\n", hipMallocAsync(&p, 4096, streams[0]));
    printf("free %d\n", hipFree(p));
    printf("malloc %d\n", hipMalloc(&p, 4096));
    printf("free %d\n", hipFreeAsync(p, streams[0]));
    printf("nothing %d\n", hipMallocAsync(&p, 0, streams[0]));
    printf("null %d\n", p == NULL);
    printf("no place %d\n", hipMallocAsync(NULL, 4096, streams[0]));
    printf("no memory %d\n", hipFreeAsync(NULL, streams[0]));
    printf("too much %d\n", hipMallocAsync(&p, (size_t)1 << 45, streams[0]));

    hipMemPool_t pool = NULL;
    hipMemPoolProps props = {.allocType = hipMemAllocationTypePinned, .location = {hipMemLocationTypeDevice, 0}};
    printf("pool %d\n", hipMemPoolCreate(&pool, &props));
    used("new", pool);
    printf("from pool %d\n", hipMallocFromPoolAsync(&blocks[0], 1 << 16, pool, streams[0]));
    printf("from pool %d\n", hipMallocFromPoolAsync(&blocks[1], 1 << 16, pool, streams[1]));
    used("two", pool);
    printf("data %d\n", round_trip(blocks[0], 0x5a, 1 << 16, streams[0]));
    printf("data %d\n", round_trip(blocks[1], 0xa5, 1 << 16, streams[1]));
    printf("free %d\n", hipFreeAsync(blocks[0], streams[0]));
    printf("synchronize %d\n", hipStreamSynchronize(streams[0]));
    used("one", pool);
    printf("free %d\n", hipFreeAsync(blocks[1], streams[1]));
    printf("synchronize %d\n", hipStreamSynchronize(streams[1]));
    used("none", pool);
    printf("no pool %d\n", hipMallocFromPoolAsync(&p, 4096, NULL, streams[0]));
    printf("destroy %d\n", hipMemPoolDestroy(pool));

    /* A capture of another stream goes on while memory is taken and given back. */
    hipGraph_t graph = NULL;
    printf("capture %d\n", hipStreamBeginCapture(streams[1], hipStreamCaptureModeGlobal));
    printf("malloc %d\n", hipMallocAsync(&p, 4096, streams[0]));
    printf("free %d\n", hipFreeAsync(p, streams[0]));
    printf("end %d\n", hipStreamEndCapture(streams[1], &graph));
    printf("graph %d\n", graph != NULL);
    return 0;
}
