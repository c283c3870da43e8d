//! One hooked call: how deep the thread is in the runtime, its errno, and what happens when our own code panics.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    /// Calls into the real libraries that this thread is in. Constant initialiser and no destructor: usable at any time of a thread's life.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// The outermost call of a thread; while it lives, further calls of the thread are the runtime's own.
#[derive(Debug)]
pub struct Outermost(());

impl Outermost {
    /// Enters a call. `None` when this thread is in one already: then the call belongs to the runtime and is only forwarded.
    #[inline]
    pub fn enter() -> Option<Self> {
        DEPTH.with(|depth| {
            if depth.get() > 0 {
                return None;
            }
            depth.set(1);
            Some(Self(()))
        })
    }

    /// Runs our own code before or after the real call: a panic in it becomes `None`, and errno is left as it was.
    #[inline]
    pub fn ours<T>(&self, code: impl FnOnce() -> T) -> Option<T> {
        keeping_errno(|| catch_unwind(AssertUnwindSafe(code)).ok())
    }
}

impl Drop for Outermost {
    fn drop(&mut self) {
        DEPTH.with(|depth| depth.set(0));
    }
}

/// Runs `code` and puts errno back to what it was.
#[inline]
pub fn keeping_errno<T>(code: impl FnOnce() -> T) -> T {
    // SAFETY: the address of this thread's errno, which it stays.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    let before = unsafe { errno.read() };
    let result = code();
    // SAFETY: as above.
    unsafe { errno.write(before) };
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errno() -> i32 {
        // SAFETY: the address of this thread's errno.
        unsafe { *libc::__errno_location() }
    }

    fn set_errno(value: i32) {
        // SAFETY: as above.
        unsafe { *libc::__errno_location() = value }
    }

    #[test]
    fn a_call_within_a_call_is_not_outermost_and_the_next_one_is() {
        let outer = Outermost::enter().expect("the first");
        assert!(Outermost::enter().is_none());
        drop(outer);
        assert!(Outermost::enter().is_some());
    }

    #[test]
    fn another_thread_has_its_own_depth() {
        let _outer = Outermost::enter().expect("the first");
        std::thread::scope(|scope| {
            scope.spawn(|| assert!(Outermost::enter().is_some()));
        });
    }

    #[test]
    fn our_code_changes_no_errno_and_its_panic_does_not_get_out() {
        let call = Outermost::enter().expect("the first");
        set_errno(libc::ENOTTY);
        let result: Option<()> = call.ours(|| {
            set_errno(libc::EIO);
            panic!("a bug");
        });
        assert_eq!((result, errno()), (None, libc::ENOTTY));
    }
}
