//! `minute`, `hour`, `day`, `week`, `month`, `year`: a number out of a field that holds a time.
//!
//! In UTC: the specification converts no time zones, and neither does a rule whose result must not
//! depend on where it runs.

use crate::event::{Number, Value, parse_event_time};
use jiff::Timestamp;
use jiff::tz::Offset;

/// Which number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimePart {
    Minute,
    Hour,
    Day,
    /// Of the ISO year: week 1 holds the year's first Thursday.
    Week,
    Month,
    Year,
}

/// From here on a bare number is milliseconds: as seconds it would lie beyond the year 5138.
const SECONDS_MAX: i64 = 100_000_000_000;

impl TimePart {
    /// The part of the time that `value` holds: RFC 3339 text, or seconds or milliseconds since
    /// 1970; `None` for anything else.
    pub(super) fn of(self, value: &Value<'_>) -> Option<Number> {
        let millis = match value {
            Value::Text(text) => match parse_event_time(text) {
                Some(time) => time.as_millis(),
                None => millis_of(text.trim().parse().ok()?),
            },
            Value::Number(Number::Unsigned(number)) => millis_of(i64::try_from(*number).ok()?),
            Value::Number(Number::Signed(number)) => millis_of(*number),
            _ => return None,
        };
        let time = Offset::UTC.to_datetime(Timestamp::from_millisecond(millis).ok()?);
        let part = match self {
            TimePart::Minute => i64::from(time.minute()),
            TimePart::Hour => i64::from(time.hour()),
            TimePart::Day => i64::from(time.day()),
            TimePart::Week => i64::from(time.date().iso_week_date().week()),
            TimePart::Month => i64::from(time.month()),
            TimePart::Year => i64::from(time.year()),
        };
        Some(Number::Signed(part))
    }

    /// The least and the greatest number that there is.
    pub(super) fn range(self) -> (i64, i64) {
        match self {
            TimePart::Minute => (0, 59),
            TimePart::Hour => (0, 23),
            TimePart::Day => (1, 31),
            TimePart::Week => (1, 53),
            TimePart::Month => (1, 12),
            TimePart::Year => (1, 9999),
        }
    }
}

fn millis_of(number: i64) -> i64 {
    if number.abs() < SECONDS_MAX { number * 1000 } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    #[test]
    fn each_part_is_read_in_utc_from_text_and_numbers() {
        let text = |text: &'static str| Value::Text(Cow::Borrowed(text));
        for (part, value, expected) in [
            (TimePart::Minute, text("2023-07-10T11:42:18Z"), Some(42)),
            (TimePart::Hour, text("2023-07-10T01:42:18+02:00"), Some(23)),
            (TimePart::Day, text("2023-07-10T01:42:18+02:00"), Some(9)),
            (TimePart::Week, text("2023-07-10T11:42:18Z"), Some(28)),
            // A Friday that belongs to the last week of the year before.
            (TimePart::Week, text("2021-01-01T00:00:00Z"), Some(53)),
            (TimePart::Month, Value::Number(Number::Unsigned(1_688_989_338)), Some(7)),
            (TimePart::Year, Value::Number(Number::Unsigned(1_688_989_338_000)), Some(2023)),
            (TimePart::Year, Value::Number(Number::Signed(-1)), Some(1969)),
            (TimePart::Year, text("1688989338"), Some(2023)),
            (TimePart::Year, text("yesterday"), None),
            (TimePart::Year, Value::Bool(true), None),
            (TimePart::Year, Value::Number(Number::Unsigned(u64::MAX)), None),
            (TimePart::Year, Value::Absent, None),
        ] {
            let found = part.of(&value);
            assert_eq!(found, expected.map(Number::Signed), "{part:?} of {value:?}");
        }
    }
}
