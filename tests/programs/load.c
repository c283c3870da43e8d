/* Opens libraries as Python does, and calls the last one.
 *
 *   load LIBRARY... -- ARGUMENT...
 *
 * Each library is opened with RTLD_NOW | RTLD_GLOBAL, as rocm_sdk opens AMD's before torch comes. The last one has alloc_main: alloc.c as a library. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
    void *library = NULL;
    int i = 1;
    for (; i < argc && strcmp(argv[i], "--"); i++) {
        library = dlopen(argv[i], RTLD_NOW | RTLD_GLOBAL);
        if (!library) {
            fprintf(stderr, "load: %s\n", dlerror());
            return 3;
        }
    }
    int (*alloc_main)(int, char **) = library ? (int (*)(int, char **))dlsym(library, "alloc_main") : NULL;
    if (!alloc_main) {
        fprintf(stderr, "load: no alloc_main\n");
        return 3;
    }
    return alloc_main(argc - i, argv + i);
}
