//! Windows that are judged once they have closed, and the last event of each (semantics.md §5).
//!
//! A window closes at its end plus the lateness: from that watermark on, no event of it counts any
//! more. Until then it has an entry here, from its first event on, and its entry has a row: the last
//! event that contributed, which a finding names as its trigger and shows. What the window comes to is
//! not in it: that follows from the journal, like all sums ([`super::groups`]).
//!
//! ```text
//!          first event               commit                 watermark ≥ end + L: judged
//!  (none) ─────────────▶ held ─────────────────▶ stored ─────────────────────────────▶ (none) + tombstone
//!                        ▲  │ event: replaced      │ event: replaced
//!                        └──┴──────────────────────┘
//! ```
//!
//! That a window has been judged is that its row is gone, in the transaction that carries the finding:
//! so it is judged once, however often the process starts. Entries are taken in a fixed order: by the
//! watermark at which they close, then rule, window and group.
//!
//! Cost: an event of such a rule copies its text; a commit writes one row for each window that got an
//! event; closing is one look-up in a sorted map. Rules that do not wait pay one comparison when the
//! watermark moves.

use super::StateError;
use super::faults::{Fault, is_planted};
use super::finding::Origin;
use super::plan::Plan;
use super::report::Trigger;
use super::rows::RowKey;
use super::shape::Shape;
use crate::event::{Event, EventId, FieldId, Identity, Number, Source, Value};
use crate::state::codec::{Reader, put_bytes, put_number, put_signed};
use crate::state::{CacheKey, Changes, Store, StoreError};
use crate::units::{EventTime, Offset, PartitionId, RecordTime, WallTime};
use std::borrow::Cow;
use std::collections::BTreeMap;

const VERSION: u8 = 1;
/// A longer text is left out: `CloudTrail` writes no event that long, and a row must fit into a record.
const TEXT_MAX_BYTES: usize = 256 << 10;
/// All values that are kept beside it. The first ones go in.
const VALUES_MAX_BYTES: usize = 128 << 10;
/// About what an entry takes besides its row.
const ENTRY_BYTES: usize = 96;

/// One window of one group of one rule, in the order in which windows are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Due {
    /// From this watermark on.
    pub(super) close: EventTime,
    /// Index of the rule.
    pub(super) rule: u16,
    pub(super) pane: i64,
    /// Of the group.
    pub(super) key: CacheKey,
}

/// The last event of a window, as its row's value.
#[derive(Debug)]
struct Last {
    /// Empty when only the store has it.
    row: Vec<u8>,
    is_stored: bool,
    is_changed: bool,
}

/// The open windows.
#[derive(Debug, Default)]
pub(super) struct Closing {
    open: BTreeMap<Due, Last>,
    /// Those whose row differs from the store.
    changed: Vec<Due>,
    changed_bytes: usize,
    /// Memory of rows.
    bytes: usize,
    bound_bytes: usize,
    /// Rows read because they were not in memory.
    pub(super) reads: u64,
}

impl Closing {
    pub(super) fn new(bound_bytes: usize) -> Self {
        Self { bound_bytes, ..Self::default() }
    }

    /// An event contributed to a window: it is the last one now. `keeps`: the fields whose values are
    /// asked when the window is judged.
    pub(super) fn note(
        &mut self,
        due: Due,
        trigger: Trigger<'_, '_>,
        way: usize,
        (plan, keeps): (&Plan, &[FieldId]),
    ) {
        let last = self.open.entry(due).or_insert_with(|| Last {
            row: Vec::new(),
            is_stored: false,
            is_changed: false,
        });
        let before = last.row.len();
        last.row.clear();
        write(trigger, way, (plan, keeps), &mut last.row);
        let now = last.row.len();
        self.bytes = self.bytes + now - before;
        if last.is_changed {
            self.changed_bytes = self.changed_bytes + now - before;
        } else {
            last.is_changed = true;
            self.changed.push(due);
            self.changed_bytes += now + ENTRY_BYTES;
        }
    }

    /// The next window that closes by `watermark`.
    #[inline]
    pub(super) fn next(&self, watermark: EventTime) -> Option<Due> {
        let (due, _) = self.open.first_key_value()?;
        (due.close <= watermark).then_some(*due)
    }

    /// The last event of a window, as [`Contributed::read`] reads it.
    pub(super) fn row(
        &mut self,
        due: Due,
        plan: &Plan,
        store: &impl Store,
    ) -> Result<Vec<u8>, StateError> {
        let Some(last) = self.open.get_mut(&due) else { return Ok(Vec::new()) };
        if !last.row.is_empty() {
            self.bytes -= last.row.len();
            return Ok(std::mem::take(&mut last.row));
        }
        self.reads += 1;
        let mut row = Vec::new();
        store.get(&row_key(due, plan).to_bytes(), &mut |value| row.extend_from_slice(value))?;
        Ok(row)
    }

    /// The window has been judged.
    pub(super) fn end(&mut self, due: Due, plan: &Plan, tombstones: &mut Vec<RowKey>) {
        let Some(last) = self.open.remove(&due) else { return };
        self.bytes -= last.row.len();
        if last.is_stored && !is_planted(Fault::JudgedAgain) {
            tombstones.push(row_key(due, plan));
        }
    }

    /// Notes a window that the store has a row of; `false` when no rule waits for it.
    pub(super) fn restore(&mut self, plan: &Plan, state: u64, pane: i64, key: CacheKey) -> bool {
        let is_it = |state_plan: &super::plan::StatePlan| {
            state_plan.tag == state && state_plan.closes.is_some()
        };
        let Some(found) = plan.states.iter().find(|one| is_it(one)) else { return false };
        let Some(rule) = found.closes else { return false };
        let due = Due { close: close_of(&found.shape, pane), rule, pane, key };
        self.open.insert(due, Last { row: Vec::new(), is_stored: true, is_changed: false });
        true
    }

    /// How many windows are open.
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    pub(super) fn is_dirty(&self) -> bool {
        !self.changed.is_empty()
    }

    /// About how many bytes the next commit writes.
    pub(super) fn dirty_bytes(&self) -> usize {
        self.changed_bytes
    }

    /// Appends the rows of windows that got an event.
    pub(super) fn collect(&self, plan: &Plan, into: &mut Changes) {
        for due in &self.changed {
            // One that has been judged since has left.
            if let Some(last) = self.open.get(due) {
                let key = row_key(*due, plan).to_bytes();
                into.put(&key, |value| value.extend_from_slice(&last.row));
            }
        }
    }

    /// The rows of [`Closing::collect`] are in the store now; what memory is short of leaves it.
    pub(super) fn set_committed(&mut self) {
        for due in self.changed.drain(..) {
            if let Some(last) = self.open.get_mut(&due) {
                last.is_stored = true;
                last.is_changed = false;
            }
        }
        self.changed_bytes = 0;
        if self.bytes + self.open.len() * ENTRY_BYTES > self.bound_bytes {
            for last in self.open.values_mut() {
                last.row = Vec::new();
            }
            self.bytes = 0;
        }
    }
}

/// The watermark from which on no event of the window in `pane` counts.
pub(super) fn close_of(shape: &Shape, pane: i64) -> EventTime {
    let end = shape.time_of(pane.saturating_add(1));
    if is_planted(Fault::ClosedBeforeItsLateness) { end } else { end.plus(shape.lateness) }
}

fn row_key(due: Due, plan: &Plan) -> RowKey {
    let rule = plan.rules.get(usize::from(due.rule));
    let state = rule.and_then(|rule| plan.states.get(usize::from(rule.state?)));
    RowKey::Window { state: state.map_or(0, |state| state.tag), pane: due.pane, key: due.key }
}

fn write(
    trigger: Trigger<'_, '_>,
    way: usize,
    (plan, keeps): (&Plan, &[FieldId]),
    into: &mut Vec<u8>,
) {
    let Trigger { seen, origin, .. } = trigger;
    into.push(VERSION);
    put_signed(into, seen.time.as_millis());
    put_number(into, u64::from(origin.partition.0.unsigned_abs()));
    put_signed(into, origin.offset.0);
    match origin.record_time {
        None => into.push(0),
        Some(time) => {
            into.push(1);
            put_signed(into, time.as_event_time().as_millis());
        }
    }
    put_number(into, way as u64);
    match seen.id {
        EventId::Guid(bytes) => {
            into.push(1);
            into.extend_from_slice(bytes);
        }
        EventId::Text(text) => {
            into.push(0);
            put_bytes(into, text.as_bytes());
        }
    }
    let raw = Some(seen.event.raw).filter(|raw| raw.len() <= TEXT_MAX_BYTES);
    put_bytes(into, raw.unwrap_or_default());
    let start = into.len();
    for field in keeps {
        let value = seen.event.value(*field);
        if matches!(value, Value::Absent) {
            continue;
        }
        let before = into.len();
        into.extend_from_slice(&plan.field_tag(*field).to_be_bytes());
        write_value(value, into);
        if into.len() - start > VALUES_MAX_BYTES {
            into.truncate(before);
        }
    }
}

fn write_value(value: &Value<'_>, into: &mut Vec<u8>) {
    match value {
        Value::Absent => into.push(0),
        Value::Null => into.push(1),
        Value::Bool(false) => into.push(2),
        Value::Bool(true) => into.push(3),
        Value::Number(Number::Unsigned(number)) => {
            into.push(4);
            put_number(into, *number);
        }
        Value::Number(Number::Signed(number)) => {
            into.push(5);
            put_signed(into, *number);
        }
        Value::Number(Number::Float(number)) => {
            into.push(6);
            into.extend_from_slice(&number.to_bits().to_be_bytes());
        }
        Value::Text(text) => {
            into.push(7);
            put_bytes(into, text.as_bytes());
        }
        Value::Object(text) => {
            into.push(8);
            put_bytes(into, text.as_bytes());
        }
        Value::List(members) => {
            into.push(9);
            put_number(into, members.len() as u64);
            for member in members {
                write_value(member, into);
            }
        }
    }
}

/// An event that contributed to a window, read back.
#[derive(Debug)]
pub(super) struct Contributed<'r> {
    pub(super) event: Event<'r>,
    pub(super) id: EventId,
    /// When it counted.
    pub(super) time: EventTime,
    pub(super) origin: Origin,
    /// How it came to the rule.
    pub(super) way: usize,
}

/// Depth of lists in lists that a row may hold; the decoder makes none deeper.
const DEPTH_MAX: u32 = 64;

impl<'r> Contributed<'r> {
    /// Reads a row. `wall` is now: it stamps the finding.
    pub(super) fn read(
        row: &'r [u8],
        plan: &Plan,
        (source, keeps, fields): (Source, &[FieldId], usize),
        wall: WallTime,
    ) -> Result<Self, StoreError> {
        let mut reader = Reader::new("the last event of a window", row);
        reader.version(VERSION)?;
        let time = EventTime::from_millis(reader.signed()?);
        let partition = PartitionId(reader.narrow()?);
        let offset = Offset(reader.signed()?);
        let record_time = match reader.byte()? {
            0 => None,
            1 => Some(RecordTime::from_millis(reader.signed()?)),
            _ => return Err(reader.damaged()),
        };
        let way = reader.narrow()?;
        let id = match reader.byte()? {
            0 => EventId::Text(reader.text()?.into()),
            1 => EventId::Guid(reader.array()?),
            _ => return Err(reader.damaged()),
        };
        let raw = reader.bytes()?;
        let mut values = vec![Value::Absent; fields];
        while !reader.is_empty() {
            let tag = u64::from_be_bytes(reader.array()?);
            let value = read_value(&mut reader, DEPTH_MAX)?;
            let field = keeps.iter().find(|field| plan.field_tag(**field) == tag);
            // A rule that was changed may ask for fewer fields than it did.
            if let Some(place) = field.and_then(|field| values.get_mut(usize::from(field.0))) {
                *place = value;
            }
        }
        let event = Event {
            source,
            time,
            // It has been compared with others when it came.
            identity: Identity(0),
            shared_identity: None,
            id: Cow::Borrowed(""),
            raw,
            values,
        };
        let origin = Origin { partition, offset, record_time, wall };
        Ok(Self { event, id, time, origin, way })
    }
}

fn read_value<'r>(reader: &mut Reader<'r>, depth: u32) -> Result<Value<'r>, StoreError> {
    Ok(match reader.byte()? {
        0 => Value::Absent,
        1 => Value::Null,
        2 => Value::Bool(false),
        3 => Value::Bool(true),
        4 => Value::Number(Number::Unsigned(reader.number()?)),
        5 => Value::Number(Number::Signed(reader.signed()?)),
        6 => Value::Number(Number::Float(f64::from_bits(u64::from_be_bytes(reader.array()?)))),
        7 => Value::Text(reader.text()?.into()),
        8 => Value::Object(reader.text()?.into()),
        9 if depth > 0 => {
            let count = reader.count()?;
            let mut members = Vec::new();
            for _ in 0..count {
                members.push(read_value(reader, depth - 1)?);
            }
            Value::List(members)
        }
        _ => return Err(reader.damaged()),
    })
}

#[cfg(test)]
#[path = "closing_tests.rs"]
mod tests;
