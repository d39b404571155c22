//! The tests inside the shipped rules, run through decoder, engine and alert writer.

use crate::support::Pipeline;
use serde_json::{Map, Value};
use std::fmt::Debug;
use std::sync::Arc;
use tidegate::alert::Alert;
use tidegate::detect::{Finding, FindingKind};
use tidegate::rule::tests::{self, RuleTest};
use tidegate::rule::{self, RuleFile};

/// What one rule said about the events of one test.
struct Seen {
    records: Vec<(Finding, Alert)>,
}

/// Feeds a test's events to the rules of `files`, loaded with the test's own values.
fn play(files: &[RuleFile], test: &RuleTest) -> Seen {
    let loaded = rule::load(files, &test.options());
    let rules = loaded.rules.unwrap_or_else(|| panic!("{}: {:#?}", test.name, loaded.problems));
    let tested = rules.find(&test.rule).expect("the tested rule is loaded");
    let mut pipeline = Pipeline::new(Arc::new(rules));
    for event in &test.events {
        pipeline.take(event.as_bytes(), None);
    }
    let alerts = pipeline.alerts();
    let records = pipeline.findings.into_iter().zip(alerts);
    Seen { records: records.filter(|(finding, _)| finding.rule == tested).collect() }
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
    for test in &tests {
        let lines = play(files, test).differences(test);
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

    assert!(count >= 50, "only {count} tests");
    assert!(failures.is_empty(), "{} of {count} fail:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn every_shipped_rule_is_seen_to_fire_and_to_stay_silent() {
    let files = rule::builtin();
    let (tests, _) = tests::of(&files);
    let rules = rule::load(&files, &rule::LoadOptions::default()).rules.expect("the pack loads");

    for rule in rules.rules() {
        let of_rule: Vec<&RuleTest> =
            tests.iter().filter(|test| test.rule == rule.text.name).collect();
        let fires = of_rule.iter().any(|test| !play(&files, test).records.is_empty());
        let is_silent = of_rule.iter().any(|test| play(&files, test).records.is_empty());
        assert!(fires && is_silent, "{}: fires {fires}, silent {is_silent}", rule.text.name);
    }
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
