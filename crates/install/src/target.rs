//! Which tree is meant, and where in it AMD's libraries can be.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::Error;

/// What the user named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `--system [--root DIR]`: the system's library directories, `/opt/rocm*`.
    System,
    /// `--prefix DIR`: one ROCm below DIR.
    Prefix,
    /// `--python ENV`: the packages of one Python environment.
    Python,
}

/// A tree to install into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// How it was named.
    pub kind: Kind,
    /// `/`, or the directory of `--root`: absolute links are followed inside it, dpkg's database is below it, and search paths are written without it.
    pub root: PathBuf,
    /// What was named, absolute, links resolved: the root, the prefix, the environment. The lock is on this directory.
    pub base: PathBuf,
    /// The directory of the state and the journal: `ROOT/var/lib/rmcp`, `PREFIX/.rmcp`, `SITE-PACKAGES/.rmcp`. It exists only while something is installed.
    pub state: PathBuf,
    /// Existing directories that may hold libraries: links resolved, each once, in the order in which a program would come to them.
    pub directories: Vec<Directory>,
    /// Remarks about the search, a sentence each: what was not looked at and why.
    pub notes: Vec<String>,
}

/// A directory that may hold libraries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// The directory itself.
    pub path: PathBuf,
    /// Other paths in the tree that lead to it (`/opt/rocm/lib` for `/opt/rocm-6.4.3/lib`).
    pub also: Vec<PathBuf>,
    /// `site-packages` that it belongs to: where RECORD files are.
    pub packages: Option<PathBuf>,
}

impl Target {
    /// The system below `root`.
    pub fn system(root: &Path) -> Result<Self, Error> {
        let _ = root;
        unimplemented!()
    }

    /// A ROCm below `prefix`.
    pub fn prefix(prefix: &Path) -> Result<Self, Error> {
        let _ = prefix;
        unimplemented!()
    }

    /// A Python environment: its directory (venv, virtualenv, conda, uv, pipx; `/usr` or `~/.local`), or an interpreter in it. No Python is started.
    pub fn python(environment: &Path) -> Result<Self, Error> {
        let _ = environment;
        unimplemented!()
    }

    /// The arguments that name it on the command line: `--prefix '/opt/my rocm'`.
    pub fn arguments(&self) -> String {
        unimplemented!()
    }

    /// `path` as it is seen inside [`Target::root`].
    pub fn inside(&self, path: &Path) -> PathBuf {
        let _ = path;
        unimplemented!()
    }
}
