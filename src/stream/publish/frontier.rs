//! Up to where everything is acknowledged, although acknowledgements come in any order.

use std::collections::BTreeSet;

/// Numbers from 0; memory is that of the numbers which are acknowledged out of order.
#[derive(Debug, Clone, Default)]
pub struct Frontier {
    next: u64,
    ahead: BTreeSet<u64>,
}

impl Frontier {
    /// Notes that `number` is acknowledged.
    pub fn acknowledge(&mut self, number: u64) {
        if number > self.next {
            self.ahead.insert(number);
        } else if number == self.next {
            self.next += 1;
            while self.ahead.remove(&self.next) {
                self.next += 1;
            }
        }
    }

    /// Every number below is acknowledged.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frontier_waits_for_the_oldest_number() {
        let mut frontier = Frontier::default();

        for number in [2, 1, 4] {
            frontier.acknowledge(number);
        }
        assert_eq!(frontier.next(), 0);

        frontier.acknowledge(0);
        assert_eq!(frontier.next(), 3);
        frontier.acknowledge(3);
        frontier.acknowledge(0);
        assert_eq!(frontier.next(), 5);
    }
}
