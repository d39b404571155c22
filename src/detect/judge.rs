//! One rule meets one event that it matched: add, compare, open or escalate an episode.
//!
//! Owns the order of things within one event. Windows are judged ascending by their end, each one
//! against the episodes that the ones before have left (semantics.md §5, §6).

use super::StateError;
use super::counts::{Counts, add_one};
use super::episode::{Episode, Verdict, tier_of};
use super::finding::{Finding, FindingKind};
use super::fingerprint::GroupHash;
use super::pane_ring::Crossing;
use super::plan::{RulePlan, StatePlan};
use super::report::{Fired, Heading, Trigger, of_match, of_window};
use super::tables::Tables;
use super::watermark::Watermark;
use crate::rule::Tier;
use crate::state::{CacheKey, SlotId, Store};
use crate::units::{EventTime, Span};

/// What judging needs besides the rule and the event.
pub(super) struct Judge<'e, S> {
    pub(super) tables: &'e mut Tables<S>,
    pub(super) counts: &'e mut Counts,
    pub(super) findings: &'e mut Vec<Finding>,
    /// Kept between events for its memory.
    pub(super) crossings: &'e mut Vec<Crossing>,
    pub(super) watermark: &'e Watermark,
    pub(super) horizon: Span,
}

impl<S: Store> Judge<'_, S> {
    /// A match of a stateless rule is a crossing at the event's own time.
    pub(super) fn matched(
        &mut self,
        fired: Fired<'_>,
        plan: &RulePlan,
        dedup: GroupHash,
        trigger: Trigger<'_, '_>,
    ) -> Result<(), StateError> {
        let now = self.watermark.get().map_or(trigger.seen.time, |at| at.max(trigger.seen.time));
        let opening = Episode {
            opened: trigger.seen.time,
            expires: now.plus(plan.period).plus(plan.lateness).plus(self.horizon),
            created: trigger.origin.wall,
            sequence: 1,
            level: fired.rule.level,
            reported: 0,
        };
        let verdict = if plan.period == Span::ZERO {
            Verdict::Create(opening)
        } else {
            let key = dedup.key.salted(plan.episodes_of);
            let id = self.episodes_for(key)?;
            self.cross(id, key, plan.period, opening)
        };
        match heading(verdict) {
            Some(heading) => self.findings.push(of_match(fired, heading, trigger)),
            None => add_one(&mut self.counts.suppressed, fired.index.0.into()),
        }
        Ok(())
    }

    /// The event was added to this group: judges the windows that it changed.
    pub(super) fn windows_changed(
        &mut self,
        fired: Fired<'_>,
        (plan, state, tiers): (&RulePlan, &StatePlan, &[Tier]),
        group: SlotId,
        dedup: GroupHash,
        trigger: Trigger<'_, '_>,
    ) -> Result<(), StateError> {
        let (Some(least), Some(ring)) = (tiers.first(), self.tables.group(group)) else {
            return Ok(());
        };
        let shape = &state.shape;
        let pane = shape.pane_of(trigger.seen.time);
        let is_newest = ring.is_newest(pane);
        let bound = if is_newest { ring.newest_amount() } else { ring.bound(shape, pane) };
        if bound < least.gte {
            return Ok(());
        }
        let changed = (shape.time_of(pane), shape.time_of(ring.last_end(shape, pane)));
        let key = dedup.key.salted(plan.episodes_of);
        if plan.period > Span::ZERO
            && let Some(id) = self.tables.load_episodes(key, self.watermark.get())?
            && let Some(episodes) = self.tables.episodes(id)
            && episodes.are_settled(changed, plan.period, bound, tiers)
        {
            add_one(&mut self.counts.suppressed, fired.index.0.into());
            return Ok(());
        }
        if let Some(ring) = self.tables.group(group) {
            if is_newest {
                self.crossings.clear();
                self.crossings.push(Crossing { end: pane, amount: bound });
            } else {
                ring.crossings(shape, pane, least.gte, self.crossings);
            }
        }
        if self.crossings.is_empty() {
            return Ok(());
        }
        let before = self.findings.len();
        for at in 0..self.crossings.len() {
            let Some(&crossing) = self.crossings.get(at) else { break };
            let Some(tier) = tier_of(crossing.amount, tiers) else { continue };
            let opened = shape.time_of(crossing.end);
            let opening = Episode {
                opened,
                expires: expiry(opened, plan, state),
                created: trigger.origin.wall,
                sequence: 1,
                level: tier.level,
                reported: tier.gte,
            };
            let verdict = if plan.period == Span::ZERO {
                Verdict::Create(opening)
            } else {
                let id = self.episodes_for(key)?;
                self.cross(id, key, plan.period, opening)
            };
            if let (Some(heading), Some(ring)) = (heading(verdict), self.tables.group(group)) {
                let view = ring.view(shape, crossing.end);
                debug_assert_eq!(view.amount, crossing.amount, "the window was summed right");
                let window = (shape, crossing.end, tier.gte);
                self.findings.push(of_window(fired, heading, trigger, window, &view));
            }
            if plan.period == Span::ZERO {
                // Each match is one finding, however many windows it has changed: the first one's.
                break;
            }
        }
        if self.findings.len() == before {
            add_one(&mut self.counts.suppressed, fired.index.0.into());
        }
        Ok(())
    }

    fn episodes_for(&mut self, key: CacheKey) -> Result<SlotId, StateError> {
        let id = self.tables.load_episodes(key, self.watermark.get())?;
        Ok(id.unwrap_or_else(|| self.tables.new_episodes(key)))
    }

    fn cross(&mut self, id: SlotId, key: CacheKey, period: Span, opening: Episode) -> Verdict {
        let Some(episodes) = self.tables.episodes_mut(id) else { return Verdict::Nothing };
        let verdict = episodes.cross(period, opening);
        debug_assert!(
            super::invariant::episodes_open_apart(episodes.open(), period).is_ok(),
            "E1: {:?}",
            episodes.open()
        );
        if verdict != Verdict::Nothing {
            self.tables.change_episodes(id);
        }
        if let Verdict::Create(episode) = verdict {
            self.tables.episode_opened(id, key, episode.expires);
        }
        verdict
    }
}

fn heading(verdict: Verdict) -> Option<Heading> {
    let (kind, episode, previous_level) = match verdict {
        Verdict::Create(episode) => (FindingKind::Create, episode, None),
        Verdict::Escalate(episode, before) => (FindingKind::Escalate, episode, Some(before)),
        Verdict::Nothing => return None,
    };
    Some(Heading {
        kind,
        sequence: episode.sequence,
        level: episode.level,
        previous_level,
        opened: episode.opened,
        created: episode.created,
    })
}

/// o + P + L, and the width of the grid: an event that still counts may cross at a time that lies
/// a pane before its own, for a tumbling window at its start.
fn expiry(opened: EventTime, plan: &RulePlan, state: &StatePlan) -> EventTime {
    let pane = Span::from_millis(state.shape.pane_ms);
    opened.plus(plan.period).plus(plan.lateness).plus(pane)
}
