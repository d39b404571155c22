//! Rules of the protocol that tests switch off, to show that the simulation would find it.
//!
//! Outside of unit tests [`is_off`] is a constant `false` and the branches behind it are gone.

/// A rule of exactly-once.md, named by what upholds it.
#[cfg_attr(not(test), expect(dead_code, reason = "some are upheld by the client alone"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// Every record is acknowledged before the offsets are sent (§2 step 5).
    DrainBeforeOffsets,
    /// The group's generation goes with the offsets (§3).
    Generation,
    /// Rows reach the store only after the commit (§2 step 8).
    StoreAfterCommit,
    /// Anything but a first-time answer renews the producer (§2 step 9).
    RenewProducer,
    /// A commit that timed out is asked for again, never aborted (§2 step 7).
    CommitAgain,
    /// What was lost is dropped (§4).
    DropLost,
    /// The end of the changelog is asked for after the partition came (§4 step 2); the simulated client
    /// knows it from its start instead.
    EndAfterAssignment,
    /// A store older than its tombstones is restored from the start (§4 step 3).
    Tombstones,
    /// Committed offsets are asked for stable (§4 step 1); the simulated client knows it.
    StableOffsets,
    /// The end of the changelog counts open transactions (§4 step 2); the simulated client knows it.
    UncommittedEnd,
    /// New rules come between two transactions (`renewal.rs`).
    RenewBetweenCommits,
}

#[cfg(not(test))]
#[inline]
pub(super) const fn is_off(_: Rule) -> bool {
    false
}

#[cfg(test)]
pub(super) use switches::{is_off, switch_off};

#[cfg(test)]
mod switches {
    use super::Rule;
    use std::cell::Cell;

    thread_local! {
        static OFF: Cell<Option<Rule>> = const { Cell::new(None) };
    }

    pub(in crate::stream) fn is_off(rule: Rule) -> bool {
        OFF.get() == Some(rule)
    }

    /// Switches one rule off on this thread, or none.
    pub(in crate::stream) fn switch_off(rule: Option<Rule>) {
        OFF.set(rule);
    }
}
