/* The HSA declarations that the hooks of the shim core need, written from the HSA runtime specification and the documentation of AMD's extensions;
 * input of bindgen. See hip.h for what RMCP_ABI_CHECK does; there it follows <hsa/hsa.h> and <hsa/hsa_ext_amd.h>. */
#ifndef RMCP_ABI_HSA_H
#define RMCP_ABI_HSA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RMCP_HSA_STATUS(X)                                                                                                     \
    X(HSA_STATUS_SUCCESS, 0x0)                                                                                                 \
    X(HSA_STATUS_INFO_BREAK, 0x1)                                                                                              \
    X(HSA_STATUS_ERROR, 0x1000)

#define RMCP_HSA_CONSTANTS(X)                                                                                                  \
    X(HSA_AGENT_INFO_DEVICE, 17)                                                                                               \
    X(HSA_DEVICE_TYPE_CPU, 0)                                                                                                  \
    X(HSA_DEVICE_TYPE_GPU, 1)                                                                                                  \
    X(HSA_AMD_AGENT_INFO_BDFID, 0xA006)                                                                                        \
    X(HSA_AMD_AGENT_INFO_DOMAIN, 0xA00F)                                                                                       \
    X(HSA_AMD_MEMORY_POOL_INFO_SEGMENT, 0)                                                                                     \
    X(HSA_AMD_MEMORY_POOL_INFO_GLOBAL_FLAGS, 1)                                                                                \
    X(HSA_AMD_SEGMENT_GLOBAL, 0)                                                                                               \
    X(HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_KERNARG_INIT, 1)                                                                         \
    X(HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_FINE_GRAINED, 2)                                                                         \
    X(HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_COARSE_GRAINED, 4)

#ifdef RMCP_ABI_CHECK
#define RMCP_CONSTANT(name, value) _Static_assert((name) == (value), #name);
RMCP_HSA_STATUS(RMCP_CONSTANT)
RMCP_HSA_CONSTANTS(RMCP_CONSTANT)
#undef RMCP_CONSTANT
#define RMCP_FUNCTION(result, name, ...) extern result name(__VA_ARGS__);
#else
#define RMCP_CONSTANT(name, value) name = (value),
typedef enum hsa_status_t { RMCP_HSA_STATUS(RMCP_CONSTANT) } hsa_status_t;
enum rmcp_hsa_constants { RMCP_HSA_CONSTANTS(RMCP_CONSTANT) };
#undef RMCP_CONSTANT
typedef struct hsa_agent_s {
    uint64_t handle;
} hsa_agent_t;
typedef struct hsa_amd_memory_pool_s {
    uint64_t handle;
} hsa_amd_memory_pool_t;
/* The attribute arguments are enumerations of 32 bits in AMD's headers. */
typedef uint32_t hsa_agent_info_t;
typedef uint32_t hsa_amd_memory_pool_info_t;
#define RMCP_FUNCTION(result, name, ...) typedef result (*name)(__VA_ARGS__);
#endif

RMCP_FUNCTION(hsa_status_t, hsa_amd_memory_lock, void *host_ptr, size_t size, hsa_agent_t *agents, int num_agent, void **agent_ptr)
RMCP_FUNCTION(hsa_status_t, hsa_amd_memory_lock_to_pool, void *host_ptr, size_t size, hsa_agent_t *agents, int num_agent, hsa_amd_memory_pool_t pool, uint32_t flags, void **agent_ptr)
RMCP_FUNCTION(hsa_status_t, hsa_iterate_agents, hsa_status_t (*callback)(hsa_agent_t agent, void *data), void *data)
RMCP_FUNCTION(hsa_status_t, hsa_agent_get_info, hsa_agent_t agent, hsa_agent_info_t attribute, void *value)
RMCP_FUNCTION(hsa_status_t, hsa_amd_agent_iterate_memory_pools, hsa_agent_t agent, hsa_status_t (*callback)(hsa_amd_memory_pool_t memory_pool, void *data), void *data)
RMCP_FUNCTION(hsa_status_t, hsa_amd_memory_pool_get_info, hsa_amd_memory_pool_t memory_pool, hsa_amd_memory_pool_info_t attribute, void *value)

#undef RMCP_FUNCTION
#endif
