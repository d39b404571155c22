//! What changes around the engine and must not change what it says.

use super::random_case::Case;
use super::reference::{Event, Kind, Reference, Rule, Settings};
use super::table::{Table, limits, origin, plain};
use crate::detect::Engine;
use crate::state::{Changes, MemoryStore, MetaRow};
use crate::units::Position;
use std::sync::Arc;

const HOUR: i64 = 3_600_000;
const SETTINGS: Settings =
    Settings { lateness: HOUR, future_skew: 300_000, duplicate_horizon: HOUR };

fn commit(engine: &mut Engine<MemoryStore, Table>, next: i64) -> Changes {
    let mut changes = Changes::default();
    engine.collect_changes(Position(next), "test", &mut changes);
    engine.committed(&changes, Some(Position(next))).unwrap();
    changes
}

fn counting(span: i64) -> Rule {
    Rule {
        kind: Kind::Window { sliding: true, span, sum_of: None, tiers: vec![(1000, 1)] },
        group_by: vec!["who".to_owned()],
        skip_missing_group: false,
        lateness: None,
        level: 1,
        period: HOUR,
        dedup_key: None,
        collect: Vec::new(),
    }
}

fn event(number: i64, time: i64, who: &str) -> Event {
    Event {
        id: format!("event {number}"),
        time,
        fields: [("who".to_owned(), Some(who.to_owned()))].into(),
        rules: vec![0],
        ..Event::default()
    }
}

/// Feeds a random case with commits at fixed places; gives findings, and rows after each commit.
fn history(seed: u64, cache_bytes: usize, reopens: bool) -> (Vec<String>, Vec<MemoryStore>) {
    let mut case = Case::new(seed);
    let table = Arc::new(Table::new(&case.rules));
    let limits = limits(case.settings, cache_bytes);
    let mut reference = Reference::new(case.rules.clone(), case.settings);
    let mut engine = Engine::open(table.clone(), limits, MemoryStore::default()).unwrap();
    let (mut said, mut stores) = (Vec::new(), Vec::new());
    for number in 0..case.events {
        let event = case.next_event(number, &reference);
        reference.take(&event);
        let mut findings = Vec::new();
        let offset = i64::try_from(number).unwrap();
        engine.step(&table.event(&event), &origin(&event, offset), &mut findings).unwrap();
        said.extend(findings.iter().map(|finding| format!("{:?}", plain(finding))));
        if number % 7 == 6 {
            commit(&mut engine, offset + 1);
            stores.push(engine.store().clone());
            if reopens {
                engine = Engine::open(table.clone(), limits, engine.into_store()).unwrap();
            }
        }
    }
    (said, stores)
}

#[test]
fn neither_the_cache_bound_nor_a_restart_changes_a_finding_or_a_byte_of_state() {
    for seed in 5000..5040 {
        let (said, stores) = history(seed, 1 << 24, false);
        for (cache_bytes, reopens) in [(0, false), (1500, false), (1 << 24, true), (0, true)] {
            let (other_said, other_stores) = history(seed, cache_bytes, reopens);
            assert_eq!(said, other_said, "seed {seed}, {cache_bytes} bytes, reopens: {reopens}");
            for (one, other) in stores.iter().zip(&other_stores) {
                for (row, twin) in one.iter().zip(other.iter()) {
                    assert_eq!(row, twin, "seed {seed}, {cache_bytes} bytes, reopens: {reopens}");
                }
                assert_eq!(one.len(), other.len());
            }
        }
    }
}

#[test]
fn a_commit_writes_only_the_segments_that_changed() {
    let table = Arc::new(Table::new(&[counting(HOUR)]));
    let mut engine =
        Engine::open(table.clone(), limits(SETTINGS, 1 << 24), MemoryStore::default()).unwrap();
    let mut findings = Vec::new();
    for second in 0..3600 {
        let event = event(second, second * 1000, "alice");
        engine.step(&table.event(&event), &origin(&event, second), &mut findings).unwrap();
    }
    let hour = commit(&mut engine, 3600);
    let event = event(3600, 3_600_000, "alice");
    engine.step(&table.event(&event), &origin(&event, 3600), &mut findings).unwrap();

    let one_event = commit(&mut engine, 3601);

    // 57 segments, 13 slots of fingerprints, the meta row; then one of each.
    assert_eq!((hour.len(), one_event.len()), (71, 3));
}

#[test]
fn rows_of_a_rule_that_left_are_dropped_and_others_stay() {
    let both = Arc::new(Table::new(&[counting(HOUR), counting(HOUR / 2)]));
    let mut engine =
        Engine::open(both.clone(), limits(SETTINGS, 0), MemoryStore::default()).unwrap();
    let event = Event { rules: vec![0, 1], ..event(0, 0, "alice") };
    engine.step(&both.event(&event), &origin(&event, 0), &mut Vec::new()).unwrap();
    commit(&mut engine, 1);

    let one = Arc::new(Table::new(&[counting(HOUR)]));
    let mut engine = Engine::open(one, limits(SETTINGS, 0), engine.into_store()).unwrap();
    let changes = commit(&mut engine, 1);

    assert_eq!(engine.take_counts().orphaned_rows, 1);
    assert_eq!(changes.iter().filter(|change| change.value.is_none()).count(), 1);
    assert_eq!(engine.groups(), 1);
}

#[test]
fn a_commit_that_fails_can_be_collected_again() {
    let table = Arc::new(Table::new(&[counting(HOUR)]));
    let mut engine =
        Engine::open(table.clone(), limits(SETTINGS, 0), MemoryStore::default()).unwrap();
    let first = event(0, 0, "alice");
    engine.step(&table.event(&first), &origin(&first, 0), &mut Vec::new()).unwrap();
    let mut lost = Changes::default();
    engine.collect_changes(Position(1), "test", &mut lost);

    // Nothing was committed: more events come, then the next commit holds all of it.
    let second = event(1, 1000, "bob");
    engine.step(&table.event(&second), &origin(&second, 1), &mut Vec::new()).unwrap();
    let changes = commit(&mut engine, 2);

    for change in lost.iter().filter(|change| change.key != MetaRow::KEY) {
        assert!(changes.iter().any(|other| other.key == change.key));
    }
    assert_eq!(engine.meta().map(|meta| (meta.next_input, meta.sequence)), Some((Position(2), 1)));
    assert!(!engine.is_dirty());
    assert_eq!(engine.dirty_bytes(), 0);
}

#[test]
fn damaged_rows_are_an_error_when_the_engine_opens() {
    for (key, value) in [(MetaRow::KEY, &b"\x01"[..]), (b"\x02short", b""), (b"\x7f", b"")] {
        let mut changes = Changes::default();
        changes.put(key, |into| into.extend_from_slice(value));
        let mut store = MemoryStore::default();
        crate::state::Store::apply(&mut store, &changes, None).unwrap();
        let table = Arc::new(Table::new(&[counting(HOUR)]));
        assert!(Engine::open(table, limits(SETTINGS, 0), store).is_err(), "{key:?}");
    }
}

#[test]
fn a_cold_group_of_three_rules_needs_less_than_two_kilobytes() {
    let rules = [counting(HOUR), counting(HOUR / 2), counting(HOUR / 6)];
    let table = Arc::new(Table::new(&rules));
    let mut engine =
        Engine::open(table.clone(), limits(SETTINGS, 1 << 30), MemoryStore::default()).unwrap();
    for number in 0..1000 {
        let event = Event { rules: vec![0, 1, 2], ..event(number, 0, &format!("user {number}")) };
        engine.step(&table.event(&event), &origin(&event, number), &mut Vec::new()).unwrap();
    }
    let bytes = engine.tables.memory_bytes() / 1000;
    println!("a principal with one event under three rules: {bytes} bytes");
    assert!(bytes < 2000, "{bytes}");
}
