//! The JSON Schema of `alert_context`, from the type that is written.

use super::{AlertContext, SCHEMA};
use serde_json::{Value, json};

/// The schema that `schemas/alert-context.v1.schema.json` holds (JSON Schema 2020-12).
///
/// Members beyond the fixed ones are allowed where their value is a scalar or a list of scalars.
#[must_use]
pub fn context_schema() -> Value {
    let mut schema = schemars::schema_for!(AlertContext).to_value();
    if let Some(members) = schema.as_object_mut() {
        members.insert("$id".into(), json!(format!("urn:tidegate:schema:{SCHEMA}")));
        members.insert("title".into(), json!(SCHEMA));
        members.insert(
            "additionalProperties".into(),
            json!({
                "description": "A member that the rule names: a scalar or a list of scalars.",
                "anyOf": [
                    {"type": ["string", "number", "boolean"]},
                    {
                        "type": "array",
                        "minItems": 1,
                        "items": {"type": ["string", "number", "boolean"]}
                    }
                ]
            }),
        );
    }
    schema
}
