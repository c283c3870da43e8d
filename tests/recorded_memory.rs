//! The kind of memory that the record names for a call, against the page-table type that the virtual kernel driver gave it.

mod support;

use rmcp_policy::Memory;
use serde_json::Value;
use support::generation::{compile, generations, run};
use support::{Call, Run, kernel_mtype, title};

/// Of each call that gave or pinned memory: title, recorded kind, and the types in the page table by the record and by the kernel.
fn types(run: &Run) -> Vec<(String, Memory, Option<&'static str>, String)> {
    let recorded = run.report["calls"].as_array().expect("calls");
    let gives = |call: &&Value| ["allocate", "pin"].iter().any(|kind| call["kind"] == *kind) && call["result"] == 0;
    let of = |record: &Value| {
        let made = |call: &&Call| record["call"] == *call.call && record["pointer"] == call.pointer;
        let call = run.calls.iter().rfind(made).unwrap_or_else(|| panic!("{record}: the program made no such call"));
        let text = record["memory"].as_str().expect("text");
        let memory = Memory::ALL.into_iter().find(|memory| memory.as_str() == text).expect("a kind of memory");
        (title(call), memory, memory.mtype(), kernel_mtype(run, call))
    };
    recorded.iter().filter(gives).map(of).collect()
}

#[test]
fn the_recorded_memory_of_every_allocation_is_what_the_kernel_driver_gave_under_every_policy() {
    let calls = [
        "hipMalloc",
        "hipExtMallocWithFlags",
        "hipExtMallocWithFlags:1",
        "hipHostMalloc",
        "hipHostMalloc:1",
        "hipHostMalloc:2",
        "hipHostMalloc:4",
        "hipHostMalloc:0x20000000",
        "hipHostMalloc:0x40000000",
        "hipHostMalloc:0x80000000",
        "hipHostAlloc",
        "hipMemAllocHost",
        "hipMallocHost",
        "hipMallocManaged",
        "hipHostRegister",
        "hipHostRegister:2",
        "hipHostRegister:8",
    ];
    let programs: [(&str, &[&str], &[&str]); 2] = [("alloc.c", &[], &calls), ("hsa.c", &["-lhsa-runtime64"], &[])];
    for generation in generations() {
        for (source, libraries, arguments) in programs {
            let program = compile(&generation, source, libraries);
            for card in ["gfx1030", "gfx1010", "gfx1030:atomics=off", "gfx1030,svm=off"] {
                for policy in ["audit", "default", "strict"] {
                    let types = types(&run(&generation, card, Some(policy), &program, arguments));
                    let about = format!("{} {source} {card} {policy}", generation.name());
                    assert!(types.len() >= 12, "{about}: {types:?}");
                    let wrong: Vec<_> =
                        types.iter().filter(|(.., recorded, kernel)| *recorded != Some(kernel.as_str())).collect();
                    assert!(wrong.is_empty(), "{about}: {wrong:#?}");
                }
            }
        }
    }
}
