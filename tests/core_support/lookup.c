/* Allocates in every way that a library with the name of HIP 6 offers, and says what it got. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>

#include "../../include/rmcp.h"

int hipHostMalloc(void **, size_t, unsigned);
int hipMemAllocHost(void **, size_t);
int hipHostFree(void *);
int hipHostRegister(void *, size_t, unsigned);
const char *hipGetErrorName(int);
int hipGetProcAddress(const char *, void **, int, uint64_t, int *);
int hipGetDriverEntryPoint(const char *, void **, unsigned long long, int *);

static size_t (*get)(struct rmcp_counters *, size_t);

static void counted(const char *what, int code) {
    struct rmcp_counters counters = {0};
    if (get)
        get(&counters, sizeof counters);
    printf("%s %d calls=%llu failed=%llu\n", what, code, (unsigned long long)counters.calls, (unsigned long long)counters.failed_calls);
}

int main(void) {
    void *pointer = NULL, *function = NULL;
    int status = -1;
    get = (size_t(*)(struct rmcp_counters *, size_t))dlsym(RTLD_DEFAULT, "rmcp_get_counters");
    setvbuf(stdout, NULL, _IOLBF, 0);
    counted("direct", hipHostMalloc(&pointer, 100, 0));
    hipHostFree(pointer);
    counted("nested", hipMemAllocHost(&pointer, 101));
    hipHostFree(pointer);
    int code = hipGetProcAddress("hipHostMalloc", &function, 60400000, 0, &status);
    counted("proc", code || status ? code : ((int (*)(void **, size_t, unsigned))function)(&pointer, 102, 2));
    hipHostFree(pointer);
    code = hipGetDriverEntryPoint("hipHostMalloc", &function, 0, &status);
    counted("entry", code || status ? code : ((int (*)(void **, size_t, unsigned))function)(&pointer, 103, 4));
    hipHostFree(pointer);
    code = hipGetProcAddress("hipGetErrorName", &function, 60400000, 0, &status);
    printf("unhooked %d %s\n", code, ((const char *(*)(int))function)(0));
    printf("absent %d\n", hipGetProcAddress("hipNoSuchThing", &function, 60400000, 0, NULL));
    counted("register", hipHostRegister(&pointer, sizeof pointer, 0));
    printf("name %s\n", hipGetErrorName(1));
    return 0;
}
