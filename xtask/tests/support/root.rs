//! A clean Debian 12 root to install packages in: made once by debootstrap, kept in the cache of the fixtures, and copied for each test.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{clean, output, said};

const ARCHIVE: &str = "http://deb.debian.org/debian";
const NAME: &str = "bookworm-root";
/// The package of bookworm's HIP library.
const HIP: &str = "libamdhip64-5";
/// What can be installed in it: downloaded once, with what they need.
const PACKAGES: [&str; 2] = [HIP, "python3-pip"];

/// A copy, which is removed when it is dropped.
pub struct Root {
    directory: tempfile::TempDir,
}

impl Root {
    /// The error is the reason why there is none, a sentence.
    pub fn new() -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("a root file system of its own can only be made by root".to_owned());
        }
        let kept = kept()?;
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).map_err(|error| error.to_string())?;
        let root = Self { directory };
        run(Command::new("cp").args(["-a", "--reflink=auto"]).arg(&kept).arg(root.path("")))?;
        root.install(HIP)?;
        Ok(root)
    }

    /// Installs one of [`PACKAGES`], without the network.
    pub fn install(&self, package: &str) -> Result<(), String> {
        let words = ["install", "-y", "--no-download", "--no-install-recommends", package];
        run(self.command("apt-get").args(words)).map(drop)
    }

    /// A path inside, as it is seen from outside.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.directory.path().join(NAME).join(inside.trim_start_matches('/'))
    }

    /// A command that runs inside.
    pub fn command(&self, program: &str) -> Command {
        inside(&self.path(""), program)
    }
}

/// A command in a root, with a /proc and /dev that nobody else sees, and that end with it.
fn inside(root: &Path, program: &str) -> Command {
    const SCRIPT: &str = "mount -t proc proc \"$0/proc\" && mount --rbind /dev \"$0/dev\" && exec chroot \"$0\" \"$@\"";
    let mut command = clean("unshare");
    command.args(["--mount", "--pid", "--fork", "sh", "-c", SCRIPT]).arg(root).arg(program);
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// The root that is copied; made if it is not there.
fn kept() -> Result<PathBuf, String> {
    let cache = rmcp_fixtures::cache(|name| std::env::var_os(name))?;
    let failed = |error: std::io::Error| format!("{} cannot be written ({error})", cache.display());
    fs::create_dir_all(&cache).map_err(failed)?;
    let lock = File::options().create(true).truncate(false).write(true).open(cache.join(format!("{NAME}.lock")));
    // Held to the end: a second test waits.
    let lock = lock.map_err(failed)?;
    lock.lock().map_err(failed)?;
    let place = cache.join(NAME);
    if place.exists() {
        return Ok(place);
    }
    let making = tempfile::Builder::new().prefix(".bookworm-root-").tempdir_in(&cache).map_err(failed)?;
    let root = making.path().join(NAME);
    run(Command::new("debootstrap").args(["--variant=minbase", "bookworm"]).arg(&root).arg(ARCHIVE))?;
    fs::write(root.join("etc/apt/apt.conf.d/90host"), network()?).map_err(failed)?;
    // A root of a test need not survive a power failure.
    fs::write(root.join("etc/dpkg/dpkg.cfg.d/90test"), "force-unsafe-io\n").map_err(failed)?;
    let download = ["install", "-y", "--download-only", "--no-install-recommends"];
    run(inside(&root, "apt-get").args(download).args(PACKAGES))?;
    fs::rename(&root, &place).map_err(failed)?;
    Ok(place)
}

/// How this machine reaches the archive (proxies), as apt's configuration has it.
fn network() -> Result<String, String> {
    let dump = run(Command::new("apt-config").args(["dump", "Acquire"]))?;
    let network = ["Acquire::http::", "Acquire::https::", "Acquire::Check-Valid-Until "];
    Ok(dump
        .lines()
        .filter(|line| network.iter().any(|prefix| line.starts_with(prefix)))
        .map(|line| format!("{line}\n"))
        .collect())
}

fn run(command: &mut Command) -> Result<String, String> {
    let output = output(command);
    let said = said(&output);
    match output.status.success() {
        true => Ok(said),
        false => Err(format!("{:?} failed: {}", command.get_program(), said.trim().lines().last().unwrap_or_default())),
    }
}
