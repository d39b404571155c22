//! A moment as people type it.

use std::fmt;
use std::str::FromStr;

/// Milliseconds since the Unix epoch, or a span before now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// A fixed time.
    At(i64),
    /// So many milliseconds before now.
    Ago(i64),
}

impl Moment {
    /// Milliseconds since the Unix epoch, when it is `now_ms` now.
    pub(super) fn millis(self, now_ms: i64) -> i64 {
        match self {
            Moment::At(millis) => millis,
            Moment::Ago(millis) => now_ms.saturating_sub(millis),
        }
    }
}

impl fmt::Display for Moment {
    /// The same text for the same moment, however it was written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Moment::At(millis) => match jiff::Timestamp::from_millisecond(*millis) {
                Ok(moment) => write!(f, "{moment}"),
                Err(_) => write!(f, "{millis} ms"),
            },
            Moment::Ago(millis) => write!(f, "-{}s", millis / 1000),
        }
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(ago) = text.strip_prefix('-') {
            return span_ms(ago).map(Moment::Ago).ok_or_else(|| wrong(text));
        }
        if let Ok(moment) = text.parse::<jiff::Timestamp>() {
            return Ok(Moment::At(moment.as_millisecond()));
        }
        let utc = jiff::tz::TimeZone::UTC;
        let moment = text
            .parse::<jiff::civil::DateTime>()
            .or_else(|_| text.parse::<jiff::civil::Date>().map(jiff::civil::DateTime::from))
            .and_then(|moment| utc.to_timestamp(moment));
        moment.map(|moment| Moment::At(moment.as_millisecond())).map_err(|_| wrong(text))
    }
}

fn wrong(text: &str) -> String {
    format!("\"{text}\" is no time: write 2026-01-31, 2026-01-31T12:00:00Z or -15m")
}

/// `15m`, `90s`, `2h`, `7d`; nothing for anything else.
pub(super) fn span_ms(text: &str) -> Option<i64> {
    let unit = text.chars().last()?;
    let number: i64 = text.strip_suffix(unit)?.parse().ok().filter(|number| *number >= 0)?;
    let unit_ms = match unit {
        's' => 1000,
        'm' => 60_000,
        'h' => 3_600_000,
        'd' => 86_400_000,
        _ => return None,
    };
    number.checked_mul(unit_ms)
}

/// Our clock; only this room and `stream` may read it.
pub(super) fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_spans_before_now_are_moments() {
        let midnight = 1_767_225_600_000;

        assert_eq!("2026-01-01T00:00:00Z".parse(), Ok(Moment::At(midnight)));
        assert_eq!("2026-01-01T01:00:00+01:00".parse(), Ok(Moment::At(midnight)));
        assert_eq!("2026-01-01".parse(), Ok(Moment::At(midnight)));
        assert_eq!("2026-01-01T00:00:01".parse(), Ok(Moment::At(midnight + 1000)));
        assert_eq!("-15m".parse(), Ok(Moment::Ago(900_000)));
        assert_eq!(Moment::Ago(900_000).millis(1_000_000), 100_000);
    }

    #[test]
    fn what_is_no_moment_says_what_would_be_one() {
        for wrong in ["yesterday", "-15", "-m", "--5m", "15m", "", "-é", "2026-13-01"] {
            let error = wrong.parse::<Moment>().expect_err("is no moment");
            assert!(error.contains("-15m"), "{error}");
        }
    }
}
