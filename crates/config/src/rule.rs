//! A rule: what it needs to hold, and what it then sets.

use std::path::{Path, PathBuf};

use rmcp_policy::Mode;

use crate::pattern::{Devices, Glob};
use crate::{Device, Key, Value};

/// One `[[rule]]`. Conditions that are left out hold always; of those that are there all must hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its name, unique in its file.
    pub name: String,
    /// Where it is.
    pub file: PathBuf,
    /// The line of its name.
    pub line: usize,
    /// What it sets, in the order of [`Key::ALL`].
    pub effects: Vec<Effect>,
    pub(crate) executable: Option<Vec<Glob>>,
    pub(crate) library: Option<Vec<Glob>>,
    pub(crate) device: Option<Vec<Devices>>,
    pub(crate) call: Option<Vec<Glob>>,
}

/// What a rule sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The setting.
    pub key: Key,
    /// To what.
    pub value: Value,
    /// The line that says so.
    pub line: usize,
}

impl Rule {
    /// It names a library, a device or a call, and so is decided call by call.
    pub fn is_for_calls(&self) -> bool {
        self.library.is_some() || self.device.is_some() || self.call.is_some()
    }

    /// Its conditions by name, as texts.
    pub fn conditions(&self) -> Vec<(&'static str, Vec<String>)> {
        fn texts<T: ToString>(list: &Option<Vec<T>>) -> Option<Vec<String>> {
            list.as_ref().map(|list| list.iter().map(ToString::to_string).collect())
        }
        [
            ("executable", texts(&self.executable)),
            ("library", texts(&self.library)),
            ("device", texts(&self.device)),
            ("call", texts(&self.call)),
        ]
        .into_iter()
        .filter_map(|(name, list)| Some((name, list?)))
        .collect()
    }

    pub(crate) fn policy(&self) -> Option<Mode> {
        self.effects.iter().find_map(|effect| match effect.value {
            Value::Policy(mode) => Some(mode),
            _ => None,
        })
    }

    /// Whether its condition for the executable holds, or there is none.
    pub fn holds_for_executable(&self, executable: Option<&Path>) -> bool {
        self.executable.as_ref().is_none_or(|globs| {
            let path = executable.map(Path::to_string_lossy);
            path.is_some_and(|path| globs.iter().any(|glob| glob.matches(&path)))
        })
    }

    pub(crate) fn holds_for_call(&self, library: &str, device: Option<Device<'_>>, call: &str) -> bool {
        let is = |globs: &Option<Vec<Glob>>, text: &str| {
            globs.as_ref().is_none_or(|globs| !text.is_empty() && globs.iter().any(|glob| glob.matches(text)))
        };
        is(&self.library, library)
            && is(&self.call, call)
            && (self.device.as_ref())
                .is_none_or(|list| device.is_some_and(|device| list.iter().any(|one| one.matches(&device))))
    }
}
