//! Buffers as DRM sees them: DMA-BUFs, GEM handles, and mappings by GEM_VA, of which ROCr's virtual memory API is made
//! (linux `amdgpu_gem.c`, `amdgpu_vm.c`, `amdgpu_dma_buf.c`, `drm_prime.c`; KFD's EXPORT_DMABUF in `kfd_chardev.c`).
//!
//! A DMA-BUF is a memfd of the buffer's size whose inode stands for the buffer: it can be passed to DRM again, but shows nothing when it is mapped, and
//! means nothing to another process. GEM handles belong to a card's render node, not to each descriptor of it: libdrm keeps one per process anyway.
//! Pages without a buffer (PRT) are not modelled.

use std::collections::BTreeMap;
use std::ffi::c_void;

use super::backing::{self, Memfd};
use super::memory::{Buffer, Place};
use super::{Answer, Kfd, PAGE, VA_LIMIT, gpu_id, uapi, with};
use crate::log::{self, Event};
use crate::mtype::{self, vm};
use crate::vm::Mapping;

/// DRM_IOCTL_GEM_CLOSE, _PRIME_HANDLE_TO_FD and _PRIME_FD_TO_HANDLE (`drm/drm.h`).
pub const GEM_CLOSE: u8 = 0x09;
pub const PRIME_HANDLE_TO_FD: u8 = 0x2d;
pub const PRIME_FD_TO_HANDLE: u8 = 0x2e;
/// DRM_COMMAND_BASE + DRM_AMDGPU_GEM_MMAP and DRM_AMDGPU_GEM_VA (`drm/amdgpu_drm.h`).
pub const GEM_MMAP: u8 = 0x41;
pub const GEM_VA: u8 = 0x48;

/// AMDGPU_VA_OP_*.
pub const MAP: u32 = 1;
pub const UNMAP: u32 = 2;
pub const CLEAR: u32 = 3;
pub const REPLACE: u32 = 4;

/// AMDGPU_VA_RESERVED_BOTTOM (`amdgpu_vm.h`): nothing is mapped below.
const LOWEST: u64 = 1 << 16;

/// Names of AMDGPU_VM_PAGE_* and AMDGPU_VM_DELAY_UPDATE; the memory type is a number among them.
const VM_FLAGS: [(&str, u32); 5] = [
    ("delay-update", vm::DELAY_UPDATE),
    ("readable", vm::READABLE),
    ("writeable", vm::WRITEABLE),
    ("executable", vm::EXECUTABLE),
    ("noalloc", vm::NOALLOC),
];

/// `struct drm_gem_close`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Close {
    pub handle: u32,
    pub pad: u32,
}

/// `struct drm_prime_handle`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Prime {
    pub handle: u32,
    pub flags: u32,
    pub fd: i32,
}

/// `union drm_amdgpu_gem_mmap`: the handle on the way in, the mmap offset on the way out.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Mmap {
    pub handle_or_offset: u64,
}

/// `struct drm_amdgpu_gem_va`, as far as all kernels have it.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Va {
    pub handle: u32,
    pub pad: u32,
    pub operation: u32,
    pub flags: u32,
    pub va: u64,
    pub offset: u64,
    pub size: u64,
}

/// The file that stands for a buffer.
#[derive(Debug)]
pub struct Dmabuf(Memfd);

impl Dmabuf {
    fn new(size: u64) -> Result<Self, i32> {
        Memfd::new("vgpu-dmabuf", size).map(Dmabuf).map_err(|error| error.raw_os_error().unwrap_or(libc::ENOMEM))
    }

    fn is(&self, (dev, ino): (u64, u64)) -> bool {
        self.0.is(dev, ino)
    }

    /// Whether the program has a descriptor of it. Where /proc cannot be read it counts as open: memory is kept rather than given to another.
    pub fn is_open(&self) -> bool {
        let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return true };
        entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .any(|fd: i32| fd != self.0.descriptor() && backing::identity(fd).is_some_and(|file| self.is(file)))
    }
}

/// A mapping that GEM_VA made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct GemMapping {
    /// Key of the buffer.
    buffer: u64,
    mapping: Mapping,
}

/// GEM handles and mappings of a process.
#[derive(Debug, Default)]
pub struct Gem {
    /// The buffer's key by GPU and handle.
    handles: BTreeMap<(usize, u32), u64>,
    /// By GPU and address; those of one GPU do not overlap.
    mappings: BTreeMap<(usize, u64), GemMapping>,
}

/// What a change means for page tables: starts that are no more, then mappings that are new.
#[derive(Debug, Default, PartialEq, Eq)]
struct Delta {
    gone: Vec<u64>,
    new: Vec<(u64, GemMapping)>,
}

impl Gem {
    /// Whether a mapping of any GPU touches these addresses.
    pub fn touches(&self, start: u64, size: u64) -> bool {
        self.mappings.iter().any(|((_, va), piece)| *va < start + size && start < *va + piece.mapping.size)
    }

    fn within(&self, gpu: usize, start: u64, size: u64) -> Vec<u64> {
        self.mappings
            .range((gpu, 0)..(gpu, start + size))
            .filter(|((_, va), piece)| va + piece.mapping.size > start)
            .map(|((_, va), _)| *va)
            .collect()
    }

    /// The handle of a buffer on a GPU, a new one if it has none (`drm_gem_prime_fd_to_handle`). Returns whether it is new.
    fn open(&mut self, gpu: usize, buffer: u64) -> (u32, bool) {
        let of_gpu = || self.handles.range((gpu, 0)..=(gpu, u32::MAX));
        if let Some(((_, handle), _)) = of_gpu().find(|(_, other)| **other == buffer) {
            return (*handle, false);
        }
        let handle = (1..).find(|handle| !self.handles.contains_key(&(gpu, *handle))).unwrap_or(u32::MAX);
        self.handles.insert((gpu, handle), buffer);
        (handle, true)
    }

    /// Removes a handle with the mappings of its buffer on that GPU (`amdgpu_gem_object_close`). Returns the buffer's key.
    fn close(&mut self, gpu: usize, handle: u32) -> Option<(u64, Delta)> {
        let buffer = self.handles.remove(&(gpu, handle))?;
        let of_buffer = |piece: &GemMapping| piece.buffer == buffer;
        let gone: Vec<u64> = self
            .mappings
            .range((gpu, 0)..=(gpu, u64::MAX))
            .filter(|(_, piece)| of_buffer(piece))
            .map(|((_, va), _)| *va)
            .collect();
        self.mappings.retain(|(of, _), piece| *of != gpu || !of_buffer(piece));
        Some((buffer, Delta { gone, new: Vec::new() }))
    }

    fn map(&mut self, gpu: usize, va: u64, piece: GemMapping, delta: &mut Delta) {
        self.mappings.insert((gpu, va), piece);
        delta.new.push((va, piece));
    }

    /// `amdgpu_vm_bo_unmap`: the mapping of the buffer that starts there.
    fn unmap(&mut self, gpu: usize, va: u64, buffer: u64) -> Result<Delta, i32> {
        match self.mappings.get(&(gpu, va)) {
            Some(piece) if piece.buffer == buffer => self.mappings.remove(&(gpu, va)),
            _ => return Err(libc::ENOENT),
        };
        Ok(Delta { gone: vec![va], new: Vec::new() })
    }

    /// `amdgpu_vm_bo_clear_mappings`: nothing is left there; what sticks out at either side stays.
    fn clear(&mut self, gpu: usize, start: u64, size: u64) -> Delta {
        let end = start + size;
        let mut delta = Delta::default();
        for va in self.within(gpu, start, size) {
            let Some(piece) = self.mappings.remove(&(gpu, va)) else { continue };
            delta.gone.push(va);
            for (from, to) in [(va, start), (end, va + piece.mapping.size)] {
                if from < to {
                    let mapping = Mapping { size: to - from, host: piece.mapping.host + (from - va), ..piece.mapping };
                    self.map(gpu, from, GemMapping { mapping, ..piece }, &mut delta);
                }
            }
        }
        delta
    }
}

impl Kfd {
    /// DRM ioctls that are about buffers; `None`: it is none of them.
    ///
    /// # Safety
    /// `arg` points to the program's argument structure for this number, or to page 0.
    pub(super) unsafe fn gem_ioctl(&self, gpu: usize, number: u8, arg: *mut c_void) -> Option<Answer> {
        // SAFETY: handed on.
        Some(unsafe {
            match number {
                PRIME_FD_TO_HANDLE => with(arg, |args| self.prime_import(gpu, args)),
                PRIME_HANDLE_TO_FD => with(arg, |args| self.prime_export(gpu, args)),
                GEM_MMAP => with(arg, |args| self.gem_mmap(gpu, args)),
                GEM_VA => with(arg, |args| self.gem_va(gpu, args)),
                GEM_CLOSE => with(arg, |args| self.gem_close(gpu, args)),
                _ => return None,
            }
        })
    }

    pub(super) fn export_dmabuf(&self, args: &mut uapi::ExportDmabuf) -> Result<(), i32> {
        self.plan("export-dmabuf", 0)?;
        let mut state = self.state.lock();
        let buffer = state.open_buffer(args.handle)?;
        args.dmabuf_fd = self.export(args.handle, buffer, args.flags)? as u32;
        Ok(())
    }

    /// A new descriptor of a buffer's DMA-BUF. Memory of the program has none (`amdgpu_gem_prime_export`); that registers have none either is the model's.
    fn export(&self, handle: u64, buffer: &mut Buffer, flags: u32) -> Result<i32, i32> {
        if !matches!(buffer.place, Place::Vram(_) | Place::Gtt(_)) {
            return Err(libc::EPERM);
        }
        let dmabuf = match buffer.dmabuf.take() {
            Some(dmabuf) => dmabuf,
            None => Dmabuf::new(buffer.bytes())?,
        };
        let fd = buffer.dmabuf.insert(dmabuf).0.reopen()?;
        if flags & libc::O_CLOEXEC as u32 == 0 {
            // SAFETY: our new descriptor.
            unsafe { libc::fcntl(fd, libc::F_SETFD, 0) };
        }
        self.log.write(Event::Export { handle, va: buffer.va, size: buffer.size });
        Ok(fd)
    }

    fn prime_import(&self, gpu: usize, args: &mut Prime) -> Result<(), i32> {
        let file = backing::identity(args.fd).ok_or(libc::EBADF)?;
        let mut state = self.state.lock();
        let found =
            state.buffers.iter().find(|(_, buffer)| buffer.dmabuf.as_ref().is_some_and(|dmabuf| dmabuf.is(file)));
        let key = *found.ok_or(libc::EINVAL)?.0;
        let (handle, new) = state.gem.open(gpu, key);
        if let (true, Some(buffer)) = (new, state.buffers.get_mut(&key)) {
            buffer.gem_handles += 1;
        }
        drop(state);
        args.handle = handle;
        self.log.write(Event::Import { gpu: gpu_id(gpu), handle: key, gem: handle });
        Ok(())
    }

    fn prime_export(&self, gpu: usize, args: &mut Prime) -> Result<(), i32> {
        if args.flags & !(libc::O_CLOEXEC | libc::O_RDWR) as u32 != 0 {
            return Err(libc::EINVAL);
        }
        let mut state = self.state.lock();
        let key = *state.gem.handles.get(&(gpu, args.handle)).ok_or(libc::ENOENT)?;
        let buffer = state.buffers.get_mut(&key).ok_or(libc::ENOENT)?;
        args.fd = self.export(key, buffer, args.flags)?;
        Ok(())
    }

    fn gem_mmap(&self, gpu: usize, args: &mut Mmap) -> Result<(), i32> {
        let state = self.state.lock();
        let key = *state.gem.handles.get(&(gpu, args.handle_or_offset as u32)).ok_or(libc::ENOENT)?;
        let buffer = state.buffers.get(&key).ok_or(libc::ENOENT)?;
        match buffer.place {
            Place::Vram(offset) | Place::Gtt(offset) if buffer.gpu == gpu => args.handle_or_offset = offset,
            // Memory that another card has: this render node's file does not show it.
            _ => return Err(libc::EPERM),
        }
        Ok(())
    }

    fn gem_close(&self, gpu: usize, args: &mut Close) -> Result<(), i32> {
        let mut state = self.state.lock();
        let (key, delta) = state.gem.close(gpu, args.handle).ok_or(libc::EINVAL)?;
        self.remap_gem(gpu, &delta);
        if let Some(buffer) = state.buffers.get_mut(&key) {
            buffer.gem_handles -= 1;
        }
        self.reap(&mut state);
        drop(state);
        self.log.write(Event::GemClose { gpu: gpu_id(gpu), gem: args.handle });
        Ok(())
    }

    fn gem_va(&self, gpu: usize, args: &mut Va) -> Result<(), i32> {
        self.plan("gem-va", 0)?;
        let &mut Va { handle, operation, flags, va, offset, size, .. } = args;
        let known = VM_FLAGS.iter().fold(vm::MTYPE_MASK, |all, (_, bit)| all | bit);
        if !(LOWEST..=VA_LIMIT).contains(&va) || size > VA_LIMIT - va || flags & !known != 0 {
            return Err(libc::EINVAL);
        }
        let op = match operation {
            MAP => "map",
            UNMAP => "unmap",
            CLEAR => "clear",
            REPLACE => "replace",
            _ => return Err(libc::EINVAL),
        };
        let mut state = self.state.lock();
        let key = match operation {
            CLEAR => 0,
            _ => *state.gem.handles.get(&(gpu, handle)).ok_or(libc::ENOENT)?,
        };
        let aligned = [va, offset, size].iter().all(|value| value.is_multiple_of(PAGE));
        if operation != UNMAP && (!aligned || size == 0) {
            return Err(libc::EINVAL);
        }
        let mut mtype = None;
        let delta = match operation {
            UNMAP => state.gem.unmap(gpu, va, key)?,
            CLEAR => state.gem.clear(gpu, va, size),
            _ => {
                let buffer = state.buffers.get(&key).ok_or(libc::ENOENT)?;
                let room = offset.checked_add(size).is_some_and(|end| end <= buffer.bytes());
                if !room || !self.reaches(gpu, buffer) {
                    return Err(libc::EINVAL);
                }
                let mapping = Mapping {
                    size,
                    host: buffer.host + offset,
                    mtype: *mtype.insert(mtype::of_gem_mapping(
                        self.spec.cards[gpu].card.generation,
                        self.kernel(),
                        buffer.flags,
                        buffer.gpu != gpu,
                        flags,
                    )),
                    writable: flags & vm::WRITEABLE != 0,
                    executable: flags & vm::EXECUTABLE != 0,
                };
                // What MAP of KFD put there stays in any case.
                let taken = state.buffers.values().any(|other| other.mapped_at(gpu, va, size));
                if taken || operation == MAP && !state.gem.within(gpu, va, size).is_empty() {
                    return Err(libc::EINVAL);
                }
                let mut delta = state.gem.clear(gpu, va, size);
                state.gem.map(gpu, va, GemMapping { buffer: key, mapping }, &mut delta);
                delta
            }
        };
        self.remap_gem(gpu, &delta);
        drop(state);
        self.log.write(Event::GemVa {
            gpu: gpu_id(gpu),
            card: self.card_name(gpu),
            op: op.to_owned(),
            gem: if operation == CLEAR { 0 } else { handle },
            handle: key,
            va,
            offset,
            size,
            flags: format!("{flags:x}"),
            names: log::names(&VM_FLAGS, flags),
            mtype,
        });
        Ok(())
    }

    /// Brings the page tables in line. The caller holds the state, so that changes arrive in order.
    fn remap_gem(&self, gpu: usize, delta: &Delta) {
        let mut vm = self.vm.lock();
        for va in &delta.gone {
            vm.unmap(gpu, *va);
        }
        for (va, piece) in &delta.new {
            vm.map(gpu, *va, piece.mapping);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mtype::Mtype;

    fn piece(buffer: u64, size: u64, host: u64) -> GemMapping {
        GemMapping { buffer, mapping: Mapping { size, host, mtype: Mtype::Nc, writable: true, executable: false } }
    }

    #[test]
    fn structures_have_the_sizes_of_the_header() {
        assert_eq!((size_of::<Close>(), size_of::<Prime>(), size_of::<Mmap>(), size_of::<Va>()), (8, 12, 8, 40));
    }

    #[test]
    fn clearing_the_middle_of_a_mapping_leaves_both_ends_with_their_memory() {
        let mut gem = Gem::default();
        gem.map(0, 0x10000, piece(1, 0x4000, 0x80_0000), &mut Delta::default());
        gem.map(1, 0x10000, piece(1, 0x4000, 0x80_0000), &mut Delta::default());
        let delta = gem.clear(0, 0x11000, 0x1000);
        assert_eq!(delta.gone, [0x10000]);
        let ends = [(0x10000, piece(1, 0x1000, 0x80_0000)), (0x12000, piece(1, 0x2000, 0x80_2000))];
        assert_eq!(delta.new, ends);
        assert_eq!(gem.within(0, 0x10000, 0x4000), [0x10000, 0x12000]);
        assert_eq!(gem.within(1, 0x10000, 0x4000), [0x10000], "the other card's stays");
    }

    #[test]
    fn a_buffer_has_one_handle_on_each_card() {
        let mut gem = Gem::default();
        assert_eq!(gem.open(0, 7), (1, true));
        assert_eq!(gem.open(0, 7), (1, false));
        assert_eq!(gem.open(1, 7), (1, true));
        assert_eq!(gem.open(0, 8), (2, true));
        assert_eq!(gem.close(0, 1).map(|(buffer, _)| buffer), Some(7));
        assert_eq!(gem.close(0, 1), None);
    }
}
