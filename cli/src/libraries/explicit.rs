//! A program that is started through a loader named on the command line, as one runs programs of an unpacked system:
//! `ld-linux-x86-64.so.2 --library-path DIRS PROGRAM`. What `--library-path` says goes before LD_LIBRARY_PATH, which is then not read.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use object::read::ReadCache;

use super::search::Loader;
use rmcp_front::dynamic;

/// DT_SONAME of glibc's loader.
const LOADER: &str = "ld-linux-x86-64.so.2";
/// Its options that take a word (glibc `elf/rtld.c`, `dl_main`); other options take none.
const WITH_WORD: [&str; 7] = [
    "--argv0",
    "--audit",
    "--glibc-hwcaps-mask",
    "--glibc-hwcaps-prepend",
    "--inhibit-rpath",
    "--library-path",
    "--preload",
];

/// How the loader is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explicit {
    /// The program that the loader is to start.
    pub program: PathBuf,
    /// Which of the arguments is the value of `--library-path`.
    library_path: Option<usize>,
    /// Which of the arguments is the value of `--preload`.
    preload: Option<usize>,
}

impl Explicit {
    /// `None` unless `file` is a loader that is given a program.
    pub fn of(file: &Path, arguments: &[OsString]) -> Option<Self> {
        let dynamic = File::open(file).ok().and_then(|file| dynamic::read(&ReadCache::new(file)))?;
        match dynamic.interpreted || dynamic.soname.as_deref() != Some(LOADER) {
            true => None,
            false => Self::parse(arguments),
        }
    }

    pub(super) fn parse(arguments: &[OsString]) -> Option<Self> {
        let (mut library_path, mut preload, mut at) = (None, None, 0);
        loop {
            let word = arguments.get(at)?;
            if !word.as_bytes().starts_with(b"--") {
                return Some(Self { program: word.into(), library_path, preload });
            }
            if WITH_WORD.iter().any(|option| word == option) {
                at += 1;
                match word.to_str() {
                    Some("--library-path") => library_path = Some(at),
                    Some("--preload") => preload = Some(at),
                    _ => {}
                }
            }
            at += 1;
        }
    }

    /// `loader` as these options make it.
    pub fn apply(&self, mut loader: Loader, arguments: &[OsString]) -> Loader {
        let value = |at: Option<usize>| at.and_then(|at| arguments.get(at)).map(|value| value.to_string_lossy());
        if let Some(list) = value(self.library_path) {
            loader.library_path = Loader::path_list(&list);
        }
        if let Some(list) = value(self.preload) {
            // Behind LD_PRELOAD's.
            loader.preload.extend(list.split([':', ' ']).filter(|name| !name.is_empty()).map(str::to_owned));
        }
        loader
    }

    /// Puts `directory` first in `--library-path`; false if there is none, and LD_LIBRARY_PATH counts.
    pub fn prepend(&self, directory: &Path, arguments: &mut [OsString]) -> bool {
        let Some(value) = self.library_path.and_then(|at| arguments.get_mut(at)) else { return false };
        *value = [directory.as_os_str(), value].join(OsStr::new(":"));
        true
    }
}
