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
