//! librdkafka's embedded broker, for the demo: it forgets transactional offsets, shows aborted
//! records and keeps 5 MB of each partition. Good for plumbing, never as evidence.

use super::errors::broker_error;
use crate::stream::error::BrokerError;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

/// A broker inside this process, on loopback; gone when it is dropped.
pub struct EmbeddedBroker {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

impl EmbeddedBroker {
    /// Starts one broker on a free port.
    ///
    /// # Errors
    /// The client library could not start it.
    pub fn start() -> Result<Self, BrokerError> {
        let cluster = MockCluster::new(1).map_err(|error| broker_error(&error))?;
        Ok(Self { cluster })
    }

    /// Its address, for [`crate::stream::Options::brokers`].
    #[must_use]
    pub fn brokers(&self) -> String {
        self.cluster.bootstrap_servers()
    }

    /// Creates a topic.
    ///
    /// # Errors
    /// The broker refuses, for example because the topic exists.
    pub fn create_topic(&self, name: &str, partitions: i32) -> Result<(), BrokerError> {
        self.cluster.create_topic(name, partitions, 1).map_err(|error| broker_error(&error))
    }
}
