//! Debian packages: which are needed, and how they get onto the machine.

use std::io::IsTerminal;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// What the demo needs: AMD's runtime and compiler, and rocminfo.
pub const DEMO: &[&str] = &["libamdhip64-5", "libhsa-runtime64-1", "hipcc", "rocminfo"];

/// What the tests need besides: headers, a C and C++ compiler, a second linker, the tools that judge ELF files, GPU code, packages and man pages, and what makes a
/// clean system and a Python environment to install in.
pub const TEST: &[&str] = &[
    "abigail-tools",
    "attr",
    "binutils",
    "buildah",
    "debootstrap",
    "dpkg-dev",
    "elfutils",
    "g++",
    "gcc",
    "libamdhip64-dev",
    "libc6-dev",
    "libclang1-15",
    "libhsa-runtime-dev",
    "lintian",
    "lld",
    "llvm",
    "man-db",
    "patchelf",
    "python3",
    "python3-pip",
    "python3-venv",
    "strace",
    "xz-utils",
];

/// What `cargo xtask dist` needs: what a Debian package is made with, and compression.
pub const DIST: &[&str] = &["binutils", "dpkg-dev", "tar", "xz-utils"];

/// What fetching the fixtures needs: apt, and the keys that the archive is signed with.
pub const FIXTURES: &[&str] = &["apt", "debian-archive-keyring"];

/// Installs what is missing of `wanted`; where that is not allowed, the error has the command.
pub fn ensure(wanted: &[&str]) -> Result<()> {
    let missing = missing(wanted)?;
    if missing.is_empty() {
        return Ok(());
    }
    let command = format!("apt-get update && apt-get install -y --no-install-recommends {}", missing.join(" "));
    let Some(prefix) = privilege() else {
        bail!("these Debian packages are missing; install them as root and call this again:\n\n    {command}\n");
    };
    eprintln!("      installing {}", missing.join(" "));
    let install = [&["install", "-q", "-y", "--no-install-recommends"][..], &missing].concat();
    for words in [&["update", "-q"][..], &install] {
        let mut apt = Command::new(prefix.first().unwrap_or(&"apt-get"));
        if !prefix.is_empty() {
            apt.args(&prefix[1..]).arg("apt-get");
        }
        // Standard output is the caller's result: what apt says goes where progress goes.
        let status = apt
            .args(words)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null())
            .stdout(std::io::stderr())
            .status()
            .context("apt-get cannot be started")?;
        if !status.success() {
            bail!(
                "apt-get {} failed; see above, then call this again, or install by hand:\n\n    {command}\n",
                words[0]
            );
        }
    }
    Ok(())
}

/// Which of `wanted` are not installed.
fn missing<'a>(wanted: &[&'a str]) -> Result<Vec<&'a str>> {
    let mut missing = Vec::new();
    for package in wanted {
        let output = Command::new("dpkg-query").args(["-W", "-f", "${db:Status-Status}", package]).output().context(
            "dpkg-query cannot be started: this needs Debian 12 (other systems: see README.md, \"Four commands\")",
        )?;
        if output.stdout != b"installed" {
            missing.push(*package);
        }
    }
    Ok(missing)
}

/// How to become root: no words when we are, `sudo` where it asks for nothing or there is somebody to ask.
fn privilege() -> Option<Vec<&'static str>> {
    let id = Command::new("id").arg("-u").output().ok()?;
    if id.stdout.trim_ascii() == b"0" {
        return Some(Vec::new());
    }
    let silent = Command::new("sudo").args(["-n", "true"]).stderr(Stdio::null()).status();
    match silent {
        Ok(status) if status.success() => Some(vec!["sudo", "-n"]),
        Ok(_) if std::io::stdin().is_terminal() => Some(vec!["sudo"]),
        _ => None,
    }
}

/// The installed version of a package.
pub fn version(package: &str) -> Option<String> {
    let output = Command::new("dpkg-query").args(["-W", "-f", "${Version}", package]).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
