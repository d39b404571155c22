//! `tidegate run` as a process that is watched: its CPU time, memory, metrics and committed offsets.

use crate::broker::Broker;
use crate::deployment::{Deployment, PARTITIONS};
use crate::support::cpu_time_of;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Far longer than anything here takes.
pub const LIMIT: Duration = Duration::from_mins(4);

/// A running process; it ends with the bench.
pub struct Tidegate {
    child: Child,
    admin: u16,
    pub started: Instant,
}

impl Tidegate {
    pub fn start(deployment: &Deployment) -> Self {
        let started = Instant::now();
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", env!("CARGO_BIN_EXE_tidegate"), "run", "-c"])
            .arg(&deployment.config)
            .spawn()
            .expect("setpriv and the program are there");
        Self { child, admin: deployment.admin, started }
    }

    /// User and system time so far, all threads.
    pub fn cpu(&self) -> Duration {
        cpu_time_of(self.child.id())
    }

    /// The most memory that it has held, in MB.
    pub fn peak_mb(&self) -> u64 {
        self.memory_mb("VmHWM:")
    }

    /// The memory that it holds, in MB.
    pub fn resident_mb(&self) -> u64 {
        self.memory_mb("VmRSS:")
    }

    fn memory_mb(&self, name: &str) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("the process runs");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
        let kib: u64 = line.trim_end_matches("kB").trim().parse().expect("a number");
        kib * 1024 / 1_000_000
    }

    /// The sum of a metric over its labels.
    pub fn metric(&self, name: &str) -> f64 {
        let page = self.get("/metrics").unwrap_or_default();
        let lines = page.lines().filter(|line| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{']))
        });
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// Waits until it says that it is ready.
    pub fn wait_ready(&self) {
        wait("the process to be ready", || {
            self.get("/readyz").filter(|answer| answer.starts_with("HTTP/1.1 200")).map(drop)
        });
    }

    fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.admin)).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// kill -9.
    pub fn kill(mut self) {
        self.child.kill().and_then(|()| self.child.wait()).expect("it can be killed");
    }
}

/// Committed offsets of a deployment, asked by a client of its own.
pub struct Watcher {
    consumer: BaseConsumer,
    partitions: TopicPartitionList,
}

impl Watcher {
    pub fn new(broker: &Broker, deployment: &Deployment, topic: &str) -> Self {
        let mut config = broker.config();
        // Read uncommitted: an open transaction must not make the answer wait.
        config.set("group.id", &deployment.app).set("isolation.level", "read_uncommitted");
        let consumer = config.create().expect("a consumer");
        let mut partitions = TopicPartitionList::new();
        partitions.add_partition_range(topic, 0, PARTITIONS - 1);
        Self { consumer, partitions }
    }

    /// Events of all partitions that are committed.
    pub fn committed(&self) -> u64 {
        let asked = self.partitions.clone();
        let Ok(answer) = self.consumer.committed_offsets(asked, Duration::from_secs(5)) else {
            return 0;
        };
        let offsets = answer.elements().into_iter().filter_map(|one| one.offset().to_raw());
        offsets.map(|offset| u64::try_from(offset).unwrap_or(0)).sum()
    }

    /// Waits until so many events are committed and says how many there are.
    pub fn wait_for(&self, events: u64) -> u64 {
        wait("events to be committed", || Some(self.committed()).filter(|now| *now >= events))
    }
}

/// Repeats `check` every 5 ms until it yields something.
pub fn wait<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(value) = check() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited {LIMIT:?} in vain for {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// A port that nobody uses at this moment.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}
