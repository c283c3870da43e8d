/* Makes the HIP allocation calls named on the command line, one JSON line on stdout for each.
 *
 *   alloc [--fork] [--free] CALL[:FLAGS[:SIZE]]...
 *
 * CALL is the API's name, FLAGS and SIZE are C numbers (default 0 and 65536). Nothing is freed before the end, so that
 * addresses are unique and can be joined with the log of the virtual card. --fork makes the calls in a child process and
 * passes its exit code on. --free frees each host allocation at once. Exit code 0 whatever the calls return: the lines say it. */
#define __HIP_PLATFORM_AMD__ 1
#include <hip/hip_runtime_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void call(const char *spec, int release) {
    char name[64];
    snprintf(name, sizeof name, "%s", spec);
    unsigned flags = 0;
    size_t size = 65536;
    char *colon = strchr(name, ':');
    if (colon) {
        *colon++ = 0;
        flags = (unsigned)strtoul(colon, &colon, 0);
        if (*colon == ':')
            size = strtoul(colon + 1, NULL, 0);
    }
    void *pointer = NULL, *device = NULL;
    hipError_t code;
    int host = 0;
    if (!strcmp(name, "hipHostMalloc")) {
        code = hipHostMalloc(&pointer, size, flags);
        host = 1;
    } else if (!strcmp(name, "hipHostAlloc")) {
        code = hipHostAlloc(&pointer, size, flags);
    } else if (!strcmp(name, "hipMemAllocHost")) {
        code = hipMemAllocHost(&pointer, size);
        host = 1;
    } else if (!strcmp(name, "hipMallocHost")) {
        code = hipMallocHost(&pointer, size);
        host = 1;
    } else if (!strcmp(name, "hipHostRegister")) {
        if (posix_memalign(&pointer, 4096, size))
            abort();
        memset(pointer, 1, size);
        code = hipHostRegister(pointer, size, flags);
        if (code == hipSuccess)
            hipHostGetDevicePointer(&device, pointer, 0);
    } else if (!strcmp(name, "hipMalloc")) {
        code = hipMalloc(&pointer, size);
    } else if (!strcmp(name, "hipMallocManaged")) {
        code = hipMallocManaged(&pointer, size, flags ? flags : hipMemAttachGlobal);
    } else if (!strcmp(name, "hipExtMallocWithFlags")) {
        code = hipExtMallocWithFlags(&pointer, size, flags);
    } else if (!strcmp(name, "hipSetDevice")) {
        code = hipSetDevice((int)flags);
    } else {
        fprintf(stderr, "alloc: unknown call %s\n", name);
        exit(2);
    }
    if (!device)
        device = pointer;
    printf("{\"call\":\"%s\",\"flags\":%u,\"size\":%zu,\"code\":%d,\"pointer\":%llu,\"device\":%llu}\n", name, flags, size, (int)code,
           (unsigned long long)(size_t)pointer, (unsigned long long)(size_t)device);
    fflush(stdout);
    if (release && host && code == hipSuccess)
        hipHostFree(pointer);
}

int main(int argc, char **argv) {
    int release = 0;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--fork")) {
            pid_t child = fork();
            if (child > 0) {
                int status = 0;
                waitpid(child, &status, 0);
                return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
            }
        } else if (!strcmp(argv[i], "--free")) {
            release = 1;
        } else {
            call(argv[i], release);
        }
    }
    return 0;
}
