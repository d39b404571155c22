//! [`Cluster`] over the real clients: delegation, and names of topics into task ids.

use super::context::Announced;
use super::input::Input;
use super::output::Output;
use super::restore::Restore;
use crate::stream::cluster::{
    ChangelogRange, ChangelogRecord, Cluster, Drained, InputRecord, Membership, OutputRecord,
    SourceIndex, Start, Target, TaskId,
};
use crate::stream::error::BrokerError;
use crate::stream::event::WorkerEvent;
use crate::stream::options::Options;
use crate::units::{EndOffset, PartitionId, Position, WallTime};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The clients of one worker.
pub struct RealCluster {
    options: Arc<Options>,
    worker: usize,
    started: Instant,
    output: Option<Output>,
    restore: Option<Restore>,
    // Last: leaving the group may take a moment, and everything else must be closed by then.
    input: Input,
}

impl RealCluster {
    /// Joins the group as worker `worker` of this process; the producer is made by
    /// [`Cluster::renew_producer`].
    ///
    /// # Errors
    /// A property that the client refuses.
    pub fn join(options: Arc<Options>, worker: usize) -> Result<Self, BrokerError> {
        let input = Input::join(&options, worker)?;
        Ok(Self { options, worker, started: Instant::now(), output: None, restore: None, input })
    }

    fn tasks(&self, partitions: Vec<(String, i32)>) -> Vec<TaskId> {
        let source = |topic: &str| {
            self.options.sources.iter().position(|source| source.topic == topic).map(SourceIndex)
        };
        partitions
            .into_iter()
            .filter_map(|(topic, partition)| {
                let source = source(&topic)?;
                Some(TaskId { source, partition: PartitionId(partition) })
            })
            .collect()
    }

    fn restore(&mut self) -> Result<&mut Restore, BrokerError> {
        if self.restore.is_none() {
            self.restore = Some(Restore::new(&self.options)?);
        }
        self.restore.as_mut().ok_or_else(no_producer)
    }

    fn output(&mut self) -> Result<&mut Output, BrokerError> {
        self.output.as_mut().ok_or_else(no_producer)
    }
}

impl Cluster for RealCluster {
    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn wall(&self) -> WallTime {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        WallTime::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn poll(&mut self, wait: Duration, events: &mut dyn FnMut(WorkerEvent)) {
        if !wait.is_zero() {
            self.input.wait(wait);
        }
        let (announced, failed) = self.input.poll();
        for event in announced {
            events(match event {
                Announced::Assigned(partitions) => WorkerEvent::Assigned(self.tasks(partitions)),
                Announced::Revoked(partitions) => WorkerEvent::Revoked(self.tasks(partitions)),
                Announced::Failed(error) => WorkerEvent::ClientFailed(error),
            });
        }
        if let Some(error) = failed {
            events(WorkerEvent::ClientFailed(error));
        }
    }

    fn accept_assignment(&mut self, tasks: &[TaskId]) -> Result<(), BrokerError> {
        self.input.assign(tasks, &self.options)
    }

    fn accept_revocation(&mut self, tasks: &[TaskId]) -> Result<(), BrokerError> {
        self.input.unassign(tasks, &self.options)
    }

    fn membership(&mut self) -> Membership {
        self.input.membership()
    }

    fn consume(
        &mut self,
        task: TaskId,
        max: usize,
        each: &mut dyn FnMut(InputRecord<'_>),
    ) -> Result<usize, BrokerError> {
        self.input.consume(task, max, each)
    }

    fn start(&mut self, task: TaskId, start: Start) -> Result<(), BrokerError> {
        self.input.start(task, start, &self.options)
    }

    fn pause(&mut self, task: TaskId) -> Result<(), BrokerError> {
        self.input.pause(task, &self.options)
    }

    fn high_watermark(&self, task: TaskId) -> Option<EndOffset> {
        self.input.high_watermark(task)
    }

    fn committed(&mut self, tasks: &[TaskId]) -> Result<Vec<Option<Position>>, BrokerError> {
        self.input.committed(tasks, &self.options)
    }

    fn input_end(&mut self, task: TaskId) -> Result<Position, BrokerError> {
        let options = Arc::clone(&self.options);
        self.restore()?.input_end(task, &options)
    }

    fn changelog_range(
        &mut self,
        task: TaskId,
        tombstones_after: Option<WallTime>,
    ) -> Result<ChangelogRange, BrokerError> {
        let options = Arc::clone(&self.options);
        self.restore()?.range(task, tombstones_after, &options)
    }

    fn open_changelog(&mut self, task: TaskId, from: Position) -> Result<(), BrokerError> {
        let options = Arc::clone(&self.options);
        self.restore()?.open(task, from, &options)
    }

    fn read_changelog(
        &mut self,
        task: TaskId,
        max: usize,
        each: &mut dyn FnMut(ChangelogRecord<'_>),
    ) -> Result<Position, BrokerError> {
        self.restore()?.read(task, max, each)
    }

    fn close_changelog(&mut self, task: TaskId) {
        if let Some(restore) = &mut self.restore {
            restore.close(task, &self.options);
            if restore.is_idle() {
                self.restore = None;
            }
        }
    }

    fn renew_producer(&mut self) -> Result<(), BrokerError> {
        // Closed first: two producers of one transactional id would fence each other.
        self.output = None;
        let output = Output::new(&self.options, self.worker)?;
        output.init()?;
        self.output = Some(output);
        Ok(())
    }

    fn begin(&mut self) -> Result<(), BrokerError> {
        self.output()?.begin()
    }

    fn produce(&mut self, target: Target, record: &OutputRecord<'_>) -> Result<(), BrokerError> {
        let options = Arc::clone(&self.options);
        self.output()?.produce(target, record, &options)
    }

    fn drain(&mut self, wait: Duration) -> Result<Drained, BrokerError> {
        self.output()?.drain(wait)
    }

    fn send_offsets(
        &mut self,
        offsets: &[(TaskId, Position)],
        membership: &Membership,
    ) -> Result<(), BrokerError> {
        let (options, worker) = (Arc::clone(&self.options), self.worker);
        self.output()?.send_offsets(offsets, membership, &options, worker)
    }

    fn commit(&mut self) -> Result<(), BrokerError> {
        self.output()?.commit()
    }

    fn abort(&mut self) -> Result<(), BrokerError> {
        self.output()?.abort()
    }
}

fn no_producer() -> BrokerError {
    BrokerError {
        kind: crate::stream::error::BrokerErrorKind::Unclear,
        code: "State".to_owned(),
        text: "no transactional producer".to_owned(),
    }
}
