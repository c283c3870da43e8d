//! The model of the kernel driver: `/dev/kfd` and the render nodes of one process.
//!
//! Each process has its own, as a real process has its own GPU virtual address spaces. Every handler refuses what the real one refuses
//! (linux `drivers/gpu/drm/amd/amdkfd/kfd_chardev.c` and `amdgpu/amdgpu_amdkfd_gpuvm.c`), with the same error number. An ioctl that is not modelled, or that
//! the interface version of the machine does not have yet, is ENOTTY and one line of the log.

pub mod backing;
pub mod drm;
pub mod events;
pub mod gem;
mod memory;
mod queues;
pub mod ranges;
mod svm;
pub mod uapi;

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::engine::{self, Engine};
use crate::log::{Event, Log};
use crate::mem::{Fault, FaultReason};
use crate::mtype::{self, Mtype};
use crate::spec::Spec;
use crate::sync::Mutex;
use crate::vm::Vm;
use backing::Backing;
use events::{Events, MemoryException, Waited};
use gem::Gem;
use memory::Buffer;
use queues::Queues;
use ranges::Ranges;

/// The result of an ioctl: what the call returns, or an errno.
pub type Answer = Result<i32, i32>;

/// Which file a call came in on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Node {
    /// `/dev/kfd`.
    Kfd,
    /// `/dev/dri/renderD(128 + index)`.
    Render(usize),
}

/// KFD's gpu_id of the card at `index`: in a real kernel a hash of the device; here the node is readable in it.
pub fn gpu_id(index: usize) -> u32 {
    0x5600 + index as u32 + 1
}

/// One page of doorbells per process and GPU: 1024 doorbells of 8 bytes (`kfd_doorbell.c`, kfd_doorbell_process_slice).
const DOORBELL_PAGE: u64 = 8192;
/// Where the MMIO remap pages lie in `/dev/kfd`.
const MMIO_BASE: u64 = 1 << 20;
const PAGE: u64 = 4096;
/// Ticks of the GPU's clock are 10 ns: 100 MHz, the reference clock of gfx10.
const CLOCK_NS: u64 = 10;
/// `gpuvm_limit`: user addresses have 47 bits (`kfd_flat_memory.c`, kfd_init_apertures_v9, on x86-64).
const VA_LIMIT: u64 = 1 << 47;

#[derive(Debug, Default)]
struct State {
    buffers: BTreeMap<u64, Buffer>,
    next_handle: u64,
    /// Bytes in use, by GPU.
    vram_used: Vec<u64>,
    /// Bytes of GTT and USERPTR buffers.
    system_used: u64,
    /// GPUs whose VM the process has acquired.
    acquired: Vec<bool>,
    /// Handle of the buffer that holds the event page.
    event_page: Option<u64>,
    queues: Queues,
    ranges: Ranges,
    gem: Gem,
    /// Calls seen by each fault of the plan.
    faults: Vec<u64>,
}

/// The driver as one process sees it.
#[derive(Debug)]
pub struct Kfd {
    spec: Spec,
    log: Log,
    control: Backing,
    cards: Vec<Backing>,
    /// Bytes of host memory that GPUs may use.
    system_limit: u64,
    state: Mutex<State>,
    vm: Mutex<Vm>,
    events: Events,
    engine: Mutex<Option<Engine>>,
    /// There has been an SVM range: giving memory back has to be looked at.
    svm_used: AtomicBool,
}

impl Kfd {
    /// A driver without any state, for the machine `spec`; lines go to the file `log`.
    pub fn new(spec: Spec, log: Option<&Path>) -> std::io::Result<Arc<Self>> {
        let system = memory::system_bytes();
        // Host memory that a card's buffers can take comes on top of its own.
        let room = |slot: &crate::spec::Slot| slot.vram.saturating_add(system).next_multiple_of(1 << 30) + (1 << 30);
        let cards =
            spec.cards.iter().map(|slot| Backing::new("vgpu-render", room(slot))).collect::<Result<Vec<_>, _>>()?;
        let state = State {
            next_handle: 1,
            vram_used: vec![0; cards.len()],
            acquired: vec![false; cards.len()],
            queues: Queues::new(cards.len()),
            ranges: Ranges::new(cards.len()),
            faults: vec![0; spec.faults.len()],
            ..State::default()
        };
        Ok(Arc::new(Kfd {
            log: Log::new(log),
            control: Backing::new("vgpu-kfd", queues::doorbell_offset(cards.len()))?,
            // amdgpu_amdkfd_gpuvm_init_mem_limits: 15/16 of memory.
            system_limit: system - system / 16,
            vm: Mutex::new(Vm::new(cards.len())),
            cards,
            state: Mutex::new(state),
            events: Events::default(),
            engine: Mutex::new(None),
            svm_used: AtomicBool::new(false),
            spec,
        }))
    }

    /// The machine.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// A new descriptor of a device file, close-on-exec.
    pub fn open(&self, node: Node) -> Result<i32, i32> {
        match node {
            Node::Kfd => self.control.reopen(),
            Node::Render(index) => self.cards.get(index).ok_or(libc::ENOENT)?.reopen(),
        }
    }

    /// The device file that a descriptor with this device and inode number is; `None`: not one of this process' driver.
    pub fn node_of(&self, dev: u64, ino: u64) -> Option<Node> {
        if self.control.is(dev, ino) {
            return Some(Node::Kfd);
        }
        self.cards.iter().position(|card| card.is(dev, ino)).map(Node::Render)
    }

    /// Handles one ioctl on a device file.
    ///
    /// # Safety
    /// `arg` is what the program passed: it points to the argument structure of `request`, and pointers in that structure are the program's.
    pub unsafe fn ioctl(self: &Arc<Self>, node: Node, request: u64, arg: *mut c_void) -> Answer {
        let (kind, number) = ((request >> 8) as u8, request as u8);
        match node {
            // SAFETY: handed on.
            Node::Kfd if kind == uapi::BASE => unsafe { self.kfd_ioctl(number, arg) },
            // SAFETY: handed on.
            Node::Render(index) if kind == drm::BASE => unsafe {
                self.gem_ioctl(index, number, arg).unwrap_or_else(|| {
                    let used = self.state.lock().vram_used[index];
                    drm::ioctl(&self.spec.cards[index], used, number, arg)
                })
            },
            _ => Err(libc::ENOTTY),
        }
        .inspect_err(|errno| {
            let ioctl = format!("{}:{number:#04x}", char::from(kind));
            match *errno {
                libc::ENOTTY => self.log.write(Event::Unknown { ioctl }),
                _ if (kind, number) == (uapi::BASE, uapi::ALLOC_MEMORY_OF_GPU) => {}
                errno => self.log.write(Event::Refused { ioctl, errno }),
            }
        })
    }

    /// # Safety
    /// As [`Kfd::ioctl`].
    unsafe fn kfd_ioctl(self: &Arc<Self>, number: u8, arg: *mut c_void) -> Answer {
        if uapi::since_minor(number).is_none_or(|minor| minor > self.spec.kfd_minor) {
            return Err(libc::ENOTTY);
        }
        // SAFETY: in all arms the number says which structure the program passes; array pointers in it are the program's, with the count beside them.
        unsafe {
            match number {
                uapi::GET_VERSION => with(arg, |a: &mut uapi::GetVersion| {
                    *a = uapi::GetVersion { major: 1, minor: self.spec.kfd_minor };
                    Ok(())
                }),
                uapi::GET_PROCESS_APERTURES_NEW => with(arg, |a| self.apertures(a)),
                uapi::ACQUIRE_VM => with(arg, |a: &mut uapi::AcquireVm| self.acquire_vm(a)),
                uapi::SET_MEMORY_POLICY => with(arg, |a: &mut uapi::SetMemoryPolicy| {
                    // KFD_IOC_CACHE_POLICY_COHERENT and _NONCOHERENT.
                    if a.default_policy > 1 || a.alternate_policy > 1 {
                        return Err(libc::EINVAL);
                    }
                    self.gpu(a.gpu_id).map(drop)
                }),
                uapi::SET_SCRATCH_BACKING_VA => {
                    with(arg, |a: &mut uapi::SetScratchBackingVa| self.gpu(a.gpu_id).map(drop))
                }
                uapi::SET_TRAP_HANDLER => with(arg, |a: &mut uapi::SetTrapHandler| self.gpu(a.gpu_id).map(drop)),
                uapi::GET_CLOCK_COUNTERS => with(arg, |a: &mut uapi::ClockCounters| {
                    let now = monotonic_ns();
                    // Node 0 is the host: no GPU, no GPU clock (`kfd_ioctl_get_clock_counters`).
                    let gpu = if self.gpu(a.gpu_id).is_ok() { now / CLOCK_NS } else { 0 };
                    *a = uapi::ClockCounters { gpu, cpu: now, system: now, system_frequency: 1_000_000_000, ..*a };
                    Ok(())
                }),
                uapi::GET_TILE_CONFIG => with(arg, |a: &mut uapi::TileConfig| {
                    self.gpu(a.gpu_id)?;
                    (a.tile_count, a.macro_tile_count, a.num_banks, a.num_ranks) = (0, 0, 0, 0);
                    a.gb_addr_config = 0x0000_0545;
                    Ok(())
                }),
                uapi::ALLOC_MEMORY_OF_GPU => with(arg, |a| self.alloc(a)),
                uapi::FREE_MEMORY_OF_GPU => with(arg, |a: &mut uapi::FreeMemory| self.free(a.handle)),
                uapi::MAP_MEMORY_TO_GPU => with(arg, |a: &mut uapi::MapMemory| {
                    let ids = words(a.device_ids, a.count)?;
                    self.map(a, &ids)
                }),
                uapi::UNMAP_MEMORY_FROM_GPU => with(arg, |a: &mut uapi::MapMemory| {
                    let ids = words(a.device_ids, a.count)?;
                    self.unmap(a, &ids)
                }),
                uapi::SVM => self.svm(arg),
                uapi::SET_XNACK_MODE => with(arg, |mode: &mut i32| {
                    if !self.spec.has_svm() {
                        return Err(libc::EPERM);
                    }
                    // A negative value asks. gfx10 never runs with XNACK (kfd_process.c, kfd_process_xnack_mode).
                    match *mode {
                        1.. => Err(libc::EPERM),
                        _ => {
                            *mode = 0;
                            Ok(())
                        }
                    }
                }),
                uapi::AVAILABLE_MEMORY => with(arg, |a: &mut uapi::AvailableMemory| {
                    let gpu = self.gpu(a.gpu_id)?;
                    a.available = self.spec.cards[gpu].vram - self.state.lock().vram_used[gpu];
                    Ok(())
                }),
                uapi::EXPORT_DMABUF => with(arg, |a| self.export_dmabuf(a)),
                uapi::CREATE_EVENT => with(arg, |a| self.create_event(a)),
                uapi::DESTROY_EVENT => {
                    with(arg, |a: &mut uapi::Id| self.events.destroy(a.id).then_some(()).ok_or(libc::EINVAL))
                }
                uapi::SET_EVENT => {
                    with(arg, |a: &mut uapi::Id| self.events.set_from_cpu(a.id).then_some(()).ok_or(libc::EINVAL))
                }
                uapi::RESET_EVENT => {
                    with(arg, |a: &mut uapi::Id| self.events.reset(a.id).then_some(()).ok_or(libc::EINVAL))
                }
                uapi::WAIT_EVENTS => with(arg, |a| self.wait(a)),
                uapi::CREATE_QUEUE => with(arg, |a| self.create_queue(a)),
                uapi::UPDATE_QUEUE => with(arg, |a| self.update_queue(a)),
                uapi::DESTROY_QUEUE => with(arg, |a: &mut uapi::Id| self.destroy_queue(a.id)),
                uapi::SET_CU_MASK => with(arg, |a: &mut uapi::SetCuMask| self.set_cu_mask(a)),
                _ => Err(libc::ENOTTY),
            }
        }
    }

    fn gpu(&self, id: u32) -> Result<usize, i32> {
        (0..self.cards.len()).find(|index| gpu_id(*index) == id).ok_or(libc::EINVAL)
    }

    fn card_name(&self, gpu: usize) -> String {
        self.spec.cards[gpu].card.name.to_owned()
    }

    /// Counts the call for every fault of the plan that it matches, and fails if one is due.
    fn plan(&self, ioctl: &str, alloc_flags: u32) -> Result<(), i32> {
        let mut due = None;
        let mut state = self.state.lock();
        for (fault, seen) in self.spec.faults.iter().zip(&mut state.faults) {
            if fault.ioctl == ioctl && alloc_flags & fault.flags == fault.flags {
                *seen += 1;
                if (fault.first..=fault.last).contains(seen) {
                    due = due.or(Some(fault.errno));
                }
            }
        }
        drop(state);
        match due {
            Some(errno) => {
                self.log.write(Event::Fault { ioctl: ioctl.to_owned(), errno });
                Err(errno)
            }
            None => Ok(()),
        }
    }

    /// The memory type of an allocation with these flags.
    fn mtype_of(&self, gpu: usize, alloc_flags: u32) -> Mtype {
        mtype::of_allocation(self.spec.cards[gpu].card.generation, self.kernel(), alloc_flags)
    }

    fn kernel(&self) -> mtype::Kernel {
        mtype::Kernel::of_interface(self.spec.kfd_minor)
    }

    /// Apertures of gfx9 and later (`kfd_flat_memory.c`, kfd_init_apertures_v9): LDS at 1 << 48, scratch at 2 << 48, 4 GiB each.
    ///
    /// # Safety
    /// `args.pointer` has room for `args.count` entries.
    unsafe fn apertures(&self, args: &mut uapi::GetApertures) -> Result<(), i32> {
        let room = args.count as usize;
        args.count = self.cards.len() as u32;
        // No room: the call asks for the number.
        if room == 0 {
            return Ok(());
        }
        if args.pointer < PAGE {
            return Err(libc::EFAULT);
        }
        for index in 0..self.cards.len().min(room) {
            let apertures = uapi::Apertures {
                lds_base: 1 << 48,
                lds_limit: (1 << 48) + u64::from(u32::MAX),
                scratch_base: 2 << 48,
                scratch_limit: (2 << 48) + u64::from(u32::MAX),
                gpuvm_base: 16 << 20,
                gpuvm_limit: VA_LIMIT - 1,
                gpu_id: gpu_id(index),
                pad: 0,
            };
            // SAFETY: by contract, index < room.
            unsafe { (args.pointer as *mut uapi::Apertures).add(index).write_unaligned(apertures) };
        }
        args.count = args.count.min(room as u32);
        Ok(())
    }

    /// Binds the GPU to the process' address space. The render node must be that GPU's, and opened by this process: the VM of an inherited
    /// descriptor belongs to the parent (`amdgpu_amdkfd_gpuvm_acquire_process_vm`: "Already a compute VM").
    fn acquire_vm(&self, args: &mut uapi::AcquireVm) -> Result<(), i32> {
        self.plan("acquire-vm", 0)?;
        let gpu = self.gpu(args.gpu_id)?;
        let (dev, ino) = backing::identity(args.drm_fd as i32).ok_or(libc::EINVAL)?;
        if self.node_of(dev, ino) != Some(Node::Render(gpu)) {
            return Err(libc::EINVAL);
        }
        self.state.lock().acquired[gpu] = true;
        Ok(())
    }

    /// `kfd_ioctl_create_event`: the first signal event of a process on discrete cards brings the buffer for the event page.
    fn create_event(&self, args: &mut uapi::CreateEvent) -> Result<(), i32> {
        self.plan("create-event", 0)?;
        if args.page_offset != 0 {
            let mut state = self.state.lock();
            if state.event_page.is_some() {
                return Err(libc::EINVAL);
            }
            let buffer = state.open_buffer(args.page_offset)?;
            buffer.fill_with_ones(events::SIGNAL_LIMIT as usize * 8)?;
            state.event_page = Some(args.page_offset);
        }
        args.page_offset = 0;
        args.event_id = self.events.create(args.kind, args.auto_reset != 0).ok_or(libc::ENOSPC)?;
        args.trigger_data = args.event_id;
        if matches!(args.kind, events::SIGNAL | events::DEBUG) {
            args.slot_index = args.event_id;
            // libhsakmt gives a signal event its mailbox only if the offset is not 0.
            args.page_offset = events::MMAP_OFFSET;
        }
        Ok(())
    }

    /// # Safety
    /// `args.events` points to `args.count` entries of the program.
    unsafe fn wait(&self, args: &mut uapi::WaitEvents) -> Result<(), i32> {
        self.plan("wait-events", 0)?;
        let pointer = args.events as *mut uapi::EventData;
        if args.events < PAGE && args.count > 0 {
            return Err(libc::EFAULT);
        }
        // SAFETY: by contract.
        let data: Vec<uapi::EventData> =
            unsafe { (0..args.count as usize).map(|i| pointer.add(i).read_unaligned()).collect() };
        let ages = self.spec.kfd_minor >= 14;
        let wanted: Vec<(u32, u64)> =
            data.iter().map(|event| (event.event_id, if ages { event.last_age() } else { 0 })).collect();
        if let Some(engine) = self.engine.lock().as_ref() {
            engine.wake();
        }
        // KFD_EVENT_TIMEOUT_INFINITE; other values are milliseconds.
        let timeout = (args.timeout != u32::MAX).then(|| Duration::from_millis(u64::from(args.timeout)));
        match self.events.wait(&wanted, args.all != 0, timeout) {
            Waited::NoSuchEvent => {
                args.result = uapi::WAIT_FAIL;
                return Err(libc::EINVAL);
            }
            Waited::Timeout => args.result = uapi::WAIT_TIMEOUT,
            Waited::Failed => {
                args.result = uapi::WAIT_FAIL;
                return Err(libc::EIO);
            }
            Waited::Complete(seen) => {
                args.result = uapi::WAIT_COMPLETE;
                for (index, (mut event, seen)) in data.into_iter().zip(seen).enumerate() {
                    if !seen.activated {
                        continue;
                    }
                    if let Some(exception) = seen.exception {
                        event.set_exception(&exception);
                    } else if seen.signal && wanted[index].1 != 0 {
                        event.set_age(seen.age);
                    } else {
                        continue;
                    }
                    // SAFETY: by contract.
                    unsafe { pointer.add(index).write_unaligned(event) };
                }
            }
        }
        Ok(())
    }
}

impl engine::Kernel for Kfd {
    fn with_vm(&self, run: &mut dyn FnMut(&Vm)) {
        run(&self.vm.lock());
    }

    fn raise_event(&self, event_id: u32) {
        self.events.set(event_id);
    }

    fn memory_exception(&self, gpu: usize, fault: &Fault) {
        let exception = MemoryException {
            not_present: fault.reason == FaultReason::NotPresent,
            read_only: fault.reason == FaultReason::ReadOnly,
            no_execute: fault.reason == FaultReason::NoExecute,
            va: fault.access.addr & !(PAGE - 1),
            gpu_id: gpu_id(gpu),
        };
        self.events.raise_memory_exception(exception);
    }

    fn stopped(&self, gpu: usize, text: &str) {
        self.log.write(Event::Stop { gpu: gpu_id(gpu), text: text.to_owned() });
    }

    fn gpu_clock(&self) -> u64 {
        monotonic_ns() / CLOCK_NS
    }
}

/// Hands the program's argument structure to `handler` and copies it back.
///
/// # Safety
/// `arg` points to a `T` of the program, or to page 0, which no process has.
unsafe fn with<T: Copy>(arg: *mut c_void, handler: impl FnOnce(&mut T) -> Result<(), i32>) -> Answer {
    if (arg as u64) < PAGE {
        return Err(libc::EFAULT);
    }
    // SAFETY: by contract; unaligned since the program's structure need not be aligned.
    let mut value = unsafe { arg.cast::<T>().read_unaligned() };
    let result = handler(&mut value);
    if matches!(result, Err(libc::ENOTTY | libc::EFAULT)) {
        return result.map(|()| 0);
    }
    // The kernel copies the structure back whether or not the call succeeded (`kfd_ioctl`).
    // SAFETY: as above.
    unsafe { arg.cast::<T>().write_unaligned(value) };
    result.map(|()| 0)
}

/// `count` words of the program at `address`; EFAULT for a null pointer, EINVAL for more than any call passes.
///
/// # Safety
/// `address` points to `count` words of the program, or to page 0.
unsafe fn words(address: u64, count: u32) -> Result<Vec<u32>, i32> {
    match (count, address) {
        (0, _) => Ok(Vec::new()),
        (1025.., _) => Err(libc::EINVAL),
        (_, ..PAGE) => Err(libc::EFAULT),
        // SAFETY: by contract.
        _ => Ok(unsafe {
            (0..count as usize).map(|index| (address as *const u32).add(index).read_unaligned()).collect()
        }),
    }
}

/// CLOCK_MONOTONIC in nanoseconds; KFD's system counter is boottime, which differs only by suspended time.
fn monotonic_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: fills the structure.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
