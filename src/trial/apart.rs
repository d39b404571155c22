//! Rules that are asked apart: rules that must match together, and rules that count what others find.
//!
//! One probe tells of all rules that count events alone. Here each rule is asked by itself, with all
//! others as they are: they find what they find. Of rules together each is asked for in turn. Where
//! nothing comes to a rule with the event, the event is counted beside its rules, as one more that no
//! condition names: so its window is told all the same.

use super::stand::{Amount, Comes, Standing, Together, amount_of, group_of};
use crate::detect::{Engine, Finding, Limits, Origin, StateError};
use crate::event::{Event, FieldId};
use crate::rule::{Combination, Kind, Matched, Measure, Rule, RuleIndex, RuleSet};
use crate::state::MemoryStore;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How an event comes to a rule.
#[derive(Default)]
pub(super) struct Way {
    /// The rules over which, however far below; none where it comes by itself alone.
    pub(super) inner: Vec<RuleIndex>,
    /// The fields of its group, as this way has them.
    pub(super) group_by: Vec<FieldId>,
    is_matched: bool,
}

/// The rules that an event matches, and all that count what they find, however far up.
pub(super) fn comers(rules: &RuleSet, matched: &[Matched]) -> BTreeMap<RuleIndex, Way> {
    let mut comers: BTreeMap<RuleIndex, Way> = BTreeMap::new();
    // Each with the way in which the event comes to it, as the engine numbers them.
    let mut open: Vec<(RuleIndex, usize)> = Vec::new();
    for one in matched {
        let rule = rules.rule(one.rule);
        let first = usize::try_from(one.bases.trailing_zeros()).unwrap_or_default();
        let way = way_of(rule, first, 0);
        let group_by = rule.group_by_of.get(way).unwrap_or(&rule.group_by).clone();
        comers.insert(one.rule, Way { group_by, is_matched: true, ..Way::default() });
        open.push((one.rule, way));
    }
    while let Some((inner, way)) = open.pop() {
        for (outer, number) in &rules.rule(inner).feeds {
            let rule = rules.rule(*outer);
            let way = way_of(rule, usize::from(*number), way);
            let comer = comers.entry(*outer).or_default();
            if !comer.inner.contains(&inner) {
                if comer.inner.is_empty() && !comer.is_matched {
                    comer.group_by.clone_from(rule.group_by_of.get(way).unwrap_or(&rule.group_by));
                }
                comer.inner.push(inner);
                open.push((*outer, way));
            }
        }
    }
    // What is asked is asked of events: of a rule over others, those below.
    let below: BTreeMap<RuleIndex, Vec<RuleIndex>> =
        comers.iter().map(|(rule, way)| (*rule, way.inner.clone())).collect();
    for way in comers.values_mut() {
        let mut next = 0;
        while let Some(inner) = way.inner.get(next).copied() {
            let further = below.get(&inner).into_iter().flatten();
            let further: Vec<_> = further.filter(|one| !way.inner.contains(one)).copied().collect();
            way.inner.extend(further);
            next += 1;
        }
    }
    comers
}

/// The number of a way; 0 where all are the same.
fn way_of(rule: &Rule, base: usize, way: usize) -> usize {
    if rule.group_by_of.is_empty() {
        return 0;
    }
    rule.first_way.get(base).map_or(base, |first| usize::from(*first)) + way
}

/// Everything that is asked again and again with other rules.
pub(super) struct Trial<'t, 'e> {
    pub(super) rules: &'t Arc<RuleSet>,
    pub(super) limits: Limits,
    pub(super) store: &'t MemoryStore,
    pub(super) event: &'t Event<'e>,
    pub(super) origin: &'t Origin,
}

impl Trial<'_, '_> {
    /// What `rule` finds with the event under these rules; of several windows the one that holds most.
    fn found(&self, probe: RuleSet, rule: RuleIndex) -> Result<Option<Finding>, StateError> {
        let mut engine = Engine::open(Arc::new(probe), self.limits, self.store.clone())?;
        let mut found = Vec::new();
        engine.step(self.event, self.origin, &mut found)?;
        found.retain(|finding| finding.rule == rule && *finding.trigger == *self.event.raw);
        Ok(found.into_iter().max_by_key(|finding| finding.count))
    }

    /// [`Self::found`] by `rule` for each of these rules that it counts; for `None` whatever they are.
    fn each(
        &self,
        rule: RuleIndex,
        each: &[Option<u8>],
        beside: Option<(&[RuleIndex], &[FieldId])>,
    ) -> Result<Vec<Option<Finding>>, StateError> {
        let probes = each.iter().map(|one| self.rules.as_probe_of(rule, *one, beside));
        probes.map(|probe| self.found(probe, rule)).collect()
    }

    /// How a rule stands that counts events alone: one probe tells of all of them.
    pub(super) fn told_by(&self, probed: &[Finding], rule: RuleIndex, way: &Way) -> Standing {
        let found = probed.iter().find(|finding| finding.rule == rule);
        let mut told = Standing::of(rule, Comes::ByItself);
        told.group = match found {
            Some(finding) => finding.group.clone(),
            None => group_of(self.rules, rule, &way.group_by, self.event),
        };
        told.window = found.and_then(amount_of);
        told
    }

    /// How a rule stands over rules together, or over what others find: it is asked alone, with
    /// all others as they are.
    pub(super) fn told(&self, rule: RuleIndex, way: &Way) -> Result<Standing, StateError> {
        let rules = self.rules;
        let counted = rules.counted_by(rule);
        let mut told = Standing::of(rule, Comes::ByItself);
        told.group = group_of(self.rules, rule, &way.group_by, self.event);
        // Rules together are asked for each of them: what comes now is one of them.
        let each: Vec<Option<u8>> = match any_of(rules, rule) {
            Some(_) => counted.iter().map(|one| Some(one.number)).collect(),
            None => vec![None],
        };
        let mut found = self.each(rule, &each, None)?;
        told.comes = match (way.is_matched, found.iter().any(Option::is_some)) {
            (true, _) => Comes::ByItself,
            (false, true) => Comes::Found,
            (false, false) => Comes::NotFound,
        };
        let mut beside = None;
        let mut own = earliest(&found);
        if told.comes == Comes::NotFound {
            beside = Some((way.inner.as_slice(), way.group_by.as_slice()));
            let spare = counted.last().map_or(0, |last| last.number.saturating_add(1));
            own = self.found(rules.as_probe_of(rule, Some(spare), beside), rule)?;
            found = self.each(rule, &each, beside)?;
        }
        let Some(mut own) = own else { return Ok(told) };
        if let Some(combinations) = any_of(rules, rule) {
            let whole = self.found(rules.as_probe_of(rule, None, beside), rule)?;
            let holds = whole.is_some();
            // The window that holds may end behind an event that came too late to be the newest.
            own = whole.unwrap_or(own);
            let is_seen = |one: &Finding| holds || one.window == own.window;
            let seen = counted.iter().zip(&found).filter_map(|(one, found)| {
                found.as_ref().is_some_and(is_seen).then_some(one.number)
            });
            told.together = Some(together(combinations, seen.collect(), holds));
        }
        told.group.clone_from(&own.group);
        told.window = amount_of(&own).and_then(|amount| match (beside, measure(rules, rule)) {
            (None, _) => Some(amount),
            // Without the one that was asked beside.
            (Some(_), Some(Measure::Count)) => Some(Amount {
                amount: amount.amount.saturating_sub(1),
                events: amount.events.saturating_sub(1),
                ..amount
            }),
            (Some(_), Some(Measure::Rules { .. } | Measure::Signals { .. })) => {
                Some(Amount { events: amount.events.saturating_sub(1), ..amount })
            }
            // What it would add nobody knows.
            (Some(_), _) => None,
        });
        Ok(told)
    }
}

/// The one whose window ends first: with the event itself.
fn earliest(found: &[Option<Finding>]) -> Option<Finding> {
    let found = found.iter().flatten();
    found.min_by_key(|finding| finding.window.map(|window| window.end)).cloned()
}

fn measure(rules: &RuleSet, rule: RuleIndex) -> Option<&Measure> {
    match &rules.rule(rule).kind {
        Kind::Window(window) => Some(&window.measure),
        Kind::Match | Kind::NewTerms(_) => None,
    }
}

/// The combinations of a rule over rules together.
pub(super) fn any_of(rules: &RuleSet, rule: RuleIndex) -> Option<&[Combination]> {
    match measure(rules, rule)? {
        Measure::Rules { any_of, .. } => Some(any_of),
        _ => None,
    }
}

fn together(combinations: &[Combination], seen: Vec<u8>, holds: bool) -> Together {
    let lacking = |one: &Combination| {
        let missing: Vec<u8> =
            one.all.iter().filter(|rule| !seen.contains(rule)).copied().collect();
        let unwanted: Vec<u8> =
            one.none.iter().filter(|rule| seen.contains(rule)).copied().collect();
        (missing, unwanted)
    };
    let nearest = combinations.iter().map(lacking);
    let nearest = nearest.min_by_key(|(missing, unwanted)| missing.len() + unwanted.len());
    let (missing, unwanted) = nearest.unwrap_or_default();
    Together { holds: holds && unwanted.is_empty(), seen, missing, unwanted }
}
