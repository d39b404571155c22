//! JSON numbers in plain text.

use super::value::Number;

/// Most digits whose number a double holds exactly: 10^15 < 2^53.
const EXACT_DIGITS: usize = 15;

/// Powers of ten that a double holds exactly, as far as they are needed.
const TENS: [f64; EXACT_DIGITS + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// A number's parts by JSON's grammar.
struct Parts {
    is_negative: bool,
    /// All digits before the exponent as one number, modulo 2^64.
    digits: u64,
    /// How many of them there are, leading zeros included.
    count: usize,
    /// How many of them follow a point; `None` without a point.
    fraction: Option<usize>,
    has_exponent: bool,
    /// Where the number ends.
    end: usize,
}

/// The place after the number that begins at `at`; `None` when there is none.
#[inline]
pub(super) fn end(bytes: &[u8], at: usize) -> Option<usize> {
    parts(bytes, at).map(|parts| parts.end)
}

/// The number that begins at `at`, and the place after it.
pub(super) fn read(text: &str, at: usize) -> Option<(Number, usize)> {
    let parts = parts(text.as_bytes(), at)?;
    let end = parts.end;
    if let Some(number) = parts.exact() {
        return Some((number, end));
    }
    let text = text.get(at..end)?;
    let is_integer = parts.fraction.is_none() && !parts.has_exponent;
    if is_integer && text != "-0" {
        if let Ok(number) = text.parse::<u64>() {
            return Some((Number::Unsigned(number), end));
        }
        if let Ok(number) = text.parse::<i64>() {
            return Some((number.into(), end));
        }
    }
    // What overflows a double is an error in JSON parsers; they say so.
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite())?;
    Some((Number::from(number), end))
}

impl Parts {
    /// The usual case: positive, few digits, no exponent. Both sides of the division are exact and IEEE
    /// rounds a division correctly, so this is the nearest double, as of a parser.
    #[expect(clippy::cast_precision_loss, reason = "at most 15 digits")]
    fn exact(&self) -> Option<Number> {
        if self.is_negative || self.has_exponent || self.count > EXACT_DIGITS {
            return None;
        }
        Some(match self.fraction {
            None => Number::Unsigned(self.digits),
            Some(fraction) => Number::from(self.digits as f64 / TENS.get(fraction)?),
        })
    }
}

#[inline]
fn parts(bytes: &[u8], at: usize) -> Option<Parts> {
    let mut digits = 0u64;
    let mut take_digits = |at: &mut usize| {
        let start = *at;
        while let Some(digit) =
            bytes.get(*at).map(|byte| byte.wrapping_sub(b'0')).filter(|d| *d < 10)
        {
            digits = digits.wrapping_mul(10).wrapping_add(u64::from(digit));
            *at += 1;
        }
        (*at > start).then_some(*at - start)
    };
    let is_negative = bytes.get(at) == Some(&b'-');
    let mut at = at + usize::from(is_negative);
    let first = bytes.get(at);
    let mut count = take_digits(&mut at)?;
    if first == Some(&b'0') && count > 1 {
        return None;
    }
    let mut fraction = None;
    if bytes.get(at) == Some(&b'.') {
        at += 1;
        let taken = take_digits(&mut at)?;
        count += taken;
        fraction = Some(taken);
    }
    let digits_before = digits;
    let has_exponent = matches!(bytes.get(at), Some(b'e' | b'E'));
    if has_exponent {
        at += 1;
        at += usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
        let mut exponent = at;
        while bytes.get(exponent).is_some_and(u8::is_ascii_digit) {
            exponent += 1;
        }
        if exponent == at {
            return None;
        }
        at = exponent;
    }
    Some(Parts { is_negative, digits: digits_before, count, fraction, has_exponent, end: at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What serde_json reads, with the sign of zero as ours.
    fn expected(text: &str) -> Option<Number> {
        let number: serde_json::Number = serde_json::from_str(text).ok()?;
        let unsigned = number.as_u64().map(Number::from);
        let signed = number.as_i64().map(Number::from);
        // The last digit of a double is right in Rust's own parser.
        unsigned.or(signed).or_else(|| text.parse().ok().map(|float: f64| Number::from(float)))
    }

    fn check(text: &str) {
        let found = read(text, 0).filter(|(_, end)| *end == text.len()).map(|(number, _)| number);
        assert_eq!(found, expected(text), "{text}");
        let ends = end(text.as_bytes(), 0) == Some(text.len());
        assert!(ends || found.is_none(), "{text}");
    }

    #[test]
    fn numbers_at_the_borders_are_read_as_parsers_read_them() {
        for text in [
            "0",
            "-0",
            "-0.0",
            "0.0",
            "00",
            "01",
            "-",
            "1.",
            ".1",
            "1e",
            "1e+",
            "1E-7",
            "1e5",
            "2356.0",
            "0.1",
            "123456789012345",
            "1234567890.12345",
            "1234567890.123456",
            "0.000000000000001",
            "18446744073709551615",
            "18446744073709551616",
            "-9223372036854775808",
            "-9223372036854775809",
            "1e308",
            "1e309",
            "-1e999",
            "+1",
            "1x",
            "",
        ] {
            check(text);
        }
    }

    proptest! {
        #[test]
        fn any_number_is_read_as_parsers_read_it(text in "-?[0-9]{1,20}(\\.[0-9]{0,18})?([eE][+-]?[0-9]{0,3})?") {
            check(&text);
        }
    }
}
