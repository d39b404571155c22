//! Lengths of time as rules write them: a number and `s`, `m`, `h` or `d`.

use crate::units::Span;

/// Longest time that a rule may name; beyond it a number is more likely a slip.
const DAYS_MAX: i64 = 366;

/// Reads `90s`, `10m`, `1h`, `7d` or `0`.
pub(super) fn parse(text: &str) -> Result<Span, String> {
    let text = text.trim();
    if text == "0" {
        return Ok(Span::ZERO);
    }
    let digits = text.trim_end_matches(|char: char| !char.is_ascii_digit());
    let unit = text.get(digits.len()..).unwrap_or_default();
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err("a number and one of s, m, h, d, like 10m".into()),
    };
    let number: i64 =
        digits.parse().map_err(|_| "a number and one of s, m, h, d, like 10m".to_owned())?;
    let seconds = number.saturating_mul(seconds);
    if !(0..=DAYS_MAX * 86_400).contains(&seconds) {
        return Err(format!("at most {DAYS_MAX}d"));
    }
    Ok(Span::from_secs(seconds))
}

/// How to write in full a number that was written with a unit or with separators.
pub(super) fn in_full(text: &str) -> String {
    const UNITS: [(&str, u64); 12] = [
        ("kib", 1 << 10),
        ("mib", 1 << 20),
        ("gib", 1 << 30),
        ("tib", 1 << 40),
        ("kb", 1000),
        ("mb", 1_000_000),
        ("gb", 1_000_000_000),
        ("tb", 1_000_000_000_000),
        ("k", 1000),
        ("m", 1_000_000),
        ("b", 1),
        ("", 1),
    ];
    let plain: String = text.chars().filter(|char| !matches!(char, ' ' | '_' | ',')).collect();
    let digits = plain.trim_end_matches(|char: char| !char.is_ascii_digit());
    let unit = plain.get(digits.len()..).unwrap_or_default().to_ascii_lowercase();
    let factor = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor);
    let number = digits.parse::<u64>().ok().zip(factor);
    match number.and_then(|(number, factor)| number.checked_mul(factor)) {
        Some(number) => format!("write {number}"),
        None => "a number in full, like 52428800".to_owned(),
    }
}

/// The length of time that a rule's text says; `None` when it is none.
#[must_use]
pub fn span_of(text: &str) -> Option<Span> {
    parse(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_one_number_and_one_unit() {
        for (text, seconds) in [("90s", 90), ("10m", 600), ("1h", 3600), ("7d", 604_800), ("0", 0)]
        {
            assert_eq!(parse(text), Ok(Span::from_secs(seconds)), "{text}");
        }
        for text in
            ["", "10", "m", "1h30m", "-1m", "1M", "1w", "367d", "99999999999999999999d", "1.5h"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
