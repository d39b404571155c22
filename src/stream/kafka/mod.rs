//! Apache Kafka behind [`super::cluster::Cluster`], by rdkafka and [`super::ffi`].
//!
//! Owns the clients of one worker: a group consumer that only queues its rebalance events, a
//! transactional producer that is replaced after anything unclear, and two readers that live only
//! while partitions are being restored: one group-less and read-committed for rows, one
//! read-uncommitted for the changelog's end. Knows nothing of tasks, commits or state.

mod admin;
mod context;
mod errors;
mod input;
mod output;
mod properties;
mod real;
mod restore;

pub use real::RealCluster;

pub(super) use admin::Admin;
pub(super) use properties::tune_fetching;
