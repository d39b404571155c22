//! A worker's snapshot → its part of `/livez` and of the checks R2–R4 (operations.md §2.1).

use crate::stream::progress::{PartitionState, Progress};
use crate::telemetry::{Phase, WorkerHealth};
use crate::units::WallTime;

/// What was told about one worker so far.
#[derive(Debug, Default)]
pub(super) struct Readiness {
    has_joined: bool,
    is_lost: bool,
    assigned: u64,
    lost: u64,
    last_commit: Option<WallTime>,
}

impl Readiness {
    /// Tells `health` what `progress` says; `has_ticked` when the snapshot is a new one.
    pub(super) fn report(
        &mut self,
        progress: &Progress,
        has_ticked: bool,
        health: &WorkerHealth,
        now_ms: i64,
    ) {
        if has_ticked {
            health.tick(now_ms, phase(progress));
        }
        self.report_assignment(progress, health, now_ms);
        report_stopped(progress, health);
        if progress.has_producer {
            health.producer_ready();
        } else {
            health.producer_gone();
        }
        self.report_commit(progress, health, now_ms);
    }

    /// R2 and R3. Lost is what the coordinator took away, and everything when a worker restarts.
    fn report_assignment(&mut self, progress: &Progress, health: &WorkerHealth, now_ms: i64) {
        let (assigned, lost) = (progress.rebalances.assigned, progress.rebalances.lost);
        if assigned != self.assigned {
            self.is_lost = false;
        } else if lost != self.lost {
            self.is_lost = true;
        }
        (self.assigned, self.lost) = (assigned, lost);
        if progress.has_joined && !self.is_lost {
            self.has_joined = true;
            health.assigned(number(progress.partitions.len()));
            let states = || progress.partitions.values().map(|partition| &partition.state);
            let restored = states().filter(|state| **state == PartitionState::Running).count();
            let left = states().map(|state| match state {
                PartitionState::Restoring { remaining } => remaining.unwrap_or(0),
                PartitionState::Running | PartitionState::Stopped { .. } => 0,
            });
            health.restoring(number(restored), left.sum());
        } else if self.has_joined {
            health.lost(now_ms);
        }
    }

    /// R4. What waits after a commit is new, although something waits in every snapshot of a busy
    /// worker.
    fn report_commit(&mut self, progress: &Progress, health: &WorkerHealth, now_ms: i64) {
        if progress.last_commit != self.last_commit || progress.waiting_since.is_none() {
            self.last_commit = progress.last_commit;
            health.committed();
        }
        if progress.waiting_since.is_some() {
            health.commit_pending(now_ms);
        }
    }
}

/// A step that waits for the broker is possible while there is no producer, a restore, or something
/// to commit.
fn phase(progress: &Progress) -> Phase {
    let is_restoring = progress
        .partitions
        .values()
        .any(|partition| matches!(partition.state, PartitionState::Restoring { .. }));
    if is_restoring || !progress.has_producer || progress.waiting_since.is_some() {
        Phase::Waiting
    } else {
        Phase::Running
    }
}

fn report_stopped(progress: &Progress, health: &WorkerHealth) {
    let is_stopped = |state: &PartitionState| matches!(state, PartitionState::Stopped { .. });
    if progress.partitions.values().any(|partition| is_stopped(&partition.state)) {
        health.partition_stopped();
    } else {
        health.no_partition_stopped();
    }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
