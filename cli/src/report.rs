//! `rmcp report`: a record as tables or JSON.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::io::{self, BufWriter, Write};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::process::ExitCode;

use rmcp_policy::reason;
use rmcp_record::{CallEvent, Ending, Kind, Leak, Pairs, Process, ReadError, Reader, Report, Total, Verdict};
use serde::ser::{Error as _, SerializeSeq};
use serde::{Serialize, Serializer};

use crate::failure::Failure;
use crate::flags;
use crate::table::Align::{Left, Right};
use crate::table::{Align, bytes, count, lines};

/// Steps of the timeline; the text sums them up to the width there is.
const STEPS: usize = 240;

/// Groups of leaks that the text names.
const LEAKS: usize = 10;

/// Processes that a note names.
const NAMED: usize = 5;

/// The reason of a recorded rule: of the table's, where a user's stands behind it (`... (rule NAME)`).
pub fn why(rule: &str) -> Option<&'static str> {
    reason(rule.split_once(" (rule ").map_or(rule, |(table, _)| table))
}

#[derive(clap::Args)]
pub struct Arguments {
    /// The file that `rmcp run --record` wrote
    file: PathBuf,
    /// Print all of it as one JSON document: the sums, and each call (docs/recording.md)
    #[arg(long)]
    json: bool,
    /// Print each rewritten call, one a line, below the tables
    #[arg(long, conflicts_with = "json")]
    rewritten: bool,
}

pub fn report(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let mut reader = Reader::open(&arguments.file).map_err(Failure::broken)?;
    let report = Report::of(&mut reader, STEPS).map_err(Failure::broken)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match arguments.json {
        true => as_json(&mut out, report, reader),
        false => out
            .write_all(as_text(&report, width()).as_bytes())
            .map_err(Broken::Output)
            .and_then(|()| if arguments.rewritten { rewritten(&mut out, &mut reader) } else { Ok(()) }),
    };
    match written.and_then(|()| out.flush().map_err(Broken::Output)) {
        // A reader that has gone away (`| head`) has read enough.
        Err(Broken::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(Broken::Output(error)) => Err(Failure::broken(format!("the report cannot be written: {error}"))),
        Err(Broken::Input(error)) => Err(Failure::broken(error)),
        Ok(()) => Ok(ExitCode::SUCCESS),
    }
}

/// What went wrong while a report was printed.
enum Broken {
    Input(ReadError),
    Output(io::Error),
}

/// The JSON document: the report's own members, and `calls`, which are read as they are printed.
#[derive(Serialize)]
struct Document {
    #[serde(flatten)]
    report: Report,
    #[serde(serialize_with = "calls")]
    calls: RefCell<Reader>,
}

fn calls<S: Serializer>(reader: &RefCell<Reader>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut list = serializer.serialize_seq(None)?;
    for call in reader.borrow_mut().calls() {
        list.serialize_element(&call.map_err(S::Error::custom)?)?;
    }
    list.end()
}

fn as_json(out: &mut impl Write, report: Report, reader: Reader) -> Result<(), Broken> {
    let document = Document { report, calls: RefCell::new(reader) };
    serde_json::to_writer(&mut *out, &document).map_err(io::Error::from).map_err(Broken::Output)?;
    writeln!(out).map_err(Broken::Output)
}

/// Each rewritten call, a line each.
fn rewritten(out: &mut impl Write, reader: &mut Reader) -> Result<(), Broken> {
    let mut line = |text: &str| writeln!(out, "{text}").map_err(Broken::Output);
    line("\nRewritten calls, with seconds since the first call, process and thread")?;
    let mut first = None;
    let mut none = true;
    for call in reader.calls() {
        let call = call.map_err(Broken::Input)?;
        let first = *first.get_or_insert(call.unix_ns);
        if call.verdict == Verdict::Rewritten {
            line(&rewritten_line(&call, call.unix_ns.saturating_sub(first)))?;
            none = false;
        }
    }
    if none { line("  none") } else { Ok(()) }
}

fn rewritten_line(call: &CallEvent, after_ns: u64) -> String {
    let mut line = format!(
        "  {}.{:06}  {}  {}  {}  {}  {}  {:#x}  {}  {}",
        after_ns / 1_000_000_000,
        after_ns / 1000 % 1_000_000,
        call.process,
        call.tid,
        call.call,
        flags::change(&call.call, call.flags_asked, call.flags_used, true),
        bytes(call.size),
        call.pointer,
        call.rule,
        known(&call.caller),
    );
    for (name, value) in &call.arguments {
        let _ = write!(line, "  {name}={value:#x}");
    }
    if call.result != 0 {
        let _ = write!(line, "  failed: {}", call.result);
    }
    line
}

/// Columns of the terminal, 80 if stdout is none.
fn width() -> usize {
    // SAFETY: a plain structure of numbers.
    let mut size: libc::winsize = unsafe { std::mem::zeroed() };
    // SAFETY: an open descriptor and a structure that the call fills in.
    let asked = unsafe { libc::ioctl(io::stdout().as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) };
    match usize::from(size.ws_col) {
        columns if asked == 0 && columns >= 60 => columns,
        _ => 80,
    }
}

/// What is missing from a recording because it could not be written or read, a sentence each.
pub fn losses(report: &Report) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(stop) = &report.stopped {
        notes.push(format!(
            "recording had to stop: {}; the program went on, but what came later is missing",
            stop.reason
        ));
    }
    if report.lost > 0 {
        notes.push(format!("{} could not be recorded", count(report.lost, "event")));
    }
    if report.damaged_chunks > 0 {
        notes.push(format!("{} of the file cannot be read; sums are too small", count(report.damaged_chunks, "part")));
    }
    notes
}

/// What may be missing because of how processes ended, and what does not fit together.
fn doubts(report: &Report) -> Vec<String> {
    let mut notes = Vec::new();
    for (ending, text) in [
        (
            Ending::Abrupt,
            "ended without a word (killed, or by _exit): up to one record of each thread is missing, and calls that had not returned",
        ),
        (Ending::Running, "not ended yet: what comes later is missing"),
        (
            Ending::Unknown,
            "not known to have ended: it ran on another machine, in another container or before a reboot",
        ),
    ] {
        let of: Vec<&Process> = report.processes.iter().filter(|process| process.ending == ending).collect();
        if !of.is_empty() {
            let named: Vec<String> =
                of.iter().take(NAMED).map(|process| format!("{} (pid {})", process.number, process.pid)).collect();
            let rest = of.len() - named.len();
            let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
            let word = if of.len() == 1 { "process" } else { "processes" };
            notes.push(format!("{word} {}{more}: {text}", named.join(", ")));
        }
    }
    let replaced: u64 = report.pairs.iter().map(|pairs| pairs.replaced).sum();
    if replaced > 0 {
        notes.push(format!("{} given again although no free of it was recorded", count(replaced, "address")));
    }
    notes
}

fn known(text: &str) -> &str {
    if text.is_empty() { "?" } else { text }
}

/// A section's lines, below what is there.
#[derive(Default)]
struct Page(Vec<String>);

impl Page {
    fn title(&mut self, title: &str) {
        if !self.0.is_empty() {
            self.0.push(String::new());
        }
        self.0.push(title.to_owned());
    }

    fn table(&mut self, title: &str, align: &[Align], head: &[&str], rows: Vec<Vec<String>>) {
        self.title(title);
        if rows.is_empty() {
            self.0.push("  none".to_owned());
            return;
        }
        let mut all = vec![head.iter().map(|cell| (*cell).to_owned()).collect()];
        all.extend(rows);
        self.0.extend(lines(align, &all));
    }
}

/// Words of a sentence on lines of a width, the later ones indented by `indent` more.
fn wrapped(text: &str, width: usize, indent: usize) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match out.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) => out.push(format!("{:indent$}  {word}", "")),
            None => out.push(format!("  {word}")),
        }
    }
    out
}

fn as_text(report: &Report, width: usize) -> String {
    let mut page = Page::default();
    origin(&mut page, report);
    decisions(&mut page, report, width);
    for (title, totals) in [
        ("By call", &report.by_call),
        ("By type of memory", &report.by_memory),
        ("By device", &report.by_device),
        ("By calling library", &report.by_caller),
        ("By rule", &report.by_rule),
    ] {
        let rows = totals.iter().map(total).collect();
        page.table(title, &[Left, Right, Right, Right, Right], &["", "calls", "failed", "rewritten", "given"], rows);
    }
    live(&mut page, report, width);
    if !report.leaks.is_empty() {
        leaks(&mut page, &report.leaks);
    }
    if !report.unmatched.is_empty() {
        let rows = report.unmatched.iter().map(|unmatched| {
            vec![
                unmatched.call.to_string(),
                known(&unmatched.caller).to_owned(),
                unmatched.count.to_string(),
                format!("{:#x}", unmatched.first_pointer),
                if unmatched.inherited { "from the process it was forked from" } else { "not recorded" }.to_owned(),
            ]
        });
        page.table(
            "Given back without a recorded allocation",
            &[Left, Left, Right, Right, Left],
            &["call", "library", "count", "first", "allocated"],
            rows.collect(),
        );
    }
    if !report.warnings.is_empty() {
        page.title("Warnings");
        for warning in &report.warnings {
            let text = format!("process {}: {}: {}", warning.process, warning.id, warning.text);
            page.0.extend(wrapped(&text, width, 2));
        }
    }
    let notes = [losses(report), doubts(report)].concat();
    if !notes.is_empty() {
        page.title("Not complete");
        page.0.extend(notes.iter().flat_map(|note| wrapped(note, width, 2)));
    }
    page.0.into_iter().map(|line| line + "\n").collect()
}

fn origin(page: &mut Page, report: &Report) {
    let processes = report.processes.iter().map(|process| {
        vec![
            process.number.to_string(),
            process.pid.to_string(),
            process.parent.to_string(),
            known(&process.mode).to_owned(),
            process.calls.to_string(),
            match process.ending {
                Ending::Normal => "normally",
                Ending::Exec => "by exec",
                Ending::Running => "running",
                Ending::Abrupt => "abruptly",
                Ending::Unknown => "?",
            }
            .to_owned(),
            known(&process.exe).to_owned(),
        ]
    });
    page.table(
        "Processes",
        &[Right, Right, Right, Left, Right, Left, Left],
        &["no", "pid", "parent", "policy", "calls", "ended", "program"],
        processes.collect(),
    );
    let fronts = report.fronts.iter().map(|front| {
        let short: String = front.build_id.chars().take(12).collect();
        vec![front.process.to_string(), front.soname.to_string(), short, front.real_path.to_string()]
    });
    page.table(
        "Fronts that opened AMD's library",
        &[Right, Left, Left, Left],
        &["process", "SONAME", "build-id", "real library"],
        fronts.collect(),
    );
}

fn decisions(page: &mut Page, report: &Report, width: usize) {
    let summary = &report.summary;
    let row = |group: &rmcp_record::Group| {
        let decided = |text: String| if group.rule.is_empty() { "-".to_owned() } else { text };
        vec![
            group.call.to_string(),
            flags::change(&group.call, group.flags_asked, group.flags_used, group.verdict == Verdict::Rewritten),
            decided(group.verdict.as_str().to_owned()),
            decided(group.rule.to_string()),
            if group.target.is_empty() { "-".to_owned() } else { group.target.to_string() },
            group.count.to_string(),
            group.failed.to_string(),
            decided(bytes(group.bytes)),
        ]
    };
    page.table(
        &format!(
            "Calls: {}, {} rewritten, {} withheld, {} failed",
            summary.calls, summary.rewritten, summary.withheld, summary.failed
        ),
        &[Left, Left, Left, Left, Left, Right, Right, Right],
        &["call", "flags", "verdict", "rule", "device", "count", "failed", "size"],
        summary.groups.iter().map(row).collect(),
    );
    let mut rules: Vec<&str> =
        summary.groups.iter().map(|group| &*group.rule).filter(|rule| !rule.is_empty()).collect();
    rules.sort_unstable();
    rules.dedup();
    if !rules.is_empty() {
        page.title("Rules");
        for rule in rules {
            let text = format!("{rule}: {}", why(rule).unwrap_or("(not known to this rmcp)"));
            page.0.extend(wrapped(&text, width, 2));
        }
    }
}

fn total(total: &Total) -> Vec<String> {
    let name = if total.name.is_empty() { "-".to_owned() } else { total.name.to_string() };
    let mut row = vec![name];
    row.extend([total.calls, total.failed, total.rewritten].map(|number| number.to_string()));
    row.push(bytes(total.bytes));
    row
}

fn kind_words(kind: Kind) -> &'static str {
    match kind {
        Kind::Pin => "pinned",
        Kind::Reserve => "addresses",
        Kind::Create => "memory without address",
        Kind::Map => "mapped",
        _ => "allocated",
    }
}

/// What was live when.
fn live(page: &mut Page, report: &Report, width: usize) {
    let sized =
        |number: u64, size: u64| if number == 0 { "0".to_owned() } else { format!("{number} ({})", bytes(size)) };
    let row = |pairs: &Pairs| {
        vec![
            kind_words(pairs.kind).to_owned(),
            pairs.given.to_string(),
            pairs.taken_back.to_string(),
            sized(pairs.left, pairs.left_bytes),
            sized(pairs.live, pairs.live_bytes),
            bytes(pairs.peak_bytes),
        ]
    };
    page.table(
        "Given and taken back",
        &[Left, Right, Right, Right, Right, Right],
        &["", "given", "back", "left at exit", "in use", "most at once"],
        report.pairs.iter().map(row).collect(),
    );
    let (timeline, peak) = (&report.timeline, &report.peak);
    if timeline.series.is_empty() {
        return;
    }
    page.title("Bytes in use over time, each line against its own peak");
    let labels: Vec<String> = timeline
        .series
        .iter()
        .map(|series| {
            let memory = if series.memory.is_empty() { "not known" } else { &series.memory };
            match series.kind {
                Kind::Pin => format!("pinned, {memory}"),
                _ => memory.to_owned(),
            }
        })
        .collect();
    let longest = labels.iter().map(|label| label.chars().count()).max().unwrap_or(0).min(30);
    let columns = width.saturating_sub(2 + longest + 2 + 9 + 2).max(20);
    let steps = timeline.series.iter().map(|series| series.most_bytes.len()).max().unwrap_or(0);
    let together = steps.div_ceil(columns).max(1);
    for (label, series) in labels.iter().zip(&timeline.series) {
        let label: String = label.chars().take(longest).collect();
        let line = bar(&series.most_bytes, together, series.peak_bytes);
        page.0.push(format!("  {label:<longest$}  {:>9}  {line}", bytes(series.peak_bytes)).trim_end().to_owned());
    }
    let end = duration(timeline.step_ns.saturating_mul(steps as u64));
    let drawn = steps.div_ceil(together);
    let rest = drawn.saturating_sub("0 s".len());
    page.0.push(format!("  {:longest$}  {:>9}  0 s{end:>rest$}", "", ""));
    if peak.bytes > 0 {
        let parts: Vec<String> = peak
            .memory
            .iter()
            .map(|(memory, size)| format!("{} {}", bytes(*size), if memory.is_empty() { "not known" } else { memory }))
            .collect();
        let text = format!(
            "Peak: {} allocated {} after the first call: {}",
            bytes(peak.bytes),
            duration(peak.after_ns),
            parts.join("; ")
        );
        page.0.extend(wrapped(&text, width, 2));
    }
}

/// Heights of the steps, several in a column, in eighths of the peak.
fn bar(most: &[u64], together: usize, peak: u64) -> String {
    const BLOCKS: [char; 9] =
        [' ', '\u{2581}', '\u{2582}', '\u{2583}', '\u{2584}', '\u{2585}', '\u{2586}', '\u{2587}', '\u{2588}'];
    let height = |steps: &[u64]| {
        let most = steps.iter().copied().max().unwrap_or(0);
        // Rounded up: what is there is seen.
        BLOCKS[((u128::from(most) * 8).div_ceil(u128::from(peak.max(1))) as usize).min(8)]
    };
    most.chunks(together).map(height).collect()
}

/// A duration in the largest unit that is not below 1.
fn duration(ns: u64) -> String {
    match ns {
        0 => "0 s".to_owned(),
        1..1_000_000 => format!("{:.1} \u{b5}s", ns as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} ms", ns as f64 / 1e6),
        _ => format!("{:.1} s", ns as f64 / 1e9),
    }
}

fn leaks(page: &mut Page, leaks: &[Leak]) {
    let row = |leak: &Leak| {
        vec![
            bytes(leak.size.saturating_mul(leak.count)),
            leak.count.to_string(),
            bytes(leak.size),
            leak.call.to_string(),
            known(&leak.memory).to_owned(),
            known(&leak.caller).to_owned(),
        ]
    };
    page.table(
        "Left when the process ended (the driver takes it back)",
        &[Right, Right, Right, Left, Left, Left],
        &["bytes", "count", "each", "call", "memory", "library"],
        leaks.iter().take(LEAKS).map(row).collect(),
    );
    let rest = leaks.get(LEAKS..).unwrap_or_default();
    if !rest.is_empty() {
        let size = rest.iter().fold(0u64, |sum, leak| sum.saturating_add(leak.size.saturating_mul(leak.count)));
        page.0.push(format!("  and {} in {} of smaller sums", bytes(size), count(rest.len() as u64, "group")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_eighths_of_the_peak_and_nothing_that_is_there_vanishes() {
        assert_eq!(bar(&[0, 1, 50, 100, 100, 0], 1, 100), " \u{2581}\u{2584}\u{2588}\u{2588} ");
        assert_eq!(bar(&[0, 1, 50, 100, 100, 0], 2, 100), "\u{2581}\u{2588}\u{2588}");
        assert_eq!(bar(&[u64::MAX, 0], 1, u64::MAX), "\u{2588} ");
        assert_eq!(bar(&[], 1, 0), "");
    }

    #[test]
    fn sentences_are_wrapped_and_no_word_is_cut() {
        assert_eq!(wrapped("one two three", 9, 2), ["  one two", "    three"]);
        assert_eq!(wrapped("averylongword b", 5, 2), ["  averylongword", "    b"]);
    }
}
