//! Apache Kafka without containers: jars by Maven into the user's cache folder, KRaft nodes as
//! child processes on ports that the system chose.
//!
//! A missing `java` or `mvn` is a failure, never a skipped test. Nodes end with [`Broker`], and
//! with the test process if that is killed (`setpriv --pdeathsig`).

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The version that `harness/pom.xml` names.
pub(crate) const VERSION: &str = "4.3.1";
const POM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kafka/harness/pom.xml");
const PLUGIN: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";
const READY: &str = "Kafka Server started";
/// Fixed: 16 bytes in URL-safe base64.
const CLUSTER_ID: &str = "c3RyZWFtLXRlc3RzLTAwMQ";
const CALL: Duration = Duration::from_secs(20);

/// Result of everything here; the text says what to do.
pub(crate) type Outcome<T> = Result<T, String>;

/// A running cluster.
pub(crate) struct Broker {
    /// `bootstrap.servers`.
    pub(crate) bootstrap: String,
    nodes: Vec<Child>,
    replicas: i32,
    // Goes away after the nodes, with all their data.
    home: Option<tempfile::TempDir>,
}

/// One record as a reader sees it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Read {
    pub(crate) partition: i32,
    pub(crate) key: String,
    pub(crate) value: Vec<u8>,
    pub(crate) headers: Vec<(String, String)>,
}

impl Broker {
    /// Starts `count` combined nodes (1 or 3) and waits until all are ready.
    pub(crate) fn start(count: usize) -> Outcome<Self> {
        let jars = jars()?;
        let home = tempfile::tempdir().map_err(|error| format!("temporary folder: {error}"))?;
        let ports = free_ports(count * 2)?;
        let (clients, controllers) = ports.split_at(count);
        let mut broker = Self {
            bootstrap: join(clients, |_, port| format!("127.0.0.1:{port}")),
            nodes: Vec::new(),
            replicas: i32::try_from(count.min(3)).unwrap_or(1),
            home: None,
        };
        let mut logs = Vec::new();
        for node in 0..count {
            let dir = home.path().join(format!("node-{}", node + 1));
            fs::create_dir_all(&dir).map_err(|error| format!("{}: {error}", dir.display()))?;
            let file = dir.join("server.properties");
            fs::write(&file, properties(node, clients, controllers, &dir))
                .map_err(|error| format!("{}: {error}", file.display()))?;
            format_storage(&jars, &file)?;
            let log = dir.join("out.log");
            broker.nodes.push(launch(&jars, &file, &log)?);
            logs.push(log);
        }
        for (node, log) in broker.nodes.iter_mut().zip(&logs) {
            wait_ready(node, log)?;
        }
        broker.home = Some(home);
        Ok(broker)
    }

    /// A broker that somebody else runs.
    pub(crate) fn outside(bootstrap: &str) -> Self {
        Self { bootstrap: bootstrap.to_owned(), nodes: Vec::new(), replicas: 1, home: None }
    }

    /// Creates a topic; `settings` as `name=value`.
    pub(crate) fn create_topic(
        &self,
        name: &str,
        partitions: i32,
        settings: &[(&str, &str)],
    ) -> Outcome<()> {
        let admin: AdminClient<DefaultClientContext> =
            self.config().create().map_err(|error| error.to_string())?;
        let replication = TopicReplication::Fixed(self.replicas);
        let mut topic = NewTopic::new(name, partitions, replication);
        for (key, value) in settings {
            topic = topic.set(key, value);
        }
        let made = wait_for(admin.create_topics(&[topic], &AdminOptions::new()))
            .map_err(|error| error.to_string())?;
        for result in made {
            result.map_err(|(name, code)| format!("topic {name}: {code}"))?;
        }
        Ok(())
    }

    /// A configuration with nothing but the address.
    pub(crate) fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap);
        config
    }

    /// Produces records (partition, key, value) and waits until all are acknowledged.
    pub(crate) fn produce(&self, topic: &str, records: &[(i32, String, Vec<u8>)]) -> Outcome<()> {
        let producer: BaseProducer = self
            .config()
            .set("linger.ms", "5")
            .set("enable.idempotence", "true")
            .create()
            .map_err(|error| error.to_string())?;
        for (partition, key, value) in records {
            let mut record = BaseRecord::<[u8], [u8]>::to(topic).key(key.as_bytes()).payload(value);
            record = record.partition(*partition);
            while let Err((error, back)) = producer.send(record) {
                if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                    return Err(error.to_string());
                }
                producer.poll(Duration::from_millis(10));
                record = back;
            }
        }
        producer.flush(CALL).map_err(|error| error.to_string())
    }

    /// Everything in a topic up to its end now, in offset order by partition.
    pub(crate) fn read(&self, topic: &str, isolation: Isolation) -> Outcome<Vec<Read>> {
        let consumer: BaseConsumer = self
            .config()
            .set("group.id", "tests-reader")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("fetch.wait.max.ms", "20")
            .set("isolation.level", isolation.name())
            .create()
            .map_err(|error| error.to_string())?;
        let metadata =
            consumer.fetch_metadata(Some(topic), CALL).map_err(|error| error.to_string())?;
        let count = metadata.topics().first().map_or(0, |topic| topic.partitions().len());
        let mut list = TopicPartitionList::new();
        for partition in 0..i32::try_from(count).unwrap_or(0) {
            list.add_partition_offset(topic, partition, Offset::Beginning)
                .map_err(|error| error.to_string())?;
        }
        consumer.assign(&list).map_err(|error| error.to_string())?;
        let (mut found, mut ended) = (Vec::new(), 0);
        let deadline = Instant::now() + CALL;
        while ended < count {
            if Instant::now() > deadline {
                return Err(format!("{topic}: only {ended} of {count} partitions were read"));
            }
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => found.push(owned(&message)),
                Some(Err(KafkaError::PartitionEOF(_))) => ended += 1,
                Some(Err(error)) => return Err(error.to_string()),
                None => {}
            }
        }
        found.sort_by_key(|read| read.partition);
        Ok(found)
    }

    /// Committed offsets of a group, by partition.
    pub(crate) fn committed(
        &self,
        group: &str,
        topic: &str,
        partitions: i32,
    ) -> Outcome<Vec<Option<i64>>> {
        let consumer: BaseConsumer = self
            .config()
            .set("group.id", group)
            .set("isolation.level", "read_committed")
            .create()
            .map_err(|error| error.to_string())?;
        let mut list = TopicPartitionList::new();
        list.add_partition_range(topic, 0, partitions - 1);
        let answer = consumer.committed_offsets(list, CALL).map_err(|error| error.to_string())?;
        let offset = |place| match place {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        };
        Ok(answer.elements().iter().map(|element| offset(element.offset())).collect())
    }

    /// Ends of all partitions of a topic.
    pub(crate) fn ends(&self, topic: &str, partitions: i32) -> Outcome<Vec<i64>> {
        let consumer: BaseConsumer = self
            .config()
            .set("isolation.level", "read_uncommitted")
            .create()
            .map_err(|error| error.to_string())?;
        (0..partitions)
            .map(|partition| {
                let range = consumer.fetch_watermarks(topic, partition, CALL);
                range.map(|(_, end)| end).map_err(|error| error.to_string())
            })
            .collect()
    }

    /// Commits another offset for a group that has no members.
    pub(crate) fn reset_offset(
        &self,
        group: &str,
        topic: &str,
        partition: i32,
        offset: i64,
    ) -> Outcome<()> {
        let consumer: BaseConsumer = self
            .config()
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .create()
            .map_err(|error| error.to_string())?;
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Offset(offset))
            .map_err(|error| error.to_string())?;
        // Refused until the session of the static member that stopped is over.
        wait_until("the group to be empty", CALL, || {
            Ok(consumer.commit(&list, CommitMode::Sync).ok())
        })
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            // Its data goes away with the folder: nothing to close in good order.
            let killed = node.kill().and_then(|()| node.wait());
            if let Err(error) = killed {
                eprintln!("broker {}: {error}", node.id());
            }
        }
    }
}

/// What a reader is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Isolation {
    Committed,
    Uncommitted,
}

impl Isolation {
    fn name(self) -> &'static str {
        match self {
            Isolation::Committed => "read_committed",
            Isolation::Uncommitted => "read_uncommitted",
        }
    }
}

/// Repeats `check` until it yields something or the deadline passes; `what` says what was awaited.
pub(crate) fn wait_until<T>(
    what: &str,
    limit: Duration,
    mut check: impl FnMut() -> Outcome<Option<T>>,
) -> Outcome<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(value) = check()? {
            return Ok(value);
        }
        if Instant::now() > deadline {
            return Err(format!("waited {limit:?} in vain for: {what}"));
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

fn owned(message: &impl Message) -> Read {
    let text =
        |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
    let headers = message.headers().map(|headers| {
        headers.iter().map(|header| (header.key.to_owned(), text(header.value))).collect()
    });
    Read {
        partition: message.partition(),
        key: text(message.key()),
        value: message.payload().unwrap_or_default().to_vec(),
        headers: headers.unwrap_or_default(),
    }
}

/// The folder of jars; fetched once.
fn jars() -> Outcome<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
        .ok_or("neither XDG_CACHE_HOME nor HOME is set")?;
    let dir = cache.join("tidegate").join(format!("kafka-{VERSION}"));
    let complete = dir.join("complete");
    if complete.exists() {
        return Ok(dir);
    }
    fs::create_dir_all(&dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    let output = Command::new("mvn")
        .args(["-B", "-q", "-f", POM, PLUGIN, "-DincludeScope=runtime"])
        .arg(format!("-DoutputDirectory={}", dir.display()))
        .output()
        .map_err(|error| {
            format!("cannot run mvn ({error}). hint: apt-get install maven default-jre-headless")
        })?;
    if !output.status.success() {
        return Err(format!(
            "mvn could not fetch Apache Kafka {VERSION}:\n{}",
            String::from_utf8_lossy(&output.stdout)
        ));
    }
    fs::write(&complete, "").map_err(|error| format!("{}: {error}", complete.display()))?;
    Ok(dir)
}

pub(crate) fn free_ports(count: usize) -> Outcome<Vec<u16>> {
    // Held together, so that the system gives different ones.
    let listeners: Result<Vec<_>, _> =
        (0..count).map(|_| TcpListener::bind(("127.0.0.1", 0))).collect();
    let listeners = listeners.map_err(|error| format!("no free port: {error}"))?;
    listeners
        .iter()
        .map(|listener| listener.local_addr().map(|address| address.port()))
        .collect::<Result<_, _>>()
        .map_err(|error| format!("no free port: {error}"))
}

fn join(ports: &[u16], each: impl Fn(usize, u16) -> String) -> String {
    let all: Vec<String> =
        ports.iter().enumerate().map(|(index, port)| each(index, *port)).collect();
    all.join(",")
}

fn properties(node: usize, clients: &[u16], controllers: &[u16], dir: &Path) -> String {
    let replicas = clients.len().min(3);
    let in_sync = if replicas == 3 { 2 } else { 1 };
    let voters = join(controllers, |index, port| format!("{}@127.0.0.1:{port}", index + 1));
    let port = |ports: &[u16]| ports.get(node).copied().unwrap_or_default();
    let (client, controller) = (port(clients), port(controllers));
    let fixed = [
        ("process.roles", "broker,controller"),
        ("controller.listener.names", "CONTROLLER"),
        ("inter.broker.listener.name", "PLAINTEXT"),
        ("offsets.topic.num.partitions", "8"),
        ("transaction.state.log.num.partitions", "8"),
        ("group.initial.rebalance.delay.ms", "0"),
        ("group.min.session.timeout.ms", "1000"),
        ("auto.create.topics.enable", "false"),
        // Old event times as record times would be deleted at once.
        ("log.retention.ms", "-1"),
        ("log.cleaner.dedupe.buffer.size", "16777216"),
        ("num.network.threads", "2"),
        ("num.io.threads", "4"),
    ];
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _written = writeln!(text, "{name}={value}");
    };
    for (name, value) in fixed {
        line(name, value);
    }
    line("node.id", &(node + 1).to_string());
    line("controller.quorum.voters", &voters);
    line(
        "listeners",
        &format!("PLAINTEXT://127.0.0.1:{client},CONTROLLER://127.0.0.1:{controller}"),
    );
    line("advertised.listeners", &format!("PLAINTEXT://127.0.0.1:{client}"));
    line("log.dirs", &dir.join("log").display().to_string());
    for name in [
        "default.replication.factor",
        "offsets.topic.replication.factor",
        "transaction.state.log.replication.factor",
        "share.coordinator.state.topic.replication.factor",
    ] {
        line(name, &replicas.to_string());
    }
    for name in [
        "min.insync.replicas",
        "transaction.state.log.min.isr",
        "share.coordinator.state.topic.min.isr",
    ] {
        line(name, &in_sync.to_string());
    }
    text
}

fn format_storage(jars: &Path, properties: &Path) -> Outcome<()> {
    let output = Command::new("java")
        .args(["-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp"])
        .arg(jars.join("*"))
        .args(["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c"])
        .arg(properties)
        .output()
        .map_err(|error| {
            format!("cannot run java ({error}). hint: apt-get install default-jre-headless")
        })?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("kafka.tools.StorageTool: {}", String::from_utf8_lossy(&output.stderr)))
}

fn launch(jars: &Path, properties: &Path, log: &Path) -> Outcome<Child> {
    let out = fs::File::create(log).map_err(|error| format!("{}: {error}", log.display()))?;
    let errors = out.try_clone().map_err(|error| error.to_string())?;
    Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "java", "-Xms400m", "-Xmx400m", "-XX:+UseSerialGC"])
        .arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
        .arg("-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info")
        .arg("-cp")
        .arg(jars.join("*"))
        .arg("kafka.Kafka")
        .arg(properties)
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(errors)
        .spawn()
        .map_err(|error| format!("cannot run setpriv or java: {error}"))
}

fn wait_ready(node: &mut Child, log: &Path) -> Outcome<()> {
    wait_until("a broker that is ready", Duration::from_secs(90), || {
        let text = fs::read_to_string(log).unwrap_or_default();
        if text.contains(READY) {
            return Ok(Some(()));
        }
        match node.try_wait() {
            Ok(None) => Ok(None),
            Ok(Some(status)) => Err(format!("the broker ended ({status}):\n{text}")),
            Err(error) => Err(error.to_string()),
        }
    })
}

/// Waits for an admin answer; its future is completed by rdkafka's own thread.
fn wait_for<T>(future: impl Future<Output = T>) -> T {
    use std::sync::Arc;
    use std::task::{Context, Poll, Wake};
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park_timeout(CALL),
        }
    }
}
