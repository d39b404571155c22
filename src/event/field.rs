//! The names of the fields that the loaded rules use, as small numbers.

use std::collections::HashMap;

/// Index of a field in a [`FieldSet`] and of its value in an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldId(pub u16);

/// Every field that is extracted from an event; all others are skipped (sources.md §2.1, rules.md §5).
///
/// Names are dotted paths into the entry (`userIdentity.type`, `requestParameters.bucketName`) or
/// derived fields (`tidegate.principal`). A path descends into arrays: the value is then a list.
#[derive(Debug, Clone, Default)]
pub struct FieldSet {
    names: Vec<Box<str>>,
    by_name: HashMap<Box<str>, FieldId>,
}

impl FieldSet {
    /// The number of `name`, a new one when it was not known.
    ///
    /// `resources.ARN` and `resources.arn` are one field (semantics.md §4).
    ///
    /// # Panics
    /// Never in practice: a rule set would need more than 65,535 different fields.
    pub fn intern(&mut self, name: &str) -> FieldId {
        let name = if name == "resources.ARN" { "resources.arn" } else { name };
        if let Some(&known) = self.by_name.get(name) {
            return known;
        }
        let id = FieldId(u16::try_from(self.names.len()).expect("fewer than 65,536 fields"));
        self.names.push(name.into());
        self.by_name.insert(name.into(), id);
        id
    }

    /// The number of a known field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<FieldId> {
        self.by_name.get(name).copied()
    }

    /// The name behind a number of this set; empty for a number of another set.
    #[must_use]
    pub fn name(&self, id: FieldId) -> &str {
        self.names.get(usize::from(id.0)).map_or("", |name| name)
    }

    /// How many fields there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether no field is wanted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Numbers and names, in order of number.
    pub fn iter(&self) -> impl Iterator<Item = (FieldId, &str)> {
        (0u16..).map(FieldId).zip(self.names.iter().map(AsRef::as_ref))
    }
}
