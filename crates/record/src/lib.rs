//! The recorder: what every process of a run asked for, and what became of it, in one file.
//!
//! [`Writer`] is made to be left on: a thread appends fixed-size records to its own chunk of a shared mapping of the file, without lock or
//! system call, and what is appended survives even SIGKILL, because it is in the page cache. [`read`] and [`Recording`] are the other side.
//!
//! # File, version 2
//!
//! Little endian. A header of 4096 bytes, then chunks of 65536 bytes that are given out by a counter in the header. A chunk belongs to one
//! process, and to one thread at a time; it starts with a header of 64 bytes whose `used` field is stored (release) after the record that it
//! covers, so whatever lies below it is complete. What a thread's calls have in common (function, flags, result, rule, device, caller) is written once per
//! chunk as a shape, and each call as 32 bytes that point to it. `format.rs` has the offsets.

mod format;
mod intern;
mod map;
mod read;
mod report;
mod write;

pub use format::{CHUNK_BYTES, HEADER_BYTES, VERSION};
pub use read::{CallEvent, Device, Front, Process, ReadError, Recording, Stop, Warning, read};
pub use report::{Group, Summary};
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
