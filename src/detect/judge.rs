//! One rule meets one event that it matched: add, compare, open or escalate an episode.
//!
//! Owns the order of things within one event. Windows are judged ascending by their end, each one
//! against the episodes that the ones before have left (semantics.md §5, §6).

use super::StateError;
use super::counts::{Counts, add_one};
use super::episode::{Episode, Episodes, Verdict, tier_of};
use super::finding::{Finding, FindingKind, Raised};
use super::fingerprint::GroupHash;
use super::groups::{Bound, Groups};
use super::pane_ring::Crossing;
use super::plan::{Plan, RulePlan, StatePlan};
use super::report::{Fired, Heading, Trigger, of_match, of_window};
use super::table::Table;
use super::watermark::Watermark;
use crate::rule::{Level, Quantity, Tier};
use crate::state::{CacheKey, SlotId, Store};
use crate::units::{EventTime, Span};

/// What judging needs besides the rule and the event.
pub(super) struct Judge<'e, S> {
    pub(super) store: &'e S,
    pub(super) plan: &'e Plan,
    pub(super) groups: &'e mut Groups,
    pub(super) episodes: &'e mut Table<Episodes>,
    pub(super) counts: &'e mut Counts,
    pub(super) findings: &'e mut Vec<Finding>,
    /// Kept between events for its memory.
    pub(super) crossings: &'e mut Vec<Crossing>,
    pub(super) watermark: &'e Watermark,
    pub(super) horizon: Span,
    pub(super) look_back: usize,
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
        let event = trigger.seen.event;
        let named = fired.rule.level_from.as_ref().and_then(|from| from.level(event));
        let (level, raised) = raise(fired, trigger, named.unwrap_or(fired.rule.level));
        let opening = Episode {
            opened: trigger.seen.time,
            expires: now.plus(plan.period).plus(plan.lateness).plus(self.horizon),
            created: trigger.origin.wall,
            sequence: 1,
            level,
            // The level itself is what rises, where the event names it (semantics.md §6).
            reported: if fired.rule.level_from.is_some() { level as u64 } else { 0 },
        };
        let verdict = if plan.period == Span::ZERO {
            Verdict::Create(opening)
        } else {
            let key = dedup.key.salted(plan.episodes_of);
            let id = self.episodes_for(key)?;
            self.cross(id, key, plan.period, opening)
        };
        match heading(verdict, raised) {
            Some(heading) => self.findings.push(of_match(fired, heading, trigger)),
            None => add_one(&mut self.counts.suppressed, fired.index.0.into()),
        }
        Ok(())
    }

    /// The event was counted in this group: judges the windows that it changed, as `bound` says. The
    /// ends of those that did not cross before go to `fed` if other rules count them.
    pub(super) fn windows_changed(
        &mut self,
        fired: Fired<'_>,
        (plan, state, tiers): (&RulePlan, &StatePlan, &[Tier]),
        (group, Bound { greatest: bound, own }): (CacheKey, Bound),
        (dedup, trigger): (CacheKey, Trigger<'_, '_>),
        fed: &mut Vec<EventTime>,
    ) -> Result<(), StateError> {
        let (Some(least), Some(warm)) = (tiers.first(), self.groups.warm_group(state, group))
        else {
            return Ok(());
        };
        let shape = &state.shape;
        let pane = shape.pane_of(trigger.seen.time);
        let changed = (shape.time_of(pane), shape.time_of(warm.ring.last_end(shape, pane)));
        if !fired.rule.feeds.is_empty() {
            warm.crossings(state, pane, least.gte, self.crossings);
            let about = (pane, own, least.gte);
            let new = warm.new_ends(state, self.crossings, about);
            fed.extend(new.into_iter().map(|end| shape.time_of(end)));
        }
        if fired.rule.silent {
            return Ok(());
        }
        let key = dedup.salted(plan.episodes_of);
        if plan.period > Span::ZERO
            && let Some(id) = self.episodes.load(self.store, key)?
            && let Some(episodes) = self.episodes.get(id)
            && episodes
                .without_expired(self.watermark.get())
                .as_ref()
                .unwrap_or(episodes)
                .are_settled(changed, plan.period, bound, tiers)
        {
            add_one(&mut self.counts.suppressed, fired.index.0.into());
            return Ok(());
        }
        if let Some(warm) = self.groups.warm_group(state, group) {
            if warm.ring.is_newest(pane) {
                self.crossings.clear();
                self.crossings.push(Crossing { end: pane, amount: bound });
            } else {
                warm.crossings(state, pane, least.gte, self.crossings);
            }
        }
        if self.crossings.is_empty() {
            return Ok(());
        }
        let before = self.findings.len();
        for at in 0..self.crossings.len() {
            let Some(&crossing) = self.crossings.get(at) else { break };
            let Some(tier) = tier_of(crossing.amount, tiers) else { continue };
            self.crossed(fired, (plan, state, tier), (group, key, crossing), trigger)?;
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

    /// A window has closed, and what it came to is what the rule asks for.
    pub(super) fn window_closed(
        &mut self,
        fired: Fired<'_>,
        (plan, state, tiers): (&RulePlan, &StatePlan, &[Tier]),
        (group, pane, amount): (CacheKey, i64, Quantity),
        (dedup, trigger): (CacheKey, Trigger<'_, '_>),
    ) -> Result<(), StateError> {
        let Some(tier) = tier_of(amount.whole, tiers).or(tiers.first()) else { return Ok(()) };
        let key = dedup.salted(plan.episodes_of);
        let crossing = Crossing { end: pane, amount: amount.rounded };
        let before = self.findings.len();
        self.crossed(fired, (plan, state, tier), (group, key, crossing), trigger)?;
        if self.findings.len() == before {
            add_one(&mut self.counts.suppressed, fired.index.0.into());
        }
        Ok(())
    }

    /// One window that crosses, against the episodes of its key: a finding, or nothing new.
    fn crossed(
        &mut self,
        fired: Fired<'_>,
        (plan, state, tier): (&RulePlan, &StatePlan, &Tier),
        (group, key, crossing): (CacheKey, CacheKey, Crossing),
        trigger: Trigger<'_, '_>,
    ) -> Result<(), StateError> {
        let shape = &state.shape;
        let opened = shape.time_of(crossing.end);
        let (level, raised) = raise(fired, trigger, tier.level);
        let opening = Episode {
            opened,
            expires: expiry(opened, plan, state),
            created: trigger.origin.wall,
            sequence: 1,
            level,
            reported: tier.gte,
        };
        let verdict = if plan.period == Span::ZERO {
            Verdict::Create(opening)
        } else {
            let id = self.episodes_for(key)?;
            self.cross(id, key, plan.period, opening)
        };
        let heading = heading(verdict, raised);
        if let (Some(heading), Some(warm)) = (heading, self.groups.warm_group(state, group)) {
            let mut view = warm.ring.view(shape, crossing.end);
            debug_assert!(
                view.amount == crossing.amount || !warm.is_summed(),
                "the window was summed right"
            );
            view.amount = warm.shown_amount(state, crossing);
            view.different = warm.different(crossing.end);
            let panes = (crossing.end.saturating_sub(shape.panes), crossing.end);
            let collect = &fired.rule.collect;
            let source = (self.plan, self.store);
            let shown =
                self.groups.evidence(source, state, group, panes, collect, self.look_back)?;
            // A condition without a lower end has no amount from which on it holds.
            let threshold = (state.closes.is_none() || tier.gte > 0).then_some(tier.gte);
            let window = (shape, crossing.end, threshold);
            self.findings.push(of_window(fired, heading, trigger, window, &view, shown));
        }
        Ok(())
    }

    fn episodes_for(&mut self, key: CacheKey) -> Result<SlotId, StateError> {
        let id = self.episodes.load(self.store, key)?;
        Ok(id.unwrap_or_else(|| self.episodes.insert(key)))
    }

    fn cross(&mut self, id: SlotId, key: CacheKey, period: Span, opening: Episode) -> Verdict {
        let Some(episodes) = self.episodes.get_mut(id) else { return Verdict::Nothing };
        let verdict = match episodes.without_expired(self.watermark.get()) {
            None => episodes.cross(period, opening),
            Some(mut left) => {
                let verdict = left.cross(period, opening);
                if verdict != Verdict::Nothing {
                    *episodes = left;
                }
                verdict
            }
        };
        debug_assert!(
            verdict == Verdict::Nothing
                || super::invariant::episodes_open_apart(episodes.open(), period).is_ok(),
            "E1: {:?}",
            episodes.open()
        );
        if verdict != Verdict::Nothing {
            self.episodes.changed(id);
        }
        if let Verdict::Create(episode) = verdict {
            self.episodes.grew(id);
            self.episodes.expires(key, episode.expires);
        }
        verdict
    }
}

/// The level with what the event's context makes of it.
fn raise(fired: Fired<'_>, trigger: Trigger<'_, '_>, level: Level) -> (Level, Option<Raised>) {
    let bump = fired.rule.bump.as_ref().filter(|_| level.raised() != level);
    let list = bump.and_then(|bump| bump.list(trigger.seen.event));
    match list {
        Some(list) => (level.raised(), Some(Raised { from: level, list: list.to_owned() })),
        None => (level, None),
    }
}

fn heading(verdict: Verdict, raised: Option<Raised>) -> Option<Heading> {
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
        // An episode that was already more severe owes nothing to this event.
        raised: raised.filter(|raised| raised.from.raised() == episode.level),
        opened: episode.opened,
        created: episode.created,
    })
}

/// o + P + L, and the width of the grid: an event that still counts may cross at a time that lies
/// a pane before its own, for a tumbling window at its start. L is that of whatever counts longest.
fn expiry(opened: EventTime, plan: &RulePlan, state: &StatePlan) -> EventTime {
    let pane = Span::from_millis(state.shape.pane_ms);
    opened.plus(plan.period).plus(plan.reach).plus(pane)
}
