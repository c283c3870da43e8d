//! The one way by which anything on the virtual card touches memory.
//!
//! Waves (the interpreter in [`crate::isa`]), the SDMA engine and the packet processor (both in [`crate::engine`])
//! call [`Memory`]; the GPU page table ([`crate::vm`]) implements it. An [`Access`] carries all that a model of caches or
//! of PCIe atomics needs; the page-table entry's memory type is added by the implementor when it resolves the address.
//! Today's implementor is always coherent: it shows which flags reach the kernel, not what missing coherence does.

use std::fmt;

/// Who makes the access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// A shader wave.
    Wave,
    /// The SDMA copy engine.
    Sdma,
    /// The command processor that reads AQL packets and completes signals.
    PacketProcessor,
}

/// How far an access must be visible.
///
/// For gfx10 waves it is derived from the cache bits of the instruction (GLC, SLC, DLC): without GLC a load may be served
/// by the wave's own L0; GLC makes it miss L0, GLC and DLC make it miss L0 and L1 (LLVM AMDGPUUsage, memory model gfx10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The wave itself: L0 may answer.
    Wave,
    /// The work-group: L0 of one CU or WGP.
    Workgroup,
    /// The whole GPU: GL2 may answer.
    Agent,
    /// Host and other devices.
    System,
}

/// What kind of access it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Vector load, SDMA read or packet read.
    Load,
    /// Vector store, SDMA write or packet write-back.
    Store,
    /// Read-modify-write; the operation is an argument of [`Memory::atomic`].
    Atomic,
    /// Instruction fetch.
    Instruction,
    /// Scalar load, through the scalar cache.
    Scalar,
}

/// One access to the GPU's virtual address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// GPU virtual address in bytes.
    pub addr: u64,
    /// Bytes touched. A wave's access is one lane's, or that of neighbouring lanes in one piece; SDMA moves blocks.
    pub width: u32,
    /// What is done.
    pub kind: Kind,
    /// How far it must be visible.
    pub scope: Scope,
    /// Who does it.
    pub client: Client,
}

/// Atomic read-modify-write operations of gfx10 (RDNA2 ISA reference, "FLAT", "MUBUF" and "DS" opcodes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtomicOp {
    Swap,
    CmpSwap,
    Add,
    Sub,
    SMin,
    UMin,
    SMax,
    UMax,
    And,
    Or,
    Xor,
    /// Wraps to 0 when the old value is at least the operand.
    Inc,
    /// Wraps to the operand when the old value is 0 or above the operand.
    Dec,
    FCmpSwap,
    FMin,
    FMax,
}

/// Why an access failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultReason {
    /// No mapping for this GPU at this address.
    NotPresent,
    /// A store or atomic to a read-only mapping.
    ReadOnly,
    /// Instruction fetch from a mapping that is not executable.
    NoExecute,
    /// The address is not a multiple of the width where the hardware demands it (atomics).
    Misaligned,
}

/// A failed access: becomes a KFD memory event, so that ROCr prints its own fault message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The access that failed; `addr` is the first byte that could not be reached.
    pub access: Access,
    /// Why.
    pub reason: FaultReason,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Access { addr, width, kind, client, .. } = self.access;
        write!(f, "{client:?} {kind:?} of {width} bytes at {addr:#x}: {:?}", self.reason)
    }
}

impl std::error::Error for Fault {}

/// GPU virtual memory as one GPU's clients see it.
pub trait Memory {
    /// Fills `out` (`access.width` bytes) from `access.addr`. Loads, instruction fetches and scalar loads.
    fn load(&mut self, access: Access, out: &mut [u8]) -> Result<(), Fault>;

    /// Writes `data` (`access.width` bytes) to `access.addr`.
    fn store(&mut self, access: Access, data: &[u8]) -> Result<(), Fault>;

    /// Reads, combines and writes 4 or 8 bytes (`access.width`) as one step that is atomic against the host's CPUs too,
    /// and returns the old value. `compare` is used by [`AtomicOp::CmpSwap`] and [`AtomicOp::FCmpSwap`] only.
    fn atomic(&mut self, access: Access, op: AtomicOp, operand: u64, compare: u64) -> Result<u64, Fault>;
}

/// The new value of an atomic operation on `old` for a `width` of 4 or 8 bytes; the one definition, shared by memory, SDMA and LDS.
pub fn combine(op: AtomicOp, width: u32, old: u64, operand: u64, compare: u64) -> u64 {
    let mask = if width == 4 { u64::from(u32::MAX) } else { u64::MAX };
    let (old, operand, compare) = (old & mask, operand & mask, compare & mask);
    let signed = |v: u64| if width == 4 { i64::from(v as u32 as i32) } else { v as i64 };
    let float = |v: u64| if width == 4 { f64::from(f32::from_bits(v as u32)) } else { f64::from_bits(v) };
    let new = match op {
        AtomicOp::Swap => operand,
        AtomicOp::CmpSwap => {
            if old == compare {
                operand
            } else {
                old
            }
        }
        AtomicOp::Add => old.wrapping_add(operand),
        AtomicOp::Sub => old.wrapping_sub(operand),
        AtomicOp::SMin => {
            if signed(operand) < signed(old) {
                operand
            } else {
                old
            }
        }
        AtomicOp::UMin => old.min(operand),
        AtomicOp::SMax => {
            if signed(operand) > signed(old) {
                operand
            } else {
                old
            }
        }
        AtomicOp::UMax => old.max(operand),
        AtomicOp::And => old & operand,
        AtomicOp::Or => old | operand,
        AtomicOp::Xor => old ^ operand,
        AtomicOp::Inc => {
            if old >= operand {
                0
            } else {
                old + 1
            }
        }
        AtomicOp::Dec => {
            if old == 0 || old > operand {
                operand
            } else {
                old - 1
            }
        }
        AtomicOp::FCmpSwap => {
            if float(old) == float(compare) {
                operand
            } else {
                old
            }
        }
        AtomicOp::FMin => {
            if float(operand) < float(old) {
                operand
            } else {
                old
            }
        }
        AtomicOp::FMax => {
            if float(operand) > float(old) {
                operand
            } else {
                old
            }
        }
    };
    new & mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn atomics_combine_as_the_isa_reference_says() {
        let cases = [
            (AtomicOp::SMin, 4, 5, 0xffff_ffff, 0, 0xffff_ffff),
            (AtomicOp::UMin, 4, 5, 0xffff_ffff, 0, 5),
            (AtomicOp::SMax, 8, u64::MAX, 3, 0, 3),
            (AtomicOp::Add, 4, 0xffff_ffff, 2, 0, 1),
            (AtomicOp::Inc, 4, 7, 7, 0, 0),
            (AtomicOp::Inc, 4, 6, 7, 0, 7),
            (AtomicOp::Dec, 4, 0, 7, 0, 7),
            (AtomicOp::Dec, 4, 9, 7, 0, 7),
            (AtomicOp::CmpSwap, 4, 1, 9, 1, 9),
            (AtomicOp::CmpSwap, 4, 2, 9, 1, 2),
            (
                AtomicOp::FMax,
                4,
                u64::from(1.5f32.to_bits()),
                u64::from((-2.0f32).to_bits()),
                0,
                u64::from(1.5f32.to_bits()),
            ),
        ];
        for (op, width, old, operand, compare, new) in cases {
            assert_eq!(combine(op, width, old, operand, compare), new, "{op:?}");
        }
    }
}
