//! A store in memory: for scans without a state directory, and for tests.

use super::{Changes, Store, StoreError};
use crate::units::Position;
use std::collections::BTreeMap;
use std::ops::Bound;

/// Committed rows in a sorted map; gone with the process.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    rows: BTreeMap<Box<[u8]>, Box<[u8]>>,
    changelog: Option<Position>,
}

impl MemoryStore {
    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Rows in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.rows.iter().map(|(key, value)| (&**key, &**value))
    }
}

impl Store for MemoryStore {
    fn get(&self, key: &[u8], read: &mut dyn FnMut(&[u8])) -> Result<bool, StoreError> {
        let row = self.rows.get(key);
        if let Some(value) = row {
            read(value);
        }
        Ok(row.is_some())
    }

    fn scan(&self, prefix: &[u8], each: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), StoreError> {
        let from = (Bound::Included(prefix), Bound::Unbounded);
        for (key, value) in self.rows.range::<[u8], _>(from) {
            if !key.starts_with(prefix) {
                break;
            }
            each(key, value);
        }
        Ok(())
    }

    fn apply(&mut self, changes: &Changes, changelog: Option<Position>) -> Result<(), StoreError> {
        for change in changes.iter() {
            match change.value {
                Some(value) => drop(self.rows.insert(change.key.into(), value.into())),
                None => drop(self.rows.remove(change.key)),
            }
        }
        if changelog.is_some() {
            self.changelog = changelog;
        }
        Ok(())
    }

    fn changelog_position(&self) -> Result<Option<Position>, StoreError> {
        Ok(self.changelog)
    }
}
