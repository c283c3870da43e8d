//! `rmcp front`: makes and checks fronts.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use rmcp_front::{Library, Options};

use crate::failure::Failure;
use crate::table::{count, print};

#[derive(Subcommand)]
pub enum Command {
    /// Make the front of one of AMD's libraries
    Build {
        /// AMD's library
        #[arg(long, value_name = "FILE")]
        real: PathBuf,
        /// The front to write; it takes its place at once or not at all
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Compare a front with the library that it stands for; exit code 1 if they differ
    Check {
        /// AMD's library
        #[arg(long, value_name = "FILE")]
        real: PathBuf,
        /// The front
        #[arg(long, value_name = "FILE")]
        front: PathBuf,
        /// Print every difference, not the first 20
        #[arg(long)]
        all: bool,
    },
}

/// Differences that are printed without `--all`: the front of another library differs in everything.
const SHOWN: usize = 20;

pub fn front(command: &Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Build { real, out } => {
            let library = Library::read(real)?;
            refuse_to_overwrite(out)?;
            rmcp_front::write(&rmcp_front::build(&library, &Options::default()), out)?;
            let exports = count(library.exports.len() as u64, "export");
            print(&format!("{}: front with {exports} of {}\n", library.soname, library.path.display()));
            Ok(ExitCode::SUCCESS)
        }
        Command::Check { real, front, all } => {
            let report = rmcp_front::check(real, front)?;
            if report.differences.is_empty() {
                let (exports, nodes) =
                    (count(report.exports as u64, "export"), count(report.nodes as u64, "version node"));
                print(&format!("{}: the front has the same {exports} and {nodes}\n", report.soname));
                return Ok(ExitCode::SUCCESS);
            }
            let shown = if *all { report.differences.len() } else { SHOWN };
            let mut text: String = report.differences.iter().take(shown).map(|line| format!("{line}\n")).collect();
            if let Some(more @ 1..) = report.differences.len().checked_sub(shown) {
                text += &format!("and {more} more; --all shows them\n");
            }
            print(&text);
            Ok(ExitCode::from(1))
        }
    }
}

/// A front may take the place of a front, and of nothing else.
fn refuse_to_overwrite(out: &Path) -> Result<(), Failure> {
    let Ok(metadata) = out.symlink_metadata() else { return Ok(()) };
    if metadata.is_file() && std::fs::read(out).is_ok_and(|bytes| rmcp_front::is_front(&bytes)) {
        return Ok(());
    }
    Err(Failure::refused(format!(
        "{} exists and is not a front of RMCP, so it was left alone; choose another path",
        out.display()
    )))
}
