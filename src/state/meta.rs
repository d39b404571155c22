//! The meta row: what a committed prefix of the input has led to (exactly-once.md §2 step 3).

use crate::units::{EventTime, Position};

/// One row of each partition, written in every transaction that touches the partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetaRow {
    /// Next input record to read; must equal the committed offset (invariant X4).
    pub next_input: Position,
    /// Watermark of the partition; `None` before the first event.
    pub watermark: Option<EventTime>,
    /// State ids of the rules that were loaded.
    pub rules: Vec<u64>,
    /// Number of this commit, from 1.
    pub sequence: u64,
    /// `app.instance` that wrote it.
    pub instance: String,
}
