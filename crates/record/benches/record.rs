//! Nanoseconds for one record, as the program pays them: `cargo bench -p rmcp-record`.

use std::time::Instant;

use rmcp_record::{Argument, Event, Kind, Writer};

const BATCH: u32 = 200_000;

const NONE: Argument = Argument { name: "", value: 0 };

fn main() {
    let directory = tempfile::tempdir().expect("a directory");
    let writer = Writer::open(&directory.path().join("record"), "default", |why| panic!("{why}")).expect("a writer");
    static EVENT: Event<'static> = Event {
        kind: Kind::Allocate,
        memory: "host, non-coherent",
        arguments: [NONE; 4],
        call: "hipHostMalloc",
        flags_used: 0x8000_0000,
        size: 4096,
        rule: "host-default-noncoherent",
        target: "gfx1030",
        bus: "0000:03:00.0",
        caller: "libtorch_hip.so",
        mode: "default",
        flags_asked: 0,
        pointer: 0,
        result: 0,
        verdict: rmcp_record::Verdict::Rewritten,
        warning: "",
        ordinal: 0,
    };
    let run = |name: &str, record: &dyn Fn(u64)| {
        let batch = || {
            let start = Instant::now();
            for n in 0..BATCH {
                record(n.into());
            }
            start.elapsed().as_nanos() as f64 / f64::from(BATCH)
        };
        let mut times: Vec<f64> = (0..15).map(|_| batch()).collect();
        times.sort_by(f64::total_cmp);
        println!("{name}: {:.0} ns median, {:.0} ns best (file growth included)", times[times.len() / 2], times[0]);
    };
    run("record", &|n| writer.record(&Event { pointer: n, ..EVENT }));
    let arguments = [Argument { name: "width", value: 1 }, Argument { name: "height", value: 2 }, NONE, NONE];
    run("record, two arguments", &|n| writer.record(&Event { pointer: n, arguments, ..EVENT }));
    run("record_like", &|n| writer.record_like(&EVENT, 4096, n));
}
