//! The walk driven by a parser: generic over serde's `Deserializer`, so that benches can compare several
//! (benches/parse.rs chose sonic-rs for what is no plain text).
//!
//! What is skipped is still checked as JSON (structure, literals, numbers, strings, control characters)
//! by the parser; not looked at there are the four digits of a `\u` escape and whether they pair up, and
//! whether a number fits a double. UTF-8 and depth are checked before, over all bytes.

use super::names::Words;
use super::projection::{NO_SLOT, Node, Projection};
use super::tree::TreeVisitor;
use super::value::Value;
use super::walk::{Seen, Walk};
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use std::borrow::Cow;
use std::fmt;

impl Projection {
    /// Drives the walk with any parser and gives the values by field number, derived fields absent.
    ///
    /// For comparing parsers; [`super::Decoder`] is the way to read records.
    ///
    /// # Errors
    /// The parser's, and one of ours for a document with a repeated member name.
    pub fn project<'de, D: Deserializer<'de>>(
        &self,
        deserializer: D,
        values: Vec<Value<'de>>,
    ) -> Result<Vec<Value<'de>>, D::Error> {
        let mut walk = Walk::over(self, values);
        Root(&mut walk).deserialize(deserializer)?;
        Ok(walk.reading.values)
    }
}

/// The document itself: an object is walked, anything else only checked.
pub(super) struct Root<'w, 'p, 'a>(pub(super) &'w mut Walk<'p, 'a>);

impl<'de> DeserializeSeed<'de> for Root<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Root<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.0.reading.marks.is_object = true;
        let node = self.0.projection.root();
        At { walk: self.0, node, in_list: false }.walk_members(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
}

/// A value at a node of the trie.
struct At<'w, 'p, 'a> {
    walk: &'w mut Walk<'p, 'a>,
    node: &'p Node,
    /// Whether the path went through an array.
    in_list: bool,
}

impl<'de> At<'_, '_, 'de> {
    #[inline]
    fn put(self, value: Value<'de>) {
        self.walk.put(self.node, self.in_list, value);
    }

    #[inline]
    fn walk_members<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let At { walk, node, in_list } = self;
        let mut seen = Seen::default();
        while let Some(found) = map.next_key_seed(Name { walk, node })? {
            let Some((place, child)) = found else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if seen.again(place) {
                return Err(A::Error::custom("a member's name is repeated"));
            }
            if walk.is_wanted(child) {
                map.next_value_seed(At { walk, node: child, in_list })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for At<'_, '_, 'de> {
    type Value = ();

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for At<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.put(Value::Null);
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.put(Value::Bool(value));
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.put(Value::Number(value.into()));
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.put(Value::Number(value.into()));
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.put(Value::Number(value.into()));
        Ok(())
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<(), E> {
        self.put(Value::Text(Cow::Borrowed(text)));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.put(Value::Text(Cow::Owned(text.to_owned())));
        Ok(())
    }

    fn visit_string<E>(self, text: String) -> Result<(), E> {
        self.put(Value::Text(Cow::Owned(text)));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let At { walk, node, in_list } = self;
        walk.begin_list(node, in_list);
        while list.next_element_seed(At { walk, node, in_list: true })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        if self.node.slot != NO_SLOT {
            let tree = TreeVisitor.visit_map(map)?;
            self.walk.tree(self.node, self.in_list, &tree);
            return Ok(());
        }
        self.walk.begin_object(self.node);
        self.walk_members(map)
    }
}

/// A member's name, looked up among the children of `node` without being kept.
struct Name<'w, 'p, 'a> {
    walk: &'w mut Walk<'p, 'a>,
    node: &'p Node,
}

impl<'de, 'p> DeserializeSeed<'de> for Name<'_, 'p, '_> {
    type Value = Option<(usize, &'p Node)>;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'p> Visitor<'_> for Name<'_, 'p, '_> {
    type Value = Option<(usize, &'p Node)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    #[inline]
    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        let name = name.as_bytes();
        Ok(self.walk.child(self.node, &Words::of(name), name, 0))
    }
}
