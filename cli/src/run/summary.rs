//! What `rmcp run` says at the end.

use rmcp_device::{TOPOLOGY_ROOT, Topology};
use rmcp_policy::Mode;
use rmcp_record::{Group, Report, Verdict};
use vgpu::launch::Prepared;

use super::{Place, Record, real_lines};
use crate::flags;
use crate::gpus;
use crate::libraries::search::{Found, Reason};
use crate::report;
use crate::table::{Align, bytes, count, lines};

/// What is known after the run.
pub struct Facts<'a> {
    /// The policy of the program, where no rule for some of its calls says otherwise.
    pub mode: Mode,
    /// AMD's libraries.
    pub found: &'a Found,
    /// The virtual machine, if there was one.
    pub machine: Option<&'a Prepared>,
    /// The record, unless the policy is off.
    pub record: Option<&'a Record>,
}

/// The text, with a newline at the end.
pub fn summary(facts: &Facts) -> String {
    let recorded = facts.record.map(|record| match record.path.exists() {
        // No process got as far as to open it.
        false => Ok(Report::default()),
        true => Report::read(&record.path, 1),
    });
    let mut out = Vec::new();
    match &recorded {
        None => out.push("RMCP: policy off, so nothing was changed and nothing recorded".to_owned()),
        Some(Err(error)) => out.push(format!("RMCP: the record cannot be read: {error}")),
        Some(Ok(report)) => out.push(headline(facts.mode, report)),
    }
    if facts.found.reals.is_empty() {
        out.push(
            "  no ROCm library was at hand (libamdhip64, libhsa-runtime64), so there was nothing to stand in front of"
                .to_owned(),
        );
    } else {
        out.push(match facts.found.reason {
            Reason::Linked => "AMD's libraries behind the fronts:".to_owned(),
            Reason::AtHand => "AMD's libraries at hand, behind fronts for what the program opens or starts:".to_owned(),
        });
        out.extend(lines(&[Align::Left; 4], &real_lines(facts.found)));
    }
    if facts.found.reason == Reason::AtHand && !facts.found.reals.is_empty() {
        out.push(
            "  (a program among them that finds its own copies by DT_RPATH is not seen; see --libraries)".to_owned(),
        );
    }
    out.extend(facts.found.notes.iter().map(|note| format!("  note: {note}")));
    out.push(cards(facts.machine));
    if let Some(Ok(report)) = &recorded {
        out.extend(happened(report));
        out.extend(report::losses(report).into_iter().map(|note| format!("warning: {note}")));
    }
    match facts.record.map(|record| (&record.place, record.path.display())) {
        Some((Place::Named(_), path)) => out.push(format!("Details: rmcp report {path}")),
        Some((Place::Inherited, path)) => out.push(format!(
            "Recorded in {path}, as the configuration or RMCP_RECORD says; the numbers are of all runs in it"
        )),
        Some((Place::Temporary(_), _)) => {
            out.push("Details: run it with --record FILE, then `rmcp report FILE`".to_owned())
        }
        None => {}
    }
    out.iter().map(|line| format!("{line}\n")).collect()
}

/// The policy that was in force: what the processes recorded, which may differ where one of them started another `rmcp run`.
fn policy(asked: Mode, report: &Report) -> String {
    let mut modes: Vec<(&str, u64)> = Vec::new();
    for process in report.processes.iter().filter(|process| !process.mode.is_empty()) {
        match modes.iter_mut().find(|(mode, _)| *mode == &*process.mode) {
            Some((_, processes)) => *processes += 1,
            None => modes.push((&process.mode, 1)),
        }
    }
    match modes[..] {
        [] => asked.to_string(),
        [(mode, _)] => mode.to_owned(),
        _ => {
            let each = modes.iter().map(|(mode, processes)| format!("{mode} in {}", count(*processes, "process")));
            each.collect::<Vec<_>>().join(", ")
        }
    }
}

fn headline(asked: Mode, report: &Report) -> String {
    let mode = policy(asked, report);
    let summary = &report.summary;
    let requests: u64 = requests(&summary.groups).map(|group| group.count).sum();
    if requests == 0 {
        return match report.fronts.is_empty() {
            true => format!("RMCP: policy {mode}; the program never called AMD's libraries through a front"),
            false => format!(
                "RMCP: policy {mode}; no call that RMCP decides about was recorded, though AMD's libraries were called through the fronts"
            ),
        };
    }
    let processes = report.processes.len() as u64;
    let mut text = format!(
        "RMCP: policy {mode}; {} in {}: {} rewritten, {} left as asked",
        count(requests, "allocation call"),
        count(processes, "process"),
        summary.rewritten,
        requests - summary.rewritten
    );
    if summary.withheld > 0 {
        text += &format!(" ({} of them would be rewritten under policy default)", summary.withheld);
    }
    text
}

/// Groups of allocations: frees are recorded too, but nothing is decided about them.
fn requests(groups: &[Group]) -> impl Iterator<Item = &Group> {
    groups.iter().filter(|group| !group.rule.is_empty())
}

fn cards(machine: Option<&Prepared>) -> String {
    let (root, kind) = match machine {
        Some(machine) => (gpus::root_in(machine), "virtual GPUs"),
        None => (TOPOLOGY_ROOT.into(), "GPUs"),
    };
    match Topology::read(&root) {
        Err(error) => format!("No GPU: {error}"),
        Ok(topology) if topology.gpus.is_empty() => "No GPU: the kernel driver shows none".to_owned(),
        Ok(topology) => {
            let names: Vec<String> = topology
                .gpus
                .iter()
                .map(|gpu| format!("{} ({}, {})", gpu.target, gpus::generation(gpu.generation), gpu.pci))
                .collect();
            format!("{}{}: {}", kind[..1].to_uppercase(), &kind[1..], names.join(", "))
        }
    }
}

fn happened(report: &Report) -> Vec<String> {
    let summary = &report.summary;
    let mut out = Vec::new();
    // The rules' numbers go on through both tables.
    let mut numbers: Vec<&str> = Vec::new();
    for (title, wanted) in [("rewritten:", true), ("left as asked:", false)] {
        let groups: Vec<&Group> =
            requests(&summary.groups).filter(|group| (group.verdict == Verdict::Rewritten) == wanted).collect();
        if groups.is_empty() {
            continue;
        }
        let known = numbers.len();
        let rows: Vec<Vec<String>> = groups
            .iter()
            .map(|group| {
                let at = numbers.iter().position(|rule| *rule == &*group.rule).unwrap_or_else(|| {
                    numbers.push(&group.rule);
                    numbers.len() - 1
                });
                let failed = if group.failed > 0 { format!(", {} failed", group.failed) } else { String::new() };
                vec![
                    group.call.to_string(),
                    flags::change(&group.call, group.flags_asked, group.flags_used, wanted),
                    count(group.count, "call") + &failed,
                    bytes(group.bytes),
                    if group.target.is_empty() { "no device".to_owned() } else { group.target.to_string() },
                    format!("({})", at + 1),
                ]
            })
            .collect();
        out.push(title.to_owned());
        out.extend(lines(&[Align::Left, Align::Left, Align::Right, Align::Right, Align::Left, Align::Left], &rows));
        let new = numbers.iter().enumerate().skip(known);
        out.extend(new.map(|(at, rule)| {
            let user = rule.find(" (rule ").map_or("", |start| &rule[start..]);
            match report::reason_of(rule) {
                Some(reason) => format!("  ({}) {reason}{user}", at + 1),
                None => format!("  ({}) {rule}", at + 1),
            }
        }));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_a_machine_without_rocm_the_summary_says_so() {
        let found = Found { reals: Vec::new(), reason: Reason::AtHand, notes: vec!["a remark".to_owned()] };
        let directory = tempfile::tempdir().expect("a directory");
        let record = Record { path: directory.path().join("never-made"), place: Place::Named(None) };
        let text = summary(&Facts { mode: Mode::Default, found: &found, machine: None, record: Some(&record) });
        for words in ["never called", "no ROCm library was at hand", "note: a remark"] {
            assert!(text.contains(words), "{words}: {text}");
        }
    }
}
