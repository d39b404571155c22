//! A rule changed in one place: would its tests notice?
//!
//! Each mutant negates, drops or shifts one condition, list value, threshold, tier, group field, window,
//! level, title or part of the dedup of a rule or of a rule that it counts. What means the same as the
//! rule is not made: the reason stands where it is left out. A test suite that lets one pass does not check that
//! place. Documents are changed as JSON, which is YAML too, and go through the ordinary loader; a
//! mutant that does not load says nothing and is left out by the caller.

use crate::rule::tests::Needs;
use crate::rule::{Outline, RuleFile, outlines, span_of, speaking};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// What kind of place was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A field, a value's comparison or the way searches are joined.
    Condition,
    /// One value of several.
    List,
    /// An amount: condition or tier.
    Threshold,
    /// Length, kind or history of a window.
    Window,
    /// A group field, or a rule that is counted.
    Group,
    /// A level, of the rule, of a tier, out of the event or from the context.
    Level,
    /// Period or key of the dedup.
    Dedup,
    /// The alert's title.
    Title,
}

/// A rule changed in one place.
#[derive(Debug, Clone)]
pub struct Mutant {
    /// What was done where, in one line; stable, so that a list of survivors can name it.
    pub what: String,
    /// Which kind of place.
    pub class: Class,
    /// The files that the rules need, one of them changed, without their tests.
    pub files: Vec<RuleFile>,
}

/// All mutants of the document called `changed`; each is loaded for the tests of `rules`.
#[must_use]
pub fn mutants(files: &[RuleFile], changed: &str, rules: &[&str]) -> Vec<Mutant> {
    let needs = Needs::new(files);
    let needed: BTreeSet<usize> =
        rules.iter().chain([&changed]).flat_map(|rule| needs.of(rule)).collect();
    let needed: Vec<&RuleFile> = needed.into_iter().filter_map(|at| files.get(at)).collect();
    let documents: Vec<Vec<Outline>> =
        needed.iter().map(|file| outlines(std::slice::from_ref(file))).collect();
    let all: Vec<Outline> = documents.iter().flatten().cloned().collect();
    let speaks = speaking(&all).iter().any(|outline| outline.label() == changed);
    let mut mutants = Vec::new();
    for (file, of_file) in documents.iter().enumerate() {
        for (at, document) in of_file.iter().enumerate() {
            if document.label() != changed {
                continue;
            }
            // Nobody sees level, dedup or title of a rule that is only counted.
            let shown = if speaks { finding_changes(&document.json) } else { Vec::new() };
            for (what, class, json) in changes(&document.json).into_iter().chain(shown) {
                let texts = documents.iter().enumerate().map(|(number, of_file)| {
                    let jsons = of_file.iter().enumerate().map(|(place, document)| {
                        if (number, place) == (file, at) { &json } else { &document.json }
                    });
                    written(jsons)
                });
                let files = texts.zip(&needed).map(|(text, file)| RuleFile {
                    name: file.name.clone(),
                    text,
                    builtin: file.builtin,
                });
                mutants.push(Mutant { what, class, files: files.collect() });
            }
        }
    }
    mutants
}

/// The rules whose tests look at the document called `changed`: itself, and what counts it, directly or
/// through others.
#[must_use]
pub fn counted_from<'o>(outlines: &'o [Outline], changed: &str) -> BTreeSet<&'o str> {
    let mut found: BTreeSet<&str> = BTreeSet::new();
    loop {
        let before = found.len();
        for outline in outlines {
            let counts = |name: &&str| {
                let counted =
                    outlines.iter().find(|one| one.is_called(name) || one.title == **name);
                counted.is_some_and(|one| one.label() == changed || found.contains(one.label()))
            };
            if outline.label() == changed || outline.counts().iter().any(counts) {
                found.insert(outline.label());
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

fn written<'v>(documents: impl Iterator<Item = &'v Value>) -> String {
    let mut text = String::new();
    for document in documents {
        let mut document = document.clone();
        if let Some(own) = document.get_mut("tidegate").and_then(Value::as_object_mut) {
            own.remove("tests");
        }
        text.push_str(&format!("---\n{document}\n"));
    }
    text
}

type Change = (String, Class, Value);

/// The documents that differ from one in one place.
struct Changes<'d> {
    document: &'d Value,
    all: Vec<Change>,
}

impl<'d> Changes<'d> {
    fn of(document: &'d Value) -> Self {
        Self { document, all: Vec::new() }
    }

    /// One with `new` at `pointer`, where there is something.
    fn add(&mut self, what: String, class: Class, pointer: &str, new: Value) {
        let mut changed = self.document.clone();
        if let Some(place) = changed.pointer_mut(pointer) {
            *place = new;
            self.all.push((what, class, changed));
        }
    }
}

/// Whether a correlation holds at each event's own second: a count of one in a second. No window is
/// without an event, so it fires for the same events with a count of nothing, in longer windows, and in
/// seconds that are aligned, as all times are.
fn holds_at_once(document: &Value) -> bool {
    let is = |pointer: &str, value: Value| document.pointer(pointer) == Some(&value);
    is("/correlation/type", "event_count".into())
        && is("/correlation/timespan", "1s".into())
        && (is("/correlation/condition/gte", 1.into()) || is("/correlation/condition/gt", 0.into()))
        && document.pointer("/tidegate/tiers").is_none()
}

/// Every document that differs from `document` in one place of what it finds.
fn changes(document: &Value) -> Vec<Change> {
    let mut changes = Changes::of(document);
    let mut add = |what: String, class: Class, pointer: &str, new: Value| {
        changes.add(what, class, pointer, new);
    };
    let holds_at_once = holds_at_once(document);
    if let Some(detection) = document.get("detection").and_then(Value::as_object) {
        for (what, class, detection) in detection_changes(detection) {
            add(what, class, "/detection", detection);
        }
    }
    if let Some(lists) = document.pointer("/tidegate/lists").and_then(Value::as_object) {
        for (name, list) in lists {
            let values = list.get("values").and_then(Value::as_array);
            for (value, fewer) in one_less(values.map_or(&[][..], Vec::as_slice)) {
                let pointer = format!("/tidegate/lists/{}/values", escaped(name));
                add(format!("list {name} without {value}"), Class::List, &pointer, fewer);
            }
        }
    }
    if let Some(correlation) = document.get("correlation") {
        for key in ["gt", "gte", "lt", "lte", "eq", "neq"] {
            let pointer = format!("/correlation/condition/{key}");
            for (what, number) in shifted(document.pointer(&pointer), 1) {
                if !(holds_at_once && what.starts_with('-')) {
                    add(format!("{key} {what}"), Class::Threshold, &pointer, number);
                }
            }
        }
        for key in ["group-by", "rules"] {
            let fields =
                correlation.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let least = usize::from(key == "rules");
            for (field, fewer) in one_less(fields) {
                if fewer.as_array().is_some_and(|fewer| fewer.len() >= least) {
                    let what = format!("{key} without {field}");
                    add(what, Class::Group, &format!("/correlation/{key}"), fewer);
                }
            }
        }
        let timespan = correlation.get("timespan").filter(|_| !holds_at_once);
        for (what, span) in shifted_span(timespan) {
            add(format!("timespan {what}"), Class::Window, "/correlation/timespan", span);
        }
    }
    let has_windows = document.pointer("/correlation/timespan").is_some() && !holds_at_once;
    if let Some(window) = document.get("tidegate").filter(|_| has_windows) {
        let (what, other) = match window.get("window").and_then(Value::as_str) {
            Some("tumbling") => ("sliding", "sliding"),
            _ => ("tumbling", "tumbling"),
        };
        let mut own = window.clone();
        if let Some(members) = own.as_object_mut() {
            members.insert("window".into(), other.into());
        }
        add(format!("window {what}"), Class::Window, "/tidegate", own);
    }
    for key in ["history", "learn"] {
        let pointer = format!("/tidegate/new-terms/{key}");
        // Its times are the event's own, so a second counts however long it is.
        for (what, span) in shifted_by(document.pointer(&pointer), |_| 1) {
            add(format!("{key} {what}"), Class::Window, &pointer, span);
        }
    }
    let fields = document.pointer("/tidegate/new-terms/fields").and_then(Value::as_array);
    for (field, fewer) in one_less(fields.map_or(&[][..], Vec::as_slice)) {
        let what = format!("new-terms without {field}");
        add(what, Class::Group, "/tidegate/new-terms/fields", fewer);
    }
    let tiers = document.pointer("/tidegate/tiers").and_then(Value::as_array);
    let tiers = tiers.map_or(&[][..], Vec::as_slice);
    for (at, tier) in tiers.iter().enumerate() {
        let level = tier.get("level").and_then(Value::as_str).unwrap_or_default();
        for (what, number) in shifted(tier.get("gte"), 1) {
            let pointer = format!("/tidegate/tiers/{at}/gte");
            add(format!("tier {level} {what}"), Class::Threshold, &pointer, number);
        }
    }
    for (tier, fewer) in one_less(tiers) {
        let what = format!("without tier {tier}");
        add(what, Class::Threshold, "/tidegate/tiers", fewer);
    }
    changes.all
}

/// Every document that differs from `document` in one place of what its findings say.
fn finding_changes(document: &Value) -> Vec<Change> {
    let mut changes = Changes::of(document);
    let mut add = |what: String, class: Class, pointer: &str, new: Value| {
        changes.add(what, class, pointer, new);
    };
    let list = |pointer: &str| {
        document.pointer(pointer).and_then(Value::as_array).map_or(&[][..], Vec::as_slice)
    };
    if let Some(other) = other_level(document.get("level")) {
        add(format!("level {other}"), Class::Level, "/level", other.into());
    }
    for at in 0..list("/tidegate/tiers").len() {
        let pointer = format!("/tidegate/tiers/{at}/level");
        if let Some(other) = other_level(document.pointer(&pointer)) {
            let what = format!("tier {} level {other}", at + 1);
            add(what, Class::Level, &pointer, other.into());
        }
    }
    let entries = list("/tidegate/level-from/map");
    for (at, entry) in entries.iter().enumerate() {
        let pointer = format!("/tidegate/level-from/map/{at}");
        if let Some(other) = other_level(entry.get("level")) {
            let what = format!("level-from {} level {other}", at + 1);
            add(what, Class::Level, &format!("{pointer}/level"), other.into());
        }
        for (what, number) in shifted(entry.get("gte"), 1) {
            let what = format!("level-from {} gte {what}", at + 1);
            add(what, Class::Level, &format!("{pointer}/gte"), number);
        }
    }
    for (entry, fewer) in one_less(entries) {
        let what = format!("level-from without {entry}");
        add(what, Class::Level, "/tidegate/level-from/map", fewer);
    }
    for (name, fewer) in one_less(list("/tidegate/context/bump")) {
        // A name that is no list is a table, and nothing fills a table yet.
        if document.pointer(&format!("/tidegate/lists/{}", escaped(&name))).is_some() {
            add(format!("bump without {name}"), Class::Level, "/tidegate/context/bump", fewer);
        }
    }
    let own_key = document.pointer("/tidegate/dedup/key");
    for (field, fewer) in one_less(list("/tidegate/dedup/key")) {
        add(format!("dedup key without {field}"), Class::Dedup, "/tidegate/dedup/key", fewer);
    }
    // A term that has alerted is known for its history, which is longer: no other period shows.
    let is_settled_by_history = own_key.is_none()
        && document.pointer("/tidegate/new-terms/history").map(plain).and_then(|it| span_of(&it))
            >= document.pointer("/tidegate/dedup/period").map(plain).and_then(|it| span_of(&it))
        && document.pointer("/tidegate/new-terms").is_some();
    if let Some(period) = document.pointer("/tidegate/dedup/period")
        && !is_settled_by_history
    {
        let none = [("0".to_owned(), json!(0))];
        // Times of crossings lie on the grid of the window's panes, or of tumbling windows.
        let timespan = document.pointer("/correlation/timespan").map(plain);
        let timespan = timespan.and_then(|text| span_of(&text)).unwrap_or_default();
        let seconds = timespan.as_millis() / 1000;
        let is_tumbling = document.pointer("/tidegate/window") == Some(&json!("tumbling"));
        let step = if is_tumbling { seconds } else { pane_of(seconds) };
        let shifted = shifted_by(Some(period), |_| step);
        for (what, span) in none.into_iter().chain(shifted) {
            let what = format!("dedup period {what}");
            add(what, Class::Dedup, "/tidegate/dedup/period", span);
        }
    }
    if let Some(title) = document.pointer("/tidegate/title").and_then(Value::as_str) {
        for (what, other) in other_titles(title) {
            add(what, Class::Title, "/tidegate/title", other.into());
        }
    }
    changes.all
}

/// The next higher level; below the highest, where there is none.
fn other_level(level: Option<&Value>) -> Option<&'static str> {
    const LEVELS: [&str; 5] = ["informational", "low", "medium", "high", "critical"];
    let at = LEVELS.iter().position(|known| level.and_then(Value::as_str) == Some(*known))?;
    LEVELS.get(at + 1).or_else(|| LEVELS.get(at.checked_sub(1)?)).copied()
}

/// A title without each of its placeholders in turn, and one with other words.
fn other_titles(title: &str) -> Vec<(String, String)> {
    let mut others = vec![("title with a dot".to_owned(), format!("{title}."))];
    let mut from = 0;
    while let Some(open) = title.get(from..).and_then(|rest| rest.find('{')) {
        let open = from + open;
        let Some(close) = title.get(open..).and_then(|rest| rest.find('}')) else { break };
        let (head, tail) = (title.get(..open), title.get(open + close + 1..));
        let (Some(head), Some(tail)) = (head, tail) else { break };
        let placeholder = title.get(open..=open + close).unwrap_or_default();
        others.push((format!("title without {placeholder}"), format!("{head}{tail}")));
        from = open + close + 1;
    }
    others
}

fn detection_changes(detection: &Map<String, Value>) -> Vec<Change> {
    let mut changes = Vec::new();
    let replaced = |name: &str, new: Value| {
        let mut changed = detection.clone();
        changed.insert(name.to_owned(), new);
        Value::Object(changed)
    };
    for (name, search) in detection {
        match search {
            Value::String(condition) if name == "condition" => {
                for (what, new) in condition_changes(condition) {
                    changes.push((what, Class::Condition, replaced(name, new.into())));
                }
            }
            Value::Object(items) => {
                for (what, class, new) in item_changes(items) {
                    changes.push((format!("{name}: {what}"), class, replaced(name, new)));
                }
            }
            Value::Array(alternatives) => {
                for (at, alternative) in alternatives.iter().enumerate() {
                    let Some(items) = alternative.as_object() else { continue };
                    for (what, class, new) in item_changes(items) {
                        let mut changed = alternatives.clone();
                        if let Some(place) = changed.get_mut(at) {
                            *place = new;
                        }
                        let what = format!("{name} {}: {what}", at + 1);
                        changes.push((what, class, replaced(name, changed.into())));
                    }
                }
                if alternatives.len() > 1 {
                    for (at, (_, fewer)) in one_less(alternatives).into_iter().enumerate() {
                        let what = format!("{name}: without alternative {}", at + 1);
                        changes.push((what, Class::Condition, replaced(name, fewer)));
                    }
                }
            }
            _ => {}
        }
    }
    changes
}

fn item_changes(items: &Map<String, Value>) -> Vec<Change> {
    let mut changes = Vec::new();
    for (key, value) in items {
        let with = |new_key: &str, new_value: Value| {
            let mut changed = items.clone();
            changed.remove(key);
            changed.insert(new_key.to_owned(), new_value);
            Value::Object(changed)
        };
        if items.len() > 1 {
            let mut fewer = items.clone();
            fewer.remove(key);
            changes.push((format!("without {key}"), Class::Condition, fewer.into()));
        }
        let (field, modifiers) = key.split_once('|').unwrap_or((key, ""));
        let mut parts: Vec<&str> = modifiers.split('|').filter(|part| !part.is_empty()).collect();
        let negated = match (parts.iter().position(|part| *part == "neq"), value) {
            (Some(at), _) => {
                parts.remove(at);
                with(&[vec![field], parts.clone()].concat().join("|"), value.clone())
            }
            (None, Value::Bool(wanted)) if parts.contains(&"exists") => with(key, (!wanted).into()),
            (None, _) => with(&format!("{key}|neq"), value.clone()),
        };
        changes.push((format!("not {key}"), Class::Condition, negated));
        let values = value.as_array().map_or(&[][..], Vec::as_slice);
        if values.len() > 1 {
            for (dropped, fewer) in one_less(values) {
                changes.push((format!("{key} without {dropped}"), Class::List, with(key, fewer)));
            }
        }
        if parts.iter().any(|part| ["lt", "lte", "gt", "gte"].contains(part)) {
            for (what, number) in shifted(Some(value), 1) {
                changes.push((format!("{key} {what}"), Class::Condition, with(key, number)));
            }
        }
    }
    changes
}

/// A condition with one operator, one negation or one operand changed.
fn condition_changes(condition: &str) -> Vec<(String, String)> {
    let spaced = condition.replace('(', " ( ").replace(')', " ) ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut changes = Vec::new();
    let mut add = |new: Vec<&str>| {
        let new = new.join(" ");
        changes.push((format!("condition {new}"), new));
    };
    let word =
        |at: usize| tokens.get(at).map(|token| token.to_ascii_lowercase()).unwrap_or_default();
    let with = |at: usize, new: &[&'static str], skip: usize| -> Vec<&str> {
        let head = tokens.iter().take(at).copied();
        head.chain(new.iter().copied()).chain(tokens.iter().skip(at + skip).copied()).collect()
    };
    for at in 0..tokens.len() {
        match word(at).as_str() {
            "and" => add(with(at, &["or"], 1)),
            "or" => add(with(at, &["and"], 1)),
            "not" => add(with(at, &[], 1)),
            "1" | "any" if word(at + 1) == "of" => add(with(at, &["all"], 1)),
            "all" if word(at + 1) == "of" => add(with(at, &["1"], 1)),
            _ => {}
        }
        let begins_operand = at == 0 || ["and", "or", "not", "("].contains(&word(at - 1).as_str());
        if !begins_operand {
            continue;
        }
        if word(at) != "not" && (at == 0 || word(at - 1) != "not") {
            add(with(at, &["not"], 0));
        }
        if at > 0 && word(at - 1) == "not" {
            // Goes with its negation.
            continue;
        }
        let end = operand_end(&tokens, at);
        if at > 0 && ["and", "or"].contains(&word(at - 1).as_str()) {
            add(with(at - 1, &[], end - at + 1));
        } else if ["and", "or"].contains(&word(end).as_str()) {
            add(with(at, &[], end - at + 1));
        }
    }
    changes
}

/// Where the operand that begins at `at` ends.
fn operand_end(tokens: &[&str], at: usize) -> usize {
    let is = |at: usize, word: &str| {
        tokens.get(at).is_some_and(|token| token.eq_ignore_ascii_case(word))
    };
    if is(at, "not") {
        return operand_end(tokens, at + 1);
    }
    if is(at, "(") {
        let mut depth = 0_usize;
        for (place, token) in tokens.iter().enumerate().skip(at) {
            match *token {
                "(" => depth += 1,
                ")" => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return place + 1;
            }
        }
        return tokens.len();
    }
    if is(at + 1, "of") { at + 3 } else { at + 1 }
}

/// The list without each of its members in turn, with the member as text.
fn one_less(values: &[Value]) -> Vec<(String, Value)> {
    let without = |at: usize| {
        let rest = values.iter().enumerate().filter(|(other, _)| *other != at);
        Value::Array(rest.map(|(_, value)| value.clone()).collect())
    };
    values.iter().enumerate().map(|(at, value)| (plain(value), without(at))).collect()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

/// One less and one more.
fn shifted(number: Option<&Value>, by: u64) -> Vec<(String, Value)> {
    let Some(number) = number.and_then(Value::as_u64) else { return Vec::new() };
    let less = number.checked_sub(by).map(|less| (format!("- {by}"), json!(less)));
    let more = number.checked_add(by).map(|more| (format!("+ {by}"), json!(more)));
    less.into_iter().chain(more).collect()
}

/// One pane shorter and one longer: a second, and for more than an hour a 3,600th of the length.
fn shifted_span(span: Option<&Value>) -> Vec<(String, Value)> {
    shifted_by(span, pane_of)
}

/// The width of a pane in a window of so many seconds.
fn pane_of(seconds: i64) -> i64 {
    if seconds <= 3600 { 1 } else { (seconds + 3599) / 3600 }
}

/// A length of time shorter and longer by what `by` says of it, in seconds.
fn shifted_by(span: Option<&Value>, by: impl Fn(i64) -> i64) -> Vec<(String, Value)> {
    let text = span.map(plain);
    let Some(length) = text.as_deref().and_then(span_of) else { return Vec::new() };
    let seconds = length.as_millis() / 1000;
    let by = by(seconds);
    [("-", seconds - by), ("+", seconds + by)]
        .into_iter()
        .filter(|(_, seconds)| *seconds > 0)
        .map(|(sign, seconds)| (format!("{sign} {by}s"), format!("{seconds}s").into()))
        .collect()
}

/// A name as part of a JSON pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operator_negation_and_operand_of_a_condition_is_changed() {
        let of = |condition: &str| -> Vec<String> {
            condition_changes(condition).into_iter().map(|(_, new)| new).collect()
        };

        assert_eq!(of("a"), ["not a"]);
        assert_eq!(of("a and b"), ["not a and b", "b", "a or b", "a and not b", "a"]);
        assert_eq!(
            of("a and not 1 of f_*"),
            [
                "not a and not 1 of f_*",
                "not 1 of f_*",
                "a or not 1 of f_*",
                "a and 1 of f_*",
                "a",
                "a and not all of f_*"
            ]
        );
        assert_eq!(
            of("(a or b) and c"),
            [
                "not ( a or b ) and c",
                "c",
                "( not a or b ) and c",
                "( b ) and c",
                "( a and b ) and c",
                "( a or not b ) and c",
                "( a ) and c",
                "( a or b ) or c",
                "( a or b ) and not c",
                "( a or b )"
            ]
        );
    }

    #[test]
    fn a_rule_with_a_window_has_mutants_of_every_class() {
        let base = "title: B\nname: b\ndetection: {s: {a: [x, y], c|exists: true}, condition: s}";
        let sum = "title: S\nname: s\ncorrelation: {type: event_count, rules: [b], group-by: [g], \
                   timespan: 2h, condition: {gte: 5}}\ntidegate: {tiers: [{gte: 9, level: high}], \
                   lists: {l: {type: string, values: [one]}}}";
        let files = [base, sum].map(|text| RuleFile {
            name: "a.yml".into(),
            text: text.into(),
            builtin: false,
        });

        let of = |document: &str| mutants(&files, document, &["s"]);
        let told = |document: &str| -> Vec<String> {
            of(document).into_iter().map(|mutant| mutant.what).collect()
        };

        assert_eq!(
            told("b"),
            [
                "condition not s",
                "s: without a",
                "s: not a",
                "s: a without x",
                "s: a without y",
                "s: without c|exists",
                "s: not c|exists",
            ]
        );
        assert_eq!(
            told("s"),
            [
                "list l without one",
                "gte - 1",
                "gte + 1",
                "group-by without g",
                "timespan - 2s",
                "timespan + 2s",
                "window tumbling",
                "tier high - 1",
                "tier high + 1",
                "without tier {\"gte\":9,\"level\":\"high\"}",
                "tier 1 level critical",
            ]
        );
        assert_eq!(counted_from(&outlines(&files), "b"), BTreeSet::from(["b", "s"]));
        let all = of("b");
        assert!(all.iter().all(|mutant| mutant.files.len() == 2));
        assert!(all[4].files[0].text.contains("\"a\":[\"x\"]"), "{}", all[4].files[0].text);
    }
}
