//! The decoder against LLVM's assembler and disassembler, which know every encoding of gfx1010 and gfx1030.

use std::fmt::Write as _;
use std::io::{ErrorKind, Write as _};
use std::process::{Command, Output, Stdio};

use proptest::prelude::*;
use vgpu::isa::table::Op;
use vgpu::isa::{Format, Inst, Isa, decode};

/// The instruction sets with a card of each that LLVM knows.
const CARDS: [(Isa, &str); 2] = [(Isa::Gfx10_1, "gfx1010"), (Isa::Gfx10_3, "gfx1030")];

/// Runs llvm-mc for a card. A thread feeds it: it writes while it reads.
fn llvm_mc(card: &str, arguments: &[&str], input: String) -> (String, String) {
    for name in ["llvm-mc", "llvm-mc-15", "llvm-mc-14"] {
        let spawned = Command::new(name)
            .args(["-arch=amdgcn", &format!("-mcpu={card}")])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = match spawned {
            Ok(child) => child,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => panic!("{name} cannot be started: {error}"),
        };
        let mut stdin = child.stdin.take().expect("a pipe");
        let feeder = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
        let Output { stdout, stderr, .. } = child.wait_with_output().expect("llvm-mc ends");
        feeder.join().expect("no panic").expect("llvm-mc reads all");
        let text = |bytes| String::from_utf8(bytes).expect("llvm-mc writes text");
        return (text(stdout), text(stderr));
    }
    panic!("there is no llvm-mc; install Debian's package `llvm`");
}

/// Stands between two instructions. No instruction of the tests is the same.
const MARK: (u32, &str) = (0xbf80_7abc, "s_nop 0x7abc");

/// What LLVM reads in each of `instructions`: the lines it prints, none if it knows no such instruction.
fn disassemble(card: &str, instructions: &[Vec<u32>]) -> Vec<Vec<String>> {
    let mut input = String::new();
    for words in instructions.iter().flat_map(|words| [words.as_slice(), &[MARK.0]]) {
        let bytes: Vec<String> =
            words.iter().flat_map(|word| word.to_le_bytes()).map(|b| format!("{b:#04x}")).collect();
        // In brackets: all or nothing, no search for the next instruction after a bad one.
        writeln!(input, "[{}]", bytes.join(" ")).expect("a string");
    }
    let (output, _) = llvm_mc(card, &["--disassemble"], input);
    let mut found = vec![Vec::new()];
    for line in output.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('.')) {
        match found.last_mut() {
            Some(lines) if line != MARK.1 => lines.push(line.to_owned()),
            _ => found.push(Vec::new()),
        }
    }
    assert_eq!(found.pop(), Some(Vec::new()), "the last line is a mark");
    assert_eq!(found.len(), instructions.len(), "a line was lost");
    found
}

/// The mnemonic of a line, without the name of its encoding.
fn mnemonic(line: &str) -> &str {
    let name = line.split_whitespace().next().unwrap_or("");
    ["_e32", "_e64", "_sdwa", "_dpp"].iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name)
}

/// An encoding, and instructions of it: opcode number and words.
struct Encoding {
    format: Format,
    tried: Vec<(u32, [u32; 3])>,
}

const LITERAL: u32 = 0x1234_5678;

/// All encodings with all of their opcodes. Not every opcode takes every kind of operand, and LLVM wants 0 where one takes none, so that each is tried in
/// several ways. Registers are multiples of 4, so that they can start tuples.
fn encodings() -> Vec<Encoding> {
    let mut all = Vec::new();
    let mut add = |format, opcodes: std::ops::Range<u32>, patterns: &[&dyn Fn(u32) -> [u32; 3]]| {
        let tried = opcodes.flat_map(|number| patterns.iter().map(move |pattern| (number, pattern(number)))).collect();
        all.push(Encoding { format, tried });
    };
    add(
        Format::Sop1,
        0..256,
        &[
            &|n| [0xbe80_0000 | 4 << 16 | n << 8 | 8, 0, 0],
            &|n| [0xbe80_0000 | 4 << 16 | n << 8 | 255, LITERAL, 0],
            &|n| [0xbe80_0000 | 4 << 16 | n << 8, 0, 0],
            &|n| [0xbe80_0000 | n << 8 | 8, 0, 0],
        ],
    );
    // Above are SOPK and the other scalar encodings.
    add(
        Format::Sop2,
        0..0x60,
        &[
            &|n| [0x8000_0000 | n << 23 | 4 << 16 | 12 << 8 | 8, 0, 0],
            &|n| [0x8000_0000 | n << 23 | 4 << 16 | 12 << 8 | 255, LITERAL, 0],
            &|n| [0x8000_0000 | n << 23 | 4 << 16 | 255 << 8 | 8, LITERAL, 0],
        ],
    );
    add(
        Format::Sopk,
        0..0x1d,
        &[&|n| [0xb000_0000 | n << 23 | 4 << 16 | 0x1001, LITERAL, 0], &|n| {
            [0xb000_0000 | n << 23 | 0x1001, LITERAL, 0]
        }],
    );
    add(
        Format::Sopc,
        0..128,
        &[&|n| [0xbf00_0000 | n << 16 | 12 << 8 | 8, 0, 0], &|n| [0xbf00_0000 | n << 16 | 255 << 8 | 8, LITERAL, 0]],
    );
    add(Format::Sopp, 0..128, &[&|n| [0xbf80_0000 | n << 16, 0, 0], &|n| [0xbf80_0000 | n << 16 | 1, 0, 0]]);
    add(
        Format::Smem,
        0..256,
        &[
            &|n| [0xf400_0000 | n << 18 | 8 << 6 | 2, 125 << 25 | 0x10, 0],
            &|n| [0xf400_0000 | n << 18 | 8 << 6, 0, 0],
            &|n| [0xf400_0000 | n << 18, 0, 0],
        ],
    );
    add(
        Format::Vop1,
        0..256,
        &[
            &|n| [0x7e00_0000 | 4 << 17 | n << 9 | 264, 0, 0],
            &|n| [0x7e00_0000 | 4 << 17 | n << 9 | 255, LITERAL, 0],
            &|n| [0x7e00_0000 | n << 9, 0, 0],
        ],
    );
    // Above are VOPC and VOP1.
    add(
        Format::Vop2,
        0..0x3e,
        &[&|n| [n << 25 | 4 << 17 | 12 << 9 | 264, LITERAL, 0], &|n| [n << 25 | 4 << 17 | 12 << 9 | 255, LITERAL, 0]],
    );
    add(
        Format::Vopc,
        0..256,
        &[&|n| [0x7c00_0000 | n << 17 | 12 << 9 | 264, 0, 0], &|n| [0x7c00_0000 | n << 17 | 12 << 9 | 255, LITERAL, 0]],
    );
    // None, one, two, three sources, with a literal and with scalars, which masks and lane numbers are. Comparisons that write EXEC have no destination.
    let sources = |sources: [u32; 3]| sources[0] | sources[1] << 9 | sources[2] << 18;
    for list in [
        [0; 3],
        [264, 0, 0],
        [255, 0, 0],
        [264, 268, 0],
        [264, 255, 0],
        [8, 8, 0],
        [264, 8, 0],
        [264, 268, 272],
        [264, 268, 255],
        [255, 268, 272],
        [264, 268, 8],
        [264, 8, 8],
    ] {
        let literal = if list.contains(&255) { LITERAL } else { 0 };
        add(
            Format::Vop3,
            0..1024,
            &[&|n| [0xd400_0000 | n << 16 | 4, sources(list), literal], &|n| {
                [0xd400_0000 | n << 16, sources(list), literal]
            }],
        );
        add(Format::Vop3p, 0..128, &[&|n| [0xcc00_0000 | n << 16 | 4, sources(list), literal]]);
    }
    // Every choice of the address v8, data v4 and v16, and the destination v12.
    for choice in 0..16 {
        let chosen = |bit: u32, field: u32| if choice >> bit & 1 != 0 { field } else { 0 };
        let vectors = chosen(0, 8) | chosen(1, 4 << 8) | chosen(2, 16 << 16) | chosen(3, 12 << 24);
        add(Format::Ds, 0..256, &[&|n| [0xd800_0000 | n << 18, vectors, 0], &|n| [0xd802_0000 | n << 18, vectors, 0]]);
        if choice & 4 != 0 {
            continue;
        }
        for (format, segment) in [(Format::Flat, 0), (Format::Scratch, 1), (Format::Global, 2)] {
            let first = |n: u32| 0xdc00_0000 | n << 18 | segment << 14;
            // Without a scalar base and with one, with and without GLC: atomic operations return the old value with it.
            for (base, glc) in [(125, 0), (125, 1), (16, 0), (16, 1)] {
                add(format, 0..128, &[&|n| [first(n) | glc << 16, base << 16 | vectors, 0]]);
            }
        }
    }
    // Buffers at s[8:11] with the offset 0. GLC as above.
    for (registers, glc) in [(8 | 4 << 8 | 2 << 16 | 128 << 24, 0), (8 | 4 << 8 | 2 << 16 | 128 << 24, 1), (0, 0)] {
        add(Format::Mubuf, 0..256, &[&|n| [0xe000_0000 | n << 18 | glc << 14, registers, 0]]);
    }
    all
}

/// What only LLVM knows, and why the tables need not.
const LEFT_OUT: [(Format, u32, &str); 7] = [
    // Interpolation of pixel shaders' inputs.
    (Format::Vop3, 0x200, "v_interp_p1_f32"),
    (Format::Vop3, 0x201, "v_interp_p2_f32"),
    (Format::Vop3, 0x202, "v_interp_mov_f32"),
    (Format::Vop3, 0x342, "v_interp_p1ll_f16"),
    (Format::Vop3, 0x343, "v_interp_p1lv_f16"),
    (Format::Vop3, 0x35a, "v_interp_p2_f16"),
    // An instruction of gfx6: LLVM falls back to the tables of older cards.
    (Format::Mubuf, 0xf1, "buffer_wbinvl1"),
];

/// Instructions that do not read all of the source fields of their encoding. What 255 means there, LLVM and the decoder see differently; no assembler
/// writes it.
const IGNORE_SOURCES: [Op; 4] = [Op::s_getpc_b64, Op::v_swap_b32, Op::v_swaprel_b32, Op::v_readlane_b32];

#[test]
fn every_opcode_of_every_encoding_is_what_llvm_reads() {
    let mut wrong = String::new();
    for (isa, card) in CARDS {
        let mut tried = Vec::new();
        for Encoding { format, tried: instructions } in encodings() {
            tried.extend(instructions.into_iter().map(|(number, words)| (format, number, decode(isa, words))));
        }
        tried.sort_by_key(|(format, number, _)| (*format as u32, *number));
        let words: Vec<_> = tried.iter().map(|(.., inst)| inst.words[..usize::from(inst.size) / 4].to_vec()).collect();
        let all: Vec<_> = tried.iter().zip(disassemble(card, &words)).collect();
        for group in all.chunk_by(|(a, _), (b, _)| (a.0, a.1) == (b.0, b.1)) {
            let (format, number, Inst { op, .. }) = *group[0].0;
            let ours = if op == Op::unknown { String::new() } else { format!("{op:?}") };
            let mut theirs: Vec<&str> =
                group.iter().filter_map(|(_, lines)| lines.first().map(|l| mnemonic(l))).collect();
            theirs.sort_unstable();
            theirs.dedup();
            theirs.retain(|theirs| !LEFT_OUT.contains(&(format, number, theirs)));
            if theirs.join(" ") != ours {
                writeln!(wrong, "{card} {format:?} {number:#x}: ours is {ours:?}, LLVM's {theirs:?}")
                    .expect("a string");
            }
            for ((.., inst), lines) in group {
                let (words, size) = (inst.words, inst.size);
                if inst.format != format {
                    writeln!(wrong, "{card} {words:08x?} is {format:?}, not {:?}", inst.format).expect("a string");
                }
                if lines.len() > 1 && op != Op::unknown && !IGNORE_SOURCES.contains(&op) {
                    writeln!(wrong, "{card} {op:?} {words:08x?} does not take {size} bytes: {lines:?}")
                        .expect("a string");
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn only_vop3b_instructions_have_a_scalar_destination_beside_the_vector_one() {
    let mut checked = 0;
    for (isa, card) in CARDS {
        // Bits 8 to 14 are s10, or operand selection and absolute values.
        let tried: Vec<Inst> = (0..1024)
            .flat_map(|number| [8, 272, 0].map(|src2| [0xd400_0a04 | number << 16, 264 | 268 << 9 | src2 << 18, 0]))
            .map(|words| decode(isa, words))
            .collect();
        let words: Vec<_> = tried.iter().map(|inst| inst.words[..2].to_vec()).collect();
        for (inst, lines) in tried.iter().zip(disassemble(card, &words)) {
            let Some(line) = lines.first() else { continue };
            let destination = line.split([' ', ',']).filter(|word| !word.is_empty()).nth(2);
            assert_eq!(inst.sdst == 10, destination == Some("s10"), "{card}: {line}");
            checked += usize::from(inst.sdst == 10);
        }
    }
    assert!(checked > 0, "LLVM prints s10 in another way");
}

/// A source operand's code, as assembly has it.
fn operand(code: u16) -> String {
    match code {
        0..=105 => format!("s{code}"),
        106 => "vcc_lo".into(),
        107 => "vcc_hi".into(),
        124 => "m0".into(),
        125 => "null".into(),
        126 => "exec_lo".into(),
        128..=192 => format!("{}", code - 128),
        193..=208 => format!("-{}", code - 192),
        240 => "0.5".into(),
        242 => "1.0".into(),
        247 => "-4.0".into(),
        255 => "literal".into(),
        256..=511 => format!("v{}", code - 256),
        _ => format!("code {code}"),
    }
}

/// All that an instruction's encoding holds, in words: what is 0 or false is left out.
fn describe(inst: &Inst) -> String {
    let mut words = vec![format!("{} {:?}", inst.size, inst.op)];
    let number = |words: &mut Vec<String>, name: &str, value: i64| {
        if value != 0 {
            words.push(format!("{name}={value}"));
        }
    };
    let sources = |words: &mut Vec<String>, count: usize| {
        let list: Vec<String> = inst.src[..count].iter().map(|code| operand(*code)).collect();
        words.push(format!("({})", list.join(" ")));
    };
    let scalar = |words: &mut Vec<String>, name: &str, code: u16| words.push(format!("{name}={}", operand(code)));
    match inst.format {
        Format::Sop1 | Format::Sop2 => {
            scalar(&mut words, "dst", inst.dst);
            sources(&mut words, if inst.format == Format::Sop1 { 1 } else { 2 });
        }
        Format::Sopc => sources(&mut words, 2),
        Format::Sopk => scalar(&mut words, "dst", inst.dst),
        Format::Sopp | Format::Graphics => {}
        Format::Smem => {
            scalar(&mut words, "dst", inst.dst);
            scalar(&mut words, "base", inst.base);
            sources(&mut words, 1);
        }
        Format::Vop1 | Format::Vop2 => {
            number(&mut words, "dst", i64::from(inst.dst));
            sources(&mut words, if inst.format == Format::Vop1 { 1 } else { 2 });
        }
        Format::Vopc => {
            scalar(&mut words, "sdst", inst.sdst);
            sources(&mut words, 2);
        }
        Format::Vop3 => {
            number(&mut words, "dst", i64::from(inst.dst));
            number(&mut words, "sdst", i64::from(inst.sdst));
            sources(&mut words, 3);
        }
        Format::Vop3p => {
            number(&mut words, "dst", i64::from(inst.dst));
            sources(&mut words, 3);
        }
        Format::Ds | Format::Flat | Format::Global | Format::Scratch | Format::Mubuf => {
            number(&mut words, "dst", i64::from(inst.dst));
            number(&mut words, "addr", i64::from(inst.addr));
            number(&mut words, "data", i64::from(inst.data));
            number(&mut words, "data1", i64::from(inst.data1));
            if inst.format != Format::Ds {
                scalar(&mut words, "base", inst.base);
            }
            if inst.format == Format::Mubuf {
                sources(&mut words, 1);
            }
        }
    }
    if inst.src.contains(&255) || matches!(inst.op, Op::v_fmamk_f32 | Op::v_fmaak_f32 | Op::s_setreg_imm32_b32) {
        words.push(format!("literal={:#x}", inst.literal));
    }
    // The scalar encodings' constant holds other fields where there is none.
    if !matches!(inst.format, Format::Sop1 | Format::Sop2 | Format::Sopc) {
        number(&mut words, "imm", i64::from(inst.imm));
    }
    let bits = [
        ("abs", inst.abs),
        ("neg", inst.neg),
        ("neg_hi", inst.neg_hi),
        ("op_sel", inst.op_sel),
        ("op_sel_hi", inst.op_sel_hi),
    ];
    for (name, value) in bits.into_iter().filter(|(_, value)| *value != 0) {
        words.push(format!("{name}={value:#b}"));
    }
    number(&mut words, "omod", i64::from(inst.omod));
    let flags = [
        ("clamp", inst.clamp),
        ("glc", inst.glc),
        ("slc", inst.slc),
        ("dlc", inst.dlc),
        ("lds", inst.lds),
        ("idxen", inst.idxen),
        ("offen", inst.offen),
        ("gds", inst.gds),
    ];
    words.extend(flags.into_iter().filter(|(_, set)| *set).map(|(name, _)| name.to_owned()));
    if let Some(sdwa) = inst.sdwa {
        let (sel, sext) = (sdwa.sel, sdwa.sext);
        words.push(format!("sdwa(dst {} {} sel {sel:?} sext {sext:?})", sdwa.dst_sel, sdwa.dst_unused));
    }
    words.extend(inst.dpp.map(|dpp| format!("{dpp:?}")));
    words.join(" ")
}

/// Assembly, and what the decoder must find in its encoding: bytes, mnemonic, fields. Bits of a field stand for its operands: bit 0 for the first source, bit
/// 3 of `op_sel` for the destination.
const FORMS: &[(&str, &str)] = &[
    ("s_mov_b32 s5, s9", "4 s_mov_b32 dst=s5 (s9)"),
    ("s_mov_b64 s[4:5], exec", "4 s_mov_b64 dst=s4 (exec_lo)"),
    ("s_mov_b32 m0, 0x12345678", "8 s_mov_b32 dst=m0 (literal) literal=0x12345678"),
    ("s_mov_b32 s5, -16", "4 s_mov_b32 dst=s5 (-16)"),
    ("s_mov_b32 s5, 64", "4 s_mov_b32 dst=s5 (64)"),
    ("s_mov_b32 s5, 0.5", "4 s_mov_b32 dst=s5 (0.5)"),
    ("s_swappc_b64 s[30:31], s[4:5]", "4 s_swappc_b64 dst=s30 (s4)"),
    ("s_add_u32 s1, s2, vcc_lo", "4 s_add_u32 dst=s1 (s2 vcc_lo)"),
    ("s_add_u32 s1, 0xdeadbeef, s3", "8 s_add_u32 dst=s1 (literal s3) literal=0xdeadbeef"),
    ("s_add_u32 s1, s3, 0xdeadbeef", "8 s_add_u32 dst=s1 (s3 literal) literal=0xdeadbeef"),
    ("s_cselect_b32 s1, null, 1.0", "4 s_cselect_b32 dst=s1 (null 1.0)"),
    ("s_movk_i32 s7, 0x8000", "4 s_movk_i32 dst=s7 imm=-32768"),
    ("s_cmpk_lg_u32 s7, 0xffff", "4 s_cmpk_lg_u32 dst=s7 imm=-1"),
    ("s_setreg_imm32_b32 hwreg(HW_REG_MODE, 4, 4), 0x55", "8 s_setreg_imm32_b32 dst=s0 literal=0x55 imm=6401"),
    ("s_getreg_b32 s7, hwreg(HW_REG_TRAPSTS, 3, 5)", "4 s_getreg_b32 dst=s7 imm=8387"),
    ("s_waitcnt_vscnt null, 0x3", "4 s_waitcnt_vscnt dst=null imm=3"),
    ("s_cmp_lt_i32 s3, -1", "4 s_cmp_lt_i32 (s3 -1)"),
    ("s_cmp_eq_u64 s[2:3], 0x7f", "8 s_cmp_eq_u64 (s2 literal) literal=0x7f"),
    ("s_branch 16", "4 s_branch imm=16"),
    ("s_branch 0xfffe", "4 s_branch imm=-2"),
    ("s_waitcnt vmcnt(2) lgkmcnt(0)", "4 s_waitcnt imm=114"),
    ("s_load_dwordx2 s[4:5], s[2:3], -8", "8 s_load_dwordx2 dst=s4 base=s2 (null) imm=-8"),
    ("s_load_dword s4, s[2:3], s9 glc dlc", "8 s_load_dword dst=s4 base=s2 (s9) glc dlc"),
    ("s_load_dwordx16 s[16:31], s[2:3], 0xfffff", "8 s_load_dwordx16 dst=s16 base=s2 (null) imm=1048575"),
    ("s_load_dwordx4 s[4:7], s[2:3], m0", "8 s_load_dwordx4 dst=s4 base=s2 (m0)"),
    ("s_buffer_load_dwordx8 s[8:15], s[20:23], 0x7c glc", "8 s_buffer_load_dwordx8 dst=s8 base=s20 (null) imm=124 glc"),
    ("s_dcache_inv", "8 s_dcache_inv dst=s0 base=s0 (s0)"),
    ("v_mov_b32 v200, v255", "4 v_mov_b32 dst=200 (v255)"),
    ("v_mov_b32 v1, 0x40490fdb", "8 v_mov_b32 dst=1 (literal) literal=0x40490fdb"),
    ("v_cvt_f32_i32 v1, vcc_hi", "4 v_cvt_f32_i32 dst=1 (vcc_hi)"),
    ("v_readfirstlane_b32 s11, v7", "4 v_readfirstlane_b32 dst=11 (v7)"),
    ("v_add_f32 v1, s7, v3", "4 v_add_f32 dst=1 (s7 v3)"),
    ("v_add_f32 v1, -4.0, v255", "4 v_add_f32 dst=1 (-4.0 v255)"),
    ("v_add_f32 v1, 0x40490fdb, v3", "8 v_add_f32 dst=1 (literal v3) literal=0x40490fdb"),
    ("v_fmamk_f32 v1, v2, 0x11223344, v3", "8 v_fmamk_f32 dst=1 (v2 v3) literal=0x11223344"),
    ("v_fmaak_f32 v1, 1.0, v3, 0x11223344", "8 v_fmaak_f32 dst=1 (1.0 v3) literal=0x11223344"),
    ("v_add_co_ci_u32 v1, vcc_lo, v2, v3, vcc_lo", "4 v_add_co_ci_u32 dst=1 (v2 v3)"),
    ("v_cndmask_b32 v1, v2, v3, vcc_lo", "4 v_cndmask_b32 dst=1 (v2 v3)"),
    ("v_cmp_lt_u32 vcc_lo, s4, v3", "4 v_cmp_lt_u32 sdst=vcc_lo (s4 v3)"),
    ("v_cmpx_eq_f32 v2, v3", "4 v_cmpx_eq_f32 sdst=vcc_lo (v2 v3)"),
    ("v_add_f32_e64 v1, -|v2|, s3 mul:2", "8 v_add_f32 dst=1 (v2 s3 s0) abs=0b1 neg=0b1 omod=1"),
    ("v_add_f32_e64 v1, v2, |v3| clamp div:2", "8 v_add_f32 dst=1 (v2 v3 s0) abs=0b10 omod=3 clamp"),
    ("v_fma_f32 v1, -v2, |v3|, -|v4| mul:4", "8 v_fma_f32 dst=1 (v2 v3 v4) abs=0b110 neg=0b101 omod=2"),
    ("v_fma_f32 v1, v2, v3, 0x11223344", "12 v_fma_f32 dst=1 (v2 v3 literal) literal=0x11223344"),
    ("v_fma_f32 v1, s2, s3, v4", "8 v_fma_f32 dst=1 (s2 s3 v4)"),
    ("v_mad_u16 v1, v2, v3, v4 op_sel:[1,0,1,1] clamp", "8 v_mad_u16 dst=1 (v2 v3 v4) op_sel=0b1101 clamp"),
    ("v_add_co_u32 v1, s10, v2, v3", "8 v_add_co_u32 dst=1 sdst=10 (v2 v3 s0)"),
    ("v_add_co_ci_u32_e64 v1, s10, v2, v3, s12 clamp", "8 v_add_co_ci_u32 dst=1 sdst=10 (v2 v3 s12) clamp"),
    ("v_div_scale_f32 v1, s10, v2, v3, v4", "8 v_div_scale_f32 dst=1 sdst=10 (v2 v3 v4)"),
    ("v_mad_u64_u32 v[2:3], s10, v4, v5, v[6:7]", "8 v_mad_u64_u32 dst=2 sdst=10 (v4 v5 v6)"),
    ("v_cmp_lt_f32_e64 s10, -v2, |v3|", "8 v_cmp_lt_f32 dst=10 (v2 v3 s0) abs=0b10 neg=0b1"),
    ("v_cmpx_gt_i32_e64 v2, v3", "8 v_cmpx_gt_i32 (v2 v3 s0)"),
    ("v_cndmask_b32_e64 v1, v2, -v3, s8", "8 v_cndmask_b32 dst=1 (v2 v3 s8) neg=0b10"),
    ("v_readlane_b32 s8, v2, s3", "8 v_readlane_b32 dst=8 (v2 s3 s0)"),
    ("v_writelane_b32 v8, s2, 7", "8 v_writelane_b32 dst=8 (s2 7 s0)"),
    ("v_lshlrev_b64 v[2:3], 3, v[4:5]", "8 v_lshlrev_b64 dst=2 (3 v4 s0)"),
    ("v_permlane16_b32 v1, v2, s3, s4 op_sel:[1,1]", "8 v_permlane16_b32 dst=1 (v2 s3 s4) op_sel=0b11"),
    ("v_interp_p1_f32 v1, v2, attr0.x", "4 unknown"),
    ("v_pk_add_f16 v1, v2, v3", "8 v_pk_add_f16 dst=1 (v2 v3 s0) op_sel_hi=0b111"),
    (
        "v_pk_fma_f16 v1, v2, s3, v4 op_sel:[1,0,1] op_sel_hi:[0,1,0] neg_lo:[0,1,0] neg_hi:[1,0,1] clamp",
        "8 v_pk_fma_f16 dst=1 (v2 s3 v4) neg=0b10 neg_hi=0b101 op_sel=0b101 op_sel_hi=0b10 clamp",
    ),
    ("v_pk_add_u16 v1, v2, 0x12345678", "12 v_pk_add_u16 dst=1 (v2 literal s0) literal=0x12345678 op_sel_hi=0b111"),
    (
        "v_fma_mix_f32 v1, -v2, |v3|, v4 op_sel:[0,1,0] op_sel_hi:[1,0,1]",
        "8 v_fma_mix_f32 dst=1 (v2 v3 v4) neg=0b1 neg_hi=0b10 op_sel=0b10 op_sel_hi=0b101",
    ),
    (
        "v_add_f32_sdwa v1, -v2, |v3| clamp mul:4 dst_sel:BYTE_2 dst_unused:UNUSED_SEXT src0_sel:WORD_1 src1_sel:BYTE_3",
        "8 v_add_f32 dst=1 (v2 v3) abs=0b10 neg=0b1 omod=2 clamp sdwa(dst 2 1 sel [5, 3] sext [false, false])",
    ),
    (
        "v_add_nc_u32_sdwa v1, sext(v2), s3 dst_sel:DWORD dst_unused:UNUSED_PAD src0_sel:BYTE_0 src1_sel:WORD_0",
        "8 v_add_nc_u32 dst=1 (v2 s3) sdwa(dst 6 0 sel [0, 4] sext [true, false])",
    ),
    (
        "v_cmp_lt_i32_sdwa s10, sext(v2), v3 src0_sel:BYTE_1 src1_sel:WORD_1",
        "8 v_cmp_lt_i32 sdst=s10 (v2 v3) sdwa(dst 6 0 sel [1, 5] sext [true, false])",
    ),
    (
        "v_cmp_lt_i32_sdwa vcc_lo, v2, v3 src0_sel:BYTE_1 src1_sel:WORD_1",
        "8 v_cmp_lt_i32 sdst=vcc_lo (v2 v3) sdwa(dst 6 0 sel [1, 5] sext [false, false])",
    ),
    (
        "v_mov_b32_sdwa v1, s2 dst_sel:WORD_1 dst_unused:UNUSED_PRESERVE src0_sel:DWORD",
        "8 v_mov_b32 dst=1 (s2) sdwa(dst 5 2 sel [6, 0] sext [false, false])",
    ),
    (
        "v_mov_b32_dpp v1, v2 quad_perm:[3,2,1,0] row_mask:0x5 bank_mask:0xa bound_ctrl:0",
        "8 v_mov_b32 dst=1 (v2) Dpp16 { control: 27, row_mask: 5, bank_mask: 10, bound_ctrl: true, fetch_inactive: false }",
    ),
    (
        "v_add_f32_dpp v1, -v2, |v3| row_shr:15 row_mask:0xf bank_mask:0xf",
        "8 v_add_f32 dst=1 (v2 v3) abs=0b10 neg=0b1 Dpp16 { control: 287, row_mask: 15, bank_mask: 15, bound_ctrl: false, fetch_inactive: false }",
    ),
    (
        "v_add_f32_dpp v1, |v2|, -v3 row_xmask:3 row_mask:0xf bank_mask:0xf fi:1",
        "8 v_add_f32 dst=1 (v2 v3) abs=0b1 neg=0b10 Dpp16 { control: 355, row_mask: 15, bank_mask: 15, bound_ctrl: false, fetch_inactive: true }",
    ),
    (
        "v_mov_b32_dpp v1, v2 dpp8:[7,6,5,4,3,2,1,0]",
        "8 v_mov_b32 dst=1 (v2) Dpp8 { lanes: [7, 6, 5, 4, 3, 2, 1, 0], fetch_inactive: false }",
    ),
    (
        "v_add_f32_dpp v1, v2, v3 dpp8:[1,0,3,2,5,4,7,6] fi:1",
        "8 v_add_f32 dst=1 (v2 v3) Dpp8 { lanes: [1, 0, 3, 2, 5, 4, 7, 6], fetch_inactive: true }",
    ),
    ("ds_read_b32 v1, v2 offset:65535", "8 ds_read_b32 dst=1 addr=2 imm=65535"),
    ("ds_read2_b32 v[1:2], v3 offset0:5 offset1:6", "8 ds_read2_b32 dst=1 addr=3 imm=1541"),
    (
        "ds_write2st64_b64 v1, v[2:3], v[4:5] offset0:1 offset1:255",
        "8 ds_write2st64_b64 addr=1 data=2 data1=4 imm=65281",
    ),
    ("ds_add_rtn_u32 v1, v2, v3 offset:4 gds", "8 ds_add_rtn_u32 dst=1 addr=2 data=3 imm=4 gds"),
    ("ds_cmpst_rtn_b32 v1, v2, v3, v4", "8 ds_cmpst_rtn_b32 dst=1 addr=2 data=3 data1=4"),
    ("ds_gws_barrier v1 gds", "8 ds_gws_barrier addr=1 gds"),
    ("ds_swizzle_b32 v1, v2 offset:swizzle(BROADCAST,32,1)", "8 ds_swizzle_b32 dst=1 addr=2 imm=32"),
    ("flat_load_dword v1, v[2:3]", "8 flat_load_dword dst=1 addr=2 base=null"),
    ("flat_store_dwordx4 v[2:3], v[4:7] glc slc dlc", "8 flat_store_dwordx4 addr=2 data=4 base=null glc slc dlc"),
    ("flat_atomic_add v1, v[2:3], v4 glc", "8 flat_atomic_add dst=1 addr=2 data=4 base=null glc"),
    ("global_load_dword v1, v[2:3], off offset:-2048", "8 global_load_dword dst=1 addr=2 base=null imm=-2048"),
    (
        "global_load_dwordx3 v[4:6], v2, s[6:7] offset:2047 slc",
        "8 global_load_dwordx3 dst=4 addr=2 base=s6 imm=2047 slc",
    ),
    ("global_store_short v[2:3], v4, off offset:1 dlc", "8 global_store_short addr=2 data=4 base=null imm=1 dlc"),
    (
        "global_atomic_cmpswap_x2 v[1:2], v3, v[4:7], s[8:9] offset:8 glc",
        "8 global_atomic_cmpswap_x2 dst=1 addr=3 data=4 base=s8 imm=8 glc",
    ),
    ("scratch_load_dword v1, v2, off offset:16", "8 scratch_load_dword dst=1 addr=2 base=null imm=16"),
    ("scratch_load_dword v1, off, s5 offset:-16", "8 scratch_load_dword dst=1 base=s5 imm=-16"),
    ("scratch_store_dword v2, v3, off", "8 scratch_store_dword addr=2 data=3 base=null"),
    ("buffer_load_dword v1, off, s[4:7], s3 offset:4095", "8 buffer_load_dword dst=1 data=1 base=s4 (s3) imm=4095"),
    (
        "buffer_load_dwordx2 v[2:3], v8, s[96:99], 0 offen offset:16 glc",
        "8 buffer_load_dwordx2 dst=2 addr=8 data=2 base=s96 (0) imm=16 glc offen",
    ),
    (
        "buffer_store_dword v1, v[8:9], s[4:7], -1 idxen offen slc",
        "8 buffer_store_dword dst=1 addr=8 data=1 base=s4 (-1) slc idxen offen",
    ),
    ("buffer_store_byte v1, v8, s[4:7], 0 idxen dlc", "8 buffer_store_byte dst=1 addr=8 data=1 base=s4 (0) dlc idxen"),
    ("buffer_load_dword v1, off, s[4:7], s3 tfe", "8 unknown dst=1 data=1 base=s4 (s3)"),
    ("buffer_atomic_add v1, v8, s[4:7], 0 offen glc", "8 buffer_atomic_add dst=1 addr=8 data=1 base=s4 (0) glc offen"),
    ("buffer_gl0_inv", "8 buffer_gl0_inv base=s0 (s0)"),
    ("image_load v0, v[0:1], s[0:7] dmask:0x1 dim:SQ_RSRC_IMG_2D", "8 unknown"),
    ("exp mrt0 v0, v1, v2, v3 done vm", "8 unknown"),
    ("tbuffer_load_format_x v1, off, s[4:7], format:22, 0", "8 unknown"),
];

#[test]
fn the_fields_of_every_form_are_what_its_assembly_says() {
    for (isa, card) in CARDS {
        let input = FORMS.iter().map(|(assembly, _)| format!("{assembly}\n")).collect();
        let (output, errors) = llvm_mc(card, &["--show-encoding"], input);
        let encodings: Vec<&str> =
            output.lines().filter_map(|line| line.split_once("; encoding: [")).map(|l| l.1).collect();
        assert_eq!(encodings.len(), FORMS.len(), "{errors}");
        for ((assembly, expected), encoding) in FORMS.iter().zip(encodings) {
            let bytes: Vec<u8> = encoding
                .trim_end_matches(']')
                .split(',')
                .map(|byte| u8::from_str_radix(&byte[2..], 16).expect("a byte in hexadecimal"))
                .collect();
            let mut words = [0; 3];
            for (word, bytes) in words.iter_mut().zip(bytes.chunks(4)) {
                *word = u32::from_le_bytes(bytes.try_into().expect("whole words"));
            }
            let inst = decode(isa, words);
            assert_eq!(describe(&inst), *expected, "{card}: {assembly}");
            assert_eq!(usize::from(inst.size), bytes.len(), "{card}: {assembly}");
        }
    }
}

#[test]
fn sources_without_a_name_keep_their_codes() {
    // s_mov_b32 and v_mov_b32 with every code that does not announce a second word of another kind.
    for code in 0..256u16 {
        assert_eq!(decode(Isa::Gfx10_3, [0xbe80_0300 | u32::from(code), 0, 0]).src[0], code);
        if ![249, 250, 233, 234].contains(&code) {
            assert_eq!(decode(Isa::Gfx10_3, [0x7e00_0200 | u32::from(code), 0, 0]).src[0], code);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_words_are_an_instruction_of_one_to_three_words(
        words: [u32; 3],
        // The six high bits tell the encodings apart.
        encoding in prop::option::of(prop::sample::select(vec![0x2fu32, 0x33, 0x35, 0x36, 0x37, 0x38, 0x3a, 0x3c, 0x3d, 0x3e])),
    ) {
        let first = encoding.map_or(words[0], |encoding| words[0] & 0x03ff_ffff | encoding << 26);
        let words = [first, words[1], words[2]];
        for (isa, _) in CARDS {
            let inst = decode(isa, words);
            prop_assert!([4, 8, 12].contains(&inst.size));
            prop_assert_eq!(inst.words, words);
            // Words that the instruction does not have change nothing.
            let mut others = words;
            others[usize::from(inst.size) / 4..].fill(0xffff_ffff);
            prop_assert_eq!((decode(isa, others).op, decode(isa, others).size), (inst.op, inst.size));
        }
    }
}
