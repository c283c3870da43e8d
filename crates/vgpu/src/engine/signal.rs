//! HSA signals as the packet processor sees them: `amd_signal_t` (ROCr `src/inc/amd_hsa_signal.h`), 64 bytes.

use super::{Outside, Words};
use crate::mem::{Access, AtomicOp, Client, Fault, Kind, Memory, Scope};

const VALUE: u64 = 8;
const MAILBOX: u64 = 16;
const EVENT_ID: u64 = 24;
const START: u64 = 32;
const END: u64 = 40;
const CP: Client = Client::PacketProcessor;

/// The value of a signal.
pub fn value<M: Memory>(memory: &mut M, signal: u64) -> Result<i64, Fault> {
    memory.word64(CP, signal + VALUE).map(|value| value as i64)
}

/// Writes when the work that `signal` stands for began and ended, in ticks of the GPU's clock.
pub fn stamp<M: Memory>(memory: &mut M, signal: u64, start: u64, end: u64) -> Result<(), Fault> {
    memory.put(CP, signal + START, &start.to_le_bytes())?;
    memory.put(CP, signal + END, &end.to_le_bytes())
}

/// Decrements a completion signal and notifies whoever sleeps on it. 0 is no signal.
pub fn complete<M: Memory>(memory: &mut M, signal: u64, outside: &mut Outside) -> Result<(), Fault> {
    change(memory, signal, AtomicOp::Sub, 1, outside)
}

/// Sets bits of a signal and notifies whoever sleeps on it. 0 is no signal.
pub fn set_bits<M: Memory>(memory: &mut M, signal: u64, bits: u64, outside: &mut Outside) -> Result<(), Fault> {
    change(memory, signal, AtomicOp::Or, bits, outside)
}

fn change<M: Memory>(
    memory: &mut M,
    signal: u64,
    op: AtomicOp,
    operand: u64,
    outside: &mut Outside,
) -> Result<(), Fault> {
    if signal == 0 {
        return Ok(());
    }
    // Read first: once the value has changed the program may use the signal for something else.
    let mailbox = memory.word64(CP, signal + MAILBOX)?;
    let event = memory.word32(CP, signal + EVENT_ID)?;
    let access = Access { addr: signal + VALUE, width: 8, kind: Kind::Atomic, scope: Scope::System, client: CP };
    memory.atomic(access, op, operand, 0)?;
    if mailbox != 0 {
        memory.put(CP, mailbox, &u64::from(event).to_le_bytes())?;
        outside.events.push(event);
    }
    Ok(())
}
