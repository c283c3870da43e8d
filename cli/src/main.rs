//! The `rmcp` command: arguments in, calls to the crates, text or JSON out. One module per subcommand.

mod config;
mod failure;
mod flags;
mod front;
#[cfg(feature = "generate")]
mod generate;
mod gpus;
mod libraries;
mod report;
mod run;
mod table;
mod virtual_card;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use failure::Failure;

/// Stands between a HIP or HSA program and AMD's ROCm runtime on RDNA1 and RDNA2 cards.
#[derive(Parser)]
#[command(name = "rmcp", version, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a program with RMCP between it and AMD's libraries
    #[command(after_help = run::HELP)]
    Run(run::Arguments),
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
  1    a check found differences
  2    wrong usage
  3    a file, a library, the configuration or the kernel driver is missing or broken
  4    refused: it would overwrite something that is not RMCP's, or start a program in an environment
       that the user wants refused
  127  the program could not be started
`rmcp run` otherwise ends with the program's own code, 128+N after signal N.";

fn main() -> ExitCode {
    #[cfg(feature = "generate")]
    if let Some(code) = generate::asked(<Arguments as clap::CommandFactory>::command()) {
        return code;
    }
    let arguments = Arguments::parse();
    let outcome = match arguments.command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Report(arguments) => report::report(&arguments),
        Command::Config(command) => config::config(&command),
        Command::Gpus(arguments) => gpus::gpus(&arguments),
        Command::Front(command) => front::front(&command),
    };
    outcome.unwrap_or_else(|failure: Failure| {
        eprintln!("rmcp: {}", failure.sentence);
        ExitCode::from(failure.code)
    })
}
