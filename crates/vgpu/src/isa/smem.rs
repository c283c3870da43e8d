//! Scalar loads, clocks and scalar cache control.

use super::decode::Inst;
use super::table::Op::*;
use super::wave::{Wave, Wide};
use super::{Done, NOT_IMPLEMENTED, Unit, scope};
use crate::mem::{Access, Client, Kind, Memory};

pub fn execute<M: Memory>(wave: &mut Wave, inst: &Inst, unit: &mut Unit<'_, M>) -> Done {
    let count: usize = match inst.op {
        s_load_dword => 1,
        s_load_dwordx2 => 2,
        s_load_dwordx4 => 4,
        s_load_dwordx8 => 8,
        s_load_dwordx16 => 16,
        // Time passes by one with every instruction of the wave.
        s_memtime | s_memrealtime => return wave.set_sgpr64(inst.dst, wave.clock),
        // Memory is always coherent here.
        s_dcache_inv | s_dcache_wb | s_gl1_inv => return Ok(()),
        _ => return Err(NOT_IMPLEMENTED),
    };
    let base = wave.scalar64(inst.base, 0, Wide::Unsigned);
    let offset = u64::from(wave.scalar(inst.src[0], 0));
    // The hardware ignores the two low bits of each part (RDNA 2 ISA reference, "Scalar Memory Addressing").
    let addr = (base & !3).wrapping_add(offset & !3).wrapping_add_signed(i64::from(inst.imm & !3));
    let width = 4 * count as u32;
    let mut bytes = [0; 64];
    let access = Access { addr, width, kind: Kind::Scalar, scope: scope(inst), client: Client::Wave };
    unit.memory.load(access, &mut bytes[..4 * count])?;
    for (index, word) in bytes[..4 * count].as_chunks::<4>().0.iter().enumerate() {
        wave.set_sgpr(inst.dst + index as u16, u32::from_le_bytes(*word))?;
    }
    Ok(())
}
