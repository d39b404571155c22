//! Text and sets of texts that are compared without regard to case, without allocating.
//!
//! A text of ASCII letters ignores the case of ASCII letters; a text with others compares by the
//! Unicode lower case of each character. So the common case is a byte comparison.

use hashbrown::HashTable;

/// One text to compare with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CaselessText(Box<str>);

impl CaselessText {
    /// Takes a text in any case.
    #[must_use]
    pub(super) fn new(text: &str) -> Self {
        Self(text.to_lowercase().into())
    }

    /// The text in lower case.
    #[must_use]
    pub(super) fn as_lowered(&self) -> &str {
        &self.0
    }

    /// Whether `text` is the same but for case.
    #[must_use]
    pub(super) fn is(&self, text: &str) -> bool {
        if self.0.is_ascii() {
            return self.0.eq_ignore_ascii_case(text);
        }
        let lowered = text.chars().flat_map(char::to_lowercase);
        lowered.eq(self.0.chars())
    }

    /// Whether `text` starts with it but for case.
    #[must_use]
    pub(super) fn starts(&self, text: &str) -> bool {
        text.as_bytes()
            .get(..self.0.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(self.0.as_bytes()))
    }

    /// Whether `text` ends with it but for case.
    #[must_use]
    pub(super) fn ends(&self, text: &str) -> bool {
        let start = text.len().checked_sub(self.0.len());
        start
            .and_then(|start| text.as_bytes().get(start..))
            .is_some_and(|end| end.eq_ignore_ascii_case(self.0.as_bytes()))
    }
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

/// FNV-1a over the lower-case bytes, with a last mix because the table looks at the high bits too.
pub(super) fn hash_lowered(text: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3);
    }
    (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
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
        assert!(CaselessText::new("Ärger").is("äRGER"));
        assert!(CaselessText::new("Get").starts("getObject"));
        assert!(CaselessText::new("JECT").ends("getObject"));
        assert!(!CaselessText::new("JECT").ends("ct"));
    }
}
