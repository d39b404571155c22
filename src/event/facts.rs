//! Everything that one entry says, by name: for what an alert shows of its trigger.
//!
//! Reads the whole document and looks fields up by name, so it is used when an alert is written, never
//! for each event.

use super::cloudtrail::{Context, Input, Raw};
use super::entry::{Identity, Source};
use super::field::FieldSet;
use super::projection::Projection;
use super::raw;
use super::reader::DEPTH_MAX;
use super::tree::Tree;
use super::value::Value;
use super::walk::Walk;
use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The way to each field that was asked for, found once for each name. Names come from rules, so
/// there are few.
#[derive(Debug, Default)]
pub struct FactNames {
    known: Mutex<HashMap<Box<str>, Arc<Projection>>>,
}

impl FactNames {
    fn projection(&self, name: &str) -> Arc<Projection> {
        // A panic of another thread leaves a map that is as good as before.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(projection) = known.get(name) {
            return Arc::clone(projection);
        }
        let mut fields = FieldSet::default();
        fields.intern(name);
        let projection = Arc::new(Projection::new(&fields));
        known.insert(name.into(), Arc::clone(&projection));
        projection
    }
}

/// One entry, looked at as a whole.
#[derive(Debug, Clone)]
pub struct Facts<'n> {
    names: &'n FactNames,
    tree: Tree<'static>,
    /// The identity of an entry without an id.
    identity: Identity,
}

impl<'n> Facts<'n> {
    /// Reads an event's `raw` bytes; `None` when they are no JSON object.
    #[must_use]
    pub fn read(names: &'n FactNames, source: Source, raw: &[u8]) -> Option<Self> {
        let Source::CloudTrail = source;
        let text = std::str::from_utf8(raw).ok()?;
        if raw::depth(raw) > DEPTH_MAX {
            return None;
        }
        let tree = serde_json::from_str::<Tree<'_>>(text).ok()?;
        matches!(tree, Tree::Object(_)).then(|| Facts {
            names,
            tree: tree.into_owned(),
            identity: Identity::of_bytes(raw),
        })
    }

    /// The value of any raw dotted path or derived field; absent for a name that nothing has.
    #[must_use]
    pub fn value(&self, name: &str) -> Value<'_> {
        let projection = self.names.projection(name);
        let projection = &*projection;
        let mut walk = Walk::over(projection, Vec::new());
        walk.root(&self.tree);
        let mut reading = walk.reading;
        let raw = Raw { projection, values: &reading.values, resources: &reading.resources };
        if let Some(&(derived, _)) = projection.derived().first() {
            let id = raw.text(Input::EventId).cloned().unwrap_or(Cow::Borrowed(""));
            let address = OnceCell::new();
            let context = Context { id: &id, identity: self.identity, address: &address };
            return derived.value(&raw, context);
        }
        // The only field of its set.
        let value = reading.values.first_mut();
        value.map_or(Value::Absent, std::mem::take)
    }

    /// The value as text for people: numbers and booleans as they are written, objects as compact JSON,
    /// of a list the first member; `None` for what is absent, null or empty.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        text_of(&self.value(name))
    }
}

fn text_of(value: &Value<'_>) -> Option<String> {
    let text = match value {
        Value::Absent | Value::Null => return None,
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Text(text) | Value::Object(text) => text.to_string(),
        Value::List(members) => return members.iter().find_map(text_of),
    };
    (!text.is_empty()).then_some(text)
}
