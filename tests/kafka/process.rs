//! The test binary as a worker process: started with its settings in the environment, it runs the
//! real workers over [`crate::counting`] and prints one line for each thing worth waiting for.

use crate::broker::{Outcome, wait_until};
use crate::counting::CountingProcessors;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tidegate::stream::{
    CommitReport, Ended, Fault, Guarantee, Observer, Options, PartitionState, Point, Properties,
    Rhythm, Shared, SourceOptions, StartFrom, Supervisor, TaskId, preflight,
};
use tidegate::units::Span;

const ASKED: &str = "TIDEGATE_TEST_WORKER";

/// Settings of a worker process.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) bootstrap: String,
    pub(crate) app: String,
    pub(crate) instance: String,
    pub(crate) workers: usize,
    pub(crate) dir: String,
    /// Kill yourself when this point is reached for the given time (from 1).
    pub(crate) kill: Option<(Point, usize)>,
    /// What the broker promises.
    pub(crate) guarantee: Guarantee,
    /// Begin behind the newest record, not at the oldest.
    pub(crate) from_latest: bool,
}

impl Settings {
    /// A process of its own application, state under `dir`.
    pub(crate) fn new(bootstrap: &str, app: &str, dir: &Path) -> Self {
        Self {
            bootstrap: bootstrap.to_owned(),
            app: app.to_owned(),
            instance: "one".to_owned(),
            workers: 1,
            dir: dir.display().to_string(),
            kill: None,
            guarantee: Guarantee::ExactlyOnce,
            from_latest: false,
        }
    }

    /// The same as another instance with a state folder of its own.
    pub(crate) fn instance(mut self, name: &str) -> Self {
        name.clone_into(&mut self.instance);
        self.dir = format!("{}-{name}", self.dir);
        self
    }

    fn to_line(&self) -> String {
        let kill = self.kill.map_or_else(String::new, |(point, at)| format!("{point:?}:{at}"));
        let workers = self.workers.to_string();
        let guarantee = format!("{:?}", self.guarantee);
        let latest = self.from_latest.to_string();
        let Self { bootstrap, app, instance, dir, .. } = self;
        [bootstrap, app, instance, &workers, dir, &kill, &guarantee, &latest]
            .map(String::as_str)
            .join("|")
    }

    fn from_line(line: &str) -> Option<Self> {
        let mut words = line.split('|').map(str::to_owned);
        Some(Self {
            bootstrap: words.next()?,
            app: words.next()?,
            instance: words.next()?,
            workers: words.next()?.parse().ok()?,
            dir: words.next()?,
            kill: words.next().and_then(|kill| parse_kill(&kill)),
            guarantee: match words.next()?.as_str() {
                "Embedded" => Guarantee::Embedded,
                _ => Guarantee::ExactlyOnce,
            },
            from_latest: words.next()?.parse().ok()?,
        })
    }

    /// What the stream room is told.
    pub(crate) fn options(&self) -> Options {
        Options {
            app: self.app.clone(),
            instance: self.instance.clone(),
            workers: self.workers,
            brokers: self.bootstrap.clone(),
            sources: vec![SourceOptions {
                name: "in".to_owned(),
                topic: format!("{}-in", self.app),
            }],
            alerts_topic: format!("{}-alerts", self.app),
            dead_letter_topic: Some(format!("{}-dlq", self.app)),
            client: Properties::default(),
            consumer: Properties::default(),
            producer: Properties::default(),
            start_from: if self.from_latest { StartFrom::Latest } else { StartFrom::Earliest },
            session_timeout: Span::from_secs(6),
            max_poll_interval: Span::from_minutes(1),
            transaction_timeout: Span::from_secs(10),
            producer_compression: "gzip".to_owned(),
            rhythm: Rhythm {
                // A transaction for each batch, however old its records are: many to be hit by faults.
                commit_interval: Span::ZERO,
                urgent_commit: Span::ZERO,
                max_dirty_bytes: 1 << 20,
            },
            batch_records: 50,
            max_record_bytes: 1 << 20,
            guarantee: self.guarantee,
        }
    }
}

fn parse_kill(text: &str) -> Option<(Point, usize)> {
    let (name, at) = text.split_once(':')?;
    let points = [
        Point::BeforeBegin,
        Point::AfterDrain,
        Point::AfterDrainWithAlerts,
        Point::AfterSendOffsets,
        Point::AfterCommitBeforeStore,
        Point::AfterStore,
        Point::AfterRevoke,
        Point::DuringRestore,
    ];
    let point = points.into_iter().find(|point| format!("{point:?}") == name)?;
    Some((point, at.parse().ok()?))
}

/// Runs as a worker process if the environment asks for one.
pub(crate) fn run_if_asked() -> Option<ExitCode> {
    let line = std::env::var(ASKED).ok()?;
    let Some(settings) = Settings::from_line(&line) else {
        say("ended unreadable settings");
        return Some(ExitCode::FAILURE);
    };
    Some(match run(&settings) {
        Ok(()) => {
            say("ended well");
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&format!("ended {error}"));
            ExitCode::FAILURE
        }
    })
}

fn run(settings: &Settings) -> Outcome<()> {
    let options = Arc::new(settings.options());
    let checked = preflight::check(&options, Duration::from_secs(2)).map_err(|e| e.to_string())?;
    let processors = CountingProcessors {
        dir: settings.dir.clone().into(),
        instance: format!("{}.{}", settings.app, settings.instance),
    };
    let supervisor = Supervisor::start(Shared {
        options,
        processors: Arc::new(processors),
        fault: KillAt { kill: settings.kill, seen: Arc::default() },
        observer: Arc::new(Say::default()),
        topics: Arc::new(checked),
    })
    .map_err(|error| error.to_string())?;
    let stopper = supervisor.stopper();
    // The end of standard input is the wish to stop.
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = std::io::stdin().read_line(&mut line);
        if let Ok(0) | Err(_) = read {
            stopper.stop(Duration::from_secs(20));
        }
    });
    let mut said = BTreeSet::new();
    loop {
        match supervisor.ended(Duration::from_millis(200)) {
            Some(Ended::Stopped) => return Ok(()),
            Some(Ended::Failed(error)) => return Err(error.to_string()),
            None => say_stopped(&supervisor, &mut said),
        }
    }
}

/// Says once of each partition that it has stopped, and why.
fn say_stopped(supervisor: &Supervisor, said: &mut BTreeSet<TaskId>) {
    for published in supervisor.published() {
        for (task, partition) in &published.read().partitions {
            if let PartitionState::Stopped { problem } = &partition.state
                && said.insert(*task)
            {
                say(&format!("stopped {}: {problem}", task.partition));
            }
        }
    }
}

/// Kills the own process at a point: no destructor, no buffer, no farewell.
#[derive(Clone)]
pub(crate) struct KillAt {
    kill: Option<(Point, usize)>,
    seen: Arc<AtomicUsize>,
}

impl KillAt {
    /// From `Point:times`, or nothing at all.
    pub(crate) fn parse(text: &str) -> Self {
        Self { kill: parse_kill(text), seen: Arc::default() }
    }
}

impl Fault for KillAt {
    fn at(&self, point: Point) {
        let Some((wanted, times)) = self.kill else { return };
        if point == wanted && self.seen.fetch_add(1, Ordering::SeqCst) + 1 == times {
            say(&format!("dying {point:?}"));
            let me = std::process::id().to_string();
            let killed = Command::new("kill").args(["-KILL", &me]).status();
            say(&format!("still alive: {killed:?}"));
            loop {
                std::thread::park();
            }
        }
    }
}

#[derive(Default)]
struct Say(Mutex<usize>);

impl Observer for Say {
    fn committed(&self, report: &CommitReport<'_>) {
        say(&format!("committed {} alerts", report.alerts.len()));
    }

    fn restored(&self, task: TaskId, took: Duration, rows: u64) {
        if let Ok(mut count) = self.0.lock() {
            *count += 1;
            say(&format!(
                "restored {} rows={rows} ms={} total={count}",
                task.partition,
                took.as_millis()
            ));
        }
    }
}

fn say(text: &str) {
    let mut out = std::io::stdout();
    // Nobody reads any more: the parent is gone.
    let _written = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// A worker process seen from its test.
pub(crate) struct Process {
    child: Child,
    lines: Receiver<(Duration, String)>,
    /// All lines so far with their time since the start.
    pub(crate) heard: Vec<(Duration, String)>,
}

impl Process {
    /// Starts the process; it ends with this test.
    pub(crate) fn start(settings: &Settings) -> Outcome<Self> {
        Self::start_with(ASKED, &settings.to_line())
    }

    /// Starts this binary again with one variable more in its environment.
    pub(crate) fn start_with(name: &str, value: &str) -> Outcome<Self> {
        let me = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL"])
            .arg(me)
            .env(name, value)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start the worker process: {error}"))?;
        let started = Instant::now();
        let out = child.stdout.take().ok_or("no standard output")?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if sender.send((started.elapsed(), line)).is_err() {
                    return;
                }
            }
        });
        Ok(Self { child, lines, heard: Vec::new() })
    }

    /// Waits for a line that begins so and returns it with its time since the start.
    pub(crate) fn wait_for(&mut self, begin: &str, limit: Duration) -> Outcome<(Duration, String)> {
        let deadline = Instant::now() + limit;
        if let Some(found) = self.heard.iter().find(|(_, line)| line.starts_with(begin)) {
            return Ok(found.clone());
        }
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(heard) = self.lines.recv_timeout(left) else {
                let last: Vec<_> = self.heard.iter().rev().take(20).collect();
                return Err(format!("no line '{begin}' within {limit:?}; last lines: {last:?}"));
            };
            self.heard.push(heard.clone());
            if heard.1.starts_with(begin) {
                return Ok(heard);
            }
        }
    }

    /// Waits until it has ended by itself.
    pub(crate) fn wait_end(&mut self, limit: Duration) -> Outcome<()> {
        let child = &mut self.child;
        wait_until("the end of a worker process", limit, || {
            child.try_wait().map(|status| status.map(drop)).map_err(|error| error.to_string())
        })
    }

    /// Asks it to stop and waits until it has.
    pub(crate) fn stop(&mut self) -> Outcome<String> {
        drop(self.child.stdin.take());
        let (_, line) = self.wait_for("ended", Duration::from_secs(40))?;
        self.wait_end(Duration::from_secs(20))?;
        Ok(line)
    }

    /// Sends a signal by name.
    pub(crate) fn signal(&self, name: &str) -> Outcome<()> {
        let status = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.child.id().to_string())
            .status()
            .map_err(|error| error.to_string())?;
        if status.success() { Ok(()) } else { Err(format!("kill -{name}: {status}")) }
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) -> Outcome<()> {
        self.child.kill().map_err(|error| error.to_string())?;
        self.child.wait().map(drop).map_err(|error| error.to_string())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ended = self.kill();
        }
    }
}
