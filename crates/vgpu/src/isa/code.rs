//! Fetching and decoding: each address is decoded once in the life of a dispatch.

use std::collections::HashMap;

use super::decode::{Inst, decode};
use super::{Isa, Stop};
use crate::mem::{Access, Client, Fault, FaultReason, Kind, Memory, Scope};

const PAGE_WORDS: usize = 1024;
const PAGE: u64 = PAGE_WORDS as u64 * 4;

/// Decoded instructions by address.
#[derive(Debug)]
pub struct Code {
    isa: Isa,
    insts: Vec<Inst>,
    /// For each word of a page of code, one more than its instruction's place in `insts`; 0: not decoded yet.
    pages: Vec<[u32; PAGE_WORDS]>,
    by_address: HashMap<u64, usize>,
    /// The page that was used last, with its address.
    recent: Option<(u64, usize)>,
}

impl Code {
    pub fn new(isa: Isa) -> Self {
        Code { isa, insts: Vec::new(), pages: Vec::new(), by_address: HashMap::new(), recent: None }
    }

    /// Forgets everything, as S_ICACHE_INV asks for.
    pub fn clear(&mut self) {
        *self = Code::new(self.isa);
    }

    /// The instruction at `pc`.
    #[inline]
    pub fn at<M: Memory>(&mut self, pc: u64, memory: &mut M) -> Result<&Inst, Stop> {
        if !pc.is_multiple_of(4) {
            return Err(Fault { access: fetch(pc), reason: FaultReason::Misaligned }.into());
        }
        let (base, word) = (pc & !(PAGE - 1), (pc % PAGE / 4) as usize);
        let page = match self.recent {
            Some((recent, page)) if recent == base => page,
            _ => self.page(base),
        };
        let index = match self.pages[page][word] {
            0 => self.decode(page, word, pc, memory)?,
            found => found as usize - 1,
        };
        Ok(&self.insts[index])
    }

    fn page(&mut self, base: u64) -> usize {
        let pages = &mut self.pages;
        let page = *self.by_address.entry(base).or_insert_with(|| {
            pages.push([0; PAGE_WORDS]);
            pages.len() - 1
        });
        self.recent = Some((base, page));
        page
    }

    #[cold]
    fn decode<M: Memory>(&mut self, page: usize, word: usize, pc: u64, memory: &mut M) -> Result<usize, Stop> {
        // Only the words that the instruction has are fetched: it may be the last one of its mapping.
        let mut words = [0; 3];
        let mut have = 0;
        let inst = loop {
            let mut bytes = [0; 4];
            memory.load(fetch(pc.wrapping_add(4 * have as u64)), &mut bytes)?;
            words[have] = u32::from_le_bytes(bytes);
            have += 1;
            let inst = decode(self.isa, words);
            if usize::from(inst.size) <= 4 * have || have == words.len() {
                break inst;
            }
        };
        self.insts.push(inst);
        self.pages[page][word] = self.insts.len() as u32;
        Ok(self.insts.len() - 1)
    }
}

fn fetch(addr: u64) -> Access {
    Access { addr, width: 4, kind: Kind::Instruction, scope: Scope::Wave, client: Client::Wave }
}
