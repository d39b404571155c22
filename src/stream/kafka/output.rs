//! The transactional producer, replaced after anything unclear.
//!
//! librdkafka has neither KIP-588 nor the epoch bump of KIP-890 part 2: only a new
//! `init_transactions` makes sure that no delayed request of an old transaction ends a new one.

use super::context::{Deliveries, Report};
use super::errors::{broker_error, transaction_error};
use super::{input, properties};
use crate::stream::cluster::{Drained, Membership, OutputRecord, Target, TaskId};
use crate::stream::error::{BrokerError, BrokerErrorKind};
use crate::stream::ffi::{self, Bell};
use crate::stream::options::Options;
use crate::units::{Offset, Position};
use rdkafka::Offset as Place;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::types::RDKafkaErrorCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long one transaction call may wait for the coordinator before it is asked again.
const CALL: Duration = Duration::from_secs(5);

/// At most so long between two looks at what is in flight: a report rings, but something else may
/// have stood before it in the queue.
const DRAIN_PAUSE: Duration = Duration::from_millis(2);

/// Codec of changelog records. Only tidegate reads them, so no consumer's ability matters; gzip took
/// a fifth of the CPU time of a worker that catches up.
const CHANGELOG_CODEC: &str = "lz4";

/// A producer and the tasks whose changelog records are under way.
pub(crate) struct Output {
    // Dropped before the producer that they belong to.
    #[expect(dead_code, reason = "owned for its drop")]
    changelog_codecs: Vec<ffi::TopicCodec>,
    #[expect(dead_code, reason = "owned for its drop")]
    reports: Option<ffi::Queue>,
    bell: Arc<Bell>,
    producer: BaseProducer<Deliveries>,
    slots: Vec<TaskId>,
    changelogs: Vec<String>,
}

impl Output {
    /// Makes a producer without talking to a broker.
    pub(crate) fn new(options: &Options, worker: usize) -> Result<Self, BrokerError> {
        let config = properties::output(options, worker);
        let producer = BaseProducer::from_config_and_context(&config, Deliveries::default())
            .map_err(|error| broker_error(&error))?;
        let changelogs: Vec<String> =
            options.sources.iter().map(|source| options.changelog_topic(source)).collect();
        let codec = match options.producer_compression.as_str() {
            "gzip" => Some(CHANGELOG_CODEC),
            _ => None,
        };
        let set = |(topic, codec): (&String, &str)| {
            ffi::TopicCodec::set(producer.client().native_ptr(), topic, codec)
        };
        let topics = changelogs.iter();
        let changelog_codecs = topics.filter_map(|topic| set((topic, codec?))).collect();
        let bell = Arc::new(Bell::default());
        let reports = ffi::Queue::of_reports(producer.client().native_ptr(), &bell);
        Ok(Self { changelog_codecs, reports, bell, producer, slots: Vec::new(), changelogs })
    }

    /// Fences predecessors and aborts what they left open.
    pub(crate) fn init(&self) -> Result<(), BrokerError> {
        self.producer.init_transactions(CALL).map_err(|error| broker_error(&error))
    }

    pub(crate) fn begin(&mut self) -> Result<(), BrokerError> {
        self.slots.clear();
        *self.producer.context().report() = Report::default();
        self.producer.begin_transaction().map_err(|error| broker_error(&error))
    }

    pub(crate) fn produce(
        &mut self,
        target: Target,
        record: &OutputRecord<'_>,
        options: &Options,
    ) -> Result<(), BrokerError> {
        let (topic, partition, slot) = match target {
            Target::Changelog(task) => {
                let topic = self.changelogs.get(task.source.0).map_or("", |topic| &**topic);
                let slot = self.slots.iter().position(|known| *known == task);
                let slot = slot.unwrap_or_else(|| {
                    self.slots.push(task);
                    self.slots.len() - 1
                });
                (topic, Some(task.partition.0), slot + 1)
            }
            Target::Alerts => (&*options.alerts_topic, None, 0),
            Target::DeadLetters => (options.dead_letter_topic.as_deref().unwrap_or(""), None, 0),
        };
        let record = BaseRecord::<'_, [u8], [u8], usize> {
            topic,
            partition,
            payload: record.value,
            key: record.key,
            timestamp: Some(record.time.as_millis()),
            headers: headers(record.headers),
            delivery_opaque: slot,
        };
        self.producer.send(record).map_err(|(error, _)| match error {
            KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) => {
                BrokerError { kind: BrokerErrorKind::Retriable, ..broker_error(&error) }
            }
            _ => broker_error(&error),
        })
    }

    /// Serves delivery reports as they come. `flush` takes at least 100 ms whenever anything is in
    /// flight, and `commit_transaction` calls it (exactly-once.md §2 step 5); a poll of rdkafka that
    /// may wait takes its whole time, whatever has come.
    pub(crate) fn drain(&mut self, wait: Duration) -> Result<Drained, BrokerError> {
        let deadline = Instant::now() + wait;
        let mut before = 0;
        loop {
            self.producer.poll(Duration::ZERO);
            let in_flight = usize::try_from(self.producer.in_flight_count()).unwrap_or(0);
            if let Some(failed) = self.producer.context().report().failed.clone() {
                return Err(failed);
            }
            if in_flight == 0 {
                return Ok(Drained::Complete(self.delivered()));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Drained::InFlight(in_flight));
            }
            if in_flight == before {
                self.bell.wait(left.min(DRAIN_PAUSE));
            }
            before = in_flight;
        }
    }

    fn delivered(&self) -> Vec<(TaskId, Position)> {
        let report = self.producer.context().report();
        let behind = |(slot, offset): (&usize, &i64)| {
            self.slots.get(*slot).map(|task| (*task, Offset(*offset).next()))
        };
        report.highest.iter().filter_map(behind).collect()
    }

    pub(crate) fn send_offsets(
        &self,
        offsets: &[(TaskId, Position)],
        membership: &Membership,
        options: &Options,
        worker: usize,
    ) -> Result<(), BrokerError> {
        let places = offsets.iter().map(|(task, position)| (*task, Place::Offset(position.0)));
        let list = input::list(options, places)?;
        ffi::send_offsets(
            self.producer.client().native_ptr(),
            &list,
            &options.app,
            membership,
            &options.group_instance_id(worker),
            CALL,
        )
        .map_err(|error| transaction_error(&error))
    }

    pub(crate) fn commit(&self) -> Result<(), BrokerError> {
        self.producer.commit_transaction(CALL).map_err(|error| broker_error(&error))
    }

    pub(crate) fn abort(&self) -> Result<(), BrokerError> {
        // rdkafka's abort does not serve the reports of the records that it purges.
        self.producer.poll(Duration::ZERO);
        self.producer.abort_transaction(CALL).map_err(|error| broker_error(&error))
    }
}

fn headers(list: &[(String, Vec<u8>)]) -> Option<OwnedHeaders> {
    if list.is_empty() {
        return None;
    }
    let mut headers = OwnedHeaders::new_with_capacity(list.len());
    for (name, value) in list {
        headers = headers.insert(Header { key: name, value: Some(value.as_slice()) });
    }
    Some(headers)
}
