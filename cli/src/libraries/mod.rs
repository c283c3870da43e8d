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

/// The sentence about a library that the program would load and that cannot be it.
fn unusable(path: &Path, reason: &dyn std::fmt::Display) -> Failure {
    Failure::broken(format!(
        "{} cannot be used: {reason}; install AMD's package again, or take the file out of the program's library path",
        path.display()
    ))
}
