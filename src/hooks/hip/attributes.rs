//! What memory is, to a program that asks. HIP answers with the flags that it was given, which for rewritten memory is the truth and not what the program
//! passed; with `attributes = "asked"` the program hears what it passed.

#![allow(non_snake_case)] // the names are HIP's

use std::ffi::{c_int, c_uint, c_void};

use rmcp_config::Attributes;
use rmcp_policy::{Call, Rewrite};

use crate::abi::hip::{
    HIP_POINTER_ATTRIBUTE_ACCESS_FLAGS, hipDeviceAttribute_t, hipDeviceAttributeConcurrentManagedAccess, hipError_t,
    hipErrorSharedObjectInitFailed, hipMemAttachGlobal, hipMemRangeAttribute, hipMemRangeAttributeCoherencyMode,
    hipMemRangeCoherencyModeFineGrain, hipPointer_attribute, hipPointerAttribute_t, hipSuccess,
};
use crate::call::Outermost;
use crate::decide::{self, Asked};
use crate::hooks::hip::rows;
use crate::pointers::{self, Rewritten};
use crate::real::Real;
use crate::settings::Settings;

/// A query about the memory at `address`: `as_asked` corrects the answer, if it is about rewritten memory and the program is to hear what it asked for.
fn query(address: usize, call: impl FnOnce() -> hipError_t, as_asked: impl FnOnce(Rewritten)) -> hipError_t {
    let Some(outermost) = Outermost::enter() else { return call() };
    let code = call();
    if code == hipSuccess {
        outermost.ours(|| {
            if Settings::get().process.attributes == Attributes::Asked
                && let Some(rewritten) = pointers::rewritten(address)
            {
                as_asked(rewritten);
            }
        });
    }
    code
}

pub unsafe extern "C" fn hipHostGetFlags<const I: usize>(
    flags: *mut c_uint,
    host_ptr: *mut c_void,
    _caller: *const c_void,
) -> hipError_t {
    let Some(function) = Real::instance(I).hipHostGetFlags() else { return hipErrorSharedObjectInitFailed };
    // SAFETY: the program's own arguments; HIP has just written there.
    query(
        host_ptr.addr(),
        || unsafe { function(flags, host_ptr) },
        |rewritten| unsafe {
            flags.write_unaligned(rewritten.asked);
        },
    )
}

pub unsafe extern "C" fn hipPointerGetAttributes<const I: usize>(
    attributes: *mut hipPointerAttribute_t,
    ptr: *const c_void,
    _caller: *const c_void,
) -> hipError_t {
    let Some(function) = Real::instance(I).hipPointerGetAttributes() else { return hipErrorSharedObjectInitFailed };
    // SAFETY: the program's own arguments; HIP has just written there.
    query(
        ptr.addr(),
        || unsafe { function(attributes, ptr) },
        |rewritten| unsafe {
            (&raw mut (*attributes).allocationFlags).write_unaligned(rewritten.asked);
        },
    )
}

/// Corrects one attribute of a pointer. The only one that tells flags is ACCESS_FLAGS (`ihipPointerGetAttributes`, hip_memory.cpp:4027@6.2.2).
///
/// # Safety
/// `data` is where HIP has stored the attribute.
unsafe fn pointer_attribute(attribute: hipPointer_attribute, data: *mut c_void, rewritten: &Rewritten) {
    if attribute == HIP_POINTER_ATTRIBUTE_ACCESS_FLAGS && !data.is_null() {
        // SAFETY: the caller's promise.
        unsafe { data.cast::<u32>().write_unaligned(rewritten.asked) };
    }
}

pub unsafe extern "C" fn hipPointerGetAttribute<const I: usize>(
    data: *mut c_void,
    attribute: hipPointer_attribute,
    ptr: *mut c_void,
    _caller: *const c_void,
) -> hipError_t {
    let Some(function) = Real::instance(I).hipPointerGetAttribute() else { return hipErrorSharedObjectInitFailed };
    // SAFETY: the program's own arguments; HIP has just written there.
    query(
        ptr.addr(),
        || unsafe { function(data, attribute, ptr) },
        |rewritten| unsafe {
            pointer_attribute(attribute, data, &rewritten);
        },
    )
}

pub unsafe extern "C" fn hipDrvPointerGetAttributes<const I: usize>(
    number: c_uint,
    attributes: *mut hipPointer_attribute,
    data: *mut *mut c_void,
    ptr: *mut c_void,
    _caller: *const c_void,
) -> hipError_t {
    let Some(function) = Real::instance(I).hipDrvPointerGetAttributes() else { return hipErrorSharedObjectInitFailed };
    // SAFETY: the program's own arguments, arrays of `number` elements, which HIP has just used.
    query(
        ptr.addr(),
        || unsafe { function(number, attributes, data, ptr) },
        |rewritten| unsafe {
            for index in 0..number as usize {
                pointer_attribute(attributes.add(index).read_unaligned(), data.add(index).read_unaligned(), &rewritten);
            }
        },
    )
}

/// Corrects one attribute of a range: memory that was asked for without NonCoherent is fine-grained.
///
/// # Safety
/// `data` is where HIP has stored the attribute.
unsafe fn range_attribute(attribute: hipMemRangeAttribute, data: *mut c_void) {
    if attribute == hipMemRangeAttributeCoherencyMode && !data.is_null() {
        // SAFETY: the caller's promise.
        unsafe { data.cast::<u32>().write_unaligned(hipMemRangeCoherencyModeFineGrain) };
    }
}

pub unsafe extern "C" fn hipMemRangeGetAttribute<const I: usize>(
    data: *mut c_void,
    data_size: usize,
    attribute: hipMemRangeAttribute,
    dev_ptr: *const c_void,
    count: usize,
    _caller: *const c_void,
) -> hipError_t {
    let Some(function) = Real::instance(I).hipMemRangeGetAttribute() else { return hipErrorSharedObjectInitFailed };
    // SAFETY: the program's own arguments; HIP has just written there.
    query(
        dev_ptr.addr(),
        || unsafe { function(data, data_size, attribute, dev_ptr, count) },
        |_| unsafe {
            range_attribute(attribute, data);
        },
    )
}

#[allow(clippy::too_many_arguments)]
pub unsafe extern "C" fn hipMemRangeGetAttributes<const I: usize>(
    data: *mut *mut c_void,
    data_sizes: *mut usize,
    attributes: *mut hipMemRangeAttribute,
    number: usize,
    dev_ptr: *const c_void,
    count: usize,
    _caller: *const c_void,
) -> hipError_t {
    let Some(function) = Real::instance(I).hipMemRangeGetAttributes() else { return hipErrorSharedObjectInitFailed };
    // SAFETY: the program's own arguments, arrays of `number` elements, which HIP has just used.
    query(
        dev_ptr.addr(),
        || unsafe { function(data, data_sizes, attributes, number, dev_ptr, count) },
        |_| unsafe {
            for index in 0..number {
                range_attribute(attributes.add(index).read_unaligned(), data.add(index).read_unaligned());
            }
        },
    )
}

/// Managed memory that is made coarse-grained must not be used by the CPU while a kernel runs, so the device has no concurrent managed access.
pub unsafe extern "C" fn hipDeviceGetAttribute<const I: usize>(
    value: *mut c_int,
    attribute: hipDeviceAttribute_t,
    device: c_int,
    caller: *const c_void,
) -> hipError_t {
    let real = Real::instance(I);
    let Some(function) = real.hipDeviceGetAttribute() else { return hipErrorSharedObjectInitFailed };
    // SAFETY: the program's own arguments.
    let call = || unsafe { function(value, attribute, device) };
    if attribute != hipDeviceAttributeConcurrentManagedAccess {
        return call();
    }
    let Some(outermost) = Outermost::enter() else { return call() };
    let code = call();
    if code == hipSuccess && Settings::get().process.attributes == Attributes::Truth {
        outermost.ours(|| {
            let asked = Asked {
                real,
                row: &rows::hipMallocManaged,
                call: Call::HipMallocManaged,
                size: 0,
                flags: hipMemAttachGlobal,
                caller,
            };
            if real.initialise() && decide::on_device(&asked, device).rewrite() == Some(Rewrite::AdviseCoarseGrain) {
                // SAFETY: HIP has just written there.
                unsafe { value.write_unaligned(0) };
            }
        });
    }
    code
}
