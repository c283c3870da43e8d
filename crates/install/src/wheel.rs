//! RECORD, the list of a Python distribution's installed files: CSV of path, hash, size (packaging specification, "Recording installed projects").

use std::collections::{HashMap, HashSet};
use std::path::{Component, Path, PathBuf};

use crate::error::at;
use crate::inventory::is_core_directory;
use crate::{Error, SAVED, files};

/// The distributions of a `site-packages`.
#[derive(Clone, Debug, Default)]
pub struct Distributions {
    /// RECORD and the path as it has it, by the file that is meant.
    owners: HashMap<PathBuf, (PathBuf, String)>,
}

impl Distributions {
    /// Reads the RECORDs of `site_packages/*.dist-info`, as far as they list shared libraries (files with `.so` in their names). A distribution without RECORD, as other
    /// installers than pip may leave it, owns nothing.
    pub fn read(site_packages: &Path) -> Result<Self, Error> {
        let entries = std::fs::read_dir(site_packages).map_err(at(site_packages, "read"))?;
        let paths: Result<Vec<_>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
        let mut paths = paths.map_err(at(site_packages, "read"))?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "dist-info"));
        // Where two list the same file, the same one answers each time.
        paths.sort();
        let mut distributions = Self::default();
        for path in paths.into_iter().map(|directory| directory.join("RECORD")) {
            if let Some(record) = files::read(&path)? {
                distributions.add(site_packages, &path, &record);
            }
        }
        Ok(distributions)
    }

    fn add(&mut self, site_packages: &Path, record: &Path, text: &[u8]) {
        for listed in lines(text).filter_map(path_of) {
            if file_name(&listed).contains(".so") {
                let file = resolved(&site_packages.join(&listed));
                self.owners.entry(file).or_insert_with(|| (record.to_owned(), listed));
            }
        }
    }

    /// The RECORD that lists `path` (absolute), and the path as it has it. A saved library's owner is that of the name it had.
    pub fn owner(&self, path: &Path) -> Option<(PathBuf, String)> {
        let name = path.file_name()?.to_str()?;
        let path = path.with_file_name(name.strip_prefix(SAVED).unwrap_or(name));
        self.owners.get(&resolved(&path)).cloned()
    }
}

/// The path without `..`, and with the links in its directory followed where it exists.
fn resolved(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => _ = plain.pop(),
            component => plain.push(component),
        }
    }
    match (plain.parent().and_then(|directory| directory.canonicalize().ok()), plain.file_name()) {
        (Some(directory), Some(name)) => directory.join(name),
        _ => plain,
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// An entry that we add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Relative to `site-packages`.
    pub path: String,
    /// SHA-256 and size; `None` for a file that changes.
    pub digest: Option<([u8; 32], u64)>,
}

/// RECORD's text with `entries` at its end, in place of all that were ours. Our entries are known by their paths: they contain `/rmcp-real-`, `/rmcp-VERSION-DIGEST/` or begin
/// with `.rmcp/`; no others may be added. With no entries, what is returned is byte for byte what it was before any were added: line ends, quoting and a missing last newline
/// are kept.
///
/// An entry is a line. Ours end as the first line does, and the last line ends, or does not, as the last line did before: a text whose last line is ours and does not end tells
/// that the one before did not end either, so both are undone together. A path with a line end in it is not added: it would be more than a line.
pub fn with_entries(record: &[u8], entries: &[Entry]) -> Vec<u8> {
    let mut text = without_ours(record);
    let end = line_end(&text);
    let is_whole = text.ends_with(b"\n");
    let mut added = HashSet::new();
    for entry in entries.iter().filter(|entry| !entry.path.contains(['\r', '\n']) && added.insert(&entry.path)) {
        debug_assert!(is_ours(&entry.path), "{} would never be removed", entry.path);
        if !is_whole && !text.is_empty() {
            text.extend_from_slice(end);
        }
        text.extend_from_slice(row(entry).as_bytes());
        if is_whole {
            text.extend_from_slice(end);
        }
    }
    text
}

fn without_ours(record: &[u8]) -> Vec<u8> {
    let mut last_is_ours = false;
    let mut theirs = Vec::with_capacity(record.len());
    for line in lines(record) {
        last_is_ours = path_of(line).is_some_and(|path| is_ours(&path));
        if !last_is_ours {
            theirs.extend_from_slice(line);
        }
    }
    if last_is_ours && !record.ends_with(b"\n") && theirs.ends_with(b"\n") {
        // Its end was put there for our entries: the end that they got is that of the first line, if that is another.
        theirs.pop();
        if line_end(&theirs) == b"\r\n" && theirs.ends_with(b"\r") {
            theirs.pop();
        }
    }
    theirs
}

/// How the first line ends: as pip writes it (`\r\n`), or as others do.
fn line_end(text: &[u8]) -> &'static [u8] {
    match lines(text).next() {
        Some(first) if first.ends_with(b"\r\n") => b"\r\n",
        _ => b"\n",
    }
}

/// Lines with their ends.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|&byte| byte == b'\n')
}

/// The path of a line, which is its first field; `None` if it is not text, or a quoted path goes on in the next line.
fn path_of(line: &[u8]) -> Option<String> {
    let line = std::str::from_utf8(line).ok()?.trim_end_matches(['\r', '\n']);
    let Some(quoted) = line.strip_prefix('"') else {
        return line.split(',').next().map(str::to_owned);
    };
    let mut path = String::new();
    let mut rest = quoted;
    loop {
        let (part, behind) = rest.split_once('"')?;
        path.push_str(part);
        match behind.strip_prefix('"') {
            Some(behind) => (path, rest) = (path + "\"", behind),
            None => return (behind.is_empty() || behind.starts_with(',')).then_some(path),
        }
    }
}

fn is_ours(path: &str) -> bool {
    let mut directories = path.split('/').rev().skip(1);
    path.starts_with(".rmcp/") || file_name(path).starts_with(SAVED) || directories.any(is_core_directory)
}

fn row(entry: &Entry) -> String {
    let path = match entry.path.contains([',', '"']) {
        true => format!("\"{}\"", entry.path.replace('"', "\"\"")),
        false => entry.path.clone(),
    };
    match &entry.digest {
        Some((digest, size)) => format!("{path},sha256={},{size}", base64(digest)),
        None => format!("{path},,"),
    }
}

/// The URL-safe alphabet, without padding, as RECORD has digests.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().enumerate().fold(0, |bits, (at, &byte)| bits | u32::from(byte) << (16 - 8 * at));
        let digits = (0..=chunk.len()).map(|at| ALPHABET[(bits >> (18 - 6 * at) & 63) as usize] as char);
        text.extend(digits);
    }
    text
}
