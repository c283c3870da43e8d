/* Sixteen threads that start together allocate and free host memory, 25 times each. */
#define __HIP_PLATFORM_AMD__ 1
#include <hip/hip_runtime_api.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS = 16, TIMES = 25 };

static pthread_barrier_t barrier;

static void *thread(void *failed) {
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < TIMES; i++) {
        void *pointer = NULL;
        if (hipHostMalloc(&pointer, 65536, 0) != hipSuccess || hipHostFree(pointer) != hipSuccess)
            return failed;
    }
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    int failed = 0;
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, thread, &failed))
            abort();
    for (int i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        failed += result != NULL;
    }
    return failed;
}
