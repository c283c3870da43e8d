//! The shim core of RMCP: one library between a program and AMD's ROCm runtime.
//!
//! Fronts (see `include/front.h`) hand it the calls; it opens the real libraries, binds the fronts' slots, and stands in for the few functions
//! that allocate host memory. `docs/architecture.md` says how a hooked call flows.

mod abi;
mod api;
mod call;
mod caller;
mod decide;
mod elf;
mod front;
mod hooks;
mod interim;
mod log;
mod pointers;
mod real;
mod recorder;
mod say;
mod settings;
mod standin;

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

use abi::front::rmcp_front;

/// See `include/front.h`.
///
/// # Safety
/// `front` is null or a front's descriptor, valid for the life of the process.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmcp_front_attach(front: *mut rmcp_front) {
    let _ = catch_unwind(AssertUnwindSafe(|| {
        quiet_panics();
        log::start();
        // SAFETY: the caller's promise.
        unsafe { front::attach(front) }
    }));
}

/// See `include/front.h`.
///
/// # Safety
/// As for [`rmcp_front_attach`]; `index` is below the front's `function_count`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmcp_front_resolve(front: *mut rmcp_front, index: u32) -> *mut c_void {
    catch_unwind(AssertUnwindSafe(|| {
        quiet_panics();
        log::start();
        // SAFETY: the caller's promise.
        unsafe { front::resolve(front, index) }
    }))
    .unwrap_or_else(|_| standin::stand_in("hip"))
}

/// A panic in here is our bug and must not cost the program more than one line: the call is forwarded unchanged. (The hook is this library's own, not the
/// program's: each Rust library has its own standard library.)
fn quiet_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            static SAID: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
            if !SAID.swap(true, std::sync::atomic::Ordering::Relaxed) {
                say::say(&format!("internal error ({info}); calls are forwarded unchanged, please report it"));
            }
        }));
    });
}
