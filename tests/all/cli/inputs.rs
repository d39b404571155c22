//! `scan` on what a new user gives it: what cannot be read is named, the rest is read.

use super::process::{Ended, call_in, tidegate, within};
use crate::support::records;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tidegate::generate::{Organization, OrganizationSettings};

/// A real log of one line that no rule wants.
const EVENT: &str = r#"{"eventVersion":"1.11","eventTime":"2026-01-01T00:00:00Z","eventSource":"s3.amazonaws.com","eventName":"ListBuckets","awsRegion":"us-east-1","sourceIPAddress":"198.51.100.7","eventID":"00000000-0000-4000-8000-000000000001","eventType":"AwsApiCall"}"#;

fn folder_with(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).expect("a file");
    }
    folder
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(content).expect("memory");
    gzip.finish().expect("memory")
}

fn assert_says(ended: &Ended, status: i32, texts: &[&str]) {
    assert_eq!(ended.status, Some(status), "{}", ended.stderr);
    for text in texts {
        assert!(ended.stderr.contains(text), "{text:?} is not in:\n{}", ended.stderr);
    }
}

/// A small stream with alerts, one record a line.
fn stream() -> String {
    let organization = Organization::generate(&OrganizationSettings {
        principals: 50,
        events: 500,
        counts: 0,
        downloads: 3,
        ..OrganizationSettings::default()
    });
    let lines: Vec<String> =
        records(&organization).into_iter().map(|record| record.value).collect();
    lines.join("\n")
}

#[test]
fn a_missing_file_is_named_and_the_others_are_read() {
    let folder = folder_with(&[("good.json", EVENT.as_bytes())]);

    let ended = call_in(folder.path(), &["scan", "nowhere.json", "good.json"]);

    assert_says(
        &ended,
        1,
        &["1 event in 1 file", "unreadable: nowhere.json: there is no such file or folder"],
    );
}

#[test]
fn broken_gzip_is_named_and_the_others_are_read() {
    let whole = gzip(EVENT.repeat(50).as_bytes());
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0xff;
    let folder = folder_with(&[
        ("cut.json.gz", &whole[..whole.len() - 9]),
        ("damaged.json.gz", &damaged),
        ("no_gzip.json.gz", b"\x1f\x8b that is no gzip"),
        ("good.json", EVENT.as_bytes()),
    ]);

    let ended = call_in(folder.path(), &["scan", "."]);

    assert_says(&ended, 1, &["cut.json.gz: the gzip data ends too early"]);
    assert_says(&ended, 1, &["damaged.json.gz: the gzip data", "no_gzip.json.gz: the gzip data"]);
    assert_says(&ended, 1, &["1 event in 4 files"]);
}

#[test]
fn half_a_line_is_counted_with_its_place_and_its_neighbours_are_read() {
    let text = format!("{EVENT}\n{}\n{EVENT}\n", &EVENT[..EVENT.len() / 2]);
    let folder = folder_with(&[("lines.jsonl", text.as_bytes())]);

    let ended = call_in(folder.path(), &["scan", "lines.jsonl"]);

    assert_says(&ended, 0, &["2 events in 1 file", "cannot be read: 1 json", "lines.jsonl:2:"]);
}

#[test]
fn a_file_that_is_no_log_at_all_is_unreadable() {
    let folder = folder_with(&[("notes.json", b"remember the milk")]);

    let ended = call_in(folder.path(), &["scan", "notes.json"]);

    assert_says(&ended, 1, &["unreadable: notes.json: nothing in it can be read as a log"]);
}

#[test]
fn an_empty_folder_says_that_there_was_nothing() {
    let folder = folder_with(&[]);

    let ended = call_in(folder.path(), &["scan", "."]);

    assert_says(&ended, 0, &["0 events in 0 files", "no alerts"]);
    assert_eq!(ended.stdout, "");
}

#[test]
fn hostile_file_names_do_not_reach_the_terminal() {
    let folder = folder_with(&[("\u{1b}[31mred\u{202e}.json", b"no log")]);

    let ended = call_in(folder.path(), &["scan", "."]);

    assert_eq!(ended.status, Some(1));
    assert!(!ended.stderr.contains(['\u{1b}', '\u{202e}']), "{:?}", ended.stderr);
}

/// Largest memory that process `id` has used so far, in bytes.
fn peak_bytes(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
    let number = line.split_whitespace().nth(1).expect("kilobytes");
    number.parse::<u64>().expect("a number") * 1024
}

#[test]
fn a_line_of_200_mb_is_passed_over_in_bounded_memory() {
    let folder = folder_with(&[]);
    let mut child = tidegate(folder.path(), &["scan", "-"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut input = child.stdin.take().expect("piped");
    let megabyte = vec![b'x'; 1_000_000];
    writeln!(input, "{EVENT}").expect("it reads");
    write!(input, "{{\"eventVersion\":\"").expect("it reads");
    for _ in 0..200 {
        input.write_all(&megabyte).expect("it reads");
    }
    // All but what the pipe holds has been read, and the process waits for more.
    write!(input, "\"}}\n{}\n", EVENT.replace("000001\"", "000002\"")).expect("it reads");
    let peak = peak_bytes(child.id());
    drop(input);
    let output = child.wait_with_output().expect("it ends");

    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(stderr.contains("2 events in 1 file"), "{stderr}");
    assert!(stderr.contains("cannot be read: 1 too_large"), "{stderr}");
    assert!(stderr.contains("-:2: the record is larger than 67108864 bytes"), "{stderr}");
    assert!(peak < 200_000_000, "{} MB", peak / 1_000_000);
}

#[test]
fn a_line_of_200_mb_in_a_small_gzip_file_is_passed_over_too() {
    let mut file = gzip(b"{\"Records\":[");
    let part = gzip(&vec![b' '; 10_000_000]);
    for _ in 0..20 {
        file.extend_from_slice(&part);
    }
    file.extend_from_slice(&gzip(format!("{EVENT}]}}\n{EVENT}\n").as_bytes()));
    let folder = folder_with(&[("bomb.json.gz", &file)]);

    let ended = call_in(folder.path(), &["scan", "bomb.json.gz"]);

    assert_says(&ended, 0, &["1 event in 1 file", "bomb.json.gz:1: the record is larger than"]);
}

#[test]
fn standard_input_is_read_and_gives_the_alerts_of_the_same_file() {
    let text = stream();
    let folder = folder_with(&[("events.jsonl", text.as_bytes())]);
    let from_file = call_in(folder.path(), &["scan", "events.jsonl"]);
    let mut command = tidegate(folder.path(), &["scan", "-"]);
    command.stdin(std::fs::File::open(folder.path().join("events.jsonl")).expect("a file"));

    let from_stdin = within(Duration::from_mins(2), command);

    assert_says(&from_stdin, 0, &["in 1 file"]);
    assert!(from_file.stdout.lines().count() >= 10, "{}", from_file.stdout);
    assert_eq!(from_stdin.stdout, from_file.stdout);
}

#[test]
fn standard_input_beside_files_is_a_usage_error() {
    let folder = folder_with(&[("good.json", EVENT.as_bytes())]);

    assert_says(&call_in(folder.path(), &["scan", "-", "good.json"]), 2, &["scan it alone"]);
}

#[test]
fn a_reader_that_has_gone_is_a_normal_end() {
    let folder = folder_with(&[("events.jsonl", stream().as_bytes())]);
    let mut child =
        tidegate(folder.path(), &["scan", "events.jsonl"]).spawn().expect("the binary starts");

    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");

    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(!stderr.contains("panicked") && !stderr.contains("roken pipe"), "{stderr}");
}

#[test]
fn a_full_disk_behind_standard_output_is_a_failure() {
    let folder = folder_with(&[("events.jsonl", stream().as_bytes())]);
    let full = std::fs::File::options().write(true).open("/dev/full").expect("Linux has one");
    let mut command = tidegate(folder.path(), &["scan", "events.jsonl"]);
    let child = command.stdout(full).spawn().expect("the binary starts");

    let output = child.wait_with_output().expect("it ends");

    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("an alert cannot be written"), "{stderr}");
    assert!(stderr.contains("No space left"), "{stderr}");
}

#[test]
fn fail_on_turns_an_alert_into_exit_status_1() {
    let folder = folder_with(&[("events.jsonl", stream().as_bytes())]);
    let scan = |severity: &str| {
        call_in(folder.path(), &["scan", "--fail-on", severity, "events.jsonl"]).status
    };

    assert_eq!((scan("high"), scan("critical")), (Some(1), Some(0)));
}

#[test]
fn the_shipped_real_logs_are_scanned_with_exit_0() {
    let folder = folder_with(&[]);
    let logs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cloudtrail");

    let ended = call_in(folder.path(), &["scan", logs.to_str().expect("a UTF-8 path")]);

    assert_says(
        &ended,
        0,
        &["2900 events in 55 files", "ignored 2853", "1 alert s3_short_expiry medium"],
    );
    // Changes of configuration, each an alert; no line for anything that leaves S3.
    assert_eq!(ended.stdout.lines().count(), 8, "{}", ended.stdout);
}
