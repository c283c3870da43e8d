//! Building: the workspace with cargo, and HIP programs with hipcc.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The top of the checkout.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the checkout")
}

pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Runs a command to its end; what it prints is shown.
pub fn must(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_owned();
    let status = command.status().with_context(|| format!("{} cannot be started", program.to_string_lossy()))?;
    if !status.success() {
        bail!("{command:?} failed ({status})");
    }
    Ok(())
}

/// Builds the command, the core and the virtual card; returns the directory they are in.
pub fn workspace(profile: &str) -> Result<PathBuf> {
    let packages = ["rmcp", "rmcp-cli", "vgpu", "vgpu-preload", "kfd-trace"].map(|package| ["-p", package]).concat();
    must(cargo().args(["build", "--profile", profile]).args(packages))?;
    Ok(target().join(if profile == "dev" { "debug" } else { profile }))
}

/// The directory that cargo builds in.
pub fn target() -> PathBuf {
    root().join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// Compiles a HIP program of `tests/programs` for these targets.
pub fn hip_program(source: &str, targets: &BTreeSet<String>, directory: &Path) -> Result<PathBuf> {
    let out = directory.join(source.split('.').next().unwrap_or(source));
    let targets = targets.iter().map(|target| format!("--offload-arch={target}"));
    let source = root().join("tests/programs").join(source);
    must(
        Command::new("hipcc")
            .args(targets)
            .args(["-O2", "-std=c++17", "-Wno-deprecated-declarations"])
            .arg(source)
            .arg("-o")
            .arg(&out)
            // It leaves empty directories there.
            .env("TMPDIR", directory),
    )?;
    Ok(out)
}
