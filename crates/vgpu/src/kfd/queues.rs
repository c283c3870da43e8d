//! Queues and their doorbells (linux `kfd_chardev.c`, set_queue_properties_from_user; `kfd_doorbell.c`).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{DOORBELL_PAGE, Kfd, PAGE, uapi};
use crate::engine::{self, Engine, QueueConfig, QueueKind};
use crate::log::Event;

/// KFD_MAX_QUEUE_PERCENTAGE and KFD_MAX_QUEUE_PRIORITY of `kfd_ioctl.h`.
const MAX_PERCENTAGE: u32 = 100;
const MAX_PRIORITY: u32 = 15;
/// KFD_MAX_NUM_OF_QUEUES_PER_PROCESS of `kfd_priv.h`.
const MAX_QUEUES: usize = 1024;

/// Where the doorbell page of a GPU lies in `/dev/kfd`. The low 32 bits must be 0: for its first queue on a node libhsakmt takes all of them for the
/// doorbell's place in the page (`queues.c`, hsaKmtCreateQueue, with `doorbells[].size` still 0).
pub(super) fn doorbell_offset(gpu: usize) -> u64 {
    (gpu as u64 + 1) << 32
}

/// The queues of a process.
#[derive(Debug, Default)]
pub struct Queues {
    /// Doorbells in use, by GPU.
    doorbells: Vec<Vec<bool>>,
    /// GPU and doorbell of each queue, by id.
    live: BTreeMap<u32, (usize, usize)>,
}

impl Queues {
    pub fn new(gpus: usize) -> Self {
        Queues { doorbells: vec![vec![false; (DOORBELL_PAGE / 8) as usize]; gpus], live: BTreeMap::new() }
    }

    /// The lowest free id and doorbell; `None` when there are none.
    fn add(&mut self, gpu: usize) -> Option<(u32, usize)> {
        if self.live.len() >= MAX_QUEUES {
            return None;
        }
        let doorbell = self.doorbells[gpu].iter().position(|used| !used)?;
        let id = (0..).find(|id| !self.live.contains_key(id))?;
        self.doorbells[gpu][doorbell] = true;
        self.live.insert(id, (gpu, doorbell));
        Some((id, doorbell))
    }

    fn remove(&mut self, id: u32) -> bool {
        let Some((gpu, doorbell)) = self.live.remove(&id) else { return false };
        self.doorbells[gpu][doorbell] = false;
        true
    }
}

/// What both CREATE_QUEUE and UPDATE_QUEUE check.
fn check(percentage: u32, priority: u32, ring_base: u64, ring_size: u32) -> Result<(), i32> {
    if percentage > MAX_PERCENTAGE || priority > MAX_PRIORITY || ring_size != 0 && !ring_size.is_power_of_two() {
        return Err(libc::EINVAL);
    }
    // access_ok fails for addresses that no process has.
    if ring_base != 0 && ring_base < PAGE { Err(libc::EFAULT) } else { Ok(()) }
}

impl Kfd {
    pub(super) fn create_queue(self: &Arc<Self>, args: &mut uapi::CreateQueue) -> Result<(), i32> {
        self.plan("create-queue", 0)?;
        check(args.queue_percentage, args.queue_priority, args.ring_base, args.ring_size)?;
        if args.read_pointer < PAGE || args.write_pointer < PAGE {
            return Err(libc::EFAULT);
        }
        let gpu = self.gpu(args.gpu_id)?;
        let (kind, name) = match args.queue_type {
            0 => (QueueKind::Pm4, "pm4"),
            1 => (QueueKind::Sdma, "sdma"),
            2 => (QueueKind::Aql, "aql"),
            // KFD_IOC_QUEUE_TYPE_SDMA_XGMI: no card here has such engines.
            3 => return Err(libc::ENOMEM),
            // KFD_IOC_QUEUE_TYPE_SDMA_BY_ENG_ID: all engines are alike.
            4 if self.spec.kfd_minor >= 17 => (QueueKind::Sdma, "sdma"),
            _ => return Err(libc::EINVAL),
        };
        let mut state = self.state.lock();
        if !state.acquired[gpu] {
            return Err(libc::ESRCH);
        }
        let (id, doorbell) = state.queues.add(gpu).ok_or(libc::ENOMEM)?;
        drop(state);
        args.queue_id = id;
        args.doorbell_offset = doorbell_offset(gpu) + doorbell as u64 * 8;
        // AQL packet 0 rings the value 0: a doorbell that was never rung must differ from it.
        self.control.write_u64(args.doorbell_offset, u64::MAX);
        self.log.write(Event::Queue {
            gpu: args.gpu_id,
            card: self.card_name(gpu),
            id,
            kind: name.to_owned(),
            ring: args.ring_base,
            size: u64::from(args.ring_size),
        });
        let config = QueueConfig {
            id,
            kind,
            gpu,
            isa: self.spec.cards[gpu].card.isa,
            ring_base: args.ring_base,
            ring_size: u64::from(args.ring_size),
            read_pointer: args.read_pointer,
            write_pointer: args.write_pointer,
            doorbell: self.control.host(args.doorbell_offset),
        };
        let mut engine = self.engine.lock();
        engine.get_or_insert_with(|| Engine::start(Arc::clone(self) as Arc<dyn engine::Kernel>)).add_queue(config);
        Ok(())
    }

    pub(super) fn update_queue(&self, args: &mut uapi::UpdateQueue) -> Result<(), i32> {
        check(args.queue_percentage, 0, args.ring_base, args.ring_size)?;
        if !self.state.lock().queues.live.contains_key(&args.queue_id) {
            return Err(libc::EINVAL);
        }
        if let Some(engine) = self.engine.lock().as_ref() {
            // A queue without time or without a ring does not run (`QUEUE_IS_ACTIVE` of `kfd_priv.h`).
            let active = args.queue_percentage > 0 && args.ring_size > 0 && args.ring_base != 0;
            engine.update_queue(args.queue_id, args.ring_base, u64::from(args.ring_size), active);
        }
        Ok(())
    }

    pub(super) fn destroy_queue(&self, id: u32) -> Result<(), i32> {
        if !self.state.lock().queues.live.contains_key(&id) {
            return Err(libc::EINVAL);
        }
        if let Some(engine) = self.engine.lock().as_ref() {
            engine.remove_queue(id);
        }
        self.state.lock().queues.remove(id);
        Ok(())
    }

    /// The mask is checked and has no effect: the engine has no compute units.
    pub(super) fn set_cu_mask(&self, args: &uapi::SetCuMask) -> Result<(), i32> {
        if args.bits == 0
            || !args.bits.is_multiple_of(32)
            || !self.state.lock().queues.live.contains_key(&args.queue_id)
        {
            return Err(libc::EINVAL);
        }
        if args.mask < PAGE { Err(libc::EFAULT) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_doorbells_are_given_again_after_a_queue_is_gone() {
        let mut queues = Queues::new(2);
        assert_eq!(queues.add(0), Some((0, 0)));
        assert_eq!(queues.add(1), Some((1, 0)));
        assert_eq!(queues.add(0), Some((2, 1)));
        assert!(queues.remove(0));
        assert!(!queues.remove(0));
        assert_eq!(queues.add(0), Some((0, 0)));
    }

    #[test]
    fn a_process_has_1024_queues_at_most() {
        let mut queues = Queues::new(2);
        for _ in 0..MAX_QUEUES / 2 {
            assert!(queues.add(0).is_some() && queues.add(1).is_some());
        }
        assert_eq!(queues.add(0), None);
    }

    #[test]
    fn what_the_kernel_refuses_is_refused() {
        assert_eq!(check(100, 15, 1 << 20, 4096), Ok(()));
        assert_eq!(check(0, 0, 0, 0), Ok(()), "a queue may be without a ring");
        for (percentage, priority, ring_size) in [(101, 0, 4096), (100, 16, 4096), (100, 0, 4097)] {
            assert_eq!(check(percentage, priority, 1 << 20, ring_size), Err(libc::EINVAL));
        }
        assert_eq!(check(100, 0, 8, 4096), Err(libc::EFAULT));
    }
}
