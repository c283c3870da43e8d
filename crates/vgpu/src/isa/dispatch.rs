//! Runs the work-groups of one kernel.
//!
//! Work-groups run one after the other as long as each ends within its slice; the longer they take the more of them are resident and take turns, so that
//! kernels whose work-groups wait for each other make progress as they do on a card.

use super::code::Code;
use super::lds::Lds;
use super::setup::Kernel;
use super::table::Op;
use super::wave::Wave;
use super::{Format, Inst, Isa, Stop, Trap, Unit, lds, salu, smem, valu, vmem};
use crate::mem::Memory;

/// Wave instructions of a work-group's turn and of a wave's.
const GROUP_SLICE: u64 = 8192;
const WAVE_SLICE: u64 = 1024;
/// Waves that are resident at once: those of an RX 5700 (20 work-group processors with 4 SIMDs of 20 waves) would be 1600.
const RESIDENT_WAVES: u32 = 1024;

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// There is more to do.
    Running,
    /// All waves have ended.
    Done,
}

/// A kernel that runs.
#[derive(Debug)]
pub struct Dispatch {
    isa: Isa,
    kernel: Kernel,
    code: Code,
    /// The next work-group to start; `None`: all have started.
    next: Option<[u32; 3]>,
    resident: Vec<Group>,
    /// Whose turn it is.
    turn: usize,
    /// Groups that ended: their memory is used again.
    spare: Vec<Group>,
    /// Scratch slots that no wave uses.
    slots: Vec<u32>,
    /// Most groups that may be resident.
    limit: usize,
    /// Interrupts that waves sent to the host.
    interrupts: Vec<u32>,
}

#[derive(Debug)]
struct Group {
    waves: Vec<Wave>,
    /// Waves beyond this one are left over from an earlier group.
    count: usize,
    lds: Lds,
    slots: Vec<u32>,
}

impl Dispatch {
    /// Reads packet and kernel descriptor. `queue_va`: the `amd_queue_t`; `packet_va`: the packet's own address, which kernels may ask for.
    pub fn new<M: Memory>(
        isa: Isa,
        packet: &[u8; 64],
        queue_va: u64,
        packet_va: u64,
        memory: &mut M,
    ) -> Result<Self, Stop> {
        let kernel = Kernel::new(packet, queue_va, packet_va, memory)?;
        let most = kernel.most_waves();
        let slots: Vec<u32> = (0..kernel.scratch_slots.unwrap_or(0)).rev().collect();
        let waves = kernel.scratch_slots.map_or(RESIDENT_WAVES, |slots| slots.min(RESIDENT_WAVES));
        if kernel.scratch_slots.is_some_and(|slots| slots < most) {
            let text =
                format!("a work-group has {most} waves and the queue has scratch memory for {} only", slots.len());
            return Err(Stop::Invalid(text));
        }
        Ok(Dispatch {
            isa,
            code: Code::new(isa),
            next: Some([0; 3]),
            resident: Vec::new(),
            turn: 0,
            spare: Vec::new(),
            slots,
            limit: (waves / most).max(1) as usize,
            interrupts: Vec::new(),
            kernel,
        })
    }

    /// The interrupts (S_SENDMSG MSG_INTERRUPT) that waves have sent since this was asked last: for each, M0.
    pub fn take_interrupts(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.interrupts)
    }

    /// Executes about `budget` wave instructions.
    pub fn step<M: Memory>(&mut self, memory: &mut M, budget: u64) -> Result<Progress, Stop> {
        let mut used = 0;
        while used < budget {
            if self.turn >= self.resident.len() {
                self.turn = 0;
                if self.resident.len() < self.limit && !self.admit() && self.resident.is_empty() {
                    return Ok(Progress::Done);
                }
            }
            let group = &mut self.resident[self.turn];
            let mut unit =
                Unit { memory: &mut *memory, lds: &mut group.lds, isa: self.isa, interrupts: &mut self.interrupts };
            let waves = &mut group.waves[..group.count];
            used += run(waves, &mut self.code, &mut unit, GROUP_SLICE.min(budget - used))?;
            if waves.iter().all(|wave| wave.ended) {
                let mut group = self.resident.swap_remove(self.turn);
                self.slots.append(&mut group.slots);
                self.spare.push(group);
            } else {
                self.turn += 1;
            }
        }
        Ok(Progress::Running)
    }

    /// Starts the next work-group. Returns whether there was one.
    fn admit(&mut self) -> bool {
        let Some(id) = self.next else { return false };
        self.next = following(id, self.kernel.groups);
        let mut group = self.spare.pop().unwrap_or_else(|| Group {
            waves: Vec::new(),
            count: 0,
            lds: Lds::default(),
            slots: Vec::new(),
        });
        group.lds.reset(self.kernel.lds);
        group.count = self.kernel.waves(id) as usize;
        while group.waves.len() < group.count {
            group.waves.push(Wave::default());
        }
        for (index, wave) in group.waves[..group.count].iter_mut().enumerate() {
            let slot = self.slots.pop();
            group.slots.extend(slot);
            self.kernel.start(wave, id, index as u32, slot.unwrap_or(0));
        }
        self.resident.push(group);
        true
    }
}

/// The work-group after `id`: x runs first.
fn following(mut id: [u32; 3], groups: [u32; 3]) -> Option<[u32; 3]> {
    for dimension in 0..3 {
        id[dimension] += 1;
        if id[dimension] < groups[dimension] {
            return Some(id);
        }
        id[dimension] = 0;
    }
    None
}

/// A turn of a work-group: its waves in turn, until all have ended or about `budget` instructions are executed, which is their number returned.
fn run<M: Memory>(waves: &mut [Wave], code: &mut Code, unit: &mut Unit<'_, M>, budget: u64) -> Result<u64, Stop> {
    let mut used = 0;
    loop {
        let mut ended = true;
        for wave in waves.iter_mut().filter(|wave| !wave.ended) {
            ended = false;
            if !wave.at_barrier {
                used += advance(wave, code, unit)?;
            }
        }
        if ended {
            return Ok(used);
        }
        // A wave that has ended does not hold up the others.
        if waves.iter().all(|wave| wave.ended || wave.at_barrier) {
            waves.iter_mut().for_each(|wave| wave.at_barrier = false);
        }
        if used >= budget {
            return Ok(used);
        }
    }
}

/// A turn of a wave. Returns how many instructions it executed.
fn advance<M: Memory>(wave: &mut Wave, code: &mut Code, unit: &mut Unit<'_, M>) -> Result<u64, Stop> {
    wave.yields = false;
    for used in 1..=WAVE_SLICE {
        let address = wave.pc;
        let inst = code.at(address, unit.memory)?;
        wave.pc = address.wrapping_add(u64::from(inst.size));
        wave.clock += 1;
        if let Err(trap) = execute(wave, inst, unit) {
            return Err(stop(trap, inst, address));
        }
        if wave.icache_inv {
            wave.icache_inv = false;
            code.clear();
        }
        if wave.ended || wave.at_barrier || wave.yields {
            unit.interrupts.extend(wave.interrupt.take());
            return Ok(used);
        }
    }
    Ok(WAVE_SLICE)
}

fn execute<M: Memory>(wave: &mut Wave, inst: &Inst, unit: &mut Unit<'_, M>) -> Result<(), Trap> {
    if inst.op == Op::unknown {
        return Err(super::NOT_IMPLEMENTED);
    }
    match inst.format {
        Format::Sop1 | Format::Sop2 | Format::Sopk | Format::Sopc | Format::Sopp => salu::execute(wave, inst),
        Format::Smem => smem::execute(wave, inst, unit),
        Format::Vop1 | Format::Vop2 | Format::Vopc | Format::Vop3 | Format::Vop3p => valu::execute(wave, inst),
        Format::Ds => lds::execute(wave, inst, unit.lds),
        Format::Flat | Format::Global | Format::Scratch | Format::Mubuf => vmem::execute(wave, inst, unit),
        Format::Graphics => Err(super::NOT_IMPLEMENTED),
    }
}

fn stop(trap: Trap, inst: &Inst, address: u64) -> Stop {
    match trap {
        Trap::Fault(fault) => Stop::Fault(fault),
        Trap::Raised => Stop::Trap(address),
        Trap::Unsupported(reason) => {
            let name = match (inst.op, inst.format) {
                (Op::unknown, Format::Graphics) => graphics(inst.words[0]).to_owned(),
                (Op::unknown, format) => format!("of the encoding {format:?} with an unknown opcode"),
                (op, _) => format!("{op:?}"),
            };
            let words = inst.words[..usize::from(inst.size / 4)].to_vec();
            Stop::Unsupported { text: format!("{name} ({reason})"), words, address }
        }
    }
}

/// What an instruction without entry in the tables is, for a message: textures and surfaces are what programs meet.
fn graphics(word: u32) -> &'static str {
    // MIMG is 0x3c; its opcode's highest bit is bit 0.
    match (word >> 26, word >> 18 & 0x7f | (word & 1) << 7) {
        (0x3c, 0x00..=0x05 | 0x80) => "image_load",
        (0x3c, 0x08..=0x0b) => "image_store",
        (0x3c, 0x0e) => "image_get_resinfo",
        (0x3c, 0x0f..=0x1f) => "image_atomic",
        (0x3c, 0x40..=0x5f) => "image_gather4",
        (0x3c, 0x60) => "image_get_lod",
        (0x3c, _) => "image_sample",
        (0x3a, _) => "tbuffer (a typed buffer's load or store)",
        _ => "of an export or interpolation encoding",
    }
}
