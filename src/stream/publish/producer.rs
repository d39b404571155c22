//! The Kafka producer behind `publish`: idempotent, partitions chosen as Java clients do.

use super::frontier::Frontier;
use super::job::{Outgoing, PublishError, Sink};
use crate::stream::access::Access;
use rdkafka::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long the first answer of a broker may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// How long a full queue is polled before it is tried again.
const QUEUE_FULL_WAIT: Duration = Duration::from_millis(50);

/// What a deployment may choose.
#[derive(Debug, Clone)]
pub struct ProducerSettings {
    /// Where to.
    pub topic: String,
    /// Codec of batches as librdkafka names it.
    pub compression: String,
}

/// An idempotent producer into one topic.
pub struct Producer {
    client: BaseProducer<Acknowledgements>,
    topic: String,
    partitions: usize,
}

#[derive(Default)]
struct Acknowledgements(Mutex<State>);

#[derive(Default)]
struct State {
    frontier: Frontier,
    refused: Option<String>,
}

impl ClientContext for Acknowledgements {}

impl ProducerContext for Acknowledgements {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        // Nothing in here can panic, so a poisoned lock holds a whole state.
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(_) => state.frontier.acknowledge(u64::try_from(number).unwrap_or(u64::MAX)),
            Err((error, _)) => {
                state.refused.get_or_insert_with(|| error.to_string());
            }
        }
    }
}

impl Producer {
    /// Connects and checks that the topic is there.
    ///
    /// # Errors
    /// [`PublishError::NoBroker`], [`PublishError::NoTopic`], or a refused setting.
    pub fn connect(access: &Access, settings: &ProducerSettings) -> Result<Self, PublishError> {
        let refused = |error: KafkaError| PublishError::Refused { why: error.to_string() };
        let partitions = partition_count(access, &settings.topic)?;
        let mut config = access.config();
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            // The hash of Java's producer: equal keys of all clients share a partition.
            .set("partitioner", "murmur2_random")
            .set("compression.type", &settings.compression)
            .set("linger.ms", "20")
            .set("message.timeout.ms", "60000")
            .set("queue.buffering.max.messages", "100000")
            .set("queue.buffering.max.kbytes", "131072");
        let client = config.create_with_context(Acknowledgements::default()).map_err(refused)?;
        Ok(Self { client, topic: settings.topic.clone(), partitions })
    }

    /// How many partitions the topic has.
    #[must_use]
    pub fn partitions(&self) -> usize {
        self.partitions
    }

    /// The id that the cluster gave itself; empty when it has none.
    #[must_use]
    pub fn cluster_id(&self) -> String {
        self.client.client().fetch_cluster_id(CONNECT_LIMIT).unwrap_or_default()
    }

    fn poll(&self, wait: Duration) -> Result<u64, PublishError> {
        self.client.poll(wait);
        self.state(|state| match &state.refused {
            Some(why) => Err(PublishError::Refused { why: why.clone() }),
            None => Ok(state.frontier.next()),
        })
    }

    fn state<T>(&self, read: impl FnOnce(&mut State) -> T) -> T {
        let context = self.client.context();
        read(&mut context.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Sink for Producer {
    fn send(&mut self, number: u64, record: &Outgoing<'_>) -> Result<(), PublishError> {
        let opaque = usize::try_from(number).unwrap_or(usize::MAX);
        let mut message = BaseRecord::<str, [u8], usize>::with_opaque_to(&self.topic, opaque)
            .payload(record.value);
        message.key = record.key;
        message.timestamp = record.time.map(crate::units::RecordTime::as_millis);
        loop {
            match self.client.send(message) {
                Ok(()) => return Ok(()),
                Err((error, unsent)) => match error.rdkafka_error_code() {
                    Some(RDKafkaErrorCode::QueueFull) => {
                        self.poll(QUEUE_FULL_WAIT)?;
                        message = unsent;
                    }
                    Some(RDKafkaErrorCode::MessageSizeTooLarge) => {
                        return Err(PublishError::TooLarge { bytes: record.value.len() });
                    }
                    _ => return Err(PublishError::Refused { why: error.to_string() }),
                },
            }
        }
    }

    fn pass_over(&mut self, number: u64) {
        self.state(|state| state.frontier.acknowledge(number));
    }

    fn acknowledged(&mut self, wait: Duration) -> Result<u64, PublishError> {
        self.poll(wait)
    }
}

/// Asks as a consumer that may not create topics: a producer's question would create a missing one
/// on brokers with `auto.create.topics.enable`, with one partition.
fn partition_count(access: &Access, topic: &str) -> Result<usize, PublishError> {
    let brokers = access.brokers.clone();
    let unreachable = |error: KafkaError| {
        let why = match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::BrokerTransportFailure) => "no connection".to_owned(),
            _ => error.to_string(),
        };
        PublishError::NoBroker { brokers: brokers.clone(), why }
    };
    let mut config = access.config();
    config.set("allow.auto.create.topics", "false").set("group.id", "tidegate-metadata");
    let client: BaseConsumer = config.create().map_err(unreachable)?;
    let metadata = client.fetch_metadata(Some(topic), CONNECT_LIMIT).map_err(unreachable)?;
    let found = metadata.topics().iter().find(|found| found.name() == topic);
    match found {
        Some(found) if found.error().is_none() && !found.partitions().is_empty() => {
            Ok(found.partitions().len())
        }
        _ => Err(PublishError::NoTopic { topic: topic.to_owned() }),
    }
}

#[cfg(test)]
#[path = "producer_tests.rs"]
mod tests;
