//! Rules without an event name are found by what else they need: never one too few.

use super::rules_of;
use crate::rule::Matched;
use serde_json::{Value, json};

const ITEMS: [&str; 25] = [
    "x: one",
    "x: [one, 2]",
    "x: [one, null]",
    "x|cased: One",
    "x|cased: [One, two]",
    "x|all: [one, two]",
    "x|neq: one",
    "x: 'é'",
    "y|contains: needle",
    "y|contains: [needle, pin]",
    "y|contains: [needle, é]",
    "y|contains|all: [nee, dle]",
    "y|contains|cased: Needle",
    "y|startswith: Nee",
    "y|endswith|cased: [dle, nee]",
    "y: 'n*dle?'",
    "y|contains: 'kin?'",
    "y|contains: pi",
    "y|re: needle",
    "y|windash|contains: ' -needle'",
    "y|fieldref: x",
    "z|gt: 5\n  y|contains: needle",
    "- needle",
    "- needle\n  - kind",
    "'|all': [needle, hay]",
];

/// A rule for each item joined by `or` with itself and, as far apart as `step`, with those behind it.
fn text(step: usize) -> String {
    let mut text = String::new();
    for (at, item) in ITEMS.iter().enumerate() {
        for (then, other) in ITEMS.iter().enumerate().skip(at).step_by(step) {
            let document = format!(
                "---\ntitle: T\nname: r{at}_{then}\nlogsource: {{product: aws, service: cloudtrail}}\n\
                 detection:\n a:\n  {item}\n b:\n  {other}\n condition: a or b\n"
            );
            text.push_str(&document);
        }
    }
    text
}

#[test]
fn every_rule_that_holds_is_found_by_its_values_and_parts() {
    let rules = rules_of(&text(5));
    let values = [
        json!("one"),
        json!("ONE"),
        json!("One"),
        json!("two"),
        json!(2),
        json!("É"),
        json!(["zero", "one"]),
        json!(["one", "two"]),
        json!({"a": "needle"}),
        json!("a needle"),
        json!("NEEDLES"),
        json!("Needle1"),
        json!("nee then dle"),
        json!("pi"),
        json!("pin"),
        json!("\u{212a}ind"),
        json!("kind"),
        json!("x /needle"),
        json!(["hay", "needle"]),
        json!(""),
        json!(7),
        json!(true),
        Value::Null,
    ];
    let mut records = vec![json!({})];
    for value in &values {
        records.push(json!({"x": value}));
        records.push(json!({"y": value, "z": 6}));
        records.push(json!({"x": value, "y": value}));
    }
    let mut held = std::collections::BTreeSet::new();
    for record in records {
        let raw = record.to_string();
        let mut event = super::event_of(&record, rules.fields());
        event.raw = raw.as_bytes();
        let asked = rules.conditions.iter().filter(|condition| condition.predicate.holds(&event));
        let by_asking_all: Vec<Matched> =
            asked.flat_map(|condition| condition.rules.iter().copied()).collect();
        let mut by_dispatch = Vec::new();
        rules.matching(&event, &mut by_dispatch);
        assert_eq!(by_dispatch, by_asking_all, "{record}");
        held.extend(by_dispatch);
    }
    assert_eq!(held.len(), rules.rules().len(), "each rule holds for some record");
}

#[test]
fn only_what_needs_no_text_is_asked_each_time() {
    let rules = rules_of(&text(ITEMS.len()));

    // Null, neq, regular expressions, references, letters beyond ASCII, two characters.
    assert_eq!((rules.dispatch.asked_each_time(), rules.rules().len()), (8, ITEMS.len()));
}
