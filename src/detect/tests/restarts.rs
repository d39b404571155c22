//! What changes around the engine and must not change what it says.

use super::random_case::Case;
use super::reference::{self, Ask, Event, Kind, Measure, Reference, Rule, Settings};
use super::table::{Table, limits, origin, plain};
use crate::detect::{Engine, Limits};
use crate::state::{Changes, MemoryStore, MetaRow};
use crate::units::Position;
use std::sync::Arc;

const HOUR: i64 = 3_600_000;
const SETTINGS: Settings = Settings {
    lateness: HOUR,
    future_skew: 300_000,
    duplicate_horizon: HOUR,
    look_back: 500,
    distinct_values: 10_000,
    order: super::table::order,
};

fn commit(engine: &mut Engine<MemoryStore, Table>, next: i64) -> Changes {
    let mut changes = Changes::default();
    engine.collect_changes(Position(next), "test", &mut changes);
    engine.committed(&changes, Some(Position(next))).unwrap();
    changes
}

fn counting(span: i64) -> Rule {
    Rule {
        kind: Kind::Window {
            sliding: true,
            span,
            measure: Measure::Count,
            tiers: vec![(1000, 1)],
            asks: None,
        },
        group_by: vec!["who".to_owned()],
        skip_missing_group: false,
        lateness: None,
        level: 1,
        period: HOUR,
        dedup_key: None,
        collect: Vec::new(),
        group_by_of: Vec::new(),
        first_way: Vec::new(),
        feeds: Vec::new(),
        silent: false,
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

/// An engine that has counted so many events of one group, and committed nothing.
fn fed(table: &Arc<Table>, limits: Limits, events: i64) -> Engine<MemoryStore, Table> {
    let mut engine = Engine::open(table.clone(), limits, MemoryStore::default()).unwrap();
    for number in 0..events {
        let event = event(number, 0, "alice");
        engine.step(&table.event(&event), &origin(&event, number), &mut Vec::new()).unwrap();
    }
    engine
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
fn a_commit_writes_what_is_new_however_much_a_group_holds() {
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

    // A page, a row of fingerprints, the meta row; the event with its id takes some twenty bytes.
    assert_eq!(one_event.len(), 3);
    println!("an hour: {} bytes, then one event: {}", hour.byte_len(), one_event.byte_len());
    assert!(hour.byte_len() < 3600 * 40, "{}", hour.byte_len());
    assert!(one_event.byte_len() < 300, "{}", one_event.byte_len());
}

#[test]
fn events_of_a_rule_that_left_go_with_time_and_others_stay() {
    let both = Arc::new(Table::new(&[counting(HOUR), counting(HOUR / 2)]));
    let mut engine =
        Engine::open(both.clone(), limits(SETTINGS, 0), MemoryStore::default()).unwrap();
    let first = Event { rules: vec![0, 1], ..event(0, 0, "alice") };
    engine.step(&both.event(&first), &origin(&first, 0), &mut Vec::new()).unwrap();
    commit(&mut engine, 1);

    let one = Arc::new(Table::new(&[counting(HOUR)]));
    let mut engine = Engine::open(one.clone(), limits(SETTINGS, 0), engine.into_store()).unwrap();
    let mut findings = Vec::new();
    for number in 1..1000 {
        let event = event(number, 1000, "alice");
        engine.step(&one.event(&event), &origin(&event, number), &mut findings).unwrap();
    }
    assert_eq!(findings.iter().map(|finding| finding.amount).collect::<Vec<_>>(), [1000]);

    let none = Arc::new(Table::new(&[]));
    commit(&mut engine, 1000);
    let mut engine = Engine::open(none.clone(), limits(SETTINGS, 0), engine.into_store()).unwrap();
    let last = Event { rules: Vec::new(), ..event(1000, 9 * HOUR, "alice") };
    engine.step(&none.event(&last), &origin(&last, 1000), &mut findings).unwrap();
    commit(&mut engine, 1001);
    let keys: Vec<_> = engine.store().iter().map(|(key, _)| key[0]).collect();
    // The episode of the rule that left stays as long as its finding may go on.
    assert_eq!(keys, [MetaRow::KEY[0]]);
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
fn no_row_of_a_commit_outgrows_a_kafka_record() {
    let table = Arc::new(Table::new(&[counting(HOUR)]));
    let mut engine = fed(&table, limits(SETTINGS, 1 << 24), 20_000);

    let changes = commit(&mut engine, 20_000);

    let largest = changes.iter().filter_map(|change| change.value).map(<[u8]>::len).max();
    println!("{} rows, the largest {largest:?} bytes", changes.len());
    assert!(largest.is_some_and(|bytes| bytes < 64 << 10), "{largest:?}");
    let mut engine = Engine::open(table.clone(), limits(SETTINGS, 0), engine.into_store()).unwrap();
    let again = event(19_999, 0, "alice");
    let outcome = engine.step(&table.event(&again), &origin(&again, 0), &mut Vec::new()).unwrap();
    assert_eq!(outcome, crate::detect::Outcome::Duplicate);
}

#[test]
fn another_lateness_keeps_the_state() {
    // Thirty minutes of window: with the lateness it lives an hour, then an hour and a half.
    let table = Arc::new(Table::new(&[counting(HOUR / 2)]));
    let short = Settings { lateness: HOUR / 2, ..SETTINGS };
    let mut engine = fed(&table, limits(short, 0), 999);
    commit(&mut engine, 999);

    let mut findings = Vec::new();
    let mut engine = Engine::open(table.clone(), limits(SETTINGS, 0), engine.into_store()).unwrap();
    let last = event(999, 1000, "alice");
    engine.step(&table.event(&last), &origin(&last, 999), &mut findings).unwrap();

    assert_eq!(findings.iter().map(|finding| finding.amount).collect::<Vec<_>>(), [1000]);
}

#[test]
fn opening_a_large_journal_keeps_to_the_bound_of_memory() {
    let table = Arc::new(Table::new(&[counting(HOUR)]));
    let mut engine = fed(&table, limits(SETTINGS, 1 << 24), 20_000);
    commit(&mut engine, 20_000);
    let whole = engine.groups.memory_bytes();

    let engine = Engine::open(table, limits(SETTINGS, 40_000), engine.into_store()).unwrap();

    let opened = engine.groups.memory_bytes();
    println!("{whole} bytes, {opened} after opening with a bound of 40,000");
    assert!(opened < 60_000 && whole > 300_000, "{opened} of {whole}");
}

#[test]
fn groups_whose_pages_left_between_two_sweeps_are_gone_after_the_next() {
    let minute = HOUR / 60;
    let table = Arc::new(Table::new(&[counting(minute)]));
    let none = Settings { lateness: 0, ..SETTINGS };
    let mut engine =
        Engine::open(table.clone(), limits(none, 1 << 20), MemoryStore::default()).unwrap();
    let step = |engine: &mut Engine<MemoryStore, Table>, number: i64, time, who: &str| {
        let event = Event {
            rules: if who.is_empty() { Vec::new() } else { vec![0] },
            ..event(number, time, who)
        };
        engine.step(&table.event(&event), &origin(&event, number), &mut Vec::new()).unwrap();
    };
    for number in 0..8 {
        step(&mut engine, number, number * minute, &format!("user {number}"));
        commit(&mut engine, number + 1);
    }
    // All pages are gone after ten minutes; nothing leaves after that.
    for number in 8..30 {
        step(&mut engine, number, number * minute, "");
    }
    assert_eq!(engine.groups(), 0);
}

#[test]
fn damaged_rows_are_an_error_when_the_engine_opens() {
    for (key, value) in [
        (MetaRow::KEY, &b"\x01"[..]),
        (b"\x02short", b""),
        (b"\x01\0\0\0\0\0\x01\0\0\0", b"\x01"),
        (b"\x7f", b""),
    ] {
        let mut changes = Changes::default();
        changes.put(key, |into| into.extend_from_slice(value));
        let mut store = MemoryStore::default();
        crate::state::Store::apply(&mut store, &changes, None).unwrap();
        let table = Arc::new(Table::new(&[counting(HOUR)]));
        assert!(Engine::open(table, limits(SETTINGS, 0), store).is_err(), "{key:?}");
    }
}

#[test]
fn a_principal_with_one_event_under_three_rules_needs_little_memory() {
    let rules = [counting(HOUR), counting(HOUR / 2), counting(HOUR / 6)];
    let table = Arc::new(Table::new(&rules));
    let mut engine =
        Engine::open(table.clone(), limits(SETTINGS, 1 << 30), MemoryStore::default()).unwrap();
    for number in 0..1000 {
        let event = Event { rules: vec![0, 1, 2], ..event(number, 0, &format!("user {number}")) };
        engine.step(&table.event(&event), &origin(&event, number), &mut Vec::new()).unwrap();
    }
    let bytes = (engine.groups.memory_bytes() + engine.episodes.memory_bytes()) / 1000;
    println!("a principal with one event under three rules: {bytes} bytes");
    assert!(bytes < 300, "{bytes}");
}

#[test]
fn a_term_that_comes_back_just_beyond_its_history_has_a_timer_or_two() {
    let second = 1000;
    let fresh = Rule {
        kind: Kind::NewTerms { history: 2 * second, learn: 0 },
        period: 0,
        ..counting(HOUR)
    };
    let table = Arc::new(Table::new(&[fresh]));
    // The hour of lateness keeps each run; nothing is over when the next sighting comes.
    let mut engine =
        Engine::open(table.clone(), limits(SETTINGS, 1 << 20), MemoryStore::default()).unwrap();
    let mut findings = Vec::new();
    for number in 0..1000 {
        let event = event(number, 3 * second * number, "alice");
        engine.step(&table.event(&event), &origin(&event, number), &mut findings).unwrap();
    }

    assert_eq!(findings.len(), 1000, "each sighting is new again");
    let waiting = engine.terms.waiting();
    assert!(waiting <= 2, "{waiting} timers");
    let last = event(1000, 3 * second * 1000 + 2 * HOUR, "bob");
    engine.step(&table.event(&last), &origin(&last, 1000), &mut findings).unwrap();
    commit(&mut engine, 1001);
    let terms = engine.store().iter().filter(|(key, _)| key.first() == Some(&5)).count();
    assert_eq!(terms, 1, "the first term has left the state, bob is there");
}

/// Fewer than so many events in ten minutes.
fn few(below: u64) -> Rule {
    let kind = Kind::Window {
        sliding: false,
        span: HOUR / 6,
        measure: Measure::Count,
        tiers: vec![(0, 1)],
        asks: Some(vec![(Ask::Below, below)]),
    };
    Rule { kind, ..counting(HOUR) }
}

fn windows_of(store: &MemoryStore) -> usize {
    store.iter().filter(|(key, _)| key[0] == 6).count()
}

/// Feeds events that no rule wants at these times; gives what is said.
fn ticks(
    engine: &mut Engine<MemoryStore, Table>,
    table: &Table,
    times: &[i64],
) -> Vec<crate::detect::Finding> {
    let mut findings = Vec::new();
    for (number, time) in (1_000_000..).zip(times) {
        let tick = Event { rules: Vec::new(), ..event(number, *time, "nobody") };
        engine.step(&table.event(&tick), &origin(&tick, number), &mut findings).unwrap();
    }
    findings
}

#[test]
fn a_commit_writes_the_windows_that_got_an_event_and_closing_removes_them() {
    let table = Arc::new(Table::new(&[few(5)]));
    let mut engine =
        Engine::open(table.clone(), limits(SETTINGS, 1 << 20), MemoryStore::default()).unwrap();
    let step = |engine: &mut Engine<MemoryStore, Table>, number: i64, who: i64| {
        let event = event(number, 0, &format!("user {who}"));
        engine.step(&table.event(&event), &origin(&event, number), &mut Vec::new()).unwrap();
    };
    for number in 0..2000 {
        step(&mut engine, number, number);
    }
    commit(&mut engine, 2000);
    assert_eq!(windows_of(engine.store()), 2000);

    // Three more of one group: its row, once, whatever else is open.
    for number in 2000..2003 {
        step(&mut engine, number, 7);
    }
    let changes = commit(&mut engine, 2003);
    assert_eq!(changes.iter().filter(|change| change.key[0] == 6).count(), 1);
    assert!(changes.len() <= 5, "{changes:?}");

    assert_eq!(ticks(&mut engine, &table, &[2 * HOUR]).len(), 2000);
    commit(&mut engine, 2004);
    assert_eq!(windows_of(engine.store()), 0);
    assert!(ticks(&mut engine, &table, &[3 * HOUR, 4 * HOUR]).is_empty());
}

#[test]
fn a_window_that_was_judged_is_not_judged_again_after_a_restart_or_with_more_lateness() {
    let table = Arc::new(Table::new(&[Rule { period: 1, ..few(5) }]));
    let short = Settings { lateness: HOUR / 2, ..SETTINGS };
    let mut engine = Engine::open(table.clone(), limits(short, 0), MemoryStore::default()).unwrap();
    for number in 0..3 {
        let event = event(number, 0, "alice");
        engine.step(&table.event(&event), &origin(&event, number), &mut Vec::new()).unwrap();
    }
    commit(&mut engine, 3);
    assert_eq!(ticks(&mut engine, &table, &[HOUR]).len(), 1);

    // Died before the commit: it is judged where it was before, once.
    let mut engine = Engine::open(table.clone(), limits(short, 0), engine.into_store()).unwrap();
    assert_eq!(ticks(&mut engine, &table, &[HOUR]).len(), 1);
    commit(&mut engine, 4);

    // Another hour of lateness would make it wait longer; it has been judged.
    let long = Settings { lateness: 2 * HOUR, ..SETTINGS };
    let mut engine = Engine::open(table.clone(), limits(long, 0), engine.into_store()).unwrap();
    assert!(ticks(&mut engine, &table, &[HOUR + 1, 9 * HOUR]).is_empty());
}

#[test]
fn with_less_lateness_windows_that_waited_are_judged_by_the_next_event() {
    let table = Arc::new(Table::new(&[few(5)]));
    let mut engine =
        Engine::open(table.clone(), limits(SETTINGS, 0), MemoryStore::default()).unwrap();
    let first = event(0, 0, "alice");
    engine.step(&table.event(&first), &origin(&first, 0), &mut Vec::new()).unwrap();
    assert!(ticks(&mut engine, &table, &[HOUR]).is_empty());
    commit(&mut engine, 2);

    let short = Settings { lateness: HOUR / 2, ..SETTINGS };
    let mut engine = Engine::open(table.clone(), limits(short, 0), engine.into_store()).unwrap();

    assert_eq!(ticks(&mut engine, &table, &[HOUR + 1, HOUR + 2]).len(), 1);
}

#[test]
fn open_windows_of_a_rule_that_left_go_with_the_next_commit() {
    let table = Arc::new(Table::new(&[counting(HOUR), few(5)]));
    let mut engine =
        Engine::open(table.clone(), limits(SETTINGS, 0), MemoryStore::default()).unwrap();
    let both = Event { rules: vec![0, 1], ..event(0, 0, "alice") };
    engine.step(&table.event(&both), &origin(&both, 0), &mut Vec::new()).unwrap();
    commit(&mut engine, 1);
    assert_eq!(windows_of(engine.store()), 1);

    let rest = Arc::new(Table::new(&[counting(HOUR)]));
    let mut engine = Engine::open(rest, limits(SETTINGS, 0), engine.into_store()).unwrap();
    commit(&mut engine, 1);

    assert_eq!(windows_of(engine.store()), 0);
    assert_eq!(engine.groups(), 1);
}

#[test]
fn how_far_an_event_moves_time_at_once_changes_nothing() {
    let mut closed = 0;
    for seed in 6000..6100 {
        let mut case = Case::new(seed);
        let table = Arc::new(Table::new(&case.rules));
        let limits = limits(case.settings, 1 << 20);
        let open = || Engine::open(table.clone(), limits, MemoryStore::default()).unwrap();
        let (mut plainly, mut in_steps) = (open(), open());
        let mut reference = Reference::new(case.rules.clone(), case.settings);
        let (mut said, mut said_in_steps) = (Vec::new(), Vec::new());
        for number in 0..case.events {
            let event = case.next_event(number, &reference);
            let before = reference.watermark();
            let outcome = reference.take(&event);
            // On the way to where an event takes it, time stops at events that nobody wants.
            if let (Some(from), Some(to)) = (before, reference.watermark())
                && outcome != reference::Outcome::Duplicate
            {
                let stops = [from + (to - from) / 3, from + (to - from) / 2, to];
                said_in_steps.extend(ticks(&mut in_steps, &table, &stops));
            }
            let offset = i64::try_from(number).unwrap();
            for (engine, said) in [(&mut plainly, &mut said), (&mut in_steps, &mut said_in_steps)] {
                engine.step(&table.event(&event), &origin(&event, offset), said).unwrap();
            }
        }
        let plain = |said: &[crate::detect::Finding]| said.iter().map(plain).collect::<Vec<_>>();
        assert_eq!(plain(&said), plain(&said_in_steps), "seed {seed}");
        closed += reference.tally.closed;
    }
    assert!(closed > 100, "{closed}");
}
