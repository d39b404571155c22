//! The Kafka clients beside the pipeline: publishing files, reading alerts, creating topics, the
//! embedded broker.

pub mod access;
pub mod embedded;
pub mod publish;
pub mod reader;
pub mod rehearsal;
pub mod topics;
