//! `cargo xtask fixtures`: AMD's libraries of later ROCm generations, unpacked from Debian's packages into a cache.
//!
//! Each suite has an apt state of its own with an empty list of installed packages: apt then resolves the complete set of dependencies, the C library
//! included, checks the archive's signature, and downloads; nothing is installed, and apt's state of the system is neither read nor written. The packages are
//! unpacked beside the place of the fixture, which is renamed into place when it is complete.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, anyhow, bail};
use rmcp_fixtures::{Generation, HSA_PACKAGE, Origin, ROOT, STAMP, SUITES, Stamp, Suite, directory, reason_file};

use crate::packages;

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
const ARCHIVE: &str = "http://deb.debian.org/debian";
/// The state directories of apt, below the cache.
const APT: &str = "apt";

pub const HELP: &str = "\
The packages of trixie (HIP 5.7 on ROCr 6.1), sid (6.4) and experimental (7.2) with all they depend on: about 170 MB to
download and 800 MB on disk for each suite, in $RMCP_FIXTURES, else $XDG_CACHE_HOME/rmcp/fixtures, else
$HOME/.cache/rmcp/fixtures. Nothing is installed; removing that directory removes everything.

A suite that is there costs nothing. A suite that cannot be had (no network, a bad signature, a package gone, no
space, another release than the tests are made for) is named with the reason, and the others go on.

Exit code: 0 all suites asked for are there; 2 wrong usage; 3 at least one is not.";

#[derive(clap::Args)]
pub struct Arguments {
    /// Look for newer packages of the same release, and unpack them if there are any
    #[arg(long)]
    refresh: bool,
    /// Only this suite
    #[arg(long, value_name = "NAME", value_parser = ["trixie", "sid", "experimental"])]
    suite: Option<String>,
}

pub fn run(arguments: &Arguments) -> Result<bool> {
    packages::ensure(packages::FIXTURES)?;
    let wanted = |suite: &&'static Suite| arguments.suite.as_ref().is_none_or(|name| name == suite.name);
    let (found, missing) = ensure(unpacked_suites().filter(wanted), arguments.refresh)?;
    for generation in &found {
        println!("{}", describe(generation)?);
    }
    if !missing.is_empty() {
        bail!("not available: {}", missing.join(", "));
    }
    Ok(true)
}

/// For the tests, which skip what is missing: makes what can be made.
pub fn ensure_for_tests() -> Result<()> {
    ensure(unpacked_suites(), false).map(drop)
}

fn unpacked_suites() -> impl Iterator<Item = &'static Suite> {
    SUITES.iter().filter(|suite| matches!(suite.origin, Origin::Unpacked { .. }))
}

/// Makes the fixtures that are not there, or all with `refresh`. Returns those that are there then, and the names of the others, whose reasons have been said.
fn ensure(suites: impl Iterator<Item = &'static Suite>, refresh: bool) -> Result<(Vec<Generation>, Vec<&'static str>)> {
    let cache = rmcp_fixtures::cache(|name| std::env::var_os(name)).map_err(|reason| anyhow!(reason))?;
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for suite in suites {
        if !refresh && let Ok(generation) = Generation::unpacked(&cache, suite) {
            found.push(generation);
            continue;
        }
        let made = make(&cache, suite, refresh);
        if let Err(error) = &made {
            eprintln!("      {}: {error:#}", suite.name);
        }
        // What was there before a failed attempt is still there.
        match (Generation::unpacked(&cache, suite), made) {
            (Ok(generation), _) => found.push(generation),
            (Err(_), Err(error)) => {
                missing.push(suite.name);
                // For the tests' messages; where it cannot be written they have one of their own.
                let _ = fs::write(reason_file(&cache, suite), format!("{error:#}\n"));
            }
            (Err(reason), Ok(())) => {
                eprintln!("      {}: {reason}", suite.name);
                missing.push(suite.name);
            }
        }
    }
    Ok((found, missing))
}

/// Makes one fixture, or brings it up to date.
fn make(cache: &Path, suite: &'static Suite, refresh: bool) -> Result<()> {
    fs::create_dir_all(cache)
        .with_context(|| format!("{} cannot be made; set RMCP_FIXTURES to a directory of yours", cache.display()))?;
    let _lock = lock(cache, suite)?;
    if !refresh && Generation::unpacked(cache, suite).is_ok() {
        // Another run made it while this one waited.
        return Ok(());
    }
    remove_remains(cache, suite)?;
    let state = State::new(cache, suite)?;
    eprintln!("      {}: package lists of {ARCHIVE}", suite.name);
    state.apt(&["update", "-q", "--error-on=any"])?;
    let versions = state.resolve()?;
    if let Some(mismatch) = suite.mismatch(&versions) {
        bail!("{mismatch}; a cache that still has the release can be named in RMCP_FIXTURES");
    }
    if Generation::unpacked(cache, suite).is_ok_and(|there| there.packages == versions) {
        return state.remove();
    }
    eprintln!("      {}: downloading {} packages", suite.name, versions.len());
    state.apt(
        &[&["install", "-q", "-y", "--download-only", "--no-install-recommends"][..], state.packages()].concat(),
    )?;
    let archives = state.archives(&versions)?;
    eprintln!("      {}: unpacking", suite.name);
    let making = tempfile::Builder::new()
        .prefix(&half_done(suite))
        .tempdir_in(cache)
        .with_context(|| format!("{} cannot be written", cache.display()))?;
    let root = making.path().join(ROOT);
    unpack(&archives, &root)?;
    let sum = |paths: &[PathBuf]| paths.iter().map(|path| path.metadata().map_or(0, |file| file.len())).sum();
    let stamp =
        Stamp { suite: suite.name.to_owned(), packages: versions, downloaded: sum(&archives), unpacked: size(&root)? };
    fs::write(making.path().join(STAMP), serde_json::to_string_pretty(&stamp)? + "\n")?;
    put_in_place(making, &half_done(suite), &directory(cache, suite))?;
    let _ = fs::remove_file(reason_file(cache, suite));
    state.remove()
}

/// Held until the file is closed; a second run waits.
fn lock(cache: &Path, suite: &Suite) -> Result<File> {
    let path = cache.join(format!("{}.lock", suite.name));
    let open = File::options().create(true).truncate(false).write(true).open(&path);
    let file = open.with_context(|| format!("{} cannot be opened", path.display()))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => eprintln!("      {}: waiting for another run", suite.name),
        Err(TryLockError::Error(error)) => bail!("{} cannot be locked ({error})", path.display()),
    }
    file.lock().with_context(|| format!("{} cannot be locked", path.display()))?;
    Ok(file)
}

/// How directories begin in which a fixture of this suite is made.
fn half_done(suite: &Suite) -> String {
    format!(".{}-", suite.name)
}

/// Removes what a run that was killed while unpacking has left. Only the run that holds the lock may.
fn remove_remains(cache: &Path, suite: &Suite) -> Result<()> {
    for entry in fs::read_dir(cache).with_context(|| format!("{} cannot be read", cache.display()))? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&half_done(suite)) {
            let path = entry.path();
            fs::remove_dir_all(&path).with_context(|| format!("{} cannot be removed", path.display()))?;
        }
    }
    Ok(())
}

/// Moves a complete fixture to its place, from which an older one is taken first, into a directory that begins with `prefix`.
fn put_in_place(making: tempfile::TempDir, prefix: &str, place: &Path) -> Result<()> {
    let cache = place.parent().context("a place in the cache")?;
    let old = tempfile::Builder::new().prefix(prefix).tempdir_in(cache)?;
    let failed = || format!("{} cannot be replaced", place.display());
    if place.exists() {
        fs::rename(place, old.path().join("fixture")).with_context(failed)?;
    }
    // Its directory is made for its owner alone; the cache's own mode decides who may read.
    fs::set_permissions(making.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).with_context(failed)?;
    fs::rename(making.path(), place).with_context(failed)?;
    // It is no longer where it would be removed.
    let _ = making.keep();
    Ok(())
}

/// An apt of its own: configuration, package lists and downloads of one suite.
struct State {
    directory: PathBuf,
    suite: &'static Suite,
}

impl State {
    /// Downloads of an interrupted run are kept, and used.
    fn new(cache: &Path, suite: &'static Suite) -> Result<Self> {
        let state = Self { directory: cache.join(APT).join(suite.name), suite };
        let path = |name: &str| state.directory.join(name);
        let write = || -> Result<()> {
            for name in ["lists/partial", "archives/partial"] {
                fs::create_dir_all(path(name))?;
            }
            let others = match suite.origin {
                Origin::Unpacked { others, .. } => others,
                Origin::Installed => &[],
            };
            let line = |suite: &&str| format!("deb [signed-by={KEYRING}] {ARCHIVE} {suite} main\n");
            let sources: String = [suite.name].iter().chain(others).map(line).collect();
            fs::write(path("sources.list"), sources)?;
            fs::write(path("status"), "")?;
            fs::write(path("apt.conf"), state.configuration()?)?;
            Ok(())
        };
        write().with_context(|| format!("{} cannot be written", state.directory.display()))?;
        Ok(state)
    }

    /// Of the system's configuration only how the archive is reached is taken (proxies, and what whoever runs a frozen mirror says about the age of
    /// its lists; signatures are checked whatever it says): its sources, pins, hooks and further indices are not meant for this.
    fn configuration(&self) -> Result<String> {
        let output = Command::new("apt-config").args(["dump", "Acquire"]).output().context("apt-config")?;
        let network = ["Acquire::http::", "Acquire::https::", "Acquire::Check-Valid-Until "];
        let mut text: String = String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter(|line| network.iter().any(|prefix| line.starts_with(prefix)))
            .map(|line| format!("{line}\n"))
            .collect();
        let path = |name: &str| self.directory.join(name).display().to_string();
        for (name, value) in [
            ("Dir::Etc::Parts", "/dev/null".to_owned()),
            ("Dir::Etc::Main", "/dev/null".to_owned()),
            ("Dir::Etc::Preferences", "/dev/null".to_owned()),
            ("Dir::Etc::PreferencesParts", "/dev/null".to_owned()),
            ("Dir::Etc::SourceParts", "/dev/null".to_owned()),
            ("Dir::Etc::SourceList", path("sources.list")),
            ("Dir::State", path("")),
            ("Dir::State::Lists", path("lists")),
            ("Dir::State::Status", path("status")),
            ("Dir::Cache", path("")),
            ("Dir::Cache::Archives", path("archives")),
            ("APT::Architecture", "amd64".to_owned()),
            ("APT::Architectures", "amd64".to_owned()),
            ("APT::Default-Release", self.suite.name.to_owned()),
            // Downloads run as the caller: the cache is the caller's.
            ("APT::Sandbox::User", String::new()),
            ("Acquire::AllowInsecureRepositories", "false".to_owned()),
            ("Acquire::Languages", "none".to_owned()),
            ("Acquire::Retries", "3".to_owned()),
        ] {
            text += &format!("{name} \"{value}\";\n");
        }
        Ok(text)
    }

    fn packages(&self) -> &'static [&'static str] {
        match self.suite.origin {
            Origin::Unpacked { packages, .. } => packages,
            Origin::Installed => &[],
        }
    }

    /// Runs apt-get; an error has what it said was wrong.
    fn apt(&self, words: &[&str]) -> Result<String> {
        let output = Command::new("apt-get")
            .args(words)
            .env("APT_CONFIG", self.directory.join("apt.conf"))
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null())
            .output()
            .context("apt-get cannot be started")?;
        if !output.status.success() {
            bail!("apt-get {} failed: {}", words[0], complaint(&output));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The version of each package that would be installed on an empty system.
    fn resolve(&self) -> Result<BTreeMap<String, String>> {
        let words = [&["install", "-q", "--simulate", "--no-install-recommends"][..], self.packages()].concat();
        let versions = planned(&self.apt(&words)?);
        match versions.is_empty() {
            true => bail!("apt-get named no packages"),
            false => Ok(versions),
        }
    }

    /// The downloaded file of each package.
    fn archives(&self, versions: &BTreeMap<String, String>) -> Result<Vec<PathBuf>> {
        let directory = self.directory.join("archives");
        let file = |(package, version): (&String, &String)| {
            let version = version.replace(':', "%3a");
            let names = ["amd64", "all"].map(|architecture| format!("{package}_{version}_{architecture}.deb"));
            let path = names.iter().map(|name| directory.join(name)).find(|path| path.is_file());
            path.with_context(|| format!("apt-get did not download {package} {version}"))
        };
        versions.iter().map(file).collect()
    }

    /// Lists and downloads are not needed once a fixture is complete.
    fn remove(self) -> Result<()> {
        fs::remove_dir_all(&self.directory).with_context(|| format!("{} cannot be removed", self.directory.display()))
    }
}

/// Names and versions in the output of `apt-get --simulate`: `Inst libc6 (2.41-12 Debian:13/stable [amd64])`.
fn planned(simulation: &str) -> BTreeMap<String, String> {
    let of = |line: &str| {
        let mut words = line.strip_prefix("Inst ")?.split(' ');
        let name = words.next()?.split(':').next()?;
        let version = words.find_map(|word| word.strip_prefix('('))?;
        Some((name.to_owned(), version.to_owned()))
    };
    simulation.lines().filter_map(of).collect()
}

/// What a failed command complained about, in one line: apt's `E:` lines, or the last line.
fn complaint(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let errors: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("E: ")).collect();
    match (errors.first(), lines.last()) {
        (Some(first), _) => (*first).to_owned(),
        (None, Some(last)) => (*last).to_owned(),
        (None, None) => output.status.to_string(),
    }
}

/// Unpacks packages into a new root.
fn unpack(archives: &[PathBuf], root: &Path) -> Result<()> {
    for archive in archives {
        let output = Command::new("dpkg-deb").arg("--extract").arg(archive).arg(root).output();
        let output = output.context("dpkg-deb cannot be started")?;
        if !output.status.success() {
            bail!("{} cannot be unpacked: {}", archive.display(), complaint(&output));
        }
    }
    // What Debian's base-files has: linker scripts name files by `/lib`.
    for name in ["bin", "lib", "lib64", "sbin"] {
        let (link, target) = (root.join(name), Path::new("usr").join(name));
        if !link.exists() && root.join(&target).is_dir() {
            symlink(&target, &link).with_context(|| format!("{} cannot be made", link.display()))?;
        }
    }
    Ok(())
}

/// Bytes of the ordinary files below a directory.
fn size(directory: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(directory).with_context(|| format!("{} cannot be read", directory.display()))? {
        let entry = entry?;
        let kind = entry.file_type()?;
        sum += match kind.is_dir() {
            true => size(&entry.path())?,
            false if kind.is_file() => entry.metadata()?.len(),
            false => 0,
        };
    }
    Ok(sum)
}

/// One line: where a fixture is, its versions and its size.
fn describe(generation: &Generation) -> Result<String> {
    let suite = generation.suite;
    let directory = generation.root.parent().context("a fixture's directory")?;
    let stamp: Stamp = serde_json::from_str(&fs::read_to_string(directory.join(STAMP))?)?;
    let clang = |name: &str| name.strip_prefix("clang-").is_some_and(|rest| rest.parse::<u32>().is_ok());
    let comgr = |name: &str| name.strip_prefix("libamd-comgr").is_some_and(|rest| rest.parse::<u32>().is_ok());
    let shown = |name: &str| [suite.hip_package, HSA_PACKAGE, "libc6"].contains(&name) || clang(name) || comgr(name);
    let versions: Vec<String> = stamp
        .packages
        .iter()
        .filter(|(name, _)| shown(name))
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    Ok(format!(
        "{}: {} packages, {} MB downloaded, {} MB in {}\n    {}",
        suite.name,
        stamp.packages.len(),
        stamp.downloaded / 1_000_000,
        stamp.unpacked / 1_000_000,
        directory.display(),
        versions.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apts_plan_is_read_whatever_stands_between_name_and_version() {
        let text = "Reading package lists...\nInst libc6 (2.43-7 Debian:unstable [amd64])\n\
            Inst tzdata [2026a-1] (2026c-1 Debian:unstable [all]) []\nInst gcc:amd64 (4:16 Debian:unstable [amd64])\nConf libc6 (2.43-7 Debian:unstable [amd64])\n";
        let expected = [("libc6", "2.43-7"), ("tzdata", "2026c-1"), ("gcc", "4:16")];
        assert_eq!(planned(text), expected.map(|(name, version)| (name.into(), version.into())).into());
    }

    #[test]
    fn a_new_fixture_takes_the_place_of_an_old_one_whole() {
        let cache = tempfile::tempdir().expect("a temporary directory");
        let place = cache.path().join("sid");
        for content in ["old", "new"] {
            let making = tempfile::tempdir_in(cache.path()).expect("a temporary directory");
            fs::write(making.path().join(STAMP), content).expect("write");
            fs::write(making.path().join(content), "").expect("write");
            put_in_place(making, ".sid-", &place).expect("in place");
            assert_eq!(fs::read_to_string(place.join(STAMP)).expect("read"), content);
            assert!(place.join(content).exists());
        }
        assert!(!place.join("old").exists());
        assert_eq!(fs::read_dir(cache.path()).expect("read").count(), 1, "nothing temporary is left");
    }
}
