//! What consuming costs at the least: the floor that the benches compare `run` with.

use super::ffi::{Bell, PartitionQueue};
use super::kafka::tune_fetching;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer, DefaultConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::sync::Arc;
use std::time::Duration;

const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// As large as a batch of `run`.
const BATCH_RECORDS: usize = 2000;

/// How the records of a floor are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetching {
    /// As `run` does by default: small shares and short queues, which stay in the processor's cache.
    AsRun,
    /// As a consumer does whose author looks for throughput: librdkafka's own shares of 1 MiB and
    /// queues of 16 MiB for each partition.
    Plain,
}

/// Takes the first `limit` records of a topic in batches from its partition queues and looks at
/// nothing but one byte of each. After each batch `taken` is told how many there were. Joins no
/// group and commits nothing.
///
/// Returns the number of records; fewer than `limit` only if the topic has fewer.
///
/// # Errors
/// No broker answers, or the topic cannot be read.
pub fn consume_raw(
    brokers: &str,
    topic: &str,
    limit: u64,
    fetching: Fetching,
    taken: &mut dyn FnMut(u64),
) -> Result<u64, KafkaError> {
    let mut config = ClientConfig::new();
    match fetching {
        Fetching::AsRun => tune_fetching(&mut config),
        Fetching::Plain => {
            config.set("fetch.wait.max.ms", "50");
            config.set("fetch.queue.backoff.ms", "50");
            config.set("fetch.min.bytes", "65536");
            config.set("queued.max.messages.kbytes", "16384");
        }
    }
    config
        .set("bootstrap.servers", brokers)
        // The client wants a name to assign by hand; nobody joins.
        .set("group.id", "tidegate-measure")
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false");
    let consumer: Arc<BaseConsumer<DefaultConsumerContext>> = Arc::new(config.create()?);
    let metadata = consumer.fetch_metadata(Some(topic), ANSWER_LIMIT)?;
    let partitions = metadata.topics().first().map_or(&[][..], |topic| topic.partitions());
    let bell = Arc::new(Bell::default());
    let (mut list, mut queues, mut there) = (TopicPartitionList::new(), Vec::new(), 0);
    for partition in partitions {
        let (low, high) = consumer.fetch_watermarks(topic, partition.id(), ANSWER_LIMIT)?;
        there += high.saturating_sub(low).unsigned_abs();
        list.add_partition_offset(topic, partition.id(), Offset::Beginning)?;
        queues.extend(PartitionQueue::split(&consumer, topic, partition.id(), Some(&bell)));
    }
    consumer.assign(&list)?;
    let limit = limit.min(there);
    let (mut count, mut first_bytes) = (0u64, 0u64);
    let mut failed = None;
    while count < limit {
        let before = count;
        for queue in &mut queues {
            queue.consume(BATCH_RECORDS, Duration::ZERO, |message| {
                if let Some((code, _)) = message.error() {
                    failed.get_or_insert(KafkaError::MessageConsumption(code));
                    return;
                }
                count += 1;
                let first = message.value().and_then(|value| value.first());
                first_bytes = first_bytes.wrapping_add(first.copied().map_or(0, u64::from));
            });
        }
        if let Some(error) = failed {
            return Err(error);
        }
        if count == before {
            // Serves the client; records do not come this way.
            drop(consumer.poll(Duration::ZERO));
            bell.wait(Duration::from_millis(50));
        } else {
            taken(count);
        }
    }
    std::hint::black_box(first_bytes);
    Ok(count)
}
