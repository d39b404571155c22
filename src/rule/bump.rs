//! `tidegate.context`: a finding about a bucket that matters is one step more severe.

use super::predicate::Predicate;
use crate::event::{Event, FieldId};

/// What `bump` may name besides lists: tables that fill with events. There is none yet to fill this
/// one, so no bucket is in it.
pub(super) const TABLES: [&str; 1] = ["macie_buckets"];

/// The lists of `bump`, compiled.
#[derive(Debug, Clone)]
pub struct Bump {
    /// What the lists are asked about.
    pub(super) field: FieldId,
    /// Names, and whether the event's bucket is in the list.
    pub(super) lists: Vec<(String, Predicate)>,
}

impl Bump {
    /// The fields that it looks at.
    #[must_use]
    pub fn fields(&self) -> &[FieldId] {
        std::slice::from_ref(&self.field)
    }

    /// The first list that holds the event's bucket: the severity is one step higher for it.
    #[must_use]
    pub fn list(&self, event: &Event<'_>) -> Option<&str> {
        let found = self.lists.iter().find(|(_, predicate)| predicate.holds(event));
        found.map(|(name, _)| name.as_str())
    }
}
