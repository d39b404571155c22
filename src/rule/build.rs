//! Checked documents → rules and their compiled conditions.

use super::amount::{Comparison, Condition};
use super::check::{Alerting, rule_index};
use super::compile::Compiler;
use super::correlation::{Correlation, CorrelationKind};
use super::detection::Detection;
use super::dispatch::Dispatch;
use super::document::{Body, Document};
use super::filter::Filters;
use super::fingerprint;
use super::list::Lists;
use super::load::Tune;
use super::model::{
    Collect, Combination, Dedup, Kind, Level, Matched, Measure, MissingGroup, NewTerms, Rule,
    RuleText, Tier, Window, WindowKind,
};
use super::names::Entry;
use super::problem::{Problem, Severity};
use super::references::{self, Ways};
use super::report::Report;
use super::set::{CompiledCondition, RuleSet};
use super::sharing;
use crate::event::{FieldSet, Source};
use crate::units::Span;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// A level when the rule names none.
const LEVEL_DEFAULT: Level = Level::Medium;
/// One value in 65,536 is the thinnest sample.
const SAMPLED_MAX: u8 = 16;
/// P when neither rule nor deployment names one (semantics.md §6).
const DEDUP_PERIOD_DEFAULT: Span = Span::from_minutes(60);
/// Dedup key of a rule without a window.
const STATELESS_KEY: [&str; 2] = ["tidegate.principal", "tidegate.bucket"];

/// Rules so far, with the fields that they use.
pub(super) struct Built {
    rules: Vec<Rule>,
    fields: FieldSet,
}

/// The keys by which a rule keeps state.
pub(super) struct Grouping {
    /// Group keys, one for each way that referenced rules have it, and the dedup key where it differs.
    pub(super) keys: Vec<Vec<String>>,
    /// A rule without a window and without episodes keeps nothing.
    pub(super) is_always_local: bool,
}

/// The keys by which a document's rule keeps state.
pub(super) fn grouping(document: &Document, ways: &Ways, tune: Option<&Tune>) -> Grouping {
    let names = |keys: &[super::yaml::Key]| -> Vec<String> {
        keys.iter().map(|key| key.text.clone()).collect()
    };
    let dedup_key = document.own.dedup_key.as_deref().map(names);
    let (groups, keeps_state) = match (&document.body, &document.own.new_terms) {
        (Some(Body::Correlation(correlation)), _) if ways.fields.is_empty() => {
            (vec![names(&correlation.group_by)], true)
        }
        (Some(Body::Correlation(_)), _) => (ways.fields.clone(), true),
        (_, Some(terms)) => (vec![names(&terms.fields)], true),
        _ => (Vec::new(), false),
    };
    let period = dedup_period(document, tune);
    let is_always_local = !keeps_state && period == Span::ZERO;
    let mut keys: Vec<Vec<String>> = groups.into_iter().chain(dedup_key).collect();
    if keys.is_empty() {
        keys.push(STATELESS_KEY.map(str::to_owned).to_vec());
    }
    Grouping { keys, is_always_local }
}

/// Every field that some document asks for.
pub(super) fn field_names(entries: &[Entry]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for entry in entries {
        let detection = entry.document.detection();
        names.extend(detection.into_iter().flat_map(Detection::fields).map(|field| field.text));
        names.extend(entry.document.own.collect.iter().map(|collect| collect.field.text.clone()));
    }
    names
}

fn dedup_period(document: &Document, tune: Option<&Tune>) -> Span {
    tune.and_then(|tune| tune.dedup_period)
        .or(document.own.dedup_period.map(|(period, _)| period))
        .unwrap_or(DEDUP_PERIOD_DEFAULT)
}

impl Built {
    pub(super) fn new() -> Self {
        Self { rules: Vec::new(), fields: FieldSet::default() }
    }

    /// Makes the rule of one document.
    pub(super) fn add(
        &mut self,
        alerting: &Alerting<'_>,
        entries: &[Entry],
        report: &mut Report,
        problems: &mut Vec<Problem>,
    ) {
        let document = &alerting.entry.document;
        let bases: Vec<&Entry> = alerting.below.iter().filter_map(|at| entries.get(*at)).collect();
        let counted = super::check::documents(&alerting.bases, entries);
        let source = bases.iter().find_map(|base| match &base.document.body {
            Some(Body::Detection { source, .. }) => Some(*source),
            _ => None,
        });
        let source = source.unwrap_or(Source::CloudTrail);
        let text = text(document, source);
        let level = alerting.tune.and_then(|tune| tune.level).or(document.level);
        let level = level.unwrap_or(LEVEL_DEFAULT);
        let (kind, group_by, key, what) =
            if let Some(Body::Correlation(correlation)) = &document.body {
                let window = (correlation, counted.as_slice());
                let window = self.window(alerting, window, level, report, problems);
                let group_by = intern(&mut self.fields, &correlation.group_by);
                let key = document.own.dedup_key.as_ref();
                let key = key.map(|key| intern(&mut self.fields, key));
                let what = state_of(correlation, &counted, &alerting.ways, &window);
                (Kind::Window(window), group_by, key, what)
            } else if let Some(terms) = &document.own.new_terms {
                no_amounts(alerting, problems);
                let group_by = intern(&mut self.fields, &terms.fields);
                let key = document.own.dedup_key.as_ref();
                let key = key.map(|key| intern(&mut self.fields, key));
                let names: Vec<&str> = terms.fields.iter().map(|key| key.text.as_str()).collect();
                let skips = terms.missing == MissingGroup::Skip;
                let what = json!(["new_terms", names, terms.history.as_millis(), skips]);
                let terms = NewTerms { history: terms.history, learn: terms.learn };
                (Kind::NewTerms(terms), group_by, key, what)
            } else {
                no_amounts(alerting, problems);
                let group_by = match &document.own.dedup_key {
                    Some(key) => intern(&mut self.fields, key),
                    None => STATELESS_KEY.iter().map(|name| self.fields.intern(name)).collect(),
                };
                let names: Vec<&str> = group_by.iter().map(|id| self.fields.name(*id)).collect();
                let what = json!(["match", names]);
                (Kind::Match, group_by, None, what)
            };
        let level = match &kind {
            Kind::Window(window) => window.tiers.first().map_or(level, |tier| tier.level),
            Kind::Match | Kind::NewTerms(_) => level,
        };
        let terms = document.own.new_terms.as_ref();
        let missing = terms.map(|terms| terms.missing).or(document.own.missing_group);
        let collect = document.own.collect.iter().map(|entry| Collect {
            name: entry.name.text.clone(),
            field: self.fields.intern(&entry.field.text),
            how: entry.how,
        });
        let collect = collect.collect();
        let ways = alerting.ways.fields.iter();
        let group_by_of =
            ways.map(|way| way.iter().map(|field| self.fields.intern(field)).collect()).collect();
        self.rules.push(Rule {
            state_id: fingerprint::of_state(&text.id, &what, &bases),
            text,
            source,
            kind,
            group_by,
            missing_group: missing.unwrap_or(MissingGroup::Group),
            allowed_lateness: document.own.allowed_lateness,
            level,
            // Made with the conditions, which need the lists.
            level_from: None,
            bump: None,
            dedup: Dedup { period: dedup_period(document, alerting.tune), key },
            collect,
            group_by_of,
            first_way: alerting.ways.first.clone(),
            feeds: Vec::new(),
            silent: alerting.is_silent,
        });
    }

    fn window(
        &mut self,
        alerting: &Alerting<'_>,
        (correlation, bases): (&Correlation, &[&Document]),
        level: Level,
        report: &mut Report,
        problems: &mut Vec<Problem>,
    ) -> Window {
        let document = &alerting.entry.document;
        let tune = alerting.tune;
        let span = tune.and_then(|tune| tune.timespan).unwrap_or(correlation.timespan);
        let written = tune.and_then(|tune| Some((tune, tune.threshold?)));
        let condition = match written {
            Some((tune, number)) => with_threshold(&correlation.condition, number, tune, problems),
            None => correlation.condition.clone(),
        };
        let least = match correlation.kind {
            // Above n may be less than the next whole number.
            CorrelationKind::ValueAvg(_) | CorrelationKind::ValuePercentile(..) => {
                let is_above = |one: &&(Comparison, u64)| one.0 == Comparison::Above;
                let above = condition.0.iter().find(is_above);
                above.map_or_else(|| condition.least(), |(_, number)| *number)
            }
            _ => condition.least(),
        };
        let greatest = condition.greatest();
        let mut tiers = vec![Tier { gte: least, level }];
        match tune.and_then(|tune| tune.tiers.as_ref().map(|tiers| (tune, tiers))) {
            Some((tune, given)) => {
                for (gte, level) in given {
                    let before = tiers.last().map_or(0, |tier| tier.gte);
                    if *gte <= before {
                        let what = format!("the tier {gte} does not lie above {before}");
                        let hint = if before == least {
                            format!(
                                "an amount above {before}, from which on the rule fires, or a lower threshold"
                            )
                        } else {
                            "tiers in ascending order".to_owned()
                        };
                        let problem = tune_problem(tune, "tiers", what);
                        problems.push(Problem { hint: Some(hint), ..problem });
                    }
                    tiers.push(Tier { gte: *gte, level: *level });
                }
            }
            None => {
                for (tier, mark) in &document.own.tiers {
                    match tiers.first_mut() {
                        // A threshold that a deployment raised takes the level it has reached.
                        Some(first) if written.is_some() && tier.gte <= least => {
                            first.level = first.level.max(tier.level);
                        }
                        Some(first) if tier.gte <= first.gte => {
                            let what =
                                format!("the tier {} does not lie above the condition", tier.gte);
                            let hint = format!(
                                "an amount above {}, where the condition begins",
                                first.gte
                            );
                            report.error_with_hint(*mark, "tiers", what, hint);
                        }
                        Some(first) if tier.level < first.level && written.is_none() => {
                            let what =
                                format!("the tier {} has a lower level than the rule", tier.gte);
                            let hint = format!(
                                "{}, the rule's level, or a higher one",
                                first.level.name()
                            );
                            report.error_with_hint(*mark, "tiers", what, hint);
                        }
                        _ => tiers.push(*tier),
                    }
                }
            }
        }
        if let (Some(greatest), Some(beyond)) = (greatest, tiers.get(1..).and_then(<[Tier]>::last))
            && beyond.gte > greatest
        {
            let at = document.own.tiers.last().map_or(document.mark, |(_, mark)| *mark);
            let what = format!("the tier {} is never reached: {condition}", beyond.gte);
            report.error(at, "tiers", what);
        }
        let period = dedup_period(document, tune);
        // A window that waits crosses once: each is its own finding, as long as it is.
        let closes = correlation.turns.is_some();
        if period > Span::ZERO && period < span && !closes {
            let at = document.own.dedup_period.map_or(document.mark, |(_, mark)| mark);
            let what = format!("the dedup period {period} is shorter than the window {span}");
            let hint = "one attack may give several findings".to_owned();
            report.warning(at, "dedup-period", what, Some(hint));
        }
        let measure = match &correlation.kind {
            CorrelationKind::EventCount => Measure::Count,
            CorrelationKind::ValueSum(field) => Measure::Sum(self.fields.intern(&field.text)),
            CorrelationKind::ValueCount(fields) => Measure::Distinct {
                fields: intern(&mut self.fields, fields),
                sampled: sampled(document, &tiers, &condition, report),
            },
            CorrelationKind::ValueAvg(field) => Measure::Mean(self.fields.intern(&field.text)),
            CorrelationKind::ValuePercentile(field, percent) => {
                Measure::Percentile { field: self.fields.intern(&field.text), percent: *percent }
            }
            CorrelationKind::SignalCount(field) => {
                let of: Vec<Option<u64>> = bases.iter().map(|base| signal(base)).collect();
                if of.iter().all(Option::is_none) {
                    let what = "none of the rules gives a signal";
                    let hint = "a tag signal.KIND in the rules that are referred to".to_owned();
                    report.error_with_hint(field.mark, "value", what, hint);
                } else {
                    let different: BTreeSet<u64> = of.iter().flatten().copied().collect();
                    let highest = tiers.last().map_or(0, |tier| tier.gte);
                    if highest > different.len() as u64 {
                        let what = format!(
                            "its rules give {} different signals, never {highest}",
                            different.len()
                        );
                        report.error(field.mark, "value", what);
                    }
                }
                Measure::Signals { of }
            }
            CorrelationKind::Temporal { ordered, .. } => {
                let any_of = references::combinations(correlation, bases, report);
                Measure::Rules { any_of: any_of.unwrap_or_default(), ordered: *ordered }
            }
        };
        if let Measure::Rules { .. } = measure {
            temporal_has_no_amounts(document, closes, tune, report, problems);
        }
        if let (Some(mark), false) =
            (document.own.approximate, matches!(measure, Measure::Distinct { .. }))
        {
            report.error(mark, "wrong-kind", "\"approximate\" belongs to a value_count");
        }
        let kind = document.own.window.unwrap_or(WindowKind::Sliding);
        Window { kind, span, measure, condition, tiers, closes }
    }

    /// Compiles the conditions and puts everything together.
    pub(super) fn finish(
        mut self,
        entries: &[Entry],
        alerting: &[Alerting<'_>],
        filters: &Filters,
        lists: Lists,
        fingerprint: u32,
    ) -> RuleSet {
        let source_field = self.fields.intern("eventSource");
        let name = self.fields.intern("eventName");
        let mut compiler = Compiler::new(&mut self.fields, &lists);
        for (rule, alerting) in self.rules.iter_mut().zip(alerting) {
            let own = &alerting.entry.document.own;
            rule.level_from = own.level_from.as_ref().map(|written| compiler.level_from(written));
            rule.bump = compiler.bump(&own.bump);
        }
        for (at, outer) in alerting.iter().enumerate() {
            for (number, base) in outer.bases.iter().enumerate() {
                let inner = alerting.iter().position(|rule| rule.at == *base && *base != outer.at);
                let found = inner.filter(|inner| {
                    alerting
                        .get(*inner)
                        .is_some_and(|rule| references::is_found(&rule.entry.document))
                });
                if let (Some(inner), Ok(number)) =
                    (found.and_then(|at| self.rules.get_mut(at)), u8::try_from(number))
                {
                    inner.feeds.push((rule_index(at), number));
                }
            }
        }
        // Rules that count one base through the same filters share its condition.
        let mut rules_of: BTreeMap<(usize, Vec<usize>), Vec<Matched>> = BTreeMap::new();
        for (at, rule) in alerting.iter().enumerate() {
            let is_event = |base: usize| {
                base == rule.at
                    || entries.get(base).is_some_and(|one| !references::is_found(&one.document))
            };
            for (number, base) in rule.bases.iter().enumerate().filter(|one| is_event(*one.1)) {
                let Some(source) = source_at(entries, *base) else { continue };
                let filters = filters.of(rule.at, *base, source);
                let bases = 1 << number.min(Measure::RULES_MAX - 1);
                let rules = rules_of.entry((*base, filters)).or_default();
                match rules.last_mut().filter(|last| last.rule == rule_index(at)) {
                    Some(last) => last.bases |= bases,
                    None => rules.push(Matched { rule: rule_index(at), bases }),
                }
            }
        }
        let mut conditions = Vec::new();
        for ((base, filters), rules) in rules_of {
            let Some(source) = source_at(entries, base) else { continue };
            let parts = std::iter::once(&base).chain(&filters);
            let detections = parts.filter_map(|at| entries.get(*at)?.document.detection());
            let predicate = compiler.detections(detections);
            let rest = predicate.beside(source_field).beside(name);
            let rules = rules.into();
            let detections: Vec<_> = std::iter::once(&base)
                .chain(&filters)
                .filter_map(|at| entries.get(*at)?.document.detection())
                .cloned()
                .collect();
            let filters = filters.iter().filter_map(|at| {
                let document = &entries.get(*at)?.document;
                let says = fingerprint::of_text(&document.canonical.to_string());
                Some((document.label().into(), says))
            });
            conditions.push(CompiledCondition {
                filters: filters.collect(),
                base: entries.get(base).map_or_else(String::new, |one| one.document.label()).into(),
                detections: detections.into(),
                source,
                predicate,
                rest,
                rules,
            });
        }
        sharing::share(&mut conditions);
        let predicates = conditions.iter().map(|condition| &condition.predicate);
        let dispatch = Dispatch::new(source_field, name, predicates);
        RuleSet { rules: self.rules, fields: self.fields, conditions, dispatch, lists, fingerprint }
    }
}

fn source_at(entries: &[Entry], at: usize) -> Option<Source> {
    match &entries.get(at)?.document.body {
        Some(Body::Detection { source, .. }) => Some(*source),
        _ => None,
    }
}

fn intern(fields: &mut FieldSet, names: &[super::yaml::Key]) -> Vec<crate::event::FieldId> {
    names.iter().map(|name| fields.intern(&name.text)).collect()
}

fn state_of(
    correlation: &Correlation,
    bases: &[&Document],
    ways: &Ways,
    window: &Window,
) -> serde_json::Value {
    let group_by: Vec<&str> = correlation.group_by.iter().map(|key| key.text.as_str()).collect();
    let (kind, field) = match &correlation.kind {
        CorrelationKind::EventCount => ("event_count", json!(null)),
        CorrelationKind::ValueSum(field) => ("value_sum", json!(field.text)),
        CorrelationKind::ValueCount(fields) => {
            let names: Vec<&str> = fields.iter().map(|field| field.text.as_str()).collect();
            let sampled = match window.measure {
                Measure::Distinct { sampled, .. } => sampled,
                _ => 0,
            };
            ("value_count", json!([names, sampled]))
        }
        CorrelationKind::SignalCount(field) => ("value_count", json!(field.text)),
        CorrelationKind::ValueAvg(field) => ("value_avg", json!(field.text)),
        // Which percentile is a threshold: what is kept is the same.
        CorrelationKind::ValuePercentile(field, _) => ("value_percentile", json!(field.text)),
        CorrelationKind::Temporal { ordered, .. } => match &window.measure {
            Measure::Rules { any_of, .. } => {
                let any_of: Vec<_> = any_of.iter().map(Combination::to_json).collect();
                ("temporal", json!([ordered, any_of]))
            }
            _ => ("temporal", json!(ordered)),
        },
    };
    let window_kind = match window.kind {
        WindowKind::Sliding => "sliding",
        // What a window waits for is written when an event comes: those that are open would never be
        // asked under a condition that waits.
        WindowKind::Tumbling if window.closes => "tumbling, judged when closed",
        WindowKind::Tumbling => "tumbling",
    };
    let mut state = json!([kind, field, group_by, window.span.as_millis(), window_kind]);
    if let (true, Some(state)) =
        (bases.iter().any(|base| references::is_found(base)), state.as_array_mut())
    {
        // What others find is counted by their place among the rules: which they are, in order.
        let told = bases.iter().map(|base| {
            let own = base.canonical.get("tidegate");
            let part = |name: &str| own.and_then(|own| own.get(name)).cloned();
            json!([base.label(), part("new-terms"), part("window")])
        });
        state.push(told.collect());
    }
    if let (false, Some(state)) = (ways.fields.is_empty(), state.as_array_mut()) {
        state.push(json!(ways.fields));
    }
    state
}

/// The hash of what a rule's tag `signal.KIND` says.
fn signal(document: &Document) -> Option<u64> {
    let signal = document.text.tags.iter().find_map(|tag| tag.strip_prefix("signal."))?;
    Some(fingerprint::of_text(signal))
}

fn temporal_has_no_amounts(
    document: &Document,
    closes: bool,
    tune: Option<&Tune>,
    report: &mut Report,
    problems: &mut Vec<Problem>,
) {
    let what = "rules that match together have no amount: no tiers and no threshold";
    if let Some((_, mark)) = document.own.tiers.first() {
        report.error(*mark, "wrong-kind", what);
    }
    if document.own.window == Some(WindowKind::Tumbling) && !closes {
        let what = "a temporal correlation has sliding windows unless its condition has a \"not\"";
        report.error(document.mark, "wrong-kind", what);
    }
    if let Some(tune) = tune.filter(|tune| tune.threshold.is_some() || tune.tiers.is_some()) {
        problems.push(tune_problem(tune, "wrong-kind", what.to_owned()));
    }
}

/// How far a `value_count` is sampled: not at all up to 10,000; beyond, the highest tier stands for
/// 5,000 to 10,000 values of the sample, whose count is then off by about 1 to 2 % (the standard
/// deviation of a binomial count).
fn sampled(document: &Document, tiers: &[Tier], condition: &Condition, report: &mut Report) -> u8 {
    let most = Measure::DISTINCT_MAX as u64;
    let highest = tiers.last().map_or(0, |tier| tier.gte).max(condition.highest());
    // Counting stops at the most: whether there are more than that, or just as many, nobody knows.
    let highest = highest + u64::from(!condition.stays() && highest == most);
    let is_exact =
        |one: &&(Comparison, u64)| matches!(one.0, Comparison::Equal | Comparison::Other);
    if let (Some(mark), Some((comparison, _))) =
        (document.own.approximate, condition.0.iter().find(is_exact))
    {
        let what = format!("an estimate says nothing of {:?}", comparison.name());
        report.error_with_hint(mark, "value", what, "lt and gte, or lte and gt".to_owned());
    }
    if highest <= most {
        return 0;
    }
    if document.own.approximate.is_none() {
        let what = format!("a value_count is exact up to {most}, and {highest} is beyond");
        let hint = "a lower amount, or approximate: true under tidegate".to_owned();
        report.error_with_hint(document.mark, "value", what, hint);
        return 0;
    }
    let sampled = (1..=SAMPLED_MAX).find(|sampled| highest.div_ceil(1 << sampled) <= most);
    sampled.unwrap_or_else(|| {
        let what = format!("a value_count of {highest} is more than can be estimated");
        let hint = format!("at most {}", most << SAMPLED_MAX);
        report.error_with_hint(document.mark, "value", what, hint);
        SAMPLED_MAX
    })
}

/// The condition with the amount that a deployment sets.
fn with_threshold(
    condition: &Condition,
    number: u64,
    tune: &Tune,
    problems: &mut Vec<Problem>,
) -> Condition {
    match condition.0.as_slice() {
        [(Comparison::Below, _)] if number == 0 => {
            problems.push(tune_problem(tune, "threshold", "no amount is < 0".to_owned()));
            condition.clone()
        }
        [(comparison, _)] if !comparison.stays() => Condition(vec![(*comparison, number)]),
        [_] => Condition::at_least(number),
        _ => {
            let what = format!("the rule's condition has two amounts, not one: {condition}");
            problems.push(tune_problem(tune, "threshold", what));
            condition.clone()
        }
    }
}

fn no_amounts(alerting: &Alerting<'_>, problems: &mut Vec<Problem>) {
    let Some(tune) = alerting.tune else { return };
    if tune.threshold.is_some() || tune.tiers.is_some() || tune.timespan.is_some() {
        let what = format!(
            "{:?} has no window: threshold, tiers and timespan mean nothing for it",
            alerting.entry.document.label()
        );
        problems.push(tune_problem(tune, "wrong-kind", what));
    }
}

fn tune_problem(tune: &Tune, code: &'static str, what: String) -> Problem {
    Problem { place: tune.place.clone(), severity: Severity::Error, code, what, hint: None }
}

fn text(document: &Document, source: Source) -> RuleText {
    let id = document.id.as_ref().map(|key| key.text.clone());
    let name = document.name.as_ref().map(|key| key.text.clone());
    let context = document.own.alert_context.iter();
    RuleText {
        id: id.clone().or_else(|| name.clone()).unwrap_or_default(),
        name: name.or(id).unwrap_or_default(),
        title: document.title.clone(),
        description: document.text.description.clone(),
        author: document.text.author.clone(),
        version: document.text.version.clone(),
        status: document.text.status,
        tags: document.text.tags.clone(),
        references: document.text.references.clone(),
        category: format!("aws/{}", source.name()),
        runbook: document.own.runbook.clone(),
        alert_title: document.own.title.clone(),
        alert_context: context.map(|(name, from)| (name.text.clone(), from.text.clone())).collect(),
    }
}
