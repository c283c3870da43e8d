//! GPU page tables of one process, and the one place where a resolved access touches host memory.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::mem::{Access, AtomicOp, Fault, FaultReason, Kind, Memory, combine};
use crate::mtype::Mtype;

/// A range of GPU virtual addresses that one GPU can reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mapping {
    /// Bytes.
    pub size: u64,
    /// Where its first byte lies in this process.
    pub host: u64,
    /// Memory type of its page-table entries.
    pub mtype: Mtype,
    /// Stores and atomics are allowed.
    pub writable: bool,
    /// Instructions may be fetched.
    pub executable: bool,
}

/// The page tables of all GPUs of a process, by GPU index.
#[derive(Debug, Default)]
pub struct Vm {
    tables: Vec<BTreeMap<u64, Mapping>>,
}

impl Vm {
    /// Empty tables for `gpus` GPUs.
    pub fn new(gpus: usize) -> Self {
        Vm { tables: vec![BTreeMap::new(); gpus] }
    }

    /// Maps `mapping` at GPU address `va`; what was mapped at the same address before is replaced.
    pub fn map(&mut self, gpu: usize, va: u64, mapping: Mapping) {
        self.tables[gpu].insert(va, mapping);
    }

    /// Removes the mapping that starts at `va`. Returns whether there was one.
    pub fn unmap(&mut self, gpu: usize, va: u64) -> bool {
        self.tables[gpu].remove(&va).is_some()
    }

    /// The mapping that holds `addr`, with its start.
    pub fn find(&self, gpu: usize, addr: u64) -> Option<(u64, Mapping)> {
        let (start, mapping) = self.tables[gpu].range(..=addr).next_back()?;
        (addr - start < mapping.size).then_some((*start, *mapping))
    }

    /// One GPU's view. It borrows the tables: nothing can be unmapped while it lives.
    pub fn port(&self, gpu: usize) -> Port<'_> {
        Port { vm: self, gpu, recent: [None; RECENT], next: 0 }
    }
}

const RECENT: usize = 4;

/// One GPU's view of memory; remembers the mappings it used last.
#[derive(Debug)]
pub struct Port<'a> {
    vm: &'a Vm,
    gpu: usize,
    recent: [Option<(u64, Mapping)>; RECENT],
    next: usize,
}

/// An access whose address has been resolved: what a model of caches and of PCIe atomics has to decide by.
#[derive(Debug, Clone, Copy)]
struct Resolved {
    access: Access,
    /// Memory type of the page.
    #[allow(dead_code)] // always coherent today; see the module documentation of `mem`
    mtype: Mtype,
    host: u64,
}

impl Port<'_> {
    fn translate(&mut self, addr: u64) -> Option<(u64, Mapping)> {
        for entry in self.recent.iter().flatten() {
            if addr.wrapping_sub(entry.0) < entry.1.size {
                return Some(*entry);
            }
        }
        let found = self.vm.find(self.gpu, addr)?;
        self.recent[self.next] = Some(found);
        self.next = (self.next + 1) % RECENT;
        Some(found)
    }

    /// Resolves the part of `access` that starts at `addr`: host address, memory type, and how many bytes lie in the same mapping.
    fn resolve(&mut self, access: Access, addr: u64) -> Result<(Resolved, u64), Fault> {
        let fault = |reason| Fault { access: Access { addr, ..access }, reason };
        let Some((start, mapping)) = self.translate(addr) else { return Err(fault(FaultReason::NotPresent)) };
        match access.kind {
            Kind::Store | Kind::Atomic if !mapping.writable => return Err(fault(FaultReason::ReadOnly)),
            Kind::Instruction if !mapping.executable => return Err(fault(FaultReason::NoExecute)),
            _ => {}
        }
        let offset = addr - start;
        Ok((Resolved { access, mtype: mapping.mtype, host: mapping.host + offset }, mapping.size - offset))
    }

    /// Splits an access at the ends of mappings and hands each part to `touch` with its offset.
    fn each_part(
        &mut self,
        access: Access,
        length: usize,
        mut touch: impl FnMut(Resolved, std::ops::Range<usize>),
    ) -> Result<(), Fault> {
        let mut done = 0;
        while done < length {
            let (resolved, left) = self.resolve(access, access.addr.wrapping_add(done as u64))?;
            let part = (length - done).min(usize::try_from(left).unwrap_or(usize::MAX));
            touch(resolved, done..done + part);
            done += part;
        }
        Ok(())
    }
}

impl Resolved {
    /// The one place where memory is read.
    fn read(&self, out: &mut [u8]) {
        debug_assert!(out.len() <= self.access.width as usize);
        let host = self.host as *const u8;
        // SAFETY: the mapping says that this process has these bytes at `host`; the program under test may change them at any time, so aligned
        // words are read as atomics and nothing is assumed of their values.
        unsafe {
            match (out.len(), self.host % out.len().max(1) as u64) {
                (4, 0) => out.copy_from_slice(
                    &AtomicU32::from_ptr(host.cast_mut().cast()).load(Ordering::Acquire).to_ne_bytes(),
                ),
                (8, 0) => out.copy_from_slice(
                    &AtomicU64::from_ptr(host.cast_mut().cast()).load(Ordering::Acquire).to_ne_bytes(),
                ),
                _ => std::ptr::copy_nonoverlapping(host, out.as_mut_ptr(), out.len()),
            }
        }
    }

    /// The one place where memory is written.
    fn write(&self, data: &[u8]) {
        debug_assert!(data.len() <= self.access.width as usize);
        let host = self.host as *mut u8;
        // SAFETY: as for `read`, and the mapping is writable.
        unsafe {
            match (data.len(), self.host % data.len().max(1) as u64) {
                (4, 0) => AtomicU32::from_ptr(host.cast())
                    .store(u32::from_ne_bytes(data.try_into().expect("4 bytes")), Ordering::Release),
                (8, 0) => AtomicU64::from_ptr(host.cast())
                    .store(u64::from_ne_bytes(data.try_into().expect("8 bytes")), Ordering::Release),
                _ => std::ptr::copy_nonoverlapping(data.as_ptr(), host, data.len()),
            }
        }
    }

    /// The one place where memory is read and written as one step.
    fn update(&self, op: AtomicOp, operand: u64, compare: u64) -> u64 {
        let width = self.access.width;
        // SAFETY: as for `write`; the address is aligned to the width, which the caller checked.
        unsafe {
            if width == 4 {
                let word = AtomicU32::from_ptr(self.host as *mut u32);
                let new = |old: u32| Some(combine(op, 4, u64::from(old), operand, compare) as u32);
                u64::from(word.fetch_update(Ordering::AcqRel, Ordering::Acquire, new).unwrap_or_else(|old| old))
            } else {
                let word = AtomicU64::from_ptr(self.host as *mut u64);
                let new = |old: u64| Some(combine(op, 8, old, operand, compare));
                word.fetch_update(Ordering::AcqRel, Ordering::Acquire, new).unwrap_or_else(|old| old)
            }
        }
    }
}

impl Memory for Port<'_> {
    fn load(&mut self, access: Access, out: &mut [u8]) -> Result<(), Fault> {
        self.each_part(access, out.len(), |resolved, part| resolved.read(&mut out[part]))
    }

    fn store(&mut self, access: Access, data: &[u8]) -> Result<(), Fault> {
        self.each_part(access, data.len(), |resolved, part| resolved.write(&data[part]))
    }

    fn atomic(&mut self, access: Access, op: AtomicOp, operand: u64, compare: u64) -> Result<u64, Fault> {
        if !matches!(access.width, 4 | 8) || !access.addr.is_multiple_of(u64::from(access.width)) {
            return Err(Fault { access, reason: FaultReason::Misaligned });
        }
        let (resolved, _) = self.resolve(access, access.addr)?;
        Ok(resolved.update(op, operand, compare))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mem::{Client, Scope};

    fn access(addr: u64, width: u32, kind: Kind) -> Access {
        Access { addr, width, kind, scope: Scope::Agent, client: Client::Wave }
    }

    fn map(vm: &mut Vm, va: u64, bytes: &mut [u64], writable: bool) {
        let mapping = Mapping {
            size: size_of_val(bytes) as u64,
            host: bytes.as_mut_ptr() as u64,
            mtype: Mtype::Nc,
            writable,
            executable: false,
        };
        vm.map(0, va, mapping);
    }

    #[test]
    fn an_access_across_two_mappings_reaches_both() {
        let (mut a, mut b) = ([0u64; 2], [0u64; 2]);
        let mut vm = Vm::new(1);
        map(&mut vm, 0x1000, &mut a, true);
        map(&mut vm, 0x1010, &mut b, true);
        let mut port = vm.port(0);
        port.store(access(0x100c, 8, Kind::Store), &[1, 2, 3, 4, 5, 6, 7, 8]).expect("mapped");
        let mut back = [0; 8];
        port.load(access(0x100c, 8, Kind::Load), &mut back).expect("mapped");
        assert_eq!(back, [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(a[1] >> 32, 0x0403_0201);
        assert_eq!(b[0] & 0xffff_ffff, 0x0807_0605);
    }

    #[test]
    fn what_is_not_mapped_or_not_allowed_is_a_fault_at_its_first_byte() {
        let mut a = [0u64; 2];
        let mut vm = Vm::new(1);
        map(&mut vm, 0x1000, &mut a, false);
        let mut port = vm.port(0);
        let mut out = [0; 8];
        let fault = port.load(access(0x100c, 8, Kind::Load), &mut out).expect_err("the end");
        assert_eq!((fault.access.addr, fault.reason), (0x1010, FaultReason::NotPresent));
        assert_eq!(
            port.load(access(0x800, 4, Kind::Load), &mut out[..4]).expect_err("below").reason,
            FaultReason::NotPresent
        );
        assert_eq!(
            port.store(access(0x1000, 4, Kind::Store), &[0; 4]).expect_err("read-only").reason,
            FaultReason::ReadOnly
        );
        assert_eq!(
            port.load(access(0x1000, 4, Kind::Instruction), &mut out[..4]).expect_err("no code").reason,
            FaultReason::NoExecute
        );
        let misaligned = port.atomic(access(0x1002, 4, Kind::Atomic), AtomicOp::Add, 1, 0).expect_err("misaligned");
        assert_eq!(misaligned.reason, FaultReason::Misaligned);
    }

    #[test]
    fn an_unmapped_range_is_gone() {
        let mut a = [7u64; 2];
        let mut vm = Vm::new(1);
        map(&mut vm, 0x1000, &mut a, true);
        let mut out = [0; 8];
        vm.port(0).load(access(0x1000, 8, Kind::Load), &mut out).expect("mapped");
        assert!(vm.unmap(0, 0x1000));
        assert!(!vm.unmap(0, 0x1000));
        assert!(vm.port(0).load(access(0x1000, 8, Kind::Load), &mut out).is_err());
    }

    #[test]
    fn atomics_are_atomic_against_a_thread_of_the_host() {
        let mut a = [0u64; 2];
        let mut vm = Vm::new(1);
        map(&mut vm, 0x1000, &mut a, true);
        // SAFETY: both sides use atomics only while the thread runs.
        let word = unsafe { AtomicU64::from_ptr(a.as_mut_ptr()) };
        let mut port = vm.port(0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                (0..100_000).for_each(|_| {
                    word.fetch_add(1, Ordering::Relaxed);
                })
            });
            for _ in 0..100_000 {
                port.atomic(access(0x1000, 8, Kind::Atomic), AtomicOp::Add, 1, 0).expect("mapped");
            }
        });
        assert_eq!(word.load(Ordering::Relaxed), 200_000);
    }
}
