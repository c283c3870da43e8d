//! What is recorded is in the file: from many threads, after fork, after SIGKILL, and until the space runs out.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rmcp_record::{CHUNK_BYTES, Ending, Event, FrontLoaded, HEADER_BYTES, Recording, Verdict, Writer, read};

fn no_stop(sentence: &str) {
    panic!("recording stopped: {sentence}");
}

fn event(pointer: u64) -> Event<'static> {
    Event {
        call: "hipHostMalloc",
        flags_asked: 0,
        flags_used: 0x8000_0000,
        size: 4096,
        pointer,
        result: 0,
        verdict: Verdict::Rewritten,
        rule: "host-default-noncoherent",
        warning: "",
        ordinal: 1,
        target: "gfx1030",
        bus: "0000:03:00.0",
        caller: "python3",
        mode: "default",
        ..Event::default()
    }
}

/// Every pointer of `expected` was recorded exactly once.
fn assert_pointers(recording: &Recording, expected: impl Iterator<Item = u64>) {
    let mut found: Vec<u64> = recording.calls.iter().map(|call| call.pointer).collect();
    found.sort_unstable();
    let mut expected: Vec<u64> = expected.collect();
    expected.sort_unstable();
    assert_eq!(found.len(), expected.len());
    assert!(found == expected);
    assert_eq!((recording.lost, recording.damaged_chunks, &recording.stopped), (0, 0, &None));
}

/// This test binary again, running only the test `name`, told by RECORD what to do.
fn myself(name: &str, record: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", name, "--nocapture", "--test-threads=1"]).env("RECORD", record).stdout(Stdio::null());
    command
}

#[test]
fn everything_of_an_event_comes_back() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("record");
    let writer = Writer::open(&path, "audit", no_stop).expect("a writer");
    writer.front(&FrontLoaded {
        soname: "libamdhip64.so.5",
        front_path: "/cache/libamdhip64.so.5",
        real_path: "/usr/lib/libamdhip64.so.5",
        build_id: "0123abcd",
    });
    let sent =
        Event { result: -7, warning: "coherent-without-atomics", ordinal: -1, size: u64::MAX, ..event(u64::MAX - 1) };
    writer.record(&sent);
    writer.record(&Event::default());
    writer.warning("coherent-without-atomics", "A sentence, with \u{fc}ml\u{e4}uts.");

    let recording = read(&path).expect("a recording");
    let [process] = &recording.processes[..] else { panic!("one process: {recording:?}") };
    assert_eq!((process.pid, &*process.mode), (std::process::id(), "audit"));
    assert_eq!(*process.exe, *std::env::current_exe().expect("this program").to_string_lossy());
    assert_eq!(process.argv0.to_string(), std::env::args().next().expect("argv[0]"));
    let [front] = &recording.fronts[..] else { panic!("one front") };
    assert_eq!(
        [&*front.soname, &*front.front_path, &*front.real_path, &*front.build_id],
        ["libamdhip64.so.5", "/cache/libamdhip64.so.5", "/usr/lib/libamdhip64.so.5", "0123abcd"]
    );
    let [got, nothing] = &recording.calls[..] else { panic!("two calls") };
    let device = got.device.as_ref().expect("a device");
    let back = Event {
        call: &got.call,
        kind: got.kind,
        memory: &got.memory,
        flags_asked: got.flags_asked,
        flags_used: got.flags_used,
        size: got.size,
        pointer: got.pointer,
        result: got.result,
        verdict: got.verdict,
        rule: &got.rule,
        warning: &got.warning,
        ordinal: device.ordinal,
        target: &device.target,
        bus: &device.bus,
        caller: &got.caller,
        mode: &got.mode,
        ..Event::default()
    };
    assert_eq!(back, sent);
    // Ordinal 0 is a device.
    assert_eq!(nothing.device.as_ref().map(|device| device.ordinal), Some(0));
    let [warning] = &recording.warnings[..] else { panic!("one warning") };
    assert_eq!((&*warning.id, &*warning.text), ("coherent-without-atomics", "A sentence, with \u{fc}ml\u{e4}uts."));
    assert!(recording.calls.iter().all(|call| call.unix_ns >= process.started_unix_ns));
    serde_json::to_string(&recording).expect("JSON");
}

#[test]
fn many_threads_lose_nothing_and_each_string_is_written_about_once() {
    const THREADS: u64 = 16;
    const EACH: u64 = 5_000;
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("record");
    let writer = Writer::open(&path, "default", no_stop).expect("a writer");
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let writer = &writer;
            scope.spawn(move || (0..EACH).for_each(|n| writer.record(&event(thread * EACH + n))));
        }
    });
    let recording = read(&path).expect("a recording");
    assert_pointers(&recording, 0..THREADS * EACH);
    assert!(recording.calls.is_sorted_by_key(|call| call.unix_ns));
    let threads: std::collections::BTreeSet<u32> = recording.calls.iter().map(|call| call.tid).collect();
    assert_eq!(threads.len() as u64, THREADS);
    // 32 bytes for an event: strings, shapes, chunk headers and unfinished chunks of 16 threads are less than this.
    let bytes = std::fs::metadata(&path).expect("a file").len();
    assert!(bytes < THREADS * EACH * 32 + (THREADS + 4) * CHUNK_BYTES as u64, "{bytes} bytes");
}

#[test]
fn a_thousand_short_threads_share_chunks() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("record");
    let writer = Writer::open(&path, "default", no_stop).expect("a writer");
    for n in 0..1_000 {
        std::thread::scope(|scope| scope.spawn(|| writer.record(&event(n))).join().expect("a thread"));
    }
    assert_pointers(&read(&path).expect("a recording"), 0..1_000);
    // 1000 records fill two chunks; the main thread has one.
    let bytes = std::fs::metadata(&path).expect("a file").len();
    assert!(bytes <= (HEADER_BYTES + 4 * CHUNK_BYTES) as u64, "{bytes} bytes");
}

#[test]
fn a_record_in_a_thread_local_destructor_is_kept() {
    static WRITER: std::sync::OnceLock<Writer> = std::sync::OnceLock::new();
    struct Late;
    impl Drop for Late {
        fn drop(&mut self) {
            WRITER.get().expect("a writer").record(&event(2));
        }
    }
    thread_local!(static LATE: Late = const { Late });
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("record");
    let writer = WRITER.get_or_init(|| Writer::open(&path, "default", no_stop).expect("a writer"));
    // Made first, so destroyed last: after the recorder's own variable.
    std::thread::spawn(|| {
        LATE.with(|_| {});
        writer.record(&event(1));
    })
    .join()
    .expect("a thread");
    assert_pointers(&read(&path).expect("a recording"), 1..3);
}

/// Forks while other threads record; parent and children go on.
#[test]
fn forked_children_are_processes_of_their_own_and_nothing_is_lost() {
    const CHILDREN: u64 = 8;
    const EACH: u64 = 2_000;
    if let Some(record) = std::env::var_os("RECORD") {
        let writer = Writer::open(Path::new(&record), "default", no_stop).expect("a writer");
        let done = AtomicU32::new(0);
        std::thread::scope(|scope| {
            let busy = scope.spawn(|| {
                let mut n = 0;
                while done.load(Ordering::Relaxed) == 0 || n < EACH {
                    writer.record(&event(1_000_000 + n));
                    n += 1;
                }
                n
            });
            let mut pids = Vec::new();
            for child in 0..CHILDREN {
                writer.record(&event(child));
                // SAFETY: the child only records (allocation is safe after fork in glibc) and leaves without unwinding.
                let pid = unsafe { libc::fork() };
                if pid == 0 {
                    (0..EACH).for_each(|n| writer.record(&event((child + 1) * 10_000 + n)));
                    // SAFETY: ends the child at once.
                    unsafe { libc::_exit(0) };
                }
                assert!(pid > 0, "fork");
                pids.push(pid);
            }
            for pid in pids {
                let mut status = 0;
                // SAFETY: waits for a child of ours, `status` is ours.
                assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
                assert_eq!(status, 0);
            }
            done.store(1, Ordering::Relaxed);
            let count = busy.join().expect("a thread");
            writer.record(&Event { size: count, ..event(999_999) });
        });
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("record");
    let status =
        myself("forked_children_are_processes_of_their_own_and_nothing_is_lost", &path).status().expect("a child");
    assert!(status.success(), "{status}");
    let recording = read(&path).expect("a recording");
    let busy = recording.calls.iter().find(|call| call.pointer == 999_999).expect("the last event").size;
    let children = (0..CHILDREN).flat_map(|child| (0..EACH).map(move |n| (child + 1) * 10_000 + n));
    assert_pointers(&recording, (0..CHILDREN).chain([999_999]).chain(children).chain((0..busy).map(|n| 1_000_000 + n)));
    assert_eq!(recording.processes.len() as u64, 1 + CHILDREN);
    let parent = &recording.processes[0];
    for child in &recording.processes[1..] {
        assert_eq!((child.parent, &child.exe, &*child.mode), (parent.pid, &parent.exe, "default"));
        let own = recording.calls.iter().filter(|call| call.process == child.number);
        assert!(own.clone().all(|call| call.pid == child.pid && &*call.rule == "host-default-noncoherent"));
        assert_eq!(own.count() as u64, EACH);
    }
}

#[test]
fn a_killed_process_leaves_everything_it_recorded() {
    const COUNT: u64 = 3_000;
    if let Some(record) = std::env::var_os("RECORD") {
        let writer = Writer::open(Path::new(&record), "default", no_stop).expect("a writer");
        (0..COUNT).for_each(|n| writer.record(&event(n)));
        // SAFETY: a signal to ourselves.
        unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
        unreachable!("killed");
    }
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("record");
    let status = myself("a_killed_process_leaves_everything_it_recorded", &path).status().expect("a child");
    assert_eq!(status.signal(), Some(libc::SIGKILL));
    assert_pointers(&read(&path).expect("a recording"), 0..COUNT);
}

/// RLIMIT_FSIZE is a full disk that needs no root, with SIGXFSZ at its default: the program must survive.
#[test]
fn no_more_room_stops_recording_once_and_the_program_goes_on() {
    const COUNT: u64 = 5_000;
    static SAID: AtomicU32 = AtomicU32::new(0);
    fn said(sentence: &str) {
        SAID.fetch_add(1, Ordering::Relaxed);
        assert!(sentence.contains("/record stopped: File too large"), "{sentence}");
    }
    if let Some(record) = std::env::var_os("RECORD") {
        let writer = Writer::open(Path::new(&record), "default", said).expect("a writer");
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| (0..COUNT).for_each(|n| writer.record(&event(n))));
            }
        });
        assert_eq!((SAID.load(Ordering::Relaxed), writer.is_stopped()), (1, true));
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("record");
    let mut command = myself("no_more_room_stops_recording_once_and_the_program_goes_on", &path);
    // SAFETY: setrlimit and signal may be called between fork and exec.
    unsafe {
        command.pre_exec(|| {
            let bytes = (HEADER_BYTES + 6 * CHUNK_BYTES) as libc::rlim_t;
            let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
            libc::signal(libc::SIGXFSZ, libc::SIG_DFL);
            match libc::setrlimit(libc::RLIMIT_FSIZE, &limit) {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            }
        });
    }
    let status = command.status().expect("a child");
    assert!(status.success(), "{status}");
    let recording = read(&path).expect("a recording");
    assert_eq!(recording.stopped.expect("a reason").errno, libc::EFBIG);
    assert!(recording.calls.len() > 2_000, "{}", recording.calls.len());
    assert_eq!(recording.calls.len() as u64 + recording.lost, 3 * COUNT);
    assert_eq!(recording.damaged_chunks, 0);
}

/// A real full disk, on a file system whose pages are only had when they are touched: a small tmpfs in a mount namespace of its own.
#[test]
fn a_full_tmpfs_stops_recording_once_and_the_program_goes_on() {
    const COUNT: u64 = 20_000;
    const NAME: &str = "a_full_tmpfs_stops_recording_once_and_the_program_goes_on";
    static SAID: AtomicU32 = AtomicU32::new(0);
    fn said(sentence: &str) {
        SAID.fetch_add(1, Ordering::Relaxed);
        assert!(sentence.contains("/record stopped: No space left on device"), "{sentence}");
    }
    if let Some(record) = std::env::var_os("RECORD") {
        let writer = Writer::open(Path::new(&record), "default", said).expect("a writer");
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| (0..COUNT).for_each(|n| writer.record(&event(n))));
            }
        });
        assert_eq!((SAID.load(Ordering::Relaxed), writer.is_stopped()), (1, true));
        // The tmpfs is gone with its last process.
        let recording = read(Path::new(&record)).expect("a recording");
        assert_eq!(recording.stopped.expect("a reason").errno, libc::ENOSPC);
        assert!(recording.calls.len() > 10_000, "{}", recording.calls.len());
        assert_eq!((recording.calls.len() as u64 + recording.lost, recording.damaged_chunks), (3 * COUNT, 0));
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let mount = |then: &mut Command| {
        let mut command = Command::new("unshare");
        command
            .args(["-rm", "sh", "-c", "mount -t tmpfs -o size=1m tmpfs \"$0\" && exec \"$@\""])
            .arg(directory.path());
        command.arg(then.get_program()).args(then.get_args()).env("RECORD", directory.path().join("record"));
        command
    };
    match mount(&mut Command::new("true")).output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            println!("skipped: no tmpfs can be mounted: {}", String::from_utf8_lossy(&output.stderr).trim());
            return;
        }
        Err(error) => {
            println!("skipped: unshare: {error}");
            return;
        }
    }
    let output = mount(&mut myself(NAME, &directory.path().join("record"))).output().expect("a child");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!directory.path().join("record").exists(), "it was recorded on the tmpfs");
}

/// All threads at once, each frozen at any point of a record by SIGKILL from outside.
#[test]
fn after_a_kill_from_outside_every_finished_record_is_there() {
    const THREADS: u64 = 4;
    const NAME: &str = "after_a_kill_from_outside_every_finished_record_is_there";
    if let Some(record) = std::env::var_os("RECORD") {
        let writer = Writer::open(Path::new(&record), "default", no_stop).expect("a writer");
        // How many records of each thread are finished, where the parent sees it after our end.
        let progress = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(std::env::var_os("PROGRESS").expect("a file"))
            .expect("a file");
        let writer = &writer;
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let progress = &progress;
                scope.spawn(move || {
                    use std::os::unix::fs::FileExt;
                    for n in 0u64.. {
                        writer.record(&event(thread << 32 | n));
                        progress.write_all_at(&(n + 1).to_le_bytes(), thread * 8).expect("written");
                    }
                });
            }
        });
        unreachable!("killed");
    }
    let directory = tempfile::tempdir().expect("a directory");
    let (path, progress) = (directory.path().join("record"), directory.path().join("progress"));
    std::fs::write(&progress, [0; THREADS as usize * 8]).expect("written");
    let finished = || {
        let bytes = std::fs::read(&progress).expect("read");
        bytes.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect::<Vec<_>>()
    };
    let mut child = myself(NAME, &path).env("PROGRESS", &progress).spawn().expect("a child");
    while finished().iter().any(|count| *count < 5_000) {
        assert!(child.try_wait().expect("a status").is_none(), "it runs until it is killed");
        std::thread::yield_now();
    }
    child.kill().expect("killed");
    child.wait().expect("a status");
    let recording = read(&path).expect("a recording");
    assert_eq!((recording.lost, recording.damaged_chunks), (0, 0));
    assert_eq!(recording.processes[0].ending, Ending::Abrupt);
    for (thread, finished) in (0..).zip(finished()) {
        let mut of: Vec<u64> = recording.calls.iter().map(|call| call.pointer).filter(|n| n >> 32 == thread).collect();
        of.sort_unstable();
        // The last may be recorded and not yet counted.
        assert!((finished..=finished + 1).contains(&(of.len() as u64)), "{} of {finished}", of.len());
        assert!(of.iter().zip(0..).all(|(pointer, n)| *pointer == thread << 32 | n));
    }
}

#[test]
fn a_file_that_disappears_stops_recording_without_harm() {
    static SAID: AtomicU32 = AtomicU32::new(0);
    fn said(_: &str) {
        SAID.fetch_add(1, Ordering::Relaxed);
    }
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("record");
    let writer = Writer::open(&path, "default", said).expect("a writer");
    std::fs::remove_file(&path).expect("removed");
    (0..3_000).for_each(|n| writer.record(&event(n)));
    assert_eq!((SAID.load(Ordering::Relaxed), writer.is_stopped(), path.exists()), (1, true, false));
}

#[test]
fn a_program_that_closes_every_descriptor_is_still_recorded() {
    if let Some(record) = std::env::var_os("RECORD") {
        let writer = Writer::open(Path::new(&record), "default", no_stop).expect("a writer");
        // SAFETY: this process uses no descriptor above 2 afterwards.
        unsafe { libc::close_range(3, u32::MAX, 0) };
        // The numbers are used again, for something else.
        let other = std::fs::File::open("/dev/null").expect("another file");
        (0..3_000).for_each(|n| writer.record(&event(n)));
        drop(other);
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("record");
    assert!(
        myself("a_program_that_closes_every_descriptor_is_still_recorded", &path).status().expect("a child").success()
    );
    assert_pointers(&read(&path).expect("a recording"), 0..3_000);
}

#[test]
fn processes_that_open_at_the_same_time_share_one_file() {
    const PROCESSES: usize = 6;
    if let Some(record) = std::env::var_os("RECORD") {
        let writer = Writer::open(Path::new(&record), "default", no_stop).expect("a writer");
        (0..1_000).for_each(|n| writer.record(&event(n)));
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("record");
    let children: Vec<_> = (0..PROCESSES)
        .map(|_| myself("processes_that_open_at_the_same_time_share_one_file", &path).spawn().expect("a child"))
        .collect();
    for mut child in children {
        assert!(child.wait().expect("a status").success());
    }
    let recording = read(&path).expect("a recording");
    assert_eq!(recording.processes.len(), PROCESSES);
    assert_pointers(&recording, (0..PROCESSES).flat_map(|_| 0..1_000));
}
