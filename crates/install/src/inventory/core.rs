//! The core that is to be installed.

use std::io::Read;
use std::path::{Path, PathBuf};

use object::{Object, ObjectSymbol};
use rmcp_front::{CORE, elf};
use sha2::{Digest, Sha256};

use crate::Error;
use crate::error::at;

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
        Ok(Self { path, version: env!("CARGO_PKG_VERSION").to_owned(), sha256: hex(&Sha256::digest(&bytes)) })
    }

    /// `rmcp-0.1.0-1a2b3c4d`: version and the first eight digits of the digest.
    pub fn directory(&self) -> String {
        format!("rmcp-{}-{}", self.version, self.sha256.get(..8).unwrap_or_default())
    }
}

/// SHA-256 of a file.
pub(crate) fn digest(path: &Path) -> Result<[u8; 32], Error> {
    let mut file = std::fs::File::open(path).map_err(at(path, "read"))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer).map_err(at(path, "read"))? {
            0 => return Ok(hash.finalize().into()),
            count => hash.update(&buffer[..count]),
        }
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
