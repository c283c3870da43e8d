//! Any file is read or refused; nothing that is not a record is written to.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use rmcp_record::{
    Argument, CHUNK_BYTES, Event, HEADER_BYTES, Kind, OpenError, ReadError, Report, VERSION, Verdict, Writer, create,
    read,
};

fn no_stop(sentence: &str) {
    panic!("recording stopped: {sentence}");
}

fn sample(events: u64) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("record");
    let writer = Writer::open(&path, "default", no_stop).expect("a writer");
    for n in 0..events {
        writer.record(&Event {
            call: "hipMalloc",
            pointer: n,
            caller: "a longer name of a library.so",
            ..Event::default()
        });
    }
    (directory, path)
}

#[test]
fn a_foreign_file_is_left_alone_by_writer_reader_and_create() {
    let directory = tempfile::tempdir().expect("a directory");
    for (name, content) in [("text", &b"important"[..]), ("zeros", &[0; 100_000]), ("almost", b"RMCPREC\n")] {
        let path = directory.path().join(name);
        fs::write(&path, content).expect("written");
        assert!(matches!(Writer::open(&path, "default", no_stop), Err(OpenError::Foreign(_))), "{name}");
        assert!(matches!(create(&path), Err(OpenError::Foreign(_))), "{name}");
        assert!(matches!(read(&path), Err(ReadError::Foreign(_) | ReadError::Truncated(_))), "{name}");
        assert_eq!(fs::read(&path).expect("read"), content, "{name}");
    }
}

#[test]
fn what_is_no_file_is_an_error_that_names_it() {
    for path in ["/dev/null", "/", "/nonexistent/record"] {
        let error = Writer::open(path.as_ref(), "default", no_stop).err().expect("an error").to_string();
        assert!(error.starts_with(path) && error.contains("--record"), "{error}");
    }
    assert!(read("/nonexistent/record".as_ref()).is_err());
}

#[test]
fn another_version_is_refused_by_both_sides() {
    let (_directory, path) = sample(1);
    let mut bytes = fs::read(&path).expect("read");
    for other in [VERSION - 1, VERSION + 1] {
        bytes[8..12].copy_from_slice(&other.to_le_bytes());
        fs::write(&path, &bytes).expect("written");
        assert!(matches!(read(&path), Err(ReadError::Version { found, .. }) if found == other));
        assert!(
            matches!(Writer::open(&path, "default", no_stop), Err(OpenError::Version { found, .. }) if found == other)
        );
    }
}

#[test]
fn an_empty_file_becomes_a_record_and_a_record_goes_on() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("record");
    fs::write(&path, "").expect("written");
    for round in 1..=3 {
        let writer = Writer::open(&path, "default", no_stop).expect("a writer");
        writer.record(&Event::default());
        assert_eq!(read(&path).expect("a recording").calls.len(), round);
    }
}

#[test]
fn create_replaces_an_older_record_by_an_empty_one() {
    let (_directory, path) = sample(10);
    create(&path).expect("a new record");
    let recording = read(&path).expect("a recording");
    assert_eq!((recording.calls.len(), recording.processes.len()), (0, 0));
}

#[test]
fn a_record_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let (_directory, path) = sample(0);
    assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
}

#[test]
fn strings_up_to_any_length_are_kept_or_cut_at_a_character() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("record");
    let writer = Writer::open(&path, "default", no_stop).expect("a writer");
    let texts: Vec<String> = [0, 1, 7, 8, 9, 4094, 4095, 4096, 4097, 100_000]
        .iter()
        .map(|length| "\u{e4}".repeat(length / 2) + &"x".repeat(length % 2))
        .collect();
    for text in &texts {
        let text: &'static str = text.clone().leak();
        for _ in 0..20 {
            writer.record(&Event { caller: text, ..Event::default() });
        }
    }
    let recording = read(&path).expect("a recording");
    for (text, call) in texts.iter().flat_map(|text| [text; 20]).zip(&recording.calls) {
        assert_eq!(*call.caller, text[..text.floor_char_boundary(4096)]);
    }
    assert_eq!(recording.calls.len(), 200);
}

#[test]
fn the_summary_counts_by_call_flags_rule_and_device() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("record");
    let writer = Writer::open(&path, "default", no_stop).expect("a writer");
    let host = Event {
        call: "hipHostMalloc",
        flags_used: 0x8000_0000,
        size: 100,
        verdict: Verdict::Rewritten,
        rule: "host-default-noncoherent",
        target: "gfx1030",
        ..Event::default()
    };
    writer.record(&host);
    writer.record(&host);
    writer.record(&Event { result: 2, ..host });
    writer.record(&Event { flags_used: 0, verdict: Verdict::Withheld, ..host });
    writer.record(&Event {
        call: "hipMalloc",
        verdict: Verdict::Passed,
        rule: "device-already-noncoherent",
        flags_used: 0,
        ..host
    });
    let summary = Report::read(&path, 10).expect("a report").summary;
    assert_eq!((summary.calls, summary.rewritten, summary.withheld, summary.failed), (5, 3, 1, 1));
    let rewritten = summary.groups.iter().find(|group| group.verdict == Verdict::Rewritten).expect("a group");
    assert_eq!((rewritten.count, rewritten.bytes, rewritten.failed, &*rewritten.target), (3, 200, 1, "gfx1030"));
    assert_eq!(summary.groups.len(), 3);
}

#[test]
fn a_record_that_was_begun_but_not_finished_is_not_seen() {
    let (_directory, path) = sample(10);
    let mut bytes = fs::read(&path).expect("read");
    // The chunk's `used` field, which is stored last, back to before the last record; the record's bytes stay.
    let used = HEADER_BYTES + 8;
    let value = u64::from_le_bytes(bytes[used..used + 8].try_into().expect("8 bytes"));
    bytes[used..used + 8].copy_from_slice(&(value - 32).to_le_bytes());
    fs::write(&path, &bytes).expect("written");
    let recording = read(&path).expect("a recording");
    assert_eq!((recording.calls.len(), recording.damaged_chunks), (9, 0));
}

#[test]
fn calls_of_more_kinds_than_a_thread_remembers_come_back_across_chunks() {
    const KINDS: usize = 100;
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("record");
    let writer = Writer::open(&path, "default", no_stop).expect("a writer");
    let rules: Vec<&'static str> = (0..KINDS).map(|n| &*format!("rule {n}").leak()).collect();
    let event = |n: usize| Event {
        // Some kinds in a row, some in turn, some that differ in numbers only.
        rule: if n.is_multiple_of(3) { rules[n / 30 % KINDS] } else { rules[n % KINDS] },
        flags_asked: (n % 7) as u32,
        result: (n % 5) as i32,
        pointer: n as u64,
        size: n as u64 * 3,
        ..Event::default()
    };
    const CALLS: usize = 9_000;
    let likes: [&'static Event<'static>; 2] = [4_000, 4_001].map(|n| &*Box::leak(Box::new(event(n))));
    for n in 0..CALLS {
        match n {
            4_000..5_000 => writer.record_like(likes[n % 2], n as u64 * 3, n as u64),
            _ => writer.record(&event(n)),
        }
    }
    assert!(fs::metadata(&path).expect("a file").len() > (HEADER_BYTES + 4 * CHUNK_BYTES) as u64);
    let recording = read(&path).expect("a recording");
    assert_eq!((recording.calls.len(), recording.damaged_chunks, recording.lost), (CALLS, 0, 0));
    for (n, call) in recording.calls.iter().enumerate() {
        let sent = match n {
            4_000..5_000 => Event { size: n as u64 * 3, pointer: n as u64, ..*likes[n % 2] },
            _ => event(n),
        };
        assert_eq!(
            (&*call.rule, call.flags_asked, call.result, call.pointer, call.size),
            (sent.rule, sent.flags_asked, sent.result, sent.pointer, sent.size)
        );
    }
}

/// A signal handler that allocates between the moment whose time a call has and its record.
#[test]
fn calls_come_in_the_order_of_their_times_whatever_their_order_in_a_chunk() {
    let (_directory, path) = sample(10);
    let mut bytes = fs::read(&path).expect("read");
    let used = u64::from_le_bytes(bytes[HEADER_BYTES + 8..HEADER_BYTES + 16].try_into().expect("8 bytes")) as usize;
    for n in 0..10 {
        let time = HEADER_BYTES + used - (10 - n) * 32 + 8;
        bytes[time..time + 8].copy_from_slice(&(1_000 - n as u64).to_le_bytes());
    }
    fs::write(&path, &bytes).expect("written");
    let pointers: Vec<u64> = read(&path).expect("a recording").calls.iter().map(|call| call.pointer).collect();
    assert_eq!(pointers, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
}

#[test]
fn calls_whose_shape_cannot_be_read_are_left_out_and_counted() {
    let (_directory, path) = sample(10);
    let mut bytes = fs::read(&path).expect("read");
    // The shape stands right before the first of the ten calls, and its kind becomes one that nobody knows.
    let used = u64::from_le_bytes(bytes[HEADER_BYTES + 8..HEADER_BYTES + 16].try_into().expect("8 bytes")) as usize;
    let shape = HEADER_BYTES + used - 10 * 32 - 80;
    assert_eq!(bytes[shape], 6);
    bytes[shape] = 99;
    fs::write(&path, &bytes).expect("written");
    let recording = read(&path).expect("a recording");
    assert_eq!((recording.calls.len(), recording.damaged_chunks, recording.processes.len()), (0, 1, 1));
}

#[test]
fn an_argument_costs_eight_bytes_in_the_call_and_its_name_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let used = |arguments: [Argument; 4]| {
        let path = directory.path().join(format!("{arguments:?}").len().to_string());
        let writer = Writer::open(&path, "default", no_stop).expect("a writer");
        let used = || {
            let bytes = fs::read(&path).expect("read");
            u64::from_le_bytes(bytes[HEADER_BYTES + 8..HEADER_BYTES + 16].try_into().expect("8 bytes"))
        };
        let event = Event { call: "hipMallocPitch", arguments, ..Event::default() };
        // Names, texts and the shape.
        writer.record(&event);
        let before = used();
        (0..100).for_each(|_| writer.record(&event));
        used() - before
    };
    let mut arguments = [Argument::default(); 4];
    assert_eq!(used(arguments), 100 * 32);
    for (count, name) in (1..).zip(["width", "height", "stream", "pitch"]) {
        arguments[count - 1].name = name;
        assert_eq!(used(arguments), 100 * (32 + 8 * count as u64), "{count} arguments");
    }
}

/// An event of any content, its texts from a few, so that shapes are shared and told apart.
fn any_event() -> impl Strategy<Value = Event<'static>> {
    const TEXTS: [&str; 5] = ["", "a", "host, coherent", "libamdhip64.so.6", "\u{e4}\u{1f600}"];
    const KINDS: [Kind; 5] = [Kind::Other, Kind::Allocate, Kind::Free, Kind::Unmap, Kind::Advise];
    const VERDICTS: [Verdict; 3] = [Verdict::Passed, Verdict::Rewritten, Verdict::Withheld];
    let text = || proptest::sample::select(&TEXTS[..]);
    let arguments = proptest::collection::vec((proptest::sample::select(&TEXTS[1..]), any::<u64>()), 0..=4);
    let numbers = (any::<u32>(), any::<u32>(), any::<u64>(), any::<u64>(), any::<i32>(), -1..3i32);
    let choices = (proptest::sample::select(&KINDS[..]), proptest::sample::select(&VERDICTS[..]), arguments);
    let texts = [text(), text(), text(), text(), text(), text(), text(), text()];
    (numbers, choices, texts).prop_map(|(numbers, (kind, verdict, given), texts)| {
        let (flags_asked, flags_used, size, pointer, result, ordinal) = numbers;
        let [call, memory, rule, warning, target, bus, caller, mode] = texts;
        let mut arguments = [Argument::default(); 4];
        for (argument, (name, value)) in arguments.iter_mut().zip(given) {
            *argument = Argument { name, value };
        }
        Event {
            call,
            kind,
            memory,
            arguments,
            flags_asked,
            flags_used,
            size,
            pointer,
            result,
            verdict,
            rule,
            warning,
            ordinal,
            target,
            bus,
            caller,
            mode,
        }
    })
}

/// `base`, but field number `field` from `other`: what differs in one thing must be told apart by it.
fn with_one_of(base: Event<'static>, other: &Event<'static>, field: usize) -> Event<'static> {
    let mut event = base;
    match field {
        0 => event.call = other.call,
        1 => event.kind = other.kind,
        2 => event.memory = other.memory,
        3 => event.arguments = other.arguments,
        4 => event.flags_asked = other.flags_asked,
        5 => event.flags_used = other.flags_used,
        6 => event.size = other.size,
        7 => event.pointer = other.pointer,
        8 => event.result = other.result,
        9 => event.verdict = other.verdict,
        10 => event.rule = other.rule,
        11 => event.warning = other.warning,
        12 => event.ordinal = other.ordinal,
        13 => event.target = other.target,
        14 => event.bus = other.bus,
        15 => event.caller = other.caller,
        _ => event.mode = other.mode,
    }
    event
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn what_was_written_is_read(
        base in any_event(),
        others in proptest::collection::vec((any_event(), 0usize..17), 1..300),
        like in any::<bool>(),
    ) {
        let events: Vec<Event<'static>> = others.iter().map(|(other, field)| with_one_of(base, other, *field)).collect();
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("record");
        let writer = Writer::open(&path, "default", no_stop).expect("a writer");
        for event in &events {
            match like {
                true => writer.record_like(Box::leak(Box::new(*event)), event.size, event.pointer),
                false => writer.record(event),
            }
        }
        let recording = read(&path).expect("a recording");
        prop_assert_eq!((recording.calls.len(), recording.damaged_chunks, recording.lost), (events.len(), 0, 0));
        for (sent, got) in events.iter().zip(&recording.calls) {
            let mut arguments = [Argument::default(); 4];
            for (argument, (name, value)) in arguments.iter_mut().zip(&got.arguments) {
                *argument = Argument { name: sent.arguments.iter().find(|sent| sent.name == &**name).map_or("?", |sent| sent.name), value: *value };
            }
            let device = got.device.as_ref();
            let back = Event {
                call: &got.call,
                kind: got.kind,
                memory: &got.memory,
                arguments,
                flags_asked: got.flags_asked,
                flags_used: got.flags_used,
                size: got.size,
                pointer: got.pointer,
                result: got.result,
                verdict: got.verdict,
                rule: &got.rule,
                warning: &got.warning,
                ordinal: device.map_or(-1, |device| device.ordinal),
                target: device.map_or("", |device| &device.target),
                bus: device.map_or("", |device| &device.bus),
                caller: &got.caller,
                mode: &got.mode,
            };
            prop_assert_eq!(&back, sent);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_cut_file_gives_the_beginning(length in 0usize..HEADER_BYTES + 2 * CHUNK_BYTES) {
        let (_directory, path) = sample(3_000);
        let bytes = fs::read(&path).expect("read");
        let whole = read(&path).expect("a recording");
        fs::write(&path, &bytes[..length.min(bytes.len())]).expect("written");
        match read(&path) {
            Err(error) => prop_assert!(length < HEADER_BYTES, "{}", error),
            Ok(part) => prop_assert!(part.calls.len() <= whole.calls.len()),
        }
    }

    #[test]
    fn damaged_bytes_never_panic(changes in proptest::collection::vec((0usize..HEADER_BYTES + CHUNK_BYTES, any::<u8>()), 1..200)) {
        let (_directory, path) = sample(20);
        let mut bytes = fs::read(&path).expect("read");
        for (place, value) in changes {
            // Mostly where something is.
            let place = if place % 2 == 0 { place % 2_000 + HEADER_BYTES } else { place };
            bytes[place] = value;
        }
        fs::write(&path, &bytes).expect("written");
        if let Ok(recording) = read(&path) {
            let report = Report::read(&path, 10).expect("read once, so readable");
            prop_assert_eq!(report.summary.calls, recording.calls.len() as u64);
        }
    }

    #[test]
    fn arbitrary_chunks_never_panic(content in proptest::collection::vec(any::<u8>(), 0..3_000), begin in any::<bool>()) {
        let (_directory, path) = sample(0);
        let mut bytes = fs::read(&path).expect("read");
        bytes.truncate(HEADER_BYTES);
        if begin {
            bytes.extend(b"RMCk\x01\0\0\0\0\x08\0\0\0\0\0\0\x05");
            bytes.resize(HEADER_BYTES + 64, 0);
        }
        bytes.extend(content);
        fs::write(&path, &bytes).expect("written");
        let calls = read(&path).expect("the header is right").calls.len() as u64;
        prop_assert_eq!(Report::read(&path, 10).expect("the header is right").summary.calls, calls);
    }
}
