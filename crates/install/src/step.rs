//! Single changes, each of which can be undone from what the journal says about it.
//!
//! Undoing and cleaning up look at the file system first, so that either can be repeated after a crash. What is replaced or removed is kept under another name until the
//! transaction is committed; cleaning up removes it.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::at;
use crate::files::{self, Inode, inode};
use crate::{Attributes, Error, Target, dpkg};

/// A file as it was when the plan was made; a step refuses to touch another. Undoing goes by the inode alone, see [`Inode`].
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

impl Identity {
    /// That of the file at `path` (of a link, its own).
    pub fn of(path: &Path) -> Result<Self, Error> {
        path.symlink_metadata().map(|metadata| Self::from(&metadata)).map_err(at(path, "read"))
    }

    fn inode(&self) -> Inode {
        self.inode
    }
}

impl From<&Metadata> for Identity {
    fn from(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            mtime: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
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

impl Step {
    /// Whether the files are as the plan expects them. Looked at before the journal says that the step is begun: what is found to be another's is never undone.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match self {
            Self::MakeDirectory { path, .. } | Self::Create { path, .. } => check_free(path),
            Self::Link { from, to, expected } | Self::Remove { path: from, trash: to, expected } => {
                match files::standing(from)? {
                    Some(metadata) if Identity::from(&metadata) == *expected => check_free(to),
                    _ => Err(Error::changed(from)),
                }
            }
            Self::Replace { with, path, kept } => {
                let (new, old) = (inode(with)?, inode(path)?);
                match () {
                    // rename(2) between two names of one file does nothing and leaves both.
                    () if new.is_none() || new == old => Err(Error::changed(with)),
                    () if old.is_none() || old != inode(kept)? => Err(Error::changed(path)),
                    () => Ok(()),
                }
            }
            Self::CleanFile { .. } | Self::CleanDirectory { .. } | Self::Divert { .. } | Self::Undivert { .. } => {
                Ok(())
            }
        }
    }

    /// Does it. If it fails it may be half done: [`Step::undo`] copes with that.
    pub(crate) fn carry_out(&self) -> Result<(), Error> {
        match self {
            Self::MakeDirectory { path, attributes } => files::make_directory(path, attributes),
            Self::Create { path, contents, attributes } => {
                let part = part_of(path);
                files::remove(&part)?;
                files::write(&part, contents, attributes)?;
                files::rename_to_free(&part, path)
            }
            Self::Link { from, to, .. } => files::link(from, to),
            Self::Replace { with, path, .. } => files::rename_over(with, path),
            Self::Remove { path, trash, .. } => files::rename_to_free(path, trash),
            Self::CleanFile { .. } | Self::CleanDirectory { .. } => Ok(()),
            Self::Divert { root, path, to } => dpkg::divert(root, path, to),
            Self::Undivert { root, path, to } => dpkg::undivert(root, path, to),
        }
    }

    /// Of a step that gives a file another's name: that file, by which undoing knows it under that name.
    pub(crate) fn replacement(&self) -> Result<Option<Inode>, Error> {
        match self {
            Self::Replace { with, .. } => inode(with),
            _ => Ok(None),
        }
    }

    /// Undoes it, if it was begun: done, half done, not done, or undone already in part or in whole. What somebody else has put under a name since is left there.
    /// `replacement` is what [`Step::replacement`] was.
    pub(crate) fn undo(&self, replacement: Option<Inode>) -> Result<(), Error> {
        match self {
            Self::MakeDirectory { path, .. } => files::remove_directory(path),
            Self::Create { path, .. } => {
                files::remove(&part_of(path))?;
                files::remove(path)
            }
            Self::Link { from, to, expected } => undo_link(from, to, expected.inode()),
            Self::Replace { with, path, kept } => undo_replace(with, path, kept, replacement),
            Self::Remove { path, trash, expected } => undo_link(path, trash, expected.inode()),
            Self::CleanFile { .. } | Self::CleanDirectory { .. } => Ok(()),
            Self::Divert { root, path, to } => dpkg::undivert(root, path, to),
            Self::Undivert { root, path, to } => dpkg::divert(root, path, to),
        }
    }

    /// Removes what was kept, once the transaction is committed.
    pub(crate) fn clean(&self) -> Result<(), Error> {
        match self {
            Self::Remove { trash: path, .. } | Self::CleanFile { path } => files::remove(path),
            Self::CleanDirectory { path } => files::remove_directory(path),
            _ => Ok(()),
        }
    }

    /// Directories in which it makes or removes names.
    pub(crate) fn directories(&self) -> Vec<&Path> {
        let paths: Vec<&PathBuf> = match self {
            Self::MakeDirectory { path, .. }
            | Self::Create { path, .. }
            | Self::CleanFile { path }
            | Self::CleanDirectory { path } => vec![path],
            Self::Link { to, .. } => vec![to],
            Self::Replace { with, path, kept } => vec![with, path, kept],
            Self::Remove { path, trash, .. } => vec![path, trash],
            Self::Divert { .. } | Self::Undivert { .. } => vec![],
        };
        paths.into_iter().map(|path| files::parent(path)).collect()
    }

    /// The root whose dpkg database it changes.
    pub(crate) fn dpkg_root(&self) -> Option<&Path> {
        match self {
            Self::Divert { root, .. } | Self::Undivert { root, .. } => Some(root),
            _ => None,
        }
    }

    /// Whether undoing it, or cleaning up after it, changes nothing outside of `target`. What a journal says is not more trusted than where it was found: with an
    /// administrator's rights it must not be able to lead out of another user's environment.
    pub(crate) fn stays_in(&self, target: &Target) -> bool {
        let has = |path: &Path| is_in(files::parent(path), &target.base);
        match self {
            Self::Divert { root, path, to } | Self::Undivert { root, path, to } => {
                *root == target.root
                    && target.resolve(path).is_ok_and(|path| has(&path))
                    && path.file_name().is_some()
                    && *to == files::saved(path)
            }
            Self::Link { from, to, .. } => has(from) && has(to),
            _ => self.directories().into_iter().all(|directory| is_in(directory, &target.base)),
        }
    }
}

/// Whether `directory` is `base` or below it, also when its links are followed. Of one that is not there (any more), what is there of its path counts.
pub(crate) fn is_in(directory: &Path, base: &Path) -> bool {
    let plain = directory.starts_with(base) && !directory.components().any(|part| part == Component::ParentDir);
    let there = directory.ancestors().find(|ancestor| ancestor.symlink_metadata().is_ok());
    plain && there.and_then(|there| there.canonicalize().ok()).is_some_and(|there| there.starts_with(base))
}

/// Where the contents are written before they get their name, so that a torn file never has it.
fn part_of(path: &Path) -> PathBuf {
    files::temporary(path, "new-part")
}

fn check_free(path: &Path) -> Result<(), Error> {
    if files::standing(path)?.is_none() { Ok(()) } else { Err(Error::changed(path)) }
}

/// The file `which` has the name `from` again, and not `to`. If `to` is another file, it is not ours; if `from` is, somebody has replaced the file, and `to` may be its last name.
fn undo_link(from: &Path, to: &Path, which: Inode) -> Result<(), Error> {
    if inode(to)? != Some(which) {
        return Ok(());
    }
    match inode(from)? {
        Some(standing) if standing == which => files::remove(to),
        Some(_) => Ok(()),
        None => files::rename_to_free(to, from),
    }
}

/// Both names are as before: `path` leads to the file that `kept` leads to, and `with` to `new`, which had taken its name. `path` leads to one of them all the time.
fn undo_replace(with: &Path, path: &Path, kept: &Path, new: Option<Inode>) -> Result<(), Error> {
    let between = files::temporary(path, "old-undo");
    files::remove(&between)?;
    // If it was not done, `path` is not `new`. Without `kept`, what went before this step is undone already.
    if new.is_none() || inode(path)? != new || inode(kept)?.is_none() {
        return Ok(());
    }
    if inode(with)?.is_none() {
        files::link(path, with)?;
    }
    files::link(kept, &between)?;
    files::rename_over(&between, path)
}
