//! The configuration of RMCP: `/etc/rmcp/config.toml`, the user's own file, `RMCP_CONFIG` and the `RMCP_*` variables, and what they come to for
//! a process ([`Process`]) and for a call ([`Process::call`]).

#![forbid(unsafe_code)]

use std::path::PathBuf;

use rmcp_policy::Mode;
pub use rmcp_policy::Switch;

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
    /// What holds for a call of the function `call` (its exported name) made by the library `library` (file name, or path if known) for `device`.
    pub fn call(&self, library: &str, device: Option<Device<'_>>, call: &str) -> Applied<'_> {
        let _ = (library, device, call);
        Applied {
            policy: self.policy,
            memory_lock: self.repairs.memory_lock,
            malloc_async: self.repairs.malloc_async,
            rule: None,
        }
    }
}
