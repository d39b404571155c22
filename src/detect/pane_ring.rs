//! Partial sums of one group over event time, and the windows over them (semantics.md §5).
//!
//! A sliding window that ends in pane `e` covers the panes `(e − n, e]`, n = panes of a window; a
//! tumbling one covers one pane. Invariants (`invariant.rs`): `P1` panes are in order and hold
//! events; `P2` no segment is past its due time; `P3` `running` sums the newest n panes.
//!
//! Cost: an event in order is O(1). One that is `k` panes behind reads about 2k panes, since every
//! window that holds it is checked; but first a bound made of `running` and a few segment sums is
//! compared, which spares the reading unless the group is within a few percent of a threshold that
//! it has not reported. Bad case: all traffic at lateness L of a group that hovers there.

use super::evidence::{ENDS, Seen, SeenEvent, SeenValue, Sighting};
use super::faults::{Fault, is_planted};
use super::segment::{Commit, Pane, Segment, folded};
use super::shape::{Shape, is_column};
use crate::rule::{CollectHow, WindowKind};
use crate::state::Cached;
use crate::units::EventTime;
use std::collections::VecDeque;

/// One group of one rule.
#[derive(Debug, Clone)]
pub(super) struct Group {
    /// Whose group it is.
    pub(super) state: u16,
    /// Ascending by index, none empty.
    segments: VecDeque<Box<Segment>>,
    /// The newest pane that holds events.
    newest: i64,
    /// Exact sum of the panes `(newest − n, newest]`.
    running: u128,
    /// Number of the last arrival.
    arrivals: u64,
    /// The commit that writes the last change, and the first segment that it writes.
    changed_in: Commit,
    changed_from: i64,
    bytes: usize,
}

/// A window whose condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Crossing {
    /// The pane that it ends in.
    pub(super) end: i64,
    /// Its sum, saturated.
    pub(super) amount: u64,
}

/// What adding an event did to the group's rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Added {
    /// The segment that the event fell into.
    pub(super) segment: i64,
    /// It did not exist before.
    pub(super) is_new_segment: bool,
    /// About how many more bytes the next commit writes.
    pub(super) dirty_bytes: usize,
}

/// A window's content, gathered for a finding.
#[derive(Debug)]
pub(super) struct View<'g> {
    pub(super) count: u64,
    pub(super) amount: u64,
    pub(super) first_seen: EventTime,
    pub(super) last_seen: EventTime,
    /// In the order of `collect`, those that are numbers.
    pub(super) numbers: Vec<Option<u64>>,
    pub(super) events: Vec<SeenEvent>,
    /// In the order of arrival; may repeat a text.
    pub(super) values: Vec<SeenValue<'g>>,
}

/// Rough bytes of a row's key and fixed parts.
const ROW_BYTES: usize = 64;
/// Rough bytes that one more event adds to a row.
const EVENT_BYTES: usize = 24;

impl Group {
    /// A group that has seen nothing.
    pub(super) fn new(state: u16) -> Self {
        Self {
            state,
            segments: VecDeque::with_capacity(1),
            newest: i64::MIN,
            running: 0,
            arrivals: 0,
            changed_in: Commit::default(),
            changed_from: i64::MAX,
            bytes: 0,
        }
    }

    /// A group as the store holds it; segments ascending by index.
    pub(super) fn restored(state: u16, shape: &Shape, segments: VecDeque<Box<Segment>>) -> Self {
        let mut group = Self { segments, ..Self::new(state) };
        group.bytes = group.segments.iter().map(|segment| segment.byte_len()).sum();
        group.renew_newest(shape);
        group.renew_arrivals();
        group
    }

    /// Adds an event at its pane.
    pub(super) fn add(
        &mut self,
        shape: &Shape,
        sighting: Sighting<'_, '_>,
        amount: u64,
        commit: Commit,
    ) -> Added {
        let pane = shape.pane_of(sighting.time);
        let (index, offset) = shape.segment_of(pane);
        if pane > self.newest {
            self.advance(shape, pane);
        }
        self.arrivals += 1;
        let (at, is_new_segment) = self.place(index, sighting.time, commit);
        let mut dirty_bytes = EVENT_BYTES;
        if let Some(segment) = self.segments.get_mut(at) {
            let before = if is_new_segment { 0 } else { segment.byte_len() };
            let rose = segment.add(shape, sighting, (offset, amount), self.arrivals);
            self.bytes += segment.byte_len() - before;
            if segment.changed_in != commit {
                segment.changed_in = commit;
                let from = if self.changed_in == commit { self.changed_from } else { i64::MAX };
                (self.changed_in, self.changed_from) = (commit, from.min(index));
                dirty_bytes = ROW_BYTES + segment.byte_len() / 2;
            }
            if pane > self.newest.saturating_sub(shape.panes) {
                self.running += u128::from(rose);
            }
        }
        Added { segment: index, is_new_segment, dirty_bytes }
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

    /// At least the sum of every window that an event in `pane` changes.
    pub(super) fn bound(&self, shape: &Shape, pane: i64) -> u64 {
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

    /// What the window that ends in pane `end` holds.
    pub(super) fn view(&self, shape: &Shape, end: i64) -> View<'_> {
        let after = end.saturating_sub(shape.panes);
        let columns = shape.columns();
        let numbers_of = || shape.collect.iter().filter(|collect| is_column(collect.how));
        let mut view = View {
            count: 0,
            amount: 0,
            first_seen: shape.time_of(end),
            last_seen: shape.time_of(end),
            numbers: vec![None; columns],
            events: Vec::new(),
            values: Vec::new(),
        };
        let mut sum = 0u128;
        let is_inside = |pane: i64| after < pane && pane <= end;
        let first = shape.segment_of(after.saturating_add(1)).0;
        let last = shape.segment_of(end).0;
        let start = self.segments.partition_point(|segment| segment.index < first);
        for segment in self.segments.range(start..).take_while(|segment| segment.index <= last) {
            let base = shape.first_pane(segment.index);
            for (at, pane) in segment.panes.iter().enumerate() {
                let number = base.saturating_add(pane.offset.into());
                if !is_inside(number) {
                    continue;
                }
                if view.count == 0 {
                    view.first_seen = shape.time_of(number);
                }
                view.last_seen = shape.time_of(number);
                view.count += u64::from(pane.count);
                sum += u128::from(pane.sum);
                let row = segment.columns.iter().skip(at * columns);
                for ((total, value), collect) in view.numbers.iter_mut().zip(row).zip(numbers_of())
                {
                    if let Some(value) = value {
                        *total = Some(folded(collect.how, *total, *value));
                    }
                }
            }
            if shape.kind == WindowKind::Tumbling {
                (view.first_seen, view.last_seen) = segment.seen;
            }
            for seen in segment.evidence.in_order(shape.start_of(segment.index)) {
                match seen {
                    Seen::Event(event) if is_inside(shape.pane_of(event.time)) => {
                        view.events.push(event);
                    }
                    Seen::Value(value) if is_inside(base.saturating_add(value.offset.into())) => {
                        view.values.push(value);
                    }
                    Seen::Event(_) | Seen::Value(_) => {}
                }
            }
        }
        view.amount = saturated(sum);
        view.events.sort_by_key(|event| event.arrival);
        if view.events.len() > 2 * ENDS {
            view.events.drain(ENDS..view.events.len() - ENDS);
        }
        view.values.sort_by_key(|value| value.arrival);
        view
    }

    /// Forgets a segment; tells whether the store holds a row of it.
    pub(super) fn drop_segment(
        &mut self,
        shape: &Shape,
        index: i64,
        commit: Commit,
    ) -> Option<WasStored> {
        let at = self.segments.binary_search_by_key(&index, |segment| segment.index).ok()?;
        let segment = self.segments.remove(at)?;
        self.bytes -= segment.byte_len();
        self.renew_newest(shape);
        // A restored group counts on from what is left, so one that stayed in memory does too.
        self.renew_arrivals();
        let was_stored = segment.was_stored(commit);
        Some(if was_stored { WasStored::Yes } else { WasStored::No })
    }

    /// Whether no segment is left.
    pub(super) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Ascending by index.
    pub(super) fn segments(&self) -> impl DoubleEndedIterator<Item = &Segment> {
        self.segments.iter().map(|segment| &**segment)
    }

    /// Those that this commit writes, ascending by index.
    pub(super) fn changed_segments(&self, commit: Commit) -> impl Iterator<Item = &Segment> {
        let from = if self.changed_in == commit { self.changed_from } else { i64::MAX };
        let after = self.segments().rev().take_while(|segment| segment.index >= from).count();
        let changed = self.segments.range(self.segments.len() - after..);
        changed.map(|segment| &**segment).filter(move |segment| segment.changed_in == commit)
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

    fn place(&mut self, index: i64, time: EventTime, commit: Commit) -> (usize, bool) {
        let at = match self.segments.back() {
            Some(last) if last.index == index => return (self.segments.len() - 1, false),
            Some(last) if last.index < index => self.segments.len(),
            None => 0,
            Some(_) => match self.segments.binary_search_by_key(&index, |segment| segment.index) {
                Ok(at) => return (at, false),
                Err(at) => at,
            },
        };
        self.segments.insert(at, Box::new(Segment::new(index, time, commit)));
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

    fn renew_arrivals(&mut self) {
        let arrivals = self.segments.iter().map(|segment| segment.evidence.last_arrival());
        self.arrivals = arrivals.max().unwrap_or(0);
    }
}

/// Whether the store holds a row, so that dropping it needs a tombstone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WasStored {
    Yes,
    No,
}

impl Cached for Group {
    fn byte_len(&self) -> usize {
        size_of::<Self>() + self.bytes
    }

    fn stored_rows(&self) -> u32 {
        u32::try_from(self.segments.len()).unwrap_or(u32::MAX)
    }
}

/// A sum as findings and thresholds see it.
fn saturated(sum: u128) -> u64 {
    u64::try_from(sum).unwrap_or(u64::MAX)
}

/// First distinct texts of one collected field, in the order of arrival.
pub(super) fn distinct_texts(
    values: &[SeenValue<'_>],
    collect: usize,
    how: CollectHow,
) -> Vec<String> {
    let (CollectHow::Sample(most) | CollectHow::Set(most)) = how else { return Vec::new() };
    let mut texts: Vec<String> = Vec::new();
    for value in values.iter().filter(|value| usize::from(value.collect) == collect) {
        if texts.len() < most && !texts.iter().any(|text| text == value.text) {
            texts.push(value.text.to_owned());
        }
    }
    texts
}
