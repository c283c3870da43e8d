//! The hooks of libhsa-runtime64.

use std::cell::Cell;
use std::ffi::{c_int, c_void};

use crate::abi::hsa::{
    HSA_AGENT_INFO_DEVICE, HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_COARSE_GRAINED,
    HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_FINE_GRAINED, HSA_AMD_MEMORY_POOL_INFO_GLOBAL_FLAGS,
    HSA_AMD_MEMORY_POOL_INFO_SEGMENT, HSA_AMD_SEGMENT_GLOBAL, HSA_DEVICE_TYPE_CPU, HSA_STATUS_ERROR,
    HSA_STATUS_INFO_BREAK, HSA_STATUS_SUCCESS, hsa_agent_t, hsa_amd_memory_pool_t, hsa_status_t,
};
use crate::call::Outermost;
use crate::decide::{self, Asked};
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

pub unsafe extern "C" fn memory_lock_to_pool<const I: usize>(
    pointer: *mut c_void,
    size: usize,
    agents: *mut hsa_agent_t,
    agent_count: c_int,
    pool: hsa_amd_memory_pool_t,
    flags: u32,
    agent_pointer: *mut *mut c_void,
) -> hsa_status_t {
    let real = Real::instance(I);
    let Some(function) = real.hsa_amd_memory_lock_to_pool() else { return HSA_STATUS_ERROR };
    let mut target = pool;
    if is_expected(pointer, size)
        && let Ok(Some(coarse)) = std::panic::catch_unwind(|| coarse_pool_beside(real, pool))
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

pub unsafe extern "C" fn memory_lock<const I: usize>(
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
    let asked = Asked::hsa_amd_memory_lock(size);
    // SAFETY: the program's own array.
    let first_agent = (!agents.is_null() && agent_count > 0).then(|| unsafe { agents.read_unaligned() });
    let (verdict, pool) = outermost.ours(|| decide::hsa_memory_lock(real, &asked, first_agent)).unwrap_or_default();
    let status = match (pool, real.hsa_amd_memory_lock_to_pool()) {
        // SAFETY: the program's own arguments, with a pool of this runtime.
        (Some(pool), Some(to_pool)) => unsafe { to_pool(pointer, size, agents, agent_count, pool, 0, agent_pointer) },
        _ => as_asked(),
    };
    outermost.ours(|| {
        let address = if status == HSA_STATUS_SUCCESS { pointer } else { std::ptr::null_mut() };
        recorder::allocation(&asked, &verdict, address, status as i32, caller);
    });
    status
}

/// One memory pool of an agent.
#[derive(Debug, Clone, Copy)]
pub struct Pool {
    /// The runtime's handle.
    pub pool: hsa_amd_memory_pool_t,
    /// HSA_AMD_MEMORY_POOL_INFO_GLOBAL_FLAGS.
    pub flags: u32,
}

/// HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_EXTENDED_SCOPE_FINE_GRAINED, since ROCr 5.7 (hsa_ext_amd.h).
pub const EXTENDED_FINE: u32 = 8;
/// Exactly coarse-grained.
pub const COARSE: u32 = HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_COARSE_GRAINED;
const FINE: u32 = HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_FINE_GRAINED;

/// The global-segment pools of each CPU agent, in the runtime's order.
pub fn cpu_pools(real: &Real) -> Option<Vec<Vec<Pool>>> {
    struct Walk<'a> {
        real: &'a Real,
        agents: Vec<Vec<Pool>>,
    }
    unsafe extern "C" fn agent(agent: hsa_agent_t, data: *mut c_void) -> hsa_status_t {
        // SAFETY: `data` is the walk below.
        let walk = unsafe { &mut *data.cast::<Walk>() };
        let mut kind = 0u32;
        let (Some(info), Some(pools)) =
            (walk.real.hsa_agent_get_info(), walk.real.hsa_amd_agent_iterate_memory_pools())
        else {
            return HSA_STATUS_INFO_BREAK;
        };
        // SAFETY: the attribute is a 32-bit hsa_device_type_t; the callback gets the walk.
        unsafe {
            if info(agent, HSA_AGENT_INFO_DEVICE, (&raw mut kind).cast()) == HSA_STATUS_SUCCESS
                && kind == HSA_DEVICE_TYPE_CPU
            {
                walk.agents.push(Vec::new());
                pools(agent, Some(pool), data);
            }
        }
        HSA_STATUS_SUCCESS
    }
    unsafe extern "C" fn pool(pool: hsa_amd_memory_pool_t, data: *mut c_void) -> hsa_status_t {
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
        if known && let Some(agent) = walk.agents.last_mut() {
            agent.push(Pool { pool, flags });
        }
        HSA_STATUS_SUCCESS
    }
    let mut walk = Walk { real, agents: Vec::new() };
    // SAFETY: the callback gets the walk, which outlives the call.
    let status = unsafe { real.hsa_iterate_agents()?(Some(agent), (&raw mut walk).cast()) };
    (status == HSA_STATUS_SUCCESS).then_some(walk.agents)
}

/// The coarse-grained pool of the CPU agent whose fine-grained pool this is; `None` for any other pool, and on nodes that have none.
fn coarse_pool_beside(real: &Real, pool: hsa_amd_memory_pool_t) -> Option<hsa_amd_memory_pool_t> {
    let agents = cpu_pools(real)?;
    let agent = agents.iter().find(|pools| pools.iter().any(|p| p.pool.handle == pool.handle && p.flags == FINE))?;
    agent.iter().find(|p| p.flags == COARSE).map(|p| p.pool)
}
