//! Vector comparisons: VOPC and their VOP3 forms. The opcode itself says condition, type and whether EXEC is written.

use super::decode::{Format, Inst};
use super::float::f16_to_f32;
use super::valu::Kind;
use super::wave::{LANES, Wave, Wide};
use super::{Done, NOT_IMPLEMENTED, Trap, valu};

/// Kinds of operands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    F16,
    F32,
    F64,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
}

/// What an opcode compares: type, condition (16 for floats, 8 for integers), class test, EXEC instead of VCC.
fn meaning(number: u32) -> Option<(Type, u32, bool, bool)> {
    use Type::*;
    let low = number & 15;
    let exec = number & 0x10 != 0;
    Some(match (number >> 4, low) {
        (0 | 1, _) => (F32, low, false, exec),
        (2 | 3, _) => (F64, low, false, exec),
        (8 | 9, 0..=7) => (I32, low, false, exec),
        (8 | 9, 8) => (F32, 0, true, exec),
        (8 | 9, 9..=14) => (I16, low - 8, false, exec),
        (8 | 9, _) => (F16, 0, true, exec),
        (10 | 11, 0..=7) => (I64, low, false, exec),
        (10 | 11, 8) => (F64, 0, true, exec),
        (10 | 11, 9..=14) => (U16, low - 8, false, exec),
        (12 | 13, 0..=7) => (U32, low, false, exec),
        (12 | 13, _) => (F16, low - 8, false, exec),
        (14 | 15, 0..=7) => (U64, low, false, exec),
        (14 | 15, _) => (F16, low, false, exec),
        _ => return None,
    })
}

/// Executes a comparison.
pub fn execute(wave: &mut Wave, inst: &Inst) -> Done {
    let number = match inst.format {
        Format::Vopc => inst.words[0] >> 17 & 0xff,
        _ => inst.words[0] >> 16 & 0x3ff,
    };
    let Some((kind, condition, class, to_exec)) = meaning(number) else { return Err(NOT_IMPLEMENTED) };
    let exec = wave.exec();
    let (bits, exec_allowed) = match kind {
        Type::F64 | Type::I64 | Type::U64 => (compare64(wave, inst, kind, condition, class)?, exec),
        _ => compare32(wave, inst, kind, condition, class, exec)?,
    };
    let result = bits & exec_allowed;
    if to_exec {
        wave.set_exec(result);
    } else {
        // The VOP3 form names its destination.
        let target = if inst.format == Format::Vopc { inst.sdst } else { inst.dst };
        wave.set_mask(target, result)?;
    }
    Ok(())
}

fn mask(lanes: usize, test: impl Fn(usize) -> bool) -> u64 {
    (0..lanes).fold(0, |sum, lane| sum | u64::from(test(lane)) << lane)
}

fn compare32(wave: &Wave, inst: &Inst, kind: Type, condition: u32, class: bool, exec: u64) -> Result<(u64, u64), Trap> {
    let operand = match kind {
        Type::F16 => Kind::HalfFloat,
        Type::I16 | Type::U16 => Kind::Half,
        _ => Kind::Full,
    };
    let (a, enabled) = valu::source32(wave, inst, 0, operand, exec)?;
    // A class test's second operand is a mask.
    let (b, _) = valu::source32(wave, inst, 1, if class { Kind::Full } else { operand }, exec)?;
    let lanes = wave.lanes().min(LANES);
    let result = match kind {
        Type::I32 => compare(condition, lanes, |l| a[l] as i32, |l| b[l] as i32),
        Type::U32 => compare(condition, lanes, |l| a[l], |l| b[l]),
        Type::I16 => compare(condition, lanes, |l| a[l] as i16, |l| b[l] as i16),
        Type::U16 => compare(condition, lanes, |l| a[l] as u16, |l| b[l] as u16),
        Type::F16 if class => {
            let a = valu::modify16(inst, 0, &a);
            mask(lanes, |l| class16(a[l] as u16, b[l]))
        }
        Type::F16 => {
            let (a, b) = (valu::modify16(inst, 0, &a), valu::modify16(inst, 1, &b));
            compare(condition, lanes, |l| f16_to_f32(a[l] as u16), |l| f16_to_f32(b[l] as u16))
        }
        _ if class => {
            let a = valu::modify32(wave, inst, 0, &a, false);
            mask(lanes, |l| class32(a[l], b[l]))
        }
        _ => {
            let (a, b) = (valu::modify32(wave, inst, 0, &a, true), valu::modify32(wave, inst, 1, &b, true));
            compare(condition, lanes, |l| f32::from_bits(a[l]), |l| f32::from_bits(b[l]))
        }
    };
    Ok((result, enabled))
}

fn compare64(wave: &Wave, inst: &Inst, kind: Type, condition: u32, class: bool) -> Result<u64, Trap> {
    let wide = match kind {
        Type::F64 => Wide::Float,
        Type::I64 => Wide::Signed,
        _ => Wide::Unsigned,
    };
    let a = valu::source64(wave, inst, 0, wide)?;
    let lanes = wave.lanes().min(LANES);
    if class {
        let (a, (b, _)) = (valu::modify64(inst, 0, &a), valu::source32(wave, inst, 1, Kind::Full, u64::MAX)?);
        return Ok(mask(lanes, |l| class64(a[l], b[l])));
    }
    let b = valu::source64(wave, inst, 1, wide)?;
    Ok(match kind {
        Type::I64 => compare(condition, lanes, |l| a[l] as i64, |l| b[l] as i64),
        Type::U64 => compare(condition, lanes, |l| a[l], |l| b[l]),
        _ => {
            let (a, b) = (valu::modify64(inst, 0, &a), valu::modify64(inst, 1, &b));
            compare(condition, lanes, |l| f64::from_bits(a[l]), |l| f64::from_bits(b[l]))
        }
    })
}

/// The lanes for which a condition holds: F, LT, EQ, LE, GT, LG, GE, O, then for floats their opposites U, NGE, NLG, NGT, NLE, NEQ, NLT, TRU.
/// (Integers call LG NE and O T.)
fn compare<T: PartialOrd>(condition: u32, lanes: usize, a: impl Fn(usize) -> T, b: impl Fn(usize) -> T) -> u64 {
    // Each condition has a loop of its own.
    match condition {
        0 => 0,
        1 => mask(lanes, |l| a(l) < b(l)),
        2 => mask(lanes, |l| a(l) == b(l)),
        3 => mask(lanes, |l| a(l) <= b(l)),
        4 => mask(lanes, |l| a(l) > b(l)),
        5 => mask(lanes, |l| a(l) < b(l) || a(l) > b(l)),
        6 => mask(lanes, |l| a(l) >= b(l)),
        7 => mask(lanes, |l| a(l) <= b(l) || a(l) > b(l)),
        _ => !compare(15 - (condition & 15), lanes, a, b) & (u64::MAX >> (64 - lanes)),
    }
}

/// Bits of a class test: signalling and quiet NaN, -infinity, -normal, -denormal, -0, +0, +denormal, +normal, +infinity.
fn class(negative: bool, exponent_max: bool, exponent_zero: bool, fraction: u64, quiet: bool, wanted: u32) -> bool {
    let bit = match (exponent_max, exponent_zero, fraction) {
        (true, _, 0) => {
            if negative {
                2
            } else {
                9
            }
        }
        (true, ..) => u32::from(quiet),
        (_, true, 0) => {
            if negative {
                5
            } else {
                6
            }
        }
        (_, true, _) => {
            if negative {
                4
            } else {
                7
            }
        }
        _ => {
            if negative {
                3
            } else {
                8
            }
        }
    };
    wanted >> bit & 1 != 0
}

fn class16(value: u16, wanted: u32) -> bool {
    class(
        value >> 15 != 0,
        value & 0x7c00 == 0x7c00,
        value & 0x7c00 == 0,
        u64::from(value & 0x3ff),
        value & 0x200 != 0,
        wanted,
    )
}

fn class32(value: u32, wanted: u32) -> bool {
    let exponent = value & 0x7f80_0000;
    class(
        value >> 31 != 0,
        exponent == 0x7f80_0000,
        exponent == 0,
        u64::from(value & 0x7f_ffff),
        value & 0x40_0000 != 0,
        wanted,
    )
}

fn class64(value: u64, wanted: u32) -> bool {
    let exponent = value >> 52 & 0x7ff;
    class(value >> 63 != 0, exponent == 0x7ff, exponent == 0, value & ((1 << 52) - 1), value >> 51 & 1 != 0, wanted)
}
