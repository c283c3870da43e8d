use std::path::Path;

use rustix::io::Errno;

/// Why nothing was done, or why it was taken back.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something that is needed is missing or broken. Exit code 3.
    #[error("{0}")]
    Broken(String),
    /// It must not be done: no permission, not ours, busy. Exit code 4; nothing was changed.
    #[error("{0}")]
    Refused(String),
    /// A step failed and everything before it was undone. Exit code 5.
    #[error("{what}; everything was put back as it was")]
    RolledBack {
        /// Which step failed and why, and the way out.
        what: String,
    },
    /// A step failed, and undoing too; or what comes after the commit. The journal is kept. Exit code 6.
    #[error("{what}; `rmcp repair {target}` completes or undoes it")]
    Unfinished {
        /// What failed and why.
        what: String,
        /// The arguments that name the target, as on the command line.
        target: String,
    },
}

impl Error {
    /// `PATH cannot be DONE: REASON; WAY OUT`, by what kind of error it is.
    pub fn io(path: &Path, done: &str, error: std::io::Error) -> Self {
        let subject = format!("{} cannot be {done}", path.display());
        let refused = |why: &str| Self::Refused(format!("{subject}: {why}"));
        match Errno::from_io_error(&error) {
            Some(Errno::ACCESS) => refused("you may not; run it as root or as the owner"),
            Some(Errno::PERM) => refused("you may not, or it is immutable (lsattr); run it as root or as the owner"),
            Some(Errno::ROFS) => refused("the file system is read-only; mount it writable first"),
            Some(Errno::NOSPC) => refused("there is no room on the file system; make room and run it again"),
            Some(Errno::DQUOT) => refused("your quota is used up; make room and run it again"),
            Some(Errno::BUSY | Errno::TXTBSY) => refused("it is busy; end what uses it and run it again"),
            Some(Errno::XDEV) => refused("something is mounted over it; unmount that first"),
            Some(Errno::EXIST) => refused("somebody else has just made that name; run it again"),
            Some(Errno::OPNOTSUPP) => refused("the file system cannot do it; use one with links and attributes"),
            Some(Errno::NOENT) => Self::Broken(format!("{subject}: it is not there; check the path")),
            Some(Errno::NOTDIR) => Self::Broken(format!("{subject}: a part of the path is not a directory; check it")),
            Some(Errno::LOOP) => Self::Broken(format!("{subject}: its links lead round in a circle; mend them")),
            Some(Errno::IO) => Self::Broken(format!("{subject}: input/output error; see the kernel's log (dmesg)")),
            _ => Self::Broken(format!("{subject}: {error}")),
        }
    }

    /// A file is not the one that the plan was made for.
    pub(crate) fn changed(path: &Path) -> Self {
        Self::Refused(format!("{} was changed meanwhile by somebody else; run it again", path.display()))
    }
}

/// For `map_err`: a path and what was tried.
pub(crate) fn at<'a, E: Into<std::io::Error>>(path: &'a Path, done: &'a str) -> impl FnOnce(E) -> Error + 'a {
    move |error| Error::io(path, done, error.into())
}
