//! The recorder: what every process of a run asked for, and what became of it, in one file.
//!
//! Calls, policies and rules are texts here: the crate knows nothing of RMCP's others.
//!
//! [`Writer`] is made to be left on: a thread appends records to its own chunk of a shared mapping of the file, without lock or
//! system call, and what is appended survives even SIGKILL, because it is in the page cache. [`read`] and [`Recording`] are the other side.
//!
//! # File
//!
//! Little endian. A header of 4096 bytes, then chunks of 65536 bytes that are given out by a counter in the header. A chunk belongs to one
//! process, and to one thread at a time; it starts with a header of 64 bytes whose `used` field is stored (release) after the record that it
//! covers, so whatever lies below it is complete. What a thread's calls have in common (function, flags, result, rule, device, caller) is written once per
//! chunk as a shape, and each call as 32 bytes that point to it, and 8 more for each argument. `docs/recording.md` has the offsets.

mod format;
mod intern;
mod live;
mod map;
mod process;
mod read;
mod report;
mod write;

pub use format::{CHUNK_BYTES, HEADER_BYTES, VERSION};
pub use live::{Leak, Pairs, Peak, Series, Timeline, Unmatched};
pub use read::{CallEvent, Calls, Device, Ending, Front, Process, ReadError, Reader, Recording, Stop, Warning, read};
pub use report::{Group, Report, Summary, Total};
pub use write::{Argument, Event, FrontLoaded, OpenError, Writer, create};

/// What a call does to memory, for the sums of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Kind {
    /// Nothing that is counted: queries, settings, synchronisation.
    #[default]
    Other = 0,
    /// Gives memory at an address: `pointer` and `size`.
    Allocate = 1,
    /// Takes it back: `pointer`.
    Free = 2,
    /// Makes the program's own memory known to GPUs: `pointer` and `size`.
    Pin = 3,
    /// Ends that: `pointer`.
    Unpin = 4,
    /// Gives addresses without memory: `pointer` and `size`.
    Reserve = 5,
    /// Takes addresses back: `pointer`.
    Unreserve = 6,
    /// Gives memory without an address; `pointer` is its handle.
    Create = 7,
    /// Takes such memory back; `pointer` is its handle.
    Release = 8,
    /// Puts memory at an address: `pointer` and `size`.
    Map = 9,
    /// Ends that: `pointer` and `size`.
    Unmap = 10,
    /// Opens memory of another process, API or device: `pointer`.
    Import = 11,
    /// Closes it: `pointer`.
    Close = 12,
    /// Gives memory to another process or API: `pointer`.
    Export = 13,
    /// Changes how memory behaves: `pointer` and `size`.
    Advise = 14,
}

impl Kind {
    const ALL: [Self; 15] = [
        Self::Other,
        Self::Allocate,
        Self::Free,
        Self::Pin,
        Self::Unpin,
        Self::Reserve,
        Self::Unreserve,
        Self::Create,
        Self::Release,
        Self::Map,
        Self::Unmap,
        Self::Import,
        Self::Close,
        Self::Export,
        Self::Advise,
    ];

    fn from_u8(value: u8) -> Option<Self> {
        Self::ALL.get(usize::from(value)).copied()
    }

    /// Whether the call gives memory: what live bytes and peaks are about.
    pub const fn is_memory(self) -> bool {
        matches!(self, Self::Allocate | Self::Create)
    }

    /// For a call that takes something back, the kind of call that gave it.
    const fn undoes(self) -> Option<Self> {
        match self {
            Self::Free => Some(Self::Allocate),
            Self::Unpin => Some(Self::Pin),
            Self::Unreserve => Some(Self::Reserve),
            Self::Release => Some(Self::Create),
            Self::Unmap => Some(Self::Map),
            _ => None,
        }
    }

    /// Whether the call gives something that a call of another kind takes back, by the same pointer.
    const fn is_undone(self) -> bool {
        matches!(self, Self::Allocate | Self::Pin | Self::Reserve | Self::Create | Self::Map)
    }
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Verdict {
    /// Forwarded as it was.
    #[default]
    Passed = 0,
    /// Forwarded changed.
    Rewritten = 1,
    /// Forwarded as it was because the mode is `audit`; mode `default` would have changed it.
    Withheld = 2,
}

impl Verdict {
    /// As in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Rewritten => "rewritten",
            Self::Withheld => "withheld",
        }
    }

    const fn from_u8(value: u8) -> Option<Self> {
        match value {
            0 => Some(Self::Passed),
            1 => Some(Self::Rewritten),
            2 => Some(Self::Withheld),
            _ => None,
        }
    }
}
