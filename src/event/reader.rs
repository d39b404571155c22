//! Reads one document the fastest way that suits it: plain text by `scan`, other JSON by a parser, and
//! whatever is odd as a whole.

use super::cloudtrail::ResourceEntry;
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

impl Projection {
    /// The values by field number of a plain text (no backslash, no control character, not deeply nested), without a
    /// parser; `None` when the text needs one.
    #[must_use]
    pub fn project_plain<'a>(
        &self,
        text: &'a str,
        finder: &mut QuoteFinder,
        values: Vec<Value<'a>>,
    ) -> Option<Vec<Value<'a>>> {
        let mut walk = Walk::over(self, values);
        walk_plain(text, finder, &mut walk)?;
        Some(walk.reading.values)
    }
}

/// The emptied vector, for values of another lifetime: `collect` in place keeps the allocation.
fn recycle<A, B>(mut used: Vec<A>, never: impl Fn(A) -> B) -> Vec<B> {
    used.clear();
    used.into_iter().map(never).collect()
}

/// The same for values: hardly any holds memory of its own, and to see that is cheaper than to drop it.
fn recycle_values<'b>(mut used: Vec<Value<'_>>) -> Vec<Value<'b>> {
    for value in used.drain(..) {
        match value {
            Value::List(_) | Value::Object(_) | Value::Text(Cow::Owned(_)) => drop(value),
            _ => std::mem::forget(value),
        }
    }
    recycle(used, |_| Value::Absent)
}

/// What a walk writes to, kept between documents.
#[derive(Debug, Default)]
struct Buffers {
    values: Vec<Value<'static>>,
    resources: Vec<ResourceEntry<'static>>,
}

impl Buffers {
    fn start<'p, 'a>(&mut self, projection: &'p Projection) -> Walk<'p, 'a> {
        let mut values = recycle(std::mem::take(&mut self.values), |_| Value::Absent);
        values.reserve(projection.slots());
        values.resize_with(projection.slots(), Value::default);
        let resources = recycle(std::mem::take(&mut self.resources), |_| ResourceEntry::default());
        Walk { projection, reading: Reading { values, resources, marks: Marks::default() } }
    }

    fn take_back(&mut self, reading: Reading<'_>) {
        self.values = recycle_values(reading.values);
        self.resources = recycle(reading.resources, |_| ResourceEntry::default());
    }
}

/// Reads documents, keeping its buffers between them.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) projection: Projection,
    finder: QuoteFinder,
    buffers: Buffers,
}

impl Reader {
    pub(super) fn new(projection: Projection) -> Self {
        Reader { projection, finder: QuoteFinder::new(), buffers: Buffers::default() }
    }

    /// Reads one document, or says in a sentence without input text why it is no JSON.
    pub(super) fn read<'a>(&mut self, text: &'a str) -> Result<Reading<'a>, String> {
        let mut walk = self.buffers.start(&self.projection);
        if walk_plain(text, &mut self.finder, &mut walk).is_some() {
            return Ok(walk.reading);
        }
        self.buffers.take_back(walk.reading);
        self.read_odd(text)
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
