//! Trees of AMD's real libraries, and plans as text.

#![allow(dead_code)] // Each test program uses a part.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use rmcp_front::{Layer, Library, Options, build};
use rmcp_install::{Core, Goal, Inventory, Plan, SAVED, State, Step, Target};
use sha2::{Digest, Sha256};

const LIBRARIES: &str = "/usr/lib/x86_64-linux-gnu";

/// AMD's library of the installed release: the regular file.
pub fn amd(layer: Layer) -> PathBuf {
    let entries = fs::read_dir(LIBRARIES).expect("libraries").flatten().map(|entry| entry.path());
    let of = |path: &PathBuf| Layer::of(&path.file_name().unwrap_or_default().to_string_lossy()) == Some(layer);
    let mut found = entries.filter(|path| of(path) && path.symlink_metadata().is_ok_and(|m| m.is_file()));
    found.next().expect("AMD's libraries: `cargo xtask test` installs them")
}

/// A temporary directory whose path has no links in it.
pub fn tree() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().canonicalize().expect("its path");
    (directory, path)
}

pub fn write(path: &Path, contents: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("make directories");
    fs::write(path, contents).expect("write");
}

pub fn copy(layer: Layer, to: &Path) {
    fs::create_dir_all(to.parent().expect("a parent")).expect("make directories");
    fs::copy(amd(layer), to).expect("copy");
}

pub fn link(to: &str, path: &Path) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("make directories");
    std::os::unix::fs::symlink(to, path).expect("link");
}

/// A core with known contents.
pub fn core(directory: &Path) -> Core {
    let path = directory.join("librmcp.so");
    write(&path, "a core");
    let sha256 = Sha256::digest("a core").iter().map(|byte| format!("{byte:02x}")).collect();
    Core { path, version: "9.9.9".to_owned(), sha256 }
}

/// Gives the real library at `path` a front whose core is in `core`.
pub fn front(path: &Path, core: &str) {
    let library = Library::read(path).expect("a library");
    let name = path.file_name().expect("a name").to_str().expect("UTF-8");
    let saved = format!("{SAVED}{name}");
    fs::rename(path, path.with_file_name(&saved)).expect("rename");
    let front = build(&library, &Options::beside(&library, &saved, &[format!("$ORIGIN/{core}")]));
    fs::write(path, front).expect("write");
}

pub fn plan(target: &Target, goal: Goal, core: &Core, before: Option<&State>) -> Plan {
    let found = Inventory::take(target).expect("an inventory");
    Plan::make(target, &found, goal, Some(core), before).expect("a plan")
}

/// Does what the steps say, without a journal; panics where a name is not as a step needs it.
pub fn carry_out(steps: &[Step]) {
    let free = |path: &Path| assert!(path.symlink_metadata().is_err(), "{} is not free", path.display());
    for step in steps {
        match step {
            Step::MakeDirectory { path, .. } => fs::create_dir(path).expect("make a directory"),
            Step::Create { path, contents, .. } => {
                free(path);
                fs::write(path, contents).expect("write");
            }
            Step::Link { from, to, .. } => fs::hard_link(from, to).expect("link"),
            Step::Replace { with, path, kept } => {
                assert!(kept.exists(), "{} is not kept", path.display());
                fs::rename(with, path).expect("replace");
            }
            Step::Remove { path, trash, .. } => {
                free(trash);
                fs::rename(path, trash).expect("remove");
            }
            Step::CleanFile { .. } | Step::CleanDirectory { .. } => {}
            Step::Divert { .. } | Step::Undivert { .. } => {}
        }
    }
    for step in steps {
        match step {
            Step::Remove { trash: path, .. } | Step::CleanFile { path } => fs::remove_file(path).expect("clean"),
            Step::CleanDirectory { path } => fs::remove_dir(path).expect("clean a directory"),
            _ => {}
        }
    }
}

/// Every file of a tree: type, and length or what it leads to.
pub fn listing(root: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let mut pending = vec![root.to_owned()];
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(&directory).expect("read").flatten() {
            let (path, metadata) = (entry.path(), entry.metadata().expect("metadata"));
            let what = match () {
                () if metadata.is_dir() => "directory".to_owned(),
                () if metadata.is_symlink() => format!("-> {}", fs::read_link(&path).expect("link").display()),
                () => hex(&Sha256::digest(fs::read(&path).expect("read"))),
            };
            lines.push(format!("{} {what}", path.strip_prefix(root).expect("below").display()));
            if metadata.is_dir() {
                pending.push(path);
            }
        }
    }
    lines.sort();
    lines
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A plan as text, with `TREE` for the tree's path.
pub fn text(plan: &Plan, tree: &Path) -> String {
    let mut out = String::new();
    for change in &plan.changes {
        let _ = writeln!(out, "{:?} {}: {}", change.becomes, change.path.display(), change.detail);
    }
    for file in &plan.untouched {
        let _ = writeln!(out, "Untouched {}: {}", file.path.display(), file.reason);
    }
    for note in &plan.notes {
        let _ = writeln!(out, "Note: {note}");
    }
    for (number, step) in plan.steps.iter().enumerate() {
        let _ = writeln!(out, "{number} {}", line(step));
    }
    out.replace(&*tree.to_string_lossy(), "TREE")
}

fn line(step: &Step) -> String {
    match step {
        Step::MakeDirectory { path, .. } => format!("make {}/", path.display()),
        Step::Create { path, .. } => format!("create {}", path.display()),
        Step::Link { from, to, .. } => format!("link {} to {}", from.display(), to.display()),
        Step::Replace { with, path, kept } => {
            format!("replace {} by {}, kept {}", path.display(), with.display(), kept.display())
        }
        Step::Remove { path, trash, .. } => format!("remove {} to {}", path.display(), trash.display()),
        Step::CleanFile { path } => format!("clean {}", path.display()),
        Step::CleanDirectory { path } => format!("clean {}/", path.display()),
        Step::Divert { path, to, .. } => format!("divert {} to {}", path.display(), to.display()),
        Step::Undivert { path, to, .. } => format!("undivert {} from {}", path.display(), to.display()),
    }
}
