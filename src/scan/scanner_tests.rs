//! What a scan counts, and that nothing it cannot read stops it.

use super::*;
use crate::alert;
use crate::event::Source;
use crate::generate::{Organization, OrganizationSettings};
use crate::rule::{self, LoadOptions};
use crate::scan::{Inputs, find_inputs, sort_inputs};
use crate::units::{RecordTime, Span};
use std::fs;
use std::path::PathBuf;

fn shipped_rules() -> Arc<RuleSet> {
    let options = LoadOptions {
        lists: Vec::new(),
        partition_key: vec![(Source::CloudTrail, None)],
        disable: Vec::new(),
        tune: Vec::new(),
        deny_warnings: false,
    };
    Arc::new(rule::load(&rule::builtin(), &options).rules.expect("the shipped rules load"))
}

fn options() -> ScanOptions {
    let megabyte = 1 << 20;
    ScanOptions {
        decode: DecodeLimits { max_record_bytes: megabyte, max_inflated_bytes: megabyte },
        detect: Limits {
            allowed_lateness: Span::from_hours(1),
            max_future_skew: Span::from_minutes(5),
            duplicate_horizon: None,
            cache_bytes: megabyte,
            ..Limits::default()
        },
        clock: Clock::Event,
        from: None,
        to: None,
    }
}

fn scanner(options: ScanOptions) -> Scanner {
    let rules = shipped_rules();
    Scanner::new(Arc::clone(&rules), Writer::new(alert::Settings::default(), rules), options)
        .expect("opens")
}

/// Scans what `files` hold, in a folder of their own; gives the summary and the alerts' texts.
fn scan(files: &[(&str, Vec<u8>)], options: ScanOptions) -> (Summary, Vec<String>) {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, content) in files {
        fs::write(folder.path().join(name), content).expect("a file");
    }
    let paths: Vec<PathBuf> = files.iter().map(|(name, _)| folder.path().join(name)).collect();
    let Inputs { files, .. } = find_inputs(&paths);
    let (mut scanner, mut alerts) = (scanner(options), Vec::new());
    for input in &files {
        let mut keep = |found: Found<'_>| {
            alerts.push(String::from_utf8_lossy(&found.alert.value).into_owned());
            Ok(())
        };
        scanner.read(input, &ReadBytes::default(), &mut keep).expect("scans");
    }
    (scanner.finish(), alerts)
}

fn read(id: u64, time: &str, bytes: u64) -> String {
    format!(
        r#"{{"eventVersion":"1.11","userIdentity":{{"type":"IAMUser","principalId":"AIDA1","arn":"arn:aws:iam::111111111111:user/eve","accountId":"111111111111","userName":"eve"}},"eventTime":"{time}","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"us-east-1","sourceIPAddress":"52.1.2.3","requestParameters":{{"bucketName":"vault","key":"k"}},"additionalEventData":{{"bytesTransferredOut":{bytes}}},"eventID":"00000000-0000-4000-8000-{id:012}","eventType":"AwsApiCall","managementEvent":false,"eventCategory":"Data"}}"#
    )
}

#[test]
fn a_broken_line_is_counted_with_its_place_and_its_neighbours_are_read() {
    let text = format!("{}\n{{\"half\": \n\n{}\n", read(1, "2026-01-01T00:00:00Z", 1), "{\"a\":}");

    let (summary, alerts) = scan(&[("a.jsonl", text.into_bytes())], options());

    assert_eq!(summary.events(), 1);
    assert_eq!(summary.refusals(), 2);
    assert_eq!(summary.skipped.get(&Skip::Blank), Some(&1));
    let lines: Vec<usize> = summary.places.values().flatten().map(|place| place.line).collect();
    assert_eq!(lines, [2, 4]);
    assert!(summary.unreadable.is_empty());
    assert!(alerts.is_empty());
}

#[test]
fn a_download_of_sixty_mebibytes_alerts_and_is_stamped_with_event_time() {
    let text = read(1, "2026-01-01T00:00:00Z", 60 << 20);

    let (summary, alerts) = scan(&[("a.jsonl", text.into_bytes())], options());

    assert!(summary.alerts.keys().any(|(rule, _)| rule == "s3_large_download"));
    assert_eq!(summary.alert_count(), alerts.len() as u64);
    assert!(alerts.iter().all(|alert| alert.contains("1767225600000")), "{alerts:?}");
}

#[test]
fn a_file_that_breaks_off_is_reported_and_the_next_one_is_read() {
    let mut broken = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    io::Write::write_all(&mut broken, read(1, "2026-01-01T00:00:00Z", 1).as_bytes()).expect("ok");
    let mut broken = broken.finish().expect("memory");
    broken.truncate(broken.len() - 12);
    let good = read(2, "2026-01-01T00:00:01Z", 1).into_bytes();

    let (summary, _) = scan(&[("a.json.gz", broken), ("b.json", good)], options());

    assert_eq!(summary.files, 2);
    assert_eq!(summary.events(), 1);
    assert_eq!(summary.unreadable.len(), 1);
    assert!(summary.unreadable[0].why.contains("gzip"), "{}", summary.unreadable[0].why);
}

#[test]
fn a_file_without_one_readable_entry_is_unreadable_and_a_huge_line_is_named() {
    let huge = vec![b'x'; 3 << 20];

    let (summary, _) = scan(&[("a.json", huge), ("b.json", b"not a log".to_vec())], options());

    assert_eq!(summary.events(), 0);
    assert_eq!(summary.unreadable.len(), 2);
    let place = &summary.places[&RefusalReason::TooLarge][0];
    assert_eq!(place.line, 1);
    assert!(place.detail.contains("1048576"), "{}", place.detail);
}

#[test]
fn events_outside_of_from_and_to_are_passed_over() {
    let times = ["2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", "2026-01-01T00:00:02Z"];
    let text: Vec<String> = (1..).zip(times).map(|(id, time)| read(id, time, 1)).collect();
    let second = 1_767_225_601_000;

    let only = ScanOptions {
        from: Some(EventTime::from_millis(second)),
        to: Some(EventTime::from_millis(second + 1000)),
        ..options()
    };
    let (summary, _) = scan(&[("a.jsonl", text.join("\n").into_bytes())], only);

    assert_eq!((summary.outside, summary.events()), (2, 3));
}

#[test]
fn every_generated_event_has_exactly_one_outcome() {
    let small = OrganizationSettings { principals: 50, events: 500, ..Default::default() };
    let organization = Organization::generate(&small);
    let (mut key, mut value, mut text) = (String::new(), String::new(), String::new());
    for place in 0..organization.len() {
        organization.write(place, &mut key, &mut value);
        text.push_str(&value);
        text.push('\n');
    }

    let (summary, _) = scan(&[("a.jsonl", text.into_bytes())], options());

    assert_eq!(summary.events(), organization.len() as u64);
    assert_eq!(summary.refusals(), 0);
}

#[test]
fn files_without_a_stamp_are_ordered_by_their_first_event() {
    let folder = tempfile::tempdir().expect("a folder");
    let later = read(1, "2026-01-01T02:00:00Z", 1);
    let earlier = format!("{{\"Records\":[{}]}}", read(2, "2026-01-01T01:00:00Z", 1));
    fs::write(folder.path().join("a.json"), later).expect("a file");
    fs::write(folder.path().join("b.json"), earlier).expect("a file");
    let mut files = find_inputs(&[folder.path().to_owned()]).files;

    sort_inputs(&mut files, |input| first_event_time(input, options().decode));

    let names: Vec<String> = files.iter().map(Input::name).collect();
    assert!(names[0].ends_with("b.json") && names[1].ends_with("a.json"), "{names:?}");
    assert_eq!(files[0].stamp, None::<RecordTime>);
}
