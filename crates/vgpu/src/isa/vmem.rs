//! Vector memory: FLAT, GLOBAL, SCRATCH and buffer (MUBUF) instructions. The four encodings number their operations alike.

use super::decode::{Format, Inst};
use super::wave::{LANES, NULL, PRIVATE_APERTURE, SHARED_APERTURE, VGPR, Vector, Wave, Wide, lanes};
use super::{Done, Isa, NOT_IMPLEMENTED, Trap, Unit, scope};
use crate::mem::{Access, AtomicOp, Client, Kind, Memory, Scope};

/// An opcode's operation.
#[derive(Clone, Copy)]
enum Operation {
    Load { bytes: usize, signed: bool, d16: Option<bool> },
    Store { bytes: usize, high: bool },
    Atomic { op: AtomicOp, width: usize },
    Nothing,
}

fn operation(number: u32) -> Option<Operation> {
    let load = |bytes, signed| Some(Operation::Load { bytes, signed, d16: None });
    let store = |bytes, high| Some(Operation::Store { bytes, high });
    match number {
        0x08 | 0x09 => load(1, number == 0x09),
        0x0a | 0x0b => load(2, number == 0x0b),
        0x0c => load(4, false),
        0x0d => load(8, false),
        0x0e => load(16, false),
        0x0f => load(12, false),
        0x18 | 0x19 => store(1, number == 0x19),
        0x1a | 0x1b => store(2, number == 0x1b),
        0x1c => store(4, false),
        0x1d => store(8, false),
        0x1e => store(16, false),
        0x1f => store(12, false),
        0x20..=0x25 => {
            let bytes = if number < 0x24 { 1 } else { 2 };
            Some(Operation::Load { bytes, signed: number == 0x22 || number == 0x23, d16: Some(number & 1 != 0) })
        }
        0x30..=0x40 => Some(Operation::Atomic { op: atomic(number - 0x30)?, width: 4 }),
        0x50..=0x60 => Some(Operation::Atomic { op: atomic(number - 0x50)?, width: 8 }),
        // Memory is always coherent here: there is nothing to invalidate.
        0x71 | 0x72 => Some(Operation::Nothing),
        _ => None,
    }
}

fn atomic(number: u32) -> Option<AtomicOp> {
    use AtomicOp::*;
    Some(match number {
        0x0 => Swap,
        0x1 => CmpSwap,
        0x2 => Add,
        0x3 => Sub,
        0x5 => SMin,
        0x6 => UMin,
        0x7 => SMax,
        0x8 => UMax,
        0x9 => And,
        0xa => Or,
        0xb => Xor,
        0xc => Inc,
        0xd => Dec,
        0xe => FCmpSwap,
        0xf => FMin,
        0x10 => FMax,
        _ => return None,
    })
}

/// Where the lanes' data lies.
enum Place {
    /// Each lane's address.
    Memory([u64; LANES]),
    /// The word at an offset of one lane is followed by the words of the other lanes at the same offset.
    Scratch { base: u64, offsets: Vector },
    /// Flat addresses of which some lie in the apertures of LDS or scratch.
    Mixed([u64; LANES]),
}

/// Where one lane's data lies.
#[derive(Clone, Copy)]
enum Spot {
    Memory(u64),
    Scratch { base: u64, offset: u32 },
    Lds(u32),
}

/// Executes a vector memory instruction.
pub fn execute<M: Memory>(wave: &mut Wave, inst: &Inst, unit: &mut Unit<'_, M>) -> Done {
    if inst.lds {
        return Err(NOT_IMPLEMENTED);
    }
    let exec = wave.exec();
    let operation = operation(inst.words[0] >> 18 & 0x7f).ok_or(NOT_IMPLEMENTED)?;
    if exec == 0 || matches!(operation, Operation::Nothing) {
        return Ok(());
    }
    let place = match inst.format {
        Format::Flat => flat(wave, inst, exec, unit.isa)?,
        Format::Global => Place::Memory(global(wave, inst)?),
        Format::Scratch => scratch(wave, inst)?,
        _ => buffer(wave, inst)?,
    };
    let data = usize::from(inst.data);
    let dst = usize::from(inst.dst);
    match operation {
        Operation::Load { bytes, signed, d16 } => {
            wave.registers(dst, bytes.div_ceil(4))?;
            let access = Access { addr: 0, width: 0, kind: Kind::Load, scope: scope(inst), client: Client::Wave };
            if let (0, None) = (bytes % 4, d16)
                && load_rows(wave, dst, exec, bytes, &place, access, unit)?
            {
                return Ok(());
            }
            for lane in lanes(exec) {
                let mut out = [0; 16];
                load(spot(&place, wave, lane), wave, lane, access, &mut out[..bytes], unit)?;
                wave.put(dst, lane, &out[..bytes], signed, d16);
            }
        }
        Operation::Store { bytes, high } => {
            wave.registers(data, bytes.div_ceil(4))?;
            // The vector caches write through: a store always goes on to GL2.
            let access = Access { addr: 0, width: 0, kind: Kind::Store, scope: Scope::Agent, client: Client::Wave };
            if bytes % 4 == 0 && store_rows(wave, data, exec, bytes, &place, access, unit)? {
                return Ok(());
            }
            for lane in lanes(exec) {
                let out = wave.get(data, lane, bytes, high);
                store(spot(&place, wave, lane), wave, lane, access, &out[..bytes], unit)?;
            }
        }
        Operation::Atomic { op, width } => {
            let compares = matches!(op, AtomicOp::CmpSwap | AtomicOp::FCmpSwap);
            wave.registers(data, width / 4 * if compares { 2 } else { 1 })?;
            if inst.glc {
                wave.registers(dst, width / 4)?;
            }
            // Atomics are done in GL2, or beyond it.
            let access =
                Access { addr: 0, width: width as u32, kind: Kind::Atomic, scope: Scope::Agent, client: Client::Wave };
            for lane in lanes(exec) {
                let operand = wave.long(data, lane, width);
                let compare = if compares { wave.long(data + width / 4, lane, width) } else { 0 };
                let old = match spot(&place, wave, lane) {
                    Spot::Memory(addr) => unit.memory.atomic(Access { addr, ..access }, op, operand, compare)?,
                    Spot::Lds(addr) => unit.lds.atomic(addr, width as u32, op, operand, compare)?,
                    Spot::Scratch { .. } => return Err(Trap::Unsupported("an atomic operation on scratch memory")),
                };
                if inst.glc {
                    wave.put(dst, lane, &old.to_le_bytes()[..width], false, None);
                }
            }
        }
        Operation::Nothing => {}
    }
    Ok(())
}

// Addresses.

/// A scalar base and a 32-bit vector offset, or a 64-bit vector address.
fn global(wave: &Wave, inst: &Inst) -> Result<[u64; LANES], Trap> {
    let offset = inst.imm as i64 as u64;
    if has_base(inst) {
        let base = wave.scalar64(inst.base, 0, Wide::Unsigned).wrapping_add(offset);
        let vector = wave.vreg(usize::from(inst.addr))?;
        return Ok(vector.map(|v| base.wrapping_add(u64::from(v))));
    }
    let addresses = wave.vector64(VGPR + u16::from(inst.addr), 0, Wide::Unsigned)?;
    Ok(addresses.map(|v| v.wrapping_add(offset)))
}

/// SADDR says "off" by NULL, or by EXEC_HI as on gfx9.
fn has_base(inst: &Inst) -> bool {
    !matches!(inst.base, NULL | 127)
}

fn flat(wave: &Wave, inst: &Inst, exec: u64, isa: Isa) -> Result<Place, Trap> {
    // LLVM: FeatureFlatSegmentOffsetBug of gfx10.1, and 11 unsigned bits on gfx10.3.
    if inst.imm < 0 || inst.imm != 0 && isa == Isa::Gfx10_1 {
        return Err(Trap::Unsupported("this offset of a flat address"));
    }
    let addresses = wave.vector64(VGPR + u16::from(inst.addr), 0, Wide::Unsigned)?;
    let addresses = addresses.map(|v| v.wrapping_add(inst.imm as u64));
    let mixed = lanes(exec).any(|lane| matches!((addresses[lane] >> 32) as u32, SHARED_APERTURE | PRIVATE_APERTURE));
    Ok(if mixed { Place::Mixed(addresses) } else { Place::Memory(addresses) })
}

/// Offset from FLAT_SCRATCH: a scalar, a vector, or neither (gfx10.3's ST mode, SADDR 127).
fn scratch(wave: &Wave, inst: &Inst) -> Result<Place, Trap> {
    let offsets = match inst.base {
        127 => [0; LANES],
        NULL => *wave.vreg(usize::from(inst.addr))?,
        base => [wave.scalar(base, 0); LANES],
    };
    Ok(Place::Scratch { base: wave.flat_scratch, offsets: offsets.map(|v| v.wrapping_add(inst.imm as u32)) })
}

/// A buffer resource (RDNA 2 ISA reference, "Vector Memory Buffer Instructions").
///
/// Executed are the ones that ROCr makes for scratch memory and plain ones; those whose bounds must be checked otherwise are refused.
fn buffer(wave: &Wave, inst: &Inst) -> Result<Place, Trap> {
    let resource: [u32; 4] = std::array::from_fn(|index| wave.scalar(inst.base + index as u16, 0));
    let base = (u64::from(resource[0]) | u64::from(resource[1] & 0xffff) << 32)
        .wrapping_add(u64::from(wave.scalar(inst.src[0], 0)));
    let stride = resource[1] >> 16 & 0x3fff;
    let (swizzle, add_lane) = (resource[1] >> 31 != 0, resource[3] >> 23 & 1 != 0);
    let index_stride = 8 << (resource[3] >> 21 & 3);
    // OOB_SELECT 2: only a buffer without records is out of bounds.
    if resource[3] >> 28 & 3 != 2 || resource[2] == 0 {
        return Err(Trap::Unsupported("a buffer resource with bounds checks"));
    }
    let zero = [0; LANES];
    let register = usize::from(inst.addr);
    let index = if inst.idxen { wave.vreg(register)? } else { &zero };
    let offset = if inst.offen { wave.vreg(register + usize::from(inst.idxen))? } else { &zero };
    if swizzle {
        if !add_lane || inst.idxen || stride != 0 || index_stride != wave.lanes() {
            return Err(Trap::Unsupported("a swizzled buffer resource other than scratch memory's"));
        }
        return Ok(Place::Scratch { base, offsets: offset.map(|v| v.wrapping_add(inst.imm as u32)) });
    }
    Ok(Place::Memory(std::array::from_fn(|lane| {
        let index = u64::from(index[lane]) + if add_lane { lane as u64 } else { 0 };
        base.wrapping_add(index * u64::from(stride)).wrapping_add(u64::from(offset[lane])).wrapping_add(inst.imm as u64)
    })))
}

fn spot(place: &Place, wave: &Wave, lane: usize) -> Spot {
    match place {
        Place::Memory(addresses) => Spot::Memory(addresses[lane]),
        Place::Scratch { base, offsets } => Spot::Scratch { base: *base, offset: offsets[lane] },
        Place::Mixed(addresses) => match (addresses[lane] >> 32) as u32 {
            SHARED_APERTURE => Spot::Lds(addresses[lane] as u32),
            PRIVATE_APERTURE => Spot::Scratch { base: wave.flat_scratch, offset: addresses[lane] as u32 },
            _ => Spot::Memory(addresses[lane]),
        },
    }
}

// Lane by lane.

/// Where the word with `offset` lies in the scratch memory of a wave.
fn scratch_address(base: u64, offset: u32, lane: usize, lanes: usize) -> u64 {
    let (word, byte) = (u64::from(offset / 4), u64::from(offset % 4));
    base.wrapping_add((word * lanes as u64 + lane as u64) * 4 + byte)
}

/// The largest pieces of `length` bytes from `offset` that lie in one word each.
fn pieces(offset: u32, length: usize) -> impl Iterator<Item = (u32, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset.wrapping_add(done as u32);
        let size = (4 - at as usize % 4).min(length - done);
        let range = done..done + size;
        done += size;
        (size > 0).then_some((at, range))
    })
}

fn load<M: Memory>(
    spot: Spot,
    wave: &Wave,
    lane: usize,
    access: Access,
    out: &mut [u8],
    unit: &mut Unit<'_, M>,
) -> Done {
    match spot {
        Spot::Memory(addr) => unit.memory.load(Access { addr, width: out.len() as u32, ..access }, out)?,
        Spot::Lds(addr) => unit.lds.read(addr, out)?,
        Spot::Scratch { base, offset } => {
            for (offset, part) in pieces(offset, out.len()) {
                let addr = scratch_address(base, offset, lane, wave.lanes());
                unit.memory.load(Access { addr, width: part.len() as u32, ..access }, &mut out[part])?;
            }
        }
    }
    Ok(())
}

fn store<M: Memory>(spot: Spot, wave: &Wave, lane: usize, access: Access, data: &[u8], unit: &mut Unit<'_, M>) -> Done {
    match spot {
        Spot::Memory(addr) => unit.memory.store(Access { addr, width: data.len() as u32, ..access }, data)?,
        Spot::Lds(addr) => unit.lds.write(addr, data)?,
        Spot::Scratch { base, offset } => {
            for (offset, part) in pieces(offset, data.len()) {
                let addr = scratch_address(base, offset, lane, wave.lanes());
                unit.memory.store(Access { addr, width: part.len() as u32, ..access }, &data[part])?;
            }
        }
    }
    Ok(())
}

// Whole rows: neighbouring lanes with neighbouring data make one access, as in the hardware's coalescer.

const ROW: usize = LANES * 16;

/// A row: its address and how many bytes of each lane it holds; further rows, of the lanes' next words, are `step` bytes apart.
struct Rows {
    first: usize,
    lanes: usize,
    addr: u64,
    width: usize,
    step: u64,
}

/// How the lanes of `exec` lie in rows, if they do.
fn rows(place: &Place, exec: u64, bytes: usize, wave: &Wave) -> Option<Rows> {
    let (first, lanes) = (exec.trailing_zeros() as usize, exec.count_ones() as usize);
    // One lane alone may poll or publish a word, which must be one access of its width.
    if lanes < 2 || (exec >> first).trailing_ones() as usize != lanes {
        return None;
    }
    match place {
        Place::Memory(addresses) => {
            let start = addresses[first];
            let regular = addresses[first..first + lanes]
                .iter()
                .zip(0u64..)
                .all(|(addr, lane)| *addr == start.wrapping_add(lane * bytes as u64));
            regular.then_some(Rows { first, lanes, addr: start, width: bytes, step: 0 })
        }
        Place::Scratch { base, offsets } => {
            let start = offsets[first];
            let regular = start % 4 == 0 && offsets[first..first + lanes].iter().all(|offset| *offset == start);
            let addr = scratch_address(*base, start, first, wave.lanes());
            regular.then_some(Rows { first, lanes, addr, width: 4, step: 4 * wave.lanes() as u64 })
        }
        Place::Mixed(_) => None,
    }
}

/// Loads whole words by rows. Returns whether the lanes lie so.
fn load_rows<M: Memory>(
    wave: &mut Wave,
    dst: usize,
    exec: u64,
    bytes: usize,
    place: &Place,
    access: Access,
    unit: &mut Unit<'_, M>,
) -> Result<bool, Trap> {
    // A load that has to look beyond the wave's own cache keeps the width that the program gave it.
    if access.scope != Scope::Wave {
        return Ok(false);
    }
    let Some(rows) = rows(place, exec, bytes, wave) else { return Ok(false) };
    let mut buffer = [0; ROW];
    let row = &mut buffer[..rows.lanes * rows.width];
    for (index, register) in (dst..dst + bytes / 4).step_by(rows.width / 4).enumerate() {
        let addr = rows.addr.wrapping_add(rows.step * index as u64);
        unit.memory.load(Access { addr, width: row.len() as u32, ..access }, row)?;
        let words = row.as_chunks::<4>().0;
        for word in 0..rows.width / 4 {
            let target = &mut wave.vgpr[register + word][rows.first..rows.first + rows.lanes];
            for (value, bytes) in target.iter_mut().zip(words[word..].iter().step_by(rows.width / 4)) {
                *value = u32::from_le_bytes(*bytes);
            }
        }
    }
    Ok(true)
}

/// Stores whole words by rows. Returns whether the lanes lie so.
fn store_rows<M: Memory>(
    wave: &Wave,
    data: usize,
    exec: u64,
    bytes: usize,
    place: &Place,
    access: Access,
    unit: &mut Unit<'_, M>,
) -> Result<bool, Trap> {
    let Some(rows) = rows(place, exec, bytes, wave) else { return Ok(false) };
    let mut buffer = [0; ROW];
    let row = &mut buffer[..rows.lanes * rows.width];
    for (index, register) in (data..data + bytes / 4).step_by(rows.width / 4).enumerate() {
        let words = row.as_chunks_mut::<4>().0;
        for word in 0..rows.width / 4 {
            let source = &wave.vgpr[register + word][rows.first..rows.first + rows.lanes];
            for (value, bytes) in source.iter().zip(words[word..].iter_mut().step_by(rows.width / 4)) {
                *bytes = value.to_le_bytes();
            }
        }
        let addr = rows.addr.wrapping_add(rows.step * index as u64);
        unit.memory.store(Access { addr, width: row.len() as u32, ..access }, row)?;
    }
    Ok(true)
}
