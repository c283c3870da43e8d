//! The shim core of RMCP: one library between a program and AMD's ROCm runtime.
//!
//! Fronts (see `include/front.h`) hand it the calls; it opens the real libraries, binds the fronts' slots, and stands in for the functions that have to do
//! with memory (`hooks`). `docs/architecture.md` says how a hooked call flows.

mod abi;
mod api;
mod call;
mod caller;
mod decide;
mod devices;
mod elf;
mod front;
mod hooks;
mod log;
mod pointers;
mod real;
mod recorder;
mod say;
mod settings;
mod standin;

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use abi::front::rmcp_front;

/// See `include/front.h`.
///
/// # Safety
/// `front` is null or a front's descriptor, valid for the life of the process.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmcp_front_attach(front: *mut rmcp_front) {
    let attach = AssertUnwindSafe(|| {
        start();
        if !settings::is_lazy() {
            log::start();
        }
        // SAFETY: the caller's promise.
        unsafe { front::attach(front) }
    });
    let _ = call::keeping_errno(|| catch_unwind(attach));
}

/// See `include/front.h`.
///
/// # Safety
/// As for [`rmcp_front_attach`]; `index` is below the front's `function_count`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmcp_front_resolve(front: *mut rmcp_front, index: u32) -> *mut c_void {
    let resolve = AssertUnwindSafe(|| {
        start();
        log::start();
        // SAFETY: the caller's promise.
        unsafe { front::resolve(front, index) }
    });
    call::keeping_errno(|| catch_unwind(resolve)).unwrap_or_else(|_| standin::stand_in("hip"))
}

/// What has to be done once, before anything else: as the first front is attached, or, where a program calls before that, at the first call.
fn start() {
    static STARTED: AtomicBool = AtomicBool::new(false);
    if STARTED.swap(true, Ordering::AcqRel) {
        return;
    }
    // A panic in here is our bug and must not cost the program more than one line: the call is forwarded unchanged. (The hook is this library's own, not
    // the program's: each Rust library has its own standard library.)
    std::panic::set_hook(Box::new(|info| {
        static SAID: AtomicBool = AtomicBool::new(false);
        if !SAID.swap(true, Ordering::Relaxed) {
            say::say(&format!("internal error ({info}); calls are forwarded unchanged, please report it"));
        }
    }));
    extern "C" fn before_fork() {
        let _ = catch_unwind(recorder::before_fork);
    }
    // SAFETY: the function is never unloaded (build.rs: nodelete).
    unsafe { libc::pthread_atfork(Some(before_fork), None, None) };
}
