//! What is installed, as `state.json` says: the manifest. It is for reports and for repair; what stands in the tree decides.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{Attributes, Error, files};

/// Version of the file's format.
pub const FORMAT: u32 = 1;

/// The manifest of a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// [`FORMAT`].
    pub format: u32,
    /// RMCP's version that wrote it.
    pub rmcp: String,
    /// Core directory name.
    pub core: String,
    /// One for each front.
    pub installed: Vec<Installed>,
    /// Directories that were made for the state and are removed with it (`var/lib` in a bare tree), relative to [`crate::Target::base`].
    pub made: Vec<PathBuf>,
}

/// One front.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    /// The front.
    pub path: PathBuf,
    /// DT_SONAME.
    pub soname: String,
    /// Build-id of the real library that it was made for.
    pub build_id: String,
    /// SHA-256 of the real library.
    pub real_sha256: String,
    /// SHA-256 of the front.
    pub front_sha256: String,
    /// dpkg was told.
    pub diverted: bool,
    /// The RECORD that lists the saved library.
    pub record: Option<PathBuf>,
}

/// Where the manifest of the state directory `directory` is.
pub(crate) fn path(directory: &Path) -> PathBuf {
    directory.join("state.json")
}

impl State {
    /// The manifest in `directory`; `None` if there is none that this version can read.
    pub fn read(directory: &Path) -> Option<Self> {
        let text = files::read(&path(directory)).ok()??;
        serde_json::from_slice(&text).ok().filter(|state: &Self| state.format <= FORMAT)
    }

    /// Writes it there, in one piece.
    pub(crate) fn write(&self, directory: &Path) -> Result<(), Error> {
        let path = path(directory);
        let new = files::temporary(&path, "new");
        let mut text = serde_json::to_vec_pretty(self)
            .map_err(|error| Error::Broken(format!("{} cannot be written: {error}", path.display())))?;
        text.push(b'\n');
        files::remove(&new)?;
        files::write(&new, &text, &Attributes::new_in(directory, 0o644)?)?;
        files::rename_over(&new, &path)
    }

    /// Whether there is a manifest in `directory`, of whatever format.
    pub(crate) fn stands_in(directory: &Path) -> bool {
        path(directory).exists()
    }

    /// Removes it, and what an interrupted [`State::write`] left.
    pub(crate) fn remove(directory: &Path) -> Result<(), Error> {
        let path = path(directory);
        files::remove(&files::temporary(&path, "new"))?;
        files::remove(&path)
    }
}
