//! The writer.

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use crate::format::{
    ARGUMENTS, CHUNK_BYTES, CHUNK_HEADER_BYTES, HEADER_BYTES, MAGIC, MAX_STRING, VERSION, head, header, kind, pair,
    words,
};
use crate::intern::Interner;
use crate::map::{self, Chunk, ForkMark, Locked, Mapping};
use crate::process;
use crate::{Kind, Verdict};

/// An argument of a call that has no field of its own in [`Event`]: its name in the API's documentation and its value. An empty name stands for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Argument {
    /// As in the API's documentation; empty: there is none.
    pub name: &'static str,
    /// A number, or an address, a handle.
    pub value: u64,
}

/// One call that allocates, changes or frees memory. Texts are written to the file once and numbered; empty means not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Event<'a> {
    /// Exported name of the function.
    pub call: &'a str,
    /// What it does to memory.
    pub kind: Kind,
    /// Where the memory is and how it behaves, e.g. `host, coherent`; empty if it is not known or of no concern.
    pub memory: &'a str,
    /// Further arguments, in their order; what follows the first empty one is left out.
    pub arguments: [Argument; ARGUMENTS],
    /// Flags the program passed; 0 for a function without flags.
    pub flags_asked: u32,
    /// Flags the real library was given.
    pub flags_used: u32,
    /// Bytes; 0 for a free.
    pub size: u64,
    /// The address given back, or freed; 0 if there is none.
    pub pointer: u64,
    /// `hipError_t` or `hsa_status_t`.
    pub result: i32,
    /// What became of the request.
    pub verdict: Verdict,
    /// The policy's rule.
    pub rule: &'a str,
    /// The policy's warning, if this request is one to warn about.
    pub warning: &'a str,
    /// HIP's ordinal of the device, -1 if none was determined.
    pub ordinal: i32,
    /// The device's target, e.g. `gfx1030`.
    pub target: &'a str,
    /// The device's PCI address, e.g. `0000:03:00.0`.
    pub bus: &'a str,
    /// File name of the library that made the call.
    pub caller: &'a str,
    /// The policy's mode.
    pub mode: &'a str,
}

/// A front that took its place in this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrontLoaded<'a> {
    /// Its SONAME.
    pub soname: &'a str,
    /// The front's own file, empty if not known.
    pub front_path: &'a str,
    /// The real library's file.
    pub real_path: &'a str,
    /// The real library's build-id, lower-case hex.
    pub build_id: &'a str,
}

/// A record file cannot be opened for writing.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be opened, made or mapped.
    #[error("{path} cannot be used as a record file ({source}); choose another path with --record or RMCP_RECORD")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is something else at that path, and it is left alone.
    #[error(
        "{0} exists and is not a record file, so it was left alone; choose another path with --record or RMCP_RECORD"
    )]
    Foreign(PathBuf),
    /// It is a record of another version.
    #[error("{path} is a record file of version {found}, this is version {VERSION}; delete it or choose another path")]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
}

/// Appends to a record file. Open it once per process, after exec; children made by fork go on with it.
///
/// Usable from any number of threads, at any time of a thread's life, and in children made by fork. It keeps no file descriptor, so a program
/// that closes all of them does no harm.
pub struct Writer {
    inner: Arc<Inner>,
}

struct Inner {
    map: Mapping,
    path: PathBuf,
    /// Device and inode: the file at `path` must still be the one that is mapped when it is made longer.
    identity: (u64, u64),
    mode: String,
    on_stop: fn(&str),
    stopped: AtomicBool,
    /// Number of this process; 0 in a child that has not recorded yet.
    process: ForkMark,
    /// The same, but in a child made by fork that of its parent: where the child comes from.
    ancestor: AtomicU32,
    /// Chunks of threads that ended: process in the high half, number + 1 in the low half, 0 for nothing.
    spare: [AtomicU64; 64],
    strings: Interner,
}

/// The chunk that a thread writes to.
struct Local {
    inner: Arc<Inner>,
    process: u32,
    tid: u32,
    chunk: Chunk,
    used: usize,
    /// Shapes that this thread has written to the chunk, and which of them was used last: a program's calls resemble each other.
    shapes: Vec<(Event<'static>, u32)>,
    last: usize,
    /// The event that the last call was like, as far as it was given as such, and the place of its shape.
    like: Option<(&'static Event<'static>, u32)>,
}

/// The longest record of a call, in words.
const LONGEST_CALL: usize = words::CALL + ARGUMENTS;

/// Shapes that a thread remembers; one more takes the place of the oldest.
const SHAPES: usize = 32;

thread_local! {
    static LOCAL: RefCell<Option<Local>> = const { RefCell::new(None) };
}

/// Makes an empty record file, in place of an older record if there is one.
///
/// # Errors
/// If it cannot be made, or if there is a file that is no record.
pub fn create(path: &Path) -> Result<(), OpenError> {
    let file = open_file(path)?;
    match check(path, &file)? {
        Content::Empty => {}
        Content::Record => {
            // Processes of an earlier run may still map the old file: it gets a new one beside it, not less content.
            std::fs::remove_file(path).map_err(|source| io_error(path, source))?;
            return create(path);
        }
    }
    initialise(path, &file)
}

enum Content {
    Empty,
    Record,
}

fn io_error(path: &Path, source: io::Error) -> OpenError {
    OpenError::Io { path: path.to_owned(), source }
}

/// Opens or makes the file and locks it against others that do the same.
fn open_file(path: &Path) -> Result<Locked, OpenError> {
    let open = || {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(libc::O_CLOEXEC | libc::O_NOCTTY | libc::O_NONBLOCK)
            .open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
        }
        Locked::new(file)
    };
    open().map_err(|source| io_error(path, source))
}

fn check(path: &Path, file: &File) -> Result<Content, OpenError> {
    let length = file.metadata().map_err(|source| io_error(path, source))?.len();
    if length == 0 {
        return Ok(Content::Empty);
    }
    let mut start = [0; 16];
    if length < HEADER_BYTES as u64 || file.read_exact_at(&mut start, 0).is_err() || !start.starts_with(&MAGIC) {
        return Err(OpenError::Foreign(path.to_owned()));
    }
    let version = u32::from_le_bytes([start[8], start[9], start[10], start[11]]);
    let chunk = u32::from_le_bytes([start[12], start[13], start[14], start[15]]);
    if version != VERSION || chunk as usize != CHUNK_BYTES {
        return Err(OpenError::Version { path: path.to_owned(), found: version });
    }
    Ok(Content::Record)
}

fn initialise(path: &Path, file: &File) -> Result<(), OpenError> {
    let mut page = [0; HEADER_BYTES];
    page[header::MAGIC..header::MAGIC + 8].copy_from_slice(&MAGIC);
    for (offset, value) in [
        (header::VERSION, VERSION),
        (header::CHUNK_BYTES, CHUNK_BYTES as u32),
        (header::NEXT_PROCESS, 1),
        (header::NEXT_STRING, 1),
    ] {
        page[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
    }
    let write = || {
        map::reserve(file, 0, HEADER_BYTES as u64)?;
        file.write_all_at(&page, 0)
    };
    write().map_err(|source| io_error(path, source))
}

impl Writer {
    /// Opens the record at `path`, making it if it is missing or empty, and records the start of this process in `mode`.
    ///
    /// If recording has to stop later (disk full, file gone), `on_stop` is called once with a sentence for the user; everything else goes on.
    ///
    /// # Errors
    /// If the file cannot be had or is something else.
    pub fn open(path: &Path, mode: &str, on_stop: fn(&str)) -> Result<Self, OpenError> {
        let path = std::path::absolute(path).map_err(|source| io_error(path, source))?;
        let file = open_file(&path)?;
        if let Content::Empty = check(&path, &file)? {
            initialise(&path, &file)?;
        }
        let open = || {
            let metadata = file.metadata()?;
            Ok(Inner {
                map: Mapping::new(&file)?,
                path: path.clone(),
                identity: (metadata.dev(), metadata.ino()),
                mode: mode.to_owned(),
                on_stop,
                stopped: AtomicBool::new(false),
                process: ForkMark::new()?,
                ancestor: AtomicU32::new(0),
                spare: [const { AtomicU64::new(0) }; 64],
                strings: Interner::new(),
            })
        };
        let writer = Self { inner: Arc::new(open().map_err(|source| io_error(&path, source))?) };
        // Records the start of the process, so that one that never allocates is seen as well.
        writer.with(|_| {});
        Ok(writer)
    }

    /// Appends one call. Its texts are recognised by their address, hence `'static`.
    pub fn record(&self, event: &Event<'static>) {
        let time = map::monotonic();
        self.with(|local| {
            let place = local.shape(event);
            local.call(place, time, event, event.size, event.pointer);
        });
    }

    /// Appends one call that differs from `event` in size and pointer only. Cheaper than [`Writer::record`] when the same `event` is passed again.
    #[inline]
    pub fn record_like(&self, event: &'static Event<'static>, size: u64, pointer: u64) {
        let time = map::monotonic();
        self.with(|local| {
            let place = match local.like {
                Some((last, place)) if std::ptr::eq(last, event) && local.fits() => Some(place),
                _ => {
                    let place = local.shape(event);
                    local.like = place.map(|place| (event, place));
                    place
                }
            };
            local.call(place, time, event, size, pointer);
        });
    }

    /// Records that this process comes to its normal end: call it from a destructor of the library (`.fini_array`), which `exit` and the return from
    /// `main` run, and `_exit`, exec and signals do not. A reader tells by it what may be missing. Nothing is freed, and recording goes on.
    ///
    /// A child made by fork that recorded nothing has nothing to end.
    pub fn end(&self) {
        if self.is_stopped() || self.inner.process.get().load(Ordering::Relaxed) == 0 {
            return;
        }
        let time = map::monotonic();
        self.with(|local| local.put(&[head(kind::END, words::END, local.tid), time]));
    }

    /// Appends that a front is in place.
    pub fn front(&self, front: &FrontLoaded<'_>) {
        let time = map::monotonic();
        self.with(|local| {
            let [soname, real, build_id, file] =
                [front.soname, front.real_path, front.build_id, front.front_path].map(|text| local.text(text));
            local.put(&[head(kind::FRONT, words::FRONT, local.tid), time, pair(soname, real), pair(build_id, file)]);
        });
    }

    /// Appends that a warning was given to the user: its stable name and the sentence.
    pub fn warning(&self, id: &str, text: &str) {
        let time = map::monotonic();
        self.with(|local| {
            let [id, text] = [id, text].map(|text| local.text(text));
            local.put(&[head(kind::WARNING, words::WARNING, local.tid), time, pair(id, text)]);
        });
    }

    /// Recording had to stop in this process.
    pub fn is_stopped(&self) -> bool {
        self.inner.stopped.load(Ordering::Relaxed)
    }

    /// Runs `write` on the thread's chunk.
    fn with(&self, write: impl FnOnce(&mut Local)) {
        let inner = &self.inner;
        if self.is_stopped() {
            inner.lose();
            return;
        }
        let mut write = Some(write);
        // Fails when the thread's variables are gone already; the cell is taken when a signal handler interrupts us here.
        let _ = LOCAL.try_with(|cell| {
            let Ok(mut slot) = cell.try_borrow_mut() else { return };
            let process = inner.process.get().load(Ordering::Relaxed);
            let current =
                slot.as_ref().is_some_and(|local| local.process == process && Arc::ptr_eq(&local.inner, inner));
            if !current {
                *slot = None;
                *slot = Local::new(inner);
            }
            if let (Some(local), Some(write)) = (slot.as_mut(), write.take()) {
                write(local);
            }
        });
        // Dropping it puts the chunk aside for the next one.
        if let Some(write) = write
            && let Some(mut local) = Local::new(inner)
        {
            write(&mut local);
        }
    }
}

impl Event<'_> {
    /// How many arguments there are.
    fn argument_count(&self) -> usize {
        self.arguments.iter().take_while(|argument| !argument.name.is_empty()).count()
    }
}

impl Event<'static> {
    /// Whether two calls differ in nothing but time, size, pointer and the values of arguments. Equal texts at different addresses count as
    /// different, which only costs room.
    fn is_like(&self, other: &Self) -> bool {
        std::ptr::eq(self.call, other.call)
            && self.kind == other.kind
            && std::ptr::eq(self.memory, other.memory)
            && self.arguments.iter().zip(&other.arguments).all(|(one, two)| std::ptr::eq(one.name, two.name))
            && (self.flags_asked, self.flags_used) == (other.flags_asked, other.flags_used)
            && (self.result, self.ordinal) == (other.result, other.ordinal)
            && std::ptr::eq(self.rule, other.rule)
            && std::ptr::eq(self.caller, other.caller)
            && std::ptr::eq(self.target, other.target)
            && std::ptr::eq(self.bus, other.bus)
            && std::ptr::eq(self.mode, other.mode)
            && std::ptr::eq(self.warning, other.warning)
            && self.verdict == other.verdict
    }
}

impl Inner {
    fn lose(&self) {
        self.map.header_u64(header::LOST).fetch_add(1, Ordering::Relaxed);
    }

    /// Number of this process. In a new process the first thread that gets here takes one; for that thread, the process that this one is a copy of
    /// (0: none) comes with it.
    fn process(&self) -> (u32, Option<u32>) {
        let mark = self.process.get();
        match mark.load(Ordering::Acquire) {
            0 => {
                let number = self.map.header(header::NEXT_PROCESS).fetch_add(1, Ordering::Relaxed);
                match mark.compare_exchange(0, number, Ordering::AcqRel, Ordering::Acquire) {
                    Ok(_) => (number, Some(self.ancestor.swap(number, Ordering::Relaxed))),
                    Err(other) => (other, None),
                }
            }
            number => (number, None),
        }
    }

    fn new_chunk(&self, process: u32) -> Option<Chunk> {
        if self.stopped.load(Ordering::Relaxed) {
            return None;
        }
        let number = self.map.header(header::CHUNKS).fetch_add(1, Ordering::Relaxed);
        let reserved = match number as usize {
            number if number < self.map.capacity() => self.reserve(number),
            _ => Err(io::Error::from_raw_os_error(libc::EFBIG)),
        };
        match reserved {
            Ok(()) => Some(self.map.give(number, process, std::process::id())),
            Err(error) => {
                self.stop(&error);
                None
            }
        }
    }

    /// Space for a chunk, by the file's name: a descriptor kept open could be closed by the program and be another file by now.
    fn reserve(&self, number: usize) -> io::Result<()> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_CLOEXEC | libc::O_NOCTTY | libc::O_NONBLOCK)
            .open(&self.path)?;
        let metadata = file.metadata()?;
        if (metadata.dev(), metadata.ino()) != self.identity {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the file was replaced by another"));
        }
        map::reserve(&file, (HEADER_BYTES + number * CHUNK_BYTES) as u64, CHUNK_BYTES as u64)
    }

    fn stop(&self, error: &io::Error) {
        let errno = error.raw_os_error().unwrap_or(libc::EIO) as u32;
        let _ = self.map.header(header::STOP_ERRNO).compare_exchange(0, errno, Ordering::Relaxed, Ordering::Relaxed);
        if !self.stopped.swap(true, Ordering::Relaxed) {
            (self.on_stop)(&format!(
                "recording to {} stopped: {error}; the program goes on, make room or choose another file and run it again",
                self.path.display()
            ));
        }
    }

    fn take_spare(&self, process: u32) -> Option<Chunk> {
        for slot in &self.spare {
            let value = slot.load(Ordering::Relaxed);
            if value == 0 || slot.compare_exchange(value, 0, Ordering::Acquire, Ordering::Relaxed).is_err() {
                continue;
            }
            // After a fork the parent's spare chunks are here as well: they are the parent's.
            if (value >> 32) as u32 == process {
                return Some(Chunk::again(value as u32 - 1));
            }
        }
        None
    }

    fn put_aside(&self, process: u32, chunk: &Chunk) {
        let value = pair(chunk.number() + 1, process);
        let _ = self
            .spare
            .iter()
            .find(|slot| slot.compare_exchange(0, value, Ordering::Release, Ordering::Relaxed).is_ok());
    }
}

impl Local {
    fn new(inner: &Arc<Inner>) -> Option<Self> {
        let (process, beginning) = inner.process();
        let (chunk, used) = match inner.take_spare(process) {
            Some(chunk) => {
                let used = inner.map.used(&chunk);
                (chunk, used)
            }
            None => match inner.new_chunk(process) {
                Some(chunk) => (chunk, CHUNK_HEADER_BYTES),
                None => {
                    inner.lose();
                    return None;
                }
            },
        };
        let mut local = Self {
            inner: Arc::clone(inner),
            process,
            tid: map::thread_id(),
            chunk,
            used,
            shapes: Vec::new(),
            last: 0,
            like: None,
        };
        if let Some(forked_from) = beginning {
            local.start(forked_from);
        }
        Some(local)
    }

    /// Records that this process began (to record).
    fn start(&mut self, forked_from: u32) {
        let inner = Arc::clone(&self.inner);
        let exe = std::fs::read_link("/proc/self/exe").unwrap_or_default();
        let arguments = std::fs::read("/proc/self/cmdline").unwrap_or_default();
        let argv0 = arguments.split(|byte| *byte == 0).next().unwrap_or_default();
        let [exe, argv0, mode, machine] =
            [&exe.to_string_lossy(), &String::from_utf8_lossy(argv0), inner.mode.as_str(), &process::machine()]
                .map(|text| self.text(text));
        self.put(&[
            head(kind::PROCESS, words::PROCESS, self.tid),
            map::monotonic(),
            map::unix_time(),
            pair(std::process::id(), std::os::unix::process::parent_id()),
            pair(exe, argv0),
            pair(mode, machine),
            process::start(std::process::id()).unwrap_or(0),
            forked_from.into(),
        ]);
    }

    /// Appends a call whose shape is at `place`.
    fn call(&mut self, place: Option<u32>, time: u64, event: &Event<'static>, size: u64, pointer: u64) {
        let Some(place) = place else { return self.inner.lose() };
        if event.arguments[0].name.is_empty() {
            return self.put(&[head(kind::CALL, words::CALL, place), time, size, pointer]);
        }
        let length = words::CALL + event.argument_count();
        let mut record = [0; LONGEST_CALL];
        record[..words::CALL].copy_from_slice(&[head(kind::CALL, length, place), time, size, pointer]);
        for (word, argument) in record[words::CALL..].iter_mut().zip(&event.arguments) {
            *word = argument.value;
        }
        self.put(&record[..length]);
    }

    /// Whether a shape and a call fit into the chunk.
    fn fits(&self) -> bool {
        self.used + 8 * (words::SHAPE + LONGEST_CALL) <= CHUNK_BYTES
    }

    /// The place of the shape of a call in the chunk, which has room for the call as well. `None`: there is no room any more.
    fn shape(&mut self, event: &Event<'static>) -> Option<u32> {
        if !self.fits() && !self.next_chunk() {
            return None;
        }
        match self.shapes.get(self.last) {
            Some((shape, place)) if shape.is_like(event) => Some(*place),
            _ => match self.shapes.iter().position(|(shape, _)| shape.is_like(event)) {
                Some(index) => {
                    self.last = index;
                    Some(self.shapes[index].1)
                }
                None => self.new_shape(event),
            },
        }
    }

    /// As [`Local::shape`], for one that was not written yet.
    #[cold]
    fn new_shape(&mut self, event: &Event<'static>) -> Option<u32> {
        let [call, rule, caller, mode, target, bus, warning, memory] =
            [event.call, event.rule, event.caller, event.mode, event.target, event.bus, event.warning, event.memory]
                .map(|text| self.text(text));
        let count = event.argument_count();
        let mut names = [0; ARGUMENTS];
        for (id, argument) in names.iter_mut().zip(&event.arguments[..count]) {
            *id = self.text(argument.name);
        }
        // The texts may have filled the chunk.
        if !self.fits() && !self.next_chunk() {
            return None;
        }
        let place = self.used as u32;
        self.append(&[
            head(kind::SHAPE, words::SHAPE, self.tid),
            pair(event.flags_asked, event.flags_used),
            pair(event.result as u32, event.ordinal as u32),
            pair(call, rule),
            pair(caller, mode),
            pair(target, bus),
            pair(event.verdict as u32 | (event.kind as u32) << 8, warning),
            pair(memory, names[0]),
            pair(names[1], names[2]),
            names[3].into(),
        ]);
        if self.shapes.len() < SHAPES {
            self.last = self.shapes.len();
            self.shapes.push((*event, place));
        } else {
            self.last = (self.last + 1) % SHAPES;
            self.shapes[self.last] = (*event, place);
        }
        Some(place)
    }

    /// The number of a text, writing it first if it is new; 0 if it cannot be written.
    fn text(&mut self, text: &str) -> u32 {
        match self.inner.strings.get(text) {
            Some(id) => id,
            None => self.write_text(text).unwrap_or(0),
        }
    }

    fn write_text(&mut self, whole_text: &str) -> Option<u32> {
        let text = &whole_text[..whole_text.floor_char_boundary(MAX_STRING)];
        let id = self.inner.map.header(header::NEXT_STRING).fetch_add(1, Ordering::Relaxed);
        let length = 2 + text.len().div_ceil(8);
        let mut record = Vec::with_capacity(length);
        record.push(head(kind::STRING, length, self.tid));
        record.push(pair(id, text.len() as u32));
        let (whole, rest) = text.as_bytes().as_chunks::<8>();
        record.extend(whole.iter().map(|word| u64::from_le_bytes(*word)));
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            record.push(u64::from_le_bytes(last));
        }
        let written = self.append(&record);
        if written {
            self.inner.strings.put(whole_text, id);
        }
        written.then_some(id)
    }

    /// Appends one record, or counts it as lost.
    fn put(&mut self, record: &[u64]) {
        if !self.append(record) {
            self.inner.lose();
        }
    }

    /// Appends one record and makes it visible. `false`: there is no room any more.
    fn append(&mut self, record: &[u64]) -> bool {
        let length = size_of_val(record);
        let room = self.room(length);
        if room {
            self.inner.map.store(&self.chunk, self.used, record);
            self.used += length;
            self.inner.map.publish(&self.chunk, self.used);
        }
        room
    }

    /// Makes sure that the chunk has room for so many bytes, by a new one if need be. `false`: there is none.
    fn room(&mut self, length: usize) -> bool {
        self.used + length <= CHUNK_BYTES || self.next_chunk()
    }

    #[cold]
    fn next_chunk(&mut self) -> bool {
        let Some(chunk) = self.inner.new_chunk(self.process) else { return false };
        (self.chunk, self.used) = (chunk, CHUNK_HEADER_BYTES);
        // The shapes stand in the chunk before.
        self.shapes.clear();
        self.like = None;
        true
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        // In a child made by fork this is the parent's chunk.
        if self.inner.process.get().load(Ordering::Relaxed) == self.process {
            self.inner.put_aside(self.process, &self.chunk);
        }
    }
}
