//! What the tests of installations share. They include it beside `support`, which is compiled into all end-to-end tests.

#![allow(dead_code)] // each test binary uses a part of it

pub mod faults;
pub mod in_place;
pub mod layouts;
pub mod libraries;
pub mod listing;
pub mod packages;
pub mod pip;
