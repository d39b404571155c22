//! What windows hold that sums do not tell, for measures that are asked once a window has closed: the
//! amounts behind an average or a percentile; which rules matched, and when.
//!
//! Everything is kept by window, a tumbling one. The order of events changes nothing. Memory is
//! bounded: an average is two numbers; rules are bits on the grid that sliding windows of this length
//! have, at most 3,600 of them; amounts are exact up to a cap of different ones, and beyond it all of
//! the window are rounded to eight binary digits, which are never more than 7,424 numbers and off by
//! at most 1/256.

use super::faults::{Fault, is_planted};
use super::plan::Measured;
use super::sequence::Wanted;
use super::shape::Shape;
use crate::rule::Quantity;
use crate::units::EventTime;
use std::collections::BTreeMap;

/// The windows of one group, by their pane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tally {
    /// Sum and number of amounts.
    Mean(BTreeMap<i64, (u128, u64)>),
    /// With how many different ones there are in all windows.
    Amounts(BTreeMap<i64, Amounts>, usize),
    /// Bits of the rules, by window and, where their order matters, tick.
    Rules(BTreeMap<(i64, i64), u32>),
}

/// The amounts of one window, and how often each is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Amounts {
    counts: BTreeMap<u64, u64>,
    are_rounded: bool,
}

/// Binary digits that a rounded amount has.
const DIGITS: u32 = 8;

impl Tally {
    /// Nothing seen; `None` for measures that need none.
    pub(super) fn new(measured: &Measured) -> Option<Self> {
        match measured {
            Measured::Mean(_) => Some(Self::Mean(BTreeMap::new())),
            Measured::Percentile { .. } => Some(Self::Amounts(BTreeMap::new(), 0)),
            Measured::Rules(_) => Some(Self::Rules(BTreeMap::new())),
            _ => None,
        }
    }

    /// Takes an event in `pane`, with what the journal keeps of it.
    pub(super) fn add(
        &mut self,
        (shape, measured): (&Shape, &Measured),
        (pane, time): (i64, EventTime),
        kept: Option<u64>,
    ) {
        match self {
            Tally::Mean(windows) => {
                let kept = kept.or(is_planted(Fault::AbsentAmountCounted).then_some(0));
                if let Some(amount) = kept {
                    let (sum, count) = windows.entry(pane).or_default();
                    *sum += u128::from(amount);
                    *count += 1;
                }
            }
            Tally::Amounts(windows, different) => {
                if let (Some(amount), Measured::Percentile { cap, .. }) = (kept, measured) {
                    let window = windows.entry(pane).or_default();
                    *different -= window.counts.len();
                    window.add(amount, *cap);
                    *different += window.counts.len();
                }
            }
            Tally::Rules(windows) => {
                let is_ordered = matches!(measured, Measured::Rules(wanted) if wanted.is_ordered);
                let tick = if is_ordered { shape.tick_of(time) } else { 0 };
                let rules = kept.and_then(|bits| u32::try_from(bits).ok()).unwrap_or(0);
                *windows.entry((pane, tick)).or_default() |= rules;
            }
        }
    }

    /// What a window comes to; `None` when no event has an amount, which nothing can be said of. Of
    /// rules, one when their condition holds.
    pub(super) fn amount(&self, measured: &Measured, pane: i64) -> Option<Quantity> {
        match (self, measured) {
            (Tally::Mean(windows), _) => {
                let (sum, count) = windows.get(&pane)?;
                Quantity::of_ratio(*sum, u128::from(*count))
            }
            (Tally::Amounts(windows, _), Measured::Percentile { percent, .. }) => {
                windows.get(&pane)?.percentile(*percent)
            }
            (Tally::Rules(_), Measured::Rules(wanted)) => {
                Some(u64::from(self.holds(wanted, pane)).into())
            }
            (Tally::Amounts(..) | Tally::Rules(_), _) => None,
        }
    }

    /// The rules that matched in a window.
    pub(super) fn rules_in(&self, pane: i64) -> Option<u32> {
        let Tally::Rules(windows) = self else { return None };
        let window = windows.range((pane, i64::MIN)..=(pane, i64::MAX));
        Some(window.fold(0, |all, (_, rules)| all | rules))
    }

    /// Forgets the windows before `first`.
    pub(super) fn drop_before(&mut self, first: i64) {
        match self {
            Tally::Mean(windows) => *windows = windows.split_off(&first),
            Tally::Amounts(windows, different) => {
                *windows = windows.split_off(&first);
                *different = windows.values().map(|window| window.counts.len()).sum();
            }
            Tally::Rules(windows) => *windows = windows.split_off(&(first, i64::MIN)),
        }
    }

    /// Memory in bytes, about.
    pub(super) fn byte_len(&self) -> usize {
        match self {
            Tally::Mean(windows) => windows.len() * 48,
            Tally::Amounts(windows, different) => {
                windows.len() * (size_of::<Amounts>() + 16) + different * 24
            }
            Tally::Rules(windows) => windows.len() * 32,
        }
    }

    fn holds(&self, wanted: &Wanted, pane: i64) -> bool {
        let Tally::Rules(windows) = self else { return false };
        let matched = self.rules_in(pane).unwrap_or(0);
        wanted.any_of.iter().any(|one| {
            if one.none.iter().any(|rule| matched >> rule & 1 == 1)
                && !is_planted(Fault::NotIgnored)
            {
                return false;
            }
            // Each rule as early as it can be, behind the one before it.
            let mut tick = i64::MIN;
            one.all.iter().all(|rule| {
                let mut later = windows.range((pane, tick)..=(pane, i64::MAX));
                let found = later.find(|(_, rules)| **rules >> rule & 1 == 1);
                if let (Some(((_, at), _)), true) = (found, wanted.is_ordered) {
                    tick = *at;
                }
                found.is_some()
            })
        })
    }
}

impl Amounts {
    fn add(&mut self, amount: u64, cap: usize) {
        let amount = if self.are_rounded { rounded(amount) } else { amount };
        let count = self.counts.entry(amount).or_default();
        *count = if is_planted(Fault::RepeatedAmountOnce) { 1 } else { count.saturating_add(1) };
        if self.counts.len() > cap && !self.are_rounded {
            self.are_rounded = true;
            for (amount, count) in std::mem::take(&mut self.counts) {
                *self.counts.entry(rounded(amount)).or_default() += count;
            }
        }
    }

    /// Between the two amounts that lie around it, in proportion.
    fn percentile(&self, percent: u8) -> Option<Quantity> {
        let count: u64 = self.counts.values().sum();
        let place = u128::from(percent) * u128::from(count.checked_sub(1)?);
        let (below, rest) = (place / 100, place % 100);
        let low = u128::from(self.at(below)?);
        let high = if rest == 0 { low } else { u128::from(self.at(below + 1)?) };
        Quantity::of_ratio(low * (100 - rest) + high * rest, 100)
    }

    /// The amount at a place, counted from 0 in ascending order.
    fn at(&self, place: u128) -> Option<u64> {
        let mut before = 0u128;
        let found = self.counts.iter().find(|(_, count)| {
            before += u128::from(**count);
            before > place
        });
        found.map(|(amount, _)| *amount)
    }
}

/// The middle of all amounts that begin with the same eight binary digits.
fn rounded(amount: u64) -> u64 {
    let shift = (u64::BITS - amount.leading_zeros()).saturating_sub(DIGITS);
    ((amount >> shift) << shift) | ((1 << shift) >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn percentile(amounts: &[u64], percent: u8, cap: usize) -> (u64, bool) {
        let mut all = Amounts::default();
        for &amount in amounts {
            all.add(amount, cap);
        }
        let found = all.percentile(percent).unwrap();
        (found.whole, found.has_rest)
    }

    #[test]
    fn a_percentile_lies_between_its_two_amounts_in_proportion() {
        assert_eq!(percentile(&[40, 10, 30, 20], 50, 100), (25, false));
        assert_eq!(percentile(&[10, 20], 25, 100), (12, true));
        assert_eq!(percentile(&[5, 5, 5, 9], 0, 100), (5, false));
        assert_eq!(percentile(&[5, 5, 5, 9], 100, 100), (9, false));
        assert_eq!(percentile(&[5, 5, 5, 9], 60, 100), (5, false));
        assert_eq!(percentile(&[u64::MAX, u64::MAX], 50, 100), (u64::MAX, false));
        assert_eq!(Amounts::default().percentile(50), None);
    }

    #[test]
    fn beyond_the_cap_amounts_are_rounded_whatever_their_order() {
        let amounts: Vec<u64> = (0..20_000).map(|one| one * 997).collect();
        let backwards: Vec<u64> = amounts.iter().rev().copied().collect();
        for percent in [0, 1, 50, 90, 99, 100] {
            let exact = percentile(&amounts, percent, 20_000).0;
            let about = percentile(&amounts, percent, 10_000);
            assert_eq!(about, percentile(&backwards, percent, 10_000));
            assert!(about.0.abs_diff(exact) <= exact / 256, "{percent}: {about:?} for {exact}");
        }
    }

    #[test]
    fn rounding_keeps_eight_digits_and_small_amounts() {
        for amount in (0..70_000).chain([u64::MAX, 1 << 63, (1 << 63) - 1]) {
            assert!(rounded(amount).abs_diff(amount) <= amount / 256, "{amount}");
            assert_eq!(rounded(rounded(amount)), rounded(amount));
        }
        let different: std::collections::BTreeSet<u64> = (0..u64::BITS)
            .flat_map(|shift| (0..256u64).map(move |digits| rounded(digits << shift)))
            .collect();
        assert_eq!(different.len(), 7424);
    }
}
