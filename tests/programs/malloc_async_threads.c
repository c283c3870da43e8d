/* Stream-ordered memory in several threads, each with a stream of its own: takes, fills, reads back, compares and gives back. Exit code 1 and the thread's
 * first wrong step on stderr if a call fails or data is wrong. Streams stay: HIP 5.2.3 never returns from hipStreamDestroy after hipFreeAsync. */
#define __HIP_PLATFORM_AMD__ 1
#include <hip/hip_runtime_api.h>
#include <pthread.h>
#include <stdio.h>

enum { THREADS = 6, ROUNDS = 20, MOST = 1 << 16 };
static unsigned char data[THREADS][MOST];
static hipStream_t streams[THREADS];

static void *work(void *argument) {
    int me = (int)(size_t)argument;
    for (int round = 0; round < ROUNDS; round++) {
        void *block = NULL;
        size_t size = (size_t)4096 << (round + me) % 5;
        unsigned char fill = (unsigned char)(me * ROUNDS + round + 1);
        int codes[] = {hipMallocAsync(&block, size, streams[me]), hipMemsetAsync(block, fill, size, streams[me]),
                       hipMemcpyAsync(data[me], block, size, hipMemcpyDeviceToHost, streams[me]), hipFreeAsync(block, streams[me]),
                       hipStreamSynchronize(streams[me])};
        for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
            if (codes[i]) {
                fprintf(stderr, "thread %d, round %d, step %zu: %d\n", me, round, i, codes[i]);
                return argument ? argument : (void *)THREADS;
            }
        for (size_t i = 0; i < size; i++)
            if (data[me][i] != fill) {
                fprintf(stderr, "thread %d, round %d: byte %zu is %d, not %d\n", me, round, i, data[me][i], fill);
                return argument ? argument : (void *)THREADS;
            }
    }
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    int wrong = 0;
    for (int i = 0; i < THREADS; i++)
        wrong |= hipStreamCreate(&streams[i]) != hipSuccess;
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, (void *)(size_t)i);
    for (int i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        wrong |= result != NULL;
    }
    return wrong;
}
