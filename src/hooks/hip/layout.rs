//! What the list asks of arrays and pools: bytes, and the width of attributes.

use std::ffi::c_void;

use crate::abi::hip::{hipChannelFormatDesc, hipMemPoolAttr};

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
}
