//! Metric handles by what they belong to: process, client, worker, topic, partition, rule.
//!
//! A handle is looked up when its owner starts and increments are atomic adds. The owners count in
//! plain integers and add once for each batch; nothing here is called for each event.

use super::family::{Counters, Seconds};
use metrics::{Counter, Gauge, Label, counter, gauge};

fn label(name: &'static str, value: &str) -> Label {
    Label::new(name, value.to_owned())
}

/// Gauges hold floating-point numbers; offsets beyond 2^53 lose their last digits.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a floating-point number")]
fn as_gauge(number: i64) -> f64 {
    number as f64
}

fn bytes_as_gauge(number: u64) -> f64 {
    as_gauge(i64::try_from(number).unwrap_or(i64::MAX))
}

/// What there is once in a process.
pub struct ProcessMetrics {
    ready: Gauge,
    rules_match: Gauge,
    rules_window: Gauge,
}

impl ProcessMetrics {
    /// Registers the handles and sets the build's labels.
    #[must_use]
    pub fn new(version: &str, revision: &str) -> ProcessMetrics {
        let build = vec![label("version", version), label("revision", revision)];
        gauge!("tidegate_build_info", build).set(1.0);
        let ready = gauge!("tidegate_ready");
        ready.set(0.0);
        ProcessMetrics {
            ready,
            rules_match: gauge!("tidegate_rules_loaded", "kind" => "match"),
            rules_window: gauge!("tidegate_rules_loaded", "kind" => "window"),
        }
    }

    /// Says whether `/readyz` would answer 200.
    pub fn set_ready(&self, is_ready: bool) {
        self.ready.set(f64::from(u8::from(is_ready)));
    }

    /// Says how many rules run.
    pub fn set_rules(&self, matching: usize, windows: usize) {
        self.rules_match.set(bytes_as_gauge(matching as u64));
        self.rules_window.set(bytes_as_gauge(windows as u64));
    }
}

/// Reading rules and lists anew.
pub struct ReloadMetrics {
    successful: Gauge,
    succeeded_at: Gauge,
}

impl ReloadMetrics {
    /// Registers the handles for a process that has just read its rules.
    #[must_use]
    pub fn new(wall_ms: i64) -> ReloadMetrics {
        let metrics = ReloadMetrics {
            successful: gauge!("tidegate_config_last_reload_successful"),
            succeeded_at: gauge!("tidegate_config_last_reload_success_timestamp_seconds"),
        };
        metrics.succeeded(wall_ms);
        metrics
    }

    /// New rules are in force since then.
    pub fn succeeded(&self, wall_ms: i64) {
        self.successful.set(1.0);
        self.succeeded_at.set(as_gauge(wall_ms) / 1000.0);
    }

    /// What was read cannot be used.
    pub fn failed(&self) {
        self.successful.set(0.0);
    }
}

/// What the Kafka clients of a process report.
pub struct ClientMetrics {
    /// Errors by librdkafka's name in lower case, closed set and `other`.
    pub errors: Counters,
    /// Rebalance events by type: `assign`, `revoke`, `lost`.
    pub rebalances: Counters,
}

impl ClientMetrics {
    /// Registers the handles.
    #[must_use]
    pub fn new() -> ClientMetrics {
        ClientMetrics {
            errors: Counters::new("tidegate_kafka_errors_total", "code", &[]),
            rebalances: Counters::new("tidegate_kafka_rebalances_total", "type", &[]),
        }
    }
}

impl Default for ClientMetrics {
    fn default() -> Self {
        Self::new()
    }
}

/// Handles of one worker. Its counters are the process's: each worker adds to the same.
pub struct WorkerMetrics {
    /// Transactions by result: `committed`, `aborted`, `fenced`, `failed`.
    pub transactions: Counters,
    /// Begin of a transaction until the broker's answer to commit.
    pub transaction_duration: Seconds,
    /// One batch through decoding, matching and windows.
    pub evaluate_duration: Seconds,
    /// One commit with the write to disk.
    pub commit_duration: Seconds,
    /// Event time of a crossing until its commit was acknowledged.
    pub detection_latency: Seconds,
    /// Kafka timestamp of a crossing until its commit was acknowledged.
    pub pipeline_latency: Seconds,
    /// Cold starts by reason: `fenced`, `fatal`, `unclear_commit`, `lost`.
    pub restarts: Counters,
    /// Stores built anew by reason: `absent`, `too_old`, `format`, `corrupt`, `ahead`.
    pub rebuilds: Counters,
    /// Time to restore one partition.
    pub restore_duration: Seconds,
    /// Dead letters by the refusal's reason.
    pub dead_letters: Counters,
    /// Groups dropped by reason: `expired`, `rule_changed`.
    pub evictions: Counters,
    changelog_bytes: Counter,
    dirty_bytes: Gauge,
    brokers_up: Gauge,
}

impl WorkerMetrics {
    /// Registers the handles of worker number `worker`.
    #[must_use]
    pub fn new(worker: usize) -> WorkerMetrics {
        let worker = label("worker", &worker.to_string());
        let stage =
            |name| Seconds::new("tidegate_stage_duration_seconds", vec![Label::new("stage", name)]);
        let changelog_bytes = counter!("tidegate_changelog_bytes_total");
        changelog_bytes.increment(0);
        WorkerMetrics {
            transactions: Counters::new("tidegate_transactions_total", "result", &[]),
            transaction_duration: Seconds::new("tidegate_transaction_duration_seconds", vec![]),
            evaluate_duration: stage("evaluate"),
            commit_duration: stage("commit"),
            detection_latency: Seconds::new("tidegate_detection_latency_seconds", vec![]),
            pipeline_latency: Seconds::new("tidegate_pipeline_latency_seconds", vec![]),
            restarts: Counters::new("tidegate_worker_restarts_total", "reason", &[]),
            rebuilds: Counters::new("tidegate_state_rebuilds_total", "reason", &[]),
            restore_duration: Seconds::new("tidegate_state_restore_duration_seconds", vec![]),
            dead_letters: Counters::new("tidegate_dlq_records_total", "reason", &[]),
            evictions: Counters::new("tidegate_window_evictions_total", "reason", &[]),
            changelog_bytes,
            dirty_bytes: gauge!("tidegate_dirty_bytes", vec![worker.clone()]),
            brokers_up: gauge!("tidegate_kafka_brokers_up", vec![worker]),
        }
    }

    /// Adds bytes written to the changelog.
    pub fn add_changelog_bytes(&self, bytes: u64) {
        self.changelog_bytes.increment(bytes);
    }

    /// Sets the state changed since the last commit.
    pub fn set_dirty_bytes(&self, bytes: u64) {
        self.dirty_bytes.set(bytes_as_gauge(bytes));
    }

    /// Sets the number of connected brokers.
    pub fn set_brokers_up(&self, brokers: u64) {
        self.brokers_up.set(bytes_as_gauge(brokers));
    }
}

/// What became of the events of a batch, counted by its owner.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EventCounts {
    /// A rule matched.
    pub matched: u64,
    /// No rule matched.
    pub ignored: u64,
    /// Behind the allowed lateness.
    pub late: u64,
    /// Seen before.
    pub duplicate: u64,
    /// Could not be read.
    pub malformed: u64,
    /// Too far ahead; such an event has one of the outcomes above as well.
    pub future: u64,
    /// Amounts that are no number.
    pub bad_amount: u64,
    /// Events with a policy that cannot be read.
    pub bad_policy: u64,
}

/// Handles of one input topic.
pub struct TopicMetrics {
    /// Entries left aside by kind.
    pub skipped: Counters,
    outcomes: Counters,
    future: Counter,
    bad_amount: Counter,
    bad_policy: Counter,
    partitions_assigned: Gauge,
}

impl TopicMetrics {
    /// Registers the handles of `topic`.
    #[must_use]
    pub fn new(topic: &str) -> TopicMetrics {
        let topic = [label("topic", topic)];
        let future = counter!("tidegate_events_future_total", topic.to_vec());
        let bad_amount = counter!("tidegate_events_bad_amount_total", topic.to_vec());
        let bad_policy = counter!("tidegate_events_bad_policy_total", topic.to_vec());
        let partitions_assigned = gauge!("tidegate_kafka_partitions_assigned", topic.to_vec());
        TopicMetrics {
            skipped: Counters::new("tidegate_records_skipped_total", "kind", &topic),
            outcomes: Counters::new("tidegate_events_total", "outcome", &topic),
            future,
            bad_amount,
            bad_policy,
            partitions_assigned,
        }
    }

    /// Adds what became of the events of a batch.
    pub fn add(&self, counts: &EventCounts) {
        let outcomes = [
            ("matched", counts.matched),
            ("ignored", counts.ignored),
            ("late", counts.late),
            ("duplicate", counts.duplicate),
            ("malformed", counts.malformed),
        ];
        for (outcome, count) in outcomes {
            if count > 0 {
                self.outcomes.add(outcome, count);
            }
        }
        self.future.increment(counts.future);
        self.bad_amount.increment(counts.bad_amount);
        self.bad_policy.increment(counts.bad_policy);
    }

    /// Notes that one more partition is held; the workers of a process share the gauge.
    pub fn partition_taken(&self) {
        self.partitions_assigned.increment(1.0);
    }

    /// Notes that a partition was given away.
    pub fn partition_given(&self) {
        self.partitions_assigned.decrement(1.0);
    }
}

/// State of one RocksDB store, as its owner reads it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoreSnapshot {
    /// Estimated live data.
    pub live_data_bytes: u64,
    /// Table files.
    pub sst_bytes: u64,
    /// Write buffers.
    pub memtable_bytes: u64,
    /// Shared block cache.
    pub block_cache_bytes: u64,
    /// Compaction that waits.
    pub pending_compaction_bytes: u64,
    /// Estimated rows.
    pub estimated_keys: u64,
    /// Whether writes are held back.
    pub is_write_stalled: bool,
}

/// Handles of one partition while it is held.
pub struct PartitionMetrics {
    records: Counter,
    record_bytes: Counter,
    lag: Gauge,
    committed: Gauge,
    high_watermark: Gauge,
    event_time_lag: Gauge,
    watermark: Gauge,
    windows_open: Gauge,
    restore_remaining: Gauge,
    store: [Gauge; 7],
}

impl PartitionMetrics {
    /// Registers the handles of one partition; the lag is unknown until it is set.
    #[must_use]
    pub fn new(topic: &str, partition: i32) -> PartitionMetrics {
        let labels = vec![label("topic", topic), label("partition", &partition.to_string())];
        let store = vec![label("store", &format!("{topic}-{partition}"))];
        let own = vec![label("partition", &partition.to_string())];
        let metrics = PartitionMetrics {
            records: counter!("tidegate_records_consumed_total", labels.clone()),
            record_bytes: counter!("tidegate_record_bytes_consumed_total", labels.clone()),
            lag: gauge!("tidegate_kafka_consumer_lag_records", labels.clone()),
            committed: gauge!("tidegate_kafka_committed_offset", labels.clone()),
            high_watermark: gauge!("tidegate_kafka_high_watermark_offset", labels.clone()),
            event_time_lag: gauge!("tidegate_event_time_lag_seconds", labels.clone()),
            watermark: gauge!("tidegate_watermark_timestamp_seconds", labels.clone()),
            windows_open: gauge!("tidegate_windows_open", labels),
            restore_remaining: gauge!("tidegate_state_restore_records_remaining", own),
            store: [
                gauge!("tidegate_rocksdb_live_data_bytes", store.clone()),
                gauge!("tidegate_rocksdb_sst_bytes", store.clone()),
                gauge!("tidegate_rocksdb_memtable_bytes", store.clone()),
                gauge!("tidegate_rocksdb_block_cache_bytes", store.clone()),
                gauge!("tidegate_rocksdb_pending_compaction_bytes", store.clone()),
                gauge!("tidegate_rocksdb_estimated_keys", store.clone()),
                gauge!("tidegate_rocksdb_write_stalled", store),
            ],
        };
        metrics.lag.set(-1.0);
        metrics
    }

    /// Adds records taken from the input and their value bytes.
    pub fn add_records(&self, records: u64, bytes: u64) {
        self.records.increment(records);
        self.record_bytes.increment(bytes);
    }

    /// Sets the end of the partition and our position in it.
    pub fn set_position(&self, position: i64, high_watermark: i64) {
        self.high_watermark.set(as_gauge(high_watermark));
        self.lag.set(as_gauge(high_watermark.saturating_sub(position).max(0)));
    }

    /// Sets the committed position.
    pub fn set_committed(&self, position: i64) {
        self.committed.set(as_gauge(position));
    }

    /// Sets the watermark and the lag of the newest event, all in milliseconds.
    pub fn set_event_time(&self, watermark_ms: i64, newest_ms: i64, wall_ms: i64) {
        self.watermark.set(as_gauge(watermark_ms) / 1000.0);
        self.event_time_lag.set(as_gauge(wall_ms.saturating_sub(newest_ms)) / 1000.0);
    }

    /// Sets the number of groups with live state.
    pub fn set_windows_open(&self, groups: u64) {
        self.windows_open.set(bytes_as_gauge(groups));
    }

    /// Sets the changelog records that are still to be read.
    pub fn set_restore_remaining(&self, records: u64) {
        self.restore_remaining.set(bytes_as_gauge(records));
    }

    /// Sets what the store says about itself.
    pub fn set_store(&self, snapshot: &StoreSnapshot) {
        let values = [
            snapshot.live_data_bytes,
            snapshot.sst_bytes,
            snapshot.memtable_bytes,
            snapshot.block_cache_bytes,
            snapshot.pending_compaction_bytes,
            snapshot.estimated_keys,
            u64::from(snapshot.is_write_stalled),
        ];
        for (gauge, value) in self.store.iter().zip(values) {
            gauge.set(bytes_as_gauge(value));
        }
    }

    /// Says that the partition is no longer ours: no lag is known, nothing is open or to be restored.
    /// Without it the last values would stay and look alive.
    pub fn retire(&self) {
        self.lag.set(-1.0);
        self.event_time_lag.set(0.0);
        self.windows_open.set(0.0);
        self.restore_remaining.set(0.0);
        self.set_store(&StoreSnapshot::default());
    }
}

/// What a rule's alerts can be labelled with.
#[derive(Debug, Clone)]
pub struct AlertLabels {
    /// The rule.
    pub rule_id: String,
    /// Severities that it can reach, by name.
    pub severities: Vec<&'static str>,
}

/// Handles of the rules, by a number that the owner gives them.
pub struct RuleMetrics {
    rules: Vec<OneRule>,
}

struct OneRule {
    matches: Counter,
    suppressed: Counters,
    alerts: Vec<(&'static str, Counters)>,
}

impl RuleMetrics {
    /// Registers the handles of all rules, at zero if they are new, in the order of their numbers.
    #[must_use]
    pub fn new(rules: &[AlertLabels]) -> RuleMetrics {
        let one = |rule: &AlertLabels| {
            let id = label("rule_id", &rule.rule_id);
            let matches = counter!("tidegate_rule_matches_total", vec![id.clone()]);
            let alerts = rule.severities.iter().map(|severity| {
                let labels = [id.clone(), Label::new("severity", *severity)];
                (*severity, Counters::new("tidegate_alerts_total", "activity", &labels))
            });
            OneRule {
                matches,
                alerts: alerts.collect(),
                suppressed: Counters::new("tidegate_alerts_suppressed_total", "reason", &[id]),
            }
        };
        RuleMetrics { rules: rules.iter().map(one).collect() }
    }

    /// Adds events that matched rule number `rule`.
    pub fn add_matches(&self, rule: usize, count: u64) {
        if let Some(rule) = self.rules.get(rule) {
            rule.matches.increment(count);
        }
    }

    /// Adds committed alerts; `activity` is `create` or `escalate`.
    pub fn add_alerts(&self, rule: usize, severity: &str, activity: &str, count: u64) {
        let by_severity =
            self.rules.get(rule).map(|rule| rule.alerts.as_slice()).unwrap_or_default();
        if let Some((_, alerts)) = by_severity.iter().find(|(name, _)| *name == severity) {
            alerts.add(activity, count);
        }
    }

    /// Adds crossings without an alert; `reason` is `dedup` or `severity`.
    pub fn add_suppressed(&self, rule: usize, reason: &str, count: u64) {
        if let Some(rule) = self.rules.get(rule) {
            rule.suppressed.add(reason, count);
        }
    }
}
