//! A program in the place of ROCr: memory that the card sees, queues, doorbells, signals and events, all through the driver's calls.

#![allow(dead_code)] // each test program uses a part of it

use std::ffi::c_void;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use vgpu::kfd::uapi::{self, AcquireVm, AllocMemory, CreateEvent, CreateQueue, EventData, Id, MapMemory, WaitEvents};
use vgpu::kfd::{Kfd, Node, gpu_id};
use vgpu::mtype::flags;

/// Bytes of memory that the card sees.
const SIZE: usize = 1 << 20;
/// Bytes of each ring.
pub const RING: u64 = 4096;
const DOORBELL_PAGE: u64 = 8192;

/// Queue types of `kfd_ioctl.h`.
pub const SDMA: u32 = 1;
pub const AQL: u32 = 2;

/// A program on a machine with one card.
pub struct Rig {
    driver: Arc<Kfd>,
    kfd: OwnedFd,
    /// It stays open: the VM belongs to it.
    _render: OwnedFd,
    memory: u64,
    used: std::cell::Cell<u64>,
}

/// A queue and its doorbell.
pub struct Queue {
    pub id: u32,
    pub ring: u64,
    pub read_pointer: u64,
    doorbell: u64,
}

impl Rig {
    pub fn new() -> Self {
        let driver = Kfd::new("gfx1030".parse().expect("a machine"), None).expect("a driver");
        // SAFETY: new descriptors that are ours alone.
        let open = |node| unsafe { OwnedFd::from_raw_fd(driver.open(node).expect("a descriptor")) };
        let (kfd, render) = (open(Node::Kfd), open(Node::Render(0)));
        // SAFETY: a new mapping, nowhere in particular. It stays: queues may look at it as long as the process lives.
        let memory = unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            libc::mmap(std::ptr::null_mut(), SIZE, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0)
        };
        assert_ne!(memory, libc::MAP_FAILED);
        let memory = memory as u64;
        let rig = Rig { driver, kfd, _render: render, memory, used: 0.into() };
        let gpu_id = gpu_id(0);
        rig.ioctl(uapi::ACQUIRE_VM, &mut AcquireVm { drm_fd: rig._render.as_raw_fd() as u32, gpu_id });
        // The card sees it at the same address.
        let flags = flags::USERPTR | flags::WRITABLE | flags::COHERENT;
        let mut buffer =
            AllocMemory { va: memory, size: SIZE as u64, mmap_offset: memory, gpu_id, flags, ..AllocMemory::default() };
        rig.ioctl(uapi::ALLOC_MEMORY_OF_GPU, &mut buffer);
        let ids = [gpu_id];
        let mut map = MapMemory { handle: buffer.handle, device_ids: ids.as_ptr() as u64, count: 1, done: 0 };
        rig.ioctl(uapi::MAP_MEMORY_TO_GPU, &mut map);
        rig
    }

    /// A call that must succeed.
    pub fn ioctl<T>(&self, number: u8, args: &mut T) {
        let request = u64::from(uapi::BASE) << 8 | u64::from(number);
        // SAFETY: the tests pass the structure that belongs to the number.
        let result = unsafe { self.driver.ioctl(Node::Kfd, request, (args as *mut T).cast::<c_void>()) };
        assert_eq!(result, Ok(0), "ioctl {number:#x}");
    }

    /// Zeroed memory that the card sees, at a multiple of 4096.
    pub fn alloc(&self, size: u64) -> u64 {
        let at = self.memory + self.used.get();
        self.used.set(self.used.get() + size.next_multiple_of(4096));
        assert!(self.used.get() <= SIZE as u64);
        at
    }

    pub fn queue(&self, queue_type: u32) -> Queue {
        let pointers = self.alloc(4096);
        // `read_dispatch_id` and `write_dispatch_id` of an amd_queue_t.
        let mut args = CreateQueue {
            ring_base: self.alloc(RING),
            ring_size: RING as u32,
            read_pointer: pointers + 0x80,
            write_pointer: pointers + 0x38,
            gpu_id: gpu_id(0),
            queue_type,
            queue_percentage: 100,
            ..CreateQueue::default()
        };
        self.ioctl(uapi::CREATE_QUEUE, &mut args);
        let within = args.doorbell_offset % DOORBELL_PAGE;
        // SAFETY: a new mapping of the doorbells, at the offset that the driver gave. It stays.
        let page = unsafe {
            let protection = libc::PROT_READ | libc::PROT_WRITE;
            let offset = (args.doorbell_offset - within) as libc::off_t;
            let size = DOORBELL_PAGE as usize;
            libc::mmap(std::ptr::null_mut(), size, protection, libc::MAP_SHARED, self.kfd.as_raw_fd(), offset)
        };
        assert_ne!(page, libc::MAP_FAILED);
        // AQL packets that nobody has written yet are invalid.
        for slot in (args.ring_base..args.ring_base + RING).step_by(64) {
            store(slot, 1);
        }
        Queue {
            id: args.queue_id,
            ring: args.ring_base,
            read_pointer: args.read_pointer,
            doorbell: page as u64 + within,
        }
    }

    /// A signal (amd_signal_t) with a value, and an event if `event` is not 0.
    pub fn signal(&self, value: u64, event: u32) -> u64 {
        let signal = self.alloc(64);
        store(signal + 8, value);
        if event != 0 {
            store(signal + 16, self.alloc(8));
            store(signal + 24, u64::from(event));
        }
        signal
    }

    /// An auto-reset signal event (type 0), or another.
    pub fn event(&self, kind: u32) -> u32 {
        let mut args = CreateEvent { kind, auto_reset: 1, ..CreateEvent::default() };
        self.ioctl(uapi::CREATE_EVENT, &mut args);
        args.event_id
    }

    /// Waits until an event is set. A minute without it is a failure.
    pub fn wait(&self, event: u32) -> EventData {
        let mut data = EventData { event_id: event, ..EventData::default() };
        let mut args = WaitEvents { events: &raw mut data as u64, count: 1, all: 1, timeout: 60_000, result: 9 };
        self.ioctl(uapi::WAIT_EVENTS, &mut args);
        assert_eq!(args.result, uapi::WAIT_COMPLETE);
        data
    }

    pub fn destroy(&self, queue: &Queue) {
        self.ioctl(uapi::DESTROY_QUEUE, &mut Id { id: queue.id, pad: 0 });
    }
}

impl Queue {
    /// Writes the barrier-and packet `index` and rings.
    pub fn barrier(&self, index: u64, dependency: u64, completion: u64) {
        let packet = self.ring + index * 64 % RING;
        store(packet + 8, dependency);
        store(packet + 56, completion);
        // The header last: it makes the packet valid. 3: barrier-and.
        store(packet, 3);
        self.ring(index);
    }

    /// Writes SDMA words from the start of the ring and rings.
    pub fn submit(&self, words: &[u32]) {
        for (at, word) in (self.ring..).step_by(4).zip(words) {
            // SAFETY: a word of the ring, which is ours.
            unsafe { (at as *mut u32).write_volatile(*word) };
        }
        self.ring(words.len() as u64 * 4);
    }

    pub fn ring(&self, value: u64) {
        store(self.doorbell, value);
    }
}

/// Stores an aligned word of memory that the card sees too.
pub fn store(addr: u64, value: u64) {
    // SAFETY: the tests pass addresses within the rig's memory and doorbells, which stay.
    unsafe { AtomicU64::from_ptr(addr as *mut u64) }.store(value, Ordering::SeqCst);
}

/// Loads an aligned word of memory that the card sees too.
pub fn load(addr: u64) -> u64 {
    // SAFETY: as for `store`.
    unsafe { AtomicU64::from_ptr(addr as *mut u64) }.load(Ordering::SeqCst)
}
