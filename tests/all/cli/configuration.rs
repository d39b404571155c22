//! Help that teaches, and mistakes in configuration and rules that are named with their place.

use super::process::{call, call_in};
use tidegate::event::Source;
use tidegate::rule::{self, LoadOptions};

/// The verbs as the help lists them.
fn verbs() -> Vec<String> {
    let help = call(&["--help"]).stdout;
    let (_, commands) = help.split_once("Commands:\n").expect("a list of verbs");
    let lines = commands.lines().take_while(|line| !line.is_empty());
    // A long description goes on in lines that are indented further.
    let names = lines.filter(|line| !line.starts_with("   "));
    names.map(|line| line.split_whitespace().next().expect("a name").to_owned()).collect()
}

#[test]
fn each_verb_explains_itself_with_an_example() {
    let verbs = verbs();
    for expected in ["demo", "scan", "run", "validate", "rules", "publish", "topics", "tail"] {
        assert!(verbs.iter().any(|verb| verb == expected), "{expected} is not in {verbs:?}");
    }

    for verb in verbs {
        let help = call(&[&verb, "--help"]);

        assert_eq!((help.status, help.stderr.as_str()), (Some(0), ""), "{verb}");
        assert!(help.stdout.contains(&format!("Usage: tidegate {verb}")), "{}", help.stdout);
        assert!(help.stdout.contains("Example"), "{verb}: {}", help.stdout);
    }
}

#[test]
fn a_call_without_a_verb_shows_the_help_and_exits_with_2() {
    let ended = call(&[]);

    assert_eq!(ended.status, Some(2));
    assert!(ended.stderr.contains("Usage: tidegate"), "{}", ended.stderr);
    assert!(ended.stderr.contains("tidegate demo"), "{}", ended.stderr);
}

#[test]
fn a_mistyped_verb_is_answered_with_the_nearest_one() {
    let ended = call(&["scann", "x"]);

    assert_eq!(ended.status, Some(2));
    assert!(ended.stderr.contains("'scan'"), "{}", ended.stderr);
}

#[test]
fn the_file_of_config_init_is_found_and_shown_by_config_show() {
    let folder = tempfile::tempdir().expect("a folder");
    for extent in [&["config", "init"][..], &["config", "init", "--full"]] {
        let init = call(extent);
        assert_eq!((init.status, init.stderr.as_str()), (Some(0), ""));
        std::fs::write(folder.path().join("tidegate.toml"), &init.stdout).expect("a file");

        let shown = call_in(folder.path(), &["config", "show", "--resolved", "--origin"]);

        assert_eq!((shown.status, shown.stderr.as_str()), (Some(0), ""));
        assert!(shown.stdout.contains("id = \"tidegate\"  # "), "{}", shown.stdout);
        assert!(shown.stdout.contains("tidegate.toml line"), "{}", shown.stdout);
    }
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_nearest_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "[app]\nid = \"mine\"\n\n[kafka]\nbrokerz = [\"a:1\"]\n";
    std::fs::write(folder.path().join("tidegate.toml"), text).expect("a file");

    for verb in [&["scan", "x.json"][..], &["run"], &["config", "show"], &["rules", "list"]] {
        let ended = call_in(folder.path(), verb);

        let expected =
            "unknown key kafka.brokerz in tidegate.toml line 5 (did you mean kafka.brokers?)";
        assert_eq!(ended.status, Some(78), "{verb:?}");
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
        assert_eq!(ended.stdout, "", "{verb:?}");
    }
}

#[test]
fn a_configuration_that_is_not_there_is_named() {
    let ended = call(&["run", "-c", "nowhere.toml"]);

    assert_eq!(ended.status, Some(78));
    assert!(ended.stderr.contains("nowhere.toml"), "{}", ended.stderr);
}

const WRONG_RULE: &str = "\
title: Reads
id: 4f7f9b1e-9f0a-4a61-8d3a-8a0f0c1d2e3f
name: reads
status: test
description: Reads
author: me
date: 2026-11-01
logsource:
  product: aws
  service: cloudtrail
detection:
  selection:
    eventName|startwith: Get
  condition: selection
level: low
";

#[test]
fn a_rule_with_a_wrong_modifier_is_refused_with_line_column_and_hint() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("mine.yml"), WRONG_RULE).expect("a file");
    let expected = "mine.yml:13:15 error unknown-modifier there is no modifier \"startwith\" \
                    (hint: did you mean \"startswith\")";

    let scanned = call_in(folder.path(), &["scan", "--rules", "mine.yml", "x.json"]);
    let set = ["--set", "rules.paths=mine.yml"];
    let listed = call_in(folder.path(), &["rules", "list", set[0], set[1]]);
    let validated = call_in(folder.path(), &["validate", "--no-broker", set[0], set[1]]);

    for ended in [scanned, listed] {
        assert_eq!((ended.status, ended.stdout.as_str()), (Some(78), ""));
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
    }
    assert_eq!(validated.status, Some(78));
    assert!(validated.stdout.contains(expected), "{}", validated.stdout);
}

#[test]
fn a_right_configuration_is_told_so() {
    let ended = call(&["validate", "--no-broker"]);

    assert_eq!(ended.status, Some(0), "{}{}", ended.stdout, ended.stderr);
    let key = Some(vec!["tidegate.principal".to_owned()]);
    let options =
        LoadOptions { partition_key: vec![(Source::CloudTrail, key)], ..LoadOptions::default() };
    let rules = rule::load(&rule::builtin(), &options).rules.expect("the pack loads");
    let expected = format!("{} rules are fine", rules.rules().len());
    assert!(ended.stdout.contains(&expected), "{}", ended.stdout);
}
