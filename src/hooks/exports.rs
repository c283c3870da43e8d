//! Every export of AMD's libraries whose name has to do with memory is hooked, or stands in `passed.rs` beside the list with a reason.

use std::path::PathBuf;

use rmcp_fixtures::{Generation, generations};

use crate::hooks;
use crate::hooks::hip::passed as hip;
use crate::hooks::hsa::passed as hsa;
use crate::real::Function;

/// Parts of names, in lower case, that have to do with memory. Rather too many than too few.
const MEMORY: &[&str] = &[
    "alloc",
    "free",
    "mem",
    "array",
    "pool",
    "regist",
    "host",
    "pointer",
    "address",
    "ipc",
    "extern",
    "managed",
    "svm",
    "lock",
    "prefetch",
    "advise",
    "import",
    "export",
    "interop",
    "portable",
    "region",
    "getprocaddress",
    "entrypoint",
    "streamwaitvalue",
    "streamwritevalue",
    "eventcreate",
    "attribute",
];

/// Why an export whose name has to do with memory is not hooked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Copies, sets or launches: never hooked, the hot path.
    Copy,
    /// Answers a question, and gives nothing that has to be given back.
    Query,
    /// Its name has to do with memory, what it does has not.
    Other,
    /// Makes an object over memory that the program has already, or describes such an object.
    View,
    /// A setting that changes no memory that exists.
    Setting,
    /// What the compiler emits at load, for variables in a program's own image.
    Image,
    /// For profilers: observes.
    Observer,
}

/// Names that begin like this are of a class as a whole.
pub type Beginning = (Why, &'static str);
/// Names one by one.
pub type Names = (Why, &'static [&'static str]);

/// The names that are neither hooked nor passed on purpose.
fn unclassified<'a>(exports: impl Iterator<Item = &'a str>, beginnings: &[Beginning], names: &[Names]) -> Vec<&'a str> {
    exports
        .filter(|name| {
            // Without the prefix, whose last letter would make "ipc" of "hipCreate".
            let lower = name
                .trim_start_matches("_Z")
                .trim_start_matches(|c: char| c.is_ascii_digit())
                .trim_start_matches("hip")
                .to_lowercase();
            let hooked = Function::by_name(name).is_some_and(|function| hooks::address(function, 0).is_some());
            MEMORY.iter().any(|part| lower.contains(part))
                && !hooked
                && !beginnings.iter().any(|(_, beginning)| name.starts_with(beginning))
                && !names.iter().any(|(_, names)| names.contains(name))
        })
        .collect()
}

/// Checks the library of `path` of each generation that there is.
fn check(path: impl Fn(&Generation) -> PathBuf, beginnings: &[Beginning], names: &[Names]) {
    let generations = generations();
    assert!(!generations.is_empty(), "none of AMD's libraries is here");
    for path in generations.iter().map(path) {
        let library = rmcp_front::Library::read(&path).expect("one of AMD's libraries");
        let left = unclassified(library.exports.iter().map(|export| &*export.name), beginnings, names);
        assert!(left.is_empty(), "{}: neither hooked nor passed with a reason: {left:#?}", path.display());
    }
}

#[test]
fn every_export_of_hip_that_has_to_do_with_memory_is_hooked_or_passed_for_a_reason() {
    check(Generation::hip, hip::BEGINNINGS, hip::NAMES);
}

#[test]
fn every_export_of_hsa_that_has_to_do_with_memory_is_hooked_or_passed_for_a_reason() {
    check(Generation::hsa, hsa::BEGINNINGS, hsa::NAMES);
}

#[test]
fn a_new_function_for_memory_would_be_noticed() {
    let new = ["hipMallocFancy", "hipMemcpyFancy", "hipMalloc", "hipFancy"];
    assert_eq!(unclassified(new.into_iter(), hip::BEGINNINGS, hip::NAMES), ["hipMallocFancy"]);
}

#[test]
fn nothing_is_both_hooked_and_passed() {
    for (why, names) in hip::NAMES.iter().chain(hsa::NAMES) {
        for name in *names {
            let hooked = Function::by_name(name).and_then(|function| hooks::address(function, 0));
            assert_eq!(hooked, None, "{name} ({why:?}) is hooked");
        }
    }
    for (function, name) in Function::ALL {
        let passed = hip::BEGINNINGS.iter().chain(hsa::BEGINNINGS).any(|(_, beginning)| name.starts_with(beginning));
        assert!(!passed || hooks::address(*function, 0).is_none(), "{name}");
    }
}
