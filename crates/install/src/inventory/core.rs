//! The core that is to be installed.

use std::path::{Path, PathBuf};

use object::{Object, ObjectSymbol};
use rmcp_front::{CORE, elf};

use crate::error::at;
use crate::{Error, digest};

/// What a front calls first.
const ATTACH: &str = "rmcp_front_attach";

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
        let refused = |reason: &str| {
            Error::Broken(format!("{} is not RMCP's core: {reason}; install RMCP again", path.display()))
        };
        let path = path.canonicalize().map_err(at(path, "read"))?;
        if !path.is_file() {
            return Err(refused("it is not a file"));
        }
        let bytes = std::fs::read(&path).map_err(at(&path, "read"))?;
        let library = elf::examine(&bytes[..]).map_err(|reason| refused(&reason.to_string()))?;
        if library.soname != CORE {
            return Err(refused(&format!("its SONAME is \"{}\", not \"{CORE}\"", library.soname)));
        }
        let file = object::File::parse(&bytes[..]).map_err(|_| refused("its ELF headers are damaged"))?;
        if !file.dynamic_symbols().any(|symbol| symbol.is_definition() && symbol.name() == Ok(ATTACH)) {
            return Err(refused(&format!("it does not export {ATTACH}")));
        }
        Ok(Self { path, version: env!("CARGO_PKG_VERSION").to_owned(), sha256: digest::hex(&digest::of(&bytes)) })
    }

    /// `rmcp-0.1.0-1a2b3c4d`: version and the first eight digits of the digest.
    pub fn directory(&self) -> String {
        format!("rmcp-{}-{}", self.version, self.sha256.get(..8).unwrap_or_default())
    }
}
