//! `correlation:` → which rules count together, by what, over how long, from which amount on.

use super::amount::{Comparison, Condition};
use super::condition;
use super::derived;
use super::keys::CORRELATION_CONDITION;
use super::report::{Report, nearest_or_all, shown};
use super::shape::{self, Shape};
use super::yaml::{Key, Mark, Node};
use crate::units::Span;

/// A correlation, checked as far as it can be without the other documents.
#[derive(Debug, Clone)]
pub(super) struct Correlation {
    pub(super) kind: CorrelationKind,
    pub(super) rules: Vec<Key>,
    /// Fields, or names of `aliases`.
    pub(super) group_by: Vec<Key>,
    /// Names in `group_by` that stand for a field of each rule.
    pub(super) aliases: Vec<Alias>,
    pub(super) timespan: Span,
    pub(super) condition: Condition,
    /// What of it can turn false again, and where.
    pub(super) turns: Option<Key>,
}

/// One name for a field of each rule, as a rule where they differ.
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
    ValueAvg(Key),
    /// With which percentile; a median is the 50th.
    ValuePercentile(Key, u8),
    /// Rules that match within the window: all, or as the condition over their names says.
    Temporal {
        ordered: bool,
        condition: Option<condition::Condition>,
    },
}

/// What a referenced rule gives by its tag `signal.KIND` (rules.md §2).
pub(super) const SIGNAL: &str = "tidegate.signal";

pub(super) const TYPES: [&str; 8] = [
    "event_count",
    "value_sum",
    "value_count",
    "value_avg",
    "value_percentile",
    "value_median",
    "temporal",
    "temporal_ordered",
];
/// Types that turn false again when a further event brings the amount down.
const METRICS: [&str; 3] = ["value_avg", "value_percentile", "value_median"];
/// Names of drafts, and what the same is called now.
const DRAFTS: [(&str, &str); 4] = [
    ("extended_temporal", "temporal"),
    ("extended_temporal_ordered", "temporal_ordered"),
    ("temporal_extended", "temporal"),
    ("temporal_ordered_extended", "temporal_ordered"),
];

/// Reads the value of `correlation`, whose keys and types have been checked.
pub(super) fn read(node: &Node, report: &mut Report) -> Option<Correlation> {
    let kind = read_kind(node, report);
    let rules = shape::texts(node.get("rules"));
    if rules.is_empty() && node.get("rules").is_some_and(|rules| rules.as_list().is_some()) {
        report.error(node.mark, "empty", "the correlation refers to no rule");
    }
    let (group_by, aliases) = read_group_by(node, report);
    check_condition_field(node, &aliases, report);
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
        let turns = condition.as_ref().and_then(first_not);
        let turns = turns.map(|mark| Key { text: "not".to_owned(), mark });
        let kind = CorrelationKind::Temporal { ordered, condition };
        let (timespan, condition) = (timespan?, Condition::at_least(1));
        return Some(Correlation { kind, rules, group_by, aliases, timespan, condition, turns });
    }
    let condition = read_condition(node, kind.as_deref(), report);
    let Read { condition, fields, percent, turns } = condition?;
    let kind = match kind?.as_str() {
        "event_count" => CorrelationKind::EventCount,
        "value_count" if fields.iter().any(|field| field.text == SIGNAL) => {
            if let [_, second, ..] = fields.as_slice() {
                report.error(second.mark, "value", "signals are counted by themselves");
            }
            CorrelationKind::SignalCount(fields.into_iter().next()?)
        }
        "value_count" => CorrelationKind::ValueCount(Some(fields).filter(|all| !all.is_empty())?),
        "value_avg" => CorrelationKind::ValueAvg(fields.into_iter().next()?),
        "value_percentile" | "value_median" => {
            CorrelationKind::ValuePercentile(fields.into_iter().next()?, percent?)
        }
        _ => CorrelationKind::ValueSum(fields.into_iter().next()?),
    };
    let timespan = timespan?;
    let rules = Some(rules).filter(|rules| !rules.is_empty())?;
    Some(Correlation { kind, rules, group_by, aliases, timespan, condition, turns })
}

fn read_kind(node: &Node, report: &mut Report) -> Option<String> {
    let kind = shape::text(node.get("type"))?;
    if TYPES.contains(&kind.text.as_str()) {
        return Some(kind.text);
    }
    let draft = DRAFTS.iter().find(|(draft, _)| *draft == kind.text);
    let hint = match draft {
        Some((_, now)) => format!("{now}, with the condition over the rules' names"),
        None => nearest_or_all(&kind.text, &TYPES),
    };
    let what = format!("there is no correlation type {:?}", shown(&kind.text));
    report.error_with_hint(kind.mark, "value", what, hint);
    None
}

/// The group-by, and the aliases: each is a name of the group-by, also when all its fields are one.
fn read_group_by(node: &Node, report: &mut Report) -> (Vec<Key>, Vec<Alias>) {
    let mut aliases: Vec<Alias> = Vec::new();
    for (name, by_rule) in shape::entries(node.get("aliases")) {
        let fields: Vec<(Key, Key)> = shape::entries(Some(by_rule))
            .iter()
            .filter_map(|(rule, field)| Some((rule.clone(), shape::text(Some(field))?)))
            .collect();
        for (_, field) in &fields {
            derived::check_field(field, report);
        }
        aliases.push(Alias { name: name.clone(), fields });
    }
    let mut group_by: Vec<Key> = Vec::new();
    for name in shape::texts(node.get("group-by")) {
        if !aliases.iter().any(|alias| alias.name.text == name.text) {
            derived::check_field(&name, report);
        }
        if group_by.iter().any(|other| other.text == name.text) {
            let what = format!("{:?} is twice in the group-by", shown(&name.text));
            report.error(name.mark, "duplicate", what);
        } else {
            group_by.push(name);
        }
    }
    for Alias { name, .. } in &aliases {
        if !group_by.iter().any(|key| key.text == name.text) {
            let name_shown = shown(&name.text);
            let what = format!("the alias {name_shown:?} is not in the group-by");
            let hint = format!("group-by: [{name_shown}], or no alias");
            report.error_with_hint(name.mark, "group-by", what, hint);
        }
    }
    (group_by, aliases)
}

/// What is counted or added up is a field of the events: an alias names groups.
fn check_condition_field(node: &Node, aliases: &[Alias], report: &mut Report) {
    let condition = node.get("condition").filter(|condition| condition.as_map().is_some());
    for field in shape::texts(condition.and_then(|condition| condition.get("field"))) {
        let Some(alias) = aliases.iter().find(|alias| alias.name.text == field.text) else {
            continue;
        };
        let what = format!("{:?} is an alias, and the condition needs a field", shown(&field.text));
        let first = alias.fields.first().map(|(_, field)| shown(&field.text));
        let is_one = alias.fields.windows(2).all(|pair| match pair {
            [(_, one), (_, other)] => one.text == other.text,
            _ => true,
        });
        let hint = match first.filter(|_| is_one) {
            Some(field) => format!("field: {field}"),
            None => "a field that the events of all rules have".to_owned(),
        };
        report.error_with_hint(field.mark, "wrong-kind", what, hint);
    }
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

/// The first `not` of a condition over rules.
fn first_not(condition: &condition::Condition) -> Option<Mark> {
    match condition {
        condition::Condition::Not(inner) => inner.first_mark(),
        condition::Condition::All(all) | condition::Condition::Any(all) => {
            all.iter().find_map(first_not)
        }
        condition::Condition::Search { .. } | condition::Condition::Several { .. } => None,
    }
}

/// A condition on an amount.
struct Read {
    condition: Condition,
    fields: Vec<Key>,
    percent: Option<u8>,
    turns: Option<Key>,
}

fn read_condition(node: &Node, kind: Option<&str>, report: &mut Report) -> Option<Read> {
    let Some(condition) = node.get("condition") else {
        let hint = "condition: {gte: N}".to_owned();
        let what = "\"correlation\" has no key \"condition\"";
        report.error_with_hint(node.mark, "missing-key", what, hint);
        return None;
    };
    if condition.as_scalar().is_some_and(|_| !condition.is_null()) {
        // Of a type that does not exist nobody knows.
        kind?;
        let what = "a condition over rules belongs to temporal and temporal_ordered";
        let hint = "condition: {gte: N}".to_owned();
        report.error_with_hint(condition.mark, "wrong-kind", what, hint);
        return None;
    }
    shape::check(condition, &Shape::Map(CORRELATION_CONDITION), "condition", report);
    let fields = shape::texts(condition.get("field"));
    for (at, field) in fields.iter().enumerate() {
        if kind.is_some_and(|kind| kind != "value_count") && at > 0 {
            let what = match kind {
                Some("value_sum") => "one field is added up, not several",
                _ => "the amounts are those of one field, not of several",
            };
            report.error(field.mark, "value", what);
        } else if fields.iter().take(at).any(|other| other.text == field.text) {
            let what = format!("{:?} is twice among the fields", shown(&field.text));
            report.error(field.mark, "duplicate", what);
        }
    }
    match (kind, fields.first()) {
        (Some(kind), None) if kind != "event_count" => {
            let hint = "condition: {field: NAME, gte: N}".to_owned();
            let what = match kind {
                "value_sum" => "\"value_sum\" needs the field that it adds up".to_owned(),
                "value_count" => {
                    "\"value_count\" needs the field whose different values it counts".to_owned()
                }
                kind => format!("{kind:?} needs the field whose amounts it looks at"),
            };
            report.error_with_hint(condition.mark, "missing-key", what, hint);
        }
        (Some("event_count"), Some(field)) => {
            let hint = "value_sum adds up a field".to_owned();
            let what = "\"event_count\" has no field";
            report.error_with_hint(field.mark, "unknown-key", what, hint);
        }
        (_, Some(_)) => {
            let is_signal = |field: &Key| field.text == SIGNAL && kind == Some("value_count");
            let of_events = fields.iter().filter(|field| !is_signal(field));
            of_events.for_each(|field| derived::check_field(field, report));
        }
        _ => {}
    }
    let percent = read_percent(condition, kind, report);
    let metric = kind.filter(|kind| METRICS.contains(kind));
    let (comparisons, turns) = read_comparisons(condition, metric.is_none(), report)?;
    let turns = turns.or_else(|| {
        let kind = metric?;
        Some(Key { text: kind.to_owned(), mark: node.get("type").map_or(node.mark, |at| at.mark) })
    });
    Some(Read { condition: comparisons, fields, percent, turns })
}

/// Which percentile; of a median the 50th.
fn read_percent(condition: &Node, kind: Option<&str>, report: &mut Report) -> Option<u8> {
    let written = condition.get("percentile");
    match (kind, written) {
        (Some("value_median"), None) => Some(50),
        (Some("value_percentile"), None) => {
            let what = "\"value_percentile\" does not say which percentile";
            let hint = "condition: {field: NAME, percentile: 95, gt: N}".to_owned();
            report.error_with_hint(condition.mark, "missing-key", what, hint);
            None
        }
        (Some("value_percentile"), Some(node)) => {
            // What is no number was reported with the other types.
            let number = shape::count(Some(node))?;
            let percent = u8::try_from(number).ok().filter(|percent| *percent <= 100);
            if percent.is_none() {
                let what = format!("there is no percentile {number}");
                report.error_with_hint(node.mark, "value", what, "0 to 100".to_owned());
            }
            percent
        }
        (_, Some(node)) => {
            report.error(node.mark, "wrong-kind", "\"percentile\" belongs to value_percentile");
            None
        }
        (_, None) => None,
    }
}

/// The comparisons as written, and the first that can turn false again.
fn read_comparisons(
    node: &Node,
    is_whole: bool,
    report: &mut Report,
) -> Option<(Condition, Option<Key>)> {
    let of_key = |key: &Key| Comparison::ALL.into_iter().find(|one| one.name() == key.text);
    let written: Vec<(&Key, &Node, Comparison)> = shape::entries(Some(node))
        .iter()
        .filter_map(|(key, value)| Some((key, value, of_key(key)?)))
        .collect();
    if written.is_empty() {
        // A slip in a comparison's name has been reported.
        let known = |key: &Key| matches!(key.text.as_str(), "field" | "percentile");
        if shape::entries(Some(node)).iter().all(|(key, _)| known(key)) {
            let hint = "condition: {gte: N}".to_owned();
            report.error_with_hint(node.mark, "missing-key", "the condition names no amount", hint);
        }
        return None;
    }
    for pair in [["gt", "gte"], ["lt", "lte"]] {
        let mut both = written.iter().filter(|(key, ..)| pair.contains(&key.text.as_str()));
        if let (Some(_), Some((_, second, _))) = (both.next(), both.next()) {
            let [one, other] = pair;
            let what = format!("a condition has {one:?} or {other:?}, not both");
            report.error(second.mark, "value", what);
            return None;
        }
    }
    let is_equal = |one: &&(&Key, &Node, Comparison)| one.2 == Comparison::Equal;
    if let Some((key, ..)) = written.iter().find(is_equal).filter(|_| written.len() > 1) {
        report.error(key.mark, "value", "\"eq\" stands alone: it says which amount");
        return None;
    }
    let numbers: Option<Vec<(Comparison, u64)>> = written
        .iter()
        .map(|(_, value, comparison)| Some((*comparison, shape::count(Some(value))?)))
        .collect();
    let condition = Condition(numbers?);
    if condition.0.contains(&(Comparison::Above, u64::MAX)) {
        report.error(node.mark, "value", "no amount is above this one");
        return None;
    }
    if condition.is_empty(is_whole) {
        let what = format!("no amount is {condition}");
        let hint = "gt and gte say where the amounts begin, lt and lte where they end".to_owned();
        report.error_with_hint(node.mark, "value", what, hint);
        return None;
    }
    let turns = written.iter().find(|(.., comparison)| !comparison.stays());
    Some((condition, turns.map(|(key, ..)| (*key).clone())))
}
