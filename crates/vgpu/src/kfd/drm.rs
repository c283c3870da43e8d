//! DRM ioctls of the render nodes, as far as libdrm_amdgpu needs them to describe a card
//! (`/usr/include/drm/drm.h`, `/usr/include/drm/amdgpu_drm.h`).

use std::ffi::{c_char, c_void};

use super::Answer;
use crate::spec::Slot;

/// `DRM_IOCTL_BASE`.
pub const BASE: u8 = b'd';

const VERSION: u8 = 0x00;
const GET_CLIENT: u8 = 0x05;
/// DRM_COMMAND_BASE + DRM_AMDGPU_INFO.
const AMDGPU_INFO: u8 = 0x45;

/// `struct drm_version`.
#[repr(C)]
struct Version {
    major: i32,
    minor: i32,
    patch: i32,
    name_len: usize,
    name: *mut c_char,
    date_len: usize,
    date: *mut c_char,
    desc_len: usize,
    desc: *mut c_char,
}

/// `struct drm_amdgpu_info`, the query's argument as its first word.
#[repr(C)]
#[derive(Clone, Copy)]
struct Info {
    pointer: u64,
    size: u32,
    query: u32,
    argument: [u32; 4],
}

/// AMDGPU_INFO_* queries.
const ACCEL_WORKING: u32 = 0x00;
const HW_IP_COUNT: u32 = 0x03;
const VRAM_USAGE: u32 = 0x10;
const VRAM_GTT: u32 = 0x14;
const READ_MMR_REG: u32 = 0x15;
const DEV_INFO: u32 = 0x16;
const MEMORY: u32 = 0x19;
/// AMDGPU_HW_IP_NUM.
const HW_IP_NUM: u32 = 10;
/// The kernel reads at most 128 registers in one query (`amdgpu_kms.c`).
const MAX_REGISTERS: u32 = 128;
/// What a small BAR shows of video memory.
const SMALL_BAR: u64 = 256 << 20;

/// Handles one DRM ioctl for the card in `slot`, of whose video memory `vram_used` bytes are in use.
///
/// # Safety
/// `arg` points to the program's argument structure for this number.
pub unsafe fn ioctl(slot: &Slot, vram_used: u64, number: u8, arg: *mut c_void) -> Answer {
    if arg.is_null() {
        return Err(libc::EFAULT);
    }
    match number {
        // SAFETY: the structure that belongs to the number; its pointers have the lengths beside them.
        VERSION => unsafe {
            let version = &mut *arg.cast::<Version>();
            (version.major, version.minor, version.patch) = (3, 54, 0);
            version.name_len = text(version.name, version.name_len, "amdgpu");
            version.date_len = text(version.date, version.date_len, "20150101");
            version.desc_len = text(version.desc, version.desc_len, "AMD GPU (virtual)");
            Ok(0)
        },
        // libdrm asks whether the client is authenticated; a render node's always is.
        GET_CLIENT => Err(libc::EACCES),
        // SAFETY: as above.
        AMDGPU_INFO => unsafe {
            let info = arg.cast::<Info>().read_unaligned();
            let Some(answer) = answer(slot, vram_used, &info) else { return Err(libc::EINVAL) };
            if info.pointer == 0 || info.size == 0 {
                return Err(libc::EINVAL);
            }
            let size = answer.len().min(info.size as usize);
            std::ptr::copy_nonoverlapping(answer.as_ptr(), info.pointer as *mut u8, size);
            Ok(0)
        },
        _ => Err(libc::ENOTTY),
    }
}

/// The answer to a query; `None`: EINVAL, which libdrm takes for "unknown to this kernel".
fn answer(slot: &Slot, vram_used: u64, info: &Info) -> Option<Vec<u8>> {
    let visible = if slot.large_bar { slot.vram } else { slot.vram.min(SMALL_BAR) };
    let gtt = super::memory::system_bytes() / 2;
    let words = |words: &[u64]| words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    Some(match info.query {
        ACCEL_WORKING => 1u32.to_ne_bytes().to_vec(),
        HW_IP_COUNT => {
            // AMDGPU_HW_IP_GFX, _COMPUTE and _DMA; the others are not there.
            let count = match info.argument[0] {
                0 | 1 => 1,
                2 => slot.card.sdma_engines,
                3..HW_IP_NUM => 0,
                _ => return None,
            };
            count.to_ne_bytes().to_vec()
        }
        VRAM_USAGE => words(&[vram_used]),
        VRAM_GTT => words(&[slot.vram, visible, gtt]),
        READ_MMR_REG if info.argument[1] <= MAX_REGISTERS => vec![0; info.argument[1] as usize * 4],
        DEV_INFO => device_info(slot),
        // Three `struct drm_amdgpu_heap_info`: total, usable, in use, largest allocation.
        MEMORY => {
            let heap = |size: u64, used: u64| [size, size, used.min(size), size / 4 * 3];
            words(&[heap(slot.vram, vram_used), heap(visible, vram_used), heap(gtt, 0)].concat())
        }
        _ => return None,
    })
}

/// Copies what fits of `text` and returns its whole length.
///
/// # Safety
/// `to` is null or has room for `room` bytes.
unsafe fn text(to: *mut c_char, room: usize, text: &str) -> usize {
    if !to.is_null() {
        // SAFETY: by contract.
        unsafe { std::ptr::copy_nonoverlapping(text.as_ptr().cast(), to, text.len().min(room)) };
    }
    text.len()
}

/// `struct drm_amdgpu_info_device` up to `virtual_address_alignment` and some more; what nobody asks for is 0.
fn device_info(slot: &Slot) -> Vec<u8> {
    let card = &slot.card;
    let mut bytes = vec![0u8; 512];
    let mut put32 = |offset: usize, value: u32| bytes[offset..offset + 4].copy_from_slice(&value.to_ne_bytes());
    put32(0, card.device_id);
    put32(4, 1); // chip_rev
    put32(8, 1); // external_rev
    put32(12, 0xc1); // pci_rev
    put32(16, card.family);
    put32(20, card.shader_engines);
    put32(24, card.arrays_per_engine);
    put32(28, 100_000); // gpu_counter_freq, kHz
    // max_engine_clock and max_memory_clock are 64 bits each, kHz.
    put32(32, 2_100_000);
    put32(40, 1_000_000);
    put32(48, card.compute_units); // cu_active_number
    let mut put64 = |offset: usize, value: u64| bytes[offset..offset + 8].copy_from_slice(&value.to_ne_bytes());
    // After cu_ao_mask and cu_bitmap[4][4]: enabled_rb_pipes_mask, num_rb_pipes, num_hw_gfx_contexts, pcie_gen, ids_flags (u64).
    let flags = 56 + 64 + 16;
    put64(flags, if card.apu { 1 } else { 0 }); // AMDGPU_IDS_FLAGS_FUSION
    put64(flags + 8, 0x20_0000); // virtual_address_offset
    put64(flags + 16, 0x8000_0000_0000); // virtual_address_max
    bytes[flags + 24..flags + 28].copy_from_slice(&4096u32.to_ne_bytes()); // virtual_address_alignment
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Spec;

    fn ask(query: u32, argument: [u32; 4]) -> Option<Vec<u8>> {
        let spec: Spec = "gfx1030:vram=8G:bar=small".parse().expect("a machine");
        answer(&spec.cards[0], 1 << 20, &Info { pointer: 1, size: 512, query, argument })
    }

    #[test]
    fn the_memory_query_shows_the_bar_and_what_is_used() {
        let bytes = ask(MEMORY, [0; 4]).expect("known");
        let word = |index: usize| u64::from_ne_bytes(bytes[index * 8..index * 8 + 8].try_into().expect("8 bytes"));
        assert_eq!((bytes.len(), word(0), word(2), word(4)), (96, 8 << 30, 1 << 20, SMALL_BAR));
    }

    #[test]
    fn the_device_is_described_where_libdrm_looks() {
        let bytes = ask(DEV_INFO, [0; 4]).expect("known");
        let word = |at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().expect("4 bytes"));
        assert_eq!((word(0), word(16), word(20), word(24), word(48)), (0x73bf, 143, 4, 2, 72));
        // ids_flags and virtual_address_alignment (pahole of `struct drm_amdgpu_info_device`).
        assert_eq!((word(136), word(160)), (0, 4096));
    }

    #[test]
    fn too_many_registers_and_unknown_queries_are_refused() {
        assert_eq!(ask(READ_MMR_REG, [0, 2, 0, 0]).map(|bytes| bytes.len()), Some(8));
        assert_eq!(ask(READ_MMR_REG, [0, u32::MAX, 0, 0]), None);
        assert_eq!(ask(HW_IP_COUNT, [2, 0, 0, 0]), Some(4u32.to_ne_bytes().to_vec()));
        assert_eq!(ask(HW_IP_COUNT, [HW_IP_NUM, 0, 0, 0]), None);
        assert_eq!(ask(0x7777, [0; 4]), None);
    }
}
