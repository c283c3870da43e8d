//! SVM ranges of a process and their attributes (linux `kfd_svm.c`, svm_range_set_attr and svm_range_get_attr), without any effect on page tables.

use std::collections::BTreeMap;

use crate::mtype::svm;

/// `KFD_IOCTL_SVM_LOCATION_UNDEFINED`.
pub const UNDEFINED: u32 = u32::MAX;

/// How a GPU may use a range (`KFD_IOCTL_SVM_ATTR_ACCESS`, `_ACCESS_IN_PLACE`, `_NO_ACCESS`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Not at all.
    None,
    /// Memory may migrate to it.
    Migrate,
    /// Where memory lies.
    InPlace,
}

/// Attributes of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    /// KFD_IOCTL_SVM_FLAGs.
    pub flags: u32,
    /// gpu_id, 0 for system memory, or [`UNDEFINED`].
    pub preferred: u32,
    /// Where it was prefetched to, likewise.
    pub prefetch: u32,
    /// log2 of pages.
    pub granularity: u8,
    /// By GPU.
    pub access: Vec<Use>,
}

/// One change of [`Attributes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// KFD_IOCTL_SVM_ATTR_SET_FLAGS.
    Set(u32),
    /// KFD_IOCTL_SVM_ATTR_CLR_FLAGS.
    Clear(u32),
    /// KFD_IOCTL_SVM_ATTR_PREFERRED_LOC.
    Preferred(u32),
    /// KFD_IOCTL_SVM_ATTR_PREFETCH_LOC.
    Prefetch(u32),
    /// KFD_IOCTL_SVM_ATTR_GRANULARITY.
    Granularity(u32),
    /// Access of the GPU with this index.
    Access(usize, Use),
}

impl Attributes {
    /// `svm_range_set_default_attributes`.
    fn new(gpus: usize) -> Self {
        Attributes {
            flags: svm::DEFAULT,
            preferred: UNDEFINED,
            prefetch: UNDEFINED,
            granularity: 9,
            access: vec![Use::None; gpus],
        }
    }

    /// `svm_range_apply_attrs`: in the order in which they are given.
    fn apply(&mut self, change: Change) {
        match change {
            Change::Set(bits) => self.flags |= bits,
            Change::Clear(bits) => self.flags &= !bits,
            Change::Preferred(place) => self.preferred = place,
            Change::Prefetch(place) => self.prefetch = place,
            Change::Granularity(order) => self.granularity = order.min(0x3f) as u8,
            Change::Access(gpu, how) => self.access[gpu] = how,
        }
    }
}

/// A piece of address space with its attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// First address.
    pub start: u64,
    /// Bytes.
    pub size: u64,
    /// Its attributes.
    pub attributes: Attributes,
}

/// What a change of ranges means for page tables.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// Starts of ranges that are no more.
    pub gone: Vec<u64>,
    /// Ranges that are new, with some of the same starts.
    pub new: Vec<Range>,
}

/// All ranges; they do not overlap.
#[derive(Debug, Default)]
pub struct Ranges {
    gpus: usize,
    by_start: BTreeMap<u64, (u64, Attributes)>,
}

impl Ranges {
    /// None, on a machine with that many GPUs.
    pub fn new(gpus: usize) -> Self {
        Ranges { gpus, by_start: BTreeMap::new() }
    }

    /// Whether a range touches these addresses.
    pub fn overlap(&self, start: u64, size: u64) -> bool {
        self.within(start, size).next().is_some()
    }

    fn within(&self, start: u64, size: u64) -> impl Iterator<Item = (u64, &(u64, Attributes))> {
        let end = start.saturating_add(size);
        let first = self.by_start.range(..=start).next_back().map_or(start, |(start, _)| *start);
        self.by_start
            .range(first..end.max(first))
            .filter(move |(at, (length, _))| *at + length > start)
            .map(|(at, range)| (*at, range))
    }

    /// Takes the ranges that touch these addresses out; what sticks out of them at either side stays, as ranges of their own.
    fn cut(&mut self, start: u64, size: u64, delta: &mut Delta) -> Vec<Range> {
        let end = start + size;
        let touched: Vec<u64> = self.within(start, size).map(|(at, _)| at).collect();
        let mut inside = Vec::new();
        for at in touched {
            let Some((length, attributes)) = self.by_start.remove(&at) else { continue };
            delta.gone.push(at);
            let piece = |from: u64, to: u64| {
                (from < to).then(|| Range { start: from, size: to - from, attributes: attributes.clone() })
            };
            let outer = [piece(at, start), piece(end.max(at), at + length)];
            for range in outer.into_iter().flatten() {
                self.by_start.insert(range.start, (range.size, range.attributes.clone()));
                delta.new.push(range);
            }
            inside.extend(piece(at.max(start), (at + length).min(end)));
        }
        inside
    }

    /// Changes the attributes of `size` bytes from `start`; gaps become ranges with default attributes first.
    pub fn set(&mut self, start: u64, size: u64, changes: &[Change]) -> Delta {
        let mut delta = Delta::default();
        let mut inside = self.cut(start, size, &mut delta);
        let mut at = start;
        let mut gaps = Vec::new();
        let fresh = |from, to: u64| Range { start: from, size: to - from, attributes: Attributes::new(self.gpus) };
        for range in &inside {
            if range.start > at {
                gaps.push(fresh(at, range.start));
            }
            at = range.start + range.size;
        }
        if at < start + size {
            gaps.push(fresh(at, start + size));
        }
        inside.extend(gaps);
        inside.sort_by_key(|range| range.start);
        for mut range in inside {
            changes.iter().for_each(|change| range.attributes.apply(*change));
            self.by_start.insert(range.start, (range.size, range.attributes.clone()));
            delta.new.push(range);
        }
        delta
    }

    /// Removes what lies in these addresses: their memory is gone.
    pub fn forget(&mut self, start: u64, size: u64) -> Delta {
        let mut delta = Delta::default();
        if !self.by_start.is_empty() {
            self.cut(start, size, &mut delta);
        }
        delta
    }

    /// The attributes of every piece of these addresses; gaps have the default ones, as in `svm_range_get_attr`.
    pub fn get(&self, start: u64, size: u64) -> Vec<Attributes> {
        let mut covered = 0;
        let mut found: Vec<Attributes> = self
            .within(start, size)
            .map(|(at, (length, attributes))| {
                covered += (at + length).min(start + size) - at.max(start);
                attributes.clone()
            })
            .collect();
        if covered < size {
            found.push(Attributes::new(self.gpus));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const COHERENT: u32 = svm::COHERENT;

    #[test]
    fn a_change_in_the_middle_splits_a_range_in_three() {
        let mut ranges = Ranges::new(1);
        ranges.set(0x1000, 0x5000, &[Change::Access(0, Use::Migrate)]);
        let delta = ranges.set(0x2000, 0x1000, &[Change::Clear(COHERENT)]);
        assert_eq!(delta.gone, [0x1000]);
        let pieces: Vec<_> = delta.new.iter().map(|r| (r.start, r.size, r.attributes.flags & COHERENT != 0)).collect();
        assert_eq!(pieces, [(0x1000, 0x1000, true), (0x3000, 0x3000, true), (0x2000, 0x1000, false)]);
        assert!(delta.new.iter().all(|range| range.attributes.access == [Use::Migrate]));
    }

    #[test]
    fn a_gap_becomes_a_range_with_default_attributes() {
        let mut ranges = Ranges::new(1);
        ranges.set(0x2000, 0x1000, &[Change::Set(4)]);
        ranges.set(0x1000, 0x3000, &[Change::Access(0, Use::InPlace)]);
        let flags: Vec<_> = ranges.get(0x1000, 0x3000).into_iter().map(|a| a.flags).collect();
        assert_eq!(flags, [svm::DEFAULT, svm::DEFAULT | 4, svm::DEFAULT]);
    }

    #[test]
    fn attributes_apply_in_their_order() {
        let mut ranges = Ranges::new(1);
        ranges.set(0x1000, 0x1000, &[Change::Set(COHERENT), Change::Clear(COHERENT)]);
        assert_eq!(ranges.get(0x1000, 0x1000)[0].flags, svm::HOST_ACCESS);
    }

    #[test]
    fn memory_that_is_gone_takes_its_part_of_a_range_with_it() {
        let mut ranges = Ranges::new(1);
        ranges.set(0x1000, 0x3000, &[]);
        let delta = ranges.forget(0x2000, 0x1000);
        assert_eq!((delta.gone, delta.new.len()), (vec![0x1000], 2));
        assert!(!ranges.overlap(0x2000, 0x1000));
        assert!(ranges.overlap(0x1fff, 2) && ranges.overlap(0x3000, 1));
        assert!(!ranges.overlap(0x4000, 0x1000) && !ranges.overlap(0, 0x1000));
    }

    proptest! {
        /// Page by page the same as an array.
        #[test]
        fn ranges_behave_like_an_array_of_pages(
            steps in prop::collection::vec((0u64..16, 1u64..16, 0u32..3, prop::bool::ANY), 1..24)
        ) {
            let mut ranges = Ranges::new(1);
            let mut pages = [None::<u32>; 32];
            let mut tables = BTreeMap::new();
            for (start, count, bit, gone) in steps {
                let bit = 1 << (bit + 4);
                let delta = if gone {
                    pages[start as usize..(start + count) as usize].fill(None);
                    ranges.forget(start << 12, count << 12)
                } else {
                    for page in &mut pages[start as usize..(start + count) as usize] {
                        *page = Some(page.unwrap_or(svm::DEFAULT) | bit);
                    }
                    ranges.set(start << 12, count << 12, &[Change::Set(bit)])
                };
                for start in delta.gone {
                    prop_assert!(tables.remove(&start).is_some());
                }
                for range in delta.new {
                    prop_assert!(tables.insert(range.start, (range.size, range.attributes)).is_none());
                }
            }
            prop_assert_eq!(&tables, &ranges.by_start);
            for (page, flags) in pages.iter().enumerate() {
                prop_assert_eq!(ranges.overlap((page as u64) << 12, 1), flags.is_some());
                let seen = ranges.get((page as u64) << 12, 1 << 12);
                prop_assert_eq!(seen.len(), 1);
                prop_assert_eq!(seen[0].flags, flags.unwrap_or(svm::DEFAULT));
            }
        }
    }
}
