//! The memory of HSA's agents: which pools and regions there are, of which kind, and for which GPU.
//!
//! Asked of the runtime once after hsa_init; its answers are never changed.

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use rmcp_policy::{Device, Pool, Version};

use crate::abi::hsa::*;
use crate::devices::{self, Found};
use crate::real::{INSTANCES, Real};

/// A pool or region in the global segment: its handle and its global flags.
type Place = (u64, u32);

/// The pools and regions of an agent, in the runtime's order.
#[derive(Debug)]
struct Heap {
    cpu: bool,
    pools: Vec<Place>,
    regions: Vec<Place>,
    /// The GPU; of a CPU agent: what holds of all GPUs, any of which may use its memory.
    device: Found,
}

/// The memory of all agents, CPUs first.
#[derive(Debug, Default)]
pub struct Heaps(Vec<Heap>);

/// What is known of a pool or region.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// Its kind.
    pub pool: Pool,
    /// Whom its memory is for.
    pub device: Found,
    /// Where this is a CPU agent's fine-grained one: the exactly coarse-grained one of the same agent.
    pub coarse: Option<u64>,
}

static HEAPS: [AtomicPtr<Heaps>; INSTANCES] = [const { AtomicPtr::new(null_mut()) }; INSTANCES];

fn slot(real: &Real) -> Option<&'static AtomicPtr<Heaps>> {
    let index = (0..INSTANCES).find(|index| std::ptr::eq(Real::instance(*index), real))?;
    Some(&HEAPS[index])
}

/// The memory that this runtime has. `None` before hsa_init and after the last hsa_shut_down.
pub fn of(real: &Real) -> Option<&'static Heaps> {
    let slot = slot(real)?;
    let mut heaps = slot.load(Ordering::Acquire);
    if heaps.is_null() {
        let ours = Box::into_raw(Box::new(Heaps::ask(real)?));
        heaps = match slot.compare_exchange(null_mut(), ours, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => ours,
            Err(theirs) => {
                // SAFETY: ours was never shared.
                drop(unsafe { Box::from_raw(ours) });
                theirs
            }
        };
    }
    // SAFETY: published heaps are never changed or freed.
    Some(unsafe { &*heaps })
}

/// The runtime shuts down, perhaps for good: agents and pools may be others after the next hsa_init. What was known is left to those who still look at it.
pub fn forget(real: &Real) {
    if let Some(slot) = slot(real) {
        slot.store(null_mut(), Ordering::Release);
    }
}

impl Heaps {
    fn ask(real: &Real) -> Option<Self> {
        let cpus = agents(real, HSA_DEVICE_TYPE_CPU)?;
        let gpus = agents(real, HSA_DEVICE_TYPE_GPU)?;
        let all = devices::of_agents(real, &[]);
        let heap = |cpu, agent, device| Heap { cpu, pools: pools(real, agent), regions: regions(real, agent), device };
        let cpus = cpus.into_iter().map(|agent| heap(true, agent, all));
        let gpus = gpus.into_iter().map(|agent| heap(false, agent, devices::of_agents(real, &[agent])));
        Some(Self(cpus.chain(gpus).collect()))
    }

    /// A pool by its handle.
    pub fn pool(&self, handle: u64) -> Option<Known> {
        self.0.iter().find_map(|heap| heap.known(&heap.pools, handle))
    }

    /// A region by its handle.
    pub fn region(&self, handle: u64) -> Option<Known> {
        self.0.iter().find_map(|heap| heap.known(&heap.regions, handle))
    }

    /// All GPUs of the runtime.
    pub fn all_gpus(&self) -> Found {
        self.0.iter().find(|heap| heap.cpu).map_or((None, Device::UNKNOWN), |heap| heap.device)
    }

    /// The first CPU agent's exactly coarse-grained pool.
    pub fn first_coarse(&self) -> Option<hsa_amd_memory_pool_t> {
        let first = self.0.iter().find(|heap| heap.cpu)?;
        coarse(&first.pools).map(|handle| hsa_amd_memory_pool_t { handle })
    }

    /// The release of the runtime, as far as its pools and functions tell: 6.4 and later show an extended-scope fine-grained pool on CPU agents.
    pub fn release(&self, real: &Real) -> Version {
        let extended = self
            .0
            .iter()
            .filter(|heap| heap.cpu)
            .flat_map(|heap| &heap.pools)
            .any(|(_, flags)| Pool::of_global_flags(*flags, true) == Pool::CpuExtendedFine);
        if real.hsa_amd_portable_export_dmabuf_v2().is_some() {
            // In the header of 7.2.4, which also has the allocation flag for uncached memory; not in that of 6.4.3.
            Version::new(7, 2)
        } else if extended {
            Version::new(6, 4)
        } else if real.hsa_amd_vmem_address_reserve().is_some() {
            Version::new(6, 1)
        } else {
            Version::new(5, 2)
        }
    }
}

impl Heap {
    fn known(&self, places: &[Place], handle: u64) -> Option<Known> {
        let (_, flags) = places.iter().find(|(place, _)| *place == handle)?;
        let pool = Pool::of_global_flags(*flags, self.cpu);
        let coarse = if pool == Pool::CpuFine { coarse(places) } else { None };
        Some(Known { pool, device: self.device, coarse })
    }
}

fn coarse(places: &[Place]) -> Option<u64> {
    places.iter().find(|(_, flags)| *flags == HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_COARSE_GRAINED).map(|(handle, _)| *handle)
}

/// The agents of one kind, in the runtime's order. `None` before hsa_init.
pub fn agents(real: &Real, wanted: u32) -> Option<Vec<hsa_agent_t>> {
    struct Walk<'a> {
        real: &'a Real,
        wanted: u32,
        agents: Vec<hsa_agent_t>,
    }
    unsafe extern "C" fn visit(agent: hsa_agent_t, data: *mut c_void) -> hsa_status_t {
        // SAFETY: `data` is the walk below.
        let walk = unsafe { &mut *data.cast::<Walk>() };
        // SAFETY: the attribute is a 32-bit hsa_device_type_t.
        if unsafe { attribute::<u32>(walk.real, agent, HSA_AGENT_INFO_DEVICE) } == Some(walk.wanted) {
            walk.agents.push(agent);
        }
        HSA_STATUS_SUCCESS
    }
    let mut walk = Walk { real, wanted, agents: Vec::new() };
    // SAFETY: the callback gets the walk, which outlives the call.
    let status = unsafe { real.hsa_iterate_agents()?(Some(visit), (&raw mut walk).cast()) };
    (status == HSA_STATUS_SUCCESS).then_some(walk.agents)
}

/// An attribute of an agent.
///
/// # Safety
/// The attribute's type is `T`.
pub unsafe fn attribute<T: Copy + Default>(real: &Real, agent: hsa_agent_t, attribute: u32) -> Option<T> {
    let mut value = T::default();
    // SAFETY: the caller's promise.
    let status = unsafe { real.hsa_agent_get_info()?(agent, attribute, (&raw mut value).cast()) };
    (status == HSA_STATUS_SUCCESS).then_some(value)
}

/// Defines the walk through the pools or the regions of an agent: those in the global segment. Empty where the runtime has no such function.
macro_rules! places {
    ($walk:ident, $handle:ident, $iterate:ident, $info:ident, $segment:ident, $global:ident, $flags:ident) => {
        fn $walk(real: &Real, agent: hsa_agent_t) -> Vec<Place> {
            struct Walk<'a> {
                real: &'a Real,
                places: Vec<Place>,
            }
            unsafe extern "C" fn visit(place: $handle, data: *mut c_void) -> hsa_status_t {
                // SAFETY: `data` is the walk below.
                let walk = unsafe { &mut *data.cast::<Walk>() };
                let Some(info) = walk.real.$info() else { return HSA_STATUS_INFO_BREAK };
                let (mut segment, mut flags) = (0u32, 0u32);
                // SAFETY: both attributes are 32 bits wide.
                let known = unsafe {
                    info(place, $segment, (&raw mut segment).cast()) == HSA_STATUS_SUCCESS
                        && segment == $global
                        && info(place, $flags, (&raw mut flags).cast()) == HSA_STATUS_SUCCESS
                };
                if known {
                    walk.places.push((place.handle, flags));
                }
                HSA_STATUS_SUCCESS
            }
            let mut walk = Walk { real, places: Vec::new() };
            if let Some(iterate) = real.$iterate() {
                // SAFETY: the callback gets the walk, which outlives the call.
                unsafe { iterate(agent, Some(visit), (&raw mut walk).cast()) };
            }
            walk.places
        }
    };
}
places! {
    pools, hsa_amd_memory_pool_t, hsa_amd_agent_iterate_memory_pools, hsa_amd_memory_pool_get_info,
    HSA_AMD_MEMORY_POOL_INFO_SEGMENT, HSA_AMD_SEGMENT_GLOBAL, HSA_AMD_MEMORY_POOL_INFO_GLOBAL_FLAGS
}
places! {
    regions, hsa_region_t, hsa_agent_iterate_regions, hsa_region_get_info,
    HSA_REGION_INFO_SEGMENT, HSA_REGION_SEGMENT_GLOBAL, HSA_REGION_INFO_GLOBAL_FLAGS
}

#[cfg(test)]
mod tests {
    use super::*;
    use rmcp_policy::flags::{
        POOL_COARSE_GRAINED as COARSE, POOL_EXTENDED_FINE_GRAINED as EXTENDED, POOL_FINE_GRAINED as FINE,
        POOL_KERNARG as KERNARG,
    };

    fn heaps(of: &[(bool, &[Place])]) -> Heaps {
        let device = (None, Device::UNKNOWN);
        let heap =
            |(cpu, pools): &(bool, &[Place])| Heap { cpu: *cpu, pools: pools.to_vec(), regions: Vec::new(), device };
        Heaps(of.iter().map(heap).collect())
    }

    #[test]
    fn the_coarse_pool_is_of_the_same_cpu_agent_and_exactly_coarse() {
        let heaps = heaps(&[
            (true, &[(1, FINE), (2, FINE | KERNARG), (3, COARSE)]),
            (true, &[(4, FINE), (5, COARSE)]),
            (false, &[(6, COARSE), (7, FINE)]),
        ]);
        let beside = |handle| heaps.pool(handle).and_then(|known| known.coarse);
        assert_eq!([1, 4].map(beside), [Some(3), Some(5)]);
        assert_eq!([2, 3, 6, 7, 77].map(beside), [None; 5], "kernarg, coarse, GPU and foreign pools have none");
        assert_eq!(heaps.first_coarse().map(|pool| pool.handle), Some(3));
    }

    #[test]
    fn a_node_without_a_coarse_pool_has_none() {
        let heaps = heaps(&[(true, &[(1, FINE), (2, FINE | KERNARG)]), (true, &[(3, COARSE)])]);
        assert_eq!(heaps.pool(1).and_then(|known| known.coarse), None);
        assert_eq!(heaps.first_coarse().map(|pool| pool.handle), None, "only the first CPU agent counts");
    }

    #[test]
    fn an_extended_fine_pool_of_a_cpu_tells_the_release_and_one_of_a_gpu_does_not() {
        let real = Real::instance(INSTANCES - 1);
        assert_eq!(heaps(&[(true, &[(1, FINE)]), (false, &[(2, EXTENDED)])]).release(real), Version::new(5, 2));
        assert_eq!(heaps(&[(true, &[(1, FINE), (2, EXTENDED)])]).release(real), Version::new(6, 4));
    }
}
