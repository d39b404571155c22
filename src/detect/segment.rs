//! A slice of one group's panes: what one row holds and one commit writes (exactly-once.md §6).
//!
//! Panes are kept sparsely, in order, without those that saw nothing. A segment is dirty until the
//! commit that writes it.

use super::evidence::{Evidence, Sighting};
use super::shape::{Shape, is_column};
use crate::event::{Amount, Event};
use crate::rule::CollectHow;
use crate::units::EventTime;

/// Counts an engine's commits, so that a commit need not visit what it has written. A segment
/// differs from the store while it was changed in the commit that is being gathered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Commit(u64);

impl Commit {
    /// The one after this; the first that is gathered follows the default.
    pub(super) const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Partial sums of one group over one pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pane {
    /// Events.
    pub(super) count: u32,
    /// Place in the segment.
    pub(super) offset: u8,
    /// Saturating sum of the measure; for a count the same as `count`.
    pub(super) sum: u64,
}

/// Up to 64 panes and what is shown of them.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    /// First pane divided by the panes of a segment.
    pub(super) index: i64,
    /// Saturating sum of all panes: an upper bound for any window's share of this segment.
    pub(super) sum: u64,
    pub(super) panes: Vec<Pane>,
    /// For each pane one number for each `sum`, `min`, `max` of the rule.
    pub(super) columns: Vec<Option<u64>>,
    pub(super) evidence: Evidence,
    /// First and last contributing event; shown for a tumbling window, whose pane is too wide to.
    pub(super) seen: (EventTime, EventTime),
    /// The commit that writes its last change; before the first one for what the store held.
    pub(super) changed_in: Commit,
    /// The commit that writes it first; its row is in the store from the next one on.
    opened_in: Commit,
    bytes: u32,
}

const OWN_BYTES: usize = size_of::<Segment>() + 32;

impl Segment {
    /// A segment that an event opens.
    pub(super) fn new(index: i64, time: EventTime, commit: Commit) -> Self {
        Self {
            opened_in: commit,
            ..Self::restored(index, (time, time), Vec::new(), Vec::new(), Evidence::default())
        }
    }

    /// A segment that the store holds.
    pub(super) fn restored(
        index: i64,
        seen: (EventTime, EventTime),
        panes: Vec<Pane>,
        columns: Vec<Option<u64>>,
        evidence: Evidence,
    ) -> Self {
        let bytes = OWN_BYTES
            + panes.len() * size_of::<Pane>()
            + columns.len() * size_of::<Option<u64>>()
            + evidence.byte_len();
        Self {
            index,
            sum: panes.iter().fold(0, |sum, pane| sum.saturating_add(pane.sum)),
            panes,
            columns,
            evidence,
            seen,
            changed_in: Commit::default(),
            opened_in: Commit::default(),
            bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
        }
    }

    /// Whether the store holds a row of it while `commit` is gathered.
    pub(super) fn was_stored(&self, commit: Commit) -> bool {
        self.opened_in < commit
    }

    /// Memory in bytes.
    pub(super) fn byte_len(&self) -> usize {
        self.bytes as usize
    }

    /// Adds an event to the pane at `offset`; tells by how much the pane's sum rose.
    pub(super) fn add(
        &mut self,
        shape: &Shape,
        sighting: Sighting<'_, '_>,
        (offset, amount): (u8, u64),
        arrival: u64,
    ) -> u64 {
        let columns = shape.columns();
        let at = self.place(offset, columns);
        let mut rose = 0;
        if let Some(pane) = self.panes.get_mut(at) {
            let sum = pane.sum.saturating_add(amount);
            rose = sum - pane.sum;
            pane.sum = sum;
            pane.count = pane.count.saturating_add(1);
        }
        self.sum = self.sum.saturating_add(amount);
        self.seen = (self.seen.0.min(sighting.time), self.seen.1.max(sighting.time));
        if columns > 0 {
            self.add_to_columns(shape, sighting.event, at * columns);
        }
        let place = (shape.start_of(self.index), offset);
        let grown = self.evidence.note(shape, sighting, place, arrival);
        self.grow(grown);
        rose
    }

    /// The pane at `offset`, opened when there is none.
    fn place(&mut self, offset: u8, columns: usize) -> usize {
        let at = match self.panes.last() {
            Some(last) if last.offset == offset => return self.panes.len() - 1,
            Some(last) if last.offset < offset => self.panes.len(),
            Some(_) => match self.panes.binary_search_by_key(&offset, |pane| pane.offset) {
                Ok(at) => return at,
                Err(at) => at,
            },
            None => {
                self.panes.reserve_exact(1);
                0
            }
        };
        self.panes.insert(at, Pane { count: 0, offset, sum: 0 });
        if columns > 0 {
            let at = at * columns;
            self.columns.splice(at..at, std::iter::repeat_n(None, columns));
        }
        self.grow(size_of::<Pane>() + columns * size_of::<Option<u64>>());
        at
    }

    fn add_to_columns(&mut self, shape: &Shape, event: &Event<'_>, from: usize) {
        let numbers = shape.collect.iter().filter(|collect| is_column(collect.how));
        for (column, collect) in self.columns.iter_mut().skip(from).zip(numbers) {
            if let Amount::Of(amount) = event.value(collect.field).as_amount() {
                *column = Some(folded(collect.how, *column, amount));
            }
        }
    }

    fn grow(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
    }
}

/// Adds one amount to a collected number.
pub(super) fn folded(how: CollectHow, so_far: Option<u64>, amount: u64) -> u64 {
    let Some(so_far) = so_far else { return amount };
    match how {
        CollectHow::Min => so_far.min(amount),
        CollectHow::Max => so_far.max(amount),
        CollectHow::Sum | CollectHow::Sample(_) | CollectHow::Set(_) => {
            so_far.saturating_add(amount)
        }
    }
}
