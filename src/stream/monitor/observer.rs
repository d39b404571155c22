//! Histograms: what a worker tells of single batches, commits and restores.

use crate::stream::cluster::TaskId;
use crate::stream::progress::{CommitReport, Observer};
use crate::telemetry::WorkerMetrics;
use std::time::Duration;

/// Records lengths of time; one for all workers, which share its histograms.
pub struct MetricsObserver {
    metrics: WorkerMetrics,
}

impl MetricsObserver {
    /// Registers the histograms; to be called when the recorder is installed.
    #[must_use]
    pub fn new() -> MetricsObserver {
        MetricsObserver { metrics: WorkerMetrics::new(0) }
    }
}

impl Default for MetricsObserver {
    fn default() -> Self {
        Self::new()
    }
}

impl Observer for MetricsObserver {
    fn evaluated(&self, _records: usize, took: Duration) {
        self.metrics.evaluate_duration.record(took);
    }

    /// Both latencies end here: from now on readers of the alerts topic see the alerts.
    fn committed(&self, report: &CommitReport<'_>) {
        self.metrics.transaction_duration.record(report.took);
        let acknowledged_ms = report.wall.as_millis();
        for alert in report.alerts {
            let event_ms = alert.event_time.as_millis();
            self.metrics.detection_latency.record_between_ms(event_ms, acknowledged_ms);
            if let Some(record_time) = alert.record_time {
                let record_ms = record_time.as_millis();
                self.metrics.pipeline_latency.record_between_ms(record_ms, acknowledged_ms);
            }
        }
    }

    fn stored(&self, took: Duration) {
        self.metrics.commit_duration.record(took);
    }

    fn restored(&self, _task: TaskId, took: Duration, _rows: u64) {
        self.metrics.restore_duration.record(took);
    }
}
