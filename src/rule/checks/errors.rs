//! What a wrong rule is told: place, kind, text and hint.

use super::{load_one, rule};

/// Every problem of a text, one in a line.
fn problems(text: &str) -> String {
    let loaded = load_one(text);
    let lines: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// Checks each text alone: its problems are exactly these. Tells all that differ.
fn check(cases: impl IntoIterator<Item = (String, &'static str)>) {
    let mut differing = String::new();
    for (text, expected) in cases {
        let found = problems(&text);
        if found != expected {
            differing = format!("{differing}{text}\n  expected {expected}\n  found    {found}\n");
        }
    }
    assert!(differing.is_empty(), "{differing}");
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn mistakes_in_a_detection() {
    let cases = [
        (
            "s: {a|contain: x}\ncondition: s",
            "rules/a.yml:5:9 error unknown-modifier there is no modifier \"contain\" (hint: did you mean \"contains\")",
        ),
        (
            "s: {a|not: x}\ncondition: s",
            "rules/a.yml:5:9 error unknown-modifier \"not\" is no modifier (hint: use neq, or not in the condition)",
        ),
        (
            "s: {a|base64: 'x*'}\ncondition: s",
            "rules/a.yml:5:17 error value a text with wildcards has no Base64 (hint: \\* and \\? are the characters themselves)",
        ),
        (
            "s: {a|utf16: x}\ncondition: s",
            "rules/a.yml:5:16 error value this encoding of the value is no text, and fields hold text (hint: go on with base64 or base64offset)",
        ),
        (
            "s: {a|base64offset: xyz}\ncondition: s",
            "rules/a.yml:5:7 warning modifier-chain \"base64offset\" makes parts of a text, which a whole value rarely equals (hint: base64offset|contains)",
        ),
        (
            "s: {a|contains|base64: x}\ncondition: s",
            "rules/a.yml:5:18 error modifier-chain \"base64\" changes what is compared: it stands before the comparison (hint: modifiers work from left to right)",
        ),
        (
            "s: {a|base64|windash: x}\ncondition: s",
            "rules/a.yml:5:16 error modifier-chain \"windash\" changes the text as people write it (hint: write it before the other encodings)",
        ),
        (
            "s: {a|windash: -a -b -c -d}\ncondition: s",
            "rules/a.yml:5:18 error value \"windash\" changes at most 3 dashes of a text (hint: look for its parts with contains|all)",
        ),
        (
            "s: {a|hour: 24}\ncondition: s",
            "rules/a.yml:5:15 error value \"24\" is no such part of a time (hint: a whole number from 0 to 23)",
        ),
        (
            "s: {a|hour|contains: 2}\ncondition: s",
            "rules/a.yml:5:7 error modifier-chain a part of a time is a number (hint: FIELD|hour: 3 or FIELD|hour|gte: 20)",
        ),
        (
            "s: {a|fieldref|gt: b}\ncondition: s",
            "rules/a.yml:5:7 error modifier-chain \"fieldref\" compares the texts of two fields (hint: FIELD|fieldref: OTHER_FIELD, or fieldref|startswith, fieldref|endswith, fieldref|contains)",
        ),
        (
            "s: {a|fieldref: tidegate.principle}\ncondition: s",
            "rules/a.yml:5:19 error unknown-field there is no field \"tidegate.principle\" (hint: did you mean \"tidegate.principal\")",
        ),
        (
            "s: {'|startswith': x}\ncondition: s",
            "rules/a.yml:5:7 error modifier-chain this modifier needs a field name before it (hint: FIELD|startswith; without a field, values are searched in the whole record)",
        ),
        (
            "s: [x, null]\ncondition: s",
            "rules/a.yml:5:10 error value null is no keyword (hint: FIELD: null)",
        ),
        (
            "s: [x, [y]]\ncondition: s",
            "rules/a.yml:5:10 error wrong-type a search is a list of maps and keywords, not of lists",
        ),
        (
            "s: {a|contains|startswith: x}\ncondition: s",
            "rules/a.yml:5:18 error modifier-chain the modifier \"startswith\" contradicts the one before it (hint: use one of startswith, endswith, contains, re, cidr, exists, lt, lte, gt, gte)",
        ),
        (
            "s: {a|i: x}\ncondition: s",
            "rules/a.yml:5:9 error modifier-chain the modifier \"i\" belongs to a regular expression (hint: re|i)",
        ),
        (
            "s: {a|re|cased: x}\ncondition: s",
            "rules/a.yml:5:7 error modifier-chain a regular expression minds case without \"cased\" (hint: remove cased, or use re|i)",
        ),
        (
            "s: {a|gt|all: [1, 2]}\ncondition: s",
            "rules/a.yml:5:7 error modifier-chain \"all\" with a comparison of numbers makes no sense (hint: remove all)",
        ),
        (
            "s: {a|contains|contains: x}\ncondition: s",
            "rules/a.yml:5:18 error modifier-chain the modifier \"contains\" is written twice",
        ),
        (
            "s: {a|re: '(?!x)'}\ncondition: s",
            "rules/a.yml:5:13 error value regular expressions have no look-around and no back-references here (hint: write it with and, or, not in the condition)",
        ),
        (
            "s: {a|re: '(x'}\ncondition: s",
            "rules/a.yml:5:13 error value \"(x\" is no regular expression: unclosed group",
        ),
        (
            "s: {a|cidr: 10.0.0.0/33}\ncondition: s",
            "rules/a.yml:5:15 error value \"10.0.0.0/33\" is no network (hint: like 10.0.0.0/8 or 2001:db8::/32)",
        ),
        ("s: {a|gt: x}\ncondition: s", "rules/a.yml:5:13 error value \"x\" is no number"),
        (
            "s: {a|exists: x}\ncondition: s",
            "rules/a.yml:5:17 error value \"x\" is neither true nor false",
        ),
        (
            "s: {a|contains: ''}\ncondition: s",
            "rules/a.yml:5:19 error value an empty text is in every text (hint: FIELD: '' for equality)",
        ),
        (
            "s: {a: {b: 1}}\ncondition: s",
            "rules/a.yml:5:10 error wrong-type the value of \"a\" is a map (hint: write the path with dots: a.b: value)",
        ),
        (
            "s: {a: []}\ncondition: s",
            "rules/a.yml:5:10 error empty \"a\" has an empty list of values",
        ),
        (
            "s: {a: [[1]]}\ncondition: s",
            "rules/a.yml:5:11 error wrong-type a value of \"a\" is a list",
        ),
        (
            "s: {}\ncondition: s",
            "rules/a.yml:5:6 error empty this search is an empty map, it would match every event",
        ),
        (
            "s: {tidegate.principle: x}\ncondition: s",
            "rules/a.yml:5:7 error unknown-field there is no field \"tidegate.principle\" (hint: did you mean \"tidegate.principal\")",
        ),
        (
            "s: {a|expand: name}\ncondition: s",
            "rules/a.yml:5:17 error value \"name\" names no list (hint: '%name%')",
        ),
        (
            "s: {a|expand: '%nobody%'}\ncondition: s",
            "rules/a.yml:5:17 error unknown-list there is no list \"nobody\" (hint: declare it under tidegate.lists)",
        ),
        (
            "selection: {a: 1}\ncondition: selektion",
            "rules/a.yml:6:14 error unknown-search there is no search \"selektion\" in this detection (hint: did you mean \"selection\")",
        ),
        (
            "s: {a: 1}\ncondition: s and 1 of f_*",
            "rules/a.yml:6:25 error unknown-search no search has a name like \"f_*\" (hint: one of s)",
        ),
        (
            "s: {a: 1}\ncondition: \"s | count() > 3\"",
            "rules/a.yml:6:17 error condition-syntax \"|\" is not expected here in a condition (hint: aggregations are written as a correlation rule)",
        ),
        (
            "s: {a: 1}",
            "rules/a.yml:5:3 error missing-key \"detection\" has no \"condition\" (hint: condition: s)",
        ),
        (
            "condition: s",
            "rules/a.yml:5:3 error missing-key \"detection\" has no search (hint: selection: {FIELD: VALUE}, beside the condition)",
        ),
        (
            "s: {a|all: x}\ncondition: s",
            "rules/a.yml:5:7 warning modifier-chain \"all\" with a single value says nothing (hint: remove all)",
        ),
    ];
    check(cases.map(|(detection, expected)| (rule(detection), expected)));
}

const BASE: &str = "title: B\nname: base\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {a: 1}, condition: s}\n---\n";

/// A correlation over `base`; line 6 is its title, line 8 its `correlation`.
fn correlation(inside: &str, own: &str) -> String {
    format!("{BASE}title: C\nname: c\ncorrelation: {{{inside}}}\nlevel: low\ntidegate: {{{own}}}\n")
}

#[test]
fn mistakes_in_a_correlation() {
    let cases = [
        (
            "type: event_cuont, rules: base, timespan: 1m, condition: {gte: 1}",
            "rules/a.yml:8:21 error value there is no correlation type \"event_cuont\" (hint: did you mean \"event_count\")",
        ),
        (
            "type: extended_temporal, rules: base, timespan: 1m, condition: base",
            "rules/a.yml:8:21 error value there is no correlation type \"extended_temporal\" (hint: temporal, with the condition over the rules' names)",
        ),
        (
            "type: value_avg, rules: base, timespan: 1m, condition: {field: a, gte: 1}",
            "rules/a.yml:8:21 error window \"value_avg\" can turn false again while a window is open, and sliding windows never close (hint: tidegate: {window: tumbling})",
        ),
        (
            "type: value_count, rules: base, timespan: 1m, condition: {gte: 1}",
            "rules/a.yml:8:72 error missing-key \"value_count\" needs the field whose different values it counts (hint: condition: {field: NAME, gte: N})",
        ),
        (
            "type: value_count, rules: base, timespan: 1m, condition: {field: [a, a], gte: 1}",
            "rules/a.yml:8:84 error duplicate \"a\" is twice among the fields",
        ),
        (
            "type: value_count, rules: base, timespan: 1m, condition: {field: a, gte: 10001}",
            "rules/a.yml:6:1 error value a value_count is exact up to 10000, and 10001 is beyond (hint: a lower amount, or approximate: true under tidegate)",
        ),
        (
            "type: event_count, rules: [bose], timespan: 1m, condition: {gte: 1}",
            "rules/a.yml:8:42 error unknown-rule there is no rule \"bose\" (hint: did you mean \"base\")",
        ),
        (
            "type: event_count, rules: any, timespan: 1m, condition: {gte: 1}",
            "rules/a.yml:8:41 error unknown-rule there is no rule \"any\" (hint: name each rule; any is for filters, and stands there alone)",
        ),
        (
            "type: event_count, rules: [], timespan: 1m, condition: {gte: 1}",
            "rules/a.yml:8:14 error empty the correlation refers to no rule",
        ),
        (
            "type: event_count, rules: [c], timespan: 1m, condition: {gte: 1}",
            "rules/a.yml:8:42 error cycle a correlation cannot refer to itself",
        ),
        (
            "type: event_count, rules: base, timespan: 1x, condition: {gte: 1}",
            "rules/a.yml:8:57 error value \"1x\" of \"timespan\" is no length of time (hint: a number and one of s, m, h, d, like 10m)",
        ),
        (
            "type: event_count, rules: base, condition: {gte: 1}",
            "rules/a.yml:8:14 error missing-key \"correlation\" has no key \"timespan\" (hint: length of the window, like 10m)",
        ),
        (
            "type: event_count, rules: base, timespan: 0, condition: {gte: 1}",
            "rules/a.yml:8:57 error value a window of no length holds nothing",
        ),
        (
            "type: event_count, rules: base, timespan: 1m, condition: {lt: 1}",
            "rules/a.yml:8:73 error window \"lt\" can turn false again while a window is open, and sliding windows never close (hint: tidegate: {window: tumbling})",
        ),
        (
            "type: event_count, rules: base, timespan: 1m, condition: {gte: 1, lte: 3}",
            "rules/a.yml:8:81 error window \"lte\" can turn false again while a window is open, and sliding windows never close (hint: tidegate: {window: tumbling})",
        ),
        (
            "type: event_count, rules: base, timespan: 1m, condition: {gt: 1, gte: 1}",
            "rules/a.yml:8:85 error value a condition has \"gt\" or \"gte\", not both",
        ),
        (
            "type: event_count, rules: base, timespan: 1m, condition: {gte: -1}",
            "rules/a.yml:8:78 error wrong-type \"gte\" is a whole number that is not negative, not \"-1\" (hint: a number in full, like 52428800)",
        ),
        (
            "type: event_count, rules: base, timespan: 1m",
            "rules/a.yml:8:14 error missing-key \"correlation\" has no key \"condition\" (hint: condition: {gte: N})",
        ),
        (
            "type: value_sum, rules: base, timespan: 1m, condition: {gte: 1}",
            "rules/a.yml:8:70 error missing-key \"value_sum\" needs the field that it adds up (hint: condition: {field: NAME, gte: N})",
        ),
        (
            "type: event_count, rules: base, group_by: [a], timespan: 1m, condition: {gte: 1}",
            "rules/a.yml:8:47 error unknown-key \"correlation\" has no key \"group_by\" (hint: did you mean \"group-by\")",
        ),
        (
            "type: event_count, rules: base, group-by: [a, a], timespan: 1m, condition: {gte: 1}",
            "rules/a.yml:8:61 error duplicate \"a\" is twice in the group-by",
        ),
        (
            "type: event_count, rules: base, group-by: [tidegate.bukket], timespan: 1m, condition: {gte: 1}",
            "rules/a.yml:8:58 error unknown-field there is no field \"tidegate.bukket\" (hint: did you mean \"tidegate.bucket\")",
        ),
        (
            "type: event_count, rules: base, group-by: [who], aliases: {who: {base: a, other: b}}, timespan: 1m, condition: {gte: 1}",
            "rules/a.yml:8:89 error unknown-rule \"other\" is none of the correlation's rules (hint: one of base)",
        ),
        (
            "type: event_count, rules: base, group-by: [who], aliases: {who: {bose: a, other: a}}, timespan: 1m, condition: {gte: 1}",
            "rules/a.yml:8:80 error unknown-rule \"bose\" is none of the correlation's rules (hint: did you mean \"base\")\nrules/a.yml:8:89 error unknown-rule \"other\" is none of the correlation's rules (hint: one of base)",
        ),
        (
            "type: event_count, rules: base, group-by: [who], aliases: {who: {}}, timespan: 1m, condition: {gte: 1}",
            "rules/a.yml:8:74 error missing-key the alias \"who\" has no field for \"base\" (hint: aliases: {who: {base: FIELD}})",
        ),
        (
            "type: event_count, rules: base, aliases: {who: {base: a}}, timespan: 1m, condition: {gte: 1}",
            "rules/a.yml:8:57 error group-by the alias \"who\" is not in the group-by (hint: group-by: [who], or no alias)",
        ),
        (
            "type: value_count, rules: base, group-by: [who], aliases: {who: {base: a}}, timespan: 1m, condition: {field: who, gte: 1}",
            "rules/a.yml:8:124 error wrong-kind \"who\" is an alias, and the condition needs a field (hint: field: a)",
        ),
        (
            "type: temporal, rules: [base], timespan: 1m, condition: {gte: 2}",
            "rules/a.yml:8:71 error wrong-kind \"temporal\" counts no amount (hint: leave the condition out, or write one over the rules: a and (b or c))",
        ),
        (
            "type: temporal, rules: [base], timespan: 1m, condition: base and bose",
            "rules/a.yml:8:80 error unknown-rule \"bose\" is none of the correlation's rules (hint: one of base)",
        ),
        (
            "type: temporal, rules: [base], timespan: 1m, condition: not base",
            "rules/a.yml:8:75 error window \"not\" can turn false again while a window is open, and sliding windows never close (hint: tidegate: {window: tumbling})",
        ),
        (
            "type: event_count, rules: [base], timespan: 1m, condition: base",
            "rules/a.yml:8:74 error wrong-kind a condition over rules belongs to temporal and temporal_ordered (hint: condition: {gte: N})",
        ),
    ];
    check(cases.map(|(inside, expected)| (correlation(inside, ""), expected)));
}

#[test]
fn mistakes_in_what_is_asked_of_closed_windows() {
    let cases = [
        (
            "type: value_percentile, rules: base, timespan: 1m, condition: {field: a, gte: 1}",
            "",
            "rules/a.yml:8:77 error missing-key \"value_percentile\" does not say which percentile (hint: condition: {field: NAME, percentile: 95, gt: N})",
        ),
        (
            "type: value_percentile, rules: base, timespan: 1m, condition: {field: a, percentile: 101, gte: 1}",
            "",
            "rules/a.yml:8:100 error value there is no percentile 101 (hint: 0 to 100)",
        ),
        (
            "type: value_median, rules: base, timespan: 1m, condition: {field: a, percentile: 50, gte: 1}",
            "",
            "rules/a.yml:8:96 error wrong-kind \"percentile\" belongs to value_percentile",
        ),
        (
            "type: value_median, rules: base, timespan: 1m, condition: {gte: 1}",
            "",
            "rules/a.yml:8:73 error missing-key \"value_median\" needs the field whose amounts it looks at (hint: condition: {field: NAME, gte: N})",
        ),
        (
            "type: value_avg, rules: base, timespan: 1m, condition: {field: [a, b], gte: 1}",
            "",
            "rules/a.yml:8:82 error value the amounts are those of one field, not of several",
        ),
        (
            "type: event_count, rules: base, timespan: 1m, condition: {lt: 0}",
            "",
            "rules/a.yml:8:72 error value no amount is < 0 (hint: gt and gte say where the amounts begin, lt and lte where they end)",
        ),
        (
            "type: event_count, rules: base, timespan: 1m, condition: {gte: 5, lt: 5}",
            "",
            "rules/a.yml:8:72 error value no amount is >= 5 and < 5 (hint: gt and gte say where the amounts begin, lt and lte where they end)",
        ),
        (
            "type: value_avg, rules: base, timespan: 1m, condition: {field: tidegate.signal, gt: 5}",
            "",
            "rules/a.yml:8:78 error unknown-field there is no field \"tidegate.signal\" (hint: did you mean \"tidegate.grants\")",
        ),
        ("type: value_avg, rules: base, timespan: 1m, condition: {field: a, gt: 5, lt: 6}", "", ""),
        (
            "type: value_avg, rules: base, timespan: 2h, condition: {field: a, gt: 5, lte: 5}",
            "",
            "rules/a.yml:8:70 error value no amount is > 5 and <= 5 (hint: gt and gte say where the amounts begin, lt and lte where they end)",
        ),
        (
            "type: event_count, rules: base, timespan: 1m, condition: {lt: 5, lte: 5}",
            "",
            "rules/a.yml:8:85 error value a condition has \"lt\" or \"lte\", not both",
        ),
        (
            "type: event_count, rules: base, timespan: 1m, condition: {eq: 5, gte: 5}",
            "",
            "rules/a.yml:8:73 error value \"eq\" stands alone: it says which amount",
        ),
        (
            "type: event_count, rules: base, timespan: 1m, condition: {lt: 0.5}",
            "",
            "rules/a.yml:8:77 error wrong-type \"lt\" is a whole number that is not negative, not \"0.5\" (hint: a number in full, like 52428800)",
        ),
        (
            "type: event_count, rules: base, timespan: 1m, condition: {gte: 3, lte: 8}",
            "tiers: [{gte: 5, level: medium}, {gte: 9, level: high}]",
            "rules/a.yml:10:63 error tiers the tier 9 is never reached: >= 3 and <= 8",
        ),
        (
            "type: value_count, rules: base, timespan: 1m, condition: {field: a, lte: 10000}",
            "",
            "rules/a.yml:6:1 error value a value_count is exact up to 10000, and 10001 is beyond (hint: a lower amount, or approximate: true under tidegate)",
        ),
        (
            "type: value_count, rules: base, timespan: 1m, condition: {field: a, neq: 20000}",
            "approximate: true",
            "rules/a.yml:10:43 error value an estimate says nothing of \"neq\" (hint: lt and gte, or lte and gt)",
        ),
        (
            "type: temporal, rules: [base], timespan: 1m, condition: base and not base",
            "",
            "rules/a.yml:8:71 error value the condition never holds: a rule must match, and must not",
        ),
        (
            "type: temporal, rules: [base], timespan: 1m",
            "",
            "rules/a.yml:6:1 error wrong-kind a temporal correlation has sliding windows unless its condition has a \"not\"",
        ),
    ];
    check(cases.map(|(inside, own, expected)| {
        let comma = if own.is_empty() { "" } else { ", " };
        (correlation(inside, &format!("window: tumbling{comma}{own}")), expected)
    }));
}

#[test]
fn mistakes_under_our_own_key() {
    const COUNT: &str = "type: event_count, rules: base, group-by: [tidegate.principal], timespan: 1m, condition: {gte: 10}";
    let cases = [
        (
            "windov: sliding",
            "rules/a.yml:10:12 error unknown-key \"tidegate\" has no key \"windov\" (hint: did you mean \"window\")",
        ),
        (
            "window: session",
            "rules/a.yml:10:20 error value \"window\" cannot be \"session\" (hint: one of sliding, tumbling)",
        ),
        (
            "new-terms: {fields: [a], history: 1d}",
            "rules/a.yml:10:12 error wrong-kind \"new-terms\" belongs to a detection",
        ),
        (
            "approximate: true",
            "rules/a.yml:10:25 error wrong-kind \"approximate\" belongs to a value_count",
        ),
        (
            "tiers: [{gte: 10, level: high}]",
            "rules/a.yml:10:20 error tiers the tier 10 does not lie above the condition (hint: an amount above 10, where the condition begins)",
        ),
        (
            "tiers: [{gte: 30, level: high}, {gte: 20, level: high}]",
            "rules/a.yml:10:44 error tiers the tier 20 does not lie above the one before it (hint: write the tiers in ascending order)",
        ),
        (
            "tiers: [{gte: 20, level: hihg}]",
            "rules/a.yml:10:37 error value \"level\" cannot be \"hihg\" (hint: did you mean \"high\")",
        ),
        (
            "tiers: [{gte: 20, level: informational}]",
            "rules/a.yml:10:20 error tiers the tier 20 has a lower level than the rule (hint: low, the rule's level, or a higher one)",
        ),
        (
            "dedup: 60m",
            "rules/a.yml:10:19 error wrong-type \"dedup\" is a map, not \"60m\" (hint: {period: 60m})",
        ),
        (
            "tests: [{name: x, events: [], expect: {alert: 1}}]",
            "rules/a.yml:10:51 error unknown-key \"expect\" has no key \"alert\" (hint: did you mean \"alerts\")",
        ),
        (
            "dedup: {period: 10}",
            "rules/a.yml:10:28 error value \"10\" of \"period\" is no length of time (hint: a number and one of s, m, h, d, like 10m)",
        ),
        (
            "dedup: {period: 30s}",
            "rules/a.yml:10:28 warning dedup-period the dedup period 30s is shorter than the window 1m (hint: one attack may give several findings)",
        ),
        (
            "collect: {keys: {field: a}}",
            "rules/a.yml:10:28 error missing-key \"keys\" does not say what to keep (hint: one of sample: N, set: N, distinct: true, sum: true, min: true, max: true)",
        ),
        (
            "collect: {keys: {field: a, distinct: false}}",
            "rules/a.yml:10:49 error value \"distinct\" is true or left out",
        ),
        (
            "collect: {keys: {field: a, sample: 1000}}",
            "rules/a.yml:10:47 error value \"sample\" keeps 1 to 100 values",
        ),
        (
            "collect: {amount: {field: a, set: 1}}",
            "rules/a.yml:10:22 error fixed-name \"amount\" is a name that every alert has (hint: choose another)",
        ),
        (
            "title: '{tidegate.principle} read'",
            "rules/a.yml:10:19 error unknown-field there is no field or collected value \"tidegate.principle\" (hint: did you mean \"tidegate.principal\")",
        ),
        (
            "title: 'a {amount|kb} b'",
            "rules/a.yml:10:22 error title a placeholder has no form \"kb\" (hint: mb, host or or:TEXT)",
        ),
        (
            "lists: {l: {type: cidr, values: [10.0.0.0/8, x]}}",
            "rules/a.yml:10:57 error list-value \"x\" is no network (hint: like 10.0.0.0/8 or 2001:db8::/32)",
        ),
        (
            "lists: {l: {type: account, values: [12]}}",
            "rules/a.yml:10:48 error list-value \"12\" is no account id: twelve digits, in quotes (hint: like \"111122223333\")",
        ),
        (
            "lists: {l: {values: [x]}}",
            "rules/a.yml:10:23 error missing-key \"lists.l\" has no key \"type\" (hint: how it compares)",
        ),
        (
            "alert-context: {x: eventNmae}",
            "rules/a.yml:10:31 error unknown-field there is no field or collected value \"eventNmae\" (hint: did you mean \"eventName\")",
        ),
        (
            "alert-context: {x: '='}",
            "rules/a.yml:10:31 error value there is no text behind \"=\" (hint: =TEXT)",
        ),
        (
            "alert-context: {x: '%nobody%'}",
            "rules/a.yml:10:31 error unknown-list there is no list \"nobody\" (hint: declare it under tidegate.lists)",
        ),
        (
            "enabled: no",
            "rules/a.yml:10:21 error wrong-type \"enabled\" is true or false, not \"no\"",
        ),
        (
            "tests: [{name: x, events: [{template: getobjekt}], expect: {alerts: 0}}]",
            "rules/a.yml:10:50 error value there is no template \"getobjekt\" (hint: did you mean \"getobject\")",
        ),
        (
            "tests: [{name: x, events: [{at: soon, template: getobject}], expect: {}}]",
            "rules/a.yml:10:44 error value \"soon\" is no time (hint: +9m59s after the start, or 2025-03-10T08:00:00Z)\n\
             rules/a.yml:10:81 error missing-key \"expect\" has no key \"alerts\" (hint: how many findings are created)",
        ),
    ];
    check(cases.map(|(own, expected)| (correlation(COUNT, own), expected)));
}

#[test]
fn mistakes_around_the_detection() {
    let cases = [
        ("- a\n- b\n", "rules/a.yml:1:1 error wrong-type a rule is a map of keys, not a list"),
        (
            "name: t\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {a: 1}, condition: s}\n",
            "rules/a.yml:1:1 error missing-key the rule has no \"title\" (hint: title: a short name of what the rule finds)",
        ),
        (
            "title: T\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {a: 1}, condition: s}\n",
            "rules/a.yml:1:1 error missing-key the rule has neither \"id\" nor \"name\" (hint: id: a UUID, or name: a_unique_name)",
        ),
        (
            "title: T\nname: t\ndetection: {s: {a: 1}, condition: s}\n",
            "rules/a.yml:1:1 error missing-key the rule has no \"logsource\" (hint: logsource: {product: aws, service: cloudtrail})",
        ),
        (
            "title: T\nname: t\nlogsource: {product: windows}\ndetection: {s: {a: 1}, condition: s}\n",
            "rules/a.yml:3:12 error logsource the log source \"windows\" is not read (hint: logsource: {product: aws, service: cloudtrail})",
        ),
        (
            "title: T\nname: t\nlogsource: {product: aws, service: vpcflow}\ndetection: {s: {a: 1}, condition: s}\n",
            "rules/a.yml:3:36 error not-supported-yet the log source \"vpcflow\" is not supported yet",
        ),
        (
            "title: T\nname: t\ndetecton: {}\n",
            "rules/a.yml:3:1 error unknown-key a rule has no key \"detecton\" (hint: did you mean \"detection\")",
        ),
        (
            "title: T\nname: t\n",
            "rules/a.yml:1:1 error missing-key the rule has neither \"detection\" nor \"correlation\" (hint: detection: {selection: {FIELD: VALUE}, condition: selection})",
        ),
        (
            "title: T\nname: t\nlevel: hgh\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {a: 1}, condition: s}\n",
            "rules/a.yml:3:8 error value \"level\" cannot be \"hgh\" (hint: did you mean \"high\")",
        ),
        (
            "title: T\nname: t\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {a: 1}, condition: s}\ntidegate: {tiers: []}\n",
            "rules/a.yml:5:12 error wrong-kind \"tiers\" belongs to a correlation",
        ),
        (
            "title: T\nname: t\ntags: [signal.a, signal.b]\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {a: 1}, condition: s}\n",
            "rules/a.yml:3:18 error value a rule gives one signal, and \"signal.b\" is the second",
        ),
        (
            "title: T\nname: t\naction: global\nlogsource: {product: aws, service: cloudtrail}\n",
            "rules/a.yml:3:1 error not-supported \"action\" belongs to the rule collections of old Sigma (hint: write each rule out, as a document of its own)",
        ),
        (
            "title: T\nlogsource: {product: aws}\nfilter: {rules: [], s: {a: 1}, condition: not s}\n",
            "rules/a.yml:3:17 error empty the filter is for no rule (hint: rules: [NAME, …], or rules: any)",
        ),
        (
            "title: T\nlogsource: {product: aws}\nfilter: {s: {a: 1}, condition: not s}\n",
            "rules/a.yml:3:9 error missing-key the filter does not say for which rules it is (hint: rules: [NAME, …], or rules: any)",
        ),
        (
            "title: T\nlogsource: {product: aws}\nfilter: {rule: [base], s: {a: 1}}\n",
            "rules/a.yml:3:9 error missing-key \"filter\" has no \"condition\" (hint: condition: not s)\n\
             rules/a.yml:3:10 error unknown-key \"filter\" has no key \"rule\" (hint: did you mean \"rules\")",
        ),
        (
            "title: T\nlogsource: {product: aws}\nfilter: {rules: any, s: {a: 1}, condition: not t}\n",
            "rules/a.yml:3:48 error unknown-search there is no search \"t\" in this filter (hint: one of s)",
        ),
        (
            "title: T\nname: t\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {a: 1}, condition: s}\ntidegate: {level-from: {field: x, map: [{value: y, level: hgh}]}}\n",
            "rules/a.yml:5:59 error value \"level\" cannot be \"hgh\" (hint: did you mean \"high\")",
        ),
        (
            "title: T\nname: t\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {a: 1}, condition: s}\ntidegate: {level-from: {field: x, map: []}}\n",
            "rules/a.yml:5:40 error empty \"map\" of \"level-from\" has no entry (hint: map: [{gte: N, level: high}], or no map)",
        ),
        (
            "title: T\nlogsource: {product: aws}\nfilter: {rules: nobody, s: {a: 1}, condition: not s}\n",
            "rules/a.yml:3:17 error unknown-rule there is no rule \"nobody\"",
        ),
        (
            "title: T\nlogsource: {product: aws}\nfilter: {rules: any, s: {a: 1}, condition: not s}\ntidegate: {title: x}\n",
            "rules/a.yml:4:12 error wrong-kind \"title\" belongs to a rule",
        ),
        (
            "title: T\nname: t\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {a: 1}, condition: s}\nrsigma.suppress: soon\n",
            "rules/a.yml:5:18 error value \"soon\" of \"rsigma.suppress\" is no length of time (hint: a number and one of s, m, h, d, like 10m)",
        ),
        (
            "title: T\nname: t\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {a: 1}, condition: s}\ntidegate: {level-from: {field: x, map: [{level: high}]}}\n",
            "rules/a.yml:5:41 error missing-key this entry does not say when it holds (hint: {gte: N, level: high}, or {value: TEXT, level: high})",
        ),
        (
            "title: T\nname: t\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {a: 1}, condition: s}\ntidegate: {context: {bump: macie_bukets}}\n",
            "rules/a.yml:5:28 error unknown-list there is no list or table \"macie_bukets\" (hint: did you mean \"macie_buckets\")",
        ),
        (
            "title: T\nname: t\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {a|expand: '%l%'}, condition: s}\ntidegate: {lists: {l: {type: cidr, builtin: private}}}\n",
            "rules/a.yml:5:45 error value no list \"private\" comes with tidegate (hint: did you mean \"private_networks\")",
        ),
        (
            "title: T\nname: t\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {a: 1}, condition: s}\ntidegate: {title: '{amount}'}\n",
            "rules/a.yml:5:19 error unknown-field a rule without a window has no \"amount\"",
        ),
    ];
    check(cases.map(|(text, expected)| (text.to_owned(), expected)));
}

#[test]
fn unknown_keys_at_the_top_are_kept_and_comments_of_authors_too() {
    let text = rule("s: {a: 1}\ncondition: s") + "x-owner: team\ncustom: {a: [1, 2]}\n";

    assert_eq!(problems(&text), "");
}

#[test]
fn all_problems_of_all_documents_come_in_one_go_by_place() {
    let text = "title: T\nname: t\nlogsource: {product: aws, service: cloudtrail}\n\
                detection:\n  s: {a|foo: 1, b|gt: x}\n  condition: s and t\n---\n\
                title: U\nname: t\nlogsource: {product: aws}\ndetection: {s: {a: 1}, condition: s or}\n";

    let all = problems(text);

    let places: Vec<&str> = all.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(
        places,
        [
            "rules/a.yml:5:9",
            "rules/a.yml:5:23",
            "rules/a.yml:6:20",
            "rules/a.yml:9:7",
            "rules/a.yml:10:12",
            "rules/a.yml:11:39",
        ],
        "{all}"
    );
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(100))]

    #[test]
    fn arbitrary_text_never_panics(text in "(title: T\n|name: t\n|detection:|correlation:|condition: |\\{|\\}|\\[|\\]|:|,|a|'|\"|\n|  |- |\\||tidegate: |tiers: |gte: |1|not |tests: |events: |&a |\\*a |é){0,60}") {
        load_one(&text);
    }

    #[test]
    fn a_damaged_rule_never_panics(cut in 0_usize..4000, insert in "[ -~\n\t]{0,4}") {
        // Two are enough: a window with its helper elsewhere, and a match with lists.
        let wanted = ["s3_object_count.yml", "vpce_s3_external_ip.yml"];
        let files = super::super::builtin().into_iter();
        let files = files.filter(|file| wanted.iter().any(|name| file.name.ends_with(name)));
        for mut text in files.map(|file| file.text) {
            let at = (0..=cut.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            text.insert_str(at, &insert);
            load_one(&text);
        }
    }
}
