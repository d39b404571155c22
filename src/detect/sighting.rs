//! What is kept of an event for the findings that it may contribute to: its id and some texts.

use super::text::{capped, text_of};
use crate::event::{Event, EventId, Value};
use crate::units::EventTime;

/// Longest text kept of a collected value, in bytes.
pub(super) const TEXT_BYTES: usize = 1024;
/// Longest id kept of a contributing event, in bytes.
const ID_BYTES: usize = 256;

/// An event on its way into the groups of all rules that it matched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sighting<'s, 'a> {
    pub(super) event: &'s Event<'a>,
    /// As it is kept; read once for all rules.
    pub(super) id: &'s EventId,
    /// Its effective time.
    pub(super) time: EventTime,
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

/// A GUID's bytes when it is written in lower case. Every matched event is read by it.
fn guid(text: &str) -> Option<[u8; 16]> {
    let text: &[u8; 36] = text.as_bytes().try_into().ok()?;
    if [text[8], text[13], text[18], text[23]] != *b"----" {
        return None;
    }
    let digits = |one: &[u8], other: &[u8]| -> Option<[u8; 4]> {
        let mut eight = [0; 8];
        let (start, end) = eight.split_at_mut_checked(one.len())?;
        start.copy_from_slice(one);
        end.copy_from_slice(other);
        four_bytes(eight)
    };
    let parts = [
        digits(&text[..8], &[])?,
        digits(&text[9..13], &text[14..18])?,
        digits(&text[19..23], &text[24..28])?,
        digits(&text[28..], &[])?,
    ];
    parts.as_flattened().try_into().ok()
}

/// Eight lower-case hexadecimal digits as bytes, all lanes of a word at once.
fn four_bytes(digits: [u8; 8]) -> Option<[u8; 4]> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let word = u64::from_be_bytes(digits);
    // A letter has bit 6: its low half counts from 1, its value from 10.
    let values = (word & (0x0f * ONES)) + 9 * ((word >> 6) & ONES);
    let letters = ((values + 6 * ONES) >> 4) & ONES;
    let written = values + 0x30 * ONES + 0x27 * letters;
    if values & (0xf0 * ONES) != 0 || written != word {
        return None;
    }
    // The two halves of a byte lie a byte apart: the higher comes first.
    let pairs = ((values >> 4) | values).to_be_bytes();
    Some([pairs[1], pairs[3], pairs[5], pairs[7]])
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_guid_with_any_other_byte_in_any_place_is_text() {
        let guid = b"0123abcd-ef45-6789-abcd-ef0123456789";
        for place in 0..guid.len() {
            for byte in 0..=127u8 {
                let mut changed = *guid;
                changed[place] = byte;
                let text = std::str::from_utf8(&changed).unwrap();
                let is_hyphen = matches!(place, 8 | 13 | 18 | 23);
                let is_guid = if is_hyphen {
                    byte == b'-'
                } else {
                    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
                };
                let expected = is_guid.then(|| {
                    u128::from_str_radix(&text.replace('-', ""), 16).unwrap().to_be_bytes()
                });
                let read = match event_id(text) {
                    EventId::Guid(bytes) => Some(bytes),
                    EventId::Text(_) => None,
                };
                assert_eq!(read, expected, "{text}");
            }
        }
    }
}
