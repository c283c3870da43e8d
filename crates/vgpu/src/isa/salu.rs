//! Scalar instructions and program control.

use super::decode::{Format, Inst};
use super::table::Op::{self, *};
use super::wave::{EXEC, M0, PRIVATE_APERTURE, SHARED_APERTURE, VCC, Wave, Wide};
use super::{Done, NOT_IMPLEMENTED, Trap};

/// `s_trap` with this number is `llvm.debugtrap`, which does nothing without a debugger; others end the kernel (AMDGPUUsage, "Trap Handler ABI").
const DEBUG_TRAP: i32 = 3;

/// Executes a scalar instruction that touches no memory. The program counter is already behind it.
pub fn execute(wave: &mut Wave, inst: &Inst) -> Done {
    if !inst.src.iter().all(|code| Wave::known_source(*code)) {
        return Err(Trap::Unsupported("unknown source operand"));
    }
    let wide = matches!(inst.op, s_mov_b64 | s_cmov_b64 | s_cselect_b64 | s_cmp_eq_u64 | s_cmp_lg_u64);
    if !wide && !inst.src.iter().all(|code| Wave::known_source32(*code)) {
        return Err(Trap::Unsupported("the base of an aperture as an operand of 32 bits"));
    }
    match inst.format {
        Format::Sop2 => sop2(wave, inst),
        Format::Sop1 => sop1(wave, inst),
        Format::Sopc => sopc(wave, inst),
        Format::Sopk => sopk(wave, inst),
        _ => sopp(wave, inst),
    }
}

fn sop2(wave: &mut Wave, inst: &Inst) -> Done {
    let (a, b) = (wave.scalar(inst.src[0], inst.literal), wave.scalar(inst.src[1], inst.literal));
    let (ia, ib) = (a as i32, b as i32);
    let extension = if matches!(inst.op, s_ashr_i64 | s_bfe_i64) { Wide::Signed } else { Wide::Unsigned };
    let a64 = wave.scalar64(inst.src[0], inst.literal, extension);
    let b64 = wave.scalar64(inst.src[1], inst.literal, Wide::Unsigned);
    // (32-bit result, SCC); SCC `None`: unchanged.
    let (value, scc) = match inst.op {
        s_add_u32 => carry(a.overflowing_add(b)),
        s_sub_u32 => carry(a.overflowing_sub(b)),
        s_add_i32 => signed(ia.overflowing_add(ib)),
        s_sub_i32 => signed(ia.overflowing_sub(ib)),
        s_addc_u32 => {
            let sum = u64::from(a) + u64::from(b) + u64::from(wave.scc);
            (sum as u32, Some(sum >> 32 != 0))
        }
        s_subb_u32 => {
            let take = u64::from(b) + u64::from(wave.scc);
            (a.wrapping_sub(take as u32), Some(take > u64::from(a)))
        }
        s_min_i32 => (ia.min(ib) as u32, Some(ia < ib)),
        s_min_u32 => (a.min(b), Some(a < b)),
        s_max_i32 => (ia.max(ib) as u32, Some(ia > ib)),
        s_max_u32 => (a.max(b), Some(a > b)),
        s_cselect_b32 => (if wave.scc { a } else { b }, None),
        s_lshl_b32 => nonzero(a << (b & 31)),
        s_lshr_b32 => nonzero(a >> (b & 31)),
        s_ashr_i32 => nonzero((ia >> (b & 31)) as u32),
        s_bfm_b32 => (((1u32 << (a & 31)) - 1) << (b & 31), None),
        s_mul_i32 => (a.wrapping_mul(b), None),
        s_mul_hi_u32 => (((u64::from(a) * u64::from(b)) >> 32) as u32, None),
        s_mul_hi_i32 => (((i64::from(ia) * i64::from(ib)) >> 32) as u32, None),
        s_bfe_u32 => nonzero(field(u64::from(a), b & 31, (b >> 16 & 0x7f).min(32)) as u32),
        s_bfe_i32 => {
            let width = (b >> 16 & 0x7f).min(32);
            nonzero(extend(field(u64::from(a), b & 31, width), width) as u32)
        }
        s_absdiff_i32 => nonzero(ia.wrapping_sub(ib).unsigned_abs()),
        s_lshl1_add_u32 => shift_add(a, b, 1),
        s_lshl2_add_u32 => shift_add(a, b, 2),
        s_lshl3_add_u32 => shift_add(a, b, 3),
        s_lshl4_add_u32 => shift_add(a, b, 4),
        s_pack_ll_b32_b16 => (a & 0xffff | b << 16, None),
        s_pack_lh_b32_b16 => (a & 0xffff | b & 0xffff_0000, None),
        s_pack_hh_b32_b16 => (a >> 16 | b & 0xffff_0000, None),
        s_cselect_b64 => return set64(wave, inst, if wave.scc { a64 } else { b64 }, None),
        s_lshl_b64 => return wide(wave, inst, a64 << (b & 63)),
        s_lshr_b64 => return wide(wave, inst, a64 >> (b & 63)),
        s_ashr_i64 => return wide(wave, inst, ((a64 as i64) >> (b & 63)) as u64),
        s_bfm_b64 => return set64(wave, inst, ((1u64 << (a & 63)) - 1) << (b & 63), None),
        s_bfe_u64 => return wide(wave, inst, field(a64, b & 63, (b >> 16 & 0x7f).min(64))),
        s_bfe_i64 => {
            let width = (b >> 16 & 0x7f).min(64);
            return wide(wave, inst, extend(field(a64, b & 63, width), width));
        }
        op => match (logic(op, a64, b64), op) {
            (
                Some(value),
                s_and_b64 | s_or_b64 | s_xor_b64 | s_andn2_b64 | s_orn2_b64 | s_nand_b64 | s_nor_b64 | s_xnor_b64,
            ) => {
                return wide(wave, inst, value);
            }
            _ => nonzero(logic(op, u64::from(a), u64::from(b)).ok_or(NOT_IMPLEMENTED)? as u32),
        },
    };
    wave.set_sgpr(inst.dst, value)?;
    if let Some(scc) = scc {
        wave.scc = scc;
    }
    Ok(())
}

fn logic(op: Op, a: u64, b: u64) -> Option<u64> {
    Some(match op {
        s_and_b32 | s_and_b64 => a & b,
        s_or_b32 | s_or_b64 => a | b,
        s_xor_b32 | s_xor_b64 => a ^ b,
        s_andn2_b32 | s_andn2_b64 => a & !b,
        s_orn2_b32 | s_orn2_b64 => a | !b,
        s_nand_b32 | s_nand_b64 => !(a & b),
        s_nor_b32 | s_nor_b64 => !(a | b),
        s_xnor_b32 | s_xnor_b64 => !(a ^ b),
        _ => return None,
    })
}

fn carry((value, carry): (u32, bool)) -> (u32, Option<bool>) {
    (value, Some(carry))
}

fn signed((value, overflow): (i32, bool)) -> (u32, Option<bool>) {
    (value as u32, Some(overflow))
}

fn nonzero(value: u32) -> (u32, Option<bool>) {
    (value, Some(value != 0))
}

fn shift_add(a: u32, b: u32, shift: u32) -> (u32, Option<bool>) {
    let sum = (u64::from(a) << shift) + u64::from(b);
    (sum as u32, Some(sum >> 32 != 0))
}

/// `width` bits of `value` from bit `offset`.
fn field(value: u64, offset: u32, width: u32) -> u64 {
    match width {
        0 => 0,
        64.. => value >> offset,
        _ => value >> offset & ((1 << width) - 1),
    }
}

fn extend(value: u64, width: u32) -> u64 {
    match width {
        0 => 0,
        64.. => value,
        _ => (((value << (64 - width)) as i64) >> (64 - width)) as u64,
    }
}

fn set64(wave: &mut Wave, inst: &Inst, value: u64, scc: Option<bool>) -> Done {
    wave.set_sgpr64(inst.dst, value)?;
    if let Some(scc) = scc {
        wave.scc = scc;
    }
    Ok(())
}

fn wide(wave: &mut Wave, inst: &Inst, value: u64) -> Done {
    set64(wave, inst, value, Some(value != 0))
}

fn sop1(wave: &mut Wave, inst: &Inst) -> Done {
    let a = wave.scalar(inst.src[0], inst.literal);
    // A literal of a _b64 instruction is extended with zeros, as LLVM's use of it shows.
    let wide_literal = if inst.op == s_flbit_i32_i64 { Wide::Signed } else { Wide::Unsigned };
    let a64 = wave.scalar64(inst.src[0], inst.literal, wide_literal);
    let found = |index: u32, width: u32| if index == width { u32::MAX } else { index };
    let (value, scc) = match inst.op {
        s_mov_b32 => (a, None),
        s_cmov_b32 if wave.scc => (a, None),
        s_cmov_b32 => return Ok(()),
        s_not_b32 => nonzero(!a),
        s_brev_b32 => (a.reverse_bits(), None),
        s_bcnt0_i32_b32 => nonzero(a.count_zeros()),
        s_bcnt0_i32_b64 => nonzero(a64.count_zeros()),
        s_bcnt1_i32_b32 => nonzero(a.count_ones()),
        s_bcnt1_i32_b64 => nonzero(a64.count_ones()),
        s_ff0_i32_b32 => (found(a.trailing_ones(), 32), None),
        s_ff0_i32_b64 => (found(a64.trailing_ones(), 64), None),
        s_ff1_i32_b32 => (found(a.trailing_zeros(), 32), None),
        s_ff1_i32_b64 => (found(a64.trailing_zeros(), 64), None),
        s_flbit_i32_b32 => (found(a.leading_zeros(), 32), None),
        s_flbit_i32_b64 => (found(a64.leading_zeros(), 64), None),
        s_flbit_i32 => (found((a ^ ((a as i32) >> 31) as u32).leading_zeros(), 32), None),
        s_flbit_i32_i64 => (found((a64 ^ ((a64 as i64) >> 63) as u64).leading_zeros(), 64), None),
        s_sext_i32_i8 => (a as u8 as i8 as u32, None),
        s_sext_i32_i16 => (a as u16 as i16 as u32, None),
        s_bitset0_b32 => (wave.scalar(inst.dst, 0) & !(1 << (a & 31)), None),
        s_bitset1_b32 => (wave.scalar(inst.dst, 0) | 1 << (a & 31), None),
        s_abs_i32 => nonzero((a as i32).unsigned_abs()),
        s_wqm_b32 => nonzero(quads(u64::from(a)) as u32),
        s_quadmask_b32 => nonzero(quad_mask(u64::from(a)) as u32),
        s_mov_b64 => return set64(wave, inst, a64, None),
        s_cmov_b64 if wave.scc => return set64(wave, inst, a64, None),
        s_cmov_b64 => return Ok(()),
        s_not_b64 => return wide(wave, inst, !a64),
        s_brev_b64 => return set64(wave, inst, a64.reverse_bits(), None),
        s_wqm_b64 => return wide(wave, inst, quads(a64)),
        s_quadmask_b64 => return wide(wave, inst, quad_mask(a64)),
        s_bitset0_b64 => return set64(wave, inst, wave.scalar64(inst.dst, 0, Wide::Unsigned) & !(1 << (a & 63)), None),
        s_bitset1_b64 => return set64(wave, inst, wave.scalar64(inst.dst, 0, Wide::Unsigned) | 1 << (a & 63), None),
        s_bitreplicate_b64_b32 => {
            let spread = (0..32).fold(0, |sum, bit| sum | (u64::from(a >> bit & 1) * 3) << (2 * bit));
            return set64(wave, inst, spread, None);
        }
        s_getpc_b64 => return set64(wave, inst, wave.pc, None),
        s_setpc_b64 => {
            wave.pc = a64;
            return Ok(());
        }
        s_swappc_b64 => {
            let back = wave.pc;
            wave.pc = a64;
            return set64(wave, inst, back, None);
        }
        s_movrels_b32 => (wave.scalar(indexed(wave, inst.src[0])?, 0), None),
        s_movreld_b32 => return wave.set_sgpr(indexed(wave, inst.dst)?, a),
        op => return exec_mask(wave, inst, op, a, a64),
    };
    wave.set_sgpr(inst.dst, value)?;
    if let Some(scc) = scc {
        wave.scc = scc;
    }
    Ok(())
}

/// A register `M0` places behind `code`.
fn indexed(wave: &Wave, code: u16) -> Result<u16, Trap> {
    match u16::try_from(wave.scalar(M0, 0)).ok().and_then(|index| code.checked_add(index)) {
        Some(register @ 0..=105) => Ok(register),
        _ => Err(Trap::Unsupported("an SGPR index out of range")),
    }
}

/// Any lane of a group of four makes all four.
fn quads(mask: u64) -> u64 {
    (0..16).fold(0, |sum, quad| if mask >> (4 * quad) & 15 != 0 { sum | 15 << (4 * quad) } else { sum })
}

fn quad_mask(mask: u64) -> u64 {
    (0..16).fold(0, |sum, quad| sum | u64::from(mask >> (4 * quad) & 15 != 0) << quad)
}

/// The `saveexec` and `wrexec` instructions: EXEC is combined with the source.
fn exec_mask(wave: &mut Wave, inst: &Inst, op: Op, a: u32, a64: u64) -> Done {
    let narrow = matches!(
        op,
        s_and_saveexec_b32
            | s_or_saveexec_b32
            | s_xor_saveexec_b32
            | s_andn2_saveexec_b32
            | s_orn2_saveexec_b32
            | s_nand_saveexec_b32
            | s_nor_saveexec_b32
            | s_xnor_saveexec_b32
            | s_andn1_saveexec_b32
            | s_orn1_saveexec_b32
            | s_andn1_wrexec_b32
            | s_andn2_wrexec_b32
    );
    let old = if narrow { u64::from(wave.scalar(EXEC, 0)) } else { wave.scalar64(EXEC, 0, Wide::Unsigned) };
    let source = if narrow { u64::from(a) } else { a64 };
    let new = match op {
        s_and_saveexec_b32 | s_and_saveexec_b64 => source & old,
        s_or_saveexec_b32 | s_or_saveexec_b64 => source | old,
        s_xor_saveexec_b32 | s_xor_saveexec_b64 => source ^ old,
        s_andn2_saveexec_b32 | s_andn2_saveexec_b64 | s_andn2_wrexec_b32 | s_andn2_wrexec_b64 => source & !old,
        s_orn2_saveexec_b32 | s_orn2_saveexec_b64 => source | !old,
        s_nand_saveexec_b32 | s_nand_saveexec_b64 => !(source & old),
        s_nor_saveexec_b32 | s_nor_saveexec_b64 => !(source | old),
        s_xnor_saveexec_b32 | s_xnor_saveexec_b64 => !(source ^ old),
        s_andn1_saveexec_b32 | s_andn1_saveexec_b64 | s_andn1_wrexec_b32 | s_andn1_wrexec_b64 => !source & old,
        s_orn1_saveexec_b32 | s_orn1_saveexec_b64 => !source | old,
        _ => return Err(NOT_IMPLEMENTED),
    };
    let writes_exec = matches!(op, s_andn1_wrexec_b32 | s_andn2_wrexec_b32 | s_andn1_wrexec_b64 | s_andn2_wrexec_b64);
    let saved = if writes_exec { new } else { old };
    if narrow {
        wave.set_sgpr(inst.dst, saved as u32)?;
        wave.set_sgpr(EXEC, new as u32)?;
        wave.scc = new as u32 != 0;
    } else {
        wave.set_sgpr64(inst.dst, saved)?;
        wave.set_sgpr64(EXEC, new)?;
        wave.scc = new != 0;
    }
    Ok(())
}

fn sopc(wave: &mut Wave, inst: &Inst) -> Done {
    let (a, b) = (wave.scalar(inst.src[0], inst.literal), wave.scalar(inst.src[1], inst.literal));
    let wide = |index: usize| wave.scalar64(inst.src[index], inst.literal, Wide::Unsigned);
    wave.scc = match inst.op {
        s_cmp_eq_i32 | s_cmp_eq_u32 => a == b,
        s_cmp_lg_i32 | s_cmp_lg_u32 => a != b,
        s_cmp_gt_i32 => a as i32 > b as i32,
        s_cmp_ge_i32 => a as i32 >= b as i32,
        s_cmp_lt_i32 => (a as i32) < b as i32,
        s_cmp_le_i32 => a as i32 <= b as i32,
        s_cmp_gt_u32 => a > b,
        s_cmp_ge_u32 => a >= b,
        s_cmp_lt_u32 => a < b,
        s_cmp_le_u32 => a <= b,
        s_cmp_eq_u64 => wide(0) == wide(1),
        s_cmp_lg_u64 => wide(0) != wide(1),
        s_bitcmp0_b32 => a >> (b & 31) & 1 == 0,
        s_bitcmp1_b32 => a >> (b & 31) & 1 == 1,
        s_bitcmp0_b64 => wide(0) >> (b & 63) & 1 == 0,
        s_bitcmp1_b64 => wide(0) >> (b & 63) & 1 == 1,
        _ => return Err(NOT_IMPLEMENTED),
    };
    Ok(())
}

fn sopk(wave: &mut Wave, inst: &Inst) -> Done {
    let a = wave.scalar(inst.dst, 0);
    let (ia, k) = (a as i32, inst.imm);
    let uk = u32::from(k as u16);
    match inst.op {
        s_movk_i32 => wave.set_sgpr(inst.dst, k as u32)?,
        s_cmovk_i32 if wave.scc => wave.set_sgpr(inst.dst, k as u32)?,
        s_cmovk_i32 | s_version => {}
        s_cmpk_eq_i32 => wave.scc = ia == k,
        s_cmpk_lg_i32 => wave.scc = ia != k,
        s_cmpk_gt_i32 => wave.scc = ia > k,
        s_cmpk_ge_i32 => wave.scc = ia >= k,
        s_cmpk_lt_i32 => wave.scc = ia < k,
        s_cmpk_le_i32 => wave.scc = ia <= k,
        s_cmpk_eq_u32 => wave.scc = a == uk,
        s_cmpk_lg_u32 => wave.scc = a != uk,
        s_cmpk_gt_u32 => wave.scc = a > uk,
        s_cmpk_ge_u32 => wave.scc = a >= uk,
        s_cmpk_lt_u32 => wave.scc = a < uk,
        s_cmpk_le_u32 => wave.scc = a <= uk,
        s_addk_i32 => {
            let (sum, overflow) = ia.overflowing_add(k);
            wave.set_sgpr(inst.dst, sum as u32)?;
            wave.scc = overflow;
        }
        s_mulk_i32 => wave.set_sgpr(inst.dst, ia.wrapping_mul(k) as u32)?,
        s_getreg_b32 => {
            let (register, shift, width) = hardware_register(uk);
            let value = match register {
                1 => wave.mode,
                // SH_MEM_BASES: the upper 16 bits of the apertures of scratch and LDS.
                15 => PRIVATE_APERTURE >> 16 | SHARED_APERTURE >> 16 << 16,
                20 => wave.flat_scratch as u32,
                21 => (wave.flat_scratch >> 32) as u32,
                29 => wave.clock as u32,
                _ => return Err(Trap::Unsupported("this hardware register cannot be read")),
            };
            wave.set_sgpr(inst.dst, field(u64::from(value), shift, width) as u32)?;
        }
        s_setreg_b32 => return set_register(wave, uk, a),
        s_setreg_imm32_b32 => return set_register(wave, uk, inst.literal),
        s_call_b64 => {
            wave.set_sgpr64(inst.dst, wave.pc)?;
            wave.branch(inst);
        }
        s_waitcnt_vscnt | s_waitcnt_vmcnt | s_waitcnt_expcnt | s_waitcnt_lgkmcnt => {}
        _ => return Err(NOT_IMPLEMENTED),
    }
    Ok(())
}

/// Id, first bit and number of bits of a hardware register operand.
fn hardware_register(k: u32) -> (u32, u32, u32) {
    (k & 63, k >> 6 & 31, (k >> 11 & 31) + 1)
}

fn set_register(wave: &mut Wave, k: u32, value: u32) -> Done {
    let (register, shift, width) = hardware_register(k);
    let mask = (((1u64 << width) - 1) << shift) as u32;
    let merged = |old: u32| old & !mask | value << shift & mask;
    match register {
        1 => {
            wave.mode = merged(wave.mode);
            if wave.mode & 15 != 0 {
                return Err(Trap::Unsupported("rounding other than to nearest even"));
            }
        }
        20 => wave.flat_scratch = wave.flat_scratch & !0xffff_ffff | u64::from(merged(wave.flat_scratch as u32)),
        21 => {
            wave.flat_scratch =
                wave.flat_scratch & 0xffff_ffff | u64::from(merged((wave.flat_scratch >> 32) as u32)) << 32
        }
        // TRAPSTS: the exceptions that nobody raises.
        3 => {}
        _ => return Err(Trap::Unsupported("this hardware register cannot be written")),
    }
    Ok(())
}

fn sopp(wave: &mut Wave, inst: &Inst) -> Done {
    let taken = match inst.op {
        s_branch => true,
        s_cbranch_scc0 => !wave.scc,
        s_cbranch_scc1 => wave.scc,
        s_cbranch_vccz => wave.mask(VCC) == 0,
        s_cbranch_vccnz => wave.mask(VCC) != 0,
        s_cbranch_execz => wave.exec() == 0,
        s_cbranch_execnz => wave.exec() != 0,
        s_endpgm => {
            wave.ended = true;
            false
        }
        s_barrier => {
            wave.at_barrier = true;
            false
        }
        s_round_mode if inst.imm & 15 != 0 => return Err(Trap::Unsupported("rounding other than to nearest even")),
        s_denorm_mode => {
            wave.mode = wave.mode & !0xf0 | (inst.imm as u32 & 15) << 4;
            false
        }
        s_sleep => {
            wave.yields = true;
            false
        }
        s_icache_inv => {
            wave.icache_inv = true;
            false
        }
        // Waits, hints, and messages to nobody: nothing is in flight here.
        s_nop | s_waitcnt | s_setprio | s_inst_prefetch | s_clause | s_wait_idle | s_waitcnt_depctr | s_round_mode
        | s_wakeup | s_ttracedata | s_ttracedata_imm | s_incperflevel | s_decperflevel => false,
        // MSG_INTERRUPT; the others are for graphics.
        s_sendmsg if inst.imm == 1 => {
            wave.interrupt = Some(wave.scalar(M0, 0));
            wave.yields = true;
            false
        }
        s_sendmsg => return Err(Trap::Unsupported("this message")),
        s_trap if inst.imm & 0xff == DEBUG_TRAP => false,
        s_trap => return Err(Trap::Raised),
        _ => return Err(NOT_IMPLEMENTED),
    };
    if taken {
        wave.branch(inst);
    }
    Ok(())
}
