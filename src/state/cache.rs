//! The write-back cache: what the engine changes between commits, and what it read lately.
//!
//! Owns which entries are in memory. An entry that differs from the store is *dirty* and stays until
//! it is committed; a clean one may leave when the memory bound is passed, the least recently used
//! first as a clock sees it (second chance). The index keeps 24 bytes for each entry that left, so a
//! key that was never stored is known without asking the store. Results never depend on the bound.
//!
//! Cost: a lookup is one hash probe. Bad case: all entries dirty, so nothing can leave; the caller
//! bounds that by committing when too much is dirty.

use hashbrown::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};

/// A key that is a hash already, 128 bits of a keyed function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CacheKey(pub u64, pub u64);

impl CacheKey {
    /// The key's sixteen bytes in a row's key.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        ((u128::from(self.0) << 64) | u128::from(self.1)).to_be_bytes()
    }

    /// Reads [`CacheKey::to_bytes`].
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        let both = u128::from_be_bytes(bytes);
        #[expect(clippy::cast_possible_truncation, reason = "the halves of 128 bits")]
        Self((both >> 64) as u64, both as u64)
    }

    /// A key of the same value for another owner: rules that group alike hash their group once.
    #[must_use]
    pub const fn salted(self, salt: CacheKey) -> Self {
        Self(self.0 ^ salt.0, self.1 ^ salt.1)
    }
}

impl Hash for CacheKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0);
    }
}

/// Passes a hash through.
#[derive(Debug, Clone, Copy, Default)]
pub struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn write(&mut self, bytes: &[u8]) {
        // Never called for the keys of this crate; right for any other.
        for &byte in bytes {
            self.0 = (self.0.rotate_left(8) ^ u64::from(byte)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
    }
}

/// What a cache needs to know of its entries.
pub trait Cached {
    /// Memory of the entry in bytes, the heap behind it included; must be cheap.
    fn byte_len(&self) -> usize;

    /// How many of its rows the store holds while the entry is clean.
    fn stored_rows(&self) -> u32;
}

/// Where an entry in memory lies; valid until the entry is removed or leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotId(u32);

/// What the index knows of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// In memory.
    Here(SlotId),
    /// Only in the store, with so many rows.
    Stored(u32),
    /// Nowhere: a new key.
    Nowhere,
}

/// Entries by key within a memory bound.
#[derive(Debug)]
pub struct Cache<V> {
    index: HashMap<CacheKey, u32, BuildHasherDefault<AlreadyHashed>>,
    slots: Vec<Slot<V>>,
    free: Vec<u32>,
    /// Slots that became dirty, oldest first. Keeps a slot once, also when its entry changed hands.
    dirty: Vec<u32>,
    hand: usize,
    bytes: usize,
    bound_bytes: usize,
}

#[derive(Debug)]
struct Slot<V> {
    key: CacheKey,
    bytes: u32,
    dirty: bool,
    /// In the list of dirty slots; outlives the entry.
    listed: bool,
    /// Used since the hand passed.
    used: bool,
    value: Option<V>,
}

/// Set in the index when the entry is not in memory; the rest is its number of stored rows.
const STORED: u32 = 1 << 31;
/// Index entry, slot and their slack.
const OVERHEAD_BYTES: usize = 64;
/// Slots that one insertion looks at for something to let go.
const STEPS_PER_INSERT: usize = 8;

impl<V: Cached> Cache<V> {
    /// An empty cache that tries to stay below `bound_bytes`.
    #[must_use]
    pub fn new(bound_bytes: usize) -> Self {
        Self {
            index: HashMap::default(),
            slots: Vec::new(),
            free: Vec::new(),
            dirty: Vec::new(),
            hand: 0,
            bytes: 0,
            bound_bytes,
        }
    }

    /// How many keys are known, in memory or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether no key is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Memory of the entries in bytes.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.bytes
    }

    /// Where `key` is.
    #[inline]
    #[must_use]
    pub fn find(&self, key: CacheKey) -> Found {
        match self.index.get(&key) {
            None => Found::Nowhere,
            Some(&entry) if entry & STORED != 0 => Found::Stored(entry & !STORED),
            Some(&slot) => Found::Here(SlotId(slot)),
        }
    }

    /// Notes that the store holds `rows` rows of `key`; with none the key is forgotten.
    pub fn set_stored(&mut self, key: CacheKey, rows: u32) {
        debug_assert!(!matches!(self.find(key), Found::Here(_)), "the entry is in memory");
        if rows == 0 {
            self.index.remove(&key);
        } else {
            self.index.insert(key, STORED | rows.min(STORED - 1));
        }
    }

    /// Puts an entry into memory, clean. Clean entries may leave for it.
    pub fn insert(&mut self, key: CacheKey, value: V) -> SlotId {
        self.make_room(STEPS_PER_INSERT);
        let bytes = Self::size_of(&value);
        self.bytes += bytes as usize;
        let id = if let Some(id) = self.free.pop() {
            id
        } else {
            self.slots.push(Slot {
                key,
                bytes: 0,
                dirty: false,
                listed: false,
                used: false,
                value: None,
            });
            u32::try_from(self.slots.len() - 1).unwrap_or(STORED - 1)
        };
        if let Some(slot) = self.slots.get_mut(id as usize) {
            slot.key = key;
            slot.bytes = bytes;
            slot.dirty = false;
            slot.used = true;
            slot.value = Some(value);
        }
        self.index.insert(key, id);
        SlotId(id)
    }

    /// The entry to read.
    #[inline]
    #[must_use]
    pub fn get(&self, id: SlotId) -> Option<&V> {
        self.slots.get(id.0 as usize)?.value.as_ref()
    }

    /// Every entry that is in memory.
    pub fn in_memory(&self) -> impl Iterator<Item = &V> {
        self.slots.iter().filter_map(|slot| slot.value.as_ref())
    }

    /// The entry to change; it is dirty from now on. Call [`Cache::resized`] when it grew or shrank.
    #[inline]
    pub fn get_dirty(&mut self, id: SlotId) -> Option<&mut V> {
        let slot = self.slots.get_mut(id.0 as usize)?;
        slot.used = true;
        slot.dirty = true;
        if !slot.listed {
            slot.listed = true;
            self.dirty.push(id.0);
        }
        slot.value.as_mut()
    }

    /// The entry to change in a way that its rows do not show.
    #[inline]
    pub fn get_clean(&mut self, id: SlotId) -> Option<&mut V> {
        self.slots.get_mut(id.0 as usize)?.value.as_mut()
    }

    /// Takes the entry's new size into account.
    #[inline]
    pub fn resized(&mut self, id: SlotId) {
        if let Some(slot) = self.slots.get_mut(id.0 as usize)
            && let Some(value) = &slot.value
        {
            let bytes = Self::size_of(value);
            self.bytes = self.bytes - slot.bytes as usize + bytes as usize;
            slot.bytes = bytes;
        }
    }

    /// Forgets an entry and its key, dirty or not.
    pub fn remove(&mut self, id: SlotId) {
        if let Some(key) = self.vacate(id) {
            self.index.remove(&key);
        }
    }

    /// Whether an entry differs from the store.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// How many entries differ from the store, each once however often it changed; those that were
    /// removed since are still among them.
    #[must_use]
    pub fn dirty_len(&self) -> usize {
        self.dirty.len()
    }

    /// Entries that differ from the store, in the order in which they first did.
    pub fn dirty_entries(&self) -> impl Iterator<Item = (CacheKey, &V)> {
        self.dirty.iter().filter_map(|&id| {
            let slot = self.slots.get(id as usize)?;
            if slot.dirty { Some((slot.key, slot.value.as_ref()?)) } else { None }
        })
    }

    /// All changes are in the store now: entries become clean, those for which `clean` says so are
    /// forgotten, and the bound is enforced.
    pub fn clean_all(&mut self, mut clean: impl FnMut(&mut V) -> Keep) {
        for id in std::mem::take(&mut self.dirty) {
            let Some(slot) = self.slots.get_mut(id as usize) else { continue };
            slot.listed = false;
            if !std::mem::take(&mut slot.dirty) {
                continue;
            }
            if let Some(value) = &mut slot.value
                && clean(value) == Keep::No
            {
                self.remove(SlotId(id));
            }
        }
        self.make_room(self.slots.len().saturating_mul(2));
    }

    fn make_room(&mut self, steps: usize) {
        for _ in 0..steps {
            if self.bytes <= self.bound_bytes || self.slots.is_empty() {
                return;
            }
            self.hand = if self.hand + 1 < self.slots.len() { self.hand + 1 } else { 0 };
            let Some(slot) = self.slots.get_mut(self.hand) else { return };
            let Some(value) = slot.value.as_ref().filter(|_| !slot.dirty) else { continue };
            if std::mem::take(&mut slot.used) {
                continue;
            }
            let rows = value.stored_rows();
            let id = SlotId(u32::try_from(self.hand).unwrap_or(STORED - 1));
            if let Some(key) = self.vacate(id) {
                self.index.remove(&key);
                self.set_stored(key, rows);
            }
        }
    }

    fn vacate(&mut self, id: SlotId) -> Option<CacheKey> {
        let slot = self.slots.get_mut(id.0 as usize)?;
        slot.value.take()?;
        slot.dirty = false;
        self.bytes -= slot.bytes as usize;
        self.free.push(id.0);
        Some(slot.key)
    }

    fn size_of(value: &V) -> u32 {
        u32::try_from(value.byte_len() + OVERHEAD_BYTES).unwrap_or(u32::MAX)
    }
}

/// Whether an entry stays in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// It has rows.
    Yes,
    /// It has none any more.
    No,
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Text(&'static str);

    impl Cached for Text {
        fn byte_len(&self) -> usize {
            self.0.len()
        }

        fn stored_rows(&self) -> u32 {
            1
        }
    }

    fn key(number: u64) -> CacheKey {
        CacheKey(number, number)
    }

    #[test]
    fn a_dirty_entry_stays_however_small_the_bound() {
        let mut cache = Cache::new(0);
        let id = cache.insert(key(1), Text("one"));
        cache.get_dirty(id);

        for number in 2..50 {
            cache.insert(key(number), Text("more"));
        }

        assert_eq!(cache.find(key(1)), Found::Here(id));
        assert_eq!(cache.dirty_entries().count(), 1);
    }

    #[test]
    fn a_clean_entry_leaves_and_its_key_is_remembered() {
        let mut cache = Cache::new(0);
        let id = cache.insert(key(1), Text("one"));
        cache.get_dirty(id);

        cache.clean_all(|_| Keep::Yes);

        assert_eq!(cache.find(key(1)), Found::Stored(1));
        assert_eq!(cache.find(key(2)), Found::Nowhere);
        assert_eq!((cache.byte_len(), cache.len()), (0, 1));
    }

    #[test]
    fn a_slot_that_changed_hands_is_committed_once() {
        let mut cache = Cache::new(1 << 20);
        let first = cache.insert(key(1), Text("one"));
        cache.get_dirty(first);
        cache.remove(first);
        let second = cache.insert(key(2), Text("two"));
        cache.get_dirty(second);

        let dirty: Vec<_> = cache.dirty_entries().map(|(key, text)| (key, text.0)).collect();

        assert_eq!(dirty, [(key(2), "two")]);
    }

    #[test]
    fn an_entry_without_rows_is_forgotten_after_the_commit() {
        let mut cache = Cache::new(1 << 20);
        let id = cache.insert(key(1), Text("one"));
        cache.get_dirty(id);

        cache.clean_all(|_| Keep::No);

        assert_eq!(cache.find(key(1)), Found::Nowhere);
        assert!(cache.is_empty());
    }

    #[test]
    fn keys_come_back_from_their_bytes() {
        assert_eq!(CacheKey::from_bytes(CacheKey(1, u64::MAX).to_bytes()), CacheKey(1, u64::MAX));
    }
}
