//! The table. Rows are tried from the top; the first whose call, flags and condition match decides.

use crate::flags::*;
use crate::{
    Action, Caller, Decision, Device, Generation, Mode, Pool, Request, Rewrite, Rules, Switch, Version, Warning,
};
use crate::{Call, Call::*};

/// A condition on the flags of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// Any flags.
    Any,
    /// Exactly this value.
    Is(u32),
    /// At least one of these bits.
    Has(u32),
    /// All of these bits.
    HasAll(u32),
    /// Some bit that is none of these.
    Beyond(u32),
}

impl Match {
    const fn matches(self, flags: u32) -> bool {
        match self {
            Self::Any => true,
            Self::Is(value) => flags == value,
            Self::Has(bits) => flags & bits != 0,
            Self::HasAll(bits) => flags & bits == bits,
            Self::Beyond(bits) => flags & !bits != 0,
        }
    }
}

/// A condition on anything but the flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Always.
    Always,
    /// `HIP_HOST_COHERENT` is set.
    HostCoherentVariable,
    /// `hipHostAlloc` of this HIP gives video memory (up to 6.3).
    HostAllocIsVram,
    /// It cannot be told what `hipHostAlloc` gives.
    HostAllocUnknown,
    /// HIP is older than this release.
    HipBefore(Version),
    /// ROCr is this release or later.
    RocrFrom(Version),
    /// ROCr is older than this release.
    RocrBefore(Version),
    /// The switch of the repair of `hsa_amd_memory_lock` stands so.
    MemoryLock(Switch),
    /// The kernel has no SVM interface, or it is not used.
    NoSvm,
    /// The request names this pool.
    PoolIs(Pool),
}

impl When {
    fn holds(self, request: &Request, device: &Device, rules: &Rules) -> bool {
        let runtime = &request.runtime;
        match self {
            Self::Always => true,
            Self::HostCoherentVariable => request.environment.hip_host_coherent,
            Self::HostAllocIsVram => runtime.host_alloc_is_host_memory() == Some(false),
            Self::HostAllocUnknown => runtime.host_alloc_is_host_memory().is_none(),
            Self::HipBefore(version) => runtime.hip.is_known() && runtime.hip < version,
            Self::RocrFrom(version) => runtime.rocr_from(version.major, version.minor) == Some(true),
            Self::RocrBefore(version) => runtime.rocr_from(version.major, version.minor) == Some(false),
            Self::MemoryLock(switch) => rules.memory_lock == switch,
            Self::NoSvm => !request.has_svm(device),
            Self::PoolIs(pool) => request.pool == pool,
        }
    }
}

/// What one column of a row does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Forward as it is.
    Pass,
    /// Add `hipHostMallocNonCoherent` to the flags.
    NonCoherent,
    /// Call `hipHostMalloc` with the flags and `hipHostMallocNonCoherent`.
    HostMallocNonCoherent,
    /// See [`Rewrite::LockToCoarsePool`].
    LockToCoarsePool,
    /// See [`Rewrite::RegisterCoarse`].
    RegisterCoarse,
    /// See [`Rewrite::AdviseCoarseGrain`].
    AdviseCoarseGrain,
    /// See [`Rewrite::CoarsePool`].
    CoarsePool,
}

impl Effect {
    const fn rewrite(self, flags: u32) -> Option<Rewrite> {
        Some(match self {
            Self::Pass => return None,
            Self::NonCoherent => Rewrite::Flags(flags | HOST_MALLOC_NON_COHERENT),
            Self::HostMallocNonCoherent => Rewrite::HostMalloc(flags | HOST_MALLOC_NON_COHERENT),
            Self::LockToCoarsePool => Rewrite::LockToCoarsePool,
            Self::RegisterCoarse => Rewrite::RegisterCoarse,
            Self::AdviseCoarseGrain => Rewrite::AdviseCoarseGrain,
            Self::CoarsePool => Rewrite::CoarsePool,
        })
    }
}

/// A warning of a row. It is given only where the request is passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warn {
    /// None.
    No,
    /// Always.
    Always(Warning),
    /// [`Warning::CoherentWithoutAtomics`], on a device without PCIe atomics.
    NoAtomics,
}

/// A column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Mode `default`, device with PCIe atomics.
    Default,
    /// Mode `default`, device without PCIe atomics.
    NoAtomics,
    /// Mode `strict`.
    Strict,
}

/// One rule.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Stable name, kebab-case.
    pub rule: &'static str,
    /// The calls it is about.
    pub calls: &'static [Call],
    /// Which flags.
    pub flags: Match,
    /// Which circumstances.
    pub when: When,
    /// Effect by column: mode `default`, mode `default` without PCIe atomics, mode `strict`.
    pub effects: [Effect; 3],
    /// What is said once when the request is passed.
    pub warn: Warn,
    /// Why, in one sentence.
    pub reason: &'static str,
    /// Where the fact was read.
    pub source: &'static str,
}

impl Row {
    /// The effect in a column.
    pub const fn effect(&self, column: Column) -> Effect {
        self.effects[column as usize]
    }
}

use Effect::{
    AdviseCoarseGrain, CoarsePool, HostMallocNonCoherent, LockToCoarsePool, NonCoherent, Pass, RegisterCoarse,
};

const NEVER: [Effect; 3] = [Pass, Pass, Pass];
const HOST_KNOWN: u32 = HOST_MALLOC_PORTABLE
    | HOST_MALLOC_MAPPED
    | HOST_MALLOC_WRITE_COMBINED
    | HOST_MALLOC_UNCACHED
    | HOST_MALLOC_NUMA_USER
    | HOST_MALLOC_COHERENT
    | HOST_MALLOC_NON_COHERENT;
const REGISTER_PLAIN: u32 = HOST_REGISTER_PORTABLE | HOST_REGISTER_MAPPED;
const V5_7: Version = Version::new(5, 7);
const V6_4: Version = Version::new(6, 4);

macro_rules! table {
    ($($rule:literal: [$($call:ident),* $(,)?] $flags:expr, $when:expr => $effects:expr, $warn:expr; $reason:literal, $source:literal;)*) => {
        /// Every rule, in the order in which they are tried. Each [`Call`] has a row that matches any flags, so one always decides.
        pub static TABLE: &[Row] = TABLE_ROWS;

        /// The same for constants, which cannot read a static.
        const TABLE_ROWS: &[Row] = &[$(Row {
            rule: $rule,
            calls: &[$($call,)*],
            flags: $flags,
            when: $when,
            effects: $effects,
            warn: $warn,
            reason: $reason,
            source: $source,
        },)*];
    };
}

// rule: [calls] flags, circumstances => [default, default without PCIe atomics, strict], warning; reason, source;
//
// Sources: "hip_memory.cpp" is hipamd/src/hip_memory.cpp of ROCm/clr (src/ of ROCm/hipamd up to 5.4), with line and release.
table! {
    // hipHostMalloc ------------------------------------------------------------------------------------------------------------------------
    "host-invalid-coherence": [HipHostMalloc] Match::HasAll(HOST_MALLOC_COHERENT | HOST_MALLOC_NON_COHERENT), When::Always => NEVER, Warn::No;
        "Coherent and NonCoherent together are an error that HIP itself reports.", "hip_memory.cpp:506@5.2.3, 628@6.2.2";
    "host-unknown-flag": [HipHostMalloc] Match::Beyond(HOST_KNOWN), When::Always => NEVER, Warn::No;
        "A flag that is not known here may ask for anything.", "hip/hip_runtime_api.h 5.2.3 and 7.2.4";
    "host-explicit-uncached": [HipHostMalloc] Match::Has(HOST_MALLOC_UNCACHED), When::Always => NEVER, Warn::No;
        "The program asked for uncached memory by name.", "hip/hip_runtime_api.h 7.2.4";
    "host-explicit-coherent": [HipHostMalloc] Match::Has(HOST_MALLOC_COHERENT), When::Always => NEVER, Warn::NoAtomics;
        "The program asked for coherent memory by name.", "hip_memory.cpp:518@5.2.3, 640@6.2.2";
    "host-explicit-noncoherent": [HipHostMalloc] Match::Has(HOST_MALLOC_NON_COHERENT), When::Always => NEVER, Warn::No;
        "The program asked for non-coherent memory and gets it.", "hip_memory.cpp:528@5.2.3, 650@6.2.2";
    "host-variable-coherent": [HipHostMalloc, HipMemAllocHost] Match::Any, When::HostCoherentVariable => NEVER, Warn::NoAtomics;
        "HIP_HOST_COHERENT is set, so somebody asked for coherent host memory.", "hip_memory.cpp:520@5.2.3, 642@6.2.2";
    "host-default-noncoherent": [HipHostMalloc] Match::Is(HOST_MALLOC_DEFAULT), When::Always => [NonCoherent, NonCoherent, NonCoherent], Warn::NoAtomics;
        "Without flags the memory is coherent only because nobody said otherwise.", "hip_memory.cpp:518@5.2.3, 640@6.2.2";
    "host-mapped": [HipHostMalloc] Match::Has(HOST_MALLOC_MAPPED), When::Always => [Pass, NonCoherent, NonCoherent], Warn::NoAtomics;
        "Mapped is how zero-copy flags are asked for; without PCIe atomics the GPU's atomics on it can be wrong.", "hip_memory.cpp:519@5.2.3; ROCm/clr#285";
    "host-numauser-noncoherent": [HipHostMalloc] Match::Has(HOST_MALLOC_NUMA_USER), When::Always => [NonCoherent, NonCoherent, NonCoherent], Warn::NoAtomics;
        "NumaUser asks for a NUMA node; coherence is a side effect of it.", "hip_memory.cpp:519@5.2.3, 641@6.2.2";
    "host-already-noncoherent": [HipHostMalloc] Match::Any, When::Always => NEVER, Warn::No;
        "Portable and WriteCombined alone give non-coherent memory already.", "hip_memory.cpp:518@5.2.3, 640@6.2.2";

    // its relatives ------------------------------------------------------------------------------------------------------------------------
    "hipmemallochost-noncoherent": [HipMemAllocHost] Match::Any, When::Always => [HostMallocNonCoherent, HostMallocNonCoherent, HostMallocNonCoherent], Warn::NoAtomics;
        "hipMemAllocHost is hipHostMalloc without flags: coherent only because nobody said otherwise.", "hip_memory.cpp:2650@5.2.3, 3729@6.4.3";
    "hipmallochost-already-noncoherent": [HipMallocHost] Match::Any, When::Always => NEVER, Warn::No;
        "hipMallocHost gives non-coherent memory in every release.", "hip_memory.cpp:3218@5.2.3, 4499@6.4.3";
    "hostalloc-is-vram": [HipHostAlloc] Match::Any, When::HostAllocIsVram => NEVER, Warn::Always(Warning::HostAllocIsVram);
        "Up to HIP 6.3 hipHostAlloc returns video memory, which is non-coherent.", "hip_memory.cpp:1080@5.2.3, 1299@6.2.2";
    "hostalloc-unknown-release": [HipHostAlloc] Match::Any, When::HostAllocUnknown => NEVER, Warn::No;
        "Whether hipHostAlloc returns host or video memory depends on a release that is not known here.", "hip_memory.cpp:1299@6.2.2, 1409@6.4.3";
    "hostalloc-unknown-flag": [HipHostAlloc] Match::Beyond(HOST_MALLOC_PORTABLE | HOST_MALLOC_MAPPED | HOST_MALLOC_WRITE_COMBINED), When::Always => NEVER, Warn::No;
        "HIP 6.4 refuses other flags than Portable, Mapped and WriteCombined; later releases add Uncached, an explicit wish.", "hip_memory.cpp:1416@6.4.3";
    "hostalloc-variable-coherent": [HipHostAlloc] Match::Any, When::HostCoherentVariable => NEVER, Warn::NoAtomics;
        "HIP_HOST_COHERENT is set, so somebody asked for coherent host memory.", "hip_memory.cpp:402@6.4.3";
    "hostalloc-default-noncoherent": [HipHostAlloc] Match::Is(HOST_MALLOC_DEFAULT), When::Always => [HostMallocNonCoherent, HostMallocNonCoherent, HostMallocNonCoherent], Warn::NoAtomics;
        "Since HIP 6.4 hipHostAlloc without flags is coherent only because nobody said otherwise.", "hip_memory.cpp:1409@6.4.3";
    "hostalloc-mapped": [HipHostAlloc] Match::Has(HOST_MALLOC_MAPPED), When::Always => [Pass, HostMallocNonCoherent, HostMallocNonCoherent], Warn::NoAtomics;
        "Mapped is how zero-copy flags are asked for; without PCIe atomics the GPU's atomics on it can be wrong.", "hip_memory.cpp:1409@6.4.3; ROCm/clr#285";
    "hostalloc-already-noncoherent": [HipHostAlloc] Match::Any, When::Always => NEVER, Warn::No;
        "Portable and WriteCombined alone give non-coherent memory already.", "hip_memory.cpp:1409@6.4.3";

    // hipHostRegister ----------------------------------------------------------------------------------------------------------------------
    "register-explicit-uncached": [HipHostRegister] Match::Has(HOST_REGISTER_UNCACHED | HOST_REGISTER_IO_MEMORY), When::Always => NEVER, Warn::No;
        "The program asked for uncached or device memory by name.", "hip/hip_runtime_api.h:664@5.2.3 and 7.2.4";
    "register-unknown-flag": [HipHostRegister] Match::Beyond(REGISTER_PLAIN | HOST_REGISTER_COARSE_GRAINED), When::Always => NEVER, Warn::No;
        "A flag that is not known here may ask for anything.", "hip/hip_runtime_api.h:652@5.2.3";
    "register-coarse-honoured": [HipHostRegister] Match::Has(HOST_REGISTER_COARSE_GRAINED), When::HipBefore(V5_7) => [Pass, RegisterCoarse, RegisterCoarse], Warn::Always(Warning::RegisterCoarseIgnored);
        "hipExtHostRegisterCoarseGrained asks for non-coherent memory, but HIP registers it as coherent.", "hip_memory.cpp:1001@5.2.3";
    "register-coarse-or-readonly": [HipHostRegister] Match::Has(HOST_REGISTER_COARSE_GRAINED), When::Always => [Pass, RegisterCoarse, RegisterCoarse], Warn::NoAtomics;
        "Since HIP 5.7 the bit of hipExtHostRegisterCoarseGrained is also hipHostRegisterReadOnly; HIP registers coherent memory for both.", "hip/hip_runtime_api.h:668,671@5.7.1";
    "register-default": [HipHostRegister] Match::Any, When::Always => [Pass, RegisterCoarse, RegisterCoarse], Warn::NoAtomics;
        "Registered memory is coherent and often shared with other devices or processes; without PCIe atomics the GPU's atomics on it can be wrong.", "hip_memory.cpp:1001@5.2.3, 1331@6.4.3; ROCm/clr#285";

    // managed memory -----------------------------------------------------------------------------------------------------------------------
    "managed-without-svm": [HipMallocManaged] Match::Any, When::NoSvm => NEVER, Warn::No;
        "Without the kernel's SVM interface managed memory is non-coherent host memory already.", "hip_hmm.cpp:63@5.2.3; rocmemory.cpp:807@6.4.3";
    "managed-coarse": [HipMallocManaged] Match::Is(MEM_ATTACH_GLOBAL), When::Always => [Pass, Pass, AdviseCoarseGrain], Warn::NoAtomics;
        "Managed memory is coherent by default; hipMemAdvise(SetCoarseGrain) is HIP's own way to change that.", "hip/hip_runtime_api.h:721@5.2.3";
    "managed-coarse-host": [HipMallocManaged] Match::Is(MEM_ATTACH_HOST), When::Always => [Pass, Pass, AdviseCoarseGrain], Warn::NoAtomics;
        "Managed memory is coherent by default; hipMemAdvise(SetCoarseGrain) is HIP's own way to change that.", "hip/hip_runtime_api.h:721@5.2.3";
    "managed-invalid-flag": [HipMallocManaged] Match::Any, When::Always => NEVER, Warn::No;
        "Other flags are an error that HIP itself reports.", "hip_hmm.cpp:63@5.2.3";
    "advice-explicit-coherent": [HipMemAdvise] Match::Is(MEM_ADVISE_UNSET_COARSE_GRAIN), When::Always => NEVER, Warn::NoAtomics;
        "The program asked for coherent memory by name.", "hip/hip_runtime_api.h:726@5.2.3";
    "advice-explicit-noncoherent": [HipMemAdvise] Match::Is(MEM_ADVISE_SET_COARSE_GRAIN), When::Always => NEVER, Warn::No;
        "The program asked for non-coherent memory and gets it.", "hip/hip_runtime_api.h:721@5.2.3";
    "advice-other": [HipMemAdvise] Match::Any, When::Always => NEVER, Warn::No;
        "The advice is not about coherence.", "hip/hip_runtime_api.h:710@5.2.3";

    // device memory ------------------------------------------------------------------------------------------------------------------------
    "device-already-noncoherent": [HipMalloc, HipMallocPitch, HipMemAllocPitch, HipMalloc3D, HipMallocAsync, HipMallocFromPoolAsync] Match::Any, When::Always => NEVER, Warn::No;
        "Device memory is non-coherent already.", "rocdevice.cpp:2043@5.2.3 deviceLocalAlloc";
    "array-already-noncoherent": [HipMallocArray, HipMalloc3DArray, HipArrayCreate, HipArray3DCreate, HipMallocMipmappedArray, HipMipmappedArrayCreate] Match::Any, When::Always => NEVER, Warn::No;
        "Arrays are non-coherent device memory already.", "rocdevice.cpp:2043@5.2.3 deviceLocalAlloc";
    "memcreate-explicit": [HipMemCreate] Match::Beyond(MEM_ALLOCATION_PINNED), When::Always => NEVER, Warn::No;
        "The program asked for a type of memory by name.", "hipMemAllocationTypeUncached, hip/hip_runtime_api.h 7.2.4";
    "memcreate-already-noncoherent": [HipMemCreate] Match::Any, When::Always => NEVER, Warn::No;
        "Pinned memory, the only type before HIP 7.2, is non-coherent device memory already.", "hip_vm.cpp:46@5.2.3, 83@6.4.3";
    "extmalloc-already-noncoherent": [HipExtMallocWithFlags] Match::Is(DEVICE_MALLOC_DEFAULT), When::Always => NEVER, Warn::No;
        "Device memory is non-coherent already.", "hip_memory.cpp:472@5.2.3, 723@6.4.3";
    "extmalloc-finegrained": [HipExtMallocWithFlags] Match::Is(DEVICE_MALLOC_FINEGRAINED), When::Always => NEVER, Warn::Always(Warning::FinegrainedUnavailable);
        "These cards show no fine-grained device memory: HIP fails up to 6.2 and falls back to coarse-grained memory since 6.3.", "hip_memory.cpp:472@5.2.3, 723@6.4.3; rocdevice.cpp:2350@6.4.3";
    "extmalloc-explicit": [HipExtMallocWithFlags] Match::Any, When::Always => NEVER, Warn::No;
        "Signal, uncached and contiguous memory are asked for by name or needed by hardware.", "hip_memory.cpp:723@6.4.3";

    // memory of somebody else --------------------------------------------------------------------------------------------------------------
    "exporter-decides": [HipIpcOpenMemHandle, HipIpcOpenEventHandle, HipImportExternalMemory, HipMemImportFromShareableHandle,
                         HsaInteropMapBuffer, HsaIpcMemoryAttach, HsaVmemImportShareableHandle] Match::Any, When::Always => NEVER, Warn::No;
        "The type of imported memory belongs to whoever exported it.", "rocmemory.cpp:212,755@6.4.3";

    // HSA ----------------------------------------------------------------------------------------------------------------------------------
    "lock-repair-off": [HsaMemoryLock] Match::Any, When::MemoryLock(Switch::Off) => NEVER, Warn::No;
        "The repair of hsa_amd_memory_lock is switched off.", "RMCP's configuration, repairs.memory_lock";
    "lock-already-noncoherent": [HsaMemoryLock] Match::Any, When::RocrBefore(V6_4) => NEVER, Warn::No;
        "Up to ROCr 6.3 hsa_amd_memory_lock gives non-coherent memory, as its header says.", "hsa_ext_amd.cpp:582@5.2.3, 664@6.2.4";
    "lock-repair": [HsaMemoryLock] Match::Any, When::RocrFrom(V6_4) => [LockToCoarsePool, LockToCoarsePool, LockToCoarsePool], Warn::No;
        "hsa_amd_memory_lock promises coarse-grained access in its header but became coherent in ROCr 6.4.", "hsa_ext_amd.h:2172@6.4.3; hsa_ext_amd.cpp:703@6.4.3; runtime.cpp:178@6.4.3";
    "lock-repair-on": [HsaMemoryLock] Match::Any, When::MemoryLock(Switch::On) => [LockToCoarsePool, LockToCoarsePool, LockToCoarsePool], Warn::No;
        "The repair of hsa_amd_memory_lock is switched on, whatever the ROCr release, which is not known here.", "RMCP's configuration, repairs.memory_lock";
    "lock-unknown-release": [HsaMemoryLock] Match::Any, When::Always => NEVER, Warn::No;
        "Whether hsa_amd_memory_lock is coherent depends on a ROCr release that is not known here.", "hsa_ext_amd.cpp:664@6.2.4, 703@6.4.3";
    "lock-to-pool": [HsaMemoryLockToPool] Match::Any, When::Always => NEVER, Warn::No;
        "The pool is named by the caller; HIP's IPC events and RCCL lock fine-grained memory this way.", "hip_event_ipc.cpp:60@5.2.3";
    "hsa-pool-flags": [HsaMemoryPoolAllocate, HsaMemoryAllocate, HsaVmemHandleCreate] Match::Has(u32::MAX), When::Always => NEVER, Warn::No;
        "Allocation flags ask for something by name, and coarse-grained with some of them is an error.", "hsa_ext_amd.h 7.2.4; libhsakmt memory.c:154@6.4.3";
    "hsa-kernarg": [HsaMemoryPoolAllocate, HsaMemoryAllocate] Match::Any, When::PoolIs(Pool::CpuKernarg) => NEVER, Warn::No;
        "Kernel arguments must be coherent.", "rocsettings.cpp:101@5.2.3";
    "hsa-extended-fine": [HsaMemoryPoolAllocate, HsaMemoryAllocate] Match::Any, When::PoolIs(Pool::CpuExtendedFine) => NEVER, Warn::No;
        "The extended-scope fine-grained pool is asked for by name.", "amd_cpu_agent.cpp:91@6.4.3";
    "hsa-fine-to-coarse": [HsaMemoryPoolAllocate, HsaMemoryAllocate] Match::Any, When::PoolIs(Pool::CpuFine) => [Pass, Pass, CoarsePool], Warn::NoAtomics;
        "An HSA client took the fine-grained pool; flags and doorbells may live there, so only strict mode changes it.", "amd_cpu_agent.cpp:86@5.2.3";
    "hsa-other-memory": [HsaMemoryPoolAllocate, HsaMemoryAllocate, HsaMemoryRegister, HsaVmemHandleCreate] Match::Any, When::Always => NEVER, Warn::No;
        "The memory is non-coherent already, or its pool is not one that is ever changed.", "amd_memory_region.cpp:103@5.2.3";
    "svm-explicit-coherent": [HsaSvmAttributesSet] Match::Has(SVM_FINE_GRAINED), When::Always => NEVER, Warn::NoAtomics;
        "The attributes ask for fine-grained memory by name.", "runtime.cpp:1642@5.2.3, 2548@6.4.3";
    "svm-explicit-noncoherent": [HsaSvmAttributesSet] Match::Has(SVM_COARSE_GRAINED), When::Always => NEVER, Warn::No;
        "The attributes ask for coarse-grained memory by name, and the range gets it.", "runtime.cpp:1642@5.2.3, 2548@6.4.3";
    "svm-other": [HsaSvmAttributesSet] Match::Any, When::Always => NEVER, Warn::No;
        "The attributes are not about coherence, and an earlier call may have set that of the range.", "runtime.cpp:1642@5.2.3, 2548@6.4.3";
    "signals-and-queues": [HsaSignalCreate, HsaAmdSignalCreate, HsaQueueCreate] Match::Any, When::Always => NEVER, Warn::No;
        "Signals and queues must be coherent.", "signal.cpp:74@6.4.3; amd_aql_queue.cpp:677@5.2.3";
}

/// Rules that stand before and after the table: name and reason.
const OFF: (&str, &str) = ("off", "The mode is off.");
const OTHER_GENERATION: (&str, &str) =
    ("other-generation", "The device is not known to be RDNA1 or RDNA2, so nothing is changed.");
const RUNTIME_INTERNAL: (&str, &str) = (
    "runtime-internal",
    "The request is AMD's runtime's own; its printf, host-call and synchronisation buffers must be coherent.",
);
const NEVER_LISTED: (&str, &str) = (
    "never-list",
    "The calling library is on the never list: it polls host memory while a kernel runs, or watches others.",
);
const UNKNOWN_CALLER: (&str, &str) =
    ("unknown-caller", "HSA memory is changed only for callers that are known not to be the HIP runtime.");
const FENCED_COPIES: (&str, &str) = (
    "register-needs-fenced-copies",
    "Since HIP 6.4 small copies go through a shader that could read stale data from memory registered as non-coherent; AMD_OPT_FLUSH=0 prevents that.",
);
const HSA_FENCED_COPIES: (&str, &str) = (
    "hsa-needs-fenced-copies",
    "Since HIP 6.4 small copies go through a shader that could read stale data from memory made non-coherent below HIP; AMD_OPT_FLUSH=0 prevents that.",
);
const NO_ROUTE: (&str, &str) =
    ("no-route", "The table would change this request, but this build has no way to carry it out.");
/// What the core finds out while it carries a decision out: name and reason.
pub const MALLOC_ASYNC_REPAIR: (&str, &str) =
    ("malloc-async-repair", "The repair malloc-async carried the call out by hipMalloc or hipFree.");
/// See [`MALLOC_ASYNC_REPAIR`].
pub const NO_COARSE_PIN: (&str, &str) =
    ("no-coarse-pin", "HIP did not pin this range through the HSA front, or the host has no coarse-grained pool.");
/// See [`MALLOC_ASYNC_REPAIR`].
pub const MANAGED_ADVICE_REFUSED: (&str, &str) =
    ("managed-advice-refused", "HIP refused to make this managed memory coarse-grained.");
/// See [`MALLOC_ASYNC_REPAIR`].
pub const INTERNAL_ERROR: (&str, &str) = ("internal-error", "RMCP could not decide and forwarded the call.");
const UNLISTED: (&str, &str) = ("unlisted", "No rule is about this request.");

const AROUND: [(&str, &str); 13] = [
    OFF,
    OTHER_GENERATION,
    RUNTIME_INTERNAL,
    NEVER_LISTED,
    UNKNOWN_CALLER,
    FENCED_COPIES,
    HSA_FENCED_COPIES,
    NO_ROUTE,
    UNLISTED,
    MALLOC_ASYNC_REPAIR,
    NO_COARSE_PIN,
    MANAGED_ADVICE_REFUSED,
    INTERNAL_ERROR,
];

/// The reason of a rule by its name, for reports; `None` for a name that no rule has.
pub fn reason(rule: &str) -> Option<&'static str> {
    let around = AROUND.iter().map(|&(name, reason)| (name, reason));
    TABLE
        .iter()
        .map(|row| (row.rule, row.reason))
        .chain(around)
        .find(|(name, _)| *name == rule)
        .map(|(_, reason)| reason)
}

const fn pass((rule, reason): (&'static str, &'static str)) -> Decision {
    Decision { action: Action::Pass, rule, reason, warning: None, withheld: None }
}

/// The rows of each call, as bits: a hooked call should not pay for the rows of others.
static ROWS: [u64; Call::ALL.len()] = {
    let mut rows = [0; Call::ALL.len()];
    assert!(TABLE_ROWS.len() <= u64::BITS as usize, "a bit for each row");
    let mut row = 0;
    while row < TABLE_ROWS.len() {
        let mut call = 0;
        while call < TABLE_ROWS[row].calls.len() {
            rows[TABLE_ROWS[row].calls[call] as usize] |= 1 << row;
            call += 1;
        }
        row += 1;
    }
    rows
};

/// The first of the rows `among` (bits) that is about a request.
fn row_of(request: &Request, device: &Device, rules: &Rules, among: u64) -> Option<&'static Row> {
    let mut rows = ROWS[request.call as usize] & among;
    while rows != 0 {
        let row = &TABLE[rows.trailing_zeros() as usize];
        if row.flags.matches(request.flags) && row.when.holds(request, device, rules) {
            return Some(row);
        }
        rows &= rows - 1;
    }
    None
}

/// Decides one request. Pure: the same arguments give the same answer, nothing is read, locked, allocated or said.
pub fn decide(request: &Request, device: &Device, rules: &Rules) -> Decision {
    decide_by(request, device, rules, u64::MAX)
}

/// [`decide`] by some rows of the table only: those whose bits are set.
#[inline]
fn decide_by(request: &Request, device: &Device, rules: &Rules, among: u64) -> Decision {
    if rules.mode == Mode::Off {
        return pass(OFF);
    }
    if device.generation == Generation::Other {
        return pass(OTHER_GENERATION);
    }
    match request.caller {
        Caller::Runtime => return pass(RUNTIME_INTERNAL),
        Caller::NeverList => return pass(NEVER_LISTED),
        Caller::Program | Caller::Unknown => {}
    }
    let Some(row) = row_of(request, device, rules, among) else {
        return pass(UNLISTED);
    };

    let column = match rules.mode {
        Mode::Strict => Column::Strict,
        _ if device.pcie_atomics => Column::Default,
        _ => Column::NoAtomics,
    };
    let no_atomics = (!device.pcie_atomics).then_some(Warning::CoherentWithoutAtomics);
    let warning = match row.warn {
        Warn::No => None,
        Warn::Always(warning) => Some(warning),
        Warn::NoAtomics => no_atomics,
    };
    let passed = Decision { warning, ..pass((row.rule, row.reason)) };
    let Some(rewrite) = row.effect(column).rewrite(request.flags) else {
        return passed;
    };

    if rewrite == Rewrite::CoarsePool && request.caller != Caller::Program {
        return pass(UNKNOWN_CALLER);
    }
    let unfenced = request.runtime.copies_by_shader() && !request.environment.copies_are_fenced;
    if rewrite == Rewrite::RegisterCoarse && unfenced {
        return Decision { warning: Some(Warning::RegisterNeedsFencedCopies), ..pass(FENCED_COPIES) };
    }
    if rewrite == Rewrite::CoarsePool && request.runtime.has_hip() && unfenced {
        return Decision { warning: Some(Warning::HsaNeedsFencedCopies), ..pass(HSA_FENCED_COPIES) };
    }
    let route = match rewrite {
        Rewrite::Flags(_) | Rewrite::HostMalloc(_) => true,
        Rewrite::LockToCoarsePool => rules.routes.memory_lock,
        Rewrite::RegisterCoarse => rules.routes.register_coarse,
        Rewrite::AdviseCoarseGrain => rules.routes.managed_advise,
        Rewrite::CoarsePool => rules.routes.coarse_pool,
    };
    if !route {
        return Decision { warning, ..pass(NO_ROUTE) };
    }
    if rules.mode == Mode::Audit {
        return Decision { withheld: Some(rewrite), ..passed };
    }
    Decision { action: Action::Rewrite(rewrite), warning: None, ..passed }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Environment, Routes, Runtime};

    /// Requests in which the rows differ: every flag value that a row names, under each circumstance that one asks for.
    fn requests() -> Vec<(Request, Device, Rules)> {
        let mut all = Vec::new();
        let device = Device { generation: Generation::Rdna2, pcie_atomics: true, is_apu: false, svm: true };
        let named = |row: &Row| match row.flags {
            Match::Any => vec![0, 1],
            Match::Is(value) | Match::Has(value) | Match::HasAll(value) => vec![value, value & value.wrapping_neg()],
            Match::Beyond(bits) => vec![!bits & (!bits).wrapping_neg(), 1 << 27],
        };
        let flags: std::collections::BTreeSet<u32> = TABLE.iter().flat_map(named).collect();
        for &call in Call::ALL {
            for &flags in &flags {
                for (soname, version) in [(5, Version::new(5, 2)), (6, Version::UNKNOWN), (7, Version::new(7, 2))] {
                    for pool in Pool::ALL {
                        for memory_lock in [Switch::Off, Switch::On, Switch::Auto] {
                            for bits in 0..8 {
                                let runtime = Runtime { hip_soname: soname, hip: version, rocr: version };
                                let environment = Environment {
                                    hip_host_coherent: bits & 1 != 0,
                                    copies_are_fenced: true,
                                    ..Environment::default()
                                };
                                let request = Request { pool, environment, ..Request::new(call, flags, runtime) };
                                let device = Device { svm: bits & 2 != 0, pcie_atomics: bits & 4 != 0, ..device };
                                all.push((
                                    request,
                                    device,
                                    Rules { mode: Mode::Default, memory_lock, routes: Routes::ALL },
                                ));
                            }
                        }
                    }
                }
            }
        }
        all
    }

    /// Without the row another rule decides, or none. (What each row does is in tests/table.txt and tests/memory.txt.)
    #[test]
    fn no_row_can_be_taken_away_without_another_outcome() {
        let requests = requests();
        for (index, row) in TABLE.iter().enumerate() {
            let differs = requests.iter().any(|(request, device, rules)| {
                let with = decide_by(request, device, rules, u64::MAX);
                let without = decide_by(request, device, rules, !(1 << index));
                with.rule == row.rule && with != without
            });
            assert!(differs, "{} can be taken away", row.rule);
        }
    }
}
