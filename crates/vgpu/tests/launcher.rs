//! The `vgpu` command: exit codes, signals, and nothing left behind.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;
use vgpu::launch::LIBRARY;

/// The launcher with a library that does nothing beside it, and a directory for its temporary files.
struct Launcher {
    directory: TempDir,
}

impl Launcher {
    fn new() -> Self {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary directory");
        let path = directory.path();
        std::fs::create_dir(path.join("tmp")).expect("a directory");
        // A copy would be "busy" while a test beside this one starts a program that has it open for writing.
        std::fs::hard_link(env!("CARGO_BIN_EXE_vgpu"), path.join("vgpu")).expect("a link to the launcher");
        // The preload has tests of its own. Every program has libc loaded: to preload it changes nothing.
        let libc =
            ["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/libc.so.6"].into_iter().find(|path| Path::new(path).exists());
        symlink(libc.expect("a libc"), path.join(LIBRARY)).expect("a link");
        Launcher { directory }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.directory.path().join("vgpu"));
        command.args(arguments).env("TMPDIR", self.directory.path().join("tmp"));
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let output = self.command(arguments).output().expect("the launcher starts");
        self.nothing_is_left();
        output
    }

    /// Starts a script that says a line when it is ready, in a process group of its own as a shell would, and reads the line.
    fn start(&self, script: &str) -> (Child, String) {
        let mut command = self.command(&["gfx1030", "--", "sh", "-c", script]);
        let mut child = command.process_group(0).stdout(Stdio::piped()).spawn().expect("the launcher starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        (child, line.trim_end().to_owned())
    }

    fn nothing_is_left(&self) {
        let left: Vec<_> = std::fs::read_dir(self.directory.path().join("tmp")).expect("a directory").collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

fn kill(process: i32, signal: i32) {
    // SAFETY: a process or group that the test started and has not waited for.
    assert_eq!(unsafe { libc::kill(process, signal) }, 0);
}

#[test]
fn the_programs_exit_code_is_passed_through() {
    let launcher = Launcher::new();
    for (script, code) in [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -SEGV $$", 139)] {
        assert_eq!(launcher.run(&["gfx1030", "--", "sh", "-c", script]).status.code(), Some(code), "{script}");
    }
}

#[test]
fn the_program_has_the_tree_while_it_runs() {
    let launcher = Launcher::new();
    let output = launcher.run(&["gfx1030,gfx1010", "--", "sh", "-c", "ls $VGPU_TREE/dev/dri; echo $VGPU_SPEC"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "card0\ncard1\nrenderD128\nrenderD129\ngfx1030,gfx1010\n");
}

#[test]
fn what_cannot_be_started_is_one_sentence_and_a_code() {
    let launcher = Launcher::new();
    let said = |arguments: &[&str]| {
        let output = launcher.run(arguments);
        (output.status.code(), String::from_utf8(output.stderr).expect("UTF-8"))
    };
    let (code, text) = said(&["gfx1030", "--", "/nonexistent"]);
    assert!(
        code == Some(127) && text.starts_with("vgpu: /nonexistent cannot be started") && text.lines().count() == 1,
        "{text}"
    );
    let (code, text) = said(&["gfx9999", "--", "true"]);
    assert!(code == Some(2) && text.contains("gfx9999"), "{text}");
    std::fs::remove_file(launcher.directory.path().join(LIBRARY)).expect("the link");
    let (code, text) = said(&["gfx1030", "--", "true"]);
    assert!(code == Some(3) && text.contains(LIBRARY) && text.lines().count() == 1, "{text}");
}

#[test]
fn the_terminals_interrupt_ends_the_program_and_leaves_nothing() {
    let launcher = Launcher::new();
    let (mut child, _) = launcher.start("echo; exec sleep 600");
    kill(-(child.id() as i32), libc::SIGINT);
    assert_eq!(child.wait().expect("the launcher").code(), Some(130));
    launcher.nothing_is_left();
}

#[test]
fn a_program_that_handles_the_interrupt_goes_on() {
    let launcher = Launcher::new();
    let (mut child, _) = launcher.start("trap 'exit 5' INT; echo; while :; do sleep 0.05; done");
    kill(-(child.id() as i32), libc::SIGINT);
    assert_eq!(child.wait().expect("the launcher").code(), Some(5));
    launcher.nothing_is_left();
}

#[test]
fn a_signal_to_the_launcher_alone_reaches_the_program() {
    let launcher = Launcher::new();
    for (signal, code) in [(libc::SIGTERM, 143), (libc::SIGHUP, 129)] {
        let (mut child, _) = launcher.start("echo; exec sleep 600");
        kill(child.id() as i32, signal);
        assert_eq!(child.wait().expect("the launcher").code(), Some(code));
        launcher.nothing_is_left();
    }
}

#[test]
fn a_killed_program_leaves_nothing() {
    let launcher = Launcher::new();
    let (mut child, program) = launcher.start("echo $$; exec sleep 600");
    kill(program.parse().expect("a process id"), libc::SIGKILL);
    assert_eq!(child.wait().expect("the launcher").code(), Some(137));
    launcher.nothing_is_left();
}
