//! What the program says about itself: metric handles, their names, the exporter, logs, health.
//!
//! Counts nothing: the rooms above add plain integers to the handles they are given, once for each
//! batch (operations.md §1). Names, labels and help texts stand once, in `table.rs`; from it come
//! the descriptions in `/metrics` and `docs/metrics.md`. No principal, bucket, address, key or user
//! agent is ever a label.

mod exporter;
mod family;
mod growth;
mod handles;
mod health;
mod log;
mod rate_limited;
mod reference;
mod table;

pub use exporter::Exporter;
pub use family::{Counters, Seconds};
pub use growth::Growth;
pub use handles::{
    AlertLabels, ClientMetrics, EventCounts, PartitionMetrics, ProcessMetrics, ReloadMetrics,
    RuleMetrics, StoreSnapshot, TopicMetrics, WorkerMetrics,
};
pub use health::{Check, Health, Phase, WorkerHealth};
pub use log::{LogError, LogFormat, install as install_log};
pub use rate_limited::RateLimited;
pub use reference::reference;
pub use table::{METRICS, Metric, MetricKind};
