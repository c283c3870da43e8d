//! What the end-to-end tests share: where the built files are, programs compiled once, and runs on the virtual card.

#![allow(dead_code)] // each test binary uses a part of it

pub mod generation;
mod run;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

#[allow(unused_imports)] // each test binary uses a part of it
pub use run::{end, output, succeed};
use serde_json::Value;

/// `target/<profile>`: the directory of the test binary's parent.
pub fn built(name: &str) -> PathBuf {
    let exe = std::env::current_exe().expect("the test's own path");
    let path = exe.parent().and_then(Path::parent).expect("target/<profile>/deps").join(name);
    assert!(
        path.exists(),
        "{} is not built: run `cargo xtask test`, or `cargo build --workspace` first",
        path.display()
    );
    path
}

pub fn rmcp() -> Command {
    Command::new(built("rmcp"))
}

/// A program of `tests/programs`, compiled with the system's C or C++ compiler or with hipcc, once per content and arguments.
pub fn program(source: &str, arguments: &[&str]) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = root.join("tests/programs").join(source);
    let text = std::fs::read(&source).unwrap_or_else(|e| panic!("{}: {e}", source.display()));
    let name = source.file_name().expect("a file name").to_string_lossy().into_owned();
    let compiler = match name.rsplit_once('.').expect("an extension").1 {
        "c" => "cc",
        _ if name.ends_with(".hip.cpp") => "hipcc",
        _ => "c++",
    };
    let key = fnv(&[&text[..], arguments.join("\0").as_bytes()].concat());
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let out = directory.join(format!("{}-{key:016x}", name.split('.').next().expect("a stem")));
    // Tests of one binary wait for each other; test binaries may run at the same time: compile beside and rename.
    static COMPILING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = COMPILING.lock().unwrap_or_else(PoisonError::into_inner);
    if !out.exists() {
        let half = directory.join(format!(".{}-{key:016x}-{}", compiler, std::process::id()));
        let mut command = Command::new(compiler);
        if compiler == "hipcc" {
            command.args(["--offload-arch=gfx1010", "--offload-arch=gfx1030", "-std=c++17"]);
        }
        command.args(["-O2", "-Wno-deprecated-declarations"]).arg(&source).arg("-o").arg(&half);
        if compiler != "hipcc" {
            command.arg("-lamdhip64");
        }
        // hipcc leaves empty directories among its temporary files.
        let temporary = tempfile::tempdir_in(directory).expect("a temporary directory");
        succeed(command.args(arguments).env("TMPDIR", temporary.path()));
        std::fs::rename(&half, &out).expect("rename the compiled program");
    }
    out
}

fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

/// One line that a program of `tests/programs` printed for one call.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
pub struct Call {
    pub call: String,
    pub flags: u32,
    pub size: u64,
    pub code: i32,
    pub pointer: u64,
    pub device: u64,
}

/// What a run on the virtual card left behind.
#[derive(Debug)]
pub struct Run {
    pub calls: Vec<Call>,
    pub log: Vec<Value>,
    pub stdout: String,
    pub stderr: String,
    /// The record file's contents as `rmcp report --json` prints them; `Null` without RMCP.
    pub report: Value,
}

/// With which policy a program runs; `None`: RMCP is not there at all.
pub type Policy<'a> = Option<&'a str>;

/// Runs `program` with `arguments` on the virtual card `spec`, and reads its log.
pub fn on_card(spec: &str, policy: Policy, program: &Path, arguments: &[&str]) -> Run {
    on_card_with(spec, policy, &[], program, arguments)
}

/// As [`on_card`], with further environment variables.
pub fn on_card_with(
    spec: &str,
    policy: Policy,
    environment: &[(&str, &str)],
    program: &Path,
    arguments: &[&str],
) -> Run {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let log = directory.path().join("kfd.jsonl");
    let record = directory.path().join("record");
    let mut command = match policy {
        None => {
            let mut command = Command::new(built("vgpu"));
            command.arg("--log").arg(&log).arg(spec);
            command
        }
        Some(mode) => {
            let mut command = rmcp();
            command
                .args(["run", "--quiet", "--policy", mode, "--virtual", spec, "--virtual-log"])
                .arg(&log)
                .arg("--record")
                .arg(&record);
            command
        }
    };
    command.envs(environment.iter().copied());
    let output = succeed(command.arg("--").arg(program).args(arguments));
    let stdout = String::from_utf8(output.stdout).expect("UTF-8");
    let calls = stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let report = match policy {
        None | Some("off") => Value::Null,
        Some(_) => self::report(&record),
    };
    Run { calls, log: json_lines(&log), stdout, stderr: String::from_utf8_lossy(&output.stderr).into_owned(), report }
}

/// What `rmcp report --json` prints of a record.
pub fn report(record: &Path) -> Value {
    let output = succeed(rmcp().args(["report", "--json"]).arg(record));
    serde_json::from_slice(&output.stdout).expect("rmcp report --json prints JSON")
}

pub fn json_lines(path: &Path) -> Vec<Value> {
    std::fs::read_to_string(path)
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()))
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}")))
        .collect()
}

/// Call names with their flags, for messages and tables: `hipHostMalloc(0x2)`.
pub fn title(call: &Call) -> String {
    format!("{}({:#x})", call.call, call.flags)
}

/// The calls of a run by title.
pub fn by_title<T>(calls: &[Call], value: impl Fn(&Call) -> T) -> BTreeMap<String, T> {
    calls.iter().map(|call| (title(call), value(call))).collect()
}

/// Memory that the kernel driver was asked for, as the virtual card logged it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    /// KFD's flags, 8 hexadecimal digits.
    pub flags: String,
    /// `NC` or `UC`.
    pub mtype: String,
    pub size: u64,
    va: u64,
}

/// All successful allocations of a run, in their order.
pub fn allocations(run: &Run) -> Vec<Memory> {
    run.log
        .iter()
        .filter(|event| event["event"] == "alloc" && event["errno"] == 0)
        .map(|event| {
            let text = |field: &str| event[field].as_str().expect("text").to_owned();
            let number = |field: &str| event[field].as_u64().expect("a number");
            Memory { flags: text("flags"), mtype: text("mtype"), size: number("size"), va: number("va") }
        })
        .collect()
}

/// The memory that a call of the program got: the last allocation that covers its address. (Small requests share one.)
pub fn kernel_memory(run: &Run, call: &Call) -> Memory {
    let covers = |memory: &Memory| (memory.va..memory.va + memory.size).contains(&call.device);
    allocations(run)
        .into_iter()
        .rfind(covers)
        .unwrap_or_else(|| panic!("{} never reached the kernel driver: {}", title(call), run.stderr))
}

/// The page-table type, `NC` or `UC`, of the memory that a call of the program got: of the range of the SVM interface that covers its address, or, where
/// there is none, of the allocation.
pub fn kernel_mtype(run: &Run, call: &Call) -> String {
    let covers = |event: &&Value| {
        let number = |field: &str| event[field].as_u64().expect("a number");
        event["event"] == "svm" && (number("va")..number("va") + number("size")).contains(&call.device)
    };
    match run.log.iter().rfind(covers) {
        Some(range) => range["mtype"].as_str().expect("text").to_owned(),
        None => kernel_memory(run, call).mtype,
    }
}

/// Whether a process of the run had the front of `soname` in it.
pub fn front_was_loaded(report: &Value, soname: &str) -> bool {
    report["fronts"].as_array().is_some_and(|fronts| fronts.iter().any(|front| front["soname"] == soname))
}

/// How many calls of a function were rewritten.
pub fn rewrites(report: &Value, call: &str) -> usize {
    let calls = report["calls"].as_array().expect("calls");
    calls.iter().filter(|event| event["call"] == call && event["verdict"] == "rewritten").count()
}
