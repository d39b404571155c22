//! Times as alerts write them. The number and its text come from one place, so they agree (A12).

use jiff::Timestamp;

/// `2025-01-15T15:01:01.417Z`
pub(super) fn millis_text(millis: i64) -> String {
    format!("{:.3}", timestamp(millis))
}

/// `2025-01-15T15:01:01Z`; what is below a second is left out.
pub(super) fn seconds_text(millis: i64) -> String {
    format!("{:.0}", timestamp(millis.div_euclid(1000).saturating_mul(1000)))
}

/// A time beyond the years that text can show becomes the nearest that it can.
fn timestamp(millis: i64) -> Timestamp {
    let nearest = if millis < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_millisecond(millis).unwrap_or(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc_with_fixed_precision() {
        assert_eq!(millis_text(1_736_953_261_417), "2025-01-15T15:01:01.417Z");
        assert_eq!(millis_text(1_736_953_200_000), "2025-01-15T15:00:00.000Z");
        assert_eq!(seconds_text(1_736_953_261_999), "2025-01-15T15:01:01Z");
        assert_eq!(seconds_text(-1), "1969-12-31T23:59:59Z");
    }

    #[test]
    fn a_time_beyond_all_calendars_does_not_panic() {
        assert!(millis_text(i64::MAX).starts_with("9999-12-30"));
        assert!(!millis_text(i64::MIN).is_empty());
    }
}
