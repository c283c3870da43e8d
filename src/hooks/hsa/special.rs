//! The hooks of libhsa-runtime64 that do more than record.

use std::cell::Cell;
use std::ffi::{c_int, c_void};

use rmcp_policy::Call;

use crate::abi::hsa::{
    HSA_AGENT_INFO_DEVICE, HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_COARSE_GRAINED,
    HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_FINE_GRAINED, HSA_AMD_MEMORY_POOL_INFO_GLOBAL_FLAGS,
    HSA_AMD_MEMORY_POOL_INFO_SEGMENT, HSA_AMD_SEGMENT_GLOBAL, HSA_DEVICE_TYPE_CPU, HSA_STATUS_ERROR,
    HSA_STATUS_INFO_BREAK, HSA_STATUS_SUCCESS, hsa_agent_t, hsa_amd_memory_pool_t, hsa_status_t,
};
use crate::call::Outermost;
use crate::decide::{self, Asked, Verdict};
use crate::hooks::hsa::rows;
use crate::real::Real;
use crate::recorder;

thread_local! {
    /// The range that a hipHostRegister of this thread wants coarse-grained, and whether a pinning call of it has been seen.
    static COARSE_LOCK: Cell<(usize, usize, bool)> = const { Cell::new((0, 0, false)) };
}

/// While it lives, the thread's `hsa_amd_memory_lock_to_pool` calls for a range of memory go to the coarse-grained pool.
#[derive(Debug)]
pub struct CoarseLock(());

impl CoarseLock {
    /// Starts to expect the pinning of `size` bytes at `pointer`.
    pub fn expect(pointer: *const c_void, size: usize) -> Self {
        COARSE_LOCK.set((pointer.addr(), size, false));
        Self(())
    }

    /// Whether a pinning call was sent to the coarse-grained pool.
    pub fn used(&self) -> bool {
        COARSE_LOCK.get().2
    }
}

impl Drop for CoarseLock {
    fn drop(&mut self) {
        COARSE_LOCK.set((0, 0, false));
    }
}

/// Whether the range that is being pinned is the one expected (HIP may widen it to whole pages).
fn is_expected(pointer: *const c_void, size: usize) -> bool {
    let (start, length, _) = COARSE_LOCK.get();
    let (from, to) = (pointer.addr(), pointer.addr().saturating_add(size));
    length != 0 && from <= start && start.saturating_add(length) <= to
}

pub unsafe extern "C" fn hsa_amd_memory_lock_to_pool<const I: usize>(
    pointer: *mut c_void,
    size: usize,
    agents: *mut hsa_agent_t,
    agent_count: c_int,
    pool: hsa_amd_memory_pool_t,
    flags: u32,
    agent_pointer: *mut *mut c_void,
    _caller: *const c_void,
) -> hsa_status_t {
    let real = Real::instance(I);
    let Some(function) = real.hsa_amd_memory_lock_to_pool() else { return HSA_STATUS_ERROR };
    let mut target = pool;
    if is_expected(pointer, size)
        && let Ok(Some(coarse)) = std::panic::catch_unwind(|| cpu_pools(real)?.coarse_beside(pool))
    {
        target = coarse;
    }
    // SAFETY: the caller's own arguments, with a pool of the same runtime.
    let status = unsafe { function(pointer, size, agents, agent_count, target, flags, agent_pointer) };
    if target.handle != pool.handle && status == HSA_STATUS_SUCCESS {
        let (start, length, _) = COARSE_LOCK.get();
        COARSE_LOCK.set((start, length, true));
    }
    status
}

pub unsafe extern "C" fn hsa_amd_memory_lock<const I: usize>(
    pointer: *mut c_void,
    size: usize,
    agents: *mut hsa_agent_t,
    agent_count: c_int,
    agent_pointer: *mut *mut c_void,
    caller: *const c_void,
) -> hsa_status_t {
    let real = Real::instance(I);
    let Some(function) = real.hsa_amd_memory_lock() else { return HSA_STATUS_ERROR };
    // SAFETY: the program's own arguments.
    let as_asked = || unsafe { function(pointer, size, agents, agent_count, agent_pointer) };
    let Some(outermost) = Outermost::enter() else { return as_asked() };
    let asked = Asked { real, row: &rows::hsa_amd_memory_lock, call: Call::HsaMemoryLock, size, flags: 0, caller };
    let (verdict, pool) = outermost
        .ours(|| {
            let named = if agents.is_null() { 0 } else { usize::try_from(agent_count).unwrap_or(0) };
            // SAFETY: the program's own array, which the real function would read too.
            let agents: Vec<_> = (0..named).map(|index| unsafe { agents.add(index).read_unaligned() }).collect();
            decide::memory_lock(&asked, &agents)
        })
        .unwrap_or_else(|| (Verdict::internal_error(), None));
    let status = match (pool, real.hsa_amd_memory_lock_to_pool()) {
        // SAFETY: the program's own arguments, with a pool of this runtime.
        (Some(pool), Some(to_pool)) => unsafe { to_pool(pointer, size, agents, agent_count, pool, 0, agent_pointer) },
        _ => as_asked(),
    };
    outermost.ours(|| {
        let address = if status == HSA_STATUS_SUCCESS { pointer } else { std::ptr::null_mut() };
        recorder::allocation(&asked, &verdict, address, status as i32);
    });
    status
}

/// HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_EXTENDED_SCOPE_FINE_GRAINED (hsa_ext_amd.h since ROCr 5.7).
const EXTENDED_FINE: u32 = 8;
const FINE: u32 = HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_FINE_GRAINED;
const COARSE: u32 = HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_COARSE_GRAINED;

/// The global-segment pools (handle, global flags) of each CPU agent, in the runtime's order.
#[derive(Debug, Default)]
pub struct Pools(Vec<Vec<(hsa_amd_memory_pool_t, u32)>>);

impl Pools {
    /// The first CPU agent's exactly coarse-grained pool.
    pub fn first_coarse(&self) -> Option<hsa_amd_memory_pool_t> {
        Self::coarse(self.0.first()?)
    }

    /// The exactly coarse-grained pool of the CPU agent whose exactly fine-grained pool this is.
    fn coarse_beside(&self, fine: hsa_amd_memory_pool_t) -> Option<hsa_amd_memory_pool_t> {
        Self::coarse(
            self.0
                .iter()
                .find(|pools| pools.iter().any(|(pool, flags)| pool.handle == fine.handle && *flags == FINE))?,
        )
    }

    /// Whether a CPU agent has an extended-scope fine-grained pool.
    pub fn extended_fine(&self) -> bool {
        self.0.iter().flatten().any(|(_, flags)| *flags == EXTENDED_FINE)
    }

    fn coarse(pools: &[(hsa_amd_memory_pool_t, u32)]) -> Option<hsa_amd_memory_pool_t> {
        pools.iter().find(|(_, flags)| *flags == COARSE).map(|(pool, _)| *pool)
    }
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

/// The pools of the CPU agents. `None` before hsa_init.
pub fn cpu_pools(real: &Real) -> Option<Pools> {
    struct Walk<'a> {
        real: &'a Real,
        pools: Vec<(hsa_amd_memory_pool_t, u32)>,
    }
    unsafe extern "C" fn visit(pool: hsa_amd_memory_pool_t, data: *mut c_void) -> hsa_status_t {
        // SAFETY: `data` is the walk below.
        let walk = unsafe { &mut *data.cast::<Walk>() };
        let Some(info) = walk.real.hsa_amd_memory_pool_get_info() else { return HSA_STATUS_INFO_BREAK };
        let (mut segment, mut flags) = (0u32, 0u32);
        // SAFETY: both attributes are 32 bits wide.
        let known = unsafe {
            info(pool, HSA_AMD_MEMORY_POOL_INFO_SEGMENT, (&raw mut segment).cast()) == HSA_STATUS_SUCCESS
                && segment == HSA_AMD_SEGMENT_GLOBAL
                && info(pool, HSA_AMD_MEMORY_POOL_INFO_GLOBAL_FLAGS, (&raw mut flags).cast()) == HSA_STATUS_SUCCESS
        };
        if known {
            walk.pools.push((pool, flags));
        }
        HSA_STATUS_SUCCESS
    }
    let iterate = real.hsa_amd_agent_iterate_memory_pools()?;
    let mut all = Vec::new();
    for agent in agents(real, HSA_DEVICE_TYPE_CPU)? {
        let mut walk = Walk { real, pools: Vec::new() };
        // SAFETY: the callback gets the walk, which outlives the call.
        unsafe { iterate(agent, Some(visit), (&raw mut walk).cast()) };
        all.push(walk.pools);
    }
    Some(Pools(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(handle: u64) -> hsa_amd_memory_pool_t {
        hsa_amd_memory_pool_t { handle }
    }

    fn handle(pool: Option<hsa_amd_memory_pool_t>) -> Option<u64> {
        pool.map(|pool| pool.handle)
    }

    #[test]
    fn the_coarse_pool_is_of_the_same_agent_and_exactly_coarse() {
        let pools = Pools(vec![
            vec![(pool(1), FINE), (pool(2), FINE | 1), (pool(3), COARSE)],
            vec![(pool(4), FINE), (pool(5), COARSE)],
        ]);
        assert_eq!(handle(pools.coarse_beside(pool(1))), Some(3));
        assert_eq!(handle(pools.coarse_beside(pool(4))), Some(5));
        assert_eq!(handle(pools.first_coarse()), Some(3));
        assert!(!pools.extended_fine());
    }

    #[test]
    fn kernarg_coarse_and_foreign_pools_have_no_coarse_pool_beside_them() {
        let pools =
            Pools(vec![vec![(pool(1), FINE), (pool(2), FINE | 1), (pool(3), COARSE), (pool(9), EXTENDED_FINE)]]);
        for other in [2, 3, 9, 77] {
            assert_eq!(handle(pools.coarse_beside(pool(other))), None, "{other}");
        }
        assert!(pools.extended_fine());
    }

    #[test]
    fn a_node_without_a_coarse_pool_has_none() {
        let pools = Pools(vec![vec![(pool(1), FINE), (pool(2), FINE | 1)]]);
        assert_eq!((handle(pools.first_coarse()), handle(pools.coarse_beside(pool(1)))), (None, None));
    }

    #[test]
    fn only_a_range_that_covers_the_expected_one_is_it_and_only_while_it_is_expected() {
        let at = |address: usize| std::ptr::without_provenance::<c_void>(address);
        assert!(!is_expected(at(0x1000), 0x1000));
        let lock = CoarseLock::expect(at(0x1100), 0x800);
        assert!(is_expected(at(0x1100), 0x800));
        assert!(is_expected(at(0x1000), 0x1000), "widened to whole pages");
        assert!(!is_expected(at(0x1200), 0x700));
        assert!(!is_expected(at(0x1100), 0x7ff));
        drop(lock);
        assert!(!is_expected(at(0x1100), 0x800));
    }
}
