//! What a program computes, how it ends, and which of its calls are seen: in every generation the same without RMCP and with it.

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use support::Run;
use support::generation::{Generation, compile, generations, run, run_with, tool};

const CARDS: [&str; 2] = ["gfx1030", "gfx1010"];

/// Each check of the demo with the hash of its data; the rest of its lines are addresses.
fn checks(run: &Run) -> Vec<(String, String)> {
    let lines =
        run.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|e| panic!("{line}: {e}")));
    lines
        .map(|line| {
            assert_eq!(line["ok"], true, "{line}");
            let text = |field: &str| line[field].as_str().expect("text").to_owned();
            (text("check"), text("hash"))
        })
        .collect()
}

fn same_with_and_without<T: PartialEq + std::fmt::Debug>(
    generation: &Generation,
    program: &Path,
    results: impl Fn(&Run) -> T,
) {
    for card in CARDS {
        let stock = run(generation, card, None, program, &[]);
        for policy in ["default", "strict"] {
            let with = run(generation, card, Some(policy), program, &[]);
            assert_eq!(results(&with), results(&stock), "{} {card} {policy}", generation.name());
            ended_as_stock(generation, policy, program, &with, &stock);
            let rewritten = with.report["calls"].as_array().expect("calls");
            assert!(
                rewritten.iter().any(|call| call["verdict"] == "rewritten"),
                "nothing was rewritten: it shows nothing"
            );
        }
    }
}

#[test]
fn copies_of_all_sizes_and_kinds_of_memory_are_bit_identical_without_rmcp_in_default_and_in_strict() {
    for generation in generations() {
        // It compares all bytes itself, and prints their hashes.
        same_with_and_without(&generation, &compile(&generation, "memory.c", &[]), |run| run.stdout.clone());
    }
}

#[test]
fn the_demos_kernels_are_bit_identical_without_rmcp_in_default_and_in_strict() {
    for generation in generations() {
        let demo = compile(&generation, "demo.hip.cpp", &[]);
        same_with_and_without(&generation, &demo, checks);
    }
}

/// Text without its numbers: how many signals ROCr 7.2.4 says it leaks at its end is not the same in each run.
fn without_numbers(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| line.replace(|c: char| c.is_ascii_digit(), "")).collect()
}

/// The process came to its normal end, and nobody but RMCP said more on stderr than without RMCP. `run` demands exit code 0 already.
fn ended_as_stock(generation: &Generation, policy: &str, program: &Path, run: &Run, stock: &Run) {
    let about = format!("{} {policy} {}", generation.name(), program.display());
    let ours = |line: &&str| line.starts_with("RMCP: ") || line.starts_with("rmcp: set ");
    let (ours, foreign): (Vec<&str>, Vec<&str>) = run.stderr.lines().partition(ours);
    let stock: Vec<&str> = stock.stderr.lines().collect();
    assert_eq!(without_numbers(&foreign), without_numbers(&stock), "{about}");
    if policy == "off" {
        assert_eq!(ours, [""; 0], "{about}");
        return;
    }
    let processes = run.report["processes"].as_array().expect("processes");
    let endings: Vec<&Value> = processes.iter().map(|process| &process["ending"]).collect();
    assert_eq!(endings, ["normal"], "{about}");
    assert_eq!((&run.report["lost"], &run.report["damaged_chunks"]), (&0.into(), &0.into()), "{about}");
}

#[test]
fn programs_of_each_generation_end_in_order_under_every_policy_with_the_recorder_on() {
    for generation in generations() {
        let programs = [
            tool(&generation, "rocminfo"),
            // The demo, in default and strict, is above.
            compile(&generation, "vector_add.hip.cpp", &[]),
        ];
        for program in &programs {
            let stock = run(&generation, "gfx1030", None, program, &[]);
            for policy in ["off", "audit", "default", "strict"] {
                let run = run(&generation, "gfx1030", Some(policy), program, &[]);
                ended_as_stock(&generation, policy, program, &run, &stock);
            }
        }
    }
}

/// Recorded calls with what was decided, and how many of each.
fn decisions(run: &Run) -> BTreeMap<[String; 6], usize> {
    let mut decisions = BTreeMap::new();
    for call in run.report["calls"].as_array().expect("calls") {
        let fields = ["call", "flags_asked", "flags_used", "verdict", "rule", "memory"];
        *decisions.entry(fields.map(|field| call[field].to_string())).or_default() += 1;
    }
    decisions
}

#[test]
fn functions_fetched_by_hip_get_proc_address_are_hooked_as_those_that_are_linked() {
    for generation in generations() {
        // hipGetProcAddress came with HIP 6.2.
        if ["5.2", "5.7"].contains(&generation.suite.hip_family) {
            continue;
        }
        let program = compile(&generation, "memory_calls.c", &[]);
        for policy in ["audit", "default", "strict"] {
            let of = |arguments: &[&str]| run_with(&generation, "gfx1030", Some(policy), &[], &program, arguments);
            let (linked, fetched) = (of(&[]), of(&["lookup"]));
            assert_eq!(fetched.stdout, linked.stdout, "{} {policy}", generation.name());
            let (linked, fetched) = (decisions(&linked), decisions(&fetched));
            assert_eq!(fetched, linked, "{} {policy}", generation.name());
            assert!(linked.len() > 20, "{} {policy}: {linked:?}", generation.name());
        }
    }
}
