pub const HSA_STATUS_SUCCESS: hsa_status_t = 0;
pub const HSA_STATUS_INFO_BREAK: hsa_status_t = 1;
pub const HSA_STATUS_ERROR: hsa_status_t = 4096;
pub type hsa_status_t = ::core::ffi::c_uint;
pub const HSA_AGENT_INFO_DEVICE: rmcp_hsa_constants = 17;
pub const HSA_DEVICE_TYPE_CPU: rmcp_hsa_constants = 0;
pub const HSA_DEVICE_TYPE_GPU: rmcp_hsa_constants = 1;
pub const HSA_AMD_AGENT_INFO_BDFID: rmcp_hsa_constants = 40966;
pub const HSA_AMD_AGENT_INFO_DOMAIN: rmcp_hsa_constants = 40975;
pub const HSA_REGION_INFO_SEGMENT: rmcp_hsa_constants = 0;
pub const HSA_REGION_INFO_GLOBAL_FLAGS: rmcp_hsa_constants = 1;
pub const HSA_REGION_SEGMENT_GLOBAL: rmcp_hsa_constants = 0;
pub const HSA_AMD_SVM_ATTRIB_GLOBAL_FLAG: rmcp_hsa_constants = 0;
pub const HSA_AMD_SVM_GLOBAL_FLAG_FINE_GRAINED: rmcp_hsa_constants = 0;
pub const HSA_AMD_SVM_GLOBAL_FLAG_COARSE_GRAINED: rmcp_hsa_constants = 1;
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
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct hsa_region_s {
    pub handle: u64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of hsa_region_s"][::core::mem::size_of::<hsa_region_s>() - 8usize];
    ["Alignment of hsa_region_s"][::core::mem::align_of::<hsa_region_s>() - 8usize];
    ["Offset of field: hsa_region_s::handle"][::core::mem::offset_of!(hsa_region_s, handle) - 0usize];
};
pub type hsa_region_t = hsa_region_s;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct hsa_signal_s {
    pub handle: u64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of hsa_signal_s"][::core::mem::size_of::<hsa_signal_s>() - 8usize];
    ["Alignment of hsa_signal_s"][::core::mem::align_of::<hsa_signal_s>() - 8usize];
    ["Offset of field: hsa_signal_s::handle"][::core::mem::offset_of!(hsa_signal_s, handle) - 0usize];
};
pub type hsa_signal_t = hsa_signal_s;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct hsa_amd_vmem_alloc_handle_s {
    pub handle: u64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of hsa_amd_vmem_alloc_handle_s"][::core::mem::size_of::<hsa_amd_vmem_alloc_handle_s>() - 8usize];
    ["Alignment of hsa_amd_vmem_alloc_handle_s"][::core::mem::align_of::<hsa_amd_vmem_alloc_handle_s>() - 8usize];
    ["Offset of field: hsa_amd_vmem_alloc_handle_s::handle"]
        [::core::mem::offset_of!(hsa_amd_vmem_alloc_handle_s, handle) - 0usize];
};
pub type hsa_amd_vmem_alloc_handle_t = hsa_amd_vmem_alloc_handle_s;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct hsa_amd_svm_attribute_pair_s {
    pub attribute: u64,
    pub value: u64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of hsa_amd_svm_attribute_pair_s"][::core::mem::size_of::<hsa_amd_svm_attribute_pair_s>() - 16usize];
    ["Alignment of hsa_amd_svm_attribute_pair_s"][::core::mem::align_of::<hsa_amd_svm_attribute_pair_s>() - 8usize];
    ["Offset of field: hsa_amd_svm_attribute_pair_s::attribute"]
        [::core::mem::offset_of!(hsa_amd_svm_attribute_pair_s, attribute) - 0usize];
    ["Offset of field: hsa_amd_svm_attribute_pair_s::value"]
        [::core::mem::offset_of!(hsa_amd_svm_attribute_pair_s, value) - 8usize];
};
pub type hsa_amd_svm_attribute_pair_t = hsa_amd_svm_attribute_pair_s;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct hsa_amd_ipc_memory_s {
    _unused: [u8; 0],
}
pub type hsa_amd_ipc_memory_t = hsa_amd_ipc_memory_s;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct hsa_amd_memory_access_desc_s {
    _unused: [u8; 0],
}
pub type hsa_amd_memory_access_desc_t = hsa_amd_memory_access_desc_s;
pub type hsa_region_info_t = u32;
pub type hsa_amd_memory_type_t = u32;
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
pub type hsa_shut_down = ::core::option::Option<unsafe extern "C" fn() -> hsa_status_t>;
pub type hsa_amd_memory_unlock =
    ::core::option::Option<unsafe extern "C" fn(host_ptr: *mut ::core::ffi::c_void) -> hsa_status_t>;
pub type hsa_memory_allocate = ::core::option::Option<
    unsafe extern "C" fn(region: hsa_region_t, size: usize, ptr: *mut *mut ::core::ffi::c_void) -> hsa_status_t,
>;
pub type hsa_memory_free = ::core::option::Option<unsafe extern "C" fn(ptr: *mut ::core::ffi::c_void) -> hsa_status_t>;
pub type hsa_memory_register =
    ::core::option::Option<unsafe extern "C" fn(ptr: *mut ::core::ffi::c_void, size: usize) -> hsa_status_t>;
pub type hsa_memory_deregister =
    ::core::option::Option<unsafe extern "C" fn(ptr: *mut ::core::ffi::c_void, size: usize) -> hsa_status_t>;
pub type hsa_amd_memory_pool_allocate = ::core::option::Option<
    unsafe extern "C" fn(
        memory_pool: hsa_amd_memory_pool_t,
        size: usize,
        flags: u32,
        ptr: *mut *mut ::core::ffi::c_void,
    ) -> hsa_status_t,
>;
pub type hsa_amd_memory_pool_free =
    ::core::option::Option<unsafe extern "C" fn(ptr: *mut ::core::ffi::c_void) -> hsa_status_t>;
pub type hsa_amd_agents_allow_access = ::core::option::Option<
    unsafe extern "C" fn(
        num_agents: u32,
        agents: *const hsa_agent_t,
        flags: *const u32,
        ptr: *const ::core::ffi::c_void,
    ) -> hsa_status_t,
>;
pub type hsa_amd_svm_attributes_set = ::core::option::Option<
    unsafe extern "C" fn(
        ptr: *mut ::core::ffi::c_void,
        size: usize,
        attribute_list: *mut hsa_amd_svm_attribute_pair_t,
        attribute_count: usize,
    ) -> hsa_status_t,
>;
pub type hsa_amd_svm_attributes_get = ::core::option::Option<
    unsafe extern "C" fn(
        ptr: *mut ::core::ffi::c_void,
        size: usize,
        attribute_list: *mut hsa_amd_svm_attribute_pair_t,
        attribute_count: usize,
    ) -> hsa_status_t,
>;
pub type hsa_amd_svm_prefetch_async = ::core::option::Option<
    unsafe extern "C" fn(
        ptr: *mut ::core::ffi::c_void,
        size: usize,
        agent: hsa_agent_t,
        num_dep_signals: u32,
        dep_signals: *const hsa_signal_t,
        completion_signal: hsa_signal_t,
    ) -> hsa_status_t,
>;
pub type hsa_amd_interop_map_buffer = ::core::option::Option<
    unsafe extern "C" fn(
        num_agents: u32,
        agents: *mut hsa_agent_t,
        interop_handle: ::core::ffi::c_int,
        flags: u32,
        size: *mut usize,
        ptr: *mut *mut ::core::ffi::c_void,
        metadata_size: *mut usize,
        metadata: *mut *const ::core::ffi::c_void,
    ) -> hsa_status_t,
>;
pub type hsa_amd_interop_unmap_buffer =
    ::core::option::Option<unsafe extern "C" fn(ptr: *mut ::core::ffi::c_void) -> hsa_status_t>;
pub type hsa_amd_ipc_memory_create = ::core::option::Option<
    unsafe extern "C" fn(ptr: *mut ::core::ffi::c_void, len: usize, handle: *mut hsa_amd_ipc_memory_t) -> hsa_status_t,
>;
pub type hsa_amd_ipc_memory_attach = ::core::option::Option<
    unsafe extern "C" fn(
        handle: *const hsa_amd_ipc_memory_t,
        len: usize,
        num_agents: u32,
        mapping_agents: *const hsa_agent_t,
        mapped_ptr: *mut *mut ::core::ffi::c_void,
    ) -> hsa_status_t,
>;
pub type hsa_amd_ipc_memory_detach =
    ::core::option::Option<unsafe extern "C" fn(mapped_ptr: *mut ::core::ffi::c_void) -> hsa_status_t>;
pub type hsa_amd_portable_export_dmabuf = ::core::option::Option<
    unsafe extern "C" fn(
        ptr: *const ::core::ffi::c_void,
        size: usize,
        dmabuf: *mut ::core::ffi::c_int,
        offset: *mut u64,
    ) -> hsa_status_t,
>;
pub type hsa_amd_vmem_address_reserve = ::core::option::Option<
    unsafe extern "C" fn(va: *mut *mut ::core::ffi::c_void, size: usize, address: u64, flags: u64) -> hsa_status_t,
>;
pub type hsa_amd_vmem_address_free =
    ::core::option::Option<unsafe extern "C" fn(va: *mut ::core::ffi::c_void, size: usize) -> hsa_status_t>;
pub type hsa_amd_vmem_handle_create = ::core::option::Option<
    unsafe extern "C" fn(
        pool: hsa_amd_memory_pool_t,
        size: usize,
        type_: hsa_amd_memory_type_t,
        flags: u64,
        memory_handle: *mut hsa_amd_vmem_alloc_handle_t,
    ) -> hsa_status_t,
>;
pub type hsa_amd_vmem_handle_release =
    ::core::option::Option<unsafe extern "C" fn(memory_handle: hsa_amd_vmem_alloc_handle_t) -> hsa_status_t>;
pub type hsa_amd_vmem_map = ::core::option::Option<
    unsafe extern "C" fn(
        va: *mut ::core::ffi::c_void,
        size: usize,
        in_offset: usize,
        memory_handle: hsa_amd_vmem_alloc_handle_t,
        flags: u64,
    ) -> hsa_status_t,
>;
pub type hsa_amd_vmem_unmap =
    ::core::option::Option<unsafe extern "C" fn(va: *mut ::core::ffi::c_void, size: usize) -> hsa_status_t>;
pub type hsa_amd_vmem_set_access = ::core::option::Option<
    unsafe extern "C" fn(
        va: *mut ::core::ffi::c_void,
        size: usize,
        desc: *const hsa_amd_memory_access_desc_t,
        desc_cnt: usize,
    ) -> hsa_status_t,
>;
pub type hsa_amd_vmem_export_shareable_handle = ::core::option::Option<
    unsafe extern "C" fn(
        dmabuf_fd: *mut ::core::ffi::c_int,
        handle: hsa_amd_vmem_alloc_handle_t,
        flags: u64,
    ) -> hsa_status_t,
>;
pub type hsa_amd_vmem_import_shareable_handle = ::core::option::Option<
    unsafe extern "C" fn(dmabuf_fd: ::core::ffi::c_int, handle: *mut hsa_amd_vmem_alloc_handle_t) -> hsa_status_t,
>;
pub type hsa_amd_vmem_retain_alloc_handle = ::core::option::Option<
    unsafe extern "C" fn(
        memory_handle: *mut hsa_amd_vmem_alloc_handle_t,
        addr: *mut ::core::ffi::c_void,
    ) -> hsa_status_t,
>;
pub type hsa_amd_vmem_address_reserve_align = ::core::option::Option<
    unsafe extern "C" fn(
        va: *mut *mut ::core::ffi::c_void,
        size: usize,
        address: u64,
        alignment: u64,
        flags: u64,
    ) -> hsa_status_t,
>;
pub type hsa_amd_portable_export_dmabuf_v2 = ::core::option::Option<
    unsafe extern "C" fn(
        ptr: *const ::core::ffi::c_void,
        size: usize,
        dmabuf: *mut ::core::ffi::c_int,
        offset: *mut u64,
        flags: u64,
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
pub type hsa_agent_iterate_regions = ::core::option::Option<
    unsafe extern "C" fn(
        agent: hsa_agent_t,
        callback: ::core::option::Option<
            unsafe extern "C" fn(region: hsa_region_t, data: *mut ::core::ffi::c_void) -> hsa_status_t,
        >,
        data: *mut ::core::ffi::c_void,
    ) -> hsa_status_t,
>;
pub type hsa_region_get_info = ::core::option::Option<
    unsafe extern "C" fn(
        region: hsa_region_t,
        attribute: hsa_region_info_t,
        value: *mut ::core::ffi::c_void,
    ) -> hsa_status_t,
>;
