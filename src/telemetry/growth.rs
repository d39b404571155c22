//! Totals that somebody publishes → what to add to a counter that several of them share.

use std::collections::BTreeMap;

/// Remembers the last total of each key. One for each publisher, such as a worker.
///
/// ```
/// # use tidegate::telemetry::Growth;
/// let mut growth = Growth::default();
/// assert_eq!(growth.since_last("late", 5), 5);
/// assert_eq!(growth.since_last("late", 7), 2);
/// ```
#[derive(Debug)]
pub struct Growth<K> {
    totals: BTreeMap<K, u64>,
}

impl<K> Default for Growth<K> {
    fn default() -> Self {
        Growth { totals: BTreeMap::new() }
    }
}

impl<K: Ord> Growth<K> {
    /// How much `total` grew since the last call for `key`. A smaller total is a publisher that began
    /// anew, so all of it is growth.
    pub fn since_last(&mut self, key: K, total: u64) -> u64 {
        let before = self.totals.insert(key, total).unwrap_or(0);
        if total < before { total } else { total - before }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publisher_that_began_anew_adds_its_whole_total() {
        let mut growth = Growth::default();
        assert_eq!(growth.since_last(("late", 1), 10), 10);
        assert_eq!(growth.since_last(("late", 2), 4), 4);
        assert_eq!(growth.since_last(("late", 1), 3), 3);
        assert_eq!(growth.since_last(("late", 1), 3), 0);
    }
}
