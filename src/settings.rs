//! What the environment asks of the core. Read once, at the first use; nothing changes afterwards.

use std::ffi::{CStr, OsString, c_char};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use once_cell::race::OnceBox;
use rmcp_config::{Attributes, Switch};
use rmcp_policy::{Environment, Mode};

use crate::say::say;

/// The environment of the core, see `docs/architecture.md`.
#[derive(Debug)]
pub struct Settings {
    /// `RMCP_POLICY`.
    pub mode: Mode,
    /// `RMCP_RECORD`: the record file; `None`: nothing is recorded.
    pub record: Option<PathBuf>,
    /// `RMCP_OPEN=lazy`: real libraries are opened at the first call.
    pub lazy: bool,
    /// `RMCP_ATTRIBUTES`: what queries say of rewritten memory.
    pub attributes: Attributes,
    /// `RMCP_REPAIR_MALLOC_ASYNC`: whether stream-ordered allocations are made by `hipMalloc`.
    pub malloc_async: Switch,
    /// `RMCP_REPAIR_MEMORY_LOCK`: whether `hsa_amd_memory_lock` is repaired.
    pub memory_lock: Switch,
    /// `RMCP_LOG`: the diagnostic log.
    pub log: Option<PathBuf>,
    /// Variables by which the program already told AMD's runtime something about coherence.
    pub environment: Environment,
}

impl Settings {
    /// The settings of this process. Two threads may both read the environment at the first use; one result is kept.
    pub fn get() -> &'static Self {
        static SETTINGS: OnceBox<Settings> = OnceBox::new();
        SETTINGS.get_or_init(|| {
            let (settings, complaint) = Self::read(variable);
            if let Some(complaint) = complaint {
                complain_once(&complaint);
            }
            Box::new(settings)
        })
    }

    /// Reads the settings through `variable`; the second value is a sentence for the user about what could not be used.
    fn read(variable: impl Fn(&CStr) -> Option<OsString>) -> (Self, Option<String>) {
        let path = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let mut complaint = None;
        let mode = match variable(c"RMCP_POLICY").filter(|value| !value.is_empty()) {
            None => Mode::Default,
            Some(value) => match value.to_str().and_then(|name| name.parse().ok()) {
                Some(mode) => mode,
                None => {
                    complaint = Some(format!(
                        "RMCP_POLICY={} is no policy, so nothing is rewritten or recorded; set it to off, audit, default or strict",
                        value.to_string_lossy()
                    ));
                    Mode::Off
                }
            },
        };
        let is = |name, wanted: &str| variable(name).is_some_and(|value| value == wanted);
        let switch = |name, default| match variable(name).as_deref().and_then(|value| value.to_str()) {
            Some("on") => Switch::On,
            Some("off") => Switch::Off,
            Some("auto") => Switch::Auto,
            _ => default,
        };
        let on = |name| variable(name).is_some_and(|value| !value.is_empty() && value != "0");
        let environment = Environment {
            hip_host_coherent: on(c"HIP_HOST_COHERENT"),
            copies_are_fenced: is(c"AMD_OPT_FLUSH", "0") || is(c"GPU_FORCE_BLIT_COPY_SIZE", "0"),
            cache_disabled: on(c"HSA_DISABLE_CACHE"),
            fine_grain_pcie: on(c"HSA_FORCE_FINE_GRAIN_PCIE"),
            svm_disabled: is(c"HSA_USE_SVM", "0"),
        };
        (
            Self {
                mode,
                record: path(c"RMCP_RECORD"),
                lazy: is(c"RMCP_OPEN", "lazy"),
                attributes: if is(c"RMCP_ATTRIBUTES", "asked") { Attributes::Asked } else { Attributes::Truth },
                malloc_async: switch(c"RMCP_REPAIR_MALLOC_ASYNC", Switch::Off),
                memory_lock: switch(c"RMCP_REPAIR_MEMORY_LOCK", Switch::Auto),
                log: path(c"RMCP_LOG"),
                environment,
            },
            complaint,
        )
    }
}

fn complain_once(sentence: &str) {
    use std::sync::atomic::{AtomicBool, Ordering};
    static SAID: AtomicBool = AtomicBool::new(false);
    if !SAID.swap(true, Ordering::Relaxed) {
        say(sentence);
    }
}

unsafe extern "C" {
    /// glibc; the `libc` crate does not declare it.
    fn secure_getenv(name: *const c_char) -> *mut c_char;
}

/// An environment variable; `None` in secure execution (AT_SECURE), where the environment belongs to somebody else.
fn variable(name: &CStr) -> Option<OsString> {
    // SAFETY: the name is a C string; the result is copied at once.
    unsafe {
        let value = secure_getenv(name.as_ptr());
        (!value.is_null()).then(|| OsString::from_vec(CStr::from_ptr(value).to_bytes().to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> (Settings, Option<String>) {
        Settings::read(|name| {
            variables.iter().find(|(n, _)| n.as_bytes() == name.to_bytes()).map(|(_, v)| OsString::from(v))
        })
    }

    #[test]
    fn without_variables_the_policy_is_default_and_nothing_is_recorded() {
        let (settings, complaint) = read(&[]);
        assert_eq!(settings.mode, Mode::Default);
        assert_eq!((settings.record, settings.log, settings.lazy, complaint), (None, None, false, None));
    }

    #[test]
    fn each_policy_name_is_understood() {
        for (name, mode) in [
            ("off", Mode::Off),
            ("audit", Mode::Audit),
            ("default", Mode::Default),
            ("strict", Mode::Strict),
            ("", Mode::Default),
        ] {
            let (settings, complaint) = read(&[("RMCP_POLICY", name)]);
            assert_eq!((settings.mode, complaint), (mode, None), "{name}");
        }
    }

    #[test]
    fn an_unknown_policy_acts_as_off_and_the_sentence_has_the_accepted_names() {
        let (settings, complaint) = read(&[("RMCP_POLICY", "fast")]);
        assert_eq!(settings.mode, Mode::Off);
        let complaint = complaint.expect("a complaint");
        for word in ["fast", "off", "audit", "default", "strict"] {
            assert!(complaint.contains(word), "{complaint}");
        }
    }

    #[test]
    fn what_the_program_told_amds_runtime_is_known() {
        let (settings, _) = read(&[("HIP_HOST_COHERENT", "1"), ("AMD_OPT_FLUSH", "0")]);
        let expected = Environment { hip_host_coherent: true, copies_are_fenced: true, ..Environment::default() };
        assert_eq!(settings.environment, expected);
        let (settings, _) =
            read(&[("HSA_DISABLE_CACHE", "1"), ("HSA_FORCE_FINE_GRAIN_PCIE", "1"), ("HSA_USE_SVM", "0")]);
        let expected =
            Environment { cache_disabled: true, fine_grain_pcie: true, svm_disabled: true, ..Environment::default() };
        assert_eq!(settings.environment, expected);
        let (settings, _) = read(&[
            ("HIP_HOST_COHERENT", "0"),
            ("AMD_OPT_FLUSH", "1"),
            ("GPU_FORCE_BLIT_COPY_SIZE", "16"),
            ("HSA_DISABLE_CACHE", "0"),
            ("HSA_FORCE_FINE_GRAIN_PCIE", "0"),
            ("HSA_USE_SVM", "1"),
        ]);
        assert_eq!(settings.environment, Environment::default());
    }

    #[test]
    fn paths_and_the_lazy_mode_are_read() {
        let (settings, _) = read(&[("RMCP_RECORD", "/r"), ("RMCP_LOG", "/l"), ("RMCP_OPEN", "lazy")]);
        assert_eq!((settings.record, settings.log, settings.lazy), (Some("/r".into()), Some("/l".into()), true));
    }
}
