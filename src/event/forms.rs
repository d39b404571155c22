//! What records have in common: the same members in the same order, event after event.
//!
//! The walk (`scan`) guesses each member of an object from the one before. Where the text goes on with
//! `"name":` as guessed, one comparison gives what a search for the closing quote, the colon and the
//! name's meaning would give. After a wrong guess the name is looked up as ever, and learned.
//!
//! What is learned is what the look-up gave, so it saves time and never changes a result. Its memory is
//! fixed: a name whose places are taken replaces another.

use super::names::Words;
use super::projection::{NO_SLOT, Node, NodeId, Role, Slot};

/// Longest `"name":` in bytes; what is longer is looked up each time.
const TEXT_MAX: usize = 32;
/// Forms that are kept, a power of two. The bench stream has about 50, a busy trail a few hundred.
const KEPT: usize = 1024;
/// No object: the node of a place that is free.
const NO_NODE: NodeId = NodeId::MAX;

/// Where a form is kept, or the beginning of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(u16);

/// A member as it is written, and what it means in the object that it is in.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Form {
    /// `"name":` and then zeros.
    text: [u64; TEXT_MAX / 8],
    len: usize,
    /// The name's bit among the siblings; none for a name that nobody knows.
    pub(super) bit: u64,
    /// The object.
    node: NodeId,
    /// The member's own node, when somebody wants it.
    child: NodeId,
    /// Where a text goes; [`NO_SLOT`] when it goes nowhere.
    pub(super) slot: Slot,
    /// Whether even a text has a meaning besides its slot.
    pub(super) has_role: bool,
    /// What came next, the first to be learned first.
    next: [Place; 2],
}

impl Form {
    /// A text that no mask leaves: nothing is like it.
    const FREE: Form = Form {
        text: [u64::MAX; TEXT_MAX / 8],
        len: 0,
        bit: 0,
        node: NO_NODE,
        child: NO_NODE,
        slot: NO_SLOT,
        has_role: false,
        next: [Place::NONE; 2],
    };

    /// Bytes of `"name":`.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The member's own node, when somebody wants it.
    #[inline]
    pub(super) fn child(&self) -> Option<NodeId> {
        (self.child != NO_NODE).then_some(self.child)
    }

    /// Whether the member that begins here is this one.
    #[inline]
    fn is_next(&self, node: NodeId, ahead: &Ahead) -> bool {
        let mask = MASKS.get(self.len).unwrap_or(&[u64::MAX; TEXT_MAX / 8]);
        let mut difference = u64::from(self.node ^ node);
        for ((text, mask), ahead) in self.text.iter().zip(mask).zip(&ahead.0) {
            difference |= (ahead & mask) ^ text;
        }
        difference == 0
    }
}

/// The bytes of a text before `len`.
const MASKS: [[u64; TEXT_MAX / 8]; TEXT_MAX + 1] = {
    let mut masks = [[0; TEXT_MAX / 8]; TEXT_MAX + 1];
    let mut len = 0;
    while len <= TEXT_MAX {
        let mut at = 0;
        while at < len {
            #[expect(clippy::indexing_slicing, reason = "evaluated when compiled")]
            {
                masks[len][at / 8] |= 0xff << (at % 8 * 8);
            }
            at += 1;
        }
        len += 1;
    }
    masks
};

/// The bytes of a text from a place on.
pub(super) struct Ahead([u64; TEXT_MAX / 8]);

impl Ahead {
    /// What the text ends before is zero.
    #[inline]
    pub(super) fn of(text: &[u8], at: usize) -> Self {
        let Some(bytes) = text.get(at..).and_then(<[u8]>::first_chunk) else {
            return Self::of_end(text, at);
        };
        Self::of_bytes(bytes)
    }

    fn of_end(text: &[u8], at: usize) -> Self {
        let mut bytes = [0; TEXT_MAX];
        for (to, &from) in bytes.iter_mut().zip(text.get(at..).unwrap_or_default()) {
            *to = from;
        }
        Self::of_bytes(&bytes)
    }

    #[inline]
    fn of_bytes(bytes: &[u8; TEXT_MAX]) -> Self {
        let mut words = [0; TEXT_MAX / 8];
        for (word, chunk) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*chunk);
        }
        Ahead(words)
    }
}

impl Place {
    /// The place that stays free.
    pub(super) const NONE: Place = Place(0);
}

/// The forms of one projection's objects.
#[derive(Debug)]
pub(super) struct Forms {
    /// Behind the forms that are kept, one for the beginning of each object.
    kept: Box<[Form]>,
}

impl Forms {
    /// For a projection of so many nodes.
    pub(super) fn new(nodes: usize) -> Self {
        Forms { kept: vec![Form::FREE; KEPT + nodes].into() }
    }

    /// What comes before an object's first member.
    #[inline]
    pub(super) fn start(&self, node: NodeId) -> Place {
        let start = KEPT + usize::from(node);
        u16::try_from(start).ok().filter(|_| start < self.kept.len()).map_or(Place::NONE, Place)
    }

    /// The member that follows `before` in an object of `node`, when it is one of those that did so far.
    #[inline]
    pub(super) fn guess(
        &self,
        before: Place,
        node: NodeId,
        ahead: &Ahead,
    ) -> Option<(Place, &Form)> {
        let [usual, other] = self.kept.get(usize::from(before.0))?.next;
        let form = self.kept.get(usize::from(usual.0))?;
        if form.is_next(node, ahead) {
            return Some((usual, form));
        }
        let form = self.kept.get(usize::from(other.0))?;
        form.is_next(node, ahead).then_some((other, form))
    }

    /// Learns that a member follows `before`; gives the place to guess from after it.
    ///
    /// The name is `text[start..end]`; `child` is what looking it up gave, with its place among the
    /// siblings.
    pub(super) fn learn(
        &mut self,
        before: Place,
        node: &Node,
        child: Option<(usize, &Node)>,
        text: &[u8],
        (start, end): (usize, usize),
    ) -> Place {
        let place = self.keep(node, child, text, (start, end)).unwrap_or(Place::NONE);
        if before != Place::NONE
            && place != Place::NONE
            && let Some(form) = self.kept.get_mut(usize::from(before.0))
        {
            let [usual, other] = &mut form.next;
            if *usual == Place::NONE {
                *usual = place;
            } else if *usual != place {
                *other = place;
            }
        }
        place
    }

    /// The place of a member's form; `None` for what cannot be guessed.
    fn keep(
        &mut self,
        node: &Node,
        child: Option<(usize, &Node)>,
        text: &[u8],
        (start, end): (usize, usize),
    ) -> Option<Place> {
        let written = text.get(start.checked_sub(1)?..end.checked_add(2)?)?;
        // Names of containers are to be noticed each time.
        if written.len() > TEXT_MAX
            || !written.ends_with(b"\":")
            || child.is_some_and(|(at, child)| at >= 64 || child.role == Role::Container)
        {
            return None;
        }
        let form = Form {
            text: Ahead::of_end(written, 0).0,
            len: written.len(),
            bit: child.map_or(0, |(at, _)| 1 << at),
            node: node.id,
            child: child
                .filter(|(_, child)| child.is_wanted)
                .map_or(NO_NODE, |(_, child)| child.id),
            slot: child.map_or(NO_SLOT, |(_, child)| child.slot),
            has_role: child.is_some_and(|(_, child)| child.role != Role::None),
            next: [Place::NONE; 2],
        };
        let hash = Words::of(text.get(start..end)?).hash() ^ usize::from(node.id).wrapping_mul(37);
        let first = hash & (KEPT - 1);
        let mut free = None;
        for at in [first, first ^ 1].into_iter().filter(|&at| at != usize::from(Place::NONE.0)) {
            let kept = self.kept.get(at)?;
            if kept.node == form.node && kept.len == form.len && kept.text == form.text {
                return u16::try_from(at).ok().map(Place);
            }
            free = free.or((kept.node == NO_NODE).then_some(at));
        }
        let at = free.unwrap_or(first.max(1));
        *self.kept.get_mut(at)? = form;
        u16::try_from(at).ok().map(Place)
    }
}
