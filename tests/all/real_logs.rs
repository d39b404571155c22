//! 2,900 real events of an attack simulation: every one is read, and what the pack says of them is known.
//!
//! Nobody carries data out in them, so no rule on volume, endpoints, copies or addresses may fire. Trails,
//! policies and lifecycles are tampered with, and these changes have to be found, each one once.

use crate::support::{decode_limits, limits, whole_pack, writer};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use tidegate::detect::Outcome;
use tidegate::event::{Decoder, Entry, FactNames, Facts, FieldSet, Format};
use tidegate::scan::{
    Clock, Found, Input, ReadBytes, ScanOptions, Scanner, Summary, find_inputs, first_event_time,
    open_input, read_entries, sort_inputs,
};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cloudtrail")
}

/// The account that the data is from.
const ACCOUNT: &str = "123837392027";

/// Scans the folder as `tidegate scan` does, with every rule of the pack.
fn scan() -> (Summary, Vec<String>) {
    let rules = whole_pack(ACCOUNT);
    let options = ScanOptions {
        decode: decode_limits(),
        detect: limits(),
        clock: Clock::Event,
        from: None,
        to: None,
    };
    let mut inputs = find_inputs(&[folder()]);
    sort_inputs(&mut inputs.files, |input| first_event_time(input, decode_limits()));
    let mut scanner =
        Scanner::new(rules.clone(), writer(&rules), options).expect("an empty scan opens");
    let mut alerts = Vec::new();
    for input in &inputs.files {
        let mut keep = |found: Found<'_>| {
            alerts.push(String::from_utf8_lossy(&found.alert.value).into_owned());
            Ok(())
        };
        scanner.read(input, &ReadBytes::default(), &mut keep).expect("a scan goes on");
    }
    scanner.summary_mut().unreadable.extend(inputs.unreadable);
    (scanner.finish(), alerts)
}

/// Rule, level and affected bucket of an alert.
fn said(alert: &str) -> (String, String, String) {
    let alert: Value = serde_json::from_str(alert).expect("an alert is JSON");
    let text = |pointer: &str| alert.pointer(pointer).and_then(Value::as_str).unwrap_or("-");
    let of = |pointer: &str| text(pointer).to_owned();
    let context = "/unmapped/alert_context";
    (
        of(&format!("{context}/rule_name")),
        of(&format!("{context}/tier")),
        of(&format!("{context}/bucketName")),
    )
}

#[test]
fn a_scan_of_55_real_files_finds_the_known_changes_and_nothing_else() {
    let (summary, alerts) = scan();

    let trail = "stratus-red-team-ctlr-bucket-zqfsvooxqj";
    let events = "stratus-red-team-ctes-bucket-qyxyekjbtk";
    let backdoor = "stratus-red-team-bdbp-lhfzvgcamn";
    let expected = [
        // Selectors changed twice, two trails deleted; three calls to stop a trail failed.
        ("cloudtrail_s3_logging_weakened", "high", "-"),
        ("flow_logs_deleted", "medium", "-"),
        // Three policies and one lifecycle, on three buckets.
        ("s3_bucket_policy_modified", "informational", events),
        ("s3_bucket_policy_modified", "informational", trail),
        ("s3_bucket_policy_modified", "informational", backdoor),
        ("s3_bucket_protection_deleted", "low", trail),
        ("s3_bucket_protection_deleted", "low", backdoor),
        // One day; the objects are a trail's.
        ("s3_short_expiry", "medium", trail),
        // Account 193672423079.
        ("s3_policy_external_account", "medium", backdoor),
    ];
    let mut expected = expected
        .map(|(rule, level, bucket)| (rule.to_owned(), level.to_owned(), bucket.to_owned()));
    expected.sort();
    let mut found: Vec<_> = alerts.iter().map(|alert| said(alert)).collect();
    found.sort();
    assert_eq!(found, expected);
    assert_eq!((summary.files, summary.events(), summary.refusals()), (55, 2900, 0));
    assert_eq!(summary.unreadable, []);
    assert_eq!(summary.skipped, BTreeMap::new());
    // Three policies and a lifecycle are set, one of each is deleted, and the flow logs are; four
    // changes weaken trails; 36 times somebody asks for the settings of a few buckets.
    let matched = 7 + 4 + 36;
    let counted = BTreeMap::from([(Outcome::Ignored, 2900 - matched), (Outcome::Matched, matched)]);
    assert_eq!(summary.outcomes, counted);
}

/// How often each text of `field` occurs over all events, `-` for none.
fn count(inputs: &[Input], field: &str) -> BTreeMap<String, usize> {
    let mut decoder = Decoder::new(&FieldSet::default(), Format::Auto, decode_limits());
    let (mut counts, names) = (BTreeMap::new(), FactNames::default());
    for input in inputs {
        let reader = open_input(input, &ReadBytes::default()).expect("the file opens");
        let done = read_entries::<()>(reader, &mut decoder, decode_limits(), |_, entry| {
            let Entry::Event(event) = entry else { panic!("{}: {entry:?}", input.name()) };
            let facts =
                Facts::read(&names, event.source, event.raw).expect("an event is an object");
            *counts.entry(facts.text(field).unwrap_or_else(|| "-".into())).or_default() += 1;
            Ok(())
        });
        done.expect("the file is read").expect("no event stops it");
    }
    counts
}

fn counts<const N: usize>(expected: [(&str, usize); N]) -> BTreeMap<String, usize> {
    expected.map(|(text, count)| (text.to_owned(), count)).into()
}

#[test]
fn the_decoder_sees_what_is_known_of_the_real_events() {
    let inputs = find_inputs(&[folder()]).files;
    let count = |field: &str| count(&inputs, field);

    assert_eq!(
        count("userIdentity.type"),
        counts([("IAMUser", 2748), ("AssumedRole", 76), ("-", 42), ("AWSService", 34)])
    );
    assert_eq!(
        count("eventType"),
        counts([("AwsApiCall", 2855), ("AwsServiceEvent", 42), ("AwsConsoleSignIn", 3)])
    );
    assert_eq!(count("eventVersion"), counts([("1.08", 2865), ("1.09", 35)]));
    assert_eq!(count("sharedEventID").values().sum::<usize>() - count("sharedEventID")["-"], 36);
    assert_eq!(count("errorCode")["ThrottlingException"], 102);
    assert_eq!(count("tidegate.source_kind")["ip"], 2547);
    let ids: BTreeSet<String> = count("eventID").into_keys().collect();
    assert_eq!((ids.len(), ids.contains("-")), (2900, false));
}
