//! `correlation:` → which rules count together, by what, over how long, from which amount on.

use super::condition;
use super::derived;
use super::keys::CORRELATION_CONDITION;
use super::model::Condition;
use super::report::{Report, nearest_or_all, shown};
use super::shape::{self, Shape};
use super::yaml::{Key, Node};
use crate::units::Span;

/// A correlation, checked as far as it can be without the other documents.
#[derive(Debug, Clone)]
pub(super) struct Correlation {
    pub(super) kind: CorrelationKind,
    pub(super) rules: Vec<Key>,
    /// Fields, or names of `aliases`.
    pub(super) group_by: Vec<Key>,
    /// Names in `group_by` that stand for different fields of different rules.
    pub(super) aliases: Vec<Alias>,
    pub(super) timespan: Span,
    pub(super) condition: Condition,
}

/// One name for a field that differs between the rules.
#[derive(Debug, Clone)]
pub(super) struct Alias {
    pub(super) name: Key,
    /// A rule's name or id, and its field.
    pub(super) fields: Vec<(Key, Key)>,
}

/// What is added up.
#[derive(Debug, Clone)]
pub(super) enum CorrelationKind {
    EventCount,
    ValueSum(Key),
    /// Different tuples of these fields.
    ValueCount(Vec<Key>),
    /// `value_count` of the signals that the rules give.
    SignalCount(Key),
    /// Rules that match within the window: all, or as the condition over their names says.
    Temporal {
        ordered: bool,
        condition: Option<condition::Condition>,
    },
}

/// What a referenced rule gives by its tag `signal.KIND` (rules.md §2).
pub(super) const SIGNAL: &str = "tidegate.signal";

pub(super) const SUPPORTED: [&str; 5] =
    ["event_count", "value_sum", "value_count", "temporal", "temporal_ordered"];
pub(super) const NOT_YET: [&str; 5] = [
    "value_avg",
    "value_percentile",
    "value_median",
    "extended_temporal",
    "extended_temporal_ordered",
];

/// Reads the value of `correlation`, whose keys and types have been checked.
pub(super) fn read(node: &Node, report: &mut Report) -> Option<Correlation> {
    let kind = read_kind(node, report);
    let rules = shape::texts(node.get("rules"));
    if rules.is_empty() && node.get("rules").is_some_and(|rules| rules.as_list().is_some()) {
        report.error(node.mark, "empty", "the correlation refers to no rule");
    }
    let (group_by, aliases) = read_group_by(node, report);
    let timespan = shape::span(node.get("timespan"));
    if timespan == Some(Span::ZERO) {
        let at = node.get("timespan").map_or(node.mark, |node| node.mark);
        report.error(at, "value", "a window of no length holds nothing");
    }
    let timespan = timespan.filter(|span| *span > Span::ZERO);
    if let Some(kind @ ("temporal" | "temporal_ordered")) = kind.as_deref() {
        let ordered = kind == "temporal_ordered";
        let condition = read_rules_condition(node, ordered, report)?;
        let rules = Some(rules).filter(|rules| !rules.is_empty())?;
        let kind = CorrelationKind::Temporal { ordered, condition };
        let condition = Condition::AtLeast(1);
        return Some(Correlation {
            kind,
            rules,
            group_by,
            aliases,
            timespan: timespan?,
            condition,
        });
    }
    let condition = read_condition(node, kind.as_deref(), report);
    let (condition, fields) = condition?;
    let kind = match kind?.as_str() {
        "event_count" => CorrelationKind::EventCount,
        "value_count" if fields.iter().any(|field| field.text == SIGNAL) => {
            if let [_, second, ..] = fields.as_slice() {
                report.error(second.mark, "value", "signals are counted by themselves");
            }
            CorrelationKind::SignalCount(fields.into_iter().next()?)
        }
        "value_count" => CorrelationKind::ValueCount(Some(fields).filter(|all| !all.is_empty())?),
        _ => CorrelationKind::ValueSum(fields.into_iter().next()?),
    };
    let timespan = timespan?;
    let rules = Some(rules).filter(|rules| !rules.is_empty())?;
    Some(Correlation { kind, rules, group_by, aliases, timespan, condition })
}

fn read_kind(node: &Node, report: &mut Report) -> Option<String> {
    let kind = shape::text(node.get("type"))?;
    if SUPPORTED.contains(&kind.text.as_str()) {
        return Some(kind.text);
    }
    if NOT_YET.contains(&kind.text.as_str()) {
        let what = format!("correlations of type {:?} are not supported yet", kind.text);
        report.error(kind.mark, "not-supported-yet", what);
    } else {
        let what = format!("there is no correlation type {:?}", shown(&kind.text));
        let hint = nearest_or_all(&kind.text, &SUPPORTED);
        report.error_with_hint(kind.mark, "value", what, hint);
    }
    None
}

/// The group-by fields, with aliases replaced that stand for one field, and the other aliases.
fn read_group_by(node: &Node, report: &mut Report) -> (Vec<Key>, Vec<Alias>) {
    let written = shape::entries(node.get("aliases"));
    let mut group_by: Vec<Key> = Vec::new();
    let mut aliases: Vec<Alias> = Vec::new();
    for name in shape::texts(node.get("group-by")) {
        let alias = written.iter().find(|(alias, _)| alias.text == name.text);
        let field = match alias {
            Some((_, by_rule)) => match same_field(by_rule) {
                Some(field) => Key { text: field, mark: name.mark },
                None => {
                    let fields: Vec<(Key, Key)> = shape::entries(Some(by_rule))
                        .iter()
                        .filter_map(|(rule, field)| Some((rule.clone(), shape::text(Some(field))?)))
                        .collect();
                    for (_, field) in &fields {
                        derived::check_field(field, report);
                    }
                    if !aliases.iter().any(|alias| alias.name.text == name.text) {
                        aliases.push(Alias { name: name.clone(), fields });
                    }
                    name
                }
            },
            None => name,
        };
        if !aliases.iter().any(|alias| alias.name.text == field.text) {
            derived::check_field(&field, report);
        }
        if group_by.iter().any(|other| other.text == field.text) {
            let what = format!("{:?} is twice in the group-by", shown(&field.text));
            report.error(field.mark, "duplicate", what);
        } else {
            group_by.push(field);
        }
    }
    (group_by, aliases)
}

/// A condition over the names of the rules; `Some(None)` when all must match.
#[expect(clippy::option_option, reason = "none written is not the same as one with mistakes")]
fn read_rules_condition(
    node: &Node,
    ordered: bool,
    report: &mut Report,
) -> Option<Option<condition::Condition>> {
    let Some(written) = node.get("condition") else { return Some(None) };
    if written.as_map().is_some() {
        let kind = if ordered { "temporal_ordered" } else { "temporal" };
        let what = format!("{kind:?} counts no amount");
        let hint =
            "leave the condition out, or write one over the rules: a and (b or c)".to_owned();
        report.error_with_hint(written.mark, "wrong-kind", what, hint);
        return None;
    }
    condition::read(written, report).map(Some)
}

fn same_field(by_rule: &Node) -> Option<String> {
    let mut fields =
        shape::entries(Some(by_rule)).iter().map(|(_, field)| shape::text(Some(field)));
    let first = fields.next()??.text;
    fields.all(|field| field.is_some_and(|field| field.text == first)).then_some(first)
}

fn read_condition(
    node: &Node,
    kind: Option<&str>,
    report: &mut Report,
) -> Option<(Condition, Vec<Key>)> {
    let Some(condition) = node.get("condition") else {
        let hint = "condition: {gte: N}".to_owned();
        let what = "\"correlation\" has no key \"condition\"";
        report.error_with_hint(node.mark, "missing-key", what, hint);
        return None;
    };
    if condition.as_scalar().is_some_and(|_| !condition.is_null()) {
        let what = "a condition over rules belongs to temporal and temporal_ordered";
        let hint = "condition: {gte: N}".to_owned();
        report.error_with_hint(condition.mark, "wrong-kind", what, hint);
        return None;
    }
    shape::check(condition, &Shape::Map(CORRELATION_CONDITION), "condition", report);
    let fields = shape::texts(condition.get("field"));
    for (at, field) in fields.iter().enumerate() {
        if kind == Some("value_sum") && at > 0 {
            report.error(field.mark, "value", "one field is added up, not several");
        } else if fields.iter().take(at).any(|other| other.text == field.text) {
            let what = format!("{:?} is twice among the fields", shown(&field.text));
            report.error(field.mark, "duplicate", what);
        }
    }
    match (kind, fields.first()) {
        (Some(kind @ ("value_sum" | "value_count")), None) => {
            let hint = "condition: {field: NAME, gte: N}".to_owned();
            let what = if kind == "value_sum" {
                "\"value_sum\" needs the field that it adds up"
            } else {
                "\"value_count\" needs the field whose different values it counts"
            };
            report.error_with_hint(condition.mark, "missing-key", what, hint);
        }
        (Some("event_count"), Some(field)) => {
            let hint = "value_sum adds up a field".to_owned();
            let what = "\"event_count\" has no field";
            report.error_with_hint(field.mark, "unknown-key", what, hint);
        }
        (_, Some(_)) => {
            let of_events = fields.iter().filter(|field| field.text != SIGNAL);
            of_events.for_each(|field| derived::check_field(field, report));
        }
        _ => {}
    }
    let (gt, gte) = (condition.get("gt"), condition.get("gte"));
    if let (Some(_), Some(second)) = (gt, gte) {
        report.error(second.mark, "value", "a condition has \"gt\" or \"gte\", not both");
        return None;
    }
    let written = match (shape::count(gt), shape::count(gte)) {
        (Some(number), _) if number == u64::MAX => {
            report.error(condition.mark, "value", "no amount is above this one");
            None
        }
        (Some(number), _) => Some(Condition::Above(number)),
        (_, Some(number)) => Some(Condition::AtLeast(number)),
        (None, None) => {
            let has_operator = condition
                .as_map()
                .is_some_and(|entries| entries.iter().any(|(key, _)| key.text != "field"));
            if !has_operator {
                let hint = "condition: {gte: N}".to_owned();
                let what = "the condition names no amount";
                report.error_with_hint(condition.mark, "missing-key", what, hint);
            }
            None
        }
    };
    written.map(|written| (written, fields))
}
