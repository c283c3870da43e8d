//! The public C interface, see `include/rmcp.h`.

use std::ffi::{c_char, c_int, c_void};
use std::sync::atomic::{AtomicU64, Ordering};

use rmcp_policy::Mode;

use crate::pointers::{REWRITTEN, Rewritten, rewritten};
use crate::settings::Settings;
use crate::standin;

/// `struct rmcp_counters`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    pub calls: u64,
    pub rewritten: u64,
    pub failed_calls: u64,
    pub live_rewritten: u64,
}

static CALLS: AtomicU64 = AtomicU64::new(0);
static REWRITES: AtomicU64 = AtomicU64::new(0);
static LIVE: AtomicU64 = AtomicU64::new(0);

/// Counts a hooked allocation call.
pub fn count_call() {
    CALLS.fetch_add(1, Ordering::Relaxed);
}

/// Counts and remembers a rewritten allocation.
pub fn count_rewritten(range: Rewritten) {
    REWRITES.fetch_add(1, Ordering::Relaxed);
    remember(range);
}

/// Remembers a live rewritten allocation.
pub fn remember(range: Rewritten) {
    if REWRITTEN.insert(range.start, range.size, range.asked) {
        LIVE.fetch_add(1, Ordering::Relaxed);
    }
}

/// Forgets the allocation at `start`, which is about to be freed; what it was, if it was a rewritten one.
pub fn forget(start: usize) -> Option<Rewritten> {
    if !REWRITTEN.contains(start) {
        return None;
    }
    let range = rewritten(start)?;
    REWRITTEN.remove(start).then(|| {
        LIVE.fetch_sub(1, Ordering::Relaxed);
        range
    })
}

/// See `include/rmcp.h`.
#[unsafe(no_mangle)]
pub extern "C" fn rmcp_version() -> u32 {
    let part = |text: &str| text.bytes().fold(0u32, |n, digit| n * 10 + u32::from(digit - b'0'));
    part(env!("CARGO_PKG_VERSION_MAJOR")) << 16
        | part(env!("CARGO_PKG_VERSION_MINOR")) << 8
        | part(env!("CARGO_PKG_VERSION_PATCH"))
}

/// See `include/rmcp.h`.
#[unsafe(no_mangle)]
pub extern "C" fn rmcp_mode() -> *const c_char {
    match Settings::get().process.policy {
        Mode::Off => c"off",
        Mode::Audit => c"audit",
        Mode::Default => c"default",
        Mode::Strict => c"strict",
    }
    .as_ptr()
}

/// See `include/rmcp.h`.
///
/// # Safety
/// `counters` points to `size` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmcp_get_counters(counters: *mut Counters, size: usize) -> usize {
    let now = Counters {
        calls: CALLS.load(Ordering::Relaxed),
        rewritten: REWRITES.load(Ordering::Relaxed),
        failed_calls: standin::calls(),
        live_rewritten: LIVE.load(Ordering::Relaxed),
    };
    let known = size_of::<Counters>();
    if !counters.is_null() {
        // SAFETY: the caller's promise; never more than both sides have.
        unsafe { std::ptr::copy_nonoverlapping((&raw const now).cast::<u8>(), counters.cast::<u8>(), size.min(known)) };
    }
    known
}

/// See `include/rmcp.h`.
#[unsafe(no_mangle)]
pub extern "C" fn rmcp_is_rewritten(pointer: *const c_void) -> c_int {
    c_int::from(rewritten(pointer.addr()).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shorter_structure_of_an_older_caller_is_not_overrun() {
        let mut counters = Counters { calls: 7, rewritten: 7, failed_calls: 7, live_rewritten: 7 };
        // SAFETY: 16 bytes of a larger structure.
        assert_eq!(unsafe { rmcp_get_counters(&raw mut counters, 16) }, 32);
        assert_eq!((counters.failed_calls, counters.live_rewritten), (7, 7));
    }

    #[test]
    fn a_rewritten_pointer_is_known_until_it_is_freed() {
        let range = Rewritten { start: 0x7000_1000, size: 0x2000, asked: 2 };
        let is_rewritten = |address| rmcp_is_rewritten(std::ptr::without_provenance(address));
        count_rewritten(range);
        assert_eq!([0x7000_1000, 0x7000_2fff, 0x7000_3000].map(is_rewritten), [1, 1, 0]);
        assert_eq!((forget(0x7000_2000), forget(range.start), forget(range.start)), (None, Some(range), None));
        assert_eq!(is_rewritten(0x7000_1000), 0);
    }
}
