//! Who a finding and its records are: names that depend on the events alone (alerts.md §3).
//!
//! The recipes are a promise to consumers. A changed recipe is a new topic, never a new version of
//! this file: replays and bridges drop repeats by these ids.

use super::text::is_hostile;
use crate::detect::{Finding, FindingKind};
use crate::event::EventId;
use std::fmt::Write;
use uuid::Uuid;

/// `UUIDv5(URL namespace, "urn:tidegate:v1")`
const NAMESPACE: Uuid = Uuid::from_u128(0xd5ac540e_d213_5277_829d_4af3edab2cba);

/// A correlation longer than this is written as its UUID.
const CORRELATION_BYTES_MAX: usize = 512;

/// A key: field names and values as text after normalisation, before any cut; `None` = absent.
type Pairs = [(String, Option<String>)];

/// The ids of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ids {
    /// `finding_info.uid`, the record key.
    pub(super) finding: String,
    /// `metadata.uid`
    pub(super) record: String,
    /// `metadata.correlation_uid`
    pub(super) correlation: String,
}

impl Ids {
    /// The ids of `finding`, raised by the rule with the id `rule_id`.
    pub(super) fn of(rule_id: &str, finding: &Finding) -> Ids {
        let event = finding.per_event.then(|| event_id_text(&finding.trigger_id));
        let opened_ms = finding.opened.as_millis();
        let uid = finding_uid(rule_id, &finding.dedup_key, event.as_deref(), opened_ms);
        Ids {
            record: record_uid(&uid, kind_name(finding.kind), finding.sequence).to_string(),
            finding: uid.to_string(),
            correlation: correlation(rule_id, &finding.dedup_key),
        }
    }
}

/// `create`, `escalate`
pub(super) const fn kind_name(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::Create => "create",
        FindingKind::Escalate => "escalate",
    }
}

/// An event's identity as it was written; a GUID in its usual form.
pub(super) fn event_id_text(id: &EventId) -> String {
    match id {
        EventId::Guid(bytes) => Uuid::from_bytes(*bytes).to_string(),
        EventId::Text(text) => text.to_string(),
    }
}

/// `event`: with P = 0, so that two matches of one key in one second are two findings.
fn finding_uid(rule_id: &str, key: &Pairs, event: Option<&str>, opened_ms: i64) -> Uuid {
    let mut pairs: Vec<(&str, Option<&str>)> =
        key.iter().map(|(field, value)| (field.as_str(), value.as_deref())).collect();
    if let Some(id) = event {
        pairs.push(("event", Some(id)));
    }
    hashed(&("finding", rule_id, pairs, opened_ms))
}

fn record_uid(finding: &Uuid, kind: &str, sequence: u32) -> Uuid {
    hashed(&("record", finding.to_string(), kind, sequence))
}

/// `[rule_id, [[field, value], …]]`, JSON in which every hostile character is escaped: the text can
/// be pasted safely and still parses to the values that were hashed.
fn correlation(rule_id: &str, key: &Pairs) -> String {
    let name = compact(&(rule_id, key));
    let mut text = String::with_capacity(name.len());
    for c in name.chars() {
        if is_hostile(c) {
            // Writing to a String cannot fail.
            let _ = write!(text, "\\u{:04x}", u32::from(c));
        } else {
            text.push(c);
        }
    }
    if text.len() > CORRELATION_BYTES_MAX { hashed(&(rule_id, key)).to_string() } else { text }
}

fn hashed(name: &impl serde::Serialize) -> Uuid {
    Uuid::new_v5(&NAMESPACE, compact(name).as_bytes())
}

fn compact(name: &impl serde::Serialize) -> String {
    serde_json::to_string(name).expect("texts, numbers and lists are always JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = "0c8e6c1a-4c1f-4a8e-9a75-6f6d4a4f8b11";

    fn key(pairs: &[(&str, Option<&str>)]) -> Vec<(String, Option<String>)> {
        pairs.iter().map(|(f, v)| ((*f).to_owned(), v.map(str::to_owned))).collect()
    }

    fn vector() -> Vec<(String, Option<String>)> {
        key(&[
            ("tidegate.principal", Some("arn:aws:iam::111111111111:user/suspicious-user")),
            ("tidegate.bucket", Some("sensitive-data-bucket")),
        ])
    }

    #[test]
    fn the_namespace_is_the_urn_in_the_url_namespace() {
        assert_eq!(NAMESPACE, Uuid::new_v5(&Uuid::NAMESPACE_URL, b"urn:tidegate:v1"));
    }

    #[test]
    fn the_published_test_vector_holds() {
        let finding = finding_uid(RULE, &vector(), None, 1_736_953_213_000);
        assert_eq!(finding.to_string(), "fba6fbfd-b6c1-5da7-a260-082f3291ee23");
        for (kind, sequence, expected) in [
            ("create", 1, "a6556560-885f-50dc-aa7d-8c818382fe8a"),
            ("escalate", 3, "ba7dfda8-e48e-53e4-b81f-0cb9b8bcd5b7"),
            ("update", 4, "bd7de4a5-767d-554e-ad78-1f30871d85a1"),
            ("close", 5, "ea068813-5c59-5aa8-899b-82b08cf19a93"),
        ] {
            assert_eq!(record_uid(&finding, kind, sequence).to_string(), expected);
        }
    }

    #[test]
    fn absent_empty_and_missing_keys_are_different_findings() {
        let absent = finding_uid(RULE, &key(&[("b", None)]), None, 0);
        let empty = finding_uid(RULE, &key(&[("b", Some(""))]), None, 0);
        let none = finding_uid(RULE, &[], None, 0);
        assert!(absent != empty && empty != none && none != absent);
    }

    #[test]
    fn two_events_of_one_second_are_two_findings_without_a_period() {
        let of = |id| finding_uid(RULE, &vector(), Some(id), 0);
        assert_ne!(of("a"), of("b"));
        assert_ne!(of("a"), finding_uid(RULE, &vector(), None, 0));
    }

    #[test]
    fn a_separator_inside_a_value_does_not_make_keys_equal() {
        let one = finding_uid(RULE, &key(&[("a", Some("x\",\"y")), ("b", Some(""))]), None, 0);
        let two = finding_uid(RULE, &key(&[("a", Some("x")), ("b", Some("y"))]), None, 0);
        assert_ne!(one, two);
    }

    #[test]
    fn a_correlation_is_json_of_the_original_key_without_hostile_characters() {
        let pairs = key(&[("k", Some("a\u{202e}b\u{7f}\n\"")), ("n", None)]);
        let text = correlation(RULE, &pairs);
        assert!(!text.contains(is_hostile));
        let back: (String, Vec<(String, Option<String>)>) =
            serde_json::from_str(&text).expect("a correlation is JSON");
        assert_eq!(back, (RULE.to_owned(), pairs));
    }

    #[test]
    fn a_long_correlation_is_a_uuid() {
        let pairs = key(&[("k", Some(&"x".repeat(600)))]);
        let text = correlation(RULE, &pairs);
        assert_eq!(text.parse::<Uuid>().expect("a UUID").get_version_num(), 5);
    }
}
