//! What is installed, as `state.json` says: the manifest. It is for reports and for repair; what stands in the tree decides.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

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
    /// Directories that were made for the state and are removed with it (`/var/lib` in a bare tree).
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
