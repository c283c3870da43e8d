//! What a program computes is the same, bit for bit, with RMCP and without it.

mod support;

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use support::{built, program, rmcp, succeed};

/// The `check` lines of the demo program: name and hash of the bytes each.
fn checks(command: &mut Command) -> Vec<(String, String)> {
    let output = succeed(command);
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line.get("check").is_some())
        .map(|line| {
            assert_eq!(line["ok"], true, "{line}");
            (line["check"].as_str().expect("a name").to_owned(), line["hash"].as_str().expect("a hash").to_owned())
        })
        .collect()
}

fn same_on(spec: &str, environment: &[(&str, &str)], demo: &Path) {
    let stock = checks(Command::new(built("vgpu")).args([spec, "--"]).arg(demo).envs(environment.iter().copied()));
    assert!(stock.len() >= 20, "{spec}: {stock:?}");
    for mode in ["default", "strict"] {
        let mut command = rmcp();
        command
            .args(["run", "--quiet", "--policy", mode, "--virtual", spec, "--"])
            .arg(demo)
            .envs(environment.iter().copied());
        assert_eq!(checks(&mut command), stock, "{spec} {mode} {environment:?}");
    }
}

#[test]
fn copies_fills_and_kernels_are_bit_identical_on_two_cards_and_without_pcie_atomics() {
    // One card of each kind, in every generation: `unchanged.rs`.
    let demo = program("demo.hip.cpp", &[]);
    for spec in ["gfx1030,gfx1010", "gfx1030:atomics=off"] {
        same_on(spec, &[], &demo);
    }
}

#[test]
fn they_are_too_on_the_cards_between_which_only_the_size_differs() {
    let targets = ["gfx1031", "gfx1032", "gfx1035"];
    let demo = program(
        "demo.hip.cpp",
        &targets.map(|target| format!("--offload-arch={target}")).each_ref().map(String::as_str),
    );
    for spec in targets {
        same_on(spec, &[], &demo);
    }
}

#[test]
fn they_are_too_with_a_small_bar_without_svm_and_without_sdma() {
    let demo = program("demo.hip.cpp", &[]);
    same_on("gfx1030:bar=small,svm=off", &[], &demo);
    same_on("gfx1010", &[("HSA_ENABLE_SDMA", "0")], &demo);
}
