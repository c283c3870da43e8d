//! What stops a transaction, and what is left then.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rmcp_install::{Attributes, Error, Identity, Recovered, Session, Step};

use crate::faults::{TASK, TREE};
use crate::tree::{HIP, Scenario, beside, front, inodes, snapshot, state, target};

/// Carries out an installation of `lib/libamdhip64.so.5.2.21153` alone, after the plan was made and `meddle` was called.
fn meddled(tree: &Path, meddle: impl FnOnce(&Path)) -> Result<(), Error> {
    let mut steps = Vec::new();
    front(&mut steps, &tree.join(HIP));
    meddle(&tree.join(HIP));
    let mut session = Session::open(target(tree), || ()).unwrap();
    session.carry_out(&steps, Some(state(tree)), &mut |_, _, _| ())
}

#[test]
fn a_library_that_somebody_changed_meanwhile_is_not_touched() {
    let tree = tempfile::tempdir().unwrap();
    Scenario::Install.prepare(tree.path());
    let error = meddled(tree.path(), |path| std::fs::write(path, "an upgrade").unwrap()).unwrap_err();
    let what = format!("{} was changed meanwhile by somebody else; run it again", tree.path().join(HIP).display());
    assert!(matches!(&error, Error::RolledBack { what: found } if *found == what), "{error}");
    assert_eq!(std::fs::read(tree.path().join(HIP)).unwrap(), b"an upgrade");
    assert_eq!(std::fs::read_dir(tree.path().join("lib")).unwrap().count(), 3);
    assert!(!tree.path().join("var").exists());
}

#[test]
fn an_upgrade_between_a_crash_and_its_recovery_is_kept() {
    let tree = tempfile::tempdir().unwrap();
    Scenario::Install.prepare(tree.path());
    let path = tree.path().join(HIP);
    let mut steps = Vec::new();
    front(&mut steps, &path);
    steps.push(Step::CleanFile { path: beside(&path, ".rmcp-old-1-") });
    let mut session = Session::open(target(tree.path()), || ()).unwrap();
    // A panic before the last step leaves what a crash leaves.
    let crashed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        session.carry_out(&steps, Some(state(tree.path())), &mut |number, _, _| assert!(number < 3, "a crash"))
    }));
    assert!(crashed.is_err());
    let new = beside(&path, "new-");
    std::fs::write(&new, "an upgrade").unwrap();
    std::fs::rename(&new, &path).unwrap();
    session.recover().unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"an upgrade");
    assert!(!Session::is_interrupted(&session.target.state));
}

#[test]
fn a_restart_that_numbers_the_devices_anew_does_not_hinder_recovery() {
    let tree = tempfile::tempdir().unwrap();
    Scenario::Install.prepare(tree.path());
    let start = inodes(tree.path());
    let before = snapshot(tree.path(), &start);
    let mut steps = Vec::new();
    front(&mut steps, &tree.path().join(HIP));
    steps.push(Step::CleanFile { path: beside(&tree.path().join(HIP), ".rmcp-old-1-") });
    let device = tree.path().metadata().unwrap().dev();
    let mut session = Session::open(target(tree.path()), || ()).unwrap();
    let crashed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        session.carry_out(&steps, Some(state(tree.path())), &mut |number, _, _| assert!(number < 3, "a crash"))
    }));
    assert!(crashed.is_err());
    let journal = session.target.state.join("journal");
    let text = std::fs::read_to_string(&journal).unwrap();
    let renumbered = text.replace(&format!("\"device\":{device}"), &format!("\"device\":{}", device + 1));
    assert_ne!(renumbered, text);
    std::fs::write(&journal, renumbered.replace(&format!("[{device},"), &format!("[{},", device + 1))).unwrap();
    assert_eq!(session.recover().unwrap(), Some(Recovered::Undone));
    assert_eq!(snapshot(tree.path(), &start), before);
}

#[test]
fn a_journal_of_a_newer_version_is_left_alone() {
    let tree = tempfile::tempdir().unwrap();
    let state = tree.path().join("var/lib/rmcp");
    std::fs::create_dir_all(&state).unwrap();
    std::fs::write(state.join("journal"), "{\"format\":2,\"rmcp\":\"9.1.0\",\"more\":[]}\n\"begin\"\n").unwrap();
    let error = Session::open(target(tree.path()), || ()).unwrap().recover().unwrap_err();
    assert!(matches!(error, Error::Refused(_)) && error.to_string().contains("rmcp 9.1.0, which is newer"), "{error}");
    assert!(state.join("journal").exists());
}

#[test]
fn a_journal_that_leads_out_of_the_tree_is_refused() {
    let tree = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    let precious = other.path().join("precious");
    std::fs::write(&precious, "kept").unwrap();
    let state = tree.path().join("var/lib/rmcp");
    std::fs::create_dir_all(&state).unwrap();
    let up = tree.path().join("..").join(other.path().file_name().unwrap()).join("precious");
    std::os::unix::fs::symlink(other.path(), tree.path().join("link")).unwrap();
    let clean = |path: &Path| (serde_json::json!([{"do": "clean-file", "path": path}]), serde_json::json!([]));
    let divert = |root: &Path, directory: &str| {
        let (path, to) = (format!("{directory}/a.so"), format!("{directory}/rmcp-real-a.so"));
        (serde_json::json!([{"do": "undivert", "root": root, "path": path, "to": to}]), serde_json::json!([]))
    };
    for (steps, times) in [
        clean(&precious),
        clean(&up),
        clean(&tree.path().join("link/precious")),
        clean(&tree.path().join("link/gone/precious")),
        divert(Path::new("/"), "/usr/lib"),
        divert(other.path(), &tree.path().display().to_string()),
        (serde_json::json!([]), serde_json::json!([[other.path(), [0, 0]]])),
    ] {
        let intent = serde_json::json!({"format": 1, "rmcp": "0.1.0", "steps": steps, "after": null, "times": times, "made": []});
        std::fs::write(state.join("journal"), format!("{intent}\n\"commit\"\n")).unwrap();
        let error = Session::open(target(tree.path()), || ()).unwrap().recover().unwrap_err();
        assert!(matches!(error, Error::Refused(_)) && error.to_string().contains("names files outside"), "{error}");
        assert_eq!(std::fs::read(&precious).unwrap(), b"kept");
    }
}

#[test]
fn a_torn_journal_is_removed_with_its_directory() {
    for torn in ["", "{\"format\":1,\"rm", "\0\0\0\0\n"] {
        let tree = tempfile::tempdir().unwrap();
        let state = tree.path().join("var/lib/rmcp");
        std::fs::create_dir_all(&state).unwrap();
        std::fs::write(state.join("journal"), torn).unwrap();
        assert_eq!(Session::open(target(tree.path()), || ()).unwrap().recover().unwrap(), None);
        assert!(!state.exists());
    }
}

#[test]
fn a_damaged_journal_is_said_to_be_damaged() {
    let tree = tempfile::tempdir().unwrap();
    let state = tree.path().join("var/lib/rmcp");
    std::fs::create_dir_all(&state).unwrap();
    std::fs::write(state.join("journal"), "{\"format\":1,\n{\"begin\":{\"step\":0}}\n\"commit\"\n").unwrap();
    let error = Session::open(target(tree.path()), || ()).unwrap().recover().unwrap_err();
    assert!(matches!(error, Error::Broken(_)) && error.to_string().contains("is damaged; remove it"), "{error}");
}

/// The command `program`, which ends with the path of this test's executable, for `faults::worker` to do `task`.
fn worker(program: &[&str], task: &str, tree: &Path) -> Command {
    let mut command = Command::new(program[0]);
    command.args(&program[1..]).args(["--exact", "faults::worker", "--nocapture", "--test-threads=1"]);
    command.env(TASK, task).env(TREE, tree).env("HOME", "/nonexistent").env_remove("XDG_STATE_HOME");
    command
}

/// This test's executable.
fn this() -> String {
    std::env::current_exe().unwrap().into_os_string().into_string().unwrap()
}

#[test]
fn a_second_session_waits_for_the_first() {
    let tree = tempfile::tempdir().unwrap();
    let first = Session::open(target(tree.path()), || panic!("nobody has the lock")).unwrap();
    assert!(Session::try_open(target(tree.path())).unwrap().is_none());
    let mut second =
        worker(&[&this()], "wait", tree.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(second.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.ends_with("waiting")));
    drop(first);
    assert!(lines.any(|line| line.ends_with("locked")));
    assert!(Session::try_open(target(tree.path())).unwrap().is_none());
    second.stdin.take().unwrap().write_all(b"end\n").unwrap();
    assert!(second.wait().unwrap().success());
    assert!(Session::try_open(target(tree.path())).unwrap().is_some());
}

/// Runs `script` in a mount namespace of its own, with `TREE` a prepared tree; what it printed. `None` if that cannot be had here.
fn mounted(script: &str, tree: &Path) -> Option<String> {
    let possible = Command::new("unshare").args(["--mount", "true"]).output().is_ok_and(|done| done.status.success());
    if !possible {
        println!("skipped: no mount namespaces here (not root)");
        return None;
    }
    let output = worker(&["unshare", "--mount", "sh", "-ec", script, "sh", &this()], "Install", tree).output().unwrap();
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What `Scenario::Install` in the tree says when something is in its way, by `script`, and whether the tree is as before.
fn install_in_the_way(script: &str, says: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    let tree = directory.path().join("tree");
    Scenario::Install.prepare(&tree);
    let start = inodes(&tree);
    let before = snapshot(&tree, &start);
    let Some(printed) = mounted(script, &tree) else { return };
    for says in says {
        assert!(printed.contains(says), "{says} is not in: {printed}");
    }
    assert_eq!(snapshot(&tree, &start), before);
}

#[test]
fn a_read_only_file_system_is_left_alone() {
    install_in_the_way(
        "mount --bind \"$TRANSACTION_TREE\" \"$TRANSACTION_TREE\"; mount -o remount,ro,bind \"$TRANSACTION_TREE\"; \"$@\"",
        &["var cannot be made: the file system is read-only; mount it writable first"],
    );
}

#[test]
fn a_library_that_something_is_mounted_over_is_left_alone() {
    install_in_the_way(
        "mount --bind /etc/hostname \"$TRANSACTION_TREE/lib/libhsa-runtime64.so.1.5.0\"; \"$@\"",
        &["libhsa-runtime64.so.1.5.0", "; everything was put back as it was"],
    );
}

#[test]
fn without_room_everything_is_put_back() {
    let script = "mount -t tmpfs -o size=64k none \"$TRANSACTION_TREE\"; cd \"$TRANSACTION_TREE\"; \
                  TRANSACTION_TASK=prepare-Install \"$@\" >&2; \
                  dd if=/dev/zero of=full bs=4k count=10 2>&1 | cat >&2; find . -printf '%p %i %m %T@\\n' | sort >../before; \
                  \"$@\" || true; find . -printf '%p %i %m %T@\\n' | sort >../after; cmp ../before ../after && echo same";
    install_in_the_way(script, &["there is no room on the file system; make room and run it again", "same"]);
}

#[test]
fn another_users_tree_is_left_alone() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root can become another user");
        return;
    }
    let directory = tempfile::tempdir_in("/var/tmp").unwrap();
    let tree = directory.path().join("tree");
    Scenario::Install.prepare(&tree);
    let start = inodes(&tree);
    let before = snapshot(&tree, &start);
    let program = directory.path().join("program");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(directory.path(), open).unwrap();
    let user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program.to_str().unwrap()];
    let printed = String::from_utf8(worker(&user, "Install", &tree).output().unwrap().stdout).unwrap();
    assert!(printed.contains("var cannot be made: you may not; run it as root or as the owner"), "{printed}");
    assert_eq!(snapshot(&tree, &start), before);
}

#[test]
fn hard_links_into_a_package_cache_stay_as_they_are() {
    let directory = tempfile::tempdir().unwrap();
    let tree = directory.path().join("tree");
    Scenario::Install.prepare(&tree);
    let cache = directory.path().join("cache");
    std::fs::hard_link(tree.join(HIP), &cache).unwrap();
    let seen = || (Identity::of(&cache).unwrap(), Attributes::of(&cache).unwrap(), std::fs::read(&cache).unwrap());
    let before = seen();
    Scenario::Install.carry_out(&tree).unwrap();
    assert_eq!(seen(), before);
    assert_ne!(std::fs::read(tree.join(HIP)).unwrap(), before.2);
    Scenario::Uninstall.carry_out(&tree).unwrap();
    assert_eq!(seen(), before);
    assert_eq!(Identity::of(&tree.join(HIP)).unwrap(), before.0);
}

#[test]
fn a_process_that_has_the_library_mapped_keeps_it() {
    let tree = tempfile::tempdir().unwrap();
    Scenario::Install.prepare(tree.path());
    let path = tree.path().join(HIP);
    // What a program has mapped is best seen with the program itself.
    std::fs::copy("/bin/cat", &path).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut process = Command::new(&path).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    Scenario::Install.carry_out(tree.path()).unwrap();
    let mapped = std::fs::metadata(format!("/proc/{}/exe", process.id())).unwrap();
    assert_eq!(Identity::from(&mapped), Identity::of(&beside(&path, "rmcp-real-")).unwrap());
    process.stdin.take().unwrap().write_all(b"still here\n").unwrap();
    let output = process.wait_with_output().unwrap();
    assert_eq!(output.stdout, b"still here\n");
}
