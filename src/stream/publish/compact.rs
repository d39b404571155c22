//! JSON text without the blanks between its tokens; nothing else is touched.

/// Replaces `out` by `raw` without blanks outside of texts: numbers, escapes and the order of
/// members stay byte for byte as they were written.
pub fn compact_json(raw: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let (mut in_text, mut escaped) = (false, false);
    for &byte in raw {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b' ' | b'\t' | b'\n' | b'\r' if !in_text => continue,
            _ => {}
        }
        out.push(byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_go_and_texts_and_numbers_stay() {
        let raw = b"{ \"a b\" :\t[1.50 ,\r\n 2e3],\n\"c\\\" d\": \"\\\\\" , \"e\":\" \" }";
        let mut out = b"old".to_vec();

        compact_json(raw, &mut out);

        let expected = br#"{"a b":[1.50,2e3],"c\" d":"\\","e":" "}"#;
        assert_eq!(out, expected);
    }
}
