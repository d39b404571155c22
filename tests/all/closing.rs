//! Windows that are judged when they have closed, and correlations over correlations: rules as a user
//! writes them, in `tests/data/closing`, with their tests inside.

use std::path::Path;
use tidegate::rule::RuleFile;
use tidegate::trial::Suite;

#[test]
fn every_rule_says_what_its_tests_expect() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/closing");
    let (mut played, mut failures) = (0, Vec::new());
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("can be read").path();
        let text = std::fs::read_to_string(&path).expect("can be read");
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        let files = [RuleFile { name, text, builtin: false }];
        let mut suite = Suite::new(&files);
        let (tests, problems) = suite.tests();
        assert_eq!(problems, []);
        played += tests.len();
        for test in &tests {
            for difference in suite.play(test).differences {
                failures.push(format!("{} {}: {}: {difference}", test.place, test.rule, test.name));
            }
        }
    }

    assert!(failures.is_empty(), "{} differ:\n{}", failures.len(), failures.join("\n"));
    assert!(played >= 40, "only {played} tests");
}

#[test]
fn a_test_whose_window_no_event_closes_is_told_so() {
    let text = "title: Read
name: read
logsource: {product: aws, service: cloudtrail}
detection: {s: {eventName: GetObject}, condition: s}
---
title: Few reads
name: few
correlation: {type: event_count, rules: [read], timespan: 10m, condition: {lt: 3}}
tidegate:
  window: tumbling
  tests:
    - {name: nothing follows, events: [{template: getobject}], expect: {alerts: 1}}
";
    let files = [RuleFile { name: "few.yml".into(), text: text.into(), builtin: false }];
    let mut suite = Suite::new(&files);
    let (tests, problems) = suite.tests();
    assert_eq!(problems, []);

    let differences = suite.play(&tests[0]).differences;

    let told: Vec<_> = differences.iter().map(ToString::to_string).collect();
    let waits = "0 so far: a later event would close a window that still waits";
    assert_eq!(told, [format!("alerts: expected 1, got {waits}")]);
}
