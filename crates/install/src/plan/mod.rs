//! What is to be done about what was found. Reads files (a front is made from the real library), changes none.

mod fronts;
mod maker;
mod notes;
mod records;

use std::path::PathBuf;

use serde::Serialize;

use self::maker::Maker;
use crate::{Core, Error, Inventory, State, Step, Target};

/// What the user wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Goal {
    /// Every library has a current front.
    Install,
    /// As [`Goal::Install`], where something is installed; nothing otherwise.
    Repair,
    /// No front, nothing of ours.
    Uninstall,
}

/// What would be done.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// What for.
    pub goal: Goal,
    /// What becomes of which file, for the user.
    pub changes: Vec<Change>,
    /// What was found and is left as it is.
    pub untouched: Vec<Untouched>,
    /// Remarks, a sentence each: duplicates in one process's reach, what an upgrade will do, what was not looked at.
    pub notes: Vec<String>,
    /// How, for [`crate::Session::carry_out`]; empty if nothing is to be done, or nothing but writing the manifest.
    #[serde(skip)]
    pub steps: Vec<Step>,
    /// What will be installed then; `None`: nothing.
    #[serde(skip)]
    pub after: Option<State>,
}

/// What becomes of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The file.
    pub path: PathBuf,
    /// What becomes of it.
    pub becomes: Changed,
    /// DT_SONAME where it is a library.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soname: Option<String>,
    /// A clause for people: `AMD's library, kept as rmcp-real-…`.
    pub detail: String,
}

/// Kinds of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Changed {
    /// A front takes the real library's name.
    Fronted,
    /// A front is made again: its library, RMCP or the front's format is another.
    Renewed,
    /// The real library gets its name back.
    Restored,
    /// Something of ours is removed: a stale front or saved copy, a core that nothing uses, a temporary file.
    Removed,
    /// The core, or a list of installed files, is added or brought up to date.
    Updated,
    /// dpkg is told where the real library is (`dpkg-divert`), or told that it is back.
    Diverted,
}

/// A file that is left as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Untouched {
    /// The file.
    pub path: PathBuf,
    /// A clause: why.
    pub reason: String,
}

impl Plan {
    /// What `goal` needs, given what was found. `core` is not needed to uninstall.
    pub fn make(
        target: &Target,
        found: &Inventory,
        goal: Goal,
        core: Option<&Core>,
        before: Option<&State>,
    ) -> Result<Self, Error> {
        let maker = Maker::new(target, found, goal, before);
        match goal {
            Goal::Install => {}
            // Only remains of an installation, if anything: they are removed.
            Goal::Repair if !maker.is_installed() => return maker.uninstall(),
            Goal::Repair => {}
            Goal::Uninstall => return maker.uninstall(),
        }
        let missing = || Error::Broken("RMCP's core, librmcp.so, was not found; install RMCP again".to_owned());
        maker.install(core.ok_or_else(missing)?)
    }

    /// Nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.changes.is_empty()
    }
}
