//! What makes an event the same event again (semantics.md §3).
//!
//! Fingerprints are SipHash-1-3 under a fixed key: they are written to the changelog and compared by
//! other versions and machines, so neither key nor input form may change without a new state version.
//! The key only spreads; it is no secret. Two different ids meet with a chance of n²/2^65.

use super::entry::{EventId, Identity};
use siphasher::sip::SipHasher13;
use std::fmt;
use std::hash::Hasher;

/// `tidegate` and `identity` as little-endian numbers.
const KEY: (u64, u64) = (u64::from_le_bytes(*b"tidegate"), u64::from_le_bytes(*b"identity"));

/// A few bytes on the stack.
struct ShortBytes {
    bytes: [u8; 96],
    len: usize,
}

impl Default for ShortBytes {
    fn default() -> Self {
        ShortBytes { bytes: [0; 96], len: 0 }
    }
}

impl ShortBytes {
    /// Adds bytes; `false` when they do not fit.
    fn push(&mut self, more: &[u8]) -> bool {
        let end = self.len.saturating_add(more.len());
        let Some(place) = self.bytes.get_mut(self.len..end) else { return false };
        place.copy_from_slice(more);
        self.len = end;
        true
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// Hashes parts so that their borders count: ("ab", "c") differs from ("a", "bc").
fn fingerprint(kind: u8, parts: &[&[u8]]) -> Identity {
    let mut hasher = SipHasher13::new_with_keys(KEY.0, KEY.1);
    // One write of all bytes costs half of what several do, and ids are short.
    let mut short = ShortBytes::default();
    let fits = short.push(&[kind])
        && parts
            .iter()
            .all(|part| short.push(&(part.len() as u64).to_le_bytes()) && short.push(part));
    if fits {
        hasher.write(short.bytes());
        return Identity(hasher.finish());
    }
    hasher.write(&[kind]);
    for part in parts {
        hasher.write(&(part.len() as u64).to_le_bytes());
        hasher.write(part);
    }
    Identity(hasher.finish())
}

impl Identity {
    /// The identity of an entry that names its own id (CloudTrail: `eventID`).
    #[must_use]
    pub fn of_id(id: &str) -> Self {
        fingerprint(1, &[id.as_bytes()])
    }

    /// The identity of an entry without an id: its bytes.
    #[must_use]
    pub fn of_bytes(raw: &[u8]) -> Self {
        fingerprint(2, &[raw])
    }

    /// The second identity of CloudTrail: one action reported to several accounts.
    #[must_use]
    pub fn of_shared(shared_id: &str, event_type: &str) -> Self {
        fingerprint(3, &[shared_id.as_bytes(), event_type.as_bytes()])
    }
}

impl fmt::Display for Identity {
    /// 16 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl EventId {
    /// Takes an id as written; a lower-case GUID becomes its 16 bytes.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        parse_guid(text).map_or_else(|| EventId::Text(text.into()), EventId::Guid)
    }
}

fn parse_guid(text: &str) -> Option<[u8; 16]> {
    let bytes: &[u8; 36] = text.as_bytes().try_into().ok()?;
    let mut guid = [0u8; 16];
    let mut digits = 0usize;
    for (at, &byte) in bytes.iter().enumerate() {
        if matches!(at, 8 | 13 | 18 | 23) {
            if byte != b'-' {
                return None;
            }
            continue;
        }
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        let target = guid.get_mut(digits / 2)?;
        *target = (*target << 4) | digit;
        digits += 1;
    }
    Some(guid)
}

impl fmt::Display for EventId {
    /// The text as it was written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EventId::Text(text) => f.write_str(text),
            EventId::Guid(guid) => {
                for (at, byte) in guid.iter().enumerate() {
                    if matches!(at, 4 | 6 | 8 | 10) {
                        f.write_str("-")?;
                    }
                    write!(f, "{byte:02x}")?;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_prints_as_it_was_written() {
        for text in [
            "00000000-0000-4000-8000-00000000000a",
            "0123abcd-4567-89ab-cdef-0123456789ab",
            "0123ABCD-4567-89AB-CDEF-0123456789AB",
            "0123abcd-4567-89ab-cdef-0123456789a",
            "0123abcd45-67-89ab-cdef-0123456789ab",
            "",
            "något",
        ] {
            assert_eq!(EventId::parse(text).to_string(), text);
        }
        assert!(matches!(EventId::parse("0123abcd-4567-89ab-cdef-0123456789ab"), EventId::Guid(_)));
        assert!(matches!(EventId::parse("0123ABCD-4567-89AB-CDEF-0123456789AB"), EventId::Text(_)));
    }

    #[test]
    fn fingerprints_are_the_same_on_every_machine_and_in_every_version() {
        let id = Identity::of_id("00000000-0000-4000-8000-000000000001");

        assert_eq!(id, Identity::of_id("00000000-0000-4000-8000-000000000001"));
        assert_eq!(id.to_string(), "d8f99bbe266f3628");
        assert_eq!(Identity::of_shared("s", "AwsApiCall").to_string(), "fd9bc322f9392e0f");
        assert_eq!(Identity::of_bytes(b"{}").to_string(), "097c7708aaaaceb0");
    }

    #[test]
    fn an_id_is_hashed_alike_whether_or_not_it_is_short() {
        for len in [0, 1, 36, 86, 87, 88, 200] {
            let id = "x".repeat(len);
            let mut hasher = SipHasher13::new_with_keys(KEY.0, KEY.1);
            hasher.write(&[1]);
            hasher.write(&(len as u64).to_le_bytes());
            hasher.write(id.as_bytes());
            assert_eq!(Identity::of_id(&id), Identity(hasher.finish()), "{len}");
        }
    }

    #[test]
    fn the_border_between_two_parts_counts() {
        assert_ne!(Identity::of_shared("ab", "c"), Identity::of_shared("a", "bc"));
        assert_ne!(Identity::of_id("ab"), Identity::of_bytes(b"ab"));
    }
}
