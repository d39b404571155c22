//! YAML text → nodes that remember where they were written.
//!
//! Reads parser events itself instead of building a library's tree: every duplicate key is reported,
//! scalars keep the text as written, and depth, size and what aliases expand to are bounded before
//! anything is allocated for them. Core schema of YAML 1.2: `yes` and `no` are text.

use super::report::{Report, shown};
use crate::event::Number;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};
use std::borrow::Cow;
use std::collections::HashMap;

/// Longest text that is read.
const TEXT_BYTES_MAX: usize = 1 << 20;
/// Most nodes of one file, with aliases expanded.
const NODES_MAX: usize = 200_000;
/// Deepest nesting: everything below walks nodes by recursion.
const DEPTH_MAX: usize = 64;

/// A line and a column, both from 1; both 0 for the whole file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Mark {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Mark {
    /// The whole file.
    pub(super) const FILE: Mark = Mark { line: 0, column: 0 };

    /// So many characters further right on the same line.
    pub(super) fn right(self, characters: usize) -> Mark {
        Mark { line: self.line, column: self.column.saturating_add(characters) }
    }
}

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) mark: Mark,
    pub(super) data: Data,
}

#[derive(Debug, Clone)]
pub(super) enum Data {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A scalar: its text and what the core schema makes of it.
#[derive(Debug, Clone)]
pub(super) struct Scalar {
    pub(super) text: String,
    pub(super) form: Form,
    pub(super) style: Style,
}

/// How a scalar was written, which decides where its characters stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Quoted,
    Block,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Form {
    Null,
    Bool(bool),
    Number(Number),
    Text,
}

#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) mark: Mark,
}

impl Node {
    /// What it is, for a message.
    pub(super) fn kind(&self) -> &'static str {
        match &self.data {
            Data::List(_) => "a list",
            Data::Map(_) => "a map",
            Data::Scalar(scalar) => match scalar.form {
                Form::Null => "null",
                Form::Bool(_) => "a boolean",
                Form::Number(_) => "a number",
                Form::Text => "text",
            },
        }
    }

    pub(super) fn as_map(&self) -> Option<&[(Key, Node)]> {
        match &self.data {
            Data::Map(entries) => Some(entries),
            _ => None,
        }
    }

    pub(super) fn as_list(&self) -> Option<&[Node]> {
        match &self.data {
            Data::List(items) => Some(items),
            _ => None,
        }
    }

    pub(super) fn as_scalar(&self) -> Option<&Scalar> {
        match &self.data {
            Data::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    pub(super) fn is_null(&self) -> bool {
        self.as_scalar().is_some_and(|scalar| scalar.form == Form::Null)
    }

    /// The value of `key` in a map.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.as_map()?.iter().find(|(name, _)| name.text == key).map(|(_, node)| node)
    }

    /// The same value as JSON, positions and styles dropped.
    pub(super) fn to_json(&self) -> serde_json::Value {
        match &self.data {
            Data::Scalar(scalar) => match scalar.form {
                Form::Null => serde_json::Value::Null,
                Form::Bool(value) => value.into(),
                Form::Number(Number::Unsigned(value)) => value.into(),
                Form::Number(Number::Signed(value)) => value.into(),
                Form::Number(Number::Float(value)) => value.into(),
                Form::Text => scalar.text.as_str().into(),
            },
            Data::List(items) => items.iter().map(Node::to_json).collect(),
            Data::Map(entries) => {
                entries.iter().map(|(key, node)| (key.text.clone(), node.to_json())).collect()
            }
        }
    }
}

/// Reads all documents of a text; empty documents are left out.
///
/// At a syntax error the documents before it are returned: what follows cannot be trusted.
pub(super) fn read(text: &str, report: &mut Report) -> Vec<Node> {
    if text.len() > TEXT_BYTES_MAX {
        report.error(
            Mark::FILE,
            "yaml-too-large",
            format!("the file holds {} bytes, at most {TEXT_BYTES_MAX} are read", text.len()),
        );
        return Vec::new();
    }
    let mut builder = Builder {
        report,
        documents: Vec::new(),
        open: Vec::new(),
        anchors: HashMap::new(),
        nodes: 0,
    };
    for event in Parser::new_from_str(text) {
        let outcome = match event {
            Ok((event, span)) => builder.take(event, mark_of(&span.start)),
            Err(error) => {
                let mark = mark_of(error.marker());
                let hint = hint_for(error.info(), text, mark);
                let what = format!("this is no YAML: {}", shown(error.info()));
                builder.report.error_with_hint(mark, "yaml-syntax", what, hint);
                Err(Stop)
            }
        };
        if outcome.is_err() {
            break;
        }
    }
    builder.documents
}

fn mark_of(marker: &Marker) -> Mark {
    Mark { line: marker.line(), column: marker.col() + 1 }
}

/// What to write instead, for the slips that people make.
fn hint_for(info: &str, text: &str, mark: Mark) -> Option<String> {
    let line = text.lines().nth(mark.line.saturating_sub(1)).unwrap_or_default();
    let indented_by_tab = line.trim_start_matches(' ').starts_with('\t');
    if info.contains("tab") || indented_by_tab {
        return Some("indent with spaces".into());
    }
    let before: String = line.chars().take(mark.column.saturating_sub(1)).collect();
    let hints = [
        ("unknown anchor", "put the value in quotes"),
        (
            "mapping values are not allowed",
            "put the value in quotes: a colon with a space behind it makes a key",
        ),
        (
            "trailing content after double-quoted",
            if before.ends_with('"') {
                "write \\\" for a quote inside double quotes"
            } else {
                "write '' for a quote inside single quotes, as in 'it''s'"
            },
        ),
        ("invalid indentation in quoted scalar", "close the quotes of this value"),
        ("did not find expected ',' or '}'", "a comma between two entries, and } behind the last"),
        ("did not find expected ',' or ']'", "a comma between two members, and ] behind the last"),
        ("simple key expect ':'", "KEY: VALUE, or - VALUE in a list"),
        ("block mapping, did not find expected key", "the keys of one map begin in one column"),
        ("did not find expected '-'", "the members of one list begin in one column"),
    ];
    if let Some((_, hint)) = hints.iter().find(|(known, _)| info.contains(known)) {
        return Some((*hint).to_owned());
    }
    let starts_like_syntax = |value: &str| value.starts_with(['*', '%', '@', '`', '&', '!']);
    let value =
        line.split_once(": ").map_or(line, |(_, value)| value).trim_start_matches([' ', '-']);
    starts_like_syntax(value).then(|| "put the value in quotes".into())
}

/// The rest of the text is not read; the reason is in the report.
struct Stop;

struct Builder<'r> {
    report: &'r mut Report,
    documents: Vec<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
}

/// A collection whose end has not been read.
struct Open {
    mark: Mark,
    anchor: usize,
    nodes_before: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map { entries: Vec<(Key, Node)>, next: Next },
}

/// What the next node of a map is.
enum Next {
    Key,
    ValueOf(Key),
    /// The value of a key that cannot be used.
    Nothing,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, mark: Mark) -> Result<(), Stop> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => {
                self.anchors.clear();
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                let scalar = scalar(text, style, tag.as_deref());
                self.count(mark, 1)?;
                self.close(Node { mark, data: Data::Scalar(scalar) }, anchor, 1);
                Ok(())
            }
            Event::SequenceStart(anchor, _) => self.start(mark, anchor, Content::List(Vec::new())),
            Event::MappingStart(anchor, _) => {
                self.start(mark, anchor, Content::Map { entries: Vec::new(), next: Next::Key })
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.end();
                Ok(())
            }
            Event::Alias(anchor) => {
                let Some((_, nodes)) = self.anchors.get(&anchor) else {
                    let what = "this alias stands inside its own anchor";
                    self.report.error(mark, "yaml-syntax", what);
                    return Err(Stop);
                };
                let nodes = *nodes;
                self.count(mark, nodes)?;
                let copy = self.anchors.get(&anchor).map(|(node, _)| node.clone());
                if let Some(mut node) = copy {
                    node.mark = mark;
                    self.close(node, 0, nodes);
                }
                Ok(())
            }
        }
    }

    fn count(&mut self, mark: Mark, nodes: usize) -> Result<(), Stop> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes <= NODES_MAX {
            return Ok(());
        }
        let what = format!("the file holds more than {NODES_MAX} values, aliases expanded");
        self.report.error(mark, "yaml-too-large", what);
        Err(Stop)
    }

    fn start(&mut self, mark: Mark, anchor: usize, content: Content) -> Result<(), Stop> {
        if self.open.len() == DEPTH_MAX {
            let what = format!("values are nested more than {DEPTH_MAX} deep");
            self.report.error(mark, "yaml-too-large", what);
            return Err(Stop);
        }
        self.count(mark, 1)?;
        self.open.push(Open { mark, anchor, nodes_before: self.nodes - 1, content });
        Ok(())
    }

    fn end(&mut self) {
        let Some(open) = self.open.pop() else { return };
        let data = match open.content {
            Content::List(items) => Data::List(items),
            Content::Map { entries, .. } => Data::Map(entries),
        };
        let nodes = self.nodes - open.nodes_before;
        // A flow collection's mark is its bracket; a block map's is its first key.
        self.close(Node { mark: open.mark, data }, open.anchor, nodes);
    }

    /// Puts a finished node where it belongs.
    fn close(&mut self, node: Node, anchor: usize, nodes: usize) {
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), nodes));
        }
        let Some(open) = self.open.last_mut() else {
            if !node.is_null() {
                self.documents.push(node);
            }
            return;
        };
        match &mut open.content {
            Content::List(items) => items.push(node),
            Content::Map { entries, next } => match std::mem::replace(next, Next::Key) {
                Next::Key => *next = read_key(node, entries, self.report),
                Next::ValueOf(key) => entries.push((key, node)),
                Next::Nothing => {}
            },
        }
    }
}

fn read_key(node: Node, entries: &[(Key, Node)], report: &mut Report) -> Next {
    let mark = node.mark;
    let Data::Scalar(scalar) = node.data else {
        report.error(mark, "yaml-key", "a key must be text, not a list or a map");
        return Next::Nothing;
    };
    if let Some((first, _)) = entries.iter().find(|(key, _)| key.text == scalar.text) {
        let what = format!(
            "the key {:?} is written twice in this map, first on line {}",
            shown(&scalar.text),
            first.mark.line
        );
        let hint = "one key with a list of values, or another name".to_owned();
        report.error_with_hint(mark, "yaml-duplicate-key", what, hint);
        return Next::Nothing;
    }
    Next::ValueOf(Key { text: scalar.text, mark })
}

fn scalar(text: Cow<'_, str>, style: ScalarStyle, tag: Option<&Tag>) -> Scalar {
    let written_as = match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
        ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
    };
    let is_text_by_tag = tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
    let form = if written_as == Style::Plain && !is_text_by_tag { form(&text) } else { Form::Text };
    Scalar { text: text.into_owned(), form, style: written_as }
}

/// What the core schema makes of a plain scalar.
fn form(text: &str) -> Form {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Form::Null,
        "true" | "True" | "TRUE" => return Form::Bool(true),
        "false" | "False" | "FALSE" => return Form::Bool(false),
        _ => {}
    }
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_number = digits.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && digits.contains(|char: char| char.is_ascii_digit())
        && digits.chars().all(|char| matches!(char, '0'..='9' | '.' | 'e' | 'E' | '+' | '-'));
    if !is_number {
        return Form::Text;
    }
    if let Ok(value) = text.parse::<u64>() {
        return Form::Number(Number::Unsigned(value));
    }
    if let Ok(value) = text.parse::<i64>() {
        return Form::Number(Number::Signed(value));
    }
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Form::Number(Number::Float(value)),
        _ => Form::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems_of(text: &str) -> Vec<String> {
        let mut report = Report::new("a.yml");
        read(text, &mut report);
        report.into_problems().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn nodes_know_their_line_and_column() {
        let mut report = Report::new("a.yml");

        let documents = read("title: x\ndetection:\n  selection: {a: [1, 'two']}\n", &mut report);

        let list =
            documents[0].get("detection").unwrap().get("selection").unwrap().get("a").unwrap();
        let marks: Vec<_> = list.as_list().unwrap().iter().map(|node| node.mark).collect();
        assert_eq!(marks, [Mark { line: 3, column: 19 }, Mark { line: 3, column: 22 }]);
    }

    #[test]
    fn every_duplicate_key_is_reported_at_its_place() {
        let problems = problems_of("a: 1\nb: 2\na: 3\nb: 4\n");

        assert_eq!(problems.len(), 2);
        assert!(problems[0].starts_with("a.yml:3:1 error yaml-duplicate-key"), "{problems:?}");
        assert!(problems[1].starts_with("a.yml:4:1 error yaml-duplicate-key"), "{problems:?}");
    }

    #[test]
    fn a_tab_as_indent_is_told_with_its_place() {
        let problems = problems_of("detection:\n\tselection: 1\n");

        assert_eq!(problems.len(), 1);
        assert!(problems[0].starts_with("a.yml:2:"), "{problems:?}");
        assert!(problems[0].contains("indent with spaces"), "{problems:?}");
    }

    #[test]
    fn a_value_that_starts_with_a_star_is_told_to_be_quoted() {
        let problems = problems_of("detection:\n  selection:\n    a: *foo*\n");

        assert!(problems[0].starts_with("a.yml:3:"), "{problems:?}");
        assert!(problems[0].contains("put the value in quotes"), "{problems:?}");
    }

    #[test]
    fn slips_of_people_who_write_rules_are_told_with_their_mend() {
        for (text, mend) in [
            ("title: X: Y\n", "put the value in quotes: a colon"),
            ("s: {eventName: *Object}\n", "put the value in quotes"),
            ("s: [a, *b]\n", "put the value in quotes"),
            ("s:\n  a: %list%\n", "put the value in quotes"),
            ("s:\n  a: 'it's'\n", "as in 'it''s'"),
            ("s:\n  a: \"say \"x\" now\"\n", "write \\\" for a quote"),
            ("d:\n  s:\n    a: 1\n condition: s\n", "begin in one column"),
            ("d:\n  s:\n    a: 1\n   condition: s\n", "begin in one column"),
            ("d:\n  s: {a: 1\n  condition: s\n", "} behind the last"),
            ("d:\n  s: \"x\n  condition: s\n", "close the quotes"),
        ] {
            let problems = problems_of(text);
            let told = problems.first().is_some_and(|first| {
                first.split_once("(hint: ").is_some_and(|(_, hint)| hint.contains(mend))
            });
            assert!(told, "{text}{problems:?}");
        }
    }

    #[test]
    fn aliases_that_multiply_are_stopped_before_they_fill_the_memory() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let before = level - 1;
            let list = vec![format!("*a{before}"); 10].join(", ");
            text = format!("{text}a{level}: &a{level} [{list}]\n");
        }

        let problems = problems_of(&text);

        assert_eq!(problems.len(), 1);
        assert!(problems[0].contains("yaml-too-large"), "{problems:?}");
    }

    #[test]
    fn deep_nesting_and_long_files_are_errors() {
        let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
        assert!(problems_of(&deep)[0].contains("more than 64 deep"));
        assert_eq!(problems_of(&"[".repeat(100_000)).len(), 1);
        let lines: Vec<String> = (0..100).map(|level| " ".repeat(level) + "a:\n").collect();
        let deep = lines.concat();
        assert!(problems_of(&deep)[0].contains("more than 64 deep"));
        assert!(problems_of(&"a".repeat(TEXT_BYTES_MAX + 1))[0].starts_with("a.yml error"));
    }

    #[test]
    fn plain_scalars_follow_the_core_schema() {
        for (text, expected) in [
            ("12", Form::Number(Number::Unsigned(12))),
            ("-3", Form::Number(Number::Signed(-3))),
            ("1.5", Form::Number(Number::Float(1.5))),
            ("true", Form::Bool(true)),
            ("yes", Form::Text),
            ("~", Form::Null),
            ("10.0.0.1", Form::Text),
            ("2024-01-01", Form::Text),
            ("1h", Form::Text),
            (".", Form::Text),
        ] {
            assert_eq!(form(text), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "[ -~\\n\\t:\\[\\]{}&*!|>'\"%@`#,?é-]{0,200}") {
            problems_of(&text);
        }
    }
}
