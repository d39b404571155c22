//! What is wrong with the configuration, as data, and where it was written.

use crate::rule;
pub use crate::rule::Severity;
use std::fmt;

/// Where the value of a key comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Nobody wrote it.
    Default,
    /// A file; line and column from 1, or 0 when the whole file is meant.
    File {
        /// As the user named it.
        name: String,
        /// Line.
        line: usize,
        /// Column.
        column: usize,
    },
    /// An environment variable, by name.
    Environment(String),
    /// The text after `--set`.
    Argument(String),
}

/// One thing that is wrong, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Whether the configuration can be used at all.
    pub severity: Severity,
    /// Stable short name of the kind of problem.
    pub code: &'static str,
    /// The key, dotted; empty when a whole file or argument is meant.
    pub key: Box<str>,
    /// Where it was written.
    pub origin: Origin,
    /// The fact: lower case, no full stop, begins with the key where there is one.
    pub what: String,
    /// What to write instead.
    pub hint: Option<Box<str>>,
}

impl Problem {
    /// Notes something that stops the start.
    #[must_use]
    pub fn error(code: &'static str, key: &str, origin: Origin, what: String) -> Problem {
        let key = key.into();
        Problem { severity: Severity::Error, code, key, origin, what, hint: None }
    }

    /// Notes something that works but is probably not meant.
    #[must_use]
    pub fn warning(code: &'static str, key: &str, origin: Origin, what: String) -> Problem {
        Problem { severity: Severity::Warning, ..Problem::error(code, key, origin, what) }
    }

    /// Adds what to write instead.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Box<str>>) -> Problem {
        self.hint = Some(hint.into());
        self
    }

    /// Whether this stops the start.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// The same problem in the form that rules use, one line of `validate`.
    #[must_use]
    pub fn to_rule_problem(&self) -> rule::Problem {
        rule::Problem {
            place: self.origin.to_place(),
            severity: self.severity,
            code: self.code,
            what: self.what.clone(),
            hint: self.hint.as_deref().map(str::to_owned),
        }
    }
}

impl Origin {
    /// The form that rules use.
    #[must_use]
    pub fn to_place(&self) -> rule::Place {
        let (file, line, column) = match self {
            Origin::File { name, line, column } => (name.clone(), *line, *column),
            other => (other.to_string(), 0, 0),
        };
        rule::Place { file, line, column }
    }

    /// The form for the head of a line: `tidegate.toml:7`.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            Origin::File { name, line, .. } if *line > 0 => format!("{name}:{line}"),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Origin {
    /// The form within a sentence: `tidegate.toml line 7`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { name, line: 0, .. } => f.write_str(name),
            Origin::File { name, line, .. } => write!(f, "{name} line {line}"),
            Origin::Environment(variable) => write!(f, "environment variable {variable}"),
            Origin::Argument(text) => write!(f, "argument --set {text}"),
        }
    }
}

impl fmt::Display for Problem {
    /// One line for people. An unknown key reads as a sentence (operations.md §6), all else as
    /// `place: what (hint: …)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.severity == Severity::Warning {
            f.write_str("warning: ")?;
        }
        if self.code == "unknown-key" {
            write!(f, "{} in {}", self.what, self.origin)?;
            return match &self.hint {
                Some(hint) => write!(f, " ({hint})"),
                None => Ok(()),
            };
        }
        if self.origin != Origin::Default {
            write!(f, "{}: ", self.origin.place())?;
        }
        f.write_str(&self.what)?;
        match &self.hint {
            Some(hint) => write!(f, " (hint: {hint})"),
            None => Ok(()),
        }
    }
}
