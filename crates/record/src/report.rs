//! Sums over a recording, for `rmcp report` and the end of `rmcp run`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::Verdict;
use crate::read::{CallEvent, Recording};

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

impl Recording {
    /// Sums over all calls.
    pub fn summary(&self) -> Summary {
        type Key<'a> = (&'a str, u32, u32, Verdict, &'a str, &'a str);
        fn key(event: &CallEvent) -> Key<'_> {
            let target = event.device.as_ref().map_or("", |device| &device.target);
            (&event.call, event.flags_asked, event.flags_used, event.verdict, &event.rule, target)
        }
        let mut groups: BTreeMap<Key<'_>, Group> = BTreeMap::new();
        for event in &self.calls {
            let group = groups.entry(key(event)).or_insert_with(|| Group {
                call: event.call.clone(),
                flags_asked: event.flags_asked,
                flags_used: event.flags_used,
                verdict: event.verdict,
                rule: event.rule.clone(),
                target: event.device.as_ref().map_or_else(|| "".into(), |device| device.target.clone()),
                count: 0,
                bytes: 0,
                failed: 0,
            });
            group.count += 1;
            if event.result == 0 {
                group.bytes = group.bytes.saturating_add(event.size);
            } else {
                group.failed += 1;
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
}
