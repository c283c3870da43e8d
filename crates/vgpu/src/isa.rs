//! RDNA1 and RDNA2 shader programs: decoder and interpreter.
//!
//! [`decode`] turns words into instructions by the opcode tables of [`table`], `code` does so once for each address; `setup` reads packet and kernel
//! descriptor and gives waves their initial state, `dispatch` schedules them; `wave` holds a wave's registers; the other modules execute, one a kind
//! of instruction. What is not known, or is known but not implemented, stops the kernel with a message: there are no silent wrong results. Among what is
//! refused: images and other graphics, GDS and global wave sync, bounds-checked buffers, traps, rounding other than to nearest even, and LDS addresses
//! out of bounds, which a card would ignore.
//!
//! Float results are IEEE as the host computes them, rounded to nearest even; the approximate instructions (reciprocal, square root, exponential, logarithm,
//! sine) are computed by the host in the next wider format, which is nearer to the true value than the hardware need be.

mod code;
mod decode;
mod dispatch;
mod dpp;
mod float;
mod lds;
mod salu;
mod setup;
mod smem;
pub mod table;
mod valu;
mod valu_float;
mod vmem;
mod vopc;
mod wave;

pub use decode::{Format, Inst, decode};
pub use dispatch::{Dispatch, Progress};

use crate::mem::{Fault, Memory, Scope};

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
        words: Vec<u32>,
        /// GPU virtual address.
        address: u64,
    },
    /// It ended itself.
    #[error("the kernel ended itself by s_trap at {0:#x}: an assertion failed, or it called abort or __builtin_trap")]
    Trap(u64),
    /// Its packet or descriptor makes no sense.
    #[error("{0}")]
    Invalid(String),
}

fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// Why an instruction cannot be executed, for [`Stop::Unsupported`]; or a fault.
#[derive(Debug)]
enum Trap {
    Fault(Fault),
    /// The kernel wants to end.
    Raised,
    Unsupported(&'static str),
}

impl From<Fault> for Trap {
    fn from(fault: Fault) -> Self {
        Trap::Fault(fault)
    }
}

type Done = Result<(), Trap>;

/// An instruction without an implementation.
const NOT_IMPLEMENTED: Trap = Trap::Unsupported("not implemented");

/// What a wave reaches outside of itself.
struct Unit<'a, M: Memory> {
    memory: &'a mut M,
    lds: &'a mut lds::Lds,
    isa: Isa,
    interrupts: &'a mut Vec<u32>,
}

/// How far a load must look, by its cache bits (LLVM AMDGPUUsage, "Memory Model GFX10-GFX11"): GLC goes past the vector L0 cache, DLC past L1 too.
fn scope(inst: &Inst) -> Scope {
    match (inst.glc, inst.dlc) {
        (false, _) => Scope::Wave,
        (true, false) => Scope::Workgroup,
        (true, true) => Scope::Agent,
    }
}
