//! Functions that hand out functions hand out the hooks, and calls that the real library makes to itself are the library's own. Both need a HIP that
//! this machine does not have (5.2.3 has no hipGetProcAddress), so a small library with HIP 6's name stands in for it.

mod core_support;

use std::path::{Path, PathBuf};

use core_support::{front, run, sentences, stand_in, text, with_fronts};

const SONAME: &str = "libamdhip64.so.6";

struct Place {
    directory: tempfile::TempDir,
    program: PathBuf,
}

fn compile_fake(directory: &Path, definitions: &[&str]) -> PathBuf {
    let real = directory.join("real").join(SONAME);
    std::fs::create_dir_all(real.parent().expect("a directory")).expect("mkdir");
    stand_in(&real, "fake_hip.c", ("hip_4.2", "hip*"), definitions);
    real
}

fn place() -> Place {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let real = compile_fake(directory.path(), &[]);
    std::fs::create_dir(directory.path().join("fronts")).expect("mkdir");
    front(&real, &directory.path().join("fronts"));
    let real_directory = format!("-L{}", real.parent().expect("a directory").display());
    let program =
        core_support::program(directory.path(), "lookup.c", &[&real_directory, "-l:libamdhip64.so.6", "-ldl"]);
    Place { directory, program }
}

impl Place {
    fn lines(&self, policy: &str) -> (Vec<String>, Vec<String>) {
        let output = run(with_fronts(&self.directory.path().join("fronts"), &self.program).env("RMCP_POLICY", policy));
        (text(&output.stdout).lines().map(str::to_owned).collect(), sentences(&output))
    }
}

#[test]
fn functions_that_are_handed_out_are_the_hooks_and_inner_calls_are_not_counted() {
    let (lines, said) = place().lines("audit");
    assert_eq!(said, [""; 0]);
    assert_eq!(
        lines,
        [
            "real hipGetDeviceCount",
            "real hipHostMalloc 100 0",
            "direct 0 calls=1 failed=0",
            "real hipHostMalloc 101 0",
            "nested 0 calls=2 failed=0",
            "real hipHostMalloc 102 0x2",
            "proc 0 calls=3 failed=0",
            "real hipHostMalloc 103 0x4",
            "entry 0 calls=4 failed=0",
            "unhooked 0 none",
            "absent 500",
            "register 0 calls=5 failed=0",
            "name some",
        ]
    );
}

#[test]
fn off_forwards_everything_without_a_call_of_its_own() {
    let (lines, _) = place().lines("off");
    assert!(lines.contains(&"real hipHostMalloc 100 0".to_owned()));
    assert!(!lines.contains(&"real hipGetDeviceCount".to_owned()), "{lines:?}");
    assert!(lines.contains(&"entry 0 calls=0 failed=0".to_owned()), "{lines:?}");
}

#[test]
fn on_a_device_that_the_kernel_does_not_know_nothing_is_rewritten() {
    // The stand-in claims a device at 0000:03:00.0; this process has no KFD topology with such a card.
    for policy in ["default", "strict"] {
        let (lines, _) = place().lines(policy);
        assert!(lines.contains(&"real hipHostMalloc 100 0".to_owned()), "{policy}: {lines:?}");
    }
}

#[test]
fn a_function_that_the_library_has_lost_is_said_and_fails_and_the_others_work() {
    let place = place();
    compile_fake(place.directory.path(), &["-DEARLIER"]);
    let (lines, said) = place.lines("audit");
    assert!(lines.contains(&"register 303 calls=4 failed=1".to_owned()), "{lines:?}");
    assert!(lines.contains(&"name some".to_owned()), "{lines:?}");
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("hipHostRegister") && said[0].contains("rmcp front build"), "{said:?}");
}

#[test]
fn a_library_with_more_functions_than_its_front_is_said_to_have_changed() {
    let place = place();
    compile_fake(place.directory.path(), &["-DLATER"]);
    let (lines, said) = place.lines("audit");
    assert!(lines.contains(&"register 0 calls=5 failed=0".to_owned()), "{lines:?}");
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("another build of the library than its front was made for"), "{said:?}");
}
