/* Whether libraries work, without a card: probe TREE LIBRARY... opens each by its path and calls one function of it that a broken library or front answers otherwise.
 * Prints a line for each, and one for each of AMD's libraries that came from outside of TREE. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static void print_foreign(const char *tree) {
    static const char *const names[] = {"/libamdhip64", "/libhsa-runtime64", "/rmcp-real-"};
    char line[8192];
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps)) {
        const char *path = strchr(line, '/');
        for (int i = 0; path && i < 3; i++)
            if (strstr(path, names[i]) && strncmp(path, tree, strlen(tree)) && strstr(line, "r-xp"))
                printf("outside: %s", path);
    }
    if (maps)
        fclose(maps);
}

int main(int argc, char **argv) {
    for (int i = 2; i < argc; i++) {
        void *library = dlopen(argv[i], RTLD_NOW | RTLD_LOCAL);
        if (!library) {
            printf("%s\n", dlerror());
            return 1;
        }
        int (*version)(int *) = (int (*)(int *))dlsym(library, "hipRuntimeGetVersion");
        int (*init)(void) = (int (*)(void))dlsym(library, "hsa_init");
        int number = 0;
        if (version) {
            int code = version(&number);
            printf("hipRuntimeGetVersion %d %d\n", code, number);
        } else if (init) {
            printf("hsa_init %#x\n", init());
        } else {
            printf("neither HIP nor HSA\n");
        }
    }
    if (argc > 1)
        print_foreign(argv[1]);
    return 0;
}
