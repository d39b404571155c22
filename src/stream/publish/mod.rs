//! CloudTrail files → single events in a topic, keyed, resumable.
//!
//! Owns splitting, keys, pacing and the memory of what was acknowledged. Events are numbered in the
//! order in which they stand in the files; everything below the [`Frontier`] is acknowledged by the
//! brokers, and that is what [`ProgressFile`] keeps. A run that is killed and started again leaves
//! no event out; events whose acknowledgement was not kept are sent again, and consumers drop them
//! as duplicates (semantics.md §3).
//!
//! ```text
//! files ─▶ entries ─▶ split: key, compact text ─▶ Sink ─▶ acknowledgements ─▶ Frontier ─▶ ProgressFile
//! ```

mod compact;
mod frontier;
mod job;
mod key;
mod producer;
mod progress;

pub use compact::compact_json;
pub use frontier::Frontier;
pub use job::{Outgoing, PublishError, PublishOptions, Published, RecordTimeOf, Sink, publish};
pub use key::Key;
pub use producer::{Producer, ProducerSettings};
pub use progress::{Bound, ProgressError, ProgressFile, Work};
