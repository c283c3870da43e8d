//! libc's own functions, found behind ours with `dlsym(RTLD_NEXT)`.

use std::ffi::{c_char, c_int, c_uint, c_ulong, c_void};
use std::sync::atomic::{AtomicPtr, Ordering};

use libc::{DIR, FILE, stat as Stat};

macro_rules! functions {
    ($($name:ident: $type:ty;)*) => {
        $(
            #[allow(non_snake_case)]
            pub fn $name() -> $type {
                static FOUND: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
                let mut address = FOUND.load(Ordering::Acquire);
                if address.is_null() {
                    // SAFETY: dlsym with a C string.
                    address = unsafe { libc::dlsym(libc::RTLD_NEXT, concat!(stringify!($name), "\0").as_ptr().cast()) };
                    // Ours is only called by programs that are linked against libc's.
                    assert!(!address.is_null(), "libc has no {}", stringify!($name));
                    FOUND.store(address, Ordering::Release);
                }
                // SAFETY: libc's function of this name has this type (its manual page).
                unsafe { std::mem::transmute::<*mut c_void, $type>(address) }
            }
        )*
    };
}

type Path = *const c_char;

functions! {
    open: unsafe extern "C" fn(Path, c_int, c_uint) -> c_int;
    open64: unsafe extern "C" fn(Path, c_int, c_uint) -> c_int;
    openat: unsafe extern "C" fn(c_int, Path, c_int, c_uint) -> c_int;
    openat64: unsafe extern "C" fn(c_int, Path, c_int, c_uint) -> c_int;
    fopen: unsafe extern "C" fn(Path, Path) -> *mut FILE;
    fopen64: unsafe extern "C" fn(Path, Path) -> *mut FILE;
    freopen: unsafe extern "C" fn(Path, Path, *mut FILE) -> *mut FILE;
    freopen64: unsafe extern "C" fn(Path, Path, *mut FILE) -> *mut FILE;
    opendir: unsafe extern "C" fn(Path) -> *mut DIR;
    access: unsafe extern "C" fn(Path, c_int) -> c_int;
    eaccess: unsafe extern "C" fn(Path, c_int) -> c_int;
    euidaccess: unsafe extern "C" fn(Path, c_int) -> c_int;
    faccessat: unsafe extern "C" fn(c_int, Path, c_int, c_int) -> c_int;
    readlink: unsafe extern "C" fn(Path, *mut c_char, usize) -> isize;
    readlinkat: unsafe extern "C" fn(c_int, Path, *mut c_char, usize) -> isize;
    __readlink_chk: unsafe extern "C" fn(Path, *mut c_char, usize, usize) -> isize;
    __readlinkat_chk: unsafe extern "C" fn(c_int, Path, *mut c_char, usize, usize) -> isize;
    canonicalize_file_name: unsafe extern "C" fn(Path) -> *mut c_char;
    realpath: unsafe extern "C" fn(Path, *mut c_char) -> *mut c_char;
    __realpath_chk: unsafe extern "C" fn(Path, *mut c_char, usize) -> *mut c_char;
    scandir: unsafe extern "C" fn(Path, *mut c_void, *mut c_void, *mut c_void) -> c_int;
    scandir64: unsafe extern "C" fn(Path, *mut c_void, *mut c_void, *mut c_void) -> c_int;
    scandirat: unsafe extern "C" fn(c_int, Path, *mut c_void, *mut c_void, *mut c_void) -> c_int;
    scandirat64: unsafe extern "C" fn(c_int, Path, *mut c_void, *mut c_void, *mut c_void) -> c_int;
    statx: unsafe extern "C" fn(c_int, Path, c_int, c_uint, *mut libc::statx) -> c_int;
    stat: unsafe extern "C" fn(Path, *mut Stat) -> c_int;
    stat64: unsafe extern "C" fn(Path, *mut Stat) -> c_int;
    lstat: unsafe extern "C" fn(Path, *mut Stat) -> c_int;
    lstat64: unsafe extern "C" fn(Path, *mut Stat) -> c_int;
    fstatat: unsafe extern "C" fn(c_int, Path, *mut Stat, c_int) -> c_int;
    fstatat64: unsafe extern "C" fn(c_int, Path, *mut Stat, c_int) -> c_int;
    __xstat: unsafe extern "C" fn(c_int, Path, *mut Stat) -> c_int;
    __xstat64: unsafe extern "C" fn(c_int, Path, *mut Stat) -> c_int;
    __lxstat: unsafe extern "C" fn(c_int, Path, *mut Stat) -> c_int;
    __lxstat64: unsafe extern "C" fn(c_int, Path, *mut Stat) -> c_int;
    __fxstatat: unsafe extern "C" fn(c_int, c_int, Path, *mut Stat, c_int) -> c_int;
    __fxstatat64: unsafe extern "C" fn(c_int, c_int, Path, *mut Stat, c_int) -> c_int;
    fstat: unsafe extern "C" fn(c_int, *mut Stat) -> c_int;
    fstat64: unsafe extern "C" fn(c_int, *mut Stat) -> c_int;
    __fxstat: unsafe extern "C" fn(c_int, c_int, *mut Stat) -> c_int;
    __fxstat64: unsafe extern "C" fn(c_int, c_int, *mut Stat) -> c_int;
    getxattr: unsafe extern "C" fn(Path, Path, *mut c_void, usize) -> isize;
    lgetxattr: unsafe extern "C" fn(Path, Path, *mut c_void, usize) -> isize;
    listxattr: unsafe extern "C" fn(Path, *mut c_char, usize) -> isize;
    llistxattr: unsafe extern "C" fn(Path, *mut c_char, usize) -> isize;
    munmap: unsafe extern "C" fn(*mut c_void, usize) -> c_int;
    ioctl: unsafe extern "C" fn(c_int, c_ulong, *mut c_void) -> c_int;
}
