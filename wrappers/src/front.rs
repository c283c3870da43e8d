//! What a front says about itself.

use std::path::{Path, PathBuf};

use object::Endianness;
use object::elf::{FileHeader64, R_X86_64_RELATIVE, SHT_RELA};
use object::read::elf::{FileHeader, Rela, SectionHeader, SectionTable};

use crate::emit::{MAGIC, REAL_BUILD_ID, REAL_PATH};
use crate::library::contents;
use crate::{ABI, Error, dynamic, elf as headers};

/// A front, as read from its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Front {
    /// DT_SONAME.
    pub soname: String,
    /// Version of the contract with the core that it was made for. Of another than [`crate::ABI`] nothing more is known of the real library: the next two are empty.
    pub abi: u32,
    /// The real library: an absolute path, or a file name without `/`, which is looked for beside the front.
    pub real_path: PathBuf,
    /// NT_GNU_BUILD_ID of the library that it was made for; empty: any.
    pub real_build_id: String,
    /// Entries of DT_RUNPATH or DT_RPATH.
    pub search: Vec<String>,
}

impl Front {
    /// Reads the front at `path`; a file that is none is an error. No panic on any file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        Self::parse(&contents(path)?).map_err(|reason| Error::NotFront { path: path.to_owned(), reason })
    }

    /// Reads the bytes of a front, or says in a clause why they are none.
    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let library = headers::examine(bytes).map_err(|unfit| unfit.to_string())?;
        if !library.front {
            return Err("it has no RMCP note".to_owned());
        }
        let damaged = || "its descriptor is damaged".to_owned();
        let search = dynamic::read(bytes).ok_or_else(damaged)?.search();
        let descriptor = Descriptor::find(bytes).ok_or_else(damaged)?;
        let text = |field| match descriptor.abi == ABI {
            true => descriptor.text(field).ok_or_else(damaged),
            false => Ok(String::new()),
        };
        Ok(Front {
            soname: library.soname,
            abi: descriptor.abi,
            real_path: text(REAL_PATH)?.into(),
            real_build_id: text(REAL_BUILD_ID)?,
            search,
        })
    }
}

/// `struct rmcp_front` in a file. Its pointers are not in its bytes: the loader makes them, from R_X86_64_RELATIVE relocations.
struct Descriptor<'a> {
    bytes: &'a [u8],
    endian: Endianness,
    header: &'a FileHeader64<Endianness>,
    sections: SectionTable<'a, FileHeader64<Endianness>>,
    address: u64,
    abi: u32,
}

impl<'a> Descriptor<'a> {
    /// It stands at the start of `.data`.
    fn find(bytes: &'a [u8]) -> Option<Self> {
        let header = FileHeader64::<Endianness>::parse(bytes).ok()?;
        let endian = header.endian().ok()?;
        let sections = header.sections(endian, bytes).ok()?;
        let (_, section) = sections.section_by_name(endian, b".data")?;
        let data = section.data(endian, bytes).ok()?;
        let word = |at: usize| Some(u32::from_le_bytes(data.get(at..at + 4)?.try_into().ok()?));
        if word(0)? != MAGIC {
            return None;
        }
        let (address, abi) = (section.sh_addr(endian), word(4)?);
        Some(Self { bytes, endian, header, sections, address, abi })
    }

    /// The string that a pointer of it points to.
    fn text(&self, field: u64) -> Option<String> {
        let place = self.address.checked_add(field)?;
        let tables = self.sections.iter().filter(|section| section.sh_type(self.endian) == SHT_RELA);
        let relocation = tables
            .filter_map(|section| section.rela(self.endian, self.bytes).ok()?)
            .flat_map(|(relocations, _)| relocations)
            .find(|relocation| relocation.r_offset(self.endian) == place)?;
        if relocation.r_type(self.endian, false) != R_X86_64_RELATIVE {
            return None;
        }
        let target = u64::try_from(relocation.r_addend(self.endian)).ok()?;
        let segments = self.header.program_headers(self.endian, self.bytes).ok()?;
        dynamic::text_at(self.endian, segments, self.bytes, target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Binding, Export, Kind, Library, Options, build};
    use proptest::prelude::*;

    fn library() -> Library {
        let export = |name: &str| Export {
            name: name.to_owned(),
            node: String::new(),
            kind: Kind::Function,
            binding: Binding::Global,
            size: 0,
        };
        Library {
            path: "/somewhere/libamdhip64.so.5".into(),
            soname: "libamdhip64.so.5".to_owned(),
            build_id: "00ff".to_owned(),
            nodes: Vec::new(),
            exports: vec![export("hipFree"), export("hipMalloc")],
            dynamic: dynamic::Dynamic { runpath: Some("/a:$ORIGIN".to_owned()), ..Default::default() },
        }
    }

    fn installed() -> Vec<u8> {
        let core = ["$ORIGIN/rmcp-1".to_owned(), "/lib/rmcp-1".to_owned()];
        build(&library(), &Options::beside(&library(), "rmcp-real-libamdhip64.so.5", &core))
    }

    #[test]
    fn a_front_says_what_it_was_made_of() {
        let mut front = Front {
            soname: "libamdhip64.so.5".to_owned(),
            abi: ABI,
            real_path: "rmcp-real-libamdhip64.so.5".into(),
            real_build_id: "00ff".to_owned(),
            search: ["$ORIGIN/rmcp-1", "/lib/rmcp-1", "/a", "$ORIGIN"].map(str::to_owned).to_vec(),
        };
        assert_eq!(Front::parse(&installed()), Ok(front.clone()));
        front.real_path = library().path;
        front.search.clear();
        assert_eq!(Front::parse(&build(&library(), &Options::default())), Ok(front));
    }

    #[test]
    fn a_front_of_another_format_is_read_no_further_than_its_format() {
        let mut bytes = installed();
        let magic = bytes.windows(4).position(|word| word == MAGIC.to_le_bytes()).expect("a descriptor");
        bytes[magic + 4] = 77;
        let front = Front::parse(&bytes).expect("a front");
        assert_eq!((front.abi, front.soname.as_str(), front.search.len()), (77, "libamdhip64.so.5", 4));
        assert_eq!((front.real_path, front.real_build_id.as_str()), (PathBuf::new(), ""));
        bytes[magic] = 0;
        assert_eq!(Front::parse(&bytes), Err("its descriptor is damaged".to_owned()));
    }

    proptest! {
        #[test]
        fn a_damaged_front_never_panics(edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..40), cut in any::<prop::sample::Index>()) {
            let whole = installed();
            // Where something is written: much of the file is filling.
            let written: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] != 0).collect();
            let mut bytes = whole;
            for (at, value) in &edits {
                bytes[written[at.index(written.len())]] = *value;
            }
            let _ = Front::parse(&bytes);
            bytes.truncate(cut.index(bytes.len()));
            let _ = Front::parse(&bytes);
        }
    }
}
