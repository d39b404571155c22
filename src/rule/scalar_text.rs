//! The text of a scalar value, in a buffer on the stack.
//!
//! Values are compared by value (rules.md §1): a number is its shortest decimal text, so `42`, `42.0`
//! and `"42"` are one value, and a boolean is `true` or `false`.

use crate::event::{Number, Value};
use std::io::Write;

/// Room for the longest number: `f64` has at most 17 digits and 324 zeros, a sign and a point.
const TEXT_BYTES_MAX: usize = 352;

/// Calls `accepts` with the text of one value; false for what has no text: absent, null and lists.
#[inline]
pub(super) fn with_text(value: &Value<'_>, accepts: impl FnOnce(&str) -> bool) -> bool {
    match value {
        Value::Text(text) | Value::Object(text) => accepts(text),
        Value::Bool(true) => accepts("true"),
        Value::Bool(false) => accepts("false"),
        Value::Number(number) => with_number_text(*number, accepts),
        Value::Absent | Value::Null | Value::List(_) => false,
    }
}

#[cold]
fn with_number_text(number: Number, accepts: impl FnOnce(&str) -> bool) -> bool {
    let mut buffer = [0_u8; TEXT_BYTES_MAX];
    let mut rest = buffer.as_mut_slice();
    let written = match number {
        Number::Unsigned(value) => write!(rest, "{value}"),
        Number::Signed(value) => write!(rest, "{value}"),
        Number::Float(value) => write!(rest, "{value}"),
    };
    let unused = rest.len();
    let text = buffer.get(..TEXT_BYTES_MAX - unused).unwrap_or_default();
    written.is_ok() && std::str::from_utf8(text).is_ok_and(accepts)
}

/// The text of a single value; `None` for what has none: absent, null and lists.
#[must_use]
pub fn text_of(value: &Value<'_>) -> Option<String> {
    let mut out = None;
    with_text(value, |text| {
        out = Some(text.to_owned());
        true
    });
    out
}

/// The text of a number as rules compare it.
pub(super) fn number_text(number: Number) -> String {
    match number {
        Number::Unsigned(value) => value.to_string(),
        Number::Signed(value) => value.to_string(),
        Number::Float(value) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_equal_value_have_equal_text() {
        for (number, expected) in [
            (Number::Unsigned(42), "42"),
            (Number::Float(42.0), "42"),
            (Number::Signed(-7), "-7"),
            (Number::Float(0.5), "0.5"),
            (Number::Unsigned(u64::MAX), "18446744073709551615"),
        ] {
            assert!(with_text(&Value::Number(number), |text| text == expected), "{expected}");
            assert_eq!(number_text(number), expected);
        }
    }

    #[test]
    fn the_longest_numbers_fit_the_buffer() {
        for value in [f64::MAX, f64::MIN, 5e-324, -2.225_073_858_507_201e-308] {
            assert!(with_text(&Value::Number(Number::Float(value)), |text| {
                text.parse::<f64>() == Ok(value)
            }));
        }
    }
}
