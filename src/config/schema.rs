//! The JSON Schema `schemas/config.schema.json`, written from the key table.

use super::key::{Key, Kind, Written};
use super::table::{KEYS, SECTIONS};
use serde_json::{Value, json};

/// The schema of a configuration file, for editors and for check-jsonschema.
#[must_use]
pub fn schema() -> Value {
    let mut root = table("Every key is optional.");
    for section in SECTIONS {
        if let Some(place) = place(&mut root, section.path) {
            *place = table(section.help);
        }
    }
    for key in KEYS {
        if let Some(place) = place(&mut root, key.path) {
            *place = value(key);
        }
    }
    set(&mut root, "$schema", json!("https://json-schema.org/draft/2020-12/schema"));
    set(&mut root, "title", json!("tidegate configuration"));
    root
}

/// The schema as it is committed: sorted, indented, with a newline at the end.
#[must_use]
pub fn schema_text() -> String {
    format!("{:#}\n", schema())
}

fn table(help: &str) -> Value {
    json!({
        "type": "object",
        "description": help,
        "properties": {},
        "additionalProperties": false,
    })
}

/// The place of a path: `source[]` is the item of a list, `*` any name. Tables come before what is
/// in them, so only the last part can be new.
fn place<'v>(root: &'v mut Value, path: &str) -> Option<&'v mut Value> {
    let mut at = root;
    for part in path.split('.') {
        let table = at.as_object_mut()?;
        if part == "*" {
            at = table.entry("additionalProperties").or_insert(Value::Null);
            continue;
        }
        let properties = table.get_mut("properties")?.as_object_mut()?;
        at = match part.strip_suffix("[]") {
            Some(list) => {
                let list = properties.entry(list).or_insert_with(|| json!({"type": "array"}));
                list.as_object_mut()?.entry("items").or_insert(Value::Null)
            }
            None => properties.entry(part).or_insert(Value::Null),
        };
    }
    Some(at)
}

fn value(key: &Key) -> Value {
    let mut schema = kind(key.kind);
    set(&mut schema, "description", json!(key.help));
    if let Some(default) = key.default.and_then(as_json) {
        set(&mut schema, "default", default);
    }
    if let Some(example) = as_json(key.example) {
        set(&mut schema, "examples", json!([example]));
    }
    schema
}

fn set(schema: &mut Value, name: &str, value: Value) {
    if let Some(object) = schema.as_object_mut() {
        object.insert(name.to_owned(), value);
    }
}

fn kind(kind: Kind) -> Value {
    match kind {
        Kind::Text | Kind::Path => json!({"type": "string", "minLength": 1}),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Integer { min, max } => json!({"type": "integer", "minimum": min, "maximum": max}),
        Kind::Duration { .. } => json!({"type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$"}),
        Kind::Size { .. } => json!({"type": "string", "pattern": "^[0-9]+([KMGT]i?)?B$"}),
        Kind::Amount => json!({"anyOf": [
            {"type": "integer", "minimum": 0},
            {"type": "string", "pattern": "^[0-9]+(([KMGT]i?)?B)?$"},
        ]}),
        Kind::OneOf { now, .. } => json!({"enum": now}),
        Kind::SomeOf { now, .. } => json!({"type": "array", "items": {"enum": now}}),
        Kind::List => json!({"type": "array", "items": {"type": "string", "minLength": 1}}),
        Kind::Listen => json!({"type": "string", "pattern": "^.+:[0-9]+$"}),
        Kind::PassThrough => json!({"type": ["string", "number", "boolean"]}),
    }
}

fn as_json(toml: &str) -> Option<Value> {
    fn convert(written: Written) -> Option<Value> {
        Some(match written {
            Written::Text(text) => json!(text),
            Written::Integer(number) => json!(number),
            Written::Float(number) => json!(number),
            Written::Flag(flag) => json!(flag),
            Written::List(items) => Value::Array(items.into_iter().filter_map(convert).collect()),
            Written::Table | Written::Date => return None,
        })
    }
    convert(super::file::written(&toml.parse().ok()?))
}
