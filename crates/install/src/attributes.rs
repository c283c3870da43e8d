//! What a file has besides its contents.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Gid, Mode, Timespec, Timestamps, UTIME_OMIT, Uid, XattrFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::error::at;

/// Permission bits, with set-user-id, set-group-id and sticky.
const PERMISSIONS: u32 = 0o7777;

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
    /// Those of the file at `path` (of a link, its own), without its time.
    pub fn of(path: &Path) -> Result<Self, Error> {
        let metadata = path.symlink_metadata().map_err(at(path, "read"))?;
        Ok(Self {
            mode: metadata.mode() & PERMISSIONS,
            uid: metadata.uid(),
            gid: metadata.gid(),
            xattrs: xattrs(path)?,
            mtime: None,
        })
    }

    /// Those of a new file of ours in `directory`: its owner and group and label, mode `mode`.
    pub fn new_in(directory: &Path, mode: u32) -> Result<Self, Error> {
        let mut attributes = Self::of(directory)?;
        attributes.mode = mode;
        attributes.xattrs.retain(|(name, _)| name == "security.selinux");
        Ok(attributes)
    }

    /// Gives them to an open file. An owner, label or list that may not be set is an error, not left out, unless the file has it already.
    pub fn apply(&self, file: &File, path: &Path) -> Result<(), Error> {
        // A change of owner clears set-user-id and `security.capability`, so it is first. A user may not set attributes of a read-only file, so the mode is behind them.
        self.apply_owner(file).map_err(at(path, "given its owner"))?;
        self.apply_xattrs(file).map_err(at(path, "given its extended attributes"))?;
        if rustix::fs::fstat(file).map_err(at(path, "read"))?.st_mode & PERMISSIONS != self.mode {
            let mode = Mode::from_raw_mode(self.mode);
            rustix::fs::fchmod(file, mode).map_err(at(path, "given its mode"))?;
        }
        match self.mtime {
            Some(mtime) => rustix::fs::futimens(file, &last_change(mtime)).map_err(at(path, "given its time")),
            None => Ok(()),
        }
    }

    fn apply_owner(&self, file: &File) -> Result<(), Errno> {
        let now = rustix::fs::fstat(file)?;
        let uid = (now.st_uid != self.uid).then(|| Uid::from_raw(self.uid));
        let gid = (now.st_gid != self.gid).then(|| Gid::from_raw(self.gid));
        if uid.is_none() && gid.is_none() { Ok(()) } else { rustix::fs::fchown(file, uid, gid) }
    }

    fn apply_xattrs(&self, file: &File) -> Result<(), Errno> {
        for (name, value) in &self.xattrs {
            let name = name.as_str();
            let has = get(|| rustix::fs::fgetxattr_query(file, name), |to| rustix::fs::fgetxattr(file, name, to));
            if has.as_ref() != Ok(value) {
                rustix::fs::fsetxattr(file, name, value, XattrFlags::empty())?;
            }
        }
        // A directory's default list is inherited; labels are the kernel's business.
        for name in list(|| rustix::fs::flistxattr_query(file), |to| rustix::fs::flistxattr(file, to))? {
            if !name.starts_with("security.") && !self.xattrs.iter().any(|(wanted, _)| *wanted == name) {
                rustix::fs::fremovexattr(file, name.as_str())?;
            }
        }
        Ok(())
    }
}

/// For `utimensat`: this time of last change of the contents, and the time of last access as it is.
pub(crate) fn last_change((tv_sec, tv_nsec): (i64, i64)) -> Timestamps {
    Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec, tv_nsec },
    }
}

/// The extended attributes of `path` that a copy with other contents may have.
fn xattrs(path: &Path) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let names = list(|| rustix::fs::llistxattr_query(path), |to| rustix::fs::llistxattr(path, to));
    let names = names.map_err(at(path, "read"))?;
    let copied = names.into_iter().filter(|name| !is_of_contents(name));
    copied
        .map(|name| {
            let value = get(
                || rustix::fs::lgetxattr_query(path, name.as_str()),
                |to| rustix::fs::lgetxattr(path, name.as_str(), to),
            );
            Ok((name, value.map_err(at(path, "read"))?))
        })
        .collect()
}

/// Digests of the contents, and what an overlay file system notes about its own files.
fn is_of_contents(name: &str) -> bool {
    matches!(name, "security.ima" | "security.evm") || name.starts_with("trusted.overlay.")
}

/// A list of names, of a file that may have none or be on a file system that has none.
fn list(
    size: impl Fn() -> Result<usize, Errno>,
    call: impl Fn(&mut [u8]) -> Result<usize, Errno>,
) -> Result<Vec<String>, Errno> {
    let bytes = match get(size, call) {
        Err(Errno::OPNOTSUPP) => Vec::new(),
        other => other?,
    };
    let names = bytes.split(|&byte| byte == 0).filter(|name| !name.is_empty());
    names.map(|name| String::from_utf8(name.to_vec()).map_err(|_| Errno::ILSEQ)).collect()
}

/// What `call` writes into a buffer of the size that `size` says. It may have grown between the two.
pub(crate) fn get(
    size: impl Fn() -> Result<usize, Errno>,
    call: impl Fn(&mut [u8]) -> Result<usize, Errno>,
) -> Result<Vec<u8>, Errno> {
    loop {
        let mut buffer = vec![0; size()?];
        match call(&mut buffer) {
            Err(Errno::RANGE) => {}
            length => {
                buffer.truncate(length?);
                return Ok(buffer);
            }
        }
    }
}
