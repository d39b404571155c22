//! One worker: a group member, a transactional producer and the tasks of its partitions.
//!
//! Owns the order of things and nothing else: events are taken at batch boundaries, a commit runs
//! through before the next batch, restores advance between batches. What each of them does stands
//! beside it: `rebalance.rs`, `renewal.rs`, `intake.rs`, `burst.rs`, `snapshot.rs`. One loop around [`Worker::step`],
//! one `match` over events; no callback does work. Each step makes few calls to the [`Cluster`],
//! so that a simulation can stop the world between any two of them.

use super::cluster::{Cluster, Membership, TaskId};
use super::commit::Commit;
use super::error::{
    Action, BrokerError, BrokerErrorKind, ExitReason, RestartReason, StateProblem, WorkerError,
    recovery, store_exit,
};
use super::event::WorkerEvent;
use super::fault::Fault;
use super::options::Options;
use super::preflight::Checked;
use super::processing::Processors;
use super::progress::{Observer, Progress, Published};
use super::rebalance::Giving;
use super::restore::{self, Piece, RestoreOptions};
use super::rhythm::Cadence;
use super::task::{Closed, NotRestored, Restoring, Running, Suspended, Task};
use crate::state::StoreError;
use crate::units::WallTime;
use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::sync::Arc;
use std::time::Duration;

/// How long an idle worker waits at most: records and events of the group wake it, a wish to stop
/// does not.
const IDLE: Duration = Duration::from_millis(50);
/// The same while something is retried by time.
const RETRYING: Duration = Duration::from_millis(10);
/// How long the input topic may be unknown to some broker: metadata travels, and a topic that is
/// made anew is gone for a moment.
const MISSING: Duration = Duration::from_mins(1);

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
    pub(super) processors: Arc<P>,
    pub(super) options: Arc<Options>,
    pub(super) dead_letter_bytes: usize,
    pub(super) restore_options: RestoreOptions,
    pub(super) fault: F,
    pub(super) published: Published,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) progress: Progress,
    pub(super) slots: BTreeMap<TaskId, Slot<P>>,
    pub(super) events: VecDeque<WorkerEvent>,
    pub(super) membership: Membership,
    pub(super) commit: Option<Commit>,
    pub(super) giving: Option<Giving>,
    pub(super) needs_producer: bool,
    pub(super) cadence: Cadence,
    pub(super) waiting_since: Option<WallTime>,
    pub(super) stop_until: Option<Duration>,
    pub(super) fenced: Option<(Duration, RestartReason)>,
    pub(super) last_publish: Duration,
    pub(super) turn: usize,
    pub(super) last_served: Option<TaskId>,
    /// The input topic is unknown; given up at that time unless partitions or records come.
    pub(super) missing: Option<(Duration, BrokerError)>,
}

impl<C: Cluster, P: Processors, F: Fault> Worker<C, P, F> {
    /// A worker that has joined through `cluster` and owns nothing yet.
    pub fn new(cluster: C, parts: Parts<P, F>) -> Self {
        let now = cluster.now();
        let cadence = Cadence::new(parts.options.rhythm, now);
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
            cadence,
            waiting_since: None,
            stop_until: None,
            fenced: None,
            last_publish: Duration::ZERO,
            turn: 0,
            last_served: None,
            missing: None,
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
        let wait = self.idle_time();
        let Self { cluster, events, .. } = self;
        cluster.poll(wait, &mut |event| events.push_back(event));
        self.publish_when_due();
        if let Some((until, reason)) = self.fenced.clone() {
            return self.await_verdict(until, reason);
        }
        if let Some((until, error)) = &self.missing
            && self.cluster.now() > *until
        {
            return Err(self.failed(Action::Poll, error.clone()));
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
        if self.renew()? {
            return Ok(Pace::Continue);
        }
        self.consume()?;
        if self.is_commit_due() {
            self.begin_commit();
        }
        Ok(Pace::Continue)
    }

    /// The only `match` over what comes from outside.
    fn take(&mut self, event: WorkerEvent) -> Result<(), WorkerError> {
        match event {
            WorkerEvent::Assigned(tasks) => {
                self.missing = None;
                self.on_assigned(&tasks)
            }
            WorkerEvent::Revoked(tasks) => {
                self.on_revoked(tasks);
                Ok(())
            }
            WorkerEvent::ClientFailed(error) if error.kind == BrokerErrorKind::UnknownTopic => {
                tracing::warn!(%error, "an input topic is not there, waiting for it");
                let until = self.cluster.now() + MISSING;
                self.missing.get_or_insert((until, error));
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

    /// How long nothing has to be done, as far as is known now.
    fn idle_time(&self) -> Duration {
        if self.is_busy() {
            return Duration::ZERO;
        }
        let is_running = |slot: &Slot<P>| match slot {
            Slot::Running(task) => task.state.start.is_none(),
            Slot::Restoring(_) => false,
            Slot::Closed(_) => true,
        };
        if self.commit.is_some() || self.fenced.is_some() || !self.slots.values().all(is_running) {
            return RETRYING;
        }
        if self.has_progress() {
            return self.cadence.until_due(self.cluster.now()).min(IDLE);
        }
        IDLE
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
        let guarantee = self.options.guarantee;
        let result = task.finish(|id, store| self.processors.open(id, store), guarantee);
        let slot = match result {
            Ok(task) => {
                self.observer.restored(id, took, rows);
                tracing::debug!(partition = id.partition.0, rows, ?took, "partition restored");
                Slot::Running(task)
            }
            Err(NotRestored::Behind(task)) => Slot::Restoring(*task),
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
    pub(super) fn restore_again(
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

    // --- stop ------------------------------------------------------------------------------

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
}

pub(super) fn log_stop(id: TaskId, problem: &StateProblem) {
    tracing::error!(partition = id.partition.0, %problem, "partition stopped");
}
