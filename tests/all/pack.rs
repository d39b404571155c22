//! The tests inside the shipped rules, run as `tidegate test` runs them.

use std::collections::BTreeMap;
use tidegate::rule;
use tidegate::rule::tests::letters_of;
use tidegate::trial::{Coverage, Suite};

#[test]
fn every_test_of_every_shipped_rule_holds() {
    let files = rule::builtin();
    let mut suite = Suite::new(&files);
    let (tests, problems) = suite.tests();
    assert_eq!(problems, []);

    let mut failures = Vec::new();
    for test in &tests {
        for difference in suite.play(test).differences {
            failures.push(format!("{} {}: {}: {difference}", test.place, test.rule, test.name));
        }
    }

    assert!(tests.len() >= 600, "only {} tests", tests.len());
    assert!(failures.is_empty(), "{} differ:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn every_shipped_rule_has_a_test_for_each_letter_that_applies() {
    let files = rule::builtin();
    let mut suite = Suite::new(&files);
    let (tests, _) = suite.tests();
    let outlines = rule::outlines(&files);
    let rules: Vec<String> =
        rule::speaking(&outlines).iter().map(|outline| outline.label().to_owned()).collect();

    let coverage = Coverage::of(&mut suite, &rules, &tests);

    let lacking: Vec<_> = coverage.iter().filter(|row| !row.missing.is_empty()).collect();
    assert!(lacking.is_empty(), "{lacking:#?}");
    assert!(coverage.len() >= 52, "only {} rules", coverage.len());
    for test in &tests {
        let name = &test.name;
        assert!(!letters_of(name).is_empty(), "{}: {name:?} begins with no letter", test.place);
    }
}

#[test]
fn every_shipped_rule_is_seen_to_fire_and_to_stay_silent() {
    let files = rule::builtin();
    let mut suite = Suite::new(&files);
    let (tests, _) = suite.tests();

    let mut seen: BTreeMap<String, (bool, bool)> = BTreeMap::new();
    for test in &tests {
        let has_fired = suite.play(test).has_fired;
        let (fires, is_silent) = seen.entry(test.rule.clone()).or_default();
        *fires |= has_fired;
        *is_silent |= !has_fired;
    }

    let outlines = rule::outlines(&files);
    for outline in rule::speaking(&outlines) {
        let rule = outline.label();
        assert_eq!(seen.get(rule), Some(&(true, true)), "{rule}: (fires, stays silent)");
    }
}
