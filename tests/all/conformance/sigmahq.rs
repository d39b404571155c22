//! `SigmaHQ`'s AWS rules: each loads, matches the event that was written from its text, and refuses
//! its nearest miss.

use super::corpus::{decoded, folder, lines};
use crate::support::decode_limits;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use tidegate::event::{Decoder, Format};
use tidegate::rule::{LoadOptions, RuleFile, RuleSet, load};

fn rules_folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/sigmahq/rules/cloud/aws/cloudtrail")
}

fn loaded(name: &str) -> RuleSet {
    let text = std::fs::read_to_string(rules_folder().join(name)).expect("the rule is there");
    let file = RuleFile { name: name.to_owned(), text, builtin: false };
    let loaded = load(&[file], &LoadOptions::default());
    assert!(loaded.problems.is_empty(), "{:#?}", loaded.problems);
    loaded.rules.expect("a rule without problems loads")
}

/// Whether the only rule of the set matches the event, decoded as any other.
fn is_matched(rules: &RuleSet, event: &Value) -> bool {
    let mut decoder = Decoder::new(rules.fields(), Format::Auto, decode_limits());
    let mut out = Vec::new();
    decoded(&mut decoder, event, |event| rules.matching(event, &mut out));
    !out.is_empty()
}

#[test]
fn each_of_57_rules_matches_its_event_and_refuses_the_nearest_miss() {
    let cases = lines(&folder().join("sigmahq.jsonl"));
    let mut wrong = Vec::new();
    for case in &cases {
        let name = case["file"].as_str().expect("a case names its file");
        let rules = loaded(name);
        assert_eq!(rules.rules()[0].text.id, case["rule"].as_str().expect("an id"), "{name}");
        if !is_matched(&rules, &case["hit"]) {
            wrong.push(format!("{name} does not match {}", case["hit"]));
        }
        if is_matched(&rules, &case["miss"]) {
            wrong.push(format!("{name} matches {}: {}", case["miss_is"], case["miss"]));
        }
    }

    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let files: BTreeSet<_> = cases.iter().map(|case| case["file"].as_str()).collect();
    let on_disk = std::fs::read_dir(rules_folder()).expect("the folder is there").count();
    assert_eq!((files.len(), on_disk), (57, 57));
}
