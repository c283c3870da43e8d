//! Which of AMD's libraries a program will load, and the directory of fronts for them.
//!
//! [`search`] goes the loader's way through the program's needed libraries ([`explicit`]: by a loader that the command line names); [`fronts`] makes or finds the fronts in the user's cache.

pub mod explicit;
pub mod fronts;
mod ld_cache;
pub mod search;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use object::read::ReadCache;

use crate::failure::Failure;
use rmcp_front::elf::{self, Unfit};
use rmcp_front::{ABI, Front};
use rmcp_install::SAVED;

/// One of AMD's libraries, as a program will load it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Real {
    /// DT_SONAME, whatever the file is called.
    pub soname: String,
    /// The file, by the path under which the loader finds it.
    pub path: PathBuf,
    /// NT_GNU_BUILD_ID; empty if it has none.
    pub build_id: String,
    /// Names by which it is asked for, besides the SONAME.
    pub names: BTreeSet<String>,
    /// The front that RMCP has installed in its place; `path` is then the file that the front keeps beside it.
    pub front: Option<PathBuf>,
    /// Something asks for it in a way that goes before LD_LIBRARY_PATH: DT_RPATH, or a path instead of a name.
    pub before_library_path: bool,
}

impl Real {
    /// `5.2.21153` of `libamdhip64.so.5.2.21153`, the file that all links lead to; empty if that says no more than the SONAME.
    pub fn version(&self) -> String {
        let file = self.path.canonicalize().unwrap_or_else(|_| self.path.clone());
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let version = name.split_once(".so.").map(|(_, version)| version.to_owned()).unwrap_or_default();
        if self.soname.ends_with(&format!(".so.{version}")) { String::new() } else { version }
    }
}

/// What the loader would make of a file that it found by a name.
enum Candidate {
    /// It goes on looking: nothing there, or for another machine.
    Skipped,
    /// It takes it.
    Library(elf::Library),
    /// It takes it, and fails.
    Broken(Unfit),
}

fn candidate(path: &Path) -> Candidate {
    // Before it is opened: a FIFO would wait for a writer.
    if !path.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Candidate::Skipped;
    }
    let Ok(file) = File::open(path) else { return Candidate::Skipped };
    match elf::examine(&ReadCache::new(file)) {
        Ok(library) => Candidate::Library(library),
        Err(Unfit::WrongKind) => Candidate::Skipped,
        Err(reason) => Candidate::Broken(reason),
    }
}

/// AMD's library, and where it is.
struct Standing {
    path: PathBuf,
    library: elf::Library,
    /// The front in whose place it was found.
    front: Option<PathBuf>,
}

impl Standing {
    /// Looks through a front that is installed in place, to the library beside it. Another front has no business there.
    fn behind(path: PathBuf, library: elf::Library) -> Result<Self, Failure> {
        if !library.front {
            return Ok(Self { path, library, front: None });
        }
        let front = Front::read(&path)?;
        let file = path.canonicalize().unwrap_or_else(|_| path.clone());
        let name = match front.abi {
            ABI => front.real_path,
            _ => format!("{SAVED}{}", file.file_name().unwrap_or_default().to_string_lossy()).into(),
        };
        if name.components().count() != 1 || name.is_absolute() {
            return Err(unusable(&path, &"it is an RMCP front itself, not AMD's library"));
        }
        let real = file.with_file_name(name);
        let reason = match candidate(&real) {
            Candidate::Library(found) if !found.front && found.soname == library.soname => {
                return Ok(Self { path: real, library: found, front: Some(path) });
            }
            Candidate::Library(found) if found.front => "it is a front itself".to_owned(),
            Candidate::Library(found) => format!("its SONAME is \"{}\", not \"{}\"", found.soname, library.soname),
            Candidate::Skipped => "there is no such file, or it is not for this machine".to_owned(),
            Candidate::Broken(reason) => reason.to_string(),
        };
        Err(Failure::broken(format!(
            "{} is a front of RMCP, and {}, AMD's library behind it, cannot be used: {reason}; `rmcp repair` puts the installation in order",
            path.display(),
            real.display()
        )))
    }
}

/// The sentence about a library that the program would load and that cannot be it.
fn unusable(path: &Path, reason: &dyn std::fmt::Display) -> Failure {
    Failure::broken(format!(
        "{} cannot be used: {reason}; install AMD's package again, or take the file out of the program's library path",
        path.display()
    ))
}
