//! The open episodes of one partition: in memory, in the store, and on their way between.
//!
//! Owns their write-back cache and the timers that end them. A dedup key has one row.

use super::StateError;
use super::episode::{Episode, Episodes};
use super::rows::{self, RowKey};
use super::timers::{Timer, Timers, has_fired};
use crate::state::{Cache, CacheKey, Changes, Found, Keep, SlotId, Store};
use crate::units::EventTime;

/// The cache, and what is due when.
#[derive(Debug)]
pub(super) struct EpisodeTable {
    episodes: Cache<Episodes>,
    timers: Timers,
    dirty_bytes: usize,
    pub(super) cache_misses: u64,
}

/// Rough bytes of an episodes row.
const ROW_BYTES: usize = 48;

impl EpisodeTable {
    pub(super) fn new(cache_bytes: usize) -> Self {
        Self {
            episodes: Cache::new(cache_bytes),
            timers: Timers::default(),
            dirty_bytes: 0,
            cache_misses: 0,
        }
    }

    /// Notes a row that the store holds.
    pub(super) fn restore(&mut self, key: CacheKey, row: &[u8]) -> Result<(), StateError> {
        self.episodes.set_stored(key, 1);
        for episode in rows::read_episodes(row)? {
            self.timers.add(after(episode.expires), Timer { key });
        }
        Ok(())
    }

    /// The episodes of a dedup key, those among them that are over and not yet dropped.
    pub(super) fn load(
        &mut self,
        store: &impl Store,
        key: CacheKey,
    ) -> Result<Option<SlotId>, StateError> {
        self.find(store, key)
    }

    /// The episodes to read.
    pub(super) fn get(&self, id: SlotId) -> Option<&Episodes> {
        self.episodes.get(id)
    }

    /// The episodes, for a change that [`EpisodeTable::changed`] then makes known.
    pub(super) fn get_mut(&mut self, id: SlotId) -> Option<&mut Episodes> {
        self.episodes.get_clean(id)
    }

    /// The row of these episodes differs from the store now.
    pub(super) fn changed(&mut self, id: SlotId) {
        self.dirty_bytes += ROW_BYTES;
        self.episodes.get_dirty(id);
    }

    /// A new row.
    pub(super) fn insert(&mut self, key: CacheKey) -> SlotId {
        self.episodes.insert(key, Episodes::default())
    }

    /// Takes into account that an episode opened in this row.
    pub(super) fn opened(&mut self, id: SlotId, key: CacheKey, expires: EventTime) {
        self.episodes.resized(id);
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
        self.episodes.byte_len()
    }

    pub(super) fn is_dirty(&self) -> bool {
        self.episodes.is_dirty()
    }

    /// About how many bytes the next commit writes.
    pub(super) fn dirty_bytes(&self) -> usize {
        self.dirty_bytes
    }

    /// Appends changed rows.
    pub(super) fn collect(&self, into: &mut Changes) {
        for (key, episodes) in self.episodes.dirty_entries() {
            let key = RowKey::Episodes { key }.to_bytes();
            if !episodes.open().is_empty() {
                into.put(&key, |value| rows::write_episodes(episodes.open(), value));
            } else if episodes.stored {
                into.delete(&key);
            }
        }
    }

    /// The rows of [`EpisodeTable::collect`] are in the store now.
    pub(super) fn set_committed(&mut self) {
        self.dirty_bytes = 0;
        self.episodes.clean_all(|episodes| {
            episodes.stored = !episodes.open().is_empty();
            if episodes.stored { Keep::Yes } else { Keep::No }
        });
    }

    fn find(&mut self, store: &impl Store, key: CacheKey) -> Result<Option<SlotId>, StateError> {
        Ok(match self.episodes.find(key) {
            Found::Here(id) => Some(id),
            Found::Nowhere => None,
            Found::Stored(_) => {
                self.cache_misses += 1;
                let mut open = Ok(Vec::new());
                let row_key = RowKey::Episodes { key }.to_bytes();
                store.get(&row_key, &mut |row| open = rows::read_episodes(row))?;
                Some(self.episodes.insert(key, Episodes::restored(open?)))
            }
        })
    }

    /// Drops the episodes whose timers have fired and no others: a timer may be left from an episode
    /// that is gone, and a restarted engine does not have it.
    fn end(
        &mut self,
        store: &impl Store,
        key: CacheKey,
        watermark: EventTime,
    ) -> Result<(), StateError> {
        let Some(id) = self.find(store, key)? else { return Ok(()) };
        let is_kept = |episode: &Episode| !has_fired(after(episode.expires), watermark);
        if self.episodes.get_clean(id).is_some_and(|episodes| episodes.keep(is_kept)) {
            self.changed(id);
        }
        Ok(())
    }
}

/// The first watermark that is past `time`.
fn after(time: EventTime) -> EventTime {
    EventTime::from_millis(time.as_millis().saturating_add(1))
}
