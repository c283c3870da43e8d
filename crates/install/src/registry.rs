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

/// Behind a link's name while the target is being changed: should all that is RMCP's be gone then, it was taken back, not lost.
const UNSETTLED: &str = ".changing";

/// Remembers `target` as one that is being changed; failing is no error.
pub(crate) fn unsettle(target: &Target) {
    let Some((settled, unsettled)) = links(target) else { return };
    if std::fs::create_dir_all(files::parent(&settled)).is_ok() && std::fs::rename(settled, &unsettled).is_err() {
        let _ = symlink(&target.base, unsettled);
    }
}

/// Remembers `target` as one in which something is installed.
pub(crate) fn settle(target: &Target) {
    if let Some((settled, unsettled)) = links(target) {
        let _ = std::fs::rename(unsettled, settled);
    }
}

/// Forgets it, and removes the directories if they are empty then.
pub fn remove(target: &Target) {
    let Some((settled, unsettled)) = links(target) else { return };
    if [&settled, &unsettled].map(std::fs::remove_file).iter().any(Result::is_ok) {
        for directory in files::parent(&settled).ancestors().take(2) {
            let _ = std::fs::remove_dir(directory);
        }
    }
}

/// Whether this user has installed into `target` and not taken it back. An upgrade of every package with a front can have removed all there was.
pub fn knows(target: &Target) -> bool {
    links(target).is_some_and(|(settled, _)| settled.is_symlink())
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
        let file = link.file_name().into_string().ok()?;
        let file = file.strip_suffix(UNSETTLED).unwrap_or(&file);
        let kind = [Kind::System, Kind::Prefix, Kind::Python].into_iter().find(|kind| file == name(*kind, &base))?;
        base.is_dir().then_some((kind, base))
    });
    found.extend(links.filter(|(kind, base)| (*kind, base.as_path()) != (Kind::System, Path::new("/"))));
    found.sort_by(|one, other| one.1.cmp(&other.1));
    found.dedup();
    found
}

/// The link of `target`: as it is called when the target is settled, and while it is being changed.
fn links(target: &Target) -> Option<(PathBuf, PathBuf)> {
    let settled = target.registry.as_ref()?.join(name(target.kind, &target.base));
    let unsettled = settled.with_added_extension(&UNSETTLED[1..]);
    Some((settled, unsettled))
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
pub(crate) fn directory() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let (state, anchor) = match variable("XDG_STATE_HOME") {
        Some(state) => (state.clone(), if state.exists() { state } else { files::parent(&state).to_owned() }),
        None => variable("HOME").map(|home| (home.join(".local/state"), home))?,
    };
    let ours = anchor.metadata().ok()?.uid() == rustix::process::geteuid().as_raw();
    ours.then(|| state.join("rmcp/installations"))
}
