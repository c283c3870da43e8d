//! The driver's ioctls as a program makes them, without a preload: what is refused, what is counted, what is logged.

use std::ffi::c_void;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;
use vgpu::kfd::drm;
use vgpu::kfd::gem::{self, Close, Mmap, Prime, Va};
use vgpu::kfd::uapi::{
    self, AcquireVm, AllocMemory, AvailableMemory, CreateEvent, CreateQueue, ExportDmabuf, FreeMemory, Id, MapMemory,
};
use vgpu::kfd::{Kfd, Node, gpu_id};
use vgpu::log::{self, Event};
use vgpu::mtype::{Mtype, flags, vm};

const PAGE: u64 = 4096;
/// Where no process has memory that the tests use; the driver takes the address on trust.
const VA: u64 = 0x6000_0000_0000;

struct Machine {
    driver: Arc<Kfd>,
    directory: TempDir,
    /// Render nodes stay open: a VM belongs to its descriptor.
    _renders: Vec<OwnedFd>,
}

impl Machine {
    /// A machine whose GPUs are all acquired.
    fn new(spec: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let spec: vgpu::spec::Spec = spec.parse().expect("a machine");
        let cards = spec.cards.len();
        let driver = Kfd::new(spec, Some(&directory.path().join("log"))).expect("a driver");
        let renders: Vec<OwnedFd> = (0..cards).map(|index| open(&driver, Node::Render(index))).collect();
        let machine = Machine { driver, directory, _renders: renders };
        for (index, render) in machine._renders.iter().enumerate() {
            let mut args = AcquireVm { drm_fd: render.as_raw_fd() as u32, gpu_id: gpu_id(index) };
            assert_eq!(machine.ioctl(uapi::ACQUIRE_VM, &mut args), Ok(()));
        }
        machine
    }

    fn ioctl<T>(&self, number: u8, args: &mut T) -> Result<(), i32> {
        let request = u64::from(uapi::BASE) << 8 | u64::from(number);
        // SAFETY: the tests pass the structure that belongs to the number.
        unsafe { self.driver.ioctl(Node::Kfd, request, (args as *mut T).cast::<c_void>()) }.map(drop)
    }

    fn alloc(&self, va: u64, size: u64, flags: u32) -> Result<AllocMemory, i32> {
        let mut args = AllocMemory { va, size, gpu_id: gpu_id(0), flags, ..AllocMemory::default() };
        self.ioctl(uapi::ALLOC_MEMORY_OF_GPU, &mut args).map(|()| args)
    }

    fn userptr(&self, memory: &Memory, va: u64, flags: u32) -> Result<AllocMemory, i32> {
        let flags = flags | flags::USERPTR;
        let mut args = AllocMemory {
            va,
            size: memory.size,
            gpu_id: gpu_id(0),
            flags,
            mmap_offset: memory.at,
            ..Default::default()
        };
        self.ioctl(uapi::ALLOC_MEMORY_OF_GPU, &mut args).map(|()| args)
    }

    fn free(&self, handle: u64) -> Result<(), i32> {
        self.ioctl(uapi::FREE_MEMORY_OF_GPU, &mut FreeMemory { handle })
    }

    fn map(&self, number: u8, handle: u64, gpus: &[u32]) -> (Result<(), i32>, u32) {
        let mut args = MapMemory { handle, device_ids: gpus.as_ptr() as u64, count: gpus.len() as u32, done: 0 };
        (self.ioctl(number, &mut args), args.done)
    }

    fn available(&self) -> u64 {
        let mut args = AvailableMemory { gpu_id: gpu_id(0), ..AvailableMemory::default() };
        self.ioctl(uapi::AVAILABLE_MEMORY, &mut args).expect("interface 1.9");
        args.available
    }

    /// SET_ATTR with `(kind, value)` attributes.
    fn svm(&self, start: u64, size: u64, attributes: &[(u32, u32)]) -> Result<(), i32> {
        let mut words = vec![start as u32, (start >> 32) as u32, size as u32, (size >> 32) as u32, uapi::SVM_OP_SET];
        words.push(attributes.len() as u32);
        words.extend(attributes.iter().flat_map(|(kind, value)| [*kind, *value]));
        self.ioctl(uapi::SVM, &mut words[0])
    }

    /// A DRM ioctl on the card at `index`.
    fn drm<T>(&self, index: usize, number: u8, args: &mut T) -> Result<(), i32> {
        let request = u64::from(drm::BASE) << 8 | u64::from(number);
        // SAFETY: the tests pass the structure that belongs to the number.
        unsafe { self.driver.ioctl(Node::Render(index), request, (args as *mut T).cast::<c_void>()) }.map(drop)
    }

    /// EXPORT_DMABUF.
    fn export(&self, handle: u64) -> Result<OwnedFd, i32> {
        let mut args = ExportDmabuf { handle, flags: libc::O_CLOEXEC as u32, ..ExportDmabuf::default() };
        // SAFETY: the new descriptor is ours alone.
        self.ioctl(uapi::EXPORT_DMABUF, &mut args).map(|()| unsafe { OwnedFd::from_raw_fd(args.dmabuf_fd as i32) })
    }

    /// PRIME_FD_TO_HANDLE on the card at `index`.
    fn import(&self, index: usize, fd: i32) -> Result<u32, i32> {
        let mut args = Prime { fd, ..Prime::default() };
        self.drm(index, gem::PRIME_FD_TO_HANDLE, &mut args).map(|()| args.handle)
    }

    /// A GEM handle of a new buffer on card 0, and the buffer.
    fn gem(&self, size: u64, flags: u32) -> (u32, AllocMemory) {
        let buffer = self.alloc(0, size, flags).expect("memory");
        let dmabuf = self.export(buffer.handle).expect("a DMA-BUF");
        (self.import(0, dmabuf.as_raw_fd()).expect("a GEM handle"), buffer)
    }

    /// GEM_VA on card 0 with everything else as in `rest`.
    fn va(&self, operation: u32, handle: u32, va: u64, size: u64, rest: Va) -> Result<(), i32> {
        self.drm(0, gem::GEM_VA, &mut Va { operation, handle, va, size, ..rest })
    }

    fn close(&self, handle: u32) -> Result<(), i32> {
        self.drm(0, gem::GEM_CLOSE, &mut Close { handle, pad: 0 })
    }

    fn events(&self) -> Vec<Event> {
        let lines = log::read(&self.log()).expect("a log");
        lines.into_iter().map(|line| line.event).collect()
    }

    fn log(&self) -> PathBuf {
        Path::new(self.directory.path()).join("log")
    }
}

fn open(driver: &Kfd, node: Node) -> OwnedFd {
    // SAFETY: the new descriptor is ours alone.
    unsafe { OwnedFd::from_raw_fd(driver.open(node).expect("a descriptor")) }
}

/// Anonymous memory of the process.
struct Memory {
    at: u64,
    size: u64,
}

impl Memory {
    fn new(size: u64) -> Self {
        // SAFETY: a new mapping, nowhere in particular.
        let at = unsafe {
            let protection = libc::PROT_READ | libc::PROT_WRITE;
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            libc::mmap(std::ptr::null_mut(), size as usize, protection, flags, -1, 0)
        };
        assert_ne!(at, libc::MAP_FAILED);
        Memory { at: at as u64, size }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the mapping that `new` made.
        unsafe { libc::munmap(self.at as *mut c_void, self.size as usize) };
    }
}

const VRAM: u32 = flags::VRAM | flags::WRITABLE;

#[test]
fn a_buffer_of_video_memory_is_what_a_mapping_of_the_render_node_shows() {
    let machine = Machine::new("gfx1030");
    let buffer = machine.alloc(VA, 2 * PAGE, VRAM | flags::PUBLIC).expect("memory");
    let look = || {
        let render = &machine._renders[0];
        // SAFETY: a new shared mapping of the render node at the offset that the driver gave.
        let at = unsafe {
            let protection = libc::PROT_READ | libc::PROT_WRITE;
            let offset = buffer.mmap_offset as libc::off_t;
            libc::mmap(std::ptr::null_mut(), PAGE as usize, protection, libc::MAP_SHARED, render.as_raw_fd(), offset)
        };
        assert_ne!(at, libc::MAP_FAILED);
        at.cast::<u64>()
    };
    let (one, other) = (look(), look());
    // SAFETY: both mappings are a page long.
    unsafe {
        one.write_volatile(0x1234);
        assert_eq!(other.read_volatile(), 0x1234);
    }
    assert_eq!(machine.free(buffer.handle), Ok(()));
    // SAFETY: the mapping is still there; freed memory of the card is zero.
    assert_eq!(unsafe { other.read_volatile() }, 0);
}

#[test]
fn video_memory_runs_out_and_comes_back() {
    let machine = Machine::new("gfx1030:vram=256M");
    let all = machine.alloc(VA, 256 << 20, VRAM).expect("all of it");
    assert_eq!(machine.available(), 0);
    assert_eq!(machine.alloc(VA + (1 << 30), PAGE, VRAM).map(|b| b.handle), Err(libc::ENOMEM));
    assert_eq!(machine.free(all.handle), Ok(()));
    assert_eq!(machine.available(), 256 << 20);
    assert!(machine.alloc(VA, PAGE, VRAM).is_ok());
}

#[test]
fn what_the_kernel_refuses_is_refused() {
    let machine = Machine::new("gfx1030:bar=small");
    let refused = |va, size, flags| machine.alloc(va, size, flags).err();
    assert_eq!(refused(VA, 0, VRAM), Some(libc::EINVAL));
    assert_eq!(refused(VA + 1, PAGE, VRAM), Some(libc::EINVAL), "addresses are whole pages");
    assert_eq!(refused(VA, PAGE, flags::WRITABLE), Some(libc::EINVAL), "no kind of memory");
    assert_eq!(refused(VA, u64::MAX, VRAM), Some(libc::EINVAL));
    assert_eq!(refused(VA, PAGE, VRAM | flags::PUBLIC), Some(libc::EINVAL), "small BAR");
    assert_eq!(refused(VA, PAGE, flags::DOORBELL), Some(libc::EINVAL), "doorbells are two pages");
    assert_eq!(refused(VA, 2 * PAGE, flags::MMIO_REMAP), Some(libc::EINVAL));
    assert_eq!(refused(VA, PAGE, flags::USERPTR), Some(libc::EINVAL), "no address");
    assert_eq!(machine.free(7), Err(libc::EINVAL));
    let buffer = machine.alloc(VA, PAGE, VRAM).expect("memory");
    assert_eq!(machine.map(uapi::MAP_MEMORY_TO_GPU, buffer.handle, &[]), (Err(libc::EINVAL), 0));
    assert_eq!(machine.map(uapi::MAP_MEMORY_TO_GPU, buffer.handle, &[gpu_id(0), 1]), (Err(libc::EINVAL), 1));
    assert_eq!(machine.free(buffer.handle), Err(libc::EBUSY), "it is mapped");
    assert_eq!(machine.map(uapi::UNMAP_MEMORY_FROM_GPU, buffer.handle, &[gpu_id(0)]), (Ok(()), 1));
    assert_eq!(machine.free(buffer.handle), Ok(()));
    assert_eq!(machine.ioctl(0x7f, &mut 0u64), Err(libc::ENOTTY));
}

#[test]
fn memory_that_the_program_does_not_have_cannot_be_pinned() {
    let machine = Machine::new("gfx1030");
    let memory = Memory::new(4 * PAGE);
    assert!(machine.userptr(&memory, VA, flags::COHERENT).is_ok());
    // SAFETY: the last page of our own mapping.
    unsafe { libc::munmap((memory.at + 3 * PAGE) as *mut c_void, PAGE as usize) };
    assert_eq!(machine.userptr(&memory, VA + (1 << 20), 0).map(|b| b.handle), Err(libc::EFAULT));
}

#[test]
fn pinning_takes_the_page_faults_and_needs_memory_that_can_be_written() {
    let present = |memory: &Memory| {
        let mut pages = vec![0u8; (memory.size / PAGE) as usize];
        // SAFETY: one byte for each page of our own mapping.
        let result = unsafe { libc::mincore(memory.at as *mut c_void, memory.size as usize, pages.as_mut_ptr()) };
        assert_eq!(result, 0, "mincore");
        pages.iter().filter(|page| **page & 1 == 1).count()
    };
    let protect = |memory: &Memory, protection| {
        // SAFETY: our own mapping, which nobody uses.
        let result = unsafe { libc::mprotect(memory.at as *mut c_void, memory.size as usize, protection) };
        assert_eq!(result, 0, "mprotect");
    };
    let machine = Machine::new("gfx1030");
    let memory = Memory::new(8 * PAGE);
    assert_eq!(present(&memory), 0);
    assert!(machine.userptr(&memory, VA, 0).is_ok());
    assert_eq!(present(&memory), 8);

    let memory = Memory::new(8 * PAGE);
    protect(&memory, libc::PROT_READ);
    assert_eq!(machine.userptr(&memory, VA + (1 << 20), 0).map(|b| b.handle), Err(libc::EPERM));
    protect(&memory, libc::PROT_NONE);
    assert_eq!(machine.userptr(&memory, VA + (1 << 20), 0).map(|b| b.handle), Err(libc::EFAULT));

    let access = [(uapi::SVM_ACCESS, gpu_id(0))];
    let memory = Memory::new(8 * PAGE);
    assert_eq!(machine.svm(memory.at, memory.size, &[]), Ok(()));
    assert_eq!(present(&memory), 0, "no GPU uses it");
    assert_eq!(machine.svm(memory.at, memory.size, &access), Ok(()));
    assert_eq!(present(&memory), 8);
    let memory = Memory::new(8 * PAGE);
    protect(&memory, libc::PROT_READ);
    assert_eq!(machine.svm(memory.at, memory.size, &access), Ok(()), "to be read only");
}

#[test]
fn nothing_is_allocated_before_the_vm_is_acquired_and_only_through_its_own_render_node() {
    let spec: vgpu::spec::Spec = "gfx1030,gfx1010".parse().expect("a machine");
    let driver = Kfd::new(spec, None).expect("a driver");
    let render = open(&driver, Node::Render(1));
    let machine = Machine { driver, directory: tempfile::tempdir().expect("a directory"), _renders: vec![render] };
    assert_eq!(machine.alloc(VA, PAGE, VRAM).map(|b| b.handle), Err(libc::ENODEV));
    let mut args = AcquireVm { drm_fd: machine._renders[0].as_raw_fd() as u32, gpu_id: gpu_id(0) };
    assert_eq!(machine.ioctl(uapi::ACQUIRE_VM, &mut args), Err(libc::EINVAL));
    args.drm_fd = u32::MAX;
    assert_eq!(machine.ioctl(uapi::ACQUIRE_VM, &mut args), Err(libc::EINVAL));
}

#[test]
fn peers_reach_each_other_through_large_bars_only() {
    let machine = Machine::new("gfx1030:bar=small,gfx1010");
    let both = [gpu_id(0), gpu_id(1)];
    let vram = machine.alloc(VA, PAGE, VRAM).expect("memory");
    assert_eq!(machine.map(uapi::MAP_MEMORY_TO_GPU, vram.handle, &both), (Err(libc::EINVAL), 1));
    let host = machine.alloc(VA + PAGE, PAGE, flags::GTT).expect("memory");
    assert_eq!(machine.map(uapi::MAP_MEMORY_TO_GPU, host.handle, &both), (Ok(()), 2));
    let machine = Machine::new("gfx1030,gfx1010");
    let vram = machine.alloc(VA, PAGE, VRAM).expect("memory");
    assert_eq!(machine.map(uapi::MAP_MEMORY_TO_GPU, vram.handle, &both), (Ok(()), 2));
}

#[test]
fn a_fault_plan_counts_the_calls_that_match() {
    let machine = Machine::new("gfx1030,fault=alloc/vram+public@2-3=ENOMEM,fault=free@1=EBUSY");
    let public = |number: u64| machine.alloc(VA + number * PAGE, PAGE, VRAM | flags::PUBLIC).err();
    assert_eq!(public(0), None);
    assert!(machine.alloc(VA + 9 * PAGE, PAGE, VRAM).is_ok(), "without PUBLIC it does not count");
    assert_eq!([public(1), public(2), public(3)], [Some(libc::ENOMEM), Some(libc::ENOMEM), None]);
    let buffer = machine.alloc(VA + 10 * PAGE, PAGE, VRAM).expect("memory");
    assert_eq!(machine.free(buffer.handle), Err(libc::EBUSY));
    assert_eq!(machine.free(buffer.handle), Ok(()));
    let faults = machine.events().into_iter().filter(|event| matches!(event, Event::Fault { .. })).count();
    assert_eq!(faults, 3);
}

#[test]
fn the_log_has_flags_names_and_the_memory_type_of_every_allocation() {
    let machine = Machine::new("gfx1030");
    let memory = Memory::new(PAGE);
    let coherent = flags::COHERENT | flags::EXECUTABLE | flags::WRITABLE | 1 << 28;
    machine.userptr(&memory, VA, coherent).expect("memory");
    machine.userptr(&memory, VA + PAGE, coherent & !flags::COHERENT).expect("memory");
    let seen: Vec<(String, Mtype)> = machine
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Alloc { flags, mtype, names, errno: 0, card, .. } => {
                assert!(names.contains(&"userptr".to_owned()) && card == "gfx1030");
                Some((flags, mtype))
            }
            _ => None,
        })
        .collect();
    assert_eq!(seen, [("d4000004".to_owned(), Mtype::Uc), ("d0000004".to_owned(), Mtype::Nc)]);
}

#[test]
fn svm_ranges_are_coherent_until_told_otherwise_and_exclude_pinned_memory() {
    let machine = Machine::new("gfx1030");
    let memory = Memory::new(4 * PAGE);
    let access = (uapi::SVM_ACCESS, gpu_id(0));
    assert_eq!(machine.svm(memory.at, memory.size, &[access]), Ok(()));
    assert_eq!(machine.svm(memory.at, PAGE, &[(uapi::SVM_CLR_FLAGS, vgpu::mtype::svm::COHERENT)]), Ok(()));
    assert_eq!(machine.userptr(&memory, VA, 0).map(|b| b.handle), Err(libc::EADDRINUSE));
    assert_eq!(machine.svm(memory.at, memory.size, &[(uapi::SVM_ACCESS, 99)]), Err(libc::EINVAL));
    assert_eq!(machine.svm(memory.at, memory.size, &[(77, 0)]), Err(libc::EINVAL));
    assert_eq!(machine.svm(memory.at + 1, PAGE, &[access]), Err(libc::EINVAL));
    assert_eq!(machine.svm(VA, PAGE, &[access]), Err(libc::EFAULT), "no memory there");
    machine.driver.memory_is_gone(memory.at, memory.size);
    assert!(machine.userptr(&memory, VA, 0).is_ok());
    let types: Vec<Mtype> = machine
        .events()
        .into_iter()
        .filter_map(|event| if let Event::Svm { mtype, .. } = event { Some(mtype) } else { None })
        .collect();
    assert_eq!(types, [Mtype::Uc, Mtype::Nc]);
}

#[test]
fn an_interface_that_is_too_old_does_not_have_the_call() {
    let memory = Memory::new(PAGE);
    let svm = |spec| Machine::new(spec).svm(memory.at, PAGE, &[]);
    assert_eq!(svm("gfx1030,kfd=4"), Err(libc::ENOTTY));
    assert_eq!(svm("gfx1030,svm=off"), Err(libc::EPERM));
    assert_eq!(svm("gfx1030"), Ok(()));
    let mut available = AvailableMemory { gpu_id: gpu_id(0), ..AvailableMemory::default() };
    assert_eq!(Machine::new("gfx1030,kfd=8").ioctl(uapi::AVAILABLE_MEMORY, &mut available), Err(libc::ENOTTY));
}

#[test]
fn the_event_page_is_given_once_and_kept() {
    let machine = Machine::new("gfx1030");
    let page = machine.alloc(VA, 8 * PAGE, flags::GTT | flags::UNCACHED).expect("memory");
    let mut event = CreateEvent { page_offset: page.handle, auto_reset: 1, ..CreateEvent::default() };
    assert_eq!(machine.ioctl(uapi::CREATE_EVENT, &mut event), Ok(()));
    assert!(event.page_offset > 0 && event.slot_index == event.event_id && event.event_id > 0);
    let mut again = CreateEvent { page_offset: page.handle, ..CreateEvent::default() };
    assert_eq!(machine.ioctl(uapi::CREATE_EVENT, &mut again), Err(libc::EINVAL));
    assert_eq!(machine.free(page.handle), Err(libc::EPERM));
    let mut id = Id { id: event.event_id, pad: 0 };
    assert_eq!(machine.ioctl(uapi::SET_EVENT, &mut id), Ok(()));
    assert_eq!(machine.ioctl(uapi::DESTROY_EVENT, &mut id), Ok(()));
    assert_eq!(machine.ioctl(uapi::SET_EVENT, &mut id), Err(libc::EINVAL));
}

const READ_WRITE: Va =
    Va { flags: vm::READABLE | vm::WRITEABLE, handle: 0, pad: 0, operation: 0, va: 0, offset: 0, size: 0 };

#[test]
fn a_dma_buf_is_one_buffer_to_everybody_who_imports_it() {
    let machine = Machine::new("gfx1030,gfx1010");
    let buffer = machine.alloc(0, 2 * PAGE, VRAM).expect("memory");
    let (one, other) =
        (machine.export(buffer.handle).expect("a DMA-BUF"), machine.export(buffer.handle).expect("again"));
    let handle = machine.import(0, one.as_raw_fd()).expect("a handle");
    assert_eq!(machine.import(0, other.as_raw_fd()), Ok(handle), "the same handle for the same buffer");
    assert!(machine.import(1, one.as_raw_fd()).is_ok());
    // libdrm asks for the size in this way.
    // SAFETY: our own descriptor.
    assert_eq!(unsafe { libc::lseek(one.as_raw_fd(), 0, libc::SEEK_END) } as u64, 2 * PAGE);
    let mut mmap = Mmap { handle_or_offset: handle.into() };
    assert_eq!(machine.drm(0, gem::GEM_MMAP, &mut mmap), Ok(()));
    assert_eq!(mmap.handle_or_offset, buffer.mmap_offset);
    let mut prime = Prime { handle, flags: libc::O_RDWR as u32, fd: -1 };
    assert_eq!(machine.drm(0, gem::PRIME_HANDLE_TO_FD, &mut prime), Ok(()));
    // SAFETY: the new descriptor is ours alone.
    let third = unsafe { OwnedFd::from_raw_fd(prime.fd) };
    assert_eq!(machine.import(0, third.as_raw_fd()), Ok(handle));
    assert_eq!(machine.close(handle), Ok(()));
    assert_eq!(machine.close(handle), Err(libc::EINVAL));
}

#[test]
fn what_the_kernel_does_not_share_or_does_not_know_is_refused() {
    let machine = Machine::new("gfx1030");
    let memory = Memory::new(PAGE);
    let pinned = machine.userptr(&memory, VA, 0).expect("pinned memory");
    assert_eq!(machine.export(pinned.handle).err(), Some(libc::EPERM), "memory of the program");
    assert_eq!(machine.export(7).err(), Some(libc::EINVAL));
    assert_eq!(machine.import(0, -1), Err(libc::EBADF));
    assert_eq!(machine.import(0, machine._renders[0].as_raw_fd()), Err(libc::EINVAL), "no DMA-BUF");
    let mut prime = Prime { handle: 9, ..Prime::default() };
    assert_eq!(machine.drm(0, gem::PRIME_HANDLE_TO_FD, &mut prime), Err(libc::ENOENT));
    prime.flags = 1 << 30;
    assert_eq!(machine.drm(0, gem::PRIME_HANDLE_TO_FD, &mut prime), Err(libc::EINVAL));
    assert_eq!(machine.drm(0, gem::GEM_MMAP, &mut Mmap { handle_or_offset: 9 }), Err(libc::ENOENT));
    let none = std::ptr::null_mut();
    // SAFETY: a null pointer is what is tested.
    let null = unsafe { machine.driver.ioctl(Node::Render(0), u64::from(drm::BASE) << 8 | 0x48, none) };
    assert_eq!(null, Err(libc::EFAULT));
}

#[test]
fn gem_va_refuses_what_the_kernel_refuses() {
    let machine = Machine::new("gfx1030");
    let (handle, buffer) = machine.gem(4 * PAGE, VRAM);
    let map = |va, size, rest| machine.va(gem::MAP, handle, va, size, rest);
    assert_eq!(map(0x1000, PAGE, READ_WRITE), Err(libc::EINVAL), "the reserved bottom");
    assert_eq!(map(1 << 47, PAGE, READ_WRITE), Err(libc::EINVAL), "no address");
    assert_eq!(map(VA + 1, PAGE, READ_WRITE), Err(libc::EINVAL));
    assert_eq!(map(VA, 0, READ_WRITE), Err(libc::EINVAL));
    assert_eq!(map(VA, 5 * PAGE, READ_WRITE), Err(libc::EINVAL), "more than the buffer has");
    assert_eq!(map(VA, 4 * PAGE, Va { offset: PAGE, ..READ_WRITE }), Err(libc::EINVAL));
    assert_eq!(map(VA, PAGE, Va { offset: u64::MAX - 0xfff, ..READ_WRITE }), Err(libc::EINVAL));
    assert_eq!(map(VA, PAGE, Va { flags: 1 << 20, ..READ_WRITE }), Err(libc::EINVAL));
    assert_eq!(machine.va(9, handle, VA, PAGE, READ_WRITE), Err(libc::EINVAL), "no operation");
    assert_eq!(machine.va(gem::MAP, handle + 1, VA, PAGE, READ_WRITE), Err(libc::ENOENT));
    assert_eq!(machine.va(gem::UNMAP, handle, VA, PAGE, READ_WRITE), Err(libc::ENOENT));
    assert_eq!(map(VA, 2 * PAGE, READ_WRITE), Ok(()));
    assert_eq!(map(VA + PAGE, PAGE, READ_WRITE), Err(libc::EINVAL), "something is mapped there");
    assert_eq!(machine.va(gem::REPLACE, handle, VA + PAGE, PAGE, READ_WRITE), Ok(()));
    assert_eq!(machine.va(gem::CLEAR, 0, VA, 2 * PAGE, Va::default()), Ok(()));
    assert_eq!(map(VA, PAGE, READ_WRITE), Ok(()));
    let kfd = machine.alloc(VA + (1 << 20), PAGE, VRAM).expect("memory");
    assert_eq!(machine.map(uapi::MAP_MEMORY_TO_GPU, kfd.handle, &[gpu_id(0)]), (Ok(()), 1));
    assert_eq!(machine.va(gem::REPLACE, handle, kfd.va, PAGE, READ_WRITE), Err(libc::EINVAL), "KFD's own");
    let memory = Memory::new(PAGE);
    assert_eq!(map(memory.at, PAGE, READ_WRITE), Ok(()));
    assert_eq!(machine.svm(memory.at, PAGE, &[]), Err(libc::EADDRINUSE));
    assert_eq!(machine.free(buffer.handle), Ok(()));
    assert_eq!(machine.close(handle), Ok(()), "it takes its mappings along");
    assert_eq!(machine.svm(memory.at, PAGE, &[]), Ok(()));
}

#[test]
fn shared_memory_stays_until_the_last_handle_of_any_kind_is_gone() {
    let machine = Machine::new("gfx1030:vram=256M");
    let all = 256 << 20;
    let (handle, buffer) = machine.gem(all, VRAM);
    assert_eq!(machine.free(buffer.handle), Ok(()));
    assert_eq!(machine.free(buffer.handle), Err(libc::EINVAL), "KFD's handle is gone");
    assert_eq!(machine.export(buffer.handle).err(), Some(libc::EINVAL));
    assert_eq!(machine.available(), 0);
    assert_eq!(machine.va(gem::MAP, handle, VA, PAGE, READ_WRITE), Ok(()));
    assert_eq!(machine.close(handle), Ok(()));
    assert_eq!(machine.available(), all);
    // A descriptor keeps it too. The driver is not told when it is closed, and looks when memory is asked for.
    let buffer = machine.alloc(0, all, VRAM).expect("memory");
    let dmabuf = machine.export(buffer.handle).expect("a DMA-BUF");
    assert_eq!(machine.free(buffer.handle), Ok(()));
    assert_eq!(machine.alloc(0, PAGE, VRAM).map(|b| b.handle), Err(libc::ENOMEM));
    let handle = machine.import(0, dmabuf.as_raw_fd()).expect("it is still there");
    assert_eq!(machine.close(handle), Ok(()));
    drop(dmabuf);
    assert!(machine.alloc(0, all, VRAM).is_ok());
}

#[test]
fn the_log_has_the_memory_type_of_every_gem_mapping() {
    let types = |spec: &str, flags: u32, vm_flags: u32| {
        let machine = Machine::new(spec);
        let (handle, buffer) = machine.gem(PAGE, VRAM | flags);
        let call = Va { flags: READ_WRITE.flags | vm_flags, ..READ_WRITE };
        machine.va(gem::MAP, handle, VA, PAGE, call).expect("mapped");
        machine.va(gem::UNMAP, handle, VA, PAGE, call).expect("unmapped");
        machine.close(handle).expect("closed");
        let seen: Vec<Event> = machine.events().into_iter().skip(1).collect();
        let [
            Event::Export { handle: exported, .. },
            Event::Import { handle: imported, gem: number, .. },
            Event::GemVa { op, gem, handle: mapped, va: VA, size: PAGE, names, mtype: Some(mtype), .. },
            Event::GemVa { op: unmap, mtype: None, .. },
            Event::GemClose { gem: closed, .. },
        ] = &seen[..]
        else {
            panic!("{seen:?}")
        };
        assert_eq!((op.as_str(), unmap.as_str()), ("map", "unmap"));
        assert_eq!([exported, imported, mapped], [&buffer.handle; 3]);
        assert_eq!([number, gem, closed], [&handle; 3]);
        assert_eq!(names[..2], ["readable", "writeable"]);
        *mtype
    };
    assert_eq!(types("gfx1030", 0, 0), Mtype::Nc);
    assert_eq!(types("gfx1030", flags::COHERENT, 0), Mtype::Uc);
    assert_eq!(types("gfx1010", flags::EXT_COHERENT, vm::MTYPE_CC), Mtype::Uc);
    assert_eq!(types("gfx1030", 0, vm::MTYPE_CC), Mtype::Cc);
    assert_eq!(types("gfx1030,kfd=12", flags::EXT_COHERENT, 0), Mtype::Nc, "no kernel before Linux 6.7 knows it");
}

#[test]
fn the_log_has_every_attribute_of_an_svm_call() {
    let machine = Machine::new("gfx1030");
    let memory = Memory::new(PAGE);
    let attributes = [
        (uapi::SVM_PREFETCH_LOC, gpu_id(0)),
        (uapi::SVM_PREFERRED_LOC, 0),
        (uapi::SVM_CLR_FLAGS, 2 | 0x80),
        (uapi::SVM_SET_FLAGS, 1 | 16),
        (uapi::SVM_ACCESS_IN_PLACE, gpu_id(0)),
        (uapi::SVM_GRANULARITY, 5),
    ];
    assert_eq!(machine.svm(memory.at, PAGE, &attributes), Ok(()));
    let seen = machine.events();
    let [
        Event::Svm {
            set,
            clear,
            set_names,
            clear_names,
            in_place,
            preferred: Some(0),
            prefetch: Some(prefetch),
            granularity: Some(5),
            mtype: Mtype::Nc,
            ..
        },
    ] = &seen[..]
    else {
        panic!("{seen:?}")
    };
    assert_eq!((set.as_str(), clear.as_str()), ("11", "82"));
    assert_eq!(*set_names, ["host-access", "gpu-exec"]);
    assert_eq!(*clear_names, ["coherent", "ext-coherent"]);
    assert_eq!((*prefetch, in_place.as_slice()), (gpu_id(0), &[gpu_id(0)][..]));
}

#[test]
fn calls_appear_with_the_interface_that_brought_them() {
    let export = |spec| {
        let machine = Machine::new(spec);
        let buffer = machine.alloc(VA, PAGE, VRAM).expect("memory");
        machine.export(buffer.handle).err()
    };
    assert_eq!(export("gfx1030,kfd=11"), Some(libc::ENOTTY));
    assert_eq!(export("gfx1030,kfd=12"), None);
    // KFD_IOC_QUEUE_TYPE_SDMA_BY_ENG_ID.
    let queue = |spec| {
        let machine = Machine::new(spec);
        let memory = Memory::new(PAGE);
        let (read_pointer, write_pointer) = (memory.at, memory.at + 8);
        let mut args =
            CreateQueue { gpu_id: gpu_id(0), queue_type: 4, read_pointer, write_pointer, ..Default::default() };
        let result = machine.ioctl(uapi::CREATE_QUEUE, &mut args);
        if result.is_ok() {
            machine.ioctl(uapi::DESTROY_QUEUE, &mut Id { id: args.queue_id, pad: 0 }).expect("destroyed");
        }
        result
    };
    assert_eq!(queue("gfx1030,kfd=16"), Err(libc::EINVAL));
    assert_eq!(queue("gfx1030"), Ok(()));
}
