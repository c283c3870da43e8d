//! The loader's search, for AMD's libraries.
//!
//! For a program that is linked with them, its needed libraries are followed as ld.so does (`ld.so(8)`; glibc `elf/dl-load.c`, `_dl_map_object`):
//! DT_RPATH of the object that asks and of those that asked for it, unless the asking object has a DT_RUNPATH; LD_LIBRARY_PATH; DT_RUNPATH; the cache;
//! the default directories. For everything else (scripts, shells, Python) what LD_LIBRARY_PATH and the system have is taken, since such a program
//! opens them later or starts one that does.

use std::collections::{BTreeSet, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use object::read::ReadCache;

use super::ld_cache::LdCache;
use super::{Candidate, Real, Standing, candidate, fronts, unusable};
use crate::failure::Failure;
use rmcp_front::dynamic::{self, Dynamic};
use rmcp_front::{Layer, elf::Unfit};

/// More objects than any program has; bounds the work.
const MAX_OBJECTS: usize = 4096;

/// The surroundings in which the loader searches.
#[derive(Clone, Debug)]
pub struct Loader {
    /// LD_LIBRARY_PATH.
    pub library_path: Vec<PathBuf>,
    /// LD_PRELOAD.
    pub preload: Vec<String>,
    /// `/etc/ld.so.cache`.
    pub cache: LdCache,
    /// Where the loader looks last.
    pub default_directories: Vec<PathBuf>,
    /// Where AMD's packages install, which the loader knows only if it is told.
    pub rocm_directories: Vec<PathBuf>,
}

/// How the program was found to come by AMD's libraries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The program is linked with them, directly or through others.
    Linked,
    /// It is not; these are there for what it may open or start.
    AtHand,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// One for each SONAME.
    pub reals: Vec<Real>,
    /// How.
    pub reason: Reason,
    /// Remarks for the user, a sentence each.
    pub notes: Vec<String>,
}

const DANGLING: &str = "it is a symbolic link to a file that does not exist";

#[derive(Debug)]
struct Loaded {
    path: PathBuf,
    dynamic: Dynamic,
    names: HashSet<String>,
    /// Who asked first; `None` for the program.
    parent: Option<usize>,
    /// Its place among the found libraries, if it is one of AMD's.
    real: Option<usize>,
}

/// Which step of the search found a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Path,
    Rpath,
    Later,
}

/// Where a library that nobody has asked for yet was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The user named the directory.
    Named,
    /// LD_LIBRARY_PATH, which goes before DT_RUNPATH, as the fronts' directory does.
    LibraryPath,
    /// The cache or a directory of the system, which come behind DT_RUNPATH.
    System,
}

impl Place {
    /// Whether a library from here has its front under `name` too, if that is not the SONAME.
    ///
    /// Not under HSA's name for the linker if it is the system's: wheels whose copies have lost their version suffix (Triton 2.1) need them by it
    /// and find them by DT_RUNPATH. They would come to the system's HSA, of another release than their HIP. The price: who opens HSA by that name (HPCToolkit;
    /// RCCL, which is never changed) gets AMD's own, without hooks. HIP is opened by its name for the linker more often (HIP Python, ctypes), and wheels
    /// that need it by that have DT_RPATH, which goes before the fronts' directory.
    fn offers(self, name: &str) -> bool {
        self != Self::System || name != "libhsa-runtime64.so"
    }
}

impl Loader {
    /// The loader of this system, with this process's environment.
    pub fn system() -> Self {
        let paths = |name: &str| {
            let value = std::env::var_os(name).filter(|value| !value.is_empty()).unwrap_or_default();
            value.to_string_lossy().into_owned()
        };
        let library_path = paths("LD_LIBRARY_PATH");
        Self {
            library_path: match library_path.is_empty() {
                true => Vec::new(),
                false => Self::path_list(&library_path),
            },
            preload: paths("LD_PRELOAD")
                .split([':', ' '])
                .filter(|name| !name.is_empty() && !Path::new(name).parent().is_some_and(fronts::is_ours))
                .map(str::to_owned)
                .collect(),
            cache: LdCache::system(),
            default_directories: [
                "/lib/x86_64-linux-gnu",
                "/usr/lib/x86_64-linux-gnu",
                "/lib64",
                "/usr/lib64",
                "/lib",
                "/usr/lib",
            ]
            .map(PathBuf::from)
            .to_vec(),
            rocm_directories: ["/opt/rocm/lib", "/opt/rocm/lib64"].map(PathBuf::from).to_vec(),
        }
    }

    /// The directories of a library path that is not empty, without those of an outer `rmcp run`. An empty entry is the working directory.
    pub fn path_list(list: &str) -> Vec<PathBuf> {
        let here = |part: &str| if part.is_empty() { PathBuf::from(".") } else { PathBuf::from(part) };
        list.split([':', ';']).map(here).filter(|path| !fronts::is_ours(path)).collect()
    }

    /// AMD's libraries that `program` will load.
    pub fn find(&self, program: &Path) -> Result<Found, Failure> {
        let mut search = Search::new(self);
        let dynamic = File::open(program).ok().and_then(|file| dynamic::read(&ReadCache::new(file)));
        if let Some(dynamic) = dynamic {
            if !dynamic.interpreted {
                search.notes.push(format!(
                    "{} is linked statically, so nothing can stand between it and its libraries",
                    program.display()
                ));
            } else if changes_user(program) {
                search.notes.push(format!(
                    "{} runs with its owner's rights, so the loader takes no library path from outside",
                    program.display()
                ));
            }
            search.follow_all(program, dynamic, None)?;
        }
        let reason = if search.reals.is_empty() { Reason::AtHand } else { Reason::Linked };
        if !search.has(Layer::Hip) {
            search.at_hand()?;
        }
        Ok(Found { reals: search.reals, reason, notes: search.notes })
    }

    /// AMD's libraries in `directory`, instead of what the loader would find.
    pub fn find_in(&self, directory: &Path) -> Result<Found, Failure> {
        let mut loader = self.clone();
        loader.library_path.insert(0, directory.to_owned());
        let mut search = Search::new(&loader);
        for (name, path) in libraries_in(directory) {
            search.offer(&name, &path, Place::Named)?;
        }
        // With HSA's alone a HIP program would run without RMCP.
        if !search.has(Layer::Hip) {
            return Err(Failure::broken(format!(
                "{} has no libamdhip64.so.N; name the directory that has AMD's libraries",
                directory.display()
            )));
        }
        Ok(Found { reals: search.reals, reason: Reason::Linked, notes: search.notes })
    }
}

struct Search<'a> {
    loader: &'a Loader,
    objects: Vec<Loaded>,
    reals: Vec<Real>,
    notes: Vec<String>,
}

impl<'a> Search<'a> {
    fn new(loader: &'a Loader) -> Self {
        Self { loader, objects: Vec::new(), reals: Vec::new(), notes: Vec::new() }
    }

    fn has(&self, kind: Layer) -> bool {
        self.reals.iter().any(|real| Layer::of(&real.soname) == Some(kind))
    }

    /// Loads `path`, which is the found library `real`, and, breadth first as the loader does, everything that it needs.
    fn follow_all(&mut self, path: &Path, dynamic: Dynamic, real: Option<usize>) -> Result<(), Failure> {
        let start = self.objects.len();
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let names = dynamic.soname.iter().cloned().collect();
        self.objects.push(Loaded { path, dynamic, names, parent: None, real });
        for name in &self.loader.preload {
            self.load(name, start)?;
        }
        let mut next = start;
        while next < self.objects.len() && next < MAX_OBJECTS {
            for name in self.objects[next].dynamic.needed.clone() {
                self.load(&name, next)?;
            }
            next += 1;
        }
        Ok(())
    }

    /// One name that `asker` needs.
    fn load(&mut self, name: &str, asker: usize) -> Result<(), Failure> {
        if let Some(object) = self.objects.iter().position(|object| object.names.contains(name)) {
            // Loaded already; but where the first one to ask went before LD_LIBRARY_PATH counts, not this one.
            self.asked_as(object, name);
            return Ok(());
        }
        let mut dangling = None;
        let Some((path, step, examined)) = self.locate(name, asker, &mut dangling) else {
            return match dangling.filter(|_| Layer::of(name).is_some()) {
                Some(link) => Err(unusable(&link, &DANGLING)),
                None => Ok(()),
            };
        };
        let library = match examined {
            Candidate::Library(library) => library,
            Candidate::Broken(reason) if Layer::of(name).is_some() => return Err(unusable(&path, &reason)),
            // Somebody else's broken library: the loader will say it.
            _ => return Ok(()),
        };
        let kind = Layer::of(&library.soname);
        let Standing { path, library, front } = match kind {
            Some(_) => Standing::behind(path, library)?,
            None => Standing { path, library, front: None },
        };
        let same = self.objects.iter().position(|object| same_file(&object.path, &path));
        if let Some(object) = same {
            self.objects[object].names.insert(name.to_owned());
            self.asked_as(object, name);
            return Ok(());
        }
        let Some(dynamic) = File::open(&path).ok().and_then(|file| dynamic::read(&ReadCache::new(file))) else {
            return Ok(());
        };
        let real = kind.map(|_| {
            self.reals.push(Real {
                soname: library.soname.clone(),
                path: path.clone(),
                build_id: library.build_id,
                names: BTreeSet::new(),
                front,
                before_library_path: step != Step::Later,
            });
            self.reals.len() - 1
        });
        let names = [name.to_owned()].into_iter().chain(dynamic.soname.clone()).collect();
        self.objects.push(Loaded { path, dynamic, names, parent: Some(asker), real });
        self.asked_as(self.objects.len() - 1, name);
        Ok(())
    }

    /// Notes a name of one of AMD's libraries that is not its SONAME.
    fn asked_as(&mut self, object: usize, name: &str) {
        if let Some(real) = self.objects[object].real {
            self.also(real, name);
        }
    }

    /// A further name leads to the library that is found first by it (`libamdhip64.so` of two releases).
    fn also(&mut self, real: usize, name: &str) {
        let taken = self.reals.iter().any(|real| real.soname == name || real.names.contains(name));
        if !taken
            && !name.contains('/')
            && let Some(real) = self.reals.get_mut(real)
        {
            real.names.insert(name.to_owned());
        }
    }

    /// The file that the loader takes for `name`.
    fn locate(&self, name: &str, asker: usize, dangling: &mut Option<PathBuf>) -> Option<(PathBuf, Step, Candidate)> {
        let mut take = |path: PathBuf, step: Step| {
            let path = std::path::absolute(&path).unwrap_or(path);
            if dangling.is_none() && path.is_symlink() && !path.exists() {
                *dangling = Some(path.clone());
            }
            match candidate(&path) {
                Candidate::Skipped => None,
                found => Some((path, step, found)),
            }
        };
        let object = self.objects.get(asker)?;
        if name.contains('/') {
            return take(PathBuf::from(expand(name, &object.path)), Step::Path);
        }
        let directories = |list: &str, origin: &Path| -> Vec<PathBuf> {
            list.split(':').map(|part| if part.is_empty() { ".".into() } else { expand(part, origin).into() }).collect()
        };
        if object.dynamic.runpath.is_none() {
            let mut next = Some(asker);
            while let Some(object) = next.and_then(|index| self.objects.get(index)) {
                if let (Some(list), None) = (&object.dynamic.rpath, &object.dynamic.runpath) {
                    let found =
                        directories(list, &object.path).into_iter().find_map(|d| take(d.join(name), Step::Rpath));
                    if found.is_some() {
                        return found;
                    }
                }
                next = object.parent;
            }
        }
        let mut places: Vec<PathBuf> = self.loader.library_path.iter().map(|directory| directory.join(name)).collect();
        if let Some(list) = &object.dynamic.runpath {
            places.extend(directories(list, &object.path).into_iter().map(|directory| directory.join(name)));
        }
        if !object.dynamic.no_default_directories {
            places.extend(self.loader.cache.files(name).cloned());
            places.extend(self.loader.default_directories.iter().map(|directory| directory.join(name)));
        }
        places.into_iter().find_map(|path| take(path, Step::Later))
    }

    /// What LD_LIBRARY_PATH and the system have, the first of each SONAME.
    fn at_hand(&mut self) -> Result<(), Failure> {
        let loader = self.loader;
        let cached = loader.cache.all().filter(|(name, _)| Layer::of(name).is_some());
        let cached = cached.map(|(name, path)| (name.to_owned(), path.clone()));
        let directories = loader.default_directories.iter().chain(&loader.rocm_directories);
        let system = cached.chain(directories.flat_map(|directory| libraries_in(directory)));
        let paths = loader.library_path.iter().flat_map(|directory| libraries_in(directory));
        let places = paths.map(|found| (found, Place::LibraryPath)).chain(system.map(|found| (found, Place::System)));
        let mut dangling = None;
        for ((name, path), place) in places {
            if dangling.is_none() && path.is_symlink() && !path.exists() && !name.ends_with(".so") {
                dangling = Some((name.clone(), path.clone()));
            }
            self.offer(&name, &path, place)?;
        }
        match dangling.filter(|(name, _)| !self.reals.iter().any(|real| Layer::of(&real.soname) == Layer::of(name))) {
            Some((_, link)) => Err(unusable(&link, &DANGLING)),
            None => Ok(()),
        }
    }

    /// Takes the library at `path` if there is none of its SONAME yet; or `name` as a further name of the one that there is.
    fn offer(&mut self, name: &str, path: &Path, place: Place) -> Result<(), Failure> {
        let library = match candidate(path) {
            Candidate::Skipped => return Ok(()),
            Candidate::Broken(_) if !place.offers(name) => return Ok(()),
            // Where the name leads to another file already, nobody gets here by it.
            Candidate::Broken(_) if self.reals.iter().any(|real| real.soname == name || real.names.contains(name)) => {
                return Ok(());
            }
            // A name for the linker, which may be a text.
            Candidate::Broken(Unfit::NotElf) if name.ends_with(".so") => return Ok(()),
            Candidate::Broken(reason) => return Err(unusable(path, &reason)),
            Candidate::Library(library) => library,
        };
        if Layer::of(&library.soname).is_none() {
            return Ok(());
        }
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let Standing { path, library, front } = Standing::behind(absolute, library)?;
        if let Some(known) = self.reals.iter().position(|real| real.soname == library.soname) {
            if place.offers(name) && same_file(&self.reals[known].path, &path) {
                self.also(known, name);
            }
            return Ok(());
        }
        let Some(dynamic) = File::open(&path).ok().and_then(|file| dynamic::read(&ReadCache::new(file))) else {
            return Ok(());
        };
        // What it loads itself, through its own paths: HIP its HSA.
        let mut own = Search::new(self.loader);
        own.reals.push(Real {
            soname: library.soname,
            path: path.clone(),
            build_id: library.build_id,
            names: BTreeSet::new(),
            front,
            before_library_path: place == Place::Named,
        });
        own.follow_all(&path, dynamic, Some(0))?;
        if place.offers(name) {
            own.asked_as(0, name);
        }
        let differs = |real: &&Real| {
            self.reals.iter().any(|known| known.soname == real.soname && !same_file(&known.path, &real.path))
        };
        if let Some(other) = own.reals.iter().find(differs) {
            // Two of one SONAME cannot both have a front, and HIP must not be mixed with another one's HSA.
            self.notes.push(format!(
                "{} is not covered: it belongs to {}, but another {} comes first",
                path.display(),
                other.path.display(),
                other.soname
            ));
            return Ok(());
        }
        for mut real in own.reals {
            if !self.reals.iter().any(|known| known.soname == real.soname) {
                let names = std::mem::take(&mut real.names);
                self.reals.push(real);
                names.iter().for_each(|name| self.also(self.reals.len() - 1, name));
            }
        }
        Ok(())
    }
}

/// Files of a directory that are named like AMD's libraries: SONAMEs first, then the others.
fn libraries_in(directory: &Path) -> Vec<(String, PathBuf)> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut found: Vec<(String, PathBuf)> = entries
        .filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())))
        .filter(|(name, _)| Layer::of(name).is_some())
        .collect();
    found.sort_by_key(|(name, _)| (name.split('.').count() != 3, name.clone()));
    found
}

/// Set-user-ID or set-group-ID.
fn changes_user(program: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    program.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o6000 != 0)
}

fn same_file(a: &Path, b: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |path: &Path| path.metadata().ok().map(|metadata| (metadata.dev(), metadata.ino()));
    a == b || identity(a).is_some_and(|a| Some(a) == identity(b))
}

/// `$ORIGIN`, `$LIB` and `$PLATFORM`, with or without braces, in a path that `object` has.
fn expand(text: &str, object: &Path) -> String {
    let origin = object.parent().unwrap_or(Path::new("/")).to_string_lossy().into_owned();
    // What $LIB means is compiled into ld.so.
    let lib = if Path::new("/lib/x86_64-linux-gnu").is_dir() { "lib/x86_64-linux-gnu" } else { "lib64" };
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out += &rest[..at];
        rest = &rest[at..];
        let tokens = [("ORIGIN", origin.as_str()), ("LIB", lib), ("PLATFORM", "x86_64")];
        let token = tokens.iter().find_map(|(name, value)| {
            let after = rest.strip_prefix(&format!("${{{name}}}")).or_else(|| {
                rest[1..]
                    .strip_prefix(name)
                    .filter(|after| !after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
            });
            after.map(|after| (after, *value))
        });
        match token {
            Some((after, value)) => {
                out += value;
                rest = after;
            }
            None => {
                out.push('$');
                rest = &rest[1..];
            }
        }
    }
    out + rest
}
