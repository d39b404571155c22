//! One pass over a document: keeps the values that a [`Projection`] names and skips the rest.
//!
//! Generic over serde's `Deserializer`, so that several parsers can drive it (benches/parse.rs chose
//! sonic-rs). Text without escapes borrows from the document. Paths descend into arrays: what is met
//! there becomes a list. An object that is wanted as a value is read as a [`Tree`] and kept as compact
//! JSON text.
//!
//! Of equal member names the last one counts. The walk only notices that a wanted name comes twice and
//! gives up; the caller then reads the document as a tree, where it is simple.
//!
//! What is skipped is still checked as JSON (structure, literals, numbers, strings, control characters)
//! by the parser; not looked at there are the four digits of a `\u` escape and whether they pair up, and
//! whether a number fits a double. UTF-8 and depth are checked before, over all bytes.

use super::cloudtrail::{Input, ResourceEntry, is_plain_bucket_name};
use super::projection::{NO_SLOT, NodeId, Projection, Resources, Role};
use super::scan::{Survey, walk_plain};
use super::tree::{Tree, TreeVisitor};
use super::value::{Number, Value};
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use std::borrow::Cow;
use std::fmt;

/// Documents nested deeper than this are refused as `json`.
pub(super) const DEPTH_MAX: usize = 64;

/// Deeper documents are left to serde_json: the fast parser skips values by recursion without a bound,
/// with large frames where it is not optimised. CloudTrail records are about eight deep.
const DEPTH_FAST_MAX: usize = 24;

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        Number::Unsigned(number)
    }
}

impl From<i64> for Number {
    fn from(number: i64) -> Self {
        u64::try_from(number).map_or(Number::Signed(number), Number::Unsigned)
    }
}

impl From<f64> for Number {
    fn from(number: f64) -> Self {
        // Parsers disagree about the sign of `-0`.
        Number::Float(number + 0.0)
    }
}

/// What was kept of one document.
#[derive(Debug, Default)]
pub(super) struct Reading<'a> {
    /// By slot of the projection.
    pub(super) values: Vec<Value<'a>>,
    pub(super) resources: Vec<ResourceEntry<'a>>,
    pub(super) marks: Marks,
}

/// What was noticed on the way.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marks {
    /// The document is an object.
    pub(super) is_object: bool,
    /// It has a top-level name of a container or of another source.
    pub(super) maybe_container: bool,
    /// `userIdentity` is neither an object nor null.
    pub(super) identity_kind: bool,
}

impl Projection {
    /// Drives the walk with any parser and gives the values by field number, derived fields absent.
    ///
    /// For comparing parsers; [`super::Decoder`] is the way to read records.
    ///
    /// # Errors
    /// The parser's, and one of ours for a document with a repeated member name.
    pub fn project<'de, D: Deserializer<'de>>(
        &self,
        deserializer: D,
        values: Vec<Value<'de>>,
    ) -> Result<Vec<Value<'de>>, D::Error> {
        let mut walk = Walk::over(self, values);
        Root(&mut walk).deserialize(deserializer)?;
        Ok(walk.reading.values)
    }
}

impl Projection {
    /// The same for a plain text (no backslash, no control character, not deeply nested), without a
    /// parser; `None` when the text needs one.
    #[must_use]
    pub fn project_plain<'a>(
        &self,
        text: &'a str,
        values: Vec<Value<'a>>,
    ) -> Option<Vec<Value<'a>>> {
        let survey = Survey::of(text.as_bytes());
        if !survey.is_plain || survey.openings > DEPTH_FAST_MAX {
            return None;
        }
        let mut walk = Walk::over(self, values);
        walk_plain(text, &mut walk)?;
        Some(walk.reading.values)
    }
}

/// The emptied vector, for values of another lifetime: `collect` in place keeps the allocation.
pub(super) fn recycle<A, B>(mut used: Vec<A>, never: impl Fn(A) -> B) -> Vec<B> {
    used.clear();
    used.into_iter().map(never).collect()
}

/// Reads documents, keeping its buffers between them.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) projection: Projection,
    values: Vec<Value<'static>>,
    resources: Vec<ResourceEntry<'static>>,
}

impl Reader {
    pub(super) fn new(projection: Projection) -> Self {
        Reader { projection, values: Vec::new(), resources: Vec::new() }
    }

    /// Reads one document, or says in a sentence without input text why it is no JSON.
    pub(super) fn read<'a>(&mut self, text: &'a str) -> Result<Reading<'a>, String> {
        let survey = Survey::of(text.as_bytes());
        let depth = depth_bound(text.as_bytes(), survey);
        if depth > DEPTH_MAX {
            return Err(format!("nested deeper than {DEPTH_MAX} levels"));
        }
        if depth <= DEPTH_FAST_MAX {
            if survey.is_plain {
                let mut walk = self.start();
                if walk_plain(text, &mut walk).is_some() {
                    return Ok(walk.reading);
                }
                let reading = walk.reading;
                self.finish(reading);
            }
            let mut walk = self.start();
            let mut parser = sonic_rs::Deserializer::from_str(text);
            if Root(&mut walk).deserialize(&mut parser).is_ok() && parser.end().is_ok() {
                return Ok(walk.reading);
            }
            let reading = walk.reading;
            self.finish(reading);
        }
        // Whatever the fast parser dislikes is decided, and worded, by serde_json.
        let tree = serde_json::from_str::<Tree<'a>>(text)
            .map_err(|error| format!("not JSON: {}", position_only(&error)))?;
        Ok(self.read_tree(&tree))
    }

    /// Projects a document that is already read.
    pub(super) fn read_tree<'a>(&mut self, tree: &Tree<'a>) -> Reading<'a> {
        let mut walk = self.start();
        walk.root(tree);
        walk.reading
    }

    fn start<'a>(&mut self) -> Walk<'_, 'a> {
        let mut values = recycle(std::mem::take(&mut self.values), |_| Value::Absent);
        values.resize_with(self.projection.slots(), Value::default);
        let resources = recycle(std::mem::take(&mut self.resources), |_| ResourceEntry::default());
        let reading = Reading { values, resources, marks: Marks::default() };
        Walk { projection: &self.projection, reading }
    }

    /// Takes the buffers back.
    pub(super) fn finish(&mut self, reading: Reading<'_>) {
        self.values = recycle(reading.values, |_| Value::Absent);
        self.resources = recycle(reading.resources, |_| ResourceEntry::default());
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

/// An upper bound of how deep braces and brackets nest, exact where it is above [`DEPTH_FAST_MAX`].
pub(super) fn depth_bound(text: &[u8], survey: Survey) -> usize {
    if survey.openings <= DEPTH_FAST_MAX { survey.openings } else { super::raw::depth(text) }
}

/// A walk on its way.
pub(super) struct Walk<'p, 'a> {
    pub(super) projection: &'p Projection,
    pub(super) reading: Reading<'a>,
}

impl<'p, 'a> Walk<'p, 'a> {
    fn over(projection: &'p Projection, mut values: Vec<Value<'a>>) -> Self {
        values.clear();
        values.resize_with(projection.slots(), Value::default);
        Walk { projection, reading: Reading { values, ..Reading::default() } }
    }
}

impl<'a> Walk<'_, 'a> {
    /// Stores a scalar of `node`.
    #[inline]
    pub(super) fn put(&mut self, node: NodeId, in_list: bool, value: Value<'a>) {
        let Some(node) = self.projection.node(node) else { return };
        match node.role {
            Role::None | Role::Container | Role::Resources => {}
            Role::Identity => self.reading.marks.identity_kind |= value != Value::Null,
            Role::ResourceType | Role::ResourceArn | Role::ResourceAccount => {
                self.put_resource(node.role, &value);
            }
        }
        let Some(slot) = self.reading.values.get_mut(usize::from(node.slot)) else { return };
        if !in_list {
            *slot = value;
        } else if let Value::List(members) = slot {
            members.push(value);
        } else {
            *slot = Value::List(vec![value]);
        }
    }

    fn put_resource(&mut self, role: Role, value: &Value<'a>) {
        let (Some(entry), Value::Text(text)) = (self.reading.resources.last_mut(), value) else {
            return;
        };
        match role {
            Role::ResourceType => entry.kind = Some(text.clone()),
            Role::ResourceArn => entry.arn = Some(text.clone()),
            Role::ResourceAccount => entry.account = Some(text.clone()),
            _ => {}
        }
    }

    /// An array begins at `node`: a wanted one is a list even when it is empty.
    pub(super) fn begin_list(&mut self, node: NodeId, in_list: bool) {
        let Some(node) = self.projection.node(node) else { return };
        if node.role == Role::Identity {
            self.reading.marks.identity_kind = true;
        }
        if !in_list && let Some(slot) = self.reading.values.get_mut(usize::from(node.slot)) {
            *slot = Value::List(Vec::new());
        }
    }

    /// An object begins at `node`.
    #[inline]
    pub(super) fn begin_object(&mut self, node: NodeId) {
        if self.projection.node(node).is_some_and(|node| node.role == Role::Resources) {
            self.reading.resources.push(ResourceEntry::default());
        }
    }

    /// Whether the value of a known name has to be looked at.
    #[inline]
    pub(super) fn is_wanted(&self, node: NodeId) -> bool {
        self.projection.node(node).is_some_and(|known| {
            let has_meaning = !matches!(known.role, Role::None | Role::Container);
            (known.slot != NO_SLOT || has_meaning || !known.is_leaf()) && !self.may_skip(node)
        })
    }

    /// Whether `resources` may be passed over: it serves the bucket alone, and that is known already.
    #[inline]
    fn may_skip(&self, node: NodeId) -> bool {
        self.projection.resources == Resources::ForBucket
            && self
                .projection
                .node(node)
                .is_some_and(|n| n.role == Role::Resources && n.slot == NO_SLOT)
            && !self.projection.wants_raw_resources()
            && self
                .reading
                .values
                .get(usize::from(self.projection.slot_of(Input::BucketName)))
                .and_then(Value::as_text)
                .is_some_and(is_plain_bucket_name)
    }

    /// The same walk over a document that was read as a whole.
    fn root(&mut self, tree: &Tree<'a>) {
        if let Tree::Object(members) = tree {
            self.reading.marks.is_object = true;
            self.members(0, false, members);
        }
    }

    fn members(&mut self, node: NodeId, in_list: bool, members: &[(Cow<'a, str>, Tree<'a>)]) {
        // Equal names are gone, but one field may have two names: the first to come counts.
        let mut seen = Seen::default();
        for (name, member) in members {
            let Some((place, child)) = self.child(node, name.as_bytes()) else { continue };
            if !seen.again(place) || place >= Seen::MAX {
                self.tree(child, in_list, member);
            }
        }
    }

    pub(super) fn tree(&mut self, node: NodeId, in_list: bool, tree: &Tree<'a>) {
        match tree {
            Tree::Null => self.put(node, in_list, Value::Null),
            Tree::Bool(value) => self.put(node, in_list, Value::Bool(*value)),
            Tree::Number(number) => self.put(node, in_list, Value::Number(*number)),
            Tree::Text(text) => self.put(node, in_list, Value::Text(text.clone())),
            Tree::List(members) => {
                self.begin_list(node, in_list);
                for member in members {
                    self.tree(node, true, member);
                }
            }
            Tree::Object(members) => {
                let Some(known) = self.projection.node(node) else { return };
                if known.slot != NO_SLOT {
                    let text = Value::Object(Cow::Owned(tree.to_compact()));
                    self.put_object(node, in_list, text);
                }
                self.begin_object(node);
                self.members(node, in_list, members);
            }
        }
    }

    /// Stores an object's text without what `put` concludes from scalars.
    fn put_object(&mut self, node: NodeId, in_list: bool, text: Value<'a>) {
        let identity = self.reading.marks.identity_kind;
        self.put(node, in_list, text);
        self.reading.marks.identity_kind = identity;
    }

    /// The child of `node` by name; notes names of containers.
    #[inline]
    pub(super) fn child(&mut self, node: NodeId, name: &[u8]) -> Option<(usize, NodeId)> {
        let found = self.projection.node(node)?.child(name)?;
        if self.projection.node(found.1)?.role == Role::Container {
            self.reading.marks.maybe_container = true;
        }
        Some(found)
    }
}

/// Which children of one object were met, by a number below [`Seen::MAX`].
#[derive(Default)]
pub(super) struct Seen([u64; 4]);

impl Seen {
    const MAX: usize = 256;

    /// Notes a child and says whether it was noted before; above the bound it always says so.
    #[inline]
    pub(super) fn again(&mut self, child: usize) -> bool {
        let Some(word) = self.0.get_mut(child / 64) else { return true };
        let bit = 1u64 << (child % 64);
        let again = *word & bit != 0;
        *word |= bit;
        again
    }
}

/// The document itself: an object is walked, anything else only checked.
struct Root<'w, 'p, 'a>(&'w mut Walk<'p, 'a>);

impl<'de> DeserializeSeed<'de> for Root<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Root<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.0.reading.marks.is_object = true;
        At { walk: self.0, node: 0, in_list: false }.walk_members(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
}

/// A value at a node of the trie.
struct At<'w, 'p, 'a> {
    walk: &'w mut Walk<'p, 'a>,
    node: NodeId,
    /// Whether the path went through an array.
    in_list: bool,
}

impl<'de> At<'_, '_, 'de> {
    #[inline]
    fn put(self, value: Value<'de>) {
        self.walk.put(self.node, self.in_list, value);
    }

    #[inline]
    fn walk_members<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let At { walk, node, in_list } = self;
        let mut seen = Seen::default();
        while let Some(found) = map.next_key_seed(Name { walk, node })? {
            let Some((place, child)) = found else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if seen.again(place) {
                return Err(A::Error::custom("a member's name is repeated"));
            }
            if walk.is_wanted(child) {
                map.next_value_seed(At { walk, node: child, in_list })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for At<'_, '_, 'de> {
    type Value = ();

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for At<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.put(Value::Null);
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.put(Value::Bool(value));
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.put(Value::Number(value.into()));
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.put(Value::Number(value.into()));
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.put(Value::Number(value.into()));
        Ok(())
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<(), E> {
        self.put(Value::Text(Cow::Borrowed(text)));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.put(Value::Text(Cow::Owned(text.to_owned())));
        Ok(())
    }

    fn visit_string<E>(self, text: String) -> Result<(), E> {
        self.put(Value::Text(Cow::Owned(text)));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let At { walk, node, in_list } = self;
        walk.begin_list(node, in_list);
        while list.next_element_seed(At { walk, node, in_list: true })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let wants_text = self.walk.projection.node(self.node).is_some_and(|n| n.slot != NO_SLOT);
        if wants_text {
            let tree = TreeVisitor.visit_map(map)?;
            self.walk.tree(self.node, self.in_list, &tree);
            return Ok(());
        }
        self.walk.begin_object(self.node);
        self.walk_members(map)
    }
}

/// A member's name, looked up among the children of `node` without being kept.
struct Name<'w, 'p, 'a> {
    walk: &'w mut Walk<'p, 'a>,
    node: NodeId,
}

impl<'de> DeserializeSeed<'de> for Name<'_, '_, '_> {
    type Value = Option<(usize, NodeId)>;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_, '_, '_> {
    type Value = Option<(usize, NodeId)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    #[inline]
    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.walk.child(self.node, name.as_bytes()))
    }
}
