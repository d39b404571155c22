//! What has to be found in a generated stream, and the verdict over what was found.
//!
//! Written down when an exfiltration is planted, so it holds for every order of arrival within the
//! allowed lateness: episodes are compared by rule, group, highest level and the span in which they
//! may open, not by what semantics.md §6 leaves to the order (the trigger, the steps of escalation).

use crate::rule::Level;
use crate::units::EventTime;

/// The rules that exfiltrations are planted for. What the other shipped rules say of the same stream
/// is neither right nor wrong here: they have tests of their own.
const JUDGED: [&str; 4] =
    ["s3_large_download", "s3_large_download_principal", "s3_object_count", "vpce_s3_external_ip"];

/// One finding that has to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// `name` of the shipped rule.
    pub rule: &'static str,
    /// Field and value of the group key (of a stateless rule: of its dedup key), in rule order.
    pub group: Vec<(String, Option<String>)>,
    /// The highest level that its records reach.
    pub level: Level,
    /// No crossing of this episode lies before.
    pub opens_from: EventTime,
    /// No crossing of this episode lies after.
    pub opens_until: EventTime,
    /// What was planted, for people.
    pub scenario: &'static str,
}

/// One finding that came: all its records taken together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// `name` of the rule.
    pub rule: String,
    /// As in [`Expected::group`].
    pub group: Vec<(String, Option<String>)>,
    /// The highest level of its records.
    pub level: Level,
    /// The opening time of its episode.
    pub opened: EventTime,
}

/// Everything that has to be found.
#[derive(Debug, Clone, Default)]
pub struct Truth {
    /// In the order in which it was planted.
    pub expected: Vec<Expected>,
}

/// What became of the truth.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// How many findings have to come.
    pub planted: usize,
    /// How many of them came, once each and with the right level.
    pub found: usize,
    /// Those that did not come, or came with another level only.
    pub missed: Vec<Expected>,
    /// What came without having been planted, came twice or with another level.
    pub unexpected: Vec<Sighting>,
}

impl Verdict {
    /// Whether everything was found and nothing else.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.missed.is_empty() && self.unexpected.is_empty()
    }
}

impl Expected {
    fn agrees_with(&self, sighting: &Sighting) -> bool {
        self.rule == sighting.rule
            && self.level == sighting.level
            && self.opens_from <= sighting.opened
            && sighting.opened <= self.opens_until
            && sorted(&self.group) == sorted(&sighting.group)
    }
}

/// JSON objects do not keep the order of their members.
fn sorted(group: &[(String, Option<String>)]) -> Vec<&(String, Option<String>)> {
    let mut sorted: Vec<_> = group.iter().collect();
    sorted.sort();
    sorted
}

impl Truth {
    /// Compares what the rules said that exfiltrations are planted for; each sighting stands for one
    /// expected finding at most.
    #[must_use]
    pub fn judge(&self, mut sightings: Vec<Sighting>) -> Verdict {
        sightings.retain(|sighting| JUDGED.contains(&sighting.rule.as_str()));
        let mut verdict = Verdict { planted: self.expected.len(), ..Verdict::default() };
        for expected in &self.expected {
            match sightings.iter().position(|sighting| expected.agrees_with(sighting)) {
                Some(index) => {
                    sightings.swap_remove(index);
                    verdict.found += 1;
                }
                None => verdict.missed.push(expected.clone()),
            }
        }
        verdict.unexpected = sightings;
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(bucket: &str) -> Expected {
        Expected {
            rule: "s3_large_download",
            group: vec![("tidegate.bucket".into(), Some(bucket.into()))],
            level: Level::Low,
            opens_from: EventTime::from_millis(1000),
            opens_until: EventTime::from_millis(2000),
            scenario: "burst",
        }
    }

    fn sighting(bucket: &str) -> Sighting {
        Sighting {
            rule: "s3_large_download".into(),
            group: vec![("tidegate.bucket".into(), Some(bucket.into()))],
            level: Level::Low,
            opened: EventTime::from_millis(1500),
        }
    }

    #[test]
    fn what_was_planted_and_came_is_found_and_all_else_is_missed_or_false() {
        let truth = Truth { expected: vec![expected("a"), expected("b")] };

        let verdict = truth.judge(vec![sighting("c"), sighting("a")]);

        assert_eq!((verdict.planted, verdict.found), (2, 1));
        assert_eq!(verdict.missed, [expected("b")]);
        assert_eq!(verdict.unexpected, [sighting("c")]);
        assert!(!verdict.is_clean());
    }

    #[test]
    fn what_a_rule_says_for_which_nothing_is_planted_is_not_judged() {
        let truth = Truth { expected: vec![expected("a")] };
        let other = Sighting { rule: "s3_download_day".into(), ..sighting("a") };

        let verdict = truth.judge(vec![other, sighting("a")]);

        assert!(verdict.is_clean());
    }

    #[test]
    fn a_finding_that_comes_twice_is_false_once() {
        let truth = Truth { expected: vec![expected("a")] };

        let verdict = truth.judge(vec![sighting("a"), sighting("a")]);

        assert_eq!((verdict.found, verdict.unexpected.len()), (1, 1));
    }

    #[test]
    fn another_level_or_another_time_is_another_finding() {
        let truth = Truth { expected: vec![expected("a")] };

        for wrong in [
            Sighting { level: Level::High, ..sighting("a") },
            Sighting { opened: EventTime::from_millis(2001), ..sighting("a") },
        ] {
            let verdict = truth.judge(vec![wrong]);
            assert_eq!((verdict.missed.len(), verdict.unexpected.len()), (1, 1));
        }
    }
}
