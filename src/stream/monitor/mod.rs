//! From what the workers publish to metrics, readiness and the log's line of steady state.
//!
//! Once a second [`Monitor::turn`] reads each worker's newest snapshot ([`Published`]): totals
//! become increments of counters (`counters`), partitions become gauges (`partitions`), and what the
//! worker says about its group and its producer becomes the checks R1–R5 of operations.md §2.1
//! (`readiness`). Single commits and batches reach histograms through [`MetricsObserver`], on the
//! worker's thread. A worker knows neither metrics nor health and never waits for either.

mod counters;
mod observer;
mod partitions;
mod readiness;
mod steady;
#[cfg(test)]
mod tests;
mod thread;

pub use observer::MetricsObserver;
pub use thread::MonitorThread;

use super::edition::RulesInForce;
use super::options::Options;
use super::progress::{Progress, Published};
use crate::rule::Kind;
use crate::telemetry::{ClientMetrics, Health, ProcessMetrics, RuleMetrics, WorkerMetrics};
use crate::units::WallTime;
use counters::WorkerCounters;
use partitions::Partitions;
use readiness::Readiness;
use std::sync::Arc;
use steady::{Steady, Totals};

/// See the module's header.
pub struct Monitor {
    health: Arc<Health>,
    process: ProcessMetrics,
    workers: Vec<Watch>,
    partitions: Partitions,
    in_force: Arc<RulesInForce>,
    /// Of the edition with this number and all before it.
    rules: (u64, RuleMetrics),
    client: ClientMetrics,
    steady: Steady,
    is_ready: bool,
    hanging: Vec<usize>,
}

/// One worker, as last seen.
struct Watch {
    published: Published,
    seen: Arc<Progress>,
    metrics: WorkerMetrics,
    counters: WorkerCounters,
    readiness: Readiness,
}

impl Monitor {
    /// Registers all handles, so the recorder is installed by now. `published` holds the snapshots
    /// of the workers in their order.
    #[must_use]
    pub fn new(
        in_force: Arc<RulesInForce>,
        options: &Options,
        process: ProcessMetrics,
        health: Arc<Health>,
        published: &[Published],
    ) -> Monitor {
        let rules = register(&in_force, &process);
        let watch = |(number, published): (usize, &Published)| Watch {
            seen: published.read(),
            published: published.clone(),
            metrics: WorkerMetrics::new(number),
            counters: WorkerCounters::default(),
            readiness: Readiness::default(),
        };
        Monitor {
            health,
            process,
            workers: published.iter().enumerate().map(watch).collect(),
            partitions: Partitions::new(&options.sources),
            in_force,
            rules,
            client: ClientMetrics::new(),
            steady: Steady::default(),
            is_ready: false,
            hanging: Vec::new(),
        }
    }

    /// Brings metrics, health and the log up to what the workers last said. Waits for nobody.
    pub fn turn(&mut self, wall: WallTime) {
        self.turn_at(wall, self.health.now_ms());
    }

    /// `now_ms` is the clock of [`Health`]: a wall clock that jumps must not look like a worker
    /// that hangs.
    fn turn_at(&mut self, wall: WallTime, now_ms: i64) {
        for (number, worker) in self.workers.iter_mut().enumerate() {
            let progress = worker.published.read();
            // Only now: what was just read may count for rules that came after the last turn.
            if self.in_force.number() != self.rules.0 {
                self.rules = register(&self.in_force, &self.process);
            }
            let has_ticked = !Arc::ptr_eq(&progress, &worker.seen);
            if let Some(health) = self.health.worker(number) {
                worker.readiness.report(&progress, has_ticked, health, now_ms);
            }
            worker.counters.add(&progress, &worker.metrics, &self.rules.1, &self.client);
            self.partitions.count(&progress, &mut worker.counters);
            worker.metrics.set_dirty_bytes(u64::try_from(progress.dirty_bytes).unwrap_or(u64::MAX));
            worker.seen = progress;
        }
        let snapshots = || self.workers.iter().map(|worker| &*worker.seen);
        self.partitions.show(snapshots().flat_map(|progress| &progress.partitions), wall);
        if let Some(line) = self.steady.turn(Totals::of(snapshots(), wall), now_ms) {
            line.log();
        }
        self.tell_readiness(now_ms);
    }

    /// Whether the process is ready goes to the gauge, and to the log when it changes.
    fn tell_readiness(&mut self, now_ms: i64) {
        let checks = self.health.checks(now_ms);
        let failing: Vec<String> = checks
            .iter()
            .filter(|check| !check.ok)
            .map(|check| format!("{}: {}", check.name, check.detail))
            .collect();
        let is_ready = failing.is_empty();
        self.process.set_ready(is_ready);
        if is_ready && !self.is_ready {
            tracing::info!("ready");
        } else if !is_ready && self.is_ready {
            tracing::warn!(why = failing.join("; "), "not ready");
        }
        self.is_ready = is_ready;

        let hanging = self.health.hanging(now_ms);
        for worker in hanging.iter().filter(|worker| !self.hanging.contains(worker)) {
            tracing::error!(worker, "worker does not go round any more");
        }
        self.hanging = hanging;
    }
}

/// Registers the counters of all rules that the process has had; what is registered already stays.
fn register(in_force: &RulesInForce, process: &ProcessMetrics) -> (u64, RuleMetrics) {
    let newest = in_force.newest();
    let rules = newest.rules.rules();
    let windows = rules.iter().filter(|rule| matches!(rule.kind, Kind::Window(_))).count();
    process.set_rules(rules.len() - windows, windows);
    let labels: Vec<_> = in_force.enrolled().into_iter().map(counters::alert_labels).collect();
    (newest.number, RuleMetrics::new(&labels))
}
