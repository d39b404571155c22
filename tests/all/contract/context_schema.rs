//! `schemas/alert-context.v1.schema.json` is what the code writes.

use super::fixture::{create, escalate, json, matched, write};
use std::path::PathBuf;
use tidegate::alert::context_schema;

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schemas/alert-context.v1.schema.json")
}

#[test]
fn the_committed_schema_is_the_generated_one() {
    let text = serde_json::to_string_pretty(&context_schema()).expect("a schema is JSON") + "\n";
    if std::env::var_os("TIDEGATE_BLESS").is_some() {
        std::fs::write(path(), &text).expect("schemas/ can be written");
    }
    let committed = std::fs::read_to_string(path()).expect("schemas/ is in the clone");
    assert_eq!(committed, text, "TIDEGATE_BLESS=1 writes it again");
}

#[test]
fn the_schema_accepts_what_is_written() {
    let schema = jsonschema::validator_for(&context_schema()).expect("the schema is one");
    for finding in [create(), escalate(), matched()] {
        let body = json(&write(&finding));
        let problems: Vec<String> =
            schema.iter_errors(&body["unmapped"]["alert_context"]).map(|e| e.to_string()).collect();
        assert!(problems.is_empty(), "{problems:?}");
    }
}

#[test]
fn the_schema_refuses_what_is_never_written() {
    let schema = jsonschema::validator_for(&context_schema()).expect("the schema is one");
    let good = json(&write(&create()))["unmapped"]["alert_context"].clone();
    for (name, value) in [
        ("extra", serde_json::json!({"an": "object"})),
        ("extra", serde_json::json!(null)),
        ("extra", serde_json::json!([])),
        ("late", serde_json::json!("no")),
        ("tier", serde_json::json!("severe")),
        ("source", serde_json::json!({"topic": "t", "partition": 1, "offset": 2, "x": 3})),
        ("rules_fingerprint", serde_json::json!("3F1C9A70")),
        ("episode_opened_ms", serde_json::json!(1.5)),
    ] {
        let mut context = good.clone();
        context[name] = value;
        assert!(!schema.is_valid(&context), "{name}: {}", context[name]);
    }
    let mut context = good.clone();
    context.as_object_mut().expect("an object").remove("group");
    assert!(!schema.is_valid(&context));
}
