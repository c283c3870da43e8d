//! Which GPUs a HIP program sees, and in which order.
//!
//! Three layers, each on the result of the one before:
//!
//! 1. ROCr orders GPU agents by node number, or as `ROCR_VISIBLE_DEVICES` says (`amd_filter_device.cpp` and `amd_topology.cpp`, ROCR-Runtime 5.2.3).
//! 2. ROCr leaves out GPUs whose instruction set it does not know (`amd_topology.cpp`, `DiscoverGpu`); which those are depends on its release.
//! 3. HIP filters by `HIP_VISIBLE_DEVICES`, or by `CUDA_VISIBLE_DEVICES` if the former is unset or empty (`rocdevice.cpp`, `Device::init`, ROCclr
//!    5.2.3 to 6.2.2). `GPU_DEVICE_ORDINAL` is read for OpenCL only; HIP ignores it.

use serde::Serialize;

use crate::target::Target;
use crate::topology::{Gpu, Topology};

/// The variables that decide, as the program will see them. `None`: not set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Variables {
    /// `ROCR_VISIBLE_DEVICES`. Set but empty hides every GPU.
    pub rocr_visible_devices: Option<String>,
    /// `HIP_VISIBLE_DEVICES`.
    pub hip_visible_devices: Option<String>,
    /// `CUDA_VISIBLE_DEVICES`.
    pub cuda_visible_devices: Option<String>,
    /// `GPU_DEVICE_ORDINAL`.
    pub gpu_device_ordinal: Option<String>,
    /// `HSA_OVERRIDE_GFX_VERSION`.
    pub hsa_override_gfx_version: Option<String>,
}

impl Variables {
    /// The list by which HIP filters, and the variable that holds it.
    fn hip_list(&self) -> (&'static str, Option<&str>) {
        match (set(&self.hip_visible_devices), set(&self.cuda_visible_devices)) {
            (Some(list), _) => ("HIP_VISIBLE_DEVICES", Some(list)),
            (None, list) => ("CUDA_VISIBLE_DEVICES", list),
        }
    }

    /// Something was chosen among the GPUs, for whichever interface.
    pub fn restricted(&self) -> bool {
        let lists = [&self.hip_visible_devices, &self.cuda_visible_devices, &self.gpu_device_ordinal];
        self.rocr_visible_devices.is_some() || lists.into_iter().any(|list| set(list).is_some())
    }

    /// Takes the variables from a lookup, e.g. `|name| std::env::var(name).ok()`.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Self {
        Self {
            rocr_visible_devices: lookup("ROCR_VISIBLE_DEVICES"),
            hip_visible_devices: lookup("HIP_VISIBLE_DEVICES"),
            cuda_visible_devices: lookup("CUDA_VISIBLE_DEVICES"),
            gpu_device_ordinal: lookup("GPU_DEVICE_ORDINAL"),
            hsa_override_gfx_version: lookup("HSA_OVERRIDE_GFX_VERSION"),
        }
    }
}

/// What a HIP program sees.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Visible {
    /// In the order of HIP's ordinals.
    pub devices: Vec<Ordinal>,
    /// GPUs that HIP does not show, and why.
    pub hidden: Vec<Hidden>,
    /// What `HSA_OVERRIDE_GFX_VERSION` does, if it is set.
    pub override_gfx: Option<Override>,
    /// Remarks for people: entries that end a list, variables that are ignored.
    pub notes: Vec<String>,
}

/// One device as HIP numbers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ordinal {
    /// HIP's ordinal.
    pub ordinal: usize,
    /// KFD node of the GPU.
    pub node: u32,
    /// What HIP will call it; differs from the GPU's own target under `HSA_OVERRIDE_GFX_VERSION`.
    pub reported: Target,
}

/// A GPU that HIP does not show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hidden {
    /// KFD node of the GPU.
    pub node: u32,
    /// The variable that hides it, or `ROCr` if its target is unknown to that release.
    pub by: &'static str,
}

/// The effect of `HSA_OVERRIDE_GFX_VERSION`: a name for every GPU of the process. Memory types do not follow it, the kernel knows the real card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Override {
    /// Every GPU is called this.
    As(Target),
    /// Not `major.minor.stepping`: AMD's library fails to read the topology and finds no GPU.
    Invalid(String),
}

impl Override {
    /// `major.minor.stepping` as `sscanf("%u.%u.%u%c") == 3` takes it, at most 63.255.255 (`libhsakmt` `topology.c`, 5.2.3 to 7.2).
    pub fn parse(text: &str) -> Self {
        let part = |text: &str, max: u32| {
            // %u skips leading white space and takes a sign.
            let digits = text.trim_ascii_start();
            let digits = digits.strip_prefix('+').unwrap_or(digits);
            digits
                .bytes()
                .all(|byte| byte.is_ascii_digit())
                .then(|| digits.parse().ok().filter(|value| *value <= max))
                .flatten()
        };
        let parts: Vec<&str> = text.split('.').collect();
        match parts[..] {
            [major, minor, stepping] => match (part(major, 63), part(minor, 255), part(stepping, 255)) {
                (Some(major), Some(minor), Some(stepping)) => Self::As(Target { major, minor, stepping }),
                _ => Self::Invalid(text.to_owned()),
            },
            _ => Self::Invalid(text.to_owned()),
        }
    }
}

/// Maps HIP ordinals to GPUs. `known` says whether the ROCr in use knows a target (5.2.3 does not know gfx1100, for instance); `|_| true` if
/// that does not matter.
pub fn hip_ordinals(topology: &Topology, variables: &Variables, known: impl Fn(Target) -> bool) -> Visible {
    let mut visible = Visible {
        override_gfx: variables.hsa_override_gfx_version.as_deref().map(Override::parse),
        ..Visible::default()
    };
    let reported = |gpu: &Gpu| match visible.override_gfx {
        Some(Override::As(target)) => target,
        _ => gpu.target,
    };
    if let Some(Override::Invalid(text)) = &visible.override_gfx {
        visible
            .notes
            .push(format!("HSA_OVERRIDE_GFX_VERSION={text} is invalid: AMD's runtime then finds no GPU at all"));
        visible.hidden =
            topology.gpus.iter().map(|gpu| Hidden { node: gpu.node, by: "HSA_OVERRIDE_GFX_VERSION" }).collect();
        return visible;
    }
    let all: Vec<(&Gpu, Target)> = topology.gpus.iter().map(|gpu| (gpu, reported(gpu))).collect();

    let agents = match variables.rocr_visible_devices.as_deref() {
        None => all.clone(),
        Some(list) => {
            let (chosen, note) = rocr_filter(list, &topology.gpus);
            visible.notes.extend(note);
            chosen.into_iter().filter_map(|index| all.get(index).copied()).collect()
        }
    };
    hide(&mut visible, &all, &agents, "ROCR_VISIBLE_DEVICES");
    let supported: Vec<_> = agents.iter().copied().filter(|(_, target)| known(*target)).collect();
    hide(&mut visible, &agents, &supported, "ROCr");

    let (name, list) = variables.hip_list();
    if name == "HIP_VISIBLE_DEVICES" && set(&variables.cuda_visible_devices).is_some() {
        visible.notes.push("CUDA_VISIBLE_DEVICES is ignored because HIP_VISIBLE_DEVICES is set".to_owned());
    }
    let shown = match list {
        None => supported.clone(),
        Some(list) => {
            let (chosen, note) = hip_filter(name, list, &supported);
            visible.notes.extend(note);
            chosen.into_iter().filter_map(|index| supported.get(index).copied()).collect()
        }
    };
    hide(&mut visible, &supported, &shown, name);
    if set(&variables.gpu_device_ordinal).is_some() {
        visible.notes.push("GPU_DEVICE_ORDINAL is read by OpenCL only; HIP ignores it".to_owned());
    }
    visible.devices = shown
        .into_iter()
        .enumerate()
        .map(|(ordinal, (gpu, reported))| Ordinal { ordinal, node: gpu.node, reported })
        .collect();
    visible
}

/// Values of the variables for a process that sees the same GPUs in the same order, without those that are `unwanted`.
///
/// They are taken out of `ROCR_VISIBLE_DEVICES`, by index because many cards have no unique id; the lists that HIP and OpenCL apply to
/// what is left are renumbered. `None` if HIP shows none that is unwanted, or would show no other. `known` as in [`hip_ordinals`].
pub fn without(
    topology: &Topology,
    variables: &Variables,
    known: impl Fn(Target) -> bool,
    unwanted: impl Fn(&Gpu) -> bool,
) -> Option<Vec<(&'static str, String)>> {
    let visible = hip_ordinals(topology, variables, &known);
    let shown = |gpu: &Gpu| visible.devices.iter().any(|device| device.node == gpu.node);
    if !topology.gpus.iter().any(|gpu| shown(gpu) && unwanted(gpu)) {
        return None;
    }
    let indices = match variables.rocr_visible_devices.as_deref() {
        None => (0..topology.gpus.len()).collect(),
        Some(list) => rocr_filter(list, &topology.gpus).0,
    };
    let overridden = variables.hsa_override_gfx_version.as_deref().map(Override::parse);
    let reported = |gpu: &Gpu| match overridden {
        Some(Override::As(target)) => target,
        _ => gpu.target,
    };
    let kept: Vec<usize> = indices.iter().copied().filter(|index| !unwanted(&topology.gpus[*index])).collect();
    let numbered = |indices: &[usize]| -> Vec<(&Gpu, Target)> {
        let gpus = indices.iter().map(|index| &topology.gpus[*index]);
        gpus.map(|gpu| (gpu, reported(gpu))).filter(|(_, target)| known(*target)).collect()
    };
    let (before, after) = (numbered(&indices), numbered(&kept));
    let mut values = vec![("ROCR_VISIBLE_DEVICES", list_of(&kept))];
    let lists = [variables.hip_list(), ("GPU_DEVICE_ORDINAL", set(&variables.gpu_device_ordinal))];
    for (name, list) in lists {
        let Some(list) = list else { continue };
        let nodes = hip_filter(name, list, &before).0.into_iter().map(|index| before[index].0.node);
        let renumbered: Vec<usize> =
            nodes.filter_map(|node| after.iter().position(|(gpu, _)| gpu.node == node)).collect();
        if renumbered.is_empty() {
            return None;
        }
        if list_of(&renumbered) != list {
            values.push((name, list_of(&renumbered)));
        }
    }
    (!after.is_empty()).then_some(values)
}

fn list_of(indices: &[usize]) -> String {
    indices.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// HIP and OpenCL take an empty list for none.
fn set(list: &Option<String>) -> Option<&str> {
    list.as_deref().filter(|list| !list.is_empty())
}

fn hide(visible: &mut Visible, before: &[(&Gpu, Target)], after: &[(&Gpu, Target)], by: &'static str) {
    let gone = before.iter().filter(|(gpu, _)| !after.iter().any(|(kept, _)| kept.node == gpu.node));
    visible.hidden.extend(gone.map(|(gpu, _)| Hidden { node: gpu.node, by }));
}

/// `ROCR_VISIBLE_DEVICES`: indices of `gpus` in the order to show. The list ends at the first entry that is no index or unique prefix of a UUID,
/// is out of range, or was there before; and ROCr looks at no more entries than there are GPUs.
fn rocr_filter(list: &str, gpus: &[Gpu]) -> (Vec<usize>, Option<String>) {
    let mut chosen = Vec::new();
    if list.is_empty() {
        return (chosen, Some("ROCR_VISIBLE_DEVICES is set but empty: no GPU is visible".to_owned()));
    }
    // getline() yields no entry after a trailing comma.
    for token in list.strip_suffix(',').unwrap_or(list).split(',').take(gpus.len()) {
        let upper = token.trim().to_ascii_uppercase();
        let index = if upper.is_empty() {
            // ROCr 5.2.3 looks at the first character of the entry without checking that there is one, and aborts.
            return (chosen, Some("ROCR_VISIBLE_DEVICES has an empty entry; AMD's runtime may abort on it".to_owned()));
        } else if upper.starts_with('G') {
            uuid_index(&upper, gpus)
        } else {
            strtol(&upper)
        };
        match index.and_then(|index| usize::try_from(index).ok()) {
            Some(index) if index < gpus.len() && !chosen.contains(&index) => chosen.push(index),
            _ => {
                return (
                    chosen,
                    Some(format!("ROCR_VISIBLE_DEVICES: the list ends at \"{token}\", which selects no further GPU")),
                );
            }
        }
    }
    (chosen, None)
}

fn uuid_index(token: &str, gpus: &[Gpu]) -> Option<i64> {
    if !(5..=20).contains(&token.len()) {
        return None;
    }
    let matches = |gpu: &Gpu| gpu.uuid().is_some_and(|uuid| uuid.to_ascii_uppercase().starts_with(token));
    let mut found = (0i64..).zip(gpus).filter(|(_, gpu)| matches(gpu)).map(|(index, _)| index);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// `strtol(text, &end, 0)` with `*end == 0`: decimal, octal after 0, hexadecimal after 0x; an empty text cannot come here.
fn strtol(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) = match digits.strip_prefix("0X") {
        Some(rest) => (16, rest),
        None if digits.len() > 1 && digits.starts_with('0') => (8, digits),
        None => (10, digits),
    };
    let valid = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    let value = valid.then(|| i64::from_str_radix(digits, radix).ok()).flatten()?;
    Some(if negative { -value } else { value })
}

/// `HIP_VISIBLE_DEVICES`: indices of `agents`. The list ends at the first entry that is not exactly a number in range; a number that was there
/// before is skipped. Since HIP 6.2 an entry may be `GPU-` and hexadecimal digits of a UUID;
/// to 6.1.2 and older that is an entry like any other that is no number.
fn hip_filter(name: &str, list: &str, agents: &[(&Gpu, Target)]) -> (Vec<usize>, Option<String>) {
    let (mut chosen, mut note) = (Vec::new(), None);
    let list = list.strip_suffix(',').unwrap_or(list);
    for token in list.split(',') {
        let by_uuid = || {
            let found = agents.iter().position(|(gpu, _)| gpu.uuid().is_some_and(|uuid| uuid.contains(token)));
            found.filter(|_| token.contains("GPU-"))
        };
        // "01" and "+1" are refused: the text must be what the number prints as.
        let by_number =
            || token.parse::<usize>().ok().filter(|index| *index < agents.len() && index.to_string() == token);
        let number = by_number();
        match number.or_else(by_uuid) {
            Some(index) => {
                if number.is_none() {
                    note =
                        Some(format!("{name}: \"{token}\" needs HIP 6.2 or later; to older ones the list ends there"));
                }
                if !chosen.contains(&index) {
                    chosen.push(index);
                }
            }
            None => return (chosen, Some(format!("{name}: the list ends at \"{token}\", which selects no GPU"))),
        }
    }
    (chosen, note)
}
