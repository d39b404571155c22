//! When a term was seen: what makes a sighting the first (semantics.md §7).
//!
//! ```text
//!                no sighting within H before or after
//!   (none) ──────────────────────────────────────────▶ run [t, t]: a new term
//!                                                        │      ▲
//!     within H behind its last: known, it grows          ├──────┤
//!     within H before its first: it begins earlier       └──────┘
//!                                                        │
//!   (none) ◀─────────────────────────────────────────────┘ watermark > last + H + L
//! ```
//!
//! A *run* is sightings without a gap longer than the history H. An event at t is new when no sighting
//! lies in [t − H, t); since gaps inside a run are at most H, its two ends decide that. An event that
//! moves a first sighting back is no news: the alert of that sighting exists.

use super::StateError;
use super::rows::{self, RowKey};
use super::table::Row;
use crate::state::{CacheKey, Cached};
use crate::units::{EventTime, Span};
use smallvec::SmallVec;

/// The sightings of one tuple of values under one rule: one row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Term {
    /// Ascending, further apart than the history.
    runs: SmallVec<[Run; 1]>,
    stored: bool,
}

/// Sightings without a gap longer than the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) first: EventTime,
    pub(super) last: EventTime,
    /// H + L: gone when the watermark is so far past `last`.
    pub(super) kept: Span,
}

/// What an event is to the sightings before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// The first within the history.
    New,
    /// Before the first, and within the history of it.
    Earlier,
    Known,
}

impl Term {
    /// Takes a sighting at `time`, which is not late; tells what it is, and whether the row differs.
    pub(super) fn see(&mut self, time: EventTime, history: Span, lateness: Span) -> (Seen, bool) {
        let kept = history.plus(lateness);
        let next = self.runs.partition_point(|run| run.first < time);
        let before = next
            .checked_sub(1)
            .filter(|at| self.runs.get(*at).is_some_and(|run| time <= run.last.plus(history)));
        let after = Some(next)
            .filter(|at| self.runs.get(*at).is_some_and(|run| run.first <= time.plus(history)));
        let was = self.runs.clone();
        let seen = match (before, after) {
            (Some(before), Some(after)) => {
                let joined = self.runs.remove(after);
                if let Some(run) = self.runs.get_mut(before) {
                    run.last = run.last.max(joined.last);
                    run.kept = kept;
                }
                Seen::Known
            }
            (Some(before), None) => {
                if let Some(run) = self.runs.get_mut(before) {
                    run.last = run.last.max(time);
                    run.kept = kept;
                }
                Seen::Known
            }
            (None, Some(after)) => {
                if let Some(run) = self.runs.get_mut(after) {
                    run.first = time;
                    run.kept = kept;
                }
                Seen::Earlier
            }
            (None, None) => {
                self.runs.insert(next, Run { first: time, last: time, kept });
                Seen::New
            }
        };
        (seen, self.runs != was)
    }

    /// The watermark after which the first of its runs is over.
    pub(super) fn expires(&self) -> Option<EventTime> {
        self.runs.iter().map(Run::expires).min()
    }

    /// Ascending.
    pub(super) fn runs(&self) -> &[Run] {
        &self.runs
    }
}

impl Run {
    fn expires(&self) -> EventTime {
        self.last.plus(self.kept)
    }
}

impl Row for Term {
    const MOVES: bool = true;

    fn row_key(key: CacheKey) -> RowKey {
        RowKey::Term { key }
    }

    fn read(bytes: &[u8]) -> Result<Self, StateError> {
        Ok(Self { runs: rows::read_term(bytes)?.into(), stored: true })
    }

    fn write(&self, into: &mut Vec<u8>) {
        rows::write_term(self.runs(), into);
    }

    fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    fn is_stored(&self) -> bool {
        self.stored
    }

    fn set_stored(&mut self, stored: bool) {
        self.stored = stored;
    }

    fn each_expiry(&self, each: &mut dyn FnMut(EventTime)) {
        // One timer is enough: it is set anew when it fires.
        if let Some(first) = self.expires() {
            each(first);
        }
    }

    fn drop_expired(&mut self, is_over: &dyn Fn(EventTime) -> bool) -> bool {
        let before = self.runs.len();
        self.runs.retain(|run| !is_over(run.expires()));
        self.runs.len() < before
    }
}

impl Cached for Term {
    fn byte_len(&self) -> usize {
        size_of::<Self>()
            + if self.runs.spilled() { self.runs.capacity() * size_of::<Run>() } else { 0 }
    }

    fn stored_rows(&self) -> u32 {
        u32::from(!self.runs.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HISTORY: Span = Span::from_secs(100);

    fn at(seconds: i64) -> EventTime {
        EventTime::from_millis(seconds * 1000)
    }

    #[test]
    fn each_sighting_meets_each_state_as_the_drawing_says() {
        // Sightings before, one more, what it is, and the runs that are left.
        type Case = (&'static [i64], i64, Seen, &'static [(i64, i64)]);
        let cases: [Case; 10] = [
            (&[], 0, Seen::New, &[(0, 0)]),
            (&[0], 100, Seen::Known, &[(0, 100)]),
            (&[0], 101, Seen::New, &[(0, 0), (101, 101)]),
            (&[0], 0, Seen::Earlier, &[(0, 0)]),
            (&[0], -100, Seen::Earlier, &[(-100, 0)]),
            (&[0], -101, Seen::New, &[(-101, -101), (0, 0)]),
            (&[0, 90], 50, Seen::Known, &[(0, 90)]),
            (&[0, 150], 60, Seen::Known, &[(0, 150)]),
            (&[0, 301], 150, Seen::New, &[(0, 0), (150, 150), (301, 301)]),
            (&[0, 250], 150, Seen::Earlier, &[(0, 0), (150, 250)]),
        ];
        for (before, time, expected, runs) in cases {
            let mut term = Term::default();
            for &time in before {
                term.see(at(time), HISTORY, Span::ZERO);
            }
            let (seen, _) = term.see(at(time), HISTORY, Span::ZERO);
            let left: Vec<_> = term
                .runs()
                .iter()
                .map(|run| (run.first.as_millis() / 1000, run.last.as_millis() / 1000))
                .collect();
            assert_eq!((seen, left.as_slice()), (expected, runs), "{before:?} meets {time}");
        }
    }
}
