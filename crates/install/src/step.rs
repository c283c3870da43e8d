//! Single changes, each of which can be undone from what the journal says about it.
//!
//! Doing and undoing look at the file system first, so that either can be repeated after a crash. What is replaced or removed is kept under another name until the
//! transaction is committed; cleaning up removes it.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Attributes;

/// A file as it was when the plan was made; a step refuses to touch another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Device.
    pub device: u64,
    /// Inode.
    pub inode: u64,
    /// Bytes.
    pub size: u64,
    /// Last change of the contents: seconds and nanoseconds.
    pub mtime: (i64, i64),
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Step {
    /// Makes a directory, mode 0755. Undone: removed.
    MakeDirectory {
        /// It.
        path: PathBuf,
        /// Owner and label like this one.
        attributes: Attributes,
    },
    /// Writes a new file, under a temporary name that is then renamed; the name must be free. Undone: removed.
    Create {
        /// The file.
        path: PathBuf,
        /// Its bytes; not in the journal.
        #[serde(skip)]
        contents: Arc<[u8]>,
        /// Mode, owner, labels; and the time of last change, if it is to have one.
        attributes: Attributes,
    },
    /// Gives a file a second name, which must be free. Undone: that name is removed.
    Link {
        /// The name that it has.
        from: PathBuf,
        /// The further name.
        to: PathBuf,
        /// Which file.
        expected: Identity,
    },
    /// `rename(with, path)`: at once another file stands under the name. What stood there has the further name `kept`. Undone: both names are as before.
    Replace {
        /// The file that takes the name.
        with: PathBuf,
        /// The name.
        path: PathBuf,
        /// Another name of the file that loses it.
        kept: PathBuf,
    },
    /// Removes a file: it is renamed to `trash`, and cleaned up. Undone: renamed back.
    Remove {
        /// The file.
        path: PathBuf,
        /// A temporary name in the same directory.
        trash: PathBuf,
        /// Which file.
        expected: Identity,
    },
    /// Removes a name that a `Link` or an earlier installation left, when the transaction is committed: nothing is done before. Nothing to undo.
    CleanFile {
        /// The name.
        path: PathBuf,
    },
    /// Removes a directory when the transaction is committed, if it is empty then. Nothing to undo.
    CleanDirectory {
        /// It.
        path: PathBuf,
    },
    /// Tells dpkg that the file `path` of its packages is kept as `to` (a local diversion; the file itself is not moved). Undone: the diversion is removed.
    Divert {
        /// `/`, or the tree's root.
        root: PathBuf,
        /// As dpkg knows it, inside the root.
        path: PathBuf,
        /// Inside the root.
        to: PathBuf,
    },
    /// Removes that diversion. Undone: added.
    Undivert {
        /// `/`, or the tree's root.
        root: PathBuf,
        /// As dpkg knows it, inside the root.
        path: PathBuf,
        /// Inside the root.
        to: PathBuf,
    },
}
