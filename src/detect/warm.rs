//! The panes of a group near a threshold, with what its measure needs besides sums.

use super::distinct::{Distinct, Ends};
use super::faults::{Fault, is_planted};
use super::pane_ring::{Crossing, PaneRing};
use super::plan::{Measured, StatePlan};
use super::shape::Shape;
use crate::units::EventTime;

/// Windows of one group of one state, summed exactly.
#[derive(Debug, Clone)]
pub(super) struct Warm {
    /// For `value_count` its sums are of events: an upper bound, as for groups that are not warm.
    pub(super) ring: PaneRing,
    pub(super) distinct: Option<Box<Distinct>>,
    /// Counted an event since the last commit.
    pub(super) is_used: bool,
}

impl Warm {
    /// Has seen nothing.
    pub(super) fn new(state: &StatePlan) -> Self {
        let distinct = match state.measured {
            Measured::Distinct { cap, .. } => Some(Box::new(Distinct::new(cap))),
            Measured::Events | Measured::Sum(_) => None,
        };
        Self { ring: PaneRing::new(), distinct, is_used: true }
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
        let Some(distinct) = &mut self.distinct else { return grown.cast_signed() };
        let before = distinct.byte_len();
        distinct.add(&state.shape, state.shape.pane_of(time), state.measured.sampled(kept));
        grown.cast_signed() + distinct.byte_len().cast_signed() - before.cast_signed()
    }

    /// At least the amount of every window that the last event, at `time`, has changed; the amount
    /// itself when it is the newest window.
    pub(super) fn bound_at(&self, state: &StatePlan, time: EventTime) -> u64 {
        let Some(distinct) = &self.distinct else { return self.ring.bound_at(&state.shape, time) };
        let pane = state.shape.pane_of(time);
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
    pub(super) fn drop_segments(&mut self, shape: &Shape, is_over: impl Fn(i64) -> bool) -> usize {
        let over = self.ring.segments().take_while(|segment| is_over(segment.index));
        let Some(last) = over.last().map(|segment| segment.index) else { return 0 };
        let gone = self.ring.drop_segments(shape, is_over);
        let Some(distinct) = &mut self.distinct else { return gone };
        let before = distinct.byte_len();
        // No event that still counts changes a window which holds a pane that is over.
        let end = shape.first_pane(last.saturating_add(1)).saturating_add(shape.panes - 1);
        distinct.drop_ends_before(end);
        gone + before.saturating_sub(distinct.byte_len())
    }

    /// Memory in bytes.
    pub(super) fn byte_len(&self) -> usize {
        self.ring.byte_len() + self.distinct.as_ref().map_or(0, |distinct| distinct.byte_len())
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
