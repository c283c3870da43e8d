//! `rmcp report`: a record as tables or JSON.

use std::path::PathBuf;
use std::process::ExitCode;

use rmcp_policy::reason;
use rmcp_record::{Recording, Summary, Verdict};
use serde::Serialize;

use crate::failure::Failure;
use crate::flags;
use crate::table::{Align, bytes, count, lines, print};

#[derive(clap::Args)]
pub struct Arguments {
    /// The file that `rmcp run --record` wrote
    file: PathBuf,
    /// Print everything in it, and the sums, as one JSON document
    #[arg(long)]
    json: bool,
}

/// The JSON document: the recording's own members, and `summary`.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    recording: &'a Recording,
    summary: Summary,
}

pub fn report(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let recording = rmcp_record::read(&arguments.file).map_err(Failure::broken)?;
    let text = match arguments.json {
        true => {
            let document = Document { recording: &recording, summary: recording.summary() };
            serde_json::to_string_pretty(&document).map_err(Failure::broken)? + "\n"
        }
        false => as_text(&recording),
    };
    print(&text);
    Ok(ExitCode::SUCCESS)
}

/// What is not complete in a recording, a sentence each.
pub fn notes(recording: &Recording) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(stop) = &recording.stopped {
        notes.push(format!(
            "recording had to stop: {}; the program went on, but what came later is missing",
            stop.reason
        ));
    }
    if recording.lost > 0 {
        notes.push(format!("{} could not be recorded", count(recording.lost, "event")));
    }
    if recording.damaged_chunks > 0 {
        notes.push(format!(
            "{} of the file cannot be read; sums are too small",
            count(recording.damaged_chunks, "part")
        ));
    }
    notes
}

fn as_text(recording: &Recording) -> String {
    let mut out = Vec::new();
    let mut section = |title: &str, align: &[Align], head: &[&str], rows: Vec<Vec<String>>| {
        if !out.is_empty() {
            out.push(String::new());
        }
        out.push(title.to_owned());
        if rows.is_empty() {
            out.push("  none".to_owned());
            return;
        }
        let mut all = vec![head.iter().map(|cell| (*cell).to_owned()).collect()];
        all.extend(rows);
        out.extend(lines(align, &all));
    };
    use Align::{Left, Right};

    let processes = recording.processes.iter().map(|process| {
        let calls = recording.calls.iter().filter(|call| call.process == process.number).count();
        let known = |text: &str| if text.is_empty() { "?".to_owned() } else { text.to_owned() };
        vec![
            process.number.to_string(),
            process.pid.to_string(),
            process.parent.to_string(),
            known(&process.mode),
            calls.to_string(),
            known(&process.exe),
        ]
    });
    section(
        "Processes",
        &[Right, Right, Right, Left, Right, Left],
        &["no", "pid", "parent", "policy", "calls", "program"],
        processes.collect(),
    );
    let fronts = recording.fronts.iter().map(|front| {
        let short: String = front.build_id.chars().take(12).collect();
        vec![front.process.to_string(), front.soname.to_string(), short, front.real_path.to_string()]
    });
    section(
        "Fronts that opened AMD's library",
        &[Right, Left, Left, Left],
        &["process", "SONAME", "build-id", "real library"],
        fronts.collect(),
    );

    let summary = recording.summary();
    let row = |group: &rmcp_record::Group| {
        vec![
            group.call.to_string(),
            flags::change(&group.call, group.flags_asked, group.flags_used, group.verdict == Verdict::Rewritten),
            if group.rule.is_empty() { "-".to_owned() } else { group.verdict.as_str().to_owned() },
            if group.rule.is_empty() { "-".to_owned() } else { group.rule.to_string() },
            if group.target.is_empty() { "-".to_owned() } else { group.target.to_string() },
            group.count.to_string(),
            group.failed.to_string(),
            if group.rule.is_empty() { "-".to_owned() } else { bytes(group.bytes) },
        ]
    };
    section(
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
        let rows = rules
            .iter()
            .map(|rule| vec![(*rule).to_owned(), reason(rule).unwrap_or("(not known to this rmcp)").to_owned()]);
        section("Rules", &[Left, Left], &["rule", "why"], rows.collect());
    }
    if !recording.warnings.is_empty() {
        let rows = recording.warnings.iter().map(|w| vec![w.process.to_string(), w.id.to_string(), w.text.to_string()]);
        section("Warnings", &[Right, Left, Left], &["process", "warning", "sentence"], rows.collect());
    }
    let notes = notes(recording);
    if !notes.is_empty() {
        section("Not complete", &[Left], &["note"], notes.into_iter().map(|note| vec![note]).collect());
    }
    out.into_iter().map(|line| line + "\n").collect()
}
