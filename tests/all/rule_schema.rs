//! `schemas/rule.schema.json` is what the code says, and the shipped rules fit it.

use std::path::Path;

#[test]
fn the_committed_schema_of_rules_is_the_generated_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/rule.schema.json");
    let schema = serde_json::to_string_pretty(&tidegate::rule::schema()).unwrap() + "\n";
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(&path, &schema).unwrap();
    }

    let committed = std::fs::read_to_string(&path).unwrap();

    assert!(committed == schema, "stale: make generate");
}
