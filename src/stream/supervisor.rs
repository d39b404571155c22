//! Threads: one worker each, restarted cold when its error says so.
//!
//! Owns the threads and nothing of Kafka. A guard on each thread turns a panic into a restart that
//! others see; a worker that restarts again and again without a commit ends the process, since a
//! restart evidently does not help. The first worker that must exit stops all others gracefully.

use super::error::{Action, BrokerError, ExitReason, RestartReason, WorkerError, recovery};
use super::event::WorkerEvent;
use super::fault::Fault;
use super::kafka::RealCluster;
use super::options::Options;
use super::preflight::Checked;
use super::processing::Processors;
use super::progress::{Observer, Published};
use super::worker::{Pace, Parts, Worker};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Restarts in a row without a commit before the process gives up.
const RESTARTS: u32 = 20;
/// Pause before a restart; doubled up to the second number.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

/// Runs the workers of this process.
pub struct Supervisor {
    threads: Vec<JoinHandle<()>>,
    published: Vec<Published>,
    signals: Arc<Signals>,
}

/// Asks the workers to stop; may be cloned into a signal handler's task.
#[derive(Clone)]
pub struct Stopper {
    signals: Arc<Signals>,
}

/// How the workers ended.
#[derive(Debug, Clone)]
pub enum Ended {
    /// Everything was committed.
    Stopped,
    /// A worker could not go on, and why.
    Failed(WorkerError),
}

#[derive(Default)]
struct Signals {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    stop_until: Option<Instant>,
    running: usize,
    failed: Option<WorkerError>,
}

/// What all workers of the process share.
pub struct Shared<P, F> {
    /// Settings.
    pub options: Arc<Options>,
    /// Makes processors and stores.
    pub processors: Arc<P>,
    /// Faults of tests.
    pub fault: F,
    /// Hears of commits.
    pub observer: Arc<dyn Observer>,
    /// What the check of the topics found.
    pub topics: Arc<Checked>,
}

impl Supervisor {
    /// Starts `options.workers` threads.
    ///
    /// # Errors
    /// The system cannot start a thread.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the workers are its only users from here on"
    )]
    pub fn start<P, F>(shared: Shared<P, F>) -> std::io::Result<Self>
    where
        P: Processors,
        F: Fault + Clone + Send + 'static,
    {
        let workers = shared.options.workers.max(1);
        let signals = Arc::new(Signals::default());
        signals.state().running = workers;
        let published: Vec<Published> = (0..workers).map(|_| Published::default()).collect();
        let mut threads = Vec::with_capacity(workers);
        for (worker, published) in published.iter().enumerate() {
            let run = Run {
                worker,
                options: Arc::clone(&shared.options),
                processors: Arc::clone(&shared.processors),
                fault: shared.fault.clone(),
                observer: Arc::clone(&shared.observer),
                topics: Arc::clone(&shared.topics),
                published: published.clone(),
                signals: Arc::clone(&signals),
            };
            let name = format!("worker-{worker}");
            threads.push(std::thread::Builder::new().name(name).spawn(move || run.until_end())?);
        }
        Ok(Self { threads, published, signals })
    }

    /// A handle that stops the workers from elsewhere.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        Stopper { signals: Arc::clone(&self.signals) }
    }

    /// Snapshots of the workers, in their order.
    #[must_use]
    pub fn published(&self) -> &[Published] {
        &self.published
    }

    /// Waits up to `wait` for the end of all workers.
    #[must_use]
    pub fn ended(&self, wait: Duration) -> Option<Ended> {
        let state = self.signals.state();
        let (state, _) = self
            .signals
            .changed
            .wait_timeout_while(state, wait, |state| state.running > 0)
            .unwrap_or_else(PoisonError::into_inner);
        (state.running == 0).then(|| match &state.failed {
            Some(error) => Ended::Failed(error.clone()),
            None => Ended::Stopped,
        })
    }

    /// Finishes batches, commits, leaves: at most `limit` long. Then joins the threads.
    #[must_use]
    pub fn stop(self, limit: Duration) -> Ended {
        self.stopper().stop(limit);
        // Closing the clients after the commit takes a moment, too; a worker that is stuck inside
        // a call is left behind, and its transaction is aborted by the broker.
        let ended = self.ended(limit + Duration::from_secs(5));
        if let Some(ended) = ended {
            for thread in self.threads {
                // The guard has already turned a panic into an error.
                drop(thread.join());
            }
            return ended;
        }
        Ended::Failed(WorkerError::Exit { reason: ExitReason::StopLimit })
    }
}

impl Stopper {
    /// Asks all workers to stop within `limit`; the first call counts.
    pub fn stop(&self, limit: Duration) {
        self.signals.state().stop_until.get_or_insert(Instant::now() + limit);
        self.signals.changed.notify_all();
    }
}

impl Signals {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Time left to stop, once somebody asked for it.
    fn stop_within(&self) -> Option<Duration> {
        let until = self.state().stop_until?;
        Some(until.saturating_duration_since(Instant::now()))
    }

    /// Waits before a restart; `false` when a stop came first.
    fn pause(&self, pause: Duration) -> bool {
        let state = self.state();
        let (state, _) = self
            .changed
            .wait_timeout_while(state, pause, |state| state.stop_until.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        state.stop_until.is_none()
    }
}

/// One thread.
struct Run<P, F> {
    worker: usize,
    options: Arc<Options>,
    processors: Arc<P>,
    fault: F,
    observer: Arc<dyn Observer>,
    topics: Arc<Checked>,
    published: Published,
    signals: Arc<Signals>,
}

impl<P: Processors, F: Fault + Clone + Send> Run<P, F> {
    /// Runs workers one after the other until one stops or must exit.
    fn until_end(self) {
        let ended = self.restart_until_end();
        let mut state = self.signals.state();
        state.running -= 1;
        if let Err(error) = ended {
            // One worker that cannot go on ends the process: the others stop in good order.
            state.stop_until.get_or_insert(Instant::now() + Duration::from_secs(10));
            state.failed.get_or_insert(error);
        }
        drop(state);
        self.signals.changed.notify_all();
    }

    fn restart_until_end(&self) -> Result<(), WorkerError> {
        let (mut restarts, mut pause) = (0, PAUSE.0);
        loop {
            let commits = self.commits();
            let caught = catch_unwind(AssertUnwindSafe(|| self.once()));
            let reason = match caught {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(WorkerError::RestartWorker { reason })) => reason,
                Ok(Err(other)) => return Err(other),
                Err(panic) => RestartReason::Panic(panic_text(&*panic)),
            };
            if self.commits() > commits {
                (restarts, pause) = (0, PAUSE.0);
            }
            restarts += 1;
            tracing::warn!(worker = self.worker, %reason, restarts, "worker restarts");
            self.note_restart(reason.label());
            if restarts >= RESTARTS {
                let last = reason.to_string();
                return Err(WorkerError::Exit {
                    reason: ExitReason::RestartsExhausted { times: restarts, last },
                });
            }
            if !self.signals.pause(pause) {
                // Whoever stops us must not believe that everything was committed.
                let last = reason.to_string();
                return Err(WorkerError::Exit { reason: ExitReason::StoppedInRestart { last } });
            }
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    /// One life of a worker, from joining to stopping. Everything it owns is dropped at the end.
    fn once(&self) -> Result<(), WorkerError> {
        let cluster = RealCluster::join(Arc::clone(&self.options), self.worker)
            .map_err(|error| self.join_failed(error))?;
        let mut worker = Worker::new(cluster, self.parts());
        let mut is_stopping = false;
        loop {
            if !is_stopping && let Some(limit) = self.signals.stop_within() {
                is_stopping = true;
                worker.notify(WorkerEvent::Stop(limit));
            }
            match worker.step()? {
                Pace::Continue => {}
                Pace::Stopped => return Ok(()),
            }
        }
    }

    fn parts(&self) -> Parts<P, F> {
        Parts {
            options: Arc::clone(&self.options),
            processors: Arc::clone(&self.processors),
            fault: self.fault.clone(),
            published: self.published.clone(),
            observer: Arc::clone(&self.observer),
            topics: Arc::clone(&self.topics),
        }
    }

    fn join_failed(&self, error: BrokerError) -> WorkerError {
        match recovery(Action::Join, error, &self.options.instance) {
            WorkerError::Retry { action, source } => WorkerError::RestartWorker {
                reason: RestartReason::Fatal { action, text: source.text },
            },
            other => other,
        }
    }

    fn commits(&self) -> u64 {
        self.published.read().transactions.committed
    }

    fn note_restart(&self, label: &'static str) {
        let mut progress = (*self.published.read()).clone();
        *progress.restarts.entry(label).or_default() += 1;
        progress.has_joined = false;
        progress.has_producer = false;
        progress.partitions.clear();
        self.published.write(progress);
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".to_owned())
}
