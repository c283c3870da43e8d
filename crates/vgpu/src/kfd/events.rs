//! KFD events, as linux `drivers/gpu/drm/amd/amdkfd/kfd_events.c` has them.
//!
//! Setting an event releases every thread that waits for it now. An auto-reset event stays set only if nobody waited
//! (`set_event`: `ev->signaled = !ev->auto_reset || !waitqueue_active(&ev->wq)`). Its age grows at every setting; a waiter that passes the
//! age it saw last is released at once when it is older (KFD minor 14 and later).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::sync::{Condvar, Mutex};

/// Event types of `kfd_ioctl.h`, KFD_IOC_EVENT_*.
pub const SIGNAL: u32 = 0;
pub const HW_EXCEPTION: u32 = 3;
pub const DEBUG: u32 = 5;
pub const MEMORY: u32 = 8;

/// KFD_SIGNAL_EVENT_LIMIT.
pub const SIGNAL_LIMIT: u32 = 4096;
/// `event_page_offset` of a signal event: KFD_MMAP_TYPE_EVENTS of `kfd_priv.h`.
pub const MMAP_OFFSET: u64 = 2 << 62;
/// KFD_FIRST_NONSIGNAL_EVENT_ID.
const FIRST_OTHER: u32 = 0x7fff_ffff - 0x4000;

/// Why a memory exception event was set (`struct kfd_hsa_memory_exception_data`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryException {
    pub not_present: bool,
    pub read_only: bool,
    pub no_execute: bool,
    pub va: u64,
    pub gpu_id: u32,
}

#[derive(Debug)]
struct Event {
    kind: u32,
    auto_reset: bool,
    signaled: bool,
    age: u64,
    exception: Option<MemoryException>,
}

#[derive(Debug)]
struct Waiter {
    events: Vec<u32>,
    activated: Vec<bool>,
    /// An event of it was destroyed.
    lost: bool,
}

#[derive(Debug, Default)]
struct State {
    events: BTreeMap<u32, Event>,
    waiters: BTreeMap<u64, Waiter>,
    next_waiter: u64,
}

/// All events of a process.
#[derive(Debug, Default)]
pub struct Events {
    state: Mutex<State>,
    changed: Condvar,
}

/// What a wait saw of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// It was set.
    pub activated: bool,
    /// It is a signal event: it has an age.
    pub signal: bool,
    /// How often it was set, from 1.
    pub age: u64,
    /// Of a memory event: why it was set.
    pub exception: Option<MemoryException>,
}

/// How a wait ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waited {
    /// What was waited for happened.
    Complete(Vec<Seen>),
    /// KFD_IOC_WAIT_RESULT_TIMEOUT.
    Timeout,
    /// An event was destroyed meanwhile: KFD_IOC_WAIT_RESULT_FAIL.
    Failed,
    /// An event does not exist: EINVAL.
    NoSuchEvent,
}

impl Events {
    /// A new event's id; `None` when there are too many.
    pub fn create(&self, kind: u32, auto_reset: bool) -> Option<u32> {
        let mut state = self.state.lock();
        let ids = if matches!(kind, SIGNAL | DEBUG) { 1..SIGNAL_LIMIT } else { FIRST_OTHER..FIRST_OTHER + 4096 };
        let id = ids.clone().find(|id| !state.events.contains_key(id))?;
        state.events.insert(id, Event { kind, auto_reset, signaled: false, age: 1, exception: None });
        Some(id)
    }

    /// Removes an event; its waiters fail. `false`: there is none.
    pub fn destroy(&self, id: u32) -> bool {
        let mut state = self.state.lock();
        for waiter in state.waiters.values_mut().filter(|waiter| waiter.events.contains(&id)) {
            waiter.lost = true;
        }
        self.changed.notify_all();
        state.events.remove(&id).is_some()
    }

    /// Sets an event by an interrupt. `false`: there is none that a GPU may set (`event_can_be_gpu_signaled`).
    pub fn set(&self, id: u32) -> bool {
        self.set_one_of(id, &[SIGNAL, DEBUG])
    }

    /// Sets an event by SET_EVENT. `false`: there is none that the program may set (`event_can_be_cpu_signaled`).
    pub fn set_from_cpu(&self, id: u32) -> bool {
        self.set_one_of(id, &[SIGNAL])
    }

    fn set_one_of(&self, id: u32, kinds: &[u32]) -> bool {
        let mut state = self.state.lock();
        let found = state.events.get(&id).is_some_and(|event| kinds.contains(&event.kind));
        if found {
            Self::set_locked(&mut state, id);
            self.changed.notify_all();
        }
        found
    }

    fn set_locked(state: &mut State, id: u32) {
        let State { events, waiters, .. } = state;
        let Some(event) = events.get_mut(&id) else { return };
        let mut waited_for = false;
        for waiter in waiters.values_mut() {
            for (wanted, activated) in waiter.events.iter().zip(&mut waiter.activated) {
                if *wanted == id {
                    *activated = true;
                    waited_for = true;
                }
            }
        }
        event.age += 1;
        event.signaled = !event.auto_reset || !waited_for;
    }

    /// Takes the signal of an event back. `false`: there is none that the program may set.
    pub fn reset(&self, id: u32) -> bool {
        let mut state = self.state.lock();
        let event = state.events.get_mut(&id).filter(|event| event.kind == SIGNAL);
        event.map(|event| event.signaled = false).is_some()
    }

    /// Sets every memory exception event of the process. Returns whether there was one.
    pub fn raise_memory_exception(&self, exception: MemoryException) -> bool {
        let mut state = self.state.lock();
        let ids: Vec<u32> = state.events.iter().filter(|(_, event)| event.kind == MEMORY).map(|(id, _)| *id).collect();
        for id in &ids {
            if let Some(event) = state.events.get_mut(id) {
                event.exception = Some(exception);
            }
            Self::set_locked(&mut state, *id);
        }
        self.changed.notify_all();
        !ids.is_empty()
    }

    /// Waits for one or all of `wanted` (event id, last age seen or 0) for at most `timeout`; `None`: for ever.
    pub fn wait(&self, wanted: &[(u32, u64)], all: bool, timeout: Option<Duration>) -> Waited {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut state = self.state.lock();
        if wanted.iter().any(|(id, _)| !state.events.contains_key(id)) {
            return Waited::NoSuchEvent;
        }
        let mut activated = vec![false; wanted.len()];
        for ((id, age), activated) in wanted.iter().zip(&mut activated) {
            let event = state.events.get_mut(id).expect("checked above");
            *activated = event.signaled || (*age != 0 && event.age != *age && event.kind == SIGNAL);
            event.signaled = event.signaled && !event.auto_reset;
        }
        let key = state.next_waiter;
        state.next_waiter += 1;
        state
            .waiters
            .insert(key, Waiter { events: wanted.iter().map(|(id, _)| *id).collect(), activated, lost: false });
        loop {
            let waiter = &state.waiters[&key];
            let lost = waiter.lost;
            let done = if all { waiter.activated.iter().all(|a| *a) } else { waiter.activated.iter().any(|a| *a) };
            let timed_out = !lost && !done;
            if timed_out && deadline.is_none_or(|deadline| Instant::now() < deadline) {
                state = self.changed.wait(state, deadline);
                continue;
            }
            let waiter = state.waiters.remove(&key).expect("this wait's own");
            if lost {
                return Waited::Failed;
            }
            if timed_out {
                return Waited::Timeout;
            }
            let result = waiter.events.iter().zip(waiter.activated).map(|(id, activated)| {
                let event = state.events.get(id);
                Seen {
                    activated,
                    signal: event.is_some_and(|event| event.kind == SIGNAL),
                    age: event.map_or(0, |event| event.age),
                    exception: event.and_then(|event| event.exception),
                }
            });
            return Waited::Complete(result.collect());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    const SHORT: Option<Duration> = Some(Duration::from_millis(1));

    fn completed(waited: Waited) -> bool {
        matches!(waited, Waited::Complete(_))
    }

    fn until_waiting(events: &Events, waiters: usize) {
        while events.state.lock().waiters.len() < waiters {
            thread::yield_now();
        }
    }

    #[test]
    fn an_auto_reset_event_that_nobody_awaits_stays_set_for_one_wait() {
        let events = Events::default();
        let id = events.create(SIGNAL, true).expect("an event");
        assert_eq!(events.wait(&[(id, 0)], false, SHORT), Waited::Timeout);
        assert!(events.set(id));
        assert!(completed(events.wait(&[(id, 0)], false, SHORT)));
        assert_eq!(events.wait(&[(id, 0)], false, SHORT), Waited::Timeout);
    }

    #[test]
    fn setting_releases_every_waiter_and_leaves_an_auto_reset_event_unset() {
        let events = Events::default();
        let id = events.create(SIGNAL, true).expect("an event");
        thread::scope(|scope| {
            let waiters: Vec<_> =
                (0..3).map(|_| scope.spawn(|| completed(events.wait(&[(id, 0)], false, None)))).collect();
            until_waiting(&events, 3);
            events.set(id);
            assert!(waiters.into_iter().all(|waiter| waiter.join().expect("no panic")));
        });
        assert_eq!(events.wait(&[(id, 0)], false, SHORT), Waited::Timeout);
    }

    #[test]
    fn a_manual_event_stays_set_until_it_is_reset() {
        let events = Events::default();
        let id = events.create(SIGNAL, false).expect("an event");
        events.set(id);
        assert!(completed(events.wait(&[(id, 0)], false, SHORT)));
        assert!(completed(events.wait(&[(id, 0)], false, SHORT)));
        assert!(events.reset(id));
        assert_eq!(events.wait(&[(id, 0)], false, SHORT), Waited::Timeout);
    }

    #[test]
    fn a_waiter_that_saw_an_older_age_does_not_sleep() {
        let events = Events::default();
        let id = events.create(SIGNAL, true).expect("an event");
        assert_eq!(events.wait(&[(id, 1)], false, SHORT), Waited::Timeout);
        events.set(id);
        assert!(completed(events.wait(&[(id, 0)], false, SHORT)), "takes the signal");
        let Waited::Complete(seen) = events.wait(&[(id, 1)], false, SHORT) else { panic!("the age has grown") };
        assert_eq!((seen[0].age, seen[0].signal), (2, true));
        assert_eq!(events.wait(&[(id, 2)], false, SHORT), Waited::Timeout);
    }

    #[test]
    fn waiting_for_all_needs_all() {
        let events = Events::default();
        let (a, b) = (events.create(SIGNAL, true).expect("a"), events.create(SIGNAL, true).expect("b"));
        events.set(a);
        thread::scope(|scope| {
            let waiter = scope.spawn(|| completed(events.wait(&[(a, 0), (b, 0)], true, None)));
            until_waiting(&events, 1);
            events.set(b);
            assert!(waiter.join().expect("no panic"));
        });
    }

    #[test]
    fn a_destroyed_event_fails_its_waiters_and_does_not_exist() {
        let events = Events::default();
        let id = events.create(SIGNAL, true).expect("an event");
        thread::scope(|scope| {
            let waiter = scope.spawn(|| events.wait(&[(id, 0)], false, None));
            until_waiting(&events, 1);
            assert!(events.destroy(id));
            assert_eq!(waiter.join().expect("no panic"), Waited::Failed);
        });
        assert_eq!(events.wait(&[(id, 0)], false, SHORT), Waited::NoSuchEvent);
        assert!(!events.set(id) && !events.reset(id) && !events.destroy(id));
    }

    #[test]
    fn a_memory_exception_reaches_the_memory_event_with_its_data() {
        let events = Events::default();
        let id = events.create(MEMORY, false).expect("an event");
        let exception =
            MemoryException { not_present: true, read_only: false, no_execute: false, va: 0x1000, gpu_id: 9 };
        assert!(events.raise_memory_exception(exception));
        let Waited::Complete(seen) = events.wait(&[(id, 0)], false, SHORT) else { panic!("set") };
        assert_eq!((seen[0].exception, seen[0].signal), (Some(exception), false));
        assert!(!events.set(id) && !events.set_from_cpu(id) && !events.reset(id), "only the driver sets it");
    }
}
