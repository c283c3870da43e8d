//! Files of what is made: their modes and times are set, whatever the umask.

use std::fs::{self, File, FileTimes, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};

pub fn directory(path: &Path) -> Result<()> {
    fs::create_dir_all(path).with_context(|| format!("{} cannot be made", path.display()))
}

/// An empty directory, in the place of what was there.
pub fn empty_directory(path: &Path) -> Result<()> {
    if path.exists() {
        fs::remove_dir_all(path).with_context(|| format!("{} cannot be replaced", path.display()))?;
    }
    directory(path)
}

/// A file, and the directories that lead to it.
pub fn put(path: &Path, contents: &[u8], mode: u32) -> Result<()> {
    if let Some(parent) = path.parent() {
        directory(parent)?;
    }
    let failed = || format!("{} cannot be written", path.display());
    fs::write(path, contents).with_context(failed)?;
    fs::set_permissions(path, Permissions::from_mode(mode)).with_context(failed)
}

pub fn copy(from: &Path, to: &Path, mode: u32) -> Result<()> {
    put(to, &read(from)?, mode)
}

pub fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
}

pub fn text(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}

/// The files of a directory, sorted.
pub fn list(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).with_context(|| format!("{} cannot be read", directory.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// All regular files below a directory, sorted.
pub fn below(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in list(directory)? {
        match path.is_dir() {
            true => files.extend(below(&path)?),
            false => files.push(path),
        }
    }
    Ok(files)
}

/// Gives all files and directories below `path`, and itself, one time (seconds since 1970), and directories mode 0755.
pub fn settle(path: &Path, time: u64) -> Result<()> {
    if path.is_dir() {
        for entry in list(path)? {
            settle(&entry, time)?;
        }
        fs::set_permissions(path, Permissions::from_mode(0o755))?;
    }
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(time);
    let file = File::open(path).with_context(|| format!("{} cannot be opened", path.display()))?;
    file.set_times(FileTimes::new().set_modified(time).set_accessed(time))?;
    Ok(())
}
