//! `rmcp report` word by word, on a record written here.

mod support;

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rmcp_record::{Argument, Event, FrontLoaded, Kind, Verdict, Writer};
use support::{output, rmcp};

const KIB: u64 = 1024;

/// A program that allocates, pins, frees most of it, and ends.
fn record(path: &Path) {
    let writer = Writer::open(path, "default", |sentence| panic!("{sentence}")).expect("a writer");
    writer.front(&FrontLoaded {
        soname: "libamdhip64.so.5",
        front_path: "/cache/libamdhip64.so.5",
        real_path: "/opt/rocm/lib/libamdhip64.so.5",
        build_id: "0123456789abcdef",
    });
    let event = |call, kind, memory, size, pointer| Event {
        call,
        kind,
        memory,
        size,
        pointer,
        target: "gfx1030",
        bus: "0000:03:00.0",
        caller: "libtorch_hip.so",
        mode: "default",
        ..Event::default()
    };
    let host = Event {
        flags_used: 0x8000_0000,
        verdict: Verdict::Rewritten,
        rule: "host-default-noncoherent",
        ..event("hipHostMalloc", Kind::Allocate, "host, non-coherent", 64 * KIB, 0x10000)
    };
    let failed = Event {
        flags_asked: 2,
        flags_used: 2,
        result: 2,
        rule: "host-mapped",
        verdict: Verdict::Passed,
        pointer: 0,
        ..Event { memory: "host, coherent", ..host }
    };
    let pitch = Event {
        arguments: [
            Argument { name: "width", value: 1000 },
            Argument { name: "height", value: 300 },
            Argument::default(),
            Argument::default(),
        ],
        ..event("hipMallocPitch", Kind::Allocate, "device", 300 * KIB, 0x20_0000)
    };
    let pin = event("hipHostRegister", Kind::Pin, "host, coherent", 8 * KIB, 0x5000);
    let back = |call, kind, pointer| Event { ordinal: -1, target: "", bus: "", ..event(call, kind, "", 0, pointer) };
    for event in [
        host,
        Event { pointer: 0x20000, ..host },
        pitch,
        failed,
        pin,
        back("hipHostFree", Kind::Free, 0x10000),
        back("hipHostUnregister", Kind::Unpin, 0x5000),
        back("hipFree", Kind::Free, 0x20_0000),
        back("hipFree", Kind::Free, 0x77000),
        back("hipFree", Kind::Free, 0),
    ] {
        writer.record(&event);
    }
    writer.warning("coherent-without-atomics", "a sentence");
    writer.end();
    settle(path);
}

/// Makes a record the same each time: its n-th timed record is n milliseconds after the first, and the process has fixed ids. Goes through the file as
/// docs/recording.md describes it.
fn settle(path: &Path) {
    let mut bytes = std::fs::read(path).expect("read");
    let word = |bytes: &[u8], at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"));
    let set = |bytes: &mut [u8], at: usize, value: u64| bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
    let mut time = 1_000_000_000;
    for chunk in (4096..bytes.len()).step_by(65536) {
        let mut at = chunk + 64;
        while at < chunk + word(&bytes, chunk + 8) as usize {
            let head = word(&bytes, at);
            let kind = head as u8;
            if [2, 3, 4, 5, 7].contains(&kind) {
                set(&mut bytes, at + 8, time);
                time += 1_000_000;
            }
            if kind == 2 {
                set(&mut bytes, at + 16, 1_700_000_000_000_000_000);
                set(&mut bytes, at + 24, 1234 | 1000 << 32);
            }
            if kind == 6 {
                set(&mut bytes, at, head & 0xffff_ffff | 1235 << 32);
            }
            at += (head >> 16 & 0xffff) as usize * 8;
        }
    }
    std::fs::write(path, bytes).expect("written");
}

/// What `rmcp report` prints of a record; its only path of this machine is replaced.
fn printed(path: &Path, options: &[&str]) -> String {
    let (code, stdout, stderr) = output(rmcp().arg("report").args(options).arg(path));
    assert_eq!((code, stderr.as_str()), (0, ""));
    let program = std::env::current_exe().expect("this program");
    stdout.replace(program.to_str().expect("UTF-8"), "/home/user/program")
}

#[test]
fn a_record_is_readable_tables() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("record");
    record(&path);
    assert_eq!(printed(&path, &[]), include_str!("golden/report.txt"));
    assert_eq!(printed(&path, &["--rewritten"]), include_str!("golden/rewritten.txt"));
}

#[test]
fn json_is_the_report_and_every_call() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("record");
    record(&path);
    let value: serde_json::Value = serde_json::from_str(&printed(&path, &["--json"])).expect("JSON");
    let mut members: Vec<&str> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    members.sort_unstable();
    let described = include_str!("../../docs/recording.md");
    for member in &members {
        assert!(described.contains(&format!("\n| `{member}` |")), "docs/recording.md has {member}");
    }
    assert_eq!(
        members.len(),
        described.matches("\n| `").count() - described.split("## JSON").next().expect("text").matches("\n| `").count()
    );
    assert_eq!((&value["processes"][0]["pid"], &value["processes"][0]["ending"]), (&1234.into(), &"normal".into()));
    assert_eq!(value["fronts"][0]["real_path"], "/opt/rocm/lib/libamdhip64.so.5");
    let calls = value["calls"].as_array().expect("calls");
    assert_eq!((calls.len() as u64, value["summary"]["calls"].as_u64()), (10, Some(10)));
    assert_eq!((&calls[0]["verdict"], &calls[0]["flags_used"]), (&"rewritten".into(), &0x8000_0000_u32.into()));
    assert_eq!((&calls[0]["device"]["target"], &calls[0]["kind"]), (&"gfx1030".into(), &"allocate".into()));
    assert_eq!(calls[2]["arguments"], serde_json::json!([["width", 1000], ["height", 300]]));
    assert_eq!(value["peak"]["bytes"], 428 * KIB);
    assert_eq!(value["leaks"][0]["size"], 64 * KIB);
    assert_eq!(value["unmatched"][0]["first_pointer"], 0x77000);
    assert_eq!(value["by_memory"][0]["name"], "device");
    assert_eq!((&value["stopped"], &value["lost"]), (&serde_json::Value::Null, &0.into()));
}

/// A record of so many allocations of growing sizes.
fn many(path: &Path, calls: u64) {
    let writer = Writer::open(path, "default", |sentence| panic!("{sentence}")).expect("a writer");
    for n in 1..=calls {
        let call = Event { call: "hipMalloc", kind: Kind::Allocate, size: n * KIB, pointer: n, ..Event::default() };
        writer.record(&call);
    }
    writer.end();
    settle(path);
}

#[test]
fn the_biggest_leaks_are_named_and_the_rest_is_counted() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("record");
    many(&path, 25);
    let text = printed(&path, &[]);
    let (_, leaks) = text.split_once("Left when the process ended").expect("leaks");
    let named: Vec<&str> = leaks.lines().filter(|line| line.contains("hipMalloc")).collect();
    assert_eq!((named.len(), named[0].split_whitespace().next()), (10, Some("25")));
    // 1 + 2 + … + 15.
    assert!(leaks.contains("and 120 KiB in 15 groups of smaller sums"), "{leaks}");
}

#[test]
fn charts_and_sentences_fit_eighty_columns_when_there_is_no_terminal() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("record");
    many(&path, 5_000);
    let text = printed(&path, &[]);
    let chart = text.lines().skip_while(|line| !line.starts_with("Bytes in use")).take_while(|line| !line.is_empty());
    let widths: Vec<usize> = chart.map(|line| line.chars().count()).collect();
    assert!(widths.len() >= 4 && widths.iter().all(|width| *width <= 80) && widths.iter().any(|width| *width > 70));
}

#[test]
fn a_reader_that_goes_away_ends_the_report_quietly_and_a_full_disk_does_not() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("record");
    many(&path, 5_000);
    for options in [&["--json"][..], &[], &["--rewritten"]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = rmcp();
        let output = command.arg("report").args(options).arg(&path).stdout(writer).output().expect("rmcp");
        assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{options:?}");
        let full = std::fs::File::create("/dev/full").expect("/dev/full");
        let output = rmcp().arg("report").args(options).arg(&path).stdout(full).output().expect("rmcp");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), stderr.lines().count()), (Some(3), 1), "{options:?}: {stderr}");
        assert!(stderr.contains("No space left on device"), "{stderr}");
    }
}

#[test]
fn a_process_that_was_killed_is_named_with_what_may_be_missing() {
    if let Some(record) = std::env::var_os("RECORD") {
        let writer = Writer::open(Path::new(&record), "default", |sentence| panic!("{sentence}")).expect("a writer");
        writer.record(&Event { call: "hipMalloc", kind: Kind::Allocate, size: 1, pointer: 1, ..Event::default() });
        // SAFETY: a signal to ourselves.
        unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
        unreachable!("killed");
    }
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("record");
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "a_process_that_was_killed_is_named_with_what_may_be_missing", "--nocapture"])
        .env("RECORD", &path)
        .stdout(Stdio::null())
        .spawn()
        .expect("a child");
    let pid = child.id();
    assert_eq!(child.wait().expect("a status").signal(), Some(libc::SIGKILL));
    let (code, text, _) = output(rmcp().arg("report").arg(&path));
    let (_, missing) = text.split_once("\nNot complete\n").expect("a section");
    let words: Vec<&str> = missing.split_whitespace().collect();
    assert_eq!(code, 0);
    let sentence = format!("process 1 (pid {pid}): ended without a word (killed, or by _exit): up to one record");
    assert!(words.join(" ").starts_with(&sentence), "{text}");
    assert!(text.contains("1 (1 B)"), "what it had is left: {text}");
}

#[test]
fn what_is_no_record_is_one_sentence() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("text");
    std::fs::write(&path, "something else\n").expect("written");
    for (path, word) in [(path.as_path(), "not a record"), (Path::new("/nonexistent/record"), "/nonexistent/record")] {
        let (code, stdout, stderr) = output(rmcp().arg("report").arg(path));
        assert_eq!((code, stdout.as_str(), stderr.lines().count()), (3, "", 1), "{stderr}");
        assert!(stderr.contains(word), "{stderr}");
    }
}

#[test]
fn a_record_that_is_cut_off_is_read_as_far_as_it_goes_and_said_to_be_so() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("record");
    record(&path);
    let bytes = std::fs::read(&path).expect("read");
    // Within the records, behind them, and before the first.
    for length in [4096 + 300, bytes.len() - 1, 4096] {
        std::fs::write(&path, &bytes[..length]).expect("written");
        let (code, stdout, _) = output(rmcp().arg("report").arg(&path));
        assert_eq!(code, 0);
        assert!(stdout.contains("1 part of the file cannot be read"), "{length}: {stdout}");
    }
}
