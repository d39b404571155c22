//! Wildcard matching that never goes back further than to the last `*`.

use super::pattern::{Pattern, Piece};

/// A compiled pattern with wildcards.
///
/// Cost: at most (length of the text) × (length of the pattern) steps, whatever the text; the
/// pattern is the rule author's, so attacker-chosen text meets a linear matcher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Glob {
    steps: Box<[Step]>,
    case: Case,
}

/// Whether upper and lower case differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Matters,
    Ignored,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Char(char),
    AnyChar,
    AnyText,
}

impl Glob {
    pub(super) fn new(pattern: &Pattern, case: Case) -> Self {
        let mut steps = Vec::new();
        for piece in &pattern.pieces {
            match piece {
                Piece::Literal(text) => {
                    steps.extend(text.chars().map(|char| Step::Char(folded(char, case))));
                }
                Piece::OneCharacter => steps.push(Step::AnyChar),
                Piece::AnyText if steps.last() == Some(&Step::AnyText) => {}
                Piece::AnyText => steps.push(Step::AnyText),
            }
        }
        Self { steps: steps.into(), case }
    }

    /// Whether the whole text fits.
    pub(super) fn is_match(&self, text: &str) -> bool {
        let mut step = 0;
        let mut rest = text.chars();
        // After the last `*`: where pattern and text go on when a later step fails.
        let mut retry: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            let wanted = self.steps.get(step);
            if wanted == Some(&Step::AnyText) {
                step += 1;
                if step == self.steps.len() {
                    return true;
                }
                retry = Some((step, rest.clone()));
                continue;
            }
            // A later start of the same tail would only have less text left.
            let Some(char) = rest.next() else { return wanted.is_none() };
            if wanted.is_some_and(|wanted| self.fits(*wanted, char)) {
                step += 1;
                continue;
            }
            let Some((after_star, later)) = &mut retry else { return false };
            later.next();
            step = *after_star;
            rest = later.clone();
        }
    }

    /// The longest run of characters that every text which fits must hold, as it is compared.
    pub(super) fn longest_literal(&self) -> Option<String> {
        let runs = self.steps.split(|step| !matches!(step, Step::Char(_)));
        let texts = runs.map(|run| {
            let chars = run.iter().filter_map(|step| match step {
                Step::Char(char) => Some(*char),
                Step::AnyChar | Step::AnyText => None,
            });
            chars.collect::<String>()
        });
        texts.max_by_key(String::len)
    }

    fn fits(&self, wanted: Step, char: char) -> bool {
        match wanted {
            Step::Char(wanted) => wanted == char || wanted == folded(char, self.case),
            Step::AnyChar => true,
            Step::AnyText => false,
        }
    }
}

/// One character stands for one: the few letters whose lower case is longer keep its first.
fn folded(char: char, case: Case) -> char {
    match case {
        Case::Matters => char,
        Case::Ignored if char.is_ascii() => char.to_ascii_lowercase(),
        Case::Ignored => char.to_lowercase().next().unwrap_or(char),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_match(pattern: &str, text: &str) -> bool {
        Glob::new(&Pattern::parse(pattern), Case::Ignored).is_match(text)
    }

    #[test]
    fn wildcards_match_as_people_expect() {
        for (pattern, text, expected) in [
            ("a*c", "abbbc", true),
            ("a*c", "ac", true),
            ("a*c", "abcd", false),
            ("*", "", true),
            ("?", "", false),
            ("?", "é", true),
            ("*b*", "abc", true),
            ("*a?c", "xxabc", true),
            ("arn:*:role/x*", "ARN:aws:role/X1", true),
            ("É*", "éa", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(is_match(pattern, text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn hostile_text_costs_no_more_than_length_times_length() {
        let text = "a".repeat(100_000);
        assert!(!is_match("*a*a*a*a*a*a*a*b", &text));
    }

    proptest! {
        #[test]
        fn agrees_with_the_regex_of_the_same_meaning(pattern in "[ab*?]{0,8}", text in "[abAB]{0,12}") {
            let regex = regex::escape(&pattern).replace("\\*", ".*").replace("\\?", ".");
            let regex = regex::Regex::new(&format!("(?is)^{regex}$")).unwrap();
            prop_assert_eq!(is_match(&pattern, &text), regex.is_match(&text));
        }
    }
}
