//! What a task runs: records in, outcomes and changed rows out.
//!
//! The worker knows no rule. Production implements these traits with decoder, engine and alert
//! writer (`processor.rs`); tests of the protocol with a few lines.

use super::cluster::TaskId;
use super::edition::RuleNumber;
use super::progress::Counts;
use crate::detect::{FindingKind, Origin};
use crate::event::Refusal;
use crate::rule::Level;
use crate::state::{Changes, MetaRow, Store, StoreError};
use crate::units::{EventTime, Position, RecordTime, WallTime};

/// One partition's logic over its store; a function of the input prefix and nothing else.
pub trait Processor {
    /// Applies one record.
    ///
    /// # Errors
    /// The store failed; nothing that follows may be committed.
    fn process(
        &mut self,
        record: &[u8],
        origin: &Origin,
        out: &mut Outcomes,
    ) -> Result<(), StoreError>;

    /// Adds what changed since the last commit, the meta row for `next_input` included. Clears
    /// nothing: an aborted burst is collected once and sent again.
    fn collect_changes(&mut self, next_input: Position, into: &mut Changes);

    /// Adds what was counted since the last call, beside what `process` counts itself.
    fn take_counts(&mut self, _into: &mut Counts) {}

    /// Kafka has committed `changes`: writes them to the store, then forgets that they are dirty.
    ///
    /// # Errors
    /// The store failed; the changelog has the rows.
    fn committed(
        &mut self,
        changes: &Changes,
        changelog: Option<Position>,
    ) -> Result<(), StoreError>;

    /// The meta row as last committed.
    fn meta(&self) -> Option<&MetaRow>;

    /// Event-time progress.
    fn watermark(&self) -> Option<EventTime>;

    /// Groups with live state.
    fn windows(&self) -> usize;

    /// Bytes changed since the last commit.
    fn dirty_bytes(&self) -> usize;
}

/// Makes processors and the stores under them; shared by the workers of a process.
pub trait Processors: Send + Sync + 'static {
    /// Where committed rows live.
    type Store: Store;
    /// What runs over them.
    type Processor: Processor;

    /// Opens or creates the store of a partition.
    ///
    /// # Errors
    /// Damaged, in use, newer, or the disk refuses.
    fn open_store(&self, task: TaskId) -> Result<Self::Store, StoreError>;

    /// Puts the store of a partition out of the way; the next open makes an empty one.
    ///
    /// # Errors
    /// The disk refuses.
    fn discard_store(&self, task: TaskId) -> Result<(), StoreError>;

    /// Opens the logic over a store that was just restored.
    ///
    /// # Errors
    /// Rows that cannot be read.
    fn open(&self, task: TaskId, store: Self::Store) -> Result<Self::Processor, StoreError>;

    /// Whether newer rules wait for this processor.
    fn is_stale(&self, _processor: &Self::Processor) -> bool {
        false
    }

    /// Opens the logic anew, with the newest rules, over the store of a processor that has nothing
    /// to commit.
    ///
    /// # Errors
    /// Rows that cannot be read.
    fn renew(
        &self,
        _task: TaskId,
        processor: Self::Processor,
    ) -> Result<Self::Processor, StoreError> {
        Ok(processor)
    }
}

/// What records led to since the last commit.
#[derive(Debug, Default)]
pub struct Outcomes {
    /// Alerts in the order in which they arose.
    pub alerts: Vec<PendingAlert>,
    /// Entries of the current record that cannot be read; the worker takes them after each record.
    pub refused: Vec<Refusal>,
    /// What became of events.
    pub counts: Counts,
}

/// An alert that waits for its transaction.
#[derive(Debug, Clone)]
pub struct PendingAlert {
    /// Key, value and headers as they will be produced.
    pub record: OwnedRecord,
    /// For counting.
    pub rule: RuleNumber,
    /// For counting.
    pub level: Level,
    /// For counting.
    pub kind: FindingKind,
    /// Event time of the trigger.
    pub event_time: EventTime,
    /// Kafka's timestamp of the record that made it: the trigger's, or the one that closed its window.
    pub record_time: Option<RecordTime>,
}

/// An outgoing record that owns its bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnedRecord {
    /// Key.
    pub key: Option<Vec<u8>>,
    /// Value.
    pub value: Option<Vec<u8>>,
    /// Headers in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Timestamp.
    pub time: Option<WallTime>,
}
