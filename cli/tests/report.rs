//! `rmcp report` word by word, on a record written here.

mod support;

use std::path::Path;

use rmcp_record::{Event, FrontLoaded, Verdict, Writer};
use support::{output, rmcp};

fn record(path: &Path) {
    let writer = Writer::open(path, "default", |sentence| panic!("{sentence}")).expect("a writer");
    writer.front(&FrontLoaded {
        soname: "libamdhip64.so.5",
        front_path: "/cache/libamdhip64.so.5",
        real_path: "/opt/rocm/lib/libamdhip64.so.5",
        build_id: "0123456789abcdef",
    });
    let event = |call, asked, used, result, verdict, rule| Event {
        call,
        flags_asked: asked,
        flags_used: used,
        size: 65536,
        result,
        verdict,
        rule,
        target: "gfx1030",
        bus: "0000:03:00.0",
        mode: "default",
        ..Event::default()
    };
    let rewritten = event("hipHostMalloc", 0, 0x8000_0000, 0, Verdict::Rewritten, "host-default-noncoherent");
    let passed = event("hipHostMalloc", 2, 2, 2, Verdict::Passed, "host-mapped");
    [rewritten, rewritten, passed].iter().for_each(|event| writer.record(event));
    writer.record(&Event { call: "hipHostFree", ordinal: -1, mode: "default", ..Event::default() });
    writer.warning("coherent-without-atomics", "a sentence");
}

#[test]
fn a_record_is_readable_tables() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("record");
    record(&path);
    let (code, stdout, stderr) = output(rmcp().arg("report").arg(&path));
    assert_eq!((code, stderr.as_str()), (0, ""));
    let (processes, rest) = stdout.split_once("\n\n").expect("sections");
    let rows: Vec<Vec<&str>> = processes.lines().map(|line| line.split_whitespace().collect()).collect();
    let (pid, parent) = (std::process::id().to_string(), std::os::unix::process::parent_id().to_string());
    assert_eq!(rows[..2], [vec!["Processes"], vec!["no", "pid", "parent", "policy", "calls", "program"]]);
    assert_eq!(rows[2][..5], ["1", &pid, &parent, "default", "4"]);
    assert_eq!(
        rest,
        "\
Fronts that opened AMD's library
  process  SONAME            build-id      real library
        1  libamdhip64.so.5  0123456789ab  /opt/rocm/lib/libamdhip64.so.5

Calls: 4, 2 rewritten, 0 withheld, 1 failed
  call           flags                   verdict    rule                      device   count  failed     size
  hipHostFree    -                       -          -                         -            1       0        -
  hipHostMalloc  Default -> NonCoherent  rewritten  host-default-noncoherent  gfx1030      2       0  128 KiB
  hipHostMalloc  Mapped                  passed     host-mapped               gfx1030      1       1      0 B

Rules
  rule                      why
  host-default-noncoherent  Without flags the memory is coherent only because nobody said otherwise.
  host-mapped               Mapped is how zero-copy flags are asked for; without PCIe atomics the GPU's atomics on it can be wrong.

Warnings
  process  warning                   sentence
        1  coherent-without-atomics  a sentence
"
    );
}

#[test]
fn json_is_the_whole_recording_and_its_sums() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("record");
    record(&path);
    let (code, stdout, _) = output(rmcp().args(["report", "--json"]).arg(&path));
    assert_eq!(code, 0);
    let value: serde_json::Value = serde_json::from_str(&stdout).expect("JSON");
    let mut members: Vec<&String> = value.as_object().expect("an object").keys().collect();
    members.sort();
    assert_eq!(members, ["calls", "damaged_chunks", "fronts", "lost", "processes", "stopped", "summary", "warnings"]);
    assert_eq!(value["processes"][0]["pid"], std::process::id());
    assert_eq!(value["fronts"][0]["real_path"], "/opt/rocm/lib/libamdhip64.so.5");
    let call = &value["calls"][0];
    assert_eq!((&call["verdict"], &call["flags_used"]), (&"rewritten".into(), &0x8000_0000_u32.into()));
    assert_eq!(call["device"]["target"], "gfx1030");
    assert_eq!((&value["summary"]["calls"], &value["summary"]["rewritten"]), (&4.into(), &2.into()));
    assert_eq!((&value["stopped"], &value["lost"]), (&serde_json::Value::Null, &0.into()));
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
