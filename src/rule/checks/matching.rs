//! What each modifier, value and condition matches.

use super::{matches, rule, rules_of};
use serde_json::{Value, json};

/// Checks one item, written as YAML, against events of which `a` is the field.
fn check(item: &str, cases: &[(Value, bool)]) {
    let rules = rules_of(&rule(&format!("selection:\n  {item}\ncondition: selection")));
    for (record, expected) in cases {
        assert_eq!(!matches(&rules, record).is_empty(), *expected, "{item} on {record}");
    }
}

fn a(value: &Value) -> Value {
    json!({ "a": value })
}

#[test]
fn text_is_compared_without_case_unless_cased() {
    check(
        "a: GetObject",
        &[
            (a(&json!("getobject")), true),
            (a(&json!("GetObjects")), false),
            (a(&json!("")), false),
            (json!({}), false),
            (a(&Value::Null), false),
        ],
    );
    check("a|cased: GetObject", &[(a(&json!("getobject")), false), (a(&json!("GetObject")), true)]);
    check("a|cased: [Get, Put]", &[(a(&json!("get")), false), (a(&json!("Put")), true)]);
    check("a: Ärger", &[(a(&json!("äRGER")), true), (a(&json!("arger")), false)]);
    check("a: [Ärger, Get]", &[(a(&json!("äRGER")), true), (a(&json!("get")), true)]);
}

#[test]
fn numbers_booleans_and_texts_are_compared_by_value() {
    check(
        "a: 42",
        &[
            (a(&json!(42)), true),
            (a(&json!("42")), true),
            (a(&json!(42.0)), true),
            (a(&json!(43)), false),
        ],
    );
    check("a: '42'", &[(a(&json!(42)), true), (a(&json!("42")), true)]);
    check("a: '042'", &[(a(&json!(42)), false), (a(&json!("042")), true)]);
    check(
        "a: true",
        &[(a(&json!(true)), true), (a(&json!("True")), true), (a(&json!(false)), false)],
    );
    check("a: 'false'", &[(a(&json!(false)), true)]);
    check("a: -1.5", &[(a(&json!(-1.5)), true), (a(&json!("-1.5")), true)]);
}

#[test]
fn null_is_a_missing_key_or_json_null() {
    check(
        "a: null",
        &[
            (json!({}), true),
            (a(&Value::Null), true),
            (a(&json!("")), false),
            (a(&json!("null")), false),
            (a(&json!([])), false),
            (a(&json!([1, null])), true),
        ],
    );
    check("a: [null, '']", &[(json!({}), true), (a(&json!("")), true), (a(&json!("x")), false)]);
}

#[test]
fn exists_asks_for_the_key() {
    check("a|exists: true", &[(a(&Value::Null), true), (a(&json!("")), true), (json!({}), false)]);
    check("a|exists: false", &[(a(&Value::Null), false), (json!({}), true)]);
}

#[test]
fn neq_is_not_and_on_an_array_some_member_that_differs() {
    check(
        "a|neq: x",
        &[
            (json!({}), true),
            (a(&Value::Null), true),
            (a(&json!("X")), false),
            (a(&json!("y")), true),
            (a(&json!(["x", "y"])), true),
            (a(&json!(["x", "x"])), false),
            (a(&json!([])), false),
        ],
    );
    check("a|neq: [x, y]", &[(a(&json!(["x", "y"])), false), (a(&json!(["x", "z"])), true)]);
    check("a|neq: null", &[(json!({}), false), (a(&json!("x")), true)]);
    check("a|contains|neq: x", &[(a(&json!("axb")), false), (a(&json!("ab")), true)]);
    check("a|contains|all|neq: [x, y]", &[(a(&json!("xy")), false), (a(&json!("x")), true)]);
}

#[test]
fn an_array_matches_when_some_member_does() {
    check(
        "a: x",
        &[(a(&json!(["y", "X"])), true), (a(&json!([])), false), (a(&json!([["x"]])), true)],
    );
    check(
        "a|contains|all: [x, y]",
        &[(a(&json!(["axb", "cyd"])), true), (a(&json!(["axb", "cd"])), false)],
    );
    check(
        "a.b: 1",
        &[(json!({"a": [{"b": 2}, {"b": 1}]}), true), (json!({"a": [{"c": 1}]}), false)],
    );
}

#[test]
fn an_object_is_its_compact_json_text() {
    check(
        "a|contains: '\"b\":\"x\"'",
        &[(a(&json!({"b": "x"})), true), (a(&json!({"b": "y"})), false)],
    );
    check("a|contains|all: ['\"b\"', '\"c\"']", &[(a(&json!({"b": 1, "c": 2})), true)]);
}

#[test]
fn start_end_and_middle() {
    check("a|startswith: Get", &[(a(&json!("getObject")), true), (a(&json!("ForGet")), false)]);
    check("a|startswith: [Get, Put]", &[(a(&json!("putObject")), true)]);
    check("a|endswith: Object", &[(a(&json!("getobject")), true), (a(&json!("Objects")), false)]);
    check("a|contains: [tOb, zzz]", &[(a(&json!("GetObject")), true), (a(&json!("Get")), false)]);
    check(
        "a|contains|cased: tOb",
        &[(a(&json!("GetObject")), true), (a(&json!("getobject")), false)],
    );
    check("a|startswith|cased: Get", &[(a(&json!("getObject")), false)]);
    check("a|endswith|cased: [ct]", &[(a(&json!("objeCT")), false), (a(&json!("object")), true)]);
    check("a|contains: ä*é", &[(a(&json!("xÄyÉz")), true), (a(&json!("xÉyÄz")), false)]);
    check("a|startswith: g?t", &[(a(&json!("GETs")), true), (a(&json!("gt")), false)]);
    check("a|contains: 4", &[(a(&json!(1.5e2)), false), (a(&json!(142)), true)]);
}

#[test]
fn wildcards_and_their_escapes() {
    check(
        "a: 'arn:*:user/?'",
        &[(a(&json!("arn:aws:iam::1:user/x")), true), (a(&json!("arn:aws:iam::1:user/xy")), false)],
    );
    check(r"a: 'a\*b'", &[(a(&json!("a*b")), true), (a(&json!("axb")), false)]);
    check(r"a: 'a\\*'", &[(a(&json!(r"a\xyz")), true), (a(&json!("a*")), false)]);
    check(
        "a: ['x*', y, '*z']",
        &[
            (a(&json!("xa")), true),
            (a(&json!("Y")), true),
            (a(&json!("az")), true),
            (a(&json!("b")), false),
        ],
    );
    check("a|cased: 'X*'", &[(a(&json!("xa")), false), (a(&json!("Xa")), true)]);
    check("a: '*'", &[(a(&json!("")), true), (json!({}), false)]);
}

#[test]
fn regular_expressions_search_and_mind_case() {
    check("a|re: 'i-[0-9a-f]+'", &[(a(&json!("x i-0ab")), true), (a(&json!("I-0ab")), false)]);
    check("a|re|i: '^I-'", &[(a(&json!("i-0")), true)]);
    check("a|re|m|s: '^b.c'", &[(a(&json!("a\nb\nc")), true)]);
    check("a|re: ['^x$', '^y$']", &[(a(&json!("y")), true), (a(&json!("xy")), false)]);
}

#[test]
fn comparisons_read_numbers_and_numeric_text() {
    check(
        "a|gt: 100",
        &[
            (a(&json!(100)), false),
            (a(&json!(101)), true),
            (a(&json!("101")), true),
            (a(&json!(100.5)), true),
            (a(&json!("x")), false),
            (json!({}), false),
        ],
    );
    check(
        "a|gte: 18446744073709551615",
        &[(a(&json!(u64::MAX)), true), (a(&json!(u64::MAX - 1)), false)],
    );
    check("a|lt: -1", &[(a(&json!(-2)), true), (a(&json!(-1)), false)]);
    check("a|lte: 1.5", &[(a(&json!(1.5)), true), (a(&json!(1.6)), false)]);
}

#[test]
fn networks_hold_addresses_of_both_families() {
    check(
        "a|cidr: [10.0.0.0/8, '2001:db8::/32', 192.0.2.1]",
        &[
            (a(&json!("10.1.2.3")), true),
            (a(&json!("::ffff:10.1.2.3")), true),
            (a(&json!("2001:db8::7")), true),
            (a(&json!("192.0.2.1")), true),
            (a(&json!("192.0.2.2")), false),
            (a(&json!("AWS Internal")), false),
            (json!({}), false),
        ],
    );
    check(
        "a|cidr|neq: 10.0.0.0/8",
        &[(a(&json!("11.0.0.1")), true), (a(&json!("10.0.0.1")), false)],
    );
}

#[test]
fn several_items_are_anded_and_several_maps_are_ored() {
    let rules = rules_of(&rule("selection:\n  - a: 1\n    b: 2\n  - c: 3\ncondition: selection"));
    for (record, expected) in [
        (json!({"a": 1, "b": 2}), true),
        (json!({"a": 1}), false),
        (json!({"c": 3}), true),
        (json!({}), false),
    ] {
        assert_eq!(!matches(&rules, &record).is_empty(), expected, "{record}");
    }
}

#[test]
fn conditions_combine_searches() {
    let searches = "sel_a: {a: 1}\nsel_b: {b: 1}\nfilter_c: {c: 1}\n_own: {d: 1}\n";
    let record = |names: &str| {
        let members = names.chars().map(|name| (name.to_string(), json!(1))).collect();
        Value::Object(members)
    };
    for (condition, holding, failing) in [
        ("sel_a and sel_b", vec!["ab"], vec!["a", "b", ""]),
        ("sel_a or sel_b", vec!["a", "b"], vec!["", "c"]),
        ("sel_a and not 1 of filter_*", vec!["a", "ad"], vec!["ac"]),
        ("1 of sel_*", vec!["a", "b"], vec!["c"]),
        ("all of sel_*", vec!["ab"], vec!["a"]),
        ("1 of them", vec!["c"], vec!["d", ""]),
        ("all of them", vec!["abc"], vec!["ab", "abd"]),
        ("not sel_a", vec!["", "b"], vec!["a"]),
        ("not (sel_a or sel_b) and filter_c", vec!["c"], vec!["ac", ""]),
        ("[sel_a, sel_b and filter_c]", vec!["a", "bc"], vec!["b"]),
        ("_own", vec!["d"], vec!["abc"]),
    ] {
        let rules = rules_of(&rule(&format!("{searches}condition: {condition}")));
        for (names, expected) in holding
            .iter()
            .map(|names| (names, true))
            .chain(failing.iter().map(|names| (names, false)))
        {
            let found = !matches(&rules, &record(names)).is_empty();
            assert_eq!(found, expected, "{condition} on {names}");
        }
    }
}

#[test]
fn dispatch_finds_what_asking_every_rule_finds() {
    let mut text = String::new();
    for (name, items, condition) in [
        ("pair", "eventSource: s3.amazonaws.com\n  eventName: GetObject", "s"),
        ("names", "eventName: [GetObject, PutObject]", "s"),
        ("source", "eventSource: S3.amazonaws.com", "s"),
        ("rest", "x: 1", "s"),
        ("negated", "eventName: GetObject", "not s"),
        ("cased", "eventName|cased: GetObject", "s"),
        ("globbed", "eventName: Get*", "s"),
        ("missing", "eventName: null", "s"),
        ("empty", "eventSource: s3.amazonaws.com\n  eventName: ['', GetObject]", "s"),
        ("both empty", "eventSource: ''\n  eventName: ''", "s"),
        ("cased pair", "eventSource: s3.amazonaws.com\n  eventName|cased: GetObject", "s"),
        (
            "pair and more",
            "eventSource: [s3.amazonaws.com, ec2]\n  eventName: [GetObject, PutObject]\n  x: 1",
            "s",
        ),
        (
            "name twice",
            "eventSource: EC2\n  eventName: [GetObject, PutObject]\n  eventName|startswith: Put",
            "s",
        ),
        ("all names", "eventSource: EC2\n  eventName|all: [GetObject, PutObject]", "s"),
        ("letters", "eventName: GétObject", "s"),
    ] {
        text = format!(
            "{text}---\ntitle: T\nname: {name}\nlogsource: {{product: aws, service: cloudtrail}}\n\
             detection:\n s:\n  {items}\n condition: {condition}\n"
        );
    }
    let rules = rules_of(&text);
    let mut records = Vec::new();
    for source in
        [json!("s3.amazonaws.com"), json!("EC2"), json!(["s3.amazonaws.com", "x"]), Value::Null]
    {
        for name in [
            json!("getobject"),
            json!("GetObject"),
            json!("PutObject"),
            json!(["GetObject"]),
            json!(7),
            json!("GÉTOBJECT"),
            json!(""),
            Value::Null,
        ] {
            records.push(json!({"eventSource": source, "eventName": name, "x": 1}));
            records.push(json!({"eventSource": source, "eventName": name}));
        }
    }
    records.push(json!({}));
    for record in records {
        let event = super::event_of(&record, rules.fields());
        let by_asking_all: Vec<_> = rules
            .conditions
            .iter()
            .filter(|condition| condition.predicate.holds(&event))
            .flat_map(|condition| condition.rules.iter().copied())
            .collect();
        let mut by_dispatch = Vec::new();
        rules.matching(&event, &mut by_dispatch);
        assert_eq!(by_dispatch, by_asking_all, "{record}");
    }
}

#[test]
fn each_rule_comes_once_and_in_order_however_many_bases_match() {
    let rules = rules_of(
        "title: A\nname: base_a\nlogsource: {product: aws, service: cloudtrail}\n\
         detection: {s: {a: 1}, condition: s}\n---\n\
         title: B\nname: base_b\nlogsource: {product: aws, service: cloudtrail}\n\
         detection: {s: {b: 1}, condition: s}\n---\n\
         title: C\nname: counted\ncorrelation: {type: event_count, rules: [base_b, base_a], timespan: 1m, condition: {gte: 2}}\n---\n\
         title: D\nname: alone\nlogsource: {product: aws, service: cloudtrail}\n\
         detection: {s: {a: 1}, condition: s}\n---\n\
         title: E\nname: counted_too\ncorrelation: {type: event_count, rules: [base_a], timespan: 1m, condition: {gte: 2}}\n",
    );

    assert_eq!(matches(&rules, &json!({"a": 1, "b": 1})), ["counted", "alone", "counted_too"]);
    assert_eq!(matches(&rules, &json!({"b": 1})), ["counted"]);
}
