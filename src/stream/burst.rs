//! From changed rows to a finished transaction: collects the burst, and follows it into the stores.
//!
//! The transaction itself is `commit.rs`; when one begins is decided by `rhythm.rs`. Rows reach a
//! store only from [`Stage::Committed`] (X1).

use super::cluster::Cluster;
use super::commit::{Commit, Part, Stage};
use super::error::{Action, ExitReason, WorkerError};
use super::fault::{Fault, Point};
use super::invariant;
use super::planted::{Rule, is_off};
use super::processing::{PendingAlert, Processor, Processors};
use super::progress::CommitReport;
use super::task::{Running, Task};
use super::worker::{Slot, Worker};
use crate::state::Changes;
use std::mem;

impl<C: Cluster, P: Processors, F: Fault> Worker<C, P, F> {
    fn running(&self) -> impl Iterator<Item = &Task<Running<P::Processor>>> {
        self.slots.values().filter_map(|slot| match slot {
            Slot::Running(task) => Some(task),
            Slot::Restoring(_) | Slot::Closed(_) => None,
        })
    }

    pub(super) fn has_progress(&self) -> bool {
        self.running().any(Task::has_progress)
    }

    pub(super) fn dirty_bytes(&self) -> usize {
        self.running().map(|task| task.state.processor.dirty_bytes()).sum()
    }

    pub(super) fn is_commit_due(&self) -> bool {
        let is_due = self.cadence.until_due(self.cluster.now()).is_zero();
        (is_due || self.cadence.is_full(self.dirty_bytes())) && self.has_progress()
    }

    /// Collects the burst; nothing is cleared until Kafka has it.
    pub(super) fn begin_commit(&mut self) {
        let mut parts = Vec::new();
        for slot in self.slots.values_mut() {
            let Slot::Running(task) = slot else { continue };
            if !task.has_progress() {
                continue;
            }
            let Some(next_input) = task.state.next_input else { continue };
            let mut changes = Changes::default();
            task.state.processor.collect_changes(next_input, &mut changes);
            if is_off(Rule::StoreAfterCommit) {
                drop(task.state.processor.committed(&changes, None));
            }
            let mut outcomes = mem::take(&mut task.state.outcomes);
            task.state.processor.take_counts(&mut outcomes.counts);
            parts.push(Part {
                task: task.id,
                next_input,
                changes,
                alerts: outcomes.alerts,
                dead_letters: mem::take(&mut task.state.dead_letters),
                counts: outcomes.counts,
                changelog: None,
            });
        }
        if parts.is_empty() {
            return;
        }
        self.commit = Some(Commit::new(
            parts,
            self.cluster.now(),
            self.cluster.wall(),
            self.options.transaction_timeout,
        ));
    }

    pub(super) fn advance_commit(&mut self) -> Result<(), WorkerError> {
        let Some(commit) = &mut self.commit else { return Ok(()) };
        commit.advance(&mut self.cluster, &self.fault, &self.membership, &self.options.instance)?;
        match commit.stage {
            Stage::Committed => self.finish_commit(),
            Stage::Truth { .. } => {
                self.progress.transactions.aborted += 1;
                Ok(())
            }
            _ => {
                let until = self.giving.as_ref().map(|giving| giving.until).or(self.stop_until);
                if until.is_some_and(|until| self.cluster.now() > until) {
                    commit.give_up("there was no time left");
                }
                Ok(())
            }
        }
    }

    /// Step 8: Kafka has committed, now the stores follow; then nothing is dirty.
    fn finish_commit(&mut self) -> Result<(), WorkerError> {
        let Some(commit) = self.commit.take() else { return Ok(()) };
        self.fault.at(Point::AfterCommitBeforeStore);
        let now = self.cluster.now();
        let wall = self.cluster.wall();
        self.cadence.committed(now);
        self.waiting_since = None;
        self.needs_producer = commit.is_unclear && !is_off(Rule::RenewProducer);
        let took = now.saturating_sub(commit.began);
        let alerts: Vec<&PendingAlert> = commit.alerts().collect();
        self.observer.committed(&CommitReport { wall, took, alerts: &alerts });
        self.progress.last_commit = Some(wall);
        self.progress.last_transaction_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.progress.transactions.committed += 1;
        for part in &commit.parts {
            self.note_committed(part);
            self.store_committed(part)?;
        }
        self.observer.stored(self.cluster.now().saturating_sub(commit.began));
        self.fault.at(Point::AfterStore);
        self.publish();
        Ok(())
    }

    fn note_committed(&mut self, part: &Part) {
        let transactions = &mut self.progress.transactions;
        transactions.changelog_records += u64::try_from(part.changes.len()).unwrap_or(0);
        transactions.changelog_bytes += u64::try_from(part.changes.byte_len()).unwrap_or(0);
        transactions.dead_letters += u64::try_from(part.dead_letters.len()).unwrap_or(0);
        self.progress.counts.add(&part.counts);
        self.progress.by_task.entry(part.task).or_default().add(&part.counts);
        for alert in &part.alerts {
            let key = (alert.rule, alert.level, alert.kind);
            *self.progress.counts.alerts.entry(key).or_default() += 1;
        }
    }

    fn store_committed(&mut self, part: &Part) -> Result<(), WorkerError> {
        let Some(Slot::Running(task)) = self.slots.get_mut(&part.task) else { return Ok(()) };
        task.state.committed = Some(part.next_input);
        let Err(error) = task.state.processor.committed(&part.changes, part.changelog) else {
            return Ok(());
        };
        // The changelog has the rows: the partition is restored from it, or a person is needed.
        let Some(Slot::Running(task)) = self.slots.remove(&part.task) else { return Ok(()) };
        self.cluster.pause(part.task).map_err(|error| self.failed(Action::Start, error))?;
        let slot = self.restore_again(task.suspend(), &error)?;
        self.slots.insert(part.task, slot);
        Ok(())
    }

    /// After an abort: what is left of the burst is sent again under a membership that is valid.
    pub(super) fn replay_or_drop(&mut self) {
        let Some(commit) = &mut self.commit else { return };
        if commit.parts.is_empty() {
            self.commit = None;
            return;
        }
        let now = self.cluster.now();
        if commit.may_replay(now) {
            self.membership = self.cluster.membership();
            if invariant::may_commit(&self.membership) {
                commit.replay(now);
            }
        }
    }

    /// An aborted burst is not sent again when the time to stop is over.
    pub(super) fn end_in_time(&self) -> Result<(), WorkerError> {
        match self.stop_until {
            Some(until) if self.cluster.now() > until => {
                Err(WorkerError::Exit { reason: ExitReason::StopLimit })
            }
            _ => Ok(()),
        }
    }
}
