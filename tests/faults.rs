//! When the kernel driver refuses memory the program gets the same error with and without RMCP.

mod support;

use support::{on_card, program};

fn codes(spec: &str, policy: support::Policy, calls: &[&str]) -> Vec<i32> {
    on_card(spec, policy, &program("alloc.c", &[]), calls).calls.iter().map(|call| call.code).collect()
}

#[test]
fn enomem_on_host_or_vram_memory_reaches_the_program_as_the_same_hip_error() {
    let calls = [
        "hipHostMalloc",
        "hipMalloc:0:8388608",
        "hipHostMalloc:0x2:131072",
        "hipMemAllocHost:0:262144",
        "hipMalloc:0:16777216",
    ];
    let undisturbed = codes("gfx1030", None, &calls);
    assert_eq!(undisturbed, [0; 5]);
    let mut failed = 0;
    // The runtime allocates host memory for itself first: the range of n covers its start, and the program's own calls after it.
    for fault in [
        "alloc/userptr@12+",
        "alloc/userptr@16+",
        "alloc/userptr@20+",
        "alloc/userptr@24+",
        "alloc/userptr@26+",
        "alloc/vram@1+",
        "alloc/vram@4+",
        "alloc/vram@6+",
    ] {
        let spec = format!("gfx1030,fault={fault}=ENOMEM");
        let stock = codes(&spec, None, &calls);
        failed += stock.iter().filter(|code| **code != 0).count();
        for mode in ["default", "strict"] {
            assert_eq!(codes(&spec, Some(mode), &calls), stock, "{fault} {mode}");
        }
    }
    assert!(failed > 8, "the fault plan bites: {failed} calls failed");
}

#[test]
fn a_single_enomem_is_hidden_by_the_runtimes_own_retry_with_and_without_rmcp() {
    let spec = "gfx1030,fault=alloc/vram@6=ENOMEM";
    let calls = ["hipMalloc:0:8388608", "hipMalloc:0:16777216", "hipMalloc:0:33554432"];
    assert_eq!(codes(spec, Some("default"), &calls), codes(spec, None, &calls));
}
