//! Reads a topic as its consumers do: committed records only, without a group.

use super::access::Access;
use crate::units::{Offset, PartitionId, RecordTime};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset as Start, TopicPartitionList};
use std::collections::HashSet;
use std::time::Duration;

/// How long the brokers may take to answer a question.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// Where reading begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadFrom {
    /// The oldest record.
    Beginning,
    /// What comes from now on.
    End,
    /// The first record of that time or later.
    Time(RecordTime),
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadRecord {
    /// Where it lies.
    pub partition: PartitionId,
    /// Its number there.
    pub offset: Offset,
    /// Kafka's timestamp.
    pub time: Option<RecordTime>,
    /// Its value; `None` for a tombstone.
    pub value: Option<Vec<u8>>,
}

/// Why a topic cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Nobody answers at any of the addresses.
    #[error("cannot reach a broker at {brokers} ({why})")]
    NoBroker {
        /// Addresses that were tried.
        brokers: String,
        /// What the client says.
        why: String,
    },
    /// The topic is not there.
    #[error("topic \"{topic}\" does not exist; create it with: tidegate topics create")]
    NoTopic {
        /// Its name.
        topic: String,
    },
    /// The brokers refuse.
    #[error("topic \"{topic}\" cannot be read: {why}")]
    Refused {
        /// Its name.
        topic: String,
        /// What the client says.
        why: String,
    },
}

/// Reads all partitions of one topic. Commits nothing and joins no group.
pub struct TopicReader {
    consumer: BaseConsumer,
    topic: String,
    brokers: String,
    /// Partitions whose end was reached and nothing was read since.
    at_end: HashSet<i32>,
    partitions: usize,
}

impl TopicReader {
    /// Opens `topic`.
    ///
    /// # Errors
    /// No broker, no topic, or a refusal.
    pub fn open(access: &Access, topic: &str, from: ReadFrom) -> Result<Self, ReadError> {
        let brokers = access.brokers.clone();
        let failed = |error: KafkaError| failure(&brokers, topic, &error);
        let mut config = access.config();
        config
            // librdkafka wants a name even where nobody joins; it is never used with a coordinator.
            .set("group.id", "tidegate-reader")
            .set("isolation.level", "read_committed")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("allow.auto.create.topics", "false")
            .set("auto.offset.reset", "earliest");
        let consumer: BaseConsumer = config.create().map_err(failed)?;
        let metadata = consumer.fetch_metadata(Some(topic), ANSWER_LIMIT).map_err(failed)?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        let partitions = match found {
            Some(found) if found.error().is_none() && !found.partitions().is_empty() => {
                found.partitions()
            }
            _ => return Err(ReadError::NoTopic { topic: topic.to_owned() }),
        };
        let mut starts = TopicPartitionList::new();
        for partition in partitions {
            let start = match from {
                ReadFrom::Beginning => Start::Beginning,
                ReadFrom::End => Start::End,
                ReadFrom::Time(time) => Start::Offset(time.as_millis()),
            };
            starts.add_partition_offset(topic, partition.id(), start).map_err(failed)?;
        }
        if let ReadFrom::Time(_) = from {
            // Where no record is that young the answer is the end.
            starts = consumer.offsets_for_times(starts, ANSWER_LIMIT).map_err(failed)?;
        }
        consumer.assign(&starts).map_err(failed)?;
        let partitions = partitions.len();
        let (topic, at_end) = (topic.to_owned(), HashSet::new());
        Ok(Self { consumer, topic, brokers, at_end, partitions })
    }

    /// The next record, or `None` when none came within `wait`.
    ///
    /// # Errors
    /// The topic is gone or may not be read any more. A broker that is away for a moment is no
    /// error: the client connects again.
    pub fn next(&mut self, wait: Duration) -> Result<Option<ReadRecord>, ReadError> {
        match self.consumer.poll(wait) {
            None => Ok(None),
            Some(Ok(message)) => {
                self.at_end.remove(&message.partition());
                Ok(Some(ReadRecord {
                    partition: PartitionId(message.partition()),
                    offset: Offset(message.offset()),
                    time: message.timestamp().to_millis().map(RecordTime::from_millis),
                    value: message.payload().map(<[u8]>::to_vec),
                }))
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                self.at_end.insert(partition);
                Ok(None)
            }
            Some(Err(error)) => match error.rdkafka_error_code() {
                Some(
                    RDKafkaErrorCode::BrokerTransportFailure
                    | RDKafkaErrorCode::AllBrokersDown
                    | RDKafkaErrorCode::OperationTimedOut
                    | RDKafkaErrorCode::Resolve,
                ) => Ok(None),
                _ => Err(failure(&self.brokers, &self.topic, &error)),
            },
        }
    }

    /// Whether every partition was read to its end.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.at_end.len() == self.partitions
    }
}

fn failure(brokers: &str, topic: &str, error: &KafkaError) -> ReadError {
    match error.rdkafka_error_code() {
        Some(
            RDKafkaErrorCode::BrokerTransportFailure
            | RDKafkaErrorCode::AllBrokersDown
            | RDKafkaErrorCode::OperationTimedOut,
        ) => ReadError::NoBroker { brokers: brokers.to_owned(), why: "no connection".to_owned() },
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
            ReadError::NoTopic { topic: topic.to_owned() }
        }
        _ => ReadError::Refused { topic: topic.to_owned(), why: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::embedded::EmbeddedBroker;
    use crate::stream::publish::{Producer, ProducerSettings, Sink};

    #[test]
    fn all_partitions_are_read_to_their_ends() {
        let broker = EmbeddedBroker::start().expect("starts");
        broker.create_topic("alerts", 3).expect("creates");
        let access = Access::plain(&broker.brokers());
        let settings = ProducerSettings { topic: "alerts".into(), compression: "gzip".into() };
        let mut producer = Producer::connect(&access, &settings).expect("connects");
        for number in 0..30u64 {
            let key = number.to_string();
            let record = crate::stream::publish::Outgoing {
                key: Some(&key),
                value: key.as_bytes(),
                time: Some(RecordTime::from_millis(1_767_225_600_000)),
            };
            producer.send(number, &record).expect("sends");
        }
        while producer.acknowledged(Duration::from_millis(10)).expect("is taken") < 30 {}

        let mut reader = TopicReader::open(&access, "alerts", ReadFrom::Beginning).expect("opens");
        let mut values = Vec::new();
        while !reader.is_at_end() {
            if let Some(record) = reader.next(Duration::from_millis(100)).expect("reads") {
                assert_eq!(record.time, Some(RecordTime::from_millis(1_767_225_600_000)));
                values.push(String::from_utf8(record.value.expect("a value")).expect("text"));
            }
        }

        values.sort_by_key(|value| value.parse::<u64>().expect("a number"));
        let expected: Vec<String> = (0..30).map(|number| number.to_string()).collect();
        assert_eq!(values, expected);
    }
}
