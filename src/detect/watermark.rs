//! How far event time has advanced in a partition (semantics.md §2).
//!
//! Owns the watermark and the clamp: an event whose time lies too far ahead of its record takes the
//! record's time and moves nothing, so that a forged time closes nobody's windows. Files without a
//! delivery stamp have no record time and so no clamp (§13).

use crate::units::{EventTime, RecordTime, Span};

/// The greatest effective time so far, of events that were not `future`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watermark {
    at: Option<EventTime>,
    max_future_skew: Span,
}

/// An event's time as the engine takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effective {
    /// Its own time, or its record's.
    pub time: EventTime,
    /// The event was ahead of its record by more than the allowed skew.
    pub is_future: bool,
}

impl Watermark {
    /// Continues from a committed watermark.
    #[must_use]
    pub const fn new(at: Option<EventTime>, max_future_skew: Span) -> Self {
        Self { at, max_future_skew }
    }

    /// Where it stands; `None` before the first event.
    #[must_use]
    pub const fn get(&self) -> Option<EventTime> {
        self.at
    }

    /// The time that an event counts at; moves nothing.
    #[must_use]
    pub fn effective(&self, time: EventTime, record: Option<RecordTime>) -> Effective {
        match record.map(RecordTime::as_event_time) {
            Some(record) if time > record.plus(self.max_future_skew) => {
                Effective { time: record, is_future: true }
            }
            _ => Effective { time, is_future: false },
        }
    }

    /// Moves up to an event's time; tells the new watermark when it moved.
    pub fn advance(&mut self, event: Effective) -> Option<EventTime> {
        if event.is_future || self.at.is_some_and(|at| event.time <= at) {
            return None;
        }
        self.at = Some(event.time);
        self.at
    }

    /// Moves up to a time that lies on the way to an event's; never back.
    pub(super) fn pass(&mut self, time: EventTime) {
        self.at = Some(self.at.map_or(time, |at| at.max(time)));
    }

    /// Whether an event at `time` is behind by more than `lateness`.
    ///
    /// ```
    /// # use tidegate::detect::Watermark;
    /// # use tidegate::units::{EventTime, Span};
    /// let mark = Watermark::new(Some(EventTime::from_millis(10_000)), Span::ZERO);
    /// assert!(!mark.is_late(EventTime::from_millis(4_000), Span::from_secs(6)));
    /// assert!(mark.is_late(EventTime::from_millis(3_999), Span::from_secs(6)));
    /// ```
    #[must_use]
    pub fn is_late(&self, time: EventTime, lateness: Span) -> bool {
        self.at.is_some_and(|at| time < at.minus(lateness))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SKEW: Span = Span::from_secs(300);

    fn at(seconds: i64) -> EventTime {
        EventTime::from_millis(seconds * 1000)
    }

    fn record(seconds: i64) -> RecordTime {
        RecordTime::from_millis(seconds * 1000)
    }

    #[test]
    fn an_event_exactly_at_the_allowed_skew_keeps_its_time() {
        let mark = Watermark::new(None, SKEW);
        assert_eq!(mark.effective(at(400), Some(record(100))).time, at(400));
        let beyond = mark.effective(EventTime::from_millis(400_001), Some(record(100)));
        assert_eq!(beyond, Effective { time: at(100), is_future: true });
    }

    #[test]
    fn a_future_event_does_not_move_the_watermark() {
        let mut mark = Watermark::new(Some(at(50)), SKEW);
        let event = mark.effective(at(9_999_999), Some(record(100)));
        assert_eq!(mark.advance(event), None);
        assert_eq!(mark.get(), Some(at(50)));
    }

    #[test]
    fn without_a_record_time_no_time_is_too_far_ahead() {
        let mut mark = Watermark::new(Some(at(50)), SKEW);
        let event = mark.effective(at(9_999_999), None);
        assert_eq!(mark.advance(event), Some(at(9_999_999)));
    }

    #[test]
    fn the_watermark_never_goes_back() {
        let mut mark = Watermark::new(Some(at(50)), SKEW);
        let event = mark.effective(at(49), None);
        assert_eq!(mark.advance(event), None);
        assert_eq!(mark.get(), Some(at(50)));
    }

    #[test]
    fn nothing_is_late_before_the_first_event() {
        assert!(!Watermark::new(None, SKEW).is_late(at(-1_000_000), Span::ZERO));
    }
}
