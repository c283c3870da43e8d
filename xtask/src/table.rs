//! `cargo xtask table`: what every kind of memory request becomes at the kernel driver, without RMCP and in each of its modes, for each generation of
//! AMD's libraries.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use vgpu::log::{Event, Line};
use vgpu::mtype::Mtype;

/// One line of `tests/programs/table.c`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Request {
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
}

/// What reached the kernel driver for one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
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
            Self::Range { set: 0, clear: 0, mtype } => format!("svm {mtype}"),
            Self::Range { set, clear, mtype } => format!("svm +{set:x}-{clear:x} {mtype}"),
        })
    }
}

/// Finds the requests in the log of the virtual card, by the addresses that they gave.
fn arrivals(requests: &[Request], log: &[Line]) -> Result<Vec<(String, Arrival)>> {
    requests.iter().map(|request| Ok((request.title(), arrival(request, log)?))).collect()
}

fn arrival(request: &Request, log: &[Line]) -> Result<Arrival> {
    if request.code != 0 {
        return Ok(Arrival::Error(request.code));
    }
    let hex = |text: &str| u32::from_str_radix(text, 16).with_context(|| format!("{text} in the virtual card's log"));
    let mut last = Arrival::Nothing;
    for line in log {
        match &line.event {
            Event::Alloc { va, size, flags, mtype, errno: 0, .. } if (*va..va + size).contains(&request.device) => {
                last = Arrival::Buffer { flags: hex(flags)?, mtype: *mtype };
            }
            Event::Svm { va, size, set, clear, mtype, .. } if (*va..va + size).contains(&request.device) => {
                // One request may take several ioctls.
                let (before_set, before_clear) = match last {
                    Arrival::Range { set, clear, .. } => (set, clear),
                    _ => (0, 0),
                };
                let (set, clear) = (hex(set)?, hex(clear)?);
                last = Arrival::Range { set: before_set & !clear | set, clear: before_clear & !set | clear, mtype: *mtype };
            }
            _ => {}
        }
    }
    Ok(last)
}

/// One column: how the program ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Column {
    /// Over the column.
    pub name: &'static str,
    /// RMCP's mode; `None`: it is not there at all.
    pub policy: Option<&'static str>,
    /// Options of the virtual card, behind its name.
    pub options: &'static str,
}

/// Without RMCP, and each mode; mode `default` also on a card that reaches the host without PCIe atomics.
pub const COLUMNS: [Column; 6] = [
    Column { name: "without RMCP", policy: None, options: "" },
    Column { name: "off", policy: Some("off"), options: "" },
    Column { name: "audit", policy: Some("audit"), options: "" },
    Column { name: "default", policy: Some("default"), options: "" },
    Column { name: "default, no atomics", policy: Some("default"), options: ":atomics=off" },
    Column { name: "strict", policy: Some("strict"), options: "" },
];

/// What reached the kernel driver for each request, by column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    rows: Vec<(String, Vec<Arrival>)>,
}

impl Table {
    /// Puts the columns together: each run must have made the same requests.
    fn new(columns: Vec<Vec<(String, Arrival)>>) -> Result<Self> {
        let mut columns = columns.into_iter();
        let first = columns.next().context("a table without columns")?;
        let mut rows: Vec<(String, Vec<Arrival>)> =
            first.into_iter().map(|(title, arrival)| (title, vec![arrival])).collect();
        for column in columns {
            if column.len() != rows.len() || column.iter().zip(&rows).any(|((title, _), row)| *title != row.0) {
                bail!("the runs did not make the same requests");
            }
            for (row, (_, arrival)) in rows.iter_mut().zip(column) {
                row.1.push(arrival);
            }
        }
        Ok(Self { rows })
    }

    /// As text: a column that is as the first one has `=`.
    fn text(&self) -> String {
        let width = self.rows.iter().map(|(title, _)| title.len()).max().unwrap_or(0);
        let mut text = format!("{:width$}", "request");
        for column in COLUMNS {
            text += &format!("  {:19}", column.name);
        }
        text = text.trim_end().to_owned() + "\n";
        for (title, arrivals) in &self.rows {
            let mut line = format!("{title:width$}");
            for (index, arrival) in arrivals.iter().enumerate() {
                let same = index > 0 && *arrival == arrivals[0];
                line += &format!("  {:19}", if same { "=".to_owned() } else { arrival.to_string() });
            }
            text += line.trim_end();
            text.push('\n');
        }
        text
    }
}
