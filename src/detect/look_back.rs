//! Reading a group's events back from the journal, newest first along its chain.
//!
//! Twice they are needed: to sum a group's windows exactly when it may have reached a threshold, and
//! to show what a finding's window held. For the second, a finding looks at the last
//! [`super::Limits::look_back`] events of its group at most, so that its cost does not grow with the
//! window, nor beyond 10,000 events with what other rules count in the group. Of those that lie in the
//! window it names the first ten and the last ten in the order of arrival, and of each collected field
//! the first n distinct values. A window that was judged when it had closed lies behind newer events:
//! for it they are the last so many of its own. The amount, the count and the first and last time are
//! the whole window's, always.

use super::StateError;
use super::groups::Groups;
use super::journal::Place;
use super::plan::{Plan, StatePlan};
use super::timers::has_fired;
use super::warm::Warm;
use crate::event::EventId;
use crate::rule::{Collect, CollectHow};
use crate::state::{CacheKey, Store};
use crate::units::EventTime;

/// Events named at each end.
const ENDS: usize = 10;

/// What is shown of a window's events.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// First ten and last ten, in the order of arrival.
    pub(super) events: Vec<(EventId, EventTime)>,
    /// By index in `collect`: for `sample` and `set` the texts, else empty.
    pub(super) texts: Vec<Vec<String>>,
}

impl Groups {
    /// The panes of a group, summed afresh.
    pub(super) fn read_back(
        &mut self,
        (plan, store): (&Plan, &impl Store),
        state: &StatePlan,
        key: CacheKey,
        watermark: Option<EventTime>,
    ) -> Result<Warm, StateError> {
        let mut warm = Warm::new(state);
        let shape = &state.shape;
        let mut columns = vec![None; state.column_tags.len()];
        let Some(track) = plan.tracks.get(state.track) else { return Ok(warm) };
        let mut next = self.last(state.track, key);
        // The group's last event comes first along the chain and is added last: what it changed is then
        // known.
        let mut last = None;
        let Self { journals, layouts, spare, .. } = self;
        let Some(journal) = journals.get(track.journal) else { return Ok(warm) };
        while let Some(at) = next
            && let Some(entry) = journal.entry(at, store, layouts, spare)?
        {
            let list = list_of(&entry.layout.lists, track.tag, at)?;
            let (before, mut facts) = entry.before(list)?;
            next = before;
            let Some(counted) = entry.layout.state(state.tag) else { continue };
            let segment = shape.segment_of(shape.pane_of(entry.time)).0;
            if watermark.is_some_and(|now| has_fired(shape.due(segment), now)) {
                continue;
            }
            let mut kept = None;
            columns.fill(None);
            facts.amounts(|at, amount| {
                if counted.amount.is_some_and(|own| usize::from(own) == at) {
                    kept = amount;
                }
                let field = entry.layout.amounts.get(at);
                for (column, tag) in columns.iter_mut().zip(&state.column_tags) {
                    if field == Some(tag) {
                        *column = amount;
                    }
                }
            })?;
            match &last {
                None => last = Some((entry.time, kept, columns.clone())),
                Some(_) => drop(warm.add(state, entry.time, kept, &columns)),
            }
        }
        if let Some((time, kept, columns)) = last {
            warm.add(state, time, kept, &columns);
        }
        Ok(warm)
    }

    /// What is shown of the events whose pane lies in `(after, upto]`.
    pub(super) fn evidence(
        &mut self,
        (plan, store): (&Plan, &impl Store),
        state: &StatePlan,
        key: CacheKey,
        (after, upto): (i64, i64),
        collect: &[Collect],
        look_back: usize,
    ) -> Result<Evidence, StateError> {
        let Some(track) = plan.tracks.get(state.track) else { return Ok(Evidence::default()) };
        let mut next = self.last(state.track, key);
        let Self { journals, layouts, spare, .. } = self;
        let Some(journal) = journals.get(track.journal) else { return Ok(Evidence::default()) };
        let mut inside: Vec<Place> = Vec::new();
        let (mut looked, mut passed) = (0, 0);
        let most_passed = look_back.saturating_mul(64).max(10_000);
        while looked < look_back
            && passed < most_passed
            && let Some(at) = next
            && let Some(entry) = journal.entry(at, store, layouts, spare)?
        {
            let list = list_of(&entry.layout.lists, track.tag, at)?;
            (next, _) = entry.before(list)?;
            passed += 1;
            if entry.layout.state(state.tag).is_none() {
                continue;
            }
            let pane = state.shape.pane_of(entry.time);
            let is_inside = after < pane && pane <= upto;
            // A window that has closed lies behind newer ones.
            looked += usize::from(is_inside || state.closes.is_none());
            if is_inside {
                inside.push(at);
            }
        }
        let wanted: Vec<Option<(u64, usize)>> = collect
            .iter()
            .map(|collect| match collect.how {
                CollectHow::Sample(most) | CollectHow::Set(most) => {
                    Some((plan.field_tag(collect.field), most))
                }
                CollectHow::Sum | CollectHow::Min | CollectHow::Max | CollectHow::Distinct => None,
            })
            .collect();
        let mut shown = Evidence { events: Vec::new(), texts: vec![Vec::new(); collect.len()] };
        let count = inside.len();
        for (number, &at) in inside.iter().rev().enumerate() {
            let is_named = number < ENDS || number + ENDS >= count;
            let mut lists = wanted.iter().zip(&shown.texts);
            let is_full =
                lists.all(|(wanted, texts)| wanted.is_none_or(|(_, most)| texts.len() >= most));
            if !is_named && is_full {
                continue;
            }
            let Some(entry) = journal.entry(at, store, layouts, spare)? else { continue };
            let mut facts = entry.groups(|_, _| {})?;
            facts.amounts(|_, _| {})?;
            let id = facts.id()?;
            if is_named {
                shown.events.push((id, entry.time));
            }
            facts.texts(|at, text| {
                let field = entry.layout.texts.get(at);
                for (wanted, texts) in wanted.iter().zip(&mut shown.texts) {
                    if let Some((tag, most)) = wanted
                        && field == Some(tag)
                        && texts.len() < *most
                        && !texts.iter().any(|known| known == text)
                    {
                        texts.push(text.to_owned());
                    }
                }
            })?;
        }
        Ok(shown)
    }
}

/// Which list of an entry is the track's: a chain leads from entry to entry of one group.
fn list_of(lists: &[u64], track: u64, at: Place) -> Result<u16, StateError> {
    let list = lists.iter().position(|tag| *tag == track);
    list.and_then(|list| u16::try_from(list).ok()).ok_or_else(|| {
        StateError::Damaged(format!("page {} of the journal leads to another group", at.page))
    })
}
