//! `docs/rule-reference.md`: made from the code's tables and the examples, which are whole rules that run.

use crate::cli::process::call_in;
use std::path::Path;
use tidegate::rule::{self, RuleFile};

const FOLDER: &str = "docs/rule-examples";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The examples in the order in which a reader meets what they show.
fn examples() -> Vec<RuleFile> {
    const ORDER: [&str; 3] = ["detection.yml", "sum.yml", "count.yml"];
    let mut names: Vec<String> = std::fs::read_dir(root().join(FOLDER))
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    let place = |name: &String| ORDER.iter().position(|first| first == name).unwrap_or(ORDER.len());
    names.sort_by_key(|name| (place(name), name.clone()));
    let read = |name: &String| RuleFile {
        name: format!("{FOLDER}/{name}"),
        text: std::fs::read_to_string(root().join(FOLDER).join(name)).expect("is text"),
        builtin: false,
    };
    names.iter().map(read).collect()
}

#[test]
fn the_committed_reference_is_the_generated_one_and_every_row_has_an_example() {
    let reference = rule::reference(&examples());
    let path = root().join("docs/rule-reference.md");
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(&path, &reference.page).expect("is written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();

    assert_eq!(reference.lacking, [""; 0]);
    assert!(committed == reference.page, "docs/rule-reference.md is stale: run make generate");
}

#[test]
fn every_example_of_the_reference_does_what_its_tests_say() {
    let ended = call_in(root(), &["test", FOLDER]);

    assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""), "{}", ended.stdout);
    for file in examples() {
        let (tests, problems) = rule::tests::of(std::slice::from_ref(&file));
        assert_eq!(problems, [], "{}", file.name);
        let fires = tests.iter().any(|test| test.expect.alerts > 0);
        let stays_silent = tests.iter().any(|test| test.expect.alerts == 0);
        assert!(fires && stays_silent, "{}: a test that fires and one that does not", file.name);
    }
}
