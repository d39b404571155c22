//! `SigmaHQ`'s AWS rules load; the few that do not are listed with the reason.

use super::super::{LoadOptions, RuleFile, load};
use std::fs;
use std::path::Path;

/// Rules that wait for a modifier.
const NOT_YET: [(&str, &str); 1] =
    [("aws_update_login_profile.yml", "the modifier \"fieldref\" is not supported yet")];

#[test]
#[allow(clippy::disallowed_methods, reason = "the test reads its data; the room does not")]
fn every_rule_of_sigmahq_loads_or_says_what_is_missing() {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/sigmahq/rules/cloud/aws/cloudtrail");
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        let file = RuleFile { name: name.clone(), text, builtin: false };
        let loaded = load(&[file], &LoadOptions::default());
        let problems: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
        match NOT_YET.iter().find(|(file, _)| *file == name) {
            None => assert!(loaded.rules.is_some() && problems.is_empty(), "{problems:#?}"),
            Some((_, reason)) => {
                assert!(problems.iter().any(|problem| problem.contains(reason)), "{problems:#?}");
            }
        }
        count += 1;
    }
    assert_eq!(count, 57);
}
