//! Hashes that tell whether state or findings of two rule sets can be compared.

use super::check::Alerting;
use super::filter::Filters;
use super::list::Lists;
use super::model::StateId;
use super::names::Entry;
use serde_json::{Value, json};
use siphasher::sip::SipHasher13;
use std::hash::Hasher;

/// Fingerprint of what a rule's state depends on (semantics.md §10).
///
/// The rule's id is part of it: two rules that count the same thing keep separate rows. Filters are
/// not: a deployment that narrows a shipped rule changes what counts from now on, as it does by a
/// list, and must not lose what has been counted.
pub(super) fn of_state(id: &str, what: &Value, bases: &[&Entry]) -> StateId {
    let bases: Vec<Value> = bases
        .iter()
        .map(|base| {
            let canonical = &base.document.canonical;
            // What a rule over other rules is made of matters as much as what they are.
            match canonical.get("correlation") {
                Some(correlation) => {
                    let mut correlation = correlation.clone();
                    if let Some(condition) = correlation.get_mut("condition") {
                        // Its field, not its threshold.
                        *condition = condition.get("field").cloned().unwrap_or_default();
                    }
                    json!([correlation])
                }
                None => json!([canonical.get("logsource"), canonical.get("detection")]),
            }
        })
        .collect();
    StateId(hash(&json!([id, what, bases])))
}

/// Fingerprint of everything that decides findings.
pub(super) fn of_set(
    entries: &[Entry],
    alerting: &[Alerting<'_>],
    filters: &Filters,
    lists: &Lists,
) -> u32 {
    let rules: Vec<Value> = alerting
        .iter()
        .map(|rule| {
            let bases = rule.below.iter().filter_map(|at| entries.get(*at));
            let bases: Vec<&Value> = bases.map(|base| &base.document.canonical).collect();
            let tune = rule.tune.map(|tune| {
                json!([
                    tune.level.map(super::Level::name),
                    tune.threshold,
                    tune.tiers.as_ref().map(|tiers| tiers
                        .iter()
                        .map(|(gte, level)| json!([gte, level.name()]))
                        .collect::<Vec<_>>()),
                    tune.timespan.map(crate::units::Span::as_millis),
                    tune.dedup_period.map(crate::units::Span::as_millis),
                ])
            });
            json!([rule.entry.document.canonical, bases, tune])
        })
        .collect();
    let lists: Vec<Value> = lists.names().map(|name| json!([name, lists.values(name)])).collect();
    let filters = filters.positions().filter_map(|at| entries.get(at));
    let filters: Vec<&Value> = filters.map(|entry| &entry.document.canonical).collect();
    // A set without filters keeps the number that it had before there were any.
    let hash = match filters.as_slice() {
        [] => hash(&json!([rules, lists])),
        filters => hash(&json!([rules, lists, filters])),
    };
    u32::try_from(hash >> 32).unwrap_or_default()
}

/// A 64-bit name for a text.
pub(super) fn of_text(text: &str) -> u64 {
    hash(&json!(text))
}

/// Fingerprint of some texts in their order.
pub(super) fn of_texts(texts: &[String]) -> u64 {
    hash(&json!(texts))
}

/// Keys are fixed: the number must be the same in every process and version.
fn hash(value: &Value) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(value.to_string().as_bytes());
    hasher.finish()
}
