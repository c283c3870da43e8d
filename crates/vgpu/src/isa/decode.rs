//! From words to instructions (RDNA 2 ISA reference, chapter 13, "Microcode Formats").

use std::sync::LazyLock;

use super::Isa;
use super::table::{self, Op, Row};

/// Encodings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Sop1,
    Sop2,
    Sopk,
    Sopc,
    Sopp,
    Smem,
    Vop1,
    Vop2,
    Vopc,
    Vop3,
    Vop3p,
    Ds,
    Flat,
    Global,
    Scratch,
    Mubuf,
    /// Graphics and image encodings (MTBUF, MIMG, EXP, VINTRP): recognised, never executed.
    Graphics,
}

/// Sub-dword addressing of VOP1, VOP2 and VOPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sdwa {
    /// Which part of the destination is written, and what happens to the rest (0 zero, 1 sign, 2 preserve).
    pub dst_sel: u8,
    pub dst_unused: u8,
    /// Which part of each source is read, and whether it is sign-extended.
    pub sel: [u8; 2],
    pub sext: [bool; 2],
}

/// Data-parallel primitives: how source 0 moves between lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dpp {
    /// DPP16: control word, row and bank masks, bound_ctrl and fetch-inactive.
    Dpp16 { control: u16, row_mask: u8, bank_mask: u8, bound_ctrl: bool, fetch_inactive: bool },
    /// DPP8: for each lane of a group of 8, the lane it reads.
    Dpp8 { lanes: [u8; 8], fetch_inactive: bool },
}

/// A decoded instruction. Operand codes are those of the source operand encoding (0 to 511, 256 and up: VGPRs).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inst {
    pub op: Op,
    pub format: Format,
    /// Bytes.
    pub size: u8,
    pub words: [u32; 3],
    /// Destination: a VGPR number or a scalar code, as the format has it.
    pub dst: u16,
    /// Scalar destination of VOP3B and of SDWA comparisons.
    pub sdst: u16,
    pub src: [u16; 3],
    pub literal: u32,
    pub abs: u8,
    pub neg: u8,
    pub neg_hi: u8,
    pub op_sel: u8,
    pub op_sel_hi: u8,
    pub omod: u8,
    pub clamp: bool,
    /// Byte offset, branch distance or 16-bit constant.
    pub imm: i32,
    /// Memory: VGPR numbers of address and data, scalar base.
    pub addr: u8,
    pub data: u8,
    pub data1: u8,
    pub base: u16,
    pub glc: bool,
    pub slc: bool,
    pub dlc: bool,
    pub lds: bool,
    /// MUBUF: index and offset from VGPRs. DS: GDS.
    pub idxen: bool,
    pub offen: bool,
    pub gds: bool,
    pub sdwa: Option<Sdwa>,
    pub dpp: Option<Dpp>,
}

/// Opcode tables by number, made once from the rows.
struct Index {
    sop1: Vec<Op>,
    sop2: Vec<Op>,
    sopk: Vec<Op>,
    sopc: Vec<Op>,
    sopp: Vec<Op>,
    smem: Vec<Op>,
    vop1: Vec<Op>,
    vop2: Vec<Op>,
    vopc: Vec<Op>,
    vop3: Vec<Op>,
    vop3p: Vec<Op>,
    ds: Vec<Op>,
    flat: Vec<Op>,
    global: Vec<Op>,
    scratch: Vec<Op>,
    mubuf: Vec<Op>,
}

impl Index {
    fn new(isa: Isa) -> Self {
        let by_number = |rows: &[Row], size: usize| {
            let mut ops = vec![Op::unknown; size];
            for (number, op, only) in rows {
                if only.is_none_or(|only| only == isa) {
                    ops[usize::from(*number)] = *op;
                }
            }
            ops
        };
        let (vopc, vop2, vop1) = (by_number(table::VOPC, 256), by_number(table::VOP2, 64), by_number(table::VOP1, 256));
        let mut vop3 = by_number(table::VOP3, 1024);
        // VOPC, VOP2 and VOP1 instructions have VOP3 forms at fixed places.
        let form = |op: &Op| if table::NO_VOP3.contains(op) { Op::unknown } else { *op };
        for (start, ops) in [(0, &vopc[..]), (0x100, &vop2), (0x180, &vop1[..128])] {
            vop3[start..start + ops.len()].iter_mut().zip(ops).for_each(|(slot, op)| *slot = form(op));
        }
        Index {
            sop1: by_number(table::SOP1, 256),
            sop2: by_number(table::SOP2, 128),
            sopk: by_number(table::SOPK, 32),
            sopc: by_number(table::SOPC, 128),
            sopp: by_number(table::SOPP, 128),
            smem: by_number(table::SMEM, 256),
            vop1,
            vop2,
            vopc,
            vop3,
            vop3p: by_number(table::VOP3P, 128),
            ds: by_number(table::DS, 256),
            flat: by_number(table::FLAT, 128),
            global: by_number(table::GLOBAL, 128),
            scratch: by_number(table::SCRATCH, 128),
            mubuf: by_number(table::MUBUF, 256),
        }
    }
}

static GFX10_1: LazyLock<Index> = LazyLock::new(|| Index::new(Isa::Gfx10_1));
static GFX10_3: LazyLock<Index> = LazyLock::new(|| Index::new(Isa::Gfx10_3));

/// Source codes with a meaning of their own.
pub const LITERAL: u16 = 255;
const SDWA: u16 = 249;
const DPP16: u16 = 250;
const DPP8: u16 = 233;
const DPP8_FI: u16 = 234;

fn bits(word: u32, low: u32, count: u32) -> u32 {
    word >> low & ((1u32 << count) - 1)
}

fn bit(word: u32, at: u32) -> bool {
    word >> at & 1 != 0
}

fn sign_extend(value: u32, bits: u32) -> i32 {
    ((value << (32 - bits)) as i32) >> (32 - bits)
}

/// Decodes the instruction at the start of `words`; words that it does not have are ignored. [`Op::unknown`]: no instruction has this opcode.
pub fn decode(isa: Isa, words: [u32; 3]) -> Inst {
    let index: &Index = match isa {
        Isa::Gfx10_1 => &GFX10_1,
        Isa::Gfx10_3 => &GFX10_3,
    };
    let w = words[0];
    let at = |ops: &[Op], number: u32| ops.get(number as usize).copied().unwrap_or(Op::unknown);
    let mut inst = Inst {
        op: Op::unknown,
        format: Format::Graphics,
        size: 4,
        words,
        dst: 0,
        sdst: 0,
        src: [0; 3],
        literal: words[1],
        abs: 0,
        neg: 0,
        neg_hi: 0,
        op_sel: 0,
        op_sel_hi: 0,
        omod: 0,
        clamp: false,
        imm: 0,
        addr: 0,
        data: 0,
        data1: 0,
        base: 0,
        glc: false,
        slc: false,
        dlc: false,
        lds: false,
        idxen: false,
        offen: false,
        gds: false,
        sdwa: None,
        dpp: None,
    };
    if w >> 31 == 0 {
        vop12c(&mut inst, w, |f, n| match f {
            Format::Vop1 => at(&index.vop1, n),
            Format::Vopc => at(&index.vopc, n),
            _ => at(&index.vop2, n),
        });
    } else if w >> 30 == 2 {
        scalar(&mut inst, w, |f, n| match f {
            Format::Sop1 => at(&index.sop1, n),
            Format::Sopc => at(&index.sopc, n),
            Format::Sopp => at(&index.sopp, n),
            Format::Sopk => at(&index.sopk, n),
            _ => at(&index.sop2, n),
        });
    } else {
        let x = words[1];
        inst.size = 8;
        inst.literal = words[2];
        match w >> 26 {
            0x3d => {
                (inst.format, inst.op) = (Format::Smem, at(&index.smem, bits(w, 18, 8)));
                inst.dst = bits(w, 6, 7) as u16;
                inst.base = (bits(w, 0, 6) << 1) as u16;
                (inst.glc, inst.dlc) = (bit(w, 16), bit(w, 14));
                inst.imm = sign_extend(bits(x, 0, 21), 21);
                inst.src[0] = bits(x, 25, 7) as u16;
            }
            0x35 => {
                (inst.format, inst.op) = (Format::Vop3, at(&index.vop3, bits(w, 16, 10)));
                inst.dst = bits(w, 0, 8) as u16;
                inst.clamp = bit(w, 15);
                if has_sdst(inst.op) {
                    inst.sdst = bits(w, 8, 7) as u16;
                } else {
                    (inst.abs, inst.op_sel) = (bits(w, 8, 3) as u8, bits(w, 11, 4) as u8);
                }
                (inst.neg, inst.omod) = (bits(x, 29, 3) as u8, bits(x, 27, 2) as u8);
                three_sources(&mut inst, x);
            }
            0x33 => {
                (inst.format, inst.op) = (Format::Vop3p, at(&index.vop3p, bits(w, 16, 7)));
                inst.dst = bits(w, 0, 8) as u16;
                (inst.clamp, inst.neg_hi, inst.op_sel) = (bit(w, 15), bits(w, 8, 3) as u8, bits(w, 11, 3) as u8);
                inst.op_sel_hi = (bits(w, 14, 1) << 2 | bits(x, 27, 2)) as u8;
                inst.neg = bits(x, 29, 3) as u8;
                three_sources(&mut inst, x);
            }
            0x36 => {
                (inst.format, inst.op) = (Format::Ds, at(&index.ds, bits(w, 18, 8)));
                inst.gds = bit(w, 17);
                inst.imm = bits(w, 0, 16) as i32;
                inst.addr = x as u8;
                (inst.data, inst.data1) = ((x >> 8) as u8, (x >> 16) as u8);
                inst.dst = (x >> 24) as u16;
            }
            0x37 => {
                let number = bits(w, 18, 7);
                (inst.format, inst.op) = match bits(w, 14, 2) {
                    0 => (Format::Flat, at(&index.flat, number)),
                    1 => (Format::Scratch, at(&index.scratch, number)),
                    2 => (Format::Global, at(&index.global, number)),
                    _ => (Format::Flat, Op::unknown),
                };
                // Flat addresses take no offset on gfx10 (LLVM: FeatureFlatSegmentOffsetBug and its kin); the field is kept to be refused.
                inst.imm = sign_extend(bits(w, 0, 12), 12);
                (inst.slc, inst.glc, inst.lds, inst.dlc) = (bit(w, 17), bit(w, 16), bit(w, 13), bit(w, 12));
                inst.addr = x as u8;
                inst.data = (x >> 8) as u8;
                inst.base = bits(x, 16, 7) as u16;
                inst.dst = (x >> 24) as u16;
            }
            0x38 => {
                (inst.format, inst.op) = (Format::Mubuf, at(&index.mubuf, bits(w, 18, 8)));
                // TFE adds a destination of its own: graphics.
                if bit(x, 21) || bit(x, 23) {
                    inst.op = Op::unknown;
                }
                inst.imm = bits(w, 0, 12) as i32;
                (inst.offen, inst.idxen) = (bit(w, 12), bit(w, 13));
                (inst.glc, inst.dlc, inst.lds) = (bit(w, 14), bit(w, 15), bit(w, 16));
                inst.addr = x as u8;
                (inst.data, inst.dst) = ((x >> 8) as u8, u16::from((x >> 8) as u8));
                inst.base = (bits(x, 16, 5) << 2) as u16;
                inst.slc = bit(x, 22);
                inst.src[0] = (x >> 24) as u16;
            }
            // VINTRP.
            0x32 => inst.size = 4,
            _ => {}
        }
    }
    inst
}

fn three_sources(inst: &mut Inst, x: u32) {
    inst.src = [bits(x, 0, 9) as u16, bits(x, 9, 9) as u16, bits(x, 18, 9) as u16];
    if inst.src.contains(&LITERAL) {
        inst.size = 12;
    }
}

fn vop12c(inst: &mut Inst, w: u32, op: impl Fn(Format, u32) -> Op) {
    let src0 = bits(w, 0, 9) as u16;
    let vsrc1 = 256 + bits(w, 9, 8) as u16;
    let format = match bits(w, 25, 6) {
        0x3f => Format::Vop1,
        0x3e => Format::Vopc,
        _ => Format::Vop2,
    };
    inst.format = format;
    inst.op = match format {
        Format::Vop1 => op(format, bits(w, 9, 8)),
        Format::Vopc => op(format, bits(w, 17, 8)),
        _ => op(format, bits(w, 25, 6)),
    };
    inst.dst = bits(w, 17, 8) as u16;
    inst.src = [src0, if format == Format::Vop1 { 0 } else { vsrc1 }, 0];
    // VOPC writes VCC, and carries go through it.
    inst.sdst = 106;
    inst.src[2] = 106;
    let x = inst.words[1];
    match src0 {
        LITERAL => inst.size = 8,
        SDWA => {
            inst.size = 8;
            inst.src[0] = bits(x, 0, 8) as u16 + if bit(x, 23) { 0 } else { 256 };
            if format != Format::Vop1 && bit(x, 31) {
                inst.src[1] -= 256;
            }
            let mut sdwa = Sdwa {
                dst_sel: 6,
                dst_unused: 0,
                sel: [bits(x, 16, 3) as u8, bits(x, 24, 3) as u8],
                sext: [bit(x, 19), bit(x, 27)],
            };
            inst.neg = bits(x, 20, 1) as u8 | (bits(x, 28, 1) << 1) as u8;
            inst.abs = bits(x, 21, 1) as u8 | (bits(x, 29, 1) << 1) as u8;
            if format == Format::Vopc {
                if bit(x, 15) {
                    inst.sdst = bits(x, 8, 7) as u16;
                }
            } else {
                (sdwa.dst_sel, sdwa.dst_unused) = (bits(x, 8, 3) as u8, bits(x, 11, 2) as u8);
                (inst.clamp, inst.omod) = (bit(x, 13), bits(x, 14, 2) as u8);
            }
            inst.sdwa = Some(sdwa);
        }
        DPP16 => {
            inst.size = 8;
            inst.src[0] = 256 + bits(x, 0, 8) as u16;
            inst.neg = bits(x, 20, 1) as u8 | (bits(x, 22, 1) << 1) as u8;
            inst.abs = bits(x, 21, 1) as u8 | (bits(x, 23, 1) << 1) as u8;
            inst.dpp = Some(Dpp::Dpp16 {
                control: bits(x, 8, 9) as u16,
                fetch_inactive: bit(x, 18),
                bound_ctrl: bit(x, 19),
                bank_mask: bits(x, 24, 4) as u8,
                row_mask: bits(x, 28, 4) as u8,
            });
        }
        DPP8 | DPP8_FI => {
            inst.size = 8;
            inst.src[0] = 256 + bits(x, 0, 8) as u16;
            let lanes = std::array::from_fn(|lane| bits(x, 8 + 3 * lane as u32, 3) as u8);
            inst.dpp = Some(Dpp::Dpp8 { lanes, fetch_inactive: src0 == DPP8_FI });
        }
        _ => {}
    }
    use Op::*;
    if matches!(inst.op, v_madmk_f32 | v_madak_f32 | v_fmamk_f32 | v_fmaak_f32 | v_fmamk_f16 | v_fmaak_f16) {
        inst.size = 8;
    }
}

fn scalar(inst: &mut Inst, w: u32, op: impl Fn(Format, u32) -> Op) {
    let (src0, src1) = (bits(w, 0, 8) as u16, bits(w, 8, 8) as u16);
    inst.dst = bits(w, 16, 7) as u16;
    inst.imm = i32::from(w as u16 as i16);
    let sources: &[u16] = match w >> 23 {
        0x17d => {
            (inst.format, inst.op) = (Format::Sop1, op(Format::Sop1, bits(w, 8, 8)));
            &[src0]
        }
        0x17e => {
            (inst.format, inst.op) = (Format::Sopc, op(Format::Sopc, bits(w, 16, 7)));
            &[src0, src1]
        }
        0x17f => {
            (inst.format, inst.op) = (Format::Sopp, op(Format::Sopp, bits(w, 16, 7)));
            &[]
        }
        _ if w >> 28 == 0xb => {
            (inst.format, inst.op) = (Format::Sopk, op(Format::Sopk, bits(w, 23, 5)));
            if inst.op == Op::s_setreg_imm32_b32 {
                inst.size = 8;
            }
            &[]
        }
        _ => {
            (inst.format, inst.op) = (Format::Sop2, op(Format::Sop2, bits(w, 23, 7)));
            &[src0, src1]
        }
    };
    inst.src[..sources.len()].copy_from_slice(sources);
    if sources.contains(&LITERAL) {
        inst.size = 8;
    }
}

/// VOP3B: a scalar destination in place of the absolute-value and operand-select bits.
fn has_sdst(op: Op) -> bool {
    use Op::*;
    matches!(
        op,
        v_add_co_u32
            | v_sub_co_u32
            | v_subrev_co_u32
            | v_add_co_ci_u32
            | v_sub_co_ci_u32
            | v_subrev_co_ci_u32
            | v_div_scale_f32
            | v_div_scale_f64
            | v_mad_u64_u32
            | v_mad_i64_i32
    )
}
