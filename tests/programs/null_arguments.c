/* Calls functions of a library, each in a child of its own, with zeros for all arguments: null_arguments LIBRARY before|after FUNCTION...
 * "after" initialises the library first. Prints what each returned, or that it was the child's end. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef int (*Function)(long, long, long, long, long, long, long, long, long, long, long, long, long, long);

static int call(void *library, const char *name, long first) {
    Function function = (Function)dlsym(library, name);
    return function ? function(first, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) : -1;
}

int main(int argc, char **argv) {
    static int count;
    setvbuf(stdout, NULL, _IOLBF, 0);
    void *library = argc > 2 ? dlopen(argv[1], RTLD_NOW) : NULL;
    if (!library)
        return 2;
    for (int i = 3; i < argc; i++) {
        pid_t child = fork();
        if (!child) {
            if (!strcmp(argv[2], "after"))
                strstr(argv[1], "hip") ? call(library, "hipGetDeviceCount", (long)&count) : call(library, "hsa_init", 0);
            printf("%s %d\n", argv[i], call(library, argv[i], 0));
            _exit(0);
        }
        int status = 0;
        waitpid(child, &status, 0);
        if (status)
            printf("%s ends the process\n", argv[i]);
    }
    return 0;
}
