//! An LD_PRELOAD library that logs which memory a program asks of the kernel's KFD driver: what the virtual card's log is on a machine with a real card.
//!
//! It changes nothing. `KFD_TRACE` names the file; lines are those of [`vgpu::log`] (`alloc` and `svm` only, `card` is empty). The memory type in them is
//! what the kernel's rule for gfx10 ([`vgpu::mtype`]) gives for the flags, not something that was read from the hardware.

use std::ffi::{c_int, c_ulong, c_void};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use vgpu::kfd::uapi;
use vgpu::log::{self, Event, Log};
use vgpu::mtype::{self, Generation, Kernel};
use vgpu::spec::FLAGS;

type Ioctl = unsafe extern "C" fn(c_int, c_ulong, *mut c_void) -> c_int;

/// libc's function, or that of the next preloaded library.
fn next() -> Ioctl {
    static FOUND: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
    let mut address = FOUND.load(Ordering::Acquire);
    if address.is_null() {
        // SAFETY: dlsym with a C string.
        address = unsafe { libc::dlsym(libc::RTLD_NEXT, c"ioctl".as_ptr()) };
        assert!(!address.is_null(), "libc has no ioctl");
        FOUND.store(address, Ordering::Release);
    }
    // SAFETY: ioctl(2), whose third argument is read even where none was passed.
    unsafe { std::mem::transmute::<*mut c_void, Ioctl>(address) }
}

fn trace() -> Option<&'static Log> {
    static LOG: OnceLock<Option<Log>> = OnceLock::new();
    LOG.get_or_init(|| std::env::var_os("KFD_TRACE").map(|path| Log::new(Some(Path::new(&path))))).as_ref()
}

/// Minor version of the driver's interface, as the program was told.
static MINOR: AtomicU32 = AtomicU32::new(u32::MAX);

/// As in libc. Successful and failed requests for memory are logged.
///
/// # Safety
/// As in libc: `argument` fits `request`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ioctl(fd: c_int, request: c_ulong, argument: *mut c_void) -> c_int {
    // SAFETY: handed on.
    let result = unsafe { next()(fd, request, argument) };
    // The size is part of a request's number, so that no other driver's request is taken for one of KFD's.
    let (kind, number, size) = ((request >> 8) as u8, request as u8, (request >> 16 & 0x3fff) as usize);
    if kind != uapi::BASE || argument.is_null() || size < size_of::<uapi::GetVersion>() {
        return result;
    }
    // SAFETY: this thread's errno.
    let errno = unsafe { *libc::__errno_location() };
    match number {
        uapi::GET_VERSION if result == 0 => {
            // SAFETY: GET_VERSION's argument.
            let version = unsafe { argument.cast::<uapi::GetVersion>().read_unaligned() };
            MINOR.store(version.minor, Ordering::Relaxed);
        }
        uapi::ALLOC_MEMORY_OF_GPU if size == size_of::<uapi::AllocMemory>() => {
            // SAFETY: ALLOC_MEMORY_OF_GPU's argument.
            let memory = unsafe { argument.cast::<uapi::AllocMemory>().read_unaligned() };
            write(allocation(&memory, if result == 0 { 0 } else { errno }));
        }
        uapi::SVM if result == 0 && size >= size_of::<uapi::SvmHeader>() => {
            // SAFETY: SVM's argument: a header and `count` attributes behind it.
            let (header, attributes) = unsafe {
                let header = argument.cast::<uapi::SvmHeader>();
                let attributes = header.add(1).cast::<uapi::SvmAttribute>();
                let count = (*header).count as usize;
                (header.read_unaligned(), (0..count).map(|at| attributes.add(at).read_unaligned()).collect::<Vec<_>>())
            };
            if header.op == uapi::SVM_OP_SET {
                write(range(&header, &attributes));
            }
        }
        _ => {}
    }
    // SAFETY: this thread's errno.
    unsafe { *libc::__errno_location() = errno };
    result
}

fn write(event: Event) {
    if let Some(trace) = trace() {
        trace.write(event);
    }
}

fn kernel() -> Kernel {
    Kernel::of_interface(MINOR.load(Ordering::Relaxed))
}

fn allocation(memory: &uapi::AllocMemory, errno: i32) -> Event {
    Event::Alloc {
        gpu: memory.gpu_id,
        card: String::new(),
        va: memory.va,
        size: memory.size,
        flags: format!("{:08x}", memory.flags),
        names: log::names(&FLAGS, memory.flags),
        mtype: mtype::of_allocation(Generation::Gfx10, kernel(), memory.flags),
        handle: memory.handle,
        errno,
    }
}

/// A change of a range. Its memory type is that of a range that had the default attributes before.
fn range(header: &uapi::SvmHeader, attributes: &[uapi::SvmAttribute]) -> Event {
    let values =
        |kind: u32| attributes.iter().filter(move |attribute| attribute.kind == kind).map(|attribute| attribute.value);
    let bits = |kind: u32| values(kind).fold(0, |all, bits| all | bits);
    let (set, clear) = (bits(uapi::SVM_SET_FLAGS), bits(uapi::SVM_CLR_FLAGS));
    Event::Svm {
        va: header.start,
        size: header.size,
        set: format!("{set:x}"),
        clear: format!("{clear:x}"),
        access: values(uapi::SVM_ACCESS).collect(),
        in_place: values(uapi::SVM_ACCESS_IN_PLACE).collect(),
        no_access: values(uapi::SVM_NO_ACCESS).collect(),
        set_names: log::names(&uapi::SVM_FLAGS, set),
        clear_names: log::names(&uapi::SVM_FLAGS, clear),
        preferred: values(uapi::SVM_PREFERRED_LOC).next_back(),
        prefetch: values(uapi::SVM_PREFETCH_LOC).next_back(),
        granularity: values(uapi::SVM_GRANULARITY).next_back(),
        mtype: mtype::of_svm_range(Generation::Gfx10, kernel(), (mtype::svm::DEFAULT | set) & !clear),
    }
}
