//! The rules that partitions run, replaced as a whole while they run (semantics.md §10).
//!
//! A set is read and compiled elsewhere; [`RulesInForce::replace`] makes it the newest [`Edition`]
//! and waits for nobody. Workers compare numbers between two transactions and open their engines
//! anew (`renewal.rs`). A rule keeps its [`RuleNumber`] over all editions, so that what was counted
//! for it under an older one stays its own.

use crate::alert::{self, Writer};
use crate::rule::{Level, Rule, RuleIndex, RuleSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A rule of this process, over all editions: its place in [`RulesInForce::enrolled`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleNumber(pub u32);

/// A rule set that runs, and what follows from it once.
pub struct Edition {
    /// Counts up from 1.
    pub number: u64,
    /// The rules.
    pub rules: Arc<RuleSet>,
    /// Writes their alerts.
    pub writer: Writer,
    numbers: Box<[RuleNumber]>,
}

/// A rule that some edition had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolled {
    /// Its id.
    pub id: String,
    /// Every level that its findings could have, ascending.
    pub levels: Vec<Level>,
}

/// See the module's header.
pub struct RulesInForce {
    /// Of the newest edition: read by each worker in each turn.
    number: AtomicU64,
    alerts: alert::Settings,
    state: Mutex<State>,
}

struct State {
    newest: Arc<Edition>,
    enrolled: Vec<Enrolled>,
}

impl Edition {
    /// The number of one of its rules.
    ///
    /// # Panics
    /// For an index of another rule set.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "an index is made only with its rule set")]
    pub fn number_of(&self, rule: RuleIndex) -> RuleNumber {
        self.numbers[usize::from(rule.0)]
    }
}

impl RulesInForce {
    /// Begins with edition 1; `alerts` is what alerts of all editions say about the deployment.
    #[must_use]
    pub fn new(rules: Arc<RuleSet>, alerts: alert::Settings) -> Self {
        let mut enrolled = Vec::new();
        let first = edition(1, rules, &alerts, &mut enrolled);
        let state = Mutex::new(State { newest: Arc::new(first), enrolled });
        Self { number: AtomicU64::new(1), alerts, state }
    }

    /// Makes `rules` the newest edition; gives its number.
    pub fn replace(&self, rules: Arc<RuleSet>) -> u64 {
        let mut state = self.state();
        let number = state.newest.number + 1;
        state.newest = Arc::new(edition(number, rules, &self.alerts, &mut state.enrolled));
        self.number.store(number, Ordering::Release);
        number
    }

    /// Number of the newest edition.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }

    /// The newest edition.
    #[must_use]
    pub fn newest(&self) -> Arc<Edition> {
        Arc::clone(&self.state().newest)
    }

    /// All rules that any edition had, by [`RuleNumber`]; only ever grows.
    #[must_use]
    pub fn enrolled(&self) -> Vec<Enrolled> {
        self.state().enrolled.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn edition(
    number: u64,
    rules: Arc<RuleSet>,
    alerts: &alert::Settings,
    enrolled: &mut Vec<Enrolled>,
) -> Edition {
    let numbers = rules.rules().iter().map(|rule| enroll(rule, enrolled)).collect();
    let writer = Writer::new(alerts.clone(), rules.clone());
    Edition { number, rules, writer, numbers }
}

fn enroll(rule: &Rule, enrolled: &mut Vec<Enrolled>) -> RuleNumber {
    let id = &rule.text.id;
    let at = enrolled.iter().position(|known| known.id == *id).unwrap_or_else(|| {
        enrolled.push(Enrolled { id: id.clone(), levels: Vec::new() });
        enrolled.len() - 1
    });
    if let Some(known) = enrolled.get_mut(at) {
        known.levels.extend(rule.levels());
        known.levels.sort_unstable();
        known.levels.dedup();
    }
    RuleNumber(u32::try_from(at).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::{LoadOptions, RuleFile, load};

    fn rules(names: &[&str]) -> Arc<RuleSet> {
        let text = |name: &&str| {
            format!(
                "title: {name}\nname: {name}\nlogsource: {{product: aws, service: cloudtrail}}\n\
                 detection:\n  one: {{eventName: GetObject}}\n  condition: one\n---\n"
            )
        };
        let text = names.iter().map(text).collect();
        let file = RuleFile { name: "test.yml".to_owned(), text, builtin: false };
        Arc::new(load(&[file], &LoadOptions::default()).rules.expect("the rules load"))
    }

    fn numbers(edition: &Edition) -> Vec<u32> {
        let all = (0..).map(RuleIndex).take(edition.rules.rules().len());
        all.map(|rule| edition.number_of(rule).0).collect()
    }

    #[test]
    fn a_rule_keeps_its_number_wherever_it_stands_in_later_editions() {
        let in_force = RulesInForce::new(rules(&["a", "b"]), alert::Settings::default());
        let first = in_force.newest();

        assert_eq!(in_force.replace(rules(&["c", "b"])), 2);
        assert_eq!(in_force.replace(rules(&["b", "a", "c"])), 3);

        assert_eq!(numbers(&first), [0, 1]);
        assert_eq!(numbers(&in_force.newest()), [1, 0, 2]);
        assert_eq!((in_force.number(), in_force.enrolled().len()), (3, 3));
    }
}
