//! `rmcp front`: makes and checks fronts.

use std::path::PathBuf;
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
    },
}

pub fn front(command: &Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Build { real, out } => {
            let library = Library::read(real)?;
            rmcp_front::write(&rmcp_front::build(&library, &Options::default()), out)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Check { real, front } => {
            let report = rmcp_front::check(real, front)?;
            if report.differences.is_empty() {
                let (exports, nodes) =
                    (count(report.exports as u64, "export"), count(report.nodes as u64, "version node"));
                print(&format!("{}: the front has the same {exports} and {nodes}\n", report.soname));
                return Ok(ExitCode::SUCCESS);
            }
            print(&report.differences.iter().map(|difference| format!("{difference}\n")).collect::<String>());
            Ok(ExitCode::from(1))
        }
    }
}
