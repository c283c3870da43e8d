pub const RMCP_FRONT_MAGIC: u32 = 1179468626;
pub const RMCP_FRONT_ABI: u32 = 1;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct rmcp_front_object {
    pub name: *const ::core::ffi::c_char,
    pub version: *const ::core::ffi::c_char,
    pub address: *mut ::core::ffi::c_void,
    pub size: u64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of rmcp_front_object"][::core::mem::size_of::<rmcp_front_object>() - 32usize];
    ["Alignment of rmcp_front_object"][::core::mem::align_of::<rmcp_front_object>() - 8usize];
    ["Offset of field: rmcp_front_object::name"][::core::mem::offset_of!(rmcp_front_object, name) - 0usize];
    ["Offset of field: rmcp_front_object::version"][::core::mem::offset_of!(rmcp_front_object, version) - 8usize];
    ["Offset of field: rmcp_front_object::address"][::core::mem::offset_of!(rmcp_front_object, address) - 16usize];
    ["Offset of field: rmcp_front_object::size"][::core::mem::offset_of!(rmcp_front_object, size) - 24usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct rmcp_front {
    pub magic: u32,
    pub abi: u32,
    pub function_count: u32,
    pub object_count: u32,
    pub soname: *const ::core::ffi::c_char,
    pub real_path: *const ::core::ffi::c_char,
    pub real_build_id: *const ::core::ffi::c_char,
    pub names: *const *const ::core::ffi::c_char,
    pub versions: *const *const ::core::ffi::c_char,
    pub slots: *mut *mut ::core::ffi::c_void,
    pub objects: *const rmcp_front_object,
    pub core: *mut ::core::ffi::c_void,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of rmcp_front"][::core::mem::size_of::<rmcp_front>() - 80usize];
    ["Alignment of rmcp_front"][::core::mem::align_of::<rmcp_front>() - 8usize];
    ["Offset of field: rmcp_front::magic"][::core::mem::offset_of!(rmcp_front, magic) - 0usize];
    ["Offset of field: rmcp_front::abi"][::core::mem::offset_of!(rmcp_front, abi) - 4usize];
    ["Offset of field: rmcp_front::function_count"][::core::mem::offset_of!(rmcp_front, function_count) - 8usize];
    ["Offset of field: rmcp_front::object_count"][::core::mem::offset_of!(rmcp_front, object_count) - 12usize];
    ["Offset of field: rmcp_front::soname"][::core::mem::offset_of!(rmcp_front, soname) - 16usize];
    ["Offset of field: rmcp_front::real_path"][::core::mem::offset_of!(rmcp_front, real_path) - 24usize];
    ["Offset of field: rmcp_front::real_build_id"][::core::mem::offset_of!(rmcp_front, real_build_id) - 32usize];
    ["Offset of field: rmcp_front::names"][::core::mem::offset_of!(rmcp_front, names) - 40usize];
    ["Offset of field: rmcp_front::versions"][::core::mem::offset_of!(rmcp_front, versions) - 48usize];
    ["Offset of field: rmcp_front::slots"][::core::mem::offset_of!(rmcp_front, slots) - 56usize];
    ["Offset of field: rmcp_front::objects"][::core::mem::offset_of!(rmcp_front, objects) - 64usize];
    ["Offset of field: rmcp_front::core"][::core::mem::offset_of!(rmcp_front, core) - 72usize];
};
