//! The loop over what happens, and the workers in it.

use super::client::SimCluster;
use super::counting::CountingProcessors;
use super::disk::{Kill, Killed};
use super::world::{HEARTBEAT_FIRST, Happening, MS, SECOND, WORKERS, World, error, task};
use crate::generate::Random;
use crate::stream::error::{BrokerErrorKind, WorkerError};
use crate::stream::event::WorkerEvent;
use crate::stream::fault::{Fault, Point};
use crate::stream::options::{Guarantee, Options, Properties, Rhythm, SourceOptions, StartFrom};
use crate::stream::preflight::Checked;
use crate::stream::progress::Published;
use crate::stream::worker::{Pace, Parts, Worker};
use crate::units::Span;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

type SimWorker = Worker<SimCluster, CountingProcessors, Dying>;

/// A process dies at the points of a commit, too.
#[derive(Clone)]
pub(super) struct Dying(Arc<Kill>);

impl Fault for Dying {
    fn at(&self, point: Point) {
        self.0.at("at", &format!("{point:?}"));
    }
}

pub(super) struct Sim {
    pub(super) world: RefCell<World>,
    /// `None` while it does not run, or does on the stack.
    workers: RefCell<Vec<Option<SimWorker>>>,
}

impl Sim {
    pub(super) fn new(world: World) -> Rc<Self> {
        let workers = RefCell::new((0..WORKERS).map(|_| None).collect());
        Rc::new(Self { world: RefCell::new(world), workers })
    }

    /// Lets everything happen that is due until then.
    pub(super) fn run_until(self: &Rc<Self>, until: u64) {
        loop {
            let next = {
                let mut world = self.world.borrow_mut();
                let Some(entry) = world.heap.first_entry() else { break };
                let (time, _) = *entry.key();
                if time > until {
                    break;
                }
                let what = entry.remove();
                world.now = world.now.max(time);
                what
            };
            match next {
                Happening::Step { worker, life } => self.step(worker, life),
                Happening::Start { worker } => self.start(worker),
                Happening::Fault => self.fault(),
                other => self.world.borrow_mut().handle(other),
            }
        }
        let mut world = self.world.borrow_mut();
        world.now = world.now.max(until);
    }

    /// A process starts, or a worker of a process that goes on starts anew.
    fn start(self: &Rc<Self>, worker: usize) {
        let kill = Arc::new(Kill::none());
        let (life, processors) = {
            let mut world = self.world.borrow_mut();
            let is_stopping = world.is_stopping;
            let early_ends =
                world.changelogs.iter().map(|(at, log)| (task(*at), log.end())).collect();
            let client = &mut world.clients[worker];
            if client.is_alive || is_stopping {
                return;
            }
            let life = client.life + 1;
            *client = super::world::Client {
                life,
                is_alive: true,
                generation: -1,
                kill: Some(Arc::clone(&kill)),
                early_ends,
                ..super::world::Client::default()
            };
            world.join(worker);
            world.after(HEARTBEAT_FIRST, Happening::Heartbeat { worker, life });
            let processors = CountingProcessors {
                process: worker,
                disks: world.disks.clone(),
                kill: Arc::clone(&kill),
                edition: Arc::clone(&world.editions[worker]),
            };
            (life, processors)
        };
        let cluster = SimCluster { sim: Rc::clone(self), worker, kill: Arc::clone(&kill) };
        let parts = Parts {
            options: Arc::new(options(worker)),
            processors: Arc::new(processors),
            fault: Dying(kill),
            published: Published::default(),
            observer: Arc::new(()),
            topics: Arc::new(Checked {
                tombstones_kept: Span::from_millis(super::world::TOMBSTONES_MS),
                dead_letter_bytes: 1 << 20,
                source_partitions: vec![super::world::PARTITIONS],
            }),
        };
        let made = Worker::new(cluster, parts);
        self.workers.borrow_mut()[worker] = Some(made);
        self.world.borrow_mut().after(0, Happening::Step { worker, life });
    }

    fn step(self: &Rc<Self>, worker: usize, life: u64) {
        {
            let mut world = self.world.borrow_mut();
            let client = &world.clients[worker];
            if client.life != life || !client.is_alive {
                return;
            }
            let frozen = client.frozen_until;
            if frozen > world.now {
                world.at(frozen, Happening::Step { worker, life });
                return;
            }
            // Woken early, or by two: the later one goes on.
            if client.idle_until > world.now {
                return;
            }
        }
        // On the stack: it goes on by itself.
        let Some(mut running) = self.workers.borrow_mut()[worker].take() else { return };
        let result = catch_unwind(AssertUnwindSafe(|| running.step()));
        match result {
            Ok(Ok(Pace::Continue)) => {
                self.workers.borrow_mut()[worker] = Some(running);
                let mut world = self.world.borrow_mut();
                let pause = world.random.between(MS / 5, MS);
                let at = world.clients[worker].idle_until.max(world.now + pause);
                world.at(at, Happening::Step { worker, life });
            }
            Ok(Ok(Pace::Stopped)) => {
                drop(running);
                self.world.borrow_mut().clients[worker].is_alive = false;
            }
            Ok(Err(ended)) => {
                drop(running);
                self.ended(worker, &ended);
            }
            Err(thrown) if thrown.is::<Killed>() => {
                // Nothing of it is closed in good order.
                let unwound = catch_unwind(AssertUnwindSafe(|| {
                    let _dropped = Unwind(Some(running));
                    std::panic::resume_unwind(Box::new(Killed));
                }));
                drop(unwound);
                self.died(worker);
            }
            Err(thrown) => {
                let text = thrown.downcast_ref::<String>().cloned();
                let text = text.or_else(|| thrown.downcast_ref::<&str>().map(ToString::to_string));
                let mut world = self.world.borrow_mut();
                world.violations.push(format!("worker {worker} panicked: {text:?}"));
                world.clients[worker].is_alive = false;
            }
        }
    }

    /// A worker that cannot go on starts anew in its process; one that must exit is a violation.
    fn ended(&self, worker: usize, why: &WorkerError) {
        let mut world = self.world.borrow_mut();
        world.say(|| format!("worker {worker} ended: {why}"));
        if !matches!(why, WorkerError::RestartWorker { .. }) {
            world.violations.push(format!("worker {worker} ended: {why}"));
        }
        world.clients[worker].is_alive = false;
        world.after(200 * MS, Happening::Start { worker });
    }

    fn died(&self, worker: usize) {
        let mut world = self.world.borrow_mut();
        let place = world.clients[worker].kill.as_ref().and_then(|kill| kill.places().pop());
        if let Some(place) = place {
            world.say(|| format!("worker {worker} is killed {place}"));
            world.faults.crash_points.insert(place);
        }
        world.clients[worker].is_alive = false;
        let disks = world.disks.clone();
        disks.crash(worker, |flushed, all| flushed + below(&mut world.chance, all - flushed + 1));
        if world.has_faults() && world.chance.percent(15) {
            world.note("wipe", None);
            disks.wipe(worker);
        } else if world.has_faults() && world.chance.percent(10) {
            world.note("damage", None);
            disks.damage(worker);
        }
        // Sometimes back before anybody notices, sometimes long after tombstones are gone.
        let pause = match world.chance.below(10) {
            0 => world.chance.between(8 * SECOND, 16 * SECOND),
            1..=5 => world.chance.between(50 * MS, 2 * SECOND),
            _ => world.chance.between(2 * SECOND, 6 * SECOND),
        };
        world.after(pause, Happening::Start { worker });
    }

    /// The next thing that goes wrong.
    fn fault(&self) {
        let mut world = self.world.borrow_mut();
        if !world.has_faults() {
            return;
        }
        let worker = below(&mut world.chance, WORKERS);
        match world.chance.below(10) {
            0..=4 => {
                let points = world.chance.below(400).cast_signed();
                if let Some(kill) = world.clients[worker].kill.clone()
                    && world.clients[worker].is_alive
                    && !kill.is_set()
                {
                    world.note("kill", Some(worker));
                    kill.after(points);
                }
            }
            5..=6 => {
                world.note("freeze", Some(worker));
                let time = world.chance.between(500 * MS, 8 * SECOND);
                world.clients[worker].frozen_until = world.now + time;
            }
            7 => {
                world.note("brokers down", Some(worker));
                world.down_until = world.now + world.chance.between(100 * MS, 4 * SECOND);
            }
            8 => {
                world.note("client failed", Some(worker));
                let failed = error(BrokerErrorKind::Unclear, "all connections are gone");
                world.clients[worker].events.push_back(WorkerEvent::ClientFailed(failed));
                world.wake(worker);
            }
            _ => {
                // The group believes that a member is gone, which knows nothing of it.
                world.note("expelled", Some(worker));
                world.group.expel(worker);
            }
        }
        let pause = world.chance.between(100 * MS, 1500 * MS);
        world.after(pause, Happening::Fault);
    }

    /// Ends everything that is wrong: who is stopped goes on, who is to die does not.
    pub(super) fn calm(&self) {
        let mut world = self.world.borrow_mut();
        world.faults_left = 0;
        world.down_until = 0;
        for client in &mut world.clients {
            client.frozen_until = 0;
            if let Some(kill) = &client.kill {
                kill.clear();
            }
        }
        for worker in 0..WORKERS {
            let life = world.clients[worker].life;
            world.after(0, Happening::Step { worker, life });
            world.after(0, Happening::Heartbeat { worker, life });
        }
    }

    /// Asks all workers to stop in good order.
    pub(super) fn stop(&self) {
        self.world.borrow_mut().is_stopping = true;
        for worker in self.workers.borrow_mut().iter_mut().flatten() {
            worker.notify(WorkerEvent::Stop(Duration::from_secs(20)));
        }
    }

    pub(super) fn are_all_stopped(&self) -> bool {
        self.workers.borrow().iter().all(Option::is_none)
    }

    /// Drops the workers, which hold the simulation.
    pub(super) fn clear(&self) {
        let workers: Vec<_> = self.workers.borrow_mut().iter_mut().map(Option::take).collect();
        drop(workers);
    }
}

/// A number below `bound`.
fn below(random: &mut Random, bound: usize) -> usize {
    usize::try_from(random.below(bound as u64)).unwrap_or(0)
}

/// Dropped while unwinding.
struct Unwind(#[expect(dead_code, reason = "owned for its drop")] Option<SimWorker>);

fn options(worker: usize) -> Options {
    Options {
        app: "sim".to_owned(),
        instance: format!("process-{worker}"),
        workers: 1,
        brokers: String::new(),
        sources: vec![SourceOptions { name: "in".to_owned(), topic: "in".to_owned() }],
        alerts_topic: "alerts".to_owned(),
        dead_letter_topic: None,
        client: Properties::default(),
        consumer: Properties::default(),
        producer: Properties::default(),
        start_from: StartFrom::Earliest,
        session_timeout: Span::from_secs(3),
        max_poll_interval: Span::from_minutes(1),
        transaction_timeout: Span::from_secs(4),
        producer_compression: "none".to_owned(),
        rhythm: Rhythm {
            commit_interval: Span::from_millis(150),
            urgent_commit: Span::from_millis(20),
            max_dirty_bytes: 1 << 20,
        },
        batch_records: 5,
        max_record_bytes: 1 << 20,
        guarantee: Guarantee::ExactlyOnce,
    }
}
