//! The groups of all window rules of one partition.
//!
//! Most groups are far from every threshold, so most are *cold*: a number that no window of theirs
//! can exceed, and where in the journal their last event is. When the number reaches the least
//! threshold, the group's events are read back. Then it is *coarse*: sums of some minutes each, which
//! tell how near its windows really are; or, when they are near, *warm*: it has its panes, and its
//! windows are summed exactly.
//!
//! ```text
//!             event              bound ≥ least: read back
//!   (none) ──────────▶ cold ──────────────────┬──────────────────────────────────┐
//!     ▲                 ▲                     ▼   bound ≥ least: read back       ▼
//!     │ last page gone  └── sum < 1/16 ── coarse ────────────────────────────▶ warm
//!     └──────── from any                      ▲  no window ≥ 1/4, or memory short │
//!                                             └───────────────────────────────────┘
//! ```
//!
//! Nothing here is stored: it follows from the journal. Invariants: `G1` what a cold or coarse
//! group has is at least the sum of its events that windows still need; `G2` a warm group's panes are
//! what the journal says, and perhaps some that are over. What is in memory never decides a result.
//!
//! Cost of an event: one probe for each track, an entry in the journal, an addition. A group's events
//! are read back when it comes near a threshold, not again while it stays there.

use super::StateError;
use super::coarse::Coarse;
use super::fingerprint;
use super::journal::{Journal, Layouts, OpenEntry, Place, Restored, Spare};
use super::plan::{Plan, StatePlan, TrackPlan};
use super::recipe::{Counted, Kept, Recipe, Recipes, Shown};
use super::rows::RowKey;
use super::sighting::{Sighting, TEXT_BYTES, each_text};
use super::text::capped;
use super::timers::has_fired;
use super::warm::Warm;
use crate::event::{Amount, Value};
use crate::state::{AlreadyHashed, CacheKey, Changes, Store};
use crate::units::{EventTime, Span};
use hashbrown::HashMap;
use smallvec::SmallVec;
use std::hash::BuildHasherDefault;

/// Groups, and the journals they are made from.
#[derive(Debug)]
pub(super) struct Groups {
    pub(super) journals: Vec<Journal>,
    pub(super) layouts: Layouts,
    tracks: Vec<Track>,
    recipes: Recipes,
    /// Memory of all panes.
    ring_bytes: usize,
    bound_bytes: usize,
    next_sweep: Option<EventTime>,
    /// Pages left since the last sweep.
    is_unswept: bool,
    pub(super) spare: Spare,
    pub(super) expired: u64,
    scratch: Scratch,
}

#[derive(Debug, Default)]
struct Scratch {
    amounts: Vec<Option<u64>>,
    columns: Vec<Option<u64>>,
    /// Cold and coarse groups that may have reached a threshold.
    to_warm: Vec<(u16, CacheKey)>,
}

type Index = HashMap<CacheKey, Group, BuildHasherDefault<AlreadyHashed>>;

#[derive(Debug, Default)]
struct Track {
    index: Index,
}

/// What is known of a group.
#[derive(Debug)]
struct Group {
    /// Where its last event is; page 0 for none.
    page: u64,
    offset: u32,
    /// Its number in that page.
    number: u16,
    /// One for each state of the track.
    windows: SmallVec<[Windows; 2]>,
}

#[derive(Debug)]
enum Windows {
    /// No window can have a greater sum.
    Cold(u64),
    Coarse(Box<Coarse>),
    Warm(Box<Warm>),
}

/// What is known of the windows that an event changed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound {
    /// No amount of theirs is greater; the amount itself when it is the newest window.
    pub(super) greatest: u64,
    /// What the event added.
    pub(super) own: u64,
}

/// How long dead groups may stay in memory, in event time.
const SWEEP_EVERY: Span = Span::from_minutes(5);

/// How an event's groups are named: the key of its values in each list of fields.
pub(super) trait Keys {
    /// The key for a list of [`Plan::field_lists`].
    fn key(&mut self, list: usize) -> CacheKey;
}

impl Groups {
    pub(super) fn new(plan: &Plan, bound_bytes: usize) -> Self {
        Self {
            journals: plan.classes.iter().map(|class| Journal::new(*class)).collect(),
            layouts: Layouts::default(),
            tracks: plan.tracks.iter().map(|_| Track::default()).collect(),
            recipes: Recipes::default(),
            ring_bytes: 0,
            bound_bytes,
            next_sweep: None,
            is_unswept: false,
            spare: Spare::default(),
            expired: 0,
            scratch: Scratch::default(),
        }
    }

    /// Counts an event in `states`, which share a journal; `bases` tells for each by which referenced
    /// rules it matched. Into `bounds`, by state, goes a number that none of the windows which the event
    /// changed exceeds, once the group is warm; until then one below the state's `least`. Tells how many
    /// amounts could not be read.
    pub(super) fn count(
        &mut self,
        (plan, store): (&Plan, &impl Store),
        (states, bases): (&[u16], &[u32]),
        keys: &mut impl Keys,
        seen: Sighting<'_, '_>,
        watermark: Option<EventTime>,
        bounds: &mut [Option<Bound>],
    ) -> Result<u64, StateError> {
        let Self { journals, layouts, tracks, recipes, scratch, ring_bytes, .. } = self;
        let Some(recipe) = recipes.of(states, plan, layouts) else { return Ok(0) };
        let bad_amounts = read_amounts(recipe, bases, seen, &mut scratch.amounts);
        let due = recipe.states.iter().filter_map(|counted| {
            let shape = &plan.states.get(usize::from(counted.state))?.shape;
            Some(shape.due(shape.segment_of(shape.pane_of(seen.time)).0))
        });
        let due = due.max().unwrap_or(seen.time);
        let Some(journal) = journals.get_mut(recipe.journal) else { return Ok(bad_amounts) };
        let first_page = journal.first_page();
        let mut entry = journal.begin(recipe.layout, (seen.time, due), seen.id);
        scratch.to_warm.clear();
        for (of_recipe, &number) in recipe.tracks.iter().enumerate() {
            let (Some(track), Some(track_plan)) = (tracks.get_mut(number), plan.tracks.get(number))
            else {
                continue;
            };
            let key = keys.key(track_plan.list);
            let group = track.group(key, track_plan.states.len());
            if group.page < first_page {
                *ring_bytes -= group.forget();
            }
            group.number = entry.group(key, group.last());
            (group.page, group.offset) = (entry.place.page, entry.place.offset);
            for counted in recipe.states.iter().filter(|one| one.track == of_recipe) {
                let Some(state) = plan.states.get(usize::from(counted.state)) else { continue };
                let kept = counted.kept_of(&scratch.amounts);
                let amount = state.measured.own(kept);
                let columns = &mut scratch.columns;
                let windows = group.windows.get_mut(state.place);
                if let Some(windows @ Windows::Cold(0)) = windows
                    && state.closes.is_some()
                {
                    // It has no event to read back, and each of its windows will be asked for.
                    let warm = Warm::new(state);
                    *ring_bytes += warm.byte_len();
                    *windows = Windows::Warm(Box::new(warm));
                }
                let bound = match group.windows.get_mut(state.place) {
                    Some(Windows::Cold(bound)) => {
                        *bound = state.joined(*bound, kept);
                        if state.may_reach(*bound) {
                            scratch.to_warm.push((counted.state, key));
                        }
                        // What windows hold is not known before it is warm.
                        0
                    }
                    Some(Windows::Coarse(coarse)) => {
                        let pane = state.shape.pane_of(seen.time);
                        let bound = coarse.add(&state.shape, pane, amount);
                        if bound >= state.least {
                            scratch.to_warm.push((counted.state, key));
                        }
                        bound
                    }
                    Some(Windows::Warm(warm)) => {
                        columns.clear();
                        columns.extend(
                            counted.columns.iter().map(|&at| scratch.amounts.get(at).copied()?),
                        );
                        let grown = warm.add(state, seen.time, kept, columns);
                        *ring_bytes = ring_bytes.saturating_add_signed(grown);
                        warm.is_used = true;
                        bound_of(warm, state, seen.time)
                    }
                    None => continue,
                };
                if let Some(known) = bounds.get_mut(usize::from(counted.state)) {
                    *known = Some(Bound { greatest: bound, own: amount });
                }
            }
        }
        for amount in &scratch.amounts {
            entry.amount(*amount);
        }
        entry.id(seen.id);
        for shown in &recipe.texts {
            write_texts(&mut entry, seen.event.value(shown.field), shown);
        }
        entry.end();
        for at in 0..self.scratch.to_warm.len() {
            let Some(&(state, key)) = self.scratch.to_warm.get(at) else { continue };
            self.warm((plan, store), state, key, seen.time, watermark, bounds)?;
        }
        Ok(bad_amounts)
    }

    /// The panes of a warm group.
    pub(super) fn warm_group(&self, state: &StatePlan, key: CacheKey) -> Option<&Warm> {
        match self.tracks.get(state.track)?.index.get(&key)?.windows.get(state.place)? {
            Windows::Warm(warm) => Some(warm),
            Windows::Cold(_) | Windows::Coarse(_) => None,
        }
    }

    /// The panes of a group whose window has closed; read back when memory has let them go.
    pub(super) fn warm_for_closing(
        &mut self,
        source: (&Plan, &impl Store),
        state: &StatePlan,
        key: CacheKey,
    ) -> Result<Option<&Warm>, StateError> {
        if self.warm_group(state, key).is_none() {
            // Whatever the watermark: nothing that an open window needs is over.
            let warm = self.read_back(source, state, key, None)?;
            let track = self.tracks.get_mut(state.track);
            let group = track.and_then(|track| track.index.get_mut(&key));
            if let Some(place) = group.and_then(|group| group.windows.get_mut(state.place)) {
                self.ring_bytes += warm.byte_len();
                *place = Windows::Warm(Box::new(warm));
            }
        }
        Ok(self.warm_group(state, key))
    }

    /// Where a group's last event is.
    pub(super) fn last(&self, track: usize, key: CacheKey) -> Option<Place> {
        let (place, _) = self.tracks.get(track)?.index.get(&key)?.last()?;
        Some(place)
    }

    /// Takes a text of the store, in the order of numbers, before all pages.
    pub(super) fn restore_text(
        &mut self,
        (class, number): (u8, u64),
        value: &[u8],
    ) -> Result<(), StateError> {
        let at = self.journal_of(class);
        self.journals.get_mut(at).map_or(Ok(()), |journal| journal.restore_text(number, value))
    }

    /// Takes a page of the store, in the order of the pages.
    pub(super) fn restore(
        &mut self,
        plan: &Plan,
        (class, number): (u8, u64),
        value: &[u8],
    ) -> Result<(), StateError> {
        let at = self.journal_of(class);
        let share = self.bound_bytes / self.journals.len().max(1);
        let Self { journals, layouts, tracks, .. } = self;
        let Some(journal) = journals.get_mut(at) else { return Ok(()) };
        let first_page =
            if journal.first_page() == u64::MAX { number } else { journal.first_page() };
        journal.restore(
            number,
            value,
            layouts,
            &mut |Restored { place, layout, groups, amounts }| {
                let lists = layout.lists.iter().enumerate().zip(groups);
                for ((list, tag), &(key, number)) in lists {
                    let is_it = |track: &TrackPlan| track.tag == *tag && track.journal == at;
                    let Some(track_at) = plan.tracks.iter().position(is_it) else { continue };
                    let (Some(track), Some(track_plan)) =
                        (tracks.get_mut(track_at), plan.tracks.get(track_at))
                    else {
                        continue;
                    };
                    let group = track.group(key, track_plan.states.len());
                    if group.page < first_page {
                        group.forget();
                    }
                    (group.page, group.offset, group.number) = (place.page, place.offset, number);
                    for (window, state) in group.windows.iter_mut().zip(&track_plan.states) {
                        let Some(state) = plan.states.get(usize::from(*state)) else { continue };
                        let Some(counted) = layout.state(state.tag) else { continue };
                        if let Windows::Cold(bound) = window
                            && usize::from(counted.list) == list
                        {
                            let kept = counted
                                .amount
                                .and_then(|at| amounts.get(usize::from(at)).copied().flatten());
                            *bound = state.joined(*bound, kept);
                        }
                    }
                }
            },
        )?;
        // A restored page is in the store: memory stays bounded however much there is.
        journal.shrink_to(share);
        Ok(())
    }

    /// The commit that is gathered from now on.
    pub(super) fn set_sequence(&mut self, sequence: u64) {
        for journal in &mut self.journals {
            journal.set_sequence(sequence);
        }
    }

    /// Drops what the watermark has passed.
    #[inline]
    pub(super) fn expire(
        &mut self,
        plan: &Plan,
        watermark: EventTime,
        tombstones: &mut Vec<RowKey>,
    ) {
        for journal in &mut self.journals {
            self.is_unswept |= journal.expire(watermark, tombstones);
        }
        if self.is_unswept && self.next_sweep.is_none_or(|at| at <= watermark) {
            self.is_unswept = false;
            self.next_sweep = Some(watermark.plus(SWEEP_EVERY));
            self.sweep(plan, watermark);
        }
    }

    /// How many groups are known.
    pub(super) fn len(&self) -> usize {
        self.tracks.iter().map(|track| track.index.len()).sum()
    }

    /// Whether a page differs from the store.
    pub(super) fn is_dirty(&self) -> bool {
        self.journals.iter().any(Journal::is_dirty)
    }

    /// Bytes that the next commit writes.
    pub(super) fn dirty_bytes(&self) -> usize {
        self.journals.iter().map(Journal::pending_bytes).sum()
    }

    /// Appends the pages of this commit.
    pub(super) fn collect(&self, into: &mut Changes) {
        for journal in &self.journals {
            journal.collect(&self.layouts, into);
        }
    }

    /// The pages of this commit are in the store now; what memory is short of leaves it.
    pub(super) fn set_committed(&mut self, plan: &Plan) {
        for journal in &mut self.journals {
            journal.set_committed();
        }
        let cached: usize = self.journals.iter().map(Journal::cached_bytes).sum();
        if cached + self.ring_bytes > self.bound_bytes {
            // Panes are dearer to make again than a page is to read.
            let for_pages =
                self.bound_bytes.saturating_sub(self.ring_bytes.min(self.bound_bytes / 2));
            let share = for_pages / self.journals.len().max(1);
            for journal in &mut self.journals {
                journal.shrink_to(share);
            }
            if self.ring_bytes > self.bound_bytes / 2 {
                self.cool_unused(plan);
            }
        }
    }

    /// Memory in bytes.
    #[cfg(test)]
    pub(super) fn memory_bytes(&self) -> usize {
        let index = self
            .tracks
            .iter()
            .map(|track| track.index.capacity() * (size_of::<(CacheKey, Group)>() + 1));
        let journals = self.journals.iter().map(|one| one.cached_bytes() + one.pending_bytes());
        let coarse = self.tracks.iter().flat_map(|track| track.index.values()).flat_map(|group| {
            group.windows.iter().map(|windows| match windows {
                Windows::Coarse(coarse) => coarse.byte_len(),
                Windows::Cold(_) | Windows::Warm(_) => 0,
            })
        });
        coarse.sum::<usize>() + index.sum::<usize>() + journals.sum::<usize>() + self.ring_bytes
    }

    fn journal_of(&mut self, class: u8) -> usize {
        self.journals.iter().position(|journal| journal.class() == class).unwrap_or_else(|| {
            // Of rules that are not loaded: its rows leave with time.
            self.journals.push(Journal::new(class));
            self.journals.len() - 1
        })
    }

    /// Reads a group's events back; it is warm when it is near a threshold.
    fn warm(
        &mut self,
        (plan, store): (&Plan, &impl Store),
        number: u16,
        key: CacheKey,
        time: EventTime,
        watermark: Option<EventTime>,
        bounds: &mut [Option<Bound>],
    ) -> Result<(), StateError> {
        let Some(state) = plan.states.get(usize::from(number)) else { return Ok(()) };
        let warm = self.read_back((plan, store), state, key, watermark)?;
        // Near enough that the coarse bound may reach the threshold again soon.
        let is_near = match warm.rules() {
            Some(rules) => state.may_reach(rules),
            None => Coarse::of(&warm.ring, &state.shape).greatest(&state.shape) >= state.least / 2,
        };
        if let Some(Some(bound)) = bounds.get_mut(usize::from(number)) {
            bound.greatest = if is_near { bound_of(&warm, state, time) } else { 0 };
        }
        let windows = if is_near {
            self.ring_bytes += warm.byte_len();
            Windows::Warm(Box::new(warm))
        } else {
            cooled(&warm, state, state.least / 8)
        };
        let group = self.tracks.get_mut(state.track).and_then(|track| track.index.get_mut(&key));
        if let Some(place) = group.and_then(|group| group.windows.get_mut(state.place)) {
            *place = windows;
        }
        Ok(())
    }

    fn sweep(&mut self, plan: &Plan, watermark: EventTime) {
        let Self { journals, tracks, ring_bytes, expired, .. } = self;
        for (track, track_plan) in tracks.iter_mut().zip(&plan.tracks) {
            let first_page = journals.get(track_plan.journal).map_or(u64::MAX, Journal::first_page);
            track.index.retain(|_, group| {
                if group.page < first_page {
                    *ring_bytes -= group.forget();
                    *expired += 1;
                    return false;
                }
                for (windows, state) in group.windows.iter_mut().zip(&track_plan.states) {
                    let Some(state) = plan.states.get(usize::from(*state)) else { continue };
                    let is_over = |index| has_fired(state.shape.due(index), watermark);
                    match windows {
                        Windows::Cold(_) => {}
                        Windows::Coarse(coarse) => {
                            coarse.drop_buckets(&state.shape, is_over);
                            if coarse.total() < state.least / 16 {
                                *windows = Windows::Cold(coarse.total());
                            }
                        }
                        Windows::Warm(warm) => {
                            *ring_bytes -= warm.drop_segments(state, is_over);
                            let is_far = match warm.rules() {
                                // Asked for until its windows have closed.
                                _ if state.closes.is_some() => warm.ring.events() == 0,
                                Some(rules) => !state.may_reach(rules),
                                None => {
                                    let coarse = Coarse::of(&warm.ring, &state.shape);
                                    coarse.greatest(&state.shape) < state.least / 4
                                }
                            };
                            if is_far {
                                *ring_bytes -= warm.byte_len();
                                *windows = cooled(warm, state, state.least / 16);
                            }
                        }
                    }
                }
                true
            });
            // A burst of keys does not hold memory for ever.
            if track.index.capacity() > 4096 && track.index.len() < track.index.capacity() / 8 {
                track.index.shrink_to(track.index.len() * 2);
            }
        }
    }

    /// Lets go the panes of warm groups that counted nothing since the last commit; those of all when
    /// that is not enough.
    fn cool_unused(&mut self, plan: &Plan) {
        let Self { tracks, ring_bytes, bound_bytes, .. } = self;
        for all in [false, true] {
            for (track, track_plan) in tracks.iter_mut().zip(&plan.tracks) {
                track.index.retain(|_, group| {
                    for (windows, state) in group.windows.iter_mut().zip(&track_plan.states) {
                        let Some(state) = plan.states.get(usize::from(*state)) else { continue };
                        let Windows::Warm(warm) = windows else { continue };
                        if std::mem::take(&mut warm.is_used) && !all {
                            continue;
                        }
                        *ring_bytes -= warm.byte_len();
                        *windows = cooled(warm, state, state.least / 16);
                    }
                    true
                });
            }
            if *ring_bytes <= *bound_bytes / 2 {
                return;
            }
        }
    }

    /// Checks `G1` and `G2` of every group against the journal.
    #[cfg(test)]
    pub(super) fn check(
        &mut self,
        (plan, store): (&Plan, &impl Store),
        watermark: Option<EventTime>,
    ) -> Result<(), String> {
        let groups = self.tracks.iter().flat_map(|track| track.index.values());
        let warm = groups.flat_map(|group| &group.windows).filter_map(|windows| match windows {
            Windows::Warm(warm) => Some(warm.byte_len()),
            Windows::Cold(_) | Windows::Coarse(_) => None,
        });
        let (bytes, known) = (warm.sum::<usize>(), self.ring_bytes);
        if bytes != known {
            return Err(format!("{known} bytes of panes are counted, and there are {bytes}"));
        }
        for (at, track) in plan.tracks.iter().enumerate() {
            let keys: Vec<CacheKey> = self.tracks[at].index.keys().copied().collect();
            for key in keys {
                if self.tracks[at].index[&key].page < self.journals[track.journal].first_page() {
                    continue;
                }
                for &state in &track.states {
                    let state = &plan.states[usize::from(state)];
                    let exact = self
                        .read_back((plan, store), state, key, watermark)
                        .map_err(|error| error.to_string())?;
                    super::invariant::ring_is_sound(&exact.ring, &state.shape)?;
                    let rules = exact.rules();
                    let total = match state.closes {
                        Some(_) => exact.ring.events(),
                        None => exact.ring.total(),
                    };
                    match &self.tracks[at].index[&key].windows[state.place] {
                        Windows::Cold(bound) if rules.is_some_and(|all| bound & all == all) => {}
                        Windows::Cold(bound) if rules.is_none() && *bound >= total => {}
                        Windows::Cold(bound) => {
                            return Err(format!("G1: {bound} for a sum of {total}"));
                        }
                        Windows::Coarse(coarse) => {
                            let least = Coarse::of(&exact.ring, &state.shape);
                            if !coarse.covers(&least) {
                                return Err(format!("G1: {coarse:?} for {least:?}"));
                            }
                        }
                        Windows::Warm(warm) => {
                            let mut warm = (**warm).clone();
                            super::invariant::ring_is_sound(&warm.ring, &state.shape)?;
                            warm.drop_segments(state, |index| {
                                watermark.is_some_and(|at| has_fired(state.shape.due(index), at))
                            });
                            let first = watermark
                                .map(|at| state.shape.pane_of(at.minus(state.shape.lateness)));
                            if !warm.says_as(&exact, state, first) {
                                return Err(format!("G2: {warm:?} is not {exact:?}"));
                            }
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

impl Track {
    #[inline]
    fn group(&mut self, key: CacheKey, states: usize) -> &mut Group {
        self.index.entry(key).or_insert_with(|| Group {
            page: 0,
            offset: 0,
            number: 0,
            windows: (0..states).map(|_| Windows::Cold(0)).collect(),
        })
    }
}

impl Group {
    /// The last event's place and the group's number in its page.
    fn last(&self) -> Option<(Place, u16)> {
        let place = Place { page: self.page, offset: self.offset };
        (self.page > 0).then_some((place, self.number))
    }

    /// All its events are gone; tells how much memory that gave back.
    fn forget(&mut self) -> usize {
        self.page = 0;
        let mut bytes = 0;
        for windows in &mut self.windows {
            if let Windows::Warm(warm) = windows {
                bytes += warm.byte_len();
            }
            *windows = Windows::Cold(0);
        }
        bytes
    }
}

/// Puts the event's amounts into `amounts`; tells how many of them states cannot use.
fn read_amounts(
    recipe: &Recipe,
    bases: &[u32],
    seen: Sighting<'_, '_>,
    amounts: &mut Vec<Option<u64>>,
) -> u64 {
    amounts.clear();
    let mut bad = 0;
    for (at, kept) in recipe.amounts.iter().enumerate() {
        let field = match kept {
            Kept::Amount(field) => *field,
            Kept::Value(fields) => {
                let values = fingerprint::of_values(seen.event, fields);
                amounts.push((!values.is_missing).then_some(values.key.0));
                continue;
            }
            Kept::Bases { at, .. } => {
                amounts.push(bases.get(*at).map(|bits| u64::from(*bits)));
                continue;
            }
        };
        amounts.push(match seen.event.value(field).as_amount() {
            Amount::Of(amount) => Some(amount),
            Amount::Absent => None,
            Amount::Unreadable => {
                let sums = recipe.states.iter().filter(|counted| counted.amount == Some(at));
                bad += sums.count() as u64;
                None
            }
        });
    }
    bad
}

/// What the last event has made of the group's windows. Those that are judged once they have closed are
/// asked then, and not at every event.
fn bound_of(warm: &Warm, state: &StatePlan, time: EventTime) -> u64 {
    if state.closes.is_some() { 0 } else { warm.bound_at(state, time) }
}

/// What is kept of a group that was warm.
fn cooled(warm: &Warm, state: &StatePlan, least: u64) -> Windows {
    match warm.rules() {
        _ if state.closes.is_some() => Windows::Cold(warm.ring.events()),
        Some(rules) => Windows::Cold(rules),
        None => far(Coarse::of(&warm.ring, &state.shape), least),
    }
}

/// Windows that are far from any threshold; cold below `least`.
fn far(coarse: Coarse, least: u64) -> Windows {
    let total = coarse.total();
    if total < least { Windows::Cold(total) } else { Windows::Coarse(Box::new(coarse)) }
}

impl Counted {
    fn kept_of(&self, amounts: &[Option<u64>]) -> Option<u64> {
        self.amount.and_then(|at| amounts.get(at).copied().flatten())
    }
}

fn write_texts(entry: &mut OpenEntry<'_>, value: &Value<'_>, shown: &Shown) {
    if let Value::Text(text) = value {
        entry.count_texts(1);
        entry.text(capped(text, TEXT_BYTES), shown.comes_again);
        return;
    }
    let mut texts: SmallVec<[String; 4]> = SmallVec::new();
    each_text(value, &mut |text| {
        let text = capped(text, TEXT_BYTES);
        if texts.len() < shown.most && !texts.iter().any(|known| known == text) {
            texts.push(text.to_owned());
        }
    });
    entry.count_texts(texts.len());
    for text in &texts {
        entry.text(text, shown.comes_again);
    }
}
