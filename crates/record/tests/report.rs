//! What a report says of a recording: matching, peaks, what is left, and how processes ended.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use proptest::prelude::*;
use rmcp_record::{Ending, Event, Kind, Pairs, Report, Writer};

fn no_stop(sentence: &str) {
    panic!("recording stopped: {sentence}");
}

const STEPS: usize = 50;

fn event(kind: Kind, pointer: u64, size: u64) -> Event<'static> {
    let memory = if kind.is_memory() || kind == Kind::Pin { "device" } else { "" };
    Event { call: "call", kind, memory, pointer, size, caller: "library", ..Event::default() }
}

/// The report on what `record` does in this process, which then ends.
fn report(record: impl FnOnce(&Writer)) -> Report {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("record");
    let writer = Writer::open(&path, "default", no_stop).expect("a writer");
    record(&writer);
    writer.end();
    Report::read(&path, STEPS).expect("a report")
}

fn pairs(report: &Report, kind: Kind) -> Pairs {
    report.pairs.iter().find(|pairs| pairs.kind == kind).cloned().unwrap_or(Pairs { kind, ..Pairs::default() })
}

/// This test binary again, running only the test `name`, told by RECORD what to do.
fn myself(name: &str, record: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", name, "--nocapture", "--test-threads=1"]).env("RECORD", record).stdout(Stdio::null());
    command
}

#[test]
fn each_kind_is_taken_back_by_its_own_counterpart() {
    let kinds = [
        (Kind::Allocate, Kind::Free),
        (Kind::Pin, Kind::Unpin),
        (Kind::Reserve, Kind::Unreserve),
        (Kind::Create, Kind::Release),
        (Kind::Map, Kind::Unmap),
    ];
    let report = report(|writer| {
        // The same pointer for all: a mapping lies at a reserved address, pinned memory at one that is allocated.
        kinds.iter().for_each(|(give, _)| writer.record(&event(*give, 0x1000, 100)));
        kinds.iter().for_each(|(_, take)| writer.record(&event(*take, 0x1000, 0)));
        writer.record(&event(Kind::Unpin, 0x1000, 0));
    });
    for (give, _) in kinds {
        let pairs = pairs(&report, give);
        assert_eq!((pairs.given, pairs.taken_back, pairs.left, pairs.peak_bytes), (1, 1, 0, 100), "{give:?}");
    }
    assert_eq!((report.unmatched.len(), report.unmatched[0].count, report.unmatched[0].inherited), (1, 1, false));
    assert_eq!(report.peak.bytes, 200, "what is allocated and what is created, not what is pinned");
}

#[test]
fn failed_calls_and_null_pointers_change_nothing() {
    let report = report(|writer| {
        writer.record(&Event { result: 2, ..event(Kind::Allocate, 0x1000, 100) });
        writer.record(&event(Kind::Allocate, 0x2000, 100));
        writer.record(&Event { result: 1, ..event(Kind::Free, 0x2000, 0) });
        writer.record(&event(Kind::Free, 0, 0));
    });
    assert_eq!((report.leaks.len(), report.leaks[0].size, report.unmatched.len()), (1, 100, 0));
    assert_eq!((report.by_call[0].calls, report.by_call[0].failed, report.by_call[0].bytes), (4, 2, 100));
}

/// Another thread may be given an address, and have recorded that, before the thread that freed it has recorded the free.
#[test]
fn a_free_that_is_recorded_late_belongs_to_the_older_allocation() {
    let late = report(|writer| {
        writer.record(&event(Kind::Allocate, 0x1000, 100));
        writer.record(&event(Kind::Allocate, 0x1000, 300));
        writer.record(&event(Kind::Free, 0x1000, 0));
    });
    assert_eq!((late.leaks.len(), late.leaks[0].size, late.peak.bytes), (1, 300, 300));
    assert_eq!(pairs(&late, Kind::Allocate).replaced, 0);
    let never = report(|writer| {
        writer.record(&event(Kind::Allocate, 0x1000, 100));
        writer.record(&event(Kind::Allocate, 0x1000, 300));
    });
    assert_eq!((never.leaks.len(), never.leaks[0].size), (1, 300));
    assert_eq!(pairs(&never, Kind::Allocate).replaced, 1);
}

#[test]
fn threads_that_share_addresses_leave_nothing_behind() {
    const EACH: u64 = 3_000;
    // As an allocator gives addresses: one that was freed is given again at once, perhaps to another thread.
    let free = std::sync::Mutex::new((1..=20u64).collect::<Vec<_>>());
    let report = report(|writer| {
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    for n in 0..EACH {
                        let pointer = free.lock().expect("a list").pop().expect("more addresses than threads");
                        writer.record(&event(Kind::Allocate, pointer, 64 + n));
                        free.lock().expect("a list").push(pointer);
                        writer.record(&event(Kind::Free, pointer, 0));
                    }
                });
            }
        });
    });
    let pairs = pairs(&report, Kind::Allocate);
    assert_eq!((pairs.given, pairs.taken_back, pairs.left, pairs.replaced), (16 * EACH, 16 * EACH, 0, 0));
    assert_eq!((report.leaks.len(), report.unmatched.len()), (0, 0));
}

#[test]
fn the_peak_and_the_timeline_are_those_of_each_type_of_memory() {
    let report = report(|writer| {
        let host = |pointer, size| Event { memory: "host", ..event(Kind::Allocate, pointer, size) };
        writer.record(&event(Kind::Allocate, 1, 1000));
        writer.record(&host(2, 500));
        writer.record(&event(Kind::Free, 1, 0));
        writer.record(&host(3, 700));
        writer.record(&event(Kind::Free, 2, 0));
        writer.record(&event(Kind::Pin, 9, 1 << 40));
    });
    let parts: Vec<(&str, u64)> = report.peak.memory.iter().map(|(name, bytes)| (&**name, *bytes)).collect();
    assert_eq!((report.peak.bytes, parts), (1500, vec![("device", 1000), ("host", 500)]));
    let series: Vec<(Kind, &str, u64)> =
        report.timeline.series.iter().map(|series| (series.kind, &*series.memory, series.peak_bytes)).collect();
    assert_eq!(
        series,
        [(Kind::Allocate, "host", 1200), (Kind::Allocate, "device", 1000), (Kind::Pin, "device", 1 << 40)]
    );
    for series in &report.timeline.series {
        assert!((1..=STEPS).contains(&series.most_bytes.len()));
        assert_eq!(series.most_bytes.iter().max(), Some(&series.peak_bytes));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Against a plain model: a map of what is live.
    #[test]
    fn what_is_left_and_the_peak_are_those_of_a_plain_count(calls in proptest::collection::vec((any::<bool>(), 1u64..12, 1u64..1000), 0..200)) {
        let (mut live, mut peak, mut unknown) = (std::collections::BTreeMap::new(), 0, 0);
        let report = report(|writer| {
            for (give, pointer, size) in calls {
                if give && !live.contains_key(&pointer) {
                    live.insert(pointer, size);
                    writer.record(&event(Kind::Allocate, pointer, size));
                } else {
                    unknown += u64::from(live.remove(&pointer).is_none());
                    writer.record(&event(Kind::Free, pointer, 0));
                }
                peak = peak.max(live.values().sum::<u64>());
            }
        });
        prop_assert_eq!(report.peak.bytes, peak);
        prop_assert_eq!(pairs(&report, Kind::Allocate).left_bytes, live.values().sum::<u64>());
        prop_assert_eq!(report.leaks.iter().map(|leak| leak.count).sum::<u64>(), live.len() as u64);
        prop_assert_eq!(report.unmatched.iter().map(|unmatched| unmatched.count).sum::<u64>(), unknown);
    }
}

/// Each way of ending in a process of its own, named by HOW.
#[test]
fn how_a_process_ended_is_known() {
    static WRITER: OnceLock<Writer> = OnceLock::new();
    extern "C" fn end() {
        WRITER.get().expect("a writer").end();
    }
    const NAME: &str = "how_a_process_ended_is_known";
    if let Some(record) = std::env::var_os("RECORD") {
        let writer = WRITER.get_or_init(|| Writer::open(Path::new(&record), "default", no_stop).expect("a writer"));
        // As the core's destructor does it: after the threads' variables are gone.
        // SAFETY: a function that lives as long as the program.
        unsafe { libc::atexit(end) };
        writer.record(&event(Kind::Allocate, 1, 100));
        let how = std::env::var("HOW").expect("a way to end");
        match how.as_str() {
            "exit" => std::process::exit(0),
            "thread" => {
                std::thread::spawn(|| std::process::exit(0)).join().expect("it does not return");
            }
            // SAFETY: ends the process at once.
            "_exit" => unsafe { libc::_exit(0) },
            // SAFETY: a signal to ourselves.
            "kill" => unsafe {
                libc::kill(libc::getpid(), libc::SIGKILL);
            },
            "exec" => {
                panic!("{}", myself(NAME, Path::new(&record)).env("HOW", "exit").exec());
            }
            "fork" => {
                // SAFETY: the child exits as a program does; no other thread holds anything that it needs.
                let child = unsafe { libc::fork() };
                if child == 0 {
                    writer.record(&event(Kind::Free, 1, 0));
                    writer.record(&event(Kind::Free, 2, 0));
                    // SAFETY: the C library's own exit.
                    unsafe { libc::exit(0) };
                }
                // SAFETY: waits for a child of ours.
                unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
                std::process::exit(0);
            }
            "fork without a record" => {
                // SAFETY: as above.
                let child = unsafe { libc::fork() };
                if child == 0 {
                    // SAFETY: the C library's own exit.
                    unsafe { libc::exit(0) };
                }
                // SAFETY: waits for a child of ours.
                unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
                std::process::exit(0);
            }
            other => panic!("{other}"),
        }
        unreachable!("ended");
    }
    let directory = tempfile::tempdir().expect("a directory");
    for (how, endings) in [
        ("exit", &[Ending::Normal][..]),
        ("thread", &[Ending::Normal]),
        ("_exit", &[Ending::Abrupt]),
        ("kill", &[Ending::Abrupt]),
        ("exec", &[Ending::Exec, Ending::Normal]),
        ("fork", &[Ending::Normal, Ending::Normal]),
        ("fork without a record", &[Ending::Normal]),
    ] {
        let path = directory.path().join(how);
        let status = myself(NAME, &path).env("HOW", how).status().expect("a child");
        assert_eq!(status.signal(), (how == "kill").then_some(libc::SIGKILL), "{how}: {status}");
        let report = Report::read(&path, STEPS).expect("a report");
        let found: Vec<Ending> = report.processes.iter().map(|process| process.ending).collect();
        assert_eq!(found, endings, "{how}");
        // In a child made by fork nothing was allocated.
        let allocating = if how == "exec" { 2 } else { 1 };
        assert_eq!(pairs(&report, Kind::Allocate).left, allocating, "{how}");
        if how == "fork" {
            let unmatched: Vec<(bool, u64, u64)> = report
                .unmatched
                .iter()
                .map(|unmatched| (unmatched.inherited, unmatched.count, unmatched.first_pointer))
                .collect();
            assert_eq!(unmatched, [(false, 1, 2), (true, 1, 1)]);
            assert_eq!((report.processes[0].forked_from, report.processes[1].forked_from), (0, 1));
        }
    }
}

#[test]
fn a_process_that_goes_on_has_memory_in_use_and_none_left() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("record");
    let writer = Writer::open(&path, "default", no_stop).expect("a writer");
    writer.record(&event(Kind::Allocate, 1, 100));
    let report = Report::read(&path, STEPS).expect("a report");
    let pairs = pairs(&report, Kind::Allocate);
    assert_eq!((report.processes[0].ending, pairs.live, pairs.live_bytes, pairs.left), (Ending::Running, 1, 100, 0));
    assert_eq!(report.leaks, []);
}
