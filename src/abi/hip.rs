pub const hipSuccess: hipError_t = 0;
pub const hipErrorInvalidValue: hipError_t = 1;
pub const hipErrorOutOfMemory: hipError_t = 2;
pub const hipErrorNotInitialized: hipError_t = 3;
pub const hipErrorNoDevice: hipError_t = 100;
pub const hipErrorSharedObjectInitFailed: hipError_t = 303;
pub type hipError_t = ::core::ffi::c_uint;
pub const hipStreamCaptureStatusNone: rmcp_hip_numbers = 0;
pub const hipStreamCaptureModeRelaxed: rmcp_hip_numbers = 2;
pub const hipMemRangeAttributeCoherencyMode: rmcp_hip_numbers = 100;
pub const hipMemRangeCoherencyModeFineGrain: rmcp_hip_numbers = 0;
pub const HIP_POINTER_ATTRIBUTE_ACCESS_FLAGS: rmcp_hip_numbers = 16;
pub const hipDeviceAttributeConcurrentManagedAccess: rmcp_hip_numbers = 9;
pub const hipMemAdviseSetCoarseGrain: rmcp_hip_numbers = 100;
pub const hipMemAttachGlobal: rmcp_hip_numbers = 1;
pub const hipMemPoolAttrReservedMemCurrent: rmcp_hip_numbers = 5;
pub const hipMemPoolAttrReservedMemHigh: rmcp_hip_numbers = 6;
pub const hipMemPoolAttrUsedMemCurrent: rmcp_hip_numbers = 7;
pub const hipMemPoolAttrUsedMemHigh: rmcp_hip_numbers = 8;
pub type rmcp_hip_numbers = ::core::ffi::c_uint;
pub type hipDeviceptr_t = *mut ::core::ffi::c_void;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ihipStream_t {
    _unused: [u8; 0],
}
pub type hipStream_t = *mut ihipStream_t;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ihipEvent_t {
    _unused: [u8; 0],
}
pub type hipEvent_t = *mut ihipEvent_t;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ihipMemPoolHandle_t {
    _unused: [u8; 0],
}
pub type hipMemPool_t = *mut ihipMemPoolHandle_t;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ihipMemGenericAllocationHandle {
    _unused: [u8; 0],
}
pub type hipMemGenericAllocationHandle_t = *mut ihipMemGenericAllocationHandle;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct hipArray {
    _unused: [u8; 0],
}
pub type hipArray_t = *mut hipArray;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct hipMipmappedArray {
    _unused: [u8; 0],
}
pub type hipMipmappedArray_t = *mut hipMipmappedArray;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ihipGraph {
    _unused: [u8; 0],
}
pub type hipGraph_t = *mut ihipGraph;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct hipGraphNode {
    _unused: [u8; 0],
}
pub type hipGraphNode_t = *mut hipGraphNode;
pub type hipExternalMemory_t = *mut ::core::ffi::c_void;
pub type hipMemoryAdvise = ::core::ffi::c_uint;
pub type hipMemPoolAttr = ::core::ffi::c_uint;
pub type hipMemAllocationHandleType = ::core::ffi::c_uint;
pub type hipMemRangeHandleType = ::core::ffi::c_uint;
pub type hipGraphMemAttributeType = ::core::ffi::c_uint;
pub type hipPointer_attribute = ::core::ffi::c_uint;
pub type hipMemRangeAttribute = ::core::ffi::c_uint;
pub type hipDeviceAttribute_t = ::core::ffi::c_uint;
pub type hipStreamCaptureStatus = ::core::ffi::c_uint;
pub type hipStreamCaptureMode = ::core::ffi::c_uint;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct hipExternalMemoryMipmappedArrayDesc_st {
    _unused: [u8; 0],
}
pub type hipExternalMemoryMipmappedArrayDesc = hipExternalMemoryMipmappedArrayDesc_st;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct hipArrayMapInfo {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct hipMemPoolPtrExportData {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct hipMemAccessDesc {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct hipGraphNodeParams {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Copy, Clone)]
pub struct hipStreamBatchMemOpParams_union {
    _unused: [u8; 0],
}
pub type hipStreamBatchMemOpParams = hipStreamBatchMemOpParams_union;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct hipExtent {
    pub width: usize,
    pub height: usize,
    pub depth: usize,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of hipExtent"][::core::mem::size_of::<hipExtent>() - 24usize];
    ["Alignment of hipExtent"][::core::mem::align_of::<hipExtent>() - 8usize];
    ["Offset of field: hipExtent::width"][::core::mem::offset_of!(hipExtent, width) - 0usize];
    ["Offset of field: hipExtent::height"][::core::mem::offset_of!(hipExtent, height) - 8usize];
    ["Offset of field: hipExtent::depth"][::core::mem::offset_of!(hipExtent, depth) - 16usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct hipPitchedPtr {
    pub ptr: *mut ::core::ffi::c_void,
    pub pitch: usize,
    pub xsize: usize,
    pub ysize: usize,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of hipPitchedPtr"][::core::mem::size_of::<hipPitchedPtr>() - 32usize];
    ["Alignment of hipPitchedPtr"][::core::mem::align_of::<hipPitchedPtr>() - 8usize];
    ["Offset of field: hipPitchedPtr::ptr"][::core::mem::offset_of!(hipPitchedPtr, ptr) - 0usize];
    ["Offset of field: hipPitchedPtr::pitch"][::core::mem::offset_of!(hipPitchedPtr, pitch) - 8usize];
    ["Offset of field: hipPitchedPtr::xsize"][::core::mem::offset_of!(hipPitchedPtr, xsize) - 16usize];
    ["Offset of field: hipPitchedPtr::ysize"][::core::mem::offset_of!(hipPitchedPtr, ysize) - 24usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct hipChannelFormatDesc {
    pub x: ::core::ffi::c_int,
    pub y: ::core::ffi::c_int,
    pub z: ::core::ffi::c_int,
    pub w: ::core::ffi::c_int,
    pub f: ::core::ffi::c_uint,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of hipChannelFormatDesc"][::core::mem::size_of::<hipChannelFormatDesc>() - 20usize];
    ["Alignment of hipChannelFormatDesc"][::core::mem::align_of::<hipChannelFormatDesc>() - 4usize];
    ["Offset of field: hipChannelFormatDesc::x"][::core::mem::offset_of!(hipChannelFormatDesc, x) - 0usize];
    ["Offset of field: hipChannelFormatDesc::y"][::core::mem::offset_of!(hipChannelFormatDesc, y) - 4usize];
    ["Offset of field: hipChannelFormatDesc::z"][::core::mem::offset_of!(hipChannelFormatDesc, z) - 8usize];
    ["Offset of field: hipChannelFormatDesc::w"][::core::mem::offset_of!(hipChannelFormatDesc, w) - 12usize];
    ["Offset of field: hipChannelFormatDesc::f"][::core::mem::offset_of!(hipChannelFormatDesc, f) - 16usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct HIP_ARRAY_DESCRIPTOR {
    pub Width: usize,
    pub Height: usize,
    pub Format: ::core::ffi::c_uint,
    pub NumChannels: ::core::ffi::c_uint,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of HIP_ARRAY_DESCRIPTOR"][::core::mem::size_of::<HIP_ARRAY_DESCRIPTOR>() - 24usize];
    ["Alignment of HIP_ARRAY_DESCRIPTOR"][::core::mem::align_of::<HIP_ARRAY_DESCRIPTOR>() - 8usize];
    ["Offset of field: HIP_ARRAY_DESCRIPTOR::Width"][::core::mem::offset_of!(HIP_ARRAY_DESCRIPTOR, Width) - 0usize];
    ["Offset of field: HIP_ARRAY_DESCRIPTOR::Height"][::core::mem::offset_of!(HIP_ARRAY_DESCRIPTOR, Height) - 8usize];
    ["Offset of field: HIP_ARRAY_DESCRIPTOR::Format"][::core::mem::offset_of!(HIP_ARRAY_DESCRIPTOR, Format) - 16usize];
    ["Offset of field: HIP_ARRAY_DESCRIPTOR::NumChannels"]
        [::core::mem::offset_of!(HIP_ARRAY_DESCRIPTOR, NumChannels) - 20usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct HIP_ARRAY3D_DESCRIPTOR {
    pub Width: usize,
    pub Height: usize,
    pub Depth: usize,
    pub Format: ::core::ffi::c_uint,
    pub NumChannels: ::core::ffi::c_uint,
    pub Flags: ::core::ffi::c_uint,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of HIP_ARRAY3D_DESCRIPTOR"][::core::mem::size_of::<HIP_ARRAY3D_DESCRIPTOR>() - 40usize];
    ["Alignment of HIP_ARRAY3D_DESCRIPTOR"][::core::mem::align_of::<HIP_ARRAY3D_DESCRIPTOR>() - 8usize];
    ["Offset of field: HIP_ARRAY3D_DESCRIPTOR::Width"][::core::mem::offset_of!(HIP_ARRAY3D_DESCRIPTOR, Width) - 0usize];
    ["Offset of field: HIP_ARRAY3D_DESCRIPTOR::Height"]
        [::core::mem::offset_of!(HIP_ARRAY3D_DESCRIPTOR, Height) - 8usize];
    ["Offset of field: HIP_ARRAY3D_DESCRIPTOR::Depth"]
        [::core::mem::offset_of!(HIP_ARRAY3D_DESCRIPTOR, Depth) - 16usize];
    ["Offset of field: HIP_ARRAY3D_DESCRIPTOR::Format"]
        [::core::mem::offset_of!(HIP_ARRAY3D_DESCRIPTOR, Format) - 24usize];
    ["Offset of field: HIP_ARRAY3D_DESCRIPTOR::NumChannels"]
        [::core::mem::offset_of!(HIP_ARRAY3D_DESCRIPTOR, NumChannels) - 28usize];
    ["Offset of field: HIP_ARRAY3D_DESCRIPTOR::Flags"]
        [::core::mem::offset_of!(HIP_ARRAY3D_DESCRIPTOR, Flags) - 32usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct hipIpcMemHandle_t {
    pub reserved: [::core::ffi::c_char; 64usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of hipIpcMemHandle_t"][::core::mem::size_of::<hipIpcMemHandle_t>() - 64usize];
    ["Alignment of hipIpcMemHandle_t"][::core::mem::align_of::<hipIpcMemHandle_t>() - 1usize];
    ["Offset of field: hipIpcMemHandle_t::reserved"][::core::mem::offset_of!(hipIpcMemHandle_t, reserved) - 0usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct hipIpcEventHandle_t {
    pub reserved: [::core::ffi::c_char; 64usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of hipIpcEventHandle_t"][::core::mem::size_of::<hipIpcEventHandle_t>() - 64usize];
    ["Alignment of hipIpcEventHandle_t"][::core::mem::align_of::<hipIpcEventHandle_t>() - 1usize];
    ["Offset of field: hipIpcEventHandle_t::reserved"][::core::mem::offset_of!(hipIpcEventHandle_t, reserved) - 0usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct hipMemLocation {
    pub type_: ::core::ffi::c_uint,
    pub id: ::core::ffi::c_int,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of hipMemLocation"][::core::mem::size_of::<hipMemLocation>() - 8usize];
    ["Alignment of hipMemLocation"][::core::mem::align_of::<hipMemLocation>() - 4usize];
    ["Offset of field: hipMemLocation::type_"][::core::mem::offset_of!(hipMemLocation, type_) - 0usize];
    ["Offset of field: hipMemLocation::id"][::core::mem::offset_of!(hipMemLocation, id) - 4usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct hipMemPoolProps {
    pub allocType: ::core::ffi::c_uint,
    pub handleTypes: ::core::ffi::c_uint,
    pub location: hipMemLocation,
    pub rest: [::core::ffi::c_uchar; 72usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of hipMemPoolProps"][::core::mem::size_of::<hipMemPoolProps>() - 88usize];
    ["Alignment of hipMemPoolProps"][::core::mem::align_of::<hipMemPoolProps>() - 4usize];
    ["Offset of field: hipMemPoolProps::allocType"][::core::mem::offset_of!(hipMemPoolProps, allocType) - 0usize];
    ["Offset of field: hipMemPoolProps::handleTypes"][::core::mem::offset_of!(hipMemPoolProps, handleTypes) - 4usize];
    ["Offset of field: hipMemPoolProps::location"][::core::mem::offset_of!(hipMemPoolProps, location) - 8usize];
    ["Offset of field: hipMemPoolProps::rest"][::core::mem::offset_of!(hipMemPoolProps, rest) - 16usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct hipMemAllocationProp {
    pub type_: ::core::ffi::c_uint,
    pub requestedHandleType: ::core::ffi::c_uint,
    pub location: hipMemLocation,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of hipMemAllocationProp"][::core::mem::size_of::<hipMemAllocationProp>() - 16usize];
    ["Alignment of hipMemAllocationProp"][::core::mem::align_of::<hipMemAllocationProp>() - 4usize];
    ["Offset of field: hipMemAllocationProp::type_"][::core::mem::offset_of!(hipMemAllocationProp, type_) - 0usize];
    ["Offset of field: hipMemAllocationProp::requestedHandleType"]
        [::core::mem::offset_of!(hipMemAllocationProp, requestedHandleType) - 4usize];
    ["Offset of field: hipMemAllocationProp::location"]
        [::core::mem::offset_of!(hipMemAllocationProp, location) - 8usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct hipMemAllocNodeParams {
    pub poolProps: hipMemPoolProps,
    pub accessDescs: *const hipMemAccessDesc,
    pub accessDescCount: usize,
    pub bytesize: usize,
    pub dptr: *mut ::core::ffi::c_void,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of hipMemAllocNodeParams"][::core::mem::size_of::<hipMemAllocNodeParams>() - 120usize];
    ["Alignment of hipMemAllocNodeParams"][::core::mem::align_of::<hipMemAllocNodeParams>() - 8usize];
    ["Offset of field: hipMemAllocNodeParams::poolProps"]
        [::core::mem::offset_of!(hipMemAllocNodeParams, poolProps) - 0usize];
    ["Offset of field: hipMemAllocNodeParams::accessDescs"]
        [::core::mem::offset_of!(hipMemAllocNodeParams, accessDescs) - 88usize];
    ["Offset of field: hipMemAllocNodeParams::accessDescCount"]
        [::core::mem::offset_of!(hipMemAllocNodeParams, accessDescCount) - 96usize];
    ["Offset of field: hipMemAllocNodeParams::bytesize"]
        [::core::mem::offset_of!(hipMemAllocNodeParams, bytesize) - 104usize];
    ["Offset of field: hipMemAllocNodeParams::dptr"][::core::mem::offset_of!(hipMemAllocNodeParams, dptr) - 112usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct hipExternalMemoryHandleDesc {
    pub type_: ::core::ffi::c_uint,
    pub handle: [*mut ::core::ffi::c_void; 2usize],
    pub size: ::core::ffi::c_ulonglong,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of hipExternalMemoryHandleDesc"][::core::mem::size_of::<hipExternalMemoryHandleDesc>() - 32usize];
    ["Alignment of hipExternalMemoryHandleDesc"][::core::mem::align_of::<hipExternalMemoryHandleDesc>() - 8usize];
    ["Offset of field: hipExternalMemoryHandleDesc::type_"]
        [::core::mem::offset_of!(hipExternalMemoryHandleDesc, type_) - 0usize];
    ["Offset of field: hipExternalMemoryHandleDesc::handle"]
        [::core::mem::offset_of!(hipExternalMemoryHandleDesc, handle) - 8usize];
    ["Offset of field: hipExternalMemoryHandleDesc::size"]
        [::core::mem::offset_of!(hipExternalMemoryHandleDesc, size) - 24usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct hipExternalMemoryBufferDesc {
    pub offset: ::core::ffi::c_ulonglong,
    pub size: ::core::ffi::c_ulonglong,
    pub flags: ::core::ffi::c_uint,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of hipExternalMemoryBufferDesc"][::core::mem::size_of::<hipExternalMemoryBufferDesc>() - 24usize];
    ["Alignment of hipExternalMemoryBufferDesc"][::core::mem::align_of::<hipExternalMemoryBufferDesc>() - 8usize];
    ["Offset of field: hipExternalMemoryBufferDesc::offset"]
        [::core::mem::offset_of!(hipExternalMemoryBufferDesc, offset) - 0usize];
    ["Offset of field: hipExternalMemoryBufferDesc::size"]
        [::core::mem::offset_of!(hipExternalMemoryBufferDesc, size) - 8usize];
    ["Offset of field: hipExternalMemoryBufferDesc::flags"]
        [::core::mem::offset_of!(hipExternalMemoryBufferDesc, flags) - 16usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct hipPointerAttribute_t {
    pub type_: ::core::ffi::c_uint,
    pub device: ::core::ffi::c_int,
    pub devicePointer: *mut ::core::ffi::c_void,
    pub hostPointer: *mut ::core::ffi::c_void,
    pub isManaged: ::core::ffi::c_int,
    pub allocationFlags: ::core::ffi::c_uint,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of hipPointerAttribute_t"][::core::mem::size_of::<hipPointerAttribute_t>() - 32usize];
    ["Alignment of hipPointerAttribute_t"][::core::mem::align_of::<hipPointerAttribute_t>() - 8usize];
    ["Offset of field: hipPointerAttribute_t::type_"][::core::mem::offset_of!(hipPointerAttribute_t, type_) - 0usize];
    ["Offset of field: hipPointerAttribute_t::device"][::core::mem::offset_of!(hipPointerAttribute_t, device) - 4usize];
    ["Offset of field: hipPointerAttribute_t::devicePointer"]
        [::core::mem::offset_of!(hipPointerAttribute_t, devicePointer) - 8usize];
    ["Offset of field: hipPointerAttribute_t::hostPointer"]
        [::core::mem::offset_of!(hipPointerAttribute_t, hostPointer) - 16usize];
    ["Offset of field: hipPointerAttribute_t::isManaged"]
        [::core::mem::offset_of!(hipPointerAttribute_t, isManaged) - 24usize];
    ["Offset of field: hipPointerAttribute_t::allocationFlags"]
        [::core::mem::offset_of!(hipPointerAttribute_t, allocationFlags) - 28usize];
};
pub type hipHostMalloc = ::core::option::Option<
    unsafe extern "C" fn(ptr: *mut *mut ::core::ffi::c_void, size: usize, flags: ::core::ffi::c_uint) -> hipError_t,
>;
pub type hipHostAlloc = ::core::option::Option<
    unsafe extern "C" fn(ptr: *mut *mut ::core::ffi::c_void, size: usize, flags: ::core::ffi::c_uint) -> hipError_t,
>;
pub type hipMemAllocHost =
    ::core::option::Option<unsafe extern "C" fn(ptr: *mut *mut ::core::ffi::c_void, size: usize) -> hipError_t>;
pub type hipMallocHost =
    ::core::option::Option<unsafe extern "C" fn(ptr: *mut *mut ::core::ffi::c_void, size: usize) -> hipError_t>;
pub type hipHostRegister = ::core::option::Option<
    unsafe extern "C" fn(hostPtr: *mut ::core::ffi::c_void, sizeBytes: usize, flags: ::core::ffi::c_uint) -> hipError_t,
>;
pub type hipHostFree = ::core::option::Option<unsafe extern "C" fn(ptr: *mut ::core::ffi::c_void) -> hipError_t>;
pub type hipFreeHost = ::core::option::Option<unsafe extern "C" fn(ptr: *mut ::core::ffi::c_void) -> hipError_t>;
pub type hipHostUnregister =
    ::core::option::Option<unsafe extern "C" fn(hostPtr: *mut ::core::ffi::c_void) -> hipError_t>;
pub type hipFree = ::core::option::Option<unsafe extern "C" fn(ptr: *mut ::core::ffi::c_void) -> hipError_t>;
pub type hipMalloc =
    ::core::option::Option<unsafe extern "C" fn(ptr: *mut *mut ::core::ffi::c_void, size: usize) -> hipError_t>;
pub type hipExtMallocWithFlags = ::core::option::Option<
    unsafe extern "C" fn(
        ptr: *mut *mut ::core::ffi::c_void,
        sizeBytes: usize,
        flags: ::core::ffi::c_uint,
    ) -> hipError_t,
>;
pub type hipMallocPitch = ::core::option::Option<
    unsafe extern "C" fn(
        ptr: *mut *mut ::core::ffi::c_void,
        pitch: *mut usize,
        width: usize,
        height: usize,
    ) -> hipError_t,
>;
pub type hipMemAllocPitch = ::core::option::Option<
    unsafe extern "C" fn(
        dptr: *mut hipDeviceptr_t,
        pitch: *mut usize,
        widthInBytes: usize,
        height: usize,
        elementSizeBytes: ::core::ffi::c_uint,
    ) -> hipError_t,
>;
pub type hipMalloc3D =
    ::core::option::Option<unsafe extern "C" fn(pitchedDevPtr: *mut hipPitchedPtr, extent: hipExtent) -> hipError_t>;
pub type hipMallocArray = ::core::option::Option<
    unsafe extern "C" fn(
        array: *mut hipArray_t,
        desc: *const hipChannelFormatDesc,
        width: usize,
        height: usize,
        flags: ::core::ffi::c_uint,
    ) -> hipError_t,
>;
pub type hipMalloc3DArray = ::core::option::Option<
    unsafe extern "C" fn(
        array: *mut hipArray_t,
        desc: *const hipChannelFormatDesc,
        extent: hipExtent,
        flags: ::core::ffi::c_uint,
    ) -> hipError_t,
>;
pub type hipArrayCreate = ::core::option::Option<
    unsafe extern "C" fn(pHandle: *mut hipArray_t, pAllocateArray: *const HIP_ARRAY_DESCRIPTOR) -> hipError_t,
>;
pub type hipArray3DCreate = ::core::option::Option<
    unsafe extern "C" fn(array: *mut hipArray_t, pAllocateArray: *const HIP_ARRAY3D_DESCRIPTOR) -> hipError_t,
>;
pub type hipMallocMipmappedArray = ::core::option::Option<
    unsafe extern "C" fn(
        mipmappedArray: *mut hipMipmappedArray_t,
        desc: *const hipChannelFormatDesc,
        extent: hipExtent,
        numLevels: ::core::ffi::c_uint,
        flags: ::core::ffi::c_uint,
    ) -> hipError_t,
>;
pub type hipMipmappedArrayCreate = ::core::option::Option<
    unsafe extern "C" fn(
        pHandle: *mut hipMipmappedArray_t,
        pMipmappedArrayDesc: *mut HIP_ARRAY3D_DESCRIPTOR,
        numMipmapLevels: ::core::ffi::c_uint,
    ) -> hipError_t,
>;
pub type hipFreeArray = ::core::option::Option<unsafe extern "C" fn(array: hipArray_t) -> hipError_t>;
pub type hipArrayDestroy = ::core::option::Option<unsafe extern "C" fn(array: hipArray_t) -> hipError_t>;
pub type hipFreeMipmappedArray =
    ::core::option::Option<unsafe extern "C" fn(mipmappedArray: hipMipmappedArray_t) -> hipError_t>;
pub type hipMipmappedArrayDestroy =
    ::core::option::Option<unsafe extern "C" fn(hMipmappedArray: hipMipmappedArray_t) -> hipError_t>;
pub type hipMallocManaged = ::core::option::Option<
    unsafe extern "C" fn(dev_ptr: *mut *mut ::core::ffi::c_void, size: usize, flags: ::core::ffi::c_uint) -> hipError_t,
>;
pub type hipMemAdvise = ::core::option::Option<
    unsafe extern "C" fn(
        dev_ptr: *const ::core::ffi::c_void,
        count: usize,
        advice: hipMemoryAdvise,
        device: ::core::ffi::c_int,
    ) -> hipError_t,
>;
pub type hipMemPrefetchAsync = ::core::option::Option<
    unsafe extern "C" fn(
        dev_ptr: *const ::core::ffi::c_void,
        count: usize,
        device: ::core::ffi::c_int,
        stream: hipStream_t,
    ) -> hipError_t,
>;
pub type hipStreamAttachMemAsync = ::core::option::Option<
    unsafe extern "C" fn(
        stream: hipStream_t,
        dev_ptr: *mut ::core::ffi::c_void,
        length: usize,
        flags: ::core::ffi::c_uint,
    ) -> hipError_t,
>;
pub type hipMallocAsync = ::core::option::Option<
    unsafe extern "C" fn(dev_ptr: *mut *mut ::core::ffi::c_void, size: usize, stream: hipStream_t) -> hipError_t,
>;
pub type hipMallocFromPoolAsync = ::core::option::Option<
    unsafe extern "C" fn(
        dev_ptr: *mut *mut ::core::ffi::c_void,
        size: usize,
        mem_pool: hipMemPool_t,
        stream: hipStream_t,
    ) -> hipError_t,
>;
pub type hipFreeAsync =
    ::core::option::Option<unsafe extern "C" fn(dev_ptr: *mut ::core::ffi::c_void, stream: hipStream_t) -> hipError_t>;
pub type hipMemPoolCreate = ::core::option::Option<
    unsafe extern "C" fn(mem_pool: *mut hipMemPool_t, pool_props: *const hipMemPoolProps) -> hipError_t,
>;
pub type hipMemPoolDestroy = ::core::option::Option<unsafe extern "C" fn(mem_pool: hipMemPool_t) -> hipError_t>;
pub type hipMemPoolSetAttribute = ::core::option::Option<
    unsafe extern "C" fn(mem_pool: hipMemPool_t, attr: hipMemPoolAttr, value: *mut ::core::ffi::c_void) -> hipError_t,
>;
pub type hipMemPoolGetAttribute = ::core::option::Option<
    unsafe extern "C" fn(mem_pool: hipMemPool_t, attr: hipMemPoolAttr, value: *mut ::core::ffi::c_void) -> hipError_t,
>;
pub type hipMemPoolSetAccess = ::core::option::Option<
    unsafe extern "C" fn(mem_pool: hipMemPool_t, desc_list: *const hipMemAccessDesc, count: usize) -> hipError_t,
>;
pub type hipMemPoolTrimTo =
    ::core::option::Option<unsafe extern "C" fn(mem_pool: hipMemPool_t, min_bytes_to_hold: usize) -> hipError_t>;
pub type hipMemPoolExportPointer = ::core::option::Option<
    unsafe extern "C" fn(export_data: *mut hipMemPoolPtrExportData, dev_ptr: *mut ::core::ffi::c_void) -> hipError_t,
>;
pub type hipMemPoolImportPointer = ::core::option::Option<
    unsafe extern "C" fn(
        dev_ptr: *mut *mut ::core::ffi::c_void,
        mem_pool: hipMemPool_t,
        export_data: *mut hipMemPoolPtrExportData,
    ) -> hipError_t,
>;
pub type hipMemPoolExportToShareableHandle = ::core::option::Option<
    unsafe extern "C" fn(
        shared_handle: *mut ::core::ffi::c_void,
        mem_pool: hipMemPool_t,
        handle_type: hipMemAllocationHandleType,
        flags: ::core::ffi::c_uint,
    ) -> hipError_t,
>;
pub type hipMemPoolImportFromShareableHandle = ::core::option::Option<
    unsafe extern "C" fn(
        mem_pool: *mut hipMemPool_t,
        shared_handle: *mut ::core::ffi::c_void,
        handle_type: hipMemAllocationHandleType,
        flags: ::core::ffi::c_uint,
    ) -> hipError_t,
>;
pub type hipDeviceSetMemPool =
    ::core::option::Option<unsafe extern "C" fn(device: ::core::ffi::c_int, mem_pool: hipMemPool_t) -> hipError_t>;
pub type hipMemAddressReserve = ::core::option::Option<
    unsafe extern "C" fn(
        ptr: *mut *mut ::core::ffi::c_void,
        size: usize,
        alignment: usize,
        addr: *mut ::core::ffi::c_void,
        flags: ::core::ffi::c_ulonglong,
    ) -> hipError_t,
>;
pub type hipMemAddressFree =
    ::core::option::Option<unsafe extern "C" fn(devPtr: *mut ::core::ffi::c_void, size: usize) -> hipError_t>;
pub type hipMemCreate = ::core::option::Option<
    unsafe extern "C" fn(
        handle: *mut hipMemGenericAllocationHandle_t,
        size: usize,
        prop: *const hipMemAllocationProp,
        flags: ::core::ffi::c_ulonglong,
    ) -> hipError_t,
>;
pub type hipMemRelease =
    ::core::option::Option<unsafe extern "C" fn(handle: hipMemGenericAllocationHandle_t) -> hipError_t>;
pub type hipMemMap = ::core::option::Option<
    unsafe extern "C" fn(
        ptr: *mut ::core::ffi::c_void,
        size: usize,
        offset: usize,
        handle: hipMemGenericAllocationHandle_t,
        flags: ::core::ffi::c_ulonglong,
    ) -> hipError_t,
>;
pub type hipMemUnmap =
    ::core::option::Option<unsafe extern "C" fn(ptr: *mut ::core::ffi::c_void, size: usize) -> hipError_t>;
pub type hipMemSetAccess = ::core::option::Option<
    unsafe extern "C" fn(
        ptr: *mut ::core::ffi::c_void,
        size: usize,
        desc: *const hipMemAccessDesc,
        count: usize,
    ) -> hipError_t,
>;
pub type hipMemMapArrayAsync = ::core::option::Option<
    unsafe extern "C" fn(
        mapInfoList: *mut hipArrayMapInfo,
        count: ::core::ffi::c_uint,
        stream: hipStream_t,
    ) -> hipError_t,
>;
pub type hipMemRetainAllocationHandle = ::core::option::Option<
    unsafe extern "C" fn(handle: *mut hipMemGenericAllocationHandle_t, addr: *mut ::core::ffi::c_void) -> hipError_t,
>;
pub type hipMemExportToShareableHandle = ::core::option::Option<
    unsafe extern "C" fn(
        shareableHandle: *mut ::core::ffi::c_void,
        handle: hipMemGenericAllocationHandle_t,
        handleType: hipMemAllocationHandleType,
        flags: ::core::ffi::c_ulonglong,
    ) -> hipError_t,
>;
pub type hipMemImportFromShareableHandle = ::core::option::Option<
    unsafe extern "C" fn(
        handle: *mut hipMemGenericAllocationHandle_t,
        osHandle: *mut ::core::ffi::c_void,
        shHandleType: hipMemAllocationHandleType,
    ) -> hipError_t,
>;
pub type hipIpcGetMemHandle = ::core::option::Option<
    unsafe extern "C" fn(handle: *mut hipIpcMemHandle_t, devPtr: *mut ::core::ffi::c_void) -> hipError_t,
>;
pub type hipIpcOpenMemHandle = ::core::option::Option<
    unsafe extern "C" fn(
        devPtr: *mut *mut ::core::ffi::c_void,
        handle: hipIpcMemHandle_t,
        flags: ::core::ffi::c_uint,
    ) -> hipError_t,
>;
pub type hipIpcCloseMemHandle =
    ::core::option::Option<unsafe extern "C" fn(devPtr: *mut ::core::ffi::c_void) -> hipError_t>;
pub type hipIpcGetEventHandle =
    ::core::option::Option<unsafe extern "C" fn(handle: *mut hipIpcEventHandle_t, event: hipEvent_t) -> hipError_t>;
pub type hipIpcOpenEventHandle =
    ::core::option::Option<unsafe extern "C" fn(event: *mut hipEvent_t, handle: hipIpcEventHandle_t) -> hipError_t>;
pub type hipImportExternalMemory = ::core::option::Option<
    unsafe extern "C" fn(
        extMem_out: *mut hipExternalMemory_t,
        memHandleDesc: *const hipExternalMemoryHandleDesc,
    ) -> hipError_t,
>;
pub type hipExternalMemoryGetMappedBuffer = ::core::option::Option<
    unsafe extern "C" fn(
        devPtr: *mut *mut ::core::ffi::c_void,
        extMem: hipExternalMemory_t,
        bufferDesc: *const hipExternalMemoryBufferDesc,
    ) -> hipError_t,
>;
pub type hipDestroyExternalMemory =
    ::core::option::Option<unsafe extern "C" fn(extMem: hipExternalMemory_t) -> hipError_t>;
pub type hipEventCreateWithFlags =
    ::core::option::Option<unsafe extern "C" fn(event: *mut hipEvent_t, flags: ::core::ffi::c_uint) -> hipError_t>;
pub type hipStreamWaitValue32 = ::core::option::Option<
    unsafe extern "C" fn(
        stream: hipStream_t,
        ptr: *mut ::core::ffi::c_void,
        value: u32,
        flags: ::core::ffi::c_uint,
        mask: u32,
    ) -> hipError_t,
>;
pub type hipStreamWaitValue64 = ::core::option::Option<
    unsafe extern "C" fn(
        stream: hipStream_t,
        ptr: *mut ::core::ffi::c_void,
        value: u64,
        flags: ::core::ffi::c_uint,
        mask: u64,
    ) -> hipError_t,
>;
pub type hipStreamWriteValue32 = ::core::option::Option<
    unsafe extern "C" fn(
        stream: hipStream_t,
        ptr: *mut ::core::ffi::c_void,
        value: u32,
        flags: ::core::ffi::c_uint,
    ) -> hipError_t,
>;
pub type hipStreamWriteValue64 = ::core::option::Option<
    unsafe extern "C" fn(
        stream: hipStream_t,
        ptr: *mut ::core::ffi::c_void,
        value: u64,
        flags: ::core::ffi::c_uint,
    ) -> hipError_t,
>;
pub type hipHostGetFlags = ::core::option::Option<
    unsafe extern "C" fn(flagsPtr: *mut ::core::ffi::c_uint, hostPtr: *mut ::core::ffi::c_void) -> hipError_t,
>;
pub type hipPointerGetAttributes = ::core::option::Option<
    unsafe extern "C" fn(attributes: *mut hipPointerAttribute_t, ptr: *const ::core::ffi::c_void) -> hipError_t,
>;
pub type hipPointerGetAttribute = ::core::option::Option<
    unsafe extern "C" fn(
        data: *mut ::core::ffi::c_void,
        attribute: hipPointer_attribute,
        ptr: hipDeviceptr_t,
    ) -> hipError_t,
>;
pub type hipDrvPointerGetAttributes = ::core::option::Option<
    unsafe extern "C" fn(
        numAttributes: ::core::ffi::c_uint,
        attributes: *mut hipPointer_attribute,
        data: *mut *mut ::core::ffi::c_void,
        ptr: hipDeviceptr_t,
    ) -> hipError_t,
>;
pub type hipMemRangeGetAttribute = ::core::option::Option<
    unsafe extern "C" fn(
        data: *mut ::core::ffi::c_void,
        data_size: usize,
        attribute: hipMemRangeAttribute,
        dev_ptr: *const ::core::ffi::c_void,
        count: usize,
    ) -> hipError_t,
>;
pub type hipMemRangeGetAttributes = ::core::option::Option<
    unsafe extern "C" fn(
        data: *mut *mut ::core::ffi::c_void,
        data_sizes: *mut usize,
        attributes: *mut hipMemRangeAttribute,
        num_attributes: usize,
        dev_ptr: *const ::core::ffi::c_void,
        count: usize,
    ) -> hipError_t,
>;
pub type hipDeviceGetAttribute = ::core::option::Option<
    unsafe extern "C" fn(
        pi: *mut ::core::ffi::c_int,
        attr: hipDeviceAttribute_t,
        deviceId: ::core::ffi::c_int,
    ) -> hipError_t,
>;
pub type hipGetDeviceCount = ::core::option::Option<unsafe extern "C" fn(count: *mut ::core::ffi::c_int) -> hipError_t>;
pub type hipGetDevice = ::core::option::Option<unsafe extern "C" fn(deviceId: *mut ::core::ffi::c_int) -> hipError_t>;
pub type hipDeviceGetPCIBusId = ::core::option::Option<
    unsafe extern "C" fn(
        pciBusId: *mut ::core::ffi::c_char,
        len: ::core::ffi::c_int,
        device: ::core::ffi::c_int,
    ) -> hipError_t,
>;
pub type hipRuntimeGetVersion =
    ::core::option::Option<unsafe extern "C" fn(runtimeVersion: *mut ::core::ffi::c_int) -> hipError_t>;
pub type hipStreamIsCapturing = ::core::option::Option<
    unsafe extern "C" fn(stream: hipStream_t, pCaptureStatus: *mut hipStreamCaptureStatus) -> hipError_t,
>;
pub type hipStreamSynchronize = ::core::option::Option<unsafe extern "C" fn(stream: hipStream_t) -> hipError_t>;
pub type hipThreadExchangeStreamCaptureMode =
    ::core::option::Option<unsafe extern "C" fn(mode: *mut hipStreamCaptureMode) -> hipError_t>;
pub type hipDeviceGetMemPool =
    ::core::option::Option<unsafe extern "C" fn(mem_pool: *mut hipMemPool_t, device: ::core::ffi::c_int) -> hipError_t>;
pub type hipGetStreamDeviceId = ::core::option::Option<unsafe extern "C" fn(stream: hipStream_t) -> ::core::ffi::c_int>;
pub type hipGraphAddMemAllocNode = ::core::option::Option<
    unsafe extern "C" fn(
        pGraphNode: *mut hipGraphNode_t,
        graph: hipGraph_t,
        pDependencies: *const hipGraphNode_t,
        numDependencies: usize,
        pNodeParams: *mut hipMemAllocNodeParams,
    ) -> hipError_t,
>;
pub type hipGraphAddMemFreeNode = ::core::option::Option<
    unsafe extern "C" fn(
        pGraphNode: *mut hipGraphNode_t,
        graph: hipGraph_t,
        pDependencies: *const hipGraphNode_t,
        numDependencies: usize,
        dev_ptr: *mut ::core::ffi::c_void,
    ) -> hipError_t,
>;
pub type hipDrvGraphAddMemFreeNode = ::core::option::Option<
    unsafe extern "C" fn(
        phGraphNode: *mut hipGraphNode_t,
        hGraph: hipGraph_t,
        dependencies: *const hipGraphNode_t,
        numDependencies: usize,
        dptr: hipDeviceptr_t,
    ) -> hipError_t,
>;
pub type hipExternalMemoryGetMappedMipmappedArray = ::core::option::Option<
    unsafe extern "C" fn(
        mipmap: *mut hipMipmappedArray_t,
        extMem: hipExternalMemory_t,
        mipmapDesc: *const hipExternalMemoryMipmappedArrayDesc,
    ) -> hipError_t,
>;
pub type hipMemAdvise_v2 = ::core::option::Option<
    unsafe extern "C" fn(
        dev_ptr: *const ::core::ffi::c_void,
        count: usize,
        advice: hipMemoryAdvise,
        location: hipMemLocation,
    ) -> hipError_t,
>;
pub type hipMemPrefetchAsync_v2 = ::core::option::Option<
    unsafe extern "C" fn(
        dev_ptr: *const ::core::ffi::c_void,
        count: usize,
        location: hipMemLocation,
        flags: ::core::ffi::c_uint,
        stream: hipStream_t,
    ) -> hipError_t,
>;
pub type hipMemGetHandleForAddressRange = ::core::option::Option<
    unsafe extern "C" fn(
        handle: *mut ::core::ffi::c_void,
        dptr: hipDeviceptr_t,
        size: usize,
        handleType: hipMemRangeHandleType,
        flags: ::core::ffi::c_ulonglong,
    ) -> hipError_t,
>;
pub type hipGetProcAddress_spt = ::core::option::Option<
    unsafe extern "C" fn(
        symbol: *const ::core::ffi::c_char,
        pfn: *mut *mut ::core::ffi::c_void,
        hipVersion: ::core::ffi::c_int,
        flags: u64,
        symbolStatus: *mut ::core::ffi::c_void,
    ) -> hipError_t,
>;
pub type hipGetDriverEntryPoint_spt = ::core::option::Option<
    unsafe extern "C" fn(
        symbol: *const ::core::ffi::c_char,
        funcPtr: *mut *mut ::core::ffi::c_void,
        flags: ::core::ffi::c_ulonglong,
        driverStatus: *mut ::core::ffi::c_void,
    ) -> hipError_t,
>;
pub type hipDriverProcAddressQueryResult = ::core::ffi::c_void;
pub type hipDriverEntryPointQueryResult = ::core::ffi::c_void;
pub type hipGetProcAddress = ::core::option::Option<
    unsafe extern "C" fn(
        symbol: *const ::core::ffi::c_char,
        pfn: *mut *mut ::core::ffi::c_void,
        hipVersion: ::core::ffi::c_int,
        flags: u64,
        symbolStatus: *mut hipDriverProcAddressQueryResult,
    ) -> hipError_t,
>;
pub type hipGetDriverEntryPoint = ::core::option::Option<
    unsafe extern "C" fn(
        symbol: *const ::core::ffi::c_char,
        funcPtr: *mut *mut ::core::ffi::c_void,
        flags: ::core::ffi::c_ulonglong,
        driverStatus: *mut hipDriverEntryPointQueryResult,
    ) -> hipError_t,
>;
