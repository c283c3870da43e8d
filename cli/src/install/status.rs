//! `rmcp status`: what stands where, and whether anything needs a repair. Changes nothing.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rmcp_install::{Copy, CoreDirectory, Goal, Ignored, Kind, Owner, Standing, Target};
use serde::Serialize;

use super::change::{Peek, Planned};
use super::condition::{Condition, owner};
use super::program::Program;
use super::{FORMAT, Failed, print_json, text, tree};
use crate::failure::Failure;
use crate::table::print;

/// What `--json` prints: docs/schemas/status.json.
#[derive(Serialize)]
struct Report {
    format: u32,
    targets: Vec<Seen>,
    #[serde(skip_serializing_if = "Option::is_none")]
    program: Option<Program>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failed>,
}

/// One tree.
#[derive(Serialize)]
struct Seen {
    kind: Kind,
    base: PathBuf,
    /// Something of RMCP is there.
    installed: bool,
    /// A crash has left a change half done.
    interrupted: bool,
    needs_repair: bool,
    copies: Vec<SeenCopy>,
    cores: Vec<CoreDirectory>,
    ignored: Vec<Ignored>,
    notes: Vec<String>,
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    closing: String,
}

#[derive(Serialize)]
struct SeenCopy {
    soname: String,
    path: PathBuf,
    state: Condition,
    /// The real library, wherever it is now.
    real: Option<PathBuf>,
    links: Vec<PathBuf>,
    owner: Owner,
}

pub fn status(arguments: &super::Status) -> Result<ExitCode, Failure> {
    let program = arguments.program.as_deref().map(Program::look);
    let targets = targets(&arguments.tree).unwrap_or_else(|failure| vec![Err(failure)]);
    let mut report = Report { format: FORMAT, targets: Vec::new(), program: None, error: None };
    let mut failures = Vec::new();
    match program {
        Some(Ok(program)) => report.program = Some(program),
        Some(Err(failure)) => failures.push(failure),
        None => {}
    }
    for seen in targets.into_iter().map(|target| target.and_then(|target| Seen::look(&target))) {
        match seen {
            Ok(seen) => report.targets.push(seen),
            Err(failure) => failures.push(failure),
        }
    }
    report.error = failures.last().map(Failed::from);
    match arguments.json {
        true => print_json(&report)?,
        false => print(&report.text()),
    }
    let last = failures.pop();
    failures.iter().for_each(|failure| eprintln!("rmcp: {}", failure.sentence));
    match last {
        Some(failure) => Err(failure),
        None if report.targets.iter().any(|seen| seen.needs_repair) => Ok(ExitCode::from(1)),
        None => Ok(ExitCode::SUCCESS),
    }
}

/// The one that is named, or the system and all that are known.
fn targets(tree: &tree::Tree) -> Result<Vec<Result<Target, Failure>>, Failure> {
    if let Some(target) = tree.named()? {
        return Ok(vec![Ok(target)]);
    }
    let mut targets = tree::known();
    let system = |target: &Target| target.kind == Kind::System && target.base == Path::new("/");
    if !targets.iter().flatten().any(system) {
        targets.insert(0, tree::target(Kind::System, Path::new("/")));
    }
    Ok(targets)
}

impl Report {
    fn text(&self) -> String {
        let mut blocks: Vec<Vec<String>> = self.program.iter().map(Program::text).collect();
        blocks.extend(self.targets.iter().map(Seen::text));
        let blocks: Vec<String> =
            blocks.iter().map(|block| block.iter().map(|line| format!("{line}\n")).collect()).collect();
        blocks.join("\n")
    }
}

impl Seen {
    fn look(target: &Target) -> Result<Self, Failure> {
        let peek = Peek::at(target);
        let planned = Planned::make(Goal::Repair, target, peek.state.as_ref())?;
        let mut notes = peek.notes(target);
        notes.extend(planned.notes(target));
        let Planned { found, plan, core } = planned;
        let ours = |copy: &Copy| !matches!(copy.standing, Standing::Real { .. });
        let installed = peek.state.is_some() || !found.cores.is_empty() || found.copies.iter().any(ours);
        let arguments = target.arguments();
        let closing = if peek.busy {
            "Another rmcp is changing this now; look again when it is done.".to_owned()
        } else if peek.interrupted {
            format!("A change was interrupted: `rmcp repair {arguments}` completes or undoes it.")
        } else if !plan.is_empty() && !installed {
            format!(
                "RMCP was installed here, and an upgrade has taken it away: `rmcp repair {arguments}` puts it back."
            )
        } else if !plan.is_empty() {
            format!("Something is out of date: `rmcp repair {arguments}` puts it right.")
        } else if installed {
            "All in order.".to_owned()
        } else if found.copies.is_empty() {
            "Nothing is installed, and none of AMD's libraries was found.".to_owned()
        } else {
            format!("Nothing is installed; `rmcp install {arguments}` would put RMCP in place.")
        };
        let copies = found.copies.into_iter().map(|copy| SeenCopy {
            state: Condition::of(&copy, core.as_ref(), &plan),
            real: real(&copy.standing),
            soname: copy.soname,
            path: copy.path,
            links: copy.links,
            owner: copy.owner,
        });
        Ok(Self {
            kind: target.kind,
            base: target.base.clone(),
            installed,
            interrupted: peek.interrupted,
            needs_repair: peek.interrupted || !peek.busy && !plan.is_empty(),
            copies: copies.collect(),
            cores: found.cores,
            ignored: found.ignored,
            notes,
            name: tree::name(target),
            closing,
        })
    }

    fn text(&self) -> Vec<String> {
        let mut out = vec![format!("{}:", self.name)];
        for copy in &self.copies {
            out.push(format!("  {}: {}", copy.soname, copy.state.words()));
            let mut field = |name: &str, value: &dyn std::fmt::Display| out.push(format!("    {name:<5}  {value}"));
            field("file", &copy.path.display());
            copy.real.iter().filter(|real| **real != copy.path).for_each(|real| field("real", &real.display()));
            copy.links.iter().for_each(|link| field("link", &link.display()));
            field("owner", &owner(&copy.owner));
        }
        out.extend(self.cores.iter().map(|core| format!("  core: {}", core.path.display())));
        for Ignored { path, reason } in &self.ignored {
            out.extend(text::note(&format!("{} is left alone: {reason}", path.display()), "  "));
        }
        out.extend(self.notes.iter().flat_map(|note| text::note(note, "  ")));
        out.push(self.closing.clone());
        out
    }
}

/// AMD's library: the newer one, where there are two.
fn real(standing: &Standing) -> Option<PathBuf> {
    match standing {
        Standing::Real { real } | Standing::Front { real, .. } | Standing::Replaced { real, .. } => {
            Some(real.path.clone())
        }
        Standing::Missing { saved } => Some(saved.path.clone()),
        Standing::Orphan => None,
    }
}
