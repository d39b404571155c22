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

use super::shape::Shape;
use super::text::{capped, text_of};
use crate::event::{Event, EventId, Value};
use crate::rule::CollectHow;
use crate::units::EventTime;
use std::hash::BuildHasher;

/// Events kept at each end.
pub(super) const ENDS: usize = 10;
/// Longest text kept of a collected value, in bytes.
pub(super) const TEXT_BYTES: usize = 1024;
/// Longest id kept of a contributing event, in bytes.
pub(super) const ID_BYTES: usize = 256;

/// What one segment keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Evidence {
    /// The first ten, then a ring of the newest ten whose oldest is at `ring`.
    pub(super) events: Vec<SeenEvent>,
    ring: u8,
    pub(super) values: Vec<SeenValue>,
}

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SeenValue {
    pub(super) text: Box<str>,
    pub(super) arrival: u64,
    /// Of the text, so that ten kept values are told from another one without reading them.
    hash: u32,
    /// Index in the rule's `collect`.
    pub(super) collect: u16,
    /// The pane's place in the segment.
    pub(super) offset: u8,
}

impl Evidence {
    /// Keeps what the bound allows of one event; tells how many bytes of memory came on top.
    pub(super) fn note(
        &mut self,
        shape: &Shape,
        sighting: Sighting<'_, '_>,
        offset: u8,
        arrival: u64,
    ) -> usize {
        let Sighting { event, id, time } = sighting;
        let mut grown = self.note_event(SeenEvent { id: id.clone(), time, arrival });
        for (index, collect) in shape.collect.iter().enumerate() {
            let (CollectHow::Sample(most) | CollectHow::Set(most)) = collect.how else { continue };
            let index = u16::try_from(index).unwrap_or(u16::MAX);
            each_text(event.value(collect.field), &mut |text| {
                grown += self.note_value(index, most, text, offset, arrival);
            });
        }
        grown
    }

    /// Events in the order of arrival.
    pub(super) fn in_order(&self) -> impl Iterator<Item = &SeenEvent> {
        let (first, newest) = self.events.split_at(self.events.len().min(ENDS));
        let (late, early) = newest.split_at(newest.len().min(usize::from(self.ring)));
        first.iter().chain(early).chain(late)
    }

    /// What a row held, events in the order of arrival.
    pub(super) fn restored(events: Vec<SeenEvent>, values: Vec<SeenValue>) -> Self {
        Self { events, ring: 0, values }
    }

    /// The greatest number of arrival in it.
    pub(super) fn last_arrival(&self) -> u64 {
        self.events.iter().map(|event| event.arrival).max().unwrap_or(0)
    }

    /// Memory on the heap in bytes.
    pub(super) fn byte_len(&self) -> usize {
        let events: usize = self.events.iter().map(SeenEvent::byte_len).sum();
        let values: usize = self.values.iter().map(SeenValue::byte_len).sum();
        events + values
    }

    fn note_event(&mut self, event: SeenEvent) -> usize {
        let bytes = event.byte_len();
        if self.events.len() < 2 * ENDS {
            if self.events.is_empty() {
                self.events.reserve_exact(1);
            }
            self.events.push(event);
            return bytes;
        }
        let Some(oldest) = self.events.get_mut(ENDS + usize::from(self.ring)) else { return 0 };
        let before = oldest.byte_len();
        *oldest = event;
        self.ring = if usize::from(self.ring) + 1 < ENDS { self.ring + 1 } else { 0 };
        bytes.saturating_sub(before)
    }

    fn note_value(
        &mut self,
        collect: u16,
        most: usize,
        text: &str,
        offset: u8,
        arrival: u64,
    ) -> usize {
        let text = capped(text, TEXT_BYTES);
        let hash = text_hash(text);
        let mut kept = 0;
        for value in self.values.iter().filter(|value| value.collect == collect) {
            kept += 1;
            if value.hash == hash && &*value.text == text {
                return 0;
            }
        }
        if kept >= most {
            return 0;
        }
        if self.values.is_empty() {
            self.values.reserve_exact(1);
        }
        let value = SeenValue::new(text, arrival, collect, offset);
        let bytes = value.byte_len();
        self.values.push(value);
        bytes
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

impl SeenValue {
    pub(super) fn new(text: &str, arrival: u64, collect: u16, offset: u8) -> Self {
        Self { text: text.into(), arrival, hash: text_hash(text), collect, offset }
    }

    fn byte_len(&self) -> usize {
        size_of::<Self>() + self.text.len() + 16
    }
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

    fn seen(arrival: u64) -> SeenEvent {
        SeenEvent { id: event_id("x"), time: EventTime::default(), arrival }
    }

    #[test]
    fn a_segment_keeps_its_first_ten_and_its_newest_ten_events() {
        let mut evidence = Evidence::default();
        for arrival in 1..=33 {
            evidence.note_event(seen(arrival));
        }
        let kept: Vec<_> = evidence.in_order().map(|event| event.arrival).collect();
        assert_eq!(kept, (1..=10).chain(24..=33).collect::<Vec<_>>());
    }

    #[test]
    fn a_restored_ring_goes_on_where_it_stood() {
        let mut evidence = Evidence::default();
        for arrival in 1..=33 {
            evidence.note_event(seen(arrival));
        }
        let mut restored = Evidence::restored(evidence.in_order().cloned().collect(), Vec::new());
        for arrival in 34..=36 {
            evidence.note_event(seen(arrival));
            restored.note_event(seen(arrival));
        }
        assert!(evidence.in_order().eq(restored.in_order()));
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
        let kept: Vec<_> = evidence.values.iter().map(|value| &*value.text).collect();
        assert_eq!(kept, ["a", "b"]);
    }
}
