//! Everything that reaches a worker from outside, as one closed set: the loop is one `match`.

use super::cluster::TaskId;
use super::error::BrokerError;
use std::time::Duration;

/// Queued by callbacks and by the supervisor, taken by the worker at batch boundaries.
#[derive(Debug, Clone)]
pub enum WorkerEvent {
    /// The group gives partitions to this worker; an empty list is an answer, too.
    Assigned(Vec<TaskId>),
    /// The group takes partitions back; whether they are already lost is asked when it is taken.
    Revoked(Vec<TaskId>),
    /// A client reported something that no call returned.
    ClientFailed(BrokerError),
    /// Finish the batch, commit and close within this time.
    Stop(Duration),
}
