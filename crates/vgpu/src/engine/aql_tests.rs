use super::super::test_memory::{BASE, Ram, config, outside};
use super::super::{Kernel, Machine, Queue, QueueKind};
use super::*;
use crate::isa::Isa;
use crate::mem::{FaultReason, Kind};
use crate::mtype::Mtype;
use crate::vm::{Mapping, Vm};

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Packets in the ring.
const SLOTS: u64 = 4;
const QUEUE: u64 = BASE + 0x2000;
const READ_POINTER: u64 = QUEUE + READ_DISPATCH_ID;
const INACTIVE: u64 = BASE + 0x3000;
/// Of each signal, in bytes: an amd_signal_t.
const SIGNAL: u64 = 64;
const VALUE: u64 = 8;
const MAILBOX: u64 = 16;
const EVENT_ID: u64 = 24;
const START: u64 = 32;
const END: u64 = 40;
/// Where the mailbox of the signals' event is, and its id.
const MAIL: u64 = BASE + 0x5000;
const EVENT: u32 = 7;
const FOREVER: u64 = 1_000_000;

/// A signal of the tests.
fn signal(index: u64) -> u64 {
    BASE + 0x4000 + index * SIGNAL
}

struct Rig {
    ram: Ram,
    aql: Aql,
    config: QueueConfig,
}

impl Rig {
    fn new() -> Self {
        let mut ram = Ram::new();
        ram.set(QUEUE + QUEUE_INACTIVE_SIGNAL, INACTIVE);
        let mut rig =
            Rig { ram, aql: Aql::default(), config: config(QueueKind::Aql, Some(Isa::Gfx10_3), SLOTS * PACKET) };
        assert_eq!(rig.config.read_pointer, READ_POINTER);
        for slot in 0..SLOTS {
            rig.put(slot, INVALID, &[], 0);
        }
        rig
    }

    /// A packet in the slot of `index`, with what a barrier depends on and what it completes.
    fn put(&mut self, index: u64, kind: u8, dependencies: &[u64], completion: u64) {
        let at = BASE + index % SLOTS * PACKET;
        self.ram.slice(at, PACKET).fill(0);
        // The barrier bit and system scope fences, as ROCr writes them.
        self.ram.set32(at, &[u32::from(kind) | 0x1500]);
        for (index, dependency) in (0..).zip(dependencies) {
            self.ram.set(at + 8 + index * 8, *dependency);
        }
        self.ram.set(at + 56, completion);
    }

    fn set_signal(&mut self, index: u64, value: i64, has_event: bool) {
        self.ram.set(signal(index) + VALUE, value as u64);
        self.ram.set(signal(index) + MAILBOX, if has_event { MAIL } else { 0 });
        self.ram.set(signal(index) + EVENT_ID, if has_event { u64::from(EVENT) } else { 0 });
    }

    fn value(&mut self, index: u64) -> i64 {
        self.ram.get(signal(index) + VALUE) as i64
    }

    /// One step with the doorbell at `doorbell`, and the events that it raised.
    fn try_step(&mut self, doorbell: u64) -> (Result<Step, Halt>, Vec<u32>) {
        let Rig { ram, aql, config } = self;
        outside(|outside| aql.step(config, doorbell, ram, outside, FOREVER))
    }

    fn step(&mut self, doorbell: u64) -> Step {
        self.try_step(doorbell).0.expect("no error")
    }

    fn completed(&mut self) -> u64 {
        self.ram.get(READ_POINTER)
    }
}

#[test]
fn barrier_and_waits_until_all_of_its_signals_are_zero() {
    let mut rig = Rig::new();
    for index in 0..3 {
        rig.set_signal(index, 1, false);
    }
    rig.put(0, BARRIER_AND, &[signal(0), 0, signal(1)], signal(2));
    assert_eq!(rig.step(0), Step::Idle);
    rig.set_signal(0, 0, false);
    assert_eq!(rig.step(0), Step::Idle);
    assert_eq!((rig.completed(), rig.value(2)), (0, 1));
    // Negative is not 0 either.
    rig.set_signal(1, -1, false);
    assert_eq!(rig.step(0), Step::Idle);
    rig.set_signal(1, 0, false);
    assert_eq!(rig.step(0), Step::Worked);
    assert_eq!((rig.completed(), rig.value(2)), (1, 0));
}

#[test]
fn barrier_or_waits_until_one_of_its_signals_is_zero() {
    let mut rig = Rig::new();
    for index in 0..6 {
        rig.set_signal(index, 1, false);
    }
    rig.put(0, BARRIER_OR, &[signal(0), signal(1), signal(2), signal(3), signal(4)], signal(5));
    assert_eq!(rig.step(0), Step::Idle);
    assert_eq!((rig.completed(), rig.value(5)), (0, 1));
    rig.set_signal(4, 0, false);
    assert_eq!(rig.step(0), Step::Worked);
    assert_eq!((rig.completed(), rig.value(5)), (1, 0));
}

#[test]
fn a_barrier_without_signals_is_done_at_once() {
    let mut rig = Rig::new();
    rig.put(0, BARRIER_AND, &[], 0);
    rig.put(1, BARRIER_OR, &[], 0);
    assert_eq!(rig.step(1), Step::Worked);
    assert_eq!(rig.completed(), 2);
}

#[test]
fn a_packet_does_not_overtake_one_that_waits() {
    let mut rig = Rig::new();
    rig.set_signal(0, 1, false);
    rig.set_signal(1, 1, false);
    rig.put(0, BARRIER_AND, &[signal(0)], 0);
    rig.put(1, BARRIER_AND, &[], signal(1));
    assert_eq!(rig.step(1), Step::Idle);
    assert_eq!(rig.value(1), 1);
    rig.set_signal(0, 0, false);
    assert_eq!(rig.step(1), Step::Worked);
    assert_eq!((rig.completed(), rig.value(1)), (2, 0));
}

#[test]
fn a_queue_is_looked_at_once_its_doorbell_has_rung() {
    assert!(!Aql::was_rung(u64::MAX), "all ones: never rung");
    assert!(Aql::was_rung(0));
}

#[test]
fn no_packet_is_lost_when_threads_ring_in_another_order_than_that_of_their_packets() {
    let mut rig = Rig::new();
    for index in 0..3 {
        rig.put(index, BARRIER_AND, &[], 0);
    }
    // Rung with 2, 0 and 1; only the last is ever seen.
    rig.ram.set(rig.config.write_pointer, 3);
    assert_eq!(rig.step(1), Step::Worked);
    assert_eq!(rig.completed(), 3);
    assert_eq!(rig.step(1), Step::Idle);
    assert_eq!(rig.completed(), 3);
}

#[test]
fn a_place_that_a_thread_has_only_reserved_is_not_read_as_a_packet() {
    let mut rig = Rig::new();
    rig.put(0, BARRIER_AND, &[], 0);
    rig.ram.set(rig.config.write_pointer, 2);
    assert_eq!(rig.step(0), Step::Worked);
    assert_eq!(rig.completed(), 1);
    rig.put(1, BARRIER_AND, &[], 0);
    // The ring for it may come later: hardware looks at the pointer as well.
    assert_eq!(rig.step(0), Step::Worked);
    assert_eq!(rig.completed(), 2);
}

#[test]
fn a_packet_that_is_still_being_written_holds_the_queue() {
    let mut rig = Rig::new();
    rig.put(1, BARRIER_AND, &[], 0);
    assert_eq!(rig.step(1), Step::Idle);
    assert_eq!(rig.completed(), 0);
    rig.put(0, BARRIER_AND, &[], 0);
    assert_eq!(rig.step(1), Step::Worked);
    assert_eq!(rig.completed(), 2);
}

#[test]
fn completion_gives_the_slot_back_then_decrements_then_notifies() {
    let mut rig = Rig::new();
    rig.set_signal(0, 5, true);
    rig.put(0, BARRIER_AND, &[], signal(0));
    let (step, events) = rig.try_step(0);
    assert_eq!((step, events), (Ok(Step::Worked), vec![EVENT]));
    assert_eq!(rig.value(0), 4);
    assert_eq!(rig.ram.get(MAIL), u64::from(EVENT));
    assert_eq!(rig.ram.get32(BASE) & 0xffff, u32::from(INVALID));
    assert_eq!(rig.completed(), 1);
    let at = signal(0);
    let order = [
        // The program may write the slot again.
        (Kind::Store, BASE),
        (Kind::Store, READ_POINTER),
        (Kind::Store, at + START),
        (Kind::Store, at + END),
        // After the decrement the signal may be another's.
        (Kind::Load, at + MAILBOX),
        (Kind::Load, at + EVENT_ID),
        (Kind::Atomic, at + VALUE),
        (Kind::Store, MAIL),
    ];
    let times: Vec<usize> = order.iter().map(|(kind, addr)| rig.ram.when(*kind, *addr)).collect();
    assert!(times.is_sorted(), "{times:?}");
}

#[test]
fn a_signal_without_a_mailbox_raises_no_event() {
    let mut rig = Rig::new();
    rig.set_signal(0, 1, false);
    // The id of an interrupt signal whose mailbox is not there.
    rig.ram.set(signal(0) + EVENT_ID, 9);
    rig.put(0, BARRIER_AND, &[], signal(0));
    assert_eq!(rig.try_step(0), (Ok(Step::Worked), vec![]));
    assert_eq!(rig.value(0), 0);
}

#[test]
fn an_event_goes_out_before_the_next_packet() {
    let mut rig = Rig::new();
    rig.set_signal(0, 2, true);
    rig.put(0, BARRIER_AND, &[], signal(0));
    rig.put(1, BARRIER_AND, &[], signal(0));
    assert_eq!(rig.try_step(1), (Ok(Step::Worked), vec![EVENT]));
    assert_eq!((rig.completed(), rig.value(0)), (1, 1));
    assert_eq!(rig.try_step(1), (Ok(Step::Worked), vec![EVENT]));
    assert_eq!((rig.completed(), rig.value(0)), (2, 0));
}

#[test]
fn a_completed_packet_has_its_times_in_ticks_of_the_gpu() {
    let mut rig = Rig::new();
    rig.set_signal(0, 1, false);
    rig.put(0, BARRIER_AND, &[], signal(0));
    rig.step(0);
    assert_eq!([rig.ram.get(signal(0) + START), rig.ram.get(signal(0) + END)], [1000, 1001]);
}

#[test]
fn the_ring_wraps() {
    let mut rig = Rig::new();
    rig.set_signal(0, 10, false);
    for index in 0..SLOTS {
        rig.put(index, BARRIER_AND, &[], signal(0));
    }
    assert_eq!(rig.step(SLOTS - 1), Step::Worked);
    // The slots are invalid now: what was there does not run again.
    assert_eq!(rig.step(SLOTS + 1), Step::Idle);
    rig.put(SLOTS, BARRIER_AND, &[], signal(0));
    rig.put(SLOTS + 1, BARRIER_AND, &[], signal(0));
    assert_eq!(rig.step(SLOTS + 1), Step::Worked);
    assert_eq!((rig.completed(), rig.value(0)), (SLOTS + 2, 10 - SLOTS as i64 - 2));
}

#[test]
fn a_vendor_packet_completes() {
    let mut rig = Rig::new();
    rig.set_signal(0, 1, true);
    rig.put(0, VENDOR_SPECIFIC, &[], signal(0));
    assert_eq!(rig.try_step(0), (Ok(Step::Worked), vec![EVENT]));
    assert_eq!((rig.completed(), rig.value(0)), (1, 0));
}

#[test]
fn a_packet_of_an_unknown_type_is_an_error_that_names_it() {
    let mut rig = Rig::new();
    // An agent dispatch packet, which no GPU takes.
    rig.put(0, 4, &[], 0);
    let Err(Halt::Error { text, code }) = rig.try_step(0).0 else { panic!("an error") };
    assert!(text.contains("type 4") && code == INVALID_FORMAT, "{text}");
    assert_eq!(rig.completed(), 0);
}

#[test]
fn a_ring_that_is_not_mapped_is_a_fault() {
    let mut rig = Rig::new();
    rig.config.ring_base = 0x1000;
    let Err(Halt::Fault(fault)) = rig.try_step(0).0 else { panic!("a fault") };
    assert_eq!((fault.access.addr, fault.reason), (0x1000, FaultReason::NotPresent));
}

/// A dispatch that needs `scratch` bytes a lane; its descriptor is at 0x6000.
fn put_dispatch(rig: &mut Rig, scratch: u32, wave32: bool) {
    let descriptor = BASE + 0x6000;
    rig.put(0, KERNEL_DISPATCH, &[], 0);
    rig.ram.set32(BASE + 24, &[scratch]);
    rig.ram.set(BASE + 32, descriptor);
    rig.ram.set32(descriptor + 56, &[u32::from(wave32) << 10]);
}

#[test]
fn a_kernel_without_enough_scratch_asks_once_and_waits_for_the_answer() {
    for (wave32, request) in [(true, 0x400), (false, 1)] {
        let mut rig = Rig::new();
        put_dispatch(&mut rig, 256, wave32);
        rig.ram.set(INACTIVE + MAILBOX, MAIL);
        rig.ram.set(INACTIVE + EVENT_ID, u64::from(EVENT));
        assert_eq!(rig.try_step(0), (Ok(Step::Idle), vec![EVENT]));
        assert_eq!(rig.ram.get(INACTIVE + VALUE), request);
        assert_eq!(rig.try_step(0), (Ok(Step::Idle), vec![]), "once");
        // The answer is a byte too small. A wave of 32 lanes has the room of one of 64: half as much a lane is enough.
        let too_small = if wave32 { 127 } else { 255 };
        rig.ram.set32(QUEUE + SCRATCH_WAVE64_LANE_BYTE_SIZE, &[too_small]);
        rig.ram.set32(QUEUE + COMPUTE_TMPRING_SIZE, &[32]);
        rig.ram.set(INACTIVE + VALUE, 0);
        assert_eq!(rig.try_step(0), (Ok(Step::Idle), vec![EVENT]));
        assert_eq!(rig.ram.get(INACTIVE + VALUE), request);
        // Enough: the kernel starts, whatever comes of it.
        rig.ram.set32(QUEUE + SCRATCH_WAVE64_LANE_BYTE_SIZE, &[too_small + 1]);
        rig.ram.set(INACTIVE + VALUE, 0);
        let (_, events) = rig.try_step(0);
        assert_eq!((events, rig.ram.get(INACTIVE + VALUE), rig.aql.awaiting_scratch), (vec![], 0, false));
    }
}

#[test]
fn a_queue_that_cannot_ask_for_scratch_stops() {
    let mut rig = Rig::new();
    put_dispatch(&mut rig, 256, true);
    rig.ram.set(QUEUE + QUEUE_INACTIVE_SIGNAL, 0);
    let Err(Halt::Error { text, code }) = rig.try_step(0).0 else { panic!("an error") };
    assert!(text.contains("256 bytes of scratch") && code == INVALID_CODE, "{text}");
}

#[test]
fn a_control_refuses_kernels() {
    let mut rig = Rig::new();
    rig.config.isa = None;
    put_dispatch(&mut rig, 0, true);
    let Err(Halt::Error { text, code }) = rig.try_step(0).0 else { panic!("an error") };
    assert!(text.contains("not executed") && code == ILLEGAL_INSTRUCTION, "{text}");
}

/// A driver that notes what it is told.
#[derive(Debug)]
struct Driver {
    vm: Vm,
    told: Mutex<Vec<String>>,
}

impl Kernel for Driver {
    fn with_vm(&self, run: &mut dyn FnMut(&Vm)) {
        run(&self.vm);
    }

    fn raise_event(&self, event_id: u32) {
        self.told.lock().expect("no panic").push(format!("event {event_id}"));
    }

    fn memory_exception(&self, gpu: usize, fault: &Fault) {
        self.told.lock().expect("no panic").push(format!("GPU {gpu}: fault at {:#x}", fault.access.addr));
    }

    fn stopped(&self, gpu: usize, text: &str) {
        self.told.lock().expect("no panic").push(format!("GPU {gpu} stopped: {text}"));
    }

    fn gpu_clock(&self) -> u64 {
        0
    }
}

/// What a queue whose first packet is that of `rig` tells the driver in three steps, and the value of its inactive signal afterwards.
fn told_by(mut rig: Rig) -> (Vec<String>, u64) {
    let bytes = rig.ram.slice(BASE, 0x8000);
    let mapping =
        Mapping { size: 0x8000, host: bytes.as_mut_ptr() as u64, mtype: Mtype::Uc, writable: true, executable: false };
    let mut driver = Driver { vm: Vm::new(1), told: Mutex::default() };
    driver.vm.map(0, BASE, mapping);
    let doorbell = AtomicU64::new(0);
    let config = QueueConfig { doorbell: doorbell.as_ptr() as u64, ..rig.config };
    let mut queue = Queue { config, machine: Machine::Aql(Box::default()), active: true, stopped: false };
    assert_eq!([(); 3].map(|()| queue.step(&driver)), [Step::Worked, Step::Idle, Step::Idle]);
    doorbell.store(1, Ordering::Relaxed);
    assert_eq!(queue.step(&driver), Step::Idle, "it has stopped for good");
    (driver.told.into_inner().expect("no panic"), rig.ram.get(INACTIVE + VALUE))
}

#[test]
fn an_error_stops_the_queue_and_reaches_the_program_through_the_inactive_signal() {
    let mut rig = Rig::new();
    rig.put(0, 4, &[], 0);
    rig.ram.set(INACTIVE + MAILBOX, MAIL);
    rig.ram.set(INACTIVE + EVENT_ID, u64::from(EVENT));
    let (told, inactive) = told_by(rig);
    assert_eq!(inactive, INVALID_FORMAT);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0] == "event 7" && told[1].starts_with("GPU 0 stopped: packet 0 at 0x700000000000"), "{told:?}");
}

#[test]
fn a_fault_stops_the_queue_and_is_a_memory_exception() {
    let mut rig = Rig::new();
    rig.put(0, BARRIER_AND, &[0x1000], 0);
    let (told, inactive) = told_by(rig);
    assert_eq!(inactive, 0);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("GPU 0 stopped: PacketProcessor Load of 8 bytes at 0x1008"), "{told:?}");
    assert_eq!(told[1], "GPU 0: fault at 0x1008");
}
