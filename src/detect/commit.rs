//! What a commit takes from the engine and gives back (exactly-once.md §2 steps 2, 3 and 8).
//!
//! `collect_changes` looks, `committed` acts; no event may come between them. A commit that fails
//! leaves the engine as it was, so the same rows can be collected again.

use super::StateError;
use super::catalogue::Catalogue;
use super::engine::Engine;
use crate::state::{Changes, MetaRow, Store};
use crate::units::{EventTime, Position};

/// Rough bytes of a tombstone.
const TOMBSTONE_BYTES: usize = 40;

impl<S: Store, C: Catalogue> Engine<S, C> {
    /// Whether a row differs from the store; the watermark alone does not count.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.groups.is_dirty()
            || self.episodes.is_dirty()
            || self.terms.is_dirty()
            || self.closing.is_dirty()
            || !self.tombstones.is_empty()
            || self.duplicates.dirty_bytes() > 0
    }

    /// About how many bytes the next commit writes.
    #[must_use]
    pub fn dirty_bytes(&self) -> usize {
        self.groups.dirty_bytes()
            + self.episodes.dirty_bytes()
            + self.terms.dirty_bytes()
            + self.closing.dirty_bytes()
            + self.tombstones.len() * TOMBSTONE_BYTES
            + self.duplicates.dirty_bytes()
    }

    /// The meta row as last committed; `None` for a new partition.
    #[must_use]
    pub fn meta(&self) -> Option<&MetaRow> {
        self.meta.as_ref()
    }

    /// Appends tombstones, changed rows and last the meta row to `into`. Changes nothing that a
    /// second call would see.
    pub fn collect_changes(&mut self, next_input: Position, instance: &str, into: &mut Changes) {
        let meta = MetaRow {
            next_input,
            watermark: self.watermark.get(),
            rules: self.plan.state_ids.clone(),
            learning: self.learning(),
            sequence: self.next_sequence(),
            instance: instance.to_owned(),
        };
        // Tombstones first, since a key may have come to life again.
        for row in &self.tombstones {
            into.delete(&row.to_bytes());
        }
        self.groups.collect(into);
        self.episodes.collect(into);
        self.terms.collect(into);
        self.closing.collect(&self.plan, into);
        self.duplicates.collect(meta.sequence, into);
        into.put(MetaRow::KEY, |value| meta.encode(value));
        self.next_meta = Some(meta);
    }

    /// Puts rows that Kafka has committed into the store; what was dirty is clean. `changes` are
    /// those of the last `collect_changes`, with no event since.
    ///
    /// # Errors
    /// The store failed; the engine must not be used any more.
    pub fn committed(
        &mut self,
        changes: &Changes,
        changelog: Option<Position>,
    ) -> Result<(), StateError> {
        self.store.apply(changes, changelog)?;
        self.duplicates.set_committed();
        self.groups.set_committed(&self.plan);
        self.episodes.set_committed();
        self.terms.set_committed();
        self.closing.set_committed();
        self.tombstones.clear();
        if let Some(meta) = self.next_meta.take() {
            self.meta = Some(meta);
        }
        self.groups.set_sequence(self.next_sequence());
        Ok(())
    }

    /// Since when rules have learned, for the meta row.
    fn learning(&self) -> Vec<(u64, EventTime)> {
        let rules = self.plan.rules.iter().zip(&self.learning_since);
        rules.filter_map(|(rule, since)| Some((rule.term.as_ref()?.state_id, (*since)?))).collect()
    }

    /// The commit that is gathered.
    pub(super) fn next_sequence(&self) -> u64 {
        self.meta.as_ref().map_or(1, |meta| meta.sequence.saturating_add(1))
    }
}
