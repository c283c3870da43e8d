//! AMD's libraries: where they are, what they are called, and copies of them that are as from another build or another package.

use std::path::{Path, PathBuf};
use std::process::Command;

use object::Object;

use crate::support::succeed;

/// HIP 5.2.3 and ROCr 5.2.3 as Debian 12 installs them: the file and the links that lead to it.
pub const LIBRARIES: [(&str, [&str; 2]); 2] = [
    ("libamdhip64.so.5.2.21153", ["libamdhip64.so.5", "libamdhip64.so"]),
    ("libhsa-runtime64.so.1.5.0", ["libhsa-runtime64.so.1", "libhsa-runtime64.so"]),
];
/// Where Debian has its libraries, below a root.
pub const MULTIARCH: &str = "usr/lib/x86_64-linux-gnu";
/// The same on this machine.
pub const DEBIAN: &str = "/usr/lib/x86_64-linux-gnu";

/// The real library beside its front.
pub fn saved(front: &Path) -> PathBuf {
    front.with_file_name(format!("rmcp-real-{}", front.file_name().expect("a name").to_str().expect("UTF-8")))
}

/// `libamdhip64.so` of `libamdhip64.so.6`.
pub fn bare(soname: &str) -> String {
    soname.trim_end_matches(|c: char| c == '.' || c.is_ascii_digit()).to_owned()
}

/// `libamdhip64-1a2b3c4d.so.5` of `libamdhip64.so.5`: as PyTorch's oldest wheels have it.
pub fn hashed(soname: &str) -> String {
    let hash = if soname.starts_with("libamdhip64") { "1a2b3c4d" } else { "5e6f7a8b" };
    soname.replacen(".so", &format!("-{hash}.so"), 1)
}

/// The build-id of a library, in hexadecimal.
pub fn build_id(file: &Path) -> String {
    build_id_in(&read(file), file).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes to `to` what another build of the same source gives: nothing but the build-id differs. Both may be the same file.
pub fn rebuild(from: &Path, to: &Path) {
    let mut bytes = read(from);
    let id = build_id_in(&bytes, from);
    let at = bytes.windows(id.len()).position(|window| window == id).expect("the build-id is in the file");
    bytes[at..at + id.len()].iter_mut().for_each(|byte| *byte ^= 0x5a);
    std::fs::write(to, bytes).expect("write");
    std::fs::set_permissions(to, from.metadata().expect("metadata").permissions()).expect("mode");
}

fn read(file: &Path) -> Vec<u8> {
    std::fs::read(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

fn build_id_in(bytes: &[u8], file: &Path) -> Vec<u8> {
    let elf = object::File::parse(bytes).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    elf.build_id().expect("notes").unwrap_or_else(|| panic!("{}: no build-id", file.display())).to_owned()
}

// patchelf 0.14 does one thing at a time: together, it writes the one's text for the other.

pub fn patchelf(file: &Path, arguments: &[&str]) {
    succeed(Command::new("patchelf").args(arguments).arg(file));
}

/// A search path of its own, by which a library finds others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchPath {
    /// DT_RPATH.
    Rpath,
    /// DT_RUNPATH.
    Runpath,
}

impl SearchPath {
    pub fn set(self, file: &Path, path: &str) {
        // An old DT_RPATH stays one unless it is removed.
        patchelf(file, &["--remove-rpath"]);
        match self {
            Self::Rpath => patchelf(file, &["--force-rpath", "--set-rpath", path]),
            Self::Runpath => patchelf(file, &["--set-rpath", path]),
        }
    }
}
