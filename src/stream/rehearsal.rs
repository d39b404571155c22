//! The demo's way: a generated organization through a real topic and a real pipeline, then a count.
//!
//! Owns topics, pacing and the verdict. The pipeline is given as a function, so that the demo runs
//! the same one as `run` and tests put a fake in its place. The verdict is counted from the alerts
//! topic alone, by a reader of committed records that starts at its beginning when all is over.
//!
//! ```text
//! Organization ─▶ source topic ─▶ pipeline ─▶ alerts topic ─▶ live view
//!       └─ Truth ───────────────────────────────▶ verdict ◀── second reader, from the beginning
//! ```

use super::access::Access;
use super::embedded::{EmbeddedBroker, HELD_BYTES_PER_PARTITION};
use super::publish::{Outgoing, Producer, ProducerSettings, PublishError, Sink};
use super::reader::{ReadError, ReadFrom, TopicReader};
use super::topics::{self, Action, Deployment, SourceTopics, TopicsError, WithSource};
use crate::generate::{Organization, Sighting, Verdict};
use crate::rule::Level;
use crate::units::{EventTime, Span};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What a record of the generated stream takes in the embedded broker at most, on average: a batch
/// of one record, compressed (1,750 bytes of JSON become about 900).
const STORED_BYTES_PER_EVENT: u64 = 1000;
/// How full a partition may be on average: the fullest one holds about twice as much.
const AVERAGE_FILL: u64 = HELD_BYTES_PER_PARTITION * 2 / 5;
const PARTITIONS_MAX: u64 = 48;
/// How long the pipeline may stand still before the demo gives up waiting.
const PATIENCE: Duration = Duration::from_secs(30);
const TICK: Duration = Duration::from_millis(200);

/// An error of the pipeline, whatever it is made of.
pub type PipelineError = Box<dyn std::error::Error + Send + Sync>;

/// A running pipeline.
pub trait Pipeline {
    /// What it has done so far.
    fn progress(&self) -> PipelineProgress;

    /// Commits what is open and ends; the call returns when all of it is over.
    ///
    /// # Errors
    /// A worker could not end in order.
    fn stop(self: Box<Self>) -> Result<(), PipelineError>;
}

/// What a pipeline has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PipelineProgress {
    /// Events that were decoded, whatever became of them.
    pub events: u64,
    /// The least watermark of its partitions.
    pub watermark: Option<EventTime>,
    /// Groups with live state.
    pub windows: u64,
}

/// Where a pipeline has to work.
#[derive(Debug, Clone)]
pub struct PipelineOptions {
    /// The cluster.
    pub access: Access,
    /// Input.
    pub source: String,
    /// Rows of state.
    pub changelog: String,
    /// Output.
    pub alerts: String,
    /// What could not be read.
    pub dead_letters: String,
    /// Whether the cluster is the embedded broker: one worker, no committed offsets to compare.
    pub is_embedded: bool,
}

/// Starts a pipeline.
pub type StartPipeline<'a> =
    dyn FnMut(&PipelineOptions) -> Result<Box<dyn Pipeline>, PipelineError> + 'a;

/// Sees what happens.
pub trait Audience {
    /// An alert was committed.
    fn alert(&mut self, alert: &Value);

    /// Some time has passed.
    fn tick(&mut self, status: &Status);
}

/// How far a rehearsal is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Status {
    /// Events in the topic.
    pub published: u64,
    /// Events that will be.
    pub total: u64,
    /// What the pipeline has done.
    pub pipeline: PipelineProgress,
    /// Alerts that were seen.
    pub alerts: u64,
    /// Since the first event.
    pub elapsed: Duration,
}

/// Where a rehearsal takes place.
#[derive(Debug, Clone)]
pub enum Stage {
    /// On the broker inside librdkafka.
    Embedded,
    /// On a cluster that is there; topics get `suffix`, so that runs do not meet.
    Cluster {
        /// How it is reached.
        access: Access,
        /// Unique for this run.
        suffix: String,
    },
}

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalError {
    /// The embedded broker forgets what does not fit.
    #[error(
        "{events} events do not fit into the embedded broker, which keeps {most} at most: \
         lower --rate or --duration, or name a cluster with --brokers"
    )]
    TooMuch {
        /// Asked for.
        events: u64,
        /// Possible.
        most: u64,
    },
    /// The embedded broker does not start.
    #[error("the embedded broker does not start")]
    Embedded(#[source] rdkafka::error::KafkaError),
    /// Topics cannot be created.
    #[error(transparent)]
    Topics(#[from] TopicsError),
    /// A topic is refused.
    #[error("topic \"{0}\" cannot be created: {1}")]
    Topic(String, String),
    /// Events cannot be published.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// Alerts cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The pipeline fails.
    #[error("the pipeline failed")]
    Pipeline(#[source] PipelineError),
    /// The pipeline does not get on.
    #[error("the pipeline stands still after {events} of {total} events")]
    StandsStill {
        /// Done.
        events: u64,
        /// To do.
        total: u64,
    },
}

/// Runs everything and counts.
///
/// # Errors
/// See [`RehearsalError`]; a finding that is missed or false is no error.
pub fn rehearse(
    stage: &Stage,
    organization: &Organization,
    rate: u32,
    start_pipeline: &mut StartPipeline<'_>,
    audience: &mut dyn Audience,
) -> Result<Verdict, RehearsalError> {
    let total = u64::try_from(organization.len()).unwrap_or(u64::MAX);
    let (broker, options) = set_up(stage, total)?;
    let settings =
        ProducerSettings { topic: options.source.clone(), compression: "gzip".to_owned() };
    let mut show = Show {
        producer: Producer::connect(&options.access, &settings)?,
        alerts: TopicReader::open(&options.access, &options.alerts, ReadFrom::Beginning)?,
        pipeline: start_pipeline(&options).map_err(RehearsalError::Pipeline)?,
        audience,
        status: Status { total, ..Status::default() },
        started: Instant::now(),
        ticked: Instant::now(),
    };
    show.publish(organization, rate)?;
    show.wait_for_pipeline()?;
    let Show { pipeline, audience, status, .. } = show;
    pipeline.stop().map_err(RehearsalError::Pipeline)?;
    let sightings = count(&options, audience, status)?;
    drop(broker);
    Ok(organization.truth().judge(sightings))
}

fn set_up(
    stage: &Stage,
    events: u64,
) -> Result<(Option<EmbeddedBroker>, PipelineOptions), RehearsalError> {
    match stage {
        Stage::Embedded => {
            let partitions = partitions_for(events)?;
            let broker = EmbeddedBroker::start().map_err(RehearsalError::Embedded)?;
            let options = options(Access::plain(&broker.brokers()), "", true);
            for (topic, partitions) in [
                (&options.source, partitions),
                (&options.changelog, partitions),
                (&options.alerts, 1),
                (&options.dead_letters, 1),
            ] {
                broker.create_topic(topic, partitions).map_err(RehearsalError::Embedded)?;
            }
            Ok((Some(broker), options))
        }
        Stage::Cluster { access, suffix } => {
            let options = options(access.clone(), suffix, false);
            create_topics(&options)?;
            Ok((None, options))
        }
    }
}

fn options(access: Access, suffix: &str, is_embedded: bool) -> PipelineOptions {
    PipelineOptions {
        access,
        source: format!("tidegate-demo{suffix}-cloudtrail"),
        changelog: format!("tidegate-demo{suffix}-cloudtrail-changelog"),
        alerts: format!("tidegate-demo{suffix}-alerts"),
        dead_letters: format!("tidegate-demo{suffix}-dlq"),
        is_embedded,
    }
}

/// So many partitions that the fullest one keeps all it is given.
fn partitions_for(events: u64) -> Result<i32, RehearsalError> {
    let needed = (events * STORED_BYTES_PER_EVENT).div_ceil(AVERAGE_FILL);
    if needed > PARTITIONS_MAX {
        let most = PARTITIONS_MAX * AVERAGE_FILL / STORED_BYTES_PER_EVENT;
        return Err(RehearsalError::TooMuch { events, most });
    }
    Ok(i32::try_from(needed.max(4)).unwrap_or(4))
}

fn create_topics(options: &PipelineOptions) -> Result<(), RehearsalError> {
    let deployment = Deployment {
        sources: vec![SourceTopics {
            topic: options.source.clone(),
            changelog: options.changelog.clone(),
            max_record_bytes: 1_048_588,
        }],
        alerts: options.alerts.clone(),
        dead_letters: Some(options.dead_letters.clone()),
        gzip_alerts: true,
        source_partitions: 8,
        replication: None,
        changelog_replication: None,
    };
    let cluster = topics::look_at(&options.access, &deployment)?;
    let planned = topics::plan(&deployment, WithSource::Yes, &cluster);
    for planned in &planned {
        if !matches!(planned.action, Action::Create(_)) {
            let name = planned.wanted.name.clone();
            return Err(RehearsalError::Topic(name, "it is there already".to_owned()));
        }
    }
    for (name, created) in topics::create(&options.access, &planned)? {
        created.map_err(|why| RehearsalError::Topic(name, why))?;
    }
    Ok(())
}

struct Show<'a> {
    producer: Producer,
    alerts: TopicReader,
    pipeline: Box<dyn Pipeline>,
    audience: &'a mut dyn Audience,
    status: Status,
    started: Instant,
    ticked: Instant,
}

impl Show<'_> {
    fn publish(&mut self, organization: &Organization, rate: u32) -> Result<(), RehearsalError> {
        let (mut key, mut value) = (String::new(), String::new());
        let mut place = 0;
        while organization.write(place, &mut key, &mut value) {
            let due = Duration::from_secs(self.status.published) / rate.max(1);
            while self.started.elapsed() < due {
                self.look_around(Duration::from_millis(5))?;
            }
            let record = Outgoing { key: Some(&key), value: value.as_bytes(), time: None };
            self.producer.send(self.status.published, &record)?;
            self.status.published += 1;
            place += 1;
            if place % 256 == 0 {
                self.look_around(Duration::ZERO)?;
            }
        }
        let mut newest = self.producer.acknowledged(Duration::ZERO)?;
        let mut moved = Instant::now();
        while newest < self.status.published {
            self.look_around(Duration::from_millis(5))?;
            let safe = self.producer.acknowledged(Duration::ZERO)?;
            if safe > newest {
                (newest, moved) = (safe, Instant::now());
            } else if moved.elapsed() > PATIENCE {
                let open = self.status.published - safe;
                let limit =
                    Span::from_millis(i64::try_from(PATIENCE.as_millis()).unwrap_or(i64::MAX));
                return Err(PublishError::NotAcknowledged { open, limit }.into());
            }
        }
        Ok(())
    }

    fn wait_for_pipeline(&mut self) -> Result<(), RehearsalError> {
        let (mut newest, mut moved) = (0, Instant::now());
        loop {
            self.look_around(Duration::from_millis(20))?;
            let events = self.pipeline.progress().events;
            if events >= self.status.published {
                return Ok(());
            }
            if events > newest {
                (newest, moved) = (events, Instant::now());
            } else if moved.elapsed() > PATIENCE {
                let total = self.status.published;
                return Err(RehearsalError::StandsStill { events, total });
            }
        }
    }

    /// Lets acknowledgements and alerts in, and tells the audience.
    fn look_around(&mut self, wait: Duration) -> Result<(), RehearsalError> {
        self.producer.acknowledged(wait)?;
        while let Some(record) = self.alerts.next(Duration::ZERO)? {
            if let Some(alert) = record.value.and_then(|value| serde_json::from_slice(&value).ok())
            {
                self.status.alerts += 1;
                self.audience.alert(&alert);
            }
        }
        if self.ticked.elapsed() >= TICK {
            self.ticked = Instant::now();
            self.status.pipeline = self.pipeline.progress();
            self.status.elapsed = self.started.elapsed();
            self.audience.tick(&self.status);
        }
        Ok(())
    }
}

/// Reads the alerts topic from its beginning; the audience sees those that came after the last look.
fn count(
    options: &PipelineOptions,
    audience: &mut dyn Audience,
    status: Status,
) -> Result<Vec<Sighting>, RehearsalError> {
    let mut reader = TopicReader::open(&options.access, &options.alerts, ReadFrom::Beginning)?;
    let mut findings = BTreeMap::<String, Sighting>::new();
    let (mut seen, mut moved) = (0, Instant::now());
    while !reader.is_at_end() && moved.elapsed() < PATIENCE {
        let Some(record) = reader.next(Duration::from_millis(100))? else { continue };
        moved = Instant::now();
        let Some(alert) = record.value.and_then(|value| serde_json::from_slice(&value).ok()) else {
            continue;
        };
        seen += 1;
        if seen > status.alerts {
            audience.alert(&alert);
        }
        let Some((uid, sighting)) = sighting(&alert) else { continue };
        let level = sighting.level;
        let finding = findings.entry(uid).or_insert(sighting);
        finding.level = finding.level.max(level);
    }
    Ok(findings.into_values().collect())
}

/// The finding that an alert belongs to, and what it says about it.
fn sighting(alert: &Value) -> Option<(String, Sighting)> {
    let context = alert.pointer("/unmapped/alert_context")?;
    let group = context.get("group")?.as_object()?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let sighting = Sighting {
        rule: text(context.get("rule_name")?)?,
        group: group.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
        level: level(alert.get("severity_id")?.as_u64()?)?,
        opened: EventTime::from_millis(context.get("episode_opened_ms")?.as_i64()?),
    };
    Some((text(alert.pointer("/finding_info/uid")?)?, sighting))
}

/// alerts.md §4.3
fn level(severity_id: u64) -> Option<Level> {
    match severity_id {
        1 => Some(Level::Informational),
        2 => Some(Level::Low),
        3 => Some(Level::Medium),
        4 => Some(Level::High),
        5 => Some(Level::Critical),
        _ => None,
    }
}

#[cfg(test)]
#[path = "rehearsal_tests.rs"]
mod tests;
