//! Sigma rules: text → YAML with positions → syntax tree → checked → compiled (rules.md).
//!
//! Owns what a rule says. Is given text and names, does no IO, keeps no state. Readers return
//! everything they understood plus every [`Problem`], so a user sees all mistakes at once.
//!
//! | step | files |
//! |---|---|
//! | text → nodes | `yaml`, `shape` and `keys` (which keys there are), `report` |
//! | nodes → syntax tree | `document`, `detection`, `modifier`, `encoding`, `placeholder`, `pattern`, `condition`, `correlation`, `filter`, `own`, `rsigma`, `shown_text`, `list`, `builtin_list`, `title` |
//! | all documents together | `load`, `check`, `names`, `references`, `coverage`, `fingerprint` |
//! | compiled | `build`, `compile`, `predicate` with its matchers, `level_from`, `bump`, `dispatch` with its `anchor`s, `set` |
//! | tests inside rules | [`tests`] |

#![deny(clippy::disallowed_methods, clippy::iter_over_hash_type)]

mod anchor;
mod build;
mod builtin;
mod builtin_list;
mod bump;
mod caseless;
mod check;
mod compile;
mod condition;
mod correlation;
mod coverage;
mod derived;
mod detection;
mod dispatch;
mod document;
mod encoding;
mod filter;
mod fingerprint;
mod glob;
mod keys;
mod level_from;
mod list;
mod load;
mod model;
mod modifier;
mod names;
mod networks;
mod own;
mod pattern;
mod placeholder;
mod predicate;
mod problem;
mod record_text;
mod reference;
mod references;
mod report;
mod rsigma;
mod scalar_text;
mod schema;
mod set;
mod shape;
mod shown_text;
mod span_text;
pub mod tests;
mod time_part;
mod title;
mod yaml;

pub use builtin::builtin;
pub use bump::Bump;
pub use level_from::LevelFrom;
pub use list::{ListType, ListValues, WhenEmpty};
pub use load::{LoadOptions, Loaded, RuleFile, Tune, load};
pub use model::{
    Collect, CollectHow, Condition, Dedup, Kind, Level, Matched, Measure, MissingGroup, NewTerms,
    Rule, RuleIndex, RuleText, StateId, Status, Tier, Window, WindowKind,
};
pub use problem::{Place, Problem, Severity};
pub use schema::schema;
pub use set::RuleSet;
pub use title::{TitleError, TitleForm, TitlePart, title_parts};

#[cfg(test)]
mod checks;
