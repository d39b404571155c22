//! Which of a correlation's rules matched one group, and when (`temporal`, `temporal_ordered`;
//! semantics.md §8).
//!
//! Per pane the rules that matched, as bits. A window holds when it has all rules of one of the wanted
//! combinations; in order, when their matches can be chosen so that none comes before that of the rule
//! listed before it. Matches in one pane count as in order: time says no more.
//!
//! What decides is how far *back* a combination must reach: for each of its rules, the latest pane in
//! which the chain up to this rule can begin. It only grows along the panes, and each pane keeps it.
//!
//! Cost: an event in order is a few comparisons. One behind is a pass over the panes from its own to
//! the first in which it makes no difference: soon, where the same rules match again.

use super::faults::{Fault, is_planted};
use super::shape::Shape;
use crate::rule::Combination;
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a window must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// One of them is enough. What must not match is asked of closed windows alone, by
    /// [`super::tally`].
    pub(super) any_of: Box<[Combination]>,
    pub(super) is_ordered: bool,
}

impl Wanted {
    /// Whether these rules are enough, whenever they matched.
    pub(super) fn may_hold(&self, rules: u64) -> bool {
        self.any_of.iter().any(|one| one.all.iter().all(|rule| rules >> rule & 1 == 1))
    }
}

/// The matches of one group.
#[derive(Debug, Clone)]
pub(super) struct Sequence {
    wanted: Arc<Wanted>,
    panes: BTreeMap<i64, Pane>,
    /// The last event brought a rule to its pane for the first time, or the pane itself.
    is_changed: bool,
    /// What the last event changed: panes, and where their windows began before; `None` for a pane
    /// that was not there.
    before: Vec<(i64, Option<i64>)>,
}

/// The rules that matched in a pane, and how far back the windows that end in it must reach.
#[derive(Debug, Clone)]
struct Pane {
    rules: u32,
    reach: Reach,
}

/// For each combination and each of its rules, one after the other, the pane in which the chain begins;
/// `NEVER` for none.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reach(SmallVec<[i64; INLINE]>);

/// So many steps need no memory of their own.
const INLINE: usize = 4;
const NEVER: i64 = i64::MIN;

impl Reach {
    fn new(wanted: &Wanted) -> Self {
        Self(SmallVec::from_elem(NEVER, steps(wanted)))
    }

    /// Takes the rules that matched in `pane`, which lies behind no pane before.
    fn advance(&mut self, wanted: &Wanted, pane: i64, rules: u32) {
        let mut begins = self.0.iter_mut();
        for one in &wanted.any_of {
            let mut before = pane;
            for (rule, begin) in one.all.iter().zip(begins.by_ref()) {
                if rules >> rule & 1 == 1 {
                    *begin = if is_in_order(wanted) { before } else { pane };
                }
                before = *begin;
            }
        }
    }

    /// The latest pane in which a window can begin that holds here.
    fn begin(&self, wanted: &Wanted) -> i64 {
        let mut begins = self.0.iter().copied();
        let of = |one: &Combination| {
            let own = begins.by_ref().take(one.all.len());
            if is_in_order(wanted) { own.last() } else { own.reduce(i64::min) }
        };
        wanted.any_of.iter().filter_map(of).max().unwrap_or(NEVER)
    }
}

fn steps(wanted: &Wanted) -> usize {
    wanted.any_of.iter().map(|one| one.all.len()).sum()
}

/// Whether the window that ends in `end` holds what begins in `begin`.
fn holds(shape: &Shape, begin: i64, end: i64) -> bool {
    begin != NEVER && begin > end.saturating_sub(shape.panes)
}

fn is_in_order(wanted: &Wanted) -> bool {
    wanted.is_ordered && !is_planted(Fault::OrderIgnored)
}

impl Sequence {
    /// Nothing matched yet.
    pub(super) fn new(wanted: Arc<Wanted>) -> Self {
        Self { panes: BTreeMap::new(), is_changed: false, before: Vec::new(), wanted }
    }

    /// Takes an event in `pane` that matched `rules`.
    pub(super) fn add(&mut self, pane: i64, rules: u32) {
        let Self { wanted, panes, before, is_changed } = self;
        before.clear();
        let known = panes.get(&pane).map(|known| known.rules);
        *is_changed = known != Some(known.unwrap_or(0) | rules);
        if !*is_changed {
            return;
        }
        let earlier = panes.range(..pane).next_back().map(|(_, pane)| pane.reach.clone());
        let mut reach = earlier.unwrap_or_else(|| Reach::new(wanted));
        if known.is_none() {
            before.push((pane, None));
        }
        panes.entry(pane).or_insert_with(|| Pane { rules: 0, reach: Reach::new(wanted) }).rules |=
            rules;
        for (&at, pane_of) in panes.range_mut(pane..) {
            reach.advance(wanted, at, pane_of.rules);
            if at > pane && pane_of.reach == reach {
                // From here on nothing is different.
                break;
            }
            if at > pane || known.is_some() {
                before.push((at, Some(pane_of.reach.begin(wanted))));
            }
            pane_of.reach.clone_from(&reach);
        }
    }

    /// Whether both say the same of windows that end in `first` or later.
    #[cfg(test)]
    pub(super) fn says_as(&self, other: &Self, shape: &Shape, first: i64) -> bool {
        let rules = |of: &Self| -> Vec<(i64, u32)> {
            of.panes.iter().map(|(at, pane)| (*at, pane.rules)).collect()
        };
        let ends = |of: &Self| {
            let mut ends = Vec::new();
            of.each_end(shape, (first, i64::MAX), |end| ends.push(end));
            ends
        };
        rules(self) == rules(other) && ends(self) == ends(other)
    }

    /// Whether the last event changed a window.
    pub(super) fn is_changed(&self) -> bool {
        self.is_changed
    }

    /// Calls `each` with the ends of the windows that hold and end in `[from, to]`, at events, ascending.
    pub(super) fn each_end(&self, shape: &Shape, (from, to): (i64, i64), each: impl FnMut(i64)) {
        let ends = self.panes.range(from..=to.max(from));
        let held = ends.filter(|(end, pane)| holds(shape, pane.reach.begin(&self.wanted), **end));
        held.map(|(end, _)| *end).for_each(each);
    }

    /// Whether the window that ends in `end` held before the last event.
    pub(super) fn held_before(&self, shape: &Shape, end: i64) -> bool {
        let changed = self.before.binary_search_by_key(&end, |(pane, _)| *pane);
        let begin = match changed.ok().and_then(|at| self.before.get(at)) {
            Some((_, begin)) => *begin,
            None => self.panes.get(&end).map(|pane| pane.reach.begin(&self.wanted)),
        };
        begin.is_some_and(|begin| holds(shape, begin, end))
    }

    /// The rules that matched in the window that ends in `end`.
    pub(super) fn rules_in(&self, shape: &Shape, end: i64) -> u32 {
        let after = end.saturating_sub(shape.panes);
        let inside = self.panes.range(after.saturating_add(1)..=end);
        inside.fold(0, |all, (_, pane)| all | pane.rules)
    }

    /// All rules that matched.
    pub(super) fn rules(&self) -> u32 {
        self.panes.values().fold(0, |all, pane| all | pane.rules)
    }

    /// Forgets the panes before `first`, which no window needs any more.
    pub(super) fn drop_before(&mut self, first: i64) {
        if self.panes.first_key_value().is_some_and(|(pane, _)| *pane < first) {
            self.panes = self.panes.split_off(&first);
        }
    }

    /// Memory in bytes, about.
    pub(super) fn byte_len(&self) -> usize {
        let steps = steps(&self.wanted);
        let beside = if steps > INLINE { steps * 8 } else { 0 };
        size_of::<Self>() + self.panes.len() * (16 + size_of::<Pane>() + beside)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::shape::sliding;

    fn wanted(any_of: &[&[u8]], is_ordered: bool) -> Arc<Wanted> {
        let none = Vec::new;
        let any_of =
            any_of.iter().map(|all| Combination { all: all.to_vec(), none: none() }).collect();
        Arc::new(Wanted { any_of, is_ordered })
    }

    fn ends(wanted: &Arc<Wanted>, panes: i64, events: &[(i64, u32)]) -> Vec<i64> {
        let mut sequence = Sequence::new(wanted.clone());
        for &(pane, rules) in events {
            sequence.add(pane, rules);
        }
        let mut ends = Vec::new();
        sequence.each_end(&sliding(panes), (i64::MIN + 1, i64::MAX), |end| ends.push(end));
        ends
    }

    #[test]
    fn a_window_holds_as_soon_as_each_rule_has_matched_in_it() {
        let both = wanted(&[&[0, 1]], false);
        assert_eq!(ends(&both, 10, &[(0, 1), (9, 2)]), [9]);
        assert_eq!(ends(&both, 10, &[(0, 1), (10, 2)]), [0; 0]);
        assert_eq!(ends(&both, 10, &[(5, 2), (3, 1)]), [5]);
        assert_eq!(ends(&both, 10, &[(3, 3)]), [3]);
    }

    #[test]
    fn in_order_means_the_order_of_the_list_and_one_pane_is_in_order() {
        let then = wanted(&[&[0, 1]], true);
        assert_eq!(ends(&then, 10, &[(5, 2), (6, 1)]), [0; 0]);
        assert_eq!(ends(&then, 10, &[(6, 1), (7, 2)]), [7]);
        assert_eq!(ends(&then, 10, &[(6, 2), (6, 1)]), [6]);
        // The first match that still counts is the latest one before the second's.
        assert_eq!(ends(&then, 10, &[(0, 1), (8, 1), (12, 2), (13, 2), (18, 2)]), [12, 13]);
    }

    #[test]
    fn one_combination_is_enough() {
        let either = wanted(&[&[0, 1], &[0, 2]], true);
        assert_eq!(ends(&either, 10, &[(0, 1), (3, 4)]), [3]);
        assert_eq!(ends(&either, 10, &[(0, 2), (3, 4)]), [0; 0]);
    }
}
