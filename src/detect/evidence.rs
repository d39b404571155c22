//! What a finding shows of its window: contributing events and collected values (semantics.md §9).
//!
//! Bounded for each segment, not for each window, so that a hot group stays small. A segment keeps
//! - the first ten and the newest ten events that arrived in it,
//! - for each `sample: n` or `set: n` the first n distinct values that arrived in it, each with the
//!   pane of that arrival; texts are cut to 1,024 bytes, ids to 256.
//!
//! A window shows what its segments kept and whose pane lies in it, in the order of arrival: events
//! the first ten and the last ten, of each collected field the first n distinct. So a value whose
//! first arrival in a segment lies before the window, and which came again inside, is not shown; a
//! tumbling window is one segment, there the rule is exact. Sums, least and greatest amounts are
//! kept by pane and always exact. The reference in the tests follows the same bound.
//!
//! Order of arrival is a number that counts events in a group; it only has to rise.
//!
//! Most groups see few events and all of them are written with every commit, so what is kept lies in
//! one piece of memory, encoded as rows hold it: one entry for each event or value. Only the newest
//! ten events, which hot groups alone have, lie apart. Values are told apart by a hash each.

use super::shape::Shape;
use super::text::{capped, text_of};
use crate::event::{Event, EventId, Value};
use crate::rule::CollectHow;
use crate::state::StoreError;
use crate::state::codec::{Reader, put_bytes, put_number, put_signed};
use crate::units::EventTime;
use std::hash::BuildHasher;

/// Events kept at each end.
pub(super) const ENDS: usize = 10;
/// Longest text kept of a collected value, in bytes.
pub(super) const TEXT_BYTES: usize = 1024;
/// Longest id kept of a contributing event, in bytes.
pub(super) const ID_BYTES: usize = 256;

/// What one segment keeps.
#[derive(Debug, Clone, Default)]
pub(super) struct Evidence {
    /// The first ten events and all values, in the order of arrival.
    log: Vec<u8>,
    /// One for each value in `log`.
    marks: Vec<Mark>,
    /// The newest ten events after the first ten: a ring whose oldest is at `oldest`.
    newest: Vec<SeenEvent>,
    /// Arrival of the last entry in `log`.
    logged: u64,
    /// The greatest number of arrival in it.
    last_arrival: u64,
    /// By index in `collect`: as many values are kept as may be. A hint, never stored.
    full: u32,
    /// Events in `log`.
    first: u8,
    oldest: u8,
}

/// Where a value lies.
#[derive(Debug, Clone, Copy)]
struct Mark {
    /// Of the text, so that kept values are passed without reading them.
    hash: u32,
    /// Start of its entry.
    at: u32,
    collect: u16,
}

/// Room for an event's id, time and a few values.
const FIRST_LOG_BYTES: usize = 192;
/// Tags of entries; a value's is its index in `collect` above the first.
const GUID: u64 = 0;
const TEXT: u64 = 1;
const VALUE: u64 = 2;

/// An event on its way into the groups of all rules that it matched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sighting<'s, 'a> {
    pub(super) event: &'s Event<'a>,
    /// As it is kept; read once for all rules.
    pub(super) id: &'s EventId,
    /// Its effective time.
    pub(super) time: EventTime,
}

/// A contributing event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SeenEvent {
    pub(super) id: EventId,
    pub(super) time: EventTime,
    pub(super) arrival: u64,
}

/// A distinct value of a collected field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SeenValue<'l> {
    pub(super) text: &'l str,
    pub(super) arrival: u64,
    /// Index in the rule's `collect`.
    pub(super) collect: u16,
    /// The pane's place in the segment.
    pub(super) offset: u8,
}

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen<'l> {
    Event(SeenEvent),
    Value(SeenValue<'l>),
}

impl Evidence {
    /// Keeps what the bound allows of one event; tells how many bytes of memory came on top.
    pub(super) fn note(
        &mut self,
        shape: &Shape,
        sighting: Sighting<'_, '_>,
        (start, offset): (EventTime, u8),
        arrival: u64,
    ) -> usize {
        let before = self.log.len() + self.marks.len() * size_of::<Mark>();
        let ring = self.note_event(start, sighting.id, sighting.time, arrival);
        for (index, collect) in (0u16..).zip(&shape.collect) {
            let (CollectHow::Sample(most) | CollectHow::Set(most)) = collect.how else { continue };
            if self.is_full(index) {
                continue;
            }
            match sighting.event.value(collect.field) {
                Value::Text(text) => self.note_value(index, most, text, offset, arrival),
                value => each_text(value, &mut |text| {
                    self.note_value(index, most, text, offset, arrival);
                }),
            }
        }
        ring + self.log.len() + self.marks.len() * size_of::<Mark>() - before
    }

    /// The greatest number of arrival in it.
    pub(super) fn last_arrival(&self) -> u64 {
        self.last_arrival
    }

    /// Memory on the heap in bytes.
    pub(super) fn byte_len(&self) -> usize {
        let newest: usize = self.newest.iter().map(SeenEvent::byte_len).sum();
        self.log.len() + self.marks.len() * size_of::<Mark>() + newest
    }

    /// Everything in the order of arrival; `start` is the segment's.
    pub(super) fn in_order(&self, start: EventTime) -> impl Iterator<Item = Seen<'_>> {
        let mut log = Reader::new("evidence", &self.log);
        let mut arrival = 0;
        let logged = std::iter::from_fn(move || {
            if log.is_empty() { None } else { read_entry(&mut log, start, &mut arrival).ok() }
        });
        logged.chain(self.newest_in_order().cloned().map(Seen::Event))
    }

    /// Appends it to a row.
    pub(super) fn write(&self, start: EventTime, into: &mut Vec<u8>) {
        put_bytes(into, &self.log);
        put_number(into, self.newest.len() as u64);
        let mut last = 0;
        for event in self.newest_in_order() {
            write_event(start, &event.id, event.time, event.arrival - last, into);
            last = event.arrival;
        }
    }

    /// Reads [`Evidence::write`]; without its values when they are another list's.
    pub(super) fn read(
        row: &mut Reader<'_>,
        start: EventTime,
        with_values: bool,
    ) -> Result<Self, StoreError> {
        let bytes = row.bytes()?;
        let mut evidence = Self::default();
        evidence.log.reserve_exact(bytes.len());
        let mut log = Reader::new("evidence", bytes);
        let mut arrival = 0;
        while !log.is_empty() {
            match read_entry(&mut log, start, &mut arrival)? {
                Seen::Event(_) if usize::from(evidence.first) >= ENDS => return Err(row.damaged()),
                Seen::Event(event) => {
                    evidence.log_event(start, &event.id, event.time, event.arrival);
                }
                Seen::Value(value) if with_values => evidence.log_value(value),
                Seen::Value(_) => {}
            }
        }
        let logged = std::mem::take(&mut arrival);
        let newest = row.count()?;
        if newest > ENDS {
            return Err(row.damaged());
        }
        for _ in 0..newest {
            match read_entry(row, start, &mut arrival)? {
                Seen::Event(event) => evidence.newest.push(event),
                Seen::Value(_) => return Err(row.damaged()),
            }
        }
        evidence.last_arrival = arrival.max(logged);
        Ok(evidence)
    }

    fn newest_in_order(&self) -> impl Iterator<Item = &SeenEvent> {
        let (late, early) = self.newest.split_at(self.newest.len().min(usize::from(self.oldest)));
        early.iter().chain(late)
    }

    /// Tells how many bytes the ring grew by.
    fn note_event(
        &mut self,
        start: EventTime,
        id: &EventId,
        time: EventTime,
        arrival: u64,
    ) -> usize {
        self.last_arrival = arrival;
        if usize::from(self.first) < ENDS {
            if self.log.is_empty() {
                self.log.reserve_exact(FIRST_LOG_BYTES);
            }
            self.log_event(start, id, time, arrival);
            return 0;
        }
        let event = SeenEvent { id: id.clone(), time, arrival };
        let bytes = event.byte_len();
        if self.newest.len() < ENDS {
            self.newest.push(event);
            return bytes;
        }
        let Some(oldest) = self.newest.get_mut(usize::from(self.oldest)) else { return 0 };
        let before = oldest.byte_len();
        *oldest = event;
        self.oldest = if usize::from(self.oldest) + 1 < ENDS { self.oldest + 1 } else { 0 };
        bytes.saturating_sub(before)
    }

    fn note_value(&mut self, collect: u16, most: usize, text: &str, offset: u8, arrival: u64) {
        let text = capped(text, TEXT_BYTES);
        let hash = text_hash(text);
        let mut same =
            self.marks.iter().filter(|mark| mark.hash == hash && mark.collect == collect);
        if same.any(|mark| self.text_at(*mark) == Some(text.as_bytes())) {
            return;
        }
        let kept = self.marks.iter().filter(|mark| mark.collect == collect).count();
        if kept < most {
            self.log_value(SeenValue { text, arrival, collect, offset });
        }
        if kept + 1 >= most {
            self.full |= 1u32.checked_shl(collect.into()).unwrap_or(0);
        }
    }

    fn is_full(&self, collect: u16) -> bool {
        self.full.checked_shr(collect.into()).unwrap_or(0) & 1 == 1
    }

    fn log_event(&mut self, start: EventTime, id: &EventId, time: EventTime, arrival: u64) {
        write_event(start, id, time, arrival - self.logged, &mut self.log);
        self.logged = arrival;
        self.first += 1;
    }

    fn log_value(&mut self, value: SeenValue<'_>) {
        let Ok(at) = u32::try_from(self.log.len()) else { return };
        if self.marks.is_empty() {
            self.marks.reserve_exact(4);
        }
        self.marks.push(Mark { hash: text_hash(value.text), at, collect: value.collect });
        put_number(&mut self.log, VALUE + u64::from(value.collect));
        put_number(&mut self.log, value.arrival - self.logged);
        self.log.push(value.offset);
        put_bytes(&mut self.log, value.text.as_bytes());
        self.logged = value.arrival;
    }

    /// A kept value's text.
    fn text_at(&self, mark: Mark) -> Option<&[u8]> {
        let mut entry = Reader::new("evidence", self.log.get(mark.at as usize..)?);
        entry.number().ok()?;
        entry.number().ok()?;
        entry.byte().ok()?;
        entry.bytes().ok()
    }
}

impl SeenEvent {
    fn byte_len(&self) -> usize {
        let text = match &self.id {
            EventId::Guid(_) => 0,
            EventId::Text(text) => text.len() + 16,
        };
        size_of::<Self>() + text
    }
}

fn write_event(
    start: EventTime,
    id: &EventId,
    time: EventTime,
    arrived_after: u64,
    into: &mut Vec<u8>,
) {
    put_number(into, if matches!(id, EventId::Guid(_)) { GUID } else { TEXT });
    put_number(into, arrived_after);
    put_signed(into, time.as_millis().wrapping_sub(start.as_millis()));
    match id {
        EventId::Guid(bytes) => into.extend_from_slice(bytes),
        EventId::Text(text) => put_bytes(into, text.as_bytes()),
    }
}

fn read_entry<'l>(
    row: &mut Reader<'l>,
    start: EventTime,
    arrival: &mut u64,
) -> Result<Seen<'l>, StoreError> {
    let tag = row.number()?;
    *arrival = arrival.checked_add(row.number()?).ok_or_else(|| row.damaged())?;
    let arrival = *arrival;
    if let Some(collect) = tag.checked_sub(VALUE) {
        let collect = u16::try_from(collect).map_err(|_| row.damaged())?;
        let offset = row.byte()?;
        return Ok(Seen::Value(SeenValue { text: row.text()?, arrival, collect, offset }));
    }
    let time = EventTime::from_millis(start.as_millis().wrapping_add(row.signed()?));
    let id =
        if tag == GUID { EventId::Guid(row.array()?) } else { EventId::Text(row.text()?.into()) };
    Ok(Seen::Event(SeenEvent { id, time, arrival }))
}

/// The texts of a value: each member of a list by itself; absent and null have none.
pub(super) fn each_text(value: &Value<'_>, each: &mut dyn FnMut(&str)) {
    if let Value::List(members) = value {
        for member in members {
            each_text(member, each);
        }
    } else if let Some(text) = text_of(value) {
        each(&text);
    }
}

/// An event's id as it is kept: 16 bytes for a lower-case GUID, else its first 256 bytes.
pub(super) fn event_id(text: &str) -> EventId {
    guid(text).map_or_else(|| EventId::Text(capped(text, ID_BYTES).into()), EventId::Guid)
}

/// Decides nothing: texts whose hashes are equal are compared.
fn text_hash(text: &str) -> u32 {
    let hash = foldhash::fast::FixedState::default().hash_one(text.as_bytes()).to_le_bytes();
    u32::from_le_bytes([hash[0], hash[1], hash[2], hash[3]])
}

/// Where the pairs of a GUID's digits stand between its hyphens.
const PAIRS: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
const NO_DIGIT: u8 = 0x80;
/// Values of lower-case hexadecimal digits, else [`NO_DIGIT`]. Every matched event is read by it.
#[expect(clippy::indexing_slicing, reason = "a digit is below 256, and this runs in the compiler")]
const DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut value = 0u8;
    while value < 16 {
        let digit = if value < 10 { b'0' + value } else { b'a' + value - 10 };
        digits[digit as usize] = value;
        value += 1;
    }
    digits
};

fn guid(text: &str) -> Option<[u8; 16]> {
    let text: &[u8; 36] = text.as_bytes().try_into().ok()?;
    if [text[8], text[13], text[18], text[23]] != *b"----" {
        return None;
    }
    let digit = |at: usize| {
        let byte = text.get(at).copied().unwrap_or_default();
        DIGITS.get(usize::from(byte)).copied().unwrap_or(NO_DIGIT)
    };
    let mut bytes = [0u8; 16];
    let mut all = 0;
    for (byte, at) in bytes.iter_mut().zip(PAIRS) {
        let (high, low) = (digit(at), digit(at + 1));
        all |= high | low;
        *byte = (high << 4) | low;
    }
    if all & NO_DIGIT == 0 { Some(bytes) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: EventTime = EventTime::from_millis(64_000);

    fn note(evidence: &mut Evidence, arrival: u64) {
        evidence.note_event(START, &event_id("x"), EventTime::default(), arrival);
    }

    fn arrivals(evidence: &Evidence) -> Vec<u64> {
        let events = evidence.in_order(START).map(|seen| match seen {
            Seen::Event(event) => event.arrival,
            Seen::Value(value) => panic!("{value:?} was not collected"),
        });
        events.collect()
    }

    #[test]
    fn a_segment_keeps_its_first_ten_and_its_newest_ten_events() {
        let mut evidence = Evidence::default();
        for arrival in 1..=33 {
            note(&mut evidence, arrival);
        }
        assert_eq!(arrivals(&evidence), (1..=10).chain(24..=33).collect::<Vec<_>>());
    }

    #[test]
    fn a_restored_ring_goes_on_where_it_stood() {
        let mut evidence = Evidence::default();
        for arrival in 1..=33 {
            note(&mut evidence, arrival);
        }
        let mut row = Vec::new();
        evidence.write(START, &mut row);
        let mut restored = Evidence::read(&mut Reader::new("row", &row), START, true).unwrap();
        for arrival in 34..=36 {
            note(&mut evidence, arrival);
            note(&mut restored, arrival);
        }
        assert_eq!(arrivals(&evidence), arrivals(&restored));
    }

    #[test]
    fn a_guid_is_kept_in_sixteen_bytes_and_anything_else_as_text() {
        let guid = "0123abcd-ef45-6789-abcd-ef0123456789";
        assert!(matches!(event_id(guid), EventId::Guid([0x01, 0x23, 0xab, ..])));
        for other in
            ["0123ABCD-ef45-6789-abcd-ef0123456789", "", "0123abcd0ef45-6789-abcd-ef012345678"]
        {
            assert!(matches!(event_id(other), EventId::Text(_)), "{other}");
        }
    }

    #[test]
    fn a_value_is_kept_once_and_only_up_to_its_number() {
        let mut evidence = Evidence::default();
        for text in ["a", "b", "a", "c"] {
            evidence.note_value(0, 2, text, 0, 1);
        }
        let kept = evidence.in_order(START).map(|seen| match seen {
            Seen::Value(value) => value.text.to_owned(),
            Seen::Event(event) => panic!("{event:?} was not noted"),
        });
        assert_eq!(kept.collect::<Vec<_>>(), ["a", "b"]);
    }
}
