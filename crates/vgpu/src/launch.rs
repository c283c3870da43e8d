//! What a program needs around it to see a virtual machine: the tree of files and the environment.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::spec::Spec;
use crate::tree;

/// The machine, in text form.
pub const SPEC: &str = "VGPU_SPEC";
/// The directory of the tree.
pub const TREE: &str = "VGPU_TREE";
/// The log file; unset: no log.
pub const LOG: &str = "VGPU_LOG";
/// File name of the preload library.
pub const LIBRARY: &str = "libvgpu_preload.so";

/// A prepared machine. The tree is removed when it is dropped: keep it until the program has ended.
#[derive(Debug)]
pub struct Prepared {
    tree: TempDir,
    library: PathBuf,
    environment: Vec<(&'static str, OsString)>,
}

/// A virtual machine could not be prepared.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The tree could not be written.
    #[error(
        "the virtual card's files cannot be written below {directory} ({source}); set TMPDIR to a directory with room"
    )]
    Tree {
        /// Where.
        directory: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The log could not be created.
    #[error("the log {path} cannot be created ({source}); name another file")]
    Log {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no preload library.
    #[error("{0} is not there; build it with `cargo build --release -p vgpu-preload`")]
    NoLibrary(PathBuf),
}

/// A value for LD_PRELOAD: `library`, and behind it what is there now.
pub fn preload(library: PathBuf) -> OsString {
    let mut preload = library.into_os_string();
    if let Some(others) = std::env::var_os("LD_PRELOAD").filter(|others| !others.is_empty()) {
        preload.push(":");
        preload.push(others);
    }
    preload
}

/// The loader takes LD_PRELOAD apart at spaces and colons: a library whose path has one is named by a link in the tree.
fn preloadable(library: PathBuf, tree: &Path) -> std::io::Result<PathBuf> {
    if !library.to_string_lossy().contains([' ', ':']) {
        return Ok(library);
    }
    let link = tree.join(LIBRARY);
    std::os::unix::fs::symlink(library, &link)?;
    Ok(link)
}

impl Prepared {
    /// Writes the tree of `spec` to a temporary directory. `log` is emptied. `library` is the path of [`LIBRARY`].
    pub fn new(spec: &Spec, log: Option<&Path>, library: &Path) -> Result<Self, LaunchError> {
        let library = library.canonicalize().map_err(|_| LaunchError::NoLibrary(library.to_owned()))?;
        let failed = |source| LaunchError::Tree { directory: std::env::temp_dir(), source };
        // Without symbolic links in its path, so that the preload can tell resolved paths of the tree.
        let parent = std::env::temp_dir().canonicalize().map_err(failed)?;
        let tree = tempfile::Builder::new().prefix("vgpu-").tempdir_in(parent).map_err(failed)?;
        tree::write(spec, tree.path()).map_err(failed)?;
        let mut environment = vec![(SPEC, OsString::from(spec.to_string())), (TREE, tree.path().into())];
        if let Some(path) = log {
            let failed = |source| LaunchError::Log { path: path.to_owned(), source };
            std::fs::write(path, "").map_err(failed)?;
            environment.push((LOG, path.canonicalize().map_err(failed)?.into()));
        }
        let library = preloadable(library, tree.path()).map_err(failed)?;
        environment.push(("LD_PRELOAD", preload(library.clone())));
        Ok(Prepared { tree, library, environment })
    }

    /// What to set in the program's environment; LD_PRELOAD has the caller's own entries behind ours.
    pub fn environment(&self) -> &[(&'static str, OsString)] {
        &self.environment
    }

    /// The preload library, by a path that LD_PRELOAD can have.
    pub fn library(&self) -> &Path {
        &self.library
    }

    /// The directory of the tree.
    pub fn tree(&self) -> &Path {
        self.tree.path()
    }
}
