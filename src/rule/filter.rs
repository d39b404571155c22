//! `filter:` → a condition that a deployment adds to rules of others (Sigma filters).
//!
//! A filter narrows which events its rules see from now on, like the values of a list; it is no part
//! of a rule's state fingerprint. What a window has counted before stays counted until it leaves.

use super::condition::Condition;
use super::derived;
use super::detection::{self, Detection, Holder};
use super::names::{self, Entry};
use super::report::{Report, nearest, shown};
use super::shape;
use super::yaml::{Data, Key, Node};
use crate::event::Source;

/// A filter, checked as far as it can be without the rules it names.
#[derive(Debug, Clone)]
pub(super) struct Filter {
    pub(super) rules: For<Key>,
    pub(super) source: Source,
    pub(super) detection: Detection,
}

/// Which rules a filter is for.
#[derive(Debug, Clone)]
pub(super) enum For<T> {
    /// Every rule of its source.
    Any,
    Named(Vec<T>),
}

/// Reads the value of `filter`.
pub(super) fn read(node: &Node, source: Option<Source>, report: &mut Report) -> Option<Filter> {
    let Some(entries) = node.as_map() else {
        let what =
            format!("\"filter\" is a map of rules, searches and a condition, not {}", node.kind());
        report.error(node.mark, "wrong-type", what);
        return None;
    };
    // Beside `rules` nothing is near to it but a search of the author's.
    let slip = entries.iter().find(|(key, _)| nearest(&key.text, ["rules"]).is_some());
    let slip = slip.map(|(key, _)| key).filter(|_| node.get("rules").is_none());
    let rules = read_rules(node, slip, report);
    let is_search =
        |key: &Key| key.text != "rules" && slip.is_none_or(|slip| slip.mark != key.mark);
    let searches = entries.iter().filter(|(key, _)| is_search(key)).cloned().collect();
    let searches = Node { mark: node.mark, data: Data::Map(searches) };
    let detection = detection::read(&searches, Holder::Filter, report);
    for field in detection.iter().flat_map(Detection::fields) {
        derived::check_field(&field, report);
    }
    let detection = detection?;
    if !has_not(&detection.condition) {
        let at = node.get("condition").map_or(node.mark, |condition| condition.mark);
        let what = "this filter keeps what it describes: its condition has no \"not\"";
        let hint = "condition: not selection, to leave out what it describes".to_owned();
        report.warning(at, "filter-without-not", what, Some(hint));
    }
    Some(Filter { rules: rules?, source: source?, detection })
}

fn read_rules(node: &Node, slip: Option<&Key>, report: &mut Report) -> Option<For<Key>> {
    const HINT: &str = "rules: [NAME, …], or rules: any";
    if let Some(slip) = slip {
        let what = format!("\"filter\" has no key {:?}", shown(&slip.text));
        report.error_with_hint(slip.mark, "unknown-key", what, nearest(&slip.text, ["rules"]));
        return None;
    }
    let Some(value) = node.get("rules") else {
        let what = "the filter does not say for which rules it is";
        report.error_with_hint(node.mark, "missing-key", what, HINT.to_owned());
        return None;
    };
    let rules = shape::texts(Some(value));
    match rules.as_slice() {
        [only] if only.text.eq_ignore_ascii_case("any") => Some(For::Any),
        [] => {
            report.error_with_hint(
                value.mark,
                "empty",
                "the filter is for no rule",
                HINT.to_owned(),
            );
            None
        }
        _ => Some(For::Named(rules)),
    }
}

/// Which filters there are, with the rules they name.
#[derive(Debug, Default)]
pub(super) struct Filters {
    all: Vec<Resolved>,
}

#[derive(Debug)]
struct Resolved {
    /// Position of the filter, and of the rules it is for.
    at: usize,
    rules: For<usize>,
    source: Source,
}

impl Filters {
    /// Looks up the rules of the filters at these positions.
    pub(super) fn resolve(
        entries: &[Entry],
        wanted: impl Iterator<Item = usize>,
        reports: &mut [Report],
    ) -> Self {
        let mut all = Vec::new();
        for at in wanted {
            let Some(entry) = entries.get(at) else { continue };
            let Some(filter) = entry.document.filter() else { continue };
            let Some(report) = reports.get_mut(entry.file) else { continue };
            let rules = match &filter.rules {
                For::Any => For::Any,
                For::Named(references) => {
                    let found = references.iter();
                    For::Named(found.filter_map(|it| rule_named(entries, it, report)).collect())
                }
            };
            all.push(Resolved { at, rules, source: filter.source });
        }
        Self { all }
    }

    /// The filters that matches of `base` must pass to count for `rule`; for a rule that alerts by
    /// itself both are the same.
    pub(super) fn of(&self, rule: usize, base: usize, source: Source) -> Vec<usize> {
        let applies = |filter: &&Resolved| {
            let is_for = match &filter.rules {
                For::Any => true,
                For::Named(rules) => rules.contains(&rule) || rules.contains(&base),
            };
            filter.source == source && is_for
        };
        self.all.iter().filter(applies).map(|filter| filter.at).collect()
    }

    /// Their positions.
    pub(super) fn positions(&self) -> impl Iterator<Item = usize> {
        self.all.iter().map(|filter| filter.at)
    }
}

fn rule_named(entries: &[Entry], reference: &Key, report: &mut Report) -> Option<usize> {
    let found = names::resolve(entries, reference, report)?;
    if entries.get(found)?.document.filter().is_some() {
        let what = format!("{:?} is a filter, and no rule", shown(&reference.text));
        report.error(reference.mark, "wrong-kind", what);
        return None;
    }
    Some(found)
}

fn has_not(condition: &Condition) -> bool {
    match condition {
        Condition::Search { .. } | Condition::Several { .. } => false,
        Condition::Not(_) => true,
        Condition::All(several) | Condition::Any(several) => several.iter().any(has_not),
    }
}
