//! The hooks of libamdhip64 that do more than record.
//!
//! Each has the real function's own arguments and, behind them, the return address of the call.

#![allow(non_snake_case)] // the names are HIP\'s

pub use super::attributes::*;
pub use super::ordering::*;

use std::ffi::{CStr, c_char, c_int, c_uint, c_ulonglong, c_void};

use rmcp_policy::{Call, MANAGED_ADVICE_REFUSED, NO_COARSE_PIN, Rewrite};

use crate::abi::hip::{hipError_t, hipErrorSharedObjectInitFailed, hipMemAdviseSetCoarseGrain, hipSuccess};
use crate::call::Outermost;
use crate::decide::{self, Asked, Verdict};
use crate::hooks::address_by_name;
use crate::hooks::hip::rows;
use crate::hooks::hsa::CoarseLock;
use crate::real::Real;
use crate::recorder;

/// A host allocation: `call` makes the real call, by hipHostMalloc with other flags if it is given some; `pointer` is what it
/// allocated.
///
/// Whatever the real call returns is what the program gets: a rewritten call that fails is not tried again.
fn allocate(
    asked: Asked,
    call: impl FnOnce(Option<u32>) -> hipError_t,
    pointer: impl FnOnce() -> *mut c_void,
) -> hipError_t {
    let Some(outermost) = Outermost::enter() else { return call(None) };
    let decided;
    let verdict = match outermost.ours(|| decide::remembered(&asked)).flatten() {
        Some(verdict) => verdict,
        None => {
            decided = outermost.ours(|| decide::hip(&asked)).unwrap_or_else(Verdict::internal_error);
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

/// A request that another function of HIP's cannot express, made by hipHostMalloc, which allocates the same memory; `None`: it was not rewritten.
fn by_host_malloc(real: &Real, out: *mut *mut c_void, size: usize, flags: Option<u32>) -> Option<hipError_t> {
    let (function, flags) = (real.hipHostMalloc()?, flags?);
    // SAFETY: the program's own arguments, but for the flags.
    Some(unsafe { function(out, size, flags) })
}

pub unsafe extern "C" fn hipHostMalloc<const I: usize>(
    out: *mut *mut c_void,
    size: usize,
    flags: c_uint,
    caller: *const c_void,
) -> hipError_t {
    let real = Real::instance(I);
    let Some(function) = real.hipHostMalloc() else { return hipErrorSharedObjectInitFailed };
    // SAFETY: the program's own arguments.
    allocate(
        Asked { real, row: &rows::hipHostMalloc, call: Call::HipHostMalloc, size, flags, caller },
        |new| unsafe { function(out, size, new.unwrap_or(flags)) },
        || unsafe { stored(out) },
    )
}

pub unsafe extern "C" fn hipHostAlloc<const I: usize>(
    out: *mut *mut c_void,
    size: usize,
    flags: c_uint,
    caller: *const c_void,
) -> hipError_t {
    let real = Real::instance(I);
    let Some(function) = real.hipHostAlloc() else { return hipErrorSharedObjectInitFailed };
    // hipHostAlloc knows no NonCoherent flag.
    let call = |new| {
        by_host_malloc(real, out, size, new).unwrap_or_else(|| {
            // SAFETY: the program's own arguments.
            unsafe { function(out, size, flags) }
        })
    };
    // SAFETY: read only after success.
    allocate(Asked { real, row: &rows::hipHostAlloc, call: Call::HipHostAlloc, size, flags, caller }, call, || unsafe {
        stored(out)
    })
}

pub unsafe extern "C" fn hipMemAllocHost<const I: usize>(
    out: *mut *mut c_void,
    size: usize,
    caller: *const c_void,
) -> hipError_t {
    let real = Real::instance(I);
    let Some(function) = real.hipMemAllocHost() else { return hipErrorSharedObjectInitFailed };
    let call = |new| {
        by_host_malloc(real, out, size, new).unwrap_or_else(|| {
            // SAFETY: the program's own arguments.
            unsafe { function(out, size) }
        })
    };
    // SAFETY: read only after success.
    allocate(
        Asked { real, row: &rows::hipMemAllocHost, call: Call::HipMemAllocHost, size, flags: 0, caller },
        call,
        || unsafe { stored(out) },
    )
}

pub unsafe extern "C" fn hipExtMallocWithFlags<const I: usize>(
    out: *mut *mut c_void,
    size: usize,
    flags: c_uint,
    caller: *const c_void,
) -> hipError_t {
    let real = Real::instance(I);
    let Some(function) = real.hipExtMallocWithFlags() else { return hipErrorSharedObjectInitFailed };
    // SAFETY: the program's own arguments; read only after success.
    allocate(
        Asked { real, row: &rows::hipExtMallocWithFlags, call: Call::HipExtMallocWithFlags, size, flags, caller },
        |new| unsafe { function(out, size, new.unwrap_or(flags)) },
        || unsafe { stored(out) },
    )
}

/// Managed memory has no flag for it either: HIP's documented way is advice on the memory that it has given.
pub unsafe extern "C" fn hipMallocManaged<const I: usize>(
    out: *mut *mut c_void,
    size: usize,
    flags: c_uint,
    caller: *const c_void,
) -> hipError_t {
    let real = Real::instance(I);
    let Some(function) = real.hipMallocManaged() else { return hipErrorSharedObjectInitFailed };
    // SAFETY: the program's own arguments.
    let call = || unsafe { function(out, size, flags) };
    let Some(outermost) = Outermost::enter() else { return call() };
    let asked = Asked { real, row: &rows::hipMallocManaged, call: Call::HipMallocManaged, size, flags, caller };
    let mut verdict = outermost.ours(|| decide::hip(&asked)).unwrap_or_else(Verdict::internal_error);
    let code = call();
    outermost.ours(|| {
        // SAFETY: read only after success.
        let address = if code == hipSuccess { unsafe { stored(out) } } else { std::ptr::null_mut() };
        if verdict.rewrite() == Some(Rewrite::AdviseCoarseGrain) && !address.is_null() {
            let advised = real.hipMemAdvise().is_some_and(|advise| {
                // SAFETY: the memory that HIP has just given.
                unsafe { advise(address, size, hipMemAdviseSetCoarseGrain, verdict.ordinal) == hipSuccess }
            });
            if !advised {
                verdict = verdict.passed(MANAGED_ADVICE_REFUSED);
            }
        }
        recorder::allocation(&asked, &verdict, address, code as i32);
    });
    code
}

pub unsafe extern "C" fn hipHostRegister<const I: usize>(
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
    let asked = Asked { real, row: &rows::hipHostRegister, call: Call::HipHostRegister, size, flags, caller };
    let mut verdict = outermost.ours(|| decide::hip(&asked)).unwrap_or_else(Verdict::internal_error);
    // There is no flag for it: the pinning call that HIP makes of this one is sent to the coarse-grained pool by our HSA hook.
    let marker = (verdict.rewrite() == Some(Rewrite::RegisterCoarse)).then(|| CoarseLock::expect(pointer, size));
    // SAFETY: the program's own arguments.
    let code = unsafe { function(pointer, size, flags) };
    outermost.ours(|| {
        if let Some(marker) = marker
            && !marker.used()
        {
            verdict = verdict.passed(NO_COARSE_PIN);
        }
        let address = if code == hipSuccess { pointer } else { std::ptr::null_mut() };
        recorder::allocation(&asked, &verdict, address, code as i32);
    });
    code
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
    ($name:ident) => {
        pub unsafe extern "C" fn $name<const I: usize>(
            symbol: *const c_char,
            out: *mut *mut c_void,
            version: c_int,
            flags: u64,
            status: *mut c_void,
            _caller: *const c_void,
        ) -> hipError_t {
            let Some(function) = Real::instance(I).$name() else { return hipErrorSharedObjectInitFailed };
            // SAFETY: the program's own arguments.
            unsafe {
                let code = function(symbol, out, version, flags, status);
                substitute::<I>(code, symbol, out);
                code
            }
        }
    };
}
get_proc_address!(hipGetProcAddress);
get_proc_address!(hipGetProcAddress_spt);

macro_rules! get_driver_entry_point {
    ($name:ident) => {
        pub unsafe extern "C" fn $name<const I: usize>(
            symbol: *const c_char,
            out: *mut *mut c_void,
            flags: c_ulonglong,
            status: *mut c_void,
            _caller: *const c_void,
        ) -> hipError_t {
            let Some(function) = Real::instance(I).$name() else { return hipErrorSharedObjectInitFailed };
            // SAFETY: the program's own arguments.
            unsafe {
                let code = function(symbol, out, flags, status);
                substitute::<I>(code, symbol, out);
                code
            }
        }
    };
}
get_driver_entry_point!(hipGetDriverEntryPoint);
get_driver_entry_point!(hipGetDriverEntryPoint_spt);
