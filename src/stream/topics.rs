//! The topics that tidegate needs: what they must look like, what is there, and the difference.
//!
//! `topics create` makes what is absent, `topics plan` shows the table, `run` checks and creates
//! nothing. No topic is ever altered or deleted from here: a wrong one is named with the setting
//! that differs, and a person decides.

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
/// Kafka's own default of `delete.retention.ms`.
const DEFAULT_TOMBSTONES_MS: i64 = 86_400_000;

/// What a topic is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Input; made only when asked for.
    Source,
    /// State rows of one source.
    Changelog,
    /// Alerts.
    Alerts,
    /// Records that could not be read.
    DeadLetters,
}

/// A topic as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// Partitions; of a changelog exactly those of its source.
    pub partitions: i32,
    /// Replicas.
    pub replication: i32,
    /// Settings by name.
    pub settings: Vec<(&'static str, String)>,
}

/// A topic as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Partitions.
    pub partitions: i32,
    /// All settings, defaults included.
    pub settings: BTreeMap<String, String>,
}

/// One line of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// As it should be.
    pub wanted: Wanted,
    /// As it is.
    pub found: Option<Found>,
    /// What `create` does about it.
    pub action: TopicAction,
}

/// What `create` does about a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopicAction {
    /// It is absent.
    Create,
    /// It is fine.
    Keep,
    /// It is there and differs: `name: found, wanted` for each difference. Left alone.
    Differs(Vec<String>),
}

/// Choices of `topics create` that no configuration holds.
#[derive(Debug, Clone)]
pub struct CreateOptions {
    /// Also the input topics.
    pub with_source: bool,
    /// Partitions of input topics that are created.
    pub source_partitions: i32,
    /// Replicas of everything; `None`: 3, or 1 on a single broker.
    pub replication: Option<i32>,
    /// `alerts.compression` for the broker: `gzip` or `uncompressed`.
    pub alerts_compression: String,
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

/// Compares what is needed with what is there.
///
/// # Errors
/// No broker answers, or an input topic is absent and not to be created.
pub fn plan(options: &Options, create: &CreateOptions) -> Result<Vec<Row>, TopicsError> {
    let admin = connect(options)?;
    let (wanted, found) = wanted_and_found(&admin, options, create)?;
    Ok(compare(wanted, &found))
}

/// Creates what is absent and returns the plan that it followed.
///
/// # Errors
/// As [`plan`]; the broker refuses to create a topic.
pub fn create(options: &Options, create: &CreateOptions) -> Result<Vec<Row>, TopicsError> {
    let admin = connect(options)?;
    let (wanted, found) = wanted_and_found(&admin, options, create)?;
    let rows = compare(wanted, &found);
    for row in rows.iter().filter(|row| row.action == TopicAction::Create) {
        admin.create(&row.wanted)?;
    }
    Ok(rows)
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
    let (present, missing): (Vec<_>, Vec<_>) =
        names.iter().cloned().partition(|name| cluster.topics.contains_key(name));
    if !missing.is_empty() {
        let is_source = |name: &String| options.sources.iter().any(|s| s.topic == *name);
        let with_source = missing.iter().any(is_source);
        return Err(TopicsError::Missing { names: missing, with_source });
    }
    let present = present.iter().map(|name| (name.clone(), cluster.topics[name])).collect();
    let found = admin.describe(&present)?;
    let broker = match cluster.brokers.first() {
        // An access list may hide the broker's settings; then the broker itself refuses later.
        Some(id) => admin.broker(*id).unwrap_or_default(),
        None => BTreeMap::new(),
    };
    verdict(options, &found, &broker)
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

fn wanted_and_found(
    admin: &Admin,
    options: &Options,
    create: &CreateOptions,
) -> Result<(Vec<Wanted>, BTreeMap<String, Found>), TopicsError> {
    let cluster = admin.cluster().map_err(|error| unreachable(options, &error))?;
    let names = needed(options);
    let present = cluster.topics.into_iter().filter(|(name, _)| names.contains(name)).collect();
    let found = admin.describe(&present)?;
    let replication = create.replication.unwrap_or(if cluster.brokers.len() < 3 { 1 } else { 3 });
    Ok((wanted(options, create, &found, replication)?, found))
}

/// The table of alerts.md §6 and exactly-once.md §6.
fn wanted(
    options: &Options,
    create: &CreateOptions,
    found: &BTreeMap<String, Found>,
    replication: i32,
) -> Result<Vec<Wanted>, TopicsError> {
    let in_sync = ("min.insync.replicas", (replication - 1).max(1).to_string());
    let day = 86_400_000_i64;
    let mut all = Vec::new();
    let mut largest = DEFAULT_MESSAGE_BYTES;
    for source in &options.sources {
        let input = found.get(&source.topic);
        let partitions = match input {
            Some(input) => input.partitions,
            None if create.with_source => create.source_partitions,
            None => {
                let names = vec![source.topic.clone()];
                return Err(TopicsError::Missing { names, with_source: true });
            }
        };
        largest = largest.max(input.and_then(|i| i.number("max.message.bytes")).unwrap_or(0));
        if create.with_source {
            all.push(Wanted {
                name: source.topic.clone(),
                role: Role::Source,
                partitions,
                replication,
                settings: vec![in_sync.clone()],
            });
        }
        all.push(Wanted {
            name: options.changelog_topic(source),
            role: Role::Changelog,
            partitions,
            replication,
            settings: vec![
                ("cleanup.policy", "compact".to_owned()),
                ("segment.ms", "600000".to_owned()),
                ("min.cleanable.dirty.ratio", "0.2".to_owned()),
                ("max.compaction.lag.ms", "3600000".to_owned()),
                ("delete.retention.ms", "3600000".to_owned()),
                in_sync.clone(),
            ],
        });
    }
    let compression = ("compression.type", create.alerts_compression.clone());
    let outgoing = |name: &str, role, days: i64, bytes: i64| Wanted {
        name: name.to_owned(),
        role,
        partitions: 3,
        replication,
        settings: vec![
            ("cleanup.policy", "delete".to_owned()),
            ("retention.ms", (days * day).to_string()),
            ("message.timestamp.type", "CreateTime".to_owned()),
            ("max.message.bytes", bytes.to_string()),
            compression.clone(),
            in_sync.clone(),
        ],
    };
    all.push(outgoing(&options.alerts_topic, Role::Alerts, 7, DEFAULT_MESSAGE_BYTES));
    if let Some(topic) = &options.dead_letter_topic {
        all.push(outgoing(topic, Role::DeadLetters, 14, largest + ENVELOPE_BYTES));
    }
    Ok(all)
}

fn compare(wanted: Vec<Wanted>, found: &BTreeMap<String, Found>) -> Vec<Row> {
    let row = |wanted: Wanted| {
        let found = found.get(&wanted.name).cloned();
        let action = found.as_ref().map_or(TopicAction::Create, |found| difference(&wanted, found));
        Row { wanted, found, action }
    };
    wanted.into_iter().map(row).collect()
}

fn difference(wanted: &Wanted, found: &Found) -> TopicAction {
    let mut differs = Vec::new();
    if wanted.role == Role::Changelog && wanted.partitions != found.partitions {
        differs.push(format!("partitions: {}, wanted {}", found.partitions, wanted.partitions));
    }
    for (name, value) in &wanted.settings {
        // Input topics belong to somebody else.
        if wanted.role != Role::Source && found.text(name) != value {
            differs.push(format!("{name}: {}, wanted {value}", found.text(name)));
        }
    }
    if differs.is_empty() { TopicAction::Keep } else { TopicAction::Differs(differs) }
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
        Found { partitions, settings: settings.collect() }
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

    #[test]
    fn a_plan_creates_what_is_absent_and_leaves_alone_what_differs() {
        let create = CreateOptions {
            with_source: false,
            source_partitions: 12,
            replication: None,
            alerts_compression: "gzip".to_owned(),
        };
        let mut topics = good();
        topics.remove("dlq");

        let wanted = wanted(&options(), &create, &topics, 3).expect("the source exists");
        let rows = compare(wanted, &topics);

        let action = |name: &str| {
            &rows.iter().find(|row| row.wanted.name == name).expect("in the plan").action
        };
        assert_eq!(action("dlq"), &TopicAction::Create);
        assert!(matches!(action("alerts"), TopicAction::Differs(_)));
        assert!(rows.iter().all(|row| row.wanted.role != Role::Source));
    }

    #[test]
    fn a_source_that_is_absent_is_an_error_unless_it_is_to_be_created() {
        let mut create = CreateOptions {
            with_source: false,
            source_partitions: 12,
            replication: None,
            alerts_compression: "gzip".to_owned(),
        };
        let error = wanted(&options(), &create, &BTreeMap::new(), 1).expect_err("no source");
        assert!(error.to_string().contains("tidegate topics create --with-source"));

        create.with_source = true;
        let all = wanted(&options(), &create, &BTreeMap::new(), 1).expect("all are made");
        assert!(all.iter().filter(|w| w.role == Role::Changelog).all(|w| w.partitions == 12));
    }
}
