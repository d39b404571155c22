//! Encodings, references, parts of a time, keywords and placeholders: what they match and what not.

use super::{matches, rule, rules_of};
use serde_json::{Value, json};

/// Checks searches, written as YAML, with the condition `selection`.
fn check(selection: &str, cases: &[(Value, bool)]) {
    let rules = rules_of(&rule(&format!("selection:\n{selection}\ncondition: selection")));
    for (record, expected) in cases {
        assert_eq!(!matches(&rules, record).is_empty(), *expected, "{selection} on {record}");
    }
}

fn a(text: &str) -> Value {
    json!({ "a": text })
}

#[test]
fn a_dash_before_an_option_is_any_dash() {
    check(
        "  a|windash|contains: ' -enc '",
        &[
            (a("x -enc y"), true),
            (a("x /ENC y"), true),
            (a("x \u{2013}enc y"), true),
            (a("x \u{2015}enc y"), true),
            (a("x +enc y"), false),
            (a("x --enc y"), false),
        ],
    );
    check("  a|windash: -a", &[(a("/a"), true), (a("-a"), true), (a("a"), false)]);
    check("  a|windash|cased: -A", &[(a("/A"), true), (a("/a"), false)]);
    // One dash for each value, whichever it is.
    check("  a|windash|contains|all: [' -a', ' -b']", &[(a("x /a -b"), true), (a("x /a"), false)]);
}

#[test]
fn encoded_values_are_found_in_encoded_text() {
    check("  a|base64: foobar", &[(a("Zm9vYmFy"), true), (a("foobar"), false)]);
    check("  a|base64|cased: foobar", &[(a("zm9vymfy"), false), (a("Zm9vYmFy"), true)]);
    // "xsecretyz" and "secret" at another offset.
    check(
        "  a|base64offset|contains: secret",
        &[(a("eHNlY3JldHl6"), true), (a("c2VjcmV0"), true), (a("aGVsbG8="), false)],
    );
    for name in ["wide", "utf16le"] {
        check(&format!("  a|{name}|base64: ab"), &[(a("YQBiAA=="), true), (a("YWI="), false)]);
    }
    check("  a|utf16be|base64: ab", &[(a("AGEAYg=="), true), (a("YQBiAA=="), false)]);
    check("  a|utf16|base64: ab", &[(a("//5hAGIA"), true), (a("YQBiAA=="), false)]);
    check("  a|wide|contains: ab", &[(a("xa\0b\0"), true), (a("ab"), false)]);
}

#[test]
fn a_field_is_compared_with_another() {
    let pair = |a: &str, b: &str| json!({"a": a, "b": b});
    check(
        "  a|fieldref: b",
        &[
            (pair("x", "X"), true),
            (pair("x", "y"), false),
            (json!({"a": 42, "b": "42"}), true),
            (json!({"a": ["x", "y"], "b": ["z", "y"]}), true),
            (json!({"a": "x"}), false),
            (json!({"b": "x"}), false),
            (json!({}), false),
        ],
    );
    check("  a|fieldref|cased: b", &[(pair("x", "X"), false), (pair("x", "x"), true)]);
    check(
        "  a|fieldref|neq: b",
        &[
            (pair("x", "X"), false),
            (pair("x", "y"), true),
            (json!({"b": "x"}), true),
            (json!({"a": ["x", "y"], "b": "x"}), true),
        ],
    );
    check(
        "  a|fieldref|startswith: b",
        &[(pair("Äbc", "äB"), true), (pair("abc", "bc"), false), (pair("abc", ""), false)],
    );
    check("  a|fieldref|endswith: b", &[(pair("abc", "BC"), true), (pair("abc", "ab"), false)]);
    check("  a|fieldref|contains: b", &[(pair("abc", "B"), true), (pair("abc", "ac"), false)]);
    check("  a|fieldref|contains|cased: b", &[(pair("abc", "B"), false), (pair("abc", "b"), true)]);
    let three = |b: &str, c: &str| json!({"a": "x", "b": b, "c": c});
    check("  a|fieldref: [b, c]", &[(three("y", "x"), true), (three("y", "z"), false)]);
    check("  a|fieldref|all: [b, c]", &[(three("y", "x"), false), (three("x", "x"), true)]);
}

#[test]
fn parts_of_a_time_are_numbers_in_utc() {
    let at = "2023-07-10T23:42:18Z";
    for (item, expected) in [
        ("minute: 42", true),
        ("minute|gt: 42", false),
        ("hour: [22, 23]", true),
        ("hour|gte: 20", true),
        ("hour|lt: 6", false),
        ("day: 10", true),
        ("week: 28", true),
        ("month: 7", true),
        ("month|neq: 7", false),
        ("year|lte: 2022", false),
    ] {
        check(&format!("  a|{item}"), &[(a(at), expected)]);
    }
    check("  a|hour: 21", &[(a("2023-07-10T23:42:18+02:00"), true), (json!({}), false)]);
    check("  a|hour: 1", &[(a("01"), false), (json!({"a": 1}), false)]);
}

#[test]
fn flags_of_regular_expressions_have_short_and_long_names() {
    for name in ["i", "ignorecase"] {
        check(&format!("  a|re|{name}: ^ab$"), &[(a("AB"), true), (a("ABC"), false)]);
    }
    for name in ["m", "multiline"] {
        check(&format!("  a|re|{name}: ^b$"), &[(a("a\nb"), true), (a("ab"), false)]);
    }
    for name in ["s", "dotall"] {
        check(&format!("  a|re|{name}: a.b"), &[(a("a\nb"), true), (a("a\n"), false)]);
    }
    check("  a|re: a.b", &[(a("a\nb"), false), (a("A-b"), false), (a("xa-bx"), true)]);
}

#[test]
fn keywords_are_searched_in_the_whole_record() {
    let record = json!({
        "requestParameters": {"list": [{"note": "Say \"Hello\"/there\n"}]}, "number": 4624,
    });
    for (selection, expected) in [
        ("  - hello", true),
        ("  - goodbye", false),
        ("  - goodbye\n  - HELLO", true),
        ("  - say \"hello\"/there", true),
        ("  - 4624", true),
        ("  - say*there", true),
        ("  - there*say", false),
        ("  - requestParameters", true),
        ("  '|all': [say, hello]", true),
        ("  '|all': [say, goodbye]", false),
        ("  '|contains|all': [say, hello]", true),
        ("  '|cased': hello", false),
        ("  '|re': H[aeiou]llo", true),
        ("  '|re|i': h[aeiou]LLO", true),
        ("  '|neq': hello", false),
        ("  '|windash': -there", true),
        ("  '|base64offset': hello", false),
        ("  - hello\n  - number: 1", true),
        ("  - number: 4624\n  - goodbye", true),
        ("  - number: 1\n  - goodbye", false),
    ] {
        check(selection, &[(record.clone(), expected)]);
    }
    check("  hello", &[(record, true), (json!({"a": "x"}), false)]);
}

const LISTS: &str = "tidegate:\n  lists:\n    names: {type: string, values: [al*ice, bob]}\n    globs: {type: glob, values: ['x*', y]}\n    nothing: {type: glob}\n    anything: {type: glob, empty: match-all}\n";

#[test]
fn placeholders_stand_alone_or_inside_a_value() {
    for (value, text, expected) in [
        ("'%names%'", "BOB", true),
        ("'%names%'", "alXice", false),
        ("'user/%names%'", "user/al*ice", true),
        ("'user/%names%'", "user/alXice", false),
        ("'user/%names%'", "bob", false),
        ("'*/%names%/%globs%'", "a/b/bob/xyz", true),
        ("'*/%names%/%globs%'", "a/b/bob/zyx", false),
        (r"'\%a%names%'", "%abob", true),
        ("'%nothing%'", "x", false),
        ("'a%nothing%'", "a", false),
        ("'a%anything%z'", "abcz", true),
        ("'a%anything%z'", "abc", false),
    ] {
        let searches = format!("s: {{a|expand: {value}}}\ncondition: s");
        let rules = rules_of(&(rule(&searches) + LISTS));
        assert_eq!(!matches(&rules, &a(text)).is_empty(), expected, "{value} on {text}");
    }
    let text = rule("s: {a|contains|expand|all: '%names%'}\ncondition: s") + LISTS;
    let rules = rules_of(&text);
    assert!(!matches(&rules, &a("bob and al*ice")).is_empty());
    assert!(matches(&rules, &a("bob and alice")).is_empty());
}

#[test]
fn lists_that_come_with_tidegate_have_their_values() {
    let rules = rules_of(
        &(rule("s: {ip|expand: '%home%'}\ncondition: s")
            + "tidegate: {lists: {home: {type: cidr, builtin: private_networks}}}\n"),
    );

    assert!(!matches(&rules, &json!({"ip": "192.168.7.7"})).is_empty());
    assert!(matches(&rules, &json!({"ip": "8.8.8.8"})).is_empty());
    assert_eq!(rules.list("home").map(<[String]>::len), Some(4));
}
