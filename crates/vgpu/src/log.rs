//! The log of what reached the virtual kernel driver: JSON lines, one write(2) each, appended by every process of a run.
//!
//! Every line has `seq` (from 0 in each process), `pid`, `tid` and `event`. The other fields depend on the event:
//!
//! | `event` | fields |
//! |---|---|
//! | `alloc` | `gpu` (KFD gpu_id), `card`, `va`, `size`, `flags` (8 hex digits), `names`, `mtype`, `handle`, `errno` (0 or the refusal) |
//! | `free` | `handle`, `va` |
//! | `map`, `unmap` | `handle`, `va`, `gpus` (KFD gpu_ids) |
//! | `svm` | `va`, `size`, `set`, `clear` (SVM flags, hex), `set_names`, `clear_names`, `access`, `in_place`, `no_access` (gpu_ids), `mtype`; where the call has them `preferred`, `prefetch` (gpu_id, 0: system memory), `granularity` (log2 of pages) |
//! | `export` | a buffer became a DMA-BUF: `handle`, `va`, `size` |
//! | `import` | a DMA-BUF became a GEM handle of a card: `gpu`, `handle` (the buffer's), `gem` |
//! | `gem_va` | GPU addresses changed through DRM: `gpu`, `card`, `op` (`map`, `unmap`, `clear`, `replace`), `gem`, `handle` (the buffer's; both 0 for `clear`), `va`, `offset` (in the buffer), `size`, `flags` (AMDGPU_VM flags, hex), `names`; for `map` and `replace` also `mtype` |
//! | `gem_close` | `gpu`, `gem` |
//! | `queue` | `gpu`, `card`, `id`, `type`, `ring`, `size` |
//! | `fault` | an injected failure: `ioctl`, `errno` |
//! | `stop` | a queue that stopped: `gpu`, `text` |
//! | `refused` | an ioctl other than ALLOC that failed: `ioctl`, `errno` |
//! | `unknown` | an ioctl that is not modelled: `ioctl` |
//!
//! Addresses and sizes are numbers (bytes).

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::mtype::Mtype;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Number of the line within its process.
    pub seq: u64,
    /// Process.
    pub pid: u32,
    /// Thread.
    pub tid: u32,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event {
    /// AMDKFD_IOC_ALLOC_MEMORY_OF_GPU.
    Alloc {
        gpu: u32,
        card: String,
        va: u64,
        size: u64,
        flags: String,
        names: Vec<String>,
        mtype: Mtype,
        handle: u64,
        errno: i32,
    },
    /// AMDKFD_IOC_FREE_MEMORY_OF_GPU.
    Free { handle: u64, va: u64 },
    /// AMDKFD_IOC_MAP_MEMORY_TO_GPU.
    Map { handle: u64, va: u64, gpus: Vec<u32> },
    /// AMDKFD_IOC_UNMAP_MEMORY_FROM_GPU.
    Unmap { handle: u64, va: u64, gpus: Vec<u32> },
    /// AMDKFD_IOC_SVM, operation SET_ATTR.
    Svm {
        va: u64,
        size: u64,
        set: String,
        clear: String,
        access: Vec<u32>,
        in_place: Vec<u32>,
        no_access: Vec<u32>,
        mtype: Mtype,
        #[serde(default)]
        set_names: Vec<String>,
        #[serde(default)]
        clear_names: Vec<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        preferred: Option<u32>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        prefetch: Option<u32>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        granularity: Option<u32>,
    },
    /// AMDKFD_IOC_EXPORT_DMABUF, or DRM's PRIME_HANDLE_TO_FD.
    Export { handle: u64, va: u64, size: u64 },
    /// DRM's PRIME_FD_TO_HANDLE.
    Import { gpu: u32, handle: u64, gem: u32 },
    /// DRM_AMDGPU_GEM_VA.
    #[serde(rename = "gem_va")]
    GemVa {
        gpu: u32,
        card: String,
        op: String,
        gem: u32,
        handle: u64,
        va: u64,
        offset: u64,
        size: u64,
        flags: String,
        names: Vec<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mtype: Option<Mtype>,
    },
    /// DRM's GEM_CLOSE.
    #[serde(rename = "gem_close")]
    GemClose { gpu: u32, gem: u32 },
    /// AMDKFD_IOC_CREATE_QUEUE.
    Queue {
        gpu: u32,
        card: String,
        id: u32,
        #[serde(rename = "type")]
        kind: String,
        ring: u64,
        size: u64,
    },
    /// A failure that the fault plan asked for.
    Fault { ioctl: String, errno: i32 },
    /// A queue stopped.
    Stop { gpu: u32, text: String },
    /// An ioctl other than ALLOC failed.
    Refused { ioctl: String, errno: i32 },
    /// An ioctl that is not modelled.
    Unknown { ioctl: String },
}

/// The names of the bits that are set in `flags`.
pub fn names(table: &[(&str, u32)], flags: u32) -> Vec<String> {
    table.iter().filter(|(_, bit)| flags & bit != 0).map(|(name, _)| (*name).to_owned()).collect()
}

/// Where lines go.
#[derive(Debug)]
pub struct Log {
    path: Option<PathBuf>,
    seq: AtomicU64,
}

impl Log {
    /// Appends to the file at `path`, which is made if it is not there; `None`: lines are dropped.
    pub fn new(path: Option<&Path>) -> Self {
        Log { path: path.map(Path::to_owned), seq: AtomicU64::new(0) }
    }

    /// Writes one line. A line that cannot be written is lost: the program under test goes on.
    ///
    /// The file is opened for each line: a descriptor that is kept would be closed, and its number given to another file, by programs that close
    /// what they did not open.
    pub fn write(&self, event: Event) {
        let Some(path) = &self.path else { return };
        // SAFETY: gettid has no arguments.
        let tid = unsafe { libc::gettid() } as u32;
        let line = Line { seq: self.seq.fetch_add(1, Ordering::Relaxed), pid: std::process::id(), tid, event };
        let Ok(mut text) = serde_json::to_vec(&line) else { return };
        text.push(b'\n');
        if let Ok(mut file) = OpenOptions::new().append(true).create(true).open(path) {
            let _ = file.write_all(&text);
        }
    }
}

/// Reads a log.
pub fn read(path: &Path) -> std::io::Result<Vec<Line>> {
    let text = std::fs::read_to_string(path)?;
    text.lines().map(|line| serde_json::from_str(line).map_err(std::io::Error::other)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_in_order() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("log");
        let log = Log::new(Some(&path));
        let events = [
            Event::Alloc {
                gpu: 7,
                card: "gfx1030".into(),
                va: 0x1000,
                size: 4096,
                flags: "d4000004".into(),
                names: vec!["userptr".into(), "coherent".into()],
                mtype: Mtype::Uc,
                handle: 1,
                errno: 0,
            },
            Event::Free { handle: 1, va: 0x1000 },
        ];
        events.iter().for_each(|event| log.write(event.clone()));
        let lines = read(&path).expect("JSON lines");
        assert_eq!(lines.iter().map(|line| line.seq).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(lines.into_iter().map(|line| line.event).collect::<Vec<_>>(), events);
    }
}
