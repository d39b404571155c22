//! What a worker needs from Kafka, and no more: the border at which a model broker can take its
//! place (testing.md, Simulation).
//!
//! No call blocks for long: each one answers, or fails with an error that says whether the same
//! call may succeed later. Time is part of the border, so that a simulation owns the clock.

use super::error::BrokerError;
use super::event::WorkerEvent;
use crate::units::{EndOffset, Offset, PartitionId, Position, RecordTime, WallTime};
use std::time::Duration;

/// Index of a source in [`super::Options::sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceIndex(pub usize);

/// One partition of one source: the unit of order, of state and of ownership.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId {
    /// Which input topic.
    pub source: SourceIndex,
    /// Which of its partitions.
    pub partition: PartitionId,
}

/// Kafka as one worker sees it: one group member, one transactional producer, one restore reader.
pub trait Cluster {
    /// Time since an arbitrary start; never goes back.
    fn now(&self) -> Duration;

    /// The wall clock; stamps outgoing records, and decides nothing but how soon a commit follows.
    fn wall(&self) -> WallTime;

    /// Takes events of the group and the clients, waiting up to `wait` for the first, or for a record
    /// of a running partition.
    fn poll(&mut self, wait: Duration, events: &mut dyn FnMut(WorkerEvent));

    /// Answers an assignment: the partitions belong to this worker and stay paused.
    ///
    /// # Errors
    /// The client refused; start the worker anew.
    fn accept_assignment(&mut self, tasks: &[TaskId]) -> Result<(), BrokerError>;

    /// Answers a revocation: the partitions are given away with this call.
    ///
    /// # Errors
    /// As [`Cluster::accept_assignment`].
    fn accept_revocation(&mut self, tasks: &[TaskId]) -> Result<(), BrokerError>;

    /// Generation and member id now, and whether the assignment is already lost.
    fn membership(&mut self) -> Membership;

    /// Takes up to `max` records of a running partition, in order, without waiting.
    ///
    /// # Errors
    /// The partition's log cannot be read from here.
    fn consume(
        &mut self,
        task: TaskId,
        max: usize,
        each: &mut dyn FnMut(InputRecord<'_>),
    ) -> Result<usize, BrokerError>;

    /// Lets a paused partition run from `start`.
    ///
    /// # Errors
    /// Retriable while the client is still starting the partition.
    fn start(&mut self, task: TaskId, start: Start) -> Result<(), BrokerError>;

    /// Stops fetching a partition that stays assigned.
    ///
    /// # Errors
    /// As [`Cluster::accept_assignment`].
    fn pause(&mut self, task: TaskId) -> Result<(), BrokerError>;

    /// The end of a partition as the last fetch saw it; `None` before the first.
    fn high_watermark(&self, task: TaskId) -> Option<EndOffset>;

    /// **Stable** committed offsets, in the order of `tasks`.
    ///
    /// # Errors
    /// Retriable while an offset commit is pending in a transaction: waiting for it is the fence
    /// (exactly-once.md §4).
    fn committed(&mut self, tasks: &[TaskId]) -> Result<Vec<Option<Position>>, BrokerError>;

    /// Where the next record of the input will be written, records of open transactions included.
    ///
    /// # Errors
    /// Retriable on time-outs.
    fn input_end(&mut self, task: TaskId) -> Result<Position, BrokerError>;

    /// What the changelog holds now, to its **read-uncommitted** end. `tombstones_after` asks for
    /// the first position whose record is not older than that.
    ///
    /// # Errors
    /// Retriable on time-outs.
    fn changelog_range(
        &mut self,
        task: TaskId,
        tombstones_after: Option<WallTime>,
    ) -> Result<ChangelogRange, BrokerError>;

    /// Begins to read a changelog partition, read committed.
    ///
    /// # Errors
    /// Retriable on time-outs.
    fn open_changelog(&mut self, task: TaskId, from: Position) -> Result<(), BrokerError>;

    /// Reads up to `max` rows and returns the position behind everything that was passed, markers
    /// of transactions and aborted records included.
    ///
    /// # Errors
    /// The changelog cannot be read.
    fn read_changelog(
        &mut self,
        task: TaskId,
        max: usize,
        each: &mut dyn FnMut(ChangelogRecord<'_>),
    ) -> Result<Position, BrokerError>;

    /// Ends reading a changelog partition.
    fn close_changelog(&mut self, task: TaskId);

    /// Makes a fresh transactional producer; an open transaction of its predecessor is aborted and
    /// the predecessor is fenced.
    ///
    /// # Errors
    /// Retriable while the coordinator is loading.
    fn renew_producer(&mut self) -> Result<(), BrokerError>;

    /// Opens a transaction.
    ///
    /// # Errors
    /// See the table in `error.rs`.
    fn begin(&mut self) -> Result<(), BrokerError>;

    /// Hands one record to the producer.
    ///
    /// # Errors
    /// Retriable when its queue is full: drain a little, then again.
    fn produce(&mut self, target: Target, record: &OutputRecord<'_>) -> Result<(), BrokerError>;

    /// Serves delivery reports for up to `wait`.
    ///
    /// # Errors
    /// A record of this transaction could not be delivered.
    fn drain(&mut self, wait: Duration) -> Result<Drained, BrokerError>;

    /// Adds the input positions to the transaction under the membership that was checked. The only
    /// call at which Kafka compares the group generation (KIP-447).
    ///
    /// # Errors
    /// See the table in `error.rs`.
    fn send_offsets(
        &mut self,
        offsets: &[(TaskId, Position)],
        membership: &Membership,
    ) -> Result<(), BrokerError>;

    /// Commits the transaction.
    ///
    /// # Errors
    /// See the table in `error.rs`.
    fn commit(&mut self) -> Result<(), BrokerError>;

    /// Aborts the transaction.
    ///
    /// # Errors
    /// See the table in `error.rs`.
    fn abort(&mut self) -> Result<(), BrokerError>;
}

/// Who the group thinks we are. Plain data, so that what was checked is what is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Generation of the group; negative before the first join.
    pub generation: i32,
    /// Id given by the coordinator; empty before the first join.
    pub member_id: String,
    /// The coordinator has already taken our partitions away.
    pub is_lost: bool,
}

/// Where a partition starts to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At a position.
    At(Position),
    /// At the oldest record.
    Beginning,
}

/// One input record, borrowed from the client.
#[derive(Clone, Copy)]
pub struct InputRecord<'a> {
    /// Its number.
    pub offset: Offset,
    /// Kafka's timestamp.
    pub time: Option<RecordTime>,
    /// Key as produced.
    pub key: Option<&'a [u8]>,
    /// Value; empty for a tombstone.
    pub value: &'a [u8],
    /// Headers, read only for a dead letter.
    pub headers: &'a dyn Headers,
}

/// Headers of a record, in its order.
pub trait Headers {
    /// Calls `each` with name and value.
    fn each(&self, each: &mut dyn FnMut(&str, Option<&[u8]>));
}

/// No headers.
pub struct NoHeaders;

impl Headers for NoHeaders {
    fn each(&self, _each: &mut dyn FnMut(&str, Option<&[u8]>)) {}
}

/// One row of a changelog.
#[derive(Debug, Clone, Copy)]
pub struct ChangelogRecord<'a> {
    /// Its number.
    pub offset: Offset,
    /// Key of the state row.
    pub key: &'a [u8],
    /// Full value, or `None` for a tombstone.
    pub value: Option<&'a [u8]>,
}

/// Extent of a changelog partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangelogRange {
    /// First position that Kafka still has.
    pub start: Position,
    /// End, records of open transactions included.
    pub end: EndOffset,
    /// First position whose record is young enough that no tombstone behind it is gone; `None`
    /// when it was not asked for.
    pub tombstones_kept_from: Option<Position>,
}

/// Which topic a record goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The task's changelog partition.
    Changelog(TaskId),
    /// The alerts topic, partition by key.
    Alerts,
    /// The dead-letter topic, partition by key.
    DeadLetters,
}

/// One outgoing record.
#[derive(Debug, Clone, Copy)]
pub struct OutputRecord<'a> {
    /// Key; a compacted topic refuses a record without one.
    pub key: Option<&'a [u8]>,
    /// Value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// Header names and values.
    pub headers: &'a [(String, Vec<u8>)],
    /// Stamped with the wall clock: event time would let retention delete a replay on arrival.
    pub time: WallTime,
}

/// What a drain came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drained {
    /// Records still without a report.
    InFlight(usize),
    /// All acknowledged; the position behind the highest changelog offset of each task.
    Complete(Vec<(TaskId, Position)>),
}
