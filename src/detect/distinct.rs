//! How many different values each window of one group holds (`value_count`, semantics.md §5).
//!
//! An occurrence of a value in pane `p` counts in the windows that end in `[p, p + n)`. A value's
//! *cover* is the union of these ends over its occurrences, kept as few spans; the count of the window
//! that ends in `e` is how many covers hold `e`. So an occurrence changes one run of ends at most: those
//! that its value did not cover before.
//!
//! Counts are exact up to a cap and stop there. That bounds the memory: once the values of a group are
//! several times the cap, a value may be forgotten if every end of its cover, up to the newest pane, has
//! reached the cap already, and at least as many values as the cap have occurred since. Should it come
//! again, it is counted once too often only where the count is at the cap anyway.
//!
//! Cost: an occurrence is two probes; one that is behind walks the ends that it changed in blocks
//! ([`super::steps`]).

use super::faults::{Fault, is_planted};
use super::shape::Shape;
use super::steps::Steps;
use crate::state::AlreadyHashed;
use hashbrown::HashMap;
use smallvec::SmallVec;
use std::hash::BuildHasherDefault;

/// Ends of windows, `from` inclusive, `to` exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) from: i64,
    pub(super) to: i64,
}

impl Ends {
    pub(super) const NONE: Self = Self { from: 0, to: 0 };
    pub(super) const ALL: Self = Self { from: i64::MIN, to: i64::MAX };

    pub(super) const fn hold(self, end: i64) -> bool {
        self.from <= end && end < self.to
    }
}

type Spans = SmallVec<[(i64, i64); 1]>;

/// The values of one group.
#[derive(Debug, Clone)]
pub(super) struct Distinct {
    covers: HashMap<u64, Spans, BuildHasherDefault<AlreadyHashed>>,
    /// By how much the count changes from the end before to this one.
    steps: Steps,
    newest: i64,
    /// Of the window that ends in `newest`.
    count: i64,
    cap: i64,
    /// Values are forgotten when there are more.
    forget_above: usize,
    /// What the last occurrence changed.
    changed: Ends,
}

/// Values are forgotten when there are so many times the cap.
const SLACK: usize = 4;

impl Distinct {
    /// Nothing seen; counts are exact up to `cap`.
    pub(super) fn new(cap: usize) -> Self {
        Self {
            covers: HashMap::default(),
            steps: Steps::default(),
            newest: i64::MIN,
            count: 0,
            cap: i64::try_from(cap).unwrap_or(i64::MAX),
            forget_above: cap.saturating_mul(SLACK),
            changed: Ends::NONE,
        }
    }

    /// Takes an event in `pane`; `None` is one without a value.
    pub(super) fn add(&mut self, shape: &Shape, pane: i64, value: Option<u64>) {
        self.advance(pane);
        self.changed = Ends::NONE;
        let Some(value) = value else { return };
        self.changed = cover(self.covers.entry(value).or_default(), shape, pane);
        let Ends { from, to } = self.changed;
        if from >= to {
            return;
        }
        self.steps.add(from, 1);
        self.steps.add(to, -1);
        self.count += i64::from(self.changed.hold(self.newest));
        if self.covers.len() > self.forget_above {
            self.forget();
        }
    }

    /// The windows whose count the last event changed.
    pub(super) fn changed(&self) -> Ends {
        self.changed
    }

    /// The greatest count of the windows that end in `[from, to]`, `to` at most the newest pane.
    pub(super) fn greatest(&self, from: i64, to: i64) -> u64 {
        if from > to {
            return 0;
        }
        self.capped(self.steps.greatest(from, to, self.at(to)))
    }

    /// The count of the window that ends in `end` before the last event.
    pub(super) fn count_before(&self, end: i64) -> u64 {
        self.capped(self.at(end) - i64::from(self.changed.hold(end)))
    }

    /// The counts of the windows that end in `ends`, which descend from at most the newest pane.
    pub(super) fn counts_down(
        &self,
        ends: impl Iterator<Item = i64>,
    ) -> impl Iterator<Item = (i64, u64)> {
        let mut known: Option<(i64, i64)> = None;
        ends.map(move |end| {
            let count = match known {
                None => self.at(end),
                Some((above, count)) => count - self.steps.sum(end, above),
            };
            known = Some((end, count));
            (end, self.capped(count))
        })
    }

    /// Forgets what only windows that end before `end` need.
    pub(super) fn drop_ends_before(&mut self, end: i64) {
        self.advance(end);
        self.covers.retain(|_, spans| {
            spans.retain(|(_, to)| *to > end);
            !spans.is_empty()
        });
        // The count at `end` is known from above: steps up to it say nothing any more.
        self.steps.drop_upto(end);
        if self.covers.len() < self.covers.capacity() / 8 {
            self.covers.shrink_to(self.covers.len() * 2);
        }
    }

    /// Memory in bytes, about.
    pub(super) fn byte_len(&self) -> usize {
        size_of::<Self>()
            + self.covers.capacity() * (size_of::<(u64, Spans)>() + 1)
            + self.steps.byte_len()
    }

    /// How many values it knows.
    #[cfg(test)]
    pub(super) fn values(&self) -> usize {
        self.covers.len()
    }

    /// Moves the newest window up to `pane`.
    fn advance(&mut self, pane: i64) {
        if pane > self.newest {
            self.count += self.steps.sum(self.newest, pane);
            self.newest = pane;
        }
    }

    fn capped(&self, count: i64) -> u64 {
        count.min(self.cap).try_into().unwrap_or(0)
    }

    fn at(&self, end: i64) -> i64 {
        self.count - self.steps.sum(end, self.newest)
    }

    /// See the module's header.
    fn forget(&mut self) {
        let cap = usize::try_from(self.cap).unwrap_or(usize::MAX);
        let mut last: Vec<i64> =
            self.covers.values().filter_map(|spans| Some(spans.last()?.1)).collect();
        if let Some(at) = last.len().checked_sub(cap) {
            let (_, &mut youngest, _) = last.select_nth_unstable(at);
            let below = self.ends_below_the_cap();
            let newest = self.newest;
            let is_full = |&(from, to): &(i64, i64)| {
                let upto = to.min(newest.saturating_add(1));
                let next = below.partition_point(|ends: &Ends| ends.to <= from);
                below.get(next).is_none_or(|ends| ends.from >= upto)
            };
            self.covers.retain(|_, spans| {
                spans.last().is_none_or(|(_, to)| *to >= youngest) || !spans.iter().all(is_full)
            });
        }
        self.forget_above = (2 * self.covers.len()).max(cap.saturating_mul(SLACK));
    }

    /// Ascending runs of ends up to the newest pane whose count is below the cap.
    fn ends_below_the_cap(&self) -> Vec<Ends> {
        let mut below = Vec::new();
        let (mut to, mut count) = (self.newest.saturating_add(1), self.count);
        for (from, step) in self.steps.down(self.newest) {
            if count < self.cap {
                below.push(Ends { from, to });
            }
            (to, count) = (from, count - step);
        }
        below.push(Ends { from: i64::MIN, to });
        below.reverse();
        below
    }
}

/// Adds the ends of an occurrence in `pane` to a value's cover; gives those that are new.
fn cover(spans: &mut Spans, shape: &Shape, pane: i64) -> Ends {
    let end = pane.saturating_add(shape.panes);
    // A span is at least a window long, so one that begins later ends later too.
    let next = spans.partition_point(|(from, _)| *from <= pane);
    let before = next.checked_sub(1).and_then(|at| spans.get(at)).copied();
    let after = spans.get(next).copied();
    let from = before.map_or(pane, |(_, to)| to.max(pane));
    if is_planted(Fault::ValueLeavesWithItsFirst) && !spans.is_empty() {
        return Ends::NONE;
    }
    let to = after.map_or(end, |(from, _)| from.min(end));
    if from >= to {
        return Ends { from, to: from };
    }
    let joins_before = before.is_some_and(|(_, to)| to == from);
    let joins_after = after.is_some_and(|(from, _)| from == to);
    match (joins_before, joins_after) {
        (true, true) => {
            let (_, last) = spans.remove(next);
            if let Some(span) = spans.get_mut(next - 1) {
                span.1 = last;
            }
        }
        (true, false) => {
            if let Some(span) = spans.get_mut(next - 1) {
                span.1 = to;
            }
        }
        (false, true) => {
            if let Some(span) = spans.get_mut(next) {
                span.0 = from;
            }
        }
        (false, false) => spans.insert(next, (from, to)),
    }
    Ends { from, to }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::shape::sliding;
    use std::collections::BTreeSet;

    fn naive(seen: &[(i64, u64)], panes: i64, end: i64, cap: usize) -> u64 {
        let inside = seen.iter().filter(|(pane, _)| end - panes < *pane && *pane <= end);
        let values: BTreeSet<u64> = inside.map(|(_, value)| *value).collect();
        values.len().min(cap) as u64
    }

    #[test]
    fn counts_equal_those_of_a_set_for_each_window_whatever_the_order() {
        let mut state = 7u64;
        let mut random = move |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        };
        let mut forgot = false;
        for round in 0..200 {
            let panes = 1 + random(12).cast_signed();
            let cap = 1 + usize::try_from(random(6)).unwrap();
            let shape = sliding(panes);
            let mut distinct = Distinct::new(cap);
            let mut seen: Vec<(i64, u64)> = Vec::new();
            let (mut now, mut first_end) = (0, i64::MIN);
            for _ in 0..120 {
                now += random(3).cast_signed();
                let pane = (now - random(20).cast_signed()).max(first_end);
                let value = random(40);
                let before: Vec<u64> =
                    (pane..pane + panes).map(|end| naive(&seen, panes, end, cap)).collect();
                seen.push((pane, value));
                distinct.add(&shape, pane, Some(value));
                let newest = seen.iter().map(|(pane, _)| *pane).max().unwrap();
                let ends: Vec<i64> = (first_end.max(newest - 40)..=newest).rev().collect();
                for (end, count) in distinct.counts_down(ends.iter().copied()) {
                    assert_eq!(count, naive(&seen, panes, end, cap), "round {round}, end {end}");
                }
                assert_eq!(distinct.greatest(newest, newest), naive(&seen, panes, newest, cap));
                let last = newest.min(pane + panes - 1);
                let greatest = (pane..=last).map(|end| naive(&seen, panes, end, cap)).max();
                assert_eq!(distinct.greatest(pane, last), greatest.unwrap());
                for (end, before) in (pane..=last).zip(before) {
                    let is_changed = naive(&seen, panes, end, cap) != before;
                    assert!(!is_changed || distinct.changed().hold(end), "end {end}");
                }
                if random(30) == 0 {
                    first_end = now - 20;
                    distinct.drop_ends_before(first_end);
                }
                forgot |= distinct.values() < cap * SLACK && seen.len() > cap * SLACK * 2;
            }
        }
        assert!(forgot, "values were forgotten in some round");
    }

    #[test]
    fn memory_is_bounded_by_the_cap_however_many_values_come() {
        let shape = sliding(600);
        let mut distinct = Distinct::new(100);
        for number in 0..200_000u64 {
            // Fifty new values a second, a third of them up to five minutes behind.
            let behind = if number % 3 == 0 { number % 300 } else { 0 };
            let pane = (number / 50 + 300 - behind).cast_signed();
            let value = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            distinct.add(&shape, pane, Some(value));
            assert!(distinct.values() <= 16 * 100, "{} values", distinct.values());
        }
        let newest = 200_000 / 50 + 299;
        assert_eq!(distinct.greatest(newest, newest), 100);
    }
}
