//! A tree of files as it is at one moment, to be compared with itself at another.

#![allow(dead_code)] // each test binary uses a part of it

use std::collections::BTreeMap;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::fnv;

/// Everything at and below `root`, `root` itself as the empty path: a line each with type, mode, owner, time of last change, size, contents and extended attributes.
pub fn snapshot(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut entries = BTreeMap::new();
    visit(root, Path::new(""), &mut |relative, path| {
        entries.insert(relative.to_owned(), describe(path));
    });
    entries
}

/// The inode of every file and directory at and below `root`.
pub fn inodes(root: &Path) -> BTreeMap<PathBuf, u64> {
    let mut entries = BTreeMap::new();
    visit(root, Path::new(""), &mut |relative, path| {
        entries.insert(relative.to_owned(), metadata(path).ino());
    });
    entries
}

/// Demands that nothing differs, and names the first differences.
#[track_caller]
pub fn assert_same<T: PartialEq + std::fmt::Display>(
    about: &str,
    before: &BTreeMap<PathBuf, T>,
    after: &BTreeMap<PathBuf, T>,
) {
    let differences = differences(before, after);
    let shown = differences.iter().take(12).cloned().collect::<Vec<_>>().join("\n");
    assert!(differences.is_empty(), "{about}: {} differences\n{shown}", differences.len());
}

/// One text for each path that only one of both has, or that they have differently.
pub fn differences<T: PartialEq + std::fmt::Display>(
    before: &BTreeMap<PathBuf, T>,
    after: &BTreeMap<PathBuf, T>,
) -> Vec<String> {
    let gone_or_changed = before.iter().filter_map(|(path, was)| match after.get(path) {
        Some(is) if is == was => None,
        Some(is) => Some(format!("{}\n  was {was}\n  is  {is}", path.display())),
        None => Some(format!("{} is gone\n  was {was}", path.display())),
    });
    let new = after.iter().filter(|(path, _)| !before.contains_key(*path));
    gone_or_changed.chain(new.map(|(path, is)| format!("{} is new\n  is  {is}", path.display()))).collect()
}

fn visit(root: &Path, relative: &Path, seen: &mut impl FnMut(&Path, &Path)) {
    let path = if relative.as_os_str().is_empty() { root.to_owned() } else { root.join(relative) };
    seen(relative, &path);
    if metadata(&path).is_dir() {
        for entry in std::fs::read_dir(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())) {
            visit(root, &relative.join(entry.expect("an entry").file_name()), seen);
        }
    }
}

fn metadata(path: &Path) -> std::fs::Metadata {
    std::fs::symlink_metadata(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn describe(path: &Path) -> String {
    let metadata = metadata(path);
    let common = format!(
        "{:06o} {}:{} {}.{:09} {:?}",
        metadata.mode(),
        metadata.uid(),
        metadata.gid(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        extended_attributes(path)
    );
    if metadata.is_symlink() {
        format!("link {common} -> {}", std::fs::read_link(path).expect("a link").display())
    } else if metadata.is_dir() {
        format!("directory {common}")
    } else {
        let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        format!("file {common} {} bytes {:016x}", bytes.len(), fnv(&bytes))
    }
}

/// Names and values, by name; none where the file system has none.
fn extended_attributes(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let file = CString::new(path.as_os_str().as_bytes()).expect("a path");
    let mut names = vec![0u8; 1 << 16];
    // SAFETY: a C string, and a buffer of the length that is said.
    let length = unsafe { libc::llistxattr(file.as_ptr(), names.as_mut_ptr().cast(), names.len()) };
    let names = &names[..usize::try_from(length).unwrap_or(0)];
    names
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
        .map(|name| {
            let mut value = vec![0u8; 1 << 16];
            let text = CString::new(name).expect("a name");
            // SAFETY: C strings, and a buffer of the length that is said.
            let length =
                unsafe { libc::lgetxattr(file.as_ptr(), text.as_ptr(), value.as_mut_ptr().cast(), value.len()) };
            value.truncate(usize::try_from(length).unwrap_or(0));
            (String::from_utf8_lossy(name).into_owned(), value)
        })
        .collect()
}
