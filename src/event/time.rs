//! Event time from text: RFC 3339 and the forms that exports write (sources.md §2.1).
//!
//! Written by hand because it runs for every event: the usual `YYYY-MM-DDTHH:MM:SSZ` costs a few
//! nanoseconds. Fractions are cut to milliseconds; a missing offset is UTC; second 60 is the first of
//! the next minute.

use crate::units::EventTime;

/// Reads an event time; `None` when the text is no complete date and time of the years 1 to 9999.
///
/// Accepts `YYYY-MM-DD`, `T` or a blank, `HH:MM:SS`, an optional fraction, and `Z`, `±HH:MM`, `±HHMM`
/// or nothing.
#[must_use]
pub fn parse_event_time(text: &str) -> Option<EventTime> {
    let (head, tail) = text.as_bytes().split_first_chunk::<19>()?;
    let seconds = seconds_of(head)?;
    if tail == b"Z" {
        return Some(EventTime::from_millis(seconds * 1000));
    }
    let (millis, tail) = fraction(tail)?;
    Some(EventTime::from_millis((seconds - offset(tail)?) * 1000 + millis))
}

/// Seconds since the Unix epoch of `YYYY-MM-DDTHH:MM:SS` in UTC.
fn seconds_of(text: &[u8; 19]) -> Option<i64> {
    let &[
        y1,
        y2,
        y3,
        y4,
        b'-',
        mo1,
        mo2,
        b'-',
        d1,
        d2,
        b'T' | b't' | b' ',
        h1,
        h2,
        b':',
        mi1,
        mi2,
        b':',
        s1,
        s2,
    ] = text
    else {
        return None;
    };
    let year = number([y1, y2])? * 100 + number([y3, y4])?;
    let month = number([mo1, mo2])?;
    let day = number([d1, d2])?;
    let hour = number([h1, h2])?;
    let minute = number([mi1, mi2])?;
    let second = number([s1, s2])?;
    let valid = year >= 1
        && (1..=12).contains(&month)
        && day >= 1
        && day <= days_in(year, month)
        && hour <= 23
        && minute <= 59
        && second <= 60;
    valid.then(|| days_since_epoch(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

fn number([tens, ones]: [u8; 2]) -> Option<i64> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens <= 9 && ones <= 9).then(|| i64::from(tens * 10 + ones))
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar.
///
/// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`: the year starts in
/// March, so that the leap day is its last.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Milliseconds of an optional fraction, and what follows it.
fn fraction(tail: &[u8]) -> Option<(i64, &[u8])> {
    let Some(digits) = tail.strip_prefix(b".") else {
        return Some((0, tail));
    };
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, tail) = digits.split_at(count);
    if digits.is_empty() {
        return None;
    }
    let millis = (0..3).fold(0, |millis, at| {
        millis * 10 + digits.get(at).map_or(0, |digit| i64::from(digit - b'0'))
    });
    Some((millis, tail))
}

/// Seconds that local time is ahead of UTC.
fn offset(tail: &[u8]) -> Option<i64> {
    let (sign, h1, h2, m1, m2) = match *tail {
        [] | [b'Z' | b'z'] => return Some(0),
        [sign, h1, h2, b':', m1, m2] | [sign, h1, h2, m1, m2] => (sign, h1, h2, m1, m2),
        _ => return None,
    };
    let (hours, minutes) = (number([h1, h2])?, number([m1, m2])?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    match sign {
        b'+' => Some(hours * 3600 + minutes * 60),
        b'-' => Some(-(hours * 3600 + minutes * 60)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, millis: Option<i64>) {
        assert_eq!(parse_event_time(text).map(EventTime::as_millis), millis, "{text}");
    }

    #[test]
    fn every_form_of_event_time_that_exports_write_is_read() {
        check("1970-01-01T00:00:00Z", Some(0));
        check("2025-03-10T08:01:07Z", Some(1_741_593_667_000));
        check("2025-03-10T08:01:07.5Z", Some(1_741_593_667_500));
        check("2025-03-10T08:01:07.123456789Z", Some(1_741_593_667_123));
        check("2025-03-10T09:01:07+01:00", Some(1_741_593_667_000));
        check("2025-03-10T03:01:07-0500", Some(1_741_593_667_000));
        check("2025-03-10 08:01:07", Some(1_741_593_667_000));
        check("2025-03-10 08:01:07.250", Some(1_741_593_667_250));
        check("2024-02-29T23:59:60Z", Some(1_709_251_200_000));
        check("0001-01-01T00:00:00Z", Some(-62_135_596_800_000));
        check("9999-12-31T23:59:59Z", Some(253_402_300_799_000));
    }

    #[test]
    fn text_that_is_no_time_is_none() {
        for text in [
            "",
            "2025-03-10",
            "2025-03-10T08:01:07.Z",
            "2025-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2025-13-01T00:00:00Z",
            "2025-00-01T00:00:00Z",
            "2025-01-00T00:00:00Z",
            "2025-04-31T00:00:00Z",
            "2025-01-01T24:00:00Z",
            "2025-01-01T00:60:00Z",
            "2025-01-01T00:00:61Z",
            "2025-01-01T00:00:00ZZ",
            "2025-01-01T00:00:00+1",
            "2025-01-01T00:00:00+24:00",
            "0000-01-01T00:00:00Z",
            "1741593667",
            "２０25-01-01T00:00:00Z",
            "2025-01-01T00:00:00 Z",
            "2025-1-01T00:00:00Z",
        ] {
            check(text, None);
        }
    }

    proptest! {
        #[test]
        fn any_second_reads_as_a_calendar_library_reads_it(seconds in -62_135_596_800i64..253_402_300_800) {
            let timestamp = jiff::Timestamp::from_second(seconds).expect("in range");
            let text = timestamp.to_string();
            prop_assert_eq!(parse_event_time(&text), Some(EventTime::from_millis(seconds * 1000)));
        }

        #[test]
        fn any_text_is_read_or_refused_without_a_panic(text in "\\PC*") {
            let _ = parse_event_time(&text);
        }
    }
}
