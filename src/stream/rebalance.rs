//! Taking and giving partitions (exactly-once.md §4).
//!
//! Assigned: answer, paused, and begin to restore. Revoked: commit within a budget, then answer,
//! then suspend; what was lost already is dropped unsaid. The membership under which offsets are
//! committed is read when an event is taken: a revocation belongs to the generation that was
//! joined before it, an assignment is valid once it is answered.

use super::cluster::{Cluster, TaskId};
use super::error::{Action, WorkerError};
use super::fault::{Fault, Point};
use super::planted::{Rule, is_off};
use super::processing::Processors;
use super::task::Task;
use super::worker::{Slot, Worker};
use std::time::Duration;

/// How long a commit may hold up the group before the partitions go without it.
const BUDGET: Duration = Duration::from_secs(5);

/// Partitions that the group wants back.
#[derive(Debug)]
pub(super) struct Giving {
    pub(super) tasks: Vec<TaskId>,
    pub(super) until: Duration,
    has_committed: bool,
}

impl<C: Cluster, P: Processors, F: Fault> Worker<C, P, F> {
    pub(super) fn on_assigned(&mut self, tasks: &[TaskId]) -> Result<(), WorkerError> {
        self.cluster
            .accept_assignment(tasks)
            .map_err(|error| self.failed(Action::Rebalance, error))?;
        self.membership = self.cluster.membership();
        self.progress.has_joined = true;
        self.progress.rebalances.assigned += 1;
        let now = self.cluster.now();
        for task in tasks {
            let restoring = Task::assigned(*task).restore(now);
            self.slots.insert(*task, Slot::Restoring(restoring));
        }
        tracing::info!(partitions = tasks.len(), "partitions assigned");
        self.publish();
        Ok(())
    }

    pub(super) fn on_revoked(&mut self, tasks: Vec<TaskId>) {
        self.membership = self.cluster.membership();
        let until = self.cluster.now() + BUDGET;
        self.giving = Some(Giving { tasks, until, has_committed: false });
    }

    /// Gives the partitions away, after one commit if there is something to commit and time.
    pub(super) fn give(&mut self) -> Result<(), WorkerError> {
        let Some(mut giving) = self.giving.take() else { return Ok(()) };
        let now = self.cluster.now();
        let is_lost = self.cluster.membership().is_lost;
        let may_wait = !is_lost && now < giving.until;
        if may_wait && let Some(commit) = &mut self.commit {
            // It was aborted: the same burst once more while the partitions are still ours.
            if commit.may_replay(now) {
                self.membership = self.cluster.membership();
                commit.replay(now);
            }
            self.giving = Some(giving);
            return Ok(());
        }
        if may_wait && !giving.has_committed && self.has_progress() {
            giving.has_committed = true;
            self.begin_commit();
            self.giving = Some(giving);
            return Ok(());
        }
        if is_lost {
            self.progress.rebalances.lost += 1;
        } else {
            self.progress.rebalances.revoked += 1;
        }
        if !(is_lost && is_off(Rule::DropLost)) {
            self.suspend(&giving.tasks);
        }
        self.cluster
            .accept_revocation(&giving.tasks)
            .map_err(|error| self.failed(Action::Rebalance, error))?;
        self.membership = self.cluster.membership();
        self.fault.at(Point::AfterRevoke);
        tracing::info!(partitions = giving.tasks.len(), is_lost, "partitions given away");
        self.publish();
        Ok(())
    }

    /// Closes processors and stores before the partitions are answered for: the next owner may be
    /// a worker of this process and wants the directory.
    fn suspend(&mut self, tasks: &[TaskId]) {
        for id in tasks {
            match self.slots.remove(id) {
                Some(Slot::Restoring(task)) => {
                    self.cluster.close_changelog(*id);
                    drop(task.suspend());
                }
                Some(Slot::Running(task)) => drop(task.suspend()),
                Some(Slot::Closed(_)) | None => {}
            }
            if let Some(commit) = &mut self.commit {
                commit.drop_part(*id);
            }
        }
    }
}
