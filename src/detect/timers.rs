//! When rows leave the state: driven by the watermark alone, so every replay drops the same rows.
//!
//! Owns what is due when. Times are rounded up to whole minutes to keep the table small: a row may
//! outlive its need by one minute, and nothing that outlived its need is ever counted, since windows
//! and episodes are compared by time. Not stored: rebuilt from the rows when an engine is opened.

use crate::state::CacheKey;
use crate::units::EventTime;
use std::collections::BTreeMap;

const SLOT_MS: i64 = 60_000;

/// Episodes of this row are over when the watermark reaches a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Timer {
    pub(super) key: CacheKey,
}

/// Timers by the minute in which they are due.
#[derive(Debug, Default)]
pub(super) struct Timers {
    slots: BTreeMap<i64, Vec<Timer>>,
    next_ms: Option<i64>,
}

impl Timers {
    /// Notes that `timer` is due once the watermark has reached `due`.
    pub(super) fn add(&mut self, due: EventTime, timer: Timer) {
        let slot = round_up(due.as_millis());
        self.slots.entry(slot).or_default().push(timer);
        self.next_ms = Some(self.next_ms.map_or(slot, |next| next.min(slot)));
    }

    /// How many wait.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.slots.values().map(Vec::len).sum()
    }

    /// The timers of the first slot that `watermark` has reached, each once, ascending; call until
    /// there is none.
    #[inline]
    pub(super) fn take_due(&mut self, watermark: EventTime) -> Option<Vec<Timer>> {
        if self.next_ms.is_none_or(|next| watermark.as_millis() < next) {
            return None;
        }
        let mut due = self.slots.pop_first().map(|(_, timers)| timers);
        if let Some(timers) = &mut due {
            // Rows that are asked again each time would otherwise never lose a timer.
            timers.sort_unstable();
            timers.dedup();
        }
        self.next_ms = self.slots.first_key_value().map(|(&slot, _)| slot);
        due
    }
}

/// Whether a timer that is due then has been taken at this watermark.
pub(super) fn has_fired(due: EventTime, watermark: EventTime) -> bool {
    round_up(due.as_millis()) <= watermark.as_millis()
}

/// The end of the minute that `millis` lies in.
pub(super) fn round_up(millis: i64) -> i64 {
    millis.saturating_add(SLOT_MS - 1).div_euclid(SLOT_MS).saturating_mul(SLOT_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPISODES: Timer = Timer { key: CacheKey(1, 2) };

    #[test]
    fn a_timer_is_due_in_the_minute_after_its_time_and_once() {
        let mut timers = Timers::default();
        timers.add(EventTime::from_millis(60_001), EPISODES);

        assert_eq!(timers.take_due(EventTime::from_millis(119_999)), None);
        assert_eq!(timers.take_due(EventTime::from_millis(120_000)), Some(vec![EPISODES]));
        assert_eq!(timers.take_due(EventTime::from_millis(i64::MAX)), None);
    }

    #[test]
    fn timers_of_one_row_in_one_minute_are_one() {
        let mut timers = Timers::default();
        let other = Timer { key: CacheKey(0, 1) };
        for millis in [1, 2, 30_000] {
            timers.add(EventTime::from_millis(millis), EPISODES);
            timers.add(EventTime::from_millis(millis), other);
        }

        assert_eq!(timers.take_due(EventTime::from_millis(60_000)), Some(vec![other, EPISODES]));
    }

    #[test]
    fn a_timer_on_the_minute_is_due_on_it() {
        let mut timers = Timers::default();
        timers.add(EventTime::from_millis(-60_000), EPISODES);
        assert!(timers.take_due(EventTime::from_millis(-60_000)).is_some());
    }
}
