//! Keys and values of the engine's rows (exactly-once.md §6).
//!
//! | kind | key after the kind's byte | value |
//! |---|---|---|
//! | 1 segment | state tag, group key, segment index | panes and evidence |
//! | 2 episodes | key of rule and dedup key | open episodes |
//! | 3 fingerprints | expiry slot, commit sequence | identities of one commit |
//!
//! Indexes and slots are written so that they sort as numbers: the rows of one group are a prefix
//! and ascend. Values open with a version byte. Decoders meet bytes from disks and topics: they
//! check everything that the engine relies on and never panic.

use super::episode::Episode;
use super::evidence::Evidence;
use super::segment::{Pane, Segment};
use super::shape::Shape;
use crate::rule::{Level, WindowKind};
use crate::state::codec::{Reader, put_number, put_signed, put_sortable};
use crate::state::{CacheKey, StoreError};
use crate::units::{EventTime, WallTime};

const SEGMENT: u8 = 1;
const EPISODES: u8 = 2;
const FINGERPRINTS: u8 = 3;
const VERSION: u8 = 1;

/// A row's key, read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowKey {
    /// A slice of a group's panes.
    Segment { tag: u64, group: CacheKey, index: i64 },
    /// Open episodes of one dedup key.
    Episodes { key: CacheKey },
    /// Identities that expire together.
    Fingerprints { slot: i64, sequence: u64 },
}

impl RowKey {
    /// Appends the key's bytes.
    pub(super) fn write(self, into: &mut Vec<u8>) {
        match self {
            RowKey::Segment { tag, group, index } => {
                write_group_prefix(tag, group, into);
                put_sortable(into, index);
            }
            RowKey::Episodes { key } => {
                into.push(EPISODES);
                into.extend_from_slice(&key.to_bytes());
            }
            RowKey::Fingerprints { slot, sequence } => {
                write_slot_prefix(slot, into);
                into.extend_from_slice(&sequence.to_be_bytes());
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
            SEGMENT => RowKey::Segment {
                tag: u64::from_be_bytes(key.array()?),
                group: CacheKey::from_bytes(key.array()?),
                index: key.sortable()?,
            },
            EPISODES => RowKey::Episodes { key: CacheKey::from_bytes(key.array()?) },
            FINGERPRINTS => RowKey::Fingerprints {
                slot: key.sortable()?,
                sequence: u64::from_be_bytes(key.array()?),
            },
            _ => return Err(key.damaged()),
        };
        key.finish()?;
        Ok(row)
    }
}

/// What the keys of all segments of one group start with.
pub(super) fn write_group_prefix(tag: u64, group: CacheKey, into: &mut Vec<u8>) {
    into.push(SEGMENT);
    into.extend_from_slice(&tag.to_be_bytes());
    into.extend_from_slice(&group.to_bytes());
}

/// What the keys of all fingerprints of one slot start with.
pub(super) fn write_slot_prefix(slot: i64, into: &mut Vec<u8>) {
    into.push(FINGERPRINTS);
    put_sortable(into, slot);
}

/// Appends the value of a segment's row.
pub(super) fn write_segment(segment: &Segment, shape: &Shape, into: &mut Vec<u8>) {
    let start = shape.start_of(segment.index);
    into.push(VERSION);
    if shape.kind == WindowKind::Tumbling {
        for seen in [segment.seen.0, segment.seen.1] {
            put_signed(into, seen.as_millis().wrapping_sub(start.as_millis()));
        }
    }
    put_number(into, segment.panes.len() as u64);
    for pane in &segment.panes {
        into.push(pane.offset);
        put_number(into, u64::from(pane.count));
        put_number(into, pane.sum);
    }
    let columns = segment.columns.len() / segment.panes.len().max(1);
    put_number(into, columns as u64);
    into.extend_from_slice(&shape.collect_tag.to_be_bytes());
    for number in &segment.columns {
        into.push(u8::from(number.is_some()));
        if let Some(number) = number {
            put_number(into, *number);
        }
    }
    segment.evidence.write(start, into);
}

/// Reads the value of a segment's row. Collected values of another `collect` list are left out.
pub(super) fn read_segment(index: i64, shape: &Shape, bytes: &[u8]) -> Result<Segment, StoreError> {
    let start = shape.start_of(index);
    let mut row = Reader::new("a segment", bytes);
    row.version(VERSION)?;
    let mut seen = (start, start);
    if shape.kind == WindowKind::Tumbling {
        for seen in [&mut seen.0, &mut seen.1] {
            *seen = EventTime::from_millis(start.as_millis().wrapping_add(row.signed()?));
        }
    }
    let panes = read_panes(&mut row, shape)?;
    let columns: usize = row.narrow()?;
    let is_same = u32::from_be_bytes(row.array()?) == shape.collect_tag;
    if is_same && columns != shape.columns() {
        return Err(row.damaged());
    }
    let cells = panes.len().checked_mul(columns).ok_or_else(|| row.damaged())?;
    let mut numbers = Vec::new();
    for _ in 0..cells {
        numbers.push(match row.byte()? {
            0 => None,
            1 => Some(row.number()?),
            _ => return Err(row.damaged()),
        });
    }
    let evidence = Evidence::read(&mut row, start, is_same)?;
    row.finish()?;
    if !is_same {
        numbers.clear();
        numbers.resize(panes.len() * shape.columns(), None);
    }
    Ok(Segment::restored(index, seen, panes, numbers, evidence))
}

fn read_panes(row: &mut Reader<'_>, shape: &Shape) -> Result<Vec<Pane>, StoreError> {
    let count = row.count()?;
    let mut panes: Vec<Pane> = Vec::with_capacity(count);
    for _ in 0..count {
        let pane = Pane { offset: row.byte()?, count: row.narrow()?, sum: row.number()? };
        let is_after = panes.last().is_none_or(|last| last.offset < pane.offset);
        if !is_after || i64::from(pane.offset) >= shape.panes_per_segment || pane.count == 0 {
            return Err(row.damaged());
        }
        panes.push(pane);
    }
    if panes.is_empty() { Err(row.damaged()) } else { Ok(panes) }
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
