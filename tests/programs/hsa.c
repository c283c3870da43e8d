/* Asks HSA for memory in every way, one JSON line on stdout for each call.
 *
 *   hsa [CALL]...
 *
 * CALL: pools, regions, lock, svm, vmem (default: all of them). Pools and regions: an allocation from each one that allows it, of the CPU agents and of the
 * first GPU. lock: hsa_amd_memory_lock and hsa_amd_memory_lock_to_pool to the first fine- and the first coarse-grained CPU pool. svm: a range with each
 * global flag and with none. vmem: physical memory, addresses, mapping and back, where the library has these functions. Lines have what was asked, the
 * status (0: success), the address (or handle) and that on the GPU; a line of a pool has its agent and global flags. Addresses are not reused before the
 * end, except those of vmem. Exit code 0 whatever the calls return: the lines say it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <hsa/hsa.h>
#include <hsa/hsa_ext_amd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 65536, MOST = 32 };

struct place {
    uint64_t handle;
    uint32_t flags;
    int cpu;
};
struct places {
    struct place all[MOST];
    int count, cpu;
};

static hsa_agent_t gpu;
static struct places pools, regions;
static void *taken[2 * MOST], *pinned[MOST];
static int takens, pinneds;

static void locked_line(const char *call, int flags, size_t size, int status, uint64_t pointer, uint64_t device) {
    printf("{\"call\":\"%s\",\"flags\":%d,\"size\":%zu,\"code\":%d,\"pointer\":%llu,\"device\":%llu}\n", call, flags, size, status,
           (unsigned long long)pointer, (unsigned long long)device);
    fflush(stdout);
}

static void line(const char *call, int flags, size_t size, int status, uint64_t pointer) {
    locked_line(call, flags, size, status, pointer, pointer);
}

static void place_line(const char *call, const struct place *place, int status, void *pointer, void *device) {
    printf("{\"call\":\"%s\",\"flags\":0,\"size\":%d,\"code\":%d,\"pointer\":%llu,\"device\":%llu,\"agent\":\"%s\",\"global_flags\":%u}\n", call, SIZE,
           status, (unsigned long long)(uintptr_t)pointer, (unsigned long long)(uintptr_t)device, place->cpu ? "cpu" : "gpu", place->flags);
    fflush(stdout);
}

static void add(struct places *places, uint64_t handle, uint32_t flags) {
    if (places->count < MOST)
        places->all[places->count++] = (struct place){handle, flags, places->cpu};
}

static hsa_status_t each_pool(hsa_amd_memory_pool_t pool, void *data) {
    uint32_t segment = 1, flags = 0;
    bool allowed = false;
    hsa_amd_memory_pool_get_info(pool, HSA_AMD_MEMORY_POOL_INFO_SEGMENT, &segment);
    hsa_amd_memory_pool_get_info(pool, HSA_AMD_MEMORY_POOL_INFO_GLOBAL_FLAGS, &flags);
    hsa_amd_memory_pool_get_info(pool, HSA_AMD_MEMORY_POOL_INFO_RUNTIME_ALLOC_ALLOWED, &allowed);
    if (segment == HSA_AMD_SEGMENT_GLOBAL && allowed)
        add(data, pool.handle, flags);
    return HSA_STATUS_SUCCESS;
}

static hsa_status_t each_region(hsa_region_t region, void *data) {
    uint32_t segment = 1, flags = 0;
    bool allowed = false;
    hsa_region_get_info(region, HSA_REGION_INFO_SEGMENT, &segment);
    hsa_region_get_info(region, HSA_REGION_INFO_GLOBAL_FLAGS, &flags);
    hsa_region_get_info(region, HSA_REGION_INFO_RUNTIME_ALLOC_ALLOWED, &allowed);
    if (segment == HSA_REGION_SEGMENT_GLOBAL && allowed)
        add(data, region.handle, flags);
    return HSA_STATUS_SUCCESS;
}

static hsa_status_t each_agent(hsa_agent_t agent, void *data) {
    hsa_device_type_t type;
    (void)data;
    if (hsa_agent_get_info(agent, HSA_AGENT_INFO_DEVICE, &type))
        return HSA_STATUS_SUCCESS;
    int cpu = type == HSA_DEVICE_TYPE_CPU;
    if (!cpu && (type != HSA_DEVICE_TYPE_GPU || gpu.handle))
        return HSA_STATUS_SUCCESS;
    if (!cpu)
        gpu = agent;
    pools.cpu = regions.cpu = cpu;
    hsa_amd_agent_iterate_memory_pools(agent, each_pool, &pools);
    hsa_agent_iterate_regions(agent, each_region, &regions);
    return HSA_STATUS_SUCCESS;
}

static void from_pools(void) {
    for (int i = 0; i < pools.count; i++) {
        void *pointer = NULL;
        int status = hsa_amd_memory_pool_allocate((hsa_amd_memory_pool_t){pools.all[i].handle}, SIZE, 0, &pointer);
        place_line("hsa_amd_memory_pool_allocate", &pools.all[i], status, pointer, pointer);
        if (status)
            continue;
        taken[takens++] = pointer;
        if (pools.all[i].cpu)
            line("hsa_amd_agents_allow_access", 0, 0, hsa_amd_agents_allow_access(1, &gpu, NULL, pointer), (uintptr_t)pointer);
    }
}

static void from_regions(void) {
    for (int i = 0; i < regions.count; i++) {
        void *pointer = NULL;
        int status = hsa_memory_allocate((hsa_region_t){regions.all[i].handle}, SIZE, &pointer);
        place_line("hsa_memory_allocate", &regions.all[i], status, pointer, pointer);
        if (!status)
            taken[takens++] = pointer;
    }
}

static void *memory(void) {
    void *pointer = NULL;
    if (posix_memalign(&pointer, 4096, SIZE))
        abort();
    return memset(pointer, 1, SIZE);
}

static void locks(void) {
    void *pointer = memory(), *device = NULL;
    int status = hsa_amd_memory_lock(pointer, SIZE, &gpu, 1, &device);
    locked_line("hsa_amd_memory_lock", 0, SIZE, status, (uintptr_t)pointer, (uintptr_t)device);
    if (!status)
        pinned[pinneds++] = pointer;
    int (*to_pool)(void *, size_t, hsa_agent_t *, int, hsa_amd_memory_pool_t, uint32_t, void **) = dlsym(RTLD_DEFAULT, "hsa_amd_memory_lock_to_pool");
    for (int flags = 2; to_pool && flags <= 4; flags *= 2)
        for (int i = 0; i < pools.count; i++)
            if (pools.all[i].cpu && pools.all[i].flags == (uint32_t)flags) {
                pointer = memory();
                status = to_pool(pointer, SIZE, &gpu, 1, (hsa_amd_memory_pool_t){pools.all[i].handle}, 0, &device);
                place_line("hsa_amd_memory_lock_to_pool", &pools.all[i], status, pointer, device);
                if (!status)
                    pinned[pinneds++] = pointer;
                break;
            }
}

static void svm(void) {
    for (int flag = -1; flag <= 1; flag++) {
        void *pointer = memory();
        hsa_amd_svm_attribute_pair_t list[2] = {{HSA_AMD_SVM_ATTRIB_AGENT_ACCESSIBLE, gpu.handle}, {HSA_AMD_SVM_ATTRIB_GLOBAL_FLAG, (uint64_t)flag}};
        int status = hsa_amd_svm_attributes_set(pointer, SIZE, list, flag < 0 ? 1 : 2);
        line("hsa_amd_svm_attributes_set", flag, SIZE, status, (uintptr_t)pointer);
        list[0].attribute = HSA_AMD_SVM_ATTRIB_GLOBAL_FLAG;
        status = hsa_amd_svm_attributes_get(pointer, SIZE, list, 1);
        line("hsa_amd_svm_attributes_get", status ? -1 : (int)list[0].value, SIZE, status, (uintptr_t)pointer);
    }
}

/* Not in the headers of 5.2: looked up, and called by their types since 6.1. */
static void vmem(void) {
    int (*reserve)(void **, size_t, uint64_t, uint64_t) = dlsym(RTLD_DEFAULT, "hsa_amd_vmem_address_reserve");
    int (*release_address)(void *, size_t) = dlsym(RTLD_DEFAULT, "hsa_amd_vmem_address_free");
    int (*create)(hsa_amd_memory_pool_t, size_t, int, uint64_t, uint64_t *) = dlsym(RTLD_DEFAULT, "hsa_amd_vmem_handle_create");
    int (*release)(uint64_t) = dlsym(RTLD_DEFAULT, "hsa_amd_vmem_handle_release");
    int (*map)(void *, size_t, size_t, uint64_t, uint64_t) = dlsym(RTLD_DEFAULT, "hsa_amd_vmem_map");
    int (*unmap)(void *, size_t) = dlsym(RTLD_DEFAULT, "hsa_amd_vmem_unmap");
    size_t size = 2 << 20;
    void *address = NULL;
    uint64_t handle = 0;
    if (!reserve || !release_address || !create || !release || !map || !unmap)
        return;
    for (int i = 0; i < pools.count; i++) {
        if (pools.all[i].cpu || pools.all[i].flags != HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_COARSE_GRAINED)
            continue;
        int created = create((hsa_amd_memory_pool_t){pools.all[i].handle}, size, 1, 0, &handle);
        line("hsa_amd_vmem_handle_create", 0, size, created, handle);
        int reserved = reserve(&address, size, 0, 0);
        line("hsa_amd_vmem_address_reserve", 0, size, reserved, (uintptr_t)address);
        if (!created && !reserved) {
            int mapped = map(address, size, 0, handle, 0);
            line("hsa_amd_vmem_map", 0, size, mapped, (uintptr_t)address);
            if (!mapped)
                line("hsa_amd_vmem_unmap", 0, size, unmap(address, size), (uintptr_t)address);
        }
        if (!reserved)
            line("hsa_amd_vmem_address_free", 0, size, release_address(address, size), (uintptr_t)address);
        if (!created)
            line("hsa_amd_vmem_handle_release", 0, 0, release(handle), handle);
        return;
    }
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        void (*make)(void);
    } calls[] = {{"pools", from_pools}, {"regions", from_regions}, {"lock", locks}, {"svm", svm}, {"vmem", vmem}};
    enum { CALLS = sizeof calls / sizeof *calls };
    if (hsa_init() || hsa_iterate_agents(each_agent, NULL) || !gpu.handle)
        return 3;
    for (int call = 0; call < CALLS; call++) {
        int wanted = argc == 1;
        for (int i = 1; i < argc; i++)
            wanted |= !strcmp(argv[i], calls[call].name);
        if (wanted)
            calls[call].make();
    }
    while (pinneds)
        hsa_amd_memory_unlock(pinned[--pinneds]);
    for (int i = 0; i < takens; i++) /* hsa_memory_free frees the memory of pools too */
        hsa_memory_free(taken[i]);
    return hsa_shut_down() != HSA_STATUS_SUCCESS;
}
