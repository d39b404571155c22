//! The topics of a deployment: which there should be, which there are, and creating the missing ones.
//!
//! Settings as alerts.md §6 and exactly-once.md §6 have them. Nothing is ever altered or deleted: a
//! topic that differs is reported with what differs.

use super::access::Access;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long the brokers may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);
/// A cluster that does not answer about settings must not hold a plan up for long.
const SETTINGS_LIMIT: Duration = Duration::from_secs(5);
const DAY_MS: u64 = 86_400_000;

/// What a topic is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Input.
    Source,
    /// Rows of state of the source with this index.
    Changelog {
        /// In [`Deployment::sources`].
        source: usize,
    },
    /// Findings.
    Alerts,
    /// Records that could not be read.
    DeadLetters,
}

/// What decides which topics there should be.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// Input topics, at least one.
    pub sources: Vec<SourceTopics>,
    /// Where alerts go.
    pub alerts: String,
    /// Where dead letters go, if anywhere.
    pub dead_letters: Option<String>,
    /// Whether the broker stores alerts and dead letters with gzip, or uncompressed.
    pub gzip_alerts: bool,
    /// Partitions of a source that is created.
    pub source_partitions: i32,
    /// Copies of each record; `None` = three, fewer where there are fewer brokers.
    pub replication: Option<i32>,
    /// Copies of each changelog record; `None` = as the others.
    pub changelog_replication: Option<i32>,
}

/// The topics of one source.
#[derive(Debug, Clone)]
pub struct SourceTopics {
    /// Input topic.
    pub topic: String,
    /// Its changelog.
    pub changelog: String,
    /// Largest record that is read.
    pub max_record_bytes: u64,
}

/// One topic that should be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What for.
    pub role: Role,
    /// Its name.
    pub name: String,
    /// How many partitions; `None` = any number is right, or it depends on a source.
    pub partitions: Option<i32>,
    /// Copies; `None` = by the number of brokers.
    pub replication: Option<i32>,
    /// Topic settings that matter.
    pub settings: Vec<Setting>,
}

/// A topic setting and which values are right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// As Kafka names it.
    pub name: &'static str,
    /// What a new topic gets.
    pub value: String,
    /// Which values of an existing topic are right.
    pub right: Right,
}

/// How a setting of an existing topic is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Only this value.
    Equal,
    /// This number or a larger one; −1 is without bound.
    AtLeast,
    /// Any: the deployment may have its reasons.
    Any,
}

/// What there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// How many partitions.
    pub partitions: i32,
    /// How many copies the first partition has.
    pub replication: i32,
    /// Settings by name; empty when they may not be read.
    pub settings: BTreeMap<String, String>,
}

/// What is to be done about a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    Keep,
    /// Create it.
    Create(NewSettings),
    /// It is there and differs; a person must decide. One sentence for each difference.
    Differs(Vec<String>),
    /// It cannot be created yet; what is missing.
    Blocked(String),
}

/// How a topic is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewSettings {
    /// How many partitions.
    pub partitions: i32,
    /// How many copies.
    pub replication: i32,
    /// `min.insync.replicas`
    pub min_in_sync: i32,
}

/// One line of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// What should be there.
    pub wanted: Wanted,
    /// What is there.
    pub found: Option<Found>,
    /// What to do.
    pub action: Action,
}

/// What a cluster answers to a plan.
#[derive(Debug, Clone, Default)]
pub struct Cluster {
    /// How many brokers are there.
    pub brokers: i32,
    /// Topics by name.
    pub topics: BTreeMap<String, Found>,
}

/// Why topics cannot be looked at or created.
#[derive(Debug, thiserror::Error)]
pub enum TopicsError {
    /// Nobody answers at any of the addresses.
    #[error("cannot reach a broker at {brokers} ({why})")]
    NoBroker {
        /// Addresses that were tried.
        brokers: String,
        /// What the client says.
        why: String,
    },
    /// The brokers refuse.
    #[error("the brokers refuse: {0}")]
    Refused(String),
}

/// The topics of a deployment; sources first, since changelogs depend on them.
#[must_use]
pub fn wanted(deployment: &Deployment) -> Vec<Wanted> {
    let replication = deployment.replication;
    let mut topics = Vec::new();
    for source in &deployment.sources {
        topics.push(Wanted {
            role: Role::Source,
            name: source.topic.clone(),
            partitions: None,
            replication,
            settings: vec![setting("cleanup.policy", "delete", Right::Equal)],
        });
    }
    for (index, source) in deployment.sources.iter().enumerate() {
        topics.push(Wanted {
            role: Role::Changelog { source: index },
            name: source.changelog.clone(),
            partitions: None,
            replication: deployment.changelog_replication.or(replication),
            settings: changelog_settings(),
        });
    }
    let codec = if deployment.gzip_alerts { "gzip" } else { "uncompressed" };
    topics.push(Wanted {
        role: Role::Alerts,
        name: deployment.alerts.clone(),
        partitions: Some(3),
        replication,
        settings: vec![
            setting("cleanup.policy", "delete", Right::Equal),
            setting("retention.ms", &(7 * DAY_MS).to_string(), Right::Any),
            setting("message.timestamp.type", "CreateTime", Right::Equal),
            setting("max.message.bytes", "1048588", Right::AtLeast),
            setting("compression.type", codec, Right::Equal),
        ],
    });
    if let Some(name) = &deployment.dead_letters {
        let largest = deployment.sources.iter().map(|source| source.max_record_bytes).max();
        topics.push(Wanted {
            role: Role::DeadLetters,
            name: name.clone(),
            partitions: Some(3),
            replication,
            settings: vec![
                setting("cleanup.policy", "delete", Right::Equal),
                setting("retention.ms", &(14 * DAY_MS).to_string(), Right::Any),
                setting("max.message.bytes", &largest.unwrap_or(0).to_string(), Right::AtLeast),
                setting("compression.type", codec, Right::Equal),
            ],
        });
    }
    topics
}

fn changelog_settings() -> Vec<Setting> {
    vec![
        setting("cleanup.policy", "compact", Right::Equal),
        setting("segment.ms", "600000", Right::Any),
        setting("min.cleanable.dirty.ratio", "0.2", Right::Any),
        setting("max.compaction.lag.ms", "3600000", Right::Any),
        // A store older than half of this is restored from the start (exactly-once.md §4 step 3).
        setting("delete.retention.ms", "3600000", Right::AtLeast),
    ]
}

fn setting(name: &'static str, value: &str, right: Right) -> Setting {
    Setting { name, value: value.to_owned(), right }
}

/// Compares what should be there with what is. Pure.
#[must_use]
pub fn plan(deployment: &Deployment, with_source: WithSource, cluster: &Cluster) -> Vec<Planned> {
    let mut planned: Vec<Planned> = Vec::new();
    for wanted in wanted(deployment) {
        let found = cluster.topics.get(&wanted.name).cloned();
        // Sources stand first, so the partition count of this changelog's source is known.
        let source_partitions = match wanted.role {
            Role::Changelog { source } => planned.get(source).and_then(Planned::partitions),
            _ => None,
        };
        let action = match &found {
            Some(found) => judge(&wanted, found, source_partitions),
            None => creation(&wanted, deployment, with_source, cluster.brokers, source_partitions),
        };
        planned.push(Planned { wanted, found, action });
    }
    planned
}

/// Whether input topics are created too; they usually belong to somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithSource {
    /// Create them.
    Yes,
    /// Leave them alone.
    No,
}

impl Planned {
    /// How many partitions it has or will have.
    #[must_use]
    pub fn partitions(&self) -> Option<i32> {
        match (&self.found, &self.action) {
            (Some(found), _) => Some(found.partitions),
            (None, Action::Create(new)) => Some(new.partitions),
            (None, _) => None,
        }
    }
}

fn judge(wanted: &Wanted, found: &Found, source_partitions: Option<i32>) -> Action {
    let mut differences = Vec::new();
    if let Some(source) = source_partitions
        && source != found.partitions
    {
        let partitions = found.partitions;
        differences.push(format!("has {partitions} partitions and its source has {source}"));
    }
    for setting in &wanted.settings {
        let Some(value) = found.settings.get(setting.name) else { continue };
        if !is_right(setting, value) {
            let (name, right) = (setting.name, &setting.value);
            let least = if setting.right == Right::AtLeast { "at least " } else { "" };
            differences.push(format!("{name} is {value} and should be {least}{right}"));
        }
    }
    if differences.is_empty() { Action::Keep } else { Action::Differs(differences) }
}

fn is_right(setting: &Setting, value: &str) -> bool {
    match setting.right {
        Right::Any => true,
        Right::Equal => setting.value == value,
        Right::AtLeast => match (value.parse::<i64>(), setting.value.parse::<i64>()) {
            (Ok(-1), _) => true,
            (Ok(value), Ok(least)) => value >= least,
            _ => false,
        },
    }
}

fn creation(
    wanted: &Wanted,
    deployment: &Deployment,
    with_source: WithSource,
    brokers: i32,
    source_partitions: Option<i32>,
) -> Action {
    let partitions = match (wanted.role, with_source) {
        (Role::Source, WithSource::No) => {
            return Action::Blocked("is not there; --with-source creates it".to_owned());
        }
        (Role::Source, WithSource::Yes) => deployment.source_partitions,
        (Role::Changelog { .. }, _) => match source_partitions {
            Some(partitions) => partitions,
            None => {
                return Action::Blocked(
                    "needs as many partitions as its source, which is not there".to_owned(),
                );
            }
        },
        (Role::Alerts | Role::DeadLetters, _) => wanted.partitions.unwrap_or(3),
    };
    let replication = wanted.replication.unwrap_or(brokers.clamp(1, 3));
    let min_in_sync = if replication >= 3 { 2 } else { 1 };
    Action::Create(NewSettings { partitions, replication, min_in_sync })
}

/// Asks the cluster for what a plan needs.
///
/// # Errors
/// No broker answers, or the answer is refused.
pub fn look_at(access: &Access, deployment: &Deployment) -> Result<Cluster, TopicsError> {
    let client = admin(access)?;
    let metadata = client
        .inner()
        .fetch_metadata(None, ANSWER_LIMIT)
        .map_err(|error| failure(access, &error))?;
    let names: Vec<String> = wanted(deployment).into_iter().map(|wanted| wanted.name).collect();
    let mut cluster = Cluster {
        brokers: i32::try_from(metadata.brokers().len()).unwrap_or(i32::MAX),
        topics: BTreeMap::new(),
    };
    for topic in metadata.topics() {
        let is_there = topic.error().is_none() && !topic.partitions().is_empty();
        if is_there && names.iter().any(|name| name == topic.name()) {
            let copies = topic.partitions().first().map_or(0, |first| first.replicas().len());
            let found = Found {
                partitions: i32::try_from(topic.partitions().len()).unwrap_or(i32::MAX),
                replication: i32::try_from(copies).unwrap_or(i32::MAX),
                settings: BTreeMap::new(),
            };
            cluster.topics.insert(topic.name().to_owned(), found);
        }
    }
    read_settings(&client, &mut cluster)?;
    Ok(cluster)
}

fn read_settings(
    client: &AdminClient<DefaultClientContext>,
    cluster: &mut Cluster,
) -> Result<(), TopicsError> {
    let names: Vec<String> = cluster.topics.keys().cloned().collect();
    if names.is_empty() {
        return Ok(());
    }
    let asked: Vec<ResourceSpecifier<'_>> =
        names.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
    // Without the right to read settings the partition counts alone are compared.
    let Ok(answers) = wait_for(client.describe_configs(&asked, &options(SETTINGS_LIMIT)))? else {
        return Ok(());
    };
    for (name, answer) in names.iter().zip(answers) {
        let (Ok(resource), Some(found)) = (answer, cluster.topics.get_mut(name)) else { continue };
        for entry in resource.entries {
            if let Some(value) = entry.value {
                found.settings.insert(entry.name, value);
            }
        }
    }
    Ok(())
}

/// What became of one topic: its name, and why it was refused.
pub type Creation = (String, Result<(), String>);

/// Creates what the plan says.
///
/// A topic that appeared meanwhile counts as a refusal: it may differ, so plan again.
///
/// # Errors
/// No broker answers.
pub fn create(access: &Access, planned: &[Planned]) -> Result<Vec<Creation>, TopicsError> {
    let client = admin(access)?;
    let sync: Vec<String> = planned.iter().map(min_in_sync).collect();
    let mut new = Vec::new();
    for (planned, min_in_sync) in planned.iter().zip(&sync) {
        if let Action::Create(how) = planned.action {
            let copies = TopicReplication::Fixed(how.replication);
            let mut topic = NewTopic::new(&planned.wanted.name, how.partitions, copies)
                .set("min.insync.replicas", min_in_sync);
            for setting in &planned.wanted.settings {
                topic = topic.set(setting.name, &setting.value);
            }
            new.push(topic);
        }
    }
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let answers = wait_for(client.create_topics(&new, &options(ANSWER_LIMIT)))?
        .map_err(|error| failure(access, &error))?;
    Ok(answers
        .into_iter()
        .map(|answer| match answer {
            Ok(name) => (name, Ok(())),
            Err((name, code)) => (name, Err(code.to_string())),
        })
        .collect())
}

fn min_in_sync(planned: &Planned) -> String {
    match planned.action {
        Action::Create(how) => how.min_in_sync.to_string(),
        _ => String::new(),
    }
}

fn admin(access: &Access) -> Result<AdminClient<DefaultClientContext>, TopicsError> {
    access.config().create().map_err(|error| failure(access, &error))
}

fn options(limit: Duration) -> AdminOptions {
    AdminOptions::new().request_timeout(Some(limit)).operation_timeout(Some(limit))
}

/// The admin calls answer through a future that a thread of the client completes.
fn wait_for<T>(answer: impl Future<Output = T>) -> Result<T, TopicsError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|error| TopicsError::Refused(error.to_string()))?;
    Ok(runtime.block_on(answer))
}

fn failure(access: &Access, error: &KafkaError) -> TopicsError {
    match error.rdkafka_error_code() {
        Some(
            RDKafkaErrorCode::BrokerTransportFailure
            | RDKafkaErrorCode::AllBrokersDown
            | RDKafkaErrorCode::OperationTimedOut,
        ) => TopicsError::NoBroker {
            brokers: access.brokers.clone(),
            why: "no connection".to_owned(),
        },
        _ => TopicsError::Refused(error.to_string()),
    }
}

#[cfg(test)]
#[path = "topics_tests.rs"]
mod tests;
