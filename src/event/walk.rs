//! One pass over a document: keeps the values that a [`Projection`] names and passes over the rest.
//!
//! The walk itself is told what is met and where; who tells it is `scan` (plain text), `parsed` (any of
//! serde's parsers) or a [`Tree`]. Text without escapes borrows from the document. Paths descend into
//! arrays: what is met there becomes a list. An object that is wanted as a value is read as a [`Tree`]
//! and kept as compact JSON text.
//!
//! Of equal member names the last one counts. The walk only notices that a wanted name comes twice and
//! gives up; the caller then reads the document as a tree, where it is simple.

use super::cloudtrail::{Input, ResourceEntry, is_plain_bucket_name};
use super::names::Words;
use super::projection::{NO_SLOT, Node, Projection, Resources, Role, Slot};
use super::tree::Tree;
use super::value::{Number, Value};
use std::borrow::Cow;

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

/// A member of an object.
#[derive(Debug, Clone, Copy)]
pub(super) enum Member<'p> {
    Wanted(&'p Node),
    Unwanted,
}

impl<'p> Member<'p> {
    pub(super) fn wanted(self) -> Option<&'p Node> {
        match self {
            Member::Wanted(node) => Some(node),
            Member::Unwanted => None,
        }
    }
}

/// A walk on its way.
pub(super) struct Walk<'p, 'a> {
    pub(super) projection: &'p Projection,
    pub(super) reading: Reading<'a>,
}

impl<'p, 'a> Walk<'p, 'a> {
    pub(super) fn over(projection: &'p Projection, mut values: Vec<Value<'a>>) -> Self {
        values.clear();
        values.resize_with(projection.slots(), Value::default);
        Walk { projection, reading: Reading { values, ..Reading::default() } }
    }
}

impl<'p, 'a> Walk<'p, 'a> {
    /// Stores a text of `node`: [`Self::put`] for the usual case.
    ///
    /// The text goes to its slot from registers. A value that is first put together on the stack is read
    /// back before its parts are written, and that costs more than all else here.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a call would cost as much as the work")]
    pub(super) fn put_text(&mut self, node: &Node, in_list: bool, text: &'a str) {
        if in_list || node.role != Role::None {
            return self.put(node, in_list, Value::Text(Cow::Borrowed(text)));
        }
        self.put_plain(node.slot, text);
    }

    /// Stores a text that means no more than that.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a call would cost as much as the work")]
    pub(super) fn put_plain(&mut self, slot: Slot, text: &'a str) {
        match self.reading.values.get_mut(usize::from(slot)) {
            // Nothing to drop, and that is cheaper to see than to do.
            Some(slot @ Value::Absent) => {
                std::mem::forget(std::mem::replace(slot, Value::Text(Cow::Borrowed(text))));
            }
            Some(slot) => replace(slot, text),
            None => {}
        }
    }

    /// Stores a scalar that means no more than that.
    #[inline]
    pub(super) fn put_value(&mut self, slot: Slot, value: Value<'a>) {
        if let Some(slot) = self.reading.values.get_mut(usize::from(slot)) {
            *slot = value;
        }
    }

    /// Stores a scalar of `node`.
    #[inline(never)]
    pub(super) fn put(&mut self, node: &Node, in_list: bool, value: Value<'a>) {
        match node.role {
            Role::None | Role::Container | Role::Resources => {}
            Role::Identity => self.reading.marks.identity_kind |= value != Value::Null,
            Role::ResourceType | Role::ResourceArn | Role::ResourceAccount => {
                self.put_resource(node.role, &value);
            }
        }
        let Some(slot) = self.reading.values.get_mut(usize::from(node.slot)) else { return };
        if in_list {
            push(slot, value);
        } else {
            *slot = value;
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
    pub(super) fn begin_list(&mut self, node: &Node, in_list: bool) {
        if node.role == Role::Identity {
            self.reading.marks.identity_kind = true;
        }
        if !in_list && let Some(slot) = self.reading.values.get_mut(usize::from(node.slot)) {
            *slot = Value::List(Vec::new());
        }
    }

    /// An object begins at `node`.
    #[inline]
    pub(super) fn begin_object(&mut self, node: &Node) {
        if node.role == Role::Resources {
            self.reading.resources.push(ResourceEntry::default());
        }
    }

    /// Whether the value of a known name has to be looked at.
    #[inline]
    pub(super) fn is_wanted(&self, node: &Node) -> bool {
        node.is_wanted && !(node.role == Role::Resources && self.may_skip_resources(node))
    }

    /// Whether `resources` may be passed over: it serves the bucket alone, and that is known already.
    fn may_skip_resources(&self, node: &Node) -> bool {
        self.projection.resources == Resources::ForBucket
            && node.slot == NO_SLOT
            && !self.projection.wants_raw_resources()
            && self.is_bucket_known()
    }

    /// Whether `requestParameters` came and names a bucket.
    #[inline]
    pub(super) fn is_bucket_known(&self) -> bool {
        self.reading
            .values
            .get(usize::from(self.projection.slot_of(Input::BucketName)))
            .and_then(Value::as_text)
            .is_some_and(is_plain_bucket_name)
    }

    /// The same walk over a document that was read as a whole.
    pub(super) fn root(&mut self, tree: &Tree<'a>) {
        if let Tree::Object(members) = tree {
            self.reading.marks.is_object = true;
            self.members(self.projection.root(), false, members);
        }
    }

    fn members(&mut self, node: &Node, in_list: bool, members: &[(Cow<'a, str>, Tree<'a>)]) {
        // Equal names are gone, but one field may have two names: the first to come counts.
        let mut seen = Seen::default();
        for (name, member) in members {
            let name = name.as_bytes();
            let Some((place, child)) = self.child(node, &Words::of(name), name, 0) else {
                continue;
            };
            if !seen.again(place) || place >= Seen::MAX {
                self.tree(child, in_list, member);
            }
        }
    }

    pub(super) fn tree(&mut self, node: &Node, in_list: bool, tree: &Tree<'a>) {
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
                if node.slot != NO_SLOT {
                    let text = Value::Object(Cow::Owned(tree.to_compact()));
                    self.put_object(node, in_list, text);
                }
                self.begin_object(node);
                self.members(node, in_list, members);
            }
        }
    }

    /// Stores an object's text without what `put` concludes from scalars.
    fn put_object(&mut self, node: &Node, in_list: bool, text: Value<'a>) {
        let identity = self.reading.marks.identity_kind;
        self.put(node, in_list, text);
        self.reading.marks.identity_kind = identity;
    }

    /// The child of `node` by its name, which begins at `text[start]`, and its place among the siblings;
    /// notes names of containers.
    #[inline]
    pub(super) fn child(
        &mut self,
        node: &Node,
        words: &Words,
        text: &[u8],
        start: usize,
    ) -> Option<(usize, &'p Node)> {
        let found = node.child(words, text, start)?;
        let child = self.projection.node(found.node)?;
        if child.role == Role::Container {
            self.reading.marks.maybe_container = true;
        }
        Some((usize::from(found.place), child))
    }
}

#[cold]
fn replace<'a>(slot: &mut Value<'a>, text: &'a str) {
    *slot = Value::Text(Cow::Borrowed(text));
}

/// Adds to a list that may not have begun.
#[cold]
fn push<'a>(slot: &mut Value<'a>, value: Value<'a>) {
    if let Value::List(members) = slot {
        members.push(value);
    } else {
        *slot = Value::List(vec![value]);
    }
}

/// Which children of one object were met, by a number below [`Seen::MAX`].
#[derive(Default)]
pub(super) struct Seen([u64; 4]);

impl Seen {
    const MAX: usize = 256;

    /// Whether one of the first 64 was noted, by its bit.
    #[inline]
    pub(super) fn has(&self, bit: u64) -> bool {
        let [first, ..] = self.0;
        first & bit != 0
    }

    /// Notes one of the first 64, by its bit.
    #[inline]
    pub(super) fn note(&mut self, bit: u64) {
        let [first, ..] = &mut self.0;
        *first |= bit;
    }

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
