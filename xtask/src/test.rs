//! `cargo xtask test`: what CI runs.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::build::{self, cargo};
use crate::{fixtures, packages};

#[derive(clap::Args)]
pub struct Arguments {
    /// Only tests whose name contains this; formatting and lints are left out
    filter: Option<String>,
}

/// Sums over everything that is checked.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: u64,
    failed: u64,
    skipped: u64,
}

pub fn run(arguments: &Arguments) -> Result<bool> {
    let start = Instant::now();
    let mut counts = Counts::default();
    eprintln!("[1/4] Debian packages");
    packages::ensure(&[packages::DEMO, packages::FIXTURES, packages::TEST].concat())?;
    eprintln!("[2/4] AMD's libraries of other releases");
    // The tests name what they skip where some cannot be had.
    if let Err(error) = fixtures::ensure_for_tests() {
        eprintln!("      {error:#}");
    }
    if arguments.filter.is_none() {
        eprintln!("[3/4] Formatting and lints");
        for (component, words) in [
            ("rustfmt", &["fmt", "--all", "--check"][..]),
            ("clippy", &["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]),
        ] {
            if !has(words[0]) {
                println!("skipped: {component} is not installed (rustup component add {component})");
                counts.skipped += 1;
            } else if let Err(error) = build::must(cargo().args(words)) {
                println!("{component}: {error:#}");
                counts.failed += 1;
            } else {
                counts.passed += 1;
            }
        }
    }
    eprintln!("[4/4] Tests");
    // The tests start what is built: the command, the core, the virtual card.
    build::must(cargo().args(["build", "--workspace"]))?;
    let mut test = cargo();
    // What a passed test printed is shown too: the reasons of those that skip.
    test.args(["test", "--workspace", "--no-fail-fast", "--"]).args(&arguments.filter).arg("--show-output");
    let mut child = test.stdout(Stdio::piped()).spawn().context("cargo cannot be started")?;
    let mut out = std::io::stdout().lock();
    for line in BufReader::new(child.stdout.take().context("cargo's output")?).split(b'\n') {
        let line = line?;
        out.write_all(&[&line[..], b"\n"].concat())?;
        counts.add(&String::from_utf8_lossy(&line));
    }
    let all_right = child.wait()?.success() && counts.failed == 0;
    if !all_right && counts.failed == 0 {
        // A test binary that died before its sum.
        counts.failed = 1;
    }
    writeln!(
        out,
        "\nafter {} s:\n{} passed, {} failed, {} skipped",
        start.elapsed().as_secs(),
        counts.passed,
        counts.failed,
        counts.skipped
    )?;
    Ok(all_right)
}

impl Counts {
    /// Takes in one line of `cargo test`: the sum of a test binary (`test result: ok. 3 passed; 0 failed; 1 ignored; …`), or the reason of a test that
    /// could not do its work here, which the binary counts as passed.
    fn add(&mut self, line: &str) {
        if line.starts_with("skipped: ") {
            self.skipped += 1;
            self.passed = self.passed.saturating_sub(1);
        }
        let Some(sum) = line.strip_prefix("test result: ") else { return };
        let words: Vec<&str> = sum.split([' ', ';']).collect();
        for pair in words.windows(2) {
            let Ok(number) = pair[0].parse::<u64>() else { continue };
            match pair[1] {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.skipped += number,
                _ => {}
            }
        }
    }
}

/// Whether cargo has this subcommand.
fn has(subcommand: &str) -> bool {
    let status =
        Command::new("cargo").args([subcommand, "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_test_binaries_are_added_and_skipped_tests_are_not_passed_ones() {
        let mut counts = Counts::default();
        for line in [
            "test a ... ok",
            "test result: ok. 36 passed; 0 failed; 2 ignored; 0 measured; 4 filtered out; finished in 0.12s",
            "skipped: this machine has no such thing",
            "test result: FAILED. 9 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 11.22s",
        ] {
            counts.add(line);
        }
        assert_eq!(counts, Counts { passed: 44, failed: 1, skipped: 3 });
    }
}
