//! Floating-point pieces: half precision, denormal flushing, output modifiers, and the division helpers.

/// f16 to f32, exact.
pub fn f16_to_f32(bits: u16) -> f32 {
    let (sign, exponent, fraction) = (u32::from(bits >> 15) << 31, u32::from(bits >> 10 & 31), u32::from(bits & 0x3ff));
    match exponent {
        0 => f32::from_bits(sign) + if sign != 0 { -1.0 } else { 1.0 } * fraction as f32 * 2f32.powi(-24),
        31 => f32::from_bits(sign | 0x7f80_0000 | fraction << 13),
        _ => f32::from_bits(sign | (exponent + 112) << 23 | fraction << 13),
    }
}

/// f64 to f16, rounded to nearest even in one step: a sum or product of two f16 in f64 is exact, or nearly so for fused ones.
pub fn f64_to_f16(value: f64) -> u16 {
    let sign = ((value.to_bits() >> 48) & 0x8000) as u16;
    let magnitude = value.abs();
    if value.is_nan() {
        return sign | 0x7e00;
    }
    if magnitude >= 65520.0 {
        return sign | 0x7c00;
    }
    if magnitude < 2f64.powi(-14) {
        // Denormal: units of 2^-24.
        return sign | round_even(magnitude * 2f64.powi(24)) as u16;
    }
    let exponent = ((magnitude.to_bits() >> 52) as i32) - 1023;
    let units = round_even(magnitude * 2f64.powi(10 - exponent)) as u32;
    // A carry out of the fraction goes into the exponent by itself.
    sign | (((exponent + 14) as u32) * 1024 + units) as u16
}

/// f32 to f16, rounded to nearest even.
pub fn f32_to_f16(value: f32) -> u16 {
    f64_to_f16(f64::from(value))
}

/// f32 to f16, rounded towards zero.
pub fn f32_to_f16_rtz(value: f32) -> u16 {
    let nearest = f32_to_f16(value);
    if value.is_nan() || value.is_infinite() {
        return nearest;
    }
    let back = f16_to_f32(nearest);
    // One step down in magnitude where rounding went up.
    if back.abs() > value.abs() { nearest - 1 } else { nearest }
}

/// Rounds to the nearest integer, ties to even.
pub fn round_even(value: f64) -> f64 {
    value.round_ties_even()
}

/// A denormal becomes a zero of its sign where the mode says so.
pub fn flush32(value: f32, keep: bool) -> f32 {
    if !keep && value.is_subnormal() { 0f32.copysign(value) } else { value }
}

/// Output modifiers: times 2, times 4, divided by 2; then clamping to 0 to 1, where NaN becomes 0 (DX10_CLAMP).
pub fn output64(value: f64, omod: u8, clamp: bool) -> f64 {
    let scaled = match omod {
        1 => value * 2.0,
        2 => value * 4.0,
        3 => value * 0.5,
        _ => value,
    };
    match clamp {
        false => scaled,
        true if scaled.is_nan() => 0.0,
        true => scaled.clamp(0.0, 1.0),
    }
}

/// As [`output64`], for f32: f64 holds each scaled value exactly, so that it is rounded once.
pub fn output32(value: f32, omod: u8, clamp: bool) -> f32 {
    output64(value.into(), omod, clamp) as f32
}

/// IEEE minNum: the number where one operand is NaN; -0 is less than +0.
pub fn min_num(a: f64, b: f64) -> f64 {
    match (a.is_nan(), b.is_nan()) {
        (true, _) => b,
        (_, true) => a,
        _ if a == b => {
            if a.is_sign_negative() {
                a
            } else {
                b
            }
        }
        _ => a.min(b),
    }
}

/// IEEE maxNum.
pub fn max_num(a: f64, b: f64) -> f64 {
    -min_num(-a, -b)
}

/// The median of three; the minimum where one is NaN.
pub fn med3(a: f64, b: f64, c: f64) -> f64 {
    if a.is_nan() || b.is_nan() || c.is_nan() {
        return min_num(min_num(a, b), c);
    }
    max_num(min_num(a, b), min_num(max_num(a, b), c))
}

/// Exponent and mantissa in [0.5, 1), as `frexp` gives them.
pub fn frexp(value: f64) -> (f64, i32) {
    if value == 0.0 || !value.is_finite() {
        return (value, 0);
    }
    let scaled = if value.is_subnormal() { value * 2f64.powi(64) } else { value };
    let exponent = ((scaled.to_bits() >> 52 & 0x7ff) as i32) - 1022;
    let mantissa = f64::from_bits(scaled.to_bits() & !(0x7ff << 52) | 1022 << 52);
    (mantissa, if value.is_subnormal() { exponent - 64 } else { exponent })
}

/// value * 2^exponent with one rounding.
pub fn ldexp(value: f64, exponent: i32) -> f64 {
    let (mantissa, own) = frexp(value);
    // Beyond these all results are infinite or zero. The mantissa of zero, infinity or NaN is itself.
    let total = own.saturating_add(exponent).clamp(-1200, 1200);
    if total > 0 {
        mantissa * 2f64.powi(total - 500) * 2f64.powi(500)
    } else {
        // Only the last step can round.
        mantissa * 2f64.powi(total + 300) * 2f64.powi(-300)
    }
}

/// V_DIV_SCALE (RDNA 2 ISA reference): the scaled operand, and whether the quotient must be scaled back.
/// `selected` is the operand that the instruction scales; `numerator` and `denominator` decide.
pub fn div_scale(selected: f64, denominator: f64, numerator: f64, range: &Range) -> (f64, bool) {
    let (exponent_n, exponent_d) = (frexp(numerator).1 - 1, frexp(denominator).1 - 1);
    let is_denominator = selected.to_bits() == denominator.to_bits();
    let scale_up = |value: f64| ldexp(value, range.step);
    let denormal = |value: f64| value != 0.0 && value.abs() < range.least_normal;
    if numerator == 0.0 || denominator == 0.0 {
        return (f64::NAN, false);
    }
    if exponent_n - exponent_d >= range.widest {
        // The quotient would overflow: only the denominator is scaled.
        return if is_denominator { (scale_up(selected), true) } else { (selected, true) };
    }
    if denormal(denominator) {
        return (scale_up(selected), false);
    }
    let reciprocal_denormal = denormal(1.0 / denominator) || 1.0 / denominator == 0.0;
    let quotient_denormal = denormal(numerator / denominator) || numerator / denominator == 0.0;
    if reciprocal_denormal && quotient_denormal {
        // The reference prints a positive exponent here, by which every such denominator would become infinite.
        return if is_denominator { (ldexp(selected, -range.step), true) } else { (selected, true) };
    }
    if reciprocal_denormal {
        return (ldexp(selected, -range.step), false);
    }
    if quotient_denormal {
        return if is_denominator { (selected, true) } else { (scale_up(selected), true) };
    }
    if exponent_n <= range.least_exponent {
        return (scale_up(selected), false);
    }
    (selected, false)
}

/// What distinguishes the two widths of [`div_scale`].
pub struct Range {
    /// Exponent by which operands are scaled.
    pub step: i32,
    /// Exponent difference from which the quotient is near overflow.
    pub widest: i32,
    /// Numerators up to this exponent are scaled up.
    pub least_exponent: i32,
    /// The smallest normal number.
    pub least_normal: f64,
}

pub const SINGLE: Range = Range { step: 64, widest: 96, least_exponent: -104, least_normal: f32::MIN_POSITIVE as f64 };
pub const DOUBLE: Range = Range { step: 128, widest: 768, least_exponent: -970, least_normal: f64::MIN_POSITIVE };

/// What rounding took from a * b + c to make it `value`, near enough to know its sign.
fn fused_error(a: f64, b: f64, c: f64, value: f64) -> f64 {
    let product = a * b;
    let low = a.mul_add(b, -product);
    let sum = product + c;
    let part = sum - product;
    let lost = (product - (sum - part)) + (c - part);
    (sum - value) + (lost + low)
}

/// V_DIV_FMAS with VCC set: a * b + c scaled back. Which way the quotient was scaled shows in its size (the RDNA 2 reference knows one way only; later
/// ones have both).
pub fn div_unscale(a: f64, b: f64, c: f64, range: &Range) -> f64 {
    let step = if c.abs() >= 2.0 { range.step } else { -range.step };
    let value = a.mul_add(b, c);
    let scaled = ldexp(value, step);
    if scaled.abs() > f64::MIN_POSITIVE || value == 0.0 {
        return scaled;
    }
    // Among the denormals the scaling rounds again: a tie that only the first rounding made is none.
    let dropped = value - ldexp(scaled, -step);
    let error = fused_error(a, b, c, value);
    match dropped.abs() == ldexp(1.0, -1075 - step) {
        true if dropped > 0.0 && error > 0.0 => scaled.next_up(),
        true if dropped < 0.0 && error < 0.0 => scaled.next_down(),
        _ => scaled,
    }
}

/// V_DIV_FIXUP: the special cases of a quotient. Operands: quotient, denominator, numerator.
pub fn div_fixup(quotient: f64, denominator: f64, numerator: f64) -> f64 {
    let negative = denominator.is_sign_negative() != numerator.is_sign_negative();
    let signed = |value: f64| if negative { -value } else { value };
    if numerator.is_nan() {
        return numerator;
    }
    if denominator.is_nan() {
        return denominator;
    }
    match (numerator, denominator) {
        (n, d) if n == 0.0 && d == 0.0 || n.is_infinite() && d.is_infinite() => f64::NAN,
        (n, d) if d == 0.0 || n.is_infinite() => signed(f64::INFINITY),
        (n, d) if n == 0.0 || d.is_infinite() => signed(0.0),
        // Both operands are ordinary, so that only an overflow on the way can have made this.
        _ if quotient.is_nan() => signed(f64::INFINITY),
        _ => signed(quotient.abs()),
    }
}

/// The first 1201 bits of 2/pi behind the binary point, all that the hardware has.
const TWO_OVER_PI: [u64; 19] = [
    0xa2f9_836e_4e44_1529,
    0xfc27_57d1_f534_ddc0,
    0xdb62_9599_3c43_9041,
    0xfe51_63ab_debb_c561,
    0xb724_6e3a_424d_d2e0,
    0x0649_2eea_09d1_921c,
    0xfe1d_eb1c_b129_a73e,
    0xe882_35f5_2ebb_4484,
    0xe99c_7026_b45f_7e41,
    0x3991_d639_8353_39f4,
    0x9c84_5f8b_bdf9_283b,
    0x1ff8_97ff_de05_980f,
    0xef2f_118b_5a0a_6d1f,
    0x6d36_7ecf_27cb_09b7,
    0x4f46_3f66_9e5f_ea2d,
    0x7527_bac7_ebe5_f17b,
    0x3d07_39f7_8a52_92ea,
    0x6bfb_5fb1_1f8d_5d08,
    0x5603_3046_fc7b_0000,
];

/// V_TRIG_PREOP_F64 (RDNA 2 ISA reference): a segment of 53 bits of 2/pi that matters for an operand of this size.
pub fn trig_preop(value: f64, segment: u32) -> f64 {
    let exponent = (value.to_bits() >> 52 & 0x7ff) as u32;
    let shift = (segment & 31) * 53 + exponent.saturating_sub(1077);
    let word = |index: u32| u128::from(TWO_OVER_PI.get(index as usize).copied().unwrap_or(0));
    let both = word(shift / 64) << 64 | word(shift / 64 + 1);
    let bits = (both >> (128 - 53 - shift % 64)) as u64 & ((1 << 53) - 1);
    let scale = -53 - shift as i32 + if exponent >= 1968 { 128 } else { 0 };
    ldexp(bits as f64, scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_survives_the_way_to_single_and_back() {
        for bits in 0..=u16::MAX {
            let value = f16_to_f32(bits);
            if value.is_nan() {
                assert_eq!(f32_to_f16(value) & 0x7c00, 0x7c00);
            } else {
                assert_eq!(f32_to_f16(value), bits, "{value}");
                assert_eq!(f32_to_f16_rtz(value), bits, "{value}");
            }
        }
    }

    #[test]
    fn halves_round_to_nearest_even_or_towards_zero() {
        // 1 + 2^-11 is half way between 1 and the next half.
        let tie = 1.0 + 2f32.powi(-11);
        assert_eq!((f32_to_f16(tie), f32_to_f16(tie + 2f32.powi(-20))), (0x3c00, 0x3c01));
        assert_eq!(f32_to_f16(1.0 + 3.0 * 2f32.powi(-11)), 0x3c02);
        assert_eq!(f32_to_f16_rtz(1.0 + 3.0 * 2f32.powi(-11)), 0x3c01);
        assert_eq!((f32_to_f16(65519.0), f32_to_f16(65520.0)), (0x7bff, 0x7c00));
        assert_eq!(f32_to_f16(-2f32.powi(-25)), 0x8000, "a tie with zero is even");
    }

    #[test]
    fn frexp_and_ldexp_are_inverse() {
        for value in [1.0, -0.75, 1e300, 5e-324, -3.3e-310, 65504.0] {
            let (mantissa, exponent) = frexp(value);
            assert!((0.5..1.0).contains(&mantissa.abs()), "{value}");
            assert_eq!(ldexp(mantissa, exponent), value);
        }
        assert_eq!(ldexp(1.0, -1074), 5e-324);
        assert_eq!(ldexp(1.0, -1076), 0.0);
        assert_eq!(ldexp(1.0, 1024), f64::INFINITY);
        assert_eq!(ldexp(5e-324, 2097), 2f64.powi(1023));
        assert_eq!(ldexp(f64::MAX, i32::MIN), 0.0);
        // 1 + 2^-52 halves of the least denormal: above the tie, rounded once to the denormal.
        assert_eq!(ldexp(1.0 + f64::EPSILON, -1075), 5e-324);
        assert_eq!(ldexp(1.0, -1075), 0.0, "a tie with zero is even");
    }

    #[test]
    fn minimum_and_maximum_prefer_numbers_and_order_zeros() {
        assert_eq!(min_num(f64::NAN, 2.0), 2.0);
        assert_eq!(max_num(2.0, f64::NAN), 2.0);
        assert!(min_num(0.0, -0.0).is_sign_negative() && max_num(-0.0, 0.0).is_sign_positive());
        assert_eq!(med3(3.0, 1.0, 2.0), 2.0);
    }

    #[test]
    fn segments_of_two_over_pi_add_up_to_it() {
        let sum: f64 = (0..3).map(|segment| trig_preop(1.0, segment)).sum();
        assert_eq!(sum, std::f64::consts::FRAC_2_PI);
        // The first 53 bits, 0xa2f9836e4e4415 and 5 more, of 2^53.
        assert_eq!(trig_preop(1.0, 0), (0xa2f9_836e_4e44_1529u64 >> 11) as f64 * 2f64.powi(-53));
        // For 2^60 (biased exponent 1083) the first 6 bits only make whole turns.
        assert_eq!(trig_preop(2f64.powi(60), 0), (0xa2f9_836e_4e44_1529u64 << 6 >> 11) as f64 * 2f64.powi(-59));
        assert_eq!(trig_preop(f64::MAX, 31), 0.0);
    }
}
