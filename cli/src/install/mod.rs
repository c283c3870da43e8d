//! `rmcp install`, `status`, `repair` and `uninstall`: RMCP in the place of AMD's libraries, for every program that loads them.
//!
//! [`tree`] says which trees a command line means, [`change`] plans, asks and changes, [`status`] reports, [`recovery`] is what every other command does about a change
//! that a crash interrupted. [`condition`] and [`text`] are the words for both.

mod change;
mod condition;
mod program;
mod recovery;
mod status;
mod text;
mod tree;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::ArgGroup;
use rmcp_install::Goal;
use serde::Serialize;

use crate::failure::Failure;
use crate::table::print;
pub use recovery::recover_interrupted;
use tree::Tree;

pub const HELP: &str = "\
The plan is shown first: what was found, what each file becomes, what is left alone and why. Nothing is
changed before it was agreed to. A change is one transaction: it is done as a whole, or everything is put
back; what a crash interrupts, the next rmcp command completes or undoes. Without a tree `rmcp repair`
means all installations that this user knows of, and `rmcp uninstall` the only one.

Exit codes: 0 done, or nothing to do; 2 wrong usage; 3 something is missing or broken; 4 refused, nothing
was changed; 5 failed, and everything was put back; 6 failed and unfinished: `rmcp repair` completes or
undoes it. docs/install.md has the layout, the JSON and the limits.";

pub const STATUS_HELP: &str = "\
Without a tree: the system, and all installations that this user knows of.

Exit codes: 0 all in order, or nothing installed; 1 something is to be repaired; 2 wrong usage; 3 something
cannot be read; 4 no permission. docs/install.md has the JSON.";

/// Version of what `--json` prints.
const FORMAT: u32 = 1;

#[derive(clap::Args)]
#[command(group = ArgGroup::new("tree").args(tree::NAMES).required(true))]
pub struct Install {
    #[command(flatten)]
    tree: Tree,
    #[command(flatten)]
    options: Options,
}

#[derive(clap::Args)]
#[command(group = ArgGroup::new("tree").args(tree::NAMES))]
pub struct Change {
    #[command(flatten)]
    tree: Tree,
    #[command(flatten)]
    options: Options,
}

#[derive(clap::Args)]
#[command(group = ArgGroup::new("tree").args(tree::NAMES))]
pub struct Status {
    #[command(flatten)]
    tree: Tree,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Which of AMD's libraries this program would load, and whether RMCP is in between
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// How a change is made.
#[derive(clap::Args)]
struct Options {
    /// Show the plan, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Print the plan and what came of it as JSON, one object for each tree; it does not ask
    #[arg(long)]
    json: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// Print nothing but failures
    #[arg(long, requires = "yes", conflicts_with = "dry_run")]
    quiet: bool,
}

pub fn install(arguments: &Install) -> Result<ExitCode, Failure> {
    change::change(Goal::Install, &arguments.tree, &arguments.options)
}

/// Without a tree, all known installations.
pub fn repair(arguments: &Change) -> Result<ExitCode, Failure> {
    change::change(Goal::Repair, &arguments.tree, &arguments.options)
}

/// Without a tree, the one known installation.
pub fn uninstall(arguments: &Change) -> Result<ExitCode, Failure> {
    change::change(Goal::Uninstall, &arguments.tree, &arguments.options)
}

/// Without a tree, the system and all known installations.
pub fn status(arguments: &Status) -> Result<ExitCode, Failure> {
    status::status(arguments)
}

/// One line of JSON. JSON has no other bytes than UTF-8's.
fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    print(&(to_json(value)?.to_string() + "\n"));
    Ok(())
}

fn to_json(value: &impl Serialize) -> Result<serde_json::Value, Failure> {
    serde_json::to_value(value)
        .map_err(|error| Failure::broken(format!("the result cannot be written as JSON ({error}); leave out --json")))
}

/// A failure as `--json` shows it.
#[derive(Serialize)]
struct Failed {
    /// The exit code.
    code: u8,
    sentence: String,
}

impl From<&Failure> for Failed {
    fn from(failure: &Failure) -> Self {
        Self { code: failure.code, sentence: failure.sentence.clone() }
    }
}
