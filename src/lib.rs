//! tidegate finds data leaving Amazon S3 while it is leaving.
//!
//! The map, from what is built on to what builds on it; `use` goes only upwards in this list:
//!
//! | room | owns |
//! |---|---|
//! | [`units`] | clocks, offsets, sizes |
//! | [`event`] | log entry: container → event |
//! | [`rule`] | Sigma: text → matcher |
//! | [`state`] | rows, changes, stores |
//! | [`detect`] | the engine: event → finding |
//! | [`alert`] | finding → OCSF record with its envelope |
//! | [`config`] | text → checked settings |
//! | [`telemetry`] | metric handles, logs |
//! | [`generate`] | streams for the demo and the benches |
//! | [`scan`] | files and folders → engine → alerts |
//! | [`trial`] | rules on trial: their tests, one event explained, mutants |
//! | [`stream`] | Kafka: worker, task, commit, restore |
//! | [`serve`] | admin HTTP |
//! | [`cli`] | one file for each verb |

pub mod alert;
pub mod cli;
pub mod config;
pub mod detect;
pub mod event;
pub mod generate;
pub mod rule;
pub mod scan;
pub mod serve;
pub mod state;
pub mod stream;
pub mod telemetry;
pub mod trial;
pub mod units;
