//! What the list says of memory: its kind in words, and the bytes of arrays.

use std::ffi::c_void;

use rmcp_policy::Version;
use rmcp_policy::flags::{
    HOST_MALLOC_COHERENT, HOST_MALLOC_DEFAULT, HOST_MALLOC_MAPPED, HOST_MALLOC_NON_COHERENT, HOST_MALLOC_NUMA_USER,
    HOST_MALLOC_UNCACHED,
};

use crate::abi::hip::{hipChannelFormatDesc, hipMemPoolAttr};
use crate::real::Real;
use crate::settings::Settings;

const COHERENT: &str = "host, coherent";
const NON_COHERENT: &str = "host, non-coherent";

/// Memory of `hipHostMalloc` with these flags (`ihipHostMalloc`, hip_memory.cpp:518@5.2.3, 402@6.4.3).
pub fn host_malloc(real: &Real, flags: u32) -> &'static str {
    const ATOMICS: u32 = HOST_MALLOC_COHERENT | HOST_MALLOC_MAPPED | HOST_MALLOC_NUMA_USER;
    if flags & HOST_MALLOC_NON_COHERENT != 0 {
        NON_COHERENT
    } else if flags & HOST_MALLOC_UNCACHED != 0 {
        // Up to 6.4 the bit is not known, and means no more than any other: hip_memory.cpp:402@6.4.3.
        if real.soname_major() >= 7 { "host, uncached" } else { NON_COHERENT }
    } else if flags == HOST_MALLOC_DEFAULT || flags & ATOMICS != 0 || Settings::get().environment.hip_host_coherent {
        COHERENT
    } else {
        NON_COHERENT
    }
}

/// Memory of `hipHostAlloc`: up to HIP 6.3 it is video memory (hip_memory.cpp:1299@6.2.2).
pub fn host_alloc(real: &Real, flags: u32) -> &'static str {
    match (real.hip_version() >= Version::new(6, 4), real.soname_major()) {
        (true, _) => host_malloc(real, flags),
        (false, 1..=6) => "device",
        (false, _) => "",
    }
}

/// Memory of `hipExtMallocWithFlags` (`hipDeviceMalloc*`, hip_memory.cpp:723@6.4.3).
pub fn device(_: &Real, flags: u32) -> &'static str {
    match flags {
        0 | 1 => "device",
        2 => "signal",
        3 => "device, uncached",
        4 => "device, contiguous",
        _ => "",
    }
}

/// Bytes of an element of `channels` of a `hipArray_Format` (driver_types.h); 0 if the format is not known.
pub fn element_bytes(format: u32, channels: u32) -> usize {
    let bytes = match format {
        0x01 | 0x08 => 1,
        0x02 | 0x09 | 0x10 => 2,
        0x03 | 0x0a | 0x20 => 4,
        _ => 0,
    };
    bytes * channels as usize
}

/// Bytes of an element: the description has bits.
pub fn bytes_of(description: hipChannelFormatDesc) -> usize {
    let bits = [description.x, description.y, description.z, description.w];
    bits.iter().map(|bits| usize::try_from(*bits).unwrap_or(0)).sum::<usize>() / 8
}

/// Bytes of an array without padding. A dimension of 0 is one that the array does not have.
pub fn array_bytes(element: usize, dimensions: [usize; 3]) -> usize {
    dimensions.iter().fold(element, |bytes, dimension| bytes.saturating_mul((*dimension).max(1)))
}

/// The same of all levels of a mipmapped array: each has half of the dimensions of the one before.
pub fn mipmap_bytes(element: usize, dimensions: [usize; 3], levels: u32) -> usize {
    (0..levels.min(usize::BITS))
        .map(|level| array_bytes(element, dimensions.map(|dimension| dimension >> level)))
        .fold(0, usize::saturating_add)
}

/// The value of a pool's attribute: the first three are 32 bits wide, the others 64 (`hipMemPoolAttr`, hip_runtime_api.h).
///
/// # Safety
/// `value` is of the attribute's type.
pub unsafe fn pool_attribute(attribute: hipMemPoolAttr, value: *const c_void) -> u64 {
    // SAFETY: the caller's promise.
    unsafe {
        if attribute <= 3 { value.cast::<u32>().read_unaligned().into() } else { value.cast::<u64>().read_unaligned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_have_the_bytes_of_their_elements() {
        let float2 = hipChannelFormatDesc { x: 32, y: 32, z: 0, w: 0, f: 2 };
        assert_eq!(bytes_of(float2), 8);
        assert_eq!(element_bytes(0x20, 4), 16);
        assert_eq!(array_bytes(8, [16, 0, 0]), 128);
        assert_eq!(array_bytes(8, [16, 4, 2]), 1024);
        assert_eq!(mipmap_bytes(4, [8, 8, 0], 4), 4 * (64 + 16 + 4 + 1));
        assert_eq!(array_bytes(8, [usize::MAX, 2, 1]), usize::MAX);
    }

    #[test]
    fn host_memory_is_called_what_it_is() {
        let real = Real::instance(0);
        for (flags, text) in [
            (0, COHERENT),
            (HOST_MALLOC_MAPPED, COHERENT),
            (HOST_MALLOC_MAPPED | HOST_MALLOC_NON_COHERENT, NON_COHERENT),
            (1, NON_COHERENT),
            (HOST_MALLOC_NUMA_USER, COHERENT),
        ] {
            assert_eq!(host_malloc(real, flags), text, "{flags:#x}");
        }
    }
}
