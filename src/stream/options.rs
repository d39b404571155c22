//! What this room needs to know, already checked: `config` builds it, nothing here reads a file.

use crate::units::Span;
use std::fmt;

/// Everything that the workers of one process share.
#[derive(Debug, Clone)]
pub struct Options {
    /// `app.id`: consumer group, prefix of transactional ids and of changelog topics.
    pub app: String,
    /// `app.instance`: unique for each process and stable over its restarts.
    pub instance: String,
    /// Threads that consume; at least 1.
    pub workers: usize,
    /// `host:port` list, comma separated.
    pub brokers: String,
    /// Input topics, at least one.
    pub sources: Vec<SourceOptions>,
    /// Where alerts go.
    pub alerts_topic: String,
    /// Where unreadable records go; `None` counts and skips them.
    pub dead_letter_topic: Option<String>,
    /// Security and pass-through properties of every client.
    pub client: Properties,
    /// Pass-through properties of consumers; they win over our fetch tuning.
    pub consumer: Properties,
    /// Pass-through properties of producers.
    pub producer: Properties,
    /// Where a partition without a committed offset begins.
    pub start_from: StartFrom,
    /// How long a silent member keeps its partitions.
    pub session_timeout: Span,
    /// How long a worker may go without polling.
    pub max_poll_interval: Span,
    /// After this the broker aborts a transaction that was left open.
    pub transaction_timeout: Span,
    /// Codec of the producer: `none`, `gzip`, `lz4` or `zstd`.
    pub producer_compression: String,
    /// When a worker commits.
    pub rhythm: Rhythm,
    /// Records taken from one partition before the next one has its turn.
    pub batch_records: usize,
    /// Largest input record that is processed; larger ones become `too_large` dead letters.
    pub max_record_bytes: usize,
    /// What the broker promises.
    pub guarantee: Guarantee,
}

/// When a worker commits (exactly-once.md §2).
#[derive(Debug, Clone, Copy)]
pub struct Rhythm {
    /// At least this often while there is progress.
    pub commit_interval: Span,
    /// So long after the first alert that waits.
    pub urgent_commit: Span,
    /// As soon as more bytes than this have changed.
    pub max_dirty_bytes: usize,
}

/// One input topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceOptions {
    /// Name of the source; part of its changelog's name.
    pub name: String,
    /// Input topic.
    pub topic: String,
}

impl Options {
    /// The changelog of a source: `tidegate-{app}-{source}-changelog`.
    #[must_use]
    pub fn changelog_topic(&self, source: &SourceOptions) -> String {
        format!("tidegate-{}-{}-changelog", self.app, source.name)
    }

    /// The transactional id of a worker; stable, so a restart aborts what it had left open.
    #[must_use]
    pub fn transactional_id(&self, worker: usize) -> String {
        format!("{}-{}-{worker}", self.app, self.instance)
    }

    /// The static member id of a worker; a quick restart under it causes no rebalance.
    #[must_use]
    pub fn group_instance_id(&self, worker: usize) -> String {
        format!("{}-{worker}", self.instance)
    }
}

/// Where a partition without a committed offset begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartFrom {
    /// At the oldest record that Kafka still has.
    Earliest,
    /// At records that arrive from now on.
    Latest,
    /// Not at all: an operator must decide.
    Error,
}

/// What the broker promises about transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guarantee {
    /// Exactly once: an Apache Kafka compatible broker.
    ExactlyOnce,
    /// librdkafka's embedded broker: it accepts transactions and forgets the offsets in them, so
    /// the meta row cannot be compared with a committed offset. One worker, no restart, demo only.
    Embedded,
}

/// librdkafka properties; values are never printed, some are passwords.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Properties(pub Vec<(String, String)>);

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}
