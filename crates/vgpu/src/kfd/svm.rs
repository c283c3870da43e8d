//! The SVM ioctl (linux `kfd_chardev.c`, kfd_ioctl_svm; `kfd_svm.c`).

use std::ffi::c_void;
use std::sync::atomic::Ordering;

use super::ranges::{Attributes, Change, Delta, UNDEFINED, Use};
use super::{Answer, Kfd, PAGE, VA_LIMIT, gpu_id, memory, uapi};
use crate::log::{self, Event};
use crate::mtype;
use crate::vm::Mapping;

/// More attributes than any call has.
const MAX_ATTRIBUTES: u32 = 1024;

impl Kfd {
    /// # Safety
    /// `arg` points to a `struct kfd_ioctl_svm_args` with its attributes behind it, or to page 0.
    pub(super) unsafe fn svm(&self, arg: *mut c_void) -> Answer {
        if !self.spec.has_svm() {
            return Err(libc::EPERM);
        }
        self.plan("svm", 0)?;
        if (arg as u64) < PAGE {
            return Err(libc::EFAULT);
        }
        // SAFETY: by contract.
        let header = unsafe { arg.cast::<uapi::SvmHeader>().read_unaligned() };
        let uapi::SvmHeader { start, size, op, count } = header;
        let bad = !start.is_multiple_of(PAGE) || !size.is_multiple_of(PAGE) || start == 0 || size == 0;
        if bad || start > VA_LIMIT || size > VA_LIMIT || count > MAX_ATTRIBUTES {
            return Err(libc::EINVAL);
        }
        // SAFETY: by contract; the attributes follow the header.
        let place = unsafe { arg.cast::<uapi::SvmHeader>().add(1).cast::<uapi::SvmAttribute>() };
        // SAFETY: by contract, index < count.
        let attributes: Vec<uapi::SvmAttribute> =
            unsafe { (0..count as usize).map(|index| place.add(index).read_unaligned()).collect() };
        match op {
            uapi::SVM_OP_SET => self.svm_set(start, size, &attributes)?,
            uapi::SVM_OP_GET => {
                for (index, attribute) in self.svm_get(start, size, attributes)?.into_iter().enumerate() {
                    // SAFETY: as for reading.
                    unsafe { place.add(index).write_unaligned(attribute) };
                }
            }
            _ => return Err(libc::EINVAL),
        }
        Ok(0)
    }

    /// `svm_range_check_attr`.
    fn svm_change(&self, attribute: &uapi::SvmAttribute) -> Result<Change, i32> {
        let uapi::SvmAttribute { kind, value } = *attribute;
        let place = |undefined_too: bool| {
            if value == 0 || undefined_too && value == UNDEFINED { Ok(value) } else { self.gpu(value).map(|_| value) }
        };
        Ok(match kind {
            uapi::SVM_PREFERRED_LOC => Change::Preferred(place(true)?),
            uapi::SVM_PREFETCH_LOC => Change::Prefetch(place(false)?),
            uapi::SVM_ACCESS => Change::Access(self.gpu(value)?, Use::Migrate),
            uapi::SVM_ACCESS_IN_PLACE => Change::Access(self.gpu(value)?, Use::InPlace),
            uapi::SVM_NO_ACCESS => Change::Access(self.gpu(value)?, Use::None),
            uapi::SVM_SET_FLAGS => Change::Set(value),
            uapi::SVM_CLR_FLAGS => Change::Clear(value),
            uapi::SVM_GRANULARITY => Change::Granularity(value),
            _ => return Err(libc::EINVAL),
        })
    }

    fn svm_set(&self, start: u64, size: u64, attributes: &[uapi::SvmAttribute]) -> Result<(), i32> {
        let changes = attributes.iter().map(|attribute| self.svm_change(attribute)).collect::<Result<Vec<_>, _>>()?;
        if !memory::exists(start, size) {
            return Err(libc::EFAULT);
        }
        let mut state = self.state.lock();
        if state.buffers.values().any(|buffer| buffer.touches(start, size)) || state.gem.touches(start, size) {
            return Err(libc::EADDRINUSE);
        }
        self.svm_used.store(true, Ordering::Release);
        let delta = state.ranges.set(start, size, &changes);
        let flags = state.ranges.get(start, size).first().map_or(0, |attributes| attributes.flags);
        // svm_range_validate_and_map: pages of ranges that a GPU uses are made present, for writing where the program may write.
        let mut faulted = Ok(());
        for range in delta.new.iter().filter(|range| range.attributes.access.iter().any(|access| *access != Use::None))
        {
            match memory::fault_in(range.start, range.size) {
                Err(libc::EPERM) => {}
                result => faulted = faulted.and(result),
            }
        }
        self.remap_ranges(&delta);
        drop(state);
        faulted?;
        let bits = |pick: fn(&Change) -> Option<u32>| changes.iter().filter_map(pick).fold(0, |all, bits| all | bits);
        let last = |pick: fn(&Change) -> Option<u32>| changes.iter().filter_map(pick).next_back();
        let set = bits(|change| if let Change::Set(bits) = change { Some(*bits) } else { None });
        let clear = bits(|change| if let Change::Clear(bits) = change { Some(*bits) } else { None });
        let gpus = |wanted: Use| {
            let pick = |change: &Change| match change {
                Change::Access(gpu, how) if *how == wanted => Some(gpu_id(*gpu)),
                _ => None,
            };
            changes.iter().filter_map(pick).collect::<Vec<u32>>()
        };
        self.log.write(Event::Svm {
            va: start,
            size,
            set: format!("{set:x}"),
            clear: format!("{clear:x}"),
            access: gpus(Use::Migrate),
            in_place: gpus(Use::InPlace),
            no_access: gpus(Use::None),
            set_names: log::names(&uapi::SVM_FLAGS, set),
            clear_names: log::names(&uapi::SVM_FLAGS, clear),
            preferred: last(|change| if let Change::Preferred(place) = change { Some(*place) } else { None }),
            prefetch: last(|change| if let Change::Prefetch(place) = change { Some(*place) } else { None }),
            granularity: last(|change| if let Change::Granularity(order) = change { Some(*order) } else { None }),
            mtype: mtype::of_svm_range(self.spec.cards[0].card.generation, self.kernel(), flags),
        });
        Ok(())
    }

    /// Brings the page tables in line with a change of ranges. The caller holds the state, so that changes arrive in order.
    pub(super) fn remap_ranges(&self, delta: &Delta) {
        if delta.gone.is_empty() && delta.new.is_empty() {
            return;
        }
        let mut vm = self.vm.lock();
        for gpu in 0..self.cards.len() {
            for start in &delta.gone {
                vm.unmap(gpu, *start);
            }
            for range in delta.new.iter().filter(|range| range.attributes.access[gpu] != Use::None) {
                let flags = range.attributes.flags;
                let mapping = Mapping {
                    size: range.size,
                    host: range.start,
                    mtype: mtype::of_svm_range(self.spec.cards[gpu].card.generation, self.kernel(), flags),
                    writable: flags & uapi::SVM_FLAG_GPU_RO == 0,
                    // KFD_IOCTL_SVM_FLAG_GPU_EXEC.
                    executable: flags & uapi::SVM_FLAG_GPU_EXEC != 0,
                };
                vm.map(gpu, range.start, mapping);
            }
        }
    }

    /// `svm_range_get_attr`: what all of the range has in common.
    fn svm_get(
        &self,
        start: u64,
        size: u64,
        mut attributes: Vec<uapi::SvmAttribute>,
    ) -> Result<Vec<uapi::SvmAttribute>, i32> {
        if !memory::exists(start, size) {
            return Err(libc::EINVAL);
        }
        let pieces: Vec<Attributes> = self.state.lock().ranges.get(start, size);
        let common = |pick: fn(&Attributes) -> u32| {
            let first = pieces.first().map_or(UNDEFINED, pick);
            if pieces.iter().all(|piece| pick(piece) == first) { first } else { UNDEFINED }
        };
        for attribute in &mut attributes {
            match attribute.kind {
                uapi::SVM_PREFERRED_LOC => attribute.value = common(|piece| piece.preferred),
                uapi::SVM_PREFETCH_LOC => attribute.value = common(|piece| piece.prefetch),
                uapi::SVM_SET_FLAGS => {
                    attribute.value = pieces.iter().fold(u32::MAX, |all, piece| all & piece.flags);
                }
                uapi::SVM_CLR_FLAGS => {
                    attribute.value = !pieces.iter().fold(0, |all, piece| all | piece.flags);
                }
                uapi::SVM_GRANULARITY => {
                    attribute.value = pieces.iter().map(|piece| u32::from(piece.granularity)).min().unwrap_or(9);
                }
                uapi::SVM_ACCESS => {
                    let gpu = self.gpu(attribute.value)?;
                    let every = |wanted: &[Use]| pieces.iter().all(|piece| wanted.contains(&piece.access[gpu]));
                    attribute.kind = if every(&[Use::Migrate]) {
                        uapi::SVM_ACCESS
                    } else if every(&[Use::Migrate, Use::InPlace]) {
                        uapi::SVM_ACCESS_IN_PLACE
                    } else {
                        uapi::SVM_NO_ACCESS
                    };
                }
                _ => return Err(libc::EINVAL),
            }
        }
        Ok(attributes)
    }

    /// The program has given memory back to the system: what GPUs could see of it as SVM ranges is gone (the kernel's MMU notifier).
    pub fn memory_is_gone(&self, start: u64, size: u64) {
        if self.svm_used.load(Ordering::Acquire) && size < VA_LIMIT && start < VA_LIMIT {
            let mut state = self.state.lock();
            let delta = state.ranges.forget(start, size.next_multiple_of(PAGE));
            self.remap_ranges(&delta);
        }
    }
}
