//! A record's whole text, for keywords: the JSON as it came, with its escapes undone.
//!
//! Names of members are part of it: Sigma applies keywords to the full log message. Undoing escapes
//! needs a copy, but few records have any, and few rules ask.

use std::borrow::Cow;

/// The text that keywords are searched in.
pub(super) fn of(raw: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(raw);
    if memchr::memchr(b'\\', raw).is_none() {
        return text;
    }
    Cow::Owned(unescaped(&text))
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let mut chars = after.chars();
        let plain = match chars.next() {
            Some('u') => {
                rest = hexadecimal(after, &mut out);
                continue;
            }
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some(other) => other,
            None => '\\',
        };
        out.push(plain);
        rest = chars.as_str();
    }
    out.push_str(rest);
    out
}

/// Appends what `u….` stands for, two of them where they make one character; gives what follows.
fn hexadecimal<'t>(text: &'t str, out: &mut String) -> &'t str {
    let unit = |text: &'t str| {
        let digits = text.strip_prefix('u')?.get(..4)?;
        Some((u16::from_str_radix(digits, 16).ok()?, text.get(5..)?))
    };
    let Some((first, rest)) = unit(text) else {
        // No escape of JSON: such a record is refused before rules see it.
        out.push('\\');
        return text;
    };
    let second = rest.strip_prefix('\\').and_then(unit);
    if let Some((second, after)) = second
        && let Ok(pair) = String::from_utf16(&[first, second])
        && (0xd800..0xdc00).contains(&first)
    {
        out.push_str(&pair);
        return after;
    }
    out.push(char::from_u32(first.into()).unwrap_or(char::REPLACEMENT_CHARACTER));
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_what_a_json_parser_makes_of_them() {
        for text in ["plain", "a\"b\\c/d", "é\n\t\u{8}\u{c}\r", "😀 x", "\u{7f}\u{1}"] {
            let plain = serde_json::to_string(text).unwrap();
            let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
            let written_out = format!("\"{}\"", units.collect::<String>());
            for json in [plain, written_out] {
                assert_eq!(of(json.as_bytes()), format!("\"{text}\""), "{json}");
            }
        }
        assert!(matches!(of(b"{\"a\":1}"), Cow::Borrowed(_)));
    }

    #[test]
    fn what_is_no_escape_does_no_harm() {
        for text in ["\\", "\\u", "\\u12", "\\ud800", "\\ud800\\u", "\\ud800\\u0041", "\\uzzzz é"]
        {
            assert!(!of(text.as_bytes()).is_empty(), "{text}");
        }
    }
}
