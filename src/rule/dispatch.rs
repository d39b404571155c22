//! From an event's source and name to the few conditions that may hold for it (rules.md §5).
//!
//! Almost every rule names its `eventSource` or `eventName`. Conditions are filed under the values
//! that they need, so that an event which no rule wants costs two hashes and three look-ups,
//! however many rules there are.

use super::caseless::hash_lowered;
use super::predicate::Predicate;
use crate::event::{Event, FieldId, Value};
use hashbrown::HashTable;

/// Beyond so many combinations a condition is filed under its names alone.
const PAIRS_MAX: usize = 256;

/// Index of conditions by the literals that they need.
#[derive(Debug, Clone)]
pub(super) struct Dispatch {
    source: FieldId,
    name: FieldId,
    by_pair: HashTable<Slot>,
    by_name: HashTable<Slot>,
    by_source: HashTable<Slot>,
    rest: Vec<usize>,
    count: usize,
}

/// What is known of an event when a condition is found for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FoundBy {
    /// Source and name are among the texts that the condition needs.
    Pair,
    Less,
}

#[derive(Debug, Clone)]
struct Slot {
    hash: u64,
    /// Both in lower case; empty where the table does not ask.
    source: Box<str>,
    name: Box<str>,
    conditions: Vec<usize>,
}

impl Dispatch {
    /// Files conditions by their position; `source` and `name` are the fields to look at.
    pub(super) fn new<'a>(
        source: FieldId,
        name: FieldId,
        conditions: impl Iterator<Item = &'a Predicate>,
    ) -> Self {
        let mut dispatch = Self {
            source,
            name,
            by_pair: HashTable::new(),
            by_name: HashTable::new(),
            by_source: HashTable::new(),
            rest: Vec::new(),
            count: 0,
        };
        for (at, condition) in conditions.enumerate() {
            dispatch.add(at, condition);
            dispatch.count = at + 1;
        }
        dispatch
    }

    fn add(&mut self, at: usize, condition: &Predicate) {
        let sources = condition.required_texts(self.source);
        let names = condition.required_texts(self.name);
        match (sources, names) {
            (Some(sources), Some(names)) if sources.len() * names.len() <= PAIRS_MAX => {
                for source in &sources {
                    for name in &names {
                        file(&mut self.by_pair, source, name, at);
                    }
                }
            }
            (_, Some(names)) => {
                for name in &names {
                    file(&mut self.by_name, "", name, at);
                }
            }
            (Some(sources), None) => {
                for source in &sources {
                    file(&mut self.by_source, source, "", at);
                }
            }
            (None, None) => self.rest.push(at),
        }
    }

    /// Calls `each` with every condition that may hold for the event, none twice.
    pub(super) fn candidates(&self, event: &Event<'_>, mut each: impl FnMut(usize, FoundBy)) {
        let (source, name) = (event.value(self.source), event.value(self.name));
        let (Some(source), Some(name)) = (single_text(source), single_text(name)) else {
            // Lists and numbers are no values of these fields in real logs; ask everything.
            (0..self.count).for_each(|at| each(at, FoundBy::Less));
            return;
        };
        let mut look = |table: &HashTable<Slot>, source: &str, name: &str, found_by| {
            let hash = hash_of(source, name);
            let found = table.find(hash, |slot| {
                slot.source.eq_ignore_ascii_case(source) && slot.name.eq_ignore_ascii_case(name)
            });
            if let Some(slot) = found {
                slot.conditions.iter().for_each(|&at| each(at, found_by));
            }
        };
        if !self.by_pair.is_empty() {
            look(&self.by_pair, source, name, FoundBy::Pair);
        }
        if !self.by_name.is_empty() {
            look(&self.by_name, "", name, FoundBy::Less);
        }
        if !self.by_source.is_empty() {
            look(&self.by_source, source, "", FoundBy::Less);
        }
        self.rest.iter().for_each(|&at| each(at, FoundBy::Less));
    }
}

/// The text of a value that has one or none; `None` for what must be asked member by member.
fn single_text<'a>(value: &'a Value<'_>) -> Option<&'a str> {
    match value {
        Value::Text(text) => Some(text),
        Value::Absent | Value::Null => Some(""),
        _ => None,
    }
}

fn file(table: &mut HashTable<Slot>, source: &str, name: &str, at: usize) {
    let hash = hash_of(source, name);
    let is_same = |slot: &Slot| &*slot.source == source && &*slot.name == name;
    match table.find_mut(hash, is_same) {
        // A condition may need one text twice, once for each alternative.
        Some(slot) if slot.conditions.last() == Some(&at) => {}
        Some(slot) => slot.conditions.push(at),
        None => {
            let slot =
                Slot { hash, source: source.into(), name: name.into(), conditions: vec![at] };
            table.insert_unique(hash, slot, |slot| slot.hash);
        }
    }
}

fn hash_of(source: &str, name: &str) -> u64 {
    hash_lowered(name) ^ hash_lowered(source).rotate_left(31)
}
