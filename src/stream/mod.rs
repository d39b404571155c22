//! The Kafka clients beside the pipeline: publishing files, reading alerts, the embedded broker.

pub mod embedded;
pub mod publish;
pub mod reader;
