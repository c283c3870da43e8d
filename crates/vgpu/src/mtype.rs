//! The kernel driver's rule from allocation flags to the memory type of the page-table entry.
//!
//! Sources: linux `drivers/gpu/drm/amd/amdgpu/gmc_v10_0.c` (`gmc_v10_0_get_vm_pte`, 6.2 and later),
//! `amdgpu_amdkfd_gpuvm.c` (`get_pte_flags`, up to 6.1), `amdkfd/kfd_svm.c` (`svm_range_get_pte_flags`). gfx10.1 and gfx10.3 share every line
//! of it. The controls take the default arms of `gmc_v9_0.c` and `gmc_v11_0.c`, which say the same for the flags used here.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Memory type of a page-table entry. gfx10 values: NC 0, WC 1, CC 2, UC 3 (linux `navi10_enum.h`); RW exists on gfx9 only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Mtype {
    /// Non-coherent: cached in GL2.
    Nc,
    /// Write-combined; only by a GEM_VA flag.
    Wc,
    /// Cache-coherent; only by a GEM_VA flag.
    Cc,
    /// Uncached: bypasses GL2.
    Uc,
}

impl fmt::Display for Mtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mtype::Nc => "NC",
            Mtype::Wc => "WC",
            Mtype::Cc => "CC",
            Mtype::Uc => "UC",
        })
    }
}

/// Cards that share the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// RDNA1 and RDNA2.
    Gfx10,
    /// RDNA3, a control.
    Gfx11,
    /// Vega 20, a control.
    Gfx906,
}

/// Kernels between which the rule differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kernel {
    /// 5.15: UNCACHED alone is not looked at.
    V5_15,
    /// 6.1: UNCACHED counts, EXT_COHERENT does not exist.
    V6_1,
    /// 6.2 to 6.6: the flags belong to the buffer object, so that they decide for GEM_VA too.
    V6_2,
    /// 6.7 and later.
    V6_7,
}

impl Kernel {
    /// The rules of kernels with KFD interface 1.`minor`. Where kernels with different rules have the same one it stands for the oldest: 1.11 for Linux 6.1,
    /// 1.12 to 1.14 for those between 6.2 and 6.6.
    pub fn of_interface(minor: u32) -> Self {
        match minor {
            ..9 => Kernel::V5_15,
            9..12 => Kernel::V6_1,
            12..15 => Kernel::V6_2,
            _ => Kernel::V6_7,
        }
    }
}

/// KFD_IOC_ALLOC_MEM_FLAGS_* (`/usr/include/linux/kfd_ioctl.h`; EXT_COHERENT: Linux 6.7).
pub mod flags {
    pub const VRAM: u32 = 1;
    pub const GTT: u32 = 1 << 1;
    pub const USERPTR: u32 = 1 << 2;
    pub const DOORBELL: u32 = 1 << 3;
    pub const MMIO_REMAP: u32 = 1 << 4;
    pub const CONTIGUOUS: u32 = 1 << 23;
    pub const EXT_COHERENT: u32 = 1 << 24;
    pub const UNCACHED: u32 = 1 << 25;
    pub const COHERENT: u32 = 1 << 26;
    pub const AQL_QUEUE_MEM: u32 = 1 << 27;
    pub const PUBLIC: u32 = 1 << 29;
    pub const EXECUTABLE: u32 = 1 << 30;
    pub const WRITABLE: u32 = 1 << 31;
}

/// The memory type that `kernel` gives to a buffer object allocated with `alloc_flags` (KFD_IOC_ALLOC_MEM_FLAGS).
pub fn of_allocation(_generation: Generation, kernel: Kernel, alloc_flags: u32) -> Mtype {
    let mut asking = flags::COHERENT;
    if kernel >= Kernel::V6_1 {
        asking |= flags::UNCACHED;
    }
    if kernel >= Kernel::V6_7 {
        asking |= flags::EXT_COHERENT;
    }
    // Doorbells and MMIO registers are mapped uncached whatever the caller says.
    if alloc_flags & (asking | flags::DOORBELL | flags::MMIO_REMAP) != 0 { Mtype::Uc } else { Mtype::Nc }
}

/// AMDGPU_VM_* of `drm/amdgpu_drm.h`: how GEM_VA maps.
pub mod vm {
    pub const DELAY_UPDATE: u32 = 1;
    pub const READABLE: u32 = 1 << 1;
    pub const WRITEABLE: u32 = 1 << 2;
    pub const EXECUTABLE: u32 = 1 << 3;
    pub const MTYPE_MASK: u32 = 0xf << 5;
    pub const MTYPE_WC: u32 = 2 << 5;
    pub const MTYPE_CC: u32 = 3 << 5;
    pub const MTYPE_UC: u32 = 4 << 5;
    pub const NOALLOC: u32 = 1 << 9;
}

/// The memory type that GEM_VA with `vm_flags` (AMDGPU_VM_*) gives to a buffer object allocated with `alloc_flags`: the buffer's own flags come first,
/// from Linux 6.2 on (`gmc_v10_0_get_vm_pte`); else the call says it, and what gfx10 has no value for is NC (`gmc_v10_0_map_mtype`). Of a buffer of another
/// card (`imported`) only COHERENT and UNCACHED are known (`amdgpu_dma_buf.c`, amdgpu_dma_buf_create_obj).
pub fn of_gem_mapping(
    generation: Generation,
    kernel: Kernel,
    alloc_flags: u32,
    imported: bool,
    vm_flags: u32,
) -> Mtype {
    let known = if imported { alloc_flags & !flags::EXT_COHERENT } else { alloc_flags };
    if kernel >= Kernel::V6_2 && of_allocation(generation, kernel, known) == Mtype::Uc {
        return Mtype::Uc;
    }
    match vm_flags & vm::MTYPE_MASK {
        vm::MTYPE_WC => Mtype::Wc,
        vm::MTYPE_CC => Mtype::Cc,
        vm::MTYPE_UC => Mtype::Uc,
        _ => Mtype::Nc,
    }
}

/// KFD_IOCTL_SVM_FLAG_* that decide the memory type (`/usr/include/linux/kfd_ioctl.h`; EXT_COHERENT: Linux 6.7).
pub mod svm {
    pub const HOST_ACCESS: u32 = 1;
    pub const COHERENT: u32 = 2;
    pub const EXT_COHERENT: u32 = 0x80;
    /// `svm_range_set_default_attributes`: what a new range has.
    pub const DEFAULT: u32 = HOST_ACCESS | COHERENT;
}

/// The memory type of an SVM range with these KFD_IOCTL_SVM_FLAGs.
pub fn of_svm_range(_generation: Generation, kernel: Kernel, svm_flags: u32) -> Mtype {
    let extended = kernel >= Kernel::V6_7 && svm_flags & svm::EXT_COHERENT != 0;
    if svm_flags & svm::COHERENT != 0 || extended { Mtype::Uc } else { Mtype::Nc }
}

#[cfg(test)]
mod tests {
    use super::flags::*;
    use super::*;

    #[test]
    fn coherent_uncached_and_extended_coherent_memory_is_uc_and_the_rest_nc() {
        for generation in [Generation::Gfx10, Generation::Gfx11, Generation::Gfx906] {
            for memory in [VRAM, GTT, USERPTR] {
                let of = |kernel, flags| of_allocation(generation, kernel, memory | WRITABLE | flags);
                for kernel in [Kernel::V5_15, Kernel::V6_1, Kernel::V6_2, Kernel::V6_7] {
                    assert_eq!(of(kernel, 0), Mtype::Nc);
                    assert_eq!(of(kernel, PUBLIC | EXECUTABLE), Mtype::Nc);
                    assert_eq!(of(kernel, COHERENT), Mtype::Uc);
                    assert_eq!(of(kernel, COHERENT | UNCACHED), Mtype::Uc);
                }
                assert_eq!(of(Kernel::V5_15, UNCACHED), Mtype::Nc);
                assert_eq!(of(Kernel::V6_1, UNCACHED), Mtype::Uc);
                assert_eq!(of(Kernel::V6_1, EXT_COHERENT), Mtype::Nc);
                assert_eq!(of(Kernel::V6_7, EXT_COHERENT), Mtype::Uc);
            }
            assert_eq!(of_allocation(generation, Kernel::V6_7, DOORBELL), Mtype::Uc);
            assert_eq!(of_allocation(generation, Kernel::V6_7, MMIO_REMAP), Mtype::Uc);
        }
    }

    #[test]
    fn a_gem_mapping_has_the_type_of_its_buffer_before_that_of_the_call() {
        let of = |kernel, flags, imported, vm_flags| {
            of_gem_mapping(Generation::Gfx10, kernel, VRAM | flags, imported, vm::READABLE | vm_flags)
        };
        for (vm_flags, mtype) in [
            (0, Mtype::Nc),
            (1 << 5, Mtype::Nc),
            (vm::MTYPE_WC, Mtype::Wc),
            (vm::MTYPE_CC, Mtype::Cc),
            (5 << 5, Mtype::Nc),
        ] {
            assert_eq!(of(Kernel::V6_7, 0, false, vm_flags), mtype);
            assert_eq!(of(Kernel::V6_1, COHERENT, false, vm_flags), mtype, "Linux 6.1 does not look at the buffer");
            for asking in [COHERENT, UNCACHED, EXT_COHERENT] {
                assert_eq!(of(Kernel::V6_7, asking, false, vm_flags), Mtype::Uc);
            }
            assert_eq!(
                of(Kernel::V6_7, EXT_COHERENT, true, vm_flags),
                mtype,
                "of another card's buffer it is not known"
            );
            assert_eq!(of(Kernel::V6_2, COHERENT, true, vm_flags), Mtype::Uc);
        }
        assert_eq!(of(Kernel::V6_7, 0, false, vm::MTYPE_UC), Mtype::Uc);
    }

    #[test]
    fn a_new_svm_range_is_uc_until_its_coherence_is_cleared() {
        let of = |kernel, flags| of_svm_range(Generation::Gfx10, kernel, flags);
        assert_eq!(of(Kernel::V6_7, svm::DEFAULT), Mtype::Uc);
        assert_eq!(of(Kernel::V6_7, svm::HOST_ACCESS), Mtype::Nc);
        assert_eq!(of(Kernel::V6_7, svm::EXT_COHERENT), Mtype::Uc);
        assert_eq!(of(Kernel::V6_1, svm::EXT_COHERENT), Mtype::Nc);
    }
}
