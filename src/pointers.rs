//! Which live host memory is rewritten: a table of ranges in static memory, without locks, that is never freed.
//!
//! Open addressing with a bounded probe. A range that finds no room is not kept, so the answer "not rewritten" is then wrong; the table is
//! larger than the number of host allocations of any program seen.
//!
//! A child made by fork while another thread adds a range finds a slot that stays unfinished: nobody waits for it, and it is passed over.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering, fence};

/// Slots of a group; a search for an address within a range passes over groups that were never used.
const GROUP: usize = 64;
/// Groups of the process's table; 1.5 MiB of zero pages that cost nothing until they are used.
const GROUPS: usize = 1024;
/// Slots that a range may lie behind its hash.
const PROBE: usize = 64;
/// [`Slot::start`] of a slot whose range was removed: may be taken again, but does not end a search.
const REMOVED: usize = 1;
/// [`Slot::start`] of a slot that is being filled.
const FILLING: usize = 2;

/// A live rewritten allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rewritten {
    /// Its address.
    pub start: usize,
    /// Bytes.
    pub size: usize,
    /// The flags that the program passed.
    pub asked: u32,
}

/// One range; consistent when `filled` and `start` are the same before and after it was read.
#[derive(Debug)]
struct Slot {
    start: AtomicUsize,
    size: AtomicUsize,
    asked: AtomicU32,
    /// How often the slot was filled: tells a range from a later one at the same address.
    filled: AtomicU32,
}

/// A set of ranges, at most one for each start. 0, 1 and 2 are no addresses.
#[derive(Debug)]
pub struct Ranges<const N: usize> {
    used: [AtomicBool; N],
    slots: [[Slot; GROUP]; N],
}

/// The rewritten allocations of this process.
pub static REWRITTEN: Ranges<GROUPS> = Ranges::new();

/// The rewritten allocation in which an address lies.
pub fn rewritten(address: usize) -> Option<Rewritten> {
    REWRITTEN.around(address)
}

impl Slot {
    const fn new() -> Self {
        Self {
            start: AtomicUsize::new(0),
            size: AtomicUsize::new(0),
            asked: AtomicU32::new(0),
            filled: AtomicU32::new(0),
        }
    }

    /// Takes the slot for a range, if it is free.
    fn fill(&self, range: Rewritten) -> bool {
        let seen = self.start.load(Ordering::Relaxed);
        if seen > REMOVED || self.start.compare_exchange(seen, FILLING, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            return false;
        }
        self.filled.fetch_add(1, Ordering::Relaxed);
        // Whoever reads one of the new values also sees that the slot was filled anew.
        fence(Ordering::Release);
        self.size.store(range.size, Ordering::Relaxed);
        self.asked.store(range.asked, Ordering::Relaxed);
        self.start.store(range.start, Ordering::Release);
        true
    }

    /// The range, if there is one that stays while it is read.
    fn read(&self) -> Option<Rewritten> {
        let filled = self.filled.load(Ordering::Acquire);
        let start = self.start.load(Ordering::Acquire);
        if start <= FILLING {
            return None;
        }
        let (size, asked) = (self.size.load(Ordering::Relaxed), self.asked.load(Ordering::Relaxed));
        fence(Ordering::Acquire);
        let stayed = self.filled.load(Ordering::Relaxed) == filled && self.start.load(Ordering::Relaxed) == start;
        stayed.then_some(Rewritten { start, size, asked })
    }
}

impl<const N: usize> Ranges<N> {
    /// The empty set.
    pub const fn new() -> Self {
        Self { used: [const { AtomicBool::new(false) }; N], slots: [const { [const { Slot::new() }; GROUP] }; N] }
    }

    /// Indices of the slots in which a range may be.
    fn probe(start: usize) -> impl Iterator<Item = usize> {
        // Fibonacci hashing of the page number: host allocations are page-aligned.
        let hash = (start >> 12).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        (0..PROBE.min(N * GROUP)).map(move |step| hash.wrapping_add(step) % (N * GROUP))
    }

    fn slot(&self, index: usize) -> &Slot {
        &self.slots[index / GROUP][index % GROUP]
    }

    /// Adds a range in place of one with the same start, if there is one. `true` when the set has one range more than before.
    pub fn insert(&self, start: usize, size: usize, asked: u32) -> bool {
        if start <= FILLING {
            return false;
        }
        let replaced = self.remove(start);
        let range = Rewritten { start, size, asked };
        let added = Self::probe(start).any(|index| {
            self.used[index / GROUP].store(true, Ordering::Release);
            self.slot(index).fill(range)
        });
        added && !replaced
    }

    /// Removes the range that starts here; `false` when there is none.
    pub fn remove(&self, start: usize) -> bool {
        self.find(start).is_some_and(|slot| {
            slot.start.compare_exchange(start, REMOVED, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        })
    }

    /// Whether a range starts here.
    pub fn contains(&self, start: usize) -> bool {
        self.find(start).is_some()
    }

    /// The range in which an address lies. One that starts there is found at once, another by a search through all.
    pub fn around(&self, address: usize) -> Option<Rewritten> {
        if let Some(range) = self.find(address).and_then(Slot::read) {
            return Some(range);
        }
        let used = self.used.iter().zip(&self.slots).filter(|(used, _)| used.load(Ordering::Acquire));
        used.flat_map(|(_, slots)| slots)
            .filter_map(Slot::read)
            .find(|range| address.checked_sub(range.start).is_some_and(|offset| offset < range.size))
    }

    /// The slot of the range that starts here. A slot that was never used ends the search: a range is put into the first that was free.
    fn find(&self, start: usize) -> Option<&Slot> {
        if start <= FILLING {
            return None;
        }
        for index in Self::probe(start) {
            let slot = self.slot(index);
            match slot.start.load(Ordering::Acquire) {
                0 => return None,
                seen if seen == start => return Some(slot),
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn model_around(model: &BTreeMap<usize, (usize, u32)>, address: usize) -> Option<Rewritten> {
        let (&start, &(size, asked)) = model.range(..=address).next_back()?;
        (address == start || address - start < size).then_some(Rewritten { start, size, asked })
    }

    proptest! {
        #[test]
        fn behaves_as_a_map_of_ranges_while_there_is_room(
            operations in prop::collection::vec((0u8..4, 1usize..40, 1usize..=4096, 0usize..4096, any::<u32>()), 1..300),
        ) {
            let ours = Ranges::<1>::new();
            let mut model = BTreeMap::new();
            for (operation, page, size, offset, asked) in operations {
                let start = page << 12;
                match operation {
                    0 => prop_assert_eq!(ours.insert(start, size, asked), model.insert(start, (size, asked)).is_none()),
                    1 => prop_assert_eq!(ours.remove(start), model.remove(&start).is_some()),
                    2 => prop_assert_eq!(ours.contains(start), model.contains_key(&start)),
                    _ => prop_assert_eq!(ours.around(start + offset), model_around(&model, start + offset)),
                }
            }
        }
    }

    #[test]
    fn a_range_ends_where_it_ends_and_may_span_pages() {
        let ours = Ranges::<2>::new();
        assert!(ours.insert(0x10_0000, 0x3_0001, 7));
        let range = Some(Rewritten { start: 0x10_0000, size: 0x3_0001, asked: 7 });
        for (address, expected) in [
            (0x0f_ffff, None),
            (0x10_0000, range),
            (0x12_3456, range),
            (0x13_0000, range),
            (0x13_0001, None),
            (usize::MAX, None),
        ] {
            assert_eq!(ours.around(address), expected, "{address:#x}");
        }
        assert!(!ours.contains(0x10_1000), "only the start is exact");
    }

    #[test]
    fn a_range_at_the_same_start_takes_the_place_of_the_older_one() {
        let ours = Ranges::<1>::new();
        assert!(ours.insert(0x1000, 16, 1));
        assert!(!ours.insert(0x1000, 32, 2), "not one more");
        assert_eq!(ours.around(0x101f), Some(Rewritten { start: 0x1000, size: 32, asked: 2 }));
        assert!(ours.remove(0x1000) && !ours.remove(0x1000));
    }

    #[test]
    fn a_full_set_refuses_and_a_removal_makes_room() {
        let ours = Ranges::<1>::new();
        assert!((1..=GROUP).all(|page| ours.insert(page << 12, 1, 0)));
        assert!(!ours.insert((GROUP + 1) << 12, 1, 0));
        assert!(ours.remove(2 << 12));
        assert!(ours.insert((GROUP + 1) << 12, 1, 0));
        assert!(ours.contains((GROUP + 1) << 12) && ours.contains(4 << 12));
    }

    #[test]
    fn null_and_the_marks_of_slots_are_never_in_the_set() {
        let ours = Ranges::<1>::new();
        for address in [0, REMOVED, FILLING] {
            assert!(!ours.insert(address, 8, 0) && !ours.contains(address) && !ours.remove(address));
            assert_eq!(ours.around(address), None);
        }
    }

    #[test]
    fn a_slot_that_a_fork_left_unfinished_is_passed_over() {
        let ours = Ranges::<1>::new();
        assert!(ours.insert(0x1000, 8, 3));
        let taken = Ranges::<1>::probe(0x1000).next().expect("a slot");
        assert!(ours.remove(0x1000));
        ours.slot(taken).start.store(FILLING, Ordering::Relaxed);
        assert!(ours.insert(0x1000, 8, 3) && ours.contains(0x1000) && ours.around(0x1004).is_some());
        assert!(ours.remove(0x1000) && ours.around(0x1004).is_none());
    }

    #[test]
    fn threads_that_insert_and_remove_their_own_lose_nothing() {
        let ours = Ranges::<64>::new();
        std::thread::scope(|scope| {
            for thread in 1..=4usize {
                let ours = &ours;
                scope.spawn(move || {
                    for page in 1..=100 {
                        let start = (thread << 32) | (page << 12);
                        assert!(ours.insert(start, 4096, thread as u32));
                        assert_eq!(ours.around(start + 100).map(|range| range.asked), Some(thread as u32));
                        assert!(page % 2 == 0 || ours.remove(start));
                    }
                });
            }
        });
        let left = (1..=4usize)
            .flat_map(|t| (1..=100usize).map(move |p| (t << 32) | (p << 12)))
            .filter(|a| ours.contains(*a))
            .count();
        assert_eq!(left, 200);
    }

    #[test]
    fn a_reader_never_sees_the_size_of_one_range_with_the_flags_of_another() {
        let ours = Ranges::<1>::new();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for round in 1..20_000u32 {
                    ours.insert(0x1000, round as usize, round);
                }
                done.store(true, Ordering::Release);
            });
            while !done.load(Ordering::Acquire) {
                if let Some(range) = ours.around(0x1000) {
                    assert_eq!(range.size, range.asked as usize);
                }
            }
        });
    }
}
