//! A value read as an amount (semantics.md §4).

use crate::event::{Amount, Number, Value};

/// Integers, floats and numeric text; fractions round half away from zero.
///
/// Negative, not finite or no number at all is `Unreadable`; beyond 64 bits it saturates.
pub(super) fn amount_of(value: &Value<'_>) -> Amount {
    match value {
        Value::Absent | Value::Null => Amount::Absent,
        Value::Number(Number::Unsigned(number)) => Amount::Of(*number),
        Value::Number(Number::Signed(number)) => {
            u64::try_from(*number).map_or(Amount::Unreadable, Amount::Of)
        }
        Value::Number(Number::Float(number)) => rounded(*number),
        Value::Text(text) => match text.parse::<u64>() {
            Ok(number) => Amount::Of(number),
            Err(_) => text.parse::<f64>().map_or(Amount::Unreadable, rounded),
        },
        Value::Bool(_) | Value::List(_) | Value::Object(_) => Amount::Unreadable,
    }
}

fn rounded(number: f64) -> Amount {
    if !number.is_finite() || number < 0.0 {
        return Amount::Unreadable;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "finite and not negative; `as` saturates at the greatest u64"
    )]
    Amount::Of(number.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Amount {
        amount_of(&Value::Text(text.into()))
    }

    #[test]
    fn fractions_round_half_away_from_zero() {
        assert_eq!(text("2.5"), Amount::Of(3));
        assert_eq!(amount_of(&Value::Number(Number::Float(2.499))), Amount::Of(2));
    }

    #[test]
    fn an_integer_beyond_a_float_is_exact_as_text() {
        assert_eq!(text("9007199254740993"), Amount::Of(9_007_199_254_740_993));
    }

    #[test]
    fn what_is_no_amount_is_told_apart_from_what_is_absent() {
        for unreadable in ["-1", "nan", "inf", "", "12 MB", "-0.4"] {
            assert_eq!(text(unreadable), Amount::Unreadable, "{unreadable}");
        }
        assert_eq!(amount_of(&Value::Number(Number::Signed(-1))), Amount::Unreadable);
        assert_eq!(amount_of(&Value::Null), Amount::Absent);
    }

    #[test]
    fn more_than_64_bits_saturates() {
        assert_eq!(text("1e300"), Amount::Of(u64::MAX));
    }
}
