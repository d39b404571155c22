//! Detection → predicate over projected fields.

use super::caseless::{CaselessSet, CaselessText};
use super::condition::{Condition, Quantity};
use super::detection::{Detection, Item, Operand, Search};
use super::glob::{Case, Glob};
use super::list::{ListContent, Lists};
use super::modifier::{Ask, Operator};
use super::networks::NetworkTable;
use super::pattern::Pattern;
use super::predicate::{Predicate, Test};
use crate::event::FieldSet;
use aho_corasick::AhoCorasick;
use ipnet::IpNet;
use std::sync::Arc;

/// Compiles checked detections; interns the fields they ask.
pub(super) struct Compiler<'a> {
    pub(super) fields: &'a mut FieldSet,
    pub(super) lists: &'a Lists,
}

impl Compiler<'_> {
    /// The predicate of a whole detection.
    pub(super) fn detection(&mut self, detection: &Detection) -> Predicate {
        self.condition(&detection.condition, detection)
    }

    fn condition(&mut self, condition: &Condition, detection: &Detection) -> Predicate {
        match condition {
            Condition::Search { name, .. } => {
                let found = detection.searches.iter().find(|search| search.name == *name);
                found.map_or(Predicate::Always(false), |search| self.search(search))
            }
            Condition::Several { quantity, pattern, .. } => {
                let (quantity, searches) = detection.several(*quantity, pattern.as_deref());
                let each = searches.into_iter().map(|search| self.search(search)).collect();
                match quantity {
                    Quantity::One => any_of(each),
                    Quantity::All => all_of(each),
                }
            }
            Condition::Not(inner) => Predicate::Not(Box::new(self.condition(inner, detection))),
            Condition::All(all) => {
                all_of(all.iter().map(|one| self.condition(one, detection)).collect())
            }
            Condition::Any(any) => {
                any_of(any.iter().map(|one| self.condition(one, detection)).collect())
            }
        }
    }

    fn search(&mut self, search: &Search) -> Predicate {
        let alternatives = search
            .alternatives
            .iter()
            .map(|items| all_of(items.iter().map(|item| self.item(item)).collect()));
        any_of(alternatives.collect())
    }

    fn item(&mut self, item: &Item) -> Predicate {
        let field = self.fields.intern(&item.ask.field);
        if let [Operand::Exists(wanted)] = item.operands.as_slice() {
            let exists = Predicate::Exists(field);
            return if *wanted { exists } else { Predicate::Not(Box::new(exists)) };
        }
        let tests = match self.tests(item) {
            Ok(tests) => tests,
            Err(MatchesAll) => return Predicate::Always(true),
        };
        if item.ask.is_negated {
            let test = if item.ask.wants_all { all_tests(tests) } else { any_test(tests) };
            return Predicate::Differs(field, test);
        }
        if item.ask.wants_all {
            // Each value for itself: on an array different members may hold them.
            return all_of(tests.into_iter().map(|test| Predicate::Some(field, test)).collect());
        }
        Predicate::Some(field, any_test(tests))
    }

    /// One test for each value with `all`, otherwise as few as the kinds of values allow.
    fn tests(&self, item: &Item) -> Result<Vec<Test>, MatchesAll> {
        let mut values = Values::default();
        for operand in &item.operands {
            match operand {
                Operand::Null => values.tests.push(Test::Null),
                Operand::Text(pattern) => values.patterns.push(pattern.clone()),
                Operand::Number(number) => {
                    if let Operator::Compares(comparison) = item.ask.operator {
                        values.tests.push(Test::Compares(comparison, *number));
                    }
                }
                Operand::Regex(regex) => values.tests.push(Test::Matches(regex.clone())),
                Operand::Network(network) => values.networks.push(*network),
                Operand::Exists(_) => {}
                Operand::List { name, .. } => match self.lists.content(name) {
                    ListContent::MatchAll => return Err(MatchesAll),
                    ListContent::Patterns(patterns) => values.patterns.extend(patterns),
                    ListContent::Networks(networks) => values.networks.extend(networks),
                },
            }
        }
        let mut tests = values.tests;
        if item.ask.wants_all {
            let separate = |pattern| text_tests(&item.ask, vec![pattern]);
            tests.extend(values.patterns.into_iter().flat_map(separate));
            let separate = |network| Test::InNetworks(Arc::new(NetworkTable::new(&[network])));
            tests.extend(values.networks.into_iter().map(separate));
            return Ok(tests);
        }
        tests.extend(text_tests(&item.ask, values.patterns));
        if !values.networks.is_empty() {
            tests.push(Test::InNetworks(Arc::new(NetworkTable::new(&values.networks))));
        }
        Ok(tests)
    }
}

/// An empty list that means everything.
struct MatchesAll;

#[derive(Default)]
struct Values {
    tests: Vec<Test>,
    patterns: Vec<Pattern>,
    networks: Vec<IpNet>,
}

/// Tests that together pass what equals, starts with, ends with or contains one of the patterns.
fn text_tests(ask: &Ask, patterns: Vec<Pattern>) -> Vec<Test> {
    let case = if ask.is_cased { Case::Matters } else { Case::Ignored };
    let mut literals = Vec::new();
    let mut tests = Vec::new();
    for pattern in patterns {
        match pattern.as_literal() {
            // The byte-wise tests fold ASCII alone; other letters go through the glob.
            Some(text) if case == Case::Matters || text.is_ascii() => {
                literals.push(text.to_owned());
            }
            Some(text) if ask.operator == Operator::Equals => {
                tests.push(Test::Is(CaselessText::new(text)));
            }
            _ => tests.push(Test::Fits(Glob::new(&widened(&pattern, ask.operator), case))),
        }
    }
    tests.extend(literal_tests(ask.operator, case, &literals));
    tests
}

fn widened(pattern: &Pattern, operator: Operator) -> Pattern {
    let before = matches!(operator, Operator::EndsWith | Operator::Contains);
    let after = matches!(operator, Operator::StartsWith | Operator::Contains);
    pattern.surrounded(before, after)
}

fn literal_tests(operator: Operator, case: Case, texts: &[String]) -> Vec<Test> {
    let each = |make: fn(&str) -> Test| texts.iter().map(|text| make(text)).collect();
    match (operator, case, texts) {
        (_, _, []) => Vec::new(),
        (Operator::Contains, _, _) => contains_tests(texts, case),
        (Operator::StartsWith, Case::Ignored, _) => {
            each(|text| Test::StartsWith(CaselessText::new(text)))
        }
        (Operator::StartsWith, Case::Matters, _) => {
            each(|text| Test::StartsExactlyWith(text.into()))
        }
        (Operator::EndsWith, Case::Ignored, _) => {
            each(|text| Test::EndsWith(CaselessText::new(text)))
        }
        (Operator::EndsWith, Case::Matters, _) => each(|text| Test::EndsExactlyWith(text.into())),
        (_, Case::Ignored, [single]) => vec![Test::Is(CaselessText::new(single))],
        (_, Case::Ignored, several) => {
            vec![Test::OneOf(CaselessSet::new(several.iter().map(String::as_str)))]
        }
        (_, Case::Matters, [single]) => vec![Test::IsExactly(single.as_str().into())],
        (_, Case::Matters, several) => {
            vec![Test::OneOfExactly(several.iter().map(|text| text.as_str().into()).collect())]
        }
    }
}

fn contains_tests(texts: &[String], case: Case) -> Vec<Test> {
    if let Some(automaton) = automaton(texts, case) {
        return vec![Test::ContainsAny(automaton)];
    }
    // Only beyond the automaton's size limits; the glob means the same.
    let globs = texts.iter().map(|text| {
        let pattern = widened(&Pattern::literal(text), Operator::Contains);
        Test::Fits(Glob::new(&pattern, case))
    });
    globs.collect()
}

fn automaton(texts: &[String], case: Case) -> Option<Arc<AhoCorasick>> {
    AhoCorasick::builder()
        .ascii_case_insensitive(case == Case::Ignored)
        .build(texts)
        .ok()
        .map(Arc::new)
}

fn any_test(mut tests: Vec<Test>) -> Test {
    match (tests.len(), tests.pop()) {
        (1, Some(single)) => single,
        (_, last) => {
            tests.extend(last);
            Test::Any(tests.into())
        }
    }
}

fn all_tests(tests: Vec<Test>) -> Test {
    Test::All(tests.into())
}

fn all_of(mut all: Vec<Predicate>) -> Predicate {
    all.sort_by_key(Predicate::price);
    match (all.len(), all.pop()) {
        (1, Some(single)) => single,
        (_, last) => {
            all.extend(last);
            Predicate::All(all.into())
        }
    }
}

fn any_of(mut any: Vec<Predicate>) -> Predicate {
    any.sort_by_key(Predicate::price);
    match (any.len(), any.pop()) {
        (1, Some(single)) => single,
        (_, last) => {
            any.extend(last);
            Predicate::Any(any.into())
        }
    }
}
