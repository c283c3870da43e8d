//! What a file has besides its contents.

use std::fs::File;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Error;

/// Mode, owner, extended attributes (security labels and access lists among them).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributes {
    /// Permission bits.
    pub mode: u32,
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Extended attributes: name and value.
    pub xattrs: Vec<(String, Vec<u8>)>,
    /// Time of last change of the contents, where it is to be kept: seconds and nanoseconds.
    pub mtime: Option<(i64, i64)>,
}

impl Attributes {
    /// Those of the file at `path`, without its time.
    pub fn of(path: &Path) -> Result<Self, Error> {
        let _ = path;
        unimplemented!()
    }

    /// Those of a new file of ours in `directory`: its owner and group and label, mode `mode`.
    pub fn new_in(directory: &Path, mode: u32) -> Result<Self, Error> {
        let _ = (directory, mode);
        unimplemented!()
    }

    /// Gives them to an open file. An owner, label or list that may not be set is an error, not left out, unless the file has it already.
    pub fn apply(&self, file: &File, path: &Path) -> Result<(), Error> {
        let _ = (file, path);
        unimplemented!()
    }
}
