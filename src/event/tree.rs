//! A whole JSON document: members in document order, of equal names the last one.
//!
//! Not for the hot path. It is what the projecting walk falls back to when a document is unusual
//! (repeated member names, or the fast parser refuses it), how an object that a rule wants as text is
//! read, and what [`super::Facts`] looks into.

use super::value::Number;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::{self, Write};

/// One JSON value; text borrows from the input unless it held escapes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tree<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    List(Vec<Tree<'a>>),
    Object(Vec<(Cow<'a, str>, Tree<'a>)>),
}

impl<'a> Tree<'a> {
    /// A member of an object by its name, whatever its case.
    pub(super) fn member(&self, name: &str) -> Option<&Tree<'a>> {
        self.members().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The members of an object; anything else has none.
    pub(super) fn members(&self) -> impl Iterator<Item = (&str, &Tree<'a>)> {
        let members = match self {
            Tree::Object(members) => members.as_slice(),
            _ => &[],
        };
        members.iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// The members of an array; anything else is its own only one.
    pub(super) fn each(&self) -> impl Iterator<Item = &Tree<'a>> {
        let members = match self {
            Tree::List(members) => members.as_slice(),
            other => std::slice::from_ref(other),
        };
        members.iter()
    }

    /// The text of a text.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Tree::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl Tree<'_> {
    /// The value as compact JSON text.
    pub(super) fn to_compact(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        match self {
            Tree::Null => out.push_str("null"),
            Tree::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Tree::Number(number) => out.push_str(&number.to_string()),
            Tree::Text(text) => write_quoted(text, out),
            Tree::List(members) => {
                out.push('[');
                for (at, member) in members.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    member.write(out);
                }
                out.push(']');
            }
            Tree::Object(members) => {
                out.push('{');
                for (at, (name, member)) in members.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    write_quoted(name, out);
                    out.push(':');
                    member.write(out);
                }
                out.push('}');
            }
        }
    }

    /// The same value without a borrow.
    pub(super) fn into_owned(self) -> Tree<'static> {
        match self {
            Tree::Null => Tree::Null,
            Tree::Bool(value) => Tree::Bool(value),
            Tree::Number(number) => Tree::Number(number),
            Tree::Text(text) => Tree::Text(Cow::Owned(text.into_owned())),
            Tree::List(members) => Tree::List(members.into_iter().map(Tree::into_owned).collect()),
            Tree::Object(members) => Tree::Object(
                members
                    .into_iter()
                    .map(|(name, member)| (Cow::Owned(name.into_owned()), member.into_owned()))
                    .collect(),
            ),
        }
    }
}

impl fmt::Display for Number {
    /// As JSON writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Unsigned(number) => number.fmt(f),
            Number::Signed(number) => number.fmt(f),
            // `Debug` of a float always has a point or an exponent, as JSON writers do.
            Number::Float(number) => write!(f, "{number:?}"),
        }
    }
}

/// Writes a JSON string: only what JSON demands is escaped.
fn write_quoted(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| matches!(c, '"' | '\\') || c < ' ') {
        let (plain, tail) = rest.split_at(at);
        out.push_str(plain);
        let mut chars = tail.chars();
        match chars.next() {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some(control) => {
                // Writing into a `String` cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            None => {}
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

impl<'de> Deserialize<'de> for Tree<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

pub(super) struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Tree<'de>, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree<'de>, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree<'de>, E> {
        Ok(Tree::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree<'de>, E> {
        Ok(Tree::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree<'de>, E> {
        Ok(Tree::Number(value.into()))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Tree<'de>, E> {
        Ok(Tree::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Tree<'de>, E> {
        Ok(Tree::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_string<E>(self, text: String) -> Result<Tree<'de>, E> {
        Ok(Tree::Text(Cow::Owned(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tree<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = list.next_element()? {
            members.push(member);
        }
        Ok(Tree::List(members))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(Name(name)) = map.next_key()? {
            members.push((name, map.next_value()?));
        }
        Ok(Tree::Object(last_of_each_name(members)))
    }
}

/// A member's name, borrowed where it can be (a plain `Cow` never is).
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_str(TreeVisitor)? {
            Tree::Text(name) => Ok(Name(name)),
            _ => Err(serde::de::Error::custom("a member's name is no text")),
        }
    }
}

fn last_of_each_name<'a>(members: Vec<(Cow<'a, str>, Tree<'a>)>) -> Vec<(Cow<'a, str>, Tree<'a>)> {
    let last: HashMap<&str, usize> =
        members.iter().enumerate().map(|(at, (name, _))| (name.as_ref(), at)).collect();
    if last.len() == members.len() {
        return members;
    }
    let kept: Vec<bool> = members
        .iter()
        .enumerate()
        .map(|(at, (name, _))| last.get(name.as_ref()) == Some(&at))
        .collect();
    members.into_iter().zip(kept).filter_map(|(member, kept)| kept.then_some(member)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compact(text: &str) -> String {
        serde_json::from_str::<Tree<'_>>(text).expect("JSON").to_compact()
    }

    #[test]
    fn compact_text_keeps_order_and_the_last_of_equal_names() {
        assert_eq!(
            compact(r#" { "b" : 1 , "a" : [ true , null , -2, 2.0 ] } "#),
            r#"{"b":1,"a":[true,null,-2,2.0]}"#
        );
        assert_eq!(compact(r#"{"a":1,"b":2,"a":{"c":3}}"#), r#"{"b":2,"a":{"c":3}}"#);
    }

    #[test]
    fn compact_text_is_the_same_document_again() {
        let text = r#"{"a":"q\" b\\ n\n t\t u\u0001 é 😀","e":1e300,"s":{"":[]}}"#;

        let again = compact(text);

        let first: serde_json::Value = serde_json::from_str(text).expect("JSON");
        let second: serde_json::Value = serde_json::from_str(&again).expect("JSON");
        assert_eq!(first, second);
        assert_eq!(compact(&again), again);
    }
}
