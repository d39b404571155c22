//! Files and folders → engine → alerts: the same decoding and detection as `run`, without Kafka.
//!
//! Owns where input comes from and in which order it is read (semantics.md §2): files by the delivery
//! stamp in their name, files without one by the time of their first event, then by path; the whole
//! input is one partition. Memory is bounded by the largest record, whatever a file's size. An input
//! that cannot be read is reported and the scan goes on. Decides nothing about detection and prints
//! nothing.
//!
//! ```text
//! paths ─▶ inputs ─▶ reader ─▶ chunks ─▶ scanner: decode, step, write ─▶ alerts
//!          order      gzip     records                                   summary
//! ```

mod chunks;
mod inputs;
mod reader;
mod scanner;
mod stamp;
mod summary;

pub use chunks::{Chunk, Chunks};
pub use inputs::{Input, Inputs, find_inputs, sort_inputs};
pub use reader::{ReadBytes, open_input};
pub use scanner::{Clock, Found, ScanError, ScanOptions, Scanner, first_event_time, read_entries};
pub use stamp::delivery_stamp;
pub use summary::{Place, Summary, Unreadable};
