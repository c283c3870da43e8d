//! The hooks of libhsa-runtime64.

pub mod list;
#[cfg(test)]
pub mod passed;
mod special;

use std::ffi::{c_int, c_void};

use crate::abi::hsa::{HSA_STATUS_ERROR, hsa_agent_t, hsa_amd_memory_pool_t, hsa_status_t};
use crate::hooks::{Entries, Kind, Memory, Row, hooks};
use crate::real::Function;
pub use special::{CoarseLock, agents, attribute, cpu_pools};

/// What HSA's functions return.
#[allow(dead_code)]
type Status = hsa_status_t;
#[allow(dead_code)] // until a row is recorded only
const UNAVAILABLE: Status = HSA_STATUS_ERROR;

list::hsa_list! { hooks }
