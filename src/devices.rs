//! Which GPU a call is for: from HIP's current device, or from HSA agents, over the PCI address to what the kernel says of the card.
//!
//! Never by name: `HSA_OVERRIDE_GFX_VERSION` changes the name that HIP and HSA report, and nothing else.

use std::ffi::{CStr, c_int};
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};

use once_cell::race::OnceBox;
use rmcp_device::{Gpu, PciAddress, TOPOLOGY_ROOT, Topology};
use rmcp_policy::{Device, Generation};

use crate::abi::hip::hipSuccess;
use crate::abi::hsa::{HSA_AMD_AGENT_INFO_BDFID, HSA_AMD_AGENT_INFO_DOMAIN, HSA_DEVICE_TYPE_GPU, hsa_agent_t};
use crate::hooks::hsa::heaps;
use crate::real::Real;

/// A GPU of this machine.
#[derive(Debug)]
pub struct Known {
    /// As the kernel describes it.
    pub gpu: Gpu,
    /// As the policy sees it.
    pub policy: Device,
    /// Its target as a text, e.g. `gfx1030`.
    pub target: String,
    /// Its PCI address as a text, e.g. `0000:03:00.0`.
    pub bus: String,
}

impl From<Gpu> for Known {
    fn from(gpu: Gpu) -> Self {
        let generation = match gpu.generation {
            rmcp_device::Generation::Rdna1 => Generation::Rdna1,
            rmcp_device::Generation::Rdna2 => Generation::Rdna2,
            rmcp_device::Generation::Other => Generation::Other,
        };
        let policy =
            Device { generation, pcie_atomics: gpu.atomics_to_host(), is_apu: gpu.apu.is_some(), svm: gpu.svm };
        Self { policy, target: gpu.target.to_string(), bus: gpu.pci.to_string(), gpu }
    }
}

/// The GPUs of this machine, read from sysfs at the first call. Empty when they cannot be read: then nothing is known of any device, and nothing
/// is rewritten.
pub fn all() -> &'static [Known] {
    static ALL: OnceBox<Vec<Known>> = OnceBox::new();
    ALL.get_or_init(|| {
        let gpus = match Topology::read(Path::new(TOPOLOGY_ROOT)) {
            Ok(topology) => topology.gpus,
            Err(error) => {
                tracing::warn!("{error}");
                Vec::new()
            }
        };
        Box::new(gpus.into_iter().map(Known::from).collect())
    })
}

fn at(pci: PciAddress) -> Option<&'static Known> {
    all().iter().find(|known| known.gpu.pci == pci)
}

/// HIP's device ordinals are looked up once each; more than this are looked up at each call.
const ORDINALS: usize = 64;
const NOT_LOOKED_UP: u8 = 0;
const NOT_FOUND: u8 = 1;
/// The first GPU's index is stored as this.
const FIRST: u8 = 2;

/// Which GPU each of HIP's ordinals is, as far as that was looked up.
#[derive(Debug)]
pub struct Ordinals([AtomicU8; ORDINALS]);

impl Ordinals {
    /// Nothing looked up yet.
    pub const fn new() -> Self {
        Self([const { AtomicU8::new(NOT_LOOKED_UP) }; ORDINALS])
    }

    fn find(
        &self,
        ordinal: c_int,
        look_up: impl FnOnce() -> Option<&'static Known>,
        all: &'static [Known],
    ) -> Option<&'static Known> {
        let Some(entry) = usize::try_from(ordinal).ok().and_then(|index| self.0.get(index)) else { return look_up() };
        match entry.load(Ordering::Relaxed) {
            NOT_LOOKED_UP => {}
            NOT_FOUND => return None,
            index => return all.get(usize::from(index - FIRST)),
        }
        let found = look_up();
        let index = found.map_or(Some(NOT_FOUND), |known| {
            let index = all.iter().position(|other| std::ptr::eq(other, known))?;
            u8::try_from(index).ok()?.checked_add(FIRST)
        });
        if let Some(index) = index {
            entry.store(index, Ordering::Relaxed);
        }
        found
    }
}

/// HIP's current device of this thread; -1: not known.
pub fn current(real: &Real) -> c_int {
    if real.has_one_device() {
        return 0;
    }
    let mut ordinal = -1;
    // SAFETY: the pointer is valid.
    let known = real.hipGetDevice().is_some_and(|function| unsafe { function(&raw mut ordinal) } == hipSuccess);
    if known { ordinal } else { -1 }
}

/// The GPU behind one of HIP's ordinals, if it can be found.
pub fn of_ordinal(real: &Real, ordinal: c_int) -> Option<&'static Known> {
    if ordinal < 0 {
        return None;
    }
    real.ordinals.find(ordinal, || at(pci_of_ordinal(real, ordinal)?), all())
}

fn pci_of_ordinal(real: &Real, ordinal: c_int) -> Option<PciAddress> {
    let mut text = [0u8; 64];
    // SAFETY: the buffer has the length that is passed; one byte is kept for a terminator.
    if unsafe { real.hipDeviceGetPCIBusId()?(text.as_mut_ptr().cast(), text.len() as c_int - 1, ordinal) } != hipSuccess
    {
        return None;
    }
    CStr::from_bytes_until_nul(&text).ok()?.to_str().ok()?.parse().ok()
}

/// The GPUs that a request is for: the first of them that is known, and one device that stands for all.
pub type Found = (Option<&'static Known>, Device);

/// The GPUs behind HSA agents (none named: all GPU agents): the first of them, and what holds of all.
pub fn of_agents(real: &Real, agents: &[hsa_agent_t]) -> Found {
    let every;
    let agents = if agents.is_empty() {
        every = heaps::agents(real, HSA_DEVICE_TYPE_GPU).unwrap_or_default();
        &every
    } else {
        agents
    };
    let known: Vec<_> = agents.iter().map(|agent| at(pci_of_agent(real, *agent)?)).collect();
    (
        known.iter().flatten().next().copied(),
        least_favourable(known.into_iter().map(|known| known.map(|known| known.policy))),
    )
}

fn pci_of_agent(real: &Real, agent: hsa_agent_t) -> Option<PciAddress> {
    // SAFETY: both attributes are 32 bits wide.
    unsafe {
        let location = heaps::attribute::<u32>(real, agent, HSA_AMD_AGENT_INFO_BDFID)?;
        let domain = heaps::attribute::<u32>(real, agent, HSA_AMD_AGENT_INFO_DOMAIN).unwrap_or(0);
        Some(PciAddress::from_location(domain, location))
    }
}

/// One device that stands for several: if one of them is unknown or of another generation, so is this.
fn least_favourable(mut devices: impl Iterator<Item = Option<Device>>) -> Device {
    let Some(Some(first)) = devices.next() else { return Device::UNKNOWN };
    devices
        .try_fold(first, |sum, device| {
            let device = device?;
            let generation = if device.generation == Generation::Other { Generation::Other } else { sum.generation };
            Some(Device {
                generation,
                pcie_atomics: sum.pcie_atomics && device.pcie_atomics,
                is_apu: sum.is_apu && device.is_apu,
                svm: sum.svm || device.svm,
            })
        })
        .unwrap_or(Device::UNKNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(generation: Generation, pcie_atomics: bool) -> Device {
        Device { generation, pcie_atomics, is_apu: false, svm: false }
    }

    #[test]
    fn several_devices_are_as_good_as_the_worst() {
        let rdna2 = device(Generation::Rdna2, true);
        let rdna1 = device(Generation::Rdna1, false);
        let other = device(Generation::Other, true);
        let sum = |devices: &[Option<Device>]| least_favourable(devices.iter().copied());
        assert_eq!(sum(&[Some(rdna2)]), rdna2);
        assert_eq!(sum(&[Some(rdna2), Some(rdna1)]), device(Generation::Rdna2, false));
        assert_eq!(sum(&[Some(rdna2), Some(other), Some(rdna1)]).generation, Generation::Other);
        assert_eq!(sum(&[Some(other), Some(rdna2)]).generation, Generation::Other);
        assert_eq!(sum(&[Some(rdna2), None]), Device::UNKNOWN);
        assert_eq!(sum(&[]), Device::UNKNOWN);
    }

    #[test]
    fn an_ordinal_is_looked_up_once_whether_it_is_found_or_not() {
        let gpu = |node| Gpu {
            node,
            gpu_id: node,
            target: "gfx1030".parse().expect("a target"),
            generation: rmcp_device::Generation::Rdna2,
            vendor_id: 0x1002,
            device_id: 0x73bf,
            pci: PciAddress::from_location(0, node << 8),
            render_minor: 128,
            unique_id: 0,
            simd_count: 80,
            cu_count: 40,
            vram_bytes: 0,
            large_bar: true,
            apu: None,
            pcie_atomics: Some(false),
            svm: true,
        };
        let all: &'static [Known] = Box::leak(vec![Known::from(gpu(1)), Known::from(gpu(2))].into_boxed_slice());
        assert_eq!(
            all[0].policy,
            Device { generation: Generation::Rdna2, pcie_atomics: false, is_apu: false, svm: true }
        );
        let ordinals = Ordinals::new();
        assert_eq!(ordinals.find(0, || Some(&all[1]), all).map(|k| k.gpu.node), Some(2));
        assert_eq!(ordinals.find(0, || unreachable!(), all).map(|k| k.gpu.node), Some(2));
        assert!(ordinals.find(3, || None, all).is_none());
        assert!(ordinals.find(3, || unreachable!(), all).is_none());
        assert_eq!(ordinals.find(1000, || Some(&all[0]), all).map(|k| k.gpu.node), Some(1), "beyond the table");
        assert!(ordinals.find(-1, || None, all).is_none());
    }
}
