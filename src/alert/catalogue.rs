//! What an alert needs to know of the loaded rules.

use crate::event::FieldSet;
use crate::rule::{Rule, RuleIndex, RuleSet};

/// The rule set that raised a finding, as far as an alert looks into it.
///
/// A trait, so that alerts can be written and tested for rules that no file holds.
pub trait Catalogue {
    /// The rule behind an index that a finding of this catalogue carries.
    fn rule(&self, index: RuleIndex) -> &Rule;
    /// The values of a list, by its name without `%`.
    fn list(&self, name: &str) -> Option<&[String]>;
    /// The names of the fields that rules refer to by number.
    fn fields(&self) -> &FieldSet;
    /// Fingerprint of everything that was loaded; `alert_context.rules_fingerprint`.
    fn fingerprint(&self) -> u32;
}

impl Catalogue for RuleSet {
    fn rule(&self, index: RuleIndex) -> &Rule {
        RuleSet::rule(self, index)
    }

    fn list(&self, name: &str) -> Option<&[String]> {
        RuleSet::list(self, name)
    }

    fn fields(&self) -> &FieldSet {
        RuleSet::fields(self)
    }

    fn fingerprint(&self) -> u32 {
        RuleSet::fingerprint(self)
    }
}
