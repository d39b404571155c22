//! Cuts a JSON text that is already checked into the raw texts of its members.
//!
//! A container's entries are handed on as slices of the input, so that an event's `raw` is what the
//! source wrote. Not a parser: on text that is no JSON it cuts somewhere, but never panics, never runs
//! in circles and never recurses.

use memchr::memchr2;
use std::borrow::Cow;

/// The greatest nesting of braces and brackets outside of strings.
pub(super) fn depth(text: &[u8]) -> usize {
    let (mut depth, mut deepest, mut at) = (0usize, 0usize, 0usize);
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => at = string_end(text, at),
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
                at += 1;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            _ => at += 1,
        }
    }
    deepest
}

/// The index after the string that begins at `at`.
fn string_end(text: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while let Some(found) = text.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += found;
        if text.get(at) == Some(&b'"') {
            return at + 1;
        }
        at += 2;
    }
    text.len()
}

/// The index after the value that begins at `at`.
fn value_end(text: &[u8], mut at: usize) -> usize {
    let mut depth = 0usize;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => {
                at = string_end(text, at);
                if depth == 0 {
                    return at;
                }
                continue;
            }
            b'}' | b']' | b',' | b' ' | b'\n' | b'\r' | b'\t' if depth == 0 => return at,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    text.len()
}

fn skip(text: &[u8], mut at: usize, also: u8) -> usize {
    while text
        .get(at)
        .is_some_and(|&byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t') || byte == also)
    {
        at += 1;
    }
    at
}

/// The raw texts of an array's elements.
pub(super) fn elements(array: &str) -> impl Iterator<Item = &str> {
    let text = array.as_bytes();
    let mut at = skip(text, 0, b' ');
    at = if text.get(at) == Some(&b'[') { at + 1 } else { text.len() };
    std::iter::from_fn(move || {
        at = skip(text, at, b',');
        if matches!(text.get(at), None | Some(b']')) {
            return None;
        }
        let start = at;
        // At least one byte, so that text that is no JSON cannot stop the walk.
        at = value_end(text, at).max(start + 1);
        array.get(start..at)
    })
}

/// The names and raw texts of an object's members, in order, repeated names included.
pub(super) fn members(object: &str) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
    let text = object.as_bytes();
    let mut at = skip(text, 0, b' ');
    at = if text.get(at) == Some(&b'{') { at + 1 } else { text.len() };
    std::iter::from_fn(move || {
        at = skip(text, at, b',');
        if text.get(at) != Some(&b'"') {
            return None;
        }
        let name_end = string_end(text, at);
        let name = string(object.get(at..name_end)?)?;
        let start = skip(text, name_end, b':');
        at = value_end(text, start).max(start + 1);
        Some((name, object.get(start..at)?))
    })
}

/// The text of a raw JSON string; `None` for any other value.
pub(super) fn string(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str::<String>(raw).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn members_and_elements_are_slices_of_the_text() {
        let text = r#" { "a" : 1 , "b\u0041":"x,}\"" ,"c":[1,{"d":"]"}], "e":{} } "#;

        let found: Vec<_> = members(text).map(|(name, raw)| (name.into_owned(), raw)).collect();

        let expected = [("a", "1"), ("bA", r#""x,}\"""#), ("c", r#"[1,{"d":"]"}]"#), ("e", "{}")];
        assert_eq!(found.iter().map(|(n, r)| (n.as_str(), *r)).collect::<Vec<_>>(), expected);
        assert_eq!(
            elements(r#"[1, "a,b",[2],{"x":[]} ]"#).collect::<Vec<_>>(),
            ["1", "\"a,b\"", "[2]", "{\"x\":[]}"]
        );
        assert_eq!(elements("[]").count(), 0);
        assert_eq!(members("{}").count(), 0);
    }

    #[test]
    fn depth_counts_outside_of_strings() {
        assert_eq!(depth(br#"{"a":["[[[[",{"b":"\"{{{"}]}"#), 3);
        assert_eq!(depth(b""), 0);
    }

    proptest! {
        #[test]
        fn any_text_is_cut_without_a_panic(text in "[\\[\\]{}\",:\\\\ a1é]{0,60}") {
            depth(text.as_bytes());
            elements(&text).count();
            members(&text).count();
        }
    }
}
