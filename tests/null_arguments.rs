//! A hook answers to null and zeros as the real function does: with the same code, and without a crash where that has none.

mod support;

use std::process::Command;

use support::{built, program, rmcp, succeed};

/// The functions of a list of hooks.
fn hooked(list: &str) -> Vec<&str> {
    let lines =
        list.lines().skip_while(|line| !line.ends_with("hooked {")).take_while(|line| !line.ends_with("called {"));
    let names = lines.filter_map(|line| line.trim_start().split_once('(')).map(|(name, _)| name);
    names.filter(|name| name.starts_with("hip") || name.starts_with("hsa_")).collect()
}

fn same_as_without_rmcp(library: &str, list: &str, least: usize) {
    let program = program("null_arguments.c", &[]);
    let names = hooked(list);
    assert!(names.len() >= least, "{names:?}");
    for when in ["before", "after"] {
        let answers = |command: &mut Command| {
            let output = succeed(command.arg("--").arg(&program).args([library, when]).args(&names));
            let text = String::from_utf8(output.stdout).expect("UTF-8");
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        };
        let stock = answers(Command::new(built("vgpu")).arg("gfx1030"));
        assert_eq!(stock.len(), names.len());
        for mode in ["audit", "strict"] {
            let directory = tempfile::tempdir().expect("a temporary directory");
            let record = directory.path().join("record");
            let ours = answers(
                rmcp()
                    .args(["run", "--quiet", "--policy", mode, "--repair", "malloc-async=on", "--virtual", "gfx1030"])
                    .arg("--record")
                    .arg(&record),
            );
            assert_eq!(ours, stock, "{mode} {when}");
        }
    }
}

#[test]
fn every_hook_of_hip_answers_to_null_as_the_real_function_does() {
    same_as_without_rmcp("libamdhip64.so.5", include_str!("../src/hooks/hip/list.rs"), 80);
}

#[test]
fn every_hook_of_hsa_answers_to_null_as_the_real_function_does() {
    same_as_without_rmcp("libhsa-runtime64.so.1", include_str!("../src/hooks/hsa/list.rs"), 30);
}
