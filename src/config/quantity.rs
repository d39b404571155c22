//! Lengths of time and sizes as people write them: `500ms`, `15m`, `7d`, `64KiB`, `1MB`.

use crate::units::Span;

/// Units of time and their milliseconds, largest first.
const TIME_UNITS: [(&str, i64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Units of size and their bytes; binary before decimal, so that a size is shown as `64KiB`.
const SIZE_UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("B", 1),
];

/// Reads a whole number with a unit of time; `None` when it is not one or does not fit.
///
/// ```
/// # use tidegate::config::parse_span;
/// assert_eq!(parse_span("15m").map(|span| span.as_millis()), Some(900_000));
/// assert_eq!(parse_span("15"), None);
/// ```
#[must_use]
pub fn parse_span(text: &str) -> Option<Span> {
    let (number, unit) = split(text)?;
    let (_, millis) = TIME_UNITS.iter().find(|(name, _)| *name == unit)?;
    i64::try_from(number).ok()?.checked_mul(*millis).map(Span::from_millis)
}

/// The span in its largest whole unit: `10m`, `90s`; zero is `0s`. [`parse_span`] reads it back.
#[must_use]
pub fn show_span(span: Span) -> String {
    let millis = span.as_millis();
    if millis == 0 {
        return "0s".into();
    }
    TIME_UNITS
        .iter()
        .find(|(_, unit)| millis % unit == 0)
        .map_or_else(|| format!("{millis}ms"), |(name, unit)| format!("{}{name}", millis / unit))
}

/// Reads a whole number with a unit of size; `None` when it is not one or does not fit.
#[must_use]
pub fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    let (_, bytes) = SIZE_UNITS.iter().find(|(name, _)| *name == unit)?;
    number.checked_mul(*bytes)
}

/// Reads a whole number, or a size in its place.
///
/// ```
/// # use tidegate::config::parse_amount;
/// assert_eq!(parse_amount("100MiB"), Some(104_857_600));
/// assert_eq!(parse_amount("5000"), Some(5_000));
/// ```
#[must_use]
pub fn parse_amount(text: &str) -> Option<u64> {
    text.parse().ok().or_else(|| parse_size(text))
}

/// The size in the unit that writes it shortest: `64KiB`, `1MB`, `1000001B`.
#[must_use]
pub fn show_size(bytes: u64) -> String {
    SIZE_UNITS
        .iter()
        .filter(|(_, unit)| bytes > 0 && bytes.is_multiple_of(*unit))
        .min_by_key(|(_, unit)| bytes / unit)
        .map_or_else(|| format!("{bytes}B"), |(name, unit)| format!("{}{name}", bytes / unit))
}

fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(end)?;
    Some((number.parse().ok()?, unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_and_sizes_need_a_whole_number_and_a_unit() {
        for text in ["", "15", "m", "1.5h", "-1s", "1 s", "1M", "9223372036854775807d"] {
            assert_eq!(parse_span(text), None, "{text}");
        }
        for text in ["", "15", "MiB", "1.5MB", "-1B", "1 KB", "1mb", "99999999999999TiB"] {
            assert_eq!(parse_size(text), None, "{text}");
        }
        assert_eq!(parse_size("64KiB"), Some(65_536));
        assert_eq!(parse_size("1MB"), Some(1_000_000));
        assert_eq!(show_size(65_536), "64KiB");
        assert_eq!(show_size(1_000_000), "1MB");
        assert_eq!(show_size(0), "0B");
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(millis in 0i64..=i64::MAX, bytes: u64) {
            prop_assert_eq!(parse_span(&show_span(Span::from_millis(millis))), Some(Span::from_millis(millis)));
            prop_assert_eq!(parse_size(&show_size(bytes)), Some(bytes));
        }
    }
}
