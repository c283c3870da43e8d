//! `--repair`, and what `rmcp run` does about the program's environment: facts for [`rmcp_repair::plan`], and its words.

use std::fs::File;
use std::io;
use std::str::FromStr;

use memchr::memmem;
use rmcp_config::{Key, Process, Value};
use rmcp_device::{Skipped, TOPOLOGY_ROOT, Target, Topology};
use rmcp_repair::{Change, Plan, Runtime, Situation};
use vgpu::launch::Prepared;

use crate::gpus;
use crate::libraries::Real;
use rmcp_front::Layer;

/// One `KEY=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    key: Key,
    value: Value,
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let repairs = || Key::ALL.into_iter().filter(|key| key.is_repair());
        let keys = || repairs().map(Key::as_str).collect::<Vec<_>>().join(", ");
        let (key, value) =
            text.split_once('=').ok_or_else(|| format!("it should look like KEY=VALUE; KEY: {}", keys()))?;
        let key = repairs()
            .find(|known| known.as_str() == key)
            .ok_or_else(|| format!("there is no such repair; KEY: {}", keys()))?;
        match key.parse(value) {
            Some(value) => Ok(Self { key, value }),
            None => Err(format!("{} can be {}, not \"{value}\"", key.as_str(), key.accepted().join(", "))),
        }
    }
}

impl Setting {
    /// The variable by which the program and nested runs get it.
    pub fn variable(&self) -> &'static str {
        self.key.variable()
    }

    /// As it was given.
    pub fn value(&self) -> String {
        self.value.to_string()
    }
}

/// What is to be done about the environment of a program that loads `reals`, and for which `process` holds.
pub fn plan(process: &Process, reals: &[Real], machine: Option<&Prepared>) -> Plan {
    let lookup = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    let topology = match machine {
        Some(machine) => Topology::read(&gpus::root_in(machine)),
        None => Topology::read(TOPOLOGY_ROOT.as_ref()).map(|topology| only_usable(topology, open_render_node)),
    };
    let of = |kind| reals.iter().find(|real| Layer::of(&real.soname) == Some(kind));
    // A library that cannot be read was refused before.
    let hsa = of(Layer::Hsa).and_then(|real| std::fs::read(&real.path).ok());
    let says = |words: &str| hsa.as_deref().is_some_and(|bytes| memmem::find(bytes, words.as_bytes()).is_some());
    rmcp_repair::plan(&Situation {
        // The summary says what is wrong with the driver.
        topology: &topology.unwrap_or_default(),
        variable: &lookup,
        runtime: Runtime {
            hip: of(Layer::Hip).map(hip_version),
            // The library's own words say more than its version, which packagers patch: libhsakmt's format string (it is
            // part of ROCr since 6.3), and the names of ROCr's table of targets (`isa.cpp`).
            override_per_node: says("HSA_OVERRIDE_GFX_VERSION_%d"),
            known: &|target: Target| hsa.is_none() || says(&format!("{target}\0")),
        },
        repairs: &process.repairs,
        mode: process.most(),
    })
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
            ("hide-apu=yes", "off, on, auto"),
            ("override=on", "explain, refuse, correct"),
            ("policy=off", "no such repair"),
            ("miopen-find-mode=", "FAST"),
            ("miopen-find-mode=A B", "FAST"),
        ] {
            let error = text.parse::<Setting>().expect_err(text);
            assert!(error.contains(word), "{text}: {error}");
        }
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
                front: None,
                before_library_path: false,
            };
            assert_eq!(hip_version(&real), expected, "{file}");
        }
    }
}
