//! Modifiers that change a value before it is compared: `windash`, UTF-16 and Base64.
//!
//! Between two encodings a value is bytes, because UTF-16 need not be text; what comes out at the end
//! has to be, since it is compared with text.

use super::pattern::{Pattern, Piece};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// One change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// A dash before a word may be any character that Windows takes for one.
    Windash,
    Utf16Le,
    Utf16Be,
    /// Little-endian behind a byte order mark.
    Utf16,
    Base64,
    /// What Base64 makes of the text wherever it stands in a longer one.
    Base64Offset,
}

/// What is wrong with a value, and what would be right.
pub(super) type Wrong = (String, Option<String>);

/// What Windows programs take for the dash before an option.
const DASHES: [char; 5] = ['-', '/', '\u{2013}', '\u{2014}', '\u{2015}'];
/// Each dash multiplies the texts by five.
const DASHES_MAX: usize = 3;

/// A piece of a value while it is encoded.
#[derive(Debug, Clone)]
enum Coded {
    Bytes(Vec<u8>),
    Wildcard(Piece),
}

/// The texts that `pattern` stands for once it has gone through `encodings`.
pub(super) fn encoded(pattern: Pattern, encodings: &[Encoding]) -> Result<Vec<Pattern>, Wrong> {
    let (patterns, rest) = match encodings.split_first() {
        None => return Ok(vec![pattern]),
        Some((Encoding::Windash, rest)) => (with_dashes(&pattern)?, rest),
        Some(_) => (vec![pattern], encodings),
    };
    if rest.is_empty() {
        return Ok(patterns);
    }
    let mut out = Vec::new();
    for pattern in patterns {
        let mut coded = vec![coded(pattern)];
        for encoding in rest {
            let mut next = Vec::new();
            for value in coded {
                next.extend(apply(*encoding, value)?);
            }
            coded = next;
        }
        for value in coded {
            out.push(text_of(value)?);
        }
    }
    Ok(out)
}

/// The pattern with every choice of character for the dashes in it.
fn with_dashes(pattern: &Pattern) -> Result<Vec<Pattern>, Wrong> {
    let mut texts = vec![Pattern::default()];
    let mut dashes = 0;
    for piece in &pattern.pieces {
        let Piece::Literal(text) = piece else {
            for known in &mut texts {
                known.pieces.push(piece.clone());
            }
            continue;
        };
        let mut before = None;
        let mut chars = text.chars().peekable();
        while let Some(char) = chars.next() {
            let is_option = DASHES.contains(&char)
                && !before.is_some_and(is_word)
                && chars.peek().is_some_and(|next| is_word(*next));
            before = Some(char);
            if !is_option {
                for known in &mut texts {
                    known.push(char);
                }
                continue;
            }
            dashes += 1;
            if dashes > DASHES_MAX {
                let what = format!("\"windash\" changes at most {DASHES_MAX} dashes of a text");
                return Err((what, Some("look for its parts with contains|all".into())));
            }
            texts = texts.iter().flat_map(|known| DASHES.map(|dash| known.with(dash))).collect();
        }
    }
    Ok(texts)
}

fn is_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

fn coded(pattern: Pattern) -> Vec<Coded> {
    let pieces = pattern.pieces.into_iter().map(|piece| match piece {
        Piece::Literal(text) => Coded::Bytes(text.into_bytes()),
        wildcard => Coded::Wildcard(wildcard),
    });
    pieces.collect()
}

fn apply(encoding: Encoding, value: Vec<Coded>) -> Result<Vec<Vec<Coded>>, Wrong> {
    match encoding {
        // Only at the very beginning, which `encoded` has taken.
        Encoding::Windash => Ok(vec![value]),
        Encoding::Utf16Le => Ok(vec![utf16(value, u16::to_le_bytes)?]),
        Encoding::Utf16Be => Ok(vec![utf16(value, u16::to_be_bytes)?]),
        Encoding::Utf16 => {
            let mut value = utf16(value, u16::to_le_bytes)?;
            match value.first_mut() {
                Some(Coded::Bytes(bytes)) => {
                    bytes.splice(0..0, [0xff, 0xfe]);
                }
                _ => value.insert(0, Coded::Bytes(vec![0xff, 0xfe])),
            }
            Ok(vec![value])
        }
        Encoding::Base64 => Ok(vec![vec![Coded::Bytes(STANDARD.encode(whole(&value)?).into())]]),
        Encoding::Base64Offset => offsets(&whole(&value)?),
    }
}

fn utf16(value: Vec<Coded>, bytes_of: fn(u16) -> [u8; 2]) -> Result<Vec<Coded>, Wrong> {
    let pieces = value.into_iter().map(|piece| match piece {
        Coded::Bytes(bytes) => {
            let text = String::from_utf8(bytes).map_err(|_| no_text())?;
            Ok(Coded::Bytes(text.encode_utf16().flat_map(bytes_of).collect()))
        }
        wildcard @ Coded::Wildcard(_) => Ok(wildcard),
    });
    pieces.collect()
}

/// The bytes of a value without wildcards.
fn whole(value: &[Coded]) -> Result<Vec<u8>, Wrong> {
    let mut all = Vec::new();
    for piece in value {
        match piece {
            Coded::Bytes(bytes) => all.extend_from_slice(bytes),
            Coded::Wildcard(_) => {
                let what = "a text with wildcards has no Base64".to_owned();
                return Err((what, Some(r"\* and \? are the characters themselves".into())));
            }
        }
    }
    Ok(all)
}

/// For each of the three places that the first byte can have in a group of three: the characters that
/// depend on nothing but the text.
fn offsets(bytes: &[u8]) -> Result<Vec<Vec<Coded>>, Wrong> {
    let mut all = Vec::new();
    for before in 0..3 {
        let padded = [vec![0; before], bytes.to_vec()].concat();
        // Six bits are a character: the first whole one, and the one after the last whole one.
        let start = (before * 8).div_ceil(6);
        let end = padded.len() * 8 / 6;
        let text = STANDARD.encode(&padded);
        match text.get(start..end).filter(|part| !part.is_empty()) {
            Some(part) => all.push(vec![Coded::Bytes(part.as_bytes().to_vec())]),
            None => {
                let what = "this text is too short to be found inside Base64".to_owned();
                return Err((what, Some("at least two characters".into())));
            }
        }
    }
    Ok(all)
}

fn text_of(value: Vec<Coded>) -> Result<Pattern, Wrong> {
    let pieces = value.into_iter().map(|piece| match piece {
        Coded::Bytes(bytes) => String::from_utf8(bytes).map(Piece::Literal).map_err(|_| no_text()),
        Coded::Wildcard(wildcard) => Ok(wildcard),
    });
    Ok(Pattern { pieces: pieces.collect::<Result<_, _>>()? })
}

fn no_text() -> Wrong {
    let what = "this encoding of the value is no text, and fields hold text".to_owned();
    (what, Some("go on with base64 or base64offset".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(value: &str, encodings: &[Encoding]) -> Vec<String> {
        let patterns = encoded(Pattern::parse(value), encodings).unwrap();
        patterns.iter().map(|pattern| pattern.as_literal().unwrap().to_owned()).collect()
    }

    #[test]
    fn base64_and_its_three_offsets() {
        // From coreutils: printf %s … | base64, cut by hand where a neighbour has a say.
        assert_eq!(texts("foobar", &[Encoding::Base64]), ["Zm9vYmFy"]);
        assert_eq!(texts("foobar", &[Encoding::Base64Offset]), ["Zm9vYmFy", "Zvb2Jhc", "mb29iYX"]);
        assert_eq!(texts("ab", &[Encoding::Base64Offset]), ["YW", "Fi", "hY"]);
    }

    #[test]
    fn every_place_in_a_longer_text_is_found_by_some_offset() {
        let parts = texts("secret", &[Encoding::Base64Offset]);
        for before in ["", "x", "xy", "xyz"] {
            for after in ["", "1", "12", "123"] {
                let whole = STANDARD.encode(format!("{before}secret{after}"));
                assert!(parts.iter().any(|part| whole.contains(part.as_str())), "{whole}");
            }
        }
    }

    #[test]
    fn utf16_is_bytes_until_base64_makes_it_text() {
        assert_eq!(texts("ab", &[Encoding::Utf16Le]), ["a\0b\0"]);
        assert_eq!(texts("ab", &[Encoding::Utf16Be]), ["\0a\0b"]);
        assert_eq!(texts("ab", &[Encoding::Utf16Le, Encoding::Base64]), ["YQBiAA=="]);
        assert_eq!(texts("ab", &[Encoding::Utf16Be, Encoding::Base64]), ["AGEAYg=="]);
        assert_eq!(texts("ab", &[Encoding::Utf16, Encoding::Base64]), ["//5hAGIA"]);
        assert_eq!(texts("é", &[Encoding::Utf16Le, Encoding::Base64]), ["6QA="]);
        for (value, encodings) in [
            ("ab", &[Encoding::Utf16][..]),
            ("é", &[Encoding::Utf16Le]),
            ("a*", &[Encoding::Base64]),
            ("a", &[Encoding::Base64Offset]),
        ] {
            assert!(encoded(Pattern::parse(value), encodings).is_err(), "{value} {encodings:?}");
        }
    }

    #[test]
    fn a_dash_before_a_word_is_any_dash_and_one_inside_is_itself() {
        let found = texts("cmd -enc a-b", &[Encoding::Windash]);

        assert_eq!(found.len(), 5);
        for dash in DASHES {
            assert!(found.contains(&format!("cmd {dash}enc a-b")), "{dash}");
        }
        assert_eq!(texts("-a /b", &[Encoding::Windash]).len(), 25);
        assert_eq!(texts("a - b-", &[Encoding::Windash]), ["a - b-"]);
        assert!(encoded(Pattern::parse("-a -b -c -d"), &[Encoding::Windash]).is_err());
        assert_eq!(encoded(Pattern::parse("*-a*"), &[Encoding::Windash]).unwrap().len(), 5);
    }
}
