//! Events to the record file.
use crate::api;
use crate::decide::{Asked, Verdict};
use std::ffi::c_void;

pub fn allocation(asked: &Asked, verdict: &Verdict, address: *mut c_void, code: i32, caller: *const c_void) {
    api::count_call();
    if verdict.flags.is_some() && !address.is_null() {
        api::count_rewritten(address.addr());
    }
    tracing::debug!(?asked, ?verdict, ?address, code, caller = crate::caller::library(caller), "allocation");
}

pub fn forget(pointer: *mut c_void) {
    api::count_freed(pointer.addr());
}

pub fn free(_name: &'static str, _pointer: *mut c_void, _code: i32, _caller: *const c_void) {}
