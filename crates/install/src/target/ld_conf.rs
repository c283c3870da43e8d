//! `/etc/ld.so.conf`: the directories that ldconfig reads besides the default ones, one a line, with `#` comments and `include PATTERN` (glibc `elf/ldconfig.c`, `parse_conf`).

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::resolve::resolve;

/// A file that includes itself ends here.
const DEPTH: usize = 8;
/// Bytes of a file of paths that are read.
const LIMIT: u64 = 1 << 20;

/// The directories that `file` (inside `root`) names, as seen inside `root`, in its order; none if it cannot be read.
pub fn directories(root: &Path, file: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    read(root, file, DEPTH, &mut found);
    found
}

fn read(root: &Path, file: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    let Some(text) = resolve(root, file).ok().and_then(|path| text_of(&path)).filter(|_| depth > 0) else { return };
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        match line.split_once([' ', '\t']) {
            Some(("include", patterns)) => {
                for pattern in patterns.split_whitespace() {
                    let pattern = file.parent().unwrap_or(Path::new("/")).join(pattern);
                    matching(root, &pattern).iter().for_each(|file| read(root, file, depth - 1, found));
                }
            }
            Some(("hwcap", _)) => {}
            // Old files have the library type behind the directory: `/usr/lib=libc6`.
            _ => found.extend(line.split('=').next().filter(|path| path.starts_with('/')).map(PathBuf::from)),
        }
    }
}

/// Files that `pattern` means, sorted; a `*` in its last component stands for anything.
fn matching(root: &Path, pattern: &Path) -> Vec<PathBuf> {
    let (Some(directory), Some(name)) = (pattern.parent(), pattern.file_name().and_then(|name| name.to_str())) else {
        return Vec::new();
    };
    let Some((start, end)) = name.split_once('*') else { return vec![pattern.to_owned()] };
    let fits = |name: &str| name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end);
    let names = resolve(root, directory).map(|path| super::names(&path)).unwrap_or_default();
    names.iter().filter(|name| fits(name) && !name.starts_with('.')).map(|name| directory.join(name)).collect()
}

/// The text of a regular file of a sane size.
pub fn text_of(path: &Path) -> Option<String> {
    if !path.symlink_metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(LIMIT).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
