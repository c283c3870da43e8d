use std::path::Path;

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
    /// `PATH cannot be DONE (REASON); WAY OUT`, by what kind of error it is.
    pub fn io(path: &Path, done: &str, error: std::io::Error) -> Self {
        let _ = (path, done, error);
        unimplemented!()
    }
}

/// For `map_err`: a path and what was tried.
pub(crate) fn at<'a>(path: &'a Path, done: &'a str) -> impl FnOnce(std::io::Error) -> Error + 'a {
    move |error| Error::io(path, done, error)
}
