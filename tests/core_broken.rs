//! Real libraries that are missing, damaged or not what they should be: one sentence that names the file, the reason and the way out; an error code
//! for the program; no crash and no hang.

mod core_support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use core_support::{
    HIP, HSA, SYSTEM, front, fronts, install, output, program, run, sentences, text, with_fronts, without_fronts,
};

struct Place {
    directory: tempfile::TempDir,
    real: PathBuf,
    program: PathBuf,
}

/// A front made for a copy of AMD's library, which the test then damages.
fn place(soname: &str) -> Place {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let real = directory.path().join(format!("real-{soname}"));
    std::fs::copy(Path::new(SYSTEM).join(soname), &real).expect("copy");
    std::fs::create_dir(directory.path().join("fronts")).expect("mkdir");
    front(&real, &directory.path().join("fronts"));
    let program = program(directory.path(), "calls.c", &["-lamdhip64", "-ldl", "-pthread"]);
    Place { directory, real, program }
}

impl Place {
    fn calls(&self) -> Output {
        self.calls_how("", "plain")
    }

    fn calls_how(&self, open: &str, way: &str) -> Output {
        output(with_fronts(&self.directory.path().join("fronts"), &self.program).arg(way).env("RMCP_OPEN", open))
    }
}

/// What every call of `calls.c` gives when there is no HIP.
const WITHOUT_HIP: &str = "hipRuntimeGetVersion 303 0
hipGetErrorString RMCP could not open the real library
hipGetErrorName RMCP could not open the real library
hipGetDeviceCount 303
hipHostMalloc 303
hipMemAllocHost 303
hipHostMalloc-bad 303
hipHostFree 303
hipHostRegister 303
hipHostUnregister 303
hipGetLastError 303
";

fn assert_survives(place: &Place, words: &[&str]) {
    for open in ["", "lazy"] {
        let output = place.calls_how(open, "plain");
        let said = sentences(&output);
        assert_eq!(text(&output.stdout), WITHOUT_HIP, "{} {said:?}", output.status);
        assert!(output.status.success(), "{}", output.status);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains(place.real.to_str().expect("UTF-8")), "{said:?}");
        for word in words.iter().chain(&["rmcp front build"]) {
            assert!(said[0].contains(word), "{word}: {said:?}");
        }
    }
}

#[test]
fn a_missing_library_is_one_sentence_and_an_error_code() {
    let place = place(HIP);
    std::fs::remove_file(&place.real).expect("remove");
    assert_survives(&place, &["No such file"]);
}

#[test]
fn a_fifo_in_its_place_is_refused_and_not_waited_for() {
    let place = place(HIP);
    std::fs::remove_file(&place.real).expect("remove");
    run(Command::new("mkfifo").arg(&place.real));
    assert_survives(&place, &["not a"]);
}

#[test]
fn a_directory_in_its_place_is_refused() {
    let place = place(HIP);
    std::fs::remove_file(&place.real).expect("remove");
    std::fs::create_dir(&place.real).expect("mkdir");
    assert_survives(&place, &["not a"]);
}

#[test]
fn an_empty_a_truncated_and_a_text_file_are_refused_before_the_loader_sees_them() {
    let place = place(HIP);
    let whole = std::fs::read(&place.real).expect("read");
    for (bytes, word) in [
        (&b""[..], "empty"),
        (b"INPUT(libamdhip64.so.5)\n", "not an ELF file"),
        (&whole[..40], "truncated"),
        (&whole[..whole.len() / 2], "truncated"),
        (&whole[..4096], "truncated"),
    ] {
        std::fs::write(&place.real, bytes).expect("write");
        assert_survives(&place, &[word]);
    }
    let mut foreign = whole.clone();
    foreign[18] = 0xb7; // EM_AARCH64
    std::fs::write(&place.real, &foreign).expect("write");
    assert_survives(&place, &["x86-64"]);
}

#[test]
fn a_front_in_its_place_is_refused_its_own_or_another() {
    let place = place(HIP);
    let own = place.directory.path().join("fronts").join(HIP);
    std::fs::remove_file(&place.real).expect("remove");
    std::os::unix::fs::symlink(&own, &place.real).expect("symlink");
    assert_survives(&place, &["front"]);
    std::fs::remove_file(&place.real).expect("remove");
    std::fs::copy(fronts().join(HIP), &place.real).expect("copy");
    assert_survives(&place, &["front"]);
}

#[test]
fn another_library_in_its_place_is_refused() {
    let place = place(HIP);
    std::fs::copy(Path::new(SYSTEM).join(HSA), &place.real).expect("copy");
    assert_survives(&place, &[HIP, HSA]);
}

#[test]
fn what_the_loader_refuses_is_reported_in_its_words() {
    let place = place(HIP);
    // Needs a library that does not exist.
    run(Command::new("patchelf").args(["--add-needed", "libno-such-thing.so.9"]).arg(&place.real));
    assert_survives(&place, &["libno-such-thing.so.9"]);
}

#[test]
fn sixteen_threads_get_one_sentence_between_them() {
    let place = place(HIP);
    std::fs::remove_file(&place.real).expect("remove");
    let output = place.calls_how("lazy", "threads");
    assert_eq!(sentences(&output).len(), 1, "{}", text(&output.stderr));
    assert!(output.status.success());
}

#[test]
fn a_program_that_never_calls_hip_hears_nothing_of_a_missing_library() {
    let place = place(HIP);
    std::fs::remove_file(&place.real).expect("remove");
    let output = place.calls_how("", "nothing-that-calls");
    assert_eq!(sentences(&output).len(), 1, "this one calls");
    let source = place.directory.path().join("none.c");
    std::fs::write(
        &source,
        "int hipGetDeviceCount(int*); int main(int c, char**v) { return c > 5 ? hipGetDeviceCount(&c) : v == 0; }",
    )
    .expect("write");
    let none = place.directory.path().join("none");
    run(Command::new("cc").arg(&source).arg("-o").arg(&none).args(["-Wl,--no-as-needed", "-lamdhip64"]));
    let output = run(&mut with_fronts(&place.directory.path().join("fronts"), &none));
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn a_missing_hsa_library_gives_hsa_programs_an_hsa_status() {
    let place = place(HSA);
    let source = place.directory.path().join("hsa.c");
    std::fs::write(
        &source,
        "#include <hsa/hsa.h>\n#include <stdio.h>\nint main(void) { const char *t = 0; int i = hsa_init();\n\
         printf(\"%#x %#x %d\\n\", i, hsa_status_string(HSA_STATUS_ERROR, &t), (int)hsa_signal_load_relaxed((hsa_signal_t){0})); return 0; }\n",
    )
    .expect("write");
    let program = place.directory.path().join("hsa");
    run(Command::new("cc").arg(&source).arg("-o").arg(&program).arg("-lhsa-runtime64"));
    std::fs::remove_file(&place.real).expect("remove");
    let output = run(&mut with_fronts(&place.directory.path().join("fronts"), &program));
    assert_eq!(text(&output.stdout), "0x1000 0x1000 0\n");
    assert_eq!(sentences(&output).len(), 1);
    // HIP above it survives too.
    front(&Path::new(SYSTEM).join(HIP), &place.directory.path().join("fronts"));
    let output = place.calls();
    assert!(output.status.success() && sentences(&output).len() == 1, "{} {}", output.status, text(&output.stderr));
    assert!(text(&output.stdout).contains("hipGetDeviceCount 100"), "{}", text(&output.stdout));
}

/// Gives a library another build-id, and nothing else.
fn rebuild(library: &mut [u8]) {
    let note = library.windows(16).position(|w| w == b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0").expect("a build-id note");
    library[note + 16] ^= 0xff;
}

#[test]
fn a_library_that_changed_since_is_said_to_have_and_works() {
    let place = place(HIP);
    let mut bytes = std::fs::read(&place.real).expect("read");
    rebuild(&mut bytes);
    std::fs::write(&place.real, bytes).expect("write");
    let output = place.calls();
    let said = sentences(&output);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("rmcp front build") && said[0].contains(place.real.to_str().expect("UTF-8")), "{said:?}");
    assert!(text(&output.stdout).contains("hipErrorSharedObjectInitFailed"), "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains("hipGetDeviceCount 100"), "{}", text(&output.stdout));
}

/// An installation of HIP and HSA, which the test then damages.
fn installation() -> Place {
    let directory = tempfile::tempdir().expect("a temporary directory");
    install(directory.path(), &[HIP, HSA]);
    let front = directory.path().join(HIP).canonicalize().expect("the front");
    let name = front.file_name().expect("a name").to_string_lossy().into_owned();
    let program = program(directory.path(), "calls.c", &["-lamdhip64", "-ldl", "-pthread"]);
    Place { real: front.with_file_name(format!("rmcp-real-{name}")), directory, program }
}

impl Place {
    /// The counters of a program that the installation in place is found by.
    fn counters(&self) -> Output {
        let mut command = without_fronts(&self.program);
        command.arg("counters").env("LD_LIBRARY_PATH", self.directory.path()).env("RMCP_POLICY", "audit");
        output(&mut command)
    }
}

#[test]
fn an_installed_front_whose_library_is_gone_or_wrong_names_the_way_out_of_an_installation() {
    let place = installation();
    let own = place.directory.path().join(HIP);
    let check = |words: &[&str]| {
        let output = place.counters();
        let said = sentences(&output);
        assert!(output.status.success() && text(&output.stdout).contains("hipGetDeviceCount 303"), "{said:?}");
        assert_eq!(said.len(), 1, "{said:?}");
        for word in words.iter().chain(&[place.real.to_str().expect("UTF-8")]) {
            assert!(said[0].contains(word) && !said[0].contains("front build"), "{word}: {said:?}");
        }
    };
    std::fs::remove_file(&place.real).expect("remove");
    check(&["No such file", "`rmcp repair`", "`rmcp uninstall`"]);
    std::os::unix::fs::symlink(own.canonicalize().expect("the front"), &place.real).expect("a link");
    check(&["front itself", "`rmcp repair`"]);
    std::fs::remove_file(&place.real).expect("remove");
    std::fs::copy(Path::new(SYSTEM).join(HSA), &place.real).expect("copy");
    check(&[HSA, "`rmcp repair`"]);
}

#[test]
fn an_installed_front_over_another_build_warns_once_and_forwards_and_hooks_what_both_have() {
    let place = installation();
    let before = text(&place.counters().stdout);
    assert!(before.contains("hipGetErrorName hipErrorOutOfMemory") && before.contains("audit calls=4 "), "{before}");
    // A build that lacks a function: it is there under another name, of the same hash bucket or not.
    let mut bytes = std::fs::read(&place.real).expect("read");
    rebuild(&mut bytes);
    let name = b"\0hipGetErrorName\0";
    let at = bytes.windows(name.len()).position(|window| window == name).expect("in .dynstr");
    bytes[at + name.len() - 2] = b'f';
    std::fs::write(&place.real, bytes).expect("write");
    let output = place.counters();
    let said = sentences(&output);
    assert_eq!(said.len(), 1, "{said:?}");
    for word in
        [place.real.to_str().expect("UTF-8"), "another build", "1 of the functions", "hipGetErrorName", "`rmcp repair`"]
    {
        assert!(said[0].contains(word), "{word}: {said:?}");
    }
    let missing = "hipGetErrorName RMCP could not open the real library";
    let expected = before.replace("hipGetErrorName hipErrorOutOfMemory", missing).replace("failed=0", "failed=1");
    assert_eq!(text(&output.stdout), expected);
}

#[test]
fn a_front_of_another_format_names_the_way_out_of_an_installation_or_of_another_front() {
    for installed in [true, false] {
        let place = if installed { installation() } else { place(HIP) };
        let directory =
            if installed { place.directory.path().to_owned() } else { place.directory.path().join("fronts") };
        let front = directory.join(HIP).canonicalize().expect("the front");
        let mut bytes = std::fs::read(&front).expect("read");
        let descriptor = bytes.windows(8).position(|w| w == b"RCMF\x01\0\0\0").expect("a descriptor");
        bytes[descriptor + 4] = 2;
        std::fs::write(&front, bytes).expect("write");
        let source = directory.join("count.c");
        std::fs::write(&source, "int hipGetDeviceCount(int *); int main(int c, char **v) { return v == 0 || hipGetDeviceCount(&c) != 303; }\n")
            .expect("write");
        let program = directory.join("count");
        run(Command::new("cc").arg(&source).arg("-o").arg(&program).arg("-lamdhip64"));
        let output = output(&mut with_fronts(&directory, &program));
        let said = sentences(&output);
        assert!(output.status.success(), "{} {said:?}", output.status);
        assert_eq!(said.len(), 1, "{said:?}");
        let way_out = if installed { "`rmcp repair`" } else { "`rmcp front build`" };
        for word in [front.to_str().expect("UTF-8"), "front format 2", way_out] {
            assert!(said[0].contains(word), "{word}: {said:?}");
        }
    }
}

#[test]
fn a_front_for_any_build_says_nothing_of_the_build_and_copies_only_objects_of_its_size() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let source = directory.path().join("real.c");
    std::fs::write(&source, "int hsa_init(void) { return 0; } int same[4] = {7, 8}; int grown[GROWN] = {9};\n")
        .expect("write");
    let real = directory.path().join("real.so");
    let build = |grown: &str| {
        run(Command::new("cc")
            .args(["-shared", "-fPIC", "-Wl,--build-id=sha1", "-Wl,-soname,libhsa-runtime64.so.1", grown])
            .arg(&source)
            .arg("-o")
            .arg(&real));
    };
    build("-DGROWN=4");
    let mut library = rmcp_front::Library::read(&real).expect("a library");
    library.build_id.clear();
    let fronts = directory.path().join("fronts");
    std::fs::create_dir(&fronts).expect("mkdir");
    rmcp_front::write(&rmcp_front::build(&library, &rmcp_front::Options::default()), &fronts.join(HSA))
        .expect("a front");
    build("-DGROWN=1");
    let main = directory.path().join("main.c");
    std::fs::write(
        &main,
        "#include <stdio.h>\nint hsa_init(void); extern int same[4], grown[4];\n\
         int main(void) { int code = hsa_init(); printf(\"%d %d %d %d\\n\", code, same[0], same[1], grown[0]); return 0; }\n",
    )
    .expect("write");
    let program = directory.path().join("main");
    let link = format!("-l:{HSA}");
    run(Command::new("cc")
        .args(["-fPIC", "-pie", "-Wl,--allow-shlib-undefined"])
        .arg(&main)
        .arg("-o")
        .arg(&program)
        .arg(format!("-L{}", fronts.display()))
        .arg(link));
    let output = run(&mut with_fronts(&fronts, &program));
    assert_eq!((text(&output.stdout).as_str(), text(&output.stderr).as_str()), ("0 7 8 0\n", ""));
}
