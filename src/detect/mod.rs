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
//! | `journal`, `recipe`, `sighting` | the events that windows still need, each written once |
//! | `groups`, `coarse`, `look_back` | who is near a threshold; a group's events, read back |
//! | `warm`, `pane_ring`, `segment` | one group's sums over event time |
//! | `distinct` with its `steps`, `sequence`, `tally` | its different values; which rules matched it, and when; its amounts |
//! | `closing` | windows that are judged once they have closed |
//! | `judge`, `episode`, `report` | windows that cross, episodes that open, findings |
//! | `term` | whether a sighting is the first |
//! | `what_if` | what explanations ask |
//! | `table`, `rows`, `commit` | memory, store, and the way between |
//! | `invariant` | what must hold |
#![deny(clippy::disallowed_methods, clippy::iter_over_hash_type)]

mod catalogue;
mod closing;
mod coarse;
mod commit;
mod counts;
mod distinct;
mod duplicates;
mod engine;
mod episode;
mod faults;
mod finding;
mod fingerprint;
mod groups;
mod invariant;
mod journal;
mod judge;
mod limits;
mod look_back;
mod pane_ring;
mod plan;
mod recipe;
mod report;
mod rows;
mod segment;
mod sequence;
mod shape;
mod sighting;
mod steps;
mod table;
mod tally;
mod term;
mod text;
mod timers;
mod warm;
mod watermark;
mod what_if;

#[cfg(test)]
mod tests;

pub use crate::state::StoreError as StateError;
pub use catalogue::Catalogue;
pub use counts::Counts;
pub use engine::Engine;
pub use finding::{Collected, EventRef, Finding, FindingKind, Origin, Outcome, Raised, WindowSpan};
pub use limits::Limits;
pub use watermark::{Effective, Watermark};
pub use what_if::Sightings;
