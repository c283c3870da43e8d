//! The memory behind a device file: one sparse memfd, mapped once for the model, whose offsets are the mmap offsets that the driver hands out.
//!
//! So `mmap` of a device file is the kernel's own, and a buffer without CPU mapping (small BAR) is still reachable for the GPU.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::sync::Mutex;

/// Buffers start at this offset: 0 would look like "no offset".
const FIRST: u64 = 2 << 20;
const ALIGN: u64 = 1 << 16;

/// A memfd that stands for a file of the kernel's, known by its inode.
#[derive(Debug)]
pub struct Memfd {
    file: File,
    dev: u64,
    ino: u64,
}

impl Memfd {
    /// `size` bytes, none of which exist before they are touched.
    pub fn new(name: &str, size: u64) -> std::io::Result<Self> {
        let name = std::ffi::CString::new(name)?;
        // SAFETY: memfd_create copies the name; the new descriptor is ours alone.
        let file = unsafe {
            let fd = libc::syscall(libc::SYS_memfd_create, name.as_ptr(), libc::MFD_CLOEXEC) as i32;
            if fd < 0 {
                return Err(std::io::Error::last_os_error());
            }
            File::from_raw_fd(fd)
        };
        let file = out_of_the_way(file);
        file.set_len(size)?;
        let (dev, ino) = identity(file.as_raw_fd()).ok_or_else(std::io::Error::last_os_error)?;
        Ok(Memfd { file, dev, ino })
    }

    /// A new descriptor of the file, as open(2) would give: with an open file description of its own. Close-on-exec is the caller's to clear.
    pub fn reopen(&self) -> Result<i32, i32> {
        let path = format!("/proc/self/fd/{}\0", self.descriptor());
        // SAFETY: a C string; a new descriptor is the caller's. A raw call: a preload may stand before libc's.
        let fd =
            unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path.as_ptr(), libc::O_RDWR | libc::O_CLOEXEC) };
        if fd < 0 { Err(std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EMFILE)) } else { Ok(fd as i32) }
    }

    /// Our own descriptor.
    pub fn descriptor(&self) -> i32 {
        self.file.as_raw_fd()
    }

    /// Whether a file with this device and inode number is this one.
    pub fn is(&self, dev: u64, ino: u64) -> bool {
        (self.dev, self.ino) == (dev, ino)
    }
}

/// A device file's memory.
#[derive(Debug)]
pub struct Backing {
    file: Memfd,
    base: u64,
    size: u64,
    /// Buffers by offset, with their sizes.
    used: Mutex<BTreeMap<u64, u64>>,
}

impl Backing {
    /// `size` bytes, none of which exist before they are touched.
    pub fn new(name: &str, size: u64) -> std::io::Result<Self> {
        let file = Memfd::new(name, size)?;
        // SAFETY: a new shared mapping of our own file, nowhere in particular.
        let base = unsafe {
            let flags = libc::MAP_SHARED | libc::MAP_NORESERVE;
            libc::mmap(
                std::ptr::null_mut(),
                size as usize,
                libc::PROT_READ | libc::PROT_WRITE,
                flags,
                file.descriptor(),
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(std::io::Error::last_os_error());
        }
        // A child makes its own, and a core dump of all of VRAM helps nobody.
        // SAFETY: our own mapping.
        unsafe {
            libc::madvise(base, size as usize, libc::MADV_DONTFORK);
            libc::madvise(base, size as usize, libc::MADV_DONTDUMP);
        }
        Ok(Backing { file, base: base as u64, size, used: Mutex::default() })
    }

    /// A new descriptor of the file ([`Memfd::reopen`]).
    pub fn reopen(&self) -> Result<i32, i32> {
        self.file.reopen()
    }

    /// Whether a file with this device and inode number is this one.
    pub fn is(&self, dev: u64, ino: u64) -> bool {
        self.file.is(dev, ino)
    }

    /// The model's address of the byte at `offset`.
    pub fn host(&self, offset: u64) -> u64 {
        debug_assert!(offset < self.size);
        self.base + offset
    }

    /// Stores a word; `offset` is a multiple of 8 within the file.
    pub fn write_u64(&self, offset: u64, value: u64) {
        assert!(offset.is_multiple_of(8) && offset < self.size);
        // SAFETY: within our mapping and aligned; the program may look at it at any time.
        unsafe { AtomicU64::from_ptr(self.host(offset) as *mut u64) }.store(value, Ordering::Release);
    }

    /// Room for a buffer: its offset; `None` when the file is full.
    pub fn allocate(&self, size: u64) -> Option<u64> {
        let size = size.next_multiple_of(ALIGN);
        let mut used = self.used.lock();
        let mut offset = FIRST;
        for (start, length) in used.iter() {
            if offset.checked_add(size)? <= *start {
                break;
            }
            offset = start + length;
        }
        if offset.checked_add(size)? > self.size {
            return None;
        }
        used.insert(offset, size);
        Some(offset)
    }

    /// Gives a buffer's room back; its memory is zero again.
    pub fn release(&self, offset: u64) {
        let Some(size) = self.used.lock().remove(&offset) else { return };
        let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
        // SAFETY: a hole in our own file.
        unsafe { libc::fallocate(self.file.descriptor(), mode, offset as i64, size as i64) };
    }
}

/// Device and inode number of a descriptor's file.
pub fn identity(fd: i32) -> Option<(u64, u64)> {
    // SAFETY: fstat fills the structure. A raw call: a preload may answer for these descriptors.
    unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        (libc::syscall(libc::SYS_fstat, fd, &raw mut stat) == 0).then_some((stat.st_dev, stat.st_ino))
    }
}

/// The same file on a high descriptor: low numbers are the program's, and some programs count on getting them.
fn out_of_the_way(file: File) -> File {
    [800, 200]
        .into_iter()
        .find_map(|lowest| {
            // SAFETY: duplicates our descriptor; the new one is ours alone.
            unsafe {
                let fd = libc::fcntl(file.as_raw_fd(), libc::F_DUPFD_CLOEXEC, lowest);
                (fd >= 0).then(|| File::from_raw_fd(fd))
            }
        })
        .unwrap_or(file)
}

impl Drop for Backing {
    fn drop(&mut self) {
        // SAFETY: the mapping that `new` made; nobody uses it any more, by contract of the owner.
        unsafe { libc::munmap(self.base as *mut libc::c_void, self.size as usize) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_found_given_back_and_zero_again() {
        let backing = Backing::new("test", FIRST + 4 * ALIGN).expect("a memfd");
        let first = backing.allocate(1).expect("room");
        let second = backing.allocate(ALIGN).expect("room");
        assert_eq!((first, second), (FIRST, FIRST + ALIGN));
        assert_eq!(backing.allocate(3 * ALIGN), None, "two are left");
        backing.write_u64(first, 7);
        backing.release(first);
        assert_eq!(backing.allocate(8), Some(first));
        // SAFETY: aligned and within the mapping.
        assert_eq!(unsafe { *(backing.host(first) as *const u64) }, 0);
    }

    #[test]
    fn a_descriptor_is_known_by_its_inode() {
        let backing = Backing::new("test", FIRST).expect("a memfd");
        // SAFETY: the new descriptor is ours.
        let copy = unsafe { File::from_raw_fd(backing.reopen().expect("a descriptor")) };
        let (dev, ino) = identity(copy.as_raw_fd()).expect("fstat");
        assert!(backing.is(dev, ino));
        assert!(!backing.is(dev, ino + 1));
        assert_eq!(identity(-1), None);
    }
}
