//! What a recording comes to, for `rmcp report` and the end of `rmcp run`. Memory for it grows with what is live at one time, not with the calls.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::live::{Leak, Pairs, Peak, Timeline, Tracker, Unmatched};
use crate::read::{Front, Process, ReadError, Reader, Recording, Shape, Stop, Warning};
use crate::{Kind, Verdict};

/// Calls that were asked for, decided and answered alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// The function.
    pub call: Arc<str>,
    /// Flags the program passed.
    pub flags_asked: u32,
    /// Flags the real library was given.
    pub flags_used: u32,
    /// What became of it.
    pub verdict: Verdict,
    /// The policy's rule.
    pub rule: Arc<str>,
    /// The device's target, empty if not determined.
    pub target: Arc<str>,
    /// Calls.
    pub count: u64,
    /// Bytes asked for in successful calls.
    pub bytes: u64,
    /// Calls that returned an error.
    pub failed: u64,
}

/// All groups and their sums.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// By call, flags, rule and device.
    pub groups: Vec<Group>,
    /// All calls.
    pub calls: u64,
    /// Calls that were rewritten.
    pub rewritten: u64,
    /// Calls that mode `default` would have rewritten.
    pub withheld: u64,
    /// Calls that returned an error.
    pub failed: u64,
}

/// Calls that have one thing in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Total {
    /// What they have in common; empty: it is not known or there is none.
    pub name: Arc<str>,
    /// Calls.
    pub calls: u64,
    /// Calls that returned an error.
    pub failed: u64,
    /// Calls that were rewritten.
    pub rewritten: u64,
    /// Bytes that successful calls gave or pinned.
    pub bytes: u64,
}

/// Everything that can be said about a recording without its single calls.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// In the order in which they began to record.
    pub processes: Vec<Process>,
    /// In time order.
    pub fronts: Vec<Front>,
    /// In time order.
    pub warnings: Vec<Warning>,
    /// Recording had to stop in some process.
    pub stopped: Option<Stop>,
    /// Records that could not be written.
    pub lost: u64,
    /// Chunks of which something is missing or could not be understood.
    pub damaged_chunks: u64,
    /// By call, flags, rule and device.
    pub summary: Summary,
    /// By function.
    pub by_call: Vec<Total>,
    /// By type of memory: calls that give or pin memory.
    pub by_memory: Vec<Total>,
    /// By device, as target and PCI address.
    pub by_device: Vec<Total>,
    /// By calling library.
    pub by_caller: Vec<Total>,
    /// By the policy's rule.
    pub by_rule: Vec<Total>,
    /// How calls that give and calls that take back went together, by kind.
    pub pairs: Vec<Pairs>,
    /// What processes had not given back when they ended, the most bytes first.
    pub leaks: Vec<Leak>,
    /// Calls that take back what nobody was seen to give.
    pub unmatched: Vec<Unmatched>,
    /// When the most memory was live.
    pub peak: Peak,
    /// Live bytes over time.
    pub timeline: Timeline,
}

/// Sums over the calls of a shape.
#[derive(Clone, Copy, Default)]
struct Sums {
    calls: u64,
    bytes: u64,
}

impl Report {
    /// Reads a record file; its timeline has at most `steps` steps.
    ///
    /// # Errors
    /// See [`crate::read`].
    pub fn read(path: &Path, steps: usize) -> Result<Self, ReadError> {
        Self::of(&mut Reader::open(path)?, steps)
    }

    /// As [`Report::read`], for a file that is open already.
    ///
    /// # Errors
    /// If the file cannot be read any more.
    pub fn of(reader: &mut Reader, steps: usize) -> Result<Self, ReadError> {
        let mut tracker = Tracker::new(reader, steps);
        let mut sums: Vec<Sums> = Vec::new();
        let mut calls = reader.raw_calls();
        while let Some(call) = calls.next() {
            let call = call?;
            if sums.len() <= call.shape {
                sums.resize(call.shape + 1, Sums::default());
            }
            let sum = &mut sums[call.shape];
            sum.calls += 1;
            sum.bytes = sum.bytes.saturating_add(call.size);
            tracker.call(&call, calls.reader().shapes());
        }
        let outcome = tracker.finish(reader);
        let Recording { processes, fronts, warnings, stopped, lost, damaged_chunks, .. } = reader.recording().clone();
        let shapes = || reader.shapes().iter().zip(sums.iter().copied());
        let memory = |shape: &Shape| shape.kind.is_memory() || shape.kind == Kind::Pin;
        Ok(Self {
            processes,
            fronts,
            warnings,
            stopped,
            lost,
            damaged_chunks,
            summary: summary(shapes()),
            by_call: totals(shapes(), |shape| shape.call.clone()),
            by_memory: totals(shapes().filter(|(shape, _)| memory(shape)), |shape| shape.memory.clone()),
            by_device: totals(shapes(), |shape| match &shape.device {
                None => Arc::default(),
                Some(device) => format!("{} {}", device.target, device.bus).trim().into(),
            }),
            by_caller: totals(shapes(), |shape| shape.caller.clone()),
            by_rule: totals(shapes(), |shape| shape.rule.clone()),
            pairs: outcome.pairs,
            leaks: outcome.leaks,
            unmatched: outcome.unmatched,
            peak: outcome.peak,
            timeline: outcome.timeline,
        })
    }
}

/// The most bytes first, then the most calls.
fn totals<'a>(shapes: impl Iterator<Item = (&'a Shape, Sums)>, name: impl Fn(&Shape) -> Arc<str>) -> Vec<Total> {
    let mut totals: BTreeMap<Arc<str>, Total> = BTreeMap::new();
    for (shape, sums) in shapes {
        let name = name(shape);
        let total = totals.entry(name.clone()).or_insert_with(|| Total { name, ..Total::default() });
        total.calls += sums.calls;
        match shape.result {
            0 if shape.kind.is_memory() || shape.kind == Kind::Pin => {
                total.bytes = total.bytes.saturating_add(sums.bytes)
            }
            0 => {}
            _ => total.failed += sums.calls,
        }
        if shape.verdict == Verdict::Rewritten {
            total.rewritten += sums.calls;
        }
    }
    let mut totals: Vec<Total> = totals.into_values().collect();
    totals.sort_by_key(|total| std::cmp::Reverse((total.bytes, total.calls)));
    totals
}

fn summary<'a>(shapes: impl Iterator<Item = (&'a Shape, Sums)>) -> Summary {
    type Key<'a> = (&'a str, u32, u32, Verdict, &'a str, &'a str);
    fn key(shape: &Shape) -> Key<'_> {
        let target = shape.device.as_ref().map_or("", |device| &device.target);
        (&shape.call, shape.flags_asked, shape.flags_used, shape.verdict, &shape.rule, target)
    }
    let mut groups: BTreeMap<Key<'_>, Group> = BTreeMap::new();
    for (shape, sums) in shapes {
        let group = groups.entry(key(shape)).or_insert_with(|| Group {
            call: shape.call.clone(),
            flags_asked: shape.flags_asked,
            flags_used: shape.flags_used,
            verdict: shape.verdict,
            rule: shape.rule.clone(),
            target: shape.device.as_ref().map_or_else(Arc::default, |device| device.target.clone()),
            count: 0,
            bytes: 0,
            failed: 0,
        });
        group.count += sums.calls;
        match shape.result {
            0 => group.bytes = group.bytes.saturating_add(sums.bytes),
            _ => group.failed += sums.calls,
        }
    }
    let groups: Vec<Group> = groups.into_values().collect();
    let count = |verdict| groups.iter().filter(|group| group.verdict == verdict).map(|group| group.count).sum();
    Summary {
        calls: groups.iter().map(|group| group.count).sum(),
        rewritten: count(Verdict::Rewritten),
        withheld: count(Verdict::Withheld),
        failed: groups.iter().map(|group| group.failed).sum(),
        groups,
    }
}
