//! `/etc/ld.so.cache`: which file a name leads to. Format: glibc `sysdeps/generic/dl-cache.h`, 2.36. Any bytes are read or ignored.

use std::path::PathBuf;

/// Where the loader has it.
pub const FILE: &str = "/etc/ld.so.cache";

const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
/// `struct cache_file` of the format before, after which a compatible file has the new one at a multiple of 8.
const OLD_MAGIC: &[u8] = b"ld.so-1.7.0";
const HEADER: usize = 48;
const ENTRY: usize = 24;
/// FLAG_ELF_LIBC6 | FLAG_X8664_LIB64.
const X86_64: u32 = 0x0303;

/// Name and file, in the loader's order of preference.
#[derive(Clone, Debug, Default)]
pub struct LdCache(Vec<(String, PathBuf)>);

impl LdCache {
    /// The system's.
    pub fn system() -> Self {
        Self::parse(&std::fs::read(FILE).unwrap_or_default())
    }

    /// Reads a cache; what is not understood is left out.
    pub fn parse(bytes: &[u8]) -> Self {
        Self(Self::entries(bytes).unwrap_or_default())
    }

    fn entries(bytes: &[u8]) -> Option<Vec<(String, PathBuf)>> {
        let bytes = match bytes.strip_prefix(OLD_MAGIC) {
            Some(_) => {
                // char magic[11], padding, unsigned nlibs, then 12 bytes for each
                let old = 16 + 12 * number(bytes, 12)? as usize;
                bytes.get(old.next_multiple_of(8)..)?
            }
            None => bytes,
        };
        if !bytes.starts_with(MAGIC) {
            return None;
        }
        let count = number(bytes, 20)? as usize;
        let table = bytes.get(HEADER..)?;
        let entry = |entry: &[u8]| {
            let hardware = u64::from(number(entry, 16)?) | u64::from(number(entry, 20)?);
            // Variants for newer processors have a name of their own in glibc-hwcaps; AMD ships none.
            if number(entry, 0)? != X86_64 || hardware != 0 {
                return None;
            }
            let text = |at: u32| {
                let text = bytes.get(at as usize..)?;
                let end = text.iter().position(|byte| *byte == 0)?;
                std::str::from_utf8(&text[..end]).ok().map(str::to_owned)
            };
            Some((text(number(entry, 4)?)?, PathBuf::from(text(number(entry, 8)?)?)))
        };
        Some(table.chunks_exact(ENTRY).take(count).filter_map(entry).collect())
    }

    /// The files of a name.
    pub fn files(&self, name: &str) -> impl Iterator<Item = &PathBuf> {
        self.0.iter().filter(move |(found, _)| found == name).map(|(_, path)| path)
    }

    /// All names with their files.
    pub fn all(&self) -> impl Iterator<Item = (&str, &PathBuf)> {
        self.0.iter().map(|(name, path)| (name.as_str(), path))
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_systems_cache_knows_the_c_library() {
        let cache = LdCache::system();
        let path = cache.files("libc.so.6").next().expect("libc.so.6 is in every cache");
        assert!(path.is_file(), "{}", path.display());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(mut bytes in prop::collection::vec(any::<u8>(), 0..400), old: bool, magic: bool) {
            if magic {
                let start = if old { OLD_MAGIC } else { MAGIC };
                bytes.splice(0..start.len().min(bytes.len()), start.iter().copied());
            }
            let _ = LdCache::parse(&bytes).files("x").count();
        }

        #[test]
        fn a_damaged_cache_is_read(edits in prop::collection::vec((0usize..4096, any::<u8>()), 1..20)) {
            let mut bytes = std::fs::read(FILE).expect("read");
            for (at, value) in edits {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = value;
                }
            }
            let _ = LdCache::parse(&bytes).files("x").count();
        }
    }
}
