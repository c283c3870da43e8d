pub const hipSuccess: hipError_t = 0;
pub const hipErrorInvalidValue: hipError_t = 1;
pub const hipErrorOutOfMemory: hipError_t = 2;
pub const hipErrorNotInitialized: hipError_t = 3;
pub const hipErrorNoDevice: hipError_t = 100;
pub const hipErrorSharedObjectInitFailed: hipError_t = 303;
pub type hipError_t = ::core::ffi::c_uint;
pub type hipHostMalloc_t = ::core::option::Option<
    unsafe extern "C" fn(ptr: *mut *mut ::core::ffi::c_void, size: usize, flags: ::core::ffi::c_uint) -> hipError_t,
>;
pub type hipHostAlloc_t = ::core::option::Option<
    unsafe extern "C" fn(ptr: *mut *mut ::core::ffi::c_void, size: usize, flags: ::core::ffi::c_uint) -> hipError_t,
>;
pub type hipMemAllocHost_t =
    ::core::option::Option<unsafe extern "C" fn(ptr: *mut *mut ::core::ffi::c_void, size: usize) -> hipError_t>;
pub type hipMallocHost_t =
    ::core::option::Option<unsafe extern "C" fn(ptr: *mut *mut ::core::ffi::c_void, size: usize) -> hipError_t>;
pub type hipHostRegister_t = ::core::option::Option<
    unsafe extern "C" fn(hostPtr: *mut ::core::ffi::c_void, sizeBytes: usize, flags: ::core::ffi::c_uint) -> hipError_t,
>;
pub type hipHostFree_t = ::core::option::Option<unsafe extern "C" fn(ptr: *mut ::core::ffi::c_void) -> hipError_t>;
pub type hipFreeHost_t = ::core::option::Option<unsafe extern "C" fn(ptr: *mut ::core::ffi::c_void) -> hipError_t>;
pub type hipHostUnregister_t =
    ::core::option::Option<unsafe extern "C" fn(hostPtr: *mut ::core::ffi::c_void) -> hipError_t>;
pub type hipFree_t = ::core::option::Option<unsafe extern "C" fn(ptr: *mut ::core::ffi::c_void) -> hipError_t>;
pub type hipGetDeviceCount_t =
    ::core::option::Option<unsafe extern "C" fn(count: *mut ::core::ffi::c_int) -> hipError_t>;
pub type hipGetDevice_t = ::core::option::Option<unsafe extern "C" fn(deviceId: *mut ::core::ffi::c_int) -> hipError_t>;
pub type hipDeviceGetPCIBusId_t = ::core::option::Option<
    unsafe extern "C" fn(
        pciBusId: *mut ::core::ffi::c_char,
        len: ::core::ffi::c_int,
        device: ::core::ffi::c_int,
    ) -> hipError_t,
>;
pub type hipRuntimeGetVersion_t =
    ::core::option::Option<unsafe extern "C" fn(runtimeVersion: *mut ::core::ffi::c_int) -> hipError_t>;
pub type hipGetProcAddress_t = ::core::option::Option<
    unsafe extern "C" fn(
        symbol: *const ::core::ffi::c_char,
        pfn: *mut *mut ::core::ffi::c_void,
        hipVersion: ::core::ffi::c_int,
        flags: u64,
        symbolStatus: *mut ::core::ffi::c_void,
    ) -> hipError_t,
>;
pub type hipGetDriverEntryPoint_t = ::core::option::Option<
    unsafe extern "C" fn(
        symbol: *const ::core::ffi::c_char,
        funcPtr: *mut *mut ::core::ffi::c_void,
        flags: ::core::ffi::c_ulonglong,
        driverEntryPointStatus: *mut ::core::ffi::c_void,
    ) -> hipError_t,
>;
