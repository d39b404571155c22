//! The values of a list that stands in a file: lines, CSV or JSON.
//!
//! A function from bytes to values, so that it does not matter who reads the file, or when again. Each
//! value keeps its line: what is wrong with one is said where it stands. What a value must be is the
//! list's type, which [`super::load`] checks.

use super::problem::{Place, Problem, Severity};
use super::report::{nearest, shown};
use memchr::memchr_iter;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// How a file holds values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListForm {
    /// One on each line; `#` begins a comment.
    Lines,
    /// Rows with a head of names; quotes as in RFC 4180.
    Csv,
    /// An array of texts, or of objects.
    Json,
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListValue {
    /// The value.
    pub text: String,
    /// Line in the file, from 1.
    pub line: usize,
}

/// Problems of one file that are told; the rest is counted.
const PROBLEMS_MAX: usize = 20;

impl ListForm {
    /// The form that a file's name says: `.csv`, `.json`, anything else is lines.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        match name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).as_deref() {
            Some("csv") => ListForm::Csv,
            Some("json") => ListForm::Json,
            _ => ListForm::Lines,
        }
    }
}

/// Reads the values of a file called `name`; `column` names a column of CSV or a member of objects.
///
/// Empty values are left out.
///
/// # Errors
/// Everything that cannot be read, each with its line.
pub fn read_list(
    name: &str,
    bytes: &[u8],
    form: ListForm,
    column: Option<&str>,
) -> Result<Vec<ListValue>, Vec<Problem>> {
    let mut faults = Faults { file: name, problems: Vec::new(), more: 0 };
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.trim_start_matches('\u{FEFF}'),
        Err(error) => {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = memchr_iter(b'\n', before).count() + 1;
            faults.add(line, "this is no UTF-8 text".into(), "save the file as UTF-8");
            return Err(faults.problems);
        }
    };
    let values = match form {
        ListForm::Lines => {
            if column.is_some() {
                let hint = "name the file .csv or .json, or take the column out";
                faults.add(1, "a file of lines has no columns".into(), hint);
            }
            lines(text)
        }
        ListForm::Csv => csv(text, column, &mut faults),
        ListForm::Json => json(text, column, &mut faults),
    };
    if faults.problems.is_empty() {
        return Ok(values.into_iter().filter(|value| !value.text.is_empty()).collect());
    }
    Err(faults.finish())
}

struct Faults<'n> {
    file: &'n str,
    problems: Vec<Problem>,
    more: usize,
}

impl Faults<'_> {
    fn add(&mut self, line: usize, what: String, hint: &str) {
        if self.problems.len() >= PROBLEMS_MAX {
            self.more += 1;
            return;
        }
        self.problems.push(Problem {
            place: Place { file: shown(self.file), line, column: 1 },
            severity: Severity::Error,
            code: "list-file",
            what,
            hint: Some(hint.to_owned()),
        });
    }

    fn finish(mut self) -> Vec<Problem> {
        if self.more > 0
            && let Some(last) = self.problems.last_mut()
        {
            last.what = format!("{}; and {} more like it in this file", last.what, self.more);
        }
        self.problems
    }
}

fn lines(text: &str) -> Vec<ListValue> {
    let of_line = |(line, text): (usize, &str)| {
        let value = text.split('#').next().unwrap_or_default().trim();
        ListValue { text: value.to_owned(), line }
    };
    (1..).zip(text.lines()).map(of_line).collect()
}

fn csv(text: &str, column: Option<&str>, faults: &mut Faults<'_>) -> Vec<ListValue> {
    let mut rows = rows(text, faults).into_iter();
    let Some((_, head)) = rows.next() else { return Vec::new() };
    let names: Vec<&str> = head.iter().map(|name| name.trim()).collect();
    let at = match column {
        None if names.len() == 1 => Some(0),
        None => {
            let what = "the file has several columns and none is chosen".to_owned();
            let hint = format!("column = one of {}", shown(&names.join(", ")));
            faults.add(1, what, &hint);
            return Vec::new();
        }
        Some(column) => names.iter().position(|name| *name == column),
    };
    let Some(at) = at else {
        let column = column.unwrap_or_default();
        let what = format!("there is no column {:?}", shown(column));
        let hint = nearest(column, names.iter().copied())
            .unwrap_or_else(|| format!("one of {}", shown(&names.join(", "))));
        faults.add(1, what, &hint);
        return Vec::new();
    };
    let mut values = Vec::new();
    for (line, cells) in rows {
        match cells.get(at) {
            Some(cell) => values.push(ListValue { text: cell.trim().to_owned(), line }),
            None if cells.iter().all(|cell| cell.trim().is_empty()) => {}
            None => {
                let what = format!("the row has {} cells, the head {}", cells.len(), names.len());
                faults.add(line, what, "quote cells that hold a comma");
            }
        }
    }
    values
}

/// Rows of cells with the line that each begins in.
fn rows(text: &str, faults: &mut Faults<'_>) -> Vec<(usize, Vec<String>)> {
    let mut rows = Vec::new();
    let (mut line, mut begin) = (1, 1);
    let (mut cells, mut cell) = (Vec::new(), String::new());
    let mut quoted_since = None;
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        line += usize::from(char == '\n');
        match (quoted_since, char) {
            (Some(_), '"') if chars.next_if_eq(&'"').is_some() => cell.push('"'),
            (Some(_), '"') => quoted_since = None,
            (Some(_), other) => cell.push(other),
            (None, '"') if cell.trim().is_empty() => {
                cell.clear();
                quoted_since = Some(line);
            }
            (None, ',') => cells.push(std::mem::take(&mut cell)),
            (None, '\r') if chars.peek() == Some(&'\n') => {}
            (None, '\n') => {
                cells.push(std::mem::take(&mut cell));
                rows.push((begin, std::mem::take(&mut cells)));
                begin = line;
            }
            (None, other) => cell.push(other),
        }
    }
    if let Some(since) = quoted_since {
        faults.add(since, "a quote is not closed".into(), "end the cell with \"");
    }
    if !cell.is_empty() || !cells.is_empty() {
        cells.push(cell);
        rows.push((begin, cells));
    }
    rows
}

fn json(text: &str, column: Option<&str>, faults: &mut Faults<'_>) -> Vec<ListValue> {
    const HINT: &str = "an array of texts: [\"10.0.0.0/8\", \"192.168.0.0/16\"]";
    let items: Vec<&RawValue> = match serde_json::from_str(text) {
        Ok(items) => items,
        Err(error) => {
            let what = format!("this is no JSON array: {}", shown(&error.to_string()));
            faults.add(error.line().max(1), what, HINT);
            return Vec::new();
        }
    };
    let mut values = Vec::new();
    let (mut line, mut counted) = (1, 0);
    for item in items {
        // Where the item stands in the text that it was read from.
        let at = (item.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
        let between = text.as_bytes().get(counted..at).unwrap_or_default();
        line += memchr_iter(b'\n', between).count();
        counted = at;
        let value = match column {
            None => serde_json::from_str::<String>(item.get()).ok(),
            Some(column) => serde_json::from_str::<BTreeMap<String, serde_json::Value>>(item.get())
                .ok()
                .and_then(|members| Some(members.get(column)?.as_str()?.to_owned())),
        };
        match (value, column) {
            (Some(text), _) => values.push(ListValue { text: text.trim().to_owned(), line }),
            (None, None) => {
                let what = format!("{} is no text", shown(item.get()));
                faults.add(line, what, "put it in quotes, or name a member with column");
            }
            (None, Some(column)) => {
                let what = format!("this item has no text {:?}", shown(column));
                faults.add(line, what, "an object that has it");
            }
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::ListForm::{Csv, Json, Lines};
    use super::*;

    fn read(
        form: ListForm,
        column: Option<&str>,
        text: &str,
    ) -> Result<Vec<(String, usize)>, String> {
        match read_list("l", text.as_bytes(), form, column) {
            Ok(values) => Ok(values.into_iter().map(|value| (value.text, value.line)).collect()),
            Err(problems) => {
                let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
                Err(lines.join("\n"))
            }
        }
    }

    fn values(expected: &[(&str, usize)]) -> Vec<(String, usize)> {
        expected.iter().map(|(text, line)| ((*text).to_owned(), *line)).collect()
    }

    #[test]
    fn lines_hold_values_comments_and_nothing() {
        let text = "\u{FEFF}# ours\n\n10.0.0.0/8 # lab\r\n  192.168.0.0/16";

        assert_eq!(
            read(ListForm::Lines, None, text),
            Ok(values(&[("10.0.0.0/8", 3), ("192.168.0.0/16", 4)]))
        );
    }

    #[test]
    fn a_column_of_csv_is_read_with_quotes_and_ends_of_lines_inside() {
        let text = "name,cidr\r\n\"a, \"\"b\"\"\nc\",10.0.0.0/8\r\n\r\nd, \"x\" \n";

        assert_eq!(
            read(ListForm::Csv, Some("cidr"), text),
            Ok(values(&[("10.0.0.0/8", 2), ("x", 5)]))
        );
        assert_eq!(
            read(ListForm::Csv, Some("name"), text),
            Ok(values(&[("a, \"b\"\nc", 2), ("d", 5)]))
        );
        assert_eq!(read(ListForm::Csv, None, "cidr\na\nb"), Ok(values(&[("a", 2), ("b", 3)])));
    }

    #[test]
    fn an_array_of_texts_or_of_objects_is_read() {
        assert_eq!(
            read(ListForm::Json, None, "[\"a\",\n \"b\"]"),
            Ok(values(&[("a", 1), ("b", 2)]))
        );
        let objects = "[\n{\"id\": \"1\"},\n{\"id\": \"2\", \"n\": 3}]";
        assert_eq!(read(ListForm::Json, Some("id"), objects), Ok(values(&[("1", 2), ("2", 3)])));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (form, column, text, expected) in [
            (
                ListForm::Csv,
                None,
                "a,b\n1,2",
                "l:1:1 error list-file the file has several columns and none is chosen (hint: column = one of a, b)",
            ),
            (
                ListForm::Csv,
                Some("cird"),
                "name,cidr\n1,2",
                "l:1:1 error list-file there is no column \"cird\" (hint: did you mean \"cidr\")",
            ),
            (
                ListForm::Csv,
                Some("cidr"),
                "name,cidr\nx",
                "l:2:1 error list-file the row has 1 cells, the head 2 (hint: quote cells that hold a comma)",
            ),
            (
                ListForm::Csv,
                Some("a"),
                "a\n\"x\n",
                "l:2:1 error list-file a quote is not closed (hint: end the cell with \")",
            ),
            (
                ListForm::Json,
                None,
                "[\"a\",\n 12]",
                "l:2:1 error list-file 12 is no text (hint: put it in quotes, or name a member with column)",
            ),
            (
                ListForm::Json,
                Some("id"),
                "[{\"id\": 1}]",
                "l:1:1 error list-file this item has no text \"id\" (hint: an object that has it)",
            ),
            (
                ListForm::Lines,
                Some("id"),
                "x",
                "l:1:1 error list-file a file of lines has no columns (hint: name the file .csv or .json, or take the column out)",
            ),
        ] {
            assert_eq!(read(form, column, text), Err(expected.to_owned()), "{text}");
        }
        let bytes = read_list("l", b"a\n\xff", ListForm::Lines, None).expect_err("no UTF-8");
        assert_eq!(bytes[0].place.line, 2);
    }

    #[test]
    fn many_faults_are_counted_and_not_all_told() {
        let text = format!("[{}]", vec!["1"; 100].join(","));

        let problems = read_list("l", text.as_bytes(), ListForm::Json, None).expect_err("numbers");

        assert_eq!(problems.len(), PROBLEMS_MAX);
        assert!(problems[PROBLEMS_MAX - 1].what.ends_with("; and 80 more like it in this file"));
    }

    #[test]
    fn the_name_says_the_form() {
        let names = ["a.csv", "a.JSON", "a.txt", "a", "csv"].map(ListForm::of_name);
        assert_eq!(names, [Csv, Json, Lines, Lines, Lines]);
    }
}
