//! What a record holds once it is read: events, entries left aside, and entries refused.

use super::field::FieldId;
use super::value::Value;
use crate::units::EventTime;
use std::borrow::Cow;

/// Where a log entry comes from; the values of `logsource.service` (sources.md §1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// AWS CloudTrail.
    CloudTrail,
}

impl Source {
    /// The name used in rules, configuration and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Source::CloudTrail => "cloudtrail",
        }
    }
}

/// A 64-bit fingerprint of what makes an event the same event again (semantics.md §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity(pub u64);

/// The identity as text for people and findings: 16 bytes when it is a lower-case GUID.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventId {
    /// A GUID in its usual lower-case form.
    Guid([u8; 16]),
    /// Anything else.
    Text(Box<str>),
}

/// One decoded log entry.
///
/// `values` is indexed by [`FieldId`] of the [`super::FieldSet`] that the decoder was built with.
#[derive(Debug, Clone)]
pub struct Event<'a> {
    /// The kind of log.
    pub source: Source,
    /// The entry's own time.
    pub time: EventTime,
    /// For de-duplication; the hash of the bytes when the entry names no id.
    pub identity: Identity,
    /// CloudTrail: fingerprint of (`sharedEventID`, `eventType`) when present (semantics.md §3).
    pub shared_identity: Option<Identity>,
    /// `eventID` as written; empty when absent.
    pub id: Cow<'a, str>,
    /// The entry's own JSON text, for what an alert shows of its trigger ([`super::Facts`]).
    pub raw: &'a [u8],
    /// Values by field.
    pub values: Vec<Value<'a>>,
}

impl<'a> Event<'a> {
    /// The value of `field`; [`Value::Absent`] for a field of another set.
    #[must_use]
    pub fn value(&self, field: FieldId) -> &Value<'a> {
        self.values.get(usize::from(field.0)).unwrap_or(&Value::Absent)
    }
}

/// One entry of a record, in the record's order.
#[derive(Debug)]
pub enum Entry<'e, 'a> {
    /// A log entry that rules see.
    Event(&'e Event<'a>),
    /// Recognised and left aside.
    Skipped(Skip),
    /// Cannot be read: goes to the dead-letter topic, or to the summary of a scan.
    Refused(Refusal),
}

/// Why an entry is left aside (sources.md §8, `tidegate_records_skipped_total`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Skip {
    /// A CloudTrail digest file.
    Digest,
    /// A CloudTrail Insight.
    Insight,
    /// Aggregated data events.
    Aggregated,
    /// A CloudWatch Logs control message.
    Control,
    /// The message S3 sends when a notification is set up.
    TestEvent,
    /// An empty line.
    Blank,
    /// No bytes, no `Records`, or a tombstone.
    Empty,
}

/// Why an entry cannot be read: closed set, `dlq_reason` and metric label (alerts.md §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefusalReason {
    /// Not UTF-8.
    Utf8,
    /// Not JSON.
    Json,
    /// A text line that does not fit its format.
    Line,
    /// Readable, but not a log entry of this source.
    Envelope,
    /// No readable event time.
    NoEventTime,
    /// Larger than allowed, or inflates beyond 64 MiB.
    TooLarge,
    /// A member of the wrong kind where it decides meaning.
    FieldType,
}

/// An entry that cannot be read, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The closed reason.
    pub reason: RefusalReason,
    /// Index of the entry in its container; `None` when the container itself is refused.
    pub index: Option<usize>,
    /// Line of the entry, from 1, in a text of JSON lines.
    pub line: Option<usize>,
    /// One sentence for people, at most 512 bytes, without any text of the input.
    pub detail: String,
}
