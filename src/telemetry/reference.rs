//! The page `docs/metrics.md`, written from the table.

use super::table::{METRICS, MetricKind};
use std::fmt::Write;

/// The page in Markdown.
#[must_use]
pub fn reference() -> String {
    let mut text = String::from(HEAD);
    for metric in METRICS {
        let kind = match metric.kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram(_) => "histogram",
        };
        let label = |label: &&str| match label.split_once('=') {
            Some((name, set)) => format!("`{name}`: {}", set.replace('|', ", ")),
            None => format!("`{label}`"),
        };
        let labels: Vec<String> = metric.labels.iter().map(label).collect();
        let labels = if labels.is_empty() { "–".to_owned() } else { labels.join("; ") };
        let _ = writeln!(text, "| `{}` | {kind} | {labels} | {} |", metric.name, metric.help);
    }
    text
}

const HEAD: &str = "# Metrics

<!-- Generated from src/telemetry/table.rs; a test compares; `make generate` writes it. -->

`GET /metrics` on `http.admin.listen` (default `127.0.0.1:9598`), Prometheus text format. Beside
these there are the usual `process_*` metrics. Counters with a closed set of label values stand at
zero from the start. No principal, bucket, address, key or user agent is ever a label.

| Metric | Type | Labels | Meaning |
|---|---|---|---|
";

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_page_of_metrics_is_the_generated_one() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
        if std::env::var_os("UPDATE_GENERATED").is_some() {
            std::fs::write(&path, super::reference()).expect("is written");
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == super::reference(), "docs/metrics.md is stale: run make generate");
    }
}
