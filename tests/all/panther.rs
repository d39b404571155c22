//! Panther's own labelled events, for the detections that are shipped here too: our matcher says of
//! each event what theirs says.

use crate::support::{matching, whole_pack};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use tidegate::rule::RuleSet;

/// A scheduled query over sums: its rows are results, not events, so no matcher can be asked. The rows
/// are tests inside the rule that counts as it does.
const QUERIES: [&str; 1] = ["AWS.S3.LargeDownload"];

/// Panther's rules that have no counterpart, and why.
const NOT_SHIPPED: [(&str, &str); 2] = [
    ("AWS.S3.BucketDeleted", "impact, not exfiltration"),
    ("AWS.S3.RansomwareNoteUpload", "impact, not exfiltration"),
];

/// Panther's rules that the pack does not have yet, and what they wait for.
const NOT_YET_SHIPPED: [(&str, &str); 5] = [
    ("AWS.S3.ServerAccess.Error", "server access logs"),
    ("AWS.S3.ServerAccess.IPWhitelist", "server access logs"),
    ("AWS.S3.ServerAccess.Insecure", "server access logs"),
    ("AWS.S3.ServerAccess.Unauthenticated", "server access logs"),
    ("AWS.S3.ServerAccess.UnknownRequester", "server access logs"),
];

/// All tests of all files.
fn cases() -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/panther");
    let mut cases = Vec::new();
    for file in ["cloudtrail_s3_vpce.jsonl", "s3_access.jsonl", "large_download_rows.jsonl"] {
        let text = std::fs::read_to_string(folder.join(file)).expect("the file is there");
        cases.extend(
            text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line is JSON")),
        );
    }
    cases
}

fn text<'v>(case: &'v Value, name: &str) -> &'v str {
    case.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The id of Panther's rule that each of ours names, and the name of ours.
fn shipped(rules: &RuleSet) -> Vec<(String, String)> {
    let of_rule = |rule: &tidegate::rule::Rule| {
        let context = rule.text.alert_context.iter();
        let mut origin = context.filter(|(name, _)| name == "origin_rule");
        let theirs = origin.next()?.1.strip_prefix('=')?;
        Some((theirs.to_owned(), rule.text.name.clone()))
    };
    rules.rules().iter().filter_map(of_rule).collect()
}

/// Which rules match a log, by name.
fn matching_log(rules: &RuleSet, log: &Value) -> Vec<String> {
    let mut log = log.clone();
    let members = log.as_object_mut().expect("a log is an object");
    // Some logs are fragments: what makes a record an event is added, nothing that rules ask for.
    members.entry("eventTime").or_insert_with(|| json!("2025-01-01T00:00:00Z"));
    members.entry("eventID").or_insert_with(|| json!("00000000-0000-4000-8000-000000000001"));
    members.entry("eventVersion").or_insert_with(|| json!("1.08"));
    matching(rules, log.to_string().as_bytes())
}

#[test]
fn our_matcher_agrees_with_the_labels_of_the_rules_that_ship() {
    // The account of the largest group of logs; none of these rules asks for it.
    let rules = whole_pack("111111111111");
    let shipped = shipped(&rules);
    let (mut applied, mut wrong) = (0, Vec::new());
    for case in cases() {
        let theirs = text(&case, "rule_id");
        let ours =
            shipped.iter().filter(|(known, _)| known == theirs && !QUERIES.contains(&theirs));
        for (_, ours) in ours {
            applied += 1;
            let has_matched = matching_log(&rules, &case["log"]).iter().any(|name| name == ours);
            if Some(has_matched) != case["expected"].as_bool() {
                wrong.push(format!("{ours}: {}: matched {has_matched}", case["test"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(applied, 63);
}

#[test]
fn every_rule_of_the_data_is_shipped_or_listed_with_the_reason() {
    let rules = whole_pack("111111111111");
    let named: BTreeSet<String> =
        cases().iter().map(|case| text(case, "rule_id").to_owned()).collect();
    let listed =
        NOT_SHIPPED.into_iter().chain(NOT_YET_SHIPPED).map(|(theirs, _)| theirs.to_owned());
    let listed: BTreeSet<String> = listed.collect();
    let shipped: BTreeSet<String> = shipped(&rules).into_iter().map(|(theirs, _)| theirs).collect();

    let is_unknown = |id: &&String| !shipped.contains(*id) && !listed.contains(*id);
    assert_eq!(named.iter().filter(is_unknown).collect::<Vec<_>>(), [""; 0]);
    assert_eq!(listed.intersection(&shipped).collect::<Vec<_>>(), [""; 0]);
    assert!(listed.is_subset(&named));
    assert_eq!(cases().len(), 68 + 16 + 5);
}
