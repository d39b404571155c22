//! All tests that need no broker, in one binary: each binary links librdkafka and RocksDB.
//!
//! This file is the index: a sentence for each module, nothing else.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test that panics has failed")]

// The deployment samples fit the program's own limits.
mod deploy;
// The house rules of ARCHITECTURE.md, read off the sources: rooms, borders, headers, top level.
mod tidy;
