//! Which events were seen before (semantics.md §3).
//!
//! Owns one set of 64-bit fingerprints for the partition. Only events that a rule matched are in
//! it: an unmatched event has no effect to repeat. Fingerprints expire together by slot of event
//! time; a slot's rows are appended, one for each commit, and never rewritten.
//!
//! Cost: one probe for each identity; eleven bytes of memory for each fingerprint, filled to 7/8.

use super::faults::{Fault, is_planted};
use super::rows::{self, RowKey};
use crate::event::{Event, Identity};
use crate::state::{AlreadyHashed, Changes, Store, StoreError};
use crate::units::{EventTime, Span};
use hashbrown::HashSet;
use std::collections::BTreeMap;
use std::hash::BuildHasherDefault;

/// A horizon is cut into so many slots, each at least a minute.
const SLOTS_PER_HORIZON: i64 = 12;
const SHORTEST_SLOT_MS: i64 = 60_000;
const MOST_IN_A_ROW: usize = 4096;

/// Fingerprints of the events that still may come again.
#[derive(Debug)]
pub(super) struct Duplicates {
    seen: HashSet<u64, BuildHasherDefault<AlreadyHashed>>,
    /// By the watermark at which they are forgotten.
    slots: BTreeMap<i64, Slot>,
    horizon: Span,
    slot_ms: i64,
    pending: usize,
}

#[derive(Debug, Default)]
struct Slot {
    /// Not committed yet.
    pending: Vec<u64>,
    /// The store holds rows of it.
    stored: bool,
}

impl Duplicates {
    pub(super) fn new(horizon: Span) -> Self {
        Self {
            seen: HashSet::default(),
            slots: BTreeMap::new(),
            horizon,
            slot_ms: (horizon.as_millis() / SLOTS_PER_HORIZON).max(SHORTEST_SLOT_MS),
            pending: 0,
        }
    }

    /// How long an event is remembered.
    pub(super) fn horizon(&self) -> Span {
        self.horizon
    }

    /// Takes a row that the store holds.
    pub(super) fn restore(&mut self, slot: i64, row: &[u8]) -> Result<(), StoreError> {
        self.slots.entry(slot).or_default().stored = true;
        rows::read_fingerprints(row, &mut |fingerprint| {
            self.seen.insert(fingerprint);
        })
    }

    /// Whether the event, or the same action reported to another account, was seen before.
    #[inline]
    pub(super) fn contain(&self, event: &Event<'_>) -> bool {
        if is_planted(Fault::DuplicateCounted) {
            return false;
        }
        self.seen.contains(&event.identity.0)
            || event.shared_identity.is_some_and(|shared| self.seen.contains(&apart(shared)))
    }

    /// Remembers an event until the watermark is a horizon past `from`, at least.
    pub(super) fn remember(&mut self, event: &Event<'_>, from: EventTime) {
        let last = from.plus(self.horizon).as_millis();
        let slot = last.div_euclid(self.slot_ms).saturating_add(1).saturating_mul(self.slot_ms);
        let pending = &mut self.slots.entry(slot).or_default().pending;
        for fingerprint in [Some(event.identity.0), event.shared_identity.map(apart)] {
            if let Some(fingerprint) = fingerprint
                && self.seen.insert(fingerprint)
            {
                pending.push(fingerprint);
                self.pending += 1;
            }
        }
    }

    /// Forgets the slots that the watermark has reached; their rows become `tombstones`.
    #[inline]
    pub(super) fn expire(
        &mut self,
        watermark: EventTime,
        store: &impl Store,
        tombstones: &mut Vec<RowKey>,
    ) -> Result<(), StoreError> {
        while let Some(first) = self.slots.first_entry()
            && *first.key() <= watermark.as_millis()
        {
            let (slot, gone) = first.remove_entry();
            self.pending -= gone.pending.len();
            for fingerprint in &gone.pending {
                self.seen.remove(fingerprint);
            }
            if gone.stored {
                self.forget_rows(slot, store, tombstones)?;
            }
        }
        Ok(())
    }

    /// Bytes that the next commit writes.
    pub(super) fn dirty_bytes(&self) -> usize {
        self.pending * size_of::<u64>()
    }

    /// Appends the rows of the commit with this sequence.
    pub(super) fn collect(&self, sequence: u64, into: &mut Changes) {
        for (&slot, fingerprints) in &self.slots {
            // A row stays far below what Kafka takes, whatever a commit holds.
            for (part, fingerprints) in (0u32..).zip(fingerprints.pending.chunks(MOST_IN_A_ROW)) {
                let key = RowKey::Fingerprints { slot, sequence, part }.to_bytes();
                into.put(&key, |value| rows::write_fingerprints(fingerprints, value));
            }
        }
    }

    /// All of it is in the store now.
    pub(super) fn set_committed(&mut self) {
        for slot in self.slots.values_mut() {
            slot.stored |= !slot.pending.is_empty();
            slot.pending = Vec::new();
        }
        self.pending = 0;
    }

    fn forget_rows(
        &mut self,
        slot: i64,
        store: &impl Store,
        tombstones: &mut Vec<RowKey>,
    ) -> Result<(), StoreError> {
        let mut prefix = Vec::new();
        rows::write_slot_prefix(slot, &mut prefix);
        let mut result = Ok(());
        store.scan(&prefix, &mut |key, value| {
            let row = RowKey::read(key).and_then(|key| {
                rows::read_fingerprints(value, &mut |fingerprint| {
                    self.seen.remove(&fingerprint);
                })?;
                Ok(key)
            });
            match row {
                Ok(key) => tombstones.push(key),
                Err(error) if result.is_ok() => result = Err(error),
                Err(_) => {}
            }
        })?;
        result
    }
}

/// The second identity must not be taken for somebody's first.
const fn apart(shared: Identity) -> u64 {
    shared.0.rotate_left(32) ^ 0x7368_6172_6564_4944
}
