//! Placeholders: `%name%` alone or inside a text, where a list's values are put.

use super::detection::Operand;
use super::encoding::Wrong;
use super::list::{ListContent, Lists};
use super::pattern::{Pattern, Piece};
use super::report::shown;
use super::yaml::Mark;

/// Most texts that one value with several lists may stand for.
pub(super) const TEXTS_MAX: usize = 10_000;

/// A part of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Placeholder {
    Text(Pattern),
    List(String),
}

impl Placeholder {
    /// The name of the list that it stands for.
    pub(super) fn list(&self) -> Option<&str> {
        match self {
            Placeholder::Text(_) => None,
            Placeholder::List(name) => Some(name),
        }
    }
}

/// Reads a value of `expand`; `\%` is the sign itself.
pub(super) fn read(text: &str, mark: Mark) -> Result<Operand, Wrong> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        let after = rest.get(char.len_utf8()..).unwrap_or_default();
        if let Some(behind) = rest.strip_prefix("\\%") {
            literal.push('%');
            rest = behind;
        } else if char == '%'
            && let Some((name, behind)) = after.split_once('%')
            && is_name(name)
        {
            if !literal.is_empty() {
                parts.push(Placeholder::Text(Pattern::parse(&std::mem::take(&mut literal))));
            }
            parts.push(Placeholder::List(name.to_owned()));
            rest = behind;
        } else {
            literal.push(char);
            rest = after;
        }
    }
    if !literal.is_empty() {
        parts.push(Placeholder::Text(Pattern::parse(&literal)));
    }
    match parts.as_slice() {
        [Placeholder::List(name)] => Ok(Operand::List { name: name.clone(), mark }),
        _ if parts.iter().any(|part| part.list().is_some()) => {
            Ok(Operand::Template { parts, mark })
        }
        _ => Err((format!("{:?} names no list", shown(text)), Some("'%name%'".into()))),
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.chars().all(|char| char.is_alphanumeric() || matches!(char, '_' | '-' | '.'))
}

/// The texts that a value stands for: each choice of one value for each list. An empty list that
/// matches everything is any text; other empty lists leave nothing.
pub(super) fn expanded(parts: &[Placeholder], lists: &Lists) -> Vec<Pattern> {
    let mut texts = vec![Pattern::default()];
    for part in parts {
        let choices = match part {
            Placeholder::Text(pattern) => vec![pattern.clone()],
            Placeholder::List(name) => match lists.content(name) {
                ListContent::MatchAll => vec![Pattern { pieces: vec![Piece::AnyText] }],
                ListContent::Patterns(patterns) => patterns,
                // Refused when lists were checked.
                ListContent::Networks(_) => Vec::new(),
            },
        };
        texts = texts
            .iter()
            .flat_map(|text| choices.iter().map(|choice| text.followed_by(choice)))
            .take(TEXTS_MAX)
            .collect();
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<Placeholder> {
        match read(text, Mark::FILE) {
            Ok(Operand::List { name, .. }) => vec![Placeholder::List(name)],
            Ok(Operand::Template { parts, .. }) => parts,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn names_stand_between_percent_signs_that_no_backslash_hides() {
        let text = |text: &str| Placeholder::Text(Pattern::parse(text));
        let list = |name: &str| Placeholder::List(name.into());
        assert_eq!(parts("%a%"), [list("a")]);
        assert_eq!(parts("x/%a%*"), [text("x/"), list("a"), text("*")]);
        assert_eq!(parts("%a%%b%"), [list("a"), list("b")]);
        assert_eq!(parts(r"\%plain%name%"), [text("%plain"), list("name")]);
        assert_eq!(parts("100% of %a%"), [text("100% of "), list("a")]);
        for wrong in ["name", "%", "%%", r"\%name\%", "50% off"] {
            assert!(read(wrong, Mark::FILE).is_err(), "{wrong}");
        }
    }
}
