//! `cargo xtask table`: what every kind of memory request becomes at the kernel driver, for each generation of AMD's libraries. It is made, and
//! checked against the decision table, by `tests/table.rs`.

use anyhow::{Context, Result};
use rmcp_fixtures::SUITES;

use crate::build::{self, cargo};
use crate::{fixtures, packages};

#[derive(clap::Args)]
pub struct Arguments {
    /// Only this Debian suite
    #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(SUITES.map(|suite| suite.name)))]
    suite: Option<String>,
}

pub const HELP: &str = "\
Each cell is what reached the virtual card's kernel driver: KFD's allocation flags (linux/kfd_ioctl.h,
KFD_IOC_ALLOC_MEM_FLAGS_*; 4000000 is coherent) or the flags that an SVM call set and cleared (2 coherent,
80 extended coherent), and the memory type that the kernel's rule gives on gfx10: UC is not cached by the
GPU, NC is. \"=\": as without RMCP. Flags of a request are in parentheses.";

pub fn run(arguments: &Arguments) -> Result<bool> {
    eprintln!("[1/3] Debian packages and AMD's libraries of later releases");
    packages::ensure(&[packages::DEMO, packages::FIXTURES, packages::TEST].concat())?;
    if let Err(error) = fixtures::ensure_for_tests() {
        eprintln!("      {error:#}");
    }
    eprintln!("[2/3] Building");
    build::must(cargo().args(["build", "--workspace"]))?;
    eprintln!("[3/3] Making every request in every mode, on three cards");
    let filter = arguments.suite.as_ref().map_or("promised_on_".to_owned(), |suite| format!("promised_on_{suite}"));
    let tables = || SUITES.map(|suite| build::target().join("tmp").join(format!("table-{}.txt", suite.name)));
    for table in tables() {
        if let Err(error) = std::fs::remove_file(&table)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(error).with_context(|| format!("{} cannot be removed", table.display()));
        }
    }
    let output = cargo()
        .args(["test", "--quiet", "-p", "rmcp", "--test", "table", "--", "--show-output", &filter])
        .output()
        .context("cargo cannot be started")?;
    let words = String::from_utf8_lossy(&output.stdout);
    for line in words.lines().filter(|line| line.starts_with("skipped: ")) {
        println!("{line}");
    }
    for table in tables() {
        if let Ok(text) = std::fs::read_to_string(table) {
            println!("\n{text}");
        }
    }
    if !output.status.success() {
        eprintln!("{}{words}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(output.status.success())
}
