//! Filters: folded into the rules they name, and no part of what state belongs to.

use super::super::{LoadOptions, Place, Tune, load};
use super::{load_one, matches, own, rules_of};
use serde_json::json;

const RULES: &str = "title: One\nname: one\nid: 0c8e6c1a-4c1f-4a8e-9a75-6f6d4a4f8b11\nlogsource: {product: aws, service: cloudtrail}\n\
    detection: {s: {a: 1}, condition: s}\n---\n\
    title: Two\nname: two\nlogsource: {product: aws, service: cloudtrail}\n\
    detection: {s: {a: 1}, condition: s}\n---\n\
    title: Base\nname: base\nlogsource: {product: aws, service: cloudtrail}\n\
    detection: {s: {a: 1}, condition: s}\n---\n\
    title: Count\nname: count\ncorrelation: {type: event_count, rules: [base], timespan: 1m, condition: {gte: 2}}\n---\n\
    title: Count all\nname: count_all\ncorrelation: {type: event_count, rules: [base], timespan: 1m, condition: {gte: 2}}\n";

fn with_filter(inside: &str) -> String {
    format!(
        "{RULES}---\ntitle: F\nlogsource: {{product: aws, service: cloudtrail}}\nfilter: {{{inside}}}\n"
    )
}

#[test]
fn a_filter_narrows_the_rules_it_names() {
    let alice = json!({"a": 1, "user": "Alice"});
    let bob = json!({"a": 1, "user": "bob"});
    let all = ["one", "two", "count", "count_all"];
    for (names, filtered) in [
        ("one", vec!["two", "count", "count_all"]),
        ("0c8e6c1a-4c1f-4a8e-9a75-6f6d4a4f8b11", vec!["two", "count", "count_all"]),
        ("[one, two]", vec!["count", "count_all"]),
        ("base", vec!["one", "two"]),
        ("count", vec!["one", "two", "count_all"]),
        ("any", vec![]),
        ("ANY", vec![]),
    ] {
        let inside =
            format!("rules: {names}, selection: {{user: alice}}, condition: not selection");
        let rules = rules_of(&with_filter(&inside));
        assert_eq!(matches(&rules, &alice), filtered, "{names}");
        assert_eq!(matches(&rules, &bob), all, "{names}");
    }
}

#[test]
fn a_filter_without_not_is_taken_as_written_with_a_warning() {
    let text = with_filter("rules: one, selection: {user: alice}, condition: selection");
    let loaded = load_one(&text);

    let problems: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "rules/a.yml:27:59 warning filter-without-not this filter keeps what it describes: its condition has no \"not\" (hint: condition: not selection, to leave out what it describes)"
        ]
    );
    let rules = loaded.rules.unwrap();
    assert!(matches(&rules, &json!({"a": 1, "user": "alice"})).contains(&"one".to_owned()));
    assert!(!matches(&rules, &json!({"a": 1, "user": "bob"})).contains(&"one".to_owned()));
}

#[test]
fn filters_add_up_use_lists_and_can_be_switched_off() {
    let text = with_filter("rules: one, s: {user: alice}, condition: not s")
        + "---\ntitle: G\nname: g\nlogsource: {product: aws}\n\
           filter: {rules: [One], s: {user|expand: '%them%'}, condition: not 1 of s*}\n\
           tidegate: {lists: {them: {type: string, values: [carol]}}}\n";
    let options = LoadOptions { disable: vec!["g".into()], ..LoadOptions::default() };
    let user = |name: &str| json!({"a": 1, "user": name});
    let fires = |options: &LoadOptions, name: &str| {
        let rules = load(&[own(&text)], options).rules.unwrap();
        matches(&rules, &user(name)).contains(&"one".to_owned())
    };

    assert!(!fires(&LoadOptions::default(), "alice"));
    assert!(!fires(&LoadOptions::default(), "carol"));
    assert!(fires(&LoadOptions::default(), "bob"));
    assert!(fires(&options, "carol") && !fires(&options, "alice"));
}

#[test]
fn a_filter_and_a_raised_threshold_keep_the_state_and_change_the_set() {
    let plain = rules_of(RULES);
    let text = with_filter("rules: count, s: {bucket: x}, condition: not s");
    let place = Place { file: "tidegate.toml".into(), line: 1, column: 1 };
    let tune = Tune { threshold: Some(9), ..Tune::new("count", place) };
    let options = LoadOptions { tune: vec![tune], ..LoadOptions::default() };
    let narrowed = load(&[own(&text)], &options).rules.unwrap();

    for (before, after) in plain.rules().iter().zip(narrowed.rules()) {
        assert_eq!(before.state_id, after.state_id, "{}", before.text.name);
    }
    assert_ne!(plain.fingerprint(), narrowed.fingerprint());
}

#[test]
fn a_filter_is_no_rule() {
    let text = with_filter("rules: f, s: {a: 1}, condition: not s")
        .replace("title: F\n", "title: F\nname: f\n");
    let loaded = load_one(&text);

    assert!(loaded.rules.is_none());
    assert_eq!(loaded.problems[0].what, "\"f\" is a filter, and no rule");
    let counted = RULES.replace("rules: [base]", "rules: [f]")
        + "---\ntitle: F\nname: f\nlogsource: {product: aws}\nfilter: {rules: one, s: {a: 1}, condition: not s}\n";
    assert!(load_one(&counted).problems.iter().any(|problem| problem.code == "wrong-kind"));
}
