//! Kafka: partitions in, exactly one transaction for state, alerts and offsets out.
//!
//! Implements exactly-once.md. The protocol is written once, against the [`Cluster`] trait:
//! [`Worker`] advances by steps over tasks (`task.rs`), restores (`restore.rs`), rebalances
//! (`rebalance.rs`), new rules (`renewal.rs`), records (`intake.rs`), and transactions (`rhythm.rs` says when, `burst.rs` with
//! what, `commit.rs` how); [`RealCluster`] is Apache Kafka through rdkafka.
//! The [`Supervisor`] runs one worker on each thread and knows of errors only what must happen next.
//! Records go into a [`Processor`], outcomes come out; [`RuleProcessors`] is that of `run`.
//!
//! Beside the pipeline: `topics` (plan, create), `preflight` (what `run` checks), `publish` (files →
//! topic), `reader` (alerts for people), `rehearsal` and `embedded` (the demo's way),
//! `measure` (the least that consuming costs, for benches).

pub mod access;
mod burst;
mod cluster;
mod commit;
mod dead_letter;
mod edition;
pub mod embedded;
mod error;
mod event;
mod fault;
mod ffi;
mod intake;
pub mod invariant;
mod kafka;
pub mod measure;
pub mod monitor;
mod options;
mod planted;
pub mod preflight;
mod processing;
mod processor;
mod progress;
pub mod publish;
pub mod reader;
mod rebalance;
pub mod rehearsal;
mod renewal;
mod restore;
mod rhythm;
pub mod settings;
#[cfg(test)]
#[path = "../../tests/simulation/mod.rs"]
mod simulation;
mod snapshot;
mod supervisor;
mod task;
pub mod topics;
mod worker;

pub use cluster::{
    ChangelogRange, ChangelogRecord, Cluster, Drained, Headers, InputRecord, Membership, NoHeaders,
    OutputRecord, SourceIndex, Start, Target, TaskId,
};
pub use dead_letter::{Place, dead_letter, reason as dead_letter_reason};
pub use edition::{Edition, Enrolled, RuleNumber, RulesInForce};
pub use error::{
    Action, BrokerError, BrokerErrorKind, ExitReason, RestartReason, StateProblem, WorkerError,
};
pub use event::WorkerEvent;
pub use fault::{Fault, NoFault, Point};
pub use kafka::RealCluster;
pub use options::{Guarantee, Options, Properties, Rhythm, SourceOptions, StartFrom};
pub use processing::{Outcomes, OwnedRecord, PendingAlert, Processor, Processors};
pub use processor::{Emission, RuleProcessor, RuleProcessors, SourceLogic};
pub use progress::{
    CommitReport, Counts, Observer, PartitionProgress, PartitionState, Progress, Published,
    RebalanceCounts, RebuildReason, TransactionCounts,
};
pub use supervisor::{Ended, Shared, Stopper, Supervisor};
pub use worker::{Pace, Parts, Worker};

/// Version of librdkafka.
#[must_use]
pub fn librdkafka_version() -> String {
    rdkafka::util::get_rdkafka_version().1
}
