//! Names of groups, dedup keys and owners, as hashes (semantics.md §1, exactly-once.md §6).
//!
//! 128 bits of SipHash-1-3 with fixed keys: rows must have the same keys on every machine, so the
//! keys are no secret. Two groups that share a hash would share their state; among 2⁴⁰ groups the
//! odds are below 2⁻⁴⁸, and who wants to force it has to try 2⁶⁴ times.

use super::text::text_of;
use crate::event::{Event, FieldId};
use crate::state::CacheKey;
use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;

/// Fixed for ever: a change would orphan all rows. First digits of the fraction of π.
const KEYS: (u64, u64) = (0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344);

/// The hash of an event's values in `fields`, and whether one of them is missing.
///
/// Each value is written as a tag, its length and its text, so no two tuples share their bytes.
pub(super) fn of_values(event: &Event<'_>, fields: &[FieldId]) -> GroupHash {
    let mut hasher = hasher();
    let mut is_missing = false;
    for &field in fields {
        if let Some(text) = text_of(event.value(field)) {
            hasher.write_u8(1);
            hasher.write_u64(text.len() as u64);
            hasher.write(text.as_bytes());
        } else {
            is_missing = true;
            hasher.write_u8(0);
        }
    }
    GroupHash { key: finish(&hasher), is_missing }
}

/// An event's group before it belongs to a rule.
#[derive(Debug, Clone, Copy)]
pub(super) struct GroupHash {
    /// The hash of the values.
    pub(super) key: CacheKey,
    /// A value is absent or null.
    pub(super) is_missing: bool,
}

/// What turns a group's hash into the key of one owner's rows: `what` keeps kinds of owner apart.
pub(super) fn salt(what: u8, owner: &[u8]) -> CacheKey {
    let mut hasher = hasher();
    hasher.write_u8(what);
    hasher.write(owner);
    finish(&hasher)
}

/// A 64-bit name for a list of byte strings.
pub(super) fn tag<'t>(parts: impl IntoIterator<Item = &'t [u8]>) -> u64 {
    let mut hasher = hasher();
    for part in parts {
        hasher.write_u64(part.len() as u64);
        hasher.write(part);
    }
    finish(&hasher).0
}

fn hasher() -> SipHasher13 {
    SipHasher13::new_with_keys(KEYS.0, KEYS.1)
}

fn finish(hasher: &SipHasher13) -> CacheKey {
    let hash = hasher.finish128();
    CacheKey(hash.h1, hash.h2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Identity, Number, Source, Value};
    use crate::units::EventTime;

    fn hash(values: Vec<Value<'_>>) -> GroupHash {
        let fields: Vec<_> = (0..).map(FieldId).take(values.len()).collect();
        let event = Event {
            source: Source::CloudTrail,
            time: EventTime::default(),
            identity: Identity(0),
            shared_identity: None,
            id: "".into(),
            raw: b"",
            values,
        };
        of_values(&event, &fields)
    }

    fn text(text: &str) -> Value<'_> {
        Value::Text(text.into())
    }

    #[test]
    fn values_do_not_run_into_each_other() {
        assert_ne!(hash(vec![text("ab"), text("c")]).key, hash(vec![text("a"), text("bc")]).key);
        assert_ne!(
            hash(vec![text(""), Value::Absent]).key,
            hash(vec![Value::Absent, text("")]).key
        );
    }

    #[test]
    fn a_number_and_its_text_are_one_group() {
        let number = Value::Number(Number::Unsigned(42));
        assert_eq!(hash(vec![number]).key, hash(vec![text("42")]).key);
    }

    #[test]
    fn absent_is_a_group_of_its_own_and_null_belongs_to_it() {
        assert!(hash(vec![Value::Null]).is_missing);
        assert_eq!(hash(vec![Value::Null]).key, hash(vec![Value::Absent]).key);
        assert_ne!(hash(vec![text("")]).key, hash(vec![Value::Absent]).key);
    }

    #[test]
    fn the_keys_of_rows_never_change() {
        assert_eq!(
            hash(vec![text("alice"), Value::Absent]).key,
            CacheKey(13_962_201_873_064_968_867, 9_866_771_779_996_266_733),
            "rows written by other versions would be orphaned"
        );
    }
}
