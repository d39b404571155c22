//! Keys and values of the engine's rows (exactly-once.md §6).
//!
//! | kind | key after the kind's byte | value |
//! |---|---|---|
//! | 1 text | retention class, number | a text that pages name |
//! | 2 page | retention class, page number | events that counted ([`super::journal`]) |
//! | 3 episodes | key of rule and dedup key | open episodes |
//! | 4 fingerprints | expiry slot, commit sequence, part | identities of one commit |
//! | 5 term | key of rule and values | runs of sightings |
//! | 6 window | state, pane, group | last event of a window that is judged when it has closed |
//!
//! Numbers and slots are written so that they sort as numbers: pages are read in the order in which
//! they were written. Values open with a version byte. Decoders meet bytes from disks and topics: they
//! check everything that the engine relies on and never panic.

use super::episode::Episode;
use super::term::Run;
use crate::rule::Level;
use crate::state::codec::{Reader, put_number, put_signed, put_sortable};
use crate::state::{CacheKey, StoreError};
use crate::units::{EventTime, Span, WallTime};

const TEXT: u8 = 1;
const PAGE: u8 = 2;
const EPISODES: u8 = 3;
const FINGERPRINTS: u8 = 4;
const TERM: u8 = 5;
const WINDOW: u8 = 6;
const VERSION: u8 = 1;

/// A row's key, read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowKey {
    /// A text that pages name; read before them.
    Text { class: u8, number: u64 },
    /// Events in the order of arrival.
    Page { class: u8, number: u64 },
    /// Open episodes of one dedup key.
    Episodes { key: CacheKey },
    /// Sightings of one tuple of values.
    Term { key: CacheKey },
    /// The last event of a window that is judged when it has closed.
    Window { state: u64, pane: i64, key: CacheKey },
    /// Identities that expire together.
    Fingerprints { slot: i64, sequence: u64, part: u32 },
}

impl RowKey {
    /// Appends the key's bytes.
    pub(super) fn write(self, into: &mut Vec<u8>) {
        match self {
            RowKey::Text { class, number } | RowKey::Page { class, number } => {
                let kind = if matches!(self, RowKey::Text { .. }) { TEXT } else { PAGE };
                into.extend_from_slice(&[kind, class]);
                into.extend_from_slice(&number.to_be_bytes());
            }
            RowKey::Episodes { key } | RowKey::Term { key } => {
                let is_term = matches!(self, RowKey::Term { .. });
                into.push(if is_term { TERM } else { EPISODES });
                into.extend_from_slice(&key.to_bytes());
            }
            RowKey::Window { state, pane, key } => {
                into.push(WINDOW);
                into.extend_from_slice(&state.to_be_bytes());
                put_sortable(into, pane);
                into.extend_from_slice(&key.to_bytes());
            }
            RowKey::Fingerprints { slot, sequence, part } => {
                write_slot_prefix(slot, into);
                into.extend_from_slice(&sequence.to_be_bytes());
                into.extend_from_slice(&part.to_be_bytes());
            }
        }
    }

    /// The key's bytes.
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(33);
        self.write(&mut bytes);
        bytes
    }

    /// Reads a key; the meta row's is not among them.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut key = Reader::new("a row's key", bytes);
        let row = match key.byte()? {
            TEXT => RowKey::Text { class: key.byte()?, number: u64::from_be_bytes(key.array()?) },
            PAGE => RowKey::Page { class: key.byte()?, number: u64::from_be_bytes(key.array()?) },
            EPISODES => RowKey::Episodes { key: CacheKey::from_bytes(key.array()?) },
            TERM => RowKey::Term { key: CacheKey::from_bytes(key.array()?) },
            WINDOW => RowKey::Window {
                state: u64::from_be_bytes(key.array()?),
                pane: key.sortable()?,
                key: CacheKey::from_bytes(key.array()?),
            },
            FINGERPRINTS => RowKey::Fingerprints {
                slot: key.sortable()?,
                sequence: u64::from_be_bytes(key.array()?),
                part: u32::from_be_bytes(key.array()?),
            },
            _ => return Err(key.damaged()),
        };
        key.finish()?;
        Ok(row)
    }
}

/// What the keys of all fingerprints of one slot start with.
pub(super) fn write_slot_prefix(slot: i64, into: &mut Vec<u8>) {
    into.push(FINGERPRINTS);
    put_sortable(into, slot);
}

/// Appends the value of an episodes row.
pub(super) fn write_episodes(open: &[Episode], into: &mut Vec<u8>) {
    into.push(VERSION);
    put_number(into, open.len() as u64);
    for episode in open {
        put_signed(into, episode.opened.as_millis());
        put_number(into, episode.expires.since(episode.opened).as_millis().unsigned_abs());
        put_signed(into, episode.created.as_millis());
        put_number(into, u64::from(episode.sequence));
        into.push(level_number(episode.level));
        put_number(into, episode.reported);
    }
}

/// Reads the value of an episodes row.
pub(super) fn read_episodes(bytes: &[u8]) -> Result<Vec<Episode>, StoreError> {
    let mut row = Reader::new("an episodes row", bytes);
    row.version(VERSION)?;
    let mut open: Vec<Episode> = Vec::new();
    for _ in 0..row.count()? {
        let opened = EventTime::from_millis(row.signed()?);
        let length = i64::try_from(row.number()?).map_err(|_| row.damaged())?;
        let expires = EventTime::from_millis(opened.as_millis().saturating_add(length));
        let created = WallTime::from_millis(row.signed()?);
        let sequence = row.narrow()?;
        let level = level_of(row.byte()?).ok_or_else(|| row.damaged())?;
        let reported = row.number()?;
        if open.last().is_some_and(|last| last.opened >= opened) {
            return Err(row.damaged());
        }
        open.push(Episode { opened, expires, created, sequence, level, reported });
    }
    row.finish()?;
    Ok(open)
}

/// Appends the value of a term row.
pub(super) fn write_term(runs: &[Run], into: &mut Vec<u8>) {
    into.push(VERSION);
    put_number(into, runs.len() as u64);
    for run in runs {
        put_signed(into, run.first.as_millis());
        put_number(into, run.last.since(run.first).as_millis().unsigned_abs());
        put_number(into, run.kept.as_millis().unsigned_abs());
    }
}

/// Reads the value of a term row.
pub(super) fn read_term(bytes: &[u8]) -> Result<Vec<Run>, StoreError> {
    let mut row = Reader::new("a term row", bytes);
    row.version(VERSION)?;
    let mut runs: Vec<Run> = Vec::new();
    for _ in 0..row.count()? {
        let first = row.signed()?;
        let mut millis = || i64::try_from(row.number()?).map_err(|_| row.damaged());
        let last = EventTime::from_millis(first.saturating_add(millis()?));
        let kept = Span::from_millis(millis()?);
        let first = EventTime::from_millis(first);
        if runs.last().is_some_and(|run| run.last >= first) {
            return Err(row.damaged());
        }
        runs.push(Run { first, last, kept });
    }
    row.finish()?;
    Ok(runs)
}

const fn level_number(level: Level) -> u8 {
    match level {
        Level::Informational => 1,
        Level::Low => 2,
        Level::Medium => 3,
        Level::High => 4,
        Level::Critical => 5,
    }
}

const fn level_of(number: u8) -> Option<Level> {
    Some(match number {
        1 => Level::Informational,
        2 => Level::Low,
        3 => Level::Medium,
        4 => Level::High,
        5 => Level::Critical,
        _ => return None,
    })
}

/// Appends the value of a fingerprints row: eight bytes each, they do not compress.
pub(super) fn write_fingerprints(fingerprints: &[u64], into: &mut Vec<u8>) {
    into.push(VERSION);
    for fingerprint in fingerprints {
        into.extend_from_slice(&fingerprint.to_be_bytes());
    }
}

/// Calls `each` with the fingerprints of a row.
pub(super) fn read_fingerprints(
    bytes: &[u8],
    each: &mut impl FnMut(u64),
) -> Result<(), StoreError> {
    let mut row = Reader::new("a fingerprints row", bytes);
    row.version(VERSION)?;
    let (all, rest) = bytes.get(1..).unwrap_or_default().as_chunks::<8>();
    if !rest.is_empty() {
        return Err(row.damaged());
    }
    for fingerprint in all {
        each(u64::from_be_bytes(*fingerprint));
    }
    Ok(())
}

#[cfg(test)]
#[path = "rows_tests.rs"]
mod tests;
