//! Shared small types: three clocks that never mix, and offsets that never blur.
//!
//! `Offset` names one record, `Position` the next record to read (what is committed), `EndOffset` the
//! exclusive end of a partition. `Offset::next` is the only way from the first to the second.
//! Where a primitive crosses a border (metric, JSON, configuration) its unit is in its name.

use std::fmt;

/// Time in a log entry, in milliseconds since the Unix epoch (semantics.md §1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EventTime(i64);

/// Kafka's timestamp of a record, or the delivery stamp of a file, in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordTime(i64);

/// Our own clock, in milliseconds since the Unix epoch; it stamps outgoing alerts and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(i64);

/// A length of time in whole milliseconds, never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(i64);

macro_rules! clock {
    ($name:ident) => {
        impl $name {
            /// Takes milliseconds since the Unix epoch.
            #[must_use]
            pub const fn from_millis(millis: i64) -> Self {
                Self(millis)
            }

            /// Milliseconds since the Unix epoch.
            #[must_use]
            pub const fn as_millis(self) -> i64 {
                self.0
            }

            /// The time `span` later; saturates at the end of the range.
            #[must_use]
            pub const fn plus(self, span: Span) -> Self {
                Self(self.0.saturating_add(span.0))
            }

            /// The time `span` earlier; saturates at the start of the range.
            #[must_use]
            pub const fn minus(self, span: Span) -> Self {
                Self(self.0.saturating_sub(span.0))
            }

            /// How much later `self` is than `earlier`; zero when it is not.
            #[must_use]
            pub const fn since(self, earlier: Self) -> Span {
                let span = self.0.saturating_sub(earlier.0);
                Span(if span < 0 { 0 } else { span })
            }
        }
    };
}
clock!(EventTime);
clock!(RecordTime);
clock!(WallTime);

impl RecordTime {
    /// A record's time read as event time: the effective time of a `future` event (semantics.md §2).
    #[must_use]
    pub const fn as_event_time(self) -> EventTime {
        EventTime(self.0)
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(0);

    /// Takes milliseconds; a negative number becomes zero.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(if millis < 0 { 0 } else { millis })
    }

    /// Takes whole seconds.
    #[must_use]
    pub const fn from_secs(seconds: i64) -> Self {
        Self::from_millis(seconds.saturating_mul(1000))
    }

    /// Takes whole minutes.
    #[must_use]
    pub const fn from_minutes(minutes: i64) -> Self {
        Self::from_secs(minutes.saturating_mul(60))
    }

    /// Takes whole hours.
    #[must_use]
    pub const fn from_hours(hours: i64) -> Self {
        Self::from_minutes(hours.saturating_mul(60))
    }

    /// Whole milliseconds.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Both spans, one after the other; saturates.
    #[must_use]
    pub const fn plus(self, other: Span) -> Span {
        Span(self.0.saturating_add(other.0))
    }

    /// The same length for the standard library.
    #[must_use]
    pub fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_millis(u64::try_from(self.0).unwrap_or(0))
    }
}

impl fmt::Display for Span {
    /// The largest unit that divides the span: `10m`, `90s`, `1500ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")];
        for (millis, name) in units {
            if self.0 != 0 && self.0 % millis == 0 {
                return write!(f, "{}{name}", self.0 / millis);
            }
        }
        write!(f, "{}ms", self.0)
    }
}

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ByteCount(pub u64);

/// Number of a Kafka partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionId(pub i32);

/// A record's own number in its partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub i64);

/// The next record to read: what a consumer commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub i64);

/// The exclusive end of a partition's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndOffset(pub i64);

impl Offset {
    /// The position after this record.
    #[must_use]
    pub const fn next(self) -> Position {
        Position(self.0 + 1)
    }
}

impl Position {
    /// Whether everything before `end` has been read.
    #[must_use]
    pub const fn has_reached(self, end: EndOffset) -> bool {
        self.0 >= end.0
    }
}

impl fmt::Display for PartitionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for EndOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
