//! The hooks of libhsa-runtime64 that do more than record.

#![allow(non_snake_case)] // the names are HSA's

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::ptr::null_mut;

use rmcp_policy::flags::{SVM_COARSE_GRAINED, SVM_FINE_GRAINED};
use rmcp_policy::{Call, Device, Pool, Rewrite};
use rmcp_record::Argument;

use crate::abi::hsa::*;
use crate::call::{Outermost, keeping_errno};
use crate::decide::{self, Asked, Verdict};
use crate::devices::{self, Found};
use crate::hooks::hsa::heaps::{self, Heaps, Known};
use crate::hooks::hsa::rows;
use crate::hooks::{Details, by_program};
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

pub unsafe extern "C" fn hsa_shut_down<const I: usize>(_caller: *const c_void) -> hsa_status_t {
    let real = Real::instance(I);
    let Some(function) = real.hsa_shut_down() else { return HSA_STATUS_ERROR };
    keeping_errno(|| heaps::forget(real));
    // SAFETY: as the program called it.
    unsafe { function() }
}

/// What is known of the pool or region `handle`, and for whom its memory is: where it is not known, for nobody that is.
fn place(real: &Real, handle: u64, look_up: fn(&Heaps, u64) -> Option<Known>) -> Known {
    let known = heaps::of(real).and_then(|heaps| look_up(heaps, handle));
    known.unwrap_or(Known { pool: Pool::None, device: (None, Device::UNKNOWN), coarse: None })
}

/// An allocation from a pool or region: `call` makes the real call with this or another one; `pointer` is what it allocated.
fn allocate(
    asked: Asked,
    handle: u64,
    look_up: fn(&Heaps, u64) -> Option<Known>,
    call: impl Fn(u64) -> hsa_status_t,
    pointer: impl FnOnce() -> *mut c_void,
) -> hsa_status_t {
    let outermost = Outermost::enter();
    let Some(outermost) = by_program(&outermost, asked.row, asked.caller) else { return call(handle) };
    let (verdict, coarse) = outermost
        .ours(|| {
            let place = place(asked.real, handle, look_up);
            (decide::hsa(&asked, place.pool, place.device, place.coarse.is_some()), place.coarse)
        })
        .unwrap_or_else(|| (Verdict::internal_error(), None));
    let status = call(match (verdict.rewrite(), coarse) {
        (Some(Rewrite::CoarsePool), Some(coarse)) => coarse,
        _ => handle,
    });
    outermost.ours(|| {
        let address = if status == HSA_STATUS_SUCCESS { pointer() } else { null_mut() };
        recorder::allocation(&asked, &verdict, address, status as i32);
    });
    status
}

pub unsafe extern "C" fn hsa_amd_memory_pool_allocate<const I: usize>(
    pool: hsa_amd_memory_pool_t,
    size: usize,
    flags: u32,
    out: *mut *mut c_void,
    caller: *const c_void,
) -> hsa_status_t {
    let real = Real::instance(I);
    let Some(function) = real.hsa_amd_memory_pool_allocate() else { return HSA_STATUS_ERROR };
    let row = &rows::hsa_amd_memory_pool_allocate;
    allocate(
        Asked { real, row, call: Call::HsaMemoryPoolAllocate, size, flags, caller },
        pool.handle,
        Heaps::pool,
        // SAFETY: the program's own arguments, with a pool of the same runtime.
        |handle| unsafe { function(hsa_amd_memory_pool_t { handle }, size, flags, out) },
        // SAFETY: the real function has just written it.
        || unsafe { out.read_unaligned() },
    )
}

pub unsafe extern "C" fn hsa_memory_allocate<const I: usize>(
    region: hsa_region_t,
    size: usize,
    out: *mut *mut c_void,
    caller: *const c_void,
) -> hsa_status_t {
    let real = Real::instance(I);
    let Some(function) = real.hsa_memory_allocate() else { return HSA_STATUS_ERROR };
    allocate(
        Asked { real, row: &rows::hsa_memory_allocate, call: Call::HsaMemoryAllocate, size, flags: 0, caller },
        region.handle,
        Heaps::region,
        // SAFETY: the program's own arguments, with a region of the same runtime.
        |handle| unsafe { function(hsa_region_t { handle }, size, out) },
        // SAFETY: the real function has just written it.
        || unsafe { out.read_unaligned() },
    )
}

/// A call of the program's that is decided and never changed.
fn recorded(
    mut asked: Asked,
    about: impl FnOnce(&mut Asked, bool) -> (Pool, Found),
    call: impl FnOnce() -> hsa_status_t,
    details: impl FnOnce(bool) -> Details,
) -> hsa_status_t {
    let outermost = Outermost::enter();
    let Some(outermost) = by_program(&outermost, asked.row, asked.caller) else { return call() };
    let status = call();
    outermost.ours(|| {
        let done = status == HSA_STATUS_SUCCESS;
        let (pool, device) = about(&mut asked, done);
        let verdict = decide::hsa(&asked, pool, device, false);
        recorder::call(&asked, &verdict, &details(done), status as i32);
    });
    status
}

/// The GPUs among the agents that a call names.
///
/// # Safety
/// `agents` is null or has `count` elements.
unsafe fn named(real: &Real, agents: *const hsa_agent_t, count: c_int) -> Found {
    let count = if agents.is_null() { 0 } else { usize::try_from(count).unwrap_or(0) };
    // SAFETY: the caller's promise.
    let agents: Vec<_> = (0..count).map(|index| unsafe { agents.add(index).read_unaligned() }).collect();
    devices::of_agents(real, &agents)
}

pub unsafe extern "C" fn hsa_amd_memory_lock_to_pool<const I: usize>(
    pointer: *mut c_void,
    size: usize,
    agents: *mut hsa_agent_t,
    agent_count: c_int,
    pool: hsa_amd_memory_pool_t,
    flags: u32,
    agent_pointer: *mut *mut c_void,
    caller: *const c_void,
) -> hsa_status_t {
    let real = Real::instance(I);
    let Some(function) = real.hsa_amd_memory_lock_to_pool() else { return HSA_STATUS_ERROR };
    // SAFETY: the caller's own arguments, with a pool of the same runtime.
    let call = |pool| unsafe { function(pointer, size, agents, agent_count, pool, flags, agent_pointer) };
    if is_expected(pointer, size) {
        // Within a hipHostRegister that is to be coarse-grained; there is no other way to this place in such a thread.
        let coarse = std::panic::catch_unwind(|| place(real, pool.handle, Heaps::pool).coarse).ok().flatten();
        let status = call(coarse.map_or(pool, |handle| hsa_amd_memory_pool_t { handle }));
        if coarse.is_some() && status == HSA_STATUS_SUCCESS {
            let (start, length, _) = COARSE_LOCK.get();
            COARSE_LOCK.set((start, length, true));
        }
        return status;
    }
    let row = &rows::hsa_amd_memory_lock_to_pool;
    recorded(
        Asked { real, row, call: Call::HsaMemoryLockToPool, size, flags, caller },
        // SAFETY: the program's own array, which the real function has read too.
        |_, _| (place(real, pool.handle, Heaps::pool).pool, unsafe { named(real, agents, agent_count) }),
        || call(pool),
        |_| Details { pointer: pointer.addr() as u64, size: size as u64, ..Details::default() },
    )
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
    let row = &rows::hsa_amd_memory_lock;
    let outermost = Outermost::enter();
    let Some(outermost) = by_program(&outermost, row, caller) else { return as_asked() };
    let asked = Asked { real, row, call: Call::HsaMemoryLock, size, flags: 0, caller };
    let (verdict, coarse) = outermost
        .ours(|| {
            let coarse = heaps::of(real).and_then(Heaps::first_coarse);
            // SAFETY: the program's own array, which the real function would read too.
            let device = unsafe { named(real, agents, agent_count) };
            (decide::hsa(&asked, Pool::None, device, coarse.is_some()), coarse)
        })
        .unwrap_or_else(|| (Verdict::internal_error(), None));
    let coarse = coarse.filter(|_| verdict.rewrite() == Some(Rewrite::LockToCoarsePool));
    let status = match (coarse, real.hsa_amd_memory_lock_to_pool()) {
        // SAFETY: the program's own arguments, with a pool of this runtime.
        (Some(pool), Some(to_pool)) => unsafe { to_pool(pointer, size, agents, agent_count, pool, 0, agent_pointer) },
        _ => as_asked(),
    };
    outermost.ours(|| {
        let address = if status == HSA_STATUS_SUCCESS { pointer } else { null_mut() };
        recorder::allocation(&asked, &verdict, address, status as i32);
    });
    status
}

/// What a list of attributes asks of coherence, in the policy's words; the last one counts.
fn coherence(attributes: impl DoubleEndedIterator<Item = hsa_amd_svm_attribute_pair_t>) -> u32 {
    let flag = u64::from(HSA_AMD_SVM_ATTRIB_GLOBAL_FLAG);
    match attributes.rev().find(|pair| pair.attribute == flag).map(|pair| u32::try_from(pair.value)) {
        Some(Ok(HSA_AMD_SVM_GLOBAL_FLAG_FINE_GRAINED)) => SVM_FINE_GRAINED,
        Some(Ok(HSA_AMD_SVM_GLOBAL_FLAG_COARSE_GRAINED)) => SVM_COARSE_GRAINED,
        _ => 0,
    }
}

pub unsafe extern "C" fn hsa_amd_svm_attributes_set<const I: usize>(
    pointer: *mut c_void,
    size: usize,
    attributes: *mut hsa_amd_svm_attribute_pair_t,
    count: usize,
    caller: *const c_void,
) -> hsa_status_t {
    let real = Real::instance(I);
    let Some(function) = real.hsa_amd_svm_attributes_set() else { return HSA_STATUS_ERROR };
    recorded(
        Asked { real, row: &rows::hsa_amd_svm_attributes_set, call: Call::HsaSvmAttributesSet, size, flags: 0, caller },
        |asked, done| {
            if done && !attributes.is_null() {
                // SAFETY: the program's own array; only after success is it known that the real function has read all of it.
                asked.flags = coherence((0..count).map(|index| unsafe { attributes.add(index).read_unaligned() }));
            }
            (Pool::None, heaps::of(real).map_or((None, Device::UNKNOWN), Heaps::all_gpus))
        },
        // SAFETY: the program's own arguments.
        || unsafe { function(pointer, size, attributes, count) },
        |_| {
            let count = Argument { name: "attribute_count", value: count as u64 };
            Details {
                pointer: pointer.addr() as u64,
                size: size as u64,
                arguments: [count, NONE, NONE, NONE],
                ..Details::default()
            }
        },
    )
}

const NONE: Argument = Argument { name: "", value: 0 };

pub unsafe extern "C" fn hsa_amd_vmem_handle_create<const I: usize>(
    pool: hsa_amd_memory_pool_t,
    size: usize,
    memory_type: hsa_amd_memory_type_t,
    flags: u64,
    handle: *mut hsa_amd_vmem_alloc_handle_t,
    caller: *const c_void,
) -> hsa_status_t {
    let real = Real::instance(I);
    let Some(function) = real.hsa_amd_vmem_handle_create() else { return HSA_STATUS_ERROR };
    let (row, call) = (&rows::hsa_amd_vmem_handle_create, Call::HsaVmemHandleCreate);
    recorded(
        Asked { real, row, call, size, flags: flags as u32, caller },
        |_, _| {
            let place = place(real, pool.handle, Heaps::pool);
            (place.pool, place.device)
        },
        // SAFETY: the program's own arguments.
        || unsafe { function(pool, size, memory_type, flags, handle) },
        |done| {
            // SAFETY: after success the real function has written it.
            let pointer = if done { unsafe { handle.read_unaligned() }.handle } else { 0 };
            let memory_type = Argument { name: "memory_type", value: u64::from(memory_type) };
            Details { pointer, size: size as u64, arguments: [memory_type, NONE, NONE, NONE], ..Details::default() }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_global_flag_of_a_list_says_what_is_asked_of_coherence() {
        let ask = |pairs: &[(u32, u64)]| {
            coherence(pairs.iter().map(|(attribute, value)| hsa_amd_svm_attribute_pair_t {
                attribute: u64::from(*attribute),
                value: *value,
            }))
        };
        let (flag, other) = (HSA_AMD_SVM_ATTRIB_GLOBAL_FLAG, 0x200);
        let (fine, coarse) =
            (u64::from(HSA_AMD_SVM_GLOBAL_FLAG_FINE_GRAINED), u64::from(HSA_AMD_SVM_GLOBAL_FLAG_COARSE_GRAINED));
        assert_eq!(ask(&[]), 0);
        assert_eq!(ask(&[(other, 1)]), 0);
        assert_eq!(ask(&[(other, 1), (flag, fine)]), SVM_FINE_GRAINED);
        assert_eq!(ask(&[(flag, fine), (flag, coarse)]), SVM_COARSE_GRAINED);
        assert_eq!(ask(&[(flag, 2)]), 0, "indeterminate is only an answer");
        assert_eq!(ask(&[(flag, 1 << 32)]), 0);
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
