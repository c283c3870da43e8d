//! Fronts: small ELF libraries that export exactly what a real ROCm library exports and jump to it through slots that the shim core fills.
//!
//! [`Library::read`] reads a real library's dynamic symbol table, [`build`] makes the front's bytes from it, [`write()`] puts them into
//! a file, and [`check`] compares a front with the real library. The contract with the core is `include/front.h`; why it is done this way,
//! `docs/architecture.md`.

#![forbid(unsafe_code)]

mod check;
pub mod dynamic;
// The core has the same file, and depends on no other of our crates that reads ELF.
#[path = "../../src/elf.rs"]
pub mod elf;
mod emit;
mod front;
mod library;
mod manifest;
mod text;

use std::path::{Path, PathBuf};

pub use check::{Report, check};
pub use emit::{Options, build};
pub use front::Front;
pub use library::{Binding, Export, Kind, Library, Node, is_front};
pub use manifest::Manifest;

/// Version of the contract in `include/front.h` (RMCP_FRONT_ABI).
pub const ABI: u32 = 1;
/// The core's SONAME: a front's first DT_NEEDED, and the only one of most.
pub const CORE: &str = "librmcp.so";

/// Which of AMD's libraries can have a front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// `libamdhip64.so.N`
    Hip,
    /// `libhsa-runtime64.so.1`
    Hsa,
}

impl Layer {
    /// By a SONAME; also by a file name, which may have a hash in it (`libamdhip64-1a2b3c4d.so.5`).
    pub fn of(name: &str) -> Option<Self> {
        let is = |stem: &str| {
            name.strip_prefix(stem).is_some_and(|rest| rest.starts_with(['.', '-']) && rest.contains(".so"))
        };
        match () {
            () if is("libamdhip64") => Some(Self::Hip),
            () if is("libhsa-runtime64") => Some(Self::Hsa),
            () => None,
        }
    }
}

/// Why a library cannot be read, or a front not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be opened or read.
    #[error("{path} cannot be read ({source}); check the path, or install the package that has it")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no library that a front can stand for.
    #[error("{path} cannot have a front: {reason}; name AMD's own library, or install its package again")]
    Unfit {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The file is no front.
    #[error(
        "{path} is not a front that can be read: {reason}; name one, or make it again (`rmcp repair`, `rmcp front build`)"
    )]
    NotFront {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The front cannot be written.
    #[error("{path} cannot be written ({source}); choose a place with room that you may write to")]
    Unwritable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Writes a front to `out`: to a temporary file beside it, which is synced and then takes its place. Mode 0755.
pub fn write(front: &[u8], out: &Path) -> Result<(), Error> {
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;
    let failed = |source| Error::Unwritable { path: out.to_owned(), source };
    let directory = match out.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new().prefix(".rmcp-front-").tempfile_in(directory).map_err(failed)?;
    file.write_all(front).map_err(failed)?;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o755)).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(out).map_err(|error| failed(error.error))?;
    std::fs::File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)
}
