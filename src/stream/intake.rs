//! Records into processors: one batch of each running partition at a time.
//!
//! Owns what is taken, in which order and how much; what a record means is the processor's, when a
//! commit follows is `rhythm.rs`'s.

use super::cluster::{Cluster, InputRecord, TaskId};
use super::dead_letter::{self, Place};
use super::error::{Action, BrokerError, BrokerErrorKind, StateProblem, WorkerError};
use super::fault::Fault;
use super::invariant;
use super::options::Options;
use super::processing::{Processor, Processors};
use super::task::{Running, Task};
use super::worker::{Slot, Worker, log_stop};
use crate::detect::Origin;
use crate::state::StoreError;
use crate::units::WallTime;
use std::mem;
use std::sync::Arc;

impl<C: Cluster, P: Processors, F: Fault> Worker<C, P, F> {
    /// One batch of each running partition, or fewer when a commit is due in between; then the next
    /// call goes on behind the last one that had its turn.
    pub(super) fn consume(&mut self) -> Result<(), WorkerError> {
        self.turn = 0;
        let wall = self.cluster.wall();
        let options = Arc::clone(&self.options);
        let limits = Limits { options: &options, dead_letter_bytes: self.dead_letter_bytes };
        let mut ids: Vec<TaskId> = self.slots.keys().copied().collect();
        if let Some(last) = self.last_served {
            let behind = ids.partition_point(|id| *id <= last);
            ids.rotate_left(behind);
        }
        for id in ids {
            let Some(Slot::Running(task)) = self.slots.get_mut(&id) else { continue };
            if task.state.start.is_some() {
                continue;
            }
            let began = self.cluster.now();
            let pending = task.state.outcomes.alerts.len();
            let (count, result) = take_batch(&mut self.cluster, task, &limits, wall);
            // Also when the batch ended by an error: what came before it waits for a commit.
            if count > 0 {
                self.last_served = Some(id);
                self.missing = None;
                self.turn += count;
                self.waiting_since.get_or_insert(wall);
                for alert in task.state.outcomes.alerts.iter().skip(pending) {
                    self.cadence.note_alert(alert.record_time, wall);
                }
                self.observer.evaluated(count, self.cluster.now().saturating_sub(began));
            }
            if let Err(failure) = result {
                self.batch_failed(id, failure)?;
            }
            if count > 0 && self.is_commit_due() {
                break;
            }
        }
        Ok(())
    }

    fn batch_failed(&mut self, id: TaskId, failure: BatchError) -> Result<(), WorkerError> {
        let Some(Slot::Running(task)) = self.slots.remove(&id) else { return Ok(()) };
        let pause = |this: &mut Self| {
            this.cluster.pause(id).map_err(|error| this.failed(Action::Consume, error))
        };
        let slot = match failure {
            BatchError::Store(error) => {
                pause(self)?;
                self.restore_again(task.suspend(), &error)?
            }
            BatchError::Broker(error) if error.code == "AutoOffsetReset" => {
                pause(self)?;
                let problem = StateProblem::InputLost(error.text);
                log_stop(id, &problem);
                Slot::Closed(task.close(problem))
            }
            BatchError::Broker(error) if error.kind == BrokerErrorKind::Retriable => {
                tracing::debug!(%error, "reading input");
                Slot::Running(task)
            }
            BatchError::Broker(error) => return Err(self.failed(Action::Consume, error)),
        };
        self.slots.insert(id, slot);
        Ok(())
    }
}

/// What a batch is measured by.
struct Limits<'a> {
    options: &'a Options,
    dead_letter_bytes: usize,
}

/// Why a batch ended early.
enum BatchError {
    Store(StoreError),
    Broker(BrokerError),
}

/// Takes one batch into the task's processor; says how many records that were and how it ended.
fn take_batch<C: Cluster, P: Processor>(
    cluster: &mut C,
    task: &mut Task<Running<P>>,
    limits: &Limits<'_>,
    wall: WallTime,
) -> (usize, Result<(), BatchError>) {
    let (mut failed, mut count) = (None, 0);
    let id = task.id;
    let state = &mut task.state;
    let consumed = cluster.consume(id, limits.options.batch_records, &mut |record| {
        if failed.is_none() {
            count += 1;
            failed = take_record(id, state, limits, wall, &record).err();
        }
    });
    // First: an engine whose store failed must not be used again, whatever the broker says.
    let result = match failed {
        Some(error) => Err(BatchError::Store(error)),
        None => consumed.map(drop).map_err(BatchError::Broker),
    };
    (count, result)
}

fn take_record<P: Processor>(
    id: TaskId,
    state: &mut Running<P>,
    limits: &Limits<'_>,
    wall: WallTime,
    record: &InputRecord<'_>,
) -> Result<(), StoreError> {
    let options = limits.options;
    if state.next_input.is_some_and(|next| !invariant::is_next_input(next, record.offset)) {
        return Ok(());
    }
    let outcomes = &mut state.outcomes;
    if record.value.len() > options.max_record_bytes {
        outcomes.counts.malformed += 1;
        outcomes.refused.push(dead_letter::too_large(record.value.len(), options.max_record_bytes));
    } else {
        let origin = Origin {
            partition: id.partition,
            offset: record.offset,
            record_time: record.time,
            wall,
        };
        state.processor.process(record.value, &origin, outcomes)?;
    }
    outcomes.counts.records += 1;
    outcomes.counts.record_bytes += u64::try_from(record.value.len()).unwrap_or(0);
    state.next_input = Some(record.offset.next());
    if outcomes.refused.is_empty() {
        return Ok(());
    }
    let topic = options.sources.get(id.source.0).map_or("", |source| &*source.topic);
    for refusal in mem::take(&mut outcomes.refused) {
        *outcomes.counts.refused.entry(refusal.reason).or_default() += 1;
        if options.dead_letter_topic.is_some() {
            let place = Place { topic, partition: id.partition };
            let letter =
                dead_letter::dead_letter(place, record, &refusal, limits.dead_letter_bytes, wall);
            state.dead_letters.push(letter);
        }
    }
    Ok(())
}
