//! What the program needs, typed and checked; every room is given its part.

use super::secret::SecretFile;
use crate::rule::{Level, Tune, WhenEmpty};
use crate::telemetry::LogFormat;
use crate::units::{ByteCount, Span};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The whole configuration, checked by [`Settings::from_raw`](super::Settings).
#[derive(Debug, Clone)]
pub struct Settings {
    /// Names of the deployment and of this process.
    pub app: App,
    /// How the cluster is reached.
    pub kafka: Kafka,
    /// Input topics, at least one.
    pub sources: Vec<SourceSettings>,
    /// State and commits.
    pub state: State,
    /// Event time.
    pub time: Time,
    /// Alerts and dead letters.
    pub alerts: Alerts,
    /// Which rules run.
    pub rules: Rules,
    /// Changes to rules, `[rule.NAME]`.
    pub tune: Vec<Tune>,
    /// Lists by name, values of the configuration and of files not yet joined.
    pub lists: Vec<List>,
    /// Address of the admin listener.
    pub admin_listen: SocketAddr,
    /// Logs.
    pub log: Log,
}

/// `[app]`
#[derive(Debug, Clone)]
pub struct App {
    /// Consumer group and prefix.
    pub id: String,
    /// This process.
    pub instance: String,
    /// Worker threads, at least one.
    pub workers: usize,
    /// Limit of a graceful stop.
    pub shutdown_limit: Span,
    /// Labels for alerts.
    pub labels: Vec<String>,
}

/// `[kafka]`
#[derive(Debug, Clone)]
pub struct Kafka {
    /// `host:port`, at least one.
    pub brokers: Vec<String>,
    /// Encryption and log-in.
    pub security: SecurityProtocol,
    /// Certificates.
    pub tls: Tls,
    /// Log-in; present exactly when the protocol is a SASL one.
    pub sasl: Option<Sasl>,
    /// Heartbeat limit of the group.
    pub session_timeout: Span,
    /// Progress limit of the group.
    pub max_poll_interval: Span,
    /// Limit of a transaction.
    pub transaction_timeout: Span,
    /// Without a committed offset.
    pub start_from: StartFrom,
    /// Codec of produced batches, as librdkafka names it.
    pub producer_compression: String,
    /// Properties for consumers and producers.
    pub properties: BTreeMap<String, String>,
    /// Properties for consumers.
    pub consumer_properties: BTreeMap<String, String>,
    /// Properties for producers.
    pub producer_properties: BTreeMap<String, String>,
}

/// `kafka.security_protocol`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecurityProtocol {
    /// Neither encrypted nor logged in.
    Plaintext,
    /// Encrypted.
    Ssl,
    /// Logged in.
    SaslPlaintext,
    /// Encrypted and logged in.
    SaslSsl,
}

/// `[kafka.tls]`
#[derive(Debug, Clone, Default)]
pub struct Tls {
    /// Certificate authorities; `None` = the system's.
    pub ca_file: Option<PathBuf>,
    /// Own certificate and key, for mutual TLS.
    pub own: Option<OwnCertificate>,
}

/// Certificate and key for mutual TLS.
#[derive(Debug, Clone)]
pub struct OwnCertificate {
    /// Certificate, PEM.
    pub cert_file: PathBuf,
    /// Private key, PEM.
    pub key_file: PathBuf,
    /// Pass phrase of the key.
    pub key_password: Option<SecretFile>,
}

/// `[kafka.sasl]`
#[derive(Debug, Clone)]
pub struct Sasl {
    /// How.
    pub mechanism: Mechanism,
    /// Who.
    pub username: String,
    /// The secret, read each time it is needed.
    pub password: SecretFile,
}

/// `kafka.sasl.mechanism`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// PLAIN
    Plain,
    /// SCRAM-SHA-256
    ScramSha256,
    /// SCRAM-SHA-512
    ScramSha512,
}

/// `kafka.start_from`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartFrom {
    /// The oldest record.
    Earliest,
    /// Only what comes from now on.
    Latest,
    /// Refuse to guess.
    Error,
}

/// `[[source]]`
#[derive(Debug, Clone)]
pub struct SourceSettings {
    /// Unique name.
    pub name: String,
    /// Input topic.
    pub topic: String,
    /// What its records hold.
    pub format: Format,
    /// Fields of the producer's partition key; empty = none.
    pub key: Vec<String>,
    /// Largest record that is decoded.
    pub max_record_bytes: ByteCount,
    /// The source's own, else `time.allowed_lateness`.
    pub allowed_lateness: Span,
}

/// `source.format`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Each record by its content.
    Auto,
    /// CloudTrail only.
    CloudTrail,
}

/// `[state]`
#[derive(Debug, Clone)]
pub struct State {
    /// Folder of the stores.
    pub dir: PathBuf,
    /// Time between commits.
    pub commit_interval: Span,
    /// Delay after the first pending alert.
    pub urgent_commit: Span,
    /// Changed state of a worker that forces a commit.
    pub max_dirty_bytes: ByteCount,
    /// Write-back caches of the process together.
    pub cache: ByteCount,
    /// Whether RocksDB writes its own log.
    pub wal: bool,
    /// RocksDB's block cache of the process.
    pub block_cache: ByteCount,
    /// RocksDB's write buffer of a partition.
    pub write_buffer: ByteCount,
    /// For creating changelog topics.
    pub changelog_replication_factor: u16,
}

/// `[time]`
#[derive(Debug, Clone)]
pub struct Time {
    /// How late an event still counts.
    pub allowed_lateness: Span,
    /// How far ahead of its record an event may move the watermark.
    pub max_future_skew: Span,
    /// Memory of event ids; `None` = the largest lateness in use on the source.
    pub duplicate_horizon: Option<Span>,
}

/// `[alerts]`
#[derive(Debug, Clone)]
pub struct Alerts {
    /// Topic of alerts.
    pub topic: String,
    /// Which activities are written besides Create.
    pub emit: Emit,
    /// What the broker stores: whether gzip or nothing.
    pub compression: AlertCompression,
    /// Findings below it are counted, not written.
    pub min_severity: Level,
    /// Largest alert.
    pub max_bytes: usize,
    /// Vendor in each alert.
    pub vendor_name: String,
    /// Link template with `{uid}`.
    pub console_url: Option<String>,
    /// Topic of dead letters; `None` = counted and skipped.
    pub dlq_topic: Option<String>,
}

/// `alerts.emit`; Create is always written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Emit {
    /// Create alone.
    Create,
    /// Create and Escalate.
    CreateAndEscalate,
}

/// `alerts.compression`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertCompression {
    /// Topic setting `uncompressed`.
    None,
    /// Topic setting `gzip`.
    Gzip,
}

/// `[rules]`
#[derive(Debug, Clone)]
pub struct Rules {
    /// Whether the shipped rules run.
    pub builtin: bool,
    /// Files and folders of own rules.
    pub paths: Vec<PathBuf>,
    /// Ids or names that do not run.
    pub disable: Vec<String>,
    /// Whether a warning about a rule stops the start.
    pub deny_warnings: bool,
    /// How often `run` looks for changed files; zero: never.
    pub watch: Span,
}

/// `[lists.NAME]`
#[derive(Debug, Clone)]
pub struct List {
    /// NAME.
    pub name: String,
    /// How values compare; `None` = as the rules say.
    pub kind: Option<ListKind>,
    /// Values of the configuration; [`List::read`] adds those of the file.
    pub values: Vec<String>,
    /// File with more values.
    pub file: Option<PathBuf>,
    /// Column of a CSV file, or member of the objects of a JSON array.
    pub column: Option<String>,
    /// Whether it must hold a value.
    pub required: bool,
    /// What it matches when it is empty; `None` = as the rules say.
    pub empty: Option<WhenEmpty>,
}

/// `lists.NAME.type`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListKind {
    /// Equal text.
    String,
    /// Text with `*` and `?`.
    Glob,
    /// Network.
    Cidr,
    /// AWS account number.
    Account,
}

/// `[log]`
#[derive(Debug, Clone)]
pub struct Log {
    /// Filter of tracing.
    pub level: String,
    /// Form.
    pub format: LogFormat,
}

impl Settings {
    /// `transactional.id` of a worker; stable, so that a restart ends its own open transaction.
    #[must_use]
    pub fn transactional_id(&self, worker: usize) -> String {
        format!("{}-{}-{worker}", self.app.id, self.app.instance)
    }

    /// `group.instance.id` of a worker: static membership.
    #[must_use]
    pub fn group_instance_id(&self, worker: usize) -> String {
        format!("{}-{worker}", self.app.instance)
    }

    /// Changelog topic of a source.
    #[must_use]
    pub fn changelog_topic(&self, source: &SourceSettings) -> String {
        changelog_topic(&self.app.id, &source.name)
    }

    /// Memory of the write-back cache of one partition when the process holds `partitions`.
    #[must_use]
    pub fn cache_bytes_for_each(&self, partitions: usize) -> usize {
        let bytes = usize::try_from(self.state.cache.0).unwrap_or(usize::MAX);
        bytes / partitions.max(1)
    }
}

/// Name of the changelog topic (exactly-once.md §1).
pub(super) fn changelog_topic(app: &str, source: &str) -> String {
    format!("tidegate-{app}-{source}-changelog")
}

impl SecurityProtocol {
    /// As librdkafka writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            SecurityProtocol::Plaintext => "plaintext",
            SecurityProtocol::Ssl => "ssl",
            SecurityProtocol::SaslPlaintext => "sasl_plaintext",
            SecurityProtocol::SaslSsl => "sasl_ssl",
        }
    }

    /// Whether connections are encrypted.
    #[must_use]
    pub const fn is_encrypted(self) -> bool {
        matches!(self, SecurityProtocol::Ssl | SecurityProtocol::SaslSsl)
    }

    /// Whether clients log in.
    #[must_use]
    pub const fn is_sasl(self) -> bool {
        matches!(self, SecurityProtocol::SaslPlaintext | SecurityProtocol::SaslSsl)
    }
}

impl Mechanism {
    /// As librdkafka writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Mechanism::Plain => "PLAIN",
            Mechanism::ScramSha256 => "SCRAM-SHA-256",
            Mechanism::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

impl AlertCompression {
    /// Value of the topic's `compression.type`.
    #[must_use]
    pub const fn topic_setting(self) -> &'static str {
        match self {
            AlertCompression::None => "uncompressed",
            AlertCompression::Gzip => "gzip",
        }
    }
}
