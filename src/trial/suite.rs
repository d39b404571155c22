//! The tests of some rule files, played one by one.
//!
//! A test loads the files that its rule needs and no others; rule sets are kept, since most tests of a
//! rule want the same one. Events go through a scanner in memory, so nothing here decodes or detects.

use super::verdict::{Seen, Verdict};
use crate::alert::{self, Writer};
use crate::detect::{Limits, Outcome};
use crate::event::DecodeLimits;
use crate::rule::tests as in_rules;
use crate::rule::tests::{Needs, RuleTest, With};
use crate::rule::{self, Kind, LoadOptions, Problem, RuleFile, RuleSet, Severity};
use crate::scan::{Clock, ScanOptions, Scanner};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Rule sets that are kept; each holds automata and tables.
const KEPT_MAX: usize = 64;
/// A test's events are small; data that a file brings may be a delivery file.
const RECORD_BYTES_MAX: usize = 64 << 20;

/// The tests of some files, and the rule sets that they run with.
pub struct Suite<'f> {
    files: &'f [RuleFile],
    needs: Needs,
    kept: BTreeMap<(String, With), Result<Arc<RuleSet>, Vec<String>>>,
}

impl<'f> Suite<'f> {
    /// Prepares to play tests of rules in `files`.
    #[must_use]
    pub fn new(files: &'f [RuleFile]) -> Self {
        Self { files, needs: Needs::new(files), kept: BTreeMap::new() }
    }

    /// All tests written inside the files, and what is wrong with them.
    #[must_use]
    pub fn tests(&self) -> (Vec<RuleTest>, Vec<Problem>) {
        in_rules::of(self.files)
    }

    /// Plays one test.
    pub fn play(&mut self, test: &RuleTest) -> Verdict {
        if let Some(file) = test.files.first() {
            return Verdict::cannot_run(&[format!("the events of {:?} were not read", file.path)]);
        }
        match self.rules(test) {
            Ok(rules) => play(&rules, test),
            Err(why) => Verdict::cannot_run(&why),
        }
    }

    /// The rules that a test runs with: the tested one switched on, with the test's values.
    ///
    /// # Errors
    /// What stops the load, one line for each problem.
    pub fn rules(&mut self, test: &RuleTest) -> Result<Arc<RuleSet>, Vec<String>> {
        let key = (test.rule.clone(), test.with.clone());
        if let Some(kept) = self.kept.get(&key) {
            return kept.clone();
        }
        let needed = self.needs.of(&test.rule);
        let files: Vec<RuleFile> =
            needed.iter().filter_map(|at| self.files.get(*at)).cloned().collect();
        let loaded = load(&files, test);
        if self.kept.len() >= KEPT_MAX {
            self.kept.clear();
        }
        self.kept.insert(key, loaded.clone());
        loaded
    }
}

fn load(files: &[RuleFile], test: &RuleTest) -> Result<Arc<RuleSet>, Vec<String>> {
    let rules = load_with(files, &test.rule, &test.options())?;
    let is_match =
        rules.find(&test.rule).is_some_and(|at| matches!(rules.rule(at).kind, Kind::Match));
    if test.with.counts_matches && !is_match {
        // What others call a match of a correlation is a finding.
        let as_usual =
            RuleTest { with: With { counts_matches: false, ..test.with.clone() }, ..test.clone() };
        return load_with(files, &test.rule, &as_usual.options());
    }
    Ok(rules)
}

fn load_with(
    files: &[RuleFile],
    rule: &str,
    options: &LoadOptions,
) -> Result<Arc<RuleSet>, Vec<String>> {
    let loaded = rule::load(files, options);
    let lines = |severity: Option<Severity>| -> Vec<String> {
        let problems = loaded.problems.iter();
        let of = problems.filter(|one| severity.is_none_or(|severity| one.severity == severity));
        of.map(ToString::to_string).collect()
    };
    match &loaded.rules {
        None => Err(lines(Some(Severity::Error))),
        Some(rules) if rules.find(rule).is_none() => {
            let mut why = vec![format!("{rule:?} gives no alerts of its own")];
            why.extend(lines(None));
            Err(why)
        }
        Some(_) => loaded.rules.map(Arc::new).ok_or_else(Vec::new),
    }
}

/// Feeds the events to the rules and compares.
fn play(rules: &Arc<RuleSet>, test: &RuleTest) -> Verdict {
    let Some(tested) = rules.find(&test.rule) else {
        return Verdict::cannot_run(&[format!("{:?} is not among the rules", test.rule)]);
    };
    let mut scanner = match scanner(rules) {
        Ok(scanner) => scanner,
        Err(error) => return Verdict::cannot_run(&[error.to_string()]),
    };
    let mut seen = Seen::default();
    for (number, event) in (1usize..).zip(&test.events) {
        let (events, skipped) = (scanner.summary().events(), skipped(&scanner));
        let mut take = |found: crate::scan::Found<'_>| {
            if found.finding.rule == tested {
                seen.records.push((found.finding.clone(), found.alert));
            }
            Ok(())
        };
        if let Err(error) = scanner.read_record("test", event.as_bytes(), &mut take) {
            return Verdict::cannot_run(&[error.to_string()]);
        }
        if scanner.summary().events() == events {
            let why = if skipped == self::skipped(&scanner) {
                "cannot be read"
            } else {
                "is no log entry"
            };
            let detail = scanner.summary().places.values().flatten().last();
            let detail = detail.map(|place| format!(": {}", place.detail)).unwrap_or_default();
            seen.unread.push(format!("event {number} {why}{detail}"));
        }
    }
    seen.waiting = scanner.summary().waiting;
    let outcomes = &scanner.summary().outcomes;
    let count = |outcome| {
        outcomes.get(&outcome).and_then(|count| usize::try_from(*count).ok()).unwrap_or_default()
    };
    (seen.late, seen.duplicates) = (count(Outcome::Late), count(Outcome::Duplicate));
    Verdict::of(&seen, &test.expect)
}

fn skipped(scanner: &Scanner) -> u64 {
    scanner.summary().skipped.values().sum()
}

/// A scanner with the limits of a deployment that has set none.
fn scanner(rules: &Arc<RuleSet>) -> Result<Scanner, crate::scan::ScanError> {
    let writer = Writer::new(alert::Settings::default(), Arc::<RuleSet>::clone(rules));
    let decode =
        DecodeLimits { max_record_bytes: RECORD_BYTES_MAX, max_inflated_bytes: RECORD_BYTES_MAX };
    let detect = Limits::default();
    let options = ScanOptions { decode, detect, clock: Clock::Event, from: None, to: None };
    Scanner::new(Arc::clone(rules), writer, options)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A rule on reads of objects, with one test whose expectation is `expect`.
    fn own_rule(expect: &str) -> Vec<RuleFile> {
        let text = format!(
            "title: A role reads an object
id: 8d6f3f62-4b0e-4b58-9a7b-6a1d5f0b3c11
name: role_read
description: An object is read by a role.
logsource: {{product: aws, service: cloudtrail}}
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
        - {{template: getobject, event: {{eventID: 00000000-0000-4000-8000-000000000002}}}}
      expect: {expect}
"
        );
        vec![RuleFile { name: "role_read.yml".into(), text, builtin: false }]
    }

    fn differences(files: &[RuleFile]) -> Vec<String> {
        let mut suite = Suite::new(files);
        let (tests, problems) = suite.tests();
        assert_eq!((tests.len(), problems.as_slice()), (1, &[][..]));
        suite.play(&tests[0]).differences.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn expectations_that_hold_are_no_difference() {
        let expect = "{alerts: 1, escalations: 0, duplicates: 1, late: 0, level: low, \
                      title: 'Read from orders-archive', \
                      group: {tidegate.bucket: orders-archive}, context: {event: GetObject}}";

        assert_eq!(differences(&own_rule(expect)), [""; 0]);
    }

    #[test]
    fn each_kind_of_wrong_expectation_is_found_and_named() {
        for (expect, difference) in [
            ("{alerts: 2}", "alerts: expected 2, got 1"),
            ("{alerts: 0}", "alerts: expected 0, got 1"),
            ("{alerts: 1, escalations: 1}", "escalations: expected 1, got 0"),
            ("{alerts: 1, duplicates: 0}", "duplicates: expected 0, got 1"),
            ("{alerts: 1, late: 1}", "late: expected 1, got 0"),
            ("{alerts: 1, level: high}", "level: expected high, got low"),
            (
                "{alerts: 1, title: Another}",
                "title: expected Another, got Read from orders-archive",
            ),
            (
                "{alerts: 1, group: {tidegate.bucket: b}}",
                "group tidegate.bucket: expected \"b\", got \"orders-archive\"",
            ),
            (
                "{alerts: 1, context: {event: PutObject}}",
                "context event: expected \"PutObject\", got \"GetObject\"",
            ),
            ("{alerts: 1, context: {nothing: x}}", "context nothing: expected \"x\", got null"),
        ] {
            assert_eq!(differences(&own_rule(expect)), [difference], "{expect}");
        }
    }

    #[test]
    fn a_rule_that_does_not_load_fails_its_tests_and_says_why() {
        let mut files = own_rule("{alerts: 1}");
        files[0].text =
            files[0].text.replace("eventName: GetObject", "eventName|expand: '%nothing%'");

        let found = differences(&files);

        assert!(
            found[0].starts_with("rules: expected rules that load, got role_read.yml:8:23 "),
            "{found:?}"
        );
    }

    #[test]
    fn an_event_that_is_none_fails_the_test() {
        let mut files = own_rule("{alerts: 1}");
        files[0].text =
            files[0].text.replace("repeat: 3, every: 1m, template: getobject", "event: {a: b}");

        let found = differences(&files);

        assert!(
            found.iter().any(|line| line.starts_with("events: expected can be read, got event 1 ")),
            "{found:?}"
        );
    }
}
