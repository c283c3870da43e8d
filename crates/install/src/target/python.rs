//! A Python environment and where in it AMD's libraries can be. Read from its files: starting its Python would run code of its packages.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::ld_conf::text_of;
use super::{Kind, Search, Target, directory, is_library_name, names};
use crate::Error;
use crate::error::at;

/// Directories below `site-packages` that hold AMD's libraries, under whatever names, in the order in which programs come to them; `*` stands for anything.
const KNOWN: [&str; 8] = [
    "torch/lib",
    "triton/third_party/rocm/lib",
    "triton/backends/amd/lib",
    "pytorch_triton_rocm/third_party/rocm/lib",
    "pytorch_triton_rocm/backends/amd/lib",
    "_rocm_sdk_core*/lib",
    "_rocm_sdk_devel/lib",
    "_rocm_sdk_libraries*/lib",
];
/// How deep below `site-packages`, and into how many directories, is looked.
const DEPTH: usize = 8;
const DIRECTORIES: usize = 100_000;
/// The configuration of a virtual environment.
const VENV: &str = "pyvenv.cfg";

pub fn target(named: &Path) -> Result<Target, Error> {
    let base = directory(&environment(named)?, "--python")?;
    let packages = site_packages(&base);
    let Some(first) = packages.first() else {
        return Err(Error::Broken(format!(
            "{} is no Python environment: it has no lib/python3.*/site-packages; name the directory that `python -c 'import sys; print(sys.prefix)'` prints",
            base.display()
        )));
    };
    let state = state(first);
    let mut search = Search::new(Path::new("/"), &base);
    packages.iter().for_each(|packages| search.add_packages(packages));
    if base.join("conda-meta").is_dir() {
        search.add(&base.join("lib"), None);
    }
    search.add_notes(&packages);
    Ok(search.target(Kind::Python, base, state))
}

/// The state's directory, in the first of an environment's directories of packages.
pub fn state(packages: &Path) -> PathBuf {
    packages.join(".rmcp")
}

/// The environment that was named by its directory or by an interpreter.
fn environment(named: &Path) -> Result<PathBuf, Error> {
    let named = std::path::absolute(named).map_err(at(named, "opened"))?;
    let metadata = named.metadata().map_err(at(&named, "opened"))?;
    if metadata.is_dir() {
        return Ok(named);
    }
    // The interpreter of a virtual environment is a link out of it: as Python does, its own path is looked at first.
    let above = |path: &Path| path.parent().and_then(Path::parent).map(Path::to_owned);
    if let Some(beside) = named.parent().filter(|directory| directory.join(VENV).is_file()) {
        return Ok(beside.to_owned());
    }
    if let Some(above) = above(&named).filter(|directory| directory.join(VENV).is_file()) {
        return Ok(above);
    }
    let refused = |what: &str| {
        let way = "name the directory that `python -c 'import sys; print(sys.prefix)'` prints";
        Err(Error::Refused(format!("{} {what}; {way}", named.display())))
    };
    let interpreter = named.canonicalize().map_err(at(&named, "opened"))?;
    let mut start = Vec::new();
    if metadata.is_file() {
        let file = File::open(&interpreter).map_err(at(&interpreter, "read"))?;
        file.take(4).read_to_end(&mut start).map_err(at(&interpreter, "read"))?;
    }
    match above(&interpreter) {
        _ if start.starts_with(b"#!") => {
            refused("is a script (a shim of pyenv?) and does not say where its environment is")
        }
        Some(above) if start == b"\x7fELF" => Ok(above),
        _ => refused("is neither a directory nor a Python interpreter"),
    }
}

/// Directories of packages, links resolved, each once: the one for compiled packages first, in Python's order. Those that a link leads out of the environment are left out.
pub fn site_packages(base: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for (above, kind) in
        [("local/lib", "dist-packages"), ("lib64", "site-packages"), ("lib", "site-packages"), ("lib", "dist-packages")]
    {
        let mut versions = names(&base.join(above));
        versions.retain(|name| name.starts_with("python3") || name.starts_with("pypy3"));
        versions.sort_by_key(|name| version_of(name));
        let directories = versions.iter().map(|version| base.join(above).join(version).join(kind));
        for path in directories.filter_map(|path| path.canonicalize().ok()) {
            if path.is_dir() && path.starts_with(base) && path.to_str().is_some() && !found.contains(&path) {
                found.push(path);
            }
        }
    }
    found
}

/// 11 of `python3.11`; the newest is first, `python3` before all.
fn version_of(name: &str) -> std::cmp::Reverse<u32> {
    let minor = name.split_once("3.").map(|(_, minor)| minor.trim_end_matches(|c: char| !c.is_ascii_digit()));
    std::cmp::Reverse(minor.map_or(u32::MAX, |minor| minor.parse().unwrap_or(0)))
}

impl Search {
    /// The known directories below `packages`, then all others with files that are named like AMD's libraries.
    fn add_packages(&mut self, packages: &Path) {
        for known in KNOWN {
            known_directories(packages, known).iter().for_each(|path| self.add(path, Some(packages)));
        }
        let mut links = Vec::new();
        let mut left = DIRECTORIES;
        self.walk(packages, packages, DEPTH, &mut left, &mut links);
        if left == 0 {
            self.note(format!(
                "{} has more than {DIRECTORIES} directories; the rest was not looked at",
                packages.display()
            ));
        }
        // Links to directories only add paths of what was found.
        for link in links {
            if link.canonicalize().is_ok_and(|path| self.directories.iter().any(|known| known.path == path)) {
                self.add(&link, Some(packages));
            }
        }
    }

    fn walk(&mut self, packages: &Path, at: &Path, depth: usize, left: &mut usize, links: &mut Vec<PathBuf>) {
        *left = left.saturating_sub(1);
        let entries = match std::fs::read_dir(at) {
            Ok(entries) => entries.flatten(),
            Err(error) => return self.note(format!("{} was not looked at: {error}", at.display())),
        };
        let (mut below, mut holds) = (Vec::new(), false);
        for entry in entries {
            let Ok(kind) = entry.file_type() else { continue };
            match () {
                () if kind.is_dir() => below.push(entry.path()),
                () => {
                    holds |= entry.file_name().to_str().is_some_and(is_library_name);
                    if kind.is_symlink() && entry.path().is_dir() {
                        links.push(entry.path());
                    }
                }
            }
        }
        if holds {
            self.add(at, Some(packages));
        }
        below.sort();
        for directory in below {
            if depth > 0 && *left > 0 {
                self.walk(packages, &directory, depth - 1, left, links);
            }
        }
    }

    /// What Python would look at and we do not.
    fn add_notes(&mut self, packages: &[PathBuf]) {
        let configuration = text_of(&self.within.join(VENV)).unwrap_or_default();
        let setting = |line: &str| {
            let (key, value) = line.split_once('=')?;
            (key.trim().eq_ignore_ascii_case("include-system-site-packages")).then(|| value.trim().to_ascii_lowercase())
        };
        if configuration.lines().find_map(setting).is_some_and(|value| value == "true") {
            let path = self.within.join(VENV);
            self.note(format!("{} lets programs use the packages of the base Python; those were not looked at: name it with --python too", path.display()));
        }
        for packages in packages {
            for name in names(packages).iter().filter(|name| name.ends_with(".pth")) {
                self.add_path_notes(packages, &packages.join(name));
            }
        }
    }

    /// A `.pth` file adds directories, one a line (Python's `site`).
    fn add_path_notes(&mut self, packages: &Path, file: &Path) {
        let text = text_of(file).unwrap_or_default();
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        for line in lines.filter(|line| !line.starts_with("import ") && !line.starts_with("import\t")) {
            match packages.join(line).canonicalize() {
                Ok(path) if path.is_dir() && !path.starts_with(packages) => self.note(format!(
                    "{} adds {} to what programs import; that was not looked at: use --prefix for it",
                    file.display(),
                    path.display()
                )),
                Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                    self.note(format!("{} adds {line}, which was not looked at: {error}", file.display()));
                }
                _ => {}
            }
        }
    }
}

/// Existing directories below `packages` that `pattern` means.
fn known_directories(packages: &Path, pattern: &str) -> Vec<PathBuf> {
    match pattern.split_once('*') {
        None => vec![packages.join(pattern)],
        Some((start, rest)) => {
            let fitting = names(packages).into_iter().filter(|name| name.starts_with(start));
            fitting.map(|name| packages.join(name).join(rest.trim_start_matches('/'))).collect()
        }
    }
}
