//! One sentence of semantics.md for each test.

use super::reference::{Ask, Collect, Event, Kind, Measure, Rule, Settings};
use super::table::{Table, limits, origin};
use crate::detect::{Collected, Engine, Finding, FindingKind, Outcome};
use crate::state::MemoryStore;
use std::sync::Arc;

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const SETTINGS: Settings = Settings {
    lateness: HOUR,
    future_skew: 5 * MINUTE,
    duplicate_horizon: HOUR,
    look_back: 500,
    distinct_values: 10_000,
    order: super::table::order,
};

/// Sum of `bytes` over ten minutes, at least 100, by `who`; P = one hour.
fn large_download() -> Rule {
    Rule {
        kind: Kind::Window {
            sliding: true,
            span: 10 * MINUTE,
            measure: Measure::Sum("bytes".to_owned()),
            tiers: vec![(100, 1), (200, 2), (400, 3)],
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

fn with_window(sliding: bool, span: i64) -> Rule {
    let kind = Kind::Window {
        sliding,
        span,
        measure: Measure::Sum("bytes".to_owned()),
        tiers: vec![(100, 1), (200, 2), (400, 3)],
        asks: None,
    };
    Rule { kind, ..large_download() }
}

fn stateless(period: i64) -> Rule {
    Rule { kind: Kind::Match, level: 3, period, ..large_download() }
}

fn get(time: i64, who: &str, bytes: u64) -> Event {
    let fields = [("who", who.to_owned()), ("bytes", bytes.to_string())];
    Event {
        id: format!("{who} {bytes} at {time}"),
        time,
        fields: fields.map(|(name, value)| (name.to_owned(), Some(value))).into(),
        rules: vec![0],
        ..Event::default()
    }
}

/// An event that nobody wants, to move the watermark.
fn tick(time: i64) -> Event {
    Event { rules: Vec::new(), ..get(time, "nobody", 0) }
}

fn run(rules: &[Rule], events: &[Event]) -> (Vec<Outcome>, Vec<Finding>) {
    let table = Arc::new(Table::new(rules));
    let limits = limits(SETTINGS, 1 << 20);
    let mut engine = Engine::open(table.clone(), limits, MemoryStore::default()).unwrap();
    let mut findings = Vec::new();
    let outcomes = (0..).zip(events).map(|(offset, event)| {
        engine.step(&table.event(event), &origin(event, offset), &mut findings).unwrap()
    });
    (outcomes.collect(), findings)
}

/// Runs one rule and compares what it says: kind, tier's level, amount, opening time in seconds.
fn check(rule: Rule, events: &[Event], expected: &[&str]) {
    let (_, findings) = run(&[rule], events);
    let said: Vec<_> = findings
        .iter()
        .map(|finding| {
            let kind = match finding.kind {
                FindingKind::Create => "create",
                FindingKind::Escalate => "escalate",
            };
            let opened = finding.opened.as_millis() / SECOND;
            format!("{kind} {} at {opened} level {}", finding.amount, finding.level as u8)
        })
        .collect();
    assert_eq!(said, expected);
}

#[test]
fn a_sum_that_reaches_the_threshold_with_its_last_byte_fires_once() {
    check(
        large_download(),
        &[get(0, "alice", 99), get(599 * SECOND, "alice", 1), get(599 * SECOND, "alice", 2)],
        &["create 100 at 599 level 1"],
    );
}

#[test]
fn one_byte_below_the_threshold_is_silence() {
    check(large_download(), &[get(0, "alice", 98), get(599 * SECOND, "alice", 1)], &[]);
}

#[test]
fn an_event_exactly_a_window_before_is_outside() {
    check(large_download(), &[get(0, "alice", 99), get(600 * SECOND, "alice", 1)], &[]);
}

#[test]
fn groups_do_not_add_up() {
    check(large_download(), &[get(0, "alice", 60), get(1, "bob", 60)], &[]);
}

#[test]
fn an_event_that_arrives_late_completes_a_window_that_ended_before_the_newest() {
    let events = [get(0, "alice", 60), get(50 * MINUTE, "alice", 60), get(5 * MINUTE, "alice", 40)];
    check(large_download(), &events, &["create 100 at 300 level 1"]);
}

#[test]
fn a_late_event_is_compared_with_the_windows_that_end_after_it() {
    let events = [get(9 * MINUTE, "alice", 60), get(0, "alice", 40)];
    check(large_download(), &events, &["create 100 at 540 level 1"]);
}

#[test]
fn a_higher_tier_escalates_and_a_jump_over_two_is_one_escalate() {
    let events = [get(0, "alice", 100), get(1, "alice", 300), get(2, "alice", 1)];
    check(large_download(), &events, &["create 100 at 0 level 1", "escalate 400 at 0 level 3"]);
}

#[test]
fn a_crossing_a_whole_period_later_opens_another_episode() {
    let period = 3600;
    let just_before = [get(0, "alice", 100), get((period - 1) * SECOND, "alice", 100)];
    check(large_download(), &just_before, &["create 100 at 0 level 1"]);
    let exactly = [get(0, "alice", 100), get(period * SECOND, "alice", 100)];
    check(large_download(), &exactly, &["create 100 at 0 level 1", "create 100 at 3600 level 1"]);
}

#[test]
fn an_event_exactly_at_allowed_lateness_still_counts() {
    let at = [tick(HOUR), get(0, "alice", 100)];
    assert_eq!(run(&[large_download()], &at).0[1], Outcome::Matched);
    check(large_download(), &at, &["create 100 at 0 level 1"]);
    let beyond = [tick(HOUR + 1), get(0, "alice", 100)];
    assert_eq!(run(&[large_download()], &beyond).0[1], Outcome::Late);
    check(large_download(), &beyond, &[]);
}

#[test]
fn a_rule_may_wait_longer_than_its_source() {
    let patient = Rule { lateness: Some(2 * HOUR), ..large_download() };
    let events = [tick(2 * HOUR), get(0, "alice", 100)];
    assert_eq!(run(std::slice::from_ref(&patient), &events).0[1], Outcome::Late);
    check(patient, &events, &["create 100 at 0 level 1"]);
}

#[test]
fn a_stateless_rule_sees_a_late_event_and_says_that_it_was_late() {
    let (outcomes, findings) = run(&[stateless(HOUR)], &[tick(9 * HOUR), get(0, "alice", 1)]);
    assert_eq!(outcomes[1], Outcome::Late);
    assert_eq!((findings.len(), findings[0].late), (1, true));
    assert_eq!((findings[0].window, findings[0].threshold), (None, None));
}

#[test]
fn a_duplicate_has_no_effect_and_does_not_move_the_watermark() {
    let first = Event { record_time: Some(0), ..get(10 * MINUTE, "alice", 60) };
    // The same event, delivered again when its time is no longer ahead.
    let again = Event { record_time: Some(10 * MINUTE), ..first.clone() };
    let table = Arc::new(Table::new(&[large_download()]));
    let mut engine =
        Engine::open(table.clone(), limits(SETTINGS, 0), MemoryStore::default()).unwrap();
    let mut findings = Vec::new();

    for (event, outcome) in [(&first, Outcome::Matched), (&again, Outcome::Duplicate)] {
        let got = engine.step(&table.event(event), &origin(event, 0), &mut findings).unwrap();
        assert_eq!(got, outcome);
    }

    assert_eq!((engine.watermark(), findings.len()), (None, 0));
    assert_eq!(engine.take_counts().future, 1);
}

#[test]
fn the_same_action_reported_to_two_accounts_counts_once() {
    let one = Event { shared_id: Some("shared".to_owned()), ..get(0, "alice", 60) };
    let other = Event { id: "another id".to_owned(), ..one.clone() };
    check(large_download(), &[one, other], &[]);
}

#[test]
fn a_future_event_counts_at_its_records_time_and_closes_nobodys_windows() {
    let forged = Event { record_time: Some(60 * SECOND), ..get(900 * HOUR, "alice", 40) };
    let honest = Event { record_time: Some(61 * SECOND), ..get(0, "alice", 60) };
    check(large_download(), &[forged, honest], &["create 100 at 60 level 1"]);
}

#[test]
fn a_stateless_episode_is_open_until_the_watermark_has_passed_its_end() {
    // It opened at 0: P + L + horizon are three hours.
    let late = |time| Event { id: format!("late after {time}"), ..get(0, "alice", 1) };
    let within = [get(0, "alice", 1), tick(3 * HOUR), late(3 * HOUR)];
    check(stateless(HOUR), &within, &["create 1 at 0 level 3"]);
    let after = [get(0, "alice", 1), tick(3 * HOUR + 1), late(3 * HOUR)];
    check(stateless(HOUR), &after, &["create 1 at 0 level 3", "create 1 at 0 level 3"]);
}

#[test]
fn without_a_period_each_match_is_a_finding() {
    let (_, findings) = run(&[stateless(0)], &[get(0, "alice", 1), get(0, "alice", 2)]);
    assert_eq!(findings.len(), 2);
    assert!(findings.iter().all(|finding| finding.per_event && finding.sequence == 1));
}

#[test]
fn without_a_period_an_event_behind_the_newest_is_one_finding() {
    let rule = Rule { period: 0, ..large_download() };
    let events = [get(MINUTE, "alice", 100), get(2 * MINUTE, "alice", 1), get(0, "alice", 5)];
    check(
        rule,
        &events,
        &["create 100 at 60 level 1", "create 101 at 120 level 1", "create 105 at 60 level 1"],
    );
}

#[test]
fn an_absent_group_field_is_a_group_of_its_own_unless_the_rule_skips_it() {
    let nameless = |time| {
        let mut event = get(time, "", 50);
        event.fields.insert("who".to_owned(), None);
        event
    };
    let events = [nameless(0), nameless(1)];
    let (_, findings) = run(&[large_download()], &events);
    assert_eq!(findings[0].group, [("who".to_owned(), None)]);
    check(Rule { skip_missing_group: true, ..large_download() }, &events, &[]);
}

#[test]
fn an_amount_that_is_no_number_counts_as_an_event_and_is_told() {
    let mut odd = get(0, "alice", 0);
    odd.fields.insert("bytes".to_owned(), Some("-5".to_owned()));
    let table = Arc::new(Table::new(&[large_download()]));
    let mut engine =
        Engine::open(table.clone(), limits(SETTINGS, 0), MemoryStore::default()).unwrap();
    let mut findings = Vec::new();
    for event in [&odd, &get(1, "alice", 100)] {
        engine.step(&table.event(event), &origin(event, 0), &mut findings).unwrap();
    }
    assert_eq!((findings[0].count, findings[0].amount), (2, 100));
    assert_eq!(engine.take_counts().bad_amounts, 1);
}

#[test]
fn sums_saturate() {
    let events = [get(0, "alice", u64::MAX - 1), get(1, "alice", 5)];
    let (_, findings) = run(&[large_download()], &events);
    assert_eq!(findings[0].amount, u64::MAX - 1);
    let all = [get(0, "alice", 1), get(0, "alice", u64::MAX)];
    assert_eq!(run(&[large_download()], &all).1[0].amount, u64::MAX);
}

#[test]
fn a_tumbling_window_is_aligned_to_the_epoch_and_its_crossing_is_its_start() {
    let rule = || with_window(false, HOUR);
    check(rule(), &[get(HOUR - 1, "alice", 99), get(HOUR, "alice", 99)], &[]);
    check(
        rule(),
        &[get(HOUR, "alice", 50), get(2 * HOUR - 1, "alice", 50)],
        &["create 100 at 3600 level 1"],
    );
}

#[test]
fn a_tumbling_window_longer_than_its_period_still_creates_once() {
    let rule = Rule { period: MINUTE, lateness: Some(0), ..with_window(false, HOUR) };
    let events =
        [get(0, "alice", 100), get(50 * MINUTE, "alice", 1), get(51 * MINUTE, "alice", 99)];
    check(rule, &events, &["create 100 at 0 level 1", "escalate 200 at 0 level 2"]);
}

#[test]
fn beyond_an_hour_the_clock_is_the_pane_grid() {
    // A day has panes of 24 s: 23 s and 0 s are one time, a day after it is outside.
    let rule = || with_window(true, 24 * HOUR);
    check(rule(), &[get(23 * SECOND, "alice", 50), get(24 * HOUR, "alice", 50)], &[]);
    check(
        rule(),
        &[get(24 * SECOND, "alice", 50), get(24 * HOUR + 23 * SECOND, "alice", 50)],
        &["create 100 at 86400 level 1"],
    );
}

#[test]
fn a_finding_shows_the_window_that_crossed() {
    let mut rule = large_download();
    rule.collect = vec![
        ("sample".to_owned(), "who".to_owned(), Collect::Distinct(1)),
        ("most".to_owned(), "bytes".to_owned(), Collect::Max),
    ];
    let events = [get(0, "alice", 90), get(5 * MINUTE, "alice", 30), get(11 * MINUTE, "alice", 75)];

    let (_, findings) = run(&[rule], &events);

    let first = &findings[0];
    assert_eq!((first.amount, first.count, first.threshold), (120, 2, Some(100)));
    assert_eq!(first.first_seen.as_millis(), 0);
    assert_eq!(first.last_seen.as_millis(), 5 * MINUTE);
    let window = first.window.unwrap();
    assert_eq!((window.start.as_millis(), window.end.as_millis()), (-5 * MINUTE, 5 * MINUTE));
    assert_eq!(first.events.len(), 2);
    let collected: Vec<_> = first.collected.iter().map(|(_, value)| value.clone()).collect();
    let sample = Collected::Values(vec!["alice".to_owned()]);
    assert_eq!(collected, [sample, Collected::Amount(Some(90))]);
}

#[test]
fn rules_with_one_state_between_them_add_an_event_once() {
    // Two rules that differ only in their thresholds: the table gives them one state.
    let lenient = large_download();
    let mut strict = large_download();
    strict.kind = Kind::Window {
        sliding: true,
        span: 10 * MINUTE,
        measure: Measure::Sum("bytes".to_owned()),
        tiers: vec![(150, 4)],
        asks: None,
    };
    let both = |event: Event| Event { rules: vec![0, 1], ..event };
    let mut table = Table::new(&[lenient, strict]);
    table.share_state();
    let table = Arc::new(table);
    let limits = limits(SETTINGS, 1 << 20);
    let mut engine = Engine::open(table.clone(), limits, MemoryStore::default()).unwrap();
    let mut findings = Vec::new();
    for event in [both(get(0, "alice", 100)), both(get(1, "alice", 49)), both(get(2, "alice", 1))] {
        engine.step(&table.event(&event), &origin(&event, 0), &mut findings).unwrap();
    }
    let said: Vec<_> = findings.iter().map(|finding| (finding.rule.0, finding.amount)).collect();
    assert_eq!(said, [(0, 100), (1, 150)]);
    assert_eq!(engine.groups(), 1);
}

/// Fewer than three events in ten minutes from the epoch on, by `who`.
fn few() -> Rule {
    let kind = Kind::Window {
        sliding: false,
        span: 10 * MINUTE,
        measure: Measure::Count,
        tiers: vec![(0, 1)],
        asks: Some(vec![(Ask::Below, 3)]),
    };
    Rule { kind, ..large_download() }
}

#[test]
fn a_window_that_may_turn_false_again_is_judged_once_no_event_of_it_counts_any_more() {
    let events = [get(0, "alice", 1), get(9 * MINUTE, "alice", 1)];
    let closes = 10 * MINUTE + HOUR;
    let before = [&events[..], &[tick(closes - 1)]].concat();
    check(few(), &before, &[]);
    check(few(), &[&before[..], &[tick(closes)]].concat(), &["create 2 at 0 level 1"]);
    // At its last moment a third one arrives.
    let third = get(10 * MINUTE - 1, "alice", 1);
    check(few(), &[&before[..], &[third, tick(closes)]].concat(), &[]);
}

#[test]
fn a_group_without_an_event_has_no_window_and_one_window_is_judged_once() {
    let events =
        [get(0, "alice", 1), tick(10 * HOUR), get(0, "alice", 2), tick(20 * HOUR), tick(30 * HOUR)];
    let (outcomes, findings) = run(&[few()], &events);
    assert_eq!(outcomes[2], Outcome::Late);
    assert_eq!(findings.len(), 1);
    let finding = &findings[0];
    let window = finding.window.unwrap();
    assert_eq!((window.start.as_millis(), window.end.as_millis()), (0, 10 * MINUTE));
    assert_eq!((finding.count, finding.threshold), (1, None));
    assert_eq!(finding.origin.offset.0, 0, "the event that contributed, not the one that closed");
    assert_eq!(&*finding.trigger, b"alice 1 at 0");
}

#[test]
fn a_closed_window_shows_the_last_event_that_contributed_however_many_windows_close_at_once() {
    let rule = Rule { collect: vec![("n".into(), "bytes".into(), Collect::Different)], ..few() };
    let events = [
        get(11 * MINUTE, "alice", 7),
        get(MINUTE, "alice", 5),
        get(12 * MINUTE, "alice", 7),
        get(2 * MINUTE, "bob", 1),
        tick(9 * HOUR),
    ];
    let (_, findings) = run(&[Rule { period: MINUTE, ..rule }], &events);
    let mut shown: Vec<_> = findings
        .iter()
        .map(|one| (one.opened.as_millis() / MINUTE, one.count, &*one.trigger, &one.collected))
        .map(|(at, count, trigger, collected)| {
            let Collected::Amount(Some(different)) = collected[0].1 else { panic!("a number") };
            (at, count, String::from_utf8(trigger.to_vec()).unwrap(), different)
        })
        .collect();
    assert!(shown.is_sorted_by_key(|one| one.0), "as they close");
    shown.sort();
    assert_eq!(
        shown,
        [
            (0, 1, "alice 5 at 60000".to_owned(), 1),
            (0, 1, "bob 1 at 120000".to_owned(), 1),
            (10, 2, "alice 7 at 720000".to_owned(), 1)
        ]
    );
}

#[test]
fn consecutive_windows_within_the_period_are_one_finding_that_escalates() {
    let kind = Kind::Window {
        sliding: false,
        span: 10 * MINUTE,
        measure: Measure::Mean("bytes".to_owned()),
        tiers: vec![(10, 1), (20, 3)],
        asks: Some(vec![(Ask::AtLeast, 10)]),
    };
    let events = [
        get(0, "alice", 9),
        get(1, "alice", 12),
        get(10 * MINUTE, "alice", 9),
        get(20 * MINUTE, "alice", 25),
        tick(9 * HOUR),
    ];
    check(
        Rule { kind, ..large_download() },
        &events,
        &["create 11 at 0 level 1", "escalate 25 at 0 level 3"],
    );
}

#[test]
fn what_a_closed_window_found_counts_at_its_start_though_that_is_long_ago() {
    // Two windows of ten minutes with few events, within an hour.
    let inner = Rule { feeds: vec![(1, 0)], silent: true, ..few() };
    let kind = Kind::Window {
        sliding: true,
        span: HOUR,
        measure: Measure::Count,
        tiers: vec![(2, 2)],
        asks: None,
    };
    let outer = Rule { kind, lateness: Some(0), ..large_download() };
    let events = [get(0, "alice", 1), get(25 * MINUTE, "alice", 1), tick(3 * HOUR), tick(9 * HOUR)];
    let (_, findings) = run(&[inner, outer], &events);
    let said: Vec<_> =
        findings.iter().map(|one| (one.rule.0, one.amount, one.opened.as_millis())).collect();
    assert_eq!(said, [(1, 2, 20 * MINUTE)]);
}
