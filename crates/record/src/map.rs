//! The only unsafe part: the shared mapping of the file, and the page that a fork empties.
//!
//! Everything in the mapping is accessed as atomics, because other threads and processes write to it at the same time.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::format::{CHUNK_BYTES, CHUNK_HEADER_BYTES, CHUNK_MAGIC, HEADER_BYTES, chunk, pair};

/// Address space to try for, in chunks: 4 GiB, and less where RLIMIT_AS forbids that. It costs nothing until chunks are used.
const CAPACITIES: [usize; 4] = [1 << 16, 1 << 14, 1 << 11, 1 << 8];

/// A shared mapping of a record file, larger than the file. Never unmapped: a thread may write while the process exits.
pub struct Mapping {
    base: NonNull<u8>,
    chunks: usize,
}

// SAFETY: the mapping stays for the life of the process and is only accessed through atomics.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

/// A chunk whose space is there and that nobody else writes to: not `Clone`, made once per number by [`Mapping::give`].
#[derive(Debug)]
pub struct Chunk {
    number: u32,
}

impl Chunk {
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Takes up a chunk again that [`Chunk::number`] was put aside for. The caller makes sure that there is only one of it.
    pub fn again(number: u32) -> Self {
        Self { number }
    }
}

impl Mapping {
    /// Maps a file that is at least [`HEADER_BYTES`] long.
    pub fn new(file: &File) -> io::Result<Self> {
        let mut error = io::Error::from_raw_os_error(libc::ENOMEM);
        for chunks in CAPACITIES {
            let length = HEADER_BYTES + chunks * CHUNK_BYTES;
            // SAFETY: a new mapping at an address of the kernel's choice touches nothing that exists.
            let base = unsafe {
                libc::mmap(
                    std::ptr::null_mut(),
                    length,
                    libc::PROT_READ | libc::PROT_WRITE,
                    libc::MAP_SHARED | libc::MAP_NORESERVE,
                    file.as_raw_fd(),
                    0,
                )
            };
            if base == libc::MAP_FAILED {
                error = io::Error::last_os_error();
            } else if let Some(base) = NonNull::new(base.cast::<u8>()) {
                // Only advice: a fault should not read pages around it, which are new and empty.
                // SAFETY: the mapping just made.
                unsafe { libc::madvise(base.as_ptr().cast(), length, libc::MADV_RANDOM) };
                return Ok(Self { base, chunks });
            }
        }
        Err(error)
    }

    /// How many chunks fit.
    pub fn capacity(&self) -> usize {
        self.chunks
    }

    /// A 32-bit field of the file header.
    pub fn header(&self, offset: usize) -> &AtomicU32 {
        assert!(offset.is_multiple_of(4) && offset < HEADER_BYTES, "offset {offset} in the header");
        // SAFETY: in bounds and aligned by the assertion; the header's space exists since the file was made, the mapping is never removed.
        unsafe { AtomicU32::from_ptr(self.base.add(offset).as_ptr().cast()) }
    }

    /// A 64-bit field of the file header.
    pub fn header_u64(&self, offset: usize) -> &AtomicU64 {
        assert!(offset.is_multiple_of(8) && offset < HEADER_BYTES, "offset {offset} in the header");
        // SAFETY: as for `header`.
        unsafe { AtomicU64::from_ptr(self.base.add(offset).as_ptr().cast()) }
    }

    /// The chunk `number`, once its space is reserved in the file: writes its header. Call it once per number.
    pub fn give(&self, number: u32, process: u32, pid: u32) -> Chunk {
        let chunk = Chunk { number };
        self.populate(&chunk);
        self.word(&chunk, chunk::PID).store(pid.into(), Ordering::Relaxed);
        self.word(&chunk, chunk::OWNER).store(pair(CHUNK_MAGIC, process), Ordering::Relaxed);
        self.publish(&chunk, CHUNK_HEADER_BYTES);
        chunk
    }

    /// Takes the page faults of a chunk at once instead of one by one. Before Linux 5.14 this does nothing.
    fn populate(&self, chunk: &Chunk) {
        let first: *const AtomicU64 = self.word(chunk, 0);
        let page = first.addr() & !4095;
        let length = first.addr() + CHUNK_BYTES - page;
        // SAFETY: the pages of a chunk whose space is reserved, within the mapping; their content is not changed.
        unsafe { libc::madvise(first.with_addr(page).cast_mut().cast(), length, libc::MADV_POPULATE_WRITE) };
    }

    /// Stores `words` at byte `offset` of the chunk. Invisible to readers until [`Mapping::publish`].
    pub fn store(&self, chunk: &Chunk, offset: usize, words: &[u64]) {
        let Some(last) = words.len().checked_sub(1) else { return };
        assert!(offset + last * 8 < CHUNK_BYTES, "a record ends within its chunk");
        let first: *const AtomicU64 = self.word(chunk, offset);
        for (index, word) in words.iter().enumerate() {
            // SAFETY: between `first`, which `word` checked, and the end of the chunk by the assertion.
            unsafe { &*first.add(index) }.store(*word, Ordering::Relaxed);
        }
    }

    /// Makes everything below `used` bytes of the chunk visible.
    pub fn publish(&self, chunk: &Chunk, used: usize) {
        self.word(chunk, chunk::USED).store(used as u64, Ordering::Release);
    }

    /// Bytes of the chunk that are visible.
    pub fn used(&self, chunk: &Chunk) -> usize {
        self.word(chunk, chunk::USED).load(Ordering::Acquire) as usize
    }

    fn word(&self, chunk: &Chunk, offset: usize) -> &AtomicU64 {
        let number = chunk.number as usize;
        assert!(number < self.chunks && offset.is_multiple_of(8) && offset < CHUNK_BYTES, "a word within the mapping");
        // SAFETY: in bounds and aligned by the assertion; the mapping is never removed; the chunk's space was reserved before it was given.
        unsafe { AtomicU64::from_ptr(self.base.add(HEADER_BYTES + number * CHUNK_BYTES + offset).as_ptr().cast()) }
    }
}

/// A number that is 0 again in a child made by fork: a page with MADV_WIPEONFORK (Linux 4.14). It notices every kind of fork, also one made by a
/// bare system call, for the price of a load.
pub struct ForkMark(NonNull<AtomicU32>);

// SAFETY: an atomic on a page that is never unmapped.
unsafe impl Send for ForkMark {}
// SAFETY: as above.
unsafe impl Sync for ForkMark {}

impl ForkMark {
    pub fn new() -> io::Result<Self> {
        // SAFETY: a new private anonymous page at an address of the kernel's choice; madvise is applied to just that page.
        unsafe {
            let page = libc::mmap(
                std::ptr::null_mut(),
                4096,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            );
            if page == libc::MAP_FAILED || libc::madvise(page, 4096, libc::MADV_WIPEONFORK) != 0 {
                return Err(io::Error::last_os_error());
            }
            NonNull::new(page.cast()).map(Self).ok_or_else(|| io::Error::from_raw_os_error(libc::ENOMEM))
        }
    }

    pub fn get(&self) -> &AtomicU32 {
        // SAFETY: the page lives as long as the process and holds zero bytes or what was stored.
        unsafe { self.0.as_ref() }
    }
}

/// Nanoseconds of a clock.
fn clock(id: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes the structure it is given.
    unsafe { libc::clock_gettime(id, &mut time) };
    (time.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec as u64)
}

/// CLOCK_MONOTONIC in nanoseconds: the same for all processes of a machine.
pub fn monotonic() -> u64 {
    clock(libc::CLOCK_MONOTONIC)
}

/// CLOCK_REALTIME in nanoseconds since 1970.
pub fn unix_time() -> u64 {
    clock(libc::CLOCK_REALTIME)
}

/// The calling thread's kernel id.
pub fn thread_id() -> u32 {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::syscall(libc::SYS_gettid) as u32 }
}

/// A file that others which lock it have to wait for.
///
/// The lock is given back explicitly: closing the file would not do it, because the mapping keeps the open file, and with it the lock.
pub struct Locked(File);

impl Locked {
    pub fn new(file: File) -> io::Result<Self> {
        // SAFETY: an open descriptor.
        match unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX) } {
            0 => Ok(Self(file)),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl std::ops::Deref for Locked {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // SAFETY: an open descriptor.
        unsafe { libc::flock(self.0.as_raw_fd(), libc::LOCK_UN) };
    }
}

/// Makes sure that the file has real space for `length` bytes at `offset`, so that touching it through the mapping cannot fail: zeros. Nobody else may
/// be writing there.
///
/// fallocate alone would do that, but then each page costs a journalled change from "unwritten" when it is touched (ext4: several microseconds); pages
/// that were written cost a fraction of it.
pub fn reserve(file: &File, offset: u64, length: u64) -> io::Result<()> {
    use std::os::unix::fs::FileExt;
    // Going over RLIMIT_FSIZE would send SIGXFSZ, which ends most programs: ask first.
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: writes the structure it is given.
    let known = unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &mut limit) } == 0;
    if known && offset + length > limit.rlim_cur {
        return Err(io::Error::from_raw_os_error(libc::EFBIG));
    }
    // SAFETY: an open descriptor and numbers.
    if unsafe { libc::fallocate(file.as_raw_fd(), 0, offset as libc::off_t, length as libc::off_t) } != 0 {
        let error = io::Error::last_os_error();
        // A file system without fallocate: the zeros have to reserve it.
        if error.raw_os_error() != Some(libc::EOPNOTSUPP) {
            return Err(error);
        }
    }
    static ZEROS: [u8; CHUNK_BYTES] = [0; CHUNK_BYTES];
    let mut written = 0;
    while written < length {
        let part = (length - written).min(CHUNK_BYTES as u64);
        file.write_all_at(&ZEROS[..part as usize], offset + written)?;
        written += part;
    }
    Ok(())
}
