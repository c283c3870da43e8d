//! What the tests of `cargo xtask dist` share.

#![allow(dead_code)] // each test binary uses a part of it

pub mod root;
#[path = "../../../tests/support/run.rs"]
mod run;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

pub use run::{output, succeed};
use sha2::{Digest, Sha256};

pub fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the checkout")
}

/// What `cargo xtask dist` makes.
pub struct Made {
    pub tree: PathBuf,
    pub archive: PathBuf,
    pub deb: PathBuf,
    pub wheel: PathBuf,
}

/// Makes it in `out`.
pub fn dist(out: &Path) -> Made {
    // The release build may take longer than the deadline of `succeed`.
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["dist", "--out"])
        .arg(out)
        // Who runs the tests does not answer for what they make.
        .env_remove("DEBEMAIL")
        .env_remove("DEBFULLNAME")
        .stdin(Stdio::null())
        .output()
        .expect("xtask starts");
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{}\n{stdout}{stderr}", output.status);
    let paths: Vec<PathBuf> = stdout.lines().map(PathBuf::from).collect();
    let [tree, archive, deb, wheel] = paths.try_into().expect("four things are made");
    Made { tree, archive, deb, wheel }
}

/// Made once for each test binary.
pub fn made() -> &'static Made {
    static MADE: OnceLock<(tempfile::TempDir, Made)> = OnceLock::new();
    &MADE
        .get_or_init(|| {
            let out = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary directory");
            let made = dist(out.path());
            (out, made)
        })
        .1
}

/// Another program of the workspace, in the profile of the tests.
pub fn built(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_xtask")).with_file_name(name);
    assert!(path.exists(), "{} is not built: run `cargo build --workspace` first", path.display());
    path
}

/// `tests/programs/alloc.c`, which makes the HIP calls that it is told.
pub fn allocating_program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        // The test binaries run at the same time.
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("alloc-{}", std::process::id()));
        let source = checkout().join("tests/programs/alloc.c");
        let mut compiler = Command::new("cc");
        succeed(
            compiler.args(["-O2", "-Wno-deprecated-declarations"]).arg(source).arg("-o").arg(&out).arg("-lamdhip64"),
        );
        out
    })
}

/// Its arguments: one call that RMCP changes on RDNA2.
pub const CALLS: [&str; 2] = ["hipHostMalloc", "hipMalloc"];

/// A command with nothing of the tester's environment but what is needed to find programs.
pub fn clean(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C.UTF-8");
    command
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Both streams.
pub fn said(output: &Output) -> String {
    text(&output.stdout) + &text(&output.stderr)
}

/// Every name below `directory` that `counts` (its path inside), with all that an uninstallation must put back: kind, mode, owner, time of last change and contents. Symbolic links have no time here: they cannot be
/// written to.
pub fn listing(directory: &Path, counts: &dyn Fn(&Path) -> bool) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![directory.to_owned()];
    while let Some(path) = open.pop() {
        let inside = path.strip_prefix(directory).expect("below").to_owned();
        if !counts(&inside) {
            continue;
        }
        let metadata = path.symlink_metadata().expect("metadata");
        let contents = match metadata.file_type() {
            kind if kind.is_dir() => {
                open.extend(fs::read_dir(&path).expect("a directory").map(|entry| entry.expect("an entry").path()));
                "directory".to_owned()
            }
            kind if kind.is_symlink() => format!("-> {}", fs::read_link(&path).expect("a link").display()),
            kind if kind.is_file() => format!("{:x}", Sha256::digest(fs::read(&path).expect("contents"))),
            _ => "special".to_owned(),
        };
        let mtime = if metadata.is_symlink() { 0 } else { metadata.mtime() };
        let owner = (metadata.uid(), metadata.gid());
        found.insert(inside, format!("{:o} {owner:?} {mtime} {contents}", metadata.mode()));
    }
    found
}

/// What differs between two listings, a line each.
pub fn differences(before: &BTreeMap<PathBuf, String>, after: &BTreeMap<PathBuf, String>) -> Vec<String> {
    let names = before.keys().chain(after.keys()).collect::<std::collections::BTreeSet<_>>();
    let differ = |name: &&PathBuf| before.get(*name) != after.get(*name);
    let line = |name: &PathBuf| format!("{}: {:?}, now {:?}", name.display(), before.get(name), after.get(name));
    names.into_iter().filter(|name| differ(name)).map(line).collect()
}
