//! The directory of fronts for a set of libraries, made once in the user's cache and used again.
//!
//! A directory is filled under a temporary name and renamed into place, so that runs that start together race harmlessly and nobody sees half of one.
//! It holds the fronts under their SONAMEs and further names, a link to the core (so that no copy can grow stale), and a file that says what it was made of.

use std::collections::hash_map::DefaultHasher;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::hash::{Hash, Hasher};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};

use rmcp_front::{ABI, CORE, Library, Options};

use super::Real;
use crate::failure::Failure;

/// Says what a directory was made of, and marks it as one of ours.
const CONTENTS: &str = "rmcp-fronts.txt";

/// A directory of fronts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fronts {
    /// For LD_LIBRARY_PATH.
    pub directory: PathBuf,
    /// For LD_PRELOAD; see [`preload`].
    pub preload: Vec<String>,
}

/// Whether `directory` is a directory of fronts made here.
pub fn is_ours(directory: &Path) -> bool {
    directory.join(CONTENTS).is_file()
}

/// The cache: `$XDG_CACHE_HOME/rmcp`, or `$HOME/.cache/rmcp` where that cannot be used.
pub fn cache(lookup: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, Failure> {
    // A relative XDG_CACHE_HOME is to be ignored, says the specification.
    let base = |name: &str| lookup(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let places = [base("XDG_CACHE_HOME"), base("HOME").map(|home| home.join(".cache"))];
    let mut reasons = Vec::new();
    for base in places.into_iter().flatten() {
        let path = base.join("rmcp");
        match usable(&path) {
            Ok(()) => return Ok(path),
            Err(reason) => reasons.push(format!("{}: {reason}", path.display())),
        }
    }
    if reasons.is_empty() {
        reasons.push("neither XDG_CACHE_HOME nor HOME is set".to_owned());
    }
    Err(Failure::broken(format!(
        "there is no place for the fronts ({}); set XDG_CACHE_HOME to a directory of yours",
        reasons.join("; ")
    )))
}

fn usable(path: &Path) -> Result<(), String> {
    if path.to_string_lossy().contains([':', ';', '$', ' ', '\t', '\n']) {
        return Err("the loader cannot take a path with a space, colon, semicolon or dollar sign".to_owned());
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| error.to_string())?;
    // Whoever owns it decides what runs: never under another user's account.
    // SAFETY: takes no arguments and cannot fail.
    let user = unsafe { libc::geteuid() };
    if path.metadata().map_err(|error| error.to_string())?.uid() != user {
        return Err("it belongs to another user".to_owned());
    }
    tempfile::tempfile_in(path).map(drop).map_err(|error| error.to_string())
}

/// The fronts of `reals`, in `cache`, beside a link to `core`.
pub fn prepare(cache: &Path, core: &Path, reals: &[Real]) -> Result<PathBuf, Failure> {
    let contents = contents(core, reals);
    let mut hasher = DefaultHasher::new();
    contents.hash(&mut hasher);
    let directory = cache.join(format!("fronts-{:016x}", hasher.finish()));
    if is_whole(&directory, &contents, reals) {
        return Ok(directory);
    }
    let failed = |error: io::Error| {
        Failure::broken(format!("{} cannot be written ({error}); make room, or set XDG_CACHE_HOME", cache.display()))
    };
    let making = tempfile::Builder::new().prefix(".making-").tempdir_in(cache).map_err(failed)?;
    for real in reals {
        let library = Library::read(&real.path)?;
        // The core is found even where LD_LIBRARY_PATH has been taken away.
        let options = Options { runpath: vec!["$ORIGIN".to_owned()], ..Options::default() };
        rmcp_front::write(&rmcp_front::build(&library, &options), &making.path().join(&real.soname))?;
        for name in &real.names {
            symlink(&real.soname, making.path().join(name)).map_err(failed)?;
        }
    }
    symlink(core, making.path().join(CORE)).map_err(failed)?;
    fs::write(making.path().join(CONTENTS), &contents).map_err(failed)?;
    let mut moved = fs::rename(making.path(), &directory);
    if moved.is_err() && !is_whole(&directory, &contents, reals) {
        // What stands there was damaged by somebody.
        let aside = tempfile::Builder::new().prefix(".damaged-").tempdir_in(cache).map_err(failed)?;
        let _ = fs::rename(&directory, aside.path().join("fronts"));
        moved = fs::rename(making.path(), &directory);
    }
    match moved {
        Ok(()) => drop(making.keep()),
        // Another run was faster.
        Err(_) if is_whole(&directory, &contents, reals) => {}
        Err(error) => return Err(failed(error)),
    }
    Ok(directory)
}

/// What a directory is made of, one thing a line: everything that makes another front or another core.
fn contents(core: &Path, reals: &[Real]) -> String {
    let stamp = |path: &Path| {
        path.metadata().map_or_else(
            |_| String::new(),
            |file| format!("{} bytes, written {}.{:09}", file.len(), file.mtime(), file.mtime_nsec()),
        )
    };
    let mut text = format!("rmcp {}, front format {ABI}\n", env!("CARGO_PKG_VERSION"));
    if let Ok(exe) = std::env::current_exe() {
        let _ = writeln!(text, "made by {}: {}", exe.display(), stamp(&exe));
    }
    let _ = writeln!(text, "core {}", core.display());
    for real in reals {
        let names: Vec<&str> = real.names.iter().map(String::as_str).collect();
        let _ = writeln!(
            text,
            "{} = {}: build-id {}, {}, also {}",
            real.soname,
            real.path.display(),
            real.build_id,
            stamp(&real.path),
            names.join(" ")
        );
    }
    text
}

fn is_whole(directory: &Path, contents: &str, reals: &[Real]) -> bool {
    let front = |real: &Real| fs::read(directory.join(&real.soname)).is_ok_and(|bytes| rmcp_front::is_front(&bytes));
    fs::read_to_string(directory.join(CONTENTS)).is_ok_and(|found| found == contents)
        && directory.join(CORE).is_file()
        && reals.iter().all(front)
        && reals.iter().flat_map(|real| &real.names).all(|name| directory.join(name).is_file())
}

/// What has to be preloaded for `reals` in `directory`.
///
/// LD_LIBRARY_PATH is enough unless something looks elsewhere before it (DT_RPATH): then the fronts must be there already. Preloaded by path they answer
/// to their SONAME; a name that is not the SONAME is preloaded as such, which adds it to the same object (glibc `elf/dl-load.c`, `_dl_map_object_from_fd`).
/// Preloading where it is not needed would put these fronts under programs that bring other copies of their own.
pub fn preload(directory: &Path, reals: &[Real]) -> Vec<String> {
    if !reals.iter().any(|real| real.before_library_path) {
        return Vec::new();
    }
    let paths = reals.iter().map(|real| directory.join(&real.soname).to_string_lossy().into_owned());
    paths.chain(reals.iter().flat_map(|real| real.names.iter().cloned())).collect()
}

impl Fronts {
    /// Makes or finds the fronts of `reals`.
    pub fn prepare(core: &Path, reals: &[Real]) -> Result<Self, Failure> {
        let directory = prepare(&cache(|name| std::env::var_os(name))?, core, reals)?;
        Ok(Self { preload: preload(&directory, reals), directory })
    }
}
