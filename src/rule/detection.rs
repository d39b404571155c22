//! `detection:` → searches with their items and the condition over them.

use super::condition::{self, Condition, Quantity};
use super::encoding::{Wrong, encoded};
use super::list::ListUse;
use super::modifier::{self, Ask, Operator};
use super::pattern::Pattern;
use super::placeholder::{self, Placeholder};
use super::predicate::parse_number;
use super::report::{Report, nearest_or_all, shown};
use super::scalar_text::number_text;
use super::time_part::TimePart;
use super::yaml::{Data, Form, Key, Mark, Node, Scalar};
use crate::event::Number;
use ipnet::IpNet;
use regex::Regex;
use std::net::IpAddr;

/// A detection, checked as far as it can be without the other documents.
#[derive(Debug, Clone)]
pub(super) struct Detection {
    pub(super) searches: Vec<Search>,
    pub(super) condition: Condition,
}

/// A named search.
#[derive(Debug, Clone)]
pub(super) struct Search {
    pub(super) name: String,
    pub(super) mark: Mark,
    /// Alternatives, each a list of items that must all hold.
    pub(super) alternatives: Vec<Vec<Item>>,
}

/// `field|modifiers: values`
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) ask: Ask,
    pub(super) mark: Mark,
    pub(super) operands: Vec<Operand>,
    /// Field, modifiers and values as the author wrote them.
    pub(super) written: Written,
}

/// What people are shown of an item.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) key: String,
    pub(super) values: Vec<String>,
}

/// One value of an item.
#[derive(Debug, Clone)]
pub(super) enum Operand {
    Null,
    /// One of these: more than one where an encoding has several results.
    Texts(Vec<Pattern>),
    Number(Number),
    Regex(Regex),
    Network(IpNet),
    Exists(bool),
    /// `%name%`
    List {
        name: String,
        mark: Mark,
    },
    /// `text%name%text`
    Template {
        parts: Vec<Placeholder>,
        mark: Mark,
    },
    /// The name of another field.
    Field(Key),
}

/// What has searches and a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    Detection,
    Filter,
}

impl Holder {
    fn name(self) -> &'static str {
        match self {
            Self::Detection => "detection",
            Self::Filter => "filter",
        }
    }
}

/// Reads the value of `detection`, or of a filter without its rules.
pub(super) fn read(node: &Node, of: Holder, report: &mut Report) -> Option<Detection> {
    let Some(entries) = node.as_map() else {
        let what =
            format!("\"detection\" is a map of searches and a condition, not {}", node.kind());
        report.error(node.mark, "wrong-type", what);
        return None;
    };
    let mut searches = Vec::new();
    let mut condition = None;
    let mut has_condition = false;
    for (key, value) in entries {
        match key.text.as_str() {
            "condition" => {
                has_condition = true;
                condition = condition::read(value, report);
            }
            "timeframe" => report.error_with_hint(
                key.mark,
                "not-supported",
                "\"timeframe\" belongs to the aggregations of old Sigma",
                "write a correlation rule with timespan".to_owned(),
            ),
            _ => searches.extend(read_search(key, value, report)),
        }
    }
    if !has_condition {
        let search = entries.first().map_or("selection", |(key, _)| key.text.as_str());
        let not = if of == Holder::Filter { "not " } else { "" };
        let hint = format!("condition: {not}{}", shown(search));
        let what = format!("{:?} has no \"condition\"", of.name());
        report.error_with_hint(node.mark, "missing-key", what, hint);
    }
    if searches.is_empty() && entries.iter().all(|(key, _)| key.text == "condition") {
        let what = format!("{:?} has no search", of.name());
        let hint = "selection: {FIELD: VALUE}, beside the condition".to_owned();
        report.error_with_hint(node.mark, "missing-key", what, hint);
        return None;
    }
    let names: Vec<&str> = entries
        .iter()
        .map(|(key, _)| key.text.as_str())
        .filter(|name| *name != "condition")
        .collect();
    let condition = condition?;
    let mut used = Vec::new();
    check_names(&condition, (of, &names), &mut used, report);
    // A wrong name in the condition is one mistake, not two.
    let are_known = used.iter().all(|name| names.contains(&name.as_str()));
    for search in searches.iter().filter(|_| are_known) {
        if !used.contains(&search.name) {
            let what = format!("the search {:?} is not used by the condition", search.name);
            report.warning(search.mark, "unused-search", what, None);
        }
    }
    Some(Detection { searches, condition })
}

/// The names that `pattern` stands for; `None` is `them`.
pub(super) fn chosen<'a>(
    pattern: Option<&str>,
    names: impl Iterator<Item = &'a str>,
) -> Vec<&'a str> {
    match pattern {
        None => names.filter(|name| !name.starts_with('_')).collect(),
        Some(pattern) => {
            let glob = super::glob::Glob::new(&Pattern::parse(pattern), super::glob::Case::Matters);
            names.filter(|name| glob.is_match(name)).collect()
        }
    }
}

fn check_names(
    condition: &Condition,
    (of, names): (Holder, &[&str]),
    used: &mut Vec<String>,
    report: &mut Report,
) {
    match condition {
        Condition::Search { name, mark } => {
            if !names.contains(&name.as_str()) {
                let what = format!("there is no search {:?} in this {}", shown(name), of.name());
                let hint = nearest_or_all(name, names);
                report.error_with_hint(*mark, "unknown-search", what, hint);
            }
            used.push(name.clone());
        }
        Condition::Several { pattern, mark, .. } => {
            let found = chosen(pattern.as_deref(), names.iter().copied());
            if found.is_empty() {
                let pattern = pattern.as_deref().unwrap_or("them");
                let what = format!("no search has a name like {:?}", shown(pattern));
                report.error_with_hint(
                    *mark,
                    "unknown-search",
                    what,
                    nearest_or_all(pattern, names),
                );
            }
            used.extend(found.into_iter().map(ToOwned::to_owned));
        }
        Condition::Not(inner) => check_names(inner, (of, names), used, report),
        Condition::All(several) | Condition::Any(several) => {
            for one in several {
                check_names(one, (of, names), used, report);
            }
        }
    }
}

fn read_search(key: &Key, value: &Node, report: &mut Report) -> Option<Search> {
    let alternatives = match &value.data {
        Data::Map(entries) => vec![read_items(entries, value.mark, report)?],
        Data::List(members) => read_alternatives(members, value.mark, report)?,
        Data::Scalar(_) => vec![vec![read_keywords(&[value], value.mark, report)?]],
    };
    Some(Search { name: key.text.clone(), mark: key.mark, alternatives })
}

/// Maps and keywords: one of them is enough.
fn read_alternatives(members: &[Node], mark: Mark, report: &mut Report) -> Option<Vec<Vec<Item>>> {
    if members.is_empty() {
        report.error(mark, "empty", "this search is an empty list");
        return None;
    }
    let mut alternatives = Vec::new();
    let mut keywords = Vec::new();
    let mut is_good = true;
    for member in members {
        match &member.data {
            Data::Map(entries) => match read_items(entries, member.mark, report) {
                Some(items) => alternatives.push(items),
                None => is_good = false,
            },
            Data::Scalar(_) => keywords.push(member),
            Data::List(_) => {
                let what = "a search is a list of maps and keywords, not of lists";
                report.error(member.mark, "wrong-type", what);
                is_good = false;
            }
        }
    }
    if let Some(first) = keywords.first() {
        match read_keywords(&keywords, first.mark, report) {
            Some(item) => alternatives.push(vec![item]),
            None => is_good = false,
        }
    }
    is_good.then_some(alternatives)
}

/// Values without a field: one of them is somewhere in the record.
fn read_keywords(nodes: &[&Node], mark: Mark, report: &mut Report) -> Option<Item> {
    let ask = modifier::read("", mark, report)?;
    let operands: Vec<_> =
        nodes.iter().filter_map(|node| read_operand(&ask, node, report)).collect();
    let values = nodes.iter().filter_map(|node| node.as_scalar());
    let values = values.map(|scalar| scalar.text.clone());
    // No field: the record itself is asked.
    let written = Written { key: "record".to_owned(), values: values.collect() };
    (operands.len() == nodes.len()).then_some(Item { ask, mark, operands, written })
}

fn read_items(entries: &[(Key, Node)], mark: Mark, report: &mut Report) -> Option<Vec<Item>> {
    if entries.is_empty() {
        report.error(mark, "empty", "this search is an empty map, it would match every event");
        return None;
    }
    let items: Vec<_> =
        entries.iter().filter_map(|(key, value)| read_item(key, value, report)).collect();
    (items.len() == entries.len()).then_some(items)
}

fn read_item(key: &Key, value: &Node, report: &mut Report) -> Option<Item> {
    let ask = modifier::read(&key.text, key.mark, report)?;
    let nodes = match &value.data {
        Data::List(items) => items.as_slice(),
        Data::Scalar(_) => std::slice::from_ref(value),
        Data::Map(_) => {
            let what = format!("the value of {} is a map", named(&ask));
            let hint = "write the path with dots: a.b: value".to_owned();
            report.error_with_hint(value.mark, "wrong-type", what, hint);
            return None;
        }
    };
    if nodes.is_empty() {
        let what = format!("{} has an empty list of values", named(&ask));
        report.error(value.mark, "empty", what);
        return None;
    }
    if ask.wants_all && nodes.len() == 1 && !ask.expands {
        let what = "\"all\" with a single value says nothing";
        report.warning(key.mark, "modifier-chain", what, Some("remove all".to_owned()));
    }
    let operands: Vec<_> =
        nodes.iter().filter_map(|node| read_operand(&ask, node, report)).collect();
    let values = nodes.iter().filter_map(Node::as_scalar).map(|scalar| scalar.text.clone());
    let written = Written { key: key.text.clone(), values: values.collect() };
    (operands.len() == nodes.len()).then_some(Item { ask, mark: key.mark, operands, written })
}

fn read_operand(ask: &Ask, node: &Node, report: &mut Report) -> Option<Operand> {
    let Some(scalar) = node.as_scalar() else {
        let what = format!("a value of {} is {}", named(ask), node.kind());
        report.error(node.mark, "wrong-type", what);
        return None;
    };
    let read = if ask.expands {
        placeholder::read(&scalar.text, node.mark)
    } else if ask.refers {
        Ok(Operand::Field(Key { text: scalar.text.clone(), mark: node.mark }))
    } else {
        operand_of(ask, scalar)
    };
    read.map_err(|(what, hint)| report.error_with_hint(node.mark, "value", what, hint)).ok()
}

/// How a message calls what is asked.
fn named(ask: &Ask) -> String {
    if ask.field.is_empty() { "keywords".to_owned() } else { format!("{:?}", shown(&ask.field)) }
}

fn operand_of(ask: &Ask, scalar: &Scalar) -> Result<Operand, Wrong> {
    if let Some(part) = ask.part {
        return part_of_a_time(part, scalar);
    }
    match ask.operator {
        Operator::Equals if ask.encodings.is_empty() => Ok(equal_to(scalar)),
        Operator::Equals | Operator::StartsWith | Operator::EndsWith | Operator::Contains => {
            match scalar.form {
                Form::Null if ask.field.is_empty() => {
                    Err(("null is no keyword".into(), Some("FIELD: null".into())))
                }
                Form::Null => Err(("null is no text".into(), Some("FIELD: null".into()))),
                _ if scalar.text.is_empty() => Err((
                    "an empty text is in every text".into(),
                    Some("FIELD: '' for equality".into()),
                )),
                _ => encoded(Pattern::parse(&scalar.text), &ask.encodings).map(Operand::Texts),
            }
        }
        Operator::Regex { ignore_case, multi_line, dot_matches_newline } => {
            regex::RegexBuilder::new(&scalar.text)
                .case_insensitive(ignore_case)
                .multi_line(multi_line)
                .dot_matches_new_line(dot_matches_newline)
                .build()
                .map(Operand::Regex)
                .map_err(|error| regex_problem(&scalar.text, &error))
        }
        Operator::Cidr => network(&scalar.text).map(Operand::Network).ok_or_else(|| {
            let what = format!("{:?} is no network", shown(&scalar.text));
            (what, Some("like 10.0.0.0/8 or 2001:db8::/32".into()))
        }),
        Operator::Exists => match scalar.form {
            Form::Bool(wanted) => Ok(Operand::Exists(wanted)),
            _ => Err((format!("{:?} is neither true nor false", shown(&scalar.text)), None)),
        },
        Operator::Compares(_) => {
            let number = match scalar.form {
                Form::Number(number) => Some(number),
                Form::Text => parse_number(&scalar.text),
                _ => None,
            };
            let what = || (format!("{:?} is no number", shown(&scalar.text)), None);
            number.map(Operand::Number).ok_or_else(what)
        }
    }
}

fn equal_to(scalar: &Scalar) -> Operand {
    let pattern = match scalar.form {
        Form::Null => return Operand::Null,
        Form::Bool(value) => Pattern::literal(if value { "true" } else { "false" }),
        Form::Number(number) => Pattern::literal(&number_text(number)),
        Form::Text => Pattern::parse(&scalar.text),
    };
    Operand::Texts(vec![pattern])
}

fn part_of_a_time(part: TimePart, scalar: &Scalar) -> Result<Operand, Wrong> {
    let (least, most) = part.range();
    let number = scalar.text.trim().parse::<i64>().ok().filter(|it| (least..=most).contains(it));
    number.map(|number| Operand::Number(Number::Signed(number))).ok_or_else(|| {
        let what = format!("{:?} is no such part of a time", shown(&scalar.text));
        (what, Some(format!("a whole number from {least} to {most}")))
    })
}

/// A network, or a single address as one.
pub(super) fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

fn regex_problem(text: &str, error: &regex::Error) -> Wrong {
    let has_look_around = ["(?=", "(?!", "(?<=", "(?<!"].iter().any(|look| text.contains(look));
    let has_back_reference = (1..=9).any(|digit| text.contains(&format!("\\{digit}")));
    if has_look_around || has_back_reference {
        let what = "regular expressions have no look-around and no back-references here";
        return (what.into(), Some("write it with and, or, not in the condition".into()));
    }
    let detail = error.to_string();
    let last_line = detail.lines().last().unwrap_or_default();
    let reason = last_line.strip_prefix("error: ").unwrap_or(last_line);
    (format!("{:?} is no regular expression: {}", shown(text), shown(reason)), None)
}

impl Operand {
    /// The lists that it names.
    pub(super) fn list_uses(&self) -> Vec<ListUse> {
        match self {
            Operand::List { name, mark } => vec![ListUse { name: name.clone(), mark: *mark }],
            Operand::Template { parts, mark } => {
                let names = parts.iter().filter_map(Placeholder::list);
                names.map(|name| ListUse { name: name.to_owned(), mark: *mark }).collect()
            }
            _ => Vec::new(),
        }
    }
}

impl Detection {
    /// All items of all searches.
    pub(super) fn items(&self) -> impl Iterator<Item = &Item> {
        self.searches.iter().flat_map(|search| &search.alternatives).flatten()
    }

    /// The fields that it asks, those that `fieldref` names among them.
    pub(super) fn fields(&self) -> impl Iterator<Item = Key> {
        self.items().flat_map(|item| {
            let own = Key { text: item.ask.field.clone(), mark: item.mark };
            let others = item.operands.iter().filter_map(|operand| match operand {
                Operand::Field(field) => Some(field.clone()),
                _ => None,
            });
            std::iter::once(own).filter(|field| !field.text.is_empty()).chain(others)
        })
    }

    /// The searches that one part of the condition asks, with how many of them must hold.
    pub(super) fn several<'a>(
        &'a self,
        quantity: Quantity,
        pattern: Option<&str>,
    ) -> (Quantity, Vec<&'a Search>) {
        let names = chosen(pattern, self.searches.iter().map(|search| search.name.as_str()));
        let searches =
            self.searches.iter().filter(|search| names.contains(&search.name.as_str())).collect();
        (quantity, searches)
    }
}
