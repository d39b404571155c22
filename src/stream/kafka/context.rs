//! Callbacks of the clients: they queue what happened, and nothing else.

use crate::stream::error::{BrokerError, BrokerErrorKind};
use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::producer::{DeliveryResult, NoCustomPartitioner, ProducerContext};
use rdkafka::types::RDKafkaRespErr;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::errors::broker_error;

/// Logs of a client that nobody asks for more.
pub(crate) struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "kafka client");
    }
}

impl ConsumerContext for Quiet {}

/// A rebalance as librdkafka announced it; topic names and partitions.
pub(crate) enum Announced {
    Assigned(Vec<(String, i32)>),
    Revoked(Vec<(String, i32)>),
    Failed(BrokerError),
}

/// Context of the group consumer.
#[derive(Default)]
pub(crate) struct GroupContext {
    queue: Mutex<Vec<Announced>>,
    is_closing: AtomicBool,
}

impl GroupContext {
    /// Takes what was announced since the last call.
    pub(crate) fn take(&self) -> Vec<Announced> {
        std::mem::take(&mut *locked(&self.queue))
    }

    /// From now on rebalances are answered inside the callback: while a consumer is being dropped
    /// nobody else can, and the drop would never return.
    pub(crate) fn close(&self) {
        self.is_closing.store(true, Ordering::Relaxed);
    }
}

impl ClientContext for GroupContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "kafka consumer");
        // All other errors come back from a call or heal by themselves.
        let mut failure = broker_error(&error);
        if matches!(failure.kind, BrokerErrorKind::FencedInstance | BrokerErrorKind::Refused) {
            reason.clone_into(&mut failure.text);
            locked(&self.queue).push(Announced::Failed(failure));
        }
    }
}

impl ConsumerContext for GroupContext {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        error: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        if self.is_closing.load(Ordering::Relaxed) {
            let answer = match consumer.rebalance_protocol() {
                RebalanceProtocol::Cooperative
                    if error == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS =>
                {
                    consumer.incremental_assign(partitions)
                }
                RebalanceProtocol::Cooperative => consumer.incremental_unassign(partitions),
                RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.unassign(),
            };
            if let Err(error) = answer {
                tracing::debug!(%error, "rebalance while closing");
            }
            return;
        }
        let list = partitions
            .elements()
            .iter()
            .map(|element| (element.topic().to_owned(), element.partition()))
            .collect();
        locked(&self.queue).push(match error {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Announced::Assigned(list),
            _ => Announced::Revoked(list),
        });
    }
}

/// Context of the transactional producer: what became of the records of one transaction.
///
/// The opaque number of a record is 0, or 1 + the slot of the task whose changelog it belongs to.
#[derive(Default)]
pub(crate) struct Deliveries {
    report: Mutex<Report>,
}

/// Delivery reports since the transaction began.
#[derive(Default)]
pub(crate) struct Report {
    /// Highest acknowledged offset by slot.
    pub(crate) highest: BTreeMap<usize, i64>,
    /// The first record that failed.
    pub(crate) failed: Option<BrokerError>,
}

impl Deliveries {
    pub(crate) fn report(&self) -> MutexGuard<'_, Report> {
        locked(&self.report)
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "kafka producer");
    }
}

impl ProducerContext<NoCustomPartitioner> for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, slot: usize) {
        let mut report = self.report();
        match result {
            Ok(message) => note_delivery(&mut report, message, slot),
            Err((error, _)) => {
                report.failed.get_or_insert_with(|| {
                    let mut failure = broker_error(error);
                    // A record that was not delivered makes its transaction void whatever it was.
                    if failure.kind == BrokerErrorKind::Retriable {
                        failure.kind = BrokerErrorKind::AbortRequired;
                    }
                    failure
                });
            }
        }
    }
}

fn note_delivery(report: &mut Report, message: &BorrowedMessage<'_>, slot: usize) {
    if slot > 0 {
        let highest = report.highest.entry(slot - 1).or_insert(-1);
        *highest = (*highest).max(message.offset());
    }
}

fn log(level: RDKafkaLogLevel, facility: &str, text: &str) {
    match level {
        RDKafkaLogLevel::Emerg
        | RDKafkaLogLevel::Alert
        | RDKafkaLogLevel::Critical
        | RDKafkaLogLevel::Error
        | RDKafkaLogLevel::Warning => tracing::debug!(facility, text, "librdkafka warns"),
        _ => tracing::trace!(facility, text, "librdkafka"),
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
