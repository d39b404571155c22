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
pub mod cli;
pub mod config;
pub mod detect;
pub mod event;
pub mod rule;
pub mod serve;
pub mod state;
pub mod telemetry;
pub mod units;
