//! The wanted fields, compiled: a trie over member names whose leaves are slots of `Event::values`.
//!
//! Built once when rules load; the walk goes through it while it goes through a document. Besides the
//! wanted fields it holds what the decoder itself needs (time, id, kind) and the raw inputs of the wanted
//! derived fields, in slots after those of the [`FieldSet`].
//!
//! A path's segments are member names between dots. A member whose own name contains a dot is not
//! reached by a dotted path.

use super::cloudtrail::{Derived, INPUTS, Input};
use super::field::FieldSet;
use super::names::{Names, Words};

/// Index of a value while an event is read: a field's number, or an input's after them.
pub(super) type Slot = u16;
pub(super) const NO_SLOT: Slot = Slot::MAX;
/// Index of a node of the trie; the root is 0.
pub(super) type NodeId = u16;

/// What a node means to the decoder besides its slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Role {
    #[default]
    None,
    /// A member that only containers and other sources have at the top.
    Container,
    /// `userIdentity`: an object or nothing.
    Identity,
    /// `resources`: each object in it is one entry.
    Resources,
    ResourceType,
    ResourceArn,
    ResourceAccount,
}

/// Top-level names that make a document worth a second look (sources.md §3.1 rows 4–12, 14–18).
const CONTAINER_NAMES: [&str; 22] = [
    "Records",
    "Type",
    "Message",
    "s3Bucket",
    "s3ObjectKey",
    "Event",
    "messageType",
    "logEvents",
    "awslogs",
    "digestStartTime",
    "logFiles",
    "detail-type",
    "detail",
    "Events",
    "schemaVersion",
    "SchemaVersion",
    "category",
    "resourcesAffected",
    "Findings",
    "findings",
    "class_uid",
    "schema_version_id",
];

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) id: NodeId,
    pub(super) slot: Slot,
    pub(super) role: Role,
    /// Whether its value has to be looked at: for a slot, for its meaning, or for what is below.
    pub(super) is_wanted: bool,
    children: Names<Child>,
}

/// A node under its name.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Child {
    pub(super) node: NodeId,
    /// Its place among the siblings; two names of one field share the first one's.
    pub(super) place: u16,
}

impl Node {
    fn new(id: NodeId) -> Self {
        Node { id, slot: NO_SLOT, role: Role::None, is_wanted: false, children: Names::default() }
    }

    /// The child of the name that begins at `text[start]` and has these words.
    #[inline]
    pub(super) fn child(&self, words: &Words, text: &[u8], start: usize) -> Option<Child> {
        self.children.find(words, text, start)
    }

    fn add_child(&mut self, name: &[u8], node: NodeId) {
        let same = self.children.entries().find(|child| child.node == node);
        let own = u16::try_from(self.children.len()).unwrap_or(u16::MAX);
        let place = same.map_or(own, |same| same.place);
        self.children.insert(name, Child { node, place });
    }
}

/// Whether the entries of `resources` are collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Resources {
    /// No wanted field looks at them.
    Unused,
    /// Only where `requestParameters` names no bucket.
    ForBucket,
    /// Always.
    Always,
}

/// A compiled [`FieldSet`].
#[derive(Debug, Clone)]
pub struct Projection {
    nodes: Vec<Node>,
    /// The first node again.
    root: Node,
    slots: usize,
    inputs: [Slot; INPUTS.len()],
    derived: Vec<(Derived, Slot)>,
    pub(super) resources: Resources,
    /// Whether rules name members of `resources` themselves.
    wants_raw_resources: bool,
}

impl Projection {
    /// Compiles the wanted fields. A `tidegate.*` name that is no derived field stays absent
    /// ([`super::is_known_derived`] tells).
    #[must_use]
    pub fn new(fields: &FieldSet) -> Self {
        let mut projection = Projection {
            nodes: vec![Node::new(0)],
            root: Node::new(0),
            slots: fields.len(),
            inputs: [NO_SLOT; INPUTS.len()],
            derived: Vec::new(),
            resources: Resources::Unused,
            wants_raw_resources: fields.iter().any(|(_, name)| name.starts_with("resources")),
        };
        for (id, name) in fields.iter() {
            if let Some(derived) = Derived::named(name) {
                projection.derived.push((derived, id.0));
            } else if !name.starts_with("tidegate.") {
                let node = projection.node_at(name);
                projection.set_slot(node, id.0);
            }
        }
        for name in CONTAINER_NAMES {
            let node = projection.node_at(name);
            projection.set_role(node, Role::Container);
        }
        let identity = projection.node_at("userIdentity");
        projection.set_role(identity, Role::Identity);
        for &input in Input::ALWAYS {
            projection.add_input(input);
        }
        for (derived, _) in projection.derived.clone() {
            for &input in derived.inputs() {
                projection.add_input(input);
            }
            projection.resources = projection.resources.max(derived.resources());
        }
        if projection.resources != Resources::Unused {
            projection.add_resources();
        }
        for node in &mut projection.nodes {
            let has_meaning = !matches!(node.role, Role::None | Role::Container);
            node.is_wanted = node.slot != NO_SLOT || has_meaning || !node.children.is_empty();
        }
        if let Some(root) = projection.nodes.first() {
            projection.root = root.clone();
        }
        projection
    }

    fn add_resources(&mut self) {
        for (path, role) in [
            ("resources", Role::Resources),
            ("resources.type", Role::ResourceType),
            ("resources.arn", Role::ResourceArn),
            ("resources.ARNPrefix", Role::ResourceArn),
            ("resources.accountId", Role::ResourceAccount),
        ] {
            let node = self.node_at(path);
            self.set_role(node, role);
        }
    }

    fn add_input(&mut self, input: Input) {
        let path = input.path();
        let node = self.node_at(path);
        let slot = match self.nodes.get(usize::from(node)) {
            Some(node) if node.slot != NO_SLOT => node.slot,
            _ => {
                let slot = Slot::try_from(self.slots).unwrap_or(NO_SLOT);
                self.slots += 1;
                self.set_slot(node, slot);
                slot
            }
        };
        if let Some(known) = self.inputs.get_mut(input as usize) {
            *known = slot;
        }
    }

    /// The node of a dotted path, created where it is not there.
    fn node_at(&mut self, path: &str) -> NodeId {
        let mut at: NodeId = 0;
        for (depth, segment) in path.split('.').enumerate() {
            let name = segment.as_bytes();
            let found = self
                .nodes
                .get(usize::from(at))
                .and_then(|node| node.child(&Words::of(name), name, 0));
            if let Some(found) = found {
                at = found.node;
                continue;
            }
            let child = NodeId::try_from(self.nodes.len()).unwrap_or(0);
            self.nodes.push(Node::new(child));
            if let Some(parent) = self.nodes.get_mut(usize::from(at)) {
                parent.add_child(name, child);
                // One field in two spellings (semantics.md §4).
                if depth == 1 && path == "resources.arn" {
                    parent.add_child(b"ARN", child);
                }
            }
            at = child;
        }
        at
    }

    fn set_slot(&mut self, node: NodeId, slot: Slot) {
        if let Some(node) = self.nodes.get_mut(usize::from(node)) {
            node.slot = slot;
        }
    }

    fn set_role(&mut self, node: NodeId, role: Role) {
        if let Some(node) = self.nodes.get_mut(usize::from(node)) {
            node.role = role;
        }
    }

    #[inline]
    pub(super) fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(usize::from(id))
    }

    pub(super) fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// The node of the document itself.
    #[inline]
    pub(super) fn root(&self) -> &Node {
        &self.root
    }

    pub(super) fn wants_raw_resources(&self) -> bool {
        self.wants_raw_resources
    }

    /// How many values a document gives.
    pub(super) fn slots(&self) -> usize {
        self.slots
    }

    pub(super) fn slot_of(&self, input: Input) -> Slot {
        self.inputs.get(input as usize).copied().unwrap_or(NO_SLOT)
    }

    /// The wanted derived fields and their slots.
    pub(super) fn derived(&self) -> &[(Derived, Slot)] {
        &self.derived
    }
}
