//! `level-from`, `context` and the aliases of another engine.

use super::super::{Kind, Level, WindowKind};
use super::{event_of, rule, rules_of};
use crate::units::Span;
use serde_json::{Value, json};

const LISTS: &str =
    "lists: {secret: {type: glob, values: ['*-secret']}, old: {type: string, values: [legacy]}}";

fn rule_with(own: &str) -> String {
    rule("s: {a: 1}\ncondition: s") + &format!("level: low\ntidegate: {{{own}, {LISTS}}}\n")
}

#[test]
fn the_first_entry_that_holds_gives_the_level() {
    let text = rule_with(
        "level-from: {field: x, map: [{gte: 8, level: critical}, {value: Odd, level: medium}, {value: '%secret%', level: high}]}",
    );
    let rules = rules_of(&text);
    let from = rules.rules()[0].level_from.clone().unwrap();
    for (value, expected) in [
        (json!(8), Some(Level::Critical)),
        (json!("9.5"), Some(Level::Critical)),
        (json!("odd"), Some(Level::Medium)),
        (json!("a-secret"), Some(Level::High)),
        (json!(7), None),
        (Value::Null, None),
    ] {
        let record = json!({ "x": value });
        assert_eq!(from.level(&event_of(&record, rules.fields())), expected, "{record}");
    }
}

#[test]
fn without_a_map_the_field_holds_the_level() {
    let rules = rules_of(&rule_with("level-from: {field: severity}"));
    let from = rules.rules()[0].level_from.clone().unwrap();
    for (word, expected) in
        [("HIGH", Some(Level::High)), ("informational", Some(Level::Informational)), ("x", None)]
    {
        let record = json!({ "severity": word });
        assert_eq!(from.level(&event_of(&record, rules.fields())), expected, "{word}");
    }
}

#[test]
fn a_bump_names_the_list_that_holds_the_bucket() {
    let rules = rules_of(&rule_with("context: {bump: [old, secret, macie_buckets]}"));
    let bump = rules.rules()[0].bump.clone().unwrap();
    for (bucket, expected) in
        [("legacy", Some("old")), ("my-SECRET", Some("secret")), ("other", None)]
    {
        let record = json!({ "tidegate.bucket": bucket });
        assert_eq!(bump.list(&event_of(&record, rules.fields())), expected, "{bucket}");
    }
    assert!(rules_of(&rule_with("context: {bump: macie_buckets}")).rules()[0].bump.is_none());
}

#[test]
fn aliases_of_rsigma_stand_in_for_our_keys() {
    const BASE: &str = "title: B\nname: base\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {a: 1}, condition: s}\n---\ntitle: C\nname: c\ncorrelation: {type: event_count, rules: [base], timespan: 1m, condition: {gte: 2}}\n";
    let at_the_top = format!("{BASE}rsigma.window: tumbling\nrsigma.suppress: 5m\n");
    let inside =
        format!("{BASE}custom_attributes: {{rsigma.window: tumbling, rsigma.suppress: 5m}}\n");
    for text in [at_the_top, inside] {
        let rules = rules_of(&text);
        let Kind::Window(window) = &rules.rules()[0].kind else { panic!("no window") };
        assert_eq!(window.kind, WindowKind::Tumbling);
        assert_eq!(rules.rules()[0].dedup.period, Span::from_minutes(5));
    }
    for (line, expected) in [
        ("rsigma.window: session", "\"rsigma.window\" cannot be \"session\""),
        ("rsigma.gap: 5m", "\"rsigma.gap\" belongs to session windows, which there are not"),
        (
            "rsigma.window: sliding\ntidegate: {window: tumbling}",
            "\"tidegate.window\" stands beside this alias and wins",
        ),
    ] {
        let loaded = super::load_one(&format!("{BASE}{line}\n"));
        assert_eq!(loaded.problems[0].what, expected, "{line}");
    }
}
