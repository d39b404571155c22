//! Rules of new terms learn from replayed history: what it held is known afterwards, by event time alone.

use crate::cli::process::{Ended, call_in};
use std::path::Path;

const RULE: &str = "title: A new address
id: 5d0f7a4e-51a4-4b70-8f43-92a0c5be0001
name: new_address
logsource: {product: aws, service: cloudtrail}
detection: {s: {eventName: GetObject}, condition: s}
level: low
tidegate:
  new-terms: {fields: [tidegate.principal, tidegate.source_ip], history: 30dLEARN}
  dedup: {period: 0}
  title: '{tidegate.source_ip} on {eventTime}'
";

/// One read by alice at an address; the day is one of March 2026.
fn read(day: u32, address: &str) -> String {
    format!(
        r#"{{"eventVersion":"1.11","eventTime":"2026-03-{day:02}T08:00:00Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","sourceIPAddress":"{address}","eventID":"{day:02}-{address}","eventType":"AwsApiCall","userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/alice","accountId":"111122223333","userName":"alice"}},"recipientAccountId":"111122223333"}}"#
    )
}

fn folder(learn: &str, files: &[(&str, &[(u32, &str)])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: String| {
        std::fs::write(folder.path().join(name), text).expect("a file");
    };
    write("rule.yml", RULE.replace("LEARN", learn));
    for (name, reads) in files {
        let lines: Vec<String> = reads.iter().map(|(day, address)| read(*day, address)).collect();
        write(name, lines.join("\n"));
    }
    folder
}

/// Titles of what a scan says about a file, in order.
fn titles(folder: &Path, file: &str, more: &[&str]) -> Vec<String> {
    let scan = ["scan", file, "--rules", "rule.yml", "--set", "rules.builtin=false"];
    let Ended { status, stdout, stderr } = call_in(folder, &[&scan[..], more].concat());
    assert_eq!(status, Some(0), "{stderr}");
    let title = |line: &str| {
        let alert: serde_json::Value = serde_json::from_str(line).expect("an alert");
        alert["finding_info"]["title"].as_str().expect("a title").to_owned()
    };
    stdout.lines().map(title).collect()
}

#[test]
fn what_a_scan_has_learned_is_known_to_the_next_one_with_its_state() {
    let home = "198.51.100.1";
    let files: [(&str, &[_]); 2] = [
        ("history.jsonl", &[(1, home), (2, "198.51.100.2"), (3, home)]),
        ("today.jsonl", &[(10, home), (11, "198.51.100.2"), (12, "198.51.100.9")]),
    ];
    let folder = folder("", &files);
    let path = folder.path();

    let without = titles(path, "today.jsonl", &[]);
    let history = titles(path, "history.jsonl", &["--state-dir", "state"]);
    let today = titles(path, "today.jsonl", &["--state-dir", "state"]);
    let again = titles(path, "today.jsonl", &["--state-dir", "state"]);

    let on = |day: u32, address: &str| format!("{address} on 2026-03-{day:02}T08:00:00Z");
    assert_eq!(without, [on(10, home), on(11, "198.51.100.2"), on(12, "198.51.100.9")]);
    assert_eq!(history, [on(1, home), on(2, "198.51.100.2")]);
    assert_eq!(today, [on(12, "198.51.100.9")], "what history held is known, the rest is new");
    assert_eq!(again, [""; 0], "the same events once more are duplicates or late");
}

#[test]
fn learning_counts_the_event_time_of_the_partition_and_not_of_the_replay() {
    let files: [(&str, &[_]); 2] = [
        ("history.jsonl", &[(1, "198.51.100.1"), (2, "198.51.100.2")]),
        // Seven days after the first event of all: day 8 is the first that speaks.
        ("after.jsonl", &[(7, "198.51.100.3"), (8, "198.51.100.4"), (9, "198.51.100.2")]),
    ];
    let folder = folder(", learn: 7d", &files);

    let history = titles(folder.path(), "history.jsonl", &["--state-dir", "state"]);
    let after = titles(folder.path(), "after.jsonl", &["--state-dir", "state"]);

    assert_eq!(history, [""; 0], "it learns");
    assert_eq!(after, ["198.51.100.4 on 2026-03-08T08:00:00Z"]);
    let at_once = titles(folder.path(), "after.jsonl", &[]);
    assert_eq!(at_once, [""; 0], "without the history its seven days begin with the first event");
}

#[test]
fn one_replay_from_the_beginning_says_what_is_new_after_the_days_of_learning() {
    let reads: &[(u32, &str)] = &[
        (1, "198.51.100.1"),
        (5, "198.51.100.2"),
        (8, "198.51.100.1"),
        (9, "198.51.100.3"),
        (10, "198.51.100.2"),
    ];
    let folder = folder(", learn: 7d", &[("topic.jsonl", reads)]);

    assert_eq!(titles(folder.path(), "topic.jsonl", &[]), ["198.51.100.3 on 2026-03-09T08:00:00Z"]);
}
