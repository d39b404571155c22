//! Errors that repeat: the first is logged, then one line in 30 s with a count.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Time between two lines of the same kind.
const QUIET: Duration = Duration::from_secs(30);
/// Kinds that are told apart; beyond it all others count as one kind.
const KINDS_MAX: usize = 64;

/// Decides which of many equal errors are logged. The clock is an argument.
///
/// ```
/// # use tidegate::telemetry::RateLimited;
/// # use std::time::{Duration, Instant};
/// let (mut errors, start) = (RateLimited::default(), Instant::now());
/// assert_eq!(errors.admit("transport", start), Some(0));
/// assert_eq!(errors.admit("transport", start + Duration::from_secs(1)), None);
/// assert_eq!(errors.admit("transport", start + Duration::from_secs(31)), Some(1));
/// ```
#[derive(Debug, Default)]
pub struct RateLimited {
    kinds: BTreeMap<String, Kind>,
}

#[derive(Debug)]
struct Kind {
    last_line: Instant,
    unsaid: u64,
}

impl RateLimited {
    /// Notes one error; `Some(n)` when it is to be logged, n = equal ones left out since the last line.
    pub fn admit(&mut self, kind: &str, now: Instant) -> Option<u64> {
        let is_new = !self.kinds.contains_key(kind);
        let kind = if is_new && self.kinds.len() >= KINDS_MAX { "other" } else { kind };
        let Some(known) = self.kinds.get_mut(kind) else {
            self.kinds.insert(kind.to_owned(), Kind { last_line: now, unsaid: 0 });
            return Some(0);
        };
        if now.saturating_duration_since(known.last_line) < QUIET {
            known.unsaid += 1;
            return None;
        }
        known.last_line = now;
        Some(std::mem::take(&mut known.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_limited_apart_and_their_number_is_bounded() {
        let (mut errors, start) = (RateLimited::default(), Instant::now());
        assert_eq!(errors.admit("a", start), Some(0));
        assert_eq!(errors.admit("b", start), Some(0));
        assert_eq!(errors.admit("a", start + Duration::from_millis(29_999)), None);
        assert_eq!(errors.admit("a", start + QUIET), Some(1));
        for number in 0..1000 {
            errors.admit(&number.to_string(), start);
        }
        assert!(errors.kinds.len() <= KINDS_MAX + 1);
    }
}
