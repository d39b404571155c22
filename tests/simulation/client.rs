//! The [`Cluster`] of a simulated worker: a client as librdkafka is one, over the simulated world.
//!
//! Weaker than the real one where that is allowed: a commit does not wait for records under way, so
//! that only the worker's own order keeps them before it.

use super::coordinator::Answer;
use super::disk::Kill;
use super::log::Record;
use super::sim::Sim;
use super::world::{Fate, Happening, MS, Producer, SECOND, Sender, Where, World, error};
use crate::stream::cluster::{
    ChangelogRange, ChangelogRecord, Cluster, Drained, InputRecord, Membership, NoHeaders,
    OutputRecord, Start, Target, TaskId,
};
use crate::stream::error::{BrokerError, BrokerErrorKind};
use crate::stream::event::WorkerEvent;
use crate::stream::planted::{Rule, is_off};
use crate::units::{EndOffset, Offset, Position, RecordTime, WallTime};
use std::cell::RefMut;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// How long a request to a coordinator is waited for.
const CALL: u64 = 2 * SECOND;

/// The clients of one life of a worker.
pub(super) struct SimCluster {
    pub(super) sim: Rc<Sim>,
    pub(super) worker: usize,
    pub(super) kill: Arc<Kill>,
}

impl SimCluster {
    fn world(&self) -> RefMut<'_, World> {
        self.sim.world.borrow_mut()
    }

    /// Runs everybody else for so long.
    fn wait(&self, time: u64) {
        let until = self.world().now + time;
        self.sim.run_until(until);
    }

    /// A call may hang, as in a process that is stopped in the middle of it.
    fn enter(&self, method: &'static str) {
        self.kill.at("before", method);
        let hangs = {
            let mut world = self.world();
            if world.has_faults() && world.chance.below(2500) == 0 {
                world.note("freeze inside a call", Some(self.worker));
                let time = world.chance.between(200 * MS, 7 * SECOND);
                let until = world.now + time;
                world.clients[self.worker].frozen_until = until;
                Some(time)
            } else {
                None
            }
        };
        if let Some(time) = hangs {
            self.wait(time);
        }
    }

    fn leave(&self, method: &'static str) {
        self.kill.at("after", method);
    }

    /// A request to a coordinator; `late` puts it on its way when nobody waits any more.
    fn request<T>(
        &self,
        ask: impl Fn(&mut World) -> Result<T, BrokerError>,
        late: impl FnOnce(&mut World, u64),
    ) -> Result<T, BrokerError> {
        let timed_out = || error(BrokerErrorKind::Retriable, "the request timed out");
        let fate = self.world().fate(self.worker);
        let answer = match fate {
            Fate::Answered => return ask(&mut self.world()),
            Fate::AnswerLost => {
                let answer = ask(&mut self.world());
                self.world().say(|| "an answer is lost".to_owned());
                answer.err()
            }
            Fate::Lost => None,
            Fate::Late => {
                let mut world = self.world();
                let at = world.now + world.chance.between(CALL, 4 * CALL);
                late(&mut world, at);
                None
            }
        };
        drop(answer);
        self.wait(CALL);
        Err(timed_out())
    }

    fn producer<T>(&self, of: impl FnOnce(&mut Producer) -> T) -> Result<T, BrokerError> {
        let mut world = self.world();
        let producer = world.clients[self.worker].producer.as_mut();
        producer.map(of).ok_or_else(|| error(BrokerErrorKind::Unclear, "no producer"))
    }
}

fn numbers(tasks: &[TaskId]) -> Vec<i32> {
    tasks.iter().map(|task| task.partition.0).collect()
}

fn of_answer(answer: Answer) -> Result<(), BrokerError> {
    match answer {
        Answer::Done => Ok(()),
        Answer::Concurrent => Err(error(BrokerErrorKind::Retriable, "still ending")),
        Answer::Fenced => Err(error(BrokerErrorKind::FencedProducer, "the producer was fenced")),
        Answer::InvalidState => Err(error(BrokerErrorKind::Unclear, "invalid transaction state")),
    }
}

impl Cluster for SimCluster {
    fn now(&self) -> Duration {
        Duration::from_micros(self.world().now)
    }

    fn wall(&self) -> WallTime {
        WallTime::from_millis(self.world().wall_ms())
    }

    fn poll(&mut self, wait: Duration, events: &mut dyn FnMut(WorkerEvent)) {
        self.enter("poll");
        let taken = {
            let mut world = self.world();
            let now = world.now;
            let has_input = |world: &World| {
                let client = &world.clients[self.worker];
                client.reading.iter().any(|(task, at)| {
                    let log = world.inputs.get(&task.partition.0);
                    at.zip(log).is_some_and(|(at, log)| at < log.end())
                })
            };
            let is_busy = has_input(&world);
            let client = &mut world.clients[self.worker];
            let mut taken: Vec<WorkerEvent> = client.events.drain(..).collect();
            let is_of_group = |event: &&WorkerEvent| !matches!(event, WorkerEvent::ClientFailed(_));
            client.unanswered += taken.iter().filter(is_of_group).count();
            if client.is_loss_due && client.unanswered == 0 {
                client.is_loss_due = false;
                client.is_loss_told = true;
                client.unanswered = 1;
                taken.push(WorkerEvent::Revoked(client.reading.keys().copied().collect()));
            }
            if taken.is_empty() && !is_busy {
                client.idle_until = now + u64::try_from(wait.as_micros()).unwrap_or(0);
            }
            taken
        };
        taken.into_iter().for_each(events);
        self.leave("poll");
    }

    fn accept_assignment(&mut self, tasks: &[TaskId]) -> Result<(), BrokerError> {
        self.enter("accept_assignment");
        {
            let mut world = self.world();
            let world = &mut *world;
            let client = &mut world.clients[self.worker];
            client.unanswered = client.unanswered.saturating_sub(1);
            for task in tasks {
                client.reading.insert(*task, None);
            }
        }
        self.world().say(|| format!("worker {} takes {:?}", self.worker, numbers(tasks)));
        self.leave("accept_assignment");
        Ok(())
    }

    fn accept_revocation(&mut self, tasks: &[TaskId]) -> Result<(), BrokerError> {
        self.enter("accept_revocation");
        {
            let mut world = self.world();
            let now = world.now;
            let client = &mut world.clients[self.worker];
            client.unanswered = client.unanswered.saturating_sub(1);
            for task in tasks {
                client.reading.remove(task);
            }
            // Who has lost everything joins again when all is answered for.
            if client.is_loss_told {
                client.is_loss_told = false;
                client.is_lost = false;
                world.join(self.worker);
            } else if !client.is_lost {
                let id = client.member_id.clone();
                world.group.gave_back(self.worker, &id, tasks, now);
            }
        }
        self.world().say(|| format!("worker {} gives back {:?}", self.worker, numbers(tasks)));
        self.leave("accept_revocation");
        Ok(())
    }

    fn membership(&mut self) -> Membership {
        self.enter("membership");
        let membership = {
            let world = self.world();
            let client = &world.clients[self.worker];
            Membership {
                generation: client.generation,
                member_id: client.member_id.clone(),
                is_lost: client.is_lost,
            }
        };
        self.leave("membership");
        membership
    }

    fn consume(
        &mut self,
        task: TaskId,
        max: usize,
        each: &mut dyn FnMut(InputRecord<'_>),
    ) -> Result<usize, BrokerError> {
        self.enter("consume");
        let mut records = Vec::new();
        {
            let mut world = self.world();
            let world = &mut *world;
            let place = world.clients[self.worker].reading.get_mut(&task);
            if let (Some(Some(at)), Some(log)) = (place, world.inputs.get(&task.partition.0)) {
                log.read_all(*at, max.min(5), |offset, record| {
                    records.push((offset, record.clone()));
                    *at = offset + 1;
                });
            }
        }
        for (offset, record) in &records {
            each(InputRecord {
                offset: Offset(*offset),
                time: Some(RecordTime::from_millis(record.time)),
                key: None,
                value: record.value.as_deref().unwrap_or_default(),
                headers: &NoHeaders,
            });
        }
        self.leave("consume");
        Ok(records.len())
    }

    fn start(&mut self, task: TaskId, start: Start) -> Result<(), BrokerError> {
        self.enter("start");
        let result = {
            let mut world = self.world();
            if world.chance.percent(5) {
                Err(error(BrokerErrorKind::Retriable, "not yet"))
            } else {
                let at = match start {
                    Start::At(Position(at)) => at,
                    Start::Beginning => 0,
                };
                if let Some(place) = world.clients[self.worker].reading.get_mut(&task) {
                    *place = Some(at);
                }
                Ok(())
            }
        };
        self.leave("start");
        result
    }

    fn pause(&mut self, task: TaskId) -> Result<(), BrokerError> {
        self.enter("pause");
        if let Some(place) = self.world().clients[self.worker].reading.get_mut(&task) {
            *place = None;
        }
        self.leave("pause");
        Ok(())
    }

    fn high_watermark(&self, task: TaskId) -> Option<EndOffset> {
        self.enter("high_watermark");
        let end = self.world().inputs.get(&task.partition.0).map(|log| EndOffset(log.end()));
        self.leave("high_watermark");
        end
    }

    fn committed(&mut self, tasks: &[TaskId]) -> Result<Vec<Option<Position>>, BrokerError> {
        self.enter("committed");
        let answer = self.request(
            |world| {
                let known = tasks.iter().map(|task| {
                    if is_off(Rule::StableOffsets) {
                        return Ok(world.group.committed.get(task).copied().map(Position));
                    }
                    let stable = world.group.stable(*task);
                    let unstable = || error(BrokerErrorKind::Retriable, "not stable yet");
                    Ok(stable.ok_or_else(unstable)?.map(Position))
                });
                known.collect()
            },
            |_, _| {},
        );
        self.leave("committed");
        answer
    }

    fn input_end(&mut self, task: TaskId) -> Result<Position, BrokerError> {
        self.enter("input_end");
        let end = self.world().inputs.get(&task.partition.0).map_or(0, super::log::Log::end);
        self.leave("input_end");
        Ok(Position(end))
    }

    fn changelog_range(
        &mut self,
        task: TaskId,
        tombstones_after: Option<WallTime>,
    ) -> Result<ChangelogRange, BrokerError> {
        self.enter("changelog_range");
        let range = self.request(
            |world| {
                let early = world.clients[self.worker].early_ends.get(&task).copied();
                let log = world.changelogs.entry(task.partition.0).or_default();
                let end = match early.filter(|_| is_off(Rule::EndAfterAssignment)) {
                    Some(early) => early,
                    None if is_off(Rule::UncommittedEnd) => log.last_stable(),
                    None => log.end(),
                };
                let kept = tombstones_after.map(|time| Position(log.first_since(time.as_millis())));
                Ok(ChangelogRange {
                    start: Position(0),
                    end: EndOffset(end),
                    tombstones_kept_from: kept,
                })
            },
            |_, _| {},
        );
        self.leave("changelog_range");
        range
    }

    fn open_changelog(&mut self, task: TaskId, from: Position) -> Result<(), BrokerError> {
        self.enter("open_changelog");
        self.world().clients[self.worker].restoring.insert(task, from.0);
        self.leave("open_changelog");
        Ok(())
    }

    fn read_changelog(
        &mut self,
        task: TaskId,
        max: usize,
        each: &mut dyn FnMut(ChangelogRecord<'_>),
    ) -> Result<Position, BrokerError> {
        self.enter("read_changelog");
        let mut rows: Vec<(i64, Record)> = Vec::new();
        let position = {
            let mut world = self.world();
            let world = &mut *world;
            let place = world.clients[self.worker].restoring.get_mut(&task);
            match (place, world.changelogs.get(&task.partition.0)) {
                (Some(at), Some(log)) => {
                    *at = log.read_committed(*at, max.min(7), |offset, record| {
                        rows.push((offset, record.clone()));
                    });
                    Ok(Position(*at))
                }
                _ => Err(error(BrokerErrorKind::Unclear, "the changelog is not open")),
            }
        };
        for (offset, row) in &rows {
            let value = row.value.as_deref();
            each(ChangelogRecord { offset: Offset(*offset), key: &row.key, value });
        }
        self.leave("read_changelog");
        position
    }

    fn close_changelog(&mut self, task: TaskId) {
        self.enter("close_changelog");
        self.world().clients[self.worker].restoring.remove(&task);
        self.leave("close_changelog");
    }

    fn renew_producer(&mut self) -> Result<(), BrokerError> {
        self.enter("renew_producer");
        self.world().clients[self.worker].producer = None;
        let worker = self.worker;
        let epoch = self.request(
            |world| of_answer(world.init(worker)).map(|()| world.transactions[worker].epoch),
            |_, _| {},
        );
        let result = epoch.map(|epoch| {
            let producer = Producer {
                epoch,
                sequence: 0,
                transaction: 0,
                in_flight: 0,
                failed: None,
                delivered: std::collections::BTreeMap::new(),
                last_arrival: std::collections::BTreeMap::new(),
            };
            let mut world = self.world();
            world.say(|| format!("worker {worker} has a producer of epoch {epoch}"));
            world.clients[worker].producer = Some(producer);
        });
        self.leave("renew_producer");
        result
    }

    fn begin(&mut self) -> Result<(), BrokerError> {
        self.enter("begin");
        let result = self.producer(|producer| {
            producer.transaction += 1;
            producer.in_flight = 0;
            producer.failed = None;
            producer.delivered.clear();
        });
        self.leave("begin");
        result
    }

    fn produce(&mut self, target: Target, record: &OutputRecord<'_>) -> Result<(), BrokerError> {
        self.enter("produce");
        let result = {
            let mut world = self.world();
            let world = &mut *world;
            let (worker, now) = (self.worker, world.now);
            let life = world.clients[worker].life;
            let slow = world.faults_left > 0 && world.chance.below(200) == 0;
            let delay =
                if slow { world.chance.below(3 * SECOND) } else { world.random.below(4 * MS) };
            match world.clients[worker].producer.as_mut() {
                None => Err(error(BrokerErrorKind::Unclear, "no producer")),
                Some(producer) => {
                    let place = match target {
                        Target::Changelog(task) => Where::Changelog(task.partition.0),
                        Target::Alerts | Target::DeadLetters => Where::Alerts,
                    };
                    producer.sequence += 1;
                    producer.in_flight += 1;
                    let before = producer.last_arrival.get(&place).copied().unwrap_or(0);
                    let arrival = (now + MS / 10 + delay).max(before + 1);
                    producer.last_arrival.insert(place, arrival);
                    let from = Sender {
                        worker,
                        life,
                        epoch: producer.epoch,
                        transaction: producer.transaction,
                    };
                    let sequence = producer.sequence;
                    let record = Record {
                        key: record.key.unwrap_or_default().to_vec(),
                        value: record.value.map(<[u8]>::to_vec),
                        time: record.time.as_millis(),
                    };
                    if slow {
                        world.note("slow record", Some(worker));
                    }
                    world.at(arrival, Happening::Record { from, sequence, target: place, record });
                    Ok(())
                }
            }
        };
        self.leave("produce");
        result
    }

    fn drain(&mut self, _wait: Duration) -> Result<Drained, BrokerError> {
        self.enter("drain");
        self.wait(MS / 2);
        let result = self.producer(|producer| {
            if let Some(failed) = producer.failed.clone() {
                return Err(failed);
            }
            if producer.in_flight > 0 {
                return Ok(Drained::InFlight(producer.in_flight));
            }
            let delivered = producer.delivered.iter().filter_map(|(place, offset)| match place {
                Where::Changelog(partition) => {
                    Some((super::world::task(*partition), Position(offset + 1)))
                }
                Where::Alerts => None,
            });
            Ok(Drained::Complete(delivered.collect()))
        });
        self.leave("drain");
        result.and_then(|drained| drained)
    }

    fn send_offsets(
        &mut self,
        offsets: &[(TaskId, Position)],
        membership: &Membership,
    ) -> Result<(), BrokerError> {
        self.enter("send_offsets");
        let offsets: Vec<(TaskId, i64)> = offsets.iter().map(|(task, at)| (*task, at.0)).collect();
        let epoch = self.producer(|producer| producer.epoch);
        let result = epoch.and_then(|epoch| {
            let worker = self.worker;
            self.request(
                |world| world.offsets(worker, epoch, &offsets, membership),
                |world, at| {
                    let (offsets, claim) = (offsets.clone(), membership.clone());
                    world.at(at, Happening::LateOffsets { worker, epoch, offsets, claim });
                },
            )
        });
        self.leave("send_offsets");
        result
    }

    fn commit(&mut self) -> Result<(), BrokerError> {
        self.enter("commit");
        let result = self.end(true);
        self.leave("commit");
        result
    }

    fn abort(&mut self) -> Result<(), BrokerError> {
        self.enter("abort");
        let result = self.end(false);
        self.leave("abort");
        result
    }
}

impl SimCluster {
    fn end(&self, is_commit: bool) -> Result<(), BrokerError> {
        let epoch = self.producer(|producer| producer.epoch)?;
        let worker = self.worker;
        self.request(
            |world| {
                let answer = world.end(worker, epoch, is_commit);
                // A transaction that reached nobody has nothing to abort.
                if !is_commit && answer == Answer::InvalidState {
                    return Ok(());
                }
                of_answer(answer)
            },
            |world, at| world.at(at, Happening::LateEnd { worker, epoch, is_commit }),
        )
    }
}
