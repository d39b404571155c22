//! The loaded rules as the engine runs them: whose state is whose, computed once.
//!
//! Rules whose state fingerprint is the same share one state (semantics.md §10, rules.md §5), as
//! long as they also agree on lateness, missing groups and collected values; if not, the later one
//! gets a lane of its own. States that group alike and live about as long share a *track*: one index
//! of groups, one chain of events for each group. Distinct lists of group fields are numbered, so
//! that an event's group is hashed once for all rules that group alike.

use super::faults::{Fault, is_planted};
use super::fingerprint::{salt, tag};
use super::limits::Limits;
use super::recipe::{Kept, Shown};
use super::sequence::Wanted;
use super::shape::Shape;
use crate::event::{FieldId, FieldSet};
use crate::rule::{Bump, CollectHow, Kind, Measure, MissingGroup, Rule, Window, WindowKind};
use crate::state::CacheKey;
use crate::units::Span;
use std::sync::Arc;

/// Everything that `step` needs of the rules.
#[derive(Debug)]
pub(super) struct Plan {
    /// By rule index.
    pub(super) rules: Vec<RulePlan>,
    pub(super) states: Vec<StatePlan>,
    pub(super) tracks: Vec<TrackPlan>,
    /// Retention classes of the journals, by their index.
    pub(super) classes: Vec<u8>,
    /// Distinct lists of fields that groups and dedup keys are made of.
    pub(super) field_lists: Vec<Box<[FieldId]>>,
    /// The source's or a rule's own, whichever is longest.
    pub(super) greatest_lateness: Span,
    /// State ids of all rules, for the meta row.
    pub(super) state_ids: Vec<u64>,
    /// By field.
    field_tags: Vec<u64>,
}

/// One rule.
#[derive(Debug)]
pub(super) struct RulePlan {
    /// Index of its state; `None` for a rule without a window.
    pub(super) state: Option<u16>,
    /// For a rule of new terms.
    pub(super) term: Option<TermPlan>,
    /// Index of its dedup key's list.
    pub(super) dedup_list: usize,
    /// Index of its group's list.
    pub(super) group_list: usize,
    /// By way ([`Rule::group_by_of`]) the list that events are grouped by; empty when it is always that
    /// of the group.
    pub(super) group_list_of: Vec<usize>,
    /// By referenced rule the first of its ways; empty when each is one.
    pub(super) first_way: Vec<u16>,
    /// Each referenced rule counts by itself: for the group or the value that it gives.
    pub(super) is_by_base: bool,
    /// It counts an event at its turn and not together with others: by referenced rule, or because
    /// what others find is counted too.
    pub(super) counts_alone: bool,
    pub(super) skips_missing: bool,
    /// How far behind an event may be.
    pub(super) lateness: Span,
    /// By referenced rule how much further behind it may be what that rule has found.
    delays: Vec<Span>,
    /// The lateness with the greatest delay: nothing that is further behind counts.
    pub(super) reach: Span,
    /// Fields whose values are asked when a window is judged that has closed; the group's and the dedup
    /// key's come first.
    pub(super) keeps: Vec<FieldId>,
    /// P.
    pub(super) period: Span,
    /// Turns a dedup key's hash into the key of its episodes.
    pub(super) episodes_of: CacheKey,
}

/// The terms of one rule.
#[derive(Debug)]
pub(super) struct TermPlan {
    /// H.
    pub(super) history: Span,
    pub(super) learn: Span,
    /// Turns the hash of a tuple into the key of its term.
    pub(super) terms_of: CacheKey,
    pub(super) state_id: u64,
}

/// One state: the groups of one or more rules.
#[derive(Debug)]
pub(super) struct StatePlan {
    /// Names the state in row keys.
    pub(super) tag: u64,
    pub(super) shape: Shape,
    pub(super) measured: Measured,
    /// A window that an event did not change must be judged all the same: some rule makes a finding of
    /// each event, or the event's dedup key may be another than that of the window's other events.
    pub(super) judges_each: bool,
    /// The rule whose windows are judged when they have closed; then it is the only one.
    pub(super) closes: Option<u16>,
    /// Fields of which findings show how many different values there are.
    pub(super) different: Vec<FieldId>,
    /// Different values are counted exactly up to so many.
    pub(super) cap: usize,
    /// Fingerprints of the shape's columns, and of the values of `different`.
    pub(super) column_tags: Vec<u64>,
    /// Fields whose texts findings show.
    pub(super) texts: Vec<Shown>,
    /// Below it no rule has anything to say: the least amount of its rules' tiers.
    pub(super) least: u64,
    /// Index of its track, and its place among the track's states.
    pub(super) track: usize,
    pub(super) place: usize,
    /// Index of its track's journal.
    pub(super) journal: usize,
}

/// What a state adds up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Measured {
    Events,
    Sum(FieldId),
    /// Different tuples of values. Of `2^sampled` values one is counted, and stands for all of them.
    Distinct {
        fields: Box<[FieldId]>,
        sampled: u8,
        /// Counted values are exact up to so many.
        cap: usize,
    },
    /// Different signals; by referenced rule.
    Signals(Box<[Option<u64>]>),
    /// The average of amounts.
    Mean(FieldId),
    Percentile {
        field: FieldId,
        percent: u8,
        /// Different amounts are exact up to so many.
        cap: usize,
    },
    /// Which referenced rules matched.
    Rules(Arc<Wanted>),
}

impl Measured {
    fn of(measure: &Measure, limits: &Limits) -> Self {
        match measure {
            Measure::Count => Measured::Events,
            Measure::Sum(field) => Measured::Sum(*field),
            Measure::Distinct { fields, sampled } => Measured::Distinct {
                fields: fields.as_slice().into(),
                sampled: *sampled,
                cap: limits.distinct_values,
            },
            Measure::Signals { of } => Measured::Signals(of.as_slice().into()),
            Measure::Mean(field) => Measured::Mean(*field),
            Measure::Percentile { field, percent } => Measured::Percentile {
                field: *field,
                percent: *percent,
                cap: limits.distinct_values,
            },
            Measure::Rules { any_of, ordered } => Measured::Rules(Arc::new(Wanted {
                any_of: any_of.as_slice().into(),
                is_ordered: *ordered,
            })),
        }
    }

    /// What the journal keeps of an event for it, given its state's tag and where that stands among
    /// those that count the event.
    pub(super) fn kept(&self, (state, at): (u64, usize)) -> Option<Kept> {
        match self {
            Measured::Events => None,
            Measured::Sum(field) | Measured::Mean(field) | Measured::Percentile { field, .. } => {
                Some(Kept::Amount(*field))
            }
            Measured::Distinct { fields, .. } => Some(Kept::Value(fields.clone())),
            Measured::Signals(_) | Measured::Rules(_) => Some(Kept::Bases { state, at }),
        }
    }

    /// At most by how much an event raises a window's amount, given what is kept of it.
    #[inline]
    pub(super) fn own(&self, kept: Option<u64>) -> u64 {
        match self {
            Measured::Events | Measured::Mean(_) | Measured::Percentile { .. } => 1,
            Measured::Sum(_) => kept.unwrap_or(0),
            Measured::Distinct { .. } | Measured::Signals(_) => {
                self.amount(u64::from(self.sampled(kept).is_some()))
            }
            Measured::Rules(_) => 1,
        }
    }

    /// The value, if it is one of those that are counted. Bits 40 and up of a hash decide: the low
    /// and the highest ones place it in a table.
    pub(super) fn sampled(&self, kept: Option<u64>) -> Option<u64> {
        if let Measured::Signals(of) = self {
            return of.get(kept?.trailing_zeros() as usize).copied().flatten();
        }
        let Measured::Distinct { sampled, .. } = self else { return None };
        kept.filter(|hash| (hash >> 40) & ((1 << (*sampled).min(16)) - 1) == 0)
    }

    /// The amount of a window with so many counted values.
    pub(super) fn amount(&self, values: u64) -> u64 {
        match self {
            Measured::Distinct { sampled, .. } => values << (*sampled).min(16),
            _ => values,
        }
    }
}

impl StatePlan {
    /// What is known of a cold group with one more event: a bound of its amounts; for rules those that
    /// have matched; how many events there are when windows are judged once they have closed.
    #[inline]
    pub(super) fn joined(&self, bound: u64, kept: Option<u64>) -> u64 {
        match &self.measured {
            _ if self.closes.is_some() => bound.saturating_add(1),
            Measured::Rules(_) => bound | kept.unwrap_or(0),
            measured => bound.saturating_add(measured.own(kept)),
        }
    }

    /// Rules that match together are looked for as they come.
    pub(super) fn is_sequence(&self) -> bool {
        self.closes.is_none() && matches!(self.measured, Measured::Rules(_))
    }

    /// Whether a group with this bound may have a window that some rule fires for.
    #[inline]
    pub(super) fn may_reach(&self, bound: u64) -> bool {
        match &self.measured {
            _ if self.closes.is_some() => false,
            Measured::Rules(wanted) => wanted.may_hold(bound),
            _ => bound >= self.least,
        }
    }
}

impl RulePlan {
    /// In which way matches of a referenced rule come that has found them in `way` itself.
    pub(super) fn way_of(&self, base: usize, way: usize) -> usize {
        self.first_way.get(base).map_or(base, |first| usize::from(*first)) + way
    }

    /// How far behind something may be that a referenced rule has found.
    pub(super) fn lateness_of(&self, base: usize) -> Span {
        self.lateness.plus(self.delays.get(base).copied().unwrap_or_default())
    }
}

/// Groups of one or more states.
#[derive(Debug)]
pub(super) struct TrackPlan {
    /// Fingerprint of the names of the fields that it groups by.
    pub(super) tag: u64,
    /// Index of its list of fields.
    pub(super) list: usize,
    /// Index of its journal.
    pub(super) journal: usize,
    /// Its states.
    pub(super) states: Vec<u16>,
}

impl Plan {
    pub(super) fn new(rules: &[Rule], fields: &FieldSet, limits: &Limits) -> Self {
        let mut plan = Self {
            rules: Vec::with_capacity(rules.len()),
            states: Vec::new(),
            tracks: Vec::new(),
            classes: Vec::new(),
            field_tags: fields.iter().map(|(_, name)| tag([name.as_bytes()])).collect(),
            field_lists: Vec::new(),
            greatest_lateness: limits.allowed_lateness,
            state_ids: rules.iter().map(|rule| rule.state_id.0).collect(),
        };
        let mut owners: Vec<&Rule> = Vec::new();
        let delays = delays(rules, limits);
        for ((number, rule), delays) in (0u16..).zip(rules).zip(delays) {
            let lateness = lateness_of(rule, limits);
            let reach = lateness.plus(delays.iter().copied().max().unwrap_or_default());
            plan.greatest_lateness = plan.greatest_lateness.max(lateness);
            let state = match &rule.kind {
                Kind::Match | Kind::NewTerms(_) => None,
                Kind::Window(window) => {
                    Some(plan.state_of((number, rule, window), reach, limits, &mut owners))
                }
            };
            let dedup = rule.dedup.key.as_ref().unwrap_or(&rule.group_by);
            let term = match &rule.kind {
                Kind::NewTerms(terms) => Some(TermPlan {
                    history: terms.history,
                    learn: terms.learn,
                    terms_of: salt(b't', &rule.state_id.0.to_be_bytes()),
                    state_id: rule.state_id.0,
                }),
                Kind::Match | Kind::Window(_) => None,
            };
            let lists = rule.group_by_of.iter();
            let group_list_of: Vec<usize> = lists
                .map(|fields| place_of(&mut plan.field_lists, fields.as_slice().into()))
                .collect();
            let is_by_signal = matches!(&rule.kind, Kind::Window(window)
                if matches!(window.measure, Measure::Signals { .. }));
            plan.rules.push(RulePlan {
                state,
                is_by_base: is_by_signal || !group_list_of.is_empty(),
                counts_alone: is_by_signal || !group_list_of.is_empty(),
                group_list_of,
                first_way: rule.first_way.clone(),
                term,
                dedup_list: place_of(&mut plan.field_lists, dedup.as_slice().into()),
                group_list: place_of(&mut plan.field_lists, rule.group_by.as_slice().into()),
                skips_missing: rule.missing_group == MissingGroup::Skip,
                lateness,
                delays,
                reach,
                keeps: if closes(rule) { kept_by(number, rules) } else { Vec::new() },
                period: rule.dedup.period,
                episodes_of: salt(b'e', rule.text.id.as_bytes()),
            });
        }
        for (outer, _) in rules.iter().flat_map(|rule| &rule.feeds) {
            if let Some(outer) = plan.rules.get_mut(usize::from(outer.0)) {
                outer.counts_alone = true;
            }
        }
        plan
    }

    /// Fingerprint of a field's name.
    pub(super) fn field_tag(&self, field: FieldId) -> u64 {
        self.field_tags.get(usize::from(field.0)).copied().unwrap_or_default()
    }

    fn state_of<'r>(
        &mut self,
        (index, rule, window): (u16, &'r Rule, &Window),
        reach: Span,
        limits: &Limits,
        owners: &mut Vec<&'r Rule>,
    ) -> u16 {
        let least = window.tiers.first().map_or(0, |tier| tier.gte);
        let mut lane = 0u8;
        for (at, (owner, state)) in (0u16..).zip(owners.iter().zip(&mut self.states)) {
            if owner.state_id != rule.state_id {
                continue;
            }
            if may_share(owner, rule) {
                state.least = state.least.min(least);
                state.judges_each |= judges_each(rule);
                return at;
            }
            lane = lane.saturating_add(1);
        }
        let mut name = rule.state_id.0.to_be_bytes().to_vec();
        name.push(lane);
        let number = u16::try_from(self.states.len()).unwrap_or(u16::MAX);
        // What others find comes later than events: with a long delay it lives longer too.
        let delay = Span::from_millis(reach.as_millis() - lateness_of(rule, limits).as_millis());
        let (track, place) = self.track_of(rule, window.span.plus(delay), number);
        let journal = self.tracks.get(track).map_or(0, |track| track.journal);
        let shape = Shape::new(window, reach, &rule.collect);
        let of_how = |how: CollectHow| {
            rule.collect.iter().filter(move |one| one.how == how).map(|one| one.field)
        };
        let different: Vec<FieldId> = of_how(CollectHow::Distinct).collect();
        let mut column_tags: Vec<u64> =
            shape.columns.iter().map(|column| self.field_tag(column.field)).collect();
        column_tags.extend(different.iter().map(|field| Kept::of_value(*field).tag(self)));
        let texts = rule.collect.iter().filter_map(|collect| match collect.how {
            CollectHow::Sample(most) => {
                Some(Shown { field: collect.field, most, comes_again: false })
            }
            CollectHow::Set(most) => Some(Shown { field: collect.field, most, comes_again: true }),
            CollectHow::Sum | CollectHow::Min | CollectHow::Max | CollectHow::Distinct => None,
        });
        owners.push(rule);
        self.states.push(StatePlan {
            tag: match lane {
                _ if is_planted(Fault::StateByPlace) => u64::from(number) + 1,
                0 => rule.state_id.0,
                _ => tag([name.as_slice()]),
            },
            measured: Measured::of(&window.measure, limits),
            judges_each: judges_each(rule),
            closes: window.closes.then_some(index),
            different,
            cap: limits.distinct_values,
            column_tags,
            texts: texts.collect(),
            shape,
            least,
            track,
            place,
            journal,
        });
        number
    }

    /// The track of a state whose events are needed for so long beside the lateness, and the state's
    /// place in it.
    fn track_of(&mut self, rule: &Rule, span: Span, state: u16) -> (usize, usize) {
        let list = place_of(&mut self.field_lists, rule.group_by.as_slice().into());
        let class = retention_class(span);
        let journal = place_of(&mut self.classes, class);
        let known = |track: &TrackPlan| track.list == list && track.journal == journal;
        let at = self.tracks.iter().position(known).unwrap_or_else(|| {
            let tags: Vec<_> =
                rule.group_by.iter().map(|field| self.field_tag(*field).to_be_bytes()).collect();
            let tag = tag(tags.iter().map(<[u8; 8]>::as_slice));
            self.tracks.push(TrackPlan { tag, list, journal, states: Vec::new() });
            self.tracks.len() - 1
        });
        let Some(track) = self.tracks.get_mut(at) else { return (at, 0) };
        track.states.push(state);
        (at, track.states.len() - 1)
    }
}

/// Windows up to an hour, four hours, sixteen … Lateness is not part of it: a state keeps its events
/// when the lateness changes (semantics.md §10).
fn retention_class(span: Span) -> u8 {
    let mut bound = Span::from_hours(1).as_millis();
    let mut class = 0;
    while span.as_millis() > bound && class < 15 {
        bound *= 4;
        class += 1;
    }
    class
}

fn lateness_of(rule: &Rule, limits: &Limits) -> Span {
    rule.allowed_lateness.unwrap_or(limits.allowed_lateness)
}

fn closes(rule: &Rule) -> bool {
    matches!(&rule.kind, Kind::Window(window) if window.closes)
}

/// For each rule, by referenced rule, how far behind the watermark the time of a crossing may be
/// beyond the lateness of an event: a tumbling window's is its start, and one that is judged when it
/// has closed is known a window and a lateness later.
fn delays(rules: &[Rule], limits: &Limits) -> Vec<Vec<Span>> {
    let mut delays: Vec<Vec<Span>> = vec![Vec::new(); rules.len()];
    // Rules refer to each other in no circle, so as many rounds as there are rules are enough.
    for _ in 0..rules.len() {
        let mut is_changed = false;
        for (at, rule) in rules.iter().enumerate().filter(|(_, rule)| !rule.feeds.is_empty()) {
            let own = delays.get(at).and_then(|own| own.iter().max()).copied().unwrap_or_default();
            let delay = match &rule.kind {
                Kind::Window(window) if window.closes => {
                    own.plus(window.span).plus(lateness_of(rule, limits))
                }
                Kind::Window(window) if window.kind == WindowKind::Tumbling => {
                    own.plus(window.span)
                }
                _ => own,
            };
            for (outer, base) in &rule.feeds {
                let Some(of) = delays.get_mut(usize::from(outer.0)) else { continue };
                let base = usize::from(*base);
                if delay > Span::ZERO && of.len() <= base {
                    of.resize(base + 1, Span::ZERO);
                }
                if let Some(known) = of.get_mut(base).filter(|known| **known != delay) {
                    *known = delay;
                    is_changed = true;
                }
            }
        }
        if !is_changed {
            break;
        }
    }
    delays
}

/// The fields that a rule's finding asks of its trigger, and those over it.
fn kept_by(number: u16, rules: &[Rule]) -> Vec<FieldId> {
    let mut fields: Vec<FieldId> = Vec::new();
    let mut seen = Vec::new();
    let mut open = vec![number];
    while let Some(next) = open.pop() {
        let Some(rule) = rules.get(usize::from(next)).filter(|_| !seen.contains(&next)) else {
            continue;
        };
        seen.push(next);
        open.extend(rule.feeds.iter().map(|(outer, _)| outer.0));
        let measured = match &rule.kind {
            Kind::Window(window) => window.measure.fields(),
            Kind::Match | Kind::NewTerms(_) => &[],
        };
        let all = rule
            .group_by
            .iter()
            .chain(rule.group_by_of.iter().flatten())
            .chain(rule.dedup.key.iter().flatten())
            .chain(rule.bump.iter().flat_map(Bump::fields))
            .chain(measured)
            .chain(rule.collect.iter().map(|collect| &collect.field));
        for field in all {
            place_of(&mut fields, *field);
        }
    }
    fields
}

/// Where `one` stands in `all`; it is added when it is new.
pub(super) fn place_of<T: PartialEq>(all: &mut Vec<T>, one: T) -> usize {
    all.iter().position(|known| *known == one).unwrap_or_else(|| {
        all.push(one);
        all.len() - 1
    })
}

fn judges_each(rule: &Rule) -> bool {
    let key = rule.dedup.key.as_deref().unwrap_or_default();
    rule.dedup.period == Span::ZERO || key.iter().any(|field| !rule.group_by.contains(field))
}

fn may_share(one: &Rule, other: &Rule) -> bool {
    let collects = |rule: &Rule| -> Vec<(FieldId, CollectHow)> {
        rule.collect.iter().map(|collect| (collect.field, collect.how)).collect()
    };
    !closes(one)
        && !closes(other)
        && one.allowed_lateness == other.allowed_lateness
        && one.missing_group == other.missing_group
        && collects(one) == collects(other)
}
