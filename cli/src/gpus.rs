//! `rmcp gpus`: the cards as the kernel driver describes them, and what HIP and RMCP make of them.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rmcp_device::{Generation, Gpu, Override, TOPOLOGY_ROOT, Topology, Variables, Visible, hip_ordinals};
use serde_json::{Value, json};
use vgpu::launch::Prepared;
use vgpu::spec::Spec;

use crate::failure::Failure;
use crate::table::{Align, bytes, lines, print};
use crate::virtual_card::prepare;

#[derive(clap::Args)]
pub struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// The cards of a virtual machine instead
    #[arg(long = "virtual", value_name = "SPEC")]
    spec: Option<Spec>,
    /// Read this tree instead of /sys/class/kfd/kfd/topology
    #[arg(long, value_name = "DIR", conflicts_with = "spec")]
    topology: Option<PathBuf>,
}

pub fn gpus(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let machine = arguments.spec.as_ref().map(|spec| prepare(spec, None)).transpose()?;
    let root = match (&machine, &arguments.topology) {
        (Some(machine), _) => root_in(machine),
        (None, Some(root)) => root.clone(),
        (None, None) => TOPOLOGY_ROOT.into(),
    };
    let topology = Topology::read(&root).map_err(Failure::broken)?;
    let variables = Variables::from_lookup(|name| std::env::var(name).ok());
    let visible = hip_ordinals(&topology, &variables, |_| true);
    let per_node = per_node_overrides(
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
    );
    let text = match arguments.json {
        true => format!("{:#}\n", as_json(&topology, &visible, &variables, &per_node)),
        false => as_text(&topology, &visible, &per_node),
    };
    print(&text);
    Ok(ExitCode::SUCCESS)
}

/// The topology's root in a virtual machine's tree.
pub fn root_in(machine: &Prepared) -> PathBuf {
    machine.tree().join(Path::new(TOPOLOGY_ROOT).strip_prefix("/").unwrap_or(Path::new("")))
}

/// A generation's usual name.
pub fn generation(generation: Generation) -> &'static str {
    match generation {
        Generation::Rdna1 => "RDNA1",
        Generation::Rdna2 => "RDNA2",
        Generation::Other => "other",
    }
}

/// `HSA_OVERRIDE_GFX_VERSION_N`, which newer releases of AMD's runtime read for node N: the node's number and the value.
fn per_node_overrides(variables: impl Iterator<Item = (String, String)>) -> Vec<(u32, String)> {
    let mut found: Vec<(u32, String)> = variables
        .filter_map(|(name, value)| Some((name.strip_prefix("HSA_OVERRIDE_GFX_VERSION_")?.parse().ok()?, value)))
        .collect();
    found.sort();
    found
}

/// What RMCP does for a card under policy `default`.
fn treatment(gpu: &Gpu) -> &'static str {
    match (gpu.generation, gpu.atomics_to_host()) {
        (Generation::Other, _) => "never",
        (_, true) => "rewrites",
        (_, false) => "rewrites+",
    }
}

fn ordinal(visible: &Visible, gpu: &Gpu) -> Option<usize> {
    visible.devices.iter().find(|device| device.node == gpu.node).map(|device| device.ordinal)
}

fn yes(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}

fn as_text(topology: &Topology, visible: &Visible, per_node: &[(u32, String)]) -> String {
    if topology.gpus.is_empty() && topology.skipped.is_empty() {
        return "The kernel driver is loaded but shows no GPU.\n".to_owned();
    }
    let head = ["HIP", "node", "target", "kind", "PCI address", "PCI id", "VRAM", "BAR", "atomics", "SVM", "RMCP"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(topology.gpus.iter().map(|gpu| {
        vec![
            ordinal(visible, gpu).map_or("-".to_owned(), |ordinal| ordinal.to_string()),
            gpu.node.to_string(),
            gpu.target.to_string(),
            format!("{}{}", generation(gpu.generation), if gpu.apu.is_some() { " APU" } else { "" }),
            gpu.pci.to_string(),
            format!("{:04x}:{:04x}", gpu.vendor_id, gpu.device_id),
            bytes(gpu.vram_bytes),
            if gpu.large_bar { "large" } else { "small" }.to_owned(),
            gpu.pcie_atomics.map_or("unknown".to_owned(), yes),
            yes(gpu.svm),
            treatment(gpu).to_owned(),
        ]
    }));
    use Align::{Left, Right};
    let mut out = lines(&[Right, Right, Left, Left, Left, Left, Right, Left, Left, Left, Left], &rows);
    let mut notes = Vec::new();
    for hidden in &visible.hidden {
        notes.push(format!("node {} is hidden from HIP by {}", hidden.node, hidden.by));
    }
    if let Some(Override::As(target)) = &visible.override_gfx {
        notes.push(format!(
            "HSA_OVERRIDE_GFX_VERSION is set: HIP calls every card {target}; memory types and RMCP follow the real card above"
        ));
    }
    for (node, value) in per_node {
        notes.push(format!(
            "HSA_OVERRIDE_GFX_VERSION_{node}={value} is set: newer releases of AMD's runtime call node {node} by that version, older ones ignore it; \
             memory types and RMCP follow the real card above"
        ));
    }
    notes.extend(visible.notes.iter().cloned());
    for skipped in &topology.skipped {
        notes.push(format!("node {} is left out: {}", skipped.node, skipped.reason));
    }
    if visible.devices.len() > 1 {
        notes.push(
            "AMD's runtime leaves out a target that its release does not know; the HIP numbers after it then move up"
                .to_owned(),
        );
    }
    if topology.gpus.iter().any(|gpu| treatment(gpu) == "rewrites+") {
        notes.push(
            "rewrites+: without PCIe atomics policy default changes mapped and registered host memory too".to_owned(),
        );
    }
    if topology.gpus.iter().any(|gpu| treatment(gpu) == "never") {
        notes.push("never: RMCP changes nothing on cards that are neither RDNA1 nor RDNA2".to_owned());
    }
    if topology.gpus.iter().any(|gpu| gpu.apu.is_some() && gpu.pcie_atomics == Some(false)) {
        notes.push("an APU reaches host memory without PCIe, so its \"atomics\" column does not count".to_owned());
    }
    out.extend(notes.into_iter().map(|note| format!("note: {note}")));
    out.into_iter().map(|line| line + "\n").collect()
}

fn as_json(topology: &Topology, visible: &Visible, variables: &Variables, per_node: &[(u32, String)]) -> Value {
    let gpus: Vec<Value> = topology
        .gpus
        .iter()
        .map(|gpu| {
            let mut value = json!(gpu);
            let device = visible.devices.iter().find(|device| device.node == gpu.node);
            value["hip_ordinal"] = json!(ordinal(visible, gpu));
            value["reported_target"] = json!(device.map(|device| device.reported));
            value["hidden_by"] =
                json!(visible.hidden.iter().find(|hidden| hidden.node == gpu.node).map(|hidden| hidden.by));
            value["atomics_to_host"] = json!(gpu.atomics_to_host());
            value["rewrites"] = json!(gpu.generation != Generation::Other);
            value
        })
        .collect();
    let per_node: Vec<Value> = per_node.iter().map(|(node, value)| json!({ "node": node, "value": value })).collect();
    json!({
        "gpus": gpus,
        "skipped": topology.skipped,
        "variables": variables,
        "override": visible.override_gfx,
        "override_per_node": per_node,
        "notes": visible.notes,
    })
}
