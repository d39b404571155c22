//! Environment variables `TIDEGATE__SECTION__KEY` and arguments `--set section.key=value`.
//!
//! Both give text for one key; lists are split at commas. A property of librdkafka has dots in its
//! name, for which a variable writes `_`: `TIDEGATE__KAFKA__LIBRDKAFKA__LINGER_MS`.

use super::file;
use super::key::{self, Kind, Node, Written};
use super::layer::{self, Layer};
use super::problem::{Origin, Problem};

/// What each variable of ours begins with.
const PREFIX: &str = "TIDEGATE__";

/// Checks the variables that begin with `TIDEGATE__`; all others are none of ours.
pub(super) fn read(variables: &[(String, String)]) -> (Layer, Vec<Problem>) {
    let mut layer = Layer::default();
    let mut problems = Vec::new();
    for (variable, text) in variables {
        let Some(rest) = variable.strip_prefix(PREFIX) else { continue };
        let origin = Origin::Environment(variable.clone());
        let mut path: Vec<String> = rest.split("__").map(str::to_ascii_lowercase).collect();
        if let [first, second, .., property] = path.as_mut_slice()
            && first == "kafka"
            && second == "librdkafka"
        {
            *property = property.replace('_', ".");
        }
        if let Err(mut problem) = put(&mut layer, &path, text, &origin) {
            if problem.code == "unknown-key" {
                problem.hint = key::nearest(&path.join(".")).map(|nearest| {
                    let nearest = nearest.replace('.', "__").to_ascii_uppercase();
                    format!("did you mean {PREFIX}{nearest}?").into()
                });
            }
            problems.push(problem);
        }
    }
    (layer, problems)
}

/// Checks the texts after `--set`.
pub(super) fn read_arguments(arguments: &[String]) -> (Layer, Vec<Problem>) {
    let mut layer = Layer::default();
    let mut problems = Vec::new();
    for argument in arguments {
        let origin = Origin::Argument(argument.clone());
        let Some((name, text)) = argument.split_once('=') else {
            let what = "must be section.key=value".to_owned();
            problems.push(Problem::error("syntax", "", origin, what));
            continue;
        };
        let Ok(parts) = toml_edit::Key::parse(name.trim()) else {
            let what = format!("{name:?} is not a key, write section.key=value");
            problems.push(Problem::error("syntax", "", origin, what));
            continue;
        };
        let path = join_property(parts.iter().map(|part| part.get().to_owned()).collect());
        problems.extend(put(&mut layer, &path, text.trim(), &origin).err());
    }
    (layer, problems)
}

/// Unquoted dots after a pass-through table can only belong to the property's name.
fn join_property(path: Vec<String>) -> Vec<String> {
    let names: Vec<&str> = path.iter().map(String::as_str).collect();
    let tables = match names.as_slice() {
        ["kafka", "librdkafka", "consumer" | "producer", _, _, ..] => 3,
        ["kafka", "librdkafka", _, _, ..]
            if !matches!(names.get(2), Some(&"consumer" | &"producer")) =>
        {
            2
        }
        _ => return path,
    };
    let (tables, property) = path.split_at(tables);
    let mut joined = tables.to_vec();
    joined.push(property.join("."));
    joined
}

fn put(layer: &mut Layer, path: &[String], text: &str, origin: &Origin) -> Result<(), Problem> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    if path.first() == Some(&"source") {
        let what = "source can be set in a file only".to_owned();
        return Err(Problem::error("source-in-file-only", "source", origin.clone(), what)
            .hint("write a [[source]] table"));
    }
    let written = match key::find(&path) {
        Node::Leaf(key) => read_value(key.kind, text),
        _ => Written::Text(text.to_owned()),
    };
    let kind = layer::check(&path, &written, origin)?;
    layer.put(&path, kind, origin);
    Ok(())
}

/// Plain text in the form that the key wants; a quoted text or a `[list]` is read as TOML.
fn read_value(kind: Kind, text: &str) -> Written {
    if text.starts_with(['"', '\'', '['])
        && let Ok(value) = text.parse::<toml_edit::Value>()
    {
        return file::written(&value);
    }
    Written::from_text(kind, text)
}
