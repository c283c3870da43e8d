//! dpkg's database, read by us, and `dpkg-divert`, which changes it.
//!
//! Read: `var/lib/dpkg/info/*.list` (one path a line) and `var/lib/dpkg/diversions` (three lines each: from, to, package or `:`).
//!
//! `dpkg-divert` takes none of dpkg's locks, and works beside a running dpkg (tried with 1.21.22 and 1.22.22): [`must_be_free`] asks for them instead, once, before a
//! transaction. With `--root` it does not change its root: it reads and writes `DIR/var/lib/dpkg`, and the paths given are those inside `DIR`. It leaves the list as it was
//! before as `diversions-old`.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::{Flock, FlockType, fcntl_getlk};

use crate::error::at;
use crate::{Error, files};

/// dpkg's directory, below a root.
const DATABASE: &str = "var/lib/dpkg";
/// The program that changes diversions.
const DIVERT: &str = "dpkg-divert";
/// Who diverts with `--local`, in the list of diversions.
const LOCAL: &str = ":";
/// Directories that are links to those of the same names in `/usr` where it is merged.
const MERGED: [&str; 5] = ["lib", "lib64", "lib32", "libx32", "libo32"];

/// The database below a root.
#[derive(Clone, Debug, Default)]
pub struct Database {
    /// Names of packages by the paths of their files.
    owners: HashMap<PathBuf, String>,
    diversions: Vec<Diversion>,
    /// Those of [`MERGED`] that are.
    merged: Vec<&'static str>,
}

/// A diversion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diversion {
    /// The file that is diverted, inside the root.
    pub from: PathBuf,
    /// Where packages' versions of it go, inside the root.
    pub to: PathBuf,
    /// Who diverted it; `:` is the administrator (`--local`).
    pub by: String,
}

impl Database {
    /// Reads the database below `root`, as far as shared libraries are concerned (files with `.so` in their names); empty where there is none.
    pub fn read(root: &Path) -> Result<Self, Error> {
        let mut database = Self::with_diversions(root)?;
        let info = root.join(DATABASE).join("info");
        let Some(entries) = if_there(std::fs::read_dir(&info)).map_err(at(&info, "read"))? else {
            return Ok(database);
        };
        let paths: Result<Vec<_>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
        let mut lists = paths.map_err(at(&info, "read"))?;
        lists.retain(|path| path.extension() == Some(OsStr::new("list")));
        // Packages of several architectures may have a file in common: the same one answers each time.
        lists.sort();
        for path in lists {
            // dpkg may be at work: a list that is gone by now is that of a package that is.
            if let Some(list) = if_there(std::fs::read(&path)).map_err(at(&path, "read"))? {
                database.add_list(&path.file_stem().unwrap_or_default().to_string_lossy(), &list);
            }
        }
        Ok(database)
    }

    /// As [`Database::read`], without the files of packages.
    fn with_diversions(root: &Path) -> Result<Self, Error> {
        let path = root.join(DATABASE).join("diversions");
        let list = if_there(std::fs::read(&path)).map_err(at(&path, "read"))?.unwrap_or_default();
        let is_merged = |name: &&str| {
            std::fs::read_link(root.join(name)).is_ok_and(|link| link.strip_prefix("/").unwrap_or(&link) == usr(name))
        };
        Ok(Self {
            owners: HashMap::new(),
            diversions: read_diversions(&list),
            merged: MERGED.into_iter().filter(is_merged).collect(),
        })
    }

    fn add_list(&mut self, package: &str, list: &[u8]) {
        for path in list.split(|&byte| byte == b'\n').filter(|path| names_a_library(path)) {
            self.owners.entry(to_path(path)).or_insert_with(|| package.to_owned());
        }
    }

    /// The package that `path` (inside the root) belongs to, and the path as the database has it: with or without a merged `/usr`. A diverted path is its package's still.
    pub fn owner(&self, path: &Path) -> Option<(String, PathBuf)> {
        self.names(path).find_map(|name| Some((self.owners.get(&name)?.clone(), name)))
    }

    /// The diversion of `path` (inside the root), if any.
    pub fn diversion(&self, path: &Path) -> Option<&Diversion> {
        self.names(path).find_map(|name| self.diversions.iter().find(|diversion| diversion.from == name))
    }

    /// All diversions to a name of ours (`rmcp-real-…`).
    pub fn ours(&self) -> Vec<&Diversion> {
        self.diversions.iter().filter(|diversion| diversion.is_ours()).collect()
    }

    /// `path`, and the other name that it has in a merged `/usr`.
    fn names(&self, path: &Path) -> impl Iterator<Item = PathBuf> {
        let other = self.merged.iter().find_map(|name| {
            let top = Path::new("/").join(name);
            let below_usr = Path::new("/").join(usr(name));
            let moved = |from: &Path, to: &Path| path.strip_prefix(from).ok().map(|rest| to.join(rest));
            moved(&top, &below_usr).or_else(|| moved(&below_usr, &top))
        });
        [Some(path.to_owned()), other].into_iter().flatten()
    }
}

impl Diversion {
    /// Made by an installation: the administrator's, to the name that RMCP gives.
    pub(crate) fn is_ours(&self) -> bool {
        self.by == LOCAL && self.to == files::saved(&self.from)
    }
}

/// `lib` of `/usr`.
fn usr(name: &str) -> PathBuf {
    Path::new("usr").join(name)
}

/// `None` if there is no such file.
fn if_there<T>(result: std::io::Result<T>) -> std::io::Result<Option<T>> {
    match result {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        result => result.map(Some),
    }
}

fn to_path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes.to_vec()))
}

fn names_a_library(path: &[u8]) -> bool {
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    name.windows(3).any(|part| part == b".so")
}

fn read_diversions(list: &[u8]) -> Vec<Diversion> {
    let lines: Vec<_> = list.split(|&byte| byte == b'\n').collect();
    let diversion = |lines: &[&[u8]]| Diversion {
        from: to_path(lines[0]),
        to: to_path(lines[1]),
        by: String::from_utf8_lossy(lines[2]).into_owned(),
    };
    lines.chunks_exact(3).map(diversion).collect()
}

/// Refuses while another process has one of dpkg's locks: it could unpack a library while fronts are made. Not within a package's script, which runs under that lock.
pub fn must_be_free(root: &Path) -> Result<(), Error> {
    if std::env::var_os("DPKG_MAINTSCRIPT_PACKAGE").is_some() {
        return Ok(());
    }
    for name in ["lock-frontend", "lock"] {
        // Without the right to open it, there is none to change the database, and that will be said.
        let Ok(file) = File::open(root.join(DATABASE).join(name)) else { continue };
        if let Ok(Some(Flock { pid, .. })) = fcntl_getlk(&file, &Flock::from(FlockType::WriteLock)) {
            let pid = pid.map_or(0, |pid| pid.as_raw_nonzero().get());
            return Err(Error::Refused(format!(
                "process {pid} is installing or removing packages (it holds {}); wait until it is done, then try again",
                root.join(DATABASE).join(name).display()
            )));
        }
    }
    Ok(())
}

/// Adds a local diversion of `path` to `to` (both inside `root`), without moving the file; no error if it is there already. Refused if somebody else has diverted the file.
pub fn divert(root: &Path, path: &Path, to: &Path) -> Result<(), Error> {
    let database = Database::with_diversions(root)?;
    match database.diversion(path) {
        Some(diversion) if diversion.to == to && diversion.by == LOCAL => Ok(()),
        Some(diversion) => Err(Error::Refused(in_the_way(diversion))),
        None => change(DIVERT, root, "--add", path, to),
    }
}

/// Removes it; no error if it is not there.
pub fn undivert(root: &Path, path: &Path, to: &Path) -> Result<(), Error> {
    let database = Database::with_diversions(root)?;
    match database.diversion(path) {
        Some(diversion) if diversion.to == to && diversion.by == LOCAL => {
            change(DIVERT, root, "--remove", &diversion.from, to)
        }
        _ => Ok(()),
    }
}

fn in_the_way(diversion: &Diversion) -> String {
    let Diversion { from, to, by } = diversion;
    let (who, way_out) = match by.as_str() {
        LOCAL => ("the administrator".into(), format!("take that back with `dpkg-divert --remove {}`", from.display())),
        package => (format!("the package {package}"), format!("remove {package}")),
    };
    format!(
        "{} has been diverted to {} by {who}, and dpkg allows one diversion of a file; {way_out}, then try again",
        from.display(),
        to.display()
    )
}

fn change(program: &str, root: &Path, action: &str, path: &Path, to: &Path) -> Result<(), Error> {
    let mut command = Command::new(program);
    // The root is what we say, whatever a package's script was told; and the message is not in the user's language, as ours is not.
    command.env_remove("DPKG_ROOT").env_remove("DPKG_ADMINDIR").env("LC_ALL", "C").stdin(Stdio::null());
    if root != Path::new("/") {
        command.arg("--root").arg(root);
    }
    command.args(["--local", "--no-rename", "--divert"]).arg(to).arg(action).arg(path);
    let output = command.output().map_err(|error| {
        Error::Broken(format!(
            "{} belongs to a package of dpkg's, but {program} cannot be started ({error}); \
             install dpkg, or run `rmcp` inside {} by chroot",
            path.display(),
            root.display()
        ))
    })?;
    if output.status.success() {
        return Ok(());
    }
    Err(Error::Broken(format!(
        "{program} {action} {} failed below {} ({}); put that right, then try again",
        path.display(),
        root.display(),
        reason(&output)
    )))
}

/// What the program said, in one line, or how it ended.
fn reason(output: &std::process::Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<_> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    match lines.join("; ") {
        nothing if nothing.is_empty() => output.status.to_string(),
        said => said.trim_start_matches("dpkg-divert: error: ").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(&b"/\n:.so"[..])], 0..200)) {
            let mut database = Database { merged: MERGED.to_vec(), ..Database::default() };
            database.add_list("package", &bytes);
            database.diversions = read_diversions(&bytes);
            prop_assert!(database.ours().len() <= database.diversions.len());
            for path in bytes.split(|&byte| byte == b'\n') {
                prop_assert_eq!(database.owner(&to_path(path)).is_some(), names_a_library(path));
                let _ = database.diversion(&to_path(path));
            }
        }
    }

    #[test]
    fn without_dpkg_divert_the_sentence_says_what_to_install() {
        let (path, to) = (Path::new("/usr/lib/a.so"), Path::new("/usr/lib/rmcp-real-a.so"));
        let error = change("no-such-dpkg-divert", Path::new("/srv/tree"), "--add", path, to);
        let Err(Error::Broken(sentence)) = error else { panic!("{error:?}") };
        assert!(sentence.starts_with("/usr/lib/a.so belongs to a package") && sentence.contains("install dpkg"));
    }
}
