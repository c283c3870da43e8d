//! Whatever a kernel contains, the interpreter neither panics nor hangs.

mod isa_harness;

use isa_harness::{Launch, PACKET, QUEUE};
use proptest::prelude::*;
use vgpu::isa::Isa::{Gfx10_1, Gfx10_3};
use vgpu::isa::table::Op;
use vgpu::isa::{Dispatch, Isa, Progress, decode};

/// A word that begins an instruction of one of the encodings, so that most of the words mean something.
fn first_word() -> impl Strategy<Value = u32> {
    let leads: [(u32, u32); 14] = [
        (0x3d << 26, 26), // SMEM
        (0x35 << 26, 26), // VOP3
        (0x33 << 26, 26), // VOP3P
        (0x36 << 26, 26), // DS
        (0x37 << 26, 26), // FLAT
        (0x38 << 26, 26), // MUBUF
        (0x17d << 23, 23),
        (0x17e << 23, 23),
        (0x17f << 23, 23),
        (0xb << 28, 28),
        (2 << 30, 30),
        (0x3f << 25, 25),
        (0x3e << 25, 25),
        (0, 31),
    ];
    (any::<u32>(), prop::sample::select(leads.to_vec()))
        .prop_map(|(word, (lead, bits))| lead | word & ((1 << bits) - 1))
}

fn instruction() -> impl Strategy<Value = [u32; 3]> {
    // Low register numbers keep more of the instructions from being refused for a register that does not exist.
    let second = any::<u32>().prop_map(|word| word & 0xff1f_1f1f);
    (first_word(), prop_oneof![any::<u32>(), second], any::<u32>()).prop_map(|(a, b, c)| [a, b, c])
}

/// An instruction that exists.
fn known() -> impl Strategy<Value = [u32; 3]> {
    instruction().prop_filter("no instruction", |words| decode(Gfx10_3, *words).op != Op::unknown)
}

fn isa() -> impl Strategy<Value = Isa> {
    prop::sample::select(vec![Gfx10_1, Gfx10_3])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_words_decode_to_one_to_three_words(isa in isa(), words in prop_oneof![any::<[u32; 3]>(), instruction()]) {
        prop_assert!(matches!(decode(isa, words).size, 4 | 8 | 12));
    }

    #[test]
    fn any_instruction_runs_or_is_refused(isa in isa(), wave64: bool, exec: u64, mode in 0u32..0x400, insts in prop::collection::vec(prop_oneof![4 => known(), 1 => instruction()], 1..4)) {
        let launch = Launch { lds: 512, mode: mode & 0x3f0, private: 16, properties: 0x29, user_sgprs: 8, vgprs: 256, ..Launch::one_wave(isa, wave64) };
        // s_mov_b32 exec_lo and exec_hi, the instructions, s_endpgm.
        let mut code = vec![0xbefe_03ff, exec as u32, 0xbeff_03ff, (exec >> 32) as u32];
        for words in insts {
            let used = usize::from(decode(isa, words).size / 4);
            code.extend(&words[..used]);
        }
        code.push(0xbf81_0000);
        let (mut ram, packet) = launch.prepare(&code);
        let mut dispatch = Dispatch::new(isa, &packet, QUEUE, PACKET, &mut ram).expect("a sensible packet");
        for _ in 0..4 {
            match dispatch.step(&mut ram, 300) {
                Ok(Progress::Running) => {}
                Ok(Progress::Done) => break,
                Err(stop) => {
                    prop_assert!(!stop.to_string().is_empty());
                    break;
                }
            }
        }
    }

    #[test]
    fn any_packet_and_descriptor_start_or_are_refused(isa in isa(), bytes in prop::collection::vec(any::<u8>(), 56), descriptor: [u32; 3]) {
        let (mut ram, good) = Launch::one_wave(isa, false).prepare(&[0xbf81_0000]);
        let mut packet = good;
        packet[2..32].copy_from_slice(&bytes[..30]);
        // A sensible size now and then.
        if bytes[31] & 1 != 0 {
            packet[4..24].copy_from_slice(&good[4..24]);
            packet[24..32].fill(0);
        }
        for (index, word) in descriptor.iter().enumerate() {
            ram.block(isa_harness::OBJECT)[48 + 4 * index..][..4].copy_from_slice(&word.to_le_bytes());
        }
        if let Ok(mut dispatch) = Dispatch::new(isa, &packet, QUEUE, PACKET, &mut ram) {
            let _ = dispatch.step(&mut ram, 1000);
        }
    }
}
