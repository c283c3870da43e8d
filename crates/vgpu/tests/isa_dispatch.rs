//! What a kernel starts with, how its waves run together, and what stops it.

mod isa_harness;

use isa_harness::{CODE, DATA, KERNARG, Launch, OUT, PACKET, QUEUE, Ram, SCRATCH};
use vgpu::isa::Isa::{Gfx10_1, Gfx10_3};
use vgpu::isa::{Dispatch, Progress, Stop};
use vgpu::mem::{Client, FaultReason, Kind, Scope};

/// The words from OUT on.
fn out(ram: &mut Ram, count: u64) -> Vec<u32> {
    (0..count).map(|index| ram.word(OUT + 4 * index)).collect()
}

fn unsupported(stop: Result<Ram, Stop>) -> String {
    match stop {
        Err(stop @ Stop::Unsupported { .. }) => stop.to_string(),
        other => panic!("not refused: {:?}", other.map(|_| "ran to its end")),
    }
}

#[test]
fn user_sgprs_come_in_their_order_and_work_group_ids_behind_them() {
    // Resource (4), dispatch, queue, kernarg, dispatch id, flat scratch (2 each), private size (1): 15; then ids x, y, z, info, scratch offset.
    let launch = Launch {
        properties: 0x7f,
        user_sgprs: 15,
        group_ids: 0xf,
        private: 64,
        group: [32, 1, 1],
        grid: [96, 2, 3],
        ..Launch::one_wave(Gfx10_3, false)
    };
    // Work-group (2, 1, 2) writes all its scalars.
    let mut text = String::from(
        "s_cmp_lg_u32 s15, 2\ns_cbranch_scc1 end\ns_cmp_lg_u32 s16, 1\ns_cbranch_scc1 end\ns_cmp_lg_u32 s17, 2\ns_cbranch_scc1 end\n\
         s_load_dwordx2 s[30:31], s[8:9], 0x0\nv_mov_b32 v1, 0\n",
    );
    for register in 0..20 {
        text += &format!("v_mov_b32 v2, s{register}\nglobal_store_dword v1, v2, s[30:31] offset:{}\n", 4 * register);
    }
    text += "end:\ns_endpgm\n";
    let mut ram = launch.run(&text).expect("runs");
    let got = out(&mut ram, 20);
    // INDEX_STRIDE, left to the packet processor, says 32 lanes.
    let resource = [SCRATCH as u32, 1 << 31, 0x4000, 2 << 28 | 1 << 23 | 2 << 21];
    assert_eq!(got[..4], resource);
    assert_eq!(got[4..15], [PACKET as u32, 0, QUEUE as u32, 0, KERNARG as u32, 0, 77, 0, SCRATCH as u32, 0, 64]);
    assert_eq!(got[15..18], [2, 1, 2]);
    // First wave of one.
    assert_eq!(got[18], 1 << 31 | 1);
    assert_eq!(got[19] % 0x1000, 0, "a slot of 4 KiB");
    assert!(got[19] < 0x4000);
}

#[test]
fn groups_at_the_end_of_the_grid_are_partial_and_ids_count_in_three_dimensions() {
    for wave64 in [false, true] {
        // 5 x 3 x 2 items in groups of 4 x 2 x 2.
        let launch = Launch { group: [4, 2, 2], grid: [5, 3, 2], group_ids: 7, ..Launch::one_wave(Gfx10_1, wave64) };
        // item = (z * 3 + y) * 5 + x; each item adds 1 to its word and leaves its lane.
        let text = "s_load_dwordx2 s[8:9], s[0:1], 0x0\n\
             s_lshl_b32 s2, s2, 2\ns_lshl_b32 s3, s3, 1\ns_lshl_b32 s4, s4, 1\n\
             v_mbcnt_lo_u32_b32 v6, -1, 0\nv_mbcnt_hi_u32_b32 v6, -1, v6\n\
             v_add_nc_u32 v0, s2, v0\nv_add_nc_u32 v1, s3, v1\nv_add_nc_u32 v2, s4, v2\n\
             v_mul_u32_u24 v3, 3, v2\nv_add_nc_u32 v3, v3, v1\nv_mul_u32_u24 v3, 5, v3\nv_add_nc_u32 v3, v3, v0\n\
             v_lshlrev_b32 v3, 2, v3\nv_mov_b32 v4, 0x100\nv_add_nc_u32 v4, v4, v6\nglobal_atomic_add v3, v4, s[8:9]\ns_endpgm\n";
        let mut ram = launch.run(text).expect("runs");
        for (z, y, x) in (0..30).map(|item| (item / 15, item / 5 % 3, item % 5)) {
            // The last groups are 1 wide and 1 high; lanes count through the group as it is.
            let (width, height) = (if x < 4 { 4 } else { 1 }, if y < 2 { 2 } else { 1 });
            let lane = (z * height + y % 2) * width + x % 4;
            assert_eq!(ram.word(OUT + 4 * u64::from((z * 3 + y) * 5 + x)), 0x100 + lane, "{x} {y} {z}");
        }
        assert_eq!(ram.word(OUT + 4 * 30), 0, "nothing beyond the grid");
    }
}

#[test]
fn a_barrier_holds_until_all_waves_are_there_and_ended_ones_do_not_count() {
    // Four waves of 32; the last one ends at once, the others publish their number, wait, and read their neighbour's.
    let launch = Launch { group: [128, 1, 1], grid: [128, 1, 1], lds: 64, ..Launch::one_wave(Gfx10_3, false) };
    let text = "s_load_dwordx2 s[8:9], s[0:1], 0x0\nv_readfirstlane_b32 s4, v0\ns_lshr_b32 s4, s4, 5\n\
         s_cmp_eq_u32 s4, 3\ns_cbranch_scc1 end\n\
         s_lshl_b32 s5, s4, 2\nv_mov_b32 v1, s5\ns_add_u32 s6, s4, 100\nv_mov_b32 v2, s6\n\
         s_mul_i32 s7, s4, 2000\nwait:\ns_sub_u32 s7, s7, 1\ns_cbranch_scc0 wait\n\
         ds_write_b32 v1, v2\ns_barrier\n\
         s_add_u32 s6, s4, 1\ns_cmp_eq_u32 s6, 3\ns_cselect_b32 s6, 0, s6\ns_lshl_b32 s6, s6, 2\nv_mov_b32 v3, s6\nds_read_b32 v4, v3\n\
         global_store_dword v1, v4, s[8:9]\nend:\ns_endpgm\n";
    let mut ram = launch.run(text).expect("runs");
    assert_eq!(out(&mut ram, 3), [101, 102, 100]);
}

#[test]
fn work_groups_that_wait_for_each_other_make_progress() {
    // Each of 20 groups adds 1 and waits until the sum is 20.
    let launch = Launch { grid: [640, 1, 1], ..Launch::one_wave(Gfx10_3, false) };
    let text = "s_load_dwordx2 s[8:9], s[0:1], 0x0\ns_mov_b32 exec_lo, 1\nv_mov_b32 v1, 0\nv_mov_b32 v2, 1\nglobal_atomic_add v1, v2, s[8:9]\n\
         again:\ns_sleep 1\nglobal_load_dword v3, v1, s[8:9] glc dlc\nv_readfirstlane_b32 s4, v3\ns_cmp_lg_u32 s4, 20\ns_cbranch_scc1 again\n\
         global_atomic_add v1, v2, s[8:9] offset:4\ns_endpgm\n";
    let mut ram = launch.run(text).expect("runs");
    assert_eq!(out(&mut ram, 2), [20, 20]);
}

#[test]
fn calls_return_and_s_call_names_its_distance() {
    let text = "s_load_dwordx2 s[8:9], s[0:1], 0x0\ns_mov_b32 s4, 1\ns_getpc_b64 s[10:11]\ns_add_u32 s10, s10, double-.Lhere\n\
         .Lhere = .-8\ns_addc_u32 s11, s11, 0\ns_swappc_b64 s[12:13], s[10:11]\ns_call_b64 s[12:13], double\nv_mov_b32 v1, 0\nv_mov_b32 v2, s4\n\
         global_store_dword v1, v2, s[8:9]\ns_endpgm\ndouble:\ns_lshl_b32 s4, s4, 1\ns_setpc_b64 s[12:13]\n";
    // `.Lhere` is where S_GETPC points to: behind itself.
    let mut ram = Launch::one_wave(Gfx10_3, false).run(text).expect("runs");
    assert_eq!(out(&mut ram, 1), [4]);
}

#[test]
fn scratch_is_one_memory_by_buffers_by_scratch_instructions_and_by_flat_addresses() {
    for wave64 in [false, true] {
        let lanes: u64 = if wave64 { 64 } else { 32 };
        let launch = Launch { properties: 0x29, user_sgprs: 8, private: 16, ..Launch::one_wave(Gfx10_3, wave64) };
        // s[0:3] the resource, s[4:5] kernarg, s[6:7] flat scratch base, s8 the wave's offset.
        let text = "s_add_u32 s0, s0, s8\ns_addc_u32 s1, s1, 0\ns_add_u32 s6, s6, s8\ns_addc_u32 s7, s7, 0\n\
             s_setreg_b32 hwreg(HW_REG_FLAT_SCR_LO), s6\ns_setreg_b32 hwreg(HW_REG_FLAT_SCR_HI), s7\ns_load_dwordx2 s[10:11], s[4:5], 0x0\n\
             v_lshlrev_b32 v20, 2, v0\nv_add_nc_u32 v1, 0x500, v0\nbuffer_store_dword v1, off, s[0:3], 0 offset:8\n\
             s_mov_b64 s[12:13], src_private_base\nv_mov_b32 v2, 8\nv_mov_b32 v3, s13\nflat_load_dword v4, v[2:3]\nglobal_store_dword v20, v4, s[10:11]\n\
             v_add_nc_u32 v1, 1, v1\nscratch_store_dword v2, v1, off offset:4\nv_mov_b32 v5, 12\nbuffer_load_dword v6, v5, s[0:3], 0 offen\n\
             global_store_dword v20, v6, s[10:11] offset:256\n\
             buffer_store_byte v0, off, s[0:3], 0 offset:1\nbuffer_load_dword v7, off, s[0:3], 0\nglobal_store_dword v20, v7, s[10:11] offset:512\n\
             v_mov_b32 v14, 0x11\nv_mov_b32 v15, 0x22\nbuffer_store_dwordx2 v[14:15], off, s[0:3], 0\nscratch_load_dwordx2 v[16:17], off, off\n\
             v_add_nc_u32 v16, v16, v17\nglobal_store_dword v20, v16, s[10:11] offset:768\ns_endpgm\n";
        let mut ram = launch.run(text).expect("runs");
        let words = out(&mut ram, 256);
        for lane in 0..lanes {
            let got = |row: u64| words[(64 * row + lane) as usize];
            assert_eq!((got(0), got(1)), (0x500 + lane as u32, 0x501 + lane as u32), "lane {lane}");
            assert_eq!((got(2), got(3)), ((lane as u32) << 8, 0x33), "lane {lane}");
            // The words of all lanes at one offset lie next to each other.
            assert_eq!(ram.word(SCRATCH + 2 * 4 * lanes + 4 * lane), 0x500 + lane as u32);
        }
    }
}

#[test]
fn flat_addresses_reach_lds_and_memory_side_by_side() {
    let launch = Launch { lds: 256, ..Launch::one_wave(Gfx10_1, false) };
    // Even lanes use LDS, odd ones DATA.
    let text = "s_load_dwordx4 s[8:11], s[0:1], 0x0\nv_lshlrev_b32 v1, 2, v0\nv_add_nc_u32 v2, 0x700, v0\nds_write_b32 v1, v2\n\
         s_mov_b64 s[12:13], src_shared_base\nv_and_b32 v3, 1, v0\nv_cmp_eq_u32 vcc_lo, 1, v3\nv_mov_b32 v4, s13\nv_mov_b32 v5, s11\nv_cndmask_b32 v7, v4, v5, vcc_lo\n\
         v_add_nc_u32 v5, s10, v1\nv_cndmask_b32 v6, v1, v5, vcc_lo\nflat_load_dword v8, v[6:7]\nglobal_store_dword v1, v8, s[8:9]\ns_endpgm\n";
    let mut ram = launch.run(text).expect("runs");
    for (lane, got) in out(&mut ram, 32).into_iter().enumerate() {
        let lane = lane as u32;
        assert_eq!(
            got,
            if lane.is_multiple_of(2) { 0x700 + lane } else { 0x0302_0100 + lane * 0x0404_0404 },
            "lane {lane}"
        );
    }
}

#[test]
fn accesses_say_how_far_they_look() {
    let text = "s_load_dwordx2 s[8:9], s[0:1], 0x8\nv_lshlrev_b32 v1, 2, v0\nglobal_load_dword v2, v1, s[8:9]\n\
         s_mov_b32 exec_lo, 1\nglobal_load_dword v2, v1, s[8:9] glc\nglobal_load_dword v2, v1, s[8:9] glc dlc\n\
         global_store_dword v1, v2, s[8:9]\nglobal_atomic_add v1, v2, s[8:9]\ns_endpgm\n";
    let ram = Launch::one_wave(Gfx10_3, false).run(text).expect("runs");
    let seen: Vec<_> = ram
        .accesses
        .iter()
        .filter(|access| access.client == Client::Wave)
        .map(|access| (access.kind, access.scope, access.width))
        .collect();
    assert_eq!(
        seen,
        [
            (Kind::Scalar, Scope::Wave, 8),
            // Neighbouring lanes make one access.
            (Kind::Load, Scope::Wave, 128),
            (Kind::Load, Scope::Workgroup, 4),
            (Kind::Load, Scope::Agent, 4),
            (Kind::Store, Scope::Agent, 4),
            (Kind::Atomic, Scope::Agent, 4),
        ]
    );
}

#[test]
fn an_interrupt_message_is_handed_out_once() {
    let launch = Launch::one_wave(Gfx10_3, false);
    // s_mov_b32 m0, 42; s_sendmsg sendmsg(MSG_INTERRUPT); s_endpgm
    let (mut ram, packet) = launch.prepare(&[0xbefc_03aa, 0xbf90_0001, 0xbf81_0000]);
    let mut dispatch = Dispatch::new(Gfx10_3, &packet, QUEUE, PACKET, &mut ram).expect("sensible");
    assert_eq!(dispatch.step(&mut ram, 100).expect("runs"), Progress::Done);
    assert_eq!((dispatch.take_interrupts(), dispatch.take_interrupts()), (vec![42], vec![]));
}

#[test]
fn what_is_not_implemented_is_refused_with_name_bytes_and_address() {
    let text = "s_nop 0\ns_sendmsg sendmsg(MSG_GS_DONE, GS_OP_NOP)\ns_endpgm\n";
    let message = unsupported(Launch::one_wave(Gfx10_3, false).run(text));
    assert!(message.contains("s_sendmsg") && message.contains(&format!("{:#x}", CODE + 4)), "{message}");
    assert!(message.contains("[03, 00, 90, bf]"), "{message}");
}

#[test]
fn what_a_kernel_may_not_use_is_refused() {
    let cases = [
        ("v_mov_b32 v70, 0", "a vector register that the kernel does not have"),
        ("global_load_dwordx4 v[62:65], v1, s[0:1]", "a vector register that the kernel does not have"),
        ("s_mov_b32 ttmp3, 0", "a scalar destination that kernels do not have"),
        ("v_mov_b32 v2, 0x10000\nds_read_b32 v3, v2", "outside of what the work-group has"),
        ("v_mov_b32 v2, 2\nds_add_u32 v2, v2", "not a multiple of its width"),
        ("v_mov_b32 v2, 0\nds_add_u32 v2, v2 gds", "global data share"),
        ("s_round_mode 0x1", "rounding"),
        ("s_setreg_imm32_b32 hwreg(HW_REG_MODE, 0, 2), 3", "rounding"),
        ("s_mov_b32 s4, src_private_base", "aperture"),
        ("image_load v[4:7], v[0:1], s[8:15] dmask:0xf dim:SQ_RSRC_IMG_2D unorm", "image_load"),
        ("image_sample_lz v4, v[0:1], s[8:15], s[4:7] dmask:0x1 dim:SQ_RSRC_IMG_2D", "image_sample"),
        ("image_gather4_lz v[4:7], v[0:1], s[8:15], s[4:7] dmask:0x1 dim:SQ_RSRC_IMG_2D", "image_gather4"),
        ("image_atomic_add v4, v[0:1], s[8:15] dmask:0x1 dim:SQ_RSRC_IMG_2D unorm", "image_atomic"),
        ("tbuffer_load_format_x v0, off, s[0:3], format:22, 0", "tbuffer"),
        ("exp null off, off, off, off done", "export"),
        ("s_mov_b32 s7, 0\nbuffer_load_dword v2, off, s[4:7], 0", "bounds checks"),
        (".long 0xbf7f0000", "unknown opcode"),
        ("s_code_end", "s_code_end"),
    ];
    for (body, reason) in cases {
        let launch = Launch { lds: 64, ..Launch::one_wave(Gfx10_3, false) };
        let message = unsupported(launch.run(&format!("{body}\ns_endpgm\n")));
        assert!(message.contains(reason), "{body}: {message}");
    }
}

#[test]
fn a_wild_access_is_a_fault_at_its_address() {
    let wild = "v_mov_b32 v2, 0x1000\nv_mov_b32 v3, 0x77\n";
    let cases = [
        ("global_load_dword v4, v[2:3], off", Kind::Load, 0x77_0000_1000),
        ("global_store_dword v[2:3], v0, off offset:16", Kind::Store, 0x77_0000_1010),
        ("global_atomic_add v[2:3], v0, off", Kind::Atomic, 0x77_0000_1000),
        ("flat_load_ubyte v4, v[2:3]", Kind::Load, 0x77_0000_1000),
        ("s_mov_b64 s[4:5], 0\ns_load_dword s6, s[4:5], 0x40", Kind::Scalar, 0x40),
        ("s_mov_b64 s[4:5], 0\ns_setpc_b64 s[4:5]", Kind::Instruction, 0),
    ];
    for (body, kind, addr) in cases {
        let stop = Launch::one_wave(Gfx10_3, false).run(&format!("{wild}{body}\ns_endpgm\n")).expect_err(body);
        let Stop::Fault(fault) = stop else { panic!("{body}: {stop}") };
        assert_eq!(
            (fault.access.kind, fault.access.addr, fault.reason),
            (kind, addr, FaultReason::NotPresent),
            "{body}"
        );
    }
    let stop = Launch::one_wave(Gfx10_3, false)
        .run("s_load_dwordx2 s[8:9], s[0:1], 0x8\nv_mov_b32 v1, 2\nglobal_atomic_add v1, v0, s[8:9]\ns_endpgm\n");
    let Err(Stop::Fault(fault)) = stop else { panic!("a misaligned atomic") };
    assert_eq!((fault.access.addr, fault.reason), (DATA + 2, FaultReason::Misaligned));
}

#[test]
fn packets_that_make_no_sense_are_invalid() {
    let launch = Launch::one_wave(Gfx10_3, false);
    let (mut ram, packet) = launch.prepare(&[0xbf81_0000]);
    let mut refuse = |change: &dyn Fn(&mut [u8; 64])| {
        let mut packet = packet;
        change(&mut packet);
        match Dispatch::new(Gfx10_3, &packet, QUEUE, PACKET, &mut ram) {
            Err(Stop::Invalid(text)) => text,
            other => panic!("accepted: {other:?}"),
        }
    };
    assert!(refuse(&|p| p[2] = 0).contains("dimensions"));
    assert!(refuse(&|p| p[4..6].fill(0)).contains("may be 0"));
    assert!(refuse(&|p| p[12..16].fill(0)).contains("may be 0"));
    assert!(refuse(&|p| p[4..10].fill(0xff)).contains("work-items"));
    assert!(refuse(&|p| p[28..32].fill(0xff)).contains("LDS"));
}

#[test]
fn a_step_stops_within_its_budget_and_goes_on() {
    let launch = Launch::one_wave(Gfx10_3, false);
    // s_branch to itself.
    let (mut ram, packet) = launch.prepare(&[0xbf82_ffff]);
    let mut dispatch = Dispatch::new(Gfx10_3, &packet, QUEUE, PACKET, &mut ram).expect("sensible");
    for _ in 0..3 {
        assert_eq!(dispatch.step(&mut ram, 20_000).expect("runs"), Progress::Running);
    }
}

#[test]
fn a_trap_ends_the_kernel_and_a_debug_trap_does_not() {
    let launch = Launch::one_wave(Gfx10_3, false);
    let stop = launch.run("s_nop 0\ns_trap 2\ns_endpgm\n").expect_err("it ended itself");
    assert_eq!(stop, Stop::Trap(CODE + 4));
    launch.run("s_trap 3\ns_endpgm\n").expect("nobody debugs");
}
