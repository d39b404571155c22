//! Handles with a closed set of label values, all registered at zero.

use super::table;
use metrics::{Counter, Histogram, Label};
use std::time::Duration;

/// One counter for each value of a closed label.
///
/// Registered at zero, since `increase()` misses the first event of a counter that appears with it.
pub struct Counters {
    by_value: Vec<(&'static str, Counter)>,
}

impl Counters {
    /// Registers the closed set that the table gives for `label`, beside the `fixed` labels.
    pub(super) fn new(name: &'static str, label: &'static str, fixed: &[Label]) -> Counters {
        let set = table::metric(name).into_iter().flat_map(|metric| metric.closed_set(label));
        let counter = |value: &'static str| {
            let mut labels = fixed.to_vec();
            labels.push(Label::new(label, value));
            (value, metrics::counter!(name, labels))
        };
        Counters { by_value: set.map(counter).collect() }
    }

    /// Adds to the counter of `value`; what is outside the set goes to `other` where there is one.
    pub fn add(&self, value: &str, count: u64) {
        let of = |name: &str| self.by_value.iter().find(|(value, _)| *value == name);
        if let Some((_, counter)) = of(value).or_else(|| of("other")) {
            counter.increment(count);
        }
    }
}

/// A histogram of lengths of time.
pub struct Seconds(Histogram);

impl Seconds {
    pub(super) fn new(name: &'static str, labels: Vec<Label>) -> Seconds {
        Seconds(metrics::histogram!(name, labels))
    }

    /// Records one length of time.
    pub fn record(&self, length: Duration) {
        self.0.record(length.as_secs_f64());
    }

    /// Records the time between two stamps in milliseconds; zero when they are out of order.
    pub fn record_between_ms(&self, earlier_ms: i64, later_ms: i64) {
        let millis = u64::try_from(later_ms.saturating_sub(earlier_ms)).unwrap_or(0);
        self.record(Duration::from_millis(millis));
    }
}
