//! Runs a command with a deadline instead of a hang.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Longer than any program of the tests takes, on a loaded machine too.
const DEADLINE: Duration = Duration::from_secs(300);

/// Runs to the end; a program that has not ended by the deadline is killed, with what it started, and fails the test.
pub fn output(command: &mut Command) -> Output {
    end(command).0
}

/// As [`output`]; and the number of its process group, in which what it started and left can still be.
pub fn end(command: &mut Command) -> (Output, libc::pid_t) {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let mut pipes = (child.stdout.take().expect("a pipe"), child.stderr.take().expect("a pipe"));
    let readers = (
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            pipes.0.read_to_end(&mut bytes).map(|_| bytes)
        }),
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            pipes.1.read_to_end(&mut bytes).map(|_| bytes)
        }),
    );
    let group = child.id() as libc::pid_t;
    let deadline = Instant::now() + DEADLINE;
    let status = loop {
        if let Some(status) = child.try_wait().expect("wait") {
            break status;
        }
        if Instant::now() > deadline {
            // SAFETY: the group of a child that has not been waited for.
            unsafe { libc::kill(-group, libc::SIGKILL) };
            panic!("{command:?} hangs");
        }
        std::thread::park_timeout(Duration::from_millis(5));
    };
    let stdout = readers.0.join().expect("reader").expect("stdout");
    let stderr = readers.1.join().expect("reader").expect("stderr");
    (Output { status, stdout, stderr }, group)
}

/// Runs to the end and demands exit code 0.
pub fn succeed(command: &mut Command) -> Output {
    let output = output(command);
    assert!(
        output.status.success(),
        "{command:?}: {}\n--- stdout\n{}--- stderr\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}
