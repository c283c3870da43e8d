//! Exit codes, the question, and what other commands do about an interrupted change.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

use crate::support::{output, rmcp};
use crate::tree::{HSA, Tree, unwrapped};

#[test]
fn wrong_usage_is_code_2() {
    for words in [
        &["install"][..],
        &["install", "--system", "--prefix", "/nowhere"],
        &["install", "--prefix", "/nowhere", "--python", "/nowhere"],
        &["install", "--root", "/nowhere"],
        &["repair", "--prefix", "/nowhere", "--root", "/nowhere"],
        &["install", "--prefix", "/nowhere", "--quiet"],
        &["uninstall", "--prefix", "/nowhere", "--yes", "--quiet", "--dry-run"],
        &["status", "--yes"],
    ] {
        assert_eq!(output(rmcp().args(words)).0, 2, "{words:?}");
    }
}

#[test]
fn a_tree_that_is_not_there_is_code_3_with_one_sentence() {
    for words in [["install", "--prefix", "/nowhere"], ["status", "--python", "/nowhere"]] {
        let (code, _, stderr) = output(rmcp().args(words));
        assert_eq!((code, stderr.lines().count()), (3, 1), "{words:?}: {stderr}");
        assert!(stderr.starts_with("rmcp: ") && stderr.contains("/nowhere"), "{words:?}: {stderr}");
    }
}

#[test]
fn without_a_terminal_it_does_not_ask_and_does_nothing() {
    let tree = Tree::new();
    let before = tree.listing();
    let (_, stderr) = tree.says(4, &["install"]);
    assert_eq!(
        stderr,
        "rmcp: nothing was changed, because there is nobody to ask; --yes agrees to the plan, --dry-run only shows it\n"
    );
    assert_eq!(tree.listing(), before);
}

/// The command on a terminal of its own (`script`), with `answer` typed; exit code and all that was said.
fn on_terminal(tree: &Tree, command: &str, answer: &str) -> (i32, String) {
    let words = format!("{} {command} --prefix {}", env!("CARGO_BIN_EXE_rmcp"), tree.prefix().display());
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &words, "/dev/null"]);
    script.env("XDG_STATE_HOME", tree.path().join("state")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = script.spawn().expect("script, of Debian's bsdutils");
    let (mut typed, mut said) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
    let mut text = Vec::new();
    // It is asked before it is answered.
    let mut byte = [0];
    while !text.ends_with(b"[y/N] ") && said.read(&mut byte).expect("readable") == 1 {
        text.push(byte[0]);
    }
    typed.write_all(answer.as_bytes()).expect("typed");
    said.read_to_end(&mut text).expect("readable");
    drop(typed);
    let code = child.wait().expect("an end").code().expect("a code");
    (code, String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn on_a_terminal_it_asks_and_only_a_yes_is_one() {
    let tree = Tree::new();
    let before = tree.listing();
    for answer in ["\n", "n\n", "yess\n"] {
        let (code, said) = on_terminal(&tree, "install", answer);
        assert_eq!(code, 4, "{said}");
        assert!(said.contains("nothing was changed, as the answer was not \"y\""), "{said}");
        assert_eq!(tree.listing(), before);
    }
    let (code, said) = on_terminal(&tree, "install", "y\n");
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("done: 2 fronts in place"), "{said}");
}

/// What a kill leaves in the middle of an installation, before the first library is touched.
fn interrupt(tree: &Tree) {
    let words = format!(
        "inject=link,linkat:signal=KILL:when=1 -f {} install --yes --quiet --prefix {}",
        env!("CARGO_BIN_EXE_rmcp"),
        tree.prefix().display()
    );
    let mut strace = Command::new("strace");
    strace.args(["-o", "/dev/null", "-e"]).args(words.split(' '));
    strace.env("XDG_STATE_HOME", tree.path().join("state"));
    let status = strace.status().expect("strace");
    assert!(!status.success());
    assert!(tree.prefix().join(".rmcp/journal").is_file(), "it was killed between the journal and the end");
}

#[test]
fn any_command_undoes_or_completes_what_a_crash_left_and_says_so() {
    if Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_err() {
        return println!("skipped: there is no strace");
    }
    let tree = Tree::new();
    let before = tree.listing();
    interrupt(&tree);
    let (code, _, stderr) = output(tree.rmcp(&["gpus", "--topology"]).arg(tree.path()));
    assert_eq!(code, 3, "the command's own failure: there are no GPUs in that directory");
    assert!(tree.masked(&stderr).contains("rmcp: an interrupted change of the prefix /opt/rocm was "), "{stderr}");
    assert!(!tree.prefix().join(".rmcp").exists());
    let amd = |listing: Vec<String>| -> Vec<String> {
        listing.into_iter().filter(|line| line.contains("/opt/rocm/lib")).collect()
    };
    assert_eq!(amd(tree.listing()), amd(before));
}

#[test]
fn help_and_a_dry_run_leave_an_interrupted_change_alone() {
    if Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_err() {
        return println!("skipped: there is no strace");
    }
    let tree = Tree::new();
    interrupt(&tree);
    let before = tree.listing();
    output(&mut tree.rmcp(&["--help"]));
    let (stdout, _) = tree.says(0, &["install", "--dry-run"]);
    assert!(unwrapped(&stdout).contains("was interrupted, and is completed or undone before the next one"), "{stdout}");
    assert_eq!(tree.listing(), before);
    let (_, stderr) = tree.says(0, &["repair", "--yes", "--quiet"]);
    assert!(stderr.starts_with("rmcp: an interrupted change of the prefix /opt/rocm was "), "{stderr}");
    assert!(!tree.prefix().join(".rmcp/journal").exists());
}

#[test]
fn who_may_not_write_is_told_what_to_run_and_the_command_goes_on() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
    let tree = Tree::new();
    if tree.prefix().metadata().expect("there").uid() != 0 {
        return println!("skipped: another user's installation takes root");
    }
    if Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_err() {
        return println!("skipped: there is no strace");
    }
    interrupt(&tree);
    // Its own directory is the user's alone, and the build's may be.
    let program = tree.path().join("rmcp");
    fs::copy(env!("CARGO_BIN_EXE_rmcp"), &program).expect("copied");
    fs::set_permissions(tree.path(), fs::Permissions::from_mode(0o755)).expect("a mode");
    let installations = tree.path().join("state/rmcp/installations");
    let link = fs::read_dir(&installations).expect("readable").next().expect("one").expect("a link").path();
    let other = tree.path().join("other");
    let known = other.join("rmcp/installations");
    fs::create_dir_all(&known).expect("made");
    symlink(tree.prefix(), known.join(link.file_name().expect("a name"))).expect("a link");
    chown(&other, Some(65534), None).expect("given away");
    let before = tree.listing();
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--clear-groups"]).arg(program).args(["gpus", "--topology"]);
    command.arg(tree.path()).env("XDG_STATE_HOME", other);
    let (code, _, stderr) = output(&mut command);
    assert_eq!(code, 3, "{stderr}");
    assert!(
        tree.masked(&stderr).starts_with(
            "rmcp: a change of the prefix /opt/rocm was interrupted; run `rmcp repair --prefix /opt/rocm` with the rights"
        ),
        "{stderr}"
    );
    assert_eq!(tree.listing(), before);
}

#[test]
fn while_another_is_at_work_status_says_so_and_a_change_waits() {
    let tree = Tree::new();
    let mut flock = Command::new("flock");
    flock.arg(tree.prefix()).args(["sh", "-c", "echo; cat"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut other = flock.spawn().expect("flock, of Debian's util-linux");
    other.stdout.as_mut().expect("a pipe").read_exact(&mut [0]).expect("it has the lock");
    let (stdout, _) = tree.says(0, &["status"]);
    assert!(stdout.ends_with("Another rmcp is changing this now; look again when it is done.\n"), "{stdout}");

    let mut waiting =
        tree.command(&["install", "--yes"]).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("it");
    let mut stderr = BufReader::new(waiting.stderr.take().expect("a pipe"));
    let mut line = String::new();
    stderr.read_line(&mut line).expect("readable");
    assert_eq!(tree.masked(&line), "rmcp: waiting for another rmcp that is changing the prefix /opt/rocm\n");
    assert!(waiting.try_wait().expect("alive").is_none(), "it waits");
    drop(other.stdin.take());
    assert!(other.wait().expect("an end").success());
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).expect("readable");
    assert!(waiting.wait().expect("an end").success(), "{rest}");
}

#[test]
fn where_one_of_two_installations_cannot_be_repaired_the_other_is() {
    let tree = Tree::new();
    tree.install();
    let second = tree.path().join("second");
    fs::create_dir_all(second.join("lib")).expect("made");
    let saved = second.join("lib").join(format!("rmcp-real-{HSA}"));
    fs::copy(tree.library(&format!("rmcp-real-{HSA}")), second.join("lib").join(HSA)).expect("copied");
    let (code, _, stderr) = output(tree.rmcp(&["install", "--yes", "--quiet", "--prefix"]).arg(&second));
    assert_eq!(code, 0, "{stderr}");
    fs::remove_file(second.join("lib").join(HSA)).expect("removed");
    fs::write(tree.prefix().join(".rmcp/journal"), "what\nis\nthis\n").expect("written");
    let (code, stdout, stderr) = output(&mut tree.rmcp(&["repair", "--yes", "--json"]));
    assert_eq!(code, 3, "{stderr}");
    let outcomes: Vec<serde_json::Value> =
        stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(outcomes.len(), 2);
    assert_eq!((&outcomes[0]["done"], &outcomes[0]["error"]["code"]), (&false.into(), &3.into()));
    assert_eq!((&outcomes[1]["done"], outcomes[1].get("error")), (&true.into(), None));
    assert!(saved.is_file() && second.join("lib").join(HSA).is_file());
    assert!(tree.masked(&stderr).contains("rmcp: /opt/rocm/.rmcp/journal is damaged"), "{stderr}");
}

#[test]
fn the_way_back_by_hand_is_as_the_documentation_says() {
    let documentation = include_str!("../../../docs/install.md");
    let recipe = documentation.lines().find(|line| line.starts_with("    for f in rmcp-real-")).expect("the recipe");
    let tree = Tree::new();
    let files = |tree: &Tree| -> Vec<String> {
        tree.listing().into_iter().filter(|line| line.contains("/opt/rocm/lib/")).collect()
    };
    let before = files(&tree);
    tree.install();
    assert_ne!(files(&tree), before);
    let mut shell = Command::new("sh");
    shell.args(["-ec", recipe]).current_dir(tree.prefix().join("lib"));
    assert!(shell.status().expect("sh").success());
    assert_eq!(files(&tree), before);
}
