//! Which memory a request gives: what AMD's runtime and the kernel make of the call that [`decide`](crate::decide) leads to.

use crate::flags::*;
use crate::{Action, Call, Decision, Device, Pool, Request, Rewrite};

/// A kind of memory, as the GPU sees it on RDNA1 and RDNA2.
///
/// Non-coherent is coarse-grained in HIP's and HSA's words, coherent is fine-grained, and uncached is extended-scope fine-grained or kernel-argument memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Memory {
    /// Not known: somebody else decides, the release is not known, or the call fails.
    #[default]
    Unknown,
    /// Host memory, fine-grained.
    HostCoherent,
    /// Host memory, coarse-grained.
    HostNonCoherent,
    /// Host memory, extended-scope fine-grained, or for kernel arguments and signals.
    HostUncached,
    /// Video memory, fine-grained.
    DeviceCoherent,
    /// Video memory, coarse-grained.
    DeviceNonCoherent,
    /// Video memory, extended-scope fine-grained.
    DeviceUncached,
    /// A range of the kernel's SVM interface about whose coherence nothing was said: the kernel makes it coherent.
    ManagedDefault,
    /// Such a range, fine-grained by name.
    ManagedCoherent,
    /// Such a range, coarse-grained by name.
    ManagedNonCoherent,
}

impl Memory {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Unknown,
        Self::HostCoherent,
        Self::HostNonCoherent,
        Self::HostUncached,
        Self::DeviceCoherent,
        Self::DeviceNonCoherent,
        Self::DeviceUncached,
        Self::ManagedDefault,
        Self::ManagedCoherent,
        Self::ManagedNonCoherent,
    ];

    /// As in records and reports; empty when it is not known.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "",
            Self::HostCoherent => "host, coherent",
            Self::HostNonCoherent => "host, non-coherent",
            Self::HostUncached => "host, uncached",
            Self::DeviceCoherent => "device, coherent",
            Self::DeviceNonCoherent => "device, non-coherent",
            Self::DeviceUncached => "device, uncached",
            Self::ManagedDefault => "managed, default",
            Self::ManagedCoherent => "managed, coherent",
            Self::ManagedNonCoherent => "managed, non-coherent",
        }
    }

    /// The memory type in the page-table entries of gfx10, where the kernel knows two for compute: NC goes through the GPU's L2, UC past it.
    /// (amdgpu_amdkfd_gpuvm.c:449 and kfd_svm.c:1151 of Linux 6.1, gmc_v10_0.c:534 and kfd_svm.c:1308 of 6.12: the default arms.)
    pub const fn mtype(self) -> Option<&'static str> {
        match self {
            Self::Unknown => None,
            Self::HostNonCoherent | Self::DeviceNonCoherent | Self::ManagedNonCoherent => Some("NC"),
            _ => Some("UC"),
        }
    }

    /// What `HSA_DISABLE_CACHE` makes of it (fmm.c:2185 of libhsakmt 5.2.3, 2590 of 6.4.3): ranges of the SVM interface stay.
    const fn without_cache(self) -> Self {
        match self {
            Self::HostCoherent | Self::HostNonCoherent => Self::HostUncached,
            Self::DeviceCoherent | Self::DeviceNonCoherent => Self::DeviceUncached,
            other => other,
        }
    }
}

impl Request {
    /// Managed memory is a range of the kernel's SVM interface; else it is coarse-grained host memory.
    pub(crate) const fn has_svm(&self, device: &Device) -> bool {
        device.svm && !self.environment.svm_disabled
    }
}

/// The memory that a request gives when its call succeeds, once `decision` is carried out. For gfx10; on other generations the kernel has more types.
///
/// Sources are those of the rows of [`TABLE`](crate::TABLE); what the calls come to was measured with AMD's libraries of 5.2.3, 5.7.1, 6.4.3 and 7.2.4.
pub fn memory(request: &Request, device: &Device, decision: &Decision) -> Memory {
    let memory = match decision.action {
        Action::Pass => as_asked(request, device),
        Action::Rewrite(rewrite) => match rewrite {
            Rewrite::Flags(flags) => as_asked(&Request { flags, ..*request }, device),
            Rewrite::HostMalloc(flags) => host_malloc(&Request { flags, ..*request }),
            Rewrite::LockToCoarsePool | Rewrite::RegisterCoarse | Rewrite::CoarsePool => Memory::HostNonCoherent,
            Rewrite::AdviseCoarseGrain => Memory::ManagedNonCoherent,
        },
    };
    let pinned = matches!(request.call, Call::HipHostRegister | Call::HsaMemoryLock | Call::HsaMemoryLockToPool);
    // libhsakmt 5.2.3 does not look at the variable for memory that is only made known to the GPU.
    let looked_at =
        !pinned || request.runtime.hip_from(5, 7) == Some(true) || request.runtime.rocr_from(5, 7) == Some(true);
    if request.environment.cache_disabled && looked_at { memory.without_cache() } else { memory }
}

fn as_asked(request: &Request, device: &Device) -> Memory {
    let flags = request.flags;
    match request.call {
        Call::HipMalloc
        | Call::HipMallocPitch
        | Call::HipMemAllocPitch
        | Call::HipMalloc3D
        | Call::HipMallocArray
        | Call::HipMalloc3DArray
        | Call::HipArrayCreate
        | Call::HipArray3DCreate
        | Call::HipMallocMipmappedArray
        | Call::HipMipmappedArrayCreate
        | Call::HipMallocAsync
        | Call::HipMallocFromPoolAsync => Memory::DeviceNonCoherent,
        Call::HipMemCreate => match (flags, request.runtime.hip_from(7, 2)) {
            (0 | MEM_ALLOCATION_PINNED, _) => Memory::DeviceNonCoherent,
            (MEM_ALLOCATION_UNCACHED, Some(true)) => Memory::DeviceUncached,
            _ => Memory::Unknown,
        },
        Call::HipExtMallocWithFlags => ext_malloc(request),
        Call::HipMallocHost => Memory::HostNonCoherent,
        Call::HipMemAllocHost => host_malloc(&Request { flags: HOST_MALLOC_DEFAULT, ..*request }),
        Call::HipHostMalloc => host_malloc(request),
        Call::HipHostAlloc => host_alloc(request),
        Call::HipHostRegister => host_register(request),
        Call::HipMallocManaged => match flags {
            MEM_ATTACH_GLOBAL | MEM_ATTACH_HOST if request.has_svm(device) => Memory::ManagedDefault,
            MEM_ATTACH_GLOBAL | MEM_ATTACH_HOST => Memory::HostNonCoherent,
            _ => Memory::Unknown,
        },
        Call::HipMemAdvise => match flags {
            MEM_ADVISE_SET_COARSE_GRAIN if request.has_svm(device) => Memory::ManagedNonCoherent,
            MEM_ADVISE_UNSET_COARSE_GRAIN if request.has_svm(device) => Memory::ManagedCoherent,
            _ => Memory::Unknown,
        },
        Call::HsaSvmAttributesSet => match flags {
            SVM_COARSE_GRAINED => Memory::ManagedNonCoherent,
            SVM_FINE_GRAINED => Memory::ManagedCoherent,
            _ => Memory::Unknown,
        },
        // HIP locks a page for it to the fine-grained pool.
        Call::HipIpcOpenEventHandle => Memory::HostCoherent,
        Call::HsaMemoryPoolAllocate
        | Call::HsaMemoryAllocate
        | Call::HsaMemoryLockToPool
        | Call::HsaVmemHandleCreate => of_pool(request),
        Call::HsaMemoryLock => match request.runtime.rocr_from(6, 4) {
            Some(true) => Memory::HostUncached,
            Some(false) => Memory::HostNonCoherent,
            None => Memory::Unknown,
        },
        Call::HsaSignalCreate | Call::HsaAmdSignalCreate | Call::HsaQueueCreate => Memory::HostUncached,
        Call::HipIpcOpenMemHandle
        | Call::HipImportExternalMemory
        | Call::HipMemImportFromShareableHandle
        | Call::HsaMemoryRegister
        | Call::HsaInteropMapBuffer
        | Call::HsaIpcMemoryAttach
        | Call::HsaVmemImportShareableHandle => Memory::Unknown,
    }
}

/// `ihipHostMalloc` (hip_memory.cpp:498@5.2.3, 377@6.4.3).
fn host_malloc(request: &Request) -> Memory {
    const COHERENT: u32 = HOST_MALLOC_COHERENT | HOST_MALLOC_MAPPED | HOST_MALLOC_NUMA_USER;
    const KNOWN: u32 =
        COHERENT | HOST_MALLOC_PORTABLE | HOST_MALLOC_WRITE_COMBINED | HOST_MALLOC_UNCACHED | HOST_MALLOC_NON_COHERENT;
    let flags = request.flags;
    let has = |bits| flags & bits != 0;
    if flags & !KNOWN != 0 || (has(HOST_MALLOC_COHERENT) && has(HOST_MALLOC_NON_COHERENT)) {
        return Memory::Unknown;
    }
    if has(HOST_MALLOC_UNCACHED) {
        match request.runtime.hip_from(7, 0) {
            None => return Memory::Unknown,
            Some(true) if has(HOST_MALLOC_COHERENT | HOST_MALLOC_NON_COHERENT) => return Memory::Unknown,
            Some(true) => return Memory::HostUncached,
            Some(false) => {}
        }
    }
    if has(HOST_MALLOC_NON_COHERENT) {
        Memory::HostNonCoherent
    } else if flags == HOST_MALLOC_DEFAULT || has(COHERENT) || request.environment.hip_host_coherent {
        Memory::HostCoherent
    } else {
        Memory::HostNonCoherent
    }
}

/// `hipHostAlloc` (hip_memory.cpp:1080@5.2.3, 1299@6.2.2, 1409@6.4.3).
fn host_alloc(request: &Request) -> Memory {
    const PLAIN: u32 = HOST_MALLOC_PORTABLE | HOST_MALLOC_MAPPED | HOST_MALLOC_WRITE_COMBINED;
    let uncached = if matches!(request.runtime.hip_from(7, 0), Some(true)) { HOST_MALLOC_UNCACHED } else { 0 };
    match request.runtime.host_alloc_is_host_memory() {
        Some(true) if request.flags & !(PLAIN | uncached) == 0 => host_malloc(request),
        Some(false) if request.flags & !PLAIN == 0 => Memory::DeviceNonCoherent,
        _ => Memory::Unknown,
    }
}

/// `hipHostRegister` (hip_memory.cpp:1001@5.2.3, 1331@6.4.3; the flags of 7.x by their effect).
fn host_register(request: &Request) -> Memory {
    const PLAIN: u32 = HOST_REGISTER_PORTABLE | HOST_REGISTER_MAPPED | HOST_REGISTER_COARSE_GRAINED;
    let from = |major, minor| request.runtime.hip_from(major, minor);
    let flags = request.flags;
    if flags & !(PLAIN | HOST_REGISTER_IO_MEMORY | HOST_REGISTER_UNCACHED) != 0 {
        return Memory::Unknown;
    }
    if flags & HOST_REGISTER_UNCACHED != 0 {
        return if from(7, 0) == Some(true) { Memory::HostUncached } else { Memory::Unknown };
    }
    match (flags & HOST_REGISTER_IO_MEMORY != 0, from(7, 2)) {
        (false, _) | (true, Some(false)) => Memory::HostCoherent,
        (true, Some(true)) => Memory::HostUncached,
        (true, None) => Memory::Unknown,
    }
}

/// `hipExtMallocWithFlags` (hip_memory.cpp:472@5.2.3, 535@5.7.1, 723@6.4.3; rocdevice.cpp:2350@6.4.3).
fn ext_malloc(request: &Request) -> Memory {
    let from = |major, minor| request.runtime.hip_from(major, minor) == Some(true);
    match request.flags {
        DEVICE_MALLOC_DEFAULT => Memory::DeviceNonCoherent,
        DEVICE_MALLOC_FINEGRAINED if request.environment.fine_grain_pcie => Memory::DeviceCoherent,
        DEVICE_MALLOC_FINEGRAINED if from(6, 3) => Memory::DeviceNonCoherent,
        DEVICE_MALLOC_SIGNAL_MEMORY => Memory::HostUncached,
        DEVICE_MALLOC_UNCACHED if from(5, 5) => Memory::DeviceUncached,
        DEVICE_MALLOC_CONTIGUOUS if from(6, 4) => Memory::DeviceUncached,
        _ => Memory::Unknown,
    }
}

/// A pool's memory with the allocation's flags (amd_memory_region.cpp:103@5.2.3, 88@6.4.3; amd_kfd_driver.cpp:188@6.4.3).
fn of_pool(request: &Request) -> Memory {
    let flags =
        if matches!(request.call, Call::HsaMemoryPoolAllocate | Call::HsaVmemHandleCreate) { request.flags } else { 0 };
    let uncached = flags & POOL_ALLOCATE_UNCACHED != 0 && request.runtime.rocr_from(7, 2) == Some(true);
    let pcie = flags & POOL_ALLOCATE_PCIE != 0;
    match request.pool {
        Pool::None => Memory::Unknown,
        Pool::CpuExtendedFine | Pool::CpuKernarg => Memory::HostUncached,
        Pool::CpuFine | Pool::CpuCoarse if uncached => Memory::HostUncached,
        Pool::CpuFine => Memory::HostCoherent,
        Pool::CpuCoarse if pcie => Memory::HostCoherent,
        Pool::CpuCoarse => Memory::HostNonCoherent,
        Pool::GpuExtendedFine => Memory::DeviceUncached,
        Pool::GpuFine | Pool::GpuCoarse if uncached => Memory::DeviceUncached,
        Pool::GpuFine => Memory::DeviceCoherent,
        Pool::GpuCoarse if pcie => Memory::DeviceCoherent,
        Pool::GpuCoarse => Memory::DeviceNonCoherent,
    }
}
