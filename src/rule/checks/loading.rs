//! What a rule set is made of: thresholds, tiers, lists, tuning, silence, coverage, fingerprints.

use super::super::{
    Combination, Comparison, Condition, Kind, Level, ListValues, LoadOptions, Loaded, Measure,
    MissingGroup, Place, RuleFile, RuleSet, Severity, Tier, Tune, Window, WindowKind, builtin,
    load,
};
use super::{load_one, matches, own, rules_of};
use crate::event::Source;
use crate::units::Span;
use serde_json::json;

const BASE: &str = "title: B\nname: base\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {a: 1}, condition: s}\n";

fn correlation(name: &str, inside: &str, own: &str) -> String {
    format!(
        "---\ntitle: C\nname: {name}\ncorrelation: {{{inside}}}\nlevel: low\ntidegate: {{{own}}}\n"
    )
}

fn count(name: &str, more: &str) -> String {
    correlation(name, &format!("type: event_count, rules: [base], timespan: 1m{more}"), "")
}

fn names(rules: &RuleSet) -> Vec<&str> {
    rules.rules().iter().map(|rule| rule.text.name.as_str()).collect()
}

fn window(rules: &RuleSet, name: &str) -> Window {
    match &rules.rule(rules.find(name).expect("the rule is loaded")).kind {
        Kind::Window(window) => window.clone(),
        Kind::Match | Kind::NewTerms(_) => panic!("{name} has no window"),
    }
}

fn place() -> Place {
    Place { file: "tidegate.toml".into(), line: 3, column: 1 }
}

fn list(name: &str, values: &[&str]) -> ListValues {
    ListValues {
        name: name.into(),
        kind: None,
        values: values.iter().map(|value| (*value).into()).collect(),
        required: false,
        empty: None,
        place: place(),
        places: Vec::new(),
    }
}

fn problems(loaded: &Loaded) -> Vec<String> {
    loaded.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn above_n_becomes_a_first_tier_of_n_plus_one() {
    let text = [
        BASE,
        &count("above", ", condition: {gt: 1000}"),
        &correlation(
            "sum",
            "type: value_sum, rules: [base], group-by: [x, tidegate.bucket], timespan: 1h, condition: {field: bytes, gte: 5}",
            "window: tumbling, missing-group: skip, allowed-lateness: 2h, tiers: [{gte: 9, level: high}]",
        ),
    ]
    .concat();

    let rules = rules_of(&text);

    assert_eq!(names(&rules), ["above", "sum"]);
    let above = window(&rules, "above");
    assert_eq!(above.condition, Condition(vec![(Comparison::Above, 1000)]));
    assert_eq!(above.tiers, [Tier { gte: 1001, level: Level::Low }]);
    assert_eq!((above.kind, above.measure), (WindowKind::Sliding, Measure::Count));
    let sum = window(&rules, "sum");
    assert_eq!(
        sum.tiers,
        [Tier { gte: 5, level: Level::Low }, Tier { gte: 9, level: Level::High }]
    );
    assert_eq!((sum.kind, sum.span), (WindowKind::Tumbling, Span::from_hours(1)));
    let rule = rules.rule(rules.find("sum").unwrap());
    let group: Vec<&str> = rule.group_by.iter().map(|id| rules.fields().name(*id)).collect();
    assert_eq!(group, ["x", "tidegate.bucket"]);
    assert_eq!(rule.missing_group, MissingGroup::Skip);
    assert_eq!(rule.allowed_lateness, Some(Span::from_hours(2)));
    assert_eq!(rule.dedup.period, Span::from_minutes(60));
    assert!(rule.dedup.key.is_none());
    assert_eq!(rule.text.category, "aws/cloudtrail");
}

#[test]
fn different_values_are_counted_exactly_up_to_ten_thousand_and_beyond_by_a_sample() {
    let rule = |name: &str, field: &str, gte: u64, own: &str| {
        let inside = format!(
            "type: value_count, rules: [base], timespan: 1h, condition: {{field: {field}, gte: {gte}}}"
        );
        correlation(name, &inside, own)
    };
    let text = [
        BASE,
        &rule("exact", "tidegate.key", 10_000, ""),
        &rule("pairs", "[tidegate.bucket, tidegate.key]", 3, ""),
        &rule("sampled", "tidegate.key", 1_000_000, "approximate: true"),
        // 20,001 / 2 is above 10,000: a sample of half could never reach it.
        &rule("quarter", "tidegate.key", 20_001, "approximate: true"),
    ]
    .concat();

    let rules = rules_of(&text);

    let measured = |name: &str| match window(&rules, name).measure {
        Measure::Distinct { fields, sampled } => (fields.len(), sampled),
        other => panic!("{other:?}"),
    };
    assert_eq!((measured("exact"), measured("pairs")), ((1, 0), (2, 0)));
    // 1,000,000 / 2^7 is the first below 10,000.
    assert_eq!((measured("sampled"), measured("quarter")), ((1, 7), (1, 2)));
}

fn base(name: &str, tags: &str) -> String {
    format!(
        "---\ntitle: {name}\nname: {name}\nlogsource: {{product: aws, service: cloudtrail}}\ndetection: {{s: {{a: {name}}}, condition: s}}\ntags: [{tags}]\n"
    )
}

#[test]
fn rules_together_are_combinations_of_rules_by_number() {
    let rule = |name: &str, inside: &str| {
        let inside = format!("rules: [x, y, z], timespan: 5m, {inside}");
        correlation(name, &inside, "")
    };
    let tumbling = |name: &str, inside: &str| {
        let inside = format!("rules: [x, y, z], timespan: 5m, {inside}");
        correlation(name, &inside, "window: tumbling")
    };
    let text = [
        base("x", ""),
        base("y", ""),
        base("z", ""),
        rule("all", "type: temporal"),
        rule("some", "type: temporal_ordered, condition: x and (z or y)"),
        rule("least", "type: temporal, condition: x or (x and y) or all of them"),
        tumbling("without", "type: temporal, condition: x and not (y or z)"),
        tumbling("either", "type: temporal_ordered, condition: not (x and y) and z"),
        tumbling("none", "type: temporal, condition: not 1 of them or not not x"),
    ]
    .concat();

    let rules = rules_of(&text);

    let wanted = |name: &str| match window(&rules, name).measure {
        Measure::Rules { any_of, ordered } => (any_of, ordered),
        other => panic!("{other:?}"),
    };
    let one = |all: &[u8], none: &[u8]| Combination { all: all.to_vec(), none: none.to_vec() };
    assert_eq!(wanted("all"), (vec![one(&[0, 1, 2], &[])], false));
    assert_eq!(wanted("some"), (vec![one(&[0, 1], &[]), one(&[0, 2], &[])], true));
    assert_eq!(wanted("least"), (vec![one(&[0], &[])], false));
    assert_eq!(wanted("without"), (vec![one(&[0], &[1, 2])], false));
    assert_eq!(wanted("either"), (vec![one(&[2], &[0]), one(&[2], &[1])], true));
    assert_eq!(wanted("none"), (vec![one(&[0], &[]), one(&[], &[0, 1, 2])], false));
    let closes = |name: &str| window(&rules, name).closes;
    assert_eq!([closes("some"), closes("without"), closes("none")], [false, true, true]);
}

#[test]
fn an_alias_gives_each_rule_its_own_field_and_signals_are_those_of_the_tags() {
    let text = [
        base("copy", "signal.copy"),
        base("delete", "attack.impact"),
        correlation(
            "c",
            "type: value_count, rules: [copy, delete], group-by: [bucket, tidegate.account], aliases: {bucket: {copy: tidegate.copy_source_bucket, delete: tidegate.bucket}}, timespan: 5m, condition: {field: tidegate.signal, gte: 1}",
            "",
        ),
    ]
    .concat();

    let rules = rules_of(&text);

    let rule = rules.rule(rules.find("c").unwrap());
    let names = |fields: &[crate::event::FieldId]| -> Vec<String> {
        fields.iter().map(|field| rules.fields().name(*field).to_owned()).collect()
    };
    assert_eq!(names(&rule.group_by), ["bucket", "tidegate.account"]);
    assert_eq!(
        rule.group_by_of.iter().map(|fields| names(fields)).collect::<Vec<_>>(),
        [
            ["tidegate.copy_source_bucket", "tidegate.account"],
            ["tidegate.bucket", "tidegate.account"]
        ]
    );
    let Measure::Signals { of } = window(&rules, "c").measure else { panic!("no signals") };
    assert_eq!([of[0].is_some(), of[1].is_some()], [true, false]);
}

#[test]
fn a_correlation_over_a_correlation_counts_what_it_finds_and_keeps_it_silent() {
    let text = [
        base("x", ""),
        base("y", ""),
        correlation(
            "many",
            "type: event_count, rules: [x], group-by: [who], timespan: 5m, condition: {gte: 3}",
            "",
        ),
        correlation(
            "both",
            "type: temporal, rules: [many, y], group-by: [who], timespan: 1h",
            "",
        ),
        correlation(
            "other",
            "type: event_count, rules: [many], group-by: [where], timespan: 1h, condition: {gte: 3}",
            "enabled: false",
        ),
    ]
    .concat();

    let loaded = super::load_one(&text);
    let problems: Vec<_> = loaded.problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "rules/a.yml:28:42 error group-by it counts by \"where\", which findings of \"many\" do not carry (hint: one of its group-by: who)"
        ]
    );

    let rules = rules_of(&text.replace("[where]", "[who]"));
    assert_eq!(names(&rules), ["many", "both"]);
    let many = rules.rule(rules.find("many").unwrap());
    assert!(many.silent);
    assert_eq!(many.feeds, [(rules.find("both").unwrap(), 0)]);
    assert!(!rules.rule(rules.find("both").unwrap()).silent);
}

#[test]
fn a_correlation_over_one_with_aliases_has_each_of_its_ways() {
    let inner = "type: event_count, rules: [x, y], group-by: [who, where], aliases: {who: {x: a, y: b}}, timespan: 5m, condition: {gte: 3}";
    let outer = "type: temporal, rules: [y, many, x], group-by: [where, it], aliases: {it: {y: c, many: who, x: d}}, timespan: 1h";
    let text = |place: &str, own: &str| {
        [
            base("x", ""),
            base("y", ""),
            correlation("many", inner, ""),
            correlation("both", outer, ""),
            correlation("place", place, own),
        ]
        .concat()
    };
    let place =
        "type: event_count, rules: [many], group-by: [where], timespan: 1h, condition: {gte: 1}";

    let rules = rules_of(&text(place, ""));

    let rule = |name: &str| rules.rule(rules.find(name).unwrap());
    let fields = |rule: &crate::rule::Rule| -> Vec<Vec<&str>> {
        let names = |fields: &Vec<_>| fields.iter().map(|id| rules.fields().name(*id)).collect();
        rule.group_by_of.iter().map(names).collect()
    };
    let ways = [["where", "c"], ["where", "a"], ["where", "b"], ["where", "d"]];
    assert_eq!(fields(rule("both")), ways);
    assert_eq!(rule("both").first_way, [0, 1, 3]);
    // Each rule of the inner one is one way, and one that groups by other fields needs none.
    assert_eq!(rule("many").first_way, [0; 0]);
    assert!(rule("place").group_by_of.is_empty());
    let feeds = [(rules.find("both").unwrap(), 1), (rules.find("place").unwrap(), 0)];
    assert_eq!(rule("many").feeds, feeds);

    // An alias of a rule below is no field.
    let told = |text: &str| problems(&super::load_one(text));
    let by_alias = told(&text(place, "dedup: {key: [who]}"));
    assert!(by_alias[0].contains("the dedup key has the alias \"who\""), "{by_alias:?}");
    let value = "type: value_count, rules: [many], group-by: [where], timespan: 1h, condition: {field: who, gte: 2}";
    let by_value = told(&text(value, ""));
    assert!(
        by_value[0].contains("it counts by \"who\", which findings of \"many\""),
        "{by_value:?}"
    );
}

#[test]
fn a_deployment_sets_the_amount_of_a_rule_that_waits_unless_it_has_two() {
    let rule = |name: &str, condition: &str| {
        let inside =
            format!("type: event_count, rules: [base], timespan: 1m, condition: {condition}");
        correlation(name, &inside, "window: tumbling")
    };
    let text = [BASE, &rule("few", "{lt: 5}"), &rule("some", "{gt: 5, lte: 9}")].concat();
    let tuned = |rule: &str, threshold: u64| {
        let mut tune = crate::rule::Tune::new(rule, place());
        tune.threshold = Some(threshold);
        let options = LoadOptions { tune: vec![tune], ..LoadOptions::default() };
        crate::rule::load(&[super::own(&text)], &options)
    };

    let few = tuned("few", 3);
    assert_eq!(
        window(few.rules.as_ref().unwrap(), "few").condition,
        Condition(vec![(Comparison::Below, 3)])
    );
    for (rule, threshold, told) in [
        ("some", 3, "the rule's condition has two amounts, not one: > 5 and <= 9"),
        ("few", 0, "no amount is < 0"),
    ] {
        let loaded = tuned(rule, threshold);
        assert!(problems(&loaded).iter().any(|one| one.contains(told)), "{:?}", problems(&loaded));
    }
}

#[test]
fn correlations_that_refer_to_each_other_are_an_error() {
    let count = |name: &str, of: &str| {
        correlation(
            name,
            &format!("type: event_count, rules: [{of}], timespan: 5m, condition: {{gte: 3}}"),
            "",
        )
    };

    let loaded = super::load_one(&[count("a", "b"), count("b", "a")].concat());

    let codes: Vec<_> = loaded.problems.iter().map(|problem| problem.code).collect();
    // One of them: without it there is no cycle.
    assert_eq!(codes, ["cycle"]);
}

#[test]
fn new_terms_have_the_term_as_their_group_and_pass_over_events_without_it() {
    let text = format!(
        "{BASE}tidegate:\n  new-terms: {{fields: [tidegate.principal, userAgent], history: 14d, learn: 7d}}\n  allowed-lateness: 2h\n"
    );

    let rules = rules_of(&text);

    let rule = &rules.rules()[0];
    let Kind::NewTerms(terms) = &rule.kind else { panic!("{:?}", rule.kind) };
    assert_eq!((terms.history, terms.learn), (Span::from_hours(14 * 24), Span::from_hours(7 * 24)));
    let term: Vec<&str> = rule.group_by.iter().map(|id| rules.fields().name(*id)).collect();
    assert_eq!(term, ["tidegate.principal", "userAgent"]);
    assert_eq!(rule.missing_group, MissingGroup::Skip);
    assert_eq!(rule.allowed_lateness, Some(Span::from_hours(2)));
}

#[test]
fn a_rule_without_a_window_has_principal_and_bucket_as_its_key() {
    let rules = rules_of(BASE);

    let rule = &rules.rules()[0];

    let key: Vec<&str> = rule.group_by.iter().map(|id| rules.fields().name(*id)).collect();
    assert_eq!(key, ["tidegate.principal", "tidegate.bucket"]);
    assert!(matches!(rule.kind, Kind::Match));
    assert_eq!((rule.text.id.as_str(), rule.text.name.as_str()), ("base", "base"));
}

#[test]
fn group_by_may_be_absent_or_empty() {
    for more in ["", ", group-by: []"] {
        let rules =
            rules_of(&[BASE, &count("c", &format!("{more}, condition: {{gte: 1}}"))].concat());
        assert!(rules.rules()[0].group_by.is_empty());
    }
}

#[test]
fn a_referenced_rule_is_silent_unless_somebody_says_generate() {
    let silent = [BASE, &count("c", ", condition: {gte: 1}")].concat();
    let inside = [BASE, &count("c", ", generate: true, condition: {gte: 1}")].concat();
    let on_top = format!("{silent}generate: true\n");
    let disabled = inside.replace("tidegate: {}", "tidegate: {enabled: false}");

    assert_eq!(names(&rules_of(&silent)), ["c"]);
    assert_eq!(names(&rules_of(&inside)), ["base", "c"]);
    assert_eq!(names(&rules_of(&on_top)), ["base", "c"]);
    assert_eq!(names(&rules_of(&disabled)), ["base"]);
}

#[test]
fn a_reference_by_title_works_with_a_warning() {
    let text = [
        BASE,
        &correlation("c", "type: event_count, rules: [B], timespan: 1m, condition: {gte: 1}", ""),
    ]
    .concat();

    let loaded = load_one(&text);

    assert!(loaded.rules.is_some());
    assert_eq!(
        problems(&loaded),
        ["rules/a.yml:8:42 warning reference-by-title \"B\" is a title (hint: write \"base\")"]
    );
}

#[test]
fn an_alias_for_one_field_of_all_rules_is_a_name_of_the_group_too() {
    let inside = "type: event_count, rules: [x, y], group-by: [who], aliases: {who: {x: user, y: user}}, timespan: 1m, condition: {gte: 1}";
    let outer = "type: event_count, rules: [c], group-by: [who], timespan: 1h, condition: {gte: 1}";
    let text = [
        base("x", ""),
        base("y", ""),
        correlation("c", inside, "title: 'by {who}'"),
        correlation("o", outer, ""),
    ]
    .concat();
    let rules = rules_of(&text);

    let rule = |name: &str| rules.rule(rules.find(name).unwrap());
    let names = |fields: &[crate::event::FieldId]| -> Vec<String> {
        fields.iter().map(|id| rules.fields().name(*id).to_owned()).collect()
    };
    assert_eq!(names(&rule("c").group_by), ["who"]);
    let ways: Vec<_> = rule("c").group_by_of.iter().map(|way| names(way)).collect();
    assert_eq!(ways, [["user"], ["user"]]);
    assert_eq!(names(&rule("o").group_by), ["who"]);
}

#[test]
fn only_fields_that_decide_something_are_extracted() {
    let own = "title: '{eventName} {tidegate.actor}', alert-context: {x: awsRegion}, collect: {keys: {field: tidegate.key, sample: 3}}, dedup: {key: [tidegate.account]}";
    let inside = "type: value_sum, rules: [base], group-by: [tidegate.principal], timespan: 1m, condition: {field: bytes, gte: 1}";
    let rules = rules_of(&[BASE, &correlation("c", inside, own)].concat());

    let mut fields: Vec<&str> = rules.fields().iter().map(|(_, name)| name).collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "a",
            "bytes",
            "eventName",
            "eventSource",
            "tidegate.account",
            "tidegate.key",
            "tidegate.principal"
        ]
    );
}

const LISTS: &str = "title: L\nname: listed\nlogsource: {product: aws, service: cloudtrail}\n\
    detection:\n  net: {ip|expand: '%nets%'}\n  who: {user|expand: '%people%'}\n  acc: {account|expand|neq: '%ours%'}\n  verb: {call|startswith|expand: '%verbs%'}\n  condition: net or who or acc or verb\n\
    tidegate:\n  lists:\n    nets: {type: cidr, values: [10.0.0.0/8]}\n    people: {type: glob, values: ['*alice']}\n    ours: {type: account, values: ['111122223333']}\n    verbs: {type: string, values: [Get, 'L*']}\n";

#[test]
fn the_type_of_a_list_says_how_it_compares() {
    let rules = rules_of(LISTS);

    for (record, expected) in [
        (json!({"ip": "10.1.1.1", "account": "111122223333"}), true),
        (json!({"ip": "11.1.1.1", "account": 111_122_223_333_u64}), false),
        (json!({"user": "x/Alice", "account": "111122223333"}), true),
        (json!({"account": "999999999999"}), true),
        (json!({"account": ["111122223333", "999999999999"]}), true),
        (json!({"account": "111122223333", "call": "GetObject"}), true),
        (json!({"account": "111122223333", "call": "List"}), false),
        (json!({"account": "111122223333", "call": "L*x"}), true),
    ] {
        assert_eq!(!matches(&rules, &record).is_empty(), expected, "{record}");
    }
    assert_eq!(rules.list("nets"), Some(["10.0.0.0/8".to_owned()].as_slice()));
    assert_eq!(rules.list("nobody"), None);
}

#[test]
fn a_deployment_replaces_the_values_of_a_list_by_name() {
    let options = LoadOptions { lists: vec![list("people", &["bob"])], ..LoadOptions::default() };
    let rules = load(&[own(LISTS)], &options).rules.unwrap();
    let ours = |user: &str| json!({"user": user, "account": "111122223333"});

    assert!(matches(&rules, &ours("x/Alice")).is_empty());
    assert_eq!(matches(&rules, &ours("BOB")), ["listed"]);
    assert_ne!(rules.fingerprint(), rules_of(LISTS).fingerprint());
}

#[test]
fn lists_of_a_deployment_are_checked_where_they_were_written() {
    for (given, expected) in [
        (
            list("nets", &["x"]),
            "tidegate.toml:3:1 error list-value \"x\" is no network, in the list \"nets\" (hint: like 10.0.0.0/8 or 2001:db8::/32)",
        ),
        (
            list("nots", &["x"]),
            "tidegate.toml:3:1 error unknown-list no rule has a list \"nots\" (hint: did you mean \"nets\")",
        ),
        (
            ListValues { kind: Some(super::super::ListType::Glob), ..list("nets", &["x"]) },
            "tidegate.toml:3:1 error list-type the rules use the list \"nets\" as cidr",
        ),
    ] {
        let options = LoadOptions { lists: vec![given], ..LoadOptions::default() };
        let loaded = load(&[own(LISTS)], &options);
        assert_eq!(problems(&loaded), [expected]);
        assert!(loaded.rules.is_none());
    }
}

#[test]
fn an_empty_list_matches_nothing_or_everything_as_it_says() {
    for (empty, expected) in
        [("", false), (", empty: match-none", false), (", empty: match-all", true)]
    {
        let text = format!(
            "title: T\nname: t\nlogsource: {{product: aws, service: cloudtrail}}\n\
             detection: {{s: {{a|expand: '%l%'}}, condition: s}}\n\
             tidegate: {{lists: {{l: {{type: glob{empty}}}}}}}\n"
        );
        assert_eq!(!matches(&rules_of(&text), &json!({"a": "x"})).is_empty(), expected, "{empty}");
    }
}

/// A rule that needs a list of accounts.
const NEEDS_LIST: &str = "title: T\nname: needs\nlogsource: {product: aws, service: cloudtrail}\n\
    detection: {s: {a|expand: '%accounts%'}, condition: s}\n\
    tidegate: {lists: {accounts: {type: account, required: true}}}\n";

#[test]
fn a_required_list_that_is_empty_stops_own_rules_and_switches_shipped_ones_off() {
    let shipped = RuleFile { builtin: true, ..own(NEEDS_LIST) };
    let by_name = Tune { enabled: Some(true), ..Tune::new("needs", place()) };

    let of_deployment = load(&[own(NEEDS_LIST)], &LoadOptions::default());
    let of_pack = load(std::slice::from_ref(&shipped), &LoadOptions::default());
    let asked_for = load(
        std::slice::from_ref(&shipped),
        &LoadOptions { tune: vec![by_name], ..LoadOptions::default() },
    );
    let filled =
        LoadOptions { lists: vec![list("accounts", &["111122223333"])], ..LoadOptions::default() };
    let filled = load(&[shipped], &filled);

    assert_eq!(
        problems(&of_deployment),
        [
            "rules/a.yml:4:27 error list-empty the list \"accounts\" is empty (hint: set its values in [lists.accounts])"
        ]
    );
    assert_eq!(
        problems(&of_pack),
        [
            "rules/a.yml:4:27 warning list-empty \"needs\" is left out: the list \"accounts\" is empty (hint: set its values in [lists.accounts])"
        ]
    );
    assert!(of_pack.rules.unwrap().rules().is_empty());
    assert_eq!(asked_for.problems[0].severity, Severity::Error);
    assert_eq!(names(&filled.rules.unwrap()), ["needs"]);
}

fn keyed(key: &[&str]) -> LoadOptions {
    let key = key.iter().map(|name| (*name).to_owned()).collect();
    LoadOptions { partition_key: vec![(Source::CloudTrail, Some(key))], ..LoadOptions::default() }
}

#[test]
fn a_rule_whose_groups_are_spread_over_partitions_is_refused() {
    let inside = |group: &str| {
        format!(
            "type: event_count, rules: [base], group-by: [{group}], timespan: 1m, condition: {{gte: 1}}"
        )
    };
    let by = |group: &str, own: &str| [BASE, &correlation("c", &inside(group), own)].concat();
    let by_principal = keyed(&["tidegate.principal"]);
    for (text, options, expected) in [
        (by("tidegate.principal, x", ""), &by_principal, true),
        (by("userIdentity.arn", ""), &by_principal, true),
        (by("tidegate.bucket", ""), &by_principal, false),
        (by("", ""), &by_principal, false),
        (by("tidegate.principal", "dedup: {key: [tidegate.bucket]}"), &by_principal, false),
        (by("tidegate.principal", ""), &keyed(&[]), false),
        (by("tidegate.bucket", ""), &LoadOptions::default(), true),
        (BASE.to_owned(), &by_principal, true),
        (BASE.to_owned(), &keyed(&["tidegate.session"]), false),
        (format!("{BASE}tidegate: {{dedup: {{period: 0}}}}\n"), &keyed(&[]), true),
    ] {
        let loaded = load(&[own(&text)], options);
        assert_eq!(loaded.rules.is_some(), expected, "{text} {:?}", problems(&loaded));
    }
    let refused = load(&[own(&by("tidegate.bucket", ""))], &by_principal);
    assert_eq!(
        problems(&refused),
        [
            "rules/a.yml:6:1 error not-local \"c\" counts by [tidegate.bucket], and the key of cloudtrail is [tidegate.principal]: its events arrive in several partitions (hint: add the key's fields to group-by and dedup.key)"
        ]
    );
    let shipped = RuleFile { builtin: true, ..own(&by("tidegate.bucket", "")) };
    let left_out = load(&[shipped], &by_principal);
    assert!(left_out.rules.unwrap().rules().is_empty());
    assert_eq!(left_out.problems[0].severity, Severity::Warning);
}

#[test]
fn tuning_changes_a_rule_and_keeps_its_state() {
    let file = [
        BASE,
        &correlation(
            "c",
            "type: event_count, rules: [base], timespan: 1m, condition: {gte: 10}",
            "tiers: [{gte: 20, level: medium}, {gte: 30, level: high}]",
        ),
    ]
    .concat();
    let plain = rules_of(&file);
    let tuned = |change: fn(&mut Tune)| {
        let mut tune = Tune::new("c", place());
        change(&mut tune);
        load(&[own(&file)], &LoadOptions { tune: vec![tune], ..LoadOptions::default() })
            .rules
            .unwrap()
    };
    let tier = |gte, level| Tier { gte, level };

    let raised = tuned(|tune| tune.threshold = Some(20));
    assert_eq!(window(&raised, "c").tiers, [tier(20, Level::Medium), tier(30, Level::High)]);
    assert_eq!(raised.rules()[0].state_id, plain.rules()[0].state_id);
    assert_eq!(raised.rules()[0].level, Level::Medium);
    assert_ne!(raised.fingerprint(), plain.fingerprint());
    let lowered = tuned(|tune| tune.threshold = Some(5));
    assert_eq!(window(&lowered, "c").tiers.len(), 3);
    let other_tiers = tuned(|tune| tune.tiers = Some(vec![(50, Level::Critical)]));
    assert_eq!(window(&other_tiers, "c").tiers, [tier(10, Level::Low), tier(50, Level::Critical)]);
    let longer = tuned(|tune| tune.timespan = Some(Span::from_minutes(5)));
    assert_eq!(window(&longer, "c").span, Span::from_minutes(5));
    assert_ne!(longer.rules()[0].state_id, plain.rules()[0].state_id);
    let dedup = tuned(|tune| tune.dedup_period = Some(Span::from_hours(2)));
    assert_eq!(dedup.rules()[0].dedup.period, Span::from_hours(2));
    assert!(tuned(|tune| tune.enabled = Some(false)).rules().is_empty());
}

#[test]
fn rules_are_disabled_by_name_or_id_and_unknown_names_are_errors() {
    let options = |names: &[&str]| LoadOptions {
        disable: names.iter().map(|name| (*name).to_owned()).collect(),
        ..LoadOptions::default()
    };
    let all = load(&builtin(), &LoadOptions::default()).rules.unwrap();
    let fewer =
        load(&builtin(), &options(&["s3_object_count", "0c8e6c1a-4c1f-4a8e-9a75-6f6d4a4f8b11"]));
    let wrong = load(&builtin(), &options(&["s3_object_cuont"]));

    let fewer = fewer.rules.unwrap();
    assert_eq!(fewer.rules().len() + 2, all.rules().len());
    assert!(fewer.find("s3_object_count").is_none() && fewer.find("s3_large_download").is_none());
    let errors = wrong.problems.iter().filter(|problem| problem.severity == Severity::Error);
    assert_eq!(
        errors.map(ToString::to_string).collect::<Vec<_>>(),
        [
            "rules.disable error unknown-rule there is no rule \"s3_object_cuont\" (hint: did you mean \"s3_object_count\")"
        ]
    );
}

#[test]
fn a_file_of_the_deployment_replaces_a_shipped_rule_of_the_same_name() {
    let text = "title: Mine\nname: vpce_s3_external_ip\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {a: 1}, condition: s}\n";
    let files: Vec<RuleFile> = builtin().into_iter().chain([own(text)]).collect();

    let loaded = load(&files, &LoadOptions::default());

    assert!(loaded.problems.iter().any(|problem| problem.code == "replaces-builtin"));
    let rules = loaded.rules.unwrap();
    let shipped = load(&builtin(), &LoadOptions::default()).rules.unwrap();
    assert_eq!(rules.rules().len(), shipped.rules().len());
    assert_eq!(matches(&rules, &json!({"a": 1})), ["vpce_s3_external_ip"]);
}

#[test]
fn denied_warnings_stop_the_load() {
    let text = [
        BASE,
        &correlation("c", "type: event_count, rules: [B], timespan: 1m, condition: {gte: 1}", ""),
    ]
    .concat();
    let options = LoadOptions { deny_warnings: true, ..LoadOptions::default() };

    assert!(load(&[own(&text)], &options).rules.is_none());
    assert!(load(&[own(BASE)], &options).rules.is_some());
}

#[test]
fn state_belongs_to_what_is_counted_and_not_to_texts() {
    let with = |base: &str, inside: &str, own: &str| {
        rules_of(&[base, &correlation("c", inside, own)].concat()).rules()[0].state_id
    };
    let inside =
        "type: event_count, rules: [base], group-by: [x], timespan: 1m, condition: {gte: 1}";
    let first = with(BASE, inside, "");

    assert_eq!(
        first,
        with(BASE, &inside.replace("gte: 1", "gte: 9"), "title: x, dedup: {period: 2h}")
    );
    assert_eq!(first, with(&BASE.replace("title: B", "title: C\nauthor: me"), inside, ""));
    for (base, inside, own) in [
        (BASE.replace("a: 1", "a: 2"), inside.to_owned(), ""),
        (BASE.to_owned(), inside.replace("[x]", "[y]"), ""),
        (BASE.to_owned(), inside.replace("1m", "2m"), ""),
        (BASE.to_owned(), inside.to_owned(), "window: tumbling"),
    ] {
        assert_ne!(first, with(&base, &inside, own));
    }
}
