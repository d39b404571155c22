//! Which of a correlation's rules matched one group, and when (`temporal`, `temporal_ordered`;
//! semantics.md §8).
//!
//! Per pane the rules that matched, as bits. A window holds when it has all rules of one of the wanted
//! combinations; in order, when their matches can be chosen so that none comes before that of the rule
//! listed before it. Matches in one pane count as in order: time says no more.
//!
//! What decides is how far *back* a combination must reach: for each of its rules, the latest pane in
//! which the chain up to this rule can begin. It only grows along the panes, so one pass over them
//! judges every window, and the newest one is judged without a pass.
//!
//! Cost: an event in order is a few comparisons; one behind that brings a rule to a pane for the first
//! time is a pass over the group's panes, of which there are at most (W + L) divided by their width.

use super::faults::{Fault, is_planted};
use super::shape::Shape;
use crate::rule::Combination;
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sequence {
    wanted: Arc<Wanted>,
    panes: BTreeMap<i64, u32>,
    newest: i64,
    /// At the newest pane.
    reach: Reach,
    /// The last event brought a rule to its pane for the first time, or the pane itself.
    is_changed: bool,
    /// Of the last event: its pane and what that held before, `None` when it was not there.
    before: (i64, Option<u32>),
}

/// For each combination and each of its rules, the pane in which the chain begins; `NEVER` for none.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reach(Box<[Box<[i64]>]>);

const NEVER: i64 = i64::MIN;

impl Reach {
    fn new(wanted: &Wanted) -> Self {
        Self(wanted.any_of.iter().map(|one| vec![NEVER; one.all.len()].into()).collect())
    }

    /// Takes the rules that matched in `pane`, which lies behind no pane before.
    fn advance(&mut self, wanted: &Wanted, pane: i64, rules: u32) {
        for (one, begins) in wanted.any_of.iter().zip(&mut self.0) {
            let mut before = pane;
            for (rule, begin) in one.all.iter().zip(begins.iter_mut()) {
                if rules >> rule & 1 == 1 {
                    *begin = if is_in_order(wanted) { before } else { pane };
                }
                before = *begin;
            }
        }
    }

    /// Whether the window that ends in `end` holds, with nothing behind it taken.
    fn holds(&self, wanted: &Wanted, shape: &Shape, end: i64) -> bool {
        let start = end.saturating_sub(shape.panes);
        self.0.iter().any(|begins| {
            let first = if is_in_order(wanted) {
                begins.last().copied()
            } else {
                begins.iter().copied().min()
            };
            first.is_some_and(|first| first != NEVER && first > start)
        })
    }
}

/// The first pane of the window that ends in `end`: what matched before it is in no window from there
/// on.
fn first_of(shape: &Shape, end: i64) -> i64 {
    end.saturating_sub(shape.panes).saturating_add(1)
}

fn is_in_order(wanted: &Wanted) -> bool {
    wanted.is_ordered && !is_planted(Fault::OrderIgnored)
}

impl Sequence {
    /// Nothing matched yet.
    pub(super) fn new(wanted: Arc<Wanted>) -> Self {
        let reach = Reach::new(&wanted);
        let before = (NEVER, None);
        Self { panes: BTreeMap::new(), newest: NEVER, reach, is_changed: false, before, wanted }
    }

    /// Takes an event in `pane` that matched `rules`.
    pub(super) fn add(&mut self, pane: i64, rules: u32) {
        let known = self.panes.get(&pane).copied();
        let all = known.unwrap_or(0) | rules;
        self.panes.insert(pane, all);
        self.is_changed = known != Some(all);
        self.before = (pane, known);
        if !self.is_changed {
            return;
        }
        if pane >= self.newest {
            self.newest = pane;
            self.reach.advance(&self.wanted, pane, all);
        } else {
            self.renew();
        }
    }

    /// Whether both hold the same matches, whatever the last event was.
    #[cfg(test)]
    pub(super) fn is_same(&self, other: &Self) -> bool {
        (&self.panes, self.newest, &self.reach) == (&other.panes, other.newest, &other.reach)
    }

    /// Whether the last event changed a window.
    pub(super) fn is_changed(&self) -> bool {
        self.is_changed
    }

    /// Calls `each` with the ends of the windows that hold and end in `[from, to]`, at events, ascending.
    pub(super) fn each_end(
        &self,
        shape: &Shape,
        (from, to): (i64, i64),
        mut each: impl FnMut(i64),
    ) {
        let wanted = &self.wanted;
        if from >= self.newest {
            if self.newest == from && self.reach.holds(wanted, shape, from) {
                each(from);
            }
            return;
        }
        let mut reach = Reach::new(wanted);
        for (&pane, &rules) in self.panes.range(first_of(shape, from)..=to) {
            reach.advance(wanted, pane, rules);
            if pane >= from && reach.holds(wanted, shape, pane) {
                each(pane);
            }
        }
    }

    /// The ends in `[from, to]` of the windows that held before the last event, ascending.
    pub(super) fn ends_before(&self, shape: &Shape, (from, to): (i64, i64)) -> Vec<i64> {
        let (wanted, (changed, before)) = (&self.wanted, self.before);
        let mut reach = Reach::new(wanted);
        let mut ends = Vec::new();
        for (&pane, &now) in self.panes.range(first_of(shape, from)..=to) {
            let Some(rules) = (if pane == changed { before } else { Some(now) }) else { continue };
            reach.advance(wanted, pane, rules);
            if pane >= from && reach.holds(wanted, shape, pane) {
                ends.push(pane);
            }
        }
        ends
    }

    /// The rules that matched in the window that ends in `end`.
    pub(super) fn rules_in(&self, shape: &Shape, end: i64) -> u32 {
        let after = end.saturating_sub(shape.panes);
        self.panes.range(after.saturating_add(1)..=end).fold(0, |all, (_, rules)| all | rules)
    }

    /// All rules that matched.
    pub(super) fn rules(&self) -> u32 {
        self.panes.values().fold(0, |all, rules| all | rules)
    }

    /// Forgets the panes before `first`.
    pub(super) fn drop_before(&mut self, first: i64) {
        if self.panes.first_key_value().is_some_and(|(pane, _)| *pane < first) {
            self.panes = self.panes.split_off(&first);
            self.newest = self.panes.last_key_value().map_or(NEVER, |(pane, _)| *pane);
            self.renew();
        }
    }

    /// Memory in bytes, about.
    pub(super) fn byte_len(&self) -> usize {
        let steps: usize = self.reach.0.iter().map(|begins| begins.len()).sum();
        size_of::<Self>() + self.panes.len() * 24 + steps * 8
    }

    fn renew(&mut self) {
        self.reach = Reach::new(&self.wanted);
        for (&pane, &rules) in &self.panes {
            self.reach.advance(&self.wanted, pane, rules);
        }
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
