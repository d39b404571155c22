//! Everything outside the workers: brokers, network, clocks, and what goes wrong.
//!
//! One heap of things that will happen, by virtual time and then by number: the same seed gives the
//! same order. A worker's call that takes time runs the world for so long, with everybody but the
//! workers that are on the stack, so that others act while it hangs.

use super::coordinator::{Answer, Phase, Place, Transaction};
use super::disk::{Disks, Kill};
use super::group::{Group, HEARTBEAT, Round, Standing};
use super::log::{Log, Record, Writer};
use crate::generate::Random;
use crate::stream::cluster::{Membership, SourceIndex, TaskId};
use crate::stream::error::{BrokerError, BrokerErrorKind};
use crate::stream::event::WorkerEvent;
use crate::units::PartitionId;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// From joining to the first sign of life.
pub(super) const HEARTBEAT_FIRST: u64 = HEARTBEAT;
pub(super) const WORKERS: usize = 3;
pub(super) const PARTITIONS: i32 = 4;
pub(super) const MS: u64 = 1000;
pub(super) const SECOND: u64 = 1000 * MS;
/// The broker aborts a transaction that is open for so long.
pub(super) const TRANSACTION: u64 = 4 * SECOND;
/// How long brokers keep tombstones, in milliseconds.
pub(super) const TOMBSTONES_MS: i64 = 12_000;
/// The wall clock when the world begins, in milliseconds.
const WALL_MS: i64 = 1_700_000_000_000;

/// What will happen.
#[derive(Debug, Clone)]
pub(super) enum Happening {
    /// A worker does its next step.
    Step {
        worker: usize,
        life: u64,
    },
    /// A record reaches its partition.
    Record {
        from: Sender,
        sequence: u64,
        target: Where,
        record: Record,
    },
    /// A delivery report reaches its client.
    Report {
        from: Sender,
        result: Result<(Where, i64), ()>,
    },
    /// A request that its client has given up reaches the coordinator.
    LateEnd {
        worker: usize,
        epoch: u32,
        is_commit: bool,
    },
    LateOffsets {
        worker: usize,
        epoch: u32,
        offsets: Vec<(TaskId, i64)>,
        claim: Membership,
    },
    /// A marker is written.
    Marker {
        worker: usize,
        epoch: u32,
        place: Place,
        is_commit: bool,
    },
    /// The coordinator looks at the age of a transaction.
    Expiry {
        worker: usize,
        began: u64,
    },
    Heartbeat {
        worker: usize,
        life: u64,
    },
    /// A client learns what a round of the group decided.
    Learn {
        joined: u64,
        answer: u64,
        round: Round,
    },
    /// A client is told that it has lost everything.
    Lost {
        worker: usize,
        life: u64,
    },
    GroupTurn,
    /// A new record of the input.
    Input,
    Compaction,
    /// Something goes wrong.
    Fault,
    /// A process starts.
    Start {
        worker: usize,
    },
    /// New rules.
    Edition,
}

/// The life and producer that a record belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sender {
    pub(super) worker: usize,
    pub(super) life: u64,
    pub(super) epoch: u32,
    /// Counts transactions of the producer.
    pub(super) transaction: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Where {
    Changelog(i32),
    Alerts,
}

/// A worker's clients: what librdkafka knows.
#[derive(Debug, Default)]
pub(super) struct Client {
    pub(super) life: u64,
    pub(super) is_alive: bool,
    /// Stopped, as by SIGSTOP, until then.
    pub(super) frozen_until: u64,
    pub(super) member_id: String,
    pub(super) generation: i32,
    pub(super) is_lost: bool,
    pub(super) events: VecDeque<WorkerEvent>,
    /// Assigned partitions; where they are read, unless they are paused.
    pub(super) reading: BTreeMap<TaskId, Option<i64>>,
    pub(super) restoring: BTreeMap<TaskId, i64>,
    /// Ends of changelogs when the client began, for a rule that is switched off.
    pub(super) early_ends: BTreeMap<TaskId, i64>,
    pub(super) producer: Option<Producer>,
    /// It is to be told that all is lost, when what it was told before is answered.
    pub(super) is_loss_due: bool,
    pub(super) is_loss_told: bool,
    /// When it last joined, among all that did.
    pub(super) joined: u64,
    /// Assignments and revocations that were handed over and not answered.
    pub(super) unanswered: usize,
    /// Answers of the group since it joined, and how many of them have reached it.
    pub(super) answers: u64,
    pub(super) learned: u64,
    /// Nothing to do until then, unless something comes.
    pub(super) idle_until: u64,
    pub(super) kill: Option<Arc<Kill>>,
}

#[derive(Debug)]
pub(super) struct Producer {
    pub(super) epoch: u32,
    pub(super) sequence: u64,
    pub(super) transaction: u64,
    pub(super) in_flight: usize,
    pub(super) failed: Option<BrokerError>,
    pub(super) delivered: BTreeMap<Where, i64>,
    /// Records of one partition arrive in their order.
    pub(super) last_arrival: BTreeMap<Where, u64>,
}

/// How a request to a coordinator fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Answered,
    /// It never arrives.
    Lost,
    /// It arrives, and the answer does not.
    AnswerLost,
    /// It arrives when nobody waits for it any more.
    Late,
}

/// What was done to the workers.
#[derive(Debug, Clone, Default)]
pub(super) struct Faults {
    pub(super) by_kind: BTreeMap<&'static str, u64>,
    /// That hit a worker with an open transaction.
    pub(super) inside: u64,
    /// Aborted transactions.
    pub(super) aborted: u64,
    pub(super) committed: u64,
    pub(super) crash_points: BTreeSet<String>,
}

pub(super) struct World {
    pub(super) now: u64,
    number: u64,
    pub(super) heap: BTreeMap<(u64, u64), Happening>,
    /// Decides times.
    pub(super) random: Random,
    /// Decides faults, so that fewer faults change as little else as possible.
    pub(super) chance: Random,
    /// So many faults are left; what goes wrong in the network counts, too.
    pub(super) faults_left: u64,
    pub(super) faults: Faults,
    pub(super) inputs: BTreeMap<i32, Log>,
    pub(super) inputs_left: u64,
    pub(super) changelogs: BTreeMap<i32, Log>,
    pub(super) alerts: Log,
    pub(super) transactions: Vec<Transaction>,
    pub(super) group: Group,
    pub(super) clients: Vec<Client>,
    pub(super) disks: Disks,
    pub(super) editions: Vec<Arc<AtomicU64>>,
    /// No coordinator and no partition answers until then.
    pub(super) down_until: u64,
    joins: u64,
    /// Nobody starts any more.
    pub(super) is_stopping: bool,
    pub(super) trace: Option<Vec<String>>,
    pub(super) violations: Vec<String>,
}

pub(super) fn task(partition: i32) -> TaskId {
    TaskId { source: SourceIndex(0), partition: PartitionId(partition) }
}

pub(super) fn error(kind: BrokerErrorKind, text: &str) -> BrokerError {
    BrokerError { kind, code: "Sim".to_owned(), text: text.to_owned() }
}

impl World {
    pub(super) fn new(seed: u64, faults: u64) -> Self {
        let mut world = Self {
            now: 0,
            number: 0,
            heap: BTreeMap::new(),
            random: Random::new(seed),
            chance: Random::new(seed ^ 0x5eed_0fa1),
            faults_left: faults,
            faults: Faults::default(),
            inputs: (0..PARTITIONS).map(|partition| (partition, Log::default())).collect(),
            inputs_left: 240,
            changelogs: (0..PARTITIONS).map(|partition| (partition, Log::default())).collect(),
            alerts: Log::default(),
            transactions: (0..WORKERS).map(|_| Transaction::new()).collect(),
            group: Group::new((0..PARTITIONS).map(task).collect()),
            clients: (0..WORKERS).map(|_| Client::default()).collect(),
            disks: Disks::default(),
            editions: (0..WORKERS).map(|_| Arc::default()).collect(),
            down_until: 0,
            joins: 0,
            is_stopping: false,
            trace: None,
            violations: Vec::new(),
        };
        for worker in 0..WORKERS {
            let at = world.random.below(2 * SECOND);
            world.at(at, Happening::Start { worker });
        }
        world.at(0, Happening::GroupTurn);
        world.at(0, Happening::Input);
        world.at(SECOND, Happening::Fault);
        world.at(3 * SECOND, Happening::Compaction);
        world.at(5 * SECOND, Happening::Edition);
        world
    }

    pub(super) fn at(&mut self, time: u64, what: Happening) {
        self.number += 1;
        self.heap.insert((time.max(self.now), self.number), what);
    }

    pub(super) fn after(&mut self, delay: u64, what: Happening) {
        self.at(self.now + delay, what);
    }

    pub(super) fn say(&mut self, text: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>9.3} {}", self.now as f64 / 1e6, text()));
        }
    }

    pub(super) fn wall_ms(&self) -> i64 {
        WALL_MS + (self.now / MS).cast_signed()
    }

    pub(super) fn has_faults(&self) -> bool {
        self.faults_left > 0
    }

    /// Notes a fault; `inside`: whether the worker that it hits has a transaction open.
    pub(super) fn note(&mut self, kind: &'static str, worker: Option<usize>) {
        self.faults_left = self.faults_left.saturating_sub(1);
        *self.faults.by_kind.entry(kind).or_default() += 1;
        let is_open = |at: usize| {
            self.transactions.get(at).is_some_and(|one| matches!(one.phase, Phase::Ongoing))
        };
        self.faults.inside += u64::from(worker.is_some_and(is_open));
        self.say(|| format!("fault: {kind} {worker:?}"));
    }

    /// What becomes of a worker's next request.
    pub(super) fn fate(&mut self, worker: usize) -> Fate {
        if self.now < self.down_until {
            return if self.chance.percent(50) { Fate::Lost } else { Fate::AnswerLost };
        }
        if !self.has_faults() || !self.chance.percent(4) {
            return Fate::Answered;
        }
        self.note("request", Some(worker));
        match self.chance.below(3) {
            0 => Fate::Lost,
            1 => Fate::AnswerLost,
            _ => Fate::Late,
        }
    }

    fn log(&mut self, place: Where) -> &mut Log {
        match place {
            Where::Changelog(partition) => self.changelogs.entry(partition).or_default(),
            Where::Alerts => &mut self.alerts,
        }
    }

    /// Whatever is not a worker's step and not a start.
    pub(super) fn handle(&mut self, what: Happening) {
        match what {
            Happening::Record { from, sequence, target, record } => {
                self.record(from, sequence, target, record);
            }
            Happening::Report { from, result } => self.report(from, result),
            Happening::LateEnd { worker, epoch, is_commit } => {
                let answer = self.end(worker, epoch, is_commit);
                self.say(|| format!("a late end of worker {worker} epoch {epoch}: {answer:?}"));
            }
            Happening::LateOffsets { worker, epoch, offsets, claim } => {
                let answer = self.offsets(worker, epoch, &offsets, &claim);
                self.say(|| format!("late offsets of worker {worker}: {answer:?}"));
            }
            Happening::Marker { worker, epoch, place, is_commit } => {
                self.marker(Writer { pid: worker, epoch }, place, is_commit);
            }
            Happening::Expiry { worker, began } => {
                let transaction = &mut self.transactions[worker];
                if transaction.phase == Phase::Ongoing && transaction.began == began {
                    transaction.fence();
                    self.write_markers(worker);
                    self.say(|| format!("transaction of worker {worker} timed out"));
                }
            }
            Happening::Heartbeat { worker, life } => self.heartbeat(worker, life),
            Happening::Learn { joined, answer, round } => self.learn(joined, answer, round),
            Happening::Lost { worker, life } => {
                let client = &mut self.clients[worker];
                if client.life == life && client.is_alive && client.is_lost {
                    client.is_loss_due = true;
                    self.wake(worker);
                }
            }
            Happening::GroupTurn => {
                self.group_turn();
                self.after(100 * MS, Happening::GroupTurn);
            }
            Happening::Input => self.input(),
            Happening::Compaction => {
                let since = self.wall_ms() - TOMBSTONES_MS;
                self.changelogs.values_mut().for_each(|log| log.compact(since));
                let delay = self.random.between(SECOND, 6 * SECOND);
                self.after(delay, Happening::Compaction);
            }
            Happening::Edition => {
                for edition in &self.editions {
                    edition.fetch_add(1, Ordering::Relaxed);
                }
                self.say(|| "new rules".to_owned());
                let delay = self.random.between(2 * SECOND, 9 * SECOND);
                self.after(delay, Happening::Edition);
            }
            Happening::Fault | Happening::Start { .. } | Happening::Step { .. } => {}
        }
    }

    fn input(&mut self) {
        if self.inputs_left == 0 {
            return;
        }
        self.inputs_left -= 1;
        let partition = self.random.below(u64::from(PARTITIONS.unsigned_abs()));
        let partition = i32::try_from(partition).unwrap_or(0);
        // Few keys, and now and then one is forgotten: its row becomes a tombstone.
        let adds = if self.random.percent(8) { 0 } else { self.random.between(1, 7) };
        let value = super::counting::record(self.random.below(4), adds);
        let record = Record { key: Vec::new(), value: Some(value), time: self.wall_ms() };
        if let Some(log) = self.inputs.get_mut(&partition) {
            log.append_plain(record);
        }
        for worker in 0..WORKERS {
            if self.clients[worker].reading.contains_key(&task(partition)) {
                self.wake(worker);
            }
        }
        let pause = if self.random.percent(5) { SECOND } else { self.random.below(120 * MS) };
        self.after(pause, Happening::Input);
    }

    /// Something came for an idle worker.
    pub(super) fn wake(&mut self, worker: usize) {
        let client = &mut self.clients[worker];
        if client.idle_until > self.now {
            client.idle_until = self.now;
            let life = client.life;
            self.at(self.now, Happening::Step { worker, life });
        }
    }

    // --- records ---------------------------------------------------------------------------

    fn record(&mut self, from: Sender, sequence: u64, target: Where, record: Record) {
        if self.now < self.down_until {
            let again = Happening::Record { from, sequence, target, record };
            let at = self.down_until + self.random.below(20 * MS);
            self.at(at, again);
            return;
        }
        let worker = from.worker;
        let is_dead = self.clients[worker].life != from.life || !self.clients[worker].is_alive;
        // Of what a killed process was sending, some had left it.
        if is_dead && self.chance.percent(50) {
            return;
        }
        let place = match target {
            Where::Changelog(partition) => Place::Changelog(partition),
            Where::Alerts => Place::Alerts,
        };
        let answer = {
            let now = self.now;
            let known = self.transactions[worker].phase == Phase::Ongoing;
            let answer = self.transactions[worker].add(from.epoch, place, now);
            if answer == Answer::Done && !known {
                let began = self.now;
                self.after(TRANSACTION, Happening::Expiry { worker, began });
            }
            answer
        };
        let result = match answer {
            Answer::Concurrent => {
                let again = Happening::Record { from, sequence, target, record };
                let delay = self.random.between(5 * MS, 20 * MS);
                self.after(delay, again);
                return;
            }
            Answer::Done => {
                let by = Writer { pid: worker, epoch: from.epoch };
                self.log(target).append(by, sequence, record).map(|offset| (target, offset))
            }
            Answer::Fenced | Answer::InvalidState => None,
        };
        let delay = if self.has_faults() && self.chance.percent(1) {
            self.note("slow report", Some(worker));
            self.random.between(200 * MS, 3 * SECOND)
        } else {
            self.random.between(MS / 5, 4 * MS)
        };
        self.after(delay, Happening::Report { from, result: result.ok_or(()) });
    }

    fn report(&mut self, from: Sender, result: Result<(Where, i64), ()>) {
        let client = &mut self.clients[from.worker];
        if client.life != from.life {
            return;
        }
        let Some(producer) = client.producer.as_mut() else { return };
        if (producer.epoch, producer.transaction) != (from.epoch, from.transaction) {
            return;
        }
        producer.in_flight = producer.in_flight.saturating_sub(1);
        match result {
            Ok((place, offset)) => {
                let highest = producer.delivered.entry(place).or_insert(offset);
                *highest = offset.max(*highest);
            }
            Err(()) => {
                let fenced = error(BrokerErrorKind::FencedProducer, "the producer was fenced");
                producer.failed.get_or_insert(fenced);
            }
        }
    }

    // --- transactions ----------------------------------------------------------------------

    pub(super) fn end(&mut self, worker: usize, epoch: u32, is_commit: bool) -> Answer {
        let before = self.transactions[worker].phase;
        let answer = self.transactions[worker].end(epoch, is_commit);
        if answer == Answer::Done && before == Phase::Ongoing {
            self.write_markers(worker);
        }
        answer
    }

    pub(super) fn init(&mut self, worker: usize) -> Answer {
        let before = self.transactions[worker].phase;
        let answer = self.transactions[worker].init();
        if before == Phase::Ongoing {
            self.write_markers(worker);
        }
        answer
    }

    /// Each partition hears of the decision in its own time.
    fn write_markers(&mut self, worker: usize) {
        let transaction = &self.transactions[worker];
        let Phase::Ending { is_commit } = transaction.phase else { return };
        let (epoch, places) = (transaction.epoch, transaction.places.clone());
        if is_commit {
            self.faults.committed += 1;
        } else {
            self.faults.aborted += 1;
        }
        if places.is_empty() {
            self.transactions[worker].phase = Phase::Ended { is_commit };
        }
        for place in places {
            let slow = self.random.percent(10);
            let delay = if slow { self.random.below(SECOND) } else { self.random.below(8 * MS) };
            self.after(delay, Happening::Marker { worker, epoch, place, is_commit });
        }
    }

    fn marker(&mut self, by: Writer, place: Place, is_commit: bool) {
        match place {
            Place::Changelog(partition) => {
                if let Some(log) = self.changelogs.get_mut(&partition) {
                    log.mark(by, is_commit);
                }
            }
            Place::Alerts => self.alerts.mark(by, is_commit),
            Place::Offsets => {
                let Group { pending, committed, .. } = &mut self.group;
                for (task, pending) in pending {
                    let Some(position) = pending.remove(&by.pid).filter(|_| is_commit) else {
                        continue;
                    };
                    let before = committed.insert(*task, position);
                    // The same again is harmless: offsets that came late open a transaction of their
                    // own, which the commit that is asked for again ends.
                    if before.is_some_and(|before| before > position) {
                        self.violations.push(format!(
                            "partition {} committed {before:?} and then {position}",
                            task.partition
                        ));
                    }
                }
            }
        }
        self.transactions[by.pid].marked(place);
        self.say(|| format!("marker of worker {} on {place:?}: commit {is_commit}", by.pid));
    }

    /// What a broker does with offsets in a transaction.
    pub(super) fn offsets(
        &mut self,
        worker: usize,
        epoch: u32,
        offsets: &[(TaskId, i64)],
        claim: &Membership,
    ) -> Result<(), BrokerError> {
        use BrokerErrorKind::{AbortRequired, FencedInstance, FencedProducer, Retriable};
        if epoch < self.transactions[worker].epoch {
            return Err(error(FencedProducer, "the producer was fenced"));
        }
        match self.group.standing(worker, claim) {
            Standing::Member => {}
            Standing::Unknown => return Err(error(AbortRequired, "the member is unknown")),
            Standing::IllegalGeneration => {
                return Err(error(AbortRequired, "the generation is another"));
            }
            Standing::Replaced => return Err(error(FencedInstance, "the instance was taken")),
        }
        let known = self.transactions[worker].phase == Phase::Ongoing;
        match self.transactions[worker].add(epoch, Place::Offsets, self.now) {
            Answer::Done => {}
            Answer::Concurrent => return Err(error(Retriable, "another transaction is ending")),
            Answer::Fenced | Answer::InvalidState => {
                return Err(error(FencedProducer, "the producer was fenced"));
            }
        }
        if !known {
            let began = self.now;
            self.after(TRANSACTION, Happening::Expiry { worker, began });
        }
        for (task, position) in offsets {
            self.group.pending.entry(*task).or_default().insert(worker, *position);
        }
        Ok(())
    }

    // --- the group -------------------------------------------------------------------------

    pub(super) fn join(&mut self, worker: usize) {
        self.joins += 1;
        let client = &mut self.clients[worker];
        (client.joined, client.answers, client.learned) = (self.joins, 0, 0);
        let round = self.group.join(worker, self.now);
        match round {
            Some(round) => self.tell(round, 20 * MS),
            None => {
                // The id comes with the first round.
                let delay = HEARTBEAT;
                self.after(delay, Happening::GroupTurn);
            }
        }
        self.say(|| format!("worker {worker} joins"));
    }

    fn group_turn(&mut self) {
        if self.now < self.down_until {
            return;
        }
        for round in self.group.turn(self.now) {
            let delay = self.random.between(MS, 60 * MS);
            self.say(|| {
                let Round { member, generation, revoked, assigned, .. } = &round;
                let numbers = |tasks: &[TaskId]| -> Vec<i32> {
                    tasks.iter().map(|task| task.partition.0).collect()
                };
                let (revoked, assigned) = (numbers(revoked), numbers(assigned));
                format!("generation {generation}: worker {member} -{revoked:?} +{assigned:?}")
            });
            self.tell(round, delay);
        }
    }

    /// Answers of the group reach a member in their order.
    fn tell(&mut self, round: Round, delay: u64) {
        let client = &mut self.clients[round.member];
        client.answers += 1;
        let (joined, answer) = (client.joined, client.answers);
        self.after(delay, Happening::Learn { joined, answer, round });
    }

    fn learn(&mut self, joined: u64, answer: u64, round: Round) {
        let worker = round.member;
        let is_frozen = self.is_frozen(worker);
        let client = &mut self.clients[worker];
        if client.joined != joined || !client.is_alive || client.is_lost {
            return;
        }
        if is_frozen || answer != client.learned + 1 {
            self.after(10 * MS, Happening::Learn { joined, answer, round });
            return;
        }
        client.learned = answer;
        client.member_id = round.id;
        client.generation = round.generation;
        let generation = round.generation;
        if !round.revoked.is_empty() {
            client.events.push_back(WorkerEvent::Revoked(round.revoked));
        }
        client.events.push_back(WorkerEvent::Assigned(round.assigned));
        self.say(|| format!("worker {worker} learns of generation {generation}"));
        self.wake(worker);
    }

    pub(super) fn is_frozen(&self, worker: usize) -> bool {
        self.clients[worker].frozen_until > self.now
    }

    fn heartbeat(&mut self, worker: usize, life: u64) {
        let client = &self.clients[worker];
        if client.life != life || !client.is_alive {
            return;
        }
        let next = if self.is_frozen(worker) {
            client.frozen_until + self.random.below(HEARTBEAT)
        } else {
            self.now + HEARTBEAT
        };
        let is_heard = self.now >= self.down_until && !self.is_frozen(worker);
        if is_heard && !self.clients[worker].is_lost && self.clients[worker].generation >= 0 {
            let id = self.clients[worker].member_id.clone();
            match self.group.heartbeat(worker, &id, self.now) {
                Standing::Member => {}
                Standing::Unknown | Standing::IllegalGeneration => {
                    let client = &mut self.clients[worker];
                    client.is_lost = true;
                    client.generation = -1;
                    client.member_id.clear();
                    let delay = self.random.below(50 * MS);
                    self.after(delay, Happening::Lost { worker, life });
                    self.say(|| format!("worker {worker} learns that it is out"));
                }
                Standing::Replaced => {
                    let taken = error(BrokerErrorKind::FencedInstance, "the instance was taken");
                    self.clients[worker].events.push_back(WorkerEvent::ClientFailed(taken));
                }
            }
        } else if is_heard && !self.clients[worker].is_lost {
            // Waiting for its first round: joining counts as a sign of life.
            if !self.group.touch(worker, self.now) {
                self.join(worker);
            }
        }
        self.at(next, Happening::Heartbeat { worker, life });
    }
}
