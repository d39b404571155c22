//! Kafka: partitions in, exactly one transaction for state, alerts and offsets out.
//!
//! Implements exactly-once.md. The protocol is written once, against the [`Cluster`] trait:
//! [`Worker`] advances by steps over tasks (`task.rs`), restores (`restore.rs`), rebalances
//! (`rebalance.rs`) and transactions (`commit.rs`); [`RealCluster`] is Apache Kafka through rdkafka.
//! The [`Supervisor`] runs one worker on each thread and knows of errors only what must happen next.
//! Nothing here knows what a rule means: records go into a [`Processor`], outcomes come out.

mod cluster;
mod commit;
mod dead_letter;
mod error;
mod event;
mod fault;
mod ffi;
pub mod invariant;
mod kafka;
mod options;
mod processing;
mod progress;
mod rebalance;
mod restore;
mod supervisor;
mod task;
pub mod topics;
mod worker;

pub use cluster::{
    ChangelogRange, ChangelogRecord, Cluster, Drained, Headers, InputRecord, Membership, NoHeaders,
    OutputRecord, SourceIndex, Start, Target, TaskId,
};
pub use dead_letter::{Place, dead_letter, reason as dead_letter_reason};
pub use error::{
    Action, BrokerError, BrokerErrorKind, ExitReason, RestartReason, StateProblem, WorkerError,
};
pub use event::WorkerEvent;
pub use fault::{Fault, NoFault, Point};
pub use kafka::{EmbeddedBroker, RealCluster};
pub use options::{Guarantee, Options, Properties, Rhythm, SourceOptions, StartFrom};
pub use processing::{Outcomes, OwnedRecord, PendingAlert, Processor, Processors};
pub use progress::{
    CommitReport, Counts, Observer, PartitionProgress, PartitionState, Progress, Published,
    RebalanceCounts, RebuildReason, TransactionCounts,
};
pub use supervisor::{Ended, Shared, Stopper, Supervisor};
pub use worker::{Pace, Parts, Worker};
