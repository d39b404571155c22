//! One partition's engine: an event in, what follows from it out (semantics.md).
//!
//! Owns the order: match, duplicate, watermark, expiry, rules. A duplicate is found before the
//! watermark moves, so that it has no effect at all (§13). After an error the engine is to be
//! dropped and opened again from the store.

use super::StateError;

use super::catalogue::Catalogue;
use super::closing::{Closing, Contributed, Due, close_of};
use super::counts::{Counts, add_one};
use super::duplicates::Duplicates;
use super::episode::Episodes;
use super::faults::{Fault, is_planted};
use super::finding::{Finding, Origin, Outcome};
use super::fingerprint::{self, GroupHash};
use super::groups::{Bound, Groups, Keys};
use super::judge::Judge;
use super::limits::Limits;
use super::pane_ring::Crossing;
use super::plan::{Plan, RulePlan, TermPlan};
use super::report::{Fired, Trigger};
use super::rows::RowKey;
use super::sighting::{Sighting, event_id};
use super::table::Table;
use super::term::{Seen, Term};
use super::watermark::{Effective, Watermark};
use crate::event::Event;
use crate::rule::{Kind, Matched, Measure, RuleIndex};
use crate::state::{CacheKey, MetaRow, Store};
use crate::units::{EventTime, Span, WallTime};
use std::sync::Arc;

/// What judges a rule, made of the engine's parts.
macro_rules! judge {
    ($engine:expr, $findings:expr) => {
        Judge {
            store: &$engine.store,
            plan: &$engine.plan,
            groups: &mut $engine.groups,
            episodes: &mut $engine.episodes,
            counts: &mut $engine.counts,
            findings: $findings,
            crossings: &mut $engine.scratch.crossings,
            watermark: &$engine.watermark,
            horizon: $engine.duplicates.horizon(),
            look_back: $engine.limits.look_back,
        }
    };
}

/// The state of one partition and the rules that are applied to it.
#[derive(Debug)]
pub struct Engine<S, C = crate::rule::RuleSet> {
    pub(super) rules: Arc<C>,
    pub(super) plan: Plan,
    pub(super) limits: Limits,
    pub(super) watermark: Watermark,
    pub(super) duplicates: Duplicates,
    pub(super) groups: Groups,
    pub(super) episodes: Table<Episodes>,
    pub(super) terms: Table<Term>,
    pub(super) closing: Closing,
    /// By rule, for those that learn: the watermark from which on they were loaded.
    pub(super) learning_since: Vec<Option<EventTime>>,
    /// Some rule that learns waits for the first watermark.
    is_learning_unset: bool,
    /// Rows of the store that are no longer needed; written with the next commit.
    pub(super) tombstones: Vec<RowKey>,
    pub(super) store: S,
    pub(super) counts: Counts,
    /// As last committed.
    pub(super) meta: Option<MetaRow>,
    /// As last collected.
    pub(super) next_meta: Option<MetaRow>,
    scratch: Scratch,
}

/// Memory that events share one after the other.
#[derive(Debug, Default)]
struct Scratch {
    matched: Vec<Matched>,
    /// By list of fields; filled when the first rule asks.
    hashes: Vec<Option<GroupHash>>,
    /// The states that count the event.
    tallies: Vec<Tally>,
    /// Those of them that share a journal.
    together: Vec<u16>,
    bases: Vec<u32>,
    /// By state: what is known of the windows that the event changed.
    bounds: Vec<Option<Bound>>,
    crossings: Vec<Crossing>,
}

/// A state that counts the event.
#[derive(Debug, Clone, Copy)]
struct Tally {
    state: u16,
    journal: usize,
    /// The referenced rules that it matched.
    bases: u32,
}

impl<S: Store, C: Catalogue> Engine<S, C> {
    /// Continues from what `store` holds. Events of states that no rule has any more leave with
    /// time.
    ///
    /// # Errors
    /// The store failed, or holds rows that this version cannot read.
    pub fn open(rules: Arc<C>, limits: Limits, store: S) -> Result<Self, StateError> {
        let plan = Plan::new(rules.rules(), rules.fields(), &limits);
        let for_terms = 2 * usize::from(plan.rules.iter().any(|rule| rule.term.is_some()));
        let for_closing = usize::from(plan.states.iter().any(|state| state.closes.is_some()));
        let horizon = limits.duplicate_horizon.unwrap_or(limits.allowed_lateness);
        let mut engine = Self {
            watermark: Watermark::new(None, limits.max_future_skew),
            duplicates: Duplicates::new(horizon.max(plan.greatest_lateness)),
            // Few groups have an episode, and it is small.
            groups: Groups::new(&plan, limits.cache_bytes / 8 * (7 - for_terms - for_closing)),
            episodes: Table::new(limits.cache_bytes / 8),
            terms: Table::new(limits.cache_bytes / 8 * for_terms),
            closing: Closing::new(limits.cache_bytes / 8),
            learning_since: vec![None; plan.rules.len()],
            is_learning_unset: false,
            tombstones: Vec::new(),
            store,
            counts: Counts::for_rules(plan.rules.len()),
            meta: None,
            next_meta: None,
            scratch: Scratch::default(),
            rules,
            plan,
            limits,
        };
        engine.scratch.hashes.resize(engine.plan.field_lists.len(), None);
        engine.scratch.bounds.resize(engine.plan.states.len(), None);
        engine.restore()?;
        Ok(engine)
    }

    /// Applies one event and appends what follows from it to `findings`.
    ///
    /// The same events in the same order give the same findings, whatever the batches, the cache or
    /// the restarts. Allocates nothing when no rule matches and no window closes. What windows come to
    /// that the event closes stands before what it does itself.
    ///
    /// # Errors
    /// The store failed while a group was read; the engine must not be used any more.
    pub fn step(
        &mut self,
        event: &Event<'_>,
        origin: &Origin,
        findings: &mut Vec<Finding>,
    ) -> Result<Outcome, StateError> {
        self.rules.matching(event, &mut self.scratch.matched);
        let effective = self.watermark.effective(event.time, origin.record_time);
        if self.scratch.matched.is_empty() {
            self.advance(effective, origin.wall, findings)?;
            return Ok(Outcome::Ignored);
        }
        if self.duplicates.contain(event) {
            return Ok(Outcome::Duplicate);
        }
        self.advance(effective, origin.wall, findings)?;
        self.remember(event, effective.time);
        let is_late = self.watermark.is_late(effective.time, self.limits.allowed_lateness);
        let id = event_id(&event.id);
        let seen = Sighting { event, id: &id, time: effective.time };
        let trigger = Trigger { seen, origin, is_late };
        self.forget_event();
        self.count(seen)?;
        for at in 0..self.scratch.matched.len() {
            if let Some(&matched) = self.scratch.matched.get(at) {
                add_one(&mut self.counts.matches, matched.rule.0.into());
                self.apply(matched, trigger, findings)?;
            }
        }
        Ok(if is_late { Outcome::Late } else { Outcome::Matched })
    }

    /// How far event time has advanced; `None` before the first event.
    #[must_use]
    pub fn watermark(&self) -> Option<EventTime> {
        self.watermark.get()
    }

    /// What was counted since the last call.
    pub fn take_counts(&mut self) -> Counts {
        let mut counts =
            std::mem::replace(&mut self.counts, Counts::for_rules(self.plan.rules.len()));
        counts.expired_groups = std::mem::take(&mut self.groups.expired);
        counts.cache_misses = std::mem::take(&mut self.episodes.cache_misses)
            + std::mem::take(&mut self.terms.cache_misses)
            + std::mem::take(&mut self.closing.reads)
            + std::mem::take(&mut self.groups.spare.reads);
        counts
    }

    /// How many windows wait until they have closed.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.closing.len()
    }

    /// From which watermark on a window that ends then is judged, for a rule that waits until it has
    /// closed.
    #[must_use]
    pub fn closes_at(&self, rule: RuleIndex, end: EventTime) -> Option<EventTime> {
        let plan = rule_plan(&self.plan, rule)?;
        let state = self.plan.states.get(usize::from(plan.state?))?;
        state.closes.map(|_| end.plus(plan.reach))
    }

    /// How many groups have events that windows may still need.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.groups.len()
    }

    /// The store of committed rows.
    #[must_use]
    pub fn store(&self) -> &S {
        &self.store
    }

    /// Ends the engine and gives the store back; what was not committed is gone.
    #[must_use]
    pub fn into_store(self) -> S {
        self.store
    }

    /// Checks what `invariant.rs` names, of everything that is in memory.
    #[cfg(test)]
    pub(super) fn check_invariants(&mut self) -> Result<(), String> {
        self.groups.check((&self.plan, &self.store), self.watermark.get())
    }

    /// Forgets what was made of the event before.
    pub(super) fn forget_event(&mut self) {
        self.scratch.hashes.fill(None);
    }

    pub(super) fn advance(
        &mut self,
        event: Effective,
        wall: WallTime,
        findings: &mut Vec<Finding>,
    ) -> Result<(), StateError> {
        self.counts.future += u64::from(event.is_future);
        if !event.is_future && self.closing.next(event.time).is_some() {
            self.close_windows(event.time, wall, findings)?;
        }
        if let Some(watermark) = self.watermark.advance(event) {
            if self.is_learning_unset {
                self.start_learning(watermark);
            }
            self.expire(watermark)?;
        }
        Ok(())
    }

    /// Judges the windows that close while the watermark goes up to `upto`, each at the watermark at
    /// which it closes: how far an event moves it at once makes no difference. What a window's crossing
    /// adds to others closes later than itself.
    fn close_windows(
        &mut self,
        upto: EventTime,
        wall: WallTime,
        findings: &mut Vec<Finding>,
    ) -> Result<(), StateError> {
        while let Some(due) = self.closing.next(upto) {
            self.watermark.pass(due.close);
            self.close_window(due, wall, findings)?;
            self.closing.end(due, &self.plan, &mut self.tombstones);
        }
        Ok(())
    }

    fn close_window(
        &mut self,
        due: Due,
        wall: WallTime,
        findings: &mut Vec<Finding>,
    ) -> Result<(), StateError> {
        let index = RuleIndex(due.rule);
        let rules = self.rules.clone();
        let (Some(rule), Some(plan)) =
            (rules.rules().get(usize::from(due.rule)), rule_plan(&self.plan, index))
        else {
            return Ok(());
        };
        let state = plan.state.and_then(|state| self.plan.states.get(usize::from(state)));
        let (Kind::Window(window), Some(state)) = (&rule.kind, state) else { return Ok(()) };
        let source = (&self.plan, &self.store);
        let warm = self.groups.warm_for_closing(source, state, due.key)?;
        let Some(amount) = warm.and_then(|warm| warm.closed(state, due.pane)) else {
            return Ok(());
        };
        let holds = if is_planted(Fault::UpperBoundIgnored) {
            window.tiers.first().is_some_and(|tier| tier.gte <= amount.whole)
        } else {
            window.condition.holds(amount)
        };
        if !holds {
            return Ok(());
        }
        let row = self.closing.row(due, &self.plan, &self.store)?;
        let of = (rule.source, plan.keeps.as_slice(), rules.fields().len());
        let last = Contributed::read(&row, &self.plan, of, wall)?;
        let seen = Sighting { event: &last.event, id: &last.id, time: last.time };
        let trigger = Trigger { seen, origin: &last.origin, is_late: false };
        // Keys of the event before.
        self.scratch.hashes.fill(None);
        if !rule.silent {
            let dedup = if plan.dedup_list == plan.group_list {
                due.key
            } else {
                let hashes = &mut self.scratch.hashes;
                HashedKeys { plan: &self.plan, hashes, event: &last.event }.key(plan.dedup_list)
            };
            let group_by = rule.group_by_of.get(last.way).unwrap_or(&rule.group_by);
            let fired = Fired { index, rule, fields: rules.fields(), group_by };
            let tiers = (plan, state, window.tiers.as_slice());
            let crossed = (due.key, due.pane, amount);
            judge!(self, findings).window_closed(fired, tiers, crossed, (dedup, trigger))?;
        }
        let time = state.shape.time_of(due.pane);
        self.feed((index, last.way), &[time], trigger, findings)
    }

    fn expire(&mut self, watermark: EventTime) -> Result<(), StateError> {
        self.duplicates.expire(watermark, &self.store, &mut self.tombstones)?;
        self.groups.expire(&self.plan, watermark, &mut self.tombstones);
        self.terms.expire(&self.store, watermark)?;
        self.episodes.expire(&self.store, watermark)
    }

    /// Rules that learn and have not begun to begin at this watermark.
    fn start_learning(&mut self, watermark: EventTime) {
        self.is_learning_unset = false;
        for (rule, since) in self.plan.rules.iter().zip(&mut self.learning_since) {
            if rule.term.as_ref().is_some_and(|term| term.learn > Span::ZERO) {
                since.get_or_insert(watermark);
            }
        }
    }

    /// Counts the event in the states of all window rules for which it is in time, but for those that
    /// count by referenced rule.
    fn count(&mut self, seen: Sighting<'_, '_>) -> Result<(), StateError> {
        let Scratch { matched, hashes, tallies, together, bases, bounds, .. } = &mut self.scratch;
        for tally in tallies.drain(..) {
            if let Some(bound) = bounds.get_mut(usize::from(tally.state)) {
                *bound = None;
            }
        }
        let mut keys = HashedKeys { plan: &self.plan, hashes, event: seen.event };
        for Matched { rule, bases } in matched.iter() {
            let Some(plan) = rule_plan(&self.plan, *rule) else { continue };
            // Rules with one state between them count the event once.
            let is_counted = |state: &u16| tallies.iter().any(|known| known.state == *state);
            let Some(state) = plan.state.filter(|state| !is_counted(state)) else { continue };
            let Some(of) = self.plan.states.get(usize::from(state)) else { continue };
            let is_skipped =
                plan.counts_alone || (plan.skips_missing && keys.hash(plan.group_list).is_missing);
            if !is_skipped && !self.watermark.is_late(seen.time, plan.lateness) {
                tallies.push(Tally { state, journal: of.journal, bases: *bases });
            }
        }
        for journal in 0..self.plan.classes.len() {
            together.clear();
            bases.clear();
            for tally in tallies.iter().filter(|tally| tally.journal == journal) {
                together.push(tally.state);
                bases.push(tally.bases);
            }
            if !together.is_empty() {
                let (plan, watermark) = (&self.plan, self.watermark.get());
                let (source, parts) = ((plan, &self.store), (&**together, &**bases));
                self.counts.bad_amounts +=
                    self.groups.count(source, parts, &mut keys, seen, watermark, bounds)?;
            }
        }
        Ok(())
    }

    /// A stateless rule's episode outlives its event by P + L, and so must the fingerprint (§13).
    fn remember(&mut self, event: &Event<'_>, time: EventTime) {
        let from = self.watermark.get().map_or(time, |watermark| watermark.max(time));
        let matched = self.scratch.matched.iter();
        let plans = matched.filter_map(|matched| rule_plan(&self.plan, matched.rule));
        let stateless = plans.filter(|plan| plan.state.is_none());
        let longest = stateless.map(|plan| plan.period.plus(plan.lateness)).max();
        self.duplicates.remember(event, from.plus(longest.unwrap_or_default()));
    }

    fn apply(
        &mut self,
        matched: Matched,
        trigger: Trigger<'_, '_>,
        findings: &mut Vec<Finding>,
    ) -> Result<(), StateError> {
        let index = matched.rule;
        let Some(plan) = rule_plan(&self.plan, index) else { return Ok(()) };
        if plan.state.is_some() {
            return if plan.counts_alone {
                self.count_alone(matched, trigger, findings)
            } else {
                self.judge_windows((index, 0), None, trigger, findings)
            };
        }
        let Some(rule) = self.rules.rules().get(usize::from(index.0)) else { return Ok(()) };
        let (event, time) = (trigger.seen.event, trigger.seen.time);
        let hashes = &mut self.scratch.hashes;
        let mut keys = HashedKeys { plan: &self.plan, hashes, event };
        if plan.skips_missing && keys.hash(plan.group_list).is_missing {
            return Ok(());
        }
        if let Some(term) = &plan.term {
            let tuple = keys.key(plan.group_list);
            let since = self.learning_since.get(usize::from(index.0)).copied().flatten();
            let is_late = self.watermark.is_late(time, plan.lateness);
            if is_late
                || !is_news((&mut self.terms, &self.store), (plan, term), since, time, tuple)?
            {
                return Ok(());
            }
        }
        let dedup = keys.hash(plan.dedup_list);
        let is_silent = rule.silent;
        let feeds = !rule.feeds.is_empty();
        if !is_silent {
            let fields = self.rules.fields();
            let fired = Fired { index, rule, fields, group_by: &rule.group_by };
            judge!(self, findings).matched(fired, plan, dedup, trigger)?;
        }
        if feeds { self.feed((index, 0), &[time], trigger, findings) } else { Ok(()) }
    }

    /// Counts the event now; once for each referenced rule that it matched if the group, or the value,
    /// is what this one gives.
    fn count_alone(
        &mut self,
        Matched { rule, bases }: Matched,
        trigger: Trigger<'_, '_>,
        findings: &mut Vec<Finding>,
    ) -> Result<(), StateError> {
        let Some(plan) = rule_plan(&self.plan, rule) else { return Ok(()) };
        let lateness = plan.lateness;
        if !plan.is_by_base {
            let all = Found { matched: Matched { rule, bases }, way: 0, lateness };
            return self.count_as(all, trigger, findings);
        }
        for base in (0..Measure::RULES_MAX).filter(|base| bases >> base & 1 == 1) {
            let Some(plan) = rule_plan(&self.plan, rule) else { return Ok(()) };
            let matched = Matched { rule, bases: 1 << base };
            let one = Found { matched, way: plan.way_of(base, 0), lateness };
            self.count_as(one, trigger, findings)?;
        }
        Ok(())
    }

    /// Counts an event as a match of referenced rules and judges the windows that this changed. Several
    /// only where all have one group.
    pub(super) fn count_as(
        &mut self,
        Found { matched: Matched { rule: index, bases }, way, lateness }: Found,
        trigger: Trigger<'_, '_>,
        findings: &mut Vec<Finding>,
    ) -> Result<(), StateError> {
        let Some(plan) = rule_plan(&self.plan, index) else { return Ok(()) };
        let (Some(state), seen) = (plan.state, trigger.seen) else { return Ok(()) };
        let list = plan.group_list_of.get(way).copied().unwrap_or(plan.group_list);
        let hashes = &mut self.scratch.hashes;
        let mut keys = HashedKeys { plan: &self.plan, hashes, event: seen.event };
        let group = keys.hash(list);
        let has_own_key = plan.dedup_list != plan.group_list;
        let dedup = if has_own_key { keys.hash(plan.dedup_list) } else { group };
        let is_skipped = plan.skips_missing && group.is_missing;
        if is_skipped || self.watermark.is_late(seen.time, lateness) {
            return Ok(());
        }
        let source = (&self.plan, &self.store);
        let (watermark, bounds) = (self.watermark.get(), &mut self.scratch.bounds);
        let mut key = OneKey(group.key);
        let parts = (&[state][..], &[bases][..]);
        self.counts.bad_amounts +=
            self.groups.count(source, parts, &mut key, seen, watermark, bounds)?;
        let own = Some((group.key, dedup.key));
        let judged = self.judge_windows((index, way), own, trigger, findings);
        if let Some(bound) = self.scratch.bounds.get_mut(usize::from(state)) {
            *bound = None;
        }
        judged
    }

    /// Judges the windows of a group that the event was counted in, having come in `way`; then of the
    /// rules that count what crossed. Windows that wait until they have closed learn of the event.
    /// Without `own` group and dedup key are those of the event.
    fn judge_windows(
        &mut self,
        (index, way): (RuleIndex, usize),
        own: Option<(CacheKey, CacheKey)>,
        trigger: Trigger<'_, '_>,
        findings: &mut Vec<Finding>,
    ) -> Result<(), StateError> {
        let (Some(rule), Some(plan)) =
            (self.rules.rules().get(usize::from(index.0)), rule_plan(&self.plan, index))
        else {
            return Ok(());
        };
        let Kind::Window(window) = &rule.kind else { return Ok(()) };
        let number = usize::from(plan.state.unwrap_or(u16::MAX));
        let bound = self.scratch.bounds.get(number).copied().flatten();
        let (Some(state), Some(bound)) = (self.plan.states.get(number), bound) else {
            return Ok(());
        };
        let (hashes, event) = (&mut self.scratch.hashes, trigger.seen.event);
        let mut keys = HashedKeys { plan: &self.plan, hashes, event };
        if state.closes.is_some() {
            let pane = state.shape.pane_of(trigger.seen.time);
            let close = close_of(&state.shape, pane);
            let group = own.map_or_else(|| keys.key(plan.group_list), |(group, _)| group);
            let due = Due { close, rule: index.0, pane, key: group };
            self.closing.note(due, trigger, way, (&self.plan, &plan.keeps));
            return Ok(());
        }
        if window.tiers.first().is_none_or(|least| bound.greatest < least.gte) {
            return Ok(());
        }
        // Most events end above, so what only judging needs is made here.
        let group_by = rule.group_by_of.get(way).unwrap_or(&rule.group_by);
        let (group, dedup) =
            own.unwrap_or_else(|| (keys.key(plan.group_list), keys.key(plan.dedup_list)));
        let fired = Fired { index, rule, fields: self.rules.fields(), group_by };
        let tiers = (plan, state, window.tiers.as_slice());
        let mut fed = Vec::new();
        let judged = judge!(self, findings).windows_changed(
            fired,
            tiers,
            (group, bound),
            (dedup, trigger),
            &mut fed,
        );
        judged?;
        if fed.is_empty() { Ok(()) } else { self.feed((index, way), &fed, trigger, findings) }
    }

    /// Counts what a rule found in `way`, at each of `times`, in the correlations that refer to it (§8).
    /// None refers to itself, over however many others.
    fn feed(
        &mut self,
        (index, way): (RuleIndex, usize),
        times: &[EventTime],
        trigger: Trigger<'_, '_>,
        findings: &mut Vec<Finding>,
    ) -> Result<(), StateError> {
        let rules = self.rules.clone();
        let Some(rule) = rules.rules().get(usize::from(index.0)) else { return Ok(()) };
        for &time in times {
            let seen = Sighting { time, ..trigger.seen };
            for &(outer, base) in &rule.feeds {
                let Some(plan) = rule_plan(&self.plan, outer) else { continue };
                let matched = Matched { rule: outer, bases: 1 << base };
                let base = usize::from(base);
                // Ways that are all the same are one.
                let way = plan.way_of(base, if rule.group_by_of.is_empty() { 0 } else { way });
                let found = Found { matched, way, lateness: plan.lateness_of(base) };
                self.count_as(found, Trigger { seen, ..trigger }, findings)?;
            }
        }
        Ok(())
    }

    fn restore(&mut self) -> Result<(), StateError> {
        let Self {
            plan,
            duplicates,
            groups,
            episodes,
            terms,
            closing,
            tombstones,
            store,
            meta,
            ..
        } = self;
        let mut failed = None;
        store.scan(&[], &mut |key, value| {
            if failed.is_some() {
                return;
            }
            let read = if key == MetaRow::KEY {
                MetaRow::decode(value).map(|row| *meta = Some(row))
            } else {
                RowKey::read(key).and_then(|key| match key {
                    RowKey::Text { class, number } => groups.restore_text((class, number), value),
                    RowKey::Page { class, number } => groups.restore(plan, (class, number), value),
                    RowKey::Episodes { key } => episodes.restore(key, value),
                    RowKey::Term { key } => terms.restore(key, value),
                    RowKey::Window { state, pane, key } => {
                        if !closing.restore(plan, state, pane, key) {
                            // Nothing but its rule would ever end it.
                            tombstones.push(RowKey::Window { state, pane, key });
                        }
                        Ok(())
                    }
                    RowKey::Fingerprints { slot, .. } => duplicates.restore(slot, value),
                })
            };
            failed = read.err();
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        let watermark = self.meta.as_ref().and_then(|meta| meta.watermark);
        self.watermark = Watermark::new(watermark, self.limits.max_future_skew);
        self.groups.set_sequence(self.next_sequence());
        let learning = self.meta.as_ref().map_or(&[][..], |meta| &meta.learning);
        for (rule, since) in self.plan.rules.iter().zip(&mut self.learning_since) {
            let Some(term) = &rule.term else { continue };
            let known = learning.iter().find(|(state, _)| *state == term.state_id);
            *since = known.map(|(_, since)| *since);
            self.is_learning_unset |= since.is_none() && term.learn > Span::ZERO;
        }
        if let Some(watermark) = watermark.filter(|_| self.is_learning_unset) {
            self.start_learning(watermark);
        }
        if let Some(watermark) = watermark {
            // With a shorter lateness than before, rows may be over at once.
            self.expire(watermark)?;
        }
        Ok(())
    }
}

/// What is counted in a rule: an event, or what a referenced rule has found.
pub(super) struct Found {
    /// By which of the rule's referenced rules.
    pub(super) matched: Matched,
    /// In which of the rule's ways.
    pub(super) way: usize,
    /// How far behind it may be.
    pub(super) lateness: Span,
}

/// The keys of one event, hashed when they are first asked for.
pub(super) struct HashedKeys<'k, 'a> {
    pub(super) plan: &'k Plan,
    pub(super) hashes: &'k mut [Option<GroupHash>],
    pub(super) event: &'k Event<'a>,
}

impl HashedKeys<'_, '_> {
    pub(super) fn hash(&mut self, list: usize) -> GroupHash {
        let fields = self.plan.field_lists.get(list).map_or(&[][..], |fields| fields);
        match self.hashes.get_mut(list) {
            Some(hash) => *hash.get_or_insert_with(|| fingerprint::of_values(self.event, fields)),
            None => fingerprint::of_values(self.event, fields),
        }
    }
}

impl Keys for HashedKeys<'_, '_> {
    fn key(&mut self, list: usize) -> CacheKey {
        self.hash(list).key
    }
}

/// A group that is known.
struct OneKey(CacheKey);

impl Keys for OneKey {
    fn key(&mut self, _: usize) -> CacheKey {
        self.0
    }
}

/// Whether an event at `time` is the first sighting of its tuple, and the rule has learned enough to say
/// so; `since` is the watermark from which on it learns.
fn is_news(
    (terms, store): (&mut Table<Term>, &impl Store),
    (plan, term): (&RulePlan, &TermPlan),
    since: Option<EventTime>,
    time: EventTime,
    tuple: CacheKey,
) -> Result<bool, StateError> {
    let key = tuple.salted(term.terms_of);
    let id = terms.load(store, key)?;
    let id = id.unwrap_or_else(|| terms.insert(key));
    let Some(row) = terms.get_mut(id) else { return Ok(false) };
    let was_due = row.expires();
    let (seen, is_changed) = row.see(time, term.history, plan.lateness);
    let due = row.expires();
    if is_changed {
        terms.changed(id);
    }
    if seen == Seen::New {
        terms.grew(id);
        // A row asks for its next timer when one fires; only what is over before that needs another.
        if let Some(due) = due.filter(|due| was_due.is_none_or(|was| *due < was)) {
            terms.expires(key, due);
        }
    }
    // Before the first watermark it has learned nothing.
    let is_learning =
        term.learn > Span::ZERO && since.is_none_or(|since| time < since.plus(term.learn));
    let is_news = seen == Seen::New
        || (seen == Seen::Earlier && is_changed && is_planted(Fault::EarlierSightingIsNews));
    Ok(is_news && !is_learning)
}

pub(super) fn rule_plan(plan: &Plan, rule: RuleIndex) -> Option<&RulePlan> {
    plan.rules.get(usize::from(rule.0))
}
