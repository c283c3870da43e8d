//! What a kernel's waves start with (LLVM AMDGPUUsage: "Kernel Descriptor" and "Initial Kernel Execution State", gfx10).

use super::Stop;
use super::wave::Wave;
use crate::mem::{Access, Client, Fault, Kind, Memory, Scope};

/// Offsets in `amd_queue_t` (ROCr `src/inc/amd_hsa_queue.h`).
const READ_DISPATCH_ID: u64 = 0x80;
const COMPUTE_TMPRING_SIZE: u64 = 0x8c;
const SCRATCH_RESOURCE_DESCRIPTOR: u64 = 0x90;

/// Bits of `kernel_code_properties`.
const PRIVATE_SEGMENT_BUFFER: u32 = 1 << 0;
const DISPATCH_PTR: u32 = 1 << 1;
const QUEUE_PTR: u32 = 1 << 2;
const KERNARG_SEGMENT_PTR: u32 = 1 << 3;
const DISPATCH_ID: u32 = 1 << 4;
const FLAT_SCRATCH_INIT: u32 = 1 << 5;
const PRIVATE_SEGMENT_SIZE: u32 = 1 << 6;
const WAVEFRONT_SIZE32: u32 = 1 << 10;

/// Bits of `compute_pgm_rsrc2`.
const SCRATCH_WAVE_OFFSET: u32 = 1 << 0;
const WORKGROUP_ID: [u32; 3] = [1 << 7, 1 << 8, 1 << 9];
const WORKGROUP_INFO: u32 = 1 << 10;

/// The largest work-group (HSA: WORKGROUP_MAX_SIZE of all gfx10 agents).
const LARGEST_GROUP: u32 = 1024;
/// LDS is given out in these units: 128 words (LLVM AMDGPUUsage, GRANULATED_LDS_SIZE of gfx10).
const LDS_GRANULE: u32 = 512;
/// LDS of one work-group.
const LARGEST_LDS: u32 = 64 << 10;

/// A kernel ready to run: packet and descriptor, read.
#[derive(Debug)]
pub struct Kernel {
    entry: u64,
    pub wave64: bool,
    vgprs: usize,
    mode: u32,
    rsrc2: u32,
    user: Vec<u32>,
    group: [u32; 3],
    grid: [u32; 3],
    /// Work-groups in each dimension.
    pub groups: [u32; 3],
    /// Bytes of LDS of a work-group.
    pub lds: usize,
    /// Waves that may run at once because each has scratch memory; `None`: the kernel needs none.
    pub scratch_slots: Option<u32>,
    scratch_wave_bytes: u32,
}

impl Kernel {
    pub fn new<M: Memory>(packet: &[u8; 64], queue: u64, packet_va: u64, memory: &mut M) -> Result<Self, Stop> {
        let half = |at: usize| u32::from(u16::from_le_bytes([packet[at], packet[at + 1]]));
        let word = |at: usize| half(at) | half(at + 2) << 16;
        let long = |at: usize| u64::from(word(at)) | u64::from(word(at + 4)) << 32;

        let dimensions = (half(2) & 3) as usize;
        let mut group = [half(4), half(6), half(8)];
        let mut grid = [word(12), word(16), word(20)];
        if dimensions == 0 {
            return Err(Stop::Invalid("the dispatch packet has no dimensions".into()));
        }
        for unused in dimensions..3 {
            (group[unused], grid[unused]) = (1, 1);
        }
        if group.contains(&0) || grid.contains(&0) {
            return Err(Stop::Invalid(format!(
                "the dispatch packet has the work-group {group:?} and the grid {grid:?}: no dimension may be 0"
            )));
        }
        // Each is below 2^16: no overflow of 64 bits.
        if group.iter().map(|n| u64::from(*n)).product::<u64>() > u64::from(LARGEST_GROUP) {
            return Err(Stop::Invalid(format!("the work-group {group:?} has more than {LARGEST_GROUP} work-items")));
        }
        let (private, lds, object, kernarg) = (word(24), word(28), long(32), long(40));
        if lds > LARGEST_LDS {
            return Err(Stop::Invalid(format!("the dispatch packet asks for {lds} bytes of LDS, more than there are")));
        }

        let descriptor: [u8; 64] = bytes(memory, object)?;
        let field = |at: usize| {
            u32::from_le_bytes([descriptor[at], descriptor[at + 1], descriptor[at + 2], descriptor[at + 3]])
        };
        let offset = u64::from(field(16)) | u64::from(field(20)) << 32;
        let (rsrc1, rsrc2, properties) = (field(48), field(52), field(56) & 0xffff);
        if rsrc1 >> 12 & 15 != 0 {
            return Err(Stop::Invalid("the kernel asks for rounding other than to nearest even".into()));
        }
        let wave64 = properties & WAVEFRONT_SIZE32 == 0;

        let [tmpring] = words(memory, queue + COMPUTE_TMPRING_SIZE)?;
        let resource: [u32; 4] = words(memory, queue + SCRATCH_RESOURCE_DESCRIPTOR)?;
        let mut user = Vec::with_capacity(16);
        let mut pair = |enabled: u32, value: u64| {
            if properties & enabled != 0 {
                user.extend([value as u32, (value >> 32) as u32]);
            }
        };
        if properties & PRIVATE_SEGMENT_BUFFER != 0 {
            // INDEX_STRIDE, bits 21 and 22, is left to the packet processor (ROCr, FillBufRsrcWord3_Gfx10): the lanes of a wave.
            let index_stride = if wave64 { 3 } else { 2 };
            pair(PRIVATE_SEGMENT_BUFFER, u64::from(resource[0]) | u64::from(resource[1]) << 32);
            let last = resource[3] & !(3 << 21) | index_stride << 21;
            pair(PRIVATE_SEGMENT_BUFFER, u64::from(resource[2]) | u64::from(last) << 32);
        }
        pair(DISPATCH_PTR, packet_va);
        pair(QUEUE_PTR, queue);
        pair(KERNARG_SEGMENT_PTR, kernarg);
        let [id_low, id_high] = words(memory, queue + READ_DISPATCH_ID)?;
        pair(DISPATCH_ID, u64::from(id_low) | u64::from(id_high) << 32);
        pair(FLAT_SCRATCH_INIT, u64::from(resource[0]) | u64::from(resource[1] & 0xffff) << 32);
        if properties & PRIVATE_SEGMENT_SIZE != 0 {
            user.push(private);
        }
        let count = (rsrc2 >> 1 & 31) as usize;
        if user.len() > count {
            let text =
                format!("the kernel descriptor at {object:#x} enables {} user SGPRs and counts {count}", user.len());
            return Err(Stop::Invalid(text));
        }
        user.resize(count, 0);

        Ok(Kernel {
            entry: object.wrapping_add(offset),
            wave64,
            vgprs: ((rsrc1 & 63) as usize + 1) * if wave64 { 4 } else { 8 },
            // Rounding and denormals lie as in the MODE register; DX10_CLAMP and IEEE do not.
            mode: rsrc1 >> 12 & 0xff | (rsrc1 >> 21 & 1) << 8 | (rsrc1 >> 23 & 1) << 9,
            rsrc2,
            user,
            groups: std::array::from_fn(|i| grid[i].div_ceil(group[i])),
            group,
            grid,
            lds: lds.next_multiple_of(LDS_GRANULE) as usize,
            scratch_slots: (private > 0).then_some(tmpring & 0xfff),
            scratch_wave_bytes: (tmpring >> 12 & 0x1fff) << 10,
        })
    }

    /// The size of a work-group: those at the end of the grid may be partial.
    fn size(&self, id: [u32; 3]) -> [u32; 3] {
        std::array::from_fn(|i| self.group[i].min(self.grid[i].saturating_sub(id[i].saturating_mul(self.group[i]))))
    }

    pub fn lanes(&self) -> u32 {
        if self.wave64 { 64 } else { 32 }
    }

    /// Waves of the work-group `id`.
    pub fn waves(&self, id: [u32; 3]) -> u32 {
        self.size(id).iter().product::<u32>().div_ceil(self.lanes())
    }

    /// Waves of a whole work-group.
    pub fn most_waves(&self) -> u32 {
        self.waves([0; 3])
    }

    /// Puts a wave into its initial state.
    pub fn start(&self, wave: &mut Wave, id: [u32; 3], index: u32, slot: u32) {
        wave.reset(self.wave64, self.vgprs, self.mode, self.entry);
        let size = self.size(id);
        let items: u32 = size.iter().product();

        let mut next = self.user.len();
        wave.sgpr[..next].copy_from_slice(&self.user);
        let mut system = |wave: &mut Wave, enabled: u32, value: u32| {
            if self.rsrc2 & enabled != 0 {
                wave.sgpr[next] = value;
                next += 1;
            }
        };
        for dimension in 0..3 {
            system(wave, WORKGROUP_ID[dimension], id[dimension]);
        }
        system(wave, WORKGROUP_INFO, u32::from(index == 0) << 31 | self.waves(id));
        system(wave, SCRATCH_WAVE_OFFSET, slot.wrapping_mul(self.scratch_wave_bytes));

        let first = index * self.lanes();
        let active = (items - first).min(self.lanes());
        wave.set_exec(if active == 64 { u64::MAX } else { (1 << active) - 1 });
        let ids = (self.rsrc2 >> 11 & 3).min(2) as usize;
        for lane in 0..active {
            let item = first + lane;
            let place = [item % size[0], item / size[0] % size[1], item / size[0] / size[1]];
            for (dimension, value) in place.iter().enumerate().take(ids + 1) {
                // A kernel has at least four registers.
                wave.vgpr[dimension][lane as usize] = *value;
            }
        }
    }
}

/// The packet processor's loads.
fn bytes<M: Memory, const N: usize>(memory: &mut M, addr: u64) -> Result<[u8; N], Fault> {
    let mut out = [0; N];
    let access =
        Access { addr, width: N as u32, kind: Kind::Load, scope: Scope::System, client: Client::PacketProcessor };
    memory.load(access, &mut out)?;
    Ok(out)
}

fn words<M: Memory, const N: usize>(memory: &mut M, addr: u64) -> Result<[u32; N], Fault> {
    let mut out = [0; N];
    for (index, word) in out.iter_mut().enumerate() {
        *word = u32::from_le_bytes(bytes(memory, addr.wrapping_add(4 * index as u64))?);
    }
    Ok(out)
}
