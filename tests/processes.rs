//! Every way in which a process comes to HIP is hooked, and ends cleanly. The record file says that the front was really
//! loaded and the call seen; the virtual card's log, that the rewrite reached the kernel.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::{Run, kernel_memory, on_card, program, rmcp, succeed};

/// The one default host allocation of `run` was seen by the hook and arrived as non-coherent memory.
fn assert_hooked(run: &Run) {
    assert_eq!(run.calls.len(), 1, "{}", run.stderr);
    assert_eq!(run.calls[0].code, 0, "{}", run.stderr);
    assert_eq!(kernel_memory(run, &run.calls[0]).flags, "d0000004");
    for soname in ["libamdhip64.so.5", "libhsa-runtime64.so.1"] {
        assert!(support::front_was_loaded(&run.report, soname), "{soname}: {}", run.report);
    }
    assert!(support::rewrites(&run.report, "hipHostMalloc") >= 1, "{}", run.report);
}

#[test]
fn a_linked_program_is_hooked() {
    assert_hooked(&on_card("gfx1030", Some("default"), &program("alloc.c", &[]), &["hipHostMalloc"]));
}

#[test]
fn a_python_process_that_opens_hip_locally_is_hooked() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/alloc.py");
    assert_hooked(&on_card("gfx1030", Some("default"), Path::new("python3"), &[script.to_str().expect("UTF-8")]));
}

#[test]
fn a_forked_child_is_hooked() {
    assert_hooked(&on_card("gfx1030", Some("default"), &program("alloc.c", &[]), &["--fork", "hipHostMalloc"]));
}

#[test]
fn a_program_that_calls_hip_from_a_static_initialiser_is_hooked() {
    assert_hooked(&on_card("gfx1030", Some("default"), &program("static_init.cpp", &[]), &[]));
}

#[test]
fn a_program_started_by_a_shell_script_is_hooked() {
    let alloc = program("alloc.c", &[]);
    let line = format!("true; '{}' hipHostMalloc; exit $?", alloc.display());
    assert_hooked(&on_card("gfx1030", Some("default"), Path::new("sh"), &["-c", &line]));
}

/// A directory with its own copies of AMD's libraries, and `alloc` linked against them by an absolute DT_RPATH or DT_RUNPATH.
fn own_copies(tag: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let system = Path::new("/usr/lib/x86_64-linux-gnu");
    for name in ["libamdhip64.so.5", "libhsa-runtime64.so.1"] {
        std::fs::copy(system.join(name), directory.path().join(name)).expect("copy a library");
    }
    let rpath = format!("-Wl,{tag},-rpath,{}", directory.path().display());
    let out = directory.path().join("alloc");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/alloc.c");
    succeed(
        Command::new("cc")
            .args(["-Wno-deprecated-declarations", &rpath])
            .arg(source)
            .arg("-o")
            .arg(&out)
            .arg("-lamdhip64"),
    );
    (directory, out)
}

#[test]
fn a_program_with_dt_rpath_to_its_own_copy_of_the_libraries_is_hooked_and_keeps_its_copy() {
    for tag in ["--disable-new-dtags", "--enable-new-dtags"] {
        let (directory, program) = own_copies(tag);
        let run = on_card("gfx1030", Some("default"), &program, &["hipHostMalloc"]);
        assert_hooked(&run);
        let report = run.report.to_string();
        assert!(
            report.contains(&format!("{}/libamdhip64.so.5", directory.path().display())),
            "{tag}: its own copy is used: {report}"
        );
    }
}

#[test]
fn exit_codes_and_signals_pass_through() {
    let code = |script: &str| {
        rmcp()
            .args(["run", "--quiet", "--virtual", "gfx1030", "--", "sh", "-c", script])
            .status()
            .expect("rmcp starts")
            .code()
    };
    assert_eq!(code("exit 0"), Some(0));
    assert_eq!(code("exit 42"), Some(42));
    assert_eq!(code("kill -SEGV $$"), Some(128 + 11));
}

#[test]
fn the_summary_says_what_was_rewritten_and_quiet_turns_it_off() {
    let alloc = program("alloc.c", &[]);
    let summary = |quiet: bool| {
        let mut command = rmcp();
        command.arg("run");
        if quiet {
            command.arg("--quiet");
        }
        let output = succeed(command.args(["--virtual", "gfx1030", "--"]).arg(&alloc).arg("hipHostMalloc"));
        String::from_utf8(output.stderr).expect("UTF-8")
    };
    assert_eq!(summary(true), "");
    let said = summary(false);
    for word in ["hipHostMalloc", "libamdhip64.so.5", "gfx1030", "rewritten"] {
        assert!(said.contains(word), "{word}: {said}");
    }
}

#[test]
fn a_program_that_never_calls_hip_is_said_to_be_so() {
    let output = succeed(rmcp().args(["run", "--", "true"]));
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(said.to_lowercase().contains("never"), "{said}");
}
