//! When a worker commits (exactly-once.md §2).
//!
//! Every `state.commit_interval` while there is progress, and sooner when a fresh alert waits: then
//! as soon as the last commit is `state.urgent_commit` ago, so that a lonely alert leaves at once and
//! a flood of them shares transactions. An alert whose record is old already gains nothing by being
//! a fraction of a second older, and while a backlog is worked off each transaction costs time that
//! the next alert waits for: such alerts take the normal rhythm.
//!
//! The wall clock is asked here, and it decides *when* a transaction begins, never what is in it:
//! results stay a function of the input.

use super::options::Rhythm;
use crate::units::{RecordTime, WallTime};
use std::time::Duration;

/// An alert is fresh until its record is so many commit intervals old: waiting for the normal commit
/// then makes it older by a tenth at most.
const FRESH_INTERVALS: i64 = 10;

/// See the module's header.
pub(super) struct Cadence {
    rhythm: Rhythm,
    last_commit: Duration,
    has_fresh_alert: bool,
}

impl Cadence {
    pub(super) const fn new(rhythm: Rhythm, now: Duration) -> Self {
        Self { rhythm, last_commit: now, has_fresh_alert: false }
    }

    /// An alert waits whose trigger has this timestamp. A record without one, or of a clock that is
    /// ahead of ours, counts as fresh.
    pub(super) fn note_alert(&mut self, record_time: Option<RecordTime>, wall: WallTime) {
        let limit = self.rhythm.commit_interval.as_millis().saturating_mul(FRESH_INTERVALS);
        let age = record_time.map_or(0, |time| wall.as_millis().saturating_sub(time.as_millis()));
        self.has_fresh_alert |= age < limit;
    }

    /// How long until a commit is due; zero when it is.
    pub(super) fn until_due(&self, now: Duration) -> Duration {
        let gap = if self.has_fresh_alert {
            self.rhythm.urgent_commit
        } else {
            self.rhythm.commit_interval
        };
        (self.last_commit + gap.to_std()).saturating_sub(now)
    }

    /// Whether so many changed bytes force a commit.
    pub(super) const fn is_full(&self, dirty_bytes: usize) -> bool {
        dirty_bytes > self.rhythm.max_dirty_bytes
    }

    /// A commit has ended.
    pub(super) const fn committed(&mut self, now: Duration) {
        self.last_commit = now;
        self.has_fresh_alert = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Span;

    const WALL: WallTime = WallTime::from_millis(1_000_000);

    fn cadence() -> Cadence {
        let rhythm = Rhythm {
            commit_interval: Span::from_millis(500),
            urgent_commit: Span::from_millis(20),
            max_dirty_bytes: 1000,
        };
        Cadence::new(rhythm, Duration::from_secs(1))
    }

    fn aged(ms: i64) -> RecordTime {
        RecordTime::from_millis(WALL.as_millis() - ms)
    }

    fn after(ms: u64) -> Duration {
        Duration::from_secs(1) + Duration::from_millis(ms)
    }

    #[test]
    fn without_an_alert_the_interval_counts() {
        let cadence = cadence();

        assert_eq!(cadence.until_due(after(100)), Duration::from_millis(400));
        assert_eq!(cadence.until_due(after(500)), Duration::ZERO);
    }

    #[test]
    fn a_lonely_fresh_alert_is_due_at_once() {
        let mut cadence = cadence();

        cadence.note_alert(Some(aged(30)), WALL);

        assert_eq!(cadence.until_due(after(300)), Duration::ZERO);
    }

    #[test]
    fn fresh_alerts_soon_after_a_commit_share_the_next_one() {
        let mut cadence = cadence();
        cadence.committed(after(300));

        cadence.note_alert(Some(aged(30)), WALL);
        cadence.note_alert(Some(aged(3)), WALL);

        assert_eq!(cadence.until_due(after(305)), Duration::from_millis(15));
        assert_eq!(cadence.until_due(after(320)), Duration::ZERO);
    }

    #[test]
    fn an_alert_of_an_old_record_takes_the_normal_rhythm() {
        let mut cadence = cadence();

        cadence.note_alert(Some(aged(5000)), WALL);

        assert_eq!(cadence.until_due(after(300)), Duration::from_millis(200));
    }

    #[test]
    fn one_fresh_alert_among_old_ones_is_enough() {
        let mut cadence = cadence();

        cadence.note_alert(Some(aged(4999)), WALL);
        cadence.note_alert(Some(aged(60_000)), WALL);

        assert_eq!(cadence.until_due(after(300)), Duration::ZERO);
    }

    #[test]
    fn a_record_without_a_time_or_out_of_the_future_is_fresh() {
        for time in [None, Some(aged(-60_000))] {
            let mut cadence = cadence();

            cadence.note_alert(time, WALL);

            assert_eq!(cadence.until_due(after(300)), Duration::ZERO);
        }
    }

    #[test]
    fn a_commit_ends_the_hurry() {
        let mut cadence = cadence();
        cadence.note_alert(Some(aged(0)), WALL);

        cadence.committed(after(100));

        assert_eq!(cadence.until_due(after(100)), Duration::from_millis(500));
    }

    #[test]
    fn changed_bytes_beyond_the_bound_are_due_whatever_the_time() {
        assert!(!cadence().is_full(1000));
        assert!(cadence().is_full(1001));
    }
}
