//! `cargo xtask demo`, as a user calls it.

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the checkout")
}

/// Runs the demo in the profile that the tests are built in; gives what it printed.
fn demo(before: &[&str], arguments: &[&str]) -> String {
    let words = [before, &[env!("CARGO_BIN_EXE_xtask"), "demo", "--profile", "dev"], arguments].concat();
    let output = Command::new(words[0]).args(&words[1..]).output().expect("it starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}{}", output.status, text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// The table without the paragraph above it, which names package versions and the card.
fn table(text: &str) -> &str {
    let paragraph = text.trim_start();
    paragraph.split_once("\n\n").map_or(paragraph, |(_, table)| table)
}

/// The lines of the allocations.
fn rows(text: &str) -> Vec<String> {
    table(text).lines().take_while(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn golden(name: &str, text: &str) {
    let path = root().join("xtask/tests").join(name);
    if std::env::var_os("RMCP_BLESS").is_some() {
        std::fs::write(&path, text).expect("write the golden file");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(text == expected, "not as in {name} (RMCP_BLESS=1 writes it anew):\n{text}");
}

#[test]
fn the_demo_ends_with_the_table_of_the_readme() {
    let text = demo(&[], &[]);
    golden("demo.txt", table(&text));
    let readme = std::fs::read_to_string(root().join("README.md")).expect("README.md");
    let sum = text.lines().find(|line| line.contains("reached the kernel driver changed")).expect("the sum");
    for line in rows(&text).iter().map(String::as_str).chain([sum]) {
        assert!(readme.contains(line), "README.md shows another table; it lacks: {line}");
    }
}

#[test]
fn on_other_cards_and_in_other_modes_all_results_are_right_too() {
    for (arguments, changed) in [
        (&["--card", "gfx1010"][..], "3 of 20"),
        (&["--card", "gfx1010", "--policy", "strict"], "10 of 20"),
        (&["--card", "gfx1030:atomics=off"], "9 of 20"),
        (&["--card", "gfx1030", "--policy", "audit"], "0 of 20"),
        (&["--card", "gfx1032"], "3 of 20"),
    ] {
        let text = demo(&[], arguments);
        assert!(
            text.contains(&format!("{changed} allocations reached the kernel driver changed")),
            "{arguments:?}{text}"
        );
        assert!(text.contains("44 of 44 results are right"), "{arguments:?}{text}");
    }
}

/// There is no card here: a virtual one stands for it, of which the demo knows nothing.
#[test]
fn the_demo_on_a_real_card_traces_the_same_table() {
    let built = Path::new(env!("CARGO_BIN_EXE_xtask")).parent().expect("target/debug");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo).args(["build", "--quiet", "-p", "vgpu", "-p", "vgpu-preload"]).status();
    assert!(status.is_ok_and(|status| status.success()));
    let vgpu: PathBuf = built.join("vgpu");
    let text = demo(&[vgpu.to_str().expect("UTF-8"), "gfx1030", "--"], &["--real"]);
    assert!(text.contains("gfx1030 at 0000:"), "{text}");
    let golden = std::fs::read_to_string(root().join("xtask/tests/demo.txt")).expect("golden");
    assert_eq!(rows(&text), golden.lines().take_while(|line| !line.is_empty()).collect::<Vec<_>>());
    assert!(text.contains("the memory type was not read from the card"), "{text}");
}

#[test]
fn without_a_card_the_demo_on_a_real_one_says_so() {
    if Path::new("/dev/kfd").exists() {
        println!("skipped: this machine has a KFD device");
        return;
    }
    let output = Command::new(env!("CARGO_BIN_EXE_xtask")).args(["demo", "--real"]).output().expect("it starts");
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("without --real a virtual one is used"), "{said}");
}
