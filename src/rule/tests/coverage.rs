//! Which kinds of test a rule has, by the letters before a test's name, and which it should have.
//!
//! The letters are those of detections.md §1. What applies is read off the compiled rule, so that a
//! rule that gets a window, or begins to ask for success, asks for its tests at once.

use crate::rule::model::{Kind, Measure, RuleIndex};
use crate::rule::set::RuleSet;
use std::collections::BTreeSet;

/// A kind of test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Letter {
    /// It fires.
    Positive,
    /// The nearest event that it must not fire on.
    Negative,
    /// The amount one below and at the threshold; an event at the window's edge.
    Boundary,
    /// Two groups below the threshold each.
    Groups,
    /// The deciding event arrives late.
    Late,
    /// The deciding event arrives twice.
    Duplicate,
    /// The same call failed.
    Failed,
    /// A group or amount field is missing.
    Missing,
}

impl Letter {
    /// All letters, in the order of the table.
    pub const ALL: [Letter; 8] = [
        Letter::Positive,
        Letter::Negative,
        Letter::Boundary,
        Letter::Groups,
        Letter::Late,
        Letter::Duplicate,
        Letter::Failed,
        Letter::Missing,
    ];

    /// The letter itself.
    #[must_use]
    pub const fn as_char(self) -> char {
        match self {
            Letter::Positive => 'P',
            Letter::Negative => 'N',
            Letter::Boundary => 'B',
            Letter::Groups => 'G',
            Letter::Late => 'L',
            Letter::Duplicate => 'D',
            Letter::Failed => 'F',
            Letter::Missing => 'M',
        }
    }

    /// What a test of this kind shows.
    #[must_use]
    pub const fn help(self) -> &'static str {
        match self {
            Letter::Positive => "fires, with title and level",
            Letter::Negative => "stays silent when one condition does not hold",
            Letter::Boundary => "threshold less one and threshold; the edge of the window",
            Letter::Groups => "two groups below the threshold each",
            Letter::Late => "the deciding event arrives late",
            Letter::Duplicate => "the deciding event arrives twice",
            Letter::Failed => "the same call failed",
            Letter::Missing => "a group or amount field is missing",
        }
    }
}

/// The letters before the colon of a test's name: `P: …`, `BD: …` or `B, D: …`; none for any other.
#[must_use]
pub fn letters_of(name: &str) -> BTreeSet<Letter> {
    let Some((before, _)) = name.split_once(':') else { return BTreeSet::new() };
    let mut letters = BTreeSet::new();
    for char in before.chars().filter(|char| !matches!(char, ' ' | ',' | '+' | '/')) {
        match Letter::ALL.into_iter().find(|letter| letter.as_char() == char) {
            Some(letter) => letters.insert(letter),
            // A word: the colon belongs to a sentence.
            None => return BTreeSet::new(),
        };
    }
    letters
}

/// The letters that a rule's tests should have.
///
/// Every rule: P, N and D. F where a base rule matches successful calls alone. Anything that counts
/// over time: L; with group fields G and M; M too where values are summed or told apart; B from a
/// threshold of two on, since below one there is nothing to be one short of, and for windows that are
/// judged when they have closed. First sightings: B and M,
/// for the end of the history and for a missing field.
#[must_use]
pub fn applicable(rules: &RuleSet, index: RuleIndex) -> BTreeSet<Letter> {
    let rule = rules.rule(index);
    let mut letters = BTreeSet::from([Letter::Positive, Letter::Negative, Letter::Duplicate]);
    if asks_for_success(rules, index) {
        letters.insert(Letter::Failed);
    }
    if matches!(rule.kind, Kind::Match) {
        return letters;
    }
    letters.insert(Letter::Late);
    if !rule.group_by.is_empty() {
        letters.extend([Letter::Groups, Letter::Missing]);
    }
    if let Kind::Window(window) = &rule.kind {
        if window.closes || window.tiers.first().is_some_and(|tier| tier.gte > 1) {
            letters.insert(Letter::Boundary);
        }
        if window.measure != Measure::Count {
            letters.insert(Letter::Missing);
        }
    }
    if matches!(rule.kind, Kind::NewTerms(_)) {
        // A term stands for itself: no two of them are below a threshold.
        letters.remove(&Letter::Groups);
        letters.insert(Letter::Boundary);
    }
    letters
}

fn asks_for_success(rules: &RuleSet, index: RuleIndex) -> bool {
    let Some(outcome) = rules.fields.get("tidegate.outcome") else { return false };
    let of_rule = rules
        .conditions
        .iter()
        .filter(|condition| condition.rules.iter().any(|one| one.rule == index));
    let mut wanted = of_rule.map(|condition| condition.predicate.required_texts(outcome));
    wanted.any(|texts| texts.is_some_and(|texts| texts == ["success"]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::{LoadOptions, builtin, load};

    fn shown(letters: &BTreeSet<Letter>) -> String {
        letters.iter().map(|letter| letter.as_char()).collect()
    }

    #[test]
    fn letters_stand_before_a_colon_and_nothing_else_does() {
        for (name, expected) in [
            ("P: fires", "P"),
            ("BD: one short, twice", "BD"),
            ("B, D + F/M: all of them", "BDFM"),
            ("fires", ""),
            ("Note: no letters", ""),
            ("PX: no such letter", ""),
            (": nothing", ""),
        ] {
            assert_eq!(shown(&letters_of(name)), expected, "{name}");
        }
    }

    #[test]
    fn what_applies_follows_from_kind_threshold_group_and_outcome() {
        let rules = load(&builtin(), &LoadOptions::default()).rules.expect("the pack loads");
        let of = |name: &str| shown(&applicable(&rules, rules.find(name).expect("is loaded")));

        assert_eq!(of("s3_large_download"), "PNBGLDFM");
        assert_eq!(of("s3_object_count"), "PNBGLDFM");
        assert_eq!(of("vpce_s3_external_ip"), "PND");
    }
}
