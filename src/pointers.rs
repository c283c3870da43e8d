//! Which live host pointers are rewritten allocations: a set of addresses in static memory, without locks, that is never freed.
//!
//! Open addressing with a bounded probe. An address that finds no room is not kept, so the answer "not rewritten" is then wrong; the table is
//! larger than the number of host allocations of any program seen.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Slots; 512 KiB of zero pages that cost nothing until they are used.
const SLOTS: usize = 1 << 16;
/// Slots that an address may lie behind its hash.
const PROBE: usize = 64;
/// A slot whose address was removed: may be taken again, but does not end a search.
const REMOVED: usize = 1;

/// A set of addresses. 0 and 1 are no addresses.
#[derive(Debug)]
pub struct Pointers<const N: usize>([AtomicUsize; N]);

/// The rewritten allocations of this process.
pub static REWRITTEN: Pointers<SLOTS> = Pointers::new();

/// A live rewritten allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rewritten {
    /// Its first address.
    pub start: usize,
    /// Bytes.
    pub size: usize,
    /// The flags that the program passed.
    pub asked: u32,
}

/// The live rewritten allocation that `address` lies in.
pub fn rewritten(address: usize) -> Option<Rewritten> {
    REWRITTEN.contains(address).then_some(Rewritten { start: address, size: 0, asked: 0 })
}

impl<const N: usize> Pointers<N> {
    /// The empty set.
    pub const fn new() -> Self {
        Self([const { AtomicUsize::new(0) }; N])
    }

    fn probe(&self, address: usize) -> impl Iterator<Item = &AtomicUsize> {
        // Fibonacci hashing of the page number: host allocations are page-aligned.
        let hash = (address >> 12).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        (0..PROBE.min(N)).map(move |step| &self.0[hash.wrapping_add(step) % N])
    }

    /// Adds an address; `false` when there is no room for it.
    pub fn insert(&self, address: usize) -> bool {
        if address <= REMOVED {
            return false;
        }
        if self.contains(address) {
            return true;
        }
        self.probe(address).any(|slot| {
            let seen = slot.load(Ordering::Relaxed);
            seen <= REMOVED && slot.compare_exchange(seen, address, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        })
    }

    /// Removes an address; `false` when it is not there.
    pub fn remove(&self, address: usize) -> bool {
        self.find(address)
            .is_some_and(|slot| slot.compare_exchange(address, REMOVED, Ordering::AcqRel, Ordering::Relaxed).is_ok())
    }

    /// Whether an address is in the set.
    pub fn contains(&self, address: usize) -> bool {
        self.find(address).is_some()
    }

    /// The slot of an address. A slot that was never used ends the search: an address is put into the first that was free.
    fn find(&self, address: usize) -> Option<&AtomicUsize> {
        if address <= REMOVED {
            return None;
        }
        for slot in self.probe(address) {
            match slot.load(Ordering::Acquire) {
                0 => return None,
                seen if seen == address => return Some(slot),
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
    use std::collections::HashSet;

    proptest! {
        #[test]
        fn behaves_as_a_set_while_there_is_room(operations in prop::collection::vec((0u8..3, 1usize..40), 1..200)) {
            let ours = Pointers::<64>::new();
            let mut model = HashSet::new();
            for (operation, page) in operations {
                let address = page << 12;
                match operation {
                    0 => {
                        prop_assert!(ours.insert(address));
                        model.insert(address);
                    }
                    1 => prop_assert_eq!(ours.remove(address), model.remove(&address)),
                    _ => prop_assert_eq!(ours.contains(address), model.contains(&address)),
                }
            }
        }
    }

    #[test]
    fn a_full_set_refuses_and_a_removal_makes_room() {
        let ours = Pointers::<4>::new();
        assert!((1..=4).all(|page| ours.insert(page << 12)));
        assert!(!ours.insert(5 << 12));
        assert!(ours.remove(2 << 12));
        assert!(ours.insert(5 << 12) && ours.contains(5 << 12) && ours.contains(4 << 12));
    }

    #[test]
    fn null_is_never_in_the_set() {
        let ours = Pointers::<4>::new();
        assert!(!ours.insert(0) && !ours.contains(0) && !ours.remove(0));
    }

    #[test]
    fn threads_that_insert_and_remove_their_own_lose_nothing() {
        let ours = Pointers::<4096>::new();
        std::thread::scope(|scope| {
            for thread in 1..=4usize {
                let ours = &ours;
                scope.spawn(move || {
                    for page in 1..=100 {
                        let address = (thread << 32) | (page << 12);
                        assert!(ours.insert(address));
                        assert!(ours.contains(address));
                        assert!(page % 2 == 0 || ours.remove(address));
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
}
