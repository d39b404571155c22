//! What is wrong with a rule, a list or a setting, as data (rules.md §5).

use std::fmt;

/// Where something was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file as the user named it, or `builtin:…` for a shipped rule.
    pub file: String,
    /// From 1; 0 when the problem concerns the whole file.
    pub line: usize,
    /// From 1; 0 when the problem concerns the whole file.
    pub column: usize,
}

/// Whether a problem stops the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The rule set cannot be used.
    Error,
    /// It can, but probably means something else than the author thinks.
    Warning,
}

/// One thing that is wrong, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// How bad.
    pub severity: Severity,
    /// Stable short name of the kind of problem, for `validate` and for tests.
    pub code: &'static str,
    /// Lower case, no full stop, names the thing in quotes.
    pub what: String,
    /// What to type instead.
    pub hint: Option<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            return f.write_str(&self.file);
        }
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

impl fmt::Display for Problem {
    /// `file:line:col severity code text (hint: …)`, one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{} {severity} {} {}", self.place, self.code, self.what)?;
        match &self.hint {
            Some(hint) => write!(f, " (hint: {hint})"),
            None => Ok(()),
        }
    }
}
