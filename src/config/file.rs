//! A configuration file: TOML text → checked layer, with the line of everything.

use super::key::{self, Node, Written};
use super::layer::{self, Layer};
use super::problem::{Origin, Problem};
use config::{Map, Value, ValueKind};
use toml_edit::{Document, Item, TableLike};

/// Reads the text of the file that the user calls `name`; returns what is right and every problem.
pub(super) fn read(name: &str, text: &str) -> (Layer, Vec<Problem>) {
    let mut reader = Reader { name, text, layer: Layer::default(), problems: Vec::new() };
    match Document::parse(text) {
        Ok(document) => reader.table(&mut Vec::new(), document.as_table()),
        Err(error) => {
            let origin = reader.origin(error.span());
            let what = error.message().lines().next().unwrap_or("cannot be read").to_owned();
            let what = format!("not TOML: {what}");
            reader.problems.push(Problem::error("syntax", "", origin, what));
        }
    }
    (reader.layer, reader.problems)
}

struct Reader<'a> {
    name: &'a str,
    text: &'a str,
    layer: Layer,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn table<'t>(&mut self, path: &mut Vec<&'t str>, table: &'t dyn TableLike) {
        for (name, item) in table.iter() {
            path.push(name);
            let span = table.get_key_value(name).and_then(|(key, _)| key.span());
            let origin = self.origin(span.or_else(|| item.span()));
            self.item(path, item, &origin);
            path.pop();
        }
    }

    fn item<'t>(&mut self, path: &mut Vec<&'t str>, item: &'t Item, origin: &Origin) {
        if path.len() == 1 && path.first() == Some(&"source") {
            return self.sources(item, origin);
        }
        let node = key::find(path);
        if let Some(table) = item.as_table_like() {
            return match node {
                Node::Section => self.table(path, table),
                Node::Leaf(key) if key.kind == key::Kind::PassThrough => {
                    self.unquoted(path, table);
                }
                Node::Leaf(_) => {
                    let refused = layer::check(path, &Written::Table, origin);
                    self.problems.extend(refused.err());
                }
                Node::Unknown => self.problems.push(layer::unknown(path, origin)),
            };
        }
        // Neither a table nor a value: `[[…]]` where there is one table only.
        let written = item.as_value().map_or(Written::List(Vec::new()), written);
        match layer::check(path, &written, origin) {
            Ok(kind) => self.layer.put(path, kind, origin),
            Err(problem) => self.problems.push(problem),
        }
    }

    /// `linger.ms = 5` without quotes is a table to TOML; here it can only mean one property.
    fn unquoted(&mut self, path: &[&str], table: &dyn TableLike) {
        let Some((last, section)) = path.split_last() else { return };
        for (name, item) in table.iter() {
            let property = format!("{last}.{name}");
            let mut longer: Vec<&str> = section.to_vec();
            longer.push(&property);
            let span = table.get_key_value(name).and_then(|(key, _)| key.span());
            let origin = self.origin(span);
            match item.as_table_like() {
                Some(inner) => self.unquoted(&longer, inner),
                None => self.item(&mut longer, item, &origin),
            }
        }
    }

    /// `[[source]]`: the list of a later layer replaces the list of an earlier one.
    fn sources(&mut self, item: &Item, origin: &Origin) {
        let tables: Vec<&dyn TableLike> = match item {
            Item::ArrayOfTables(tables) => tables.iter().map(|table| table as _).collect(),
            Item::Value(toml_edit::Value::Array(array)) => {
                array.iter().filter_map(|value| value.as_inline_table().map(|t| t as _)).collect()
            }
            _ => {
                let what = "source must be written as [[source]], once for each topic".to_owned();
                let problem = Problem::error("wrong-type", "source", origin.clone(), what);
                return self.problems.push(problem);
            }
        };
        let mut sources = Vec::new();
        for table in tables {
            let mut source = Map::new();
            for (name, item) in table.iter() {
                let span = table.get_key_value(name).and_then(|(key, _)| key.span());
                let origin = self.origin(span);
                let written = item.as_value().map_or(Written::Table, written);
                match layer::check(&["source", name], &written, &origin) {
                    Ok(kind) => {
                        let leaf = self.layer.leaf(kind, &origin);
                        source.insert(name.to_owned(), leaf);
                    }
                    Err(problem) => self.problems.push(problem),
                }
            }
            sources.push(layer::source_with_defaults(&mut self.layer, source));
        }
        self.layer.values.insert("source".into(), Value::new(None, ValueKind::Array(sources)));
    }

    fn origin(&self, span: Option<std::ops::Range<usize>>) -> Origin {
        let before = span.and_then(|span| self.text.get(..span.start));
        let (line, column) = before.map_or((0, 0), |before| {
            let line_start = before.rfind('\n').map_or(0, |at| at + 1);
            let column = before.get(line_start..).map_or(0, |line| line.chars().count());
            (before.matches('\n').count() + 1, column + 1)
        });
        Origin::File { name: self.name.to_owned(), line, column }
    }
}

/// The TOML value in our own form.
pub(super) fn written(value: &toml_edit::Value) -> Written {
    use toml_edit::Value as Toml;
    match value {
        Toml::String(text) => Written::Text(text.value().clone()),
        Toml::Integer(number) => Written::Integer(*number.value()),
        Toml::Float(number) => Written::Float(*number.value()),
        Toml::Boolean(flag) => Written::Flag(*flag.value()),
        Toml::Datetime(_) => Written::Date,
        Toml::Array(items) => Written::List(items.iter().map(written).collect()),
        Toml::InlineTable(_) => Written::Table,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_gives_a_layer_or_problems_and_never_a_panic(
            pieces in proptest::collection::vec(
                prop_oneof![
                    Just("[kafka]\n"), Just("[[source]]\n"), Just("[[kafka]]\n"), Just("brokers"),
                    Just("source"), Just(" = "), Just("[\"a:1\", 2]"), Just("{x = 1}"), Just("\n"),
                    Just("librdkafka"), Just("."), Just("\"linger.ms\""), Just("1979-05-27"),
                    Just("\"ü\u{202e}\""), Just("[lists.x]\n"), Just("values"), Just("]"), Just("true"),
                ],
                0..24,
            )
        ) {
            let (_, problems) = read("t.toml", &pieces.concat());
            for problem in problems {
                prop_assert!(!problem.to_string().contains('\n'), "{problem}");
            }
        }
    }
}
