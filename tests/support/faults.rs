//! What the tests of damaged and interrupted installations share: a place to work in with a copy of the command, listings of trees that can be compared, trees of AMD's
//! libraries, and system calls that strace makes fail.

#![allow(dead_code)] // each test binary uses a part of it

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::{CString, OsStr};
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::{built, succeed};

/// HIP 5.2.3 and ROCr 5.2.3 as Debian 12 installs them: the file and the links that lead to it.
pub const LIBRARIES: [(&str, [&str; 2]); 2] = [
    ("libamdhip64.so.5.2.21153", ["libamdhip64.so.5", "libamdhip64.so"]),
    ("libhsa-runtime64.so.1.5.0", ["libhsa-runtime64.so.1", "libhsa-runtime64.so"]),
];
/// Where Debian 12 installs them.
pub const DEBIAN: &str = "/usr/lib/x86_64-linux-gnu";

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
    loads: PathBuf,
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
        let loads = bin.join("loads");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/loads.c");
        succeed(Command::new("cc").arg("-O2").arg(source).arg("-o").arg(&loads));
        Self { directory, loads }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn rmcp(&self) -> PathBuf {
        self.path().join("bin/rmcp")
    }

    /// What a program gets of `libraries`, as text. `tree` is where they must come from.
    pub fn loads(&self, tree: &Path, libraries: &[PathBuf]) -> String {
        let Some(beside) = libraries.first().and_then(|library| library.parent()) else { return String::new() };
        let mut command = Command::new(&self.loads);
        plain(&mut command, self.path());
        // LD_LIBRARY_PATH cannot have a colon, and /proc shows line ends otherwise: HIP can then find the system's ROCr.
        let odd = beside.as_os_str().as_bytes().iter().any(|byte| b":;\n".contains(byte));
        if !odd {
            command.env("LD_LIBRARY_PATH", beside);
        }
        let output = super::output(command.arg(if odd { Path::new("/") } else { tree }).args(libraries));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() { text } else { format!("{text}{}\n", output.status) }
    }
}

/// An environment in which nothing but the arguments counts: the user's directories are below `home`.
pub fn plain(command: &mut Command, home: &Path) {
    command.env_clear().env("HOME", home).env("LC_ALL", "C.UTF-8");
    command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin").current_dir("/");
}

/// Longer than any command takes, on a loaded machine too.
const DEADLINE: Duration = Duration::from_secs(120);

/// One name in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Type and permission bits.
    pub mode: u32,
    pub owner: (u32, u32),
    /// Seconds and nanoseconds.
    pub mtime: (i64, i64),
    /// Of regular files; 0 otherwise.
    pub inode: u64,
    /// SHA-256 of a regular file, the target of a link, the number of a device; empty otherwise.
    pub contents: String,
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Entry {
    fn difference(&self, other: &Self) -> String {
        let (ours, others) = (format!("{self:#?}"), format!("{other:#?}"));
        let lines = ours.lines().zip(others.lines()).filter(|(ours, others)| ours != others);
        lines.map(|(ours, others)| format!("{} became {}", ours.trim(), others.trim())).collect::<Vec<_>>().join(" ")
    }
}

/// All names below a directory, `""` being itself.
pub type Listing = BTreeMap<PathBuf, Entry>;

/// Lists `root`. Large files are read again only if their inode, size or time is another.
pub fn list(root: &Path) -> Listing {
    let mut listing = Listing::new();
    enter(root, Path::new(""), &mut listing);
    listing
}

fn enter(root: &Path, relative: &Path, listing: &mut Listing) {
    let path = if relative.as_os_str().is_empty() { root.to_owned() } else { root.join(relative) };
    listing.insert(relative.to_owned(), list_one(&path));
    if path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
        for child in fs::read_dir(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())) {
            enter(root, &relative.join(child.expect("an entry").file_name()), listing);
        }
    }
}

/// What is to be said of one name.
pub fn list_one(path: &Path) -> Entry {
    let metadata = path.symlink_metadata().unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let kind = metadata.file_type();
    let contents = match () {
        () if kind.is_file() => digest(path, &metadata),
        () if kind.is_symlink() => fs::read_link(path).expect("a link").to_string_lossy().into_owned(),
        () if kind.is_dir() => String::new(),
        () => metadata.rdev().to_string(),
    };
    Entry {
        mode: metadata.mode(),
        owner: (metadata.uid(), metadata.gid()),
        mtime: (metadata.mtime(), metadata.mtime_nsec()),
        inode: if kind.is_file() { metadata.ino() } else { 0 },
        contents,
        xattrs: xattrs(path),
    }
}

fn digest(path: &Path, metadata: &fs::Metadata) -> String {
    type Key = (u64, u64, u64, i64, i64);
    static KNOWN: Mutex<BTreeMap<Key, String>> = Mutex::new(BTreeMap::new());
    const LARGE: u64 = 1 << 20;
    let key = (metadata.dev(), metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec());
    if metadata.size() >= LARGE
        && let Some(known) = KNOWN.lock().expect("lock").get(&key)
    {
        return known.clone();
    }
    let digest = sha256(path);
    if metadata.size() >= LARGE {
        KNOWN.lock().expect("lock").insert(key, digest.clone());
    }
    digest
}

/// SHA-256 of what is in the file now.
pub fn sha256(path: &Path) -> String {
    let mut file = fs::File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer).expect("read") {
            0 => return format!("{:x}", hash.finalize()),
            n => hash.update(&buffer[..n]),
        }
    }
}

fn c(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).expect("no zero byte")
}

fn xattrs(path: &Path) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut names = [0u8; 4096];
    // SAFETY: a C string, and a buffer with its length.
    let length = unsafe { libc::llistxattr(c(path).as_ptr(), names.as_mut_ptr().cast(), names.len()) };
    let names = &names[..usize::try_from(length).unwrap_or(0)];
    let names = names.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    names
        .map(|name| {
            let mut value = [0u8; 4096];
            let c_name = CString::new(name).expect("no zero byte");
            // SAFETY: two C strings, and a buffer with its length.
            let length =
                unsafe { libc::lgetxattr(c(path).as_ptr(), c_name.as_ptr(), value.as_mut_ptr().cast(), value.len()) };
            (name.to_vec(), value[..usize::try_from(length).unwrap_or(0)].to_vec())
        })
        .collect()
}

/// Gives a file an extended attribute of the user's; file systems that have none are left alone.
pub fn set_xattr(path: &Path, name: &str, value: &str) {
    let name = CString::new(name).expect("no zero byte");
    // SAFETY: two C strings, and a buffer with its length.
    unsafe { libc::lsetxattr(c(path).as_ptr(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0) };
}

/// Where two listings differ, a line each.
pub fn differences(expected: &Listing, found: &Listing) -> Vec<String> {
    let names: BTreeSet<&PathBuf> = expected.keys().chain(found.keys()).collect();
    let difference = |name: &PathBuf| match (expected.get(name), found.get(name)) {
        (Some(expected), Some(found)) if expected == found => None,
        (Some(expected), Some(found)) => Some(format!("{}: {}", name.display(), expected.difference(found))),
        (Some(_), None) => Some(format!("{} is gone", name.display())),
        _ => Some(format!("{} is new", name.display())),
    };
    names.into_iter().filter_map(difference).collect()
}

/// `listing` without what two installations cannot have in common: the inodes of files that RMCP made (all but those of `before`), and when it made them. RECORD keeps its time.
pub fn without_times(listing: &Listing, before: &Listing) -> Listing {
    let known: BTreeSet<u64> = before.values().map(|entry| entry.inode).filter(|inode| *inode != 0).collect();
    let mut listing = listing.clone();
    for (path, entry) in &mut listing {
        let old = if entry.inode == 0 { before.contains_key(path) } else { known.contains(&entry.inode) };
        if !old {
            entry.inode = 0;
            if path.file_name() != Some(OsStr::new("RECORD")) {
                entry.mtime = (0, 0);
            }
        }
    }
    listing
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
    let code =
        unsafe { libc::utimensat(libc::AT_FDCWD, c(path).as_ptr(), [time, time].as_ptr(), libc::AT_SYMLINK_NOFOLLOW) };
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

/// The same library with another build-id, as a new file: what an upgrade that changed little brings.
pub fn upgraded(library: &Path, out: &Path) {
    let mut bytes = fs::read(library).expect("a library");
    let build_id = rmcp_front::Library::read(library).expect("a library").build_id;
    let build_id: Vec<u8> =
        (0..build_id.len() / 2).map(|i| u8::from_str_radix(&build_id[2 * i..2 * i + 2], 16).expect("hex")).collect();
    let at = bytes.windows(build_id.len()).position(|window| window == build_id).expect("the build-id");
    bytes[at] ^= 0xff;
    fs::write(out, bytes).expect("write");
    fs::set_permissions(out, library.metadata().expect("metadata").permissions()).expect("mode");
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
    let child = command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let group = -i32::try_from(child.id()).expect("a process id");
    // SAFETY: the group of a child; that it is empty is no error.
    let kill = move || unsafe { libc::kill(group, libc::SIGKILL) };
    let (ended, end) = mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        let hangs = end.recv_timeout(DEADLINE) == Err(mpsc::RecvTimeoutError::Timeout);
        if hangs {
            kill();
        }
        hangs
    });
    let output = child.wait_with_output().expect("wait");
    drop(ended);
    assert!(!watch.join().expect("the watch"), "{command:?} hangs");
    kill();
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
