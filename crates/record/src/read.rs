//! The reader: any bytes are either understood or refused, never a panic. No unsafe.
//!
//! [`Reader::open`] goes through the file once, for everything but the calls; [`Reader::calls`] goes through it again and merges the chunks by time. Only
//! the chunks of threads that recorded at the same time are in memory at once.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BinaryHeap, HashMap, binary_heap};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use crate::format::{
    ARGUMENTS, CHUNK_BYTES, CHUNK_HEADER_BYTES, CHUNK_MAGIC, HEADER_BYTES, MAGIC, MAX_STRING, VERSION, chunk, header,
    kind, words,
};
use crate::{Kind, Verdict, process};

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
    /// Chunks of which something is missing or could not be understood; what stands before it is used.
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
    /// [`Process::number`] of the process that this one was forked from; 0 if it opened the file itself (or its start was not recorded).
    pub forked_from: u32,
    /// Its last record, nanoseconds since 1970.
    pub last_unix_ns: u64,
    /// Its calls.
    pub calls: u64,
    /// How it ended.
    pub ending: Ending,
}

/// How a process ended, as far as the file and this machine tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Ending {
    /// By `exit` or by returning from `main`.
    Normal,
    /// Another program took its place and went on recording under the same pid.
    Exec,
    /// It has not ended.
    Running,
    /// Without a word: killed, or by `_exit`.
    Abrupt,
    /// Not known: it said nothing, and it ran on another machine, in another pid namespace or before a reboot.
    #[default]
    Unknown,
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
    /// What it does to memory.
    pub kind: Kind,
    /// Where the memory is and how it behaves, empty if not known.
    pub memory: Arc<str>,
    /// Further arguments: name and value.
    pub arguments: Vec<(Arc<str>, u64)>,
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

/// Reads a record file as a whole, also one that is being written to.
///
/// # Errors
/// If it cannot be read, is no record, or is of another version. A torn or damaged rest of a chunk is no error; it is left out and counted.
pub fn read(path: &Path) -> Result<Recording, ReadError> {
    let mut reader = Reader::open(path)?;
    let calls = reader.calls().collect::<Result<_, _>>()?;
    Ok(Recording { calls, ..reader.recording })
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

/// The first `N` words of a record, if it has as many.
fn words_of<const N: usize>(record: &[u8]) -> Option<[u64; N]> {
    let words = record.as_chunks::<8>().0.get(..N)?;
    Some(std::array::from_fn(|index| u64::from_le_bytes(words[index])))
}

/// A chunk whose header was understood.
struct Chunk<'a> {
    process: u32,
    pid: u32,
    /// What follows its header and is in use.
    records: &'a [u8],
    /// Everything that its header speaks of is there.
    complete: bool,
}

impl<'a> Chunk<'a> {
    /// `Ok(None)`: given out, but never reserved or not used yet. `Err`: not a chunk.
    fn parse(bytes: &'a [u8]) -> Result<Option<Self>, ()> {
        let Some(owner) = u64_at(bytes, chunk::OWNER).filter(|owner| *owner != 0) else { return Ok(None) };
        let (Some(used), Some(pid)) = (u64_at(bytes, chunk::USED), u64_at(bytes, chunk::PID)) else { return Err(()) };
        if low(owner) != CHUNK_MAGIC {
            return Err(());
        }
        let whole = usize::try_from(used).ok().and_then(|used| bytes.get(CHUNK_HEADER_BYTES..used));
        Ok(Some(Self {
            process: high(owner),
            pid: low(pid),
            records: whole.unwrap_or(bytes.get(CHUNK_HEADER_BYTES..).unwrap_or_default()),
            complete: whole.is_some(),
        }))
    }
}

type ShapeWords = [u64; words::SHAPE];

/// A record of a chunk.
enum Record<'a> {
    Text(u32, &'a [u8]),
    Process([u64; words::PROCESS]),
    Front([u64; words::FRONT]),
    Warning([u64; words::WARNING]),
    End([u64; words::END]),
    /// The index of its shape in [`Records::shapes`].
    Call {
        time: u64,
        size: u64,
        pointer: u64,
        shape: usize,
        arguments: Arguments,
    },
}

/// Goes through the records of a chunk until its end or something that is not understood.
struct Records<'a> {
    left: &'a [u8],
    length: usize,
    /// The shapes so far and their places, in ascending order.
    shapes: Vec<(u32, ShapeWords)>,
    broken: bool,
}

impl<'a> Records<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { left: bytes, length: bytes.len(), shapes: Vec::new(), broken: false }
    }

    /// The next record. `Some(None)`: nothing that a caller sees.
    fn step(&mut self) -> Option<Option<Record<'a>>> {
        let place = (CHUNK_HEADER_BYTES + self.length - self.left.len()) as u32;
        let head = u64_at(self.left, 0)?;
        let length = (head >> 16 & 0xffff) as usize * 8;
        let (record, rest) = (length > 0).then(|| self.left.split_at_checked(length)).flatten()?;
        self.left = rest;
        Some(match head as u8 {
            kind::STRING => Some(text(record)?),
            kind::SHAPE => {
                self.shapes.push((place, words_of(record)?));
                None
            }
            kind::CALL => {
                let [_, time, size, pointer] = words_of::<{ words::CALL }>(record)?;
                let shape = self.shapes.binary_search_by_key(&high(head), |(place, _)| *place).ok()?;
                Some(Record::Call { time, size, pointer, shape, arguments: Arguments::of(record) })
            }
            kind::PROCESS => Some(Record::Process(words_of(record)?)),
            kind::FRONT => Some(Record::Front(words_of(record)?)),
            kind::WARNING => Some(Record::Warning(words_of(record)?)),
            kind::END => Some(Record::End(words_of(record)?)),
            // A kind that a later program of the same version may add: its length is known, so it is skipped.
            _ => None,
        })
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        while !self.left.is_empty() && !self.broken {
            match self.step() {
                Some(Some(record)) => return Some(record),
                Some(None) => {}
                None => self.broken = true,
            }
        }
        None
    }
}

fn text(record: &[u8]) -> Option<Record<'_>> {
    let word = u64_at(record, 8)?;
    let (id, length) = (low(word), high(word) as usize);
    let text = record.get(16..)?.get(..length).filter(|_| length <= MAX_STRING)?;
    Some(Record::Text(id, text))
}

/// Values of a call's arguments.
#[derive(Clone, Copy, Debug, Default)]
struct Arguments {
    count: u8,
    values: [u64; ARGUMENTS],
}

impl Arguments {
    fn of(record: &[u8]) -> Self {
        let words = record.as_chunks::<8>().0.get(words::CALL..).unwrap_or_default();
        let mut arguments = Self { count: words.len().min(ARGUMENTS) as u8, ..Self::default() };
        for (value, word) in arguments.values.iter_mut().zip(words) {
            *value = u64::from_le_bytes(*word);
        }
        arguments
    }
}

/// What many calls have in common.
pub(crate) struct Shape {
    pub call: Arc<str>,
    pub kind: Kind,
    pub memory: Arc<str>,
    names: [Arc<str>; ARGUMENTS],
    pub flags_asked: u32,
    pub flags_used: u32,
    pub result: i32,
    pub verdict: Verdict,
    pub rule: Arc<str>,
    warning: Arc<str>,
    pub device: Option<Device>,
    pub caller: Arc<str>,
    mode: Arc<str>,
}

/// A call: its own part.
pub(crate) struct RawCall {
    /// Of the monotonic clock, in nanoseconds.
    pub time: u64,
    pub size: u64,
    pub pointer: u64,
    arguments: Arguments,
    /// Index in [`Reader::shapes`].
    pub shape: usize,
    pub process: u32,
    pid: u32,
    tid: u32,
}

/// Texts by number.
#[derive(Default)]
struct Texts(HashMap<u32, Arc<str>>);

impl Texts {
    fn get(&self, id: u32) -> Arc<str> {
        match id {
            0 => Arc::default(),
            // "?": its chunk is damaged or missing.
            id => self.0.get(&id).cloned().unwrap_or_else(|| "?".into()),
        }
    }
}

/// Where the calls of a chunk are.
struct Place {
    /// Offset in the file.
    offset: u64,
    /// Bytes that were in use: a process may go on while the file is read.
    used: usize,
    /// The earliest time of a call in it.
    first: u64,
}

/// Times of one process, of the monotonic clock.
#[derive(Clone, Copy, Default)]
struct Times {
    /// At its start, and the time of day then.
    start: Option<(u64, u64)>,
    last: u64,
}

/// A record file whose calls are read one after the other.
pub struct Reader {
    path: PathBuf,
    file: File,
    /// Everything but the calls.
    recording: Recording,
    /// In the order of their first calls.
    places: Vec<Place>,
    times: HashMap<u32, Times>,
    fallback: Option<(u64, u64)>,
    texts: Texts,
    shapes: Vec<Shape>,
    known: HashMap<[u64; words::SHAPE - 1], usize>,
    /// Of calls, of the monotonic clock.
    span: Option<(u64, u64)>,
}

impl Reader {
    /// Opens a record file and reads everything but its calls. The file may still be written to; what is added later is left out.
    ///
    /// # Errors
    /// See [`read`].
    pub fn open(path: &Path) -> Result<Self, ReadError> {
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
        let stop_errno = u32_at(&page, header::STOP_ERRNO).unwrap_or(0) as i32;

        let mut survey = Survey::default();
        let mut bytes = Vec::with_capacity(CHUNK_BYTES);
        let mut chunks = 0;
        loop {
            bytes.clear();
            (&mut file).take(CHUNK_BYTES as u64).read_to_end(&mut bytes).map_err(io_error)?;
            if bytes.is_empty() {
                break;
            }
            let offset = HEADER_BYTES as u64 + chunks * CHUNK_BYTES as u64;
            chunks += 1;
            let understood = survey.chunk(offset, &bytes);
            // Space is reserved by whole chunks: a shorter one was cut off, with whatever followed.
            survey.damaged += u64::from(!understood || bytes.len() < CHUNK_BYTES);
        }
        if chunks == 0 && u32_at(&page, header::CHUNKS).unwrap_or(0) > 0 && stop_errno == 0 {
            survey.damaged += 1;
        }
        let mut reader = survey.finish(path.to_owned(), file);
        reader.recording.lost = u64_at(&page, header::LOST).unwrap_or(0);
        reader.recording.stopped = (stop_errno != 0)
            .then(|| Stop { errno: stop_errno, reason: io::Error::from_raw_os_error(stop_errno).to_string() });
        Ok(reader)
    }

    /// Everything but the calls.
    pub fn recording(&self) -> &Recording {
        &self.recording
    }

    /// All calls in the order of their times.
    pub fn calls(&mut self) -> Calls<'_> {
        Calls(RawCalls { waiting: 0, open: BinaryHeap::new(), bytes: vec![0; CHUNK_BYTES], reader: self })
    }

    pub(crate) fn raw_calls(&mut self) -> RawCalls<'_> {
        self.calls().0
    }

    pub(crate) fn shapes(&self) -> &[Shape] {
        &self.shapes
    }

    /// The times of the first and the last call, of the monotonic clock.
    pub(crate) fn span(&self) -> Option<(u64, u64)> {
        self.span
    }

    /// When the last record of a process was made, of the monotonic clock.
    pub(crate) fn last(&self, process: u32) -> u64 {
        self.times.get(&process).map_or(0, |times| times.last)
    }

    /// Nanoseconds since 1970. A process whose start is missing takes another one's clock: the monotonic clock is the machine's.
    pub(crate) fn unix_ns(&self, process: u32, time: u64) -> u64 {
        match self.times.get(&process).and_then(|times| times.start).or(self.fallback) {
            Some((monotonic, unix)) => unix.wrapping_add(time.wrapping_sub(monotonic)),
            None => 0,
        }
    }

    /// The index of a shape, which is looked up by everything but the thread.
    fn shape(&mut self, words: &ShapeWords) -> usize {
        let [_, rest @ ..] = *words;
        match self.known.entry(rest) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                let [flags, result, call, caller, device, verdict, memory, names, name] = rest;
                let text = |id| self.texts.get(id);
                let (ordinal, target, bus) = (high(result) as i32, text(low(device)), text(high(device)));
                let known = ordinal >= 0 || !target.is_empty() || !bus.is_empty();
                self.shapes.push(Shape {
                    call: text(low(call)),
                    kind: Kind::from_u8((verdict >> 8) as u8).unwrap_or_default(),
                    memory: text(low(memory)),
                    names: [high(memory), low(names), high(names), low(name)].map(text),
                    flags_asked: low(flags),
                    flags_used: high(flags),
                    result: low(result) as i32,
                    verdict: Verdict::from_u8(verdict as u8).unwrap_or_default(),
                    rule: text(high(call)),
                    warning: text(high(verdict)),
                    device: known.then_some(Device { ordinal, target, bus }),
                    caller: text(low(caller)),
                    mode: text(high(caller)),
                });
                *entry.insert(self.shapes.len() - 1)
            }
        }
    }

    fn event(&self, raw: &RawCall) -> CallEvent {
        let shape = &self.shapes[raw.shape];
        CallEvent {
            process: raw.process,
            pid: raw.pid,
            tid: raw.tid,
            unix_ns: self.unix_ns(raw.process, raw.time),
            call: shape.call.clone(),
            kind: shape.kind,
            memory: shape.memory.clone(),
            arguments: shape.names.iter().cloned().zip(raw.arguments.values).take(raw.arguments.count.into()).collect(),
            flags_asked: shape.flags_asked,
            flags_used: shape.flags_used,
            size: raw.size,
            pointer: raw.pointer,
            result: shape.result,
            verdict: shape.verdict,
            rule: shape.rule.clone(),
            warning: shape.warning.clone(),
            device: shape.device.clone(),
            caller: shape.caller.clone(),
            mode: shape.mode.clone(),
        }
    }

    /// The calls of a chunk in the order of their times.
    fn chunk_calls(&mut self, place: usize, bytes: &mut [u8]) -> Result<Vec<RawCall>, ReadError> {
        let Place { offset, used, .. } = self.places[place];
        let bytes = &mut bytes[..used];
        self.file.read_exact_at(bytes, offset).map_err(|source| ReadError::Io { path: self.path.clone(), source })?;
        let Ok(Some(chunk)) = Chunk::parse(bytes) else { return Ok(Vec::new()) };
        let mut calls = Vec::with_capacity(chunk.records.len() / (8 * words::CALL));
        // Indices of the chunk's shapes, and their threads.
        let mut shapes: Vec<(usize, u32)> = Vec::new();
        let mut records = Records::new(chunk.records);
        while let Some(record) = records.next() {
            let Record::Call { time, size, pointer, shape, arguments } = record else { continue };
            for (_, words) in &records.shapes[shapes.len()..] {
                shapes.push((self.shape(words), high(words[0])));
            }
            let (shape, tid) = shapes[shape];
            let (process, pid) = (chunk.process, chunk.pid);
            calls.push(RawCall { time, size, pointer, arguments, shape, process, pid, tid });
        }
        // A signal handler that allocates can record between a call's time and its record.
        calls.sort_by_key(|call| call.time);
        Ok(calls)
    }
}

/// A chunk whose calls are being taken: the next one, and the rest.
struct Open {
    call: RawCall,
    rest: std::vec::IntoIter<RawCall>,
    place: usize,
}

impl Open {
    fn key(&self) -> (u64, usize) {
        (self.call.time, self.place)
    }
}

impl PartialEq for Open {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Open {}

impl PartialOrd for Open {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Open {
    /// The earliest is the greatest, for the heap.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.key().cmp(&self.key())
    }
}

pub(crate) struct RawCalls<'a> {
    reader: &'a mut Reader,
    /// The first place that is not open yet.
    waiting: usize,
    open: BinaryHeap<Open>,
    bytes: Vec<u8>,
}

impl RawCalls<'_> {
    pub fn reader(&self) -> &Reader {
        self.reader
    }
}

impl Iterator for RawCalls<'_> {
    type Item = Result<RawCall, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(place) = self.reader.places.get(self.waiting)
            && self.open.peek().is_none_or(|open| place.first <= open.call.time)
        {
            let place = self.waiting;
            self.waiting += 1;
            match self.reader.chunk_calls(place, &mut self.bytes) {
                Ok(calls) => {
                    let mut rest = calls.into_iter();
                    if let Some(call) = rest.next() {
                        self.open.push(Open { call, rest, place });
                    }
                }
                Err(error) => return Some(Err(error)),
            }
        }
        let mut top = self.open.peek_mut()?;
        match top.rest.next() {
            Some(next) => Some(Ok(std::mem::replace(&mut top.call, next))),
            None => Some(Ok(binary_heap::PeekMut::pop(top).call)),
        }
    }
}

/// The calls of a file in the order of their times; see [`Reader::calls`].
pub struct Calls<'a>(RawCalls<'a>);

impl Iterator for Calls<'_> {
    type Item = Result<CallEvent, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.0.next()?.map(|raw| self.0.reader.event(&raw)))
    }
}

/// The first way through the file.
#[derive(Default)]
struct Survey {
    texts: Texts,
    places: Vec<Place>,
    processes: BTreeMap<u32, Process>,
    times: HashMap<u32, Times>,
    /// Records whose texts may stand in a chunk that comes later, with their processes.
    starts: Vec<(u32, [u64; words::PROCESS])>,
    fronts: Vec<(u32, [u64; words::FRONT])>,
    warnings: Vec<(u32, [u64; words::WARNING])>,
    ended: Vec<u32>,
    span: Option<(u64, u64)>,
    damaged: u64,
}

impl Survey {
    /// Takes the records of a chunk; `false` if something in it is missing or not understood.
    fn chunk(&mut self, offset: u64, bytes: &[u8]) -> bool {
        let chunk = match Chunk::parse(bytes) {
            Ok(Some(chunk)) => chunk,
            Ok(None) => return true,
            Err(()) => return false,
        };
        let number = chunk.process;
        let process =
            self.processes.entry(number).or_insert_with(|| Process { number, pid: chunk.pid, ..Process::default() });
        let times = self.times.entry(number).or_default();
        let mut calls: Option<(u64, u64)> = None;
        let mut records = Records::new(chunk.records);
        for record in &mut records {
            let time = match record {
                Record::Text(id, text) => {
                    self.texts.0.insert(id, String::from_utf8_lossy(text).into());
                    continue;
                }
                Record::Process(words) => {
                    times.start = Some((words[1], words[2]));
                    self.starts.push((number, words));
                    words[1]
                }
                Record::Front(words) => {
                    self.fronts.push((number, words));
                    words[1]
                }
                Record::Warning(words) => {
                    self.warnings.push((number, words));
                    words[1]
                }
                Record::End(words) => {
                    self.ended.push(number);
                    words[1]
                }
                Record::Call { time, .. } => {
                    process.calls += 1;
                    calls = Some(calls.map_or((time, time), |(first, last)| (first.min(time), last.max(time))));
                    time
                }
            };
            times.last = times.last.max(time);
        }
        if let Some((first, last)) = calls {
            self.places.push(Place { offset, used: CHUNK_HEADER_BYTES + chunk.records.len(), first });
            self.span = Some(self.span.map_or((first, last), |(a, b)| (a.min(first), b.max(last))));
        }
        chunk.complete && !records.broken
    }

    fn finish(mut self, path: PathBuf, file: File) -> Reader {
        self.places.sort_by_key(|place| place.first);
        self.fronts.sort_by_key(|(_, words)| words[1]);
        self.warnings.sort_by_key(|(_, words)| words[1]);
        let fallback = self.times.values().filter_map(|times| times.start).min();
        let mut reader = Reader {
            path,
            file,
            recording: Recording { damaged_chunks: self.damaged, ..Recording::default() },
            places: self.places,
            times: self.times,
            fallback,
            texts: self.texts,
            shapes: Vec::new(),
            known: HashMap::new(),
            span: self.span,
        };
        let text = |id| reader.texts.get(id);
        let fronts = self.fronts.iter().map(|&(process, [_, time, names, files])| Front {
            process,
            unix_ns: reader.unix_ns(process, time),
            soname: text(low(names)),
            real_path: text(high(names)),
            build_id: text(low(files)),
            front_path: text(high(files)),
        });
        let warnings = self.warnings.iter().map(|&(process, [_, time, texts])| Warning {
            process,
            unix_ns: reader.unix_ns(process, time),
            id: text(low(texts)),
            text: text(high(texts)),
        });
        let (fronts, warnings) = (fronts.collect(), warnings.collect());

        let here = process::machine();
        // Who a process is outlives exec: machine, pid and start; and the last number that it recorded under.
        let mut last: HashMap<(Arc<str>, u32, u64), u32> = HashMap::new();
        for &(number, [_, _, _, ids, _, mode, start, _]) in &self.starts {
            let last = last.entry((text(high(mode)), low(ids), start)).or_default();
            *last = number.max(*last);
        }
        for (number, [_, _, unix, ids, paths, mode, start, forked_from]) in self.starts {
            let Some(process) = self.processes.get_mut(&number) else { continue };
            process.pid = low(ids);
            process.parent = high(ids);
            process.started_unix_ns = unix;
            (process.exe, process.argv0) = (text(low(paths)), text(high(paths)));
            process.mode = text(low(mode));
            process.forked_from = low(forked_from);
            let machine = text(high(mode));
            process.ending = match *machine == *here {
                _ if last.get(&(machine, process.pid, start)).is_some_and(|last| *last > number) => Ending::Exec,
                true if process::start(process.pid) == Some(start) => Ending::Running,
                true => Ending::Abrupt,
                false => Ending::Unknown,
            };
        }
        for number in self.ended {
            if let Some(process) = self.processes.get_mut(&number) {
                process.ending = Ending::Normal;
            }
        }
        for process in self.processes.values_mut() {
            process.last_unix_ns = reader.unix_ns(process.number, reader.last(process.number));
        }
        reader.recording.processes = self.processes.into_values().collect();
        (reader.recording.fronts, reader.recording.warnings) = (fronts, warnings);
        reader
    }
}
