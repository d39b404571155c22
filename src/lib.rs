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
//! | [`scan`] | files and folders → engine → alerts |
//! | [`generate`] | made-up streams for benches, tests and the demo |
pub mod detect;
pub mod event;
pub mod generate;
pub mod rule;
pub mod scan;
pub mod state;
pub mod units;
