//! dpkg's database, read by us, and `dpkg-divert`, which changes it.
//!
//! Read: `var/lib/dpkg/info/*.list` (one path a line) and `var/lib/dpkg/diversions` (three lines each: from, to, package or `:`).

use std::path::{Path, PathBuf};

use crate::Error;

/// The database below a root.
#[derive(Clone, Debug, Default)]
pub struct Database {
    _private: (),
}

/// A diversion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diversion {
    /// The file that is diverted, inside the root.
    pub from: PathBuf,
    /// Where packages' versions of it go, inside the root.
    pub to: PathBuf,
    /// Who diverted it; `:` is the administrator (`--local`).
    pub by: String,
}

impl Database {
    /// Reads the database below `root`, as far as files named like AMD's libraries are concerned; empty where there is none.
    pub fn read(root: &Path) -> Result<Self, Error> {
        let _ = root;
        unimplemented!()
    }

    /// The package that `path` (inside the root) belongs to, and the path as the database has it: with or without a merged `/usr`.
    pub fn owner(&self, path: &Path) -> Option<(String, PathBuf)> {
        let _ = path;
        unimplemented!()
    }

    /// The diversion of `path` (inside the root), if any.
    pub fn diversion(&self, path: &Path) -> Option<&Diversion> {
        let _ = path;
        unimplemented!()
    }

    /// All diversions to a name of ours (`rmcp-real-…`).
    pub fn ours(&self) -> Vec<&Diversion> {
        unimplemented!()
    }
}

/// Adds a local diversion, without moving the file; no error if it is there already.
pub fn divert(root: &Path, path: &Path, to: &Path) -> Result<(), Error> {
    let _ = (root, path, to);
    unimplemented!()
}

/// Removes it; no error if it is not there.
pub fn undivert(root: &Path, path: &Path, to: &Path) -> Result<(), Error> {
    let _ = (root, path, to);
    unimplemented!()
}
