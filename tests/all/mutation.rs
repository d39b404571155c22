//! Each shipped rule changed in one place at a time: its own tests must notice.
//!
//! What they do not notice is listed with the reason in `tests/data/mutation/survivors.tsv` (rule,
//! mutant, reason). Amounts and windows have no place in that list.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tidegate::rule::tests::{self, RuleTest};
use tidegate::rule::{self, RuleFile};
use tidegate::trial::{Class, Mutant, Suite, counted_from, mutants};

/// In the order of the report.
const CLASSES: [Class; 8] = [
    Class::Condition,
    Class::List,
    Class::Threshold,
    Class::Window,
    Class::Group,
    Class::Level,
    Class::Dedup,
    Class::Title,
];

/// What became of a mutant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Some test fails.
    Found,
    /// All tests hold.
    Survived,
    /// It does not load, so it says nothing.
    Refused,
}

fn fate(mutant: &Mutant, tests: &[&RuleTest]) -> Fate {
    let mut suite = Suite::new(&mutant.files);
    for test in tests {
        if suite.rules(test).is_err() {
            return Fate::Refused;
        }
        if !suite.play(test).holds() {
            return Fate::Found;
        }
    }
    Fate::Survived
}

/// Class and fate of every mutant of every rule of `files`, by rule and mutant. A rule that others
/// count is looked at by their tests together.
fn fates(files: &[RuleFile]) -> BTreeMap<(String, String), (Class, Fate)> {
    let (tests, problems) = tests::of(files);
    assert!(problems.is_empty(), "{problems:#?}");
    let outlines = rule::outlines(files);
    let mut work = Vec::new();
    for outline in outlines.iter().filter(|outline| outline.is_rule()) {
        let rules = counted_from(&outlines, outline.label());
        let looks: Vec<&RuleTest> =
            tests.iter().filter(|test| rules.contains(test.rule.as_str())).collect();
        let rules: Vec<&str> = rules.into_iter().collect();
        let mutants = mutants(files, outline.label(), &rules).into_iter();
        work.extend(mutants.map(|mutant| (outline.label(), mutant, looks.clone())));
    }
    let (next, found) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((rule, mutant, tests)) =
                    work.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    let fate = (mutant.class, fate(mutant, tests));
                    let key = ((*rule).to_owned(), mutant.what.clone());
                    found.lock().unwrap().insert(key, fate);
                }
            });
        }
    });
    found.into_inner().unwrap()
}

/// Survivors that are known, with the reason.
fn known() -> BTreeMap<(String, String), String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mutation/survivors.tsv");
    let text = std::fs::read_to_string(path).expect("the list is there");
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let mut parts = line.split('\t').map(str::to_owned);
            let mut part = || parts.next().unwrap_or_else(|| panic!("three columns: {line}"));
            ((part(), part()), part())
        })
        .collect()
}

/// How a reason begins that no test could refute.
const MEANS_THE_SAME: &str = "means the same: ";

#[test]
fn the_tests_of_the_shipped_rules_notice_what_is_changed_in_them() {
    let fates = fates(&rule::builtin());
    let survivors: BTreeSet<_> =
        fates.iter().filter(|(_, (_, fate))| *fate == Fate::Survived).map(|(key, _)| key).collect();
    let known = known();
    let new: Vec<String> = survivors
        .iter()
        .filter(|key| !known.contains_key(**key))
        .map(|(rule, what)| format!("{rule}\t{what}\t"))
        .collect();
    let gone: Vec<_> = known.keys().filter(|key| !survivors.contains(key)).collect();

    let mut report = String::new();
    for class in CLASSES {
        let of = |wanted: Fate| {
            fates.values().filter(|(of, fate)| *of == class && *fate == wanted).count()
        };
        report.push_str(&format!(
            "{class:?}: {} found, {} survived, {} refused\n",
            of(Fate::Found),
            of(Fate::Survived),
            of(Fate::Refused)
        ));
        if matches!(class, Class::Threshold | Class::Window) {
            // Only one reason excuses one: what means the same as the rule is no mutant.
            let is_same = |key: &&(String, String)| {
                known.get(*key).is_some_and(|reason| reason.starts_with(MEANS_THE_SAME))
            };
            let of_class = survivors.iter().filter(|key| fates[**key].0 == class);
            let others: Vec<_> = of_class.filter(|key| !is_same(key)).collect();
            assert!(others.is_empty(), "{class:?}: {others:?}");
        }
    }
    let count = |wanted: Fate| fates.values().filter(|(_, fate)| *fate == wanted).count();
    let (found, survived) = (count(Fate::Found), count(Fate::Survived));
    assert!(new.is_empty(), "not noticed, and not in the list:\n{}\n{report}", new.join("\n"));
    assert!(gone.is_empty(), "in the list, and noticed by now: {gone:?}");
    assert!(known.values().all(|reason| reason.len() > 10), "each survivor has a reason");
    println!("{report}{found} of {} found", found + survived);
    assert!(found * 100 > (found + survived) * 95, "{report}");
    assert!(found > 90, "{report}");
}

#[test]
fn a_rule_whose_tests_check_nothing_has_survivors() {
    let files = rule::builtin();
    let (tests, _) = tests::of(&files);
    let silent: Vec<RuleTest> = tests
        .into_iter()
        .filter(|test| test.rule == "s3_large_download" && test.expect.alerts == 0)
        .collect();
    let silent: Vec<&RuleTest> = silent.iter().collect();

    let fates: Vec<Fate> = mutants(&files, "s3_large_download", &["s3_large_download"])
        .iter()
        .map(|mutant| fate(mutant, &silent))
        .collect();

    // Without a positive test, a rule that never fires passes.
    assert!(fates.iter().filter(|fate| **fate == Fate::Survived).count() > 3, "{fates:?}");
}
