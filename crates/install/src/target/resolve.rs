//! Symbolic links as a process inside a root sees them: an absolute one starts at the root again, and `..` does not lead above it.

use std::ffi::OsString;
use std::io::{Error, ErrorKind};
use std::path::{Component, Path, PathBuf};

use rustix::io::Errno;

/// As many links as Linux follows in one path (`MAXSYMLINKS`).
const LINKS: usize = 40;

/// Where `path`, as seen inside `root`, leads to: a path of the machine, below `root`, without links. Its last component need not exist. A circle of links is `ELOOP`.
pub fn resolve(root: &Path, path: &Path) -> Result<PathBuf, Error> {
    let mut pending = components(path);
    let mut resolved: Vec<OsString> = Vec::new();
    let mut links = 0;
    while let Some(component) = pending.pop() {
        if component == ".." {
            resolved.pop();
            continue;
        }
        let mut at = root.to_owned();
        at.extend(&resolved);
        at.push(&component);
        match at.symlink_metadata() {
            Ok(metadata) if metadata.is_symlink() => {
                links += 1;
                if links > LINKS {
                    return Err(Errno::LOOP.into());
                }
                let to = at.read_link()?;
                if to.is_absolute() {
                    resolved.clear();
                }
                pending.extend(components(&to));
            }
            Ok(metadata) if !metadata.is_dir() && !pending.is_empty() => return Err(Errno::NOTDIR.into()),
            Err(error) if error.kind() != ErrorKind::NotFound || !pending.is_empty() => return Err(error),
            _ => resolved.push(component),
        }
    }
    let mut path = root.to_owned();
    path.extend(resolved);
    Ok(path)
}

/// The names of a path, and `..`, the last one first.
fn components(path: &Path) -> Vec<OsString> {
    let named = path.components().filter(|component| matches!(component, Component::Normal(_) | Component::ParentDir));
    let mut names: Vec<OsString> = named.map(|component| component.as_os_str().to_owned()).collect();
    names.reverse();
    names
}
