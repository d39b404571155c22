//! The shipped rules fit `SigmaHQ`'s own JSON schemas, so that other tools read them.

use super::super::{builtin, report::Report, yaml};
use serde_json::Value;
use std::fs;
use std::path::Path;

fn validator(name: &str) -> jsonschema::Validator {
    #[allow(clippy::disallowed_methods, reason = "the test reads its data; the room does not")]
    let read = fs::read_to_string;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/sigma-schema").join(name);
    let schema: Value = serde_json::from_str(&read(path).unwrap()).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

#[test]
fn every_document_of_the_pack_is_valid_for_sigma() {
    let detections = validator("sigma-detection-rule-schema.json");
    let correlations = validator("sigma-correlation-rules-schema.json");
    let (mut wrong, mut counts) = (Vec::new(), (0, 0));
    for file in builtin() {
        let mut report = Report::new(&file.name);
        for node in yaml::read(&file.text, &mut report) {
            let document = node.to_json();
            let validator = if document.get("correlation").is_some() {
                counts.1 += 1;
                &correlations
            } else {
                counts.0 += 1;
                &detections
            };
            let errors = validator.iter_errors(&document);
            wrong.extend(
                errors.map(|error| format!("{} {}: {error}", file.name, error.instance_path())),
            );
        }
    }

    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(counts.0 > 1 && counts.1 > 1, "{counts:?}");
}

#[test]
fn sigmas_schemas_refuse_what_is_wrong() {
    let detections = validator("sigma-detection-rule-schema.json");
    let good = serde_json::json!({
        "title": "T", "logsource": {"product": "aws"},
        "detection": {"s": {"a": 1}, "condition": "s"},
    });
    assert!(detections.is_valid(&good));
    for (key, value) in [("level", Value::from("hgh")), ("detection", Value::from("x"))] {
        let mut wrong = good.clone();
        wrong[key] = value;
        assert!(!detections.is_valid(&wrong), "{key}");
    }
}
