//! The explanation of an event agrees with the matcher: all shipped rules and all of SigmaHQ's, over
//! every real event and every sample.

use crate::support::decode_limits;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use tidegate::event::{Decoder, Entry, Event, Format};
use tidegate::rule::{self, ExplainedNode, LoadOptions, Question, RuleFile, RuleSet};

fn data(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(path)
}

/// Files below a folder.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("can be read").path();
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// The shipped rules and each rule of SigmaHQ that loads.
fn rules() -> RuleSet {
    let mut files = rule::builtin();
    for path in files_below(&data("sigmahq/rules")) {
        let text = std::fs::read_to_string(&path).expect("can be read");
        let file = RuleFile { name: path.display().to_string(), text, builtin: false };
        if rule::load(std::slice::from_ref(&file), &LoadOptions::default()).rules.is_some() {
            files.push(file);
        }
    }
    rule::load(&files, &LoadOptions::default()).rules.expect("each of them loads")
}

/// Calls `each` with every event of the test data.
fn events(rules: &RuleSet, mut each: impl FnMut(&Event<'_>)) -> usize {
    let mut decoder = Decoder::new(rules.fields(), Format::Auto, decode_limits());
    let mut count = 0;
    for folder in ["cloudtrail/invictus", "samples/cloudtrail"] {
        for path in files_below(&data(folder)) {
            let bytes = std::fs::read(&path).expect("can be read");
            let done: Result<(), Infallible> = decoder.decode(&bytes, |entry| {
                if let Entry::Event(event) = entry {
                    count += 1;
                    each(event);
                }
                Ok(())
            });
            let Ok(()) = done;
        }
    }
    count
}

/// Every part's answer follows from those of its own parts.
fn is_sound(node: &ExplainedNode) -> bool {
    let answers = || node.parts.iter().map(|part| part.holds);
    let own = match &node.question {
        Question::All | Question::Alternative(_) => answers().all(|holds| holds),
        Question::Any => answers().any(|holds| holds),
        Question::Not => answers().all(|holds| !holds),
        Question::Search(_) | Question::Several(_) | Question::Item(_) => node.holds,
    };
    own == node.holds && node.parts.iter().all(is_sound)
}

#[test]
fn the_explanation_agrees_with_the_matcher_on_every_event() {
    let rules = rules();
    let (mut matched, mut seen) = (Vec::new(), BTreeSet::new());

    let count = events(&rules, |event| {
        rules.matching(event, &mut matched);
        let explained = rules.explain(event);
        let holding: BTreeSet<_> =
            explained.iter().filter(|base| base.holds()).flat_map(|base| &base.rules).collect();
        let matched: Vec<_> = matched.iter().map(|one| one.rule).collect();
        assert_eq!(holding.into_iter().copied().collect::<Vec<_>>(), matched, "{}", event.id);
        assert!(explained.iter().all(|base| is_sound(&base.condition)), "{}", event.id);
        seen.extend(matched.iter().copied());
    });

    assert!(count > 2_900, "{count}");
    assert!(seen.len() >= 10, "only {} rules match anything", seen.len());
}
