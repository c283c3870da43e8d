//! What people read.

use std::fs;

use crate::support::output;
use crate::tree::{HIP, HSA, Tree, golden};

#[test]
fn the_plan_says_what_was_found_and_what_becomes_of_it_and_a_dry_run_changes_nothing() {
    let tree = Tree::new();
    tree.copy(HSA, "libhsa-runtime64.so.1.4.0");
    fs::write(tree.library("libamdhip64.so.4"), "not a library\n").expect("written");
    let before = tree.listing();
    let (stdout, stderr) = tree.says(0, &["install", "--dry-run"]);
    assert_eq!(stderr, "");
    golden("plan.txt", &stdout);
    assert_eq!(tree.listing(), before);
    assert!(stdout.lines().all(|line| line.chars().count() <= 100), "{stdout}");
}

#[test]
fn an_installation_is_told_from_plan_to_end_and_again_there_is_nothing_to_do() {
    let tree = Tree::new();
    let (stdout, stderr) = tree.says(0, &["install", "--yes"]);
    golden("install.txt", &stdout);
    golden("progress.txt", &stderr);
    golden("again.txt", &tree.says(0, &["install", "--yes"]).0);
    golden("nothing-to-repair.txt", &tree.says(0, &["repair"]).0);
    golden("uninstall.txt", &tree.says(0, &["uninstall", "--yes"]).0);
    golden("nothing-to-uninstall.txt", &tree.says(0, &["uninstall"]).0);
}

#[test]
fn status_names_each_copy_and_ends_with_what_to_do() {
    let tree = Tree::new();
    golden("status-before.txt", &tree.says(0, &["status"]).0);
    tree.install();
    golden("status.txt", &tree.says(0, &["status"]).0);
}

#[test]
fn status_tells_what_an_upgrade_left_and_repair_puts_it_right() {
    let tree = Tree::new();
    tree.install();
    // A package manager that knows nothing of fronts writes its file over ours, and takes the other library to a new name.
    fs::remove_file(tree.library(HIP)).expect("removed");
    tree.copy(HIP, HIP);
    fs::remove_file(tree.library(&format!("rmcp-real-{HSA}"))).expect("removed");
    golden("status-upgraded.txt", &tree.says(1, &["status"]).0);
    golden("repair.txt", &tree.says(0, &["repair", "--yes"]).0);
    golden("status-repaired.txt", &tree.says(0, &["status"]).0);
}

#[test]
fn a_front_whose_core_is_gone_or_whose_name_is_gone_is_seen_and_repaired() {
    let tree = Tree::new();
    tree.install();
    fs::remove_file(tree.library(HIP)).expect("removed");
    assert!(tree.says(1, &["status"]).0.contains("libamdhip64.so.5: saved library without its front"));
    let core = fs::read_dir(tree.prefix().join("lib"))
        .expect("readable")
        .map(|entry| entry.expect("an entry").path())
        .find(|path| path.is_dir())
        .expect("the core's directory");
    fs::remove_file(core.join("librmcp.so")).expect("removed");
    assert!(tree.says(1, &["status"]).0.contains("libhsa-runtime64.so.1: front whose core is missing"));
    tree.says(0, &["repair", "--yes"]);
    assert!(tree.says(0, &["status"]).0.ends_with("All in order.\n"));
}

#[test]
fn a_tree_that_was_moved_is_told_from_another_rmcp_and_repaired() {
    let tree = Tree::new();
    tree.install();
    let elsewhere = tree.path().join("opt/rocm-elsewhere");
    fs::rename(tree.prefix(), &elsewhere).expect("moved");
    let rmcp = |code: i32, words: &[&str]| {
        let (found, stdout, stderr) = output(tree.rmcp(words).arg("--prefix").arg(&elsewhere));
        assert_eq!(found, code, "{words:?}\n{stdout}\n{stderr}");
        tree.masked(&stdout)
    };
    golden("status-moved.txt", &rmcp(1, &["status"]));
    let status: serde_json::Value = serde_json::from_str(&rmcp(1, &["status", "--json"])).expect("JSON");
    let copies = status["targets"][0]["copies"].as_array().expect("copies");
    assert!(copies.len() == 2 && copies.iter().all(|copy| copy["state"] == "moved"), "{copies:?}");
    let done = rmcp(0, &["repair", "--yes"]);
    assert!(done.contains("it was made where the tree stood before"), "{done}");
    assert!(rmcp(0, &["status"]).ends_with("All in order.\n"));
}

#[test]
fn quiet_says_nothing_where_all_goes_well() {
    let tree = Tree::new();
    for command in ["install", "repair", "uninstall"] {
        assert_eq!(tree.says(0, &[command, "--yes", "--quiet"]), (String::new(), String::new()), "{command}");
    }
}

#[test]
fn without_a_tree_the_known_ones_are_meant() {
    let tree = Tree::new();
    const NONE: &str = "no installation is known to this user; name one with --system, --prefix DIR or --python ENV";
    assert_eq!(output(&mut tree.rmcp(&["repair"])), (0, format!("nothing to do: {NONE}.\n"), String::new()));
    assert_eq!(output(&mut tree.rmcp(&["uninstall"])), (2, String::new(), format!("rmcp: {NONE}\n")));
    tree.install();
    fs::remove_file(tree.library(&format!("rmcp-real-{HSA}"))).expect("removed");
    let (code, stdout, _) = output(&mut tree.rmcp(&["status"]));
    assert_eq!(code, 1, "{stdout}");
    assert!(stdout.contains("the system:\n") && tree.masked(&stdout).contains("the prefix /opt/rocm:\n"), "{stdout}");
    let (code, stdout, stderr) = output(&mut tree.rmcp(&["repair", "--yes"]));
    assert_eq!((code, tree.masked(&stdout).starts_with("repair the prefix /opt/rocm:\n")), (0, true), "{stderr}");
    let (code, stdout, stderr) = output(&mut tree.rmcp(&["uninstall", "--yes"]));
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("nothing of RMCP is left"), "{stdout}");
    assert!(!tree.path().join("state/rmcp").exists(), "the list of installations is removed with the last of them");
}

#[test]
fn uninstall_does_not_choose_between_two_installations() {
    let tree = Tree::new();
    tree.install();
    let second = tree.path().join("second");
    fs::create_dir_all(second.join("lib")).expect("made");
    fs::copy(tree.library(&format!("rmcp-real-{HSA}")), second.join("lib").join(HSA)).expect("copied");
    let (code, _, stderr) = output(tree.rmcp(&["install", "--yes", "--quiet", "--prefix"]).arg(&second));
    assert_eq!(code, 0, "{stderr}");
    let (code, _, stderr) = output(&mut tree.rmcp(&["uninstall", "--yes"]));
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.starts_with("rmcp: RMCP is installed in more than one place; name the one"), "{stderr}");
    assert!(tree.masked(&stderr).contains("--prefix /opt/rocm"), "{stderr}");
}

#[test]
fn a_program_that_takes_the_saved_library_itself_has_no_rmcp_in_between() {
    let tree = Tree::new();
    let saved = tree.library(&format!("rmcp-real-{HIP}"));
    // The linker writes the path of a library without a SONAME.
    let source = "int hipInit(unsigned flags) { return flags; }\n";
    crate::support::program(&tree.path(), "stub", source, &["-shared", "-fPIC"]);
    fs::rename(tree.path().join("stub"), &saved).expect("moved");
    let source = "int hipInit(unsigned);\nint main(void) { return hipInit(0); }\n";
    let program = crate::support::program(&tree.path(), "program", source, &[saved.to_str().expect("UTF-8")]);
    fs::remove_file(&saved).expect("removed");
    fs::rename(tree.library(HIP), &saved).expect("moved");
    let (_, stdout, stderr) = output(tree.command(&["status"]).arg("--program").arg(&program));
    let line = stdout.lines().find(|line| line.contains(saved.to_str().expect("UTF-8")));
    assert!(line.is_some_and(|line| line.contains("without RMCP")), "{stdout}{stderr}");
}

#[test]
fn status_says_what_a_program_would_load() {
    let tree = Tree::new();
    let source = "int hipInit(unsigned);\nint main(void) { return hipInit(0); }\n";
    let library = tree.library("libamdhip64.so");
    let runpath = format!("-Wl,-rpath,{}", tree.prefix().join("lib").display());
    let program = crate::support::program(&tree.path(), "program", source, &[&library.display().to_string(), &runpath]);
    let loads = || {
        let (code, stdout, stderr) = output(tree.command(&["status"]).arg("--program").arg(&program));
        assert_eq!(code, 0, "{stderr}");
        let stdout = tree.masked(&stdout);
        stdout.split("\n\n").next().unwrap_or_default().to_owned() + "\n"
    };
    golden("program-before.txt", &loads());
    tree.install();
    golden("program.txt", &loads());
    let (code, _, stderr) = output(&mut tree.command(&["status", "--program=nowhere"]));
    assert_eq!((code, stderr.contains("nowhere cannot be read")), (3, true), "{stderr}");
}
