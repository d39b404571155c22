//! Every metric, once: name, kind, labels with their closed sets, help.

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MetricKind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts in buckets, in seconds.
    Histogram(&'static [f64]),
}

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Name in `/metrics`.
    pub name: &'static str,
    /// What it is.
    pub kind: MetricKind,
    /// Label names; after `=` the closed set of values, separated by `|`.
    pub labels: &'static [&'static str],
    /// One sentence.
    pub help: &'static str,
}

/// From a commit's width to a time-out.
const LATENCY: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0,
    600.0,
];
/// CloudTrail delivers minutes late by design, and what is allowed late may be hours.
const DETECTION: &[f64] = &[
    0.05, 0.2, 0.5, 1.0, 5.0, 15.0, 60.0, 180.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0,
    21600.0,
];
/// Parts of a batch.
const DURATION: &[f64] = &[
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];
/// A store rebuilt from the start of its changelog takes minutes.
const RESTORE: &[f64] =
    &[0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0];

const fn counter(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    Metric { name, kind: MetricKind::Counter, labels, help }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: MetricKind::Gauge, labels, help }
}

const fn histogram(
    name: &'static str,
    buckets: &'static [f64],
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    Metric { name, kind: MetricKind::Histogram(buckets), labels, help }
}

/// The metrics, in the order of the page.
pub const METRICS: &[Metric] = &[
    gauge("tidegate_build_info", &["version", "revision"], "Always 1; the labels say what runs."),
    gauge("tidegate_ready", &[], "1 while /readyz answers 200."),
    counter(
        "tidegate_records_consumed_total",
        &["topic", "partition"],
        "Kafka records taken from the input.",
    ),
    counter(
        "tidegate_record_bytes_consumed_total",
        &["topic", "partition"],
        "Value bytes of Kafka records taken from the input.",
    ),
    counter(
        "tidegate_events_total",
        &["topic", "outcome=matched|ignored|late|duplicate|malformed"],
        "Events after unpacking, by what became of them; each has one outcome.",
    ),
    counter(
        "tidegate_events_future_total",
        &["topic"],
        "Events further ahead of their record than the allowed skew.",
    ),
    counter(
        "tidegate_events_bad_amount_total",
        &["topic"],
        "Amounts that a rule adds up and that are no number.",
    ),
    counter(
        "tidegate_events_bad_policy_total",
        &["topic"],
        "Events with a policy document that cannot be read, where a rule looks into policies.",
    ),
    counter(
        "tidegate_records_skipped_total",
        &["topic", "kind=digest|insight|aggregated|control|test_event|blank|empty"],
        "Entries recognised and left aside.",
    ),
    counter(
        "tidegate_dlq_records_total",
        &["reason=utf8|json|line|envelope|no_event_time|too_large|field_type"],
        "Dead letters committed, or counted alone where the dead-letter topic is switched off.",
    ),
    counter("tidegate_rule_matches_total", &["rule_id"], "Events that matched a rule."),
    gauge(
        "tidegate_config_last_reload_successful",
        &[],
        "1 when rules and lists were last read without a problem, at the start or at a reload.",
    ),
    gauge("tidegate_config_last_reload_success_timestamp_seconds", &[], "When that last was so."),
    gauge("tidegate_rules_loaded", &["kind=match|window"], "Active rules."),
    counter(
        "tidegate_alerts_total",
        &["rule_id", "severity", "activity=create|escalate"],
        "Alerts committed.",
    ),
    counter(
        "tidegate_alerts_suppressed_total",
        &["rule_id", "reason=dedup|severity"],
        "Crossings without an alert.",
    ),
    histogram(
        "tidegate_detection_latency_seconds",
        DETECTION,
        &[],
        "Event time of the crossing event until the commit was acknowledged.",
    ),
    histogram(
        "tidegate_pipeline_latency_seconds",
        LATENCY,
        &[],
        "Kafka timestamp of the crossing event until the commit was acknowledged.",
    ),
    histogram(
        "tidegate_stage_duration_seconds",
        DURATION,
        &["stage=evaluate|commit"],
        "Time of one batch in a stage; evaluate is decoding, matching and windows together.",
    ),
    counter(
        "tidegate_transactions_total",
        &["result=committed|aborted|fenced|failed"],
        "Kafka transactions by how they ended.",
    ),
    histogram(
        "tidegate_transaction_duration_seconds",
        DURATION,
        &[],
        "Begin of a transaction until its commit was acknowledged.",
    ),
    gauge("tidegate_dirty_bytes", &["worker"], "State changed since the last commit."),
    counter("tidegate_changelog_bytes_total", &[], "Bytes written to changelog topics."),
    counter(
        "tidegate_worker_restarts_total",
        &["reason=fenced|fatal|unclear_commit|lost"],
        "Cold starts of a worker inside the process.",
    ),
    counter(
        "tidegate_state_rebuilds_total",
        &["reason=absent|too_old|format|corrupt|ahead"],
        "Partitions restored from the start of their changelog.",
    ),
    gauge(
        "tidegate_kafka_consumer_lag_records",
        &["topic", "partition"],
        "End of the partition less our position; -1 when unknown or not ours.",
    ),
    gauge(
        "tidegate_kafka_committed_offset",
        &["topic", "partition"],
        "Last committed input position.",
    ),
    gauge("tidegate_kafka_high_watermark_offset", &["topic", "partition"], "End of the partition."),
    gauge("tidegate_kafka_partitions_assigned", &["topic"], "Partitions held by this process."),
    counter("tidegate_kafka_rebalances_total", &["type=assign|revoke|lost"], "Rebalance events."),
    gauge(
        "tidegate_kafka_brokers_up",
        &["worker"],
        "Brokers that the worker's consumer is connected to.",
    ),
    counter(
        "tidegate_kafka_errors_total",
        &[
            "code=all_brokers_down|transport|resolve|authentication|timed_out|max_poll_exceeded|fenced|topic_authorization|unknown_topic|other",
        ],
        "Errors that the client reported.",
    ),
    gauge(
        "tidegate_event_time_lag_seconds",
        &["topic", "partition"],
        "Wall clock less the newest event time.",
    ),
    gauge(
        "tidegate_watermark_timestamp_seconds",
        &["topic", "partition"],
        "Watermark as a Unix time.",
    ),
    gauge("tidegate_windows_open", &["topic", "partition"], "Groups with live state."),
    counter("tidegate_window_evictions_total", &["reason=expired|rule_changed"], "Groups dropped."),
    gauge(
        "tidegate_state_restore_records_remaining",
        &["partition"],
        "Changelog records still to be read; 0 when restored.",
    ),
    histogram(
        "tidegate_state_restore_duration_seconds",
        RESTORE,
        &[],
        "Time to restore one partition.",
    ),
    gauge("tidegate_rocksdb_live_data_bytes", &["store"], "Estimated live data of a store."),
    gauge("tidegate_rocksdb_sst_bytes", &["store"], "Size of a store's table files."),
    gauge("tidegate_rocksdb_memtable_bytes", &["store"], "Memory of a store's write buffers."),
    gauge(
        "tidegate_rocksdb_block_cache_bytes",
        &["store"],
        "Use of the block cache, which all stores share.",
    ),
    gauge(
        "tidegate_rocksdb_pending_compaction_bytes",
        &["store"],
        "Bytes that a store's compaction is behind.",
    ),
    gauge("tidegate_rocksdb_estimated_keys", &["store"], "Estimated rows of a store."),
    gauge("tidegate_rocksdb_write_stalled", &["store"], "1 while a store holds writes back."),
    counter(
        "tidegate_http_requests_total",
        &["listener=admin", "route=/livez|/readyz|/metrics|/version|/rules|other", "status"],
        "HTTP requests by route template.",
    ),
];

impl Metric {
    /// The closed set of a label; empty when the label is open.
    pub(super) fn closed_set(&self, label: &str) -> impl Iterator<Item = &'static str> {
        let set = self.labels.iter().find_map(|text| text.strip_prefix(label)?.strip_prefix('='));
        set.into_iter().flat_map(|values| values.split('|'))
    }
}

/// The metric of that name. A name that is not in the table has no help and is a mistake of ours.
pub(super) fn metric(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_metric_has_one_name_with_a_unit_and_a_sentence_of_help() {
        let mut seen = BTreeSet::new();
        for metric in METRICS {
            assert!(seen.insert(metric.name), "{} is listed twice", metric.name);
            assert!(metric.name.starts_with("tidegate_"), "{}", metric.name);
            assert!(metric.help.len() > 10 && metric.help.ends_with('.'), "{}", metric.name);
            let is_counter = metric.kind == MetricKind::Counter;
            assert_eq!(metric.name.ends_with("_total"), is_counter, "{}", metric.name);
            if let MetricKind::Histogram(buckets) = metric.kind {
                assert!(metric.name.ends_with("_seconds"), "{}", metric.name);
                assert!(buckets.is_sorted(), "{}", metric.name);
            }
        }
    }

    #[test]
    fn no_label_can_hold_what_an_attacker_chooses() {
        let harmless = [
            "version",
            "revision",
            "topic",
            "partition",
            "rule_id",
            "severity",
            "worker",
            "store",
            "status",
        ];
        for metric in METRICS {
            for label in metric.labels {
                assert!(label.contains('=') || harmless.contains(label), "{} {label}", metric.name);
            }
        }
    }
}
