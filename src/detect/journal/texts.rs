//! Long texts that come again and again, kept once: user agents above all.
//!
//! Owned by a journal, whose entries name them by number. A text is a row of its own, written by the
//! commit whose entry names it first, and leaves with the last page that names it. Short texts and
//! those of `sample` fields, which are as good as never the same, stay in their entries.

use super::super::StateError;
use super::super::rows::RowKey;
use super::page::Place;
use crate::state::codec::Reader;
use crate::state::{AlreadyHashed, Changes};
use hashbrown::HashMap;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, BuildHasherDefault};

const VERSION: u8 = 1;
/// Shorter texts cost less in the entry.
pub(super) const SHORTEST_BYTES: usize = 24;
/// New texts that one commit keeps; others stay in their entries, so that somebody who makes up a
/// text for each event does not make a row for each.
const NEW_PER_COMMIT: usize = 4096;
/// All texts of one journal; once reached, texts stay in their entries until others are gone. It does
/// not depend on the cache's bound, so neither do the rows.
const MOST_BYTES: usize = 4 << 20;

/// The texts of one journal.
#[derive(Debug, Default)]
pub(super) struct Texts {
    by_hash: HashMap<u64, u64, BuildHasherDefault<AlreadyHashed>>,
    kept: BTreeMap<u64, Kept>,
    /// Numbers of those that the next commit writes.
    pending: Vec<u64>,
    pending_bytes: usize,
    bytes: usize,
    /// Number of the last one.
    last: u64,
}

#[derive(Debug)]
struct Kept {
    text: Box<str>,
    hash: u64,
    /// The last page that names it.
    page: u64,
    is_stored: bool,
}

impl Texts {
    /// The number of a text that page `page`, of the commit with this sequence, names; `None` when
    /// it is not kept.
    pub(super) fn number_of(&mut self, text: &str, page: u64, sequence: u64) -> Option<u64> {
        let hash = foldhash::fast::FixedState::default().hash_one(text.as_bytes());
        if let Some(number) = self.by_hash.get(&hash) {
            let kept = self.kept.get_mut(number)?;
            if *kept.text != *text {
                return None;
            }
            kept.page = page;
            return Some(*number);
        }
        if self.pending.len() >= NEW_PER_COMMIT || self.bytes >= MOST_BYTES {
            return None;
        }
        self.last = Place::join(sequence, 0)?.max(self.last.saturating_add(1));
        self.add(self.last, Kept { text: text.into(), hash, page, is_stored: false });
        self.pending.push(self.last);
        self.pending_bytes += text.len();
        Some(self.last)
    }

    /// The text with this number.
    pub(super) fn get(&self, number: u64) -> Option<&str> {
        self.kept.get(&number).map(|kept| &*kept.text)
    }

    /// Takes a row of the store, in the order of numbers.
    pub(super) fn restore(&mut self, number: u64, value: &[u8]) -> Result<(), StateError> {
        let mut reader = Reader::new("a text of the journal", value);
        reader.version(VERSION)?;
        let text = reader.text()?;
        reader.finish()?;
        let hash = foldhash::fast::FixedState::default().hash_one(text.as_bytes());
        self.add(number, Kept { text: text.into(), hash, page: 0, is_stored: true });
        self.last = self.last.max(number);
        Ok(())
    }

    /// A restored page names it.
    pub(super) fn named(&mut self, number: u64, page: u64) -> bool {
        self.kept.get_mut(&number).is_some_and(|kept| {
            kept.page = page;
            true
        })
    }

    /// Forgets the texts that no page from `first_page` on names.
    pub(super) fn expire(&mut self, class: u8, first_page: u64, tombstones: &mut Vec<RowKey>) {
        let Self { by_hash, kept, pending_bytes, bytes, .. } = self;
        kept.retain(|&number, kept| {
            if kept.page >= first_page {
                return true;
            }
            if by_hash.get(&kept.hash) == Some(&number) {
                by_hash.remove(&kept.hash);
            }
            *bytes -= kept.text.len();
            if kept.is_stored {
                tombstones.push(RowKey::Text { class, number });
            } else {
                *pending_bytes -= kept.text.len();
            }
            false
        });
    }

    /// Appends the rows of this commit.
    pub(super) fn collect(&self, class: u8, into: &mut Changes) {
        for &number in &self.pending {
            if let Some(kept) = self.kept.get(&number) {
                into.put(&RowKey::Text { class, number }.to_bytes(), |value| {
                    value.push(VERSION);
                    crate::state::codec::put_bytes(value, kept.text.as_bytes());
                });
            }
        }
    }

    /// The rows of this commit are in the store now.
    pub(super) fn set_committed(&mut self) {
        for number in self.pending.drain(..) {
            if let Some(kept) = self.kept.get_mut(&number) {
                kept.is_stored = true;
            }
        }
        self.pending_bytes = 0;
    }

    /// Bytes that the next commit writes.
    pub(super) fn pending_bytes(&self) -> usize {
        self.pending_bytes
    }

    /// Memory of the texts in bytes.
    pub(super) fn byte_len(&self) -> usize {
        self.bytes + self.kept.len() * 2 * size_of::<Kept>()
    }

    fn add(&mut self, number: u64, kept: Kept) {
        self.by_hash.entry(kept.hash).or_insert(number);
        self.bytes += kept.text.len();
        self.kept.insert(number, kept);
    }
}
