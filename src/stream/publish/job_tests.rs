//! Splitting, keys, and that a run which is killed and started again leaves nothing out.

use super::super::progress::Work;
use super::*;
use crate::generate::{Organization, OrganizationSettings};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Keeps what it is given; acknowledges with a lag, and fails after a number of events.
struct Kept {
    records: Vec<(Option<String>, Vec<u8>, Option<RecordTime>)>,
    numbers: Vec<u64>,
    passed: BTreeSet<u64>,
    lag: usize,
    fail_after: usize,
    too_large: usize,
}

impl Kept {
    fn new() -> Self {
        let (records, numbers, passed) = Default::default();
        Self { records, numbers, passed, lag: 0, fail_after: usize::MAX, too_large: usize::MAX }
    }
}

impl Sink for Kept {
    fn send(&mut self, number: u64, record: &Outgoing<'_>) -> Result<(), PublishError> {
        if self.records.len() >= self.fail_after {
            return Err(PublishError::Refused { why: "killed".into() });
        }
        if record.value.len() > self.too_large {
            return Err(PublishError::TooLarge { bytes: record.value.len() });
        }
        let key = record.key.map(str::to_owned);
        self.records.push((key, record.value.to_vec(), record.time));
        self.numbers.push(number);
        Ok(())
    }

    fn pass_over(&mut self, number: u64) {
        self.passed.insert(number);
    }

    fn acknowledged(&mut self, wait: Duration) -> Result<u64, PublishError> {
        // Whoever waits gets everything, whoever only looks gets all but the newest.
        let lag = if wait.is_zero() { self.lag } else { 0 };
        let sent = self.numbers.len().saturating_sub(lag);
        let safe: BTreeSet<u64> =
            self.numbers.iter().take(sent).chain(&self.passed).copied().collect();
        Ok((0..).find(|number| !safe.contains(number)).unwrap_or(u64::MAX))
    }
}

fn options() -> PublishOptions {
    PublishOptions {
        key: Key::Principal,
        decode: DecodeLimits { max_record_bytes: 8 << 20, max_inflated_bytes: 8 << 20 },
        rate: None,
        record_time: RecordTimeOf::Now,
        from: None,
        to: None,
        drain_limit: Span::from_secs(5),
    }
}

/// A generated organization in three files: lines, and two delivery files.
fn files(folder: &Path) -> (Vec<Input>, BTreeSet<Vec<u8>>) {
    let small = OrganizationSettings {
        principals: 20,
        events: 300,
        duplicate_percent: 0,
        downloads: 0,
        counts: 0,
        ..OrganizationSettings::default()
    };
    let organization = Organization::generate(&small);
    let (mut key, mut value) = (String::new(), String::new());
    let texts: Vec<String> = (0..organization.len())
        .map(|place| {
            organization.write(place, &mut key, &mut value);
            value.clone()
        })
        .collect();
    let stamped = folder.join("1_CloudTrail_r_20260101T0100Z_x.json");
    fs::write(folder.join("a.jsonl"), texts[..100].join("\n")).expect("a file");
    fs::write(folder.join("b.json"), format!("{{\"Records\": [{}]}}", texts[100..200].join(", ")))
        .expect("a file");
    fs::write(&stamped, format!("{{\"Records\":[{}]}}", texts[200..].join(","))).expect("a file");
    let inputs = crate::scan::find_inputs(&[folder.to_owned()]).files;
    assert_eq!(inputs.len(), 3);
    (inputs, texts.into_iter().map(String::into_bytes).collect())
}

fn run(
    inputs: &[Input],
    sink: &mut Kept,
    progress: Option<&mut ProgressFile>,
    options: &PublishOptions,
) -> Result<Published, PublishError> {
    publish(inputs, sink, progress, options, &ReadBytes::default(), &mut |_| {})
}

#[test]
fn every_event_becomes_one_record_with_its_text_and_its_principal() {
    let folder = tempfile::tempdir().expect("a folder");
    let (inputs, texts) = files(folder.path());
    let mut sink = Kept::new();

    let done = run(&inputs, &mut sink, None, &options()).expect("publishes");

    assert_eq!(done.sent, texts.len() as u64);
    assert_eq!(done.without_key, 0);
    let sent: BTreeSet<Vec<u8>> = sink.records.iter().map(|record| record.1.clone()).collect();
    assert_eq!(sent, texts);
    for (key, value, time) in &sink.records {
        let value = String::from_utf8_lossy(value);
        let principal = key.as_deref().expect("a principal");
        assert!(value.contains(&format!("\"arn\":\"{principal}\"")), "{principal} of {value}");
        assert_eq!(*time, None);
    }
}

fn work(topic: &str) -> Work {
    Work { topic: topic.to_owned(), ..Work::default() }
}

#[test]
fn a_killed_run_goes_on_and_leaves_no_event_out() {
    for (killed_after, lag) in [(1, 0), (50, 7), (150, 60), (250, 250), (319, 1)] {
        let folder = tempfile::tempdir().expect("a folder");
        let (inputs, texts) = files(folder.path());
        let memory = tempfile::tempdir().expect("a folder");
        let path = memory.path().join("progress.json");
        let mut first = Kept { lag, fail_after: killed_after, ..Kept::new() };
        let mut progress = ProgressFile::open(&path, &work("t")).expect("new");
        run(&inputs, &mut first, Some(&mut progress), &options()).expect_err("is killed");
        drop(progress);

        let mut second = Kept::new();
        let mut progress = ProgressFile::open(&path, &work("t")).expect("known");
        let done = run(&inputs, &mut second, Some(&mut progress), &options()).expect("goes on");
        progress.finish().expect("removes");

        let safe = killed_after.saturating_sub(lag);
        let again = first.records.len() + second.records.len() - texts.len();
        assert_eq!(again, killed_after - safe, "killed after {killed_after} with lag {lag}");
        let sent: BTreeSet<Vec<u8>> =
            first.records.into_iter().chain(second.records).map(|record| record.1).collect();
        assert_eq!(sent, texts);
        assert!(done.sent <= (texts.len() - safe) as u64);
        assert!(!path.exists());
    }
}

#[test]
fn a_file_that_is_complete_is_not_read_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let (inputs, _) = files(folder.path());
    let memory = tempfile::tempdir().expect("a folder");
    let path = memory.path().join("progress.json");
    let mut progress = ProgressFile::open(&path, &work("t")).expect("new");
    run(&inputs, &mut Kept::new(), Some(&mut progress), &options()).expect("publishes");

    let mut again = Kept::new();
    let done = run(&inputs, &mut again, Some(&mut progress), &options()).expect("goes on");

    assert_eq!((done.sent, again.records.len()), (0, 0));
}

#[test]
fn the_delivery_stamp_is_the_record_time_when_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let (inputs, _) = files(folder.path());
    let mut sink = Kept::new();

    let by_file = PublishOptions { record_time: RecordTimeOf::File, ..options() };
    run(&inputs, &mut sink, None, &by_file).expect("publishes");

    let stamped = sink.records.iter().filter(|record| record.2.is_some()).count();
    assert_eq!(stamped, sink.records.len() - 200);
}

#[test]
fn an_event_that_no_broker_takes_is_reported_and_the_rest_is_published() {
    let folder = tempfile::tempdir().expect("a folder");
    let (inputs, texts) = files(folder.path());
    let largest = texts.iter().map(Vec::len).max().expect("events");
    let mut sink = Kept { too_large: largest - 1, ..Kept::new() };

    let done = run(&inputs, &mut sink, None, &options()).expect("publishes");

    assert!(done.read.refused[&RefusalReason::TooLarge] >= 1);
    assert_eq!(done.sent + done.read.refusals(), texts.len() as u64);
}

#[test]
fn a_field_can_be_the_key_and_an_event_without_it_has_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let (inputs, texts) = files(folder.path());
    let by_region = PublishOptions { key: Key::Field("awsRegion".into()), ..options() };
    let by_nothing = PublishOptions { key: Key::Field("nowhere".into()), ..options() };
    let (mut regions, mut nothing) = (Kept::new(), Kept::new());

    run(&inputs, &mut regions, None, &by_region).expect("publishes");
    let done = run(&inputs, &mut nothing, None, &by_nothing).expect("publishes");

    assert!(regions.records.iter().all(|record| record.0.as_deref() == Some("us-east-1")));
    assert_eq!(done.without_key, texts.len() as u64);
}
