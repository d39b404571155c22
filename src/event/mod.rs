//! From a record's bytes to events: containers, projection, identity, derived fields (sources.md).
//!
//! Owns what a log entry means. Knows nothing of rules, Kafka or files; the caller says which fields
//! are wanted ([`FieldSet`]) and gets exactly these, read in one pass. Malformed input becomes a
//! [`Refusal`] with a closed reason, never a panic and never silence.

mod field;
mod value;
mod entry;

pub use entry::{Entry, Event, EventId, Identity, Refusal, RefusalReason, Skip, Source};
pub use field::{FieldId, FieldSet};
pub use value::{Amount, Number, Value};
