//! The configuration of RMCP: `/etc/rmcp/config.toml`, the user's own file, `RMCP_CONFIG` and the `RMCP_*` variables, and what they come to for
//! a process ([`Process`]) and for a call ([`Process::call`]). `docs/configuration.md` is the reference for users.
//!
//! Of RMCP's other crates it knows the words of policy (modes, calls, the never list) and of device (PCI addresses), and not what is done with a setting.
//!
//! Reading is pure but for the function that reads a file, which the caller passes in ([`read_file`] is the real one): [`parse`] for one file,
//! [`Configuration::load`] for all of them, [`Configuration::resolve`] for what they mean for an executable.

#![forbid(unsafe_code)]

mod error;
mod file;
mod key;
mod load;
mod pattern;
mod rule;

use std::path::{Path, PathBuf};

use rmcp_policy::Mode;

pub use error::Error;
pub use file::{File, MAX_FILE_BYTES, check, parse, read_file};
pub use key::{Key, Value};
pub use load::{Configuration, Effective, Environment, SYSTEM_FILE, Setting, Source};
pub use rmcp_policy::Switch;
pub use rule::{Effect, Rule};

/// What queries of memory attributes (`hipHostGetFlags` and friends) say of rewritten memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Attributes {
    /// What the memory is.
    #[default]
    Truth,
    /// What the program asked for.
    Asked,
}

/// What is done about an `HSA_OVERRIDE_GFX_VERSION` that names another ISA family than the card's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum WrongOverride {
    /// Nothing.
    Off,
    /// It is explained, and the program runs as asked.
    #[default]
    Explain,
    /// The program is not started.
    Refuse,
    /// The variable is taken away, or replaced by one for each node that needs one.
    Correct,
}

/// Repairs of calls and of a program's environment; `docs/repairs.md` has the evidence for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repairs {
    /// `hsa_amd_memory_lock` is coarse-grained again (ROCr 6.4 and later).
    pub memory_lock: Switch,
    /// `hipMallocAsync`, `hipMallocFromPoolAsync` and `hipFreeAsync` by `hipMalloc` and `hipFree`.
    pub malloc_async: Switch,
    /// The small GPU of an APU is hidden beside a discrete card (`rmcp run`).
    pub hide_apu: Switch,
    /// See [`WrongOverride`] (`rmcp run`).
    pub wrong_override: WrongOverride,
    /// `MIOPEN_FIND_MODE` for the program, if it has none (`rmcp run`).
    pub miopen_find_mode: Option<String>,
}

impl Default for Repairs {
    fn default() -> Self {
        Self {
            memory_lock: Switch::Auto,
            malloc_async: Switch::Off,
            hide_apu: Switch::Off,
            wrong_override: WrongOverride::Explain,
            miopen_find_mode: None,
        }
    }
}

/// What holds for one process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Process {
    /// How much is changed, where no rule for a library, device or call says otherwise.
    pub policy: Mode,
    /// What attribute queries say.
    pub attributes: Attributes,
    /// The record file.
    pub record: Option<PathBuf>,
    /// The diagnostic log.
    pub log: Option<PathBuf>,
    /// The repairs.
    pub repairs: Repairs,
    /// Name of the rule that set [`Process::policy`], if one did.
    pub rule: Option<String>,
    /// The rules for libraries, devices and calls that can hold in this process; the last that matches a call wins.
    pub rules: Vec<Rule>,
}

/// A device as a rule can name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Device<'a> {
    /// e.g. `gfx1030`.
    pub target: &'a str,
    /// PCI vendor and device id, e.g. `1002:73bf`.
    pub pci: &'a str,
    /// PCI address, e.g. `0000:03:00.0`.
    pub bus: &'a str,
}

/// What holds for one call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Applied<'a> {
    /// How much is changed.
    pub policy: Mode,
    /// See [`Repairs::memory_lock`].
    pub memory_lock: Switch,
    /// See [`Repairs::malloc_async`].
    pub malloc_async: Switch,
    /// Name of the user's rule that said so; `None`: none did.
    pub rule: Option<&'a str>,
}

impl Process {
    /// What `/etc`, the user's files and the environment come to for the program `executable` (absolute, symbolic links resolved).
    ///
    /// # Errors
    /// The first thing that is wrong with any of them, a misspelt `RMCP_*` variable included.
    pub fn load(
        environment: &Environment,
        executable: Option<&Path>,
        read: impl Fn(&Path) -> std::io::Result<Vec<u8>>,
    ) -> Result<Self, Error> {
        let configuration = match Configuration::load(environment, read) {
            Ok(configuration) => configuration,
            Err(mut errors) => return Err(errors.swap_remove(0)),
        };
        match configuration.unknown_variables.first() {
            Some(error) => Err(error.clone()),
            None => Ok(configuration.resolve(executable).process),
        }
    }

    /// Nothing is rewritten and nothing recorded, whatever the call.
    pub fn is_off(&self) -> bool {
        let lifted = |rule: &Rule| rule.policy().is_some_and(|policy| policy != Mode::Off);
        self.policy == Mode::Off && !self.rules.iter().any(lifted)
    }

    /// Whether [`Repairs::malloc_async`] can hold for a call.
    pub fn may_repair_malloc_async(&self) -> bool {
        let by_rule = |rule: &Rule| {
            rule.effects
                .iter()
                .any(|effect| effect.key == Key::MallocAsync && effect.value != Value::Switch(Switch::Off))
        };
        self.repairs.malloc_async != Switch::Off || self.rules.iter().any(by_rule)
    }

    /// The most that is changed for any call.
    pub fn most(&self) -> Mode {
        self.rules.iter().filter_map(Rule::policy).fold(self.policy, Mode::max)
    }

    /// What holds for a call of the function `call` (its exported name) made by the library `library` (file name, or path if known; empty: not known)
    /// for `device`.
    ///
    /// A rule that names a library or a device does not hold where that is not known.
    pub fn call(&self, library: &str, device: Option<Device<'_>>, call: &str) -> Applied<'_> {
        let mut applied = Applied {
            policy: self.policy,
            memory_lock: self.repairs.memory_lock,
            malloc_async: self.repairs.malloc_async,
            rule: self.rule.as_deref(),
        };
        for rule in self.rules.iter().filter(|rule| rule.holds_for_call(library, device, call)) {
            applied.rule = Some(&rule.name);
            for effect in &rule.effects {
                match (effect.key, &effect.value) {
                    (_, Value::Policy(mode)) => applied.policy = *mode,
                    (Key::MemoryLock, Value::Switch(switch)) => applied.memory_lock = *switch,
                    (Key::MallocAsync, Value::Switch(switch)) => applied.malloc_async = *switch,
                    // `file::parse` lets no other key into a rule for a library, device or call.
                    _ => {}
                }
            }
        }
        applied
    }
}
