//! `rmcp` with a list of installations of its own, and programs that find it in place.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{self, Run, kernel_mtype, on_card_with, output, report, rewrites};

/// The variable below which `rmcp` remembers what the user has installed, and its value for a test whose directory is `directory`.
pub fn own_list(directory: &Path) -> (&'static str, PathBuf) {
    ("XDG_STATE_HOME", directory.join("state"))
}

/// `rmcp` with the list of [`own_list`], not the tester's.
pub fn rmcp(directory: &Path) -> Command {
    let mut command = support::rmcp();
    command.envs([own_list(directory)]);
    command
}

/// Runs `rmcp` to its end: demands the exit code, gives stdout.
#[track_caller]
pub fn ends(rmcp: &mut Command, expected: i32) -> String {
    let output = output(rmcp);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(expected), "{rmcp:?}\n--- stdout\n{stdout}--- stderr\n{stderr}");
    stdout.into_owned()
}

/// Runs a program as its user would, without `rmcp run`, on a virtual RX 6800. The report is `Null` if no RMCP was there to record.
pub fn run_in_place(environment: &[(&str, &str)], program: &Path, arguments: &[&str]) -> Run {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let record = directory.path().join("record");
    let recording = [environment, &[("RMCP_RECORD", record.to_str().expect("UTF-8"))]].concat();
    let mut run = on_card_with("gfx1030", None, &recording, program, arguments);
    if record.exists() {
        run.report = report(&record);
    }
    run
}

/// The run's one default host allocation was made by AMD's library alone.
#[track_caller]
pub fn assert_not_hooked(run: &Run) {
    assert_eq!(run.calls.len(), 1, "{}", run.stderr);
    assert_eq!(run.calls[0].code, 0, "{}", run.stderr);
    assert_eq!(kernel_mtype(run, &run.calls[0]), "UC", "{}", run.stderr);
    assert!(run.report.is_null(), "{}", run.report);
}

/// The run's one default host allocation was seen by the hook and arrived as non-coherent memory, and the fronts of these real libraries (file and
/// build-id) were there, no others.
#[track_caller]
pub fn assert_hooked(run: &Run, reals: &[(PathBuf, String)]) {
    assert_eq!(run.calls.len(), 1, "{}", run.stderr);
    assert_eq!(run.calls[0].code, 0, "{}", run.stderr);
    assert_eq!(kernel_mtype(run, &run.calls[0]), "NC", "{}", run.stderr);
    assert!(rewrites(&run.report, "hipHostMalloc") >= 1, "{}", run.report);
    let text = |front: &Value, field: &str| front[field].as_str().expect("text").to_owned();
    let fronts = run.report["fronts"].as_array().expect("fronts");
    let mut seen: Vec<_> = fronts
        .iter()
        .map(|front| {
            let real = PathBuf::from(text(front, "real_path"));
            (real.canonicalize().unwrap_or(real), text(front, "build_id"))
        })
        .collect();
    let mut expected = reals.to_vec();
    seen.sort();
    expected.sort();
    assert_eq!(seen, expected, "{}", run.stderr);
}
