//! `fieldref`: a field is compared with what other fields of the same event hold.

use super::caseless;
use super::glob::Case;
use super::scalar_text::with_text;
use crate::event::{Event, FieldId, Value};

/// The other fields and how they are compared.
#[derive(Debug, Clone)]
pub(super) struct References {
    /// At least one.
    pub(super) others: Box<[FieldId]>,
    pub(super) relation: Relation,
    pub(super) case: Case,
    /// `all`: each of the others, not one of them.
    pub(super) wants_all: bool,
    /// `neq`: true when some member, or a missing field, does not compare.
    pub(super) is_negated: bool,
}

/// What the field's text must do with the other's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    Equals,
    StartsWith,
    EndsWith,
    Contains,
}

impl References {
    /// Whether the condition holds for the value of the field that stands on the left.
    pub(super) fn hold(&self, event: &Event<'_>, value: &Value<'_>) -> bool {
        match value {
            Value::List(members) => members.iter().any(|member| self.hold(event, member)),
            single => self.compares(event, single) != self.is_negated,
        }
    }

    fn compares(&self, event: &Event<'_>, value: &Value<'_>) -> bool {
        let mut others = self.others.iter().map(|other| event.value(*other));
        let compares = |other: &Value<'_>| {
            // An empty text is in every other, which says nothing.
            let says = |text: &str| !text.is_empty() || self.relation == Relation::Equals;
            some_text(other, &|text| says(text) && self.relate(value, text))
        };
        if self.wants_all { others.all(compares) } else { others.any(compares) }
    }

    fn relate(&self, value: &Value<'_>, other: &str) -> bool {
        with_text(value, |text| match (self.case, self.relation) {
            (Case::Matters, Relation::Equals) => text == other,
            (Case::Matters, Relation::StartsWith) => text.starts_with(other),
            (Case::Matters, Relation::EndsWith) => text.ends_with(other),
            (Case::Matters, Relation::Contains) => text.contains(other),
            (Case::Ignored, Relation::Equals) => caseless::are_equal(text, other),
            (Case::Ignored, relation) => {
                // Both sides are of the event, so nothing can be prepared; such rules are rare.
                let (text, other) = (text.to_lowercase(), other.to_lowercase());
                match relation {
                    Relation::StartsWith => text.starts_with(&other),
                    Relation::EndsWith => text.ends_with(&other),
                    Relation::Equals | Relation::Contains => text.contains(&other),
                }
            }
        })
    }
}

/// Whether `accepts` says yes to the text of the value or of some member of it.
fn some_text(value: &Value<'_>, accepts: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Value::List(members) => members.iter().any(|member| some_text(member, accepts)),
        single => with_text(single, |text| accepts(text)),
    }
}
