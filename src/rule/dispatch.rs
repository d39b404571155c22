//! From an event to the few conditions that may hold for it (rules.md §5).
//!
//! Almost every rule names its `eventSource` or `eventName`. Conditions are filed under the values
//! that they need, so that an event which no rule wants costs two hashes and three look-ups,
//! however many rules there are. Those that need neither are filed under what they do need: the value
//! of some other field (one look-up for each such field), or a part of a field's or of the record's text
//! (one automaton for each, whatever the number of parts). What is left is asked every time.

use super::anchor::{Anchor, Part};
use super::caseless::hash_lowered;
use super::predicate::Predicate;
use super::record_text;
use super::scalar_text::with_text;
use crate::event::{Event, FieldId, Value};
use aho_corasick::{AhoCorasick, MatchKind};
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
    by_value: Vec<ByValue>,
    by_part: Vec<ByPart>,
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

/// Conditions that need one of some values of a field; the value stands in the slot's name.
#[derive(Debug, Clone)]
struct ByValue {
    field: FieldId,
    values: HashTable<Slot>,
}

/// Conditions that need one of some parts of a field's text.
#[derive(Debug, Clone)]
struct ByPart {
    /// `None` is the text of the whole record.
    field: Option<FieldId>,
    parts: Vec<String>,
    /// By part.
    conditions: Vec<Vec<usize>>,
    automaton: Option<AhoCorasick>,
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
            by_value: Vec::new(),
            by_part: Vec::new(),
            rest: Vec::new(),
            count: 0,
        };
        for (at, condition) in conditions.enumerate() {
            dispatch.add(at, condition);
            dispatch.count = at + 1;
        }
        dispatch.build_automata();
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
            (None, None) => self.add_by_anchor(at, condition),
        }
    }

    /// Files a condition that asks neither source nor name under what it does need.
    fn add_by_anchor(&mut self, at: usize, condition: &Predicate) {
        match condition.anchor() {
            Some(Anchor { field: Some(field), part: Part::Whole, texts }) => {
                let place = self.by_value.iter().position(|table| table.field == field);
                let place = place.unwrap_or_else(|| {
                    self.by_value.push(ByValue { field, values: HashTable::new() });
                    self.by_value.len() - 1
                });
                let Some(table) = self.by_value.get_mut(place) else { return };
                for text in &texts {
                    file(&mut table.values, "", text, at);
                }
            }
            Some(Anchor { field, texts, .. }) => {
                let place = self.by_part.iter().position(|table| table.field == field);
                let place = place.unwrap_or_else(|| {
                    self.by_part.push(ByPart::of(field));
                    self.by_part.len() - 1
                });
                let Some(table) = self.by_part.get_mut(place) else { return };
                for text in texts {
                    table.add(text, at);
                }
            }
            None => self.rest.push(at),
        }
    }

    fn build_automata(&mut self) {
        for table in &mut self.by_part {
            let built = AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .match_kind(MatchKind::Standard)
                .build(&table.parts);
            match built {
                Ok(automaton) => table.automaton = Some(automaton),
                // Only beyond the automaton's size limits.
                Err(_) => self.rest.extend(table.conditions.drain(..).flatten()),
            }
        }
        self.rest.sort_unstable();
        self.rest.dedup();
    }

    /// How many conditions are filed under nothing.
    #[cfg(test)]
    pub(super) fn asked_each_time(&self) -> usize {
        self.rest.len()
    }

    /// Calls `each` with every condition that may hold for the event; with one that is found by
    /// several members of a list, more than once.
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
        for table in &self.by_value {
            each_text(event.value(table.field), &mut |text| {
                look(&table.values, "", text, FoundBy::Less);
            });
        }
        for table in &self.by_part {
            let mut found = |at| each(at, FoundBy::Less);
            match table.field {
                Some(field) => {
                    each_text(event.value(field), &mut |text| table.find(text, &mut found));
                }
                None => table.find(&record_text::of(event.raw), &mut found),
            }
        }
        self.rest.iter().for_each(|&at| each(at, FoundBy::Less));
    }
}

impl ByPart {
    fn of(field: Option<FieldId>) -> Self {
        Self { field, parts: Vec::new(), conditions: Vec::new(), automaton: None }
    }

    /// Calls `each` with the conditions of which a part is in the text.
    fn find(&self, text: &str, each: &mut dyn FnMut(usize)) {
        let Some(automaton) = &self.automaton else { return };
        if !text.is_ascii() {
            // Some letters beyond ASCII have an ASCII letter as their lower case, which the
            // automaton does not know.
            self.conditions.iter().flatten().for_each(|&at| each(at));
            return;
        }
        for found in automaton.find_overlapping_iter(text) {
            let conditions = self.conditions.get(found.pattern().as_usize());
            conditions.into_iter().flatten().for_each(|&at| each(at));
        }
    }

    fn add(&mut self, part: String, at: usize) {
        let known = self.parts.iter().position(|other| *other == part);
        match known.and_then(|known| self.conditions.get_mut(known)) {
            Some(conditions) => conditions.push(at),
            None => {
                self.parts.push(part);
                self.conditions.push(vec![at]);
            }
        }
    }
}

/// The texts of a value and of its members; absent and null have none.
fn each_text(value: &Value<'_>, take: &mut dyn FnMut(&str)) {
    match value {
        Value::List(members) => members.iter().for_each(|member| each_text(member, take)),
        single => {
            with_text(single, |text| {
                take(text);
                true
            });
        }
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
