//! What the engine says about one event.

use crate::event::EventId;
use crate::rule::{Level, RuleIndex};
use crate::units::{EventTime, Offset, PartitionId, RecordTime, Span, WallTime};

/// What became of an event; each event has exactly one outcome (operations.md §1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// At least one rule matched and counted it.
    Matched,
    /// No rule wants it.
    Ignored,
    /// Behind the allowed lateness: aggregations leave it out.
    Late,
    /// Seen before: no effect at all.
    Duplicate,
}

/// Where and when a record was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// Number of the partition; 0 in a scan.
    pub partition: PartitionId,
    /// The record's offset; in a scan a running number.
    pub offset: Offset,
    /// Kafka's timestamp or the file's delivery stamp; `None` = no clamp for the future.
    pub record_time: Option<RecordTime>,
    /// Our clock, read once for a batch; stamps findings, decides nothing.
    pub wall: WallTime,
}

/// Create or Escalate (semantics.md §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    /// A crossing opened an episode.
    Create,
    /// The episode reached a higher tier than it had reported.
    Escalate,
}

/// One finding, ready to be written as an alert.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Which rule.
    pub rule: RuleIndex,
    /// Create or Escalate.
    pub kind: FindingKind,
    /// 1 for Create, then one more for each record of the finding.
    pub sequence: u32,
    /// Severity now.
    pub level: Level,
    /// Severity reported before; for an Escalate.
    pub previous_level: Option<Level>,
    /// What made it one step more severe than its tier.
    pub raised: Option<Raised>,
    /// Opening time o of the episode.
    pub opened: EventTime,
    /// When Create was stamped; equal in all later records of the finding.
    pub created: WallTime,
    /// When this record was stamped.
    pub wall: WallTime,
    /// Group key: field names and values as text, `None` = absent.
    pub group: Vec<(String, Option<String>)>,
    /// Dedup key, the same shape; part of the finding's identity, in rule order.
    pub dedup_key: Vec<(String, Option<String>)>,
    /// P = 0: the trigger's id joins the finding's identity (alerts.md §3).
    pub per_event: bool,
    /// Amount of the window that crossed: the sum or the count. 1 for a stateless rule.
    pub amount: u64,
    /// Events in that window.
    pub count: u64,
    /// The tier's least amount; `None` for a stateless rule.
    pub threshold: Option<u64>,
    /// The window that crossed; `None` for a stateless rule.
    pub window: Option<WindowSpan>,
    /// First and last contributing event of the window that crossed.
    pub first_seen: EventTime,
    /// See `first_seen`.
    pub last_seen: EventTime,
    /// Collected values by name, in rule order.
    pub collected: Vec<(String, Collected)>,
    /// Contributing events, first ten and last ten in arrival order, oldest arrival first.
    pub events: Vec<EventRef>,
    /// The trigger was late (only stateless rules).
    pub late: bool,
    /// Where the trigger was read.
    pub origin: Origin,
    /// Identity of the trigger.
    pub trigger_id: EventId,
    /// The trigger's own JSON text.
    pub trigger: Box<[u8]>,
}

/// A severity that context has raised (semantics.md §6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raised {
    /// The level of the rule or of the tier.
    pub from: Level,
    /// The list that holds the bucket.
    pub list: String,
}

impl Finding {
    /// The level of the rule or of the tier that was reached, whatever the context made of it.
    #[must_use]
    pub fn tier_level(&self) -> Level {
        self.raised.as_ref().map_or(self.level, |raised| raised.from)
    }
}

/// The window behind a crossing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowSpan {
    /// Its kind.
    pub kind: crate::rule::WindowKind,
    /// W.
    pub span: Span,
    /// Sliding: exclusive start t − W. Tumbling: inclusive start kW.
    pub start: EventTime,
    /// Sliding: inclusive end t. Tumbling: exclusive end.
    pub end: EventTime,
}

/// One collected value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Collected {
    /// `sample` and `set`: distinct values as text in arrival order.
    Values(Vec<String>),
    /// `sum`, `min`, `max`; `None` when no event had a readable amount.
    Amount(Option<u64>),
}

/// A contributing event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRef {
    /// Its identity as written.
    pub id: EventId,
    /// Its effective time.
    pub time: EventTime,
}
