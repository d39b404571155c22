//! What a window's events come to, and what a finding shows of them.

use super::{Collect, Collected, Counted, Measure, Rule, Settings, values};
use std::collections::BTreeSet;

/// §5, §8: what a window's events come to.
pub(super) fn amount_of(measure: &Measure, inside: &[&Counted], settings: Settings) -> u64 {
    let sum: u128 = inside.iter().map(|other| u128::from(other.amount)).sum();
    match measure {
        Measure::Count | Measure::Sum(_) => u64::try_from(sum).unwrap_or(u64::MAX),
        Measure::Distinct(fields) => {
            let tuples = inside.iter().map(|other| values(&other.event, fields));
            let tuples: BTreeSet<_> = tuples.filter(|one| !one.contains(&None)).collect();
            tuples.len().min(settings.distinct_values) as u64
        }
        Measure::Signals(signals) => {
            let of = |one: &&Counted| *signals.get(one.bases.trailing_zeros() as usize)?;
            inside.iter().filter_map(of).collect::<BTreeSet<u8>>().len() as u64
        }
        Measure::Rules { any_of, ordered } => {
            u64::from(any_of.iter().any(|(all, _)| has_all(all, *ordered, inside)))
        }
        Measure::Mean(_) | Measure::Percentile(..) => unreachable!("asked when closed"),
    }
}

/// §5: what a closed window comes to, as a fraction; `None` when no event has an amount.
pub(super) fn closed_amount(
    measure: &Measure,
    inside: &[&Counted],
    (span, settings): (i64, Settings),
) -> Option<(u128, u128)> {
    let amounts = |field: &String| -> Vec<u64> {
        let value = |one: &&Counted| amount(one.event.fields.get(field)?.as_deref()?);
        inside.iter().filter_map(value).collect()
    };
    match measure {
        Measure::Mean(field) => {
            let amounts = amounts(field);
            let sum = amounts.iter().map(|one| u128::from(*one)).sum();
            (!amounts.is_empty()).then_some((sum, amounts.len() as u128))
        }
        Measure::Percentile(field, percent) => {
            let mut amounts = amounts(field);
            let different: BTreeSet<u64> = amounts.iter().copied().collect();
            if different.len() > settings.distinct_values {
                amounts.iter_mut().for_each(|one| *one = eight_digits(*one));
            }
            amounts.sort_unstable();
            let place = amounts.len().checked_sub(1)? * usize::from(*percent);
            let low = u128::from(amounts[place / 100]);
            let high = u128::from(amounts[place.div_ceil(100)]);
            Some((low * 100 + (high - low) * (place % 100) as u128, 100))
        }
        Measure::Rules { any_of, ordered } => {
            // In order on the grid that sliding windows have.
            let tick = grid(true, span);
            let ticks: Vec<Counted> = inside
                .iter()
                .map(|one| Counted { pane: one.time.div_euclid(tick), ..(*one).clone() })
                .collect();
            let ticks: Vec<&Counted> = ticks.iter().collect();
            let matched = ticks.iter().fold(0u32, |all, one| all | one.bases);
            let holds = any_of.iter().any(|(all, none)| {
                has_all(all, *ordered, &ticks) && none.iter().all(|rule| matched >> rule & 1 == 0)
            });
            Some((u128::from(holds), 1))
        }
        _ => Some((u128::from(amount_of(measure, inside, settings)), 1)),
    }
}

/// The middle between an amount without its digits behind the eighth binary one, and the next such.
fn eight_digits(amount: u64) -> u64 {
    let mut step = 1u64;
    while amount / step >= 256 {
        step *= 2;
    }
    amount / step * step + step / 2
}

/// Each rule after the one before it, as early as it can be.
fn has_all(all: &[u8], ordered: bool, inside: &[&Counted]) -> bool {
    let mut after = i64::MIN;
    for rule in all {
        let matches = inside.iter().filter(|one| one.bases >> rule & 1 == 1);
        let Some(pane) = matches.map(|one| one.pane).filter(|pane| *pane >= after).min() else {
            return false;
        };
        if ordered {
            after = pane;
        }
    }
    true
}

/// The width of the grid that a window rule's times are rounded down to.
pub(super) fn grid(sliding: bool, span: i64) -> i64 {
    match (sliding, span <= 3_600_000) {
        (false, _) => span,
        (true, true) => 1000,
        (true, false) => ((span + 3_599_999) / 3_600_000) * 1000,
    }
}

/// §4, for what these tests write: unsigned integers; anything else is no amount.
pub(super) fn amount(text: &str) -> Option<u64> {
    text.parse().ok()
}

/// First and last event; a sliding window knows its events by the grid.
pub(super) fn seen(inside: &[&Counted], sliding: bool) -> (i64, i64) {
    let times = inside.iter().map(|one| if sliding { one.pane } else { one.time });
    (times.clone().min().unwrap_or(0), times.max().unwrap_or(0))
}

/// First ten and last ten.
pub(super) fn shown_events(shown: &[&Counted]) -> Vec<String> {
    let ends = shown.iter().enumerate().filter(|(at, _)| *at < 10 || *at + 10 >= shown.len());
    ends.map(|(_, one)| one.event.id.clone()).collect()
}

pub(super) fn collected(
    rule: &Rule,
    inside: &[&Counted],
    shown: &[&Counted],
    settings: Settings,
) -> Vec<(String, Collected)> {
    let value = |one: &Counted, field: &str| one.event.fields.get(field).cloned().flatten();
    let mut all = Vec::new();
    for (name, field, how) in &rule.collect {
        let amounts = inside.iter().filter_map(|one| amount(&value(one, field)?));
        let shown = match how {
            Collect::Sum => Collected::Amount(amounts.reduce(u64::saturating_add)),
            Collect::Min => Collected::Amount(amounts.min()),
            Collect::Max => Collected::Amount(amounts.max()),
            Collect::Different => {
                let different: BTreeSet<_> =
                    inside.iter().filter_map(|one| value(one, field)).collect();
                Collected::Amount(Some(different.len().min(settings.distinct_values) as u64))
            }
            Collect::Distinct(most) => {
                let mut texts: Vec<String> = Vec::new();
                for text in shown.iter().filter_map(|one| value(one, field)) {
                    if texts.len() < *most && !texts.contains(&text) {
                        texts.push(text);
                    }
                }
                Collected::Values(texts)
            }
        };
        all.push((name.clone(), shown));
    }
    all
}
