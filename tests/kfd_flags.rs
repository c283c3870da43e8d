//! Without RMCP the virtual card's log shows what AMD's stack 5.2.3 asks of the kernel driver for every allocation call;
//! with RMCP, exactly the promised calls change. The log, not a hook, is the judge.

mod support;

use support::{Policy, by_title, kernel_memory, on_card, program, title};

/// Every host and device allocation of HIP 5.2.3 with the KFD flags it arrives with on gfx10 with a large BAR, and the
/// memory type that the kernel's rule gives.
const STOCK: [(&str, &str, &str); 21] = [
    ("hipMalloc", "f0000001", "NC"),
    ("hipHostMalloc", "d4000004", "UC"),
    ("hipHostMalloc:0x1", "d0000004", "NC"),
    ("hipHostMalloc:0x2", "d4000004", "UC"),
    ("hipHostMalloc:0x3", "d4000004", "UC"),
    ("hipHostMalloc:0x4", "d0000004", "NC"),
    ("hipHostMalloc:0x10000000", "d0000004", "NC"),
    ("hipHostMalloc:0x20000000", "d4000004", "UC"),
    ("hipHostMalloc:0x40000000", "d4000004", "UC"),
    ("hipHostMalloc:0x40000002", "d4000004", "UC"),
    ("hipHostMalloc:0x80000000", "d0000004", "NC"),
    ("hipHostMalloc:0x80000002", "d0000004", "NC"),
    ("hipMemAllocHost", "d4000004", "UC"),
    ("hipMallocHost", "d0000004", "NC"),
    ("hipHostAlloc", "f0000001", "NC"),
    ("hipHostAlloc:0x2", "f0000001", "NC"),
    ("hipExtMallocWithFlags", "f0000001", "NC"),
    ("hipHostRegister", "d4000004", "UC"),
    ("hipHostRegister:0x1", "d4000004", "UC"),
    ("hipHostRegister:0x2", "d4000004", "UC"),
    ("hipHostRegister:0x8", "d4000004", "UC"),
];

/// What `default` turns into non-coherent memory on RDNA1 and RDNA2.
const DEFAULT: [&str; 3] = ["hipHostMalloc(0x0)", "hipHostMalloc(0x20000000)", "hipMemAllocHost(0x0)"];

/// What `strict`, or `default` where the host has no PCIe atomics, turns into non-coherent memory besides.
const STRICT: [&str; 6] = [
    "hipHostMalloc(0x2)",
    "hipHostMalloc(0x3)",
    "hipHostRegister(0x0)",
    "hipHostRegister(0x1)",
    "hipHostRegister(0x2)",
    "hipHostRegister(0x8)",
];

fn flags_at_the_kernel(spec: &str, policy: Policy) -> Vec<(String, String, String)> {
    let arguments = STOCK.map(|(call, ..)| call);
    let run = on_card(spec, policy, &program("alloc.c", &[]), &arguments);
    assert_eq!(run.calls.len(), STOCK.len(), "{}", run.stderr);
    run.calls
        .iter()
        .map(|call| {
            assert_eq!(call.code, 0, "{}: {}", title(call), run.stderr);
            let memory = kernel_memory(&run, call);
            (title(call), memory.flags, memory.mtype)
        })
        .collect()
}

fn expected(changed: &[&str]) -> Vec<(String, String, String)> {
    STOCK
        .iter()
        .map(|(call, flags, mtype)| {
            let (name, bits) = call.split_once(':').unwrap_or((call, "0x0"));
            let title = format!("{name}({bits})");
            if changed.contains(&title.as_str()) {
                (title, "d0000004".into(), "NC".into())
            } else {
                (title, (*flags).into(), (*mtype).into())
            }
        })
        .collect()
}

#[test]
fn without_rmcp_every_call_arrives_with_the_flags_of_the_stock_stack() {
    for card in ["gfx1030", "gfx1010", "gfx1031", "gfx1032"] {
        assert_eq!(flags_at_the_kernel(card, None), expected(&[]), "{card}");
    }
}

#[test]
fn default_rewrites_what_is_coherent_because_nobody_said_otherwise() {
    for card in ["gfx1030", "gfx1010"] {
        assert_eq!(flags_at_the_kernel(card, Some("default")), expected(&DEFAULT), "{card}");
    }
}

#[test]
fn audit_and_off_change_nothing() {
    for mode in ["audit", "off"] {
        assert_eq!(flags_at_the_kernel("gfx1030", Some(mode)), expected(&[]), "{mode}");
    }
}

#[test]
fn strict_rewrites_mapped_and_registered_memory_but_never_explicitly_coherent_memory() {
    let changed: Vec<&str> = DEFAULT.iter().chain(&STRICT).copied().collect();
    assert_eq!(flags_at_the_kernel("gfx1030", Some("strict")), expected(&changed));
}

#[test]
fn default_on_a_card_without_pcie_atomics_rewrites_mapped_and_registered_memory_too() {
    let changed: Vec<&str> = DEFAULT.iter().chain(&STRICT).copied().collect();
    assert_eq!(flags_at_the_kernel("gfx1030:atomics=off", Some("default")), expected(&changed));
}

#[test]
fn on_control_cards_nothing_changes_in_any_mode() {
    // HIP 5.2.3 knows gfx906 but not gfx1100.
    let stock = flags_at_the_kernel("gfx906", None);
    for mode in ["default", "strict"] {
        assert_eq!(flags_at_the_kernel("gfx906", Some(mode)), stock, "{mode}");
    }
}

#[test]
fn kernarg_signals_and_queues_arrive_unchanged() {
    let vector_add = program("vector_add.hip.cpp", &[]);
    let internal = |policy| {
        let run = on_card("gfx1030", policy, &vector_add, &[]);
        // Uncached memory is what the runtime makes for itself: kernel arguments, signals, AQL and SDMA rings, the event page.
        let mut flags: Vec<(String, u64)> = support::allocations(&run)
            .into_iter()
            .filter(|memory| u32::from_str_radix(&memory.flags, 16).expect("hex") & (1 << 25) != 0)
            .map(|memory| (memory.flags, memory.size))
            .collect();
        flags.sort();
        flags
    };
    let stock = internal(None);
    assert!(stock.iter().any(|(flags, _)| flags == "d6000004"), "{stock:x?}");
    for mode in ["default", "strict"] {
        assert_eq!(internal(Some(mode)), stock, "{mode}");
    }
}

#[test]
fn the_device_that_is_current_decides() {
    let arguments = ["hipSetDevice:0", "hipHostMalloc", "hipSetDevice:1", "hipHostMalloc:0x0:131072"];
    let run = on_card("gfx1030,gfx906", Some("default"), &program("alloc.c", &[]), &arguments);
    let by_size = by_title(&run.calls[1..2], |call| kernel_memory(&run, call).flags);
    assert_eq!(by_size["hipHostMalloc(0x0)"], "d0000004", "RDNA2 is current");
    assert_eq!(kernel_memory(&run, &run.calls[3]).flags, "d4000004", "Vega is current");
}
