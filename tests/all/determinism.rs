//! What must not matter does not matter: the same stream gives the same alerts, byte for byte,
//! however often it is committed, however small the cache, whatever holds the rows, after crashes,
//! and when it is read from files.

use crate::support::{Pipeline, Record, decode_limits, limits, records, writer};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use tidegate::alert::{Alert, stable};
use tidegate::detect::{FindingKind, Limits, Outcome};
use tidegate::generate::{Organization, OrganizationSettings};
use tidegate::rule::{self, LoadOptions, RuleFile, RuleSet};
use tidegate::scan::{
    Clock, Found, ReadBytes, ScanOptions, Scanner, find_inputs, first_event_time, sort_inputs,
};
use tidegate::state::{MemoryStore, RocksOptions, RocksShared, RocksStore, Store};
use tidegate::units::{RecordTime, Span};

/// What may differ between two runs over the same stream.
struct Way {
    commit_every: usize,
    cache_bytes: usize,
    /// Records before which everything since the last commit is lost, ascending.
    crashes: Vec<usize>,
    wall_shift_ms: i64,
}

/// The way that all others are compared with: everything in memory, nothing happens.
const CALM: Way =
    Way { commit_every: usize::MAX, cache_bytes: 256 << 20, crashes: Vec::new(), wall_shift_ms: 0 };

/// What came of a run.
#[derive(Debug, PartialEq)]
struct Result {
    alerts: Vec<Alert>,
    outcomes: Vec<Outcome>,
}

fn organization() -> Organization {
    Organization::generate(&OrganizationSettings {
        seed: 11,
        principals: 400,
        events: 8000,
        downloads: 2,
        counts: 1,
        forged: 3,
        ..OrganizationSettings::default()
    })
}

/// The stream of all these tests.
fn stream() -> &'static [Record] {
    static STREAM: OnceLock<Vec<Record>> = OnceLock::new();
    STREAM.get_or_init(|| records(&organization()))
}

/// Rules that wait until their windows have closed, and one over them: their alerts show an event that
/// came long before the one that closed the window.
const WAITING: &str = "title: Few reads
name: few_reads
correlation: {type: event_count, rules: [s3_object_read], group-by: [tidegate.principal], timespan: 5m, condition: {gte: 2, lt: 6}}
level: low
tidegate:
  window: tumbling
  dedup: {period: 5m}
  title: '{tidegate.principal} read {amount} times, last {tidegate.key}'
  collect: {keys: {field: tidegate.key, sample: 3}, buckets: {field: tidegate.bucket, distinct: true}}
---
title: Small objects
name: small_objects
correlation: {type: value_median, rules: [s3_object_read], group-by: [tidegate.bucket], timespan: 10m, condition: {field: tidegate.bytes_out, lt: 100000}}
level: low
tidegate: {window: tumbling}
---
title: Small objects again
name: small_objects_again
correlation: {type: event_count, rules: [small_objects], group-by: [tidegate.bucket], timespan: 1h, condition: {gte: 2}, generate: true}
level: medium
";

/// The shipped rules, and those that wait.
fn rules() -> Arc<RuleSet> {
    static RULES: OnceLock<Arc<RuleSet>> = OnceLock::new();
    let load = || {
        let mut files = rule::builtin();
        files.push(RuleFile { name: "own.yml".into(), text: WAITING.into(), builtin: false });
        Arc::new(rule::load(&files, &LoadOptions::default()).rules.expect("they load"))
    };
    RULES.get_or_init(load).clone()
}

fn run<S: Store>(
    records: &[Record],
    way: &Way,
    store: S,
    mut reopen: impl FnMut(S) -> S,
) -> Result {
    let limits = Limits { cache_bytes: way.cache_bytes, ..limits() };
    let mut pipeline = Pipeline::open(rules(), limits, store);
    pipeline.wall_shift_ms = way.wall_shift_ms;
    let mut crashes = way.crashes.iter().peekable();
    while let Some(record) = records.get(pipeline.next()) {
        if crashes.next_if(|place| **place <= pipeline.next()).is_some() {
            pipeline = pipeline.crash(&mut reopen);
            continue;
        }
        pipeline.take(record.value.as_bytes(), record.time);
        if pipeline.next().is_multiple_of(way.commit_every) {
            pipeline.commit();
        }
    }
    Result { alerts: pipeline.alerts(), outcomes: pipeline.outcomes }
}

fn in_memory(records: &[Record], way: &Way) -> Result {
    run(records, way, MemoryStore::default(), |store| store)
}

fn on_disk(records: &[Record], way: &Way) -> Result {
    let folder = tempfile::tempdir().expect("a folder");
    let shared = RocksShared::new(1 << 20, 1 << 20);
    let open = || {
        RocksStore::open(folder.path(), &shared, RocksOptions::default()).expect("the store opens")
    };
    run(records, way, open(), |store| {
        store.flush().expect("the disk takes it");
        drop(store);
        open()
    })
}

fn calm() -> &'static Result {
    static CALM_RESULT: OnceLock<Result> = OnceLock::new();
    CALM_RESULT.get_or_init(|| in_memory(stream(), &CALM))
}

/// Fails with the first alert that differs, not with megabytes of JSON.
fn assert_same(found: &Result, expected: &Result, what: &str) {
    assert_eq!(found.outcomes.len(), expected.outcomes.len(), "{what}: events");
    let differing = found.outcomes.iter().zip(&expected.outcomes).position(|(a, b)| a != b);
    assert_eq!(differing, None, "{what}: the first event with another outcome");
    let text = |alert: &Alert| String::from_utf8_lossy(&alert.value).into_owned();
    for (place, (found, expected)) in found.alerts.iter().zip(&expected.alerts).enumerate() {
        assert_eq!(text(found), text(expected), "{what}: alert {place}");
        assert_eq!(found, expected, "{what}: alert {place}");
    }
    assert_eq!(found.alerts.len(), expected.alerts.len(), "{what}: alerts");
}

/// Five places over the stream, none of them at a commit.
fn crashes() -> Vec<usize> {
    (1..=5).map(|part| stream().len() * part / 6 + 3).collect()
}

#[test]
fn the_stream_of_these_tests_has_everything_that_could_differ() {
    let expected = calm();

    let count = |outcome| expected.outcomes.iter().filter(|seen| **seen == outcome).count();
    assert!(stream().len() > 10_000, "{}", stream().len());
    for outcome in [Outcome::Matched, Outcome::Ignored, Outcome::Late, Outcome::Duplicate] {
        assert!(count(outcome) > 10, "{outcome:?}: {}", count(outcome));
    }
    let mut pipeline = Pipeline::new(rules());
    for record in stream() {
        pipeline.take(record.value.as_bytes(), record.time);
    }
    let escalations =
        pipeline.findings.iter().filter(|finding| finding.kind == FindingKind::Escalate).count();
    assert!(pipeline.findings.len() >= 40, "{}", pipeline.findings.len());
    assert!(escalations >= 6, "{escalations}");
    for rule in ["few_reads", "small_objects", "small_objects_again"] {
        let index = rules().find(rule).expect("is loaded");
        let found = pipeline.findings.iter().filter(|finding| finding.rule == index).count();
        assert!(found >= 10, "{rule}: {found}");
    }
}

#[test]
fn it_does_not_matter_how_often_is_committed() {
    for commit_every in [1, 7, 1000] {
        let found = in_memory(stream(), &Way { commit_every, ..CALM });

        assert_same(&found, calm(), &format!("a commit every {commit_every} records"));
    }
}

#[test]
fn it_does_not_matter_how_much_the_cache_holds() {
    for cache_bytes in [0, 10_000, 1 << 30] {
        let found = in_memory(stream(), &Way { cache_bytes, commit_every: 100, ..CALM });

        assert_same(&found, calm(), &format!("a cache of {cache_bytes} bytes"));
    }
}

#[test]
fn it_does_not_matter_where_the_process_dies() {
    for (commit_every, cache_bytes) in [(1, 1 << 30), (7, 0), (1000, 1 << 30), (1000, 0)] {
        let way = Way { commit_every, cache_bytes, crashes: crashes(), ..CALM };

        let found = in_memory(stream(), &way);

        assert_same(&found, calm(), &format!("crashes, a commit every {commit_every} records"));
    }
}

#[test]
fn it_does_not_matter_whether_rows_live_in_memory_or_on_disk() {
    for (commit_every, cache_bytes) in [(50, 0), (1000, 1 << 30)] {
        let way = Way { commit_every, cache_bytes, crashes: crashes(), ..CALM };

        let found = on_disk(stream(), &way);

        assert_same(&found, calm(), &format!("on disk, a commit every {commit_every} records"));
    }
}

#[test]
fn our_own_clock_changes_only_what_is_named_unstable() {
    let shifted = in_memory(stream(), &Way { wall_shift_ms: 86_400_000, ..CALM });

    let stable_of = |alert: &Alert| {
        stable(&serde_json::from_slice(&alert.value).expect("an alert is JSON")).to_string()
    };
    assert_eq!(shifted.alerts.len(), calm().alerts.len());
    for (found, expected) in shifted.alerts.iter().zip(&calm().alerts) {
        assert_ne!(found.value, expected.value);
        assert_eq!((&found.key, &found.uid), (&expected.key, &expected.uid));
        assert_eq!(stable_of(found), stable_of(expected));
    }
}

/// Writes `records` as gzipped delivery files of five minutes each, and gives the records the time
/// that a scan reads off the files' names.
fn deliver(records: &[Record], folder: &Path) -> Vec<Record> {
    let five_minutes = Span::from_minutes(5).as_millis();
    let slot = |record: &Record| record.time.map_or(0, |time| time.as_millis() / five_minutes);
    let mut delivered = Vec::new();
    for file in records.chunk_by(|one, next| slot(one) == slot(next)) {
        let stamp_ms = (slot(&file[0]) + 1) * five_minutes;
        let stamp = jiff::Timestamp::from_millisecond(stamp_ms).expect("a time");
        let name = format!("1_CloudTrail_r_{}_x.json.gz", stamp.strftime("%Y%m%dT%H%MZ"));
        let values: Vec<&str> = file.iter().map(|record| record.value.as_str()).collect();
        let to = std::fs::File::create_new(folder.join(name)).expect("one file for each slot");
        let mut gzip = flate2::write::GzEncoder::new(to, flate2::Compression::fast());
        write!(gzip, "{{\"Records\":[{}]}}", values.join(",")).expect("the disk takes it");
        gzip.finish().expect("the disk takes it");
        let time = Some(RecordTime::from_millis(stamp_ms));
        delivered.extend(file.iter().map(|record| Record { time, value: record.value.clone() }));
    }
    delivered
}

/// What a scan of `folder` says.
fn scan(folder: &Path) -> (Vec<Alert>, u64) {
    let rules = rules();
    let options = ScanOptions {
        decode: decode_limits(),
        detect: limits(),
        clock: Clock::Event,
        from: None,
        to: None,
    };
    let mut scanner = Scanner::new(rules.clone(), writer(&rules), options).expect("a scan opens");
    let mut files = find_inputs(&[folder.to_owned()]).files;
    sort_inputs(&mut files, |input| first_event_time(input, decode_limits()));
    let mut alerts = Vec::new();
    for input in &files {
        let mut keep = |found: Found<'_>| {
            alerts.push(found.alert);
            Ok(())
        };
        scanner.read(input, &ReadBytes::default(), &mut keep).expect("a scan goes on");
    }
    let summary = scanner.finish();
    assert_eq!((summary.refusals(), summary.unreadable.len()), (0, 0));
    (alerts, summary.events())
}

#[test]
fn a_scan_of_delivery_files_gives_the_alerts_of_the_engine() {
    let folder = tempfile::tempdir().expect("a folder");
    let delivered = deliver(stream(), folder.path());
    let expected = in_memory(&delivered, &CALM);

    let (alerts, events) = scan(folder.path());

    assert_eq!(events, expected.outcomes.len() as u64);
    assert!(expected.alerts.len() >= 40, "{}", expected.alerts.len());
    assert_same(
        &Result { alerts, outcomes: Vec::new() },
        &Result { outcomes: Vec::new(), ..expected },
        "scan",
    );
}

#[test]
fn a_scan_of_lines_gives_the_alerts_of_the_engine_without_record_times() {
    let folder = tempfile::tempdir().expect("a folder");
    let without_time: Vec<Record> =
        stream().iter().map(|record| Record { time: None, value: record.value.clone() }).collect();
    let lines: Vec<&str> = without_time.iter().map(|record| record.value.as_str()).collect();
    std::fs::write(folder.path().join("events.jsonl"), lines.join("\n")).expect("a file");
    let expected = in_memory(&without_time, &CALM);

    let (alerts, _) = scan(folder.path());

    assert_same(
        &Result { alerts, outcomes: Vec::new() },
        &Result { outcomes: Vec::new(), ..expected },
        "scan",
    );
}
