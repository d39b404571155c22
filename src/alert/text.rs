//! Untrusted text made visible and short, before it reaches an alert, a terminal or a log.
//!
//! Object keys, user agents, session names and error messages are chosen by the adversary. Characters
//! that act on a terminal or reorder what a person reads become their visible name (alerts.md §8).
//! Identities and grouping never pass through here: they use the text as it was written.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt::Write;

/// Ends every text that was cut.
const MARK: &str = "…";

/// Caps in bytes of UTF-8 (alerts.md §7).
pub(super) mod cap {
    /// `message` and title.
    pub(in crate::alert) const TITLE: usize = 512;
    /// `desc` and `remediation.desc`.
    pub(in crate::alert) const PROSE: usize = 2048;
    /// An object key.
    pub(in crate::alert) const KEY: usize = 1024;
    /// ARN, principal, session name, group value.
    pub(in crate::alert) const ARN: usize = 512;
    /// Everything else, a user agent among it.
    pub(in crate::alert) const TEXT: usize = 256;
    /// A member name that a rule chose.
    pub(in crate::alert) const NAME: usize = 128;
}

/// `text` with everything invisible or reordering written out (`<U+202E>`), cut to `cap` bytes.
///
/// Replaced are control characters, line breaks among them, bidirectional controls, the zero-width
/// space, the byte order mark and Unicode's line and paragraph separators. A cut ends in `…` and
/// never splits a character or a written-out one. Applying it twice changes nothing more.
///
/// ```
/// assert_eq!(tidegate::alert::visible("a\u{202E}b\n", 64), "a<U+202E>b<U+000A>");
/// assert_eq!(tidegate::alert::visible("abcdefgh", 6), "abc…");
/// ```
#[must_use]
pub fn visible(text: &str, cap: usize) -> Cow<'_, str> {
    neutralise(text, cap, is_hostile)
}

/// Whether [`visible`] would write the character out.
pub(super) fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061C}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}' | '\u{2029}')
        || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

fn neutralise(text: &str, cap: usize, hostile: fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(hostile) && text.len() <= cap {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len().min(cap) + MARK.len());
    // The last length after which the mark still fits.
    let mut fits = 0;
    for c in text.chars() {
        if hostile(c) {
            // Writing to a String cannot fail.
            let _ = write!(out, "<U+{:04X}>", u32::from(c));
        } else {
            out.push(c);
        }
        if out.len() > cap {
            out.truncate(fits);
            out.push_str(if cap < MARK.len() { "" } else { MARK });
            return Cow::Owned(out);
        }
        if out.len() + MARK.len() <= cap {
            fits = out.len();
        }
    }
    Cow::Owned(out)
}

/// Cuts a text that is already visible to a smaller cap.
pub(super) fn shorten(text: &mut String, cap: usize) {
    if text.len() > cap {
        let mut end = cap.saturating_sub(MARK.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push_str(MARK);
    }
}

/// Cleans the texts of one alert and remembers whether anything had to be written out.
#[derive(Debug, Default)]
pub(super) struct Cleaner {
    replaced: Cell<bool>,
}

impl Cleaner {
    /// A text for one line.
    pub(super) fn text(&self, text: &str, cap: usize) -> String {
        self.note(text, is_hostile);
        neutralise(text, cap, is_hostile).into_owned()
    }

    /// A text for one line, `None` when there is nothing to say.
    pub(super) fn some(&self, text: &str, cap: usize) -> Option<String> {
        Some(self.text(text, cap)).filter(|text| !text.is_empty())
    }

    /// A rule author's text of several lines: line breaks and tabs stay.
    pub(super) fn prose(&self, text: &str, cap: usize) -> Option<String> {
        let hostile = |c: char| is_hostile(c) && !matches!(c, '\n' | '\t');
        let text = text.trim();
        self.note(text, hostile);
        Some(neutralise(text, cap, hostile).into_owned()).filter(|text| !text.is_empty())
    }

    /// `alert_context.sanitized`
    pub(super) fn has_replaced(&self) -> bool {
        self.replaced.get()
    }

    fn note(&self, text: &str, hostile: fn(char) -> bool) {
        if text.contains(hostile) {
            self.replaced.set(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_act_or_reorder_are_written_out() {
        let hostile = "\u{1b}[2Ja\u{202e}\u{2066}\u{200b}\u{feff}\u{85}\u{7f}\r\n\u{61c}";
        assert_eq!(
            visible(hostile, 512),
            "<U+001B>[2Ja<U+202E><U+2066><U+200B><U+FEFF><U+0085><U+007F><U+000D><U+000A><U+061C>"
        );
    }

    #[test]
    fn ordinary_text_of_any_script_is_borrowed_unchanged() {
        for text in ["", "data/model1.bin", "日本語 é 🦀", "عربي", "<script>&\"'"] {
            assert!(matches!(visible(text, 64), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn a_cut_ends_in_the_mark_within_the_cap_and_splits_nothing() {
        assert_eq!(visible("ééééé", 8), "éé…");
        assert_eq!(visible("ab\u{202e}cd", 8), "ab…");
        assert_eq!(visible("abcdefgh", 8), "abcdefgh");
        for cap in 0..40 {
            let text = visible("a\u{202e}é🦀bbbbbbbbbbbbbbb\u{1}ccc", cap);
            assert!(text.len() <= cap, "{text:?} at {cap}");
            assert_eq!(visible(&text, cap), text);
        }
    }

    #[test]
    fn a_cleaner_remembers_replacements_but_not_cuts() {
        let cleaner = Cleaner::default();
        assert_eq!(cleaner.text("abcdefgh", 6), "abc…");
        assert_eq!(cleaner.prose("one\ntwo\t3", 64).as_deref(), Some("one\ntwo\t3"));
        assert!(!cleaner.has_replaced());
        cleaner.text("a\u{202e}", 64);
        assert!(cleaner.has_replaced());
    }

    #[test]
    fn a_shortened_text_keeps_whole_characters() {
        let mut text = "éééééé".to_owned();
        shorten(&mut text, 8);
        assert_eq!(text, "éé…");
    }
}
