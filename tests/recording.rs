//! What is in the record when many threads churn, and when a program ends in an uncommon way. Counted against the virtual card's log and against what the
//! program says itself.

mod support;

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use support::generation::{compile, generations, run_with};
use support::{Run, built, json_lines, output, program, rmcp, succeed};

/// Bytes of every allocation, a size that nothing else has; several pages, so that it is not a part of a larger buffer.
const SIZE: u64 = 0x1d000;

/// The churning program's own numbers, one line for each of its processes.
fn counted(stdout: &str) -> Vec<Value> {
    stdout.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"))).collect()
}

fn sum(lines: &[Value], field: &str) -> u64 {
    lines.iter().map(|line| line[field].as_u64().expect("a number")).sum()
}

/// Recorded calls that gave or took back memory of the program's, by function.
fn recorded(report: &Value, calls: &[&str]) -> u64 {
    let all = report["calls"].as_array().expect("calls");
    all.iter().filter(|call| calls.iter().any(|name| call["call"] == *name)).count() as u64
}

const GIVE: [&str; 2] = ["hipHostMalloc", "hipMalloc"];
const TAKE: [&str; 2] = ["hipHostFree", "hipFree"];

fn left(report: &Value) -> u64 {
    let pairs = report["pairs"].as_array().expect("pairs");
    let pair = pairs.iter().find(|pair| pair["kind"] == "allocate").expect("allocations");
    pair["left"].as_u64().expect("a number") + pair["live"].as_u64().expect("a number")
}

fn reached_the_driver(log: &[Value]) -> u64 {
    log.iter().filter(|event| event["event"] == "alloc" && event["errno"] == 0 && event["size"] == SIZE).count() as u64
}

fn nothing_is_lost(name: &str, run: &Run) {
    let said = counted(&run.stdout);
    let (allocations, frees) = (sum(&said, "allocations"), sum(&said, "frees"));
    assert!(allocations > 100, "{name}: {}", run.stdout);
    assert_eq!(recorded(&run.report, &GIVE), allocations, "{name}: allocations");
    assert_eq!(recorded(&run.report, &TAKE), frees, "{name}: frees");
    assert_eq!(reached_the_driver(&run.log), allocations, "{name}: in the virtual card's log");
    assert_eq!(run.report["lost"], 0, "{name}");
    assert_eq!(left(&run.report), allocations - frees, "{name}: live at the end");
}

#[test]
fn sixteen_threads_that_allocate_and_free_lose_no_event_and_leave_nothing_live() {
    for (index, generation) in generations().iter().enumerate() {
        let churn = compile(generation, "churn.c", &["-lpthread"]);
        // Ten seconds once; the other generations show that it does not depend on the runtime.
        let milliseconds = if index == 0 { "10000" } else { "2000" };
        let each = [("HSA_DISABLE_FRAGMENT_ALLOCATOR", "1")];
        let size = SIZE.to_string();
        let run = run_with(generation, "gfx1030", Some("default"), &each, &churn, &["16", milliseconds, &size]);
        nothing_is_lost(generation.name(), &run);
    }
}

#[test]
fn every_way_to_end_keeps_every_event() {
    let churn = program("churn.c", &["-lpthread"]);
    for end in ["return", "exit", "thread", "fork"] {
        let size = SIZE.to_string();
        let each = [("HSA_DISABLE_FRAGMENT_ALLOCATOR", "1")];
        let run = support::on_card_with("gfx1030", Some("default"), &each, &churn, &["4", "1000", &size, end]);
        nothing_is_lost(end, &run);
        let processes = run.report["processes"].as_array().expect("processes");
        assert_eq!(processes.len(), if end == "fork" { 2 } else { 1 }, "{end}");
    }
}

/// `rmcp run` on the virtual card with a record and a log in `directory`.
fn recorded_run(directory: &Path) -> Command {
    let mut command = rmcp();
    command.args(["run", "--quiet", "--virtual", "gfx1030", "--virtual-log"]).arg(directory.join("log"));
    command.arg("--record").arg(directory.join("record")).env("HSA_DISABLE_FRAGMENT_ALLOCATOR", "1");
    command
}

fn report(directory: &Path) -> (String, Value) {
    let record = directory.join("record");
    let text = String::from_utf8(succeed(rmcp().arg("report").arg(&record)).stdout).expect("UTF-8");
    let json = succeed(rmcp().args(["report", "--json"]).arg(&record)).stdout;
    (text, serde_json::from_slice(&json).expect("JSON"))
}

#[test]
fn after_sigkill_every_finished_call_is_readable_and_the_report_says_how_the_process_ended() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut command = recorded_run(directory.path());
    command.arg("--").arg(program("churn.c", &["-lpthread"])).args(["4", "500", &SIZE.to_string(), "wait"]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("rmcp starts");
    let mut line = String::new();
    // The line is printed when all calls are made.
    BufReader::new(child.stdout.take().expect("stdout")).read_line(&mut line).expect("a line");
    let said = counted(&line);
    let victim = i32::try_from(said[0]["pid"].as_i64().expect("a pid")).expect("a pid");
    // SAFETY: a signal to a process of ours that has just printed its pid and waits.
    assert_eq!(unsafe { libc::kill(victim, libc::SIGKILL) }, 0);
    let status = child.wait().expect("rmcp ends");
    assert!(status.code() == Some(128 + libc::SIGKILL) || status.signal().is_some(), "{status}");
    let (text, report) = report(directory.path());
    assert_eq!(recorded(&report, &GIVE), sum(&said, "allocations"));
    assert_eq!(recorded(&report, &TAKE), sum(&said, "frees"));
    assert_eq!(left(&report), 1);
    assert_eq!(report["processes"][0]["ending"], "abrupt");
    assert!(text.contains(&victim.to_string()) && text.contains("kill"), "{text}");
}

#[test]
fn a_full_disk_stops_the_record_with_one_message_and_not_the_program() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    // A file system of our own in a mount namespace of our own, which nobody else sees.
    let script =
        "mount -t tmpfs -o size=400k tmpfs \"$1\" && shift && \"$@\"; code=$?; cp \"$RECORD\" \"$OUT\"; exit $code";
    let small = directory.path().join("small");
    std::fs::create_dir(&small).expect("create");
    let probe = Command::new("unshare").args(["-rm", "mount", "-t", "tmpfs", "tmpfs"]).arg(&small).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        println!("skipped: a mount namespace with a tmpfs of its own is not allowed here (unshare -rm)");
        return;
    }
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-c", script, "sh"]).arg(&small).arg(built("rmcp"));
    command.args(["run", "--quiet", "--virtual", "gfx1030", "--virtual-log"]).arg(directory.path().join("log"));
    command.arg("--record").arg(small.join("record")).arg("--").arg(program("churn.c", &["-lpthread"]));
    command.args(["4", "3000", &SIZE.to_string()]).env("HSA_DISABLE_FRAGMENT_ALLOCATOR", "1");
    command.env("RECORD", small.join("record")).env("OUT", directory.path().join("record"));
    let output = output(&mut command);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert_eq!(stderr.matches("recording to").count(), 1, "{stderr}");
    let said = counted(&String::from_utf8(output.stdout).expect("UTF-8"));
    let (text, report) = report(directory.path());
    let all = sum(&said, "allocations") + sum(&said, "frees");
    let kept = recorded(&report, &GIVE) + recorded(&report, &TAKE);
    assert!(kept > 0 && kept < all, "{kept} of {all}: nothing was lost, so this shows nothing");
    assert!(report["lost"].as_u64().is_some_and(|lost| lost >= all - kept), "{}", report["lost"]);
    assert!(text.contains("No space left"), "{text}");
    assert_eq!(reached_the_driver(&json_lines(&directory.path().join("log"))), sum(&said, "allocations"));
}
