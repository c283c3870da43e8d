//! The reader: any bytes are either understood or refused, never a panic. No unsafe.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use crate::Verdict;
use crate::format::{
    CHUNK_BYTES, CHUNK_HEADER_BYTES, CHUNK_MAGIC, HEADER_BYTES, MAGIC, MAX_STRING, VERSION, chunk, header, kind, words,
};

/// A file cannot be read as a record.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be opened or read.
    #[error("{path} cannot be read: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It does not begin as a record does.
    #[error("{0} is not a record of RMCP; make one with: rmcp run --record FILE -- PROGRAM")]
    Foreign(PathBuf),
    /// It is shorter than its header.
    #[error("{0} is cut off within its header, so nothing can be read from it; record again")]
    Truncated(PathBuf),
    /// Another version.
    #[error("{path} is a record of version {found}, this program reads version {VERSION}; use the rmcp that wrote it")]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
}

/// Everything in a record file.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Recording {
    /// In the order in which they began to record.
    pub processes: Vec<Process>,
    /// In time order.
    pub fronts: Vec<Front>,
    /// In time order.
    pub calls: Vec<CallEvent>,
    /// In time order.
    pub warnings: Vec<Warning>,
    /// Recording had to stop in some process.
    pub stopped: Option<Stop>,
    /// Records that could not be written because recording had stopped.
    pub lost: u64,
    /// Chunks in which something could not be understood; what stands before it is used.
    pub damaged_chunks: u64,
}

/// Why recording stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stop {
    /// errno.
    pub errno: i32,
    /// Its text.
    pub reason: String,
}

/// One process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Process {
    /// Its number in this file; pids may be reused, numbers are not.
    pub number: u32,
    /// Process id.
    pub pid: u32,
    /// The parent's process id; 0 if the start was not recorded.
    pub parent: u32,
    /// When it began to record, nanoseconds since 1970; 0 if the start was not recorded.
    pub started_unix_ns: u64,
    /// Its executable.
    pub exe: Arc<str>,
    /// Its `argv[0]`.
    pub argv0: Arc<str>,
    /// The policy's mode.
    pub mode: Arc<str>,
}

/// A front that was in place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Front {
    /// [`Process::number`].
    pub process: u32,
    /// Nanoseconds since 1970.
    pub unix_ns: u64,
    /// SONAME.
    pub soname: Arc<str>,
    /// The front's file, empty if not known.
    pub front_path: Arc<str>,
    /// The real library's file.
    pub real_path: Arc<str>,
    /// The real library's build-id.
    pub build_id: Arc<str>,
}

/// One recorded call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CallEvent {
    /// [`Process::number`].
    pub process: u32,
    /// Process id.
    pub pid: u32,
    /// Thread id.
    pub tid: u32,
    /// Nanoseconds since 1970, from the monotonic clock since the process started recording.
    pub unix_ns: u64,
    /// The function.
    pub call: Arc<str>,
    /// Flags the program passed.
    pub flags_asked: u32,
    /// Flags the real library was given.
    pub flags_used: u32,
    /// Bytes.
    pub size: u64,
    /// Address.
    pub pointer: u64,
    /// `hipError_t` or `hsa_status_t`.
    pub result: i32,
    /// What became of it.
    pub verdict: Verdict,
    /// The policy's rule.
    pub rule: Arc<str>,
    /// The policy's warning, empty if none.
    pub warning: Arc<str>,
    /// The device, if one was determined.
    pub device: Option<Device>,
    /// Calling library.
    pub caller: Arc<str>,
    /// The policy's mode.
    pub mode: Arc<str>,
}

/// A device as the core determined it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Device {
    /// HIP's ordinal, -1 if not determined.
    pub ordinal: i32,
    /// e.g. `gfx1030`.
    pub target: Arc<str>,
    /// PCI address.
    pub bus: Arc<str>,
}

/// A warning that the user was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// [`Process::number`].
    pub process: u32,
    /// Nanoseconds since 1970.
    pub unix_ns: u64,
    /// Stable name.
    pub id: Arc<str>,
    /// The sentence.
    pub text: Arc<str>,
}

/// Reads a record file, also one that is being written to.
///
/// # Errors
/// If it cannot be read, is no record, or is of another version. A torn or damaged rest of a chunk is no error; it is left out and counted.
pub fn read(path: &Path) -> Result<Recording, ReadError> {
    let io_error = |source| ReadError::Io { path: path.to_owned(), source };
    // Before it is opened: a FIFO would wait for a writer.
    if !path.metadata().map_err(io_error)?.is_file() {
        return Err(ReadError::Foreign(path.to_owned()));
    }
    let mut file = File::open(path).map_err(io_error)?;
    let mut page = Vec::new();
    (&mut file).take(HEADER_BYTES as u64).read_to_end(&mut page).map_err(io_error)?;
    if !page.starts_with(&MAGIC) {
        return Err(ReadError::Foreign(path.to_owned()));
    }
    let version = u32_at(&page, header::VERSION).ok_or_else(|| ReadError::Truncated(path.to_owned()))?;
    if version != VERSION {
        return Err(ReadError::Version { path: path.to_owned(), found: version });
    }
    if page.len() < HEADER_BYTES {
        return Err(ReadError::Truncated(path.to_owned()));
    }
    let field = |offset| u32_at(&page, offset).unwrap_or(0);

    let mut builder = Builder::default();
    let mut bytes = Vec::with_capacity(CHUNK_BYTES);
    let mut chunks = 0;
    loop {
        bytes.clear();
        (&mut file).take(CHUNK_BYTES as u64).read_to_end(&mut bytes).map_err(io_error)?;
        if bytes.is_empty() {
            break;
        }
        chunks += 1;
        let damaged = builder.damaged;
        builder.chunk(&bytes);
        if bytes.len() < CHUNK_BYTES {
            // Space is reserved by whole chunks: this one was cut off, with whatever followed.
            builder.damaged = damaged + 1;
        }
    }
    if chunks == 0 && field(header::CHUNKS) > 0 && field(header::STOP_ERRNO) == 0 {
        builder.damaged += 1;
    }
    let mut recording = builder.finish();
    recording.lost = field(header::LOST).into();
    let errno = field(header::STOP_ERRNO) as i32;
    recording.stopped = (errno != 0).then(|| Stop { errno, reason: io::Error::from_raw_os_error(errno).to_string() });
    Ok(recording)
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(offset..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(offset..)?.first_chunk()?))
}

const fn low(word: u64) -> u32 {
    word as u32
}

const fn high(word: u64) -> u32 {
    (word >> 32) as u32
}

/// A record whose texts are still numbers: a text may stand in a chunk that comes later.
struct Raw {
    process: u32,
    pid: u32,
    tid: u32,
    kind: u8,
    /// For a call: those of its shape and its own, as [`Raw::call`] puts them together.
    words: [u64; RAW_WORDS],
}

const RAW_WORDS: usize = 10;

impl Raw {
    /// A call: `[head, time, flags, size, pointer, result and ordinal, call and rule, caller and mode, target and bus, verdict and warning]`.
    fn call(process: u32, pid: u32, [_, time, size, pointer]: [u64; words::CALL], shape: &[u64; words::SHAPE]) -> Self {
        let [head, flags, result, call, caller, device, verdict] = *shape;
        let words = [head, time, flags, size, pointer, result, call, caller, device, verdict];
        Self { process, pid, tid: high(head), kind: kind::CALL, words }
    }
}

/// The first `N` words of a record, if it has as many.
fn words_of<const N: usize>(record: &[u8]) -> Option<[u64; N]> {
    let words = record.as_chunks::<8>().0.get(..N)?;
    Some(std::array::from_fn(|index| u64::from_le_bytes(words[index])))
}

#[derive(Default)]
struct Builder {
    strings: HashMap<u32, Arc<str>>,
    records: Vec<Raw>,
    pids: BTreeMap<u32, u32>,
    damaged: u64,
}

impl Builder {
    fn chunk(&mut self, bytes: &[u8]) {
        let Some(owner) = u64_at(bytes, chunk::OWNER).filter(|owner| *owner != 0) else {
            // Given out, but never reserved or not used yet.
            return;
        };
        let (Some(used), Some(pid)) = (u64_at(bytes, chunk::USED), u64_at(bytes, chunk::PID)) else {
            self.damaged += 1;
            return;
        };
        let whole = usize::try_from(used).ok().and_then(|used| bytes.get(CHUNK_HEADER_BYTES..used));
        let present = bytes.get(CHUNK_HEADER_BYTES..).unwrap_or_default();
        let complete = low(owner) == CHUNK_MAGIC && used <= CHUNK_BYTES as u64 && whole.is_some();
        if low(owner) == CHUNK_MAGIC {
            self.pids.entry(high(owner)).or_insert(low(pid));
            let understood = self.records(high(owner), low(pid), whole.unwrap_or(present));
            self.damaged += u64::from(!(understood && complete));
        } else {
            self.damaged += 1;
        }
    }

    /// Takes the records of a chunk, `bytes` without its header; `false` if it has to stop before the end.
    fn records(&mut self, process: u32, pid: u32, bytes: &[u8]) -> bool {
        let mut shapes: HashMap<u32, [u64; words::SHAPE]> = HashMap::new();
        let mut left = bytes;
        while !left.is_empty() {
            let place = (CHUNK_HEADER_BYTES + bytes.len() - left.len()) as u32;
            let Some(head) = u64_at(left, 0) else { return false };
            let length = (head >> 16 & 0xffff) as usize * 8;
            let Some((record, rest)) = (length > 0).then(|| left.split_at_checked(length)).flatten() else {
                return false;
            };
            left = rest;
            let kind = head as u8;
            let understood = match kind {
                kind::STRING => self.string(record),
                kind::SHAPE => words_of(record).map(|words| shapes.insert(place, words)).is_some(),
                kind::CALL => words_of(record)
                    .zip(shapes.get(&high(head)))
                    .map(|(words, shape)| self.records.push(Raw::call(process, pid, words, shape)))
                    .is_some(),
                kind::PROCESS => self.other::<{ words::PROCESS }>(process, pid, kind, record),
                kind::FRONT => self.other::<{ words::FRONT }>(process, pid, kind, record),
                kind::WARNING => self.other::<{ words::WARNING }>(process, pid, kind, record),
                // A kind that a later program of the same version may add: its length is known, so it is skipped.
                _ => true,
            };
            if !understood {
                return false;
            }
        }
        true
    }

    /// Takes a record of `N` words; `false` if it is shorter.
    fn other<const N: usize>(&mut self, process: u32, pid: u32, kind: u8, record: &[u8]) -> bool {
        let Some(given) = words_of::<N>(record) else { return false };
        let mut words = [0; RAW_WORDS];
        words[..N].copy_from_slice(&given);
        self.records.push(Raw { process, pid, tid: high(given[0]), kind, words });
        true
    }

    fn string(&mut self, record: &[u8]) -> bool {
        let Some(word) = u64_at(record, 8) else { return false };
        let (id, length) = (low(word), high(word) as usize);
        let Some(text) = record.get(16..).and_then(|bytes| bytes.get(..length)).filter(|_| length <= MAX_STRING) else {
            return false;
        };
        self.strings.insert(id, String::from_utf8_lossy(text).into());
        true
    }

    fn finish(mut self) -> Recording {
        self.records.sort_by_key(|raw| raw.words[1]);
        let empty: Arc<str> = "".into();
        let unknown: Arc<str> = "?".into();
        let text = |id: u32| match id {
            0 => empty.clone(),
            // Its chunk is damaged or missing.
            id => self.strings.get(&id).unwrap_or(&unknown).clone(),
        };

        let mut processes: BTreeMap<u32, Process> =
            self.pids.iter().map(|(&number, &pid)| (number, Process { number, pid, ..Process::default() })).collect();
        // Monotonic time at a process's start, and the time of day then.
        let mut clocks: HashMap<u32, (u64, u64)> = HashMap::new();
        for raw in self.records.iter().filter(|raw| raw.kind == kind::PROCESS) {
            let [_, monotonic, unix, ids, paths, mode, ..] = raw.words;
            clocks.insert(raw.process, (monotonic, unix));
            let process = processes.entry(raw.process).or_default();
            *process = Process {
                number: raw.process,
                pid: low(ids),
                parent: high(ids),
                started_unix_ns: unix,
                exe: text(low(paths)),
                argv0: text(high(paths)),
                mode: text(low(mode)),
            };
        }
        // A process whose start is missing takes another one's clock: the monotonic clock is the machine's.
        let fallback = clocks.values().copied().min();
        let unix_ns = |raw: &Raw| match clocks.get(&raw.process).copied().or(fallback) {
            Some((monotonic, unix)) => unix.wrapping_add(raw.words[1].wrapping_sub(monotonic)),
            None => 0,
        };

        let mut recording = Recording { damaged_chunks: self.damaged, ..Recording::default() };
        for raw in &self.records {
            let [_, _, a, b, c, d, e, f, g, h] = raw.words;
            match raw.kind {
                kind::FRONT => recording.fronts.push(Front {
                    process: raw.process,
                    unix_ns: unix_ns(raw),
                    soname: text(low(a)),
                    real_path: text(high(a)),
                    build_id: text(low(b)),
                    front_path: text(high(b)),
                }),
                kind::WARNING => recording.warnings.push(Warning {
                    process: raw.process,
                    unix_ns: unix_ns(raw),
                    id: text(low(a)),
                    text: text(high(a)),
                }),
                kind::CALL => {
                    let (ordinal, target, bus) = (high(d) as i32, text(low(g)), text(high(g)));
                    let known = ordinal >= 0 || !target.is_empty() || !bus.is_empty();
                    recording.calls.push(CallEvent {
                        process: raw.process,
                        pid: raw.pid,
                        tid: raw.tid,
                        unix_ns: unix_ns(raw),
                        call: text(low(e)),
                        flags_asked: low(a),
                        flags_used: high(a),
                        size: b,
                        pointer: c,
                        result: low(d) as i32,
                        verdict: Verdict::from_u8(h as u8).unwrap_or_default(),
                        rule: text(high(e)),
                        warning: text(high(h)),
                        device: known.then_some(Device { ordinal, target, bus }),
                        caller: text(low(f)),
                        mode: text(high(f)),
                    });
                }
                _ => {}
            }
        }
        recording.processes = processes.into_values().collect();
        recording
    }
}
