//! Wrong rules, as a new user writes them, and what each is told: `tests/data/rule-errors`.
//!
//! `NAME.yml` is the rule, `NAME.txt` what `validate` says of it. Every answer names a place in the
//! file and what to write instead.

use std::path::{Path, PathBuf};
use tidegate::rule::{self, LoadOptions, RuleFile};

/// The cases, by name.
fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/rule-errors");
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    let mut cases: Vec<PathBuf> = entries.map(|entry| entry.expect("can be read").path()).collect();
    cases.retain(|path| path.extension().is_some_and(|end| end == "yml"));
    cases.sort();
    cases
}

/// What is said of a rule beside the shipped ones.
fn told(case: &Path) -> String {
    let name = case.file_name().expect("a file").to_string_lossy().into_owned();
    let text = std::fs::read_to_string(case).expect("can be read");
    let mut files = rule::builtin();
    files.push(RuleFile { name: name.clone(), text, builtin: false });
    let loaded = rule::load(&files, &LoadOptions::default());
    assert!(loaded.rules.is_none(), "{} loads", case.display());
    // Of the shipped rules some are left out without a deployment's lists; that is no answer to this.
    let of_case = loaded.problems.iter().filter(|problem| problem.place.file == name);
    let lines: Vec<String> = of_case.map(ToString::to_string).collect();
    lines.join("\n") + "\n"
}

#[test]
fn each_wrong_rule_is_answered_as_its_snapshot_says() {
    let mut differing = String::new();
    for case in cases() {
        let (told, snapshot) = (told(&case), case.with_extension("txt"));
        if std::env::var_os("UPDATE_GENERATED").is_some() {
            std::fs::write(&snapshot, &told).expect("can be written");
        }
        let expected = std::fs::read_to_string(&snapshot).unwrap_or_default();
        if told != expected {
            differing.push_str(&format!("{}:\n{told}", case.display()));
        }
    }
    assert!(differing.is_empty(), "{differing}");
}

#[test]
fn each_answer_names_the_place_and_the_mend() {
    let cases = cases();
    assert!(cases.len() >= 20, "{}", cases.len());
    for case in cases {
        let told = told(&case);
        let name = case.file_name().expect("a file").to_string_lossy().into_owned();
        for line in told.lines() {
            let place = line.split(' ').next().unwrap_or_default();
            let place: Vec<&str> = place.split(':').collect();
            let is_place = place.len() == 3
                && place[0] == name
                && place[1..].iter().all(|number| number.parse::<usize>().is_ok_and(|n| n > 0));
            assert!(is_place, "no place: {line}");
            assert!(line.contains("(hint: "), "no mend: {line}");
        }
        // One mistake is told once, not three times.
        assert_eq!(told.lines().count(), 1, "{told}");
    }
}
