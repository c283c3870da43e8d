//! The model of the kernel driver: `/dev/kfd` and the render nodes of one process.
//!
//! Each process has its own, as a real process has its own GPU virtual address spaces. Every handler refuses what the real one refuses
//! (linux `drivers/gpu/drm/amd/amdkfd/kfd_chardev.c`).

pub mod backing;
pub mod drm;
pub mod events;
pub mod uapi;

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::engine::{self, Engine, QueueConfig, QueueKind};
use crate::log::{Event, Log};
use crate::mem::{Fault, FaultReason};
use crate::mtype::{self, Kernel, Mtype, flags, svm};
use crate::spec::{FLAGS, Slot, Spec};
use crate::vm::{Mapping, Vm};
use backing::Backing;
use events::{Events, MemoryException, Waited};

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

/// What an allocation handle stands for.
#[derive(Debug)]
struct Buffer {
    gpu: usize,
    va: u64,
    size: u64,
    host: u64,
    flags: u32,
    mtype: Mtype,
    /// Place in the card's backing file.
    offset: Option<u64>,
    /// GPU indices that map it.
    mapped: Vec<usize>,
}

#[derive(Debug, Default)]
struct State {
    buffers: BTreeMap<u64, Buffer>,
    next_handle: u64,
    vram_used: Vec<u64>,
    acquired: Vec<bool>,
    next_queue: u32,
    /// Doorbells in use, by GPU.
    doorbells: Vec<Vec<bool>>,
    queues: BTreeMap<u32, (usize, usize)>,
    /// SVM ranges: start to (size, flags).
    ranges: BTreeMap<u64, (u64, u32)>,
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
    state: Mutex<State>,
    vm: Mutex<Vm>,
    events: Events,
    engine: Mutex<Option<Engine>>,
}

impl Kfd {
    /// A driver without any state, for the machine `spec`; lines go to the file `log`.
    pub fn new(spec: Spec, log: Option<&Path>) -> std::io::Result<Arc<Self>> {
        let cards = spec
            .cards
            .iter()
            .map(|slot| Backing::new("vgpu-render", slot.vram + (64 << 30)))
            .collect::<Result<Vec<_>, _>>()?;
        let state = State {
            next_handle: 1,
            vram_used: vec![0; cards.len()],
            acquired: vec![false; cards.len()],
            doorbells: vec![vec![false; (DOORBELL_PAGE / 8) as usize]; cards.len()],
            faults: vec![0; spec.faults.len()],
            ..State::default()
        };
        Ok(Arc::new(Kfd {
            log: Log::open(log)?,
            control: Backing::new("vgpu-kfd", doorbell_offset(cards.len()))?,
            vm: Mutex::new(Vm::new(cards.len())),
            cards,
            state: Mutex::new(state),
            events: Events::default(),
            engine: Mutex::new(None),
            spec,
        }))
    }

    /// The machine.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// A new descriptor of a device file.
    pub fn open(&self, node: Node) -> Result<i32, i32> {
        match node {
            Node::Kfd => self.control.duplicate(),
            Node::Render(index) => self.cards.get(index).ok_or(libc::ENOENT)?.duplicate(),
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
            Node::Render(index) if kind == drm::BASE => unsafe { drm::ioctl(&self.spec.cards[index], number, arg) },
            _ => Err(libc::ENOTTY),
        }
        .inspect_err(|errno| {
            if *errno == libc::ENOTTY {
                self.log.write(Event::Unknown { ioctl: format!("{}:{number:#04x}", char::from(kind)) });
            }
        })
    }

    /// # Safety
    /// As [`Kfd::ioctl`].
    unsafe fn kfd_ioctl(self: &Arc<Self>, number: u8, arg: *mut c_void) -> Answer {
        /// # Safety
        /// `arg` points to a `T` of the program.
        unsafe fn with<T: Copy>(arg: *mut c_void, handler: impl FnOnce(&mut T) -> Result<(), i32>) -> Answer {
            if arg.is_null() {
                return Err(libc::EFAULT);
            }
            // SAFETY: by contract; unaligned since the program's structure need not be aligned.
            let mut value = unsafe { arg.cast::<T>().read_unaligned() };
            handler(&mut value)?;
            // SAFETY: as above.
            unsafe { arg.cast::<T>().write_unaligned(value) };
            Ok(0)
        }
        // SAFETY (all arms): the number says which structure the program passes; array pointers in it are the program's, with the count beside them.
        unsafe {
            match number {
                uapi::GET_VERSION => with(arg, |a: &mut uapi::GetVersion| {
                    *a = uapi::GetVersion { major: 1, minor: self.spec.kfd_minor };
                    Ok(())
                }),
                uapi::GET_PROCESS_APERTURES_NEW => with(arg, |a| self.apertures(a)),
                uapi::ACQUIRE_VM => with(arg, |a: &mut uapi::AcquireVm| {
                    self.plan("acquire-vm", 0)?;
                    let gpu = self.gpu(a.gpu_id)?;
                    self.state.lock().acquired[gpu] = true;
                    Ok(())
                }),
                uapi::SET_MEMORY_POLICY => with(arg, |a: &mut uapi::SetMemoryPolicy| self.gpu(a.gpu_id).map(drop)),
                uapi::SET_SCRATCH_BACKING_VA | uapi::SET_TRAP_HANDLER | uapi::SET_CU_MASK => Ok(0),
                uapi::GET_CLOCK_COUNTERS => with(arg, |a: &mut uapi::ClockCounters| {
                    let now = monotonic_ns();
                    *a = uapi::ClockCounters {
                        gpu: now / CLOCK_NS,
                        cpu: now,
                        system: now,
                        system_frequency: 1_000_000_000,
                        ..*a
                    };
                    Ok(())
                }),
                uapi::GET_TILE_CONFIG => with(arg, |a: &mut uapi::TileConfig| {
                    self.gpu(a.gpu_id)?;
                    a.tile_count = 0;
                    a.macro_tile_count = 0;
                    a.gb_addr_config = 0x0000_0545;
                    Ok(())
                }),
                uapi::ALLOC_MEMORY_OF_GPU => with(arg, |a| self.alloc(a)),
                uapi::FREE_MEMORY_OF_GPU => with(arg, |a: &mut uapi::FreeMemory| self.free(a.handle)),
                uapi::MAP_MEMORY_TO_GPU => with(arg, |a| self.map(a, &words(a))),
                uapi::UNMAP_MEMORY_FROM_GPU => with(arg, |a| self.unmap(a, &words(a))),
                uapi::SVM => self.svm(arg),
                uapi::SET_XNACK_MODE => with(arg, |mode: &mut i32| match *mode {
                    // A negative value asks. gfx10 never runs with XNACK (kfd_process.c, kfd_process_xnack_mode).
                    1 => Err(libc::EPERM),
                    _ => {
                        *mode = 0;
                        Ok(())
                    }
                }),
                uapi::AVAILABLE_MEMORY => with(arg, |a: &mut uapi::AvailableMemory| {
                    let gpu = self.gpu(a.gpu_id)?;
                    a.available = self.spec.cards[gpu].vram - self.state.lock().vram_used[gpu];
                    Ok(())
                }),
                uapi::CREATE_EVENT => with(arg, |a: &mut uapi::CreateEvent| {
                    self.plan("create-event", 0)?;
                    a.event_id = self.events.create(a.kind, a.auto_reset != 0).ok_or(libc::ENOMEM)?;
                    if a.kind == events::SIGNAL {
                        a.slot_index = a.event_id;
                        a.trigger_data = a.event_id;
                        // libhsakmt gives a signal event its mailbox only if the offset is not 0.
                        a.page_offset = a.page_offset.max(1);
                    }
                    Ok(())
                }),
                uapi::DESTROY_EVENT => {
                    with(arg, |a: &mut uapi::Id| self.events.destroy(a.id).then_some(()).ok_or(libc::EINVAL))
                }
                uapi::SET_EVENT => {
                    with(arg, |a: &mut uapi::Id| self.events.set(a.id).then_some(()).ok_or(libc::EINVAL))
                }
                uapi::RESET_EVENT => {
                    with(arg, |a: &mut uapi::Id| self.events.reset(a.id).then_some(()).ok_or(libc::EINVAL))
                }
                uapi::WAIT_EVENTS => with(arg, |a| self.wait(a)),
                uapi::CREATE_QUEUE => with(arg, |a| self.create_queue(a)),
                uapi::UPDATE_QUEUE => with(arg, |a: &mut uapi::UpdateQueue| {
                    if !self.state.lock().queues.contains_key(&a.queue_id) {
                        return Err(libc::EINVAL);
                    }
                    if let Some(engine) = self.engine.lock().as_ref() {
                        engine.update_queue(a.queue_id, a.ring_base, u64::from(a.ring_size), a.queue_percentage > 0);
                    }
                    Ok(())
                }),
                uapi::DESTROY_QUEUE => with(arg, |a: &mut uapi::Id| {
                    let (gpu, doorbell) = self.state.lock().queues.remove(&a.id).ok_or(libc::EINVAL)?;
                    if let Some(engine) = self.engine.lock().as_ref() {
                        engine.remove_queue(a.id);
                    }
                    self.state.lock().doorbells[gpu][doorbell] = false;
                    Ok(())
                }),
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

    /// Apertures of gfx9 and later (`kfd_flat_memory.c`, kfd_init_apertures_v9): LDS at 1 << 48, scratch at 2 << 48, 4 GiB each.
    ///
    /// # Safety
    /// `args.pointer` has room for `args.count` entries.
    unsafe fn apertures(&self, args: &mut uapi::GetApertures) -> Result<(), i32> {
        let room = args.count as usize;
        args.count = self.cards.len() as u32;
        if args.pointer == 0 || room == 0 {
            return Ok(());
        }
        for index in 0..self.cards.len().min(room) {
            let apertures = uapi::Apertures {
                lds_base: 1 << 48,
                lds_limit: (1 << 48) + u64::from(u32::MAX),
                scratch_base: 2 << 48,
                scratch_limit: (2 << 48) + u64::from(u32::MAX),
                gpuvm_base: 16 << 20,
                gpuvm_limit: (1 << 47) - 1,
                gpu_id: gpu_id(index),
                pad: 0,
            };
            // SAFETY: by contract, index < room.
            unsafe { (args.pointer as *mut uapi::Apertures).add(index).write_unaligned(apertures) };
        }
        Ok(())
    }

    fn alloc(&self, args: &mut uapi::AllocMemory) -> Result<(), i32> {
        let result = self.gpu(args.gpu_id).and_then(|gpu| self.alloc_on(gpu, args).map(|()| gpu));
        let (errno, gpu) = match result {
            Ok(gpu) => (0, Some(gpu)),
            Err(errno) => (errno, self.gpu(args.gpu_id).ok()),
        };
        if let Some(gpu) = gpu {
            self.log.write(Event::Alloc {
                gpu: args.gpu_id,
                card: self.card_name(gpu),
                va: args.va,
                size: args.size,
                flags: format!("{:08x}", args.flags),
                names: FLAGS
                    .iter()
                    .filter(|(_, bit)| args.flags & bit != 0)
                    .map(|(name, _)| (*name).to_owned())
                    .collect(),
                mtype: self.mtype_of(gpu, args.flags),
                handle: args.handle,
                errno,
            });
        }
        if errno == 0 { Ok(()) } else { Err(errno) }
    }

    fn mtype_of(&self, gpu: usize, alloc_flags: u32) -> Mtype {
        mtype::of_allocation(self.spec.cards[gpu].card.generation, Kernel::V6_7, alloc_flags)
    }

    fn alloc_on(&self, gpu: usize, args: &mut uapi::AllocMemory) -> Result<(), i32> {
        let slot: &Slot = &self.spec.cards[gpu];
        args.handle = 0;
        self.plan("alloc", args.flags)?;
        if args.size == 0 || !self.state.lock().acquired[gpu] {
            return Err(libc::EINVAL);
        }
        let vram = args.flags & flags::VRAM != 0;
        if vram && args.flags & flags::PUBLIC != 0 && !slot.large_bar {
            return Err(libc::EINVAL);
        }
        let size = args.size.next_multiple_of(PAGE);
        let (host, offset) = if args.flags & flags::USERPTR != 0 {
            if !resident(args.mmap_offset) || !resident(args.mmap_offset + args.size - 1) {
                return Err(libc::EFAULT);
            }
            (args.mmap_offset, None)
        } else if args.flags & flags::DOORBELL != 0 {
            if args.size != DOORBELL_PAGE {
                return Err(libc::EINVAL);
            }
            args.mmap_offset = doorbell_offset(gpu);
            (self.control.host(args.mmap_offset), None)
        } else if args.flags & flags::MMIO_REMAP != 0 {
            if args.size != PAGE {
                return Err(libc::EINVAL);
            }
            args.mmap_offset = MMIO_BASE + gpu as u64 * PAGE;
            (self.control.host(args.mmap_offset), None)
        } else if vram || args.flags & flags::GTT != 0 {
            if vram {
                let used = &mut self.state.lock().vram_used[gpu];
                if *used + size > slot.vram {
                    return Err(libc::ENOMEM);
                }
                *used += size;
            }
            let offset = self.cards[gpu].allocate(size).ok_or(libc::ENOMEM)?;
            args.mmap_offset = offset;
            (self.cards[gpu].host(offset), Some(offset))
        } else {
            return Err(libc::EINVAL);
        };
        let mut state = self.state.lock();
        args.handle = u64::from(gpu_id(gpu)) << 32 | state.next_handle;
        state.next_handle += 1;
        let mtype = self.mtype_of(gpu, args.flags);
        let buffer =
            Buffer { gpu, va: args.va, size: args.size, host, flags: args.flags, mtype, offset, mapped: Vec::new() };
        state.buffers.insert(args.handle, buffer);
        Ok(())
    }

    fn free(&self, handle: u64) -> Result<(), i32> {
        self.plan("free", 0)?;
        let mut state = self.state.lock();
        let buffer = state.buffers.remove(&handle).ok_or(libc::EINVAL)?;
        if buffer.flags & flags::VRAM != 0 {
            state.vram_used[buffer.gpu] -= buffer.size.next_multiple_of(PAGE);
        }
        drop(state);
        if !buffer.mapped.is_empty() {
            let mut vm = self.vm.lock();
            buffer.mapped.iter().for_each(|gpu| drop(vm.unmap(*gpu, buffer.va)));
        }
        if let Some(offset) = buffer.offset {
            self.cards[buffer.gpu].release(offset);
        }
        self.log.write(Event::Free { handle, va: buffer.va });
        Ok(())
    }

    fn map(&self, args: &mut uapi::MapMemory, ids: &[u32]) -> Result<(), i32> {
        self.plan("map", 0)?;
        let gpus = ids.iter().map(|id| self.gpu(*id)).collect::<Result<Vec<_>, _>>()?;
        let mut state = self.state.lock();
        let buffer = state.buffers.get_mut(&args.handle).ok_or(libc::EINVAL)?;
        let mapping = Mapping {
            size: buffer.size,
            host: buffer.host,
            mtype: buffer.mtype,
            writable: buffer.flags & flags::WRITABLE != 0,
            executable: buffer.flags & flags::EXECUTABLE != 0,
        };
        let va = buffer.va;
        for gpu in gpus {
            if !buffer.mapped.contains(&gpu) {
                self.vm.lock().map(gpu, va, mapping);
                buffer.mapped.push(gpu);
            }
        }
        drop(state);
        args.done = args.count;
        self.log.write(Event::Map { handle: args.handle, va, gpus: ids.to_vec() });
        Ok(())
    }

    fn unmap(&self, args: &mut uapi::MapMemory, ids: &[u32]) -> Result<(), i32> {
        self.plan("unmap", 0)?;
        let gpus = ids.iter().map(|id| self.gpu(*id)).collect::<Result<Vec<_>, _>>()?;
        let mut state = self.state.lock();
        let buffer = state.buffers.get_mut(&args.handle).ok_or(libc::EINVAL)?;
        let va = buffer.va;
        buffer.mapped.retain(|gpu| !gpus.contains(gpu));
        drop(state);
        let mut vm = self.vm.lock();
        gpus.iter().for_each(|gpu| drop(vm.unmap(*gpu, va)));
        drop(vm);
        args.done = args.count;
        self.log.write(Event::Unmap { handle: args.handle, va, gpus: ids.to_vec() });
        Ok(())
    }

    /// # Safety
    /// `arg` points to a `struct kfd_ioctl_svm_args` with its attributes behind it.
    unsafe fn svm(&self, arg: *mut c_void) -> Answer {
        if !self.spec.svm {
            return Err(libc::EINVAL);
        }
        self.plan("svm", 0)?;
        // SAFETY: by contract.
        let header = unsafe { arg.cast::<uapi::SvmHeader>().read_unaligned() };
        if header.count > 64 || header.start % PAGE != 0 || header.size == 0 || header.size % PAGE != 0 {
            return Err(libc::EINVAL);
        }
        // SAFETY: by contract; the attributes follow the header.
        let attributes: Vec<*mut uapi::SvmAttribute> = unsafe {
            (0..header.count as usize)
                .map(|i| arg.cast::<uapi::SvmHeader>().add(1).cast::<uapi::SvmAttribute>().add(i))
                .collect()
        };
        let old = self
            .state
            .lock()
            .ranges
            .range(..=header.start)
            .next_back()
            .filter(|(s, (n, _))| header.start - **s < *n)
            .map(|(_, (_, f))| *f);
        let mut flags = old.unwrap_or(svm::DEFAULT);
        if header.op == uapi::SVM_OP_GET {
            for attribute in attributes {
                // SAFETY: as above.
                unsafe {
                    let kind = (*attribute).kind;
                    (*attribute).value = match kind {
                        uapi::SVM_SET_FLAGS => flags,
                        uapi::SVM_CLR_FLAGS => !flags,
                        uapi::SVM_PREFERRED_LOC | uapi::SVM_PREFETCH_LOC => u32::MAX,
                        uapi::SVM_GRANULARITY => 9,
                        _ => (*attribute).value,
                    };
                }
            }
            return Ok(0);
        }
        let (mut set, mut clear, mut access, mut none) = (0, 0, Vec::new(), Vec::new());
        for attribute in attributes {
            // SAFETY: as above.
            let uapi::SvmAttribute { kind, value } = unsafe { attribute.read_unaligned() };
            match kind {
                uapi::SVM_SET_FLAGS => set |= value,
                uapi::SVM_CLR_FLAGS => clear |= value,
                uapi::SVM_ACCESS | uapi::SVM_ACCESS_IN_PLACE => access.push(self.gpu(value)?),
                uapi::SVM_NO_ACCESS => none.push(self.gpu(value)?),
                uapi::SVM_PREFERRED_LOC | uapi::SVM_PREFETCH_LOC | uapi::SVM_GRANULARITY => {}
                _ => return Err(libc::EINVAL),
            }
        }
        flags = (flags | set) & !clear;
        self.state.lock().ranges.insert(header.start, (header.size, flags));
        let mtype = mtype::of_svm_range(self.spec.cards[0].card.generation, Kernel::V6_7, flags);
        let mut vm = self.vm.lock();
        for gpu in 0..self.cards.len() {
            let had = vm.find(gpu, header.start).is_some();
            if none.contains(&gpu) {
                vm.unmap(gpu, header.start);
            } else if had || access.contains(&gpu) {
                let mapping =
                    Mapping { size: header.size, host: header.start, mtype, writable: true, executable: true };
                vm.map(gpu, header.start, mapping);
            }
        }
        drop(vm);
        self.log.write(Event::Svm {
            va: header.start,
            size: header.size,
            set: format!("{set:x}"),
            clear: format!("{clear:x}"),
            access: access.into_iter().map(gpu_id).collect(),
            mtype,
        });
        Ok(0)
    }

    /// # Safety
    /// `args.events` points to `args.count` entries of the program.
    unsafe fn wait(&self, args: &mut uapi::WaitEvents) -> Result<(), i32> {
        self.plan("wait-events", 0)?;
        let pointer = args.events as *mut uapi::EventData;
        // SAFETY: by contract.
        let data: Vec<uapi::EventData> =
            unsafe { (0..args.count as usize).map(|i| pointer.add(i).read_unaligned()).collect() };
        let ages = self.spec.kfd_minor >= 14;
        let wanted: Vec<(u32, u64)> = data
            .iter()
            .map(|event| {
                (event.event_id, if ages { u64::from(event.not_present) | u64::from(event.read_only) << 32 } else { 0 })
            })
            .collect();
        if let Some(engine) = self.engine.lock().as_ref() {
            engine.wake();
        }
        // KFD_EVENT_TIMEOUT_INFINITE; other values are milliseconds.
        let timeout = (args.timeout != u32::MAX).then(|| Duration::from_millis(u64::from(args.timeout)));
        match self.events.wait(&wanted, args.all != 0, timeout) {
            Waited::NoSuchEvent => return Err(libc::EINVAL),
            Waited::Timeout => args.result = 1,
            Waited::Failed => args.result = 2,
            Waited::Complete(seen) => {
                args.result = 0;
                for (index, (mut event, (set, age, exception))) in data.into_iter().zip(seen).enumerate() {
                    if let (true, Some(exception)) = (set, exception) {
                        event.not_present = exception.not_present.into();
                        event.read_only = exception.read_only.into();
                        event.no_execute = exception.no_execute.into();
                        event.imprecise = 0;
                        event.va = exception.va;
                        event.gpu_id = exception.gpu_id;
                        event.error_type = 0;
                    } else if set && ages && wanted[index].1 != 0 {
                        event.not_present = age as u32;
                        event.read_only = (age >> 32) as u32;
                    }
                    // SAFETY: by contract.
                    unsafe { pointer.add(index).write_unaligned(event) };
                }
            }
        }
        Ok(())
    }

    fn create_queue(self: &Arc<Self>, args: &mut uapi::CreateQueue) -> Result<(), i32> {
        self.plan("create-queue", 0)?;
        let gpu = self.gpu(args.gpu_id)?;
        let (kind, name) = match args.queue_type {
            0 => (QueueKind::Pm4, "pm4"),
            1 | 3 => (QueueKind::Sdma, "sdma"),
            2 => (QueueKind::Aql, "aql"),
            _ => return Err(libc::EINVAL),
        };
        if args.ring_size != 0 && !args.ring_size.is_power_of_two() || args.queue_percentage > 100 {
            return Err(libc::EINVAL);
        }
        let mut state = self.state.lock();
        let doorbell = state.doorbells[gpu].iter().position(|used| !used).ok_or(libc::ENOMEM)?;
        state.doorbells[gpu][doorbell] = true;
        let id = state.next_queue;
        state.next_queue += 1;
        state.queues.insert(id, (gpu, doorbell));
        drop(state);
        args.queue_id = id;
        args.doorbell_offset = doorbell_offset(gpu) + doorbell as u64 * 8;
        let host = self.control.host(args.doorbell_offset);
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
            doorbell: host,
        };
        let mut engine = self.engine.lock();
        engine.get_or_insert_with(|| Engine::start(Arc::clone(self) as Arc<dyn engine::Kernel>)).add_queue(config);
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

/// Where the doorbell page of a GPU lies in `/dev/kfd`. The low 32 bits must be 0: for its first queue on a node libhsakmt takes all of them for the
/// doorbell's place in the page (`queues.c`, hsaKmtCreateQueue, with `doorbells[].size` still 0).
fn doorbell_offset(gpu: usize) -> u64 {
    (gpu as u64 + 1) << 32
}

/// The GPU ids that a map or unmap call names.
///
/// # Safety
/// `args.device_ids` points to `args.count` words of the program.
unsafe fn words(args: &uapi::MapMemory) -> Vec<u32> {
    let pointer = args.device_ids as *const u32;
    // SAFETY: by contract.
    unsafe { (0..args.count.min(64) as usize).map(|index| pointer.add(index).read_unaligned()).collect() }
}

/// Whether the page that holds `addr` exists in this process.
fn resident(addr: u64) -> bool {
    let mut state = 0u8;
    // SAFETY: mincore only looks the page up; one byte of result for one page.
    unsafe { libc::mincore((addr & !(PAGE - 1)) as *mut c_void, PAGE as usize, (&raw mut state).cast()) == 0 }
}

/// CLOCK_MONOTONIC in nanoseconds; KFD's system counter is boottime, which differs only by suspended time.
fn monotonic_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: fills the structure.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
