//! Snapshots in, metrics and readiness out.

use super::Monitor;
use crate::alert;
use crate::detect::FindingKind;
use crate::event::{RefusalReason, Skip};
use crate::rule::{self, Level, LoadOptions, RuleFile, RuleIndex, RuleSet};
use crate::stream::cluster::{SourceIndex, TaskId};
use crate::stream::edition::{RuleNumber, RulesInForce};
use crate::stream::monitor::MetricsObserver;
use crate::stream::options::{Guarantee, Options, Properties, Rhythm, SourceOptions, StartFrom};
use crate::stream::processing::{OwnedRecord, PendingAlert};
use crate::stream::progress::{
    CommitReport, Counts, Observer, PartitionProgress, PartitionState, Progress, Published,
    RebuildReason,
};
use crate::telemetry::{Health, ProcessMetrics};
use crate::units::{EndOffset, EventTime, PartitionId, Position, RecordTime, Span, WallTime};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use std::sync::Arc;
use std::time::Duration;

const NOW: WallTime = WallTime::from_millis(1_700_000_100_000);

/// Workers that say what a test wants, and a recorder of its own.
pub(super) struct Process {
    recorder: PrometheusRecorder,
    health: Arc<Health>,
    published: Vec<Published>,
    in_force: Arc<RulesInForce>,
}

impl Process {
    pub(super) fn new(workers: usize) -> Process {
        let health = Health::new(workers);
        health.rules_loaded();
        Process {
            recorder: PrometheusBuilder::new().build_recorder(),
            health: Arc::new(health),
            published: (0..workers).map(|_| Published::default()).collect(),
            in_force: Arc::new(RulesInForce::new(Arc::new(rules()), alert::Settings::default())),
        }
    }

    pub(super) fn monitor(&self) -> Monitor {
        metrics::with_local_recorder(&self.recorder, || {
            let process = ProcessMetrics::new("1", "r");
            let health = Arc::clone(&self.health);
            let in_force = Arc::clone(&self.in_force);
            Monitor::new(in_force, &options(), process, health, &self.published)
        })
    }

    pub(super) fn publish(&self, worker: usize, progress: Progress) {
        self.published[worker].write(progress);
    }

    /// One turn at a time of the monotonic clock.
    fn turn(&self, monitor: &mut Monitor, now_ms: i64) {
        metrics::with_local_recorder(&self.recorder, || monitor.turn_at(NOW, now_ms));
    }

    pub(super) fn check(&self, lines: &[&str]) {
        let text = self.recorder.handle().render();
        for line in lines {
            assert!(text.lines().any(|found| found == *line), "{line} is missing in\n{text}");
        }
    }

    fn failing(&self, now_ms: i64) -> Vec<&'static str> {
        let checks = self.health.checks(now_ms);
        checks.into_iter().filter(|check| !check.ok).map(|check| check.name).collect()
    }
}

fn rules() -> RuleSet {
    let loaded = rule::load(&rule::builtin(), &LoadOptions::default());
    loaded.rules.expect("the pack loads")
}

fn options() -> Options {
    let source = |name: &str| SourceOptions { name: name.to_owned(), topic: format!("{name}-in") };
    Options {
        app: "app".to_owned(),
        instance: "a".to_owned(),
        workers: 1,
        brokers: "localhost:9092".to_owned(),
        sources: vec![source("trail"), source("flow")],
        alerts_topic: "alerts".to_owned(),
        dead_letter_topic: None,
        client: Properties::default(),
        consumer: Properties::default(),
        producer: Properties::default(),
        start_from: StartFrom::Earliest,
        session_timeout: Span::from_secs(45),
        max_poll_interval: Span::from_secs(300),
        transaction_timeout: Span::from_secs(60),
        producer_compression: "none".to_owned(),
        rhythm: Rhythm {
            commit_interval: Span::from_secs(1),
            urgent_commit: Span::from_millis(50),
            max_dirty_bytes: 1,
        },
        batch_records: 1,
        max_record_bytes: 1,
        guarantee: Guarantee::ExactlyOnce,
    }
}

const fn task(source: usize, partition: i32) -> TaskId {
    TaskId { source: SourceIndex(source), partition: PartitionId(partition) }
}

fn restoring(remaining: Option<u64>) -> PartitionProgress {
    PartitionProgress {
        state: PartitionState::Restoring { remaining },
        watermark: None,
        next_input: None,
        committed: None,
        end: None,
        windows: 0,
    }
}

fn running() -> PartitionProgress {
    PartitionProgress {
        state: PartitionState::Running,
        watermark: Some(EventTime::from_millis(1_700_000_000_500)),
        next_input: Some(Position(90)),
        committed: Some(Position(80)),
        end: Some(EndOffset(100)),
        windows: 4,
    }
}

/// A worker that has joined, with these partitions.
fn joined<const N: usize>(partitions: [(TaskId, PartitionProgress); N]) -> Progress {
    let mut progress = Progress {
        has_joined: true,
        has_producer: true,
        partitions: partitions.into(),
        ..Progress::default()
    };
    progress.rebalances.assigned = 1;
    progress
}

pub(super) fn committed(transactions: u64) -> Progress {
    let mut progress = joined([]);
    progress.transactions.committed = transactions;
    progress
}

#[test]
fn a_process_is_ready_when_its_workers_joined_restored_and_may_commit() {
    let process = Process::new(2);
    let mut monitor = process.monitor();
    process.turn(&mut monitor, 0);
    assert_eq!(process.failing(0), ["assignment", "restore", "commit"]);

    process.publish(0, Progress { has_producer: false, ..joined([(task(0, 3), restoring(None))]) });
    process.publish(1, joined([]));
    process.turn(&mut monitor, 0);
    assert_eq!(process.failing(0), ["restore", "commit"]);

    process.publish(0, joined([(task(0, 3), restoring(Some(17)))]));
    process.turn(&mut monitor, 0);
    assert_eq!(process.failing(0), ["restore"]);
    process.check(&[
        "tidegate_state_restore_records_remaining{partition=\"3\"} 17",
        "tidegate_kafka_consumer_lag_records{topic=\"trail-in\",partition=\"3\"} -1",
        "tidegate_ready 0",
    ]);

    process.publish(0, joined([(task(0, 3), running())]));
    process.turn(&mut monitor, 0);
    assert!(process.failing(0).is_empty());
    process.check(&[
        "tidegate_ready 1",
        "tidegate_state_restore_records_remaining{partition=\"3\"} 0",
        "tidegate_kafka_consumer_lag_records{topic=\"trail-in\",partition=\"3\"} 10",
        "tidegate_kafka_committed_offset{topic=\"trail-in\",partition=\"3\"} 80",
        "tidegate_kafka_high_watermark_offset{topic=\"trail-in\",partition=\"3\"} 100",
        "tidegate_event_time_lag_seconds{topic=\"trail-in\",partition=\"3\"} 99.5",
        "tidegate_watermark_timestamp_seconds{topic=\"trail-in\",partition=\"3\"} 1700000000.5",
        "tidegate_windows_open{topic=\"trail-in\",partition=\"3\"} 4",
        "tidegate_kafka_partitions_assigned{topic=\"trail-in\"} 1",
        "tidegate_kafka_rebalances_total{type=\"assign\"} 2",
    ]);
}

#[test]
fn a_lost_assignment_unreadies_after_a_minute_and_a_new_one_readies_again() {
    let process = Process::new(1);
    let mut monitor = process.monitor();
    process.publish(0, joined([(task(0, 0), running())]));
    process.turn(&mut monitor, 0);
    assert!(process.failing(0).is_empty());

    let mut lost = joined([]);
    lost.rebalances.lost = 1;
    process.publish(0, lost.clone());
    process.turn(&mut monitor, 1_000);
    process.turn(&mut monitor, 30_000);
    assert!(process.failing(61_000).is_empty());
    assert_eq!(process.failing(61_001), ["assignment"]);
    process.check(&["tidegate_kafka_rebalances_total{type=\"lost\"} 1"]);

    lost.rebalances.assigned = 2;
    process.publish(0, lost);
    process.turn(&mut monitor, 70_000);
    assert!(process.failing(70_000).is_empty());
}

#[test]
fn a_stopped_partition_unreadies_until_the_worker_holds_it_no_more() {
    let process = Process::new(1);
    let mut monitor = process.monitor();
    let stopped = || PartitionState::Stopped { problem: "offsets differ".to_owned() };
    process.publish(0, joined([(task(0, 0), running())]));
    process.turn(&mut monitor, 0);

    process.publish(
        0,
        joined([(task(0, 0), PartitionProgress { state: stopped(), ..restoring(None) })]),
    );
    process.turn(&mut monitor, 0);
    assert_eq!(process.failing(0), ["restore"]);
    process.check(&["tidegate_kafka_consumer_lag_records{topic=\"trail-in\",partition=\"0\"} -1"]);

    process.publish(0, joined([]));
    process.turn(&mut monitor, 0);
    assert!(process.failing(0).is_empty());
}

#[test]
fn only_what_waits_for_the_same_commit_for_a_minute_unreadies() {
    let process = Process::new(1);
    let mut monitor = process.monitor();
    let waiting = |last_commit: i64| Progress {
        waiting_since: Some(NOW),
        last_commit: Some(WallTime::from_millis(last_commit)),
        ..joined([(task(0, 0), running())])
    };
    process.publish(0, waiting(1));
    process.turn(&mut monitor, 0);
    process.publish(0, waiting(2));
    process.turn(&mut monitor, 50_000);
    assert!(process.failing(110_000).is_empty());

    process.publish(0, waiting(2));
    process.turn(&mut monitor, 110_001);
    assert_eq!(process.failing(110_001), ["commit"]);
}

#[test]
fn a_worker_lives_while_its_snapshots_are_new_ones() {
    let process = Process::new(1);
    let mut monitor = process.monitor();
    process.publish(0, joined([(task(0, 0), running())]));
    process.turn(&mut monitor, 20_000);
    process.turn(&mut monitor, 50_001);
    assert!(!process.health.is_live(50_001));

    process.publish(0, joined([(task(0, 0), restoring(None))]));
    process.turn(&mut monitor, 50_002);
    assert!(process.health.is_live(110_002));
}

#[test]
fn counters_only_rise_when_a_worker_restarts_or_begins_anew() {
    let process = Process::new(1);
    let mut monitor = process.monitor();
    let with = |events: u64, restarts: u64| {
        let mut progress = joined([(task(0, 0), running())]);
        let counts =
            Counts { records: events, record_bytes: 9 * events, late: events, ..Counts::default() };
        progress.counts = counts.clone();
        progress.by_task.insert(task(0, 0), counts);
        progress.transactions.committed = events;
        progress.restarts.insert("fenced", restarts);
        progress
    };
    let check = |late: u64, restarts: u64| {
        process.check(&[
            &format!("tidegate_events_total{{topic=\"trail-in\",outcome=\"late\"}} {late}"),
            &format!(
                "tidegate_record_bytes_consumed_total{{topic=\"trail-in\",partition=\"0\"}} {}",
                9 * late
            ),
            &format!("tidegate_transactions_total{{result=\"committed\"}} {late}"),
            &format!("tidegate_transactions_total{{result=\"fenced\"}} {restarts}"),
            &format!("tidegate_worker_restarts_total{{reason=\"fenced\"}} {restarts}"),
        ]);
    };
    process.publish(0, with(10, 0));
    process.turn(&mut monitor, 0);
    process.turn(&mut monitor, 0);
    check(10, 0);

    let restarted = Progress { has_joined: false, has_producer: false, ..with(10, 1) };
    process.publish(0, Progress { partitions: [].into(), ..restarted });
    process.turn(&mut monitor, 0);
    check(10, 1);
    assert_eq!(process.failing(0), ["commit"]);
    process.check(&["tidegate_kafka_partitions_assigned{topic=\"trail-in\"} 0"]);

    process.publish(0, with(15, 1));
    process.turn(&mut monitor, 0);
    check(15, 1);

    process.publish(0, with(3, 1));
    process.turn(&mut monitor, 0);
    check(18, 1);
    process.check(&["tidegate_kafka_partitions_assigned{topic=\"trail-in\"} 1"]);
}

#[test]
fn a_partition_given_away_shows_no_lag_and_one_handed_to_another_worker_stays() {
    let process = Process::new(2);
    let mut monitor = process.monitor();
    process.publish(0, joined([(task(0, 0), running()), (task(0, 1), running())]));
    process.publish(1, joined([]));
    process.turn(&mut monitor, 0);
    process.check(&["tidegate_kafka_partitions_assigned{topic=\"trail-in\"} 2"]);

    // The last commit is published together with the hand-over.
    let mut given = joined([]);
    given.by_task.insert(task(0, 0), Counts { records: 5, ..Counts::default() });
    process.publish(0, given);
    process.publish(1, joined([(task(0, 1), running())]));
    process.turn(&mut monitor, 0);

    process.check(&[
        "tidegate_kafka_partitions_assigned{topic=\"trail-in\"} 1",
        "tidegate_records_consumed_total{topic=\"trail-in\",partition=\"0\"} 5",
        "tidegate_kafka_consumer_lag_records{topic=\"trail-in\",partition=\"0\"} -1",
        "tidegate_windows_open{topic=\"trail-in\",partition=\"0\"} 0",
        "tidegate_kafka_consumer_lag_records{topic=\"trail-in\",partition=\"1\"} 10",
    ]);
}

#[test]
fn topics_partitions_and_reasons_are_counted_apart() {
    let process = Process::new(2);
    let mut monitor = process.monitor();
    let counts = |matched| Counts { matched, records: 1, ..Counts::default() };
    let mut first = joined([]);
    first.by_task.insert(task(0, 0), counts(3));
    first
        .by_task
        .insert(task(1, 0), Counts { skipped: [(Skip::TestEvent, 2)].into(), ..counts(4) });
    first.rebuilds.insert(RebuildReason::Ahead, 1);
    first.counts.refused.insert(RefusalReason::NoEventTime, 6);
    first.counts.expired_groups = 8;
    first.transactions.changelog_bytes = 99;
    first.dirty_bytes = 12;
    let mut second = joined([]);
    second.by_task.insert(task(0, 1), counts(10));
    second.transactions.changelog_bytes = 1;

    process.publish(0, first);
    process.publish(1, second);
    process.turn(&mut monitor, 0);

    process.check(&[
        "tidegate_events_total{topic=\"trail-in\",outcome=\"matched\"} 13",
        "tidegate_events_total{topic=\"flow-in\",outcome=\"matched\"} 4",
        "tidegate_records_consumed_total{topic=\"flow-in\",partition=\"0\"} 1",
        "tidegate_records_skipped_total{topic=\"flow-in\",kind=\"test_event\"} 2",
        "tidegate_state_rebuilds_total{reason=\"ahead\"} 1",
        "tidegate_dlq_records_total{reason=\"no_event_time\"} 6",
        "tidegate_window_evictions_total{reason=\"expired\"} 8",
        "tidegate_changelog_bytes_total 100",
        "tidegate_dirty_bytes{worker=\"0\"} 12",
    ]);
}

#[test]
fn alerts_are_counted_by_rule_severity_and_activity() {
    let process = Process::new(1);
    let mut monitor = process.monitor();
    let rules = rules();
    let rule = RuleNumber(0);
    let (id, level) = {
        let first = rules.rule(RuleIndex(0));
        (&first.text.id, first.level)
    };
    let mut progress = joined([]);
    progress.counts.rule_matches.insert(rule, 40);
    progress.counts.suppressed.insert(rule, 5);
    progress.counts.alerts.insert((rule, level, FindingKind::Create), 2);
    process.publish(0, progress);
    process.turn(&mut monitor, 0);

    process.check(&[
        &format!("tidegate_rule_matches_total{{rule_id=\"{id}\"}} 40"),
        &format!("tidegate_alerts_suppressed_total{{rule_id=\"{id}\",reason=\"dedup\"}} 5"),
        &format!(
            "tidegate_alerts_total{{rule_id=\"{id}\",severity=\"{}\",activity=\"create\"}} 2",
            level.name()
        ),
    ]);
}

#[test]
fn a_rule_that_comes_with_a_reload_is_counted_and_one_that_goes_keeps_its_count() {
    let process = Process::new(1);
    let mut monitor = process.monitor();
    let mut progress = joined([]);
    progress.counts.rule_matches.insert(RuleNumber(0), 40);
    process.publish(0, progress.clone());
    process.turn(&mut monitor, 0);
    let first = rules().rule(RuleIndex(0)).text.id.clone();
    let number = u32::try_from(rules().rules().len()).expect("few rules");

    let text = "title: New\nname: new_rule\nlevel: high\n\
                logsource: {product: aws, service: cloudtrail}\n\
                detection:\n  one: {eventName: GetObject}\n  condition: one\n";
    let file = RuleFile { name: "new.yml".into(), text: text.into(), builtin: false };
    let only_new = rule::load(&[file], &LoadOptions::default()).rules.expect("it loads");
    process.in_force.replace(Arc::new(only_new));
    progress.counts.rule_matches.insert(RuleNumber(number), 3);
    let alert = (RuleNumber(number), Level::High, FindingKind::Create);
    progress.counts.alerts.insert(alert, 2);
    process.publish(0, progress);
    process.turn(&mut monitor, 1000);

    process.check(&[
        &format!("tidegate_rule_matches_total{{rule_id=\"{first}\"}} 40"),
        "tidegate_rule_matches_total{rule_id=\"new_rule\"} 3",
        "tidegate_alerts_total{rule_id=\"new_rule\",severity=\"high\",activity=\"create\"} 2",
        "tidegate_rules_loaded{kind=\"match\"} 1",
        "tidegate_rules_loaded{kind=\"window\"} 0",
    ]);
}

#[test]
fn a_commit_ends_the_latencies_of_its_alerts() {
    let process = Process::new(1);
    let observer = metrics::with_local_recorder(&process.recorder, MetricsObserver::new);
    let alert = PendingAlert {
        record: OwnedRecord::default(),
        rule: RuleNumber(0),
        level: Level::High,
        kind: FindingKind::Create,
        event_time: EventTime::from_millis(NOW.as_millis() - 300_000),
        record_time: Some(RecordTime::from_millis(NOW.as_millis() - 250)),
    };
    observer.evaluated(10, Duration::from_millis(2));
    observer.committed(&CommitReport {
        wall: NOW,
        took: Duration::from_millis(4),
        alerts: &[&alert],
    });
    observer.stored(Duration::from_millis(8));
    observer.restored(task(0, 0), Duration::from_millis(500), 3);

    process.check(&[
        "tidegate_detection_latency_seconds_sum 300",
        "tidegate_pipeline_latency_seconds_sum 0.25",
        "tidegate_transaction_duration_seconds_sum 0.004",
        "tidegate_stage_duration_seconds_sum{stage=\"evaluate\"} 0.002",
        "tidegate_stage_duration_seconds_sum{stage=\"commit\"} 0.008",
        "tidegate_state_restore_duration_seconds_sum 0.5",
    ]);
}
