//! Text and sets of texts that are compared without regard to case, without allocating.
//!
//! A text of ASCII letters ignores the case of ASCII letters; a text with others compares by the
//! Unicode lower case of each character. So the common case is a byte comparison.

use hashbrown::HashTable;

/// One text to compare with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CaselessText {
    lowered: Box<str>,
    is_ascii: bool,
}

impl CaselessText {
    /// Takes a text in any case.
    #[must_use]
    pub(super) fn new(text: &str) -> Self {
        let lowered = text.to_lowercase().into_boxed_str();
        Self { is_ascii: lowered.is_ascii(), lowered }
    }

    /// The text in lower case.
    #[must_use]
    pub(super) fn as_lowered(&self) -> &str {
        &self.lowered
    }

    /// Whether `text` is the same but for case.
    #[must_use]
    pub(super) fn is(&self, text: &str) -> bool {
        if self.is_ascii {
            return self.lowered.eq_ignore_ascii_case(text);
        }
        let lowered = text.chars().flat_map(char::to_lowercase);
        lowered.eq(self.lowered.chars())
    }

    /// Whether `text` starts with it but for case.
    #[must_use]
    pub(super) fn starts(&self, text: &str) -> bool {
        text.as_bytes()
            .get(..self.lowered.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(self.lowered.as_bytes()))
    }

    /// Whether `text` ends with it but for case.
    #[must_use]
    pub(super) fn ends(&self, text: &str) -> bool {
        let start = text.len().checked_sub(self.lowered.len());
        start
            .and_then(|start| text.as_bytes().get(start..))
            .is_some_and(|end| end.eq_ignore_ascii_case(self.lowered.as_bytes()))
    }
}

/// Whether two texts are the same but for case, by the rule of [`CaselessText`].
#[must_use]
pub(super) fn are_equal(one: &str, other: &str) -> bool {
    if one.is_ascii() || other.is_ascii() {
        return one.eq_ignore_ascii_case(other);
    }
    let lowered = |text: &str| text.chars().flat_map(char::to_lowercase).collect::<String>();
    lowered(one) == lowered(other)
}

/// Many texts of ASCII characters to compare with.
///
/// Cost: one hash over the text and one comparison, however many members there are. Bad case:
/// none that a text can choose, since the members are fixed.
#[derive(Debug, Clone)]
pub(super) struct CaselessSet {
    members: HashTable<Box<str>>,
    bytes_max: usize,
}

impl CaselessSet {
    /// Takes ASCII texts in any case; others would never be found.
    #[must_use]
    pub(super) fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut set = Self { members: HashTable::new(), bytes_max: 0 };
        for text in texts {
            let hash = hash_lowered(text);
            if set.members.find(hash, |member| member.eq_ignore_ascii_case(text)).is_none() {
                set.bytes_max = set.bytes_max.max(text.len());
                let lowered = text.to_ascii_lowercase().into_boxed_str();
                set.members.insert_unique(hash, lowered, |member| hash_lowered(member));
            }
        }
        set
    }

    /// Whether some member is `text` but for case.
    #[must_use]
    pub(super) fn contains(&self, text: &str) -> bool {
        text.len() <= self.bytes_max
            && self
                .members
                .find(hash_lowered(text), |member| member.eq_ignore_ascii_case(text))
                .is_some()
    }

    /// The members in lower case, in no order that means anything.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(AsRef::as_ref)
    }
}

/// A hash of the bytes that is the same in either case of ASCII letters: eight at a time, each with the
/// bit that makes letters small. Texts that differ in this bit alone (`[` and `{`) meet; members are few.
pub(super) fn hash_lowered(text: &str) -> u64 {
    const SMALL: u64 = u64::from_le_bytes([0x20; 8]);
    let bytes = text.as_bytes();
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ (bytes.len() as u64);
    let mut mix = |word: u64| {
        hash = (hash ^ (word | SMALL)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash ^= hash >> 32;
    };
    let (words, _) = bytes.as_chunks::<8>();
    for word in words {
        mix(u64::from_le_bytes(*word));
    }
    match bytes.last_chunk::<8>() {
        // The end once more, with what overlaps.
        Some(last) => mix(u64::from_le_bytes(*last)),
        None => {
            let short = bytes.iter().rev().fold(0, |word, &byte| (word << 8) | u64::from(byte));
            mix(short);
        }
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_ignored_in_texts_and_sets() {
        let set = CaselessSet::new(["GetObject", "PutObject", "getobject"]);

        assert_eq!(set.iter().count(), 2);
        assert!(set.contains("GETOBJECT") && set.contains("putobject"));
        assert!(!set.contains("GetObjects") && !set.contains(""));
        for len in 0..40 {
            let text = "aZ[9é".chars().cycle().take(len).collect::<String>();
            assert_eq!(hash_lowered(&text), hash_lowered(&text.to_ascii_lowercase()));
        }
        assert!(CaselessText::new("Ärger").is("äRGER"));
        assert!(CaselessText::new("Get").starts("getObject"));
        assert!(CaselessText::new("JECT").ends("getObject"));
        assert!(!CaselessText::new("JECT").ends("ct"));
    }
}
