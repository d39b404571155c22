//! What `scan` and `publish` say at the end: for people, and as JSON.

use crate::alert::visible;
use crate::detect::Outcome;
use crate::event::{RefusalReason, Skip};
use crate::scan::{Place, Summary};
use serde_json::{Value, json};
use std::fmt::Write;
use std::time::Duration;

/// Bytes of a path or a reason that are shown.
const SHOWN_BYTES: usize = 300;
const OUTCOMES: [Outcome; 4] =
    [Outcome::Matched, Outcome::Ignored, Outcome::Late, Outcome::Duplicate];

/// Several lines; text that comes from file names is made visible.
pub(super) fn text(summary: &Summary, elapsed: Duration) -> String {
    let mut out = format!(
        "{} in {} ({:.1} MB) in {:.1} s\n",
        counted(summary.events(), "event"),
        counted(summary.files as u64, "file"),
        summary.bytes as f64 / 1e6,
        elapsed.as_secs_f64()
    );
    let outcomes = OUTCOMES.map(|outcome| {
        let count = summary.outcomes.get(&outcome).copied().unwrap_or(0);
        format!("{} {count}", outcome_name(outcome))
    });
    line(&mut out, &outcomes.join(" · "));
    if summary.outside > 0 {
        line(&mut out, &format!("{} outside of --from and --to", summary.outside));
    }
    out.push_str(&input_text(summary));
    if summary.alert_count() == 0 {
        line(&mut out, "no alerts");
    }
    for ((rule, level), count) in &summary.alerts {
        let rule = visible(rule, SHOWN_BYTES);
        line(&mut out, &format!("{} {rule} {}", counted(*count, "alert"), level.name()));
    }
    if summary.waiting > 0 {
        let windows = counted(summary.waiting, "window");
        line(&mut out, &format!("{windows} not judged: no event is late enough to close them"));
    }
    out
}

/// What was skipped, refused and unreadable.
pub(super) fn input_text(summary: &Summary) -> String {
    let mut out = String::new();
    if summary.left_aside > 0 {
        line(
            &mut out,
            &format!(
                "{} in folders left aside: no logs",
                counted(summary.left_aside as u64, "file")
            ),
        );
    }
    for (skip, count) in &summary.skipped {
        line(&mut out, &format!("skipped: {count} {}", skip_name(*skip)));
    }
    for (reason, count) in &summary.refused {
        line(&mut out, &format!("cannot be read: {count} {}", reason_name(*reason)));
        for place in summary.places.get(reason).into_iter().flatten() {
            line(&mut out, &format!("  {}", place_text(place)));
        }
    }
    for unreadable in &summary.unreadable {
        let path = visible(&unreadable.path, SHOWN_BYTES);
        line(&mut out, &format!("unreadable: {path}: {}", visible(&unreadable.why, SHOWN_BYTES)));
    }
    out
}

/// The same as JSON, with stable names.
pub(super) fn json(summary: &Summary, elapsed: Duration) -> Value {
    let outcomes: serde_json::Map<String, Value> = OUTCOMES
        .iter()
        .map(|outcome| {
            let count = summary.outcomes.get(outcome).copied().unwrap_or(0);
            (outcome_name(*outcome).to_owned(), count.into())
        })
        .collect();
    let skipped: serde_json::Map<String, Value> = summary
        .skipped
        .iter()
        .map(|(skip, count)| (skip_name(*skip).to_owned(), (*count).into()))
        .collect();
    let refused: Vec<Value> = summary
        .refused
        .iter()
        .map(|(reason, count)| {
            let places = summary.places.get(reason).into_iter().flatten();
            let places: Vec<Value> = places
                .map(|place| {
                    let Place { path, line, index, detail } = place;
                    json!({"path": path, "line": line, "index": index, "detail": detail})
                })
                .collect();
            json!({"reason": reason_name(*reason), "count": count, "places": places})
        })
        .collect();
    let alerts: Vec<Value> = summary
        .alerts
        .iter()
        .map(|((rule, level), count)| {
            json!({"rule": rule, "severity": level.name(), "count": count})
        })
        .collect();
    let unreadable: Vec<Value> =
        summary.unreadable.iter().map(|one| json!({"path": one.path, "why": one.why})).collect();
    json!({
        "files": summary.files,
        "left_aside": summary.left_aside,
        "bytes": summary.bytes,
        "seconds": elapsed.as_secs_f64(),
        "events": summary.events(),
        "outcomes": outcomes,
        "outside": summary.outside,
        "skipped": skipped,
        "refused": refused,
        "unreadable": unreadable,
        "alerts": alerts,
        "waiting_windows": summary.waiting,
    })
}

fn line(out: &mut String, text: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "  {text}");
}

/// `1 event`, `2 events`
pub(super) fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn place_text(place: &Place) -> String {
    let path = visible(&place.path, SHOWN_BYTES);
    let entry = place.index.map(|index| format!(", record {}", index + 1)).unwrap_or_default();
    format!("{path}:{}{entry}: {}", place.line, visible(&place.detail, SHOWN_BYTES))
}

/// As the metric's label (operations.md §1).
pub(super) fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Matched => "matched",
        Outcome::Ignored => "ignored",
        Outcome::Late => "late",
        Outcome::Duplicate => "duplicate",
    }
}

/// As the metric's label (sources.md §8).
pub(super) fn skip_name(skip: Skip) -> &'static str {
    match skip {
        Skip::Digest => "digest",
        Skip::Insight => "insight",
        Skip::Aggregated => "aggregated",
        Skip::Control => "control",
        Skip::TestEvent => "test_event",
        Skip::Blank => "blank",
        Skip::Empty => "empty",
    }
}

/// As the header of a dead letter (alerts.md §6).
fn reason_name(reason: RefusalReason) -> &'static str {
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
