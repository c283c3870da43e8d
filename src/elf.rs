//! What must hold of a file before the loader may map it as a real library.
//!
//! The loader itself crashes on a truncated file (SIGBUS at the first touch of a page behind the end) and on a dynamic tag that leads
//! nowhere, and a front taken for a real library calls itself for ever; so these are found here, from the headers alone. No `unsafe`,
//! and no panic on any input.

use object::Endianness;
use object::elf::{
    DT_GNU_HASH, DT_HASH, DT_NULL, DT_SONAME, DT_STRSZ, DT_STRTAB, DT_SYMTAB, DT_VERDEF, DT_VERNEED, DT_VERSYM,
    EM_X86_64, ET_DYN, FileHeader64, NT_GNU_BUILD_ID, PT_DYNAMIC, PT_LOAD, PT_NOTE, SHT_NOTE,
};
use object::read::ReadRef;
use object::read::elf::{Dyn, FileHeader, NoteIterator, ProgramHeader, SectionHeader};

type Header = FileHeader64<Endianness>;
type Segment = object::elf::ProgramHeader64<Endianness>;

/// No table that is read here is larger than this in a sane library.
const TABLE_LIMIT: u64 = 1 << 20;

/// What the headers of a shared library say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Library {
    /// DT_SONAME; empty when there is none.
    pub soname: String,
    /// NT_GNU_BUILD_ID as lower-case hex; empty when there is none.
    pub build_id: String,
    /// It carries the note (name `RMCP`) that marks a front.
    pub front: bool,
}

/// Why a file cannot be a real library.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Nothing in it.
    #[error("it is empty")]
    Empty,
    /// No ELF magic.
    #[error("it is not an ELF file")]
    NotElf,
    /// ELF, but for another machine, or not a shared library.
    #[error("it is not a 64-bit x86-64 shared library")]
    WrongKind,
    /// A segment reaches behind the end of the file.
    #[error("it is truncated: its segments need {needed} bytes, the file has {present}")]
    Truncated {
        /// Bytes that the segments need.
        needed: u64,
        /// Bytes that there are.
        present: u64,
    },
    /// The headers contradict themselves.
    #[error("its ELF headers are damaged")]
    Damaged,
}

/// Reads the headers of a shared library.
pub fn examine<'data, R: ReadRef<'data>>(data: R) -> Result<Library, Unfit> {
    let size = data.len().map_err(|()| Unfit::NotElf)?;
    let header_size = size_of::<Header>() as u64;
    let ident = data.read_bytes_at(0, size.min(header_size)).map_err(|()| Unfit::NotElf)?;
    if ident.is_empty() {
        return Err(Unfit::Empty);
    }
    if !ident.starts_with(b"\x7fELF") {
        return Err(Unfit::NotElf);
    }
    // ELFCLASS64, ELFDATA2LSB
    if ident.get(4..6).is_some_and(|kind| kind != [2, 1]) {
        return Err(Unfit::WrongKind);
    }
    if size < header_size {
        return Err(Unfit::Truncated { needed: header_size, present: size });
    }
    let header = Header::parse(data).map_err(|_| Unfit::Damaged)?;
    let endian = header.endian().map_err(|_| Unfit::Damaged)?;
    if header.e_machine(endian) != EM_X86_64 || header.e_type(endian) != ET_DYN {
        return Err(Unfit::WrongKind);
    }
    let entries = u64::from(header.e_phnum(endian)) * u64::from(header.e_phentsize(endian));
    let end_of_headers = header.e_phoff(endian).checked_add(entries).ok_or(Unfit::Damaged)?;
    if end_of_headers > size {
        return Err(Unfit::Truncated { needed: end_of_headers, present: size });
    }
    let segments = header.program_headers(endian, data).map_err(|_| Unfit::Damaged)?;
    let mut needed = 0;
    let mut loads = 0;
    for segment in segments.iter().filter(|s| s.p_type(endian) == PT_LOAD) {
        let (offset, length) = segment.file_range(endian);
        needed = needed.max(offset.checked_add(length).ok_or(Unfit::Damaged)?);
        loads += 1;
    }
    if loads == 0 {
        return Err(Unfit::Damaged);
    }
    if needed > size {
        return Err(Unfit::Truncated { needed, present: size });
    }

    let mut library = Library { soname: soname(endian, segments, data)?, ..Library::default() };
    for segment in segments.iter().filter(|s| s.p_type(endian) == PT_NOTE && s.p_filesz(endian) <= TABLE_LIMIT) {
        if let Ok(Some(notes)) = segment.notes(endian, data) {
            library.take(endian, notes);
        }
    }
    // A note may also stand in a section that no segment covers.
    if let Ok(sections) = header.section_headers(endian, data) {
        for section in sections.iter().filter(|s| s.sh_type(endian) == SHT_NOTE && s.sh_size(endian) <= TABLE_LIMIT) {
            if let Ok(Some(notes)) = section.notes(endian, data) {
                library.take(endian, notes);
            }
        }
    }
    Ok(library)
}

impl Library {
    fn take(&mut self, endian: Endianness, mut notes: NoteIterator<'_, Header>) {
        while let Ok(Some(note)) = notes.next() {
            match (note.name(), note.n_type(endian)) {
                (b"GNU", NT_GNU_BUILD_ID) if self.build_id.is_empty() => self.build_id = hex(note.desc()),
                (b"RMCP", _) => self.front = true,
                _ => {}
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Where in the file the byte at a virtual address is, and how many bytes of its segment follow from there on. `None`: it is in no
/// segment, or in the part of one that the file does not hold.
pub fn place(endian: Endianness, segments: &[Segment], address: u64) -> Option<(u64, u64)> {
    segments.iter().filter(|s| s.p_type(endian) == PT_LOAD).find_map(|segment| {
        let (offset, length) = segment.file_range(endian);
        let within = address.checked_sub(segment.p_vaddr(endian)).filter(|within| *within < length)?;
        Some((offset.checked_add(within)?, length - within))
    })
}

/// DT_SONAME through the segments, since a stripped library may have no section headers. The tables that the loader reads without
/// looking at their addresses (glibc `elf/dl-lookup.c`, `elf/dl-version.c`) must be in the file.
fn soname<'data, R: ReadRef<'data>>(endian: Endianness, segments: &[Segment], data: R) -> Result<String, Unfit> {
    let (mut name, mut table, mut table_size) = (None, None, 0);
    for segment in segments.iter().filter(|s| s.p_type(endian) == PT_DYNAMIC && s.p_filesz(endian) <= TABLE_LIMIT) {
        let Ok(Some(entries)) = segment.dynamic(endian, data) else { return Err(Unfit::Damaged) };
        for entry in entries.iter().take_while(|e| e.tag(endian) != DT_NULL) {
            let value = entry.val(endian);
            match entry.tag(endian) {
                DT_SONAME => name = Some(value),
                DT_STRSZ => table_size = value,
                tag @ (DT_STRTAB | DT_SYMTAB | DT_HASH | DT_GNU_HASH | DT_VERSYM | DT_VERDEF | DT_VERNEED) => {
                    place(endian, segments, value).ok_or(Unfit::Damaged)?;
                    if tag == DT_STRTAB {
                        table = Some(value);
                    }
                }
                _ => {}
            }
        }
    }
    let (Some(name), Some(table)) = (name, table) else { return Ok(String::new()) };
    let address = table.checked_add(name).ok_or(Unfit::Damaged)?;
    let limit = table_size.checked_sub(name).ok_or(Unfit::Damaged)?.min(4096);
    let (start, left) = place(endian, segments, address).ok_or(Unfit::Damaged)?;
    let end = start.checked_add(limit.min(left)).ok_or(Unfit::Damaged)?;
    let text = data.read_bytes_at_until(start..end, 0).map_err(|()| Unfit::Damaged)?;
    Ok(String::from_utf8_lossy(text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Any shared library will do: the C library is always there.
    fn sample() -> Vec<u8> {
        let maps = std::fs::read_to_string("/proc/self/maps").expect("maps");
        let path =
            maps.lines().find_map(|l| l.find('/').map(|at| &l[at..]).filter(|p| p.contains("/libc.so"))).expect("libc");
        std::fs::read(path).expect("read libc")
    }

    #[test]
    fn a_shared_library_gives_its_soname_and_build_id() {
        let library = examine(&sample()[..]).expect("libc is a shared library");
        assert_eq!(library.soname, "libc.so.6");
        assert_eq!(library.build_id.len(), 40);
        assert!(!library.front);
    }

    #[test]
    fn a_program_is_not_a_shared_library_of_this_machine_when_its_header_says_so() {
        let mut bytes = sample();
        bytes[16] = 2; // ET_EXEC
        assert_eq!(examine(&bytes[..]), Err(Unfit::WrongKind));
        let mut bytes = sample();
        bytes[18] = 0xb7; // EM_AARCH64
        assert_eq!(examine(&bytes[..]), Err(Unfit::WrongKind));
    }

    #[test]
    fn every_shortened_library_is_unfit() {
        let bytes = sample();
        let segments_end = {
            let header = Header::parse(&bytes[..]).expect("header");
            let endian = header.endian().expect("endian");
            let segments = header.program_headers(endian, &bytes[..]).expect("segments");
            segments
                .iter()
                .filter(|s| s.p_type(endian) == PT_LOAD)
                .map(|s| s.file_range(endian))
                .map(|(o, l)| o + l)
                .max()
                .expect("a load")
        };
        for length in [0, 3, 15, 16, 40, 64, 100, 4096, segments_end as usize - 1] {
            assert!(examine(&bytes[..length]).is_err(), "{length} bytes");
        }
        assert!(examine(&bytes[..segments_end as usize]).is_ok(), "section headers are not needed");
        for length in [7, 5000] {
            assert!(
                matches!(examine(&bytes[..length]), Err(Unfit::Truncated { present, .. }) if present == length as u64)
            );
        }
    }

    /// File offsets of the entries of the dynamic section, and their tags.
    fn dynamic_entries(bytes: &[u8]) -> Vec<(usize, u64)> {
        let header = Header::parse(bytes).expect("header");
        let endian = header.endian().expect("endian");
        let segments = header.program_headers(endian, bytes).expect("segments");
        let dynamic = segments.iter().find(|s| s.p_type(endian) == PT_DYNAMIC).expect("a dynamic section");
        let start = dynamic.p_offset(endian) as usize;
        let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"));
        (start..).step_by(16).map(|at| (at, word(at))).take_while(|(_, tag)| *tag != 0).collect()
    }

    #[test]
    fn a_table_of_the_loader_that_is_not_in_the_file_makes_a_library_unfit() {
        let bytes = sample();
        let end_of_memory = {
            let header = Header::parse(&bytes[..]).expect("header");
            let endian = header.endian().expect("endian");
            let segments = header.program_headers(endian, &bytes[..]).expect("segments");
            let last = segments.iter().rfind(|s| s.p_type(endian) == PT_LOAD).expect("a load");
            assert!(last.p_filesz(endian) < last.p_memsz(endian), "memory without a place in the file");
            last.p_vaddr(endian) + last.p_memsz(endian)
        };
        let tables = [DT_STRTAB, DT_SYMTAB, DT_GNU_HASH, DT_VERSYM, DT_VERDEF, DT_VERNEED];
        for table in tables {
            let entries = dynamic_entries(&bytes);
            let (at, _) = entries.into_iter().find(|(_, tag)| *tag == table.0 as u64).expect("libc has it");
            // Nowhere, behind everything, and in memory that the loader fills with zeros.
            for address in [u64::MAX - 4096, end_of_memory, end_of_memory - 1] {
                let mut bytes = bytes.clone();
                bytes[at + 8..at + 16].copy_from_slice(&address.to_le_bytes());
                assert_eq!(examine(&bytes[..]), Err(Unfit::Damaged), "{table:?} {address:#x}");
            }
        }
    }

    #[test]
    fn text_is_not_elf() {
        assert_eq!(examine(&b"GROUP ( libamdhip64.so.5 )\n"[..]), Err(Unfit::NotElf));
        assert_eq!(examine(&b""[..]), Err(Unfit::Empty));
    }

    proptest! {
        #[test]
        fn damaged_headers_never_panic(edits in prop::collection::vec((0usize..0x1000, any::<u8>()), 1..40), length in 0usize..0x3000) {
            let mut bytes = vec![0u8; 0];
            bytes.extend_from_slice(&sample_head()[..length]);
            for (at, value) in edits {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = value;
                }
            }
            let _ = examine(&bytes[..]);
        }
    }

    proptest! {
        #[test]
        fn damaged_dynamic_sections_never_panic(edits in prop::collection::vec((0usize..600, any::<u8>()), 1..40)) {
            static SAMPLE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
            let mut bytes = SAMPLE.get_or_init(sample).clone();
            let (start, _) = dynamic_entries(&bytes)[0];
            for (at, value) in edits {
                bytes[start + at] = value;
            }
            let _ = examine(&bytes[..]);
        }
    }

    fn sample_head() -> &'static [u8] {
        static HEAD: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
        HEAD.get_or_init(|| sample()[..0x3000].to_vec())
    }
}
