//! Results of tests as lines for people, as JSON and as JUnit's XML.

use super::suite::Suite;
use super::verdict::{Difference, Verdict};
use crate::alert::visible;
use crate::rule::tests::{Letter, RuleTest, applicable, letters_of};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write;

/// Bytes of a test's name that are shown.
const NAME_BYTES: usize = 200;

/// One test and what came of it.
#[derive(Debug, Clone)]
pub struct TestResult<'t> {
    /// The test.
    pub test: &'t RuleTest,
    /// What came.
    pub verdict: Verdict,
}

/// Which kinds of test one rule has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// The rule's name.
    pub rule: String,
    /// Letters that some test's name begins with.
    pub has: BTreeSet<Letter>,
    /// Letters that apply to the rule and that no test has.
    pub missing: BTreeSet<Letter>,
}

impl Coverage {
    /// The coverage of each of `rules` by those of `tests` that are its own.
    ///
    /// What applies to a rule is read off the rule as its first test loads it; a rule without tests,
    /// or one that does not load, misses what applies to any rule.
    #[must_use]
    pub fn of(suite: &mut Suite<'_>, rules: &[String], tests: &[RuleTest]) -> Vec<Coverage> {
        let of_rule = |rule: &String| {
            let own: Vec<&RuleTest> = tests.iter().filter(|test| test.rule == *rule).collect();
            let has: BTreeSet<Letter> =
                own.iter().flat_map(|test| letters_of(&test.name)).collect();
            let loaded = own.iter().find_map(|test| suite.rules(test).ok());
            let wanted = loaded.and_then(|rules| Some(applicable(&rules, rules.find(rule)?)));
            let wanted =
                wanted.unwrap_or_else(|| BTreeSet::from([Letter::Positive, Letter::Negative]));
            let missing = wanted.difference(&has).copied().collect();
            Coverage { rule: rule.clone(), has, missing }
        };
        rules.iter().map(of_rule).collect()
    }

    fn json(&self) -> Value {
        let texts = |letters: &BTreeSet<Letter>| -> Vec<String> {
            letters.iter().map(|letter| letter.as_char().to_string()).collect()
        };
        json!({"rule": self.rule, "has": texts(&self.has), "missing": texts(&self.missing)})
    }
}

/// One line for each test, with what differs below it, and a sum.
#[must_use]
pub fn text(results: &[TestResult<'_>], coverage: Option<&[Coverage]>) -> String {
    let mut out = String::new();
    for TestResult { test, verdict } in results {
        let (rule, name) = (shown(&test.rule), shown(&test.name));
        if verdict.holds() {
            line(&mut out, &format!("ok    {rule}: {name}"));
            continue;
        }
        line(&mut out, &format!("FAIL  {rule}: {name} ({})", test.place));
        for Difference { member, expected, got } in &verdict.differences {
            line(&mut out, &format!("        {}", shown(member)));
            line(&mut out, &format!("          expected  {}", Difference::shown(expected)));
            line(&mut out, &format!("          got       {}", Difference::shown(got)));
        }
    }
    if let Some(coverage) = coverage {
        out.push_str(&coverage_text(coverage));
    }
    let failed = failed(results);
    let rules: BTreeSet<&str> = results.iter().map(|result| result.test.rule.as_str()).collect();
    line(&mut out, &format!("{} tests of {} rules, {failed} failed", results.len(), rules.len()));
    out
}

fn coverage_text(coverage: &[Coverage]) -> String {
    let width = coverage.iter().map(|row| row.rule.chars().count()).max().unwrap_or_default();
    let mut out = String::new();
    for row in coverage {
        let cells: String = Letter::ALL
            .into_iter()
            .map(|letter| match (row.has.contains(&letter), row.missing.contains(&letter)) {
                (true, _) => letter.as_char(),
                (false, true) => '!',
                (false, false) => '-',
            })
            .collect();
        let missing: Vec<String> =
            row.missing.iter().map(|letter| letter.as_char().to_string()).collect();
        let missing = if missing.is_empty() {
            String::new()
        } else {
            format!("  missing {}", missing.join(" "))
        };
        line(&mut out, &format!("{:width$}  {cells}{missing}", shown(&row.rule)));
    }
    let lacked: BTreeSet<Letter> =
        coverage.iter().flat_map(|row| row.missing.iter().copied()).collect();
    for letter in lacked {
        line(&mut out, &format!("  {}: {}", letter.as_char(), letter.help()));
    }
    let rules = coverage.iter().filter(|row| !row.missing.is_empty()).count();
    line(&mut out, &format!("{} rules, {rules} without a test that applies", coverage.len()));
    out
}

/// One JSON object with every test.
#[must_use]
pub fn json(results: &[TestResult<'_>], coverage: Option<&[Coverage]>) -> Value {
    let of_test = |TestResult { test, verdict }: &TestResult<'_>| {
        let differences: Vec<Value> = verdict
            .differences
            .iter()
            .map(|one| json!({"member": one.member, "expected": one.expected, "got": one.got}))
            .collect();
        json!({
            "rule": test.rule,
            "name": test.name,
            "place": test.place.to_string(),
            "passed": verdict.holds(),
            "differences": differences,
        })
    };
    let mut report = json!({
        "tests": results.len(),
        "failed": failed(results),
        "results": results.iter().map(of_test).collect::<Vec<_>>(),
    });
    if let (Some(coverage), Some(members)) = (coverage, report.as_object_mut()) {
        let rows: Vec<Value> = coverage.iter().map(Coverage::json).collect();
        members.insert("coverage".into(), rows.into());
    }
    report
}

/// JUnit's XML: a suite for each rule, a case for each test.
#[must_use]
pub fn junit(results: &[TestResult<'_>]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    line(
        &mut out,
        &format!("<testsuites tests=\"{}\" failures=\"{}\">", results.len(), failed(results)),
    );
    let mut rest = results;
    while let Some(first) = rest.first() {
        let rule = &first.test.rule;
        let end = rest.iter().position(|result| result.test.rule != *rule).unwrap_or(rest.len());
        let (suite, after) = rest.split_at(end);
        line(
            &mut out,
            &format!(
                "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\">",
                escaped(rule),
                suite.len(),
                failed(suite)
            ),
        );
        for TestResult { test, verdict } in suite {
            let head = format!(
                "    <testcase classname=\"{}\" name=\"{}\" file=\"{}\" line=\"{}\"",
                escaped(rule),
                escaped(&test.name),
                escaped(&test.place.file),
                test.place.line
            );
            if verdict.holds() {
                line(&mut out, &format!("{head}/>"));
                continue;
            }
            let lines: Vec<String> = verdict.differences.iter().map(ToString::to_string).collect();
            let first = lines.first().map(String::as_str).unwrap_or_default();
            line(&mut out, &format!("{head}>"));
            let body = escaped(&lines.join("\n"));
            line(
                &mut out,
                &format!("      <failure message=\"{}\">{body}</failure>", escaped(first)),
            );
            line(&mut out, "    </testcase>");
        }
        line(&mut out, "  </testsuite>");
        rest = after;
    }
    line(&mut out, "</testsuites>");
    out
}

/// XML text: its own characters named, control characters (which XML cannot hold) made visible.
fn escaped(text: &str) -> String {
    let lines: Vec<String> =
        text.split('\n').map(|line| visible(line, 4096).into_owned()).collect();
    let mut out = String::new();
    for char in lines.join("\n").chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
    out
}

fn failed(results: &[TestResult<'_>]) -> usize {
    results.iter().filter(|result| !result.verdict.holds()).count()
}

fn shown(text: &str) -> String {
    visible(text, NAME_BYTES).into_owned()
}

fn line(out: &mut String, text: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::Place;
    use crate::rule::tests::{Expect, With};

    fn test(name: &str) -> RuleTest {
        RuleTest {
            rule: "r".into(),
            name: name.into(),
            place: Place { file: "a.yml".into(), line: 3, column: 5 },
            events: Vec::new(),
            files: Vec::new(),
            with: With::default(),
            expect: Expect::default(),
        }
    }

    fn failing() -> Verdict {
        let difference = Difference {
            member: "title".into(),
            expected: "a < b".into(),
            got: "\u{1b}[31m".into(),
        };
        Verdict { differences: vec![difference], has_fired: true }
    }

    #[test]
    fn people_get_a_line_for_each_test_and_the_difference_below_it() {
        let tests = [test("P: fires"), test("N: \u{202e}silent")];
        let results = [
            TestResult { test: &tests[0], verdict: Verdict::default() },
            TestResult { test: &tests[1], verdict: failing() },
        ];

        assert_eq!(
            text(&results, None),
            "ok    r: P: fires\n\
             FAIL  r: N: <U+202E>silent (a.yml:3:5)\n        title\n          \
             expected  a < b\n          got       <U+001B>[31m\n\
             2 tests of 1 rules, 1 failed\n"
        );
    }

    #[test]
    fn xml_holds_no_markup_and_no_control_character_of_a_test() {
        let tests = [test("a & \"b\"")];
        let results = [TestResult { test: &tests[0], verdict: failing() }];

        let xml = junit(&results);

        assert!(xml.contains("name=\"a &amp; &quot;b&quot;\" file=\"a.yml\" line=\"3\">"), "{xml}");
        assert!(
            xml.contains("message=\"title: expected a &lt; b, got &lt;U+001B&gt;[31m\""),
            "{xml}"
        );
        assert!(!xml.contains('\u{1b}'));
        assert!(xml.contains("<testsuites tests=\"1\" failures=\"1\">"));
    }

    #[test]
    fn coverage_marks_what_is_there_what_is_missing_and_what_does_not_apply() {
        let row = Coverage {
            rule: "r".into(),
            has: BTreeSet::from([Letter::Positive]),
            missing: BTreeSet::from([Letter::Failed]),
        };

        let told = coverage_text(&[row]);

        assert_eq!(
            told,
            "r  P-----!-  missing F\n  F: the same call failed\n1 rules, 1 without a test that applies\n"
        );
    }
}
