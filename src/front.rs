//! Fronts: opening the real library behind one, and binding its slots.
//!
//! No lock is held over dlopen: loading the real HIP runs the constructor of the HSA front, which comes back in here. Threads that
//! arrive together each open the library (the loader counts), and one of them wins a compare-and-swap.

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use object::read::ReadCache;
use rmcp_record::FrontLoaded;

use crate::abi::front::{RMCP_FRONT_ABI, RMCP_FRONT_MAGIC, rmcp_front};
use crate::elf::{self, Unfit};
use crate::hooks;
use crate::real::{Function, Real};
use crate::recorder;
use crate::say::say;
use crate::settings::{self, Settings};
use crate::standin::stand_in;

/// An installation keeps the real library beside its front, under the front's name behind this.
const SAVED: &str = "rmcp-real-";

/// Why the real library of a front could not be had.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(
        "the front was made for another version of librmcp.so (front format {0}, this library reads {RMCP_FRONT_ABI})"
    )]
    Format(u32),
    #[error("it cannot be read ({0})")]
    Unreadable(std::io::Error),
    #[error(transparent)]
    Unfit(#[from] Unfit),
    #[error("it is an RMCP front itself, not AMD's library")]
    Front,
    #[error("its SONAME is \"{found}\", not \"{wanted}\"")]
    OtherLibrary { found: String, wanted: String },
    #[error("the loader refused it ({0})")]
    Loader(String),
}

/// A front's descriptor, as the core may use it: everything but `slots` and `core` is constant.
#[derive(Clone, Copy)]
struct Front(*mut rmcp_front);

/// What became of a front; leaked, since a front and the core live as long as the process.
struct Binding {
    /// The real library's file.
    path: PathBuf,
    outcome: Result<Opened, Failure>,
    told: AtomicBool,
}

struct Opened {
    /// From dlopen; never closed.
    handle: *mut c_void,
    /// NT_GNU_BUILD_ID of the file, lower-case hex.
    build_id: String,
    /// Which [`Real`] the hooks use for it; `None`: no hooks.
    instance: Option<usize>,
    /// The file is not the one that the front was made for.
    changed: bool,
    /// All slots are filled.
    bound: AtomicBool,
}

// SAFETY: the handle is only passed to dlvsym and dlsym, which any thread may call.
unsafe impl Sync for Opened {}

/// `rmcp_front_attach`: see `include/front.h`.
///
/// # Safety
/// `front` is null or a front's descriptor that stays valid and is used by nobody else but the core.
pub unsafe fn attach(front: *mut rmcp_front) {
    // SAFETY: handed on.
    let Some(front) = (unsafe { Front::new(front) }) else { return };
    if front.abi() != RMCP_FRONT_ABI || (settings::is_lazy() && front.can_wait()) {
        return;
    }
    let binding = front.binding();
    if let Ok(opened) = &binding.outcome {
        front.bind_all(opened, binding);
    }
}

/// `rmcp_front_resolve`: see `include/front.h`.
///
/// # Safety
/// As [`attach`]; `index` is below the front's `function_count`.
pub unsafe fn resolve(front: *mut rmcp_front, index: u32) -> *mut c_void {
    // SAFETY: handed on.
    let Some(front) = (unsafe { Front::new(front) }) else { return stand_in("") };
    if front.abi() != RMCP_FRONT_ABI {
        // The layout behind the first words is unknown: no name, so no way to say which failure the caller understands.
        static TOLD: AtomicBool = AtomicBool::new(false);
        if !TOLD.swap(true, Ordering::Relaxed) {
            say(&front.format_sentence());
        }
        return stand_in("hip");
    }
    let binding = front.binding();
    match &binding.outcome {
        Ok(opened) => {
            front.bind_all(opened, binding);
            front.slot(index as usize).load(Ordering::Acquire)
        }
        Err(failure) => {
            if !binding.told.swap(true, Ordering::Relaxed) {
                say(&front.sentence(failure, &binding.path));
            }
            let target = stand_in(&front.name(index as usize).to_string_lossy());
            front.slot(index as usize).store(target, Ordering::Release);
            target
        }
    }
}

impl Front {
    /// # Safety
    /// `front` is null or points to a front's descriptor of any format.
    unsafe fn new(front: *mut rmcp_front) -> Option<Self> {
        // SAFETY: the magic is the first word of every format.
        let valid = !front.is_null() && unsafe { (*front).magic } == RMCP_FRONT_MAGIC;
        valid.then_some(Self(front))
    }

    fn abi(self) -> u32 {
        // SAFETY: valid by construction; the second word of every format.
        unsafe { (*self.0).abi }
    }

    fn count(self) -> usize {
        // SAFETY: valid by construction.
        unsafe { (*self.0).function_count as usize }
    }

    fn text(self, field: impl Fn(&rmcp_front) -> *const c_char) -> &'static CStr {
        // SAFETY: the descriptor's strings are constants of the front.
        unsafe { CStr::from_ptr(field(&*self.0)) }
    }

    fn soname(self) -> String {
        self.text(|front| front.soname).to_string_lossy().into_owned()
    }

    /// The real library as the descriptor names it.
    fn named(self) -> &'static Path {
        Path::new(OsStr::from_bytes(self.text(|front| front.real_path).to_bytes()))
    }

    /// Whether the front belongs to an installation: then it names a file in its own directory.
    fn is_installed(self) -> bool {
        !self.named().as_os_str().as_bytes().contains(&b'/')
    }

    /// The real library's file. One in the front's own directory is looked for where the front's file is, not where a link to it is.
    fn real_path(self) -> PathBuf {
        match self.own_path() {
            Some(own) if self.is_installed() => {
                own.canonicalize().unwrap_or_else(|_| own.to_owned()).with_file_name(self.named())
            }
            _ => self.named().to_owned(),
        }
    }

    /// Whether the real library can still be found later: a relative path leads to another place once the program has changed its working directory.
    fn can_wait(self) -> bool {
        !self.is_installed() || self.own_path().is_some_and(Path::is_absolute)
    }

    fn name(self, index: usize) -> &'static CStr {
        // SAFETY: index < function_count, by the callers; the entries are C strings.
        unsafe { CStr::from_ptr(*(*self.0).names.add(index)) }
    }

    fn version(self, index: usize) -> &'static CStr {
        // SAFETY: as for `name`.
        unsafe { CStr::from_ptr(*(*self.0).versions.add(index)) }
    }

    fn slot(self, index: usize) -> &'static AtomicPtr<c_void> {
        // SAFETY: index < function_count; slots are aligned words in writable data that is only accessed atomically by the core,
        // and by the front's jumps, which read whole words.
        unsafe { AtomicPtr::from_ptr((*self.0).slots.add(index)) }
    }

    fn core(self) -> &'static AtomicPtr<Binding> {
        // SAFETY: the field is an aligned pointer in writable data, for the core's use only.
        unsafe { AtomicPtr::from_ptr((&raw mut (*self.0).core).cast()) }
    }

    /// The front's binding; the library is opened by whoever comes first.
    fn binding(self) -> &'static Binding {
        let mut binding = self.core().load(Ordering::Acquire);
        if binding.is_null() {
            let (path, outcome) = self.open();
            let ours = Box::into_raw(Box::new(Binding { path, outcome, told: AtomicBool::new(false) }));
            binding =
                match self.core().compare_exchange(std::ptr::null_mut(), ours, Ordering::AcqRel, Ordering::Acquire) {
                    Ok(_) => {
                        // SAFETY: just published, never freed.
                        self.announce(unsafe { &*ours });
                        ours
                    }
                    Err(theirs) => {
                        // SAFETY: ours was never shared.
                        drop(unsafe { Box::from_raw(ours) });
                        theirs
                    }
                };
        }
        // SAFETY: a published binding is never freed.
        unsafe { &*binding }
    }

    /// Opens the real library, and says which file that is. One that an uninstallation has given its name back since this front was mapped is found under that name; and again under the other one,
    /// if it was installed anew meanwhile.
    fn open(self) -> (PathBuf, Result<Opened, Failure>) {
        let path = self.real_path();
        let outcome = self.open_file(&path);
        // Looked at afterwards: it can also go between the check and the loader.
        let is_gone = outcome.is_err() && path.symlink_metadata().is_err();
        let Some(name) = self.restored_name().filter(|_| is_gone) else { return (path, outcome) };
        match self.open_file(&name) {
            Ok(opened) => (name, Ok(opened)),
            Err(_) => {
                let outcome = self.open_file(&path);
                (path, outcome)
            }
        }
    }

    /// Where the library of an installation is once it has its own name back: the front's. Written with a `.` in it, as the loader knows the front by the plain path and would answer with it.
    fn restored_name(self) -> Option<PathBuf> {
        let own = self.own_path().filter(|_| self.is_installed())?.canonicalize().ok()?;
        Some(own.parent()?.join(".").join(own.file_name()?))
    }

    /// Checks and opens one file as the real library.
    fn open_file(self, path: &Path) -> Result<Opened, Failure> {
        // The loader would search for a mere name.
        if !path.is_absolute() {
            return Err(Failure::Unreadable(std::io::ErrorKind::NotFound.into()));
        }
        // Before it is opened: a FIFO would wait for a writer.
        let metadata = path.metadata().map_err(Failure::Unreadable)?;
        if !metadata.is_file() {
            return Err(Failure::Unfit(Unfit::NotElf));
        }
        let file = File::open(path).map_err(Failure::Unreadable)?;
        let library = elf::examine(&ReadCache::new(file))?;
        if library.front {
            return Err(Failure::Front);
        }
        let wanted = self.soname();
        if library.soname != wanted {
            return Err(Failure::OtherLibrary { found: library.soname, wanted });
        }
        let build_id = library.build_id;
        let made_for = self.text(|front| front.real_build_id).to_string_lossy();
        let changed = !made_for.is_empty() && build_id != made_for;
        // SAFETY: this runs the initialisers of AMD's library, which the program itself would have run.
        let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }
            .map_err(|error| Failure::Loader(innermost(&error)))?;
        // Never closed: fronts, hooks and the program keep its addresses.
        let handle = library.into_raw();
        let instance = match hooks::any_for(&wanted) && !Settings::get().process.is_off() {
            true => Real::claim(handle, &wanted),
            false => None,
        };
        Ok(Opened { handle, build_id, instance, changed, bound: AtomicBool::new(false) })
    }

    /// What is to be said or recorded once about a front that has just got its binding.
    fn announce(self, binding: &Binding) {
        match &binding.outcome {
            Ok(opened) => {
                if opened.instance.is_none() && !Settings::get().process.is_off() && hooks::any_for(&self.soname()) {
                    tracing::warn!(
                        "too many of AMD's libraries in one process: {} is not hooked",
                        binding.path.display()
                    );
                }
                recorder::front(&FrontLoaded {
                    soname: &self.soname(),
                    front_path: &self.own_path().map_or_else(String::new, |path| path.to_string_lossy().into_owned()),
                    real_path: &binding.path.to_string_lossy(),
                    build_id: &opened.build_id,
                });
                tracing::debug!(soname = self.soname(), path = %binding.path.display(), instance = opened.instance, "opened");
            }
            Err(failure) => tracing::error!("{}", self.sentence(failure, &binding.path)),
        }
    }

    /// The sentence about a failure: which file, why, and what to do.
    fn sentence(self, failure: &Failure, path: &Path) -> String {
        let way_out = match (self.is_installed(), failure) {
            (true, Failure::Front | Failure::OtherLibrary { .. }) => "`rmcp repair` puts the installation in order",
            (true, Failure::Loader(_)) => "see whether the program runs without RMCP (`rmcp uninstall`)",
            (true, _) => {
                "install AMD's package again, then `rmcp repair`; or take the front away with `rmcp uninstall`"
            }
            (false, Failure::Front | Failure::OtherLibrary { .. }) => {
                "make the front again from AMD's own file (`rmcp front build --real FILE --out FILE`)"
            }
            (false, Failure::Loader(_)) => {
                "see whether the program runs without RMCP (`rmcp front build --real FILE --out FILE`)"
            }
            (false, _) => {
                "install it again, or make the front again from another file (`rmcp front build --real FILE --out FILE`)"
            }
        };
        format!("{}: {} cannot be used: {failure}; {way_out}", self.soname(), path.display())
    }

    /// The sentence about a front of another format, of which nothing but the format can be read.
    fn format_sentence(self) -> String {
        let own =
            self.own_path().map(|path| path.canonicalize().unwrap_or_else(|_| path.to_owned())).unwrap_or_default();
        let saved = own.file_name().map(|name| own.with_file_name(format!("{SAVED}{}", name.to_string_lossy())));
        let way_out = match saved.is_some_and(|saved| saved.exists()) {
            true => "bring all installations to one version with `rmcp repair`",
            false => "rebuild it with `rmcp front build`",
        };
        format!("{}: {}; {way_out}", own.display(), Failure::Format(self.abi()))
    }

    /// Fills every slot. Several threads may do so at once: they store the same addresses.
    fn bind_all(self, opened: &Opened, binding: &Binding) {
        if opened.bound.load(Ordering::Acquire) {
            return;
        }
        let real = opened.instance.map(|index| (index, Real::instance(index)));
        let (mut missing, mut first_missing) = (0, None);
        for index in 0..self.count() {
            let name = self.name(index);
            let address = find(opened.handle, name, self.version(index));
            if address.is_null() {
                missing += 1;
                first_missing.get_or_insert(name);
                self.slot(index).store(stand_in(&name.to_string_lossy()), Ordering::Release);
                continue;
            }
            let mut target = address;
            if let Some((instance, real)) = real
                && let Some(function) = name.to_str().ok().and_then(Function::by_name)
            {
                real.bind(function, address);
                target = hooks::address(function, instance).unwrap_or(address);
            }
            self.slot(index).store(target, Ordering::Release);
        }
        self.copy_objects(opened.handle);
        let lacks = first_missing.map(|name| {
            format!(
                "it lacks {missing} of the functions that the front exports ({} first) and calls to them fail",
                name.to_string_lossy()
            )
        });
        if (opened.changed || lacks.is_some()) && !binding.told.swap(true, Ordering::Relaxed) {
            let changed =
                opened.changed.then(|| "it is another build of the library than its front was made for".to_owned());
            let what = changed.into_iter().chain(lacks).collect::<Vec<_>>().join(", ");
            let how = match self.is_installed() {
                true => "`rmcp repair`",
                false => "`rmcp front build --real FILE --out FILE`",
            };
            say(&format!("{}: {}: {what}; make the front again ({how})", self.soname(), binding.path.display()));
        }
        opened.bound.store(true, Ordering::Release);
    }

    /// Gives exported data its initial value. Where the front stands in the global scope, the real library itself uses the front's copy; otherwise it uses its
    /// own, and a program that reads ours sees at least what stood there at load.
    fn copy_objects(self, handle: *mut c_void) {
        // SAFETY: valid by construction; the objects are constants of the front.
        let objects = unsafe {
            let front = &*self.0;
            if front.object_count == 0 {
                &[]
            } else {
                std::slice::from_raw_parts(front.objects, front.object_count as usize)
            }
        };
        for object in objects {
            // SAFETY: the descriptor's strings are constants of the front.
            let (name, version) = unsafe { (CStr::from_ptr(object.name), CStr::from_ptr(object.version)) };
            let real = find(handle, name, version);
            if real.is_null() || real == object.address {
                continue;
            }
            // The library may be another than the front was made from.
            if size_of_object(real) != Some(object.size) {
                continue;
            }
            let size = object.size as usize;
            // SAFETY: both are objects of this size, as their own symbol tables say.
            unsafe {
                let ours = std::slice::from_raw_parts(object.address.cast::<u8>(), size);
                if ours.iter().all(|byte| *byte == 0) {
                    std::ptr::copy_nonoverlapping(real.cast::<u8>(), object.address.cast::<u8>(), size);
                }
            }
        }
    }

    /// The file that the front itself was loaded from.
    fn own_path(self) -> Option<&'static Path> {
        let mut info = std::mem::MaybeUninit::<libc::Dl_info>::uninit();
        // SAFETY: dladdr fills the structure when it returns non-zero; the name is a C string of the loader's, which keeps it as long as the front is loaded.
        unsafe {
            if libc::dladdr(self.0.cast(), info.as_mut_ptr()) == 0 {
                return None;
            }
            let name = info.assume_init().dli_fname;
            (!name.is_null()).then(|| Path::new(OsStr::from_bytes(CStr::from_ptr(name).to_bytes())))
        }
    }
}

/// The address of an exported symbol; null when the library has none of this name and version.
fn find(handle: *mut c_void, name: &CStr, version: &CStr) -> *mut c_void {
    // SAFETY: the handle is from dlopen and never closed; both are C strings.
    unsafe {
        if version.is_empty() {
            libc::dlsym(handle, name.as_ptr())
        } else {
            dlvsym(handle, name.as_ptr(), version.as_ptr())
        }
    }
}

/// Bytes of the exported data at `address`, by its symbol; `None` if there is none of just this address.
fn size_of_object(address: *mut c_void) -> Option<u64> {
    let mut info = std::mem::MaybeUninit::<libc::Dl_info>::uninit();
    let mut symbol = std::ptr::null_mut();
    // SAFETY: dladdr1 fills both when it returns non-zero. The symbol, where there is one, is in the library's own table.
    unsafe {
        if dladdr1(address, info.as_mut_ptr(), &raw mut symbol, RTLD_DL_SYMENT) == 0 || symbol.is_null() {
            return None;
        }
        (info.assume_init().dli_saddr == address).then(|| (*symbol.cast::<libc::Elf64_Sym>()).st_size)
    }
}

/// `dlfcn.h`: the extra information is the symbol.
const RTLD_DL_SYMENT: c_int = 1;

// glibc; the `libc` crate does not declare them.
unsafe extern "C" {
    fn dladdr1(address: *const c_void, info: *mut libc::Dl_info, extra: *mut *mut c_void, flags: c_int) -> c_int;
    fn dlvsym(handle: *mut c_void, symbol: *const c_char, version: *const c_char) -> *mut c_void;
}

/// What the loader said.
fn innermost(error: &libloading::Error) -> String {
    let mut error: &dyn std::error::Error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
