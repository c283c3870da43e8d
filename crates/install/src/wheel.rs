//! RECORD, the list of a Python distribution's installed files: CSV of path, hash, size (packaging specification, "Recording installed projects").

use std::path::{Path, PathBuf};

use crate::Error;

/// The distributions of a `site-packages`.
#[derive(Clone, Debug, Default)]
pub struct Distributions {
    _private: (),
}

impl Distributions {
    /// Reads the RECORDs of `site_packages/*.dist-info`, as far as they list files named like AMD's libraries or ours.
    pub fn read(site_packages: &Path) -> Result<Self, Error> {
        let _ = site_packages;
        unimplemented!()
    }

    /// The RECORD that lists `path` (absolute), and the path as it has it. A saved library's owner is that of the name it had.
    pub fn owner(&self, path: &Path) -> Option<(PathBuf, String)> {
        let _ = path;
        unimplemented!()
    }
}

/// An entry that we add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Relative to `site-packages`.
    pub path: String,
    /// SHA-256 and size; `None` for a file that changes.
    pub digest: Option<([u8; 32], u64)>,
}

/// RECORD's text with `entries` at its end, in place of all that were ours. Our entries are known by their paths: they contain `/rmcp-real-`, `/rmcp-VERSION-DIGEST/` or begin with `.rmcp/`. With no
/// entries, what is returned is byte for byte what it was before any were added: line ends, quoting and a missing last newline are kept.
pub fn with_entries(record: &[u8], entries: &[Entry]) -> Vec<u8> {
    let _ = (record, entries);
    unimplemented!()
}
