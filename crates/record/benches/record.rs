//! Nanoseconds for one record, as the program pays them: `cargo bench -p rmcp-record`.

use std::time::Instant;

use rmcp_record::{Event, Writer};

const BATCH: u32 = 200_000;

fn main() {
    let directory = tempfile::tempdir().expect("a directory");
    let writer = Writer::open(&directory.path().join("record"), "default", |why| panic!("{why}")).expect("a writer");
    let event = Event {
        call: "hipHostMalloc",
        flags_used: 0x8000_0000,
        size: 4096,
        rule: "host-default-noncoherent",
        target: "gfx1030",
        bus: "0000:03:00.0",
        caller: "libtorch_hip.so",
        mode: "default",
        ..Event::default()
    };
    let batch = || {
        let start = Instant::now();
        for n in 0..BATCH {
            writer.record(&Event { pointer: n.into(), ..event });
        }
        start.elapsed().as_nanos() as f64 / f64::from(BATCH)
    };
    let mut times: Vec<f64> = (0..15).map(|_| batch()).collect();
    times.sort_by(f64::total_cmp);
    println!("record: {:.0} ns median, {:.0} ns best (file growth included)", times[times.len() / 2], times[0]);
}
