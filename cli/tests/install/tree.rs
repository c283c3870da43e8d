//! A tree to install into, and what the command says with this machine's paths taken out.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{build_libraries, output, rmcp};

const SYSTEM: &str = "/usr/lib/x86_64-linux-gnu";
/// AMD's files in Debian 12, and the links to each.
const LIBRARIES: [(&str, [&str; 2]); 2] = [
    ("libamdhip64.so.5.2.21153", ["libamdhip64.so", "libamdhip64.so.5"]),
    ("libhsa-runtime64.so.1.5.0", ["libhsa-runtime64.so", "libhsa-runtime64.so.1"]),
];
pub const HIP: &str = "libamdhip64.so.5.2.21153";
pub const HSA: &str = "libhsa-runtime64.so.1.5.0";

/// `opt/rocm/lib` below a temporary directory, and a state directory of its own.
pub struct Tree {
    directory: tempfile::TempDir,
}

impl Tree {
    /// With AMD's libraries.
    pub fn new() -> Self {
        let tree = Self::empty();
        for (file, links) in LIBRARIES {
            tree.copy(file, file);
            for link in links {
                symlink(file, tree.library(link)).expect("a link");
            }
        }
        tree
    }

    /// With none.
    pub fn empty() -> Self {
        build_libraries();
        let tree = Self { directory: tempfile::tempdir().expect("a directory") };
        fs::create_dir_all(tree.prefix().join("lib")).expect("made");
        tree
    }

    pub fn path(&self) -> PathBuf {
        self.directory.path().canonicalize().expect("there")
    }

    pub fn prefix(&self) -> PathBuf {
        self.path().join("opt/rocm")
    }

    pub fn library(&self, name: &str) -> PathBuf {
        self.prefix().join("lib").join(name)
    }

    /// One of AMD's files, as `name`.
    pub fn copy(&self, file: &str, name: &str) {
        let path = self.library(name);
        fs::copy(Path::new(SYSTEM).join(file), &path).expect("AMD's library of Debian 12");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("a mode");
    }

    /// `rmcp WORDS --prefix TREE/opt/rocm`
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = self.rmcp(words);
        command.arg("--prefix").arg(self.prefix());
        command
    }

    /// `rmcp WORDS`, which knows the installations of this tree only.
    pub fn rmcp(&self, words: &[&str]) -> Command {
        let mut command = rmcp();
        command.args(words).env("XDG_STATE_HOME", self.path().join("state"));
        command
    }

    /// What the command says; it must end with `code`.
    pub fn says(&self, code: i32, words: &[&str]) -> (String, String) {
        let (found, stdout, stderr) = output(&mut self.command(words));
        assert_eq!(found, code, "{words:?}\n{stdout}\n{stderr}");
        (self.masked(&stdout), self.masked(&stderr))
    }

    pub fn install(&self) {
        self.says(0, &["install", "--yes", "--quiet"]);
    }

    /// Without what differs from machine to machine and build to build.
    pub fn masked(&self, text: &str) -> String {
        let text = text.replace(&self.path().display().to_string(), "");
        let text = text.replace(concat!("core ", env!("CARGO_PKG_VERSION")), "core VERSION");
        let core = format!("rmcp-{}-", env!("CARGO_PKG_VERSION"));
        let mut parts = text.split(core.as_str());
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let digest = part.chars().take_while(char::is_ascii_hexdigit).count();
            assert_eq!(digest, 8, "the core's directory has eight digits: {part}");
            out += "rmcp-VERSION-DIGEST";
            out += &part[digest..];
        }
        out
    }

    /// Every path with what it is: for trees that must not change.
    pub fn listing(&self) -> Vec<String> {
        let mut out = Vec::new();
        list(&self.path(), &mut out);
        out.sort();
        out
    }
}

fn list(directory: &Path, out: &mut Vec<String>) {
    use std::os::unix::fs::MetadataExt;
    for entry in fs::read_dir(directory).expect("readable") {
        let path = entry.expect("an entry").path();
        let file = path.symlink_metadata().expect("there");
        let identity = (file.ino(), file.mode(), file.len(), file.mtime(), file.mtime_nsec());
        out.push(format!("{} {identity:?} {:?}", path.display(), fs::read_link(&path).ok()));
        if file.is_dir() {
            list(&path, out);
        }
    }
}

/// A masked text with every note on one line, as where a note is wrapped depends on the paths that were taken out.
pub fn unwrapped(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let words = line.trim_start();
        // Below `note: `, at the margin or in a target's block.
        if [6, 8].contains(&(line.len() - words.len())) {
            out.truncate(out.trim_end().len());
            out.push(' ');
            out += words;
        } else {
            out += line;
        }
        out.push('\n');
    }
    out
}

/// Compares with a file of `tests/golden/install`.
pub fn golden(name: &str, text: &str) {
    let text = unwrapped(text);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/install").join(name);
    if std::env::var_os("RMCP_BLESS").is_some() {
        fs::create_dir_all(path.parent().expect("a directory")).expect("made");
        fs::write(&path, &text).expect("written");
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(text == expected, "not as in {name} (RMCP_BLESS=1 writes it anew):\n{text}");
}
