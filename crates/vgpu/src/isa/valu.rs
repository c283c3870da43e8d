//! Vector instructions on integers and bits, and what all vector instructions share: fetching sources and writing results.

use super::decode::{Format, Inst};
use super::dpp;
use super::table::Op::{self, *};
use super::wave::{FLOATS16, LANES, M0, VGPR, Vector, Vector64, Wave, Wide};
use super::{Done, Trap, valu_float, vopc};

/// Executes a vector instruction that touches no memory.
pub fn execute(wave: &mut Wave, inst: &Inst) -> Done {
    let number = inst.words[0] >> 16 & 0x3ff;
    if inst.format == Format::Vopc || inst.format == Format::Vop3 && number < 0x100 {
        return vopc::execute(wave, inst);
    }
    if inst.format == Format::Vop3p {
        return valu_float::packed(wave, inst);
    }
    match lane_access(wave, inst)? {
        true => Ok(()),
        false => match integer(wave, inst)? {
            true => Ok(()),
            false => valu_float::execute(wave, inst),
        },
    }
}

/// What a source operand of up to 32 bits is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Full,
    /// 16 bits, in the low bits of the result.
    Half,
    /// The same, a float: the inline constants are halves.
    HalfFloat,
}

/// Source `index` before float modifiers, and the lanes that may be written.
#[inline]
pub fn source32(wave: &Wave, inst: &Inst, index: usize, kind: Kind, exec: u64) -> Result<(Vector, u64), Trap> {
    let code = inst.src[index];
    if kind != Kind::Full && (240..=248).contains(&code) {
        return match kind {
            Kind::HalfFloat => Ok(([u32::from(FLOATS16[usize::from(code) - 240]); LANES], exec)),
            // LLVM's bug 46302: the hardware seems to take the low half of the f32.
            _ => Err(Trap::Unsupported("a float constant as an operand of a 16-bit integer instruction")),
        };
    }
    let mut values = wave.vector(code, inst.literal)?;
    let mut enabled = exec;
    if let (0, Some(control)) = (index, &inst.dpp) {
        (values, enabled) = dpp::apply(wave, control, &values, exec)?;
    }
    if let Some(sdwa) = &inst.sdwa {
        dpp::sources(inst, sdwa, index, &mut values)?;
    }
    if kind != Kind::Full && inst.format == Format::Vop3 && inst.op_sel >> index & 1 != 0 {
        values = values.map(|v| v >> 16);
    }
    Ok((values, enabled))
}

/// A 64-bit source before float modifiers. DPP and SDWA do not exist for them.
pub fn source64(wave: &Wave, inst: &Inst, index: usize, wide: Wide) -> Result<Vector64, Trap> {
    if inst.dpp.is_some() || inst.sdwa.is_some() {
        return Err(Trap::Unsupported("DPP or SDWA of 64-bit operands"));
    }
    wave.vector64(inst.src[index], inst.literal, wide)
}

/// Absolute value and negation of an f32 source; denormals are flushed where the mode says so and `flush` asks for it.
pub fn modify32(wave: &Wave, inst: &Inst, index: usize, values: &Vector, flush: bool) -> Vector {
    let (abs, neg) = (inst.abs >> index & 1 != 0, inst.neg >> index & 1 != 0);
    let drop_denormals = flush && wave.mode >> 4 & 1 == 0;
    values.map(|v| {
        let v = if drop_denormals && v & 0x7f80_0000 == 0 { v & 0x8000_0000 } else { v };
        let v = if abs { v & 0x7fff_ffff } else { v };
        if neg { v ^ 0x8000_0000 } else { v }
    })
}

/// Absolute value and negation of an f16 source.
pub fn modify16(inst: &Inst, index: usize, values: &Vector) -> Vector {
    let (abs, neg) = (inst.abs >> index & 1 != 0, inst.neg >> index & 1 != 0);
    values.map(|v| {
        let v = if abs { v & 0x7fff } else { v & 0xffff };
        if neg { v ^ 0x8000 } else { v }
    })
}

/// Absolute value and negation of an f64 source.
pub fn modify64(inst: &Inst, index: usize, values: &Vector64) -> Vector64 {
    let (abs, neg) = (inst.abs >> index & 1 != 0, inst.neg >> index & 1 != 0);
    values.map(|v| {
        let v = if abs { v & !(1 << 63) } else { v };
        if neg { v ^ 1 << 63 } else { v }
    })
}

/// Writes a 32-bit result.
pub fn write32(wave: &mut Wave, inst: &Inst, exec: u64, value: &Vector) -> Done {
    let register = usize::from(inst.dst);
    let Some(sdwa) = &inst.sdwa else { return wave.set_vector(register, exec, value) };
    let old: Vector = wave.vector(VGPR + inst.dst, 0)?;
    let mut merged = *value;
    for lane in 0..LANES {
        merged[lane] = dpp::deposit(old[lane], value[lane], sdwa)?;
    }
    wave.set_vector(register, exec, &merged)
}

/// Writes a 16-bit result: the other half of the register stays (gfx10 keeps it), the high half is written with op_sel bit 3.
pub fn write16(wave: &mut Wave, inst: &Inst, exec: u64, value: &Vector) -> Done {
    if inst.sdwa.is_some() {
        return write32(wave, inst, exec, value);
    }
    let high = inst.format == Format::Vop3 && inst.op_sel & 8 != 0;
    let old: Vector = wave.vector(VGPR + inst.dst, 0)?;
    let merged = std::array::from_fn(|lane| match high {
        true => old[lane] & 0xffff | value[lane] << 16,
        false => old[lane] & 0xffff_0000 | value[lane] & 0xffff,
    });
    wave.set_vector(usize::from(inst.dst), exec, &merged)
}

/// A source that must be a scalar.
fn scalar(wave: &Wave, inst: &Inst, index: usize) -> Result<u32, Trap> {
    match inst.src[index] {
        code if code < VGPR && Wave::known_source32(code) => Ok(wave.scalar(code, inst.literal)),
        _ => Err(Trap::Unsupported("a source that must be a scalar")),
    }
}

/// The third source as a mask of lanes.
fn mask(wave: &Wave, inst: &Inst) -> Result<u64, Trap> {
    if inst.src[2] < 128 { Ok(wave.mask(inst.src[2])) } else { Err(Trap::Unsupported("a mask that is not in SGPRs")) }
}

/// Instructions that read or write single lanes, scalar registers, or other lanes. `false`: none of them.
fn lane_access(wave: &mut Wave, inst: &Inst) -> Result<bool, Trap> {
    let exec = wave.exec();
    if (inst.dpp.is_some() || inst.sdwa.is_some()) && matches!(inst.op, v_readfirstlane_b32 | v_swap_b32) {
        return Err(Trap::Unsupported("DPP or SDWA of this instruction"));
    }
    match inst.op {
        v_nop => {}
        v_readfirstlane_b32 => {
            let values = wave.vector(inst.src[0], inst.literal)?;
            let first = if exec == 0 { 0 } else { exec.trailing_zeros() as usize };
            wave.set_sgpr(inst.dst, values[first])?;
        }
        v_readlane_b32 => {
            let values = wave.vector(inst.src[0], inst.literal)?;
            let lane = scalar(wave, inst, 1)? as usize & (wave.lanes() - 1);
            wave.set_sgpr(inst.dst, values[lane])?;
        }
        v_writelane_b32 => {
            let value = scalar(wave, inst, 0)?;
            let lane = scalar(wave, inst, 1)? as usize & (wave.lanes() - 1);
            wave.vreg_mut(usize::from(inst.dst))?[lane] = value;
        }
        v_swap_b32 if inst.src[0] < VGPR => return Err(Trap::Unsupported("a scalar operand")),
        v_swap_b32 => {
            let (a, b) = (wave.vector(VGPR + inst.dst, 0)?, wave.vector(inst.src[0], 0)?);
            wave.set_vector(usize::from(inst.dst), exec, &b)?;
            wave.set_vector(usize::from(inst.src[0] - VGPR), exec, &a)?;
        }
        v_permlane16_b32 | v_permlanex16_b32 => {
            let values = wave.vector(inst.src[0], inst.literal)?;
            let select = u64::from(scalar(wave, inst, 1)?) | u64::from(scalar(wave, inst, 2)?) << 32;
            let old = wave.vector(VGPR + inst.dst, 0)?;
            let (fetch_inactive, bound_ctrl) = (inst.op_sel & 1 != 0, inst.op_sel & 2 != 0);
            let mut out = old;
            for (lane, out) in out.iter_mut().enumerate().take(wave.lanes()) {
                let row = if inst.op == v_permlanex16_b32 { (lane & !15) ^ 16 } else { lane & !15 };
                let from = row | (select >> (4 * (lane & 15)) & 15) as usize;
                if exec >> from & 1 != 0 || fetch_inactive {
                    *out = values[from];
                } else if bound_ctrl {
                    *out = 0;
                }
            }
            wave.set_vector(usize::from(inst.dst), exec, &out)?;
        }
        v_mbcnt_lo_u32_b32 | v_mbcnt_hi_u32_b32 => {
            let (mask, base) = (wave.vector(inst.src[0], inst.literal)?, wave.vector(inst.src[1], inst.literal)?);
            let high = inst.op == v_mbcnt_hi_u32_b32;
            let out = std::array::from_fn(|lane| {
                let below = match (high, lane) {
                    (false, 0..=31) => (1u32 << lane) - 1,
                    (false, _) => u32::MAX,
                    (true, 0..=31) => 0,
                    (true, _) => (1u32 << (lane - 32)) - 1,
                };
                base[lane].wrapping_add((mask[lane] & below).count_ones())
            });
            wave.set_vector(usize::from(inst.dst), exec, &out)?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Integer instructions. `false`: none of them.
fn integer(wave: &mut Wave, inst: &Inst) -> Result<bool, Trap> {
    if !(unary(wave, inst)? || binary(wave, inst)? || ternary(wave, inst)?) {
        return wide_and_carry(wave, inst);
    }
    if inst.clamp && !clamps_itself(inst.op) {
        return Err(Trap::Unsupported("integer clamping"));
    }
    Ok(true)
}

// Each function is compiled into a loop of its own: these instructions are most of what a kernel executes.

/// A function of one 32-bit operand.
#[inline(always)]
fn full1(wave: &mut Wave, inst: &Inst, function: impl Fn(u32) -> u32) -> Result<bool, Trap> {
    let (a, exec) = source32(wave, inst, 0, Kind::Full, wave.exec())?;
    write32(wave, inst, exec, &a.map(function))?;
    Ok(true)
}

/// A function of two operands of 32 bits.
#[inline(always)]
fn full2(wave: &mut Wave, inst: &Inst, function: impl Fn(u32, u32) -> u32) -> Result<bool, Trap> {
    let (a, exec) = source32(wave, inst, 0, Kind::Full, wave.exec())?;
    let (b, _) = source32(wave, inst, 1, Kind::Full, exec)?;
    write32(wave, inst, exec, &std::array::from_fn(|lane| function(a[lane], b[lane])))?;
    Ok(true)
}

/// A function of two operands of 16 bits.
#[inline(always)]
fn half2(wave: &mut Wave, inst: &Inst, function: impl Fn(u32, u32) -> u32) -> Result<bool, Trap> {
    let (a, exec) = source32(wave, inst, 0, Kind::Half, wave.exec())?;
    let (b, _) = source32(wave, inst, 1, Kind::Half, exec)?;
    write16(wave, inst, exec, &std::array::from_fn(|lane| function(a[lane], b[lane])))?;
    Ok(true)
}

/// A function of three operands of 32 bits.
#[inline(always)]
fn full3(wave: &mut Wave, inst: &Inst, function: impl Fn(u32, u32, u32) -> u32) -> Result<bool, Trap> {
    let exec = wave.exec();
    let fetch = |index| source32(wave, inst, index, Kind::Full, exec).map(|(values, _)| values);
    let (a, b, c) = (fetch(0)?, fetch(1)?, fetch(2)?);
    write32(wave, inst, exec, &std::array::from_fn(|lane| function(a[lane], b[lane], c[lane])))?;
    Ok(true)
}

/// A function of three operands of 16 bits.
#[inline(always)]
fn half3(wave: &mut Wave, inst: &Inst, function: impl Fn(u32, u32, u32) -> u32) -> Result<bool, Trap> {
    let exec = wave.exec();
    let fetch = |index| source32(wave, inst, index, Kind::Half, exec).map(|(values, _)| values);
    let (a, b, c) = (fetch(0)?, fetch(1)?, fetch(2)?);
    write16(wave, inst, exec, &std::array::from_fn(|lane| function(a[lane], b[lane], c[lane])))?;
    Ok(true)
}

/// Instructions whose functions below honour the clamp bit.
fn clamps_itself(op: Op) -> bool {
    matches!(
        op,
        v_add_nc_u32 | v_sub_nc_u32 | v_subrev_nc_u32 | v_add_nc_u16 | v_sub_nc_u16 | v_add_nc_i32 | v_sub_nc_i32
    )
}

fn unary(wave: &mut Wave, inst: &Inst) -> Result<bool, Trap> {
    match inst.op {
        v_mov_b32 => full1(wave, inst, |a| a),
        v_not_b32 => full1(wave, inst, |a| !a),
        v_bfrev_b32 => full1(wave, inst, u32::reverse_bits),
        v_ffbh_u32 => full1(wave, inst, |a| if a == 0 { u32::MAX } else { a.leading_zeros() }),
        v_ffbl_b32 => full1(wave, inst, |a| if a == 0 { u32::MAX } else { a.trailing_zeros() }),
        v_ffbh_i32 => full1(wave, inst, |a| {
            let folded = a ^ ((a as i32) >> 31) as u32;
            if folded == 0 { u32::MAX } else { folded.leading_zeros() }
        }),
        v_sat_pk_u8_i16 => full1(wave, inst, |a| {
            let part = |v: u32| u32::from((v as u16 as i16).clamp(0, 255) as u16);
            part(a) | part(a >> 16) << 8
        }),
        _ => Ok(false),
    }
}

fn i24(v: u32) -> i64 {
    i64::from(((v << 8) as i32) >> 8)
}

fn u24(v: u32) -> u64 {
    u64::from(v & 0xff_ffff)
}

fn binary(wave: &mut Wave, inst: &Inst) -> Result<bool, Trap> {
    match inst.op {
        v_add_nc_u32 if inst.clamp => full2(wave, inst, u32::saturating_add),
        v_sub_nc_u32 if inst.clamp => full2(wave, inst, u32::saturating_sub),
        v_subrev_nc_u32 if inst.clamp => full2(wave, inst, |a, b| b.saturating_sub(a)),
        v_add_nc_i32 if inst.clamp => full2(wave, inst, |a, b| (a as i32).saturating_add(b as i32) as u32),
        v_sub_nc_i32 if inst.clamp => full2(wave, inst, |a, b| (a as i32).saturating_sub(b as i32) as u32),
        v_add_nc_u32 | v_add_nc_i32 => full2(wave, inst, u32::wrapping_add),
        v_sub_nc_u32 | v_sub_nc_i32 => full2(wave, inst, u32::wrapping_sub),
        v_subrev_nc_u32 => full2(wave, inst, |a, b| b.wrapping_sub(a)),
        v_and_b32 => full2(wave, inst, |a, b| a & b),
        v_or_b32 => full2(wave, inst, |a, b| a | b),
        v_xor_b32 => full2(wave, inst, |a, b| a ^ b),
        v_xnor_b32 => full2(wave, inst, |a, b| !(a ^ b)),
        v_lshlrev_b32 => full2(wave, inst, |a, b| b << (a & 31)),
        v_lshrrev_b32 => full2(wave, inst, |a, b| b >> (a & 31)),
        v_ashrrev_i32 => full2(wave, inst, |a, b| ((b as i32) >> (a & 31)) as u32),
        v_min_i32 => full2(wave, inst, |a, b| (a as i32).min(b as i32) as u32),
        v_max_i32 => full2(wave, inst, |a, b| (a as i32).max(b as i32) as u32),
        v_min_u32 => full2(wave, inst, u32::min),
        v_max_u32 => full2(wave, inst, u32::max),
        v_mul_i32_i24 => full2(wave, inst, |a, b| (i24(a) * i24(b)) as u32),
        v_mul_hi_i32_i24 => full2(wave, inst, |a, b| ((i24(a) * i24(b)) >> 32) as u32),
        v_mul_u32_u24 => full2(wave, inst, |a, b| (u24(a) * u24(b)) as u32),
        v_mul_hi_u32_u24 => full2(wave, inst, |a, b| ((u24(a) * u24(b)) >> 32) as u32),
        v_mul_lo_u32 | v_mul_lo_i32 => full2(wave, inst, u32::wrapping_mul),
        v_mul_hi_u32 => full2(wave, inst, |a, b| ((u64::from(a) * u64::from(b)) >> 32) as u32),
        v_mul_hi_i32 => full2(wave, inst, |a, b| ((i64::from(a as i32) * i64::from(b as i32)) >> 32) as u32),
        v_bfm_b32 => full2(wave, inst, |a, b| ((1u32 << (a & 31)) - 1) << (b & 31)),
        v_bcnt_u32_b32 => full2(wave, inst, |a, b| a.count_ones().wrapping_add(b)),
        v_cvt_pk_u16_u32 => full2(wave, inst, |a, b| a.min(0xffff) | b.min(0xffff) << 16),
        v_cvt_pk_i16_i32 => full2(wave, inst, |a, b| {
            let part = |v: u32| u32::from((v as i32).clamp(-32768, 32767) as i16 as u16);
            part(a) | part(b) << 16
        }),
        v_add_nc_u16 if inst.clamp => half2(wave, inst, |a, b| ((a & 0xffff) + (b & 0xffff)).min(0xffff)),
        v_sub_nc_u16 if inst.clamp => half2(wave, inst, |a, b| (a & 0xffff).saturating_sub(b & 0xffff)),
        v_add_nc_u16 | v_add_nc_i16 => half2(wave, inst, u32::wrapping_add),
        v_sub_nc_u16 | v_sub_nc_i16 => half2(wave, inst, u32::wrapping_sub),
        v_mul_lo_u16 => half2(wave, inst, |a, b| (a & 0xffff).wrapping_mul(b & 0xffff)),
        v_lshlrev_b16 => half2(wave, inst, |a, b| b << (a & 15)),
        v_lshrrev_b16 => half2(wave, inst, |a, b| (b & 0xffff) >> (a & 15)),
        v_ashrrev_i16 => half2(wave, inst, |a, b| (i32::from(b as i16) >> (a & 15)) as u32),
        v_max_u16 => half2(wave, inst, |a, b| (a & 0xffff).max(b & 0xffff)),
        v_min_u16 => half2(wave, inst, |a, b| (a & 0xffff).min(b & 0xffff)),
        v_max_i16 => half2(wave, inst, |a, b| (a as i16).max(b as i16) as u32),
        v_min_i16 => half2(wave, inst, |a, b| (a as i16).min(b as i16) as u32),
        _ => Ok(false),
    }
}

fn ternary(wave: &mut Wave, inst: &Inst) -> Result<bool, Trap> {
    fn median<T: Ord + Copy>(a: T, b: T, c: T) -> T {
        a.min(b).max(a.max(b).min(c))
    }
    match inst.op {
        v_mad_i32_i24 => full3(wave, inst, |a, b, c| (i24(a).wrapping_mul(i24(b)) as u32).wrapping_add(c)),
        v_mad_u32_u24 => full3(wave, inst, |a, b, c| (u24(a).wrapping_mul(u24(b)) as u32).wrapping_add(c)),
        v_bfe_u32 => full3(wave, inst, |a, b, c| (u64::from(a) >> (b & 31) & ((1u64 << (c & 31)) - 1)) as u32),
        v_bfe_i32 => full3(wave, inst, |a, b, c| {
            let width = c & 31;
            if width == 0 {
                return 0;
            }
            let part = (i64::from(a as i32) >> (b & 31)) as u64 & ((1u64 << width) - 1);
            (((part << (64 - width)) as i64) >> (64 - width)) as u32
        }),
        v_bfi_b32 => full3(wave, inst, |a, b, c| a & b | !a & c),
        v_alignbit_b32 => full3(wave, inst, |a, b, c| ((u64::from(a) << 32 | u64::from(b)) >> (c & 31)) as u32),
        v_alignbyte_b32 => full3(wave, inst, |a, b, c| ((u64::from(a) << 32 | u64::from(b)) >> (8 * (c & 3))) as u32),
        v_min3_i32 => full3(wave, inst, |a, b, c| (a as i32).min(b as i32).min(c as i32) as u32),
        v_max3_i32 => full3(wave, inst, |a, b, c| (a as i32).max(b as i32).max(c as i32) as u32),
        v_med3_i32 => full3(wave, inst, |a, b, c| median(a as i32, b as i32, c as i32) as u32),
        v_min3_u32 => full3(wave, inst, |a, b, c| a.min(b).min(c)),
        v_max3_u32 => full3(wave, inst, |a, b, c| a.max(b).max(c)),
        v_med3_u32 => full3(wave, inst, median::<u32>),
        v_sad_u32 => full3(wave, inst, |a, b, c| a.abs_diff(b).wrapping_add(c)),
        v_sad_u16 => full3(wave, inst, |a, b, c| {
            (a & 0xffff).abs_diff(b & 0xffff).wrapping_add((a >> 16).abs_diff(b >> 16)).wrapping_add(c)
        }),
        v_sad_u8 => full3(wave, inst, |a, b, c| {
            (0..4).fold(c, |sum, i| sum.wrapping_add((a >> (8 * i) & 255).abs_diff(b >> (8 * i) & 255)))
        }),
        v_lerp_u8 => full3(wave, inst, |a, b, c| {
            (0..4).fold(0, |sum, i| {
                let part = |v: u32| v >> (8 * i) & 255;
                sum | (part(a) + part(b) + (part(c) & 1)) >> 1 << (8 * i)
            })
        }),
        v_perm_b32 => full3(wave, inst, permute),
        v_xad_u32 => full3(wave, inst, |a, b, c| (a ^ b).wrapping_add(c)),
        v_lshl_add_u32 => full3(wave, inst, |a, b, c| (a << (b & 31)).wrapping_add(c)),
        v_add_lshl_u32 => full3(wave, inst, |a, b, c| a.wrapping_add(b) << (c & 31)),
        v_add3_u32 => full3(wave, inst, |a, b, c| a.wrapping_add(b).wrapping_add(c)),
        v_lshl_or_b32 => full3(wave, inst, |a, b, c| a << (b & 31) | c),
        v_and_or_b32 => full3(wave, inst, |a, b, c| a & b | c),
        v_or3_b32 => full3(wave, inst, |a, b, c| a | b | c),
        v_xor3_b32 => full3(wave, inst, |a, b, c| a ^ b ^ c),
        v_mad_u16 | v_mad_i16 => half3(wave, inst, |a, b, c| (a & 0xffff).wrapping_mul(b & 0xffff).wrapping_add(c)),
        v_min3_i16 => half3(wave, inst, |a, b, c| (a as i16).min(b as i16).min(c as i16) as u32),
        v_max3_i16 => half3(wave, inst, |a, b, c| (a as i16).max(b as i16).max(c as i16) as u32),
        v_med3_i16 => half3(wave, inst, |a, b, c| median(a as i16, b as i16, c as i16) as u32),
        v_min3_u16 => half3(wave, inst, |a, b, c| u32::from((a as u16).min(b as u16).min(c as u16))),
        v_max3_u16 => half3(wave, inst, |a, b, c| u32::from((a as u16).max(b as u16).max(c as u16))),
        v_med3_u16 => half3(wave, inst, |a, b, c| u32::from(median(a as u16, b as u16, c as u16))),
        _ => Ok(false),
    }
}

/// V_PERM_B32: each byte of the selector picks a byte of the 64 bits of both sources, a sign, or a constant.
fn permute(a: u32, b: u32, selector: u32) -> u32 {
    let both = u64::from(a) << 32 | u64::from(b);
    (0..4).fold(0, |sum, i| {
        let byte = match selector >> (8 * i) & 255 {
            s @ 0..=7 => (both >> (8 * s) & 255) as u32,
            s @ 8..=11 => {
                if both >> (16 * (s - 8) + 15) & 1 != 0 {
                    255
                } else {
                    0
                }
            }
            12 => 0,
            _ => 255,
        };
        sum | byte << (8 * i)
    })
}

/// Sum, and whether it has a carry.
fn add(a: u32, b: u32, carry: u32) -> (u32, bool) {
    let (sum, first) = a.overflowing_add(b);
    let (sum, second) = sum.overflowing_add(carry);
    (sum, first | second)
}

/// Difference, and whether it has a borrow.
fn borrow(a: u32, b: u32, borrow: u32) -> (u32, bool) {
    let (difference, first) = a.overflowing_sub(b);
    let (difference, second) = difference.overflowing_sub(borrow);
    (difference, first | second)
}

/// A function with a carry in and a carry out of each lane.
#[inline(always)]
fn carries(carry_in: u64, function: impl Fn(usize, u32) -> (u32, bool)) -> (Vector, u64) {
    let (mut out, mut carry) = ([0; LANES], 0);
    for (lane, value) in out.iter_mut().enumerate() {
        let (sum, over) = function(lane, (carry_in >> lane & 1) as u32);
        *value = sum;
        carry |= u64::from(over) << lane;
    }
    (out, carry)
}

/// 64-bit integers, carries and selections by a mask. `false`: none of them.
fn wide_and_carry(wave: &mut Wave, inst: &Inst) -> Result<bool, Trap> {
    let exec = wave.exec();
    match inst.op {
        v_cndmask_b32 => {
            let select = mask(wave, inst)?;
            let (a, exec) = source32(wave, inst, 0, Kind::Full, exec)?;
            let (b, _) = source32(wave, inst, 1, Kind::Full, exec)?;
            let (a, b) = (modify32(wave, inst, 0, &a, false), modify32(wave, inst, 1, &b, false));
            write32(
                wave,
                inst,
                exec,
                &std::array::from_fn(|lane| if select >> lane & 1 != 0 { b[lane] } else { a[lane] }),
            )?;
        }
        v_add_co_u32 | v_sub_co_u32 | v_subrev_co_u32 | v_add_co_ci_u32 | v_sub_co_ci_u32 | v_subrev_co_ci_u32 => {
            if inst.clamp {
                return Err(Trap::Unsupported("integer clamping"));
            }
            let carry_in = match inst.op {
                v_add_co_ci_u32 | v_sub_co_ci_u32 | v_subrev_co_ci_u32 => mask(wave, inst)?,
                _ => 0,
            };
            let (a, exec) = source32(wave, inst, 0, Kind::Full, exec)?;
            let (b, _) = source32(wave, inst, 1, Kind::Full, exec)?;
            let (out, carry) = match inst.op {
                v_add_co_u32 | v_add_co_ci_u32 => carries(carry_in, |l, c| add(a[l], b[l], c)),
                v_sub_co_u32 | v_sub_co_ci_u32 => carries(carry_in, |l, c| borrow(a[l], b[l], c)),
                _ => carries(carry_in, |l, c| borrow(b[l], a[l], c)),
            };
            write32(wave, inst, exec, &out)?;
            wave.set_mask(inst.sdst, carry & exec)?;
        }
        v_lshlrev_b64 | v_lshrrev_b64 | v_ashrrev_i64 => {
            let (shift, _) = source32(wave, inst, 0, Kind::Full, exec)?;
            let wide = if inst.op == v_ashrrev_i64 { Wide::Signed } else { Wide::Unsigned };
            let value = source64(wave, inst, 1, wide)?;
            let out = match inst.op {
                v_lshlrev_b64 => std::array::from_fn(|lane| value[lane] << (shift[lane] & 63)),
                v_lshrrev_b64 => std::array::from_fn(|lane| value[lane] >> (shift[lane] & 63)),
                _ => std::array::from_fn(|lane| ((value[lane] as i64) >> (shift[lane] & 63)) as u64),
            };
            wave.set_vector64(usize::from(inst.dst), exec, &out)?;
        }
        v_mad_u64_u32 | v_mad_i64_i32 => {
            let signed = inst.op == v_mad_i64_i32;
            let (a, _) = source32(wave, inst, 0, Kind::Full, exec)?;
            let (b, _) = source32(wave, inst, 1, Kind::Full, exec)?;
            let c = source64(wave, inst, 2, if signed { Wide::Signed } else { Wide::Unsigned })?;
            let mut overflow = 0;
            let out = std::array::from_fn(|lane| {
                let (value, carry) = if signed {
                    let product = i64::from(a[lane] as i32) * i64::from(b[lane] as i32);
                    let (sum, carry) = product.overflowing_add(c[lane] as i64);
                    (sum as u64, carry)
                } else {
                    (u64::from(a[lane]) * u64::from(b[lane])).overflowing_add(c[lane])
                };
                overflow |= u64::from(carry) << lane;
                value
            });
            wave.set_vector64(usize::from(inst.dst), exec, &out)?;
            wave.set_mask(inst.sdst, overflow & exec)?;
        }
        v_mad_u32_u16 | v_mad_i32_i16 => {
            let (a, _) = source32(wave, inst, 0, Kind::Half, exec)?;
            let (b, _) = source32(wave, inst, 1, Kind::Half, exec)?;
            let (c, _) = source32(wave, inst, 2, Kind::Full, exec)?;
            let out = std::array::from_fn(|lane| match inst.op {
                v_mad_u32_u16 => ((a[lane] & 0xffff) * (b[lane] & 0xffff)).wrapping_add(c[lane]),
                _ => (i32::from(a[lane] as i16) * i32::from(b[lane] as i16)).wrapping_add(c[lane] as i32) as u32,
            });
            write32(wave, inst, exec, &out)?;
        }
        v_pack_b32_f16 => {
            let (a, _) = source32(wave, inst, 0, Kind::HalfFloat, exec)?;
            let (b, _) = source32(wave, inst, 1, Kind::HalfFloat, exec)?;
            let (a, b) = (modify16(inst, 0, &a), modify16(inst, 1, &b));
            write32(wave, inst, exec, &std::array::from_fn(|lane| a[lane] & 0xffff | b[lane] << 16))?;
        }
        v_movreld_b32 | v_movrels_b32 | v_movrelsd_b32 => {
            if inst.dpp.is_some() || inst.sdwa.is_some() {
                return Err(Trap::Unsupported("DPP or SDWA of this instruction"));
            }
            // M0 counts registers from the one that is named.
            let index = wave.scalar(M0, 0) as usize;
            let value = match inst.op {
                v_movreld_b32 => wave.vector(inst.src[0], inst.literal)?,
                _ if inst.src[0] < VGPR => return Err(Trap::Unsupported("a scalar operand")),
                _ => *wave.vreg(usize::from(inst.src[0] - VGPR) + index)?,
            };
            let target = usize::from(inst.dst) + if inst.op == v_movrels_b32 { 0 } else { index };
            wave.set_vector(target, exec, &value)?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}
