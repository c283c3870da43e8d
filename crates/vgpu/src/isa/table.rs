//! Opcodes of gfx10.1 and gfx10.3, one table for each encoding. The numbers are those of LLVM's assembler, which
//! `tests/isa_encodings.rs` compares them with (published in AMD's "RDNA 2 Instruction Set Architecture", chapter 13).

#![allow(non_camel_case_types)] // the variants are mnemonics

use super::Isa;

/// A mnemonic.
#[rustfmt::skip]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// No instruction has this opcode.
    unknown,
    buffer_atomic_add, buffer_atomic_add_x2, buffer_atomic_and, buffer_atomic_and_x2, buffer_atomic_cmpswap, buffer_atomic_cmpswap_x2,
    buffer_atomic_csub,
    buffer_atomic_dec, buffer_atomic_dec_x2, buffer_atomic_fcmpswap, buffer_atomic_fcmpswap_x2, buffer_atomic_fmax, buffer_atomic_fmax_x2,
    buffer_atomic_fmin, buffer_atomic_fmin_x2, buffer_atomic_inc, buffer_atomic_inc_x2, buffer_atomic_or, buffer_atomic_or_x2, buffer_atomic_smax,
    buffer_atomic_smax_x2, buffer_atomic_smin, buffer_atomic_smin_x2, buffer_atomic_sub, buffer_atomic_sub_x2, buffer_atomic_swap,
    buffer_atomic_swap_x2, buffer_atomic_umax, buffer_atomic_umax_x2, buffer_atomic_umin, buffer_atomic_umin_x2, buffer_atomic_xor,
    buffer_atomic_xor_x2, buffer_gl0_inv, buffer_gl1_inv, buffer_load_dword, buffer_load_dwordx2, buffer_load_dwordx3, buffer_load_dwordx4,
    buffer_load_format_d16_x, buffer_load_format_d16_xy, buffer_load_format_d16_xyz, buffer_load_format_d16_xyzw,
    buffer_load_format_x, buffer_load_format_xy, buffer_load_format_xyz, buffer_load_format_xyzw, buffer_load_sbyte, buffer_load_sbyte_d16,
    buffer_load_sbyte_d16_hi, buffer_load_short_d16, buffer_load_short_d16_hi, buffer_load_sshort, buffer_load_ubyte, buffer_load_ubyte_d16,
    buffer_load_ubyte_d16_hi, buffer_load_ushort, buffer_store_byte, buffer_store_byte_d16_hi, buffer_store_dword, buffer_store_dwordx2,
    buffer_store_dwordx3, buffer_store_dwordx4, buffer_store_format_d16_x, buffer_store_format_d16_xy, buffer_store_format_d16_xyz,
    buffer_store_format_d16_xyzw, buffer_store_format_x, buffer_store_format_xy, buffer_store_format_xyz, buffer_store_format_xyzw,
    buffer_store_short, buffer_store_short_d16_hi, ds_add_f32, ds_add_rtn_f32, ds_add_rtn_u32, ds_add_rtn_u64, ds_add_src2_f32, ds_add_src2_u32,
    ds_add_src2_u64, ds_add_u32, ds_add_u64, ds_and_b32, ds_and_b64, ds_and_rtn_b32, ds_and_rtn_b64, ds_and_src2_b32, ds_and_src2_b64, ds_append,
    ds_bpermute_b32, ds_cmpst_b32, ds_cmpst_b64, ds_cmpst_f32, ds_cmpst_f64, ds_cmpst_rtn_b32, ds_cmpst_rtn_b64, ds_cmpst_rtn_f32, ds_cmpst_rtn_f64,
    ds_condxchg32_rtn_b64, ds_consume, ds_dec_rtn_u32, ds_dec_rtn_u64, ds_dec_src2_u32, ds_dec_src2_u64, ds_dec_u32, ds_dec_u64, ds_gws_barrier,
    ds_gws_init, ds_gws_sema_br, ds_gws_sema_p, ds_gws_sema_release_all, ds_gws_sema_v, ds_inc_rtn_u32, ds_inc_rtn_u64, ds_inc_src2_u32,
    ds_inc_src2_u64, ds_inc_u32, ds_inc_u64, ds_max_f32, ds_max_f64, ds_max_i32, ds_max_i64, ds_max_rtn_f32, ds_max_rtn_f64, ds_max_rtn_i32,
    ds_max_rtn_i64, ds_max_rtn_u32, ds_max_rtn_u64, ds_max_src2_f32, ds_max_src2_f64, ds_max_src2_i32, ds_max_src2_i64, ds_max_src2_u32,
    ds_max_src2_u64, ds_max_u32, ds_max_u64, ds_min_f32, ds_min_f64, ds_min_i32, ds_min_i64, ds_min_rtn_f32, ds_min_rtn_f64, ds_min_rtn_i32,
    ds_min_rtn_i64, ds_min_rtn_u32, ds_min_rtn_u64, ds_min_src2_f32, ds_min_src2_f64, ds_min_src2_i32, ds_min_src2_i64, ds_min_src2_u32,
    ds_min_src2_u64, ds_min_u32, ds_min_u64, ds_mskor_b32, ds_mskor_b64, ds_mskor_rtn_b32, ds_mskor_rtn_b64, ds_nop, ds_or_b32, ds_or_b64,
    ds_or_rtn_b32, ds_or_rtn_b64, ds_or_src2_b32, ds_or_src2_b64, ds_ordered_count, ds_permute_b32, ds_read2_b32, ds_read2_b64, ds_read2st64_b32,
    ds_read2st64_b64, ds_read_addtid_b32, ds_read_b128, ds_read_b32, ds_read_b64, ds_read_b96, ds_read_i16, ds_read_i8, ds_read_i8_d16,
    ds_read_i8_d16_hi, ds_read_u16, ds_read_u16_d16, ds_read_u16_d16_hi, ds_read_u8, ds_read_u8_d16, ds_read_u8_d16_hi, ds_rsub_rtn_u32,
    ds_rsub_rtn_u64, ds_rsub_src2_u32, ds_rsub_src2_u64, ds_rsub_u32, ds_rsub_u64, ds_sub_rtn_u32, ds_sub_rtn_u64, ds_sub_src2_u32, ds_sub_src2_u64,
    ds_sub_u32, ds_sub_u64, ds_swizzle_b32, ds_wrap_rtn_b32, ds_write2_b32, ds_write2_b64, ds_write2st64_b32, ds_write2st64_b64, ds_write_addtid_b32,
    ds_write_b128, ds_write_b16, ds_write_b16_d16_hi, ds_write_b32, ds_write_b64, ds_write_b8, ds_write_b8_d16_hi, ds_write_b96, ds_write_src2_b32,
    ds_write_src2_b64, ds_wrxchg2_rtn_b32, ds_wrxchg2_rtn_b64, ds_wrxchg2st64_rtn_b32, ds_wrxchg2st64_rtn_b64, ds_wrxchg_rtn_b32, ds_wrxchg_rtn_b64,
    ds_xor_b32, ds_xor_b64, ds_xor_rtn_b32, ds_xor_rtn_b64, ds_xor_src2_b32, ds_xor_src2_b64, flat_atomic_add, flat_atomic_add_x2, flat_atomic_and,
    flat_atomic_and_x2, flat_atomic_cmpswap, flat_atomic_cmpswap_x2, flat_atomic_dec, flat_atomic_dec_x2, flat_atomic_fcmpswap,
    flat_atomic_fcmpswap_x2, flat_atomic_fmax, flat_atomic_fmax_x2, flat_atomic_fmin, flat_atomic_fmin_x2, flat_atomic_inc, flat_atomic_inc_x2,
    flat_atomic_or, flat_atomic_or_x2, flat_atomic_smax, flat_atomic_smax_x2, flat_atomic_smin, flat_atomic_smin_x2, flat_atomic_sub,
    flat_atomic_sub_x2, flat_atomic_swap, flat_atomic_swap_x2, flat_atomic_umax, flat_atomic_umax_x2, flat_atomic_umin, flat_atomic_umin_x2,
    flat_atomic_xor, flat_atomic_xor_x2, flat_load_dword, flat_load_dwordx2, flat_load_dwordx3, flat_load_dwordx4, flat_load_sbyte,
    flat_load_sbyte_d16, flat_load_sbyte_d16_hi, flat_load_short_d16, flat_load_short_d16_hi, flat_load_sshort, flat_load_ubyte, flat_load_ubyte_d16,
    flat_load_ubyte_d16_hi, flat_load_ushort, flat_store_byte, flat_store_byte_d16_hi, flat_store_dword, flat_store_dwordx2, flat_store_dwordx3,
    flat_store_dwordx4, flat_store_short, flat_store_short_d16_hi, global_atomic_add, global_atomic_add_x2, global_atomic_and, global_atomic_and_x2,
    global_atomic_cmpswap, global_atomic_cmpswap_x2, global_atomic_csub, global_atomic_dec, global_atomic_dec_x2, global_atomic_fcmpswap,
    global_atomic_fcmpswap_x2, global_atomic_fmax, global_atomic_fmax_x2, global_atomic_fmin, global_atomic_fmin_x2, global_atomic_inc,
    global_atomic_inc_x2, global_atomic_or, global_atomic_or_x2, global_atomic_smax, global_atomic_smax_x2, global_atomic_smin,
    global_atomic_smin_x2, global_atomic_sub, global_atomic_sub_x2, global_atomic_swap, global_atomic_swap_x2, global_atomic_umax,
    global_atomic_umax_x2, global_atomic_umin, global_atomic_umin_x2, global_atomic_xor, global_atomic_xor_x2, global_load_dword,
    global_load_dword_addtid, global_load_dwordx2, global_load_dwordx3, global_load_dwordx4, global_load_sbyte, global_load_sbyte_d16,
    global_load_sbyte_d16_hi, global_load_short_d16, global_load_short_d16_hi, global_load_sshort, global_load_ubyte, global_load_ubyte_d16,
    global_load_ubyte_d16_hi, global_load_ushort, global_store_byte, global_store_byte_d16_hi, global_store_dword, global_store_dword_addtid,
    global_store_dwordx2, global_store_dwordx3, global_store_dwordx4, global_store_short, global_store_short_d16_hi, s_abs_i32, s_absdiff_i32,
    s_add_i32, s_add_u32, s_addc_u32, s_addk_i32, s_and_b32, s_and_b64, s_and_saveexec_b32, s_and_saveexec_b64, s_andn1_saveexec_b32,
    s_andn1_saveexec_b64, s_andn1_wrexec_b32, s_andn1_wrexec_b64, s_andn2_b32, s_andn2_b64, s_andn2_saveexec_b32, s_andn2_saveexec_b64,
    s_andn2_wrexec_b32, s_andn2_wrexec_b64, s_ashr_i32, s_ashr_i64, s_atc_probe, s_atc_probe_buffer, s_atomic_add, s_atomic_add_x2, s_atomic_and,
    s_atomic_and_x2, s_atomic_cmpswap,
    s_atomic_cmpswap_x2, s_atomic_dec, s_atomic_dec_x2, s_atomic_inc, s_atomic_inc_x2, s_atomic_or, s_atomic_or_x2, s_atomic_smax, s_atomic_smax_x2,
    s_atomic_smin, s_atomic_smin_x2, s_atomic_sub, s_atomic_sub_x2, s_atomic_swap, s_atomic_swap_x2, s_atomic_umax, s_atomic_umax_x2, s_atomic_umin,
    s_atomic_umin_x2, s_atomic_xor, s_atomic_xor_x2, s_barrier, s_bcnt0_i32_b32, s_bcnt0_i32_b64, s_bcnt1_i32_b32, s_bcnt1_i32_b64, s_bfe_i32,
    s_bfe_i64, s_bfe_u32, s_bfe_u64, s_bfm_b32, s_bfm_b64, s_bitcmp0_b32, s_bitcmp0_b64, s_bitcmp1_b32, s_bitcmp1_b64, s_bitreplicate_b64_b32,
    s_bitset0_b32, s_bitset0_b64, s_bitset1_b32, s_bitset1_b64, s_branch, s_brev_b32, s_brev_b64, s_buffer_atomic_add, s_buffer_atomic_add_x2,
    s_buffer_atomic_and, s_buffer_atomic_and_x2, s_buffer_atomic_cmpswap, s_buffer_atomic_cmpswap_x2, s_buffer_atomic_dec, s_buffer_atomic_dec_x2,
    s_buffer_atomic_inc, s_buffer_atomic_inc_x2, s_buffer_atomic_or, s_buffer_atomic_or_x2, s_buffer_atomic_smax, s_buffer_atomic_smax_x2,
    s_buffer_atomic_smin, s_buffer_atomic_smin_x2, s_buffer_atomic_sub, s_buffer_atomic_sub_x2, s_buffer_atomic_swap, s_buffer_atomic_swap_x2,
    s_buffer_atomic_umax, s_buffer_atomic_umax_x2, s_buffer_atomic_umin, s_buffer_atomic_umin_x2, s_buffer_atomic_xor, s_buffer_atomic_xor_x2,
    s_buffer_load_dword, s_buffer_load_dwordx16, s_buffer_load_dwordx2, s_buffer_load_dwordx4, s_buffer_load_dwordx8, s_buffer_store_dword,
    s_buffer_store_dwordx2, s_buffer_store_dwordx4, s_call_b64, s_cbranch_cdbgsys, s_cbranch_cdbgsys_and_user, s_cbranch_cdbgsys_or_user,
    s_cbranch_cdbguser, s_cbranch_execnz, s_cbranch_execz, s_cbranch_scc0, s_cbranch_scc1, s_cbranch_vccnz, s_cbranch_vccz, s_clause, s_cmov_b32,
    s_cmov_b64, s_cmovk_i32, s_cmp_eq_i32, s_cmp_eq_u32, s_cmp_eq_u64, s_cmp_ge_i32, s_cmp_ge_u32, s_cmp_gt_i32, s_cmp_gt_u32, s_cmp_le_i32,
    s_cmp_le_u32, s_cmp_lg_i32, s_cmp_lg_u32, s_cmp_lg_u64, s_cmp_lt_i32, s_cmp_lt_u32, s_cmpk_eq_i32, s_cmpk_eq_u32, s_cmpk_ge_i32, s_cmpk_ge_u32,
    s_cmpk_gt_i32, s_cmpk_gt_u32, s_cmpk_le_i32, s_cmpk_le_u32, s_cmpk_lg_i32, s_cmpk_lg_u32, s_cmpk_lt_i32, s_cmpk_lt_u32, s_code_end,
    s_cselect_b32, s_cselect_b64, s_dcache_discard, s_dcache_discard_x2, s_dcache_inv, s_dcache_wb, s_decperflevel, s_denorm_mode, s_endpgm,
    s_endpgm_ordered_ps_done, s_endpgm_saved, s_ff0_i32_b32, s_ff0_i32_b64, s_ff1_i32_b32, s_ff1_i32_b64, s_flbit_i32, s_flbit_i32_b32,
    s_flbit_i32_b64, s_flbit_i32_i64, s_get_waveid_in_workgroup, s_getpc_b64, s_getreg_b32, s_gl1_inv, s_icache_inv, s_incperflevel, s_inst_prefetch,
    s_load_dword, s_load_dwordx16, s_load_dwordx2, s_load_dwordx4, s_load_dwordx8, s_lshl1_add_u32, s_lshl2_add_u32, s_lshl3_add_u32,
    s_lshl4_add_u32, s_lshl_b32, s_lshl_b64, s_lshr_b32, s_lshr_b64, s_max_i32, s_max_u32, s_memrealtime, s_memtime, s_min_i32, s_min_u32, s_mov_b32,
    s_mov_b64, s_movk_i32, s_movreld_b32, s_movreld_b64, s_movrels_b32, s_movrels_b64, s_movrelsd_2_b32, s_mul_hi_i32, s_mul_hi_u32, s_mul_i32,
    s_mulk_i32, s_nand_b32, s_nand_b64, s_nand_saveexec_b32, s_nand_saveexec_b64, s_nop, s_nor_b32, s_nor_b64, s_nor_saveexec_b32,
    s_nor_saveexec_b64, s_not_b32, s_not_b64, s_or_b32, s_or_b64, s_or_saveexec_b32, s_or_saveexec_b64, s_orn1_saveexec_b32, s_orn1_saveexec_b64,
    s_orn2_b32, s_orn2_b64, s_orn2_saveexec_b32, s_orn2_saveexec_b64, s_pack_hh_b32_b16, s_pack_lh_b32_b16, s_pack_ll_b32_b16, s_quadmask_b32,
    s_quadmask_b64, s_rfe_b64, s_round_mode, s_scratch_load_dword, s_scratch_load_dwordx2, s_scratch_load_dwordx4, s_scratch_store_dword,
    s_scratch_store_dwordx2, s_scratch_store_dwordx4, s_sendmsg, s_sendmsghalt, s_sethalt, s_setkill, s_setpc_b64, s_setprio, s_setreg_b32,
    s_setreg_imm32_b32, s_sext_i32_i16, s_sext_i32_i8, s_sleep, s_store_dword, s_store_dwordx2, s_store_dwordx4, s_sub_i32, s_sub_u32, s_subb_u32,
    s_subvector_loop_begin, s_subvector_loop_end, s_swappc_b64, s_trap, s_ttracedata, s_ttracedata_imm, s_version, s_wait_idle, s_waitcnt,
    s_waitcnt_depctr, s_waitcnt_expcnt, s_waitcnt_lgkmcnt, s_waitcnt_vmcnt, s_waitcnt_vscnt, s_wakeup, s_wqm_b32, s_wqm_b64, s_xnor_b32, s_xnor_b64,
    s_xnor_saveexec_b32, s_xnor_saveexec_b64, s_xor_b32, s_xor_b64, s_xor_saveexec_b32, s_xor_saveexec_b64, scratch_load_dword, scratch_load_dwordx2,
    scratch_load_dwordx3, scratch_load_dwordx4, scratch_load_sbyte, scratch_load_sbyte_d16, scratch_load_sbyte_d16_hi, scratch_load_short_d16,
    scratch_load_short_d16_hi, scratch_load_sshort, scratch_load_ubyte, scratch_load_ubyte_d16, scratch_load_ubyte_d16_hi, scratch_load_ushort,
    scratch_store_byte, scratch_store_byte_d16_hi, scratch_store_dword, scratch_store_dwordx2, scratch_store_dwordx3, scratch_store_dwordx4,
    scratch_store_short, scratch_store_short_d16_hi, v_add3_u32, v_add_co_ci_u32, v_add_co_u32, v_add_f16, v_add_f32, v_add_f64, v_add_lshl_u32,
    v_add_nc_i16, v_add_nc_i32, v_add_nc_u16, v_add_nc_u32, v_alignbit_b32, v_alignbyte_b32, v_and_b32, v_and_or_b32, v_ashrrev_i16, v_ashrrev_i32,
    v_ashrrev_i64, v_bcnt_u32_b32, v_bfe_i32, v_bfe_u32, v_bfi_b32, v_bfm_b32, v_bfrev_b32, v_ceil_f16, v_ceil_f32, v_ceil_f64, v_clrexcp,
    v_cmp_class_f16, v_cmp_class_f32, v_cmp_class_f64, v_cmp_eq_f16, v_cmp_eq_f32, v_cmp_eq_f64, v_cmp_eq_i16, v_cmp_eq_i32, v_cmp_eq_i64,
    v_cmp_eq_u16, v_cmp_eq_u32, v_cmp_eq_u64, v_cmp_f_f16, v_cmp_f_f32, v_cmp_f_f64, v_cmp_f_i32, v_cmp_f_i64, v_cmp_f_u32, v_cmp_f_u64,
    v_cmp_ge_f16, v_cmp_ge_f32, v_cmp_ge_f64, v_cmp_ge_i16, v_cmp_ge_i32, v_cmp_ge_i64, v_cmp_ge_u16, v_cmp_ge_u32, v_cmp_ge_u64, v_cmp_gt_f16,
    v_cmp_gt_f32, v_cmp_gt_f64, v_cmp_gt_i16, v_cmp_gt_i32, v_cmp_gt_i64, v_cmp_gt_u16, v_cmp_gt_u32, v_cmp_gt_u64, v_cmp_le_f16, v_cmp_le_f32,
    v_cmp_le_f64, v_cmp_le_i16, v_cmp_le_i32, v_cmp_le_i64, v_cmp_le_u16, v_cmp_le_u32, v_cmp_le_u64, v_cmp_lg_f16, v_cmp_lg_f32, v_cmp_lg_f64,
    v_cmp_lt_f16, v_cmp_lt_f32, v_cmp_lt_f64, v_cmp_lt_i16, v_cmp_lt_i32, v_cmp_lt_i64, v_cmp_lt_u16, v_cmp_lt_u32, v_cmp_lt_u64, v_cmp_ne_i16,
    v_cmp_ne_i32, v_cmp_ne_i64, v_cmp_ne_u16, v_cmp_ne_u32, v_cmp_ne_u64, v_cmp_neq_f16, v_cmp_neq_f32, v_cmp_neq_f64, v_cmp_nge_f16, v_cmp_nge_f32,
    v_cmp_nge_f64, v_cmp_ngt_f16, v_cmp_ngt_f32, v_cmp_ngt_f64, v_cmp_nle_f16, v_cmp_nle_f32, v_cmp_nle_f64, v_cmp_nlg_f16, v_cmp_nlg_f32,
    v_cmp_nlg_f64, v_cmp_nlt_f16, v_cmp_nlt_f32, v_cmp_nlt_f64, v_cmp_o_f16, v_cmp_o_f32, v_cmp_o_f64, v_cmp_t_i32, v_cmp_t_i64, v_cmp_t_u32,
    v_cmp_t_u64, v_cmp_tru_f16, v_cmp_tru_f32, v_cmp_tru_f64, v_cmp_u_f16, v_cmp_u_f32, v_cmp_u_f64, v_cmpx_class_f16, v_cmpx_class_f32,
    v_cmpx_class_f64, v_cmpx_eq_f16, v_cmpx_eq_f32, v_cmpx_eq_f64, v_cmpx_eq_i16, v_cmpx_eq_i32, v_cmpx_eq_i64, v_cmpx_eq_u16, v_cmpx_eq_u32,
    v_cmpx_eq_u64, v_cmpx_f_f16, v_cmpx_f_f32, v_cmpx_f_f64, v_cmpx_f_i32, v_cmpx_f_i64, v_cmpx_f_u32, v_cmpx_f_u64, v_cmpx_ge_f16, v_cmpx_ge_f32,
    v_cmpx_ge_f64, v_cmpx_ge_i16, v_cmpx_ge_i32, v_cmpx_ge_i64, v_cmpx_ge_u16, v_cmpx_ge_u32, v_cmpx_ge_u64, v_cmpx_gt_f16, v_cmpx_gt_f32,
    v_cmpx_gt_f64, v_cmpx_gt_i16, v_cmpx_gt_i32, v_cmpx_gt_i64, v_cmpx_gt_u16, v_cmpx_gt_u32, v_cmpx_gt_u64, v_cmpx_le_f16, v_cmpx_le_f32,
    v_cmpx_le_f64, v_cmpx_le_i16, v_cmpx_le_i32, v_cmpx_le_i64, v_cmpx_le_u16, v_cmpx_le_u32, v_cmpx_le_u64, v_cmpx_lg_f16, v_cmpx_lg_f32,
    v_cmpx_lg_f64, v_cmpx_lt_f16, v_cmpx_lt_f32, v_cmpx_lt_f64, v_cmpx_lt_i16, v_cmpx_lt_i32, v_cmpx_lt_i64, v_cmpx_lt_u16, v_cmpx_lt_u32,
    v_cmpx_lt_u64, v_cmpx_ne_i16, v_cmpx_ne_i32, v_cmpx_ne_i64, v_cmpx_ne_u16, v_cmpx_ne_u32, v_cmpx_ne_u64, v_cmpx_neq_f16, v_cmpx_neq_f32,
    v_cmpx_neq_f64, v_cmpx_nge_f16, v_cmpx_nge_f32, v_cmpx_nge_f64, v_cmpx_ngt_f16, v_cmpx_ngt_f32, v_cmpx_ngt_f64, v_cmpx_nle_f16, v_cmpx_nle_f32,
    v_cmpx_nle_f64, v_cmpx_nlg_f16, v_cmpx_nlg_f32, v_cmpx_nlg_f64, v_cmpx_nlt_f16, v_cmpx_nlt_f32, v_cmpx_nlt_f64, v_cmpx_o_f16, v_cmpx_o_f32,
    v_cmpx_o_f64, v_cmpx_t_i32, v_cmpx_t_i64, v_cmpx_t_u32, v_cmpx_t_u64, v_cmpx_tru_f16, v_cmpx_tru_f32, v_cmpx_tru_f64, v_cmpx_u_f16, v_cmpx_u_f32,
    v_cmpx_u_f64, v_cndmask_b32, v_cos_f16, v_cos_f32, v_cubeid_f32, v_cubema_f32, v_cubesc_f32, v_cubetc_f32, v_cvt_f16_f32, v_cvt_f16_i16,
    v_cvt_f16_u16, v_cvt_f32_f16, v_cvt_f32_f64, v_cvt_f32_i32, v_cvt_f32_u32, v_cvt_f32_ubyte0, v_cvt_f32_ubyte1, v_cvt_f32_ubyte2,
    v_cvt_f32_ubyte3, v_cvt_f64_f32, v_cvt_f64_i32, v_cvt_f64_u32, v_cvt_flr_i32_f32, v_cvt_i16_f16, v_cvt_i32_f32, v_cvt_i32_f64,
    v_cvt_norm_i16_f16, v_cvt_norm_u16_f16, v_cvt_off_f32_i4, v_cvt_pk_i16_i32, v_cvt_pk_u16_u32, v_cvt_pk_u8_f32, v_cvt_pknorm_i16_f16,
    v_cvt_pknorm_i16_f32, v_cvt_pknorm_u16_f16, v_cvt_pknorm_u16_f32, v_cvt_pkrtz_f16_f32, v_cvt_rpi_i32_f32, v_cvt_u16_f16, v_cvt_u32_f32,
    v_cvt_u32_f64, v_div_fixup_f16, v_div_fixup_f32, v_div_fixup_f64, v_div_fmas_f32, v_div_fmas_f64, v_div_scale_f32, v_div_scale_f64,
    v_dot2_f32_f16, v_dot2_i32_i16, v_dot2_u32_u16, v_dot2c_f32_f16, v_dot4_i32_i8, v_dot4_u32_u8, v_dot4c_i32_i8, v_dot8_i32_i4, v_dot8_u32_u4,
    v_exp_f16, v_exp_f32, v_ffbh_i32, v_ffbh_u32, v_ffbl_b32, v_floor_f16, v_floor_f32, v_floor_f64, v_fma_f16, v_fma_f32, v_fma_f64,
    v_fma_legacy_f32, v_fma_mix_f32, v_fma_mixhi_f16, v_fma_mixlo_f16, v_fmaak_f16, v_fmaak_f32, v_fmac_f16, v_fmac_f32, v_fmac_legacy_f32,
    v_fmamk_f16, v_fmamk_f32, v_fract_f16, v_fract_f32, v_fract_f64, v_frexp_exp_i16_f16, v_frexp_exp_i32_f32, v_frexp_exp_i32_f64, v_frexp_mant_f16,
    v_frexp_mant_f32, v_frexp_mant_f64, v_ldexp_f16, v_ldexp_f32, v_ldexp_f64, v_lerp_u8, v_log_f16, v_log_f32, v_lshl_add_u32, v_lshl_or_b32,
    v_lshlrev_b16, v_lshlrev_b32, v_lshlrev_b64, v_lshrrev_b16, v_lshrrev_b32, v_lshrrev_b64, v_mac_f32, v_mac_legacy_f32, v_mad_f32, v_mad_i16,
    v_mad_i32_i16, v_mad_i32_i24, v_mad_i64_i32, v_mad_legacy_f32, v_mad_u16, v_mad_u32_u16, v_mad_u32_u24, v_mad_u64_u32, v_madak_f32, v_madmk_f32,
    v_max3_f16, v_max3_f32, v_max3_i16, v_max3_i32, v_max3_u16, v_max3_u32, v_max_f16, v_max_f32, v_max_f64, v_max_i16, v_max_i32, v_max_u16,
    v_max_u32, v_mbcnt_hi_u32_b32, v_mbcnt_lo_u32_b32, v_med3_f16, v_med3_f32, v_med3_i16, v_med3_i32, v_med3_u16, v_med3_u32, v_min3_f16,
    v_min3_f32, v_min3_i16, v_min3_i32, v_min3_u16, v_min3_u32, v_min_f16, v_min_f32, v_min_f64, v_min_i16, v_min_i32, v_min_u16, v_min_u32,
    v_mov_b32, v_movreld_b32, v_movrels_b32, v_movrelsd_2_b32, v_movrelsd_b32, v_mqsad_pk_u16_u8, v_mqsad_u32_u8, v_msad_u8, v_mul_f16, v_mul_f32,
    v_mul_f64,
    v_mul_hi_i32, v_mul_hi_i32_i24, v_mul_hi_u32, v_mul_hi_u32_u24, v_mul_i32_i24, v_mul_legacy_f32, v_mul_lo_i32, v_mul_lo_u16, v_mul_lo_u32,
    v_mul_u32_u24, v_mullit_f32, v_nop, v_not_b32, v_or3_b32, v_or_b32, v_pack_b32_f16, v_perm_b32, v_permlane16_b32, v_permlanex16_b32, v_pipeflush,
    v_pk_add_f16, v_pk_add_i16, v_pk_add_u16, v_pk_ashrrev_i16, v_pk_fma_f16, v_pk_fmac_f16, v_pk_lshlrev_b16, v_pk_lshrrev_b16, v_pk_mad_i16,
    v_pk_mad_u16, v_pk_max_f16, v_pk_max_i16, v_pk_max_u16, v_pk_min_f16, v_pk_min_i16, v_pk_min_u16, v_pk_mul_f16, v_pk_mul_lo_u16, v_pk_sub_i16,
    v_pk_sub_u16, v_qsad_pk_u16_u8, v_rcp_f16, v_rcp_f32, v_rcp_f64, v_rcp_iflag_f32, v_readfirstlane_b32, v_readlane_b32, v_rndne_f16, v_rndne_f32,
    v_rndne_f64, v_rsq_f16, v_rsq_f32, v_rsq_f64, v_sad_hi_u8, v_sad_u16, v_sad_u32, v_sad_u8, v_sat_pk_u8_i16, v_sin_f16, v_sin_f32, v_sqrt_f16,
    v_sqrt_f32, v_sqrt_f64, v_sub_co_ci_u32, v_sub_co_u32, v_sub_f16, v_sub_f32, v_sub_nc_i16, v_sub_nc_i32, v_sub_nc_u16, v_sub_nc_u32,
    v_subrev_co_ci_u32, v_subrev_co_u32, v_subrev_f16, v_subrev_f32, v_subrev_nc_u32, v_swap_b32, v_swaprel_b32, v_trig_preop_f64, v_trunc_f16,
    v_trunc_f32, v_trunc_f64, v_writelane_b32, v_xad_u32, v_xnor_b32, v_xor3_b32, v_xor_b32,
}

use Op::*;

/// Opcode, mnemonic, and the instruction set that alone has it.
pub type Row = (u16, Op, Option<Isa>);

const ALL: Option<Isa> = None;
const RDNA1: Option<Isa> = Some(Isa::Gfx10_1);
const RDNA2: Option<Isa> = Some(Isa::Gfx10_3);

/// Scalar, one source.
#[rustfmt::skip]
pub const SOP1: &[Row] = &[
    (0x3, s_mov_b32, ALL), (0x4, s_mov_b64, ALL), (0x5, s_cmov_b32, ALL), (0x6, s_cmov_b64, ALL), (0x7, s_not_b32, ALL), (0x8, s_not_b64, ALL),
    (0x9, s_wqm_b32, ALL), (0xa, s_wqm_b64, ALL), (0xb, s_brev_b32, ALL), (0xc, s_brev_b64, ALL), (0xd, s_bcnt0_i32_b32, ALL),
    (0xe, s_bcnt0_i32_b64, ALL), (0xf, s_bcnt1_i32_b32, ALL), (0x10, s_bcnt1_i32_b64, ALL), (0x11, s_ff0_i32_b32, ALL), (0x12, s_ff0_i32_b64, ALL),
    (0x13, s_ff1_i32_b32, ALL), (0x14, s_ff1_i32_b64, ALL), (0x15, s_flbit_i32_b32, ALL), (0x16, s_flbit_i32_b64, ALL), (0x17, s_flbit_i32, ALL),
    (0x18, s_flbit_i32_i64, ALL), (0x19, s_sext_i32_i8, ALL), (0x1a, s_sext_i32_i16, ALL), (0x1b, s_bitset0_b32, ALL), (0x1c, s_bitset0_b64, ALL),
    (0x1d, s_bitset1_b32, ALL), (0x1e, s_bitset1_b64, ALL), (0x1f, s_getpc_b64, ALL), (0x20, s_setpc_b64, ALL), (0x21, s_swappc_b64, ALL),
    (0x22, s_rfe_b64, ALL), (0x24, s_and_saveexec_b64, ALL), (0x25, s_or_saveexec_b64, ALL), (0x26, s_xor_saveexec_b64, ALL),
    (0x27, s_andn2_saveexec_b64, ALL), (0x28, s_orn2_saveexec_b64, ALL), (0x29, s_nand_saveexec_b64, ALL), (0x2a, s_nor_saveexec_b64, ALL),
    (0x2b, s_xnor_saveexec_b64, ALL), (0x2c, s_quadmask_b32, ALL), (0x2d, s_quadmask_b64, ALL), (0x2e, s_movrels_b32, ALL),
    (0x2f, s_movrels_b64, ALL), (0x30, s_movreld_b32, ALL), (0x31, s_movreld_b64, ALL), (0x34, s_abs_i32, ALL), (0x37, s_andn1_saveexec_b64, ALL),
    (0x38, s_orn1_saveexec_b64, ALL), (0x39, s_andn1_wrexec_b64, ALL), (0x3a, s_andn2_wrexec_b64, ALL), (0x3b, s_bitreplicate_b64_b32, ALL),
    (0x3c, s_and_saveexec_b32, ALL), (0x3d, s_or_saveexec_b32, ALL), (0x3e, s_xor_saveexec_b32, ALL), (0x3f, s_andn2_saveexec_b32, ALL),
    (0x40, s_orn2_saveexec_b32, ALL), (0x41, s_nand_saveexec_b32, ALL), (0x42, s_nor_saveexec_b32, ALL), (0x43, s_xnor_saveexec_b32, ALL),
    (0x44, s_andn1_saveexec_b32, ALL), (0x45, s_orn1_saveexec_b32, ALL), (0x46, s_andn1_wrexec_b32, ALL), (0x47, s_andn2_wrexec_b32, ALL),
    (0x49, s_movrelsd_2_b32, ALL),
];

/// Scalar, two sources.
#[rustfmt::skip]
pub const SOP2: &[Row] = &[
    (0x0, s_add_u32, ALL), (0x1, s_sub_u32, ALL), (0x2, s_add_i32, ALL), (0x3, s_sub_i32, ALL), (0x4, s_addc_u32, ALL), (0x5, s_subb_u32, ALL),
    (0x6, s_min_i32, ALL), (0x7, s_min_u32, ALL), (0x8, s_max_i32, ALL), (0x9, s_max_u32, ALL), (0xa, s_cselect_b32, ALL), (0xb, s_cselect_b64, ALL),
    (0xe, s_and_b32, ALL), (0xf, s_and_b64, ALL), (0x10, s_or_b32, ALL), (0x11, s_or_b64, ALL), (0x12, s_xor_b32, ALL), (0x13, s_xor_b64, ALL),
    (0x14, s_andn2_b32, ALL), (0x15, s_andn2_b64, ALL), (0x16, s_orn2_b32, ALL), (0x17, s_orn2_b64, ALL), (0x18, s_nand_b32, ALL),
    (0x19, s_nand_b64, ALL), (0x1a, s_nor_b32, ALL), (0x1b, s_nor_b64, ALL), (0x1c, s_xnor_b32, ALL), (0x1d, s_xnor_b64, ALL),
    (0x1e, s_lshl_b32, ALL), (0x1f, s_lshl_b64, ALL), (0x20, s_lshr_b32, ALL), (0x21, s_lshr_b64, ALL), (0x22, s_ashr_i32, ALL),
    (0x23, s_ashr_i64, ALL), (0x24, s_bfm_b32, ALL), (0x25, s_bfm_b64, ALL), (0x26, s_mul_i32, ALL), (0x27, s_bfe_u32, ALL), (0x28, s_bfe_i32, ALL),
    (0x29, s_bfe_u64, ALL), (0x2a, s_bfe_i64, ALL), (0x2c, s_absdiff_i32, ALL), (0x2e, s_lshl1_add_u32, ALL), (0x2f, s_lshl2_add_u32, ALL),
    (0x30, s_lshl3_add_u32, ALL), (0x31, s_lshl4_add_u32, ALL), (0x32, s_pack_ll_b32_b16, ALL), (0x33, s_pack_lh_b32_b16, ALL),
    (0x34, s_pack_hh_b32_b16, ALL), (0x35, s_mul_hi_u32, ALL), (0x36, s_mul_hi_i32, ALL),
];

/// Scalar with a 16-bit constant.
#[rustfmt::skip]
pub const SOPK: &[Row] = &[
    (0x0, s_movk_i32, ALL), (0x1, s_version, ALL), (0x2, s_cmovk_i32, ALL), (0x3, s_cmpk_eq_i32, ALL), (0x4, s_cmpk_lg_i32, ALL),
    (0x5, s_cmpk_gt_i32, ALL), (0x6, s_cmpk_ge_i32, ALL), (0x7, s_cmpk_lt_i32, ALL), (0x8, s_cmpk_le_i32, ALL), (0x9, s_cmpk_eq_u32, ALL),
    (0xa, s_cmpk_lg_u32, ALL), (0xb, s_cmpk_gt_u32, ALL), (0xc, s_cmpk_ge_u32, ALL), (0xd, s_cmpk_lt_u32, ALL), (0xe, s_cmpk_le_u32, ALL),
    (0xf, s_addk_i32, ALL), (0x10, s_mulk_i32, ALL), (0x12, s_getreg_b32, ALL), (0x13, s_setreg_b32, ALL), (0x15, s_setreg_imm32_b32, ALL),
    (0x16, s_call_b64, ALL), (0x17, s_waitcnt_vscnt, ALL), (0x18, s_waitcnt_vmcnt, ALL), (0x19, s_waitcnt_expcnt, ALL),
    (0x1a, s_waitcnt_lgkmcnt, ALL), (0x1b, s_subvector_loop_begin, ALL), (0x1c, s_subvector_loop_end, ALL),
];

/// Scalar comparisons.
#[rustfmt::skip]
pub const SOPC: &[Row] = &[
    (0x0, s_cmp_eq_i32, ALL), (0x1, s_cmp_lg_i32, ALL), (0x2, s_cmp_gt_i32, ALL), (0x3, s_cmp_ge_i32, ALL), (0x4, s_cmp_lt_i32, ALL),
    (0x5, s_cmp_le_i32, ALL), (0x6, s_cmp_eq_u32, ALL), (0x7, s_cmp_lg_u32, ALL), (0x8, s_cmp_gt_u32, ALL), (0x9, s_cmp_ge_u32, ALL),
    (0xa, s_cmp_lt_u32, ALL), (0xb, s_cmp_le_u32, ALL), (0xc, s_bitcmp0_b32, ALL), (0xd, s_bitcmp1_b32, ALL), (0xe, s_bitcmp0_b64, ALL),
    (0xf, s_bitcmp1_b64, ALL), (0x12, s_cmp_eq_u64, ALL), (0x13, s_cmp_lg_u64, ALL),
];

/// Program control.
#[rustfmt::skip]
pub const SOPP: &[Row] = &[
    (0x0, s_nop, ALL), (0x1, s_endpgm, ALL), (0x2, s_branch, ALL), (0x3, s_wakeup, ALL), (0x4, s_cbranch_scc0, ALL), (0x5, s_cbranch_scc1, ALL),
    (0x6, s_cbranch_vccz, ALL), (0x7, s_cbranch_vccnz, ALL), (0x8, s_cbranch_execz, ALL), (0x9, s_cbranch_execnz, ALL), (0xa, s_barrier, ALL),
    (0xb, s_setkill, ALL), (0xc, s_waitcnt, ALL), (0xd, s_sethalt, ALL), (0xe, s_sleep, ALL), (0xf, s_setprio, ALL), (0x10, s_sendmsg, ALL),
    (0x11, s_sendmsghalt, ALL), (0x12, s_trap, ALL), (0x13, s_icache_inv, ALL), (0x14, s_incperflevel, ALL), (0x15, s_decperflevel, ALL),
    (0x16, s_ttracedata, ALL), (0x17, s_cbranch_cdbgsys, ALL), (0x18, s_cbranch_cdbguser, ALL), (0x19, s_cbranch_cdbgsys_or_user, ALL),
    (0x1a, s_cbranch_cdbgsys_and_user, ALL), (0x1b, s_endpgm_saved, ALL), (0x1e, s_endpgm_ordered_ps_done, ALL), (0x1f, s_code_end, ALL),
    (0x20, s_inst_prefetch, ALL), (0x21, s_clause, ALL), (0x22, s_wait_idle, ALL), (0x23, s_waitcnt_depctr, ALL), (0x24, s_round_mode, ALL),
    (0x25, s_denorm_mode, ALL), (0x28, s_ttracedata_imm, ALL),
];

/// Scalar memory.
#[rustfmt::skip]
pub const SMEM: &[Row] = &[
    (0x0, s_load_dword, ALL), (0x1, s_load_dwordx2, ALL), (0x2, s_load_dwordx4, ALL), (0x3, s_load_dwordx8, ALL), (0x4, s_load_dwordx16, ALL),
    (0x5, s_scratch_load_dword, RDNA1), (0x6, s_scratch_load_dwordx2, RDNA1), (0x7, s_scratch_load_dwordx4, RDNA1), (0x8, s_buffer_load_dword, ALL),
    (0x9, s_buffer_load_dwordx2, ALL), (0xa, s_buffer_load_dwordx4, ALL), (0xb, s_buffer_load_dwordx8, ALL), (0xc, s_buffer_load_dwordx16, ALL),
    (0x10, s_store_dword, RDNA1), (0x11, s_store_dwordx2, RDNA1), (0x12, s_store_dwordx4, RDNA1), (0x15, s_scratch_store_dword, RDNA1),
    (0x16, s_scratch_store_dwordx2, RDNA1), (0x17, s_scratch_store_dwordx4, RDNA1), (0x18, s_buffer_store_dword, RDNA1),
    (0x19, s_buffer_store_dwordx2, RDNA1), (0x1a, s_buffer_store_dwordx4, RDNA1), (0x1f, s_gl1_inv, ALL), (0x20, s_dcache_inv, ALL),
    (0x21, s_dcache_wb, RDNA1), (0x24, s_memtime, ALL), (0x25, s_memrealtime, ALL), (0x26, s_atc_probe, ALL), (0x27, s_atc_probe_buffer, ALL),
    (0x28, s_dcache_discard, RDNA1),
    (0x29, s_dcache_discard_x2, RDNA1), (0x2a, s_get_waveid_in_workgroup, RDNA1), (0x40, s_buffer_atomic_swap, RDNA1),
    (0x41, s_buffer_atomic_cmpswap, RDNA1), (0x42, s_buffer_atomic_add, RDNA1), (0x43, s_buffer_atomic_sub, RDNA1),
    (0x44, s_buffer_atomic_smin, RDNA1), (0x45, s_buffer_atomic_umin, RDNA1), (0x46, s_buffer_atomic_smax, RDNA1),
    (0x47, s_buffer_atomic_umax, RDNA1), (0x48, s_buffer_atomic_and, RDNA1), (0x49, s_buffer_atomic_or, RDNA1), (0x4a, s_buffer_atomic_xor, RDNA1),
    (0x4b, s_buffer_atomic_inc, RDNA1), (0x4c, s_buffer_atomic_dec, RDNA1), (0x60, s_buffer_atomic_swap_x2, RDNA1),
    (0x61, s_buffer_atomic_cmpswap_x2, RDNA1), (0x62, s_buffer_atomic_add_x2, RDNA1), (0x63, s_buffer_atomic_sub_x2, RDNA1),
    (0x64, s_buffer_atomic_smin_x2, RDNA1), (0x65, s_buffer_atomic_umin_x2, RDNA1), (0x66, s_buffer_atomic_smax_x2, RDNA1),
    (0x67, s_buffer_atomic_umax_x2, RDNA1), (0x68, s_buffer_atomic_and_x2, RDNA1), (0x69, s_buffer_atomic_or_x2, RDNA1),
    (0x6a, s_buffer_atomic_xor_x2, RDNA1), (0x6b, s_buffer_atomic_inc_x2, RDNA1), (0x6c, s_buffer_atomic_dec_x2, RDNA1),
    (0x80, s_atomic_swap, RDNA1), (0x81, s_atomic_cmpswap, RDNA1), (0x82, s_atomic_add, RDNA1), (0x83, s_atomic_sub, RDNA1),
    (0x84, s_atomic_smin, RDNA1), (0x85, s_atomic_umin, RDNA1), (0x86, s_atomic_smax, RDNA1), (0x87, s_atomic_umax, RDNA1),
    (0x88, s_atomic_and, RDNA1), (0x89, s_atomic_or, RDNA1), (0x8a, s_atomic_xor, RDNA1), (0x8b, s_atomic_inc, RDNA1), (0x8c, s_atomic_dec, RDNA1),
    (0xa0, s_atomic_swap_x2, RDNA1), (0xa1, s_atomic_cmpswap_x2, RDNA1), (0xa2, s_atomic_add_x2, RDNA1), (0xa3, s_atomic_sub_x2, RDNA1),
    (0xa4, s_atomic_smin_x2, RDNA1), (0xa5, s_atomic_umin_x2, RDNA1), (0xa6, s_atomic_smax_x2, RDNA1), (0xa7, s_atomic_umax_x2, RDNA1),
    (0xa8, s_atomic_and_x2, RDNA1), (0xa9, s_atomic_or_x2, RDNA1), (0xaa, s_atomic_xor_x2, RDNA1), (0xab, s_atomic_inc_x2, RDNA1),
    (0xac, s_atomic_dec_x2, RDNA1),
];

/// Vector, one source.
#[rustfmt::skip]
pub const VOP1: &[Row] = &[
    (0x0, v_nop, ALL), (0x1, v_mov_b32, ALL), (0x2, v_readfirstlane_b32, ALL), (0x3, v_cvt_i32_f64, ALL), (0x4, v_cvt_f64_i32, ALL),
    (0x5, v_cvt_f32_i32, ALL), (0x6, v_cvt_f32_u32, ALL), (0x7, v_cvt_u32_f32, ALL), (0x8, v_cvt_i32_f32, ALL), (0xa, v_cvt_f16_f32, ALL),
    (0xb, v_cvt_f32_f16, ALL), (0xc, v_cvt_rpi_i32_f32, ALL), (0xd, v_cvt_flr_i32_f32, ALL), (0xe, v_cvt_off_f32_i4, ALL), (0xf, v_cvt_f32_f64, ALL),
    (0x10, v_cvt_f64_f32, ALL), (0x11, v_cvt_f32_ubyte0, ALL), (0x12, v_cvt_f32_ubyte1, ALL), (0x13, v_cvt_f32_ubyte2, ALL),
    (0x14, v_cvt_f32_ubyte3, ALL), (0x15, v_cvt_u32_f64, ALL), (0x16, v_cvt_f64_u32, ALL), (0x17, v_trunc_f64, ALL), (0x18, v_ceil_f64, ALL),
    (0x19, v_rndne_f64, ALL), (0x1a, v_floor_f64, ALL), (0x1b, v_pipeflush, ALL), (0x20, v_fract_f32, ALL), (0x21, v_trunc_f32, ALL),
    (0x22, v_ceil_f32, ALL), (0x23, v_rndne_f32, ALL), (0x24, v_floor_f32, ALL), (0x25, v_exp_f32, ALL), (0x27, v_log_f32, ALL),
    (0x2a, v_rcp_f32, ALL), (0x2b, v_rcp_iflag_f32, ALL), (0x2e, v_rsq_f32, ALL), (0x2f, v_rcp_f64, ALL), (0x31, v_rsq_f64, ALL),
    (0x33, v_sqrt_f32, ALL), (0x34, v_sqrt_f64, ALL), (0x35, v_sin_f32, ALL), (0x36, v_cos_f32, ALL), (0x37, v_not_b32, ALL),
    (0x38, v_bfrev_b32, ALL), (0x39, v_ffbh_u32, ALL), (0x3a, v_ffbl_b32, ALL), (0x3b, v_ffbh_i32, ALL), (0x3c, v_frexp_exp_i32_f64, ALL),
    (0x3d, v_frexp_mant_f64, ALL), (0x3e, v_fract_f64, ALL), (0x3f, v_frexp_exp_i32_f32, ALL), (0x40, v_frexp_mant_f32, ALL), (0x41, v_clrexcp, ALL),
    (0x42, v_movreld_b32, ALL), (0x43, v_movrels_b32, ALL), (0x44, v_movrelsd_b32, ALL), (0x48, v_movrelsd_2_b32, ALL), (0x50, v_cvt_f16_u16, ALL),
    (0x51, v_cvt_f16_i16, ALL), (0x52, v_cvt_u16_f16, ALL), (0x53, v_cvt_i16_f16, ALL), (0x54, v_rcp_f16, ALL), (0x55, v_sqrt_f16, ALL),
    (0x56, v_rsq_f16, ALL), (0x57, v_log_f16, ALL), (0x58, v_exp_f16, ALL), (0x59, v_frexp_mant_f16, ALL), (0x5a, v_frexp_exp_i16_f16, ALL),
    (0x5b, v_floor_f16, ALL), (0x5c, v_ceil_f16, ALL), (0x5d, v_trunc_f16, ALL), (0x5e, v_rndne_f16, ALL), (0x5f, v_fract_f16, ALL),
    (0x60, v_sin_f16, ALL), (0x61, v_cos_f16, ALL), (0x62, v_sat_pk_u8_i16, ALL), (0x63, v_cvt_norm_i16_f16, ALL), (0x64, v_cvt_norm_u16_f16, ALL),
    (0x65, v_swap_b32, ALL), (0x68, v_swaprel_b32, ALL),
];

/// Vector, two sources.
#[rustfmt::skip]
pub const VOP2: &[Row] = &[
    (0x1, v_cndmask_b32, ALL), (0x2, v_dot2c_f32_f16, RDNA2), (0x3, v_add_f32, ALL), (0x4, v_sub_f32, ALL), (0x5, v_subrev_f32, ALL),
    (0x6, v_fmac_legacy_f32, RDNA2), (0x6, v_mac_legacy_f32, RDNA1), (0x7, v_mul_legacy_f32, ALL), (0x8, v_mul_f32, ALL), (0x9, v_mul_i32_i24, ALL),
    (0xa, v_mul_hi_i32_i24, ALL), (0xb, v_mul_u32_u24, ALL), (0xc, v_mul_hi_u32_u24, ALL), (0xd, v_dot4c_i32_i8, RDNA2), (0xf, v_min_f32, ALL),
    (0x10, v_max_f32, ALL), (0x11, v_min_i32, ALL), (0x12, v_max_i32, ALL), (0x13, v_min_u32, ALL), (0x14, v_max_u32, ALL),
    (0x16, v_lshrrev_b32, ALL), (0x18, v_ashrrev_i32, ALL), (0x1a, v_lshlrev_b32, ALL), (0x1b, v_and_b32, ALL), (0x1c, v_or_b32, ALL),
    (0x1d, v_xor_b32, ALL), (0x1e, v_xnor_b32, ALL), (0x1f, v_mac_f32, RDNA1), (0x20, v_madmk_f32, RDNA1), (0x21, v_madak_f32, RDNA1),
    (0x25, v_add_nc_u32, ALL), (0x26, v_sub_nc_u32, ALL), (0x27, v_subrev_nc_u32, ALL), (0x28, v_add_co_ci_u32, ALL), (0x29, v_sub_co_ci_u32, ALL),
    (0x2a, v_subrev_co_ci_u32, ALL), (0x2b, v_fmac_f32, ALL), (0x2c, v_fmamk_f32, ALL), (0x2d, v_fmaak_f32, ALL), (0x2f, v_cvt_pkrtz_f16_f32, ALL),
    (0x32, v_add_f16, ALL), (0x33, v_sub_f16, ALL), (0x34, v_subrev_f16, ALL), (0x35, v_mul_f16, ALL), (0x36, v_fmac_f16, ALL),
    (0x37, v_fmamk_f16, ALL), (0x38, v_fmaak_f16, ALL), (0x39, v_max_f16, ALL), (0x3a, v_min_f16, ALL), (0x3b, v_ldexp_f16, ALL),
    (0x3c, v_pk_fmac_f16, ALL),
];

/// Vector comparisons.
#[rustfmt::skip]
pub const VOPC: &[Row] = &[
    (0x0, v_cmp_f_f32, ALL), (0x1, v_cmp_lt_f32, ALL), (0x2, v_cmp_eq_f32, ALL), (0x3, v_cmp_le_f32, ALL), (0x4, v_cmp_gt_f32, ALL),
    (0x5, v_cmp_lg_f32, ALL), (0x6, v_cmp_ge_f32, ALL), (0x7, v_cmp_o_f32, ALL), (0x8, v_cmp_u_f32, ALL), (0x9, v_cmp_nge_f32, ALL),
    (0xa, v_cmp_nlg_f32, ALL), (0xb, v_cmp_ngt_f32, ALL), (0xc, v_cmp_nle_f32, ALL), (0xd, v_cmp_neq_f32, ALL), (0xe, v_cmp_nlt_f32, ALL),
    (0xf, v_cmp_tru_f32, ALL), (0x10, v_cmpx_f_f32, ALL), (0x11, v_cmpx_lt_f32, ALL), (0x12, v_cmpx_eq_f32, ALL), (0x13, v_cmpx_le_f32, ALL),
    (0x14, v_cmpx_gt_f32, ALL), (0x15, v_cmpx_lg_f32, ALL), (0x16, v_cmpx_ge_f32, ALL), (0x17, v_cmpx_o_f32, ALL), (0x18, v_cmpx_u_f32, ALL),
    (0x19, v_cmpx_nge_f32, ALL), (0x1a, v_cmpx_nlg_f32, ALL), (0x1b, v_cmpx_ngt_f32, ALL), (0x1c, v_cmpx_nle_f32, ALL), (0x1d, v_cmpx_neq_f32, ALL),
    (0x1e, v_cmpx_nlt_f32, ALL), (0x1f, v_cmpx_tru_f32, ALL), (0x20, v_cmp_f_f64, ALL), (0x21, v_cmp_lt_f64, ALL), (0x22, v_cmp_eq_f64, ALL),
    (0x23, v_cmp_le_f64, ALL), (0x24, v_cmp_gt_f64, ALL), (0x25, v_cmp_lg_f64, ALL), (0x26, v_cmp_ge_f64, ALL), (0x27, v_cmp_o_f64, ALL),
    (0x28, v_cmp_u_f64, ALL), (0x29, v_cmp_nge_f64, ALL), (0x2a, v_cmp_nlg_f64, ALL), (0x2b, v_cmp_ngt_f64, ALL), (0x2c, v_cmp_nle_f64, ALL),
    (0x2d, v_cmp_neq_f64, ALL), (0x2e, v_cmp_nlt_f64, ALL), (0x2f, v_cmp_tru_f64, ALL), (0x30, v_cmpx_f_f64, ALL), (0x31, v_cmpx_lt_f64, ALL),
    (0x32, v_cmpx_eq_f64, ALL), (0x33, v_cmpx_le_f64, ALL), (0x34, v_cmpx_gt_f64, ALL), (0x35, v_cmpx_lg_f64, ALL), (0x36, v_cmpx_ge_f64, ALL),
    (0x37, v_cmpx_o_f64, ALL), (0x38, v_cmpx_u_f64, ALL), (0x39, v_cmpx_nge_f64, ALL), (0x3a, v_cmpx_nlg_f64, ALL), (0x3b, v_cmpx_ngt_f64, ALL),
    (0x3c, v_cmpx_nle_f64, ALL), (0x3d, v_cmpx_neq_f64, ALL), (0x3e, v_cmpx_nlt_f64, ALL), (0x3f, v_cmpx_tru_f64, ALL), (0x80, v_cmp_f_i32, ALL),
    (0x81, v_cmp_lt_i32, ALL), (0x82, v_cmp_eq_i32, ALL), (0x83, v_cmp_le_i32, ALL), (0x84, v_cmp_gt_i32, ALL), (0x85, v_cmp_ne_i32, ALL),
    (0x86, v_cmp_ge_i32, ALL), (0x87, v_cmp_t_i32, ALL), (0x88, v_cmp_class_f32, ALL), (0x89, v_cmp_lt_i16, ALL), (0x8a, v_cmp_eq_i16, ALL),
    (0x8b, v_cmp_le_i16, ALL), (0x8c, v_cmp_gt_i16, ALL), (0x8d, v_cmp_ne_i16, ALL), (0x8e, v_cmp_ge_i16, ALL), (0x8f, v_cmp_class_f16, ALL),
    (0x90, v_cmpx_f_i32, ALL), (0x91, v_cmpx_lt_i32, ALL), (0x92, v_cmpx_eq_i32, ALL), (0x93, v_cmpx_le_i32, ALL), (0x94, v_cmpx_gt_i32, ALL),
    (0x95, v_cmpx_ne_i32, ALL), (0x96, v_cmpx_ge_i32, ALL), (0x97, v_cmpx_t_i32, ALL), (0x98, v_cmpx_class_f32, ALL), (0x99, v_cmpx_lt_i16, ALL),
    (0x9a, v_cmpx_eq_i16, ALL), (0x9b, v_cmpx_le_i16, ALL), (0x9c, v_cmpx_gt_i16, ALL), (0x9d, v_cmpx_ne_i16, ALL), (0x9e, v_cmpx_ge_i16, ALL),
    (0x9f, v_cmpx_class_f16, ALL), (0xa0, v_cmp_f_i64, ALL), (0xa1, v_cmp_lt_i64, ALL), (0xa2, v_cmp_eq_i64, ALL), (0xa3, v_cmp_le_i64, ALL),
    (0xa4, v_cmp_gt_i64, ALL), (0xa5, v_cmp_ne_i64, ALL), (0xa6, v_cmp_ge_i64, ALL), (0xa7, v_cmp_t_i64, ALL), (0xa8, v_cmp_class_f64, ALL),
    (0xa9, v_cmp_lt_u16, ALL), (0xaa, v_cmp_eq_u16, ALL), (0xab, v_cmp_le_u16, ALL), (0xac, v_cmp_gt_u16, ALL), (0xad, v_cmp_ne_u16, ALL),
    (0xae, v_cmp_ge_u16, ALL), (0xb0, v_cmpx_f_i64, ALL), (0xb1, v_cmpx_lt_i64, ALL), (0xb2, v_cmpx_eq_i64, ALL), (0xb3, v_cmpx_le_i64, ALL),
    (0xb4, v_cmpx_gt_i64, ALL), (0xb5, v_cmpx_ne_i64, ALL), (0xb6, v_cmpx_ge_i64, ALL), (0xb7, v_cmpx_t_i64, ALL), (0xb8, v_cmpx_class_f64, ALL),
    (0xb9, v_cmpx_lt_u16, ALL), (0xba, v_cmpx_eq_u16, ALL), (0xbb, v_cmpx_le_u16, ALL), (0xbc, v_cmpx_gt_u16, ALL), (0xbd, v_cmpx_ne_u16, ALL),
    (0xbe, v_cmpx_ge_u16, ALL), (0xc0, v_cmp_f_u32, ALL), (0xc1, v_cmp_lt_u32, ALL), (0xc2, v_cmp_eq_u32, ALL), (0xc3, v_cmp_le_u32, ALL),
    (0xc4, v_cmp_gt_u32, ALL), (0xc5, v_cmp_ne_u32, ALL), (0xc6, v_cmp_ge_u32, ALL), (0xc7, v_cmp_t_u32, ALL), (0xc8, v_cmp_f_f16, ALL),
    (0xc9, v_cmp_lt_f16, ALL), (0xca, v_cmp_eq_f16, ALL), (0xcb, v_cmp_le_f16, ALL), (0xcc, v_cmp_gt_f16, ALL), (0xcd, v_cmp_lg_f16, ALL),
    (0xce, v_cmp_ge_f16, ALL), (0xcf, v_cmp_o_f16, ALL), (0xd0, v_cmpx_f_u32, ALL), (0xd1, v_cmpx_lt_u32, ALL), (0xd2, v_cmpx_eq_u32, ALL),
    (0xd3, v_cmpx_le_u32, ALL), (0xd4, v_cmpx_gt_u32, ALL), (0xd5, v_cmpx_ne_u32, ALL), (0xd6, v_cmpx_ge_u32, ALL), (0xd7, v_cmpx_t_u32, ALL),
    (0xd8, v_cmpx_f_f16, ALL), (0xd9, v_cmpx_lt_f16, ALL), (0xda, v_cmpx_eq_f16, ALL), (0xdb, v_cmpx_le_f16, ALL), (0xdc, v_cmpx_gt_f16, ALL),
    (0xdd, v_cmpx_lg_f16, ALL), (0xde, v_cmpx_ge_f16, ALL), (0xdf, v_cmpx_o_f16, ALL), (0xe0, v_cmp_f_u64, ALL), (0xe1, v_cmp_lt_u64, ALL),
    (0xe2, v_cmp_eq_u64, ALL), (0xe3, v_cmp_le_u64, ALL), (0xe4, v_cmp_gt_u64, ALL), (0xe5, v_cmp_ne_u64, ALL), (0xe6, v_cmp_ge_u64, ALL),
    (0xe7, v_cmp_t_u64, ALL), (0xe8, v_cmp_u_f16, ALL), (0xe9, v_cmp_nge_f16, ALL), (0xea, v_cmp_nlg_f16, ALL), (0xeb, v_cmp_ngt_f16, ALL),
    (0xec, v_cmp_nle_f16, ALL), (0xed, v_cmp_neq_f16, ALL), (0xee, v_cmp_nlt_f16, ALL), (0xef, v_cmp_tru_f16, ALL), (0xf0, v_cmpx_f_u64, ALL),
    (0xf1, v_cmpx_lt_u64, ALL), (0xf2, v_cmpx_eq_u64, ALL), (0xf3, v_cmpx_le_u64, ALL), (0xf4, v_cmpx_gt_u64, ALL), (0xf5, v_cmpx_ne_u64, ALL),
    (0xf6, v_cmpx_ge_u64, ALL), (0xf7, v_cmpx_t_u64, ALL), (0xf8, v_cmpx_u_f16, ALL), (0xf9, v_cmpx_nge_f16, ALL), (0xfa, v_cmpx_nlg_f16, ALL),
    (0xfb, v_cmpx_ngt_f16, ALL), (0xfc, v_cmpx_nle_f16, ALL), (0xfd, v_cmpx_neq_f16, ALL), (0xfe, v_cmpx_nlt_f16, ALL), (0xff, v_cmpx_tru_f16, ALL),
];

/// Instructions of one or two sources without a VOP3 form.
#[rustfmt::skip]
pub const NO_VOP3: &[Op] = &[
    v_dot2c_f32_f16, v_dot4c_i32_i8, v_fmaak_f16, v_fmaak_f32, v_fmamk_f16, v_fmamk_f32, v_madak_f32, v_madmk_f32, v_pk_fmac_f16,
    v_readfirstlane_b32, v_swap_b32, v_swaprel_b32,
];

/// Vector instructions that exist in the VOP3 encoding only.
#[rustfmt::skip]
pub const VOP3: &[Row] = &[
    (0x140, v_fma_legacy_f32, RDNA2), (0x140, v_mad_legacy_f32, RDNA1), (0x141, v_mad_f32, RDNA1), (0x142, v_mad_i32_i24, ALL),
    (0x143, v_mad_u32_u24, ALL), (0x144, v_cubeid_f32, ALL), (0x145, v_cubesc_f32, ALL), (0x146, v_cubetc_f32, ALL), (0x147, v_cubema_f32, ALL),
    (0x148, v_bfe_u32, ALL), (0x149, v_bfe_i32, ALL), (0x14a, v_bfi_b32, ALL), (0x14b, v_fma_f32, ALL), (0x14c, v_fma_f64, ALL),
    (0x14d, v_lerp_u8, ALL), (0x14e, v_alignbit_b32, ALL), (0x14f, v_alignbyte_b32, ALL), (0x150, v_mullit_f32, ALL), (0x151, v_min3_f32, ALL),
    (0x152, v_min3_i32, ALL), (0x153, v_min3_u32, ALL), (0x154, v_max3_f32, ALL), (0x155, v_max3_i32, ALL), (0x156, v_max3_u32, ALL),
    (0x157, v_med3_f32, ALL), (0x158, v_med3_i32, ALL), (0x159, v_med3_u32, ALL), (0x15a, v_sad_u8, ALL), (0x15b, v_sad_hi_u8, ALL),
    (0x15c, v_sad_u16, ALL), (0x15d, v_sad_u32, ALL), (0x15e, v_cvt_pk_u8_f32, ALL), (0x15f, v_div_fixup_f32, ALL), (0x160, v_div_fixup_f64, ALL),
    (0x164, v_add_f64, ALL), (0x165, v_mul_f64, ALL), (0x166, v_min_f64, ALL), (0x167, v_max_f64, ALL), (0x168, v_ldexp_f64, ALL),
    (0x169, v_mul_lo_u32, ALL), (0x16a, v_mul_hi_u32, ALL), (0x16b, v_mul_lo_i32, RDNA1), (0x16c, v_mul_hi_i32, ALL), (0x16d, v_div_scale_f32, ALL),
    (0x16e, v_div_scale_f64, ALL), (0x16f, v_div_fmas_f32, ALL), (0x170, v_div_fmas_f64, ALL), (0x171, v_msad_u8, ALL),
    (0x172, v_qsad_pk_u16_u8, ALL), (0x173, v_mqsad_pk_u16_u8, ALL), (0x174, v_trig_preop_f64, ALL), (0x175, v_mqsad_u32_u8, ALL),
    (0x176, v_mad_u64_u32, ALL),
    (0x177, v_mad_i64_i32, ALL), (0x178, v_xor3_b32, ALL), (0x2ff, v_lshlrev_b64, ALL), (0x300, v_lshrrev_b64, ALL), (0x301, v_ashrrev_i64, ALL),
    (0x303, v_add_nc_u16, ALL), (0x304, v_sub_nc_u16, ALL), (0x305, v_mul_lo_u16, ALL), (0x307, v_lshrrev_b16, ALL), (0x308, v_ashrrev_i16, ALL),
    (0x309, v_max_u16, ALL), (0x30a, v_max_i16, ALL), (0x30b, v_min_u16, ALL), (0x30c, v_min_i16, ALL), (0x30d, v_add_nc_i16, ALL),
    (0x30e, v_sub_nc_i16, ALL), (0x30f, v_add_co_u32, ALL), (0x310, v_sub_co_u32, ALL), (0x311, v_pack_b32_f16, ALL),
    (0x312, v_cvt_pknorm_i16_f16, ALL), (0x313, v_cvt_pknorm_u16_f16, ALL), (0x314, v_lshlrev_b16, ALL), (0x319, v_subrev_co_u32, ALL),
    (0x340, v_mad_u16, ALL), (0x344, v_perm_b32, ALL), (0x345, v_xad_u32, ALL), (0x346, v_lshl_add_u32, ALL), (0x347, v_add_lshl_u32, ALL),
    (0x34b, v_fma_f16, ALL), (0x351, v_min3_f16, ALL), (0x352, v_min3_i16, ALL), (0x353, v_min3_u16, ALL), (0x354, v_max3_f16, ALL),
    (0x355, v_max3_i16, ALL), (0x356, v_max3_u16, ALL), (0x357, v_med3_f16, ALL), (0x358, v_med3_i16, ALL), (0x359, v_med3_u16, ALL),
    (0x35e, v_mad_i16, ALL), (0x35f, v_div_fixup_f16, ALL), (0x360, v_readlane_b32, ALL), (0x361, v_writelane_b32, ALL), (0x362, v_ldexp_f32, ALL),
    (0x363, v_bfm_b32, ALL), (0x364, v_bcnt_u32_b32, ALL), (0x365, v_mbcnt_lo_u32_b32, ALL), (0x366, v_mbcnt_hi_u32_b32, ALL),
    (0x368, v_cvt_pknorm_i16_f32, ALL), (0x369, v_cvt_pknorm_u16_f32, ALL), (0x36a, v_cvt_pk_u16_u32, ALL), (0x36b, v_cvt_pk_i16_i32, ALL),
    (0x36d, v_add3_u32, ALL), (0x36f, v_lshl_or_b32, ALL), (0x371, v_and_or_b32, ALL), (0x372, v_or3_b32, ALL), (0x373, v_mad_u32_u16, ALL),
    (0x375, v_mad_i32_i16, ALL), (0x376, v_sub_nc_i32, ALL), (0x377, v_permlane16_b32, ALL), (0x378, v_permlanex16_b32, ALL),
    (0x37f, v_add_nc_i32, ALL),
];

/// Packed vector.
#[rustfmt::skip]
pub const VOP3P: &[Row] = &[
    (0x0, v_pk_mad_i16, ALL), (0x1, v_pk_mul_lo_u16, ALL), (0x2, v_pk_add_i16, ALL), (0x3, v_pk_sub_i16, ALL), (0x4, v_pk_lshlrev_b16, ALL),
    (0x5, v_pk_lshrrev_b16, ALL), (0x6, v_pk_ashrrev_i16, ALL), (0x7, v_pk_max_i16, ALL), (0x8, v_pk_min_i16, ALL), (0x9, v_pk_mad_u16, ALL),
    (0xa, v_pk_add_u16, ALL), (0xb, v_pk_sub_u16, ALL), (0xc, v_pk_max_u16, ALL), (0xd, v_pk_min_u16, ALL), (0xe, v_pk_fma_f16, ALL),
    (0xf, v_pk_add_f16, ALL), (0x10, v_pk_mul_f16, ALL), (0x11, v_pk_min_f16, ALL), (0x12, v_pk_max_f16, ALL), (0x13, v_dot2_f32_f16, RDNA2),
    (0x14, v_dot2_i32_i16, RDNA2), (0x15, v_dot2_u32_u16, RDNA2), (0x16, v_dot4_i32_i8, RDNA2), (0x17, v_dot4_u32_u8, RDNA2),
    (0x18, v_dot8_i32_i4, RDNA2), (0x19, v_dot8_u32_u4, RDNA2), (0x20, v_fma_mix_f32, ALL), (0x21, v_fma_mixlo_f16, ALL),
    (0x22, v_fma_mixhi_f16, ALL),
];

/// LDS and GDS.
#[rustfmt::skip]
pub const DS: &[Row] = &[
    (0x0, ds_add_u32, ALL), (0x1, ds_sub_u32, ALL), (0x2, ds_rsub_u32, ALL), (0x3, ds_inc_u32, ALL), (0x4, ds_dec_u32, ALL), (0x5, ds_min_i32, ALL),
    (0x6, ds_max_i32, ALL), (0x7, ds_min_u32, ALL), (0x8, ds_max_u32, ALL), (0x9, ds_and_b32, ALL), (0xa, ds_or_b32, ALL), (0xb, ds_xor_b32, ALL),
    (0xc, ds_mskor_b32, ALL), (0xd, ds_write_b32, ALL), (0xe, ds_write2_b32, ALL), (0xf, ds_write2st64_b32, ALL), (0x10, ds_cmpst_b32, ALL),
    (0x11, ds_cmpst_f32, ALL), (0x12, ds_min_f32, ALL), (0x13, ds_max_f32, ALL), (0x14, ds_nop, ALL), (0x15, ds_add_f32, ALL),
    (0x18, ds_gws_sema_release_all, ALL), (0x19, ds_gws_init, ALL), (0x1a, ds_gws_sema_v, ALL), (0x1b, ds_gws_sema_br, ALL),
    (0x1c, ds_gws_sema_p, ALL), (0x1d, ds_gws_barrier, ALL), (0x1e, ds_write_b8, ALL), (0x1f, ds_write_b16, ALL), (0x20, ds_add_rtn_u32, ALL),
    (0x21, ds_sub_rtn_u32, ALL), (0x22, ds_rsub_rtn_u32, ALL), (0x23, ds_inc_rtn_u32, ALL), (0x24, ds_dec_rtn_u32, ALL), (0x25, ds_min_rtn_i32, ALL),
    (0x26, ds_max_rtn_i32, ALL), (0x27, ds_min_rtn_u32, ALL), (0x28, ds_max_rtn_u32, ALL), (0x29, ds_and_rtn_b32, ALL), (0x2a, ds_or_rtn_b32, ALL),
    (0x2b, ds_xor_rtn_b32, ALL), (0x2c, ds_mskor_rtn_b32, ALL), (0x2d, ds_wrxchg_rtn_b32, ALL), (0x2e, ds_wrxchg2_rtn_b32, ALL),
    (0x2f, ds_wrxchg2st64_rtn_b32, ALL), (0x30, ds_cmpst_rtn_b32, ALL), (0x31, ds_cmpst_rtn_f32, ALL), (0x32, ds_min_rtn_f32, ALL),
    (0x33, ds_max_rtn_f32, ALL), (0x34, ds_wrap_rtn_b32, ALL), (0x35, ds_swizzle_b32, ALL), (0x36, ds_read_b32, ALL), (0x37, ds_read2_b32, ALL),
    (0x38, ds_read2st64_b32, ALL), (0x39, ds_read_i8, ALL), (0x3a, ds_read_u8, ALL), (0x3b, ds_read_i16, ALL), (0x3c, ds_read_u16, ALL),
    (0x3d, ds_consume, ALL), (0x3e, ds_append, ALL), (0x3f, ds_ordered_count, ALL), (0x40, ds_add_u64, ALL), (0x41, ds_sub_u64, ALL),
    (0x42, ds_rsub_u64, ALL), (0x43, ds_inc_u64, ALL), (0x44, ds_dec_u64, ALL), (0x45, ds_min_i64, ALL), (0x46, ds_max_i64, ALL),
    (0x47, ds_min_u64, ALL), (0x48, ds_max_u64, ALL), (0x49, ds_and_b64, ALL), (0x4a, ds_or_b64, ALL), (0x4b, ds_xor_b64, ALL),
    (0x4c, ds_mskor_b64, ALL), (0x4d, ds_write_b64, ALL), (0x4e, ds_write2_b64, ALL), (0x4f, ds_write2st64_b64, ALL), (0x50, ds_cmpst_b64, ALL),
    (0x51, ds_cmpst_f64, ALL), (0x52, ds_min_f64, ALL), (0x53, ds_max_f64, ALL), (0x55, ds_add_rtn_f32, ALL), (0x60, ds_add_rtn_u64, ALL),
    (0x61, ds_sub_rtn_u64, ALL), (0x62, ds_rsub_rtn_u64, ALL), (0x63, ds_inc_rtn_u64, ALL), (0x64, ds_dec_rtn_u64, ALL), (0x65, ds_min_rtn_i64, ALL),
    (0x66, ds_max_rtn_i64, ALL), (0x67, ds_min_rtn_u64, ALL), (0x68, ds_max_rtn_u64, ALL), (0x69, ds_and_rtn_b64, ALL), (0x6a, ds_or_rtn_b64, ALL),
    (0x6b, ds_xor_rtn_b64, ALL), (0x6c, ds_mskor_rtn_b64, ALL), (0x6d, ds_wrxchg_rtn_b64, ALL), (0x6e, ds_wrxchg2_rtn_b64, ALL),
    (0x6f, ds_wrxchg2st64_rtn_b64, ALL), (0x70, ds_cmpst_rtn_b64, ALL), (0x71, ds_cmpst_rtn_f64, ALL), (0x72, ds_min_rtn_f64, ALL),
    (0x73, ds_max_rtn_f64, ALL), (0x76, ds_read_b64, ALL), (0x77, ds_read2_b64, ALL), (0x78, ds_read2st64_b64, ALL),
    (0x7e, ds_condxchg32_rtn_b64, ALL), (0x80, ds_add_src2_u32, RDNA1), (0x81, ds_sub_src2_u32, RDNA1), (0x82, ds_rsub_src2_u32, RDNA1),
    (0x83, ds_inc_src2_u32, RDNA1), (0x84, ds_dec_src2_u32, RDNA1), (0x85, ds_min_src2_i32, RDNA1), (0x86, ds_max_src2_i32, RDNA1),
    (0x87, ds_min_src2_u32, RDNA1), (0x88, ds_max_src2_u32, RDNA1), (0x89, ds_and_src2_b32, RDNA1), (0x8a, ds_or_src2_b32, RDNA1),
    (0x8b, ds_xor_src2_b32, RDNA1), (0x8d, ds_write_src2_b32, RDNA1), (0x92, ds_min_src2_f32, RDNA1), (0x93, ds_max_src2_f32, RDNA1),
    (0x95, ds_add_src2_f32, RDNA1), (0xa0, ds_write_b8_d16_hi, ALL), (0xa1, ds_write_b16_d16_hi, ALL), (0xa2, ds_read_u8_d16, ALL),
    (0xa3, ds_read_u8_d16_hi, ALL), (0xa4, ds_read_i8_d16, ALL), (0xa5, ds_read_i8_d16_hi, ALL), (0xa6, ds_read_u16_d16, ALL),
    (0xa7, ds_read_u16_d16_hi, ALL), (0xb0, ds_write_addtid_b32, ALL), (0xb1, ds_read_addtid_b32, ALL), (0xb2, ds_permute_b32, ALL),
    (0xb3, ds_bpermute_b32, ALL), (0xc0, ds_add_src2_u64, RDNA1), (0xc1, ds_sub_src2_u64, RDNA1), (0xc2, ds_rsub_src2_u64, RDNA1),
    (0xc3, ds_inc_src2_u64, RDNA1), (0xc4, ds_dec_src2_u64, RDNA1), (0xc5, ds_min_src2_i64, RDNA1), (0xc6, ds_max_src2_i64, RDNA1),
    (0xc7, ds_min_src2_u64, RDNA1), (0xc8, ds_max_src2_u64, RDNA1), (0xc9, ds_and_src2_b64, RDNA1), (0xca, ds_or_src2_b64, RDNA1),
    (0xcb, ds_xor_src2_b64, RDNA1), (0xcd, ds_write_src2_b64, RDNA1), (0xd2, ds_min_src2_f64, RDNA1), (0xd3, ds_max_src2_f64, RDNA1),
    (0xde, ds_write_b96, ALL), (0xdf, ds_write_b128, ALL), (0xfe, ds_read_b96, ALL), (0xff, ds_read_b128, ALL),
];

/// Flat memory.
#[rustfmt::skip]
pub const FLAT: &[Row] = &[
    (0x8, flat_load_ubyte, ALL), (0x9, flat_load_sbyte, ALL), (0xa, flat_load_ushort, ALL), (0xb, flat_load_sshort, ALL),
    (0xc, flat_load_dword, ALL), (0xd, flat_load_dwordx2, ALL), (0xe, flat_load_dwordx4, ALL), (0xf, flat_load_dwordx3, ALL),
    (0x18, flat_store_byte, ALL), (0x19, flat_store_byte_d16_hi, ALL), (0x1a, flat_store_short, ALL), (0x1b, flat_store_short_d16_hi, ALL),
    (0x1c, flat_store_dword, ALL), (0x1d, flat_store_dwordx2, ALL), (0x1e, flat_store_dwordx4, ALL), (0x1f, flat_store_dwordx3, ALL),
    (0x20, flat_load_ubyte_d16, ALL), (0x21, flat_load_ubyte_d16_hi, ALL), (0x22, flat_load_sbyte_d16, ALL), (0x23, flat_load_sbyte_d16_hi, ALL),
    (0x24, flat_load_short_d16, ALL), (0x25, flat_load_short_d16_hi, ALL), (0x30, flat_atomic_swap, ALL), (0x31, flat_atomic_cmpswap, ALL),
    (0x32, flat_atomic_add, ALL), (0x33, flat_atomic_sub, ALL), (0x35, flat_atomic_smin, ALL), (0x36, flat_atomic_umin, ALL),
    (0x37, flat_atomic_smax, ALL), (0x38, flat_atomic_umax, ALL), (0x39, flat_atomic_and, ALL), (0x3a, flat_atomic_or, ALL),
    (0x3b, flat_atomic_xor, ALL), (0x3c, flat_atomic_inc, ALL), (0x3d, flat_atomic_dec, ALL), (0x3e, flat_atomic_fcmpswap, ALL),
    (0x3f, flat_atomic_fmin, ALL), (0x40, flat_atomic_fmax, ALL), (0x50, flat_atomic_swap_x2, ALL), (0x51, flat_atomic_cmpswap_x2, ALL),
    (0x52, flat_atomic_add_x2, ALL), (0x53, flat_atomic_sub_x2, ALL), (0x55, flat_atomic_smin_x2, ALL), (0x56, flat_atomic_umin_x2, ALL),
    (0x57, flat_atomic_smax_x2, ALL), (0x58, flat_atomic_umax_x2, ALL), (0x59, flat_atomic_and_x2, ALL), (0x5a, flat_atomic_or_x2, ALL),
    (0x5b, flat_atomic_xor_x2, ALL), (0x5c, flat_atomic_inc_x2, ALL), (0x5d, flat_atomic_dec_x2, ALL), (0x5e, flat_atomic_fcmpswap_x2, ALL),
    (0x5f, flat_atomic_fmin_x2, ALL), (0x60, flat_atomic_fmax_x2, ALL),
];

/// Global memory.
#[rustfmt::skip]
pub const GLOBAL: &[Row] = &[
    (0x8, global_load_ubyte, ALL), (0x9, global_load_sbyte, ALL), (0xa, global_load_ushort, ALL), (0xb, global_load_sshort, ALL),
    (0xc, global_load_dword, ALL), (0xd, global_load_dwordx2, ALL), (0xe, global_load_dwordx4, ALL), (0xf, global_load_dwordx3, ALL),
    (0x16, global_load_dword_addtid, RDNA2), (0x17, global_store_dword_addtid, RDNA2), (0x18, global_store_byte, ALL),
    (0x19, global_store_byte_d16_hi, ALL), (0x1a, global_store_short, ALL), (0x1b, global_store_short_d16_hi, ALL), (0x1c, global_store_dword, ALL),
    (0x1d, global_store_dwordx2, ALL), (0x1e, global_store_dwordx4, ALL), (0x1f, global_store_dwordx3, ALL), (0x20, global_load_ubyte_d16, ALL),
    (0x21, global_load_ubyte_d16_hi, ALL), (0x22, global_load_sbyte_d16, ALL), (0x23, global_load_sbyte_d16_hi, ALL),
    (0x24, global_load_short_d16, ALL), (0x25, global_load_short_d16_hi, ALL), (0x30, global_atomic_swap, ALL), (0x31, global_atomic_cmpswap, ALL),
    (0x32, global_atomic_add, ALL), (0x33, global_atomic_sub, ALL), (0x34, global_atomic_csub, RDNA2), (0x35, global_atomic_smin, ALL),
    (0x36, global_atomic_umin, ALL), (0x37, global_atomic_smax, ALL), (0x38, global_atomic_umax, ALL), (0x39, global_atomic_and, ALL),
    (0x3a, global_atomic_or, ALL), (0x3b, global_atomic_xor, ALL), (0x3c, global_atomic_inc, ALL), (0x3d, global_atomic_dec, ALL),
    (0x3e, global_atomic_fcmpswap, ALL), (0x3f, global_atomic_fmin, ALL), (0x40, global_atomic_fmax, ALL), (0x50, global_atomic_swap_x2, ALL),
    (0x51, global_atomic_cmpswap_x2, ALL), (0x52, global_atomic_add_x2, ALL), (0x53, global_atomic_sub_x2, ALL), (0x55, global_atomic_smin_x2, ALL),
    (0x56, global_atomic_umin_x2, ALL), (0x57, global_atomic_smax_x2, ALL), (0x58, global_atomic_umax_x2, ALL), (0x59, global_atomic_and_x2, ALL),
    (0x5a, global_atomic_or_x2, ALL), (0x5b, global_atomic_xor_x2, ALL), (0x5c, global_atomic_inc_x2, ALL), (0x5d, global_atomic_dec_x2, ALL),
    (0x5e, global_atomic_fcmpswap_x2, ALL), (0x5f, global_atomic_fmin_x2, ALL), (0x60, global_atomic_fmax_x2, ALL),
];

/// Scratch memory.
#[rustfmt::skip]
pub const SCRATCH: &[Row] = &[
    (0x8, scratch_load_ubyte, ALL), (0x9, scratch_load_sbyte, ALL), (0xa, scratch_load_ushort, ALL), (0xb, scratch_load_sshort, ALL),
    (0xc, scratch_load_dword, ALL), (0xd, scratch_load_dwordx2, ALL), (0xe, scratch_load_dwordx4, ALL), (0xf, scratch_load_dwordx3, ALL),
    (0x18, scratch_store_byte, ALL), (0x19, scratch_store_byte_d16_hi, ALL), (0x1a, scratch_store_short, ALL),
    (0x1b, scratch_store_short_d16_hi, ALL), (0x1c, scratch_store_dword, ALL), (0x1d, scratch_store_dwordx2, ALL),
    (0x1e, scratch_store_dwordx4, ALL), (0x1f, scratch_store_dwordx3, ALL), (0x20, scratch_load_ubyte_d16, ALL),
    (0x21, scratch_load_ubyte_d16_hi, ALL), (0x22, scratch_load_sbyte_d16, ALL), (0x23, scratch_load_sbyte_d16_hi, ALL),
    (0x24, scratch_load_short_d16, ALL), (0x25, scratch_load_short_d16_hi, ALL),
];

/// Buffer memory.
#[rustfmt::skip]
pub const MUBUF: &[Row] = &[
    (0x0, buffer_load_format_x, ALL), (0x1, buffer_load_format_xy, ALL), (0x2, buffer_load_format_xyz, ALL), (0x3, buffer_load_format_xyzw, ALL),
    (0x4, buffer_store_format_x, ALL), (0x5, buffer_store_format_xy, ALL), (0x6, buffer_store_format_xyz, ALL), (0x7, buffer_store_format_xyzw, ALL),
    (0x8, buffer_load_ubyte, ALL), (0x9, buffer_load_sbyte, ALL), (0xa, buffer_load_ushort, ALL), (0xb, buffer_load_sshort, ALL),
    (0xc, buffer_load_dword, ALL), (0xd, buffer_load_dwordx2, ALL), (0xe, buffer_load_dwordx4, ALL), (0xf, buffer_load_dwordx3, ALL),
    (0x18, buffer_store_byte, ALL), (0x19, buffer_store_byte_d16_hi, ALL), (0x1a, buffer_store_short, ALL), (0x1b, buffer_store_short_d16_hi, ALL),
    (0x1c, buffer_store_dword, ALL), (0x1d, buffer_store_dwordx2, ALL), (0x1e, buffer_store_dwordx4, ALL), (0x1f, buffer_store_dwordx3, ALL),
    (0x20, buffer_load_ubyte_d16, ALL), (0x21, buffer_load_ubyte_d16_hi, ALL), (0x22, buffer_load_sbyte_d16, ALL),
    (0x23, buffer_load_sbyte_d16_hi, ALL), (0x24, buffer_load_short_d16, ALL), (0x25, buffer_load_short_d16_hi, ALL),
    (0x30, buffer_atomic_swap, ALL), (0x31, buffer_atomic_cmpswap, ALL), (0x32, buffer_atomic_add, ALL), (0x33, buffer_atomic_sub, ALL),
    (0x34, buffer_atomic_csub, RDNA2),
    (0x35, buffer_atomic_smin, ALL), (0x36, buffer_atomic_umin, ALL), (0x37, buffer_atomic_smax, ALL), (0x38, buffer_atomic_umax, ALL),
    (0x39, buffer_atomic_and, ALL), (0x3a, buffer_atomic_or, ALL), (0x3b, buffer_atomic_xor, ALL), (0x3c, buffer_atomic_inc, ALL),
    (0x3d, buffer_atomic_dec, ALL), (0x3e, buffer_atomic_fcmpswap, ALL), (0x3f, buffer_atomic_fmin, ALL), (0x40, buffer_atomic_fmax, ALL),
    (0x50, buffer_atomic_swap_x2, ALL), (0x51, buffer_atomic_cmpswap_x2, ALL), (0x52, buffer_atomic_add_x2, ALL), (0x53, buffer_atomic_sub_x2, ALL),
    (0x55, buffer_atomic_smin_x2, ALL), (0x56, buffer_atomic_umin_x2, ALL), (0x57, buffer_atomic_smax_x2, ALL), (0x58, buffer_atomic_umax_x2, ALL),
    (0x59, buffer_atomic_and_x2, ALL), (0x5a, buffer_atomic_or_x2, ALL), (0x5b, buffer_atomic_xor_x2, ALL), (0x5c, buffer_atomic_inc_x2, ALL),
    (0x5d, buffer_atomic_dec_x2, ALL), (0x5e, buffer_atomic_fcmpswap_x2, ALL), (0x5f, buffer_atomic_fmin_x2, ALL),
    (0x60, buffer_atomic_fmax_x2, ALL), (0x71, buffer_gl0_inv, ALL), (0x72, buffer_gl1_inv, ALL),
    (0x80, buffer_load_format_d16_x, ALL), (0x81, buffer_load_format_d16_xy, ALL), (0x82, buffer_load_format_d16_xyz, ALL),
    (0x83, buffer_load_format_d16_xyzw, ALL), (0x84, buffer_store_format_d16_x, ALL), (0x85, buffer_store_format_d16_xy, ALL),
    (0x86, buffer_store_format_d16_xyz, ALL), (0x87, buffer_store_format_d16_xyzw, ALL),
];
