//! Flag values of the HIP and HSA calls that the policy looks at.
//!
//! `hip/hip_runtime_api.h` of HIP 5.2.3 unless a later version is given; the values never changed afterwards.

/// `hipHostMallocDefault`.
pub const HOST_MALLOC_DEFAULT: u32 = 0x0;
/// `hipHostMallocPortable`.
pub const HOST_MALLOC_PORTABLE: u32 = 0x1;
/// `hipHostMallocMapped`.
pub const HOST_MALLOC_MAPPED: u32 = 0x2;
/// `hipHostMallocWriteCombined`.
pub const HOST_MALLOC_WRITE_COMBINED: u32 = 0x4;
/// `hipHostMallocUncached`, in the header since HIP 7.0. Older libraries do not know the bit and return coarse-grained memory for it.
pub const HOST_MALLOC_UNCACHED: u32 = 0x1000_0000;
/// `hipHostMallocNumaUser`.
pub const HOST_MALLOC_NUMA_USER: u32 = 0x2000_0000;
/// `hipHostMallocCoherent`.
pub const HOST_MALLOC_COHERENT: u32 = 0x4000_0000;
/// `hipHostMallocNonCoherent`.
pub const HOST_MALLOC_NON_COHERENT: u32 = 0x8000_0000;

/// `hipHostRegisterDefault`.
pub const HOST_REGISTER_DEFAULT: u32 = 0x0;
/// `hipHostRegisterPortable`.
pub const HOST_REGISTER_PORTABLE: u32 = 0x1;
/// `hipHostRegisterMapped`.
pub const HOST_REGISTER_MAPPED: u32 = 0x2;
/// `hipHostRegisterIoMemory`.
pub const HOST_REGISTER_IO_MEMORY: u32 = 0x4;
/// `hipExtHostRegisterCoarseGrained`; since HIP 5.7 the same value is also `hipHostRegisterReadOnly`.
pub const HOST_REGISTER_COARSE_GRAINED: u32 = 0x8;
/// `hipExtHostRegisterUncached`, in the header since HIP 7.0.
pub const HOST_REGISTER_UNCACHED: u32 = 0x8000_0000;

/// `hipMemAttachGlobal`.
pub const MEM_ATTACH_GLOBAL: u32 = 0x1;
/// `hipMemAttachHost`.
pub const MEM_ATTACH_HOST: u32 = 0x2;

/// `hipMemAdviseSetCoarseGrain`, of `hipMemoryAdvise`.
pub const MEM_ADVISE_SET_COARSE_GRAIN: u32 = 100;
/// `hipMemAdviseUnsetCoarseGrain`, of `hipMemoryAdvise`.
pub const MEM_ADVISE_UNSET_COARSE_GRAIN: u32 = 101;

/// `hipDeviceMallocDefault`.
pub const DEVICE_MALLOC_DEFAULT: u32 = 0x0;
/// `hipDeviceMallocFinegrained`.
pub const DEVICE_MALLOC_FINEGRAINED: u32 = 0x1;
/// `hipMallocSignalMemory`.
pub const DEVICE_MALLOC_SIGNAL_MEMORY: u32 = 0x2;
/// `hipDeviceMallocUncached`, accepted since HIP 5.5.
pub const DEVICE_MALLOC_UNCACHED: u32 = 0x3;
/// `hipDeviceMallocContiguous`, in the header since HIP 6.2.
pub const DEVICE_MALLOC_CONTIGUOUS: u32 = 0x4;

/// `hipMemAllocationTypePinned`, of `hipMemAllocationType`.
pub const MEM_ALLOCATION_PINNED: u32 = 0x1;
/// `hipMemAllocationTypeUncached`, in the header since HIP 7.2.
pub const MEM_ALLOCATION_UNCACHED: u32 = 0x4000_0000;

/// `HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_KERNARG_INIT` (`hsa/hsa_ext_amd.h` 5.2.3).
pub const POOL_KERNARG: u32 = 0x1;
/// `HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_FINE_GRAINED`.
pub const POOL_FINE_GRAINED: u32 = 0x2;
/// `HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_COARSE_GRAINED`.
pub const POOL_COARSE_GRAINED: u32 = 0x4;
/// `HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_EXTENDED_SCOPE_FINE_GRAINED`, in the header since ROCr 5.7.
pub const POOL_EXTENDED_FINE_GRAINED: u32 = 0x8;

/// `HSA_AMD_MEMORY_POOL_PCIE_FLAG`, an allocation flag since ROCr 6.1: coherent memory whatever the pool.
pub const POOL_ALLOCATE_PCIE: u32 = 0x1;
/// `HSA_AMD_MEMORY_POOL_UNCACHED_FLAG`, an allocation flag since ROCr 7.2; 6.4 ignores it.
pub const POOL_ALLOCATE_UNCACHED: u32 = 0x8;

/// The attributes of an `hsa_amd_svm_attributes_set` have `HSA_AMD_SVM_ATTRIB_GLOBAL_FLAG` = `HSA_AMD_SVM_GLOBAL_FLAG_FINE_GRAINED`. This bit and the next are
/// this crate's own: the header's values leave no room for "not said".
pub const SVM_FINE_GRAINED: u32 = 0x1;
/// … = `HSA_AMD_SVM_GLOBAL_FLAG_COARSE_GRAINED`.
pub const SVM_COARSE_GRAINED: u32 = 0x2;
