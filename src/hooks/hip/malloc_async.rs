//! The repair `malloc_async`: stream-ordered memory by `hipMalloc` and `hipFree`, because the stream-ordered pools of some gfx103x systems hand out memory
//! with wrong contents (ROCm/rocm-systems#10943, seen by others).
//!
//! Memory is given at once, which stream order allows. It is taken back after the stream has finished what was queued before; `hipFree` itself waits for all
//! streams of the memory's device (`ihipFree`, hip_memory.cpp:70@6.2.2, and @5.7.1), and a stream of another device is waited for before. So a free
//! costs a synchronisation.
//!
//! Left to the pool, because `hipMalloc` could not do the same: streams that capture (the call becomes a graph's node), streams and pools of a device that is
//! not current, and pools that are limited, shared with other devices, or meant for export. What the real functions answer to wrong arguments is theirs
//! to say: such calls are forwarded too. `hipMalloc` and `hipFree` break a capture of another stream; in the mode "relaxed", which is set around
//! them for this thread, they do not (`CHECK_STREAM_CAPTURE_SUPPORTED`, hip_internal.hpp:201@6.2.2).

use std::cell::Cell;
use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, AtomicUsize, Ordering};

use rmcp_config::Switch;
use rmcp_policy::{Caller, Generation, MALLOC_ASYNC_REPAIR, Mode};

use crate::abi::hip::{
    hipError_t, hipFree, hipFreeAsync, hipMallocAsync, hipMallocFromPoolAsync, hipMemAccessDesc, hipMemPool_t,
    hipMemPoolAttr, hipMemPoolAttrReservedMemCurrent, hipMemPoolAttrReservedMemHigh, hipMemPoolAttrUsedMemCurrent,
    hipMemPoolAttrUsedMemHigh, hipMemPoolCreate, hipMemPoolDestroy, hipMemPoolGetAttribute, hipMemPoolProps,
    hipMemPoolSetAccess, hipMemPoolSetAttribute, hipStream_t, hipStreamCaptureModeRelaxed, hipStreamCaptureStatusNone,
    hipSuccess,
};
use crate::caller;
use crate::devices;
use crate::hooks::Origin;
use crate::pointers::Ranges;
use crate::real::Real;
use crate::settings::Settings;

thread_local! {
    /// Whether this thread's call was made by `hipMalloc` or `hipFree`.
    static REPAIRED: Cell<bool> = const { Cell::new(false) };
}

/// The rule, if the call that this thread has just made was repaired.
pub fn take_rule() -> Option<&'static str> {
    REPAIRED.take().then_some(MALLOC_ASYNC_REPAIR.0)
}

/// Our allocations; `asked` is the index of the pool.
static LIVE: Ranges<256> = Ranges::new();

/// A pool of the program.
#[derive(Debug)]
struct Pool {
    handle: AtomicUsize,
    /// It can be done without: neither limited nor shared.
    plain: AtomicBool,
    /// HIP's ordinal.
    device: AtomicI32,
    /// Bytes of ours, and the most there were.
    used: AtomicU64,
    high: AtomicU64,
}

static POOLS: [Pool; 64] = [const {
    Pool {
        handle: AtomicUsize::new(0),
        plain: AtomicBool::new(false),
        device: AtomicI32::new(-1),
        used: AtomicU64::new(0),
        high: AtomicU64::new(0),
    }
}; 64];

fn known(pool: hipMemPool_t) -> Option<(usize, &'static Pool)> {
    let handle = pool.addr();
    POOLS.iter().enumerate().find(|(_, known)| handle != 0 && known.handle.load(Ordering::Acquire) == handle)
}

/// Remembers a pool; `None`: there is no room.
fn remember(pool: hipMemPool_t, device: i32, plain: bool) -> Option<(usize, &'static Pool)> {
    known(pool).or_else(|| {
        let (index, free) = POOLS.iter().enumerate().find(|(_, known)| {
            // Taken with a value that is no handle, until the rest is there.
            known.handle.compare_exchange(0, 1, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        })?;
        free.plain.store(plain, Ordering::Relaxed);
        free.device.store(device, Ordering::Relaxed);
        free.used.store(0, Ordering::Relaxed);
        free.high.store(0, Ordering::Relaxed);
        free.handle.store(pool.addr(), Ordering::Release);
        Some((index, free))
    })
}

/// Whether the repair is wanted for a call of `function` on the current device.
fn wanted(real: &Real, caller: *const c_void, function: &str) -> bool {
    let process = &Settings::get().process;
    // Where nobody asked for it, a call costs no search of the rules.
    if !process.may_repair_malloc_async() {
        return false;
    }
    let Some(device) = devices::of_ordinal(real, devices::current(real)) else { return false };
    let caller = caller::library(caller);
    let applied = process.call(&caller.path, Some(device.named()), function);
    let generation = device.policy.generation;
    applied.policy >= Mode::Default
        && !matches!(caller.class, Caller::Runtime | Caller::NeverList)
        && match applied.malloc_async {
            Switch::Off => false,
            Switch::Auto => generation == Generation::Rdna2,
            // It too is only for the cards that RMCP is for.
            Switch::On => generation != Generation::Other,
        }
}

/// Whether the stream exists, and neither it nor a stream that blocks the legacy one captures: 6.4.3 refuses stream-ordered calls on any stream
/// meanwhile, and other releases do not.
fn executes(real: &Real, stream: hipStream_t) -> bool {
    let idle = |stream: hipStream_t| {
        let mut status = u32::MAX;
        // SAFETY: the program's stream, which the real function examines, or null; the pointer is valid.
        real.hipStreamIsCapturing().is_some_and(|ask| unsafe { ask(stream, &raw mut status) } == hipSuccess)
            && status == hipStreamCaptureStatusNone
    };
    idle(stream) && (stream.is_null() || idle(std::ptr::null_mut()))
}

/// Whether the stream, which exists, is of the current device.
fn is_current(real: &Real, stream: hipStream_t) -> bool {
    stream.is_null()
        || real.has_one_device()
        // SAFETY: the stream was examined by `executes`.
        || real.hipGetStreamDeviceId().is_some_and(|ask| unsafe { ask(stream) } == devices::current(real))
}

/// Runs `call` in this thread's capture mode "relaxed".
fn relaxed<T>(real: &Real, call: impl FnOnce() -> T) -> Option<T> {
    let exchange = real.hipThreadExchangeStreamCaptureMode()?;
    let mut mode = hipStreamCaptureModeRelaxed;
    // SAFETY: the pointer is valid.
    if unsafe { exchange(&raw mut mode) } != hipSuccess {
        return None;
    }
    let result = call();
    // SAFETY: as above; puts back what was there.
    unsafe { exchange(&raw mut mode) };
    Some(result)
}

/// Allocates by `hipMalloc` in the name of a pool; `None`: nothing was done.
fn allocate(real: &Real, out: *mut *mut c_void, size: usize, pool: hipMemPool_t) -> Option<hipError_t> {
    let (index, pool) = known(pool)?;
    if !pool.plain.load(Ordering::Relaxed) || pool.device.load(Ordering::Relaxed) != devices::current(real) {
        return None;
    }
    let malloc = real.hipMalloc()?;
    let mut address = std::ptr::null_mut();
    // SAFETY: the pointer is valid.
    let code = relaxed(real, || unsafe { malloc(&raw mut address, size) })?;
    if code == hipSuccess {
        LIVE.insert(address.addr(), size, index as u32);
        if !LIVE.contains(address.addr()) {
            // No room to remember it, so it could not be taken back as ours.
            // SAFETY: the memory just given.
            relaxed(real, || real.hipFree().map(|free| unsafe { free(address) }));
            return None;
        }
        let used = pool.used.fetch_add(size as u64, Ordering::Relaxed) + size as u64;
        pool.high.fetch_max(used, Ordering::Relaxed);
        // SAFETY: the program's own place for the address; the callers have seen that it is not null.
        unsafe { out.write_unaligned(address) };
    }
    REPAIRED.set(true);
    Some(code)
}

/// Takes one of our allocations out of the account; `None`: it is none of ours.
fn forget(address: usize) -> Option<(usize, u32)> {
    if !LIVE.contains(address) {
        return None;
    }
    let range = LIVE.around(address)?;
    LIVE.remove(address).then(|| {
        POOLS[range.asked as usize].used.fetch_sub(range.size as u64, Ordering::Relaxed);
        (range.size, range.asked)
    })
}

fn restore(address: usize, (size, index): (usize, u32)) {
    LIVE.insert(address, size, index);
    POOLS[index as usize].used.fetch_add(size as u64, Ordering::Relaxed);
}

pub unsafe fn malloc(
    Origin { real, caller }: Origin,
    function: hipMallocAsync,
    out: *mut *mut c_void,
    size: usize,
    stream: hipStream_t,
) -> Option<hipError_t> {
    if !out.is_null()
        && size != 0
        && wanted(real, caller, "hipMallocAsync")
        && executes(real, stream)
        && is_current(real, stream)
    {
        let device = devices::current(real);
        let mut pool = std::ptr::null_mut();
        // SAFETY: the pointer is valid.
        let current = real.hipDeviceGetMemPool().is_some_and(|ask| unsafe { ask(&raw mut pool, device) } == hipSuccess);
        // One that the program did not make is the device's default pool.
        if current
            && remember(pool, device, true).is_some()
            && let Some(code) = allocate(real, out, size, pool)
        {
            return Some(code);
        }
    }
    // SAFETY: the program's own arguments.
    function.map(|function| unsafe { function(out, size, stream) })
}

pub unsafe fn malloc_from_pool(
    Origin { real, caller }: Origin,
    function: hipMallocFromPoolAsync,
    out: *mut *mut c_void,
    size: usize,
    pool: hipMemPool_t,
    stream: hipStream_t,
) -> Option<hipError_t> {
    if !out.is_null()
        && size != 0
        && known(pool).is_some()
        && wanted(real, caller, "hipMallocFromPoolAsync")
        && executes(real, stream)
        && is_current(real, stream)
        && let Some(code) = allocate(real, out, size, pool)
    {
        return Some(code);
    }
    // SAFETY: the program's own arguments.
    function.map(|function| unsafe { function(out, size, pool, stream) })
}

pub unsafe fn free_async(
    Origin { real, .. }: Origin,
    function: hipFreeAsync,
    address: *mut c_void,
    stream: hipStream_t,
) -> Option<hipError_t> {
    if LIVE.contains(address.addr())
        && executes(real, stream)
        && let Some(free) = real.hipFree()
        && let Some(synchronize) = real.hipStreamSynchronize()
    {
        // `hipFree` waits for the streams of the memory's device; this one may be another's.
        // SAFETY: the stream was examined by `executes`.
        let finished = relaxed(real, || unsafe { synchronize(stream) }) == Some(hipSuccess);
        if finished && let Some(range) = forget(address.addr()) {
            // SAFETY: memory of `hipMalloc`, which the program gives back.
            let code = relaxed(real, || unsafe { free(address) });
            if code == Some(hipSuccess) {
                REPAIRED.set(true);
                return code;
            }
            restore(address.addr(), range);
        }
    }
    // The pool's own memory; and for memory of `hipMalloc` the real function calls `ihipFree` (hip_mempool.cpp, hipFreeAsync@6.2.2).
    let range = forget(address.addr());
    // SAFETY: the program's own arguments.
    let code = function.map(|function| unsafe { function(address, stream) });
    if let Some(range) = range
        && code != Some(hipSuccess)
    {
        restore(address.addr(), range);
    }
    code
}

pub unsafe fn free(_: Origin, function: hipFree, address: *mut c_void) -> Option<hipError_t> {
    let range = forget(address.addr());
    // SAFETY: the program's own argument.
    let code = function.map(|function| unsafe { function(address) });
    if let Some(range) = range
        && code != Some(hipSuccess)
    {
        restore(address.addr(), range);
    }
    code
}

pub unsafe fn pool_create(
    Origin { real, .. }: Origin,
    function: hipMemPoolCreate,
    pool: *mut hipMemPool_t,
    props: *const hipMemPoolProps,
) -> Option<hipError_t> {
    // SAFETY: the program's own arguments, which HIP has used when it says so.
    unsafe {
        let code = function?(pool, props);
        if code == hipSuccess && Settings::get().process.may_repair_malloc_async() {
            let properties = props.read_unaligned();
            // Since HIP 6 `location` and a pointer are followed by the pool's limit.
            let limit = (&raw const properties.rest).cast::<u8>().add(8).cast::<u64>().read_unaligned();
            let limited = real.soname_major() >= 6 && limit != 0;
            remember(pool.read_unaligned(), properties.location.id, !limited && properties.handleTypes == 0);
        }
        Some(code)
    }
}

pub unsafe fn pool_destroy(_: Origin, function: hipMemPoolDestroy, pool: hipMemPool_t) -> Option<hipError_t> {
    // SAFETY: the program's own argument.
    let code = unsafe { function?(pool) };
    if code == hipSuccess
        && let Some((_, known)) = known(pool)
        // Allocations outlive their pool; its place is used again when there are none.
        && known.used.load(Ordering::Relaxed) == 0
    {
        known.handle.store(0, Ordering::Release);
    }
    Some(code)
}

pub unsafe fn pool_set_access(
    _: Origin,
    function: hipMemPoolSetAccess,
    pool: hipMemPool_t,
    descriptors: *const hipMemAccessDesc,
    count: usize,
) -> Option<hipError_t> {
    // SAFETY: the program's own arguments.
    let code = unsafe { function?(pool, descriptors, count) };
    if code == hipSuccess
        && let Some((_, known)) = known(pool)
    {
        known.plain.store(false, Ordering::Relaxed);
    }
    Some(code)
}

pub unsafe fn pool_set_attribute(
    _: Origin,
    function: hipMemPoolSetAttribute,
    pool: hipMemPool_t,
    attribute: hipMemPoolAttr,
    value: *mut c_void,
) -> Option<hipError_t> {
    // SAFETY: the program's own arguments.
    let code = unsafe { function?(pool, attribute, value) };
    let resets = attribute == hipMemPoolAttrUsedMemHigh || attribute == hipMemPoolAttrReservedMemHigh;
    if code == hipSuccess
        && resets
        && let Some((_, known)) = known(pool)
    {
        known.high.store(known.used.load(Ordering::Relaxed), Ordering::Relaxed);
    }
    Some(code)
}

pub unsafe fn pool_get_attribute(
    _: Origin,
    function: hipMemPoolGetAttribute,
    pool: hipMemPool_t,
    attribute: hipMemPoolAttr,
    value: *mut c_void,
) -> Option<hipError_t> {
    // SAFETY: the program's own arguments.
    let code = unsafe { function?(pool, attribute, value) };
    if code == hipSuccess
        && let Some((_, known)) = known(pool)
    {
        let current = [hipMemPoolAttrUsedMemCurrent, hipMemPoolAttrReservedMemCurrent].contains(&attribute);
        let high = [hipMemPoolAttrUsedMemHigh, hipMemPoolAttrReservedMemHigh].contains(&attribute);
        if !current && !high {
            return Some(code);
        }
        let ours = if current { &known.used } else { &known.high }.load(Ordering::Relaxed);
        let value = value.cast::<u64>();
        // SAFETY: these attributes are 64 bits wide, and HIP has just written there.
        unsafe { value.write_unaligned(value.read_unaligned().saturating_add(ours)) };
    }
    Some(code)
}
