//! Memory for the tests of the queues: one block, and a record of who touched what in which order.

use super::{Outside, QueueConfig, QueueKind, Words};
use crate::isa::Isa;
use crate::mem::{Access, AtomicOp, Client, Fault, FaultReason, Kind, Memory, combine};

/// GPU address of the first byte. Not 0, and not where the process has anything.
pub const BASE: u64 = 0x7000_0000_0000;
/// Bytes.
pub const SIZE: u64 = 5 << 20;

/// The block.
pub struct Ram {
    bytes: Vec<u8>,
    /// Accesses by queues, the oldest first.
    pub touched: Vec<(Kind, u64)>,
}

impl Ram {
    pub fn new() -> Self {
        Ram { bytes: vec![0; SIZE as usize], touched: Vec::new() }
    }

    fn at(&mut self, access: Access) -> Result<&mut [u8], Fault> {
        let start = access.addr.wrapping_sub(BASE);
        if start >= SIZE || SIZE - start < u64::from(access.width) {
            return Err(Fault { access, reason: FaultReason::NotPresent });
        }
        self.touched.push((access.kind, access.addr));
        let start = start as usize;
        Ok(&mut self.bytes[start..start + access.width as usize])
    }

    /// The bytes at `addr`.
    pub fn slice(&mut self, addr: u64, size: u64) -> &mut [u8] {
        let start = (addr - BASE) as usize;
        &mut self.bytes[start..start + size as usize]
    }

    pub fn set(&mut self, addr: u64, value: u64) {
        self.slice(addr, 8).copy_from_slice(&value.to_le_bytes());
    }

    pub fn get(&mut self, addr: u64) -> u64 {
        u64::from_le_bytes(self.slice(addr, 8).try_into().expect("8 bytes"))
    }

    pub fn set32(&mut self, addr: u64, values: &[u32]) {
        for (addr, value) in (addr..).step_by(4).zip(values) {
            self.slice(addr, 4).copy_from_slice(&value.to_le_bytes());
        }
    }

    pub fn get32(&mut self, addr: u64) -> u32 {
        u32::from_le_bytes(self.slice(addr, 4).try_into().expect("4 bytes"))
    }

    /// When, counted in accesses, `addr` was first touched in this way.
    pub fn when(&self, kind: Kind, addr: u64) -> usize {
        self.touched.iter().position(|touched| *touched == (kind, addr)).expect("it was touched")
    }
}

impl Memory for Ram {
    fn load(&mut self, access: Access, out: &mut [u8]) -> Result<(), Fault> {
        out.copy_from_slice(self.at(access)?);
        Ok(())
    }

    fn store(&mut self, access: Access, data: &[u8]) -> Result<(), Fault> {
        self.at(access)?.copy_from_slice(data);
        Ok(())
    }

    fn atomic(&mut self, access: Access, op: AtomicOp, operand: u64, compare: u64) -> Result<u64, Fault> {
        let word = self.at(access)?;
        let mut old = [0; 8];
        old[..word.len()].copy_from_slice(word);
        let old = u64::from_le_bytes(old);
        let new = combine(op, access.width, old, operand, compare).to_le_bytes();
        word.copy_from_slice(&new[..access.width as usize]);
        Ok(old)
    }
}

/// A queue whose ring of `ring_size` bytes starts at [`BASE`].
pub fn config(kind: QueueKind, isa: Option<Isa>, ring_size: u64) -> QueueConfig {
    QueueConfig {
        id: 3,
        kind,
        gpu: 0,
        isa,
        ring_base: BASE,
        ring_size,
        read_pointer: BASE + 0x2080,
        write_pointer: BASE + 0x2038,
        doorbell: 0,
    }
}

/// Runs `step` with a clock that says 1000, 1001 and so on. Returns what it said and the events that it raised.
pub fn outside<T>(step: impl FnOnce(&mut Outside) -> T) -> (T, Vec<u32>) {
    let (now, mut events) = (std::cell::Cell::new(999), Vec::new());
    let clock = || {
        now.set(now.get() + 1);
        now.get()
    };
    let result = step(&mut Outside { clock: &clock, events: &mut events });
    (result, events)
}

#[test]
fn the_block_ends_where_it_ends() {
    let mut ram = Ram::new();
    assert!(ram.word64(Client::Sdma, BASE + SIZE - 8).is_ok());
    for addr in [BASE + SIZE - 4, BASE - 4, 0] {
        assert_eq!(ram.word64(Client::Sdma, addr).expect_err("outside").reason, FaultReason::NotPresent);
    }
}
