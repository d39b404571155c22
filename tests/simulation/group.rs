//! The consumer group: static members, generations, and partitions that move in two rounds
//! (cooperative rebalancing): first they are taken back, and given on when that was answered.

use crate::stream::cluster::{Membership, TaskId};
use std::collections::{BTreeMap, BTreeSet};

/// Silence after which a member is out, in microseconds.
pub(super) const SESSION: u64 = 3_000_000;
/// Time between two heartbeats.
pub(super) const HEARTBEAT: u64 = 300_000;

#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) id: String,
    last_seen: u64,
    /// What the member holds as far as the group knows, partitions that it is to give back included.
    held: BTreeSet<TaskId>,
    /// What it was given.
    given: BTreeSet<TaskId>,
}

/// What a member learns when a round is complete.
#[derive(Debug, Clone)]
pub(super) struct Round {
    pub(super) member: usize,
    pub(super) id: String,
    pub(super) generation: i32,
    pub(super) revoked: Vec<TaskId>,
    pub(super) assigned: Vec<TaskId>,
}

/// What the group answers to a heartbeat or to offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Member,
    Unknown,
    IllegalGeneration,
    /// Another process has joined under the same instance.
    Replaced,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Group {
    members: BTreeMap<usize, Member>,
    pub(super) generation: i32,
    /// When the next round is due.
    pub(super) round_due: Option<u64>,
    joined: u64,
    tasks: Vec<TaskId>,
    pub(super) committed: BTreeMap<TaskId, i64>,
    /// Positions of open transactions, by partition and producer.
    pub(super) pending: BTreeMap<TaskId, BTreeMap<usize, i64>>,
}

impl Group {
    pub(super) fn new(tasks: Vec<TaskId>) -> Self {
        Self { tasks, ..Self::default() }
    }

    /// A process joins under its instance. One that comes back gets what it had, without a round.
    pub(super) fn join(&mut self, instance: usize, now: u64) -> Option<Round> {
        self.joined += 1;
        let id = format!("member-{instance}-{}", self.joined);
        if let Some(known) = self.members.get_mut(&instance) {
            known.id.clone_from(&id);
            known.last_seen = now;
            // What was to be given back is not held by anybody now.
            if known.held != known.given {
                known.held.clone_from(&known.given);
                self.round_due.get_or_insert(now);
            }
            let assigned = known.given.iter().copied().collect();
            let generation = self.generation;
            return Some(Round { member: instance, id, generation, revoked: Vec::new(), assigned });
        }
        let (held, given) = (BTreeSet::new(), BTreeSet::new());
        self.members.insert(instance, Member { id, last_seen: now, held, given });
        self.round_due.get_or_insert(now + 200_000);
        None
    }

    pub(super) fn heartbeat(&mut self, instance: usize, id: &str, now: u64) -> Standing {
        match self.members.get_mut(&instance) {
            None => Standing::Unknown,
            Some(member) if member.id != id => Standing::Replaced,
            Some(member) => {
                member.last_seen = now;
                Standing::Member
            }
        }
    }

    /// A sign of life of a member that waits for its first round; whether it is one at all.
    pub(super) fn touch(&mut self, instance: usize, now: u64) -> bool {
        let member = self.members.get_mut(&instance);
        member.map(|member| member.last_seen = now).is_some()
    }

    /// Whose offsets these are: what a broker checks (KIP-447), with its exception for old clients.
    pub(super) fn standing(&self, instance: usize, claim: &Membership) -> Standing {
        if claim.generation < 0 && claim.member_id.is_empty() {
            return Standing::Member;
        }
        match self.members.get(&instance) {
            None => Standing::Unknown,
            Some(member) if member.id != claim.member_id => Standing::Replaced,
            Some(_) if claim.generation != self.generation => Standing::IllegalGeneration,
            Some(_) => Standing::Member,
        }
    }

    /// Forgets a member, as after a session that ran out.
    pub(super) fn expel(&mut self, instance: usize) {
        self.members.remove(&instance);
        self.round_due.get_or_insert(0);
    }

    /// A member has answered a revocation.
    pub(super) fn gave_back(&mut self, instance: usize, id: &str, tasks: &[TaskId], now: u64) {
        if let Some(member) = self.members.get_mut(&instance).filter(|member| member.id == id) {
            member.held.retain(|task| !tasks.contains(task));
            self.round_due.get_or_insert(now + 50_000);
        }
    }

    /// Drops members that were silent for too long, then completes the round that is due, unless it
    /// still waits for somebody.
    pub(super) fn turn(&mut self, now: u64) -> Vec<Round> {
        let before = self.members.len();
        self.members.retain(|_, member| now < member.last_seen + SESSION);
        if self.members.len() < before {
            self.round_due.get_or_insert(now);
        }
        let is_waiting = || self.members.values().any(|one| now > one.last_seen + 2 * HEARTBEAT);
        if self.round_due.is_none_or(|due| due > now) || is_waiting() {
            return Vec::new();
        }
        self.round_due = None;
        self.generation += 1;
        self.rounds()
    }

    fn rounds(&mut self) -> Vec<Round> {
        let target = self.target();
        let held: BTreeMap<usize, BTreeSet<TaskId>> =
            self.members.iter().map(|(at, member)| (*at, member.held.clone())).collect();
        let generation = self.generation;
        let rounds = self.members.iter_mut().map(|(&at, member)| {
            let of_others = |task: &TaskId| {
                held.iter().any(|(other, tasks)| *other != at && tasks.contains(task))
            };
            let wanted = target.get(&at).cloned().unwrap_or_default();
            let given: BTreeSet<TaskId> =
                wanted.into_iter().filter(|task| !of_others(task)).collect();
            let assigned = given.difference(&member.held).copied().collect();
            let revoked = member.held.difference(&given).copied().collect();
            member.held.extend(given.iter().copied());
            member.given = given;
            Round { member: at, id: member.id.clone(), generation, revoked, assigned }
        });
        rounds.collect()
    }

    /// Even shares, moving as little as possible.
    fn target(&self) -> BTreeMap<usize, BTreeSet<TaskId>> {
        let count = self.members.len().max(1);
        let most = self.tasks.len().div_ceil(count);
        let mut target: BTreeMap<usize, BTreeSet<TaskId>> =
            self.members.keys().map(|at| (*at, BTreeSet::new())).collect();
        let mut left: Vec<TaskId> = Vec::new();
        for task in &self.tasks {
            let holder = self.members.iter().find(|(_, member)| member.held.contains(task));
            match holder.and_then(|(at, _)| target.get_mut(at)).filter(|own| own.len() < most) {
                Some(own) => drop(own.insert(*task)),
                None => left.push(*task),
            }
        }
        for task in left {
            if let Some(own) = target.values_mut().min_by_key(|own| own.len()) {
                own.insert(task);
            }
        }
        target
    }

    /// The stable offset, or `None` while a transaction with another one is open.
    #[expect(clippy::option_option, reason = "no answer, and the answer that there is none")]
    pub(super) fn stable(&self, task: TaskId) -> Option<Option<i64>> {
        let is_pending = self.pending.get(&task).is_some_and(|pending| !pending.is_empty());
        (!is_pending).then(|| self.committed.get(&task).copied())
    }
}
