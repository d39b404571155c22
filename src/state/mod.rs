//! Rows by key, their codec, and the stores that hold the committed ones (exactly-once.md §5, §6).
//!
//! Owns how state is kept, not what a row means: `detect` encodes and decodes its rows with
//! [`codec`]. A store holds committed rows only; what has changed since the commit lives in the
//! engine's write-back caches and leaves as [`Changes`].

mod changes;
mod meta;
mod store;

pub use changes::{Change, Changes};
pub use meta::MetaRow;
pub use store::{Store, StoreError};
