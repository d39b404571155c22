//! The engine: events and stored rows in, findings and changed rows out (semantics.md).
//!
//! Owns time, duplicates, windows and episodes of one partition. Sans-IO: no clock, no randomness,
//! no thread, no Kafka; rows come from a [`crate::state::Store`] and go back as
//! [`crate::state::Changes`] when the caller commits.
//!
//! | file | idea |
//! |---|---|
//! | `engine` | the order of things for one event |
//! | `watermark`, `duplicates`, `timers` | how far time is, what was seen, what is over |
//! | `plan`, `shape`, `fingerprint` | rules as the engine runs them, their grids, their groups |
//! | `pane_ring`, `segment`, `evidence` | one group: sums over event time, and what is shown of them |
//! | `judge`, `episode`, `report` | windows that cross, episodes that open, findings |
//! | `tables`, `rows`, `commit` | memory, store, and the way between |
//! | `invariant` | what must hold |
#![deny(clippy::disallowed_methods, clippy::iter_over_hash_type)]

mod catalogue;
mod commit;
mod counts;
mod duplicates;
mod engine;
mod episode;
mod evidence;
mod faults;
mod finding;
mod fingerprint;
mod invariant;
mod judge;
mod limits;
mod pane_ring;
mod plan;
mod report;
mod rows;
mod segment;
mod shape;
mod tables;
mod text;
mod timers;
mod watermark;

#[cfg(test)]
mod tests;

pub use crate::state::StoreError as StateError;
pub use catalogue::Catalogue;
pub use counts::Counts;
pub use engine::Engine;
pub use finding::{Collected, EventRef, Finding, FindingKind, Origin, Outcome, WindowSpan};
pub use limits::Limits;
pub use watermark::{Effective, Watermark};
