//! RDNA1 and RDNA2 shader programs: the decoder.
//!
//! [`decode`] turns words into instructions by the opcode tables of [`table`]. The interpreter follows.

mod decode;
pub mod table;

pub use decode::{Format, Inst, decode};

use crate::mem::Fault;

/// Instruction sets. gfx10.1 is RDNA1, gfx10.3 RDNA2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isa {
    /// gfx1010 and its kin.
    Gfx10_1,
    /// gfx1030 and its kin.
    Gfx10_3,
}

/// Why a kernel stops before its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// It touched what it may not.
    #[error("{0}")]
    Fault(#[from] Fault),
    /// It met an instruction that the interpreter does not execute.
    #[error("the kernel has the instruction {text} at {address:#x} (bytes {:02x?}), which the virtual card does not execute", bytes(.words))]
    Unsupported {
        /// Mnemonic and what is not supported of it.
        text: String,
        /// The instruction's words.
        words: [u32; 3],
        /// GPU virtual address.
        address: u64,
    },
    /// Its packet or descriptor makes no sense.
    #[error("{0}")]
    Invalid(String),
}

fn bytes(words: &[u32; 3]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// How far a dispatch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It has not ended.
    Running,
    /// All of its waves have ended.
    Done,
}

/// A running kernel.
#[derive(Debug)]
pub struct Dispatch;

impl Dispatch {
    /// No interpreter yet.
    pub fn new<M: crate::mem::Memory>(_: Isa, _: &[u8; 64], _: u64, _: u64, _: &mut M) -> Result<Self, Stop> {
        Err(Stop::Invalid("no interpreter yet".into()))
    }

    /// No interpreter yet.
    pub fn step<M: crate::mem::Memory>(&mut self, _: &mut M, _: u64) -> Result<Progress, Stop> {
        Ok(Progress::Done)
    }
}
