//! Tests of the whole room: text in, matches and problems out.

mod dispatch;
mod errors;
mod filters;
mod loading;
mod matching;
mod modifiers;
mod pack;
mod severity;
mod sigma_schema;

use super::{LoadOptions, Loaded, RuleFile, RuleSet, load};
use crate::event::{Event, FieldSet, Identity, Number, Source, Value as Field};
use crate::units::EventTime;
use serde_json::Value;
use std::borrow::Cow;

/// A deployment's own file.
fn own(text: &str) -> RuleFile {
    RuleFile { name: "rules/a.yml".into(), text: text.into(), builtin: false }
}

/// Loads one file of a deployment.
fn load_one(text: &str) -> Loaded {
    load(&[own(text)], &LoadOptions::default())
}

/// Loads one file that must have no problem.
fn rules_of(text: &str) -> RuleSet {
    let loaded = load_one(text);
    let problems: Vec<_> = loaded.problems.iter().map(ToString::to_string).collect();
    loaded.rules.unwrap_or_else(|| panic!("{problems:#?}"))
}

/// A detection rule around these searches.
fn rule(detection: &str) -> String {
    let lines: Vec<String> = detection.lines().map(|line| format!("  {line}\n")).collect();
    let detection = lines.concat();
    format!(
        "title: T\nname: t\nlogsource: {{product: aws, service: cloudtrail}}\ndetection:\n{detection}"
    )
}

/// Which rules, by name, match the record.
fn matches(rules: &RuleSet, record: &Value) -> Vec<String> {
    let mut out = Vec::new();
    let raw = record.to_string();
    let mut event = event_of(record, rules.fields());
    event.raw = raw.as_bytes();
    rules.matching(&event, &mut out);
    // Whatever is asked of matching is asked of the explanation too: they may never disagree.
    let explained = rules.explain(&event);
    let holding = explained.iter().filter(|base| base.holds()).flat_map(|base| &base.rules);
    let explained: std::collections::BTreeSet<_> = holding.copied().collect();
    let matched: Vec<_> = out.iter().map(|one| one.rule).collect();
    assert_eq!(explained.into_iter().collect::<Vec<_>>(), matched, "explained otherwise: {record}");
    matched.iter().map(|index| rules.rule(*index).text.name.clone()).collect()
}

/// Reads a record as a decoder does, for raw fields; a member may be named `tidegate.x` as well.
fn event_of<'a>(record: &'a Value, fields: &FieldSet) -> Event<'a> {
    let values = fields.iter().map(|(_, name)| field_of(record, name)).collect();
    Event {
        source: Source::CloudTrail,
        time: EventTime::from_millis(0),
        identity: Identity(0),
        shared_identity: None,
        id: Cow::Borrowed(""),
        raw: b"",
        values,
    }
}

fn field_of<'a>(value: &'a Value, path: &str) -> Field<'a> {
    if path.is_empty() {
        return converted(value);
    }
    match value {
        Value::Object(members) => {
            if let Some(member) = members.get(path) {
                return converted(member);
            }
            let (first, rest) = path.split_once('.').unwrap_or((path, ""));
            let name = if first == "arn" && !members.contains_key("arn") { "ARN" } else { first };
            members.get(name).map_or(Field::Absent, |member| field_of(member, rest))
        }
        Value::Array(items) => Field::List(
            items
                .iter()
                .map(|item| field_of(item, path))
                .filter(|field| *field != Field::Absent)
                .collect(),
        ),
        _ => Field::Absent,
    }
}

fn converted(value: &Value) -> Field<'_> {
    match value {
        Value::Null => Field::Null,
        Value::Bool(value) => Field::Bool(*value),
        Value::Number(number) => Field::Number(match (number.as_u64(), number.as_i64()) {
            (Some(value), _) => Number::Unsigned(value),
            (None, Some(value)) => Number::Signed(value),
            _ => Number::Float(number.as_f64().unwrap_or_default()),
        }),
        Value::String(text) => Field::Text(Cow::Borrowed(text)),
        Value::Array(items) => Field::List(items.iter().map(converted).collect()),
        Value::Object(_) => Field::Object(Cow::Owned(value.to_string())),
    }
}
