//! What becomes of one memory request: [`decide`], a pure function without I/O, locks or allocation.
//!
//! The table itself is [`TABLE`] in `table.rs`; this file has the words it is written in. [`memory()`] says which memory a request then gives.
//!
//! # Modes
//!
//! * `off`: nothing is decided. `audit`: nothing is rewritten, but [`Decision::withheld`] says what `default` would have done.
//! * `default`: on RDNA1 and RDNA2, requests that are coherent only because nobody said otherwise become non-coherent; on a device whose
//!   way to the host has no PCIe atomics also mapped and registered memory, because coherent host memory computes wrong results there in
//!   silence (ROCm/clr#285, seen by others on an RX 6750 XT and an RX 5500 XT).
//! * `strict`: further requests, see the last column of the table.
//!
//! An explicit wish for coherent memory is never changed, in no mode; nor is anything on another GPU generation.
//!
//! The survey of ROCm's memory path that this table comes from calls rewriting `hipHostMalloc(0)` "opt-in". The project's mode list
//! overrides it: choosing to run under RMCP in mode `default` is that choice. What the survey lists as opt-in and the mode list does not name (turning
//! `hipHostAlloc` of HIP ≤ 6.3 or `hipExtMallocWithFlags(Finegrained)` into something else) stays as it is in every mode.

#![forbid(unsafe_code)]

pub mod flags;
mod memory;
mod table;

use std::fmt;
use std::str::FromStr;

pub use memory::{Memory, memory};
pub use table::{
    Column, Effect, INTERNAL_ERROR, MALLOC_ASYNC_REPAIR, MANAGED_ADVICE_REFUSED, Match, NO_COARSE_PIN, Row, TABLE,
    Warn, When, decide, reason,
};

/// How much RMCP changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Mode {
    /// Forward everything, record nothing.
    Off,
    /// Record, rewrite nothing.
    Audit,
    /// Rewrite what is coherent only because nobody said otherwise.
    #[default]
    Default,
    /// Additionally rewrite mapped, registered and managed memory.
    Strict,
}

impl Mode {
    /// All modes, in the order of how much they change.
    pub const ALL: [Self; 4] = [Self::Off, Self::Audit, Self::Default, Self::Strict];

    /// The name in `RMCP_POLICY` and `--policy`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Audit => "audit",
            Self::Default => "default",
            Self::Strict => "strict",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no [`Mode`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no policy; use off, audit, default or strict")]
pub struct UnknownMode(pub String);

impl FromStr for Mode {
    type Err = UnknownMode;

    fn from_str(text: &str) -> Result<Self, UnknownMode> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text).ok_or_else(|| UnknownMode(text.to_owned()))
    }
}

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident = $symbol:literal,)*) => {
        /// An exported function that allocates or changes memory. The discriminant is stable within one build only.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Call { $($(#[$doc])* $name,)* }

        impl Call {
            /// Every call the table knows.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The exported name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $symbol,)* }
            }
        }
    };
}

calls! {
    /// No flags.
    HipMalloc = "hipMalloc",
    /// No flags.
    HipMallocPitch = "hipMallocPitch",
    /// No flags.
    HipMemAllocPitch = "hipMemAllocPitch",
    /// No flags.
    HipMalloc3D = "hipMalloc3D",
    /// Flags are those of the array.
    HipMallocArray = "hipMallocArray",
    /// Flags are those of the array.
    HipMalloc3DArray = "hipMalloc3DArray",
    /// No flags.
    HipArrayCreate = "hipArrayCreate",
    /// No flags.
    HipArray3DCreate = "hipArray3DCreate",
    /// Flags are those of the array.
    HipMallocMipmappedArray = "hipMallocMipmappedArray",
    /// Flags are those of the array.
    HipMipmappedArrayCreate = "hipMipmappedArrayCreate",
    /// No flags.
    HipMallocAsync = "hipMallocAsync",
    /// No flags.
    HipMallocFromPoolAsync = "hipMallocFromPoolAsync",
    /// Flags: the allocation type (`hipMemAllocationType`); 0x40000000 is uncached (7.2).
    HipMemCreate = "hipMemCreate",
    /// Flags: `hipDeviceMalloc*`.
    HipExtMallocWithFlags = "hipExtMallocWithFlags",
    /// No flags.
    HipMallocHost = "hipMallocHost",
    /// No flags.
    HipMemAllocHost = "hipMemAllocHost",
    /// Flags: `hipHostMalloc*`.
    HipHostMalloc = "hipHostMalloc",
    /// Flags: `hipHostMalloc*` (called `hipHostAlloc*` since 6.4).
    HipHostAlloc = "hipHostAlloc",
    /// Flags: `hipHostRegister*`.
    HipHostRegister = "hipHostRegister",
    /// Flags: `hipMemAttach*`.
    HipMallocManaged = "hipMallocManaged",
    /// Flags: the advice (`hipMemoryAdvise`).
    HipMemAdvise = "hipMemAdvise",
    /// Flags as given.
    HipIpcOpenMemHandle = "hipIpcOpenMemHandle",
    /// No flags.
    HipIpcOpenEventHandle = "hipIpcOpenEventHandle",
    /// No flags.
    HipImportExternalMemory = "hipImportExternalMemory",
    /// No flags.
    HipMemImportFromShareableHandle = "hipMemImportFromShareableHandle",
    /// Flags and [`Pool`] of the allocation.
    HsaMemoryPoolAllocate = "hsa_amd_memory_pool_allocate",
    /// The region's [`Pool`]; no flags.
    HsaMemoryAllocate = "hsa_memory_allocate",
    /// No flags; the pool is the runtime's choice.
    HsaMemoryLock = "hsa_amd_memory_lock",
    /// Flags and [`Pool`] as given.
    HsaMemoryLockToPool = "hsa_amd_memory_lock_to_pool",
    /// No flags.
    HsaMemoryRegister = "hsa_memory_register",
    /// Flags: [`flags::SVM_FINE_GRAINED`] or [`flags::SVM_COARSE_GRAINED`] if the attributes say so, else 0.
    HsaSvmAttributesSet = "hsa_amd_svm_attributes_set",
    /// No flags.
    HsaInteropMapBuffer = "hsa_amd_interop_map_buffer",
    /// No flags.
    HsaIpcMemoryAttach = "hsa_amd_ipc_memory_attach",
    /// No flags.
    HsaVmemImportShareableHandle = "hsa_amd_vmem_import_shareable_handle",
    /// Flags and [`Pool`] as given.
    HsaVmemHandleCreate = "hsa_amd_vmem_handle_create",
    /// No flags.
    HsaSignalCreate = "hsa_signal_create",
    /// Flags: the attributes.
    HsaAmdSignalCreate = "hsa_amd_signal_create",
    /// No flags.
    HsaQueueCreate = "hsa_queue_create",
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The kind of memory pool or region that an HSA request names, by `hsa_amd_memory_pool_global_flag_t` and the kind of its agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Pool {
    /// The request names none (every HIP call), or it is not known.
    #[default]
    None,
    /// CPU agent, fine-grained without kernarg.
    CpuFine,
    /// CPU agent, coarse-grained.
    CpuCoarse,
    /// CPU agent, extended-scope fine-grained (ROCr ≥ 6.4).
    CpuExtendedFine,
    /// CPU agent, kernel arguments.
    CpuKernarg,
    /// GPU agent, coarse-grained.
    GpuCoarse,
    /// GPU agent, fine-grained: shown only with `HSA_FORCE_FINE_GRAIN_PCIE` or in an XGMI hive.
    GpuFine,
    /// GPU agent, extended-scope fine-grained (ROCr ≥ 5.7).
    GpuExtendedFine,
}

impl Pool {
    /// Every pool.
    pub const ALL: [Self; 8] = [
        Self::None,
        Self::CpuFine,
        Self::CpuCoarse,
        Self::CpuExtendedFine,
        Self::CpuKernarg,
        Self::GpuCoarse,
        Self::GpuFine,
        Self::GpuExtendedFine,
    ];

    /// The pool or region of a CPU (else GPU) agent whose global segment has these flags: `hsa_amd_memory_pool_global_flag_t`, whose values are those of
    /// `hsa_region_global_flag_t`. [`Pool::None`] for a combination that AMD's runtime does not have.
    pub const fn of_global_flags(flags: u32, cpu: bool) -> Self {
        match (flags, cpu) {
            (flags::POOL_FINE_GRAINED, true) => Self::CpuFine,
            (flags::POOL_COARSE_GRAINED, true) => Self::CpuCoarse,
            (flags::POOL_EXTENDED_FINE_GRAINED, true) => Self::CpuExtendedFine,
            (flags::POOL_COARSE_GRAINED, false) => Self::GpuCoarse,
            (flags::POOL_FINE_GRAINED, false) => Self::GpuFine,
            (flags::POOL_EXTENDED_FINE_GRAINED, false) => Self::GpuExtendedFine,
            (flags, true) if flags & flags::POOL_KERNARG != 0 => Self::CpuKernarg,
            _ => Self::None,
        }
    }
}

/// A release `major.minor` of a runtime library. `Version::UNKNOWN` is 0.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Version {
    /// First number.
    pub major: u16,
    /// Second number.
    pub minor: u16,
}

impl Version {
    /// Not known: rows that depend on the version then pass the request.
    pub const UNKNOWN: Self = Self { major: 0, minor: 0 };

    /// `major.minor`.
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }

    /// From `hipRuntimeGetVersion`: major × 10⁷ + minor × 10⁵ + patch (`hip/hip_version.h`, `HIP_VERSION`). Anything else is unknown.
    pub const fn from_hip_runtime(version: i32) -> Self {
        if version < 10_000_000 {
            return Self::UNKNOWN;
        }
        Self { major: (version / 10_000_000) as u16, minor: ((version / 100_000) % 100) as u16 }
    }

    const fn is_known(self) -> bool {
        self.major > 0
    }
}

/// The libraries that will serve the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Runtime {
    /// N of `libamdhip64.so.N`; 0 when HIP is not loaded.
    pub hip_soname: u8,
    /// What `hipRuntimeGetVersion` says, see [`Version::from_hip_runtime`].
    pub hip: Version,
    /// The ROCr release. `hsa_system_get_info` does not tell releases apart; 6.4 and later show an extended-scope fine-grained pool on the CPU
    /// agent, so a caller that found one passes `Version::new(6, 4)`, and one that found none passes what it knows or `Version::new(5, 2)`.
    pub rocr: Version,
}

impl Runtime {
    /// Whether HIP is this release or later. `None` when that cannot be told: its own version is not known, and its SONAME spans both.
    const fn hip_from(self, major: u16, minor: u16) -> Option<bool> {
        if self.hip.is_known() {
            return Some(self.hip.major > major || (self.hip.major == major && self.hip.minor >= minor));
        }
        match self.hip_soname as u16 {
            0 => None,
            soname if soname < major => Some(false),
            soname if soname > major || minor == 0 => Some(true),
            _ => None,
        }
    }

    /// Whether ROCr is this release or later; `None` when its release is not known.
    const fn rocr_from(self, major: u16, minor: u16) -> Option<bool> {
        if !self.rocr.is_known() {
            return None;
        }
        Some(self.rocr.major > major || (self.rocr.major == major && self.rocr.minor >= minor))
    }

    /// Where `hipHostAlloc` takes its memory: video memory up to HIP 6.3, host memory since 6.4. `None` when that cannot be told
    /// (SONAME 6 spans both).
    const fn host_alloc_is_host_memory(self) -> Option<bool> {
        self.hip_from(6, 4)
    }

    /// HIP copies up to 16 KiB from host memory with a shader (6.4 and later): then a memory type changed below HIP needs care.
    const fn copies_by_shader(self) -> bool {
        !matches!(self.hip_from(6, 4), Some(false))
    }

    /// HIP is in the process, so that it may copy to and from the memory of an HSA client.
    const fn has_hip(self) -> bool {
        self.hip_soname != 0 || self.hip.is_known()
    }
}

/// Whose code made the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Caller {
    /// The program or a library that is in no list.
    Program,
    /// `libamdhip64` or `libhsa-runtime64` itself.
    Runtime,
    /// A library of the never list: it is known to poll host memory while a kernel runs.
    NeverList,
    /// Code that belongs to no loaded file (generated code), or not determined. HIP requests of it are treated like the program's, HSA requests pass.
    #[default]
    Unknown,
}

/// Libraries, by the start of their file name, that are never rewritten: RCCL's and UCX's flags and doorbells live in host memory and are
/// polled during kernels (ROCm/rocm-systems#10510), and profilers and tracers watch the runtime through it.
pub const NEVER_LIST: &[&str] =
    &["librccl", "libucp.", "libuct.", "libuct_", "libucm.", "libucm_", "libucs.", "librocprof", "libroctracer"];

impl Caller {
    /// Class of a calling library by its file name without directories; an empty name is [`Caller::Unknown`].
    pub fn of_library(file_name: &str) -> Self {
        if file_name.is_empty() {
            Self::Unknown
        } else if ["libamdhip64", "libhsa-runtime64"].iter().any(|start| file_name.starts_with(start)) {
            Self::Runtime
        } else if NEVER_LIST.iter().any(|start| file_name.starts_with(start)) {
            Self::NeverList
        } else {
            Self::Program
        }
    }
}

/// Environment variables of the program that change what AMD's runtime does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Environment {
    /// `HIP_HOST_COHERENT` is set to something other than 0: somebody asked for coherent host memory.
    pub hip_host_coherent: bool,
    /// `AMD_OPT_FLUSH=0` or `GPU_FORCE_BLIT_COPY_SIZE=0` is set: a memory type changed below HIP cannot give stale copies (HIP ≥ 6.4).
    pub copies_are_fenced: bool,
    /// `HSA_DISABLE_CACHE` is set to something other than 0: the GPU caches no memory that it gets by allocation.
    pub cache_disabled: bool,
    /// `HSA_FORCE_FINE_GRAIN_PCIE` is set to something other than 0: GPU agents show a fine-grained pool.
    pub fine_grain_pcie: bool,
    /// `HSA_USE_SVM=0` is set: the kernel's SVM interface is not used (ROCr ≥ 5.7).
    pub svm_disabled: bool,
}

/// One request for memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    /// The function called.
    pub call: Call,
    /// Its flags; see [`Call`] for which. 0 for a call without flags.
    pub flags: u32,
    /// The pool an HSA call names.
    pub pool: Pool,
    /// Who serves it.
    pub runtime: Runtime,
    /// Who asked.
    pub caller: Caller,
    /// What the environment says.
    pub environment: Environment,
}

impl Request {
    /// A request of a program with nothing special about it.
    pub const fn new(call: Call, flags: u32, runtime: Runtime) -> Self {
        Self {
            call,
            flags,
            pool: Pool::None,
            runtime,
            caller: Caller::Program,
            environment: Environment {
                hip_host_coherent: false,
                copies_are_fenced: false,
                cache_disabled: false,
                fine_grain_pcie: false,
                svm_disabled: false,
            },
        }
    }
}

/// GPU generation as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Generation {
    /// gfx101x.
    Rdna1,
    /// gfx103x.
    Rdna2,
    /// Anything else, and a device that could not be identified.
    #[default]
    Other,
}

/// What is known of the device that the request is for: HIP's current device. For an HSA call it is the least favourable of the agents
/// named: if one of them is of another generation, so is this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Device {
    /// Generation.
    pub generation: Generation,
    /// The way from the GPU to host memory carries PCIe atomics (or needs none, on an APU).
    pub pcie_atomics: bool,
    /// The GPU is part of the processor. No row depends on it today: gfx10 APUs take the same page-table types.
    pub is_apu: bool,
    /// The kernel offers its SVM interface, so `hipMallocManaged` memory is coherent by default.
    pub svm: bool,
}

impl Device {
    /// A device that could not be identified: nothing is rewritten for it.
    pub const UNKNOWN: Self = Self { generation: Generation::Other, pcie_atomics: true, is_apu: false, svm: false };
}

/// Ways to carry out a decision that the caller of [`decide`] has. A rewrite without a way passes, with rule `no-route`.
///
/// Changing HIP's own flags, and calling `hipHostMalloc` in place of another HIP function, is always possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Routes {
    /// Carry out [`Rewrite::LockToCoarsePool`].
    pub memory_lock: bool,
    /// Carry out [`Rewrite::RegisterCoarse`].
    pub register_coarse: bool,
    /// Carry out [`Rewrite::AdviseCoarseGrain`].
    pub managed_advise: bool,
    /// Carry out [`Rewrite::CoarsePool`].
    pub coarse_pool: bool,
}

impl Routes {
    /// Everything.
    pub const ALL: Self = Self { memory_lock: true, register_coarse: true, managed_advise: true, coarse_pool: true };
    /// Only what needs a HIP flag.
    pub const HIP_FLAGS: Self =
        Self { memory_lock: false, register_coarse: false, managed_advise: false, coarse_pool: false };
}

impl Default for Routes {
    /// What the core can do without help of another library: HIP flags, the repair of `hsa_amd_memory_lock`, and `hipMemAdvise`.
    fn default() -> Self {
        Self { memory_lock: true, managed_advise: true, ..Self::HIP_FLAGS }
    }
}

/// Whether a repair is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Switch {
    /// Never.
    Off,
    /// Always, on the cards that RMCP is for.
    On,
    /// Where its evidence says that it is needed.
    #[default]
    Auto,
}

/// What the user asked of RMCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Rules {
    /// The mode.
    pub mode: Mode,
    /// The repair of `hsa_amd_memory_lock`. `On`: also where the ROCr release is not known.
    pub memory_lock: Switch,
    /// What the core can carry out.
    pub routes: Routes,
}

impl Rules {
    /// `mode` with the default routes.
    pub fn new(mode: Mode) -> Self {
        Self { mode, memory_lock: Switch::default(), routes: Routes::default() }
    }
}

/// How a request is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rewrite {
    /// Call the same function with these flags.
    Flags(u32),
    /// Call `hipHostMalloc` with these flags instead (`hipMemAllocHost` has no flags; `hipHostAlloc` of 6.4 refuses `NonCoherent`).
    HostMalloc(u32),
    /// `hsa_amd_memory_lock`: call `hsa_amd_memory_lock_to_pool` with the first CPU agent's pool whose global flags are exactly coarse-grained, and
    /// flags 0; where there is no such pool, leave the call alone.
    LockToCoarsePool,
    /// `hipHostRegister`: within this call turn `hsa_amd_memory_lock_to_pool(fine)` into the coarse-grained pool.
    RegisterCoarse,
    /// `hipMallocManaged`: after success call `hipMemAdvise(pointer, size, hipMemAdviseSetCoarseGrain, device)`.
    AdviseCoarseGrain,
    /// An HSA allocation: take the coarse-grained pool of the same agent.
    CoarsePool,
}

/// Pass or rewrite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Forward as it is.
    Pass,
    /// Forward changed.
    Rewrite(Rewrite),
}

/// Something the user should be told once per process, with the place in the program where it came up first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Warning {
    /// Coherent memory was asked for on a device whose way to the host has no PCIe atomics.
    CoherentWithoutAtomics,
    /// `hipExtHostRegisterCoarseGrained` was passed; HIP ignores it.
    RegisterCoarseIgnored,
    /// `hipHostRegister` memory could not be made coarse-grained safely on this HIP version.
    RegisterNeedsFencedCopies,
    /// `hipHostAlloc` of this HIP version returns video memory.
    HostAllocIsVram,
    /// `hipExtMallocWithFlags(Finegrained)` fails or is coarse-grained on these cards.
    FinegrainedUnavailable,
    /// A fine-grained pool of an HSA client could not be replaced safely on this HIP version.
    HsaNeedsFencedCopies,
    /// `hipStreamWaitValue*` or `hipStreamWriteValue*` on memory that was made non-coherent.
    StreamValueOnRewritten,
    /// An event with `hipEventDisableSystemFence` in a process with memory that was made non-coherent.
    EventWithoutSystemFence,
}

impl Warning {
    /// Every warning.
    pub const ALL: [Self; 8] = [
        Self::CoherentWithoutAtomics,
        Self::RegisterCoarseIgnored,
        Self::RegisterNeedsFencedCopies,
        Self::HostAllocIsVram,
        Self::FinegrainedUnavailable,
        Self::HsaNeedsFencedCopies,
        Self::StreamValueOnRewritten,
        Self::EventWithoutSystemFence,
    ];

    /// Stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CoherentWithoutAtomics => "coherent-without-atomics",
            Self::RegisterCoarseIgnored => "register-coarse-ignored",
            Self::RegisterNeedsFencedCopies => "register-needs-fenced-copies",
            Self::HostAllocIsVram => "host-alloc-is-vram",
            Self::FinegrainedUnavailable => "finegrained-unavailable",
            Self::HsaNeedsFencedCopies => "hsa-needs-fenced-copies",
            Self::StreamValueOnRewritten => "stream-value-on-rewritten",
            Self::EventWithoutSystemFence => "event-without-system-fence",
        }
    }

    /// One sentence for the user, with the way out where there is one.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::CoherentWithoutAtomics => {
                "coherent host memory was asked for on a GPU that reaches the host without PCIe atomics: GPU atomics other than add, swap and \
                 compare-and-swap on it can give wrong results (ROCm/clr#285); ask for hipHostMallocNonCoherent, or use a slot with PCIe atomics"
            }
            Self::RegisterCoarseIgnored => {
                "hipExtHostRegisterCoarseGrained was passed to hipHostRegister, but HIP ignores it and registers coherent memory; \
                 RMCP_POLICY=strict honours it"
            }
            Self::RegisterNeedsFencedCopies => {
                "hipHostRegister memory was left coherent, because this HIP version copies small buffers with a shader that could then read stale \
                 data; set AMD_OPT_FLUSH=0 to let RMCP change it"
            }
            Self::HostAllocIsVram => {
                "hipHostAlloc of HIP 6.3 and older returns video memory, not host memory; call hipHostMalloc instead"
            }
            Self::FinegrainedUnavailable => {
                "fine-grained device memory does not exist on these cards: hipExtMallocWithFlags(hipDeviceMallocFinegrained) fails up to HIP 6.2 and \
                 returns coarse-grained memory since 6.3; ask for hipDeviceMallocDefault"
            }
            Self::HsaNeedsFencedCopies => {
                "fine-grained memory of an HSA client was left coherent, because this HIP version copies small buffers with a shader that could then \
                 read stale data; set AMD_OPT_FLUSH=0 to let RMCP change it"
            }
            Self::StreamValueOnRewritten => {
                "hipStreamWaitValue or hipStreamWriteValue was called on host memory that RMCP made non-coherent: a kernel that touches the same \
                 128 bytes can hide the value; allocate it with hipHostMallocCoherent, or run with RMCP_POLICY=audit"
            }
            Self::EventWithoutSystemFence => {
                "an event was made with hipEventDisableSystemFence while host memory is non-coherent because of RMCP: waiting for it does not make \
                 a kernel's results visible to the CPU; leave the flag out, or allocate what the CPU reads with hipHostMallocCoherent"
            }
        }
    }
}

/// The answer of [`decide`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What to do.
    pub action: Action,
    /// Stable name of the deciding rule, kebab-case; the key of reports and tests.
    pub rule: &'static str,
    /// The rule's reason, one sentence.
    pub reason: &'static str,
    /// To be said once per process.
    pub warning: Option<Warning>,
    /// In mode `audit`: what `default` would have done.
    pub withheld: Option<Rewrite>,
}

impl Decision {
    /// The flags to record as used: those of the rewritten call where it has some, else the flags asked for.
    pub const fn flags_used(&self, asked: u32) -> u32 {
        match self.action {
            Action::Rewrite(Rewrite::Flags(flags) | Rewrite::HostMalloc(flags)) => flags,
            _ => asked,
        }
    }
}
