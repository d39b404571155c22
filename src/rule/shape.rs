//! What a key's value looks like: one description from which the check and the schema are made.

use super::report::{Report, nearest_name, nearest_or_all, shown};
use super::span_text;
use super::yaml::{Data, Form, Key, Mark, Node};
use crate::event::Number;
use serde_json::{Value, json};

/// The form of a value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// Any scalar that is not null.
    Text,
    Boolean,
    /// A whole number, not negative.
    Count,
    /// `10m`
    Span,
    Words(&'static [&'static str]),
    /// One text or a list of them.
    Texts,
    /// A list of scalars that are not null.
    Scalars,
    Map(&'static [KeySpec]),
    Each(&'static Shape),
    /// A map whose keys the author names.
    Named(&'static Shape),
    /// Checked elsewhere.
    Any,
}

/// One key of a map.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeySpec {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) needed: Needed,
    /// For people; becomes the schema's description.
    pub(super) help: &'static str,
    /// What holds without the key, for people; empty when nothing does.
    pub(super) default: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needed {
    Yes,
    No,
}

impl KeySpec {
    pub(super) const fn optional(name: &'static str, shape: Shape, help: &'static str) -> Self {
        Self { name, shape, needed: Needed::No, help, default: "" }
    }

    pub(super) const fn needed(name: &'static str, shape: Shape, help: &'static str) -> Self {
        Self { name, shape, needed: Needed::Yes, help, default: "" }
    }

    /// The same with what holds when it is left out.
    pub(super) const fn by_default(mut self, default: &'static str) -> Self {
        self.default = default;
        self
    }
}

/// Reports everything in `node` that does not have the shape; `name` is what messages call it.
pub(super) fn check(node: &Node, shape: &Shape, name: &str, report: &mut Report) {
    match shape {
        Shape::Any => {}
        Shape::Map(keys) => match node.as_map() {
            Some(entries) => check_keys(entries, keys, name, node.mark, report),
            None => {
                let hint = key_for(node, keys);
                wrong_with_hint(node, name, "a map", hint, report);
            }
        },
        Shape::Named(inner) => match node.as_map() {
            Some(entries) => {
                for (key, value) in entries {
                    check(value, inner, &format!("{name}.{}", shown(&key.text)), report);
                }
            }
            None => wrong(node, name, "a map", report),
        },
        Shape::Each(inner) => match node.as_list() {
            Some(items) => items.iter().for_each(|item| check(item, inner, name, report)),
            None => wrong(node, name, "a list", report),
        },
        Shape::Texts if node.as_list().is_none() => check(node, &Shape::Text, name, report),
        Shape::Texts | Shape::Scalars => check(node, &Shape::Each(&Shape::Text), name, report),
        Shape::Text | Shape::Boolean | Shape::Count | Shape::Span | Shape::Words(_) => {
            check_scalar(node, shape, name, report);
        }
    }
}

/// The key that a value which stands alone is probably meant for: one whose form it has, other than
/// text, which everything has.
fn key_for(node: &Node, keys: &[KeySpec]) -> Option<String> {
    let scalar = node.as_scalar().filter(|_| !node.is_null())?;
    let fits = |spec: &&KeySpec| {
        let mut trial = Report::new("");
        check(node, &spec.shape, spec.name, &mut trial);
        matches!(spec.shape, Shape::Boolean | Shape::Count | Shape::Span | Shape::Words(_))
            && !trial.has_errors()
    };
    let spec = keys.iter().find(fits)?;
    Some(format!("{{{}: {}}}", spec.name, shown(&scalar.text)))
}

fn check_keys(
    entries: &[(Key, Node)],
    keys: &[KeySpec],
    name: &str,
    mark: Mark,
    report: &mut Report,
) {
    for (key, value) in entries {
        match keys.iter().find(|spec| spec.name == key.text) {
            Some(spec) => check(value, &spec.shape, spec.name, report),
            None => {
                let names: Vec<&str> = keys.iter().map(|spec| spec.name).collect();
                let what = format!("{name:?} has no key {:?}", shown(&key.text));
                report.error_with_hint(
                    key.mark,
                    "unknown-key",
                    what,
                    nearest_or_all(&key.text, &names),
                );
            }
        }
    }
    // A key that is missing since its name is misspelt has been told.
    let is_slip_of = |spec: &KeySpec| {
        let names = || keys.iter().map(|spec| spec.name);
        let mut unknown = entries.iter().filter(|(key, _)| !names().any(|name| name == key.text));
        unknown.any(|(key, _)| nearest_name(&key.text, names()) == Some(spec.name))
    };
    for spec in keys.iter().filter(|spec| spec.needed == Needed::Yes && !is_slip_of(spec)) {
        if !entries.iter().any(|(key, _)| key.text == spec.name) {
            let what = format!("{name:?} has no key {:?}", spec.name);
            report.error_with_hint(mark, "missing-key", what, spec.help.to_owned());
        }
    }
}

fn check_scalar(node: &Node, shape: &Shape, name: &str, report: &mut Report) {
    let wanted = match shape {
        Shape::Boolean => "true or false",
        Shape::Count => "a whole number that is not negative",
        Shape::Span => "a length of time",
        _ => "text",
    };
    let Some(scalar) = node.as_scalar().filter(|_| !node.is_null()) else {
        wrong(node, name, wanted, report);
        return;
    };
    match shape {
        Shape::Boolean if !matches!(scalar.form, Form::Bool(_)) => {
            wrong(node, name, wanted, report);
        }
        Shape::Count if !matches!(scalar.form, Form::Number(Number::Unsigned(_))) => {
            wrong(node, name, wanted, report);
        }
        Shape::Span => {
            if let Err(hint) = span_text::parse(&scalar.text) {
                let what = format!("{:?} of {name:?} is no length of time", shown(&scalar.text));
                report.error_with_hint(node.mark, "value", what, hint);
            }
        }
        Shape::Words(words) if !words.contains(&scalar.text.as_str()) => {
            let what = format!("{name:?} cannot be {:?}", shown(&scalar.text));
            report.error_with_hint(node.mark, "value", what, nearest_or_all(&scalar.text, words));
        }
        _ => {}
    }
}

fn wrong(node: &Node, name: &str, wanted: &str, report: &mut Report) {
    let number = node.as_scalar().filter(|_| wanted.contains("number"));
    let hint = number.map(|scalar| span_text::in_full(&scalar.text));
    wrong_with_hint(node, name, wanted, hint, report);
}

fn wrong_with_hint(
    node: &Node,
    name: &str,
    wanted: &str,
    hint: Option<String>,
    report: &mut Report,
) {
    let found = match node.as_scalar() {
        Some(scalar) if !node.is_null() => format!("{:?}", shown(&scalar.text)),
        _ => node.kind().to_owned(),
    };
    let what = format!("{name:?} is {wanted}, not {found}");
    report.error_with_hint(node.mark, "wrong-type", what, hint);
}

/// The JSON schema (draft 2020-12) of the shape.
pub(super) fn schema(shape: &Shape) -> Value {
    match shape {
        Shape::Any => json!({}),
        Shape::Text => json!({"type": ["string", "number", "boolean"]}),
        Shape::Boolean => json!({"type": "boolean"}),
        Shape::Count => json!({"type": "integer", "minimum": 0}),
        Shape::Span => json!({"anyOf": [
            {"type": "string", "pattern": "^([0-9]+[smhd]|0)$"}, {"const": 0}
        ]}),
        Shape::Words(words) => json!({"enum": words}),
        Shape::Texts => json!({"anyOf": [schema(&Shape::Text), schema(&Shape::Scalars)]}),
        Shape::Scalars => json!({"type": "array", "items": schema(&Shape::Text)}),
        Shape::Each(inner) => json!({"type": "array", "items": schema(inner)}),
        Shape::Named(inner) => json!({"type": "object", "additionalProperties": schema(inner)}),
        Shape::Map(keys) => keys_schema(keys, false),
    }
}

/// The schema of a map with these keys; `is_open` allows others.
pub(super) fn keys_schema(keys: &[KeySpec], is_open: bool) -> Value {
    let properties: serde_json::Map<String, Value> = keys
        .iter()
        .map(|spec| {
            let mut schema = schema(&spec.shape);
            if let Some(members) = schema.as_object_mut() {
                members.insert("description".into(), spec.help.into());
            }
            (spec.name.to_owned(), schema)
        })
        .collect();
    let required: Vec<&str> =
        keys.iter().filter(|spec| spec.needed == Needed::Yes).map(|spec| spec.name).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": is_open,
    })
}

/// The members of a list; nothing when it is none, which [`check`] has reported.
pub(super) fn items(node: Option<&Node>) -> &[Node] {
    match node.map(|node| &node.data) {
        Some(Data::List(items)) => items,
        _ => &[],
    }
}

/// The entries of a map; nothing when it is none, which [`check`] has reported.
pub(super) fn entries(node: Option<&Node>) -> &[(Key, Node)] {
    match node.map(|node| &node.data) {
        Some(Data::Map(entries)) => entries,
        _ => &[],
    }
}

/// The text of a scalar with its place.
pub(super) fn text(node: Option<&Node>) -> Option<Key> {
    let node = node?;
    let scalar = node.as_scalar().filter(|_| !node.is_null())?;
    Some(Key { text: scalar.text.clone(), mark: node.mark })
}

/// One text or a list of them, with their places.
pub(super) fn texts(node: Option<&Node>) -> Vec<Key> {
    match node.and_then(Node::as_list) {
        Some(items) => items.iter().filter_map(|item| text(Some(item))).collect(),
        None => text(node).into_iter().collect(),
    }
}

/// A whole number.
pub(super) fn count(node: Option<&Node>) -> Option<u64> {
    match node?.as_scalar()?.form {
        Form::Number(Number::Unsigned(value)) => Some(value),
        _ => None,
    }
}

/// `true` or `false`.
pub(super) fn boolean(node: Option<&Node>) -> Option<bool> {
    match node?.as_scalar()?.form {
        Form::Bool(value) => Some(value),
        _ => None,
    }
}

/// A length of time.
pub(super) fn span(node: Option<&Node>) -> Option<crate::units::Span> {
    span_text::parse(&node?.as_scalar()?.text).ok()
}
