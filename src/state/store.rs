//! Where committed rows live: memory for tests and scans, RocksDB for `run`.

use super::Changes;
use crate::units::Position;

/// Committed rows of one partition, ordered by key.
///
/// A store never holds anything that Kafka has not committed (exactly-once.md §2 step 8).
pub trait Store {
    /// Calls `read` with the value of `key` when there is one; tells whether there was.
    ///
    /// # Errors
    /// The disk failed or the bytes are damaged: restore the partition from its changelog.
    fn get(&self, key: &[u8], read: &mut dyn FnMut(&[u8])) -> Result<bool, StoreError>;

    /// Calls `each` with the rows whose key starts with `prefix`, in key order; an empty prefix
    /// means all rows. The store's own bookkeeping is not among them.
    ///
    /// # Errors
    /// As [`Store::get`].
    fn scan(&self, prefix: &[u8], each: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), StoreError>;

    /// Applies committed rows and the changelog position after them, all or nothing.
    ///
    /// # Errors
    /// As [`Store::get`]; the disk may be full.
    fn apply(&mut self, changes: &Changes, changelog: Option<Position>) -> Result<(), StoreError>;

    /// The changelog position that the rows stand for; `None` for a new store.
    ///
    /// # Errors
    /// As [`Store::get`].
    fn changelog_position(&self) -> Result<Option<Position>, StoreError>;
}

/// A store that cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Bytes that no version of tidegate wrote, or a checksum that differs.
    #[error("the state is damaged: {0}")]
    Damaged(String),
    /// The disk refused: full, read-only, gone.
    #[error("the state directory cannot be used: {0}")]
    Disk(String),
    /// Another process or worker holds the directory.
    #[error("the state directory is in use: {0}")]
    Locked(String),
    /// Written by a newer version of tidegate.
    #[error("the state was written by a newer version (format {0})")]
    Newer(u32),
}
