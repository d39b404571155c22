//! Records that could not be read, on their way to the dead-letter topic (alerts.md §6).
//!
//! Key and value are the input's, unchanged; what is known about them is in headers, in front of
//! the input's own. No header value but the input's own ever holds text of the input.

use super::cluster::InputRecord;
use super::processing::OwnedRecord;
use crate::event::{Refusal, RefusalReason};
use crate::units::{PartitionId, WallTime};

/// A detail is cut to this many bytes.
const DETAIL_BYTES: usize = 512;
/// Of a record that is too large for the dead-letter topic, this much is kept.
const STUB_BYTES: usize = 64 * 1024;
/// Header names that this module writes; the input's own headers of these names are left out.
const PREFIX: &str = "dlq_";

/// Where the record was read.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Input topic.
    pub topic: &'a str,
    /// Its partition.
    pub partition: PartitionId,
}

/// The dead letter of `record`; only the first bytes are kept when it is larger than
/// `max_bytes`, and its reason is then `too_large` already.
#[must_use]
pub fn dead_letter(
    place: Place<'_>,
    record: &InputRecord<'_>,
    refusal: &Refusal,
    max_bytes: usize,
    wall: WallTime,
) -> OwnedRecord {
    let mut headers = vec![
        header("topic", place.topic),
        header("partition", &place.partition.to_string()),
        header("offset", &record.offset.to_string()),
    ];
    if let Some(time) = record.time {
        headers.push(header("timestamp", &time.as_millis().to_string()));
    }
    headers.push(header("stage", stage(refusal.reason)));
    headers.push(header("reason", reason(refusal.reason)));
    headers.push(header("error", cut(&refusal.detail, DETAIL_BYTES)));
    if let Some(index) = refusal.index {
        headers.push(header("index", &index.to_string()));
    }
    let is_stub = record.value.len() > max_bytes;
    if is_stub {
        headers.push(header("size", &record.value.len().to_string()));
    }
    record.headers.each(&mut |name, value| {
        if !name.starts_with(PREFIX) {
            headers.push((name.to_owned(), value.unwrap_or_default().to_vec()));
        }
    });
    let kept = if is_stub { STUB_BYTES.min(max_bytes) } else { record.value.len() };
    OwnedRecord {
        key: record.key.map(<[u8]>::to_vec),
        value: Some(record.value.get(..kept).unwrap_or_default().to_vec()),
        headers,
        time: Some(wall),
    }
}

/// The refusal of a record that is too large to be looked at.
#[must_use]
pub(super) fn too_large(bytes: usize, max_bytes: usize) -> Refusal {
    Refusal {
        reason: RefusalReason::TooLarge,
        index: None,
        line: None,
        detail: format!("the record has {bytes} bytes, allowed are {max_bytes}"),
    }
}

/// The closed set of `dlq_reason`.
#[must_use]
pub const fn reason(reason: RefusalReason) -> &'static str {
    match reason {
        RefusalReason::Utf8 => "utf8",
        RefusalReason::Json => "json",
        RefusalReason::Line => "line",
        RefusalReason::Envelope => "envelope",
        RefusalReason::NoEventTime => "no_event_time",
        RefusalReason::TooLarge => "too_large",
        RefusalReason::FieldType => "field_type",
    }
}

const fn stage(reason: RefusalReason) -> &'static str {
    match reason {
        RefusalReason::Utf8
        | RefusalReason::Json
        | RefusalReason::Line
        | RefusalReason::Envelope
        | RefusalReason::TooLarge => "decode",
        RefusalReason::NoEventTime | RefusalReason::FieldType => "normalize",
    }
}

fn header(name: &str, value: &str) -> (String, Vec<u8>) {
    (format!("{PREFIX}{name}"), value.as_bytes().to_vec())
}

fn cut(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::cluster::Headers;
    use crate::units::{Offset, RecordTime};

    struct Two;

    impl Headers for Two {
        fn each(&self, each: &mut dyn FnMut(&str, Option<&[u8]>)) {
            each("trace", Some(b"1"));
            each("dlq_reason", Some(b"forged"));
        }
    }

    fn made(value: &[u8], refusal: &Refusal, max_bytes: usize) -> OwnedRecord {
        let record = InputRecord {
            offset: Offset(41),
            time: Some(RecordTime::from_millis(7)),
            key: Some(b"alice"),
            value,
            headers: &Two,
        };
        let place = Place { topic: "cloudtrail", partition: PartitionId(3) };
        dead_letter(place, &record, refusal, max_bytes, WallTime::from_millis(9))
    }

    fn named<'a>(record: &'a OwnedRecord, name: &str) -> Vec<&'a [u8]> {
        record.headers.iter().filter(|(n, _)| n == name).map(|(_, v)| &**v).collect()
    }

    #[test]
    fn key_and_value_are_unchanged_and_the_headers_name_the_origin() {
        let refusal = Refusal {
            reason: RefusalReason::Json,
            index: Some(2),
            line: None,
            detail: "no closing brace".to_owned(),
        };

        let record = made(b"{\xff", &refusal, 100);

        assert_eq!(record.key.as_deref(), Some(&b"alice"[..]));
        assert_eq!(record.value.as_deref(), Some(&b"{\xff"[..]));
        assert_eq!(named(&record, "dlq_topic"), [b"cloudtrail"]);
        assert_eq!(named(&record, "dlq_partition"), [b"3"]);
        assert_eq!(named(&record, "dlq_offset"), [b"41"]);
        assert_eq!(named(&record, "dlq_timestamp"), [b"7"]);
        assert_eq!(named(&record, "dlq_stage"), [b"decode"]);
        assert_eq!(named(&record, "dlq_index"), [b"2"]);
        assert_eq!(named(&record, "trace"), [b"1"]);
    }

    #[test]
    fn an_input_cannot_forge_our_headers() {
        let record = made(b"x", &too_large(1, 0), 100);

        assert_eq!(named(&record, "dlq_reason"), [b"too_large"]);
    }

    #[test]
    fn a_record_too_large_for_the_topic_becomes_a_stub_with_its_size() {
        let value = vec![b'a'; 200_000];

        let record = made(&value, &too_large(200_000, 100_000), 100_000);

        assert_eq!(record.value.map(|value| value.len()), Some(STUB_BYTES));
        assert_eq!(record.headers.iter().filter(|(name, _)| name == "dlq_size").count(), 1);
    }

    #[test]
    fn a_long_detail_is_cut_at_a_character() {
        assert_eq!(cut("aé", 2), "a");
        assert_eq!(cut("aé", 3), "aé");
    }
}
