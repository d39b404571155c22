//! Rules on trial: their own tests, one event explained, and mutants that the tests should notice.
//!
//! Owns what comes of rules and events that are not a deployment's input. Everything runs through
//! [`crate::scan::Scanner`], so decoder, engine and alert writer are those of `scan` and `run`. Reads
//! no files and prints nothing; a verb of the command line does both.
//!
//! | file | idea |
//! |---|---|
//! | `suite` | the tests of some files, each with the files that its rule needs |
//! | `verdict` | what a test expected and what came, member by member |
//! | `report` | results as lines for people, JSON and JUnit |
//! | `stand` | one event against a state: late, duplicate, group, amount |
//! | `apart` | rules together and rules over others, each asked alone |
//! | `mutant` | a rule changed in one place |

mod apart;
mod mutant;
mod report;
mod stand;
mod suite;
mod verdict;

pub use mutant::{Class, Mutant, counted_from, mutants};
pub use report::{Coverage, TestResult, json, junit, text};
pub use stand::{Amount, Comes, Link, Standing, Stood, Together, Uncounted, stand};
pub use suite::Suite;
pub use verdict::{Difference, Verdict};
