//! What explanations ask of a state: when a term was seen last, and what a correlation over others would
//! hold if one of them found something now. Nothing of `run` or `scan` comes here.

use super::StateError;
use super::catalogue::Catalogue;
use super::engine::{Engine, Found, HashedKeys, rule_plan};
use super::finding::{Finding, Origin};
use super::report::Trigger;
use super::sighting::{Sighting, event_id};
use crate::event::Event;
use crate::rule::{Matched, RuleIndex};
use crate::state::Store;
use crate::units::{EventTime, Span};

/// What a rule of new terms knows of a tuple of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sightings {
    /// The first sighting after which no gap was longer than the history; `None` when there is none.
    pub first: Option<EventTime>,
    /// The last one.
    pub last: Option<EventTime>,
    /// Until when the rule learns and says nothing; `None` when it does not learn, or has not begun.
    pub learns_until: Option<EventTime>,
}

impl<S: Store, C: Catalogue> Engine<S, C> {
    /// What is known of the event's tuple of values before the event, under a rule of new terms; `None`
    /// for other rules. Of several runs it is the last that begins no later than the event.
    ///
    /// # Errors
    /// The store failed.
    pub fn sightings(
        &mut self,
        rule: RuleIndex,
        event: &Event<'_>,
        time: EventTime,
    ) -> Result<Option<Sightings>, StateError> {
        let Some(plan) = rule_plan(&self.plan, rule) else { return Ok(None) };
        let Some(term) = &plan.term else { return Ok(None) };
        let mut keys = HashedKeys { plan: &self.plan, hashes: &mut [], event };
        let key = keys.hash(plan.group_list).key.salted(term.terms_of);
        let since = self.learning_since.get(usize::from(rule.0)).copied().flatten();
        let learns = since.filter(|_| term.learn > Span::ZERO);
        let id = self.terms.load(&self.store, key)?;
        let row = id.and_then(|id| self.terms.get(id));
        let run = row.and_then(|row| row.runs().iter().rfind(|run| run.first <= time));
        Ok(Some(Sightings {
            first: run.map(|run| run.first),
            last: run.map(|run| run.last),
            learns_until: learns.map(|since| since.plus(term.learn)),
        }))
    }

    /// In which of its ways a rule counts what its `base`th referenced rule finds in its way `inner`;
    /// 0 where all ways are the same.
    #[must_use]
    pub fn way_of(&self, rule: RuleIndex, base: usize, inner: usize) -> usize {
        let plan = rule_plan(&self.plan, rule).filter(|plan| !plan.group_list_of.is_empty());
        plan.map_or(0, |plan| plan.way_of(base, inner))
    }

    /// Counts the event in a correlation as a find of its `base`th referenced rule in the way `inner`,
    /// whether that rule has found something or not, and judges.
    ///
    /// # Errors
    /// The store failed; the engine must not be used any more.
    pub fn step_as_found(
        &mut self,
        (rule, base, inner): (RuleIndex, u8, usize),
        event: &Event<'_>,
        origin: &Origin,
        findings: &mut Vec<Finding>,
    ) -> Result<(), StateError> {
        let effective = self.watermark.effective(event.time, origin.record_time);
        self.advance(effective, origin.wall, findings)?;
        findings.clear();
        let Some(plan) = rule_plan(&self.plan, rule) else { return Ok(()) };
        let base_at = usize::from(base);
        let found = Found {
            matched: Matched { rule, bases: 1 << base },
            way: plan.way_of(base_at, inner),
            lateness: plan.lateness_of(base_at),
        };
        self.forget_event();
        let id = event_id(&event.id);
        let seen = Sighting { event, id: &id, time: effective.time };
        self.count_as(found, Trigger { seen, origin, is_late: false }, findings)
    }
}
