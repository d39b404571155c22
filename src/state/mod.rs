//! Rows by key, their codec, and the stores that hold the committed ones (exactly-once.md §5, §6).
//!
//! Owns how state is kept, not what a row means: `detect` encodes and decodes its rows with
//! [`codec`]. A store holds committed rows only; what has changed since the commit lives in the
//! engine, what it reads again in its write-back [`Cache`], and leaves as [`Changes`].

mod cache;
mod changes;
pub mod codec;
mod memory;
mod meta;
mod rocks;
mod store;

pub use cache::{AlreadyHashed, Cache, CacheKey, Cached, Found, Keep, SlotId};
pub use changes::{Change, Changes};
pub use memory::MemoryStore;
pub use meta::MetaRow;
pub use rocks::{ROCKSDB_VERSION, RocksOptions, RocksShared, RocksStore};
pub use store::{Store, StoreError};
