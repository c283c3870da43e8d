//! The Python wheel: a zip of the tree's files under `.data`, which pip puts into the environment's `bin`, `lib` and `share`. There is no Python in it, and nothing that runs at
//! Python's start.
//!
//! Format: PyPA "Binary distribution format" and "Recording installed projects".

use std::fmt::Write as _;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use object::Endianness;
use object::elf::FileHeader64;
use object::read::elf::{FileHeader, SectionHeader};
use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::{Release, files, licences};

/// What of the tree's `lib` and `share` is in it: what the command needs, and its manual. Fronts are made by `rmcp install --python`, from the libraries that are there.
const DATA: [&str; 3] = ["lib/rmcp/librmcp.so", "lib/rmcp/libvgpu_preload.so", "share/man/man1"];

/// A file of the wheel.
struct File {
    /// In the zip.
    name: String,
    contents: Vec<u8>,
    mode: u32,
}

/// Makes `rmcp-VERSION-py3-none-PLATFORM.whl` in `out`.
pub fn make(release: &Release, tree: &Path, out: &Path) -> Result<PathBuf> {
    let platform = platform(tree)?;
    let tag = format!("py3-none-{platform}");
    let mut list = payload(release, tree)?;
    list.extend(metadata(release, tree, &tag)?);
    list.sort_by(|a, b| a.name.cmp(&b.name));
    let record = record(release, &list);
    // RECORD is recommended to be the last file.
    list.push(record);
    let wheel = out.join(format!("rmcp-{}-{tag}.whl", release.version));
    files::put(&wheel, &archive(release, &list)?, 0o644)?;
    Ok(wheel)
}

fn payload(release: &Release, tree: &Path) -> Result<Vec<File>> {
    let data = format!("rmcp-{}.data", release.version);
    let mut list = vec![File {
        name: format!("{data}/scripts/rmcp"),
        contents: files::read(&tree.join("bin/rmcp"))?,
        mode: 0o755,
    }];
    for name in DATA {
        let path = tree.join(name);
        let found = if path.is_dir() { files::below(&path)? } else { vec![path] };
        for path in found {
            let name = format!("{data}/data/{}", path.strip_prefix(tree)?.display());
            list.push(File { name, contents: files::read(&path)?, mode: 0o644 });
        }
    }
    Ok(list)
}

/// METADATA, WHEEL and the licences.
fn metadata(release: &Release, tree: &Path, tag: &str) -> Result<Vec<File>> {
    let information = format!("rmcp-{}.dist-info", release.version);
    let documents = tree.join("share/doc/rmcp");
    let readme = files::text(&documents.join("README.md"))?;
    let version = release.version;
    let metadata = format!(
        "Metadata-Version: 2.4\nName: rmcp\nVersion: {version}\n\
         Summary: Layer between programs and AMD's ROCm runtime on RDNA1 and RDNA2\n\
         License-Expression: MIT\nLicense-File: LICENSE\nLicense-File: {}\n\
         Classifier: Operating System :: POSIX :: Linux\nRequires-Python: >=3.8\n\
         Description-Content-Type: text/markdown\n\n{readme}",
        licences::FILE
    );
    let wheel = format!("Wheel-Version: 1.0\nGenerator: rmcp-xtask {version}\nRoot-Is-Purelib: false\nTag: {tag}\n");
    let mut list: Vec<File> = [("METADATA", metadata), ("WHEEL", wheel)]
        .map(|(name, text)| File { name: format!("{information}/{name}"), contents: text.into_bytes(), mode: 0o644 })
        .into();
    for name in ["LICENSE", licences::FILE] {
        let contents = files::read(&documents.join(name))?;
        list.push(File { name: format!("{information}/licenses/{name}"), contents, mode: 0o644 });
    }
    Ok(list)
}

/// RECORD: name, digest and size of each file; its own line has neither.
fn record(release: &Release, list: &[File]) -> File {
    let name = format!("rmcp-{}.dist-info/RECORD", release.version);
    let mut text = String::new();
    for File { name, contents, .. } in list {
        let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(contents));
        let _ = writeln!(text, "{name},sha256={digest},{}", contents.len());
    }
    let _ = writeln!(text, "{name},,");
    File { name, contents: text.into_bytes(), mode: 0o644 }
}

fn archive(release: &Release, list: &[File]) -> Result<Vec<u8>> {
    let time = zip_time(release.time)?;
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for File { name, contents, mode } in list {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(9))
            .last_modified_time(time)
            .unix_permissions(*mode);
        zip.start_file(name, options)?;
        zip.write_all(contents)?;
    }
    Ok(zip.finish()?.into_inner())
}

/// A zip has times from 1980 to 2107, of two seconds each.
fn zip_time(seconds: u64) -> Result<DateTime> {
    let time = time::OffsetDateTime::from_unix_timestamp(seconds.try_into()?)?;
    let time = time::PrimitiveDateTime::new(time.date(), time.time());
    DateTime::try_from(time).context("the time of the files is before 1980, which a wheel cannot have")
}

/// The platform tag: glibc's version that the binaries need (PEP 600). They need nothing of libstdc++, and of libgcc_s only what each manylinux has.
fn platform(tree: &Path) -> Result<String> {
    let mut needed = (2, 17);
    for path in files::below(tree)? {
        let bytes = files::read(&path)?;
        if bytes.starts_with(b"\x7fELF") {
            needed = glibc(&bytes).with_context(|| path.display().to_string())?.max(Some(needed)).unwrap_or(needed);
        }
    }
    Ok(format!("manylinux_{}_{}_x86_64", needed.0, needed.1))
}

/// The newest `GLIBC_X.Y` among the versions that a file needs (`.gnu.version_r`).
fn glibc(bytes: &[u8]) -> Result<Option<(u32, u32)>> {
    let header = FileHeader64::<Endianness>::parse(bytes)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, bytes)?;
    let mut newest = None;
    for section in sections.iter() {
        let Some((mut files, link)) = section.gnu_verneed(endian, bytes)? else { continue };
        let strings = sections.strings(endian, bytes, link)?;
        while let Some((_, mut versions)) = files.next()? {
            while let Some(version) = versions.next()? {
                newest = newest.max(glibc_version(version.name(endian, strings)?));
            }
        }
    }
    Ok(newest)
}

/// `(2, 34)` of `GLIBC_2.34`; `GLIBC_PRIVATE` and other libraries' versions have none.
fn glibc_version(name: &[u8]) -> Option<(u32, u32)> {
    let numbers = std::str::from_utf8(name).ok()?.strip_prefix("GLIBC_")?;
    let mut numbers = numbers.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glibcs_versions_are_compared_as_numbers() {
        assert_eq!(glibc_version(b"GLIBC_2.2.5"), Some((2, 2)));
        assert!(glibc_version(b"GLIBC_2.34") > glibc_version(b"GLIBC_2.4"));
        assert_eq!(glibc_version(b"GLIBC_PRIVATE"), None);
        assert_eq!(glibc_version(b"GCC_3.0"), None);
    }
}
