//! The broker inside librdkafka: for the demo and for tests of plumbing.
//!
//! It implements no transactions (offsets in transactions are thrown away, aborted records are
//! visible) and holds 5 MB a partition, oldest batches first out. Never evidence of exactly-once.

use rdkafka::error::KafkaError;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

/// What a partition holds before it drops its oldest batches, as stored (compressed).
pub const HELD_BYTES_PER_PARTITION: u64 = 5 * 1024 * 1024;

/// A cluster of one broker on a loopback port that the system chose. Gone when dropped.
pub struct EmbeddedBroker {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

impl EmbeddedBroker {
    /// Starts the broker.
    ///
    /// # Errors
    /// No loopback port can be opened.
    pub fn start() -> Result<Self, KafkaError> {
        Ok(Self { cluster: MockCluster::new(1)? })
    }

    /// Creates a topic.
    ///
    /// # Errors
    /// The topic is there already, or the name is refused.
    pub fn create_topic(&self, name: &str, partitions: i32) -> Result<(), KafkaError> {
        self.cluster.create_topic(name, partitions, 1)
    }

    /// `host:port`
    #[must_use]
    pub fn brokers(&self) -> String {
        self.cluster.bootstrap_servers()
    }
}
