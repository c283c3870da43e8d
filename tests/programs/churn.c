/* Allocates and frees from several threads, and ends in one of several ways; one JSON line on stdout says how many calls were made.
 *
 *   churn THREADS MILLISECONDS SIZE [return|exit|thread|fork|wait]
 *
 * Each thread allocates SIZE bytes of host and of device memory and frees both, until the time is over. The ways to end: return from main; exit() while other
 * threads are still there; exit() called by another thread than the first; fork without exec, both processes churn and the child ends by
 * _exit; wait: print the line, leave one allocation live, and wait for a signal. */
#define _GNU_SOURCE
#define __HIP_PLATFORM_AMD__ 1
#include <hip/hip_runtime_api.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static atomic_ulong allocations, frees;
static size_t size;
static double until;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

static void must(hipError_t code, const char *what) {
    if (code != hipSuccess) {
        fprintf(stderr, "churn: %s: error %d\n", what, (int)code);
        _exit(1);
    }
}

static void *churn(void *unused) {
    (void)unused;
    while (now() < until) {
        void *host = NULL, *device = NULL;
        must(hipHostMalloc(&host, size, 0), "hipHostMalloc");
        must(hipMalloc(&device, size), "hipMalloc");
        allocations += 2;
        must(hipHostFree(host), "hipHostFree");
        must(hipFree(device), "hipFree");
        frees += 2;
    }
    return NULL;
}

static void all(int threads, int milliseconds) {
    pthread_t *thread = calloc((size_t)threads, sizeof *thread);
    until = now() + milliseconds * 1e-3;
    for (int i = 0; i < threads; i++)
        pthread_create(&thread[i], NULL, churn, NULL);
    for (int i = 0; i < threads; i++)
        pthread_join(thread[i], NULL);
    free(thread);
}

static void say(void) {
    printf("{\"pid\":%d,\"allocations\":%lu,\"frees\":%lu}\n", (int)getpid(), allocations, frees);
    fflush(stdout);
}

static void *leave(void *unused) {
    (void)unused;
    exit(0);
}

static void *idle(void *unused) {
    (void)unused;
    for (;;)
        pause();
    return NULL;
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: churn THREADS MILLISECONDS SIZE [return|exit|thread|fork|wait]\n");
        return 2;
    }
    int threads = atoi(argv[1]), milliseconds = atoi(argv[2]);
    size = strtoul(argv[3], NULL, 0);
    const char *end = argc > 4 ? argv[4] : "return";
    pthread_t other;
    if (!strcmp(end, "fork")) {
        pid_t child = fork();
        all(threads, milliseconds);
        say();
        if (child == 0)
            _exit(0);
        int status = 0;
        waitpid(child, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
    }
    all(threads, milliseconds);
    if (!strcmp(end, "wait")) {
        void *live = NULL;
        must(hipHostMalloc(&live, size, 0), "hipHostMalloc");
        allocations++;
        say();
        idle(NULL);
    }
    say();
    if (!strcmp(end, "exit")) {
        pthread_create(&other, NULL, idle, NULL);
        exit(0);
    }
    if (!strcmp(end, "thread")) {
        pthread_create(&other, NULL, leave, NULL);
        idle(NULL);
    }
    return 0;
}
