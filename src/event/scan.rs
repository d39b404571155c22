//! The walk without a parser, for plain text: no backslash, no control character, not deeply nested.
//!
//! That is what nearly every record on a topic is, and there a string ends at the next quote and the
//! only blank is the space. So a strict reader is small and skips eight bytes at a time. Whatever is odd
//! (an escape, a repeated name, anything that is no JSON) it gives up, and the general way decides; it
//! accepts nothing that serde_json would not, and gives equal values (`tests/random.rs`).

use super::projection::{NO_SLOT, NodeId};
use super::tree::Tree;
use super::value::{Number, Value};
use super::walk::{Seen, Walk};
use std::borrow::Cow;

/// What one look over all bytes tells.
#[derive(Debug, Clone, Copy)]
pub(super) struct Survey {
    /// Opening braces and brackets, strings included: an upper bound of the depth.
    pub(super) openings: usize,
    /// No backslash and no control character.
    pub(super) is_plain: bool,
}

impl Survey {
    pub(super) fn of(text: &[u8]) -> Self {
        let (mut openings, mut odd) = (0usize, 0u8);
        // Short chunks, so that the counts fit a byte and the loop becomes vector instructions.
        for chunk in text.chunks(128) {
            let mut count = 0u8;
            for &byte in chunk {
                count = count.wrapping_add(u8::from(byte | 0x20 == b'{'));
                odd |= u8::from(byte < 0x20) | u8::from(byte == b'\\');
            }
            openings += usize::from(count);
        }
        Survey { openings, is_plain: odd == 0 }
    }
}

/// Walks a plain text that is one object; `None` when something is odd, with the walk half done.
pub(super) fn walk_plain<'a>(text: &'a str, walk: &mut Walk<'_, 'a>) -> Option<()> {
    if !text.starts_with('{') {
        return None;
    }
    walk.reading.marks.is_object = true;
    let mut scan = Scan { text, bytes: text.as_bytes(), at: 0, walk };
    scan.object(0, false)?;
    (scan.at == text.len()).then_some(())
}

struct Scan<'w, 'p, 'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    walk: &'w mut Walk<'p, 'a>,
}

impl<'a> Scan<'_, '_, 'a> {
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
        let start = self.at + 1;
        let end = next_quote(self.bytes, start)?;
        self.at = end + 1;
        Some((start, end))
    }

    /// Takes a member's name and its colon.
    #[inline]
    fn name(&mut self) -> Option<&'a [u8]> {
        if self.peek()? != b'"' {
            return None;
        }
        let (start, end) = self.string()?;
        (self.take()? == b':').then_some(())?;
        self.bytes.get(start..end)
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
        self.at += usize::from(is_empty);
        Some(is_empty)
    }

    fn object(&mut self, node: NodeId, in_list: bool) -> Option<()> {
        let mut seen = Seen::default();
        if self.is_empty(b'}')? {
            return Some(());
        }
        loop {
            let name = self.name()?;
            match self.walk.child(node, name) {
                Some((place, _)) if seen.again(place) => return None,
                Some((_, child)) if self.walk.is_wanted(child) => self.value(child, in_list)?,
                _ => self.skip()?,
            }
            if self.is_closed(b'}')? {
                return Some(());
            }
        }
    }

    fn value(&mut self, node: NodeId, in_list: bool) -> Option<()> {
        let value = match self.peek()? {
            b'"' => {
                let (start, end) = self.string()?;
                Value::Text(Cow::Borrowed(self.text.get(start..end)?))
            }
            b'{' => return self.inner_object(node, in_list),
            b'[' => {
                self.walk.begin_list(node, in_list);
                if self.is_empty(b']')? {
                    return Some(());
                }
                loop {
                    self.value(node, true)?;
                    if self.is_closed(b']')? {
                        return Some(());
                    }
                }
            }
            b'n' => self.word(b"null").map(|()| Value::Null)?,
            b't' => self.word(b"true").map(|()| Value::Bool(true))?,
            b'f' => self.word(b"false").map(|()| Value::Bool(false))?,
            _ => Value::Number(self.number()?),
        };
        self.walk.put(node, in_list, value);
        Some(())
    }

    fn inner_object(&mut self, node: NodeId, in_list: bool) -> Option<()> {
        if self.walk.projection.node(node)?.slot == NO_SLOT {
            self.walk.begin_object(node);
            return self.object(node, in_list);
        }
        let start = self.at;
        self.skip()?;
        let tree: Tree<'a> = serde_json::from_str(self.text.get(start..self.at)?).ok()?;
        self.walk.tree(node, in_list, &tree);
        Some(())
    }

    /// Takes a value that nobody wants. Recursion is bounded by the survey's count of openings.
    fn skip(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.string().map(|_| ()),
            b'{' => {
                if self.is_empty(b'}')? {
                    return Some(());
                }
                loop {
                    self.name()?;
                    self.skip()?;
                    if self.is_closed(b'}')? {
                        return Some(());
                    }
                }
            }
            b'[' => {
                if self.is_empty(b']')? {
                    return Some(());
                }
                loop {
                    self.skip()?;
                    if self.is_closed(b']')? {
                        return Some(());
                    }
                }
            }
            b'n' => self.word(b"null"),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            _ => self.number_text().map(|_| ()),
        }
    }

    #[inline]
    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.bytes.get(self.at..)?.starts_with(word).then(|| self.at += word.len())
    }

    /// Takes a number by JSON's grammar; gives its text and whether it is an integer.
    fn number_text(&mut self) -> Option<(&'a str, bool)> {
        let start = self.at;
        if self.bytes.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        let first = self.bytes.get(self.at);
        let digits = self.digits()?;
        if first == Some(&b'0') && digits > 1 {
            return None;
        }
        let mut is_integer = true;
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
            is_integer = false;
        }
        if matches!(self.bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.bytes.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
            is_integer = false;
        }
        Some((self.text.get(start..self.at)?, is_integer))
    }

    /// Takes at least one digit and counts them.
    #[inline]
    fn digits(&mut self) -> Option<usize> {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        (self.at > start).then_some(self.at - start)
    }

    fn number(&mut self) -> Option<Number> {
        let (text, is_integer) = self.number_text()?;
        if is_integer && text != "-0" {
            if let Ok(number) = text.parse::<u64>() {
                return Some(Number::Unsigned(number));
            }
            if let Ok(number) = text.parse::<i64>() {
                return Some(number.into());
            }
        }
        // What overflows a double is an error in JSON parsers; they say so.
        text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Number::from)
    }
}

/// The index of the next quote from `at` on.
#[inline]
fn next_quote(bytes: &[u8], mut at: usize) -> Option<usize> {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = u64::from_le_bytes([0x80; 8]);
    const QUOTES: u64 = u64::from_le_bytes([b'"'; 8]);
    // Long strings are left to memchr, whose call costs more than four words do.
    let long = at + 32;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        // A byte that equals the quote becomes zero; of the zero bytes the lowest is found exactly.
        let zeros = u64::from_le_bytes(*chunk) ^ QUOTES;
        let found = zeros.wrapping_sub(ONES) & !zeros & HIGH;
        if found != 0 {
            return Some(at + (found.trailing_zeros() / 8) as usize);
        }
        at += 8;
        if at >= long {
            break;
        }
    }
    memchr::memchr(b'"', bytes.get(at..)?).map(|found| at + found)
}
