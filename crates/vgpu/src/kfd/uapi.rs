//! Argument structures and numbers of `/usr/include/linux/kfd_ioctl.h`, as far as they are modelled. All little endian, LP64.
//!
//! An ioctl is known by its type ('K') and number alone: the size field varies (SVM carries its attributes in it, newer
//! kernels append fields).

use super::events::MemoryException;

/// `AMDKFD_IOCTL_BASE`.
pub const BASE: u8 = b'K';

pub const GET_VERSION: u8 = 0x01;
pub const CREATE_QUEUE: u8 = 0x02;
pub const DESTROY_QUEUE: u8 = 0x03;
pub const SET_MEMORY_POLICY: u8 = 0x04;
pub const GET_CLOCK_COUNTERS: u8 = 0x05;
pub const UPDATE_QUEUE: u8 = 0x07;
pub const CREATE_EVENT: u8 = 0x08;
pub const DESTROY_EVENT: u8 = 0x09;
pub const SET_EVENT: u8 = 0x0a;
pub const RESET_EVENT: u8 = 0x0b;
pub const WAIT_EVENTS: u8 = 0x0c;
pub const SET_SCRATCH_BACKING_VA: u8 = 0x11;
pub const GET_TILE_CONFIG: u8 = 0x12;
pub const SET_TRAP_HANDLER: u8 = 0x13;
pub const GET_PROCESS_APERTURES_NEW: u8 = 0x14;
pub const ACQUIRE_VM: u8 = 0x15;
pub const ALLOC_MEMORY_OF_GPU: u8 = 0x16;
pub const FREE_MEMORY_OF_GPU: u8 = 0x17;
pub const MAP_MEMORY_TO_GPU: u8 = 0x18;
pub const UNMAP_MEMORY_FROM_GPU: u8 = 0x19;
pub const SET_CU_MASK: u8 = 0x1a;
pub const SVM: u8 = 0x20;
pub const SET_XNACK_MODE: u8 = 0x21;
pub const AVAILABLE_MEMORY: u8 = 0x23;
pub const EXPORT_DMABUF: u8 = 0x24;

/// The minor version of the interface that first has an ioctl (the list at the top of `kfd_ioctl.h`); `None`: it is not modelled.
pub fn since_minor(number: u8) -> Option<u32> {
    match number {
        GET_VERSION..=GET_CLOCK_COUNTERS | UPDATE_QUEUE..=WAIT_EVENTS => Some(0),
        SET_SCRATCH_BACKING_VA..=SET_CU_MASK => Some(1),
        SVM | SET_XNACK_MODE => Some(5),
        AVAILABLE_MEMORY => Some(9),
        EXPORT_DMABUF => Some(12),
        _ => None,
    }
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct GetVersion {
    pub major: u32,
    pub minor: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct CreateQueue {
    pub ring_base: u64,
    pub write_pointer: u64,
    pub read_pointer: u64,
    pub doorbell_offset: u64,
    pub ring_size: u32,
    pub gpu_id: u32,
    pub queue_type: u32,
    pub queue_percentage: u32,
    pub queue_priority: u32,
    pub queue_id: u32,
    pub eop_buffer: u64,
    pub eop_buffer_size: u64,
    pub ctx_save_restore: u64,
    pub ctx_save_restore_size: u32,
    pub ctl_stack_size: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct UpdateQueue {
    pub ring_base: u64,
    pub queue_id: u32,
    pub ring_size: u32,
    pub queue_percentage: u32,
    pub queue_priority: u32,
}

/// The common shape of DESTROY_QUEUE, DESTROY_EVENT, SET_EVENT and RESET_EVENT.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Id {
    pub id: u32,
    pub pad: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct SetMemoryPolicy {
    pub alternate_base: u64,
    pub alternate_size: u64,
    pub gpu_id: u32,
    pub default_policy: u32,
    pub alternate_policy: u32,
    pub pad: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct ClockCounters {
    pub gpu: u64,
    pub cpu: u64,
    pub system: u64,
    pub system_frequency: u64,
    pub gpu_id: u32,
    pub pad: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Apertures {
    pub lds_base: u64,
    pub lds_limit: u64,
    pub scratch_base: u64,
    pub scratch_limit: u64,
    pub gpuvm_base: u64,
    pub gpuvm_limit: u64,
    pub gpu_id: u32,
    pub pad: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct GetApertures {
    pub pointer: u64,
    pub count: u32,
    pub pad: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct CreateEvent {
    pub page_offset: u64,
    pub trigger_data: u32,
    pub kind: u32,
    pub auto_reset: u32,
    pub node_id: u32,
    pub event_id: u32,
    pub slot_index: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct SetScratchBackingVa {
    pub va: u64,
    pub gpu_id: u32,
    pub pad: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct SetTrapHandler {
    pub tba: u64,
    pub tma: u64,
    pub gpu_id: u32,
    pub pad: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct SetCuMask {
    pub queue_id: u32,
    pub bits: u32,
    pub mask: u64,
}

/// `struct kfd_event_data`; the union as its memory exception member. For signal events (minor 14 and later) the union's first word is
/// `last_event_age`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct EventData {
    pub not_present: u32,
    pub read_only: u32,
    pub no_execute: u32,
    pub imprecise: u32,
    pub va: u64,
    pub gpu_id: u32,
    pub error_type: u32,
    pub extension: u64,
    pub event_id: u32,
    pub pad: u32,
}

impl EventData {
    /// `signal_event_data.last_event_age`: the union's first 8 bytes.
    pub fn last_age(&self) -> u64 {
        u64::from(self.not_present) | u64::from(self.read_only) << 32
    }

    /// Stores the age that the next wait passes.
    pub fn set_age(&mut self, age: u64) {
        (self.not_present, self.read_only) = (age as u32, (age >> 32) as u32);
    }

    /// Stores why a memory event was set.
    pub fn set_exception(&mut self, exception: &MemoryException) {
        *self = EventData {
            not_present: exception.not_present.into(),
            read_only: exception.read_only.into(),
            no_execute: exception.no_execute.into(),
            imprecise: 0,
            va: exception.va,
            gpu_id: exception.gpu_id,
            error_type: 0,
            ..*self
        };
    }
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct WaitEvents {
    pub events: u64,
    pub count: u32,
    pub all: u32,
    pub timeout: u32,
    pub result: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct TileConfig {
    pub tile: u64,
    pub macro_tile: u64,
    pub tile_count: u32,
    pub macro_tile_count: u32,
    pub gpu_id: u32,
    pub gb_addr_config: u32,
    pub num_banks: u32,
    pub num_ranks: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct AcquireVm {
    pub drm_fd: u32,
    pub gpu_id: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct AllocMemory {
    pub va: u64,
    pub size: u64,
    pub handle: u64,
    pub mmap_offset: u64,
    pub gpu_id: u32,
    pub flags: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct FreeMemory {
    pub handle: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct MapMemory {
    pub handle: u64,
    pub device_ids: u64,
    pub count: u32,
    pub done: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct SvmHeader {
    pub start: u64,
    pub size: u64,
    pub op: u32,
    pub count: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct SvmAttribute {
    pub kind: u32,
    pub value: u32,
}

pub const SVM_OP_SET: u32 = 0;
pub const SVM_OP_GET: u32 = 1;
pub const SVM_PREFERRED_LOC: u32 = 0;
pub const SVM_PREFETCH_LOC: u32 = 1;
pub const SVM_ACCESS: u32 = 2;
pub const SVM_ACCESS_IN_PLACE: u32 = 3;
pub const SVM_NO_ACCESS: u32 = 4;
pub const SVM_SET_FLAGS: u32 = 5;
pub const SVM_CLR_FLAGS: u32 = 6;
pub const SVM_GRANULARITY: u32 = 7;

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct AvailableMemory {
    pub available: u64,
    pub gpu_id: u32,
    pub pad: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct ExportDmabuf {
    pub handle: u64,
    /// O_CLOEXEC and O_RDWR.
    pub flags: u32,
    pub dmabuf_fd: u32,
}

/// Names of KFD_IOCTL_SVM_FLAG_*.
pub const SVM_FLAGS: [(&str, u32); 8] = [
    ("host-access", 1),
    ("coherent", 2),
    ("hive-local", 4),
    ("gpu-ro", SVM_FLAG_GPU_RO),
    ("gpu-exec", SVM_FLAG_GPU_EXEC),
    ("gpu-read-mostly", 0x20),
    ("gpu-always-mapped", 0x40),
    ("ext-coherent", 0x80),
];

/// `KFD_IOCTL_SVM_FLAG_GPU_RO` and `KFD_IOCTL_SVM_FLAG_GPU_EXEC`.
pub const SVM_FLAG_GPU_RO: u32 = 8;
pub const SVM_FLAG_GPU_EXEC: u32 = 16;

/// `KFD_IOC_WAIT_RESULT_*`.
pub const WAIT_COMPLETE: u32 = 0;
pub const WAIT_TIMEOUT: u32 = 1;
pub const WAIT_FAIL: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    /// Sizes that `/usr/include/linux/kfd_ioctl.h` gives with gcc on x86-64.
    #[test]
    fn structures_have_the_sizes_of_the_header() {
        assert_eq!(size_of::<CreateQueue>(), 88);
        assert_eq!(size_of::<UpdateQueue>(), 24);
        assert_eq!(size_of::<SetMemoryPolicy>(), 32);
        assert_eq!(size_of::<ClockCounters>(), 40);
        assert_eq!(size_of::<Apertures>(), 56);
        assert_eq!(size_of::<CreateEvent>(), 32);
        assert_eq!(size_of::<EventData>(), 48);
        assert_eq!(size_of::<WaitEvents>(), 24);
        assert_eq!(size_of::<TileConfig>(), 40);
        assert_eq!(size_of::<SetScratchBackingVa>(), 16);
        assert_eq!(size_of::<SetTrapHandler>(), 24);
        assert_eq!(size_of::<SetCuMask>(), 16);
        assert_eq!(size_of::<AllocMemory>(), 40);
        assert_eq!(size_of::<MapMemory>(), 24);
        assert_eq!(size_of::<SvmHeader>(), 24);
        assert_eq!(size_of::<AvailableMemory>(), 16);
        assert_eq!(size_of::<ExportDmabuf>(), 16);
    }

    #[test]
    fn an_age_survives_in_the_union() {
        let mut event = EventData::default();
        event.set_age(0x1_0000_0002);
        assert_eq!(event.last_age(), 0x1_0000_0002);
    }
}
