//! How a verb ends: exit status, and what is printed when it failed.

use crate::config;
use crate::rule;
use std::fmt;

/// Exit status of the program (operations.md §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitCode {
    /// Done.
    Done,
    /// Failed, or tests or checks failed.
    Failure,
    /// The arguments make no sense.
    Usage,
    /// A broker or a service is unavailable.
    Unavailable,
    /// The configuration or a rule is wrong.
    Configuration,
}

impl ExitCode {
    /// The number.
    #[must_use]
    pub const fn status(self) -> u8 {
        match self {
            ExitCode::Done => 0,
            ExitCode::Failure => 1,
            ExitCode::Usage => 2,
            ExitCode::Unavailable => 69,
            ExitCode::Configuration => 78,
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(exit: ExitCode) -> Self {
        std::process::ExitCode::from(exit.status())
    }
}

/// Why a verb failed. It prints as one line and, indented, its causes or problems.
#[derive(Debug)]
pub struct Failure {
    exit: ExitCode,
    what: String,
    details: Vec<String>,
}

impl Failure {
    /// A failure with the chain of its causes.
    #[must_use]
    pub fn new(exit: ExitCode, error: impl Into<anyhow::Error>) -> Failure {
        let error = error.into();
        let details = error.chain().skip(1).map(|cause| format!("because: {cause}")).collect();
        Failure { exit, what: error.to_string(), details }
    }

    /// Every problem of the configuration: exit status 78.
    #[must_use]
    pub fn configuration(problems: &[config::Problem]) -> Failure {
        let count = problems.iter().filter(|problem| problem.is_error()).count();
        let details = problems.iter().map(ToString::to_string).collect();
        let what = format!("the configuration has {}", problems_counted(count));
        Failure { exit: ExitCode::Configuration, what, details }
    }

    /// Every problem of rules and lists: exit status 78.
    #[must_use]
    pub fn rules(problems: &[rule::Problem]) -> Failure {
        let is_error = |problem: &&rule::Problem| problem.severity == rule::Severity::Error;
        let count = problems.iter().filter(is_error).count();
        let details = problems.iter().map(ToString::to_string).collect();
        let what = format!("the rules have {}", problems_counted(count));
        Failure { exit: ExitCode::Configuration, what, details }
    }

    /// What went wrong, in a line each.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.what.as_str()).chain(self.details.iter().map(String::as_str))
    }

    /// The exit status.
    #[must_use]
    pub fn exit(&self) -> ExitCode {
        self.exit
    }
}

fn problems_counted(count: usize) -> String {
    if count == 1 { "a problem".to_owned() } else { format!("{count} problems") }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    /// Anything that a verb did not foresee is exit status 1.
    fn from(error: E) -> Failure {
        Failure::new(ExitCode::Failure, error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "tidegate: {}", self.what)?;
        self.details.iter().try_for_each(|detail| writeln!(f, "  {detail}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn a_failure_prints_its_causes_below_it() {
        let cause = std::io::Error::other("disk on fire");
        let error = Err::<(), _>(cause).context("could not write the file").expect_err("is one");
        let failure = Failure::new(ExitCode::Unavailable, error);
        assert_eq!(
            failure.to_string(),
            "tidegate: could not write the file\n  because: disk on fire\n"
        );
        assert_eq!(failure.exit().status(), 69);
    }
}
