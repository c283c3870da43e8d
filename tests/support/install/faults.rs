//! What the tests of damaged and interrupted installations share: a place to work in with a copy of the command, trees of AMD's libraries, and system calls that strace makes
//! fail.

use std::collections::{BTreeSet, HashMap};
use std::ffi::{CString, OsStr};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use super::libraries::{DEBIAN, LIBRARIES};
use super::listing::{c_string, list};
use crate::support::{built, end, output, succeed};

/// The reason why there is nothing to test with, a sentence; `None` if there is.
pub fn missing(tools: &[&str]) -> Option<String> {
    let tool = tools.iter().find(|tool| which(tool).is_none());
    let library = LIBRARIES.iter().map(|(name, _)| Path::new(DEBIAN).join(name)).find(|path| !path.is_file());
    tool.map(|tool| format!("{tool} is not installed"))
        .or_else(|| library.map(|library| format!("{} is not installed", library.display())))
}

fn which(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]).map(|d| d.join(tool)).find(|p| p.is_file())
}

/// A directory of its own with the command, the core without its debugging information, and the program that tries libraries. In memory where that is possible: the
/// installations of a test write and sync thousands of small files.
pub struct Place {
    directory: TempDir,
    probe: PathBuf,
}

impl Place {
    pub fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let directory = tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir()).expect("a temporary directory");
        // Other users' processes are to come through.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("mode");
        let bin = directory.path().join("bin");
        fs::create_dir(&bin).expect("create");
        for name in ["rmcp", "librmcp.so"] {
            succeed(Command::new("strip").arg("--strip-debug").arg("-o").arg(bin.join(name)).arg(built(name)));
        }
        let probe = bin.join("probe");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/probe.c");
        succeed(Command::new("cc").arg("-O2").arg(source).arg("-o").arg(&probe));
        Self { directory, probe }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn rmcp(&self) -> PathBuf {
        self.path().join("bin/rmcp")
    }

    /// What a program gets of `libraries`, as text. `tree` is where they must come from.
    pub fn probe(&self, tree: &Path, libraries: &[PathBuf]) -> String {
        let Some(beside) = libraries.first().and_then(|library| library.parent()) else { return String::new() };
        let mut command = Command::new(&self.probe);
        plain(&mut command, self.path());
        // LD_LIBRARY_PATH cannot have a colon, and /proc shows line ends otherwise: HIP can then find the system's ROCr.
        let odd = beside.as_os_str().as_bytes().iter().any(|byte| b":;\n".contains(byte));
        if !odd {
            command.env("LD_LIBRARY_PATH", beside);
        }
        let output = output(command.arg(if odd { Path::new("/") } else { tree }).args(libraries));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() { text } else { format!("{text}{}\n", output.status) }
    }
}

/// An environment in which nothing but the arguments counts: the user's directories are below `home`.
pub fn plain(command: &mut Command, home: &Path) {
    command.env_clear().env("HOME", home).env("LC_ALL", "C.UTF-8");
    command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin").current_dir("/");
}

/// Gives a file an extended attribute of the user's; file systems that have none are left alone.
pub fn set_xattr(path: &Path, name: &str, value: &str) {
    let name = CString::new(name).expect("no zero byte");
    // SAFETY: two C strings, and a buffer with its length.
    unsafe { libc::lsetxattr(c_string(path).as_ptr(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0) };
}

/// Makes `to` with the same files (hard links), directories and times as `from`.
pub fn clone(from: &Path, to: &Path) {
    let metadata = from.symlink_metadata().unwrap_or_else(|e| panic!("{}: {e}", from.display()));
    if !metadata.is_dir() {
        if metadata.is_symlink() {
            symlink(fs::read_link(from).expect("a link"), to).expect("link");
            set_time(to, (metadata.mtime(), metadata.mtime_nsec()));
        } else {
            fs::hard_link(from, to).unwrap_or_else(|e| panic!("{}: {e}", to.display()));
        }
        return;
    }
    fs::create_dir(to).unwrap_or_else(|e| panic!("{}: {e}", to.display()));
    for child in fs::read_dir(from).expect("a directory") {
        let name = child.expect("an entry").file_name();
        clone(&from.join(&name), &to.join(&name));
    }
    fs::set_permissions(to, metadata.permissions()).expect("mode");
    std::os::unix::fs::chown(to, Some(metadata.uid()), Some(metadata.gid())).expect("owner");
    set_time(to, (metadata.mtime(), metadata.mtime_nsec()));
}

/// Sets when a file, directory or link was last changed.
pub fn set_time(path: &Path, time: (i64, i64)) {
    let time = libc::timespec { tv_sec: time.0, tv_nsec: time.1 };
    // SAFETY: a C string and two times.
    let code = unsafe {
        libc::utimensat(libc::AT_FDCWD, c_string(path).as_ptr(), [time, time].as_ptr(), libc::AT_SYMLINK_NOFOLLOW)
    };
    assert_eq!(code, 0, "{}: {}", path.display(), std::io::Error::last_os_error());
}

/// Gives all directories and links below `root` times in the past, so that a change of one shows.
pub fn age(root: &Path) {
    for path in list(root).keys().rev() {
        let path = if path.as_os_str().is_empty() { root.to_owned() } else { root.join(path) };
        if !path.symlink_metadata().expect("metadata").is_file() {
            set_time(&path, (1_600_000_000, 123_456_789));
        }
    }
}

/// Copies AMD's libraries with their links, times and modes into `directory`, which is made.
pub fn debian_libraries(directory: &Path) {
    fs::create_dir_all(directory).expect("create");
    for (file, links) in LIBRARIES {
        succeed(Command::new("cp").arg("-p").arg(Path::new(DEBIAN).join(file)).arg(directory));
        let mut target = file;
        for link in links {
            symlink(target, directory.join(link)).expect("link");
            target = link;
        }
    }
}

/// One system call of a command that changes the file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// Its name.
    pub call: String,
    /// Which one of this name, from 1.
    pub nth: usize,
    /// As strace wrote it.
    pub line: String,
    /// It only starts another program or waits for one: the command can be killed there, and nothing else.
    pub only_killed: bool,
}

const WITH_PATHS: &str = "rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,mkdir,mkdirat,rmdir,mknod,mknodat,chmod,fchmodat,fchmodat2,chown,lchown,\
                          fchownat,utimensat,utimes,truncate,setxattr,lsetxattr,removexattr,lremovexattr";
const WITH_DESCRIPTORS: &str = "write,writev,pwrite64,pwritev,copy_file_range,sendfile,ftruncate,fallocate,fchmod,fchown,fsetxattr,fremovexattr,fsync,fdatasync,ioctl";
const PROCESSES: &str = "clone,clone3,vfork,fork,wait4,waitid,poll";

/// The system calls in strace's `trace` (of `-f -y`) by which the first process changes something below `place`. Those of programs that it starts do not count; a thread of
/// its own that changes something is a failure of the test: no fault could be put there.
pub fn points(trace: &str, place: &Path) -> Vec<Point> {
    let place = place.to_str().expect("UTF-8");
    let named = |list: &str, name: &str| list.split(',').any(|word| word.trim() == name);
    let mut counts: HashMap<&str, usize> = HashMap::new();
    let mut programs: BTreeSet<&str> = BTreeSet::new();
    let first = trace.split_whitespace().next().unwrap_or_default();
    let starts_programs = trace.lines().any(|line| !line.starts_with(first) && line.contains(" execve("));
    let mut points = Vec::new();
    for line in trace.lines() {
        let (process, call) = line.split_once(' ').unwrap_or_default();
        let Some((name, arguments)) = call.trim_start().split_once('(') else { continue };
        if name == "execve" {
            programs.insert(process);
        }
        let changes = match name {
            "openat" | "open" | "creat" => {
                ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"].iter().any(|flag| arguments.contains(flag))
                    && arguments.contains(place)
            }
            _ if named(WITH_PATHS, name) => arguments.contains(place),
            // `ioctl` for FICLONE only.
            "ioctl" => arguments.contains("FICLONE"),
            _ if named(WITH_DESCRIPTORS, name) => {
                arguments.split([',', ')']).next().is_some_and(|fd| fd.contains(place))
            }
            _ => false,
        };
        if process != first {
            assert!(!changes || programs.contains(process), "a thread changes the file system: {line}");
            continue;
        }
        let nth = counts.entry(name).or_default();
        *nth += 1;
        let only_killed = starts_programs && named(PROCESSES, name);
        if changes || only_killed {
            points.push(Point { call: name.to_owned(), nth: *nth, line: call.to_owned(), only_killed });
        }
    }
    points
}

/// What is done to a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The process is killed before it.
    Kill,
    /// It fails.
    Error(&'static str),
    /// It fails, and so does every later one of its name.
    Errors(&'static str),
}

/// The errors that are tried in turn.
pub const ERRORS: [&str; 3] = ["ENOSPC", "EACCES", "EIO"];

/// How a command ended.
pub struct Ended {
    /// `None`: it was killed.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    fn new(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let code = match (output.status.code(), output.status.signal()) {
            (Some(code), _) => Some(code),
            (_, Some(libc::SIGKILL)) => None,
            (_, signal) => panic!("ended by signal {signal:?}: {}", text(&output.stderr)),
        };
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        assert!(!stderr.contains("panicked"), "{stderr}");
        Self { code, stdout, stderr }
    }

    /// What a command that failed says with `--quiet`, if that is one sentence. (A line end can stand in a file's name.)
    pub fn sentence(&self) -> Option<&str> {
        let sentence = self.stderr.trim_end().strip_prefix("rmcp: ")?;
        (sentence.len() > 30 && !sentence.contains("rmcp: ")).then_some(sentence)
    }
}

/// Runs to the end, and then ends what it has started and left.
pub fn run(command: &mut Command) -> Ended {
    let (output, group) = end(command);
    // SAFETY: the group of a child; that it is empty is no error.
    unsafe { libc::kill(-group, libc::SIGKILL) };
    Ended::new(&output)
}

/// Runs `rmcp arguments` under strace, and returns how it ended and the trace.
pub fn traced(place: &Place, home: &Path, arguments: &[&OsStr], trace: &Path) -> (Ended, String) {
    let calls = format!("open,openat,creat,execve,{WITH_PATHS},{WITH_DESCRIPTORS},{PROCESSES}");
    // `?`: not an error where strace does not know the call.
    let calls = format!("trace=?{}", calls.replace(' ', "").replace(',', ",?"));
    let mut command = Command::new("strace");
    plain(&mut command, home);
    command.args(["-f", "-y", "-q", "-s", "256", "-e", &calls, "-o"]).arg(trace);
    let ended = run(command.arg(place.rmcp()).args(arguments));
    let text = fs::read_to_string(trace).unwrap_or_else(|e| panic!("{e}: {}", ended.stderr));
    (ended, text)
}

/// Runs `rmcp arguments` with `fault` at `point`, and demands that it was reached.
pub fn faulted(place: &Place, home: &Path, arguments: &[&OsStr], point: &Point, fault: Fault, trace: &Path) -> Ended {
    let (Point { call, nth, .. }, mut command) = (point, Command::new("strace"));
    plain(&mut command, home);
    let inject = match fault {
        Fault::Kill => format!("inject={call}:signal=SIGKILL:when={nth}"),
        Fault::Error(error) => format!("inject={call}:error={error}:when={nth}"),
        Fault::Errors(error) => format!("inject={call}:error={error}:when={nth}+"),
    };
    // seccomp makes it faster, but loses signals.
    if fault != Fault::Kill {
        command.args(["--seccomp-bpf", "-f"]);
    }
    command.args(["-q", "-e", &format!("trace={call}"), "-e", &inject, "-o"]).arg(trace);
    let ended = run(command.arg(place.rmcp()).args(arguments));
    let trace = fs::read_to_string(trace).expect("a trace");
    // How often another program is waited for is not the same each time.
    let reached = trace.contains("(INJECTED)") || trace.contains("killed by SIGKILL") || point.only_killed;
    assert!(reached, "{fault:?} at {point:?} was not reached: {:?}\n{}\n{trace}", ended.code, ended.stderr);
    ended
}
