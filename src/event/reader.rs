//! Reads one document the fastest way that suits it: plain text by `scan`, other JSON by a parser, and
//! whatever is odd as a whole.

use super::cloudtrail::ResourceEntry;
use super::forms::Forms;
use super::outline::{Outcome, Outlines};
use super::parsed::Root;
use super::projection::Projection;
use super::quotes::QuoteFinder;
use super::raw;
use super::scan::walk_plain;
use super::tree::Tree;
use super::value::Value;
use super::walk::{Marks, Reading, Walk};
use serde::de::DeserializeSeed;
use std::borrow::Cow;

/// Documents nested deeper than this are refused as `json`.
pub(super) const DEPTH_MAX: usize = 64;

/// Deeper documents are left to serde_json: the fast parser skips values by recursion without a bound,
/// with large frames where it is not optimised. CloudTrail records are about eight deep.
const DEPTH_PARSED_MAX: usize = 24;

/// The walk of plain texts alone, for comparing it with parsers; [`super::Decoder`] is the way to read
/// records.
#[derive(Debug)]
pub struct PlainReader {
    projection: Projection,
    finder: QuoteFinder,
    forms: Forms,
}

impl PlainReader {
    /// Reads the fields of a projection.
    #[must_use]
    pub fn new(projection: Projection) -> Self {
        let forms = Forms::new(projection.nodes());
        PlainReader { projection, finder: QuoteFinder::new(), forms }
    }

    /// The values by field number of a plain text (no backslash, no control character, not deeply nested), without a
    /// parser; `None` when the text needs one.
    #[must_use]
    pub fn read<'a>(&mut self, text: &'a str, values: Vec<Value<'a>>) -> Option<Vec<Value<'a>>> {
        let mut walk = Walk::over(&self.projection, values);
        let quotes = self.finder.quotes(text.as_bytes());
        walk_plain(text, quotes, &mut self.forms, &mut walk)?;
        Some(walk.reading.values)
    }
}

/// What is left of a value: hardly any holds memory of its own, and to see that is cheaper than to drop it.
#[inline]
fn emptied(value: Value<'_>) -> Value<'static> {
    match value {
        Value::List(_) | Value::Object(_) | Value::Text(Cow::Owned(_)) => drop(value),
        _ => std::mem::forget(value),
    }
    Value::Absent
}

/// What a walk writes to, kept between documents.
#[derive(Debug, Default)]
struct Buffers {
    /// All absent.
    values: Vec<Value<'static>>,
    /// None.
    resources: Vec<ResourceEntry<'static>>,
}

impl Buffers {
    fn start<'p, 'a>(&mut self, projection: &'p Projection) -> Walk<'p, 'a> {
        let mut values = std::mem::take(&mut self.values);
        if values.len() != projection.slots() {
            values.resize_with(projection.slots(), Value::default);
        }
        let resources = std::mem::take(&mut self.resources);
        Walk { projection, reading: Reading { values, resources, marks: Marks::default() } }
    }

    /// Keeps the allocations: `collect` in place makes vectors of another lifetime from them.
    fn take_back(&mut self, mut reading: Reading<'_>) {
        self.values = reading.values.into_iter().map(emptied).collect();
        if reading.resources.capacity() > 0 {
            reading.resources.clear();
            let none = reading.resources.into_iter().map(|_| ResourceEntry::default());
            self.resources = none.collect();
        }
    }
}

/// Reads documents, keeping its buffers between them.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) projection: Projection,
    finder: QuoteFinder,
    forms: Forms,
    outlines: Outlines,
    buffers: Buffers,
}

impl Reader {
    pub(super) fn new(projection: Projection) -> Self {
        let forms = Forms::new(projection.nodes());
        Reader {
            projection,
            finder: QuoteFinder::new(),
            forms,
            outlines: Outlines::new(),
            buffers: Buffers::default(),
        }
    }

    /// Reads one document, or says in a sentence without input text why it is no JSON.
    pub(super) fn read<'a>(&mut self, text: &'a str) -> Result<Reading<'a>, String> {
        let mut walk = self.buffers.start(&self.projection);
        let quotes = self.finder.quotes(text.as_bytes());
        if walk_plain(text, quotes, &mut self.forms, &mut walk).is_some() {
            return Ok(walk.reading);
        }
        self.buffers.take_back(walk.reading);
        self.read_odd(text)
    }

    /// Reads the usual record: plain, all ASCII, no longer than a window of quotes. Gives its text as well;
    /// `None` for everything else, whatever it may be.
    pub(super) fn read_usual<'a>(&mut self, bytes: &'a [u8]) -> Option<(&'a str, Reading<'a>)> {
        let (text, quotes) = self.finder.survey(bytes)?;
        let mut walk = self.buffers.start(&self.projection);
        let outcome = self.outlines.read(text, &quotes, &mut walk);
        match outcome {
            Outcome::Read => return Some((text, walk.reading)),
            Outcome::Strange => {
                self.buffers.take_back(walk.reading);
                walk = self.buffers.start(&self.projection);
            }
            Outcome::Untried => {}
        }
        if walk_plain(text, quotes, &mut self.forms, &mut walk).is_none() {
            self.buffers.take_back(walk.reading);
            return None;
        }
        if outcome == Outcome::Strange && self.outlines.may_learn() {
            let (text, quotes) = self.finder.survey(bytes)?;
            self.outlines.learn(text, &quotes, &walk);
        }
        Some((text, walk.reading))
    }

    /// Reads what is no plain text, or no JSON.
    #[cold]
    fn read_odd<'a>(&mut self, text: &'a str) -> Result<Reading<'a>, String> {
        let depth = raw::depth(text.as_bytes());
        if depth > DEPTH_MAX {
            return Err(format!("nested deeper than {DEPTH_MAX} levels"));
        }
        if depth <= DEPTH_PARSED_MAX {
            let mut walk = self.buffers.start(&self.projection);
            let mut parser = sonic_rs::Deserializer::from_str(text);
            if Root(&mut walk).deserialize(&mut parser).is_ok() && parser.end().is_ok() {
                return Ok(walk.reading);
            }
            self.buffers.take_back(walk.reading);
        }
        // Whatever the fast parser dislikes is decided, and worded, by serde_json.
        let tree = serde_json::from_str::<Tree<'a>>(text)
            .map_err(|error| format!("not JSON: {}", position_only(&error)))?;
        Ok(self.read_tree(&tree))
    }

    /// Projects a document that is already read.
    pub(super) fn read_tree<'a>(&mut self, tree: &Tree<'a>) -> Reading<'a> {
        let mut walk = self.buffers.start(&self.projection);
        walk.root(tree);
        walk.reading
    }

    /// Takes the buffers back.
    pub(super) fn finish(&mut self, reading: Reading<'_>) {
        self.buffers.take_back(reading);
    }
}

/// What kind of fault it is and where; never text of the input.
fn position_only(error: &serde_json::Error) -> String {
    use serde_json::error::Category;
    let what = match error.classify() {
        Category::Eof => "it ends too early",
        Category::Syntax | Category::Data | Category::Io => "it breaks off",
    };
    format!("{what} at line {}, column {}", error.line(), error.column())
}
