//! From a hooked call to what is done with it.

use crate::abi::hsa::{hsa_agent_t, hsa_amd_memory_pool_t};
use crate::real::Real;

/// What a program asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// The API's name.
    pub api: &'static str,
    /// Bytes.
    pub size: usize,
    /// Its flags; 0 for calls that have none.
    pub flags: u32,
}

/// What is done with a request.
#[derive(Debug, Clone, Copy, Default)]
pub struct Verdict {
    /// Call hipHostMalloc with these flags.
    pub flags: Option<u32>,
    /// Pin to the coarse-grained pool.
    pub coarse_lock: bool,
}

impl Verdict {
    pub fn not_done(self, _why: &'static str) -> Self {
        Self::default()
    }
}

impl Asked {
    pub fn hip_host_malloc(size: usize, flags: u32) -> Self {
        Self { api: "hipHostMalloc", size, flags }
    }
    pub fn hip_host_alloc(size: usize, flags: u32) -> Self {
        Self { api: "hipHostAlloc", size, flags }
    }
    pub fn hip_mem_alloc_host(size: usize) -> Self {
        Self { api: "hipMemAllocHost", size, flags: 0 }
    }
    pub fn hip_malloc_host(size: usize) -> Self {
        Self { api: "hipMallocHost", size, flags: 0 }
    }
    pub fn hip_host_register(size: usize, flags: u32) -> Self {
        Self { api: "hipHostRegister", size, flags }
    }
    pub fn hsa_amd_memory_lock(size: usize) -> Self {
        Self { api: "hsa_amd_memory_lock", size, flags: 0 }
    }
}

pub fn hip(_real: &'static Real, asked: &Asked) -> Verdict {
    let flags = (asked.api == "hipHostMalloc" && asked.flags == 0).then_some(0x8000_0000);
    Verdict { flags, coarse_lock: false }
}

pub fn hsa_memory_lock(
    _real: &Real,
    _asked: &Asked,
    _agent: Option<hsa_agent_t>,
) -> (Verdict, Option<hsa_amd_memory_pool_t>) {
    Default::default()
}
