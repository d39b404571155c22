//! Random cases: the engine says what the reference says, event by event, with commits, crashes and
//! restarts in between and caches of every size.

use super::random_case::Case;
use super::reference::{self, Event, Reference, Tally};
use super::table::{Role, Table, limits, origin, plain};
use crate::detect::faults::{Fault, plant};
use crate::detect::{Engine, Finding, Outcome};
use crate::state::{Changes, MemoryStore, MetaRow};
use crate::units::Position;
use std::sync::Arc;

const CASES: u64 = 1000;
/// Seeds that once failed.
const KEPT: &str = include_str!("../../../tests/data/seeds/detect.txt");

/// Runs one case; says where engine and reference part.
pub(super) fn run(seed: u64) -> Result<Tally, String> {
    run_as(seed, Editions::One)
}

/// Whether the rules are others after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Editions {
    One,
    /// With rules among them that the reference does not know.
    Many,
}

fn run_as(seed: u64, editions: Editions) -> Result<Tally, String> {
    let mut case = Case::new(seed);
    let mut reference = Reference::new(case.rules.clone(), case.settings);
    let mut run = Run::new(&mut case, editions);
    for number in 0..case.events {
        let event = case.next_event(number, &reference);
        let before = reference.findings.len();
        let expected = reference.take(&event);
        run.events.push(event);
        run.outcomes.push(expected);
        run.expected.push(reference.findings[before..].to_vec());
        run.feed()?;
        run.disturb(&mut case)?;
    }
    let last = case.last_event();
    let before = reference.findings.len();
    run.outcomes.push(reference.take(&last));
    run.events.push(last);
    run.expected.push(reference.findings[before..].to_vec());
    run.feed()?;
    run.commit();
    run.is_empty()?;
    Ok(reference.tally)
}

struct Run {
    editions: Editions,
    table: Arc<Table>,
    settings: reference::Settings,
    cache_bytes: usize,
    engine: Option<Engine<MemoryStore, Table>>,
    events: Vec<Event>,
    outcomes: Vec<reference::Outcome>,
    expected: Vec<Vec<reference::Finding>>,
    next: usize,
    committed: usize,
    findings: Vec<Finding>,
}

impl Run {
    fn new(case: &mut Case, editions: Editions) -> Self {
        let table = Arc::new(Table::new(&case.rules));
        let cache_bytes = case.random().one_of(&[0, 2000, 1 << 20]);
        let mut run = Self {
            editions,
            table,
            settings: case.settings,
            cache_bytes,
            engine: None,
            events: Vec::new(),
            outcomes: Vec::new(),
            expected: Vec::new(),
            next: 0,
            committed: 0,
            findings: Vec::new(),
        };
        run.open(MemoryStore::default());
        run
    }

    fn open(&mut self, store: MemoryStore) {
        let limits = limits(self.settings, self.cache_bytes);
        self.engine = Some(Engine::open(self.table.clone(), limits, store).unwrap());
    }

    fn engine(&mut self) -> &mut Engine<MemoryStore, Table> {
        self.engine.as_mut().unwrap()
    }

    /// Gives the engine all events up to the newest.
    fn feed(&mut self) -> Result<(), String> {
        while self.next < self.events.len() {
            let at = self.next;
            let table = self.table.clone();
            let event = self.events[at].clone();
            let mut findings = std::mem::take(&mut self.findings);
            findings.clear();
            let origin = origin(&event, i64::try_from(at).unwrap());
            let outcome = self.engine().step(&table.event(&event), &origin, &mut findings).unwrap();
            let known = findings.iter().filter_map(|finding| {
                let rule = table.number_of(finding.rule)?;
                Some(reference::Finding { rule, ..plain(finding) })
            });
            let got: Vec<_> = known.collect();
            self.findings = findings;
            self.next += 1;
            if !is_same(outcome, self.outcomes[at]) || got != self.expected[at] {
                return Err(format!(
                    "event {at} {event:?}\n got {outcome:?} {got:#?}\n expected {:?} {:#?}",
                    self.outcomes[at], self.expected[at]
                ));
            }
        }
        Ok(())
    }

    fn disturb(&mut self, case: &mut Case) -> Result<(), String> {
        match case.random().between(1, 100) {
            1..=4 => self.commit(),
            5..=7 => {
                self.commit();
                self.restart(case);
            }
            // A crash: what was not committed is gone, its events come again.
            8..=9 => {
                self.restart(case);
                self.next = self.committed;
                self.feed()?;
            }
            10..=14 => self.engine().check_invariants()?,
            _ => {}
        }
        Ok(())
    }

    fn commit(&mut self) {
        let position = Position(i64::try_from(self.next).unwrap());
        let mut changes = Changes::default();
        self.engine().collect_changes(position, "test", &mut changes);
        let mut again = Changes::default();
        self.engine().collect_changes(position, "test", &mut again);
        assert!(changes.iter().eq(again.iter()), "collecting changes nothing");
        self.engine().committed(&changes, None).unwrap();
        assert!(!self.engine().is_dirty());
        self.committed = self.next;
    }

    fn restart(&mut self, case: &mut Case) {
        let store = self.engine.take().unwrap().into_store();
        self.cache_bytes = case.random().one_of(&[0, 2000, 1 << 20]);
        if self.editions == Editions::Many {
            self.table = Arc::new(edition(case));
        }
        self.open(store);
    }

    fn is_empty(&mut self) -> Result<(), String> {
        let keys: Vec<_> = self.engine().store().iter().map(|(key, _)| key.to_vec()).collect();
        if keys != [MetaRow::KEY.to_vec()] || self.engine().groups() != 0 {
            return Err(format!("{} rows are left: {keys:x?}", keys.len()));
        }
        Ok(())
    }
}

/// The case's rules in their order, with up to three others among them.
fn edition(case: &mut Case) -> Table {
    let rules = case.rules.clone();
    // A rule over others is counted through them, and not by its events alone.
    let is_over_others = |number: usize| {
        rules.iter().any(|rule| rule.feeds.iter().any(|(outer, _)| *outer == number))
    };
    let single: Vec<usize> = (0..rules.len()).filter(|number| !is_over_others(*number)).collect();
    let mut order: Vec<(usize, Role)> = (0..rules.len()).map(|one| (one, Role::Known)).collect();
    for _ in 0..case.random().between(0, 3) {
        let added = (case.random().one_of(&single), Role::Added);
        if !order.contains(&added) {
            let at = case.random().between(0, i64::try_from(order.len()).unwrap());
            order.insert(usize::try_from(at).unwrap(), added);
        }
    }
    Table::edition(&rules, &order)
}

fn is_same(one: Outcome, other: reference::Outcome) -> bool {
    matches!(
        (one, other),
        (Outcome::Matched, reference::Outcome::Matched)
            | (Outcome::Ignored, reference::Outcome::Ignored)
            | (Outcome::Late, reference::Outcome::Late)
            | (Outcome::Duplicate, reference::Outcome::Duplicate)
    )
}

#[test]
fn a_thousand_random_cases_equal_the_slow_reference() {
    let mut with = Tally::default();
    let kept = KEPT.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok());
    for seed in kept.chain(0..CASES) {
        let tally = run(seed).unwrap_or_else(|difference| {
            let rules = Case::new(seed).rules;
            panic!(
                "seed {seed}: {difference}\nof {rules:?}\nkeep it in tests/data/seeds/detect.txt"
            )
        });
        with.creates += usize::from(tally.creates > 0);
        with.escalates += usize::from(tally.escalates > 0);
        with.late += usize::from(tally.late > 0);
        with.future += usize::from(tally.future > 0);
        with.duplicates += usize::from(tally.duplicates > 0);
        with.ties += usize::from(tally.ties > 0);
        with.crossings_behind += usize::from(tally.crossings_behind > 0);
        with.new_terms += usize::from(tally.new_terms > 0);
        with.moved_back += usize::from(tally.moved_back > 0);
        with.fed += usize::from(tally.fed > 0);
        with.together += usize::from(tally.together > 0);
        with.closed += usize::from(tally.closed > 0);
        with.between += usize::from(tally.between > 0);
        with.without_amount += usize::from(tally.without_amount > 0);
        with.closed_behind += usize::from(tally.closed_behind > 0);
        with.fed_late += usize::from(tally.fed_late > 0);
    }
    println!("of {CASES} random cases: {with:?}");
    for (what, cases) in [
        ("crossings", with.creates),
        ("escalations", with.escalates),
        ("late events", with.late),
        ("future events", with.future),
        ("duplicates", with.duplicates),
        ("exact ties", with.ties),
        ("crossings behind the newest event", with.crossings_behind),
        ("new terms", with.new_terms),
        ("first sightings moved back", with.moved_back),
        ("crossings that other rules counted", with.fed),
        ("findings of several rules together", with.together),
        ("windows that held when they had closed", with.closed),
        ("amounts between whole numbers", with.between),
        ("windows without an amount", with.without_amount),
        ("windows that closed behind newer ones", with.closed_behind),
        ("crossings of windows that were over", with.fed_late),
    ] {
        assert!(cases >= 50, "only {cases} cases had {what}");
    }
}

#[test]
fn rules_that_stay_find_the_same_whatever_comes_and_goes_around_them() {
    let found: usize = (0..CASES / 2)
        .map(|seed| {
            let tally = run_as(seed, Editions::Many)
                .unwrap_or_else(|difference| panic!("seed {seed}: {difference}"));
            tally.creates
        })
        .sum();
    assert!(found > 1000, "only {found} findings");

    plant(Some(Fault::StateByPlace));
    let seen = (0..CASES).find(|&seed| run_as(seed, Editions::Many).is_err());
    plant(None);
    assert!(seen.is_some(), "states that move with their rules were not noticed");
}

#[test]
fn each_planted_fault_is_found_within_a_thousand_cases() {
    for fault in [
        Fault::WindowEdgeOffByOne,
        Fault::OnlyTheNewestWindow,
        Fault::DuplicateCounted,
        Fault::PanesExpiredEarly,
        Fault::EpisodePeriodIgnored,
        Fault::ValueLeavesWithItsFirst,
        Fault::EarlierSightingIsNews,
        Fault::OrderIgnored,
        Fault::FedAgain,
        Fault::ClosedBeforeItsLateness,
        Fault::JudgedAgain,
        Fault::AbsentAmountCounted,
        Fault::RepeatedAmountOnce,
        Fault::UpperBoundIgnored,
        Fault::NotIgnored,
    ] {
        plant(Some(fault));
        let found = (0..CASES).find(|&seed| run(seed).is_err());
        plant(None);
        println!("{fault:?}: found by seed {found:?}");
        assert!(found.is_some(), "{fault:?} was not found");
    }
}
