//! What the tests of the shim core share: the core as built, fronts made for this test run, and C programs.

#![allow(dead_code)] // each test binary uses a part of it

#[path = "../support/run.rs"]
mod run;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

#[allow(unused_imports)] // each test binary uses a part of it
pub use run::{output, succeed as run};

/// Debian's directory of AMD's real libraries.
pub const SYSTEM: &str = "/usr/lib/x86_64-linux-gnu";
/// SONAMEs of AMD's HIP and HSA libraries of release 5.2.3.
pub const HIP: &str = "libamdhip64.so.5";
pub const HSA: &str = "libhsa-runtime64.so.1";

/// The directory of `librmcp.so`, brought up to date: a test's own build does not include a cdylib.
pub fn core_directory() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build(&["rmcp"]))
}

/// The launcher of the virtual card, brought up to date.
pub fn vgpu() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build(&["vgpu", "vgpu-preload"])).join("vgpu")
}

/// Builds packages as this test was built; `target/<profile>`.
fn build(packages: &[&str]) -> PathBuf {
    let exe = std::env::current_exe().expect("the test's own path");
    let profile = exe.parent().and_then(Path::parent).expect("target/<profile>/deps").to_owned();
    let mut command = Command::new(env!("CARGO"));
    command.args(["build", "--quiet", "--target-dir"]).arg(profile.parent().expect("target"));
    command.args(packages.iter().flat_map(|package| ["--package", package]));
    if profile.file_name().is_some_and(|name| name == "release") {
        command.arg("--release");
    }
    // A build that waits for another one's lock may take long: no deadline.
    let status = command.current_dir(env!("CARGO_MANIFEST_DIR")).status().expect("cargo");
    assert!(status.success(), "{command:?}");
    profile
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A directory with the fronts of AMD's two libraries, made once per test binary.
pub fn fronts() -> &'static Path {
    static FRONTS: OnceLock<tempfile::TempDir> = OnceLock::new();
    FRONTS
        .get_or_init(|| {
            let directory = tempfile::tempdir().expect("a temporary directory");
            for name in [HIP, HSA] {
                front(&Path::new(SYSTEM).join(name), directory.path());
            }
            directory
        })
        .path()
}

/// Compiles a C program of `tests/core_support` into `directory`, linked as `arguments` say.
pub fn program(directory: &Path, source: &str, arguments: &[&str]) -> PathBuf {
    let out = directory.join(Path::new(source).file_stem().expect("a stem"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/core_support").join(source);
    run(Command::new("cc")
        .args(["-O1", "-Wall", "-Werror", "-Wno-deprecated-declarations"])
        .arg(source)
        .arg("-o")
        .arg(&out)
        .args(arguments));
    out
}

/// Compiles a small library that stands in for one of AMD's, from `tests/core_support`: `exported`, a pattern, is what it exports, in the version `node`.
pub fn stand_in(real: &Path, source: &str, (node, exported): (&str, &str), definitions: &[&str]) {
    let soname = real.file_name().expect("a name").to_str().expect("UTF-8");
    let script = real.with_file_name("versions");
    std::fs::write(&script, format!("{node} {{ global: {exported}; local: *; }};\n")).expect("write");
    run(Command::new("cc")
        .args(["-O1", "-shared", "-fPIC", "-Wall", "-Werror", "-Wl,--build-id=sha1"])
        .args(definitions)
        .args([format!("-Wl,-soname,{soname}"), format!("-Wl,--version-script={}", script.display())])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/core_support").join(source))
        .arg("-o")
        .arg(real));
}

/// A program set up to find the fronts before AMD's libraries, with nothing of the tester's own RMCP settings.
pub fn with_fronts(fronts: &Path, program: &Path) -> Command {
    let mut command = without_fronts(program);
    command.env("LD_LIBRARY_PATH", format!("{}:{}", fronts.display(), core_directory().display()));
    command
}

/// The same program with AMD's libraries alone.
pub fn without_fronts(program: &Path) -> Command {
    let mut command = Command::new(program);
    of_nobody(&mut command);
    command
}

/// Takes the tester's own settings of RMCP and of the loader away.
pub fn of_nobody(command: &mut Command) {
    let ours = |name: &std::ffi::OsString| name.to_string_lossy().starts_with("RMCP_");
    for name in std::env::vars_os().map(|(name, _)| name).filter(ours) {
        command.env_remove(name);
    }
    command.env_remove("LD_PRELOAD").env_remove("LD_LIBRARY_PATH").env("XDG_CONFIG_HOME", "/nonexistent");
}

/// What RMCP said: the lines of `stderr` that are its own.
pub fn sentences(output: &Output) -> Vec<String> {
    text(&output.stderr).lines().filter(|line| line.starts_with("RMCP: ")).map(str::to_owned).collect()
}

/// Makes the front of `real` in `directory`, under its SONAME.
pub fn front(real: &Path, directory: &Path) -> PathBuf {
    let library = rmcp_front::Library::read(real).expect("a library");
    let out = directory.join(&library.soname);
    rmcp_front::write(&rmcp_front::build(&library, &rmcp_front::Options::default()), &out).expect("write the front");
    out
}

/// Puts copies of AMD's libraries into `directory` as `rmcp install` leaves them: fronts under the files' own names, the libraries beside them, links by SONAME.
pub fn install(directory: &Path, sonames: &[&str]) {
    for soname in sonames {
        let real = Path::new(SYSTEM).join(soname).canonicalize().expect("AMD's library");
        let name = real.file_name().expect("a name").to_str().expect("UTF-8");
        let saved = format!("rmcp-real-{name}");
        std::fs::copy(&real, directory.join(&saved)).expect("copy");
        let library = rmcp_front::Library::read(&directory.join(&saved)).expect("a library");
        let core = core_directory().to_str().expect("UTF-8").to_owned();
        let options = rmcp_front::Options::beside(&library, &saved, &[core]);
        rmcp_front::write(&rmcp_front::build(&library, &options), &directory.join(name)).expect("write the front");
        std::os::unix::fs::symlink(name, directory.join(soname)).expect("a link");
    }
}
