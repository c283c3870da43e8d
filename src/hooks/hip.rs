//! The hooks of libamdhip64.
//!
//! Each has the real function's own arguments and, behind them, the return address of the call.

use std::ffi::{CStr, c_char, c_int, c_uint, c_ulonglong, c_void};

use rmcp_policy::{Call, Rewrite};

use crate::abi::hip::{hipError_t, hipErrorSharedObjectInitFailed, hipSuccess};
use crate::api;
use crate::call::Outermost;
use crate::decide::{self, Asked, Verdict};
use crate::hooks::address_by_name;
use crate::hooks::hsa::CoarseLock;
use crate::pointers::REWRITTEN;
use crate::real::Real;
use crate::recorder;

/// A host allocation: `call` makes the real call, by hipHostMalloc with other flags if it is given some; `pointer` is what it
/// allocated.
///
/// Whatever the real call returns is what the program gets: a rewritten call that fails is not tried again.
fn allocate(
    real: &'static Real,
    asked: Asked,
    call: impl FnOnce(Option<u32>) -> hipError_t,
    pointer: impl FnOnce() -> *mut c_void,
) -> hipError_t {
    let Some(outermost) = Outermost::enter() else { return call(None) };
    let decided;
    let verdict = match outermost.ours(|| decide::remembered(real, &asked)).flatten() {
        Some(verdict) => verdict,
        None => {
            decided = outermost.ours(|| decide::hip(real, &asked)).unwrap_or_else(Verdict::internal_error);
            &decided
        }
    };
    let code = call(match verdict.rewrite() {
        Some(Rewrite::Flags(flags) | Rewrite::HostMalloc(flags)) => Some(flags),
        _ => None,
    });
    outermost.ours(|| {
        let address = if code == hipSuccess { pointer() } else { std::ptr::null_mut() };
        recorder::allocation(&asked, verdict, address, code as i32);
    });
    code
}

/// Reads the address that an allocation function stored.
///
/// # Safety
/// `out` is what the program passed to a call that succeeded.
unsafe fn stored(out: *mut *mut c_void) -> *mut c_void {
    // SAFETY: the real function has just written it.
    unsafe { out.read_unaligned() }
}

pub unsafe extern "C" fn host_malloc<const I: usize>(
    out: *mut *mut c_void,
    size: usize,
    flags: c_uint,
    caller: *const c_void,
) -> hipError_t {
    let real = Real::instance(I);
    let Some(function) = real.hipHostMalloc() else { return hipErrorSharedObjectInitFailed };
    // SAFETY: the program's own arguments.
    allocate(
        real,
        Asked { call: Call::HipHostMalloc, size, flags, caller },
        |new| unsafe { function(out, size, new.unwrap_or(flags)) },
        || unsafe { stored(out) },
    )
}

pub unsafe extern "C" fn host_alloc<const I: usize>(
    out: *mut *mut c_void,
    size: usize,
    flags: c_uint,
    caller: *const c_void,
) -> hipError_t {
    let real = Real::instance(I);
    let Some(function) = real.hipHostAlloc() else { return hipErrorSharedObjectInitFailed };
    let call = |new: Option<u32>| match (new, real.hipHostMalloc()) {
        // hipHostAlloc knows no NonCoherent flag: a rewritten request goes to hipHostMalloc, which allocates the same memory.
        // SAFETY: the program's own arguments.
        (Some(new), Some(host_malloc)) => unsafe { host_malloc(out, size, new) },
        // SAFETY: the program's own arguments.
        _ => unsafe { function(out, size, flags) },
    };
    // SAFETY: read only after success.
    allocate(real, Asked { call: Call::HipHostAlloc, size, flags, caller }, call, || unsafe { stored(out) })
}

pub unsafe extern "C" fn mem_alloc_host<const I: usize>(
    out: *mut *mut c_void,
    size: usize,
    caller: *const c_void,
) -> hipError_t {
    let real = Real::instance(I);
    let Some(function) = real.hipMemAllocHost() else { return hipErrorSharedObjectInitFailed };
    let call = |new: Option<u32>| match (new, real.hipHostMalloc()) {
        // SAFETY: the program's own arguments.
        (Some(new), Some(host_malloc)) => unsafe { host_malloc(out, size, new) },
        // SAFETY: the program's own arguments.
        _ => unsafe { function(out, size) },
    };
    // SAFETY: read only after success.
    allocate(real, Asked { call: Call::HipMemAllocHost, size, flags: 0, caller }, call, || unsafe { stored(out) })
}

pub unsafe extern "C" fn malloc_host<const I: usize>(
    out: *mut *mut c_void,
    size: usize,
    caller: *const c_void,
) -> hipError_t {
    let real = Real::instance(I);
    let Some(function) = real.hipMallocHost() else { return hipErrorSharedObjectInitFailed };
    // SAFETY: the program's own arguments; read only after success.
    allocate(
        real,
        Asked { call: Call::HipMallocHost, size, flags: 0, caller },
        |_| unsafe { function(out, size) },
        || unsafe { stored(out) },
    )
}

pub unsafe extern "C" fn host_register<const I: usize>(
    pointer: *mut c_void,
    size: usize,
    flags: c_uint,
    caller: *const c_void,
) -> hipError_t {
    let real = Real::instance(I);
    let Some(function) = real.hipHostRegister() else { return hipErrorSharedObjectInitFailed };
    let Some(outermost) = Outermost::enter() else {
        // SAFETY: the program's own arguments.
        return unsafe { function(pointer, size, flags) };
    };
    let asked = Asked { call: Call::HipHostRegister, size, flags, caller };
    let mut verdict = outermost.ours(|| decide::hip(real, &asked)).unwrap_or_else(Verdict::internal_error);
    // There is no flag for it: the pinning call that HIP makes of this one is sent to the coarse-grained pool by our HSA hook.
    let marker = (verdict.rewrite() == Some(Rewrite::RegisterCoarse)).then(|| CoarseLock::expect(pointer, size));
    // SAFETY: the program's own arguments.
    let code = unsafe { function(pointer, size, flags) };
    outermost.ours(|| {
        if let Some(marker) = marker
            && !marker.used()
        {
            verdict = verdict.passed(
                "no-coarse-pin",
                "HIP did not pin this range through the HSA front, or the host has no coarse-grained pool",
            );
        }
        let address = if code == hipSuccess { pointer } else { std::ptr::null_mut() };
        recorder::allocation(&asked, &verdict, address, code as i32);
    });
    code
}

/// A free: recorded, never changed.
fn free(
    name: &'static str,
    pointer: *mut c_void,
    caller: *const c_void,
    call: impl FnOnce() -> hipError_t,
) -> hipError_t {
    let Some(outermost) = Outermost::enter() else { return call() };
    // Forgotten before the call: afterwards the address may already belong to another thread's allocation.
    let rewritten = outermost.ours(|| api::forget(pointer.addr())).flatten();
    let code = call();
    outermost.ours(|| {
        if let Some(range) = rewritten.filter(|_| code != hipSuccess) {
            api::remember(range);
        }
        recorder::free(name, pointer, code as i32, caller);
    });
    code
}

pub unsafe extern "C" fn host_free<const I: usize>(pointer: *mut c_void, caller: *const c_void) -> hipError_t {
    let Some(function) = Real::instance(I).hipHostFree() else { return hipErrorSharedObjectInitFailed };
    // SAFETY: the program's own argument.
    free("hipHostFree", pointer, caller, || unsafe { function(pointer) })
}

pub unsafe extern "C" fn free_host<const I: usize>(pointer: *mut c_void, caller: *const c_void) -> hipError_t {
    let Some(function) = Real::instance(I).hipFreeHost() else { return hipErrorSharedObjectInitFailed };
    // SAFETY: the program's own argument.
    free("hipFreeHost", pointer, caller, || unsafe { function(pointer) })
}

pub unsafe extern "C" fn host_unregister<const I: usize>(pointer: *mut c_void, caller: *const c_void) -> hipError_t {
    let Some(function) = Real::instance(I).hipHostUnregister() else { return hipErrorSharedObjectInitFailed };
    // SAFETY: the program's own argument.
    free("hipHostUnregister", pointer, caller, || unsafe { function(pointer) })
}

/// `hipFree` takes host allocations too. Only rewritten ones are looked at: device memory passes without a trace.
pub unsafe extern "C" fn device_free<const I: usize>(pointer: *mut c_void, caller: *const c_void) -> hipError_t {
    let Some(function) = Real::instance(I).hipFree() else { return hipErrorSharedObjectInitFailed };
    // SAFETY: the program's own argument.
    let call = || unsafe { function(pointer) };
    if REWRITTEN.contains(pointer.addr()) { free("hipFree", pointer, caller, call) } else { call() }
}

/// After a call that handed out the function `symbol`: hands out our hook of it, if there is one.
///
/// # Safety
/// `symbol` is null or a C string; `out` is where the real function stored an address.
unsafe fn substitute<const I: usize>(code: hipError_t, symbol: *const c_char, out: *mut *mut c_void) {
    if code != hipSuccess || symbol.is_null() || out.is_null() {
        return;
    }
    // SAFETY: the caller's promise.
    unsafe {
        if !out.read_unaligned().is_null()
            && let Some(hook) = address_by_name(CStr::from_ptr(symbol), I)
        {
            out.write_unaligned(hook);
        }
    }
}

macro_rules! get_proc_address {
    ($hook:ident, $real:ident) => {
        pub unsafe extern "C" fn $hook<const I: usize>(
            symbol: *const c_char,
            out: *mut *mut c_void,
            version: c_int,
            flags: u64,
            status: *mut c_void,
        ) -> hipError_t {
            let Some(function) = Real::instance(I).$real() else { return hipErrorSharedObjectInitFailed };
            // SAFETY: the program's own arguments.
            unsafe {
                let code = function(symbol, out, version, flags, status);
                substitute::<I>(code, symbol, out);
                code
            }
        }
    };
}
get_proc_address!(get_proc_address, hipGetProcAddress);
get_proc_address!(get_proc_address_spt, hipGetProcAddress_spt);

macro_rules! get_driver_entry_point {
    ($hook:ident, $real:ident) => {
        pub unsafe extern "C" fn $hook<const I: usize>(
            symbol: *const c_char,
            out: *mut *mut c_void,
            flags: c_ulonglong,
            status: *mut c_void,
        ) -> hipError_t {
            let Some(function) = Real::instance(I).$real() else { return hipErrorSharedObjectInitFailed };
            // SAFETY: the program's own arguments.
            unsafe {
                let code = function(symbol, out, flags, status);
                substitute::<I>(code, symbol, out);
                code
            }
        }
    };
}
get_driver_entry_point!(get_driver_entry_point, hipGetDriverEntryPoint);
get_driver_entry_point!(get_driver_entry_point_spt, hipGetDriverEntryPoint_spt);
