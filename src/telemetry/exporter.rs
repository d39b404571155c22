//! The Prometheus recorder: installed once, rendered by the admin listener.

use super::table::{METRICS, MetricKind};
use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{
    BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};
use metrics_process::Collector;

/// Renders what the handles of this process hold.
#[derive(Clone)]
pub struct Exporter {
    handle: PrometheusHandle,
    process: Collector,
}

impl Exporter {
    /// Installs the recorder for the whole process. Handles that were made before it count nothing.
    ///
    /// # Errors
    /// A recorder is installed already.
    pub fn install() -> Result<Exporter, InstallError> {
        let recorder = recorder().map_err(|error| InstallError(error.to_string()))?;
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).map_err(|error| InstallError(error.to_string()))?;
        describe();
        let process = Collector::default();
        process.describe();
        Ok(Exporter { handle, process })
    }

    /// The text of `/metrics` (Prometheus text format 0.0.4).
    #[must_use]
    pub fn render(&self) -> String {
        self.process.collect();
        self.handle.render()
    }

    /// Moves histogram samples into their buckets; to be called every few seconds, or they pile up
    /// in memory while nobody scrapes.
    pub fn run_upkeep(&self) {
        self.handle.run_upkeep();
    }
}

/// The recorder cannot be installed.
#[derive(Debug, thiserror::Error)]
#[error("cannot install the metrics recorder: {0}")]
pub struct InstallError(String);

fn recorder() -> Result<PrometheusRecorder, BuildError> {
    let mut builder = PrometheusBuilder::new();
    for metric in METRICS {
        if let MetricKind::Histogram(buckets) = metric.kind {
            let name = Matcher::Full(metric.name.to_owned());
            builder = builder.set_buckets_for_metric(name, buckets)?;
        }
    }
    Ok(builder.build_recorder())
}

fn describe() {
    for metric in METRICS {
        match metric.kind {
            MetricKind::Counter => describe_counter!(metric.name, metric.help),
            MetricKind::Gauge => describe_gauge!(metric.name, metric.help),
            MetricKind::Histogram(_) => {
                describe_histogram!(metric.name, Unit::Seconds, metric.help);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        AlertLabels, ClientMetrics, EventCounts, PartitionMetrics, ProcessMetrics, ReloadMetrics,
        RuleMetrics, TopicMetrics, WorkerMetrics,
    };
    use super::*;
    use std::time::Duration;

    /// Every handle there is, registered with a recorder of this test alone.
    fn rendered(
        change: impl FnOnce(&WorkerMetrics, &TopicMetrics, &PartitionMetrics, &RuleMetrics),
    ) -> String {
        let recorder = recorder().expect("builds");
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            describe();
            let _process = ProcessMetrics::new("1.2.3", "abc");
            let _client = ClientMetrics::new();
            let _reload = ReloadMetrics::new(0);
            let rules = [AlertLabels { rule_id: "r1".into(), severities: vec!["high"] }];
            change(
                &WorkerMetrics::new(0),
                &TopicMetrics::new("cloudtrail"),
                &PartitionMetrics::new("cloudtrail", 3),
                &RuleMetrics::new(&rules),
            );
        });
        handle.render()
    }

    #[test]
    fn closed_sets_stand_at_zero_before_anything_happened() {
        let text = rendered(|_, _, _, _| {});

        for line in [
            "tidegate_events_total{topic=\"cloudtrail\",outcome=\"late\"} 0",
            "tidegate_transactions_total{result=\"fenced\"} 0",
            "tidegate_alerts_total{rule_id=\"r1\",severity=\"high\",activity=\"escalate\"} 0",
            "tidegate_worker_restarts_total{reason=\"unclear_commit\"} 0",
            "tidegate_kafka_errors_total{code=\"other\"} 0",
            "tidegate_build_info{version=\"1.2.3\",revision=\"abc\"} 1",
            "tidegate_kafka_consumer_lag_records{topic=\"cloudtrail\",partition=\"3\"} -1",
            "tidegate_changelog_bytes_total 0",
            "tidegate_config_last_reload_successful 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn handles_add_plain_integers_to_the_named_metrics() {
        let text = rendered(|worker, topic, partition, rules| {
            topic.add(&EventCounts { matched: 2, late: 1, future: 1, ..EventCounts::default() });
            partition.add_records(5, 500);
            partition.set_position(90, 100);
            partition.set_event_time(1_500, 2_000, 9_000);
            rules.add_alerts(0, "high", "create", 1);
            rules.add_alerts(9, "high", "create", 1);
            worker.transactions.add("committed", 3);
            worker.transaction_duration.record(Duration::from_millis(3));
            worker.detection_latency.record_between_ms(9_000, 1_000);
        });

        for line in [
            "tidegate_events_total{topic=\"cloudtrail\",outcome=\"matched\"} 2",
            "tidegate_events_future_total{topic=\"cloudtrail\"} 1",
            "tidegate_record_bytes_consumed_total{topic=\"cloudtrail\",partition=\"3\"} 500",
            "tidegate_kafka_consumer_lag_records{topic=\"cloudtrail\",partition=\"3\"} 10",
            "tidegate_event_time_lag_seconds{topic=\"cloudtrail\",partition=\"3\"} 7",
            "tidegate_watermark_timestamp_seconds{topic=\"cloudtrail\",partition=\"3\"} 1.5",
            "tidegate_alerts_total{rule_id=\"r1\",severity=\"high\",activity=\"create\"} 1",
            "tidegate_transactions_total{result=\"committed\"} 3",
            "tidegate_transaction_duration_seconds_bucket{le=\"0.005\"} 1",
            "tidegate_detection_latency_seconds_sum 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn a_partition_that_was_given_away_shows_no_lag() {
        let text = rendered(|_, _, partition, _| {
            partition.set_position(0, 100);
            partition.retire();
        });
        let line = "tidegate_kafka_consumer_lag_records{topic=\"cloudtrail\",partition=\"3\"} -1";
        assert!(text.lines().any(|found| found == line), "{text}");
    }

    #[test]
    fn each_rendered_name_is_in_the_table_and_each_counter_of_the_table_is_rendered() {
        let text = rendered(|worker, _, _, _| worker.commit_duration.record(Duration::ZERO));
        let names: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
            .collect();
        for name in &names {
            assert!(
                METRICS.iter().any(|metric| metric.name == *name),
                "{name} is not in the table"
            );
        }
        for metric in METRICS {
            // Counted where requests are answered, and histograms show up with their first sample.
            let later = metric.name == "tidegate_http_requests_total"
                || matches!(metric.kind, MetricKind::Histogram(_));
            assert!(later || names.contains(&metric.name), "{} has no handle", metric.name);
        }
    }
}
