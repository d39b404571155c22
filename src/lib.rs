//! tidegate finds data leaving Amazon S3 while it is leaving.
//!
//! The map, top to bottom; `use` goes only downwards:
//!
//! | room | owns |
//! |---|---|
//! | [`units`] | clocks, offsets, sizes |
//! | [`event`] | log entry: container → event |
//! | [`rule`] | Sigma: text → matcher |
//! | [`state`] | rows, changes, stores |
//! | [`detect`] | the engine: event → finding |
//! | [`stream`] | Kafka: worker, task, commit, restore, rebalance |
pub mod detect;
pub mod event;
pub mod rule;
pub mod state;
pub mod stream;
pub mod units;
