//! Changes of single names, each synced, and none that replaces or removes what it was not told of.

use std::ffi::OsString;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::attributes::last_change;
use crate::error::at;
use crate::{Attributes, Error, SAVED, TEMPORARY};

/// Number of an inode, by which names of one file system are compared. The journal goes without the device: many file systems (btrfs, overlayfs, NFS, a disk that is found in another order)
/// have another number after a restart.
pub type Inode = u64;

/// Seconds and nanoseconds since the epoch.
pub type Time = (i64, i64);

/// What stands at `path`, links not followed; `None`: nothing.
pub fn standing(path: &Path) -> Result<Option<Metadata>, Error> {
    match path.symlink_metadata() {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io(path, "read", error)),
    }
}

/// What is in the file at `path`; `None` if there is none, or a link, which is not followed. What is no regular file is an error, and not waited for.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::NOENT | Errno::LOOP) => return Ok(None),
        Err(error) => return Err(at(path, "read")(error)),
    };
    if !file.metadata().map_err(at(path, "read"))?.is_file() {
        return Err(Error::Broken(format!("{} is not a regular file; take it away and run it again", path.display())));
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(at(path, "read"))?;
    Ok(Some(bytes))
}

/// Which file stands at `path`.
pub fn inode(path: &Path) -> Result<Option<Inode>, Error> {
    Ok(standing(path)?.map(|metadata| metadata.ino()))
}

/// The directory that `path` is in.
pub fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

/// `rmcp-real-NAME` beside `path`.
pub fn saved(path: &Path) -> PathBuf {
    beside(path, SAVED.to_owned())
}

/// `.rmcp-KIND-NAME` beside `path`.
pub fn temporary(path: &Path, kind: &str) -> PathBuf {
    beside(path, format!("{TEMPORARY}{kind}-"))
}

/// The name of `path` behind `prefix`, in the same directory.
fn beside(path: &Path, prefix: String) -> PathBuf {
    let mut name = OsString::from(prefix);
    name.push(path.file_name().unwrap_or_default());
    path.with_file_name(name)
}

/// Makes the names in a directory durable.
pub fn sync(directory: &Path) -> Result<(), Error> {
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    match synced {
        // Some file systems (FUSE) cannot sync directories.
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        synced => synced.map_err(at(directory, "synced")),
    }
}

/// Writes a new file with these contents; the name must be free.
pub fn write(path: &Path, contents: &[u8], attributes: &Attributes) -> Result<File, Error> {
    let mut file = OpenOptions::new();
    let mut file = file.append(true).create_new(true).mode(0o600).open(path).map_err(at(path, "made"))?;
    file.write_all(contents).map_err(at(path, "written"))?;
    attributes.apply(&file, path)?;
    file.sync_all().map_err(at(path, "written"))?;
    Ok(file)
}

/// Makes a directory; the name must be free.
pub fn make_directory(path: &Path, attributes: &Attributes) -> Result<(), Error> {
    std::fs::DirBuilder::new().mode(0o700).create(path).map_err(at(path, "made"))?;
    let directory = File::open(path).map_err(at(path, "opened"))?;
    attributes.apply(&directory, path)?;
    sync(path)?;
    sync(parent(path))
}

/// Renames within a directory; `to` must be free.
pub fn rename_to_free(from: &Path, to: &Path) -> Result<(), Error> {
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // The file system does not know the flag (NFS, some FUSE).
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            std::fs::hard_link(from, to).map_err(at(to, "made"))?;
            std::fs::remove_file(from).map_err(at(from, "removed"))?;
        }
        renamed => renamed.map_err(at(to, "made"))?,
    }
    sync(parent(to))
}

/// Renames over what stands at `to`.
pub fn rename_over(from: &Path, to: &Path) -> Result<(), Error> {
    std::fs::rename(from, to).map_err(at(to, "replaced"))?;
    sync(parent(to))
}

/// Gives a file a second name, which must be free.
pub fn link(from: &Path, to: &Path) -> Result<(), Error> {
    std::fs::hard_link(from, to).map_err(at(from, "given a second name"))?;
    sync(parent(to))
}

/// Removes a name; nothing if it is not there (a read-only file system would refuse that too).
pub fn remove(path: &Path) -> Result<(), Error> {
    if standing(path)?.is_none() {
        return Ok(());
    }
    std::fs::remove_file(path).map_err(at(path, "removed"))?;
    sync(parent(path))
}

/// Removes a directory if it is empty; one that is not there, or in which somebody has put something, is left.
pub fn remove_directory(path: &Path) -> Result<(), Error> {
    if standing(path)?.is_none() {
        return Ok(());
    }
    match std::fs::remove_dir(path) {
        Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => Ok(()),
        removed => {
            removed.map_err(at(path, "removed"))?;
            sync(parent(path))
        }
    }
}

/// Sets a directory's time of last change; nothing if it is not there, or has it already (it may be on a file system that is read-only now).
pub fn set_time(directory: &Path, time: Time) -> Result<(), Error> {
    if standing(directory)?.is_none_or(|metadata| (metadata.mtime(), metadata.mtime_nsec()) == time) {
        return Ok(());
    }
    match rustix::fs::utimensat(CWD, directory, &last_change(time), AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => Ok(()),
        set => {
            set.map_err(at(directory, "given its time"))?;
            sync(directory)
        }
    }
}
