//! Member names of one object, found by three words instead of a comparison of bytes.
//!
//! A name's first, second and last eight bytes and its length are the name itself up to 24 bytes; only
//! longer names are compared whole. Most members of a document are not wanted, and most of these
//! fall into an empty bucket.

/// A name in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Words {
    len: usize,
    first: u64,
    second: u64,
    last: u64,
}

impl Words {
    /// Of a name that stands alone.
    pub(super) fn of(name: &[u8]) -> Self {
        if let (Some(_), Some(last)) = (name.first_chunk::<8>(), name.last_chunk::<8>()) {
            return Words::long(name, u64::from_le_bytes(*last));
        }
        let mut bytes = [0; 8];
        for (to, &from) in bytes.iter_mut().zip(name) {
            *to = from;
        }
        Words { len: name.len(), first: u64::from_le_bytes(bytes), ..Words::default() }
    }

    /// Of `text[start..end]`: a short name is read with what follows it, which is cut off.
    #[inline]
    pub(super) fn within(text: &[u8], start: usize, end: usize) -> Self {
        let (Some(name), Some(tail)) = (text.get(start..end), text.get(start..)) else {
            return Words::default();
        };
        if let Some(last) = name.last_chunk::<8>() {
            return Words::long(name, u64::from_le_bytes(*last));
        }
        let Some(eight) = tail.first_chunk::<8>() else { return Words::of(name) };
        // Less than eight bytes: the shift is at most 56.
        let mask = (1u64 << (name.len() * 8)) - 1;
        Words { len: name.len(), first: u64::from_le_bytes(*eight) & mask, ..Words::default() }
    }

    /// Of a name of eight bytes or more.
    #[inline]
    fn long(name: &[u8], last: u64) -> Self {
        let word = |at: usize| {
            let chunk = name.get(at..).and_then(|rest| rest.first_chunk::<8>());
            chunk.map_or(0, |chunk| u64::from_le_bytes(*chunk))
        };
        Words { len: name.len(), first: word(0), second: word(8), last }
    }

    #[inline]
    fn hash(&self) -> usize {
        let mixed = self.first ^ self.last.rotate_left(29) ^ (self.len as u64);
        // The high bits of a product depend on all bits of its factor.
        (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) as usize
    }
}

/// What a map of names holds: at most this many.
const NAMES_MAX: usize = u16::MAX as usize - 1;

/// Entries by name.
#[derive(Debug, Clone)]
pub(super) struct Names<T> {
    list: Vec<Named<T>>,
    /// First entry of a bucket, as its place plus one; 0 is empty. A power of two long.
    buckets: Box<[u16]>,
}

#[derive(Debug, Clone)]
struct Named<T> {
    words: Words,
    name: Box<[u8]>,
    entry: T,
    /// Next entry of the same bucket, as its place plus one.
    next: u16,
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Names { list: Vec::new(), buckets: Box::default() }
    }
}

impl<T> Names<T> {
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &T> {
        self.list.iter().map(|named| &named.entry)
    }

    /// The entry of `name`, whose words are known.
    #[inline]
    pub(super) fn find(&self, words: &Words, name: &[u8]) -> Option<&T> {
        let mask = self.buckets.len().wrapping_sub(1);
        let mut place = usize::from(*self.buckets.get(words.hash() & mask)?);
        // A chain is as long as its bucket; names are the rules' own, never the input's.
        while let Some(named) = self.list.get(place.wrapping_sub(1)) {
            if named.words == *words && (words.len <= 24 || *named.name == *name) {
                return Some(&named.entry);
            }
            place = usize::from(named.next);
        }
        None
    }

    /// Adds a name that is not there yet.
    pub(super) fn insert(&mut self, name: &[u8], entry: T) {
        debug_assert!(self.list.len() < NAMES_MAX);
        self.list.push(Named { words: Words::of(name), name: name.into(), entry, next: 0 });
        self.buckets = vec![0; (self.list.len() * 8).next_power_of_two().max(16)].into();
        let mask = self.buckets.len() - 1;
        for (place, named) in (1u16..).zip(&mut self.list) {
            if let Some(first) = self.buckets.get_mut(named.words.hash() & mask) {
                named.next = std::mem::replace(first, place);
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
            let mut map = Names::default();
            for name in &names {
                map.insert(name.as_bytes(), name.clone());
            }
            for name in names.iter().chain([&other]) {
                let found = map.find(&Words::of(name.as_bytes()), name.as_bytes());
                prop_assert_eq!(found.is_some(), names.contains(name));
                prop_assert!(found.is_none_or(|found| found == name));
            }
        }
    }
}
