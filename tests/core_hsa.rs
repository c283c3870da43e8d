//! An HSA client between the core and AMD's HSA library on the virtual card: every way to memory is recorded once, and only the fine-grained pool of CPU agents
//! is replaced, in mode strict. What reached the kernel driver is the judge.

mod core_support;

use std::path::PathBuf;

use core_support::{fronts, output, program, text, vgpu, with_fronts, without_fronts};
use rmcp_record::{CallEvent, Verdict};
use serde_json::Value;

struct Run {
    /// The program's lines.
    calls: Vec<Value>,
    /// The kernel driver's events.
    events: Vec<Value>,
    recorded: Vec<CallEvent>,
}

/// Compiles a program of tests/programs against one of AMD's libraries.
fn compile(source: &str, library: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let program = program(directory.path(), &format!("../programs/{source}"), &[library, "-ldl"]);
    (directory, program)
}

/// Runs a program on a card, with the fronts under a policy or, without one, with AMD's libraries alone.
fn on_card(
    card: &str,
    policy: Option<&str>,
    (directory, program): &(tempfile::TempDir, PathBuf),
    arguments: &[&str],
) -> Run {
    let (log, record) = (directory.path().join("log"), directory.path().join("record"));
    let _ = std::fs::remove_file(&record);
    let mut command = match policy {
        None => without_fronts(&vgpu()),
        Some(_) => with_fronts(fronts(), &vgpu()),
    };
    if let Some(policy) = policy {
        command.env("RMCP_POLICY", policy).env("RMCP_RECORD", &record);
    }
    let output = output(command.arg("--log").arg(&log).arg(card).arg("--").arg(program).args(arguments));
    assert!(output.status.success(), "{}\n{}{}", output.status, text(&output.stdout), text(&output.stderr));
    let lines = |text: &str| text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let recorded = record.exists().then(|| rmcp_record::read(&record).expect("a record").calls);
    assert_eq!(recorded.is_some(), policy.is_some(), "a front is in place exactly when one was asked for");
    Run {
        calls: lines(&text(&output.stdout)),
        events: lines(&std::fs::read_to_string(&log).expect("the card's log")),
        recorded: recorded.unwrap_or_default(),
    }
}

impl Run {
    /// Page-table type of the memory at an address, which was allocated once.
    fn mtype(&self, pointer: u64) -> &str {
        let holds = |event: &&Value| {
            let (start, size) = (event["va"].as_u64().unwrap_or(0), event["size"].as_u64().unwrap_or(0));
            event["event"] == "alloc" && event["errno"] == 0 && start <= pointer && pointer < start + size
        };
        self.events.iter().rfind(holds).expect("an allocation")["mtype"].as_str().expect("a type")
    }

    /// For each allocation from a pool or region: function, agent, global flags and page-table type.
    fn allocations(&self) -> Vec<(String, String, u64, String)> {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        self.calls
            .iter()
            .filter(|call| text(&call["call"]).ends_with("allocate"))
            .map(|call| {
                assert_eq!(call["code"], 0, "{call}");
                let mtype = self.mtype(call["pointer"].as_u64().expect("an address"));
                (
                    text(&call["call"]),
                    text(&call["agent"]),
                    call["global_flags"].as_u64().expect("flags"),
                    mtype.to_owned(),
                )
            })
            .collect()
    }
}

const FINE: u64 = 2;

#[test]
fn only_strict_mode_on_rdna_takes_the_coarse_grained_pool_for_the_fine_grained_one_of_a_cpu() {
    let program = compile("hsa.c", "-lhsa-runtime64");
    for (card, policies) in [("gfx1030", ["audit", "default", "strict"]), ("gfx906", ["audit", "default", "strict"])] {
        let stock = on_card(card, None, &program, &["pools", "regions"]).allocations();
        let fine = |allocations: &[(String, String, u64, String)]| {
            allocations.iter().filter(|(_, agent, flags, _)| agent == "cpu" && *flags == FINE).count()
        };
        assert!(fine(&stock) >= 2, "a pool and a region: {stock:?}");
        for policy in policies {
            let allocations = on_card(card, Some(policy), &program, &["pools", "regions"]).allocations();
            let rewrites = card == "gfx1030" && policy == "strict";
            for (stock, ours) in stock.iter().zip(&allocations) {
                let mut expected = stock.clone();
                // The regions of a GPU agent are the CPU's too.
                if rewrites && stock.2 == FINE {
                    assert_eq!(stock.3, "UC");
                    expected.3 = "NC".to_owned();
                }
                assert_eq!(*ours, expected, "{card} {policy}");
            }
            assert_eq!(allocations.len(), stock.len());
        }
    }
}

#[test]
fn each_call_of_an_hsa_client_is_recorded_once_with_its_own_caller() {
    let run = on_card("gfx1030", Some("strict"), &compile("hsa.c", "-lhsa-runtime64"), &[]);
    let made: Vec<_> =
        run.calls.iter().map(|call| (call["call"].as_str().expect("a name"), call["pointer"].as_u64())).collect();
    let frees = ["hsa_memory_free", "hsa_amd_memory_unlock"];
    let (given_back, recorded): (Vec<_>, Vec<_>) = run.recorded.iter().partition(|call| frees.contains(&&*call.call));
    let seen: Vec<_> = recorded.iter().map(|call| (&*call.call, Some(call.pointer))).collect();
    assert_eq!(seen, made);
    let pinned = made.iter().filter(|(call, _)| call.starts_with("hsa_amd_memory_lock")).count();
    let allocated = made.iter().filter(|(call, _)| call.ends_with("allocate")).count();
    assert_eq!(given_back.len(), pinned + allocated);
    assert!(run.recorded.iter().all(|call| &*call.caller == "hsa"), "{:?}", run.recorded);
    let rewritten: Vec<_> = run.recorded.iter().filter(|call| call.verdict == Verdict::Rewritten).collect();
    assert!(!rewritten.is_empty() && rewritten.iter().all(|call| &*call.rule == "hsa-fine-to-coarse"), "{rewritten:?}");
}

#[test]
fn what_hip_asks_of_hsa_is_not_the_programs() {
    // hipSetDevice is not hooked, and makes HIP initialise itself.
    let program = compile("alloc.c", "-lamdhip64");
    let run = on_card(
        "gfx1030",
        Some("strict"),
        &program,
        &["hipSetDevice", "hipHostMalloc", "hipMalloc", "hipHostRegister"],
    );
    let calls: Vec<_> = run.recorded.iter().map(|call| &*call.call).collect();
    assert_eq!(calls, ["hipHostMalloc", "hipMalloc", "hipHostRegister"]);
}
