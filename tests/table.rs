//! What every kind of memory request becomes at the kernel driver, without RMCP and in each of its modes, for each generation of AMD's libraries: the
//! table that `cargo xtask table` prints. The virtual card's log is the judge.

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use rmcp_fixtures::{Origin, SUITES};
use rmcp_policy::{
    Action, Call, Decision, Device, Environment, Mode, Pool, Rewrite, Routes, Rules, Runtime, Version, decide,
};
use serde::Deserialize;
use serde_json::Value;
use support::generation::{Generation, compile, run};
use vgpu::log::{Event, Line};
use vgpu::mtype::Mtype;

/// KFD_IOC_ALLOC_MEM_FLAGS_COHERENT (linux/kfd_ioctl.h).
const COHERENT: u32 = 1 << 26;
/// KFD_IOCTL_SVM_FLAG_COHERENT and _EXT_COHERENT.
const SVM_COHERENT: u32 = 2;
const SVM_EXT_COHERENT: u32 = 0x80;

/// One line of `tests/programs/table.c`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Request {
    call: String,
    /// The pool that it names, `cpu fine` for instance; empty for a call that names none.
    what: String,
    flags: u32,
    code: i32,
    device: u64,
}

impl Request {
    fn title(&self) -> String {
        match &*self.what {
            "" => format!("{}({:#x})", self.call, self.flags),
            pool => format!("{}({pool}, {:#x})", self.call, self.flags),
        }
    }

    fn pool(&self) -> Pool {
        match &*self.what {
            "cpu fine" => Pool::CpuFine,
            "cpu coarse" => Pool::CpuCoarse,
            "cpu kernarg" => Pool::CpuKernarg,
            "cpu extended" => Pool::CpuExtendedFine,
            "gpu coarse" => Pool::GpuCoarse,
            "gpu extended" => Pool::GpuExtendedFine,
            "" => Pool::None,
            other => panic!("the program named a pool \"{other}\""),
        }
    }
}

/// What reached the kernel driver for one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arrival {
    /// The library refused it with this code.
    Error(i32),
    /// It was served from memory that the library had already.
    Nothing,
    /// A buffer object: KFD's allocation flags and the memory type of its pages.
    Buffer { flags: u32, mtype: Mtype },
    /// A range of the program's own addresses: flags set and cleared by the SVM ioctl, and the memory type that follows.
    Range { set: u32, clear: u32, mtype: Mtype },
}

impl std::fmt::Display for Arrival {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&match self {
            Self::Error(code) => format!("error {code}"),
            Self::Nothing => "no ioctl".to_owned(),
            Self::Buffer { flags, mtype } => format!("{flags:08x} {mtype}"),
            Self::Range { set, clear, mtype } => format!("svm +{set:02x} -{clear:02x} {mtype}"),
        })
    }
}

/// Finds a request in the log of the virtual card, by the address that it gave.
fn arrival(request: &Request, log: &[Event]) -> Arrival {
    if request.code != 0 {
        return Arrival::Error(request.code);
    }
    let hex = |text: &str| u32::from_str_radix(text, 16).expect("a hexadecimal number");
    let covers = |va: u64, size: u64| (va..va + size).contains(&request.device);
    log.iter().fold(Arrival::Nothing, |last, event| match event {
        Event::Alloc { va, size, flags, mtype, errno: 0, .. } if covers(*va, *size) => {
            Arrival::Buffer { flags: hex(flags), mtype: *mtype }
        }
        // Memory of ROCr's virtual memory API: mapped through the render node.
        Event::GemVa { va, size, handle, mtype: Some(mtype), .. } if covers(*va, *size) => {
            let flags = log.iter().find_map(|event| match event {
                Event::Alloc { handle: made, flags, .. } if made == handle => Some(hex(flags)),
                _ => None,
            });
            Arrival::Buffer { flags: flags.expect("the buffer was made"), mtype: *mtype }
        }
        Event::Svm { va, size, set, clear, mtype, .. } if covers(*va, *size) => {
            // One request may take several ioctls.
            let (was_set, was_cleared) = match last {
                Arrival::Range { set, clear, .. } => (set, clear),
                _ => (0, 0),
            };
            let (set, clear) = (hex(set), hex(clear));
            Arrival::Range { set: was_set & !clear | set, clear: was_cleared & !set | clear, mtype: *mtype }
        }
        _ => last,
    })
}

/// One column of the table: how the program ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Column {
    name: &'static str,
    /// `None`: RMCP is not there at all.
    mode: Option<Mode>,
    /// The card reaches the host by PCIe atomics.
    atomics: bool,
}

const COLUMNS: [Column; 6] = [
    Column { name: "without RMCP", mode: None, atomics: true },
    Column { name: "off", mode: Some(Mode::Off), atomics: true },
    Column { name: "audit", mode: Some(Mode::Audit), atomics: true },
    Column { name: "default", mode: Some(Mode::Default), atomics: true },
    Column { name: "default, no atomics", mode: Some(Mode::Default), atomics: false },
    Column { name: "strict", mode: Some(Mode::Strict), atomics: true },
];

/// What each request became, in the program's order.
type Arrivals = Vec<(Request, Arrival)>;

/// Runs the program in one column on a card.
fn column(generation: &Generation, card: &str, column: Column) -> Arrivals {
    let spec = format!("{card}{}", if column.atomics { "" } else { ":atomics=off" });
    let program = compile(generation, "table.c", &["-lhsa-runtime64"]);
    // A control card does not execute the kernels that HIP runs for a stream.
    let arguments: &[&str] = if is_rdna(card) { &["--stream-ordered"] } else { &[] };
    let run = run(generation, &spec, column.mode.map(Mode::as_str), &program, arguments);
    let event = |line: &Value| serde_json::from_value::<Line>(line.clone()).expect("a line of the log").event;
    let log: Vec<Event> = run.log.iter().map(event).collect();
    let requests = run.stdout.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}")));
    requests.map(|request: Request| (request.clone(), arrival(&request, &log))).collect()
}

/// What the decision table promises for a request that became `stock` without RMCP.
fn promised(generation: &Generation, card: &str, column: Column, request: &Request, stock: Arrival) -> Arrival {
    let Some(mode) = column.mode else { return stock };
    let Some(call) = Call::ALL.iter().find(|call| call.as_str() == request.call) else { return stock };
    if let Arrival::Error(_) | Arrival::Nothing = stock {
        return stock;
    }
    let version = |text: &str| {
        let mut parts = text.split('.').map(|part| part.parse().expect("a number"));
        Version::new(parts.next().expect("a major version"), parts.next().expect("a minor version"))
    };
    let soname = generation.suite.hip_soname;
    let asked = rmcp_policy::Request {
        pool: request.pool(),
        environment: Environment { copies_are_fenced: true, ..Environment::default() },
        ..rmcp_policy::Request::new(
            *call,
            request.flags,
            Runtime {
                hip_soname: soname.rsplit('.').next().and_then(|major| major.parse().ok()).expect("a SONAME major"),
                hip: version(generation.name()),
                rocr: version(generation.rocr()),
            },
        )
    };
    let device = Device {
        generation: match card {
            "gfx1010" => rmcp_policy::Generation::Rdna1,
            "gfx1030" => rmcp_policy::Generation::Rdna2,
            _ => rmcp_policy::Generation::Other,
        },
        pcie_atomics: column.atomics,
        is_apu: false,
        svm: true,
    };
    let Decision { action, .. } = decide(&asked, &device, &Rules { routes: Routes::ALL, ..Rules::new(mode) });
    match (action, stock) {
        (Action::Pass, stock) => stock,
        (Action::Rewrite(_), Arrival::Buffer { flags, .. }) => {
            Arrival::Buffer { flags: flags & !COHERENT, mtype: Mtype::Nc }
        }
        (Action::Rewrite(Rewrite::AdviseCoarseGrain), Arrival::Range { set, clear, .. }) => {
            Arrival::Range { set: set & !SVM_COHERENT, clear: clear | SVM_COHERENT, mtype: Mtype::Nc }
        }
        (Action::Rewrite(_), Arrival::Range { .. }) => {
            Arrival::Range { set: 0, clear: SVM_COHERENT | SVM_EXT_COHERENT, mtype: Mtype::Nc }
        }
        (Action::Rewrite(_), other) => other,
    }
}

/// The table as text: a cell that is as in the first column has `=`.
fn text(columns: &[Arrivals]) -> String {
    let width = columns[0].iter().map(|(request, _)| request.title().len()).max().unwrap_or(0);
    let mut text = format!("{:width$}", "request");
    for column in COLUMNS {
        text += &format!("  {:19}", column.name);
    }
    text = text.trim_end().to_owned() + "\n";
    for (row, (request, stock)) in columns[0].iter().enumerate() {
        let mut line = format!("{:width$}  {stock:19}", request.title());
        for column in &columns[1..] {
            let cell = column[row].1;
            line += &format!("  {:19}", if cell == *stock { "=".to_owned() } else { cell.to_string() });
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

fn is_rdna(card: &str) -> bool {
    card.starts_with("gfx10")
}

/// The cards on which everything is tried; gfx1100 and gfx906 are controls, each known to some generations only.
fn cards(generation: &Generation) -> [&'static str; 3] {
    ["gfx1030", "gfx1010", if generation.name().starts_with("5.2") { "gfx906" } else { "gfx1100" }]
}

/// Makes the columns of one card, and compares each with the promise.
fn check(generation: &Generation, card: &str) -> Vec<Arrivals> {
    let columns: Vec<Arrivals> = COLUMNS.iter().map(|how| column(generation, card, *how)).collect();
    for (how, arrivals) in COLUMNS.iter().zip(&columns) {
        assert_eq!(arrivals.len(), columns[0].len(), "{}, {card}: requests in column {}", generation.name(), how.name);
        for ((request, arrival), (_, stock)) in arrivals.iter().zip(&columns[0]) {
            let promise = promised(generation, card, *how, request, *stock);
            assert!(
                *arrival == promise,
                "{}, {card}, {}: {} became {arrival}, not {promise}",
                generation.name(),
                how.name,
                request.title()
            );
        }
    }
    columns
}

/// The stock columns of `tests/table.txt`: by generation and request.
fn golden() -> BTreeMap<(String, String), String> {
    let text = include_str!("table.txt");
    let mut lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let split = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let head = split(lines.next().expect("a head"));
    lines
        .flat_map(|line| {
            let cells = split(line);
            let request = cells[0].clone();
            let cells = head.clone().into_iter().zip(cells).skip(1);
            cells.map(move |(generation, cell)| ((generation, request.clone()), cell)).collect::<Vec<_>>()
        })
        .collect()
}

/// Makes the whole table of one generation, checks it, and leaves it for `cargo xtask table`.
fn every_request_arrives_as_promised(suite: &str) {
    let suite = SUITES.iter().find(|known| known.name == suite).expect("a suite");
    let generation = match Generation::find(suite) {
        Ok(generation) => generation,
        Err(reason) if suite.origin == Origin::Installed => panic!("{reason}"),
        Err(reason) => return println!("skipped: {}: {reason}", suite.name),
    };
    let golden = golden();
    let name = generation.name();
    let [rdna2, rdna1, control] = cards(&generation).map(|card| (card, check(&generation, card)));
    let table = text(&rdna2.1);
    assert_eq!(table, text(&rdna1.1), "gfx1010 is as gfx1030");
    for arrivals in &control.1 {
        let cells = |arrivals: &Arrivals| arrivals.iter().map(|(_, arrival)| *arrival).collect::<Vec<_>>();
        assert_eq!(cells(arrivals), cells(&control.1[0]), "{} is unchanged in every mode", control.0);
    }
    for (request, arrival) in &rdna2.1[0] {
        let expected = golden.get(&(name.to_owned(), request.title())).map(String::as_str);
        assert_eq!(expected, Some(&*arrival.to_string()), "{} without RMCP", request.title());
    }
    let made = golden.iter().filter(|((of, _), cell)| of == name && *cell != "-").count();
    assert_eq!(rdna2.1[0].len(), made, "requests that the program made, and those of tests/table.txt");
    let head = format!(
        "HIP {name} on ROCr {} (Debian {}), virtual card gfx1030; gfx1010 gives the same, and nothing changes on {}:\n\n",
        generation.rocr(),
        suite.name,
        control.0
    );
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("table-{}.txt", suite.name));
    std::fs::write(&path, head + &table).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
}

#[test]
fn every_request_arrives_as_promised_on_bookworm() {
    every_request_arrives_as_promised("bookworm");
}

#[test]
fn every_request_arrives_as_promised_on_trixie() {
    every_request_arrives_as_promised("trixie");
}

#[test]
fn every_request_arrives_as_promised_on_sid() {
    every_request_arrives_as_promised("sid");
}

#[test]
fn every_request_arrives_as_promised_on_experimental() {
    every_request_arrives_as_promised("experimental");
}
