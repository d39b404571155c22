//! Panther's own labelled events, for the detections that are shipped here too: our matcher says of
//! each event what theirs says.

use crate::support::{decode_limits, shipped_rules};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::path::Path;
use tidegate::event::{Decoder, Entry, Format};
use tidegate::rule::RuleSet;

/// Panther's rules that have a counterpart in the pack.
const SHIPPED: [(&str, &str); 1] = [("AWS.CloudTrail.VPCE.S3ExternalIP", "vpce_s3_external_ip")];

/// A scheduled query over sums: its rows are results, not events, so no matcher can be asked.
const QUERIES: [&str; 1] = ["AWS.S3.LargeDownload"];

/// Panther's rules that the pack does not have yet. Whoever adds one moves its name up.
const NOT_YET_SHIPPED: [&str; 23] = [
    "AWS.CloudTrail.VPCE.AccessDenied",
    "AWS.CloudTrail.VPCE.ExternalPrincipal",
    "AWS.CloudTrail.VPCE.SensitiveAPICalls",
    "AWS.S3.BucketDeleted",
    "AWS.S3.BucketPolicyModified",
    "AWS.S3.CopyObject.CrossAccount.Encryption.KMS",
    "AWS.S3.CopyObjectToExternalAccountBucket",
    "AWS.S3.CopyObjectWithClientSideEncryption",
    "AWS.S3.DeleteBucketEncryption",
    "AWS.S3.DeleteBucketReplication",
    "AWS.S3.DeleteObject",
    "AWS.S3.DeleteObjects",
    "AWS.S3.DeletePublicAccessBlock",
    "AWS.S3.DisableBucketLogging",
    "AWS.S3.DisableMfaDelete",
    "AWS.S3.RansomwareNoteUpload",
    "AWS.S3.SecurityControlDisabling",
    "AWS.S3.ServerAccess.Error",
    "AWS.S3.ServerAccess.IPWhitelist",
    "AWS.S3.ServerAccess.Insecure",
    "AWS.S3.ServerAccess.Unauthenticated",
    "AWS.S3.ServerAccess.UnknownRequester",
    "AWS.S3.SuspendVersioning",
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

/// Which rules match a log, by name.
fn matching(rules: &RuleSet, log: &Value) -> Vec<String> {
    let mut log = log.clone();
    let members = log.as_object_mut().expect("a log is an object");
    // Some logs are fragments: what makes a record an event is added, nothing that rules ask for.
    members.entry("eventTime").or_insert_with(|| json!("2025-01-01T00:00:00Z"));
    members.entry("eventID").or_insert_with(|| json!("00000000-0000-4000-8000-000000000001"));
    members.entry("eventVersion").or_insert_with(|| json!("1.08"));
    let mut decoder = Decoder::new(rules.fields(), Format::Auto, decode_limits());
    let (mut found, mut matched, mut events) = (Vec::new(), Vec::new(), 0);
    let done: Result<(), Infallible> = decoder.decode(log.to_string().as_bytes(), |entry| {
        let Entry::Event(event) = entry else { panic!("{entry:?} from {log}") };
        events += 1;
        rules.matching(event, &mut matched);
        found.extend(matched.iter().map(|one| rules.rule(one.rule).text.name.clone()));
        Ok(())
    });
    let Ok(()) = done;
    assert_eq!(events, 1, "{log}");
    found
}

#[test]
fn our_matcher_agrees_with_the_labels_of_the_rules_that_ship() {
    let rules = shipped_rules(&[]);
    let mut applied = 0;
    for case in cases() {
        let Some((_, ours)) = SHIPPED.iter().find(|(theirs, _)| *theirs == text(&case, "rule_id"))
        else {
            continue;
        };
        applied += 1;
        let found = matching(&rules, &case["log"]);
        let has_matched = found.iter().any(|name| name == ours);
        assert_eq!(Some(has_matched), case["expected"].as_bool(), "{}: {}", ours, case["test"]);
    }
    assert_eq!(applied, 3);
}

#[test]
fn of_the_events_labelled_for_other_rules_only_the_plain_read_is_counted() {
    let rules = shipped_rules(&[]);
    let (mut asked, mut found) = (0, Vec::new());
    for case in cases() {
        let is_cloudtrail = case["log_types"].to_string().contains("AWS.CloudTrail");
        if is_cloudtrail && !SHIPPED.iter().any(|(theirs, _)| *theirs == text(&case, "rule_id")) {
            asked += 1;
            let matched = matching(&rules, &case["log"]);
            if !matched.is_empty() {
                found.push((text(&case, "test").to_owned(), matched.join(" ")));
            }
        }
    }
    assert_eq!(asked, 65);
    // A GetObject that went past no endpoint: one read, far below every window's threshold.
    let windows = "s3_large_download s3_large_download_principal s3_object_count";
    assert_eq!(found, [("Non-VPC Event".to_owned(), windows.to_owned())]);
}

#[test]
fn every_rule_of_the_data_is_shipped_or_listed_as_missing() {
    let named: BTreeSet<String> =
        cases().iter().map(|case| text(case, "rule_id").to_owned()).collect();
    let shipped = SHIPPED.map(|(theirs, _)| theirs);

    let known: BTreeSet<String> =
        shipped.into_iter().chain(QUERIES).chain(NOT_YET_SHIPPED).map(str::to_owned).collect();

    assert_eq!(named, known);
    assert_eq!(cases().len(), 68 + 16 + 5);
    let rules = shipped_rules(&[]);
    assert!(SHIPPED.iter().all(|(_, ours)| rules.find(ours).is_some()));
}
