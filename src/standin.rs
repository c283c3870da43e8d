//! Functions that stand in for those of a real library that could not be opened.
//!
//! They return what the function's own type calls a failure: a status code where it returns one, a text where it returns text, zero where it
//! returns a value that no caller can have asked for without a success before.

use std::ffi::{c_char, c_int, c_void};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::abi::{hip, hsa};

static CALLS: AtomicU64 = AtomicU64::new(0);

/// How many calls reached a stand-in.
pub fn calls() -> u64 {
    CALLS.load(Ordering::Relaxed)
}

fn count() {
    CALLS.fetch_add(1, Ordering::Relaxed);
}

extern "C" fn hip_status() -> hip::hipError_t {
    count();
    hip::hipErrorSharedObjectInitFailed
}

extern "C" fn hsa_status() -> hsa::hsa_status_t {
    count();
    hsa::HSA_STATUS_ERROR
}

/// HIPRTC_ERROR_INTERNAL_ERROR (hiprtc.h).
extern "C" fn hiprtc_status() -> c_int {
    count();
    11
}

/// For functions that return nothing, a pointer or a number.
extern "C" fn zero() -> u64 {
    count();
    0
}

extern "C" fn text() -> *const c_char {
    count();
    c"RMCP could not open the real library".as_ptr()
}

extern "C" fn minus_one() -> c_int {
    count();
    -1
}

/// hipChannelFormatDesc is five 32-bit numbers: returned in memory that the caller provides (x86-64 psABI 3.2.3).
extern "C" fn channel_format(out: *mut [c_int; 5]) -> *mut [c_int; 5] {
    count();
    // SAFETY: the caller passes memory for the result in the first argument register.
    unsafe { out.write([0; 5]) };
    out
}

/// Names of functions that return text.
const TEXTS: [&str; 9] = [
    "hipApiName",
    "hipGetCmdName",
    "hipGetErrorName",
    "hipGetErrorString",
    "hipKernelNameRef",
    "hipKernelNameRefByPtr",
    "hiprtcGetErrorString",
    "amd_dbgapi_get_build_name",
    "amd_dbgapi_get_git_hash",
];

/// Beginnings of the names of HSA functions that return a number (or nothing, for which any will do), not a status.
const HSA_VALUES: [&str; 16] = [
    "hsa_signal_add_",
    "hsa_signal_and_",
    "hsa_signal_cas_",
    "hsa_signal_exchange_",
    "hsa_signal_load_",
    "hsa_signal_or_",
    "hsa_signal_silent_store_",
    "hsa_signal_store_",
    "hsa_signal_subtract_",
    "hsa_signal_wait_",
    "hsa_signal_xor_",
    "hsa_queue_add_",
    "hsa_queue_cas_",
    "hsa_queue_load_",
    "hsa_queue_store_",
    "hsa_amd_signal_wait_",
];

/// The function that stands in for the exported function `name`.
pub fn stand_in(name: &str) -> *mut c_void {
    let function = if TEXTS.contains(&name) {
        text as *const ()
    } else if name == "hipCreateChannelDesc" {
        channel_format as *const ()
    } else if name == "hipGetStreamDeviceId" {
        minus_one as *const ()
    } else if name.starts_with("hiprtc") {
        hiprtc_status as *const ()
    } else if HSA_VALUES.iter().any(|prefix| name.starts_with(prefix)) {
        zero as *const ()
    } else if name.starts_with("hsa_") {
        hsa_status as *const ()
    } else if name.starts_with("hip") || name.starts_with("_Z") || name.ends_with("CallConfiguration") {
        hip_status as *const ()
    } else {
        // __hipRegisterFatBinary and its like, amd_dbgapi_get_build_id, conversions
        zero as *const ()
    };
    function.cast_mut().cast()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// Functions declared by AMD's installed headers with another return type than a status, as (type, name).
    fn declared() -> Vec<(String, String)> {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let source = directory.path().join("all.c");
        std::fs::write(
            &source,
            "#define __HIP_PLATFORM_AMD__ 1\n#include <hip/hip_runtime_api.h>\n#include <hip/hiprtc.h>\n#include <hsa/hsa.h>\n\
             #include <hsa/hsa_ext_amd.h>\n#include <hsa/hsa_ext_image.h>\n",
        )
        .expect("write");
        let output = Command::new("cc").arg("-E").arg("-P").arg(&source).output().expect("cc");
        assert!(output.status.success(), "needs libamdhip64-dev and libhsa-runtime-dev");
        let text = String::from_utf8_lossy(&output.stdout).replace('\n', " ");
        let mut found = Vec::new();
        for statement in text.split([';', '}']) {
            // `type words name(arguments`, without attributes in front
            let statement = statement.rsplit("__attribute__((visibility(\"default\")))").next().unwrap_or(statement);
            let Some((head, _)) = statement.split_once('(') else { continue };
            let head = head.trim();
            let Some(at) = head.rfind(|c: char| !(c.is_alphanumeric() || c == '_')) else { continue };
            let (result, name) = (head[..=at].trim(), &head[at + 1..]);
            let of_ours = name.starts_with("hip") || name.starts_with("hsa_");
            if of_ours
                && !result.contains(['(', '{', '=', ','])
                && !result.contains("typedef")
                && !result.contains("return")
            {
                found.push((result.to_owned(), name.to_owned()));
            }
        }
        found
    }

    #[test]
    fn each_declared_function_has_a_stand_in_of_its_return_type() {
        let declared = declared();
        assert!(declared.len() > 400, "only {} declarations were found", declared.len());
        for (result, name) in declared {
            let expected = match result.split_whitespace().last().expect("a type") {
                "hipError_t" => hip_status as *const (),
                "hsa_status_t" => hsa_status as *const (),
                "hiprtcResult" => hiprtc_status as *const (),
                "hipChannelFormatDesc" => channel_format as *const (),
                "int" => minus_one as *const (),
                "char*" | "*" => text as *const (),
                "void" | "uint64_t" | "uint32_t" | "hsa_signal_value_t" => zero as *const (),
                other => panic!("{name} returns {other}: say here what stands in for it"),
            };
            assert_eq!(stand_in(&name).cast_const().cast(), expected, "{name} returns {result}");
        }
    }

    #[test]
    fn functions_of_the_compilers_runtime_get_no_handle_and_no_launch() {
        assert_eq!(stand_in("__hipRegisterFatBinary").cast_const().cast(), zero as *const ());
        assert_eq!(stand_in("__hipPushCallConfiguration").cast_const().cast(), hip_status as *const ());
    }

    #[test]
    fn a_channel_description_is_returned_in_the_callers_memory() {
        let mut room = [1; 5];
        assert_eq!(channel_format(&raw mut room), &raw mut room);
        assert_eq!(room, [0; 5]);
    }
}
