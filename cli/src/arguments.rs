//! What can be said on the command line, also for man pages and completions.

use clap::{Parser, Subcommand};

use crate::{config, front, gpus, install, report, run};

/// Stands between a HIP or HSA program and AMD's ROCm runtime on RDNA1 and RDNA2 cards.
#[derive(Parser)]
#[command(name = "rmcp", version, after_help = EXIT_CODES)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Run a program with RMCP between it and AMD's libraries
    #[command(after_help = run::HELP)]
    Run(run::Arguments),
    /// Put RMCP in the place of AMD's libraries, in the system, a ROCm or a Python environment
    #[command(after_help = install::HELP)]
    Install(install::Install),
    /// Show where RMCP is installed, and whether an upgrade or a crash has left something to repair
    #[command(after_help = install::STATUS_HELP)]
    Status(install::Status),
    /// Bring an installation up to date, and complete or undo one that was interrupted
    #[command(after_help = install::HELP)]
    Repair(install::Change),
    /// Take RMCP out again: every file is as it was
    #[command(after_help = install::HELP)]
    Uninstall(install::Change),
    /// Print what a record file holds
    Report(report::Arguments),
    /// Show what the configuration comes to, or check a configuration file
    #[command(subcommand)]
    Config(config::Command),
    /// List the GPUs as the kernel driver describes them
    Gpus(gpus::Arguments),
    /// Make or check a front, the small library that stands for one of AMD's
    #[command(subcommand)]
    Front(front::Command),
}

const EXIT_CODES: &str = "\
Exit codes:
  0    success
  1    a check found differences, or `rmcp status` something to repair
  2    wrong usage
  3    a file, a library, the configuration or the kernel driver is missing or broken
  4    refused, and nothing was changed: it would overwrite something that is not RMCP's, is not permitted
       or was not agreed to, or would start a program in an environment that the user wants refused
  5    `install`, `repair` or `uninstall` failed, and everything was put back as it was
  6    the same, but not everything could be put back: `rmcp repair` completes or undoes it
  127  the program could not be started
`rmcp run` otherwise ends with the program's own code, 128+N after signal N.";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
