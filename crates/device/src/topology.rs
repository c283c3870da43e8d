//! The tree `/sys/class/kfd/kfd/topology`.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::pci::PciAddress;
use crate::properties::Properties;
use crate::target::{Generation, Target};

/// `HSA_MEM_HEAP_TYPE_FB_PUBLIC` and `_PRIVATE` of `kfd_crat.h`: video memory that the CPU can and cannot reach.
const HEAP_FB_PUBLIC: u32 = 1;
const HEAP_FB_PRIVATE: u32 = 2;

/// `CRAT_IOLINK_FLAGS_*` of `kfd_crat.h`.
const LINK_NO_ATOMICS_32: u32 = 1 << 2;
const LINK_NO_ATOMICS_64: u32 = 1 << 3;

/// `HSA_CAP_SVMAPI_SUPPORTED` of `kfd_topology.h` (also `hsakmttypes.h`, `SVMAPISupported`).
const CAPABILITY_SVM: u32 = 1 << 27;

/// More than any machine has; bounds the work on a hostile tree.
const MAX_ENTRIES: usize = 1024;
/// Properties files are one page; a larger file is cut.
const MAX_FILE: u64 = 64 * 1024;

/// The GPUs of a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Topology {
    /// By node number, which is the order of ROCr's GPU agents.
    pub gpus: Vec<Gpu>,
    /// Nodes that could not be read, and why.
    pub skipped: Vec<Skipped>,
}

/// One GPU node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gpu {
    /// KFD node number.
    pub node: u32,
    /// KFD's identifier of the GPU, never 0.
    pub gpu_id: u32,
    /// What the card is, whatever `HSA_OVERRIDE_GFX_VERSION` says.
    pub target: Target,
    /// Generation of `target`.
    pub generation: Generation,
    /// PCI vendor, 0x1002 for AMD.
    pub vendor_id: u32,
    /// PCI device.
    pub device_id: u32,
    /// PCI address.
    pub pci: PciAddress,
    /// N of `/dev/dri/renderDN`; 0 if the kernel gave none.
    pub render_minor: u32,
    /// Identity of the chip, 0 if it has none (the body of ROCr's `GPU-…` name).
    pub unique_id: u64,
    /// SIMD units.
    pub simd_count: u32,
    /// Compute units: `simd_count / simd_per_cu`.
    pub cu_count: u32,
    /// Video memory in bytes, the sum of the node's memory banks; on an APU what the firmware set aside.
    pub vram_bytes: u64,
    /// The CPU reaches all video memory (resizable BAR, or an APU).
    pub large_bar: bool,
    /// Part of the processor, and how that is known; `None`: a card of its own.
    pub apu: Option<Apu>,
    /// The GPU can do atomics on host memory: its link to a CPU node has neither of KFD's "no atomics" flags. `None` if it has no
    /// link to a CPU node.
    pub pcie_atomics: Option<bool>,
    /// The kernel offers the SVM interface on this GPU.
    pub svm: bool,
}

/// How a GPU is known to be part of the processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Apu {
    /// Its node has CPU cores too (old kernels and chips: one node for both).
    SharedNode,
    /// Its target exists only in processors. KFD shows such a GPU as a node of its own, without a property that says so.
    Target,
}

/// A node that is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// KFD node number.
    pub node: u32,
    /// One clause, for people.
    pub reason: String,
}

/// The topology as a whole cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TopologyError {
    /// There is no such directory.
    #[error("{0} does not exist: the amdgpu kernel driver is not loaded, or was built without CONFIG_HSA_AMD")]
    NoDriver(PathBuf),
    /// It cannot be listed.
    #[error("{path} cannot be read ({source}); check the permissions of the container or sandbox")]
    Unreadable {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Gpu {
    /// `pcie_atomics` as the policy wants it: an unknown link counts as one with atomics, so that nothing more is rewritten because of it; an APU
    /// needs no PCIe atomics (`amdgpu_device.c`: APUs from gfx9 on support them by an internal path), but older kernels flag it like a card.
    pub fn atomics_to_host(&self) -> bool {
        self.apu.is_some() || self.pcie_atomics.unwrap_or(true)
    }

    /// ROCr's name of the device for `ROCR_VISIBLE_DEVICES`: `GPU-` and 16 hexadecimal digits, `None` without a unique id.
    pub fn uuid(&self) -> Option<String> {
        (self.unique_id != 0).then(|| format!("GPU-{:016x}", self.unique_id))
    }
}

impl Topology {
    /// Reads the tree under `root`, usually [`crate::TOPOLOGY_ROOT`].
    ///
    /// # Errors
    /// If there is no tree or it cannot be listed. A node that cannot be read is no error: under a cgroup device limit KFD answers EPERM for
    /// `gpu_id` and `properties` of GPUs that the container may not use (`kfd_topology.c`, `kfd_devcgroup_check_permission`), and AMD's
    /// library leaves those out as well.
    pub fn read(root: &Path) -> Result<Self, TopologyError> {
        let nodes = root.join("nodes");
        let numbers = entries(&nodes).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => TopologyError::NoDriver(nodes.clone()),
            _ => TopologyError::Unreadable { path: nodes.clone(), source },
        })?;
        let read = |number: u32| (number, read_node(&nodes.join(number.to_string())));
        let nodes: Vec<(u32, Result<Node, String>)> = numbers.into_iter().map(read).collect();
        let mut topology = Self::default();
        for (number, node) in &nodes {
            match node {
                Err(reason) => topology.skipped.push(Skipped { node: *number, reason: reason.clone() }),
                Ok(node) if node.gpu_id == 0 => {}
                Ok(node) => match gpu(*number, node, &nodes) {
                    Ok(gpu) => topology.gpus.push(gpu),
                    Err(reason) => topology.skipped.push(Skipped { node: *number, reason }),
                },
            }
        }
        Ok(topology)
    }

    /// The GPU at a PCI address.
    pub fn at(&self, pci: PciAddress) -> Option<&Gpu> {
        self.gpus.iter().find(|gpu| gpu.pci == pci)
    }
}

struct Node {
    gpu_id: u32,
    properties: Properties,
    banks: Vec<Properties>,
    links: Vec<Properties>,
}

fn read_node(path: &Path) -> Result<Node, String> {
    let file = |name: &str| read_text(&path.join(name)).map_err(|error| describe(name, &error));
    let gpu_id = file("gpu_id")?;
    let gpu_id = gpu_id.trim().parse().map_err(|_| "gpu_id is not a number".to_owned())?;
    let properties = Properties::parse(&file("properties")?);
    Ok(Node { gpu_id, properties, banks: children(&path.join("mem_banks")), links: children(&path.join("io_links")) })
}

fn describe(name: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            format!("{name} may not be read: this GPU is not given to the container or user")
        }
        io::ErrorKind::NotFound => format!("{name} is missing"),
        _ => format!("{name} cannot be read: {error}"),
    }
}

fn gpu(number: u32, node: &Node, nodes: &[(u32, Result<Node, String>)]) -> Result<Gpu, String> {
    let properties = &node.properties;
    let Some(target) = Target::from_kfd(properties.u32("gfx_target_version")) else {
        return Err(
            "gfx_target_version is missing or 0, so the GPU cannot be identified (kernels before 5.12)".to_owned()
        );
    };
    let is_cpu = |other: u32| {
        other != number
            && nodes.iter().any(|(n, node)| {
                *n == other && node.as_ref().is_ok_and(|node| node.properties.u32("cpu_cores_count") > 0)
            })
    };
    // Only the GPU's own links count. On the CPU's link to it the kernel's flags say whether the *GPU* completes atomics of others, which
    // consumer cards do not (`kfd_set_iolink_no_atomics`).
    let mut to_cpu = node
        .links
        .iter()
        .filter(|link| link.get("node_to").is_some_and(|to| u32::try_from(to).is_ok_and(is_cpu)))
        .peekable();
    let pcie_atomics = to_cpu
        .peek()
        .is_some()
        .then(|| to_cpu.all(|link| link.u32("flags") & (LINK_NO_ATOMICS_32 | LINK_NO_ATOMICS_64) == 0));
    let heap = |kind: u32| -> u64 {
        let banks = node.banks.iter().filter(|bank| bank.get("heap_type") == Some(u64::from(kind)));
        banks.fold(0, |sum: u64, bank| sum.saturating_add(bank.get("size_in_bytes").unwrap_or(0)))
    };
    let (public, private) = (heap(HEAP_FB_PUBLIC), heap(HEAP_FB_PRIVATE));
    let apu = if properties.u32("cpu_cores_count") > 0 {
        Some(Apu::SharedNode)
    } else {
        target.is_apu().then_some(Apu::Target)
    };
    let simd_count = properties.u32("simd_count");
    Ok(Gpu {
        node: number,
        gpu_id: node.gpu_id,
        target,
        generation: target.generation(),
        vendor_id: properties.u32("vendor_id"),
        device_id: properties.u32("device_id"),
        pci: PciAddress::from_location(properties.u32("domain"), properties.u32("location_id")),
        render_minor: properties.u32("drm_render_minor"),
        unique_id: properties.get("unique_id").unwrap_or(0),
        simd_count,
        cu_count: simd_count.checked_div(properties.u32("simd_per_cu")).unwrap_or(0),
        vram_bytes: public.saturating_add(private),
        // With a large BAR the kernel shows all video memory as one public bank (`kfd_crat.c`, `kfd_fill_gpu_memory_affinity`).
        large_bar: public > 0 && private == 0,
        apu,
        pcie_atomics,
        svm: properties.u32("capability") & CAPABILITY_SVM != 0,
    })
}

/// The numbers that `directory` has entries for, in order.
fn entries(directory: &Path) -> io::Result<Vec<u32>> {
    let mut numbers: Vec<u32> = std::fs::read_dir(directory)?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .take(MAX_ENTRIES)
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

/// `N/properties` of every numbered entry that can be read.
fn children(directory: &Path) -> Vec<Properties> {
    let read = |number: u32| read_text(&directory.join(number.to_string()).join("properties")).ok();
    entries(directory).unwrap_or_default().into_iter().filter_map(read).map(|text| Properties::parse(&text)).collect()
}

fn read_text(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MAX_FILE).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpu_that_the_container_may_not_use_is_described_as_such() {
        let error = io::Error::from_raw_os_error(1);
        assert_eq!(
            describe("gpu_id", &error),
            "gpu_id may not be read: this GPU is not given to the container or user"
        );
    }
}
