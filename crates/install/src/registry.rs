//! Which targets this user has installed into: a directory of links to their bases, `$XDG_STATE_HOME/rmcp/installations` or
//! `~/.local/state/rmcp/installations`. It lets `rmcp status` without arguments, and recovery by any command, find them. A link that leads nowhere counts as none.
//!
//! A link is named `KIND-DIGEST`: `system`, `prefix` or `python`, and the first 16 hex digits of the SHA-256 of the path.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use crate::{Kind, Target, digest, files};

/// Where the system's own state is.
const SYSTEM: &str = "/var/lib/rmcp";

/// Remembers `target`; failing is no error.
pub fn add(target: &Target) {
    let Some(directory) = directory() else { return };
    if std::fs::create_dir_all(&directory).is_ok() {
        let _ = symlink(&target.base, directory.join(name(target.kind, &target.base)));
    }
}

/// Forgets it, and removes the directories if they are empty then.
pub fn remove(target: &Target) {
    let Some(directory) = directory() else { return };
    if std::fs::remove_file(directory.join(name(target.kind, &target.base))).is_ok() {
        for directory in directory.ancestors().take(2) {
            let _ = std::fs::remove_dir(directory);
        }
    }
}

/// Whether this user has installed into `target` and not taken it back. An upgrade of every package with a front can have removed all there was.
pub fn knows(target: &Target) -> bool {
    directory().is_some_and(|directory| directory.join(name(target.kind, &target.base)).is_symlink())
}

/// All that are known: kind and base. The system's own state is among them if it exists, whoever installed it.
pub fn all() -> Vec<(Kind, PathBuf)> {
    let mut found: Vec<(Kind, PathBuf)> = Vec::new();
    if Path::new(SYSTEM).is_dir() {
        found.push((Kind::System, PathBuf::from("/")));
    }
    let links = directory().and_then(|directory| directory.read_dir().ok());
    let links = links.into_iter().flatten().flatten().filter_map(|link| {
        let base = std::fs::read_link(link.path()).ok()?;
        let kinds = [Kind::System, Kind::Prefix, Kind::Python].into_iter();
        let kind = kinds.into_iter().find(|kind| link.file_name() == *name(*kind, &base))?;
        base.is_dir().then_some((kind, base))
    });
    found.extend(links.filter(|(kind, base)| (*kind, base.as_path()) != (Kind::System, Path::new("/"))));
    found.sort_by(|one, other| one.1.cmp(&other.1));
    found
}

fn name(kind: Kind, base: &Path) -> String {
    let kind = match kind {
        Kind::System => "system",
        Kind::Prefix => "prefix",
        Kind::Python => "python",
    };
    format!("{kind}-{}", digest::hex(&digest::of(base.as_os_str().as_bytes())[..8]))
}

/// `None` without a home (one that is not there is not made), and in that of somebody else (sudo), where the directories would be root's.
fn directory() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let (state, anchor) = match variable("XDG_STATE_HOME") {
        Some(state) => (state.clone(), if state.exists() { state } else { files::parent(&state).to_owned() }),
        None => variable("HOME").map(|home| (home.join(".local/state"), home))?,
    };
    let ours = anchor.metadata().ok()?.uid() == rustix::process::geteuid().as_raw();
    ours.then(|| state.join("rmcp/installations"))
}
