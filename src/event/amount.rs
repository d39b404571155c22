//! A value read as an amount of bytes or anything else that is summed (semantics.md §4).
//!
//! | value | amount |
//! |---|---|
//! | absent, null | absent |
//! | integer | as is |
//! | fraction | rounded half away from zero |
//! | numeric text | parsed by the same rules |
//! | finite and 2^64 or more (`1e300`) | saturates at 2^64 − 1, as sums do: too much is never read as nothing |
//! | negative, not finite, other text, boolean, object | unreadable |
//! | list | its only member (old records wrap scalars in arrays), else unreadable |

use super::value::{Amount, Number, Value};

impl Value<'_> {
    /// Reads the value as an amount.
    #[must_use]
    pub fn as_amount(&self) -> Amount {
        match self {
            Value::Absent | Value::Null => Amount::Absent,
            Value::Number(number) => number.as_amount(),
            Value::Text(text) => text_as_amount(text),
            Value::List(members) => match members.as_slice() {
                [only] => only.as_amount(),
                _ => Amount::Unreadable,
            },
            Value::Bool(_) | Value::Object(_) => Amount::Unreadable,
        }
    }
}

impl Number {
    /// Reads the number as an amount.
    #[must_use]
    pub fn as_amount(self) -> Amount {
        match self {
            Number::Unsigned(amount) => Amount::Of(amount),
            Number::Signed(number) => u64::try_from(number).map_or(Amount::Unreadable, Amount::Of),
            Number::Float(number) => float_as_amount(number),
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative, and the cast saturates, which is what is meant"
)]
fn float_as_amount(number: f64) -> Amount {
    if number.is_finite() && number >= 0.0 {
        // `f64::round` is half away from zero.
        Amount::Of(number.round() as u64)
    } else {
        Amount::Unreadable
    }
}

fn text_as_amount(text: &str) -> Amount {
    if let Ok(amount) = text.parse::<u64>() {
        return Amount::Of(amount);
    }
    // `f64::from_str` also takes `inf`, `nan` and `infinity`.
    let numeric = |byte: u8| byte.is_ascii_digit() || b".eE+-".contains(&byte);
    if !text.bytes().all(numeric) {
        return Amount::Unreadable;
    }
    text.parse::<f64>().map_or(Amount::Unreadable, float_as_amount)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    fn text(text: &'static str) -> Amount {
        Value::Text(Cow::Borrowed(text)).as_amount()
    }

    fn float(number: f64) -> Amount {
        Value::Number(Number::Float(number)).as_amount()
    }

    #[test]
    fn every_row_of_the_amount_table_reads_as_listed() {
        assert_eq!(Value::Absent.as_amount(), Amount::Absent);
        assert_eq!(Value::Null.as_amount(), Amount::Absent);
        assert_eq!(Value::Number(Number::Unsigned(2356)).as_amount(), Amount::Of(2356));
        assert_eq!(float(2356.0), Amount::Of(2356));
        assert_eq!(text("2356"), Amount::Of(2356));
        assert_eq!(text("2356.0"), Amount::Of(2356));
        assert_eq!(float(0.5), Amount::Of(1));
        assert_eq!(float(1.5), Amount::Of(2));
        assert_eq!(float(2.5), Amount::Of(3));
        assert_eq!(float(0.49), Amount::Of(0));
        assert_eq!(float(-0.0), Amount::Of(0));
        assert_eq!(float(1e300), Amount::Of(u64::MAX));
        assert_eq!(text("1e300"), Amount::Of(u64::MAX));
        assert_eq!(text("18446744073709551616"), Amount::Of(u64::MAX));
        assert_eq!(Value::Number(Number::Signed(-1)).as_amount(), Amount::Unreadable);
        assert_eq!(text("-1"), Amount::Unreadable);
        assert_eq!(float(-0.4), Amount::Unreadable);
        assert_eq!(float(f64::NAN), Amount::Unreadable);
        for bad in ["", "inf", "NaN", "infinity", "12 ", "1,000", "0x10", "1e999", "many"] {
            assert_eq!(text(bad), Amount::Unreadable, "{bad}");
        }
        assert_eq!(Value::Bool(true).as_amount(), Amount::Unreadable);
        assert_eq!(
            Value::List(vec![Value::Number(Number::Unsigned(7))]).as_amount(),
            Amount::Of(7)
        );
        assert_eq!(Value::List(vec![]).as_amount(), Amount::Unreadable);
    }
}
