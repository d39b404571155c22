//! Why a rule matches an event or does not: its condition as a tree, each part with its answer.
//!
//! Walks the detection as it was written and asks each item with the very predicate that matching
//! compiles of it; only the joining is done again here, one node at a time and without a short cut, so
//! that every part has an answer. A test holds both against each other over all events there are.
//! Is for people: compiles what it asks, and allocates.

use super::compile::Compiler;
use super::condition::{Condition, Quantity};
use super::detection::{Detection, Item, Search};
use super::model::RuleIndex;
use super::set::{CompiledCondition, RuleSet};
use crate::event::{Event, FieldSet, Number, Value};

/// A base rule's condition and what an event answers to it.
#[derive(Debug, Clone, PartialEq)]
pub struct ExplainedBase {
    /// Name of the base rule; the rule's own unless it counts others.
    pub base: String,
    /// The rules that alert on its matches.
    pub rules: Vec<RuleIndex>,
    /// Whether the event is of the log that it reads.
    pub reads_source: bool,
    /// Its condition.
    pub condition: Node,
}

/// A part of a condition with its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What is asked.
    pub question: Question,
    /// Whether it holds.
    pub holds: bool,
    /// The parts that it joins; none for an item.
    pub parts: Vec<Node>,
}

/// What a part of a condition asks.
#[derive(Debug, Clone, PartialEq)]
pub enum Question {
    /// All parts hold.
    All,
    /// Some part holds.
    Any,
    /// The part does not hold.
    Not,
    /// A search, by name.
    Search(String),
    /// `1 of PATTERN` or `all of PATTERN`, as written.
    Several(String),
    /// One of the maps of a search that is a list, from 1.
    Alternative(usize),
    /// A field.
    Item(Asked),
}

/// A question to one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Field and modifiers as the author wrote them.
    pub key: String,
    /// The values as written; a list with how many values it has.
    pub wanted: Vec<String>,
    /// The event's value as JSON; `None` when the field is absent. Chosen by whoever made the event:
    /// not to be shown as it is.
    pub seen: Option<String>,
}

impl ExplainedBase {
    /// Whether the event matches.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.reads_source && self.condition.holds
    }
}

impl RuleSet {
    /// What the event answers to the condition of each base rule, in the order of the rules.
    ///
    /// `event` must come from a decoder built with [`Self::fields`].
    #[must_use]
    pub fn explain(&self, event: &Event<'_>) -> Vec<ExplainedBase> {
        self.conditions.iter().map(|condition| self.explain_base(condition, event)).collect()
    }

    fn explain_base(&self, condition: &CompiledCondition, event: &Event<'_>) -> ExplainedBase {
        // Every field of a loaded rule has its number; asking again gives the same one.
        let mut walk = Walk { set: self, fields: self.fields.clone(), event };
        let parts = condition.detections.iter();
        let mut parts: Vec<Node> =
            parts.map(|detection| walk.condition(&detection.condition, detection)).collect();
        let explained = match (parts.len(), parts.pop()) {
            (1, Some(only)) => only,
            // The rule's own condition, and those of the filters on it.
            (_, last) => all(Question::All, parts.into_iter().chain(last).collect()),
        };
        ExplainedBase {
            base: condition.base.to_string(),
            rules: condition.rules.iter().map(|one| one.rule).collect(),
            reads_source: condition.source == event.source,
            condition: explained,
        }
    }
}

struct Walk<'w, 'e> {
    set: &'w RuleSet,
    fields: FieldSet,
    event: &'w Event<'e>,
}

impl Walk<'_, '_> {
    fn condition(&mut self, condition: &Condition, detection: &Detection) -> Node {
        match condition {
            Condition::Search { name, .. } => {
                let found = detection.searches.iter().find(|search| search.name == *name);
                match found {
                    Some(search) => self.search(search),
                    // The check refuses such rules.
                    None => any(Question::Search(name.clone()), Vec::new()),
                }
            }
            Condition::Several { quantity, pattern, .. } => {
                let written = pattern.as_deref().unwrap_or("them");
                let (quantity, searches) = detection.several(*quantity, pattern.as_deref());
                let parts = searches.into_iter().map(|search| self.search(search)).collect();
                match quantity {
                    Quantity::One => any(Question::Several(format!("1 of {written}")), parts),
                    Quantity::All => all(Question::Several(format!("all of {written}")), parts),
                }
            }
            Condition::Not(inner) => {
                let inner = self.condition(inner, detection);
                Node { question: Question::Not, holds: !inner.holds, parts: vec![inner] }
            }
            Condition::All(parts) => {
                let parts = parts.iter().map(|part| self.condition(part, detection)).collect();
                all(Question::All, parts)
            }
            Condition::Any(parts) => {
                let parts = parts.iter().map(|part| self.condition(part, detection)).collect();
                any(Question::Any, parts)
            }
        }
    }

    fn search(&mut self, search: &Search) -> Node {
        let question = Question::Search(search.name.clone());
        match search.alternatives.as_slice() {
            [items] => all(question, items.iter().map(|item| self.item(item)).collect()),
            several => {
                let alternatives = (1..).zip(several).map(|(number, items)| {
                    let parts = items.iter().map(|item| self.item(item)).collect();
                    all(Question::Alternative(number), parts)
                });
                let alternatives = alternatives.collect();
                any(question, alternatives)
            }
        }
    }

    fn item(&mut self, item: &Item) -> Node {
        let mut compiler = Compiler::new(&mut self.fields, &self.set.lists);
        let holds = compiler.item(item).holds(self.event);
        let seen = self.fields.get(&item.ask.field).map(|field| self.event.value(field));
        let asked = Asked {
            key: item.written.key.clone(),
            wanted: item.written.values.iter().map(|value| self.wanted(item, value)).collect(),
            seen: seen.and_then(shown),
        };
        Node { question: Question::Item(asked), holds, parts: Vec::new() }
    }

    fn wanted(&self, item: &Item, value: &str) -> String {
        let name = value.strip_prefix('%').and_then(|value| value.strip_suffix('%'));
        match name.filter(|_| item.ask.expands).and_then(|name| self.set.list(name)) {
            Some([]) => format!("{value} (empty)"),
            Some([one]) => format!("{value} ({one})"),
            Some(values) => format!("{value} ({} values)", values.len()),
            None => value.to_owned(),
        }
    }
}

fn all(question: Question, parts: Vec<Node>) -> Node {
    Node { question, holds: parts.iter().all(|part| part.holds), parts }
}

fn any(question: Question, parts: Vec<Node>) -> Node {
    Node { question, holds: parts.iter().any(|part| part.holds), parts }
}

/// A value as JSON.
fn shown(value: &Value<'_>) -> Option<String> {
    let number = |number: &Number| super::scalar_text::number_text(*number);
    Some(match value {
        Value::Absent => return None,
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => number(value),
        Value::Text(text) => serde_json::Value::from(&**text).to_string(),
        Value::List(members) => {
            let members: Vec<String> = members.iter().filter_map(shown).collect();
            format!("[{}]", members.join(","))
        }
        Value::Object(text) => text.clone().into_owned(),
    })
}
