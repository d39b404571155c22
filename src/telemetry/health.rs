//! Whether the process lives and is ready, as its workers say (operations.md §2).
//!
//! Workers tick and report through atomics; the admin listener reads. No lock is shared with a
//! worker. Times are milliseconds of one monotonic clock that both sides are given.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Instant;

/// A loop that has not ticked for so long hangs.
const TICK_LIMIT_MS: i64 = 30_000;
/// The same while it restores or commits, where one step may wait for the broker.
const SLOW_TICK_LIMIT_MS: i64 = 60_000;
/// R2: an assignment that was lost must come back within.
const REJOIN_LIMIT_MS: i64 = 60_000;
/// R4: what waits for a commit must be committed within.
const COMMIT_LIMIT_MS: i64 = 60_000;
/// In place of a time: it has not happened.
const NEVER: i64 = -1;

/// What a worker is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Reading and detecting.
    Running,
    /// Restoring or committing.
    Waiting,
}

/// One named check of readiness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// `rules`, `assignment`, `restore`, `commit`, `stopping`.
    pub name: &'static str,
    /// Whether it holds.
    pub ok: bool,
    /// For people; no entity names.
    pub detail: String,
}

/// The state of the process, shared by its workers and the admin listener.
#[derive(Debug)]
pub struct Health {
    started: Instant,
    has_rules: AtomicBool,
    is_stopping: AtomicBool,
    workers: Vec<WorkerHealth>,
}

/// The state of one worker. Written by that worker alone, read by the listener.
#[derive(Debug)]
pub struct WorkerHealth {
    ticked_ms: AtomicI64,
    is_waiting: AtomicBool,
    has_joined: AtomicBool,
    lost_ms: AtomicI64,
    partitions: AtomicU64,
    restored: AtomicU64,
    records_left: AtomicU64,
    was_restored: AtomicBool,
    has_stopped_partition: AtomicBool,
    has_producer: AtomicBool,
    pending_ms: AtomicI64,
}

impl Health {
    /// Nothing is ready yet.
    #[must_use]
    pub fn new(workers: usize) -> Health {
        Health {
            started: Instant::now(),
            has_rules: AtomicBool::new(false),
            is_stopping: AtomicBool::new(false),
            workers: (0..workers).map(|_| WorkerHealth::new()).collect(),
        }
    }

    /// Milliseconds since the start, the clock of all `now_ms`.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    /// The state of worker number `worker`.
    #[must_use]
    pub fn worker(&self, worker: usize) -> Option<&WorkerHealth> {
        self.workers.get(worker)
    }

    /// R1: configuration and rules are loaded.
    pub fn rules_loaded(&self) {
        self.has_rules.store(true, Ordering::Release);
    }

    /// R5: the first signal came.
    pub fn stopping(&self) {
        self.is_stopping.store(true, Ordering::Release);
    }

    /// Whether every worker's loop goes round. Broker state plays no part.
    #[must_use]
    pub fn is_live(&self, now_ms: i64) -> bool {
        self.hanging(now_ms).is_empty()
    }

    /// Workers whose loop has not ticked in time.
    #[must_use]
    pub fn hanging(&self, now_ms: i64) -> Vec<usize> {
        let hangs = |worker: &WorkerHealth| {
            let waits = worker.is_waiting.load(Ordering::Acquire);
            let limit = if waits { SLOW_TICK_LIMIT_MS } else { TICK_LIMIT_MS };
            now_ms.saturating_sub(worker.ticked_ms.load(Ordering::Acquire)) > limit
        };
        let numbered = self.workers.iter().enumerate();
        numbered.filter(|(_, worker)| hangs(worker)).map(|(number, _)| number).collect()
    }

    /// The checks R1–R5; ready when all hold.
    #[must_use]
    pub fn checks(&self, now_ms: i64) -> Vec<Check> {
        let has_rules = self.has_rules.load(Ordering::Acquire);
        let is_stopping = self.is_stopping.load(Ordering::Acquire);
        let text = |yes, then: &str, otherwise: &str| if yes { then } else { otherwise }.to_owned();
        vec![
            Check {
                name: "rules",
                ok: has_rules,
                detail: text(has_rules, "configuration and rules are loaded", "not loaded yet"),
            },
            self.assignment(now_ms),
            self.restore(),
            self.commit(now_ms),
            Check {
                name: "stopping",
                ok: !is_stopping,
                detail: text(is_stopping, "a signal to stop came", "running"),
            },
        ]
    }

    /// Whether all checks hold.
    #[must_use]
    pub fn is_ready(&self, now_ms: i64) -> bool {
        self.checks(now_ms).iter().all(|check| check.ok)
    }

    /// R2: an empty assignment counts; a lost one may be away for a while.
    fn assignment(&self, now_ms: i64) -> Check {
        let is_in = |worker: &&WorkerHealth| {
            let lost_ms = worker.lost_ms.load(Ordering::Acquire);
            let is_away = lost_ms != NEVER && now_ms.saturating_sub(lost_ms) > REJOIN_LIMIT_MS;
            worker.has_joined.load(Ordering::Acquire) && !is_away
        };
        let joined = self.workers.iter().filter(is_in).count();
        let all = self.workers.len();
        let partitions = self.sum(|worker| &worker.partitions);
        let detail = format!("{joined} of {all} workers in the group, {partitions} partitions");
        Check { name: "assignment", ok: joined == all, detail }
    }

    /// R3: restores after later rebalances do not count, a partition that was stopped does.
    fn restore(&self) -> Check {
        let has_stopped =
            |worker: &WorkerHealth| worker.has_stopped_partition.load(Ordering::Acquire);
        let was_restored = |worker: &WorkerHealth| worker.was_restored.load(Ordering::Acquire);
        let stopped = self.workers.iter().filter(|worker| has_stopped(worker)).count();
        let ok = stopped == 0 && self.workers.iter().all(was_restored);
        let (restored, all) =
            (self.sum(|worker| &worker.restored), self.sum(|worker| &worker.partitions));
        let left = self.sum(|worker| &worker.records_left);
        let detail = if stopped > 0 {
            "a partition was stopped: its state contradicts the committed offset, see the log"
                .into()
        } else {
            format!("{restored} of {all} partitions, {left} records left")
        };
        Check { name: "restore", ok, detail }
    }

    /// R4: a producer that works, and nothing that waits too long for a commit.
    fn commit(&self, now_ms: i64) -> Check {
        let works = |worker: &&WorkerHealth| {
            let pending_ms = worker.pending_ms.load(Ordering::Acquire);
            let is_stuck =
                pending_ms != NEVER && now_ms.saturating_sub(pending_ms) > COMMIT_LIMIT_MS;
            worker.has_producer.load(Ordering::Acquire) && !is_stuck
        };
        let working = self.workers.iter().filter(works).count();
        let all = self.workers.len();
        let detail = format!("{working} of {all} workers can commit");
        Check { name: "commit", ok: working == all, detail }
    }

    fn sum(&self, number: impl Fn(&WorkerHealth) -> &AtomicU64) -> u64 {
        self.workers.iter().map(|worker| number(worker).load(Ordering::Acquire)).sum()
    }
}

impl WorkerHealth {
    fn new() -> WorkerHealth {
        WorkerHealth {
            ticked_ms: AtomicI64::new(0),
            is_waiting: AtomicBool::new(false),
            has_joined: AtomicBool::new(false),
            lost_ms: AtomicI64::new(NEVER),
            partitions: AtomicU64::new(0),
            restored: AtomicU64::new(0),
            records_left: AtomicU64::new(0),
            was_restored: AtomicBool::new(false),
            has_stopped_partition: AtomicBool::new(false),
            has_producer: AtomicBool::new(false),
            pending_ms: AtomicI64::new(NEVER),
        }
    }

    /// The loop went round once more, or enters a step that may take long.
    pub fn tick(&self, now_ms: i64, phase: Phase) {
        self.is_waiting.store(phase == Phase::Waiting, Ordering::Release);
        self.ticked_ms.store(now_ms, Ordering::Release);
    }

    /// An assignment was answered; an empty one counts and needs no restore.
    pub fn assigned(&self, partitions: u64) {
        self.partitions.store(partitions, Ordering::Release);
        self.lost_ms.store(NEVER, Ordering::Release);
        self.has_joined.store(true, Ordering::Release);
        if partitions == 0 {
            self.was_restored.store(true, Ordering::Release);
        }
    }

    /// The assignment was lost.
    pub fn lost(&self, now_ms: i64) {
        self.partitions.store(0, Ordering::Release);
        self.restored.store(0, Ordering::Release);
        // Lost twice: the first time counts.
        set_once(&self.lost_ms, now_ms);
    }

    /// How far the restore is; complete when all `partitions` of the assignment are restored.
    pub fn restoring(&self, restored: u64, records_left: u64) {
        self.restored.store(restored, Ordering::Release);
        self.records_left.store(records_left, Ordering::Release);
        if restored >= self.partitions.load(Ordering::Acquire) {
            self.was_restored.store(true, Ordering::Release);
        }
    }

    /// A partition's state contradicts Kafka and was stopped.
    pub fn partition_stopped(&self) {
        self.has_stopped_partition.store(true, Ordering::Release);
    }

    /// None of this worker's partitions is stopped: it began anew, or has given them away.
    pub fn no_partition_stopped(&self) {
        self.has_stopped_partition.store(false, Ordering::Release);
    }

    /// `init_transactions` is done.
    pub fn producer_ready(&self) {
        self.has_producer.store(true, Ordering::Release);
    }

    /// The producer was fenced or dropped.
    pub fn producer_gone(&self) {
        self.has_producer.store(false, Ordering::Release);
    }

    /// There is something to commit; the oldest such moment counts.
    pub fn commit_pending(&self, now_ms: i64) {
        set_once(&self.pending_ms, now_ms);
    }

    /// Everything is committed.
    pub fn committed(&self) {
        self.pending_ms.store(NEVER, Ordering::Release);
    }
}

/// Sets a time that has not been set; an earlier one stays.
fn set_once(time_ms: &AtomicI64, now_ms: i64) {
    if time_ms.load(Ordering::Acquire) == NEVER {
        time_ms.store(now_ms, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready_with_one_worker() -> Health {
        let health = Health::new(1);
        health.rules_loaded();
        let worker = health.worker(0).expect("is there");
        worker.assigned(2);
        worker.restoring(2, 0);
        worker.producer_ready();
        health
    }

    fn failing(health: &Health, now_ms: i64) -> Vec<&'static str> {
        health.checks(now_ms).iter().filter(|check| !check.ok).map(|check| check.name).collect()
    }

    #[test]
    fn a_new_process_lives_but_is_not_ready() {
        let health = Health::new(2);
        assert!(health.is_live(1_000));
        assert_eq!(failing(&health, 1_000), ["rules", "assignment", "restore", "commit"]);
    }

    #[test]
    fn a_worker_that_does_not_tick_hangs_after_its_limit() {
        let health = Health::new(2);
        let worker = health.worker(1).expect("is there");
        health.worker(0).expect("is there").tick(100_000, Phase::Running);
        worker.tick(70_000, Phase::Running);
        assert!(health.is_live(100_000));
        assert_eq!(health.hanging(100_001), [1]);
        worker.tick(70_000, Phase::Waiting);
        assert!(health.is_live(130_000));
        assert_eq!(health.hanging(130_001), [0, 1]);
    }

    #[test]
    fn an_empty_assignment_is_ready_and_a_lost_one_only_for_a_minute() {
        let health = ready_with_one_worker();
        let worker = health.worker(0).expect("is there");
        worker.assigned(0);
        assert!(health.is_ready(0));
        worker.lost(1_000);
        worker.lost(50_000);
        assert!(health.is_ready(61_000));
        assert_eq!(failing(&health, 61_001), ["assignment"]);
        worker.assigned(1);
        assert!(health.is_ready(61_001));
    }

    #[test]
    fn only_the_first_restore_and_a_stopped_partition_unready() {
        let health = ready_with_one_worker();
        let worker = health.worker(0).expect("is there");
        worker.assigned(3);
        worker.restoring(2, 18_211);
        assert!(health.is_ready(0));
        let restore = health.checks(0).into_iter().find(|check| check.name == "restore");
        assert_eq!(
            restore.map(|check| check.detail).as_deref(),
            Some("2 of 3 partitions, 18211 records left")
        );
        worker.partition_stopped();
        assert_eq!(failing(&health, 0), ["restore"]);
        worker.no_partition_stopped();
        assert!(health.is_ready(0));
    }

    #[test]
    fn a_commit_that_waits_over_a_minute_or_a_lost_producer_unready() {
        let health = ready_with_one_worker();
        let worker = health.worker(0).expect("is there");
        worker.commit_pending(1_000);
        worker.commit_pending(30_000);
        assert!(health.is_ready(61_000));
        assert_eq!(failing(&health, 61_001), ["commit"]);
        worker.committed();
        assert!(health.is_ready(61_001));
        worker.producer_gone();
        assert_eq!(failing(&health, 61_001), ["commit"]);
        health.stopping();
        assert_eq!(failing(&health, 61_001), ["commit", "stopping"]);
    }
}
