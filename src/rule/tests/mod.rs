//! Tests inside rules: `tidegate.tests` (rules.md §4).
//!
//! Owns their form and makes the events of each test as JSON texts in arrival order. Running them
//! needs decoder, engine and alert writer, which are the caller's: it loads the rule with
//! [`RuleTest::options`], feeds [`RuleTest::events`] and compares what comes out with
//! [`RuleTest::expect`]; room `trial` does so. Tests of others are read too: Panther's and SigmaHQ's.

mod coverage;
mod expect;
mod foreign;
mod needs;
mod read;
mod record;
mod template;

pub use coverage::{Letter, applicable, letters_of};
pub use expect::Expect;
pub use foreign::{ForeignTest, Regression, foreign, regression_paths, regressions, yaml_block};
pub use needs::Needs;
pub(super) use read::check;
pub use read::{RuleTest, With, of};
pub use record::Attached;

/// Names of the ready-made events.
pub(super) fn template_names() -> &'static [&'static str] {
    &template::NAMES
}
