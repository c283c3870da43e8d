//! A fault at every system call by which `rmcp install`, `uninstall` and `repair` change something: killed there, no room, no permission, a failing disk. After each a program
//! loads a working library, and one `rmcp repair` gives the complete installation or the tree as it was.
//!
//! strace counts the calls and puts the faults. At each point the process is killed once, and one of the errors is tried; all errors at all points, and each for good from
//! there on, take some ten minutes: `cargo test --test install_faults -- --ignored --nocapture`.

#[path = "support/install/mod.rs"]
mod install;
mod support;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{chown, symlink};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use install::faults::{
    ERRORS, Ended, Fault, Place, Point, age, clone, debian_libraries, faulted, missing, plain, points, run, set_time,
    set_xattr, traced,
};
use install::libraries::{DEBIAN, LIBRARIES, SearchPath, patchelf, rebuild};
use install::listing::{Listing, differences, list, list_one, sha256, without_times};
use support::succeed;

const TOOLS: [&str; 5] = ["strace", "strip", "cc", "patchelf", "dpkg-divert"];

/// Kinds of tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// `lib` as below `/opt/rocm`.
    Prefix,
    /// A virtual environment with a PyTorch that has bare names and DT_RPATH, and a RECORD.
    Python,
    /// A Debian root with dpkg's database.
    System,
}

impl Layout {
    fn target(self, tree: &Path) -> Vec<&OsStr> {
        match self {
            Self::Prefix => vec!["--prefix".as_ref(), tree.as_os_str()],
            Self::Python => vec!["--python".as_ref(), tree.as_os_str()],
            Self::System => vec!["--system".as_ref(), "--root".as_ref(), tree.as_os_str()],
        }
    }

    /// Where the libraries are, and their names.
    fn files(self) -> (&'static str, [&'static str; 2]) {
        match self {
            Self::Prefix => ("lib", LIBRARIES.map(|(file, _)| file)),
            Self::Python => ("lib/python3.11/site-packages/torch/lib", ["libamdhip64.so", "libhsa-runtime64.so"]),
            Self::System => (&DEBIAN[1..], LIBRARIES.map(|(file, _)| file)),
        }
    }

    /// The names by which programs load the libraries.
    fn loaded(self) -> [&'static str; 2] {
        match self {
            Self::Python => self.files().1,
            _ => ["libamdhip64.so.5", "libhsa-runtime64.so.1"],
        }
    }

    /// The directory of the state, in the tree.
    fn state(self) -> &'static str {
        match self {
            Self::Prefix => ".rmcp",
            Self::Python => "lib/python3.11/site-packages/.rmcp",
            Self::System => "var/lib/rmcp",
        }
    }

    /// Makes the tree as AMD's software is installed in it.
    fn make(self, tree: &Path) {
        let (directory, files) = self.files();
        let directory = tree.join(directory);
        match self {
            Self::Prefix => {
                debian_libraries(&directory);
                // Somebody else's, where we may set that.
                let _ = chown(directory.join(files[0]), Some(1234), Some(1234));
                set_xattr(&directory.join(files[0]), "user.origin", "AMD");
            }
            Self::Python => make_environment(tree, &directory, files),
            Self::System => {
                debian_libraries(&directory);
                make_dpkg_database(tree);
            }
        }
        age(tree);
    }

    /// The tree's listing, without when the directory of the state was last changed, and without what dpkg changes by itself: backups, and when it wrote.
    fn list(self, tree: &Path) -> Listing {
        let mut listing = list(tree);
        if let Some(state) = listing.get_mut(Path::new(self.state())) {
            state.mtime = (0, 0);
        }
        if self == Self::System {
            let dpkg = Path::new("var/lib/dpkg");
            let kept = ["", "diversions", "info", "status"].map(|name| dpkg.join(name));
            listing.retain(|path, _| !path.starts_with(dpkg) || kept.iter().any(|kept| path == kept));
            for name in ["", "diversions"] {
                let entry = listing.get_mut(&dpkg.join(name)).expect("dpkg's database");
                (entry.inode, entry.mtime) = (0, (0, 0));
            }
        }
        listing
    }
}

fn make_environment(tree: &Path, directory: &Path, files: [&str; 2]) {
    fs::create_dir_all(directory).expect("create");
    fs::create_dir(tree.join("bin")).expect("create");
    symlink("/usr/bin/python3", tree.join("bin/python")).expect("link");
    fs::write(tree.join("pyvenv.cfg"), "home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.11.2\n")
        .expect("write");
    for (file, (debian, _)) in files.iter().zip(LIBRARIES) {
        let file = directory.join(file);
        succeed(Command::new("cp").arg("-p").arg(Path::new(DEBIAN).join(debian)).arg(&file));
        patchelf(&file, &["--replace-needed", "libhsa-runtime64.so.1", "libhsa-runtime64.so"]);
        SearchPath::Rpath.set(&file, "$ORIGIN");
    }
    let packages = directory.parent().and_then(Path::parent).expect("site-packages");
    let info = packages.join("torch-2.1.0.dist-info");
    fs::create_dir(&info).expect("create");
    fs::write(packages.join("torch/__init__.py"), "").expect("write");
    fs::write(info.join("INSTALLER"), "pip\n").expect("write");
    fs::write(info.join("METADATA"), "Metadata-Version: 2.1\nName: torch\nVersion: 2.1.0\n").expect("write");
    let listed = ["torch/__init__.py", "torch-2.1.0.dist-info/INSTALLER", "torch-2.1.0.dist-info/METADATA"];
    let libraries = files.map(|file| format!("torch/lib/{file}"));
    let lines = listed.into_iter().chain(libraries.iter().map(String::as_str)).chain(["torch-2.1.0.dist-info/RECORD"]);
    let record = info.join("RECORD");
    fs::write(&record, lines.map(|path| format!("{path},,\n")).collect::<String>()).expect("write");
    set_time(&record, (1_600_000_000, 5));
}

fn make_dpkg_database(root: &Path) {
    let dpkg = root.join("var/lib/dpkg");
    fs::create_dir_all(dpkg.join("info")).expect("create");
    fs::create_dir(dpkg.join("updates")).expect("create");
    let mut status = String::new();
    for (package, (file, links)) in ["libamdhip64-5", "libhsa-runtime64-1"].iter().zip(LIBRARIES) {
        status += &format!(
            "Package: {package}\nStatus: install ok installed\nArchitecture: amd64\nMulti-Arch: same\nVersion: 5.2.3-1\nMaintainer: nobody\nDescription: none\n\n"
        );
        let paths = format!("/.\n/usr\n/usr/lib\n{DEBIAN}\n{DEBIAN}/{file}\n{DEBIAN}/{}\n", links[0]);
        fs::write(dpkg.join(format!("info/{package}:amd64.list")), paths).expect("write");
    }
    fs::write(dpkg.join("status"), status).expect("write");
    fs::write(dpkg.join("diversions"), "").expect("write");
}

/// A command on a tree that can be set up again and again, and what must come out.
struct Stage<'a> {
    place: &'a Place,
    layout: Layout,
    command: &'static str,
    /// Everything of this stage is below it.
    home: PathBuf,
    /// A tree with hard links to the files of `origin`; always at this path, which stands in fronts.
    tree: PathBuf,
    origin: PathBuf,
    before: Listing,
    after: Listing,
    /// What programs get of the libraries.
    stock: String,
}

impl<'a> Stage<'a> {
    /// `pristine` is a tree as AMD's software is installed, `upgrade` the directory with the libraries of the next release.
    fn new(
        place: &'a Place,
        layout: Layout,
        command: &'static str,
        number: usize,
        pristine: &Path,
        upgrade: &Path,
    ) -> Self {
        let home = place.path().join(format!("{layout:?}-{command}-{number}"));
        fs::create_dir(&home).expect("create");
        let (tree, origin) = (home.join("tree"), home.join("origin"));
        let mut stage = Self {
            place,
            layout,
            command,
            home,
            tree,
            origin,
            before: Listing::new(),
            after: Listing::new(),
            stock: String::new(),
        };
        clone(pristine, &stage.tree);
        stage.stock = stage.probe();
        assert!(stage.stock.starts_with("hipRuntimeGetVersion 0 "), "without RMCP: {}", stage.stock);
        let pristine = layout.list(&stage.tree);
        if command != "install" {
            stage.succeeds("install");
            if command == "repair" {
                let (directory, files) = layout.files();
                for file in files {
                    let temporary = stage.home.join("new");
                    fs::hard_link(upgrade.join(file), &temporary).expect("link");
                    fs::rename(temporary, stage.tree.join(directory).join(file)).expect("rename");
                }
            }
        }
        fs::rename(&stage.tree, &stage.origin).expect("rename");
        // The user's list of installations.
        if command != "install" {
            fs::rename(stage.home.join(".local"), stage.home.join("origin.local")).expect("rename");
        }
        stage.set_up();
        stage.before = layout.list(&stage.tree);
        stage.succeeds(command);
        stage.after = layout.list(&stage.tree);
        if command == "uninstall" {
            let as_before = differences(&without_times(&pristine, &stage.before), &stage.comparable(&stage.after));
            assert!(as_before.is_empty(), "{layout:?}: uninstalled, the tree differs from the start: {as_before:#?}");
        }
        assert_eq!(stage.probe(), stage.stock, "{layout:?}: after {command}");
        stage
    }

    fn set_up(&self) {
        for (origin, path) in [(&self.origin, &self.tree), (&self.home.join("origin.local"), &self.home.join(".local"))]
        {
            if path.exists() {
                fs::remove_dir_all(path).expect("remove");
            }
            if origin.exists() {
                clone(origin, path);
            }
        }
    }

    fn arguments<'s>(&'s self, command: &'s str) -> Vec<&'s OsStr> {
        [vec![command.as_ref()], self.layout.target(&self.tree), vec!["--yes".as_ref(), "--quiet".as_ref()]].concat()
    }

    fn rmcp(&self, arguments: &[&OsStr]) -> Ended {
        let mut command = Command::new(self.place.rmcp());
        plain(&mut command, &self.home);
        run(command.args(arguments))
    }

    fn succeeds(&self, command: &str) {
        let ended = self.rmcp(&self.arguments(command));
        assert_eq!(ended.code, Some(0), "{:?} {command}: {}{}", self.layout, ended.stdout, ended.stderr);
    }

    fn probe(&self) -> String {
        let directory = self.tree.join(self.layout.files().0);
        self.place.probe(&self.tree, &self.layout.loaded().map(|name| directory.join(name)))
    }

    fn comparable(&self, listing: &Listing) -> Listing {
        without_times(listing, &self.before)
    }

    fn trace(&self) -> PathBuf {
        self.home.join("trace")
    }

    /// The points of the command.
    fn points(&self) -> Vec<Point> {
        self.set_up();
        let (ended, trace) = traced(self.place, &self.home, &self.arguments(self.command), &self.trace());
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let points = points(&trace, &self.home);
        assert!(points.len() > 20, "{:?} {}: {points:#?}", self.layout, self.command);
        points
    }

    /// What is not as before, and what is not as after the complete command.
    fn found(&self) -> (Vec<String>, Vec<String>) {
        let found = self.layout.list(&self.tree);
        (differences(&self.before, &found), differences(&self.comparable(&self.after), &self.comparable(&found)))
    }

    fn is_before(&self, when: &str) {
        let (before, _) = self.found();
        assert!(before.is_empty(), "{when}: the tree is not as it was: {before:#?}");
    }

    fn is_after(&self, when: &str) {
        let (_, after) = self.found();
        assert!(after.is_empty(), "{when}: the tree is not complete: {after:#?}");
    }

    fn is_either(&self, when: &str) {
        let (before, after) = self.found();
        assert!(before.is_empty() || after.is_empty(), "{when}: not as before: {before:#?}\nnot complete: {after:#?}");
    }

    fn works(&self, when: &str) {
        assert_eq!(self.probe(), self.stock, "{when}: a program");
    }

    /// There is a journal; or the directory around it still has the note about its time.
    fn is_pending(&self) -> bool {
        let state = self.tree.join(self.layout.state());
        let around = list_one(state.parent().expect("a directory"));
        state.join("journal").exists() || around.xattrs.contains_key(b"user.rmcp.time".as_slice())
    }

    /// Runs the command with a fault, checks what the promise is before any repair, and says what was tried.
    fn fail(&self, point: &Point, fault: Fault) -> String {
        self.set_up();
        let ended = faulted(self.place, &self.home, &self.arguments(self.command), point, fault, &self.trace());
        let when =
            format!("{:?} {}: {fault:?} at {} {}: {}", self.layout, self.command, point.call, point.nth, point.line);
        let when = format!("{when}\nended with {:?}: {}", ended.code, ended.stderr);
        self.works(&when);
        match ended.code {
            Some(0) => self.is_after(&when),
            // 3: a disk that failed before the journal was begun.
            Some(3..=5) => self.is_before(&when),
            Some(6) => {}
            None => assert_eq!(fault, Fault::Kill, "{when}"),
            _ => panic!("{when}: not an exit code of a failing disk"),
        }
        if !matches!(ended.code, Some(0) | None) {
            assert!(ended.sentence().is_some(), "{when}: not one sentence");
        }
        when
    }

    /// One `rmcp repair` puts everything right.
    ///
    /// There is one exception, and `true` if it is met: killed between making the state's directory and writing the journal, the command has left nothing that says when
    /// the directory around it was last changed.
    fn is_repaired(&self, when: &str) -> bool {
        let ended = self.rmcp(&self.arguments("repair"));
        assert_eq!(ended.code, Some(0), "{when}\nrepair: {}", ended.stderr);
        let when = format!("{when}\nafter repair: {}", ended.stderr);
        self.works(&when);
        if self.command == "install" && self.is_before_but_for_a_time() {
            return true;
        }
        // A repair of what a repair left repairs.
        if self.command == "repair" {
            self.is_after(&when)
        } else {
            self.is_either(&when)
        }
        false
    }

    /// The time of the directory around the state's is all that is not as before.
    fn is_before_but_for_a_time(&self) -> bool {
        let around = Path::new(self.layout.state()).parent().expect("a directory");
        let mut found = self.layout.list(&self.tree);
        let (Some(is), Some(was)) = (found.get_mut(around), self.before.get(around)) else { return false };
        let other_time = is.mtime != was.mtime;
        is.mtime = was.mtime;
        other_time && found == self.before
    }
}

/// Carries out `work` for the numbers below `count`, by as many threads as there are `stages`, each with its own. All are tried, also when one fails.
fn share(stages: &[Stage], count: usize, work: impl Fn(&Stage, usize) + Sync) {
    let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for stage in stages {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        break;
                    }
                    if catch_unwind(AssertUnwindSafe(|| work(stage, number))).is_err() {
                        failed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner();
    assert_eq!(failed, 0, "of {count} faults {failed} were not survived");
}

/// A pristine tree of a layout, and the libraries of an upgrade of it; what they hold, so that nobody changed it in the end.
struct Source {
    pristine: PathBuf,
    upgrade: PathBuf,
    digests: Vec<(PathBuf, String)>,
}

impl Source {
    fn new(place: &Place, layout: Layout) -> Self {
        let (pristine, upgrade) =
            (place.path().join(format!("{layout:?}")), place.path().join(format!("{layout:?}-upgrade")));
        fs::create_dir(&pristine).expect("create");
        fs::create_dir(&upgrade).expect("create");
        layout.make(&pristine);
        let (directory, files) = layout.files();
        for file in files {
            rebuild(&pristine.join(directory).join(file), &upgrade.join(file));
        }
        let mut source = Self { pristine, upgrade, digests: Vec::new() };
        source.digests = source.read();
        source
    }

    fn read(&self) -> Vec<(PathBuf, String)> {
        let files = |root: &Path| -> Vec<PathBuf> {
            let listing = list(root);
            listing.iter().filter(|(_, entry)| entry.inode != 0).map(|(path, _)| root.join(path)).collect()
        };
        let paths = [files(&self.pristine), files(&self.upgrade)].concat();
        paths.into_iter().map(|path| (path.clone(), sha256(&path))).collect()
    }

    fn is_unchanged(&self) {
        assert_eq!(self.read(), self.digests, "a file with further hard links was written into");
    }
}

/// Points between making the state's directory and the journal in it, at most: see [`Stage::is_repaired`].
const EXCEPTIONS: usize = 4;
const COMMANDS: [&str; 3] = ["install", "uninstall", "repair"];

fn workers() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 8)
}

fn stages<'a>(place: &'a Place, layout: Layout, command: &'static str, source: &Source) -> Vec<Stage<'a>> {
    (0..workers()).map(|number| Stage::new(place, layout, command, number, &source.pristine, &source.upgrade)).collect()
}

/// The faults to try at the point with this number.
fn faults(layout: Layout, number: usize, point: &Point, all: bool) -> Vec<Fault> {
    let mut faults = vec![Fault::Kill];
    if point.only_killed {
        return faults;
    }
    if all {
        faults.extend(ERRORS.map(Fault::Error));
        faults.push(Fault::Errors(ERRORS[number % 3]));
    } else if layout != Layout::System {
        faults.push(Fault::Error(ERRORS[number % 3]));
    }
    faults
}

fn every_point(all: bool) {
    if let Some(reason) = missing(&TOOLS) {
        println!("skipped: {reason}");
        return;
    }
    let place = Place::new();
    let (mut counts, mut tried) = ([0; 3], 0);
    for layout in [Layout::Prefix, Layout::Python, Layout::System] {
        let source = Source::new(&place, layout);
        for (command, count) in COMMANDS.into_iter().zip(&mut counts) {
            let stages = stages(&place, layout, command, &source);
            let points = stages[0].points();
            *count += points.len();
            let faults: Vec<(&Point, Fault)> = points
                .iter()
                .enumerate()
                .flat_map(|(number, point)| {
                    faults(layout, number, point, all).into_iter().map(move |fault| (point, fault))
                })
                .collect();
            tried += faults.len();
            let exceptions = AtomicUsize::new(0);
            share(&stages, faults.len(), |stage, number| {
                let (point, fault) = faults[number];
                let when = stage.fail(point, fault);
                if stage.is_repaired(&when) {
                    assert_eq!(fault, Fault::Kill, "{when}");
                    exceptions.fetch_add(1, Ordering::Relaxed);
                }
            });
            let exceptions = exceptions.into_inner();
            assert!(exceptions <= EXCEPTIONS, "a directory's time is lost at {exceptions} points");
            println!("{layout:?} {command}: {} points, {} faults, {exceptions} exceptions", points.len(), faults.len());
        }
        source.is_unchanged();
    }
    let [install, uninstall, repair] = counts;
    let what = if all {
        "SIGKILL, ENOSPC, EACCES and EIO, and an error for good"
    } else {
        "SIGKILL and one of ENOSPC, EACCES and EIO"
    };
    println!(
        "{install} points of install, {uninstall} of uninstall, {repair} of repair; at each {what}: {tried} faults"
    );
}

#[test]
fn a_fault_at_any_point_leaves_working_libraries_and_one_repair_puts_everything_right() {
    every_point(false);
}

#[test]
#[ignore = "takes ten minutes"]
fn every_kind_of_fault_at_every_point() {
    every_point(true);
}

#[test]
fn any_command_recovers_what_a_killed_one_left() {
    if let Some(reason) = missing(&TOOLS) {
        println!("skipped: {reason}");
        return;
    }
    let place = Place::new();
    let source = Source::new(&place, Layout::Prefix);
    let topology = place.path().join("topology");
    fs::create_dir(&topology).expect("create");
    let gpus = ["gpus".as_ref(), "--topology".as_ref(), topology.as_os_str()];
    for command in COMMANDS {
        let stages = stages(&place, Layout::Prefix, command, &source);
        let points = stages[0].points();
        let sample: Vec<&Point> = points.iter().step_by(5).collect();
        let (undone, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        share(&stages, sample.len(), |stage, number| {
            let when = stage.fail(sample[number], Fault::Kill);
            let status = [vec!["status".as_ref()], stage.layout.target(&stage.tree)].concat();
            let pending = stage.is_pending();
            let by = if number % 2 == 0 { &gpus[..] } else { &status[..] };
            let ended = stage.rmcp(by);
            let when = format!("{when}\nafter {by:?}: {:?} {}", ended.code, ended.stderr);
            assert!(!stage.is_pending(), "{when}: the journal is still there");
            if pending {
                stage.is_either(&when);
                if stage.found().0.is_empty() { &undone } else { &done }.fetch_add(1, Ordering::Relaxed);
            }
            stage.works(&when);
        });
        let (undone, done) = (undone.into_inner(), done.into_inner());
        assert!(undone > 0, "{command}: none of {} was interrupted", sample.len());
        println!("{command}: {undone} transactions undone, {done} completed, by `rmcp gpus` and `rmcp status`");
    }
}

#[test]
fn a_repair_that_is_killed_while_it_recovers_is_repaired_by_the_next() {
    if let Some(reason) = missing(&TOOLS) {
        println!("skipped: {reason}");
        return;
    }
    let place = Place::new();
    let source = Source::new(&place, Layout::Python);
    let mut count = 0;
    for command in ["install", "uninstall"] {
        let stages = stages(&place, Layout::Python, command, &source);
        let points = stages[0].points();
        // Early, in the middle and behind the commit.
        for first in [points.len() / 4, points.len() / 2, points.len() - points.len() / 8] {
            let first = &points[first];
            stages[0].fail(first, Fault::Kill);
            let repair = stages[0].arguments("repair");
            let (ended, trace) = traced(&place, &stages[0].home, &repair, &stages[0].trace());
            assert_eq!(ended.code, Some(0), "{}", ended.stderr);
            let second = install::faults::points(&trace, &stages[0].home);
            assert!(!second.is_empty(), "nothing to recover after {first:?}");
            count += second.len();
            share(&stages, second.len() * 2, |stage, number| {
                let (point, fault) = match number % 2 {
                    0 => (&second[number / 2], Fault::Kill),
                    _ => (&second[number / 2], Fault::Error(ERRORS[number / 2 % 3])),
                };
                let when = stage.fail(first, Fault::Kill);
                let ended = faulted(&place, &stage.home, &stage.arguments("repair"), point, fault, &stage.trace());
                let when =
                    format!("{when}\nthen repair: {fault:?} at {}: {:?} {}", point.line, ended.code, ended.stderr);
                assert!(matches!(ended.code, None | Some(0 | 3..=6)), "{when}");
                stage.works(&when);
                stage.is_repaired(&when);
            });
        }
    }
    println!("{count} points of repairs that recover; SIGKILL and one error each");
}

#[test]
fn commands_that_run_at_the_same_time_wait_for_each_other() {
    const ROUNDS: usize = 12;
    const PROCESSES: usize = 8;
    if let Some(reason) = missing(&TOOLS) {
        println!("skipped: {reason}");
        return;
    }
    let place = Place::new();
    let source = Source::new(&place, Layout::Prefix);
    let stage = Stage::new(&place, Layout::Prefix, "install", 0, &source.pristine, &source.upgrade);
    stage.set_up();
    let mut ends = BTreeSet::new();
    for round in 0..ROUNDS {
        let commands: Vec<&str> = (0..PROCESSES).map(|n| COMMANDS[(n * 5 + round * n) % 3]).collect();
        let ended: Vec<(&str, Ended)> = std::thread::scope(|scope| {
            let start = |command: &&'static str| {
                let (stage, command) = (&stage, *command);
                scope.spawn(move || (command, stage.rmcp(&stage.arguments(command))))
            };
            let started: Vec<_> = commands.iter().map(start).collect();
            started.into_iter().map(|thread| thread.join().expect("a process")).collect()
        });
        for (command, ended) in ended {
            // 0: it waited; 4: somebody was faster than its plan.
            assert!(matches!(ended.code, Some(0 | 4)), "{command}: {:?} {}", ended.code, ended.stderr);
        }
        let when = format!("round {round}: {commands:?}");
        stage.is_either(&when);
        stage.works(&when);
        ends.insert(stage.found().0.is_empty());
    }
    assert_eq!(ends.len(), 2, "the last of {ROUNDS} rounds was always the same command");
    source.is_unchanged();
}
