//! Sigma rules: text → YAML with positions → syntax tree → checked → compiled (rules.md).
//!
//! Owns what a rule says. Is given text and names, does no IO, keeps no state. Readers return
//! everything they understood plus every [`Problem`], so a user sees all mistakes at once.
//!
//! | step | files |
//! |---|---|
//! | text → nodes | `yaml`, `shape`, `keys` and `examples` (which keys there are), `report` |
//! | nodes → syntax tree | `document`, `detection`, `modifier`, `encoding`, `placeholder`, `pattern`, `condition`, `correlation`, `amount`, `filter`, `own`, `rsigma`, `shown_text`, `list`, `list_file`, `builtin_list`, `title` |
//! | all documents together | `load`, `check`, `names`, `references`, `coverage`, `fingerprint` |
//! | compiled | `build`, `compile`, `predicate` with its matchers, `level_from`, `bump`, `dispatch` with its `anchor`s, `sharing`, `set` |
//! | why a rule matches; advice; comparison of two sets | `explain`, `lint`, `overview` |
//! | tests inside rules; documents as written | [`tests`], `outline` |
//! | the page of the language | `reference` |

#![deny(clippy::disallowed_methods, clippy::iter_over_hash_type)]

mod amount;
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
mod examples;
mod explain;
mod field_reference;
mod filter;
mod fingerprint;
mod glob;
mod keys;
mod level_from;
mod lint;
mod list;
mod list_file;
mod load;
mod model;
mod modifier;
mod names;
mod networks;
mod outline;
mod overview;
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
mod sharing;
mod shown_text;
mod span_text;
pub mod tests;
mod time_part;
mod title;
mod yaml;

pub use amount::{Comparison, Condition, Quantity};
pub use builtin::builtin;
pub use bump::Bump;
pub use explain::{Asked, ExplainedBase, Node as ExplainedNode, Question};
pub use level_from::LevelFrom;
pub use lint::{lint, unknown_members};
pub use list::{ListType, ListValues, WhenEmpty};
pub use list_file::{ListForm, ListValue, read_list};
pub use load::{LoadOptions, Loaded, RuleFile, Tune, load};
pub use model::{
    Collect, CollectHow, Combination, Dedup, Kind, Level, Matched, Measure, MissingGroup, NewTerms,
    Rule, RuleIndex, RuleText, StateId, Status, Tier, Window, WindowKind,
};
pub use outline::{Outline, outlines, speaking};
pub use overview::{RuleFate, StateFate, compare, overview};
pub use problem::{Place, Problem, Severity};
pub use reference::{Reference, reference};
pub use scalar_text::text_of;
pub use schema::schema;
pub use set::{Counted, RuleSet};
pub use span_text::span_of;
pub use title::{TitleError, TitleForm, TitlePart, title_parts};

#[cfg(test)]
mod checks;
