//! What a worker shows of itself: snapshots that others read without a lock in its way.

use super::cluster::{Cluster, TaskId};
use super::fault::Fault;
use super::processing::{Processor, Processors};
use super::progress::{PartitionProgress, PartitionState};
use super::restore;
use super::task::Known;
use super::worker::{Slot, Worker};
use std::time::Duration;

/// How often an unchanged snapshot is published.
const PUBLISH: Duration = Duration::from_millis(200);

impl<C: Cluster, P: Processors, F: Fault> Worker<C, P, F> {
    pub(super) fn publish_when_due(&mut self) {
        if self.cluster.now() >= self.last_publish + PUBLISH {
            self.publish();
        }
    }

    pub(super) fn publish(&mut self) {
        self.last_publish = self.cluster.now();
        self.progress.ticked = Some(self.cluster.wall());
        if self.commit.is_none() && !self.has_progress() {
            // Partitions that were lost take what waited with them.
            self.waiting_since = None;
        }
        self.progress.waiting_since = self.waiting_since;
        self.progress.dirty_bytes = self.dirty_bytes();
        let Self { slots, cluster, .. } = self;
        let partitions = slots.iter().map(|(id, slot)| (*id, snapshot(cluster, *id, slot)));
        self.progress.partitions = partitions.collect();
        self.published.write(self.progress.clone());
    }
}

fn snapshot<C: Cluster, P: Processors>(
    cluster: &C,
    id: TaskId,
    slot: &Slot<P>,
) -> PartitionProgress {
    let mut partition = PartitionProgress {
        state: PartitionState::Restoring { remaining: None },
        watermark: None,
        next_input: None,
        committed: None,
        end: None,
        windows: 0,
    };
    match slot {
        Slot::Restoring(task) => {
            partition.state = PartitionState::Restoring { remaining: restore::remaining(task) };
            if let Known::Is(committed) = task.state.committed {
                partition.committed = committed;
            }
        }
        Slot::Running(task) => {
            partition.state = PartitionState::Running;
            partition.watermark = task.state.processor.watermark();
            partition.next_input = task.state.next_input;
            partition.committed = task.state.committed;
            partition.end = cluster.high_watermark(id);
            partition.windows = task.state.processor.windows();
        }
        Slot::Closed(task) => {
            let problem = task.state.problem.to_string();
            partition.state = PartitionState::Stopped { problem };
        }
    }
    partition
}
