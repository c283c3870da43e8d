//! A tree of files as it is at one moment, to be compared with itself at another.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CString, OsStr};
use std::fmt;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use sha2::{Digest, Sha256};

/// One name in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Type and permission bits.
    pub mode: u32,
    pub owner: (u32, u32),
    /// Seconds and nanoseconds.
    pub mtime: (i64, i64),
    /// Of regular files; 0 otherwise.
    pub inode: u64,
    /// SHA-256 of a regular file, the target of a link, the number of a device; empty otherwise.
    pub contents: String,
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Entry {
    pub fn is_directory(&self) -> bool {
        self.mode & libc::S_IFMT == libc::S_IFDIR
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mode, owner: (user, group), mtime: (seconds, nanoseconds), inode, contents, xattrs } = self;
        write!(f, "{mode:06o} {user}:{group} {seconds}.{nanoseconds:09} inode {inode} \"{contents}\"")?;
        for (name, value) in xattrs {
            write!(f, " {}={:?}", String::from_utf8_lossy(name), String::from_utf8_lossy(value))?;
        }
        Ok(())
    }
}

/// All names at and below a directory, `""` being itself.
pub type Listing = BTreeMap<PathBuf, Entry>;

/// Lists `root`. Large files are read again only if their inode, size or time is another.
pub fn list(root: &Path) -> Listing {
    visit(root, list_one)
}

/// Lists `root` without inodes, and reads all files: two trees can be compared.
pub fn snapshot(root: &Path) -> Listing {
    visit(root, |path| Entry { inode: 0, ..describe(path, |path, _| sha256(path)) })
}

/// The inode of every file and directory at and below `root`.
pub fn inodes(root: &Path) -> BTreeMap<PathBuf, u64> {
    visit(root, |path| metadata(path).ino())
}

/// What is to be said of one name.
pub fn list_one(path: &Path) -> Entry {
    describe(path, known_digest)
}

fn visit<T>(root: &Path, mut see: impl FnMut(&Path) -> T) -> BTreeMap<PathBuf, T> {
    let mut seen = BTreeMap::new();
    let mut pending = vec![PathBuf::new()];
    while let Some(relative) = pending.pop() {
        let path = if relative.as_os_str().is_empty() { root.to_owned() } else { root.join(&relative) };
        if metadata(&path).is_dir() {
            let entries = fs::read_dir(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            pending.extend(entries.map(|entry| relative.join(entry.expect("an entry").file_name())));
        }
        seen.insert(relative, see(&path));
    }
    seen
}

fn metadata(path: &Path) -> fs::Metadata {
    path.symlink_metadata().unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn describe(path: &Path, digest: impl Fn(&Path, &fs::Metadata) -> String) -> Entry {
    let metadata = metadata(path);
    let kind = metadata.file_type();
    let contents = match () {
        () if kind.is_file() => digest(path, &metadata),
        () if kind.is_symlink() => fs::read_link(path).expect("a link").to_string_lossy().into_owned(),
        () if kind.is_dir() => String::new(),
        () => metadata.rdev().to_string(),
    };
    Entry {
        mode: metadata.mode(),
        owner: (metadata.uid(), metadata.gid()),
        mtime: (metadata.mtime(), metadata.mtime_nsec()),
        inode: if kind.is_file() { metadata.ino() } else { 0 },
        contents,
        xattrs: xattrs(path),
    }
}

fn known_digest(path: &Path, metadata: &fs::Metadata) -> String {
    type Key = (u64, u64, u64, i64, i64);
    static KNOWN: Mutex<BTreeMap<Key, String>> = Mutex::new(BTreeMap::new());
    const LARGE: u64 = 1 << 20;
    let key = (metadata.dev(), metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec());
    if metadata.size() >= LARGE
        && let Some(known) = KNOWN.lock().expect("lock").get(&key)
    {
        return known.clone();
    }
    let digest = sha256(path);
    if metadata.size() >= LARGE {
        KNOWN.lock().expect("lock").insert(key, digest.clone());
    }
    digest
}

/// SHA-256 of what is in the file now.
pub fn sha256(path: &Path) -> String {
    let mut file = fs::File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer).expect("read") {
            0 => return format!("{:x}", hash.finalize()),
            n => hash.update(&buffer[..n]),
        }
    }
}

pub fn c_string(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).expect("no zero byte")
}

/// Names and values; none where the file system has none.
fn xattrs(path: &Path) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let path = c_string(path);
    let mut names = [0u8; 4096];
    // SAFETY: a C string, and a buffer with its length.
    let length = unsafe { libc::llistxattr(path.as_ptr(), names.as_mut_ptr().cast(), names.len()) };
    let names = &names[..usize::try_from(length).unwrap_or(0)];
    let names = names.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    names
        .map(|name| {
            let mut value = [0u8; 4096];
            let c_name = CString::new(name).expect("no zero byte");
            // SAFETY: two C strings, and a buffer with its length.
            let length =
                unsafe { libc::lgetxattr(path.as_ptr(), c_name.as_ptr(), value.as_mut_ptr().cast(), value.len()) };
            (name.to_vec(), value[..usize::try_from(length).unwrap_or(0)].to_vec())
        })
        .collect()
}

/// One text for each path that only one of both has, or that they have differently.
pub fn differences<T: PartialEq + fmt::Display>(
    before: &BTreeMap<PathBuf, T>,
    after: &BTreeMap<PathBuf, T>,
) -> Vec<String> {
    let paths: BTreeSet<&PathBuf> = before.keys().chain(after.keys()).collect();
    let difference = |path: &PathBuf| {
        let name = path.display();
        match (before.get(path), after.get(path)) {
            (Some(was), Some(is)) => (was != is).then(|| format!("{name} has changed\n  was {was}\n  is  {is}")),
            (Some(was), None) => Some(format!("{name} is gone\n  was {was}")),
            (None, is) => is.map(|is| format!("{name} is new\n  is  {is}")),
        }
    };
    paths.into_iter().filter_map(difference).collect()
}

/// Demands that nothing differs, and names the first differences.
#[track_caller]
pub fn assert_same<T: PartialEq + fmt::Display>(
    about: &str,
    before: &BTreeMap<PathBuf, T>,
    after: &BTreeMap<PathBuf, T>,
) {
    let differences = differences(before, after);
    let shown = differences.iter().take(12).cloned().collect::<Vec<_>>().join("\n");
    assert!(differences.is_empty(), "{about}: {} differences\n{shown}", differences.len());
}

/// The same without the times of directories: of trees that came about at different times.
pub fn without_directory_times(mut listing: Listing) -> Listing {
    listing.values_mut().filter(|entry| entry.is_directory()).for_each(|entry| entry.mtime = (0, 0));
    listing
}

/// `listing` without what two installations cannot have in common: the inodes of files that RMCP made (all but those of `before`), and when it made them. RECORD keeps its time.
pub fn without_times(listing: &Listing, before: &Listing) -> Listing {
    let known: BTreeSet<u64> = before.values().map(|entry| entry.inode).filter(|inode| *inode != 0).collect();
    let mut listing = listing.clone();
    for (path, entry) in &mut listing {
        let old = if entry.inode == 0 { before.contains_key(path) } else { known.contains(&entry.inode) };
        if !old {
            entry.inode = 0;
            if path.file_name() != Some(OsStr::new("RECORD")) {
                entry.mtime = (0, 0);
            }
        }
    }
    listing
}
