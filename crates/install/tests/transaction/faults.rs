//! A fault at every system call that changes files: an error, or the end of the process. The calls are counted and tampered with by strace.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitStatus};

use rmcp_install::{Recovered, Session};

use crate::tree::{Inodes, Scenario, Snapshot, inodes, library_is_whole, snapshot, target};

/// What [`worker`] does, and in which tree: `SCENARIO`, `prepare-Install`, `recover`, or `wait` for the lock.
pub const TASK: &str = "TRANSACTION_TASK";
pub const TREE: &str = "TRANSACTION_TREE";

/// Calls that change files or make changes durable.
const CHANGING: &str = "openat,write,ftruncate,fsync,fdatasync,mkdir,mkdirat,rmdir,unlink,unlinkat,link,linkat,rename,renameat,\
                        renameat2,symlink,chmod,fchmod,fchmodat,chown,fchown,lchown,fchownat,utimensat,setxattr,\
                        lsetxattr,fsetxattr,removexattr,lremovexattr,fremovexattr";

/// What happens at a call.
const FAULTS: [&str; 4] = ["error=ENOSPC", "error=EACCES", "error=EIO", "signal=SIGKILL"];
const KILL: &str = FAULTS[3];

/// A call: its name, and its number among the calls of that name.
#[derive(Clone, Debug)]
struct Point {
    call: String,
    number: usize,
}

/// Does in its own process what the other tests tell it to, so that it can be tampered with. Without a task it has nothing to do.
#[test]
fn worker() {
    let (Ok(task), Ok(tree)) = (std::env::var(TASK), std::env::var(TREE)) else { return };
    let tree = Path::new(&tree);
    // strace counts calls for each thread. With these in front, no other thread here comes as far as the number of a call of this one.
    for _ in 0..CALLS_BEFORE {
        File::create("/dev/null").unwrap().write_all(b"x").unwrap();
    }
    let done = match task.as_str() {
        "wait" => {
            let session = Session::open(target(tree), || println!("waiting"));
            println!("locked");
            std::io::stdin().read_line(&mut String::new()).unwrap();
            session.map(|_| ())
        }
        "prepare-Install" => {
            Scenario::Install.prepare(tree);
            Ok(())
        }
        "recover" => Session::open(target(tree), || ()).and_then(|mut session| session.recover()).map(|_| ()),
        scenario => Scenario::named(scenario).carry_out(tree),
    };
    if let Err(error) = done {
        println!("{error}");
        std::process::exit(1);
    }
}

/// More than the test's main thread makes.
const CALLS_BEFORE: usize = 100;

/// The command of a process that does `task` in `tree`.
fn process(strace: &[&str], task: &str, tree: &Path) -> Command {
    let mut command = Command::new("strace");
    command.args(strace).arg(std::env::current_exe().unwrap());
    command.args(["--exact", "faults::worker", "--nocapture", "--test-threads=1"]);
    command.env(TASK, task).env(TREE, tree).env("HOME", tree.with_file_name("home")).env_remove("XDG_STATE_HOME");
    command
}

/// The calls that `task` changes files below `tree` with.
fn points(task: &str, tree: &Path) -> Vec<Point> {
    let trace = tree.with_file_name("trace");
    let options = ["-f", "-y", "-s", "0", "-o", trace.to_str().unwrap(), "-e", &format!("trace={CHANGING}")];
    let done = process(&options, task, tree).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
    let mut numbers = BTreeMap::<(String, String), usize>::new();
    let mut found = Vec::new();
    let below = ["/", "\"", ">"].map(|end| format!("{}{end}", tree.display()));
    for line in std::fs::read_to_string(trace).unwrap().lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let Some((call, arguments)) = rest.trim_start().split_once('(') else { continue };
        if !call.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            continue;
        }
        let number = numbers.entry((thread.to_owned(), call.to_owned())).or_default();
        *number += 1;
        let changes = call != "openat" || arguments.contains("O_CREAT");
        if changes && below.iter().any(|below| arguments.contains(below)) {
            found.push((thread.to_owned(), Point { call: call.to_owned(), number: *number }));
        }
    }
    for (of, point) in &found {
        let clash = numbers
            .iter()
            .find(|((thread, call), number)| thread != of && *call == point.call && **number >= point.number);
        assert_eq!(clash, None, "another thread makes as many: {point:?}");
    }
    found.into_iter().map(|(_, point)| point).collect()
}

/// Does `task` with a fault.
fn tampered(task: &str, tree: &Path, point: &Point, fault: &str) -> ExitStatus {
    let inject = format!("inject={}:{fault}:when={}", point.call, point.number);
    let trace = format!("trace={}", point.call);
    let options = ["-f", "-o", "/dev/null", "-e", &trace, "-e", &inject];
    process(&options, task, tree).output().unwrap().status
}

/// The two trees that may be there afterwards, and what is missing for them.
struct Expected {
    start: Snapshot,
    end: Snapshot,
}

impl Expected {
    fn of(scenario: Scenario) -> Self {
        let (tree, start) = prepared(scenario);
        let before = snapshot(&tree.path().join("tree"), &start);
        scenario.carry_out(&tree.path().join("tree")).unwrap();
        Self { start: before, end: snapshot(&tree.path().join("tree"), &start) }
    }

    /// Says what is wrong, if the tree is neither.
    fn check(&self, tree: &Path, start: &Inodes) -> Result<(), String> {
        let now = snapshot(tree, start);
        if now == self.start || now == self.end {
            return Ok(());
        }
        let differing = |other: &Snapshot| {
            let names: BTreeSet<_> = now.keys().chain(other.keys()).cloned().collect();
            names.into_iter().filter(|name| now.get(name) != other.get(name)).collect::<Vec<_>>()
        };
        Err(format!("from the start differ {:?}, from the end {:?}", differing(&self.start), differing(&self.end)))
    }
}

/// A new tree that `scenario` can start from; it is `tree` in the directory.
fn prepared(scenario: Scenario) -> (tempfile::TempDir, Inodes) {
    let directory = tempfile::tempdir().unwrap();
    let tree = directory.path().join("tree");
    scenario.prepare(&tree);
    let start = inodes(&tree);
    (directory, start)
}

fn recover(tree: &Path) -> Result<Option<Recovered>, rmcp_install::Error> {
    Session::open(target(tree), || ()).and_then(|mut session| session.recover())
}

fn strace_works() -> bool {
    let works = Command::new("strace").args(["-o", "/dev/null", "true"]).status().is_ok_and(|status| status.success());
    if !works {
        println!("skipped: strace cannot be run here");
    }
    works
}

/// Every fault at every call of `scenario`; then recovery in this process.
fn faults_everywhere(scenario: Scenario) {
    if !strace_works() {
        return;
    }
    let expected = Expected::of(scenario);
    let (directory, _) = prepared(scenario);
    let points = points(&format!("{scenario:?}"), &directory.path().join("tree"));
    let faults = points.iter().flat_map(|point| FAULTS.map(|fault| (point, fault)));
    let wrong = faults.filter_map(|(point, fault)| {
        let why = one_fault(scenario, &expected, point, fault).err()?;
        Some(format!("{fault} at {point:?}: {why}"))
    });
    let wrong: Vec<String> = wrong.collect();
    println!("{scenario:?}: {} points, {} faults at each", points.len(), FAULTS.len());
    assert!(points.len() > 50, "{points:?}");
    assert!(wrong.is_empty(), "{scenario:?}: {} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn one_fault(scenario: Scenario, expected: &Expected, point: &Point, fault: &str) -> Result<(), String> {
    let (directory, start) = prepared(scenario);
    let tree = directory.path().join("tree");
    let status = tampered(&format!("{scenario:?}"), &tree, point, fault);
    if !library_is_whole(&tree) {
        return Err("the library was not whole".into());
    }
    if fault == KILL && status.success() {
        return Err("it was not killed".into());
    }
    recover(&tree).map_err(|error| error.to_string())?;
    expected.check(&tree, &start)
}

#[test]
fn a_fault_at_any_call_of_an_installation_leaves_the_start_or_the_end() {
    faults_everywhere(Scenario::Install);
}

#[test]
fn a_fault_at_any_call_of_an_uninstallation_leaves_the_start_or_the_end() {
    faults_everywhere(Scenario::Uninstall);
}

#[test]
fn a_fault_at_any_call_of_a_repair_leaves_the_start_or_the_end() {
    faults_everywhere(Scenario::Repair);
}

/// How many of the points of a transaction recovery is tested after.
const ENDS: usize = 7;

#[test]
fn recovery_can_be_killed_at_any_call_and_started_again() {
    if !strace_works() {
        return;
    }
    for scenario in Scenario::ALL {
        let task = format!("{scenario:?}");
        let expected = Expected::of(scenario);
        let (directory, _) = prepared(scenario);
        let of_transaction = points(&task, &directory.path().join("tree"));
        let mut count = 0;
        for end in (1..=ENDS).map(|end| &of_transaction[end * (of_transaction.len() - 1) / ENDS]) {
            let (directory, _) = prepared(scenario);
            tampered(&task, &directory.path().join("tree"), end, KILL);
            let of_recovery = points("recover", &directory.path().join("tree"));
            for point in &of_recovery {
                let (directory, start) = prepared(scenario);
                let tree = directory.path().join("tree");
                tampered(&task, &tree, end, KILL);
                assert!(!tampered("recover", &tree, point, KILL).success(), "not killed at {point:?}");
                recover(&tree).unwrap_or_else(|error| panic!("{task} killed at {end:?}, then at {point:?}: {error}"));
                let found = expected.check(&tree, &start);
                found.unwrap_or_else(|why| panic!("{task} killed at {end:?}, then at {point:?}: {why}"));
            }
            count += of_recovery.len();
        }
        println!(
            "{task}: recovery killed at {count} points, after {ENDS} of the transaction's {}",
            of_transaction.len()
        );
        assert!(count > 50);
    }
}
