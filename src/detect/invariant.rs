//! What must hold of the engine's state, as pure functions (style.md §7).
//!
//! Property tests check all of them after each run, production those that are cheap, by
//! `debug_assert!`.

use super::episode::Episode;
use super::pane_ring::Group;
use super::shape::Shape;
#[cfg(test)]
use super::timers::has_fired;
#[cfg(test)]
use crate::units::EventTime;
use crate::units::Span;

/// Which invariant does not hold, and where.
pub(super) type Broken = String;

/// P1: segments and panes are in order, each pane holds events, and a segment's sum is theirs.
pub(super) fn panes_are_in_order(group: &Group, shape: &Shape) -> Result<(), Broken> {
    let mut last = None;
    for segment in group.segments() {
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

/// P2: no segment is kept for which the watermark has passed the time when it is due.
#[cfg(test)]
pub(super) fn no_segment_is_overdue(
    group: &Group,
    shape: &Shape,
    watermark: Option<EventTime>,
) -> Result<(), Broken> {
    let is_overdue = |index| watermark.is_some_and(|at| has_fired(shape.due(index), at));
    match group.segments().find(|segment| is_overdue(segment.index)) {
        Some(segment) => Err(format!("P2: segment {} is past its time", segment.index)),
        None => Ok(()),
    }
}

/// P3: the running sum is that of the newest window.
pub(super) fn running_sums_the_newest_window(group: &Group, shape: &Shape) -> Result<(), Broken> {
    let (running, sum) = group.running_and_sum(shape);
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

/// All that concerns a group.
#[cfg(test)]
pub(super) fn group_is_sound(
    group: &Group,
    shape: &Shape,
    watermark: Option<EventTime>,
) -> Result<(), Broken> {
    panes_are_in_order(group, shape)?;
    no_segment_is_overdue(group, shape, watermark)?;
    running_sums_the_newest_window(group, shape)
}
