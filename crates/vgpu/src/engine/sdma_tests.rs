//! Packets are written out word by word, as linux `navi10_sdma_pkt_open.h` has them.

use super::super::QueueKind;
use super::super::test_memory::{BASE, Ram, config, outside};
use super::*;
use crate::mem::FaultReason;

const RING: u64 = 0x1000;
const READ_POINTER: u64 = BASE + 0x2080;
/// Where the packets of the tests work.
const FROM: u64 = BASE + 0x1_0000;
const TO: u64 = BASE + 0x20_0000;
/// Operations, in bits 0 to 7 of a packet's first word.
const NOP: u32 = 0;
const COPY: u32 = 1;
const WRITE: u32 = 2;
const FENCE: u32 = 5;
const TRAP: u32 = 6;
const POLL: u32 = 8;
const ATOMIC: u32 = 10;
const FILL: u32 = 11;
const TIMESTAMP: u32 = 13;
const GCR: u32 = 17;

struct Rig {
    ram: Ram,
    sdma: Sdma,
    config: QueueConfig,
    /// Where the next packet goes, in bytes.
    end: u64,
}

impl Rig {
    fn new(isa: Isa) -> Self {
        let config = config(QueueKind::Sdma, Some(isa), RING);
        assert_eq!(config.read_pointer, READ_POINTER);
        Rig { ram: Ram::new(), sdma: Sdma::default(), config, end: 0 }
    }

    /// Writes words behind what is in the ring. The doorbell does not ring yet.
    fn put(&mut self, words: &[u32]) {
        for word in words {
            self.ram.set32(BASE + self.end % RING, &[*word]);
            self.end += 4;
        }
    }

    /// One step with the doorbell at `doorbell`, and the events that it raised.
    fn try_step(&mut self, doorbell: u64) -> (Result<Step, Halt>, Vec<u32>) {
        let Rig { ram, sdma, config, .. } = self;
        outside(|outside| sdma.step(config, doorbell, ram, outside))
    }

    /// One step with all packets rung.
    fn step(&mut self) -> (Step, Vec<u32>) {
        let (step, events) = self.try_step(self.end);
        (step.expect("no error"), events)
    }

    /// Runs a packet that is done in one step and raises nothing.
    fn run(&mut self, words: &[u32]) {
        self.put(words);
        assert_eq!(self.step(), (Step::Worked, vec![]));
        assert_eq!(self.ram.get(READ_POINTER), self.end, "the packet's length");
    }

    /// What is wrong with a packet.
    fn refusal(&mut self, words: &[u32]) -> String {
        let before = self.end;
        self.put(words);
        let Err(Halt::Error { text, .. }) = self.try_step(self.end).0 else { panic!("an error") };
        assert_eq!(self.sdma.read, before, "the queue stays where it is");
        text
    }
}

/// Low and high half of an address.
fn halves(addr: u64) -> [u32; 2] {
    [addr as u32, (addr >> 32) as u32]
}

fn copy(count: u32, from: u64, to: u64) -> [u32; 7] {
    let ([from_low, from_high], [to_low, to_high]) = (halves(from), halves(to));
    [COPY, count, 0, from_low, from_high, to_low, to_high]
}

/// Bytes that tell where they are.
fn pattern(size: u64) -> Vec<u8> {
    (0..size).map(|index| (index * 7 + (index >> 8) + (index >> 16)) as u8).collect()
}

#[test]
fn a_copy_moves_count_plus_one_bytes() {
    let mut rig = Rig::new(Isa::Gfx10_3);
    let bytes = pattern(1001);
    rig.ram.slice(FROM + 3, 1001).copy_from_slice(&bytes);
    rig.run(&copy(999, FROM + 3, TO + 1));
    assert_eq!(rig.ram.slice(TO + 1, 1000), &bytes[..1000]);
    assert_eq!([TO, TO + 1001].map(|addr| rig.ram.slice(addr, 1)[0]), [0, 0], "nothing around them");
}

#[test]
fn counts_have_22_bits_on_gfx10_1_and_30_on_gfx10_3() {
    let packet = copy(1 << 22 | 63, FROM, TO);
    let mut rig = Rig::new(Isa::Gfx10_1);
    rig.run(&packet);
    // On gfx10.3 it is 4 MiB and more, which leaves the block.
    let mut rig = Rig::new(Isa::Gfx10_3);
    rig.put(&packet);
    let halt = loop {
        match rig.try_step(rig.end) {
            (Ok(Step::Worked), _) => {}
            (Ok(Step::Idle), _) => panic!("a copy never waits"),
            (Err(halt), _) => break halt,
        }
    };
    let Halt::Fault(fault) = halt else { panic!("{halt:?}") };
    assert_eq!((fault.reason, fault.access.kind), (FaultReason::NotPresent, Kind::Store));
    assert_eq!(rig.sdma.done, 3 << 20);
}

#[test]
fn a_large_copy_goes_in_slices_so_that_other_queues_run_between() {
    let mut rig = Rig::new(Isa::Gfx10_3);
    let size = (1 << 20) + 77;
    let bytes = pattern(size);
    rig.ram.slice(FROM, size).copy_from_slice(&bytes);
    rig.put(&copy(size as u32 - 1, FROM, TO));
    assert_eq!(rig.step(), (Step::Worked, vec![]));
    assert_eq!(rig.ram.get(READ_POINTER), 0, "not yet");
    assert_eq!(rig.step(), (Step::Worked, vec![]));
    assert_eq!(rig.ram.get(READ_POINTER), 28);
    assert!(rig.ram.slice(TO, size) == bytes);
    // The next one starts from its own beginning.
    rig.ram.slice(TO, size).fill(0);
    rig.run(&copy(size as u32 / 2, FROM, TO));
    assert!(rig.ram.slice(TO, size / 2) == &bytes[..size as usize / 2]);
}

#[test]
fn a_copy_of_a_sub_window_keeps_to_its_pitches() {
    let mut rig = Rig::new(Isa::Gfx10_3);
    let bytes = pattern(0x400);
    rig.ram.slice(FROM, 0x400).copy_from_slice(&bytes);
    // Elements of 4 bytes. From (1, 2, 1) of a surface with 8 elements a row and 64 a plane to (3, 1, 0) of one with 16 and 128: 2 elements, 2 rows, 2 planes.
    let ([from_low, from_high], [to_low, to_high]) = (halves(FROM), halves(TO));
    rig.run(&[
        COPY | 4 << 8 | 2 << 29,
        from_low,
        from_high,
        1 | 2 << 16,
        1 | 7 << 13,
        63,
        to_low,
        to_high,
        3 | 1 << 16,
        15 << 13,
        127,
        1 | 1 << 16,
        1,
    ]);
    let mut expected = vec![0; 0x400];
    for (plane, row) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let from = 4 * ((1 + plane) * 64 + (2 + row) * 8 + 1);
        let to = 4 * (plane * 128 + (1 + row) * 16 + 3);
        expected[to..to + 8].copy_from_slice(&bytes[from..from + 8]);
    }
    assert_eq!(rig.ram.slice(TO, 0x400), expected);
}

#[test]
fn copies_that_are_not_modelled_are_refused_by_name() {
    // Tiled, tiled sub-window, tiled to tiled, structure of arrays, and to two places.
    for header in [COPY | 1 << 8, COPY | 5 << 8, COPY | 6 << 8, COPY | 3 << 8, COPY | 1 << 27] {
        let text = Rig::new(Isa::Gfx10_3).refusal(&[header, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert!(text.contains(&format!("{header:#010x}")), "{text}");
    }
}

#[test]
fn a_fill_writes_words_and_its_count_leaves_the_last_out() {
    let mut rig = Rig::new(Isa::Gfx10_3);
    let [low, high] = halves(TO + 4);
    // Bits 30 and 31: 2 for words of 4 bytes.
    rig.run(&[FILL | 2 << 30, low, high, 0xdead_beef, 12]);
    let found: Vec<u32> = (0..6).map(|index| rig.ram.get32(TO + 4 * index)).collect();
    assert_eq!(found, [0, 0xdead_beef, 0xdead_beef, 0xdead_beef, 0xdead_beef, 0]);
}

#[test]
fn a_large_fill_goes_in_slices() {
    let mut rig = Rig::new(Isa::Gfx10_1);
    let [low, high] = halves(TO);
    let size = (1 << 20) + 8;
    rig.put(&[FILL | 2 << 30, low, high, 0x0403_0201, size - 4]);
    assert_eq!((rig.step().0, rig.ram.get(READ_POINTER)), (Step::Worked, 0));
    assert_eq!((rig.step().0, rig.ram.get(READ_POINTER)), (Step::Worked, 20));
    assert!(rig.ram.slice(TO, u64::from(size)).chunks(4).all(|word| word == [1, 2, 3, 4]));
    assert_eq!(rig.ram.get32(TO + u64::from(size)), 0);
}

#[test]
fn a_write_puts_the_packets_own_words_into_memory() {
    let mut rig = Rig::new(Isa::Gfx10_3);
    let [low, high] = halves(TO);
    rig.run(&[WRITE, low, high, 2, 11, 22, 33]);
    assert_eq!([0, 4, 8, 12].map(|offset| rig.ram.get32(TO + offset)), [11, 22, 33, 0]);
    // A tiled one is another packet.
    assert!(rig.refusal(&[WRITE | 1 << 8, low, high, 2, 11, 22, 33]).contains("operation 2, 1"));
}

#[test]
fn a_fence_stores_its_word() {
    let mut rig = Rig::new(Isa::Gfx10_3);
    rig.ram.set(TO, u64::MAX);
    let [low, high] = halves(TO);
    rig.run(&[FENCE, low, high, 0x1234_5678]);
    assert_eq!(rig.ram.get(TO), 0xffff_ffff_1234_5678);
}

#[test]
fn atomics_change_memory_by_their_operation() {
    // Operation (bits 25 to 31), operand, comparand, and what becomes of 0x1_0000_0005.
    for (operation, operand, comparand, expected) in [
        (47, 3, 0, 0x1_0000_0008),
        (47, 0x1_0000_0003, 0, 0x2_0000_0008),
        (47, u64::MAX, 0, 0x1_0000_0004),
        (15, 0xffff_ffff, 0, 0x1_0000_0004),
        (48, 6, 0, 0xffff_ffff),
        (39, 9, 0, 9),
        (40, 9, 0x1_0000_0005, 9),
        (40, 9, 5, 0x1_0000_0005),
        (8, 9, 5, 0x1_0000_0009),
    ] {
        let mut rig = Rig::new(Isa::Gfx10_3);
        rig.ram.set(TO, 0x1_0000_0005);
        let ([low, high], [data, data_high], [compare, compare_high]) =
            (halves(TO), halves(operand), halves(comparand));
        rig.run(&[ATOMIC | operation << 25, low, high, data, data_high, compare, compare_high, 0]);
        assert_eq!(rig.ram.get(TO), expected, "operation {operation}");
    }
    let text = Rig::new(Isa::Gfx10_3).refusal(&[ATOMIC | 99 << 25, 0, 0, 0, 0, 0, 0, 0]);
    assert!(text.contains("99"), "{text}");
}

#[test]
fn a_trap_raises_its_event_before_the_next_packet() {
    let mut rig = Rig::new(Isa::Gfx10_3);
    let [low, high] = halves(TO);
    // The context has 28 bits.
    rig.put(&[TRAP, 0xf000_0000 | 77]);
    rig.put(&[FENCE, low, high, 1]);
    assert_eq!(rig.step(), (Step::Worked, vec![77]));
    assert_eq!((rig.ram.get(TO), rig.ram.get(READ_POINTER)), (0, 8));
    assert_eq!(rig.step(), (Step::Worked, vec![]));
    assert_eq!(rig.ram.get(TO), 1);
}

#[test]
fn a_timestamp_is_the_gpus_clock() {
    let mut rig = Rig::new(Isa::Gfx10_3);
    let [low, high] = halves(TO);
    rig.run(&[TIMESTAMP | 2 << 8, low, high]);
    assert_eq!(rig.ram.get(TO), 1000);
}

#[test]
fn a_poll_of_memory_waits_until_the_masked_word_compares() {
    // Function (bits 28 to 30), a value for which it waits, one for which it does not. The reference is 5, the mask 0xff.
    for (function, waits, passes) in [(1, 5, 4), (2, 6, 5), (3, 4, 0x105), (4, 0x105, 6), (5, 4, 5), (6, 5, 6)] {
        let mut rig = Rig::new(Isa::Gfx10_3);
        let [low, high] = halves(TO);
        rig.ram.set(TO, waits);
        rig.put(&[POLL | function << 28 | 1 << 31, low, high, 5, 0xff, 10 | 0xfff << 16]);
        assert_eq!(rig.step(), (Step::Idle, vec![]), "function {function}");
        assert_eq!(rig.step(), (Step::Idle, vec![]), "function {function}");
        assert_eq!(rig.ram.get(READ_POINTER), 0);
        rig.ram.set(TO, passes);
        assert_eq!(rig.step(), (Step::Worked, vec![]), "function {function}");
        assert_eq!(rig.ram.get(READ_POINTER), 24);
    }
}

#[test]
fn what_has_no_effect_on_this_card_is_passed_over() {
    let mut rig = Rig::new(Isa::Gfx10_3);
    // A poll of a register, as ROCr flushes HDP; a cache request; a poll that always passes.
    rig.run(&[POLL | 3 << 28 | 1 << 26, 0, 0, 1, 1, 0]);
    rig.run(&[GCR, 0, 0, 0, 0]);
    let [low, high] = halves(TO);
    rig.run(&[POLL | 1 << 31, low, high, 1, 1, 0]);
}

#[test]
fn a_nop_skips_as_many_words_as_it_counts() {
    let mut rig = Rig::new(Isa::Gfx10_3);
    let [low, high] = halves(TO);
    rig.put(&[NOP, NOP | 3 << 16, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff]);
    // More than any other packet has.
    rig.put(&[NOP | 40 << 16]);
    rig.put(&[0xffff_ffff; 40]);
    rig.run(&[FENCE, low, high, 1]);
    assert_eq!(rig.ram.get(TO), 1);
}

#[test]
fn the_ring_wraps_within_a_packet() {
    let mut rig = Rig::new(Isa::Gfx10_3);
    let [low, high] = halves(TO);
    // All but two words of the ring.
    let rest = (RING / 4 - 2) as usize;
    rig.put(&[NOP | (rest as u32 - 1) << 16]);
    rig.put(&vec![0xffff_ffff; rest - 1]);
    assert_eq!(rig.step(), (Step::Worked, vec![]));
    rig.run(&[FENCE, low, high, 42]);
    assert_eq!(rig.ram.get(TO), 42);
    assert_eq!(rig.ram.get(READ_POINTER), RING + 8, "positions count on");
}

#[test]
fn a_packet_is_not_begun_before_all_of_it_is_written() {
    let [low, high] = halves(TO);
    for words in [&[FENCE, low, high, 1][..], &[WRITE, low, high, 1, 1, 2], &[NOP | 1 << 16, 0]] {
        let mut rig = Rig::new(Isa::Gfx10_3);
        // What is left of packets before makes no sense.
        rig.ram.slice(BASE, RING).fill(0xee);
        for word in words {
            for doorbell in rig.end..rig.end + 4 {
                assert_eq!(rig.try_step(doorbell).0, Ok(Step::Idle), "{doorbell} of {words:x?}");
            }
            rig.put(&[*word]);
        }
        assert_eq!((rig.ram.get(TO), rig.ram.get(READ_POINTER)), (0, 0));
        assert_eq!(rig.step().0, Step::Worked);
        assert_eq!(rig.ram.get(READ_POINTER), rig.end);
    }
}

#[test]
fn nothing_is_read_before_the_doorbell_rings_and_a_late_one_takes_nothing_back() {
    let mut rig = Rig::new(Isa::Gfx10_3);
    rig.put(&[NOP, NOP, NOP]);
    assert!(!rig.sdma.has_work(u64::MAX), "all ones: never rung");
    assert_eq!(rig.try_step(u64::MAX).0, Ok(Step::Idle));
    assert!(rig.ram.touched.is_empty());
    assert!(rig.sdma.has_work(12));
    assert_eq!(rig.try_step(4).0, Ok(Step::Worked));
    assert_eq!(rig.ram.get(READ_POINTER), 12);
}

#[test]
fn an_unknown_packet_stops_the_queue_with_a_message_that_names_it() {
    let mut rig = Rig::new(Isa::Gfx10_3);
    let [low, high] = halves(TO);
    rig.run(&[NOP]);
    rig.put(&[0x0000_07ee]);
    rig.put(&[FENCE, low, high, 1]);
    let Err(Halt::Error { text, .. }) = rig.try_step(rig.end).0 else { panic!("an error") };
    assert_eq!(text, "SDMA packet 0x000007ee at ring offset 0x4 (operation 238, 7) is not known");
    assert_eq!((rig.ram.get(TO), rig.ram.get(READ_POINTER)), (0, 4));
}
