//! The group consumer: events are queued, records come in batches from partition queues.

use super::context::{Announced, GroupContext};
use super::errors::{broker_error, no_queue, plain};
use super::properties;
use crate::stream::cluster::{InputRecord, Membership, Start, TaskId};
use crate::stream::error::{BrokerError, BrokerErrorKind};
use crate::stream::ffi::{self, Bell, PartitionQueue, Queue};
use crate::stream::options::Options;
use crate::units::{EndOffset, Offset, Position, RecordTime};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset as Place, TopicPartitionList};
use std::collections::BTreeMap;
use std::ffi::CString;
use std::sync::Arc;
use std::time::Duration;

/// One member of the group.
pub(crate) struct Input {
    // Dropped before the consumer: a queue must not outlive its client.
    queues: BTreeMap<TaskId, PartitionQueue<GroupContext>>,
    events: Option<Queue>,
    bell: Arc<Bell>,
    consumer: Arc<BaseConsumer<GroupContext>>,
    names: Vec<CString>,
}

impl Input {
    pub(crate) fn join(options: &Options, worker: usize) -> Result<Self, BrokerError> {
        let config = properties::input(options, worker);
        let consumer = BaseConsumer::from_config_and_context(&config, GroupContext::default())
            .map_err(|error| broker_error(&error))?;
        let topics: Vec<&str> = options.sources.iter().map(|source| &*source.topic).collect();
        consumer.subscribe(&topics).map_err(|error| broker_error(&error))?;
        let names = topics.iter().filter_map(|topic| CString::new(*topic).ok()).collect();
        let bell = Arc::new(Bell::default());
        let events = Queue::of_group(&consumer, &bell);
        let consumer = Arc::new(consumer);
        Ok(Self { queues: BTreeMap::new(), events, bell, consumer, names })
    }

    /// Waits for events or records, at most so long.
    pub(crate) fn wait(&self, at_most: Duration) {
        self.bell.wait(at_most);
    }

    /// Serves the client; what it announced is taken by the caller. A fatal error of the client is
    /// returned.
    pub(crate) fn poll(&self) -> (Vec<Announced>, Option<BrokerError>) {
        // Records do not come this way: their queues were split off before the assignment. It must
        // not wait: rdkafka would not see that a record has come, and spins at the end.
        let failed = match self.consumer.poll(Duration::ZERO) {
            Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => Some(broker_error(&error)),
            Some(Err(KafkaError::MessageConsumption(
                code @ (RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::TopicAuthorizationFailed
                | RDKafkaErrorCode::GroupAuthorizationFailed),
            ))) => Some(plain(code, code.to_string(), false)),
            Some(Err(error)) => {
                tracing::debug!(%error, "kafka consumer");
                None
            }
            Some(Ok(_)) | None => None,
        };
        (self.consumer.context().take(), failed)
    }

    pub(crate) fn assign(
        &mut self,
        tasks: &[TaskId],
        options: &Options,
    ) -> Result<(), BrokerError> {
        for task in tasks {
            let topic = topic(options, *task);
            let queue =
                PartitionQueue::split(&self.consumer, topic, task.partition.0, Some(&self.bell));
            let queue = queue.ok_or_else(|| no_queue(topic, task.partition))?;
            self.queues.insert(*task, queue);
        }
        // From the beginning, paused: with no offset given the client would look up the committed
        // one by itself and could not be moved before it has it.
        let list = list(options, tasks.iter().map(|task| (*task, Place::Beginning)))?;
        self.consumer.incremental_assign(&list).map_err(|error| broker_error(&error))?;
        if list.count() > 0 {
            self.consumer.pause(&list).map_err(|error| broker_error(&error))?;
        }
        Ok(())
    }

    pub(crate) fn unassign(
        &mut self,
        tasks: &[TaskId],
        options: &Options,
    ) -> Result<(), BrokerError> {
        for task in tasks {
            self.queues.remove(task);
        }
        let list = list(options, tasks.iter().map(|task| (*task, Place::Invalid)))?;
        self.consumer.incremental_unassign(&list).map_err(|error| broker_error(&error))
    }

    pub(crate) fn membership(&self) -> Membership {
        ffi::membership(&self.consumer)
    }

    pub(crate) fn consume(
        &mut self,
        task: TaskId,
        max: usize,
        each: &mut dyn FnMut(InputRecord<'_>),
    ) -> Result<usize, BrokerError> {
        let Some(queue) = self.queues.get_mut(&task) else { return Ok(0) };
        let mut failed = None;
        let count = queue.consume(max, Duration::ZERO, |message| match message.error() {
            None => each(InputRecord {
                offset: Offset(message.offset()),
                time: message.timestamp_ms().map(RecordTime::from_millis),
                key: message.key(),
                value: message.value().unwrap_or_default(),
                headers: &message,
            }),
            Some((code, text)) => {
                failed.get_or_insert_with(|| plain(code, text, false));
            }
        });
        failed.map_or(Ok(count), Err)
    }

    pub(crate) fn start(
        &self,
        task: TaskId,
        start: Start,
        options: &Options,
    ) -> Result<(), BrokerError> {
        let place = match start {
            Start::At(Position(position)) => Place::Offset(position),
            Start::Beginning => Place::Beginning,
        };
        let seek = list(options, [(task, place)])?;
        let moved = self
            .consumer
            .seek_partitions(seek, Duration::from_secs(2))
            .map_err(|error| retriable(&error))?;
        for element in moved.elements() {
            element.error().map_err(|error| retriable(&error))?;
        }
        let resume = list(options, [(task, Place::Invalid)])?;
        self.consumer.resume(&resume).map_err(|error| broker_error(&error))
    }

    pub(crate) fn pause(&self, task: TaskId, options: &Options) -> Result<(), BrokerError> {
        let list = list(options, [(task, Place::Invalid)])?;
        self.consumer.pause(&list).map_err(|error| broker_error(&error))
    }

    pub(crate) fn high_watermark(&self, task: TaskId) -> Option<EndOffset> {
        let name = self.names.get(task.source.0)?;
        ffi::cached_high_watermark(&self.consumer, name, task.partition.0).map(EndOffset)
    }

    pub(crate) fn committed(
        &self,
        tasks: &[TaskId],
        options: &Options,
    ) -> Result<Vec<Option<Position>>, BrokerError> {
        let asked = list(options, tasks.iter().map(|task| (*task, Place::Invalid)))?;
        // While a transactional offset commit is pending the coordinator answers "unstable" and
        // the client asks again until this time-out: short, so that other partitions are served.
        let answer = self
            .consumer
            .committed_offsets(asked, Duration::from_millis(500))
            .map_err(|error| broker_error(&error))?;
        tasks
            .iter()
            .map(|task| {
                let found = answer.find_partition(topic(options, *task), task.partition.0);
                let Some(found) = found else { return Ok(None) };
                found.error().map_err(|error| broker_error(&error))?;
                Ok(match found.offset() {
                    Place::Offset(offset) => Some(Position(offset)),
                    _ => None,
                })
            })
            .collect()
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.consumer.context().close();
        self.queues.clear();
        self.events = None;
    }
}

/// A seek fails while the client is still starting the partition: the same call succeeds soon.
fn retriable(error: &KafkaError) -> BrokerError {
    BrokerError { kind: BrokerErrorKind::Retriable, ..broker_error(error) }
}

fn topic(options: &Options, task: TaskId) -> &str {
    options.sources.get(task.source.0).map_or("", |source| &source.topic)
}

pub(super) fn list(
    options: &Options,
    places: impl IntoIterator<Item = (TaskId, Place)>,
) -> Result<TopicPartitionList, BrokerError> {
    let mut list = TopicPartitionList::new();
    for (task, place) in places {
        list.add_partition_offset(topic(options, task), task.partition.0, place)
            .map_err(|error| broker_error(&error))?;
    }
    Ok(list)
}
