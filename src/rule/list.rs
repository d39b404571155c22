//! Lists: what `%name%` expands to, declared by rules and overridden by a deployment.

use super::builtin_list;
use super::detection::network;
use super::pattern::Pattern;
use super::problem::{Place, Problem, Severity};
use super::report::{Report, nearest, nearest_or_all, shown};
use super::shape;
use super::yaml::{Key, Mark, Node};
use ipnet::IpNet;
use std::collections::BTreeMap;

/// How the values of a list compare with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListType {
    /// Equal but for case.
    String,
    /// With `*` and `?`.
    Glob,
    /// Networks; the field is an address.
    Cidr,
    /// AWS account ids of twelve digits.
    Account,
}

/// What an empty list matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenEmpty {
    /// Every event.
    MatchAll,
    /// No event.
    MatchNone,
}

/// A list as a deployment gives it (`[lists.NAME]`).
#[derive(Debug, Clone)]
pub struct ListValues {
    /// Its name, without percent signs.
    pub name: String,
    /// How it compares; `None` = as the rules say.
    pub kind: Option<ListType>,
    /// Its values; they replace those of the rules.
    pub values: Vec<String>,
    /// Whether an empty list stops the load.
    pub required: bool,
    /// What the empty list matches; `None` = as the rules say.
    pub empty: Option<WhenEmpty>,
    /// Where it was written.
    pub place: Place,
    /// Where each value was written, in the order of the values; empty when that is not known.
    pub places: Vec<Place>,
}

/// A list as a rule declares it.
#[derive(Debug, Clone)]
pub(super) struct ListDeclaration {
    pub(super) name: Key,
    kind: ListType,
    values: Vec<Key>,
    pub(super) required: bool,
    empty: Option<WhenEmpty>,
}

/// Reads `tidegate.lists`, whose keys and types have been checked.
pub(super) fn read(node: &Node, report: &mut Report) -> Vec<ListDeclaration> {
    let mut lists = Vec::new();
    for (name, entry) in shape::entries(node.get("lists")) {
        let kind = shape::text(entry.get("type")).and_then(|word| kind(&word.text));
        let Some(kind) = kind else { continue };
        let values = match shape::text(entry.get("builtin")) {
            Some(builtin) => read_builtin(entry, kind, &builtin, report),
            None => shape::texts(entry.get("values")),
        };
        for value in &values {
            if let Some(what) = wrong_value(kind, &value.text) {
                let hint = value_hint(kind).to_owned();
                report.error_with_hint(value.mark, "list-value", what, hint);
            }
        }
        let empty = shape::text(entry.get("empty")).and_then(|word| match word.text.as_str() {
            "match-all" => Some(WhenEmpty::MatchAll),
            "match-none" => Some(WhenEmpty::MatchNone),
            _ => None,
        });
        let required = shape::boolean(entry.get("required")).unwrap_or(false);
        lists.push(ListDeclaration { name: name.clone(), kind, values, required, empty });
    }
    lists
}

/// The values of a list that comes with tidegate.
fn read_builtin(entry: &Node, kind: ListType, name: &Key, report: &mut Report) -> Vec<Key> {
    if entry.get("values").is_some() {
        let what = "a list has \"values\" or \"builtin\", not both";
        report.error(name.mark, "value", what);
    }
    let Some(list) = builtin_list::ALL.iter().find(|list| list.name == name.text) else {
        let names: Vec<&str> = builtin_list::ALL.iter().map(|list| list.name).collect();
        let what = format!("no list {:?} comes with tidegate", shown(&name.text));
        report.error_with_hint(name.mark, "value", what, nearest_or_all(&name.text, &names));
        return Vec::new();
    };
    if list.kind != kind {
        let what = format!("the list {:?} is of type {}", name.text, kind_name(list.kind));
        report.error(name.mark, "list-type", what);
        return Vec::new();
    }
    let value = |text: &&str| Key { text: (*text).to_owned(), mark: name.mark };
    list.values.iter().map(value).collect()
}

fn kind(word: &str) -> Option<ListType> {
    match word {
        "string" => Some(ListType::String),
        "glob" => Some(ListType::Glob),
        "cidr" => Some(ListType::Cidr),
        "account" => Some(ListType::Account),
        _ => None,
    }
}

fn wrong_value(kind: ListType, value: &str) -> Option<String> {
    let is_good = match kind {
        ListType::String | ListType::Glob => !value.is_empty(),
        ListType::Cidr => network(value).is_some(),
        ListType::Account => value.len() == 12 && value.bytes().all(|byte| byte.is_ascii_digit()),
    };
    let what = match kind {
        ListType::String | ListType::Glob => "an empty text is no value of a list".to_owned(),
        ListType::Cidr => format!("{:?} is no network", shown(value)),
        ListType::Account => {
            format!("{:?} is no account id: twelve digits, in quotes", shown(value))
        }
    };
    (!is_good).then_some(what)
}

/// What a value of the type looks like.
fn value_hint(kind: ListType) -> &'static str {
    match kind {
        ListType::String | ListType::Glob => "a text that is not empty",
        ListType::Cidr => "like 10.0.0.0/8 or 2001:db8::/32",
        ListType::Account => "like \"111122223333\"",
    }
}

/// The first twenty; a file of a million wrong lines is one mistake.
fn capped(mut wrong: Vec<Problem>) -> Vec<Problem> {
    const TOLD_MAX: usize = 20;
    let more = wrong.len().saturating_sub(TOLD_MAX);
    wrong.truncate(TOLD_MAX);
    if let Some(last) = wrong.last_mut().filter(|_| more > 0) {
        last.what = format!("{}; and {more} more like it", last.what);
    }
    wrong
}

/// All lists of a rule set, deployment values in place.
#[derive(Debug, Clone, Default)]
pub(super) struct Lists {
    by_name: BTreeMap<String, List>,
}

#[derive(Debug, Clone)]
struct List {
    kind: ListType,
    values: Vec<String>,
    empty: WhenEmpty,
    is_required_by_deployment: bool,
}

/// What a list stands for in a condition.
pub(super) enum ListContent {
    MatchAll,
    Patterns(Vec<Pattern>),
    Networks(Vec<IpNet>),
}

impl Lists {
    /// Adds a rule's declaration; declarations of one name must agree.
    pub(super) fn declare(&mut self, declared: &ListDeclaration, report: &mut Report) {
        let values: Vec<String> = declared.values.iter().map(|value| value.text.clone()).collect();
        let empty = declared.empty.unwrap_or(WhenEmpty::MatchNone);
        match self.by_name.get(&declared.name.text) {
            None => {
                let list =
                    List { kind: declared.kind, values, empty, is_required_by_deployment: false };
                self.by_name.insert(declared.name.text.clone(), list);
            }
            Some(known)
                if known.kind != declared.kind
                    || known.values != values
                    || known.empty != empty =>
            {
                let what = format!(
                    "another rule declares the list {:?} with other values",
                    shown(&declared.name.text)
                );
                let hint = "declare it the same, or give this one another name".to_owned();
                report.error_with_hint(declared.name.mark, "list-conflict", what, hint);
            }
            Some(_) => {}
        }
    }

    /// Puts a deployment's values in place.
    pub(super) fn set(&mut self, given: &ListValues, problems: &mut Vec<Problem>) {
        let mut problem = |severity, code, what: String, hint| {
            problems.push(Problem { place: given.place.clone(), severity, code, what, hint });
        };
        let mut wrong = Vec::new();
        let known = self.by_name.get(&given.name);
        let kind = match (given.kind, known.map(|list| list.kind)) {
            (Some(kind), Some(of_rules)) if kind != of_rules => {
                let what = format!(
                    "the rules use the list {:?} as {}",
                    shown(&given.name),
                    kind_name(of_rules)
                );
                problem(Severity::Error, "list-type", what, None);
                return;
            }
            (Some(kind), _) | (None, Some(kind)) => kind,
            (None, None) => {
                let names = self.by_name.keys().map(String::as_str);
                let hint = nearest(&given.name, names);
                let what = format!("no rule has a list {:?}", shown(&given.name));
                problem(Severity::Error, "unknown-list", what, hint);
                return;
            }
        };
        for (at, value) in given.values.iter().enumerate() {
            if let Some(what) = wrong_value(kind, value) {
                let place = given.places.get(at).unwrap_or(&given.place).clone();
                wrong.push(Problem {
                    place,
                    severity: Severity::Error,
                    code: "list-value",
                    what: format!("{what}, in the list {:?}", shown(&given.name)),
                    hint: Some(value_hint(kind).to_owned()),
                });
            }
        }
        let empty = given.empty.or_else(|| known.map(|list| list.empty));
        let list = List {
            kind,
            values: given.values.clone(),
            empty: empty.unwrap_or(WhenEmpty::MatchNone),
            is_required_by_deployment: given.required,
        };
        if list.values.is_empty() && given.required {
            let what = format!("the list {:?} is required and empty", shown(&given.name));
            problem(Severity::Error, "list-empty", what, None);
        }
        problems.extend(capped(wrong));
        self.by_name.insert(given.name.clone(), list);
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    pub(super) fn kind(&self, name: &str) -> Option<ListType> {
        self.by_name.get(name).map(|list| list.kind)
    }

    pub(super) fn is_empty(&self, name: &str) -> bool {
        self.by_name.get(name).is_some_and(|list| list.values.is_empty())
    }

    /// How many values it has.
    pub(super) fn len(&self, name: &str) -> usize {
        self.by_name.get(name).map_or(0, |list| list.values.len())
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    pub(super) fn values(&self, name: &str) -> Option<&[String]> {
        self.by_name.get(name).map(|list| list.values.as_slice())
    }

    /// Whether deployment values replaced a list that must not be empty.
    pub(super) fn is_required(&self, name: &str) -> bool {
        self.by_name.get(name).is_some_and(|list| list.is_required_by_deployment)
    }

    pub(super) fn content(&self, name: &str) -> ListContent {
        let Some(list) = self.by_name.get(name) else {
            return ListContent::Patterns(Vec::new());
        };
        if list.values.is_empty() && list.empty == WhenEmpty::MatchAll {
            return ListContent::MatchAll;
        }
        let values = list.values.iter();
        match list.kind {
            ListType::Cidr => {
                ListContent::Networks(values.filter_map(|text| network(text)).collect())
            }
            ListType::Glob => {
                ListContent::Patterns(values.map(|text| Pattern::parse(text)).collect())
            }
            ListType::String | ListType::Account => {
                ListContent::Patterns(values.map(|text| Pattern::literal(text)).collect())
            }
        }
    }
}

pub(super) fn kind_name(kind: ListType) -> &'static str {
    match kind {
        ListType::String => "string",
        ListType::Glob => "glob",
        ListType::Cidr => "cidr",
        ListType::Account => "account",
    }
}

/// A use of a list in a detection or an alert context.
#[derive(Debug, Clone)]
pub(super) struct ListUse {
    pub(super) name: String,
    pub(super) mark: Mark,
}
