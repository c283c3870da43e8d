//! What stands in the directories of a target: read from the files, not from a record of ours.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{Error, Target};

/// The core that is to be installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Core {
    /// The file.
    pub path: PathBuf,
    /// RMCP's version.
    pub version: String,
    /// SHA-256 of the file, lower-case hex.
    pub sha256: String,
}

impl Core {
    /// Reads `librmcp.so`; refuses what is not one (SONAME, exports `rmcp_front_attach`).
    pub fn read(path: &Path) -> Result<Self, Error> {
        let _ = path;
        unimplemented!()
    }

    /// `rmcp-0.1.0-1a2b3c4d`: version and the first eight digits of the digest.
    pub fn directory(&self) -> String {
        format!("rmcp-{}-{}", self.version, self.sha256.get(..8).unwrap_or_default())
    }
}

/// Everything that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Inventory {
    /// AMD's libraries and our fronts, in the order of the target's directories, then by name.
    pub copies: Vec<Copy>,
    /// Core directories, whether a front uses them or not.
    pub cores: Vec<CoreDirectory>,
    /// Files named like AMD's libraries that cannot have a front.
    pub ignored: Vec<Ignored>,
    /// Files of an interrupted installation whose journal is gone (`.rmcp-new-…`).
    pub strays: Vec<PathBuf>,
}

/// One file name under which a library is, or was, found. Regular files only: links lead to one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Copy {
    /// Absolute path of the name: the front's, once there is one.
    pub path: PathBuf,
    /// DT_SONAME.
    pub soname: String,
    /// Links that lead to it, in any directory of the target.
    pub links: Vec<PathBuf>,
    /// What stands there.
    pub standing: Standing,
    /// Who put the real library there.
    pub owner: Owner,
}

impl Copy {
    /// `rmcp-real-NAME` beside it.
    pub fn saved(&self) -> PathBuf {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        self.path.with_file_name(format!("{}{name}", crate::SAVED))
    }
}

/// A real library, read and fit to have a front.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Real {
    /// Where it is now.
    pub path: PathBuf,
    /// NT_GNU_BUILD_ID; empty if it has none.
    pub build_id: String,
    /// Bytes.
    pub size: u64,
}

/// What stands under a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Standing {
    /// AMD's library, as it was installed.
    Real {
        /// It.
        real: Real,
    },
    /// A front, with its real library beside it.
    Front {
        /// The real library, under [`Copy::saved`].
        real: Real,
        /// Build-id of the library that the front was made for.
        made_for: String,
        /// The core directory's name that the front looks for first, e.g. `rmcp-0.1.0-1a2b3c4d`.
        core: String,
        /// That directory is there and holds a core.
        core_found: bool,
    },
    /// A front whose real library is gone: its package was removed, or moved on to another file name.
    Orphan,
    /// AMD's library stands where a front was (an upgrade put it there), and an older one is still saved beside it.
    Replaced {
        /// The one under the name.
        real: Real,
        /// The one under [`Copy::saved`].
        saved: Real,
    },
    /// The name is gone, and a real library is saved beside it.
    Missing {
        /// The one under [`Copy::saved`].
        saved: Real,
    },
}

/// Who put a file there, and so how an upgrade will treat it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum Owner {
    /// Nobody that we know of: unpacked, copied, conda.
    Unmanaged,
    /// dpkg.
    Dpkg {
        /// `libamdhip64-5:amd64`
        package: String,
        /// The path as dpkg's database has it, inside the root (it may differ from ours by a merged `/usr`).
        path: PathBuf,
        /// It is diverted to our saved name already.
        diverted: bool,
    },
    /// A Python distribution.
    Wheel {
        /// Its RECORD.
        record: PathBuf,
        /// The path as RECORD has it: relative to `site-packages`.
        path: String,
    },
}

/// A directory with a core.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CoreDirectory {
    /// The directory.
    pub path: PathBuf,
    /// SHA-256 of its `librmcp.so`; empty if there is none.
    pub sha256: String,
}

/// A file that is named like one of AMD's libraries and is left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ignored {
    /// The file.
    pub path: PathBuf,
    /// A clause: "it is not an ELF file".
    pub reason: String,
}

impl Inventory {
    /// Looks at every directory of `target`.
    pub fn take(target: &Target) -> Result<Self, Error> {
        let _ = target;
        unimplemented!()
    }
}
