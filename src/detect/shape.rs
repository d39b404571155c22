//! The grid of a window rule: how time is cut into panes, segments and windows (semantics.md §5).
//!
//! Sliding windows up to an hour have panes of a second, longer ones ⌈W / 3600⌉ seconds; a tumbling
//! window is one pane. All that a rule compares is a pane's number, so its clock is the grid. A
//! segment is 64 panes of a sliding window, one tumbling window.

use super::faults::{Fault, is_planted};
use crate::event::FieldId;
use crate::rule::{Collect, CollectHow, Window, WindowKind};
use crate::units::{EventTime, Span};

const PANES_PER_SEGMENT: i64 = 64;
const FINEST_PANE_MS: i64 = 1000;
const HOUR_MS: i64 = 3_600_000;
const MAX_PANES: i64 = 3600;

/// A number that each pane carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) field: FieldId,
    pub(super) how: CollectHow,
}

/// What a group needs to know of its rule.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    pub(super) kind: WindowKind,
    pub(super) span: Span,
    /// Width of a pane in milliseconds, at least 1.
    pub(super) pane_ms: i64,
    /// Panes in a window, at least 1.
    pub(super) panes: i64,
    /// Width of the grid on which events of one tumbling window follow each other: what a pane of a
    /// sliding one would have.
    tick_ms: i64,
    pub(super) panes_per_segment: i64,
    /// Segments in a bucket of [`super::coarse`].
    pub(super) bucket_segments: i64,
    /// Behind the watermark by more than this, an event does not count.
    pub(super) lateness: Span,
    /// What each pane carries besides its sum, for `sum`, `min` and `max`.
    pub(super) columns: Vec<Column>,
}

impl Shape {
    pub(super) fn new(window: &Window, lateness: Span, collect: &[Collect]) -> Self {
        let span_ms = window.span.as_millis().max(1);
        let tick_ms = if span_ms <= HOUR_MS {
            FINEST_PANE_MS
        } else {
            ceil_div(span_ms, MAX_PANES * 1000).saturating_mul(1000)
        };
        let pane_ms = match window.kind {
            WindowKind::Tumbling => span_ms,
            WindowKind::Sliding => tick_ms,
        };
        let edge = i64::from(is_planted(Fault::WindowEdgeOffByOne));
        let panes = ceil_div(span_ms, pane_ms) + edge;
        let panes_per_segment = match window.kind {
            WindowKind::Tumbling => 1,
            WindowKind::Sliding => PANES_PER_SEGMENT,
        };
        Self {
            kind: window.kind,
            span: window.span,
            pane_ms,
            panes,
            tick_ms,
            panes_per_segment,
            bucket_segments: (panes / (4 * panes_per_segment)).max(1),
            lateness,
            columns: collect
                .iter()
                .filter(|collect| is_column(collect.how))
                .map(|collect| Column { field: collect.field, how: collect.how })
                .collect(),
        }
    }

    /// The pane that holds `time`.
    pub(super) fn pane_of(&self, time: EventTime) -> i64 {
        time.as_millis().div_euclid(self.pane_ms)
    }

    /// The tick that holds `time`.
    pub(super) fn tick_of(&self, time: EventTime) -> i64 {
        time.as_millis().div_euclid(self.tick_ms)
    }

    /// Start of a pane; for a window that ends in it, the time of its crossing.
    pub(super) fn time_of(&self, pane: i64) -> EventTime {
        EventTime::from_millis(pane.saturating_mul(self.pane_ms))
    }

    /// The segment that holds `pane`, and the pane's place in it.
    pub(super) fn segment_of(&self, pane: i64) -> (i64, u8) {
        let offset = pane.rem_euclid(self.panes_per_segment);
        (pane.div_euclid(self.panes_per_segment), u8::try_from(offset).unwrap_or(u8::MAX))
    }

    /// The pane at a segment's start.
    pub(super) fn first_pane(&self, segment: i64) -> i64 {
        segment.saturating_mul(self.panes_per_segment)
    }

    /// The watermark from which on no event that still counts needs the segment: the pane of
    /// `watermark − L` is then a whole window past its last pane.
    pub(super) fn due(&self, segment: i64) -> EventTime {
        let last = self.first_pane(segment.saturating_add(1)).saturating_sub(1);
        let needless = self.time_of(last.saturating_add(self.panes));
        if is_planted(Fault::PanesExpiredEarly) { needless } else { needless.plus(self.lateness) }
    }
}

/// Whether a collected value is a number for each pane.
pub(super) const fn is_column(how: CollectHow) -> bool {
    matches!(how, CollectHow::Sum | CollectHow::Min | CollectHow::Max)
}

const fn ceil_div(number: i64, by: i64) -> i64 {
    number / by + (number % by != 0) as i64
}

/// Windows of this length without anything else, for tests.
#[cfg(test)]
pub(super) fn plain(kind: WindowKind, span: Span) -> Shape {
    use crate::rule::{Condition, Measure};

    let (measure, condition) = (Measure::Count, Condition::at_least(1));
    let window = Window { kind, span, measure, condition, tiers: Vec::new(), closes: false };
    Shape::new(&window, Span::ZERO, &[])
}

/// Sliding windows of so many panes of a second, for tests.
#[cfg(test)]
pub(super) fn sliding(panes: i64) -> Shape {
    plain(WindowKind::Sliding, Span::from_secs(panes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_of_an_hour_has_panes_of_a_second() {
        let shape = plain(WindowKind::Sliding, Span::from_hours(1));
        assert_eq!((shape.pane_ms, shape.panes), (1000, 3600));
    }

    #[test]
    fn a_window_of_a_day_has_panes_of_24_seconds() {
        let shape = plain(WindowKind::Sliding, Span::from_hours(24));
        assert_eq!((shape.pane_ms, shape.panes), (24_000, 3600));
    }

    #[test]
    fn a_window_that_is_no_multiple_of_its_pane_holds_every_grid_time_after_its_start() {
        // (t − 7201 s, t] on a grid of 3 s holds t, t − 3, … t − 7200: 2401 times.
        let shape = plain(WindowKind::Sliding, Span::from_secs(7201));
        assert_eq!((shape.pane_ms, shape.panes), (3000, 2401));
    }

    #[test]
    fn a_tumbling_window_is_one_pane_and_one_segment() {
        let shape = plain(WindowKind::Tumbling, Span::from_minutes(10));
        let pane = shape.pane_of(EventTime::from_millis(-1));
        assert_eq!((shape.panes, pane, shape.segment_of(pane)), (1, -1, (-1, 0)));
        assert_eq!(shape.time_of(pane), EventTime::from_millis(-600_000));
    }

    #[test]
    fn a_segment_is_due_when_its_last_pane_is_a_window_behind_the_latest_event_that_counts() {
        let mut shape = plain(WindowKind::Sliding, Span::from_secs(10));
        shape.lateness = Span::from_secs(100);
        // Panes 0 to 63: an event at 73 s may still close a window from 64 s on, none from 63 s.
        assert_eq!(shape.due(0), EventTime::from_millis(173_000));
    }
}
