//! Tests that others wrote for their rules: Panther's lists and SigmaHQ's `info.yml`.
//!
//! Both label whole logs with what a rule must say. Is given texts; which files they stand in is the
//! caller's business.

use super::expect::Expect;
use super::read::{RuleTest, With};
use crate::rule::load::RuleFile;
use crate::rule::problem::{Place, Problem};
use crate::rule::report::Report;
use crate::rule::shape;
use crate::rule::yaml::{self, Mark, Node};
use serde_json::Value;

/// One labelled log of Panther.
#[derive(Debug, Clone, PartialEq)]
pub struct ForeignTest {
    /// Id of the rule that it belongs to; empty where the file does not say.
    pub rule: String,
    /// Its name.
    pub name: String,
    /// Whether the rule must fire.
    pub fires: bool,
    /// The log.
    pub log: Value,
}

/// Reads Panther's tests: a rule file with `Tests` (YAML or JSON), a list of such rules or tests, or
/// lines of JSON with `rule_id`, `test`, `expected` and `log`.
#[must_use]
pub fn foreign(file: &RuleFile) -> (Vec<ForeignTest>, Vec<Problem>) {
    let mut report = Report::new(&file.name);
    let mut tests = Vec::new();
    for (node, line) in nodes(file, &mut report) {
        read_any(&node, "", line, &mut tests, &mut report);
    }
    if tests.is_empty() && !report.has_errors() {
        let hint = "Tests: [{Name: …, ExpectedResult: true, Log: {…}}]".to_owned();
        report.error_with_hint(Mark::FILE, "no-tests", "there is no test in this file", hint);
    }
    (tests, report.into_problems())
}

/// The documents of a file with the line that they begin after; lines of JSON are one each.
fn nodes(file: &RuleFile, report: &mut Report) -> Vec<(Node, usize)> {
    let lines: Vec<&str> = file.text.lines().collect();
    let is_record =
        |line: &&str| line.trim_start().starts_with('{') && line.trim_end().ends_with('}');
    let filled = lines.iter().filter(|line| !line.trim().is_empty());
    if lines.len() > 1 && filled.clone().all(is_record) {
        let numbered = lines.iter().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let read = numbered.map(|(at, line)| (yaml::read(line, report), at));
        return read
            .flat_map(|(nodes, at)| nodes.into_iter().map(move |node| (node, at)))
            .collect();
    }
    yaml::read(&file.text, report).into_iter().map(|node| (node, 0)).collect()
}

fn read_any(
    node: &Node,
    rule: &str,
    line: usize,
    tests: &mut Vec<ForeignTest>,
    report: &mut Report,
) {
    if let Some(items) = node.as_list() {
        return items.iter().for_each(|item| read_any(item, rule, line, tests, report));
    }
    let named = ["RuleID", "rule_id"].iter().find_map(|key| shape::text(node.get(key)));
    let rule = named.map_or_else(|| rule.to_owned(), |key| key.text);
    if let Some(list) = node.get("Tests") {
        return read_any(list, &rule, line, tests, report);
    }
    if node.get("Log").is_none() && node.get("log").is_none() {
        // A rule without tests, a global helper: nothing is lost.
        return;
    }
    tests.extend(read_one(node, rule, line, report));
}

fn read_one(node: &Node, rule: String, line: usize, report: &mut Report) -> Option<ForeignTest> {
    let either = |left: &str, right: &str| node.get(left).or_else(|| node.get(right));
    let mark = Mark { line: node.mark.line + line, column: node.mark.column };
    let mut missing = |key: &str, hint: &str| {
        let what = format!("the test has no {key:?}");
        report.error_with_hint(mark, "missing-key", what, hint.to_owned());
    };
    let name = shape::text(either("Name", "test"));
    let fires = shape::boolean(either("ExpectedResult", "expected"));
    if name.is_none() {
        missing("Name", "Name: what must hold");
    }
    if fires.is_none() {
        missing("ExpectedResult", "ExpectedResult: true, or false");
    }
    let log = either("Log", "log").map(Node::to_json)?;
    // Some are a JSON text inside of YAML.
    let log = match log {
        Value::String(text) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        log => log,
    };
    if !log.is_object() {
        missing("Log", "Log: a map, the log entry");
        return None;
    }
    Some(ForeignTest { rule, name: name?.text, fires: fires?, log })
}

impl ForeignTest {
    /// The log as an event of a test: what makes a fragment an event is added, nothing that rules ask.
    ///
    /// Members of Panther's own (`p_…`) are left out; time and id are filled in when it runs.
    #[must_use]
    pub fn event(&self) -> Value {
        let mut members = self.log.as_object().cloned().unwrap_or_default();
        members.retain(|name, _| !name.starts_with("p_"));
        members.entry("eventVersion").or_insert_with(|| "1.08".into());
        Value::Object(members)
    }
}

/// A `tests` block for the `tidegate` key of a rule, indented as there.
///
/// Each event is one line of JSON, which is YAML too.
#[must_use]
pub fn yaml_block(tests: &[ForeignTest]) -> String {
    let mut out = String::from("  tests:\n");
    for test in tests {
        let event = test.event();
        out.push_str(&format!("    - name: {}\n", Value::from(test.name.as_str())));
        out.push_str(&format!("      events:\n        - event: {event}\n"));
        out.push_str(&format!("      expect: {{alerts: {}}}\n", usize::from(test.fires)));
    }
    out
}

/// One entry of SigmaHQ's `regression_tests_info`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regression {
    /// Its name.
    pub name: String,
    /// `type`: the form of the data.
    pub kind: String,
    /// Path of the data below the repository's root.
    pub path: String,
    /// How many events match.
    pub match_count: usize,
    /// Where it stands.
    pub place: Place,
}

/// Rules that name an `info.yml`: rule, path as written, and where it is written.
#[must_use]
pub fn regression_paths(files: &[RuleFile]) -> Vec<(String, String, Place)> {
    let mut found = Vec::new();
    for file in files {
        for node in yaml::read(&file.text, &mut Report::new(&file.name)) {
            let rule = shape::text(node.get("name")).or_else(|| shape::text(node.get("id")));
            let path = shape::text(node.get("regression_tests_path"));
            if let (Some(rule), Some(path)) = (rule, path) {
                let place = Place {
                    file: file.name.clone(),
                    line: path.mark.line,
                    column: path.mark.column,
                };
                found.push((rule.text, path.text, place));
            }
        }
    }
    found
}

/// Reads an `info.yml`.
#[must_use]
pub fn regressions(file: &RuleFile) -> (Vec<Regression>, Vec<Problem>) {
    let mut report = Report::new(&file.name);
    let mut found = Vec::new();
    for node in yaml::read(&file.text, &mut report) {
        let entries = shape::items(node.get("regression_tests_info"));
        if entries.is_empty() {
            let hint =
                "regression_tests_info: [{name, type, provider, match_count, path}]".to_owned();
            let what = "there is no test in this file";
            report.error_with_hint(node.mark, "no-tests", what, hint);
        }
        for entry in entries {
            let text = |key: &str| shape::text(entry.get(key)).map(|key| key.text);
            let count = shape::count(entry.get("match_count"));
            let count = count.and_then(|count| usize::try_from(count).ok());
            let (Some(path), Some(match_count)) = (text("path"), count) else {
                let what = "the test has no \"path\" or no \"match_count\"";
                let hint = "path: below the repository's root; match_count: a number".to_owned();
                report.error_with_hint(entry.mark, "missing-key", what, hint);
                continue;
            };
            let Mark { line, column } = entry.mark;
            found.push(Regression {
                name: text("name").unwrap_or_else(|| path.clone()),
                kind: text("type").unwrap_or_default(),
                path,
                match_count,
                place: Place { file: file.name.clone(), line, column },
            });
        }
    }
    (found, report.into_problems())
}

impl Regression {
    /// The test of `rule` with the text of the data: one event, a list, a container or JSON lines.
    #[must_use]
    pub fn test(&self, rule: &str, data: &str) -> RuleTest {
        RuleTest {
            rule: rule.to_owned(),
            name: self.name.clone(),
            place: self.place.clone(),
            events: vec![data.to_owned()],
            files: Vec::new(),
            with: With { counts_matches: true, ..With::default() },
            expect: Expect { alerts: self.match_count, ..Expect::default() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn file(text: &str) -> RuleFile {
        RuleFile { name: "theirs".into(), text: text.into(), builtin: false }
    }

    fn event() -> Value {
        json!({"eventName": "GetObject", "eventVersion": "1.08"})
    }

    #[test]
    fn a_rule_file_a_list_and_lines_of_json_give_the_same_tests() {
        let yaml = "RuleID: AWS.X\nTests:\n  - Name: It's one\n    ExpectedResult: true\n    \
                    Log: {eventName: GetObject, p_log_type: AWS}\n  - Name: two\n    \
                    ExpectedResult: false\n    Log: '{\"eventName\": \"GetObject\"}'\n";
        let list = json!({"RuleID": "AWS.X", "Tests": [
            {"Name": "It's one", "ExpectedResult": true, "Log": {"eventName": "GetObject"}},
            {"Name": "two", "ExpectedResult": false, "Log": {"eventName": "GetObject"}},
        ]});
        let lines = "{\"rule_id\": \"AWS.X\", \"test\": \"It's one\", \"expected\": true, \
                     \"log\": {\"eventName\": \"GetObject\"}}\n\n{\"rule_id\": \"AWS.X\", \
                     \"test\": \"two\", \"expected\": false, \"log\": {\"eventName\": \"GetObject\"}}\n";

        for text in [yaml, &list.to_string(), &json!([list]).to_string(), lines] {
            let (tests, problems) = foreign(&file(text));

            assert_eq!(problems, [], "{text}");
            let told: Vec<_> =
                tests.iter().map(|test| (&*test.rule, &*test.name, test.fires)).collect();
            assert_eq!(told, [("AWS.X", "It's one", true), ("AWS.X", "two", false)], "{text}");
            assert!(tests.iter().all(|test| test.event() == event()), "{text}");
        }
    }

    #[test]
    fn the_block_is_read_back_as_tests_of_a_rule() {
        let (tests, _) = foreign(&file(
            "Tests: [{Name: 'a \"name\": #1', ExpectedResult: true, Log: {eventName: 'x: {y}'}}]",
        ));
        let rule = format!(
            "title: T\nname: t\nlogsource: {{product: aws, service: cloudtrail}}\n\
             detection: {{s: {{eventName: x}}, condition: s}}\ntidegate:\n{}",
            yaml_block(&tests)
        );

        let (read, problems) = super::super::of(&[file(&rule)]);

        assert_eq!(problems, []);
        assert_eq!(read.len(), 1);
        assert_eq!((read[0].name.as_str(), read[0].expect.alerts), ("a \"name\": #1", 1));
        assert!(read[0].events[0].contains("\"eventName\":\"x: {y}\""), "{:?}", read[0].events);
    }

    #[test]
    fn what_is_missing_is_named_with_its_line() {
        let (tests, problems) = foreign(&file("Tests:\n  - Name: one\n    Log: {a: 1}\n"));
        assert!(tests.is_empty());
        assert_eq!(
            problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
            [
                "theirs:2:5 error missing-key the test has no \"ExpectedResult\" (hint: ExpectedResult: true, or false)"
            ]
        );

        let (_, problems) = foreign(&file("RuleID: x\n"));
        assert!(problems[0].to_string().starts_with("theirs error no-tests "), "{problems:?}");
    }

    #[test]
    fn an_info_file_gives_data_files_and_counts() {
        let info = "id: x\nregression_tests_info:\n    - name: Positive Detection Test\n      \
                    type: json\n      provider: CloudTrail\n      match_count: 2\n      \
                    path: regression_data/a.json\n    - name: broken\n";

        let (found, problems) = regressions(&file(info));

        assert_eq!(found.len(), 1);
        let test = found[0].test("r", "{}");
        assert_eq!(
            (test.expect.alerts, test.options().tune[0].dedup_period),
            (2, Some(crate::units::Span::ZERO))
        );
        assert_eq!(problems.len(), 1);
    }

    #[test]
    fn a_rule_names_its_info_file() {
        let paths = regression_paths(&[file("name: r\nregression_tests_path: a/info.yml\n")]);
        assert_eq!(paths.len(), 1);
        assert_eq!((paths[0].0.as_str(), paths[0].1.as_str()), ("r", "a/info.yml"));
    }
}
