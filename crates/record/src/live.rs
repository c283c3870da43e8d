//! What is allocated when: calls that give something are matched with those that take it back, per process, by kind and pointer.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use serde::Serialize;

use crate::Kind;
use crate::read::{Ending, RawCall, Reader, Shape};

/// How the calls of a kind went together with those that take back what they gave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pairs {
    /// [`Kind::Allocate`], [`Kind::Pin`], [`Kind::Reserve`], [`Kind::Create`] or [`Kind::Map`].
    pub kind: Kind,
    /// Successful calls.
    pub given: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Those that were taken back.
    pub taken_back: u64,
    /// Those that were not when their process ended: the kernel driver took them back.
    pub left: u64,
    /// Their bytes.
    pub left_bytes: u64,
    /// Those that are there in processes that have not ended.
    pub live: u64,
    /// Their bytes.
    pub live_bytes: u64,
    /// Those whose address was given again although nobody was seen to take it back.
    pub replaced: u64,
    /// The most bytes at one time, over all processes.
    pub peak_bytes: u64,
}

/// Memory, pins and so on that a process had not given back when it ended, summed over what was asked for alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Leak {
    /// As in [`Pairs::kind`].
    pub kind: Kind,
    /// The function that gave it.
    pub call: Arc<str>,
    /// The library that called it.
    pub caller: Arc<str>,
    /// Where the memory is and how it behaves.
    pub memory: Arc<str>,
    /// Bytes of each.
    pub size: u64,
    /// How many.
    pub count: u64,
}

/// Calls that take back what nobody was seen to give.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unmatched {
    /// The function.
    pub call: Arc<str>,
    /// The library that called it.
    pub caller: Arc<str>,
    /// Whether what they take back was given in the process that theirs was forked from: no mistake of the recording.
    pub inherited: bool,
    /// How many.
    pub count: u64,
    /// The pointer of the first.
    pub first_pointer: u64,
}

/// Bytes of a type of memory over time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Series {
    /// Memory given ([`Kind::Allocate`], [`Kind::Create`]: both are [`Kind::Allocate`] here) or the program's own pinned ([`Kind::Pin`]).
    pub kind: Kind,
    /// Where it is and how it behaves, empty if not known.
    pub memory: Arc<str>,
    /// The most bytes at one time.
    pub peak_bytes: u64,
    /// The most bytes within each step of [`Timeline::step_ns`].
    pub most_bytes: Vec<u64>,
}

/// Live bytes over time, over all processes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Timeline {
    /// Of the first call, nanoseconds since 1970.
    pub start_unix_ns: u64,
    /// Length of a step.
    pub step_ns: u64,
    /// By kind and memory.
    pub series: Vec<Series>,
}

/// When the most memory was live, pins not counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Peak {
    /// Nanoseconds since 1970; 0 if there never was any memory.
    pub unix_ns: u64,
    /// Since the first call.
    pub after_ns: u64,
    /// Over all processes.
    pub bytes: u64,
    /// The part of each type of memory.
    pub memory: BTreeMap<Arc<str>, u64>,
}

/// Something that was given and not taken back yet.
struct Live {
    size: u64,
    shape: usize,
    /// Earlier ones at the same pointer. A thread records a free after it is done, so another may have been given the address, and have recorded that,
    /// before: calls that take back are counted against the earlier ones first.
    earlier: u32,
}

#[derive(Default)]
struct State {
    live: HashMap<(Kind, u64), Live>,
    /// Everything that was ever given, for processes from which others were forked.
    ever: Option<HashSet<(Kind, u64)>>,
    forked_from: u32,
    running: bool,
}

/// Bytes of one series.
#[derive(Default)]
struct Level {
    now: u64,
    peak: u64,
    /// The most in each step that has begun.
    steps: Vec<u64>,
}

impl Level {
    /// Goes on to a step. In those between, nothing happened.
    fn reach(&mut self, step: usize) {
        if self.steps.len() <= step {
            self.steps.resize(step + 1, self.now);
        }
    }

    fn set(&mut self, step: usize, now: u64) {
        self.reach(step);
        self.now = now;
        self.peak = self.peak.max(now);
        self.steps[step] = self.steps[step].max(now);
    }
}

/// Takes the calls in the order of their times.
pub struct Tracker {
    processes: HashMap<u32, State>,
    /// Processes in the order of their ends, the next one last.
    ends: Vec<(u64, u32)>,
    /// With the bytes that are live.
    pairs: BTreeMap<Kind, (Pairs, u64)>,
    /// By shape and size.
    leaks: HashMap<(usize, u64), u64>,
    /// By shape and whether it was inherited: count and first pointer.
    unmatched: HashMap<(usize, bool), (u64, u64)>,
    levels: BTreeMap<(Kind, Arc<str>), Level>,
    /// Of the timeline: when it begins, how long a step is, how many there are.
    start: u64,
    step: u64,
    steps: usize,
    /// Bytes of memory that are live, and the most that were, and when.
    total: u64,
    peak: (u64, u64),
    /// The levels at the peak; `None` while the peak is still rising.
    at_peak: Option<BTreeMap<Arc<str>, u64>>,
}

/// What came of it.
pub struct Outcome {
    pub pairs: Vec<Pairs>,
    pub leaks: Vec<Leak>,
    pub unmatched: Vec<Unmatched>,
    pub timeline: Timeline,
    pub peak: Peak,
}

impl Tracker {
    /// For a timeline of at most `steps` steps.
    pub fn new(reader: &Reader, steps: usize) -> Self {
        let steps = steps.max(1);
        let (start, end) = reader.span().unwrap_or_default();
        let processes = &reader.recording().processes;
        let mut states: HashMap<u32, State> = HashMap::new();
        for process in processes {
            let state = states.entry(process.number).or_default();
            state.forked_from = process.forked_from;
            state.running = process.ending == Ending::Running;
            if process.forked_from != 0 {
                states.entry(process.forked_from).or_default().ever = Some(HashSet::new());
            }
        }
        let mut ends: Vec<(u64, u32)> = processes
            .iter()
            .filter(|process| process.ending != Ending::Running)
            .map(|process| (reader.last(process.number), process.number))
            .collect();
        ends.sort_unstable_by(|one, two| two.cmp(one));
        Self {
            processes: states,
            ends,
            pairs: BTreeMap::new(),
            leaks: HashMap::new(),
            unmatched: HashMap::new(),
            levels: BTreeMap::new(),
            start,
            step: (end - start) / steps as u64 + 1,
            steps,
            total: 0,
            peak: (0, 0),
            at_peak: None,
        }
    }

    /// Takes a call, which must not be earlier than the one before.
    pub fn call(&mut self, call: &RawCall, shapes: &[Shape]) {
        while let Some(&(time, process)) = self.ends.last()
            && time < call.time
        {
            self.ends.pop();
            self.end(time, process, shapes);
        }
        let shape = &shapes[call.shape];
        if shape.result != 0 || call.pointer == 0 {
            return;
        }
        if shape.kind.is_undone() {
            self.give(call, shape, shapes);
        } else if let Some(kind) = shape.kind.undoes() {
            self.take_back(call, kind, shapes);
        }
    }

    fn give(&mut self, call: &RawCall, shape: &Shape, shapes: &[Shape]) {
        let state = self.processes.entry(call.process).or_default();
        let key = (shape.kind, call.pointer);
        if let Some(ever) = &mut state.ever {
            ever.insert(key);
        }
        let replaced = match state.live.entry(key) {
            Entry::Occupied(mut entry) => {
                let live = entry.get_mut();
                live.earlier += 1;
                Some((std::mem::replace(&mut live.size, call.size), std::mem::replace(&mut live.shape, call.shape)))
            }
            Entry::Vacant(entry) => {
                entry.insert(Live { size: call.size, shape: call.shape, earlier: 0 });
                None
            }
        };
        let (pairs, _) = self.pairs.entry(shape.kind).or_default();
        pairs.given += 1;
        pairs.bytes = pairs.bytes.saturating_add(call.size);
        if let Some((size, shape)) = replaced {
            self.change(call.time, &shapes[shape], size, false);
        }
        self.change(call.time, shape, call.size, true);
    }

    fn take_back(&mut self, call: &RawCall, kind: Kind, shapes: &[Shape]) {
        let key = (kind, call.pointer);
        let state = self.processes.entry(call.process).or_default();
        let Entry::Occupied(mut entry) = state.live.entry(key) else {
            let inherited = self.is_inherited(call.process, key);
            let (count, _) = self.unmatched.entry((call.shape, inherited)).or_insert((0, call.pointer));
            *count += 1;
            return;
        };
        self.pairs.entry(kind).or_default().0.taken_back += 1;
        if entry.get().earlier > 0 {
            entry.get_mut().earlier -= 1;
        } else {
            let live = entry.remove();
            self.change(call.time, &shapes[live.shape], live.size, false);
        }
    }

    /// Whether one of the processes that this one comes from was given it.
    fn is_inherited(&self, process: u32, key: (Kind, u64)) -> bool {
        // A process is newer than the one that it was forked from; in a damaged file it might not be.
        let parent = |number: u32| {
            let from = self.processes.get(&number)?.forked_from;
            self.processes.get_key_value(&from).filter(|(from, _)| **from < number)
        };
        std::iter::successors(parent(process), |(number, _)| parent(**number))
            .any(|(_, state)| state.ever.as_ref().is_some_and(|ever| ever.contains(&key)))
    }

    /// A process has ended: what it has not given back is gone.
    fn end(&mut self, time: u64, process: u32, shapes: &[Shape]) {
        let Some(state) = self.processes.get_mut(&process) else { return };
        for ((kind, _), live) in std::mem::take(&mut state.live) {
            let (pairs, _) = self.pairs.entry(kind).or_default();
            pairs.left += 1;
            pairs.left_bytes = pairs.left_bytes.saturating_add(live.size);
            pairs.replaced += u64::from(live.earlier);
            *self.leaks.entry((live.shape, live.size)).or_default() += 1;
            self.change(time, &shapes[live.shape], live.size, false);
        }
    }

    /// `size` bytes more or fewer are live.
    fn change(&mut self, time: u64, shape: &Shape, size: u64, more: bool) {
        let apply = |value: u64| if more { value.saturating_add(size) } else { value.saturating_sub(size) };
        let (pairs, live) = self.pairs.entry(shape.kind).or_default();
        *live = apply(*live);
        pairs.peak_bytes = pairs.peak_bytes.max(*live);
        let series = match shape.kind {
            kind if kind.is_memory() => Kind::Allocate,
            Kind::Pin => Kind::Pin,
            _ => return,
        };
        if series == Kind::Allocate {
            if !more && self.at_peak.is_none() {
                self.at_peak = Some(self.memory());
            }
            self.total = apply(self.total);
            if self.total > self.peak.0 {
                self.peak = (self.total, time);
                self.at_peak = None;
            }
        }
        let step = ((time.saturating_sub(self.start) / self.step) as usize).min(self.steps - 1);
        let level = self.levels.entry((series, shape.memory.clone())).or_default();
        level.set(step, apply(level.now));
    }

    /// Live bytes by memory.
    fn memory(&self) -> BTreeMap<Arc<str>, u64> {
        self.levels
            .iter()
            .filter(|((kind, _), level)| *kind == Kind::Allocate && level.now > 0)
            .map(|((_, memory), level)| (memory.clone(), level.now))
            .collect()
    }

    /// After the last call.
    pub fn finish(mut self, reader: &Reader) -> Outcome {
        let shapes = reader.shapes();
        let last = reader.span().map_or(0, |(start, end)| (end - start) / self.step) as usize;
        // Before the ends: they come after the last call, and the timeline ends with it.
        let at_peak = self.at_peak.take().unwrap_or_else(|| self.memory());
        let mut series: Vec<Series> = std::mem::take(&mut self.levels)
            .into_iter()
            .map(|((kind, memory), mut level)| {
                level.reach(last);
                Series { kind, memory, peak_bytes: level.peak, most_bytes: level.steps }
            })
            .collect();
        series.sort_by(|one, two| (one.kind, two.peak_bytes).cmp(&(two.kind, one.peak_bytes)));
        for (time, process) in std::mem::take(&mut self.ends) {
            self.end(time, process, shapes);
        }
        for state in self.processes.values().filter(|state| state.running) {
            for ((kind, _), live) in &state.live {
                let (pairs, _) = self.pairs.entry(*kind).or_default();
                pairs.live += 1;
                pairs.live_bytes = pairs.live_bytes.saturating_add(live.size);
                pairs.replaced += u64::from(live.earlier);
            }
        }
        // Of no process in particular.
        let unix_ns = |time| reader.unix_ns(0, time);
        Outcome {
            pairs: self.pairs.into_iter().map(|(kind, (pairs, _))| Pairs { kind, ..pairs }).collect(),
            leaks: leaks(&self.leaks, shapes),
            unmatched: unmatched(&self.unmatched, shapes),
            peak: match self.peak {
                (0, _) => Peak::default(),
                (bytes, time) => Peak { unix_ns: unix_ns(time), after_ns: time - self.start, bytes, memory: at_peak },
            },
            timeline: Timeline { start_unix_ns: unix_ns(self.start), step_ns: self.step, series },
        }
    }
}

/// The most bytes first.
fn leaks(sums: &HashMap<(usize, u64), u64>, shapes: &[Shape]) -> Vec<Leak> {
    // Shapes that differ in the rest are one group here.
    type Key<'a> = (Kind, [&'a Arc<str>; 3], u64);
    let mut groups: BTreeMap<Key<'_>, u64> = BTreeMap::new();
    for (&(shape, size), count) in sums {
        let shape = &shapes[shape];
        *groups.entry((shape.kind, [&shape.call, &shape.caller, &shape.memory], size)).or_default() += count;
    }
    let mut leaks: Vec<Leak> = groups
        .into_iter()
        .map(|((kind, [call, caller, memory], size), count)| Leak {
            kind,
            call: call.clone(),
            caller: caller.clone(),
            memory: memory.clone(),
            size,
            count,
        })
        .collect();
    leaks.sort_by_key(|leak| std::cmp::Reverse(leak.size.saturating_mul(leak.count)));
    leaks
}

fn unmatched(sums: &HashMap<(usize, bool), (u64, u64)>, shapes: &[Shape]) -> Vec<Unmatched> {
    type Key<'a> = (&'a Arc<str>, &'a Arc<str>, bool);
    let mut groups: BTreeMap<Key<'_>, (u64, u64)> = BTreeMap::new();
    for (&(shape, inherited), &(count, pointer)) in sums {
        let shape = &shapes[shape];
        let (sum, first) = groups.entry((&shape.call, &shape.caller, inherited)).or_insert((0, pointer));
        *sum += count;
        *first = pointer.min(*first);
    }
    groups
        .into_iter()
        .map(|((call, caller, inherited), (count, first_pointer))| Unmatched {
            call: call.clone(),
            caller: caller.clone(),
            inherited,
            count,
            first_pointer,
        })
        .collect()
}
