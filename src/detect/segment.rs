//! A slice of one group's panes: 64 of a sliding window, one tumbling window.
//!
//! Panes are kept sparsely, in order, without those that saw nothing.

use super::shape::Shape;
use crate::rule::CollectHow;
use crate::units::EventTime;

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

/// Up to 64 panes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    /// First pane divided by the panes of a segment.
    pub(super) index: i64,
    /// Saturating sum of all panes: an upper bound for any window's share of this segment.
    pub(super) sum: u64,
    pub(super) panes: Vec<Pane>,
    /// For each pane one number for each `sum`, `min`, `max` of the rule.
    pub(super) columns: Vec<Option<u64>>,
    /// First and last contributing event; shown for a tumbling window, whose pane is too wide to.
    pub(super) seen: (EventTime, EventTime),
}

impl Segment {
    /// A segment that an event opens.
    pub(super) fn new(index: i64, time: EventTime) -> Self {
        Self { index, sum: 0, panes: Vec::new(), columns: Vec::new(), seen: (time, time) }
    }

    /// Memory in bytes.
    pub(super) fn byte_len(&self) -> usize {
        size_of::<Self>()
            + self.panes.capacity() * size_of::<Pane>()
            + self.columns.capacity() * size_of::<Option<u64>>()
    }

    /// Adds an event to the pane at `offset`; tells by how much the pane's sum rose. `columns` in
    /// the shape's order.
    pub(super) fn add(
        &mut self,
        shape: &Shape,
        (time, offset): (EventTime, u8),
        amount: u64,
        columns: &[Option<u64>],
    ) -> u64 {
        let width = shape.columns.len();
        let at = self.place(offset, width);
        let mut rose = 0;
        if let Some(pane) = self.panes.get_mut(at) {
            let sum = pane.sum.saturating_add(amount);
            rose = sum - pane.sum;
            pane.sum = sum;
            pane.count = pane.count.saturating_add(1);
        }
        self.sum = self.sum.saturating_add(amount);
        self.seen = (self.seen.0.min(time), self.seen.1.max(time));
        let cells = self.columns.iter_mut().skip(at * width);
        for ((cell, column), amount) in cells.zip(&shape.columns).zip(columns) {
            if let Some(amount) = *amount {
                *cell = Some(folded(column.how, *cell, amount));
            }
        }
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
        at
    }
}

/// Adds one amount to a collected number.
pub(super) fn folded(how: CollectHow, so_far: Option<u64>, amount: u64) -> u64 {
    let Some(so_far) = so_far else { return amount };
    match how {
        CollectHow::Min => so_far.min(amount),
        CollectHow::Max => so_far.max(amount),
        CollectHow::Sum | CollectHow::Sample(_) | CollectHow::Set(_) | CollectHow::Distinct => {
            so_far.saturating_add(amount)
        }
    }
}
