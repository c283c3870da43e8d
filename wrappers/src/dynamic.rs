//! What a program or library tells the loader: its dynamic section. Any bytes are read or refused, never a panic.

use object::Endianness;
use object::elf::{
    DF_1_NODEFLIB, DT_FLAGS_1, DT_NEEDED, DT_NULL, DT_RPATH, DT_RUNPATH, DT_SONAME, DT_STRTAB, EM_X86_64, FileHeader64,
    PT_DYNAMIC, PT_INTERP, ProgramHeader64,
};
use object::read::ReadRef;
use object::read::elf::{Dyn, FileHeader, ProgramHeader};

use crate::elf;

/// No dynamic section of a sane file is larger.
const TABLE_LIMIT: u64 = 1 << 20;
/// No name or path list is longer.
const TEXT_LIMIT: u64 = 1 << 16;

/// The entries that decide which libraries are loaded, and from where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dynamic {
    /// DT_NEEDED, in order.
    pub needed: Vec<String>,
    /// DT_SONAME.
    pub soname: Option<String>,
    /// DT_RPATH; the loader ignores it where there is a DT_RUNPATH.
    pub rpath: Option<String>,
    /// DT_RUNPATH.
    pub runpath: Option<String>,
    /// DF_1_NODEFLIB: neither the cache nor the default directories.
    pub no_default_directories: bool,
    /// It asks for a loader: a program that is linked dynamically.
    pub interpreted: bool,
}

impl Dynamic {
    /// The directories of the search path that counts: those of DT_RUNPATH where there is one, else of DT_RPATH.
    pub fn search(&self) -> Vec<String> {
        let list = self.runpath.as_ref().or(self.rpath.as_ref());
        // The loader takes no notice of an empty one, but of an empty entry in one.
        list.filter(|list| !list.is_empty()).map_or_else(Vec::new, |list| list.split(':').map(str::to_owned).collect())
    }
}

/// Reads a 64-bit x86-64 ELF file; `None` for anything else.
pub fn read<'data, R: ReadRef<'data>>(data: R) -> Option<Dynamic> {
    let header = FileHeader64::<Endianness>::parse(data).ok()?;
    let endian = header.endian().ok()?;
    if header.e_machine(endian) != EM_X86_64 {
        return None;
    }
    let segments = header.program_headers(endian, data).ok()?;
    let mut dynamic =
        Dynamic { interpreted: segments.iter().any(|s| s.p_type(endian) == PT_INTERP), ..Dynamic::default() };
    let (mut table, mut texts) = (None, Vec::new());
    for segment in segments.iter().filter(|s| s.p_type(endian) == PT_DYNAMIC && s.p_filesz(endian) <= TABLE_LIMIT) {
        let entries = segment.dynamic(endian, data).ok()??;
        for entry in entries.iter().take_while(|entry| entry.tag(endian) != DT_NULL) {
            let (tag, value) = (entry.tag(endian), entry.val(endian));
            match tag {
                DT_STRTAB => table = Some(value),
                DT_FLAGS_1 => dynamic.no_default_directories = value & DF_1_NODEFLIB.0 != 0,
                DT_NEEDED | DT_SONAME | DT_RPATH | DT_RUNPATH => texts.push((tag, value)),
                _ => {}
            }
        }
    }
    let Some(table) = table else { return Some(dynamic) };
    for (tag, offset) in texts {
        let Some(text) = table.checked_add(offset).and_then(|address| text_at(endian, segments, data, address)) else {
            continue;
        };
        match tag {
            DT_NEEDED => dynamic.needed.push(text),
            DT_SONAME => dynamic.soname = Some(text),
            DT_RPATH => dynamic.rpath = Some(text),
            _ => dynamic.runpath = Some(text),
        }
    }
    Some(dynamic)
}

/// The C string at a virtual address.
pub(crate) fn text_at<'data, R: ReadRef<'data>>(
    endian: Endianness,
    segments: &[ProgramHeader64<Endianness>],
    data: R,
    address: u64,
) -> Option<String> {
    let (start, left) = elf::place(endian, segments, address)?;
    let text = data.read_bytes_at_until(start..start.checked_add(TEXT_LIMIT.min(left))?, 0).ok()?;
    Some(String::from_utf8_lossy(text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A program that is linked dynamically.
    fn sample() -> &'static [u8] {
        static SAMPLE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
        SAMPLE.get_or_init(|| {
            let mut bytes = std::fs::read("/bin/sh").expect("read");
            bytes.truncate(1 << 20);
            bytes
        })
    }

    #[test]
    fn a_programs_needs_are_read() {
        let dynamic = read(sample()).expect("an ELF program");
        assert!(dynamic.interpreted);
        assert!(dynamic.needed.iter().any(|name| name == "libc.so.6"), "{dynamic:?}");
        assert_eq!(read(&b"#!/bin/sh\n"[..]), None);
    }

    proptest! {
        #[test]
        fn damaged_programs_never_panic(edits in prop::collection::vec((0usize..0x1000, any::<u8>()), 1..60), length in 0usize..0x40000) {
            let mut bytes = sample()[..length.min(sample().len())].to_vec();
            for (at, value) in edits {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = value;
                }
            }
            let _ = read(&bytes[..]);
        }

        #[test]
        fn damaged_dynamic_sections_never_panic(edits in prop::collection::vec((0usize..600, any::<u8>()), 1..60)) {
                let mut bytes = sample().to_vec();
            let header = FileHeader64::<Endianness>::parse(&bytes[..]).expect("header");
            let endian = header.endian().expect("endian");
            let segments = header.program_headers(endian, &bytes[..]).expect("segments");
            let dynamic = segments.iter().find(|s| s.p_type(endian) == PT_DYNAMIC).expect("dynamic");
            let start = dynamic.p_offset(endian) as usize;
            for (at, value) in edits {
                if let Some(byte) = bytes.get_mut(start + at) {
                    *byte = value;
                }
            }
            let _ = read(&bytes[..]);
        }
    }

    #[test]
    fn the_run_path_counts_before_the_older_one() {
        let of = |rpath: Option<&str>, runpath: Option<&str>| {
            let (rpath, runpath) = (rpath.map(str::to_owned), runpath.map(str::to_owned));
            Dynamic { rpath, runpath, ..Dynamic::default() }.search()
        };
        assert_eq!(of(Some("/a:/b"), None), ["/a", "/b"]);
        assert_eq!(of(Some("/a"), Some("/b:")), ["/b", ""]);
        assert_eq!(of(Some(""), None), [""; 0]);
    }
}
