//! Which library made a call: from the return address to the file of the loaded object, cached per address.

use std::ffi::{CStr, c_void};
use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};

use once_cell::race::OnceBox;
use rmcp_policy::{Caller, Mode};

use crate::decide::Remembered;

/// Call sites that are remembered; calls from further ones have no caller, so that no call site pays for a search each time.
const SITES: usize = 1024;
const PROBE: usize = 32;

/// A loaded object, as a caller.
#[derive(Debug)]
pub struct Library {
    /// Its path as the loader has it; empty when it is not known. The program itself may be here by the name by which it was started.
    pub path: String,
    /// Its file name without directories; empty when it is not known.
    pub name: String,
    /// As the policy sees it.
    pub class: Caller,
}

impl Library {
    const fn unknown() -> Self {
        Self { path: String::new(), name: String::new(), class: Caller::Unknown }
    }
}

static UNKNOWN: Library = Library::unknown();

/// A place from which calls are made; aligned, so that it lies in one cache line.
#[repr(align(32))]
pub struct Site {
    address: AtomicUsize,
    /// Leaked, at most one per site; null until it is known.
    library: AtomicPtr<Library>,
    /// The answer to the first request from here.
    pub remembered: OnceBox<Remembered>,
    /// For [`Site::mode`].
    last: AtomicU64,
}

static CACHE: [Site; SITES] = [const {
    Site {
        address: AtomicUsize::new(0),
        library: AtomicPtr::new(std::ptr::null_mut()),
        remembered: OnceBox::new(),
        last: AtomicU64::new(0),
    }
}; SITES];

/// The object that contains the code at `address`.
///
/// An object that was loaded where an earlier one was unloaded keeps the earlier one's name.
pub fn library(address: *const c_void) -> &'static Library {
    site(address).map_or(&UNKNOWN, |site| site.library(address))
}

/// What is known of the call site `address`; `None` when there is no room to remember anything of it.
pub fn site(address: *const c_void) -> Option<&'static Site> {
    let key = address.addr();
    if key == 0 {
        return None;
    }
    let hash = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    for step in 0..PROBE {
        let site = &CACHE[hash.wrapping_add(step) % SITES];
        let owner = match site.address.load(Ordering::Acquire) {
            0 => site
                .address
                .compare_exchange(0, key, Ordering::AcqRel, Ordering::Acquire)
                .map_or_else(|other| other, |_| key),
            owner => owner,
        };
        if owner == key {
            return Some(site);
        }
    }
    None
}

impl Site {
    /// The mode that the rules give for a call from here of the function whose row is at `row`, for a device; `find` is asked where the last call from
    /// here was another.
    pub fn mode(&self, row: usize, ordinal: i32, find: impl FnOnce() -> Mode) -> Mode {
        // Addresses have 47 bits; a device beyond the 254th is looked up each time.
        let key = (row as u64) << 16 | u64::from(u8::try_from(ordinal + 1).unwrap_or(u8::MAX)) << 8;
        let last = self.last.load(Ordering::Relaxed);
        if last & !0xff == key && last & 0xff00 != 0xff00 && last & 0xff != 0 {
            return Mode::ALL[(last & 0xff) as usize - 1];
        }
        let mode = find();
        self.last.store(key | (mode as u64 + 1), Ordering::Relaxed);
        mode
    }

    fn library(&self, address: *const c_void) -> &'static Library {
        let mut library = self.library.load(Ordering::Acquire);
        if library.is_null() {
            let path = look_up(address);
            let name = path.rsplit('/').next().unwrap_or_default().to_owned();
            let ours = Box::into_raw(Box::new(Library { class: Caller::of_library(&name), name, path }));
            library =
                match self.library.compare_exchange(std::ptr::null_mut(), ours, Ordering::AcqRel, Ordering::Acquire) {
                    Ok(_) => ours,
                    Err(theirs) => {
                        // SAFETY: ours was never shared.
                        drop(unsafe { Box::from_raw(ours) });
                        theirs
                    }
                };
        }
        // SAFETY: a published library is never freed or changed.
        unsafe { &*library }
    }
}

fn look_up(address: *const c_void) -> String {
    object(address).map_or_else(String::new, |(path, _)| path)
}

/// A call site for people and `addr2line`: the object's file name and the offset in it.
pub fn place(address: *const c_void) -> String {
    object(address).map_or_else(
        || format!("{address:?}"),
        |(path, base)| format!("{}+{:#x}", path.rsplit('/').next().unwrap_or_default(), address.addr() - base),
    )
}

/// The file of the object at `address`, and where it is loaded.
fn object(address: *const c_void) -> Option<(String, usize)> {
    let mut info = std::mem::MaybeUninit::<libc::Dl_info>::uninit();
    // SAFETY: dladdr fills the structure when it returns non-zero; the name is a C string.
    let (path, base) = unsafe {
        if libc::dladdr(address, info.as_mut_ptr()) == 0 || info.assume_init_ref().dli_fname.is_null() {
            return None;
        }
        let info = info.assume_init_ref();
        (CStr::from_ptr(info.dli_fname).to_string_lossy().into_owned(), info.dli_fbase.addr())
    };
    Some((path, base))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_in_the_c_library_is_the_c_librarys() {
        let address = libc::malloc as *const () as *const c_void;
        assert_eq!(library(address).name, "libc.so.6");
        assert_eq!(library(address).name, "libc.so.6", "from the cache");
        assert_eq!(library(address).class, Caller::Program);
        assert!(library(address).path.ends_with("/libc.so.6"), "{}", library(address).path);
    }

    #[test]
    fn a_place_is_the_object_and_an_offset_in_it() {
        let place = place(libc::malloc as *const () as *const c_void);
        let (name, offset) = place.split_once("+0x").expect("an offset");
        assert_eq!(name, "libc.so.6");
        assert!(usize::from_str_radix(offset, 16).expect("a number") < 1 << 24);
    }

    #[test]
    fn the_mode_of_a_site_is_asked_for_again_when_the_function_or_the_device_is_another() {
        let site = site(std::ptr::without_provenance(0x1234_5678)).expect("room");
        let asked = std::cell::Cell::new(0);
        let mode = |row, ordinal, mode| {
            site.mode(row, ordinal, || {
                asked.set(asked.get() + 1);
                mode
            })
        };
        for (row, ordinal, answer, expected, count) in [
            (0x1000, -1, Mode::Off, Mode::Off, 1),
            (0x1000, -1, Mode::Strict, Mode::Off, 1),
            (0x1000, 0, Mode::Strict, Mode::Strict, 2),
            (0x2000, 0, Mode::Audit, Mode::Audit, 3),
            (0x2000, 0, Mode::Off, Mode::Audit, 3),
            (0x2000, 300, Mode::Default, Mode::Default, 4),
            (0x2000, 301, Mode::Off, Mode::Off, 5),
        ] {
            assert_eq!((mode(row, ordinal, answer), asked.get()), (expected, count), "{row:x} {ordinal}");
        }
    }

    #[test]
    fn an_address_outside_of_all_objects_has_no_caller() {
        for address in [std::ptr::without_provenance(16), std::ptr::null()] {
            assert_eq!((&*library(address).name, library(address).class), ("", Caller::Unknown));
        }
    }
}
