//! When the kernel driver refuses memory the program gets the same error with and without RMCP.

mod support;

use support::{Policy, built, output, program, rmcp};

const CALLS: [&str; 5] = [
    "hipHostMalloc",
    "hipMalloc:0:8388608",
    "hipHostMalloc:0x2:131072",
    "hipMemAllocHost:0:262144",
    "hipMalloc:0:16777216",
];

/// How a run ended (exit code, 128 + N after signal N) and the error code of each call that returned.
fn run(fault: &str, policy: Policy, calls: &[&str]) -> (Option<i32>, Vec<i32>) {
    let spec = if fault.is_empty() { "gfx1030".to_owned() } else { format!("gfx1030,fault={fault}=ENOMEM") };
    let mut command;
    match policy {
        None => {
            command = std::process::Command::new(built("vgpu"));
            command.arg(&spec);
        }
        Some(mode) => {
            command = rmcp();
            command.args(["run", "--quiet", "--policy", mode, "--virtual", &spec]);
        }
    }
    let output = output(command.arg("--").arg(program("alloc.c", &[])).args(calls));
    let codes = String::from_utf8(output.stdout)
        .expect("UTF-8")
        .lines()
        .map(|line| serde_json::from_str::<support::Call>(line).expect("a call").code)
        .collect();
    (output.status.code(), codes)
}

#[test]
fn enomem_on_host_or_vram_memory_reaches_the_program_as_the_same_hip_error() {
    assert_eq!(run("", None, &CALLS), (Some(0), vec![0; 5]), "undisturbed");
    let mut refused = [false; CALLS.len()];
    // HIP's own host memory comes first (up to 6), then the program's; of video memory, HIP keeps some at the first call.
    let places = (1..=10).map(|n| format!("alloc/userptr@{n}+")).chain((1..=4).map(|n| format!("alloc/vram@{n}+")));
    for fault in places {
        let stock = run(&fault, None, &CALLS);
        for mode in ["default", "strict"] {
            assert_eq!(run(&fault, Some(mode), &CALLS), stock, "{fault} {mode}");
        }
        if stock.0 == Some(0) {
            // hipErrorOutOfMemory
            refused.iter_mut().zip(&stock.1).for_each(|(refused, code)| *refused |= *code == 2);
        }
    }
    assert_eq!(refused, [true; CALLS.len()], "the fault plan reaches each call");
}

#[test]
fn a_single_enomem_is_hidden_by_the_runtimes_own_retry_with_and_without_rmcp() {
    let calls = ["hipMalloc:0:8388608", "hipMalloc:0:16777216", "hipMalloc:0:33554432"];
    let stock = run("alloc/vram@3", None, &calls);
    assert_eq!(stock, (Some(0), vec![0; 3]));
    assert_eq!(run("alloc/vram@3", Some("default"), &calls), stock);
}
