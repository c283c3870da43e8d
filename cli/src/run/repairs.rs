//! `--repair`, and what `rmcp run` does about the program's environment: facts for [`rmcp_repair::plan`], and its words.

use std::fs::File;
use std::io;
use std::str::FromStr;

use memchr::memmem;
use rmcp_config::{Repairs, Switch, WrongOverride};
use rmcp_device::{Skipped, TOPOLOGY_ROOT, Target, Topology};
use rmcp_policy::Mode;
use rmcp_repair::{Change, Plan, Runtime, Situation};
use vgpu::launch::Prepared;

use crate::failure::Failure;
use crate::gpus;
use crate::libraries::{Kind, Real};

/// The repairs, as the table `[repair]` of the configuration names them.
const KEYS: [&str; 5] = ["memory-lock", "malloc-async", "hide-apu", "override", "miopen-find-mode"];

/// One `KEY=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    key: &'static str,
    value: String,
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let keys = KEYS.join(", ");
        let (key, value) = text.split_once('=').ok_or_else(|| format!("it should look like KEY=VALUE; KEY: {keys}"))?;
        let key = KEYS.into_iter().find(|known| *known == key);
        let setting =
            Self { key: key.ok_or_else(|| format!("there is no such repair; KEY: {keys}"))?, value: value.to_owned() };
        setting.apply(&mut Repairs::default()).map(|()| setting)
    }
}

impl Setting {
    /// The variable by which the program and nested runs get it.
    pub fn variable(&self) -> String {
        variable(self.key)
    }

    /// As it was given.
    pub fn value(&self) -> &str {
        &self.value
    }

    fn apply(&self, repairs: &mut Repairs) -> Result<(), String> {
        let value = self.value.as_str();
        let switch = || match value {
            "off" => Ok(Switch::Off),
            "on" => Ok(Switch::On),
            "auto" => Ok(Switch::Auto),
            _ => Err(format!("{} is off, on or auto, not \"{value}\"", self.key)),
        };
        match self.key {
            "memory-lock" => repairs.memory_lock = switch()?,
            "malloc-async" => repairs.malloc_async = switch()?,
            "hide-apu" => repairs.hide_apu = switch()?,
            "override" => {
                repairs.wrong_override = match value {
                    "off" => WrongOverride::Off,
                    "explain" => WrongOverride::Explain,
                    "refuse" => WrongOverride::Refuse,
                    "correct" => WrongOverride::Correct,
                    _ => return Err(format!("override is off, explain, refuse or correct, not \"{value}\"")),
                }
            }
            _ => {
                let word = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                if !word {
                    return Err(format!(
                        "miopen-find-mode is off, or a mode such as NORMAL, FAST or HYBRID, not \"{value}\""
                    ));
                }
                repairs.miopen_find_mode = (value != "off").then(|| value.to_owned());
            }
        }
        Ok(())
    }
}

fn variable(key: &str) -> String {
    format!("RMCP_REPAIR_{}", key.to_ascii_uppercase().replace('-', "_"))
}

/// The defaults, then the environment, then the command line.
fn effective(settings: &[Setting], lookup: impl Fn(&str) -> Option<String>) -> Result<Repairs, Failure> {
    let mut repairs = Repairs::default();
    for key in KEYS {
        let Some(value) = lookup(&variable(key)).filter(|value| !value.is_empty()) else { continue };
        Setting { key, value }
            .apply(&mut repairs)
            .map_err(|error| Failure::usage(format!("{}: {error}", variable(key))))?;
    }
    for setting in settings {
        setting.apply(&mut repairs).map_err(Failure::usage)?;
    }
    Ok(repairs)
}

/// What is to be done about the environment of a program that loads `reals`. `mode`: the policy that was asked for.
pub fn plan(
    settings: &[Setting],
    reals: &[Real],
    machine: Option<&Prepared>,
    mode: Option<Mode>,
) -> Result<Plan, Failure> {
    let lookup = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    let repairs = effective(settings, lookup)?;
    let topology = match machine {
        Some(machine) => Topology::read(&gpus::root_in(machine)),
        None => Topology::read(TOPOLOGY_ROOT.as_ref()).map(|topology| only_usable(topology, open_render_node)),
    };
    let of = |kind| reals.iter().find(|real| Kind::of(&real.soname) == Some(kind));
    // A library that cannot be read was refused before.
    let hsa = of(Kind::Hsa).and_then(|real| std::fs::read(&real.path).ok());
    let says = |words: &str| hsa.as_deref().is_some_and(|bytes| memmem::find(bytes, words.as_bytes()).is_some());
    Ok(rmcp_repair::plan(&Situation {
        // The summary says what is wrong with the driver.
        topology: &topology.unwrap_or_default(),
        variable: &lookup,
        runtime: Runtime {
            hip: of(Kind::Hip).map(hip_version),
            // The library's own words say more than its version, which packagers patch: libhsakmt's format string (it is
            // part of ROCr since 6.3), and the names of ROCr's table of targets (`isa.cpp`).
            override_per_node: says("HSA_OVERRIDE_GFX_VERSION_%d"),
            known: &|target: Target| hsa.is_none() || says(&format!("{target}\0")),
        },
        repairs: &repairs,
        mode: mode.unwrap_or_default(),
    }))
}

/// Major and minor version. Without a minor version in the file's name, a late one.
fn hip_version(real: &Real) -> (u32, u32) {
    let version = real.version();
    let soname = real.soname.rsplit(".so.").next().unwrap_or_default();
    let mut numbers = if version.is_empty() { soname } else { &version }.split('.').map(|part| part.parse().ok());
    (numbers.next().flatten().unwrap_or(0), numbers.next().flatten().unwrap_or(u32::MAX))
}

/// Leaves out GPUs without a render node that this process can open, as libhsakmt does (`topology.c`, `topology_sysfs_check_node_supported`): a
/// container has all of sysfs, but may have been given one card.
fn only_usable(mut topology: Topology, open: impl Fn(u32) -> io::Result<()>) -> Topology {
    let absent = |error: io::Error| matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EPERM));
    let (unusable, usable): (Vec<_>, Vec<_>) =
        topology.gpus.into_iter().partition(|gpu| open(gpu.render_minor).is_err_and(absent));
    let skip = |node| Skipped { node, reason: "its render node cannot be opened".to_owned() };
    topology.skipped.extend(unusable.into_iter().map(|gpu| skip(gpu.node)));
    topology.gpus = usable;
    topology
}

fn open_render_node(minor: u32) -> io::Result<()> {
    File::options().read(true).write(true).open(format!("/dev/dri/renderD{minor}")).map(drop)
}

/// `set NAME=value` or `unset NAME`, with the reason and the way to have it otherwise.
pub fn change(change: &Change) -> String {
    let what = match &change.value {
        Some(value) => format!("set {}={value}", change.name),
        None => format!("unset {}", change.name),
    };
    format!("{what} ({}; {})", change.why, change.otherwise)
}

/// What the user is told before the program starts: a line for each change and sentence.
pub fn announcement(plan: &Plan) -> String {
    let lines = plan.changes.iter().map(change).chain(plan.messages.iter().cloned());
    lines.map(|line| format!("rmcp: {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_and_wrong_ones_say_what_there_is() {
        for text in ["memory-lock=off", "malloc-async=on", "hide-apu=auto", "override=refuse", "miopen-find-mode=FAST"]
        {
            assert!(text.parse::<Setting>().is_ok(), "{text}");
        }
        for (text, word) in [
            ("hide-apu", "KEY=VALUE"),
            ("hide_apu=on", "hide-apu"),
            ("hide-apu=yes", "off, on or auto"),
            ("override=on", "explain, refuse or correct"),
            ("miopen-find-mode=", "FAST"),
            ("miopen-find-mode=A B", "FAST"),
        ] {
            let error = text.parse::<Setting>().expect_err(text);
            assert!(error.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn the_command_line_goes_before_the_environment_and_that_before_the_defaults() {
        let lookup = |name: &str| match name {
            "RMCP_REPAIR_HIDE_APU" => Some("on".to_owned()),
            "RMCP_REPAIR_OVERRIDE" => Some("refuse".to_owned()),
            "RMCP_REPAIR_MALLOC_ASYNC" => Some(String::new()),
            _ => None,
        };
        let settings = ["override=off", "override=correct", "miopen-find-mode=2"];
        let settings = settings.map(|text| text.parse().expect("a setting"));
        let repairs = effective(&settings, lookup).expect("settings");
        let expected = Repairs {
            hide_apu: Switch::On,
            wrong_override: WrongOverride::Correct,
            miopen_find_mode: Some("2".to_owned()),
            ..Repairs::default()
        };
        assert_eq!(repairs, expected);
        let failure = effective(&[], |_| Some("maybe".to_owned())).expect_err("no value of any");
        assert!(failure.code == 2 && failure.sentence.contains("RMCP_REPAIR_MEMORY_LOCK"), "{failure:?}");
    }

    #[test]
    fn a_card_that_a_container_was_not_given_does_not_count() {
        let spec = "gfx1030,gfx1010,gfx1032".parse().expect("a machine");
        let directory = tempfile::tempdir().expect("a directory");
        vgpu::tree::write(&spec, directory.path()).expect("written");
        let root = directory.path().join(TOPOLOGY_ROOT.trim_start_matches('/'));
        let topology = Topology::read(&root).expect("a topology");
        let second = topology.gpus[1].render_minor;
        let open =
            |code: i32| move |minor| if minor == second { Err(io::Error::from_raw_os_error(code)) } else { Ok(()) };
        for (code, usable) in [(libc::ENOENT, 2), (libc::EPERM, 2), (libc::EACCES, 3)] {
            let topology = only_usable(topology.clone(), open(code));
            assert_eq!((topology.gpus.len(), topology.skipped.len()), (usable, 3 - usable), "{code}");
            assert!(topology.skipped.iter().all(|skipped| skipped.node == 2));
        }
    }

    #[test]
    fn hips_version_is_that_of_its_file_or_of_its_soname() {
        let directory = tempfile::tempdir().expect("a directory");
        for (file, expected) in [
            ("libamdhip64.so.6.4.43484", (6, 4)),
            ("libamdhip64.so.6", (6, u32::MAX)),
            ("libamdhip64.so", (6, u32::MAX)),
        ] {
            let path = directory.path().join(file);
            std::fs::write(&path, "").expect("written");
            let real = Real {
                soname: "libamdhip64.so.6".to_owned(),
                path,
                build_id: String::new(),
                names: Default::default(),
                before_library_path: false,
            };
            assert_eq!(hip_version(&real), expected, "{file}");
        }
    }
}
