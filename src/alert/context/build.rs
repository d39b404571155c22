//! Fills `alert_context` from a finding.

use super::{AlertContext, ContextValue, FIXED_NAMES, Members, SCHEMA, Scalar, SourcePlace};
use crate::alert::case::Case;
use crate::alert::identity::kind_name;
use crate::alert::severity::severity;
use crate::alert::text::cap;
use crate::alert::time::{millis_text, seconds_text};
use crate::alert::value::Filter;
use crate::detect::WindowSpan;
use crate::rule::WindowKind;
use crate::units::EventTime;

/// Members that a rule can add (alerts.md §7).
const NAMED_MAX: usize = 32;
/// Fields of a group key that are shown.
const GROUP_FIELDS_MAX: usize = 8;

/// The context of one finding; `sanitized` is set when the whole body is written.
pub(crate) fn alert_context(case: &Case<'_>) -> AlertContext {
    let finding = case.finding;
    let text = &case.rule.text;
    let window = finding.window.as_ref();
    AlertContext {
        schema: SCHEMA.into(),
        kind: kind_name(finding.kind).into(),
        rule_id: case.cleaner.text(&text.id, cap::TEXT),
        rule_name: case.cleaner.some(&text.name, cap::TEXT),
        rule_author: case.cleaner.some(&text.author, cap::TEXT),
        group: group(case),
        episode_opened_ms: finding.opened.as_millis(),
        named: named(case),
        // Without a window there is nothing to add up.
        amount: window.map(|_| finding.amount),
        threshold: finding.threshold,
        tier: severity(finding.tier_level()).level.into(),
        window_kind: window.map(|window| kind_text(window.kind).into()),
        window_seconds: window.map(seconds),
        window_start: window.map(|window| time_text(window.start)),
        window_end: window.map(|window| time_text(window.end)),
        late: finding.late,
        rules_fingerprint: format!("{:08x}", case.catalogue.fingerprint()),
        source: SourcePlace {
            topic: case.cleaner.text(case.source_topic, cap::TEXT),
            partition: finding.origin.partition.0,
            offset: finding.origin.offset.0,
        },
        previous_severity: finding.previous_level.map(|level| severity(level).caption.into()),
        severity_reason: finding.raised.as_ref().map(|raised| {
            let list = case.cleaner.text(&raised.list, cap::NAME);
            format!("one step above {}: the bucket is in {list}", severity(raised.from).caption)
        }),
        sanitized: None,
    }
}

fn group(case: &Case<'_>) -> Members<Option<String>> {
    let shown = case.finding.group.iter().take(GROUP_FIELDS_MAX).map(|(field, value)| {
        let value = value.as_deref().map(|value| case.cleaner.text(value, cap::ARN));
        (case.cleaner.text(field, cap::NAME), value)
    });
    Members(shown.collect())
}

fn named(case: &Case<'_>) -> Members<ContextValue> {
    let mut members: Vec<(String, ContextValue)> = Vec::new();
    let mut add = |name: &str, value: Option<ContextValue>| {
        let name = case.cleaner.text(name, cap::NAME);
        let is_taken =
            FIXED_NAMES.contains(&name.as_str()) || members.iter().any(|(known, _)| *known == name);
        if let Some(value) = value.filter(|_| !is_taken && members.len() < NAMED_MAX) {
            members.push((name, value));
        }
    };
    for (name, source) in &case.rule.text.alert_context {
        add(name, from_source(case, source));
    }
    for (name, collected) in &case.finding.collected {
        add(name, case.collected(name, collected));
    }
    Members(members)
}

fn from_source(case: &Case<'_>, source: &str) -> Option<ContextValue> {
    if let Some(text) = source.strip_prefix('=') {
        return Some(ContextValue::One(Scalar::Text(case.cleaner.text(text, cap::TEXT))));
    }
    let mut parts = source.split('|').map(str::trim);
    let value = case.resolve(parts.next()?)?;
    parts.filter_map(Filter::named).try_fold(value, |value, filter| filter.apply(&value))
}

fn kind_text(kind: WindowKind) -> &'static str {
    match kind {
        WindowKind::Sliding => "sliding",
        WindowKind::Tumbling => "tumbling",
    }
}

fn seconds(window: &WindowSpan) -> u64 {
    u64::try_from(window.span.as_millis() / 1000).unwrap_or(0)
}

/// Seconds, as the logs have it, unless the window ends between two.
fn time_text(time: EventTime) -> String {
    let millis = time.as_millis();
    if millis % 1000 == 0 { seconds_text(millis) } else { millis_text(millis) }
}
