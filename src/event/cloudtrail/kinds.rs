//! Which CloudTrail record is an event, which is left aside, and which cannot be taken (sources.md §2.8, §8).

use super::input::{Input, Raw};
use crate::event::entry::{Identity, Skip};
use crate::event::value::Value;

/// What a JSON object is, judged by its CloudTrail members alone.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::event) enum Kind {
    /// An API call, a service event or a network activity event.
    Event,
    Skip(Skip),
    /// A member has a kind that leaves its meaning open; its name.
    FieldType(&'static str),
    /// Not plainly a CloudTrail record: the container rules decide.
    Unclear,
}

/// Judges a record. Insight and Aggregated records name no call and may have no time, so they come first.
pub(in crate::event) fn judge(raw: &Raw<'_, '_>, identity_is_wrong: bool) -> Kind {
    let present = |input| !raw.value(input).is_nothing();
    let event_type = raw.value(Input::EventType).as_text().unwrap_or("");
    let is_record = (present(Input::EventVersion)
        && (present(Input::EventName) || present(Input::EventCategory)))
        || event_type.starts_with("Aws");
    // S3 notifications have `eventVersion` 2.x, `eventName` and `eventSource` as well.
    let is_notification =
        raw.value(Input::EventSource).as_text().is_some_and(|text| text.starts_with("aws:"))
            || raw.value(Input::EventVersion).as_text().is_some_and(|text| text.starts_with("2."));
    if !is_record || is_notification {
        return Kind::Unclear;
    }
    judge_record(raw, identity_is_wrong)
}

/// Judges what is known to be meant as a CloudTrail record.
pub(in crate::event) fn judge_record(raw: &Raw<'_, '_>, identity_is_wrong: bool) -> Kind {
    const TEXTS: [Input; 6] = [
        Input::EventName,
        Input::EventSource,
        Input::EventType,
        Input::EventCategory,
        Input::EventId,
        Input::SharedEventId,
    ];
    for input in TEXTS {
        if !matches!(raw.value(input), Value::Text(_) | Value::Null | Value::Absent) {
            return Kind::FieldType(input.path());
        }
    }
    if identity_is_wrong {
        return Kind::FieldType("userIdentity");
    }
    let category = raw.value(Input::EventCategory).as_text().unwrap_or("");
    match raw.value(Input::EventType).as_text().unwrap_or("") {
        "AwsCloudTrailInsight" => return Kind::Skip(Skip::Insight),
        "AwsAggregatedEvent" => return Kind::Skip(Skip::Aggregated),
        _ => {}
    }
    match category {
        "Insight" => Kind::Skip(Skip::Insight),
        "Aggregated" => Kind::Skip(Skip::Aggregated),
        _ => Kind::Event,
    }
}

/// The second identity (semantics.md §3): none for network activity, which shares the id of its data
/// event and is not a copy of it.
pub(in crate::event) fn shared_identity(
    shared_id: Option<&str>,
    event_type: Option<&str>,
    category: Option<&str>,
) -> Option<Identity> {
    if event_type == Some("AwsVpceEvent") || category == Some("NetworkActivity") {
        return None;
    }
    let shared_id = shared_id.filter(|id| !id.is_empty())?;
    Some(Identity::of_shared(shared_id, event_type.unwrap_or("")))
}
