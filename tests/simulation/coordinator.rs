//! Transactions as their coordinator sees them, one transactional id for each worker.
//!
//! ```text
//!              first partition or offsets          end                markers written
//!  Empty ────────────────────────────────▶ Ongoing ───▶ Ending(commit) ─────────────▶ Ended(commit)
//!    ▲                                       │ time-out, or a new producer: epoch + 1     │
//!    │                                       └────────▶ Ending(abort) ──────────────────┐ │
//!    └──────────────────────────────── a new producer: epoch + 1 ◀───────────────────────┴─┘
//! ```
//!
//! As weak as brokers before KIP-890: an end that comes late ends whatever is open under its epoch,
//! and a record that comes behind its transaction's end opens another one.

use std::collections::BTreeSet;

/// Where a transaction has written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Changelog(i32),
    Alerts,
    /// The group's committed offsets.
    Offsets,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Empty,
    Ongoing,
    Ending { is_commit: bool },
    Ended { is_commit: bool },
}

/// What the coordinator answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Done,
    /// The last transaction is still being ended.
    Concurrent,
    Fenced,
    InvalidState,
}

#[derive(Debug, Clone)]
pub(super) struct Transaction {
    pub(super) epoch: u32,
    pub(super) phase: Phase,
    pub(super) places: BTreeSet<Place>,
    /// When it was opened, in microseconds.
    pub(super) began: u64,
}

impl Transaction {
    pub(super) fn new() -> Self {
        Self { epoch: 0, phase: Phase::Empty, places: BTreeSet::new(), began: 0 }
    }

    /// A place joins the transaction, which is opened by its first one.
    pub(super) fn add(&mut self, epoch: u32, place: Place, now: u64) -> Answer {
        if epoch < self.epoch {
            return Answer::Fenced;
        }
        match self.phase {
            Phase::Ending { .. } => return Answer::Concurrent,
            Phase::Ongoing => {}
            Phase::Empty | Phase::Ended { .. } => {
                self.phase = Phase::Ongoing;
                self.places.clear();
                self.began = now;
            }
        }
        self.places.insert(place);
        Answer::Done
    }

    /// Decides it; markers follow.
    pub(super) fn end(&mut self, epoch: u32, is_commit: bool) -> Answer {
        if epoch < self.epoch {
            return Answer::Fenced;
        }
        match self.phase {
            Phase::Ongoing => {
                self.phase = Phase::Ending { is_commit };
                Answer::Done
            }
            Phase::Ending { is_commit: known } if known == is_commit => Answer::Concurrent,
            Phase::Ended { is_commit: known } if known == is_commit => Answer::Done,
            Phase::Empty | Phase::Ending { .. } | Phase::Ended { .. } => Answer::InvalidState,
        }
    }

    /// Aborts it under a new epoch: nothing of the old producer counts any more.
    pub(super) fn fence(&mut self) {
        self.epoch += 1;
        self.phase = Phase::Ending { is_commit: false };
    }

    /// A new producer; `Done` gives it the epoch.
    pub(super) fn init(&mut self) -> Answer {
        match self.phase {
            Phase::Ending { .. } => Answer::Concurrent,
            Phase::Ongoing => {
                self.fence();
                Answer::Concurrent
            }
            Phase::Empty | Phase::Ended { .. } => {
                self.epoch += 1;
                self.phase = Phase::Empty;
                self.places.clear();
                Answer::Done
            }
        }
    }

    /// One marker is written.
    pub(super) fn marked(&mut self, place: Place) {
        self.places.remove(&place);
        if let (true, Phase::Ending { is_commit }) = (self.places.is_empty(), self.phase) {
            self.phase = Phase::Ended { is_commit };
        }
    }
}
