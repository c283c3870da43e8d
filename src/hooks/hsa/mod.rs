//! The hooks of libhsa-runtime64.
//!
//! A HIP call passes the fronts of both libraries: what HSA is asked within a hooked HIP call is forwarded only, and so is what AMD's libraries ask of their
//! own accord, from calls that are not hooked and from threads of theirs.

pub mod heaps;
pub mod list;
#[cfg(test)]
pub mod passed;
mod special;

use std::ffi::{c_int, c_void};

use crate::abi::hsa::*;
use crate::hooks::{Argument, Details, Entries, Kind, Row, Word, hooks, read, recorded};
use crate::real::{Function, Real};
pub use special::CoarseLock;

/// What HSA's functions return.
type Status = hsa_status_t;
const UNAVAILABLE: Status = HSA_STATUS_ERROR;

macro_rules! handles {
    ($($handle:ty)*) => { $(impl Word for $handle { fn word(self) -> u64 { self.handle } })* };
}
handles! { hsa_agent_t hsa_signal_t hsa_amd_vmem_alloc_handle_t }

list::hsa_list! { hooks }
