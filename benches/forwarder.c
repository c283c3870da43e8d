/* The usual alternative to a front: an LD_PRELOAD library that finds the next definition and forwards to it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>

const char *hipGetErrorString(int code) {
    static const char *(*next)(int);
    if (!next)
        next = (const char *(*)(int))dlsym(RTLD_NEXT, "hipGetErrorString");
    return next(code);
}

int hipHostMalloc(void **pointer, size_t size, unsigned flags) {
    static int (*next)(void **, size_t, unsigned);
    if (!next)
        next = (int (*)(void **, size_t, unsigned))dlsym(RTLD_NEXT, "hipHostMalloc");
    return next(pointer, size, flags);
}
