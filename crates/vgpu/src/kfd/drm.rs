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

const ACCEL_WORKING: u32 = 0x00;
const READ_MMR_REG: u32 = 0x15;
const DEV_INFO: u32 = 0x16;

/// Handles one DRM ioctl for the card in `slot`.
///
/// # Safety
/// `arg` points to the program's argument structure for this number.
pub unsafe fn ioctl(slot: &Slot, number: u8, arg: *mut c_void) -> Answer {
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
            let answer: Vec<u8> = match info.query {
                ACCEL_WORKING => 1u32.to_ne_bytes().to_vec(),
                READ_MMR_REG => vec![0; info.argument[1] as usize * 4],
                DEV_INFO => device_info(slot),
                _ => return Err(libc::EINVAL),
            };
            let size = answer.len().min(info.size as usize);
            std::ptr::copy_nonoverlapping(answer.as_ptr(), info.pointer as *mut u8, size);
            Ok(0)
        },
        _ => Err(libc::ENOTTY),
    }
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
