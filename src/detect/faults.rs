//! Faults that tests plant into the engine, to show that the property test would find them.
//!
//! Outside of unit tests [`is_planted`] is a constant `false` and the branches behind it are gone.

/// A mistake that could have been made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// A window holds its own start: [t − W, t].
    WindowEdgeOffByOne,
    /// An event that arrives behind others is compared with the newest window alone.
    OnlyTheNewestWindow,
    /// A duplicate counts again.
    DuplicateCounted,
    /// Segments leave when the watermark passes them, whatever the lateness.
    PanesExpiredEarly,
    /// A crossing joins any episode of its key, however far away.
    EpisodePeriodIgnored,
    /// A value that comes again does not stay in the windows that its last time reaches.
    ValueLeavesWithItsFirst,
    /// A sighting before the first one alerts again.
    EarlierSightingIsNews,
    /// Rules that must follow each other may come in any order.
    OrderIgnored,
    /// A window that crossed before is counted again by the rules over it.
    FedAgain,
    /// A window is judged at its end, while late events may still come.
    ClosedBeforeItsLateness,
    /// That a window was judged is forgotten by a restart.
    JudgedAgain,
    /// An event without an amount counts as one of zero.
    AbsentAmountCounted,
    /// An amount that comes again is one amount.
    RepeatedAmountOnce,
    /// Of a range only where it begins is asked.
    UpperBoundIgnored,
    /// A rule that must not match may.
    NotIgnored,
    /// A state is named by where its rule stands in the set.
    StateByPlace,
}

#[cfg(not(test))]
#[inline]
pub(super) const fn is_planted(_: Fault) -> bool {
    false
}

#[cfg(test)]
pub(super) use planted::{is_planted, plant};

#[cfg(test)]
mod planted {
    use super::Fault;
    use std::cell::Cell;

    thread_local! {
        static PLANTED: Cell<Option<Fault>> = const { Cell::new(None) };
    }

    pub(in crate::detect) fn is_planted(fault: Fault) -> bool {
        PLANTED.get() == Some(fault)
    }

    /// Plants one fault on this thread, or none.
    pub(in crate::detect) fn plant(fault: Option<Fault>) {
        PLANTED.set(fault);
    }
}
