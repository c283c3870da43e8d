#define _GNU_SOURCE
/* Opens HIP as a plugin does, privately, and calls through pointers. */
#include <dlfcn.h>
#include <stdio.h>

int main(void) {
    void *hip = dlopen("libamdhip64.so.5", RTLD_NOW | RTLD_LOCAL);
    if (!hip) {
        printf("dlopen %s\n", dlerror());
        return 2;
    }
    int (*version)(int *) = (int (*)(int *))dlsym(hip, "hipRuntimeGetVersion");
    int (*allocate)(void **, unsigned long, unsigned) = (int (*)(void **, unsigned long, unsigned))dlvsym(hip, "hipHostMalloc", "hip_4.2");
    int value = 0;
    void *pointer = 0;
    int code = version(&value);
    printf("version %d %d\nallocate %d\n", code, value, allocate(&pointer, 64, 0));
    Dl_info info;
    printf("from %s\n", dladdr((void *)allocate, &info) ? info.dli_fname : "nowhere");
    printf("global %d\n", dlsym(RTLD_DEFAULT, "hipRuntimeGetVersion") != 0);
    return dlclose(hip);
}
