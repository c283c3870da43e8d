/* Locks host memory through HSA for all GPUs, then for the first one; one JSON line each. */
#include <hsa/hsa.h>
#include <hsa/hsa_ext_amd.h>
#include <stdio.h>
#include <stdlib.h>

static hsa_status_t first_gpu(hsa_agent_t agent, void *data) {
    hsa_device_type_t type;
    if (hsa_agent_get_info(agent, HSA_AGENT_INFO_DEVICE, &type) == HSA_STATUS_SUCCESS && type == HSA_DEVICE_TYPE_GPU) {
        *(hsa_agent_t *)data = agent;
        return HSA_STATUS_INFO_BREAK;
    }
    return HSA_STATUS_SUCCESS;
}

int main(void) {
    hsa_agent_t gpu = {0};
    if (hsa_init() || hsa_iterate_agents(first_gpu, &gpu) != HSA_STATUS_INFO_BREAK)
        return 3;
    for (int all = 1; all >= 0; all--) {
        void *memory = NULL, *device = NULL;
        if (posix_memalign(&memory, 4096, 65536))
            return 4;
        int status = hsa_amd_memory_lock(memory, 65536, all ? NULL : &gpu, all ? 0 : 1, &device);
        printf("{\"call\":\"hsa_amd_memory_lock\",\"flags\":0,\"size\":65536,\"code\":%d,\"pointer\":%llu,\"device\":%llu}\n", status,
               (unsigned long long)(size_t)memory, (unsigned long long)(size_t)device);
        if (status == HSA_STATUS_SUCCESS)
            hsa_amd_memory_unlock(memory);
    }
    return hsa_shut_down() != HSA_STATUS_SUCCESS;
}
