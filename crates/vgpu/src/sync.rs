//! Locks for a process that forks.
//!
//! The standard library's locks keep all of their state in themselves, so that a child which makes new ones never meets what a thread of the parent held at
//! the moment of the fork. (`parking_lot` queues sleepers in one table of the process, whose parts may be locked just then.) A panic while one is held does
//! not close it: the model goes on with what it has.

use std::sync::{self, PoisonError};
use std::time::Instant;

/// A mutual exclusion lock. Whoever waits for it gets it before a thread that gives it back and wants it again: the engine, which takes its locks for every
/// slice of work, does not shut out the program's calls.
#[derive(Debug, Default)]
pub struct Mutex<T> {
    /// Held by the one thread that waits for `value`; the others queue here.
    next: sync::Mutex<()>,
    value: sync::Mutex<T>,
}

/// Exclusive use of what a [`Mutex`] holds.
pub type Guard<'a, T> = sync::MutexGuard<'a, T>;

impl<T> Mutex<T> {
    /// A lock around `value`.
    pub fn new(value: T) -> Self {
        Mutex { next: sync::Mutex::default(), value: sync::Mutex::new(value) }
    }

    /// Waits until the lock is free, and takes it.
    pub fn lock(&self) -> Guard<'_, T> {
        let _next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place to wait for a change of what a [`Mutex`] holds.
#[derive(Debug, Default)]
pub struct Condvar(sync::Condvar);

impl Condvar {
    /// Gives the lock away until somebody notifies, at most until `deadline`; may also return without either.
    pub fn wait<'a, T>(&self, guard: Guard<'a, T>, deadline: Option<Instant>) -> Guard<'a, T> {
        match deadline {
            None => self.0.wait(guard).unwrap_or_else(PoisonError::into_inner),
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                self.0.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }

    /// Wakes one waiter.
    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    /// Wakes all waiters.
    pub fn notify_all(&self) {
        self.0.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn who_waits_comes_before_who_gives_the_lock_back() {
        let mutex = Mutex::new(0);
        for turn in 1..=100 {
            let guard = mutex.lock();
            thread::scope(|scope| {
                scope.spawn(|| *mutex.lock() = turn);
                // The other thread holds `next` while it waits.
                while mutex.next.try_lock().is_ok() {
                    thread::yield_now();
                }
                drop(guard);
                assert_eq!(*mutex.lock(), turn);
            });
        }
    }

    #[test]
    fn a_panic_while_it_is_held_does_not_close_a_lock() {
        let mutex = Mutex::new(7);
        thread::scope(|scope| {
            let panicked = scope.spawn(|| {
                let _guard = mutex.lock();
                panic!("on purpose");
            });
            assert!(panicked.join().is_err());
        });
        assert_eq!(*mutex.lock(), 7);
    }
}
