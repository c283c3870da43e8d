//! What each family of instructions computes. The expected values are worked out by hand from AMD's "RDNA 2 Instruction Set Architecture".

mod isa_harness;

use isa_harness::Expect::{All, Lanes, Wide};
use isa_harness::{check, check_all};
use vgpu::isa::Isa::{Gfx10_1, Gfx10_3};

#[test]
fn scalar_arithmetic_sets_carry_overflow_or_nonzero() {
    let scc = "\ns_cselect_b32 s5, 1, 0\nv_mov_b32 v10, s4\nv_mov_b32 v11, s5";
    let case = |body: &str| format!("{body}{scc}");
    let cases: Vec<(String, u64)> = [
        ("s_mov_b32 s4, -1\ns_add_u32 s4, s4, 2", 1 << 32 | 1),
        ("s_mov_b32 s4, 3\ns_sub_u32 s4, s4, 5", 1 << 32 | 0xffff_fffe),
        ("s_mov_b32 s4, 0x7fffffff\ns_add_i32 s4, s4, 1", 1 << 32 | 0x8000_0000),
        ("s_mov_b32 s4, -1\ns_add_i32 s4, s4, 1", 0),
        ("s_mov_b32 s4, 0x80000000\ns_sub_i32 s4, s4, 1", 1 << 32 | 0x7fff_ffff),
        ("s_mov_b32 s4, -1\ns_add_u32 s5, s4, 1\ns_addc_u32 s4, 5, 6", 12),
        ("s_mov_b32 s4, 0\ns_sub_u32 s5, s4, 1\ns_subb_u32 s4, 9, 3", 5),
        ("s_mov_b32 s4, 0\ns_sub_u32 s5, s4, 1\ns_subb_u32 s4, 3, 3", 1 << 32 | 0xffff_ffff),
        ("s_min_i32 s4, -3, 2", 1 << 32 | 0xffff_fffd),
        ("s_min_u32 s4, -3, 2", 2),
        ("s_max_i32 s4, -3, 2", 2),
        ("s_max_u32 s4, -3, 2", 1 << 32 | 0xffff_fffd),
        ("s_lshl_b32 s4, 3, 33", 1 << 32 | 6),
        ("s_lshr_b32 s4, -16, 28", 1 << 32 | 15),
        ("s_ashr_i32 s4, -16, 2", 1 << 32 | 0xffff_fffc),
        ("s_absdiff_i32 s4, 3, 10", 1 << 32 | 7),
        ("s_lshl3_add_u32 s4, 5, 2", 42),
        ("s_mov_b32 s4, 0xabcd1234\ns_bfe_u32 s4, s4, 0x80004", 1 << 32 | 0x23),
        ("s_mov_b32 s4, 0xf0\ns_bfe_i32 s4, s4, 0x40004", 1 << 32 | 0xffff_ffff),
        ("s_not_b32 s4, -1", 0),
        ("s_bcnt1_i32_b32 s4, 0xf0f0", 1 << 32 | 8),
        ("s_abs_i32 s4, -7", 1 << 32 | 7),
        ("s_andn2_b32 s4, 0xff, 0x0f", 1 << 32 | 0xf0),
        ("s_nor_b32 s4, 0xf0, 0x0f", 1 << 32 | 0xffff_ff00),
        ("s_xnor_b32 s4, 5, 5", 1 << 32 | 0xffff_ffff),
    ]
    .into_iter()
    .map(|(body, want)| (case(body), want))
    .collect();
    let cases: Vec<_> = cases.iter().map(|(body, want)| (body.as_str(), Wide(*want))).collect();
    check_all(&cases);
}

#[test]
fn scalar_bits_are_found_moved_and_multiplied() {
    check_all(&[
        ("s_mov_b64 s[4:5], 0xffffff2e\nv_mov_b32 v10, s4\nv_mov_b32 v11, s5", Wide(0xffff_ff2e)),
        ("s_and_b64 s[4:5], -1, 0x87654321\nv_mov_b32 v10, s4\nv_mov_b32 v11, s5", Wide(0x8765_4321)),
        ("s_mov_b64 s[4:5], -2\nv_mov_b32 v10, s4\nv_mov_b32 v11, s5", Wide(0xffff_ffff_ffff_fffe)),
        ("s_mul_i32 s4, 0x10001, 0x10001\nv_mov_b32 v10, s4", All(0x0002_0001)),
        ("s_mul_hi_u32 s4, -1, -1\nv_mov_b32 v10, s4", All(0xffff_fffe)),
        ("s_mul_hi_i32 s4, -1, 2\nv_mov_b32 v10, s4", All(0xffff_ffff)),
        ("s_ff1_i32_b32 s4, 0x40\nv_mov_b32 v10, s4", All(6)),
        ("s_ff1_i32_b32 s4, 0\nv_mov_b32 v10, s4", All(0xffff_ffff)),
        ("s_ff0_i32_b32 s4, 0x7\nv_mov_b32 v10, s4", All(3)),
        ("s_flbit_i32_b32 s4, 0x0000cccc\nv_mov_b32 v10, s4", All(16)),
        ("s_flbit_i32 s4, 0xffff3333\nv_mov_b32 v10, s4", All(16)),
        ("s_flbit_i32 s4, -1\nv_mov_b32 v10, s4", All(0xffff_ffff)),
        ("s_brev_b32 s4, 0x1\nv_mov_b32 v10, s4", All(0x8000_0000)),
        ("s_sext_i32_i8 s4, 0x80\nv_mov_b32 v10, s4", All(0xffff_ff80)),
        ("s_sext_i32_i16 s4, 0x7fff\nv_mov_b32 v10, s4", All(0x7fff)),
        ("s_bfm_b32 s4, 5, 4\nv_mov_b32 v10, s4", All(0x1f0)),
        ("s_mov_b32 s4, 0\ns_bitset1_b32 s4, 9\nv_mov_b32 v10, s4", All(0x200)),
        ("s_mov_b32 s4, 0x11112222\ns_pack_lh_b32_b16 s4, s4, 0x33334444\nv_mov_b32 v10, s4", All(0x3333_2222)),
        ("s_movk_i32 s4, -5\nv_mov_b32 v10, s4", All(0xffff_fffb)),
        ("s_movk_i32 s4, 7\ns_mulk_i32 s4, -2\nv_mov_b32 v10, s4", All(0xffff_fff2)),
        (
            "s_mov_b64 s[4:5], 0x12345678\ns_lshl_b64 s[4:5], s[4:5], 36\nv_mov_b32 v10, s4\nv_mov_b32 v11, s5",
            Wide(0x2345_6780 << 32),
        ),
        // A literal has no upper half, an inline constant has.
        ("s_mov_b64 s[4:5], 0xffffff2e\nv_mov_b32 v10, s4\nv_mov_b32 v11, s5", Wide(0xffff_ff2e)),
        ("s_not_b64 s[4:5], 0xffffff2e\nv_mov_b32 v10, s4\nv_mov_b32 v11, s5", Wide(!0xffff_ff2e)),
        ("s_mov_b64 s[4:5], -16\ns_ashr_i64 s[4:5], s[4:5], 40\nv_mov_b32 v10, s4\nv_mov_b32 v11, s5", Wide(u64::MAX)),
        (
            "s_mov_b64 s[4:5], -1\ns_bfe_u64 s[4:5], s[4:5], 0x280004\nv_mov_b32 v10, s4\nv_mov_b32 v11, s5",
            Wide((1 << 40) - 1),
        ),
        ("s_bfm_b64 s[4:5], 36, 8\nv_mov_b32 v10, s4\nv_mov_b32 v11, s5", Wide(0xfff_ffff_ff00)),
        (
            "s_bitreplicate_b64_b32 s[4:5], 0x80000005\nv_mov_b32 v10, s4\nv_mov_b32 v11, s5",
            Wide(0xc000_0000_0000_0033),
        ),
        ("s_mov_b32 s5, 0\ns_cmp_gt_i32 s5, -1\ns_cselect_b32 s4, 10, 20\nv_mov_b32 v10, s4", All(10)),
        ("s_mov_b32 s5, 0\ns_cmp_gt_u32 s5, -1\ns_cselect_b32 s4, 10, 20\nv_mov_b32 v10, s4", All(20)),
        ("s_mov_b64 s[4:5], 7\ns_cmp_lg_u64 s[4:5], 7\ns_cselect_b32 s4, 10, 20\nv_mov_b32 v10, s4", All(20)),
        ("s_bitcmp1_b32 0x100, 8\ns_cselect_b32 s4, 10, 20\nv_mov_b32 v10, s4", All(10)),
        ("s_mov_b64 s[4:5], src_shared_base\nv_mov_b32 v10, s4\nv_mov_b32 v11, s5", Wide(1 << 48)),
        ("s_getreg_b32 s4, hwreg(HW_REG_SH_MEM_BASES, 0, 16)\nv_mov_b32 v10, s4", All(2)),
    ]);
}

#[test]
fn saveexec_keeps_the_old_mask_and_narrows_the_new_one() {
    let narrow: &[_] = &[
        (
            "v_cmp_gt_u32 vcc_lo, 4, v0\ns_and_saveexec_b32 s4, vcc_lo\nv_mov_b32 v10, 1\ns_mov_b32 exec_lo, s4\nv_add_nc_u32 v10, v10, 1",
            Lanes(|l| if l < 4 { 2 } else { 1 }),
        ),
        (
            "v_cmp_gt_u32 vcc_lo, 4, v0\ns_andn2_b32 exec_lo, exec_lo, vcc_lo\nv_mov_b32 v10, 1",
            Lanes(|l| u32::from(l >= 4)),
        ),
        ("v_cmp_gt_u32 vcc_lo, 4, v0\ns_mov_b32 s6, vcc_lo\ns_andn2_wrexec_b32 s4, s6\nv_mov_b32 v10, s4", All(0)),
        ("v_cmp_gt_u32 vcc_lo, 4, v0\ns_or_saveexec_b32 s4, vcc_lo\nv_mov_b32 v10, s4", All(0xffff_ffff)),
        ("v_cmpx_eq_u32 7, v0\nv_mov_b32 v10, 5", Lanes(|l| if l == 7 { 5 } else { 0 })),
        ("s_mov_b32 vcc_lo, 0\ns_mov_b32 s4, 3\ns_cbranch_vccnz 1\ns_mov_b32 s4, 4\nv_mov_b32 v10, s4", All(4)),
    ];
    check(Gfx10_3, false, narrow);
    let wide: &[_] = &[
        (
            "v_cmp_lt_u32 vcc, 39, v0\ns_and_saveexec_b64 s[4:5], vcc\nv_mov_b32 v10, 1\ns_mov_b64 exec, s[4:5]",
            Lanes(|l| u32::from(l >= 40)),
        ),
        ("v_cmp_lt_u32 s[4:5], 39, v0\nv_mov_b32 v10, s4\nv_mov_b32 v11, s5", Wide(0xffff_ff00_0000_0000)),
        ("v_cmpx_eq_u32 63, v0\nv_mov_b32 v10, 5", Lanes(|l| if l == 63 { 5 } else { 0 })),
        // A null mask is no register pair: EXEC, the code behind it, stays.
        ("v_mad_u64_u32 v[10:11], null, 2, 3, 4\nv_mov_b32 v11, 1", Wide(1 << 32 | 10)),
    ];
    check(Gfx10_3, true, wide);
    check(Gfx10_1, true, wide);
}

#[test]
fn vector_integers_of_32_bits() {
    check_all(&[
        ("v_add_nc_u32 v10, v0, v0", Lanes(|l| 2 * l)),
        ("v_sub_nc_u32 v10, 5, v0", Lanes(|l| 5u32.wrapping_sub(l))),
        ("v_subrev_nc_u32 v10, 5, v0", Lanes(|l| l.wrapping_sub(5))),
        ("v_add_nc_u32_e64 v10, -2, v0 clamp", Lanes(|l| if l < 2 { 0xffff_fffe + l } else { 0xffff_ffff })),
        ("v_lshlrev_b32 v10, v0, 1", Lanes(|l| 1 << (l % 32))),
        ("v_lshrrev_b32 v10, 4, 0xf00", All(0xf0)),
        ("v_ashrrev_i32 v10, 1, -8", All(0xffff_fffc)),
        ("v_mov_b32 v2, 0xffffff\nv_mul_i32_i24 v10, v2, v2", All(1)),
        ("v_mov_b32 v2, 0xffffff\nv_mul_u32_u24 v10, v2, v2", All(0xfe00_0001)),
        ("v_mov_b32 v2, 0xffffff\nv_mul_hi_u32_u24 v10, v2, v2", All(0xffff)),
        ("v_mul_lo_u32 v10, 0x10001, v0", Lanes(|l| l << 16 | l)),
        ("v_mul_hi_u32 v10, -1, -1", All(0xffff_fffe)),
        ("v_mul_hi_i32 v10, -1, 5", All(0xffff_ffff)),
        ("v_min_i32 v10, -1, 5", All(0xffff_ffff)),
        ("v_max_u32 v10, -1, 5", All(0xffff_ffff)),
        ("v_min3_u32 v10, 7, 3, 5", All(3)),
        ("v_med3_i32 v10, 7, -3, 5", All(5)),
        ("v_bfe_u32 v10, 0xabcd1234, 4, 8", All(0x23)),
        ("v_bfe_i32 v10, 0xf0, 4, 4", All(0xffff_ffff)),
        ("v_mov_b32 v2, 0xff00\nv_bfi_b32 v10, v2, 0x1234, -1", All(0xffff_12ff)),
        ("v_mov_b32 v2, 0x11223344\nv_alignbit_b32 v10, v2, 0x55667788, 8", All(0x4455_6677)),
        ("v_mov_b32 v2, 0x11223344\nv_alignbyte_b32 v10, v2, 0x55667788, 3", All(0x2233_4455)),
        ("v_mov_b32 v2, 0x11223344\nv_mov_b32 v3, 0x55667788\nv_perm_b32 v10, v2, v3, 0x0c040d00", All(0x0044_ff88)),
        ("v_lshl_add_u32 v10, v0, 2, 3", Lanes(|l| 4 * l + 3)),
        ("v_add_lshl_u32 v10, v0, 1, 4", Lanes(|l| 16 * l + 16)),
        ("v_add3_u32 v10, v0, 1, 2", Lanes(|l| l + 3)),
        ("v_lshl_or_b32 v10, v0, 8, 1", Lanes(|l| l << 8 | 1)),
        ("v_and_or_b32 v10, v0, 1, 16", Lanes(|l| l & 1 | 16)),
        ("v_xor3_b32 v10, v0, 3, 5", Lanes(|l| l ^ 6)),
        ("v_xad_u32 v10, v0, 1, 10", Lanes(|l| (l ^ 1) + 10)),
        ("v_sad_u8 v10, 0x01020304, 0, 1", All(11)),
        ("v_sad_u32 v10, 3, 10, 1", All(8)),
        ("v_bcnt_u32_b32 v10, 0xff, 2", All(10)),
        ("v_bfrev_b32 v10, 1", All(0x8000_0000)),
        ("v_ffbh_u32 v10, 0x00010000", All(15)),
        ("v_ffbh_u32 v10, 0", All(0xffff_ffff)),
        ("v_ffbl_b32 v10, 0x00010000", All(16)),
        ("v_ffbh_i32 v10, -2", All(31)),
        ("v_cvt_pk_u16_u32 v10, 0x12345, 7", All(0x0007_ffff)),
        ("v_mbcnt_lo_u32_b32 v10, -1, 0\nv_mbcnt_hi_u32_b32 v10, -1, v10", Lanes(|l| l)),
        (
            "s_mov_b32 vcc_lo, 2\ns_mov_b32 vcc_hi, 0\nv_mov_b32 v2, 9\nv_cndmask_b32 v10, 4, v2",
            Lanes(|l| if l == 1 { 9 } else { 4 }),
        ),
    ]);
}

#[test]
fn carries_go_through_lane_masks() {
    let narrow: &[_] = &[
        (
            "v_mov_b32 v2, -1\nv_add_co_u32 v3, vcc_lo, v2, v0\nv_add_co_ci_u32 v10, vcc_lo, 0, v0, vcc_lo",
            Lanes(|l| if l == 0 { 0 } else { l + 1 }),
        ),
        ("v_sub_co_u32 v3, s4, v0, 5\nv_mov_b32 v10, s4", All(0x1f)),
        ("v_subrev_co_u32 v3, s4, v0, 5\nv_mov_b32 v10, s4", All(0xffff_ffc0)),
        ("v_mov_b32 v2, -1\nv_mov_b32 v3, -1\nv_mad_u64_u32 v[10:11], s4, v2, v2, v[2:3]", Wide(0xffff_fffe_0000_0000)),
        ("v_mov_b32 v2, 6\nv_mov_b32 v3, 0\nv_mad_i64_i32 v[10:11], s4, -2, 4, v[2:3]", Wide((-2i64) as u64)),
    ];
    check(Gfx10_1, false, narrow);
    check(Gfx10_3, false, narrow);
}

#[test]
fn vector_shifts_of_64_bits() {
    check_all(&[
        ("v_mov_b32 v2, 0x87654321\nv_mov_b32 v3, 0\nv_lshlrev_b64 v[10:11], 36, v[2:3]", Wide(0x7654_3210 << 32)),
        ("v_mov_b32 v2, 0\nv_mov_b32 v3, 0x80000000\nv_lshrrev_b64 v[10:11], 60, v[2:3]", Wide(8)),
        ("v_mov_b32 v2, 0\nv_mov_b32 v3, 0x80000000\nv_ashrrev_i64 v[10:11], 60, v[2:3]", Wide(0xffff_ffff_ffff_fff8)),
    ]);
}

#[test]
fn integers_of_16_bits_leave_the_other_half_alone() {
    check_all(&[
        ("v_mov_b32 v10, 0xaaaa0000\nv_mov_b32 v2, 0x1ffff\nv_add_nc_u16 v10, v2, 2", All(0xaaaa_0001)),
        (
            "v_mov_b32 v10, 0xaaaabbbb\nv_mov_b32 v2, 0x00050000\nv_mad_u16 v10, v2, 1, 2 op_sel:[1,0,0,1]",
            All(0x0007_bbbb),
        ),
        ("v_mov_b32 v2, 0x100\nv_mul_lo_u16 v10, 0x1234, v2", All(0x3400)),
        ("v_ashrrev_i16 v10, 4, -256", All(0xfff0)),
        ("v_lshrrev_b16 v10, 4, -256", All(0x0ff0)),
        ("v_max_i16 v10, -1, 1", All(1)),
        ("v_max_u16 v10, -1, 1", All(0xffff)),
        ("v_mad_u16 v10, 3, 5, 7", All(22)),
        ("v_mov_b32 v2, 0x00020003\nv_mov_b32 v3, 0xffff0005\nv_pk_add_u16 v10, v2, v3", All(0x0001_0008)),
        (
            "v_mov_b32 v2, 0x00020003\nv_mov_b32 v3, 0x00070005\nv_pk_mul_lo_u16 v10, v2, v3 op_sel:[1,0] op_sel_hi:[0,1]",
            All(0x0015_000a),
        ),
        ("v_mov_b32 v2, 0xffff0003\nv_mov_b32 v3, 0x00010005\nv_pk_max_i16 v10, v2, v3", All(0x0001_0005)),
        ("v_mov_b32 v2, 0x80000010\nv_pk_lshrrev_b16 v10, 4, v2 op_sel_hi:[0,1]", All(0x0800_0001)),
        ("v_mad_u32_u16 v10, 0xffff, 0xffff, 1", All(0xfffe_0002)),
    ]);
}

#[test]
fn floats_of_32_bits() {
    check_all(&[
        ("v_add_f32 v10, 1.0, 0.5", All(1.5f32.to_bits())),
        ("v_mov_b32 v2, 2.0\nv_sub_f32 v10, 0.5, v2", All((-1.5f32).to_bits())),
        ("v_mov_b32 v2, 2.0\nv_subrev_f32 v10, 0.5, v2", All(1.5f32.to_bits())),
        ("v_mul_f32_e64 v10, -4.0, 0.5", All((-2f32).to_bits())),
        ("v_mul_f32_e64 v10, |-4.0|, -0.5 mul:4", All((-8f32).to_bits())),
        ("v_add_f32_e64 v10, 4.0, 0.5 clamp", All(1f32.to_bits())),
        ("v_add_f32_e64 v10, 1.0, 2.0 div:2", All(1.5f32.to_bits())),
        // A quiet NaN clamps to 0 with DX10_CLAMP.
        ("v_mov_b32 v2, 0x7fc00000\nv_add_f32_e64 v10, v2, 0.5 clamp", All(0)),
        // (1 + 2^-12)^2 - 1 is 2^-11 + 2^-24: the product is not rounded.
        ("v_mov_b32 v2, 0x3f800800\nv_fma_f32 v10, v2, v2, -1.0", All(0x3a00_0400)),
        ("v_mov_b32 v10, 1.0\nv_mov_b32 v2, 2.0\nv_fmac_f32 v10, v2, v2", All(5f32.to_bits())),
        ("v_mov_b32 v2, 2.0\nv_fmamk_f32 v10, v2, 0x40400000, v2", All(8f32.to_bits())),
        ("v_mov_b32 v2, 2.0\nv_fmaak_f32 v10, v2, v2, 0x40400000", All(7f32.to_bits())),
        ("v_min_f32 v10, -1.0, 2.0", All((-1f32).to_bits())),
        ("v_mov_b32 v2, 0x7fc00000\nv_max_f32 v10, 2.0, v2", All(2f32.to_bits())),
        ("v_mov_b32 v2, 0x80000000\nv_min_f32 v10, 0, v2", All(0x8000_0000)),
        ("v_med3_f32 v10, 1.0, 4.0, 2.0", All(2f32.to_bits())),
        ("v_rcp_f32 v10, 4.0", All(0.25f32.to_bits())),
        ("v_rsq_f32 v10, 4.0", All(0.5f32.to_bits())),
        ("v_sqrt_f32 v10, 0x41100000", All(3f32.to_bits())),
        ("v_exp_f32 v10, 4.0", All(16f32.to_bits())),
        ("v_log_f32 v10, 0.5", All((-1f32).to_bits())),
        // A quarter turn.
        ("v_sin_f32 v10, 0x3e800000", All(1f32.to_bits())),
        ("v_cos_f32 v10, 0.5", All((-1f32).to_bits())),
        ("v_floor_f32 v10, 0xbfc00000", All((-2f32).to_bits())),
        ("v_ceil_f32 v10, 0x3fc00000", All(2f32.to_bits())),
        ("v_trunc_f32 v10, 0xbfc00000", All((-1f32).to_bits())),
        ("v_rndne_f32 v10, 0x40200000", All(2f32.to_bits())),
        ("v_fract_f32 v10, 0xbe800000", All(0.75f32.to_bits())),
        ("v_frexp_mant_f32 v10, 0x41400000", All(0.75f32.to_bits())),
        ("v_frexp_exp_i32_f32 v10, 0x41400000", All(4)),
        ("v_ldexp_f32 v10, 1.0, -3", All(0.125f32.to_bits())),
        // The least denormal survives: the mode keeps them.
        ("v_mov_b32 v2, 1\nv_add_f32 v10, v2, v2", All(2)),
        ("s_denorm_mode 0xc\nv_mov_b32 v2, 1\nv_add_f32 v10, v2, v2\ns_denorm_mode 0xf", All(0)),
    ]);
}

#[test]
fn division_helpers_bring_a_quotient_together() {
    // The sequence that LLVM makes of n / d.
    let divide = |n: u32, d: u32| {
        format!(
            "v_mov_b32 v2, {n:#x}\nv_mov_b32 v3, {d:#x}\nv_div_scale_f32 v4, s4, v3, v3, v2\nv_rcp_f32 v5, v4\n\
             v_fma_f32 v6, -v4, v5, 1.0\nv_fmac_f32 v5, v6, v5\nv_div_scale_f32 v6, vcc_lo, v2, v3, v2\nv_mul_f32 v7, v6, v5\n\
             v_fma_f32 v8, -v4, v7, v6\nv_fmac_f32 v7, v8, v5\nv_fma_f32 v4, -v4, v7, v6\nv_div_fmas_f32 v4, v4, v5, v7\n\
             v_div_fixup_f32 v10, v4, v3, v2"
        )
    };
    let cases: Vec<(String, u32)> = [
        (1f32, 3f32, 0x3eaa_aaab),
        (0.0, -5.0, 0x8000_0000),
        (5.0, 0.0, 0x7f80_0000),
        // 2^127 / 2^-20 overflows, 2^-100 / 2^40 is a denormal: 2^-140 = 2^9 * 2^-149.
        (2f32.powi(127), 2f32.powi(-20), 0x7f80_0000),
        (2f32.powi(-100), 2f32.powi(40), 0x200),
        // Both helpers scale: 2^-20 / 2^127 = 2^-147.
        (2f32.powi(-20), 2f32.powi(127), 4),
        // A denormal over one.
        (f32::from_bits(714), 1.0, 714),
        (f32::INFINITY, 2.0, 0x7f80_0000),
        (3.0, f32::INFINITY, 0),
    ]
    .map(|(n, d, want)| (divide(n.to_bits(), d.to_bits()), want))
    .to_vec();
    let cases: Vec<_> = cases.iter().map(|(body, want)| (body.as_str(), All(*want))).collect();
    check(Gfx10_3, false, &cases);
    check(Gfx10_1, false, &cases);
}

#[test]
fn floats_of_64_bits() {
    check_all(&[
        ("v_add_f64 v[10:11], 1.0, 0.5", Wide(1.5f64.to_bits())),
        ("v_mul_f64 v[10:11], -4.0, 0.5", Wide((-2f64).to_bits())),
        ("v_fma_f64 v[10:11], 2.0, 4.0, -1.0", Wide(7f64.to_bits())),
        ("v_max_f64 v[10:11], -1.0, 0.5", Wide(0.5f64.to_bits())),
        ("v_rcp_f64 v[10:11], 4.0", Wide(0.25f64.to_bits())),
        ("v_sqrt_f64 v[10:11], 4.0", Wide(2f64.to_bits())),
        ("v_cvt_f64_i32 v[10:11], -3", Wide((-3f64).to_bits())),
        ("v_cvt_f64_f32 v[10:11], 0.5", Wide(0.5f64.to_bits())),
        ("v_cvt_f32_f64 v10, 4.0", All(4f32.to_bits())),
        ("v_cvt_i32_f64 v10, -4.0", All(0xffff_fffc)),
        ("v_ldexp_f64 v[10:11], 1.0, 100", Wide(2f64.powi(100).to_bits())),
        ("v_frexp_exp_i32_f64 v10, 4.0", All(3)),
        // A literal is the high word.
        ("v_add_f64 v[10:11], 0x40080000, 1.0", Wide(4f64.to_bits())),
        ("v_trig_preop_f64 v[10:11], 1.0, 0", Wide(0x3fe4_5f30_6dc9_c882)),
    ]);
}

#[test]
fn halves_and_pairs_of_them() {
    check_all(&[
        ("v_mov_b32 v10, 0xaaaa0000\nv_add_f16 v10, 1.0, 0.5", All(0xaaaa_3e00)),
        ("v_mul_f16_e64 v10, 2.0, -4.0", All(0xc800)),
        ("v_fma_f16 v10, 2.0, 2.0, 1.0", All(0x4500)),
        ("v_cvt_f16_f32 v10, 0x477fe000", All(0x7bff)),
        ("v_cvt_f16_f32 v10, 0x477ff000", All(0x7c00)),
        ("v_mov_b32 v2, 0x0001\nv_cvt_f32_f16 v10, v2", All(0x3380_0000)),
        ("v_cvt_pkrtz_f16_f32 v10, 1.0, -2.0", All(0xc000_3c00)),
        ("v_cvt_u16_f16 v10, 4.0", All(4)),
        ("v_mov_b32 v2, 0x40003c00\nv_mov_b32 v3, 0x3c004000\nv_pk_add_f16 v10, v2, v3", All(0x4200_4200)),
        ("v_mov_b32 v2, 0x40003c00\nv_pk_mul_f16 v10, v2, v2 neg_lo:[1,0] neg_hi:[0,1]", All(0xc400_bc00)),
        ("v_mov_b32 v2, 0x40003c00\nv_pk_fma_f16 v10, v2, v2, v2 op_sel:[1,1,1] op_sel_hi:[0,0,0]", All(0x4000_4600)),
        (
            "v_mov_b32 v2, 0x40003c00\nv_fma_mix_f32 v10, v2, v2, 0.5 op_sel:[1,0,0] op_sel_hi:[1,1,0]",
            All(2.5f32.to_bits()),
        ),
        ("v_pack_b32_f16 v10, 1.0, -2.0", All(0xc000_3c00)),
    ]);
}

#[test]
fn conversions_saturate() {
    check_all(&[
        ("v_cvt_u32_f32 v10, -1.0", All(0)),
        ("v_cvt_u32_f32 v10, 0x4f800000", All(0xffff_ffff)),
        ("v_cvt_i32_f32 v10, 0x4f000000", All(0x7fff_ffff)),
        ("v_cvt_i32_f32 v10, 0xcf800000", All(0x8000_0000)),
        ("v_mov_b32 v2, 0x7fc00000\nv_cvt_i32_f32 v10, v2", All(0)),
        ("v_cvt_i32_f32 v10, 0xbfc00000", All(0xffff_ffff)),
        ("v_cvt_f32_i32 v10, -2", All((-2f32).to_bits())),
        ("v_cvt_f32_u32 v10, -1", All(0x4f80_0000)),
        ("v_cvt_f32_ubyte2 v10, 0x00110000", All(17f32.to_bits())),
        ("v_cvt_flr_i32_f32 v10, 0xbfc00000", All(0xffff_fffe)),
    ]);
}

#[test]
fn comparisons_order_numbers_and_know_classes() {
    let narrow: &[_] = &[
        ("v_cmp_lt_i32 s4, -1, v0\nv_mov_b32 v10, s4", All(0xffff_ffff)),
        ("v_cmp_lt_u32 s4, -1, v0\nv_mov_b32 v10, s4", All(0)),
        ("v_mov_b32 v2, 0x8000\nv_cmp_gt_i16 vcc_lo, 0, v2\nv_mov_b32 v10, vcc_lo", All(0xffff_ffff)),
        ("v_mov_b32 v2, 0x7fc00000\nv_cmp_u_f32 vcc_lo, v2, v2\nv_mov_b32 v10, vcc_lo", All(0xffff_ffff)),
        ("v_mov_b32 v2, 0x7fc00000\nv_cmp_nge_f32 vcc_lo, v2, v2\nv_mov_b32 v10, vcc_lo", All(0xffff_ffff)),
        ("v_mov_b32 v2, 0x7fc00000\nv_cmp_lg_f32 vcc_lo, v2, v2\nv_mov_b32 v10, vcc_lo", All(0)),
        ("v_cmp_lt_f32 s4, -1.0, 0\nv_mov_b32 v10, s4", All(0xffff_ffff)),
        ("v_cmp_gt_f32 s4, |-4.0|, 2.0\nv_mov_b32 v10, s4", All(0xffff_ffff)),
        ("v_cmp_eq_f64 s4, 1.0, 1.0\nv_mov_b32 v10, s4", All(0xffff_ffff)),
        ("v_mov_b32 v2, 0\nv_mov_b32 v3, 0x80000000\nv_cmp_lt_i64 s4, v[2:3], 0\nv_mov_b32 v10, s4", All(0xffff_ffff)),
        ("v_mov_b32 v2, 0\nv_mov_b32 v3, 0x80000000\nv_cmp_lt_u64 s4, v[2:3], 1\nv_mov_b32 v10, s4", All(0)),
        // Classes: bit 9 is +infinity, 4 -denormal, 1 quiet NaN.
        ("v_mov_b32 v2, 0x7f800000\nv_cmp_class_f32 s4, v2, 0x200\nv_mov_b32 v10, s4", All(0xffff_ffff)),
        ("v_mov_b32 v2, 0x80000001\nv_cmp_class_f32 s4, v2, 16\nv_mov_b32 v10, s4", All(0xffff_ffff)),
        ("v_mov_b32 v2, 0x7fc00000\nv_cmp_class_f32 s4, v2, 1\nv_mov_b32 v10, s4", All(0)),
        // Lanes that are off compare as 0.
        ("s_mov_b32 exec_lo, 3\nv_cmp_eq_u32 s4, v0, v0\ns_mov_b32 exec_lo, -1\nv_mov_b32 v10, s4", All(3)),
    ];
    check(Gfx10_1, false, narrow);
    check(Gfx10_3, false, narrow);
}

#[test]
fn parts_of_registers_are_selected_by_sdwa() {
    check_all(&[
        (
            "v_mov_b32 v2, 0x44332211\nv_mov_b32 v3, 1\nv_add_nc_u32_sdwa v10, v2, v3 dst_sel:DWORD dst_unused:UNUSED_PAD src0_sel:BYTE_2 src1_sel:DWORD",
            All(0x34),
        ),
        (
            "v_mov_b32 v2, 0x80\nv_mov_b32 v3, 0\nv_add_nc_u32_sdwa v10, sext(v2), v3 dst_sel:DWORD dst_unused:UNUSED_PAD src0_sel:BYTE_0 src1_sel:DWORD",
            All(0xffff_ff80),
        ),
        (
            "v_mov_b32 v10, 0xaabbccdd\nv_mov_b32 v2, 0x11\nv_mov_b32_sdwa v10, v2 dst_sel:BYTE_1 dst_unused:UNUSED_PRESERVE src0_sel:DWORD",
            All(0xaabb_11dd),
        ),
        (
            "v_mov_b32 v10, -1\nv_mov_b32 v2, 0x80\nv_mov_b32_sdwa v10, v2 dst_sel:BYTE_1 dst_unused:UNUSED_SEXT src0_sel:DWORD",
            All(0xffff_8000),
        ),
        (
            "v_mov_b32 v10, -1\nv_mov_b32 v2, 0x12345678\nv_mov_b32_sdwa v10, v2 dst_sel:WORD_1 dst_unused:UNUSED_PAD src0_sel:WORD_1",
            All(0x1234_0000),
        ),
    ]);
}

#[test]
fn lanes_move_by_dpp() {
    check_all(&[
        ("v_mov_b32_dpp v10, v0 quad_perm:[1,0,3,2] row_mask:0xf bank_mask:0xf", Lanes(|l| l ^ 1)),
        (
            "v_mov_b32_dpp v10, v0 row_shr:3 row_mask:0xf bank_mask:0xf bound_ctrl:0",
            Lanes(|l| if l % 16 >= 3 { l - 3 } else { 0 }),
        ),
        (
            "v_mov_b32 v10, 99\nv_mov_b32_dpp v10, v0 row_shr:3 row_mask:0xf bank_mask:0xf",
            Lanes(|l| if l % 16 >= 3 { l - 3 } else { 99 }),
        ),
        (
            "v_mov_b32 v10, 99\nv_mov_b32_dpp v10, v0 row_shl:1 row_mask:0xf bank_mask:0xf",
            Lanes(|l| if l % 16 < 15 { l + 1 } else { 99 }),
        ),
        ("v_mov_b32_dpp v10, v0 row_ror:4 row_mask:0xf bank_mask:0xf", Lanes(|l| l & !15 | (l + 12) & 15)),
        ("v_mov_b32_dpp v10, v0 row_mirror row_mask:0xf bank_mask:0xf", Lanes(|l| l ^ 15)),
        ("v_mov_b32_dpp v10, v0 row_half_mirror row_mask:0xf bank_mask:0xf", Lanes(|l| l ^ 7)),
        ("v_mov_b32_dpp v10, v0 row_share:5 row_mask:0xf bank_mask:0xf", Lanes(|l| l & !15 | 5)),
        ("v_mov_b32_dpp v10, v0 row_xmask:6 row_mask:0xf bank_mask:0xf", Lanes(|l| l ^ 6)),
        (
            "v_mov_b32 v10, 99\nv_mov_b32_dpp v10, v0 row_mirror row_mask:0x1 bank_mask:0x2",
            Lanes(|l| if (4..8).contains(&l) { 15 - l } else { 99 }),
        ),
        ("v_mov_b32_dpp v10, v0 dpp8:[7,6,5,4,3,2,1,0]", Lanes(|l| l ^ 7)),
        (
            "v_mov_b32 v2, 100\nv_add_nc_u32_dpp v10, v0, v2 row_share:2 row_mask:0xf bank_mask:0xf",
            Lanes(|l| (l & !15) + 102),
        ),
    ]);
    check(
        Gfx10_3,
        false,
        &[
            // A source lane that is off reads as 0 with bound_ctrl, or is fetched nevertheless with fi.
            (
                "s_mov_b32 exec_lo, 0x5555\nv_mov_b32_dpp v10, v0 quad_perm:[1,0,3,2] row_mask:0xf bank_mask:0xf bound_ctrl:0",
                All(0),
            ),
            (
                "s_mov_b32 exec_lo, 0x5555\nv_mov_b32_dpp v10, v0 quad_perm:[1,0,3,2] row_mask:0xf bank_mask:0xf fi:1",
                Lanes(|l| if l < 16 && l % 2 == 0 { l + 1 } else { 0 }),
            ),
        ],
    );
}

#[test]
fn single_lanes_are_read_and_written() {
    check_all(&[
        ("v_readlane_b32 s4, v0, 9\nv_mov_b32 v10, s4", All(9)),
        ("v_readfirstlane_b32 s4, v0\nv_mov_b32 v10, s4", All(0)),
        ("s_mov_b32 s4, 77\nv_writelane_b32 v10, s4, 3", Lanes(|l| if l == 3 { 77 } else { 0 })),
        ("s_mov_b32 s4, 0x76543210\ns_mov_b32 s5, 0xfedcba98\nv_permlane16_b32 v10, v0, s5, s4", Lanes(|l| l ^ 8)),
        ("s_mov_b32 s4, 0x76543210\ns_mov_b32 s5, 0xfedcba98\nv_permlanex16_b32 v10, v0, s4, s5", Lanes(|l| l ^ 16)),
        ("s_mov_b32 m0, 3\nv_mov_b32 v7, 5\nv_movrels_b32 v10, v4", All(5)),
        ("s_mov_b32 m0, 3\nv_movreld_b32 v7, v0", Lanes(|l| l)),
        ("s_mov_b32 m0, 2\ns_mov_b32 s6, 9\ns_movrels_b32 s7, s4\nv_mov_b32 v10, s7", All(9)),
        ("v_mov_b32 v2, 5\nv_mov_b32 v10, 6\nv_swap_b32 v2, v10\nv_mov_b32 v11, v2", Wide(6 << 32 | 5)),
    ]);
    check(
        Gfx10_3,
        false,
        &[("s_mov_b32 exec_lo, 0xff00\nv_readfirstlane_b32 s4, v0\ns_mov_b32 exec_lo, -1\nv_mov_b32 v10, s4", All(8))],
    );
}

#[test]
fn lds_is_read_written_and_shared_by_lanes() {
    check_all(&[
        ("ds_write_b32 v1, v0\nv_xor_b32 v2, 4, v1\nds_read_b32 v10, v2", Lanes(|l| l ^ 1)),
        ("v_mov_b32 v2, 0x1234ff80\nds_write_b32 v1, v2\nds_read_i8 v10, v1", All(0xffff_ff80)),
        ("v_mov_b32 v2, 0x1234ff80\nds_write_b32 v1, v2\nds_read_u16 v10, v1 offset:2", All(0x1234)),
        (
            "v_mov_b32 v10, 0xaaaabbbb\nv_mov_b32 v2, 0x1234ff80\nds_write_b32 v1, v2\nds_read_u8_d16_hi v10, v1 offset:3",
            All(0x0012_bbbb),
        ),
        (
            "v_mov_b32 v2, 0\nds_write_b32 v1, v2\nv_mov_b32 v2, 0x5678abcd\nds_write_b8 v1, v2 offset:1\nds_write_b8_d16_hi v1, v2\nds_read_b32 v10, v1",
            All(0xcd78),
        ),
        // Two places, in units of 4 bytes and of 64 of them.
        (
            "v_mov_b32 v2, 7\nv_mov_b32 v3, 8\nv_mov_b32 v4, 0\nds_write2_b32 v4, v2, v3 offset0:3 offset1:5\nds_read2_b32 v[10:11], v4 offset0:5 offset1:3",
            Wide(7 << 32 | 8),
        ),
        (
            "v_mov_b32 v2, 7\nv_mov_b32 v4, 0\nds_write_b32 v4, v2 offset:512\nds_read2st64_b32 v[10:11], v4 offset0:2 offset1:2",
            Wide(7 << 32 | 7),
        ),
        (
            "v_mov_b32 v2, 3\nv_mov_b32 v3, 4\nv_lshlrev_b32 v4, 3, v0\nds_write_b64 v4, v[2:3]\nds_read_b64 v[10:11], v4",
            Wide(4 << 32 | 3),
        ),
        (
            "v_lshlrev_b32 v4, 4, v0\nv_mov_b32 v5, 1\nv_mov_b32 v6, 2\nv_mov_b32 v7, 3\nv_mov_b32 v8, 4\nds_write_b128 v4, v[5:8]\nds_read_b64 v[10:11], v4 offset:8",
            Wide(4 << 32 | 3),
        ),
        ("ds_swizzle_b32 v10, v0 offset:swizzle(BITMASK_PERM, \"00p0i\")", Lanes(|l| l & !31 | l & 4 | (l & 1 ^ 1))),
        ("ds_swizzle_b32 v10, v0 offset:swizzle(QUAD_PERM, 3, 2, 1, 0)", Lanes(|l| l ^ 3)),
        ("v_xor_b32 v2, 20, v1\nds_bpermute_b32 v10, v2, v0", Lanes(|l| l ^ 5)),
        ("v_add_nc_u32 v2, 4, v1\nds_permute_b32 v10, v2, v0", Lanes(|l| l & !31 | (l + 31) & 31)),
    ]);
}

#[test]
fn lds_atomics_return_the_old_value() {
    let set =
        |value: u32, op: &str| format!("v_mov_b32 v2, {value:#x}\nds_write_b32 v1, v2\n{op}\nds_read_b32 v11, v1");
    let cases: Vec<(String, u64)> = [
        (7, "v_mov_b32 v3, 5\nds_add_rtn_u32 v10, v1, v3", 12 << 32 | 7),
        (7, "v_mov_b32 v3, 9\nds_rsub_rtn_u32 v10, v1, v3", 2 << 32 | 7),
        (0xffff_ffff, "v_mov_b32 v3, 5\nds_min_rtn_i32 v10, v1, v3", 0xffff_ffff << 32 | 0xffff_ffff),
        (0xffff_ffff, "v_mov_b32 v3, 5\nds_min_rtn_u32 v10, v1, v3", 5 << 32 | 0xffff_ffff),
        (7, "v_mov_b32 v3, 7\nds_inc_rtn_u32 v10, v1, v3", 7),
        (0, "v_mov_b32 v3, 7\nds_dec_rtn_u32 v10, v1, v3", 7 << 32),
        (7, "v_mov_b32 v3, 5\nds_wrxchg_rtn_b32 v10, v1, v3", 5 << 32 | 7),
        // The first data operand is compared, the second one stored.
        (7, "v_mov_b32 v3, 7\nv_mov_b32 v4, 9\nds_cmpst_rtn_b32 v10, v1, v3, v4", 9 << 32 | 7),
        (7, "v_mov_b32 v3, 8\nv_mov_b32 v4, 9\nds_cmpst_rtn_b32 v10, v1, v3, v4", 7 << 32 | 7),
        (0xff, "v_mov_b32 v3, 0x0f\nv_mov_b32 v4, 0x100\nds_mskor_rtn_b32 v10, v1, v3, v4", 0x1f0 << 32 | 0xff),
        (0x3f80_0000, "v_mov_b32 v3, 0.5\nds_add_rtn_f32 v10, v1, v3", 0x3fc0_0000 << 32 | 0x3f80_0000),
        (0x3f80_0000, "v_mov_b32 v3, 0.5\nds_min_rtn_f32 v10, v1, v3", 0x3f00_0000 << 32 | 0x3f80_0000),
    ]
    .map(|(value, op, want)| (set(value, op), want))
    .to_vec();
    let mut cases: Vec<_> = cases.iter().map(|(body, want)| (body.as_str(), Wide(*want))).collect();
    // All lanes add to one place: their old values are all different.
    cases.push(("v_mov_b32 v2, 0\nds_write_b32 v2, v2\nv_mov_b32 v3, 2\nds_add_rtn_u32 v10, v2, v3", Lanes(|l| 2 * l)));
    cases.push(("v_mov_b32 v2, -1\nv_mov_b32 v3, 0\nv_lshlrev_b32 v4, 3, v0\nds_write_b64 v4, v[2:3]\nv_mov_b32 v2, 1\nds_add_u64 v4, v[2:3]\nds_read_b64 v[10:11], v4", Wide(1 << 32)));
    check_all(&cases);
}

/// DATA holds bytes that count from 0: byte n is n modulo 256.
const DATA: &str = "s_load_dwordx2 s[8:9], s[0:1], 0x8\n";

#[test]
fn global_loads_extend_and_stores_cut() {
    let case = |body: &str| format!("{DATA}{body}");
    let cases: Vec<_> = [
        ("global_load_dword v10, v1, s[8:9]", Lanes(|l| 0x0302_0100 + l * 0x0404_0404)),
        ("global_load_ubyte v10, v0, s[8:9] offset:3", Lanes(|l| l + 3)),
        ("global_load_sbyte v10, v0, s[8:9] offset:128", Lanes(|l| 0xffff_ff80 + l)),
        ("global_load_sshort v10, v0, s[8:9] offset:160", Lanes(|l| 0xffff_a1a0 + l * 0x101)),
        ("v_mov_b32 v10, 0xaaaabbbb\nglobal_load_ubyte_d16 v10, v0, s[8:9]", Lanes(|l| 0xaaaa_0000 + l)),
        ("v_mov_b32 v10, 0xaaaabbbb\nglobal_load_short_d16_hi v10, v0, s[8:9]", Lanes(|l| (0x100 + l * 0x101) << 16 | 0xbbbb)),
        ("v_mov_b32 v2, 1\nglobal_load_dwordx2 v[10:11], v2, s[8:9] offset:-1", Wide(0x0706_0504_0302_0100)),
        ("v_lshlrev_b32 v2, 4, v0\nglobal_load_dwordx4 v[4:7], v2, s[8:9]\nv_mov_b32 v10, v7", Lanes(|l| 0x0f0e_0d0c + (l % 16) * 0x1010_1010)),
        ("v_mov_b32 v2, s8\nv_mov_b32 v3, s9\nv_add_co_u32 v2, vcc_lo, v2, v1\nglobal_load_dword v10, v[2:3], off offset:8", Lanes(|l| 0x0b0a_0908 + l * 0x0404_0404)),
        ("v_mov_b32 v2, s8\nv_mov_b32 v3, s9\nflat_load_dword v10, v[2:3]", All(0x0302_0100)),
        ("s_load_dwordx4 s[12:15], s[8:9], 0x10\nv_mov_b32 v10, s12\nv_mov_b32 v11, s15", Wide(0x1f1e_1d1c_1312_1110)),
        ("s_mov_b32 s12, 7\ns_load_dword s13, s[8:9], s12\nv_mov_b32 v10, s13", All(0x0706_0504)),
        // Lanes 4 and up only: the row does not start with lane 0.
        ("s_mov_b32 exec_lo, 0xf0\nglobal_load_dword v10, v1, s[8:9]", Lanes(|l| if (4..8).contains(&l) { 0x0302_0100 + l * 0x0404_0404 } else { 0 })),
        // Each lane from its own place, back to front.
        ("v_sub_nc_u32 v2, 31, v0\nv_lshlrev_b32 v2, 2, v2\nglobal_load_dword v10, v2, s[8:9]", Lanes(|l| 0x0302_0100 + (31 - l) * 0x0404_0404)),
        ("v_mov_b32 v2, 0x11223344\nglobal_store_byte v1, v2, s[8:9] offset:1048\nglobal_store_byte_d16_hi v1, v2, s[8:9] offset:1049\nglobal_store_short_d16_hi v1, v2, s[8:9] offset:1050\nglobal_load_dword v10, v1, s[8:9] offset:1048", All(0x1122_2244)),
    ]
    .into_iter()
    .map(|(body, want)| (case(body), want))
    .collect::<Vec<_>>();
    let cases: Vec<_> = cases.iter().map(|(body, want)| (body.as_str(), *want)).collect();
    check(Gfx10_1, false, &cases);
    check(Gfx10_3, false, &cases);
}

#[test]
fn global_atomics_return_the_old_value_with_glc_only() {
    let set = |value: u32, op: &str| {
        format!(
            "{DATA}v_mov_b32 v2, {value:#x}\nglobal_store_dword v1, v2, s[8:9]\n{op}\nglobal_load_dword v11, v1, s[8:9]"
        )
    };
    let cases: Vec<(String, u64)> = [
        (7, "v_mov_b32 v3, 5\nglobal_atomic_add v10, v1, v3, s[8:9] glc", 12 << 32 | 7),
        (7, "v_mov_b32 v3, 5\nglobal_atomic_add v1, v3, s[8:9]", 12 << 32),
        (7, "v_mov_b32 v3, 5\nglobal_atomic_sub v10, v1, v3, s[8:9] glc", 2 << 32 | 7),
        (7, "v_mov_b32 v3, -5\nglobal_atomic_smin v10, v1, v3, s[8:9] glc", 0xffff_fffb << 32 | 7),
        (7, "v_mov_b32 v3, -5\nglobal_atomic_umax v10, v1, v3, s[8:9] glc", 0xffff_fffb << 32 | 7),
        (7, "v_mov_b32 v3, 12\nglobal_atomic_xor v10, v1, v3, s[8:9] glc", 11 << 32 | 7),
        // New value first, then the one to compare with.
        (7, "v_mov_b32 v3, 5\nv_mov_b32 v4, 7\nglobal_atomic_cmpswap v10, v1, v[3:4], s[8:9] glc", 5 << 32 | 7),
        (7, "v_mov_b32 v3, 5\nv_mov_b32 v4, 8\nglobal_atomic_cmpswap v10, v1, v[3:4], s[8:9] glc", 7 << 32 | 7),
    ]
    .map(|(value, op, want)| (set(value, op), want))
    .to_vec();
    let mut cases: Vec<_> = cases.iter().map(|(body, want)| (body.as_str(), Wide(*want))).collect();
    let shared = format!(
        "{DATA}v_mov_b32 v2, 0\nglobal_store_dword v2, v2, s[8:9]\nv_mov_b32 v3, 3\nglobal_atomic_add v10, v2, v3, s[8:9] glc"
    );
    cases.push((&shared, Lanes(|l| 3 * l)));
    check(Gfx10_1, false, &cases);
    check(Gfx10_3, false, &cases);
}
