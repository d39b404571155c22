//! Sigma rules: text → YAML with positions → syntax tree → checked → compiled (rules.md).
//!
//! Owns what a rule says. Is given text and names, does no IO, keeps no state. `read` and `check`
//! return everything they understood plus every [`Problem`], so a user sees all mistakes at once.

mod model;
mod problem;

pub use model::{
    Collect, CollectHow, Condition, Dedup, Kind, Level, MissingGroup, Rule, RuleIndex, RuleText,
    StateId, Status, Tier, Window, WindowKind, Measure,
};
pub use problem::{Place, Problem, Severity};
