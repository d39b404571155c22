//! All documents together: references, lists, tuning, coverage; then the rule set.
//!
//! Works on what the readers understood. A document with errors is left out here but keeps its
//! name, so that one mistake is one problem.

use super::build::{self, Built};
use super::bump;
use super::coverage;
use super::detection::Operand;
use super::document::{Body, Document};
use super::filter::Filters;
use super::fingerprint;
use super::level_from::Written;
use super::list::{ListType, ListUse, Lists};
use super::load::{LoadOptions, Tune};
use super::model::RuleIndex;
use super::modifier::{Ask, Operator};
use super::names::{self, Entry};
use super::placeholder;
use super::problem::{Place, Problem, Severity};
use super::references::{self, Ways};
use super::report::{Report, nearest, shown};
use super::set::RuleSet;
use super::yaml::Mark;
use crate::event::Source;
use std::collections::BTreeSet;

/// Collects documents, then checks them against each other.
pub(super) struct Checker<'o> {
    options: &'o LoadOptions,
    reports: Vec<Report>,
    entries: Vec<Entry>,
    problems: Vec<Problem>,
}

/// An alerting rule with the documents whose matches it counts.
pub(super) struct Alerting<'e> {
    pub(super) entry: &'e Entry,
    /// In the order of `rules`.
    pub(super) bases: Vec<usize>,
    /// Every detection whose events it sees, however deep.
    pub(super) below: Vec<usize>,
    pub(super) tune: Option<&'e Tune>,
    /// Position of its document.
    pub(super) at: usize,
    /// Only others count what it finds.
    pub(super) is_silent: bool,
    /// By which fields it groups what comes to it.
    pub(super) ways: Ways,
}

impl<'o> Checker<'o> {
    pub(super) fn new(options: &'o LoadOptions) -> Self {
        Self { options, reports: Vec::new(), entries: Vec::new(), problems: Vec::new() }
    }

    /// Takes the documents of one file and what was wrong with them.
    pub(super) fn add(&mut self, is_builtin: bool, documents: Vec<Document>, report: Report) {
        let file = self.reports.len();
        self.reports.push(report);
        self.entries.extend(documents.into_iter().map(|document| Entry {
            document,
            file,
            is_builtin,
        }));
    }

    /// The rule set, when there is one to make, and all problems.
    pub(super) fn finish(mut self) -> (Option<RuleSet>, Vec<Problem>) {
        let entries = names::settle(std::mem::take(&mut self.entries), &mut self.reports);
        let lists = self.lists(&entries);
        let bases = references::resolve(&entries, &mut self.reports);
        let silent = silent(&entries, &bases);
        self.check_options(&entries);
        self.check_tuned_in_vain(&entries, &bases, &silent);
        let filters = self.filters(&entries, &lists);
        let mut alerting: Vec<Alerting<'_>> = Vec::new();
        // Rules that speak, then those below them that only the engine can tell.
        let mut wanted: Vec<(usize, bool)> = entries
            .iter()
            .enumerate()
            .filter(|(at, entry)| {
                let tune = self.tune_of(&entry.document);
                !silent.contains(at) && self.is_enabled(&entry.document, tune)
            })
            .map(|(at, _)| (at, false))
            .collect();
        let mut left_out: BTreeSet<usize> = BTreeSet::new();
        let mut next = 0;
        while let Some(&(at, is_silent)) = wanted.get(next) {
            next += 1;
            let (Some(entry), Some(Some(of))) = (entries.get(at), bases.get(at)) else {
                left_out.insert(at);
                continue;
            };
            let below = references::with_all_below(at, &bases);
            let tune = self.tune_of(&entry.document);
            let ways = references::ways(at, &entries, &bases);
            let rule = Alerting { entry, bases: of.clone(), below, tune, at, is_silent, ways };
            if !self.is_sound(&rule, &entries, &lists) {
                left_out.insert(at);
                continue;
            }
            for &base in of.iter().filter(|base| **base != at) {
                let is_told =
                    entries.get(base).is_some_and(|one| references::is_found(&one.document));
                if is_told && !wanted.iter().any(|(known, _)| *known == base) {
                    wanted.push((base, true));
                }
            }
            alerting.push(rule);
        }
        // A correlation goes with a rule that it counts.
        while let Some(gone) = alerting.iter().position(|rule| {
            rule.bases.iter().any(|base| *base != rule.at && left_out.contains(base))
        }) {
            let gone = alerting.remove(gone);
            left_out.insert(gone.at);
            let counted = gone.bases.iter().find(|base| left_out.contains(base));
            let counted = counted.and_then(|at| entries.get(*at));
            // Where there is an error the load stops, and the error says why.
            let is_stopped = self.reports.iter().any(Report::has_errors);
            if let Some(counted) = counted.filter(|_| !gone.is_silent && !is_stopped) {
                let (label, of) = (gone.entry.document.label(), counted.document.label());
                let what = format!("{label:?} is left out: it counts {of:?}, which is left out");
                let severity = names::severity_for(gone.entry);
                let mark = gone.entry.document.mark;
                let hint = "see the problem of that rule".to_owned();
                self.report_at(gone.entry.file, mark, severity, "left-out", what, hint);
            }
        }
        let is_needed = |at: usize, alerting: &[Alerting<'_>]| {
            alerting.iter().any(|rule| rule.at != at && rule.bases.contains(&at))
        };
        while let Some(unneeded) =
            alerting.iter().position(|rule| rule.is_silent && !is_needed(rule.at, &alerting))
        {
            alerting.remove(unneeded);
        }
        alerting.sort_by_key(|rule| rule.at);
        let rules = self.build(&entries, &alerting, &filters, lists);
        let mut problems = self.problems;
        problems.extend(self.reports.into_iter().flat_map(Report::into_problems));
        (rules, problems)
    }

    fn lists(&mut self, entries: &[Entry]) -> Lists {
        let mut lists = Lists::default();
        for entry in entries {
            let Some(report) = self.reports.get_mut(entry.file) else { continue };
            for declared in &entry.document.own.lists {
                lists.declare(declared, report);
            }
        }
        for given in &self.options.lists {
            lists.set(given, &mut self.problems);
        }
        lists
    }

    fn check_options(&mut self, entries: &[Entry]) {
        let mut unknown = |name: &str, place: Place| {
            let is_known = entries.iter().any(|entry| entry.document.is_called(name));
            if !is_known {
                self.problems.push(Problem {
                    place,
                    severity: Severity::Error,
                    code: "unknown-rule",
                    what: format!("there is no rule {:?}", shown(name)),
                    hint: names::nearest_name(entries, name),
                });
            }
        };
        for name in &self.options.disable {
            unknown(name, Place { file: "rules.disable".into(), line: 0, column: 0 });
        }
        for tune in &self.options.tune {
            unknown(&tune.rule, tune.place.clone());
        }
    }

    /// A rule that only others count has no findings: most of what a deployment changes of it does
    /// nothing.
    fn check_tuned_in_vain(
        &mut self,
        entries: &[Entry],
        bases: &[Option<Vec<usize>>],
        silent: &BTreeSet<usize>,
    ) {
        for (at, entry) in entries.iter().enumerate().filter(|(at, _)| silent.contains(at)) {
            let document = &entry.document;
            let Some(tune) = self.tune_of(document) else { continue };
            // The windows of one that others count are windows all the same.
            let has_window = matches!(document.body, Some(Body::Correlation(_)));
            let vain: Vec<&str> = [
                ("enabled", tune.enabled.is_some()),
                ("level", tune.level.is_some()),
                ("threshold", tune.threshold.is_some() && !has_window),
                ("tiers", tune.tiers.is_some()),
                ("timespan", tune.timespan.is_some() && !has_window),
                ("dedup_period", tune.dedup_period.is_some()),
            ]
            .into_iter()
            .filter_map(|(key, is_vain)| is_vain.then_some(key))
            .collect();
            if vain.is_empty() {
                continue;
            }
            let counting = entries.iter().zip(bases).filter(|(other, bases)| {
                let counts = bases.as_ref().is_some_and(|bases| bases.contains(&at));
                counts && !std::ptr::eq(*other, entry)
            });
            let counting: Vec<String> =
                counting.map(|(other, _)| format!("[rule.{}]", other.document.label())).collect();
            self.problems.push(Problem {
                place: tune.place.clone(),
                severity: Severity::Warning,
                code: "tuned-in-vain",
                what: format!(
                    "{:?} never alerts by itself, others count it: {} means nothing for it",
                    document.label(),
                    vain.join(", ")
                ),
                hint: Some(format!("change what counts it: {}", counting.join(", "))),
            });
        }
    }

    fn tune_of(&self, document: &Document) -> Option<&'o Tune> {
        self.options.tune.iter().find(|tune| document.is_called(&tune.rule))
    }

    fn is_enabled(&self, document: &Document, tune: Option<&Tune>) -> bool {
        let is_disabled = self.options.disable.iter().any(|name| document.is_called(name));
        let tuned = tune.and_then(|tune| tune.enabled);
        !is_disabled && tuned.unwrap_or(!document.own.is_disabled)
    }

    /// Lists and coverage; a shipped rule that fails is left out with a warning.
    fn is_sound(&mut self, rule: &Alerting<'_>, entries: &[Entry], lists: &Lists) -> bool {
        let mut is_sound = self.has_own_dedup_key(rule, entries);
        // A rule may use one list in several places; that it is empty is one problem.
        let mut told: Vec<String> = Vec::new();
        // A shipped rule that the deployment switched on by name is its own wish (V16).
        let is_asked_for = rule.tune.is_some_and(|tune| tune.enabled == Some(true));
        let severity = match names::severity_for(rule.entry) {
            Severity::Warning if is_asked_for => Severity::Error,
            severity => severity,
        };
        if let Some(Body::Correlation(correlation)) = &rule.entry.document.body {
            let bases: Vec<&Document> = documents(&rule.bases, entries);
            if let Some(report) = self.reports.get_mut(rule.entry.file) {
                is_sound &= references::check_aliases(correlation, &bases, report);
            }
        }
        for base in rule.below.iter().filter_map(|at| entries.get(*at)) {
            let declared = base.document.own.lists.iter().chain(&rule.entry.document.own.lists);
            let required: Vec<&str> =
                declared.filter(|list| list.required).map(|list| list.name.text.as_str()).collect();
            for used in base.document.list_uses() {
                let problem = list_problem(&used, &required, lists);
                if let Some((code, what, hint)) = problem {
                    is_sound = false;
                    if told.contains(&used.name) {
                        continue;
                    }
                    told.push(used.name.clone());
                    let what = match severity {
                        Severity::Error => what,
                        Severity::Warning => {
                            format!("{:?} is left out: {what}", rule.entry.document.label())
                        }
                    };
                    self.report_at(base.file, used.mark, severity, code, what, hint);
                }
            }
            is_sound &= self.check_list_operators(base, lists);
        }
        is_sound && self.check_context_lists(rule.entry, lists) && self.is_local(rule, entries)
    }

    /// The filters that are not switched off. What is wrong with one is an error even in a shipped
    /// file: without it, rules would see more than they are meant to.
    fn filters(&mut self, entries: &[Entry], lists: &Lists) -> Filters {
        let mut wanted = Vec::new();
        for (at, entry) in entries.iter().enumerate() {
            let document = &entry.document;
            if document.filter().is_none() || !self.is_enabled(document, self.tune_of(document)) {
                continue;
            }
            let declared = document.own.lists.iter().filter(|list| list.required);
            let required: Vec<&str> = declared.map(|list| list.name.text.as_str()).collect();
            for used in document.list_uses() {
                if let Some((code, what, hint)) = list_problem(&used, &required, lists) {
                    self.report_at(entry.file, used.mark, Severity::Error, code, what, hint);
                }
            }
            self.check_list_operators(entry, lists);
            wanted.push(at);
        }
        Filters::resolve(entries, wanted.into_iter(), &mut self.reports)
    }

    /// An alias is no field of an event: a dedup key is the group-by itself, or fields.
    fn has_own_dedup_key(&mut self, rule: &Alerting<'_>, entries: &[Entry]) -> bool {
        let below = rule.below.iter().filter_map(|at| entries.get(*at));
        let aliases: Vec<&str> = std::iter::once(rule.entry)
            .chain(below)
            .filter_map(|entry| match &entry.document.body {
                Some(Body::Correlation(correlation)) => Some(&correlation.aliases),
                _ => None,
            })
            .flat_map(|aliases| aliases.iter().map(|alias| alias.name.text.as_str()))
            .collect();
        let key = rule.entry.document.own.dedup_key.iter().flatten();
        let is_alias = |field: &&super::yaml::Key| aliases.contains(&field.text.as_str());
        let Some(field) = key.clone().find(is_alias) else { return true };
        let what =
            format!("the dedup key has the alias {:?}, which is no field", shown(&field.text));
        let hint = "leave dedup.key out: it is the group-by then".to_owned();
        let mark = field.mark;
        self.report_at(rule.entry.file, mark, Severity::Error, "dedup-key", what, hint);
        false
    }

    fn check_context_lists(&mut self, entry: &Entry, lists: &Lists) -> bool {
        let mut is_good = true;
        let own = &entry.document.own;
        let tables = bump::TABLES;
        let bumps = own.bump.iter().filter(|name| !tables.contains(&name.text.as_str())).cloned();
        let named = own.level_from.iter().flat_map(Written::lists);
        for name in bumps.chain(named).filter(|name| !lists.has(&name.text)) {
            let hint = nearest(&name.text, lists.names().chain(tables))
                .unwrap_or_else(|| "declare it under tidegate.lists".into());
            let what = format!("there is no list or table {:?}", shown(&name.text));
            self.report_at(entry.file, name.mark, Severity::Error, "unknown-list", what, hint);
            is_good = false;
        }
        for (_, from) in &entry.document.own.alert_context {
            let name = from.text.strip_prefix('%').and_then(|name| name.strip_suffix('%'));
            let Some(name) = name.filter(|name| !lists.has(name)) else { continue };
            let hint = nearest(name, lists.names())
                .unwrap_or_else(|| "declare it under tidegate.lists".into());
            let what = format!("there is no list {:?}", shown(name));
            self.report_at(entry.file, from.mark, Severity::Error, "unknown-list", what, hint);
            is_good = false;
        }
        is_good
    }

    fn check_list_operators(&mut self, base: &Entry, lists: &Lists) -> bool {
        let Some(detection) = base.document.detection() else { return true };
        let mut is_good = true;
        for item in detection.items() {
            for operand in &item.operands {
                let Some((code, what, hint, mark)) = list_misuse(&item.ask, operand, lists) else {
                    continue;
                };
                self.report_at(base.file, mark, Severity::Error, code, what, hint);
                is_good = false;
            }
        }
        is_good
    }

    fn is_local(&mut self, rule: &Alerting<'_>, entries: &[Entry]) -> bool {
        let document = &rule.entry.document;
        let Some(source) = source_of(rule, entries) else { return true };
        let key = self.options.partition_key.iter().find(|(of, _)| *of == source);
        let Some((_, Some(key))) = key else { return true };
        let grouping = build::grouping(document, &rule.ways, rule.tune);
        let is_local = grouping.is_always_local
            || grouping.keys.iter().all(|fields| {
                let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
                coverage::determines(&fields, key)
            });
        if is_local {
            return true;
        }
        let fields = grouping.keys.first().map(|fields| fields.join(", ")).unwrap_or_default();
        let what = format!(
            "{:?} counts by [{fields}], and the key of {} is [{}]: its events arrive in several partitions",
            document.label(),
            source.name(),
            key.join(", ")
        );
        let severity = names::severity_for(rule.entry);
        let (what, hint) = match severity {
            Severity::Error => (what, "add the key's fields to group-by and dedup.key".to_owned()),
            Severity::Warning => {
                (format!("{what}; it is left out"), "key the topic by its fields".into())
            }
        };
        self.report_at(rule.entry.file, document.mark, severity, "not-local", what, hint);
        false
    }

    fn report_at(
        &mut self,
        file: usize,
        mark: Mark,
        severity: Severity,
        code: &'static str,
        what: String,
        hint: String,
    ) {
        let Some(report) = self.reports.get_mut(file) else { return };
        match severity {
            Severity::Error => report.error_with_hint(mark, code, what, hint),
            Severity::Warning => report.warning(mark, code, what, Some(hint)),
        }
    }

    fn build(
        &mut self,
        entries: &[Entry],
        alerting: &[Alerting<'_>],
        filters: &Filters,
        lists: Lists,
    ) -> Option<RuleSet> {
        if u16::try_from(alerting.len()).is_err() || build::field_names(entries).len() > 60_000 {
            self.problems.push(Problem {
                place: Place { file: "rules".into(), line: 0, column: 0 },
                severity: Severity::Error,
                code: "too-many",
                what: "there are too many rules or fields for one process".into(),
                hint: None,
            });
            return None;
        }
        let mut built = Built::new();
        for rule in alerting {
            if let Some(report) = self.reports.get_mut(rule.entry.file) {
                built.add(rule, entries, report, &mut self.problems);
            }
        }
        if self.reports.iter().any(Report::has_errors) {
            return None;
        }
        let fingerprint = fingerprint::of_set(entries, alerting, filters, &lists);
        Some(built.finish(entries, alerting, filters, lists, fingerprint))
    }
}

/// Positions of documents that others refer to and nobody lets speak.
fn silent(entries: &[Entry], bases: &[Option<Vec<usize>>]) -> BTreeSet<usize> {
    let correlations = || {
        entries.iter().zip(bases).filter_map(|(entry, bases)| {
            let is_correlation = matches!(entry.document.body, Some(Body::Correlation(_)));
            Some((entry, bases.as_ref()?)).filter(|_| is_correlation)
        })
    };
    let mut silent: BTreeSet<usize> =
        correlations().flat_map(|(_, bases)| bases.iter().copied()).collect();
    for (entry, bases) in correlations() {
        if entry.document.generates {
            for base in bases {
                silent.remove(base);
            }
        }
    }
    silent
}

/// What is wrong with naming this list: code, text and hint.
fn list_problem(
    used: &ListUse,
    required: &[&str],
    lists: &Lists,
) -> Option<(&'static str, String, String)> {
    let name = used.name.as_str();
    if !lists.has(name) {
        let hint = nearest(name, lists.names())
            .unwrap_or_else(|| "declare it under tidegate.lists".into());
        return Some(("unknown-list", format!("there is no list {:?}", shown(name)), hint));
    }
    let is_required = required.contains(&name) || lists.is_required(name);
    (lists.is_empty(name) && is_required).then(|| {
        let what = format!("the list {:?} is empty", shown(name));
        ("list-empty", what, format!("set its values in [lists.{name}]"))
    })
}

/// A list whose values are wholes in a place where they would be parts, or too many of them.
fn list_misuse(
    ask: &Ask,
    operand: &Operand,
    lists: &Lists,
) -> Option<(&'static str, String, String, Mark)> {
    let is_template = matches!(operand, Operand::Template { .. });
    let uses = operand.list_uses();
    for ListUse { name, mark } in &uses {
        let Some(kind) = lists.kind(name) else { continue };
        let is_good = match (is_template, ask.field.is_empty()) {
            (false, false) if ask.operator == Operator::Equals => true,
            (false, false) => kind == ListType::String,
            _ => kind != ListType::Cidr,
        };
        if !is_good {
            let what = format!("the list {:?} is compared as a whole value", shown(name));
            let hint = "FIELD|expand: '%name%', without startswith, endswith or contains";
            return Some(("modifier-chain", what, hint.to_owned(), *mark));
        }
    }
    let texts = uses.iter().map(|used| lists.len(&used.name)).fold(1, usize::saturating_mul);
    let first = uses.first().filter(|_| is_template && texts > placeholder::TEXTS_MAX)?;
    let what = format!("the lists in this value stand for {texts} texts");
    Some(("too-many", what, format!("at most {}", placeholder::TEXTS_MAX), first.mark))
}

fn source_of(rule: &Alerting<'_>, entries: &[Entry]) -> Option<Source> {
    rule.below.iter().filter_map(|at| entries.get(*at)).find_map(|entry| {
        match &entry.document.body {
            Some(Body::Detection { source, .. }) => Some(*source),
            _ => None,
        }
    })
}

/// The documents at these positions.
pub(super) fn documents<'e>(at: &[usize], entries: &'e [Entry]) -> Vec<&'e Document> {
    at.iter().filter_map(|at| entries.get(*at)).map(|entry| &entry.document).collect()
}

/// Index of the `at`th alerting rule; their number was checked.
pub(super) fn rule_index(at: usize) -> RuleIndex {
    RuleIndex(u16::try_from(at).unwrap_or(u16::MAX))
}
