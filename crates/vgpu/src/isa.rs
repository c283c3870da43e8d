//! RDNA1/2 instruction set: interface only, the interpreter follows.

use crate::mem::{Fault, Memory};

/// Instruction sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isa {
    Gfx10_1,
    Gfx10_3,
}

/// Why a dispatch stops.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    #[error("{0}")]
    Fault(Fault),
    #[error("{text} (words {words:x?}) at {address:#x} is not executed")]
    Unsupported { text: String, words: [u32; 3], address: u64 },
    #[error("{0}")]
    Invalid(String),
}

/// How far a dispatch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    Running,
    Done,
}

/// A running kernel.
#[derive(Debug)]
pub struct Dispatch;

impl Dispatch {
    pub fn new<M: Memory>(_: Isa, _: &[u8; 64], _: u64, _: u64, _: &mut M) -> Result<Self, Stop> {
        Err(Stop::Invalid("no interpreter yet".into()))
    }
    pub fn step<M: Memory>(&mut self, _: &mut M, _: u64) -> Result<Progress, Stop> {
        Ok(Progress::Done)
    }
}
