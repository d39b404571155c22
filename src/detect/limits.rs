//! What the engine is told by configuration.

use crate::rule::Measure;
use crate::units::Span;

/// Bounds of time and memory for one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How far behind the watermark an event still counts; a rule may set its own.
    pub allowed_lateness: Span,
    /// How far ahead of its record an event's time may be (semantics.md §2).
    pub max_future_skew: Span,
    /// How long an event is remembered in event time; at least the greatest allowed lateness, which
    /// is also the default.
    pub duplicate_horizon: Option<Span>,
    /// Memory that panes, episodes and pages of the journal try to keep to, in bytes.
    pub cache_bytes: usize,
    /// How many of its group's last events a finding looks at for ids and collected values.
    pub look_back: usize,
    /// Up to how many different values in a window `value_count` is exact; it never counts further.
    pub distinct_values: usize,
}

impl Default for Limits {
    /// The defaults of configuration: an hour late, five minutes ahead, 64 MiB, 100 events.
    fn default() -> Self {
        Self {
            allowed_lateness: Span::from_hours(1),
            max_future_skew: Span::from_minutes(5),
            duplicate_horizon: None,
            cache_bytes: 64 << 20,
            look_back: 100,
            distinct_values: Measure::DISTINCT_MAX,
        }
    }
}
