//! The settings: their names in files and in the environment, and what they can be set to.

use std::fmt;
use std::path::PathBuf;

use rmcp_policy::Mode;

use crate::{Attributes, Process, Switch, WrongOverride};

/// What `MIOPEN_FIND_MODE` can be (MIOpen, `src/find_controls.cpp`, `GetFindModeValueImpl2`; it takes numbers as well); `off`: RMCP
/// sets none.
const FIND_MODES: [&str; 5] = ["off", "NORMAL", "FAST", "HYBRID", "DYNAMIC_HYBRID"];

/// A setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// [`Process::policy`].
    Policy,
    /// [`Process::attributes`].
    Attributes,
    /// [`Process::record`].
    Record,
    /// [`Process::log`].
    Log,
    /// [`crate::Repairs::memory_lock`].
    MemoryLock,
    /// [`crate::Repairs::malloc_async`].
    MallocAsync,
    /// [`crate::Repairs::hide_apu`].
    HideApu,
    /// [`crate::Repairs::wrong_override`].
    Override,
    /// [`crate::Repairs::miopen_find_mode`].
    MiopenFindMode,
}

/// Where a setting can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// For everything only.
    Everything,
    /// And by rules for an executable.
    Executable,
    /// And by rules for a library, a device or a call.
    Call,
}

/// What a setting is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Of [`Key::Policy`].
    Policy(Mode),
    /// Of [`Key::Attributes`].
    Attributes(Attributes),
    /// Of the repairs that are made or not.
    Switch(Switch),
    /// Of [`Key::Override`].
    Override(WrongOverride),
    /// Of [`Key::MiopenFindMode`].
    FindMode(&'static str),
    /// Of [`Key::Record`] and [`Key::Log`].
    Path(PathBuf),
}

impl Key {
    /// Every setting, in the order of the documentation.
    pub const ALL: [Self; 9] = [
        Self::Policy,
        Self::Attributes,
        Self::Record,
        Self::Log,
        Self::MemoryLock,
        Self::MallocAsync,
        Self::HideApu,
        Self::Override,
        Self::MiopenFindMode,
    ];

    /// Its name in files; those of repairs are in the table `[repair]`, or in a rule.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Attributes => "attributes",
            Self::Record => "record",
            Self::Log => "log",
            Self::MemoryLock => "memory-lock",
            Self::MallocAsync => "malloc-async",
            Self::HideApu => "hide-apu",
            Self::Override => "override",
            Self::MiopenFindMode => "miopen-find-mode",
        }
    }

    /// Its variable.
    pub const fn variable(self) -> &'static str {
        match self {
            Self::Policy => "RMCP_POLICY",
            Self::Attributes => "RMCP_ATTRIBUTES",
            Self::Record => "RMCP_RECORD",
            Self::Log => "RMCP_LOG",
            Self::MemoryLock => "RMCP_REPAIR_MEMORY_LOCK",
            Self::MallocAsync => "RMCP_REPAIR_MALLOC_ASYNC",
            Self::HideApu => "RMCP_REPAIR_HIDE_APU",
            Self::Override => "RMCP_REPAIR_OVERRIDE",
            Self::MiopenFindMode => "RMCP_REPAIR_MIOPEN_FIND_MODE",
        }
    }

    /// It belongs in the table `[repair]`.
    pub const fn is_repair(self) -> bool {
        !matches!(self, Self::Policy | Self::Attributes | Self::Record | Self::Log)
    }

    /// The names it can be set to; none: it is a path.
    pub const fn accepted(self) -> &'static [&'static str] {
        match self {
            Self::Policy => &["off", "audit", "default", "strict"],
            Self::Attributes => &["truth", "asked"],
            Self::Record | Self::Log => &[],
            Self::MemoryLock | Self::MallocAsync | Self::HideApu => &["off", "on", "auto"],
            Self::Override => &["off", "explain", "refuse", "correct"],
            Self::MiopenFindMode => &FIND_MODES,
        }
    }

    pub(crate) const fn scope(self) -> Scope {
        match self {
            Self::Record | Self::Log => Scope::Everything,
            Self::Attributes | Self::HideApu | Self::Override | Self::MiopenFindMode => Scope::Executable,
            Self::Policy | Self::MemoryLock | Self::MallocAsync => Scope::Call,
        }
    }

    /// The functions that the setting is about; none: all.
    pub(crate) const fn calls(self) -> &'static [&'static str] {
        match self {
            Self::MemoryLock => &["hsa_amd_memory_lock"],
            Self::MallocAsync => &["hipMallocAsync", "hipMallocFromPoolAsync"],
            _ => &[],
        }
    }

    /// The value that a text stands for; `None`: it is none of [`Key::accepted`].
    pub fn parse(self, text: &str) -> Option<Value> {
        Some(match self {
            Self::Policy => Value::Policy(text.parse().ok()?),
            Self::Attributes => Value::Attributes(match text {
                "truth" => Attributes::Truth,
                "asked" => Attributes::Asked,
                _ => return None,
            }),
            Self::Record | Self::Log => Value::Path(text.into()),
            Self::MemoryLock | Self::MallocAsync | Self::HideApu => Value::Switch(match text {
                "off" => Switch::Off,
                "on" => Switch::On,
                "auto" => Switch::Auto,
                _ => return None,
            }),
            Self::Override => Value::Override(match text {
                "off" => WrongOverride::Off,
                "explain" => WrongOverride::Explain,
                "refuse" => WrongOverride::Refuse,
                "correct" => WrongOverride::Correct,
                _ => return None,
            }),
            Self::MiopenFindMode => Value::FindMode(FIND_MODES.into_iter().find(|mode| *mode == text)?),
        })
    }
}

impl Value {
    /// Nothing is done.
    pub(crate) fn is_off(&self) -> bool {
        matches!(self, Self::Policy(Mode::Off) | Self::Switch(Switch::Off))
    }

    pub(crate) fn set(&self, key: Key, process: &mut Process) {
        let repairs = &mut process.repairs;
        match (key, self) {
            (_, Self::Policy(mode)) => process.policy = *mode,
            (_, Self::Attributes(attributes)) => process.attributes = *attributes,
            (_, Self::Override(what)) => repairs.wrong_override = *what,
            (_, Self::FindMode(mode)) => repairs.miopen_find_mode = (*mode != "off").then(|| (*mode).to_owned()),
            (Key::Log, Self::Path(path)) => process.log = Some(path.clone()),
            (_, Self::Path(path)) => process.record = Some(path.clone()),
            (Key::MemoryLock, Self::Switch(switch)) => repairs.memory_lock = *switch,
            (Key::MallocAsync, Self::Switch(switch)) => repairs.malloc_async = *switch,
            (_, Self::Switch(switch)) => repairs.hide_apu = *switch,
        }
    }

    /// What `process` has for a setting; `None`: nothing.
    pub(crate) fn of(key: Key, process: &Process) -> Option<Self> {
        let repairs = &process.repairs;
        Some(match key {
            Key::Policy => Self::Policy(process.policy),
            Key::Attributes => Self::Attributes(process.attributes),
            Key::Record => Self::Path(process.record.clone()?),
            Key::Log => Self::Path(process.log.clone()?),
            Key::MemoryLock => Self::Switch(repairs.memory_lock),
            Key::MallocAsync => Self::Switch(repairs.malloc_async),
            Key::HideApu => Self::Switch(repairs.hide_apu),
            Key::Override => Self::Override(repairs.wrong_override),
            Key::MiopenFindMode => key.parse(repairs.miopen_find_mode.as_deref().unwrap_or("off"))?,
        })
    }
}

impl fmt::Display for Value {
    /// As in files, without quotation marks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Policy(mode) => mode.as_str(),
            Self::Attributes(Attributes::Truth) => "truth",
            Self::Attributes(Attributes::Asked) => "asked",
            Self::Switch(Switch::Off) | Self::Override(WrongOverride::Off) => "off",
            Self::Switch(Switch::On) => "on",
            Self::Switch(Switch::Auto) => "auto",
            Self::Override(WrongOverride::Explain) => "explain",
            Self::Override(WrongOverride::Refuse) => "refuse",
            Self::Override(WrongOverride::Correct) => "correct",
            Self::FindMode(mode) => mode,
            Self::Path(path) => return f.pad(&path.to_string_lossy()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_accepted_name_is_read_and_written_alike_and_set_where_it_belongs() {
        for key in Key::ALL {
            for name in key.accepted() {
                let value = key.parse(name).unwrap_or_else(|| panic!("{key:?}: {name}"));
                assert_eq!(value.to_string(), *name);
                let mut process = Process::default();
                value.set(key, &mut process);
                assert_eq!(Value::of(key, &process), Some(value), "{key:?}");
            }
            if !key.accepted().is_empty() {
                assert_eq!(key.parse("no-such-name"), None);
            }
        }
    }
}
