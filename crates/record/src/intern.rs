//! Strings that were written already, by content. Lock-free, so that a child made by fork finds it usable whatever other threads were doing.

use once_cell::race::OnceBox;

const SLOTS: usize = 2048;
const PROBES: usize = 32;

struct Entry {
    hash: u64,
    id: u32,
    text: Box<str>,
}

/// Number of each string that this process (or the one it was forked from) has written.
pub struct Interner {
    slots: Box<[OnceBox<Entry>]>,
}

impl Interner {
    pub fn new() -> Self {
        Self { slots: (0..SLOTS).map(|_| OnceBox::new()).collect() }
    }

    /// The number of `text`; 0 for an empty text.
    pub fn get(&self, text: &str) -> Option<u32> {
        if text.is_empty() {
            return Some(0);
        }
        let hash = hash(text.as_bytes());
        for slot in self.places(hash) {
            let entry = slot.get()?;
            if entry.hash == hash && *entry.text == *text {
                return Some(entry.id);
            }
        }
        None
    }

    /// Remembers the number of a text. Where there is no room, or another thread was quicker, nothing is remembered and the text is simply written
    /// again the next time.
    pub fn put(&self, text: &str, id: u32) {
        let hash = hash(text.as_bytes());
        if let Some(slot) = self.places(hash).find(|slot| slot.get().is_none()) {
            let _ = slot.set(Box::new(Entry { hash, id, text: text.into() }));
        }
    }

    fn places(&self, hash: u64) -> impl Iterator<Item = &OnceBox<Entry>> {
        (0..PROBES).map(move |step| &self.slots[(hash as usize).wrapping_add(step) % SLOTS])
    }
}

/// FxHash over words of 8 bytes: a few nanoseconds for the short texts here. Not safe against chosen texts, which would only be slow.
fn hash(bytes: &[u8]) -> u64 {
    const SEED: u64 = 0x517c_c1b7_2722_0a95;
    let mix = |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(SEED);
    let (words, rest) = bytes.as_chunks::<8>();
    let hash = words.iter().fold(bytes.len() as u64, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    let last = rest.iter().fold(0u64, |word, byte| word << 8 | u64::from(*byte));
    let hash = mix(hash, last);
    hash ^ hash >> 29
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_the_number_it_was_put_with() {
        let interner = Interner::new();
        interner.put("a", 1);
        interner.put("b", 2);
        assert_eq!(["a", "b", "c", ""].map(|text| interner.get(text)), [Some(1), Some(2), None, Some(0)]);
    }

    #[test]
    fn texts_that_differ_only_in_zero_bytes_or_length_are_different() {
        let interner = Interner::new();
        for (id, text) in (1..).zip(["a", "a\0", "aaaaaaaa", "aaaaaaaa\0", "aaaaaaaaa"]) {
            assert_eq!(interner.get(text), None, "{text:?}");
            interner.put(text, id);
        }
        assert_eq!(interner.get("aaaaaaaa\0"), Some(4));
    }

    #[test]
    fn a_full_table_gives_right_numbers_or_none() {
        let interner = Interner::new();
        let texts: Vec<String> = (0..3 * SLOTS).map(|n| format!("text {n}")).collect();
        (1..).zip(&texts).for_each(|(id, text)| interner.put(text, id));
        let mut found = 0;
        for (id, text) in (1..).zip(&texts) {
            let number = interner.get(text);
            assert!(number.is_none() || number == Some(id), "{text}");
            found += usize::from(number.is_some());
        }
        assert!(found > SLOTS / 2, "{found} of {SLOTS} places used");
    }
}
