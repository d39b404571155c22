//! Sigma's text values with wildcards: `*`, `?` and backslash escapes.

/// A value as literal parts and wildcards.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Pattern {
    pub(super) pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Literal(String),
    /// `?`
    OneCharacter,
    /// `*`
    AnyText,
}

impl Pattern {
    /// Reads a value: `\*`, `\?` and `\\` stand for the character itself, any other backslash too.
    pub(super) fn parse(text: &str) -> Self {
        let mut pattern = Self::default();
        let mut literal = String::new();
        let mut chars = text.chars().peekable();
        while let Some(char) = chars.next() {
            match char {
                '\\' => match chars.next_if(|next| matches!(next, '\\' | '*' | '?')) {
                    Some(escaped) => literal.push(escaped),
                    None => literal.push('\\'),
                },
                '*' => pattern.end_literal(&mut literal, Some(Piece::AnyText)),
                '?' => pattern.end_literal(&mut literal, Some(Piece::OneCharacter)),
                other => literal.push(other),
            }
        }
        pattern.end_literal(&mut literal, None);
        pattern
    }

    /// A text in which nothing is a wildcard.
    pub(super) fn literal(text: &str) -> Self {
        let mut pattern = Self::default();
        pattern.end_literal(&mut text.to_owned(), None);
        pattern
    }

    /// The text, when there is no wildcard in it.
    pub(super) fn as_literal(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [] => Some(""),
            [Piece::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Appends a character that is no wildcard.
    pub(super) fn push(&mut self, char: char) {
        match self.pieces.last_mut() {
            Some(Piece::Literal(text)) => text.push(char),
            _ => self.pieces.push(Piece::Literal(char.into())),
        }
    }

    /// This one and then another.
    pub(super) fn followed_by(&self, other: &Self) -> Self {
        let mut whole = self.clone();
        for piece in &other.pieces {
            match (whole.pieces.last_mut(), piece) {
                // A literal is one piece, so that it is found to be one.
                (Some(Piece::Literal(text)), Piece::Literal(more)) => text.push_str(more),
                _ => whole.pieces.push(piece.clone()),
            }
        }
        whole
    }

    /// The same with one more character.
    pub(super) fn with(&self, char: char) -> Self {
        let mut longer = self.clone();
        longer.push(char);
        longer
    }

    /// The same with any text before and after, as asked.
    pub(super) fn surrounded(&self, before: bool, after: bool) -> Self {
        let mut pieces = Vec::new();
        pieces.extend(before.then_some(Piece::AnyText));
        pieces.extend(self.pieces.iter().cloned());
        pieces.extend(after.then_some(Piece::AnyText));
        pieces.dedup_by(|left, right| *left == Piece::AnyText && *right == Piece::AnyText);
        Self { pieces }
    }

    fn end_literal(&mut self, literal: &mut String, then: Option<Piece>) {
        if !literal.is_empty() {
            self.pieces.push(Piece::Literal(std::mem::take(literal)));
        }
        self.pieces.extend(then);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backslashes_follow_the_specification() {
        use Piece::{AnyText, Literal, OneCharacter};
        let literal = |text: &str| Literal(text.into());
        for (text, expected) in [
            (r"C:\Windows", vec![literal(r"C:\Windows")]),
            (r"a\*b", vec![literal("a*b")]),
            (r"a\\*b", vec![literal(r"a\"), AnyText, literal("b")]),
            (r"a\\\*b", vec![literal(r"a\*b")]),
            (r"\\\\share", vec![literal(r"\\share")]),
            ("a?b", vec![literal("a"), OneCharacter, literal("b")]),
            (r"end\", vec![literal(r"end\")]),
            ("", vec![]),
        ] {
            assert_eq!(Pattern::parse(text).pieces, expected, "{text}");
        }
    }
}
