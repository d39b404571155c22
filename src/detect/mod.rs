//! The engine: events and stored rows in, findings and changed rows out (semantics.md).
//!
//! Owns time, duplicates, windows and episodes of one partition. Sans-IO: no clock, no randomness,
//! no thread, no Kafka; rows come from a [`crate::state::Store`] and go back as
//! [`crate::state::Changes`] when the caller commits.

mod finding;

pub use finding::{Collected, EventRef, Finding, FindingKind, Origin, Outcome, WindowSpan};
