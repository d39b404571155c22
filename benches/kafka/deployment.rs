//! Topics, configuration, and events into Kafka.

use crate::broker::{Broker, VERSION};
use crate::process::free_port;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tidegate::generate::{BenchSettings, BenchStream};

pub const PARTITIONS: i32 = 8;
const APPEND_TIME: (&str, &str) = ("message.timestamp.type", "LogAppendTime");

/// One `app.id` with its topics, state and configuration file.
pub struct Deployment {
    pub app: String,
    pub config: PathBuf,
    pub admin: u16,
    // Goes away with everything in it.
    _dir: tempfile::TempDir,
}

impl Deployment {
    /// Creates the topics beside the input and writes a configuration: defaults, and what `more`
    /// adds to `[rules]`, `[state]` and `[kafka.librdkafka.consumer]` (in this order).
    pub fn new(broker: &Broker, app: &str, input: &str, more: [&str; 3]) -> Self {
        let changelog = format!("tidegate-{app}-bench-changelog");
        let compact = [("cleanup.policy", "compact")];
        create(broker, &changelog, PARTITIONS, &compact);
        create(broker, &format!("{app}-alerts"), 3, &[("compression.type", "gzip"), APPEND_TIME]);
        create(broker, &format!("{app}-dlq"), 1, &[]);
        let dir = tempfile::tempdir().expect("a temporary folder");
        let (admin, state) = (free_port(), dir.path().join("state"));
        let [rules, state_more, consumer] = more;
        let text = format!(
            r#"
[app]
id = "{app}"
instance = "one"
[kafka]
brokers = ["{brokers}"]
[kafka.librdkafka.consumer]
{consumer}
[[source]]
name = "bench"
topic = "{input}"
[state]
dir = "{state}"
{state_more}
[alerts]
topic = "{app}-alerts"
[alerts.dlq]
topic = "{app}-dlq"
[rules]
{rules}
[http.admin]
listen = "127.0.0.1:{admin}"
[log]
level = "warn"
"#,
            brokers = broker.bootstrap,
            state = state.display(),
        );
        std::fs::create_dir_all(&state).expect("a folder for state");
        let config = dir.path().join("tidegate.toml");
        std::fs::write(&config, text).expect("a configuration file");
        Self { app: app.to_owned(), config, admin, _dir: dir }
    }
}

/// Creates an input topic.
pub fn create_input(broker: &Broker, topic: &str) {
    create(broker, topic, PARTITIONS, &[APPEND_TIME]);
}

fn create(broker: &Broker, topic: &str, partitions: i32, settings: &[(&str, &str)]) {
    if let Err(error) = broker.create_topic(topic, partitions, settings) {
        panic!("Kafka {VERSION} creates no topic {topic}: {error}");
    }
}

/// Events to be published.
pub struct Load {
    pub settings: BenchSettings,
    pub events: u64,
}

/// Publishes as fast as it goes.
pub fn load(broker: &Broker, topic: &str, load: &Load) {
    let mut publisher = Publisher::new(broker, load.settings.clone(), "50");
    for _ in 0..load.events {
        publisher.send(topic);
    }
    publisher.finish();
}

/// Publishes the bench stream, keyed by principal.
pub struct Publisher {
    producer: BaseProducer,
    stream: BenchStream,
    key: String,
    value: String,
}

impl Publisher {
    /// `linger_ms`: how long batches are filled.
    pub fn new(broker: &Broker, settings: BenchSettings, linger_ms: &str) -> Self {
        let mut config = broker.config();
        config.set("compression.type", "lz4").set("linger.ms", linger_ms);
        config.set("partitioner", "murmur2_random").set("enable.idempotence", "true");
        let producer = config.create().expect("a producer");
        let stream = BenchStream::new(settings);
        Self { producer, stream, key: String::new(), value: String::new() }
    }

    pub fn send(&mut self, topic: &str) {
        let Self { producer, stream, key, value } = self;
        stream.write_next(key, value);
        let mut record = BaseRecord::to(topic).key(key.as_str()).payload(value.as_str());
        while let Err((error, back)) = producer.send(record) {
            let is_full =
                error.rdkafka_error_code() == Some(rdkafka::types::RDKafkaErrorCode::QueueFull);
            assert!(is_full, "{error}");
            producer.poll(Duration::from_millis(5));
            record = back;
        }
    }

    /// Publishes `events` at an even pace of `rate` a second.
    pub fn send_paced(&mut self, topic: &str, events: u64, rate: u64) {
        let start = Instant::now();
        let mut sent = 0;
        while sent < events {
            let due = (start.elapsed().as_secs_f64() * rate as f64) as u64;
            while sent < due.min(events) {
                self.send(topic);
                sent += 1;
            }
            self.producer.poll(Duration::from_millis(1));
        }
    }

    pub fn finish(self) {
        self.producer.flush(Duration::from_secs(60)).expect("Kafka takes the events");
    }
}
