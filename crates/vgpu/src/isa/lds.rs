//! LDS: its memory, and the DS instructions. GDS and global wave sync do not exist here.

use super::decode::Inst;
use super::float::flush32;
use super::wave::{LANES, Vector, Wave, lanes};
use super::{Done, NOT_IMPLEMENTED, Trap};
use crate::mem::{AtomicOp, combine};

const OUTSIDE: Trap = Trap::Unsupported("an LDS address outside of what the work-group has");
const UNALIGNED: Trap = Trap::Unsupported("an LDS atomic whose address is not a multiple of its width");

/// The LDS of a work-group.
#[derive(Debug, Default)]
pub struct Lds(Vec<u8>);

impl Lds {
    /// `size` bytes of zeros. (On a card they hold what was there before.)
    pub fn reset(&mut self, size: usize) {
        self.0.clear();
        self.0.resize(size, 0);
    }

    fn slice(&mut self, addr: u32, length: usize) -> Result<&mut [u8], Trap> {
        let start = addr as usize;
        self.0.get_mut(start..start + length).ok_or(OUTSIDE)
    }

    pub fn read(&mut self, addr: u32, out: &mut [u8]) -> Done {
        out.copy_from_slice(self.slice(addr, out.len())?);
        Ok(())
    }

    pub fn write(&mut self, addr: u32, data: &[u8]) -> Done {
        self.slice(addr, data.len())?.copy_from_slice(data);
        Ok(())
    }

    /// Replaces a value of 4 or 8 bytes by what `new` makes of it, and returns the old one.
    fn update(&mut self, addr: u32, width: usize, new: impl FnOnce(u64) -> u64) -> Result<u64, Trap> {
        if !(addr as usize).is_multiple_of(width) {
            return Err(UNALIGNED);
        }
        let mut bytes = [0; 8];
        self.read(addr, &mut bytes[..width])?;
        let old = u64::from_le_bytes(bytes);
        self.write(addr, &new(old).to_le_bytes()[..width])?;
        Ok(old)
    }

    pub fn atomic(&mut self, addr: u32, width: u32, op: AtomicOp, operand: u64, compare: u64) -> Result<u64, Trap> {
        self.update(addr, width as usize, |old| combine(op, width, old, operand, compare))
    }
}

/// What a DS opcode does. Offsets between the opcodes of variants: 0x20 with a result, 0x40 of 64 bits.
enum Action {
    Atomic {
        op: Update,
        width: usize,
        result: bool,
    },
    Read {
        bytes: usize,
        signed: bool,
        d16: Option<bool>,
    },
    Write {
        bytes: usize,
        high: bool,
    },
    /// Two places, in units of the width (times 64).
    Read2 {
        width: usize,
        stride: u32,
    },
    Write2 {
        width: usize,
        stride: u32,
    },
    Exchange2 {
        width: usize,
        stride: u32,
    },
    Swizzle,
    Permute {
        backward: bool,
    },
    Nothing,
}

#[derive(Clone, Copy)]
enum Update {
    Plain(AtomicOp),
    /// Operand minus memory.
    ReverseSub,
    /// (memory & !data0) | data1.
    MaskOr,
    /// data0 is compared, data1 is stored.
    Compare(AtomicOp),
    AddF32,
}

fn action(inst: &Inst) -> Option<Action> {
    use Action::*;
    let number = inst.words[0] >> 18 & 0xff;
    let width = if number & 0x40 != 0 { 8 } else { 4 };
    let result = number & 0x20 != 0;
    Some(match number {
        0x14 => Nothing,
        0x15 | 0x55 => Atomic { op: Update::AddF32, width: 4, result: number == 0x55 },
        0x1e => Write { bytes: 1, high: false },
        0x1f => Write { bytes: 2, high: false },
        0x35 => Swizzle,
        0x39 | 0x3a => Read { bytes: 1, signed: number == 0x39, d16: None },
        0x3b | 0x3c => Read { bytes: 2, signed: number == 0x3b, d16: None },
        0xa0 => Write { bytes: 1, high: true },
        0xa1 => Write { bytes: 2, high: true },
        0xa2..=0xa5 => Read { bytes: 1, signed: number >= 0xa4, d16: Some(number & 1 != 0) },
        0xa6 | 0xa7 => Read { bytes: 2, signed: false, d16: Some(number & 1 != 0) },
        0xb2 | 0xb3 => Permute { backward: number == 0xb3 },
        0xde | 0xdf => Write { bytes: if number == 0xde { 12 } else { 16 }, high: false },
        0xfe | 0xff => Read { bytes: if number == 0xfe { 12 } else { 16 }, signed: false, d16: None },
        0x00..=0x7f => match (number & 0x1f, result) {
            (0x0d, false) => Write { bytes: width, high: false },
            (0x0e, false) => Write2 { width, stride: 1 },
            (0x0f, false) => Write2 { width, stride: 64 },
            (0x0d, true) => Atomic { op: Update::Plain(AtomicOp::Swap), width, result },
            (0x0e, true) => Exchange2 { width, stride: 1 },
            (0x0f, true) => Exchange2 { width, stride: 64 },
            (0x16, true) => Read { bytes: width, signed: false, d16: None },
            (0x17, true) => Read2 { width, stride: 1 },
            (0x18, true) => Read2 { width, stride: 64 },
            (low, _) => Atomic { op: update(low)?, width, result },
        },
        _ => return None,
    })
}

fn update(low: u32) -> Option<Update> {
    use AtomicOp::*;
    Some(match low {
        0x02 => Update::ReverseSub,
        0x0c => Update::MaskOr,
        0x10 => Update::Compare(CmpSwap),
        0x11 => Update::Compare(FCmpSwap),
        _ => Update::Plain(match low {
            0x00 => Add,
            0x01 => Sub,
            0x03 => Inc,
            0x04 => Dec,
            0x05 => SMin,
            0x06 => SMax,
            0x07 => UMin,
            0x08 => UMax,
            0x09 => And,
            0x0a => Or,
            0x0b => Xor,
            0x12 => FMin,
            0x13 => FMax,
            _ => return None,
        }),
    })
}

/// Executes a DS instruction.
pub fn execute(wave: &mut Wave, inst: &Inst, lds: &mut Lds) -> Done {
    if inst.gds {
        return Err(Trap::Unsupported("global data share"));
    }
    let exec = wave.exec();
    let lanes = lanes(exec);
    let (dst, data, data1) = (usize::from(inst.dst), usize::from(inst.data), usize::from(inst.data1));
    let address = *wave.vreg(usize::from(inst.addr))?;
    // One offset of 16 bits, or two of 8.
    let at = |lane: usize| address[lane].wrapping_add(inst.imm as u32);
    let at2 = |lane: usize, which: u32, width: usize, stride: u32| {
        address[lane].wrapping_add((inst.imm as u32 >> (8 * which) & 0xff) * stride * width as u32)
    };
    match action(inst).ok_or(NOT_IMPLEMENTED)? {
        Action::Nothing => {}
        Action::Swizzle => swizzle(wave, inst, exec, &address)?,
        Action::Permute { backward } => permute(wave, inst, exec, &address, backward)?,
        Action::Read { bytes, signed, d16 } => {
            wave.registers(dst, bytes.div_ceil(4))?;
            for lane in lanes {
                let mut out = [0; 16];
                lds.read(at(lane), &mut out[..bytes])?;
                wave.put(dst, lane, &out[..bytes], signed, d16);
            }
        }
        Action::Write { bytes, high } => {
            wave.registers(data, bytes.div_ceil(4))?;
            for lane in lanes {
                lds.write(at(lane), &wave.get(data, lane, bytes, high)[..bytes])?;
            }
        }
        Action::Read2 { width, stride } => {
            wave.registers(dst, width / 2)?;
            for lane in lanes {
                let mut out = [0; 16];
                lds.read(at2(lane, 0, width, stride), &mut out[..width])?;
                lds.read(at2(lane, 1, width, stride), &mut out[width..2 * width])?;
                wave.put(dst, lane, &out[..2 * width], false, None);
            }
        }
        Action::Write2 { width, stride } => {
            wave.registers(data, width / 4)?;
            wave.registers(data1, width / 4)?;
            for lane in lanes {
                lds.write(at2(lane, 0, width, stride), &wave.get(data, lane, width, false)[..width])?;
                lds.write(at2(lane, 1, width, stride), &wave.get(data1, lane, width, false)[..width])?;
            }
        }
        Action::Exchange2 { width, stride } => {
            wave.registers(data, width / 4)?;
            wave.registers(data1, width / 4)?;
            wave.registers(dst, width / 2)?;
            for lane in lanes {
                let new = [wave.long(data, lane, width), wave.long(data1, lane, width)];
                let mut out = [0; 16];
                for which in 0..2 {
                    let old = lds.update(at2(lane, which as u32, width, stride), width, |_| new[which])?;
                    out[which * width..(which + 1) * width].copy_from_slice(&old.to_le_bytes()[..width]);
                }
                wave.put(dst, lane, &out[..2 * width], false, None);
            }
        }
        Action::Atomic { op, width, result } => {
            wave.registers(data, width / 4)?;
            if matches!(op, Update::Compare(_) | Update::MaskOr) {
                wave.registers(data1, width / 4)?;
            }
            if result {
                wave.registers(dst, width / 4)?;
            }
            let keep = wave.mode >> 5 & 1 != 0;
            for lane in lanes {
                let first = wave.long(data, lane, width);
                let old = lds.update(at(lane), width, |old| match op {
                    Update::Plain(op) => combine(op, width as u32, old, first, 0),
                    Update::ReverseSub => first.wrapping_sub(old),
                    Update::MaskOr => old & !first | wave.long(data1, lane, width),
                    Update::Compare(op) => combine(op, width as u32, old, wave.long(data1, lane, width), first),
                    Update::AddF32 => {
                        let sum = f32::from_bits(old as u32) + f32::from_bits(first as u32);
                        u64::from(flush32(sum, keep).to_bits())
                    }
                })?;
                if result {
                    wave.put(dst, lane, &old.to_le_bytes()[..width], false, None);
                }
            }
        }
    }
    Ok(())
}

/// DS_SWIZZLE_B32: lanes of each group of 32, or of 4, read each other. Lanes that are off read as 0.
fn swizzle(wave: &mut Wave, inst: &Inst, exec: u64, source: &Vector) -> Done {
    let offset = inst.imm as usize;
    let from = |lane: usize| match offset >> 8 {
        0x00..=0x7f => {
            let (and, or, xor) = (offset & 31, offset >> 5 & 31, offset >> 10 & 31);
            Ok(lane & !31 | ((lane & and | or) ^ xor) & 31)
        }
        0x80 => Ok(lane & !3 | offset >> (2 * (lane & 3)) & 3),
        _ => Err(Trap::Unsupported("this swizzle pattern")),
    };
    let mut out = [0; LANES];
    for (lane, value) in out.iter_mut().enumerate() {
        let from = from(lane)?;
        if exec >> from & 1 != 0 {
            *value = source[from];
        }
    }
    wave.set_vector(usize::from(inst.dst), exec, &out)
}

/// DS_PERMUTE_B32 and DS_BPERMUTE_B32. On gfx10 the 32 lanes of each half of a wave64 are on their own.
fn permute(wave: &mut Wave, inst: &Inst, exec: u64, address: &Vector, backward: bool) -> Done {
    let source = *wave.vreg(usize::from(inst.data))?;
    let mut out = [0; LANES];
    for (lane, address) in address.iter().enumerate().take(wave.lanes()) {
        let other = lane & !31 | (address.wrapping_add(inst.imm as u32) as usize >> 2) & 31;
        let (from, to) = if backward { (other, lane) } else { (lane, other) };
        if exec >> from & 1 != 0 {
            out[to] = source[from];
        }
    }
    wave.set_vector(usize::from(inst.dst), exec, &out)
}
