//! The tests inside the shipped rules, run through decoder, engine and alert writer.

use crate::support::{Pipeline, matching};
use serde_json::{Map, Value, json};
use std::collections::{BTreeSet, HashMap};
use std::fmt::Debug;
use std::sync::Arc;
use tidegate::alert::Alert;
use tidegate::detect::{Finding, FindingKind};
use tidegate::rule::tests::{self, RuleTest};
use tidegate::rule::{self, Kind, Measure, Rule, RuleFile, RuleSet};

/// What one rule said about the events of one test.
struct Seen {
    records: Vec<(Finding, Alert)>,
}

/// Runs tests of some files. Rules are loaded once for all tests that want the same values: a load of
/// the whole pack takes longer than most tests.
struct Player<'f> {
    files: &'f [RuleFile],
    loaded: HashMap<(String, Option<String>), Arc<RuleSet>>,
}

impl<'f> Player<'f> {
    fn new(files: &'f [RuleFile]) -> Self {
        Self { files, loaded: HashMap::new() }
    }

    /// The rules with the test's own values, its rule switched on.
    fn rules(&mut self, test: &RuleTest) -> Arc<RuleSet> {
        let values = format!("{:?}", test.with);
        let shipped = self.load((values.clone(), None), test);
        if shipped.find(&test.rule).is_some() {
            return shipped;
        }
        self.load((values, Some(test.rule.clone())), test)
    }

    fn load(&mut self, key: (String, Option<String>), test: &RuleTest) -> Arc<RuleSet> {
        let mut options = test.options();
        // A threshold is of the tested rule alone.
        if key.1.is_none() && test.with.threshold.is_none() {
            options.tune.clear();
        }
        let rules = self.loaded.entry(key).or_insert_with(|| {
            let loaded = rule::load(self.files, &options);
            let rules = loaded.rules;
            Arc::new(rules.unwrap_or_else(|| panic!("{}: {:#?}", test.name, loaded.problems)))
        });
        Arc::clone(rules)
    }

    fn play(&mut self, test: &RuleTest) -> Seen {
        let rules = self.rules(test);
        let tested = rules.find(&test.rule).expect("the tested rule is loaded");
        let mut pipeline = Pipeline::new(rules);
        for event in &test.events {
            pipeline.take(event.as_bytes(), None);
        }
        pipeline.findings.retain(|finding| finding.rule == tested);
        let alerts = pipeline.alerts();
        Seen { records: pipeline.findings.into_iter().zip(alerts).collect() }
    }
}

impl Seen {
    fn count(&self, kind: FindingKind) -> usize {
        self.records.iter().filter(|(finding, _)| finding.kind == kind).count()
    }

    /// One line for each expectation that does not hold.
    fn differences(&self, test: &RuleTest) -> Vec<String> {
        let expect = &test.expect;
        let mut lines = Vec::new();
        differ(&mut lines, "alerts", &expect.alerts, &self.count(FindingKind::Create));
        if let Some(escalations) = &expect.escalations {
            differ(&mut lines, "escalations", escalations, &self.count(FindingKind::Escalate));
        }
        let last = self.records.last();
        let body: Value = last.map_or(Value::Null, |(_, alert)| {
            serde_json::from_slice(&alert.value).expect("an alert is JSON")
        });
        if let Some(level) = expect.level {
            differ(&mut lines, "level", &Some(level), &last.map(|(finding, _)| finding.level));
        }
        if let Some(title) = &expect.title {
            let found = body.pointer("/finding_info/title").and_then(Value::as_str);
            differ(&mut lines, "title", &Some(title.as_str()), &found);
        }
        let group = last.map(|(finding, _)| as_object(&finding.group)).unwrap_or_default();
        members(&mut lines, "group", &expect.group, &group);
        let context = body.pointer("/unmapped/alert_context").and_then(Value::as_object);
        members(&mut lines, "context", &expect.context, context.unwrap_or(&Map::new()));
        lines
    }
}

fn as_object(group: &[(String, Option<String>)]) -> Map<String, Value> {
    group.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect()
}

fn differ<T: PartialEq + Debug>(lines: &mut Vec<String>, what: &str, expected: &T, found: &T) {
    if expected != found {
        lines.push(format!("{what}: expected {expected:?}, found {found:?}"));
    }
}

fn members(
    lines: &mut Vec<String>,
    what: &str,
    expected: &Map<String, Value>,
    found: &Map<String, Value>,
) {
    for (name, value) in expected {
        let found = found.get(name).unwrap_or(&Value::Null);
        if value != found {
            lines.push(format!("{what} {name}: expected {value}, found {found}"));
        }
    }
}

/// Runs all tests of `files`; gives how many there are and a paragraph for each that fails.
fn run(files: &[RuleFile]) -> (usize, Vec<String>) {
    let (tests, problems) = tests::of(files);
    assert!(problems.is_empty(), "{problems:#?}");
    let mut failures = Vec::new();
    let mut player = Player::new(files);
    for test in &tests {
        let lines = player.play(test).differences(test);
        if !lines.is_empty() {
            let RuleTest { place, rule, name, .. } = test;
            failures.push(format!("{place} {rule}: {name}\n    {}", lines.join("\n    ")));
        }
    }
    (tests.len(), failures)
}

#[test]
fn every_test_of_every_shipped_rule_holds() {
    let (count, failures) = run(&rule::builtin());

    assert!(count >= 600, "only {count} tests");
    assert!(failures.is_empty(), "{} of {count} fail:\n{}", failures.len(), failures.join("\n"));
}

/// The letters in front of a test's name, before the colon.
fn letters(name: &str) -> BTreeSet<char> {
    let before = name.split_once(':').map_or("", |(before, _)| before);
    before.chars().filter(|letter| !letter.is_whitespace()).collect()
}

/// The letters that a rule's tests must have, as its kind and its condition demand.
///
/// Every rule: P, it fires; N, it does not for the nearest miss; D, an event that arrives twice is one.
/// A rule that asks for success: F, the call that failed. It asks for it when the events that make it
/// fire match no longer once they carry an error message.
/// A window: B, its threshold and its edges; L, the deciding event is late; with a group-by G, groups stay
/// apart; with a group-by or a field that it measures M, one that is missing. New terms: B, the end of
/// the history; L, a sighting older than the first; M, a term that is not whole.
fn wanted(rule: &Rule, rules: &RuleSet, tests: &[&RuleTest]) -> BTreeSet<char> {
    let mut wanted = BTreeSet::from(['P', 'N', 'D']);
    let matches =
        |event: &Value| matching(rules, event.to_string().as_bytes()).contains(&rule.text.name);
    let positive = tests.iter().find(|test| letters(&test.name).contains(&'P'));
    let events = positive.into_iter().flat_map(|test| test.events.iter().take(1));
    for event in events {
        let mut event: Value = serde_json::from_str(event).expect("an event is JSON");
        let matched = matches(&event);
        event["errorMessage"] = json!("it failed");
        if matched && !matches(&event) {
            wanted.insert('F');
        }
    }
    match &rule.kind {
        Kind::Match => {}
        Kind::NewTerms(_) => wanted.extend(['B', 'L', 'M']),
        Kind::Window(window) => {
            wanted.extend(['B', 'L']);
            if !rule.group_by.is_empty() {
                wanted.extend(['G', 'M']);
            }
            if !matches!(window.measure, Measure::Count) {
                wanted.insert('M');
            }
        }
    }
    wanted
}

#[test]
fn every_shipped_rule_has_a_test_for_each_letter_that_applies() {
    let files = rule::builtin();
    let (tests, _) = tests::of(&files);
    let mut player = Player::new(&files);
    let mut missing = Vec::new();

    let names: BTreeSet<&String> = tests.iter().map(|test| &test.rule).collect();
    for name in &names {
        let of_rule: Vec<&RuleTest> = tests.iter().filter(|test| test.rule == **name).collect();
        // A positive test's own values are those that the rule needs to match at all.
        let first = of_rule.iter().find(|test| letters(&test.name).contains(&'P'));
        let rules = player.rules(first.unwrap_or_else(|| panic!("{name} has no positive test")));
        let rule = rules.rule(rules.find(name).expect("the rule is loaded"));
        let there: BTreeSet<char> = of_rule.iter().flat_map(|test| letters(&test.name)).collect();
        let lacks: String = wanted(rule, &rules, &of_rule).difference(&there).collect();
        if !lacks.is_empty() {
            missing.push(format!("{name}: {lacks}"));
        }
    }

    assert!(missing.is_empty(), "{missing:#?}");
    assert!(names.len() >= 52, "only {} rules", names.len());
    let known = BTreeSet::from(['P', 'N', 'B', 'G', 'L', 'D', 'F', 'M']);
    for test in &tests {
        let letters = letters(&test.name);
        let is_known = !letters.is_empty() && letters.is_subset(&known);
        assert!(is_known, "{}: {:?} begins with no letter", test.place, test.name);
    }
}

#[test]
fn every_shipped_rule_is_seen_to_fire_and_to_stay_silent() {
    let files = rule::builtin();
    let (tests, _) = tests::of(&files);
    let mut player = Player::new(&files);
    let (mut fires, mut silent) = (BTreeSet::new(), BTreeSet::new());

    for test in &tests {
        let is_silent = player.play(test).records.is_empty();
        if is_silent {
            silent.insert(&test.rule)
        } else {
            fires.insert(&test.rule)
        };
    }

    let rules: BTreeSet<&String> = tests.iter().map(|test| &test.rule).collect();
    assert_eq!((&fires, &silent), (&rules, &rules));
}

/// A rule on root reads of objects, with one test whose expectation is `expect`.
fn own_rule(expect: &str) -> RuleFile {
    let text = format!(
        "title: A role reads an object
id: 8d6f3f62-4b0e-4b58-9a7b-6a1d5f0b3c11
name: role_read
status: test
description: An object is read by a role.
author: tidegate
date: 2026-11-01
logsource:
  product: aws
  service: cloudtrail
detection:
  selection:
    eventName: GetObject
  condition: selection
level: low
tidegate:
  dedup: {{period: 60m, key: [tidegate.principal, tidegate.bucket]}}
  title: 'Read from {{tidegate.bucket}}'
  alert-context: {{event: eventName}}
  tests:
    - name: reads of an hour are one finding
      events:
        - {{repeat: 3, every: 1m, template: getobject}}
      expect: {expect}
"
    );
    RuleFile { name: "role_read.yml".into(), text, builtin: false }
}

#[test]
fn expectations_that_hold_are_no_failure() {
    let expect = "{alerts: 1, escalations: 0, level: low, title: 'Read from orders-archive', \
                  group: {tidegate.bucket: orders-archive}, context: {event: GetObject}}";

    assert_eq!(run(&[own_rule(expect)]), (1, Vec::new()));
}

#[test]
fn each_kind_of_wrong_expectation_is_found_and_named() {
    for (expect, difference) in [
        ("{alerts: 2}", "alerts: expected 2, found 1"),
        ("{alerts: 0}", "alerts: expected 0, found 1"),
        ("{alerts: 1, escalations: 1}", "escalations: expected 1, found 0"),
        ("{alerts: 1, level: high}", "level: expected Some(High), found Some(Low)"),
        (
            "{alerts: 1, title: Another}",
            "title: expected Some(\"Another\"), found Some(\"Read from orders-archive\")",
        ),
        (
            "{alerts: 1, group: {tidegate.bucket: b}}",
            "group tidegate.bucket: expected \"b\", found \"orders-archive\"",
        ),
        (
            "{alerts: 1, context: {event: PutObject}}",
            "context event: expected \"PutObject\", found \"GetObject\"",
        ),
        ("{alerts: 1, context: {nothing: x}}", "context nothing: expected \"x\", found null"),
    ] {
        let (_, failures) = run(&[own_rule(expect)]);

        let place = "role_read.yml:21:7 role_read: reads of an hour are one finding";
        assert_eq!(failures, [format!("{place}\n    {difference}")], "{expect}");
    }
}
