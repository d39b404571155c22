//! What must hold of the engine's state, as pure functions (style.md §7).
//!
//! Property tests check all of them after each run, production those that are cheap, by
//! `debug_assert!`.

use super::episode::Episode;
use super::pane_ring::PaneRing;
use super::shape::Shape;
use crate::units::Span;

/// Which invariant does not hold, and where.
pub(super) type Broken = String;

/// P1: segments and panes are in order, each pane holds events, and a segment's sum is theirs.
pub(super) fn panes_are_in_order(ring: &PaneRing, shape: &Shape) -> Result<(), Broken> {
    let mut last = None;
    for segment in ring.segments() {
        if segment.panes.is_empty() {
            return Err(format!("P1: segment {} is empty", segment.index));
        }
        let sum = segment.panes.iter().fold(0u64, |sum, pane| sum.saturating_add(pane.sum));
        if sum != segment.sum {
            return Err(format!(
                "P1: segment {} sums to {sum}, not {}",
                segment.index, segment.sum
            ));
        }
        for pane in &segment.panes {
            let number = shape.first_pane(segment.index) + i64::from(pane.offset);
            if pane.count == 0 || last.is_some_and(|last| last >= number) {
                return Err(format!("P1: pane {number} after {last:?} holds {}", pane.count));
            }
            last = Some(number);
        }
    }
    Ok(())
}

/// P3: the running sum is that of the newest window.
pub(super) fn running_sums_the_newest_window(ring: &PaneRing, shape: &Shape) -> Result<(), Broken> {
    let (running, sum) = ring.running_and_sum(shape);
    if running == sum { Ok(()) } else { Err(format!("P3: running is {running}, not {sum}")) }
}

/// E1: the open episodes of one key are in order and open at least P apart.
pub(super) fn episodes_open_apart(open: &[Episode], period: Span) -> Result<(), Broken> {
    for (one, next) in open.iter().zip(open.iter().skip(1)) {
        if next.opened <= one.opened || next.opened.since(one.opened) < period {
            return Err(format!("E1: {:?} opened after {:?}", next.opened, one.opened));
        }
    }
    Ok(())
}

/// All that concerns the panes of a group.
#[cfg(test)]
pub(super) fn ring_is_sound(ring: &PaneRing, shape: &Shape) -> Result<(), Broken> {
    panes_are_in_order(ring, shape)?;
    running_sums_the_newest_window(ring, shape)
}
