//! Reading changelogs back: rows read-committed and without a group, ends read-uncommitted.

use super::context::Quiet;
use super::errors::{broker_error, no_queue, plain};
use super::properties;
use crate::stream::cluster::{ChangelogRange, ChangelogRecord, TaskId};
use crate::stream::error::{BrokerError, BrokerErrorKind};
use crate::stream::ffi::PartitionQueue;
use crate::stream::options::Options;
use crate::units::{EndOffset, Offset, Position, WallTime};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset as Place, TopicPartitionList};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const CALL: Duration = Duration::from_secs(2);

/// Readers of the changelogs; dropped when nothing is left to restore.
pub(crate) struct Restore {
    readers: BTreeMap<TaskId, Reader>,
    rows: Arc<BaseConsumer<Quiet>>,
    ends: BaseConsumer<Quiet>,
}

struct Reader {
    queue: PartitionQueue<Quiet>,
    position: Position,
}

impl Restore {
    pub(crate) fn new(options: &Options) -> Result<Self, BrokerError> {
        let make = |config: &rdkafka::ClientConfig| {
            BaseConsumer::from_config_and_context(config, Quiet)
                .map_err(|error| broker_error(&error))
        };
        Ok(Self {
            readers: BTreeMap::new(),
            rows: Arc::new(make(&properties::rows(options))?),
            ends: make(&properties::ends(options))?,
        })
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.readers.is_empty()
    }

    pub(crate) fn input_end(
        &self,
        task: TaskId,
        options: &Options,
    ) -> Result<Position, BrokerError> {
        let topic = options.sources.get(task.source.0).map_or("", |source| &*source.topic);
        let (_, end) = self
            .ends
            .fetch_watermarks(topic, task.partition.0, CALL)
            .map_err(|error| broker_error(&error))?;
        Ok(Position(end))
    }

    pub(crate) fn range(
        &self,
        task: TaskId,
        tombstones_after: Option<WallTime>,
        options: &Options,
    ) -> Result<ChangelogRange, BrokerError> {
        let topic = changelog(options, task);
        let (start, end) = self
            .ends
            .fetch_watermarks(&topic, task.partition.0, CALL)
            .map_err(|error| broker_error(&error))?;
        let kept = match tombstones_after {
            None => None,
            Some(time) => Some(self.first_since(&topic, task, time, Position(end))?),
        };
        Ok(ChangelogRange {
            start: Position(start),
            end: EndOffset(end),
            tombstones_kept_from: kept,
        })
    }

    /// The first position whose record is not older than `time`; `end` when all are.
    fn first_since(
        &self,
        topic: &str,
        task: TaskId,
        time: WallTime,
        end: Position,
    ) -> Result<Position, BrokerError> {
        let mut times = TopicPartitionList::new();
        times
            .add_partition_offset(topic, task.partition.0, Place::Offset(time.as_millis()))
            .map_err(|error| broker_error(&error))?;
        let found =
            self.ends.offsets_for_times(times, CALL).map_err(|error| broker_error(&error))?;
        let place = found.find_partition(topic, task.partition.0).map(|found| found.offset());
        Ok(match place {
            Some(Place::Offset(offset)) => Position(offset),
            _ => end,
        })
    }

    pub(crate) fn open(
        &mut self,
        task: TaskId,
        from: Position,
        options: &Options,
    ) -> Result<(), BrokerError> {
        let topic = changelog(options, task);
        let queue = PartitionQueue::split(&self.rows, &topic, task.partition.0, None)
            .ok_or_else(|| no_queue(&topic, task.partition))?;
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&topic, task.partition.0, Place::Offset(from.0))
            .map_err(|error| broker_error(&error))?;
        self.rows.incremental_assign(&list).map_err(|error| broker_error(&error))?;
        self.readers.insert(task, Reader { queue, position: from });
        Ok(())
    }

    /// Markers and aborted records take offsets and hand over nothing, so the position comes from
    /// the client's end-of-partition entries, too: each names the next offset to fetch.
    pub(crate) fn read(
        &mut self,
        task: TaskId,
        max: usize,
        each: &mut dyn FnMut(ChangelogRecord<'_>),
    ) -> Result<Position, BrokerError> {
        // Serves errors and keeps the client's clock for polls; no record comes this way.
        self.rows.poll(Duration::ZERO);
        let reader = self.readers.get_mut(&task).ok_or_else(|| not_open(task))?;
        let mut failed = None;
        let mut position = reader.position;
        reader.queue.consume(max, Duration::from_millis(2), |message| match message.error() {
            None => {
                let offset = Offset(message.offset());
                position = position.max(offset.next());
                if let Some(key) = message.key() {
                    each(ChangelogRecord { offset, key, value: message.value() });
                }
            }
            Some((RDKafkaErrorCode::PartitionEOF, _)) => {
                position = position.max(Position(message.offset()));
            }
            Some((code, text)) => {
                failed.get_or_insert_with(|| plain(code, text, false));
            }
        });
        reader.position = position;
        failed.map_or(Ok(position), Err)
    }

    pub(crate) fn close(&mut self, task: TaskId, options: &Options) {
        if self.readers.remove(&task).is_none() {
            return;
        }
        let mut list = TopicPartitionList::new();
        list.add_partition(&changelog(options, task), task.partition.0);
        if let Err(error) = self.rows.incremental_unassign(&list) {
            tracing::debug!(%error, "closing a changelog reader");
        }
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        self.readers.clear();
    }
}

/// Read before it was opened: no position would ever come, so the worker starts anew.
fn not_open(task: TaskId) -> BrokerError {
    BrokerError {
        kind: BrokerErrorKind::Unclear,
        code: "State".to_owned(),
        text: format!("the changelog of partition {} is not open", task.partition),
    }
}

fn changelog(options: &Options, task: TaskId) -> String {
    options
        .sources
        .get(task.source.0)
        .map(|source| options.changelog_topic(source))
        .unwrap_or_default()
}
