//! What an event is keyed by.

use crate::event::{Event, FieldId, FieldSet, Number, Value};
use std::str::FromStr;

/// Decides the partition: equal keys share one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Key {
    /// `tidegate.principal`, what the shipped rules expect.
    #[default]
    Principal,
    /// `tidegate.account`
    Account,
    /// No key: events are spread at random, and only rules for `key = []` may run.
    None,
    /// Any field, by its dotted path.
    Field(String),
}

impl FromStr for Key {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "principal" => Ok(Key::Principal),
            "account" => Ok(Key::Account),
            "none" => Ok(Key::None),
            "" => Err("a key needs a name: principal, account, none or a field".to_owned()),
            field => Ok(Key::Field(field.to_owned())),
        }
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Key::Principal => "principal",
            Key::Account => "account",
            Key::None => "none",
            Key::Field(field) => field,
        })
    }
}

impl Key {
    /// The field to read, and the set that a decoder needs for it.
    pub(super) fn fields(&self) -> (FieldSet, Option<FieldId>) {
        let mut fields = FieldSet::default();
        let field = match self {
            Key::Principal => Some(fields.intern("tidegate.principal")),
            Key::Account => Some(fields.intern("tidegate.account")),
            Key::None => None,
            Key::Field(name) => Some(fields.intern(name)),
        };
        (fields, field)
    }
}

/// The key as text; `None` for an event without that field: it has no partition of its own.
pub(super) fn key_text(event: &Event<'_>, field: Option<FieldId>) -> Option<String> {
    match event.value(field?) {
        Value::Absent | Value::Null => None,
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(Number::Unsigned(number)) => Some(number.to_string()),
        Value::Number(Number::Signed(number)) => Some(number.to_string()),
        Value::Number(Number::Float(number)) => Some(number.to_string()),
        Value::Text(text) | Value::Object(text) => Some(text.clone().into_owned()),
        Value::List(values) => values.first().and_then(|value| value.as_text()).map(str::to_owned),
    }
}
