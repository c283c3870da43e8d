#define _GNU_SOURCE
/* Calls into HIP that need no GPU, one line of output each; with arguments, in ways that are hard on a shim.
 *
 *   calls [plain|atexit|fork|threads|thread-exit|errno|counters] */
#define __HIP_PLATFORM_AMD__ 1
#include <dlfcn.h>
#include <errno.h>
#include <hip/hip_runtime_api.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../include/rmcp.h"

static void calls(void) {
    int version = 0, count = -1;
    void *pointer = NULL;
    hipError_t code = hipRuntimeGetVersion(&version);
    printf("hipRuntimeGetVersion %d %d\n", code, version);
    printf("hipGetErrorString %s\n", hipGetErrorString(hipErrorSharedObjectInitFailed));
    printf("hipGetErrorName %s\n", hipGetErrorName(hipErrorOutOfMemory));
    code = hipGetDeviceCount(&count);
    printf("hipGetDeviceCount %d\n", code);
    printf("hipHostMalloc %d\n", hipHostMalloc(&pointer, 4096, 0));
    printf("hipMemAllocHost %d\n", hipMemAllocHost(&pointer, 4096));
    printf("hipHostMalloc-bad %d\n", hipHostMalloc(NULL, 4096, 0xffffffff));
    printf("hipHostFree %d\n", hipHostFree(NULL));
    printf("hipHostRegister %d\n", hipHostRegister(&version, sizeof version, 0));
    printf("hipHostUnregister %d\n", hipHostUnregister(&version));
    printf("hipGetLastError %d\n", hipGetLastError());
    fflush(stdout);
}

static void *thread(void *barrier) {
    pthread_barrier_wait(barrier);
    const char *name = hipGetErrorName(hipErrorOutOfMemory);
    void *pointer = NULL;
    int code = hipHostMalloc(&pointer, 64, 0);
    return name && !strcmp(name, "hipErrorOutOfMemory") && code != hipSuccess ? NULL : barrier;
}

static void threads(void) {
    enum { COUNT = 16 };
    pthread_t thread_ids[COUNT];
    pthread_barrier_t barrier;
    int wrong = 0;
    pthread_barrier_init(&barrier, NULL, COUNT);
    for (int i = 0; i < COUNT; i++)
        if (pthread_create(&thread_ids[i], NULL, thread, &barrier))
            abort();
    for (int i = 0; i < COUNT; i++) {
        void *result;
        pthread_join(thread_ids[i], &result);
        wrong += result != NULL;
    }
    printf("wrong %d\n", wrong);
}

static void at_thread_exit(void *unused) {
    (void)unused;
    void *pointer = NULL;
    int code = hipHostMalloc(&pointer, 64, 0);
    printf("at-thread-exit %d\n", code);
    fflush(stdout);
}

static pthread_key_t key;

static void *ends_with_a_call(void *unused) {
    (void)unused;
    pthread_setspecific(key, &key);
    return NULL;
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "plain";
    if (!strcmp(what, "atexit")) {
        atexit(calls);
    } else if (!strcmp(what, "fork")) {
        calls();
        pid_t child = fork();
        if (child == 0) {
            calls();
            exit(0);
        }
        int status = -1;
        waitpid(child, &status, 0);
        printf("child %d\n", status);
    } else if (!strcmp(what, "threads")) {
        threads();
    } else if (!strcmp(what, "thread-exit")) {
        pthread_t id;
        pthread_key_create(&key, at_thread_exit);
        if (pthread_create(&id, NULL, ends_with_a_call, NULL))
            abort();
        pthread_join(id, NULL);
    } else if (!strcmp(what, "errno")) {
        errno = 4242; /* the very first call opens the library, when that is lazy */
        hipGetErrorName(hipErrorOutOfMemory);
        printf("errno %d\n", errno);
    } else if (!strcmp(what, "counters")) {
        calls();
        struct rmcp_counters counters = {0};
        size_t (*get)(struct rmcp_counters *, size_t) = (size_t(*)(struct rmcp_counters *, size_t))dlsym(RTLD_DEFAULT, "rmcp_get_counters");
        const char *(*mode)(void) = (const char *(*)(void))dlsym(RTLD_DEFAULT, "rmcp_mode");
        if (!get || !mode)
            return 3;
        size_t size = get(&counters, sizeof counters);
        printf("counters %zu %s calls=%llu rewritten=%llu failed=%llu\n", size, mode(), (unsigned long long)counters.calls,
               (unsigned long long)counters.rewritten, (unsigned long long)counters.failed_calls);
    } else {
        calls();
    }
    return 0;
}
