//! dpkg's database as real dpkg tools leave it, and diversions made by the real `dpkg-divert` in temporary roots.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rmcp_install::Error;
use rmcp_install::dpkg::{Database, Diversion, divert, must_be_free, undivert};
use tempfile::TempDir;

const LIBRARY: &str = "/usr/lib/x86_64-linux-gnu/libamdhip64.so.5.2.21153";
const SAVED: &str = "/usr/lib/x86_64-linux-gnu/rmcp-real-libamdhip64.so.5.2.21153";

/// A root with an empty database.
fn root() -> TempDir {
    let root = tempfile::Builder::new().prefix("root with ü ").tempdir().expect("a temporary directory");
    std::fs::create_dir_all(root.path().join("var/lib/dpkg/info")).expect("create");
    write(root.path(), "var/lib/dpkg/status", "");
    root
}

fn write(root: &Path, name: &str, text: &str) {
    std::fs::write(root.join(name), text).expect("write");
}

fn list(root: &Path, package: &str, paths: &[&str]) {
    write(root, &format!("var/lib/dpkg/info/{package}.list"), &(paths.join("\n") + "\n"));
}

fn owner(root: &Path, path: &str) -> Option<(String, PathBuf)> {
    Database::read(root).expect("a database").owner(Path::new(path))
}

fn diversions(root: &Path) -> String {
    std::fs::read_to_string(root.join("var/lib/dpkg/diversions")).unwrap_or_default()
}

fn refused(result: Result<(), Error>) -> String {
    match result {
        Err(Error::Refused(sentence)) => sentence,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn the_machine_s_own_database_names_the_package_of_an_installed_library() {
    let file = std::fs::canonicalize("/usr/lib/x86_64-linux-gnu/libamdhip64.so.5").expect("Debian's HIP library");
    let (package, path) = Database::read(Path::new("/")).expect("a database").owner(&file).expect("an owner");
    let said = Command::new("dpkg-query").arg("-S").arg(&path).output().expect("dpkg-query");
    let said = String::from_utf8(said.stdout).expect("UTF-8");
    // dpkg-query names the architecture only of packages of which several architectures can be installed, as the list's name does.
    assert_eq!(said, format!("{package}: {}\n", path.display()));
}

#[test]
fn a_root_without_dpkg_has_an_empty_database() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let database = Database::read(root.path()).expect("an empty database");
    assert_eq!(database.owner(Path::new(LIBRARY)), None);
    assert_eq!(database.diversion(Path::new(LIBRARY)), None);
    must_be_free(root.path()).expect("nobody is at work");
    undivert(root.path(), Path::new(LIBRARY), Path::new(SAVED)).expect("nothing to remove");
}

#[test]
fn owners_are_packages_by_the_names_of_their_lists() {
    let root = root();
    list(root.path(), "libamdhip64-5:amd64", &["/.", "/usr/lib", LIBRARY, "/usr/share/doc/libamdhip64-5/copyright"]);
    list(root.path(), "torch", &["/opt/torch/lib/odd name ü.so"]);
    write(root.path(), "var/lib/dpkg/info/libamdhip64-5:amd64.md5sums", "/usr/lib/not-a-list.so\n");
    assert_eq!(owner(root.path(), LIBRARY), Some(("libamdhip64-5:amd64".into(), LIBRARY.into())));
    assert_eq!(owner(root.path(), "/opt/torch/lib/odd name ü.so").expect("an owner").0, "torch");
    assert_eq!(owner(root.path(), "/usr/lib/not-a-list.so"), None);
    assert_eq!(owner(root.path(), "/usr/lib"), None);
}

#[test]
fn a_file_below_a_merged_usr_is_found_by_either_name() {
    for link in ["usr/lib", "/usr/lib"] {
        let root = root();
        list(root.path(), "old", &["/lib/libold.so.1"]);
        list(root.path(), "new", &["/usr/lib/libnew.so.1"]);
        // Without the link, these are four files.
        assert_eq!(owner(root.path(), "/usr/lib/libold.so.1"), None);
        assert_eq!(owner(root.path(), "/lib/libnew.so.1"), None);
        std::os::unix::fs::symlink(link, root.path().join("lib")).expect("link");
        for path in ["/lib/libold.so.1", "/usr/lib/libold.so.1"] {
            assert_eq!(owner(root.path(), path), Some(("old".into(), "/lib/libold.so.1".into())));
        }
        for path in ["/lib/libnew.so.1", "/usr/lib/libnew.so.1"] {
            assert_eq!(owner(root.path(), path), Some(("new".into(), "/usr/lib/libnew.so.1".into())));
        }
        assert_eq!(owner(root.path(), "/usr/lib64/libnew.so.1"), None);
    }
}

#[test]
fn a_diversion_is_added_once_and_removed_without_a_trace_in_the_list() {
    let root = root();
    let (path, to) = (Path::new(LIBRARY), Path::new(SAVED));
    list(root.path(), "libamdhip64-5:amd64", &[LIBRARY]);
    write(root.path(), "var/lib/dpkg/diversions", "/bin/sh\n/bin/sh.distrib\ndash\n");
    for _ in 0..2 {
        divert(root.path(), path, to).expect("diverted");
        // dpkg-divert has its own order.
        assert_eq!(diversions(root.path()), format!("{LIBRARY}\n{SAVED}\n:\n/bin/sh\n/bin/sh.distrib\ndash\n"));
    }
    let database = Database::read(root.path()).expect("a database");
    let expected = Diversion { from: path.into(), to: to.into(), by: ":".into() };
    assert_eq!(database.diversion(path), Some(&expected));
    assert_eq!(database.ours(), [&expected]);
    assert_eq!(database.owner(path), Some(("libamdhip64-5:amd64".into(), path.into())));
    for _ in 0..2 {
        undivert(root.path(), path, to).expect("removed");
        assert_eq!(diversions(root.path()), "/bin/sh\n/bin/sh.distrib\ndash\n");
    }
}

#[test]
fn a_diversion_by_the_other_name_of_a_merged_usr_counts_and_is_removed_by_its_own() {
    let root = root();
    std::os::unix::fs::symlink("usr/lib", root.path().join("lib")).expect("link");
    write(root.path(), "var/lib/dpkg/diversions", "/lib/a.so\n/usr/lib/rmcp-real-a.so\n:\n");
    let (path, to) = (Path::new("/usr/lib/a.so"), Path::new("/usr/lib/rmcp-real-a.so"));
    divert(root.path(), path, to).expect("there already");
    assert_eq!(diversions(root.path()), "/lib/a.so\n/usr/lib/rmcp-real-a.so\n:\n");
    undivert(root.path(), path, to).expect("removed");
    assert_eq!(diversions(root.path()), "");
}

#[test]
fn somebody_else_s_diversion_is_respected_and_named() {
    let (path, to) = (Path::new(LIBRARY), Path::new(SAVED));
    for (other, by, named) in [
        (format!("{LIBRARY}.distrib"), ":", "by the administrator"),
        (format!("{LIBRARY}.distrib"), "rocm-tools", "by the package rocm-tools"),
        (SAVED.into(), "rocm-tools", "remove rocm-tools"),
    ] {
        let root = root();
        let before = format!("{LIBRARY}\n{other}\n{by}\n");
        write(root.path(), "var/lib/dpkg/diversions", &before);
        let sentence = refused(divert(root.path(), path, to));
        assert!(sentence.starts_with(LIBRARY) && sentence.contains(named), "{sentence}");
        undivert(root.path(), path, to).expect("not ours: left alone");
        assert_eq!(diversions(root.path()), before);
        assert!(Database::read(root.path()).expect("a database").ours().is_empty());
    }
}

#[test]
fn what_dpkg_divert_says_when_it_fails_is_passed_on() {
    let root = root();
    // Another file is diverted to the same place: only dpkg-divert knows that this must not be.
    write(root.path(), "var/lib/dpkg/diversions", &format!("/usr/lib/other.so\n{SAVED}\n:\n"));
    let error = divert(root.path(), Path::new(LIBRARY), Path::new(SAVED));
    let Err(Error::Broken(sentence)) = error else { panic!("{error:?}") };
    assert!(sentence.contains("clashes with 'local diversion of /usr/lib/other.so"), "{sentence}");
    assert_eq!(sentence.lines().count(), 1);
}

#[test]
fn while_another_process_has_dpkg_s_lock_the_sentence_names_it() {
    for name in ["lock", "lock-frontend"] {
        let root = root();
        let lock = root.path().join("var/lib/dpkg").join(name);
        write(root.path(), &format!("var/lib/dpkg/{name}"), "");
        must_be_free(root.path()).expect("free");
        let script = "import fcntl, sys\nf = open(sys.argv[1], 'w')\nfcntl.lockf(f, fcntl.LOCK_EX)\nprint(flush=True)\nsys.stdin.read()";
        let mut holder = Command::new("python3")
            .args(["-c", script])
            .arg(&lock)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3");
        let mut line = String::new();
        BufReader::new(holder.stdout.take().expect("a pipe")).read_line(&mut line).expect("the lock is taken");
        let sentence = refused(must_be_free(root.path()));
        assert!(sentence.contains(&format!("process {} ", holder.id())), "{sentence}");
        assert!(sentence.contains(lock.to_str().expect("UTF-8")), "{sentence}");
        drop(holder.stdin.take());
        holder.wait().expect("wait");
        must_be_free(root.path()).expect("free again");
    }
}
