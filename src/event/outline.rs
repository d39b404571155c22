//! Outlines: what stands between the texts and numbers of a record is the same in most records.
//!
//! A trail writes thousands of records that differ in nothing but their values. So what was once walked
//! is learned as stretches: the bytes from the end of one value to the begin of the next, with commas,
//! brackets, names and literals, and what they mean. A record that is made of known stretches is read by
//! a comparison for each and needs no other check: a stretch leads from one state (which objects and
//! lists are open) to another by the grammar, and a value between two is a string that its quotes
//! border or a number. Any other record is walked as ever (`scan`); only time is lost.
//!
//! A known name that comes twice, and a part that may be passed over in one record and not in another,
//! end the attempt too. Memory is bounded: when it is full all is forgotten. So is time: how often is
//! learned and tried depends on how often that helped.

use super::names::Words;
use super::number;
use super::projection::{NO_SLOT, Node, NodeId, Role, Slot};
use super::quotes::{Quotes, VectorWork};
use super::value::Value;
use super::walk::{Member, Walk};
use std::collections::HashMap;

/// Longest stretch in bytes; a longer one is learned in pieces.
const TEXT_MAX: usize = 64;
/// Stretches that are known at once; the bench stream has about 60.
const STRETCHES_MAX: usize = 1024;
/// States that are known at once.
const STATES_MAX: usize = 256;
/// Names of the projection that can be told from each other: bits of a word below [`RESOURCES`].
const NAMES_MAX: usize = 63;
/// How many stretches after one are remembered.
const NEXT_MAX: usize = 4;
/// What learning a record costs in credit, and the most that is saved. Each record that is read gives one.
const LEARNING: u32 = 16;
const CREDIT_MAX: u32 = 64 * LEARNING;
/// So many records that cannot be read give credit for learning one.
const STRANGERS: u32 = 64;
/// How far the records that could be read may be ahead of those that could not.
const PATIENCE_MAX: u32 = 32;
/// Without patience one of so many records is tried.
const TRIALS: u32 = 8;

type Place = u16;
type StateId = u16;

/// No stretch: a place that holds none.
const NOWHERE: Place = Place::MAX;
/// The stretch of no bytes before every record.
const BEGIN: Place = 0;

/// What follows a stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Then {
    /// The rest of a string, from behind its opening quote.
    Text,
    Number,
    /// Nothing; the last bytes were a literal that is wanted.
    Literal(Literal),
    /// Nothing: the next stretch.
    More,
    /// The document is over.
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Literal {
    Null,
    True,
    False,
}

/// What a stretch is and leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(C)]
struct Stretch {
    /// And then zeros.
    text: [u8; TEXT_MAX],
    len: u16,
    /// Where the value goes.
    slot: Slot,
    then: Then,
    /// How many names are in it, known or not.
    pairs: u8,
    from: StateId,
    to: StateId,
    /// A bit for each name of the projection in it, and [`RESOURCES`].
    names: u64,
}

/// The bit of a stretch that passes over `resources` because the bucket is known.
const RESOURCES: u64 = 1 << 63;

/// A stretch where it is kept, its text in a line of the cache.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Kept {
    stretch: Stretch,
    /// What came after it.
    next: [Place; NEXT_MAX],
}

impl Stretch {
    const BEGIN: Stretch = Stretch {
        text: [0; TEXT_MAX],
        len: 0,
        slot: NO_SLOT,
        then: Then::More,
        pairs: 0,
        from: 0,
        to: 0,
        names: 0,
    };

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "else the instructions of the caller are lost")]
    fn is_next(&self, bytes: &[u8], at: usize) -> bool {
        let Some(ahead) = bytes.get(at..).and_then(<[u8]>::first_chunk) else {
            return self.is_at_end(bytes, at);
        };
        let Some(Line(mask)) = MASKS.get(usize::from(self.len)) else { return false };
        let words = |bytes: &[u8; TEXT_MAX]| -> [u64; TEXT_MAX / 8] {
            let mut words = [0; TEXT_MAX / 8];
            for (word, chunk) in words.iter_mut().zip(bytes.as_chunks().0) {
                *word = u64::from_le_bytes(*chunk);
            }
            words
        };
        let (text, ahead, mask) = (words(&self.text), words(ahead), words(mask));
        let mut difference = 0;
        for ((text, ahead), mask) in text.iter().zip(&ahead).zip(&mask) {
            difference |= (ahead ^ text) & mask;
        }
        difference == 0
    }

    /// Whether a number follows where one must: a text or a literal is another stretch.
    #[inline]
    fn is_followed(&self, bytes: &[u8], at: usize) -> bool {
        self.then != Then::Number
            || matches!(bytes.get(at + usize::from(self.len)), Some(b'0'..=b'9' | b'-'))
    }

    #[inline(never)]
    fn is_at_end(&self, bytes: &[u8], at: usize) -> bool {
        let len = usize::from(self.len);
        self.text.get(..len).is_some_and(|text| bytes.get(at..at + len) == Some(text))
    }
}

/// A line of the cache.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line([u8; TEXT_MAX]);

/// By length: so many ones, then zeros.
static MASKS: [Line; TEXT_MAX + 1] = {
    let mut masks = [Line([0; TEXT_MAX]); TEXT_MAX + 1];
    let mut len = 0;
    while len <= TEXT_MAX {
        let mut at = 0;
        while at < len {
            #[expect(clippy::indexing_slicing, reason = "evaluated when compiled")]
            {
                masks[len].0[at] = u8::MAX;
            }
            at += 1;
        }
        len += 1;
    }
    masks
};

/// What is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    /// What is open around it.
    around: StateId,
    opened: Opened,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opened {
    Document,
    /// An object that the projection knows.
    Known(NodeId),
    /// Any other object.
    Object,
    List,
}

/// What was learned of one projection's records.
#[derive(Debug)]
pub(super) struct Outlines {
    stretches: Vec<Kept>,
    states: Vec<State>,
    /// Names of the projection that occurred, by bit.
    names: Vec<NodeId>,
    /// Where a stretch is.
    places: HashMap<Stretch, Place>,
    credit: u32,
    strangers: u32,
    patience: u32,
    untried: u32,
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Read,
    /// It is not made of known stretches; the walk is half done.
    Strange,
    /// Too few records were read of late; the walk has not begun.
    Untried,
}

impl Outlines {
    pub(super) fn new() -> Self {
        let mut outlines = Outlines {
            stretches: Vec::new(),
            states: Vec::new(),
            names: Vec::new(),
            places: HashMap::new(),
            credit: CREDIT_MAX,
            strangers: 0,
            patience: PATIENCE_MAX,
            untried: 0,
        };
        outlines.forget();
        outlines
    }

    fn forget(&mut self) {
        self.stretches.clear();
        self.stretches.push(Kept { stretch: Stretch::BEGIN, next: [NOWHERE; NEXT_MAX] });
        self.names.clear();
        self.places.clear();
        self.states.clear();
        self.states.push(State { around: 0, opened: Opened::Document });
    }

    /// Reads a document of known stretches whose quotes are all found.
    pub(super) fn read<'a>(
        &mut self,
        text: &'a str,
        quotes: &Quotes<'_, 'a>,
        walk: &mut Walk<'_, 'a>,
    ) -> Outcome {
        if self.patience == 0 {
            self.untried = (self.untried + 1) % TRIALS;
            if self.untried != 0 {
                return Outcome::Untried;
            }
        }
        let attempt = Attempt { outlines: self, text, pairs: quotes.coming(), walk };
        if quotes.with_vectors(attempt).is_some() {
            self.credit = (self.credit + 1).min(CREDIT_MAX);
            self.patience = (self.patience + 1).min(PATIENCE_MAX);
            return Outcome::Read;
        }
        self.patience = self.patience.saturating_sub(1);
        self.strangers = (self.strangers + 1) % STRANGERS;
        if self.strangers == 0 {
            self.credit = (self.credit + LEARNING).min(CREDIT_MAX);
        }
        Outcome::Strange
    }

    /// The stretch among `next` that the text goes on with.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "else the instructions of the caller are lost")]
    fn guess(&self, next: [Place; NEXT_MAX], bytes: &[u8], at: usize) -> Option<&Kept> {
        let [usual, others @ ..] = next;
        let kept = self.stretches.get(usize::from(usual))?;
        if kept.stretch.is_next(bytes, at) && kept.stretch.is_followed(bytes, at) {
            return Some(kept);
        }
        for other in others {
            let kept = self.stretches.get(usize::from(other))?;
            if kept.stretch.is_next(bytes, at) && kept.stretch.is_followed(bytes, at) {
                return Some(kept);
            }
        }
        None
    }

    /// Whether there is credit for learning a document.
    #[inline]
    pub(super) fn may_learn(&self) -> bool {
        self.credit >= LEARNING
    }

    /// Learns the outline of a document that was walked.
    #[cold]
    pub(super) fn learn<'a>(
        &mut self,
        text: &'a str,
        quotes: &Quotes<'_, 'a>,
        walk: &Walk<'_, 'a>,
    ) {
        self.credit = self.credit.saturating_sub(LEARNING);
        let mut learner = Learner {
            bytes: text.as_bytes(),
            at: 0,
            start: 0,
            pairs: quotes.coming().iter(),
            before: BEGIN,
            state: 0,
            from: 0,
            names: 0,
            names_count: 0,
            walk,
            outlines: self,
        };
        // What it cannot learn ends it; the beginning that it did learn is as right as all else.
        let is_learned = learner.document().is_some();
        let is_full = self.stretches.len() >= STRETCHES_MAX || self.states.len() >= STATES_MAX;
        if is_full && !is_learned {
            self.forget();
        }
    }

    /// The state of something opened in another.
    fn state(&mut self, around: StateId, opened: Opened) -> Option<StateId> {
        let wanted = State { around, opened };
        let known = self.states.iter().position(|&state| state == wanted);
        let place = match known {
            Some(place) => place,
            None if self.states.len() >= STATES_MAX => return None,
            None => {
                self.states.push(wanted);
                self.states.len() - 1
            }
        };
        StateId::try_from(place).ok()
    }

    /// The place of a stretch, which from now on is one of those after `before`.
    fn keep(&mut self, before: Place, stretch: Stretch) -> Option<Place> {
        let is_it = |place: Place| {
            self.stretches.get(usize::from(place)).is_some_and(|kept| kept.stretch == stretch)
        };
        let next = &self.stretches.get(usize::from(before))?.next;
        if let Some(&place) = next.iter().find(|&&place| is_it(place)) {
            return Some(place);
        }
        let place = match self.places.get(&stretch) {
            Some(&place) => place,
            None if self.stretches.len() >= STRETCHES_MAX => return None,
            None => {
                let place = Place::try_from(self.stretches.len()).ok()?;
                self.stretches.push(Kept { stretch, next: [NOWHERE; NEXT_MAX] });
                self.places.insert(stretch, place);
                place
            }
        };
        let next = &mut self.stretches.get_mut(usize::from(before))?.next;
        let free = next.iter().position(|&next| next == NOWHERE).unwrap_or(NEXT_MAX - 1);
        *next.get_mut(free)? = place;
        Some(place)
    }

    /// The bit of a name of the projection.
    fn name(&mut self, node: NodeId) -> Option<u64> {
        let known = self.names.iter().position(|&known| known == node);
        let place = known.unwrap_or_else(|| {
            self.names.push(node);
            self.names.len() - 1
        });
        (place < NAMES_MAX).then(|| 1 << place)
    }
}

/// A document that is tried to be read.
struct Attempt<'o, 'w, 'p, 'a> {
    outlines: &'o Outlines,
    text: &'a str,
    pairs: &'o [[u32; 2]],
    walk: &'w mut Walk<'p, 'a>,
}

impl VectorWork for Attempt<'_, '_, '_, '_> {
    type Answer = Option<()>;

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "else the instructions of the caller are lost")]
    fn run(self) -> Option<()> {
        let Attempt { outlines, text, pairs, walk } = self;
        let bytes = text.as_bytes();
        let (mut at, mut taken, mut seen) = (0, 0, RESOURCES);
        let mut next = outlines.stretches.first()?.next;
        loop {
            let kept = outlines.guess(next, bytes, at)?;
            let stretch = &kept.stretch;
            if seen & stretch.names != 0 {
                is_allowed(seen, stretch.names, walk)?;
            }
            seen |= stretch.names;
            next = kept.next;
            at += usize::from(stretch.len);
            taken += usize::from(stretch.pairs);
            if stretch.then == Then::Text {
                let &[_, closing] = pairs.get(taken)?;
                let closing = closing as usize;
                if stretch.slot != NO_SLOT {
                    walk.put_plain(stretch.slot, text.get(at..closing)?);
                }
                (at, taken) = (closing + 1, taken + 1);
                continue;
            }
            match stretch.then {
                Then::Number => at = put_number(text, at, stretch.slot, walk)?,
                Then::Literal(literal) => put_literal(literal, stretch.slot, walk),
                Then::Text | Then::More => {}
                Then::End => {
                    walk.reading.marks.is_object = true;
                    return (at == bytes.len()).then_some(());
                }
            }
        }
    }
}

/// Whether names may come although one of them has come before: none may, and `resources` only where the
/// bucket is known.
#[inline(never)]
fn is_allowed(seen: u64, names: u64, walk: &Walk<'_, '_>) -> Option<()> {
    (seen & names == RESOURCES && walk.is_bucket_known()).then_some(())
}

/// Takes a number; gives the place after it.
#[inline(never)]
fn put_number(text: &str, at: usize, slot: Slot, walk: &mut Walk<'_, '_>) -> Option<usize> {
    if slot == NO_SLOT {
        return number::end(text.as_bytes(), at);
    }
    let (number, end) = number::read(text, at)?;
    walk.put_value(slot, Value::Number(number));
    Some(end)
}

#[inline(never)]
fn put_literal(literal: Literal, slot: Slot, walk: &mut Walk<'_, '_>) {
    let value = match literal {
        Literal::Null => Value::Null,
        Literal::True => Value::Bool(true),
        Literal::False => Value::Bool(false),
    };
    walk.put_value(slot, value);
}

fn padded_to_max(bytes: &[u8]) -> [u8; TEXT_MAX] {
    let mut padded = [0; TEXT_MAX];
    for (to, &from) in padded.iter_mut().zip(bytes) {
        *to = from;
    }
    padded
}

/// Goes through a document that is known to be right.
struct Learner<'o, 'w, 'p, 'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the stretch begins that is not learned yet.
    start: usize,
    pairs: std::slice::Iter<'o, [u32; 2]>,
    before: Place,
    /// At `at` and at `start`.
    state: StateId,
    from: StateId,
    /// Since `start`.
    names: u64,
    names_count: u8,
    walk: &'w Walk<'p, 'a>,
    outlines: &'o mut Outlines,
}

impl<'p> Learner<'_, '_, 'p, '_> {
    fn document(&mut self) -> Option<()> {
        self.object(Some(self.walk.projection.root()))?;
        self.end_stretch(Then::End, NO_SLOT)
    }

    /// Learns the bytes since the last value and what they lead to.
    fn end_stretch(&mut self, then: Then, slot: Slot) -> Option<()> {
        let text = self.bytes.get(self.start..self.at).filter(|text| text.len() <= TEXT_MAX)?;
        let stretch = Stretch {
            text: padded_to_max(text),
            len: u16::try_from(text.len()).ok()?,
            slot,
            then,
            pairs: self.names_count,
            from: self.from,
            to: self.state,
            names: self.names,
        };
        self.before = self.outlines.keep(self.before, stretch)?;
        (self.start, self.from) = (self.at, self.state);
        (self.names, self.names_count) = (0, 0);
        Some(())
    }

    /// Takes bytes that belong together, in a new stretch when this one gets too long.
    fn take(&mut self, bytes: usize) -> Option<()> {
        if self.at + bytes - self.start > TEXT_MAX {
            self.end_stretch(Then::More, NO_SLOT)?;
        }
        self.at += bytes;
        Some(())
    }

    /// The next byte that is no blank.
    fn peek(&mut self) -> Option<u8> {
        while self.bytes.get(self.at) == Some(&b' ') {
            self.take(1)?;
        }
        self.bytes.get(self.at).copied()
    }

    fn enter(&mut self, opened: Opened) -> Option<StateId> {
        let around = self.state;
        self.take(1)?;
        self.state = self.outlines.state(around, opened)?;
        Some(around)
    }

    fn object(&mut self, node: Option<&'p Node>) -> Option<()> {
        let opened = node.map_or(Opened::Object, |node| Opened::Known(node.id));
        let around = self.enter(opened)?;
        while self.peek()? != b'}' {
            let member = self.name(node)?;
            self.value(member.wanted())?;
            if self.peek()? == b',' {
                self.take(1)?;
            }
        }
        self.take(1)?;
        self.state = around;
        Some(())
    }

    fn list(&mut self) -> Option<()> {
        let around = self.enter(Opened::List)?;
        while self.peek()? != b']' {
            self.value(None)?;
            if self.peek()? == b',' {
                self.take(1)?;
            }
        }
        self.take(1)?;
        self.state = around;
        Some(())
    }

    /// Takes a name and its colon.
    fn name(&mut self, node: Option<&'p Node>) -> Option<Member<'p>> {
        let &[opening, closing] = self.pairs.next()?;
        let (start, end) = (opening as usize + 1, closing as usize);
        self.take(end + 1 - self.at)?;
        self.names_count += 1;
        let child = node.and_then(|node| {
            let words = Words::within(self.bytes, start, end);
            let found = node.child(&words, self.bytes, start)?;
            self.walk.projection.node(found.node)
        });
        if let Some(child) = child {
            // Names of containers are for the walk to notice.
            if child.role == Role::Container {
                return None;
            }
            self.names |= self.outlines.name(child.id)?;
        }
        self.peek()?;
        self.take(1)?;
        let Some(child) = child.filter(|child| child.is_wanted) else {
            return Some(Member::Unwanted);
        };
        if self.walk.is_wanted(child) {
            return Some(Member::Wanted(child));
        }
        self.names |= RESOURCES;
        Some(Member::Unwanted)
    }

    fn value(&mut self, wanted: Option<&'p Node>) -> Option<()> {
        let (slot, role) = wanted.map_or((NO_SLOT, Role::None), |node| (node.slot, node.role));
        let first = self.peek()?;
        // What means more than its value, and what is more than one value, is for the walk.
        match first {
            b'{' if slot == NO_SLOT => return self.object(wanted),
            b'[' if wanted.is_none() => return self.list(),
            b'{' | b'[' => return None,
            _ if role != Role::None => return None,
            _ => {}
        }
        match first {
            b'"' => {
                let &[_, closing] = self.pairs.next()?;
                self.take(1)?;
                self.end_stretch(Then::Text, slot)?;
                self.at = closing as usize + 1;
                self.start = self.at;
            }
            b'n' => self.literal(4, Literal::Null, slot)?,
            b't' => self.literal(4, Literal::True, slot)?,
            b'f' => self.literal(5, Literal::False, slot)?,
            _ => {
                self.end_stretch(Then::Number, slot)?;
                self.at = number::end(self.bytes, self.at)?;
                self.start = self.at;
            }
        }
        Some(())
    }

    fn literal(&mut self, len: usize, literal: Literal, slot: Slot) -> Option<()> {
        self.take(len)?;
        if slot == NO_SLOT { Some(()) } else { self.end_stretch(Then::Literal(literal), slot) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::field::FieldSet;
    use super::super::projection::Projection;
    use super::super::quotes::QuoteFinder;
    use super::*;

    struct Known {
        projection: Projection,
        finder: QuoteFinder,
        outlines: Outlines,
    }

    impl Known {
        fn of(texts: &[&str]) -> Self {
            let mut fields = FieldSet::default();
            for name in ["eventName", "readOnly", "a.n", "tidegate.bucket"] {
                fields.intern(name);
            }
            let projection = Projection::new(&fields);
            let mut known =
                Known { projection, finder: QuoteFinder::new(), outlines: Outlines::new() };
            for text in texts {
                let (text, quotes) = known.finder.survey(text.as_bytes()).expect("plain");
                let walk = Walk::over(&known.projection, Vec::new());
                known.outlines.learn(text, &quotes, &walk);
            }
            known
        }

        fn read(&mut self, text: &str) -> Outcome {
            let (text, quotes) = self.finder.survey(text.as_bytes()).expect("plain");
            let mut walk = Walk::over(&self.projection, Vec::new());
            self.outlines.read(text, &quotes, &mut walk)
        }

        fn reads(&mut self, text: &str) -> bool {
            self.read(text) == Outcome::Read
        }
    }

    #[test]
    fn only_values_may_differ() {
        let mut known = Known::of(&[
            r#"{"eventName":"x","a":{"n":1,"b":[{"c":"d"},{"c":"e"}]},"readOnly":true,"z":null}"#,
            r#"{"eventName":"x","a":{"n":1,"b":[{"c":"d"},{"c":"e"},{"c":"f"}]},"readOnly":true,"z":null}"#,
        ]);
        for text in [
            r#"{"eventName":"","a":{"n":-2.5e7,"b":[{"c":"{}"},{"c":","}]},"readOnly":true,"z":null}"#,
            // The way around a list is known once it was gone twice.
            r#"{"eventName":"x","a":{"n":1,"b":[{"c":"d"},{"c":""},{"c":"f"},{"c":"g"}]},"readOnly":true,"z":null}"#,
        ] {
            assert!(known.reads(text), "{text}");
        }
        for text in [
            "",
            "{",
            r#"{"eventName":"x","a":{"n":1,"b":[{"c":"d"},{"c":"e"}]},"readOnly":true,"z":null"#,
            r#"{"eventName":"x","a":{"n":1,"b":[{"c":"d"},{"c":"e"}]},"readOnly":true,"z":null}}"#,
            r#"{"eventName":"x","a":{"n":1,"b":[{"c":"d"},{"c":"e"}]},"readOnly":true,"z":null} "#,
            r#"{"eventName":"x","a":{"n":01,"b":[{"c":"d"},{"c":"e"}]},"readOnly":true,"z":null}"#,
            r#"{"eventName":"x","a":{"n":"1","b":[{"c":"d"},{"c":"e"}]},"readOnly":true,"z":null}"#,
            r#"{"eventName":"x","a":{"n":1,"b":[{"c":"d"},{"c":"e"}]},"readOnly":false,"z":null}"#,
            r#"{"eventName":"x","a":{"n":1,"b":[{"c":"d"},{"c":"e"}]},"readOnly":true}"#,
        ] {
            assert!(!known.reads(text), "{text}");
        }
    }

    #[test]
    fn a_known_name_that_comes_twice_is_strange() {
        let mut known = Known::of(&[
            r#"{"eventName":"x","z":"1","readOnly":true}"#,
            r#"{"z":"1","eventName":"x","z":"1"}"#,
        ]);

        assert!(known.reads(r#"{"z":"1","eventName":"x","z":"1","readOnly":true}"#));
        assert!(!known.reads(r#"{"eventName":"x","z":"1","eventName":"x","z":"1"}"#));
    }

    #[test]
    fn resources_are_passed_over_only_behind_a_bucket() {
        let text = |bucket: &str| {
            format!(
                r#"{{"requestParameters":{{"bucketName":"{bucket}"}},"resources":[{{"type":"t"}}]}}"#
            )
        };
        let mut known = Known::of(&[]);
        // Learned after a walk, as the reader does.
        let first = text("b");
        let (same, quotes) = known.finder.survey(first.as_bytes()).expect("plain");
        let mut walk = Walk::over(&known.projection, Vec::new());
        let slot = known.projection.slot_of(super::super::cloudtrail::Input::BucketName);
        walk.put_plain(slot, "b");
        known.outlines.learn(same, &quotes, &walk);

        assert!(known.reads(&text("other")));
        assert!(!known.reads(&text("arn:x")) && !known.reads(&text("")));
    }

    #[test]
    fn strangers_are_tried_rarely_until_a_known_record_comes() {
        let (usual, strange) = (r#"{"eventName":"x"}"#, r#"{"eventName":"x","y":1}"#);
        let mut known = Known::of(&[usual]);
        for _ in 0..PATIENCE_MAX {
            assert_eq!(known.read(strange), Outcome::Strange);
        }

        let tried = (0..8 * TRIALS).filter(|_| known.read(strange) == Outcome::Strange).count();
        let waiting = (0..TRIALS).position(|_| known.reads(usual)).expect("tried in the end");

        assert_eq!(tried, 8);
        assert!(waiting < 8 && known.reads(usual));
    }

    #[test]
    fn when_all_places_are_taken_all_is_forgotten_and_learned_anew() {
        let mut known = Known::of(&[]);
        for number in 0..3 * STRETCHES_MAX {
            let text = format!(r#"{{"n{number}":"x"}}"#);
            let (text, quotes) = known.finder.survey(text.as_bytes()).expect("plain");
            let walk = Walk::over(&known.projection, Vec::new());
            known.outlines.learn(text, &quotes, &walk);
            assert!(known.outlines.stretches.len() <= STRETCHES_MAX);
        }
        let last = format!(r#"{{"n{}":"y"}}"#, 3 * STRETCHES_MAX - 1);
        assert!(known.reads(&last));
    }
}
