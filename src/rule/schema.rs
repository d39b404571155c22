//! The JSON schema of a rule file, made from the table of keys.

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
        *condition = schema_of(&Shape::Map(CORRELATION_CONDITION));
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
