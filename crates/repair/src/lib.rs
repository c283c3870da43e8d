//! Repairs of a program's environment before it starts.
//!
//! [`plan`] is a pure function of the machine, the environment that the program would get, AMD's libraries that it would load, and the user's
//! settings. It changes nothing: the caller sets what [`Plan::changes`] says, tells the user about each, and does not start the program if there is a
//! [`Plan::refusal`]. It knows of RMCP's other crates config (the settings), device (the topology and the visibility variables) and policy (the mode); repairs of
//! single calls are the core's. `docs/repairs.md` has the evidence for each repair.

#![forbid(unsafe_code)]

mod overrides;
#[cfg(test)]
mod tests;

use rmcp_config::{Repairs, Switch};
use rmcp_device::{Generation, Gpu, Override, Target, Topology, Variables, hip_ordinals, without};
use rmcp_policy::Mode;

/// What is known of AMD's libraries that the program would load.
pub struct Runtime<'a> {
    /// Major and minor version of HIP; `None`: not known, or no HIP.
    pub hip: Option<(u32, u32)>,
    /// ROCr reads `HSA_OVERRIDE_GFX_VERSION_N`.
    pub override_per_node: bool,
    /// Whether ROCr knows a target; it leaves out GPUs of one that it does not know.
    pub known: &'a dyn Fn(Target) -> bool,
}

/// What a plan is made from.
pub struct Situation<'a> {
    /// The GPUs that AMD's runtime can open.
    pub topology: &'a Topology,
    /// A variable's value in the environment that the program would get; `None`: not set.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// AMD's libraries.
    pub runtime: Runtime<'a>,
    /// What the user allows.
    pub repairs: &'a Repairs,
    /// The policy that will be in force.
    pub mode: Mode,
}

/// A variable that is set or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its name.
    pub name: String,
    /// The new value; `None`: it is removed.
    pub value: Option<String>,
    /// Why, one clause.
    pub why: String,
    /// How the user has it otherwise, one clause.
    pub otherwise: &'static str,
}

/// What is to be done before the program starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// To be made in the program's environment; no name is there twice.
    pub changes: Vec<Change>,
    /// Sentences for the user.
    pub messages: Vec<String>,
    /// A sentence that says why the program is not to be started.
    pub refusal: Option<String>,
}

/// The plan for a program.
pub fn plan(situation: &Situation) -> Plan {
    let mut plan = Plan::default();
    hide_apu(situation, &mut plan);
    overrides::check(situation, &mut plan);
    find_mode(situation, &mut plan);
    fence_copies(situation, &mut plan);
    plan
}

impl<'a> Situation<'a> {
    /// A variable as the plan leaves it.
    fn planned(&self, plan: &Plan, name: &str) -> Option<String> {
        match plan.changes.iter().find(|change| change.name == name) {
            Some(change) => change.value.clone(),
            None => (self.variable)(name),
        }
    }

    /// The visibility variables as the plan leaves them.
    fn variables(&self, plan: &Plan) -> Variables {
        Variables::from_lookup(|name| self.planned(plan, name))
    }

    /// The GPUs that HIP will show, by what `known` says of targets.
    fn visible(&self, variables: &Variables, known: &dyn Fn(Target) -> bool) -> Vec<&'a Gpu> {
        let visible = hip_ordinals(self.topology, variables, known);
        let gpu = |node| self.topology.gpus.iter().find(|gpu| gpu.node == node);
        visible.devices.iter().filter_map(|device| gpu(device.node)).collect()
    }
}

/// `gfx1010 (node 1)`
fn name(gpu: &Gpu) -> String {
    format!("{} (node {})", gpu.target, gpu.node)
}

fn names<'a>(gpus: impl IntoIterator<Item = &'a Gpu>) -> String {
    gpus.into_iter().map(name).collect::<Vec<_>>().join(" and ")
}

/// Hides the GPU of an APU beside a card.
fn hide_apu(situation: &Situation, plan: &mut Plan) {
    let mut variables = situation.variables(plan);
    // With one that it cannot read AMD's library finds no GPU; it is dealt with afterwards.
    let readable = |value: &String| matches!(Override::parse(value), Override::As(_));
    variables.hsa_override_gfx_version = variables.hsa_override_gfx_version.filter(readable);
    let visible = situation.visible(&variables, situation.runtime.known);
    let Some(card) = visible.iter().filter(|gpu| gpu.apu.is_none()).map(|gpu| gpu.cu_count).max() else { return };
    let unwanted = |gpu: &Gpu| match situation.repairs.hide_apu {
        Switch::Off => false,
        Switch::On => gpu.apu.is_some(),
        // Who chose among the GPUs knows them; and some APUs have the larger GPU of the two.
        Switch::Auto => gpu.apu.is_some() && !variables.restricted() && gpu.cu_count < card,
    };
    let Some(values) = without(situation.topology, &variables, situation.runtime.known, unwanted) else { return };
    let hidden = names(visible.into_iter().filter(|gpu| unwanted(gpu)));
    plan.changes.extend(values.into_iter().map(|(name, value)| Change {
        name: name.to_owned(),
        value: Some(value),
        why: match name {
            "ROCR_VISIBLE_DEVICES" => format!("hides {hidden}, which is part of the processor, beside a card"),
            _ => format!("the same GPUs as before, counted without {hidden}"),
        },
        otherwise: "off: --repair hide-apu=off",
    }));
}

/// `MIOPEN_FIND_MODE`, unless the user has one.
fn find_mode(situation: &Situation, plan: &mut Plan) {
    let Some(mode) = &situation.repairs.miopen_find_mode else { return };
    if (situation.variable)("MIOPEN_FIND_MODE").is_none_or(|value| value.is_empty()) {
        plan.changes.push(Change {
            name: "MIOPEN_FIND_MODE".to_owned(),
            value: Some(mode.clone()),
            why: "how long MIOpen may try kernels at the first convolution of each shape".to_owned(),
            otherwise: "off: --repair miopen-find-mode=off",
        });
    }
}

/// Keeps copies from registered memory behind a fence where RMCP makes such memory non-coherent.
///
/// From HIP 6.4 on copies of up to 16 KiB go through a shader, without the L2 invalidation that non-coherent memory needs if clr takes the memory for
/// coherent, and that it does of all registered memory (ROCclr `rocblit.cpp`, 6.4.3). `AMD_OPT_FLUSH=0` would close the gap too, but costs every kernel a
/// system-scope fence; this only returns such copies to SDMA, as in 6.3 and before.
fn fence_copies(situation: &Situation, plan: &mut Plan) {
    let set = |name| (situation.variable)(name).is_some_and(|value| !value.is_empty());
    if situation.runtime.hip < Some((6, 4)) || set("GPU_FORCE_BLIT_COPY_SIZE") || set("AMD_OPT_FLUSH") {
        return;
    }
    let visible = situation.visible(&situation.variables(plan), situation.runtime.known);
    let rewrites = |gpu: &&Gpu| {
        gpu.generation != Generation::Other
            && match situation.mode {
                Mode::Off | Mode::Audit => false,
                Mode::Default => !gpu.atomics_to_host(),
                Mode::Strict => true,
            }
    };
    if visible.iter().any(rewrites) {
        plan.changes.push(Change {
            name: "GPU_FORCE_BLIT_COPY_SIZE".to_owned(),
            value: Some("0".to_owned()),
            why: format!(
                "policy {} makes registered memory non-coherent, and HIP 6.4 and later would copy up to 16 KiB from it without a fence",
                situation.mode
            ),
            otherwise: "a value of your own, or AMD_OPT_FLUSH, is left as it is",
        });
    }
}
