//! Vector instructions on floating-point numbers, conversions, and packed pairs (VOP3P).

use super::decode::Inst;
use super::float::{
    DOUBLE, SINGLE, div_fixup, div_scale, div_unscale, f16_to_f32, f32_to_f16, f32_to_f16_rtz, f64_to_f16, flush32,
    frexp, ldexp, max_num, med3, min_num, output32, output64, trig_preop,
};
use super::table::Op::{self, *};
use super::valu::{Kind, modify16, modify32, modify64, source32, source64, write16, write32};
use super::wave::{FLOATS16, LANES, VCC, VGPR, Vector, Wave, Wide};
use super::{Done, NOT_IMPLEMENTED, Trap};

/// Executes a float instruction or conversion.
pub fn execute(wave: &mut Wave, inst: &Inst) -> Done {
    if unary32(wave, inst)? || binary32(wave, inst)? || ternary32(wave, inst)? {
        return Ok(());
    }
    if let Some(function) = function16(inst.op) {
        half(wave, inst, function)
    } else if let Some(function) = function64(inst.op) {
        double(wave, inst, function)
    } else {
        others(wave, inst)
    }
}

// As for the integers, each function of 32 bits is compiled into a loop of its own.

#[inline(always)]
fn float1(wave: &mut Wave, inst: &Inst, function: impl Fn(f32) -> f32) -> Result<bool, Trap> {
    let (a, exec) = source32(wave, inst, 0, Kind::Full, wave.exec())?;
    let a = modify32(wave, inst, 0, &a, true);
    write_f32(wave, inst, exec, &a.map(|v| function(f32::from_bits(v))))?;
    Ok(true)
}

#[inline(always)]
fn float2(wave: &mut Wave, inst: &Inst, function: impl Fn(f32, f32) -> f32) -> Result<bool, Trap> {
    let (a, exec) = source32(wave, inst, 0, Kind::Full, wave.exec())?;
    let (b, _) = source32(wave, inst, 1, Kind::Full, exec)?;
    let (a, b) = (modify32(wave, inst, 0, &a, true), modify32(wave, inst, 1, &b, true));
    let out = std::array::from_fn(|l| function(f32::from_bits(a[l]), f32::from_bits(b[l])));
    write_f32(wave, inst, exec, &out)?;
    Ok(true)
}

fn write_f32(wave: &mut Wave, inst: &Inst, exec: u64, value: &[f32; LANES]) -> Done {
    let keep = wave.mode >> 5 & 1 != 0;
    let out = value.map(|v| flush32(output32(v, inst.omod, inst.clamp), keep).to_bits());
    write32(wave, inst, exec, &out)
}

fn write_f64(wave: &mut Wave, inst: &Inst, exec: u64, value: &[f64; LANES]) -> Done {
    let out = value.map(|v| output64(v, inst.omod, inst.clamp).to_bits());
    wave.set_vector64(usize::from(inst.dst), exec, &out)
}

/// Functions of one f32. The approximate ones are computed in f64 and rounded: within the hardware's error, and exact where it is.
fn unary32(wave: &mut Wave, inst: &Inst) -> Result<bool, Trap> {
    fn wide(function: impl Fn(f64) -> f64) -> impl Fn(f32) -> f32 {
        move |v| function(f64::from(v)) as f32
    }
    match inst.op {
        v_fract_f32 => float1(wave, inst, |v| fract(v.into(), 1.0 - f64::from(f32::EPSILON) / 2.0) as f32),
        v_trunc_f32 => float1(wave, inst, f32::trunc),
        v_ceil_f32 => float1(wave, inst, f32::ceil),
        v_rndne_f32 => float1(wave, inst, f32::round_ties_even),
        v_floor_f32 => float1(wave, inst, f32::floor),
        v_exp_f32 => float1(wave, inst, wide(f64::exp2)),
        v_log_f32 => float1(wave, inst, wide(f64::log2)),
        v_rcp_f32 | v_rcp_iflag_f32 => float1(wave, inst, wide(f64::recip)),
        v_rsq_f32 => float1(wave, inst, wide(|x| x.sqrt().recip())),
        v_sqrt_f32 => float1(wave, inst, f32::sqrt),
        // The operand counts whole turns.
        v_sin_f32 => float1(wave, inst, wide(|x| (x.fract() * std::f64::consts::TAU).sin())),
        v_cos_f32 => float1(wave, inst, wide(|x| (x.fract() * std::f64::consts::TAU).cos())),
        v_frexp_mant_f32 => float1(wave, inst, wide(|x| frexp(x).0)),
        _ => Ok(false),
    }
}

/// What is above the next lower integer; rounding does not make 1 of it.
fn fract(value: f64, most: f64) -> f64 {
    let fraction = value - value.floor();
    if fraction > most { most } else { fraction }
}

fn binary32(wave: &mut Wave, inst: &Inst) -> Result<bool, Trap> {
    match inst.op {
        v_add_f32 => float2(wave, inst, |a, b| a + b),
        v_sub_f32 => float2(wave, inst, |a, b| a - b),
        v_subrev_f32 => float2(wave, inst, |a, b| b - a),
        v_mul_f32 => float2(wave, inst, |a, b| a * b),
        v_mul_legacy_f32 => float2(wave, inst, |a, b| if a == 0.0 || b == 0.0 { 0.0 } else { a * b }),
        v_min_f32 => float2(wave, inst, |a, b| min_num(f64::from(a), f64::from(b)) as f32),
        v_max_f32 => float2(wave, inst, |a, b| max_num(f64::from(a), f64::from(b)) as f32),
        _ => Ok(false),
    }
}

fn ternary32(wave: &mut Wave, inst: &Inst) -> Result<bool, Trap> {
    match inst.op {
        v_fma_f32 | v_fmac_f32 | v_fmamk_f32 | v_fmaak_f32 => fused32(wave, inst, f32::mul_add),
        v_mad_f32 | v_mac_f32 | v_madmk_f32 | v_madak_f32 => fused32(wave, inst, |a, b, c| a * b + c),
        v_min3_f32 => fused32(wave, inst, |a, b, c| min_num(min_num(a.into(), b.into()), c.into()) as f32),
        v_max3_f32 => fused32(wave, inst, |a, b, c| max_num(max_num(a.into(), b.into()), c.into()) as f32),
        v_med3_f32 => fused32(wave, inst, |a, b, c| med3(a.into(), b.into(), c.into()) as f32),
        v_div_fixup_f32 => fused32(wave, inst, |q, d, n| div_fixup(q.into(), d.into(), n.into()) as f32),
        _ => Ok(false),
    }
}

/// Three operands; the third may be the destination, or a literal in the second or third place.
#[inline(always)]
fn fused32(wave: &mut Wave, inst: &Inst, function: impl Fn(f32, f32, f32) -> f32) -> Result<bool, Trap> {
    let (a, exec) = source32(wave, inst, 0, Kind::Full, wave.exec())?;
    let (b, _) = source32(wave, inst, 1, Kind::Full, exec)?;
    let literal = [inst.words[1]; LANES];
    let (b, c) = match inst.op {
        v_fmac_f32 | v_mac_f32 => (b, wave.vector(VGPR + inst.dst, 0)?),
        v_fmamk_f32 | v_madmk_f32 => (literal, b),
        v_fmaak_f32 | v_madak_f32 => (b, literal),
        _ => (b, source32(wave, inst, 2, Kind::Full, exec)?.0),
    };
    let (a, b, c) =
        (modify32(wave, inst, 0, &a, true), modify32(wave, inst, 1, &b, true), modify32(wave, inst, 2, &c, true));
    let out = std::array::from_fn(|l| function(f32::from_bits(a[l]), f32::from_bits(b[l]), f32::from_bits(c[l])));
    write_f32(wave, inst, exec, &out)?;
    Ok(true)
}

/// f16 and f64 have their denormals with every compiler's defaults.
fn keeps_denormals(wave: &Wave) -> Done {
    if wave.mode >> 6 & 3 == 3 { Ok(()) } else { Err(Trap::Unsupported("f16 and f64 with denormals flushed")) }
}

/// A function of up to three f16 operands, computed in f64, where sums and products of two are exact; how many it takes.
type Half = (usize, fn(f64, f64, f64) -> f64);

fn function16(op: Op) -> Option<Half> {
    Some(match op {
        v_rcp_f16 => (1, |a, _, _| a.recip()),
        v_sqrt_f16 => (1, |a, _, _| a.sqrt()),
        v_rsq_f16 => (1, |a, _, _| a.sqrt().recip()),
        v_log_f16 => (1, |a, _, _| a.log2()),
        v_exp_f16 => (1, |a, _, _| a.exp2()),
        v_frexp_mant_f16 => (1, |a, _, _| frexp(a).0),
        v_floor_f16 => (1, |a, _, _| a.floor()),
        v_ceil_f16 => (1, |a, _, _| a.ceil()),
        v_trunc_f16 => (1, |a, _, _| a.trunc()),
        v_rndne_f16 => (1, |a, _, _| a.round_ties_even()),
        v_fract_f16 => (1, |a, _, _| fract(a, 1.0 - 1.0 / 2048.0)),
        v_sin_f16 => (1, |a, _, _| (a.fract() * std::f64::consts::TAU).sin()),
        v_cos_f16 => (1, |a, _, _| (a.fract() * std::f64::consts::TAU).cos()),
        v_add_f16 => (2, |a, b, _| a + b),
        v_sub_f16 => (2, |a, b, _| a - b),
        v_subrev_f16 => (2, |a, b, _| b - a),
        v_mul_f16 => (2, |a, b, _| a * b),
        v_max_f16 => (2, |a, b, _| max_num(a, b)),
        v_min_f16 => (2, |a, b, _| min_num(a, b)),
        v_fma_f16 | v_fmac_f16 | v_fmamk_f16 | v_fmaak_f16 => (3, f64::mul_add),
        v_min3_f16 => (3, |a, b, c| min_num(min_num(a, b), c)),
        v_max3_f16 => (3, |a, b, c| max_num(max_num(a, b), c)),
        v_med3_f16 => (3, med3),
        v_div_fixup_f16 => (3, div_fixup),
        _ => return None,
    })
}

fn half(wave: &mut Wave, inst: &Inst, (count, function): Half) -> Done {
    keeps_denormals(wave)?;
    let (a, exec) = source32(wave, inst, 0, Kind::HalfFloat, wave.exec())?;
    let literal = [inst.words[1] & 0xffff; LANES];
    let b = if count > 1 { source32(wave, inst, 1, Kind::HalfFloat, exec)?.0 } else { a };
    let (b, c) = match inst.op {
        v_fmac_f16 => (b, wave.vector(VGPR + inst.dst, 0)?),
        v_fmamk_f16 => (literal, b),
        v_fmaak_f16 => (b, literal),
        _ if count > 2 => (b, source32(wave, inst, 2, Kind::HalfFloat, exec)?.0),
        _ => (b, a),
    };
    let value = |index: usize, values: &Vector| modify16(inst, index, values).map(|v| f64::from(f16_to_f32(v as u16)));
    let (a, b, c) = (value(0, &a), value(1, &b), value(2, &c));
    let out =
        std::array::from_fn(|l| u32::from(f64_to_f16(output64(function(a[l], b[l], c[l]), inst.omod, inst.clamp))));
    write16(wave, inst, exec, &out)
}

/// A function of up to three f64 operands; how many it takes.
type Double = (usize, fn(f64, f64, f64) -> f64);

fn function64(op: Op) -> Option<Double> {
    Some(match op {
        v_trunc_f64 => (1, |a, _, _| a.trunc()),
        v_ceil_f64 => (1, |a, _, _| a.ceil()),
        v_rndne_f64 => (1, |a, _, _| a.round_ties_even()),
        v_floor_f64 => (1, |a, _, _| a.floor()),
        v_fract_f64 => (1, |a, _, _| fract(a, 1.0 - f64::EPSILON / 2.0)),
        v_rcp_f64 => (1, |a, _, _| a.recip()),
        v_rsq_f64 => (1, |a, _, _| a.sqrt().recip()),
        v_sqrt_f64 => (1, |a, _, _| a.sqrt()),
        v_frexp_mant_f64 => (1, |a, _, _| frexp(a).0),
        v_add_f64 => (2, |a, b, _| a + b),
        v_mul_f64 => (2, |a, b, _| a * b),
        v_min_f64 => (2, |a, b, _| min_num(a, b)),
        v_max_f64 => (2, |a, b, _| max_num(a, b)),
        v_fma_f64 => (3, f64::mul_add),
        v_div_fixup_f64 => (3, div_fixup),
        _ => return None,
    })
}

fn doubles(wave: &Wave, inst: &Inst, index: usize) -> Result<[f64; LANES], Trap> {
    let bits = source64(wave, inst, index, Wide::Float)?;
    Ok(modify64(inst, index, &bits).map(f64::from_bits))
}

fn double(wave: &mut Wave, inst: &Inst, (count, function): Double) -> Done {
    keeps_denormals(wave)?;
    let a = doubles(wave, inst, 0)?;
    let b = if count > 1 { doubles(wave, inst, 1)? } else { a };
    let c = if count > 2 { doubles(wave, inst, 2)? } else { a };
    write_f64(wave, inst, wave.exec(), &std::array::from_fn(|l| function(a[l], b[l], c[l])))
}

/// Conversions, scaling, and instructions with operands of mixed kinds.
fn others(wave: &mut Wave, inst: &Inst) -> Done {
    let exec = wave.exec();
    let floats = |wave: &Wave, index: usize| -> Result<([f32; LANES], u64), Trap> {
        let (values, exec) = source32(wave, inst, index, Kind::Full, exec)?;
        Ok((modify32(wave, inst, index, &values, true).map(f32::from_bits), exec))
    };
    let halves = |wave: &Wave, index: usize| -> Result<([f32; LANES], u64), Trap> {
        let (values, exec) = source32(wave, inst, index, Kind::HalfFloat, exec)?;
        Ok((modify16(inst, index, &values).map(|v| f16_to_f32(v as u16)), exec))
    };
    let whole = |wave: &Wave, index: usize| source32(wave, inst, index, Kind::Full, exec);
    match inst.op {
        v_cvt_f32_i32 => whole(wave, 0).and_then(|(a, exec)| write_f32(wave, inst, exec, &a.map(|v| v as i32 as f32))),
        v_cvt_f32_u32 => whole(wave, 0).and_then(|(a, exec)| write_f32(wave, inst, exec, &a.map(|v| v as f32))),
        v_cvt_f32_ubyte0 | v_cvt_f32_ubyte1 | v_cvt_f32_ubyte2 | v_cvt_f32_ubyte3 => {
            let shift = match inst.op {
                v_cvt_f32_ubyte0 => 0,
                v_cvt_f32_ubyte1 => 8,
                v_cvt_f32_ubyte2 => 16,
                _ => 24,
            };
            whole(wave, 0).and_then(|(a, exec)| write_f32(wave, inst, exec, &a.map(|v| (v >> shift & 255) as f32)))
        }
        v_cvt_u32_f32 => floats(wave, 0).and_then(|(a, exec)| write32(wave, inst, exec, &a.map(|v| v as u32))),
        v_cvt_i32_f32 => floats(wave, 0).and_then(|(a, exec)| write32(wave, inst, exec, &a.map(|v| v as i32 as u32))),
        v_cvt_rpi_i32_f32 => {
            floats(wave, 0).and_then(|(a, exec)| write32(wave, inst, exec, &a.map(|v| (v + 0.5).floor() as i32 as u32)))
        }
        v_cvt_flr_i32_f32 => {
            floats(wave, 0).and_then(|(a, exec)| write32(wave, inst, exec, &a.map(|v| v.floor() as i32 as u32)))
        }
        v_cvt_f16_f32 => floats(wave, 0).and_then(|(a, exec)| {
            write16(wave, inst, exec, &a.map(|v| u32::from(f32_to_f16(output32(v, inst.omod, inst.clamp)))))
        }),
        v_cvt_f32_f16 => halves(wave, 0).and_then(|(a, exec)| write_f32(wave, inst, exec, &a)),
        v_cvt_f16_u16 => source32(wave, inst, 0, Kind::Half, exec)
            .and_then(|(a, exec)| write16(wave, inst, exec, &a.map(|v| u32::from(f32_to_f16(f32::from(v as u16)))))),
        v_cvt_f16_i16 => source32(wave, inst, 0, Kind::Half, exec)
            .and_then(|(a, exec)| write16(wave, inst, exec, &a.map(|v| u32::from(f32_to_f16(f32::from(v as i16)))))),
        v_cvt_u16_f16 => {
            halves(wave, 0).and_then(|(a, exec)| write16(wave, inst, exec, &a.map(|v| u32::from(v as u16))))
        }
        v_cvt_i16_f16 => halves(wave, 0).and_then(|(a, exec)| write16(wave, inst, exec, &a.map(|v| v as i16 as u32))),
        v_frexp_exp_i16_f16 => {
            halves(wave, 0).and_then(|(a, exec)| write16(wave, inst, exec, &a.map(|v| frexp(v.into()).1 as u32)))
        }
        v_frexp_exp_i32_f32 => {
            floats(wave, 0).and_then(|(a, exec)| write32(wave, inst, exec, &a.map(|v| frexp(v.into()).1 as u32)))
        }
        v_frexp_exp_i32_f64 => {
            doubles(wave, inst, 0).and_then(|a| write32(wave, inst, exec, &a.map(|v| frexp(v).1 as u32)))
        }
        v_cvt_i32_f64 => doubles(wave, inst, 0).and_then(|a| write32(wave, inst, exec, &a.map(|v| v as i32 as u32))),
        v_cvt_u32_f64 => doubles(wave, inst, 0).and_then(|a| write32(wave, inst, exec, &a.map(|v| v as u32))),
        v_cvt_f32_f64 => doubles(wave, inst, 0).and_then(|a| write_f32(wave, inst, exec, &a.map(|v| v as f32))),
        v_cvt_f64_i32 => {
            whole(wave, 0).and_then(|(a, exec)| write_f64(wave, inst, exec, &a.map(|v| f64::from(v as i32))))
        }
        v_cvt_f64_u32 => whole(wave, 0).and_then(|(a, exec)| write_f64(wave, inst, exec, &a.map(f64::from))),
        v_cvt_f64_f32 => floats(wave, 0).and_then(|(a, exec)| write_f64(wave, inst, exec, &a.map(f64::from))),
        v_cvt_pkrtz_f16_f32 => {
            let ((a, exec), (b, _)) = (floats(wave, 0)?, floats(wave, 1)?);
            let out = std::array::from_fn(|l| u32::from(f32_to_f16_rtz(a[l])) | u32::from(f32_to_f16_rtz(b[l])) << 16);
            write32(wave, inst, exec, &out)
        }
        v_cvt_pknorm_i16_f32 | v_cvt_pknorm_u16_f32 => {
            let ((a, exec), (b, _)) = (floats(wave, 0)?, floats(wave, 1)?);
            let part = |v: f32| match inst.op {
                v_cvt_pknorm_i16_f32 => u32::from((v.clamp(-1.0, 1.0) * 32767.0).round_ties_even() as i16 as u16),
                _ => u32::from((v.clamp(0.0, 1.0) * 65535.0).round_ties_even() as u16),
            };
            write32(wave, inst, exec, &std::array::from_fn(|l| part(a[l]) | part(b[l]) << 16))
        }
        v_ldexp_f32 => {
            let ((a, exec), (b, _)) = (floats(wave, 0)?, whole(wave, 1)?);
            write_f32(wave, inst, exec, &std::array::from_fn(|l| ldexp(a[l].into(), b[l] as i32) as f32))
        }
        v_ldexp_f16 => {
            let ((a, exec), (b, _)) = (halves(wave, 0)?, source32(wave, inst, 1, Kind::Half, exec)?);
            write16(
                wave,
                inst,
                exec,
                &std::array::from_fn(|l| u32::from(f64_to_f16(ldexp(a[l].into(), i32::from(b[l] as i16))))),
            )
        }
        v_ldexp_f64 => {
            let (a, (b, exec)) = (doubles(wave, inst, 0)?, whole(wave, 1)?);
            write_f64(wave, inst, exec, &std::array::from_fn(|l| ldexp(a[l], b[l] as i32)))
        }
        v_div_scale_f32 => {
            let [(a, _), (b, _), (c, _)] = [floats(wave, 0)?, floats(wave, 1)?, floats(wave, 2)?];
            let mut scaled = 0;
            let out = std::array::from_fn(|l| {
                let (value, flag) = div_scale(a[l].into(), b[l].into(), c[l].into(), &SINGLE);
                scaled |= u64::from(flag) << l;
                (value as f32).to_bits()
            });
            write32(wave, inst, exec, &out)?;
            wave.set_mask(inst.sdst, scaled & exec)
        }
        v_div_scale_f64 => {
            let (a, b, c) = (doubles(wave, inst, 0)?, doubles(wave, inst, 1)?, doubles(wave, inst, 2)?);
            let mut scaled = 0;
            let out = std::array::from_fn(|l| {
                let (value, flag) = div_scale(a[l], b[l], c[l], &DOUBLE);
                scaled |= u64::from(flag) << l;
                value.to_bits()
            });
            wave.set_vector64(usize::from(inst.dst), exec, &out)?;
            wave.set_mask(inst.sdst, scaled & exec)
        }
        v_div_fmas_f32 => {
            let [(a, _), (b, _), (c, _)] = [floats(wave, 0)?, floats(wave, 1)?, floats(wave, 2)?];
            let vcc = wave.mask(VCC);
            let out = std::array::from_fn(|l| {
                if vcc >> l & 1 == 0 {
                    return a[l].mul_add(b[l], c[l]);
                }
                // In f64 the product is exact: there is one rounding, after the scaling.
                div_unscale(a[l].into(), b[l].into(), c[l].into(), &SINGLE) as f32
            });
            write_f32(wave, inst, exec, &out)
        }
        v_div_fmas_f64 => {
            let (a, b, c) = (doubles(wave, inst, 0)?, doubles(wave, inst, 1)?, doubles(wave, inst, 2)?);
            let vcc = wave.mask(VCC);
            let out = std::array::from_fn(|l| match vcc >> l & 1 {
                0 => a[l].mul_add(b[l], c[l]),
                _ => div_unscale(a[l], b[l], c[l], &DOUBLE),
            });
            write_f64(wave, inst, exec, &out)
        }
        v_trig_preop_f64 => {
            let (a, (b, exec)) = (doubles(wave, inst, 0)?, whole(wave, 1)?);
            write_f64(wave, inst, exec, &std::array::from_fn(|l| trig_preop(a[l], b[l])))
        }
        v_dot4c_i32_i8 => {
            let ((a, exec), (b, _)) = (whole(wave, 0)?, whole(wave, 1)?);
            let c = wave.vector(VGPR + inst.dst, 0)?;
            write32(wave, inst, exec, &std::array::from_fn(|l| dot_i8(a[l], b[l], c[l])))
        }
        _ => Err(NOT_IMPLEMENTED),
    }
}

fn dot_i8(a: u32, b: u32, c: u32) -> u32 {
    (0..4).fold(c as i32, |sum, i| {
        let part = |v: u32| i32::from((v >> (8 * i)) as i8);
        sum.wrapping_add(part(a) * part(b))
    }) as u32
}

/// VOP3P: pairs of 16-bit values. `op_sel` chooses each source's half for the low result, `op_sel_hi` for the high one.
pub fn packed(wave: &mut Wave, inst: &Inst) -> Done {
    let exec = wave.exec();
    let source = |index: usize, float: bool| -> Result<Vector, Trap> {
        let code = inst.src[index];
        if float && (240..=248).contains(&code) {
            return Ok([u32::from(FLOATS16[usize::from(code) - 240]); LANES]);
        }
        wave.vector(code, inst.literal)
    };
    if let v_fma_mix_f32 | v_fma_mixlo_f16 | v_fma_mixhi_f16 = inst.op {
        return mix(wave, inst);
    }
    let pick = |value: u32, index: usize, high: bool| {
        let select = if high { inst.op_sel_hi } else { inst.op_sel };
        (value >> (16 * (u32::from(select) >> index & 1))) as u16
    };
    let out: Vector = if let Some((count, function)) = packed_integer(inst.op) {
        if inst.clamp {
            return Err(Trap::Unsupported("integer clamping"));
        }
        let sources = [source(0, false)?, source(1, false)?, if count > 2 { source(2, false)? } else { [0; LANES] }];
        std::array::from_fn(|l| {
            let part = |high| {
                u32::from(function(
                    pick(sources[0][l], 0, high),
                    pick(sources[1][l], 1, high),
                    pick(sources[2][l], 2, high),
                ))
            };
            part(false) | part(true) << 16
        })
    } else if let Some((count, function)) = packed_float(inst.op) {
        keeps_denormals(wave)?;
        let mut sources = [source(0, true)?, source(1, true)?, [0; LANES]];
        if count > 2 {
            sources[2] = source(2, true)?;
        }
        std::array::from_fn(|l| {
            let part = |high: bool| {
                let operand = |index: usize| {
                    let negate = if high { inst.neg_hi } else { inst.neg } >> index & 1 != 0;
                    let value = f64::from(f16_to_f32(pick(sources[index][l], index, high)));
                    if negate { -value } else { value }
                };
                u32::from(f64_to_f16(output64(function(operand(0), operand(1), operand(2)), 0, inst.clamp)))
            };
            part(false) | part(true) << 16
        })
    } else {
        let (a, b, c) = (source(0, false)?, source(1, false)?, source(2, false)?);
        if inst.clamp || inst.neg != 0 || inst.op_sel != 0 {
            return Err(Trap::Unsupported("modifiers of a dot product"));
        }
        std::array::from_fn(|l| dot(inst.op, a[l], b[l], c[l])).map_or_unsupported()?
    };
    wave.set_vector(usize::from(inst.dst), exec, &out)
}

/// All lanes have a value, or the instruction is not implemented.
trait AllLanes {
    fn map_or_unsupported(self) -> Result<Vector, Trap>;
}

impl AllLanes for [Option<u32>; LANES] {
    fn map_or_unsupported(self) -> Result<Vector, Trap> {
        if self.iter().any(Option::is_none) { Err(NOT_IMPLEMENTED) } else { Ok(self.map(Option::unwrap_or_default)) }
    }
}

fn dot(op: Op, a: u32, b: u32, c: u32) -> Option<u32> {
    Some(match op {
        v_dot4_i32_i8 => dot_i8(a, b, c),
        v_dot4_u32_u8 => (0..4).fold(c, |sum, i| sum.wrapping_add((a >> (8 * i) & 255) * (b >> (8 * i) & 255))),
        v_dot2_u32_u16 => {
            (0..2).fold(c, |sum, i| sum.wrapping_add((a >> (16 * i) & 0xffff).wrapping_mul(b >> (16 * i) & 0xffff)))
        }
        v_dot2_i32_i16 => (0..2).fold(c, |sum, i| {
            let part = |v: u32| i32::from((v >> (16 * i)) as i16);
            sum.wrapping_add((part(a) * part(b)) as u32)
        }),
        _ => return None,
    })
}

type PackedInteger = (usize, fn(u16, u16, u16) -> u16);

fn packed_integer(op: Op) -> Option<PackedInteger> {
    Some(match op {
        v_pk_mad_i16 | v_pk_mad_u16 => (3, |a, b, c| a.wrapping_mul(b).wrapping_add(c)),
        v_pk_mul_lo_u16 => (2, |a, b, _| a.wrapping_mul(b)),
        v_pk_add_i16 | v_pk_add_u16 => (2, |a, b, _| a.wrapping_add(b)),
        v_pk_sub_i16 | v_pk_sub_u16 => (2, |a, b, _| a.wrapping_sub(b)),
        v_pk_lshlrev_b16 => (2, |a, b, _| b << (a & 15)),
        v_pk_lshrrev_b16 => (2, |a, b, _| b >> (a & 15)),
        v_pk_ashrrev_i16 => (2, |a, b, _| ((b as i16) >> (a & 15)) as u16),
        v_pk_max_i16 => (2, |a, b, _| (a as i16).max(b as i16) as u16),
        v_pk_min_i16 => (2, |a, b, _| (a as i16).min(b as i16) as u16),
        v_pk_max_u16 => (2, |a, b, _| a.max(b)),
        v_pk_min_u16 => (2, |a, b, _| a.min(b)),
        _ => return None,
    })
}

fn packed_float(op: Op) -> Option<Half> {
    Some(match op {
        v_pk_fma_f16 => (3, f64::mul_add),
        v_pk_add_f16 => (2, |a, b, _| a + b),
        v_pk_mul_f16 => (2, |a, b, _| a * b),
        v_pk_min_f16 => (2, |a, b, _| min_num(a, b)),
        v_pk_max_f16 => (2, |a, b, _| max_num(a, b)),
        _ => return None,
    })
}

/// V_FMA_MIX: a fused f32 operation whose sources are f32, or a half of a register (op_sel_hi set; op_sel: which).
fn mix(wave: &mut Wave, inst: &Inst) -> Done {
    let exec = wave.exec();
    if wave.mode >> 4 & 15 != 15 {
        return Err(Trap::Unsupported("mixed precision with denormals flushed"));
    }
    let mut sources = [[0f32; LANES]; 3];
    for (index, values) in sources.iter_mut().enumerate() {
        let bits = wave.vector(inst.src[index], inst.literal)?;
        if inst.op_sel_hi >> index & 1 != 0 && (240..=248).contains(&inst.src[index]) {
            return Err(Trap::Unsupported("a constant as an operand of half precision"));
        }
        let (half, high) = (inst.op_sel_hi >> index & 1 != 0, inst.op_sel >> index & 1 != 0);
        for lane in 0..LANES {
            let mut value = match half {
                true => f16_to_f32((bits[lane] >> if high { 16 } else { 0 }) as u16),
                false => f32::from_bits(bits[lane]),
            };
            // The second modifier means the absolute value here.
            if inst.neg_hi >> index & 1 != 0 {
                value = value.abs();
            }
            values[lane] = if inst.neg >> index & 1 != 0 { -value } else { value };
        }
    }
    let old = wave.vector(VGPR + inst.dst, 0)?;
    let out = std::array::from_fn(|l| {
        let value = output32(sources[0][l].mul_add(sources[1][l], sources[2][l]), 0, inst.clamp);
        match inst.op {
            v_fma_mix_f32 => value.to_bits(),
            v_fma_mixlo_f16 => old[l] & 0xffff_0000 | u32::from(f32_to_f16(value)),
            _ => old[l] & 0xffff | u32::from(f32_to_f16(value)) << 16,
        }
    });
    wave.set_vector(usize::from(inst.dst), exec, &out)
}
