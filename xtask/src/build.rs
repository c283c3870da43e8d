//! Building: the workspace with cargo, and HIP programs with hipcc.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::File;
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

/// The packages whose binaries are given to others.
pub const SHIPPED: [&str; 3] = ["rmcp", "rmcp-cli", "vgpu-preload"];

/// What [`distribution`] built.
pub struct Built {
    /// Where `rmcp`, `librmcp.so` and `libvgpu_preload.so` are.
    pub directory: PathBuf,
    /// `man/*.1` and `completions/*`, which the command wrote.
    pub generated: PathBuf,
}

/// Builds what is given to others: stripped, and without this machine's paths. The man pages and completions are made by a build of the command that has a feature for
/// it, before the one that is shipped; only the command itself is compiled twice.
///
/// The caller holds [`distribution_lock`] until it has what it wants: another run would put its own in the place.
pub fn distribution() -> Result<Built> {
    let flags = reproducible_flags();
    let build = |packages: &[&str], more: &[&str]| {
        let packages = packages.iter().flat_map(|package| ["-p", package]);
        must(
            cargo()
                .args(["build", "--profile", "dist"])
                .args(packages)
                .args(more)
                .env("CARGO_ENCODED_RUSTFLAGS", &flags),
        )
    };
    let (directory, generated) = (target().join("dist"), target().join("dist/generated"));
    build(&["rmcp-cli"], &["--features", "rmcp-cli/generate"])?;
    if generated.exists() {
        std::fs::remove_dir_all(&generated).with_context(|| format!("{} cannot be replaced", generated.display()))?;
    }
    must(Command::new(directory.join("rmcp")).arg("generate").arg(&generated))?;
    build(&SHIPPED, &[])?;
    Ok(Built { directory, generated })
}

/// The right to build what is given to others: held until the file is closed; a second run waits.
pub fn distribution_lock() -> Result<File> {
    let path = target().join("dist.lock");
    let open = || -> std::io::Result<File> {
        std::fs::create_dir_all(target())?;
        let file = File::options().create(true).truncate(false).write(true).open(&path)?;
        file.lock()?;
        Ok(file)
    };
    open().with_context(|| format!("{} cannot be locked", path.display()))
}

/// The caller's compiler flags, and those that take this machine's paths out of what is built.
fn reproducible_flags() -> OsString {
    // What cargo separates them with.
    const SEPARATOR: &str = "\u{1f}";
    let plain =
        || std::env::var("RUSTFLAGS").ok().map(|flags| flags.split_whitespace().collect::<Vec<_>>().join(SEPARATOR));
    let given = std::env::var_os("CARGO_ENCODED_RUSTFLAGS").or_else(|| plain().map(OsString::from));
    let mut flags: Vec<OsString> = given.into_iter().filter(|flags| !flags.is_empty()).collect();
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    for (from, to) in [(home.as_deref(), "/cargo"), (Some(root()), "/rmcp")] {
        let Some(from) = from else { continue };
        let mut flag = OsString::from("--remap-path-prefix=");
        flag.push(from);
        flag.push("=");
        flag.push(to);
        flags.push(flag);
    }
    flags.join(OsStr::new(SEPARATOR))
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
