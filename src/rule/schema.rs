//! The JSON schema of a rule file, made from the table of keys.

use super::examples::{examples, pointer};
use super::keys::{CORRELATION_CONDITION, DOCUMENT};
use super::shape::{Shape, keys_schema, schema as schema_of};
use serde_json::{Value, json};

/// JSON schema (draft 2020-12) of one document of a rule file.
///
/// Top-level keys that Sigma does not know are allowed; unknown keys under `tidegate` are not.
#[must_use]
pub fn schema() -> Value {
    let mut schema = keys_schema(DOCUMENT, true);
    if let Some(condition) = schema.pointer_mut("/properties/correlation/properties/condition") {
        let description = condition.get("description").cloned();
        *condition = schema_of(&Shape::Map(CORRELATION_CONDITION));
        insert(condition, "description", description.unwrap_or_default());
    }
    complete(&mut schema, "/properties/logsource", &logsource());
    complete(&mut schema, "/properties/detection", &detection());
    for (path, example) in examples() {
        if let Some(key) = schema.pointer_mut(&pointer(path)) {
            insert(key, "examples", json!([example]));
        }
    }
    if let Some(members) = schema.as_object_mut() {
        members.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
        members.insert("title".into(), "A Sigma rule or correlation for tidegate".into());
        members.insert(
            "oneOf".into(),
            json!([{"required": ["detection"]}, {"required": ["correlation"]}]),
        );
    }
    schema
}

/// What the check of `logsource` asks, as far as a schema can say it.
fn logsource() -> Value {
    json!({
        "type": "object",
        "properties": {
            "product": {"const": "aws", "description": "the product that writes the log"},
            "service": {"type": "string", "description": "the log: cloudtrail"},
        },
        "required": ["product", "service"],
    })
}

/// Searches by name and the condition over them.
fn detection() -> Value {
    json!({
        "type": "object",
        "properties": {
            "condition": {
                "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
                "description": "names of searches with and, or, not, parentheses, 1 of and all of",
                "examples": ["selection and not 1 of filter_*"],
            },
        },
        "additionalProperties": {
            "description": "a search: fields with modifiers and values, or a list of such maps",
            "type": ["object", "array"],
        },
        "required": ["condition"],
    })
}

fn complete(schema: &mut Value, pointer: &str, more: &Value) {
    if let (Some(place), Some(more)) = (schema.pointer_mut(pointer), more.as_object()) {
        more.iter().for_each(|(name, value)| insert(place, name, value.clone()));
    }
}

fn insert(schema: &mut Value, name: &str, value: Value) {
    if let Some(members) = schema.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key's own schema; `anyOf` of texts and lists holds its items one level deeper.
    fn at<'s>(schema: &'s Value, path: &str) -> &'s Value {
        schema.pointer(&pointer(path)).unwrap_or_else(|| panic!("there is no key {path}"))
    }

    #[test]
    fn each_example_fits_the_schema_of_its_key() {
        let schema = schema();
        for (path, example) in examples() {
            let key = at(&schema, path);
            let errors: Vec<String> = jsonschema::validator_for(key)
                .expect("a schema")
                .iter_errors(&example)
                .map(|error| error.to_string())
                .collect();
            assert!(errors.is_empty(), "{path}: {errors:?}");
            assert_eq!(key["examples"], json!([example]), "{path}");
        }
    }

    #[test]
    fn every_key_that_is_read_has_a_description() {
        fn walk(name: &str, schema: &Value) {
            for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
                let path = format!("{name}.{key}");
                assert!(inner["description"].as_str().is_some_and(|text| text.len() > 5), "{path}");
                walk(&path, inner);
                walk(&path, &inner["additionalProperties"]);
                walk(&path, &inner["items"]);
            }
        }
        walk("", &schema());
    }
}
