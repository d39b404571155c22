//! Committed rows on disk: one RocksDB database for each partition (exactly-once.md §5).
//!
//! Owns the directory's format and what its failures mean. The write-ahead log is off by default:
//! the store is written after Kafka's commit and may lose its newest batches, never a part of one,
//! since all rows lie in one column family; the changelog position in the same batch says from
//! where to read again. Damage is told apart from a full disk and from a directory that somebody
//! else holds, because each asks for something else.
//!
//! Keys that start with 0xFF are the store's own: format version and changelog position.

use super::{Changes, Store, StoreError};
use crate::units::Position;
use rocksdb::{
    BlockBasedOptions, Cache, DB, DBCompressionType, Direction, ErrorKind, IteratorMode, Options,
    ReadOptions, WriteBatch, WriteBufferManager, WriteOptions,
};
use std::path::Path;

/// Version of the RocksDB that is built in; a test compares it with Cargo.lock.
pub const ROCKSDB_VERSION: &str = "11.8.1";

const FORMAT: u32 = 1;
const FORMAT_KEY: &[u8] = b"\xfftidegate.format";
const CHANGELOG_KEY: &[u8] = b"\xfftidegate.changelog";
/// First byte of the store's own keys.
const OWN: u8 = 0xff;
/// Descriptors of one store; with hundreds of partitions the process has a limit.
const OPEN_FILES: i32 = 64;
const BLOOM_BITS_PER_KEY: f64 = 10.0;

/// Memory that all stores of the process share. Cloning shares it.
#[derive(Clone)]
pub struct RocksShared {
    cache: Cache,
    buffers: WriteBufferManager,
    write_buffer_bytes: usize,
}

impl std::fmt::Debug for RocksShared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RocksShared")
            .field("cached_bytes", &self.cache.get_usage())
            .finish_non_exhaustive()
    }
}

impl RocksShared {
    /// `block_cache_bytes` for blocks that were read, of all stores; `write_buffer_bytes` for rows of
    /// one store that are not in files yet. All write buffers together stay about within half of the
    /// block cache, at least two full ones: beyond it the largest is written early.
    #[must_use]
    pub fn new(block_cache_bytes: usize, write_buffer_bytes: usize) -> Self {
        // Writers are never stalled by the manager: it makes the largest store write a file.
        let bound = (2 * write_buffer_bytes).max(block_cache_bytes / 2);
        let buffers = WriteBufferManager::new_write_buffer_manager(bound, false);
        Self { cache: Cache::new_lru_cache(block_cache_bytes), buffers, write_buffer_bytes }
    }

    /// Bytes in the shared block cache.
    #[must_use]
    pub fn block_cache_usage_bytes(&self) -> usize {
        self.cache.get_usage()
    }
}

/// How one store writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RocksOptions {
    /// `state.wal`: keep a write-ahead log, so that a crash costs no re-reading of the changelog.
    pub wal: bool,
}

/// A database directory; held by one task at a time.
pub struct RocksStore {
    db: DB,
    write: WriteOptions,
}

impl std::fmt::Debug for RocksStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RocksStore").field("path", &self.db.path()).finish_non_exhaustive()
    }
}

impl RocksStore {
    /// Opens the directory, or makes it.
    ///
    /// # Errors
    /// `Locked` when somebody holds it, `Damaged` or `Newer` when it must be restored from the
    /// changelog, `Disk` when the directory cannot be used.
    pub fn open(
        path: &Path,
        shared: &RocksShared,
        options: RocksOptions,
    ) -> Result<Self, StoreError> {
        std::fs::create_dir_all(path)
            .map_err(|error| StoreError::Disk(format!("{}: {error}", path.display())))?;
        let db = DB::open(&database_options(shared), path).map_err(|error| read_error(&error))?;
        let mut write = WriteOptions::default();
        write.disable_wal(!options.wal);
        let store = Self { db, write };
        store.check_format()?;
        Ok(store)
    }

    /// Writes what is in memory to files, so that the next open reads less of the changelog.
    ///
    /// # Errors
    /// The disk failed or is full.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.db.flush().map_err(|error| read_error(&error))
    }

    /// A number that RocksDB keeps about itself (`rocksdb.estimate-live-data-size` and the like),
    /// for metrics; `None` when there is no such number.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<u64> {
        self.db.property_int_value(name).ok().flatten()
    }

    fn check_format(&self) -> Result<(), StoreError> {
        let written = self.db.get_pinned(FORMAT_KEY).map_err(|error| read_error(&error))?;
        match written.as_deref().map(<[u8; 4]>::try_from) {
            Some(Ok(bytes)) => match u32::from_be_bytes(bytes) {
                FORMAT => Ok(()),
                newer if newer > FORMAT => Err(StoreError::Newer(newer)),
                other => Err(StoreError::Damaged(format!("format {other} does not exist"))),
            },
            Some(Err(_)) => Err(StoreError::Damaged("its format version cannot be read".into())),
            None if self.is_new()? => self
                .db
                .put_opt(FORMAT_KEY, FORMAT.to_be_bytes(), &self.write)
                .map_err(|error| read_error(&error)),
            None => Err(StoreError::Damaged("it holds rows but no format version".into())),
        }
    }

    fn is_new(&self) -> Result<bool, StoreError> {
        match self.db.iterator(IteratorMode::Start).next() {
            None => Ok(true),
            Some(Ok(_)) => Ok(false),
            Some(Err(error)) => Err(read_error(&error)),
        }
    }
}

impl Store for RocksStore {
    fn get(&self, key: &[u8], read: &mut dyn FnMut(&[u8])) -> Result<bool, StoreError> {
        let row = self.db.get_pinned(key).map_err(|error| read_error(&error))?;
        if let Some(value) = &row {
            read(value);
        }
        Ok(row.is_some())
    }

    fn scan(&self, prefix: &[u8], each: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), StoreError> {
        let mut options = ReadOptions::default();
        if prefix.is_empty() {
            options.set_iterate_upper_bound([OWN]);
            // All rows are read once, when a partition is opened: they would push out the rest.
            options.fill_cache(false);
        } else if let Some(end) = end_of(prefix) {
            options.set_iterate_upper_bound(end);
        }
        let mode = IteratorMode::From(prefix, Direction::Forward);
        for row in self.db.iterator_opt(mode, options) {
            let (key, value) = row.map_err(|error| read_error(&error))?;
            each(&key, &value);
        }
        Ok(())
    }

    fn apply(&mut self, changes: &Changes, changelog: Option<Position>) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        for change in changes.iter() {
            match change.value {
                Some(value) => batch.put(change.key, value),
                None => batch.delete(change.key),
            }
        }
        if let Some(position) = changelog {
            batch.put(CHANGELOG_KEY, position.0.to_be_bytes());
        }
        self.db.write_opt(batch, &self.write).map_err(|error| read_error(&error))
    }

    fn changelog_position(&self) -> Result<Option<Position>, StoreError> {
        let position = self.db.get_pinned(CHANGELOG_KEY).map_err(|error| read_error(&error))?;
        let Some(position) = position else { return Ok(None) };
        let bytes = <[u8; 8]>::try_from(&*position)
            .map_err(|_| StoreError::Damaged("its changelog position cannot be read".into()))?;
        Ok(Some(Position(i64::from_be_bytes(bytes))))
    }
}

/// The first key behind all keys with this prefix; none when there is no greater key.
fn end_of(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|&byte| byte != 0xff)?;
    let mut end = prefix.get(..=last)?.to_vec();
    if let Some(byte) = end.last_mut() {
        *byte += 1;
    }
    Some(end)
}

fn database_options(shared: &RocksShared) -> Options {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(&shared.cache);
    blocks.set_bloom_filter(BLOOM_BITS_PER_KEY, false);
    blocks.set_whole_key_filtering(true);
    // Filters and indexes count as cache, so that memory is bounded by one number.
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);
    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_block_based_table_factory(&blocks);
    options.set_write_buffer_manager(&shared.buffers);
    options.set_write_buffer_size(shared.write_buffer_bytes);
    options.set_compression_type(DBCompressionType::Lz4);
    // Keys that are asked for exist: the engine's index knows. The last level needs no filter.
    options.set_optimize_filters_for_hits(true);
    options.set_max_open_files(OPEN_FILES);
    options.set_keep_log_file_num(2);
    options.set_max_log_file_size(1 << 20);
    options.set_stats_dump_period_sec(0);
    options
}

/// What a failure of RocksDB means for us.
fn read_error(error: &rocksdb::Error) -> StoreError {
    let text = error.to_string();
    match error.kind() {
        ErrorKind::IOError if text.contains("lock") || text.contains("LOCK") => {
            StoreError::Locked(text)
        }
        ErrorKind::Corruption | ErrorKind::NotFound | ErrorKind::InvalidArgument => {
            StoreError::Damaged(text)
        }
        // A table or manifest that the directory names and does not have.
        ErrorKind::IOError if text.contains("No such file") => StoreError::Damaged(text),
        _ => StoreError::Disk(text),
    }
}

#[cfg(test)]
#[path = "rocks_tests.rs"]
mod tests;
