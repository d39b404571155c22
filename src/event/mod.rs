//! From a record's bytes to events: containers, projection, identity, derived fields (sources.md).
//!
//! Owns what a log entry means. Knows nothing of rules, Kafka or files; the caller says which fields
//! are wanted ([`FieldSet`]) and gets exactly these, read in one pass. Malformed input becomes a
//! [`Refusal`] with a closed reason, never a panic and never silence.
//!
//! The way of a record: [`Decoder`] unwraps (`gzip`), finds the documents in the text (`lines`), reads
//! each one once through the compiled paths (`reader`: plain text along its `quotes` by `scan`, which knows
//! the usual `forms` of members, the rest by a parser; `walk` keeps what `projection` names), asks `container` what it is when it is not a single record, and lets `cloudtrail` judge and derive.

mod address;
mod amount;
mod build;
mod cloudtrail;
mod container;
mod decoder;
mod entry;
mod facts;
mod field;
mod forms;
mod gzip;
mod identity;
mod lines;
mod names;
mod number;
mod outline;
mod parsed;
mod projection;
mod quotes;
mod raw;
mod reader;
mod scan;
#[cfg(test)]
mod tests;
mod time;
mod tree;
mod value;
mod walk;

pub use address::{canonical_address, is_external};
pub use cloudtrail::{derived_names, is_known_derived};
pub use decoder::{DecodeLimits, Decoder, Format};
pub use entry::{Entry, Event, EventId, Identity, Refusal, RefusalReason, Skip, Source};
pub use facts::{FactNames, Facts};
pub use field::{FieldId, FieldSet};
pub use projection::Projection;
pub use reader::PlainReader;
pub use time::parse_event_time;
pub use value::{Amount, Number, Value};
