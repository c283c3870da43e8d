//! Which tree is meant, and where in it AMD's libraries can be.

mod ld_conf;
mod python;
mod resolve;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rmcp_front::Layer;
use serde::{Deserialize, Serialize};

use crate::error::at;
use crate::{Error, SAVED, registry};

pub(crate) use resolve::resolve;

/// What the user named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `--system [--root DIR]`: the system's library directories, `/opt/rocm*`.
    System,
    /// `--prefix DIR`: one ROCm below DIR.
    Prefix,
    /// `--python ENV`: the packages of one Python environment.
    Python,
}

/// A tree to install into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// How it was named.
    pub kind: Kind,
    /// `/`, or the directory of `--root`: absolute links are followed inside it, dpkg's database is below it, and search paths are written without it.
    pub root: PathBuf,
    /// What was named, absolute, links resolved: the root, the prefix, the environment. The lock is on this directory.
    pub base: PathBuf,
    /// The directory of the state and the journal: `ROOT/var/lib/rmcp`, `PREFIX/.rmcp`, `SITE-PACKAGES/.rmcp`. It exists only while something is installed.
    pub state: PathBuf,
    /// Where it is remembered: see [`crate::registry`]; `None`: nowhere.
    pub registry: Option<PathBuf>,
    /// Existing directories that may hold libraries: links resolved, each once, in the order in which a program would come to them.
    pub directories: Vec<Directory>,
    /// Remarks about the search, a sentence each: what was not looked at and why.
    pub notes: Vec<String>,
}

/// A directory that may hold libraries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// The directory itself.
    pub path: PathBuf,
    /// Other paths in the tree that lead to it (`/opt/rocm/lib` for `/opt/rocm-6.4.3/lib`).
    pub also: Vec<PathBuf>,
    /// `site-packages` that it belongs to: where RECORD files are.
    pub packages: Option<PathBuf>,
}

/// Directories in which ld.so looks by itself (Debian's and the others'), in its order.
const DEFAULT: [&str; 6] = ["lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu", "lib64", "usr/lib64", "lib", "usr/lib"];
/// Directories of an administrator's own libraries.
const LOCAL: [&str; 3] = ["usr/local/lib", "usr/local/lib64", "usr/local/lib/x86_64-linux-gnu"];
/// Directories of a ROCm below its prefix. ROCm before 5.2 had one prefix for each part; `core-*` comes behind these.
const ROCM: [&str; 5] = ["lib", "lib64", "lib/x86_64-linux-gnu", "hip/lib", "hsa/lib"];

/// A link in the root must not lead out of it; where there is no `var`, it is made.
fn system_state(root: &Path) -> PathBuf {
    const ABOVE: &str = "var/lib";
    resolve(root, Path::new(ABOVE)).unwrap_or_else(|_| root.join(ABOVE)).join("rmcp")
}

fn prefix_state(base: &Path) -> PathBuf {
    base.join(".rmcp")
}

impl Target {
    /// The system below `root`.
    pub fn system(root: &Path) -> Result<Self, Error> {
        let root = directory(root, "--root")?;
        let mut search = Search::new(&root, &root);
        for directory in ld_conf::directories(&root, Path::new("/etc/ld.so.conf")) {
            search.add(&search.of_machine(&directory), None);
        }
        for directory in DEFAULT.iter().chain(&LOCAL) {
            search.add(&root.join(directory), None);
        }
        for prefix in search.rocm_prefixes() {
            search.add_rocm(&prefix);
        }
        let state = system_state(&root);
        Ok(search.target(Kind::System, root, state))
    }

    /// A ROCm below `prefix`.
    pub fn prefix(prefix: &Path) -> Result<Self, Error> {
        let base = directory(prefix, "--prefix")?;
        let mut search = Search::new(Path::new("/"), &base);
        search.add_rocm(&base);
        if names(&base).iter().any(|name| is_library_name(name)) {
            search.add(&base, None);
        }
        let state = prefix_state(&base);
        Ok(search.target(Kind::Prefix, base, state))
    }

    /// [`Target::state`] of the target that is named so, without a search for its libraries; `None` if it cannot be one.
    pub fn state_of(kind: Kind, base: &Path) -> Option<PathBuf> {
        match kind {
            Kind::System => Some(system_state(base)),
            Kind::Prefix => Some(prefix_state(base)),
            Kind::Python => python::site_packages(base).first().map(|packages| python::state(packages)),
        }
    }

    /// A Python environment: its directory (venv, virtualenv, conda, uv, pipx; `/usr` or `~/.local`), or an interpreter in it. No Python is started.
    pub fn python(environment: &Path) -> Result<Self, Error> {
        python::target(environment)
    }

    /// The arguments that name it on the command line: `--prefix '/opt/my rocm'`.
    pub fn arguments(&self) -> String {
        let base = quoted(&self.base.to_string_lossy());
        match self.kind {
            Kind::System if self.root == Path::new("/") => "--system".to_owned(),
            Kind::System => format!("--system --root {base}"),
            Kind::Prefix => format!("--prefix {base}"),
            Kind::Python => format!("--python {base}"),
        }
    }

    /// `path` as it is seen inside [`Target::root`].
    pub fn inside(&self, path: &Path) -> PathBuf {
        match path.strip_prefix(&self.root) {
            Ok(rest) => Path::new("/").join(rest),
            Err(_) => path.to_owned(),
        }
    }

    /// Where `path` leads to inside the root; its last component need not exist.
    pub(crate) fn resolve(&self, path: &Path) -> std::io::Result<PathBuf> {
        resolve(&self.root, path.strip_prefix(&self.root).unwrap_or(path))
    }

    /// Whether `path`, links resolved, is in one of the directories.
    pub(crate) fn has(&self, path: &Path) -> bool {
        self.directories.iter().any(|directory| Some(directory.path.as_path()) == path.parent())
    }
}

/// Named like one of AMD's libraries, or like one that was saved.
fn is_library_name(name: &str) -> bool {
    Layer::of(name.strip_prefix(SAVED).unwrap_or(name)).is_some()
}

/// The directory that was named, absolute, links resolved.
fn directory(named: &Path, option: &str) -> Result<PathBuf, Error> {
    let path = named.canonicalize().map_err(at(named, "opened"))?;
    if !path.is_dir() {
        return Err(Error::Broken(format!("{} is not a directory; name one with {option}", named.display())));
    }
    std::fs::read_dir(&path).map_err(at(&path, "read"))?;
    match path.to_str() {
        // It has to be written into journals, RECORDs and search paths.
        None => {
            Err(Error::Refused(format!("the path {} is not UTF-8; give the directory another name", path.display())))
        }
        Some(_) => Ok(path),
    }
}

/// Names of the entries of a directory that are UTF-8, sorted; none if it cannot be read.
fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// As a shell reads it.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-+=:,./@%".contains(c);
    match !text.is_empty() && text.chars().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// Collects the directories of a target.
struct Search {
    root: PathBuf,
    /// Nothing outside of it is looked at.
    within: PathBuf,
    directories: Vec<Directory>,
    notes: Vec<String>,
}

impl Search {
    fn new(root: &Path, within: &Path) -> Self {
        Self { root: root.to_owned(), within: within.to_owned(), directories: Vec::new(), notes: Vec::new() }
    }

    fn target(self, kind: Kind, base: PathBuf, state: PathBuf) -> Target {
        Target {
            kind,
            root: self.root,
            base,
            state,
            registry: registry::directory(),
            directories: self.directories,
            notes: self.notes,
        }
    }

    /// The path of the machine for one inside the root.
    fn of_machine(&self, inside: &Path) -> PathBuf {
        self.root.join(inside.strip_prefix("/").unwrap_or(inside))
    }

    /// Where `path` (of the machine) leads to inside the root.
    fn resolve(&self, path: &Path) -> std::io::Result<PathBuf> {
        resolve(&self.root, path.strip_prefix(&self.root).unwrap_or(path))
    }

    /// Adds the directory that `path` leads to, if there is one.
    fn add(&mut self, path: &Path, packages: Option<&Path>) {
        let resolved = match self.resolve(path) {
            Ok(resolved) if resolved.is_dir() => resolved,
            Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return self.note(format!("{} was not looked at: {error}", path.display()));
            }
            _ => return,
        };
        if !resolved.starts_with(&self.within) {
            let (path, resolved) = (path.display(), resolved.display());
            return self.note(format!("{path} was not looked at: it leads to {resolved}, outside of what was named"));
        }
        if resolved.to_str().is_none() {
            return self.note(format!("{} was not looked at: its path is not UTF-8", resolved.display()));
        }
        let place = self.directories.iter().position(|directory| directory.path == resolved);
        let place = place.unwrap_or_else(|| {
            let packages = packages.map(Path::to_owned);
            self.directories.push(Directory { path: resolved, also: Vec::new(), packages });
            self.directories.len() - 1
        });
        let known = &mut self.directories[place];
        if known.path != path && !known.also.iter().any(|also| also == path) {
            known.also.push(path.to_owned());
        }
    }

    fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// The directories of the ROCm at `prefix`.
    fn add_rocm(&mut self, prefix: &Path) {
        ROCM.iter().for_each(|directory| self.add(&prefix.join(directory), None));
        for name in self.resolve(prefix).map(|path| names(&path)).unwrap_or_default() {
            if name.starts_with("core-") {
                self.add(&prefix.join(name).join("lib"), None);
            }
        }
    }

    /// `/opt/rocm`, then `/opt/rocm-*`.
    fn rocm_prefixes(&self) -> Vec<PathBuf> {
        let opt = self.root.join("opt");
        let names = self.resolve(&opt).map(|path| names(&path)).unwrap_or_default();
        let versions = names.iter().filter(|name| name.starts_with("rocm-")).map(|name| opt.join(name));
        [opt.join("rocm")].into_iter().chain(versions).collect()
    }
}
