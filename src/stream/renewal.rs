//! New rules under running partitions, between two transactions (semantics.md §10).
//!
//! A partition whose rules are not the newest takes no further record: what it has is committed
//! first, then its processor gives the store back and is opened again over it, as after a restart.
//! So a partition's findings are those of one edition up to an offset and of the next from there on.

use super::cluster::{Cluster, TaskId};
use super::error::WorkerError;
use super::fault::Fault;
use super::planted::{Rule, is_off};
use super::processing::Processors;
use super::worker::{Slot, Worker};

impl<C: Cluster, P: Processors, F: Fault> Worker<C, P, F> {
    /// Whether some partition waits for newer rules; then a commit has begun, or one has them now.
    pub(super) fn renew(&mut self) -> Result<bool, WorkerError> {
        let is_stale = |slot: &Slot<P>| match slot {
            Slot::Running(task) => self.processors.is_stale(&task.state.processor),
            Slot::Restoring(_) | Slot::Closed(_) => false,
        };
        let stale = self.slots.iter().find(|(_, slot)| is_stale(slot)).map(|(id, _)| *id);
        let Some(id) = stale else { return Ok(false) };
        if self.has_progress() && !is_off(Rule::RenewBetweenCommits) {
            self.begin_commit();
            return Ok(true);
        }
        // One in each turn: opening takes a while, and the group wants to be answered in between.
        let began = self.cluster.now();
        self.renew_one(id)?;
        let took = self.cluster.now().saturating_sub(began);
        tracing::info!(partition = id.partition.0, took_ms = took.as_millis(), "rules replaced");
        Ok(true)
    }

    fn renew_one(&mut self, id: TaskId) -> Result<(), WorkerError> {
        let Some(Slot::Running(task)) = self.slots.remove(&id) else { return Ok(()) };
        let processors = &*self.processors;
        let slot = match task.renew(|processor| processors.renew(id, processor)) {
            Ok(task) => Slot::Running(task),
            Err((task, error)) => {
                self.cluster
                    .pause(id)
                    .map_err(|error| self.failed(super::error::Action::Start, error))?;
                self.restore_again(task, &error)?
            }
        };
        self.slots.insert(id, slot);
        Ok(())
    }
}
