//! Collects the problems of one file with their places.

use super::problem::{Place, Problem, Severity};
use super::yaml::Mark;

/// The problems of one file so far; every reader adds to it and goes on.
pub(super) struct Report {
    file: String,
    problems: Vec<Problem>,
}

impl Report {
    pub(super) fn new(file: &str) -> Self {
        Self { file: shown(file), problems: Vec::new() }
    }

    pub(super) fn error(&mut self, at: Mark, code: &'static str, what: impl Into<String>) {
        self.add(at, Severity::Error, code, what.into(), None);
    }

    pub(super) fn error_with_hint(
        &mut self,
        at: Mark,
        code: &'static str,
        what: impl Into<String>,
        hint: impl Into<Option<String>>,
    ) {
        self.add(at, Severity::Error, code, what.into(), hint.into());
    }

    pub(super) fn warning(
        &mut self,
        at: Mark,
        code: &'static str,
        what: impl Into<String>,
        hint: impl Into<Option<String>>,
    ) {
        self.add(at, Severity::Warning, code, what.into(), hint.into());
    }

    pub(super) fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    fn add(
        &mut self,
        at: Mark,
        severity: Severity,
        code: &'static str,
        what: String,
        hint: Option<String>,
    ) {
        let place = Place { file: self.file.clone(), line: at.line, column: at.column };
        self.problems.push(Problem { place, severity, code, what, hint });
    }
}

/// `text` without control characters and at most 80 characters long, for a message.
pub(super) fn shown(text: &str) -> String {
    const CHARACTERS_MAX: usize = 80;
    let mut out = String::new();
    for (count, char) in text.chars().enumerate() {
        if count == CHARACTERS_MAX {
            out.push('…');
            break;
        }
        if char.is_control() || is_invisible(char) {
            out.extend(char.escape_unicode());
        } else {
            out.push(char);
        }
    }
    out
}

fn is_invisible(char: char) -> bool {
    matches!(char, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

/// `did you mean "…"`, when some allowed name is near enough to be a slip of the keyboard.
pub(super) fn nearest<'a>(
    wrong: &str,
    allowed: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    nearest_name(wrong, allowed).map(|name| format!("did you mean {name:?}"))
}

/// The allowed name that is near enough to be what was meant.
pub(super) fn nearest_name<'a>(
    wrong: &str,
    allowed: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // Edit distance is quadratic in the length: no name that anyone types is longer.
    const BYTES_MAX: usize = 128;
    if wrong.len() > BYTES_MAX {
        return None;
    }
    let lowered = wrong.to_lowercase();
    allowed
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&lowered, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, name)| name)
}

/// [`nearest`], or else all that is allowed.
pub(super) fn nearest_or_all(wrong: &str, allowed: &[&str]) -> String {
    nearest(wrong, allowed.iter().copied())
        .unwrap_or_else(|| format!("one of {}", allowed.join(", ")))
}
