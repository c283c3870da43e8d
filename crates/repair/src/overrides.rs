//! `HSA_OVERRIDE_GFX_VERSION` and `HSA_OVERRIDE_GFX_VERSION_N` that name another instruction set than the card's.
//!
//! `libhsakmt` takes `HSA_OVERRIDE_GFX_VERSION_N` for its node N, if it is set, before `HSA_OVERRIDE_GFX_VERSION` (`topology.c`,
//! `topology_sysfs_get_node_props`; in ROCr 6.4.3 and 7.2.4, not in 6.1.2 and before). N is libhsakmt's number of the node: it counts only nodes that the
//! process may use (`topology_sysfs_map_node_id`), CPU nodes among them.

use rmcp_config::WrongOverride;
use rmcp_device::{Gpu, Override, Target, Topology};

use crate::{Change, Plan, Situation, name, names};

const GLOBAL: &str = "HSA_OVERRIDE_GFX_VERSION";
const OTHERWISE: &str = "off: --repair override=off";

/// Whether code for `code` runs on `card`: all of its instructions exist there in the same encoding (LLVM, `AMDGPU.td` and
/// the generic targets of AMDGPUUsage).
fn runs(code: Target, card: Target) -> bool {
    // gfx9 and gfx10 have several instruction sets each, by the minor number; RMCP leaves other generations in one piece.
    let family = |target: Target| (target.major, if target.major <= 10 { target.minor } else { 0 });
    let same = family(code) == family(card);
    match (card.major, card.minor) {
        // gfx1011 and gfx1012 add dot products to gfx1010, gfx1013 adds ray tracing.
        (10, 1) => {
            let dot = |target: Target| matches!(target.stepping, 1 | 2);
            same && (code.stepping == 0 || code == card || dot(code) && dot(card))
        }
        _ => same,
    }
}

/// One of the variables, as it is set.
struct Setting<'a> {
    name: String,
    value: Override,
    text: String,
    /// The visible GPUs that it is in force for.
    gpus: Vec<&'a Gpu>,
}

impl Setting<'_> {
    fn is_wrong_for(&self, gpu: &Gpu) -> bool {
        match self.value {
            Override::As(code) => !runs(code, gpu.target),
            Override::Invalid(_) => true,
        }
    }

    /// The GPUs whose own target it hides to good purpose.
    fn needed(&self) -> Vec<&Gpu> {
        let needs = |gpu: &&Gpu| !self.is_wrong_for(gpu) && self.value != Override::As(gpu.target);
        self.gpus.iter().copied().filter(needs).collect()
    }

    fn wrong(&self) -> Vec<&Gpu> {
        self.gpus.iter().copied().filter(|gpu| self.is_wrong_for(gpu)).collect()
    }
}

/// The variable for one GPU.
fn per_node(topology: &Topology, gpu: &Gpu) -> String {
    let skipped = topology.skipped.iter().filter(|skipped| skipped.node < gpu.node).count();
    format!("{GLOBAL}_{}", gpu.node as usize - skipped)
}

/// Explains, refuses or corrects, as the user's settings say.
pub fn check(situation: &Situation, plan: &mut Plan) {
    if situation.repairs.wrong_override == WrongOverride::Off {
        return;
    }
    let settings = settings(situation, plan);
    let wrong: Vec<&Setting> = settings.iter().filter(|setting| !setting.wrong().is_empty()).collect();
    for setting in &wrong {
        let sentence = explain(situation, setting);
        match situation.repairs.wrong_override {
            WrongOverride::Off => {}
            WrongOverride::Explain => plan.messages.push(sentence),
            WrongOverride::Refuse => {
                plan.refusal.get_or_insert(sentence);
            }
            WrongOverride::Correct => correct(situation, setting, &settings, plan),
        }
    }
}

/// The variables that are in force for a visible GPU.
fn settings<'a>(situation: &Situation<'a>, plan: &Plan) -> Vec<Setting<'a>> {
    let mut variables = situation.variables(plan);
    // Visible but for the override: a wrong one may be why ROCr leaves a GPU out.
    variables.hsa_override_gfx_version = None;
    let visible = situation.visible(&variables, &|_| true);
    let mut settings: Vec<Setting> = Vec::new();
    for gpu in visible {
        let own = per_node(situation.topology, gpu);
        let own = Some(own).filter(|name| situation.runtime.override_per_node && (situation.variable)(name).is_some());
        let name = own.unwrap_or_else(|| GLOBAL.to_owned());
        let Some(text) = (situation.variable)(&name) else { continue };
        match settings.iter_mut().find(|setting| setting.name == name) {
            Some(setting) => setting.gpus.push(gpu),
            None => settings.push(Setting { name, value: Override::parse(&text), text, gpus: vec![gpu] }),
        }
    }
    settings
}

/// What is set, what card there is, what happens, what to do: one sentence.
fn explain(situation: &Situation, setting: &Setting) -> String {
    let (variable, text, wrong) = (&setting.name, &setting.text, setting.wrong());
    let needed = setting.needed();
    let code = match setting.value {
        Override::Invalid(_) => {
            return format!(
                "{variable}=\"{text}\" is not of the form 10.3.0, and AMD's runtime then finds no GPU at all; unset it, or let rmcp do it: --repair override=correct"
            );
        }
        Override::As(code) => code,
    };
    let what = format!(
        "{variable}={text} makes AMD's runtime take {} for {code}, whose code uses instructions that it does not have, so that kernels can hang, fault or compute wrong values",
        names(wrong.iter().copied())
    );
    if needed.is_empty() {
        return format!(
            "{what}; unset it and use builds with code for {}, or let rmcp unset it: --repair override=correct",
            targets(&wrong)
        );
    }
    let right = names(needed.iter().copied());
    if situation.runtime.override_per_node {
        let own: Vec<String> =
            needed.iter().map(|gpu| format!("{}={text}", per_node(situation.topology, gpu))).collect();
        return format!(
            "{what}; it is right for {right} only: set {} instead, or let rmcp do it: --repair override=correct",
            own.join(" and ")
        );
    }
    format!(
        "{what}; it is right for {right} only, and this release of AMD's runtime has no such variable for one card: show the program one kind at a time, with ROCR_VISIBLE_DEVICES"
    )
}

fn targets(gpus: &[&Gpu]) -> String {
    let mut targets: Vec<String> = gpus.iter().map(|gpu| gpu.target.to_string()).collect();
    targets.dedup();
    targets.join(" and ")
}

/// Removes what is wrong, and keeps what is right for other GPUs by variables of their own; where that cannot be done, explains.
fn correct(situation: &Situation, setting: &Setting, all: &[Setting], plan: &mut Plan) {
    let (wrong, needed) = (setting.wrong(), setting.needed());
    if !needed.is_empty() && !situation.runtime.override_per_node {
        plan.messages.push(explain(situation, setting));
        return;
    }
    let is_global = setting.name == GLOBAL;
    let global = all.iter().find(|other| other.name == GLOBAL).map(|other| other.text.clone());
    let global = if is_global { None } else { global.or_else(|| (situation.variable)(GLOBAL)) };
    let why = match setting.value {
        Override::Invalid(_) => {
            format!("\"{}\" is not of the form 10.3.0, and AMD's runtime would find no GPU", setting.text)
        }
        Override::As(code) => format!(
            "{} means {code}, whose code does not run on {}; the program needs code for {}",
            setting.text,
            names(wrong.iter().copied()),
            targets(&wrong)
        ),
    };
    // Without its own variable a GPU falls under the one for all, which may be just as wrong for it.
    let own = wrong.first().filter(|_| !is_global).map(|gpu| gpu.target);
    let falls_back = match (own, global.as_deref().map(Override::parse)) {
        (Some(target), Some(Override::As(code))) => !runs(code, target),
        (Some(_), Some(Override::Invalid(_))) => true,
        _ => false,
    };
    let value =
        own.filter(|_| falls_back).map(|target| format!("{}.{}.{}", target.major, target.minor, target.stepping));
    plan.changes.push(Change { name: setting.name.clone(), value, why, otherwise: OTHERWISE });
    plan.changes.extend(needed.into_iter().map(|gpu| Change {
        name: per_node(situation.topology, gpu),
        value: Some(setting.text.clone()),
        why: format!("{GLOBAL} was right for {} only", name(gpu)),
        otherwise: OTHERWISE,
    }));
}
