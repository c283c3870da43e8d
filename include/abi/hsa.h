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
    X(HSA_REGION_INFO_SEGMENT, 0)                                                                                              \
    X(HSA_REGION_INFO_GLOBAL_FLAGS, 1)                                                                                         \
    X(HSA_REGION_SEGMENT_GLOBAL, 0)                                                                                            \
    X(HSA_AMD_SVM_ATTRIB_GLOBAL_FLAG, 0)                                                                                       \
    X(HSA_AMD_SVM_GLOBAL_FLAG_FINE_GRAINED, 0)                                                                                 \
    X(HSA_AMD_SVM_GLOBAL_FLAG_COARSE_GRAINED, 1)                                                                               \
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
typedef struct hsa_region_s {
    uint64_t handle;
} hsa_region_t;
typedef struct hsa_signal_s {
    uint64_t handle;
} hsa_signal_t;
typedef struct hsa_amd_vmem_alloc_handle_s {
    uint64_t handle;
} hsa_amd_vmem_alloc_handle_t;
typedef struct hsa_amd_svm_attribute_pair_s {
    uint64_t attribute;
    uint64_t value;
} hsa_amd_svm_attribute_pair_t;
typedef struct hsa_amd_ipc_memory_s hsa_amd_ipc_memory_t;
typedef struct hsa_amd_memory_access_desc_s hsa_amd_memory_access_desc_t;
/* The attribute arguments are enumerations of 32 bits in AMD's headers. */
typedef uint32_t hsa_region_info_t;
typedef uint32_t hsa_amd_memory_type_t;
typedef uint32_t hsa_agent_info_t;
typedef uint32_t hsa_amd_memory_pool_info_t;
#define RMCP_FUNCTION(result, name, ...) typedef result (*name)(__VA_ARGS__);
#endif

RMCP_FUNCTION(hsa_status_t, hsa_amd_memory_lock, void *host_ptr, size_t size, hsa_agent_t *agents, int num_agent, void **agent_ptr)
RMCP_FUNCTION(hsa_status_t, hsa_amd_memory_lock_to_pool, void *host_ptr, size_t size, hsa_agent_t *agents, int num_agent, hsa_amd_memory_pool_t pool, uint32_t flags, void **agent_ptr)
RMCP_FUNCTION(hsa_status_t, hsa_shut_down, void)
RMCP_FUNCTION(hsa_status_t, hsa_amd_memory_unlock, void *host_ptr)
RMCP_FUNCTION(hsa_status_t, hsa_memory_allocate, hsa_region_t region, size_t size, void **ptr)
RMCP_FUNCTION(hsa_status_t, hsa_memory_free, void *ptr)
RMCP_FUNCTION(hsa_status_t, hsa_memory_register, void *ptr, size_t size)
RMCP_FUNCTION(hsa_status_t, hsa_memory_deregister, void *ptr, size_t size)
RMCP_FUNCTION(hsa_status_t, hsa_amd_memory_pool_allocate, hsa_amd_memory_pool_t memory_pool, size_t size, uint32_t flags, void **ptr)
RMCP_FUNCTION(hsa_status_t, hsa_amd_memory_pool_free, void *ptr)
RMCP_FUNCTION(hsa_status_t, hsa_amd_agents_allow_access, uint32_t num_agents, const hsa_agent_t *agents, const uint32_t *flags, const void *ptr)
RMCP_FUNCTION(hsa_status_t, hsa_amd_svm_attributes_set, void *ptr, size_t size, hsa_amd_svm_attribute_pair_t *attribute_list, size_t attribute_count)
RMCP_FUNCTION(hsa_status_t, hsa_amd_svm_attributes_get, void *ptr, size_t size, hsa_amd_svm_attribute_pair_t *attribute_list, size_t attribute_count)
RMCP_FUNCTION(hsa_status_t, hsa_amd_svm_prefetch_async, void *ptr, size_t size, hsa_agent_t agent, uint32_t num_dep_signals, const hsa_signal_t *dep_signals, hsa_signal_t completion_signal)
RMCP_FUNCTION(hsa_status_t, hsa_amd_interop_map_buffer, uint32_t num_agents, hsa_agent_t *agents, int interop_handle, uint32_t flags, size_t *size, void **ptr, size_t *metadata_size, const void **metadata)
RMCP_FUNCTION(hsa_status_t, hsa_amd_interop_unmap_buffer, void *ptr)
RMCP_FUNCTION(hsa_status_t, hsa_amd_ipc_memory_create, void *ptr, size_t len, hsa_amd_ipc_memory_t *handle)
RMCP_FUNCTION(hsa_status_t, hsa_amd_ipc_memory_attach, const hsa_amd_ipc_memory_t *handle, size_t len, uint32_t num_agents, const hsa_agent_t *mapping_agents, void **mapped_ptr)
RMCP_FUNCTION(hsa_status_t, hsa_amd_ipc_memory_detach, void *mapped_ptr)
/* Since ROCr 6.1. */
#if !defined(RMCP_ABI_CHECK) || HSA_AMD_INTERFACE_VERSION_MINOR >= 4
RMCP_FUNCTION(hsa_status_t, hsa_amd_portable_export_dmabuf, const void *ptr, size_t size, int *dmabuf, uint64_t *offset)
RMCP_FUNCTION(hsa_status_t, hsa_amd_vmem_address_reserve, void **va, size_t size, uint64_t address, uint64_t flags)
RMCP_FUNCTION(hsa_status_t, hsa_amd_vmem_address_free, void *va, size_t size)
RMCP_FUNCTION(hsa_status_t, hsa_amd_vmem_handle_create, hsa_amd_memory_pool_t pool, size_t size, hsa_amd_memory_type_t type, uint64_t flags, hsa_amd_vmem_alloc_handle_t *memory_handle)
RMCP_FUNCTION(hsa_status_t, hsa_amd_vmem_handle_release, hsa_amd_vmem_alloc_handle_t memory_handle)
RMCP_FUNCTION(hsa_status_t, hsa_amd_vmem_map, void *va, size_t size, size_t in_offset, hsa_amd_vmem_alloc_handle_t memory_handle, uint64_t flags)
RMCP_FUNCTION(hsa_status_t, hsa_amd_vmem_unmap, void *va, size_t size)
RMCP_FUNCTION(hsa_status_t, hsa_amd_vmem_set_access, void *va, size_t size, const hsa_amd_memory_access_desc_t *desc, size_t desc_cnt)
RMCP_FUNCTION(hsa_status_t, hsa_amd_vmem_export_shareable_handle, int *dmabuf_fd, hsa_amd_vmem_alloc_handle_t handle, uint64_t flags)
RMCP_FUNCTION(hsa_status_t, hsa_amd_vmem_import_shareable_handle, int dmabuf_fd, hsa_amd_vmem_alloc_handle_t *handle)
RMCP_FUNCTION(hsa_status_t, hsa_amd_vmem_retain_alloc_handle, hsa_amd_vmem_alloc_handle_t *memory_handle, void *addr)
#endif
/* Since ROCr 6.4. */
#if !defined(RMCP_ABI_CHECK) || HSA_AMD_INTERFACE_VERSION_MINOR >= 7
RMCP_FUNCTION(hsa_status_t, hsa_amd_vmem_address_reserve_align, void **va, size_t size, uint64_t address, uint64_t alignment, uint64_t flags)
#endif
/* Since ROCr 7. */
#if !defined(RMCP_ABI_CHECK) || HSA_AMD_INTERFACE_VERSION_MINOR >= 15
RMCP_FUNCTION(hsa_status_t, hsa_amd_portable_export_dmabuf_v2, const void *ptr, size_t size, int *dmabuf, uint64_t *offset, uint64_t flags)
#endif
RMCP_FUNCTION(hsa_status_t, hsa_iterate_agents, hsa_status_t (*callback)(hsa_agent_t agent, void *data), void *data)
RMCP_FUNCTION(hsa_status_t, hsa_agent_get_info, hsa_agent_t agent, hsa_agent_info_t attribute, void *value)
RMCP_FUNCTION(hsa_status_t, hsa_amd_agent_iterate_memory_pools, hsa_agent_t agent, hsa_status_t (*callback)(hsa_amd_memory_pool_t memory_pool, void *data), void *data)
RMCP_FUNCTION(hsa_status_t, hsa_amd_memory_pool_get_info, hsa_amd_memory_pool_t memory_pool, hsa_amd_memory_pool_info_t attribute, void *value)
RMCP_FUNCTION(hsa_status_t, hsa_agent_iterate_regions, hsa_agent_t agent, hsa_status_t (*callback)(hsa_region_t region, void *data), void *data)
RMCP_FUNCTION(hsa_status_t, hsa_region_get_info, hsa_region_t region, hsa_region_info_t attribute, void *value)

#undef RMCP_FUNCTION
#endif
