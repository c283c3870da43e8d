//! What `rmcp run --dry-run` prints.

use std::path::Path;

use rmcp_policy::Mode;
use rmcp_repair::Plan;

use super::{Environment, real_lines, repairs};
use crate::libraries::search::Found;
use crate::table::{Align, lines};

/// The text, with a newline at the end.
pub fn preview(
    program: &Path,
    record: &str,
    mode: Mode,
    found: &Found,
    environment: &Environment,
    plan: &Plan,
) -> String {
    let mut out =
        vec![format!("Program: {}", program.display()), format!("Policy: {mode}"), format!("Record: {record}")];
    match found.reals.is_empty() {
        true => out.push("AMD's libraries: none at hand, so there is nothing to stand in front of".to_owned()),
        false => {
            out.push("AMD's libraries, each of which gets a front:".to_owned());
            out.extend(lines(&[Align::Left; 4], &real_lines(found)));
        }
    }
    out.extend(found.reals.iter().filter_map(|real| real.front.as_ref()).map(|front| {
        format!(
            "  note: RMCP is installed in place there: {} is its front; this program gets one of its own",
            front.display()
        )
    }));
    out.extend(found.notes.iter().map(|note| format!("  note: {note}")));
    out.push("Environment of the program:".to_owned());
    let repaired = |name: &str| plan.changes.iter().find(|change| change.name == name);
    out.extend(environment.iter().map(|(name, value)| {
        let name = name.to_string_lossy();
        match (repaired(&name), value) {
            (Some(change), _) => format!("  {}", repairs::change(change)),
            (None, Some(value)) => format!("  set {name}={}", value.to_string_lossy()),
            (None, None) => format!("  unset {name}"),
        }
    }));
    out.extend(plan.messages.iter().map(|message| format!("note: {message}")));
    out.push("Nothing was started.".to_owned());
    out.iter().map(|line| format!("{line}\n")).collect()
}
