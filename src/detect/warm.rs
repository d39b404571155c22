//! The panes of a group near a threshold, with what its measure needs besides sums.

use super::distinct::{Distinct, Ends};
use super::faults::{Fault, is_planted};
use super::pane_ring::{Crossing, PaneRing};
use super::plan::{Measured, StatePlan};
use super::sequence::Sequence;
use super::tally::Tally;
use crate::rule::{Measure, Quantity};
use crate::units::EventTime;

/// Windows of one group of one state, summed exactly.
#[derive(Debug, Clone)]
pub(super) struct Warm {
    /// For all but sums its sums are of events: an upper bound, as for groups that are not warm.
    pub(super) ring: PaneRing,
    beside: Beside,
    /// Different values that findings show, in the order of the state's `different`.
    different: Vec<Distinct>,
    /// Counted an event since the last commit.
    pub(super) is_used: bool,
}

/// What decides about windows where sums do not.
#[derive(Debug, Clone)]
enum Beside {
    Nothing,
    Distinct(Box<Distinct>),
    Rules(Box<Sequence>),
    Tally(Box<Tally>),
}

impl Beside {
    fn byte_len(&self) -> usize {
        match self {
            Beside::Nothing => 0,
            Beside::Distinct(distinct) => distinct.byte_len(),
            Beside::Rules(sequence) => sequence.byte_len(),
            Beside::Tally(tally) => tally.byte_len(),
        }
    }
}

impl Warm {
    /// Has seen nothing.
    pub(super) fn new(state: &StatePlan) -> Self {
        let tally = Tally::new(&state.measured).filter(|_| !state.is_sequence());
        let beside = match (&state.measured, tally) {
            (_, Some(tally)) => Beside::Tally(Box::new(tally)),
            (Measured::Distinct { cap, .. }, None) => {
                Beside::Distinct(Box::new(Distinct::new(*cap)))
            }
            (Measured::Signals(_), None) => {
                Beside::Distinct(Box::new(Distinct::new(Measure::RULES_MAX)))
            }
            (Measured::Rules(wanted), None) => {
                Beside::Rules(Box::new(Sequence::new(wanted.clone())))
            }
            // Of averages and percentiles there is a tally.
            (_, None) => Beside::Nothing,
        };
        let different = state.different.iter().map(|_| Distinct::new(state.cap)).collect();
        Self { ring: PaneRing::new(), beside, different, is_used: true }
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
        if matches!(self.beside, Beside::Nothing) && self.different.is_empty() {
            return grown.cast_signed();
        }
        let before = self.beside_byte_len().cast_signed();
        let values = columns.get(state.shape.columns.len()..).unwrap_or_default();
        for (different, value) in self.different.iter_mut().zip(values) {
            different.add(&state.shape, pane, *value);
        }
        match &mut self.beside {
            Beside::Nothing => {}
            Beside::Distinct(distinct) => {
                distinct.add(&state.shape, pane, state.measured.sampled(kept));
            }
            Beside::Rules(sequence) => {
                sequence.add(pane, kept.and_then(|bits| u32::try_from(bits).ok()).unwrap_or(0));
            }
            Beside::Tally(tally) => tally.add((&state.shape, &state.measured), (pane, time), kept),
        }
        grown.cast_signed() + self.beside_byte_len().cast_signed() - before
    }

    /// What a window that has closed comes to; `None` when nothing can be said of it.
    pub(super) fn closed(&self, state: &StatePlan, pane: i64) -> Option<Quantity> {
        match &self.beside {
            Beside::Tally(tally) => tally.amount(&state.measured, pane),
            Beside::Distinct(distinct) => {
                let (_, count) = distinct.counts_down(std::iter::once(pane)).next()?;
                Some(state.measured.amount(count).into())
            }
            Beside::Nothing | Beside::Rules(_) => {
                Some(self.ring.view(&state.shape, pane).amount.into())
            }
        }
    }

    /// How many different values the window that ends in `end` has, for each of the state's `different`.
    pub(super) fn different(&self, end: i64) -> Vec<u64> {
        let count = |one: &Distinct| {
            one.counts_down(std::iter::once(end)).next().map_or(0, |(_, count)| count)
        };
        self.different.iter().map(count).collect()
    }

    /// At least the amount of every window that the last event, at `time`, has changed; the amount
    /// itself when it is the newest window.
    pub(super) fn bound_at(&self, state: &StatePlan, time: EventTime) -> u64 {
        let pane = state.shape.pane_of(time);
        match &self.beside {
            Beside::Nothing => self.ring.bound_at(&state.shape, time),
            Beside::Distinct(distinct) => {
                let ends = changed(state, distinct);
                let last = self.ring.last_end(&state.shape, pane).min(ends.to.saturating_sub(1));
                let mut greatest = distinct.greatest(pane.max(ends.from), last);
                if !ends.hold(pane) {
                    // The window that ends at the event may be there for the first time.
                    greatest = greatest.max(distinct.greatest(pane, pane));
                }
                state.measured.amount(greatest)
            }
            Beside::Rules(sequence) => {
                let mut holds = false;
                self.each_end_that_holds(sequence, state, pane, |_| holds = true);
                u64::from(holds)
            }
            Beside::Tally(tally) => {
                tally.amount(&state.measured, pane).map_or(0, |amount| amount.rounded)
            }
        }
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
        out.clear();
        match &self.beside {
            Beside::Nothing => self.ring.crossings(shape, pane, least, out),
            Beside::Rules(sequence) => {
                self.each_end_that_holds(sequence, state, pane, |end| {
                    out.push(Crossing { end, amount: 1 });
                });
            }
            Beside::Tally(tally) => {
                let amount = tally.amount(&state.measured, pane);
                out.extend(amount.map(|amount| Crossing { end: pane, amount: amount.rounded }));
            }
            Beside::Distinct(distinct) => {
                let changed = changed(state, distinct);
                let ends = self.ring.ends_down(shape, self.ring.last_end(shape, pane));
                let ends = ends
                    .take_while(|end| *end >= pane)
                    .filter(|end| changed.hold(*end) || *end == pane);
                let crossings = distinct
                    .counts_down(ends)
                    .map(|(end, count)| Crossing { end, amount: state.measured.amount(count) })
                    .filter(|crossing| crossing.amount >= least);
                out.extend(crossings);
                out.reverse();
                if is_planted(Fault::OnlyTheNewestWindow) {
                    out.retain(|crossing| self.ring.is_newest(crossing.end));
                }
            }
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
        let before = self.beside_byte_len();
        for different in &mut self.different {
            different.drop_ends_before(next.saturating_add(shape.panes - 1));
        }
        match &mut self.beside {
            Beside::Nothing => {}
            // No event that still counts changes a window which holds a pane that is over.
            Beside::Distinct(distinct) => {
                distinct.drop_ends_before(next.saturating_add(shape.panes - 1));
            }
            Beside::Rules(sequence) => sequence.drop_before(next),
            Beside::Tally(tally) => tally.drop_before(next),
        }
        gone + before.saturating_sub(self.beside_byte_len())
    }

    /// Memory in bytes.
    pub(super) fn byte_len(&self) -> usize {
        self.ring.byte_len() + self.beside_byte_len()
    }

    fn beside_byte_len(&self) -> usize {
        let different: usize = self.different.iter().map(Distinct::byte_len).sum();
        self.beside.byte_len() + different
    }

    /// For `temporal`, all rules that matched.
    pub(super) fn rules(&self) -> Option<u64> {
        match &self.beside {
            Beside::Rules(sequence) => Some(sequence.rules().into()),
            Beside::Nothing | Beside::Distinct(_) | Beside::Tally(_) => None,
        }
    }

    /// Whether a window's amount is the sum of its panes.
    pub(super) fn is_summed(&self) -> bool {
        matches!(self.beside, Beside::Nothing)
    }

    /// The amount that a finding shows of a window: of `temporal`, how many rules matched in it.
    pub(super) fn shown_amount(&self, state: &StatePlan, crossing: Crossing) -> u64 {
        match &self.beside {
            Beside::Rules(sequence) => {
                u64::from(sequence.rules_in(&state.shape, crossing.end).count_ones())
            }
            Beside::Tally(tally) => {
                tally.rules_in(crossing.end).map_or(crossing.amount, |all| all.count_ones().into())
            }
            Beside::Nothing | Beside::Distinct(_) => crossing.amount,
        }
    }

    /// The ends of those windows among `crossings` that did not hold before the last event, in `pane`,
    /// whose own amount is `own`.
    pub(super) fn new_ends(
        &self,
        state: &StatePlan,
        crossings: &[Crossing],
        (pane, own, least): (i64, u64, u64),
    ) -> Vec<i64> {
        if crossings.is_empty() {
            return Vec::new();
        }
        let is_first = self.ring.count_in(&state.shape, pane) == 1;
        let is_new = |crossing: &&Crossing| {
            if (is_first && crossing.end == pane) || is_planted(Fault::FedAgain) {
                return true;
            }
            let before = match &self.beside {
                Beside::Rules(sequence) => {
                    return !sequence.held_before(&state.shape, crossing.end);
                }
                Beside::Distinct(distinct) => {
                    state.measured.amount(distinct.count_before(crossing.end))
                }
                Beside::Nothing | Beside::Tally(_) => crossing.amount.saturating_sub(own),
            };
            before < least
        };
        crossings.iter().filter(is_new).map(|crossing| crossing.end).collect()
    }

    fn each_end_that_holds(
        &self,
        sequence: &Sequence,
        state: &StatePlan,
        pane: i64,
        each: impl FnMut(i64),
    ) {
        if sequence.is_changed() || state.judges_each {
            let last = self.ring.last_end(&state.shape, pane);
            sequence.each_end(&state.shape, (pane, last), each);
        }
    }

    /// Whether both say the same of the windows that end from the pane `first` on.
    #[cfg(test)]
    pub(super) fn says_as(&self, other: &Self, state: &StatePlan, first: Option<i64>) -> bool {
        let ends = || {
            let ends = self.ring.ends_down(&state.shape, i64::MAX);
            ends.take_while(move |end| first.is_none_or(|first| *end >= first))
        };
        let beside = match (&self.beside, &other.beside) {
            (Beside::Nothing, Beside::Nothing) => true,
            (Beside::Distinct(one), Beside::Distinct(other)) => {
                one.counts_down(ends()).eq(other.counts_down(ends()))
            }
            (Beside::Rules(one), Beside::Rules(other)) => {
                one.says_as(other, &state.shape, first.unwrap_or(i64::MIN))
            }
            (Beside::Tally(one), Beside::Tally(other)) => one == other,
            _ => false,
        };
        let mut different = self.different.iter().zip(&other.different);
        let is_same =
            different.all(|(one, other)| one.counts_down(ends()).eq(other.counts_down(ends())));
        self.ring == other.ring && beside && is_same
    }
}

/// An event whose value a window held already changes nothing there, unless each event is judged for
/// itself.
fn changed(state: &StatePlan, distinct: &Distinct) -> Ends {
    if state.judges_each { Ends::ALL } else { distinct.changed() }
}
