//! Rows of one kind by key: in memory, in the store, and on their way between.
//!
//! Owns their write-back cache and the timers that end them. Two kinds live here: the open episodes of
//! a dedup key, and the sightings of a term.

use super::StateError;
use super::rows::RowKey;
use super::timers::{Timer, Timers, has_fired};
use crate::state::{Cache, CacheKey, Cached, Changes, Found, Keep, SlotId, Store};
use crate::units::EventTime;

/// What is kept under a key.
pub(super) trait Row: Cached + Default {
    /// The key of its row.
    fn row_key(key: CacheKey) -> RowKey;
    /// Reads the row's value.
    fn read(bytes: &[u8]) -> Result<Self, StateError>;
    /// Appends the row's value.
    fn write(&self, into: &mut Vec<u8>);
    /// Nothing is left to keep.
    fn is_empty(&self) -> bool;
    /// Whether the store holds a row.
    fn is_stored(&self) -> bool;
    /// Notes whether the store holds a row.
    fn set_stored(&mut self, stored: bool);
    /// The watermarks after which something of it is over.
    fn each_expiry(&self, each: &mut dyn FnMut(EventTime));
    /// Forgets what is over; tells whether there was anything.
    fn drop_expired(&mut self, is_over: &dyn Fn(EventTime) -> bool) -> bool;
    /// Something of it may end later than its timer says: then it is asked again when that fires.
    const MOVES: bool;
}

/// The cache, and what is due when.
#[derive(Debug)]
pub(super) struct Table<R> {
    rows: Cache<R>,
    timers: Timers,
    pub(super) cache_misses: u64,
}

/// Rough bytes of a row.
const ROW_BYTES: usize = 48;

impl<R: Row> Table<R> {
    pub(super) fn new(cache_bytes: usize) -> Self {
        Self { rows: Cache::new(cache_bytes), timers: Timers::default(), cache_misses: 0 }
    }

    /// Notes a row that the store holds.
    pub(super) fn restore(&mut self, key: CacheKey, row: &[u8]) -> Result<(), StateError> {
        let timers = &mut self.timers;
        R::read(row)?.each_expiry(&mut |expires| timers.add(after(expires), Timer { key }));
        self.rows.set_stored(key, 1);
        Ok(())
    }

    /// What is kept under a key, with what is over and not yet dropped.
    pub(super) fn load(
        &mut self,
        store: &impl Store,
        key: CacheKey,
    ) -> Result<Option<SlotId>, StateError> {
        Ok(match self.rows.find(key) {
            Found::Here(id) => Some(id),
            Found::Nowhere => None,
            Found::Stored(_) => {
                self.cache_misses += 1;
                let mut read = Ok(R::default());
                store.get(&R::row_key(key).to_bytes(), &mut |row| read = R::read(row))?;
                Some(self.rows.insert(key, read?))
            }
        })
    }

    /// The row to read.
    pub(super) fn get(&self, id: SlotId) -> Option<&R> {
        self.rows.get(id)
    }

    /// The row, for a change that [`Table::changed`] then makes known.
    pub(super) fn get_mut(&mut self, id: SlotId) -> Option<&mut R> {
        self.rows.get_clean(id)
    }

    /// The row differs from the store now.
    pub(super) fn changed(&mut self, id: SlotId) {
        self.rows.get_dirty(id);
    }

    /// A new row.
    pub(super) fn insert(&mut self, key: CacheKey) -> SlotId {
        self.rows.insert(key, R::default())
    }

    /// Takes into account that the row has grown.
    pub(super) fn grew(&mut self, id: SlotId) {
        self.rows.resized(id);
    }

    /// Notes that something of the row expires, sooner than any timer of it says.
    pub(super) fn expires(&mut self, key: CacheKey, expires: EventTime) {
        self.timers.add(after(expires), Timer { key });
    }

    /// Drops what the watermark has passed.
    #[inline]
    pub(super) fn expire(
        &mut self,
        store: &impl Store,
        watermark: EventTime,
    ) -> Result<(), StateError> {
        while let Some(due) = self.timers.take_due(watermark) {
            for Timer { key } in due {
                self.end(store, key, watermark)?;
            }
        }
        Ok(())
    }

    /// Memory of what is cached.
    #[cfg(test)]
    pub(super) fn memory_bytes(&self) -> usize {
        self.rows.byte_len()
    }

    /// How many timers wait.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.timers.len()
    }

    pub(super) fn is_dirty(&self) -> bool {
        self.rows.is_dirty()
    }

    /// About how many bytes the next commit writes: a row that changed often is written once.
    pub(super) fn dirty_bytes(&self) -> usize {
        self.rows.dirty_len() * ROW_BYTES
    }

    /// Appends changed rows.
    pub(super) fn collect(&self, into: &mut Changes) {
        for (key, row) in self.rows.dirty_entries() {
            let key = R::row_key(key).to_bytes();
            if !row.is_empty() {
                into.put(&key, |value| row.write(value));
            } else if row.is_stored() {
                into.delete(&key);
            }
        }
    }

    /// The rows of [`Table::collect`] are in the store now.
    pub(super) fn set_committed(&mut self) {
        self.rows.clean_all(|row| {
            let is_left = !row.is_empty();
            row.set_stored(is_left);
            if is_left { Keep::Yes } else { Keep::No }
        });
    }

    /// Drops what timers have fired for and nothing else: a timer may be left from something that is
    /// gone, and a restarted engine does not have it.
    fn end(
        &mut self,
        store: &impl Store,
        key: CacheKey,
        watermark: EventTime,
    ) -> Result<(), StateError> {
        let Some(id) = self.load(store, key)? else { return Ok(()) };
        let Some(row) = self.rows.get_clean(id) else { return Ok(()) };
        let is_changed = row.drop_expired(&|expires| has_fired(after(expires), watermark));
        if R::MOVES {
            let timers = &mut self.timers;
            row.each_expiry(&mut |expires| timers.add(after(expires), Timer { key }));
        }
        if is_changed {
            self.changed(id);
        }
        Ok(())
    }
}

/// The first watermark that is past `time`.
fn after(time: EventTime) -> EventTime {
    EventTime::from_millis(time.as_millis().saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::term::Term;
    use crate::units::Span;

    #[test]
    fn a_row_that_changed_a_thousand_times_is_written_once() {
        let mut terms: Table<Term> = Table::new(1 << 20);
        let id = terms.insert(CacheKey(1, 2));
        for second in 0..1000 {
            let row = terms.get_mut(id).unwrap();
            row.see(EventTime::from_millis(second * 1000), Span::from_hours(1), Span::ZERO);
            terms.changed(id);
        }

        assert_eq!(terms.dirty_bytes(), ROW_BYTES);
        terms.set_committed();
        assert_eq!(terms.dirty_bytes(), 0);
    }
}
