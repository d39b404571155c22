//! The protocol under any interleaving: the production worker against a model of everything else.
//!
//! One seed decides all: input, times, what goes wrong and where a process dies. After every run the
//! committed alerts are those of the truth, each once; nothing was committed twice; each store is
//! what its changelog says up to its position, and the changelog's end is the truth's totals. The
//! model is no proof by itself: `tests/kafka` makes the same claims on Apache Kafka. It shows the
//! interleavings that a real cluster shows once in a year, and each rule of the protocol switched off
//! alone must be found here.
//!
//! Left out: more than one broker (what leaders and coordinators do to each other), two processes with
//! one instance name, several workers over one folder, and what brokers since KIP-890 refuse by
//! themselves.
//!
//! | file | what |
//! |---|---|
//! | `log`, `coordinator`, `group` | brokers: partitions, transactions, the consumer group |
//! | `world` | time, network, and what reaches whom when |
//! | `client`, `disk`, `counting` | what a worker is made of: clients, stores, logic |
//! | `sim` | the loop, and the faults |

mod client;
mod coordinator;
mod counting;
mod disk;
mod group;
mod log;
mod sim;
mod world;

use crate::stream::planted::{Rule, switch_off};
use sim::Sim;
use std::collections::{BTreeMap, BTreeSet};
use world::{Faults, PARTITIONS, SECOND, World, task};

/// Seeds of `make test`; `make simulate` asks for more.
const SEEDS: u64 = 300;
/// Faults of a run at most.
const FAULTS: u64 = 40;
/// Faults end here at the latest.
const CALM: u64 = 24 * SECOND;
/// By then everything is done, or it never will be.
const END: u64 = 240 * SECOND;

/// What a run came to.
struct Outcome {
    violations: Vec<String>,
    faults: Faults,
    trace: Vec<String>,
}

/// Runs a seed with at most so many faults.
fn run(seed: u64, faults: u64, is_traced: bool) -> Outcome {
    let mut world = World::new(seed, faults);
    world.trace = is_traced.then(Vec::new);
    let sim = Sim::new(world);
    sim.run_until(CALM);
    sim.calm();
    let mut until = CALM;
    let is_done = |sim: &Sim| {
        let world = sim.world.borrow();
        world.inputs_left == 0
            && world.inputs.iter().all(|(partition, log)| {
                let at = world.group.stable(task(*partition)).flatten().unwrap_or(0);
                at >= log.end()
            })
    };
    while until < END && !is_done(&sim) && sim.world.borrow().violations.is_empty() {
        until += SECOND;
        sim.run_until(until);
    }
    if is_done(&sim) {
        sim.stop();
        sim.run_until(until + 30 * SECOND);
        if !sim.are_all_stopped() {
            sim.world.borrow_mut().violations.push("a worker does not stop".to_owned());
        }
    } else if sim.world.borrow().violations.is_empty() {
        sim.world.borrow_mut().violations.push("it never ends".to_owned());
    }
    sim.clear();
    let mut world = sim.world.borrow_mut();
    let mut violations = std::mem::take(&mut world.violations);
    if violations.is_empty() {
        violations = check(&world);
    }
    let trace = world.trace.take().unwrap_or_default();
    Outcome { violations, faults: world.faults.clone(), trace }
}

/// What must hold in the end.
fn check(world: &World) -> Vec<String> {
    let mut violations = Vec::new();
    let mut expected: BTreeMap<(String, String), usize> = BTreeMap::new();
    for partition in 0..PARTITIONS {
        let mut records = Vec::new();
        if let Some(log) = world.inputs.get(&partition) {
            log.read_all(0, usize::MAX, |offset, record| {
                records.push((offset, record.value.clone().unwrap_or_default()));
            });
        }
        let (alerts, totals) = counting::truth(partition, &records);
        for alert in alerts {
            *expected.entry(alert).or_default() += 1;
        }
        let Some(changelog) = world.changelogs.get(&partition) else { continue };
        let (found, next) = counting::of_rows(&changelog.fold(changelog.end()));
        let end = i64::try_from(records.len()).unwrap_or(i64::MAX);
        if found != totals || next.unwrap_or(0) != end {
            violations.push(format!(
                "the changelog of partition {partition} says {found:?} at {next:?}, the truth is \
                 {totals:?} at {}",
                records.len()
            ));
        }
        for ((process, task), rows, position) in world.disks.contents() {
            if task.partition.0 != partition {
                continue;
            }
            let should = changelog.fold(position.map_or(0, |position| position.0));
            // What compaction took away meanwhile was newer or is gone by a tombstone.
            let is_newest = position.is_some_and(|position| position.0 >= changelog.last_stable());
            if is_newest && rows != should {
                violations.push(format!(
                    "the store of process {process} for partition {partition} differs from its \
                     changelog"
                ));
            }
        }
    }
    let mut delivered: BTreeMap<(String, String), usize> = BTreeMap::new();
    world.alerts.read_committed(0, usize::MAX, |_, record| {
        let key = String::from_utf8_lossy(&record.key).into_owned();
        let value = record.value.as_deref().unwrap_or_default();
        let value = String::from_utf8_lossy(value).into_owned();
        *delivered.entry((key, value)).or_default() += 1;
    });
    for (alert, count) in &expected {
        let found = delivered.get(alert).copied().unwrap_or(0);
        if found != *count {
            violations.push(format!("alert {alert:?} came {found} times in place of {count}"));
        }
    }
    for alert in delivered.keys().filter(|alert| !expected.contains_key(*alert)) {
        violations.push(format!("alert {alert:?} is not true"));
    }
    violations
}

/// The shortest beginning of the faults of a failing seed that still fails, told for people.
fn explain(seed: u64) -> String {
    let fails = |faults: u64| !run(seed, faults, false).violations.is_empty();
    let fewest = (0..=FAULTS).find(|faults| fails(*faults)).unwrap_or(FAULTS);
    let outcome = run(seed, fewest, true);
    format!(
        "seed {seed} with {fewest} faults: {:#?}\n{}",
        outcome.violations,
        outcome.trace.join("\n")
    )
}

/// How many seeds this run asks for.
fn seeds() -> u64 {
    std::env::var("TIDEGATE_SIMULATE_SEEDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(SEEDS)
}

#[test]
fn nothing_is_lost_or_doubled_whatever_goes_wrong() {
    let (mut points, mut kinds) = (BTreeSet::new(), BTreeMap::new());
    let (mut inside, mut committed, mut aborted) = (0, 0, 0);
    let seeds = seeds();
    for seed in 0..seeds {
        let outcome = run(seed, FAULTS, false);
        assert!(outcome.violations.is_empty(), "{}", explain(seed));
        points.extend(outcome.faults.crash_points);
        for (kind, count) in outcome.faults.by_kind {
            *kinds.entry(kind).or_insert(0) += count;
        }
        inside += u64::from(outcome.faults.inside > 0);
        committed += outcome.faults.committed;
        aborted += outcome.faults.aborted;
    }
    println!(
        "{seeds} seeds: {committed} transactions committed, {aborted} aborted, faults {kinds:?}; in \
         {inside} seeds one hit an open transaction; killed at {} places",
        points.len()
    );
    assert!(inside * 3 >= seeds, "only {inside} seeds hit an open transaction");
}

#[test]
fn the_same_seed_tells_the_same_story() {
    for seed in [1, 2, 3] {
        let (one, other) = (run(seed, FAULTS, true), run(seed, FAULTS, true));
        assert!(one.trace.len() > 100);
        assert_eq!(one.trace, other.trace);
    }
}

#[test]
fn each_rule_of_the_protocol_is_missed_when_it_is_switched_off() {
    for rule in [
        Rule::DrainBeforeOffsets,
        Rule::Generation,
        Rule::StoreAfterCommit,
        Rule::RenewProducer,
        Rule::CommitAgain,
        Rule::DropLost,
        Rule::EndAfterAssignment,
        Rule::Tombstones,
        Rule::StableOffsets,
        Rule::UncommittedEnd,
        Rule::RenewBetweenCommits,
    ] {
        switch_off(Some(rule));
        let found = (0..2000).find(|seed| !run(*seed, FAULTS, false).violations.is_empty());
        switch_off(None);
        println!("{rule:?}: missed by seed {found:?}");
        assert!(found.is_some(), "{rule:?} was not missed");
    }
}
