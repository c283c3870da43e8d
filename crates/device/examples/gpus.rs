//! Prints the GPUs of this machine as JSON: `cargo run -p rmcp-device --example gpus [TOPOLOGY]`.

use std::path::PathBuf;

use rmcp_device::{TOPOLOGY_ROOT, Topology, TopologyError, Variables, hip_ordinals};

fn main() -> Result<(), TopologyError> {
    let root = std::env::args_os().nth(1).map_or_else(|| PathBuf::from(TOPOLOGY_ROOT), PathBuf::from);
    let topology = Topology::read(&root)?;
    let visible = hip_ordinals(&topology, &Variables::from_lookup(|name| std::env::var(name).ok()), |_| true);
    let json = serde_json::json!({ "topology": topology, "hip": visible });
    println!("{json:#}");
    Ok(())
}
