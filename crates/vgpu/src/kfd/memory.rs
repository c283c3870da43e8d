//! Buffers: ALLOC, FREE, MAP and UNMAP (linux `kfd_chardev.c` and `amdgpu_amdkfd_gpuvm.c`).

use std::ffi::c_void;

use super::gem::Dmabuf;
use super::{DOORBELL_PAGE, Kfd, MMIO_BASE, PAGE, State, VA_LIMIT, gpu_id, queues, uapi};
use crate::log::{self, Event};
use crate::mtype::{Mtype, flags};
use crate::spec::FLAGS;
use crate::vm::Mapping;

/// What an allocation handle stands for.
#[derive(Debug)]
pub struct Buffer {
    pub(super) gpu: usize,
    pub(super) va: u64,
    /// Bytes, as the program asked.
    pub(super) size: u64,
    /// Where the first byte lies in this process.
    pub(super) host: u64,
    pub(super) flags: u32,
    mtype: Mtype,
    pub(super) place: Place,
    /// GPU indices that map it.
    mapped: Vec<usize>,
    /// FREE has taken its handle: it stays as long as DRM or a DMA-BUF needs it.
    freed: bool,
    /// GEM handles of it, of any card.
    pub(super) gem_handles: usize,
    pub(super) dmabuf: Option<Dmabuf>,
}

/// What a buffer takes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Video memory, at this offset of the card's backing file.
    Vram(u64),
    /// System memory, likewise.
    Gtt(u64),
    /// The program's own memory.
    User,
    /// Registers: nothing.
    Registers,
}

impl Buffer {
    /// Ring buffers of gfx7 and gfx8 are mapped twice in a row (`KFD_IOC_ALLOC_MEM_FLAGS_AQL_QUEUE_MEM`): the size covers both.
    fn parts(&self) -> impl Iterator<Item = (u64, u64)> + use<> {
        let copies = if self.flags & flags::AQL_QUEUE_MEM != 0 { 2 } else { 1 };
        let (va, size) = (self.va, self.size / copies);
        (0..copies).map(move |copy| (va + copy * size, size))
    }

    /// Whether its GPU addresses lie in these.
    pub fn touches(&self, start: u64, size: u64) -> bool {
        !self.freed && self.va < start + size && start < self.va + self.size
    }

    /// Whether that GPU has it at these addresses by MAP.
    pub(super) fn mapped_at(&self, gpu: usize, start: u64, size: u64) -> bool {
        self.mapped.contains(&gpu) && self.touches(start, size)
    }

    /// Whole pages: what is counted against a limit, and what a mapping can show.
    pub(super) fn bytes(&self) -> u64 {
        self.size.next_multiple_of(PAGE)
    }

    /// Sets the first `bytes` bytes to ones; EINVAL if it has fewer or is no system memory.
    pub fn fill_with_ones(&self, bytes: usize) -> Result<(), i32> {
        if self.size < bytes as u64 || !matches!(self.place, Place::Gtt(_)) {
            return Err(libc::EINVAL);
        }
        // SAFETY: the buffer's own bytes in the backing file's mapping, which lives as long as the driver.
        unsafe { std::ptr::write_bytes(self.host as *mut u8, 0xff, bytes) };
        Ok(())
    }
}

impl Kfd {
    pub(super) fn alloc(&self, args: &mut uapi::AllocMemory) -> Result<(), i32> {
        args.handle = 0;
        let gpu = self.gpu(args.gpu_id)?;
        let result = self.plan("alloc", args.flags).and_then(|()| self.alloc_on(gpu, args));
        self.log.write(Event::Alloc {
            gpu: args.gpu_id,
            card: self.card_name(gpu),
            va: args.va,
            size: args.size,
            flags: format!("{:08x}", args.flags),
            names: log::names(&FLAGS, args.flags),
            mtype: self.mtype_of(gpu, args.flags),
            handle: args.handle,
            errno: result.err().unwrap_or(0),
        });
        result
    }

    fn alloc_on(&self, gpu: usize, args: &mut uapi::AllocMemory) -> Result<(), i32> {
        let slot = &self.spec.cards[gpu];
        if args.size == 0 || args.size > VA_LIMIT || !args.va.is_multiple_of(PAGE) || args.va > VA_LIMIT - args.size {
            return Err(libc::EINVAL);
        }
        let is = |flag| args.flags & flag != 0;
        if is(flags::VRAM) && is(flags::PUBLIC) && !slot.large_bar {
            return Err(libc::EINVAL);
        }
        let mut state = self.state.lock();
        if !state.acquired[gpu] {
            return Err(libc::ENODEV);
        }
        self.reap(&mut state);
        // An SVM range where the runtime has just reserved fresh addresses is one whose memory is gone: the kernel's MMU notifier would have removed it.
        let stale = state.ranges.forget(args.va, args.size);
        self.remap_ranges(&stale);
        let size = args.size.next_multiple_of(PAGE);
        let (host, place) = if is(flags::VRAM) {
            let free = slot.vram - state.vram_used[gpu];
            if size > free {
                return Err(libc::ENOMEM);
            }
            let offset = self.cards[gpu].allocate(size).ok_or(libc::ENOMEM)?;
            args.mmap_offset = offset;
            (self.cards[gpu].host(offset), Place::Vram(offset))
        } else if is(flags::GTT) {
            if size > self.system_limit - state.system_used {
                return Err(libc::ENOMEM);
            }
            let offset = self.cards[gpu].allocate(size).ok_or(libc::ENOMEM)?;
            args.mmap_offset = offset;
            (self.cards[gpu].host(offset), Place::Gtt(offset))
        } else if is(flags::USERPTR) {
            let user = args.mmap_offset;
            if user == 0 || !user.is_multiple_of(PAGE) {
                return Err(libc::EINVAL);
            }
            if user != args.va && state.ranges.overlap(user, size) {
                return Err(libc::EADDRINUSE);
            }
            if size > self.system_limit - state.system_used {
                return Err(libc::ENOMEM);
            }
            if !exists(user, size) {
                return Err(libc::EFAULT);
            }
            fault_in(user, size)?;
            (user, Place::User)
        } else if is(flags::DOORBELL) {
            if args.size != DOORBELL_PAGE {
                return Err(libc::EINVAL);
            }
            args.mmap_offset = queues::doorbell_offset(gpu);
            (self.control.host(args.mmap_offset), Place::Registers)
        } else if is(flags::MMIO_REMAP) {
            if args.size != PAGE {
                return Err(libc::EINVAL);
            }
            args.mmap_offset = MMIO_BASE + gpu as u64 * PAGE;
            (self.control.host(args.mmap_offset), Place::Registers)
        } else {
            return Err(libc::EINVAL);
        };
        let (va, flags, mtype) = (args.va, args.flags, self.mtype_of(gpu, args.flags));
        let buffer = Buffer {
            gpu,
            va,
            size: args.size,
            host,
            flags,
            mtype,
            place,
            mapped: Vec::new(),
            freed: false,
            gem_handles: 0,
            dmabuf: None,
        };
        state.account(&buffer, u64::wrapping_add);
        args.handle = u64::from(gpu_id(gpu)) << 32 | state.next_handle;
        state.next_handle += 1;
        state.buffers.insert(args.handle, buffer);
        Ok(())
    }

    pub(super) fn free(&self, handle: u64) -> Result<(), i32> {
        self.plan("free", 0)?;
        let mut state = self.state.lock();
        let buffer = state.open_buffer(handle)?;
        let (va, still_mapped) = (buffer.va, !buffer.mapped.is_empty());
        // "Free signal BO is not allowed" (`kfd_ioctl_free_memory_of_gpu`).
        if state.event_page == Some(handle) {
            return Err(libc::EPERM);
        }
        if still_mapped {
            return Err(libc::EBUSY);
        }
        state.open_buffer(handle)?.freed = true;
        self.reap(&mut state);
        drop(state);
        self.log.write(Event::Free { handle, va });
        Ok(())
    }

    /// Gives the memory of buffers back that nobody can reach any more: without a KFD handle, a GEM handle and a DMA-BUF.
    pub(super) fn reap(&self, state: &mut State) {
        let unreachable = |buffer: &Buffer| {
            buffer.freed && buffer.gem_handles == 0 && !buffer.dmabuf.as_ref().is_some_and(Dmabuf::is_open)
        };
        let gone: Vec<u64> =
            state.buffers.iter().filter(|(_, buffer)| unreachable(buffer)).map(|(handle, _)| *handle).collect();
        for handle in gone {
            let Some(buffer) = state.buffers.remove(&handle) else { continue };
            state.account(&buffer, u64::wrapping_sub);
            if let Place::Vram(offset) | Place::Gtt(offset) = buffer.place {
                self.cards[buffer.gpu].release(offset);
            }
        }
    }

    pub(super) fn map(&self, args: &mut uapi::MapMemory, ids: &[u32]) -> Result<(), i32> {
        self.plan("map", 0)?;
        check_counts(args)?;
        let mut state = self.state.lock();
        state.open_buffer(args.handle)?;
        let State { buffers, acquired, .. } = &mut *state;
        let buffer = buffers.get_mut(&args.handle).ok_or(libc::EINVAL)?;
        let va = buffer.va;
        for id in &ids[args.done as usize..] {
            let gpu = self.gpu(*id)?;
            if !acquired[gpu] {
                return Err(libc::ENODEV);
            }
            if !self.reaches(gpu, buffer) {
                return Err(libc::EINVAL);
            }
            if !buffer.mapped.contains(&gpu) {
                let mut vm = self.vm.lock();
                for (va, size) in buffer.parts() {
                    let mapping = Mapping {
                        size,
                        host: buffer.host,
                        mtype: buffer.mtype,
                        writable: buffer.flags & flags::WRITABLE != 0,
                        executable: buffer.flags & flags::EXECUTABLE != 0,
                    };
                    vm.map(gpu, va, mapping);
                }
                buffer.mapped.push(gpu);
            }
            args.done += 1;
        }
        drop(state);
        self.log.write(Event::Map { handle: args.handle, va, gpus: ids.to_vec() });
        Ok(())
    }

    pub(super) fn unmap(&self, args: &mut uapi::MapMemory, ids: &[u32]) -> Result<(), i32> {
        self.plan("unmap", 0)?;
        check_counts(args)?;
        let mut state = self.state.lock();
        let buffer = state.open_buffer(args.handle)?;
        let va = buffer.va;
        for id in &ids[args.done as usize..] {
            let gpu = self.gpu(*id)?;
            if let Some(place) = buffer.mapped.iter().position(|mapped| *mapped == gpu) {
                buffer.mapped.swap_remove(place);
                let mut vm = self.vm.lock();
                for (va, _) in buffer.parts() {
                    vm.unmap(gpu, va);
                }
            }
            args.done += 1;
        }
        drop(state);
        self.log.write(Event::Unmap { handle: args.handle, va, gpus: ids.to_vec() });
        Ok(())
    }
}

impl Kfd {
    /// A card reaches the memory and the registers of another through the other's large BAR only (`amdgpu_device_is_peer_accessible`).
    pub(super) fn reaches(&self, gpu: usize, buffer: &Buffer) -> bool {
        gpu == buffer.gpu
            || self.spec.cards[buffer.gpu].large_bar
            || !matches!(buffer.place, Place::Vram(_) | Place::Registers)
    }
}

impl State {
    /// The buffer of a KFD handle; EINVAL if there is none.
    pub(super) fn open_buffer(&mut self, handle: u64) -> Result<&mut Buffer, i32> {
        self.buffers.get_mut(&handle).filter(|buffer| !buffer.freed).ok_or(libc::EINVAL)
    }

    fn account(&mut self, buffer: &Buffer, change: fn(u64, u64) -> u64) {
        let used = match buffer.place {
            Place::Vram(_) => &mut self.vram_used[buffer.gpu],
            Place::Gtt(_) | Place::User => &mut self.system_used,
            Place::Registers => return,
        };
        *used = change(*used, buffer.bytes());
    }
}

/// `kfd_ioctl_map_memory_to_gpu`: at least one device, and not more done than there are.
fn check_counts(args: &uapi::MapMemory) -> Result<(), i32> {
    if args.count == 0 || args.done > args.count { Err(libc::EINVAL) } else { Ok(()) }
}

/// Whether the process has memory at every page of `size` bytes from `start`, a multiple of the page size.
pub(super) fn exists(start: u64, size: u64) -> bool {
    // SAFETY: MS_ASYNC does nothing but look the range up: ENOMEM if a page is not mapped (msync(2)).
    start.is_multiple_of(PAGE) && unsafe { libc::msync(start as *mut c_void, size as usize, libc::MS_ASYNC) } == 0
}

/// Makes every page of the range present and writable: the kernel's driver needs them before the call returns, so the call pays for them
/// (`amdgpu_amdkfd_gpuvm.c`, init_user_pages with amdgpu_ttm_tt_get_user_pages, which always asks for writing; `amdgpu_hmm.c`,
/// amdgpu_hmm_range_get_pages). EPERM if it may only be read, EFAULT if a page cannot be had (`mm/hmm.c`, hmm_vma_fault).
pub(super) fn fault_in(start: u64, size: u64) -> Result<(), i32> {
    let populate = |size: u64, advice| {
        // SAFETY: makes pages of the range present, as touching them would, and changes no byte.
        match unsafe { libc::madvise(start as *mut c_void, size as usize, advice) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EFAULT)),
        }
    };
    match populate(size, libc::MADV_POPULATE_WRITE) {
        Ok(()) => Ok(()),
        // An advice that the host knows is accepted for nothing at all. Before Linux 5.14 pages come when they are touched.
        Err(libc::EINVAL) if populate(0, libc::MADV_POPULATE_WRITE).is_err() => Ok(()),
        Err(libc::EINVAL) if populate(size, libc::MADV_POPULATE_READ).is_ok() => Err(libc::EPERM),
        Err(_) => Err(libc::EFAULT),
    }
}

/// The machine's memory in bytes.
pub(super) fn system_bytes() -> u64 {
    // SAFETY: sysconf has no preconditions.
    let pages = unsafe { libc::sysconf(libc::_SC_PHYS_PAGES) };
    u64::try_from(pages).unwrap_or(1 << 20) * PAGE
}
