//! The contributing events as OCSF names them.

use super::case::Case;
use super::identity::event_id_text;
use super::ocsf::RelatedEvent;
use super::text::cap;
use super::time::millis_text;
use crate::detect::EventRef;

/// First ten and last ten contributing events (alerts.md §7).
const EVENTS_MAX: usize = 20;

/// The contributing events that have an id. The window keeps ids and times; what call it was is
/// known of the trigger alone.
pub(super) fn related_events(case: &Case<'_>) -> Vec<RelatedEvent> {
    let events = case.finding.events.iter().take(EVENTS_MAX);
    events.filter_map(|event| related_event(case, event)).collect()
}

/// Keeps the first and the last `half` of what is there.
pub(super) fn keep_ends(events: &mut Vec<RelatedEvent>, half: usize) {
    let tail = events.len().saturating_sub(half);
    let mut index = 0;
    events.retain(|_| {
        index += 1;
        index <= half || index > tail
    });
}

fn related_event(case: &Case<'_>, event: &EventRef) -> Option<RelatedEvent> {
    let uid = case.cleaner.some(&event_id_text(&event.id), cap::TEXT)?;
    let millis = event.time.as_millis();
    let mut related = RelatedEvent {
        uid,
        type_uid: None,
        type_name: None,
        title: None,
        first_seen_time: millis,
        first_seen_time_dt: millis_text(millis),
        severity_id: 1,
    };
    if event.id == case.finding.trigger_id
        && let Some(name) = case.fact("eventName")
    {
        let (type_uid, type_name) = call_type(&name, case.fact("readOnly").as_deref());
        let service = case.fact("eventSource").unwrap_or_default();
        let service = service.split('.').next().unwrap_or_default();
        related.title = case.cleaner.some(&format!("{service}:{name}"), cap::TEXT);
        related.type_uid = Some(type_uid);
        related.type_name = Some(type_name.into());
    }
    Some(related)
}

/// OCSF's API Activity by the verb that the call's name starts with.
fn call_type(name: &str, read_only: Option<&str>) -> (u32, &'static str) {
    let starts = |verbs: &[&str]| verbs.iter().any(|verb| name.starts_with(verb));
    if starts(&["Get", "List", "Head", "Describe", "Select", "Lookup"]) {
        (600_302, "API Activity: Read")
    } else if starts(&["Delete", "Remove", "Abort"]) {
        (600_304, "API Activity: Delete")
    } else if starts(&["Create", "PutObject", "Upload", "Copy", "CompleteMultipart", "Run"])
        && !starts(&["PutObjectAcl", "PutObjectTagging", "PutObjectRetention"])
    {
        (600_301, "API Activity: Create")
    } else if starts(&["Put", "Update", "Modify", "Set", "Attach", "Detach", "Add", "Restore"]) {
        (600_303, "API Activity: Update")
    } else if read_only == Some("true") {
        (600_302, "API Activity: Read")
    } else {
        (600_399, "API Activity: Other")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verb_decides_the_type_of_a_call() {
        for (name, read_only, expected) in [
            ("GetObject", None, 600_302),
            ("ListObjects", None, 600_302),
            ("PutObject", None, 600_301),
            ("PutObjectAcl", None, 600_303),
            ("UploadPartCopy", None, 600_301),
            ("PutBucketPolicy", None, 600_303),
            ("DeleteObjects", None, 600_304),
            ("StopLogging", Some("false"), 600_399),
            ("Decrypt", Some("true"), 600_302),
        ] {
            assert_eq!(call_type(name, read_only).0, expected, "{name}");
        }
    }
}
