//! Finds the JSON documents in a text of several: lines, blanks between them, or directly adjacent.
//!
//! A line that is half a document is given up alone and the next line starts afresh, so one torn write
//! costs one entry. A document may also span lines (pretty-printed): it is looked for only where the
//! line ends too early, and only so often, since such a look may read to the end of the text.

use memchr::memchr;
use serde::de::IgnoredAny;

/// How many failed looks beyond a line's end a text gets, so that its cost stays linear.
const LOOKS_MAX: usize = 64;

/// One piece of the text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub(super) kind: PieceKind,
    pub(super) text: &'a str,
    /// Line on which it begins, from 1.
    pub(super) line: usize,
    /// Whether nothing stands before it on its line.
    pub(super) begins_line: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum PieceKind {
    /// A complete JSON document.
    Document,
    /// A line, or what is left of it, that begins like JSON and is none.
    Torn,
    /// A line of something else.
    Text,
    /// A line without anything.
    Blank,
}

/// Cuts a text into documents and lines. Every byte that is no blank belongs to exactly one piece.
pub(super) struct Pieces<'a> {
    rest: &'a str,
    line: usize,
    looks: usize,
    at_line_start: bool,
}

impl<'a> Pieces<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Pieces { rest: text, line: 1, looks: LOOKS_MAX, at_line_start: true }
    }

    fn take(&mut self, len: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(len).unwrap_or((self.rest, ""));
        self.rest = rest;
        if taken.is_empty() {
            return taken;
        }
        self.line += memchr::memchr_iter(b'\n', taken.as_bytes()).count();
        self.at_line_start = taken.ends_with('\n');
        taken
    }

    fn piece(&mut self, kind: PieceKind, len: usize) -> Piece<'a> {
        let (line, begins_line) = (self.line, self.at_line_start);
        let text = self.take(len);
        Piece { kind, text: text.trim_ascii(), line, begins_line }
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        loop {
            let blanks =
                self.rest.bytes().take_while(|b| matches!(b, b' ' | b'\t' | b'\r')).count();
            let was_at_line_start = self.at_line_start;
            self.take(blanks);
            match self.rest.bytes().next()? {
                b'\n' if was_at_line_start => return Some(self.piece(PieceKind::Blank, 1)),
                b'\n' => {
                    self.take(1);
                }
                _ => break,
            }
        }
        let line_len = memchr(b'\n', self.rest.as_bytes()).map_or(self.rest.len(), |at| at + 1);
        if !self.rest.starts_with(['{', '[']) {
            return Some(self.piece(PieceKind::Text, line_len));
        }
        let line = self.rest.get(..line_len).unwrap_or(self.rest);
        let found = match document_len(line) {
            Err(TooShort) if self.looks > 0 && line_len < self.rest.len() => {
                let found = document_len(self.rest).unwrap_or(None);
                self.looks -= usize::from(found.is_none());
                found
            }
            found => found.unwrap_or(None),
        };
        Some(match found {
            Some(len) => self.piece(PieceKind::Document, len),
            None => self.piece(PieceKind::Torn, line_len),
        })
    }
}

/// The text ends inside a document.
struct TooShort;

/// Length of the document at the start of the text; `None` when it is broken.
fn document_len(text: &str) -> Result<Option<usize>, TooShort> {
    let mut documents = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    match documents.next() {
        Some(Ok(IgnoredAny)) => Ok(Some(documents.byte_offset())),
        Some(Err(error)) if error.is_eof() => Err(TooShort),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::PieceKind::{Blank, Document, Text, Torn};
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: &[(PieceKind, &str, usize)]) {
        let found: Vec<_> = Pieces::of(text).map(|p| (p.kind, p.text, p.line)).collect();

        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn documents_are_found_by_line_and_side_by_side() {
        check("{}\n{}\r\n[1]", &[(Document, "{}", 1), (Document, "{}", 2), (Document, "[1]", 3)]);
        check(
            "{}{\"a\":1} {}",
            &[(Document, "{}", 1), (Document, "{\"a\":1}", 1), (Document, "{}", 1)],
        );
        check("{\n \"a\": 1\n}\n{}\n", &[(Document, "{\n \"a\": 1\n}", 1), (Document, "{}", 4)]);
        check("\n\n{}\n\n", &[(Blank, "", 1), (Blank, "", 2), (Document, "{}", 3), (Blank, "", 4)]);
    }

    #[test]
    fn half_a_line_costs_that_line_alone() {
        check(
            "{}\n{\"a\": {\"b\n{}\n",
            &[(Document, "{}", 1), (Torn, "{\"a\": {\"b", 2), (Document, "{}", 3)],
        );
        check("{\"a\": 1,\n{}\n", &[(Torn, "{\"a\": 1,", 1), (Document, "{}", 2)]);
        check("{\"a\":\n{}\n{}", &[(Torn, "{\"a\":", 1), (Document, "{}", 2), (Document, "{}", 3)]);
        check(
            "{}}\nwords here\n{}",
            &[(Document, "{}", 1), (Text, "}", 1), (Text, "words here", 2), (Document, "{}", 3)],
        );
    }

    #[test]
    fn many_half_lines_are_read_in_linear_time() {
        let text = "[1,[1],\n".repeat(20_000);

        assert_eq!(Pieces::of(&text).count(), 20_000);
    }

    proptest! {
        #[test]
        fn no_byte_is_lost(text in "[\\[\\]{}\",:\\\\ \na1é]{0,80}") {
            let whole: String = text.split_ascii_whitespace().collect();
            let pieces: Vec<&str> = Pieces::of(&text).map(|piece| piece.text).collect();
            let joined: String = pieces.concat().split_ascii_whitespace().collect();
            prop_assert_eq!(whole, joined);
        }
    }
}
