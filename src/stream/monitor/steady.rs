//! The one line a minute that says what a healthy process does (operations.md §3).

use crate::stream::progress::Progress;
use crate::units::WallTime;

/// Time between two lines.
const EVERY_MS: i64 = 60_000;

/// Sums over the workers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) events: u64,
    pub(super) alerts: u64,
    pub(super) partitions: usize,
    /// Records behind the ends that are known.
    pub(super) lag_records: u64,
    /// Wall clock less the watermark that is furthest behind.
    pub(super) watermark_lag_ms: Option<i64>,
}

impl Totals {
    pub(super) fn of<'a>(snapshots: impl Iterator<Item = &'a Progress>, wall: WallTime) -> Totals {
        let mut totals = Totals::default();
        for progress in snapshots {
            totals.events += progress.counts.events();
            totals.alerts += progress.counts.alerts.values().sum::<u64>();
            totals.partitions += progress.partitions.len();
            for partition in progress.partitions.values() {
                totals.lag_records += partition.lag_records().unwrap_or(0);
                let behind_ms = partition
                    .watermark
                    .map(|watermark| wall.as_millis().saturating_sub(watermark.as_millis()));
                totals.watermark_lag_ms = totals.watermark_lag_ms.max(behind_ms);
            }
        }
        totals
    }
}

/// What to say, at most once a minute, and nothing while nothing happens.
#[derive(Debug, Default)]
pub(super) struct Steady {
    last: Option<(i64, Totals)>,
}

/// One line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) events: u64,
    pub(super) events_per_second: u64,
    pub(super) alerts: u64,
    pub(super) now: Totals,
}

impl Steady {
    /// The line that is due, if one is.
    pub(super) fn turn(&mut self, totals: Totals, now_ms: i64) -> Option<Line> {
        let (since_ms, before) = *self.last.get_or_insert((now_ms, totals));
        let passed_ms = u64::try_from(now_ms.saturating_sub(since_ms)).unwrap_or(0);
        if now_ms.saturating_sub(since_ms) < EVERY_MS {
            return None;
        }
        self.last = Some((now_ms, totals));
        let events = totals.events.saturating_sub(before.events);
        let alerts = totals.alerts.saturating_sub(before.alerts);
        if events == 0 && alerts == 0 && totals.lag_records == 0 {
            return None;
        }
        let events_per_second = events.saturating_mul(1000) / passed_ms.max(1);
        Some(Line { events, events_per_second, alerts, now: totals })
    }
}

impl Line {
    pub(super) fn log(&self) {
        let Totals { partitions, lag_records, watermark_lag_ms, .. } = self.now;
        tracing::info!(
            events = self.events,
            events_per_second = self.events_per_second,
            alerts = self.alerts,
            partitions,
            lag_records,
            watermark_lag_s = watermark_lag_ms.map(|millis| millis / 1000),
            "detecting"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(events: u64, lag_records: u64) -> Totals {
        Totals { events, lag_records, ..Totals::default() }
    }

    #[test]
    fn a_line_says_what_happened_in_the_minute_before_it() {
        let mut steady = Steady::default();

        assert_eq!(steady.turn(totals(50, 0), 0), None);
        assert_eq!(steady.turn(totals(9_000, 0), 59_999), None);
        let line = steady.turn(totals(12_050, 0), 60_000).expect("is due");
        assert_eq!((line.events, line.events_per_second), (12_000, 200));

        assert_eq!(steady.turn(totals(12_051, 0), 119_999), None);
        let line = steady.turn(totals(12_051, 0), 120_000).expect("is due");
        assert_eq!((line.events, line.events_per_second), (1, 0));
    }

    #[test]
    fn a_minute_without_events_is_silent_unless_records_wait() {
        let mut steady = Steady::default();

        assert_eq!(steady.turn(totals(7, 0), 0), None);
        assert_eq!(steady.turn(totals(7, 0), 60_000), None);
        assert!(steady.turn(totals(7, 3), 120_000).is_some());
    }
}
