//! `cargo xtask dist`: what is given to others. A relocatable tree, and from it an archive, a Debian package and a Python wheel.
//!
//! The same commit gives the same bytes: times are the commit's, owners are root, names are sorted, and the binaries name no path of the machine that built them.

mod deb;
mod files;
mod licences;
mod tree;
mod wheel;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{build, packages};

pub const HELP: &str = "\
Makes, in DIR:
  rmcp-VERSION-x86_64-linux/        bin, lib, include, share: it can be moved anywhere
  rmcp-VERSION-x86_64-linux.tar.xz  the same
  rmcp_VERSION_amd64.deb            for Debian 12 and later, Ubuntu 22.04 and later
  rmcp-VERSION-py3-none-*.whl       for pip

What is of the same names there is replaced. Files have the time of $SOURCE_DATE_EPOCH, else of the last commit.
docs/packaging.md says what each is for.";

#[derive(clap::Args)]
pub struct Arguments {
    /// Where they are put [default: `packages` in cargo's target directory]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// What everything that is made has in common.
pub struct Release {
    /// Of the workspace.
    pub version: &'static str,
    /// The time that all files have: seconds since 1970.
    pub time: u64,
}

impl Release {
    fn of_this_checkout() -> Result<Self> {
        Ok(Self { version: env!("CARGO_PKG_VERSION"), time: time()? })
    }

    /// `rmcp-0.1.0-x86_64-linux`
    fn name(&self) -> String {
        format!("rmcp-{}-x86_64-linux", self.version)
    }
}

pub fn run(arguments: &Arguments) -> Result<bool> {
    packages::ensure(packages::DIST)?;
    let release = Release::of_this_checkout()?;
    let out = match &arguments.out {
        Some(out) => std::path::absolute(out)?,
        None => build::target().join("packages"),
    };
    files::directory(&out)?;
    eprintln!("[1/4] Building");
    let lock = build::distribution_lock()?;
    let built = build::distribution()?;
    eprintln!("[2/4] {}", release.name());
    let tree = tree::make(&release, &built, &out)?;
    drop(lock);
    archive(&release, &tree)?;
    eprintln!("[3/4] Debian package");
    let deb = deb::make(&release, &tree, &out)?;
    eprintln!("[4/4] Python wheel");
    let wheel = wheel::make(&release, &tree, &out)?;
    for made in [tree.as_path(), &tree_archive(&tree), &deb, &wheel] {
        println!("{}", made.display());
    }
    Ok(true)
}

/// `$SOURCE_DATE_EPOCH`, else the time of the last commit.
fn time() -> Result<u64> {
    if let Some(value) = std::env::var_os("SOURCE_DATE_EPOCH") {
        let seconds = value.to_str().and_then(|text| text.parse().ok());
        return seconds.with_context(|| format!("SOURCE_DATE_EPOCH is {value:?}: it must be seconds since 1970"));
    }
    let output = Command::new("git").args(["log", "-1", "--format=%ct"]).current_dir(build::root()).output();
    let text = output.ok().filter(|output| output.status.success()).map(|output| output.stdout);
    let seconds = text.and_then(|text| String::from_utf8_lossy(&text).trim().parse().ok());
    seconds.context("this is no git checkout: set SOURCE_DATE_EPOCH to the time that the files are to have")
}

fn tree_archive(tree: &Path) -> PathBuf {
    let mut name = tree.as_os_str().to_owned();
    name.push(".tar.xz");
    name.into()
}

/// The tree as one file.
fn archive(release: &Release, tree: &Path) -> Result<()> {
    let (Some(directory), Some(name)) = (tree.parent(), tree.file_name()) else { bail!("the tree has a name") };
    build::must(
        Command::new("tar")
            .args(["--create", "--xz", "--format=gnu", "--sort=name", "--numeric-owner", "--owner=0", "--group=0"])
            .arg(format!("--mtime=@{}", release.time))
            .arg("--directory")
            .arg(directory)
            .arg("--file")
            .arg(tree_archive(tree))
            .arg(name)
            // Several threads would cut it into other blocks.
            .env("XZ_DEFAULTS", "-T1"),
    )
}
