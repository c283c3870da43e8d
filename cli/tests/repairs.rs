//! What `rmcp run` does about a program's environment before it starts, with AMD's libraries of Debian 12 on virtual cards.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use support::{build_libraries, output, program, rmcp};

/// Prints what HIP calls each device.
const DEVICES: &str = "\
#define __HIP_PLATFORM_AMD__ 1
#include <hip/hip_runtime_api.h>
#include <stdio.h>
int main(void) {
    int count = 0;
    hipError_t error = hipGetDeviceCount(&count);
    if (error) { printf(\"error %d\\n\", error); return 1; }
    for (int i = 0; i < count; i++) {
        hipDeviceProp_t properties;
        if (hipGetDeviceProperties(&properties, i)) return 2;
        printf(\"%.7s\\n\", properties.gcnArchName);
    }
    return 0;
}
";

fn devices() -> &'static Path {
    static PROGRAM: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = PROGRAM.get_or_init(|| {
        let directory = tempfile::tempdir().expect("a directory");
        let path = program(directory.path(), "devices", DEVICES, &["-lamdhip64"]);
        (directory, path)
    });
    path
}

/// Without a summary, so that standard error holds the repairs alone.
fn on(cards: &str, arguments: &[&str]) -> Command {
    build_libraries();
    let mut command = rmcp();
    command.args(["run", "--quiet", "--virtual", cards]).args(arguments).arg("--").arg(devices());
    command
}

const OVERRIDE: &str = "HSA_OVERRIDE_GFX_VERSION";

#[test]
fn a_wrong_override_is_explained_in_one_sentence_and_the_program_runs_as_asked() {
    for arguments in [&[][..], &["--repair", "override=explain"]] {
        let (code, stdout, stderr) = output(on("gfx1010", arguments).env(OVERRIDE, "10.3.0"));
        assert_eq!((code, stdout.as_str()), (0, "gfx1030\n"), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        for words in
            ["rmcp: HSA_OVERRIDE_GFX_VERSION=10.3.0", "gfx1010 (node 1) for gfx1030", "instructions", "unset it"]
        {
            assert!(stderr.contains(words), "{words}: {stderr}");
        }
    }
    let (code, stdout, stderr) = output(on("gfx1010", &["--repair", "override=off"]).env(OVERRIDE, "10.3.0"));
    assert_eq!((code, stdout.as_str(), stderr.as_str()), (0, "gfx1030\n", ""));
}

#[test]
fn a_wrong_override_is_refused_if_the_user_says_so() {
    let directory = tempfile::tempdir().expect("a directory");
    let record = directory.path().join("record");
    let arguments = ["--repair", "override=refuse", "--record", record.to_str().expect("UTF-8")];
    let (code, stdout, stderr) = output(on("gfx1010", &arguments).env(OVERRIDE, "10.3.0"));
    assert_eq!((code, stdout.as_str(), stderr.lines().count()), (4, "", 1), "{stderr}");
    assert!(stderr.starts_with("rmcp: not started") && stderr.contains("gfx1010"), "{stderr}");
    assert!(!record.exists(), "an older record would be gone");
    let (code, ..) = output(on("gfx1010", &[]).env(OVERRIDE, "10.3.0").env("RMCP_REPAIR_OVERRIDE", "refuse"));
    assert_eq!(code, 4);
}

#[test]
fn a_wrong_override_is_taken_away_if_the_user_says_so() {
    let (code, stdout, stderr) = output(on("gfx1010", &["--repair", "override=correct"]).env(OVERRIDE, "10.3.0"));
    assert_eq!((code, stdout.as_str()), (0, "gfx1010\n"), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    for words in ["rmcp: unset HSA_OVERRIDE_GFX_VERSION (10.3.0 means gfx1030", "gfx1010", "off: --repair override=off"]
    {
        assert!(stderr.contains(words), "{words}: {stderr}");
    }
    // What AMD's library cannot read leaves no GPU; the way out is the same.
    let (code, _, stderr) = output(on("gfx1010", &[]).env(OVERRIDE, "10.3"));
    assert!(code == 1 && stderr.contains("no GPU at all"), "{code} {stderr}");
    let (_, stdout, _) = output(on("gfx1010", &["--repair", "override=correct"]).env(OVERRIDE, "10.3"));
    assert_eq!(stdout, "gfx1010\n");
}

#[test]
fn a_right_override_is_left_alone_and_not_talked_about() {
    for cards in ["gfx1032", "gfx1035,gfx1030"] {
        for way in ["explain", "refuse", "correct"] {
            let arguments = ["--repair", &format!("override={way}")];
            let (code, stdout, stderr) = output(on(cards, &arguments).env(OVERRIDE, "10.3.0"));
            assert_eq!((code, stderr.as_str()), (0, ""), "{cards}");
            assert!(stdout.lines().all(|line| line == "gfx1030"), "{stdout}");
        }
    }
}

#[test]
fn what_is_right_for_one_card_only_stays_where_the_runtime_has_no_variable_for_one() {
    let arguments = ["--repair", "override=correct"];
    let (code, stdout, stderr) = output(on("gfx1032,gfx1010", &arguments).env(OVERRIDE, "10.3.0"));
    assert_eq!((code, stdout.as_str()), (0, "gfx1030\ngfx1030\n"), "{stderr}");
    assert!(stderr.contains("right for gfx1032 (node 1) only") && stderr.contains("no such variable"), "{stderr}");
    let (_, stdout, stderr) = output(on("gfx1030,gfx1010", &arguments).env(OVERRIDE, "10.3.0"));
    assert_eq!(stdout, "gfx1030\ngfx1010\n", "{stderr}");
}

#[test]
fn the_processors_gpu_is_hidden_beside_a_card() {
    let seen = |cards: &str, arguments: &[&str], variables: &[(&str, &str)]| {
        let (code, stdout, stderr) = output(on(cards, arguments).envs(variables.iter().copied()));
        assert_eq!(code, 0, "{stderr}");
        (stdout, stderr)
    };
    assert_eq!(seen("gfx1035,gfx1030", &[], &[]), ("gfx1035\ngfx1030\n".to_owned(), String::new()));
    for switch in ["hide-apu=on", "hide-apu=auto"] {
        for (cards, shown) in [("gfx1035,gfx1030", "1"), ("gfx1030,gfx1035", "0")] {
            let (stdout, stderr) = seen(cards, &["--repair", switch], &[]);
            assert_eq!(stdout, "gfx1030\n", "{stderr}");
            let line = format!("rmcp: set ROCR_VISIBLE_DEVICES={shown} (hides gfx1035");
            assert!(stderr.starts_with(&line) && stderr.ends_with("off: --repair hide-apu=off)\n"), "{stderr}");
        }
        assert_eq!(seen("gfx1035", &["--repair", switch], &[]).0, "gfx1035\n", "{switch}");
    }
    let chosen = [("HIP_VISIBLE_DEVICES", "1,0")];
    let (stdout, stderr) = seen("gfx1035,gfx1030", &["--repair", "hide-apu=auto"], &chosen);
    assert_eq!((stdout.as_str(), stderr.as_str()), ("gfx1030\ngfx1035\n", ""));
    let (stdout, stderr) = seen("gfx1035,gfx1030", &["--repair", "hide-apu=on"], &chosen);
    assert_eq!(stdout, "gfx1030\n", "{stderr}");
    assert!(stderr.contains("set HIP_VISIBLE_DEVICES=0"), "{stderr}");
}

#[test]
fn an_apu_that_this_release_does_not_know_is_hidden_already() {
    let (code, stdout, stderr) = output(&mut on("gfx1036,gfx1030", &["--repair", "hide-apu=on"]));
    assert_eq!((code, stdout.as_str()), (0, "gfx1030\n"));
    // ROCr has its own say.
    assert!(stderr.contains("unrecognized id") && !stderr.contains("rmcp:"), "{stderr}");
}

#[test]
fn miopens_find_mode_is_set_unless_the_user_has_one() {
    build_libraries();
    let run = |own: Option<&str>| {
        let mut command = rmcp();
        command.args(["run", "--quiet", "--repair", "miopen-find-mode=FAST", "--"]);
        output(command.args(["sh", "-c", "echo $MIOPEN_FIND_MODE"]).envs(own.map(|mode| ("MIOPEN_FIND_MODE", mode))))
    };
    let (_, stdout, stderr) = run(None);
    assert_eq!(stdout, "FAST\n");
    assert!(stderr.starts_with("rmcp: set MIOPEN_FIND_MODE=FAST (") && stderr.lines().count() == 1, "{stderr}");
    assert_eq!(run(Some("NORMAL")), (0, "NORMAL\n".to_owned(), String::new()));
}

#[test]
fn copies_from_registered_memory_need_no_variable_before_hip_6_4() {
    let (_, _, stderr) = output(&mut on("gfx1030", &["--policy", "strict"]));
    assert_eq!(stderr, "");
}

#[test]
fn the_program_gets_what_was_set_by_hand_and_no_policy_that_was_not() {
    build_libraries();
    let run = |arguments: &[&str]| {
        let mut command = rmcp();
        command.args(["run", "--quiet"]).args(arguments).args(["--", "sh", "-c"]);
        output(command.arg("echo ${RMCP_POLICY-none} ${RMCP_REPAIR_MEMORY_LOCK-none} ${RMCP_REPAIR_MALLOC_ASYNC-none}"))
            .1
    };
    assert_eq!(run(&[]), "none none none\n");
    assert_eq!(
        run(&["--policy", "audit", "--repair", "memory-lock=off", "--repair", "malloc-async=on"]),
        "audit off on\n"
    );
    let (code, _, stderr) = output(rmcp().args(["run", "--repair", "memory-lock=maybe", "--", "true"]));
    assert!(code == 2 && stderr.contains("off, on or auto"), "{stderr}");
}

#[test]
fn a_dry_run_prints_the_plan_and_starts_nothing() {
    build_libraries();
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name);
    std::fs::write(path("log"), "of an earlier run").expect("written");
    let run = |way: &str| {
        let mut command = rmcp();
        command
            .args(["run", "--dry-run", "--policy", "strict", "--virtual", "gfx1035,gfx1010", "--record"])
            .arg(path("record"));
        command.arg("--virtual-log").arg(path("log"));
        command.args(["--repair", "hide-apu=on", "--repair", way, "--", "touch"]).arg(path("started"));
        output(command.env(OVERRIDE, "10.3.0"))
    };
    let (code, stdout, stderr) = run("override=correct");
    assert_eq!((code, stderr.as_str()), (0, ""));
    for words in [
        "Policy: strict",
        path("record").to_str().expect("UTF-8"),
        "libamdhip64.so.5",
        "  set RMCP_POLICY=strict",
        "  set LD_LIBRARY_PATH=",
        "  set ROCR_VISIBLE_DEVICES=1 (hides gfx1035",
        "  unset HSA_OVERRIDE_GFX_VERSION (10.3.0 means gfx1030",
        "Nothing was started.",
    ] {
        assert!(stdout.contains(words), "{words}: {stdout}");
    }
    let (code, stdout, stderr) = run("override=refuse");
    assert!(code == 4 && stdout.contains("Nothing was started.") && stderr.contains("not started"), "{stderr}");
    assert_eq!(std::fs::read_to_string(path("log")).expect("read"), "of an earlier run");
    for name in ["record", "started"] {
        assert!(!path(name).exists(), "{name}");
    }
}

#[test]
fn the_summary_names_the_policy_that_each_process_was_under() {
    build_libraries();
    let mut command = rmcp();
    command.args(["run", "--policy", "audit", "--virtual", "gfx1030", "--", "sh", "-c"]);
    let (code, _, stderr) = output(
        command
            .arg("$0; $1 run --quiet --policy strict -- $0; true")
            .args([devices(), Path::new(env!("CARGO_BIN_EXE_rmcp"))]),
    );
    assert_eq!(code, 0);
    assert!(stderr.contains("RMCP: policy audit in 1 process, strict in 1 process; "), "{stderr}");
    let (_, _, stderr) = output(rmcp().args(["run", "--virtual", "gfx1030", "--"]).arg(devices()));
    assert!(stderr.contains("RMCP: policy default; "), "{stderr}");
}
