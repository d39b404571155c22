//! One worker: a group member, a transactional producer and the tasks of its partitions.
//!
//! Owns the order of things and nothing else: events are taken at batch boundaries, a commit runs
//! through before the next batch, restores advance between batches. One loop around [`Worker::step`],
//! one `match` over events; no callback does work. Each step makes few calls to the [`Cluster`],
//! so that a simulation can stop the world between any two of them.

use super::cluster::{Cluster, InputRecord, Membership, TaskId};
use super::commit::{Commit, Part, Stage};
use super::dead_letter::{self, Place};
use super::error::{
    Action, BrokerError, BrokerErrorKind, ExitReason, RestartReason, StateProblem, WorkerError,
    recovery, store_exit,
};
use super::event::WorkerEvent;
use super::fault::{Fault, Point};
use super::invariant;
use super::options::{Options, Rhythm};
use super::preflight::Checked;
use super::processing::{PendingAlert, Processor, Processors};
use super::progress::{
    CommitReport, Observer, PartitionProgress, PartitionState, Progress, Published,
};
use super::rebalance::Giving;
use super::restore::{self, Piece, RestoreOptions};
use super::task::{Closed, Known, NotRestored, Restoring, Running, Suspended, Task};
use crate::detect::Origin;
use crate::state::{Changes, StoreError};
use crate::units::WallTime;
use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::sync::Arc;
use std::time::Duration;

/// How long an idle worker waits for events before it looks for records again.
const IDLE: Duration = Duration::from_millis(10);
/// How often an unchanged snapshot is published.
const PUBLISH: Duration = Duration::from_millis(200);

/// Whether the loop goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Call `step` again.
    Continue,
    /// Everything is committed and may be dropped.
    Stopped,
}

/// What a worker is made of, besides its cluster.
pub struct Parts<P, F> {
    /// Shared settings.
    pub options: Arc<Options>,
    /// Makes processors and stores.
    pub processors: Arc<P>,
    /// Faults of tests.
    pub fault: F,
    /// Where snapshots go.
    pub published: Published,
    /// Hears of commits.
    pub observer: Arc<dyn Observer>,
    /// What the check of the topics found.
    pub topics: Arc<Checked>,
}

/// A partition that is assigned now; a suspended one is in no slot.
#[expect(clippy::large_enum_variant, reason = "nearly all slots run, and there are few")]
pub(super) enum Slot<P: Processors> {
    Restoring(Task<Restoring<P::Store>>),
    Running(Task<Running<P::Processor>>),
    Closed(Task<Closed>),
}

/// See the module's header.
pub struct Worker<C: Cluster, P: Processors, F: Fault> {
    pub(super) cluster: C,
    processors: Arc<P>,
    options: Arc<Options>,
    dead_letter_bytes: usize,
    restore_options: RestoreOptions,
    pub(super) fault: F,
    published: Published,
    observer: Arc<dyn Observer>,
    pub(super) progress: Progress,
    pub(super) slots: BTreeMap<TaskId, Slot<P>>,
    events: VecDeque<WorkerEvent>,
    pub(super) membership: Membership,
    pub(super) commit: Option<Commit>,
    pub(super) giving: Option<Giving>,
    needs_producer: bool,
    last_commit: Duration,
    first_alert: Option<Duration>,
    waiting_since: Option<WallTime>,
    stop_until: Option<Duration>,
    fenced: Option<(Duration, RestartReason)>,
    last_publish: Duration,
    turn: usize,
}

impl<C: Cluster, P: Processors, F: Fault> Worker<C, P, F> {
    /// A worker that has joined through `cluster` and owns nothing yet.
    pub fn new(cluster: C, parts: Parts<P, F>) -> Self {
        let now = cluster.now();
        let mut progress = (*parts.published.read()).clone();
        progress.has_joined = false;
        progress.has_producer = false;
        progress.partitions.clear();
        Self {
            cluster,
            processors: parts.processors,
            restore_options: RestoreOptions {
                instance: parts.options.instance.clone(),
                start_from: parts.options.start_from,
                tombstones_kept: parts.topics.tombstones_kept,
            },
            options: parts.options,
            dead_letter_bytes: parts.topics.dead_letter_bytes,
            fault: parts.fault,
            published: parts.published,
            observer: parts.observer,
            progress,
            slots: BTreeMap::new(),
            events: VecDeque::new(),
            membership: Membership { generation: -1, member_id: String::new(), is_lost: false },
            commit: None,
            giving: None,
            needs_producer: true,
            last_commit: now,
            first_alert: None,
            waiting_since: None,
            stop_until: None,
            fenced: None,
            last_publish: Duration::ZERO,
            turn: 0,
        }
    }

    /// Queues an event from outside the cluster.
    pub fn notify(&mut self, event: WorkerEvent) {
        self.events.push_back(event);
    }

    /// Does the next piece of work: at most one batch of each partition, or one call of a commit.
    ///
    /// # Errors
    /// [`WorkerError::RestartWorker`] or [`WorkerError::Exit`]; the worker is to be dropped.
    pub fn step(&mut self) -> Result<Pace, WorkerError> {
        match self.turn() {
            // The newer process of two with one name fences the producer first and the group
            // member a moment later: only the second says why. Ask before starting anew, or the
            // two would fence each other for ever.
            Err(WorkerError::RestartWorker { reason: reason @ RestartReason::Fenced(_) })
                if self.fenced.is_none() =>
            {
                let verdict = self.options.session_timeout.to_std().min(Duration::from_secs(9));
                self.fenced = Some((self.cluster.now() + verdict, reason));
                Ok(Pace::Continue)
            }
            Err(error) => {
                // What was committed since the last snapshot would not be counted otherwise.
                self.publish();
                Err(error)
            }
            pace => pace,
        }
    }

    fn turn(&mut self) -> Result<Pace, WorkerError> {
        let wait = if self.is_busy() { Duration::ZERO } else { IDLE };
        let Self { cluster, events, .. } = self;
        cluster.poll(wait, &mut |event| events.push_back(event));
        self.publish_when_due();
        if let Some((until, reason)) = self.fenced.clone() {
            return self.await_verdict(until, reason);
        }
        if self.needs_producer {
            return self.renew_producer();
        }
        if self.commit.as_ref().is_some_and(|commit| !commit.awaits_truth()) {
            self.advance_commit()?;
            return Ok(Pace::Continue);
        }
        if self.giving.is_none() {
            while let Some(event) = self.events.pop_front() {
                self.take(event)?;
                if self.giving.is_some() {
                    break;
                }
            }
        }
        if self.giving.is_some() {
            self.give()?;
            return Ok(Pace::Continue);
        }
        if self.commit.is_some() {
            self.end_in_time()?;
            self.replay_or_drop();
            return Ok(Pace::Continue);
        }
        if let Some(until) = self.stop_until {
            return self.stop(until);
        }
        self.advance_restores()?;
        self.start_restored()?;
        self.consume()?;
        if self.is_commit_due() {
            self.begin_commit();
        }
        Ok(Pace::Continue)
    }

    /// The only `match` over what comes from outside.
    fn take(&mut self, event: WorkerEvent) -> Result<(), WorkerError> {
        match event {
            WorkerEvent::Assigned(tasks) => self.on_assigned(&tasks),
            WorkerEvent::Revoked(tasks) => {
                self.on_revoked(tasks);
                Ok(())
            }
            WorkerEvent::ClientFailed(error) => Err(self.failed(Action::Poll, error)),
            WorkerEvent::Stop(limit) => {
                self.stop_until.get_or_insert(self.cluster.now() + limit);
                Ok(())
            }
        }
    }

    pub(super) fn failed(&self, action: Action, error: BrokerError) -> WorkerError {
        match recovery(action, error, &self.options.instance) {
            // Outside a transaction and a restore nothing repeats the call by itself.
            WorkerError::Retry { action, source } => WorkerError::RestartWorker {
                reason: RestartReason::Fatal { action, text: source.text },
            },
            other => other,
        }
    }

    fn await_verdict(
        &mut self,
        until: Duration,
        reason: RestartReason,
    ) -> Result<Pace, WorkerError> {
        for event in mem::take(&mut self.events) {
            if let WorkerEvent::ClientFailed(error) = event {
                return Err(self.failed(Action::Poll, error));
            }
        }
        if self.cluster.now() < until {
            return Ok(Pace::Continue);
        }
        Err(WorkerError::RestartWorker { reason })
    }

    /// While there is no producer, only what needs none is taken: failures and the wish to stop.
    fn renew_producer(&mut self) -> Result<Pace, WorkerError> {
        for event in mem::take(&mut self.events) {
            match event {
                WorkerEvent::ClientFailed(_) | WorkerEvent::Stop(_) => self.take(event)?,
                WorkerEvent::Assigned(_) | WorkerEvent::Revoked(_) => self.events.push_back(event),
            }
        }
        if let Some(until) = self.stop_until
            && (!self.has_progress() || self.cluster.now() > until)
        {
            return self.stop(until);
        }
        match self.cluster.renew_producer() {
            Ok(()) => {
                self.needs_producer = false;
                self.progress.has_producer = true;
            }
            Err(error) if error.kind == BrokerErrorKind::Retriable => {
                tracing::debug!(%error, "no transactional producer yet");
            }
            Err(error) => return Err(self.failed(Action::InitTransactions, error)),
        }
        Ok(Pace::Continue)
    }

    /// Whether something can be done without waiting.
    fn is_busy(&self) -> bool {
        self.turn > 0
            || self.commit.as_ref().is_some_and(|commit| !commit.awaits_truth())
            || self.giving.is_some()
            || self.is_reading_changelogs()
            || !self.events.is_empty()
            || self.needs_producer
    }

    fn is_reading_changelogs(&self) -> bool {
        self.slots
            .values()
            .any(|slot| matches!(slot, Slot::Restoring(task) if task.state.reading.is_some()))
    }

    // --- restore ---------------------------------------------------------------------------

    fn advance_restores(&mut self) -> Result<(), WorkerError> {
        let Self { cluster, slots, restore_options, .. } = self;
        let restoring = slots.values_mut().filter_map(|slot| match slot {
            Slot::Restoring(task) => Some(task),
            Slot::Running(_) | Slot::Closed(_) => None,
        });
        restore::read_offsets(cluster, restoring, restore_options)?;
        let ids: Vec<TaskId> = self.slots.keys().copied().collect();
        for id in ids {
            self.advance_restore(id)?;
        }
        Ok(())
    }

    fn advance_restore(&mut self, id: TaskId) -> Result<(), WorkerError> {
        let Some(Slot::Restoring(task)) = self.slots.get_mut(&id) else { return Ok(()) };
        let piece = restore::advance(
            &mut self.cluster,
            &*self.processors,
            &self.fault,
            task,
            &self.restore_options,
        )?;
        match piece {
            Piece::More => Ok(()),
            Piece::Rebuilt(reason) => {
                *self.progress.rebuilds.entry(reason).or_default() += 1;
                Ok(())
            }
            Piece::AtEnd => self.finish_restore(id),
        }
    }

    fn finish_restore(&mut self, id: TaskId) -> Result<(), WorkerError> {
        let Some(Slot::Restoring(task)) = self.slots.remove(&id) else { return Ok(()) };
        let (took, rows) = (self.cluster.now().saturating_sub(task.state.since), task.state.rows);
        let (guarantee, start_from) = (self.options.guarantee, self.options.start_from);
        let result =
            task.finish(|id, store| self.processors.open(id, store), guarantee, start_from);
        let slot = match result {
            Ok(task) => {
                self.observer.restored(id, took, rows);
                tracing::debug!(partition = id.partition.0, rows, ?took, "partition restored");
                Slot::Running(task)
            }
            Err(NotRestored::Behind(task)) => Slot::Restoring(task),
            Err(NotRestored::Contradiction(task)) => {
                self.cluster.close_changelog(id);
                log_stop(id, &task.state.problem);
                Slot::Closed(task)
            }
            Err(NotRestored::Unreadable(task, error)) => self.restore_again(task, &error)?,
        };
        self.slots.insert(id, slot);
        Ok(())
    }

    /// Rows that cannot be read are put aside and come back from the changelog; anything else that
    /// a store says needs a person.
    fn restore_again(
        &mut self,
        task: Task<Suspended>,
        error: &StoreError,
    ) -> Result<Slot<P>, WorkerError> {
        if !matches!(error, StoreError::Damaged(_)) {
            return Err(store_exit(error));
        }
        tracing::warn!(partition = task.id.partition.0, %error, "state damaged, restoring it");
        let mut task = task.restore(self.cluster.now());
        let reason = super::progress::RebuildReason::Corrupt;
        restore::rebuild(&mut self.cluster, &*self.processors, &mut task, reason)?;
        *self.progress.rebuilds.entry(reason).or_default() += 1;
        Ok(Slot::Restoring(task))
    }

    /// Step 6 of an assignment: seek and resume, as soon as the client can.
    fn start_restored(&mut self) -> Result<(), WorkerError> {
        let Self { cluster, slots, options, .. } = self;
        for slot in slots.values_mut() {
            let Slot::Running(task) = slot else { continue };
            let Some(start) = task.state.start else { continue };
            match cluster.start(task.id, start) {
                Ok(()) => task.state.start = None,
                Err(error) if error.kind == BrokerErrorKind::Retriable => {
                    tracing::debug!(%error, "partition starts later");
                }
                Err(error) => return Err(recovery(Action::Start, error, &options.instance)),
            }
        }
        Ok(())
    }

    // --- input -----------------------------------------------------------------------------

    /// One batch of each running partition, or fewer when a commit is due in between.
    fn consume(&mut self) -> Result<(), WorkerError> {
        self.turn = 0;
        let wall = self.cluster.wall();
        let options = Arc::clone(&self.options);
        let limits = Limits { options: &options, dead_letter_bytes: self.dead_letter_bytes };
        let ids: Vec<TaskId> = self.slots.keys().copied().collect();
        for id in ids {
            let Some(Slot::Running(task)) = self.slots.get_mut(&id) else { continue };
            if task.state.start.is_some() {
                continue;
            }
            let began = self.cluster.now();
            let result = take_batch(&mut self.cluster, task, &limits, wall);
            match result {
                Ok(0) => {}
                Ok(count) => {
                    self.observer.evaluated(count, self.cluster.now().saturating_sub(began));
                    self.turn += count;
                    self.waiting_since.get_or_insert(wall);
                    if !task.state.outcomes.alerts.is_empty() {
                        let now = self.cluster.now();
                        self.first_alert.get_or_insert(now);
                    }
                    if self.is_dirty_limit_reached() {
                        break;
                    }
                }
                Err(failure) => self.batch_failed(id, failure)?,
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

    // --- commit ----------------------------------------------------------------------------

    fn running(&self) -> impl Iterator<Item = &Task<Running<P::Processor>>> {
        self.slots.values().filter_map(|slot| match slot {
            Slot::Running(task) => Some(task),
            Slot::Restoring(_) | Slot::Closed(_) => None,
        })
    }

    pub(super) fn has_progress(&self) -> bool {
        self.running().any(Task::has_progress)
    }

    fn dirty_bytes(&self) -> usize {
        self.running().map(|task| task.state.processor.dirty_bytes()).sum()
    }

    fn is_dirty_limit_reached(&self) -> bool {
        self.dirty_bytes() > self.options.rhythm.max_dirty_bytes
    }

    fn is_commit_due(&self) -> bool {
        let Rhythm { commit_interval, urgent_commit, .. } = self.options.rhythm;
        let now = self.cluster.now();
        let is_urgent = self.first_alert.is_some_and(|first| now >= first + urgent_commit.to_std());
        let is_time = now >= self.last_commit + commit_interval.to_std();
        (is_urgent || is_time || self.is_dirty_limit_reached()) && self.has_progress()
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

    fn advance_commit(&mut self) -> Result<(), WorkerError> {
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
        self.last_commit = now;
        self.first_alert = None;
        self.waiting_since = None;
        self.needs_producer = commit.is_unclear;
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
    fn replay_or_drop(&mut self) {
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
    fn end_in_time(&self) -> Result<(), WorkerError> {
        match self.stop_until {
            Some(until) if self.cluster.now() > until => {
                Err(WorkerError::Exit { reason: ExitReason::StopLimit })
            }
            _ => Ok(()),
        }
    }

    // --- stop and snapshots ----------------------------------------------------------------

    fn stop(&mut self, until: Duration) -> Result<Pace, WorkerError> {
        if self.has_progress() {
            if self.cluster.now() > until {
                return Err(WorkerError::Exit { reason: ExitReason::StopLimit });
            }
            self.begin_commit();
            return Ok(Pace::Continue);
        }
        self.publish();
        Ok(Pace::Stopped)
    }

    fn publish_when_due(&mut self) {
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

fn log_stop(id: TaskId, problem: &StateProblem) {
    tracing::error!(partition = id.partition.0, %problem, "partition stopped");
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

/// Takes one batch into the task's processor.
fn take_batch<C: Cluster, P: Processor>(
    cluster: &mut C,
    task: &mut Task<Running<P>>,
    limits: &Limits<'_>,
    wall: WallTime,
) -> Result<usize, BatchError> {
    let mut failed = None;
    let id = task.id;
    let state = &mut task.state;
    let consumed = cluster.consume(id, limits.options.batch_records, &mut |record| {
        if failed.is_none() {
            failed = take_record(id, state, limits, wall, &record).err();
        }
    });
    // First: an engine whose store failed must not be used again, whatever the broker says.
    if let Some(error) = failed {
        return Err(BatchError::Store(error));
    }
    consumed.map_err(BatchError::Broker)
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
