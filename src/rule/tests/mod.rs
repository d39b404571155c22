//! Tests inside rules: `tidegate.tests` (rules.md §4).
//!
//! Owns their form and makes the events of each test as JSON texts in arrival order. Running them
//! needs decoder, engine and alert writer, which are the caller's: it loads the rule with
//! [`RuleTest::options`], feeds [`RuleTest::events`] and compares what comes out with
//! [`RuleTest::expect`].

mod expect;
mod read;
mod record;
mod template;

pub use expect::Expect;
pub(super) use read::check;
pub use read::{RuleTest, With, of};
