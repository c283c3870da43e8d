//! What every command does first: a change that a crash interrupted is completed or undone.
//!
//! It costs a look for a journal in each known installation, and never makes the command itself fail.

use rmcp_install::{Recovered, Session, Target, registry};
use rustix::fs::{Access, access};

use super::tree;
use crate::arguments::Command;

/// Looks after the known installations, but those in which `command` does its own work, and none if it is not to change anything.
pub fn recover_interrupted(command: &Command) {
    let work = match command {
        Command::Install(install) => Some((&install.tree, &install.options)),
        Command::Repair(change) | Command::Uninstall(change) => Some((&change.tree, &change.options)),
        _ => None,
    };
    if work.is_some_and(|(_, options)| options.dry_run) {
        return;
    }
    for (kind, base) in registry::all() {
        if !Target::state_of(kind, &base).is_some_and(|state| Session::is_interrupted(&state)) {
            continue;
        }
        let Ok(target) = tree::target(kind, &base) else { continue };
        if work.is_some_and(|(tree, _)| tree.includes(&target)) {
            continue;
        }
        if let Some(sentence) = recover(&target) {
            eprintln!("rmcp: {sentence}");
        }
    }
}

/// What was done, or why not and what to do instead; `None` if another process is at work there.
fn recover(target: &Target) -> Option<String> {
    // The state directory itself may not have been made yet.
    let place = target.state.ancestors().find(|directory| directory.exists()).unwrap_or(&target.base);
    if access(place, Access::WRITE_OK).is_err() {
        return Some(format!(
            "a change of {} was interrupted; run `rmcp repair {}` with the rights to write there, which completes or undoes it",
            tree::name(target),
            target.arguments()
        ));
    }
    let recovered = Session::try_open(target.clone()).and_then(|session| match session {
        Some(mut session) => session.recover(),
        None => Ok(None),
    });
    match recovered {
        Ok(recovered) => recovered.map(|recovered| sentence(target, recovered)),
        Err(error) => Some(error.to_string()),
    }
}

/// `an interrupted change of the prefix /opt/rocm was undone`
pub fn sentence(target: &Target, recovered: Recovered) -> String {
    let done = match recovered {
        Recovered::Undone => "undone; everything there is as it was before it",
        Recovered::Completed => "completed",
    };
    format!("an interrupted change of {} was {done}", tree::name(target))
}
