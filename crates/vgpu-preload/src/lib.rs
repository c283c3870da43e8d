//! The LD_PRELOAD library that puts a virtual machine under a program: libc functions that reach the kernel's GPU files.
//!
//! Without `VGPU_SPEC` in the environment every function is libc's own. Functions that take a path redirect it into the tree
//! ([`vgpu::tree::redirect`]); opening a device file gives a descriptor of the model; `ioctl` on such a descriptor goes to the model.
//! Constructors of other libraries call in here before ours could run, so everything is made at its first use.

mod real;

use std::cell::Cell;
use std::ffi::{CStr, CString, OsStr, c_char, c_int, c_uint, c_ulong, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicU8, Ordering};

use vgpu::kfd::{Kfd, Node};
use vgpu::launch;
use vgpu::spec::Spec;
use vgpu::tree::{RENDER_MINOR, redirect};

thread_local! {
    /// The thread is inside the model: its own file accesses are libc's.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Runs `code` with redirection off; `None` when the thread is inside already.
fn outermost<T>(code: impl FnOnce() -> T) -> Option<T> {
    if INSIDE.replace(true) {
        return None;
    }
    let result = code();
    INSIDE.set(false);
    Some(result)
}

/// What the environment says; leaked, read once.
struct Settings {
    spec: Spec,
    tree: String,
    log: Option<std::path::PathBuf>,
}

fn settings() -> Option<&'static Settings> {
    static STATE: AtomicU8 = AtomicU8::new(0);
    static SETTINGS: AtomicPtr<Settings> = AtomicPtr::new(std::ptr::null_mut());
    if STATE.load(Ordering::Acquire) == 0 {
        let read = || {
            let spec = std::env::var(launch::SPEC).ok()?;
            let tree = std::env::var(launch::TREE).ok()?;
            let spec = spec.parse().map_err(|error| eprintln!("vgpu: {}: {error}", launch::SPEC)).ok()?;
            Some(Settings { spec, tree, log: std::env::var_os(launch::LOG).map(Into::into) })
        };
        if let Some(settings) = read() {
            let ours = Box::into_raw(Box::new(settings));
            if SETTINGS.compare_exchange(std::ptr::null_mut(), ours, Ordering::AcqRel, Ordering::Acquire).is_err() {
                // SAFETY: not shared.
                drop(unsafe { Box::from_raw(ours) });
            }
        }
        STATE.store(1, Ordering::Release);
    }
    // SAFETY: a published value is never freed.
    unsafe { SETTINGS.load(Ordering::Acquire).as_ref() }
}

/// The driver of this process; null until a device file is opened, and again in a forked child.
static DRIVER: AtomicPtr<Arc<Kfd>> = AtomicPtr::new(std::ptr::null_mut());

fn driver() -> Option<&'static Arc<Kfd>> {
    // SAFETY: a published driver is never freed.
    unsafe { DRIVER.load(Ordering::Acquire).as_ref() }
}

fn driver_or_new() -> Option<&'static Arc<Kfd>> {
    if driver().is_none() {
        let settings = settings()?;
        let made = Kfd::new(settings.spec.clone(), settings.log.as_deref())
            .map_err(|error| eprintln!("vgpu: the virtual driver cannot start: {error}"))
            .ok()?;
        let ours = Box::into_raw(Box::new(made));
        if DRIVER.compare_exchange(std::ptr::null_mut(), ours, Ordering::AcqRel, Ordering::Acquire).is_err() {
            // SAFETY: not shared.
            drop(unsafe { Box::from_raw(ours) });
        } else {
            register_fork_handler();
        }
    }
    driver()
}

/// A driver of a process that this one was forked from: its descriptors may still be open here.
struct Ancestor {
    driver: &'static Kfd,
    before: *const Ancestor,
}

static ANCESTORS: AtomicPtr<Ancestor> = AtomicPtr::new(std::ptr::null_mut());

/// A child has none of the parent's threads and may not use its locks: it starts with a driver of its own.
fn register_fork_handler() {
    extern "C" fn child() {
        let parents = DRIVER.swap(std::ptr::null_mut(), Ordering::AcqRel);
        // SAFETY: a published driver is never freed.
        if let Some(driver) = unsafe { parents.as_ref() } {
            let before = ANCESTORS.load(Ordering::Acquire);
            ANCESTORS.store(Box::into_raw(Box::new(Ancestor { driver, before })), Ordering::Release);
        }
        INSIDE.set(false);
    }
    static DONE: AtomicU8 = AtomicU8::new(0);
    if DONE.swap(1, Ordering::AcqRel) == 0 {
        // SAFETY: the handler stores two pointers; glibc lets a child allocate.
        unsafe { libc::pthread_atfork(None, None, Some(child)) };
    }
}

/// Which device file a path names.
fn device_file(path: &[u8]) -> Option<Node> {
    if path == b"/dev/kfd" {
        return Some(Node::Kfd);
    }
    let minor: u32 = std::str::from_utf8(path.strip_prefix(b"/dev/dri/renderD")?).ok()?.parse().ok()?;
    Some(Node::Render(minor.checked_sub(RENDER_MINOR)? as usize))
}

/// What to do with a path.
enum Way {
    /// Not ours.
    Plain,
    /// A file of the tree.
    Tree(CString),
    /// A device file.
    Device(Node),
}

/// # Safety
/// `path` is null or a C string.
unsafe fn way(path: *const c_char) -> Way {
    if path.is_null() {
        return Way::Plain;
    }
    // SAFETY: by contract.
    let bytes = unsafe { CStr::from_ptr(path) }.to_bytes();
    // Cheap: hardly any path starts like this.
    if !(bytes.starts_with(b"/dev/") || bytes.starts_with(b"/sys/") || bytes.starts_with(b"/proc/mod")) {
        return Way::Plain;
    }
    outermost(|| {
        let Some(settings) = settings() else { return Way::Plain };
        if let Some(node) = device_file(bytes) {
            return Way::Device(node);
        }
        match std::str::from_utf8(bytes).ok().and_then(|path| redirect(&settings.tree, path)) {
            Some(path) => CString::new(path).map_or(Way::Plain, Way::Tree),
            None => Way::Plain,
        }
    })
    .unwrap_or(Way::Plain)
}

/// The path to hand to libc: the tree's, or the program's own. A device file's is its placeholder in the tree.
///
/// # Safety
/// `path` is null or a C string; the result lives as long as `keep` and `path`.
unsafe fn path_in(path: *const c_char, keep: &mut Option<CString>) -> *const c_char {
    // SAFETY: handed on.
    match unsafe { way(path) } {
        Way::Tree(tree) => keep.insert(tree).as_ptr(),
        Way::Device(_) => outermost(|| {
            // SAFETY: by contract.
            let bytes = unsafe { CStr::from_ptr(path) }.to_bytes();
            let tree = settings().map(|settings| Path::new(&settings.tree).join(OsStr::from_bytes(&bytes[1..])));
            tree.and_then(|tree| CString::new(tree.as_os_str().as_bytes()).ok())
        })
        .flatten()
        .map_or(path, |tree| keep.insert(tree).as_ptr()),
        Way::Plain => path,
    }
}

fn set_errno(errno: c_int) {
    // SAFETY: this thread's errno.
    unsafe { *libc::__errno_location() = errno };
}

/// Opens a device file of the model, with the close-on-exec flag that `flags` asks for.
fn open_device(node: Node, flags: c_int) -> c_int {
    if !exists(node) {
        set_errno(libc::ENOENT);
        return -1;
    }
    let fd = outermost(|| driver_or_new().ok_or(libc::ENODEV).and_then(|driver| driver.open(node)))
        .unwrap_or(Err(libc::EBUSY));
    match fd {
        Ok(fd) => {
            if flags & libc::O_CLOEXEC == 0 {
                // SAFETY: our new descriptor.
                unsafe { libc::fcntl(fd, libc::F_SETFD, 0) };
            }
            fd
        }
        Err(errno) => {
            set_errno(errno);
            -1
        }
    }
}

/// A descriptor's device file.
enum Descriptor {
    /// Of this process' driver.
    Own(&'static Arc<Kfd>, Node),
    /// Opened before a fork.
    Inherited(Node),
}

impl Descriptor {
    fn of(fd: c_int) -> Option<Self> {
        let (own, mut ancestor) = (driver(), ANCESTORS.load(Ordering::Acquire).cast_const());
        if own.is_none() && ancestor.is_null() {
            return None;
        }
        let (dev, ino) = vgpu::kfd::backing::identity(fd)?;
        if let Some((driver, node)) = own.and_then(|driver| Some((driver, driver.node_of(dev, ino)?))) {
            return Some(Descriptor::Own(driver, node));
        }
        // SAFETY: ancestors are never freed.
        while let Some(Ancestor { driver, before }) = unsafe { ancestor.as_ref() } {
            if let Some(node) = driver.node_of(dev, ino) {
                return Some(Descriptor::Inherited(node));
            }
            ancestor = *before;
        }
        None
    }

    fn node(&self) -> Node {
        match self {
            Descriptor::Own(_, node) | Descriptor::Inherited(node) => *node,
        }
    }
}

/// Type, permissions and device number of a device file: `/dev/kfd` has a dynamic major, DRM has 226.
fn device_number(node: Node) -> (u32, u32) {
    match node {
        Node::Kfd => (240, 0),
        Node::Render(index) => (226, RENDER_MINOR + index as u32),
    }
}

const DEVICE_MODE: libc::mode_t = libc::S_IFCHR | 0o666;

/// Makes `stat` look like a character device of the DRM or KFD.
fn disguise(stat: &mut libc::stat, node: Node) {
    let (major, minor) = device_number(node);
    (stat.st_mode, stat.st_rdev) = (DEVICE_MODE, libc::makedev(major, minor));
}

/// Whether the machine has this device file.
fn exists(node: Node) -> bool {
    match node {
        Node::Kfd => true,
        Node::Render(index) => settings().is_some_and(|settings| index < settings.spec.cards.len()),
    }
}

/// Whether a call with these arguments is about the descriptor `at` itself.
///
/// # Safety
/// `path` is null or a C string.
unsafe fn is_descriptor(path: *const c_char, flags: c_int) -> bool {
    // SAFETY: by contract, a C string has a first byte.
    flags & libc::AT_EMPTY_PATH != 0 && (path.is_null() || unsafe { *path } == 0)
}

/// Takes the tree's directory off the front of a path that libc resolved.
///
/// # Safety
/// `path` is null or a C string that may be written.
unsafe fn outside_of_tree(path: *mut c_char) -> *mut c_char {
    if let (false, Some(settings)) = (path.is_null(), settings()) {
        // SAFETY: by contract; the rest of the string and its end move to the front.
        unsafe {
            let bytes = CStr::from_ptr(path).to_bytes_with_nul();
            if let Some(rest) = bytes.strip_prefix(settings.tree.as_bytes()).filter(|rest| rest.starts_with(b"/")) {
                std::ptr::copy(rest.as_ptr().cast(), path, rest.len());
            }
        }
    }
    path
}

/// Defines a libc function whose path argument is redirected and whose other arguments go through.
macro_rules! redirected {
    ($($name:ident($($before:ident: $before_type:ty,)* @path $(, $after:ident: $after_type:ty)*) -> $result:ty;)*) => {
        $(
            /// As in libc, with the path redirected.
            ///
            /// # Safety
            /// As in libc.
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name($($before: $before_type,)* path: *const c_char $(, $after: $after_type)*) -> $result {
                let mut keep = None;
                // SAFETY: the caller's contract is libc's.
                unsafe {
                    let path = path_in(path, &mut keep);
                    real::$name()($($before,)* path $(, $after)*)
                }
            }
        )*
    };
}

redirected! {
    fopen(@path, mode: *const c_char) -> *mut libc::FILE;
    fopen64(@path, mode: *const c_char) -> *mut libc::FILE;
    freopen(@path, mode: *const c_char, stream: *mut libc::FILE) -> *mut libc::FILE;
    freopen64(@path, mode: *const c_char, stream: *mut libc::FILE) -> *mut libc::FILE;
    opendir(@path) -> *mut libc::DIR;
    eaccess(@path, mode: c_int) -> c_int;
    euidaccess(@path, mode: c_int) -> c_int;
    access(@path, mode: c_int) -> c_int;
    faccessat(at: c_int, @path, mode: c_int, flags: c_int) -> c_int;
    readlink(@path, buffer: *mut c_char, size: usize) -> isize;
    readlinkat(at: c_int, @path, buffer: *mut c_char, size: usize) -> isize;
    getxattr(@path, name: *const c_char, value: *mut c_void, size: usize) -> isize;
    lgetxattr(@path, name: *const c_char, value: *mut c_void, size: usize) -> isize;
    listxattr(@path, list: *mut c_char, size: usize) -> isize;
    llistxattr(@path, list: *mut c_char, size: usize) -> isize;
    __readlink_chk(@path, buffer: *mut c_char, size: usize, room: usize) -> isize;
    __readlinkat_chk(at: c_int, @path, buffer: *mut c_char, size: usize, room: usize) -> isize;
    scandirat(at: c_int, @path, list: *mut c_void, filter: *mut c_void, compare: *mut c_void) -> c_int;
    scandirat64(at: c_int, @path, list: *mut c_void, filter: *mut c_void, compare: *mut c_void) -> c_int;
    scandir(@path, list: *mut c_void, filter: *mut c_void, compare: *mut c_void) -> c_int;
    scandir64(@path, list: *mut c_void, filter: *mut c_void, compare: *mut c_void) -> c_int;
}

macro_rules! resolving {
    ($($name:ident(@path $(, $after:ident: $after_type:ty)*);)*) => {
        $(
            /// As in libc, with the path redirected and the answer put back.
            ///
            /// # Safety
            /// As in libc.
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name(path: *const c_char $(, $after: $after_type)*) -> *mut c_char {
                let mut keep = None;
                // SAFETY: the caller's contract is libc's.
                unsafe { outside_of_tree(real::$name()(path_in(path, &mut keep) $(, $after)*)) }
            }
        )*
    };
}

resolving! {
    realpath(@path, buffer: *mut c_char);
    __realpath_chk(@path, buffer: *mut c_char, size: usize);
    canonicalize_file_name(@path);
}

macro_rules! opens {
    ($($name:ident $two:ident $at:ident $at_two:ident,)*) => {
        $(
            /// As in libc; device files are the model's.
            ///
            /// # Safety
            /// As in libc. The mode is read even where none was passed: it then holds what the register held, and is ignored.
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name(path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
                // SAFETY: as in libc.
                match unsafe { way(path) } {
                    Way::Device(node) => open_device(node, flags),
                    // SAFETY: as in libc.
                    Way::Tree(path) => unsafe { real::$name()(path.as_ptr(), flags, mode) },
                    // SAFETY: as in libc.
                    Way::Plain => unsafe { real::$name()(path, flags, mode) },
                }
            }

            /// As in libc, the fortified form without a mode.
            ///
            /// # Safety
            /// As in libc.
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $two(path: *const c_char, flags: c_int) -> c_int {
                // SAFETY: as in libc.
                unsafe { $name(path, flags, 0) }
            }

            /// As in libc; device files are the model's.
            ///
            /// # Safety
            /// As for `open`.
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $at(at: c_int, path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
                // SAFETY: as in libc.
                match unsafe { way(path) } {
                    Way::Device(node) => open_device(node, flags),
                    // SAFETY: as in libc.
                    Way::Tree(path) => unsafe { real::$at()(at, path.as_ptr(), flags, mode) },
                    // SAFETY: as in libc.
                    Way::Plain => unsafe { real::$at()(at, path, flags, mode) },
                }
            }

            /// As in libc, the fortified form without a mode.
            ///
            /// # Safety
            /// As in libc.
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $at_two(at: c_int, path: *const c_char, flags: c_int) -> c_int {
                // SAFETY: as in libc.
                unsafe { $at(at, path, flags, 0) }
            }
        )*
    };
}

opens! {
    open __open_2 openat __openat_2,
    open64 __open64_2 openat64 __openat64_2,
}

macro_rules! stats {
    ($($name:ident($($before:ident: $before_type:ty,)* @path, stat $(, $at:ident $flags:ident)?);)*) => {
        $(
            /// As in libc, with the path redirected; device files are character devices.
            ///
            /// # Safety
            /// As in libc.
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name(
                $($before: $before_type,)* path: *const c_char, stat: *mut libc::stat $(, $flags: c_int)?
            ) -> c_int {
                // SAFETY: the caller's contract is libc's; libc fills `stat` when it returns 0.
                unsafe {
                    let node = match way(path) {
                        Way::Device(node) => Some(node),
                        _ => None,
                    };
                    $(let node = match node {
                        None if is_descriptor(path, $flags) => Descriptor::of($at).map(|descriptor| descriptor.node()),
                        node => node,
                    };)?
                    let mut keep = None;
                    let path = path_in(path, &mut keep);
                    let result = real::$name()($($before,)* path, stat $(, $flags)?);
                    if let (0, Some(node)) = (result, node) {
                        disguise(&mut *stat, node);
                    }
                    result
                }
            }
        )*
    };
}

stats! {
    stat(@path, stat);
    stat64(@path, stat);
    lstat(@path, stat);
    lstat64(@path, stat);
    fstatat(at: c_int, @path, stat, at flags);
    fstatat64(at: c_int, @path, stat, at flags);
    __xstat(version: c_int, @path, stat);
    __xstat64(version: c_int, @path, stat);
    __lxstat(version: c_int, @path, stat);
    __lxstat64(version: c_int, @path, stat);
    __fxstatat(version: c_int, at: c_int, @path, stat, at flags);
    __fxstatat64(version: c_int, at: c_int, @path, stat, at flags);
}

/// As in libc, with the path redirected; device files and descriptors of the model are character devices.
///
/// # Safety
/// As in libc.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn statx(
    at: c_int,
    path: *const c_char,
    flags: c_int,
    mask: c_uint,
    stat: *mut libc::statx,
) -> c_int {
    // SAFETY: the caller's contract is libc's; libc fills `stat` when it returns 0.
    unsafe {
        let node = match way(path) {
            Way::Device(node) => Some(node),
            _ if is_descriptor(path, flags) => Descriptor::of(at).map(|descriptor| descriptor.node()),
            _ => None,
        };
        let mut keep = None;
        let path = path_in(path, &mut keep);
        let result = real::statx()(at, path, flags, mask, stat);
        if let (0, Some(node)) = (result, node) {
            (*stat).stx_mode = DEVICE_MODE as u16;
            ((*stat).stx_rdev_major, (*stat).stx_rdev_minor) = device_number(node);
        }
        result
    }
}

macro_rules! fstats {
    ($($name:ident($($before:ident: $before_type:ty)?);)*) => {
        $(
            /// As in libc; descriptors of the model are character devices.
            ///
            /// # Safety
            /// As in libc.
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name($($before: $before_type,)? fd: c_int, stat: *mut libc::stat) -> c_int {
                // SAFETY: the caller's contract is libc's; libc fills `stat` when it returns 0.
                unsafe {
                    let result = real::$name()($($before,)? fd, stat);
                    if result == 0 && let Some(descriptor) = Descriptor::of(fd) {
                        disguise(&mut *stat, descriptor.node());
                    }
                    result
                }
            }
        )*
    };
}

fstats! {
    fstat();
    fstat64();
    __fxstat(version: c_int);
    __fxstat64(version: c_int);
}

/// As in libc; SVM ranges in memory that is given back are forgotten, as by the kernel's MMU notifier.
///
/// # Safety
/// As in libc.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn munmap(address: *mut c_void, size: usize) -> c_int {
    if let Some(driver) = driver() {
        driver.memory_is_gone(address as u64, size as u64);
    }
    // SAFETY: as in libc.
    unsafe { real::munmap()(address, size) }
}

/// As in libc; the model answers for its descriptors.
///
/// # Safety
/// As in libc: `argument` fits `request`. It is read even where none was passed and then means nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ioctl(fd: c_int, request: c_ulong, argument: *mut c_void) -> c_int {
    // KFD's and DRM's types only: terminals and sockets need no look at the descriptor.
    let answer = match (request >> 8) as u8 {
        vgpu::kfd::uapi::BASE | vgpu::kfd::drm::BASE => match Descriptor::of(fd) {
            // SAFETY: the caller's contract.
            Some(Descriptor::Own(driver, node)) => Some(unsafe { driver.ioctl(node, request, argument) }),
            // "Using KFD FD in wrong process" (`kfd_ioctl`).
            Some(Descriptor::Inherited(Node::Kfd)) => Some(Err(libc::EBADF)),
            // A render node describes its card to a child too; ACQUIRE_VM refuses it.
            Some(Descriptor::Inherited(node)) => outermost(driver_or_new).flatten().map(|driver| {
                // SAFETY: the caller's contract.
                unsafe { driver.ioctl(node, request, argument) }
            }),
            None => None,
        },
        _ => None,
    };
    match answer {
        Some(Ok(value)) => return value,
        Some(Err(errno)) => {
            set_errno(errno);
            return -1;
        }
        None => {}
    }
    // SAFETY: as in libc.
    unsafe { real::ioctl()(fd, request, argument) }
}
