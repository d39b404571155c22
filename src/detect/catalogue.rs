//! What the engine asks of a rule set.

use crate::event::{Event, FieldSet};
use crate::rule::{Matched, Rule, RuleSet};

/// The loaded rules, as the engine sees them.
pub trait Catalogue {
    /// All alerting rules; [`crate::rule::RuleIndex`] counts in this order.
    fn rules(&self) -> &[Rule];

    /// Puts the rules that `event` matches into `out`, ascending, each once; clears `out` first.
    fn matching(&self, event: &Event<'_>, out: &mut Vec<Matched>);

    /// The fields that events carry.
    fn fields(&self) -> &FieldSet;
}

impl Catalogue for RuleSet {
    fn rules(&self) -> &[Rule] {
        RuleSet::rules(self)
    }

    fn matching(&self, event: &Event<'_>, out: &mut Vec<Matched>) {
        RuleSet::matching(self, event, out);
    }

    fn fields(&self) -> &FieldSet {
        RuleSet::fields(self)
    }
}
