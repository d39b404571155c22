//! Member names of one object, found by words instead of a comparison of bytes.
//!
//! Length, first and last eight bytes are the name itself up to 16 bytes, with the second eight up to 24;
//! only longer names are compared whole. Most members of a document are not wanted, and most of these
//! meet an empty slot of the table.

/// A name in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Words {
    len: usize,
    first: u64,
    /// Zero for less than eight bytes.
    last: u64,
}

impl Words {
    /// Of a name that stands alone.
    pub(super) fn of(name: &[u8]) -> Self {
        if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
            let (first, last) = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
            return Words { len: name.len(), first, last };
        }
        let mut bytes = [0; 8];
        for (to, &from) in bytes.iter_mut().zip(name) {
            *to = from;
        }
        Words { len: name.len(), first: u64::from_le_bytes(bytes), last: 0 }
    }

    /// Of `text[start..end]`: a short name is read with what follows it, which is cut off.
    #[inline]
    pub(super) fn within(text: &[u8], start: usize, end: usize) -> Self {
        let name = text.get(start..end).unwrap_or_default();
        if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
            let (first, last) = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
            return Words { len: name.len(), first, last };
        }
        let Some(first) = word(text, start) else { return Words::of(name) };
        // Less than eight bytes: the shift is at most 56.
        Words { len: name.len(), first: first & ((1u64 << (name.len() * 8)) - 1), last: 0 }
    }

    #[inline]
    pub(super) fn hash(&self) -> usize {
        let mixed = self.first ^ self.last.rotate_left(29) ^ (self.len as u64);
        // The high bits of a product depend on all bits of its factor.
        (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) as usize
    }
}

/// The eight bytes at a place.
#[inline]
fn word(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|chunk| u64::from_le_bytes(*chunk))
}

/// Entries by name.
#[derive(Debug, Clone)]
pub(super) struct Names<T> {
    entries: Vec<(Box<[u8]>, T)>,
    /// A name's slot is the first free one from its hash on. A power of two long, an eighth of it used.
    table: Box<[Slot<T>]>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot<T> {
    words: Words,
    /// Bytes 8 to 16 of a name that has them.
    second: u64,
    /// The entry's place plus one; 0 is a free slot.
    place: usize,
    /// A copy of the entry: one load less in every search.
    entry: T,
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Names { entries: Vec::new(), table: Box::default() }
    }
}

impl<T: Copy + Default> Names<T> {
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().map(|(_, entry)| entry)
    }

    /// The entry of the name that begins at `text[start]` and has these words.
    #[inline]
    pub(super) fn find(&self, words: &Words, text: &[u8], start: usize) -> Option<T> {
        let mask = self.table.len().wrapping_sub(1);
        let mut at = words.hash() & mask;
        // Ends at a free slot; names in the table are the rules' own, never the input's.
        loop {
            let slot = self.table.get(at)?;
            let (known, words) = (&slot.words, words);
            let difference = (known.first ^ words.first)
                | (known.last ^ words.last)
                | (known.len ^ words.len) as u64;
            let is_same = difference == 0
                && (words.len <= 16 || word(text, start + 8) == Some(slot.second))
                && (words.len <= 24
                    || self.is_entry(slot.place, text.get(start..start + words.len)));
            // A free slot looks like the empty name.
            if is_same && slot.place != 0 {
                return Some(slot.entry);
            }
            if slot.place == 0 {
                return None;
            }
            at = (at + 1) & mask;
        }
    }

    #[cold]
    fn is_entry(&self, place: usize, name: Option<&[u8]>) -> bool {
        let entry = self.entries.get(place.wrapping_sub(1));
        entry.is_some_and(|(known, _)| Some(&**known) == name)
    }

    /// Adds a name that is not there yet.
    pub(super) fn insert(&mut self, name: &[u8], entry: T) {
        self.entries.push((name.into(), entry));
        let len = (self.entries.len() * 8).next_power_of_two().max(16);
        self.table = vec![Slot::default(); len].into();
        for (place, (name, entry)) in self.entries.iter().enumerate() {
            let words = Words::of(name);
            let second = word(name, 8).unwrap_or(0);
            let slot = Slot { words, second, place: place + 1, entry: *entry };
            let places = (words.hash()..).map(|at| at & (len - 1)).take(len);
            for at in places {
                if let Some(free) = self.table.get_mut(at).filter(|slot| slot.place == 0) {
                    *free = slot;
                    break;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn words_are_the_same_wherever_a_name_stands(
            before in "[a-c]{0,9}", name in "[a-cé]{0,40}", after in "[\":a-c]{0,9}",
        ) {
            let text = format!("{before}{name}{after}");
            let (start, end) = (before.len(), before.len() + name.len());
            prop_assert_eq!(Words::within(text.as_bytes(), start, end), Words::of(name.as_bytes()));
        }

        #[test]
        fn every_name_is_found_and_no_other(
            names in prop::collection::btree_set("[a-b\0]{0,30}", 0..60), other in "[a-b\0]{0,30}",
        ) {
            let names: Vec<String> = names.into_iter().collect();
            let mut map = Names::default();
            for (at, name) in names.iter().enumerate() {
                map.insert(name.as_bytes(), at);
            }
            for name in names.iter().chain([&other]) {
                let found = map.find(&Words::of(name.as_bytes()), name.as_bytes(), 0);
                prop_assert_eq!(found, names.iter().position(|known| known == name));
            }
        }
    }
}
