//! Partial sums of one group over event time, and the windows over them (semantics.md §5).
//!
//! A sliding window that ends in pane `e` covers the panes `(e − n, e]`, n = panes of a window; a
//! tumbling one covers one pane. Invariants (`invariant.rs`): `P1` panes are in order and hold
//! events; `P3` `running` sums the newest n panes.
//!
//! Cost: an event in order is O(1). One that is `k` panes behind reads about 2k panes, since every
//! window that holds it is checked; but first a bound made of `running` and a few segment sums is
//! compared, which spares the reading unless the group is within a few percent of a threshold that
//! it has not reported. Bad case: all traffic at lateness L of a group that hovers there.

use super::faults::{Fault, is_planted};
use super::invariant;
use super::segment::{Pane, Segment, folded};
use super::shape::Shape;
use crate::rule::WindowKind;
use crate::units::EventTime;
use std::collections::VecDeque;

/// The panes of one group of one state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PaneRing {
    /// Ascending by index, none empty.
    segments: VecDeque<Segment>,
    /// The newest pane that holds events.
    newest: i64,
    /// Exact sum of the panes `(newest − n, newest]`.
    running: u128,
}

/// A window whose condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Crossing {
    /// The pane that it ends in.
    pub(super) end: i64,
    /// Its sum, saturated.
    pub(super) amount: u64,
}

/// A window's sums, gathered for a finding.
#[derive(Debug)]
pub(super) struct View {
    pub(super) count: u64,
    pub(super) amount: u64,
    pub(super) first_seen: EventTime,
    pub(super) last_seen: EventTime,
    /// In the order of `collect`, those that are numbers of each pane.
    pub(super) numbers: Vec<Option<u64>>,
    /// In the order of `collect`, how many different values there are.
    pub(super) different: Vec<u64>,
}

impl PaneRing {
    /// A ring that has seen nothing.
    pub(super) fn new() -> Self {
        Self { segments: VecDeque::with_capacity(1), newest: i64::MIN, running: 0 }
    }

    /// Adds an event at its pane; tells how many bytes the ring grew by.
    pub(super) fn add(
        &mut self,
        shape: &Shape,
        time: EventTime,
        amount: u64,
        columns: &[Option<u64>],
    ) -> usize {
        let pane = shape.pane_of(time);
        let (index, offset) = shape.segment_of(pane);
        if pane > self.newest {
            self.advance(shape, pane);
        }
        let (at, is_new) = self.place(index, time);
        let Some(segment) = self.segments.get_mut(at) else { return 0 };
        let before = if is_new { 0 } else { segment.byte_len() };
        let rose = segment.add(shape, (time, offset), amount, columns);
        let grown = segment.byte_len() - before;
        if pane > self.newest.saturating_sub(shape.panes) {
            self.running += u128::from(rose);
        }
        debug_assert_eq!(invariant::panes_are_in_order(self, shape), Ok(()));
        debug_assert_eq!(invariant::running_sums_the_newest_window(self, shape), Ok(()));
        grown
    }

    /// Whether no pane after `pane` holds events.
    #[inline]
    pub(super) fn is_newest(&self, pane: i64) -> bool {
        pane == self.newest
    }

    /// Sum of the newest window.
    #[inline]
    pub(super) fn newest_amount(&self) -> u64 {
        saturated(self.running)
    }

    /// The last end of the windows that an event in `pane` changes.
    pub(super) fn last_end(&self, shape: &Shape, pane: i64) -> i64 {
        self.newest.min(pane.saturating_add(shape.panes - 1))
    }

    /// At least the sum of every window that an event at `time`, the last one added, has changed;
    /// the sum itself when it is the newest.
    #[inline]
    pub(super) fn bound_at(&self, shape: &Shape, time: EventTime) -> u64 {
        let pane = shape.pane_of(time);
        if self.is_newest(pane) { self.newest_amount() } else { self.bound(shape, pane) }
    }

    /// At least the sum of every window that an event in `pane` changes.
    fn bound(&self, shape: &Shape, pane: i64) -> u64 {
        // All these windows lie in (pane − n, last]; where the newest is among them, its sum is
        // exact and only what lies before it is rounded up to whole segments.
        let last = self.last_end(shape, pane);
        let (last, exact) = if last == self.newest {
            (last.saturating_sub(shape.panes), self.running)
        } else {
            (last, 0)
        };
        let from = shape.segment_of(pane.saturating_sub(shape.panes).saturating_add(1)).0;
        let to = shape.segment_of(last).0;
        let start = self.segments.partition_point(|segment| segment.index < from);
        let others = self.segments.range(start..).take_while(|segment| segment.index <= to);
        saturated(others.fold(exact, |sum, segment| sum + u128::from(segment.sum)))
    }

    /// Puts the windows that an event in `pane` changed and whose sum is at least `least` into
    /// `out`, ascending by their end. Windows that end between two panes with events are left out:
    /// the one that ends at the pane before holds the same events or more.
    pub(super) fn crossings(&self, shape: &Shape, pane: i64, least: u64, out: &mut Vec<Crossing>) {
        out.clear();
        let newest_end = self.last_end(shape, pane);
        let mut sum = if newest_end == self.newest {
            self.running
        } else {
            self.sum_between(shape, newest_end.saturating_sub(shape.panes), newest_end)
        };
        let mut at_start =
            self.panes_down(shape, newest_end.saturating_sub(shape.panes)).peekable();
        for (end, own) in self.panes_down(shape, newest_end) {
            if end < pane {
                break;
            }
            let start = end.saturating_sub(shape.panes);
            while let Some((_, pane_at_start)) = at_start.next_if(|(at, _)| *at > start) {
                sum += u128::from(pane_at_start.sum);
            }
            if saturated(sum) >= least {
                out.push(Crossing { end, amount: saturated(sum) });
            }
            sum -= u128::from(own.sum);
        }
        out.reverse();
        if is_planted(Fault::OnlyTheNewestWindow) {
            out.retain(|crossing| crossing.end == self.newest);
        }
    }

    /// How many events there are.
    pub(super) fn events(&self) -> u64 {
        let panes = self.segments.iter().flat_map(|segment| &segment.panes);
        panes.map(|pane| u64::from(pane.count)).sum()
    }

    /// How many events a pane holds.
    pub(super) fn count_in(&self, shape: &Shape, pane: i64) -> u32 {
        let found = self.panes_down(shape, pane).next();
        found.filter(|(at, _)| *at == pane).map_or(0, |(_, pane)| pane.count)
    }

    /// Panes with events from `from` on, newest first.
    pub(super) fn ends_down<'g>(
        &'g self,
        shape: &'g Shape,
        from: i64,
    ) -> impl Iterator<Item = i64> + 'g {
        self.panes_down(shape, from).map(|(end, _)| end)
    }

    /// What the window that ends in pane `end` holds.
    pub(super) fn view(&self, shape: &Shape, end: i64) -> View {
        let after = end.saturating_sub(shape.panes);
        let columns = shape.columns.len();
        let mut view = View {
            count: 0,
            amount: 0,
            first_seen: shape.time_of(end),
            last_seen: shape.time_of(end),
            numbers: vec![None; columns],
            different: Vec::new(),
        };
        let mut sum = 0u128;
        let first = shape.segment_of(after.saturating_add(1)).0;
        let last = shape.segment_of(end).0;
        let start = self.segments.partition_point(|segment| segment.index < first);
        for segment in self.segments.range(start..).take_while(|segment| segment.index <= last) {
            let base = shape.first_pane(segment.index);
            for (at, pane) in segment.panes.iter().enumerate() {
                let number = base.saturating_add(pane.offset.into());
                if number <= after || number > end {
                    continue;
                }
                if view.count == 0 {
                    view.first_seen = shape.time_of(number);
                }
                view.last_seen = shape.time_of(number);
                view.count += u64::from(pane.count);
                sum += u128::from(pane.sum);
                let row = segment.columns.iter().skip(at * columns);
                for ((total, value), column) in view.numbers.iter_mut().zip(row).zip(&shape.columns)
                {
                    if let Some(value) = value {
                        *total = Some(folded(column.how, *total, *value));
                    }
                }
            }
            if shape.kind == WindowKind::Tumbling {
                (view.first_seen, view.last_seen) = segment.seen;
            }
        }
        view.amount = saturated(sum);
        view
    }

    /// Forgets the segments for which `is_over`; tells how many bytes that gave back.
    pub(super) fn drop_segments(&mut self, shape: &Shape, is_over: impl Fn(i64) -> bool) -> usize {
        let mut gone = 0;
        while let Some(first) = self.segments.front()
            && is_over(first.index)
        {
            gone += first.byte_len();
            self.segments.pop_front();
        }
        if gone > 0 {
            self.renew_newest(shape);
        }
        gone
    }

    /// Sum of all panes: an upper bound for every window.
    #[cfg(test)]
    pub(super) fn total(&self) -> u64 {
        self.segments.iter().fold(0, |sum, segment| sum.saturating_add(segment.sum))
    }

    /// Memory in bytes.
    pub(super) fn byte_len(&self) -> usize {
        size_of::<Self>() + self.segments.iter().map(Segment::byte_len).sum::<usize>()
    }

    /// Ascending by index.
    pub(super) fn segments(&self) -> impl DoubleEndedIterator<Item = &Segment> {
        self.segments.iter()
    }

    /// The running sum and what it must be (invariant P3).
    pub(super) fn running_and_sum(&self, shape: &Shape) -> (u128, u128) {
        let after = self.newest.saturating_sub(shape.panes);
        (self.running, self.sum_between(shape, after, self.newest))
    }

    /// Moves the newest window up to `pane`; what leaves it leaves the running sum.
    fn advance(&mut self, shape: &Shape, pane: i64) {
        let before = self.newest.saturating_sub(shape.panes);
        let after = pane.saturating_sub(shape.panes);
        if after >= self.newest {
            self.running = 0;
        } else {
            self.running -= self.sum_between(shape, before, after);
        }
        self.newest = pane;
    }

    fn place(&mut self, index: i64, time: EventTime) -> (usize, bool) {
        let at = match self.segments.back() {
            Some(last) if last.index == index => return (self.segments.len() - 1, false),
            Some(last) if last.index < index => self.segments.len(),
            None => 0,
            Some(_) => match self.segments.binary_search_by_key(&index, |segment| segment.index) {
                Ok(at) => return (at, false),
                Err(at) => at,
            },
        };
        self.segments.insert(at, Segment::new(index, time));
        (at, true)
    }

    /// Sum of the panes in `(after, upto]`.
    fn sum_between(&self, shape: &Shape, after: i64, upto: i64) -> u128 {
        let first = self.segments.front().map_or(i64::MAX, |first| shape.first_pane(first.index));
        if upto < first {
            return 0;
        }
        let panes = self.panes_down(shape, upto);
        panes.take_while(|(at, _)| *at > after).map(|(_, pane)| u128::from(pane.sum)).sum()
    }

    /// Panes from `from` on, newest first, with their numbers.
    fn panes_down<'g>(
        &'g self,
        shape: &'g Shape,
        from: i64,
    ) -> impl Iterator<Item = (i64, &'g Pane)> {
        let (index, _) = shape.segment_of(from);
        let end = match self.segments.back() {
            Some(last) if last.index <= index => self.segments.len(),
            _ => self.segments.partition_point(|segment| segment.index <= index),
        };
        let panes = self.segments.range(..end).rev().flat_map(|segment| {
            let base = shape.first_pane(segment.index);
            segment
                .panes
                .iter()
                .rev()
                .map(move |pane| (base.saturating_add(pane.offset.into()), pane))
        });
        panes.skip_while(move |(at, _)| *at > from)
    }

    fn renew_newest(&mut self, shape: &Shape) {
        let last = self.segments.back().and_then(|segment| {
            let pane = segment.panes.last()?;
            Some(shape.first_pane(segment.index).saturating_add(pane.offset.into()))
        });
        self.newest = last.unwrap_or(i64::MIN);
        let after = self.newest.saturating_sub(shape.panes);
        self.running = self.sum_between(shape, after, self.newest);
    }
}

/// A sum as findings and thresholds see it.
fn saturated(sum: u128) -> u64 {
    u64::try_from(sum).unwrap_or(u64::MAX)
}
