//! Exports of libhsa-runtime64 whose names have to do with memory and that are passed through on purpose. Used by the test of [`crate::hooks::exports`] only.

use crate::hooks::exports::{Beginning, Names};

pub const BEGINNINGS: &[Beginning] = &[];

pub const NAMES: &[Names] = &[];
