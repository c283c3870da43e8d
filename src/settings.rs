//! What configuration files and the environment ask of the core. Read once, at the first use; nothing changes afterwards.

use std::ffi::{CStr, OsString, c_char};
use std::os::unix::ffi::OsStringExt;

use once_cell::race::OnceBox;
use rmcp_config::{Configuration, Error, Process};
use rmcp_policy::{Environment, Mode};

use crate::say::say;

/// What holds for this process.
#[derive(Debug)]
pub struct Settings {
    /// See `docs/configuration.md`.
    pub process: Process,
    /// Variables by which the program already told AMD's runtime something about coherence.
    pub environment: Environment,
}

impl Settings {
    /// The settings of this process. Two threads may both read them at the first use; one result is kept.
    pub fn get() -> &'static Self {
        static SETTINGS: OnceBox<Settings> = OnceBox::new();
        SETTINGS.get_or_init(|| {
            let environment = match is_secure() {
                true => rmcp_config::Environment::secure(),
                false => rmcp_config::Environment::new(std::env::vars_os()),
            };
            let configuration = Configuration::load(&environment, rmcp_config::read_file);
            let (process, complaints) = apply(configuration);
            complain_once(&complaints);
            Box::new(Self { process, environment: told(variable) })
        })
    }
}

/// `RMCP_OPEN=lazy`: real libraries are opened at the first call, and not even the configuration is read before.
pub fn is_lazy() -> bool {
    variable(c"RMCP_OPEN").is_some_and(|value| value == "lazy")
}

/// What a configuration comes to for this process, and sentences for the user about what is wrong with it. With a broken one nothing is rewritten or
/// recorded: what its author wanted is not known.
fn apply(configuration: Result<Configuration, Vec<Error>>) -> (Process, Vec<String>) {
    match configuration {
        Ok(configuration) => {
            let complaints = configuration.unknown_variables.iter().map(ToString::to_string).collect();
            // Without /proc rules for executables do not hold.
            (configuration.resolve(std::env::current_exe().ok().as_deref()).process, complaints)
        }
        Err(errors) => {
            let further = match errors.len() {
                0 | 1 => String::new(),
                more => format!(" ({} more: `rmcp config show`)", more - 1),
            };
            let first = errors.first().map(ToString::to_string).unwrap_or_default();
            let complaint = format!("nothing is rewritten or recorded: {first}{further}");
            (Process { policy: Mode::Off, ..Process::default() }, vec![complaint])
        }
    }
}

/// What the program's environment told AMD's runtime.
fn told(variable: impl Fn(&CStr) -> Option<OsString>) -> Environment {
    let is = |name, wanted: &str| variable(name).is_some_and(|value| value == wanted);
    let on = |name| variable(name).is_some_and(|value| !value.is_empty() && value != "0");
    Environment {
        hip_host_coherent: on(c"HIP_HOST_COHERENT"),
        copies_are_fenced: is(c"AMD_OPT_FLUSH", "0") || is(c"GPU_FORCE_BLIT_COPY_SIZE", "0"),
        cache_disabled: on(c"HSA_DISABLE_CACHE"),
        fine_grain_pcie: on(c"HSA_FORCE_FINE_GRAIN_PCIE"),
        svm_disabled: is(c"HSA_USE_SVM", "0"),
    }
}

fn complain_once(sentences: &[String]) {
    use std::sync::atomic::{AtomicBool, Ordering};
    static SAID: AtomicBool = AtomicBool::new(false);
    if !SAID.swap(true, Ordering::Relaxed) {
        for sentence in sentences {
            say(sentence);
        }
    }
}

/// Secure execution: the environment belongs to somebody with fewer rights.
fn is_secure() -> bool {
    // SAFETY: no preconditions.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

unsafe extern "C" {
    /// glibc; the `libc` crate does not declare it.
    fn secure_getenv(name: *const c_char) -> *mut c_char;
}

/// An environment variable; `None` in secure execution, see [`is_secure`].
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

    fn configuration(variables: &[(&str, &str)], file: &str) -> Result<Configuration, Vec<Error>> {
        let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
        Configuration::load(&rmcp_config::Environment::new(variables), |path| match path.starts_with("/etc") {
            true => Ok(file.as_bytes().to_vec()),
            false => Err(std::io::ErrorKind::NotFound.into()),
        })
    }

    #[test]
    fn a_broken_configuration_acts_as_off_and_is_one_sentence() {
        for (variables, file, word) in [
            (&[("RMCP_POLICY", "fast")][..], "record = \"/r\"", "RMCP_POLICY=fast"),
            (&[], "record = \"/r\"\npolcy = \"off\"", "/etc/rmcp/config.toml:2:1"),
            (&[], "a = 1\nb = 2", "1 more"),
        ] {
            let (process, complaints) = apply(configuration(variables, file));
            assert_eq!((process.policy, process.record, complaints.len()), (Mode::Off, None, 1), "{file}");
            assert!(complaints[0].contains(word) && complaints[0].contains("nothing is rewritten"), "{complaints:?}");
        }
    }

    #[test]
    fn a_misspelt_variable_is_said_and_the_rest_holds() {
        let (process, complaints) = apply(configuration(&[("RMCP_RECRD", "/r")], "policy = \"strict\""));
        assert_eq!((process.policy, complaints.len()), (Mode::Strict, 1));
        assert!(complaints[0].contains("RMCP_RECORD"), "{complaints:?}");
    }

    #[test]
    fn what_the_program_told_amds_runtime_is_known() {
        let told = |variables: &[(&str, &str)]| {
            told(|name| variables.iter().find(|(n, _)| n.as_bytes() == name.to_bytes()).map(|(_, v)| OsString::from(v)))
        };
        assert_eq!(
            told(&[("HIP_HOST_COHERENT", "1"), ("AMD_OPT_FLUSH", "0")]),
            Environment { hip_host_coherent: true, copies_are_fenced: true, ..Environment::default() }
        );
        assert_eq!(
            told(&[("HSA_DISABLE_CACHE", "1"), ("HSA_FORCE_FINE_GRAIN_PCIE", "1"), ("HSA_USE_SVM", "0")]),
            Environment { cache_disabled: true, fine_grain_pcie: true, svm_disabled: true, ..Environment::default() }
        );
        assert_eq!(
            told(&[
                ("HIP_HOST_COHERENT", "0"),
                ("AMD_OPT_FLUSH", "1"),
                ("GPU_FORCE_BLIT_COPY_SIZE", "16"),
                ("HSA_DISABLE_CACHE", "0"),
                ("HSA_FORCE_FINE_GRAIN_PCIE", "0"),
                ("HSA_USE_SVM", "1"),
            ]),
            Environment::default()
        );
    }
}
