//! Groups and episodes of one partition: in memory, in the store, and on their way between.
//!
//! Owns the write-back caches, the timers that empty them and the tombstones that follow. Knows
//! nothing of rules beyond their shapes.

use super::StateError;
use super::episode::{Episode, Episodes};
use super::evidence::Sighting;
use super::invariant;
use super::pane_ring::{Group, WasStored};
use super::plan::{Plan, StatePlan};
use super::rows::{self, RowKey};
use super::segment::{Commit, Segment};
use super::timers::{Timer, Timers, has_fired};
use crate::state::{Cache, CacheKey, Changes, Found, Keep, SlotId, Store};
use crate::units::EventTime;
use std::collections::VecDeque;

/// The caches, and the store behind them.
#[derive(Debug)]
pub(super) struct Tables<S> {
    pub(super) store: S,
    groups: Cache<Group>,
    episodes: Cache<Episodes>,
    timers: Timers,
    /// The one that is being gathered.
    commit: Commit,
    /// Rows of the store that are no longer needed; written with the next commit.
    pub(super) tombstones: Vec<RowKey>,
    dirty_bytes: usize,
    pub(super) expired_groups: u64,
    pub(super) cache_misses: u64,
}

/// Rough bytes of an episodes row.
const EPISODES_BYTES: usize = 48;
/// Rough bytes of a tombstone.
const TOMBSTONE_BYTES: usize = 40;

impl<S: Store> Tables<S> {
    pub(super) fn new(store: S, cache_bytes: usize) -> Self {
        Self {
            store,
            // An episode is a tenth of a group, and few groups have one.
            groups: Cache::new(cache_bytes / 4 * 3),
            episodes: Cache::new(cache_bytes / 4),
            timers: Timers::default(),
            commit: Commit::default().next(),
            tombstones: Vec::new(),
            dirty_bytes: 0,
            expired_groups: 0,
            cache_misses: 0,
        }
    }

    /// Notes a segment that the store holds.
    pub(super) fn restore_segment(
        &mut self,
        (number, state): (u16, &StatePlan),
        key: CacheKey,
        index: i64,
    ) {
        let rows = match self.groups.find(key) {
            Found::Stored(rows) => rows,
            Found::Here(_) | Found::Nowhere => 0,
        };
        self.groups.set_stored(key, rows + 1);
        let timer = Timer::Segment { state: number, key, segment: index };
        self.timers.add(state.shape.due(index), timer);
    }

    /// Notes an episodes row that the store holds.
    pub(super) fn restore_episodes(&mut self, key: CacheKey, row: &[u8]) -> Result<(), StateError> {
        self.episodes.set_stored(key, 1);
        for episode in rows::read_episodes(row)? {
            self.timers.add(after(episode.expires), Timer::Episodes { key });
        }
        Ok(())
    }

    /// Adds an event to its group and tells where the group is.
    pub(super) fn add_to_group(
        &mut self,
        (number, state): (u16, &StatePlan),
        key: CacheKey,
        (sighting, amount): (Sighting<'_, '_>, u64),
        watermark: Option<EventTime>,
    ) -> Result<SlotId, StateError> {
        let id = self.load_group((number, state), key, watermark)?;
        if let Some(group) = self.groups.get_dirty(id) {
            let added = group.add(&state.shape, sighting, amount, self.commit);
            debug_assert_eq!(invariant::panes_are_in_order(group, &state.shape), Ok(()));
            debug_assert_eq!(
                invariant::running_sums_the_newest_window(group, &state.shape),
                Ok(())
            );
            self.dirty_bytes += added.dirty_bytes;
            if added.is_new_segment {
                let timer = Timer::Segment { state: number, key, segment: added.segment };
                self.timers.add(state.shape.due(added.segment), timer);
            }
        }
        self.groups.resized(id);
        Ok(id)
    }

    /// The group that was just added to.
    pub(super) fn group(&self, id: SlotId) -> Option<&Group> {
        self.groups.get(id)
    }

    /// Checks every group in memory.
    #[cfg(test)]
    pub(super) fn check_invariants(
        &self,
        plan: &Plan,
        watermark: Option<EventTime>,
    ) -> Result<(), String> {
        self.groups.in_memory().try_for_each(|group| {
            let state = &plan.states[usize::from(group.state)];
            invariant::group_is_sound(group, &state.shape, watermark)
        })
    }

    /// The open episodes of a dedup key; those that are over are gone.
    pub(super) fn load_episodes(
        &mut self,
        key: CacheKey,
        watermark: Option<EventTime>,
    ) -> Result<Option<SlotId>, StateError> {
        let Some(id) = self.find_episodes(key)? else { return Ok(None) };
        let is_open = |episode: &Episode| watermark.is_none_or(|at| at <= episode.expires);
        if self.episodes.get_clean(id).is_some_and(|episodes| episodes.keep(is_open)) {
            self.change_episodes(id);
        }
        Ok(Some(id))
    }

    /// The episodes to read.
    pub(super) fn episodes(&self, id: SlotId) -> Option<&Episodes> {
        self.episodes.get(id)
    }

    /// The episodes, for a change that [`Tables::change_episodes`] then makes known.
    pub(super) fn episodes_mut(&mut self, id: SlotId) -> Option<&mut Episodes> {
        self.episodes.get_clean(id)
    }

    /// The row of these episodes differs from the store now.
    pub(super) fn change_episodes(&mut self, id: SlotId) {
        self.dirty_bytes += EPISODES_BYTES;
        self.episodes.get_dirty(id);
    }

    /// A new row of episodes.
    pub(super) fn new_episodes(&mut self, key: CacheKey) -> SlotId {
        self.episodes.insert(key, Episodes::default())
    }

    /// Takes into account that an episode opened in this row.
    pub(super) fn episode_opened(&mut self, id: SlotId, key: CacheKey, expires: EventTime) {
        self.episodes.resized(id);
        self.timers.add(after(expires), Timer::Episodes { key });
    }

    /// Drops what the watermark has passed.
    #[inline]
    pub(super) fn expire(&mut self, plan: &Plan, watermark: EventTime) -> Result<(), StateError> {
        while let Some(due) = self.timers.take_due(watermark) {
            for timer in due {
                match timer {
                    Timer::Segment { state, key, segment } => {
                        self.expire_segment(plan, state, key, segment);
                    }
                    Timer::Episodes { key } => self.expire_episodes(key, watermark)?,
                }
            }
        }
        Ok(())
    }

    /// How many groups are open.
    pub(super) fn open_groups(&self) -> usize {
        self.groups.len()
    }

    /// Memory of what is cached.
    #[cfg(test)]
    pub(super) fn memory_bytes(&self) -> usize {
        self.groups.byte_len() + self.episodes.byte_len()
    }

    pub(super) fn is_dirty(&self) -> bool {
        self.groups.is_dirty() || self.episodes.is_dirty() || !self.tombstones.is_empty()
    }

    /// About how many bytes the next commit writes.
    pub(super) fn dirty_bytes(&self) -> usize {
        self.dirty_bytes + self.tombstones.len() * TOMBSTONE_BYTES
    }

    /// Appends changed rows; tombstones first, since a key may have come to life again.
    pub(super) fn collect(&self, plan: &Plan, into: &mut Changes) {
        let mut key = Vec::new();
        for row in &self.tombstones {
            key.clear();
            row.write(&mut key);
            into.delete(&key);
        }
        for (group_key, group) in self.groups.dirty_entries() {
            let Some(state) = plan.states.get(usize::from(group.state)) else { continue };
            for segment in group.changed_segments(self.commit) {
                key.clear();
                RowKey::Segment { tag: state.tag, group: group_key, index: segment.index }
                    .write(&mut key);
                into.put(&key, |value| rows::write_segment(segment, &state.shape, value));
            }
        }
        for (episodes_key, episodes) in self.episodes.dirty_entries() {
            key.clear();
            RowKey::Episodes { key: episodes_key }.write(&mut key);
            if !episodes.open().is_empty() {
                into.put(&key, |value| rows::write_episodes(episodes.open(), value));
            } else if episodes.stored {
                into.delete(&key);
            }
        }
    }

    /// The rows of [`Tables::collect`] are in the store now.
    pub(super) fn set_committed(&mut self) {
        self.tombstones.clear();
        self.dirty_bytes = 0;
        self.commit = self.commit.next();
        self.groups.clean_all(|group| if group.is_empty() { Keep::No } else { Keep::Yes });
        self.episodes.clean_all(|episodes| {
            episodes.stored = !episodes.open().is_empty();
            if episodes.stored { Keep::Yes } else { Keep::No }
        });
    }

    fn find_episodes(&mut self, key: CacheKey) -> Result<Option<SlotId>, StateError> {
        Ok(match self.episodes.find(key) {
            Found::Here(id) => Some(id),
            Found::Nowhere => None,
            Found::Stored(_) => {
                self.cache_misses += 1;
                let open = self.read_episodes(key)?;
                Some(self.episodes.insert(key, Episodes::restored(open)))
            }
        })
    }

    /// Drops the episodes whose timers have fired and no others: a timer may be left from an episode
    /// that is gone, and a restarted engine does not have it.
    fn expire_episodes(&mut self, key: CacheKey, watermark: EventTime) -> Result<(), StateError> {
        let Some(id) = self.find_episodes(key)? else { return Ok(()) };
        let is_kept = |episode: &Episode| !has_fired(after(episode.expires), watermark);
        if self.episodes.get_clean(id).is_some_and(|episodes| episodes.keep(is_kept)) {
            self.change_episodes(id);
        }
        Ok(())
    }

    fn load_group(
        &mut self,
        (number, state): (u16, &StatePlan),
        key: CacheKey,
        watermark: Option<EventTime>,
    ) -> Result<SlotId, StateError> {
        match self.groups.find(key) {
            Found::Here(id) => Ok(id),
            Found::Nowhere => Ok(self.groups.insert(key, Group::new(number))),
            Found::Stored(_) => {
                self.cache_misses += 1;
                let segments = self.read_segments(state, key, watermark)?;
                let group = Group::restored(number, &state.shape, segments);
                Ok(self.groups.insert(key, group))
            }
        }
    }

    fn read_segments(
        &self,
        state: &StatePlan,
        group: CacheKey,
        watermark: Option<EventTime>,
    ) -> Result<VecDeque<Box<Segment>>, StateError> {
        let mut prefix = Vec::with_capacity(33);
        rows::write_group_prefix(state.tag, group, &mut prefix);
        let mut segments = VecDeque::new();
        let mut failed = None;
        self.store.scan(&prefix, &mut |key, value| {
            let segment = RowKey::read(key).and_then(|key| match key {
                RowKey::Segment { index, .. } => {
                    // A row whose tombstone waits for the commit is gone already.
                    if watermark.is_some_and(|at| has_fired(state.shape.due(index), at)) {
                        return Ok(None);
                    }
                    rows::read_segment(index, &state.shape, value).map(Some)
                }
                RowKey::Episodes { .. } | RowKey::Fingerprints { .. } => Ok(None),
            });
            match segment {
                Ok(segment) => segments.extend(segment.map(Box::new)),
                Err(error) => failed = Some(error),
            }
        })?;
        failed.map_or(Ok(segments), Err)
    }

    fn read_episodes(&self, key: CacheKey) -> Result<Vec<Episode>, StateError> {
        let mut open = Ok(Vec::new());
        let key = RowKey::Episodes { key }.to_bytes();
        self.store.get(&key, &mut |row| open = rows::read_episodes(row))?;
        open
    }

    fn expire_segment(&mut self, plan: &Plan, number: u16, key: CacheKey, index: i64) {
        let Some(state) = plan.states.get(usize::from(number)) else { return };
        let tombstone = RowKey::Segment { tag: state.tag, group: key, index };
        match self.groups.find(key) {
            Found::Nowhere => {}
            Found::Stored(rows) => {
                self.tombstones.push(tombstone);
                self.groups.set_stored(key, rows - 1);
                self.expired_groups += u64::from(rows == 1);
            }
            Found::Here(id) => {
                let Some(group) = self.groups.get_clean(id) else { return };
                if group.drop_segment(&state.shape, index, self.commit) == Some(WasStored::Yes) {
                    self.tombstones.push(tombstone);
                }
                if group.is_empty() {
                    self.groups.remove(id);
                    self.expired_groups += 1;
                } else {
                    self.groups.resized(id);
                }
            }
        }
    }
}

/// The first watermark that is past `time`.
fn after(time: EventTime) -> EventTime {
    EventTime::from_millis(time.as_millis().saturating_add(1))
}
