//! `condition` of a correlation: comparisons of an amount, all of which must hold.

use std::fmt;

/// How an amount is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `gt`
    Above,
    /// `gte`
    AtLeast,
    /// `lt`
    Below,
    /// `lte`
    AtMost,
    /// `eq`
    Equal,
    /// `neq`
    Other,
}

impl Comparison {
    /// All of them.
    pub(super) const ALL: [Self; 6] =
        [Self::Above, Self::AtLeast, Self::Below, Self::AtMost, Self::Equal, Self::Other];

    /// Sigma's word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Above => "gt",
            Self::AtLeast => "gte",
            Self::Below => "lt",
            Self::AtMost => "lte",
            Self::Equal => "eq",
            Self::Other => "neq",
        }
    }

    /// Once it holds it goes on holding while the amount grows.
    pub(super) const fn stays(self) -> bool {
        matches!(self, Self::Above | Self::AtLeast)
    }

    const fn sign(self) -> &'static str {
        match self {
            Self::Above => ">",
            Self::AtLeast => ">=",
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Equal => "=",
            Self::Other => "!=",
        }
    }
}

/// An amount, which may lie between two whole numbers: averages and percentiles do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantity {
    /// The whole number at it or below.
    pub whole: u64,
    /// It lies above `whole`.
    pub has_rest: bool,
    /// Rounded, half away from zero (semantics.md §4): what findings show.
    pub rounded: u64,
}

impl Quantity {
    /// `dividend / divisor`, compared without a rounding error; `None` for nothing by nothing.
    #[must_use]
    pub fn of_ratio(dividend: u128, divisor: u128) -> Option<Self> {
        let whole = u64::try_from(dividend.checked_div(divisor)?).unwrap_or(u64::MAX);
        let rest = dividend.checked_rem(divisor)?;
        let rounded = whole.saturating_add(u64::from(rest >= divisor - rest));
        Some(Self { whole, has_rest: rest > 0, rounded })
    }
}

impl From<u64> for Quantity {
    fn from(whole: u64) -> Self {
        Self { whole, has_rest: false, rounded: whole }
    }
}

/// `condition` of a correlation: every comparison must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition(pub Vec<(Comparison, u64)>);

impl Condition {
    /// `gte: n`
    #[must_use]
    pub fn at_least(least: u64) -> Self {
        Self(vec![(Comparison::AtLeast, least)])
    }

    /// Whether it holds for an amount.
    ///
    /// ```
    /// # use tidegate::rule::{Comparison, Condition, Quantity};
    /// let below_three = Condition(vec![(Comparison::Below, 3)]);
    /// assert!(below_three.holds(Quantity::of_ratio(5, 2).unwrap()));
    /// assert!(!below_three.holds(Quantity::from(3)));
    /// ```
    #[must_use]
    pub fn holds(&self, amount: Quantity) -> bool {
        let Quantity { whole, has_rest, .. } = amount;
        self.0.iter().all(|(comparison, number)| match comparison {
            Comparison::Above => whole > *number || (whole == *number && has_rest),
            Comparison::AtLeast => whole >= *number,
            Comparison::Below => whole < *number,
            Comparison::AtMost => whole < *number || (whole == *number && !has_rest),
            Comparison::Equal => whole == *number && !has_rest,
            Comparison::Other => whole != *number || has_rest,
        })
    }

    /// Whether it goes on holding while the amount grows.
    #[must_use]
    pub fn stays(&self) -> bool {
        self.0.iter().all(|(comparison, _)| comparison.stays())
    }

    /// The least whole amount for which it can hold.
    #[must_use]
    pub fn least(&self) -> u64 {
        let least = self.0.iter().filter_map(|(comparison, number)| match comparison {
            Comparison::Above => Some(number.saturating_add(1)),
            Comparison::AtLeast | Comparison::Equal => Some(*number),
            Comparison::Below | Comparison::AtMost | Comparison::Other => None,
        });
        least.max().unwrap_or(0)
    }

    /// The greatest whole amount for which it can hold; `None` when there is no end.
    pub(super) fn greatest(&self) -> Option<u64> {
        let greatest = self.0.iter().filter_map(|(comparison, number)| match comparison {
            Comparison::Below => Some(number.saturating_sub(1)),
            Comparison::AtMost | Comparison::Equal => Some(*number),
            Comparison::Above | Comparison::AtLeast | Comparison::Other => None,
        });
        greatest.min()
    }

    /// Whether no amount is between its ends; `is_whole`: amounts are whole numbers.
    pub(super) fn is_empty(&self, is_whole: bool) -> bool {
        let of = |wanted: Comparison| {
            self.0.iter().find(|(comparison, _)| *comparison == wanted).map(|(_, number)| *number)
        };
        if of(Comparison::Below) == Some(0) {
            return true;
        }
        if is_whole {
            return self.greatest().is_some_and(|greatest| greatest < self.least());
        }
        let low = of(Comparison::Above).map(|low| (low, true));
        let low = low.or(of(Comparison::AtLeast).map(|low| (low, false)));
        let high = of(Comparison::Below).map(|high| (high, true));
        let high = high.or(of(Comparison::AtMost).map(|high| (high, false)));
        let (Some((low, is_above)), Some((high, is_below))) = (low, high) else { return false };
        low > high || (low == high && (is_above || is_below))
    }

    /// The greatest number that it compares with.
    pub(super) fn highest(&self) -> u64 {
        self.0.iter().map(|(_, number)| *number).max().unwrap_or(0)
    }
}

/// For people: `>= 5 and < 10`.
impl fmt::Display for Condition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (comparison, number)) in self.0.iter().enumerate() {
            let and = if at > 0 { " and " } else { "" };
            write!(out, "{and}{} {number}", comparison.sign())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(comparison: Comparison, number: u64, amount: Quantity) -> bool {
        Condition(vec![(comparison, number)]).holds(amount)
    }

    #[test]
    fn an_amount_between_two_whole_numbers_is_compared_as_what_it_is() {
        let two = Quantity::from(2);
        let more = Quantity::of_ratio(2_000_000_001, 1_000_000_000).unwrap();
        for (comparison, of_two, of_more) in [
            (Comparison::Above, false, true),
            (Comparison::AtLeast, true, true),
            (Comparison::Below, false, false),
            (Comparison::AtMost, true, false),
            (Comparison::Equal, true, false),
            (Comparison::Other, false, true),
        ] {
            let found = (holds(comparison, 2, two), holds(comparison, 2, more));
            assert_eq!(found, (of_two, of_more), "{comparison:?}");
        }
        assert!(holds(Comparison::Below, 3, more) && holds(Comparison::AtMost, 3, more));
    }

    #[test]
    fn halves_are_shown_away_from_zero_and_nothing_has_no_average() {
        let shown =
            |dividend, divisor| Quantity::of_ratio(dividend, divisor).map(|one| one.rounded);
        assert_eq!((shown(5, 2), shown(7, 3), shown(8, 3)), (Some(3), Some(2), Some(3)));
        assert_eq!(shown(u128::from(u64::MAX) * 2, 2), Some(u64::MAX));
        assert_eq!(shown(0, 0), None);
    }

    #[test]
    fn between_two_whole_numbers_there_are_averages_and_no_counts() {
        let range = |low, high| Condition(vec![(low, 5), (high, 6)]);
        let between = range(Comparison::Above, Comparison::Below);
        assert_eq!((between.is_empty(true), between.is_empty(false)), (true, false));
        let upto = range(Comparison::Above, Comparison::AtMost);
        assert_eq!((upto.is_empty(true), upto.is_empty(false)), (false, false));
        for (comparison, is_empty) in [(Comparison::AtMost, false), (Comparison::Below, true)] {
            let at = Condition(vec![(Comparison::AtLeast, 5), (comparison, 5)]);
            assert_eq!((at.is_empty(true), at.is_empty(false)), (is_empty, is_empty));
        }
        assert!(Condition(vec![(Comparison::Below, 0)]).is_empty(false));
    }

    #[test]
    fn a_range_holds_from_its_first_to_its_last_amount() {
        let range = Condition(vec![(Comparison::Above, 4), (Comparison::Below, 7)]);
        let held: Vec<u64> = (0..10).filter(|amount| range.holds((*amount).into())).collect();
        assert_eq!(held, [5, 6]);
        assert_eq!((range.least(), range.greatest(), range.stays()), (5, Some(6), false));
        assert_eq!(range.to_string(), "> 4 and < 7");
    }
}
