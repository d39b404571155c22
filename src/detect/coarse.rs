//! A group's sums by buckets of some minutes: enough to see that no window is near a threshold.
//!
//! A bucket is a few whole segments, about a quarter of a window, so the buckets that a window
//! touches span little more than the window itself. Sums are exact, so the bound is off by what
//! lies in the first and last bucket alone; a tumbling window is a bucket.

use super::pane_ring::PaneRing;
use super::shape::Shape;

/// Non-empty buckets of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Coarse {
    /// Index and saturating sum, ascending by index.
    buckets: Vec<(i64, u64)>,
}

impl Coarse {
    /// The sums of a ring.
    pub(super) fn of(ring: &PaneRing, shape: &Shape) -> Self {
        let mut coarse = Self { buckets: Vec::new() };
        for segment in ring.segments() {
            let at = coarse.place(bucket_of(shape, segment.index));
            if let Some((_, sum)) = coarse.buckets.get_mut(at) {
                *sum = sum.saturating_add(segment.sum);
            }
        }
        coarse
    }

    /// Adds an amount at a pane; gives a number that no window which the pane lies in exceeds.
    pub(super) fn add(&mut self, shape: &Shape, pane: i64, amount: u64) -> u64 {
        let at = self.place(bucket_of(shape, shape.segment_of(pane).0));
        if let Some((_, sum)) = self.buckets.get_mut(at) {
            *sum = sum.saturating_add(amount);
        }
        let first = bucket_of(shape, shape.segment_of(pane.saturating_sub(shape.panes - 1)).0);
        let last = bucket_of(shape, shape.segment_of(pane.saturating_add(shape.panes - 1)).0);
        let from = self.buckets.partition_point(|(index, _)| *index < first);
        let to = self.buckets.partition_point(|(index, _)| *index <= last);
        greatest(self.buckets.get(from..to).unwrap_or_default(), width(shape))
    }

    /// A number that no window of the group exceeds.
    pub(super) fn greatest(&self, shape: &Shape) -> u64 {
        greatest(&self.buckets, width(shape))
    }

    /// Sum of all buckets.
    pub(super) fn total(&self) -> u64 {
        self.buckets.iter().fold(0, |sum, (_, one)| sum.saturating_add(*one))
    }

    /// Forgets the buckets whose segments are all over.
    pub(super) fn drop_buckets(&mut self, shape: &Shape, is_over: impl Fn(i64) -> bool) {
        let last = |bucket: i64| (bucket + 1).saturating_mul(shape.bucket_segments) - 1;
        self.buckets.retain(|(bucket, _)| !is_over(last(*bucket)));
    }

    /// Memory in bytes.
    #[cfg(test)]
    pub(super) fn byte_len(&self) -> usize {
        size_of::<Self>() + self.buckets.capacity() * size_of::<(i64, u64)>()
    }

    fn place(&mut self, index: i64) -> usize {
        let at = match self.buckets.last() {
            Some((last, _)) if *last == index => return self.buckets.len() - 1,
            Some((last, _)) if *last < index => self.buckets.len(),
            Some(_) => match self.buckets.binary_search_by_key(&index, |(index, _)| *index) {
                Ok(at) => return at,
                Err(at) => at,
            },
            None => 0,
        };
        self.buckets.insert(at, (index, 0));
        at
    }

    /// Checks that no bucket holds less than the ring's segments in it.
    #[cfg(test)]
    pub(super) fn covers(&self, exact: &Self) -> bool {
        exact.buckets.iter().all(|(index, sum)| {
            let own = self.buckets.iter().find(|(own, _)| own == index);
            own.is_some_and(|(_, own)| own >= sum)
        })
    }
}

fn bucket_of(shape: &Shape, segment: i64) -> i64 {
    segment.div_euclid(shape.bucket_segments)
}

/// How many consecutive buckets a window may touch.
fn width(shape: &Shape) -> i64 {
    let bucket = shape.bucket_segments.saturating_mul(shape.panes_per_segment);
    // n panes that do not start with a bucket touch one more than they fill.
    (shape.panes - 1).div_euclid(bucket) + if shape.panes_per_segment == 1 { 1 } else { 2 }
}

/// The greatest sum of buckets that lie less than `width` apart.
fn greatest(buckets: &[(i64, u64)], width: i64) -> u64 {
    let (mut greatest, mut sum, mut start) = (0u128, 0u128, 0);
    for (index, own) in buckets {
        sum += u128::from(*own);
        while let Some((first, gone)) = buckets.get(start)
            && first + width <= *index
        {
            sum -= u128::from(*gone);
            start += 1;
        }
        greatest = greatest.max(sum);
    }
    u64::try_from(greatest).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::shape::plain;
    use crate::rule::WindowKind;
    use crate::units::{EventTime, Span};
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_window_exceeds_the_bound(
            sliding: bool,
            seconds in 1i64..20_000,
            events in vec((0i64..40_000, 0u64..100), 1..60),
        ) {
            let kind = if sliding { WindowKind::Sliding } else { WindowKind::Tumbling };
            let shape = plain(kind, Span::from_secs(seconds));
            let (mut ring, mut coarse) = (PaneRing::new(), Coarse { buckets: Vec::new() });
            let mut all: Vec<(i64, u64)> = Vec::new();
            for (second, amount) in events {
                let time = EventTime::from_millis(second * 1000);
                let pane = shape.pane_of(time);
                ring.add(&shape, time, amount, &[]);
                all.push((pane, amount));
                let bound = coarse.add(&shape, pane, amount);
                let window = |end: i64| -> u64 {
                    let inside = all.iter().filter(|(at, _)| end - shape.panes < *at && *at <= end);
                    inside.map(|(_, amount)| amount).sum()
                };
                let exact = (pane..pane + shape.panes).map(window).max();
                prop_assert!(exact <= Some(bound), "{exact:?} above {bound}");
                prop_assert!(bound <= coarse.greatest(&shape));
            }
            prop_assert_eq!(Coarse::of(&ring, &shape), coarse);
        }
    }

    #[test]
    fn a_tumbling_window_is_bounded_by_itself_alone() {
        let shape = plain(WindowKind::Tumbling, Span::from_secs(60));
        let mut coarse = Coarse { buckets: Vec::new() };
        assert_eq!(coarse.add(&shape, 7, 5), 5);
        assert_eq!(coarse.add(&shape, 8, 3), 3);
        assert_eq!(coarse.add(&shape, 7, 1), 6);
    }
}
