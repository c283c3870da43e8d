pub const HSA_STATUS_SUCCESS: hsa_status_t = 0;
pub const HSA_STATUS_INFO_BREAK: hsa_status_t = 1;
pub const HSA_STATUS_ERROR: hsa_status_t = 4096;
pub type hsa_status_t = ::core::ffi::c_uint;
pub const HSA_AGENT_INFO_DEVICE: rmcp_hsa_constants = 17;
pub const HSA_DEVICE_TYPE_CPU: rmcp_hsa_constants = 0;
pub const HSA_DEVICE_TYPE_GPU: rmcp_hsa_constants = 1;
pub const HSA_AMD_AGENT_INFO_BDFID: rmcp_hsa_constants = 40966;
pub const HSA_AMD_AGENT_INFO_DOMAIN: rmcp_hsa_constants = 40975;
pub const HSA_AMD_MEMORY_POOL_INFO_SEGMENT: rmcp_hsa_constants = 0;
pub const HSA_AMD_MEMORY_POOL_INFO_GLOBAL_FLAGS: rmcp_hsa_constants = 1;
pub const HSA_AMD_SEGMENT_GLOBAL: rmcp_hsa_constants = 0;
pub const HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_KERNARG_INIT: rmcp_hsa_constants = 1;
pub const HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_FINE_GRAINED: rmcp_hsa_constants = 2;
pub const HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_COARSE_GRAINED: rmcp_hsa_constants = 4;
pub type rmcp_hsa_constants = ::core::ffi::c_uint;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct hsa_agent_s {
    pub handle: u64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of hsa_agent_s"][::core::mem::size_of::<hsa_agent_s>() - 8usize];
    ["Alignment of hsa_agent_s"][::core::mem::align_of::<hsa_agent_s>() - 8usize];
    ["Offset of field: hsa_agent_s::handle"][::core::mem::offset_of!(hsa_agent_s, handle) - 0usize];
};
pub type hsa_agent_t = hsa_agent_s;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct hsa_amd_memory_pool_s {
    pub handle: u64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of hsa_amd_memory_pool_s"][::core::mem::size_of::<hsa_amd_memory_pool_s>() - 8usize];
    ["Alignment of hsa_amd_memory_pool_s"][::core::mem::align_of::<hsa_amd_memory_pool_s>() - 8usize];
    ["Offset of field: hsa_amd_memory_pool_s::handle"][::core::mem::offset_of!(hsa_amd_memory_pool_s, handle) - 0usize];
};
pub type hsa_amd_memory_pool_t = hsa_amd_memory_pool_s;
pub type hsa_agent_info_t = u32;
pub type hsa_amd_memory_pool_info_t = u32;
pub type hsa_amd_memory_lock = ::core::option::Option<
    unsafe extern "C" fn(
        host_ptr: *mut ::core::ffi::c_void,
        size: usize,
        agents: *mut hsa_agent_t,
        num_agent: ::core::ffi::c_int,
        agent_ptr: *mut *mut ::core::ffi::c_void,
    ) -> hsa_status_t,
>;
pub type hsa_amd_memory_lock_to_pool = ::core::option::Option<
    unsafe extern "C" fn(
        host_ptr: *mut ::core::ffi::c_void,
        size: usize,
        agents: *mut hsa_agent_t,
        num_agent: ::core::ffi::c_int,
        pool: hsa_amd_memory_pool_t,
        flags: u32,
        agent_ptr: *mut *mut ::core::ffi::c_void,
    ) -> hsa_status_t,
>;
pub type hsa_iterate_agents = ::core::option::Option<
    unsafe extern "C" fn(
        callback: ::core::option::Option<
            unsafe extern "C" fn(agent: hsa_agent_t, data: *mut ::core::ffi::c_void) -> hsa_status_t,
        >,
        data: *mut ::core::ffi::c_void,
    ) -> hsa_status_t,
>;
pub type hsa_agent_get_info = ::core::option::Option<
    unsafe extern "C" fn(
        agent: hsa_agent_t,
        attribute: hsa_agent_info_t,
        value: *mut ::core::ffi::c_void,
    ) -> hsa_status_t,
>;
pub type hsa_amd_agent_iterate_memory_pools = ::core::option::Option<
    unsafe extern "C" fn(
        agent: hsa_agent_t,
        callback: ::core::option::Option<
            unsafe extern "C" fn(memory_pool: hsa_amd_memory_pool_t, data: *mut ::core::ffi::c_void) -> hsa_status_t,
        >,
        data: *mut ::core::ffi::c_void,
    ) -> hsa_status_t,
>;
pub type hsa_amd_memory_pool_get_info = ::core::option::Option<
    unsafe extern "C" fn(
        memory_pool: hsa_amd_memory_pool_t,
        attribute: hsa_amd_memory_pool_info_t,
        value: *mut ::core::ffi::c_void,
    ) -> hsa_status_t,
>;
