//! The `rmcp` command: arguments in, calls to the crates, text or JSON out. One module per subcommand.

mod arguments;
mod config;
mod failure;
mod flags;
mod front;
#[cfg(feature = "generate")]
mod generate;
mod gpus;
mod install;
mod libraries;
mod report;
mod run;
mod table;
mod virtual_card;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};
use failure::Failure;

fn main() -> ExitCode {
    #[cfg(feature = "generate")]
    if let Some(code) = generate::asked(<Arguments as clap::CommandFactory>::command()) {
        return code;
    }
    let arguments = Arguments::parse();
    install::recover_interrupted(&arguments.command);
    let outcome = match arguments.command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Install(arguments) => install::install(&arguments),
        Command::Status(arguments) => install::status(&arguments),
        Command::Repair(arguments) => install::repair(&arguments),
        Command::Uninstall(arguments) => install::uninstall(&arguments),
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
