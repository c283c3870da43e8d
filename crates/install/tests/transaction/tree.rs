//! Trees to install into, the steps that are done in them, and what there is to see of them afterwards.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use rmcp_install::{Attributes, Identity, Installed, Kind, Session, State, Step, Target};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, XattrFlags};

/// What stands for AMD's libraries.
pub const HIP: &str = "lib/libamdhip64.so.5.2.21153";
const HSA: &str = "lib/libhsa-runtime64.so.1.5.0";
const CORE: &str = "lib/rmcp-0.1.0-1a2b3c4d";
const RECORD: &str = "hip-5.2.dist-info/RECORD";
/// What is in them.
const LIBRARIES: [&str; 3] = ["AMD's HIP", "AMD's HSA", "a new HIP"];
/// Time of last change of everything that is there at the start.
const LONG_AGO: (i64, i64) = (1_000_000_000, 123_456_789);

/// A transaction that can be carried out in a tree.
#[derive(Clone, Copy, Debug)]
pub enum Scenario {
    /// From AMD's libraries to fronts; the state is in directories that have to be made.
    Install,
    /// The way back.
    Uninstall,
    /// An upgrade has put a new library where a front was, and removed another front.
    Repair,
}

impl Scenario {
    pub const ALL: [Self; 3] = [Self::Install, Self::Uninstall, Self::Repair];

    pub fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|scenario| format!("{scenario:?}") == name).unwrap()
    }

    /// Makes `base` the tree that the transaction starts from.
    pub fn prepare(self, base: &Path) {
        make_tree(base);
        if !matches!(self, Self::Install) {
            Self::Install.carry_out(base).unwrap();
        }
        if matches!(self, Self::Repair) {
            let new = base.join("lib/new");
            std::fs::write(&new, content("a new HIP")).unwrap();
            std::fs::rename(new, base.join(HIP)).unwrap();
            std::fs::remove_file(base.join(HSA)).unwrap();
        }
        for name in names(base) {
            set_time(&base.join(name));
        }
    }

    /// Does it in the tree `base`.
    pub fn carry_out(self, base: &Path) -> Result<(), rmcp_install::Error> {
        let mut session = Session::open(target(base), || ()).unwrap();
        let (steps, after) = self.steps(base);
        session.carry_out(&steps, after, &mut |_, _, _| ())
    }

    fn steps(self, base: &Path) -> (Vec<Step>, Option<State>) {
        let mut steps = Vec::new();
        match self {
            Self::Install => {
                let attributes = Attributes::new_in(&base.join("lib"), 0o755).unwrap();
                steps.push(Step::MakeDirectory { path: base.join(CORE), attributes });
                steps.push(create(&base.join(CORE).join("librmcp.so"), "the core", &base.join(HIP)));
                front(&mut steps, &base.join(HIP));
                front(&mut steps, &base.join(HSA));
                exchange(&mut steps, &base.join(RECORD), "the list with our files");
                (steps, Some(state(base)))
            }
            Self::Uninstall => {
                for name in [HIP, HSA] {
                    let path = base.join(name);
                    let kept = beside(&path, ".rmcp-old-1-");
                    steps.push(link(&path, &path, &kept));
                    let with = beside(&path, "rmcp-real-");
                    steps.push(Step::Replace { with, path, kept: kept.clone() });
                    steps.push(Step::CleanFile { path: kept });
                }
                exchange(&mut steps, &base.join(RECORD), "the list");
                remove(&mut steps, &base.join(CORE).join("librmcp.so"));
                steps.push(Step::CleanDirectory { path: base.join(CORE) });
                (steps, None)
            }
            Self::Repair => {
                let hip = base.join(HIP);
                remove(&mut steps, &beside(&hip, "rmcp-real-"));
                front(&mut steps, &hip);
                let hsa = base.join(HSA);
                let saved = beside(&hsa, "rmcp-real-");
                steps.push(link(&saved, &saved, &hsa));
                let new = beside(&hsa, ".rmcp-new-9-");
                steps.push(create(&new, "the front", &saved));
                steps.push(Step::Replace { with: new, path: hsa, kept: saved });
                (steps, Some(state(base)))
            }
        }
    }
}

/// `Create`, `Link`, `Replace`: a front takes the name `path`.
pub fn front(steps: &mut Vec<Step>, path: &Path) {
    let (new, saved) = (beside(path, ".rmcp-new-1-"), beside(path, "rmcp-real-"));
    steps.push(create(&new, "the front", path));
    steps.push(link(path, path, &saved));
    steps.push(Step::Replace { with: new, path: path.to_owned(), kept: saved });
}

fn exchange(steps: &mut Vec<Step>, path: &Path, text: &str) {
    let (new, old) = (beside(path, ".rmcp-new-2-"), beside(path, ".rmcp-old-2-"));
    steps.push(create(&new, text, path));
    steps.push(link(path, path, &old));
    steps.push(Step::Replace { with: new, path: path.to_owned(), kept: old.clone() });
    steps.push(Step::CleanFile { path: old });
}

fn remove(steps: &mut Vec<Step>, path: &Path) {
    let (trash, expected) = (beside(path, ".rmcp-old-3-"), Identity::of(path).unwrap());
    steps.push(Step::Remove { path: path.to_owned(), trash, expected });
}

/// With the attributes of `like`, and a fixed time.
fn create(path: &Path, text: &str, like: &Path) -> Step {
    let attributes = Attributes { mtime: Some(LONG_AGO), ..Attributes::of(like).unwrap() };
    Step::Create { path: path.to_owned(), contents: content(text).into(), attributes }
}

fn link(file: &Path, from: &Path, to: &Path) -> Step {
    Step::Link { from: from.to_owned(), to: to.to_owned(), expected: Identity::of(file).unwrap() }
}

/// A name with something in front of it.
pub fn beside(path: &Path, prefix: &str) -> PathBuf {
    path.with_file_name(format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap()))
}

fn content(text: &str) -> Vec<u8> {
    text.repeat(100).into_bytes()
}

fn make_tree(base: &Path) {
    std::fs::create_dir_all(base.join("lib")).unwrap();
    std::fs::create_dir_all(base.join("hip-5.2.dist-info")).unwrap();
    for (name, text) in [(HIP, "AMD's HIP"), (HSA, "AMD's HSA"), (RECORD, "the list")] {
        let path = base.join(name);
        std::fs::write(&path, content(text)).unwrap();
        let _ = rustix::fs::setxattr(&path, "user.note", b"kept", XattrFlags::empty());
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&path, Some(65534), Some(12)).unwrap();
        }
    }
    let link = base.join("lib/libamdhip64.so.5");
    symlink("libamdhip64.so.5.2.21153", &link).unwrap();
}

fn set_time(path: &Path) {
    let time = Timespec { tv_sec: LONG_AGO.0, tv_nsec: LONG_AGO.1 };
    let times = Timestamps { last_access: time, last_modification: time };
    rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

/// The tree `base`; nothing is known of its libraries.
pub fn target(base: &Path) -> Target {
    Target {
        kind: Kind::Prefix,
        root: PathBuf::from("/"),
        base: base.to_owned(),
        state: base.join("var/lib/rmcp"),
        registry: None,
        directories: Vec::new(),
        notes: Vec::new(),
    }
}

/// What is said to be installed.
pub fn state(base: &Path) -> State {
    let installed = Installed {
        path: base.join(HIP),
        soname: "libamdhip64.so.5".into(),
        build_id: String::new(),
        real_sha256: String::new(),
        front_sha256: String::new(),
        diverted: false,
        record: None,
    };
    State {
        format: 1,
        rmcp: "0.1.0".into(),
        core: "rmcp-0.1.0-1a2b3c4d".into(),
        installed: vec![installed],
        made: Vec::new(),
    }
}

/// Whether a program that loads `libamdhip64.so.5` gets a whole library.
pub fn library_is_whole(base: &Path) -> bool {
    let found = std::fs::read(base.join("lib/libamdhip64.so.5")).unwrap_or_default();
    LIBRARIES.iter().chain(&["the front"]).any(|text| found == content(text))
}

/// What there is to see of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    attributes: Attributes,
    contents: Vec<u8>,
    /// Time of last change, unless the name is a new one or in the state.
    mtime: Option<(i64, i64)>,
    /// Links to the inode.
    links: u64,
    /// Of AMD's libraries: the name that the inode had at the start.
    was: Option<PathBuf>,
}

/// Everything below a directory.
pub type Snapshot = BTreeMap<PathBuf, Seen>;

/// The inodes of a tree, with a name of each.
pub type Inodes = BTreeMap<u64, PathBuf>;

/// The names and inodes below `base`.
pub fn inodes(base: &Path) -> Inodes {
    names(base).into_iter().map(|name| (base.join(&name).symlink_metadata().unwrap().ino(), name)).collect()
}

/// What there is to see below `base`, of which `start` says what was there first.
pub fn snapshot(base: &Path, start: &Inodes) -> Snapshot {
    let seen = |name: PathBuf| {
        let path = base.join(&name);
        let metadata = path.symlink_metadata().unwrap();
        let contents = match () {
            () if metadata.is_symlink() => std::fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes(),
            () if metadata.is_dir() => Vec::new(),
            () => without(base, std::fs::read(&path).unwrap()),
        };
        // An inode can be used again, for other contents.
        let is_amds = LIBRARIES.iter().any(|text| contents == content(text));
        let was = start.get(&metadata.ino()).filter(|_| is_amds).cloned();
        let is_of_start = start.values().any(|known| *known == name || Some(known) == was.as_ref());
        let seen = Seen {
            attributes: Attributes::of(&path).unwrap(),
            contents,
            mtime: (is_of_start && !name.starts_with("var")).then(|| (metadata.mtime(), metadata.mtime_nsec())),
            links: metadata.nlink(),
            was,
        };
        (name, seen)
    };
    names(base).into_iter().map(seen).collect()
}

/// A text without the path of the tree, which is another each time.
fn without(base: &Path, text: Vec<u8>) -> Vec<u8> {
    match String::from_utf8(text) {
        Ok(text) => text.replace(base.to_str().unwrap(), "BASE").into_bytes(),
        Err(error) => error.into_bytes(),
    }
}

fn names(base: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    let mut next = 0;
    while let Some(name) = found.get(next).cloned() {
        let path = base.join(&name);
        if path.symlink_metadata().unwrap().is_dir() {
            found.extend(path.read_dir().unwrap().map(|entry| name.join(entry.unwrap().file_name())));
        }
        next += 1;
    }
    found
}
