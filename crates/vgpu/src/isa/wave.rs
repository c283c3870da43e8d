//! A wave: registers, and how operands are read and written.

use super::decode::{Inst, LITERAL};
use super::{Done, Trap};

/// Lanes of the widest wave.
pub const LANES: usize = 64;
/// A 32-bit value for each lane.
pub type Vector = [u32; LANES];
/// A 64-bit value for each lane.
pub type Vector64 = [u64; LANES];

/// Scalar operand codes with a register behind them.
pub const VCC: u16 = 106;
pub const M0: u16 = 124;
pub const NULL: u16 = 125;
pub const EXEC: u16 = 126;
const EXEC_HI: u16 = 127;
/// The first vector register's source code.
pub const VGPR: u16 = 256;

/// High words of the LDS and scratch apertures (`kfd_flat_memory.c`, kfd_init_apertures_v9: 1 << 48 and 2 << 48).
pub const SHARED_APERTURE: u32 = 1 << 16;
pub const PRIVATE_APERTURE: u32 = 2 << 16;
const SHARED_BASE: u16 = 235;
const PRIVATE_BASE: u16 = 237;

const NO_REGISTER: Trap = Trap::Unsupported("a vector register that the kernel does not have");

/// The lanes of an execution mask.
pub fn lanes(exec: u64) -> impl Iterator<Item = usize> {
    (0..LANES).filter(move |lane| exec >> lane & 1 != 0)
}

/// One wave's state.
#[derive(Debug, Clone)]
pub struct Wave {
    /// Scalar registers by operand code: 0 to 105 SGPRs, 106 VCC, 108 trap registers, 124 M0, 126 EXEC.
    pub sgpr: [u32; 128],
    pub scc: bool,
    /// Vector registers.
    pub vgpr: Vec<Vector>,
    /// GPU virtual address of the next instruction.
    pub pc: u64,
    pub wave64: bool,
    /// MODE register: rounding in bits 0 to 3, denormals in 4 to 7, DX10_CLAMP 8, IEEE 9.
    pub mode: u32,
    pub flat_scratch: u64,
    pub ended: bool,
    pub at_barrier: bool,
    /// It let others go first (S_SLEEP), as a wave does that polls.
    pub yields: bool,
    /// It asked for the instruction cache to be emptied.
    pub icache_inv: bool,
    /// It sent an interrupt message to the host: M0, the event.
    pub interrupt: Option<u32>,
    /// Instructions executed: what the clock registers count.
    pub clock: u64,
}

impl Default for Wave {
    fn default() -> Self {
        Wave {
            sgpr: [0; 128],
            scc: false,
            vgpr: Vec::new(),
            pc: 0,
            wave64: false,
            mode: 0,
            flat_scratch: 0,
            ended: false,
            at_barrier: false,
            yields: false,
            icache_inv: false,
            interrupt: None,
            clock: 0,
        }
    }
}

impl Wave {
    /// A fresh wave at `pc`; all registers are 0. (On a card they hold what was there before.)
    pub fn reset(&mut self, wave64: bool, vgprs: usize, mode: u32, pc: u64) {
        let mut vgpr = std::mem::take(&mut self.vgpr);
        vgpr.clear();
        vgpr.resize(vgprs, [0; LANES]);
        *self = Wave { vgpr, wave64, mode, pc, ..Wave::default() };
    }

    /// Lanes of this wave.
    pub fn lanes(&self) -> usize {
        if self.wave64 { 64 } else { 32 }
    }

    /// A lane mask register pair: VCC, EXEC or any SGPRs. A wave32 uses the low word alone.
    pub fn mask(&self, code: u16) -> u64 {
        let low = u64::from(self.scalar(code, 0));
        if self.wave64 && code != NULL { low | u64::from(self.scalar(code + 1, 0)) << 32 } else { low }
    }

    pub fn set_mask(&mut self, code: u16, value: u64) -> Done {
        self.set_sgpr(code, value as u32)?;
        if self.wave64 && code != NULL { self.set_sgpr(code + 1, (value >> 32) as u32) } else { Ok(()) }
    }

    pub fn exec(&self) -> u64 {
        self.mask(EXEC)
    }

    pub fn set_exec(&mut self, value: u64) {
        self.sgpr[usize::from(EXEC)] = value as u32;
        if self.wave64 {
            self.sgpr[usize::from(EXEC) + 1] = (value >> 32) as u32;
        }
    }

    /// Writes a scalar register: SGPR, VCC, M0 or EXEC. The trap handler's registers are not a kernel's.
    #[inline]
    pub fn set_sgpr(&mut self, code: u16, value: u32) -> Done {
        match code {
            0..=107 | M0 | EXEC | EXEC_HI => self.sgpr[usize::from(code)] = value,
            NULL => {}
            _ => return Err(Trap::Unsupported("a scalar destination that kernels do not have")),
        }
        Ok(())
    }

    pub fn set_sgpr64(&mut self, code: u16, value: u64) -> Done {
        if code == NULL {
            return Ok(());
        }
        self.set_sgpr(code, value as u32)?;
        self.set_sgpr(code + 1, (value >> 32) as u32)
    }

    /// A 32-bit scalar operand. VGPR codes are not scalar: the callers exclude them.
    pub fn scalar(&self, code: u16, literal: u32) -> u32 {
        match code {
            NULL => 0,
            0..=127 => self.sgpr[usize::from(code)],
            128..=192 => u32::from(code) - 128,
            193..=208 => (192 - i32::from(code)) as u32,
            240..=248 => FLOATS[usize::from(code) - 240].to_bits(),
            251 => u32::from(self.mask(VCC) == 0),
            252 => u32::from(self.exec() == 0),
            253 => u32::from(self.scc),
            LITERAL => literal,
            _ => 0,
        }
    }

    /// A 64-bit scalar operand. `wide`: what a 32-bit literal becomes.
    pub fn scalar64(&self, code: u16, literal: u32, wide: Wide) -> u64 {
        match code {
            NULL => 0,
            0..=126 => {
                u64::from(self.sgpr[usize::from(code)]) | u64::from(self.sgpr[usize::from(code + 1) & 127]) << 32
            }
            193..=208 => (192 - i64::from(code)) as u64,
            SHARED_BASE => u64::from(SHARED_APERTURE) << 32,
            PRIVATE_BASE => u64::from(PRIVATE_APERTURE) << 32,
            240..=248 => FLOATS64[usize::from(code) - 240].to_bits(),
            LITERAL => match wide {
                Wide::Float => u64::from(literal) << 32,
                Wide::Signed => i64::from(literal as i32) as u64,
                Wide::Unsigned => u64::from(literal),
            },
            _ => u64::from(self.scalar(code, literal)),
        }
    }

    /// Whether a source code exists. (236 and 238, the limits of the apertures, are left out: nobody uses them.)
    pub fn known_source(code: u16) -> bool {
        !matches!(code, 209..=234 | 236 | 238 | 239 | 249 | 250 | 254)
    }

    /// The same, for an operand of 32 bits: the base of an aperture has its value in the upper half, and what its lower half reads is in doubt
    /// (LLVM, SITargetLowering::getSegmentAperture).
    pub fn known_source32(code: u16) -> bool {
        Self::known_source(code) && !matches!(code, SHARED_BASE | PRIVATE_BASE)
    }

    #[inline]
    pub fn vreg(&self, register: usize) -> Result<&Vector, Trap> {
        self.vgpr.get(register).ok_or(NO_REGISTER)
    }

    #[inline]
    pub fn vreg_mut(&mut self, register: usize) -> Result<&mut Vector, Trap> {
        self.vgpr.get_mut(register).ok_or(NO_REGISTER)
    }

    /// Whether there are `count` vector registers from `first`.
    pub fn registers(&self, first: usize, count: usize) -> Done {
        if first + count <= self.vgpr.len() { Ok(()) } else { Err(NO_REGISTER) }
    }

    /// A lane's bytes from registers that are known to exist. `high`: of the upper half.
    #[inline]
    pub fn get(&self, register: usize, lane: usize, bytes: usize, high: bool) -> [u8; 16] {
        let mut out = [0; 16];
        for (index, part) in out[..bytes.next_multiple_of(4)].chunks_exact_mut(4).enumerate() {
            let value = self.vgpr[register + index][lane];
            part.copy_from_slice(&(if high { value >> 16 } else { value }).to_le_bytes());
        }
        out
    }

    /// A lane's value of 4 or 8 bytes from registers that are known to exist.
    #[inline]
    pub fn long(&self, register: usize, lane: usize, width: usize) -> u64 {
        let bytes = self.get(register, lane, width, false);
        u64::from_le_bytes(std::array::from_fn(|index| bytes[index]))
    }

    /// Loaded bytes into a lane of registers that are known to exist. `d16`: into one half only, `true` the upper.
    #[inline]
    pub fn put(&mut self, register: usize, lane: usize, data: &[u8], signed: bool, d16: Option<bool>) {
        let value = match (data, signed) {
            ([byte], true) => *byte as i8 as u32,
            ([byte], false) => u32::from(*byte),
            ([low, high], true) => i16::from_le_bytes([*low, *high]) as u32,
            ([low, high], false) => u32::from(u16::from_le_bytes([*low, *high])),
            _ => {
                for (index, word) in data.as_chunks::<4>().0.iter().enumerate() {
                    self.vgpr[register + index][lane] = u32::from_le_bytes(*word);
                }
                return;
            }
        };
        let target = &mut self.vgpr[register][lane];
        *target = match d16 {
            None => value,
            Some(false) => *target & 0xffff_0000 | value & 0xffff,
            Some(true) => *target & 0xffff | value << 16,
        };
    }

    /// A 32-bit operand of a vector instruction, unmodified.
    pub fn vector(&self, code: u16, literal: u32) -> Result<Vector, Trap> {
        if code >= VGPR {
            return self.vreg(usize::from(code - VGPR)).copied();
        }
        if !Self::known_source32(code) {
            return Err(Trap::Unsupported("unknown source operand"));
        }
        Ok([self.scalar(code, literal); LANES])
    }

    /// A 64-bit operand of a vector instruction, unmodified.
    pub fn vector64(&self, code: u16, literal: u32, wide: Wide) -> Result<Vector64, Trap> {
        if code >= VGPR {
            let (low, high) = (self.vreg(usize::from(code - VGPR))?, self.vreg(usize::from(code - VGPR) + 1)?);
            return Ok(std::array::from_fn(|lane| u64::from(low[lane]) | u64::from(high[lane]) << 32));
        }
        if !Self::known_source(code) {
            return Err(Trap::Unsupported("unknown source operand"));
        }
        Ok([self.scalar64(code, literal, wide); LANES])
    }

    /// Writes the lanes of `exec` to a vector register.
    #[inline]
    pub fn set_vector(&mut self, register: usize, exec: u64, value: &Vector) -> Done {
        let lanes = self.lanes();
        let target = self.vreg_mut(register)?;
        if exec == u64::MAX >> (LANES - lanes) {
            target[..lanes].copy_from_slice(&value[..lanes]);
            return Ok(());
        }
        for (lane, (target, value)) in target.iter_mut().zip(value).enumerate() {
            *target = if exec >> lane & 1 != 0 { *value } else { *target };
        }
        Ok(())
    }

    /// Writes the lanes of `exec` to a pair of vector registers.
    pub fn set_vector64(&mut self, register: usize, exec: u64, value: &Vector64) -> Done {
        self.set_vector(register, exec, &value.map(|v| v as u32))?;
        self.set_vector(register + 1, exec, &value.map(|v| (v >> 32) as u32))
    }

    /// The next instruction's address after a branch by `offset` words.
    pub fn branch(&mut self, inst: &Inst) {
        self.pc = self.pc.wrapping_add_signed(i64::from(inst.imm) * 4);
    }
}

/// What a 32-bit literal means as a 64-bit operand (RDNA 2 ISA reference, "Literal constants").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wide {
    /// The high word.
    Float,
    Signed,
    Unsigned,
}

/// Inline constants 240 to 248; the last is 1/(2 pi).
const FLOATS: [f32; 9] = [0.5, -0.5, 1.0, -1.0, 2.0, -2.0, 4.0, -4.0, f32::from_bits(0x3e22_f983)];
const FLOATS64: [f64; 9] = [0.5, -0.5, 1.0, -1.0, 2.0, -2.0, 4.0, -4.0, f64::from_bits(0x3fc4_5f30_6dc9_c882)];
/// The same as f16.
pub const FLOATS16: [u16; 9] = [0x3800, 0xb800, 0x3c00, 0xbc00, 0x4000, 0xc000, 0x4400, 0xc400, 0x3118];
