//! Gauges and counters of partitions, whichever worker of the process holds them.
//!
//! Handles are made when a partition is first seen and kept: what its last owner committed is often
//! published together with the hand-over.

use super::counters::WorkerCounters;
use crate::stream::cluster::TaskId;
use crate::stream::options::SourceOptions;
use crate::stream::progress::{PartitionProgress, PartitionState, Progress};
use crate::telemetry::{PartitionMetrics, TopicMetrics};
use crate::units::WallTime;
use std::collections::BTreeMap;

/// The partitions of all sources.
pub(super) struct Partitions {
    topics: Vec<Topic>,
    known: BTreeMap<TaskId, Known>,
}

struct Topic {
    name: String,
    metrics: TopicMetrics,
}

/// A partition that this process holds or has held.
struct Known {
    metrics: PartitionMetrics,
    is_held: bool,
    is_running: bool,
}

impl Partitions {
    /// Registers the topics' handles.
    pub(super) fn new(sources: &[SourceOptions]) -> Partitions {
        let topic = |source: &SourceOptions| Topic {
            name: source.topic.clone(),
            metrics: TopicMetrics::new(&source.topic),
        };
        Partitions { topics: sources.iter().map(topic).collect(), known: BTreeMap::new() }
    }

    /// Adds what a worker has counted in its partitions since the last call.
    pub(super) fn count(&mut self, progress: &Progress, counters: &mut WorkerCounters) {
        for (task, counts) in &progress.by_task {
            if let Some((known, topic)) = self.known(*task) {
                counters.add_partition(*task, counts, &known.metrics, topic);
            }
        }
    }

    /// Shows the partitions that the workers hold now, and those as unknown that have left.
    pub(super) fn show<'a>(
        &mut self,
        held: impl Iterator<Item = (&'a TaskId, &'a PartitionProgress)>,
        wall: WallTime,
    ) {
        let held: BTreeMap<TaskId, &PartitionProgress> =
            held.map(|(task, partition)| (*task, partition)).collect();
        for (task, partition) in &held {
            if let Some((known, topic)) = self.known(*task) {
                if !known.is_held {
                    known.is_held = true;
                    topic.partition_taken();
                }
                known.show(partition, wall);
            }
        }
        for (task, known) in &mut self.known {
            if known.is_held && !held.contains_key(task) {
                known.is_held = false;
                known.is_running = false;
                known.metrics.retire();
                if let Some(topic) = self.topics.get(task.source.0) {
                    topic.metrics.partition_given();
                }
            }
        }
    }

    /// The handles of a partition; `None` for a source that nobody configured.
    fn known(&mut self, task: TaskId) -> Option<(&mut Known, &TopicMetrics)> {
        let topic = self.topics.get(task.source.0)?;
        let known = self.known.entry(task).or_insert_with(|| Known {
            metrics: PartitionMetrics::new(&topic.name, task.partition.0),
            is_held: false,
            is_running: false,
        });
        Some((known, &topic.metrics))
    }
}

impl Known {
    fn show(&mut self, partition: &PartitionProgress, wall: WallTime) {
        let is_running = partition.state == PartitionState::Running;
        if self.is_running && !is_running {
            // Restored again, or stopped: the lag of before would look alive.
            self.metrics.retire();
        }
        self.is_running = is_running;
        if let Some(committed) = partition.committed {
            self.metrics.set_committed(committed.0);
        }
        match partition.state {
            PartitionState::Restoring { remaining } => {
                if let Some(remaining) = remaining {
                    self.metrics.set_restore_remaining(remaining);
                }
            }
            PartitionState::Running => self.show_running(partition, wall),
            PartitionState::Stopped { .. } => {}
        }
    }

    fn show_running(&self, partition: &PartitionProgress, wall: WallTime) {
        self.metrics.set_restore_remaining(0);
        self.metrics.set_windows_open(u64::try_from(partition.windows).unwrap_or(u64::MAX));
        if let (Some(next_input), Some(end)) = (partition.next_input, partition.end) {
            self.metrics.set_position(next_input.0, end.0);
        }
        if let Some(watermark) = partition.watermark {
            // The watermark is the newest event time that is not in the future (semantics.md §2).
            let watermark_ms = watermark.as_millis();
            self.metrics.set_event_time(watermark_ms, watermark_ms, wall.as_millis());
        }
    }
}
