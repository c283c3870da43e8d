//! `cargo xtask test`: what CI runs.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::Result;

use crate::build::{self, cargo};
use crate::packages;

#[derive(clap::Args)]
pub struct Arguments {
    /// Only tests whose name contains this; formatting and lints are left out
    filter: Option<String>,
}

pub fn run(arguments: &Arguments) -> Result<bool> {
    let start = Instant::now();
    let mut skipped = 0;
    eprintln!("[1/4] Debian packages");
    packages::ensure(&[packages::DEMO, packages::TEST].concat())?;
    if arguments.filter.is_none() {
        eprintln!("[2/4] Formatting and lints");
        for (tool, words) in [
            ("rustfmt", &["fmt", "--all", "--check"][..]),
            ("clippy", &["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]),
        ] {
            if !has(words[0]) {
                println!("skipped: {tool} is not installed (rustup component add {tool})");
                skipped += 1;
                continue;
            }
            build::must(cargo().args(words))?;
        }
    }
    eprintln!("[3/4] Building the workspace");
    build::must(cargo().args(["build", "--workspace"]))?;
    eprintln!("[4/4] Tests");
    let mut test = cargo();
    test.args(["test", "--workspace", "--no-fail-fast"]);
    if let Some(filter) = &arguments.filter {
        test.args(["--", filter]);
    }
    let passed = test.status()?.success();
    println!(
        "\n{} after {} s; {skipped} skipped",
        if passed { "All passed" } else { "Some failed" },
        start.elapsed().as_secs()
    );
    Ok(passed)
}

/// Whether cargo has this subcommand.
fn has(subcommand: &str) -> bool {
    let status =
        Command::new("cargo").args([subcommand, "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}
