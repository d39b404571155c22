//! One layer of the configuration, checked against the key tree before it is merged.
//!
//! After a merge the origin of a key would be lost, so each layer (a file, the environment, the
//! `--set` arguments) reports its own unknown keys and wrong types. What is right goes on as a
//! [`Layer`]; each of its leaves carries its origin through the merge.

use super::check::accept;
use super::key::{self, Key, Node, Written};
use super::problem::{Origin, Problem};
use super::table::NOT_YET;
use config::{Map, Value, ValueKind};
use std::collections::BTreeMap;

/// The right part of a layer, and where each value was written.
#[derive(Debug, Clone, Default)]
pub(super) struct Layer {
    pub(super) values: Map<String, Value>,
    /// Origins by the text that the leaves carry.
    pub(super) origins: BTreeMap<String, Origin>,
}

impl Layer {
    /// Sets one leaf. `path` has one element for each table, so a name may hold dots.
    pub(super) fn put(&mut self, path: &[&str], kind: ValueKind, origin: &Origin) {
        let leaf = self.leaf(kind, origin);
        put_into(&mut self.values, path, leaf);
    }

    /// A value that carries its origin.
    pub(super) fn leaf(&mut self, kind: ValueKind, origin: &Origin) -> Value {
        let text = format!("{origin:?}");
        let value = Value::new(Some(&text), kind);
        self.origins.insert(text, origin.clone());
        value
    }
}

impl config::Source for Layer {
    fn clone_into_box(&self) -> Box<dyn config::Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        Ok(self.values.clone())
    }
}

/// Sets a leaf in nested tables.
pub(super) fn put_into(table: &mut Map<String, Value>, path: &[&str], leaf: Value) {
    let Some((first, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        table.insert((*first).to_owned(), leaf);
        return;
    }
    let child = table
        .entry((*first).to_owned())
        .or_insert_with(|| Value::new(None, ValueKind::Table(Map::new())));
    if let ValueKind::Table(inner) = &mut child.kind {
        put_into(inner, rest, leaf);
    }
}

/// Finds the key of a path and checks the value.
///
/// # Errors
/// An unknown key, a key that is not supported yet, a table in place of a value, a wrong type.
pub(super) fn check(
    path: &[&str],
    written: &Written,
    origin: &Origin,
) -> Result<ValueKind, Problem> {
    let dotted = dotted(path);
    match key::find(path) {
        Node::Leaf(key) => {
            if matches!(key.kind, key::Kind::PassThrough) {
                super::passthrough::check(path, origin)?;
            }
            accept(key, &dotted, written, origin)
        }
        Node::Section => Err(Problem::error(
            "wrong-type",
            &dotted,
            origin.clone(),
            format!("{dotted} must be a table, found {}", written.describe()),
        )),
        Node::Unknown => Err(unknown(path, origin)),
    }
}

/// The problem of a path that the key tree does not hold.
pub(super) fn unknown(path: &[&str], origin: &Origin) -> Problem {
    let dotted = dotted(path);
    let not_yet = NOT_YET.iter().find(|(pattern, _)| begins_with(path, pattern));
    if let Some((_, hint)) = not_yet {
        let what = format!("{dotted} is not supported yet");
        return Problem::error("not-supported-yet", &dotted, origin.clone(), what).hint(*hint);
    }
    let shown: String = dotted.chars().take(120).collect();
    let problem =
        Problem::error("unknown-key", &dotted, origin.clone(), format!("unknown key {shown}"));
    match key::nearest_of_named(path) {
        Some(key::OfNamed::Near(name)) => {
            let near = path.iter().rev().skip(1).rev().copied().chain([name]);
            problem.hint(format!("did you mean {}?", self::dotted(&near.collect::<Vec<_>>())))
        }
        Some(key::OfNamed::All(names)) => problem.hint(format!("one of {}", names.join(", "))),
        None => match key::nearest(&dotted) {
            Some(nearest) => problem.hint(format!("did you mean {nearest}?")),
            None => problem,
        },
    }
}

/// The path as people write it; a name with dots or odd characters is quoted.
pub(super) fn dotted(path: &[&str]) -> String {
    let is_bare = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-[]".contains(c))
    };
    let quoted =
        path.iter().map(|name| if is_bare(name) { (*name).into() } else { format!("{name:?}") });
    quoted.collect::<Vec<String>>().join(".")
}

fn begins_with(path: &[&str], pattern: &str) -> bool {
    let parts: Vec<&str> = pattern.split('.').collect();
    parts.len() <= path.len()
        && parts.iter().zip(path).all(|(part, name)| *part == "*" || part == name)
}

/// The defaults of the table as the lowest layer, with one source.
pub(super) fn defaults() -> Layer {
    let mut layer = Layer::default();
    for key in super::table::KEYS.iter().filter(|key| !key.path.contains('*')) {
        let Some(default) = key.default else { continue };
        if key.path.starts_with("source[]") {
            continue;
        }
        let path: Vec<&str> = key.path.split('.').collect();
        if let Some(kind) = default_value(key, default) {
            layer.put(&path, kind, &Origin::Default);
        }
    }
    let source = source_with_defaults(&mut layer, Map::new());
    layer.values.insert("source".into(), Value::new(None, ValueKind::Array(vec![source])));
    layer
}

/// Fills what a `[[source]]` table leaves out.
pub(super) fn source_with_defaults(layer: &mut Layer, mut source: Map<String, Value>) -> Value {
    for key in super::table::KEYS.iter().filter(|key| key.section() == "source[]") {
        if source.contains_key(key.name()) {
            continue;
        }
        if let Some(kind) = key.default.and_then(|default| default_value(key, default)) {
            let leaf = layer.leaf(kind, &Origin::Default);
            source.insert(key.name().to_owned(), leaf);
        }
    }
    Value::new(None, ValueKind::Table(source))
}

fn default_value(key: &Key, default: &str) -> Option<ValueKind> {
    let written = super::file::written(&default.parse().ok()?);
    accept(key, key.path, &written, &Origin::Default).ok()
}

#[cfg(test)]
mod tests {
    use super::super::table::KEYS;
    use super::*;

    #[test]
    fn each_default_and_each_example_fits_its_own_key() {
        for key in KEYS {
            for text in key.default.iter().chain([&key.example]) {
                assert!(default_value(key, text).is_some(), "{} = {text}", key.path);
            }
        }
    }

    #[test]
    fn a_quoted_key_with_dots_reaches_the_pass_through_table_as_one_key() {
        let mut layer = Layer::default();
        let path = ["kafka", "librdkafka", "linger.ms"];
        layer.put(&path, ValueKind::String("5".into()), &Origin::Default);

        let merged = config::Config::builder().add_source(layer).build().expect("merges");

        let table = merged.get_table("kafka.librdkafka").expect("is a table");
        assert_eq!(table.keys().collect::<Vec<_>>(), ["linger.ms"]);
    }
}
