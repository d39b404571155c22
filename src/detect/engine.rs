//! One partition's engine: an event in, what follows from it out (semantics.md).
//!
//! Owns the order: match, duplicate, watermark, expiry, rules. A duplicate is found before the
//! watermark moves, so that it has no effect at all (§13). After an error the engine is to be
//! dropped and opened again from the store.

use super::StateError;

use super::catalogue::Catalogue;
use super::counts::{Counts, add_one};
use super::duplicates::Duplicates;
use super::evidence::{Sighting, event_id};
use super::finding::{Finding, Origin, Outcome};
use super::fingerprint::{self, GroupHash};
use super::judge::Judge;
use super::limits::Limits;
use super::pane_ring::Crossing;
use super::plan::{Plan, RulePlan};
use super::report::{Fired, Trigger};
use super::rows::RowKey;
use super::tables::Tables;
use super::watermark::{Effective, Watermark};
use crate::event::{Amount, Event};
use crate::rule::{Kind, Measure, RuleIndex};
use crate::state::{MetaRow, SlotId, Store};
use crate::units::EventTime;
use std::sync::Arc;

/// The state of one partition and the rules that are applied to it.
#[derive(Debug)]
pub struct Engine<S, C = crate::rule::RuleSet> {
    pub(super) rules: Arc<C>,
    pub(super) plan: Plan,
    pub(super) limits: Limits,
    pub(super) watermark: Watermark,
    pub(super) duplicates: Duplicates,
    pub(super) tables: Tables<S>,
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
    matched: Vec<RuleIndex>,
    /// By list of fields; filled when the first rule asks.
    hashes: Vec<Option<GroupHash>>,
    /// By state: where the event's group is, once it was added.
    added: Vec<Option<SlotId>>,
    crossings: Vec<Crossing>,
}

impl<S: Store, C: Catalogue> Engine<S, C> {
    /// Continues from what `store` holds. Rows of states that no rule has any more are dropped with
    /// the next commit.
    ///
    /// # Errors
    /// The store failed, or holds rows that this version cannot read.
    pub fn open(rules: Arc<C>, limits: Limits, store: S) -> Result<Self, StateError> {
        let plan = Plan::new(rules.rules(), rules.fields(), &limits);
        let horizon = limits.duplicate_horizon.unwrap_or(limits.allowed_lateness);
        let mut engine = Self {
            watermark: Watermark::new(None, limits.max_future_skew),
            duplicates: Duplicates::new(horizon.max(plan.greatest_lateness)),
            tables: Tables::new(store, limits.cache_bytes),
            counts: Counts::for_rules(plan.rules.len()),
            meta: None,
            next_meta: None,
            scratch: Scratch::default(),
            rules,
            plan,
            limits,
        };
        engine.scratch.hashes.resize(engine.plan.field_lists.len(), None);
        engine.scratch.added.resize(engine.plan.states.len(), None);
        engine.restore()?;
        Ok(engine)
    }

    /// Applies one event and appends what follows from it to `findings`.
    ///
    /// The same events in the same order give the same findings, whatever the batches, the cache or
    /// the restarts. Allocates nothing when no rule matches.
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
            self.advance(effective)?;
            return Ok(Outcome::Ignored);
        }
        if self.duplicates.contain(event) {
            return Ok(Outcome::Duplicate);
        }
        self.advance(effective)?;
        self.remember(event, effective.time);
        let is_late = self.watermark.is_late(effective.time, self.limits.allowed_lateness);
        let id = event_id(&event.id);
        let seen = Sighting { event, id: &id, time: effective.time };
        let trigger = Trigger { seen, origin, is_late };
        self.scratch.hashes.fill(None);
        self.scratch.added.fill(None);
        for at in 0..self.scratch.matched.len() {
            if let Some(&rule) = self.scratch.matched.get(at) {
                add_one(&mut self.counts.matches, rule.0.into());
                self.apply(rule, trigger, findings)?;
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
        counts.expired_groups = std::mem::take(&mut self.tables.expired_groups);
        counts.cache_misses = std::mem::take(&mut self.tables.cache_misses);
        counts
    }

    /// How many groups have live windows.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.tables.open_groups()
    }

    /// The store of committed rows.
    #[must_use]
    pub fn store(&self) -> &S {
        &self.tables.store
    }

    /// Ends the engine and gives the store back; what was not committed is gone.
    #[must_use]
    pub fn into_store(self) -> S {
        self.tables.store
    }

    /// Checks what `invariant.rs` names, of everything that is in memory.
    #[cfg(test)]
    pub(super) fn check_invariants(&self) -> Result<(), String> {
        self.tables.check_invariants(&self.plan, self.watermark.get())
    }

    fn advance(&mut self, event: Effective) -> Result<(), StateError> {
        self.counts.future += u64::from(event.is_future);
        if let Some(watermark) = self.watermark.advance(event) {
            self.duplicates.expire(watermark, &self.tables.store, &mut self.tables.tombstones)?;
            self.tables.expire(&self.plan, watermark)?;
        }
        Ok(())
    }

    /// A stateless rule's episode outlives its event by P + L, and so must the fingerprint (§13).
    fn remember(&mut self, event: &Event<'_>, time: EventTime) {
        let from = self.watermark.get().map_or(time, |watermark| watermark.max(time));
        let plans = self.scratch.matched.iter().filter_map(|rule| rule_plan(&self.plan, *rule));
        let stateless = plans.filter(|plan| plan.state.is_none());
        let longest = stateless.map(|plan| plan.period.plus(plan.lateness)).max();
        self.duplicates.remember(event, from.plus(longest.unwrap_or_default()));
    }

    fn apply(
        &mut self,
        index: RuleIndex,
        trigger: Trigger<'_, '_>,
        findings: &mut Vec<Finding>,
    ) -> Result<(), StateError> {
        let (Some(rule), Some(plan)) =
            (self.rules.rules().get(usize::from(index.0)), rule_plan(&self.plan, index))
        else {
            return Ok(());
        };
        let fired = Fired { index, rule, fields: self.rules.fields() };
        let event = trigger.seen.event;
        let Scratch { hashes, added, crossings, .. } = &mut self.scratch;
        let group = hash_of(&self.plan, hashes, event, plan.group_list);
        let dedup = hash_of(&self.plan, hashes, event, plan.dedup_list);
        if plan.skips_missing && group.is_missing {
            return Ok(());
        }
        let mut judge = Judge {
            tables: &mut self.tables,
            counts: &mut self.counts,
            findings,
            crossings,
            watermark: &self.watermark,
            horizon: self.duplicates.horizon(),
        };
        let (Some(number), Kind::Window(window)) = (plan.state, &rule.kind) else {
            return judge.matched(fired, plan, dedup, trigger);
        };
        if self.watermark.is_late(trigger.seen.time, plan.lateness) {
            return Ok(());
        }
        let (Some(state), Some(added)) =
            (self.plan.states.get(usize::from(number)), added.get_mut(usize::from(number)))
        else {
            return Ok(());
        };
        // Rules with one state between them add the event once.
        let id = if let Some(id) = *added {
            id
        } else {
            let amount = match state.measure {
                Measure::Count => 1,
                Measure::Sum(field) => match event.value(field).as_amount() {
                    Amount::Of(amount) => amount,
                    Amount::Absent => 0,
                    Amount::Unreadable => {
                        judge.counts.bad_amounts += 1;
                        0
                    }
                },
            };
            let key = group.key.salted(state.groups_of);
            let watermark = self.watermark.get();
            let state = (number, state);
            let id = judge.tables.add_to_group(state, key, (trigger.seen, amount), watermark)?;
            *added = Some(id);
            id
        };
        judge.windows_changed(fired, (plan, state, &window.tiers), id, dedup, trigger)
    }

    fn restore(&mut self) -> Result<(), StateError> {
        let Self { plan, duplicates, tables, counts, .. } = self;
        let mut meta = None;
        let mut rows: Vec<(RowKey, Vec<u8>)> = Vec::new();
        let mut failed = None;
        tables.store.scan(&[], &mut |key, value| {
            if failed.is_some() {
                return;
            }
            let read = if key == MetaRow::KEY {
                MetaRow::decode(value).map(|row| meta = Some(row))
            } else {
                RowKey::read(key).map(|key| match key {
                    // What a segment holds is read when its group is asked for.
                    RowKey::Segment { .. } => rows.push((key, Vec::new())),
                    _ => rows.push((key, value.to_vec())),
                })
            };
            failed = read.err();
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        for (key, value) in rows {
            match key {
                RowKey::Segment { tag, group, index } => {
                    if let Some(state) = plan.state_with(tag) {
                        tables.restore_segment(state, group, index);
                    } else {
                        counts.orphaned_rows += 1;
                        tables.tombstones.push(key);
                    }
                }
                RowKey::Episodes { key } => tables.restore_episodes(key, &value)?,
                RowKey::Fingerprints { slot, .. } => duplicates.restore(slot, &value)?,
            }
        }
        let watermark = meta.as_ref().and_then(|meta: &MetaRow| meta.watermark);
        self.watermark = Watermark::new(watermark, self.limits.max_future_skew);
        self.meta = meta;
        if let Some(watermark) = watermark {
            // With a shorter lateness than before, rows may be over at once.
            self.duplicates.expire(watermark, &self.tables.store, &mut self.tables.tombstones)?;
            self.tables.expire(&self.plan, watermark)?;
        }
        Ok(())
    }
}

fn rule_plan(plan: &Plan, rule: RuleIndex) -> Option<&RulePlan> {
    plan.rules.get(usize::from(rule.0))
}

fn hash_of(
    plan: &Plan,
    hashes: &mut [Option<GroupHash>],
    event: &Event<'_>,
    list: usize,
) -> GroupHash {
    let fields = plan.field_lists.get(list).map_or(&[][..], |fields| fields);
    match hashes.get_mut(list) {
        Some(hash) => *hash.get_or_insert_with(|| fingerprint::of_values(event, fields)),
        None => fingerprint::of_values(event, fields),
    }
}
