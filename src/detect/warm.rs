//! The panes of a group near a threshold, with what its measure needs besides sums.

use super::distinct::{Distinct, Ends};
use super::faults::{Fault, is_planted};
use super::pane_ring::{Crossing, PaneRing};
use super::plan::{Measured, StatePlan};
use super::sequence::Sequence;
use crate::rule::Measure;
use crate::units::EventTime;

/// Windows of one group of one state, summed exactly.
#[derive(Debug, Clone)]
pub(super) struct Warm {
    /// For `value_count` its sums are of events: an upper bound, as for groups that are not warm.
    pub(super) ring: PaneRing,
    pub(super) distinct: Option<Box<Distinct>>,
    /// For `temporal`; the ring's sums are of events.
    pub(super) sequence: Option<Box<Sequence>>,
    /// Counted an event since the last commit.
    pub(super) is_used: bool,
}

impl Warm {
    /// Has seen nothing.
    pub(super) fn new(state: &StatePlan) -> Self {
        let distinct = match state.measured {
            Measured::Distinct { cap, .. } => Some(Box::new(Distinct::new(cap))),
            Measured::Signals(_) => Some(Box::new(Distinct::new(Measure::RULES_MAX))),
            Measured::Events | Measured::Sum(_) | Measured::Rules(_) => None,
        };
        let sequence = match &state.measured {
            Measured::Rules(wanted) => Some(Box::new(Sequence::new(wanted))),
            _ => None,
        };
        Self { ring: PaneRing::new(), distinct, sequence, is_used: true }
    }

    /// Adds an event with what the journal keeps of it; tells by how many bytes it grew.
    pub(super) fn add(
        &mut self,
        state: &StatePlan,
        time: EventTime,
        kept: Option<u64>,
        columns: &[Option<u64>],
    ) -> isize {
        let grown = self.ring.add(&state.shape, time, state.measured.own(kept), columns);
        let pane = state.shape.pane_of(time);
        if let (Some(sequence), Measured::Rules(wanted)) = (&mut self.sequence, &state.measured) {
            let before = sequence.byte_len().cast_signed();
            let rules = kept.and_then(|bits| u32::try_from(bits).ok()).unwrap_or(0);
            sequence.add(wanted, pane, rules);
            return grown.cast_signed() + sequence.byte_len().cast_signed() - before;
        }
        let Some(distinct) = &mut self.distinct else { return grown.cast_signed() };
        let before = distinct.byte_len();
        distinct.add(&state.shape, pane, state.measured.sampled(kept));
        grown.cast_signed() + distinct.byte_len().cast_signed() - before.cast_signed()
    }

    /// At least the amount of every window that the last event, at `time`, has changed; the amount
    /// itself when it is the newest window.
    pub(super) fn bound_at(&self, state: &StatePlan, time: EventTime) -> u64 {
        let pane = state.shape.pane_of(time);
        if self.sequence.is_some() {
            let mut holds = false;
            self.each_end_that_holds(state, pane, |_| holds = true);
            return u64::from(holds);
        }
        let Some(distinct) = &self.distinct else { return self.ring.bound_at(&state.shape, time) };
        let ends = changed(state, distinct);
        let last = self.ring.last_end(&state.shape, pane).min(ends.to.saturating_sub(1));
        let greatest = distinct.greatest(pane.max(ends.from), last);
        // The window that ends at the event may be there for the first time.
        state.measured.amount(greatest.max(distinct.greatest(pane, pane)))
    }

    /// Puts the windows that an event in `pane`, the last one added, changed and whose amount is at
    /// least `least` into `out`, ascending by their end.
    pub(super) fn crossings(
        &self,
        state: &StatePlan,
        pane: i64,
        least: u64,
        out: &mut Vec<Crossing>,
    ) {
        let shape = &state.shape;
        if self.sequence.is_some() {
            out.clear();
            self.each_end_that_holds(state, pane, |end| out.push(Crossing { end, amount: 1 }));
            return;
        }
        let Some(distinct) = &self.distinct else {
            self.ring.crossings(shape, pane, least, out);
            return;
        };
        out.clear();
        let changed = changed(state, distinct);
        let ends = self.ring.ends_down(shape, self.ring.last_end(shape, pane));
        let ends =
            ends.take_while(|end| *end >= pane).filter(|end| changed.hold(*end) || *end == pane);
        let counts = distinct.counts_down(ends);
        let crossings = counts
            .map(|(end, count)| Crossing { end, amount: state.measured.amount(count) })
            .filter(|crossing| crossing.amount >= least);
        out.extend(crossings);
        out.reverse();
        if is_planted(Fault::OnlyTheNewestWindow) {
            out.retain(|crossing| self.ring.is_newest(crossing.end));
        }
    }

    /// Forgets the segments for which `is_over`; tells how many bytes that gave back.
    pub(super) fn drop_segments(
        &mut self,
        state: &StatePlan,
        is_over: impl Fn(i64) -> bool,
    ) -> usize {
        let shape = &state.shape;
        let over = self.ring.segments().take_while(|segment| is_over(segment.index));
        let Some(last) = over.last().map(|segment| segment.index) else { return 0 };
        let gone = self.ring.drop_segments(shape, is_over);
        let next = shape.first_pane(last.saturating_add(1));
        if let (Some(sequence), Measured::Rules(wanted)) = (&mut self.sequence, &state.measured) {
            let before = sequence.byte_len();
            sequence.drop_before(wanted, next);
            return gone + before.saturating_sub(sequence.byte_len());
        }
        let Some(distinct) = &mut self.distinct else { return gone };
        let before = distinct.byte_len();
        // No event that still counts changes a window which holds a pane that is over.
        distinct.drop_ends_before(next.saturating_add(shape.panes - 1));
        gone + before.saturating_sub(distinct.byte_len())
    }

    /// Memory in bytes.
    pub(super) fn byte_len(&self) -> usize {
        self.ring.byte_len()
            + self.distinct.as_ref().map_or(0, |distinct| distinct.byte_len())
            + self.sequence.as_ref().map_or(0, |sequence| sequence.byte_len())
    }

    /// Forgets what the last event changed.
    #[cfg(test)]
    pub(super) fn all_changed(&mut self) {
        if let Some(distinct) = &mut self.distinct {
            distinct.all_changed();
        }
        if let Some(sequence) = &mut self.sequence {
            sequence.all_changed();
        }
    }

    /// The amount that a finding shows of a window: of `temporal`, how many rules matched in it.
    pub(super) fn shown_amount(&self, state: &StatePlan, crossing: Crossing) -> u64 {
        self.sequence.as_ref().map_or(crossing.amount, |sequence| {
            u64::from(sequence.rules_in(&state.shape, crossing.end).count_ones())
        })
    }

    /// Whether the window that ends in a crossing did not hold before the last event, in `pane`, whose
    /// own amount is `own`. Not for `temporal`.
    pub(super) fn is_new(
        &self,
        state: &StatePlan,
        crossing: Crossing,
        (pane, own, least): (i64, u64, u64),
    ) -> bool {
        let is_first = crossing.end == pane && self.ring.count_in(&state.shape, pane) == 1;
        if is_first || is_planted(Fault::FedAgain) {
            return true;
        }
        let before = match &self.distinct {
            Some(distinct) => state.measured.amount(distinct.count_before(crossing.end)),
            None => crossing.amount.saturating_sub(own),
        };
        before < least
    }

    fn each_end_that_holds(&self, state: &StatePlan, pane: i64, each: impl FnMut(i64)) {
        let (Some(sequence), Measured::Rules(wanted)) = (&self.sequence, &state.measured) else {
            return;
        };
        if sequence.is_changed() || state.judges_each {
            let last = self.ring.last_end(&state.shape, pane);
            sequence.each_end(wanted, &state.shape, (pane, last), each);
        }
    }

    /// The counts of the windows that end at events from the pane `first` on.
    #[cfg(test)]
    pub(super) fn counts(&self, state: &StatePlan, first: Option<i64>) -> Vec<(i64, u64)> {
        let Some(distinct) = &self.distinct else { return Vec::new() };
        let ends = self.ring.ends_down(&state.shape, i64::MAX);
        distinct
            .counts_down(ends.take_while(|end| first.is_none_or(|first| *end >= first)))
            .collect()
    }
}

/// An event whose value a window held already changes nothing there, unless each event is judged for
/// itself.
fn changed(state: &StatePlan, distinct: &Distinct) -> Ends {
    if state.judges_each { Ends::ALL } else { distinct.changed() }
}
