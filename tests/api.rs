//! Programs that use much of HIP run to their end on the virtual card, compute what the host computes, and print the same with RMCP and without it.

mod support;

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

use support::{built, output, program, rmcp, succeed};

/// What starts a program: `vgpu` alone, or `rmcp run` with a policy.
fn starter(spec: &str, policy: Option<&str>) -> Command {
    match policy {
        None => {
            let mut command = Command::new(built("vgpu"));
            command.args([spec, "--"]);
            command
        }
        Some(mode) => {
            let mut command = rmcp();
            command.args(["run", "--quiet", "--policy", mode, "--virtual", spec, "--"]);
            command
        }
    }
}

fn run(spec: &str, policy: Option<&str>, part: &str) -> Command {
    let mut command = starter(spec, policy);
    command.arg(program("api.hip.cpp", &[])).arg(part);
    command
}

/// Runs a part of the program on each machine, with and without RMCP. Returns the lines it printed, which are the same each time.
fn same_everywhere(specs: &[&str], part: &str) -> Vec<String> {
    let lines = |output: Output| -> Vec<String> {
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        assert!(!text.contains("WRONG"), "{text}");
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        // Waves print in no particular order.
        lines.sort_unstable();
        lines
    };
    let first = lines(succeed(&mut run(specs[0], None, part)));
    for spec in specs {
        for policy in [None, Some("default"), Some("strict")] {
            assert_eq!(lines(succeed(&mut run(spec, policy, part))), first, "{spec} {policy:?}");
        }
    }
    first
}

const ONE_CARD: &[&str] = &["gfx1030", "gfx1010"];

#[test]
fn lanes_that_exchange_values_scan_sort_and_draw_as_the_host_does() {
    assert_eq!(same_everywhere(ONE_CARD, "algorithms").len(), 5);
}

#[test]
fn streams_wait_for_events_run_beside_one_that_polls_and_call_back() {
    assert_eq!(same_everywhere(ONE_CARD, "streams").len(), 7);
}

#[test]
fn kernels_print_and_allocate_through_the_host() {
    let lines = same_everywhere(ONE_CARD, "service");
    assert_eq!(lines.iter().filter(|line| line.starts_with("hello")).count(), 28, "{lines:?}");
    assert!(lines.iter().any(|line| line == "hello from 189: text 94.50 207807697649664"), "{lines:?}");
}

#[test]
fn an_assertion_that_fails_in_a_kernel_is_named_and_ends_the_program() {
    for policy in [None, Some("default"), Some("strict")] {
        let output = output(&mut run("gfx1030", policy, "assertion"));
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        // The runtime aborts: the launchers hand that on as a signal or as 128 + 6.
        assert!(output.status.signal() == Some(libc::SIGABRT) || output.status.code() == Some(128 + 6), "{output:?}");
        assert_eq!(out, "the first holds\n", "{err}");
        assert!(err.contains("all is zero"), "{err}");
        assert!(err.contains("the kernel ended itself by s_trap"), "{err}");
        assert!(err.contains("HSA_STATUS_ERROR_EXCEPTION"), "{err}");
    }
}

#[test]
fn code_compiled_at_run_time_is_loaded_and_runs() {
    assert_eq!(same_everywhere(ONE_CARD, "hiprtc"), ["compiled: right", "its result: right"]);
}

#[test]
fn two_cards_copy_read_and_wait_across() {
    assert_eq!(same_everywhere(&["gfx1030,gfx1010", "gfx1030,gfx1030"], "peer").len(), 3);
}
