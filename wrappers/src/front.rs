//! What a front says about itself.

use std::path::{Path, PathBuf};

use crate::Error;

/// A front, as read from its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Front {
    /// DT_SONAME.
    pub soname: String,
    /// Version of the contract with the core that it was made for.
    pub abi: u32,
    /// The real library: an absolute path, or a file name without `/`, which is looked for beside the front.
    pub real_path: PathBuf,
    /// NT_GNU_BUILD_ID of the library that it was made for; empty: any.
    pub real_build_id: String,
    /// Entries of DT_RUNPATH or DT_RPATH.
    pub search: Vec<String>,
}

impl Front {
    /// Reads the front at `path`; a file that is none is an error. No panic on any file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let _ = path;
        unimplemented!()
    }
}
