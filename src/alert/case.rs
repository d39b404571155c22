//! Everything known about one finding while its alert is written.

use super::catalogue::Catalogue;
use super::context::Scalar;
use super::identity::Ids;
use super::text::{Cleaner, cap};
use super::value::{Resolved, member};
use super::writer::Settings;
use crate::detect::{Collected, Finding};
use crate::event::{FactNames, Facts};
use crate::rule::Rule;

/// One finding with its rule, the facts of its trigger, its ids and the cleaner of its texts.
pub(super) struct Case<'a> {
    pub(super) settings: &'a Settings,
    pub(super) catalogue: &'a (dyn Catalogue + Send + Sync),
    pub(super) finding: &'a Finding,
    pub(super) rule: &'a Rule,
    pub(super) source_topic: &'a str,
    pub(super) ids: Ids,
    pub(super) cleaner: Cleaner,
    /// `None` when the trigger's bytes cannot be read: the alert then says what the engine knew.
    facts: Option<Facts<'a>>,
}

impl<'a> Case<'a> {
    pub(super) fn new(
        settings: &'a Settings,
        catalogue: &'a (dyn Catalogue + Send + Sync),
        names: &'a FactNames,
        finding: &'a Finding,
        source_topic: &'a str,
    ) -> Case<'a> {
        let rule = catalogue.rule(finding.rule);
        Case {
            settings,
            catalogue,
            finding,
            rule,
            source_topic,
            ids: Ids::of(&rule.text.id, finding),
            cleaner: Cleaner::default(),
            facts: Facts::read(names, rule.source, &finding.trigger),
        }
    }

    /// A field of the trigger as it was written; `None` when absent or empty.
    pub(super) fn fact(&self, name: &str) -> Option<String> {
        self.facts.as_ref()?.text(name).filter(|text| !text.is_empty())
    }

    /// The same, cleaned and cut.
    pub(super) fn clean_fact(&self, name: &str, cap: usize) -> Option<String> {
        self.cleaner.some(&self.fact(name)?, cap)
    }

    /// A value of the group key, else the same field of the trigger. Under one of them the engine
    /// knew it, and both are equal where both exist.
    pub(super) fn key_or_fact(&self, name: &str) -> Option<String> {
        self.key_value(name).map(str::to_owned).or_else(|| self.fact(name))
    }

    /// The bucket that this is about.
    pub(super) fn bucket(&self) -> Option<String> {
        self.cleaner.some(&self.key_or_fact("tidegate.bucket")?, cap::TEXT)
    }

    /// What a name means in a title or in `alert-context`; the order is that of [`super::context`].
    pub(super) fn resolve(&self, name: &str) -> Option<Resolved> {
        let finding = self.finding;
        if let Some((_, collected)) = finding.collected.iter().find(|(known, _)| known == name) {
            return self.collected(name, collected);
        }
        if let Some(list) = name.strip_prefix('%').and_then(|name| name.strip_suffix('%')) {
            let values = self.catalogue.list(list)?;
            return Resolved::list(values.iter().map(|value| self.text_value(value, cap::TEXT)));
        }
        match name {
            "amount" => return Some(Resolved::One(Scalar::Unsigned(finding.amount))),
            "count" => return Some(Resolved::One(Scalar::Unsigned(finding.count))),
            "threshold" => {
                return finding.threshold.map(|least| Resolved::One(Scalar::Unsigned(least)));
            }
            "first_seen" => return Some(Resolved::time(finding.first_seen)),
            "last_seen" => return Some(Resolved::time(finding.last_seen)),
            _ => {}
        }
        let cap = cap_of(name);
        if let Some(value) = self.key_value(name).filter(|value| !value.is_empty()) {
            return Some(Resolved::One(self.text_value(value, cap)));
        }
        member(&self.facts.as_ref()?.value(name), &|text| self.text_value(text, cap))
    }

    /// A collected value; `None` when no event had one.
    pub(super) fn collected(&self, name: &str, collected: &Collected) -> Option<Resolved> {
        match collected {
            Collected::Amount(amount) => amount.map(|n| Resolved::One(Scalar::Unsigned(n))),
            Collected::Values(values) => {
                let field = self.rule.collect.iter().find(|collect| collect.name == name);
                let field = field.map_or("", |c| self.catalogue.fields().name(c.field));
                let cap = cap_of(field);
                Resolved::list(values.iter().map(|value| self.text_value(value, cap)))
            }
        }
    }

    fn key_value(&self, name: &str) -> Option<&'a str> {
        let mut key = self.finding.group.iter().chain(&self.finding.dedup_key);
        key.find(|(field, _)| field == name)?.1.as_deref()
    }

    fn text_value(&self, text: &str, cap: usize) -> Scalar {
        Scalar::Text(self.cleaner.text(text, cap))
    }
}

/// The cap of a field's text (alerts.md §7).
pub(super) fn cap_of(field: &str) -> usize {
    match field {
        "tidegate.key" | "requestParameters.key" | "requestParameters.Key" => cap::KEY,
        "userIdentity.principalId" | "tidegate.session" => cap::ARN,
        _ if field.starts_with("tidegate.principal") => cap::ARN,
        _ if field.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case("arn")) => {
            cap::ARN
        }
        _ => cap::TEXT,
    }
}
