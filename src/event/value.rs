//! A field's value as rules see it (semantics.md §4).

use std::borrow::Cow;

/// The value of one field of one event.
///
/// Text borrows from the record unless it held escapes.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value<'a> {
    /// The key is not there.
    #[default]
    Absent,
    /// The key is there with JSON `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// Any JSON number.
    Number(Number),
    /// Text without its escapes.
    Text(Cow<'a, str>),
    /// Members of an array, or the values that a path met on its way through arrays.
    List(Vec<Value<'a>>),
    /// An object, as its compact JSON text.
    Object(Cow<'a, str>),
}

/// A JSON number without loss where it is an integer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// Not negative and below 2^64.
    Unsigned(u64),
    /// Negative.
    Signed(i64),
    /// Anything else; finite.
    Float(f64),
}

/// A value read as an amount (semantics.md §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// Absent or null: contributes nothing, the event still counts.
    Absent,
    /// Negative, not finite or no number: as absent, and counted as a fault of the input.
    Unreadable,
    /// A usable amount.
    Of(u64),
}

impl Value<'_> {
    /// Whether the key is missing or holds JSON `null`.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        matches!(self, Value::Absent | Value::Null)
    }

    /// The text of a text value.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}
