//! AQL queues: the packets of the HSA System Architecture Specification 1.2, section 2.9, and AMD's vendor packet.
//!
//! Packets complete strictly in order, which the specification allows. Memory is always coherent here, so that fence scopes need no action.

use super::signal;
use super::{Halt, Outside, QueueConfig, Step, Words};
use crate::isa::{Dispatch, Progress, Stop};
use crate::kfd::events::SIGNAL_LIMIT;
use crate::mem::{Client, Fault, Memory};

const CP: Client = Client::PacketProcessor;
const PACKET: u64 = 64;

/// Packet types, bits 0 to 7 of the header (`hsa.h`, hsa_packet_type_t).
const VENDOR_SPECIFIC: u8 = 0;
const INVALID: u8 = 1;
const KERNEL_DISPATCH: u8 = 2;
const BARRIER_AND: u8 = 3;
const BARRIER_OR: u8 = 5;

/// Offsets in `amd_queue_t` (ROCr `src/inc/amd_hsa_queue.h`); the read pointer that KFD is given is its `read_dispatch_id`.
const READ_DISPATCH_ID: u64 = 0x80;
const COMPUTE_TMPRING_SIZE: u64 = 0x8c;
const SCRATCH_WAVE64_LANE_BYTE_SIZE: u64 = 0xb0;
const QUEUE_INACTIVE_SIGNAL: u64 = 0xc0;

/// Codes of the queue's inactive signal (ROCr `amd_aql_queue.cpp`, DynamicScratchHandler).
const NO_SCRATCH_WAVE64: u64 = 0x1;
const NO_SCRATCH_WAVE32: u64 = 0x400;
const INVALID_FORMAT: u64 = 32;
const INVALID_CODE: u64 = 8;
const ILLEGAL_INSTRUCTION: u64 = 0x4000_0000;
const EXCEPTION: u64 = 0x8000_0000;

/// The state of one AQL queue.
#[derive(Debug, Default)]
pub struct Aql {
    /// Index of the packet that is next.
    read: u64,
    running: Option<Running>,
    /// The program was asked for scratch memory and has not answered.
    awaiting_scratch: bool,
}

#[derive(Debug)]
struct Running {
    dispatch: Box<Dispatch>,
    start: u64,
}

impl Aql {
    /// Whether a step could do something. A doorbell that was rung once says no more than that: when several threads ring, the last value need not be the
    /// highest, so [`Aql::step`] looks at the write pointer as well.
    pub fn was_rung(doorbell: u64) -> bool {
        doorbell != u64::MAX
    }

    /// Processes packets until one blocks or `budget` is used up.
    pub fn step<M: Memory>(
        &mut self,
        config: &QueueConfig,
        doorbell: u64,
        memory: &mut M,
        outside: &mut Outside,
        budget: u64,
    ) -> Result<Step, Halt> {
        let mut step = Step::Idle;
        // As the card does once a doorbell has rung (linux `kfd_mqd_manager_v10.c`, update_mqd: cp_hqd_pq_wptr_poll_addr). A packet that is only reserved still
        // has an invalid header.
        let written = memory.word64(CP, config.write_pointer)?.max(doorbell.wrapping_add(1));
        while self.running.is_some() || self.read < written {
            let address = config.ring_base + self.read * PACKET % config.ring_size;
            let packet: [u8; 64] = memory.bytes(CP, address)?;
            if packet[0] == INVALID {
                // Rung before the packet was complete: another thread is still writing an earlier one.
                return Ok(step);
            }
            if !self.process(config, address, &packet, memory, outside, budget)? {
                return Ok(if self.running.is_some() { Step::Worked } else { step });
            }
            step = Step::Worked;
            if !outside.events.is_empty() {
                // Let the program know before more is done.
                return Ok(step);
            }
        }
        Ok(step)
    }

    /// One packet. Returns whether it is done.
    fn process<M: Memory>(
        &mut self,
        config: &QueueConfig,
        address: u64,
        packet: &[u8; 64],
        memory: &mut M,
        outside: &mut Outside,
        budget: u64,
    ) -> Result<bool, Halt> {
        let now = (outside.clock)();
        let start = match packet[0] {
            KERNEL_DISPATCH => match self.dispatch(config, address, packet, memory, outside, budget)? {
                Some(start) => start,
                None => return Ok(false),
            },
            BARRIER_AND | BARRIER_OR => {
                if !ready(packet, memory)? {
                    return Ok(false);
                }
                now
            }
            // ROCr's PM4 packets invalidate caches, of which there are none.
            VENDOR_SPECIFIC => now,
            other => {
                let text = format!("packet {} at {address:#x} has the type {other}, which is none of HSA's", self.read);
                return Err(Halt::Error { text, code: INVALID_FORMAT });
            }
        };
        self.finish(config, address, packet, start, memory, outside)?;
        Ok(true)
    }

    /// Starts or goes on with a kernel. Returns when it started, once it is done.
    fn dispatch<M: Memory>(
        &mut self,
        config: &QueueConfig,
        address: u64,
        packet: &[u8; 64],
        memory: &mut M,
        outside: &mut Outside,
        budget: u64,
    ) -> Result<Option<u64>, Halt> {
        let queue = config.read_pointer - READ_DISPATCH_ID;
        if self.running.is_none() {
            let Some(isa) = config.isa else {
                let text =
                    "kernels are not executed on this virtual card: it is a control, for allocations only".to_owned();
                return Err(Halt::Error { text, code: ILLEGAL_INSTRUCTION });
            };
            if !self.has_scratch(queue, packet, memory, outside)? {
                return Ok(None);
            }
            let dispatch = Dispatch::new(isa, packet, queue, address, memory).map_err(halt)?;
            self.running = Some(Running { dispatch: Box::new(dispatch), start: (outside.clock)() });
        }
        let Some(running) = &mut self.running else { return Ok(None) };
        let progress = running.dispatch.step(memory, budget);
        outside.events.extend(running.dispatch.take_interrupts().into_iter().flat_map(events_of_interrupt));
        match progress.map_err(halt)? {
            Progress::Running => Ok(None),
            Progress::Done => Ok(self.running.take().map(|running| running.start)),
        }
    }

    /// Whether the queue has the scratch memory that the kernel needs; if not, asks ROCr for it as the real packet processor does.
    fn has_scratch<M: Memory>(
        &mut self,
        queue: u64,
        packet: &[u8; 64],
        memory: &mut M,
        outside: &mut Outside,
    ) -> Result<bool, Halt> {
        let needed = u64::from(u32_at(packet, 24));
        if needed == 0 {
            return Ok(true);
        }
        let inactive = memory.word64(CP, queue + QUEUE_INACTIVE_SIGNAL)?;
        if self.awaiting_scratch {
            if signal::value(memory, inactive)? != 0 {
                return Ok(false);
            }
            self.awaiting_scratch = false;
        }
        let kernel_object = u64_at(packet, 32);
        // kernel_code_properties of the kernel descriptor, bit 10: wave32 (AMDGPUUsage, "Kernel Descriptor").
        let wave32 = memory.bytes::<2>(CP, kernel_object + 56).map(u16::from_le_bytes)? & 1 << 10 != 0;
        let lanes = if wave32 { 32 } else { 64 };
        let per_wave = u64::from(memory.word32(CP, queue + SCRATCH_WAVE64_LANE_BYTE_SIZE)?) * 64;
        let waves = memory.word32(CP, queue + COMPUTE_TMPRING_SIZE)? & 0xfff;
        if needed * lanes <= per_wave && waves > 0 {
            return Ok(true);
        }
        if inactive == 0 {
            let text = format!(
                "the kernel needs {needed} bytes of scratch memory per lane and the queue has no way to ask for them"
            );
            return Err(Halt::Error { text, code: INVALID_CODE });
        }
        let code = if wave32 { NO_SCRATCH_WAVE32 } else { NO_SCRATCH_WAVE64 };
        signal::set_bits(memory, inactive, code, outside)?;
        self.awaiting_scratch = true;
        Ok(false)
    }

    /// Hands the slot back to the program and completes the packet's signal.
    fn finish<M: Memory>(
        &mut self,
        config: &QueueConfig,
        address: u64,
        packet: &[u8; 64],
        start: u64,
        memory: &mut M,
        outside: &mut Outside,
    ) -> Result<(), Fault> {
        let completion = u64_at(packet, 56);
        memory.put(CP, address, &u16::from(INVALID).to_le_bytes())?;
        self.read += 1;
        memory.put(CP, config.read_pointer, &self.read.to_le_bytes())?;
        if completion != 0 {
            signal::stamp(memory, completion, start, (outside.clock)())?;
            signal::complete(memory, completion, outside)?;
        }
        Ok(())
    }
}

/// Tells ROCr of a queue error, through the queue's inactive signal.
pub fn report<M: Memory>(config: &QueueConfig, code: u64, memory: &mut M, outside: &mut Outside) -> Result<(), Fault> {
    let queue = config.read_pointer - READ_DISPATCH_ID;
    let inactive = memory.word64(CP, queue + QUEUE_INACTIVE_SIGNAL)?;
    signal::set_bits(memory, inactive, code, outside)
}

/// Whether the signals that a barrier packet waits for are 0: all of them, or one.
fn ready<M: Memory>(packet: &[u8; 64], memory: &mut M) -> Result<bool, Fault> {
    let mut values = Vec::with_capacity(5);
    for index in 0..5 {
        let dependency = u64_at(packet, 8 + index * 8);
        if dependency != 0 {
            values.push(signal::value(memory, dependency)?);
        }
    }
    Ok(match packet[0] {
        BARRIER_OR => values.is_empty() || values.contains(&0),
        _ => values.iter().all(|value| *value == 0),
    })
}

/// The events that a wave's interrupt may mean. The device library that sends it (ROCm-Device-Libs, `update_mbox`) passes the low 8 bits of the event's
/// id only; the driver then looks for signalled mailboxes. Waking waiters for nothing is harmless: they look at their signal.
fn events_of_interrupt(m0: u32) -> impl Iterator<Item = u32> {
    (m0 & 0xff..SIGNAL_LIMIT).step_by(0x100)
}

fn halt(stop: Stop) -> Halt {
    match stop {
        Stop::Fault(fault) => Halt::Fault(fault),
        Stop::Unsupported { .. } => Halt::Error { text: stop.to_string(), code: ILLEGAL_INSTRUCTION },
        Stop::Trap(_) => Halt::Error { text: stop.to_string(), code: EXCEPTION },
        Stop::Invalid(_) => Halt::Error { text: stop.to_string(), code: INVALID_CODE },
    }
}

fn u32_at(packet: &[u8; 64], offset: usize) -> u32 {
    u32::from_le_bytes([packet[offset], packet[offset + 1], packet[offset + 2], packet[offset + 3]])
}

fn u64_at(packet: &[u8; 64], offset: usize) -> u64 {
    u64::from(u32_at(packet, offset)) | u64::from(u32_at(packet, offset + 4)) << 32
}

#[cfg(test)]
#[path = "aql_tests.rs"]
mod tests;
