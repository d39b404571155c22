//! A checked and compiled rule set.

use super::detection::Detection;
use super::dispatch::{Dispatch, FoundBy};
use super::list::Lists;
use super::model::{Combination, Kind, Matched, Measure, Rule, RuleIndex, Tier};
use super::predicate::Predicate;
use super::sharing::Answers;
use crate::event::{Event, FieldId, FieldSet, Source};
use crate::units::Span;
use std::sync::Arc;

/// All rules that can alert, ready to match. Immutable and shared between partitions.
#[derive(Debug, Clone)]
pub struct RuleSet {
    pub(super) rules: Vec<Rule>,
    pub(super) fields: FieldSet,
    pub(super) conditions: Vec<CompiledCondition>,
    pub(super) dispatch: Dispatch,
    pub(super) lists: Lists,
    pub(super) fingerprint: u32,
}

/// The condition of one base rule and the rules that count its matches.
#[derive(Debug, Clone)]
pub(super) struct CompiledCondition {
    /// Name of the base rule, and what it was compiled from, filters last: explanations walk it.
    pub(super) base: Box<str>,
    pub(super) detections: Arc<[Detection]>,
    /// Names of the filters, each with a hash of what it says.
    pub(super) filters: Box<[(Box<str>, u64)]>,
    pub(super) source: Source,
    pub(super) predicate: Predicate,
    /// What is left to ask when the dispatch found it by the event's source and name.
    pub(super) rest: Predicate,
    pub(super) rules: Box<[Matched]>,
}

/// A rule whose matches another one counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// Its place among the rules that are referred to.
    pub number: u8,
    /// Its name.
    pub name: String,
    /// The rule itself, where what it finds is counted and not the events that match it.
    pub found_by: Option<RuleIndex>,
}

/// From which amount on a probe fires: rules together have one where they hold, and else none.
fn least_of(measure: &Measure) -> u64 {
    u64::from(matches!(measure, Measure::Rules { .. }))
}

/// The places of the bits that are set.
fn numbers(bits: u32) -> impl Iterator<Item = u8> {
    (0..32).filter(move |number| bits >> number & 1 == 1)
}

impl RuleSet {
    /// The rules that can alert, by index.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// One rule.
    ///
    /// # Panics
    /// For an index of another rule set.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "an index is made only with its rule set")]
    pub fn rule(&self, index: RuleIndex) -> &Rule {
        &self.rules[usize::from(index.0)]
    }

    /// The rule with this name or id.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<RuleIndex> {
        let is_called = |rule: &Rule| rule.text.name == name || rule.text.id == name;
        let at = self.rules.iter().position(is_called)?;
        u16::try_from(at).ok().map(RuleIndex)
    }

    /// Every field that a decoder must extract for these rules.
    #[must_use]
    pub fn fields(&self) -> &FieldSet {
        &self.fields
    }

    /// Puts the rules that `event` matches into `out`, ascending, each once with all by which it matches.
    ///
    /// Clears `out` first; allocates only while `out` grows. A rule matches when the condition of
    /// one of its base rules holds. `event` must come from a decoder built with [`Self::fields`].
    pub fn matching(&self, event: &Event<'_>, out: &mut Vec<Matched>) {
        out.clear();
        let answers = Answers::default();
        self.dispatch.candidates(event, |at, found_by| {
            let Some(condition) = self.conditions.get(at) else { return };
            let asked = match found_by {
                FoundBy::Pair => &condition.rest,
                FoundBy::Less => &condition.predicate,
            };
            if condition.source == event.source && asked.answer(event, &answers) {
                out.extend_from_slice(&condition.rules);
            }
        });
        if out.len() > 1 {
            out.sort_unstable();
            out.dedup_by(|next, kept| {
                let is_same = next.rule == kept.rule;
                if is_same {
                    kept.bases |= next.bases;
                }
                is_same
            });
        }
    }

    /// The same rules, with every window firing from an amount of zero on and at every event that it
    /// counts, and none of them counting what another finds. State ids are the same, so it reads any
    /// state of these rules: a way to ask how far a group is.
    #[must_use]
    pub fn as_probe(&self) -> RuleSet {
        let mut probe = self.clone();
        for rule in &mut probe.rules {
            rule.dedup.period = Span::ZERO;
            rule.silent = false;
            rule.feeds.clear();
            if let Kind::Window(window) = &mut rule.kind {
                window.tiers = vec![Tier { gte: least_of(&window.measure), level: rule.level }];
                window.closes = false;
            }
        }
        probe
    }

    /// What a rule counts, in the order of its `rules`; itself for a detection.
    #[must_use]
    pub fn counted_by(&self, rule: RuleIndex) -> Vec<Counted> {
        let mut counted: Vec<Counted> = Vec::new();
        for condition in &self.conditions {
            let bases = condition.rules.iter().filter(|one| one.rule == rule);
            for number in bases.flat_map(|one| numbers(one.bases)) {
                counted.push(Counted { number, name: condition.base.to_string(), found_by: None });
            }
        }
        for (at, inner) in (0u16..).zip(&self.rules) {
            let feeds = inner.feeds.iter().filter(|(outer, _)| *outer == rule);
            counted.extend(feeds.map(|(_, number)| Counted {
                number: *number,
                name: inner.text.name.clone(),
                found_by: Some(RuleIndex(at)),
            }));
        }
        counted.sort_by_key(|one| one.number);
        // One base may come with several sets of filters.
        counted.dedup_by_key(|one| one.number);
        counted
    }

    /// The same rules, with this one firing at every event that it counts, whatever the amount: as it
    /// stands in [`Self::as_probe`], while those that it counts find what they find.
    ///
    /// With `together` it asks for this one of the rules that it counts and for no other. With `beside`
    /// it also counts whatever these rules are asked, as one more rule that it refers to, in the group
    /// of these fields: a way to ask for its window when nothing has come to it.
    #[must_use]
    pub fn as_probe_of(
        &self,
        rule: RuleIndex,
        together: Option<u8>,
        beside: Option<(&[RuleIndex], &[FieldId])>,
    ) -> RuleSet {
        let spare = self.counted_by(rule).last().map_or(0, |last| last.number.saturating_add(1));
        let mut probe = self.clone();
        let Some(asked) = probe.rules.get_mut(usize::from(rule.0)) else { return probe };
        asked.dedup.period = Span::ZERO;
        asked.silent = false;
        if let Kind::Window(window) = &mut asked.kind {
            window.tiers = vec![Tier { gte: least_of(&window.measure), level: asked.level }];
            window.closes = false;
            match (&mut window.measure, together) {
                (Measure::Rules { any_of, ordered }, Some(number)) => {
                    *any_of = vec![Combination { all: vec![number], none: Vec::new() }];
                    *ordered = false;
                }
                // It gives no signal.
                (Measure::Signals { of }, _) => of.push(None),
                _ => {}
            }
        }
        let Some((inner, group_by)) = beside else { return probe };
        if !asked.group_by_of.is_empty() {
            let way = u16::try_from(asked.group_by_of.len()).unwrap_or(u16::MAX);
            asked.group_by_of.push(group_by.to_vec());
            if !asked.first_way.is_empty() {
                asked.first_way.push(way);
            }
        }
        let Some(bases) = 1u32.checked_shl(spare.into()) else { return probe };
        for condition in &mut probe.conditions {
            if condition.rules.iter().any(|one| inner.contains(&one.rule)) {
                let one_more = Matched { rule, bases };
                condition.rules = condition.rules.iter().copied().chain([one_more]).collect();
            }
        }
        probe
    }

    /// The values of a list, with those of the deployment in place.
    #[must_use]
    pub fn list(&self, name: &str) -> Option<&[String]> {
        self.lists.values(name)
    }

    /// Hash of everything that decides findings: rules, lists and tuning; not their tests.
    #[must_use]
    pub fn fingerprint(&self) -> u32 {
        self.fingerprint
    }
}
