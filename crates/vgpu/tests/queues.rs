//! Queues from the program's side: packets in a ring, a doorbell, and an event that comes back.

mod rig;

use rig::{AQL, Rig, SDMA, load, store};
use vgpu::kfd::gpu_id;
use vgpu::kfd::uapi::{self, UpdateQueue};

/// Event types of `kfd_ioctl.h`.
const SIGNAL: u32 = 0;
const MEMORY: u32 = 8;

fn halves(addr: u64) -> [u32; 2] {
    [addr as u32, (addr >> 32) as u32]
}

#[test]
fn a_barrier_completes_its_signal_and_wakes_who_waits_for_the_event() {
    let rig = Rig::new();
    let (queue, event) = (rig.queue(AQL), rig.event(SIGNAL));
    let signal = rig.signal(1, event);
    queue.barrier(0, 0, signal);
    rig.wait(event);
    assert_eq!((load(signal + 8), load(queue.read_pointer)), (0, 1));
    assert_eq!(load(load(signal + 16)), u64::from(event), "the mailbox");
}

#[test]
fn events_reach_every_round_of_a_ring_that_wraps() {
    let rig = Rig::new();
    let (queue, event) = (rig.queue(AQL), rig.event(SIGNAL));
    let rounds = 3 * rig::RING / 64;
    let signal = rig.signal(rounds, event);
    for index in 0..rounds {
        queue.barrier(index, 0, signal);
        rig.wait(event);
        assert_eq!(load(signal + 8), rounds - index - 1);
    }
}

#[test]
fn one_queue_waits_for_another_while_a_third_runs() {
    let rig = Rig::new();
    let (waits, sdma, runs) = (rig.queue(AQL), rig.queue(SDMA), rig.queue(AQL));
    let (done, ran) = (rig.event(SIGNAL), rig.event(SIGNAL));
    let (copied, end, other) = (rig.signal(1, 0), rig.signal(1, done), rig.signal(1, ran));
    waits.barrier(0, copied, end);
    runs.barrier(0, 0, other);
    rig.wait(ran);
    assert_eq!((load(end + 8), load(waits.read_pointer)), (1, 0));
    // Copy 8 bytes, and take 1 from the signal by adding all ones: what ROCr lets SDMA do.
    let (from, to) = (rig.alloc(8), rig.alloc(8));
    store(from, 0x1234_5678_9abc_def0);
    let ([from_low, from_high], [to_low, to_high], [low, high]) = (halves(from), halves(to), halves(copied + 8));
    let copy = [1, 7, 0, from_low, from_high, to_low, to_high];
    let decrement = [10 | 47 << 25, low, high, 0xffff_ffff, 0xffff_ffff, 0, 0, 0];
    sdma.submit(&[copy.as_slice(), &decrement].concat());
    rig.wait(done);
    assert_eq!((load(to), load(end + 8)), (0x1234_5678_9abc_def0, 0));
}

#[test]
fn a_trap_of_sdma_sets_its_event() {
    let rig = Rig::new();
    let (sdma, event) = (rig.queue(SDMA), rig.event(SIGNAL));
    let [low, high] = halves(rig.alloc(8));
    sdma.submit(&[5, low, high, 77, 6, event]);
    rig.wait(event);
    assert_eq!(load(u64::from(low) | u64::from(high) << 32), 77);
    assert_eq!(load(sdma.read_pointer), 24);
}

#[test]
fn a_queue_that_is_gone_touches_nothing_and_leaves_the_others_alone() {
    let rig = Rig::new();
    let (gone, stays, event) = (rig.queue(AQL), rig.queue(AQL), rig.event(SIGNAL));
    let (gate, first, second) = (rig.signal(1, 0), rig.signal(1, 0), rig.signal(1, event));
    gone.barrier(0, gate, first);
    rig.destroy(&gone);
    store(gate + 8, 0);
    gone.barrier(1, 0, first);
    stays.barrier(0, gate, second);
    rig.wait(event);
    assert_eq!((load(first + 8), load(gone.read_pointer)), (1, 0));
}

#[test]
fn a_queue_without_time_rests_until_it_gets_some() {
    let rig = Rig::new();
    let (rests, runs) = (rig.queue(AQL), rig.queue(AQL));
    let (first, second) = (rig.event(SIGNAL), rig.event(SIGNAL));
    let (of_rests, of_runs) = (rig.signal(1, first), rig.signal(1, second));
    let mut update = UpdateQueue {
        ring_base: rests.ring,
        queue_id: rests.id,
        ring_size: rig::RING as u32,
        queue_percentage: 0,
        queue_priority: 0,
    };
    rig.ioctl(uapi::UPDATE_QUEUE, &mut update);
    rests.barrier(0, 0, of_rests);
    runs.barrier(0, 0, of_runs);
    rig.wait(second);
    assert_eq!(load(of_rests + 8), 1);
    update.queue_percentage = 100;
    rig.ioctl(uapi::UPDATE_QUEUE, &mut update);
    rig.wait(first);
    assert_eq!(load(of_rests + 8), 0);
}

#[test]
fn an_address_that_is_not_mapped_sets_the_memory_event() {
    let rig = Rig::new();
    let (sdma, event) = (rig.queue(SDMA), rig.event(MEMORY));
    let [low, high] = halves(0x1234_5678_9000);
    sdma.submit(&[5, low | 0x10, high, 77]);
    let data = rig.wait(event);
    assert_eq!((data.va, data.not_present, data.read_only, data.gpu_id), (0x1234_5678_9000, 1, 0, gpu_id(0)));
}
