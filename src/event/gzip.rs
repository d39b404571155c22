//! Unwraps compressed bytes, with a bound on what they may become (sources.md §3.1 rows 1 and 2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::bufread::MultiGzDecoder;
use std::io::Read;

/// Why compressed bytes could not be unwrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InflateError {
    /// Not gzip after all, cut off, or a checksum differs.
    Broken,
    /// More bytes than allowed would come out.
    TooLarge,
}

/// Whether the bytes start as gzip does.
pub(super) fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

/// Inflates one or several concatenated members, at most `max_bytes` in all.
///
/// Memory grows with what comes out, not with what the header promises.
pub(super) fn inflate(bytes: &[u8], max_bytes: usize) -> Result<Vec<u8>, InflateError> {
    let mut out = Vec::with_capacity(bytes.len().saturating_mul(4).min(max_bytes));
    let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX).saturating_add(1);
    MultiGzDecoder::new(bytes)
        .take(limit)
        .read_to_end(&mut out)
        .map_err(|_| InflateError::Broken)?;
    if out.len() > max_bytes { Err(InflateError::TooLarge) } else { Ok(out) }
}

/// The gzip bytes inside a base64 text, `None` when the text is something else.
///
/// `H4sI` is what the first three bytes of every usual gzip stream become.
pub(super) fn base64_gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let bytes = bytes.trim_ascii();
    if !bytes.starts_with(b"H4sI") {
        return None;
    }
    // Some shippers wrap base64 at 76 columns.
    let is_break = |byte: &u8| matches!(byte, b'\n' | b'\r');
    if bytes.iter().any(is_break) {
        let joined: Vec<u8> = bytes.iter().copied().filter(|byte| !is_break(byte)).collect();
        return STANDARD.decode(joined).ok();
    }
    STANDARD.decode(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).expect("into memory");
        encoder.finish().expect("into memory")
    }

    #[test]
    fn concatenated_members_are_one_text() {
        let both = [gzip(b"one "), gzip(b"two")].concat();

        assert_eq!(inflate(&both, 100), Ok(b"one two".to_vec()));
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let bomb = gzip(&vec![0; 1 << 20]);

        assert_eq!(inflate(&bomb, (1 << 20) - 1), Err(InflateError::TooLarge));
        assert_eq!(inflate(&bomb, 1 << 20).map(|out| out.len()), Ok(1 << 20));
    }

    #[test]
    fn a_cut_or_changed_stream_is_broken() {
        let whole = gzip(b"some text that is long enough");
        let mut changed = whole.clone();
        let last = changed.len() - 5;
        changed[last] ^= 1;

        assert_eq!(inflate(&whole[..whole.len() - 3], 100), Err(InflateError::Broken));
        assert_eq!(inflate(&changed, 100), Err(InflateError::Broken));
        assert_eq!(inflate(&[whole, b"tail".to_vec()].concat(), 100), Err(InflateError::Broken));
    }

    #[test]
    fn base64_is_read_with_and_without_line_breaks() {
        let packed = gzip(b"text");
        let text = STANDARD.encode(&packed);
        let broken = format!("{}\n{}\n", &text[..8], &text[8..]);

        assert_eq!(base64_gzip(text.as_bytes()), Some(packed.clone()));
        assert_eq!(base64_gzip(broken.as_bytes()), Some(packed));
        assert_eq!(base64_gzip(b"H4sI and words"), None);
        assert_eq!(base64_gzip(b"{}"), None);
    }
}
