//! Calls that rely on memory being coherent. They are forwarded as they are; what they mean for rewritten memory is said once.

#![allow(non_snake_case)] // the names are HIP's

use std::ffi::{c_uint, c_void};

use rmcp_policy::Warning;

use crate::abi::hip::{hipError_t, hipErrorSharedObjectInitFailed, hipEvent_t, hipStream_t};
use crate::call::Outermost;
use crate::decide;
use crate::pointers;
use crate::real::Real;

/// `hipEventDisableSystemFence` (hip_runtime_api.h since 5.5).
const EVENT_DISABLE_SYSTEM_FENCE: c_uint = 0x2000_0000;

macro_rules! stream_value {
    ($name:ident($($argument:ident: $type:ty),*)) => {
        pub unsafe extern "C" fn $name<const I: usize>(
            stream: hipStream_t,
            ptr: *mut c_void,
            $($argument: $type,)*
            caller: *const c_void,
        ) -> hipError_t {
            let Some(function) = Real::instance(I).$name() else { return hipErrorSharedObjectInitFailed };
            // SAFETY: the program's own arguments.
            let call = || unsafe { function(stream, ptr, $($argument),*) };
            let Some(outermost) = Outermost::enter() else { return call() };
            outermost.ours(|| {
                if pointers::rewritten(ptr.addr()).is_some() {
                    decide::warn_at(Warning::StreamValueOnRewritten, stringify!($name), caller);
                }
            });
            call()
        }
    };
}
stream_value! { hipStreamWaitValue32(value: u32, flags: c_uint, mask: u32) }
stream_value! { hipStreamWaitValue64(value: u64, flags: c_uint, mask: u64) }
stream_value! { hipStreamWriteValue32(value: u32, flags: c_uint) }
stream_value! { hipStreamWriteValue64(value: u64, flags: c_uint) }

/// Rewritten memory may come later than the event, so the mode decides and not what is there now.
pub unsafe extern "C" fn hipEventCreateWithFlags<const I: usize>(
    event: *mut hipEvent_t,
    flags: c_uint,
    caller: *const c_void,
) -> hipError_t {
    let real = Real::instance(I);
    let Some(function) = real.hipEventCreateWithFlags() else { return hipErrorSharedObjectInitFailed };
    // SAFETY: the program's own arguments.
    let call = || unsafe { function(event, flags) };
    let Some(outermost) = Outermost::enter() else { return call() };
    if flags & EVENT_DISABLE_SYSTEM_FENCE != 0 {
        outermost.ours(|| {
            if decide::rewrites_host_memory(real, caller) {
                decide::warn_at(Warning::EventWithoutSystemFence, "hipEventCreateWithFlags", caller);
            }
        });
    }
    call()
}
