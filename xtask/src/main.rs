//! `cargo xtask demo`, `test`, `table`, `fixtures` and `dist`: everything that a fresh Debian machine with Rust needs to see the main job, and to test the project.

#![forbid(unsafe_code)]

mod build;
mod demo;
mod dist;
mod fixtures;
mod packages;
mod table;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Builds, shows and tests RMCP", after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit code: 0 all right; 1 a result is wrong or a test failed; 2 wrong usage; 3 something that is needed is missing.";

#[derive(Subcommand)]
enum Command {
    /// The main job: a HIP program on AMD's real runtime, without and with RMCP, as one table
    Demo(demo::Arguments),
    /// Formatting, lints and all tests
    Test(test::Arguments),
    /// AMD's libraries of later ROCm releases, unpacked from Debian's packages for the tests
    #[command(after_help = fixtures::HELP)]
    Fixtures(fixtures::Arguments),
    /// What every memory request becomes at the kernel driver, by release and mode, as tables
    #[command(after_help = table::HELP)]
    Table(table::Arguments),
    /// What is given to others: a relocatable tree, a Debian package, a Python wheel
    #[command(after_help = dist::HELP)]
    Dist(dist::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Fixtures(arguments) => fixtures::run(&arguments),
        Command::Table(arguments) => table::run(&arguments),
        Command::Dist(arguments) => dist::run(&arguments),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::from(3)
        }
    }
}
