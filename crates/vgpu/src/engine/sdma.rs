//! SDMA queues: the packets that ROCr emits for gfx10 (`amd_blit_sdma.cpp`, `sdma_registers.h`; layouts as in linux `navi10_sdma_pkt_open.h`).
//!
//! Ring positions count bytes and never wrap (64 bits). An unknown packet stops the queue.

use super::{Halt, Outside, QueueConfig, Step, Words};
use crate::isa::Isa;
use crate::mem::{Access, AtomicOp, Client, Fault, Kind, Memory, Scope};

const DMA: Client = Client::Sdma;
/// Bytes copied or filled between two looks at the other queues.
const SLICE: u64 = 1 << 20;

/// The state of one SDMA queue.
#[derive(Debug, Default)]
pub struct Sdma {
    read: u64,
    written: u64,
    /// Bytes of the current packet's copy or fill that are done.
    done: u64,
}

/// A packet that is finished: how many words it has; `None`: to be looked at again.
type Finished = Option<u64>;

impl Sdma {
    /// Whether a step could do something; `doorbell` is what the program stored last.
    pub fn has_work(&mut self, doorbell: u64) -> bool {
        if doorbell != u64::MAX {
            self.written = self.written.max(doorbell);
        }
        self.read < self.written
    }

    /// Processes one packet, or a slice of it.
    pub fn step<M: Memory>(
        &mut self,
        config: &QueueConfig,
        doorbell: u64,
        memory: &mut M,
        outside: &mut Outside,
    ) -> Result<Step, Halt> {
        let mut step = Step::Idle;
        for _ in 0..64 {
            if !self.has_work(doorbell) {
                break;
            }
            let before = self.done;
            match self.packet(config, memory, outside)? {
                Some(words) => {
                    self.read += words * 4;
                    self.done = 0;
                    memory.put(DMA, config.read_pointer, &self.read.to_le_bytes())?;
                    step = Step::Worked;
                }
                None => return Ok(if self.done > before { Step::Worked } else { step }),
            }
            if !outside.events.is_empty() {
                break;
            }
        }
        Ok(step)
    }

    fn packet<M: Memory>(
        &mut self,
        config: &QueueConfig,
        memory: &mut M,
        outside: &mut Outside,
    ) -> Result<Finished, Halt> {
        if self.written - self.read < 4 {
            return Ok(None);
        }
        let read = self.read;
        let word =
            |memory: &mut M, index: u64| memory.word32(DMA, config.ring_base + (read + index * 4) % config.ring_size);
        let header = word(memory, 0)?;
        let mut words = [0u32; 14];
        let (op, sub) = (header as u8, (header >> 8) as u8);
        let length = match (op, sub) {
            (0, _) => 1 + u64::from(header >> 16 & 0x3fff),
            // Bit 27: a broadcast, to two places.
            (1, 0) if header >> 27 & 1 == 0 => 7,
            (1, 4) => 13,
            (2, 0) => 5 + u64::from(word(memory, 3)? & 0xf_ffff),
            (5, _) => 4,
            (6, _) => 2,
            (8, _) => 6,
            (10, _) => 8,
            (11, _) => 5,
            (13, 2) => 3,
            (17, _) => 5,
            _ => {
                let text = format!(
                    "SDMA packet {header:#010x} at ring offset {:#x} (operation {op}, {sub}) is not known",
                    self.read
                );
                return Err(Halt::Error { text, code: 0 });
            }
        };
        if self.written - self.read < length * 4 {
            // Rung in the middle of a packet: the rest follows.
            return Ok(None);
        }
        for (index, slot) in words.iter_mut().enumerate().take(length.min(14) as usize) {
            *slot = word(memory, index as u64)?;
        }
        let address = |low: usize| u64::from(words[low]) | u64::from(words[low + 1]) << 32;
        match op {
            // NOP, and a GCR request, which invalidates and writes back caches that are not there.
            0 | 17 => {}
            1 if sub == 0 => {
                let size = u64::from(words[1] & count_mask(config.isa)) + 1;
                if !self.copy(memory, address(5), address(3), size)? {
                    return Ok(None);
                }
            }
            1 => copy_rectangle(memory, &words)?,
            2 => {
                let data = (4..length).map(|index| word(memory, index)).collect::<Result<Vec<u32>, Fault>>()?;
                let data: Vec<u8> = data.into_iter().flat_map(u32::to_le_bytes).collect();
                memory.put(DMA, address(1), &data)?;
            }
            5 => memory.put(DMA, address(1), &words[3].to_le_bytes())?,
            6 => outside.events.push(words[1] & 0x0fff_ffff),
            8 => {
                // Bit 31: poll memory. Otherwise it is a register, as in ROCr's HDP flush, which has no effect here.
                if header >> 31 != 0 && !compare(header >> 28 & 7, memory.word32(DMA, address(1))? & words[4], words[3])
                {
                    return Ok(None);
                }
            }
            10 => atomic(memory, header, address(1), address(3), address(5))?,
            11 => {
                let unit = 1 << (header >> 30);
                let size = u64::from(words[4] & count_mask(config.isa)) + unit;
                if !self.fill(memory, address(1), words[3], size)? {
                    return Ok(None);
                }
            }
            _ => memory.put(DMA, address(1), &(outside.clock)().to_le_bytes())?,
        }
        Ok(Some(length))
    }

    /// Copies the next slice. Returns whether all is done.
    fn copy<M: Memory>(&mut self, memory: &mut M, to: u64, from: u64, size: u64) -> Result<bool, Fault> {
        let length = (size - self.done).min(SLICE);
        let mut buffer = vec![0; length as usize];
        let load = access(from + self.done, length, Kind::Load);
        memory.load(load, &mut buffer)?;
        memory.store(access(to + self.done, length, Kind::Store), &buffer)?;
        self.done += length;
        Ok(self.done == size)
    }

    /// Fills the next slice with a word. Returns whether all is done.
    fn fill<M: Memory>(&mut self, memory: &mut M, to: u64, word: u32, size: u64) -> Result<bool, Fault> {
        let length = (size - self.done).min(SLICE);
        let buffer: Vec<u8> = word.to_le_bytes().into_iter().cycle().take(length as usize).collect();
        memory.store(access(to + self.done, length, Kind::Store), &buffer)?;
        self.done += length;
        Ok(self.done == size)
    }
}

/// The byte count's field: 30 bits from SDMA 5.2 (gfx10.3), 22 bits before (linux `sdma_v5_2.c`, `sdma_v5_0.c`).
fn count_mask(isa: Option<Isa>) -> u32 {
    match isa {
        Some(Isa::Gfx10_1) => (1 << 22) - 1,
        // The controls: gfx11 as gfx10.3; ROCr keeps to 22 bits on gfx906.
        Some(Isa::Gfx10_3) | None => (1 << 30) - 1,
    }
}

fn access(addr: u64, width: u64, kind: Kind) -> Access {
    Access { addr, width: width as u32, kind, scope: Scope::System, client: DMA }
}

/// The comparison functions of POLL_REGMEM.
fn compare(function: u32, value: u32, reference: u32) -> bool {
    match function {
        1 => value < reference,
        2 => value <= reference,
        3 => value == reference,
        4 => value != reference,
        5 => value >= reference,
        6 => value > reference,
        _ => true,
    }
}

fn atomic<M: Memory>(memory: &mut M, header: u32, addr: u64, operand: u64, compare: u64) -> Result<(), Halt> {
    // TC_OP_ATOMIC_*_RTN_32 are 0x00 to 0x3f, the same for 64 bits 0x20 higher (linux `navi10_enum.h`).
    let (op, width) = match header >> 25 {
        8 => (AtomicOp::CmpSwap, 4),
        15 => (AtomicOp::Add, 4),
        16 => (AtomicOp::Sub, 4),
        39 => (AtomicOp::Swap, 8),
        40 => (AtomicOp::CmpSwap, 8),
        47 => (AtomicOp::Add, 8),
        48 => (AtomicOp::Sub, 8),
        other => return Err(Halt::Error { text: format!("SDMA atomic operation {other} is not known"), code: 0 }),
    };
    memory.atomic(access(addr, width, Kind::Atomic), op, operand, compare)?;
    Ok(())
}

/// COPY, sub-operation 4: a box of elements between two pitched surfaces. Extents, pitches and slice pitches are stored less 1.
fn copy_rectangle<M: Memory>(memory: &mut M, words: &[u32; 14]) -> Result<(), Fault> {
    let field = |word: usize, shift: u32, bits: u32| u64::from(words[word] >> shift & ((1 << bits) - 1));
    let element = 1 << (words[0] >> 29);
    let surface = |base: usize| {
        let address = u64::from(words[base]) | u64::from(words[base + 1]) << 32;
        let (x, y, z) = (field(base + 2, 0, 14), field(base + 2, 16, 14), field(base + 3, 0, 11));
        let (pitch, slice) = (field(base + 3, 13, 19) + 1, field(base + 4, 0, 28) + 1);
        move |row: u64, plane: u64| address + ((z + plane) * slice + (y + row) * pitch + x) * element
    };
    let (from, to) = (surface(1), surface(6));
    let (width, rows, planes) = ((field(11, 0, 14) + 1) * element, field(11, 16, 14) + 1, field(12, 0, 11) + 1);
    let mut line = vec![0; width as usize];
    for plane in 0..planes {
        for row in 0..rows {
            memory.load(access(from(row, plane), width, Kind::Load), &mut line)?;
            memory.store(access(to(row, plane), width, Kind::Store), &line)?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "sdma_tests.rs"]
mod tests;
