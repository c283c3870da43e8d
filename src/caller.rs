//! Which library made a call: from the return address to the file name of the loaded object, cached per address.

use std::ffi::{CStr, c_void};
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// Call sites that are remembered; calls from further ones have no caller, so that no call site pays for a search each time.
const SITES: usize = 1024;
const PROBE: usize = 32;

struct Site {
    address: AtomicUsize,
    /// Leaked, at most one per site; null until it is known.
    name: AtomicPtr<String>,
}

static CACHE: [Site; SITES] =
    [const { Site { address: AtomicUsize::new(0), name: AtomicPtr::new(std::ptr::null_mut()) } }; SITES];

/// The file name, without directories, of the object that contains the code at `address`; empty when it is not known.
///
/// An object that was loaded where an earlier one was unloaded keeps the earlier one's name.
pub fn library(address: *const c_void) -> &'static str {
    let key = address.addr();
    if key == 0 {
        return "";
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
            return site.name(address);
        }
    }
    ""
}

impl Site {
    fn name(&self, address: *const c_void) -> &'static str {
        let mut name = self.name.load(Ordering::Acquire);
        if name.is_null() {
            let ours = Box::into_raw(Box::new(look_up(address)));
            name = match self.name.compare_exchange(std::ptr::null_mut(), ours, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => ours,
                Err(theirs) => {
                    // SAFETY: ours was never shared.
                    drop(unsafe { Box::from_raw(ours) });
                    theirs
                }
            };
        }
        // SAFETY: a published name is never freed or changed.
        unsafe { &*name }
    }
}

fn look_up(address: *const c_void) -> String {
    let mut info = std::mem::MaybeUninit::<libc::Dl_info>::uninit();
    // SAFETY: dladdr fills the structure when it returns non-zero; the name is a C string.
    let path = unsafe {
        if libc::dladdr(address, info.as_mut_ptr()) == 0 || info.assume_init_ref().dli_fname.is_null() {
            return String::new();
        }
        CStr::from_ptr(info.assume_init_ref().dli_fname).to_string_lossy()
    };
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_in_the_c_library_is_the_c_librarys() {
        let address = libc::malloc as *const () as *const c_void;
        assert_eq!(library(address), "libc.so.6");
        assert_eq!(library(address), "libc.so.6", "from the cache");
    }

    #[test]
    fn an_address_outside_of_all_objects_has_no_caller() {
        assert_eq!(library(std::ptr::without_provenance(16)), "");
        assert_eq!(library(std::ptr::null()), "");
    }
}
