//! An alert for a person at a terminal: `tail`, `scan --format pretty`, the demo.
//!
//! Every piece of the alert passes through [`visible`] again, whoever wrote the topic: colour codes
//! and line breaks come from this file alone (alerts.md §8).

use super::text::visible;
use serde_json::Value;
use std::fmt::Write;

/// Whether the text carries terminal colours; the caller knows where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// ANSI colours.
    Always,
    /// Plain text.
    Never,
}

/// Bytes of one shown piece of text.
const PIECE_BYTES_MAX: usize = 512;

/// One alert as a few lines, the last one ended by a line break. Members that are not there are left
/// out, so any JSON value gives a text.
///
/// ```text
/// HIGH  2025-01-15T15:05:31.417Z  Large S3 download detected: …
///       principal  arn:aws:iam::111111111111:user/suspicious-user
///       amount     1073742000 (tier high from 1073741824)
/// ```
#[must_use]
pub fn pretty(alert: &Value, colour: Colour) -> String {
    let severity = text(alert, "/severity").unwrap_or_else(|| "Unknown".into()).to_uppercase();
    let time = text(alert, "/time_dt").unwrap_or_default();
    let title = text(alert, "/message").unwrap_or_default();
    let kind = text(alert, "/unmapped/alert_context/kind").unwrap_or_default();
    let marker = if kind == "escalate" { " ▲" } else { "" };
    let (paint, bold, dim, plain) = match colour {
        Colour::Always => (severity_code(alert), "\x1b[1m", "\x1b[2m", "\x1b[0m"),
        Colour::Never => ("", "", "", ""),
    };
    let mut out =
        format!("{paint}{severity}{marker}{plain}  {dim}{time}{plain}  {bold}{title}{plain}\n");
    for (name, value) in details(alert) {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "    {dim}{name:<10}{plain} {value}");
    }
    out
}

fn details(alert: &Value) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    let mut add = |name, value: Option<String>| lines.extend(value.map(|value| (name, value)));
    add("rule", rule(alert));
    add("principal", principal(alert));
    add("bucket", text(alert, "/resources/0/name"));
    add("amount", amount(alert));
    add("window", window(alert));
    add("addresses", addresses(alert));
    add("finding", text(alert, "/finding_info/uid"));
    lines
}

fn rule(alert: &Value) -> Option<String> {
    text(alert, "/unmapped/alert_context/rule_name")
        .or_else(|| text(alert, "/finding_info/analytic/uid"))
}

/// The key that was grouped by says more than the session that happened to cross.
fn principal(alert: &Value) -> Option<String> {
    let group = alert.pointer("/unmapped/alert_context/group/tidegate.principal");
    group
        .and_then(shown)
        .or_else(|| text(alert, "/evidences/0/actor/user/uid"))
        .or_else(|| text(alert, "/evidences/0/actor/user/name"))
}

fn amount(alert: &Value) -> Option<String> {
    let context = alert.pointer("/unmapped/alert_context")?;
    let amount = text(context, "/amount")?;
    let threshold = text(context, "/threshold")?;
    let tier = text(context, "/tier").unwrap_or_default();
    let count = text(alert, "/count").unwrap_or_default();
    let was = text(context, "/previous_severity").map(|was| format!(", was {was}"));
    let was = was.unwrap_or_default();
    Some(format!("{amount} in {count} events (tier {tier} from {threshold}{was})"))
}

fn window(alert: &Value) -> Option<String> {
    let context = alert.pointer("/unmapped/alert_context")?;
    let kind = text(context, "/window_kind")?;
    let seconds = text(context, "/window_seconds")?;
    let (start, end) = (text(alert, "/start_time_dt")?, text(alert, "/end_time_dt")?);
    Some(format!("{kind} {seconds} s, events {start} to {end}"))
}

fn addresses(alert: &Value) -> Option<String> {
    let context = alert.pointer("/unmapped/alert_context/source_ips").and_then(Value::as_array);
    let listed: Vec<String> = context.into_iter().flatten().filter_map(shown).collect();
    if !listed.is_empty() {
        return Some(listed.join(", "));
    }
    ["ip", "domain", "svc_name"]
        .iter()
        .find_map(|member| text(alert, &format!("/evidences/0/src_endpoint/{member}")))
}

fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(shown)
}

/// A scalar as safe text; nothing for objects, lists, null and empty text.
fn shown(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => visible(text, PIECE_BYTES_MAX).into_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        _ => return None,
    };
    Some(text).filter(|text| !text.is_empty())
}

fn severity_code(alert: &Value) -> &'static str {
    match alert.pointer("/severity_id").and_then(Value::as_u64) {
        Some(5) => "\x1b[1;97;41m",
        Some(4) => "\x1b[1;31m",
        Some(3) => "\x1b[1;33m",
        Some(2) => "\x1b[1;36m",
        _ => "\x1b[1m",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_alert_reads_top_down_from_severity_to_uid() {
        let alert = json!({
            "message": "Large S3 download", "severity": "High", "severity_id": 4,
            "time_dt": "2025-01-15T15:05:31.417Z", "count": 200,
            "start_time_dt": "2025-01-15T15:00:00.000Z", "end_time_dt": "2025-01-15T15:04:59.000Z",
            "finding_info": {"uid": "fba6fbfd"},
            "resources": [{"name": "data"}],
            "unmapped": {"alert_context": {
                "kind": "escalate", "rule_name": "s3_large_download", "tier": "high",
                "group": {"tidegate.principal": "arn:aws:iam::1:user/a"},
                "amount": 1_073_742_000, "threshold": 1_073_741_824, "window_kind": "sliding",
                "window_seconds": 600, "previous_severity": "Medium", "source_ips": ["2.2.2.2"],
            }},
        });
        assert_eq!(
            pretty(&alert, Colour::Never),
            "HIGH ▲  2025-01-15T15:05:31.417Z  Large S3 download\n    \
             rule       s3_large_download\n    \
             principal  arn:aws:iam::1:user/a\n    \
             bucket     data\n    \
             amount     1073742000 in 200 events (tier high from 1073741824, was Medium)\n    \
             window     sliding 600 s, events 2025-01-15T15:00:00.000Z to 2025-01-15T15:04:59.000Z\n    \
             addresses  2.2.2.2\n    \
             finding    fba6fbfd\n"
        );
    }

    #[test]
    fn text_from_the_topic_cannot_move_the_cursor_or_add_lines() {
        let evil = "a\u{1b}[31m\nHIGH\u{202e}";
        let alert = json!({
            "message": evil, "severity": evil, "time_dt": evil,
            "finding_info": {"uid": evil}, "resources": [{"name": evil}],
            "evidences": [{"actor": {"user": {"uid": evil}}, "src_endpoint": {"ip": evil}}],
            "unmapped": {"alert_context": {"rule_name": evil, "amount": evil, "threshold": evil}},
        });
        let plain = pretty(&alert, Colour::Never);
        assert!(!plain.contains(['\u{1b}', '\u{202e}']));
        assert_eq!(plain.lines().count(), 7);
        assert!(pretty(&alert, Colour::Always).matches('\u{1b}').count().is_multiple_of(2));
    }

    #[test]
    fn any_json_value_gives_a_text() {
        for value in [json!(null), json!([]), json!("x"), json!({"unmapped": 3})] {
            assert!(pretty(&value, Colour::Never).starts_with("UNKNOWN"));
        }
    }
}
