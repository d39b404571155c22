//! What a worker tells the outside: counts of committed work and gauges, as a snapshot that is
//! swapped in after each batch and commit. Readers never make a worker wait.

use super::cluster::TaskId;
use super::edition::RuleNumber;
use super::processing::PendingAlert;
use crate::detect::FindingKind;
use crate::event::{RefusalReason, Skip};
use crate::rule::Level;
use crate::units::{EndOffset, EventTime, Position, WallTime};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What became of records and events. Counted when their transaction commits, so that a replay or
/// a restart counts nothing twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Kafka records.
    pub records: u64,
    /// Their value bytes.
    pub record_bytes: u64,
    /// Events that at least one rule counted.
    pub matched: u64,
    /// Events that no rule wants.
    pub ignored: u64,
    /// Events behind the allowed lateness.
    pub late: u64,
    /// Events seen before.
    pub duplicate: u64,
    /// Entries that could not be read.
    pub malformed: u64,
    /// Events ahead of the allowed skew.
    pub future: u64,
    /// Amounts that are no number.
    pub bad_amount: u64,
    /// Events with a policy that cannot be read.
    pub bad_policy: u64,
    /// Groups whose state expired.
    pub expired_groups: u64,
    /// Entries recognised and left aside.
    pub skipped: BTreeMap<Skip, u64>,
    /// Dead letters by reason; also counted when no dead-letter topic is set.
    pub refused: BTreeMap<RefusalReason, u64>,
    /// Matches by rule.
    pub rule_matches: BTreeMap<RuleNumber, u64>,
    /// Crossings without a record, by rule.
    pub suppressed: BTreeMap<RuleNumber, u64>,
    /// Alerts.
    pub alerts: BTreeMap<(RuleNumber, Level, FindingKind), u64>,
}

impl Counts {
    /// Adds `other` to `self`.
    pub fn add(&mut self, other: &Counts) {
        self.records += other.records;
        self.record_bytes += other.record_bytes;
        self.matched += other.matched;
        self.ignored += other.ignored;
        self.late += other.late;
        self.duplicate += other.duplicate;
        self.malformed += other.malformed;
        self.future += other.future;
        self.bad_amount += other.bad_amount;
        self.bad_policy += other.bad_policy;
        self.expired_groups += other.expired_groups;
        add_all(&mut self.skipped, &other.skipped);
        add_all(&mut self.refused, &other.refused);
        add_all(&mut self.rule_matches, &other.rule_matches);
        add_all(&mut self.suppressed, &other.suppressed);
        add_all(&mut self.alerts, &other.alerts);
    }

    /// Events, whatever became of them.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.matched + self.ignored + self.late + self.duplicate + self.malformed
    }
}

fn add_all<K: Ord + Copy>(into: &mut BTreeMap<K, u64>, from: &BTreeMap<K, u64>) {
    for (key, count) in from {
        *into.entry(*key).or_default() += count;
    }
}

/// Transactions and what they carried.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TransactionCounts {
    /// Committed.
    pub committed: u64,
    /// Aborted and replayed, or dropped because their partitions were lost.
    pub aborted: u64,
    /// Changelog records committed.
    pub changelog_records: u64,
    /// Their key and value bytes.
    pub changelog_bytes: u64,
    /// Dead letters committed.
    pub dead_letters: u64,
}

/// Events of the group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RebalanceCounts {
    /// Assignments answered, empty ones included.
    pub assigned: u64,
    /// Revocations answered in time.
    pub revoked: u64,
    /// Assignments lost.
    pub lost: u64,
}

/// Why partitions were restored from the start of their changelog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RebuildReason {
    /// No state on disk.
    Absent,
    /// Older than the changelog's oldest record, or than its tombstones are kept.
    TooOld,
    /// Damaged, or of a format that is not read any more.
    Corrupt,
    /// Ahead of the changelog: the topic was created anew.
    Ahead,
}

/// Everything a worker publishes.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// Committed work since the process started; survives restarts of the worker.
    pub counts: Counts,
    /// The same by partition, without alerts; partitions that were given away stay.
    pub by_task: BTreeMap<TaskId, Counts>,
    /// Its transactions.
    pub transactions: TransactionCounts,
    /// Its rebalances.
    pub rebalances: RebalanceCounts,
    /// Partitions restored from the start.
    pub rebuilds: BTreeMap<RebuildReason, u64>,
    /// Cold starts by label.
    pub restarts: BTreeMap<&'static str, u64>,
    /// One assignment was answered.
    pub has_joined: bool,
    /// A transactional producer is ready.
    pub has_producer: bool,
    /// What the worker does with each of its partitions.
    pub partitions: BTreeMap<TaskId, PartitionProgress>,
    /// Bytes changed since the last commit.
    pub dirty_bytes: usize,
    /// When the loop last turned, by the wall clock; `/livez` compares.
    pub ticked: Option<WallTime>,
    /// When a commit last succeeded.
    pub last_commit: Option<WallTime>,
    /// When the oldest uncommitted progress arose; `None` when all is committed.
    pub waiting_since: Option<WallTime>,
    /// Milliseconds of the last transaction, begin to answer.
    pub last_transaction_ms: u64,
}

/// One partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionProgress {
    /// What is going on.
    pub state: PartitionState,
    /// Event-time progress.
    pub watermark: Option<EventTime>,
    /// Next record to read.
    pub next_input: Option<Position>,
    /// The same as last committed.
    pub committed: Option<Position>,
    /// End of the input as the last fetch saw it.
    pub end: Option<EndOffset>,
    /// Groups with live state.
    pub windows: usize,
}

impl PartitionProgress {
    /// Records between our position and the end; `None` while unknown.
    #[must_use]
    pub fn lag_records(&self) -> Option<u64> {
        let behind = self.end?.0.saturating_sub(self.next_input?.0);
        Some(u64::try_from(behind).unwrap_or(0))
    }
}

/// The state of a partition for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartitionState {
    /// Its changelog is being read; `remaining` offsets, `None` before the end is known.
    Restoring {
        /// Offsets left, markers included.
        remaining: Option<u64>,
    },
    /// Records are processed.
    Running,
    /// Stopped by a problem that a person must solve.
    Stopped {
        /// The problem.
        problem: String,
    },
}

/// Where a worker puts its snapshots and others read them.
#[derive(Debug, Clone, Default)]
pub struct Published {
    current: Arc<Mutex<Arc<Progress>>>,
}

impl Published {
    /// The newest snapshot.
    #[must_use]
    pub fn read(&self) -> Arc<Progress> {
        Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces it; the lock is held for one pointer.
    pub fn write(&self, progress: Progress) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(progress);
    }
}

/// Hears of single batches, transactions and restores, for histograms; called on the worker's
/// thread.
pub trait Observer: Send + Sync {
    /// A batch of `records` went through a processor.
    fn evaluated(&self, _records: usize, _took: Duration) {}

    /// Kafka has committed.
    fn committed(&self, _report: &CommitReport<'_>) {}

    /// The stores hold what was committed; `took` is the time since the transaction began.
    fn stored(&self, _took: Duration) {}

    /// A partition is restored.
    fn restored(&self, _task: TaskId, _took: Duration, _rows: u64) {}
}

/// Nobody listens.
impl Observer for () {}

/// One committed transaction.
#[derive(Debug)]
pub struct CommitReport<'a> {
    /// The wall clock at the broker's answer.
    pub wall: WallTime,
    /// Begin of the transaction until then.
    pub took: Duration,
    /// Its alerts.
    pub alerts: &'a [&'a PendingAlert],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_is_unknown_until_both_sides_are_known_and_never_negative() {
        let mut partition = PartitionProgress {
            state: PartitionState::Running,
            watermark: None,
            next_input: Some(Position(10)),
            committed: None,
            end: None,
            windows: 0,
        };
        assert_eq!(partition.lag_records(), None);

        partition.end = Some(EndOffset(25));
        assert_eq!(partition.lag_records(), Some(15));

        partition.end = Some(EndOffset(5));
        assert_eq!(partition.lag_records(), Some(0));
    }
}
