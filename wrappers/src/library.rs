//! What a library exports, read from its dynamic symbol table and version definitions.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use object::elf::{self, FileHeader64, ProgramHeader64};
use object::read::ReadRef;
use object::read::elf::{Dyn, FileHeader, ProgramHeader, Sym};
use object::{Endianness, SymbolIndex};
use serde::{Deserialize, Serialize};

use crate::dynamic::{self, Dynamic};
use crate::{Error, elf as headers};

/// A shared library, as its users see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    /// Absolute path of the file.
    pub path: PathBuf,
    /// DT_SONAME.
    pub soname: String,
    /// NT_GNU_BUILD_ID in lower-case hex; empty if there is none.
    pub build_id: String,
    /// Version nodes in the order of their definitions, without the base.
    pub nodes: Vec<Node>,
    /// Exported functions and data, sorted by name.
    pub exports: Vec<Export>,
    /// What it tells the loader: what it needs, and where that is.
    pub dynamic: Dynamic,
}

/// A version node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its name, e.g. `hip_4.2`.
    pub name: String,
    /// The nodes that it names as its predecessors.
    pub parents: Vec<String>,
}

/// An exported symbol.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Export {
    /// Symbol name.
    pub name: String,
    /// Its version node; empty for an unversioned one.
    pub node: String,
    /// Function or data.
    #[serde(default, skip_serializing_if = "Kind::is_function")]
    pub kind: Kind,
    /// Global or weak.
    #[serde(default, skip_serializing_if = "Binding::is_global")]
    pub binding: Binding,
    /// Bytes of a data symbol; 0 for functions.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub size: u64,
}

fn is_zero(size: &u64) -> bool {
    *size == 0
}

/// What an exported symbol is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// STT_FUNC.
    #[default]
    Function,
    /// STT_OBJECT.
    Object,
}

impl Kind {
    fn is_function(&self) -> bool {
        *self == Kind::Function
    }
}

/// How an exported symbol binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Binding {
    /// STB_GLOBAL.
    #[default]
    Global,
    /// STB_WEAK.
    Weak,
}

impl Binding {
    fn is_global(&self) -> bool {
        *self == Binding::Global
    }
}

/// Whether these are the bytes of a front.
pub fn is_front(bytes: &[u8]) -> bool {
    headers::examine(bytes).is_ok_and(|library| library.front)
}

impl Library {
    /// Reads the real library at `path`, which must not be a front.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let library = Self::read_any(path)?;
        match library.1 {
            true => Err(unfit(path, "it is an RMCP front itself")),
            false => Ok(library.0),
        }
    }

    /// Reads a real library or a front; the second value says which.
    pub(crate) fn read_any(path: &Path) -> Result<(Self, bool), Error> {
        let bytes = contents(path)?;
        let examined = headers::examine(&bytes[..]).map_err(|reason| unfit(path, &reason.to_string()))?;
        let absolute =
            std::path::absolute(path).map_err(|source| Error::Unreadable { path: path.to_owned(), source })?;
        if examined.soname.is_empty() {
            return Err(unfit(path, "it has no SONAME"));
        }
        let (nodes, exports) = symbols(&bytes).map_err(|reason| unfit(path, &reason))?;
        if exports.is_empty() {
            return Err(unfit(path, "it exports nothing"));
        }
        let dynamic = dynamic::read(&bytes[..]).unwrap_or_default();
        let library =
            Library { path: absolute, soname: examined.soname, build_id: examined.build_id, nodes, exports, dynamic };
        Ok((library, examined.front))
    }
}

/// What is in a regular file.
pub(crate) fn contents(path: &Path) -> Result<Vec<u8>, Error> {
    let unreadable = |source| Error::Unreadable { path: path.to_owned(), source };
    // A FIFO would wait for a writer, and a device need not end.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(unfit(path, "it is not a regular file"));
    }
    std::fs::read(path).map_err(unreadable)
}

fn unfit(path: &Path, reason: &str) -> Error {
    Error::Unfit { path: path.to_owned(), reason: reason.to_owned() }
}

/// Version nodes and exports of a library whose headers have been examined.
fn symbols(bytes: &[u8]) -> Result<(Vec<Node>, Vec<Export>), String> {
    let damaged = |what: &'static str| move |error: object::read::Error| format!("its {what} is damaged ({error})");
    let header = FileHeader64::<Endianness>::parse(bytes).map_err(damaged("header"))?;
    let endian = header.endian().map_err(damaged("header"))?;
    let segments = header.program_headers(endian, bytes).map_err(damaged("program headers"))?;
    if !definitions_are_whole(bytes, endian, segments) {
        return Err("its version definitions are damaged (DT_VERDEF, DT_VERDEFNUM)".to_owned());
    }
    let sections = header.sections(endian, bytes).map_err(damaged("section table"))?;
    let table = sections.symbols(endian, bytes, elf::SHT_DYNSYM).map_err(damaged("dynamic symbol table"))?;
    let versions = sections.versions(endian, bytes).map_err(damaged("version table"))?;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| "a symbol name is not UTF-8".to_owned());

    let mut nodes = Vec::new();
    if let Some((mut definitions, link)) = sections.gnu_verdef(endian, bytes).map_err(damaged("version definitions"))? {
        let strings = sections.strings(endian, bytes, link).map_err(damaged("string table"))?;
        while let Some((definition, mut names)) = definitions.next().map_err(damaged("version definitions"))? {
            let mut chain = Vec::new();
            while let Some(name) = names.next().map_err(damaged("version definitions"))? {
                chain.push(text(name.name(endian, strings).map_err(damaged("version definitions"))?)?);
            }
            if definition.vd_flags.get(endian).contains(elf::VER_FLG_BASE) || chain.is_empty() {
                continue;
            }
            nodes.push(Node { name: chain.remove(0), parents: chain });
        }
    }

    let mut exports = BTreeMap::new();
    for (index, symbol) in table.enumerate() {
        let section = symbol.st_shndx(endian);
        if section == elf::SHN_UNDEF || section == elf::SHN_ABS || symbol.st_value(endian) == 0 {
            continue;
        }
        let binding = match symbol.st_bind() {
            elf::STB_GLOBAL => Binding::Global,
            elf::STB_WEAK => Binding::Weak,
            _ => continue,
        };
        let name = text(table.symbol_name(endian, symbol).map_err(damaged("dynamic symbol table"))?)?;
        let kind = match symbol.st_type() {
            elf::STT_FUNC => Kind::Function,
            elf::STT_OBJECT => Kind::Object,
            _ => return Err(format!("it exports {name}, which is neither a plain function nor plain data")),
        };
        let mut node = String::new();
        if let Some(versions) = &versions {
            let version = versions.version_index(endian, SymbolIndex(index.0));
            if version.is_hidden() {
                return Err(format!("it exports {name} in an older version besides the current one"));
            }
            if let Some(version) = versions.version(version.index()).map_err(damaged("version table"))? {
                node = text(version.name())?;
            }
        }
        let size = if kind == Kind::Object { symbol.st_size(endian) } else { 0 };
        exports.insert(name.clone(), Export { name, node, kind, binding, size });
    }
    Ok((nodes, exports.into_values().collect()))
}

/// Whether the chain of version definitions that the loader follows, from DT_VERDEF and not from the section table, is in the file
/// and has DT_VERDEFNUM entries.
fn definitions_are_whole(bytes: &[u8], endian: Endianness, segments: &[ProgramHeader64<Endianness>]) -> bool {
    let tag = |wanted| {
        let dynamic = segments.iter().find_map(|segment| segment.dynamic(endian, bytes).ok()?)?;
        let mut entries = dynamic.iter().take_while(|entry| entry.tag(endian) != elf::DT_NULL);
        entries.find(|entry| entry.tag(endian) == wanted).map(|entry| entry.val(endian))
    };
    let Some(mut address) = tag(elf::DT_VERDEF) else { return true };
    let wanted = tag(elf::DT_VERDEFNUM).unwrap_or(0);
    for count in 1..=wanted {
        let Some((offset, _)) = headers::place(endian, segments, address) else { return false };
        let Ok(definition) = bytes.read_at::<elf::Verdef<Endianness>>(offset) else { return false };
        match definition.vd_next.get(endian) {
            0 => return count == wanted,
            next => address = address.saturating_add(next.into()),
        }
    }
    false
}
