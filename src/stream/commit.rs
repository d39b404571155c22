//! One transaction, from a collected burst to the broker's answer (exactly-once.md §2).
//!
//! ```text
//!  Begin ─▶ Produce ─▶ Drain ─▶ SendOffsets ─▶ End ─▶ Committed ─▶ (store, by the worker)
//!    ▲         │          │           │          │
//!    │         └──────────┴─────┬─────┴──────────┘ abort required
//!    │                          ▼
//!    │                        Abort ─▶ Renew ─▶ Truth ─▶ nothing left: dropped
//!    └───────────────────────────────────────────┘ still ours: the same burst again
//! ```
//!
//! A retriable answer stays in its stage and makes the same call again. Anything fatal or unknown
//! leaves this module as an error that restarts the worker. A transaction is open only between
//! `Begin` and `End`, so a crash seldom leaves one hanging before the readers of alerts.

use super::cluster::{Cluster, Drained, Membership, OutputRecord, Target, TaskId};
use super::error::{Action, BrokerErrorKind, RestartReason, WorkerError, recovery};
use super::fault::{Fault, Point};
use super::invariant;
use super::planted::{Rule, is_off};
use super::processing::{OwnedRecord, PendingAlert};
use super::progress::Counts;
use crate::state::Changes;
use crate::units::{Position, Span, WallTime};
use std::time::Duration;

/// After so many aborted attempts the worker starts cold.
const ATTEMPTS: u32 = 10;
/// How long one step of a drain may take.
const DRAIN_STEP: Duration = Duration::from_millis(5);
/// Between an abort and the next attempt, times the number of attempts.
const TRUTH_PAUSE: Duration = Duration::from_millis(100);

/// What one task contributes to a transaction.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) task: TaskId,
    pub(crate) next_input: Position,
    /// Rows and the meta row.
    pub(crate) changes: Changes,
    pub(crate) alerts: Vec<PendingAlert>,
    pub(crate) dead_letters: Vec<OwnedRecord>,
    pub(crate) counts: Counts,
    /// Behind the highest changelog offset, once drained.
    pub(crate) changelog: Option<Position>,
}

/// Where a transaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Begin,
    Produce,
    Drain,
    SendOffsets,
    End,
    Committed,
    Abort,
    Renew,
    Truth { since: Duration },
}

/// A burst and its transaction.
#[derive(Debug)]
pub(crate) struct Commit {
    pub(crate) parts: Vec<Part>,
    pub(crate) stage: Stage,
    /// When the current attempt began.
    pub(crate) began: Duration,
    /// Not every answer was a first-time `Ok`: the producer is renewed afterwards.
    pub(crate) is_unclear: bool,
    /// Attempts that were aborted.
    pub(crate) aborted: u32,
    wall: WallTime,
    limit: Duration,
    cause: String,
}

impl Commit {
    /// A transaction for these parts; a call is repeated for at most three transaction time-outs.
    pub(crate) fn new(
        parts: Vec<Part>,
        now: Duration,
        wall: WallTime,
        transaction_timeout: Span,
    ) -> Self {
        Self {
            parts,
            stage: Stage::Begin,
            began: now,
            is_unclear: false,
            aborted: 0,
            wall,
            limit: transaction_timeout.to_std() * 3,
            cause: String::new(),
        }
    }

    /// Whether the worker must ask the group who owns what before this burst is sent again.
    pub(crate) fn awaits_truth(&self) -> bool {
        matches!(self.stage, Stage::Truth { .. })
    }

    /// Whether the pause after the last abort is over.
    pub(crate) fn may_replay(&self, now: Duration) -> bool {
        match self.stage {
            Stage::Truth { since } => now >= since + TRUTH_PAUSE * self.aborted.min(10),
            _ => false,
        }
    }

    /// Sends the same burst again; nothing outside memory has changed.
    pub(crate) fn replay(&mut self, now: Duration) {
        self.stage = Stage::Begin;
        self.began = now;
        for part in &mut self.parts {
            part.changelog = None;
        }
    }

    /// Gives up before the offsets were sent: aborts, then the truth decides.
    pub(crate) fn give_up(&mut self, why: &str) {
        if matches!(self.stage, Stage::Produce | Stage::Drain | Stage::SendOffsets) {
            why.clone_into(&mut self.cause);
            self.stage = Stage::Abort;
        }
    }

    /// Drops what a lost partition had to say; nothing of it was committed.
    pub(crate) fn drop_part(&mut self, task: TaskId) {
        self.parts.retain(|part| part.task != task);
    }

    /// All alerts in it.
    pub(crate) fn alerts(&self) -> impl Iterator<Item = &PendingAlert> {
        self.parts.iter().flat_map(|part| &part.alerts)
    }

    /// Does the next call.
    ///
    /// # Errors
    /// The worker must restart or the process must end.
    pub(crate) fn advance<C: Cluster, F: Fault>(
        &mut self,
        cluster: &mut C,
        fault: &F,
        membership: &Membership,
        instance: &str,
    ) -> Result<(), WorkerError> {
        let (action, answer) = match self.stage {
            // Step 1: only now; between commits no transaction is open.
            Stage::Begin => {
                fault.at(Point::BeforeBegin);
                (Action::Begin, cluster.begin().map(|()| Stage::Produce))
            }
            Stage::Produce => (Action::Produce, self.produce(cluster)),
            Stage::Drain => (Action::Drain, self.drain(cluster, fault)),
            Stage::SendOffsets => {
                if !invariant::may_commit(membership) {
                    "the group membership is not valid".clone_into(&mut self.cause);
                    self.stage = Stage::Abort;
                    return Ok(());
                }
                (Action::SendOffsets, self.send_offsets(cluster, fault, membership))
            }
            // Step 7: a retriable answer is answered by the same call, never by an abort.
            Stage::End => (Action::Commit, cluster.commit().map(|()| Stage::Committed)),
            Stage::Abort => (Action::Abort, cluster.abort().map(|()| Stage::Renew)),
            // Step 9: a delayed request of this producer may end a later transaction.
            Stage::Renew => {
                let truth = Stage::Truth { since: cluster.now() };
                (Action::InitTransactions, cluster.renew_producer().map(|()| truth))
            }
            Stage::Committed | Stage::Truth { .. } => return Ok(()),
        };
        match answer.map_err(|error| recovery(action, error, instance)) {
            Ok(next) => self.enter(next, cluster.now()),
            Err(WorkerError::Retry { .. })
                if self.stage == Stage::End && is_off(Rule::CommitAgain) =>
            {
                self.stage = Stage::Abort;
                Ok(())
            }
            Err(WorkerError::Retry { source, .. }) => {
                // A queue that is full or a report that is late says nothing about the outcome.
                self.is_unclear |=
                    matches!(self.stage, Stage::SendOffsets | Stage::End | Stage::Abort);
                if cluster.now() > self.began + self.limit {
                    return Err(recovery(
                        action,
                        super::error::BrokerError { kind: BrokerErrorKind::Unclear, ..source },
                        instance,
                    ));
                }
                Ok(())
            }
            Err(WorkerError::AbortAndReplay { action, source }) => {
                tracing::debug!(%action, error = %source, "transaction must be aborted");
                self.cause = format!("could not {action}: {source}");
                // A transaction that never began cannot be aborted.
                self.stage = match self.stage {
                    Stage::Begin => Stage::Renew,
                    _ => Stage::Abort,
                };
                Ok(())
            }
            Err(other) => Err(other),
        }
    }

    fn enter(&mut self, next: Stage, now: Duration) -> Result<(), WorkerError> {
        if let Stage::Truth { .. } = next {
            self.aborted += 1;
            // The producer was just renewed.
            self.is_unclear = false;
            if self.aborted > ATTEMPTS {
                let reason = RestartReason::Aborts(self.aborted, std::mem::take(&mut self.cause));
                return Err(WorkerError::RestartWorker { reason });
            }
            self.stage = Stage::Truth { since: now };
            return Ok(());
        }
        self.stage = next;
        Ok(())
    }

    /// Steps 2 to 4: rows and meta rows to the explicit partition, then alerts and dead letters.
    fn produce<C: Cluster>(&self, cluster: &mut C) -> Result<Stage, super::error::BrokerError> {
        let until = cluster.now() + self.limit;
        for part in &self.parts {
            for change in part.changes.iter() {
                let record = OutputRecord {
                    key: Some(change.key),
                    value: change.value,
                    headers: &[],
                    time: self.wall,
                };
                send(cluster, Target::Changelog(part.task), &record, until)?;
            }
            for alert in &part.alerts {
                send(cluster, Target::Alerts, &borrowed(&alert.record, self.wall), until)?;
            }
            for letter in &part.dead_letters {
                send(cluster, Target::DeadLetters, &borrowed(letter, self.wall), until)?;
            }
        }
        Ok(Stage::Drain)
    }

    /// Step 5: every report is in and checked before the offsets go out; a record still in flight
    /// then could land after the next owner has read its restore target.
    fn drain<C: Cluster, F: Fault>(
        &mut self,
        cluster: &mut C,
        fault: &F,
    ) -> Result<Stage, super::error::BrokerError> {
        let reported = match cluster.drain(DRAIN_STEP)? {
            Drained::InFlight(_) if is_off(Rule::DrainBeforeOffsets) => Vec::new(),
            Drained::Complete(reported) => reported,
            Drained::InFlight(_) if cluster.now() <= self.began + self.limit => {
                return Ok(Stage::Drain);
            }
            Drained::InFlight(left) => {
                return Err(super::error::BrokerError {
                    kind: BrokerErrorKind::AbortRequired,
                    code: "Drain".to_owned(),
                    text: format!("{left} records were not acknowledged in time"),
                });
            }
        };
        for (task, position) in reported {
            if let Some(part) = self.parts.iter_mut().find(|part| part.task == task) {
                part.changelog = Some(position);
            }
        }
        let has_alerts = self.alerts().next().is_some();
        fault.at(if has_alerts { Point::AfterDrainWithAlerts } else { Point::AfterDrain });
        Ok(Stage::SendOffsets)
    }

    /// Step 6: the only call at which Kafka checks the generation (KIP-447).
    fn send_offsets<C: Cluster, F: Fault>(
        &self,
        cluster: &mut C,
        fault: &F,
        membership: &Membership,
    ) -> Result<Stage, super::error::BrokerError> {
        let offsets: Vec<(TaskId, Position)> =
            self.parts.iter().map(|part| (part.task, part.next_input)).collect();
        if is_off(Rule::Generation) {
            let nobody = Membership { generation: -1, member_id: String::new(), is_lost: false };
            cluster.send_offsets(&offsets, &nobody)?;
        } else {
            cluster.send_offsets(&offsets, membership)?;
        }
        fault.at(Point::AfterSendOffsets);
        Ok(Stage::End)
    }
}

fn borrowed(record: &OwnedRecord, wall: WallTime) -> OutputRecord<'_> {
    OutputRecord {
        key: record.key.as_deref(),
        value: record.value.as_deref(),
        headers: &record.headers,
        time: record.time.unwrap_or(wall),
    }
}

/// Produces one record; while the queue is full, delivery reports make room.
fn send<C: Cluster>(
    cluster: &mut C,
    target: Target,
    record: &OutputRecord<'_>,
    until: Duration,
) -> Result<(), super::error::BrokerError> {
    loop {
        match cluster.produce(target, record) {
            Err(error) if error.kind == BrokerErrorKind::Retriable && cluster.now() < until => {
                cluster.drain(DRAIN_STEP)?;
            }
            answer => {
                return answer.map_err(|error| match error.kind {
                    // Part of the burst is out already: only an abort makes it whole again.
                    BrokerErrorKind::Retriable => {
                        super::error::BrokerError { kind: BrokerErrorKind::AbortRequired, ..error }
                    }
                    _ => error,
                });
            }
        }
    }
}

#[cfg(test)]
#[path = "commit_tests.rs"]
mod tests;
