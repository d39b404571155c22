//! Detection → predicate over projected fields.

use super::bump::Bump;
use super::caseless::{CaselessSet, CaselessText};
use super::condition::{Condition, Quantity};
use super::detection::{self, Detection, Item, Operand, Search};
use super::field_reference::{References, Relation};
use super::glob::{Case, Glob};
use super::level_from::{Holds, LevelFrom, Written};
use super::list::{ListContent, Lists};
use super::modifier::{Ask, Operator};
use super::networks::NetworkTable;
use super::pattern::Pattern;
use super::placeholder;
use super::predicate::{Alternation, Comparison, Predicate, Test};
use super::yaml::Key;
use crate::event::{FieldSet, Number};
use aho_corasick::AhoCorasick;
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Compiles checked detections; interns the fields they ask.
///
/// What is large is made once for all rules that ask it: sets, automata and network tables of a list,
/// or of values that several rules repeat.
pub(super) struct Compiler<'a> {
    fields: &'a mut FieldSet,
    lists: &'a Lists,
    shared: Shared,
}

/// What rules have in common, by its content.
#[derive(Default)]
struct Shared {
    sets: BTreeMap<Vec<String>, Arc<CaselessSet>>,
    /// By texts, and whether case matters. `None`: too large for an automaton.
    alternations: BTreeMap<(bool, Vec<String>), Option<Arc<Alternation>>>,
    networks: BTreeMap<Vec<IpNet>, Arc<NetworkTable>>,
}

impl<'a> Compiler<'a> {
    pub(super) fn new(fields: &'a mut FieldSet, lists: &'a Lists) -> Self {
        Self { fields, lists, shared: Shared::default() }
    }

    /// What asks all of the detections: a rule's and those of its filters.
    pub(super) fn detections<'d>(
        &mut self,
        detections: impl Iterator<Item = &'d Detection>,
    ) -> Predicate {
        all_of(detections.map(|one| self.condition(&one.condition, one)).collect())
    }

    /// The levels that events name.
    pub(super) fn level_from(&mut self, written: &Written) -> LevelFrom {
        let Some(map) = &written.map else {
            let words = Some(self.fields.intern(&written.field.text));
            return LevelFrom { entries: Vec::new(), words };
        };
        let field = &written.field.text;
        let entries = map.iter().map(|(holds, level)| {
            let mut ask = Ask::whether_equal(field);
            let operand = match holds {
                Holds::AtLeast(least) => {
                    ask.operator = Operator::Compares(Comparison::AtLeast);
                    Operand::Number(Number::Unsigned(*least))
                }
                Holds::Value(text) => Operand::Texts(vec![Pattern::literal(text)]),
                Holds::List { name, mark } => Operand::List { name: name.clone(), mark: *mark },
            };
            let (mark, operands) = (written.field.mark, vec![operand]);
            let item = Item { ask, mark, operands, written: detection::Written::default() };
            (self.item(&item), *level)
        });
        LevelFrom { entries: entries.collect(), words: None }
    }

    /// Which lists raise the severity; names that are tables are left out.
    pub(super) fn bump(&mut self, names: &[Key]) -> Option<Bump> {
        let lists = names.iter().filter(|name| self.lists.has(&name.text));
        let lists: Vec<&Key> = lists.collect();
        let lists = lists.into_iter().map(|name| {
            let operand = Operand::List { name: name.text.clone(), mark: name.mark };
            let ask = Ask::whether_equal("tidegate.bucket");
            let operands = vec![operand];
            let item =
                Item { ask, mark: name.mark, operands, written: detection::Written::default() };
            let predicate = self.item(&item);
            (name.text.clone(), predicate)
        });
        let lists: Vec<_> = lists.collect();
        let field = "tidegate.bucket";
        (!lists.is_empty()).then(|| Bump { field: self.fields.intern(field), lists })
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

    /// The predicate of one `field|modifiers: values`.
    pub(super) fn item(&mut self, item: &Item) -> Predicate {
        let ask = &item.ask;
        if ask.refers {
            return self.references(item);
        }
        let tests = self.tests(item);
        if ask.field.is_empty() {
            let Ok(tests) = tests else { return Predicate::Always(true) };
            let test = if ask.wants_all { all_tests(tests) } else { any_test(tests) };
            let record = Predicate::Record(test);
            return if ask.is_negated { Predicate::Not(Box::new(record)) } else { record };
        }
        let field = self.fields.intern(&ask.field);
        if let [Operand::Exists(wanted)] = item.operands.as_slice() {
            let exists = Predicate::Exists(field);
            return if *wanted { exists } else { Predicate::Not(Box::new(exists)) };
        }
        let Ok(tests) = tests else { return Predicate::Always(true) };
        if ask.is_negated {
            let test = if ask.wants_all { all_tests(tests) } else { any_test(tests) };
            return Predicate::Differs(field, test);
        }
        if ask.wants_all {
            // Each value for itself: on an array different members may hold them.
            return all_of(tests.into_iter().map(|test| Predicate::Some(field, test)).collect());
        }
        Predicate::Some(field, any_test(tests))
    }

    fn references(&mut self, item: &Item) -> Predicate {
        let ask = &item.ask;
        let others = item.operands.iter().filter_map(|operand| match operand {
            Operand::Field(name) => Some(self.fields.intern(&name.text)),
            _ => None,
        });
        let others = others.collect();
        let relation = match ask.operator {
            Operator::StartsWith => Relation::StartsWith,
            Operator::EndsWith => Relation::EndsWith,
            Operator::Contains => Relation::Contains,
            _ => Relation::Equals,
        };
        let references = References {
            others,
            relation,
            case: if ask.is_cased { Case::Matters } else { Case::Ignored },
            wants_all: ask.wants_all,
            is_negated: ask.is_negated,
        };
        Predicate::Refers(self.fields.intern(&ask.field), Box::new(references))
    }

    /// One test for each value with `all`, otherwise as few as the kinds of values allow.
    fn tests(&mut self, item: &Item) -> Result<Vec<Test>, MatchesAll> {
        if item.ask.wants_all {
            let each = item.operands.iter().map(|operand| {
                let mut values = Values::default();
                self.add(&item.ask, operand, &mut values)?;
                // Every value of a list is a value of the rule.
                if matches!(operand, Operand::List { .. }) {
                    return Ok(values.each(&item.ask, &mut self.shared));
                }
                Ok(vec![any_test(values.together(&item.ask, &mut self.shared))])
            });
            return Ok(each.collect::<Result<Vec<_>, _>>()?.concat());
        }
        let mut values = Values::default();
        for operand in &item.operands {
            self.add(&item.ask, operand, &mut values)?;
        }
        Ok(values.together(&item.ask, &mut self.shared))
    }

    fn add(&self, ask: &Ask, operand: &Operand, values: &mut Values) -> Result<(), MatchesAll> {
        match operand {
            Operand::Null => values.tests.push(Test::Null),
            Operand::Texts(patterns) => values.patterns.extend(patterns.iter().cloned()),
            Operand::Number(number) => {
                let comparison = match ask.operator {
                    Operator::Compares(comparison) => comparison,
                    _ => Comparison::Equal,
                };
                values.tests.push(match ask.part {
                    Some(part) => Test::Part(part, comparison, *number),
                    None => Test::Compares(comparison, *number),
                });
            }
            Operand::Regex(regex) => values.tests.push(Test::Matches(regex.clone())),
            Operand::Network(network) => values.networks.push(*network),
            Operand::Exists(_) | Operand::Field(_) => {}
            Operand::List { name, .. } => match self.lists.content(name) {
                ListContent::MatchAll => return Err(MatchesAll),
                ListContent::Patterns(patterns) => values.patterns.extend(patterns),
                ListContent::Networks(networks) => values.networks.extend(networks),
            },
            Operand::Template { parts, .. } => {
                values.patterns.extend(placeholder::expanded(parts, self.lists));
            }
        }
        Ok(())
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

impl Values {
    /// As few tests as the kinds of values allow, of which one must pass.
    fn together(self, ask: &Ask, shared: &mut Shared) -> Vec<Test> {
        let mut tests = self.tests;
        tests.extend(text_tests(ask, self.patterns, shared));
        if !self.networks.is_empty() {
            tests.push(Test::InNetworks(shared.network_table(self.networks)));
        }
        tests
    }

    /// One test for each value.
    fn each(self, ask: &Ask, shared: &mut Shared) -> Vec<Test> {
        let mut tests = self.tests;
        for pattern in self.patterns {
            tests.extend(text_tests(ask, vec![pattern], shared));
        }
        for network in self.networks {
            tests.push(Test::InNetworks(shared.network_table(vec![network])));
        }
        tests
    }
}

impl Shared {
    fn network_table(&mut self, mut networks: Vec<IpNet>) -> Arc<NetworkTable> {
        networks.sort_unstable();
        networks.dedup();
        let table = self.networks.entry(networks);
        Arc::clone(table.or_insert_with_key(|networks| Arc::new(NetworkTable::new(networks))))
    }

    fn set(&mut self, texts: Vec<String>) -> Arc<CaselessSet> {
        let set = |texts: &Vec<String>| CaselessSet::new(texts.iter().map(String::as_str));
        Arc::clone(self.sets.entry(texts).or_insert_with_key(|texts| Arc::new(set(texts))))
    }

    fn alternation(&mut self, case: Case, texts: Vec<String>) -> Option<Arc<Alternation>> {
        let built = self.alternations.entry((case == Case::Matters, texts));
        let built = built.or_insert_with_key(|(_, texts)| {
            let automaton = AhoCorasick::builder()
                .ascii_case_insensitive(case == Case::Ignored)
                .build(texts)
                .ok()?;
            Some(Arc::new(Alternation { texts: texts.clone(), automaton }))
        });
        built.clone()
    }
}

/// Tests that together pass what equals, starts with, ends with or contains one of the patterns.
fn text_tests(ask: &Ask, patterns: Vec<Pattern>, shared: &mut Shared) -> Vec<Test> {
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
    // Rules that name the same values in another order share what is made of them.
    literals.sort_unstable();
    literals.dedup();
    tests.extend(literal_tests(ask.operator, case, literals, shared));
    tests
}

fn widened(pattern: &Pattern, operator: Operator) -> Pattern {
    let before = matches!(operator, Operator::EndsWith | Operator::Contains);
    let after = matches!(operator, Operator::StartsWith | Operator::Contains);
    pattern.surrounded(before, after)
}

fn literal_tests(
    operator: Operator,
    case: Case,
    texts: Vec<String>,
    shared: &mut Shared,
) -> Vec<Test> {
    let each = |make: fn(&str) -> Test| texts.iter().map(|text| make(text)).collect();
    match (operator, case, texts.as_slice()) {
        (_, _, []) => Vec::new(),
        (Operator::Contains, _, _) => contains_tests(&texts, case, shared),
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
        (_, Case::Ignored, _) => vec![Test::OneOf(shared.set(texts))],
        (_, Case::Matters, [single]) => vec![Test::IsExactly(single.as_str().into())],
        (_, Case::Matters, several) => {
            vec![Test::OneOfExactly(several.iter().map(|text| text.as_str().into()).collect())]
        }
    }
}

fn contains_tests(texts: &[String], case: Case, shared: &mut Shared) -> Vec<Test> {
    if let Some(alternation) = shared.alternation(case, texts.to_vec()) {
        return vec![Test::ContainsAny(alternation)];
    }
    // Only beyond the automaton's size limits; the glob means the same.
    let globs = texts.iter().map(|text| {
        let pattern = widened(&Pattern::literal(text), Operator::Contains);
        Test::Fits(Glob::new(&pattern, case))
    });
    globs.collect()
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
