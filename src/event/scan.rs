//! The walk without a parser, for plain text: no backslash, no control character, not deeply nested.
//!
//! That is what nearly every record on a topic is, and there a string ends at the next quote and the
//! only blank is the space. The places of all quotes are found before (`quotes`), so the walk jumps over
//! names and texts and looks at each byte between them. Members come in the order of the records before,
//! so their names are guessed (`forms`) before they are looked up. Whatever is odd (an escape, a repeated name,
//! anything that is no JSON) it gives up, and the general way decides; it accepts nothing that
//! serde_json would not, in what it skips as well, and gives equal values (`tests/random.rs`).

use super::forms::{Ahead, Forms, Place};
use super::names::Words;
use super::number;
use super::projection::{NO_SLOT, Node};
use super::quotes::Quotes;
use super::tree::Tree;
use super::value::Value;
use super::walk::{Member, Seen, Walk};

/// Deeper documents are left to others; the walk recurses.
pub(super) const DEPTH_MAX: usize = 24;

/// Walks a plain text that is one object; `None` when something is odd, with the walk half done.
pub(super) fn walk_plain<'a>(
    text: &'a str,
    quotes: Quotes<'_, 'a>,
    forms: &mut Forms,
    walk: &mut Walk<'_, 'a>,
) -> Option<()> {
    if !text.starts_with('{') {
        return None;
    }
    walk.reading.marks.is_object = true;
    let root = walk.projection.root();
    let mut scan =
        Scan { text, bytes: text.as_bytes(), at: 0, quotes, left: DEPTH_MAX, forms, walk };
    scan.object(root, false)?;
    (scan.at == text.len()).then_some(())
}

struct Scan<'f, 'w, 'p, 'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// Quotes from `at` on: each one that the walk comes to is the next of these.
    quotes: Quotes<'f, 'a>,
    /// How many levels may still be entered.
    left: usize,
    forms: &'w mut Forms,
    walk: &'w mut Walk<'p, 'a>,
}

/// Where a run of guessed members ends.
enum RunEnd<'p> {
    /// The object is closed.
    Closed,
    /// Behind a member whose value does not end as usual.
    AfterValue,
    /// Before the value of a member that was guessed; its node when it is wanted.
    Value(Option<&'p Node>),
    /// Before a member that was not guessed.
    Unknown,
}

impl<'p, 'a> Scan<'_, '_, 'p, 'a> {
    /// The next byte that is no blank; it stays.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        loop {
            match *self.bytes.get(self.at)? {
                b' ' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    /// Takes the next byte that is no blank.
    #[inline]
    fn take(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// Takes a string whose opening quote is next; gives its borders.
    #[inline]
    fn string(&mut self) -> Option<(usize, usize)> {
        let (opening, closing) = self.quotes.pair()?;
        debug_assert_eq!(opening, self.at);
        self.at = closing + 1;
        Some((opening + 1, closing))
    }

    /// Takes a member's name and its colon; gives the name's borders.
    #[inline]
    fn name(&mut self) -> Option<(usize, usize)> {
        let (opening, closing) = self.quotes.pair()?;
        if opening != self.at {
            self.blanks_until(opening)?;
        }
        self.at = closing + 1;
        (self.take()? == b':').then_some((opening + 1, closing))
    }

    /// Whether nothing but blanks comes before a place.
    #[cold]
    fn blanks_until(&self, place: usize) -> Option<()> {
        self.bytes.get(self.at..place)?.iter().all(|&byte| byte == b' ').then_some(())
    }

    /// Takes a comma or the closing byte, and says whether it was the latter.
    #[inline]
    fn is_closed(&mut self, closing: u8) -> Option<bool> {
        match self.take()? {
            b',' => Some(false),
            byte if byte == closing => Some(true),
            _ => None,
        }
    }

    /// Takes an opening byte, and the closing one when it follows; says whether it did.
    #[inline]
    fn is_empty(&mut self, closing: u8) -> Option<bool> {
        self.at += 1;
        let is_empty = self.peek()? == closing;
        if is_empty {
            self.at += 1;
        } else {
            self.left = self.left.checked_sub(1)?;
        }
        Some(is_empty)
    }

    /// Takes a comma or the closing byte of a level, and says whether it was the latter.
    #[inline]
    fn is_left(&mut self, closing: u8) -> Option<bool> {
        let is_closed = self.is_closed(closing)?;
        self.left += usize::from(is_closed);
        Some(is_closed)
    }

    fn object(&mut self, node: &'p Node, in_list: bool) -> Option<()> {
        if self.is_empty(b'}')? {
            return Some(());
        }
        let mut seen = Seen::default();
        let mut before = self.forms.start(node.id);
        loop {
            let wanted = match self.guessed_members(node, in_list, &mut seen, &mut before) {
                RunEnd::Closed => {
                    self.left += 1;
                    return Some(());
                }
                RunEnd::AfterValue if self.is_left(b'}')? => return Some(()),
                RunEnd::AfterValue => continue,
                RunEnd::Value(wanted) => wanted,
                RunEnd::Unknown => self.unknown_member(node, &mut seen, &mut before)?.wanted(),
            };
            match wanted {
                Some(child) if self.walk.is_wanted(child) => self.value(child, in_list)?,
                _ => self.skip()?,
            }
            if self.is_left(b'}')? {
                return Some(());
            }
        }
    }

    /// Takes members of an object as long as each comes as often before and is a text.
    ///
    /// Nothing is called and nothing of the scan is written on the way: position and quotes stay in
    /// registers, and no step waits for the step before.
    #[inline]
    fn guessed_members(
        &mut self,
        node: &Node,
        in_list: bool,
        seen: &mut Seen,
        before: &mut Place,
    ) -> RunEnd<'p> {
        let pairs = self.quotes.coming();
        let (mut at, mut taken) = (self.at, 0);
        let end = loop {
            let ahead = Ahead::of(self.bytes, at);
            let Some((place, form)) = self.forms.guess(*before, node.id, &ahead) else {
                break RunEnd::Unknown;
            };
            let value = at + form.len();
            if pairs.len() < taken + 2 || seen.has(form.bit) {
                break RunEnd::Unknown;
            }
            if self.bytes.get(value) != Some(&b'"') || form.has_role || in_list {
                seen.note(form.bit);
                *before = place;
                (at, taken) = (value, taken + 1);
                let child = form.child().and_then(|child| self.walk.projection.node(child));
                break RunEnd::Value(child);
            }
            // The name's quotes are the pair before.
            let closing = pairs.get(taken + 1).map_or(0, |&[_, closing]| closing as usize);
            let Some(text) = self.text.get(value + 1..closing) else { break RunEnd::Unknown };
            seen.note(form.bit);
            *before = place;
            self.walk.put_plain(form.slot, text);
            (at, taken) = (closing + 1, taken + 2);
            match self.bytes.get(at) {
                Some(b',') => at += 1,
                Some(b'}') => {
                    at += 1;
                    break RunEnd::Closed;
                }
                _ => break RunEnd::AfterValue,
            }
        };
        self.at = at;
        self.quotes.pass(taken);
        end
    }

    /// Takes a member's name and looks it up.
    fn unknown_member(
        &mut self,
        node: &'p Node,
        seen: &mut Seen,
        before: &mut Place,
    ) -> Option<Member<'p>> {
        let (start, end) = self.name()?;
        let words = Words::within(self.bytes, start, end);
        let child = self.walk.child(node, &words, self.bytes, start);
        if child.is_some_and(|(place, _)| seen.again(place)) {
            return None;
        }
        *before = self.forms.learn(*before, node, child, self.bytes, (start, end));
        Some(child.map_or(Member::Unwanted, |(_, child)| Member::Wanted(child)))
    }

    #[inline(never)]
    fn value(&mut self, node: &'p Node, in_list: bool) -> Option<()> {
        match self.peek()? {
            b'"' => {
                let (start, end) = self.string()?;
                let text = self.text.get(start..end)?;
                self.walk.put_text(node, in_list, text);
            }
            b'{' => return self.inner_object(node, in_list),
            b'[' => return self.list(node, in_list),
            b'n' => {
                self.word(b"null")?;
                self.walk.put(node, in_list, Value::Null);
            }
            b't' => {
                self.word(b"true")?;
                self.walk.put(node, in_list, Value::Bool(true));
            }
            b'f' => {
                self.word(b"false")?;
                self.walk.put(node, in_list, Value::Bool(false));
            }
            _ => {
                let (number, at) = number::read(self.text, self.at)?;
                self.at = at;
                self.walk.put(node, in_list, Value::Number(number));
            }
        }
        Some(())
    }

    fn list(&mut self, node: &'p Node, in_list: bool) -> Option<()> {
        self.walk.begin_list(node, in_list);
        if self.is_empty(b']')? {
            return Some(());
        }
        loop {
            self.value(node, true)?;
            if self.is_left(b']')? {
                return Some(());
            }
        }
    }

    fn inner_object(&mut self, node: &'p Node, in_list: bool) -> Option<()> {
        if node.slot == NO_SLOT {
            self.walk.begin_object(node);
            return self.object(node, in_list);
        }
        let start = self.at;
        self.skip()?;
        let tree: Tree<'a> = serde_json::from_str(self.text.get(start..self.at)?).ok()?;
        self.walk.tree(node, in_list, &tree);
        Some(())
    }

    /// Takes a value that nobody wants.
    #[inline(never)]
    fn skip(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.string().map(|_| ()),
            b'{' => self.skip_object(),
            b'[' => self.skip_list(),
            b'n' => self.word(b"null"),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            _ => {
                self.at = number::end(self.bytes, self.at)?;
                Some(())
            }
        }
    }

    fn skip_object(&mut self) -> Option<()> {
        if self.is_empty(b'}')? {
            return Some(());
        }
        loop {
            self.name()?;
            self.skip()?;
            if self.is_left(b'}')? {
                return Some(());
            }
        }
    }

    fn skip_list(&mut self) -> Option<()> {
        if self.is_empty(b']')? {
            return Some(());
        }
        loop {
            self.skip()?;
            if self.is_left(b']')? {
                return Some(());
            }
        }
    }

    #[inline]
    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.bytes.get(self.at..)?.starts_with(word).then(|| self.at += word.len())
    }
}
