//! What several conditions ask alike is asked once for each event (rules.md §5).
//!
//! Rules on the same calls repeat each other: the outcome, whether a service acts, the principals that
//! are excluded. Parts of conditions that occur more than once get a number, and the answers to them are
//! kept while one event is matched.

use super::predicate::{Predicate, Test};
use super::set::CompiledCondition;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

/// Words of 64 answers; what does not fit is asked as often as it occurs.
const WORDS: usize = 4;
const ANSWERS: usize = 64 * WORDS;

/// What is known of one event.
#[derive(Debug, Default)]
pub(super) struct Answers {
    known: [Cell<u64>; WORDS],
    holds: [Cell<u64>; WORDS],
}

impl Answers {
    /// The answer with this number; `ask` is called where it is not known yet.
    #[inline]
    pub(super) fn of(&self, number: u8, ask: impl FnOnce() -> bool) -> bool {
        let (word, bit) = (usize::from(number / 64), 1 << (number % 64));
        let (Some(known), Some(holds)) = (self.known.get(word), self.holds.get(word)) else {
            return ask();
        };
        if known.get() & bit == 0 {
            let answer = ask();
            known.set(known.get() | bit);
            holds.set(holds.get() | if answer { bit } else { 0 });
        }
        holds.get() & bit != 0
    }
}

/// How often a part occurs, and what it costs to ask.
struct Seen {
    count: u32,
    price: u32,
}

/// Numbers what occurs more than once in `conditions`.
pub(super) fn share(conditions: &mut [CompiledCondition]) {
    let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
    for condition in conditions.iter() {
        note(&condition.rest, &mut seen);
    }
    let mut worth: Vec<(u32, String)> = seen
        .iter()
        .filter(|(_, seen)| seen.count > 1)
        .map(|(key, seen)| (seen.price.saturating_mul(seen.count - 1), key.clone()))
        .collect();
    // The dearest first.
    worth.sort_unstable_by(|one, other| other.cmp(one));
    worth.truncate(ANSWERS);
    let parts = (0..=u8::MAX).zip(worth).map(|(number, (_, key))| (key, (number, None)));
    let mut parts: Parts = parts.collect();
    for condition in conditions {
        condition.rest = numbered(&condition.rest, &mut parts);
        condition.predicate = numbered(&condition.predicate, &mut parts);
    }
}

type Parts = BTreeMap<String, (u8, Option<Arc<Predicate>>)>;

fn note(predicate: &Predicate, seen: &mut BTreeMap<String, Seen>) {
    let price = predicate.price();
    if price > 0 {
        let entry = seen.entry(key_of(predicate)).or_insert(Seen { count: 0, price });
        entry.count += 1;
    }
    match predicate {
        Predicate::Not(inner) => note(inner, seen),
        Predicate::All(several) | Predicate::Any(several) => {
            several.iter().for_each(|one| note(one, seen));
        }
        _ => {}
    }
}

/// The same with the parts that have a number behind it.
fn numbered(predicate: &Predicate, parts: &mut Parts) -> Predicate {
    let key = key_of(predicate);
    if let Some((number, Some(known))) = parts.get(&key) {
        return Predicate::Shared(*number, Arc::clone(known));
    }
    let inside = match predicate {
        Predicate::Not(inner) => Predicate::Not(Box::new(numbered(inner, parts))),
        Predicate::All(all) => Predicate::All(all.iter().map(|one| numbered(one, parts)).collect()),
        Predicate::Any(any) => Predicate::Any(any.iter().map(|one| numbered(one, parts)).collect()),
        other => other.clone(),
    };
    match parts.get_mut(&key) {
        Some((number, place)) => {
            let shared = place.insert(Arc::new(inside));
            Predicate::Shared(*number, Arc::clone(shared))
        }
        None => inside,
    }
}

/// Equal for what asks the same. What is large is one object for all rules, and named by where it lies.
fn key_of(predicate: &Predicate) -> String {
    let mut key = String::new();
    write_predicate(predicate, &mut key);
    key
}

fn write_predicate(predicate: &Predicate, key: &mut String) {
    let _ = match predicate {
        Predicate::Some(field, test) => {
            let _ = write!(key, "s{} ", field.0);
            return write_test(test, key);
        }
        Predicate::Differs(field, test) => {
            let _ = write!(key, "d{} ", field.0);
            return write_test(test, key);
        }
        Predicate::Record(test) => {
            key.push_str("r ");
            return write_test(test, key);
        }
        Predicate::Shared(_, inner) => return write_predicate(inner, key),
        Predicate::Not(inner) => {
            key.push('!');
            return write_predicate(inner, key);
        }
        Predicate::All(several) | Predicate::Any(several) => {
            key.push_str(if matches!(predicate, Predicate::All(_)) { "&(" } else { "|(" });
            for one in several {
                write_predicate(one, key);
                key.push(',');
            }
            key.push(')');
            return;
        }
        Predicate::Refers(..) | Predicate::Exists(_) | Predicate::Always(_) => {
            write!(key, "{predicate:?}")
        }
    };
}

fn write_test(test: &Test, key: &mut String) {
    let _ = match test {
        Test::OneOf(set) => write!(key, "one of {:p}", Arc::as_ptr(set)),
        Test::ContainsAny(texts) => write!(key, "contains {:p}", Arc::as_ptr(texts)),
        Test::InNetworks(table) => write!(key, "in {:p}", Arc::as_ptr(table)),
        Test::Any(several) | Test::All(several) => {
            key.push_str(if matches!(test, Test::All(_)) { "&(" } else { "|(" });
            for one in several {
                write_test(one, key);
                key.push(',');
            }
            key.push(')');
            return;
        }
        _ => write!(key, "{test:?}"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::{LoadOptions, RuleFile, load};
    use std::collections::BTreeSet;

    fn numbers(predicate: &Predicate, into: &mut Vec<u8>) {
        match predicate {
            Predicate::Shared(number, inner) => {
                into.push(*number);
                numbers(inner, into);
            }
            Predicate::Not(inner) => numbers(inner, into),
            Predicate::All(several) | Predicate::Any(several) => {
                several.iter().for_each(|one| numbers(one, into));
            }
            _ => {}
        }
    }

    #[test]
    fn an_answer_is_asked_for_once() {
        let (answers, asked) = (Answers::default(), Cell::new(0));
        let ask = |answer: bool| {
            asked.set(asked.get() + 1);
            answer
        };
        for number in [0, 63, 64, 255] {
            asked.set(0);
            assert!(answers.of(number, || ask(true)));
            assert!(answers.of(number, || ask(false)), "the first answer stays");
            assert_eq!(asked.get(), 1);
        }
        assert!(!answers.of(1, || ask(false)));
        assert!(!answers.of(1, || ask(true)));
    }

    #[test]
    fn what_two_rules_ask_alike_has_one_number_and_what_one_asks_has_none() {
        let rule = |name: &str, own: &str| {
            format!(
                "title: T\nname: {name}\nlogsource: {{product: aws, service: cloudtrail}}\ndetection:\n  \
                 s: {{eventName: GetObject, userAgent|contains: [rclone, s5cmd], {own}}}\n  \
                 f: {{errorCode|startswith: Access}}\n  condition: s and not f\n"
            )
        };
        let text = [
            rule("a", "awsRegion|startswith: eu-"),
            rule("b", "awsRegion|startswith: us-"),
            rule("c", "awsRegion|startswith: 'eu-'"),
        ]
        .join("---\n");
        let file = RuleFile { name: "a.yml".into(), text, builtin: false };
        let rules = load(&[file], &LoadOptions::default()).rules.expect("they load");

        let of = |at: usize| -> BTreeSet<u8> {
            let mut found = Vec::new();
            numbers(&rules.conditions[at].rest, &mut found);
            found.into_iter().collect()
        };

        let (a, b, c) = (of(0), of(1), of(2));
        assert_eq!(a, c, "they ask the same");
        assert!(a.len() > b.len() && b.is_subset(&a), "{a:?} {b:?}: the region is its own");
        assert!(b.len() >= 2, "{b:?}: the tools, and what is left out");
    }
}
