//! The Debian package in a clean Debian 12 root, with AMD's libraries from Debian's own packages and the virtual card.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rmcp_front::Library;
use support::root::Root;
use support::{CALLS, allocating_program, built, clean, differences, listing, made, output, said, succeed, text};

/// Bookworm's HIP library.
const HIP: &str = "usr/lib/x86_64-linux-gnu/libamdhip64.so.5.2.21153";
const SAVED: &str = "usr/lib/x86_64-linux-gnu/rmcp-real-libamdhip64.so.5.2.21153";

/// A clean root with AMD's libraries and a HIP program; without one the test is skipped, with the reason.
fn root() -> Option<Root> {
    let root = match Root::new() {
        Ok(root) => root,
        Err(reason) => {
            println!("skipped: {reason}");
            return None;
        }
    };
    let place = root.path("usr/local/test");
    fs::create_dir_all(&place).expect("a directory");
    fs::copy(allocating_program(), place.join("alloc")).expect("the program");
    for name in ["vgpu", "libvgpu_preload.so"] {
        fs::copy(built(name), place.join(name)).expect("the virtual card");
    }
    Some(root)
}

/// Installs or upgrades by a package file, as an administrator does.
fn install(root: &Root, deb: &Path) -> Output {
    fs::copy(deb, root.path("tmp/package.deb")).expect("the package");
    let installed = succeed(root.command("dpkg").args(["--install", "/tmp/package.deb"]));
    fs::remove_file(root.path("tmp/package.deb")).expect("removed");
    installed
}

fn rmcp(root: &Root, words: &[&str]) -> Output {
    succeed(root.command("rmcp").args(words).stdin(Stdio::null()))
}

/// Runs the HIP program on the virtual card; says what RMCP recorded of it, or nothing if it was not there.
fn report(root: &Root) -> Option<String> {
    let program = ["/usr/local/test/vgpu", "gfx1030", "--", "/usr/local/test/alloc"];
    succeed(root.command("env").arg("RMCP_RECORD=/tmp/record").args(program).args(CALLS));
    let record = root.path("tmp/record");
    record.exists().then(|| {
        let report = rmcp(root, &["report", "--rewritten", "/tmp/record"]);
        fs::remove_file(record).expect("removed");
        text(&report.stdout)
    })
}

/// The hooks fire: the call was changed.
fn assert_hooked(root: &Root) {
    let report = report(root).expect("RMCP is in the process");
    assert!(report.contains("hipHostMalloc"), "{report}");
}

/// The whole tree, without what dpkg and ldconfig write for any package. dpkg changes the times of directories, but not of AMD's.
fn snapshot(root: &Root) -> BTreeMap<PathBuf, String> {
    let not_ours =
        ["var/lib/dpkg", "var/lib/apt", "var/cache", "var/log", "etc/ld.so.cache", "tmp", "run"].map(Path::new);
    let mut found = listing(&root.path(""), &|path| !not_ours.contains(&path));
    for (path, line) in &mut found {
        if line.ends_with(" directory") && path != Path::new("usr/lib/x86_64-linux-gnu") {
            "directory".clone_into(line);
        }
    }
    found
}

fn diversions(root: &Root) -> String {
    fs::read_to_string(root.path("var/lib/dpkg/diversions")).expect("dpkg's diversions")
}

/// A package with the same files and another version, after `change` was applied to its root.
fn repacked(deb: &Path, version: &str, directory: &Path, change: impl FnOnce(&Path)) -> PathBuf {
    let root = directory.join("unpacked");
    succeed(Command::new("dpkg-deb").arg("--raw-extract").arg(deb).arg(&root));
    let control = root.join("DEBIAN/control");
    let text = fs::read_to_string(&control).expect("control");
    let lines = text.lines().map(|line| match line.starts_with("Version: ") {
        true => format!("Version: {version}\n"),
        false => format!("{line}\n"),
    });
    fs::write(&control, lines.collect::<String>()).expect("control");
    change(&root);
    // dpkg makes its own of what it unpacks.
    let _ = fs::remove_file(root.join("DEBIAN/md5sums"));
    let made = directory.join("package.deb");
    succeed(Command::new("dpkg-deb").args(["--root-owner-group", "-Znone", "--build"]).arg(&root).arg(&made));
    made
}

#[test]
fn lintian_finds_neither_errors_nor_warnings() {
    let found = output(clean("lintian").args(["--allow-root", "--fail-on", "error,warning"]).arg(&made().deb));
    assert!(found.status.success(), "{}", said(&found));
}

#[test]
fn the_package_works_activates_nothing_and_leaves_nothing() {
    let Some(root) = root() else { return };
    let (before, diverted) = (snapshot(&root), diversions(&root));
    install(&root, &made().deb);
    let ours = |path: &&PathBuf| !before.contains_key(*path);
    let added = snapshot(&root);
    let elsewhere: Vec<_> = added.keys().filter(ours).filter(|path| !path.to_string_lossy().contains("rmcp")).collect();
    // Directories for the shells, which a bare system has not.
    assert!(elsewhere.iter().all(|path| root.path("").join(path).is_dir()), "{elsewhere:?}");
    assert_eq!(report(&root), None, "AMD's libraries are as they were");
    assert_eq!(diversions(&root), diverted);
    let run = ["run", "--virtual", "gfx1030", "--", "/usr/local/test/alloc"];
    let run = succeed(root.command("env").args(["XDG_CACHE_HOME=/tmp/cache", "rmcp"]).args(run).args(CALLS));
    assert!(text(&run.stderr).contains("1 rewritten"), "{}", said(&run));
    succeed(root.command("dpkg").args(["--purge", "rmcp"]));
    let changed = differences(&before, &snapshot(&root));
    assert!(changed.is_empty(), "{changed:#?}");
}

/// The command in the root is one that writes down how it was called, and fails.
#[test]
fn the_trigger_repairs_what_is_installed_and_its_failure_fails_no_other_package() {
    let Some(root) = root() else { return };
    let command = "#!/bin/sh\necho \"$@\" >> /tmp/calls\nexit 6\n";
    let failing = |unpacked: &Path| {
        let path = unpacked.join("usr/bin/rmcp");
        fs::write(&path, command).expect("the command");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
    };
    let place = tempfile::tempdir().expect("a temporary directory");
    install(&root, &repacked(&made().deb, "0.0.1", place.path(), failing));
    let calls = || fs::read_to_string(root.path("tmp/calls")).unwrap_or_default();
    // What a library package's installation does.
    let trigger = || {
        succeed(root.command("dpkg-trigger").args(["--by-package=libamdhip64-5", "ldconfig"]));
        succeed(root.command("dpkg").args(["--triggers-only", "--pending"]))
    };
    let ran = trigger();
    assert!(text(&ran.stdout).contains("Processing triggers for rmcp"), "{}", said(&ran));
    assert_eq!(calls(), "", "nothing is installed in place");
    fs::create_dir(root.path("var/lib/rmcp")).expect("the state's directory");
    let ran = trigger();
    assert_eq!(calls(), "repair --system --yes --quiet\n");
    assert!(text(&ran.stderr).contains("rmcp: the libraries in front of AMD's could not be brought up to date"));
    let removed = output(root.command("dpkg").args(["--remove", "rmcp"]));
    assert!(!removed.status.success(), "the command that takes it back stays until it could: {}", said(&removed));
    assert!(calls().ends_with("uninstall --system --yes\n"), "{}", calls());
}

#[test]
fn an_installation_survives_upgrades_of_rmcp_and_purge_takes_it_back() {
    let Some(root) = root() else { return };
    let (before, diverted) = (snapshot(&root), diversions(&root));
    install(&root, &made().deb);
    rmcp(&root, &["install", "--system", "--yes"]);
    assert_hooked(&root);
    let cores = || {
        let entries = fs::read_dir(root.path("usr/lib/x86_64-linux-gnu")).expect("a directory");
        let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
        names.filter(|name| name.starts_with("rmcp-") && !name.starts_with("rmcp-real-")).collect::<Vec<_>>()
    };
    let first = cores();
    assert_eq!(first.len(), 1, "{first:?}");
    // Another core: a byte behind the end of an ELF file means nothing.
    let other_core = |unpacked: &Path| {
        let core = unpacked.join("usr/lib/rmcp/librmcp.so");
        let bytes = [&fs::read(&core).expect("the core")[..], b"\n"].concat();
        fs::write(&core, bytes).expect("the core");
    };
    let place = tempfile::tempdir().expect("a temporary directory");
    install(&root, &repacked(&made().deb, "99.0", place.path(), other_core));
    assert!(cores().len() == 1 && cores() != first, "{:?}", cores());
    assert_hooked(&root);
    rmcp(&root, &["status", "--system"]);
    succeed(root.command("dpkg").args(["--purge", "rmcp"]));
    let changed = differences(&before, &snapshot(&root));
    assert!(changed.is_empty(), "{changed:#?}");
    assert_eq!(diversions(&root), diverted);
}

#[test]
fn an_upgrade_of_amds_library_is_repaired_by_the_trigger() {
    let Some(root) = root() else { return };
    install(&root, &made().deb);
    rmcp(&root, &["install", "--system", "--yes"]);
    let old = Library::read(&root.path(SAVED)).expect("AMD's library").build_id;
    let archive = fs::read_dir(root.path("var/cache/apt/archives"))
        .expect("the packages")
        .map(|entry| entry.expect("an entry").path())
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libamdhip64-5_")))
        .expect("Debian's package");
    let place = tempfile::tempdir().expect("a temporary directory");
    let newer = repacked(&archive, "5.2.3-99", place.path(), |unpacked| another_build(&unpacked.join(HIP), &old));
    let upgraded = install(&root, &newer);
    assert!(text(&upgraded.stdout).contains("Processing triggers for rmcp"), "{}", said(&upgraded));
    let new = Library::read(&root.path(SAVED)).expect("AMD's library, under the name it was diverted to").build_id;
    assert_ne!(new, old);
    let front = rmcp_front::check(&root.path(SAVED), &root.path(HIP)).expect("both are read");
    assert!(front.differences.is_empty(), "{:?}", front.differences);
    assert_hooked(&root);
    rmcp(&root, &["status", "--system"]);
    succeed(root.command("dpkg").args(["--purge", "rmcp"]));
    let verified = succeed(root.command("dpkg").args(["--verify", "libamdhip64-5"]));
    assert_eq!(text(&verified.stdout), "");
    let left: Vec<_> = snapshot(&root).into_keys().filter(|path| path.to_string_lossy().contains("rmcp")).collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(report(&root), None);
}

/// Makes a library one of another build: its build-id is changed.
fn another_build(library: &Path, build_id: &str) {
    let digits: Vec<u8> = (0..build_id.len() / 2)
        .map(|at| u8::from_str_radix(&build_id[2 * at..][..2], 16).expect("hexadecimal digits"))
        .collect();
    let mut bytes = fs::read(library).expect("AMD's library");
    let at = bytes.windows(digits.len()).position(|window| window == digits).expect("its build-id");
    bytes[at] ^= 0xff;
    fs::write(library, bytes).expect("AMD's library");
}
