//! Every memory function of HIP between a program and AMD's library on the virtual card: what the program hears is what it hears without RMCP, and the record
//! has each call once.

mod core_support;

use std::path::Path;

use core_support::{fronts, output, program, sentences, text, vgpu, with_fronts, without_fronts};
use rmcp_record::{CallEvent, Verdict};

struct Heard {
    lines: Vec<String>,
    said: Vec<String>,
    calls: Vec<CallEvent>,
}

fn on_card(program: &Path, settings: Option<&[(&str, &str)]>) -> Heard {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let record = directory.path().join("record");
    let mut command = match settings {
        None => without_fronts(&vgpu()),
        Some(_) => with_fronts(fronts(), &vgpu()),
    };
    command.env("RMCP_RECORD", &record).envs(settings.unwrap_or_default().iter().copied());
    let output = output(command.arg("gfx1030").arg("--").arg(program));
    assert!(output.status.success(), "{}\n{}{}", output.status, text(&output.stdout), text(&output.stderr));
    let calls =
        settings.map_or_else(Vec::new, |_| rmcp_record::read(&record).expect("a record").calls.into_iter().collect());
    Heard { lines: text(&output.stdout).lines().map(str::to_owned).collect(), said: sentences(&output), calls }
}

/// The calls that a program says it made: the name before the first parenthesis.
fn said_to_be_called(lines: &[String]) -> Vec<&str> {
    let names = lines.iter().filter(|line| line.starts_with("hip")).filter_map(|line| line.split(['(', ' ']).next());
    // Queries, value operations and events are not recorded.
    let silent = ["hipHostGetFlags", "hipPointerGetAttributes", "hipStreamWriteValue32", "hipEventCreateWithFlags"];
    names
        .filter(|name| !silent.contains(name) && !["hipDeviceGetAttribute", "hipStreamCreate"].contains(name))
        .collect()
}

#[test]
fn each_call_is_recorded_once_and_answered_as_without_rmcp() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let program = program(directory.path(), "../programs/memory_calls.c", &["-lamdhip64"]);
    let stock = on_card(&program, None);
    let heard = on_card(&program, Some(&[("RMCP_POLICY", "audit")]));
    assert_eq!(heard.lines, stock.lines);
    let recorded: Vec<&str> = heard.calls.iter().map(|call| &*call.call).collect();
    assert_eq!(recorded, said_to_be_called(&heard.lines));
    for call in heard.calls.iter().filter(|call| call.call.contains("Malloc") && call.result == 0) {
        assert!(call.pointer != 0 && call.size != 0, "{call:?}");
    }
}

#[test]
fn a_value_operation_on_rewritten_memory_is_warned_about_once_with_its_place() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let program = program(directory.path(), "../programs/memory_calls.c", &["-lamdhip64"]);
    let heard = on_card(&program, Some(&[("RMCP_POLICY", "default")]));
    let about: Vec<_> = heard.said.iter().filter(|sentence| sentence.contains("hipStreamWriteValue32")).collect();
    assert_eq!(about.len(), 1, "{:?}", heard.said);
    assert!(about[0].contains("memory_calls+0x"), "{about:?}");
    let audit = on_card(&program, Some(&[("RMCP_POLICY", "audit")]));
    assert!(!audit.said.iter().any(|sentence| sentence.contains("hipStreamWriteValue32")), "{:?}", audit.said);
}

#[test]
fn stream_ordered_memory_by_hip_malloc_behaves_as_the_pools_do() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let program = program(directory.path(), "../programs/malloc_async.c", &["-lamdhip64"]);
    // HIP 5.2.3 answers success to a request of 32 TiB from a pool, and hipMalloc refuses it.
    let comparable = |heard: &Heard| -> Vec<String> {
        heard.lines.iter().filter(|line| !line.starts_with("too much")).cloned().collect()
    };
    let stock = on_card(&program, None);
    let repaired = |heard: &Heard| {
        let repaired = |call: &&CallEvent| call.verdict == Verdict::Rewritten && &*call.rule == "malloc-async-repair";
        heard.calls.iter().filter(repaired).count()
    };
    for (settings, expected) in [
        (&[("RMCP_POLICY", "default"), ("RMCP_REPAIR_MALLOC_ASYNC", "on")][..], true),
        (&[("RMCP_POLICY", "default"), ("RMCP_REPAIR_MALLOC_ASYNC", "auto")], true),
        (&[("RMCP_POLICY", "default"), ("RMCP_REPAIR_MALLOC_ASYNC", "off")], false),
        (&[("RMCP_POLICY", "audit"), ("RMCP_REPAIR_MALLOC_ASYNC", "on")], false),
    ] {
        let heard = on_card(&program, Some(settings));
        assert_eq!(comparable(&heard), comparable(&stock), "{settings:?}");
        assert_eq!(repaired(&heard) > 20, expected, "{settings:?}");
    }
}
