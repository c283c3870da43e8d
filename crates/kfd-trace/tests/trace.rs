//! The trace says what the virtual card's own log says.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// `target/<profile>`, with what this test needs in it.
fn built() -> PathBuf {
    let exe = std::env::current_exe().expect("the test's own path");
    let directory = exe.parent().and_then(Path::parent).expect("target/<profile>/deps").to_owned();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let profile = if directory.ends_with("debug") { "dev" } else { "release" };
    succeed(Command::new(cargo).args(["build", "--quiet", "--profile", profile]).args([
        "-p",
        "vgpu",
        "-p",
        "vgpu-preload",
        "-p",
        "kfd-trace",
    ]));
    directory
}

fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}: {}\n{}", output.status, text(&output.stderr));
    text(&output.stdout)
}

/// Address, size, flags and memory type of each request for memory in a log, and what became of it.
fn requests(path: &Path) -> Vec<Value> {
    std::fs::read_to_string(path)
        .expect("a log")
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
        .filter(|line| line["event"] == "alloc" || line["event"] == "svm")
        .map(|line| {
            let fields = ["event", "gpu", "va", "size", "flags", "names", "mtype", "errno", "set", "clear", "access"];
            fields.iter().map(|field| line[field].clone()).collect()
        })
        .collect()
}

#[test]
fn every_request_for_memory_is_traced_as_the_virtual_driver_logs_it() {
    let (built, directory) = (built(), tempfile::tempdir().expect("a temporary directory"));
    let program = directory.path().join("alloc");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/programs/alloc.c");
    succeed(
        Command::new("cc").arg("-Wno-deprecated-declarations").arg(source).arg("-o").arg(&program).arg("-lamdhip64"),
    );
    let (log, trace) = (directory.path().join("log"), directory.path().join("trace"));
    // In front of the virtual card, as it would be in front of libc.
    let line = format!("LD_PRELOAD={}:$LD_PRELOAD exec \"$@\"", built.join("libkfd_trace.so").display());
    succeed(
        Command::new(built.join("vgpu"))
            .arg("--log")
            .arg(&log)
            // Requests for video memory fail from the third on.
            .args(["gfx1030,fault=alloc/vram@3+=ENOMEM", "--", "sh", "-c", &line, "sh"])
            .arg(program)
            .args([
                "hipHostMalloc",
                "hipHostMalloc:0x80000000",
                "hipMallocManaged",
                "hipMalloc:0:8388608",
                "hipMalloc:0:16777216",
            ])
            .env("KFD_TRACE", &trace),
    );
    let logged = requests(&log);
    assert_eq!(requests(&trace), logged);
    let count = |of: fn(&Value) -> bool| logged.iter().filter(|line| of(line)).count();
    assert!(count(|line| line[0] == "svm") >= 1, "the program's managed memory");
    assert!(count(|line| line[7] == 12) >= 1, "the program's refused request (ENOMEM)");
    assert!(count(|line| line[6] == "NC") >= 1 && count(|line| line[6] == "UC") >= 1, "both memory types");
}

#[test]
fn without_a_file_to_write_to_the_program_runs_as_ever() {
    let text = succeed(Command::new("echo").arg("hello").env("LD_PRELOAD", built().join("libkfd_trace.so")));
    assert_eq!(text, "hello\n");
}
