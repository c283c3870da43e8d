//! What AMD GPUs this machine has, read from the topology that the kernel's KFD shows in sysfs, and which of them a HIP program will see.
//!
//! [`Topology::read`] reads the files; everything else is pure. A GPU is what `gfx_target_version` says it is: that file comes from the
//! kernel and no environment variable changes it, while the name that HIP reports follows `HSA_OVERRIDE_GFX_VERSION`.
//!
//! Sources: `drivers/gpu/drm/amd/amdkfd/kfd_topology.c` and `kfd_crat.h` of Linux (what is in the files), `libhsakmt` `src/topology.c` of
//! ROCm 5.2.3 (how AMD's own library reads them).

#![forbid(unsafe_code)]

mod pci;
mod properties;
mod target;
mod topology;
mod visible;

pub use pci::{BadPciAddress, PciAddress};
pub use target::{BadTarget, Generation, Target};
pub use topology::{Apu, Gpu, Skipped, Topology, TopologyError};
pub use visible::{Hidden, Ordinal, Override, Variables, Visible, hip_ordinals, without};

/// Where the kernel shows the topology.
pub const TOPOLOGY_ROOT: &str = "/sys/class/kfd/kfd/topology";
