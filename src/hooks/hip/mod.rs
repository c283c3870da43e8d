//! The hooks of libamdhip64.

mod attributes;
mod layout;
pub mod list;
pub mod malloc_async;
mod ordering;
#[cfg(test)]
pub mod passed;
mod special;

use std::ffi::{c_char, c_int, c_uint, c_ulonglong, c_void};

use crate::abi::hip::*;
use crate::hooks::{Argument, Details, Entries, Kind, Row, Word, hooks, read, recorded};
use crate::real::{Function, Real};
use layout::{array_bytes, bytes_of, element_bytes, mipmap_bytes, pool_attribute};

/// What HIP's functions return.
type Status = hipError_t;
const UNAVAILABLE: Status = hipErrorSharedObjectInitFailed;

list::hip_list! { hooks }
