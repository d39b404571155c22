//! A value as text: what a group key is made of, and what a finding shows.
//!
//! Values that rules compare as equal have one text: the number 42 and "42", `true` and "true". A
//! missing key and JSON `null` have none. Lists and objects are compact JSON, so that two different
//! lists never share a text.

use crate::event::{Number, Value};
use std::borrow::Cow;
use std::fmt::Write;

/// The text of a value; `None` when it is absent or null. Borrows where the value is text.
pub(super) fn text_of<'v>(value: &'v Value<'_>) -> Option<Cow<'v, str>> {
    match value {
        Value::Absent | Value::Null => None,
        Value::Bool(true) => Some(Cow::Borrowed("true")),
        Value::Bool(false) => Some(Cow::Borrowed("false")),
        Value::Text(text) | Value::Object(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number_text(*number))),
        Value::List(_) => {
            let mut text = String::new();
            write_json(value, &mut text);
            Some(Cow::Owned(text))
        }
    }
}

/// Cuts text to at most `cap` bytes, between characters.
pub(super) fn capped(text: &str, cap: usize) -> &str {
    let mut end = text.len().min(cap);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

fn number_text(number: Number) -> String {
    match number {
        Number::Unsigned(number) => number.to_string(),
        Number::Signed(number) => number.to_string(),
        Number::Float(number) => number.to_string(),
    }
}

fn write_json(value: &Value<'_>, into: &mut String) {
    match value {
        Value::Absent | Value::Null => into.push_str("null"),
        Value::Bool(flag) => into.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => into.push_str(&number_text(*number)),
        Value::Object(text) => into.push_str(text),
        Value::Text(text) => write_quoted(text, into),
        Value::List(members) => {
            into.push('[');
            for (index, member) in members.iter().enumerate() {
                if index > 0 {
                    into.push(',');
                }
                write_json(member, into);
            }
            into.push(']');
        }
    }
}

fn write_quoted(text: &str, into: &mut String) {
    into.push('"');
    for character in text.chars() {
        match character {
            '"' => into.push_str("\\\""),
            '\\' => into.push_str("\\\\"),
            control if u32::from(control) < 0x20 => {
                // Writing into a string cannot fail.
                let _ = write!(into, "\\u{:04x}", u32::from(control));
            }
            other => into.push(other),
        }
    }
    into.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_compare_as_equal_have_one_text() {
        let whole = Value::Number(Number::Float(42.0));
        assert_eq!(text_of(&whole), text_of(&Value::Text("42".into())));
        assert_eq!(text_of(&Value::Bool(true)), text_of(&Value::Text("true".into())));
        assert_eq!(text_of(&Value::Null), text_of(&Value::Absent));
    }

    #[test]
    fn two_lists_never_share_a_text() {
        let one = Value::List(vec![Value::Text("a\",\"b".into())]);
        let two = Value::List(vec![Value::Text("a".into()), Value::Text("b".into())]);
        assert_eq!(text_of(&two).as_deref(), Some(r#"["a","b"]"#));
        assert_ne!(text_of(&one), text_of(&two));
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(capped("aé", 2), "a");
        assert_eq!(capped("aé", 3), "aé");
    }
}
