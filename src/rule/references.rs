//! Correlations over rules and over correlations: who counts whom, and by which fields.

use super::condition::{Condition, Quantity};
use super::correlation::{Correlation, CorrelationKind};
use super::coverage;
use super::document::{Body, Document};
use super::model::{Measure, WindowKind};
use super::names::{self, Entry};
use super::report::{Report, shown};
use super::yaml::Key;

/// Most combinations of rules that a condition may come to.
const COMBINATIONS_MAX: usize = 64;

/// Whether a document's matches are told by the engine and not by an event alone.
pub(super) fn is_found(document: &Document) -> bool {
    matches!(document.body, Some(Body::Correlation(_))) || document.own.new_terms.is_some()
}

/// For each document those that it counts, in the order of its `rules`: itself for a detection. `None`
/// for one with mistakes.
pub(super) fn resolve(entries: &[Entry], reports: &mut [Report]) -> Vec<Option<Vec<usize>>> {
    let mut all: Vec<Option<Vec<usize>>> = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        let resolved = match &entry.document.body {
            None | Some(Body::Filter(_)) => None,
            Some(Body::Detection { .. }) => Some(vec![at]),
            Some(Body::Correlation(correlation)) => {
                let report = reports.get_mut(entry.file);
                report.and_then(|report| of_correlation(entries, at, correlation, report))
            }
        };
        all.push(resolved);
    }
    for at in 0..entries.len() {
        if is_in_cycle(at, entries, &all)
            && let Some(entry) = entries.get(at)
            && let Some(report) = reports.get_mut(entry.file)
        {
            let what = format!("{:?} refers to itself over others", entry.document.label());
            report.error(entry.document.mark, "cycle", what);
            if let Some(bases) = all.get_mut(at) {
                *bases = None;
            }
        }
    }
    all
}

fn of_correlation(
    entries: &[Entry],
    at: usize,
    correlation: &Correlation,
    report: &mut Report,
) -> Option<Vec<usize>> {
    if let Some(one) = correlation.rules.get(Measure::RULES_MAX) {
        let what = format!("a correlation refers to at most {} rules", Measure::RULES_MAX);
        report.error(one.mark, "too-many", what);
        return None;
    }
    let found: Vec<usize> = correlation
        .rules
        .iter()
        .filter_map(|reference| {
            let found = names::resolve(entries, reference, report)?;
            is_base(entries, at, (correlation, reference), found, report).then_some(found)
        })
        .collect();
    (found.len() == correlation.rules.len()).then_some(found)
}

fn is_base(
    entries: &[Entry],
    at: usize,
    (outer, reference): (&Correlation, &Key),
    found: usize,
    report: &mut Report,
) -> bool {
    if found == at {
        report.error(reference.mark, "cycle", "a correlation cannot refer to itself");
        return false;
    }
    let Some(document) = entries.get(found).map(|entry| &entry.document) else { return false };
    if let Some(Body::Filter(_)) = &document.body {
        let what = "a correlation counts rules, and this is a filter";
        report.error(reference.mark, "wrong-kind", what);
        return false;
    }
    let Some(Body::Correlation(inner)) = &document.body else {
        // Its own errors are reported where they are.
        return document.body.is_some();
    };
    if matches!(inner.kind, CorrelationKind::Temporal { .. }) {
        let what = "correlations over temporal ones are not supported yet";
        report.error(reference.mark, "not-supported-yet", what);
        return false;
    }
    let not_yet = if inner.aliases.is_empty() {
        let is_tumbling = document.own.window == Some(WindowKind::Tumbling);
        is_tumbling.then_some("correlations over tumbling windows are not supported yet")
    } else {
        Some("correlations over one with aliases are not supported yet")
    };
    if let Some(what) = not_yet {
        report.error(reference.mark, "not-supported-yet", what);
        return false;
    }
    // A finding of the inner rule stands for many events: only its group is the same for all.
    let of_inner: Vec<&str> = inner.group_by.iter().map(|key| key.text.as_str()).collect();
    let mut wanted = group_by_for(outer, document);
    match &outer.kind {
        CorrelationKind::ValueSum(field) => wanted.push(field.text.clone()),
        CorrelationKind::ValueCount(fields) => {
            wanted.extend(fields.iter().map(|field| field.text.clone()));
        }
        _ => {}
    }
    let missing =
        wanted.iter().find(|field| !coverage::determines(&of_inner, std::slice::from_ref(*field)));
    if let Some(field) = missing {
        let what = format!(
            "it counts by {:?}, which findings of {:?} do not carry",
            shown(field),
            document.label()
        );
        let hint = format!("one of its group-by: {}", of_inner.join(", "));
        report.error_with_hint(reference.mark, "group-by", what, hint);
        return false;
    }
    true
}

/// The fields that a correlation groups the matches of one referenced rule by.
pub(super) fn group_by_for(correlation: &Correlation, of: &Document) -> Vec<String> {
    let field = |key: &Key| -> String {
        let alias = correlation.aliases.iter().find(|alias| alias.name.text == key.text);
        let own = alias
            .and_then(|alias| alias.fields.iter().find(|(rule, _)| of.is_meant_by(&rule.text)));
        own.map_or_else(|| key.text.clone(), |(_, field)| field.text.clone())
    };
    correlation.group_by.iter().map(field).collect()
}

/// Reports aliases that leave out a referenced rule, or name one that is not.
pub(super) fn check_aliases(
    correlation: &Correlation,
    bases: &[&Document],
    report: &mut Report,
) -> bool {
    let mut is_good = true;
    for alias in &correlation.aliases {
        for base in bases {
            if !alias.fields.iter().any(|(rule, _)| base.is_meant_by(&rule.text)) {
                let what = format!(
                    "the alias {:?} has no field for {:?}",
                    shown(&alias.name.text),
                    base.label()
                );
                report.error(alias.name.mark, "missing-key", what);
                is_good = false;
            }
        }
        for (rule, _) in &alias.fields {
            if !bases.iter().any(|base| base.is_meant_by(&rule.text)) {
                let what = format!("{:?} is none of the correlation's rules", shown(&rule.text));
                report.error(rule.mark, "unknown-rule", what);
                is_good = false;
            }
        }
    }
    is_good
}

/// The combinations of rules, by number, of which one must match; `None` with a problem reported.
pub(super) fn combinations(
    correlation: &Correlation,
    bases: &[&Document],
    report: &mut Report,
) -> Option<Vec<Vec<u8>>> {
    let CorrelationKind::Temporal { condition, .. } = &correlation.kind else { return None };
    let every: Vec<u8> = (0..bases.len()).filter_map(|at| u8::try_from(at).ok()).collect();
    let Some(condition) = condition else { return Some(vec![every]) };
    let least = least_of(of_condition(condition, bases, report)?);
    if least.len() > COMBINATIONS_MAX {
        let first = correlation.rules.first()?;
        let what =
            format!("the condition comes to more than {COMBINATIONS_MAX} combinations of rules");
        report.error(first.mark, "too-many", what);
        return None;
    }
    Some(least)
}

/// Without those that hold another one: they say nothing more.
fn least_of(mut all: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    all.sort_by_key(|one| (one.len(), one.clone()));
    let mut least: Vec<Vec<u8>> = Vec::new();
    for one in all {
        if !least.iter().any(|known| known.iter().all(|rule| one.contains(rule))) {
            least.push(one);
        }
    }
    least
}

fn of_condition(
    condition: &Condition,
    bases: &[&Document],
    report: &mut Report,
) -> Option<Vec<Vec<u8>>> {
    let number = |at: usize| u8::try_from(at).unwrap_or(u8::MAX);
    match condition {
        Condition::Search { name, mark } => {
            let Some(at) = bases.iter().position(|base| base.is_called(name)) else {
                let what = format!("{:?} is none of the correlation's rules", shown(name));
                let names: Vec<String> = bases.iter().map(|base| base.label()).collect();
                let hint = format!("one of {}", names.join(", "));
                report.error_with_hint(*mark, "unknown-rule", what, hint);
                return None;
            };
            Some(vec![vec![number(at)]])
        }
        Condition::Several { quantity, pattern, mark } => {
            if pattern.is_some() {
                let what = "a condition over rules names them, without patterns";
                report.error_with_hint(*mark, "value", what, "1 of them, all of them".to_owned());
                return None;
            }
            let all = (0..bases.len()).map(number);
            Some(match quantity {
                Quantity::One => all.map(|one| vec![one]).collect(),
                Quantity::All => vec![all.collect()],
            })
        }
        Condition::Not(inner) => {
            let mark = first_mark(inner);
            let what = "a rule that must not match can only be judged when the window has closed, \
                        which is not supported yet";
            if let Some(mark) = mark {
                report.error(mark, "not-supported-yet", what);
            }
            None
        }
        Condition::Any(any) => {
            let each: Option<Vec<_>> =
                any.iter().map(|one| of_condition(one, bases, report)).collect();
            Some(each?.concat())
        }
        Condition::All(all) => {
            let mut so_far: Vec<Vec<u8>> = vec![Vec::new()];
            for one in all {
                let next = of_condition(one, bases, report)?;
                so_far = so_far
                    .iter()
                    .flat_map(|left| next.iter().map(move |right| joined(left, right)))
                    .collect();
                so_far = least_of(so_far);
                if so_far.len() > COMBINATIONS_MAX {
                    // The caller reports it.
                    return Some(so_far);
                }
            }
            Some(so_far)
        }
    }
}

fn joined(left: &[u8], right: &[u8]) -> Vec<u8> {
    let mut both = [left, right].concat();
    both.sort_unstable();
    both.dedup();
    both
}

fn first_mark(condition: &Condition) -> Option<super::yaml::Mark> {
    match condition {
        Condition::Search { mark, .. } | Condition::Several { mark, .. } => Some(*mark),
        Condition::Not(inner) => first_mark(inner),
        Condition::All(all) | Condition::Any(all) => all.first().and_then(first_mark),
    }
}

fn is_in_cycle(start: usize, entries: &[Entry], all: &[Option<Vec<usize>>]) -> bool {
    let mut open = vec![start];
    let mut seen = vec![false; entries.len()];
    while let Some(at) = open.pop() {
        let is_correlation = entries
            .get(at)
            .is_some_and(|entry| matches!(entry.document.body, Some(Body::Correlation(_))));
        let Some(Some(bases)) = all.get(at).filter(|_| is_correlation) else { continue };
        for &base in bases {
            if base == start {
                return true;
            }
            if let Some(seen) = seen.get_mut(base).filter(|seen| !**seen) {
                *seen = true;
                open.push(base);
            }
        }
    }
    false
}

/// A document with all that it refers to, however deep; each once.
pub(super) fn with_all_below(at: usize, all: &[Option<Vec<usize>>]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut open: Vec<usize> = all.get(at).into_iter().flatten().flatten().copied().collect();
    open.reverse();
    while let Some(next) = open.pop() {
        if found.contains(&next) {
            continue;
        }
        found.push(next);
        open.extend(all.get(next).into_iter().flatten().flatten().rev().copied());
    }
    found
}
