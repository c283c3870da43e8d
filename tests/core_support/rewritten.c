/* Asks the core about allocations while they live and afterwards. Output: one line per question. */
#define _GNU_SOURCE
#define __HIP_PLATFORM_AMD__ 1
#include <dlfcn.h>
#include <hip/hip_runtime_api.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../include/rmcp.h"

int main(void) {
    int (*is_rewritten)(const void *) = (int (*)(const void *))dlsym(RTLD_DEFAULT, "rmcp_is_rewritten");
    size_t (*get)(struct rmcp_counters *, size_t) = (size_t(*)(struct rmcp_counters *, size_t))dlsym(RTLD_DEFAULT, "rmcp_get_counters");
    if (!is_rewritten || !get)
        return 3;
    void *plain = NULL, *coherent = NULL, *other = NULL;
    if (hipHostMalloc(&plain, 65536, 0) || hipHostMalloc(&coherent, 65536, hipHostMallocCoherent) || hipMemAllocHost(&other, 65536))
        return 4;
    printf("live %d %d %d\n", is_rewritten(plain), is_rewritten(coherent), is_rewritten(other));
    struct rmcp_counters counters;
    get(&counters, sizeof counters);
    printf("counters %llu %llu %llu\n", (unsigned long long)counters.calls, (unsigned long long)counters.rewritten,
           (unsigned long long)counters.live_rewritten);
    int code = hipHostFree(plain);
    printf("freed %d %d\n", code, is_rewritten(plain));
    code = hipHostFree(plain);
    printf("freed-again %d %d\n", code != hipSuccess, is_rewritten(plain));
    get(&counters, sizeof counters);
    printf("counters %llu %llu %llu\n", (unsigned long long)counters.calls, (unsigned long long)counters.rewritten,
           (unsigned long long)counters.live_rewritten);
    code = hipFree(other);
    printf("freed-by-hipFree %d %d\n", code, is_rewritten(other));
    return 0;
}
