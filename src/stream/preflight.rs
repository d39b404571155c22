//! What `run` checks before it starts: topics there, partition counts equal, settings fit.
//!
//! Creates and alters nothing: `tidegate topics create` does (`topics.rs`). A topic that does not fit
//! is named with the setting that differs, and a person decides.

use super::error::BrokerError;
use super::kafka::Admin;
use super::options::{Guarantee, Options};
use crate::units::Span;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Room for headers and key around a dead letter's value, in bytes.
const ENVELOPE_BYTES: i64 = 16 * 1024;
/// A record of this many bytes passes an unchanged topic.
const DEFAULT_MESSAGE_BYTES: i64 = 1_048_588;
/// What a changelog should take: Kafka's own default, as for any topic.
const CHANGELOG_BYTES: i64 = DEFAULT_MESSAGE_BYTES;
/// The largest alert that `alerts.max_bytes` allows, its headers, and a batch's frame.
const ALERT_BYTES: i64 = 262_144;
/// Kafka's own default of `delete.retention.ms`.
const DEFAULT_TOMBSTONES_MS: i64 = 86_400_000;

/// A topic as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Partitions.
    pub partitions: i32,
    /// Copies that the partition with the fewest has.
    pub replication: i32,
    /// All settings, defaults included.
    pub settings: BTreeMap<String, String>,
}

/// What the workers need to know about topics that were checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// How long the changelogs keep tombstones.
    pub tombstones_kept: Span,
    /// Largest value that fits into the dead-letter topic with its headers, in bytes.
    pub dead_letter_bytes: usize,
    /// Partitions of the sources, in their order.
    pub source_partitions: Vec<i32>,
}

/// Why the topics cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TopicsError {
    /// No broker answered; exit 69.
    #[error("could not reach Kafka at {brokers}: {text}")]
    Unreachable {
        /// `kafka.brokers`.
        brokers: String,
        /// The client's words.
        text: String,
    },
    /// Topics are absent; exit 69.
    #[error("topic {} does not exist. hint: tidegate topics create{}",
        names.join(", "), if *with_source { " --with-source" } else { "" })]
    Missing {
        /// Which.
        names: Vec<String>,
        /// An input topic is among them.
        with_source: bool,
    },
    /// Topics are there and must not be used; exit 1.
    #[error("{}", .0.join("\n"))]
    Unfit(Vec<String>),
    /// The broker refused; exit 69.
    #[error("{0}")]
    Refused(#[from] BrokerError),
}

/// Checks at the start of `run`; a missing topic is waited for until `patience` is over.
///
/// # Errors
/// [`TopicsError`], each with its exit code in the doc of the variant.
pub fn check(options: &Options, patience: Duration) -> Result<Checked, TopicsError> {
    if options.guarantee == Guarantee::Embedded {
        return Ok(Checked {
            tombstones_kept: Span::from_millis(DEFAULT_TOMBSTONES_MS),
            dead_letter_bytes: options.max_record_bytes,
            source_partitions: Vec::new(),
        });
    }
    let deadline = Instant::now() + patience;
    let admin = connect(options)?;
    loop {
        match check_once(&admin, options) {
            Err(TopicsError::Missing { .. } | TopicsError::Unreachable { .. })
                if Instant::now() < deadline =>
            {
                std::thread::park_timeout(Duration::from_millis(500));
            }
            other => return other,
        }
    }
}

fn check_once(admin: &Admin, options: &Options) -> Result<Checked, TopicsError> {
    let cluster = admin.cluster().map_err(|error| unreachable(options, &error))?;
    let names = needed(options);
    let (mut present, mut missing) = (BTreeMap::new(), Vec::new());
    for name in names {
        match cluster.topics.get(&name) {
            Some(topic) => drop(present.insert(name, topic.clone())),
            None => missing.push(name),
        }
    }
    if !missing.is_empty() {
        let is_source = |name: &String| options.sources.iter().any(|s| s.topic == *name);
        let with_source = missing.iter().any(is_source);
        return Err(TopicsError::Missing { names: missing, with_source });
    }
    admin.describe(&mut present)?;
    let broker = match cluster.brokers.first() {
        // An access list may hide the broker's settings; then the broker itself refuses later.
        Some(id) => admin.broker(*id).unwrap_or_default(),
        None => BTreeMap::new(),
    };
    let checked = verdict(options, &present, &broker)?;
    for warning in warnings(options, &present) {
        tracing::warn!("{warning}");
    }
    Ok(checked)
}

/// What a topic may be and had better not, for the promise of delivery.md; needs no broker.
fn warnings(options: &Options, found: &BTreeMap<String, Found>) -> Vec<String> {
    let changelogs = options.sources.iter().map(|source| options.changelog_topic(source));
    let mut warnings = Vec::new();
    for (name, least) in changelogs
        .map(|name| (name, CHANGELOG_BYTES))
        .chain([(options.alerts_topic.clone(), ALERT_BYTES)])
    {
        let Some(topic) = found.get(&name) else { continue };
        if topic.replication < 3 {
            warnings.push(format!(
                "topic '{name}' has replication factor {}: what was acknowledged is lost with its \
                 brokers. hint: 3, with min.insync.replicas=2",
                topic.replication
            ));
        } else if topic.number("min.insync.replicas").is_some_and(|least| least < 2) {
            warnings.push(format!(
                "topic '{name}' has min.insync.replicas=1: what one broker acknowledged alone is \
                 lost with it. hint: 2"
            ));
        }
        if let Some(bytes) = topic.number("max.message.bytes")
            && bytes < least
        {
            warnings.push(format!(
                "topic '{name}' has max.message.bytes={bytes}: a record that does not fit stops \
                 its worker. hint: at least {least}"
            ));
        }
    }
    warnings
}

/// What is wrong with topics that are all there; needs no broker.
fn verdict(
    options: &Options,
    found: &BTreeMap<String, Found>,
    broker: &BTreeMap<String, String>,
) -> Result<Checked, TopicsError> {
    let nothing = Found::default();
    let topic = |name: &str| found.get(name).unwrap_or(&nothing);
    let mut problems = Vec::new();
    let mut tombstones_kept = i64::MAX;
    let mut source_partitions = Vec::new();
    for source in &options.sources {
        let name = options.changelog_topic(source);
        let (input, changelog) = (topic(&source.topic), topic(&name));
        source_partitions.push(input.partitions);
        if input.partitions != changelog.partitions {
            problems.push(format!(
                "changelog topic '{name}' has {} partitions, but its source '{}' has {}: state \
                 would be read into the wrong tasks. hint: stop all workers, delete '{name}' and \
                 the state directory, then tidegate topics create; the group's offsets must be \
                 reset, too",
                changelog.partitions, source.topic, input.partitions,
            ));
        }
        let policy = changelog.text("cleanup.policy");
        if policy != "compact" {
            problems.push(format!(
                "changelog topic '{name}' has cleanup.policy={policy}, which deletes state. hint: \
                 kafka-configs --alter --entity-type topics --entity-name {name} --add-config \
                 cleanup.policy=compact"
            ));
        }
        let kept = changelog.number("delete.retention.ms").unwrap_or(DEFAULT_TOMBSTONES_MS);
        tombstones_kept = tombstones_kept.min(kept);
    }
    if let Some(limit) = broker.get("transaction.max.timeout.ms").and_then(|v| v.parse().ok()) {
        let wanted = options.transaction_timeout.as_millis();
        let limit: i64 = limit;
        if wanted > limit {
            problems.push(format!(
                "kafka.transaction_timeout is {}, but the broker allows at most {}. hint: lower \
                 it, or raise transaction.max.timeout.ms on the brokers",
                options.transaction_timeout,
                Span::from_millis(limit),
            ));
        }
    }
    let codec = &*options.producer_compression;
    let alerts = topic(&options.alerts_topic).text("compression.type");
    if matches!(codec, "lz4" | "zstd" | "snappy") && !matches!(alerts, "gzip" | "uncompressed") {
        problems.push(format!(
            "kafka.producer_compression is {codec}, which many readers of alerts cannot unpack, \
             and topic '{}' has compression.type={alerts}. hint: set compression.type=gzip on the \
             topic, so that the broker recompresses, or use producer_compression = \"gzip\"",
            options.alerts_topic,
        ));
    }
    if !problems.is_empty() {
        return Err(TopicsError::Unfit(problems));
    }
    Ok(Checked {
        tombstones_kept: Span::from_millis(tombstones_kept),
        dead_letter_bytes: dead_letter_bytes(options, found),
        source_partitions,
    })
}

fn dead_letter_bytes(options: &Options, found: &BTreeMap<String, Found>) -> usize {
    let Some(topic) = &options.dead_letter_topic else { return options.max_record_bytes };
    let limit = found.get(topic).and_then(|topic| topic.number("max.message.bytes"));
    let limit = limit.unwrap_or(DEFAULT_MESSAGE_BYTES).saturating_sub(ENVELOPE_BYTES).max(0);
    usize::try_from(limit).unwrap_or(usize::MAX).min(options.max_record_bytes)
}

impl Found {
    fn text(&self, name: &str) -> &str {
        self.settings.get(name).map_or("", String::as_str)
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.settings.get(name)?.parse().ok()
    }
}

/// Names of all topics that `run` uses.
fn needed(options: &Options) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    for source in &options.sources {
        names.insert(source.topic.clone());
        names.insert(options.changelog_topic(source));
    }
    names.insert(options.alerts_topic.clone());
    names.extend(options.dead_letter_topic.clone());
    names
}

fn connect(options: &Options) -> Result<Admin, TopicsError> {
    Admin::connect(options).map_err(|error| unreachable(options, &error))
}

fn unreachable(options: &Options, error: &BrokerError) -> TopicsError {
    TopicsError::Unreachable { brokers: options.brokers.clone(), text: error.text.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::options::{Properties, Rhythm, SourceOptions, StartFrom};

    fn options() -> Options {
        Options {
            app: "app".to_owned(),
            instance: "a".to_owned(),
            workers: 1,
            brokers: "b:9092".to_owned(),
            sources: vec![SourceOptions { name: "ct".to_owned(), topic: "cloudtrail".to_owned() }],
            alerts_topic: "alerts".to_owned(),
            dead_letter_topic: Some("dlq".to_owned()),
            client: Properties::default(),
            consumer: Properties::default(),
            producer: Properties::default(),
            start_from: StartFrom::Earliest,
            session_timeout: Span::from_secs(15),
            max_poll_interval: Span::from_minutes(5),
            transaction_timeout: Span::from_secs(15),
            producer_compression: "gzip".to_owned(),
            rhythm: Rhythm {
                commit_interval: Span::from_millis(500),
                urgent_commit: Span::from_millis(50),
                max_dirty_bytes: 1 << 25,
            },
            batch_records: 1000,
            max_record_bytes: 8 << 20,
            guarantee: Guarantee::ExactlyOnce,
        }
    }

    fn found(partitions: i32, settings: &[(&str, &str)]) -> Found {
        let settings = settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Found { partitions, replication: 3, settings: settings.collect() }
    }

    fn good() -> BTreeMap<String, Found> {
        let changelog = [("cleanup.policy", "compact"), ("delete.retention.ms", "7200000")];
        BTreeMap::from([
            ("cloudtrail".to_owned(), found(8, &[])),
            ("tidegate-app-ct-changelog".to_owned(), found(8, &changelog)),
            ("alerts".to_owned(), found(3, &[("compression.type", "producer")])),
            ("dlq".to_owned(), found(3, &[("max.message.bytes", "1048588")])),
        ])
    }

    fn problem(options: &Options, found: &BTreeMap<String, Found>) -> String {
        let broker =
            BTreeMap::from([("transaction.max.timeout.ms".to_owned(), "900000".to_owned())]);
        verdict(options, found, &broker).err().map_or_else(String::new, |error| error.to_string())
    }

    #[test]
    fn fit_topics_tell_how_long_tombstones_are_kept_and_what_a_dead_letter_may_weigh() {
        let checked = verdict(&options(), &good(), &BTreeMap::new()).expect("all is fit");

        assert_eq!(checked.tombstones_kept, Span::from_hours(2));
        assert_eq!(checked.dead_letter_bytes, 1_048_588 - 16 * 1024);
        assert_eq!(checked.source_partitions, [8]);
    }

    #[test]
    fn topics_as_create_makes_them_give_no_warning() {
        assert_eq!(warnings(&options(), &good()), Vec::<String>::new());
    }

    #[test]
    fn topics_that_may_lose_or_refuse_records_are_named_with_what_would_help() {
        let mut topics = good();
        topics.get_mut("alerts").expect("is there").replication = 1;
        let settings =
            [("min.insync.replicas", "1"), ("max.message.bytes", "1000"), ("cleanup.policy", "x")];
        topics.insert("tidegate-app-ct-changelog".to_owned(), found(8, &settings));

        let text = warnings(&options(), &topics).join("\n");

        assert!(text.contains("topic 'alerts' has replication factor 1"), "{text}");
        assert!(text.contains("changelog' has min.insync.replicas=1"), "{text}");
        assert!(text.contains("changelog' has max.message.bytes=1000"), "{text}");
        assert_eq!(text.lines().count(), 3);
    }

    #[test]
    fn another_partition_count_of_the_changelog_is_refused() {
        let mut topics = good();
        topics.insert(
            "tidegate-app-ct-changelog".to_owned(),
            found(4, &[("cleanup.policy", "compact")]),
        );

        let text = problem(&options(), &topics);

        assert!(text.contains("has 4 partitions, but its source 'cloudtrail' has 8"), "{text}");
    }

    #[test]
    fn a_changelog_that_is_not_compacted_is_refused() {
        let mut topics = good();
        topics.insert(
            "tidegate-app-ct-changelog".to_owned(),
            found(8, &[("cleanup.policy", "delete")]),
        );

        assert!(problem(&options(), &topics).contains("cleanup.policy=delete"));
    }

    #[test]
    fn a_codec_that_alert_readers_may_not_know_needs_a_topic_that_recompresses() {
        let lz4 = Options { producer_compression: "lz4".to_owned(), ..options() };
        let mut topics = good();
        assert!(problem(&lz4, &topics).contains("compression.type=gzip"));

        topics.insert("alerts".to_owned(), found(3, &[("compression.type", "gzip")]));
        assert_eq!(problem(&lz4, &topics), "");
    }

    #[test]
    fn a_transaction_time_out_beyond_the_brokers_limit_is_refused() {
        let slow = Options { transaction_timeout: Span::from_hours(1), ..options() };

        assert!(problem(&slow, &good()).contains("at most 15m"));
    }
}
