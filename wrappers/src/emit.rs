//! The bytes of a front. File offsets and virtual addresses are the same; three PT_LOADs, each from a page boundary:
//! tables (read), code (read, execute), descriptor and slots (read, write; the constant part is RELRO).

use object::Endianness;
use object::elf;
use object::write::StringId;
use object::write::elf::{FileHeader, ProgramHeader, Rel, SectionHeader, SectionIndex, Sym, Verdef, Writer};

use crate::library::{Binding, Export, Kind, Library};
use crate::text::{STUB, Text};
use crate::{ABI, CORE, Layer};

const PAGE: u64 = 4096;
/// RMCP_FRONT_MAGIC.
pub(crate) const MAGIC: u32 = 0x464d_4352;
/// Offsets in `struct rmcp_front`.
pub(crate) const REAL_PATH: u64 = 24;
pub(crate) const REAL_BUILD_ID: u64 = 32;
/// Bytes of `struct rmcp_front` and of `struct rmcp_front_object`.
const DESCRIPTOR: u64 = 80;
const OBJECT: u64 = 32;
const BLOOM_SHIFT: u32 = 6;

/// What a front says besides what its library exports.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Search path: where the loader looks for the core and for what is needed besides; empty for none.
    pub runpath: Vec<String>,
    /// That is a DT_RPATH, not a DT_RUNPATH.
    pub rpath: bool,
    /// What the front needs besides the core, by DT_NEEDED.
    pub needed: Vec<String>,
    /// The real library's file name, if it stands beside the front: then the front has this instead of its absolute path, and the two can be moved together.
    pub beside: Option<String>,
}

impl Options {
    /// Those of a front that takes the place of `real`, which gets the file name `saved` beside it. The core is in one of `core_directories`.
    ///
    /// A HIP front then needs the same HSA library as the real one, so that whoever looks up `hsa_…` through a handle of HIP finds it. It is found as the real library
    /// finds it: by the real one's search path, behind the core's directories. Where the real library has no DT_RUNPATH, nor may the front: its presence would switch
    /// off the DT_RPATHs of the program and of the libraries between (`ld.so(8)`).
    pub fn beside(real: &Library, saved: &str, core_directories: &[String]) -> Self {
        let mut runpath = core_directories.to_vec();
        runpath.extend(real.dynamic.search());
        Options {
            runpath,
            rpath: real.dynamic.runpath.is_none(),
            needed: real.dynamic.needed.iter().filter(|name| Layer::of(name) == Some(Layer::Hsa)).cloned().collect(),
            beside: Some(saved.to_owned()),
        }
    }

    /// How the front names its real library.
    fn real_path(&self, real: &Library) -> String {
        self.beside.clone().unwrap_or_else(|| real.path.to_string_lossy().into_owned())
    }
}

/// The front of `real`: the same input gives the same bytes.
pub fn build(real: &Library, options: &Options) -> Vec<u8> {
    let mut out = Vec::new();
    // The writer fails only on tables beyond 4 GiB.
    let verdef_at =
        Emitter::new(real).emit(real, options, &mut out).expect("a front is far smaller than the limits of ELF");
    end_name_chains(&mut out, verdef_at as usize);
    out
}

/// Ends the list of names of each version definition: object 0.40 gives its last entry a `vda_next` that leads to the next definition, which
/// the BFD tools refuse. Layout: `Elf64_Verdef` (20 bytes, vd_cnt at 6, vd_aux at 12, vd_next at 16), `Elf64_Verdaux` (8 bytes, vda_next at 4).
fn end_name_chains(bytes: &mut [u8], mut at: usize) {
    loop {
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize;
        let (names, first, next) = (word(at + 4) >> 16, word(at + 12), word(at + 16));
        bytes[at + first + 8 * (names - 1) + 4..][..4].fill(0);
        if next == 0 {
            break;
        }
        at += next;
    }
}

/// A symbol of the front, in the order of its hash table.
struct Symbol<'a> {
    export: &'a Export,
    name: StringId,
    hash: u32,
    /// Its place among the functions, or among the objects.
    index: usize,
}

struct Emitter<'a> {
    functions: Vec<&'a Export>,
    objects: Vec<&'a Export>,
}

/// Strings of the descriptor, NUL-terminated, each once.
#[derive(Default)]
struct Strings(Vec<u8>);

impl Strings {
    fn add(&mut self, text: &str) -> u64 {
        let mut wanted = text.as_bytes().to_vec();
        wanted.push(0);
        let at = self.0.len();
        self.0.extend(wanted);
        at as u64
    }
}

impl<'a> Emitter<'a> {
    fn new(real: &'a Library) -> Self {
        let of = |kind| real.exports.iter().filter(|export| export.kind == kind).collect();
        Emitter { functions: of(Kind::Function), objects: of(Kind::Object) }
    }

    fn emit(&self, real: &'a Library, options: &Options, out: &mut Vec<u8>) -> object::write::Result<u64> {
        let (functions, objects) = (self.functions.len() as u64, self.objects.len() as u64);
        let runpath = options.runpath.join(":");

        let mut strings = Strings::default();
        let nodes: Vec<(&str, u64)> =
            real.nodes.iter().map(|node| (node.name.as_str(), strings.add(&node.name))).collect();
        let none = strings.add("");
        let node_at = |name: &str| nodes.iter().find(|(node, _)| *node == name).map_or(none, |(_, at)| *at);
        let function_names: Vec<u64> = self.functions.iter().map(|export| strings.add(&export.name)).collect();
        let object_names: Vec<u64> = self.objects.iter().map(|export| strings.add(&export.name)).collect();
        let soname_at = strings.add(&real.soname);
        let path_at = strings.add(&options.real_path(real));
        let build_id_at = strings.add(&real.build_id);
        let notes = notes(real, options);

        let mut w = Writer::new(Endianness::Little, true, out);
        w.reserve_file_header();
        w.reserve_program_headers(7);

        // Names and symbols, sorted by hash bucket as .gnu.hash demands.
        let needed: Vec<StringId> = [CORE]
            .into_iter()
            .chain(options.needed.iter().map(String::as_str))
            .map(|name| w.add_dynamic_string(name.as_bytes()))
            .collect();
        let soname = w.add_dynamic_string(real.soname.as_bytes());
        let runpath_id = (!runpath.is_empty()).then(|| w.add_dynamic_string(runpath.as_bytes()));
        let attach = w.add_dynamic_string(b"rmcp_front_attach");
        let resolve = w.add_dynamic_string(b"rmcp_front_resolve");
        let node_ids: Vec<StringId> =
            real.nodes.iter().map(|node| w.add_dynamic_string(node.name.as_bytes())).collect();
        let buckets = (real.exports.len() as u32 / 4).max(1);
        let mut symbols: Vec<Symbol> = [&self.functions, &self.objects]
            .into_iter()
            .flat_map(|kind| kind.iter().enumerate())
            .map(|(index, export)| Symbol {
                export,
                name: w.add_dynamic_string(export.name.as_bytes()),
                hash: elf::gnu_hash(export.name.as_bytes()),
                index,
            })
            .collect();
        symbols.sort_by_key(|symbol| symbol.hash % buckets);
        w.reserve_null_dynamic_symbol_index();
        let attach_index = w.reserve_dynamic_symbol_index();
        let resolve_index = w.reserve_dynamic_symbol_index();
        for _ in &symbols {
            w.reserve_dynamic_symbol_index();
        }
        let count = symbols.len() as u32;
        let bloom = (count / 16).max(1).next_power_of_two();

        // Sections.
        let note_name = w.add_section_name(b".note.rmcp");
        let id_name = w.add_section_name(b".note.gnu.build-id");
        let rela_name = w.add_section_name(b".rela.dyn");
        let rodata_name = w.add_section_name(b".rodata");
        let text_name = w.add_section_name(b".text");
        let relro_name = w.add_section_name(b".data.rel.ro");
        let init_name = w.add_section_name(b".init_array");
        let got_name = w.add_section_name(b".got");
        let data_name = w.add_section_name(b".data");
        let id_section = w.reserve_section_index();
        w.reserve_section_index();
        w.reserve_gnu_hash_section_index();
        w.reserve_dynsym_section_index();
        w.reserve_dynstr_section_index();
        w.reserve_gnu_versym_section_index();
        w.reserve_gnu_verdef_section_index();
        w.reserve_section_index(); // .rela.dyn
        w.reserve_section_index(); // .rodata
        let text_section = w.reserve_section_index();
        w.reserve_section_index(); // .init_array
        w.reserve_section_index(); // .data.rel.ro
        w.reserve_dynamic_section_index();
        w.reserve_section_index(); // .got
        let data_section = w.reserve_section_index();
        w.reserve_shstrtab_section_index();
        debug_assert_eq!(id_section.0, 1);

        // Layout of the tables.
        let notes_at = w.reserve(notes.bytes.len() as u64, 4);
        let hash_at = w.reserve_gnu_hash(bloom, buckets, count);
        let dynsym_at = w.reserve_dynsym();
        let dynstr_at = w.reserve_dynstr()?;
        let versym_at = w.reserve_gnu_versym();
        let parents: usize = real.nodes.iter().map(|node| node.parents.len()).sum();
        let definitions = real.nodes.len() + 1;
        let verdef_at = w.reserve_gnu_verdef(definitions as u16, definitions + parents);
        // Descriptor (6 pointers and the objects'), names, versions, slots, three an object, the initialiser; then the two of the core.
        let relative = 6 + u64::from(objects > 0) + functions * 3 + objects * 3 + 1;
        let relocations = relative + 2;
        let rela_at = w.reserve_relocations(relocations as usize, true);
        let rodata_at = w.reserve(strings.0.len() as u64, 8);
        let tables_end = rodata_at + strings.0.len() as u64;

        // Code.
        let text_size = functions * STUB * 2 + STUB + 2 * 8 * STUB + STUB;
        let text_at = w.reserve(text_size, PAGE);

        // Writable data: constant after relocation first.
        let init_at = w.reserve(8, PAGE);
        let relro_size = functions * 16 + objects * OBJECT;
        let relro_at = w.reserve(relro_size, 8);
        let names_at = relro_at;
        let versions_at = names_at + functions * 8;
        let objects_at = versions_at + functions * 8;
        let dynamic_count = 18 + needed.len() + usize::from(runpath_id.is_some());
        let dynamic_at = w.reserve_dynamic(dynamic_count);
        let got_at = w.reserve(16, 8);
        let relro_end = got_at + 16;
        let data_at = w.reserve(DESCRIPTOR, PAGE);
        let slots_at = w.reserve(functions * 8, 16);
        let mut object_at = Vec::new();
        for export in &self.objects {
            object_at.push(w.reserve(export.size, 32));
        }
        let data_end = w.reserved_len();
        w.reserve_shstrtab()?;
        w.reserve_section_headers();

        let mut text = Text::new(text_at);
        let entries: Vec<u64> = (0..functions).map(|index| text.function(slots_at + index * 8)).collect();
        let resolver = text.resolver(data_at, got_at + 8);
        let stubs: Vec<u64> = (0..functions).map(|index| text.lazy_stub(index as u32, resolver)).collect();
        let initialiser = text.initialiser(data_at, got_at);
        let mut code = text.into_code();
        debug_assert!(code.len() as u64 <= text_size);
        code.resize(text_size as usize, 0xcc);

        // Headers.
        w.write_file_header(&FileHeader {
            os_abi: elf::ELFOSABI_NONE,
            abi_version: 0,
            e_type: elf::ET_DYN,
            e_machine: elf::EM_X86_64,
            e_entry: 0,
            e_flags: elf::FileFlags(0),
        })?;
        let (r, x, rw) = (elf::PF_R, elf::PF_R | elf::PF_X, elf::PF_R | elf::PF_W);
        let segments = [
            (elf::PT_LOAD, r, 0, tables_end, PAGE),
            (elf::PT_LOAD, x, text_at, text_at + text_size, PAGE),
            (elf::PT_LOAD, rw, init_at, data_end, PAGE),
            (elf::PT_DYNAMIC, rw, dynamic_at, dynamic_at + dynamic_count as u64 * 16, 8),
            (elf::PT_NOTE, r, notes_at, notes_at + notes.bytes.len() as u64, 4),
            (elf::PT_GNU_RELRO, r, init_at, data_at, 1),
            (elf::PT_GNU_STACK, rw, 0, 0, 16),
        ];
        w.write_align_program_headers();
        for (kind, flags, start, end, align) in segments {
            w.write_program_header(&ProgramHeader {
                p_type: kind,
                p_flags: flags,
                p_offset: start,
                p_vaddr: start,
                p_paddr: start,
                p_filesz: end - start,
                p_memsz: end - start,
                p_align: align,
            });
        }

        // Tables.
        w.pad_until(notes_at);
        w.write(&notes.bytes);
        w.write_gnu_hash(3, BLOOM_SHIFT, bloom, buckets, count, |index| symbols[index as usize].hash);
        w.write_null_dynamic_symbol();
        for name in [attach, resolve] {
            let st_name = w.dynamic_string_offset(Some(name));
            w.write_dynamic_symbol(&symbol(st_name, elf::STB_GLOBAL, elf::STT_NOTYPE, None, 0, 0));
        }
        for Symbol { export, name, index, .. } in &symbols {
            let binding = match export.binding {
                Binding::Global => elf::STB_GLOBAL,
                Binding::Weak => elf::STB_WEAK,
            };
            let st_name = w.dynamic_string_offset(Some(*name));
            w.write_dynamic_symbol(&match export.kind {
                Kind::Function => symbol(st_name, binding, elf::STT_FUNC, Some(text_section), entries[*index], STUB),
                Kind::Object => {
                    symbol(st_name, binding, elf::STT_OBJECT, Some(data_section), object_at[*index], export.size)
                }
            });
        }
        w.write_dynstr();
        w.write_null_gnu_versym();
        w.write_gnu_versym(elf::VER_NDX_GLOBAL.into());
        w.write_gnu_versym(elf::VER_NDX_GLOBAL.into());
        for Symbol { export, .. } in &symbols {
            let place = real.nodes.iter().position(|node| node.name == export.node);
            // The base definition is 1, the first node 2.
            w.write_gnu_versym(
                place.map_or(elf::VER_NDX_GLOBAL, |place| elf::VER_NDX_GLOBAL.offset(1 + place as u16)).into(),
            );
        }
        w.write_align_gnu_verdef();
        let st_name = w.dynamic_string_offset(Some(soname));
        w.write_gnu_verdef(&Verdef {
            version: elf::VER_DEF_CURRENT,
            flags: elf::VER_FLG_BASE,
            index: elf::VER_NDX_GLOBAL,
            aux_count: 1,
            name: st_name,
            hash: elf::hash(real.soname.as_bytes()),
        });
        for (place, node) in real.nodes.iter().enumerate() {
            let name = w.dynamic_string_offset(Some(node_ids[place]));
            w.write_gnu_verdef(&Verdef {
                version: elf::VER_DEF_CURRENT,
                flags: elf::VersionFlags(0),
                index: elf::VER_NDX_GLOBAL.offset(1 + place as u16),
                aux_count: 1 + node.parents.len() as u16,
                name,
                hash: elf::hash(node.name.as_bytes()),
            });
            for parent in &node.parents {
                if let Some(place) = real.nodes.iter().position(|node| node.name == *parent) {
                    w.write_gnu_verdaux(node_ids[place]);
                }
            }
        }

        // What the loader fills in: first the relative ones.
        let mut pointers: Vec<(u64, u64)> = vec![(init_at, initialiser)];
        for index in 0..functions {
            pointers.push((names_at + index * 8, rodata_at + function_names[index as usize]));
            pointers.push((versions_at + index * 8, rodata_at + node_at(&self.functions[index as usize].node)));
            pointers.push((slots_at + index * 8, stubs[index as usize]));
        }
        for (index, export) in self.objects.iter().enumerate() {
            let entry = objects_at + index as u64 * OBJECT;
            pointers.push((entry, rodata_at + object_names[index]));
            pointers.push((entry + 8, rodata_at + node_at(&export.node)));
            pointers.push((entry + 16, object_at[index]));
        }
        for (offset, target) in [
            (16, rodata_at + soname_at),
            (REAL_PATH, rodata_at + path_at),
            (REAL_BUILD_ID, rodata_at + build_id_at),
            (40, names_at),
            (48, versions_at),
            (56, slots_at),
        ] {
            pointers.push((data_at + offset, target));
        }
        if objects > 0 {
            pointers.push((data_at + 64, objects_at));
        }
        pointers.sort_unstable();
        debug_assert_eq!(pointers.len() as u64, relative);
        w.write_align_relocation();
        for (offset, target) in &pointers {
            w.write_relocation(
                true,
                &Rel { r_offset: *offset, r_sym: 0, r_type: elf::R_X86_64_RELATIVE, r_addend: *target as i64 },
            );
        }
        for (place, index) in [attach_index, resolve_index].into_iter().enumerate() {
            let r_offset = got_at + place as u64 * 8;
            w.write_relocation(true, &Rel { r_offset, r_sym: index.0, r_type: elf::R_X86_64_GLOB_DAT, r_addend: 0 });
        }
        w.pad_until(rodata_at);
        w.write(&strings.0);
        w.pad_until(text_at);
        w.write(&code);

        // Data: pointers are the relocations' business, sizes and counts are here.
        let mut data = vec![0u8; (dynamic_at - init_at) as usize];
        for (index, export) in self.objects.iter().enumerate() {
            let at = (objects_at - init_at) as usize + index * OBJECT as usize + 24;
            data[at..at + 8].copy_from_slice(&export.size.to_le_bytes());
        }
        w.pad_until(init_at);
        w.write(&data);
        w.write_align_dynamic();
        for name in needed {
            w.write_dynamic_string(elf::DT_NEEDED, name)?;
        }
        w.write_dynamic_string(elf::DT_SONAME, soname)?;
        if let Some(runpath) = runpath_id {
            w.write_dynamic_string(if options.rpath { elf::DT_RPATH } else { elf::DT_RUNPATH }, runpath)?;
        }
        let dynstr_size = u64::from(w.dynstr_len());
        for (tag, value) in [
            (elf::DT_INIT_ARRAY, init_at),
            (elf::DT_INIT_ARRAYSZ, 8),
            (elf::DT_GNU_HASH, hash_at),
            (elf::DT_STRTAB, dynstr_at),
            (elf::DT_SYMTAB, dynsym_at),
            (elf::DT_STRSZ, dynstr_size),
            (elf::DT_SYMENT, 24),
            (elf::DT_RELA, rela_at),
            (elf::DT_RELASZ, relocations * 24),
            (elf::DT_RELAENT, 24),
            (elf::DT_RELACOUNT, relative),
            (elf::DT_FLAGS, elf::DF_BIND_NOW.0),
            (elf::DT_FLAGS_1, elf::DF_1_NOW.0),
            (elf::DT_VERSYM, versym_at),
            (elf::DT_VERDEF, verdef_at),
            (elf::DT_VERDEFNUM, definitions as u64),
            (elf::DT_NULL, 0),
        ] {
            w.write_dynamic(tag, value)?;
        }
        w.pad_until(data_at);
        let mut descriptor = Vec::with_capacity(DESCRIPTOR as usize);
        for word in [MAGIC, ABI, functions as u32, objects as u32] {
            descriptor.extend(word.to_le_bytes());
        }
        w.write(&descriptor);
        w.pad_until(data_end);
        w.write_shstrtab();

        // Section headers, in the order of their indices.
        w.write_null_section_header();
        let section =
            |w: &mut Writer, name: StringId, kind, flags, at: u64, size: u64, align: u64, entry: u64, link: u32| {
                let sh_name = w.section_name_offset(Some(name));
                w.write_section_header(&SectionHeader {
                    sh_name,
                    sh_type: kind,
                    sh_flags: flags,
                    sh_addr: at,
                    sh_offset: at,
                    sh_size: size,
                    sh_link: link,
                    sh_info: 0,
                    sh_addralign: align,
                    sh_entsize: entry,
                });
            };
        let (a, ax, aw) = (elf::SHF_ALLOC, elf::SHF_ALLOC | elf::SHF_EXECINSTR, elf::SHF_ALLOC | elf::SHF_WRITE);
        section(&mut w, id_name, elf::SHT_NOTE, a, notes_at, notes.build_id, 4, 0, 0);
        section(
            &mut w,
            note_name,
            elf::SHT_NOTE,
            a,
            notes_at + notes.build_id,
            notes.bytes.len() as u64 - notes.build_id,
            4,
            0,
            0,
        );
        w.write_gnu_hash_section_header(hash_at);
        w.write_dynsym_section_header(dynsym_at, 1);
        w.write_dynstr_section_header(dynstr_at);
        w.write_gnu_versym_section_header(versym_at);
        w.write_gnu_verdef_section_header(verdef_at);
        let dynsym = 4;
        section(&mut w, rela_name, elf::SHT_RELA, a, rela_at, relocations * 24, 8, 24, dynsym);
        section(&mut w, rodata_name, elf::SHT_PROGBITS, a, rodata_at, strings.0.len() as u64, 8, 0, 0);
        section(&mut w, text_name, elf::SHT_PROGBITS, ax, text_at, text_size, STUB, 0, 0);
        section(&mut w, init_name, elf::SHT_INIT_ARRAY, aw, init_at, 8, 8, 8, 0);
        section(&mut w, relro_name, elf::SHT_PROGBITS, aw, relro_at, relro_size, 8, 0, 0);
        w.write_dynamic_section_header(dynamic_at);
        section(&mut w, got_name, elf::SHT_PROGBITS, aw, got_at, relro_end - got_at, 8, 8, 0);
        section(&mut w, data_name, elf::SHT_PROGBITS, aw, data_at, data_end - data_at, 32, 0, 0);
        w.write_shstrtab_section_header();
        Ok(verdef_at)
    }
}

fn symbol(
    st_name: u32,
    binding: elf::SymbolBind,
    kind: elf::SymbolType,
    section: Option<SectionIndex>,
    st_value: u64,
    st_size: u64,
) -> Sym {
    Sym {
        section: section.map(|section| section.0),
        st_name,
        st_info: elf::SymbolInfo::new(binding, kind),
        st_other: elf::SymbolOther(0),
        st_shndx: elf::SHN_UNDEF,
        st_value,
        st_size,
    }
}

struct Notes {
    bytes: Vec<u8>,
    /// Bytes of the first note, the build-id.
    build_id: u64,
}

/// The front's own build-id, derived from what it is made of, and the note that says that it is a front.
fn notes(real: &Library, options: &Options) -> Notes {
    let version = concat!("rmcp ", env!("CARGO_PKG_VERSION"));
    let (path, exports) = (options.real_path(real), &real.exports);
    let Options { runpath, rpath, needed, .. } = options;
    let identity =
        format!("{version}\0{ABI}\0{}\0{path}\0{runpath:?}\0{rpath}\0{needed:?}\0{exports:?}", real.build_id);
    let id: Vec<u8> =
        [0u64, 0x9e37_79b9_7f4a_7c15].iter().flat_map(|seed| fnv(seed, identity.as_bytes()).to_le_bytes()).collect();
    let mut bytes = note(b"GNU\0", elf::NT_GNU_BUILD_ID.0, &id);
    let build_id = bytes.len() as u64;
    // NT_VERSION: the name is all there is, so that every ELF checker knows the note.
    bytes.extend(note(b"RMCP\0", elf::NT_VERSION, &[]));
    Notes { bytes, build_id }
}

fn note(name: &[u8], kind: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in [name.len() as u32, content.len() as u32, kind] {
        bytes.extend(word.to_le_bytes());
    }
    for part in [name, content] {
        bytes.extend(part);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    bytes
}

/// FNV-1a: an identity, not a defence.
fn fnv(seed: &u64, bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325 ^ seed, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}
