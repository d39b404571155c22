//! A checked and compiled rule set.

use super::detection::Detection;
use super::dispatch::{Dispatch, FoundBy};
use super::list::Lists;
use super::model::{Kind, Matched, Rule, RuleIndex, Tier};
use super::predicate::Predicate;
use super::sharing::Answers;
use crate::event::{Event, FieldSet, Source};
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
                window.tiers = vec![Tier { gte: 0, level: rule.level }];
                window.closes = false;
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
