//! A change of a tree: plan, question, transaction.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rmcp_front::CORE;
use rmcp_install::{
    Change, Core, Goal, Inventory, Kind, Plan, Session, State, Step, TEMPORARY, Target, Untouched, registry,
};
use serde::Serialize;

use super::tree::{self, Tree};
use super::{FORMAT, Failed, Options, print_json, recovery, text, to_json};
use crate::failure::Failure;
use crate::table::print;
use crate::virtual_card::companion;

const NONE_KNOWN: &str = "no installation is known to this user; name one with --system, --prefix DIR or --python ENV";

/// What `--json` prints: docs/schemas/install.json.
#[derive(Serialize)]
struct Outcome {
    format: u32,
    command: Goal,
    target: Option<Named>,
    dry_run: bool,
    /// The changes were made, or there were none to make.
    done: bool,
    changes: Vec<Change>,
    untouched: Vec<Untouched>,
    notes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failed>,
}

#[derive(Serialize)]
struct Named {
    kind: Kind,
    root: PathBuf,
    base: PathBuf,
}

impl Outcome {
    fn new(goal: Goal, target: Option<&Target>, dry_run: bool) -> Self {
        let named = |target: &Target| Named { kind: target.kind, root: target.root.clone(), base: target.base.clone() };
        Self {
            format: FORMAT,
            command: goal,
            target: target.map(named),
            dry_run,
            done: false,
            changes: Vec::new(),
            untouched: Vec::new(),
            notes: Vec::new(),
            error: None,
        }
    }
}

/// Does what `goal` says in every tree that is meant. Where one fails the others are still done; the gravest failure is the command's.
pub fn change(goal: Goal, tree: &Tree, options: &Options) -> Result<ExitCode, Failure> {
    let targets = targets(goal, tree).unwrap_or_else(|failure| vec![Err(failure)]);
    if targets.is_empty() {
        return nothing_known(goal, options);
    }
    let mut gravest: Option<Failure> = None;
    for target in targets {
        let Err(failure) = one(goal, target, options) else { continue };
        match &gravest {
            Some(known) if known.code >= failure.code => eprintln!("rmcp: {}", failure.sentence),
            _ => {
                if let Some(known) = gravest.replace(failure) {
                    eprintln!("rmcp: {}", known.sentence);
                }
            }
        }
    }
    gravest.map_or(Ok(ExitCode::SUCCESS), Err)
}

fn targets(goal: Goal, tree: &Tree) -> Result<Vec<Result<Target, Failure>>, Failure> {
    if let Some(target) = tree.named()? {
        return Ok(vec![Ok(target)]);
    }
    let known = tree::known();
    match (goal, known.len()) {
        (Goal::Uninstall, 0) => Err(Failure::usage(NONE_KNOWN)),
        (Goal::Uninstall, 2..) => {
            let names: Vec<String> = known.iter().flatten().map(Target::arguments).collect();
            Err(Failure::usage(format!(
                "RMCP is installed in more than one place; name the one to uninstall from: {}",
                names.join(", or ")
            )))
        }
        _ => Ok(known),
    }
}

fn nothing_known(goal: Goal, options: &Options) -> Result<ExitCode, Failure> {
    if options.json {
        let outcome = Outcome {
            done: !options.dry_run,
            notes: vec![NONE_KNOWN.to_owned()],
            ..Outcome::new(goal, None, options.dry_run)
        };
        print_json(&outcome)?;
    } else if !options.quiet {
        print(&format!("nothing to do: {NONE_KNOWN}.\n"));
    }
    Ok(ExitCode::SUCCESS)
}

fn one(goal: Goal, target: Result<Target, Failure>, options: &Options) -> Result<(), Failure> {
    let mut outcome = Outcome::new(goal, target.as_ref().ok(), options.dry_run);
    let result = target.and_then(|target| match options.dry_run {
        true => show(goal, &target, options, &mut outcome),
        false => carry_out(goal, &target, options, &mut outcome),
    });
    if options.json {
        outcome.error = result.as_ref().err().map(Failed::from);
        print_json(&outcome)?;
    }
    result
}

/// The plan, without the right to change anything.
fn show(goal: Goal, target: &Target, options: &Options, outcome: &mut Outcome) -> Result<(), Failure> {
    let peek = Peek::at(target);
    let planned = Planned::make(goal, target, peek.state.as_ref())?;
    planned.announce(target, options, peek.notes(target), outcome)?;
    if !options.json && planned.plan.is_empty() {
        print(&text::nothing_to_do(target, &planned.found, &planned.plan));
    } else if !options.json {
        print("nothing was changed: this was a dry run.\n");
    }
    Ok(())
}

fn carry_out(goal: Goal, target: &Target, options: &Options, outcome: &mut Outcome) -> Result<(), Failure> {
    let name = tree::name(target);
    let waiting = || eprintln!("rmcp: waiting for another rmcp that is changing {name}");
    let mut session = Session::open(target.clone(), waiting)?;
    if let Some(recovered) = session.recover()? {
        let sentence = recovery::sentence(target, recovered);
        eprintln!("rmcp: {sentence}");
        outcome.notes.push(sentence);
    }
    let planned = Planned::make(goal, target, session.state().as_ref())?;
    let Planned { found, plan, .. } = &planned;
    if plan.is_empty() {
        planned.remark(target, outcome);
        outcome.done = true;
        if goal == Goal::Uninstall {
            registry::remove(target);
        }
        if !options.json && !options.quiet {
            print(&text::nothing_to_do(target, found, plan));
        }
        return Ok(());
    }
    planned.announce(target, options, Vec::new(), outcome)?;
    agree(options)?;
    let progress = Progress::new(options.quiet);
    let result =
        session.carry_out(&plan.steps, plan.after.clone(), &mut |step, steps, what| progress.step(step, steps, what));
    progress.end();
    result?;
    outcome.done = true;
    if !options.json && !options.quiet {
        print(&text::closing(target, plan));
    }
    Ok(())
}

/// What can be known of a tree without waiting for the right to change it.
pub struct Peek {
    /// The manifest.
    pub state: Option<State>,
    /// Another process is changing the tree.
    pub busy: bool,
    /// There is a journal, and nobody is at work on it.
    pub interrupted: bool,
}

impl Peek {
    pub fn at(target: &Target) -> Self {
        let interrupted = || Session::is_interrupted(&target.state);
        match Session::try_open(target.clone()) {
            Ok(Some(session)) => Self { state: session.state(), busy: false, interrupted: interrupted() },
            // The journal is the other one's.
            Ok(None) => Self { state: None, busy: true, interrupted: false },
            // No permission, say. What stands in the tree is then all that is known.
            Err(_) => Self { state: None, busy: false, interrupted: interrupted() },
        }
    }

    /// For people.
    pub fn notes(&self, target: &Target) -> Vec<String> {
        let name = tree::name(target);
        let mut notes = Vec::new();
        if self.busy {
            notes.push(format!("another rmcp is changing {name} now, so this may be out of date already"));
        }
        if self.interrupted {
            notes.push(format!(
                "a change of {name} was interrupted, and is completed or undone before the next one; this is how it stands until then"
            ));
        }
        notes
    }
}

/// What stands in a tree, and what is to be done about it.
pub struct Planned {
    pub found: Inventory,
    pub plan: Plan,
    /// The core that belongs there; none is needed to uninstall.
    pub core: Option<Core>,
}

impl Planned {
    pub fn make(goal: Goal, target: &Target, state: Option<&State>) -> Result<Self, Failure> {
        let core = match goal {
            Goal::Uninstall => None,
            Goal::Install | Goal::Repair => Some(Core::read(&companion(CORE)?)?),
        };
        let found = Inventory::take(target)?;
        // An upgrade of every package with a front takes all of RMCP with it (pip); where it was installed is known nevertheless.
        let lost = goal == Goal::Repair && !found.copies.is_empty() && registry::knows(target);
        let plan = Plan::make(target, &found, if lost { Goal::Install } else { goal }, core.as_ref(), state)?;
        Ok(Self { found, plan: Plan { goal, ..plan }, core })
    }

    /// The plan's remarks, and those about the search.
    pub fn notes(&self, target: &Target) -> Vec<String> {
        let mut notes = self.plan.notes.clone();
        notes.extend(target.notes.iter().filter(|note| !self.plan.notes.contains(note)).cloned());
        notes
    }

    fn remark(&self, target: &Target, outcome: &mut Outcome) {
        outcome.untouched = self.plan.untouched.clone();
        outcome.notes.extend(self.notes(target));
    }

    /// Shows the plan. What JSON cannot hold is refused here, before anything is changed.
    fn announce(
        &self,
        target: &Target,
        options: &Options,
        mut notes: Vec<String>,
        outcome: &mut Outcome,
    ) -> Result<(), Failure> {
        if options.json {
            to_json(&self.plan)?;
        } else if !options.quiet {
            notes.extend(self.notes(target));
            print(&text::plan(target, &self.found, self.core.as_ref(), &self.plan, &notes));
        }
        self.remark(target, outcome);
        outcome.changes = self.plan.changes.clone();
        Ok(())
    }
}

/// Asks, where there is somebody to ask.
fn agree(options: &Options) -> Result<(), Failure> {
    if options.yes {
        return Ok(());
    }
    if options.json || !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Err(Failure::refused(
            "nothing was changed, because there is nobody to ask; --yes agrees to the plan, --dry-run only shows it",
        ));
    }
    print("Proceed? [y/N] ");
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    match (read, answer.trim().to_ascii_lowercase().as_str()) {
        (Ok(_), "y" | "yes") => Ok(()),
        _ => Err(Failure::refused("nothing was changed, as the answer was not \"y\"")),
    }
}

/// Says on stderr how far it is: a line that is written over on a terminal, otherwise a line for each file that changes its name or its contents.
struct Progress {
    quiet: bool,
    terminal: bool,
}

impl Progress {
    fn new(quiet: bool) -> Self {
        Self { quiet, terminal: std::io::stderr().is_terminal() }
    }

    fn step(&self, step: usize, steps: usize, what: &Step) {
        if self.quiet {
            return;
        }
        let number = step + 1;
        let mut out = std::io::stderr().lock();
        // A terminal that has gone away does not stop the work.
        let _ = match (self.terminal, subject(what)) {
            (true, _) => write!(out, "\r\x1b[K{number}/{steps}").and_then(|()| out.flush()),
            (false, Some((verb, path))) => writeln!(out, "rmcp: {number}/{steps} {verb} {}", path.display()),
            (false, None) => Ok(()),
        };
    }

    fn end(&self) {
        if self.terminal && !self.quiet {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

/// The file that a step is about; none for what only prepares or cleans up.
fn subject(step: &Step) -> Option<(&'static str, &Path)> {
    let temporary = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(TEMPORARY));
    match step {
        Step::Create { path, .. } if !temporary(path) => Some(("write", path)),
        Step::Replace { path, .. } => Some(("replace", path)),
        Step::Remove { path, .. } => Some(("remove", path)),
        Step::Divert { path, .. } => Some(("divert", path)),
        Step::Undivert { path, .. } => Some(("undivert", path)),
        Step::Create { .. }
        | Step::MakeDirectory { .. }
        | Step::Link { .. }
        | Step::CleanFile { .. }
        | Step::CleanDirectory { .. } => None,
    }
}
