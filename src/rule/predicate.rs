//! Compiled conditions: what one event is asked (rules.md §1, semantics.md §4).
//!
//! Two layers: a [`Predicate`] asks fields and combines answers; a [`Test`] asks one member of a
//! field's value. Lists live between them, so "any member" is written once.

use super::caseless::{CaselessSet, CaselessText};
use super::field_reference::References;
use super::glob::Glob;
use super::networks::NetworkTable;
use super::record_text;
use super::scalar_text::with_text;
use super::sharing::Answers;
use super::time_part::TimePart;
use crate::event::{Event, FieldId, Number, Value};
use aho_corasick::AhoCorasick;
use regex::Regex;
use std::collections::HashSet;
use std::sync::Arc;

/// One compiled condition. Built when rules load; evaluation allocates nothing.
#[derive(Debug, Clone)]
pub(super) enum Predicate {
    /// Some member of the field's value passes.
    Some(FieldId, Test),
    /// `neq`: some member does not pass; true for a missing field that need not be null.
    Differs(FieldId, Test),
    /// `fieldref`: some member compares, or does not, with what other fields hold.
    Refers(FieldId, Box<References>),
    /// The key is there, even with JSON null.
    Exists(FieldId),
    /// Keywords: the text of the whole record passes.
    Record(Test),
    Not(Box<Predicate>),
    All(Box<[Predicate]>),
    Any(Box<[Predicate]>),
    /// Asked by several conditions: the answer is kept under its number.
    Shared(u8, Arc<Predicate>),
    /// What an empty list means (`empty: match-all`, `match-none`).
    Always(bool),
}

/// A question to one member.
#[derive(Debug, Clone)]
pub(super) enum Test {
    /// A missing key or JSON null; `exists` differs.
    Null,
    Is(CaselessText),
    IsExactly(Box<str>),
    /// A hash set: one lookup however long the list is.
    OneOf(Arc<CaselessSet>),
    OneOfExactly(HashSet<Box<str>, foldhash::fast::FixedState>),
    StartsWith(CaselessText),
    StartsExactlyWith(Box<str>),
    EndsWith(CaselessText),
    EndsExactlyWith(Box<str>),
    /// Attacker-chosen text meets this: the automaton is linear in the text for every pattern set.
    ContainsAny(Arc<Alternation>),
    Fits(Glob),
    /// Linear in the text as well: the syntax has no look-around and no back-references.
    Matches(Regex),
    InNetworks(Arc<NetworkTable>),
    Compares(Comparison, Number),
    /// A number out of a time.
    Part(TimePart, Comparison, Number),
    Any(Box<[Test]>),
    All(Box<[Test]>),
}

/// Texts that are looked for together.
#[derive(Debug)]
pub(super) struct Alternation {
    pub(super) texts: Vec<String>,
    pub(super) automaton: AhoCorasick,
}

/// `lt`, `lte`, `gt`, `gte`; equality for parts of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Below,
    AtMost,
    Equal,
    Above,
    AtLeast,
}

impl Predicate {
    /// Whether the condition holds for the event.
    pub(super) fn holds(&self, event: &Event<'_>) -> bool {
        self.answer(event, &Answers::default())
    }

    /// The same beside other conditions on the event; `answers` is what these have asked.
    pub(super) fn answer(&self, event: &Event<'_>, answers: &Answers) -> bool {
        match self {
            Predicate::Some(field, test) => some_member(event.value(*field), test, Passes),
            Predicate::Differs(field, test) => some_member(event.value(*field), test, Fails),
            Predicate::Refers(field, references) => references.hold(event, event.value(*field)),
            Predicate::Exists(field) => !matches!(event.value(*field), Value::Absent),
            Predicate::Record(test) => test.accepts_either(&record_text::of(event.raw)),
            Predicate::Not(inner) => !inner.answer(event, answers),
            Predicate::All(all) => all.iter().all(|one| one.answer(event, answers)),
            Predicate::Any(any) => any.iter().any(|one| one.answer(event, answers)),
            Predicate::Shared(number, inner) => {
                answers.of(*number, || inner.answer(event, answers))
            }
            Predicate::Always(answer) => *answer,
        }
    }

    /// Texts of which `field` must be one for the condition to hold; `None` when others may do.
    ///
    /// The dispatch rests on it, so it must never leave a text out. What it returns is lower case.
    pub(super) fn required_texts(&self, field: FieldId) -> Option<Vec<String>> {
        match self {
            Predicate::Some(asked, test) if *asked == field => test.required_texts(),
            Predicate::All(all) => {
                all.iter().filter_map(|one| one.required_texts(field)).min_by_key(Vec::len)
            }
            Predicate::Any(any) => {
                let each: Option<Vec<_>> =
                    any.iter().map(|one| one.required_texts(field)).collect();
                let mut texts = each?.concat();
                texts.sort_unstable();
                texts.dedup();
                Some(texts)
            }
            Predicate::Always(false) => Some(Vec::new()),
            Predicate::Shared(_, inner) => inner.required_texts(field),
            _ => None,
        }
    }

    /// The condition for events whose `field` is known to be one of the required texts but for case: what
    /// that answers is left out.
    pub(super) fn beside(&self, field: FieldId) -> Predicate {
        // A field that is missing is looked up as the empty text, and is none.
        if self.required_texts(field).is_none_or(|texts| texts.iter().any(String::is_empty)) {
            return self.clone();
        }
        match self {
            Predicate::Some(asked, test) if *asked == field && test.is_asking_texts_alone() => {
                Predicate::Always(true)
            }
            Predicate::All(all) => {
                let texts = |one: &Predicate| one.required_texts(field).map(|texts| texts.len());
                let each = all.iter().enumerate();
                let deciding = each.filter_map(|(at, one)| Some((at, texts(one)?)));
                let deciding = deciding.min_by_key(|&(_, len)| len).map(|(at, _)| at);
                let rest = all.iter().enumerate().map(|(at, one)| {
                    if deciding == Some(at) { one.beside(field) } else { one.clone() }
                });
                let rest = rest.filter(|one| !matches!(one, Predicate::Always(true)));
                Predicate::All(rest.collect())
            }
            _ => self.clone(),
        }
    }

    /// A rough order of price, so that cheap questions are asked first.
    pub(super) fn price(&self) -> u32 {
        match self {
            Predicate::Always(_) | Predicate::Exists(_) => 0,
            Predicate::Some(_, test) | Predicate::Differs(_, test) => test.price(),
            Predicate::Refers(..) => 4,
            // The record is long.
            Predicate::Record(test) => test.price().saturating_mul(64),
            Predicate::Not(inner) => inner.price(),
            Predicate::Shared(_, inner) => inner.price(),
            Predicate::All(several) | Predicate::Any(several) => {
                several.iter().map(Predicate::price).fold(1, u32::saturating_add)
            }
        }
    }
}

use Answer::{Fails, Passes};

/// The answer that is looked for among the members.
#[derive(Clone, Copy, PartialEq)]
enum Answer {
    Passes,
    Fails,
}

fn some_member(value: &Value<'_>, test: &Test, wanted: Answer) -> bool {
    match value {
        Value::List(members) => members.iter().any(|member| some_member(member, test, wanted)),
        single => test.passes(single) == (wanted == Passes),
    }
}

impl Test {
    fn passes(&self, member: &Value<'_>) -> bool {
        match self {
            Test::Null => member.is_nothing(),
            Test::Compares(comparison, limit) => {
                as_number(member).is_some_and(|number| comparison.holds(number, *limit))
            }
            Test::Part(part, comparison, limit) => {
                part.of(member).is_some_and(|number| comparison.holds(number, *limit))
            }
            Test::Any(tests) => tests.iter().any(|test| test.passes(member)),
            Test::All(tests) => tests.iter().all(|test| test.passes(member)),
            _ => with_text(member, |text| self.accepts(text)),
        }
    }

    /// The same for a text that is no value of a field.
    fn accepts_either(&self, text: &str) -> bool {
        match self {
            Test::Any(tests) => tests.iter().any(|test| test.accepts(text)),
            Test::All(tests) => tests.iter().all(|test| test.accepts(text)),
            _ => self.accepts(text),
        }
    }

    fn accepts(&self, text: &str) -> bool {
        match self {
            Test::Is(wanted) => wanted.is(text),
            Test::IsExactly(wanted) => &**wanted == text,
            Test::OneOf(set) => set.contains(text),
            Test::OneOfExactly(set) => set.contains(text),
            Test::StartsWith(start) => start.starts(text),
            Test::StartsExactlyWith(start) => text.starts_with(&**start),
            Test::EndsWith(end) => end.ends(text),
            Test::EndsExactlyWith(end) => text.ends_with(&**end),
            Test::ContainsAny(alternation) => alternation.automaton.is_match(text),
            Test::Fits(glob) => glob.is_match(text),
            Test::Matches(regex) => regex.is_match(text),
            Test::InNetworks(networks) => networks.contains(text),
            Test::Null | Test::Compares(..) | Test::Part(..) | Test::Any(_) | Test::All(_) => false,
        }
    }

    pub(super) fn required_texts(&self) -> Option<Vec<String>> {
        match self {
            // Others than ASCII compare by rules that a hash over bytes does not know.
            Test::Is(text) if text.as_lowered().is_ascii() => Some(vec![text.as_lowered().into()]),
            Test::IsExactly(text) if text.is_ascii() => Some(vec![text.to_ascii_lowercase()]),
            Test::OneOf(set) => Some(set.iter().map(ToOwned::to_owned).collect()),
            Test::OneOfExactly(set) if set.iter().all(|text| text.is_ascii()) => {
                Some(set.iter().map(|text| text.to_ascii_lowercase()).collect())
            }
            Test::Any(tests) => {
                let each: Option<Vec<_>> = tests.iter().map(Test::required_texts).collect();
                Some(each?.concat())
            }
            _ => None,
        }
    }

    /// Whether it passes each of its required texts, in any case.
    fn is_asking_texts_alone(&self) -> bool {
        match self {
            Test::Is(_) | Test::OneOf(_) => true,
            Test::Any(tests) => tests.iter().all(Test::is_asking_texts_alone),
            _ => false,
        }
    }

    fn price(&self) -> u32 {
        match self {
            Test::Null => 0,
            Test::Is(_) | Test::IsExactly(_) | Test::OneOf(_) | Test::OneOfExactly(_) => 1,
            Test::StartsWith(_)
            | Test::StartsExactlyWith(_)
            | Test::EndsWith(_)
            | Test::EndsExactlyWith(_)
            | Test::Compares(..) => 2,
            Test::InNetworks(_) | Test::Part(..) => 4,
            Test::Fits(_) | Test::ContainsAny(_) => 8,
            Test::Matches(_) => 16,
            Test::Any(tests) | Test::All(tests) => {
                tests.iter().map(Test::price).fold(1, u32::saturating_add)
            }
        }
    }
}

impl Comparison {
    fn holds(self, left: Number, right: Number) -> bool {
        let order = match (as_integer(left), as_integer(right)) {
            (Some(left), Some(right)) => Some(left.cmp(&right)),
            _ => as_float(left).partial_cmp(&as_float(right)),
        };
        order.is_some_and(|order| match self {
            Comparison::Below => order.is_lt(),
            Comparison::AtMost => order.is_le(),
            Comparison::Equal => order.is_eq(),
            Comparison::Above => order.is_gt(),
            Comparison::AtLeast => order.is_ge(),
        })
    }
}

fn as_number(value: &Value<'_>) -> Option<Number> {
    match value {
        Value::Number(number) => Some(*number),
        Value::Text(text) => parse_number(text),
        _ => None,
    }
}

/// A number in a text; no `inf`, no `nan`.
pub(super) fn parse_number(text: &str) -> Option<Number> {
    let text = text.trim();
    if let Ok(value) = text.parse::<u64>() {
        return Some(Number::Unsigned(value));
    }
    if let Ok(value) = text.parse::<i64>() {
        return Some(Number::Signed(value));
    }
    let value = text.parse::<f64>().ok()?;
    value.is_finite().then_some(Number::Float(value))
}

fn as_integer(number: Number) -> Option<i128> {
    match number {
        Number::Unsigned(value) => Some(value.into()),
        Number::Signed(value) => Some(value.into()),
        Number::Float(_) => None,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a comparison with a fraction is approximate anyway"
)]
fn as_float(number: Number) -> f64 {
    match number {
        Number::Unsigned(value) => value as f64,
        Number::Signed(value) => value as f64,
        Number::Float(value) => value,
    }
}
