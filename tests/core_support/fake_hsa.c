/* A small library with the name of ROCr and the pools of ROCr 6.4, one CPU and one GPU agent; says which lock function was called. With -DOLD the CPU
 * has no extended-scope pool (ROCr 5.2), with -DAPU no coarse-grained one. GPU_LOCATION is the card's bus, device and function. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
    uint64_t handle;
} handle_t;
typedef int (*visit_t)(handle_t, void *);

int hsa_init(void) { return 0; }

int hsa_iterate_agents(visit_t visit, void *data) {
    for (uint64_t agent = 1; agent <= 2; agent++) {
        int status = visit((handle_t){agent}, data);
        if (status)
            return status;
    }
    return 0;
}

int hsa_agent_get_info(handle_t agent, uint32_t attribute, void *value) {
    switch (attribute) {
    case 17:
        *(uint32_t *)value = agent.handle == 2;
        return 0;
    case 0xA006:
        *(uint32_t *)value = agent.handle == 2 ? (uint32_t)strtoul(getenv("GPU_LOCATION"), NULL, 0) : 0;
        return 0;
    case 0xA00F:
        *(uint32_t *)value = 0;
        return 0;
    }
    return 0x1001;
}

/* Handles 11 to 14 with these global flags, in ROCr's order; 14 is the coarse-grained one. */
static const uint32_t flags[] = {2, 8, 3, 4};

int hsa_amd_agent_iterate_memory_pools(handle_t agent, visit_t visit, void *data) {
    if (agent.handle != 1)
        return 0;
    for (int i = 0; i < 4; i++) {
#ifdef OLD
        if (flags[i] == 8)
            continue;
#endif
#ifdef APU
        if (flags[i] == 4)
            continue;
#endif
        int status = visit((handle_t){11 + (uint64_t)i}, data);
        if (status)
            return status;
    }
    return 0;
}

int hsa_amd_memory_pool_get_info(handle_t pool, uint32_t attribute, void *value) {
    *(uint32_t *)value = attribute == 1 ? flags[pool.handle - 11] : 0;
    return attribute > 1;
}

int hsa_amd_memory_lock(void *memory, size_t size, handle_t *agents, int count, void **out) {
    (void)agents;
    printf("lock %zu for %d\n", size, count);
    *out = memory;
    return 0;
}

int hsa_amd_memory_lock_to_pool(void *memory, size_t size, handle_t *agents, int count, handle_t pool, uint32_t lock_flags, void **out) {
    (void)agents;
    printf("lock_to_pool %zu for %d in %d with %u\n", size, count, (int)pool.handle, lock_flags);
    *out = memory;
    return 0;
}
