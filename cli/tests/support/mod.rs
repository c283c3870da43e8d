//! What the tests of the command share.

#![allow(dead_code)] // each test binary uses a part of it

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// `rmcp`, without settings and installations of the tester's own; its fronts go to a cache of this test binary.
pub fn rmcp() -> Command {
    static CACHE: OnceLock<tempfile::TempDir> = OnceLock::new();
    let cache = CACHE.get_or_init(|| tempfile::tempdir().expect("a temporary directory"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_rmcp"));
    let ours = |name: &std::ffi::OsString| name.to_string_lossy().starts_with("RMCP_");
    for variable in std::env::vars_os().map(|(name, _)| name).filter(ours) {
        command.env_remove(variable);
    }
    for variable in [
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "ROCR_VISIBLE_DEVICES",
        "HIP_VISIBLE_DEVICES",
        "CUDA_VISIBLE_DEVICES",
        "GPU_DEVICE_ORDINAL",
        "HSA_OVERRIDE_GFX_VERSION",
        "MIOPEN_FIND_MODE",
        "GPU_FORCE_BLIT_COPY_SIZE",
        "AMD_OPT_FLUSH",
    ] {
        command.env_remove(variable);
    }
    command.env("XDG_CACHE_HOME", cache.path()).env("XDG_STATE_HOME", cache.path()).stdin(Stdio::null());
    command
}

/// The libraries beside `rmcp`, brought up to date: a test's own build does not include a cdylib.
pub fn build_libraries() {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let profile = Path::new(env!("CARGO_BIN_EXE_rmcp")).parent().expect("target/<profile>");
        let mut command = Command::new(env!("CARGO"));
        command.args(["build", "--quiet", "-p", "rmcp", "-p", "vgpu", "-p", "vgpu-preload", "--target-dir"]);
        command.arg(profile.parent().expect("target"));
        if profile.file_name().is_some_and(|name| name == "release") {
            command.arg("--release");
        }
        let status = command.current_dir(env!("CARGO_MANIFEST_DIR")).status().expect("cargo");
        assert!(status.success(), "{command:?}");
    });
}

/// Exit code, stdout and stderr.
pub fn output(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let (stdout, stderr) = (text(stdout), text(stderr));
    (status.code().unwrap_or_else(|| panic!("{command:?}: {status}\n{stderr}")), stdout, stderr)
}

/// A C program.
pub fn program(directory: &Path, name: &str, source: &str, arguments: &[&str]) -> PathBuf {
    let (file, out) = (directory.join(format!("{name}.c")), directory.join(name));
    std::fs::write(&file, source).expect("written");
    let mut command = Command::new("cc");
    command.arg("-Wno-deprecated-declarations").arg(&file).arg("-o").arg(&out).args(arguments);
    assert!(command.status().expect("cc").success(), "{command:?}");
    out
}
