/* Allocates from every HSA memory pool that can be allocated from, once with each allocation flag named on the command line (C numbers, default 0), and pins
 * memory with hsa_amd_memory_lock. One JSON line on stdout for each call; nothing is freed, so that addresses can be joined with the virtual card's log. Exit
 * code 0 whatever the calls return: the lines say it. */
#include <hsa/hsa.h>
#include <hsa/hsa_ext_amd.h>

#include <stdio.h>
#include <stdlib.h>

enum { SIZE = 65536, MOST = 16 };

static uint32_t flags[MOST];
static int flag_count;
static hsa_agent_t gpu;

static hsa_status_t pool(hsa_amd_memory_pool_t pool, void *agent_type) {
    bool allowed = false;
    uint32_t kind = 0;
    hsa_amd_segment_t segment;
    hsa_amd_memory_pool_get_info(pool, HSA_AMD_MEMORY_POOL_INFO_RUNTIME_ALLOC_ALLOWED, &allowed);
    hsa_amd_memory_pool_get_info(pool, HSA_AMD_MEMORY_POOL_INFO_SEGMENT, &segment);
    if (!allowed || segment != HSA_AMD_SEGMENT_GLOBAL) return HSA_STATUS_SUCCESS;
    hsa_amd_memory_pool_get_info(pool, HSA_AMD_MEMORY_POOL_INFO_GLOBAL_FLAGS, &kind);
    for (int i = 0; i < flag_count; i++) {
        void *pointer = NULL;
        hsa_status_t code = hsa_amd_memory_pool_allocate(pool, SIZE, flags[i], &pointer);
        printf("{\"agent\":\"%s\",\"global_flags\":%u,\"flags\":%u,\"code\":%d,\"pointer\":%llu}\n", (const char *)agent_type, kind, flags[i], (int)code,
               (unsigned long long)(size_t)pointer);
    }
    return HSA_STATUS_SUCCESS;
}

static hsa_status_t agent(hsa_agent_t agent, void *unused) {
    (void)unused;
    hsa_device_type_t type;
    hsa_agent_get_info(agent, HSA_AGENT_INFO_DEVICE, &type);
    if (type == HSA_DEVICE_TYPE_GPU) gpu = agent;
    return hsa_amd_agent_iterate_memory_pools(agent, pool, type == HSA_DEVICE_TYPE_GPU ? "gpu" : "cpu");
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc && flag_count < MOST; i++) flags[flag_count++] = (uint32_t)strtoul(argv[i], NULL, 0);
    if (!flag_count) flags[flag_count++] = 0;
    if (hsa_init() != HSA_STATUS_SUCCESS || hsa_iterate_agents(agent, NULL) != HSA_STATUS_SUCCESS) {
        fprintf(stderr, "pools: HSA does not start\n");
        return 2;
    }
    void *host = aligned_alloc(4096, SIZE), *device = NULL;
    hsa_status_t code = hsa_amd_memory_lock(host, SIZE, &gpu, 1, &device);
    printf("{\"agent\":\"lock\",\"global_flags\":0,\"flags\":0,\"code\":%d,\"pointer\":%llu}\n", (int)code, (unsigned long long)(size_t)device);
    fflush(stdout);
    hsa_shut_down();
    return 0;
}
