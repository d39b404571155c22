//! Correlations over rules and over correlations: who counts whom, and by which fields.

use super::condition::{Condition, Quantity};
use super::correlation::{Correlation, CorrelationKind};
use super::coverage;
use super::document::{Body, Document};
use super::model::{Combination, Measure};
use super::names::{self, Entry};
use super::report::{Report, nearest_or_all, shown};
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
    // A finding of the inner rule stands for many events: only its group is the same for all.
    let of_inner: Vec<&str> = inner.group_by.iter().map(|key| key.text.as_str()).collect();
    let is_alias = |name: &str| inner.aliases.iter().any(|alias| alias.name.text == name);
    let fields: Vec<&str> = of_inner.iter().copied().filter(|name| !is_alias(name)).collect();
    let measured = match &outer.kind {
        CorrelationKind::ValueSum(field)
        | CorrelationKind::ValueAvg(field)
        | CorrelationKind::ValuePercentile(field, _) => std::slice::from_ref(field),
        CorrelationKind::ValueCount(fields) => fields,
        _ => &[],
    };
    let measured = measured.iter().map(|field| (field.text.clone(), &fields));
    // An alias that leaves this rule out is told where the alias stands.
    let is_left_out = |name: &str| {
        let alias = outer.aliases.iter().find(|alias| alias.name.text == name);
        alias.is_some_and(|alias| {
            !alias.fields.iter().any(|(rule, _)| document.is_meant_by(&rule.text))
        })
    };
    let grouped = outer.group_by.iter().zip(group_by_for(outer, document));
    let grouped = grouped.filter(|(name, _)| !is_left_out(&name.text));
    let grouped = grouped.map(|(_, field)| (field, &of_inner));
    let missing = grouped
        .chain(measured)
        .find(|(field, known)| !coverage::determines(known, std::slice::from_ref(field)));
    if let Some((field, known)) = missing {
        let what = format!(
            "it counts by {:?}, which findings of {:?} do not carry",
            shown(&field),
            document.label()
        );
        let hint = format!("one of its group-by: {}", known.join(", "));
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
        let has_field =
            |base: &Document| alias.fields.iter().any(|(rule, _)| base.is_meant_by(&rule.text));
        let missing: Vec<String> =
            bases.iter().filter(|base| !has_field(base)).map(|base| base.label()).collect();
        let is_known = |rule: &Key| bases.iter().any(|base| base.is_meant_by(&rule.text));
        let unknown: Vec<&Key> =
            alias.fields.iter().map(|(rule, _)| rule).filter(|rule| !is_known(rule)).collect();
        for rule in &unknown {
            let what = format!("{:?} is none of the correlation's rules", shown(&rule.text));
            let labels: Vec<String> = bases.iter().map(|base| base.label()).collect();
            let of = if missing.is_empty() { &labels } else { &missing };
            let names: Vec<&str> = of.iter().map(String::as_str).collect();
            report.error_with_hint(
                rule.mark,
                "unknown-rule",
                what,
                nearest_or_all(&rule.text, &names),
            );
        }
        // Where a name is wrong, it is likely that of a rule that seems to be left out.
        for rule in missing.iter().skip(unknown.len()) {
            let name = shown(&alias.name.text);
            let what = format!("the alias {name:?} has no field for {rule:?}");
            let hint = format!("aliases: {{{name}: {{{rule}: FIELD}}}}");
            report.error_with_hint(alias.name.mark, "missing-key", what, hint);
        }
        is_good &= missing.is_empty() && unknown.is_empty();
    }
    is_good
}

/// By which fields a correlation groups what comes to it, one list for each way; and by referenced
/// rule the first of its ways. A referenced rule is one way, or as many as it has itself. Nothing when
/// every way has the fields of the group-by themselves.
#[derive(Debug, Clone, Default)]
pub(super) struct Ways {
    pub(super) fields: Vec<Vec<String>>,
    pub(super) first: Vec<u16>,
}

/// The ways of the document at `at`; references go round in no circle.
pub(super) fn ways(at: usize, entries: &[Entry], all: &[Option<Vec<usize>>]) -> Ways {
    let none = Ways::default();
    let document = entries.get(at).map(|one| &one.document);
    let Some(Some(Body::Correlation(correlation))) = document.map(|one| &one.body) else {
        return none;
    };
    let Some(Some(bases)) = all.get(at) else { return none };
    let own: Vec<String> = correlation.group_by.iter().map(|key| key.text.clone()).collect();
    let mut ways = Ways::default();
    for base in bases {
        let Some(document) = entries.get(*base).map(|one| &one.document) else { return none };
        ways.first.push(u16::try_from(ways.fields.len()).unwrap_or(u16::MAX));
        let named = group_by_for(correlation, document);
        let inner = self::ways(*base, entries, all);
        match &document.body {
            Some(Body::Correlation(of)) if !inner.fields.is_empty() => {
                ways.fields.extend(inner.fields.iter().map(|way| resolved(&named, of, way)));
            }
            _ => ways.fields.push(named),
        }
    }
    if correlation.aliases.is_empty() && ways.fields.iter().all(|way| *way == own) {
        return none;
    }
    if ways.fields.len() == bases.len() {
        ways.first.clear();
    }
    ways
}

/// What names of a correlation's group-by stand for when it was found in one way.
fn resolved(names: &[String], of: &Correlation, way: &[String]) -> Vec<String> {
    let field = |name: &String| {
        let at = of.group_by.iter().position(|key| key.text == *name);
        at.and_then(|at| way.get(at)).unwrap_or(name).clone()
    };
    names.iter().map(field).collect()
}

/// The combinations of rules, by number, of which one must match; `None` with a problem reported.
pub(super) fn combinations(
    correlation: &Correlation,
    bases: &[&Document],
    report: &mut Report,
) -> Option<Vec<Combination>> {
    let CorrelationKind::Temporal { condition, .. } = &correlation.kind else { return None };
    let every: Vec<u8> = (0..bases.len()).filter_map(|at| u8::try_from(at).ok()).collect();
    let Some(condition) = condition else {
        return Some(vec![Combination { all: every, none: Vec::new() }]);
    };
    let least = least_of(of_condition(condition, true, bases, report)?);
    let first = correlation.rules.first()?;
    if least.len() > COMBINATIONS_MAX {
        let what =
            format!("the condition comes to more than {COMBINATIONS_MAX} combinations of rules");
        report.error(first.mark, "too-many", what);
        return None;
    }
    if least.is_empty() {
        let mark = condition.first_mark().unwrap_or(first.mark);
        report.error(mark, "value", "the condition never holds: a rule must match, and must not");
        return None;
    }
    Some(least)
}

/// Without those that hold another one: they say nothing more.
fn least_of(mut all: Vec<Combination>) -> Vec<Combination> {
    let holds = |one: &[u8], other: &[u8]| other.iter().all(|rule| one.contains(rule));
    all.sort_by_key(|one| (one.all.len() + one.none.len(), one.clone()));
    let mut least: Vec<Combination> = Vec::new();
    for one in all {
        let is_more =
            |known: &Combination| holds(&one.all, &known.all) && holds(&one.none, &known.none);
        if !least.iter().any(is_more) {
            least.push(one);
        }
    }
    least
}

/// The combinations for which the condition holds, or does not.
fn of_condition(
    condition: &Condition,
    is_true: bool,
    bases: &[&Document],
    report: &mut Report,
) -> Option<Vec<Combination>> {
    let one = |at: usize| {
        let rules = vec![u8::try_from(at).unwrap_or(u8::MAX)];
        if is_true {
            Combination { all: rules, none: Vec::new() }
        } else {
            Combination { all: Vec::new(), none: rules }
        }
    };
    match condition {
        Condition::Search { name, mark } => {
            let Some(at) = bases.iter().position(|base| base.is_called(name)) else {
                let what = format!("{:?} is none of the correlation's rules", shown(name));
                let names: Vec<String> = bases.iter().map(|base| base.label()).collect();
                let hint = format!("one of {}", names.join(", "));
                report.error_with_hint(*mark, "unknown-rule", what, hint);
                return None;
            };
            Some(vec![one(at)])
        }
        Condition::Several { quantity, pattern, mark } => {
            if pattern.is_some() {
                let what = "a condition over rules names them, without patterns";
                report.error_with_hint(*mark, "value", what, "1 of them, all of them".to_owned());
                return None;
            }
            let each: Vec<_> = (0..bases.len()).map(|at| vec![one(at)]).collect();
            // What is not one of them is none of them.
            Some(if (*quantity == Quantity::One) == is_true { each.concat() } else { both(each) })
        }
        Condition::Not(inner) => of_condition(inner, !is_true, bases, report),
        Condition::Any(parts) | Condition::All(parts) => {
            let parts: Option<Vec<_>> =
                parts.iter().map(|part| of_condition(part, is_true, bases, report)).collect();
            let is_any = matches!(condition, Condition::Any(_)) == is_true;
            Some(if is_any { parts?.concat() } else { both(parts?) })
        }
    }
}

/// Each of the one part with each of the next. Stops where there are too many, which the caller
/// reports.
fn both(parts: Vec<Vec<Combination>>) -> Vec<Combination> {
    let mut so_far = vec![Combination::default()];
    for next in parts {
        so_far = so_far
            .iter()
            .flat_map(|left| next.iter().map(move |right| joined(left, right)))
            .filter(|one| !one.all.iter().any(|rule| one.none.contains(rule)))
            .collect();
        so_far = least_of(so_far);
        if so_far.len() > COMBINATIONS_MAX {
            break;
        }
    }
    so_far
}

fn joined(left: &Combination, right: &Combination) -> Combination {
    let joined = |left: &[u8], right: &[u8]| {
        let mut both = [left, right].concat();
        both.sort_unstable();
        both.dedup();
        both
    };
    Combination { all: joined(&left.all, &right.all), none: joined(&left.none, &right.none) }
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
