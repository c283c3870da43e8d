//! Bindings that bindgen made of `include/front.h` and `include/abi/*.h`; `tests/core_abi.rs` regenerates and compares them.

#![allow(non_camel_case_types, non_snake_case, non_upper_case_globals, dead_code)]

pub mod front;
pub mod hip;
pub mod hsa;
