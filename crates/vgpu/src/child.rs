//! A program as a child of a launcher: found as a shell finds it, waited for, with the signals that the launcher gets.

use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

/// Signals that are the program's to decide about.
const PASSED: [i32; 6] = [libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGHUP, libc::SIGUSR1, libc::SIGUSR2];

/// The child's process id; 0: none yet, or none any more.
static CHILD: AtomicI32 = AtomicI32::new(0);
/// Signals that came while there was none yet, one bit each.
static EARLY: AtomicU64 = AtomicU64::new(0);

/// The file that `name` starts: itself if it has a slash, else the first executable one in `path`.
pub fn find(name: &OsStr, path: Option<&OsStr>) -> Result<PathBuf, String> {
    let shown = name.to_string_lossy();
    if name.is_empty() {
        return Err("the program's name is empty".to_owned());
    }
    if shown.contains('/') {
        return Ok(PathBuf::from(name));
    }
    let path = path.unwrap_or(OsStr::new("/bin:/usr/bin"));
    let executable = |file: &PathBuf| {
        file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    };
    std::env::split_paths(path)
        .map(
            |directory| if directory.as_os_str().is_empty() { Path::new(".").join(name) } else { directory.join(name) },
        )
        .find(executable)
        .ok_or_else(|| format!("{shown} is not found in PATH; check the name, or give its path"))
}

/// Runs `command` to its end; what it ended with, as a shell's `$?`.
pub fn run(command: &mut Command) -> io::Result<u8> {
    for signal in PASSED {
        pass_on(signal);
    }
    let mut child = command.spawn()?;
    CHILD.store(child.id() as i32, Ordering::SeqCst);
    let early = EARLY.swap(0, Ordering::SeqCst);
    for signal in PASSED.into_iter().filter(|signal| early & 1 << signal != 0) {
        // SAFETY: no memory is involved; the child has not been waited for.
        unsafe { libc::kill(child.id() as i32, signal) };
    }
    wait_without_reaping(&child);
    // From here on its process id may be given to another process.
    CHILD.store(0, Ordering::SeqCst);
    let status = child.wait()?;
    Ok(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)) as u8)
}

fn wait_without_reaping(child: &Child) {
    loop {
        // SAFETY: the structure is plain data, which waitid fills.
        let outcome = unsafe {
            let mut info: libc::siginfo_t = std::mem::zeroed();
            libc::waitid(libc::P_PID, child.id(), &raw mut info, libc::WEXITED | libc::WNOWAIT)
        };
        if outcome == 0 || io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return;
        }
    }
}

/// Handles `signal` by passing it on, unless it is being ignored (`nohup`): then the program ignores it as well.
fn pass_on(signal: i32) {
    // SAFETY: the structures are plain data; the handler makes async-signal-safe calls only.
    unsafe {
        let mut before: libc::sigaction = std::mem::zeroed();
        if libc::sigaction(signal, std::ptr::null(), &raw mut before) == 0 && before.sa_sigaction == libc::SIG_IGN {
            return;
        }
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void) as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
        libc::sigaction(signal, &raw const action, std::ptr::null_mut());
    }
}

extern "C" fn handler(signal: i32, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    // The terminal sends to the whole process group, so the program has it already; what a process sent, it sent to us alone.
    // SAFETY: the kernel passes a valid structure.
    if unsafe { (*info).si_code } > 0 {
        return;
    }
    let child = CHILD.load(Ordering::SeqCst);
    if child == 0 {
        EARLY.fetch_or(1 << signal, Ordering::SeqCst);
        return;
    }
    // SAFETY: errno is this thread's; kill is async-signal-safe, and the child has not been reaped while CHILD is set.
    unsafe {
        let errno = *libc::__errno_location();
        libc::kill(child, signal);
        *libc::__errno_location() = errno;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_looked_up_in_path_and_a_path_is_taken_as_it_is() {
        assert_eq!(find("sh".as_ref(), Some("/nonexistent:/bin".as_ref())), Ok(PathBuf::from("/bin/sh")));
        assert_eq!(find("./x".as_ref(), Some("/bin".as_ref())), Ok(PathBuf::from("./x")));
        let error = find("no-such-program".as_ref(), None).expect_err("not there");
        assert!(error.contains("no-such-program"), "{error}");
    }
}
